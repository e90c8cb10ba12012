//! The extended protocol: prepared statements and portals by message.

use super::plan::Plan;
use super::rows::{self, Portal, Source};
use super::statement::{Prepared, duplicate_prepared, is_plannable, no_prepared};
use super::{MAX_PORTALS, Session};
use crate::api::{ExecuteEnd, Output, RowShape, StatementDesc};
use crate::bind::type_ref;
use parking_lot::Mutex;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::io::{binary_in, text_in};
use std::borrow::Cow;
use std::sync::Arc;

fn no_portal(name: &str) -> DbError {
    DbError::new(SqlState::UNDEFINED_CURSOR, format!("portal \"{name}\" does not exist"))
}

impl Session {
    /// Parse.
    pub(super) async fn parse_message(&mut self, name: &str, sql: &str, types: &[u32]) -> Result<()> {
        if name.is_empty() {
            self.prepared.remove("");
        } else if self.prepared.contains_key(name) {
            return Err(duplicate_prepared(name));
        }
        let _timer = self.timer();
        self.finish_undo().await;
        let mut list = rustydb_parser::parse_with(sql, &self.parse_options())?;
        if list.len() > 1 {
            return Err(DbError::new(
                SqlState::SYNTAX_ERROR,
                "cannot insert multiple commands into a prepared statement",
            ));
        }
        let text: Arc<str> = sql.into();
        let Some(mut p) = list.pop() else {
            let prepared = Prepared {
                own_text: Arc::clone(&text),
                place: 0..0,
                text,
                stmt: None,
                params: types.into(),
                columns: None,
                plan: Mutex::new(None),
                listed: None,
                room: None,
            };
            return self.keep_prepared(name, prepared, false);
        };
        self.parsed(&mut p);
        self.check_aborted(&p.stmt)?;
        let plannable = is_plannable(&p.stmt);
        let plan = if plannable {
            self.ensure_transaction().await?;
            match super::positioned::anywhere(&p.stmt) {
                Cow::Borrowed(stmt) => self.plan_text(stmt, &text, types)?,
                Cow::Owned(stmt) => self.bind_statement(&stmt, &text, types, true)?,
            }
        } else {
            None
        };
        let own_text: Arc<str> = text.get(p.text.clone()).unwrap_or("").into();
        let stmt = Arc::new(p.stmt);
        let prepared = Prepared {
            params: match &plan {
                Some(p) => p.params.iter().map(|t| t.oid).collect(),
                None => types.into(),
            },
            columns: match &plan {
                Some(p) => p.columns.clone(),
                None => self.utility_columns(&stmt),
            },
            text,
            own_text,
            place: p.text.clone(),
            stmt: Some(stmt),
            plan: Mutex::new(plan),
            listed: None,
            room: None,
        };
        self.keep_prepared(name, prepared, false)
    }

    /// Bind.
    pub(super) async fn bind_message(
        &mut self,
        portal: &str,
        statement: &str,
        param_formats: &[i16],
        params: &[Option<&[u8]>],
        result_formats: &[i16],
    ) -> Result<()> {
        let prepared = self.prepared.get(statement).cloned().ok_or_else(|| no_prepared(statement))?;
        let _timer = self.timer();
        if param_formats.len() > 1 && param_formats.len() != params.len() {
            return Err(DbError::new(
                SqlState::PROTOCOL_VIOLATION,
                format!("bind message has {} parameter formats but {} parameters", param_formats.len(), params.len()),
            ));
        }
        if params.len() != prepared.params.len() {
            return Err(DbError::new(
                SqlState::PROTOCOL_VIOLATION,
                format!(
                    "bind message supplies {} parameters, but prepared statement \"{statement}\" requires {}",
                    params.len(),
                    prepared.params.len()
                ),
            ));
        }
        if let Some(stmt) = &prepared.stmt {
            self.check_aborted(stmt)?;
        }
        if portal.is_empty() {
            self.portals.remove("");
        } else if self.portals.contains_key(portal) {
            return Err(DbError::new(SqlState::DUPLICATE_CURSOR, format!("cursor \"{portal}\" already exists")));
        }
        if self.portals.len() >= MAX_PORTALS {
            return Err(DbError::new(
                SqlState::CONFIGURATION_LIMIT_EXCEEDED,
                format!("a session can keep no more than {MAX_PORTALS} portals"),
            ));
        }
        let plan: Option<Arc<Plan>> = match &prepared.stmt {
            Some(stmt) if is_plannable(stmt) => {
                self.ensure_transaction().await?;
                self.prepared_plan(&prepared)?
            }
            _ => {
                self.finish_undo().await;
                None
            }
        };
        if let Some(plan) = &plan {
            self.check_constants(plan)?;
        }
        let values: Arc<[Datum]> = if params.is_empty() {
            [].into()
        } else {
            let eval = self.eval();
            let value = |(i, (value, ty)): (usize, (&Option<&[u8]>, &u32))| {
                let format = match param_formats {
                    [] => 0,
                    [one] => *one,
                    many => many.get(i).copied().unwrap_or(0),
                };
                parameter(&eval, portal, i, type_ref(*ty), format, *value)
            };
            match (params, &*prepared.params) {
                // Without the detour over a list.
                ([one], [ty]) => Arc::new([value((0, (one, ty)))?]),
                _ => params.iter().zip(prepared.params.iter()).enumerate().map(value).collect::<Result<_>>()?,
            }
        };
        let columns = match &plan {
            Some(p) => p.columns.clone(),
            None => prepared.stmt.as_deref().and_then(|s| self.utility_columns(s)),
        };
        let shape = match columns {
            Some(columns) => {
                let formats = rows::formats(result_formats, columns.len())?;
                Some(RowShape { columns, formats })
            }
            None => None,
        };
        let source = Source {
            stmt: prepared.stmt.clone(),
            text: Arc::clone(&prepared.text),
            own: Arc::clone(&prepared.own_text),
            place: prepared.place.clone(),
        };
        let mut p = Portal::new(source, plan, values, shape);
        portal.clone_into(&mut p.name);
        p.depth = self.tx.depth();
        self.portals.insert(portal.to_owned(), p);
        Ok(())
    }

