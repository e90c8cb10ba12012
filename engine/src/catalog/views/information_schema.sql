-- Queries of information_schema's views; see pg_catalog.sql. Output columns are converted to the declared types (domains
-- over name, varchar, varchar(3) and integer) when a view is read, so the texts need no casts for that.

-- view information_schema_catalog_name
SELECT current_database() AS catalog_name

-- view applicable_roles
SELECT g.rolname AS grantee, r.rolname AS role_name, CASE WHEN m.admin_option THEN 'YES' ELSE 'NO' END AS is_grantable
FROM (SELECT member, roleid, admin_option FROM pg_catalog.pg_auth_members
      UNION SELECT d.datdba, a.oid, false
      FROM pg_catalog.pg_authid a, pg_catalog.pg_database d
      WHERE a.rolname = 'pg_database_owner' AND d.datname = current_database()) AS m
     JOIN pg_catalog.pg_authid g ON g.oid = m.member
     JOIN pg_catalog.pg_authid r ON r.oid = m.roleid
WHERE pg_has_role(g.oid, 'USAGE'::text)

-- view administrable_role_authorizations
SELECT grantee, role_name, is_grantable FROM information_schema.applicable_roles WHERE is_grantable = 'YES'

-- view enabled_roles
SELECT a.rolname AS role_name FROM pg_catalog.pg_authid a WHERE pg_has_role(a.oid, 'USAGE'::text)

-- view character_sets
SELECT NULL::name AS character_set_catalog, NULL::name AS character_set_schema,
       getdatabaseencoding() AS character_set_name,
       CASE getdatabaseencoding() WHEN 'UTF8' THEN 'UCS' ELSE getdatabaseencoding() END AS character_repertoire,
       getdatabaseencoding() AS form_of_use, current_database() AS default_collate_catalog,
       n.nspname AS default_collate_schema, c.collname AS default_collate_name
FROM pg_catalog.pg_database d
     LEFT JOIN (pg_catalog.pg_collation c JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace)
         ON c.collcollate = d.datcollate AND c.collctype = d.datctype
WHERE d.datname = current_database()
ORDER BY char_length(c.collname), c.collname
LIMIT 1

-- view collations
SELECT current_database() AS collation_catalog, n.nspname AS collation_schema, c.collname AS collation_name,
       'NO PAD' AS pad_attribute
FROM pg_catalog.pg_collation c
     JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
     JOIN pg_catalog.pg_database d ON d.datname = current_database()
WHERE c.collencoding IN (-1, d.encoding)

-- view collation_character_set_applicability
SELECT current_database() AS collation_catalog, n.nspname AS collation_schema, c.collname AS collation_name,
       NULL::name AS character_set_catalog, NULL::name AS character_set_schema,
       getdatabaseencoding() AS character_set_name
FROM pg_catalog.pg_collation c
     JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
     JOIN pg_catalog.pg_database d ON d.datname = current_database()
WHERE c.collencoding IN (-1, d.encoding)

-- view schemata
SELECT current_database() AS catalog_name, n.nspname AS schema_name, a.rolname AS schema_owner,
       NULL::name AS default_character_set_catalog, NULL::name AS default_character_set_schema,
       NULL::name AS default_character_set_name, NULL::varchar AS sql_path
FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_authid a ON a.oid = n.nspowner
WHERE pg_has_role(n.nspowner, 'USAGE'::text) OR has_schema_privilege(n.oid, 'CREATE, USAGE'::text)

-- view tables
SELECT current_database() AS table_catalog, n.nspname AS table_schema, c.relname AS table_name,
       CASE WHEN n.oid = pg_my_temp_schema() THEN 'LOCAL TEMPORARY'
            ELSE CASE c.relkind WHEN 'v'::"char" THEN 'VIEW' WHEN 'f'::"char" THEN 'FOREIGN' ELSE 'BASE TABLE' END
       END AS table_type,
       NULL::name AS self_referencing_column_name, NULL::varchar AS reference_generation,
       CASE WHEN t.typname IS NOT NULL THEN current_database() END AS user_defined_type_catalog,
       tn.nspname AS user_defined_type_schema, t.typname AS user_defined_type_name,
       CASE WHEN c.relkind IN ('r'::"char", 'p'::"char")
                 OR (c.relkind IN ('v'::"char", 'f'::"char") AND pg_relation_is_updatable(c.oid, false) & 8 = 8)
            THEN 'YES' ELSE 'NO' END AS is_insertable_into,
       CASE WHEN t.typname IS NOT NULL THEN 'YES' ELSE 'NO' END AS is_typed, NULL::varchar AS commit_action
