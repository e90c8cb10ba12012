//! min and max over every type that has them.

use super::codec::{Reader, heap_size, put_datum};
use crate::cmp::{compare_f64, compare_text};
use crate::collation::is_icu;
use crate::ctx::EvalCtx;
use crate::datum::Datum;
use crate::funcs::args::unexpected;
use crate::funcs::order::{compare, compare_by};
use crate::funcs::text::bpchar_cmp;
use crate::kernel::{AggKernel, AggState, CallInfo};
use crate::{oid, usertype};
use rustydb_base::Result;
use std::cmp::Ordering;

struct Extreme {
    best: Datum,
    /// Replaces the best when it compares this way to it.
    wanted: Ordering,
    /// Whether the later of two equal values is kept: they may differ in what they show, as 1.0 and 1.00 do.
    latest: bool,
    compare: fn(u32, &Datum, &Datum) -> Result<Ordering>,
    /// By which it compares.
    collation: u32,
}

impl Extreme {
    fn beats(&self, d: &Datum) -> Result<bool> {
        if d.is_null() || self.best.is_null() {
            return Ok(!d.is_null());
        }
        let order = (self.compare)(self.collation, d, &self.best)?;
        Ok(order == self.wanted || self.latest && order.is_eq())
    }
}

impl AggState for Extreme {
    fn update(&mut self, _: &EvalCtx, args: &[Datum]) -> Result<()> {
        if let [d] = args
            && self.beats(d)?
        {
            self.best = d.clone();
        }
        Ok(())
    }
    fn merge(&mut self, _: &EvalCtx, state: &[u8]) -> Result<()> {
        let d = Reader(state).datum()?;
        if self.beats(&d)? {
            self.best = d;
        }
        Ok(())
    }
    fn state(&self) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        put_datum(&mut out, &self.best);
        Ok(out)
    }
    fn finish(&self, _: &EvalCtx) -> Result<Datum> {
        Ok(self.best.clone())
    }
    fn size(&self) -> usize {
        size_of::<Self>() + heap_size(&self.best)
    }
}

macro_rules! compare {
    ($variant:ident, |$a:ident, $b:ident| $e:expr) => {
        |_, x, y| match (x, y) {
            (Datum::$variant($a), Datum::$variant($b)) => Ok($e),
            (Datum::$variant(_), d) | (d, _) => Err(unexpected(d)),
        }
    };
}

fn made(
    info: &CallInfo<'_>,
    wanted: Ordering,
    latest: bool,
    compare: fn(u32, &Datum, &Datum) -> Result<Ordering>,
) -> Box<dyn AggState> {
    // The comparison of bytes serves where the collation has no other order.
    let compare = match info.args {
        [t] if is_icu(info.collation) && matches!(usertype::base(*t).oid, oid::TEXT | oid::VARCHAR) => {
            |c: u32, a: &Datum, b: &Datum| match (a, b) {
                (Datum::Text(a), Datum::Text(b)) => Ok(compare_text(c, a, b)),
                (Datum::Text(_), d) | (d, _) => Err(unexpected(d)),
            }
        }
        [t] if is_icu(info.collation) && usertype::base(*t).oid == oid::BPCHAR => {
            |c: u32, a: &Datum, b: &Datum| compare_by(oid::BPCHAR, c, a, b)
        }
        _ => compare,
    };
    Box::new(Extreme { best: Datum::Null, wanted, latest, compare, collation: info.collation })
}

macro_rules! extremes {
    ($($ty:literal => $compare:expr),* $(,)?) => {
        &[$(
            AggKernel {
                signature: concat!("min(", $ty, ")"),
                init: |info| made(info, Ordering::Less, $ty != "character", $compare),
            },
            AggKernel {
                signature: concat!("max(", $ty, ")"),
                init: |info| made(info, Ordering::Greater, $ty != "character", $compare),
            },
        )*]
    };
}

/// Aggregates of this module.
pub const AGGREGATES: &[AggKernel] = extremes! {
    "smallint" => compare!(Int2, |a, b| a.cmp(b)),
    "integer" => compare!(Int4, |a, b| a.cmp(b)),
    "bigint" => compare!(Int8, |a, b| a.cmp(b)),
    "oid" => compare!(Oid, |a, b| a.cmp(b)),
    "real" => compare!(Float4, |a, b| compare_f64(f64::from(*a), f64::from(*b))),
    "double precision" => compare!(Float8, |a, b| compare_f64(*a, *b)),
    "numeric" => compare!(Numeric, |a, b| a.cmp(b)),
    "text" => compare!(Text, |a, b| a.as_str().cmp(b.as_str())),
    "character" => compare!(Text, |a, b| bpchar_cmp(a, b)),
    "date" => compare!(Date, |a, b| a.cmp(b)),
    "time without time zone" => compare!(Time, |a, b| a.cmp(b)),
    "timestamp without time zone" => compare!(Timestamp, |a, b| a.cmp(b)),
    "time with time zone" => |_, a, b| compare(oid::TIMETZ, a, b),
    "interval" => |_, a, b| compare(oid::INTERVAL, a, b),
    "money" => compare!(Int8, |a, b| a.cmp(b)),
    "pg_lsn" => |_, a, b| compare(oid::PG_LSN, a, b),
    "xid8" => |_, a, b| compare(oid::XID8, a, b),
    "inet" => |_, a, b| compare(oid::INET, a, b),
    "tid" => |_, a, b| compare(oid::TID, a, b),
    "anyarray" => |c, a, b| compare_by(0, c, a, b),
    "anyenum" => |_, a, b| compare(oid::ANYENUM, a, b),
    "timestamp with time zone" => compare!(TimestampTz, |a, b| a.cmp(b)),
};
