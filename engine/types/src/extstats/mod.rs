//! Values of extended statistics: `pg_ndistinct`, `pg_dependencies` and `pg_mcv_list`.
//!
//! A value is bytes that casts to bytea show, in PostgreSQL's layout: a magic number, a version and a count, then the items,
//! all in little-endian order. Attributes are numbers of columns, or -1, -2… for the expressions of a statistics object.
//! Within most-common-value lists, a value is what its type sends, in the byte order of memory; for numbers, dates and
//! text these are PostgreSQL's bytes too. How the statistics are computed is in [`build`].

pub mod build;
mod mcv;

use crate::bytetype::{ByteType, put_fixed_key};
use crate::ctx::EvalCtx;
use crate::io::{OutCtx, cannot_accept, scalar};
use crate::oid;
use rustydb_base::{DbError, Result};

pub use mcv::{McvItem, McvList};

const NDISTINCT_MAGIC: u32 = 0xA352_BFA4;
const DEPENDENCIES_MAGIC: u32 = 0xB454_9A2C;
const MCV_MAGIC: u32 = 0xE1A6_51C2;
/// The version of all three layouts.
const VERSION: u32 = 1;

/// How many different combinations of values some attributes have.
#[derive(Clone, PartialEq, Debug)]
pub struct Distinct {
    /// The attributes.
    pub attributes: Vec<i16>,
    /// The number.
    pub count: f64,
}

/// How far the last of some attributes follows from the others.
#[derive(Clone, PartialEq, Debug)]
pub struct Dependency {
    /// The attributes.
    pub attributes: Vec<i16>,
    /// Share of the rows that agree.
    pub degree: f64,
}

/// XX000 for bytes that are no such value.
fn corrupt(what: &str) -> DbError {
    DbError::internal(format!("a value of type {what} is malformed"))
}

/// Reads a value's parts one after the other.
struct Parts<'b> {
    rest: &'b [u8],
    what: &'static str,
}

impl<'b> Parts<'b> {
    fn take(&mut self, n: usize) -> Result<&'b [u8]> {
        let (head, rest) = self.rest.split_at_checked(n).ok_or_else(|| corrupt(self.what))?;
        self.rest = rest;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| corrupt(self.what))
    }

    fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn i16(&mut self) -> Result<i16> {
        self.array().map(i16::from_le_bytes)
    }

    fn f64(&mut self) -> Result<f64> {
        self.array().map(f64::from_le_bytes)
    }

    /// Reads what begins every value; answers the number of items.
    fn begin(b: &'b [u8], magic: u32, what: &'static str) -> Result<(Parts<'b>, usize)> {
        let mut p = Parts { rest: b, what };
        if p.u32()? != magic || p.u32()? != VERSION {
            return Err(corrupt(what));
        }
        let n = p.u32()? as usize;
        // Every item takes some bytes, so a wrong count reserves nothing.
        if n > p.rest.len() { Err(corrupt(what)) } else { Ok((p, n)) }
    }

    fn attributes(&mut self, n: usize) -> Result<Vec<i16>> {
        (0..n).map(|_| self.i16()).collect()
    }
}

fn begin(magic: u32, count: usize) -> Vec<u8> {
    [magic, VERSION, count as u32].iter().flat_map(|v| v.to_le_bytes()).collect()
}

/// The bytes of a `pg_ndistinct`.
pub fn put_distinct(items: &[Distinct]) -> Vec<u8> {
    let mut out = begin(NDISTINCT_MAGIC, items.len());
    for i in items {
        out.extend_from_slice(&i.count.to_le_bytes());
        out.extend_from_slice(&(i.attributes.len() as u32).to_le_bytes());
        i.attributes.iter().for_each(|a| out.extend_from_slice(&a.to_le_bytes()));
    }
    out
}

/// Reads a `pg_ndistinct`.
pub fn get_distinct(b: &[u8]) -> Result<Vec<Distinct>> {
    let (mut p, n) = Parts::begin(b, NDISTINCT_MAGIC, "pg_ndistinct")?;
    let item = |p: &mut Parts<'_>| {
        let count = p.f64()?;
        let width = p.u32()? as usize;
        Ok(Distinct { count, attributes: p.attributes(width)? })
    };
    (0..n).map(|_| item(&mut p)).collect()
}

