//! ALTER TABLE sub-commands that a definition keeps for others to read: statistics targets, storage and compression of
//! columns, the index that CLUSTER follows, and the replica identity.

use super::{DdlCx, err, options};
use crate::catalog::types::Shape;
use crate::catalog::{Column, Index, RelKind, Relation};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{ColumnOrNumber, DefOption, Ident, ReplicaIdentity};
use rustydb_types::typename;
use std::sync::Arc;

/// Largest statistics target.
const MAX_TARGET: i32 = 10_000;

fn column<'r>(r: &'r mut Relation, name: &Ident) -> Result<&'r mut Column> {
    if matches!(name.value.as_str(), "ctid" | "xmin" | "cmin" | "xmax" | "cmax" | "tableoid") {
        return Err(DbError::unsupported(format!("cannot alter system column \"{}\"", name.value)));
    }
    let missing =
        err(SqlState::UNDEFINED_COLUMN, format!("column \"{}\" of relation \"{}\" does not exist", name.value, r.name));
    r.columns.iter_mut().find(|c| !c.dropped && c.name == name.value).ok_or(missing)
}

fn target(cx: &mut DdlCx<'_>, target: i32) -> Result<i32> {
    if target < -1 {
        return Err(err(SqlState::INVALID_PARAMETER_VALUE, format!("statistics target {target} is too low")));
    }
    if target > MAX_TARGET {
        let text = format!("lowering statistics target to {MAX_TARGET}");
        cx.notices.push(("WARNING", err(SqlState::INVALID_PARAMETER_VALUE, text)));
    }
    Ok(target.min(MAX_TARGET))
}

/// SET STATISTICS of a table's column.
pub fn set_statistics(cx: &mut DdlCx<'_>, r: &mut Relation, which: &ColumnOrNumber, to: i32) -> Result<()> {
    let ColumnOrNumber::Column(name) = which else {
        return Err(DbError::unsupported("cannot refer to non-index column by number"));
    };
    let to = target(cx, to)?;
    let c = column(r, name)?;
    if c.is_virtual() {
        return Err(DbError::unsupported(format!(
            "cannot alter statistics on virtual generated column \"{}\"",
            c.name
        )));
    }
    c.tuning.target = to;
    Ok(())
}

/// SET STATISTICS of an index's expression.
pub async fn set_index_statistics(cx: &mut DdlCx<'_>, index: u32, which: &ColumnOrNumber, to: i32) -> Result<()> {
    let cat = cx.cat();
    let ix = cat.index(index).ok_or_else(|| DbError::internal("index is not in the catalog"))?;
    let table = cat.relation(ix.table).ok_or_else(|| DbError::internal("index without a table"))?;
    let to = target(cx, to)?;
    let names = crate::catalog::rows::index_column_names(table, ix);
    let at = match which {
        ColumnOrNumber::Number(n) => {
            usize::try_from(*n).ok().filter(|n| (1..=names.len()).contains(n)).ok_or_else(|| {
                err(SqlState::UNDEFINED_COLUMN, format!("column number {n} of relation \"{}\" does not exist", ix.name))
            })?
        }
        ColumnOrNumber::Column(name) => {
            names.iter().position(|n| *n == name.value).map(|i| i + 1).ok_or_else(|| {
                err(
                    SqlState::UNDEFINED_COLUMN,
                    format!("column \"{}\" of relation \"{}\" does not exist", name.value, ix.name),
                )
            })?
        }
    };
    let shown = &names[at - 1];
    if at > ix.keys.len() {
        return Err(DbError::unsupported(format!(
            "cannot alter statistics on included column \"{shown}\" of index \"{}\"",
            ix.name
        )));
    }
    if ix.keys[at - 1].attnum != 0 {
        return Err(DbError::unsupported(format!(
            "cannot alter statistics on non-expression column \"{shown}\" of index \"{}\"",
            ix.name
        ))
        .hint("Alter statistics on table column instead."));
    }
    let mut t = (**table).clone();
    let at = i16::try_from(at).map_err(|_| DbError::internal("index with too many columns"))?;
    for i in t.indexes.iter_mut().filter(|i| i.oid == index) {
        let mut new = (**i).clone();
        new.marks.targets.retain(|x| x.0 != at);
        if to >= 0 {
            new.marks.targets.push((at, to));
        }
        *i = Arc::new(new);
    }
    cx.put(t).await
}

/// `ALTER COLUMN … SET (n_distinct = …)` and RESET.
pub fn set_options(r: &mut Relation, name: &Ident, list: &[DefOption], reset: bool) -> Result<()> {
    let kept = &mut column(r, name)?.tuning.options;
    if reset { options::reset(kept, list) } else { options::set(options::Owner::Column, kept, list) }
}

/// SET STORAGE.
pub fn set_storage(r: &mut Relation, name: &Ident, word: &Ident) -> Result<()> {
    super::column::check_storage(&word.value)?;
    let c = column(r, name)?;
    c.tuning.storage = storage(c.ty.oid, &word.value)?;
    Ok(())
}

/// `attstorage` by its name, for a column of a type.
pub fn storage(ty: u32, word: &str) -> Result<char> {
    let letter = match word.to_ascii_lowercase().as_str() {
        "external" => 'e',
        "extended" => 'x',
        "main" => 'm',
        _ => 'p',
    };
    if letter != 'p' && Shape::of(ty).storage == 'p' {
        return Err(DbError::unsupported(format!(
            "column data type {} can only have storage PLAIN",
            typename::format_type(ty, -1)
        )));
    }
    Ok(letter)
}

