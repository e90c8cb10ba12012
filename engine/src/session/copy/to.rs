//! COPY TO.

use super::options::{Format, Header, Options};
use super::{SIGNATURE, check_choice, check_kind, columns};
use crate::api::{ColumnDesc, CopyShape, Output};
use crate::catalog::Relation;
use crate::exec::run::Executed;
use crate::session::Session;
use crate::session::rows::Rows;
use bytes::{BufMut, BytesMut};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, CopySource, CopyTarget, Ident, Name, Statement};
use rustydb_types::datum::Datum;
use rustydb_types::io::{OutCtx, binary_out, text_out};
use std::fs::File;
use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

/// Bytes collected before they are written to a file.
const FILE_BUFFER: usize = 256 * 1024;

/// Writes rows in COPY's formats.
struct Writer<'a> {
    o: &'a Options,
    columns: &'a [ColumnDesc],
    force: Vec<bool>,
    scratch: Vec<u8>,
}

impl Writer<'_> {
    fn row(&mut self, cx: OutCtx<'_>, row: &[Datum], out: &mut Vec<u8>) -> Result<()> {
        if self.o.format == Format::Binary {
            out.put_i16(self.columns.len() as i16);
        }
        for (i, (d, c)) in row.iter().zip(self.columns).enumerate() {
            match self.o.format {
                Format::Binary => {
                    if d.is_null() {
                        out.put_i32(-1);
                        continue;
                    }
                    self.scratch.clear();
                    binary_out(cx, c.ty, d, &mut self.scratch)?;
                    out.put_i32(self.scratch.len() as i32);
                    out.extend_from_slice(&self.scratch);
                }
                format => {
                    if i > 0 {
                        out.push(self.o.delimiter);
                    }
                    if d.is_null() {
                        out.extend_from_slice(self.o.null.as_bytes());
                        continue;
                    }
                    self.scratch.clear();
                    text_out(cx, c.ty, d, &mut self.scratch)?;
                    if format == Format::Csv {
                        let force = self.force.get(i).copied().unwrap_or(false);
                        csv_field(&self.scratch, self.o, force, self.columns.len() == 1, out);
                    } else {
                        text_field(&self.scratch, self.o.delimiter, out);
                    }
                }
            }
        }
        if self.o.format != Format::Binary {
            out.push(b'\n');
        }
        Ok(())
    }

    fn header(&self, out: &mut Vec<u8>) {
        for (i, c) in self.columns.iter().enumerate() {
            if i > 0 {
                out.push(self.o.delimiter);
            }
            if self.o.format == Format::Csv {
                csv_field(c.name.as_bytes(), self.o, false, self.columns.len() == 1, out);
            } else {
                text_field(c.name.as_bytes(), self.o.delimiter, out);
            }
        }
        out.push(b'\n');
    }
}

/// A field of the text format.
fn text_field(s: &[u8], delimiter: u8, out: &mut Vec<u8>) {
    for &c in s {
        let escape = match c {
            8 => b'b',
            12 => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            11 => b'v',
            b'\\' => b'\\',
            c if c == delimiter => c,
            c => {
                out.push(c);
                continue;
            }
        };
        out.push(b'\\');
        out.push(escape);
    }
}

/// A field of the CSV format, quoted where it must be.
fn csv_field(s: &[u8], o: &Options, force: bool, only: bool, out: &mut Vec<u8>) {
    let quote = force
        || s == o.null.as_bytes()
        || (only && s == b"\\.")
        || s.iter().any(|c| *c == o.delimiter || *c == o.quote || matches!(c, b'\n' | b'\r'));
    if !quote {
        out.extend_from_slice(s);
        return;
    }
    out.push(o.quote);
    for &c in s {
        if c == o.quote || c == o.escape {
            out.push(o.escape);
        }
        out.push(c);
    }
    out.push(o.quote);
}

/// Where the bytes go.
enum Sink {
    Client,
    File(Option<File>, Vec<u8>, String),
}

impl Sink {
    /// Takes one message's worth of bytes.
    async fn put(&mut self, bytes: &mut Vec<u8>, out: &mut dyn Output) -> Result<()> {
        match self {
            Sink::Client => {
                out.copy_write(&mut |b: &mut BytesMut| b.extend_from_slice(bytes));
                bytes.clear();
                if out.wants_flush() {
                    out.flush().await?;
                }
                Ok(())
            }
            Sink::File(_, buf, _) => {
                buf.append(bytes);
                if buf.len() >= FILE_BUFFER { self.write().await } else { Ok(()) }
            }
        }
    }

    /// Writes what a file has collected.
    async fn write(&mut self) -> Result<()> {
        let Sink::File(file, buf, path) = self else { return Ok(()) };
        let Some(mut f) = file.take() else { return Ok(()) };
        let bytes = std::mem::take(buf);
        // A file write may block for long: not on the threads that serve sessions.
        let done = tokio::task::spawn_blocking(move || f.write_all(&bytes).map(|()| f)).await;
        match done {
            Ok(Ok(f)) => {
                *file = Some(f);
                Ok(())
            }
            Ok(Err(e)) => Err(DbError::io(format!("write to COPY file \"{path}\""), &e)),
            Err(e) => Err(DbError::internal(format!("writing a COPY file failed: {e}"))),
        }
    }
}

