//! The types' rows: text and wire forms.

use super::text::{self, Show};
use super::{Circle, Line, Lseg, Path, Point, Polygon, Rect, Shape, num};
use crate::bytetype::{ByteType, put_fixed_key};
use crate::ctx::EvalCtx;
use crate::io::OutCtx;
use crate::io::binary::{bad_format, short};
use crate::oid;
use rustydb_base::{DbError, Result, SqlState};

fn bytes<T: Shape>(v: &T) -> Vec<u8> {
    let mut out = Vec::new();
    v.put(&mut out);
    out
}

fn show<T: Shape + Show>(ctx: OutCtx<'_>, b: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let v = T::read(b).ok_or_else(|| DbError::corrupt("stored geometry is malformed"))?;
    v.show(ctx.fmt.extra_float_digits, out);
    Ok(())
}

fn send(b: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b);
}

/// A value of a fixed number of bytes.
fn fixed<T: Shape>(b: &[u8], len: usize) -> Result<T> {
    if b.len() < len {
        return Err(short());
    }
    T::read(b).ok_or_else(bad_format)
}

fn wrong(m: &'static str) -> DbError {
    DbError::new(SqlState::INVALID_BINARY_REPRESENTATION, m)
}

/// Checks a list of points: its count and that as many follow.
fn counted(b: &[u8], ty: &str) -> Result<()> {
    let (count, rest) = b.split_first_chunk::<4>().ok_or_else(short)?;
    let n = i32::from_be_bytes(*count);
    if n <= 0 || n > i32::MAX / 16 - 2 {
        return Err(DbError::new(
            SqlState::INVALID_BINARY_REPRESENTATION,
            format!("invalid number of points in external \"{ty}\" value"),
        ));
    }
    match rest.len().cmp(&(n as usize * 16)) {
        std::cmp::Ordering::Less => Err(short()),
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(bad_format()),
    }
}

fn line_recv(_: &EvalCtx, b: &[u8]) -> Result<Vec<u8>> {
    let v: Line = fixed(b, 24)?;
    if num::zero(v.a) && num::zero(v.b) {
        return Err(wrong("invalid line specification: A and B cannot both be zero"));
    }
    Ok(b.to_vec())
}

fn path_recv(_: &EvalCtx, b: &[u8]) -> Result<Vec<u8>> {
    let (closed, rest) = b.split_first().ok_or_else(short)?;
    counted(rest, "path")?;
    let mut out = b.to_vec();
    if let Some(first) = out.first_mut() {
        *first = u8::from(*closed != 0);
    }
    Ok(out)
}

fn circle_recv(_: &EvalCtx, b: &[u8]) -> Result<Vec<u8>> {
    let v: Circle = fixed(b, 24)?;
    if v.radius < 0.0 {
        return Err(wrong("invalid radius in external \"circle\" value"));
    }
    Ok(b.to_vec())
}

macro_rules! types {
    ($($(#[$doc:meta])* $name:ident: $t:ty, $oid:ident, $read:path, $recv:expr;)*) => {$(
        $(#[$doc])*
        pub static $name: ByteType = ByteType {
            oid: oid::$oid,
            text_in: |_, s| $read(s).map(|v| bytes(&v)),
            text_out: show::<$t>,
            recv: $recv,
            send,
            typmod: None,
            compare: None,
            put_key: put_fixed_key,
        };
    )*};
}
types! {
    /// point.
    POINT: Point, POINT, text::point_in, |_, b| fixed::<Point>(b, 16).map(|_| b.to_vec());
    /// lseg.
    LSEG: Lseg, LSEG, text::lseg_in, |_, b| fixed::<Lseg>(b, 32).map(|_| b.to_vec());
    /// box.
    BOX: Rect, BOX, text::box_in, |_, b| fixed::<Rect>(b, 32).map(|v| bytes(&v.upright()));
    /// line.
    LINE: Line, LINE, text::line_in, line_recv;
    /// path.
    PATH: Path, PATH, text::path_in, path_recv;
    /// polygon.
    POLYGON: Polygon, POLYGON, text::polygon_in, |_, b| counted(b, "polygon").map(|()| b.to_vec());
    /// circle.
    CIRCLE: Circle, CIRCLE, text::circle_in, circle_recv;
}
