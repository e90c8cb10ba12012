//! EXPLAIN.

use super::Session;
use super::plan::column;
use super::statement::{Done, is_plannable};
use crate::api::ColumnDesc;
use crate::exec::explain::{Format, Summary, show};
use crate::exec::run;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, DefOption, DefValue, Statement};
use rustydb_parser::char_position;
use rustydb_types::datum::Datum;
use rustydb_types::oid;
use std::sync::Arc;
use std::time::Instant;

/// Options as written.
struct Options {
    analyze: bool,
    costs: bool,
    summary: Option<bool>,
    verbose: bool,
    format: Format,
}

/// The result column of an EXPLAIN.
pub fn columns(e: &ast::Explain) -> Arc<[ColumnDesc]> {
    let format = e.options.iter().rev().find(|o| o.name.value == "format").and_then(|o| match &o.value {
        Some(DefValue::Word(w) | DefValue::String(w)) => Some(w.to_ascii_lowercase()),
        _ => None,
    });
    let ty = match format.as_deref() {
        Some("json") => oid::JSON,
        Some("xml") => oid::XML,
        _ => oid::TEXT,
    };
    [column("QUERY PLAN", ty)].into()
}

/// A boolean option's value; none is true.
pub(crate) fn flag(o: &DefOption) -> Result<bool> {
    let bad = || DbError::new(SqlState::SYNTAX_ERROR, format!("{} requires a Boolean value", o.name.value));
    match &o.value {
        None => Ok(true),
        Some(DefValue::Word(w) | DefValue::String(w)) => match w.to_ascii_lowercase().as_str() {
            "true" | "on" => Ok(true),
            "false" | "off" => Ok(false),
            _ => Err(bad()),
        },
        Some(DefValue::Number(n)) => match n.as_str() {
            "1" => Ok(true),
            "0" => Ok(false),
            _ => Err(bad()),
        },
        Some(_) => Err(bad()),
    }
}

fn options(list: &[DefOption], text: &str) -> Result<Options> {
    let mut out = Options { analyze: false, costs: true, summary: None, verbose: false, format: Format::Text };
    for o in list {
        match o.name.value.as_str() {
            "analyze" => out.analyze = flag(o)?,
            "costs" => out.costs = flag(o)?,
            "summary" => out.summary = Some(flag(o)?),
            // Of plans nothing more is known than what is always shown; of the statement there is its id.
            "verbose" => out.verbose = flag(o)?,
            "buffers" | "settings" => {
                flag(o)?;
            }
            "timing" | "wal" => {
                if flag(o)? && !list.iter().any(|x| x.name.value == "analyze") {
                    return Err(DbError::new(
                        SqlState::INVALID_PARAMETER_VALUE,
                        format!("EXPLAIN option {} requires ANALYZE", o.name.value.to_uppercase()),
                    ));
                }
            }
            "format" => {
                let word = match &o.value {
                    None => return Err(DbError::new(SqlState::SYNTAX_ERROR, "format requires a parameter")),
                    Some(DefValue::Word(w) | DefValue::String(w)) => w.to_ascii_lowercase(),
                    _ => String::new(),
                };
                out.format = match word.as_str() {
                    "text" => Format::Text,
                    "json" => Format::Json,
                    "xml" => Format::Xml,
                    "yaml" => Format::Yaml,
                    other => {
                        return Err(DbError::new(
                            SqlState::INVALID_PARAMETER_VALUE,
                            format!("unrecognized value for EXPLAIN option \"format\": \"{other}\""),
                        )
                        .at(char_position(text, o.name.pos)));
                    }
                };
            }
            other => {
                return Err(DbError::new(SqlState::SYNTAX_ERROR, format!("unrecognized EXPLAIN option \"{other}\""))
                    .at(char_position(text, o.name.pos)));
            }
        }
    }
    Ok(out)
}

/// The statement that is explained.
enum Source<'e> {
    Written(&'e Statement),
    Made(Box<Statement>),
    Shared(Arc<Statement>),
}

