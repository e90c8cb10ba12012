//! Window definitions: what OVER and WINDOW say, and the order in which windows are computed.

use super::Binder;
use super::select::Target;
use super::trace::TracedWindow;
use super::types::{self, show};
use crate::plan::ir::{Expr, ExprKind, Frame, FrameBound, SortKey, WindowCall};
use crate::plan::walk;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast;
use rustydb_types::{oid, pgdata};
use std::cmp::{Ordering, Reverse};

/// Expressions that sorting or grouping name, in the order in which PostgreSQL numbers them.
#[derive(Default)]
struct Numbered {
    known: Vec<Expr>,
}

impl Numbered {
    fn number(&mut self, e: &Expr) -> usize {
        match self.known.iter().position(|k| walk::same(k, e)) {
            Some(i) => i,
            None => {
                self.known.push(e.clone());
                self.known.len() - 1
            }
        }
    }

    /// Those of a window: PostgreSQL numbers the sort keys first.
    fn window(&mut self, partition_by: &[Expr], order_by: &[SortKey]) {
        for e in order_by.iter().map(|k| &k.expr).chain(partition_by) {
            self.number(e);
        }
    }

    /// By what a window's input is sorted: number, DESC, NULLS FIRST of each key.
    fn sorting(&mut self, w: &WindowCall) -> Vec<(usize, bool, bool)> {
        let ordered: Vec<_> = w.order_by.iter().map(|k| (self.number(&k.expr), k.desc, k.nulls_first)).collect();
        let mut keys: Vec<(usize, bool, bool)> = Vec::with_capacity(w.partition_by.len() + ordered.len());
        for e in &w.partition_by {
            let n = self.number(e);
            keys.push(ordered.iter().find(|k| k.0 == n).copied().unwrap_or((n, false, false)));
        }
        for k in ordered {
            if !keys.contains(&k) {
                keys.push(k);
            }
        }
        keys
    }
}

/// PostgreSQL's order of windows: those with a common beginning of their sort keys stand together, the longest first.
fn sooner(a: &[(usize, bool, bool)], b: &[(usize, bool, bool)]) -> Ordering {
    let keys = a.iter().zip(b).map(|(x, y)| Reverse(*x).cmp(&Reverse(*y)));
    keys.fold(Ordering::Equal, Ordering::then).then(b.len().cmp(&a.len()))
}

/// A window's keys, which [`sooner`] orders.
#[derive(PartialEq, Eq)]
struct Place(Vec<(usize, bool, bool)>);

impl Ord for Place {
    fn cmp(&self, other: &Place) -> Ordering {
        sooner(&self.0, &other.0)
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Place) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Binder<'_> {
    /// Puts the windows of the level in the order in which PostgreSQL computes them: the last one decides in which order the
    /// rows come out. `sorted`, `groups` and `distinct` are what ORDER BY, GROUP BY and DISTINCT name, `defined` the WINDOW
    /// clause.
    pub(super) fn order_windows(
        &mut self,
        targets: &[Target],
        sorted: &[(usize, bool, bool)],
        groups: &[Expr],
        distinct: &[usize],
        defined: &[TracedWindow],
    ) {
        let Some(level) = self.levels.last_mut().filter(|l| l.windows.len() > 1) else { return };
        let mut n = Numbered::default();
        let listed = |i: &usize| targets.get(*i).map(|t| &t.expr);
        let named =
            sorted.iter().map(|s| &s.0).filter_map(listed).chain(groups).chain(distinct.iter().filter_map(listed));
        for e in named {
            n.number(e);
        }
        defined.iter().for_each(|w| n.window(&w.partition_by, &w.order_by));
        level.windows.iter().for_each(|w| n.window(&w.1.partition_by, &w.1.order_by));
        level.windows.sort_by_cached_key(|w| Place(n.sorting(&w.1)));
    }

    /// Binds the windows of a WINDOW clause, used or not.
    pub(super) fn defined_windows(&mut self, s: &ast::Select) -> Result<Vec<TracedWindow>> {
        let mut out = Vec::with_capacity(s.windows.len());
        for (i, (name, spec)) in s.windows.iter().enumerate() {
            if s.windows.iter().take(i).any(|w| w.0.value == name.value) {
                let text = format!("window \"{}\" is already defined", name.value);
                return Err(DbError::new(SqlState::WINDOWING_ERROR, text).at(self.pos(spec.pos)));
            }
            let whole = self.merge_window(spec)?;
            let (partition_by, order_by, frame) = self.window_parts(&whole)?;
            out.push(TracedWindow { partition_by, order_by, frame });
        }
        Ok(out)
    }

