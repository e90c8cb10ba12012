//! INHERITS: what a table takes over from its parents, and ALTER TABLE … INHERIT and NO INHERIT.

use super::column::{self, Built, Kept};
use super::{DdlCx, err};
use crate::catalog::{Column, Constraint, ConstraintKind, Lineage, RelKind, Relation};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, Name, TableLockMode};
use rustydb_types::typename;
use std::sync::Arc;

/// A CHECK that parents have.
pub struct InheritedCheck {
    /// Its name.
    pub name: String,
    /// Its condition.
    pub text: String,
    /// Names of its columns.
    pub columns: Vec<String>,
    /// Number of parents that have it.
    pub parents: i32,
    /// Not NOT VALID in all of them.
    pub validated: bool,
}

/// What a new table takes over.
#[derive(Default)]
pub struct Inherited {
    /// The parents, in order.
    pub parents: Vec<u32>,
    /// Columns.
    pub columns: Vec<Built>,
    /// Checks.
    pub checks: Vec<InheritedCheck>,
    /// Columns whose defaults the parents disagree about.
    conflicting: Vec<String>,
}

fn type_name(c: &Column) -> String {
    typename::with_typmod(c.ty.oid, c.ty.typmod)
}

fn collation_name(oid: u32) -> String {
    rustydb_types::collation::name(oid).map_or_else(|| "default".into(), |n| n.to_string())
}

/// How a column's long values are stored.
fn storage(c: &Column) -> char {
    match c.tuning.storage {
        '\0' => crate::catalog::types::Shape::of(c.ty.oid).storage,
        given => given,
    }
}

fn storages(have: &Column, other: &Column) -> String {
    let word = |c: &Column| match storage(c) {
        'p' => "PLAIN",
        'm' => "MAIN",
        'e' => "EXTERNAL",
        _ => "EXTENDED",
    };
    format!("{} versus {}", word(have), word(other))
}

/// Takes another definition's compression over, which must not contradict.
fn merge_compression(have: &mut Column, other: &Column) -> Result<()> {
    let word = |c: &Column| if c.tuning.compression == 'l' { "lz4" } else { "pglz" };
    if have.tuning.compression == '\0' {
        have.tuning.compression = other.tuning.compression;
    } else if other.tuning.compression != '\0' && word(have) != word(other) {
        let e = format!("column \"{}\" has a compression method conflict", have.name);
        return Err(err(SqlState::DATATYPE_MISMATCH, e).detail(format!("{} versus {}", word(have), word(other))));
    }
    Ok(())
}

/// Opens the parents and merges their columns and checks.
pub async fn from_parents(cx: &mut DdlCx<'_>, names: &[Name], partition: bool) -> Result<Inherited> {
    let mut out = Inherited::default();
    let mode = if partition { TableLockMode::AccessExclusive } else { TableLockMode::ShareUpdateExclusive };
    for name in names {
        let Some(parent) = cx.open(name, mode).await? else {
            return Err(cx.missing("relation", name));
        };
        check_parent(cx, &parent, partition)?;
        if out.parents.contains(&parent.oid) {
            return Err(err(
                SqlState::DUPLICATE_TABLE,
                format!("relation \"{}\" would be inherited from more than once", parent.name),
            ));
        }
        out.parents.push(parent.oid);
        for c in parent.live_columns() {
            take_column(cx, &mut out, &parent, c)?;
        }
        for k in &parent.constraints {
            take_check(&mut out, &parent, k)?;
        }
    }
    Ok(out)
}

fn check_parent(cx: &DdlCx<'_>, parent: &Relation, partition: bool) -> Result<()> {
    let wrong = |m: String| Err(err(SqlState::WRONG_OBJECT_TYPE, m));
    if partition {
        if !parent.is_partitioned() {
            return Err(err(SqlState::INVALID_OBJECT_DEFINITION, format!("\"{}\" is not partitioned", parent.name)));
        }
    } else {
        if parent.is_partitioned() {
            return wrong(format!("cannot inherit from partitioned table \"{}\"", parent.name));
        }
        if parent.kind != RelKind::Table {
            return wrong(format!("inherited relation \"{}\" is not a table or foreign table", parent.name));
        }
        if parent.bound.is_some() {
            return wrong(format!("cannot inherit from partition \"{}\"", parent.name));
        }
    }
    cx.check_relation_owner(parent)
}

