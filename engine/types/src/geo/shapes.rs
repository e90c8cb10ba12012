//! What concerns one value, or two of a type: construction, slopes, sizes, equality, and the calculus of points, by which
//! shapes are moved, scaled and turned.

use super::num::{self, above, add, below, div, eq, hypot, mul, same, sub, unsigned_zero, zero};
use super::{Circle, Line, Lseg, Path, Point, Polygon, Rect};
use rustydb_base::Result;
use std::f64::consts::PI;

impl Point {
    /// Distance of two points.
    pub fn distance(self, o: Point) -> Result<f64> {
        hypot(sub(self.x, o.x)?, sub(self.y, o.y)?)
    }

    /// Fuzzy equality; exact as soon as NaN occurs.
    pub fn equals(self, o: Point) -> bool {
        if [self.x, self.y, o.x, o.y].iter().any(|v| v.is_nan()) {
            return same(self.x, o.x) && same(self.y, o.y);
        }
        eq(self.x, o.x) && eq(self.y, o.y)
    }

    /// Slope of the line through both; infinite for a vertical one.
    pub fn slope(self, o: Point) -> Result<f64> {
        if eq(self.x, o.x) {
            return Ok(f64::INFINITY);
        }
        if eq(self.y, o.y) {
            return Ok(0.0);
        }
        div(sub(self.y, o.y)?, sub(self.x, o.x)?)
    }

    /// Slope of a perpendicular to the line through both.
    pub fn perpendicular(self, o: Point) -> Result<f64> {
        if eq(self.x, o.x) {
            return Ok(0.0);
        }
        if eq(self.y, o.y) {
            return Ok(f64::INFINITY);
        }
        div(sub(self.x, o.x)?, sub(o.y, self.y)?)
    }

    /// Moves by a vector.
    pub fn plus(self, o: Point) -> Result<Point> {
        Ok(Point { x: add(self.x, o.x)?, y: add(self.y, o.y)? })
    }

    /// Moves back by a vector.
    pub fn minus(self, o: Point) -> Result<Point> {
        Ok(Point { x: sub(self.x, o.x)?, y: sub(self.y, o.y)? })
    }

    /// Product as complex numbers.
    pub fn times(self, o: Point) -> Result<Point> {
        Ok(Point { x: sub(mul(self.x, o.x)?, mul(self.y, o.y)?)?, y: add(mul(self.x, o.y)?, mul(self.y, o.x)?)? })
    }

    /// Quotient as complex numbers.
    pub fn over(self, o: Point) -> Result<Point> {
        let norm = add(mul(o.x, o.x)?, mul(o.y, o.y)?)?;
        Ok(Point {
            x: div(add(mul(self.x, o.x)?, mul(self.y, o.y)?)?, norm)?,
            y: div(sub(mul(self.y, o.x)?, mul(self.x, o.y)?)?, norm)?,
        })
    }

    /// Half way between two points.
    pub fn middle(self, o: Point) -> Result<Point> {
        Ok(Point { x: div(add(self.x, o.x)?, 2.0)?, y: div(add(self.y, o.y)?, 2.0)? })
    }
}

impl Line {
    /// The line through a point with a slope.
    pub fn through(p: Point, slope: f64) -> Result<Line> {
        Ok(if slope.is_infinite() {
            Line { a: -1.0, b: 0.0, c: p.x }
        } else if slope == 0.0 {
            Line { a: 0.0, b: -1.0, c: p.y }
        } else {
            Line { a: slope, b: -1.0, c: unsigned_zero(sub(p.y, mul(slope, p.x)?)?) }
        })
    }

    /// Its slope; infinite for a vertical line.
    pub fn slope(self) -> Result<f64> {
        if zero(self.a) {
            return Ok(0.0);
        }
        if zero(self.b) {
            return Ok(f64::INFINITY);
        }
        div(self.a, -self.b)
    }

    /// Slope of its perpendiculars.
    pub fn perpendicular(self) -> Result<f64> {
        if zero(self.a) {
            return Ok(f64::INFINITY);
        }
        if zero(self.b) {
            return Ok(0.0);
        }
        div(self.b, self.a)
    }

    /// Whether both stand at a right angle.
    pub fn is_perpendicular(self, o: Line) -> Result<bool> {
        Ok(if zero(self.a) {
            zero(o.b)
        } else if zero(o.a) {
            zero(self.b)
        } else if zero(self.b) {
            zero(o.a)
        } else if zero(o.b) {
            zero(self.a)
        } else {
            eq(div(mul(self.a, o.a)?, mul(self.b, o.b)?)?, -1.0)
        })
    }