impl Session {
    /// Runs EXPLAIN.
    pub(super) async fn explain(&mut self, e: &ast::Explain, text: &Arc<str>) -> Result<Done> {
        let opts = options(&e.options, text)?;
        let started = Instant::now();
        let made = match &e.statement {
            Statement::CreateTableAs(c) => Some(&**c),
            _ => None,
        };
        if let Some(c) = made
            && self.is_made(c)?
        {
            return Ok(done(e, Vec::new()));
        }
        let (stmt, params) = match made.map_or(&e.statement, |c| &c.source) {
            Statement::Execute(x) => {
                let prepared = self
                    .prepared
                    .get(&x.name.value)
                    .cloned()
                    .ok_or_else(|| super::statement::no_prepared(&x.name.value))?;
                let params = self.execute_args(&prepared, x, text)?;
                let stmt = prepared.stmt.clone().ok_or_else(|| DbError::internal("nothing is prepared"))?;
                (Source::Shared(stmt), Some((prepared, params)))
            }
            Statement::DeclareCursor(d) => (Source::Made(Box::new(Statement::Query(d.query.clone()))), None),
            s if is_plannable(s) => (Source::Written(s), None),
            _ => {
                // Utility statements have no plan.
                let line = "Utility statements have no plan structure";
                return Ok(done(e, vec![line.to_owned()]));
            }
        };
        let stmt: &Statement = match &stmt {
            Source::Written(s) => s,
            Source::Made(s) => s,
            Source::Shared(s) => s,
        };
        let (plan, params, sql) = match params {
            Some((prepared, params)) => {
                let plan = self.prepared_plan(&prepared)?;
                (plan, params, Arc::clone(&prepared.text))
            }
            None => (self.bind_statement(stmt, text, &[], false)?, [].into(), Arc::clone(text)),
        };
        let Some(plan) = plan else { return Err(DbError::internal("no plan to explain")) };
        let plan = self.lock_plan(plan, stmt, &sql).await?;
        let env = self.env();
        self.check_constants(&plan)?;
        let (mut shown, planned) = run::explain(self.tx()?, &plan.bound, Arc::clone(&params), env).await?;
        let query_id = if opts.verbose { self.shown_id(&plan, stmt) } else { None };
        let mut summary = Summary { query_id, ..Summary::default() };
        let wanted = opts.summary.unwrap_or(opts.analyze);
        summary.planning = wanted.then(|| planned.duration_since(started));
        if opts.analyze {
            let started = Instant::now();
            let (changed, rows) = match made {
                // The rows are stored, which is a statement of its own.
                Some(c) => {
                    let tag = Box::pin(self.create_table_as(c, text)).await?;
                    (None, tag.strip_prefix("SELECT ").and_then(|n| n.parse().ok()).unwrap_or(0))
                }
                None => self.drain_plan(&plan, params).await?,
            };
            let spent = started.elapsed();
            summary.execution = wanted.then_some(spent);
            if made.is_none() {
                self.count_inner(&plan, stmt, text, spent, changed.unwrap_or(rows));
            }
            if let Some(tx) = self.tx.tx.as_mut() {
                tx.next_command();
            }
            shown.actual = Some(rows);
            if let (Some(n), Some(source)) = (changed, shown.children.first_mut()) {
                source.actual = Some(n);
            }
        }
        Ok(done(e, show(&shown, opts.format, opts.costs, summary)))
    }

    /// Whether the table of CREATE TABLE AS is there already, of which IF NOT EXISTS makes a notice and nothing else 42P07.
    fn is_made(&mut self, c: &ast::CreateTableAs) -> Result<bool> {
        let catalog = Arc::clone(&self.tx()?.catalog);
        let name = &c.name.name.value;
        let namespace = match &c.name.schema {
            Some(s) => catalog.namespace_named(&s.value),
            None => self.path(&catalog).iter().copied().find(|n| *n != rustydb_types::pgdata::PG_CATALOG),
        };
        if namespace.and_then(|n| catalog.relation_named(n, name)).is_none() {
            return Ok(false);
        }
        let exists =
            |m: &str| DbError::new(SqlState::DUPLICATE_TABLE, format!("relation \"{name}\" already exists{m}"));
        if !c.if_not_exists {
            return Err(exists(""));
        }
        self.shared.notice("NOTICE", exists(", skipping"));
        Ok(true)
    }
}

fn done(e: &ast::Explain, lines: Vec<String>) -> Done {
    let rows = lines.into_iter().map(|s| vec![Datum::Text(s.into())]).collect();
    Done::Rows(columns(e), rows, "EXPLAIN".into())
}
