-- Queries of pg_catalog's views. A comment that names the view begins each one; the output columns are PostgreSQL 15's.
-- Relations are written with their schema, because a view's names must not depend on the reader's search_path.

-- view pg_roles
SELECT a.rolname, a.rolsuper, a.rolinherit, a.rolcreaterole, a.rolcreatedb, a.rolcanlogin, a.rolreplication,
       a.rolconnlimit, '********'::text AS rolpassword, a.rolvaliduntil, a.rolbypassrls, s.setconfig AS rolconfig, a.oid
FROM pg_catalog.pg_authid a
     LEFT JOIN pg_catalog.pg_db_role_setting s ON s.setrole = a.oid AND s.setdatabase = 0

-- view pg_shadow
SELECT a.rolname AS usename, a.oid AS usesysid, a.rolcreatedb AS usecreatedb, a.rolsuper AS usesuper,
       a.rolreplication AS userepl, a.rolbypassrls AS usebypassrls, a.rolpassword AS passwd,
       a.rolvaliduntil AS valuntil, s.setconfig AS useconfig
FROM pg_catalog.pg_authid a
     LEFT JOIN pg_catalog.pg_db_role_setting s ON s.setrole = a.oid AND s.setdatabase = 0
WHERE a.rolcanlogin

-- view pg_user
SELECT usename, usesysid, usecreatedb, usesuper, userepl, usebypassrls, '********'::text AS passwd, valuntil, useconfig
FROM pg_catalog.pg_shadow

-- view pg_group
SELECT a.rolname AS groname, a.oid AS grosysid,
       ARRAY(SELECT m.member FROM pg_catalog.pg_auth_members m WHERE m.roleid = a.oid) AS grolist
FROM pg_catalog.pg_authid a
WHERE NOT a.rolcanlogin

-- view pg_policies
SELECT n.nspname AS schemaname, c.relname AS tablename, p.polname AS policyname,
       CASE WHEN p.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END AS permissive,
       CASE WHEN p.polroles = '{0}'::oid[] THEN '{public}'::name[]
            ELSE ARRAY(SELECT a.rolname FROM pg_catalog.pg_authid a WHERE a.oid = ANY (p.polroles) ORDER BY a.rolname)
       END AS roles,
       CASE p.polcmd WHEN 'r'::"char" THEN 'SELECT' WHEN 'a'::"char" THEN 'INSERT' WHEN 'w'::"char" THEN 'UPDATE'
                     WHEN 'd'::"char" THEN 'DELETE' WHEN '*'::"char" THEN 'ALL' END AS cmd,
       pg_get_expr(p.polqual, p.polrelid) AS qual, pg_get_expr(p.polwithcheck, p.polrelid) AS with_check
FROM pg_catalog.pg_policy p
     JOIN pg_catalog.pg_class c ON c.oid = p.polrelid
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace

-- view pg_rules
SELECT n.nspname AS schemaname, c.relname AS tablename, r.rulename, pg_get_ruledef(r.oid) AS definition
FROM pg_catalog.pg_rewrite r
     JOIN pg_catalog.pg_class c ON c.oid = r.ev_class
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE r.rulename <> '_RETURN'::name

-- view pg_views
SELECT n.nspname AS schemaname, c.relname AS viewname, pg_get_userbyid(c.relowner) AS viewowner,
       pg_get_viewdef(c.oid) AS definition
FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'v'::"char"

-- view pg_tables
SELECT n.nspname AS schemaname, c.relname AS tablename, pg_get_userbyid(c.relowner) AS tableowner,
       t.spcname AS tablespace, c.relhasindex AS hasindexes, c.relhasrules AS hasrules,
       c.relhastriggers AS hastriggers, c.relrowsecurity AS rowsecurity
FROM pg_catalog.pg_class c
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_catalog.pg_tablespace t ON t.oid = c.reltablespace
WHERE c.relkind IN ('r'::"char", 'p'::"char")

-- view pg_matviews
SELECT n.nspname AS schemaname, c.relname AS matviewname, pg_get_userbyid(c.relowner) AS matviewowner,
       t.spcname AS tablespace, c.relhasindex AS hasindexes, c.relispopulated AS ispopulated,
       pg_get_viewdef(c.oid) AS definition
