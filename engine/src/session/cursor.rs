//! Cursors: DECLARE, FETCH, MOVE, CLOSE.
//!
//! A cursor is a portal with a place in its result. Unless it is NO SCROLL, the rows fetched so far are kept (up to
//! [`MAX_KEPT`] bytes) so that it can go back; a cursor declared without either word that outgrows the bound goes on
//! forward only, as PostgreSQL's does over plans that cannot run backwards. WITH HOLD keeps the rest of its rows when its
//! transaction commits.

use super::listing::CursorLine;
use super::plan::Plan;
use super::rows::{Cursor, Portal, Rows, Source, Stage, row_bytes, too_big};
use super::statement::Opened;
use super::{MAX_PORTALS, Session};
use crate::api::{ColumnDesc, RowShape};
use crate::exec::run::Executed;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, FetchDirection, Ident, Statement};
use rustydb_types::datum::Datum;
use std::sync::Arc;

/// Bytes of rows one cursor may keep.
const MAX_KEPT: usize = 64 << 20;
/// Bytes of rows one FETCH may answer.
const MAX_FETCH: usize = 1 << 30;

fn no_cursor(name: &str) -> DbError {
    DbError::new(SqlState::UNDEFINED_CURSOR, format!("cursor \"{name}\" does not exist"))
}

fn forward_only() -> DbError {
    DbError::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "cursor can only scan forward")
        .hint("Declare it with SCROLL option to enable backward scan.")
}

/// Whether PostgreSQL makes a cursor scrollable that does not say: its rows are locked as they are read, or computed from
/// nothing.
fn goes_back(q: &ast::Query) -> bool {
    let from_nothing = matches!(&q.body, ast::QueryBody::Select(s) if s.from.is_empty());
    q.locking.is_empty() && !from_nothing
}

impl Session {
    /// DECLARE.
    pub(super) async fn declare(&mut self, d: &ast::DeclareCursor, text: &Arc<str>, own: &Arc<str>) -> Result<String> {
        if !d.hold {
            self.must_be_in_block("DECLARE CURSOR")?;
        }
        if d.scroll == Some(true) && !d.query.locking.is_empty() {
            return Err(DbError::unsupported("DECLARE SCROLL CURSOR ... FOR UPDATE is not supported")
                .detail("Scrollable cursors must be READ ONLY."));
        }
        if d.hold && !d.query.locking.is_empty() {
            return Err(DbError::unsupported("DECLARE CURSOR WITH HOLD ... FOR UPDATE is not supported")
                .detail("Holdable cursors must be READ ONLY."));
        }
        if d.insensitive == Some(true) && !d.query.locking.is_empty() {
            let what = "DECLARE INSENSITIVE CURSOR ... FOR UPDATE is not valid";
            return Err(DbError::new(SqlState::INVALID_CURSOR_DEFINITION, what)
                .detail("Insensitive cursors must be READ ONLY."));
        }
        let name = d.name.value.clone();
        if self.portals.contains_key(&name) {
            return Err(DbError::new(SqlState::DUPLICATE_CURSOR, format!("cursor \"{name}\" already exists")));
        }
        if self.portals.len() >= MAX_PORTALS {
            return Err(DbError::new(
                SqlState::CONFIGURATION_LIMIT_EXCEEDED,
                format!("a session can keep no more than {MAX_PORTALS} portals"),
            ));
        }
        let mut stmt = Arc::new(Statement::Query(d.query.clone()));
        let (mut plan, mut updates) = (None, None);
        if !d.hold
            && let Some((query, table)) = super::positioned::with_address(&d.query)?
        {
            // A query whose rows have no address is bound as it is.
            let with = Arc::new(Statement::Query(Box::new(query)));
            if let Ok(p) = self.bind_statement(&with, text, &[], false) {
                updates = Some(self.with_binder(text, &[], |b| b.relation(&table))?.oid);
                (plan, stmt) = (p, with);
            }
        }
        if plan.is_none() {
            plan = self.bind_statement(&stmt, text, &[], false)?;
        }
        let plan: Arc<Plan> = plan.ok_or_else(|| DbError::internal("a query without a plan"))?;
        if plan.writes() {
            return Err(DbError::unsupported("DECLARE CURSOR must not contain data-modifying statements in WITH"));
        }
        let plan = self.lock_plan(plan, &stmt, text).await?;
        let Executed::Rows(rows) = self.start_plan(&plan, [].into()).await? else {
            return Err(DbError::internal("a query without rows"));
        };
        let all = plan.columns.clone().unwrap_or_else(|| [].into());
        let columns: Arc<[ColumnDesc]> = match (updates, all.split_last()) {
            (Some(_), Some((_, shown))) => shown.into(),
            _ => Arc::clone(&all),
        };
        let formats = vec![i16::from(d.binary); columns.len()].into();
        let source = Source { stmt: Some(stmt), text: Arc::clone(text), own: Arc::clone(own), place: 0..text.len() };
        let mut portal = Portal::new(source, Some(plan), [].into(), Some(RowShape { columns, formats }));
        portal.stage = Stage::Open(Rows::new(rows));
        portal.depth = self.tx.depth();
        portal.name.clone_from(&name);
        let listed = self.shared.listing.cursor(CursorLine {
            name: name.clone(),
            text: Arc::clone(text),
            hold: d.hold,
            binary: d.binary,
            scroll: d.scroll.unwrap_or(goes_back(&d.query)),
            at: self.statement_start,
        });
        portal.cursor = Some(Cursor {
            scroll: d.scroll,
            hold: d.hold,
            kept: Vec::new(),
            kept_bytes: 0,
            forward_only: !d.scroll.unwrap_or(goes_back(&d.query)),
            at: 0,
            complete: false,
            columns: all,
            updates,
            current: None,
            _listed: Some(listed),
        });
        self.portals.insert(name, portal);
        Ok("DECLARE CURSOR".into())
    }

