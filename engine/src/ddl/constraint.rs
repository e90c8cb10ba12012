//! CHECK, PRIMARY KEY and UNIQUE constraints of a table that is being defined or altered.

use super::column::{bind_row, columns_used, keep};
use super::names::{choose_constraint_name, choose_relation_name, name_addition};
use super::{DdlCx, err, index, options};
use crate::bind::define::Defining;
use crate::catalog::{Constraint, ConstraintKind, Index, IndexKey, Relation};
use crate::plan::ir::Expr;
use rustydb_base::{DbError, RelId, Result, SqlState};
use rustydb_parser::ast::{self, Ident, KeyDef};
use std::sync::Arc;

/// Names in use in the definition at hand that the catalog does not know yet.
pub fn own_names(rel: &Relation) -> Vec<String> {
    rel.constraints
        .iter()
        .map(|c| c.name.clone())
        .chain(rel.indexes.iter().map(|i| i.name.clone()))
        .chain([rel.name.clone()])
        .collect()
}

/// 42710 if the table has a constraint of that name.
pub fn check_free(rel: &Relation, name: &str) -> Result<()> {
    if rel.constraints.iter().any(|c| c.name == name) {
        return Err(err(
            SqlState::DUPLICATE_OBJECT,
            format!("constraint \"{name}\" for relation \"{}\" already exists", rel.name),
        ));
    }
    Ok(())
}

/// Adds a CHECK; answers its condition over [`super::column::row_columns`].
pub async fn add_check(cx: &mut DdlCx<'_>, rel: &mut Relation, c: &ast::Constraint, e: &ast::Expr) -> Result<Expr> {
    let table = Arc::new(rel.clone());
    let bound = bind_row(cx, &table, e, Defining::Check)?;
    let bound = cx.binder(|b| b.to_bool(bound, "CHECK"))?;
    let columns = columns_used(&bound);
    let text = keep(Some(&table), &bound, e);
    if rel.is_partitioned() && c.no_inherit {
        return Err(err(
            SqlState::INVALID_TABLE_DEFINITION,
            format!("cannot add NO INHERIT constraint to partitioned table \"{}\"", rel.name),
        ));
    }
    if super::inherit::merge_check(cx, rel, c, &text)? {
        return Ok(bound);
    }
    let name = match &c.name {
        Some(n) => {
            let new = cx.tx.catalog.relation(rel.oid).is_none();
            let same = |x: &Arc<Constraint>| x.name == n.value && matches!(x.kind, ConstraintKind::Check(_));
            if new && rel.constraints.iter().any(same) {
                return Err(err(
                    SqlState::DUPLICATE_OBJECT,
                    format!("check constraint \"{}\" already exists", n.value),
                ));
            }
            check_free(rel, &n.value)?;
            n.value.clone()
        }
        None => {
            let column = match columns.as_slice() {
                [one] => rel.attribute(*one).map(|c| c.name.clone()),
                _ => None,
            };
            let taken = own_names(rel);
            choose_constraint_name(&cx.cat(), rel.namespace, &taken, &rel.name, column.as_deref(), "check")
        }
    };
    let oid = cx.tx.new_oid().await?;
    rel.constraints.push(Arc::new(Constraint {
        oid,
        name,
        namespace: rel.namespace,
        table: rel.oid,
        columns,
        kind: ConstraintKind::Check(text),
        deferrable: false,
        deferred: false,
        validated: !c.not_valid,
        lineage: Default::default(),
        no_inherit: c.no_inherit,
        parent: 0,
    }));
    Ok(bound)
}

/// Attribute numbers of a key's columns.
fn key_columns(cx: &DdlCx<'_>, rel: &Relation, list: &[Ident], what: &str, at: ast::Pos) -> Result<Vec<i16>> {
    let mut out: Vec<i16> = Vec::with_capacity(list.len());
    for n in list {
        let c = rel.column(&n.value).ok_or_else(|| {
            err(SqlState::UNDEFINED_COLUMN, format!("column \"{}\" named in key does not exist", n.value))
                .at(cx.pos(at))
        })?;
        if out.contains(&c.attnum) {
            return Err(err(
                SqlState::DUPLICATE_COLUMN,
                format!("column \"{}\" appears twice in {what} constraint", n.value),
            )
            .at(cx.pos(at)));
        }
        out.push(c.attnum);
    }
    Ok(out)
}

/// A PRIMARY KEY or UNIQUE constraint to add.
pub struct Key<'a> {
    /// As written.
    pub constraint: &'a ast::Constraint,
    /// Its key.
    pub def: &'a KeyDef,
    /// PRIMARY KEY.
    pub primary: bool,
    /// NULLS NOT DISTINCT.
    pub nulls_not_distinct: bool,
}

