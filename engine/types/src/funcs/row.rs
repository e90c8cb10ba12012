//! Rows: comparison, by their values and by their images. Making rows and taking fields is the binder's.

use super::args::{raw, scalar, unexpected};
use super::int::sign;
use super::order::{Wanted, compare_rows};
use crate::ctx::EvalCtx;
use crate::datum::{Datum, TypeRef};
use crate::io::{OutCtx, binary_out};
use crate::kernel::Kernel;
use rustydb_base::{DbError, Result, SqlState};
use std::cmp::Ordering;

fn compare(a: &Datum, b: &Datum, wanted: Wanted) -> Result<Ordering> {
    match (a, b) {
        (Datum::Row(a), Datum::Row(b)) => compare_rows(a, b, wanted),
        (Datum::Row(_), d) | (d, _) => Err(unexpected(d)),
    }
}

/// A value as the image comparison looks at it: integers as the machine words that hold them, other values as their bytes.
fn image(ctx: &EvalCtx, ty: TypeRef, d: &Datum) -> Result<Vec<u8>> {
    let word = |v: i64| v.cast_unsigned().to_be_bytes().to_vec();
    Ok(match d {
        Datum::Bool(v) => word(i64::from(*v)),
        Datum::Int2(v) => word((*v).into()),
        Datum::Int4(v) | Datum::Date(v) => word((*v).into()),
        Datum::Int8(v) | Datum::Time(v) | Datum::Timestamp(v) | Datum::TimestampTz(v) => word(*v),
        Datum::Oid(v) => word((*v).into()),
        Datum::Text(v) => v.as_bytes().to_vec(),
        d => {
            let mut out = Vec::new();
            binary_out(OutCtx { fmt: &ctx.fmt, session: Some(&*ctx.session) }, ty, d, &mut out)?;
            out
        }
    })
}

/// Compares two rows bit by bit; NULLs are equal to each other and above all else.
fn compare_images(ctx: &EvalCtx, args: &[Datum]) -> Result<Ordering> {
    let [Datum::Row(a), Datum::Row(b)] = args else {
        return Err(args.first().map_or_else(|| super::args::arity(0), unexpected));
    };
    for (i, ((ta, x), (tb, y))) in a.iter().zip(b.iter()).enumerate() {
        if ta.oid != tb.oid {
            let name = |t: u32| crate::typename::format_type(t, -1);
            return Err(DbError::new(
                SqlState::DATATYPE_MISMATCH,
                format!(
                    "cannot compare dissimilar column types {} and {} at record column {}",
                    name(ta.oid),
                    name(tb.oid),
                    i + 1
                ),
            ));
        }
        let order = match (x.is_null(), y.is_null()) {
            (false, false) => image(ctx, *ta, x)?.cmp(&image(ctx, *tb, y)?),
            (x, y) => x.cmp(&y),
        };
        if order.is_ne() {
            return Ok(order);
        }
    }
    if a.len() != b.len() {
        return Err(DbError::new(
            SqlState::DATATYPE_MISMATCH,
            "cannot compare record types with different numbers of columns",
        ));
    }
    Ok(Ordering::Equal)
}

macro_rules! image_test {
    ($name:literal, $test:ident) => {
        raw!($name, |ctx, _, args| compare_images(ctx, args).map(|o| Datum::Bool(Ordering::$test(o))))
    };
}

macro_rules! test {
    ($name:literal, $test:ident) => {
        scalar!($name, |a: &Datum, b: &Datum| compare(a, b, Wanted::of($name)).map(Ordering::$test))
    };
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[&[
    test!("record_eq", is_eq),
    test!("record_ne", is_ne),
    test!("record_lt", is_lt),
    test!("record_le", is_le),
    test!("record_gt", is_gt),
    test!("record_ge", is_ge),
    image_test!("record_image_eq", is_eq),
    image_test!("record_image_ne", is_ne),
    image_test!("record_image_lt", is_lt),
    image_test!("record_image_le", is_le),
    image_test!("record_image_gt", is_gt),
    image_test!("record_image_ge", is_ge),
    raw!("btrecordimagecmp", |ctx, _, args| compare_images(ctx, args).map(|o| Datum::Int4(sign(o)))),
    scalar!("btrecordcmp", |a: &Datum, b: &Datum| compare(a, b, Wanted::Order).map(sign)),
]];