    /// Whether both are the same line; exact as soon as NaN occurs.
    pub fn equals(self, o: Line) -> Result<bool> {
        if [self.a, self.b, self.c, o.a, o.b, o.c].iter().any(|v| v.is_nan()) {
            return Ok(same(self.a, o.a) && same(self.b, o.b) && same(self.c, o.c));
        }
        let ratio = if !zero(o.a) {
            div(self.a, o.a)?
        } else if !zero(o.b) {
            div(self.b, o.b)?
        } else if !zero(o.c) {
            div(self.c, o.c)?
        } else {
            1.0
        };
        Ok(eq(self.a, mul(ratio, o.a)?) && eq(self.b, mul(ratio, o.b)?) && eq(self.c, mul(ratio, o.c)?))
    }
}

impl Lseg {
    /// A segment between two points.
    pub fn new(a: Point, b: Point) -> Lseg {
        Lseg { a, b }
    }

    /// Length.
    pub fn length(self) -> Result<f64> {
        self.a.distance(self.b)
    }

    /// Slope; infinite for a vertical one.
    pub fn slope(self) -> Result<f64> {
        self.a.slope(self.b)
    }

    /// Whether ends agree in order.
    pub fn equals(self, o: Lseg) -> bool {
        self.a.equals(o.a) && self.b.equals(o.b)
    }

    /// Whether both have the same slope.
    pub fn is_parallel(self, o: Lseg) -> Result<bool> {
        Ok(eq(self.slope()?, o.slope()?))
    }

    /// Whether both stand at a right angle.
    pub fn is_perpendicular(self, o: Lseg) -> Result<bool> {
        Ok(eq(self.slope()?, o.a.perpendicular(o.b)?))
    }
}

impl Rect {
    /// The box with two opposite corners.
    pub fn of(p: Point, q: Point) -> Rect {
        let order = |a: f64, b: f64| if above(a, b) { (a, b) } else { (b, a) };
        let ((hx, lx), (hy, ly)) = (order(p.x, q.x), order(p.y, q.y));
        Rect { high: Point { x: hx, y: hy }, low: Point { x: lx, y: ly } }
    }

    /// The same corners with the high ones where they belong.
    pub fn upright(mut self) -> Rect {
        if below(self.high.x, self.low.x) {
            std::mem::swap(&mut self.high.x, &mut self.low.x);
        }
        if below(self.high.y, self.low.y) {
            std::mem::swap(&mut self.high.y, &mut self.low.y);
        }
        self
    }

    /// Width.
    pub fn width(self) -> Result<f64> {
        sub(self.high.x, self.low.x)
    }

    /// Height.
    pub fn height(self) -> Result<f64> {
        sub(self.high.y, self.low.y)
    }

    /// Area.
    pub fn area(self) -> Result<f64> {
        mul(self.width()?, self.height()?)
    }

    /// Centre.
    pub fn center(self) -> Result<Point> {
        self.high.middle(self.low)
    }

    /// Whether corners agree.
    pub fn equals(self, o: Rect) -> bool {
        self.high.equals(o.high) && self.low.equals(o.low)
    }

    /// Whether both have a point in common.
    pub fn overlaps(self, o: Rect) -> bool {
        num::le(self.low.x, o.high.x)
            && num::le(o.low.x, self.high.x)
            && num::le(self.low.y, o.high.y)
            && num::le(o.low.y, self.high.y)
    }

    /// Whether the other box is in this one.
    pub fn contains(self, o: Rect) -> bool {
        num::ge(self.high.x, o.high.x)
            && num::le(self.low.x, o.low.x)
            && num::ge(self.high.y, o.high.y)
            && num::le(self.low.y, o.low.y)
    }

    /// Whether a point is in it, compared exactly.
    pub fn contains_point(self, p: Point) -> bool {
        self.high.x >= p.x && self.low.x <= p.x && self.high.y >= p.y && self.low.y <= p.y
    }

    /// What both have in common.
    pub fn intersection(self, o: Rect) -> Option<Rect> {
        self.overlaps(o).then(|| Rect {
            high: Point { x: num::min(self.high.x, o.high.x), y: num::min(self.high.y, o.high.y) },
            low: Point { x: num::max(self.low.x, o.low.x), y: num::max(self.low.y, o.low.y) },
        })
    }

    /// The smallest box around both.
    pub fn around(self, o: Rect) -> Rect {
        Rect {
            high: Point { x: num::max(self.high.x, o.high.x), y: num::max(self.high.y, o.high.y) },
            low: Point { x: num::min(self.low.x, o.low.x), y: num::min(self.low.y, o.low.y) },
        }
    }

    /// Both corners through a function, put upright again.
    pub fn map(self, f: impl Fn(Point) -> Result<Point>) -> Result<Rect> {
        Ok(Rect::of(f(self.high)?, f(self.low)?))
    }

