//! REFRESH MATERIALIZED VIEW.

use super::Session;
use crate::ddl;
use crate::plan::ir::Bound;
use rustydb_base::{DbError, Result};
use rustydb_parser::ast::{self, Statement};
use std::sync::Arc;

impl Session {
    /// Runs the view's query again and keeps its rows instead of the old ones.
    pub(super) async fn refresh_matview(
        &mut self,
        s: &ast::RefreshMaterializedView,
        text: &Arc<str>,
    ) -> Result<String> {
        self.check_read_only("REFRESH MATERIALIZED VIEW")?;
        self.refreshed = 0;
        let tag = || Ok("REFRESH MATERIALIZED VIEW".to_owned());
        let rel = self.define(text, async |cx| ddl::matview::prepare_refresh(cx, s).await).await?;
        self.tx()?.next_command();
        if !s.with_data {
            return tag();
        }
        let sql: Arc<str> = rel.view.clone().unwrap_or_default().into();
        let stmt = rustydb_parser::parse(&sql)?.into_iter().next().map(|p| Arc::new(p.stmt));
        let stmt = stmt.ok_or_else(|| DbError::internal("a materialized view without a query"))?;
        let plan = self.bind_statement(&stmt, &sql, &[], false)?;
        let plan = plan.ok_or_else(|| DbError::internal("a materialized view without a query"))?;
        let plan = self.lock_plan(plan, &stmt, &sql).await?;
        if s.concurrently {
            self.delete_all(&rel).await?;
        }
        self.refreshed = self.fill(&rel, &plan, [].into(), text).await?;
        tag()
    }

    /// Deletes the rows of a materialized view.
    async fn delete_all(&mut self, rel: &crate::catalog::Relation) -> Result<()> {
        let sql = format!("DELETE FROM {}", crate::catalog::deparse::qualified(rel));
        let stmt = rustydb_parser::parse(&sql)?.into_iter().next().map(|p| p.stmt);
        let bound = self.with_binder(&sql, &[], |b| {
            b.may_fill = true;
            match &stmt {
                Some(Statement::Delete(d)) => b.statement(&Statement::Delete(d.clone())),
                _ => Ok(None),
            }
        })?;
        let Some(bound @ Bound::Delete(_)) = bound else {
            return Err(DbError::internal("DELETE was not bound as one"));
        };
        let env = self.env();
        let tx = self.tx()?;
        crate::exec::run::run(tx, &Arc::new(bound), [].into(), env).await?;
        self.tx()?.next_command();
        Ok(())
    }
}
