//! Result rows on their way to the client, and portals: results that are taken piecemeal.

use super::Session;
use super::plan::Plan;
use crate::api::{ColumnDesc, Output, RowShape};
use crate::exec::run::{Chunk, Results, RowSource};
use arrow_array::RecordBatch;
use futures::future::{Either, select};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast;
use rustydb_types::arrow::datum_at;
use rustydb_types::ctx::FormatSettings;
use rustydb_types::datum::Datum;
use std::ops::Range;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// Rows taken out of the source between two looks at the output's buffer.
const BATCH_STEP: usize = 256;

/// A source of rows with what was taken from it and not yet used.
pub struct Rows {
    /// What is left beside `rest`.
    source: Option<Box<dyn RowSource>>,
    rest: Rest,
}

enum Rest {
    None,
    Rows(std::vec::IntoIter<Vec<Datum>>),
    Batch(RecordBatch, usize),
}

impl Rows {
    /// Of a statement.
    pub fn new(results: Results) -> Rows {
        match results {
            Results::Ready(rows) => Rows::ready(rows),
            Results::Stream(source) => Rows { source: Some(source), rest: Rest::None },
        }
    }

    /// Rows that are at hand.
    pub fn ready(rows: Vec<Vec<Datum>>) -> Rows {
        Rows { source: None, rest: Rest::Rows(rows.into_iter()) }
    }

    /// Whether nothing of what was taken from the source is left.
    fn is_used_up(&self) -> bool {
        match &self.rest {
            Rest::None => true,
            Rest::Rows(r) => r.len() == 0,
            Rest::Batch(b, at) => *at >= b.num_rows(),
        }
    }

    /// Makes sure that something is in `rest`; false at the end. A stopped statement leaves the wait at once.
    async fn fill(&mut self, session: &mut Session) -> Result<bool> {
        loop {
            if !self.is_used_up() {
                return Ok(true);
            }
            self.rest = Rest::None;
            let Some(source) = &mut self.source else { return Ok(false) };
            let next = {
                let shared = Arc::clone(&session.shared);
                let next = source.next(session.tx.tx.as_mut());
                let stop = pin!(shared.interrupt.raised());
                match select(next, stop).await {
                    Either::Left((r, _)) => r?,
                    Either::Right((e, _)) => return Err(e),
                }
            };
            match next {
                Some(Chunk::Rows(r)) => self.rest = Rest::Rows(r.into_iter()),
                Some(Chunk::Batch(b)) => self.rest = Rest::Batch(b, 0),
                None => self.source = None,
            }
        }
    }

    /// The next row.
    pub async fn next(&mut self, session: &mut Session, columns: &[ColumnDesc]) -> Result<Option<Vec<Datum>>> {
        if !self.fill(session).await? {
            return Ok(None);
        }
        match &mut self.rest {
            Rest::Rows(r) => Ok(r.next()),
            Rest::Batch(b, at) => {
                let row = b
                    .columns()
                    .iter()
                    .zip(columns)
                    .map(|(a, c)| datum_at(a, *at, c.ty))
                    .collect::<Result<Vec<Datum>>>()?;
                *at += 1;
                Ok(Some(row))
            }
            Rest::None => Ok(None),
        }
    }

    /// Computes all rows and keeps none; answers how many there were.
    pub async fn drain(&mut self, session: &mut Session) -> Result<u64> {
        let mut n = 0;
        while self.fill(session).await? {
            session.shared.interrupt.check()?;
            n += match std::mem::replace(&mut self.rest, Rest::None) {
                Rest::Rows(r) => r.len(),
                Rest::Batch(b, at) => b.num_rows().saturating_sub(at),
                Rest::None => 0,
            } as u64;
        }
        Ok(n)
    }

    /// Writes up to `max` rows (0: all). Answers how many, and whether the end was reached.
    pub async fn send(
        &mut self,
        session: &mut Session,
        shape: &RowShape,
        fmt: &FormatSettings,
        max: usize,
        out: &mut dyn Output,
    ) -> Result<(u64, bool)> {
        let max = if max == 0 { u64::MAX } else { max as u64 };
        let mut sent = 0;
        // What computing a row had to say comes before the row.
        session.tell_notices(out);
        while sent < max {
            let used_up = self.is_used_up();
            if !self.fill(session).await? {
                return Ok((sent, true));
            }
            if used_up {
                session.tell_notices(out);
            }
            match &mut self.rest {
                Rest::Rows(r) => {
                    let Some(row) = r.next() else { continue };
                    out.row(shape, fmt, &row)?;
                    sent += 1;
                }
                Rest::Batch(b, at) => {
                    let left = usize::try_from(max - sent).unwrap_or(usize::MAX);
                    let n = (b.num_rows() - *at).min(BATCH_STEP).min(left);
                    out.batch(shape, fmt, b, *at, n)?;
                    *at += n;
                    sent += n as u64;
                }
                Rest::None => continue,
            }
            if out.wants_flush() {
                session.shared.interrupt.check()?;
                session.note_dependencies();
                out.flush().await?;
            }
        }
        Ok((sent, false))
    }
}

/// 53400: a result that must be kept is larger than the bound.
pub fn too_big(limit: usize) -> DbError {
    DbError::new(
        SqlState::CONFIGURATION_LIMIT_EXCEEDED,
        format!("result of {} MB or more cannot be kept for this cursor", limit >> 20),
    )
    .hint("Declare the cursor NO SCROLL and without WITH HOLD, or fetch fewer rows.")
}