/// Adds a PRIMARY KEY or UNIQUE constraint with its (empty) index; answers the index, or `None` when the same
/// definition is there already.
pub async fn add_key(cx: &mut DdlCx<'_>, rel: &mut Relation, k: &Key<'_>, merge: bool) -> Result<Option<Index>> {
    let what = if k.primary { "primary key" } else { "unique" };
    let c = k.constraint;
    if k.def.tablespace.is_some() {
        return Err(DbError::unsupported("tablespaces are not supported yet"));
    }
    let mut parameters = Vec::new();
    options::set(options::Owner::Index, &mut parameters, &k.def.options)?;
    if k.primary && rel.indexes.iter().any(|i| i.primary) {
        let e = err(
            SqlState::INVALID_TABLE_DEFINITION,
            format!("multiple primary keys for table \"{}\" are not allowed", rel.name),
        );
        let new = cx.tx.catalog.relation(rel.oid).is_none();
        return Err(if new { e.at(cx.pos(c.pos)) } else { e });
    }
    let columns = key_columns(cx, rel, &k.def.columns, what, c.pos)?;
    let include = index::include_columns(rel, &k.def.include)?;
    let refusal = match k.primary {
        true => "primary keys on virtual generated columns are not supported",
        false => "unique constraints on virtual generated columns are not supported",
    };
    super::generated::refuse_virtual(rel, columns.iter().chain(&include).copied(), refusal)?;
    super::partition::check_unique(rel, &columns, Some(if k.primary { "PRIMARY KEY" } else { "UNIQUE" }))?;
    if merge
        && c.name.is_none()
        && rel.indexes.iter().any(|i| {
            i.unique
                && i.nulls_not_distinct == k.nulls_not_distinct
                && i.include == include
                && i.keys.iter().map(|x| x.attnum).eq(columns.iter().copied())
        })
    {
        return Ok(None);
    }
    let names: Vec<String> = columns.iter().filter_map(|a| rel.attribute(*a).map(|c| c.name.clone())).collect();
    let name = match &c.name {
        Some(n) => {
            check_free(rel, &n.value)?;
            if cx.tx.catalog.relation_named(rel.namespace, &n.value).is_some() || own_names(rel).contains(&n.value) {
                return Err(err(SqlState::DUPLICATE_TABLE, format!("relation \"{}\" already exists", n.value)));
            }
            n.value.clone()
        }
        None => {
            let taken = own_names(rel);
            let joined = name_addition(names.iter().map(String::as_str).chain(
                include.iter().filter(|_| !k.primary).filter_map(|a| rel.attribute(*a).map(|c| c.name.as_str())),
            ));
            let (addition, label) = if k.primary { (None, "pkey") } else { (Some(joined.as_str()), "key") };
            choose_relation_name(&cx.cat(), rel.namespace, &taken, &rel.name, addition, label, true)
        }
    };
    let keys = columns
        .iter()
        .filter_map(|a| rel.attribute(*a))
        .map(|c| {
            Ok(IndexKey {
                attnum: c.attnum,
                expr: None,
                ty: c.ty,
                opclass: index::default_opclass(c.ty)?,
                desc: false,
                nulls_first: false,
            })
        })
        .collect::<Result<Vec<_>>>()?;
    index::check_width(keys.len() + include.len())?;
    let ix = Index {
        oid: cx.tx.new_oid().await?,
        name: name.clone(),
        namespace: rel.namespace,
        table: rel.oid,
        method: rustydb_types::pgdata::BTREE,
        storage: RelId(0),
        keys,
        include,
        unique: true,
        primary: k.primary,
        nulls_not_distinct: k.nulls_not_distinct,
        predicate: None,
        valid: true,
        valid_from: 0,
        owner: rel.owner,
        parent: 0,
        marks: crate::catalog::IndexMarks { options: parameters, ..Default::default() },
        exclude: Vec::new(),
    };
    let ix = if rel.is_partitioned() {
        ix
    } else {
        Index { storage: cx.tx.create_index(&ix, rel.durability()).await?, ..ix }
    };
    let kind =
        if k.primary { ConstraintKind::Primary { index: ix.oid } } else { ConstraintKind::Unique { index: ix.oid } };
    attach_key(cx, rel, &ix, name, columns, kind, k.constraint).await?;
    Ok(Some(ix))
}

