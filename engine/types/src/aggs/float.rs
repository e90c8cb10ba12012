//! Aggregates of floats: sum, avg, variances, and the two-variable statistics.
//!
//! Variances follow Youngs and Cramer: n, Σx and Σ(x - mean)² are carried along, so that large means lose no digits;
//! partial states combine by the same recurrence.

use super::codec::Reader;
use crate::ctx::EvalCtx;
use crate::datum::Datum;
use crate::funcs::args::unexpected;
use crate::funcs::float::{check, narrow, overflow};
use crate::kernel::{AggKernel, AggState};
use rustydb_base::Result;

fn float(d: &Datum) -> Result<Option<f64>> {
    match d {
        Datum::Null => Ok(None),
        Datum::Float4(v) => Ok(Some(f64::from(*v))),
        Datum::Float8(v) => Ok(Some(*v)),
        d => Err(unexpected(d)),
    }
}

/// Sum that fails when finite values overflow.
fn add(a: f64, b: f64) -> Result<f64> {
    check(a + b, a.is_infinite() || b.is_infinite(), true)
}

/// `sum(float4)` (rounded after every step, as PostgreSQL does) and `sum(float8)`.
struct Sum {
    sum: Option<f64>,
    single: bool,
}

impl Sum {
    fn take(&mut self, v: f64) -> Result<()> {
        self.sum = Some(match self.sum {
            None => v,
            Some(sum) if self.single => {
                f64::from(check(f64::from(sum as f32 + v as f32), sum.is_infinite() || v.is_infinite(), true)? as f32)
            }
            Some(sum) => add(sum, v)?,
        });
        Ok(())
    }
}

impl AggState for Sum {
    fn update(&mut self, _: &EvalCtx, args: &[Datum]) -> Result<()> {
        match args.first().map(float).transpose()?.flatten() {
            Some(v) => self.take(v),
            None => Ok(()),
        }
    }
    fn merge(&mut self, _: &EvalCtx, state: &[u8]) -> Result<()> {
        if state.is_empty() { Ok(()) } else { self.take(Reader(state).f64()?) }
    }
    fn state(&self) -> Result<Vec<u8>> {
        Ok(self.sum.map_or(Vec::new(), |s| s.to_le_bytes().to_vec()))
    }
    fn finish(&self, _: &EvalCtx) -> Result<Datum> {
        match self.sum {
            None => Ok(Datum::Null),
            Some(s) if self.single => narrow(s).map(Datum::Float4),
            Some(s) => Ok(Datum::Float8(s)),
        }
    }
    fn size(&self) -> usize {
        size_of::<Self>()
    }
}

/// n, Σ and Σ of squared deviations for one or two variables.
#[derive(Clone, Copy, Default)]
struct Moments {
    n: f64,
    sx: f64,
    sxx: f64,
    sy: f64,
    syy: f64,
    sxy: f64,
}

impl Moments {
    /// One variable (x).
    fn take(&mut self, v: f64) -> Result<()> {
        let old = *self;
        self.n += 1.0;
        self.sx += v;
        if old.n > 0.0 {
            let t = v * self.n - self.sx;
            self.sxx += t * t / (self.n * old.n);
            if self.sx.is_infinite() || self.sxx.is_infinite() {
                if !old.sx.is_infinite() && !v.is_infinite() {
                    return Err(overflow());
                }
                self.sxx = f64::NAN;
            }
        } else if !v.is_finite() {
            self.sxx = f64::NAN;
        }
        Ok(())
    }

    /// Two variables. In SQL's signatures the dependent one, y, comes first.
    fn take_pair(&mut self, y: f64, x: f64) -> Result<()> {
        let old = *self;
        self.n += 1.0;
        self.sx += x;
        self.sy += y;
        if old.n > 0.0 {
            let (tx, ty) = (x * self.n - self.sx, y * self.n - self.sy);
            let scale = 1.0 / (self.n * old.n);
            self.sxx += tx * tx * scale;
            self.syy += ty * ty * scale;
            self.sxy += tx * ty * scale;
            if [self.sx, self.sxx, self.sy, self.syy, self.sxy].iter().any(|v| v.is_infinite()) {
                let (x_inf, y_inf) = (old.sx.is_infinite() || x.is_infinite(), old.sy.is_infinite() || y.is_infinite());
                if (self.sx.is_infinite() || self.sxx.is_infinite()) && !x_inf
                    || (self.sy.is_infinite() || self.syy.is_infinite()) && !y_inf
                    || self.sxy.is_infinite() && !x_inf && !y_inf
                {
                    return Err(overflow());
                }
                for v in [&mut self.sxx, &mut self.syy, &mut self.sxy] {
                    if v.is_infinite() {
                        *v = f64::NAN;
                    }
                }
            }
        } else {
            if !x.is_finite() {
                (self.sxx, self.sxy) = (f64::NAN, f64::NAN);
            }
            if !y.is_finite() {
                (self.syy, self.sxy) = (f64::NAN, f64::NAN);
            }
        }
        Ok(())
    }

    fn combine(&mut self, b: &Moments) -> Result<()> {
        let a = *self;
        if a.n == 0.0 {
            *self = *b;
            return Ok(());
        }
        if b.n == 0.0 {
            return Ok(());
        }
        let n = a.n + b.n;
        let (tx, ty) = (a.sx / a.n - b.sx / b.n, a.sy / a.n - b.sy / b.n);
        let merged =
            |p: f64, q: f64, t: f64| check(p + q + a.n * b.n * t / n, p.is_infinite() || q.is_infinite(), true);
        *self = Moments {
            n,
            sx: add(a.sx, b.sx)?,
            sxx: merged(a.sxx, b.sxx, tx * tx)?,
            sy: add(a.sy, b.sy)?,
            syy: merged(a.syy, b.syy, ty * ty)?,
            sxy: merged(a.sxy, b.sxy, tx * ty)?,
        };
        Ok(())
    }