impl Session {
    /// 42501 unless the role may read the columns: asked before policies are looked at.
    fn check_read_rights(&mut self, rel: &Arc<Relation>, cols: &[i16]) -> Result<()> {
        let mut needs = crate::acl::needs::Needs::default();
        let n = needs.relation(rel, None, crate::acl::privs::SELECT);
        if let Some(n) = needs.get_mut(n) {
            n.selected.extend(cols);
        }
        let role = self.shared.user_oid();
        needs.check(&self.tx()?.catalog, role)
    }

    pub(super) async fn copy_to(
        &mut self,
        c: &ast::Copy,
        o: Options,
        text: &Arc<str>,
        out: &mut dyn Output,
    ) -> Result<String> {
        let mut force = None;
        let stmt = match &c.source {
            CopySource::Table(name, list) => {
                let rel = self.with_binder(text, &[], |b| b.utility_relation(name))?;
                check_kind(&rel, false)?;
                let cols = columns(&rel, list)?;
                check_choice(&rel, &cols, &o.force_quote, "FORCE_QUOTE")?;
                force = Some(());
                self.check_read_rights(&rel, &cols)?;
                let names: Vec<&str> = cols.iter().filter_map(|n| rel.attribute(*n)).map(|c| c.name.as_str()).collect();
                Arc::new(Statement::Query(Box::new(select_of(name, &names))))
            }
            CopySource::Query(q) => Arc::new((**q).clone()),
        };
        let plan = self.bind_statement(&stmt, text, &[], false)?;
        let plan = plan.ok_or_else(|| DbError::unsupported("COPY query must be a SELECT or a DML statement"))?;
        let Some(shown) = plan.columns.clone() else {
            return Err(DbError::unsupported("COPY query must have a RETURNING clause"));
        };
        if force.is_none() {
            for name in &o.force_quote.names {
                if !shown.iter().any(|s| s.name == *name) {
                    return Err(DbError::new(SqlState::UNDEFINED_COLUMN, format!("column \"{name}\" does not exist")));
                }
            }
        }
        let plan = self.lock_plan(plan, &stmt, text).await?;
        let mut sink = match &c.target {
            CopyTarget::File(path) => {
                if !path.starts_with('/') {
                    return Err(DbError::new(SqlState::INVALID_NAME, "relative path not allowed for COPY to file"));
                }
                let name = path.clone();
                let opened = tokio::task::spawn_blocking(move || File::create(name)).await;
                let file = opened
                    .map_err(|e| DbError::internal(format!("opening a COPY file failed: {e}")))?
                    .map_err(|e| super::file_error(&e, path, false))?;
                Sink::File(Some(file), Vec::new(), path.clone())
            }
            CopyTarget::Client | CopyTarget::Program(_) => Sink::Client,
        };
        let begun = Instant::now();
        let started = self.start_plan(&plan, [].into()).await?;
        let Executed::Rows(source) = started else {
            return Err(DbError::internal("a COPY query without rows"));
        };
        let eval = self.eval();
        let cx = OutCtx { fmt: &eval.fmt, session: Some(&*eval.session) };
        let mut w = Writer {
            o: &o,
            columns: &shown,
            force: shown.iter().map(|s| o.force_quote.has(&s.name)).collect(),
            scratch: Vec::new(),
        };
        if matches!(sink, Sink::Client) {
            out.copy_out(CopyShape { binary: o.format == Format::Binary, columns: shown.len() as u16 });
        }
        let mut bytes = Vec::new();
        if o.format == Format::Binary {
            bytes.extend_from_slice(SIGNATURE);
            bytes.extend([0; 8]);
        } else if o.header != Header::No {
            w.header(&mut bytes);
            sink.put(&mut bytes, out).await?;
        }
        let mut rows = Rows::new(source);
        let mut count = 0u64;
        while let Some(row) = rows.next(self, &shown).await? {
            w.row(cx, &row, &mut bytes)?;
            sink.put(&mut bytes, out).await?;
            count += 1;
        }
        if o.format == Format::Binary {
            bytes.extend([0xff, 0xff]);
        }
        if !bytes.is_empty() {
            sink.put(&mut bytes, out).await?;
        }
        match sink {
            Sink::Client => out.copy_done(),
            Sink::File(..) => sink.write().await?,
        }
        if plan.writes() {
            self.tx()?.next_command();
        }
        if matches!(c.source, CopySource::Query(_)) {
            self.count_inner(&plan, &stmt, text.trim_end().trim_end_matches(';'), begun.elapsed(), count);
        }
        Ok(format!("COPY {count}"))
    }
}

/// `SELECT columns FROM ONLY table`.
pub(in crate::session) fn select_of(table: &Name, names: &[&str]) -> ast::Query {
    let target = |n: &&str| ast::Target {
        expr: ast::Expr {
            kind: ast::ExprKind::Column(ast::ColumnRef { parts: vec![Ident::new(*n)], star: false }),
            pos: ast::NO_POS,
        },
        alias: None,
        pos: ast::NO_POS,
    };
    let factor = ast::TableFactor { name: table.clone(), only: true, alias: None, sample: None, as_of: None };
    let select = ast::Select {
        distinct: ast::Distinct::No,
        targets: names.iter().map(target).collect(),
        from: vec![ast::TableRef::Table(Box::new(factor))],
        filter: None,
        group_by: vec![],
        group_distinct: false,
        having: None,
        windows: vec![],
        pos: ast::NO_POS,
    };
    ast::Query::of(ast::QueryBody::Select(Box::new(select)), ast::NO_POS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_escapes_what_would_end_a_field() {
        let mut out = Vec::new();
        text_field("a\tb\\c\nd|e".as_bytes(), b'|', &mut out);
        assert_eq!(out, b"a\\tb\\\\c\\nd\\|e");
    }
}
