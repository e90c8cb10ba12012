//! The rows every new database begins with: what [`rustydb_types::pgdata`] holds of PostgreSQL's built-in objects, the
//! catalog's own relations, and the schemas, roles and databases of a new cluster.

use super::rows::{self, CatRow, RowBuilder, oid_vector, table};
use super::system::SUPERUSER;
use super::{Database, Namespace, Relation, Role};
use crate::acl::membership::Membership;
use crate::acl::{Acl, AclItem, AclKind, privs};
use rustydb_types::datum::{ArrayValue, Datum};
use rustydb_types::{oid, pgdata};
use std::sync::Arc;

/// Databases of a new cluster: OID, name, template, accepts connections.
pub const DATABASES: [(u32, &str, bool, bool); 3] =
    [(5, "postgres", false, true), (1, "template1", true, true), (4, "template0", true, false)];

/// The role whose only member is the owner of the current database; it owns `public`.
pub const PG_DATABASE_OWNER: u32 = 6171;

/// PostgreSQL's predefined roles.
const PREDEFINED_ROLES: [(u32, &str); 12] = [
    (PG_DATABASE_OWNER, "pg_database_owner"),
    (6181, "pg_read_all_data"),
    (6182, "pg_write_all_data"),
    (PG_MONITOR, "pg_monitor"),
    (3374, "pg_read_all_settings"),
    (PG_READ_ALL_STATS, "pg_read_all_stats"),
    (3377, "pg_stat_scan_tables"),
    (4569, "pg_read_server_files"),
    (4570, "pg_write_server_files"),
    (4571, "pg_execute_server_program"),
    (4200, "pg_signal_backend"),
    (4544, "pg_checkpoint"),
];

/// Member of the roles that may see settings and statistics.
const PG_MONITOR: u32 = 3373;
/// Role that may see the statistics of all.
const PG_READ_ALL_STATS: u32 = 3375;

/// Functions that only the superuser may call.
const OWN_FUNCTIONS: [&str; 49] = [
    "lo_export(oid,text)",
    "lo_import(text)",
    "lo_import(text,oid)",
    "pg_backup_start(text,boolean)",
    "pg_backup_stop(boolean)",
    "pg_config()",
    "pg_create_restore_point(text)",
    "pg_current_logfile()",
    "pg_current_logfile(text)",
    "pg_hba_file_rules()",
    "pg_ident_file_mappings()",
    "pg_log_backend_memory_contexts(integer)",
    "pg_ls_dir(text)",
    "pg_ls_dir(text,boolean,boolean)",
    "pg_promote(boolean,integer)",
    "pg_read_binary_file(text)",
    "pg_read_binary_file(text,bigint,bigint)",
    "pg_read_binary_file(text,bigint,bigint,boolean)",
    "pg_read_file(text)",
    "pg_read_file(text,bigint,bigint)",
    "pg_read_file(text,bigint,bigint,boolean)",
    "pg_reload_conf()",
    "pg_replication_origin_advance(text,pg_lsn)",
    "pg_replication_origin_create(text)",
    "pg_replication_origin_drop(text)",
    "pg_replication_origin_oid(text)",
    "pg_replication_origin_progress(text,boolean)",
    "pg_replication_origin_session_is_setup()",
    "pg_replication_origin_session_progress(boolean)",
    "pg_replication_origin_session_reset()",
    "pg_replication_origin_session_setup(text)",
    "pg_replication_origin_xact_reset()",
    "pg_replication_origin_xact_setup(pg_lsn,timestamp with time zone)",
    "pg_rotate_logfile()",
    "pg_show_all_file_settings()",
    "pg_show_replication_origin_status()",
    "pg_stat_file(text)",
    "pg_stat_file(text,boolean)",
    "pg_stat_have_stats(text,oid,oid)",
    "pg_stat_reset()",
    "pg_stat_reset_replication_slot(text)",
    "pg_stat_reset_shared(text)",
    "pg_stat_reset_single_function_counters(oid)",
    "pg_stat_reset_single_table_counters(oid)",
    "pg_stat_reset_slru(text)",
    "pg_stat_reset_subscription_stats(oid)",
    "pg_switch_wal()",
    "pg_wal_replay_pause()",
    "pg_wal_replay_resume()",
];

