//! Identity columns of existing tables: ADD GENERATED, SET GENERATED, DROP IDENTITY.

use super::{DdlCx, err, sequence};
use crate::catalog::{Catalog, RelKind, Relation};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast;
use rustydb_types::oid;
use std::sync::Arc;

/// The sequence behind an identity column.
pub fn sequence_of(cat: &Catalog, table: u32, column: i16) -> Option<Arc<Relation>> {
    cat.relations
        .values()
        .find(|r| {
            r.kind == RelKind::Sequence
                && r.sequence.as_ref().is_some_and(|s| s.owned_by == Some((table, column)))
                && sequence::is_identity(r)
        })
        .cloned()
}

/// Position of a live column.
pub fn position(rel: &Relation, name: &ast::Ident) -> Result<usize> {
    rel.columns.iter().position(|c| !c.dropped && c.name == name.value).ok_or_else(|| {
        err(
            SqlState::UNDEFINED_COLUMN,
            format!("column \"{}\" of relation \"{}\" does not exist", name.value, rel.name),
        )
    })
}

/// ALTER COLUMN … ADD GENERATED … AS IDENTITY.
pub async fn add(
    cx: &mut DdlCx<'_>,
    rel: &mut Relation,
    column: &ast::Ident,
    always: bool,
    options: &[ast::SequenceOption],
) -> Result<()> {
    let at = position(rel, column)?;
    let c = &rel.columns[at];
    let whose = format!("column \"{}\" of relation \"{}\"", c.name, rel.name);
    let bad = |m: String| err(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, m);
    if !matches!(c.ty.oid, oid::INT2 | oid::INT4 | oid::INT8) {
        let what = "identity column type must be smallint, integer, or bigint";
        return Err(err(SqlState::INVALID_PARAMETER_VALUE, what));
    }
    if !c.not_null {
        return Err(bad(format!("{whose} must be declared NOT NULL before identity can be added")));
    }
    if c.identity != '\0' {
        return Err(bad(format!("{whose} is already an identity column")));
    }
    if c.default.is_some() {
        return Err(bad(format!("{whose} already has a default value")));
    }
    let own = super::column::identity_sequence(cx, c.ty, options)?;
    rel.columns[at].identity = if always { 'a' } else { 'd' };
    super::table::give_sequence(cx, rel, at, own).await
}

/// ALTER COLUMN … SET GENERATED, SET sequence option, RESTART.
pub async fn set(
    cx: &mut DdlCx<'_>,
    rel: &mut Relation,
    column: &ast::Ident,
    generated: Option<bool>,
    options: &[ast::SequenceOption],
) -> Result<()> {
    let at = position(rel, column)?;
    let c = &rel.columns[at];
    if c.identity == '\0' {
        return Err(err(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("column \"{}\" of relation \"{}\" is not an identity column", c.name, rel.name),
        ));
    }
    let attnum = c.attnum;
    if !options.is_empty() {
        let seq = sequence_of(&cx.cat(), rel.oid, attnum)
            .ok_or_else(|| DbError::internal("identity column without a sequence"))?;
        let plan = sequence::plan(cx, options, seq.sequence.as_ref(), true)?;
        sequence::redefine(cx, &seq, plan).await?;
    }
    if let Some(always) = generated {
        rel.columns[at].identity = if always { 'a' } else { 'd' };
    }
    Ok(())
}

/// ALTER COLUMN … DROP IDENTITY.
pub async fn drop(cx: &mut DdlCx<'_>, rel: &mut Relation, column: &ast::Ident, if_exists: bool) -> Result<()> {
    let at = position(rel, column)?;
    let c = &rel.columns[at];
    if c.identity == '\0' {
        let m = format!("column \"{}\" of relation \"{}\" is not an identity column", c.name, rel.name);
        if if_exists {
            cx.notice(err(SqlState::SUCCESSFUL_COMPLETION, format!("{m}, skipping")));
            return Ok(());
        }
        return Err(err(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, m));
    }
    if let Some(seq) = sequence_of(&cx.cat(), rel.oid, c.attnum) {
        cx.remove(seq.oid).await?;
    }
    rel.columns[at].identity = '\0';
    Ok(())
}