fn take_column(cx: &mut DdlCx<'_>, out: &mut Inherited, parent: &Relation, c: &Column) -> Result<()> {
    let relations = parent.depends.iter().filter(|d| d.sub == i32::from(c.attnum)).map(|d| d.ref_relation).collect();
    let kept = Kept { text: c.default.clone(), relations, volatile: false };
    let Some(have) = out.columns.iter().position(|b| b.column.name == c.name) else {
        let mut column = column::blank(0, &c.name, c.ty);
        column.not_null = c.not_null;
        column.generated = c.generated;
        column.tuning.storage = c.tuning.storage;
        column.tuning.compression = c.tuning.compression;
        column.default.clone_from(&c.default);
        column.lineage = Lineage { local: false, parents: 1 };
        out.columns.push(Built {
            column,
            constraints: vec![],
            sequence: None,
            generated: None,
            default: kept,
            late: None,
        });
        return Ok(());
    };
    cx.notice(err(
        SqlState::SUCCESSFUL_COMPLETION,
        format!("merging multiple inherited definitions of column \"{}\"", c.name),
    ));
    let b = &mut out.columns[have];
    let conflict = |what: &str, detail: Option<String>| {
        let e = err(SqlState::DATATYPE_MISMATCH, format!("inherited column \"{}\" has a {what} conflict", c.name));
        Err(match detail {
            Some(d) => e.detail(d),
            None => e,
        })
    };
    if (b.column.ty.oid, b.column.ty.typmod) != (c.ty.oid, c.ty.typmod) {
        return conflict("type", Some(format!("{} versus {}", type_name(&b.column), type_name(c))));
    }
    if b.column.ty.collation != c.ty.collation {
        let (x, y) = (collation_name(b.column.ty.collation), collation_name(c.ty.collation));
        return conflict("collation", Some(format!("\"{x}\" versus \"{y}\"")));
    }
    if storage(&b.column) != storage(c) {
        return conflict("storage parameter", Some(storages(&b.column, c)));
    }
    merge_compression(&mut b.column, c)?;
    if b.column.generated != c.generated {
        return conflict("generation", None);
    }
    b.column.lineage.parents += 1;
    b.column.not_null |= c.not_null;
    if c.default.is_some() {
        if b.column.default.is_none() {
            b.column.default.clone_from(&c.default);
            b.default = kept;
        } else if b.column.default != c.default && !out.conflicting.contains(&c.name) {
            out.conflicting.push(c.name.clone());
        }
    }
    Ok(())
}

fn take_check(out: &mut Inherited, parent: &Relation, k: &Constraint) -> Result<()> {
    let ConstraintKind::Check(text) = &k.kind else { return Ok(()) };
    if k.no_inherit {
        return Ok(());
    }
    if let Some(have) = out.checks.iter_mut().find(|x| x.name == k.name) {
        if &have.text != text {
            return Err(err(
                SqlState::DUPLICATE_OBJECT,
                format!("check constraint name \"{}\" appears multiple times but with different expressions", k.name),
            ));
        }
        have.parents += 1;
        return Ok(());
    }
    out.checks.push(InheritedCheck {
        name: k.name.clone(),
        text: text.clone(),
        columns: k.columns.iter().filter_map(|a| parent.attribute(*a)).map(|c| c.name.clone()).collect(),
        parents: 1,
        validated: true,
    });
    Ok(())
}