FROM pg_catalog.pg_class c
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_catalog.pg_tablespace t ON t.oid = c.reltablespace
WHERE c.relkind = 'm'::"char"

-- view pg_indexes
SELECT n.nspname AS schemaname, c.relname AS tablename, i.relname AS indexname, t.spcname AS tablespace,
       pg_get_indexdef(i.oid) AS indexdef
FROM pg_catalog.pg_index x
     JOIN pg_catalog.pg_class c ON c.oid = x.indrelid
     JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_catalog.pg_tablespace t ON t.oid = i.reltablespace
WHERE c.relkind IN ('r'::"char", 'm'::"char", 'p'::"char") AND i.relkind IN ('i'::"char", 'I'::"char")

-- view pg_sequences
SELECT n.nspname AS schemaname, c.relname AS sequencename, pg_get_userbyid(c.relowner) AS sequenceowner,
       s.seqtypid::regtype AS data_type, s.seqstart AS start_value, s.seqmin AS min_value, s.seqmax AS max_value,
       s.seqincrement AS increment_by, s.seqcycle AS cycle, s.seqcache AS cache_size,
       CASE WHEN has_sequence_privilege(c.oid, 'SELECT,USAGE'::text) THEN pg_sequence_last_value(c.oid)
            ELSE NULL::bigint END AS last_value
FROM pg_catalog.pg_sequence s
     JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE NOT pg_is_other_temp_schema(n.oid) AND c.relkind = 'S'::"char"

-- view pg_stats
SELECT n.nspname AS schemaname, c.relname AS tablename, a.attname, s.stainherit AS inherited,
       s.stanullfrac AS null_frac, s.stawidth AS avg_width, s.stadistinct AS n_distinct,
       CASE 1 WHEN s.stakind1 THEN s.stavalues1 WHEN s.stakind2 THEN s.stavalues2 WHEN s.stakind3 THEN s.stavalues3
              WHEN s.stakind4 THEN s.stavalues4 WHEN s.stakind5 THEN s.stavalues5 END AS most_common_vals,
       CASE 1 WHEN s.stakind1 THEN s.stanumbers1 WHEN s.stakind2 THEN s.stanumbers2 WHEN s.stakind3 THEN s.stanumbers3
              WHEN s.stakind4 THEN s.stanumbers4 WHEN s.stakind5 THEN s.stanumbers5 END AS most_common_freqs,
       CASE 2 WHEN s.stakind1 THEN s.stavalues1 WHEN s.stakind2 THEN s.stavalues2 WHEN s.stakind3 THEN s.stavalues3
              WHEN s.stakind4 THEN s.stavalues4 WHEN s.stakind5 THEN s.stavalues5 END AS histogram_bounds,
       CASE 3 WHEN s.stakind1 THEN s.stanumbers1[1] WHEN s.stakind2 THEN s.stanumbers2[1]
              WHEN s.stakind3 THEN s.stanumbers3[1] WHEN s.stakind4 THEN s.stanumbers4[1]
              WHEN s.stakind5 THEN s.stanumbers5[1] END AS correlation,
       CASE 4 WHEN s.stakind1 THEN s.stavalues1 WHEN s.stakind2 THEN s.stavalues2 WHEN s.stakind3 THEN s.stavalues3
              WHEN s.stakind4 THEN s.stavalues4 WHEN s.stakind5 THEN s.stavalues5 END AS most_common_elems,
       CASE 4 WHEN s.stakind1 THEN s.stanumbers1 WHEN s.stakind2 THEN s.stanumbers2 WHEN s.stakind3 THEN s.stanumbers3
              WHEN s.stakind4 THEN s.stanumbers4 WHEN s.stakind5 THEN s.stanumbers5 END AS most_common_elem_freqs,
       CASE 5 WHEN s.stakind1 THEN s.stanumbers1 WHEN s.stakind2 THEN s.stanumbers2 WHEN s.stakind3 THEN s.stanumbers3
              WHEN s.stakind4 THEN s.stanumbers4 WHEN s.stakind5 THEN s.stanumbers5 END AS elem_count_histogram