/// Bytes a kept row costs, about.
pub fn row_bytes(row: &[Datum]) -> usize {
    fn value(d: &Datum) -> usize {
        let inner = match d {
            Datum::Text(s) => s.len(),
            Datum::Bytes(b) => b.len(),
            Datum::Array(a) => a.items.iter().map(value).sum(),
            Datum::Row(f) => f.iter().map(|x| value(&x.1)).sum(),
            _ => 0,
        };
        size_of::<Datum>() + inner
    }
    24 + row.iter().map(value).sum::<usize>()
}

/// What a portal runs.
pub struct Source {
    /// The statement; `None` for an empty one.
    pub stmt: Option<Arc<ast::Statement>>,
    /// The whole text the statement's positions are in.
    pub text: Arc<str>,
    /// The statement's own text.
    pub own: Arc<str>,
    /// Where in `text` the statement stands.
    pub place: Range<usize>,
}

/// How far a portal is.
pub enum Stage {
    /// Not run.
    New,
    /// Running or suspended.
    Open(Rows),
    /// At its end.
    Done,
    /// Failed: cannot be run again.
    Failed,
}

/// What a cursor adds to a portal.
pub struct Cursor {
    /// SCROLL, NO SCROLL, or unsaid.
    pub scroll: Option<bool>,
    /// WITH HOLD.
    pub hold: bool,
    /// Rows kept for going back, from the first on; empty when they are not kept.
    pub kept: Vec<Vec<Datum>>,
    /// Bytes of `kept`.
    pub kept_bytes: usize,
    /// Rows are no longer kept.
    pub forward_only: bool,
    /// 1-based place of the current row; 0 before the first.
    pub at: usize,
    /// Whether all rows are in `kept`.
    pub complete: bool,
    /// All columns its rows have; of one with `updates`, one more than are shown.
    pub columns: Arc<[ColumnDesc]>,
    /// The table that WHERE CURRENT OF may change: the rows' last column is their address in it.
    pub updates: Option<u32>,
    /// The address of the current row.
    pub current: Option<Datum>,
    /// Its line of `pg_cursors`; a portal of the protocol has none.
    pub _listed: Option<super::listing::Listed>,
}

/// A portal.
pub struct Portal {
    /// What it runs.
    pub source: Source,
    /// Its plan, for queries and DML.
    pub plan: Option<Arc<Plan>>,
    /// Parameter values.
    pub params: Arc<[Datum]>,
    /// Result columns and formats; `None` when it returns no rows.
    pub shape: Option<RowShape>,
    /// Where it stands.
    pub stage: Stage,
    /// Savepoints open when it was made.
    pub depth: usize,
    /// Present for cursors.
    pub cursor: Option<Cursor>,
    /// Name, for errors.
    pub name: String,
    /// The command tag: complete, or (of a utility statement's rows) its words; empty for a plan's.
    pub tag: String,
    /// Kept over the end of its transaction (a held cursor after its commit).
    pub held: bool,
    /// A FETCH has failed: it cannot be run any more.
    pub failed: bool,
    /// The time it has run so far, and the rows it has sent, when it is counted.
    pub spent: Duration,
    /// See `spent`.
    pub sent: u64,
}

impl Portal {
    /// A portal that has not run.
    pub fn new(source: Source, plan: Option<Arc<Plan>>, params: Arc<[Datum]>, shape: Option<RowShape>) -> Portal {
        Portal {
            source,
            plan,
            params,
            shape,
            stage: Stage::New,
            depth: 0,
            cursor: None,
            name: String::new(),
            tag: String::new(),
            held: false,
            failed: false,
            spent: Duration::ZERO,
            sent: 0,
        }
    }
    /// The command tag after a number of rows.
    pub fn tag_for(&self, rows: u64) -> String {
        match &self.plan {
            Some(p) => p.tag(rows),
            None if self.tag == "FETCH" => format!("FETCH {rows}"),
            None => self.tag.clone(),
        }
    }
    /// Whether a commit would keep its rows: WITH HOLD, made in the open transaction.
    pub fn will_be_held(&self) -> bool {
        !self.held && self.cursor.as_ref().is_some_and(|c| c.hold)
    }
    /// Whether a commit leaves it.
    pub fn survives_commit(&self) -> bool {
        self.held
    }
    /// Whether a rollback leaves it.
    pub fn survives_rollback(&self) -> bool {
        self.held
    }
}

/// The formats of a result's columns by the protocol's rule: none is all text, one is for all, else one each.
pub fn formats(given: &[i16], columns: usize) -> Result<Arc<[i16]>> {
    if let Some(bad) = given.iter().find(|f| !(0..=1).contains(*f)) {
        return Err(DbError::new(SqlState::INVALID_PARAMETER_VALUE, format!("unsupported format code: {bad}")));
    }
    match given {
        [] => Ok(std::iter::repeat_n(0, columns).collect()),
        [one] => Ok(std::iter::repeat_n(*one, columns).collect()),
        many if many.len() == columns => Ok(many.into()),
        many => Err(DbError::new(
            SqlState::PROTOCOL_VIOLATION,
            format!("bind message has {} result formats but query has {columns} columns", many.len()),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_formats_follow_the_protocol() {
        assert_eq!(&*formats(&[], 2).expect("none"), [0, 0]);
        assert_eq!(&*formats(&[1], 2).expect("one"), [1, 1]);
        assert_eq!(&*formats(&[1, 0], 2).expect("each"), [1, 0]);
        assert_eq!(formats(&[1, 0], 3).unwrap_err().code, SqlState::PROTOCOL_VIOLATION);
        assert_eq!(formats(&[2], 1).unwrap_err().code, SqlState::INVALID_PARAMETER_VALUE);
    }
}