/// Functions that only the superuser and `pg_monitor` may call.
const MONITOR_FUNCTIONS: [&str; 8] = [
    "pg_ls_archive_statusdir()",
    "pg_ls_logdir()",
    "pg_ls_logicalmapdir()",
    "pg_ls_logicalsnapdir()",
    "pg_ls_replslotdir(text)",
    "pg_ls_tmpdir()",
    "pg_ls_tmpdir(oid)",
    "pg_ls_waldir()",
];

/// The schema `public`.
pub const PUBLIC: u32 = 2200;

fn array(elem: u32, items: Vec<Datum>) -> Datum {
    let dims = if items.is_empty() { vec![] } else { vec![(items.len() as i32, 1)] };
    Datum::Array(Arc::new(ArrayValue { elem, dims, items }))
}

/// Rows of the shared catalogs.
pub fn shared(superuser_password: Option<String>) -> Vec<CatRow> {
    let mut out = vec![rows::role(&Role {
        oid: SUPERUSER,
        name: "postgres".to_owned(),
        superuser: true,
        inherit: true,
        create_role: true,
        create_db: true,
        login: true,
        replication: true,
        bypass_rls: true,
        connection_limit: -1,
        password: superuser_password,
        valid_until: None,
    })];
    out.extend(PREDEFINED_ROLES.iter().map(|(oid, name)| {
        rows::role(&Role {
            oid: *oid,
            name: (*name).to_owned(),
            superuser: false,
            inherit: true,
            create_role: false,
            create_db: false,
            login: false,
            replication: false,
            bypass_rls: false,
            connection_limit: -1,
            password: None,
            valid_until: None,
        })
    }));
    for role in [3374, PG_READ_ALL_STATS, 3377] {
        let m = Membership { role, member: PG_MONITOR, grantor: SUPERUSER, admin: false };
        out.push(rows::membership(&m));
    }
    for (oid, name, is_template, allow_connections) in DATABASES {
        // The templates let nobody but their owner make temporary tables in them.
        let acl = is_template.then(|| {
            let item = |grantee, privs| AclItem { grantee, grantor: SUPERUSER, privs, options: 0 };
            Acl(vec![item(0, privs::CONNECT), item(SUPERUSER, AclKind::Database.all())])
        });
        let d = Database {
            oid,
            name: name.to_owned(),
            owner: SUPERUSER,
            allow_connections,
            is_template,
            connection_limit: -1,
            locale: (super::DEFAULT_LOCALE.to_owned(), super::DEFAULT_LOCALE.to_owned()),
            acl,
        };
        out.push(rows::database(&d));
    }
    for t in pgdata::tablespaces() {
        out.push(RowBuilder::new(1213).oid("oid", t.oid).text("spcname", t.spcname).oid("spcowner", SUPERUSER).build());
    }
    out
}

/// What initdb grants on its own schemas.
fn schema_acl(name: &str, owner: u32) -> Option<Acl> {
    if name == "pg_toast" {
        return None;
    }
    let mut acl = Acl::default_for(AclKind::Schema, owner);
    acl.0.push(AclItem { grantee: 0, grantor: owner, privs: privs::USAGE, options: 0 });
    Some(acl)
}

/// What initdb grants on functions that not everyone may call, by signature: to whom beside the superuser.
fn function_acl(p: &pgdata::Proc) -> Option<Acl> {
    let signature = rustydb_types::registry::signature(p);
    let grantee = match () {
        () if OWN_FUNCTIONS.contains(&signature.as_str()) => None,
        () if MONITOR_FUNCTIONS.contains(&signature.as_str()) => Some(PG_MONITOR),
        () if matches!(p.proname, "pg_get_backend_memory_contexts" | "pg_get_shmem_allocations") => {
            Some(PG_READ_ALL_STATS)
        }
        () => return None,
    };
    let item = |grantee| AclItem { grantee, grantor: SUPERUSER, privs: privs::EXECUTE, options: 0 };
    Some(Acl(std::iter::once(SUPERUSER).chain(grantee).map(item).collect()))
}