FROM pg_catalog.pg_statistic s
     JOIN pg_catalog.pg_class c ON c.oid = s.starelid
     JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = s.staattnum
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE NOT a.attisdropped AND has_column_privilege(c.oid, a.attnum, 'select'::text)
      AND (NOT c.relrowsecurity OR NOT row_security_active(c.oid))

-- view pg_stats_ext
SELECT n.nspname AS schemaname, c.relname AS tablename, sn.nspname AS statistics_schemaname,
       s.stxname AS statistics_name, pg_get_userbyid(s.stxowner) AS statistics_owner,
       (SELECT array_agg(a.attname ORDER BY a.attnum)
        FROM unnest(s.stxkeys) AS k(attnum)
             JOIN pg_catalog.pg_attribute a ON a.attrelid = s.stxrelid AND a.attnum = k.attnum) AS attnames,
       pg_get_statisticsobjdef_expressions(s.oid) AS exprs, s.stxkind AS kinds, d.stxdinherit AS inherited,
       d.stxdndistinct AS n_distinct, d.stxddependencies AS dependencies, m.most_common_vals,
       m.most_common_val_nulls, m.most_common_freqs, m.most_common_base_freqs
FROM pg_catalog.pg_statistic_ext s
     JOIN pg_catalog.pg_class c ON c.oid = s.stxrelid
     JOIN pg_catalog.pg_statistic_ext_data d ON d.stxoid = s.oid
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_catalog.pg_namespace sn ON sn.oid = s.stxnamespace
     LEFT JOIN LATERAL (SELECT array_agg(i.values) AS most_common_vals, array_agg(i.nulls) AS most_common_val_nulls,
                               array_agg(i.frequency) AS most_common_freqs,
                               array_agg(i.base_frequency) AS most_common_base_freqs
                        FROM pg_mcv_list_items(d.stxdmcv) AS i) AS m ON d.stxdmcv IS NOT NULL
WHERE pg_has_role(c.relowner, 'USAGE'::text) AND (NOT c.relrowsecurity OR NOT row_security_active(c.oid))

-- view pg_stats_ext_exprs
SELECT n.nspname AS schemaname, c.relname AS tablename, sn.nspname AS statistics_schemaname,
       s.stxname AS statistics_name, pg_get_userbyid(s.stxowner) AS statistics_owner, e.expr,
       d.stxdinherit AS inherited, (e.st).stanullfrac AS null_frac, (e.st).stawidth AS avg_width,
       (e.st).stadistinct AS n_distinct,
       CASE 1 WHEN (e.st).stakind1 THEN (e.st).stavalues1 WHEN (e.st).stakind2 THEN (e.st).stavalues2
              WHEN (e.st).stakind3 THEN (e.st).stavalues3 WHEN (e.st).stakind4 THEN (e.st).stavalues4
              WHEN (e.st).stakind5 THEN (e.st).stavalues5 END AS most_common_vals,
       CASE 1 WHEN (e.st).stakind1 THEN (e.st).stanumbers1 WHEN (e.st).stakind2 THEN (e.st).stanumbers2
              WHEN (e.st).stakind3 THEN (e.st).stanumbers3 WHEN (e.st).stakind4 THEN (e.st).stanumbers4
              WHEN (e.st).stakind5 THEN (e.st).stanumbers5 END AS most_common_freqs,
       CASE 2 WHEN (e.st).stakind1 THEN (e.st).stavalues1 WHEN (e.st).stakind2 THEN (e.st).stavalues2
              WHEN (e.st).stakind3 THEN (e.st).stavalues3 WHEN (e.st).stakind4 THEN (e.st).stavalues4
              WHEN (e.st).stakind5 THEN (e.st).stavalues5 END AS histogram_bounds,
       CASE 3 WHEN (e.st).stakind1 THEN (e.st).stanumbers1[1] WHEN (e.st).stakind2 THEN (e.st).stanumbers2[1]
              WHEN (e.st).stakind3 THEN (e.st).stanumbers3[1] WHEN (e.st).stakind4 THEN (e.st).stanumbers4[1]
              WHEN (e.st).stakind5 THEN (e.st).stanumbers5[1] END AS correlation,
       CASE 4 WHEN (e.st).stakind1 THEN (e.st).stavalues1 WHEN (e.st).stakind2 THEN (e.st).stavalues2
              WHEN (e.st).stakind3 THEN (e.st).stavalues3 WHEN (e.st).stakind4 THEN (e.st).stavalues4
              WHEN (e.st).stakind5 THEN (e.st).stavalues5 END AS most_common_elems,
       CASE 4 WHEN (e.st).stakind1 THEN (e.st).stanumbers1 WHEN (e.st).stakind2 THEN (e.st).stanumbers2
              WHEN (e.st).stakind3 THEN (e.st).stanumbers3 WHEN (e.st).stakind4 THEN (e.st).stanumbers4
              WHEN (e.st).stakind5 THEN (e.st).stanumbers5 END AS most_common_elem_freqs,
       CASE 5 WHEN (e.st).stakind1 THEN (e.st).stanumbers1 WHEN (e.st).stakind2 THEN (e.st).stanumbers2
              WHEN (e.st).stakind3 THEN (e.st).stanumbers3 WHEN (e.st).stakind4 THEN (e.st).stanumbers4
              WHEN (e.st).stakind5 THEN (e.st).stanumbers5 END AS elem_count_histogram
