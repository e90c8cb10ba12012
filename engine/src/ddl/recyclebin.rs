//! The recycle bin: where DROP TABLE puts tables while `recyclebin` is on, and FLASHBACK TABLE … TO BEFORE DROP.
//!
//! Idea: a table in the bin is an ordinary table in a schema of its own, made for it and named after what must be known of
//! it, `bin$<schema>$<when>$<table>` (the OID of the schema it was in, microseconds since 2000, its OID). So its rows, indexes,
//! constraints, defaults and owned sequences stay as they are under their names, nothing finds them by accident, the
//! schema's owner being the system, and a dump takes them along.
//!
//! What else depended on the table goes as with any DROP, and so do its foreign keys: they would keep rows of other tables
//! from going for the sake of a table that is not there. The bin is bounded by `recyclebin_limit` and
//! `recyclebin_retention`: with each table that comes, the oldest ones go until what is left keeps within them, and what nothing
//! comes after goes by time (`expiry.rs`). What goes gives its space back as with any DROP.
//!
//! Left out: temporary tables and those in memory, tables of trees (partitions, inheritance) and typed tables, which are
//! dropped at once.

use super::drop::{Object, carry_out, drop_objects};
use super::{DdlCx, err};
use crate::catalog::system::SUPERUSER;
use crate::catalog::{Catalog, ConstraintKind, Namespace, Persistence, RelKind, Relation};
use crate::settings;
use rustydb_base::{DbError, RelId, Result, SqlState};
use rustydb_parser::ast::{Ident, Name, TableLockMode};
use std::collections::HashMap;
use std::sync::Arc;

const PREFIX: &str = "bin$";

/// A table in the bin.
pub struct Entry {
    /// The schema made for it.
    pub namespace: u32,
    /// The schema it was in.
    pub schema: u32,
    /// When it was dropped, in microseconds since 2000.
    pub at: i64,
    /// The table.
    pub table: Arc<Relation>,
}

/// The schema that a table was in, and when it was dropped, by the name of its schema in the bin.
fn parse(schema: &str) -> Option<(u32, i64)> {
    let mut parts = schema.strip_prefix(PREFIX)?.split('$');
    let found = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let _table: u32 = parts.next()?.parse().ok()?;
    parts.next().is_none().then_some(found)
}

/// What is in the bin, the oldest first.
pub fn entries(cat: &Catalog) -> Vec<Entry> {
    let bins: HashMap<u32, (u32, i64)> =
        cat.namespaces.values().filter_map(|n| Some((n.oid, parse(&n.name)?))).collect();
    if bins.is_empty() {
        return Vec::new();
    }
    let mut out: Vec<Entry> = cat
        .relations
        .values()
        .filter(|r| r.kind == RelKind::Table)
        .filter_map(|r| {
            let (schema, at) = *bins.get(&r.namespace)?;
            Some(Entry { namespace: r.namespace, schema, at, table: Arc::clone(r) })
        })
        .collect();
    out.sort_by_key(|e| (e.at, e.table.oid));
    out
}

/// The schemas of those among relations that are in the bin: such a schema goes with its table, however that is dropped.
pub fn schemas_of(cat: &Catalog, relations: &[u32]) -> Vec<u32> {
    let found = relations.iter().filter_map(|r| cat.relation(*r)).filter(|r| parse(&r.schema).is_some());
    let mut schemas: Vec<u32> = found.map(|r| r.namespace).collect();
    schemas.sort_unstable();
    schemas.dedup();
    schemas
}

/// Whether DROP TABLE puts the table into the bin.
pub fn takes(cx: &DdlCx<'_>, rel: &Relation) -> bool {
    cx.eval.session.setting("recyclebin").as_deref() == Some("on")
        && rel.kind == RelKind::Table
        && rel.persistence != Persistence::Temporary
        && !rel.in_memory()
        && !rel.is_partitioned()
        && rel.bound.is_none()
        && rel.parents.is_empty()
        && rel.children.is_empty()
        && rel.of_type == 0
        && parse(&rel.schema).is_none()
}

