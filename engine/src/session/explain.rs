//! EXPLAIN.

use super::Session;
use super::plan::column;
use super::statement::{Done, is_plannable};
use crate::api::ColumnDesc;
use crate::exec::run;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, DefOption, DefValue, Statement};
use rustydb_types::datum::Datum;
use rustydb_types::oid;
use std::sync::Arc;
use std::time::Instant;

/// Output format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Format {
    Text,
    Json,
}

/// Options as written.
struct Options {
    analyze: bool,
    costs: bool,
    summary: Option<bool>,
    format: Format,
}

/// The result column of an EXPLAIN.
pub fn columns(e: &ast::Explain) -> Arc<[ColumnDesc]> {
    let json = e.options.iter().any(|o| {
        o.name.value == "format"
            && matches!(&o.value, Some(DefValue::Word(w) | DefValue::String(w)) if w.eq_ignore_ascii_case("json"))
    });
    [column("QUERY PLAN", if json { oid::JSON } else { oid::TEXT })].into()
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

fn options(list: &[DefOption]) -> Result<Options> {
    let mut out = Options { analyze: false, costs: true, summary: None, format: Format::Text };
    for o in list {
        match o.name.value.as_str() {
            "analyze" => out.analyze = flag(o)?,
            "costs" => out.costs = flag(o)?,
            "summary" => out.summary = Some(flag(o)?),
            // Nothing more is known of a plan than what is always shown.
            "verbose" | "buffers" | "settings" => {
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
                    Some(DefValue::Word(w) | DefValue::String(w)) => w.to_ascii_lowercase(),
                    _ => String::new(),
                };
                out.format = match word.as_str() {
                    "text" => Format::Text,
                    "json" => Format::Json,
                    "xml" | "yaml" => {
                        return Err(DbError::unsupported(format!(
                            "EXPLAIN format {} is not supported yet",
                            word.to_uppercase()
                        )));
                    }
                    other => {
                        return Err(DbError::new(
                            SqlState::INVALID_PARAMETER_VALUE,
                            format!("unrecognized value for EXPLAIN option \"format\": \"{other}\""),
                        ));
                    }
                };
            }
            other => {
                return Err(DbError::new(SqlState::SYNTAX_ERROR, format!("unrecognized EXPLAIN option \"{other}\"")));
            }
        }
    }
    Ok(out)
}

impl Session {
    /// Runs EXPLAIN.
    pub(super) async fn explain(&mut self, e: &ast::Explain, text: &Arc<str>) -> Result<Done> {
        let opts = options(&e.options)?;
        let started = Instant::now();
        let (stmt, params) = match &e.statement {
            Statement::Execute(x) => {
                let prepared = self
                    .prepared
                    .get(&x.name.value)
                    .cloned()
                    .ok_or_else(|| super::statement::no_prepared(&x.name.value))?;
                let params = self.execute_args(&prepared, x, text)?;
                let stmt = prepared.stmt.clone().ok_or_else(|| DbError::internal("nothing is prepared"))?;
                (stmt, Some((prepared, params)))
            }
            Statement::DeclareCursor(d) => (Arc::new(Statement::Query(d.query.clone())), None),
            Statement::CreateTableAs(_) => {
                return Err(DbError::unsupported("EXPLAIN CREATE TABLE AS is not supported yet"));
            }
            s if is_plannable(s) => (Arc::new(s.clone()), None),
            _ => {
                // Utility statements have no plan.
                let line = "Utility statements have no plan structure";
                return Ok(done(e, vec![line.to_owned()], opts.format));
            }
        };
        let (plan, params, sql) = match params {
            Some((prepared, params)) => {
                let plan = self.prepared_plan(&prepared)?;
                (plan, params, Arc::clone(&prepared.text))
            }
            None => (self.bind_statement(&stmt, text, &[], false)?, [].into(), Arc::clone(text)),
        };
        let Some(plan) = plan else { return Err(DbError::internal("no plan to explain")) };
        let plan = self.lock_plan(plan, &stmt, &sql).await?;
        let env = self.env();
        self.check_constants(&plan)?;
        let mut lines = run::explain(self.tx()?, &plan.bound, Arc::clone(&params), env, opts.costs).await?;
        let planning = started.elapsed();
        if opts.analyze {
            let started = Instant::now();
            let (_, rows) = self.collect_plan(&plan, params).await?;
            let took = started.elapsed();
            if let Some(tx) = self.tx.tx.as_mut() {
                tx.next_command();
            }
            lines.push(format!("Actual rows: {rows}"));
            if opts.summary.unwrap_or(true) {
                lines.push(format!("Planning Time: {:.3} ms", planning.as_secs_f64() * 1000.0));
                lines.push(format!("Execution Time: {:.3} ms", took.as_secs_f64() * 1000.0));
            }
        } else if opts.summary == Some(true) {
            lines.push(format!("Planning Time: {:.3} ms", planning.as_secs_f64() * 1000.0));
        }
        Ok(done(e, lines, opts.format))
    }
}

fn done(e: &ast::Explain, lines: Vec<String>, format: Format) -> Done {
    let text = |s: String| vec![Datum::Text(s.into())];
    let rows = match format {
        Format::Text => lines.into_iter().map(text).collect(),
        Format::Json => vec![text(json(&lines))],
    };
    Done::Rows(columns(e), rows, "EXPLAIN".into())
}

/// The plan's lines as a tree: deeper lines are the children of the line above them.
fn json(lines: &[String]) -> String {
    fn quote(s: &str) -> String {
        let mut out = String::from("\"");
        for c in s.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                c if c < ' ' => out.push_str(&format!("\\u{:04x}", c as u32)),
                c => out.push(c),
            }
        }
        out.push('"');
        out
    }
    fn level(lines: &[String], at: &mut usize, indent: usize) -> Vec<String> {
        let depth = |l: &str| l.len() - l.trim_start().len();
        let mut nodes = Vec::new();
        while let Some(line) = lines.get(*at).filter(|l| depth(l) >= indent) {
            let own = depth(line);
            *at += 1;
            let children = level(lines, at, own + 1);
            let plans =
                if children.is_empty() { String::new() } else { format!(", \"Plans\": [{}]", children.join(", ")) };
            nodes.push(format!("{{\"Node Type\": {}{plans}}}", quote(line.trim())));
        }
        nodes
    }
    let nodes = level(lines, &mut 0, 0);
    let plans: Vec<String> = nodes.into_iter().map(|n| format!("{{\"Plan\": {n}}}")).collect();
    format!("[{}]", plans.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_as_json_nests_by_indentation() {
        let lines = ["Sort".to_owned(), "  Scan \"t\"".to_owned(), "  Scan u".to_owned()];
        assert_eq!(
            json(&lines),
            "[{\"Plan\": {\"Node Type\": \"Sort\", \"Plans\": [{\"Node Type\": \"Scan \\\"t\\\"\"}, \
             {\"Node Type\": \"Scan u\"}]}}]"
        );
    }
}
