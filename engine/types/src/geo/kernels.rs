//! Kernels of the geometric functions and operators.

use super::area::point_inside;
use super::num::{EPSILON, add, div, eq, ge, gt, hypot, le, lt, mul, sub, zero};
use super::{Circle, Line, Lseg, Path, Point, Polygon, Rect};
use crate::funcs::args::scalar;
use crate::funcs::text::MAX_VALUE;
use crate::kernel::Kernel;
use rustydb_base::{DbError, Result, SqlState};

/// A closest point, NULL where there is none.
fn found((p, distance): (Point, f64)) -> Option<Point> {
    (!distance.is_nan()).then_some(p)
}

fn parameter(m: &'static str) -> DbError {
    DbError::new(SqlState::INVALID_PARAMETER_VALUE, m)
}

fn line_of_points(a: Point, b: Point) -> Result<Line> {
    if a.equals(b) {
        return Err(parameter("invalid line specification: must be two distinct points"));
    }
    Line::through(a, a.slope(b)?)
}

fn circle_polygon(n: i32, c: Circle) -> Result<Polygon> {
    if zero(c.radius) {
        return Err(DbError::unsupported("cannot convert circle with radius zero to polygon"));
    }
    if n < 2 {
        return Err(parameter("must request at least 2 points"));
    }
    if n > i32::MAX / 16 - 3 {
        return Err(too_many_points());
    }
    // PostgreSQL's polygon has 40 bytes before its points, and no value may be larger than what it can allocate.
    let size = 40 + 16 * n;
    if size as usize > MAX_VALUE {
        return Err(DbError::internal(format!("invalid memory alloc request size {size}")));
    }
    Ok(Polygon { points: c.corners(n)? })
}

fn too_many_points() -> DbError {
    DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "too many points requested")
}

/// Two open paths one after the other.
fn joined(a: Path, b: Path) -> Result<Option<Path>> {
    if a.closed || b.closed {
        return Ok(None);
    }
    if a.points.len() + b.points.len() > i32::MAX as usize / 16 - 2 {
        return Err(too_many_points());
    }
    Ok(Some(Path { closed: false, points: [a.points, b.points].concat() }))
}

fn path_polygon(p: Path) -> Result<Polygon> {
    if !p.closed {
        return Err(parameter("open path cannot be converted to polygon"));
    }
    Ok(Polygon { points: p.points })
}

/// Edges of a circle: `center ± radius` of one coordinate.
fn edges(c: Circle, at: fn(Point) -> f64) -> Result<(f64, f64)> {
    Ok((sub(at(c.center), c.radius)?, add(at(c.center), c.radius)?))
}

fn x(p: Point) -> f64 {
    p.x
}

fn y(p: Point) -> f64 {
    p.y
}

/// Compares edges of two circles: (low, high) of both.
fn circles(a: Circle, b: Circle, at: fn(Point) -> f64, f: fn((f64, f64), (f64, f64)) -> bool) -> Result<bool> {
    Ok(f(edges(a, at)?, edges(b, at)?))
}

/// Compares a measure of two values.
fn measured(a: Result<f64>, b: Result<f64>, f: fn(f64, f64) -> bool) -> Result<bool> {
    Ok(f(a?, b?))
}

/// a ≠ b; NaN differs from nothing.
fn ne(a: f64, b: f64) -> bool {
    a != b && (a - b).abs() > EPSILON
}

/// `lt le eq ne ge gt` by a measure.
macro_rules! sizes {
    ($prefix:literal, $t:ty, $measure:expr) => {
        [
            scalar!(concat!($prefix, "lt"), |a: $t, b: $t| measured($measure(a), $measure(b), lt)),
            scalar!(concat!($prefix, "le"), |a: $t, b: $t| measured($measure(a), $measure(b), le)),
            scalar!(concat!($prefix, "ge"), |a: $t, b: $t| measured($measure(a), $measure(b), ge)),
            scalar!(concat!($prefix, "gt"), |a: $t, b: $t| measured($measure(a), $measure(b), gt)),
        ]
    };
}

