//! Every system view is there, parses, binds, and has the columns PostgreSQL gives it.

use crate::bind::{BindCx, Binder};
use crate::catalog::testing;
use crate::plan::ir::Bound;
use rustydb_types::pgdata;

#[test]
fn every_view_has_a_query() {
    let missing: Vec<_> = pgdata::relations()
        .iter()
        .filter(|r| r.relkind == 'v' && super::definition(r.relnamespace, r.relname).is_none())
        .map(|r| r.relname)
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_view_binds_to_its_columns() {
    let catalog = testing::catalog();
    let eval = testing::eval(&catalog);
    let mut wrong = Vec::new();
    for r in pgdata::relations().iter().filter(|r| r.relkind == 'v') {
        let Some(text) = super::definition(r.relnamespace, r.relname) else { continue };
        let cx = BindCx {
            catalog: &catalog,
            search_path: &[pgdata::PG_CATALOG],
            eval: &eval,
            role: crate::catalog::system::SUPERUSER,
            sql: text,
        };
        let bound = rustydb_parser::parse(text).and_then(|p| {
            let stmt = &p.first().ok_or_else(|| rustydb_base::DbError::internal("no statement"))?.stmt;
            Binder::new(&cx, &[]).statement(stmt)
        });
        let q = match bound {
            Ok(Some(Bound::Query(q))) => q,
            Ok(_) => {
                wrong.push(format!("{}: not a query", r.relname));
                continue;
            }
            Err(e) => {
                wrong.push(format!("{}: {e:?}", r.relname));
                continue;
            }
        };
        let want = pgdata::columns_of(r.oid);
        let names: Vec<&str> = q.columns.iter().map(|c| c.name.as_str()).collect();
        if names != want.iter().map(|c| c.attname).collect::<Vec<_>>() {
            wrong.push(format!("{}: columns {names:?}", r.relname));
        }
        // In pg_catalog the texts produce the types themselves; information_schema's domains are put on afterwards.
        if r.relnamespace == pgdata::PG_CATALOG {
            for (c, w) in q.columns.iter().zip(want).filter(|(c, w)| c.ty.oid != w.atttypid) {
                let shown = |o| rustydb_types::typename::format_type(o, -1);
                wrong.push(format!("{}.{}: {} not {}", r.relname, c.name, shown(c.ty.oid), shown(w.atttypid)));
            }
        }
        // As a relation it must bind too, with the declared types.
        let sql = format!(
            "SELECT * FROM {}.{}",
            if r.relnamespace == pgdata::PG_CATALOG { "pg_catalog" } else { "information_schema" },
            r.relname
        );
        match testing::bind(&catalog, &sql) {
            Ok(Some(Bound::Query(q))) => {
                for (c, w) in q.columns.iter().zip(want) {
                    let base =
                        pgdata::pg_type(w.atttypid).filter(|t| t.typtype == 'd').map_or(w.atttypid, |t| t.typbasetype);
                    if c.ty.oid != base {
                        wrong.push(format!("{}.{} as relation: {}", r.relname, c.name, c.ty.oid));
                    }
                }
            }
            other => wrong.push(format!("{} as relation: {other:?}", r.relname)),
        }
    }
    assert!(wrong.is_empty(), "{} problems:\n{}", wrong.len(), wrong.join("\n"));
}
