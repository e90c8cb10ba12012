//! Boxes around shapes.

use super::part::{Kind, Part, put};
use crate::geo::{Circle, Point, Rect};

/// What PostgreSQL's comparisons of coordinates let pass, several times over.
const TOLERANCE: f64 = 1e-5;
/// The same, as a part of the coordinates: what computing a box around a shape can be wrong by.
const ROUNDING: f64 = 1e-12;
/// Coordinates are taken to be no greater than this where boxes are measured.
const FAR: f64 = 1e100;

/// A box with low ≤ high. None of its coordinates is NaN.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Box {
    low: [f64; 2],
    high: [f64; 2],
}

fn near_enough(a: f64, b: f64) -> bool {
    // `a` is not greater than `b`, or not by much.
    a <= b || a - b <= TOLERANCE + ROUNDING * (a.abs() + b.abs())
}

fn clamp(v: f64) -> f64 {
    v.clamp(-FAR, FAR)
}

impl Box {
    pub(super) fn of_rect(r: Rect) -> Box {
        // A damaged box may have its corners the other way around.
        Box {
            low: [r.low.x.min(r.high.x), r.low.y.min(r.high.y)],
            high: [r.low.x.max(r.high.x), r.low.y.max(r.high.y)],
        }
        .or_nan([r.low.x, r.low.y, r.high.x, r.high.y])
    }

    /// `min` and `max` ignore a NaN; it is kept, for [`Box::is_plain`].
    fn or_nan(mut self, values: [f64; 4]) -> Box {
        if values.iter().any(|v| v.is_nan()) {
            self.low[0] = f64::NAN;
        }
        self
    }

    pub(super) fn of_point(p: Point) -> Box {
        Box { low: [p.x, p.y], high: [p.x, p.y] }
    }

    pub(super) fn of_points(points: &[Point]) -> Option<Box> {
        let mut all = points.iter().map(|p| Box::of_point(*p));
        let first = all.next()?;
        all.try_fold(first, |a, b| b.is_plain().then(|| a.unite(&b)))
    }

    pub(super) fn of_circle(c: Circle) -> Option<Box> {
        let (p, r) = (c.center, c.radius);
        (r >= 0.0).then_some(Box { low: [p.x - r, p.y - r], high: [p.x + r, p.y + r] })
    }

    pub(super) fn is_plain(&self) -> bool {
        self.low.iter().chain(&self.high).all(|v| !v.is_nan())
    }

    pub(super) fn bytes(&self) -> [u8; 32] {
        let mut out = [0; 32];
        for (to, v) in out.chunks_exact_mut(8).zip(self.low.iter().chain(&self.high)) {
            to.copy_from_slice(&v.to_be_bytes());
        }
        out
    }

    pub(super) fn put(&self, out: &mut Vec<u8>) {
        put(0, Kind::Rect, &self.bytes(), out);
    }

    pub(super) fn of_part(p: &Part<'_>) -> Option<Box> {
        if p.kind != Kind::Rect || p.body.len() != 32 {
            return None;
        }
        let mut v = [0.0; 4];
        for (to, b) in v.iter_mut().zip(p.body.chunks_exact(8)) {
            *to = f64::from_be_bytes(b.try_into().ok()?);
        }
        Some(Box { low: [v[0], v[1]], high: [v[2], v[3]] })
    }

    pub(super) fn contains(&self, o: &Box) -> bool {
        (0..2).all(|i| self.low[i] <= o.low[i] && o.high[i] <= self.high[i])
    }

    pub(super) fn unite(&self, o: &Box) -> Box {
        let each = |f: fn(f64, f64) -> f64, a: [f64; 2], b: [f64; 2]| [f(a[0], b[0]), f(a[1], b[1])];
        Box { low: each(f64::min, self.low, o.low), high: each(f64::max, self.high, o.high) }
    }

    fn side(&self, i: usize) -> f64 {
        clamp(self.high[i]) - clamp(self.low[i])
    }