async fn attach_key(
    cx: &mut DdlCx<'_>,
    rel: &mut Relation,
    ix: &Index,
    name: String,
    columns: Vec<i16>,
    kind: ConstraintKind,
    written: &ast::Constraint,
) -> Result<()> {
    if ix.primary {
        for a in &columns {
            if let Some(c) = rel.columns.get_mut(*a as usize - 1) {
                c.not_null = true;
            }
        }
    }
    let oid = cx.tx.new_oid().await?;
    rel.indexes.retain(|i| i.oid != ix.oid);
    rel.indexes.push(Arc::new(ix.clone()));
    rel.constraints.push(Arc::new(Constraint {
        oid,
        name,
        namespace: rel.namespace,
        table: rel.oid,
        columns,
        kind,
        deferrable: written.deferrable,
        deferred: written.initially_deferred,
        validated: true,
        lineage: Default::default(),
        no_inherit: false,
        parent: 0,
    }));
    Ok(())
}

/// ADD PRIMARY KEY / UNIQUE USING INDEX: an existing index becomes the constraint's.
pub async fn adopt_index(cx: &mut DdlCx<'_>, rel: &mut Relation, k: &Key<'_>, index: &Ident) -> Result<()> {
    if rel.is_partitioned() {
        return Err(DbError::unsupported(
            "ALTER TABLE / ADD CONSTRAINT USING INDEX is not supported on partitioned tables",
        ));
    }
    let bad = |m: String| err(SqlState::WRONG_OBJECT_TYPE, m).at(cx.pos(k.constraint.pos));
    let found = cx.tx.catalog.relation_named(rel.namespace, &index.value).cloned();
    let ix = found
        .as_ref()
        .and_then(|r| r.indexes.first())
        .filter(|_| found.as_ref().is_some_and(|r| r.kind == crate::catalog::RelKind::Index));
    let Some(ix) = ix else {
        return Err(err(SqlState::UNDEFINED_OBJECT, format!("index \"{}\" does not exist", index.value))
            .at(cx.pos(k.constraint.pos)));
    };
    let owned = |i: u32| {
        rel.constraints.iter().any(
            |c| matches!(c.kind, ConstraintKind::Primary { index } | ConstraintKind::Unique { index } | ConstraintKind::Exclude { index } if index == i),
        )
    };
    if owned(ix.oid) {
        return Err(err(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("index \"{}\" is already associated with a constraint", ix.name),
        )
        .at(cx.pos(k.constraint.pos)));
    }
    if ix.table != rel.oid {
        return Err(err(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("index \"{}\" does not belong to table \"{}\"", ix.name, rel.name),
        )
        .at(cx.pos(k.constraint.pos)));
    }
    let only = "Cannot create a primary key or unique constraint using such an index.";
    if !ix.unique {
        return Err(bad(format!("\"{}\" is not a unique index", ix.name)).detail(only));
    }
    if ix.keys.iter().any(|x| x.expr.is_some()) {
        return Err(bad(format!("index \"{}\" contains expressions", ix.name)).detail(only));
    }
    if ix.predicate.is_some() {
        return Err(bad(format!("\"{}\" is a partial index", ix.name)).detail(only));
    }
    if ix.keys.iter().any(|x| x.desc || x.nulls_first) {
        return Err(
            bad(format!("index \"{}\" column number 1 does not have default sorting behavior", ix.name)).detail(only)
        );
    }
    if k.primary && rel.indexes.iter().any(|i| i.primary) {
        return Err(err(
            SqlState::INVALID_TABLE_DEFINITION,
            format!("multiple primary keys for table \"{}\" are not allowed", rel.name),
        ));
    }
    let mut ix = (**ix).clone();
    ix.primary = k.primary;
    let name = match &k.constraint.name {
        Some(n) => n.value.clone(),
        None => ix.name.clone(),
    };
    check_free(rel, &name)?;
    if name != ix.name {
        cx.notice(err(
            SqlState::SUCCESSFUL_COMPLETION,
            format!("ALTER TABLE / ADD CONSTRAINT USING INDEX will rename index \"{}\" to \"{name}\"", ix.name),
        ));
        if cx.tx.catalog.relation_named(rel.namespace, &name).is_some() {
            return Err(err(SqlState::DUPLICATE_TABLE, format!("relation \"{name}\" already exists")));
        }
        ix.name.clone_from(&name);
    }
    let columns: Vec<i16> = ix.keys.iter().map(|x| x.attnum).collect();
    let kind =
        if k.primary { ConstraintKind::Primary { index: ix.oid } } else { ConstraintKind::Unique { index: ix.oid } };
    attach_key(cx, rel, &ix, name, columns, kind, k.constraint).await
}