/// `pg_init_privs` of an object with a list, or (not 0) of one of its columns.
fn init_privs(class: u32, oid: u32, column: i16, acl: &Acl) -> CatRow {
    RowBuilder::new(table::PG_INIT_PRIVS)
        .oid("objoid", oid)
        .oid("classoid", class)
        .i4("objsubid", i32::from(column))
        .ch("privtype", 'i')
        .acl("initprivs", Some(acl))
        .build()
}

/// Schemas of a new database.
pub fn namespaces() -> Vec<Namespace> {
    let mut out: Vec<Namespace> = pgdata::namespaces()
        .iter()
        .map(|n| {
            let owner = if n.oid == PUBLIC { PG_DATABASE_OWNER } else { SUPERUSER };
            Namespace { oid: n.oid, name: n.nspname.to_owned(), owner, acl: schema_acl(n.nspname, owner) }
        })
        .collect();
    if !out.iter().any(|n| n.oid == PUBLIC) {
        let acl = schema_acl("public", PG_DATABASE_OWNER);
        out.push(Namespace { oid: PUBLIC, name: "public".to_owned(), owner: PG_DATABASE_OWNER, acl });
    }
    out
}

/// Rows of a new database's own catalogs; `relations` are the system relations as they are in that database.
pub fn database(relations: &[Relation]) -> Vec<CatRow> {
    let mut out: Vec<CatRow> = namespaces().iter().map(rows::namespace).collect();
    for n in namespaces() {
        out.extend(n.acl.as_ref().map(|a| init_privs(table::PG_NAMESPACE, n.oid, 0, a)));
    }
    for r in relations {
        let acl = r.acl.iter();
        let lists = acl.flat_map(|a| a.own.iter().map(|l| (0, l)).chain(a.columns.iter().map(|(n, l)| (*n, l))));
        out.extend(lists.map(|(column, l)| init_privs(table::PG_CLASS, r.oid, column, l)));
        // The row types are among the built-in types.
        out.extend(rows::relation(r).into_iter().filter(|row| row.table != table::PG_TYPE));
    }
    out.extend(pgdata::types().iter().map(pg_type));
    for p in pgdata::procs() {
        out.push(pg_proc(p));
        out.extend(function_acl(p).map(|a| init_privs(table::PG_PROC, p.oid, 0, &a)));
    }
    out.extend(pgdata::operators().iter().map(pg_operator));
    for c in pgdata::casts() {
        out.push(
            RowBuilder::new(2605)
                .oid("oid", c.oid)
                .oid("castsource", c.castsource)
                .oid("casttarget", c.casttarget)
                .oid("castfunc", c.castfunc)
                .ch("castcontext", c.castcontext)
                .ch("castmethod", c.castmethod)
                .build(),
        );
    }
    out.extend(pgdata::aggregates().iter().map(pg_aggregate));
    for a in pgdata::access_methods() {
        out.push(
            RowBuilder::new(2601)
                .oid("oid", a.oid)
                .text("amname", a.amname)
                .oid("amhandler", a.amhandler)
                .ch("amtype", a.amtype)
                .build(),
        );
    }
    for c in pgdata::opclasses() {
        out.push(
            RowBuilder::new(2616)
                .oid("oid", c.oid)
                .oid("opcmethod", c.opcmethod)
                .text("opcname", c.opcname)
                .oid("opcnamespace", pgdata::PG_CATALOG)
                .oid("opcowner", SUPERUSER)
                .oid("opcfamily", c.opcfamily)
                .oid("opcintype", c.opcintype)
                .bool("opcdefault", c.opcdefault)
                .oid("opckeytype", c.opckeytype)
                .build(),
        );
    }
    for f in pgdata::opfamilies() {
        out.push(
            RowBuilder::new(2753)
                .oid("oid", f.oid)
                .oid("opfmethod", f.opfmethod)
                .text("opfname", f.opfname)
                .oid("opfnamespace", pgdata::PG_CATALOG)
                .oid("opfowner", SUPERUSER)
                .build(),
        );
    }
    for a in pgdata::amops() {
        out.push(
            RowBuilder::new(2602)
                .oid("oid", a.oid)
                .oid("amopfamily", a.amopfamily)
                .oid("amoplefttype", a.amoplefttype)
                .oid("amoprighttype", a.amoprighttype)
                .i2("amopstrategy", a.amopstrategy)
                .ch("amoppurpose", a.amoppurpose)
                .oid("amopopr", a.amopopr)
                .oid("amopmethod", a.amopmethod)
                .oid("amopsortfamily", a.amopsortfamily)
                .build(),
        );
    }
    for a in pgdata::amprocs() {
        out.push(
            RowBuilder::new(2603)
                .oid("oid", a.oid)
                .oid("amprocfamily", a.amprocfamily)
                .oid("amproclefttype", a.amproclefttype)
                .oid("amprocrighttype", a.amprocrighttype)
                .i2("amprocnum", a.amprocnum)
                .oid("amproc", a.amproc)
                .build(),
        );
    }
    for c in pgdata::collations() {
        out.push(
            RowBuilder::new(3456)
                .oid("oid", c.oid)
                .text("collname", c.collname)
                .oid("collnamespace", pgdata::PG_CATALOG)
                .oid("collowner", SUPERUSER)
                .ch("collprovider", c.collprovider)
                .bool("collisdeterministic", c.collisdeterministic)
                .i4("collencoding", c.collencoding)
                .opt_text("collcollate", c.collcollate)
                .opt_text("collctype", c.collctype)
                .opt_text("colliculocale", c.colliculocale)
                .opt_text("collversion", c.colliculocale.map(|_| rustydb_types::collation::icu::VERSION))
                .build(),
        );
    }
    for l in pgdata::languages() {
        out.push(
            RowBuilder::new(2612)
                .oid("oid", l.oid)
                .text("lanname", l.lanname)
                .oid("lanowner", SUPERUSER)
                .bool("lanispl", l.lanispl)
                .bool("lanpltrusted", l.lanpltrusted)
                .oid("lanplcallfoid", l.lanplcallfoid)
                .oid("laninline", l.laninline)
                .oid("lanvalidator", l.lanvalidator)
                .build(),
        );
    }
    for r in pgdata::range_types() {
        out.push(
            RowBuilder::new(3541)
                .oid("rngtypid", r.rngtypid)
                .oid("rngsubtype", r.rngsubtype)
                .oid("rngmultitypid", r.rngmultitypid)
                .oid("rngcollation", r.rngcollation)
                .oid("rngsubopc", r.rngsubopc)
                .oid("rngcanonical", r.rngcanonical)
                .oid("rngsubdiff", r.rngsubdiff)
                .build(),
        );
    }
    text_search(&mut out);
    for d in pgdata::descriptions() {
        out.push(
            RowBuilder::new(table::PG_DESCRIPTION)
                .oid("objoid", d.objoid)
                .oid("classoid", d.classoid)
                .i4("objsubid", d.objsubid)
                .text("description", &d.description)
                .build(),
        );
    }
    out
}

