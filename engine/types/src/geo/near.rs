//! Intersections, closest points and distances.
//!
//! The functions that look for a closest point give it with its distance, which is NaN where there is none (coordinates
//! of NaN, lines without a common perpendicular).

use super::area::point_inside;
use super::num::{add, below, div, eq, hypot, mul, sub, unsigned_zero, zero};
use super::shapes::segments;
use super::{Circle, Line, Lseg, Path, Point, Polygon, Rect};
use rustydb_base::Result;

/// A point and how far it is.
pub type Near = (Point, f64);

impl Line {
    /// Where both cross; `None` for parallel ones.
    pub fn cross(self, o: Line) -> Result<Option<Point>> {
        // Solved for y by the line that is not vertical.
        let (p, q) = if !zero(self.b) {
            (self, o)
        } else if !zero(o.b) {
            (o, self)
        } else {
            return Ok(None);
        };
        if eq(q.a, mul(p.a, div(q.b, p.b)?)?) {
            return Ok(None);
        }
        let x = div(sub(mul(p.b, q.c)?, mul(q.b, p.c)?)?, sub(mul(p.a, q.b)?, mul(q.a, p.b)?)?)?;
        let y = div(-add(mul(p.a, x)?, p.c)?, p.b)?;
        Ok(Some(Point { x: unsigned_zero(x), y: unsigned_zero(y) }))
    }

    /// Whether a point is on it.
    pub fn contains(self, p: Point) -> Result<bool> {
        Ok(zero(add(add(mul(self.a, p.x)?, mul(self.b, p.y)?)?, self.c)?))
    }

    /// Distance of parallel lines, zero for others.
    pub fn distance(self, o: Line) -> Result<f64> {
        if self.cross(o)?.is_some() {
            return Ok(0.0);
        }
        let usable = |v: f64| !zero(v) && !v.is_nan();
        let ratio = if usable(self.a) && usable(o.a) {
            div(self.a, o.a)?
        } else if usable(self.b) && usable(o.b) {
            div(self.b, o.b)?
        } else {
            1.0
        };
        div(sub(self.c, mul(ratio, o.c)?)?.abs(), hypot(self.a, self.b)?)
    }

    /// The foot of the perpendicular from a point.
    pub fn closest_to(self, p: Point) -> Result<Near> {
        match Line::through(p, self.perpendicular()?)?.cross(self)? {
            Some(foot) => Ok((foot, foot.distance(p)?)),
            None => Ok((p, f64::NAN)),
        }
    }
}

impl Lseg {
    /// Whether a point is on it: its distances from the ends make up the length.
    pub fn contains(self, p: Point) -> Result<bool> {
        Ok(eq(add(p.distance(self.a)?, p.distance(self.b)?)?, self.length()?))
    }

    /// Where a line crosses it.
    pub fn cross_line(self, line: Line) -> Result<Option<Point>> {
        let Some(p) = Line::through(self.a, self.slope()?)?.cross(line)? else { return Ok(None) };
        if !self.contains(p)? {
            return Ok(None);
        }
        // An end that is meant is given exactly.
        Ok(Some(if self.a.equals(p) {
            self.a
        } else if self.b.equals(p) {
            self.b
        } else {
            p
        }))
    }

    /// Where both segments cross.
    pub fn cross(self, o: Lseg) -> Result<Option<Point>> {
        let Some(p) = self.cross_line(Line::through(o.a, o.slope()?)?)? else { return Ok(None) };
        Ok(if o.contains(p)? { Some(p) } else { None })
    }

    /// The point of the segment that is closest to a line.
    pub fn closest_to_line(self, line: Line) -> Result<Near> {
        if let Some(p) = self.cross_line(line)? {
            return Ok((p, 0.0));
        }
        let (a, b) = (line.closest_to(self.a)?.1, line.closest_to(self.b)?.1);
        Ok(if a < b { (self.a, a) } else { (self.b, b) })
    }

    /// The point of the segment that is closest to a point.
    pub fn closest_to(self, p: Point) -> Result<Near> {
        let across = Line::through(p, self.a.perpendicular(self.b)?)?;
        let (near, _) = self.closest_to_line(across)?;
        Ok((near, near.distance(p)?))
    }

    /// The point of this segment that is closest to another segment.
    pub fn closest_to_lseg(self, o: Lseg) -> Result<Near> {
        if let Some(p) = self.cross(o)? {
            return Ok((p, 0.0));
        }
        let mut best = self.closest_to(o.a)?;
        best = nearer(best, self.closest_to(o.b)?);
        best = nearer(best, (self.a, o.closest_to(self.a)?.1));
        Ok(nearer(best, (self.b, o.closest_to(self.b)?.1)))
    }
}

fn nearer(best: Near, other: Near) -> Near {
    if below(other.1, best.1) { other } else { best }
}

impl Rect {
    /// Its sides: left and top, then bottom and right.
    fn sides(self) -> [Lseg; 4] {
        let [low, upper_left, high, lower_right] = self.corners();
        [
            Lseg::new(low, upper_left),
            Lseg::new(high, upper_left),
            Lseg::new(low, lower_right),
            Lseg::new(high, lower_right),
        ]
    }

    /// The point of the box that is closest to a point.
    pub fn closest_to(self, p: Point) -> Result<Near> {
        if self.contains_point(p) {
            return Ok((p, 0.0));
        }
        let [first, rest @ ..] = self.sides();
        rest.into_iter().try_fold(first.closest_to(p)?, |best, side| Ok(nearer(best, side.closest_to(p)?)))
    }

