//! Which rows of its partition a row's window frame holds.

use super::window::{BoundFrame, Offset};
use crate::exec::StmtCx;
use crate::exec::eval::scalar_body;
use crate::plan::ir::FrameBound;
use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::arrow::row::Rows;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{FrameExclude, FrameUnits};
use rustydb_types::arrow::datum_at;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::kernel::CallInfo;
use rustydb_types::{cmp, pgdata};
use std::cmp::Ordering;

/// Rows that are equal under ORDER BY; without ORDER BY all rows are peers.
pub struct Peers {
    /// Group of each row.
    group: Vec<usize>,
    /// First row of each group, and the row count.
    starts: Vec<usize>,
}

impl Peers {
    /// Groups of equal neighbours.
    pub fn new(keys: Option<&Rows>, n: usize) -> Peers {
        let mut group = Vec::with_capacity(n);
        let mut starts = vec![0];
        for r in 0..n {
            if let Some(k) = keys
                && r > 0
                && k.row(r) != k.row(r - 1)
            {
                starts.push(r);
            }
            group.push(starts.len() - 1);
        }
        starts.push(n);
        Peers { group, starts }
    }
    /// The row's group number, from 0.
    pub fn group(&self, r: usize) -> usize {
        self.group[r]
    }
    /// First peer of a row.
    pub fn start(&self, r: usize) -> usize {
        self.starts[self.group[r]]
    }
    /// One past the last peer of a row.
    pub fn end(&self, r: usize) -> usize {
        self.starts[self.group[r] + 1]
    }
    fn rows(&self) -> usize {
        self.group.len()
    }
    fn groups(&self) -> usize {
        self.starts.len() - 1
    }
}

/// A bound, its offset evaluated.
enum At {
    First,
    Last,
    Current,
    /// Rows or groups before (negative) or after.
    Count(i64),
    /// Position per row, for RANGE with an offset: computed once.
    Rows(Vec<usize>),
}

/// The frames of one call over one partition.
pub struct Frames {
    units: FrameUnits,
    start: At,
    end: At,
    exclude: FrameExclude,
}

/// The order column for RANGE offsets: values, type, DESC, NULLS FIRST.
type RangeColumn<'a> = (&'a ArrayRef, TypeRef, bool, bool);

impl Frames {
    /// Evaluates the offsets, those that are columns in the first row of `rows`; `None` is the default frame.
    pub fn new(
        f: Option<&BoundFrame>,
        column: Option<RangeColumn<'_>>,
        rows: &RecordBatch,
        peers: &Peers,
        cx: &StmtCx,
    ) -> Result<Frames> {
        let Some(f) = f else {
            return Ok(Frames {
                units: FrameUnits::Range,
                start: At::First,
                end: At::Current,
                exclude: FrameExclude::NoOthers,
            });
        };
        let bound = |b: &FrameBound, offset: &Option<(Offset, TypeRef)>, start: bool| -> Result<At> {
            let (before, (e, ty)) = match (b, offset) {
                (FrameBound::UnboundedPreceding, _) => return Ok(At::First),
                (FrameBound::UnboundedFollowing, _) => return Ok(At::Last),
                (FrameBound::CurrentRow, _) => return Ok(At::Current),
                (FrameBound::Preceding(_), Some(o)) => (true, o),
                (FrameBound::Following(_), Some(o)) => (false, o),
                _ => return Err(DbError::internal("frame bound without offset")),
            };
            let which = if start { "starting" } else { "ending" };
            let d = match e {
                Offset::Value(e) => e.eval(&[])?,
                Offset::Column(at) => datum_at(rows.column(*at), 0, *ty)?,
            };
            if d.is_null() {
                return Err(DbError::new(
                    SqlState::NULL_VALUE_NOT_ALLOWED,
                    format!("frame {which} offset must not be null"),
                ));
            }
            if f.frame.units == FrameUnits::Range {
                let column = column.ok_or_else(|| DbError::internal("RANGE offset without order column"))?;
                return range(column, &d, *ty, before, start, peers, cx).map(At::Rows);
            }
            let n = match d {
                Datum::Int8(n) => n,
                d => return Err(DbError::internal(format!("frame offset is {d:?}"))),
            };
            if n < 0 {
                return Err(DbError::new(
                    SqlState::INVALID_PRECEDING_OR_FOLLOWING_SIZE,
                    format!("frame {which} offset must not be negative"),
                ));
            }
            Ok(At::Count(if before { -n } else { n }))
        };
        Ok(Frames {
            units: f.frame.units,
            start: bound(&f.frame.start, &f.start, true)?,
            end: bound(&f.frame.end, &f.end, false)?,
            exclude: f.frame.exclude,
        })
    }