/// Parsers, templates, dictionaries and configurations of text search, and conversions.
fn text_search(out: &mut Vec<CatRow>) {
    for p in pgdata::ts_parsers() {
        out.push(
            RowBuilder::new(3601)
                .oid("oid", p.oid)
                .text("prsname", p.prsname)
                .oid("prsnamespace", pgdata::PG_CATALOG)
                .oid("prsstart", p.prsstart)
                .oid("prstoken", p.prstoken)
                .oid("prsend", p.prsend)
                .oid("prsheadline", p.prsheadline)
                .oid("prslextype", p.prslextype)
                .build(),
        );
    }
    for t in pgdata::ts_templates() {
        out.push(
            RowBuilder::new(3764)
                .oid("oid", t.oid)
                .text("tmplname", t.tmplname)
                .oid("tmplnamespace", pgdata::PG_CATALOG)
                .oid("tmplinit", t.tmplinit)
                .oid("tmpllexize", t.tmpllexize)
                .build(),
        );
    }
    for d in pgdata::ts_dicts() {
        out.push(
            RowBuilder::new(3600)
                .oid("oid", d.oid)
                .text("dictname", d.dictname)
                .oid("dictnamespace", pgdata::PG_CATALOG)
                .oid("dictowner", SUPERUSER)
                .oid("dicttemplate", d.dicttemplate)
                .opt_text("dictinitoption", d.dictinitoption.as_deref())
                .build(),
        );
    }
    for c in pgdata::ts_configs() {
        out.push(
            RowBuilder::new(3602)
                .oid("oid", c.oid)
                .text("cfgname", c.cfgname)
                .oid("cfgnamespace", pgdata::PG_CATALOG)
                .oid("cfgowner", SUPERUSER)
                .oid("cfgparser", c.cfgparser)
                .build(),
        );
    }
    for c in pgdata::conversions() {
        out.push(
            RowBuilder::new(2607)
                .oid("oid", c.oid)
                .text("conname", c.conname)
                .oid("connamespace", pgdata::PG_CATALOG)
                .oid("conowner", SUPERUSER)
                .i4("conforencoding", c.conforencoding)
                .i4("contoencoding", c.contoencoding)
                .oid("conproc", c.conproc)
                .bool("condefault", c.condefault)
                .build(),
        );
    }
    for m in pgdata::ts_config_maps() {
        out.push(
            RowBuilder::new(3603)
                .oid("mapcfg", m.mapcfg)
                .i4("maptokentype", m.maptokentype)
                .i4("mapseqno", m.mapseqno)
                .oid("mapdict", m.mapdict)
                .build(),
        );
    }
}