/// SET COMPRESSION.
pub fn set_compression(r: &mut Relation, name: &Ident, method: &Ident) -> Result<()> {
    let c = column(r, name)?;
    c.tuning.compression = compression(c.ty.oid, method)?;
    Ok(())
}

/// `attcompression` by the method's name, for a column of a type.
pub fn compression(ty: u32, method: &Ident) -> Result<char> {
    if Shape::of(ty).storage == 'p' && method.value != "default" {
        return Err(DbError::unsupported(format!(
            "column data type {} does not support compression",
            typename::format_type(ty, -1)
        )));
    }
    match method.value.as_str() {
        "default" => Ok('\0'),
        "pglz" => Ok('p'),
        "lz4" => Ok('l'),
        other => Err(err(SqlState::INVALID_PARAMETER_VALUE, format!("invalid compression method \"{other}\""))),
    }
}

fn find(r: &Relation, name: &str) -> Result<Arc<Index>> {
    r.indexes.iter().find(|i| i.name == name).cloned().ok_or_else(|| {
        err(SqlState::UNDEFINED_OBJECT, format!("index \"{name}\" for table \"{}\" does not exist", r.name))
    })
}

/// 42809 for a relation that is there, but no index of this table.
pub fn check_own_index(cx: &DdlCx<'_>, r: &Relation, name: &Ident) -> Result<()> {
    let own = r.indexes.iter().any(|i| i.name == name.value);
    if !own && cx.tx.catalog.relation_named(r.namespace, &name.value).is_some() {
        let m = format!("\"{}\" is not an index for table \"{}\"", name.value, r.name);
        return Err(err(SqlState::WRONG_OBJECT_TYPE, m));
    }
    Ok(())
}

fn mark(r: &mut Relation, change: impl Fn(&mut Index)) {
    for i in &mut r.indexes {
        let mut new = (**i).clone();
        change(&mut new);
        if new.marks != i.marks {
            *i = Arc::new(new);
        }
    }
}

/// CLUSTER ON an index, SET WITHOUT CLUSTER.
pub fn cluster_on(r: &mut Relation, index: Option<&Ident>) -> Result<()> {
    let oid = match index {
        None => 0,
        Some(name) => {
            let i = find(r, &name.value)?;
            check_clusterable(&i)?;
            i.oid
        }
    };
    if r.is_partitioned() {
        return Err(DbError::unsupported("cannot mark index clustered in partitioned table"));
    }
    mark_clustered(r, oid);
    Ok(())
}

/// Marks the index that the table is in the order of; 0 for none.
pub fn mark_clustered(r: &mut Relation, index: u32) {
    mark(r, |i| i.marks.clustered = i.oid == index);
}

/// Whether rows can be put in the order of an index: all of them are in it.
pub fn check_clusterable(i: &Index) -> Result<()> {
    if i.is_hash() || i.is_gin() || i.is_brin() || i.method == rustydb_types::pgdata::SPGIST {
        return Err(DbError::unsupported(format!(
            "cannot cluster on index \"{}\" because access method does not support clustering",
            i.name
        )));
    }
    if i.is_tree() {
        return Err(DbError::unsupported("clustering on a search tree is not supported yet"));
    }
    if i.predicate.is_some() {
        return Err(DbError::unsupported(format!("cannot cluster on partial index \"{}\"", i.name)));
    }
    if !i.valid {
        return Err(DbError::unsupported(format!("cannot cluster on invalid index \"{}\"", i.name)));
    }
    Ok(())
}

/// REPLICA IDENTITY.
pub fn replica_identity(r: &mut Relation, identity: &ReplicaIdentity) -> Result<()> {
    let mut marked = 0;
    let letter = match identity {
        ReplicaIdentity::Default => None,
        ReplicaIdentity::Nothing => Some('n'),
        ReplicaIdentity::Full => Some('f'),
        ReplicaIdentity::Index(name) => {
            let i = find(r, &name.value)?;
            let refuse = |code, text: String| Err(err(code, text));
            if !i.unique {
                return refuse(
                    SqlState::WRONG_OBJECT_TYPE,
                    format!("cannot use non-unique index \"{}\" as replica identity", i.name),
                );
            }
            if r.deferrable_key(i.oid).is_some() {
                return Err(DbError::unsupported(format!(
                    "cannot use non-immediate index \"{}\" as replica identity",
                    i.name
                )));
            }
            if i.keys.iter().any(|k| k.attnum == 0) {
                return Err(DbError::unsupported(format!(
                    "cannot use expression index \"{}\" as replica identity",
                    i.name
                )));
            }
            if i.predicate.is_some() {
                return Err(DbError::unsupported(format!(
                    "cannot use partial index \"{}\" as replica identity",
                    i.name
                )));
            }
            for k in &i.keys {
                if let Some(c) = r.attribute(k.attnum).filter(|c| !c.not_null) {
                    return refuse(
                        SqlState::WRONG_OBJECT_TYPE,
                        format!(
                            "index \"{}\" cannot be used as replica identity because column \"{}\" is nullable",
                            i.name, c.name
                        ),
                    );
                }
            }
            marked = i.oid;
            Some('i')
        }
    };
    if r.kind == RelKind::Table {
        r.replica_identity = letter;
    }
    mark(r, |i| i.marks.replica_identity = i.oid == marked);
    Ok(())
}