    /// Whether rows inside the bounds are left out.
    pub fn excludes(&self) -> bool {
        self.exclude != FrameExclude::NoOthers
    }

    /// The frame's rows before exclusion, as `start..end`.
    pub fn bounds(&self, r: usize, peers: &Peers) -> Result<(usize, usize)> {
        let n = peers.rows();
        let shifted = |base: usize, by: i64, top: usize| -> usize {
            let v = (base as i64).saturating_add(by);
            usize::try_from(v.max(0)).unwrap_or(top).min(top)
        };
        let start = match (&self.start, self.units) {
            (At::First, _) => 0,
            (At::Last, _) => n,
            (At::Current, FrameUnits::Rows) => r,
            (At::Current, _) => peers.start(r),
            (At::Count(k), FrameUnits::Rows) => shifted(r, *k, n),
            (At::Count(k), _) => peers.starts[shifted(peers.group(r), *k, peers.groups())],
            (At::Rows(v), _) => v[r],
        };
        let end = match (&self.end, self.units) {
            (At::First, _) => 0,
            (At::Last, _) => n,
            (At::Current, FrameUnits::Rows) => r + 1,
            (At::Current, _) => peers.end(r),
            (At::Count(k), FrameUnits::Rows) => shifted(r, k.saturating_add(1), n),
            (At::Count(k), _) => peers.starts[shifted(peers.group(r), k.saturating_add(1), peers.groups())],
            (At::Rows(v), _) => v[r],
        };
        Ok((start, end.max(start)))
    }

    /// The frame's rows.
    pub fn rows(&self, r: usize, peers: &Peers) -> Result<impl Iterator<Item = usize> + Clone + use<>> {
        let (s, e) = self.bounds(r, peers)?;
        let (ps, pe) = (peers.start(r), peers.end(r));
        let exclude = self.exclude;
        Ok((s..e).filter(move |&t| match exclude {
            FrameExclude::NoOthers => true,
            FrameExclude::CurrentRow => t != r,
            FrameExclude::Group => t < ps || t >= pe,
            FrameExclude::Ties => t == r || t < ps || t >= pe,
        }))
    }
}

fn negative() -> DbError {
    DbError::new(
        SqlState::INVALID_PRECEDING_OR_FOLLOWING_SIZE,
        "invalid preceding or following size in window function",
    )
}

/// For each row, where a RANGE bound `value ± offset` falls: the first row inside for a start, one past the last for
/// an end. Rows with a NULL value see their peers.
fn range(
    (column, ty, desc, nulls_first): RangeColumn<'_>,
    offset: &Datum,
    offset_ty: TypeRef,
    before: bool,
    start: bool,
    peers: &Peers,
    cx: &StmtCx,
) -> Result<Vec<usize>> {
    let n = peers.rows();
    let values = (0..n).map(|r| datum_at(column, r, ty)).collect::<Result<Vec<_>>>()?;
    let nulls = values.iter().filter(|v| v.is_null()).count();
    let (lo, hi) = if nulls_first { (nulls, n) } else { (0, n - nulls) };
    // Preceding is towards smaller values when ascending.
    let minus = before != desc;
    let shift = Shift::new(ty, offset, offset_ty, minus, cx)?;
    let mut out = Vec::with_capacity(n);
    for (r, v) in values.iter().enumerate() {
        if v.is_null() {
            out.push(if start { peers.start(r) } else { peers.end(r) });
            continue;
        }
        let limit = shift.apply(v)?;
        let inside = &values[lo..hi];
        let at = match &limit {
            // Whatever is a number is in range; what is none stands behind all others.
            Limit::None if start == desc => inside.partition_point(|x| is_nan(x) == desc),
            Limit::None => {
                if start {
                    0
                } else {
                    inside.len()
                }
            }
            limit => inside.partition_point(|x| {
                let o = shift.compare(x, limit);
                let o = if desc { o.reverse() } else { o };
                if start { o == Ordering::Less } else { o != Ordering::Greater }
            }),
        };
        out.push(lo + at);
    }
    Ok(out)
}

/// Moving a value by an offset.
struct Shift<'a> {
    ty: TypeRef,
    minus: bool,
    how: How<'a>,
}

enum How<'a> {
    Int(i128),
    Float(f64),
    Numeric(rustydb_types::numeric::Numeric),
    /// The type's own + or - with an interval; dates become timestamps by it.
    Interval {
        proc: &'static pgdata::Proc,
        result: TypeRef,
        offset: Datum,
        offset_ty: TypeRef,
        cx: &'a StmtCx,
    },
}