/// The bytes of a `pg_dependencies`.
pub fn put_dependencies(items: &[Dependency]) -> Vec<u8> {
    let mut out = begin(DEPENDENCIES_MAGIC, items.len());
    for i in items {
        out.extend_from_slice(&i.degree.to_le_bytes());
        out.extend_from_slice(&(i.attributes.len() as u16).to_le_bytes());
        i.attributes.iter().for_each(|a| out.extend_from_slice(&a.to_le_bytes()));
    }
    out
}

/// Reads a `pg_dependencies`.
pub fn get_dependencies(b: &[u8]) -> Result<Vec<Dependency>> {
    let (mut p, n) = Parts::begin(b, DEPENDENCIES_MAGIC, "pg_dependencies")?;
    let item = |p: &mut Parts<'_>| {
        let degree = p.f64()?;
        let width = usize::from(p.i16()?.unsigned_abs());
        Ok(Dependency { degree, attributes: p.attributes(width)? })
    };
    (0..n).map(|_| item(&mut p)).collect()
}

fn list(attributes: &[i16]) -> String {
    attributes.iter().map(i16::to_string).collect::<Vec<_>>().join(", ")
}

fn distinct_out(_: OutCtx<'_>, b: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let items = get_distinct(b)?;
    let shown = items.iter().map(|i| format!("\"{}\": {}", list(&i.attributes), i.count as i32));
    out.extend_from_slice(format!("{{{}}}", shown.collect::<Vec<_>>().join(", ")).as_bytes());
    Ok(())
}

fn dependencies_out(_: OutCtx<'_>, b: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let items = get_dependencies(b)?;
    let shown = items.iter().map(|i| match i.attributes.split_last() {
        Some((implied, given)) => format!("\"{} => {implied}\": {:.6}", list(given), i.degree),
        None => String::new(),
    });
    out.extend_from_slice(format!("{{{}}}", shown.collect::<Vec<_>>().join(", ")).as_bytes());
    Ok(())
}

fn mcv_out(ctx: OutCtx<'_>, b: &[u8], out: &mut Vec<u8>) -> Result<()> {
    scalar::bytea_out(b, ctx.fmt.bytea_hex, out);
    Ok(())
}

fn send(b: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b);
}

/// A type that nothing but ANALYZE makes values of.
macro_rules! computed {
    ($(#[$doc:meta])* $name:ident, $out:ident) => {
        $(#[$doc])*
        pub static $name: ByteType = ByteType {
            oid: oid::$name,
            text_in: |_: &EvalCtx, _: &str| Err(cannot_accept(oid::$name)),
            text_out: $out,
            recv: |_: &EvalCtx, _: &[u8]| Err(cannot_accept(oid::$name)),
            send,
            typmod: None,
            compare: None,
            put_key: put_fixed_key,
        };
    };
}
computed! {
    /// `pg_ndistinct`.
    PG_NDISTINCT, distinct_out
}
computed! {
    /// `pg_dependencies`.
    PG_DEPENDENCIES, dependencies_out
}
computed! {
    /// `pg_mcv_list`.
    PG_MCV_LIST, mcv_out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ctx::FormatSettings;

    #[test]
    fn values_read_as_they_were_written() {
        let d = vec![
            Distinct { attributes: vec![1, 2], count: 50.0 },
            Distinct { attributes: vec![1, -1, -2], count: 7.0 },
        ];
        let bytes = put_distinct(&d);
        assert_eq!(get_distinct(&bytes).expect("reads"), d);
        assert!(get_distinct(&bytes[..bytes.len() - 1]).is_err());
        assert!(get_dependencies(&bytes).is_err());
        let fmt = FormatSettings::default();
        let cx = OutCtx { fmt: &fmt, session: None };
        let mut out = Vec::new();
        distinct_out(cx, &bytes, &mut out).expect("shows");
        assert_eq!(out, b"{\"1, 2\": 50, \"1, -1, -2\": 7}");
        let f = vec![Dependency { attributes: vec![1, 3, 2], degree: 0.5 }];
        out.clear();
        dependencies_out(cx, &put_dependencies(&f), &mut out).expect("shows");
        assert_eq!(out, b"{\"1, 3 => 2\": 0.500000}");
    }
}
