//! Temporary relations: where new ones go, what happens to them at the end of a transaction and of their session.
//!
//! A session's temporary objects live in a schema of its own, `pg_temp_N`, made when the first of them is; the schema
//! stays behind, empty, for the next session with the same number. They are catalog objects like all others, so
//! transactions, savepoints and the catalog's views need nothing of their own; other sessions see that they exist but may
//! not read them. What a session could not remove itself (the server was killed) goes when the engine starts.

use super::drop::{Object, drop_objects};
use super::{DdlCx, err};
use crate::catalog::system::SUPERUSER;
use crate::catalog::{Catalog, Namespace, Persistence, RelKind, Relation};
use crate::session::SessionShared;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, Name, OnCommit, TableLockMode};
use rustydb_types::pgdata;

/// Whether a schema is that of some session's temporary objects.
pub fn is_temporary(cat: &Catalog, ns: u32) -> bool {
    cat.namespaces.get(&ns).is_some_and(|n| n.name.starts_with("pg_temp_"))
}

fn session<'a>(cx: &'a DdlCx<'_>) -> Option<&'a SessionShared> {
    cx.eval.session.as_any().downcast_ref::<SessionShared>()
}

/// This session's schema of temporary objects, if it has one.
pub fn own(cx: &DdlCx<'_>) -> Option<u32> {
    session(cx)?.temp_namespace(&cx.tx.catalog)
}

/// The same, made if need be.
async fn own_or_new(cx: &mut DdlCx<'_>) -> Result<u32> {
    let Some(name) = session(cx).map(SessionShared::temp_schema) else {
        return Err(DbError::internal("temporary objects need a session"));
    };
    if let Some(s) = session(cx) {
        s.temp.activate();
    }
    let ns = match cx.tx.catalog.namespace_named(&name) {
        Some(ns) => ns,
        None => {
            let oid = cx.tx.new_oid().await?;
            cx.tx.put_namespace(Namespace { oid, name, owner: SUPERUSER, acl: None }).await?;
            oid
        }
    };
    if !cx.search_path.contains(&ns) {
        cx.search_path.insert(0, ns);
    }
    Ok(ns)
}

/// Makes the schema of temporary objects if a new object is to go there by its name.
pub async fn make_named(cx: &mut DdlCx<'_>, name: &Name) -> Result<()> {
    if name.schema.as_ref().is_some_and(|s| s.value == "pg_temp") && own(cx).is_none() {
        own_or_new(cx).await?;
    }
    Ok(())
}

/// Whether names without a schema go to the temporary one, because the search path names it first.
fn temporary_first(cx: &DdlCx<'_>) -> bool {
    let Some(s) = session(cx).filter(|_| !cx.in_new_schema) else { return false };
    let text = s.settings(|x| x.get("search_path").to_owned());
    let user = s.user().name;
    for name in crate::settings::Settings::name_list(&text) {
        match name.as_str() {
            "pg_temp" => return true,
            "$user" if cx.tx.catalog.namespace_named(&user).is_some() => return false,
            n if cx.tx.catalog.namespace_named(n).is_some() => return false,
            _ => {}
        }
    }
    false
}

/// Schema and persistence of a new relation by its name and what was written before TABLE, VIEW or SEQUENCE.
pub async fn place(cx: &mut DdlCx<'_>, name: &Name, p: ast::Persistence) -> Result<(u32, Persistence)> {
    let bad = |m: &'static str| err(SqlState::INVALID_TABLE_DEFINITION, m);
    let explicit = name.schema.as_ref().map(|s| s.value.as_str());
    let in_temp = match explicit {
        Some(s) => s == "pg_temp" || session(cx).is_some_and(|x| x.temp_schema() == s && own(cx).is_some()),
        None => p == ast::Persistence::Temporary || temporary_first(cx),
    };
    if in_temp {
        if p == ast::Persistence::Unlogged {
            return Err(bad("only temporary relations may be created in temporary schemas"));
        }
        return Ok((own_or_new(cx).await?, Persistence::Temporary));
    }
    if let Some(ns) = explicit.and_then(|s| cx.tx.catalog.namespace_named(s))
        && is_temporary(&cx.tx.catalog, ns)
    {
        return Err(bad("cannot create relations in temporary schemas of other sessions"));
    }
    match p {
        ast::Persistence::Temporary => {
            cx.creation_namespace(name)?;
            Err(bad("cannot create temporary relation in non-temporary schema"))
        }
        ast::Persistence::Unlogged => Ok((cx.creation_namespace(name)?, Persistence::Unlogged)),
        ast::Persistence::Permanent => Ok((cx.creation_namespace(name)?, Persistence::Permanent)),
    }
}

