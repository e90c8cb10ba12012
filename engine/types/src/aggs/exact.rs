//! sum, avg, variances and standard deviations of the exact types.
//!
//! Integers are summed (and squared) in 128 bits, which 2^63 rows of int4 cannot overflow; a sum of squares of int8
//! that would leave 128 bits moves to numeric. numeric is summed as numeric, whose small form adds in 128 bits too.

use super::codec::{Reader, put_bytes, put_datum};
use crate::ctx::EvalCtx;
use crate::datum::Datum;
use crate::funcs::args::unexpected;
use crate::funcs::int::out_of_range;
use crate::kernel::{AggKernel, AggState};
use crate::numeric::Numeric;
use rustydb_base::Result;

/// What an integer sum answers.
#[derive(Clone, Copy)]
enum IntAnswer {
    /// `sum(int2)`, `sum(int4)`.
    SumInt8,
    /// `sum(int8)`.
    SumNumeric,
    /// `avg` of any width.
    Avg,
}

struct IntSum {
    sum: i128,
    rows: i64,
    answer: IntAnswer,
}

fn integer(d: &Datum) -> Result<i64> {
    match d {
        Datum::Int2(v) => Ok(i64::from(*v)),
        Datum::Int4(v) => Ok(i64::from(*v)),
        Datum::Int8(v) => Ok(*v),
        d => Err(unexpected(d)),
    }
}

/// An integer of any size as numeric.
fn wide(v: i128) -> Result<Numeric> {
    Numeric::from_i128(v, 0)
}

impl AggState for IntSum {
    fn update(&mut self, _: &EvalCtx, args: &[Datum]) -> Result<()> {
        if let [d] = args
            && !d.is_null()
        {
            self.sum += i128::from(integer(d)?);
            self.rows += 1;
        }
        Ok(())
    }
    fn merge(&mut self, _: &EvalCtx, state: &[u8]) -> Result<()> {
        let mut r = Reader(state);
        self.sum += r.i128()?;
        self.rows += r.i64()?;
        Ok(())
    }
    fn state(&self) -> Result<Vec<u8>> {
        Ok([&self.sum.to_le_bytes()[..], &self.rows.to_le_bytes()].concat())
    }
    fn finish(&self, _: &EvalCtx) -> Result<Datum> {
        if self.rows == 0 {
            return Ok(Datum::Null);
        }
        match self.answer {
            IntAnswer::SumInt8 => i64::try_from(self.sum).map(Datum::Int8).map_err(|_| out_of_range("bigint")),
            IntAnswer::SumNumeric => wide(self.sum).map(Datum::Numeric),
            IntAnswer::Avg => wide(self.sum)?.div(&Numeric::from(self.rows)).map(Datum::Numeric),
        }
    }
    fn size(&self) -> usize {
        size_of::<Self>()
    }
}

/// `sum(numeric)` and `avg(numeric)`.
struct NumericSum {
    sum: Option<Numeric>,
    rows: i64,
    avg: bool,
}

impl NumericSum {
    fn take(&mut self, v: &Numeric, rows: i64) -> Result<()> {
        self.sum = Some(match &self.sum {
            Some(sum) => sum.add(v)?,
            None => v.clone(),
        });
        self.rows += rows;
        Ok(())
    }
}

/// Bytes a numeric may hold beyond its own size; a bound, not a measure.
fn numeric_size(v: &Numeric) -> usize {
    if v.as_small().is_some() { 0 } else { 64 + v.scale().unwrap_or(0) as usize / 2 }
}

impl AggState for NumericSum {
    fn update(&mut self, _: &EvalCtx, args: &[Datum]) -> Result<()> {
        match args {
            [Datum::Numeric(v)] => self.take(v, 1),
            [Datum::Null] => Ok(()),
            [d, ..] => Err(unexpected(d)),
            [] => Ok(()),
        }
    }
    fn merge(&mut self, _: &EvalCtx, state: &[u8]) -> Result<()> {
        let mut r = Reader(state);
        let rows = r.i64()?;
        match r.datum()? {
            Datum::Numeric(v) => self.take(&v, rows),
            _ => Ok(()),
        }
    }
    fn state(&self) -> Result<Vec<u8>> {
        let mut out = self.rows.to_le_bytes().to_vec();
        put_datum(&mut out, &self.sum.clone().map_or(Datum::Null, Datum::Numeric));
        Ok(out)
    }
    fn finish(&self, _: &EvalCtx) -> Result<Datum> {
        let Some(sum) = &self.sum else { return Ok(Datum::Null) };
        if self.avg { sum.div(&Numeric::from(self.rows)).map(Datum::Numeric) } else { Ok(Datum::Numeric(sum.clone())) }
    }
    fn size(&self) -> usize {
        size_of::<Self>() + self.sum.as_ref().map_or(0, numeric_size)
    }
}

/// Which measure of spread.
#[derive(Clone, Copy)]
struct Spread {
    /// Divided by n - 1, not by n.
    sample: bool,
    /// The square root of the variance.
    root: bool,
}

/// Variance or standard deviation of any exact type: n, Σx, Σx².
struct Variance {
    rows: i64,
    sum: Numeric,
    squares: Numeric,
    /// Σx and Σx² of integers not yet moved to the two above; a fast path.
    pending: (i128, i128),
    spread: Spread,
}

