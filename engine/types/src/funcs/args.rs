//! How kernels read their arguments and hand back their result: [`Arg`] takes a Rust value out of a [`Datum`], [`Ret`]
//! puts one in. The macros `scalar!` and `set!` write the glue, so a kernel's row in its table reads like a
//! function: `scalar!("int4pl", |a: i32, b: i32| …)`.
//!
//! A NULL reaches only kernels of functions that are not strict, which take `Option` arguments. An argument of another
//! representation than the kernel expects means that binder and table disagree: an internal error, not a panic.

use crate::datum::{ArrayValue, Datum, Interval, Str};
use crate::numeric::Numeric;
use rustydb_base::{DbError, Result};
use std::sync::Arc;

/// A Rust view of an argument.
pub trait Arg<'a>: Sized {
    /// Reads the argument.
    fn get(d: &'a Datum) -> Result<Self>;
}

/// XX000 for an argument whose representation is not what the kernel declares.
#[cold]
pub fn unexpected(d: &Datum) -> DbError {
    DbError::internal(format!("a function received a value of an unexpected kind: {d:?}"))
}

/// XX000 for a call with a wrong number of arguments.
#[cold]
pub fn arity(got: usize) -> DbError {
    DbError::internal(format!("a function received {got} arguments, which it does not take"))
}

macro_rules! copy_args {
    ($($t:ty => $v:ident),* $(,)?) => {$(
        impl Arg<'_> for $t {
            fn get(d: &Datum) -> Result<Self> {
                match d {
                    Datum::$v(x) => Ok(*x),
                    _ => Err(unexpected(d)),
                }
            }
        }
        impl Ret for $t {
            fn ret(self) -> Result<Datum> {
                Ok(Datum::$v(self))
            }
        }
    )*};
}
copy_args! {
    bool => Bool, i16 => Int2, i32 => Int4, i64 => Int8, f32 => Float4, f64 => Float8, u32 => Oid,
    Interval => Interval, [u8; 16] => Uuid,
}

/// Wrappers that tell apart values of one Rust type.
macro_rules! wrapped_args {
    ($($(#[$doc:meta])* $name:ident($t:ty) => $v:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
        pub struct $name(pub $t);
        impl Arg<'_> for $name {
            fn get(d: &Datum) -> Result<Self> {
                match d {
                    Datum::$v(x) => Ok($name(*x)),
                    _ => Err(unexpected(d)),
                }
            }
        }
        impl Ret for $name {
            fn ret(self) -> Result<Datum> {
                Ok(Datum::$v(self.0))
            }
        }
    )*};
}
wrapped_args! {
    /// A date.
    Date(i32) => Date,
    /// A time of day.
    Time(i64) => Time,
    /// A timestamp without time zone.
    Ts(i64) => Timestamp,
    /// A timestamp with time zone.
    Tstz(i64) => TimestampTz,
}

/// A time of day with its zone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TimeTz {
    /// Microseconds since midnight.
    pub micros: i64,
    /// Seconds west of UTC.
    pub zone: i32,
}
impl Arg<'_> for TimeTz {
    fn get(d: &Datum) -> Result<Self> {
        match d {
            Datum::TimeTz(micros, zone) => Ok(TimeTz { micros: *micros, zone: *zone }),
            _ => Err(unexpected(d)),
        }
    }
}
impl Ret for TimeTz {
    fn ret(self) -> Result<Datum> {
        Ok(Datum::TimeTz(self.micros, self.zone))
    }
}

impl<'a> Arg<'a> for &'a str {
    fn get(d: &'a Datum) -> Result<Self> {
        match d {
            Datum::Text(x) => Ok(x.as_str()),
            _ => Err(unexpected(d)),
        }
    }
}
impl<'a> Arg<'a> for &'a [u8] {
    fn get(d: &'a Datum) -> Result<Self> {
        match d {
            Datum::Bytes(x) => Ok(x.as_ref()),
            _ => Err(unexpected(d)),
        }
    }
}
impl<'a> Arg<'a> for &'a Numeric {
    fn get(d: &'a Datum) -> Result<Self> {
        match d {
            Datum::Numeric(x) => Ok(x),
            _ => Err(unexpected(d)),
        }
    }
}
impl<'a> Arg<'a> for &'a Arc<ArrayValue> {
    fn get(d: &'a Datum) -> Result<Self> {
        match d {
            Datum::Array(x) => Ok(x),
            _ => Err(unexpected(d)),
        }
    }
}
impl<'a> Arg<'a> for &'a Datum {
    fn get(d: &'a Datum) -> Result<Self> {
        Ok(d)
    }
}
impl<'a, T: Arg<'a>> Arg<'a> for Option<T> {
    fn get(d: &'a Datum) -> Result<Self> {
        match d {
            Datum::Null => Ok(None),
            d => T::get(d).map(Some),
        }
    }
}

