//! pg_snapshot and its older name txid_snapshot: which transactions a snapshot sees. Kept in the wire form: the number of
//! transactions in progress, the first not known to be finished, the first not begun, and those in progress, in order.

use super::args::{scalar, set};
use crate::bytetype::{ByteType, put_fixed_key};
use crate::ctx::EvalCtx;
use crate::datum::Datum;
use crate::io::OutCtx;
use crate::io::binary::{bad_format, short};
use crate::kernel::Kernel;
use crate::oid;
use rustydb_base::{DbError, Result, SqlState};

/// Transactions in progress that a snapshot may list.
const MAX_RUNNING: usize = (1 << 30) / 8 - 3;

struct Snapshot {
    xmin: i64,
    xmax: i64,
    running: Vec<i64>,
}

/// A number as C's `strtol` reads it: blanks and a sign may stand before it.
fn number(s: &str) -> Option<(i64, &str)> {
    let t = s.trim_start_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
    let sign = usize::from(t.starts_with(['+', '-']));
    let digits = t.get(sign..)?.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return Some((0, s));
    }
    let (n, rest) = t.split_at_checked(sign + digits)?;
    Some((n.parse().ok()?, rest))
}

impl Snapshot {
    fn parse(s: &str) -> Option<Snapshot> {
        let (xmin, rest) = number(s)?;
        let (xmax, rest) = number(rest.strip_prefix(':')?)?;
        let mut rest = rest.strip_prefix(':')?;
        if xmin <= 0 || xmax < xmin {
            return None;
        }
        let mut running: Vec<i64> = Vec::new();
        while !rest.is_empty() {
            let (v, after) = number(rest)?;
            if v < xmin || v >= xmax || running.last().is_some_and(|l| v < *l) {
                return None;
            }
            if running.last() != Some(&v) {
                running.push(v);
            }
            rest = match after.strip_prefix(',') {
                Some(next) => next,
                None if after.is_empty() => after,
                None => return None,
            };
        }
        Some(Snapshot { xmin, xmax, running })
    }

    fn read(b: &[u8]) -> Option<Snapshot> {
        let (count, rest) = b.split_first_chunk::<4>()?;
        let n = usize::try_from(i32::from_be_bytes(*count)).ok()?;
        let mut numbers = rest.chunks_exact(8).filter_map(|c| Some(i64::from_be_bytes(c.try_into().ok()?)));
        let (xmin, xmax) = (numbers.next()?, numbers.next()?);
        let running: Vec<i64> = numbers.collect();
        (running.len() == n && rest.len() == (n + 2) * 8).then_some(Snapshot { xmin, xmax, running })
    }

    fn bytes(&self) -> Vec<u8> {
        let mut out = (self.running.len() as i32).to_be_bytes().to_vec();
        for v in [self.xmin, self.xmax].iter().chain(&self.running) {
            out.extend_from_slice(&v.to_be_bytes());
        }
        out
    }

    fn sees(&self, xid: i64) -> bool {
        // Numbers are compared as unsigned ones: a negative one is far ahead.
        xid.cast_unsigned() < self.xmin.cast_unsigned()
            || xid.cast_unsigned() < self.xmax.cast_unsigned() && self.running.binary_search(&xid).is_err()
    }
}

fn stored(b: &[u8]) -> Result<Snapshot> {
    Snapshot::read(b).ok_or_else(|| DbError::corrupt("stored pg_snapshot is malformed"))
}

fn text_in(_: &EvalCtx, s: &str) -> Result<Vec<u8>> {
    Snapshot::parse(s).map(|v| v.bytes()).ok_or_else(|| {
        DbError::new(
            SqlState::INVALID_TEXT_REPRESENTATION,
            format!("invalid input syntax for type pg_snapshot: \"{s}\""),
        )
    })
}

fn text_out(_: OutCtx<'_>, b: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let v = stored(b)?;
    let running: Vec<String> = v.running.iter().map(i64::to_string).collect();
    out.extend_from_slice(format!("{}:{}:{}", v.xmin, v.xmax, running.join(",")).as_bytes());
    Ok(())
}

fn recv(_: &EvalCtx, b: &[u8]) -> Result<Vec<u8>> {
    if b.len() < 20 {
        return Err(short());
    }
    let invalid = || DbError::new(SqlState::INVALID_BINARY_REPRESENTATION, "invalid external pg_snapshot data");
    let v = Snapshot::read(b).ok_or_else(bad_format)?;
    let ordered = v.running.windows(2).all(|w| matches!(w, [a, b] if a <= b));
    let inside = v.running.iter().all(|x| *x >= v.xmin && *x <= v.xmax);
    if v.xmin <= 0 || v.xmax < v.xmin || v.running.len() > MAX_RUNNING || !ordered || !inside {
        return Err(invalid());
    }
    Ok(b.to_vec())
}

macro_rules! snapshot_type {
    ($(#[$doc:meta])* $name:ident, $oid:ident) => {
        $(#[$doc])*
        pub static $name: ByteType = ByteType {
            oid: oid::$oid,
            text_in,
            text_out,
            recv,
            send: |b, out| out.extend_from_slice(b),
            typmod: None,
            compare: None,
            put_key: put_fixed_key,
        };
    };
}
snapshot_type! {
    /// pg_snapshot.
    PG_SNAPSHOT, PG_SNAPSHOT
}
snapshot_type! {
    /// txid_snapshot.
    TXID_SNAPSHOT, TXID_SNAPSHOT
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[&[
    scalar!("pg_snapshot_xmin", |b: &[u8]| Ok(stored(b)?.xmin)),
    scalar!("pg_snapshot_xmax", |b: &[u8]| Ok(stored(b)?.xmax)),
    set!("pg_snapshot_xip", |b: &[u8]| {
        Ok(Box::new(stored(b)?.running.into_iter().map(|x| Ok(vec![Datum::Int8(x)]))))
    }),
    scalar!("pg_visible_in_snapshot", |xid: i64, b: &[u8]| Ok(stored(b)?.sees(xid))),
]];
