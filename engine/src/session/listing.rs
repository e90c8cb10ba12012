//! `pg_prepared_statements` and `pg_cursors`: what a session keeps, as far as kernels may see it.
//!
//! A statement or cursor holds its line of the list ([`Listed`]); the line goes when the holder does.

use super::kernels::session;
use parking_lot::Mutex;
use rustydb_base::Result;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::{ArrayValue, Datum};
use rustydb_types::kernel::{CallInfo, Kernel, KernelBody};
use rustydb_types::oid;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A prepared statement as the view shows it.
#[derive(Clone)]
pub struct StatementLine {
    /// Name.
    pub name: String,
    /// Text.
    pub text: Arc<str>,
    /// Parameter types.
    pub params: Arc<[u32]>,
    /// By PREPARE, not by the protocol.
    pub from_sql: bool,
    /// When, microseconds since 2000.
    pub at: i64,
}

/// A cursor as the view shows it.
#[derive(Clone)]
pub struct CursorLine {
    /// Name.
    pub name: String,
    /// Text of DECLARE.
    pub text: Arc<str>,
    /// WITH HOLD.
    pub hold: bool,
    /// BINARY.
    pub binary: bool,
    /// Can go back.
    pub scroll: bool,
    /// When, microseconds since 2000.
    pub at: i64,
}

enum Line {
    Statement(StatementLine),
    Cursor(CursorLine),
}

/// The lists of a session, in the order things were made; bounded by what the session may keep.
#[derive(Default)]
pub struct Listing {
    lines: Mutex<(u64, BTreeMap<u64, Line>)>,
}

/// A line of the list.
pub struct Listed {
    listing: Arc<Listing>,
    number: u64,
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.listing.lines.lock().1.remove(&self.number);
    }
}

impl Listing {
    fn add(self: &Arc<Self>, line: Line) -> Listed {
        let mut lines = self.lines.lock();
        lines.0 += 1;
        let number = lines.0;
        lines.1.insert(number, line);
        Listed { listing: Arc::clone(self), number }
    }

    /// Shows a prepared statement.
    pub fn statement(self: &Arc<Self>, line: StatementLine) -> Listed {
        self.add(Line::Statement(line))
    }

    /// Shows a cursor.
    pub fn cursor(self: &Arc<Self>, line: CursorLine) -> Listed {
        self.add(Line::Cursor(line))
    }
}

type Rows = Box<dyn Iterator<Item = Result<Vec<Datum>>> + Send>;

fn rows_of(ctx: &EvalCtx, f: impl Fn(&Line) -> Option<Vec<Datum>>) -> Result<Rows> {
    let rows: Vec<_> = session(ctx)?.listing.lines.lock().1.values().filter_map(f).collect();
    Ok(Box::new(rows.into_iter().map(Ok)))
}

fn statements(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Rows> {
    rows_of(ctx, |line| {
        let Line::Statement(s) = line else { return None };
        let items: Vec<Datum> = s.params.iter().map(|t| Datum::Oid(*t)).collect();
        let dims = i32::try_from(items.len()).ok().filter(|n| *n > 0).map(|n| (n, 1)).into_iter().collect();
        Some(vec![
            Datum::Text(s.name.as_str().into()),
            Datum::Text((*s.text).into()),
            Datum::TimestampTz(s.at),
            Datum::Array(Arc::new(ArrayValue { elem: oid::REGTYPE, dims, items })),
            Datum::Bool(s.from_sql),
            // Plans are not counted.
            Datum::Int8(0),
            Datum::Int8(0),
        ])
    })
}

fn cursors(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Rows> {
    rows_of(ctx, |line| {
        let Line::Cursor(c) = line else { return None };
        Some(vec![
            Datum::Text(c.name.as_str().into()),
            Datum::Text((*c.text).into()),
            Datum::Bool(c.hold),
            Datum::Bool(c.binary),
            Datum::Bool(c.scroll),
            Datum::TimestampTz(c.at),
        ])
    })
}

/// Kernels of this module.
pub const KERNELS: &[Kernel] = &[
    Kernel { name: "pg_prepared_statement", body: KernelBody::Set(statements) },
    Kernel { name: "pg_cursor", body: KernelBody::Set(cursors) },
];