    pub(super) fn named_window(&self, name: &str, pos: u32) -> Result<ast::WindowSpec> {
        let spec = self.levels.last().and_then(|l| l.named.iter().find(|w| w.0 == name)).map(|w| w.1.clone());
        let spec = spec.ok_or_else(|| {
            DbError::new(SqlState::UNDEFINED_OBJECT, format!("window \"{name}\" does not exist")).at(pos)
        })?;
        self.merge_window(&spec)
    }

    /// A window definition with what it takes from the window it is based on.
    pub(crate) fn merge_window(&self, s: &ast::WindowSpec) -> Result<ast::WindowSpec> {
        let Some(base) = &s.base else { return Ok(s.clone()) };
        let at = self.pos(s.pos);
        let b = self.named_window(&base.value, at)?;
        if !s.partition_by.is_empty() {
            return Err(DbError::new(
                SqlState::WINDOWING_ERROR,
                format!("cannot override PARTITION BY clause of window \"{}\"", base.value),
            )
            .at(at));
        }
        if !s.order_by.is_empty() && !b.order_by.is_empty() {
            return Err(DbError::new(
                SqlState::WINDOWING_ERROR,
                format!("cannot override ORDER BY clause of window \"{}\"", base.value),
            )
            .at(at));
        }
        if b.frame.is_some() {
            return Err(DbError::new(
                SqlState::WINDOWING_ERROR,
                format!("cannot copy window \"{}\" because it has a frame clause", base.value),
            )
            .at(at));
        }
        Ok(ast::WindowSpec {
            base: None,
            partition_by: b.partition_by,
            order_by: if s.order_by.is_empty() { b.order_by } else { s.order_by.clone() },
            frame: s.frame.clone(),
            pos: s.pos,
        })
    }

    /// Binds what defines a window: PARTITION BY, ORDER BY, frame.
    pub(crate) fn window_parts(&mut self, s: &ast::WindowSpec) -> Result<(Vec<Expr>, Vec<SortKey>, Option<Frame>)> {
        let step = |b: &mut Self, by: isize| {
            if let Some(l) = b.levels.last_mut() {
                l.in_window = l.in_window.saturating_add_signed(by);
            }
        };
        step(self, 1);
        let bound = self.window_parts_inside(s);
        step(self, -1);
        bound
    }

    fn window_parts_inside(&mut self, s: &ast::WindowSpec) -> Result<(Vec<Expr>, Vec<SortKey>, Option<Frame>)> {
        let mut partition_by = Vec::new();
        for e in &s.partition_by {
            let b = self.expr_typed(e)?;
            self.check_sortable(b.ty.oid, b.pos)?;
            partition_by.push(b);
        }
        let mut order_by = Vec::new();
        for k in &s.order_by {
            let e = self.expr(&k.expr)?;
            order_by.push(self.sort_key(k, e)?);
        }
        let frame = match &s.frame {
            None => None,
            Some(f) => {
                let at = self.pos(s.pos);
                let range_ty = order_by.first().map(|k| k.expr.ty.oid);
                let offsets = matches!(f.start, ast::FrameBound::Preceding(_) | ast::FrameBound::Following(_))
                    || matches!(f.end, ast::FrameBound::Preceding(_) | ast::FrameBound::Following(_));
                if f.units == ast::FrameUnits::Range && offsets && order_by.len() != 1 {
                    return Err(DbError::new(
                        SqlState::WINDOWING_ERROR,
                        "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column",
                    )
                    .at(at));
                }
                if f.units == ast::FrameUnits::Groups && order_by.is_empty() {
                    return Err(
                        DbError::new(SqlState::WINDOWING_ERROR, "GROUPS mode requires an ORDER BY clause").at(at)
                    );
                }
                let start = self.frame_bound(&f.start, f.units, range_ty)?;
                let end = self.frame_bound(&f.end, f.units, range_ty)?;
                Some(Frame { units: f.units, start, end, between: f.between, exclude: f.exclude })
            }
        };
        Ok((partition_by, order_by, frame))
    }

