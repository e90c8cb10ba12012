//! `sum(interval)` and `avg(interval)`.

use super::codec::{Reader, put_datum};
use crate::ctx::EvalCtx;
use crate::datetime::interval;
use crate::datum::{Datum, Interval};
use crate::funcs::args::unexpected;
use crate::kernel::{AggKernel, AggState};
use rustydb_base::Result;

struct IntervalSum {
    sum: Interval,
    rows: i64,
    avg: bool,
}

impl AggState for IntervalSum {
    fn update(&mut self, _: &EvalCtx, args: &[Datum]) -> Result<()> {
        match args {
            [Datum::Interval(v)] => {
                self.sum = interval::add(&self.sum, v)?;
                self.rows += 1;
                Ok(())
            }
            [Datum::Null] | [] => Ok(()),
            [d, ..] => Err(unexpected(d)),
        }
    }
    fn merge(&mut self, _: &EvalCtx, state: &[u8]) -> Result<()> {
        let mut r = Reader(state);
        self.rows += r.i64()?;
        match r.datum()? {
            Datum::Interval(v) => self.sum = interval::add(&self.sum, &v)?,
            d => return Err(unexpected(&d)),
        }
        Ok(())
    }
    fn state(&self) -> Result<Vec<u8>> {
        let mut out = self.rows.to_le_bytes().to_vec();
        put_datum(&mut out, &Datum::Interval(self.sum));
        Ok(out)
    }
    fn finish(&self, _: &EvalCtx) -> Result<Datum> {
        match (self.rows, self.avg) {
            (0, _) => Ok(Datum::Null),
            (_, false) => Ok(Datum::Interval(self.sum)),
            (n, true) => interval::div(&self.sum, n as f64).map(Datum::Interval),
        }
    }
    fn size(&self) -> usize {
        size_of::<Self>()
    }
}

/// Aggregates of this module.
pub const AGGREGATES: &[AggKernel] = &[
    AggKernel {
        signature: "sum(interval)",
        init: |_| Box::new(IntervalSum { sum: Interval::default(), rows: 0, avg: false }),
    },
    AggKernel {
        signature: "avg(interval)",
        init: |_| Box::new(IntervalSum { sum: Interval::default(), rows: 0, avg: true }),
    },
];
