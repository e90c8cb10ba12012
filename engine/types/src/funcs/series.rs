//! generate_series over int4, int8, numeric and timestamps.

use super::args::{Ts, Tstz, set};
use super::order::interval_span;
use crate::datetime::interval;
use crate::datum::{Datum, Interval};
use crate::kernel::Kernel;
use crate::numeric::Numeric;
use rustydb_base::{DbError, Result, SqlState};

pub(crate) type Rows = Box<dyn Iterator<Item = Result<Vec<Datum>>> + Send>;

pub(crate) fn parameter(message: impl Into<String>) -> DbError {
    DbError::new(SqlState::INVALID_PARAMETER_VALUE, message.into())
}

pub(crate) fn zero_step() -> DbError {
    parameter("step size cannot equal zero")
}

/// The integers from `start` to `stop`; ends quietly where the next one would overflow `max`.
fn integers(start: i64, stop: i64, step: i64, wrap: fn(i64) -> Datum) -> Result<Rows> {
    if step == 0 {
        return Err(zero_step());
    }
    let mut next = Some(start);
    Ok(Box::new(std::iter::from_fn(move || {
        let v = next.filter(|&v| if step > 0 { v <= stop } else { v >= stop })?;
        next = v.checked_add(step);
        Some(Ok(vec![wrap(v)]))
    })))
}

fn int4(v: i64) -> Datum {
    // Between start and stop, which are int4.
    Datum::Int4(v as i32)
}

fn numerics(start: &Numeric, stop: &Numeric, step: &Numeric) -> Result<Rows> {
    for (what, v) in [("start value", start), ("stop value", stop), ("step size", step)] {
        if v.is_nan() {
            return Err(parameter(format!("{what} cannot be NaN")));
        }
        if v.is_infinite() {
            return Err(parameter(format!("{what} cannot be infinity")));
        }
    }
    if step.is_zero() {
        return Err(zero_step());
    }
    let (up, stop, step) = (step.signum() > 0, stop.clone(), step.clone());
    let mut next = Some(start.clone());
    Ok(Box::new(std::iter::from_fn(move || {
        let v = next.take()?;
        if if up { v > stop } else { v < stop } {
            return None;
        }
        // What has too many digits is behind every end.
        next = v.add(&step).ok();
        Some(Ok(vec![Datum::Numeric(v)]))
    })))
}

/// Timestamps from `start` to `stop`, each `add` further.
fn instants(
    start: i64,
    stop: i64,
    step: Interval,
    wrap: fn(i64) -> Datum,
    add: impl Fn(i64, &Interval) -> Result<i64> + Send + 'static,
) -> Result<Rows> {
    let direction = interval_span(&step).signum();
    if direction == 0 {
        return Err(zero_step());
    }
    let mut next = Some(Ok(start));
    Ok(Box::new(std::iter::from_fn(move || {
        let v = match next.take()? {
            Ok(v) => v,
            Err(e) => return Some(Err(e)),
        };
        if if direction > 0 { v > stop } else { v < stop } {
            return None;
        }
        next = Some(add(v, &step));
        Some(Ok(vec![wrap(v)]))
    })))
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[&[
    set!("generate_series_int4", |a: i32, b: i32| integers(a.into(), b.into(), 1, int4)),
    set!("generate_series_step_int4", |a: i32, b: i32, s: i32| integers(a.into(), b.into(), s.into(), int4)),
    set!("generate_series_int8", |a: i64, b: i64| integers(a, b, 1, Datum::Int8)),
    set!("generate_series_step_int8", |a: i64, b: i64, s: i64| integers(a, b, s, Datum::Int8)),
    set!("generate_series_timestamp", |a: Ts, b: Ts, s: Interval| {
        instants(a.0, b.0, s, Datum::Timestamp, interval::timestamp_add)
    }),
    set!("generate_series_timestamptz", [ctx, _info] |a: Tstz, b: Tstz, s: Interval| {
        let tz = ctx.fmt.time_zone.clone();
        instants(a.0, b.0, s, Datum::TimestampTz, move |t, s| interval::timestamptz_add(t, s, &tz))
    }),
    set!("generate_series_numeric", |a: &Numeric, b: &Numeric| numerics(a, b, &Numeric::from(1))),
    set!("generate_series_step_numeric", |a: &Numeric, b: &Numeric, s: &Numeric| numerics(a, b, s)),
]];
