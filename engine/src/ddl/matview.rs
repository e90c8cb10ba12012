//! Materialized views: a query kept as a view keeps it, and a table of the rows it had when it was last run.
//!
//! The definition is made here; the session runs the query and stores the rows, at CREATE and at REFRESH. REFRESH puts them
//! in new files; REFRESH CONCURRENTLY replaces them row by row, so that readers go on seeing the rows of before.

use super::{DdlCx, err, truncate};
use crate::catalog::{Dependency, Persistence, RelKind, Relation};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, TableLockMode};
use std::sync::Arc;

/// The kept form of a materialized view's query.
pub struct Kept {
    /// Its text.
    pub text: String,
    /// What it needs.
    pub depends: Vec<Dependency>,
}

/// Brings the query of CREATE MATERIALIZED VIEW into its kept form.
pub async fn keep(cx: &mut DdlCx<'_>, s: &ast::CreateTableAs) -> Result<Kept> {
    if s.persistence == ast::Persistence::Unlogged {
        return Err(DbError::unsupported("materialized views cannot be unlogged"));
    }
    let ast::Statement::Query(q) = &s.source else {
        return Err(DbError::unsupported("materialized views of this statement are not supported"));
    };
    let changes = |b: &ast::Statement| !matches!(b, ast::Statement::Query(_));
    if q.with.as_ref().is_some_and(|w| w.ctes.iter().any(|c| changes(&c.body))) {
        return Err(DbError::unsupported("materialized views must not use data-modifying statements in WITH"));
    }
    let (query, resolved, text) = super::view::stored_query(cx, q).await?;
    if super::view::reads(&resolved, &|r| r.persistence == Persistence::Temporary) {
        return Err(DbError::unsupported("materialized views must not use temporary tables or views"));
    }
    Ok(Kept { text, depends: super::view::dependencies(&cx.cat(), &query, &resolved) })
}

/// Finds the view that REFRESH names, locked, and makes it ready to take the rows: empty, but for CONCURRENTLY.
pub async fn prepare_refresh(cx: &mut DdlCx<'_>, s: &ast::RefreshMaterializedView) -> Result<Arc<Relation>> {
    let mode = if s.concurrently { TableLockMode::Exclusive } else { TableLockMode::AccessExclusive };
    let Some(rel) = cx.open(&s.name, mode).await? else {
        return Err(cx.missing("relation", &s.name));
    };
    cx.check_owner(rel.owner, super::kind_word(rel.kind), &rel.name)?;
    if !matches!(rel.kind, RelKind::Table | RelKind::MaterializedView) {
        let m = format!("\"{}\" is not a table or materialized view", rel.name);
        return Err(err(SqlState::WRONG_OBJECT_TYPE, m));
    }
    if rel.kind != RelKind::MaterializedView {
        return Err(DbError::unsupported(format!("\"{}\" is not a materialized view", rel.name)));
    }
    if s.concurrently && !rel.populated {
        return Err(DbError::unsupported("CONCURRENTLY cannot be used when the materialized view is not populated"));
    }
    if s.concurrently && !s.with_data {
        return Err(err(SqlState::SYNTAX_ERROR, "CONCURRENTLY and WITH NO DATA options cannot be used together"));
    }
    if s.concurrently {
        let fits = |i: &crate::catalog::Index| {
            i.unique && i.valid && i.predicate.is_none() && i.keys.iter().all(|k| k.attnum > 0)
        };
        if !rel.indexes.iter().any(|i| fits(i)) {
            return Err(err(
                SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("cannot refresh materialized view \"{}.{}\" concurrently", rel.schema, rel.name),
            )
            .hint("Create a unique index with no WHERE clause on one or more columns of the materialized view."));
        }
        return Ok(rel);
    }
    truncate::empty(cx, rel.oid).await?;
    if let Some(tally) = &cx.tx.tally {
        tally.truncated(rel.oid);
    }
    let r = cx.relation(rel.oid)?;
    if r.populated != s.with_data {
        cx.put(Relation { populated: s.with_data, ..(*r).clone() }).await?;
    }
    cx.relation(rel.oid)
}