    /// CLOSE.
    pub(super) fn close_cursor(&mut self, name: Option<&Ident>) -> Result<String> {
        match name {
            None => {
                self.portals.retain(|_, p| p.cursor.is_none());
                Ok("CLOSE CURSOR ALL".into())
            }
            Some(n) => {
                self.portals.remove(&n.value).ok_or_else(|| no_cursor(&n.value))?;
                Ok("CLOSE CURSOR".into())
            }
        }
    }

    /// FETCH and MOVE.
    pub(super) async fn open_fetch(&mut self, fetching: &mut Portal, f: &ast::Fetch) -> Result<Opened> {
        let name = &f.cursor.value;
        let mut p = self.portals.remove(name).ok_or_else(|| no_cursor(name))?;
        if p.failed {
            self.portals.insert(name.clone(), p);
            return Err(DbError::new(
                SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("portal \"{name}\" cannot be run"),
            ));
        }
        if p.cursor.is_none() {
            // A portal of the extended protocol can be fetched from, too, once it runs.
            self.as_cursor(&mut p).await?;
        }
        let shape = p.shape.clone();
        let moved = self.travel(&mut p, f.direction, f.is_move).await;
        // The transaction's failure closes it, unless it is older than the savepoint that is gone back to.
        p.failed = moved.is_err();
        self.portals.insert(name.clone(), p);
        let (rows, count) = moved?;
        if f.is_move {
            return Ok(Opened::Tag(format!("MOVE {count}")));
        }
        let Some(shape) = shape else { return Err(DbError::internal("a cursor without columns")) };
        // A binary cursor answers in binary; over the extended protocol the client's Bind decides.
        let formats = match &fetching.shape {
            Some(s) if s.formats.len() == shape.formats.len() && s.formats.contains(&1) => Arc::clone(&s.formats),
            _ => shape.formats,
        };
        fetching.shape = Some(RowShape { columns: shape.columns, formats });
        fetching.tag = "FETCH".into();
        Ok(Opened::Rows(Rows::ready(rows)))
    }

    async fn as_cursor(&mut self, p: &mut Portal) -> Result<()> {
        let is_new = matches!(p.stage, Stage::New);
        if is_new
            && let Some(plan) = p.plan.clone()
            && let Some(stmt) = p.source.stmt.clone()
            && plan.is_query()
        {
            let text = Arc::clone(&p.source.text);
            let plan = self.lock_plan(plan, &stmt, &text).await?;
            if let Executed::Rows(rows) = self.start_plan(&plan, Arc::clone(&p.params)).await? {
                p.stage = Stage::Open(Rows::new(rows));
            }
        }
        p.cursor = Some(Cursor {
            scroll: Some(false),
            hold: false,
            kept: Vec::new(),
            kept_bytes: 0,
            forward_only: true,
            at: 0,
            complete: false,
            columns: p.shape.as_ref().map_or_else(|| [].into(), |s| Arc::clone(&s.columns)),
            updates: None,
            current: None,
            _listed: None,
        });
        Ok(())
    }

    /// Moves a cursor; answers the rows passed (unless `silent`) and their number.
    async fn travel(
        &mut self,
        p: &mut Portal,
        direction: FetchDirection,
        silent: bool,
    ) -> Result<(Vec<Vec<Datum>>, u64)> {
        let mut got = Got { rows: Vec::new(), bytes: 0, count: 0, silent };
        let all = i64::MAX;
        match direction {
            FetchDirection::Forward(n) => self.go(p, n, &mut got).await?,
            FetchDirection::ForwardAll => self.go(p, all, &mut got).await?,
            FetchDirection::Backward(n) => self.go(p, n.checked_neg().unwrap_or(all), &mut got).await?,
            FetchDirection::BackwardAll => self.go(p, -all, &mut got).await?,
            FetchDirection::Absolute(n) => {
                let target = match n {
                    0.. => n,
                    _ => {
                        // From the end: read everything first.
                        let mut passed = Got { rows: Vec::new(), bytes: 0, count: 0, silent: true };
                        self.go(p, all, &mut passed).await?;
                        let total = p.cursor.as_ref().map_or(0, |c| c.at.saturating_sub(1)) as i64;
                        (total + 1).saturating_add(n).max(0)
                    }
                };
                self.jump(p, target, &mut got).await?;
            }
            FetchDirection::Relative(0) => self.go(p, 0, &mut got).await?,
            FetchDirection::Relative(n) => {
                let at = p.cursor.as_ref().map_or(0, |c| c.at) as i64;
                self.jump(p, at.saturating_add(n).max(0), &mut got).await?;
            }
        }
        Ok((got.rows, got.count))
    }