    /// The box around points.
    pub fn bounding(points: &[Point]) -> Rect {
        let first = points.first().copied().unwrap_or_default();
        points.iter().fold(Rect { high: first, low: first }, |mut r, p| {
            if below(p.x, r.low.x) {
                r.low.x = p.x;
            }
            if above(p.x, r.high.x) {
                r.high.x = p.x;
            }
            if below(p.y, r.low.y) {
                r.low.y = p.y;
            }
            if above(p.y, r.high.y) {
                r.high.y = p.y;
            }
            r
        })
    }

    /// As a polygon, from the lower left corner upwards.
    pub fn corners(self) -> [Point; 4] {
        let Rect { high, low } = self;
        [low, Point { x: low.x, y: high.y }, high, Point { x: high.x, y: low.y }]
    }
}

/// Segments between neighbouring points; a closed figure begins with the one from the last point to the first.
pub fn segments(points: &[Point], closed: bool) -> impl Iterator<Item = Lseg> + '_ {
    let closing = points.last().zip(points.first()).filter(|_| closed).map(|(l, f)| Lseg::new(*l, *f));
    closing.into_iter().chain(points.windows(2).filter_map(|w| match w {
        [a, b] => Some(Lseg::new(*a, *b)),
        _ => None,
    }))
}

impl Path {
    /// Area inside a closed path; none for an open one.
    pub fn area(&self) -> Result<Option<f64>> {
        if !self.closed {
            return Ok(None);
        }
        let mut area = 0.0;
        for (p, q) in self.points.iter().zip(self.points.iter().cycle().skip(1)) {
            area = add(area, mul(p.x, q.y)?)?;
            area = sub(area, mul(p.y, q.x)?)?;
        }
        div(area.abs(), 2.0).map(Some)
    }

    /// Length of all segments.
    pub fn length(&self) -> Result<f64> {
        segments(&self.points, self.closed).try_fold(0.0, |sum, s| add(sum, s.length()?))
    }

    /// All points through a function.
    pub fn map(&self, f: impl Fn(Point) -> Result<Point>) -> Result<Path> {
        Ok(Path { closed: self.closed, points: self.points.iter().map(|p| f(*p)).collect::<Result<_>>()? })
    }
}

impl Polygon {
    /// The box around it.
    pub fn bounds(&self) -> Rect {
        Rect::bounding(&self.points)
    }

    /// Whether both have the same corners in the same or the opposite sense of rotation.
    pub fn equals(&self, o: &Polygon) -> bool {
        let n = self.points.len();
        n == o.points.len()
            && (0..n).any(|start| {
                let agree = |at: &dyn Fn(usize) -> usize| {
                    self.points.iter().enumerate().all(|(i, p)| o.points.get(at(i)).is_some_and(|q| q.equals(*p)))
                };
                agree(&|i| (start + i) % n) || agree(&|i| (start + n - i) % n)
            })
    }

    /// The circle around the mean of the corners with their mean distance from it as radius.
    pub fn circle(&self) -> Result<Circle> {
        let n = self.points.len() as f64;
        let sum = self.points.iter().try_fold(Point::default(), |sum, p| sum.plus(*p))?;
        let center = Point { x: div(sum.x, n)?, y: div(sum.y, n)? };
        let sum = self.points.iter().try_fold(0.0, |sum, p| add(sum, p.distance(center)?))?;
        Ok(Circle { center, radius: div(sum, n)? })
    }
}

impl Circle {
    /// Area.
    pub fn area(self) -> Result<f64> {
        mul(mul(self.radius, self.radius)?, PI)
    }

    /// Whether centre and radius agree.
    pub fn equals(self, o: Circle) -> bool {
        (self.radius.is_nan() && o.radius.is_nan() || eq(self.radius, o.radius)) && self.center.equals(o.center)
    }

    /// The box with its corners on the circle.
    pub fn inner_box(self) -> Result<Rect> {
        let d = div(self.radius, 2f64.sqrt())?;
        let Point { x, y } = self.center;
        Ok(Rect { high: Point { x: add(x, d)?, y: add(y, d)? }, low: Point { x: sub(x, d)?, y: sub(y, d)? } })
    }

    /// Corners of a regular polygon on the circle.
    pub fn corners(self, n: i32) -> Result<Vec<Point>> {
        let step = 2.0 * PI / f64::from(n);
        (0..n)
            .map(|i| {
                let angle = mul(step, f64::from(i))?;
                Ok(Point {
                    x: sub(self.center.x, mul(self.radius, angle.cos())?)?,
                    y: add(self.center.y, mul(self.radius, angle.sin())?)?,
                })
            })
            .collect()
    }
}