FROM pg_catalog.pg_statistic_ext s
     JOIN pg_catalog.pg_class c ON c.oid = s.stxrelid
     LEFT JOIN pg_catalog.pg_statistic_ext_data d ON d.stxoid = s.oid
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_catalog.pg_namespace sn ON sn.oid = s.stxnamespace
     JOIN LATERAL (SELECT unnest(pg_get_statisticsobjdef_expressions(s.oid)) AS expr,
                          unnest(d.stxdexpr) AS st) AS e ON e.expr IS NOT NULL
WHERE pg_has_role(c.relowner, 'USAGE'::text) AND (NOT c.relrowsecurity OR NOT row_security_active(c.oid))

-- view pg_publication_tables
SELECT p.pubname, n.nspname AS schemaname, c.relname AS tablename,
       (SELECT array_agg(a.attname ORDER BY a.attnum)
        FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = g.relid AND a.attnum > 0 AND NOT a.attisdropped
              AND (g.attrs IS NULL OR a.attnum = ANY (g.attrs))) AS attnames,
       pg_get_expr(g.qual, g.relid) AS rowfilter
FROM pg_catalog.pg_publication p,
     LATERAL pg_get_publication_tables(p.pubname::text) AS g,
     pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = g.relid

-- view pg_locks
SELECT l.locktype, l.database, l.relation, l.page, l.tuple, l.virtualxid, l.transactionid, l.classid, l.objid,
       l.objsubid, l.virtualtransaction, l.pid, l.mode, l.granted, l.fastpath, l.waitstart
FROM pg_lock_status() AS l

-- view pg_cursors
SELECT c.name, c.statement, c.is_holdable, c.is_binary, c.is_scrollable, c.creation_time FROM pg_cursor() AS c

-- view pg_prepared_xacts
SELECT p.transaction, p.gid, p.prepared, a.rolname AS owner, d.datname AS database
FROM pg_prepared_xact() AS p
     LEFT JOIN pg_catalog.pg_authid a ON a.oid = p.ownerid
     LEFT JOIN pg_catalog.pg_database d ON d.oid = p.dbid

-- view pg_prepared_statements
SELECT p.name, p.statement, p.prepare_time, p.parameter_types, p.from_sql, p.generic_plans, p.custom_plans
FROM pg_prepared_statement() AS p

-- view pg_settings
SELECT s.name, s.setting, s.unit, s.category, s.short_desc, s.extra_desc, s.context, s.vartype, s.source, s.min_val,
       s.max_val, s.enumvals, s.boot_val, s.reset_val, s.sourcefile, s.sourceline, s.pending_restart
FROM pg_show_all_settings() AS s

-- view pg_file_settings
SELECT f.sourcefile, f.sourceline, f.seqno, f.name, f.setting, f.applied, f.error FROM pg_show_all_file_settings() AS f

-- view pg_hba_file_rules
SELECT h.line_number, h.type, h.database, h.user_name, h.address, h.netmask, h.auth_method, h.options, h.error
FROM pg_hba_file_rules() AS h

-- view pg_ident_file_mappings
SELECT i.line_number, i.map_name, i.sys_name, i.pg_username, i.error FROM pg_ident_file_mappings() AS i