/// Merges a table's own columns into those it takes over, which come first.
pub fn merge_columns(
    cx: &mut DdlCx<'_>,
    inherited: &mut Inherited,
    own: Vec<Built>,
    partition: bool,
) -> Result<Vec<Built>> {
    let mut all = std::mem::take(&mut inherited.columns);
    let from_parents = all.len();
    for (place, b) in own.into_iter().enumerate() {
        let name = b.column.name.clone();
        let Some(at) = all[..from_parents].iter().position(|x| x.column.name == name) else {
            if partition {
                return Err(err(SqlState::UNDEFINED_COLUMN, format!("column \"{name}\" does not exist")));
            }
            all.push(b);
            continue;
        };
        if !partition {
            cx.notice(if at == place {
                err(SqlState::SUCCESSFUL_COMPLETION, format!("merging column \"{name}\" with inherited definition"))
            } else {
                err(
                    SqlState::SUCCESSFUL_COMPLETION,
                    format!("moving and merging column \"{name}\" with inherited definition"),
                )
                .detail("User-specified column moved to the position of the inherited column.")
            });
        }
        inherited.conflicting.retain(|c| *c != name || !(b.default.text.is_some() || b.generated.is_some()));
        merge(&mut all[at], b, partition)?;
    }
    if let Some(name) = inherited.conflicting.first() {
        let of = all.iter().find(|b| &b.column.name == name).map(|b| &b.column);
        return Err(if of.is_some_and(|c| c.generated != '\0') {
            let e = err(
                SqlState::INVALID_COLUMN_DEFINITION,
                format!("column \"{name}\" inherits conflicting generation expressions"),
            );
            match of.is_some_and(Column::is_virtual) {
                true => e.hint("To resolve the conflict, specify a generation expression explicitly."),
                false => e,
            }
        } else {
            err(SqlState::INVALID_COLUMN_DEFINITION, format!("column \"{name}\" inherits conflicting default values"))
                .hint("To resolve the conflict, specify a default explicitly.")
        });
    }
    for (i, b) in all.iter_mut().enumerate() {
        b.column.attnum = super::table::attnum(i)?;
    }
    Ok(all)
}

fn merge(have: &mut Built, own: Built, partition: bool) -> Result<()> {
    let name = &own.column.name;
    if !partition {
        let e = |what: &str| err(SqlState::DATATYPE_MISMATCH, format!("column \"{name}\" has a {what} conflict"));
        if (have.column.ty.oid, have.column.ty.typmod) != (own.column.ty.oid, own.column.ty.typmod) {
            return Err(e("type").detail(format!("{} versus {}", type_name(&have.column), type_name(&own.column))));
        }
        if have.column.ty.collation != own.column.ty.collation {
            let (x, y) = (collation_name(have.column.ty.collation), collation_name(own.column.ty.collation));
            return Err(e("collation").detail(format!("\"{x}\" versus \"{y}\"")));
        }
        if own.column.tuning.storage != '\0' && storage(&have.column) != storage(&own.column) {
            return Err(e("storage parameter").detail(storages(&have.column, &own.column)));
        }
        merge_compression(&mut have.column, &own.column)?;
    }
    let bad = |m: String| err(SqlState::INVALID_COLUMN_DEFINITION, m);
    if have.column.generated != '\0' {
        if own.generated.is_some() {
            if own.column.generated != have.column.generated {
                return Err(other_kind(SqlState::INVALID_COLUMN_DEFINITION, &have.column, &own.column));
            }
            if !own.column.is_virtual() {
                return Err(bad(format!("child column \"{name}\" specifies generation expression")).hint(
                    "Omit the generation expression in the definition of the child table column to inherit the \
                     generation expression from the parent table.",
                ));
            }
        } else if partition && !have.column.is_virtual() && own.default.text.is_some() {
            // As PostgreSQL 15: it becomes the expression of the partition's column.
            have.column.default.clone_from(&own.column.default);
            have.default = own.default;
            have.column.not_null |= own.column.not_null;
            have.column.lineage.local = false;
            have.constraints = own.constraints;
            return Ok(());
        } else if own.default.text.is_some() || (own.sequence.is_some() && own.column.identity == '\0') {
            return Err(bad(format!("column \"{name}\" inherits from generated column but specifies default")));
        } else if own.column.identity != '\0' {
            return Err(bad(format!("column \"{name}\" inherits from generated column but specifies identity")));
        }
    } else if own.column.is_virtual() {
        return Err(bad(format!("child column \"{name}\" specifies generation expression"))
            .hint("A child table column cannot be generated unless its parent column is."));
    }
    have.column.not_null |= own.column.not_null;
    have.column.lineage.local = !partition;
    have.column.identity = own.column.identity;
    have.constraints = own.constraints;
    if own.default.text.is_some() || own.sequence.is_some() || own.generated.is_some() {
        have.column.default = own.column.default;
        have.column.generated = own.column.generated;
        have.default = own.default;
        have.sequence = own.sequence;
        have.generated = own.generated;
    }
    Ok(())
}