    /// How much greater it gets if it is to contain another: its area, and a bit for its sides, which tell flat boxes apart.
    pub(super) fn growth(&self, o: &Box) -> f64 {
        let all = self.unite(o);
        let area = all.side(0) * all.side(1) - self.side(0) * self.side(1);
        let sides = all.side(0) + all.side(1) - self.side(0) - self.side(1);
        area.max(0.0) + sides.max(0.0) * 1e-3
    }

    pub(super) fn middle(&self, y: bool) -> f64 {
        let i = usize::from(y);
        clamp(self.low[i]) / 2.0 + clamp(self.high[i]) / 2.0
    }

    /// The distance of a point from the box, or a little less.
    pub(super) fn distance(&self, p: Point) -> f64 {
        let axis = |v: f64, i: usize| (self.low[i] - v).max(v - self.high[i]).max(0.0);
        let d = axis(p.x, 0).hypot(axis(p.y, 1));
        (d - TOLERANCE.min(d * 1e-9)) * (1.0 - ROUNDING)
    }
}

/// Whether the middles of boxes are further apart along the y axis than along the x axis.
pub(super) fn longer_axis(boxes: impl Iterator<Item = Box> + Clone) -> bool {
    let spread = |y: bool| {
        let (low, high) = boxes
            .clone()
            .map(|b| b.middle(y))
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), m| (l.min(m), h.max(m)));
        high - low
    };
    spread(true) > spread(false)
}

/// How the boxes around two shapes must stand for a condition on the shapes to be true.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Relation {
    Left,
    OverLeft,
    Overlaps,
    OverRight,
    Right,
    Same,
    Contains,
    Within,
    OverBelow,
    Below,
    Above,
    OverAbove,
    /// Nobody knows.
    Unknown,
}

impl Relation {
    /// That of a strategy that the classes of shapes have in common.
    pub(super) fn of(strategy: i16) -> Relation {
        use Relation::*;
        match strategy {
            1 => Left,
            2 => OverLeft,
            3 => Overlaps,
            4 => OverRight,
            5 => Right,
            6 => Same,
            7 => Contains,
            8 => Within,
            9 => OverBelow,
            10 => Below,
            11 => Above,
            12 => OverAbove,
            _ => Unknown,
        }
    }

    /// Whether the relation may hold between a shape in a box and one whose box is `q`. In a `leaf` the box is the shape's.
    pub(super) fn may(self, b: &Box, q: &Box, leaf: bool) -> bool {
        let around =
            |a: &Box, b: &Box| (0..2).all(|i| near_enough(a.low[i], b.low[i]) && near_enough(b.high[i], a.high[i]));
        let overlap = || (0..2).all(|i| near_enough(b.low[i], q.high[i]) && near_enough(q.low[i], b.high[i]));
        // Of the shape's far end there is nothing to be said in a bound but that it is beyond the near one.
        let high_of = |i: usize| if leaf { b.high[i] } else { b.low[i] };
        let low_of = |i: usize| if leaf { b.low[i] } else { b.high[i] };
        match self {
            Relation::Left => near_enough(high_of(0), q.low[0]),
            Relation::OverLeft => near_enough(high_of(0), q.high[0]),
            Relation::Overlaps => overlap(),
            Relation::OverRight => near_enough(q.low[0], low_of(0)),
            Relation::Right => near_enough(q.high[0], low_of(0)),
            Relation::Same => around(b, q) && (!leaf || around(q, b)),
            Relation::Contains => around(b, q),
            Relation::Within => {
                if leaf {
                    around(q, b)
                } else {
                    overlap()
                }
            }
            Relation::OverBelow => near_enough(high_of(1), q.high[1]),
            Relation::Below => near_enough(high_of(1), q.low[1]),
            Relation::Above => near_enough(q.high[1], low_of(1)),
            Relation::OverAbove => near_enough(q.low[1], low_of(1)),
            Relation::Unknown => true,
        }
    }
}