const POINTS: &[Kernel] = &[
    scalar!("construct_point", |x: f64, y: f64| Point { x, y }),
    scalar!("point_left", |a: Point, b: Point| lt(a.x, b.x)),
    scalar!("point_right", |a: Point, b: Point| gt(a.x, b.x)),
    scalar!("point_above", |a: Point, b: Point| gt(a.y, b.y)),
    scalar!("point_below", |a: Point, b: Point| lt(a.y, b.y)),
    scalar!("point_vert", |a: Point, b: Point| eq(a.x, b.x)),
    scalar!("point_horiz", |a: Point, b: Point| eq(a.y, b.y)),
    scalar!("point_eq", |a: Point, b: Point| a.equals(b)),
    scalar!("point_ne", |a: Point, b: Point| !a.equals(b)),
    scalar!("point_distance", |a: Point, b: Point| a.distance(b)),
    scalar!("point_slope", |a: Point, b: Point| a.slope(b)),
    scalar!("point_add", |a: Point, b: Point| a.plus(b)),
    scalar!("point_sub", |a: Point, b: Point| a.minus(b)),
    scalar!("point_mul", |a: Point, b: Point| a.times(b)),
    scalar!("point_div", |a: Point, b: Point| a.over(b)),
    scalar!("point_box", |p: Point| Rect { high: p, low: p }),
    scalar!("points_box", |a: Point, b: Point| Rect::of(a, b)),
    scalar!("on_pl", |p: Point, l: Line| l.contains(p)),
    scalar!("on_ps", |p: Point, s: Lseg| s.contains(p)),
    scalar!("on_pb", |p: Point, b: Rect| b.contains_point(p)),
    scalar!("on_ppath", |p: Point, path: Path| path.contains(p)),
    scalar!("path_contain_pt(path,point)", |path: Path, p: Point| path.contains(p)),
    scalar!("pt_contained_circle", |p: Point, c: Circle| Ok(p.distance(c.center)? <= c.radius)),
    scalar!("pt_contained_poly", |p: Point, poly: Polygon| point_inside(p, &poly.points)),
    scalar!("close_pl", |p: Point, l: Line| l.closest_to(p).map(found)),
    scalar!("close_ps", |p: Point, s: Lseg| s.closest_to(p).map(found)),
    scalar!("close_pb", |p: Point, b: Rect| b.closest_to(p).map(found)),
    scalar!("dist_pl", |p: Point, l: Line| Ok(l.closest_to(p)?.1)),
    scalar!("dist_lp", |l: Line, p: Point| Ok(l.closest_to(p)?.1)),
    scalar!("dist_ps", |p: Point, s: Lseg| Ok(s.closest_to(p)?.1)),
    scalar!("dist_sp", |s: Lseg, p: Point| Ok(s.closest_to(p)?.1)),
    scalar!("dist_pb", |p: Point, b: Rect| Ok(b.closest_to(p)?.1)),
    scalar!("dist_bp", |b: Rect, p: Point| Ok(b.closest_to(p)?.1)),
    scalar!("dist_ppath", |p: Point, path: Path| path.distance_to(p)),
    scalar!("dist_pathp", |path: Path, p: Point| path.distance_to(p)),
    scalar!("dist_ppoly", |p: Point, poly: Polygon| poly.distance_to(p)),
    scalar!("dist_polyp", |poly: Polygon, p: Point| poly.distance_to(p)),
    scalar!("dist_pc", |p: Point, c: Circle| c.distance_to(p)),
    scalar!("dist_cpoint", |c: Circle, p: Point| c.distance_to(p)),
];

const LINES: &[Kernel] = &[
    scalar!("line_construct_pp", |a: Point, b: Point| line_of_points(a, b)),
    scalar!("line_interpt", |a: Line, b: Line| a.cross(b)),
    scalar!("line_intersect", |a: Line, b: Line| Ok(a.cross(b)?.is_some())),
    scalar!("line_parallel", |a: Line, b: Line| Ok(a.cross(b)?.is_none())),
    scalar!("line_perp", |a: Line, b: Line| a.is_perpendicular(b)),
    scalar!("line_vertical", |l: Line| zero(l.b)),
    scalar!("line_horizontal", |l: Line| zero(l.a)),
    scalar!("line_eq", |a: Line, b: Line| a.equals(b)),
    scalar!("line_distance", |a: Line, b: Line| a.distance(b)),
    scalar!("inter_lb", |l: Line, b: Rect| b.meets_line(l)),
    scalar!("inter_sl", |s: Lseg, l: Line| Ok(s.cross_line(l)?.is_some())),
    scalar!("on_sl", |s: Lseg, l: Line| Ok(l.contains(s.a)? && l.contains(s.b)?)),
    scalar!("dist_ls", |l: Line, s: Lseg| Ok(s.closest_to_line(l)?.1)),
    scalar!("dist_sl", |s: Lseg, l: Line| Ok(s.closest_to_line(l)?.1)),
    scalar!("close_ls", |l: Line, s: Lseg| {
        if s.slope()? == l.slope()? {
            return Ok(crate::datum::Datum::Null);
        }
        s.closest_to_line(l).map(found)
    }),
];

