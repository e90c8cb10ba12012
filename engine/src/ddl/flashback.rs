//! The table that FLASHBACK TABLE names.

use super::{DdlCx, err, kind_word};
use crate::catalog::{RelKind, Relation};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{FlashbackTable, TableLockMode};
use std::sync::Arc;

/// Finds and locks the table, which its owner may put back.
pub async fn find(cx: &mut DdlCx<'_>, s: &FlashbackTable) -> Result<Arc<Relation>> {
    let Some(rel) = cx.open(&s.name, TableLockMode::Exclusive).await? else {
        return Err(cx.missing("relation", &s.name));
    };
    cx.check_owner(rel.owner, kind_word(rel.kind), &rel.name)?;
    if rel.kind != RelKind::Table {
        return Err(err(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not a table", rel.name)));
    }
    if rel.is_partitioned() || !rel.children.is_empty() {
        return Err(DbError::unsupported(format!("FLASHBACK of table \"{}\", which has children", rel.name)));
    }
    Ok(rel)
}