/// First schema of the path that new names go to.
pub fn first_of_path(cx: &DdlCx<'_>) -> Option<u32> {
    let temp = own(cx);
    cx.search_path.iter().copied().find(|n| *n != pgdata::PG_CATALOG && Some(*n) != temp)
}

/// Checks ON COMMIT of a new table.
pub fn check_on_commit(on_commit: OnCommit, p: Persistence) -> Result<()> {
    if on_commit != OnCommit::Unspecified && p != Persistence::Temporary {
        return Err(err(SqlState::INVALID_TABLE_DEFINITION, "ON COMMIT can only be used on temporary tables"));
    }
    Ok(())
}

/// Notes what to do with a new table at the end of each transaction.
pub fn note_on_commit(cx: &DdlCx<'_>, table: u32, on_commit: OnCommit) {
    if let (Some(s), OnCommit::DeleteRows | OnCommit::Drop) = (session(cx), on_commit) {
        s.temp.note(table, on_commit);
    }
}

/// A foreign key may not lead to rows that go earlier than its own.
pub fn check_foreign_key(cx: &DdlCx<'_>, from: &Relation, to: &Relation) -> Result<()> {
    let bad = |m: &'static str| Err(err(SqlState::INVALID_TABLE_DEFINITION, m));
    if to.in_memory() && !from.in_memory() {
        return bad("constraints on permanent tables may reference only permanent tables");
    }
    match (from.persistence, to.persistence) {
        (Persistence::Permanent, p) if p != Persistence::Permanent => {
            bad("constraints on permanent tables may reference only permanent tables")
        }
        (Persistence::Unlogged, Persistence::Temporary) => {
            bad("constraints on unlogged tables may reference only permanent or unlogged tables")
        }
        (Persistence::Temporary, p) if p != Persistence::Temporary => {
            bad("constraints on temporary tables may reference only temporary tables")
        }
        (Persistence::Temporary, _) if Some(from.namespace) != own(cx) || Some(to.namespace) != own(cx) => {
            bad("constraints on temporary tables must involve temporary tables of this session")
        }
        _ => Ok(()),
    }
}

/// Drops everything in a schema of temporary objects.
pub async fn drop_contents(cx: &mut DdlCx<'_>, ns: u32) -> Result<()> {
    let cat = cx.cat();
    let mut inside: Vec<u32> =
        cat.relations.values().filter(|r| r.namespace == ns && r.kind != RelKind::Index).map(|r| r.oid).collect();
    inside.sort_unstable();
    let named: Vec<Object> = inside.into_iter().map(Object::Relation).collect();
    if !named.is_empty() {
        drop_objects(cx, &named, true, "temporary objects").await?;
        cx.notices.clear();
    }
    Ok(())
}

/// Does what ON COMMIT of the tables asks for; `emptied` first, then `dropped`.
pub async fn on_commit(cx: &mut DdlCx<'_>, emptied: &[u32], dropped: &[u32]) -> Result<()> {
    for t in emptied {
        cx.lock(*t, TableLockMode::AccessExclusive).await?;
        let rel = cx.relation(*t)?;
        if let Some(fk) = rel.referenced_by.iter().find(|c| c.table != *t && !emptied.contains(&c.table)) {
            let other = cx.relation(fk.table)?;
            return Err(DbError::unsupported("unsupported ON COMMIT and foreign key combination").detail(format!(
                "Table \"{}\" references \"{}\", but they do not have the same ON COMMIT setting.",
                other.name, rel.name
            )));
        }
        super::truncate::empty(cx, *t).await?;
    }
    let named: Vec<Object> = dropped.iter().map(|t| Object::Relation(*t)).collect();
    if !named.is_empty() {
        drop_objects(cx, &named, true, "temporary tables").await?;
        cx.notices.clear();
    }
    Ok(())
}
