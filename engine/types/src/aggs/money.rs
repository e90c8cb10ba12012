//! sum of money: exact, an error where it leaves the type's range.

use super::codec::Reader;
use crate::ctx::EvalCtx;
use crate::datum::Datum;
use crate::funcs::args::unexpected;
use crate::kernel::{AggKernel, AggState};
use rustydb_base::{DbError, Result, SqlState};

#[derive(Default)]
struct Sum(Option<i64>);

impl Sum {
    fn add(&mut self, v: i64) -> Result<()> {
        let sum = self.0.unwrap_or(0).checked_add(v);
        self.0 = Some(sum.ok_or_else(|| DbError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "money out of range"))?);
        Ok(())
    }
}

impl AggState for Sum {
    fn update(&mut self, _: &EvalCtx, args: &[Datum]) -> Result<()> {
        match args {
            [Datum::Int8(v)] => self.add(*v),
            [Datum::Null] | [] => Ok(()),
            [d, ..] => Err(unexpected(d)),
        }
    }
    fn merge(&mut self, _: &EvalCtx, state: &[u8]) -> Result<()> {
        let mut r = Reader(state);
        if r.u8()? == 1 { self.add(r.i64()?) } else { Ok(()) }
    }
    fn state(&self) -> Result<Vec<u8>> {
        let mut out = vec![u8::from(self.0.is_some())];
        if let Some(v) = self.0 {
            out.extend_from_slice(&v.to_le_bytes());
        }
        Ok(out)
    }
    fn finish(&self, _: &EvalCtx) -> Result<Datum> {
        Ok(self.0.map_or(Datum::Null, Datum::Int8))
    }
    fn size(&self) -> usize {
        size_of::<Self>()
    }
}

/// Aggregates of this module.
pub const AGGREGATES: &[AggKernel] = &[AggKernel { signature: "sum(money)", init: |_| Box::new(Sum::default()) }];
