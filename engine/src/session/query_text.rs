//! Built-in functions that are given a query as text: `ts_stat` and `ts_rewrite`. They are calls that only the session can
//! answer ([`rustydb_types::host`]); it binds the text, runs it in the caller's transaction and folds the rows.
//!
//! The query runs with the caller's rights and search path. What it may hold is bounded by the fold: lexemes that differ, or one
//! query; rows are not kept.

use super::function::{each_row, internal_query};
use super::plan::Plan;
use super::shared::SessionShared;
use crate::bind::{BindCx, Binder};
use crate::exec::run::StatementEnv;
use crate::transaction::Transaction;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast;
use rustydb_types::datum::Datum;
use rustydb_types::host::HostCall;
use rustydb_types::tsearch::stat::{Statistics, rewrite_by_row};
use rustydb_types::{host, oid};
use std::sync::Arc;

/// Runs a call if it is of one of these functions.
pub(super) async fn run(
    tx: &mut Transaction,
    env: &StatementEnv,
    shared: &SessionShared,
    call: &HostCall,
) -> Result<Option<Vec<Vec<Datum>>>> {
    if !host::runs_query_text(call.proc) {
        return Ok(None);
    }
    let text = |i: usize| match call.args.get(i) {
        Some(Datum::Text(t)) => Ok(t.as_str()),
        other => Err(DbError::internal(format!("expected a text, found {other:?}"))),
    };
    match &*call.proc.prosrc {
        "ts_stat1" | "ts_stat2" => {
            let weights = if call.args.len() > 1 { Some(text(1)?) } else { None };
            let plan = planned(tx, env, shared, text(0)?, &[oid::TSVECTOR], || {
                wrong("ts_stat query must return one tsvector column")
            })
            .await?;
            let mut seen = Statistics::new(weights)?;
            each_row(tx, env, &plan, |row| seen.add(row.first())).await?;
            let fields = [oid::TEXT, oid::INT4, oid::INT4].map(crate::bind::type_ref);
            let row = |r: [Datum; 3]| vec![Datum::Row(fields.iter().copied().zip(r).collect())];
            Ok(Some(seen.rows().map(row).collect()))
        }
        _ => {
            let plan = planned(tx, env, shared, text(1)?, &[oid::TSQUERY, oid::TSQUERY], || {
                wrong("ts_rewrite query must return two tsquery columns")
            })
            .await?;
            let mut query = call.args.first().cloned().unwrap_or_default();
            each_row(tx, env, &plan, |row| {
                query = rewrite_by_row(&query, &row)?;
                Ok(())
            })
            .await?;
            Ok(Some(vec![vec![query]]))
        }
    }
}

fn wrong(message: &'static str) -> DbError {
    DbError::new(SqlState::INVALID_PARAMETER_VALUE, message)
}

/// The plan of a query whose columns have these types; table locks are taken, rights are checked.
async fn planned(
    tx: &mut Transaction,
    env: &StatementEnv,
    shared: &SessionShared,
    sql: &str,
    types: &[u32],
    mistake: impl Fn() -> DbError,
) -> Result<Arc<Plan>> {
    let mut list = rustydb_parser::parse(sql).map_err(|e| internal_query(e, sql))?.into_iter();
    let (Some(stmt), None) = (list.next().map(|p| p.stmt), list.next()) else {
        return Err(DbError::new(SqlState::INVALID_CURSOR_DEFINITION, "cannot open multi-query plan as cursor"));
    };
    if !matches!(stmt, ast::Statement::Query(_)) {
        return Err(mistake());
    }
    loop {
        let catalog = Arc::clone(tx.refresh_catalog());
        shared.set_catalog(&catalog);
        let path = shared.search_path(&catalog);
        let role = shared.user_oid();
        let plan = {
            let cx = BindCx { catalog: &catalog, search_path: &path, eval: &env.eval, role, sql };
            let mut binder = Binder::new(&cx, &[]);
            let bound = binder.statement(&stmt).map_err(|e| internal_query(e, sql))?;
            Arc::new(Plan::new(&mut binder, bound.ok_or_else(&mistake)?, role)?)
        };
        let columns = plan.columns.as_deref().unwrap_or_default();
        if plan.writes() || columns.len() != types.len() || columns.iter().zip(types).any(|(c, t)| c.ty.oid != *t) {
            return Err(mistake());
        }
        plan.lock(tx).await?;
        let catalog = Arc::clone(tx.refresh_catalog());
        if plan.is_valid(&catalog, &path, role) {
            plan.check_rights(&catalog)?;
            return Ok(plan);
        }
    }
}