/// A generated column whose parent's is stored while it is computed, or the other way.
fn other_kind(code: SqlState, parent: &Column, child: &Column) -> DbError {
    let word = |c: &Column| if c.is_virtual() { "VIRTUAL" } else { "STORED" };
    err(code, format!("column \"{}\" inherits from generated column of different kind", parent.name)).detail(format!(
        "Parent column is {}, child column is {}.",
        word(parent),
        word(child)
    ))
}

/// Adds the checks that a new table takes over.
pub async fn add_checks(cx: &mut DdlCx<'_>, rel: &mut Relation, checks: &[InheritedCheck]) -> Result<()> {
    for c in checks {
        let oid = cx.tx.new_oid().await?;
        rel.constraints.push(Arc::new(Constraint {
            oid,
            name: c.name.clone(),
            namespace: rel.namespace,
            table: rel.oid,
            columns: c.columns.iter().filter_map(|n| rel.column(n)).map(|c| c.attnum).collect(),
            kind: ConstraintKind::Check(c.text.clone()),
            deferrable: false,
            deferred: false,
            validated: c.validated,
            lineage: Lineage { local: false, parents: c.parents },
            no_inherit: false,
            parent: 0,
        }));
    }
    Ok(())
}

// ---- ALTER TABLE … INHERIT -------------------------------------------------------------------------------------

/// INHERIT: the table has the parent's columns and checks already, and from now on they count as taken over.
pub async fn add_parent(cx: &mut DdlCx<'_>, child: &Arc<Relation>, name: &Name) -> Result<()> {
    if child.bound.is_some() {
        return Err(err(SqlState::WRONG_OBJECT_TYPE, "cannot change inheritance of a partition"));
    }
    if child.is_partitioned() {
        return Err(err(SqlState::WRONG_OBJECT_TYPE, "cannot change inheritance of partitioned table"));
    }
    let Some(parent) = cx.open(name, TableLockMode::ShareUpdateExclusive).await? else {
        return Err(cx.missing("relation", name));
    };
    check_parent_of(cx, &parent)?;
    if cx.tx.catalog.tree(child.oid).contains(&parent.oid) {
        return Err(err(SqlState::DUPLICATE_TABLE, "circular inheritance not allowed")
            .detail(format!("\"{}\" is already a child of \"{}\".", parent.name, child.name)));
    }
    let child = cx.relation(child.oid)?;
    if child.parents.contains(&parent.oid) {
        return Err(err(
            SqlState::DUPLICATE_TABLE,
            format!("relation \"{}\" would be inherited from more than once", parent.name),
        ));
    }
    let temporary = |r: &Relation| r.persistence == crate::catalog::Persistence::Temporary;
    if temporary(&parent) && !temporary(&child) {
        let text = format!("cannot inherit from temporary relation \"{}\"", parent.name);
        return Err(err(SqlState::WRONG_OBJECT_TYPE, text));
    }
    let mut r = (*child).clone();
    adopt(&mut r, &parent)?;
    r.parents.push(parent.oid);
    cx.put(r).await
}

