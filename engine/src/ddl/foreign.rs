//! FOREIGN KEY constraints.

use super::constraint::{check_free, own_names};
use super::names::{choose_constraint_name, name_addition};
use super::{DdlCx, err};
use crate::bind::resolve::{Coercion, can_coerce};
use crate::catalog::{Column, Constraint, ConstraintKind, FkAction, Index, RelKind, Relation};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, ForeignAction, Ident, MatchKind, TableLockMode};
use rustydb_types::datum::TypeRef;
use rustydb_types::{oid, pgdata, typename};
use std::sync::Arc;

fn column_list(rel: &Relation, list: &[Ident]) -> Result<Vec<i16>> {
    let mut out = Vec::with_capacity(list.len());
    for n in list {
        if rel.column(&n.value).is_none()
            && matches!(n.value.as_str(), "ctid" | "xmin" | "cmin" | "xmax" | "cmax" | "tableoid")
        {
            return Err(DbError::unsupported("system columns cannot be used in foreign keys"));
        }
        let c = rel.column(&n.value).ok_or_else(|| {
            err(
                SqlState::UNDEFINED_COLUMN,
                format!("column \"{}\" referenced in foreign key constraint does not exist", n.value),
            )
        })?;
        out.push(c.attnum);
    }
    Ok(out)
}

/// The unique index that a foreign key's referenced columns need.
fn target_index(target: &Relation, columns: &[i16]) -> Option<Arc<Index>> {
    let fits = |i: &Index| {
        i.unique
            && i.valid
            && i.predicate.is_none()
            && i.keys.len() == columns.len()
            && i.keys.iter().all(|k| k.attnum > 0 && columns.contains(&k.attnum))
            && columns.iter().all(|c| i.keys.iter().any(|k| k.attnum == *c))
    };
    let mut found: Vec<&Arc<Index>> = target.indexes.iter().filter(|i| fits(i)).collect();
    // One that holds at all times, and the primary key first: dropping another unique constraint then does not matter.
    found.sort_by_key(|i| (target.deferrable_key(i.oid).is_some(), !i.primary, i.oid));
    found.first().map(|i| Arc::clone(i))
}

/// Whether values of the two types can be compared for equality by the referenced index.
fn comparable(referencing: TypeRef, referenced: TypeRef) -> bool {
    let (f, p) = (referencing.oid, referenced.oid);
    f == p
        || pgdata::operator_exact("=", p, f).is_some_and(|o| {
            pgdata::amops_of_operator(o.oid).iter().any(|a| a.amopmethod == pgdata::BTREE && a.amopstrategy == 3)
        })
        || can_coerce(None, f, p, Coercion::Implicit)
        || (matches!(p, oid::VARCHAR | oid::TEXT) && matches!(f, oid::VARCHAR | oid::TEXT))
}

/// How messages name the action of a changed key.
const ON_UPDATE: &str = "ON UPDATE";

fn action(rel: &Relation, columns: &[i16], a: &ForeignAction, when: &'static str) -> Result<FkAction> {
    let list = |l: &[Ident]| -> Result<Vec<i16>> {
        let mut out = column_list(rel, l)?;
        for (n, a) in l.iter().zip(&out) {
            if !columns.contains(a) {
                return Err(err(
                    SqlState::INVALID_COLUMN_REFERENCE,
                    format!("column \"{}\" referenced in ON DELETE SET action must be part of foreign key", n.value),
                ));
            }
        }
        // A column may be named twice.
        let mut seen = Vec::new();
        out.retain(|a| {
            !seen.contains(a) && {
                seen.push(*a);
                true
            }
        });
        Ok(out)
    };
    let generated = || {
        if columns.iter().any(|a| rel.attribute(*a).is_some_and(|c| c.generated != '\0')) {
            return Err(err(
                SqlState::SYNTAX_ERROR,
                format!("invalid {when} action for foreign key constraint containing generated column"),
            ));
        }
        Ok(())
    };
    Ok(match a {
        ForeignAction::NoAction => FkAction::NoAction,
        ForeignAction::Restrict => FkAction::Restrict,
        ForeignAction::Cascade => {
            if when == ON_UPDATE {
                generated()?;
            }
            FkAction::Cascade
        }
        ForeignAction::SetNull(l) => {
            generated()?;
            FkAction::SetNull(list(l)?)
        }
        ForeignAction::SetDefault(l) => {
            generated()?;
            FkAction::SetDefault(list(l)?)
        }
    })
}

/// Adds a FOREIGN KEY. Both tables are locked (the referencing one by the caller). Answers the constraint, whose rows
/// 42501 unless the role may reference the columns.
fn check_references(cx: &DdlCx<'_>, target: &Relation, columns: &[i16]) -> Result<()> {
    use crate::acl::{Mask, check, privs};
    let cat = &cx.tx.catalog;
    let by_column = |n: &i16| check::on_column(cat, target, *n, cx.role, Mask::of(privs::REFERENCES)).privs != 0;
    if check::may(cat, target, cx.role, privs::REFERENCES) || columns.iter().all(by_column) {
        return Ok(());
    }
    Err(check::denied("table", &target.name))
}