    /// Whether a segment has a point in the box.
    pub fn meets(self, s: Lseg) -> Result<bool> {
        if !self.overlaps(Rect::bounding(&[s.a, s.b])) {
            return Ok(false);
        }
        if self.contains_point(s.a) || self.contains_point(s.b) {
            return Ok(true);
        }
        for side in self.sides() {
            if side.cross(s)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether a line crosses a side.
    pub fn meets_line(self, line: Line) -> Result<bool> {
        let [low, upper_left, high, lower_right] = self.corners();
        let sides = [
            Lseg::new(low, upper_left),
            Lseg::new(high, upper_left),
            Lseg::new(high, lower_right),
            Lseg::new(low, lower_right),
        ];
        for side in sides {
            if side.cross_line(line)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The point of the box that is closest to a segment; of a segment that meets the box, its point closest to the
    /// centre.
    pub fn closest_to_lseg(self, s: Lseg) -> Result<Near> {
        if self.meets(s)? {
            return Ok((s.closest_to(self.center()?)?.0, 0.0));
        }
        let [first, rest @ ..] = self.sides();
        rest.into_iter().try_fold(first.closest_to_lseg(s)?, |best, side| Ok(nearer(best, side.closest_to_lseg(s)?)))
    }
}

/// The least of distances, none for no distance.
fn least(distances: impl Iterator<Item = Result<f64>>) -> Result<Option<f64>> {
    let mut best = None;
    for d in distances {
        let d = d?;
        if best.is_none_or(|b| below(d, b)) {
            best = Some(d);
        }
    }
    Ok(best)
}

/// The least distance between segments of two figures.
fn between(a: (&[Point], bool), b: (&[Point], bool)) -> Result<Option<f64>> {
    least(segments(a.0, a.1).flat_map(|s| segments(b.0, b.1).map(move |t| Ok(s.closest_to_lseg(t)?.1))))
}

/// Whether segments of two figures cross.
fn crossing(a: (&[Point], bool), b: (&[Point], bool)) -> Result<bool> {
    for s in segments(a.0, a.1) {
        for t in segments(b.0, b.1) {
            if s.cross(t)?.is_some() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

impl Path {
    /// Whether both cross.
    pub fn meets(&self, o: &Path) -> Result<bool> {
        if !Rect::bounding(&self.points).overlaps(Rect::bounding(&o.points)) {
            return Ok(false);
        }
        crossing((&self.points, self.closed), (&o.points, o.closed))
    }

    /// Least distance between segments; none if either path has none.
    pub fn distance(&self, o: &Path) -> Result<Option<f64>> {
        between((&self.points, self.closed), (&o.points, o.closed))
    }

    /// Distance of a point from the segments.
    pub fn distance_to(&self, p: Point) -> Result<f64> {
        Ok(least(segments(&self.points, self.closed).map(|s| Ok(s.closest_to(p)?.1)))?.unwrap_or(0.0))
    }

    /// Whether a point is on an open path or in a closed one.
    pub fn contains(&self, p: Point) -> Result<bool> {
        if self.closed {
            return point_inside(p, &self.points);
        }
        for s in segments(&self.points, false) {
            if s.contains(p)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Polygon {
    /// Whether both have a point in common.
    pub fn overlaps(&self, o: &Polygon) -> Result<bool> {
        let (Some(mine), Some(theirs)) = (self.points.first(), o.points.first()) else { return Ok(false) };
        Ok(self.bounds().overlaps(o.bounds())
            && (crossing((&self.points, true), (&o.points, true))?
                || point_inside(*mine, &o.points)?
                || point_inside(*theirs, &self.points)?))
    }

    /// Least distance, zero if both overlap.
    pub fn distance(&self, o: &Polygon) -> Result<Option<f64>> {
        if self.overlaps(o)? {
            return Ok(Some(0.0));
        }
        between((&self.points, true), (&o.points, true))
    }

    /// Distance of a point, zero inside.
    pub fn distance_to(&self, p: Point) -> Result<f64> {
        if point_inside(p, &self.points)? {
            return Ok(0.0);
        }
        // The closing side runs from the first corner to the last here, which decides which end a tie gives.
        let closing = self.points.first().zip(self.points.last()).map(|(f, l)| Lseg::new(*f, *l));
        let sides = closing.into_iter().chain(segments(&self.points, false));
        Ok(least(sides.map(|s| Ok(s.closest_to(p)?.1)))?.unwrap_or(0.0))
    }
}

/// A distance, which overlapping makes zero.
fn positive(d: f64) -> f64 {
    if d < 0.0 { 0.0 } else { d }
}

impl Circle {
    /// Distance of two circles.
    pub fn distance(self, o: Circle) -> Result<f64> {
        Ok(positive(sub(self.center.distance(o.center)?, add(self.radius, o.radius)?)?))
    }

    /// Distance of a point.
    pub fn distance_to(self, p: Point) -> Result<f64> {
        Ok(positive(sub(p.distance(self.center)?, self.radius)?))
    }

    /// Distance of a polygon.
    pub fn distance_to_polygon(self, p: &Polygon) -> Result<f64> {
        Ok(positive(sub(p.distance_to(self.center)?, self.radius)?))
    }
}
