//! COPY, both ways: between a table (or a query) and the client or a file.
//!
//! Rows stream: coming in, one unfinished line and the few pieces and batches between parsing and storing (`from.rs`) are in
//! memory; going out, what the output buffers before it asks for a flush.

mod binary;
mod from;
mod lines;
mod options;
mod to;

pub(super) use to::select_of;

use super::Session;
use crate::api::Output;
use crate::catalog::{RelKind, Relation};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, CopySource, CopyTarget, Ident};
use std::sync::Arc;

/// What the binary format begins with.
pub(super) const SIGNATURE: &[u8; 11] = b"PGCOPY\n\xff\r\n\0";

impl Session {
    /// Runs COPY.
    pub(super) async fn copy(&mut self, c: &ast::Copy, text: &Arc<str>, out: &mut dyn Output) -> Result<String> {
        let opts = options::read(&c.options, c.from, text)?;
        match &c.target {
            CopyTarget::Client => {}
            CopyTarget::Program(_) => {
                return Err(DbError::unsupported("COPY to or from a program is not supported"));
            }
            // The roles pg_read_server_files and pg_write_server_files.
            CopyTarget::File(_) if !self.shared.may_act_as(if c.from { 4569 } else { 4570 }) => {
                let (word, role) =
                    if c.from { ("from", "pg_read_server_files") } else { ("to", "pg_write_server_files") };
                return Err(DbError::new(
                    SqlState::INSUFFICIENT_PRIVILEGE,
                    format!("must be superuser or have privileges of the {role} role to COPY {word} a file"),
                )
                .hint("Anyone can COPY to stdout or from stdin. psql's \\copy command also works for anyone."));
            }
            CopyTarget::File(_) => {}
        }
        if c.from {
            let CopySource::Table(name, columns) = &c.source else {
                return Err(DbError::new(SqlState::SYNTAX_ERROR, "COPY query is only allowed for COPY TO"));
            };
            return Box::pin(self.copy_from(c, name, columns, opts, text, out)).await;
        }
        if c.filter.is_some() {
            return Err(DbError::new(SqlState::SYNTAX_ERROR, "WHERE clause not allowed with COPY TO"));
        }
        Box::pin(self.copy_to(c, opts, text, out)).await
    }
}

/// The columns of a COPY, by the list given or all that can be copied.
fn columns(rel: &Relation, list: &[Ident]) -> Result<Vec<i16>> {
    if list.is_empty() {
        return Ok(rel.live_columns().filter(|c| c.generated == '\0').map(|c| c.attnum).collect());
    }
    let mut out = Vec::with_capacity(list.len());
    for i in list {
        let c = rel.column(&i.value).ok_or_else(|| {
            DbError::new(
                SqlState::UNDEFINED_COLUMN,
                format!("column \"{}\" of relation \"{}\" does not exist", i.value, rel.name),
            )
        })?;
        if c.generated != '\0' {
            return Err(DbError::new(
                SqlState::INVALID_COLUMN_REFERENCE,
                format!("column \"{}\" is a generated column", i.value),
            )
            .detail("Generated columns cannot be used in COPY."));
        }
        if out.contains(&c.attnum) {
            return Err(DbError::new(
                SqlState::DUPLICATE_COLUMN,
                format!("column \"{}\" specified more than once", i.value),
            ));
        }
        out.push(c.attnum);
    }
    Ok(out)
}

/// The error for a server's file that cannot be opened.
fn file_error(e: &std::io::Error, path: &str, from: bool) -> DbError {
    let code = match e.kind() {
        std::io::ErrorKind::NotFound => SqlState::UNDEFINED_FILE,
        std::io::ErrorKind::PermissionDenied => SqlState::INSUFFICIENT_PRIVILEGE,
        std::io::ErrorKind::IsADirectory => SqlState::WRONG_OBJECT_TYPE,
        _ => SqlState::IO_ERROR,
    };
    let why = e.to_string();
    // The number is not part of what the system says.
    let why = why.split(" (os error").next().unwrap_or_default();
    let what = if from { "reading" } else { "writing" };
    let e = DbError::new(code, format!("could not open file \"{path}\" for {what}: {why}"));
    if code != SqlState::UNDEFINED_FILE && code != SqlState::INSUFFICIENT_PRIVILEGE {
        return e;
    }
    let (word, verb) = if from { ("FROM", "read") } else { ("TO", "write") };
    e.hint(format!(
        "COPY {word} instructs the PostgreSQL server process to {verb} a file. You may want a client-side facility such \
         as psql's \\copy."
    ))
}

/// Columns named in an option must be copied.
fn check_choice(rel: &Relation, cols: &[i16], choice: &options::ColumnChoice, what: &str) -> Result<()> {
    for name in &choice.names {
        let known = rel.column(name).ok_or_else(|| {
            DbError::new(
                SqlState::UNDEFINED_COLUMN,
                format!("column \"{name}\" of relation \"{}\" does not exist", rel.name),
            )
        })?;
        if !cols.contains(&known.attnum) {
            return Err(DbError::new(
                SqlState::INVALID_COLUMN_REFERENCE,
                format!("{what} column \"{name}\" not referenced by COPY"),
            ));
        }
    }
    Ok(())
}

/// 42809 for relations whose rows cannot be copied.
fn check_kind(rel: &Relation, from: bool) -> Result<()> {
    let what = match rel.kind {
        RelKind::Table if rel.is_partitioned() && !from => "partitioned table",
        RelKind::Table => return Ok(()),
        RelKind::MaterializedView if !from => return Ok(()),
        RelKind::View => "view",
        RelKind::MaterializedView => "materialized view",
        RelKind::Sequence => "sequence",
        RelKind::Index | RelKind::Composite => {
            return Err(DbError::new(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not a table", rel.name)));
        }
    };
    let word = if from { "to" } else { "from" };
    let e = DbError::new(SqlState::WRONG_OBJECT_TYPE, format!("cannot copy {word} {what} \"{}\"", rel.name));
    Err(match (rel.kind, from) {
        (RelKind::View, true) => e.hint("To enable copying to a view, provide an INSTEAD OF INSERT trigger."),
        (RelKind::View | RelKind::Table, false) => e.hint("Try the COPY (SELECT ...) TO variant."),
        _ => e,
    })
}
