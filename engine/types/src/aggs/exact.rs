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
use crate::numeric::var::Var;
use crate::numeric::{Numeric, div_rscale};
use rustydb_base::{DbError, Result};

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

/// A sum that may have more digits than a numeric can.
struct Total {
    value: Numeric,
    /// What would not go into `value`.
    beyond: Option<Var>,
}

impl Total {
    fn new() -> Total {
        Total { value: Numeric::ZERO, beyond: None }
    }

    fn add(&mut self, v: &Numeric) {
        match self.value.add(v) {
            Ok(sum) => self.value = sum,
            Err(_) => v.to_var().iter().for_each(|v| self.add_beyond(v)),
        }
    }

    fn add_square(&mut self, v: &Numeric) {
        match v.to_var() {
            Some(x) if v.as_small().is_none() => self.add_beyond(&x.mul(&x)),
            // The product of two small values is exact, except with very many decimals.
            _ => match v.mul(v).and_then(|p| self.value.add(&p)) {
                Ok(sum) if v.scale().unwrap_or(0) < EXACT_SCALE => self.value = sum,
                _ => v.to_var().iter().for_each(|x| self.add_beyond(&x.mul(x))),
            },
        }
    }

    fn add_beyond(&mut self, v: &Var) {
        self.beyond = Some(self.beyond.as_ref().map_or_else(|| v.clone(), |b| b.add(v)));
    }

    /// The sum; `None` if it is not finite.
    fn sum(&self) -> Option<Var> {
        let value = self.value.to_var()?;
        Some(self.beyond.as_ref().map_or_else(|| value.clone(), |b| b.add(&value)))
    }

    fn write(&self, out: &mut Vec<u8>) {
        let mut bytes = Vec::new();
        self.value.to_bytes(&mut bytes);
        put_bytes(out, &bytes);
        let mut bytes = Vec::new();
        if let Some(v) = &self.beyond {
            bytes.push(u8::from(v.neg));
            bytes.extend_from_slice(&v.weight.to_le_bytes());
            bytes.extend_from_slice(&v.dscale.to_le_bytes());
            v.digits.iter().for_each(|d| bytes.extend_from_slice(&d.to_le_bytes()));
        }
        put_bytes(out, &bytes);
    }

    /// Adds what [`Total::write`] wrote.
    fn merge(&mut self, r: &mut Reader<'_>) -> Result<()> {
        self.add(&r.numeric()?);
        let bytes = r.bytes()?;
        let corrupt = || DbError::internal("malformed state of an aggregate");
        let Some((&neg, rest)) = bytes.split_first() else { return Ok(()) };
        let (weight, rest) = rest.split_first_chunk::<4>().ok_or_else(corrupt)?;
        let (dscale, digits) = rest.split_first_chunk::<4>().ok_or_else(corrupt)?;
        let mut v = Var {
            neg: neg != 0,
            weight: i32::from_le_bytes(*weight),
            dscale: i32::from_le_bytes(*dscale),
            digits: digits.chunks_exact(2).map(|c| u16::from_le_bytes([c[0], c[1]])).collect(),
        };
        v.strip();
        self.add_beyond(&v);
        Ok(())
    }

    fn size(&self) -> usize {
        numeric_size(&self.value) + self.beyond.as_ref().map_or(0, |v| 64 + 2 * v.digits.len())
    }
}

/// Half the decimals a numeric can have: what has fewer has an exact square.
const EXACT_SCALE: i32 = 8192;

/// Variance or standard deviation of any exact type: n, Σx, Σx².
struct Variance {
    rows: i64,
    sum: Total,
    squares: Total,
    /// Σx and Σx² of integers not yet moved to the two above; a fast path.
    pending: (i128, i128),
    spread: Spread,
}

impl Variance {
    fn new(spread: Spread) -> Variance {
        Variance { rows: 0, sum: Total::new(), squares: Total::new(), pending: (0, 0), spread }
    }

    fn settle(&mut self) -> Result<()> {
        let (sum, squares) = std::mem::take(&mut self.pending);
        if (sum, squares) != (0, 0) {
            self.sum.add(&wide(sum)?);
            self.squares.add(&wide(squares)?);
        }
        Ok(())
    }

    fn take(&mut self, d: &Datum) -> Result<()> {
        match d {
            Datum::Null => return Ok(()),
            Datum::Numeric(v) => {
                self.sum.add(v);
                self.squares.add_square(v);
            }
            d => {
                let v = i128::from(integer(d)?);
                // |v²| ≤ 2^126, so only a large pending sum can overflow.
                match self.pending.1.checked_add(v * v) {
                    Some(squares) => self.pending = (self.pending.0 + v, squares),
                    None => {
                        self.settle()?;
                        self.pending = (v, v * v);
                    }
                }
            }
        }
        self.rows += 1;
        Ok(())
    }

    /// Both sums, those of integers included; `None` if one is not finite.
    fn sums(&self) -> Option<(Var, Var)> {
        let (sum, squares) = (self.sum.sum()?, self.squares.sum()?);
        Some((sum.add(&Var::from_i128(self.pending.0, 0)), squares.add(&Var::from_i128(self.pending.1, 0))))
    }
}

impl AggState for Variance {
    fn update(&mut self, _: &EvalCtx, args: &[Datum]) -> Result<()> {
        args.iter().try_for_each(|d| self.take(d))
    }
    fn merge(&mut self, _: &EvalCtx, state: &[u8]) -> Result<()> {
        let mut r = Reader(state);
        self.rows += r.i64()?;
        self.sum.merge(&mut r)?;
        self.squares.merge(&mut r)?;
        self.sum.add(&r.numeric()?);
        self.squares.add(&r.numeric()?);
        Ok(())
    }
    fn state(&self) -> Result<Vec<u8>> {
        let mut out = self.rows.to_le_bytes().to_vec();
        self.sum.write(&mut out);
        self.squares.write(&mut out);
        for v in [self.pending.0, self.pending.1] {
            let mut bytes = Vec::new();
            wide(v)?.to_bytes(&mut bytes);
            put_bytes(&mut out, &bytes);
        }
        Ok(out)
    }
    fn finish(&self, _: &EvalCtx) -> Result<Datum> {
        if self.rows == 0 {
            return Ok(Datum::Null);
        }
        if self.spread.sample && self.rows == 1 {
            return Ok(Datum::Null);
        }
        let Some((sum, squares)) = self.sums() else {
            return Ok(Datum::Numeric(Numeric::NAN));
        };
        let n = Var::from_i64(self.rows);
        // n·Σx² - (Σx)², over n² or n·(n-1).
        let numerator = squares.mul(&n).sub(&sum.mul(&sum));
        if numerator.neg || numerator.is_zero() {
            return Ok(Datum::Numeric(Numeric::ZERO));
        }
        let denominator = n.mul(&if self.spread.sample { Var::from_i64(self.rows - 1) } else { n.clone() });
        let scale = div_rscale(&numerator, &denominator);
        let variance = Numeric::from_var(numerator.div(&denominator, scale, true))?;
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
        size_of::<Self>() + self.sum.size() + self.squares.size()
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