/// Whether an object that goes with a table into the bin stays as it is: its indexes, owned sequences, and row types.
pub fn stays(cat: &Catalog, tables: &[u32], o: &Object) -> bool {
    match o {
        Object::Relation(r) => {
            tables.contains(r)
                || cat.index(*r).is_some_and(|i| tables.contains(&i.table))
                || cat
                    .relation(*r)
                    .and_then(|r| r.sequence.as_ref()?.owned_by)
                    .is_some_and(|(t, _)| tables.contains(&t))
        }
        Object::TypeMember(t) => {
            tables.iter().filter_map(|o| cat.relation(*o)).any(|r| r.row_type == *t || r.row_array_type == *t)
        }
        _ => false,
    }
}

/// Puts a table, on which nothing depends any more, into the bin.
pub async fn put(cx: &mut DdlCx<'_>, oid: u32) -> Result<()> {
    let rel = cx.relation(oid)?;
    let foreign: Vec<Object> = rel
        .constraints
        .iter()
        .filter(|c| matches!(c.kind, ConstraintKind::Foreign { ref_table, .. } if ref_table != oid))
        .map(|c| Object::Constraint(oid, c.oid))
        .collect();
    carry_out(cx, &foreign).await?;
    let rel = cx.relation(oid)?;
    if let Some(s) = &rel.storage {
        cx.tx.txn.empties(s.heap)?;
    }
    let name = format!("{PREFIX}{}${}${oid}", rel.namespace, crate::engine::now_micros());
    let namespace = cx.tx.new_oid().await?;
    cx.tx.put_namespace(Namespace { oid: namespace, name: name.clone(), owner: SUPERUSER, acl: None }).await?;
    super::rename::move_relation(cx, &rel, namespace, &name, &HashMap::new()).await
}

/// Removes an entry for good.
pub async fn remove(cx: &mut DdlCx<'_>, e: &Entry) -> Result<()> {
    cx.lock(e.table.oid, TableLockMode::AccessExclusive).await?;
    // It may have been put back, or have gone, while we waited.
    let still = cx.tx.catalog.relation(e.table.oid).is_some_and(|r| r.namespace == e.namespace);
    if still {
        let what = format!("table {}", e.table.name);
        // Boxed, because a DROP is what calls this.
        Box::pin(drop_objects(cx, &[Object::Relation(e.table.oid)], true, &what)).await?;
    }
    Ok(())
}

/// A setting in its base unit.
fn number(cx: &DdlCx<'_>, name: &str) -> i64 {
    let shown = cx.eval.session.setting(name).unwrap_or_default();
    let base = settings::find(name).and_then(|d| settings::canonical(d, &shown).ok());
    base.and_then(|v| v.parse().ok()).unwrap_or(0)
}

/// Blocks that a table has in all its files.
async fn blocks(cx: &mut DdlCx<'_>, rel: &Relation) -> Result<i64> {
    let mut files: Vec<RelId> = rel.storage.iter().flat_map(|s| [s.heap, s.overflow]).collect();
    files.extend(rel.indexes.iter().map(|i| i.storage));
    let store = Arc::clone(cx.tx.txn.store());
    let mut n = 0;
    for f in files.into_iter().filter(|f| *f != RelId(0)) {
        n += i64::from(store.read(|core| core.space.nblocks(f, &core.pool)).await?);
    }
    Ok(n)
}

/// Removes what is too old, and then the oldest until the rest is small enough.
pub async fn trim(cx: &mut DdlCx<'_>) -> Result<()> {
    let all = entries(&cx.cat());
    let kept = number(cx, "recyclebin_retention").saturating_mul(60_000_000);
    let oldest = crate::engine::now_micros().saturating_sub(kept);
    // The limit is in kB, a block has 8.
    let most = number(cx, "recyclebin_limit") / 8;
    let mut sizes = Vec::with_capacity(all.len());
    for e in &all {
        sizes.push(blocks(cx, &e.table).await?);
    }
    let mut total: i64 = sizes.iter().sum();
    for (e, size) in all.iter().zip(sizes) {
        if total > most || e.at < oldest {
            remove(cx, e).await?;
            total -= size;
        }
    }
    Ok(())
}

fn not_there(name: &Name) -> DbError {
    err(SqlState::UNDEFINED_TABLE, format!("table \"{}\" is not in the recycle bin", name.plain()))
        .hint("The function rustydb_recyclebin() lists what is there.")
}