-- view pg_timezone_abbrevs
SELECT z.abbrev, z.utc_offset, z.is_dst FROM pg_timezone_abbrevs() AS z

-- view pg_timezone_names
SELECT z.name, z.abbrev, z.utc_offset, z.is_dst FROM pg_timezone_names() AS z

-- view pg_config
SELECT c.name, c.setting FROM pg_config() AS c

-- view pg_shmem_allocations
SELECT m.name, m.off, m.size, m.allocated_size FROM pg_get_shmem_allocations() AS m

-- view pg_backend_memory_contexts
SELECT m.name, m.ident, m.parent, m.level, m.total_bytes, m.total_nblocks, m.free_bytes, m.free_chunks, m.used_bytes
FROM pg_get_backend_memory_contexts() AS m

-- view pg_available_extensions
SELECT e.name, e.default_version, x.extversion AS installed_version, e.comment
FROM pg_available_extensions() AS e LEFT JOIN pg_catalog.pg_extension x ON x.extname = e.name

-- view pg_available_extension_versions
SELECT e.name, e.version, x.extname IS NOT NULL AS installed, e.superuser, e.trusted, e.relocatable, e.schema,
       e.requires, e.comment
FROM pg_available_extension_versions() AS e
     LEFT JOIN pg_catalog.pg_extension x ON x.extname = e.name AND x.extversion = e.version

-- view pg_seclabels
SELECT l.objoid, l.classoid, l.objsubid,
       CASE WHEN l.objsubid <> 0 THEN 'column'
            WHEN l.classoid = 'pg_catalog.pg_class'::regclass THEN
                CASE c.relkind WHEN 'v'::"char" THEN 'view' WHEN 'm'::"char" THEN 'materialized view'
                               WHEN 'S'::"char" THEN 'sequence' WHEN 'f'::"char" THEN 'foreign table' ELSE 'table' END
            ELSE i.type END AS objtype,
       CASE WHEN l.classoid = 'pg_catalog.pg_class'::regclass THEN c.relnamespace END AS objnamespace,
       i.identity AS objname, l.provider, l.label
FROM pg_catalog.pg_seclabel l
     LEFT JOIN pg_catalog.pg_class c ON l.classoid = 'pg_catalog.pg_class'::regclass AND c.oid = l.objoid,
     LATERAL pg_identify_object(l.classoid, l.objoid, l.objsubid) AS i
UNION ALL
SELECT l.objoid, l.classoid, 0, i.type, NULL::oid, i.identity, l.provider, l.label
FROM pg_catalog.pg_shseclabel l, LATERAL pg_identify_object(l.classoid, l.objoid, 0) AS i

-- view pg_user_mappings
SELECT u.oid AS umid, s.oid AS srvid, s.srvname, u.umuser,
       CASE WHEN u.umuser = 0 THEN 'public'::name ELSE a.rolname END AS usename,
       CASE WHEN (u.umuser <> 0 AND a.rolname = current_user
                  AND (pg_has_role(s.srvowner, 'USAGE'::text) OR has_server_privilege(s.oid, 'USAGE'::text)))
                 OR (u.umuser = 0 AND pg_has_role(s.srvowner, 'USAGE'::text))
                 OR (SELECT r.rolsuper FROM pg_catalog.pg_authid r WHERE r.rolname = current_user)
            THEN u.umoptions ELSE NULL::text[] END AS umoptions
FROM pg_catalog.pg_user_mapping u
     JOIN pg_catalog.pg_foreign_server s ON s.oid = u.umserver
     LEFT JOIN pg_catalog.pg_authid a ON a.oid = u.umuser

-- view pg_replication_slots
SELECT r.slot_name, r.plugin, r.slot_type, r.datoid, d.datname AS database, r.temporary, r.active, r.active_pid,
       r.xmin, r.catalog_xmin, r.restart_lsn, r.confirmed_flush_lsn, r.wal_status, r.safe_wal_size, r.two_phase
FROM pg_get_replication_slots() AS r LEFT JOIN pg_catalog.pg_database d ON d.oid = r.datoid

-- view pg_replication_origin_status
SELECT o.local_id, o.external_id, o.remote_lsn, o.local_lsn FROM pg_show_replication_origin_status() AS o