impl Variance {
    fn new(spread: Spread) -> Variance {
        Variance { rows: 0, sum: Numeric::from(0), squares: Numeric::from(0), pending: (0, 0), spread }
    }

    fn settled(&self) -> Result<(Numeric, Numeric)> {
        if self.pending == (0, 0) {
            return Ok((self.sum.clone(), self.squares.clone()));
        }
        Ok((self.sum.add(&wide(self.pending.0)?)?, self.squares.add(&wide(self.pending.1)?)?))
    }

    fn take(&mut self, d: &Datum) -> Result<()> {
        match d {
            Datum::Null => return Ok(()),
            Datum::Numeric(v) => {
                self.sum = self.sum.add(v)?;
                self.squares = self.squares.add(&v.mul(v)?)?;
            }
            d => {
                let v = i128::from(integer(d)?);
                // |v²| ≤ 2^126, so only a large pending sum can overflow.
                match self.pending.1.checked_add(v * v) {
                    Some(squares) => self.pending = (self.pending.0 + v, squares),
                    None => {
                        (self.sum, self.squares) = self.settled()?;
                        self.pending = (v, v * v);
                    }
                }
            }
        }
        self.rows += 1;
        Ok(())
    }
}

impl AggState for Variance {
    fn update(&mut self, _: &EvalCtx, args: &[Datum]) -> Result<()> {
        args.iter().try_for_each(|d| self.take(d))
    }
    fn merge(&mut self, _: &EvalCtx, state: &[u8]) -> Result<()> {
        let mut r = Reader(state);
        self.rows += r.i64()?;
        self.sum = self.sum.add(&r.numeric()?)?;
        self.squares = self.squares.add(&r.numeric()?)?;
        Ok(())
    }
    fn state(&self) -> Result<Vec<u8>> {
        let mut out = self.rows.to_le_bytes().to_vec();
        let (sum, squares) = self.settled()?;
        for v in [sum, squares] {
            let mut bytes = Vec::new();
            v.to_bytes(&mut bytes);
            put_bytes(&mut out, &bytes);
        }
        Ok(out)
    }
    fn finish(&self, _: &EvalCtx) -> Result<Datum> {
        if self.rows == 0 {
            return Ok(Datum::Null);
        }
        let (sum, squares) = self.settled()?;
        if self.spread.sample && self.rows == 1 {
            return Ok(Datum::Null);
        }
        if !sum.is_finite() {
            return "NaN".parse().map(Datum::Numeric);
        }
        let n = Numeric::from(self.rows);
        // n·Σx² - (Σx)², over n² or n·(n-1).
        let numerator = squares.mul(&n)?.sub(&sum.mul(&sum)?)?;
        if numerator.signum() <= 0 {
            return Ok(Datum::Numeric(Numeric::from(0)));
        }
        let denominator = if self.spread.sample { n.mul(&Numeric::from(self.rows - 1))? } else { n.mul(&n)? };
        let variance = numerator.div(&denominator)?;
        if !self.spread.root {
            return Ok(Datum::Numeric(variance));
        }
        // The root has the variance's scale. More decimals before the one rounding that counts keep it from being a
        // second rounding of a rounded root.
        const SPARE: i32 = 30;
        let scale = variance.scale().unwrap_or(0);
        variance.round(scale + SPARE)?.sqrt()?.round(scale).map(Datum::Numeric)
    }
    fn size(&self) -> usize {
        size_of::<Self>() + numeric_size(&self.sum) + numeric_size(&self.squares)
    }
}

macro_rules! int_sum {
    ($signature:literal, $answer:ident) => {
        AggKernel { signature: $signature, init: |_| Box::new(IntSum { sum: 0, rows: 0, answer: IntAnswer::$answer }) }
    };
}

macro_rules! spread {
    ($name:literal, $sample:literal, $root:literal) => {
        [
            spread!(@ concat!($name, "(smallint)"), $sample, $root),
            spread!(@ concat!($name, "(integer)"), $sample, $root),
            spread!(@ concat!($name, "(bigint)"), $sample, $root),
            spread!(@ concat!($name, "(numeric)"), $sample, $root),
        ]
    };
    (@ $signature:expr, $sample:literal, $root:literal) => {
        AggKernel {
            signature: $signature,
            init: |_| Box::new(Variance::new(Spread { sample: $sample, root: $root })),
        }
    };
}

const SUMS: &[AggKernel] = &[
    int_sum!("sum(smallint)", SumInt8),
    int_sum!("sum(integer)", SumInt8),
    int_sum!("sum(bigint)", SumNumeric),
    int_sum!("avg(smallint)", Avg),
    int_sum!("avg(integer)", Avg),
    int_sum!("avg(bigint)", Avg),
    AggKernel { signature: "sum(numeric)", init: |_| Box::new(NumericSum { sum: None, rows: 0, avg: false }) },
    AggKernel { signature: "avg(numeric)", init: |_| Box::new(NumericSum { sum: None, rows: 0, avg: true }) },
];

/// Aggregates of this module.
pub const AGGREGATES: &[&[AggKernel]] = &[
    SUMS,
    &spread!("var_pop", false, false),
    &spread!("var_samp", true, false),
    &spread!("variance", true, false),
    &spread!("stddev_pop", false, true),
    &spread!("stddev_samp", true, true),
    &spread!("stddev", true, true),
];