/// A result of a kernel.
pub trait Ret {
    /// The value, or the error.
    fn ret(self) -> Result<Datum>;
}
impl Ret for Datum {
    fn ret(self) -> Result<Datum> {
        Ok(self)
    }
}
impl Ret for Numeric {
    fn ret(self) -> Result<Datum> {
        Ok(Datum::Numeric(self))
    }
}
impl Ret for &str {
    fn ret(self) -> Result<Datum> {
        Ok(Datum::Text(Str::new(self)))
    }
}
impl Ret for String {
    fn ret(self) -> Result<Datum> {
        Ok(Datum::Text(Str::from(self)))
    }
}
impl Ret for Vec<u8> {
    fn ret(self) -> Result<Datum> {
        Ok(Datum::Bytes(self.into()))
    }
}
impl Ret for ArrayValue {
    fn ret(self) -> Result<Datum> {
        Ok(Datum::Array(Arc::new(self)))
    }
}
impl<T: Ret> Ret for Option<T> {
    fn ret(self) -> Result<Datum> {
        self.map_or(Ok(Datum::Null), T::ret)
    }
}
impl<T: Ret> Ret for Result<T> {
    fn ret(self) -> Result<Datum> {
        self.and_then(T::ret)
    }
}

/// One row of a kernel table: a scalar function of typed arguments. `[ctx]` or `[ctx, info]` before the arguments names
/// the evaluation context and the call's static facts for the body's use.
macro_rules! scalar {
    ($name:expr, || $body:expr) => { $crate::funcs::args::scalar!($name, [_ctx, _info] | | $body) };
    ($name:expr, |$($arg:ident: $t:ty),* $(,)?| $body:expr) => {
        $crate::funcs::args::scalar!($name, [_ctx, _info] |$($arg: $t),*| $body)
    };
    ($name:expr, [$ctx:ident] || $body:expr) => { $crate::funcs::args::scalar!($name, [$ctx, _info] | | $body) };
    ($name:expr, [$ctx:ident] |$($arg:ident: $t:ty),* $(,)?| $body:expr) => {
        $crate::funcs::args::scalar!($name, [$ctx, _info] |$($arg: $t),*| $body)
    };
    ($name:expr, [$ctx:ident, $info:ident] |$($arg:ident: $t:ty),* $(,)?| $body:expr) => {
        $crate::kernel::Kernel {
            name: $name,
            body: $crate::kernel::KernelBody::Scalar(|$ctx, $info, args| {
                let [$($arg),*] = args else { return Err($crate::funcs::args::arity(args.len())) };
                $(let $arg = <$t as $crate::funcs::args::Arg>::get($arg)?;)*
                $crate::funcs::args::Ret::ret($body)
            }),
        }
    };
}
pub(crate) use scalar;

/// One row of a kernel table: a function over the raw argument slice (variable arity).
macro_rules! raw {
    ($name:expr, $f:expr) => {
        $crate::kernel::Kernel { name: $name, body: $crate::kernel::KernelBody::Scalar($f) }
    };
}
pub(crate) use raw;

/// One row of a kernel table: a set-returning function; the body gives a boxed iterator of rows.
macro_rules! set {
    ($name:expr, || $body:expr) => { $crate::funcs::args::set!($name, [_ctx, _info] | | $body) };
    ($name:expr, |$($arg:ident: $t:ty),* $(,)?| $body:expr) => {
        $crate::funcs::args::set!($name, [_ctx, _info] |$($arg: $t),*| $body)
    };
    ($name:expr, [$ctx:ident, $info:ident] |$($arg:ident: $t:ty),* $(,)?| $body:expr) => {
        $crate::kernel::Kernel {
            name: $name,
            body: $crate::kernel::KernelBody::Set(|$ctx, $info, args| {
                let [$($arg),*] = args else { return Err($crate::funcs::args::arity(args.len())) };
                $(let $arg = <$t as $crate::funcs::args::Arg>::get($arg)?;)*
                $body
            }),
        }
    };
}
pub(crate) use set;

/// `eq ne lt le gt ge` over an ordering expression of two arguments: six rows of a kernel table.
macro_rules! comparisons {
    ($eq:expr, $ne:expr, $lt:expr, $le:expr, $gt:expr, $ge:expr, |$a:ident: $ta:ty, $b:ident: $tb:ty| $ord:expr) => {
        [
            $crate::funcs::args::scalar!($eq, |$a: $ta, $b: $tb| ($ord).is_eq()),
            $crate::funcs::args::scalar!($ne, |$a: $ta, $b: $tb| ($ord).is_ne()),
            $crate::funcs::args::scalar!($lt, |$a: $ta, $b: $tb| ($ord).is_lt()),
            $crate::funcs::args::scalar!($le, |$a: $ta, $b: $tb| ($ord).is_le()),
            $crate::funcs::args::scalar!($gt, |$a: $ta, $b: $tb| ($ord).is_gt()),
            $crate::funcs::args::scalar!($ge, |$a: $ta, $b: $tb| ($ord).is_ge()),
        ]
    };
}
pub(crate) use comparisons;