/// the caller checks.
pub async fn add(
    cx: &mut DdlCx<'_>,
    rel: &mut Relation,
    c: &ast::Constraint,
    f: &ast::ForeignKey,
) -> Result<Arc<Constraint>> {
    if f.match_kind == MatchKind::Partial {
        return Err(DbError::unsupported("MATCH PARTIAL not yet implemented").at(cx.pos(c.pos)));
    }
    // The table may reference itself before it exists in the catalog.
    let itself = f.table.name.value == rel.name
        && match &f.table.schema {
            Some(s) => s.value == rel.schema,
            None => cx.find(&f.table)?.is_none_or(|r| r.oid == rel.oid),
        };
    let target = if itself {
        Arc::new(rel.clone())
    } else {
        let Some(t) = cx.open(&f.table, TableLockMode::ShareRowExclusive).await? else {
            return Err(cx.missing("relation", &f.table));
        };
        t
    };
    if target.kind != RelKind::Table {
        return Err(err(
            SqlState::WRONG_OBJECT_TYPE,
            format!("referenced relation \"{}\" is not a table", target.name),
        ));
    }
    if target.oid < crate::catalog::FIRST_USER_OID {
        return Err(err(
            SqlState::INSUFFICIENT_PRIVILEGE,
            format!("permission denied: \"{}\" is a system catalog", target.name),
        ));
    }
    super::temp::check_foreign_key(cx, rel, &target)?;
    let columns = column_list(rel, &f.columns)?;
    let (on_update, on_delete) =
        (action(rel, &columns, &f.on_update, ON_UPDATE)?, action(rel, &columns, &f.on_delete, "ON DELETE")?);
    let refusal = "foreign key constraints on virtual generated columns are not supported";
    super::generated::refuse_virtual(rel, columns.iter().copied(), refusal)?;
    let (ref_columns, index) = if f.references.is_empty() {
        let Some(pk) = target.primary_key().cloned() else {
            return Err(err(
                SqlState::UNDEFINED_OBJECT,
                format!("there is no primary key for referenced table \"{}\"", target.name),
            ));
        };
        (pk.keys.iter().map(|k| k.attnum).collect::<Vec<_>>(), Some(pk))
    } else {
        let list = column_list(&target, &f.references)?;
        for (i, a) in list.iter().enumerate() {
            if list[..i].contains(a) {
                return Err(err(
                    SqlState::INVALID_FOREIGN_KEY,
                    "foreign key referenced-columns list must not contain duplicates",
                ));
            }
        }
        let i = target_index(&target, &list);
        (list, i)
    };
    check_references(cx, &target, &ref_columns)?;
    if columns.len() != ref_columns.len() {
        return Err(err(
            SqlState::INVALID_FOREIGN_KEY,
            "number of referencing and referenced columns for foreign key disagree",
        ));
    }
    let Some(index) = index else {
        return Err(err(
            SqlState::INVALID_FOREIGN_KEY,
            format!("there is no unique constraint matching given keys for referenced table \"{}\"", target.name),
        ));
    };
    if target.deferrable_key(index.oid).is_some() {
        return Err(err(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("cannot use a deferrable unique constraint for referenced table \"{}\"", target.name),
        ));
    }
    let name = match &c.name {
        Some(n) => {
            check_free(rel, &n.value)?;
            n.value.clone()
        }
        None => {
            let names: Vec<&str> = columns.iter().filter_map(|a| rel.attribute(*a)).map(|c| c.name.as_str()).collect();
            let addition = name_addition(names);
            choose_constraint_name(&cx.cat(), rel.namespace, &own_names(rel), &rel.name, Some(&addition), "fkey")
        }
    };
    for (a, b) in columns.iter().zip(&ref_columns) {
        let (Some(x), Some(y)) = (rel.attribute(*a), target.attribute(*b)) else { continue };
        if !comparable(x.ty, y.ty) {
            return Err(incompatible(&name, x, y));
        }
    }
    let kind = ConstraintKind::Foreign {
        ref_table: target.oid,
        ref_columns,
        ref_index: index.oid,
        on_update,
        on_delete,
        match_full: f.match_kind == MatchKind::Full,
        part: false,
    };
    let oid = cx.tx.new_oid().await?;
    let made = Arc::new(Constraint {
        oid,
        name,
        namespace: rel.namespace,
        table: rel.oid,
        columns,
        kind,
        deferrable: c.deferrable,
        deferred: c.initially_deferred,
        validated: !c.not_valid,
        lineage: Default::default(),
        no_inherit: false,
        parent: 0,
    });
    rel.constraints.push(Arc::clone(&made));
    Ok(made)
}

/// 42804 if a foreign key of a table, or one that points at it, no longer has comparable types.
pub fn check_types(cx: &DdlCx<'_>, rel: &Relation) -> Result<()> {
    for c in rel.constraints.iter().chain(&rel.referenced_by) {
        let ConstraintKind::Foreign { ref_table, ref_columns, .. } = &c.kind else { continue };
        let find = |oid: u32| if oid == rel.oid { None } else { cx.tx.catalog.relation(oid).cloned() };
        let (from, to) = (find(c.table), find(*ref_table));
        let from = from.as_deref().unwrap_or(rel);
        let to = to.as_deref().unwrap_or(rel);
        for (a, b) in c.columns.iter().zip(ref_columns) {
            let (Some(x), Some(y)) = (from.attribute(*a), to.attribute(*b)) else { continue };
            if !comparable(x.ty, y.ty) {
                return Err(incompatible(&c.name, x, y));
            }
        }
    }
    Ok(())
}

fn incompatible(name: &str, x: &Column, y: &Column) -> DbError {
    err(SqlState::DATATYPE_MISMATCH, format!("foreign key constraint \"{name}\" cannot be implemented")).detail(
        format!(
            "Key columns \"{}\" and \"{}\" are of incompatible types: {} and {}.",
            x.name,
            y.name,
            typename::format_type(x.ty.oid, -1),
            typename::format_type(y.ty.oid, -1)
        ),
    )
}