fn check_parent_of(cx: &DdlCx<'_>, parent: &Relation) -> Result<()> {
    if parent.kind != RelKind::Table {
        return Err(err(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not a table or foreign table", parent.name)));
    }
    if parent.is_partitioned() {
        return Err(err(
            SqlState::WRONG_OBJECT_TYPE,
            format!("cannot inherit from partitioned table \"{}\"", parent.name),
        ));
    }
    if parent.bound.is_some() {
        return Err(err(SqlState::WRONG_OBJECT_TYPE, "cannot inherit from a partition"));
    }
    cx.check_relation_owner(parent)
}

/// Marks a table's columns and checks as a parent's too; 42804 if it lacks any.
pub fn adopt(r: &mut Relation, parent: &Relation) -> Result<()> {
    let child_name = r.name.clone();
    let partition = parent.is_partitioned();
    for c in parent.live_columns() {
        let Some(own) = r.columns.iter_mut().find(|x| !x.dropped && x.name == c.name) else {
            return Err(err(SqlState::DATATYPE_MISMATCH, format!("child table is missing column \"{}\"", c.name)));
        };
        if (own.ty.oid, own.ty.typmod) != (c.ty.oid, c.ty.typmod) {
            return Err(err(
                SqlState::DATATYPE_MISMATCH,
                format!("child table \"{child_name}\" has different type for column \"{}\"", c.name),
            ));
        }
        if own.ty.collation != c.ty.collation {
            return Err(err(
                SqlState::COLLATION_MISMATCH,
                format!("child table \"{child_name}\" has different collation for column \"{}\"", c.name),
            ));
        }
        if c.not_null && !own.not_null {
            return Err(err(
                SqlState::DATATYPE_MISMATCH,
                format!("column \"{}\" in child table must be marked NOT NULL", c.name),
            ));
        }
        if c.generated != '\0' && own.generated == '\0' {
            return Err(err(
                SqlState::DATATYPE_MISMATCH,
                format!("column \"{}\" in child table must be a generated column", c.name),
            ));
        }
        if c.generated == '\0' && own.generated != '\0' {
            return Err(err(
                SqlState::DATATYPE_MISMATCH,
                format!("column \"{}\" in child table must not be a generated column", c.name),
            ));
        }
        if own.generated != c.generated {
            return Err(other_kind(SqlState::DATATYPE_MISMATCH, c, own));
        }
        // Of columns that are computed when they are read each table has its own.
        if c.generated == 's' && own.default != c.default {
            return Err(err(
                SqlState::DATATYPE_MISMATCH,
                format!("column \"{}\" in child table has a conflicting generation expression", c.name),
            ));
        }
        own.lineage.parents += 1;
        if partition {
            own.lineage.local = false;
        }
    }
    for k in &parent.constraints {
        let ConstraintKind::Check(text) = &k.kind else { continue };
        if k.no_inherit {
            continue;
        }
        let same = |x: &&mut Arc<Constraint>| x.name == k.name && matches!(x.kind, ConstraintKind::Check(_));
        let Some(own) = r.constraints.iter_mut().find(same) else {
            return Err(err(SqlState::DATATYPE_MISMATCH, format!("child table is missing constraint \"{}\"", k.name)));
        };
        if !matches!(&own.kind, ConstraintKind::Check(t) if t == text) {
            return Err(err(
                SqlState::DATATYPE_MISMATCH,
                format!("child table \"{child_name}\" has different definition for check constraint \"{}\"", k.name),
            ));
        }
        if own.no_inherit {
            return Err(err(
                SqlState::INVALID_OBJECT_DEFINITION,
                format!(
                    "constraint \"{}\" conflicts with non-inherited constraint on child table \"{child_name}\"",
                    k.name
                ),
            ));
        }
        if !own.validated && k.validated {
            return Err(err(
                SqlState::INVALID_OBJECT_DEFINITION,
                format!(
                    "constraint \"{}\" conflicts with NOT VALID constraint on child table \"{child_name}\"",
                    k.name
                ),
            ));
        }
        let lineage = Lineage { local: own.lineage.local && !partition, parents: own.lineage.parents + 1 };
        *own = Arc::new(Constraint { lineage, ..(**own).clone() });
    }
    Ok(())
}

/// Undoes [`adopt`]: what a table has left is its own.
pub fn disown(r: &mut Relation, parent: &Relation) {
    for c in parent.live_columns() {
        if let Some(own) = r.columns.iter_mut().find(|x| !x.dropped && x.name == c.name)
            && own.lineage.parents > 0
        {
            own.lineage.parents -= 1;
            own.lineage.local |= own.lineage.parents == 0;
        }
    }
    for own in &mut r.constraints {
        let theirs = |k: &Arc<Constraint>| k.name == own.name && matches!(k.kind, ConstraintKind::Check(_));
        if matches!(own.kind, ConstraintKind::Check(_))
            && own.lineage.parents > 0
            && parent.constraints.iter().any(theirs)
        {
            let parents = own.lineage.parents - 1;
            let lineage = Lineage { local: own.lineage.local || parents == 0, parents };
            *own = Arc::new(Constraint { lineage, ..(**own).clone() });
        }
    }
    r.parents.retain(|p| *p != parent.oid);
}

/// NO INHERIT.
pub async fn drop_parent(cx: &mut DdlCx<'_>, child: &Arc<Relation>, name: &Name) -> Result<()> {
    if child.bound.is_some() {
        return Err(err(SqlState::WRONG_OBJECT_TYPE, "cannot change inheritance of a partition"));
    }
    let Some(parent) = cx.open(name, TableLockMode::AccessShare).await? else {
        return Err(cx.missing("relation", name));
    };
    if !child.parents.contains(&parent.oid) {
        return Err(err(
            SqlState::UNDEFINED_TABLE,
            format!("relation \"{}\" is not a parent of relation \"{}\"", parent.name, child.name),
        ));
    }
    let mut r = (**child).clone();
    disown(&mut r, &parent);
    cx.put(r).await
}

/// The descendants of a table, locked, with those they descend from before them.
pub async fn descendants(cx: &mut DdlCx<'_>, root: u32, mode: TableLockMode) -> Result<Vec<u32>> {
    loop {
        let all = cx.tx.catalog.tree(root);
        for t in all.iter().skip(1) {
            cx.lock(*t, mode).await?;
        }
        let again = cx.tx.catalog.tree(root);
        if again == all {
            return Ok(all.into_iter().skip(1).collect());
        }
    }
}

/// A check written for a new table that it also takes over: they are one. Answers whether it was merged.
pub fn merge_check(cx: &mut DdlCx<'_>, rel: &mut Relation, c: &ast::Constraint, text: &str) -> Result<bool> {
    let Some(n) = &c.name else { return Ok(false) };
    let same = |k: &&mut Arc<Constraint>| k.name == n.value && k.lineage.parents > 0;
    let (table, partition) = (rel.name.clone(), rel.bound.is_some());
    let Some(k) = rel.constraints.iter_mut().find(same) else { return Ok(false) };
    if !matches!(&k.kind, ConstraintKind::Check(t) if t == text) {
        return Err(err(
            SqlState::DUPLICATE_OBJECT,
            format!("constraint \"{}\" for relation \"{table}\" already exists", n.value),
        ));
    }
    if c.no_inherit {
        return Err(err(
            SqlState::INVALID_OBJECT_DEFINITION,
            format!("constraint \"{}\" conflicts with inherited constraint on relation \"{table}\"", n.value),
        ));
    }
    // A partition has nothing of its own in what its parent has too.
    let lineage = Lineage { local: !partition, ..k.lineage };
    *k = Arc::new(Constraint { lineage, ..(**k).clone() });
    cx.notice(err(
        SqlState::SUCCESSFUL_COMPLETION,
        format!("merging constraint \"{}\" with inherited definition", n.value),
    ));
    Ok(true)
}