fn pg_type(t: &pgdata::PgType) -> CatRow {
    RowBuilder::new(table::PG_TYPE)
        .oid("oid", t.oid)
        .text("typname", t.typname)
        .oid("typnamespace", t.typnamespace)
        .oid("typowner", SUPERUSER)
        .i2("typlen", t.typlen)
        .bool("typbyval", t.typbyval)
        .ch("typtype", t.typtype)
        .ch("typcategory", t.typcategory)
        .bool("typispreferred", t.typispreferred)
        .bool("typisdefined", t.typisdefined)
        .ch("typdelim", t.typdelim)
        .oid("typrelid", t.typrelid)
        .oid("typsubscript", t.typsubscript)
        .oid("typelem", t.typelem)
        .oid("typarray", t.typarray)
        .oid("typinput", t.typinput)
        .oid("typoutput", t.typoutput)
        .oid("typreceive", t.typreceive)
        .oid("typsend", t.typsend)
        .oid("typmodin", t.typmodin)
        .oid("typmodout", t.typmodout)
        .oid("typanalyze", t.typanalyze)
        .ch("typalign", t.typalign)
        .ch("typstorage", t.typstorage)
        .bool("typnotnull", t.typnotnull)
        .oid("typbasetype", t.typbasetype)
        .i4("typtypmod", t.typtypmod)
        .i4("typndims", t.typndims)
        .oid("typcollation", t.typcollation)
        .opt_text("typdefault", t.typdefault.as_deref())
        .build()
}

