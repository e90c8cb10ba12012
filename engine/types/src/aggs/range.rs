//! range_agg and range_intersect_agg.

use super::codec::{Reader, heap_size, put_datum};
use crate::ctx::EvalCtx;
use crate::datum::{Datum, RangeValue};
use crate::funcs::args::unexpected;
use crate::kernel::{AggKernel, AggState, CallInfo};
use crate::range::{self, RangeType};
use rustydb_base::{DbError, Result};
use std::sync::Arc;

/// The range type an aggregate's argument is of or over.
fn range_type(info: &CallInfo<'_>) -> Option<RangeType> {
    info.args.first().and_then(|t| RangeType::under(crate::usertype::base(*t).oid).ok())
}

fn no_type() -> DbError {
    DbError::internal("a range aggregate without a range type")
}

/// `range_agg`: the union as a multirange; NULL over no rows.
struct RangeAgg {
    ty: Option<RangeType>,
    seen: bool,
    ranges: Vec<RangeValue>,
    held: usize,
    /// Length after the ranges were last merged, so that overlapping input does not pile up.
    merged: usize,
}

impl RangeAgg {
    fn take(&mut self, d: &Datum) -> Result<()> {
        match d {
            Datum::Null => return Ok(()),
            Datum::Range(r) => self.ranges.push((**r).clone()),
            Datum::Multirange(m) => self.ranges.extend_from_slice(&m.ranges),
            d => return Err(unexpected(d)),
        }
        self.seen = true;
        self.held += heap_size(d);
        if self.ranges.len() > 1024 && self.ranges.len() > 2 * self.merged {
            self.merge_now()?;
        }
        Ok(())
    }

    fn merge_now(&mut self) -> Result<()> {
        let t = self.ty.ok_or_else(no_type)?;
        self.ranges = range::multirange(t.sub, std::mem::take(&mut self.ranges)).ranges;
        self.merged = self.ranges.len();
        self.held = self.ranges.len() * size_of::<RangeValue>();
        Ok(())
    }

    fn whole(&self) -> Result<Datum> {
        if !self.seen {
            return Ok(Datum::Null);
        }
        let t = self.ty.ok_or_else(no_type)?;
        Ok(Datum::Multirange(Arc::new(range::multirange(t.sub, self.ranges.clone()))))
    }
}

impl AggState for RangeAgg {
    fn update(&mut self, _: &EvalCtx, args: &[Datum]) -> Result<()> {
        args.first().map_or(Ok(()), |d| self.take(d))
    }
    fn merge(&mut self, _: &EvalCtx, state: &[u8]) -> Result<()> {
        self.take(&Reader(state).datum()?)
    }
    fn state(&self) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        put_datum(&mut out, &self.whole()?);
        Ok(out)
    }
    fn finish(&self, _: &EvalCtx) -> Result<Datum> {
        self.whole()
    }
    fn size(&self) -> usize {
        size_of::<Self>() + self.ranges.capacity() * size_of::<RangeValue>() + self.held
    }
}

/// `range_intersect_agg` of ranges or multiranges.
struct IntersectAgg {
    ty: Option<RangeType>,
    so_far: Datum,
}

impl IntersectAgg {
    fn take(&mut self, d: &Datum) -> Result<()> {
        let t = self.ty.ok_or_else(no_type)?;
        self.so_far = match (&self.so_far, d) {
            (_, Datum::Null) => return Ok(()),
            (Datum::Null, d) => d.clone(),
            (Datum::Range(a), Datum::Range(b)) => Datum::Range(Arc::new(range::intersect(t, a, b)?)),
            (Datum::Multirange(a), Datum::Multirange(b)) => {
                Datum::Multirange(Arc::new(range::multi_intersect(t, &a.ranges, &b.ranges)?))
            }
            (_, d) => return Err(unexpected(d)),
        };
        Ok(())
    }
}

impl AggState for IntersectAgg {
    fn update(&mut self, _: &EvalCtx, args: &[Datum]) -> Result<()> {
        args.first().map_or(Ok(()), |d| self.take(d))
    }
    fn merge(&mut self, _: &EvalCtx, state: &[u8]) -> Result<()> {
        self.take(&Reader(state).datum()?)
    }
    fn state(&self) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        put_datum(&mut out, &self.so_far);
        Ok(out)
    }
    fn finish(&self, _: &EvalCtx) -> Result<Datum> {
        Ok(self.so_far.clone())
    }
    fn size(&self) -> usize {
        size_of::<Self>() + heap_size(&self.so_far)
    }
}

fn union(info: &CallInfo<'_>) -> Box<dyn AggState> {
    Box::new(RangeAgg { ty: range_type(info), seen: false, ranges: Vec::new(), held: 0, merged: 0 })
}

fn intersection(info: &CallInfo<'_>) -> Box<dyn AggState> {
    Box::new(IntersectAgg { ty: range_type(info), so_far: Datum::Null })
}

/// Aggregates of this module.
pub const AGGREGATES: &[AggKernel] = &[
    AggKernel { signature: "range_agg(anyrange)", init: union },
    AggKernel { signature: "range_agg(anymultirange)", init: union },
    AggKernel { signature: "range_intersect_agg(anyrange)", init: intersection },
    AggKernel { signature: "range_intersect_agg(anymultirange)", init: intersection },
];
