//! Ordered-set aggregates: percentiles and mode. The engine hands over the rows in the order of WITHIN GROUP, the direct
//! argument in front of each; NULL values do not count.
//!
//! The hypothetical-set aggregates (`rank` and its kin) need the sort keys' order and live where the sorting is done.

use super::codec::{Reader, heap_size, put_datum, put_len};
use crate::cmp;
use crate::ctx::EvalCtx;
use crate::datetime::interval;
use crate::datum::{ArrayValue, Datum, TypeRef};
use crate::funcs::args::unexpected;
use crate::kernel::{AggKernel, AggState, CallInfo};
use crate::oid;
use rustydb_base::{DbError, Result, SqlState};
use std::sync::Arc;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `percentile_disc`: the value at a position.
    Discrete,
    /// `percentile_cont`: between the values around a position.
    Continuous,
    /// `mode`.
    Mode,
}

struct Ordered {
    kind: Kind,
    /// The values' type.
    ty: TypeRef,
    direct: Datum,
    values: Vec<Datum>,
    held: usize,
}

impl Ordered {
    fn boxed(info: &CallInfo<'_>, kind: Kind) -> Box<dyn AggState> {
        let ty = info.args.last().copied().unwrap_or(TypeRef::new(oid::TEXT));
        Box::new(Ordered { kind, ty, direct: Datum::Null, values: Vec::new(), held: 0 })
    }

    fn take(&mut self, d: &Datum) {
        if !d.is_null() {
            self.held += heap_size(d);
            self.values.push(d.clone());
        }
    }

    fn at(&self, i: usize) -> Result<&Datum> {
        self.values.get(i).ok_or_else(|| DbError::internal("percentile beyond its values"))
    }

    fn percentile(&self, p: &Datum) -> Result<Datum> {
        let p = match p {
            Datum::Null => return Ok(Datum::Null),
            Datum::Float8(p) => *p,
            d => return Err(unexpected(d)),
        };
        if !(0.0..=1.0).contains(&p) {
            return Err(DbError::new(
                SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
                format!("percentile value {p} is not between 0 and 1"),
            ));
        }
        if self.values.is_empty() {
            return Ok(Datum::Null);
        }
        let n = self.values.len() as f64;
        if self.kind == Kind::Discrete {
            let row = (p * n).ceil().max(1.0) as usize;
            return Ok(self.at(row - 1)?.clone());
        }
        let place = p * (n - 1.0);
        let (low, high) = (place.floor(), place.ceil());
        let (a, b) = (self.at(low as usize)?, self.at(high as usize)?);
        if low == high {
            return Ok(a.clone());
        }
        let share = place - low;
        Ok(match (a, b) {
            (Datum::Float8(a), Datum::Float8(b)) => Datum::Float8(a + share * (b - a)),
            (Datum::Interval(a), Datum::Interval(b)) => {
                let way = interval::mul(&interval::sub(b, a)?, share)?;
                Datum::Interval(interval::add(&way, a)?)
            }
            (d, _) => return Err(unexpected(d)),
        })
    }

    /// The value that occurs most often; of several the first in order.
    fn mode(&self) -> Datum {
        let mut best: Option<(&Datum, usize)> = None;
        let mut rest = self.values.as_slice();
        while let Some(first) = rest.first() {
            let same = |d: &Datum| cmp::compare(self.ty, self.ty.collation, first, d).is_eq();
            let n = rest.iter().take_while(|d| same(d)).count().max(1);
            if best.is_none_or(|b| n > b.1) {
                best = Some((first, n));
            }
            rest = &rest[n..];
        }
        best.map_or(Datum::Null, |b| b.0.clone())
    }
}

impl AggState for Ordered {
    fn update(&mut self, _: &EvalCtx, args: &[Datum]) -> Result<()> {
        match args {
            [value] => self.take(value),
            [direct, value] => {
                if self.direct.is_null() {
                    self.direct = direct.clone();
                }
                self.take(value);
            }
            _ => return Err(crate::funcs::args::arity(args.len())),
        }
        Ok(())
    }
    fn merge(&mut self, _: &EvalCtx, state: &[u8]) -> Result<()> {
        let mut r = Reader(state);
        let direct = r.datum()?;
        if self.direct.is_null() {
            self.direct = direct;
        }
        for _ in 0..r.count()? {
            let d = r.datum()?;
            self.take(&d);
        }
        Ok(())
    }
    fn state(&self) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        put_datum(&mut out, &self.direct);
        put_len(&mut out, self.values.len());
        self.values.iter().for_each(|d| put_datum(&mut out, d));
        Ok(out)
    }
    fn finish(&self, _: &EvalCtx) -> Result<Datum> {
        if self.kind == Kind::Mode {
            return Ok(self.mode());
        }
        let Datum::Array(list) = &self.direct else { return self.percentile(&self.direct) };
        if self.values.is_empty() {
            return Ok(Datum::Null);
        }
        let items = list.items.iter().map(|p| self.percentile(p)).collect::<Result<Vec<_>>>()?;
        Ok(Datum::Array(Arc::new(ArrayValue { elem: self.ty.oid, dims: list.dims.clone(), items })))
    }
    fn size(&self) -> usize {
        size_of::<Self>() + self.values.capacity() * size_of::<Datum>() + self.held
    }
}

macro_rules! ordered {
    ($($signature:literal => $kind:ident),* $(,)?) => {
        &[$(AggKernel { signature: $signature, init: |info| Ordered::boxed(info, Kind::$kind) },)*]
    };
}

/// Aggregates of this module.
pub const AGGREGATES: &[AggKernel] = ordered! {
    "percentile_disc(double precision,anyelement)" => Discrete,
    "percentile_disc(double precision[],anyelement)" => Discrete,
    "percentile_cont(double precision,double precision)" => Continuous,
    "percentile_cont(double precision[],double precision)" => Continuous,
    "percentile_cont(double precision,interval)" => Continuous,
    "percentile_cont(double precision[],interval)" => Continuous,
    "mode(anyelement)" => Mode,
};
