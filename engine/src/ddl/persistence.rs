//! ALTER TABLE, SEQUENCE … SET LOGGED and SET UNLOGGED: the rows are copied to files of the other kind.

use super::{DdlCx, check_rows, err};
use crate::catalog::{ConstraintKind, Persistence, RelKind, Relation, Sequence};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::TableLockMode;
use std::sync::Arc;

/// Foreign keys may lead from unlogged tables to logged ones, but not the other way.
fn check_references(cx: &DdlCx<'_>, rel: &Relation, to: Persistence) -> Result<()> {
    let named = |oid: u32| cx.tx.catalog.relation(oid).filter(|r| r.oid != rel.oid && r.persistence != to).cloned();
    if to == Persistence::Permanent {
        for c in &rel.constraints {
            if let ConstraintKind::Foreign { ref_table, .. } = c.kind
                && let Some(other) = named(ref_table)
            {
                return Err(err(
                    SqlState::INVALID_TABLE_DEFINITION,
                    format!(
                        "could not change table \"{}\" to logged because it references unlogged table \"{}\"",
                        rel.name, other.name
                    ),
                ));
            }
        }
    } else if let Some(other) = rel.referenced_by.iter().find_map(|c| named(c.table)) {
        return Err(err(
            SqlState::INVALID_TABLE_DEFINITION,
            format!(
                "could not change table \"{}\" to unlogged because it references logged table \"{}\"",
                rel.name, other.name
            ),
        ));
    }
    Ok(())
}

async fn change_sequence(cx: &mut DdlCx<'_>, rel: &Relation, to: Persistence) -> Result<()> {
    let Some(old) = rel.sequence.clone() else {
        return Err(DbError::internal("sequence without a definition"));
    };
    let state = cx.tx.db.engine().store().sequence_get(old.storage).await?;
    let file = cx.tx.create_sequence_file(state.last, state.is_called, to).await?;
    cx.tx.drop_files(old.storage).await?;
    cx.put(Relation { sequence: Some(Sequence { storage: file, ..old }), persistence: to, ..rel.clone() }).await
}

/// Runs the sub-command on a table (with the sequences of its columns) or a sequence.
pub async fn change(cx: &mut DdlCx<'_>, rel: &Arc<Relation>, to: Persistence) -> Result<()> {
    if rel.persistence == Persistence::Temporary {
        return Err(err(
            SqlState::INVALID_TABLE_DEFINITION,
            format!("cannot change logged status of table \"{}\" because it is temporary", rel.name),
        ));
    }
    if rel.persistence == to {
        return Ok(());
    }
    if rel.kind == RelKind::Sequence {
        return change_sequence(cx, rel, to).await;
    }
    check_references(cx, rel, to)?;
    let mut new = Relation { persistence: to, ..(**rel).clone() };
    check_rows::rewrite(cx, rel, &mut new, Ok).await?;
    cx.put(new).await?;
    let mut owned: Vec<u32> = cx
        .cat()
        .relations
        .values()
        .filter(|s| s.sequence.as_ref().and_then(|s| s.owned_by).is_some_and(|o| o.0 == rel.oid))
        .map(|s| s.oid)
        .collect();
    owned.sort_unstable();
    for s in owned {
        cx.lock(s, TableLockMode::AccessExclusive).await?;
        let seq = cx.relation(s)?;
        change_sequence(cx, &seq, to).await?;
    }
    Ok(())
}
