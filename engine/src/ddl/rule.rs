//! ALTER and DROP RULE: the only rules there are are those that make views views, and they can be neither.

use super::{DdlCx, err};
use crate::catalog::{RelKind, Relation};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, ObjectRef, TableLockMode};
use std::sync::Arc;

/// The rule of a view.
const RETURN: &str = "_RETURN";

fn absent(rule: &str, rel: &Relation) -> DbError {
    err(SqlState::UNDEFINED_OBJECT, format!("rule \"{rule}\" for relation \"{}\" does not exist", rel.name))
}

/// The relation of a rule, which must have it.
async fn find(cx: &mut DdlCx<'_>, object: &ObjectRef) -> Result<Arc<Relation>> {
    let ObjectRef::OnTable(rule, table) = object else { return Err(DbError::internal("a rule without a table")) };
    let Some(rel) = cx.open(table, TableLockMode::AccessExclusive).await? else {
        return Err(cx.missing("relation", table));
    };
    if rel.kind == RelKind::View && rule.value == RETURN {
        return Ok(rel);
    }
    Err(absent(&rule.value, &rel))
}

/// Class and OID of the rule that COMMENT ON names.
pub async fn named(cx: &mut DdlCx<'_>, object: &ObjectRef) -> Result<u32> {
    let rel = find(cx, object).await?;
    cx.check_relation_owner(&rel)?;
    Ok(rel.rule_oid)
}

/// ALTER RULE … RENAME TO.
pub async fn rename(cx: &mut DdlCx<'_>, object: &ObjectRef) -> Result<()> {
    let rel = find(cx, object).await?;
    cx.check_relation_owner(&rel)?;
    Err(err(SqlState::INVALID_OBJECT_DEFINITION, "renaming an ON SELECT rule is not allowed"))
}

/// DROP RULE.
pub async fn drop(cx: &mut DdlCx<'_>, s: &ast::Drop) -> Result<()> {
    for o in &s.objects {
        let ObjectRef::OnTable(rule, table) = o else { return Err(DbError::internal("a rule without a table")) };
        if s.if_exists {
            let skipped = match cx.find(table)? {
                None => Some(format!("relation \"{}\" does not exist, skipping", table.plain())),
                Some(r) if r.kind == RelKind::View && rule.value == RETURN => None,
                Some(r) => {
                    Some(format!("rule \"{}\" for relation \"{}\" does not exist, skipping", rule.value, r.name))
                }
            };
            if let Some(m) = skipped {
                cx.notice(err(SqlState::SUCCESSFUL_COMPLETION, m));
                continue;
            }
        }
        let rel = find(cx, o).await?;
        cx.check_relation_owner(&rel)?;
        let view = cx.shown(&rel);
        return Err(err(
            SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
            format!("cannot drop rule {RETURN} on view {view} because view {view} requires it"),
        )
        .hint(format!("You can drop view {view} instead.")));
    }
    Ok(())
}

/// ALTER TABLE … ENABLE, DISABLE RULE.
pub fn fire(rel: &Relation, rule: &str) -> Result<()> {
    if rel.kind == RelKind::View && rule == RETURN {
        return Err(DbError::unsupported("the rule of a view cannot be disabled"));
    }
    Err(absent(rule, rel))
}