const LSEGS: &[Kernel] = &[
    scalar!("lseg_construct", |a: Point, b: Point| Lseg::new(a, b)),
    scalar!("lseg_length", |s: Lseg| s.length()),
    scalar!("lseg_center", |s: Lseg| s.a.middle(s.b)),
    scalar!("lseg_vertical", |s: Lseg| eq(s.a.x, s.b.x)),
    scalar!("lseg_horizontal", |s: Lseg| eq(s.a.y, s.b.y)),
    scalar!("lseg_eq", |a: Lseg, b: Lseg| a.equals(b)),
    scalar!("lseg_ne", |a: Lseg, b: Lseg| !a.equals(b)),
    scalar!("lseg_parallel", |a: Lseg, b: Lseg| a.is_parallel(b)),
    scalar!("lseg_perp", |a: Lseg, b: Lseg| a.is_perpendicular(b)),
    scalar!("lseg_intersect", |a: Lseg, b: Lseg| Ok(a.cross(b)?.is_some())),
    scalar!("lseg_interpt", |a: Lseg, b: Lseg| a.cross(b)),
    scalar!("lseg_distance", |a: Lseg, b: Lseg| Ok(a.closest_to_lseg(b)?.1)),
    scalar!("close_lseg", |a: Lseg, b: Lseg| {
        if a.slope()? == b.slope()? {
            return Ok(crate::datum::Datum::Null);
        }
        b.closest_to_lseg(a).map(found)
    }),
    scalar!("close_sb", |s: Lseg, b: Rect| b.closest_to_lseg(s).map(found)),
    scalar!("dist_sb", |s: Lseg, b: Rect| Ok(b.closest_to_lseg(s)?.1)),
    scalar!("dist_bs", |b: Rect, s: Lseg| Ok(b.closest_to_lseg(s)?.1)),
    scalar!("inter_sb", |s: Lseg, b: Rect| b.meets(s)),
    scalar!("on_sb", |s: Lseg, b: Rect| b.contains_point(s.a) && b.contains_point(s.b)),
];

const BOXES: &[Kernel] = &[
    scalar!("box_same", |a: Rect, b: Rect| a.equals(b)),
    scalar!("box_eq", |a: Rect, b: Rect| measured(a.area(), b.area(), eq)),
    scalar!("box_overlap", |a: Rect, b: Rect| a.overlaps(b)),
    scalar!("box_left", |a: Rect, b: Rect| lt(a.high.x, b.low.x)),
    scalar!("box_overleft", |a: Rect, b: Rect| le(a.high.x, b.high.x)),
    scalar!("box_right", |a: Rect, b: Rect| gt(a.low.x, b.high.x)),
    scalar!("box_overright", |a: Rect, b: Rect| ge(a.low.x, b.low.x)),
    scalar!("box_below", |a: Rect, b: Rect| lt(a.high.y, b.low.y)),
    scalar!("box_overbelow", |a: Rect, b: Rect| le(a.high.y, b.high.y)),
    scalar!("box_above", |a: Rect, b: Rect| gt(a.low.y, b.high.y)),
    scalar!("box_overabove", |a: Rect, b: Rect| ge(a.low.y, b.low.y)),
    scalar!("box_below_eq", |a: Rect, b: Rect| le(a.high.y, b.low.y)),
    scalar!("box_above_eq", |a: Rect, b: Rect| ge(a.low.y, b.high.y)),
    scalar!("box_contain", |a: Rect, b: Rect| a.contains(b)),
    scalar!("box_contained", |a: Rect, b: Rect| b.contains(a)),
    scalar!("box_contain_pt", |b: Rect, p: Point| b.contains_point(p)),
    scalar!("box_area", |b: Rect| b.area()),
    scalar!("box_width", |b: Rect| b.width()),
    scalar!("box_height", |b: Rect| b.height()),
    scalar!("box_distance", |a: Rect, b: Rect| a.center()?.distance(b.center()?)),
    scalar!("box_center", |b: Rect| b.center()),
    scalar!("box_intersect", |a: Rect, b: Rect| a.intersection(b)),
    scalar!("box_diagonal", |b: Rect| Lseg::new(b.high, b.low)),
    scalar!("boxes_bound_box", |a: Rect, b: Rect| a.around(b)),
    scalar!("box_add", |b: Rect, p: Point| Ok(Rect { high: b.high.plus(p)?, low: b.low.plus(p)? })),
    scalar!("box_sub", |b: Rect, p: Point| Ok(Rect { high: b.high.minus(p)?, low: b.low.minus(p)? })),
    scalar!("box_mul", |b: Rect, p: Point| b.map(|q| q.times(p))),
    scalar!("box_div", |b: Rect, p: Point| b.map(|q| q.over(p))),
    scalar!("box_poly", |b: Rect| Polygon { points: b.corners().to_vec() }),
    scalar!("box_circle", |b: Rect| {
        let center = b.center()?;
        Ok(Circle { center, radius: center.distance(b.high)? })
    }),
];