    /// Describe of a statement.
    pub(super) async fn describe_prepared(&mut self, name: &str) -> Result<StatementDesc> {
        let p = self.prepared.get(name).cloned().ok_or_else(|| no_prepared(name))?;
        if let Some(stmt) = &p.stmt
            && p.columns.is_some()
        {
            self.check_aborted(stmt)?;
            if is_plannable(stmt) {
                // A definition that has changed since Parse must show now, not at Bind.
                self.ensure_transaction().await?;
                self.prepared_plan(&p)?;
            }
        }
        Ok(StatementDesc { params: p.params.to_vec(), columns: p.columns.clone() })
    }

    /// Describe of a portal.
    pub(super) async fn describe_open_portal(&mut self, name: &str) -> Result<Option<RowShape>> {
        self.finish_undo().await;
        let p = self.portals.get(name).ok_or_else(|| no_portal(name))?;
        if let Some(stmt) = &p.source.stmt
            && p.shape.is_some()
        {
            self.check_aborted(stmt)?;
        }
        Ok(p.shape.clone())
    }

    /// Execute.
    pub(super) async fn execute_message(
        &mut self,
        name: &str,
        max_rows: usize,
        out: &mut dyn Output,
    ) -> Result<ExecuteEnd> {
        let Some(portal) = self.portals.get(name) else { return Err(no_portal(name)) };
        let Some(stmt) = portal.source.stmt.clone() else { return Ok(ExecuteEnd::Empty) };
        self.shared.note_query(Arc::clone(&portal.source.text), self.statement_start);
        let _timer = self.timer();
        self.check_aborted(&stmt)?;
        self.ensure_transaction().await?;
        // A rollback that ensure_transaction caught up with may have taken the portal.
        let mut portal = self.portals.remove(name).ok_or_else(|| no_portal(name))?;
        let end = self.run_portal(&mut portal, max_rows, false, out).await?;
        let ends_transaction = matches!(
            &*stmt,
            rustydb_parser::ast::Statement::Transaction(
                rustydb_parser::ast::Transaction::Commit { .. } | rustydb_parser::ast::Transaction::Rollback { .. }
            )
        );
        if !ends_transaction {
            self.portals.insert(name.to_owned(), portal);
        }
        Ok(end)
    }
}

/// Reads one parameter value.
fn parameter(eval: &EvalCtx, portal: &str, i: usize, ty: TypeRef, format: i16, value: Option<&[u8]>) -> Result<Datum> {
    let context = |shown: &str| {
        let n = i + 1;
        if portal.is_empty() {
            format!("unnamed portal parameter ${n}{shown}")
        } else {
            format!("portal \"{portal}\" parameter ${n}{shown}")
        }
    };
    match (format, value) {
        (0 | 1, None) => Ok(Datum::Null),
        (0, Some(bytes)) => {
            let text = utf8(bytes)?;
            text_in(eval, ty, text).map_err(|e| e.context(context(" = '...'")))
        }
        (1, Some(bytes)) => binary_in(eval, ty, bytes).map_err(|e| {
            if e.code == SqlState::INVALID_BINARY_REPRESENTATION && e.message == "incorrect binary data format" {
                return DbError::new(e.code, format!("incorrect binary data format in bind parameter {}", i + 1));
            }
            e.context(context(""))
        }),
        (f, _) => Err(DbError::new(SqlState::INVALID_PARAMETER_VALUE, format!("unsupported format code: {f}"))),
    }
}

/// Client text, or 22021.
pub(super) fn utf8(bytes: &[u8]) -> Result<&str> {
    let bad = |bytes: &[u8]| {
        let hex: Vec<String> = bytes.iter().map(|x| format!("0x{x:02x}")).collect();
        DbError::new(
            SqlState::CHARACTER_NOT_IN_REPERTOIRE,
            format!("invalid byte sequence for encoding \"UTF8\": {}", hex.join(" ")),
        )
    };
    let s = std::str::from_utf8(bytes).map_err(|e| {
        let at = e.valid_up_to();
        // PostgreSQL shows as many bytes as the first one announces.
        let announced = match bytes.get(at) {
            Some(0xc0..=0xdf) => 2,
            Some(0xe0..=0xef) => 3,
            Some(0xf0..=0xf7) => 4,
            _ => 1,
        };
        bad(bytes.get(at..(at + announced).min(bytes.len())).unwrap_or(&[]))
    })?;
    match s.as_bytes().contains(&0) {
        true => Err(bad(&[0])),
        false => Ok(s),
    }
}
