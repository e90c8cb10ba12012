//! Comparisons of text under collations of ICU's, in place of those that compare bytes.
//!
//! Whoever makes a call ready asks [`kernel`] first; so the functions of [`super::text`] need not look at the collation.

use super::args::scalar;
use crate::cmp::{bpchar_significant as unpadded, compare_text};
use crate::collation::{self, icu};
use crate::hash;
use crate::kernel::{CallInfo, Kernel, KernelBody, ScalarFn};
use std::cmp::Ordering;

fn order(info: &CallInfo<'_>, a: &str, b: &str) -> Ordering {
    compare_text(info.collation, a, b)
}

fn blank_padded(info: &CallInfo<'_>, a: &str, b: &str) -> Ordering {
    order(info, unpadded(a), unpadded(b))
}

/// The hash of what is equal to the text.
fn hashed(info: &CallInfo<'_>, s: &str, seed: u64) -> u64 {
    let mut key = Vec::new();
    if icu::with(info.collation, |c| c.put_key(s, &mut key)).is_none() {
        key.extend_from_slice(s.as_bytes());
    }
    hash::bytes(&key, seed)
}

macro_rules! tests {
    ($by:ident: $eq:literal, $ne:literal, $lt:literal, $le:literal, $gt:literal, $ge:literal) => {
        [
            scalar!($eq, [_ctx, info] |a: &str, b: &str| $by(info, a, b).is_eq()),
            scalar!($ne, [_ctx, info] |a: &str, b: &str| $by(info, a, b).is_ne()),
            scalar!($lt, [_ctx, info] |a: &str, b: &str| $by(info, a, b).is_lt()),
            scalar!($le, [_ctx, info] |a: &str, b: &str| $by(info, a, b).is_le()),
            scalar!($gt, [_ctx, info] |a: &str, b: &str| $by(info, a, b).is_gt()),
            scalar!($ge, [_ctx, info] |a: &str, b: &str| $by(info, a, b).is_ge()),
        ]
    };
}

/// Under the names of those they stand in for.
const KERNELS: &[&[Kernel]] = &[
    &tests!(order: "texteq", "textne", "text_lt", "text_le", "text_gt", "text_ge"),
    &tests!(order: "nameeq", "namene", "namelt", "namele", "namegt", "namege"),
    &tests!(order: "nameeqtext", "namenetext", "namelttext", "nameletext", "namegttext", "namegetext"),
    &tests!(order: "texteqname", "textnename", "textltname", "textlename", "textgtname", "textgename"),
    &tests!(blank_padded: "bpchareq", "bpcharne", "bpcharlt", "bpcharle", "bpchargt", "bpcharge"),
    &[
        scalar!("bttextcmp", [_ctx, info] |a: &str, b: &str| order(info, a, b) as i32),
        scalar!("btnamecmp", [_ctx, info] |a: &str, b: &str| order(info, a, b) as i32),
        scalar!("btnametextcmp", [_ctx, info] |a: &str, b: &str| order(info, a, b) as i32),
        scalar!("bttextnamecmp", [_ctx, info] |a: &str, b: &str| order(info, a, b) as i32),
        scalar!("bpcharcmp", [_ctx, info] |a: &str, b: &str| blank_padded(info, a, b) as i32),
        scalar!("text_larger", [_ctx, info] |a: &str, b: &str| if order(info, a, b).is_gt() { a } else { b }),
        scalar!("text_smaller", [_ctx, info] |a: &str, b: &str| if order(info, a, b).is_lt() { a } else { b }),
        scalar!("bpchar_larger", [_ctx, info] |a: &str, b: &str| if blank_padded(info, a, b).is_ge() { a } else { b }),
        scalar!("bpchar_smaller", [_ctx, info] |a: &str, b: &str| if blank_padded(info, a, b).is_le() { a } else { b }),
    ],
];

/// Those that bytes serve as long as equal texts have the same.
const HASHES: &[Kernel] = &[
    scalar!("hashtext", [_ctx, info] |s: &str| hashed(info, s, 0) as i32),
    scalar!("hashtextextended", [_ctx, info] |s: &str, seed: i64| hashed(info, s, seed as u64) as i64),
    scalar!("hashbpchar", [_ctx, info] |s: &str| hashed(info, unpadded(s), 0) as i32),
    scalar!("hashbpcharextended", [_ctx, info] |s: &str, seed: i64| hashed(info, unpadded(s), seed as u64) as i64),
];

/// What compares by a collation in place of the function of this name (`pg_proc.prosrc`); `None` if that one will do.
pub fn kernel(prosrc: &str, collation: u32) -> Option<ScalarFn> {
    if !collation::is_icu(collation) {
        return None;
    }
    let bytes_do = collation::is_deterministic(collation);
    let equality = matches!(
        prosrc,
        "texteq"
            | "textne"
            | "nameeq"
            | "namene"
            | "nameeqtext"
            | "namenetext"
            | "texteqname"
            | "textnename"
            | "bpchareq"
            | "bpcharne"
    );
    if bytes_do && equality {
        return None;
    }
    let hashes = if bytes_do { &[] } else { HASHES };
    let found = KERNELS.iter().flat_map(|t| t.iter()).chain(hashes).find(|k| k.name == prosrc)?;
    match found.body {
        KernelBody::Scalar(f) => Some(f),
        _ => None,
    }
}