const PATHS: &[Kernel] = &[
    scalar!("path_area", |p: Path| p.area()),
    scalar!("path_length", |p: Path| p.length()),
    scalar!("path_n_eq", |a: Path, b: Path| a.points.len() == b.points.len()),
    scalar!("path_n_lt", |a: Path, b: Path| a.points.len() < b.points.len()),
    scalar!("path_n_le", |a: Path, b: Path| a.points.len() <= b.points.len()),
    scalar!("path_n_gt", |a: Path, b: Path| a.points.len() > b.points.len()),
    scalar!("path_n_ge", |a: Path, b: Path| a.points.len() >= b.points.len()),
    scalar!("path_npoints", |p: Path| p.points.len() as i32),
    scalar!("path_isclosed", |p: Path| p.closed),
    scalar!("path_isopen", |p: Path| !p.closed),
    scalar!("path_close", |p: Path| Path { closed: true, ..p }),
    scalar!("path_open", |p: Path| Path { closed: false, ..p }),
    scalar!("path_inter", |a: Path, b: Path| a.meets(&b)),
    scalar!("path_distance", |a: Path, b: Path| a.distance(&b)),
    scalar!("path_add", |a: Path, b: Path| joined(a, b)),
    scalar!("path_add_pt", |a: Path, p: Point| a.map(|q| q.plus(p))),
    scalar!("path_sub_pt", |a: Path, p: Point| a.map(|q| q.minus(p))),
    scalar!("path_mul_pt", |a: Path, p: Point| a.map(|q| q.times(p))),
    scalar!("path_div_pt", |a: Path, p: Point| a.map(|q| q.over(p))),
    scalar!("path_poly", |p: Path| path_polygon(p)),
    scalar!("poly_path", |p: Polygon| Path { closed: true, points: p.points }),
];

const POLYGONS: &[Kernel] = &[
    scalar!("poly_left", |a: Polygon, b: Polygon| a.bounds().high.x < b.bounds().low.x),
    scalar!("poly_overleft", |a: Polygon, b: Polygon| a.bounds().high.x <= b.bounds().high.x),
    scalar!("poly_right", |a: Polygon, b: Polygon| a.bounds().low.x > b.bounds().high.x),
    scalar!("poly_overright", |a: Polygon, b: Polygon| a.bounds().low.x >= b.bounds().low.x),
    scalar!("poly_below", |a: Polygon, b: Polygon| a.bounds().high.y < b.bounds().low.y),
    scalar!("poly_overbelow", |a: Polygon, b: Polygon| a.bounds().high.y <= b.bounds().high.y),
    scalar!("poly_above", |a: Polygon, b: Polygon| a.bounds().low.y > b.bounds().high.y),
    scalar!("poly_overabove", |a: Polygon, b: Polygon| a.bounds().low.y >= b.bounds().low.y),
    scalar!("poly_same", |a: Polygon, b: Polygon| a.equals(&b)),
    scalar!("poly_overlap", |a: Polygon, b: Polygon| a.overlaps(&b)),
    scalar!("poly_contain", |a: Polygon, b: Polygon| a.contains(&b)),
    scalar!("poly_contained", |a: Polygon, b: Polygon| b.contains(&a)),
    scalar!("poly_contain_pt", |a: Polygon, p: Point| point_inside(p, &a.points)),
    scalar!("poly_distance", |a: Polygon, b: Polygon| a.distance(&b)),
    scalar!("poly_npoints", |p: Polygon| p.points.len() as i32),
    scalar!("poly_center", |p: Polygon| Ok(p.circle()?.center)),
    scalar!("poly_box", |p: Polygon| p.bounds()),
    scalar!("poly_circle", |p: Polygon| p.circle()),
    scalar!("dist_polyc", |p: Polygon, c: Circle| c.distance_to_polygon(&p)),
    scalar!("dist_cpoly", |c: Circle, p: Polygon| c.distance_to_polygon(&p)),
];