fn pg_proc(p: &pgdata::Proc) -> CatRow {
    let mut b = RowBuilder::new(table::PG_PROC)
        .oid("oid", p.oid)
        .text("proname", p.proname)
        .oid("pronamespace", p.pronamespace)
        .oid("proowner", SUPERUSER)
        .oid("prolang", p.prolang)
        .f4("procost", p.procost)
        .f4("prorows", p.prorows)
        .oid("provariadic", p.provariadic)
        .oid("prosupport", 0)
        .ch("prokind", p.prokind)
        .bool("prosecdef", p.prosecdef)
        .bool("proleakproof", p.proleakproof)
        .bool("proisstrict", p.proisstrict)
        .bool("proretset", p.proretset)
        .ch("provolatile", p.provolatile)
        .ch("proparallel", p.proparallel)
        .i2("pronargs", p.pronargs)
        .i2("pronargdefaults", p.pronargdefaults)
        .oid("prorettype", p.prorettype)
        .set("proargtypes", oid_vector(p.proargtypes.iter().copied()))
        .text("prosrc", &p.prosrc)
        .opt_text("prosqlbody", p.prosqlbody.as_deref())
        .acl("proacl", function_acl(p).as_ref());
    if let Some(all) = &p.proallargtypes {
        b = b.set("proallargtypes", array(oid::OID, all.iter().map(|o| Datum::Oid(*o)).collect()));
    }
    if let Some(modes) = &p.proargmodes {
        let items = modes.iter().map(|m| Datum::Text(m.to_string().as_str().into())).collect();
        b = b.set("proargmodes", array(oid::CHAR, items));
    }
    if let Some(names) = &p.proargnames {
        b = b.set("proargnames", array(oid::TEXT, names.iter().map(|n| Datum::Text((*n).into())).collect()));
    }
    if let Some(defaults) = &p.proargdefaults {
        let text = defaults.iter().map(|d| d.as_ref()).collect::<Vec<_>>().join(&rows::EXPR_SEPARATOR.to_string());
        b = b.text("proargdefaults", &text);
    }
    b.build()
}

fn pg_operator(o: &pgdata::Operator) -> CatRow {
    RowBuilder::new(2617)
        .oid("oid", o.oid)
        .text("oprname", o.oprname)
        .oid("oprnamespace", pgdata::PG_CATALOG)
        .oid("oprowner", SUPERUSER)
        .ch("oprkind", o.oprkind)
        .bool("oprcanmerge", o.oprcanmerge)
        .bool("oprcanhash", o.oprcanhash)
        .oid("oprleft", o.oprleft)
        .oid("oprright", o.oprright)
        .oid("oprresult", o.oprresult)
        .oid("oprcom", o.oprcom)
        .oid("oprnegate", o.oprnegate)
        .oid("oprcode", o.oprcode)
        .oid("oprrest", o.oprrest)
        .oid("oprjoin", o.oprjoin)
        .build()
}

fn pg_aggregate(a: &pgdata::Aggregate) -> CatRow {
    RowBuilder::new(2600)
        .oid("aggfnoid", a.aggfnoid)
        .ch("aggkind", a.aggkind)
        .i2("aggnumdirectargs", a.aggnumdirectargs)
        .oid("aggtransfn", a.aggtransfn)
        .oid("aggfinalfn", a.aggfinalfn)
        .oid("aggcombinefn", a.aggcombinefn)
        .oid("aggserialfn", a.aggserialfn)
        .oid("aggdeserialfn", a.aggdeserialfn)
        .oid("aggmtransfn", a.aggmtransfn)
        .oid("aggminvtransfn", a.aggminvtransfn)
        .oid("aggmfinalfn", a.aggmfinalfn)
        .bool("aggfinalextra", a.aggfinalextra)
        .bool("aggmfinalextra", a.aggmfinalextra)
        .ch("aggfinalmodify", a.aggfinalmodify)
        .ch("aggmfinalmodify", a.aggmfinalmodify)
        .oid("aggsortop", a.aggsortop)
        .oid("aggtranstype", a.aggtranstype)
        .i4("aggtransspace", a.aggtransspace)
        .oid("aggmtranstype", a.aggmtranstype)
        .i4("aggmtransspace", a.aggmtransspace)
        .opt_text("agginitval", a.agginitval.as_deref())
        .opt_text("aggminitval", a.aggminitval.as_deref())
        .build()
}
