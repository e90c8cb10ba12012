//! What is inside a polygon.
//!
//! A point is inside when the sides, seen from it, cross the positive x axis more often in one sense than in the other; a
//! side through the point itself decides at once. A segment is inside when every part of it between the polygon's sides is.

use super::num::{add, div, ge, gt, le, lt, mul, sub, zero};
use super::{Lseg, Point, Polygon};
use rustydb_base::{DbError, Result, SqlState};

/// How a side crosses the positive x axis: in halves, positive upwards, or through the origin.
enum Crossing {
    Halves(i32),
    Origin,
}

fn crossing(at: Point, from: Point) -> Result<Crossing> {
    use Crossing::{Halves, Origin};
    let (x, y) = (at.x, at.y);
    if zero(y) {
        return Ok(if zero(x) {
            Origin
        } else if gt(x, 0.0) {
            if zero(from.y) {
                if gt(from.x, 0.0) { Halves(0) } else { Origin }
            } else {
                Halves(if lt(from.y, 0.0) { 1 } else { -1 })
            }
        } else if zero(from.y) {
            if lt(from.x, 0.0) { Halves(0) } else { Origin }
        } else {
            Halves(0)
        });
    }
    let up = gt(y, 0.0);
    let sign = if up { 1 } else { -1 };
    if zero(from.y) {
        return Ok(Halves(if lt(from.x, 0.0) { 0 } else { sign }));
    }
    if (!up && lt(from.y, 0.0)) || (up && gt(from.y, 0.0)) {
        return Ok(Halves(0));
    }
    if ge(x, 0.0) && gt(from.x, 0.0) {
        return Ok(Halves(2 * sign));
    }
    if lt(x, 0.0) && le(from.x, 0.0) {
        return Ok(Halves(0));
    }
    let turn = sub(mul(sub(x, from.x)?, y)?, mul(sub(y, from.y)?, x)?)?;
    Ok(if zero(turn) {
        Origin
    } else if (!up && lt(turn, 0.0)) || (up && gt(turn, 0.0)) {
        Halves(0)
    } else {
        Halves(2 * sign)
    })
}

/// Whether a point is in a polygon or on its sides.
pub fn point_inside(p: Point, corners: &[Point]) -> Result<bool> {
    let Some(first) = corners.first() else { return Ok(false) };
    let first = first.minus(p)?;
    let mut from = first;
    let mut total = 0i64;
    for corner in corners.iter().skip(1).map(|c| c.minus(p)).chain(std::iter::once(Ok(first))) {
        let at = corner?;
        match crossing(at, from)? {
            Crossing::Origin => return Ok(true),
            Crossing::Halves(n) => total += i64::from(n),
        }
        from = at;
    }
    Ok(total != 0)
}

/// Splits of one segment by sides: each is a call within a call.
const MAX_DEPTH: usize = 500;

/// Whether the segment from `a` to `b` is in the polygon, looking at sides from the one that ends at corner `start` on.
fn segment_inside(a: Point, b: Point, poly: &[Point], start: usize, depth: usize) -> Result<bool> {
    if depth > MAX_DEPTH {
        return Err(DbError::new(SqlState::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded"));
    }
    let t = Lseg::new(a, b);
    let before = start.checked_sub(1).unwrap_or(poly.len().saturating_sub(1));
    let mut from = poly.get(before).copied().unwrap_or_default();
    let mut split = false;
    for (i, corner) in poly.iter().enumerate().skip(start) {
        let side = Lseg::new(from, *corner);
        let (has_a, has_b) = (side.contains(a)?, side.contains(b)?);
        let inside = match (has_a, has_b) {
            (true, true) => return Ok(true),
            (true, false) => touching_inside(a, b, side, poly, i + 1, depth)?,
            (false, true) => touching_inside(b, a, side, poly, i + 1, depth)?,
            (false, false) => match t.cross(side)? {
                Some(p) => {
                    split = true;
                    segment_inside(a, p, poly, i + 1, depth + 1)? && segment_inside(b, p, poly, i + 1, depth + 1)?
                }
                None => true,
            },
        };
        if !inside {
            return Ok(false);
        }
        from = *corner;
    }
    if split {
        return Ok(true);
    }
    let middle = Point { x: div(add(a.x, b.x)?, 2.0)?, y: div(add(a.y, b.y)?, 2.0)? };
    point_inside(middle, poly)
}

/// [`segment_inside`] for a segment whose end `a` is on a side: the part beyond that side, if they share more than a point.
/// Whether the rest is inside is for the later sides to tell.
fn touching_inside(a: Point, b: Point, side: Lseg, poly: &[Point], start: usize, depth: usize) -> Result<bool> {
    let t = Lseg::new(a, b);
    let end = if a.equals(side.a) {
        t.contains(side.b)?.then_some(side.b)
    } else if a.equals(side.b) {
        t.contains(side.a)?.then_some(side.a)
    } else if t.contains(side.a)? {
        Some(side.a)
    } else if t.contains(side.b)? {
        Some(side.b)
    } else {
        None
    };
    match end {
        Some(end) => segment_inside(b, end, poly, start, depth + 1),
        None => Ok(true),
    }
}

impl Polygon {
    /// Whether the other polygon is in this one.
    pub fn contains(&self, o: &Polygon) -> Result<bool> {
        if !self.bounds().contains(o.bounds()) {
            return Ok(false);
        }
        for side in super::shapes::segments(&o.points, true) {
            if !segment_inside(side.a, side.b, &self.points, 0, 0)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
