//! Rows: comparison. Making rows and taking fields is the binder's.

use super::args::{scalar, unexpected};
use super::int::sign;
use super::order::compare_rows;
use crate::datum::Datum;
use crate::kernel::Kernel;
use rustydb_base::Result;
use std::cmp::Ordering;

fn compare(a: &Datum, b: &Datum) -> Result<Ordering> {
    match (a, b) {
        (Datum::Row(a), Datum::Row(b)) => compare_rows(a, b),
        (Datum::Row(_), d) | (d, _) => Err(unexpected(d)),
    }
}

macro_rules! test {
    ($name:literal, $test:ident) => {
        scalar!($name, |a: &Datum, b: &Datum| compare(a, b).map(Ordering::$test))
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
    scalar!("btrecordcmp", |a: &Datum, b: &Datum| compare(a, b).map(sign)),
]];
