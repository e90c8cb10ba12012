//! CREATE TABLE AS and SELECT INTO: the query is bound, a table made for its columns, and its rows stored in it.

use super::Session;
use super::rows::Rows;
use super::statement::no_prepared;
use crate::ddl::{self, DdlCx};
use crate::exec::bulk::{BulkInsert, BulkRows};
use crate::exec::run::Executed;
use crate::plan::ir::Bound;
use rustydb_base::{DbError, Result};
use rustydb_parser::ast::{self, Statement};
use rustydb_types::datum::Datum;
use std::sync::Arc;

impl Session {
    /// Runs CREATE TABLE AS.
    pub(super) async fn create_table_as(&mut self, c: &ast::CreateTableAs, text: &Arc<str>) -> Result<String> {
        let what = if c.materialized_view { "CREATE MATERIALIZED VIEW" } else { "CREATE TABLE AS" };
        self.check_read_only(what)?;
        let (stmt, sql, params, plan): (_, _, Arc<[Datum]>, _) = match &c.source {
            Statement::Execute(e) => {
                let prepared = self.prepared.get(&e.name.value).cloned().ok_or_else(|| no_prepared(&e.name.value))?;
                let params = self.execute_args(&prepared, e, text)?;
                let plan = self.prepared_plan(&prepared)?;
                let stmt = prepared.stmt.clone().ok_or_else(|| DbError::internal("nothing is prepared"))?;
                (stmt, Arc::clone(&prepared.text), params, plan)
            }
            q => {
                let stmt = Arc::new(q.clone());
                let plan = self.bind_statement(&stmt, text, &[], false)?;
                (stmt, Arc::clone(text), [].into(), plan)
            }
        };
        let plan = plan.ok_or_else(|| DbError::internal("CREATE TABLE AS without a query"))?;
        let plan = if c.with_data {
            self.lock_plan(plan, &stmt, &sql).await?
        } else {
            self.lock_named(plan, &stmt, &sql).await?
        };
        let Bound::Query(query) = &*plan.bound else {
            return Err(DbError::internal("CREATE TABLE AS without a query"));
        };
        let eval = self.eval();
        let env = self.env();
        let in_block = self.in_block();
        let role = self.shared.user_oid();
        let catalog = Arc::clone(&self.tx()?.catalog);
        let search_path = self.path(&catalog).to_vec();
        let tx = self.tx()?;
        let mut cx = DdlCx::new(tx, search_path, role, &eval, &env, text, in_block);
        let made = ddl::create_table_for_query(&mut cx, c, &query.columns).await;
        let notices = std::mem::take(&mut cx.notices);
        for (severity, n) in notices {
            self.shared.notice(severity, n);
        }
        let Some(rel) = made? else { return Ok(what.into()) };
        self.tx()?.next_command();
        if !c.with_data {
            return Ok(what.into());
        }
        let n = self.fill(&rel, &plan, params, text).await?;
        Ok(format!("SELECT {n}"))
    }

    /// Stores the rows of a query in a table.
    pub(super) async fn fill(
        &mut self,
        rel: &Arc<crate::catalog::Relation>,
        plan: &Arc<super::plan::Plan>,
        params: Arc<[Datum]>,
        text: &str,
    ) -> Result<u64> {
        let insert = self.bind_copy_insert(rel, text)?;
        let Executed::Rows(source) = self.start_plan(plan, params).await? else {
            return Err(DbError::internal("a query without rows"));
        };
        let env = self.env();
        let mut made = BulkRows::new(self.tx()?, &insert, &env)?;
        let mut bulk = BulkInsert::new(env);
        let columns = plan.columns.clone().unwrap_or_else(|| [].into());
        let mut rows = Rows::new(source);
        while let Some(mut row) = rows.next(self, &columns).await? {
            if let Some(batch) = made.push(&mut row)? {
                bulk.store(self.tx()?, batch).await?;
            }
        }
        if let Some(batch) = made.rest() {
            bulk.store(self.tx()?, batch).await?;
        }
        let n = bulk.finish(self.tx()?).await?;
        self.tx()?.next_command();
        Ok(n)
    }

    /// `INSERT INTO table` as the batch insertion of rows wants it.
    pub(super) fn bind_copy_insert(
        &mut self,
        rel: &Arc<crate::catalog::Relation>,
        text: &str,
    ) -> Result<crate::plan::ir::Insert> {
        let name = ast::Name {
            catalog: None,
            schema: Some(ast::Ident::new(rel.schema.clone())),
            name: ast::Ident::new(rel.name.clone()),
        };
        let insert = ast::Insert {
            with: None,
            table: name,
            alias: None,
            columns: Vec::new(),
            overriding: ast::Overriding::No,
            source: None,
            on_conflict: None,
            returning: Vec::new(),
            pos: ast::NO_POS,
        };
        let view = rel.kind == crate::catalog::RelKind::MaterializedView;
        self.with_binder(text, &[], |b| {
            b.may_fill = view;
            match b.statement(&Statement::Insert(Box::new(insert)))? {
                Some(Bound::Insert(i)) => Ok(*i),
                _ => Err(DbError::internal("INSERT was not bound as one")),
            }
        })
    }
}