/// Where a bound falls.
enum Limit {
    /// The sum of an infinite value and an infinite offset of the other sign: every number is in range.
    None,
    /// Wide enough that nothing overflows.
    Int(i128),
    Value(Datum),
}

fn is_nan(d: &Datum) -> bool {
    match d {
        Datum::Numeric(v) => v.is_nan(),
        d => as_float(d).is_some_and(f64::is_nan),
    }
}

fn as_int(d: &Datum) -> Option<i128> {
    Some(match d {
        Datum::Int2(v) => i128::from(*v),
        Datum::Int4(v) => i128::from(*v),
        Datum::Int8(v) => i128::from(*v),
        _ => return None,
    })
}

fn as_float(d: &Datum) -> Option<f64> {
    Some(match d {
        Datum::Float4(v) => f64::from(*v),
        Datum::Float8(v) => *v,
        _ => return None,
    })
}

impl<'a> Shift<'a> {
    fn new(ty: TypeRef, offset: &Datum, offset_ty: TypeRef, minus: bool, cx: &'a StmtCx) -> Result<Shift<'a>> {
        let how = if let Some(v) = as_int(offset) {
            if v < 0 {
                return Err(negative());
            }
            How::Int(v)
        } else if let Some(v) = as_float(offset) {
            if v < 0.0 || v.is_nan() {
                return Err(negative());
            }
            How::Float(v)
        } else if let Datum::Numeric(v) = offset {
            if v.signum() < 0 || v.is_nan() {
                return Err(negative());
            }
            How::Numeric(v.clone())
        } else {
            if let Datum::Interval(i) = offset
                && rustydb_types::cmp::compare(offset_ty, 0, &Datum::Interval(*i), &Datum::Interval(Default::default()))
                    .is_lt()
            {
                return Err(negative());
            }
            let op = pgdata::operator_exact(if minus { "-" } else { "+" }, ty.oid, offset_ty.oid);
            let found = op.and_then(|o| pgdata::proc(o.oprcode).map(|p| (p, o.oprresult)));
            let (proc, result) = found.ok_or_else(|| {
                DbError::unsupported("RANGE with offset PRECEDING/FOLLOWING is not supported for this column type")
            })?;
            How::Interval { proc, result: crate::bind::type_ref(result), offset: offset.clone(), offset_ty, cx }
        };
        Ok(Shift { ty, minus, how })
    }

    /// The bound for a value.
    fn apply(&self, v: &Datum) -> Result<Limit> {
        let other = || DbError::internal("RANGE over a value of another type");
        let limit = match &self.how {
            How::Int(o) => {
                let v = as_int(v).ok_or_else(other)?;
                return Ok(Limit::Int(if self.minus { v - o } else { v + o }));
            }
            How::Float(o) => {
                let v = as_float(v).ok_or_else(other)?;
                Datum::Float8(if self.minus { v - o } else { v + o })
            }
            How::Numeric(o) => match v {
                Datum::Numeric(v) => Datum::Numeric(if self.minus { v.sub(o)? } else { v.add(o)? }),
                _ => return Err(other()),
            },
            How::Interval { proc, result, offset, offset_ty, cx } => {
                let args = [self.ty, *offset_ty];
                let info = CallInfo { args: &args, result: *result, collation: 0 };
                scalar_body(proc)?(&cx.eval, &info, &[v.clone(), offset.clone()])?
            }
        };
        Ok(if is_nan(&limit) && !is_nan(v) { Limit::None } else { Limit::Value(limit) })
    }

    /// Order of a column's value and a bound.
    fn compare(&self, v: &Datum, limit: &Limit) -> Ordering {
        let limit = match limit {
            Limit::None => return Ordering::Equal,
            Limit::Int(limit) => return as_int(v).cmp(&Some(*limit)),
            Limit::Value(limit) => limit,
        };
        match &self.how {
            How::Float(_) => match (as_float(v), as_float(limit)) {
                (Some(a), Some(b)) => cmp::compare_f64(a, b),
                _ => Ordering::Equal,
            },
            How::Interval { .. } => match (v, limit) {
                (Datum::Date(d), Datum::Timestamp(t)) => {
                    let v = match *d {
                        i32::MIN => i64::MIN,
                        i32::MAX => i64::MAX,
                        d => i64::from(d).saturating_mul(86_400_000_000),
                    };
                    v.cmp(t)
                }
                _ => cmp::compare(self.ty, 0, v, limit),
            },
            How::Int(_) | How::Numeric(_) => cmp::compare(self.ty, 0, v, limit),
        }
    }
}
