//! FLASHBACK TABLE … TO: puts the rows of the past back, as ordinary changes of one transaction; or, TO BEFORE DROP, the table
//! (`ddl/recyclebin.rs`).
//!
//! Rows keep their addresses for life, so a row of then and a row of now are the same one if their addresses are equal:
//! rows that were not there are deleted, those that have changed are changed back, those that are gone are inserted. All
//! constraints hold, triggers would fire, and the flashback itself can be rolled back.

use super::Session;
use crate::catalog::Relation;
use crate::catalog::deparse::qualified;
use crate::ddl;
use crate::exec::run::{Executed, run};
use crate::plan::ir::Bound;
use rustydb_base::{DbError, Result};
use rustydb_parser::ast;
use std::sync::Arc;

/// A name for the table that none of its columns has, so that it stands for the whole row.
fn free_name(rel: &Relation, word: &str) -> String {
    let mut name = format!("{word}_row");
    while rel.column(&name).is_some() {
        name.push('_');
    }
    name
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl Session {
    /// Runs the statement.
    pub(super) async fn flashback_table(&mut self, s: &ast::FlashbackTable, text: &Arc<str>) -> Result<String> {
        self.check_read_only("FLASHBACK TABLE")?;
        let then = match &s.to {
            ast::FlashbackTo::AsOf(t) => t.to_string(),
            ast::FlashbackTo::BeforeDrop { rename } => {
                self.define(text, async |cx| ddl::recyclebin::restore(cx, &s.name, rename.as_ref()).await).await?;
                return Ok("FLASHBACK TABLE".to_owned());
            }
        };
        let rel = self.define(text, async |cx| ddl::flashback::find(cx, s).await).await?;
        let table = qualified(&rel);
        let all: Vec<_> = rel.live_columns().filter(|c| c.generated == '\0').collect();
        let (now, past) = (free_name(&rel, "now"), free_name(&rel, "past"));
        let names: Vec<String> = all.iter().map(|c| quoted(&c.name)).collect();
        let set: Vec<String> =
            all.iter().filter(|c| c.identity != 'a').map(|c| format!("{0} = {past}.{0}", quoted(&c.name))).collect();
        self.change(&format!(
            "DELETE FROM ONLY {table} AS {now} \
             WHERE NOT EXISTS (SELECT FROM ONLY {table} AS OF {then} AS {past} WHERE {past}.ctid = {now}.ctid)"
        ))
        .await?;
        if !set.is_empty() {
            self.change(&format!(
                "UPDATE ONLY {table} AS {now} SET {} FROM ONLY {table} AS OF {then} AS {past} \
                 WHERE {past}.ctid = {now}.ctid AND {past}::text IS DISTINCT FROM {now}::text",
                set.join(", ")
            ))
            .await?;
        }
        let names = names.join(", ");
        if !names.is_empty() {
            self.change(&format!(
                "INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE \
                 SELECT {names} FROM ONLY {table} AS OF {then} AS {past} \
                 WHERE NOT EXISTS (SELECT FROM ONLY {table} AS {now} WHERE {now}.ctid = {past}.ctid)"
            ))
            .await?;
        }
        Ok("FLASHBACK TABLE".to_owned())
    }

    /// Runs a statement of ours that changes rows.
    async fn change(&mut self, sql: &str) -> Result<()> {
        let stmt = rustydb_parser::parse(sql)?.into_iter().next().map(|p| p.stmt);
        let stmt = stmt.ok_or_else(|| DbError::internal("a statement of ours is empty"))?;
        let bound = self.with_binder(sql, &[], |b| b.statement(&stmt))?;
        let Some(bound @ (Bound::Delete(_) | Bound::Update(_) | Bound::Insert(_))) = bound else {
            return Err(DbError::internal("a statement of ours was not bound as one"));
        };
        let env = self.env();
        let tx = self.tx()?;
        match run(tx, &Arc::new(bound), [].into(), env).await? {
            Executed::Count(_) | Executed::Rows(_) => {}
        }
        self.tx()?.next_command();
        Ok(())
    }
}