FROM pg_catalog.pg_class c
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN (pg_catalog.pg_type t JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace) ON t.oid = c.reloftype
WHERE c.relkind IN ('r'::"char", 'v'::"char", 'f'::"char", 'p'::"char") AND NOT pg_is_other_temp_schema(n.oid)
      AND (pg_has_role(c.relowner, 'USAGE'::text)
           OR has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER'::text)
           OR has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'::text))

-- view columns
SELECT current_database() AS table_catalog, x.nspname AS table_schema, x.relname AS table_name,
       x.attname AS column_name, x.attnum AS ordinal_position,
       CASE WHEN x.attgenerated = ''::"char" THEN pg_get_expr(x.adbin, x.adrelid) END AS column_default,
       CASE WHEN x.attnotnull OR (x.typtype = 'd'::"char" AND x.typnotnull) THEN 'NO' ELSE 'YES' END AS is_nullable,
       CASE WHEN x.truearray THEN 'ARRAY' WHEN x.trueschema = 'pg_catalog' THEN format_type(x.truetype, NULL::integer)
            ELSE 'USER-DEFINED' END AS data_type,
       information_schema._pg_char_max_length(x.truetype, x.truemod) AS character_maximum_length,
       information_schema._pg_char_octet_length(x.truetype, x.truemod) AS character_octet_length,
       information_schema._pg_numeric_precision(x.truetype, x.truemod) AS numeric_precision,
       information_schema._pg_numeric_precision_radix(x.truetype, x.truemod) AS numeric_precision_radix,
       information_schema._pg_numeric_scale(x.truetype, x.truemod) AS numeric_scale,
       information_schema._pg_datetime_precision(x.truetype, x.truemod) AS datetime_precision,
       information_schema._pg_interval_type(x.truetype, x.truemod) AS interval_type,
       NULL::integer AS interval_precision, NULL::name AS character_set_catalog, NULL::name AS character_set_schema,
       NULL::name AS character_set_name, CASE WHEN x.collschema IS NOT NULL THEN current_database() END AS collation_catalog,
       x.collschema AS collation_schema, x.collname AS collation_name,
       CASE WHEN x.typtype = 'd'::"char" THEN current_database() END AS domain_catalog,
       CASE WHEN x.typtype = 'd'::"char" THEN x.typeschema END AS domain_schema,
       CASE WHEN x.typtype = 'd'::"char" THEN x.typname END AS domain_name,
       current_database() AS udt_catalog, x.trueschema AS udt_schema, x.truename AS udt_name,
       NULL::name AS scope_catalog, NULL::name AS scope_schema, NULL::name AS scope_name,
       NULL::integer AS maximum_cardinality, x.attnum AS dtd_identifier, 'NO' AS is_self_referencing,
       CASE WHEN x.attidentity IN ('a'::"char", 'd'::"char") THEN 'YES' ELSE 'NO' END AS is_identity,
       CASE x.attidentity WHEN 'a'::"char" THEN 'ALWAYS' WHEN 'd'::"char" THEN 'BY DEFAULT' END AS identity_generation,
       x.seqstart AS identity_start, x.seqincrement AS identity_increment, x.seqmax AS identity_maximum,
       x.seqmin AS identity_minimum, CASE WHEN x.seqcycle THEN 'YES' ELSE 'NO' END AS identity_cycle,
       CASE WHEN x.attgenerated <> ''::"char" THEN 'ALWAYS' ELSE 'NEVER' END AS is_generated,
       CASE WHEN x.attgenerated <> ''::"char" THEN pg_get_expr(x.adbin, x.adrelid) END AS generation_expression,
       CASE WHEN x.relkind IN ('r'::"char", 'p'::"char")
                 OR (x.relkind IN ('v'::"char", 'f'::"char") AND pg_column_is_updatable(x.reloid, x.attnum, false))
            THEN 'YES' ELSE 'NO' END AS is_updatable
FROM (SELECT c.oid AS reloid, c.relname, c.relkind, n.nspname, a.attname, a.attnum, a.attnotnull, a.attidentity,
             a.attgenerated, d.adbin, d.adrelid, t.typtype, t.typname, t.typnotnull, tn.nspname AS typeschema,
             CASE WHEN t.typtype = 'd'::"char" THEN t.typbasetype ELSE a.atttypid END AS truetype,
             CASE WHEN t.typtype = 'd'::"char" THEN t.typtypmod ELSE a.atttypmod END AS truemod,
             CASE WHEN t.typtype = 'd'::"char" THEN b.typelem <> 0 AND b.typlen = -1
                  ELSE t.typelem <> 0 AND t.typlen = -1 END AS truearray,
             coalesce(bn.nspname, tn.nspname) AS trueschema, coalesce(b.typname, t.typname) AS truename,
             cn.nspname AS collschema, co.collname, s.seqstart, s.seqincrement, s.seqmax, s.seqmin, s.seqcycle
      FROM pg_catalog.pg_attribute a
           JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
           JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
           LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
           LEFT JOIN (pg_catalog.pg_type b JOIN pg_catalog.pg_namespace bn ON bn.oid = b.typnamespace)
               ON t.typtype = 'd'::"char" AND b.oid = t.typbasetype
           LEFT JOIN (pg_catalog.pg_collation co JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace)
               ON co.oid = a.attcollation AND (cn.nspname, co.collname) <> ('pg_catalog', 'default')
           LEFT JOIN (pg_catalog.pg_depend p JOIN pg_catalog.pg_sequence s ON s.seqrelid = p.objid)
               ON p.classid = 'pg_catalog.pg_class'::regclass AND p.refclassid = 'pg_catalog.pg_class'::regclass
                  AND p.refobjid = c.oid AND p.refobjsubid = a.attnum AND p.deptype = 'i'::"char"
      WHERE a.attnum > 0 AND NOT a.attisdropped
            AND c.relkind IN ('r'::"char", 'v'::"char", 'f'::"char", 'p'::"char") AND NOT pg_is_other_temp_schema(n.oid)
            AND (pg_has_role(c.relowner, 'USAGE'::text)
                 OR has_column_privilege(c.oid, a.attnum, 'SELECT, INSERT, UPDATE, REFERENCES'::text))) AS x

-- view attributes
SELECT current_database() AS udt_catalog, x.nspname AS udt_schema, x.relname AS udt_name,
       x.attname AS attribute_name, x.attnum AS ordinal_position, x.attdefault AS attribute_default,
       CASE WHEN x.notnull THEN 'NO' ELSE 'YES' END AS is_nullable,
       CASE WHEN x.isarray THEN 'ARRAY' WHEN x.typeschema = 'pg_catalog' THEN format_type(x.atttypid, NULL::integer)
            ELSE 'USER-DEFINED' END AS data_type,
       information_schema._pg_char_max_length(x.truetype, x.truemod) AS character_maximum_length,
       information_schema._pg_char_octet_length(x.truetype, x.truemod) AS character_octet_length,
       NULL::name AS character_set_catalog, NULL::name AS character_set_schema, NULL::name AS character_set_name,
       CASE WHEN x.collschema IS NOT NULL THEN current_database() END AS collation_catalog,
       x.collschema AS collation_schema, x.collname AS collation_name,
       information_schema._pg_numeric_precision(x.truetype, x.truemod) AS numeric_precision,
       information_schema._pg_numeric_precision_radix(x.truetype, x.truemod) AS numeric_precision_radix,
       information_schema._pg_numeric_scale(x.truetype, x.truemod) AS numeric_scale,
       information_schema._pg_datetime_precision(x.truetype, x.truemod) AS datetime_precision,
       information_schema._pg_interval_type(x.truetype, x.truemod) AS interval_type,
       NULL::integer AS interval_precision, current_database() AS attribute_udt_catalog,
       x.typeschema AS attribute_udt_schema, x.typname AS attribute_udt_name, NULL::name AS scope_catalog,
       NULL::name AS scope_schema, NULL::name AS scope_name, NULL::integer AS maximum_cardinality,
       x.attnum AS dtd_identifier, 'NO' AS is_derived_reference_attribute
FROM (SELECT n.nspname, c.relname, a.attname, a.attnum, pg_get_expr(d.adbin, d.adrelid) AS attdefault,
             a.attnotnull OR (t.typtype = 'd'::"char" AND t.typnotnull) AS notnull,
             CASE WHEN t.typtype = 'd'::"char" THEN t.typbasetype ELSE a.atttypid END AS truetype,
             CASE WHEN t.typtype = 'd'::"char" THEN t.typtypmod ELSE a.atttypmod END AS truemod,
             t.typelem <> 0 AND t.typlen = -1 AS isarray, a.atttypid, tn.nspname AS typeschema, t.typname,
             cn.nspname AS collschema, co.collname
      FROM pg_catalog.pg_attribute a
           JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
           JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
           LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
           LEFT JOIN (pg_catalog.pg_collation co JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace)
               ON co.oid = a.attcollation AND (cn.nspname, co.collname) <> ('pg_catalog', 'default')
      WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind = 'c'::"char"
            AND (pg_has_role(c.relowner, 'USAGE'::text) OR has_type_privilege(c.reltype, 'USAGE'::text))) AS x

-- view domains
SELECT current_database() AS domain_catalog, n.nspname AS domain_schema, t.typname AS domain_name,
       CASE WHEN b.typelem <> 0 AND b.typlen = -1 THEN 'ARRAY'
            WHEN bn.nspname = 'pg_catalog' THEN format_type(t.typbasetype, NULL::integer)
            ELSE 'USER-DEFINED' END AS data_type,
       information_schema._pg_char_max_length(t.typbasetype, t.typtypmod) AS character_maximum_length,
       information_schema._pg_char_octet_length(t.typbasetype, t.typtypmod) AS character_octet_length,
       NULL::name AS character_set_catalog, NULL::name AS character_set_schema, NULL::name AS character_set_name,
       CASE WHEN cn.nspname IS NOT NULL THEN current_database() END AS collation_catalog,
       cn.nspname AS collation_schema, co.collname AS collation_name,
       information_schema._pg_numeric_precision(t.typbasetype, t.typtypmod) AS numeric_precision,
       information_schema._pg_numeric_precision_radix(t.typbasetype, t.typtypmod) AS numeric_precision_radix,
       information_schema._pg_numeric_scale(t.typbasetype, t.typtypmod) AS numeric_scale,
       information_schema._pg_datetime_precision(t.typbasetype, t.typtypmod) AS datetime_precision,
       information_schema._pg_interval_type(t.typbasetype, t.typtypmod) AS interval_type,
       NULL::integer AS interval_precision, t.typdefault AS domain_default, current_database() AS udt_catalog,
       bn.nspname AS udt_schema, b.typname AS udt_name, NULL::name AS scope_catalog, NULL::name AS scope_schema,
       NULL::name AS scope_name, NULL::integer AS maximum_cardinality, 1 AS dtd_identifier
FROM pg_catalog.pg_type t
     JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
     JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype
     JOIN pg_catalog.pg_namespace bn ON bn.oid = b.typnamespace
     LEFT JOIN (pg_catalog.pg_collation co JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace)
         ON co.oid = t.typcollation AND (cn.nspname, co.collname) <> ('pg_catalog', 'default')
WHERE t.typtype = 'd'::"char"
      AND (pg_has_role(t.typowner, 'USAGE'::text) OR has_type_privilege(t.oid, 'USAGE'::text))

-- view domain_constraints
SELECT current_database() AS constraint_catalog, cn.nspname AS constraint_schema, c.conname AS constraint_name,
       current_database() AS domain_catalog, n.nspname AS domain_schema, t.typname AS domain_name,
       CASE WHEN c.condeferrable THEN 'YES' ELSE 'NO' END AS is_deferrable,
       CASE WHEN c.condeferred THEN 'YES' ELSE 'NO' END AS initially_deferred
FROM pg_catalog.pg_constraint c
     JOIN pg_catalog.pg_namespace cn ON cn.oid = c.connamespace
     JOIN pg_catalog.pg_type t ON t.oid = c.contypid
     JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
WHERE pg_has_role(t.typowner, 'USAGE'::text) OR has_type_privilege(t.oid, 'USAGE'::text)

-- view domain_udt_usage
SELECT current_database() AS udt_catalog, bn.nspname AS udt_schema, b.typname AS udt_name,
       current_database() AS domain_catalog, n.nspname AS domain_schema, t.typname AS domain_name
FROM pg_catalog.pg_type t
     JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
     JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype
     JOIN pg_catalog.pg_namespace bn ON bn.oid = b.typnamespace
WHERE t.typtype = 'd'::"char" AND pg_has_role(b.typowner, 'USAGE'::text)

-- view check_constraints
SELECT current_database() AS constraint_catalog, n.nspname AS constraint_schema, c.conname AS constraint_name,
       substring(pg_get_constraintdef(c.oid) from 7) AS check_clause
FROM pg_catalog.pg_constraint c
     LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace
     LEFT JOIN pg_catalog.pg_class r ON r.oid = c.conrelid
     LEFT JOIN pg_catalog.pg_type t ON t.oid = c.contypid
WHERE pg_has_role(coalesce(r.relowner, t.typowner), 'USAGE'::text) AND c.contype = 'c'::"char"
UNION
SELECT current_database(), n.nspname,
       n.oid::text || '_' || r.oid::text || '_' || a.attnum::text || '_not_null', a.attname || ' IS NOT NULL'
FROM pg_catalog.pg_attribute a
     JOIN pg_catalog.pg_class r ON r.oid = a.attrelid
     JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull AND r.relkind IN ('r'::"char", 'p'::"char")
      AND pg_has_role(r.relowner, 'USAGE'::text)

-- view check_constraint_routine_usage
SELECT DISTINCT current_database() AS constraint_catalog, n.nspname AS constraint_schema,
       c.conname AS constraint_name, current_database() AS specific_catalog, pn.nspname AS specific_schema,
       nameconcatoid(p.proname, p.oid) AS specific_name
FROM pg_catalog.pg_constraint c
     JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace
     JOIN pg_catalog.pg_depend d ON d.objid = c.oid AND d.classid = 'pg_catalog.pg_constraint'::regclass
     JOIN pg_catalog.pg_proc p ON p.oid = d.refobjid AND d.refclassid = 'pg_catalog.pg_proc'::regclass
     JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace
WHERE c.contype = 'c'::"char" AND pg_has_role(p.proowner, 'USAGE'::text)

-- view table_constraints
SELECT current_database() AS constraint_catalog, n.nspname AS constraint_schema, c.conname AS constraint_name,
       current_database() AS table_catalog, rn.nspname AS table_schema, r.relname AS table_name,
       CASE c.contype WHEN 'c'::"char" THEN 'CHECK' WHEN 'f'::"char" THEN 'FOREIGN KEY'
                      WHEN 'p'::"char" THEN 'PRIMARY KEY' WHEN 'u'::"char" THEN 'UNIQUE' END AS constraint_type,
       CASE WHEN c.condeferrable THEN 'YES' ELSE 'NO' END AS is_deferrable,
       CASE WHEN c.condeferred THEN 'YES' ELSE 'NO' END AS initially_deferred, 'YES' AS enforced,
       CASE WHEN c.contype = 'u'::"char"
            THEN CASE WHEN (SELECT NOT i.indnullsnotdistinct FROM pg_catalog.pg_index i WHERE i.indexrelid = c.conindid)
                      THEN 'YES' ELSE 'NO' END END AS nulls_distinct
FROM pg_catalog.pg_constraint c
     JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace
     JOIN pg_catalog.pg_class r ON r.oid = c.conrelid
     JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
WHERE c.contype NOT IN ('t'::"char", 'x'::"char") AND r.relkind IN ('r'::"char", 'p'::"char")
      AND NOT pg_is_other_temp_schema(rn.oid)
      AND (pg_has_role(r.relowner, 'USAGE'::text)
           OR has_table_privilege(r.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER'::text)
           OR has_any_column_privilege(r.oid, 'INSERT, UPDATE, REFERENCES'::text))
UNION ALL
SELECT current_database(), rn.nspname,
       rn.oid::text || '_' || r.oid::text || '_' || a.attnum::text || '_not_null', current_database(), rn.nspname,
       r.relname, 'CHECK', 'NO', 'NO', 'YES', NULL
FROM pg_catalog.pg_attribute a
     JOIN pg_catalog.pg_class r ON r.oid = a.attrelid
     JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
WHERE a.attnotnull AND a.attnum > 0 AND NOT a.attisdropped AND r.relkind IN ('r'::"char", 'p'::"char")
      AND NOT pg_is_other_temp_schema(rn.oid)
      AND (pg_has_role(r.relowner, 'USAGE'::text)
           OR has_table_privilege(r.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER'::text)
           OR has_any_column_privilege(r.oid, 'SELECT, INSERT, UPDATE, REFERENCES'::text))

-- view key_column_usage
SELECT current_database() AS constraint_catalog, k.conschema AS constraint_schema, k.conname AS constraint_name,
       current_database() AS table_catalog, k.relschema AS table_schema, k.relname AS table_name,
       a.attname AS column_name, k.n AS ordinal_position,
       CASE WHEN k.contype = 'f'::"char" THEN information_schema._pg_index_position(k.conindid, k.confkey[k.n])
       END AS position_in_unique_constraint
FROM (SELECT c.conname, c.contype, c.conindid, c.confkey, c.conkey, cn.nspname AS conschema, r.oid AS reloid,
             r.relname, r.relowner, rn.nspname AS relschema, generate_subscripts(c.conkey, 1) AS n
      FROM pg_catalog.pg_constraint c
           JOIN pg_catalog.pg_namespace cn ON cn.oid = c.connamespace
           JOIN pg_catalog.pg_class r ON r.oid = c.conrelid
           JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
      WHERE c.contype IN ('p'::"char", 'u'::"char", 'f'::"char") AND r.relkind IN ('r'::"char", 'p'::"char")
            AND NOT pg_is_other_temp_schema(rn.oid)) AS k
     JOIN pg_catalog.pg_attribute a ON a.attrelid = k.reloid AND a.attnum = k.conkey[k.n]
WHERE NOT a.attisdropped
      AND (pg_has_role(k.relowner, 'USAGE'::text)
           OR has_column_privilege(k.reloid, a.attnum, 'SELECT, INSERT, UPDATE, REFERENCES'::text))

-- view referential_constraints
SELECT current_database() AS constraint_catalog, n.nspname AS constraint_schema, c.conname AS constraint_name,
       CASE WHEN un.nspname IS NOT NULL THEN current_database() END AS unique_constraint_catalog,
       un.nspname AS unique_constraint_schema, u.conname AS unique_constraint_name,
       CASE c.confmatchtype WHEN 'f'::"char" THEN 'FULL' WHEN 'p'::"char" THEN 'PARTIAL' WHEN 's'::"char" THEN 'NONE'
       END AS match_option,
       CASE c.confupdtype WHEN 'c'::"char" THEN 'CASCADE' WHEN 'n'::"char" THEN 'SET NULL'
            WHEN 'd'::"char" THEN 'SET DEFAULT' WHEN 'r'::"char" THEN 'RESTRICT' WHEN 'a'::"char" THEN 'NO ACTION'
       END AS update_rule,
       CASE c.confdeltype WHEN 'c'::"char" THEN 'CASCADE' WHEN 'n'::"char" THEN 'SET NULL'
            WHEN 'd'::"char" THEN 'SET DEFAULT' WHEN 'r'::"char" THEN 'RESTRICT' WHEN 'a'::"char" THEN 'NO ACTION'
       END AS delete_rule
FROM pg_catalog.pg_constraint c
     JOIN pg_catalog.pg_namespace n ON n.oid = c.connamespace
     JOIN pg_catalog.pg_class r ON r.oid = c.conrelid
     LEFT JOIN pg_catalog.pg_constraint u
         ON u.conindid = c.conindid AND u.conrelid = c.confrelid AND u.contype IN ('p'::"char", 'u'::"char")
     LEFT JOIN pg_catalog.pg_namespace un ON un.oid = u.connamespace
WHERE c.contype = 'f'::"char"
      AND (pg_has_role(r.relowner, 'USAGE'::text)
           OR has_table_privilege(r.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER'::text)
           OR has_any_column_privilege(r.oid, 'INSERT, UPDATE, REFERENCES'::text))

-- view constraint_column_usage
SELECT current_database() AS table_catalog, x.relschema AS table_schema, x.relname AS table_name,
       x.attname AS column_name, current_database() AS constraint_catalog, x.conschema AS constraint_schema,
       x.conname AS constraint_name
FROM (SELECT DISTINCT rn.nspname AS relschema, r.relname, r.relowner, a.attname, cn.nspname AS conschema, c.conname
      FROM pg_catalog.pg_constraint c
           JOIN pg_catalog.pg_namespace cn ON cn.oid = c.connamespace
           JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_constraint'::regclass AND d.objid = c.oid
           JOIN pg_catalog.pg_class r ON d.refclassid = 'pg_catalog.pg_class'::regclass AND r.oid = d.refobjid
           JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
           JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum = d.refobjsubid
      WHERE c.contype = 'c'::"char" AND r.relkind IN ('r'::"char", 'p'::"char") AND NOT a.attisdropped
      UNION ALL
      SELECT rn.nspname, r.relname, r.relowner, a.attname, cn.nspname, c.conname
      FROM pg_catalog.pg_constraint c
           JOIN pg_catalog.pg_namespace cn ON cn.oid = c.connamespace
           JOIN pg_catalog.pg_class r ON r.oid = CASE c.contype WHEN 'f'::"char" THEN c.confrelid ELSE c.conrelid END
           JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
           JOIN pg_catalog.pg_attribute a
               ON a.attrelid = r.oid
                  AND a.attnum = ANY (CASE c.contype WHEN 'f'::"char" THEN c.confkey ELSE c.conkey END)
      WHERE c.contype IN ('p'::"char", 'u'::"char", 'f'::"char") AND r.relkind IN ('r'::"char", 'p'::"char")
            AND NOT a.attisdropped) AS x
WHERE pg_has_role(x.relowner, 'USAGE'::text)

-- view constraint_table_usage
SELECT current_database() AS table_catalog, rn.nspname AS table_schema, r.relname AS table_name,
       current_database() AS constraint_catalog, cn.nspname AS constraint_schema, c.conname AS constraint_name
FROM pg_catalog.pg_constraint c
     JOIN pg_catalog.pg_namespace cn ON cn.oid = c.connamespace
     JOIN pg_catalog.pg_class r
         ON (c.contype = 'f'::"char" AND r.oid = c.confrelid)
            OR (c.contype IN ('p'::"char", 'u'::"char") AND r.oid = c.conrelid)
     JOIN pg_catalog.pg_namespace rn ON rn.oid = r.relnamespace
WHERE r.relkind IN ('r'::"char", 'p'::"char") AND pg_has_role(r.relowner, 'USAGE'::text)

-- view column_column_usage
SELECT DISTINCT current_database() AS table_catalog, n.nspname AS table_schema, c.relname AS table_name,
       a.attname AS column_name, g.attname AS dependent_column
FROM pg_catalog.pg_depend d
     JOIN pg_catalog.pg_class c ON c.oid = d.refobjid
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_catalog.pg_attrdef f ON f.oid = d.objid AND f.adrelid = c.oid
     JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
     JOIN pg_catalog.pg_attribute g ON g.attrelid = c.oid AND g.attnum = f.adnum
WHERE d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass
      AND d.refobjsubid <> f.adnum AND g.attgenerated <> ''::"char" AND pg_has_role(c.relowner, 'USAGE'::text)

-- view column_domain_usage
SELECT current_database() AS domain_catalog, tn.nspname AS domain_schema, t.typname AS domain_name,
       current_database() AS table_catalog, n.nspname AS table_schema, c.relname AS table_name,
       a.attname AS column_name
FROM pg_catalog.pg_attribute a
     JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
     JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
WHERE t.typtype = 'd'::"char" AND c.relkind IN ('r'::"char", 'v'::"char", 'f'::"char", 'p'::"char") AND a.attnum > 0
      AND NOT a.attisdropped AND pg_has_role(t.typowner, 'USAGE'::text)

-- view column_udt_usage
SELECT current_database() AS udt_catalog, coalesce(bn.nspname, tn.nspname) AS udt_schema,
       coalesce(b.typname, t.typname) AS udt_name, current_database() AS table_catalog, n.nspname AS table_schema,
       c.relname AS table_name, a.attname AS column_name
FROM pg_catalog.pg_attribute a
     JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
     JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
     LEFT JOIN (pg_catalog.pg_type b JOIN pg_catalog.pg_namespace bn ON bn.oid = b.typnamespace)
         ON t.typtype = 'd'::"char" AND b.oid = t.typbasetype
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r'::"char", 'v'::"char", 'f'::"char", 'p'::"char")
      AND pg_has_role(coalesce(b.typowner, t.typowner), 'USAGE'::text)

-- view table_privileges
SELECT gr.rolname AS grantor, ge.rolname AS grantee, current_database() AS table_catalog, n.nspname AS table_schema,
       c.relname AS table_name, c.prtype AS privilege_type,
       CASE WHEN pg_has_role(ge.oid, c.relowner, 'USAGE'::text) OR c.grantable THEN 'YES' ELSE 'NO' END AS is_grantable,
       CASE WHEN c.prtype = 'SELECT' THEN 'YES' ELSE 'NO' END AS with_hierarchy
FROM (SELECT r.relnamespace, r.relname, r.relowner, r.relkind, (r.acl).grantor AS grantor, (r.acl).grantee AS grantee,
             (r.acl).privilege_type AS prtype, (r.acl).is_grantable AS grantable
      FROM (SELECT k.relnamespace, k.relname, k.relowner, k.relkind,
                   aclexplode(coalesce(k.relacl, acldefault('r'::"char", k.relowner))) AS acl
            FROM pg_catalog.pg_class k) AS r) AS c
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_catalog.pg_authid gr ON gr.oid = c.grantor
     JOIN (SELECT a.oid, a.rolname FROM pg_catalog.pg_authid a UNION ALL SELECT 0, 'PUBLIC') AS ge ON ge.oid = c.grantee
WHERE c.relkind IN ('r'::"char", 'v'::"char", 'f'::"char", 'p'::"char")
      AND c.prtype IN ('INSERT', 'SELECT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER')
      AND (pg_has_role(gr.oid, 'USAGE'::text) OR pg_has_role(ge.oid, 'USAGE'::text) OR ge.rolname = 'PUBLIC')

-- view role_table_grants
SELECT grantor, grantee, table_catalog, table_schema, table_name, privilege_type, is_grantable, with_hierarchy
FROM information_schema.table_privileges
WHERE grantor IN (SELECT role_name FROM information_schema.enabled_roles)
      OR grantee IN (SELECT role_name FROM information_schema.enabled_roles)

-- view column_privileges
SELECT gr.rolname AS grantor, ge.rolname AS grantee, current_database() AS table_catalog, n.nspname AS table_schema,
       x.relname AS table_name, x.attname AS column_name, x.prtype AS privilege_type,
       CASE WHEN pg_has_role(ge.oid, x.relowner, 'USAGE'::text) OR x.grantable THEN 'YES' ELSE 'NO' END AS is_grantable
FROM (SELECT c.grantor, c.grantee, a.attname, c.relname, c.relnamespace, c.prtype, c.grantable, c.relowner
      FROM (SELECT r.oid, r.relname, r.relnamespace, r.relowner, (r.acl).grantor AS grantor, (r.acl).grantee AS grantee,
                   (r.acl).privilege_type AS prtype, (r.acl).is_grantable AS grantable
            FROM (SELECT k.oid, k.relname, k.relnamespace, k.relowner,
                         aclexplode(coalesce(k.relacl, acldefault('r'::"char", k.relowner))) AS acl
                  FROM pg_catalog.pg_class k
                  WHERE k.relkind IN ('r'::"char", 'v'::"char", 'f'::"char", 'p'::"char")) AS r) AS c
           JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
      WHERE a.attnum > 0 AND NOT a.attisdropped
      UNION
      SELECT (d.acl).grantor, (d.acl).grantee, d.attname, d.relname, d.relnamespace, (d.acl).privilege_type,
             (d.acl).is_grantable, d.relowner
      FROM (SELECT a.attname, k.relname, k.relnamespace, k.relowner,
                   aclexplode(coalesce(a.attacl, acldefault('c'::"char", k.relowner))) AS acl
            FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class k ON k.oid = a.attrelid
            WHERE a.attnum > 0 AND NOT a.attisdropped
                  AND k.relkind IN ('r'::"char", 'v'::"char", 'f'::"char", 'p'::"char")) AS d) AS x
     JOIN pg_catalog.pg_namespace n ON n.oid = x.relnamespace
     JOIN pg_catalog.pg_authid gr ON gr.oid = x.grantor
     JOIN (SELECT a.oid, a.rolname FROM pg_catalog.pg_authid a UNION ALL SELECT 0, 'PUBLIC') AS ge ON ge.oid = x.grantee
WHERE x.prtype IN ('INSERT', 'SELECT', 'UPDATE', 'REFERENCES')
      AND (pg_has_role(gr.oid, 'USAGE'::text) OR pg_has_role(ge.oid, 'USAGE'::text) OR ge.rolname = 'PUBLIC')

-- view role_column_grants
SELECT grantor, grantee, table_catalog, table_schema, table_name, column_name, privilege_type, is_grantable
FROM information_schema.column_privileges
WHERE grantor IN (SELECT role_name FROM information_schema.enabled_roles)
      OR grantee IN (SELECT role_name FROM information_schema.enabled_roles)

-- view routine_privileges
SELECT gr.rolname AS grantor, ge.rolname AS grantee, current_database() AS specific_catalog,
       n.nspname AS specific_schema, nameconcatoid(p.proname, p.oid) AS specific_name,
       current_database() AS routine_catalog, n.nspname AS routine_schema, p.proname AS routine_name,
       'EXECUTE' AS privilege_type,
       CASE WHEN pg_has_role(ge.oid, p.proowner, 'USAGE'::text) OR (p.acl).is_grantable THEN 'YES' ELSE 'NO'
       END AS is_grantable
FROM (SELECT f.oid, f.proname, f.proowner, f.pronamespace,
             aclexplode(coalesce(f.proacl, acldefault('f'::"char", f.proowner))) AS acl
      FROM pg_catalog.pg_proc f) AS p
     JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
     JOIN pg_catalog.pg_authid gr ON gr.oid = (p.acl).grantor
     JOIN (SELECT a.oid, a.rolname FROM pg_catalog.pg_authid a UNION ALL SELECT 0, 'PUBLIC') AS ge
         ON ge.oid = (p.acl).grantee
WHERE (p.acl).privilege_type = 'EXECUTE'
      AND (pg_has_role(gr.oid, 'USAGE'::text) OR pg_has_role(ge.oid, 'USAGE'::text) OR ge.rolname = 'PUBLIC')

-- view role_routine_grants
SELECT grantor, grantee, specific_catalog, specific_schema, specific_name, routine_catalog, routine_schema,
       routine_name, privilege_type, is_grantable
FROM information_schema.routine_privileges
WHERE grantor IN (SELECT role_name FROM information_schema.enabled_roles)
      OR grantee IN (SELECT role_name FROM information_schema.enabled_roles)

-- view udt_privileges
SELECT gr.rolname AS grantor, ge.rolname AS grantee, current_database() AS udt_catalog, n.nspname AS udt_schema,
       t.typname AS udt_name, 'TYPE USAGE' AS privilege_type,
       CASE WHEN pg_has_role(ge.oid, t.typowner, 'USAGE'::text) OR (t.acl).is_grantable THEN 'YES' ELSE 'NO'
       END AS is_grantable
FROM (SELECT y.typname, y.typnamespace, y.typtype, y.typowner,
             aclexplode(coalesce(y.typacl, acldefault('T'::"char", y.typowner))) AS acl
      FROM pg_catalog.pg_type y WHERE y.typtype = 'c'::"char") AS t
     JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
     JOIN pg_catalog.pg_authid gr ON gr.oid = (t.acl).grantor
     JOIN (SELECT a.oid, a.rolname FROM pg_catalog.pg_authid a UNION ALL SELECT 0, 'PUBLIC') AS ge
         ON ge.oid = (t.acl).grantee
WHERE (t.acl).privilege_type = 'USAGE'
      AND (pg_has_role(gr.oid, 'USAGE'::text) OR pg_has_role(ge.oid, 'USAGE'::text) OR ge.rolname = 'PUBLIC')

-- view role_udt_grants
SELECT grantor, grantee, udt_catalog, udt_schema, udt_name, privilege_type, is_grantable
FROM information_schema.udt_privileges
WHERE grantor IN (SELECT role_name FROM information_schema.enabled_roles)
      OR grantee IN (SELECT role_name FROM information_schema.enabled_roles)

-- view usage_privileges
SELECT a.rolname AS grantor, 'PUBLIC'::name AS grantee, current_database() AS object_catalog,
       n.nspname AS object_schema, c.collname AS object_name, 'COLLATION' AS object_type, 'USAGE' AS privilege_type,
       'NO' AS is_grantable
FROM pg_catalog.pg_collation c
     JOIN pg_catalog.pg_authid a ON a.oid = c.collowner
     JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
     JOIN pg_catalog.pg_database d ON d.datname = current_database()
WHERE c.collencoding IN (-1, d.encoding)
UNION ALL
SELECT gr.rolname, ge.rolname, current_database(), o.schema, o.name, o.type, 'USAGE',
       CASE WHEN pg_has_role(ge.oid, o.owner, 'USAGE'::text) OR x.is_grantable THEN 'YES' ELSE 'NO' END
FROM (SELECT n.nspname AS schema, t.typname AS name, t.typowner AS owner, 'DOMAIN' AS type,
             coalesce(t.typacl, acldefault('T'::"char", t.typowner)) AS acl
      FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE t.typtype = 'd'::"char"
      UNION ALL
      SELECT ''::name, f.fdwname, f.fdwowner, 'FOREIGN DATA WRAPPER',
             coalesce(f.fdwacl, acldefault('F'::"char", f.fdwowner))
      FROM pg_catalog.pg_foreign_data_wrapper f
      UNION ALL
      SELECT ''::name, s.srvname, s.srvowner, 'FOREIGN SERVER',
             coalesce(s.srvacl, acldefault('S'::"char", s.srvowner))
      FROM pg_catalog.pg_foreign_server s
      UNION ALL
      SELECT n.nspname, c.relname, c.relowner, 'SEQUENCE',
             coalesce(c.relacl, acldefault('r'::"char", c.relowner))
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
      WHERE c.relkind = 'S'::"char") AS o
     CROSS JOIN LATERAL aclexplode(o.acl) AS x
     JOIN pg_catalog.pg_authid gr ON gr.oid = x.grantor
     JOIN (SELECT a.oid, a.rolname FROM pg_catalog.pg_authid a UNION ALL SELECT 0, 'PUBLIC') AS ge
         ON ge.oid = x.grantee
WHERE x.privilege_type = 'USAGE'
      AND (pg_has_role(gr.oid, 'USAGE'::text) OR pg_has_role(ge.oid, 'USAGE'::text) OR ge.rolname = 'PUBLIC')

-- view role_usage_grants
SELECT grantor, grantee, object_catalog, object_schema, object_name, object_type, privilege_type, is_grantable
FROM information_schema.usage_privileges
WHERE grantor IN (SELECT role_name FROM information_schema.enabled_roles)
      OR grantee IN (SELECT role_name FROM information_schema.enabled_roles)

-- view sequences
SELECT current_database() AS sequence_catalog, n.nspname AS sequence_schema, c.relname AS sequence_name,
       format_type(s.seqtypid, NULL::integer) AS data_type,
       information_schema._pg_numeric_precision(s.seqtypid, -1) AS numeric_precision, 2 AS numeric_precision_radix,
       0 AS numeric_scale, s.seqstart AS start_value, s.seqmin AS minimum_value, s.seqmax AS maximum_value,
       s.seqincrement AS increment, CASE WHEN s.seqcycle THEN 'YES' ELSE 'NO' END AS cycle_option
FROM pg_catalog.pg_sequence s
     JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S'::"char" AND NOT pg_is_other_temp_schema(n.oid)
      AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend d
                      WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'i'::"char")
      AND (pg_has_role(c.relowner, 'USAGE'::text) OR has_sequence_privilege(c.oid, 'SELECT, UPDATE, USAGE'::text))

-- view views
SELECT current_database() AS table_catalog, n.nspname AS table_schema, c.relname AS table_name,
       CASE WHEN pg_has_role(c.relowner, 'USAGE'::text) THEN pg_get_viewdef(c.oid) END AS view_definition,
       CASE WHEN 'check_option=cascaded' = ANY (c.reloptions) THEN 'CASCADED'
            WHEN 'check_option=local' = ANY (c.reloptions) THEN 'LOCAL' ELSE 'NONE' END AS check_option,
       CASE WHEN pg_relation_is_updatable(c.oid, false) & 20 = 20 THEN 'YES' ELSE 'NO' END AS is_updatable,
       CASE WHEN pg_relation_is_updatable(c.oid, false) & 8 = 8 THEN 'YES' ELSE 'NO' END AS is_insertable_into,
       CASE WHEN EXISTS (SELECT 1 FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND t.tgtype & 81 = 81)
            THEN 'YES' ELSE 'NO' END AS is_trigger_updatable,
       CASE WHEN EXISTS (SELECT 1 FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND t.tgtype & 73 = 73)
            THEN 'YES' ELSE 'NO' END AS is_trigger_deletable,
       CASE WHEN EXISTS (SELECT 1 FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND t.tgtype & 69 = 69)
            THEN 'YES' ELSE 'NO' END AS is_trigger_insertable_into
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'v'::"char" AND NOT pg_is_other_temp_schema(n.oid)
      AND (pg_has_role(c.relowner, 'USAGE'::text)
           OR has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER'::text)
           OR has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'::text))

-- view view_column_usage
SELECT DISTINCT current_database() AS view_catalog, vn.nspname AS view_schema, v.relname AS view_name,
       current_database() AS table_catalog, tn.nspname AS table_schema, t.relname AS table_name,
       a.attname AS column_name
FROM pg_catalog.pg_class v
     JOIN pg_catalog.pg_namespace vn ON vn.oid = v.relnamespace
     JOIN pg_catalog.pg_depend dv ON dv.refclassid = 'pg_catalog.pg_class'::regclass AND dv.refobjid = v.oid
                          AND dv.classid = 'pg_catalog.pg_rewrite'::regclass AND dv.deptype = 'i'::"char"
     JOIN pg_catalog.pg_depend dt ON dt.classid = 'pg_catalog.pg_rewrite'::regclass AND dt.objid = dv.objid
                          AND dt.refclassid = 'pg_catalog.pg_class'::regclass AND dt.refobjid <> v.oid
     JOIN pg_catalog.pg_class t ON t.oid = dt.refobjid
     JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
     JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = dt.refobjsubid
WHERE v.relkind = 'v'::"char" AND t.relkind IN ('r'::"char", 'v'::"char", 'f'::"char", 'p'::"char")
      AND pg_has_role(t.relowner, 'USAGE'::text)

-- view view_table_usage
SELECT DISTINCT current_database() AS view_catalog, vn.nspname AS view_schema, v.relname AS view_name,
       current_database() AS table_catalog, tn.nspname AS table_schema, t.relname AS table_name
FROM pg_catalog.pg_class v
     JOIN pg_catalog.pg_namespace vn ON vn.oid = v.relnamespace
     JOIN pg_catalog.pg_depend dv ON dv.refclassid = 'pg_catalog.pg_class'::regclass AND dv.refobjid = v.oid
                          AND dv.classid = 'pg_catalog.pg_rewrite'::regclass AND dv.deptype = 'i'::"char"
     JOIN pg_catalog.pg_depend dt ON dt.classid = 'pg_catalog.pg_rewrite'::regclass AND dt.objid = dv.objid
                          AND dt.refclassid = 'pg_catalog.pg_class'::regclass AND dt.refobjid <> v.oid
     JOIN pg_catalog.pg_class t ON t.oid = dt.refobjid
     JOIN pg_catalog.pg_namespace tn ON tn.oid = t.relnamespace
WHERE v.relkind = 'v'::"char" AND t.relkind IN ('r'::"char", 'v'::"char", 'f'::"char", 'p'::"char")
      AND pg_has_role(t.relowner, 'USAGE'::text)

-- view view_routine_usage
SELECT DISTINCT current_database() AS table_catalog, vn.nspname AS table_schema, v.relname AS table_name,
       current_database() AS specific_catalog, pn.nspname AS specific_schema,
       nameconcatoid(p.proname, p.oid) AS specific_name
FROM pg_catalog.pg_class v
     JOIN pg_catalog.pg_namespace vn ON vn.oid = v.relnamespace
     JOIN pg_catalog.pg_depend dv ON dv.refclassid = 'pg_catalog.pg_class'::regclass AND dv.refobjid = v.oid
                          AND dv.classid = 'pg_catalog.pg_rewrite'::regclass AND dv.deptype = 'i'::"char"
     JOIN pg_catalog.pg_depend dp ON dp.classid = 'pg_catalog.pg_rewrite'::regclass AND dp.objid = dv.objid
                          AND dp.refclassid = 'pg_catalog.pg_proc'::regclass
     JOIN pg_catalog.pg_proc p ON p.oid = dp.refobjid
     JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace
WHERE v.relkind = 'v'::"char" AND pg_has_role(p.proowner, 'USAGE'::text)

-- view triggers
SELECT current_database() AS trigger_catalog, n.nspname AS trigger_schema, t.tgname AS trigger_name,
       e.text AS event_manipulation, current_database() AS event_object_catalog, n.nspname AS event_object_schema,
       c.relname AS event_object_table,
       rank() OVER (PARTITION BY n.nspname, c.relname, e.num, t.tgtype & 1, t.tgtype & 66 ORDER BY t.tgname)
           AS action_order,
       CASE WHEN pg_has_role(c.relowner, 'USAGE'::text)
            THEN (regexp_match(pg_get_triggerdef(t.oid), '.{35,} WHEN \((.+)\) EXECUTE FUNCTION'))[1] END
           AS action_condition,
       substring(pg_get_triggerdef(t.oid) from position('EXECUTE FUNCTION' in substring(pg_get_triggerdef(t.oid) from 48)) + 47)
           AS action_statement,
       CASE WHEN t.tgtype & 1 = 1 THEN 'ROW' ELSE 'STATEMENT' END AS action_orientation,
       CASE t.tgtype & 66 WHEN 2 THEN 'BEFORE' WHEN 64 THEN 'INSTEAD OF' ELSE 'AFTER' END AS action_timing,
       t.tgoldtable AS action_reference_old_table, t.tgnewtable AS action_reference_new_table,
       NULL::name AS action_reference_old_row, NULL::name AS action_reference_new_row, NULL::timestamptz AS created
FROM pg_catalog.pg_trigger t
     JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     CROSS JOIN (VALUES (4, 'INSERT'), (8, 'DELETE'), (16, 'UPDATE')) AS e (num, text)
WHERE t.tgtype & e.num <> 0 AND NOT t.tgisinternal AND NOT pg_is_other_temp_schema(n.oid)
      AND (pg_has_role(c.relowner, 'USAGE'::text)
           OR has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER'::text)
           OR has_any_column_privilege(c.oid, 'INSERT, UPDATE, REFERENCES'::text))

-- view triggered_update_columns
SELECT current_database() AS trigger_catalog, n.nspname AS trigger_schema, t.tgname AS trigger_name,
       current_database() AS event_object_catalog, n.nspname AS event_object_schema,
       c.relname AS event_object_table, a.attname AS event_object_column
FROM pg_catalog.pg_trigger t
     JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (t.tgattr)
WHERE NOT t.tgisinternal AND NOT pg_is_other_temp_schema(n.oid)
      AND (pg_has_role(c.relowner, 'USAGE'::text)
           OR has_column_privilege(c.oid, a.attnum, 'INSERT, UPDATE, REFERENCES'::text))

-- view routines
SELECT current_database() AS specific_catalog, n.nspname AS specific_schema,
       nameconcatoid(p.proname, p.oid) AS specific_name, current_database() AS routine_catalog,
       n.nspname AS routine_schema, p.proname AS routine_name,
       CASE p.prokind WHEN 'f'::"char" THEN 'FUNCTION' WHEN 'p'::"char" THEN 'PROCEDURE' END AS routine_type,
       NULL::name AS module_catalog, NULL::name AS module_schema, NULL::name AS module_name, NULL::name AS udt_catalog,
       NULL::name AS udt_schema, NULL::name AS udt_name,
       CASE WHEN p.prokind = 'p'::"char" THEN NULL
            WHEN t.typelem <> 0 AND t.typlen = -1 THEN 'ARRAY'
            WHEN tn.nspname = 'pg_catalog' THEN format_type(t.oid, NULL::integer)
            ELSE 'USER-DEFINED' END AS data_type,
       NULL::integer AS character_maximum_length, NULL::integer AS character_octet_length,
       NULL::name AS character_set_catalog, NULL::name AS character_set_schema, NULL::name AS character_set_name,
       NULL::name AS collation_catalog, NULL::name AS collation_schema, NULL::name AS collation_name,
       NULL::integer AS numeric_precision, NULL::integer AS numeric_precision_radix, NULL::integer AS numeric_scale,
       NULL::integer AS datetime_precision, NULL::varchar AS interval_type, NULL::integer AS interval_precision,
       CASE WHEN tn.nspname IS NOT NULL THEN current_database() END AS type_udt_catalog, tn.nspname AS type_udt_schema,
       t.typname AS type_udt_name, NULL::name AS scope_catalog, NULL::name AS scope_schema, NULL::name AS scope_name,
       NULL::integer AS maximum_cardinality, CASE WHEN p.prokind <> 'p'::"char" THEN 0 END AS dtd_identifier,
       CASE WHEN l.lanname = 'sql' THEN 'SQL' ELSE 'EXTERNAL' END AS routine_body,
       CASE WHEN pg_has_role(p.proowner, 'USAGE'::text) THEN p.prosrc END AS routine_definition,
       CASE WHEN l.lanname = 'c' THEN p.prosrc END AS external_name, upper(l.lanname) AS external_language,
       'GENERAL' AS parameter_style, CASE WHEN p.provolatile = 'i'::"char" THEN 'YES' ELSE 'NO' END AS is_deterministic,
       'MODIFIES' AS sql_data_access,
       CASE WHEN p.prokind <> 'p'::"char" THEN CASE WHEN p.proisstrict THEN 'YES' ELSE 'NO' END END AS is_null_call,
       NULL::varchar AS sql_path, 'YES' AS schema_level_routine, 0 AS max_dynamic_result_sets,
       NULL::varchar AS is_user_defined_cast, NULL::varchar AS is_implicitly_invocable,
       CASE WHEN p.prosecdef THEN 'DEFINER' ELSE 'INVOKER' END AS security_type, NULL::name AS to_sql_specific_catalog,
       NULL::name AS to_sql_specific_schema, NULL::name AS to_sql_specific_name, 'NO' AS as_locator,
       NULL::timestamptz AS created, NULL::timestamptz AS last_altered, NULL::varchar AS new_savepoint_level,
       'NO' AS is_udt_dependent, NULL::varchar AS result_cast_from_data_type, NULL::varchar AS result_cast_as_locator,
       NULL::integer AS result_cast_char_max_length, NULL::integer AS result_cast_char_octet_length,
       NULL::name AS result_cast_char_set_catalog, NULL::name AS result_cast_char_set_schema,
       NULL::name AS result_cast_char_set_name, NULL::name AS result_cast_collation_catalog,
       NULL::name AS result_cast_collation_schema, NULL::name AS result_cast_collation_name,
       NULL::integer AS result_cast_numeric_precision, NULL::integer AS result_cast_numeric_precision_radix,
       NULL::integer AS result_cast_numeric_scale, NULL::integer AS result_cast_datetime_precision,
       NULL::varchar AS result_cast_interval_type, NULL::integer AS result_cast_interval_precision,
       NULL::name AS result_cast_type_udt_catalog, NULL::name AS result_cast_type_udt_schema,
       NULL::name AS result_cast_type_udt_name, NULL::name AS result_cast_scope_catalog,
       NULL::name AS result_cast_scope_schema, NULL::name AS result_cast_scope_name,
       NULL::integer AS result_cast_maximum_cardinality, NULL::name AS result_cast_dtd_identifier
FROM pg_catalog.pg_proc p
     JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
     JOIN pg_catalog.pg_language l ON l.oid = p.prolang
     LEFT JOIN (pg_catalog.pg_type t JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace)
         ON t.oid = p.prorettype AND p.prokind <> 'p'::"char"
WHERE pg_has_role(p.proowner, 'USAGE'::text) OR has_function_privilege(p.oid, 'EXECUTE'::text)

-- view parameters
SELECT current_database() AS specific_catalog, x.nspname AS specific_schema,
       nameconcatoid(x.proname, x.oid) AS specific_name, x.n AS ordinal_position,
       CASE WHEN x.proargmodes IS NULL THEN 'IN'
            WHEN x.proargmodes[x.n] IN ('i'::"char", 'v'::"char") THEN 'IN'
            WHEN x.proargmodes[x.n] IN ('o'::"char", 't'::"char") THEN 'OUT'
            WHEN x.proargmodes[x.n] = 'b'::"char" THEN 'INOUT' END AS parameter_mode,
       'NO' AS is_result, 'NO' AS as_locator, nullif(x.proargnames[x.n], '') AS parameter_name,
       CASE WHEN t.typelem <> 0 AND t.typlen = -1 THEN 'ARRAY'
            WHEN tn.nspname = 'pg_catalog' THEN format_type(t.oid, NULL::integer) ELSE 'USER-DEFINED' END AS data_type,
       NULL::integer AS character_maximum_length, NULL::integer AS character_octet_length,
       NULL::name AS character_set_catalog, NULL::name AS character_set_schema, NULL::name AS character_set_name,
       NULL::name AS collation_catalog, NULL::name AS collation_schema, NULL::name AS collation_name,
       NULL::integer AS numeric_precision, NULL::integer AS numeric_precision_radix, NULL::integer AS numeric_scale,
       NULL::integer AS datetime_precision, NULL::varchar AS interval_type, NULL::integer AS interval_precision,
       current_database() AS udt_catalog, tn.nspname AS udt_schema, t.typname AS udt_name, NULL::name AS scope_catalog,
       NULL::name AS scope_schema, NULL::name AS scope_name, NULL::integer AS maximum_cardinality, x.n AS dtd_identifier,
       CASE WHEN pg_has_role(x.proowner, 'USAGE'::text) THEN pg_get_function_arg_default(x.oid, x.n) END
           AS parameter_default
FROM (SELECT p.oid, p.proname, p.proowner, p.proargnames, p.proargmodes, n.nspname,
             s.n, CASE WHEN p.proallargtypes IS NULL THEN p.proargtypes[s.n - 1] ELSE p.proallargtypes[s.n] END AS typeid
      FROM pg_catalog.pg_proc p
           JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
           CROSS JOIN LATERAL generate_series(1, coalesce(array_length(p.proallargtypes, 1), p.pronargs)) AS s(n)
      WHERE pg_has_role(p.proowner, 'USAGE'::text) OR has_function_privilege(p.oid, 'EXECUTE'::text)) AS x
     JOIN pg_catalog.pg_type t ON t.oid = x.typeid
     JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace

-- view routine_column_usage
SELECT DISTINCT current_database() AS specific_catalog, pn.nspname AS specific_schema,
       nameconcatoid(p.proname, p.oid) AS specific_name, current_database() AS routine_catalog,
       pn.nspname AS routine_schema, p.proname AS routine_name, current_database() AS table_catalog,
       n.nspname AS table_schema, c.relname AS table_name, a.attname AS column_name
FROM pg_catalog.pg_depend d
     JOIN pg_catalog.pg_proc p ON p.oid = d.objid AND d.classid = 'pg_catalog.pg_proc'::regclass
     JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace
     JOIN pg_catalog.pg_class c ON c.oid = d.refobjid AND d.refclassid = 'pg_catalog.pg_class'::regclass
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
WHERE c.relkind IN ('r'::"char", 'v'::"char", 'f'::"char", 'p'::"char") AND pg_has_role(c.relowner, 'USAGE'::text)

-- view routine_table_usage
SELECT DISTINCT current_database() AS specific_catalog, pn.nspname AS specific_schema,
       nameconcatoid(p.proname, p.oid) AS specific_name, current_database() AS routine_catalog,
       pn.nspname AS routine_schema, p.proname AS routine_name, current_database() AS table_catalog,
       n.nspname AS table_schema, c.relname AS table_name
FROM pg_catalog.pg_depend d
     JOIN pg_catalog.pg_proc p ON p.oid = d.objid AND d.classid = 'pg_catalog.pg_proc'::regclass
     JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace
     JOIN pg_catalog.pg_class c ON c.oid = d.refobjid AND d.refclassid = 'pg_catalog.pg_class'::regclass
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r'::"char", 'v'::"char", 'f'::"char", 'p'::"char") AND pg_has_role(c.relowner, 'USAGE'::text)

-- view routine_sequence_usage
SELECT DISTINCT current_database() AS specific_catalog, pn.nspname AS specific_schema,
       nameconcatoid(p.proname, p.oid) AS specific_name, current_database() AS routine_catalog,
       pn.nspname AS routine_schema, p.proname AS routine_name, current_database() AS sequence_catalog,
       n.nspname AS sequence_schema, c.relname AS sequence_name
FROM pg_catalog.pg_depend d
     JOIN pg_catalog.pg_proc p ON p.oid = d.objid AND d.classid = 'pg_catalog.pg_proc'::regclass
     JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace
     JOIN pg_catalog.pg_class c ON c.oid = d.refobjid AND d.refclassid = 'pg_catalog.pg_class'::regclass
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'S'::"char" AND pg_has_role(c.relowner, 'USAGE'::text)

-- view routine_routine_usage
SELECT DISTINCT current_database() AS specific_catalog, n.nspname AS specific_schema,
       nameconcatoid(p.proname, p.oid) AS specific_name, current_database() AS routine_catalog,
       rn.nspname AS routine_schema, nameconcatoid(r.proname, r.oid) AS routine_name
FROM pg_catalog.pg_depend d
     JOIN pg_catalog.pg_proc p ON p.oid = d.objid AND d.classid = 'pg_catalog.pg_proc'::regclass
     JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
     JOIN pg_catalog.pg_proc r ON r.oid = d.refobjid AND d.refclassid = 'pg_catalog.pg_proc'::regclass
     JOIN pg_catalog.pg_namespace rn ON rn.oid = r.pronamespace
WHERE p.prosqlbody IS NOT NULL AND pg_has_role(r.proowner, 'USAGE'::text)

-- view transforms
SELECT current_database() AS udt_catalog, tn.nspname AS udt_schema, t.typname AS udt_name,
       current_database() AS specific_catalog, pn.nspname AS specific_schema,
       nameconcatoid(p.proname, p.oid) AS specific_name, l.lanname AS group_name, f.kind AS transform_type
FROM (SELECT trftype, trflang, trffromsql::oid AS func, 'FROM SQL' AS kind FROM pg_catalog.pg_transform
      UNION SELECT trftype, trflang, trftosql::oid, 'TO SQL' FROM pg_catalog.pg_transform) AS f
     JOIN pg_catalog.pg_type t ON t.oid = f.trftype
     JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
     JOIN pg_catalog.pg_language l ON l.oid = f.trflang
     JOIN pg_catalog.pg_proc p ON p.oid = f.func
     JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace
ORDER BY 1, 2, 3, 7, 8

-- view user_defined_types
SELECT current_database() AS user_defined_type_catalog, n.nspname AS user_defined_type_schema,
       c.relname AS user_defined_type_name, 'STRUCTURED' AS user_defined_type_category, 'YES' AS is_instantiable,
       NULL::varchar AS is_final, NULL::varchar AS ordering_form, NULL::varchar AS ordering_category,
       NULL::name AS ordering_routine_catalog, NULL::name AS ordering_routine_schema,
       NULL::name AS ordering_routine_name, NULL::varchar AS reference_type, NULL::varchar AS data_type,
       NULL::integer AS character_maximum_length, NULL::integer AS character_octet_length,
       NULL::name AS character_set_catalog, NULL::name AS character_set_schema, NULL::name AS character_set_name,
       NULL::name AS collation_catalog, NULL::name AS collation_schema, NULL::name AS collation_name,
       NULL::integer AS numeric_precision, NULL::integer AS numeric_precision_radix, NULL::integer AS numeric_scale,
       NULL::integer AS datetime_precision, NULL::varchar AS interval_type, NULL::integer AS interval_precision,
       NULL::name AS source_dtd_identifier, NULL::name AS ref_dtd_identifier
FROM pg_catalog.pg_class c
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_catalog.pg_type t ON t.typrelid = c.oid
WHERE c.relkind = 'c'::"char"
      AND (pg_has_role(t.typowner, 'USAGE'::text) OR has_type_privilege(t.oid, 'USAGE'::text))

-- view data_type_privileges
SELECT current_database() AS object_catalog, x.schema AS object_schema, x.name AS object_name,
       x.type AS object_type, x.dtd AS dtd_identifier
FROM (SELECT udt_schema AS schema, udt_name AS name, 'USER-DEFINED TYPE' AS type, dtd_identifier AS dtd
      FROM information_schema.attributes
      UNION ALL SELECT table_schema, table_name, 'TABLE', dtd_identifier FROM information_schema.columns
      UNION ALL SELECT domain_schema, domain_name, 'DOMAIN', dtd_identifier FROM information_schema.domains
      UNION ALL SELECT specific_schema, specific_name, 'ROUTINE', dtd_identifier FROM information_schema.parameters
      UNION ALL SELECT specific_schema, specific_name, 'ROUTINE', dtd_identifier FROM information_schema.routines) AS x

-- view element_types
SELECT current_database() AS object_catalog, n.nspname AS object_schema, x.name AS object_name,
       x.type AS object_type, x.dtd AS collection_type_identifier,
       CASE WHEN bn.nspname = 'pg_catalog' THEN format_type(b.oid, NULL::integer) ELSE 'USER-DEFINED' END AS data_type,
       NULL::integer AS character_maximum_length, NULL::integer AS character_octet_length,
       NULL::name AS character_set_catalog, NULL::name AS character_set_schema, NULL::name AS character_set_name,
       CASE WHEN cn.nspname IS NOT NULL THEN current_database() END AS collation_catalog,
       cn.nspname AS collation_schema, co.collname AS collation_name, NULL::integer AS numeric_precision,
       NULL::integer AS numeric_precision_radix, NULL::integer AS numeric_scale, NULL::integer AS datetime_precision,
       NULL::varchar AS interval_type, NULL::integer AS interval_precision, NULL::varchar AS domain_default,
       current_database() AS udt_catalog, bn.nspname AS udt_schema, b.typname AS udt_name,
       NULL::name AS scope_catalog, NULL::name AS scope_schema, NULL::name AS scope_name,
       NULL::integer AS maximum_cardinality, 'a' || x.dtd AS dtd_identifier
FROM (SELECT c.relnamespace AS ns, c.relname AS name,
             CASE WHEN c.relkind = 'c'::"char" THEN 'USER-DEFINED TYPE' ELSE 'TABLE' END AS type,
             a.attnum::text AS dtd, a.atttypid AS arraytype, a.attcollation AS coll
      FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
      WHERE c.relkind IN ('r'::"char", 'v'::"char", 'f'::"char", 'c'::"char", 'p'::"char") AND a.attnum > 0
            AND NOT a.attisdropped
      UNION ALL
      SELECT d.typnamespace, d.typname, 'DOMAIN', '1', d.typbasetype, d.typcollation
      FROM pg_catalog.pg_type d WHERE d.typtype = 'd'::"char"
      UNION ALL
      SELECT p.pronamespace, nameconcatoid(p.proname, p.oid), 'ROUTINE', s.n::text,
             CASE WHEN p.proallargtypes IS NULL THEN p.proargtypes[s.n - 1] ELSE p.proallargtypes[s.n] END, 0
      FROM pg_catalog.pg_proc p
           CROSS JOIN LATERAL generate_series(1, coalesce(array_length(p.proallargtypes, 1), p.pronargs)) AS s(n)
      UNION ALL
      SELECT p.pronamespace, nameconcatoid(p.proname, p.oid), 'ROUTINE', '0', p.prorettype, 0
      FROM pg_catalog.pg_proc p) AS x
     JOIN pg_catalog.pg_namespace n ON n.oid = x.ns
     JOIN pg_catalog.pg_type t ON t.oid = x.arraytype
     JOIN pg_catalog.pg_type b ON b.oid = t.typelem
     JOIN pg_catalog.pg_namespace bn ON bn.oid = b.typnamespace
     LEFT JOIN (pg_catalog.pg_collation co JOIN pg_catalog.pg_namespace cn ON cn.oid = co.collnamespace)
         ON co.oid = x.coll AND (cn.nspname, co.collname) <> ('pg_catalog', 'default')
WHERE t.typelem <> 0 AND t.typlen = -1
      AND (n.nspname, x.name, x.type, x.dtd)
          IN (SELECT object_schema, object_name, object_type, dtd_identifier FROM information_schema.data_type_privileges)

-- view _pg_foreign_table_columns
SELECT n.nspname, c.relname, a.attname, a.attfdwoptions
FROM pg_catalog.pg_foreign_table t
     JOIN pg_catalog.pg_class c ON c.oid = t.ftrelid
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
WHERE a.attnum > 0
      AND (pg_has_role(c.relowner, 'USAGE'::text)
           OR has_column_privilege(c.oid, a.attnum, 'SELECT, INSERT, UPDATE, REFERENCES'::text))

-- view column_options
SELECT current_database() AS table_catalog, c.nspname AS table_schema, c.relname AS table_name,
       c.attname AS column_name, (pg_options_to_table(c.attfdwoptions)).option_name AS option_name,
       (pg_options_to_table(c.attfdwoptions)).option_value AS option_value
FROM information_schema._pg_foreign_table_columns c

-- view _pg_foreign_data_wrappers
SELECT w.oid, w.fdwowner, w.fdwoptions, current_database() AS foreign_data_wrapper_catalog,
       w.fdwname AS foreign_data_wrapper_name, a.rolname AS authorization_identifier,
       'c' AS foreign_data_wrapper_language
FROM pg_catalog.pg_foreign_data_wrapper w JOIN pg_catalog.pg_authid a ON a.oid = w.fdwowner
WHERE pg_has_role(w.fdwowner, 'USAGE'::text) OR has_foreign_data_wrapper_privilege(w.oid, 'USAGE'::text)

-- view foreign_data_wrapper_options
SELECT foreign_data_wrapper_catalog, foreign_data_wrapper_name,
       (pg_options_to_table(fdwoptions)).option_name AS option_name,
       (pg_options_to_table(fdwoptions)).option_value AS option_value
FROM information_schema._pg_foreign_data_wrappers

-- view foreign_data_wrappers
SELECT foreign_data_wrapper_catalog, foreign_data_wrapper_name, authorization_identifier, NULL::varchar AS library_name,
       foreign_data_wrapper_language
FROM information_schema._pg_foreign_data_wrappers

-- view _pg_foreign_servers
SELECT s.oid, s.srvoptions, current_database() AS foreign_server_catalog, s.srvname AS foreign_server_name,
       current_database() AS foreign_data_wrapper_catalog, w.fdwname AS foreign_data_wrapper_name,
       s.srvtype AS foreign_server_type, s.srvversion AS foreign_server_version, a.rolname AS authorization_identifier
FROM pg_catalog.pg_foreign_server s
     JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = s.srvfdw
     JOIN pg_catalog.pg_authid a ON a.oid = s.srvowner
WHERE pg_has_role(s.srvowner, 'USAGE'::text) OR has_server_privilege(s.oid, 'USAGE'::text)

-- view foreign_server_options
SELECT foreign_server_catalog, foreign_server_name, (pg_options_to_table(srvoptions)).option_name AS option_name,
       (pg_options_to_table(srvoptions)).option_value AS option_value
FROM information_schema._pg_foreign_servers

-- view foreign_servers
SELECT foreign_server_catalog, foreign_server_name, foreign_data_wrapper_catalog, foreign_data_wrapper_name,
       foreign_server_type, foreign_server_version, authorization_identifier
FROM information_schema._pg_foreign_servers

-- view _pg_foreign_tables
SELECT current_database() AS foreign_table_catalog, n.nspname AS foreign_table_schema,
       c.relname AS foreign_table_name, t.ftoptions, current_database() AS foreign_server_catalog,
       s.srvname AS foreign_server_name, a.rolname AS authorization_identifier
FROM pg_catalog.pg_foreign_table t
     JOIN pg_catalog.pg_foreign_server s ON s.oid = t.ftserver
     JOIN pg_catalog.pg_class c ON c.oid = t.ftrelid
     JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_catalog.pg_authid a ON a.oid = c.relowner
WHERE c.relkind = 'f'::"char"
      AND (pg_has_role(c.relowner, 'USAGE'::text)
           OR has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER'::text)
           OR has_any_column_privilege(c.oid, 'SELECT, INSERT, UPDATE, REFERENCES'::text))

-- view foreign_table_options
SELECT foreign_table_catalog, foreign_table_schema, foreign_table_name,
       (pg_options_to_table(ftoptions)).option_name AS option_name,
       (pg_options_to_table(ftoptions)).option_value AS option_value
FROM information_schema._pg_foreign_tables

-- view foreign_tables
SELECT foreign_table_catalog, foreign_table_schema, foreign_table_name, foreign_server_catalog, foreign_server_name
FROM information_schema._pg_foreign_tables

-- view _pg_user_mappings
SELECT u.oid, u.umoptions, u.umuser, coalesce(a.rolname, 'PUBLIC') AS authorization_identifier,
       s.foreign_server_catalog, s.foreign_server_name, s.authorization_identifier AS srvowner
FROM pg_catalog.pg_user_mapping u
     LEFT JOIN pg_catalog.pg_authid a ON a.oid = u.umuser
     JOIN information_schema._pg_foreign_servers s ON s.oid = u.umserver

-- view user_mapping_options
SELECT m.authorization_identifier, m.foreign_server_catalog, m.foreign_server_name, o.option_name,
       CASE WHEN (m.umuser <> 0 AND m.authorization_identifier = current_user)
                 OR (m.umuser = 0 AND pg_has_role(m.srvowner, 'USAGE'::text))
                 OR (SELECT a.rolsuper FROM pg_catalog.pg_authid a WHERE a.rolname = current_user)
            THEN o.option_value END AS option_value
FROM information_schema._pg_user_mappings m, LATERAL pg_options_to_table(m.umoptions) AS o

-- view user_mappings
SELECT authorization_identifier, foreign_server_catalog, foreign_server_name FROM information_schema._pg_user_mappings
