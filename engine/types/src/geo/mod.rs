//! Geometric types: point, line, lseg, box, path, polygon, circle.
//!
//! A value is kept in the bytes of its binary wire form (big-endian doubles), so that sending it is copying it; kernels
//! decode it into the structs below. PostgreSQL's answers depend on the order of its floating-point steps and on its fuzzy
//! comparisons ([`num`]), so both are kept exactly: [`shapes`] has what concerns one value or two of a type, [`near`]
//! intersections, closest points and distances, [`area`] containment in polygons. None of the types has a btree order: their
//! `<` and `=` compare sizes.

pub mod area;
mod kernels;
pub mod near;
pub mod num;
pub mod shapes;
pub mod text;
mod types;

pub use kernels::KERNELS;
pub use types::{BOX, CIRCLE, LINE, LSEG, PATH, POINT, POLYGON};

use crate::datum::Datum;
use crate::funcs::args::{Arg, Ret, unexpected};
use rustydb_base::{DbError, Result};

/// A point.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Point {
    /// Abscissa.
    pub x: f64,
    /// Ordinate.
    pub y: f64,
}

/// The line Ax + By + C = 0.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Line {
    /// Factor of x.
    pub a: f64,
    /// Factor of y.
    pub b: f64,
    /// The constant.
    pub c: f64,
}

/// A line segment.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Lseg {
    /// One end.
    pub a: Point,
    /// The other end.
    pub b: Point,
}

/// An upright rectangle.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Rect {
    /// Upper right corner.
    pub high: Point,
    /// Lower left corner.
    pub low: Point,
}

/// A sequence of points, open or closed.
#[derive(Clone, PartialEq, Debug)]
pub struct Path {
    /// Whether the last point is joined to the first.
    pub closed: bool,
    /// The points, one at least.
    pub points: Vec<Point>,
}

/// A polygon.
#[derive(Clone, PartialEq, Debug)]
pub struct Polygon {
    /// The corners, one at least.
    pub points: Vec<Point>,
}

/// A circle.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Circle {
    /// Centre.
    pub center: Point,
    /// Radius, not negative unless a function made it so.
    pub radius: f64,
}

/// How a value becomes bytes and back.
pub trait Shape: Sized {
    /// Reads what [`Shape::put`] wrote.
    fn read(b: &[u8]) -> Option<Self>;
    /// Appends the value's bytes.
    fn put(&self, out: &mut Vec<u8>);
}

fn floats<const N: usize>(b: &[u8]) -> Option<[f64; N]> {
    if b.len() != N * 8 {
        return None;
    }
    let mut out = [0.0; N];
    for (v, bytes) in out.iter_mut().zip(b.chunks_exact(8)) {
        *v = f64::from_be_bytes(bytes.try_into().ok()?);
    }
    Some(out)
}

fn put_floats(values: &[f64], out: &mut Vec<u8>) {
    for v in values {
        out.extend_from_slice(&v.to_be_bytes());
    }
}

fn read_points(b: &[u8]) -> Option<Vec<Point>> {
    let (count, rest) = b.split_first_chunk::<4>()?;
    let n = usize::try_from(i32::from_be_bytes(*count)).ok()?;
    if n == 0 || rest.len() != n.checked_mul(16)? {
        return None;
    }
    rest.chunks_exact(16).map(Point::read).collect()
}

fn put_points(points: &[Point], out: &mut Vec<u8>) {
    out.extend_from_slice(&(points.len() as i32).to_be_bytes());
    for p in points {
        p.put(out);
    }
}

impl Shape for Point {
    fn read(b: &[u8]) -> Option<Point> {
        let [x, y] = floats(b)?;
        Some(Point { x, y })
    }
    fn put(&self, out: &mut Vec<u8>) {
        put_floats(&[self.x, self.y], out);
    }
}

impl Shape for Line {
    fn read(b: &[u8]) -> Option<Line> {
        let [a, b, c] = floats(b)?;
        Some(Line { a, b, c })
    }
    fn put(&self, out: &mut Vec<u8>) {
        put_floats(&[self.a, self.b, self.c], out);
    }
}

impl Shape for Lseg {
    fn read(b: &[u8]) -> Option<Lseg> {
        let [ax, ay, bx, by] = floats(b)?;
        Some(Lseg { a: Point { x: ax, y: ay }, b: Point { x: bx, y: by } })
    }
    fn put(&self, out: &mut Vec<u8>) {
        self.a.put(out);
        self.b.put(out);
    }
}

impl Shape for Rect {
    fn read(b: &[u8]) -> Option<Rect> {
        let Lseg { a: high, b: low } = Lseg::read(b)?;
        Some(Rect { high, low })
    }
    fn put(&self, out: &mut Vec<u8>) {
        self.high.put(out);
        self.low.put(out);
    }
}

impl Shape for Path {
    fn read(b: &[u8]) -> Option<Path> {
        let (closed, rest) = b.split_first()?;
        Some(Path { closed: *closed != 0, points: read_points(rest)? })
    }
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.closed));
        put_points(&self.points, out);
    }
}

impl Shape for Polygon {
    fn read(b: &[u8]) -> Option<Polygon> {
        Some(Polygon { points: read_points(b)? })
    }
    fn put(&self, out: &mut Vec<u8>) {
        put_points(&self.points, out);
    }
}

impl Shape for Circle {
    fn read(b: &[u8]) -> Option<Circle> {
        let [x, y, radius] = floats(b)?;
        Some(Circle { center: Point { x, y }, radius })
    }
    fn put(&self, out: &mut Vec<u8>) {
        self.center.put(out);
        put_floats(&[self.radius], out);
    }
}

macro_rules! shapes {
    ($($t:ty),*) => {$(
        impl Arg<'_> for $t {
            fn get(d: &Datum) -> Result<Self> {
                match d {
                    Datum::Bytes(b) => <$t>::read(b).ok_or_else(|| DbError::corrupt("stored geometry is malformed")),
                    _ => Err(unexpected(d)),
                }
            }
        }
        impl Ret for $t {
            fn ret(self) -> Result<Datum> {
                let mut out = Vec::new();
                self.put(&mut out);
                Ok(Datum::Bytes(out.into()))
            }
        }
    )*};
}
shapes!(Point, Line, Lseg, Rect, Path, Polygon, Circle);