    fn read(state: &[u8]) -> Result<Moments> {
        let mut r = Reader(state);
        Ok(Moments { n: r.f64()?, sx: r.f64()?, sxx: r.f64()?, sy: r.f64()?, syy: r.f64()?, sxy: r.f64()? })
    }

    fn write(&self) -> Vec<u8> {
        [self.n, self.sx, self.sxx, self.sy, self.syy, self.sxy].iter().flat_map(|v| v.to_le_bytes()).collect()
    }
}

/// An aggregate over [`Moments`]; `None` is NULL.
struct Statistic {
    moments: Moments,
    pair: bool,
    answer: fn(&Moments) -> Option<f64>,
}

impl AggState for Statistic {
    fn update(&mut self, _: &EvalCtx, args: &[Datum]) -> Result<()> {
        match args {
            [y, x] if self.pair => match (float(y)?, float(x)?) {
                (Some(y), Some(x)) => self.moments.take_pair(y, x),
                _ => Ok(()),
            },
            [x, ..] => float(x)?.map_or(Ok(()), |v| self.moments.take(v)),
            [] => Ok(()),
        }
    }
    fn merge(&mut self, _: &EvalCtx, state: &[u8]) -> Result<()> {
        self.moments.combine(&Moments::read(state)?)
    }
    fn state(&self) -> Result<Vec<u8>> {
        Ok(self.moments.write())
    }
    fn finish(&self, _: &EvalCtx) -> Result<Datum> {
        Ok((self.answer)(&self.moments).map_or(Datum::Null, Datum::Float8))
    }
    fn size(&self) -> usize {
        size_of::<Self>()
    }
}

fn at_least(m: &Moments, n: f64, v: impl FnOnce() -> f64) -> Option<f64> {
    (m.n >= n).then(v)
}

fn var_pop(m: &Moments) -> Option<f64> {
    at_least(m, 1.0, || m.sxx / m.n)
}

fn var_samp(m: &Moments) -> Option<f64> {
    at_least(m, 2.0, || m.sxx / (m.n - 1.0))
}

fn slope(m: &Moments) -> Option<f64> {
    (m.n >= 1.0 && m.sxx != 0.0).then(|| m.sxy / m.sxx)
}

fn intercept(m: &Moments) -> Option<f64> {
    (m.n >= 1.0 && m.sxx != 0.0).then(|| (m.sy - m.sx * m.sxy / m.sxx) / m.n)
}

fn r2(m: &Moments) -> Option<f64> {
    match m {
        m if m.n < 1.0 || m.sxx == 0.0 => None,
        m if m.syy == 0.0 => Some(1.0),
        m => Some((m.sxy * m.sxy) / (m.sxx * m.syy)),
    }
}

fn corr(m: &Moments) -> Option<f64> {
    (m.n >= 1.0 && m.sxx != 0.0 && m.syy != 0.0).then(|| m.sxy / (m.sxx * m.syy).sqrt())
}

macro_rules! statistic {
    ($name:literal, $answer:expr) => {
        [
            AggKernel {
                signature: concat!($name, "(real)"),
                init: |_| Box::new(Statistic { moments: Moments::default(), pair: false, answer: $answer }),
            },
            AggKernel {
                signature: concat!($name, "(double precision)"),
                init: |_| Box::new(Statistic { moments: Moments::default(), pair: false, answer: $answer }),
            },
        ]
    };
}

macro_rules! pair {
    ($name:literal, $answer:expr) => {
        AggKernel {
            signature: concat!($name, "(double precision,double precision)"),
            init: |_| Box::new(Statistic { moments: Moments::default(), pair: true, answer: $answer }),
        }
    };
}

/// Aggregates of this module.
pub const AGGREGATES: &[&[AggKernel]] = &[
    &[
        AggKernel { signature: "sum(real)", init: |_| Box::new(Sum { sum: None, single: true }) },
        AggKernel { signature: "sum(double precision)", init: |_| Box::new(Sum { sum: None, single: false }) },
    ],
    &statistic!("avg", |m| at_least(m, 1.0, || m.sx / m.n)),
    &statistic!("var_pop", var_pop),
    &statistic!("var_samp", var_samp),
    &statistic!("variance", var_samp),
    &statistic!("stddev_pop", |m| var_pop(m).map(f64::sqrt)),
    &statistic!("stddev_samp", |m| var_samp(m).map(f64::sqrt)),
    &statistic!("stddev", |m| var_samp(m).map(f64::sqrt)),
    &[
        pair!("regr_sxx", |m| at_least(m, 1.0, || m.sxx)),
        pair!("regr_syy", |m| at_least(m, 1.0, || m.syy)),
        pair!("regr_sxy", |m| at_least(m, 1.0, || m.sxy)),
        pair!("regr_avgx", |m| at_least(m, 1.0, || m.sx / m.n)),
        pair!("regr_avgy", |m| at_least(m, 1.0, || m.sy / m.n)),
        pair!("regr_slope", slope),
        pair!("regr_intercept", intercept),
        pair!("regr_r2", r2),
        pair!("corr", corr),
        pair!("covar_pop", |m| at_least(m, 1.0, || m.sxy / m.n)),
        pair!("covar_samp", |m| at_least(m, 2.0, || m.sxy / (m.n - 1.0))),
    ],
];
