//! tid: the address of a row version, block (four bytes) and place in it (two), both big-endian.

use super::args::{comparisons, scalar};
use super::int::sign;
use crate::bytetype::{ByteType, put_fixed_key};
use crate::cmp;
use crate::ctx::EvalCtx;
use crate::datum::{Datum, TypeRef};
use crate::io::OutCtx;
use crate::io::binary::{bad_format, short};
use crate::kernel::Kernel;
use crate::oid;
use rustydb_base::{DbError, Result, SqlState};
use std::cmp::Ordering;

/// The value of an address.
pub fn make(block: u32, place: u16) -> Datum {
    let mut out = block.to_be_bytes().to_vec();
    out.extend_from_slice(&place.to_be_bytes());
    Datum::Bytes(out.into())
}

/// A number as C's `strtoul` reads it, in four bytes: a minus sign wraps around.
fn number(s: &str) -> Option<u32> {
    let s = s.trim_start();
    match s.strip_prefix('-') {
        Some(n) => n.parse::<u32>().ok().map(u32::wrapping_neg),
        None => s.parse().ok(),
    }
}

fn text_in(_: &EvalCtx, s: &str) -> Result<Vec<u8>> {
    let parts = s
        .split_once('(')
        .and_then(|(_, r)| r.split_once(','))
        .and_then(|(block, r)| Some((number(block)?, r.split_once(')')?.0)))
        .and_then(|(block, place)| Some((block, u16::try_from(number(place)?).ok()?)));
    let (block, place) = parts.ok_or_else(|| {
        DbError::new(SqlState::INVALID_TEXT_REPRESENTATION, format!("invalid input syntax for type tid: \"{s}\""))
    })?;
    Ok([&block.to_be_bytes()[..], &place.to_be_bytes()[..]].concat())
}

fn text_out(_: OutCtx<'_>, b: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let (block, place) = match b {
        [a, b, c, d, e, f] => (u32::from_be_bytes([*a, *b, *c, *d]), u16::from_be_bytes([*e, *f])),
        _ => (0, 0),
    };
    out.extend_from_slice(format!("({block},{place})").as_bytes());
    Ok(())
}

fn recv(_: &EvalCtx, b: &[u8]) -> Result<Vec<u8>> {
    match b.len().cmp(&6) {
        Ordering::Less => Err(short()),
        Ordering::Equal => Ok(b.to_vec()),
        Ordering::Greater => Err(bad_format()),
    }
}

fn send(b: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b);
}

/// tid.
pub static TYPE: ByteType = ByteType {
    oid: oid::TID,
    text_in,
    text_out,
    recv,
    send,
    typmod: None,
    compare: Some(|a, b| a.cmp(b)),
    put_key: put_fixed_key,
};

fn hash(b: &[u8], seed: u64) -> u64 {
    cmp::hash(TypeRef::new(oid::TID), &Datum::Bytes(b.to_vec().into()), seed)
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[
    &comparisons!("tideq", "tidne", "tidlt", "tidle", "tidgt", "tidge", |a: &[u8], b: &[u8]| a.cmp(b)),
    &[
        scalar!("bttidcmp", |a: &[u8], b: &[u8]| sign(a.cmp(b))),
        scalar!("tidlarger", |a: &[u8], b: &[u8]| a.max(b).to_vec()),
        scalar!("tidsmaller", |a: &[u8], b: &[u8]| a.min(b).to_vec()),
        scalar!("hashtid", |a: &[u8]| hash(a, 0) as i32),
        scalar!("hashtidextended", |a: &[u8], seed: i64| hash(a, seed as u64) as i64),
    ],
];