    fn frame_bound(&mut self, b: &ast::FrameBound, units: ast::FrameUnits, key: Option<u32>) -> Result<FrameBound> {
        let word = match units {
            ast::FrameUnits::Rows => "ROWS",
            ast::FrameUnits::Range => "RANGE",
            ast::FrameUnits::Groups => "GROUPS",
        };
        let mut offset = |e: &ast::Expr| -> Result<Expr> {
            let set = |b: &mut Self, v| b.levels.last_mut().and_then(|l| std::mem::replace(&mut l.in_frame, v));
            set(self, Some(word));
            let bound = self.expr(e);
            set(self, None);
            let e = bound?;
            let (from, at) = (e.ty.oid, e.pos);
            let mut own = None;
            if let Some(level) = self.levels.last() {
                walk::visit_deep(&e, &mut |x| {
                    if matches!(x.kind, ExprKind::Column(id) if level.own.contains(&id)) {
                        own = own.or(Some(x.pos));
                    }
                });
            }
            if let Some(own) = own {
                let text = format!("argument of {word} must not contain variables");
                return Err(DbError::new(SqlState::INVALID_COLUMN_REFERENCE, text).at(own));
            }
            let want = match (units, key) {
                (ast::FrameUnits::Range, Some(k)) => range_offset_type(k, from, at)?,
                _ => oid::INT8,
            };
            self.coerce(e, types::plain(want), super::resolve::Coercion::Assignment)?.ok_or_else(|| {
                DbError::new(
                    SqlState::DATATYPE_MISMATCH,
                    format!("argument of {word} must be type {}, not type {}", show(want), show(from)),
                )
                .at(at)
            })
        };
        Ok(match b {
            ast::FrameBound::UnboundedPreceding => FrameBound::UnboundedPreceding,
            ast::FrameBound::CurrentRow => FrameBound::CurrentRow,
            ast::FrameBound::UnboundedFollowing => FrameBound::UnboundedFollowing,
            ast::FrameBound::Preceding(e) => FrameBound::Preceding(offset(e)?),
            ast::FrameBound::Following(e) => FrameBound::Following(offset(e)?),
        })
    }
}

/// The type an offset of RANGE takes over a column of a type: of those that the column's order supports the one that
/// the offset is or converts to.
fn range_offset_type(column: u32, from: u32, at: u32) -> Result<u32> {
    let supported: &[u32] = match column {
        oid::INT2 | oid::INT4 => &[oid::INT2, oid::INT4, oid::INT8],
        oid::INT8 => &[oid::INT8],
        oid::FLOAT4 | oid::FLOAT8 => &[oid::FLOAT8],
        oid::NUMERIC => &[oid::NUMERIC],
        oid::DATE | oid::TIME | oid::TIMETZ | oid::TIMESTAMP | oid::TIMESTAMPTZ | oid::INTERVAL => &[oid::INTERVAL],
        _ => &[],
    };
    let refuse = |text: String| DbError::unsupported(format!("RANGE with offset PRECEDING/FOLLOWING {text}")).at(at);
    if supported.is_empty() {
        // The type that the operators which sort the column are made for.
        let class = crate::ddl::default_opclass_of(pgdata::BTREE, column).and_then(pgdata::opclass);
        let shown = class.map_or(column, |c| c.opcintype);
        return Err(refuse(format!("is not supported for column type {}", show(shown))));
    }
    if supported.contains(&from) {
        return Ok(from);
    }
    if from == oid::UNKNOWN && supported.contains(&column) {
        return Ok(column);
    }
    let mut fits =
        supported.iter().filter(|t| super::resolve::can_coerce(None, from, **t, super::resolve::Coercion::Implicit));
    match (fits.next(), fits.next()) {
        (Some(t), None) => Ok(*t),
        (None, _) => {
            Err(refuse(format!("is not supported for column type {} and offset type {}", show(column), show(from)))
                .hint("Cast the offset value to an appropriate type."))
        }
        _ => Err(refuse(format!(
            "has multiple interpretations for column type {} and offset type {}",
            show(column),
            show(from)
        ))
        .hint("Cast the offset value to the exact intended type.")),
    }
}