const CIRCLES: &[Kernel] = &[
    scalar!("cr_circle", |center: Point, radius: f64| Circle { center, radius }),
    scalar!("circle_same", |a: Circle, b: Circle| a.equals(b)),
    scalar!("circle_eq", |a: Circle, b: Circle| measured(a.area(), b.area(), eq)),
    scalar!("circle_ne", |a: Circle, b: Circle| measured(a.area(), b.area(), ne)),
    scalar!("circle_overlap", |a: Circle, b: Circle| Ok(le(a.center.distance(b.center)?, add(a.radius, b.radius)?))),
    scalar!("circle_left", |a: Circle, b: Circle| circles(a, b, x, |a, b| lt(a.1, b.0))),
    scalar!("circle_overleft", |a: Circle, b: Circle| circles(a, b, x, |a, b| le(a.1, b.1))),
    scalar!("circle_right", |a: Circle, b: Circle| circles(a, b, x, |a, b| gt(a.0, b.1))),
    scalar!("circle_overright", |a: Circle, b: Circle| circles(a, b, x, |a, b| ge(a.0, b.0))),
    scalar!("circle_below", |a: Circle, b: Circle| circles(a, b, y, |a, b| lt(a.1, b.0))),
    scalar!("circle_overbelow", |a: Circle, b: Circle| circles(a, b, y, |a, b| le(a.1, b.1))),
    scalar!("circle_above", |a: Circle, b: Circle| circles(a, b, y, |a, b| gt(a.0, b.1))),
    scalar!("circle_overabove", |a: Circle, b: Circle| circles(a, b, y, |a, b| ge(a.0, b.0))),
    scalar!("circle_contain", |a: Circle, b: Circle| Ok(le(a.center.distance(b.center)?, sub(a.radius, b.radius)?))),
    scalar!("circle_contained", |a: Circle, b: Circle| Ok(le(a.center.distance(b.center)?, sub(b.radius, a.radius)?))),
    scalar!("circle_contain_pt", |c: Circle, p: Point| Ok(c.center.distance(p)? <= c.radius)),
    scalar!("circle_area", |c: Circle| c.area()),
    scalar!("circle_diameter", |c: Circle| mul(c.radius, 2.0)),
    scalar!("circle_radius", |c: Circle| c.radius),
    scalar!("circle_center", |c: Circle| c.center),
    scalar!("circle_distance", |a: Circle, b: Circle| a.distance(b)),
    scalar!("circle_add_pt", |c: Circle, p: Point| Ok(Circle { center: c.center.plus(p)?, radius: c.radius })),
    scalar!("circle_sub_pt", |c: Circle, p: Point| Ok(Circle { center: c.center.minus(p)?, radius: c.radius })),
    scalar!("circle_mul_pt", |c: Circle, p: Point| Ok(Circle {
        center: c.center.times(p)?,
        radius: mul(c.radius, hypot(p.x, p.y)?)?
    })),
    scalar!("circle_div_pt", |c: Circle, p: Point| Ok(Circle {
        center: c.center.over(p)?,
        radius: div(c.radius, hypot(p.x, p.y)?)?
    })),
    scalar!("circle_box", |c: Circle| c.inner_box()),
    scalar!("circle_poly", |n: i32, c: Circle| circle_polygon(n, c)),
    scalar!("polygon(circle)", |c: Circle| {
        circle_polygon(12, c).map_err(|e| e.context("SQL function \"polygon\" statement 1"))
    }),
];

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[
    POINTS,
    LINES,
    LSEGS,
    BOXES,
    PATHS,
    POLYGONS,
    CIRCLES,
    &sizes!("lseg_", Lseg, Lseg::length),
    &sizes!("box_", Rect, Rect::area),
    &sizes!("circle_", Circle, Circle::area),
];