    /// To the row of a 1-based number, answering only it.
    async fn jump(&mut self, p: &mut Portal, target: i64, got: &mut Got) -> Result<()> {
        let mut passed = Got { rows: Vec::new(), bytes: 0, count: 0, silent: true };
        let at = p.cursor.as_ref().map_or(0, |c| c.at) as i64;
        if target > at {
            self.go(p, target - at - 1, &mut passed).await?;
            self.go(p, 1, got).await
        } else {
            // One further back, then forward onto it.
            self.go(p, target - at - 1, &mut passed).await?;
            if target > 0 { self.go(p, 1, got).await } else { Ok(()) }
        }
    }

    /// `n` rows forward, or back if negative; 0 is the current row again.
    async fn go(&mut self, p: &mut Portal, n: i64, got: &mut Got) -> Result<()> {
        if n == 0 {
            let Some(c) = &p.cursor else { return Ok(()) };
            let current = c.at.checked_sub(1).and_then(|i| c.kept.get(i)).cloned();
            if current.is_none() && c.forward_only && c.at > 0 && !got.silent {
                return Err(forward_only());
            }
            let hidden = c.updates.is_some();
            return current.map_or(Ok(()), |mut row| {
                if hidden {
                    row.pop();
                }
                got.take(row)
            });
        }
        for _ in 0..n.unsigned_abs() {
            self.shared.interrupt.check()?;
            let mut row = if n > 0 { self.step(p).await? } else { back(p)? };
            if let Some(c) = &mut p.cursor
                && c.updates.is_some()
            {
                c.current = row.as_mut().and_then(Vec::pop);
            }
            match row {
                Some(row) => got.take(row)?,
                None => break,
            }
        }
        Ok(())
    }

    /// One row forward.
    async fn step(&mut self, p: &mut Portal) -> Result<Option<Vec<Datum>>> {
        let Portal { cursor: Some(c), stage, .. } = p else { return Ok(None) };
        if let Some(row) = c.kept.get(c.at) {
            c.at += 1;
            return Ok(Some(row.clone()));
        }
        let next = match stage {
            Stage::Open(rows) if !c.complete => rows.next(self, &c.columns).await?,
            _ => None,
        };
        let Some(row) = next else {
            if !c.complete {
                c.complete = true;
                c.at += 1;
            } else if c.at <= c.kept.len() {
                c.at = c.kept.len() + 1;
            }
            return Ok(None);
        };
        c.at += 1;
        if !c.forward_only || c.hold {
            c.kept_bytes = c.kept_bytes.saturating_add(row_bytes(&row));
            if c.kept_bytes > MAX_KEPT {
                if c.scroll == Some(true) || c.hold {
                    return Err(too_big(MAX_KEPT));
                }
                c.forward_only = true;
                c.kept = Vec::new();
            } else {
                c.kept.push(row.clone());
            }
        }
        Ok(Some(row))
    }

    /// Before a commit: held cursors keep the rest of their rows.
    pub(super) async fn hold_cursors(&mut self) -> Result<()> {
        let names: Vec<String> = self
            .portals
            .iter()
            .filter(|(_, p)| !p.held && p.cursor.as_ref().is_some_and(|c| c.hold))
            .map(|(n, _)| n.clone())
            .collect();
        for name in names {
            let Some(mut p) = self.portals.remove(&name) else { continue };
            let at = p.cursor.as_ref().map_or(0, |c| c.at);
            let had_ended = p.cursor.as_ref().is_some_and(|c| c.complete);
            while self.step(&mut p).await?.is_some() {}
            if let Some(c) = &mut p.cursor
                && !had_ended
            {
                c.at = at;
            }
            p.stage = Stage::Done;
            p.held = true;
            self.portals.insert(name, p);
        }
        Ok(())
    }
}

/// One row back.
fn back(p: &mut Portal) -> Result<Option<Vec<Datum>>> {
    let Some(c) = &mut p.cursor else { return Ok(None) };
    if c.forward_only {
        return Err(forward_only());
    }
    c.at = c.at.saturating_sub(1);
    Ok(c.at.checked_sub(1).and_then(|i| c.kept.get(i)).cloned())
}

/// Rows on their way out of a FETCH.
struct Got {
    rows: Vec<Vec<Datum>>,
    bytes: usize,
    count: u64,
    silent: bool,
}

impl Got {
    fn take(&mut self, row: Vec<Datum>) -> Result<()> {
        self.count += 1;
        if self.silent {
            return Ok(());
        }
        self.bytes = self.bytes.saturating_add(row_bytes(&row));
        if self.bytes > MAX_FETCH {
            return Err(too_big(MAX_FETCH));
        }
        self.rows.push(row);
        Ok(())
    }
}