/// Entries for tables that had this name, the oldest first.
fn named(cx: &DdlCx<'_>, name: &Name) -> Result<Vec<Entry>> {
    let schemas = match &name.schema {
        Some(s) => {
            let missing = || err(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{}\" does not exist", s.value));
            vec![cx.schema_named(&s.value).ok_or_else(missing)?]
        }
        None => cx.search_path.clone(),
    };
    let mut all = entries(&cx.cat());
    all.retain(|e| e.table.name == name.name.value && schemas.contains(&e.schema));
    Ok(all)
}

/// FLASHBACK TABLE … TO BEFORE DROP: the table of the name that was dropped last comes back.
pub async fn restore(cx: &mut DdlCx<'_>, name: &Name, rename: Option<&Ident>) -> Result<()> {
    let (e, rel) = loop {
        let Some(e) = named(cx, name)?.pop() else { return Err(not_there(name)) };
        cx.lock(e.table.oid, TableLockMode::AccessExclusive).await?;
        match cx.tx.catalog.relation(e.table.oid).cloned() {
            Some(r) if r.namespace == e.namespace => break (e, r),
            _ => continue,
        }
    };
    cx.check_owner(rel.owner, "table", &rel.name)?;
    let Some(schema) = cx.tx.catalog.namespaces.get(&e.schema).cloned() else {
        let message = format!("the schema of table \"{}\" does not exist any more", rel.name);
        return Err(err(SqlState::INVALID_SCHEMA_NAME, message));
    };
    let to = rename.map_or(rel.name.as_str(), |r| r.value.as_str()).to_owned();
    cx.check_create_in(schema.oid, &to)?;
    if cx.tx.catalog.relation_named(schema.oid, &to).is_some() {
        return Err(err(SqlState::DUPLICATE_TABLE, format!("relation \"{to}\" already exists"))
            .hint("Use FLASHBACK TABLE ... TO BEFORE DROP RENAME TO ..."));
    }
    let mut names = HashMap::from([(rel.oid, to.clone())]);
    let owned: Vec<Arc<Relation>> = super::rename::owned_sequences(cx, rel.oid);
    let parts = rel.indexes.iter().map(|i| (i.oid, i.name.clone(), "index"));
    let parts: Vec<(u32, String, &str)> =
        parts.chain(owned.iter().map(|s| (s.oid, s.name.clone(), "sequence"))).collect();
    for (oid, old, what) in parts {
        let taken = |n: &str, names: &HashMap<u32, String>| {
            cx.tx.catalog.relation_named(schema.oid, n).is_some() || names.values().any(|x| x == n)
        };
        let (mut new, mut n) = (old.clone(), 0);
        while taken(&new, &names) {
            n += 1;
            let digits = n.to_string();
            let room = super::names::MAX_NAME - digits.len();
            new = format!("{}{digits}", super::names::clip(&old, room));
        }
        if new != old {
            cx.notice(err(
                SqlState::SUCCESSFUL_COMPLETION,
                format!("{what} \"{old}\" comes back as \"{new}\", as its name is taken"),
            ));
        }
        names.insert(oid, new);
    }
    super::rename::move_relation(cx, &rel, schema.oid, &schema.name, &names).await?;
    cx.tx.drop_namespace(e.namespace).await
}

/// PURGE: removes one table (of several of the name the oldest), or all that the role owns.
pub async fn purge(cx: &mut DdlCx<'_>, name: Option<&Name>) -> Result<()> {
    let Some(name) = name else {
        for e in entries(&cx.cat()) {
            if crate::acl::check::owns(&cx.tx.catalog, cx.role, e.table.owner) {
                remove(cx, &e).await?;
            }
        }
        return Ok(());
    };
    let all = named(cx, name)?;
    let Some(e) = all.first() else { return Err(not_there(name)) };
    cx.check_owner(e.table.owner, "table", &e.table.name)?;
    remove(cx, e).await
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn names_of_the_bins_schemas() {
        assert_eq!(parse("bin$2200$1700000000000000$16400"), Some((2200, 1_700_000_000_000_000)));
        for bad in ["public", "bin$", "bin$x$1$2", "bin$1$2", "bin$1$2$3$4"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
