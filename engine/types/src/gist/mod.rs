//! What a generalised search tree (GiST) knows values by: the keys of values, their bounds, and the questions of conditions.
//!
//! # Idea
//! A key has a *part* for each column of the index ([`part`]). A part is an outer approximation of a value: a box around a shape
//! ([`rect`]), the two ends of a range, a multirange or a network as byte strings in the order of the values ([`span`]), or a
//! signature of the words of a text ([`bits`]). The bound of several keys is a key, too: the smallest part that contains theirs, column by
//! column. So parts say what they are, and [`bounds`] needs neither types nor operator classes.
//!
//! A condition becomes a [`Question`]: may it be true for a value within this part? It may let too much through, since the
//! condition is tested on every row found, but must never leave a row out. PostgreSQL's shapes compare with a tolerance, so
//! questions about boxes do, more than that.
//!
//! # Values without a part
//! NULLs, empty ranges and what has no place on the plane (NaN) are flags of a part ([`part::NULL`], [`part::EMPTY`],
//! [`part::ODD`]); an odd value may be wanted by any question.

mod bits;
pub mod bounds;
pub(crate) mod part;
mod rect;
pub(crate) mod span;

use crate::datum::{Datum, TypeRef};
use crate::geo::{Circle, Point, Polygon, Rect, Shape};
use crate::{brin, gin, oid};
use part::{Kind, Part, parts};
use rustydb_base::{DbError, Result};

/// Bytes that the parts of a key have together, about.
const ROOM: usize = 1800;

/// A built-in operator class.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Class {
    /// `box_ops`
    Box,
    /// `point_ops`
    Point,
    /// `poly_ops`
    Polygon,
    /// `circle_ops`
    Circle,
    /// `range_ops`
    Range,
    /// `multirange_ops`
    Multirange,
    /// `inet_ops`
    Inet,
    /// `tsvector_ops`
    TsVector,
    /// `tsquery_ops`
    TsQuery,
    /// `text_ops`
    Text,
}

impl Class {
    /// The class with the name that `pg_opclass` has for it. Those of SP-GiST have the same values to bound.
    pub fn named(name: &str) -> Option<Class> {
        Some(match name {
            "box_ops" => Class::Box,
            "point_ops" | "quad_point_ops" | "kd_point_ops" => Class::Point,
            "poly_ops" => Class::Polygon,
            "circle_ops" => Class::Circle,
            "range_ops" => Class::Range,
            "multirange_ops" => Class::Multirange,
            "inet_ops" => Class::Inet,
            "tsvector_ops" => Class::TsVector,
            "tsquery_ops" => Class::TsQuery,
            "text_ops" => Class::Text,
            _ => return None,
        })
    }

    /// Appends a value's part of a key with so many columns. `ty` is the value's type.
    pub fn put(self, ty: TypeRef, d: &Datum, columns: usize, out: &mut Vec<u8>) -> Result<()> {
        if d.is_null() {
            part::put(part::NULL, Kind::Nothing, &[], out);
            return Ok(());
        }
        let room = ROOM / columns.max(1);
        match (self, d) {
            (Class::Box | Class::Point | Class::Polygon | Class::Circle, Datum::Bytes(b)) => {
                match self.around(b).filter(rect::Box::is_plain) {
                    Some(r) => r.put(out),
                    None => part::put(part::ODD, Kind::Nothing, &[], out),
                }
            }
            (Class::Range | Class::Multirange, _) => span::put_ranges(ty, d, room, out)?,
            (Class::Inet, Datum::Bytes(b)) => span::put_network(b, out),
            (Class::Text, Datum::Text(_)) => span::put_text(ty, d, room, out),
            (Class::TsVector, Datum::Bytes(_)) => {
                let words = gin::Class::TsVector.keys(TypeRef::new(oid::TSVECTOR), d)?;
                bits::put(bits::size(room), words.iter().map(Vec::as_slice), out);
            }
            (Class::TsQuery, Datum::Bytes(b)) => {
                let words = bits::words(b).ok_or_else(unfit)?;
                bits::put(bits::SMALL, words.iter().map(String::as_bytes), out);
            }
            _ => return Err(unfit()),
        }
        Ok(())
    }

    /// The box around a shape of the class's type.
    fn around(self, b: &[u8]) -> Option<rect::Box> {
        match self {
            Class::Box => Rect::read(b).map(rect::Box::of_rect),
            Class::Point => Point::read(b).map(rect::Box::of_point),
            Class::Polygon => Polygon::read(b).and_then(|p| rect::Box::of_points(&p.points)),
            _ => Circle::read(b).and_then(rect::Box::of_circle),
        }
    }

    /// What a condition with the operator at a strategy of the class asks of a value of the type `ty`; `d` is the operator's
    /// other side, which is not NULL.
    pub(crate) fn test(self, strategy: i16, ty: TypeRef, d: &Datum) -> Result<Test> {
        Ok(match (self, d) {
            (Class::Box | Class::Polygon | Class::Circle, Datum::Bytes(b)) => match self.around(b) {
                Some(r) if r.is_plain() => Test::Rect(rect::Relation::of(strategy), r),
                _ => Test::Any,
            },
            (Class::Point, Datum::Bytes(b)) => {
                let (class, relation) = match strategy {
                    // Of GiST and of SP-GiST.
                    28 | 8 => (Class::Box, rect::Relation::Within),
                    48 => (Class::Polygon, rect::Relation::Within),
                    68 => (Class::Circle, rect::Relation::Within),
                    29 => (Class::Point, rect::Relation::Below),
                    30 => (Class::Point, rect::Relation::Above),
                    other => (Class::Point, rect::Relation::of(other)),
                };
                match class.around(b) {
                    Some(r) if r.is_plain() => Test::Rect(relation, r),
                    _ => Test::Any,
                }
            }
            (Class::Range | Class::Multirange, _) => span::ask_ranges(strategy, ty, d)?,
            (Class::Inet, Datum::Bytes(b)) => span::ask_network(strategy, b),
            (Class::Text, Datum::Text(s)) => span::ask_text(strategy, ty, s, d),
            (Class::TsVector, Datum::Bytes(_)) => {
                Test::Words(gin::Class::TsVector.wanted(strategy, TypeRef::new(oid::TSVECTOR), d)?)
            }
            (Class::TsQuery, Datum::Bytes(b)) => Test::Queries(
                strategy == 7,
                bits::words(b).ok_or_else(unfit)?.into_iter().map(String::into_bytes).collect(),
            ),
            _ => return Err(unfit()),
        })
    }
}

fn unfit() -> DbError {
    DbError::internal("a value that its operator class does not know")
}

/// What is asked of one column.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Test {
    /// Nothing can be said.
    Any,
    /// It is true for no value.
    None,
    /// It is true for empty ranges only.
    Empty,
    /// It is true for NULLs only, or for others only.
    Null(bool),
    Rect(rect::Relation, rect::Box),
    Span(span::Relation, span::Span),
    /// Of a signature: which words there must be.
    Words(gin::Wanted),
    /// Of a query's signature: it has all of these words, or (`false`) no others.
    Queries(bool, Vec<Vec<u8>>),
    /// Of a summary of values in order.
    Value(brin::multi::Ask),
    /// Of a set of hashes.
    Hash(u64),
    /// One of several things.
    AnyOf(Vec<Test>),
}

impl Test {
    fn may(&self, p: &Part<'_>, leaf: bool) -> bool {
        if p.has(part::ODD) && !matches!(self, Test::None | Test::Null(true)) {
            return true;
        }
        match self {
            Test::Any => p.has(part::EMPTY) || p.kind != Kind::Nothing,
            Test::None => false,
            Test::Empty => p.has(part::EMPTY),
            Test::Null(true) => p.has(part::NULL),
            Test::Null(false) => p.has(part::EMPTY) || p.kind != Kind::Nothing,
            Test::Rect(relation, q) => rect::Box::of_part(p).is_some_and(|b| relation.may(&b, q, leaf)),
            Test::Span(relation, q) => {
                (relation.takes_empty() && p.has(part::EMPTY))
                    || span::Ends::of_part(p).is_some_and(|e| relation.may(e, q, leaf && !p.has(part::CUT)))
            }
            Test::Words(w) => p.kind == Kind::Bits && bits::may_have(p.body, w),
            Test::Value(a) => a.may(p),
            Test::Hash(h) => p.kind == Kind::Hashes && brin::bloom::may_have(p.body, *h),
            Test::AnyOf(v) => v.iter().any(|t| t.may(p, leaf)),
            Test::Queries(all, words) => p.kind == Kind::Bits && bits::may_match(p.body, *all, words, leaf),
        }
    }
}

/// A question about the keys of an index: what several conditions ask together, and from where distances are measured.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Question {
    /// By column.
    tests: Vec<(usize, Test)>,
    /// The column by which rows are wanted in order, and the point they are to be near to; `None`: nothing is known.
    near: Option<(usize, Option<Point>)>,
}

impl Question {
    /// A condition on a column: the operator at a strategy of its class, with a value that is not NULL.
    pub fn add(&mut self, column: usize, class: Class, strategy: i16, ty: TypeRef, d: &Datum) -> Result<()> {
        self.tests.push((column, class.test(strategy, ty, d)?));
        Ok(())
    }

    /// As [`Question::add`], of a block range index: the value has a type of its own.
    pub fn ask_range(
        &mut self,
        column: usize,
        class: brin::Class,
        strategy: i16,
        ty: TypeRef,
        other: TypeRef,
        d: &Datum,
    ) -> Result<()> {
        self.tests.push((column, class.test(strategy, ty, other, d)?));
        Ok(())
    }

    /// The condition that a column is NULL, or that it is not.
    pub fn add_null(&mut self, column: usize, null: bool) {
        self.tests.push((column, Test::Null(null)));
    }

    /// Rows are wanted by the distance of a column's values from a point.
    pub fn near(&mut self, column: usize, point: &Datum) {
        let p = match point {
            Datum::Bytes(b) => Point::read(b).filter(|p| p.x.is_finite() && p.y.is_finite()),
            _ => None,
        };
        self.near = Some((column, p));
    }

    /// Whether a row may be wanted whose key this is, or is within this bound.
    pub fn may(&self, key: &[u8], leaf: bool) -> bool {
        self.tests.iter().all(|(column, t)| parts(key).nth(*column).is_none_or(|p| t.may(&p, leaf)))
    }

    /// No row of a key or bound is nearer; infinite for NULLs, which come last.
    pub fn distance(&self, key: &[u8]) -> f64 {
        let Some((column, point)) = &self.near else { return 0.0 };
        let Some(p) = parts(key).nth(*column) else { return 0.0 };
        match (point, rect::Box::of_part(&p)) {
            _ if p.has(part::ODD) => 0.0,
            (_, None) => f64::INFINITY,
            (Some(at), Some(b)) => b.distance(*at),
            (None, _) => 0.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::range;
    use std::sync::Arc;

    fn key(class: Class, ty: TypeRef, d: &Datum) -> Vec<u8> {
        let mut out = Vec::new();
        class.put(ty, d, 1, &mut out).expect("a value of the class");
        out
    }

    fn rect(x: f64, y: f64, w: f64) -> Datum {
        let mut b = Vec::new();
        Rect { high: Point { x: x + w, y: y + w }, low: Point { x, y } }.put(&mut b);
        Datum::Bytes(b.into())
    }

    fn ints(a: i32, b: i32) -> Datum {
        let t = range::RangeType::of(oid::INT4RANGE).expect("built in");
        let bound = |v: i32, inclusive| crate::datum::Bound { value: Some(Datum::Int4(v)), inclusive };
        Datum::Range(Arc::new(range::make(t, bound(a, true), bound(b, false)).expect("in order")))
    }

    #[test]
    fn bounds_keep_what_their_keys_let_through() {
        let ty = TypeRef::new(oid::BOX);
        let keys: Vec<Vec<u8>> =
            (0..40).map(|n| key(Class::Box, ty, &rect(f64::from(n % 7), f64::from(n / 7), 0.5))).collect();
        let all =
            keys.iter().fold(Vec::new(), |a: Vec<u8>, k| if a.is_empty() { k.clone() } else { bounds::unite(&a, k) });
        for strategy in 1..=12 {
            for n in 0..30 {
                let mut q = Question::default();
                q.add(0, Class::Box, strategy, ty, &rect(f64::from(n) - 12.0, f64::from(n % 9), 2.0)).expect("a box");
                let some = keys.iter().any(|k| q.may(k, true));
                assert!(!some || q.may(&all, false), "strategy {strategy}, {n}");
                assert!(keys.iter().all(|k| !q.may(k, true) || q.may(k, false)), "strategy {strategy}, {n}");
            }
        }
        assert!(keys.iter().all(|k| bounds::covers(&all, k)));
    }

    #[test]
    fn ranges() {
        let ty = TypeRef::new(oid::INT4RANGE);
        let ask = |strategy: i16, v: Datum, q: Datum| {
            let mut question = Question::default();
            question.add(0, Class::Range, strategy, ty, &q).expect("a range");
            question.may(&key(Class::Range, ty, &v), true)
        };
        assert!(ask(3, ints(1, 5), ints(4, 9)) && !ask(3, ints(1, 4), ints(4, 9)));
        assert!(ask(6, ints(1, 4), ints(4, 9)) && !ask(6, ints(1, 4), ints(5, 9)));
        assert!(ask(1, ints(-5, 4), ints(4, 9)) && !ask(1, ints(1, 5), ints(4, 9)));
        assert!(ask(7, ints(1, 9), ints(4, 9)) && !ask(7, ints(1, 8), ints(4, 9)));
        assert!(ask(8, ints(4, 4), ints(7, 9)), "the empty range is in every other");
        assert!(ask(18, ints(4, 4), ints(4, 4)) && !ask(18, ints(4, 5), ints(4, 4)));
    }

    #[test]
    fn damaged_keys_answer_something() {
        let whole = key(Class::Range, TypeRef::new(oid::INT4RANGE), &ints(1, 5));
        for n in 0..whole.len() {
            bounds::unite(&whole[..n], &whole);
            bounds::penalty(&whole, &whole[..n]);
            bounds::covers(&whole[..n], &whole);
            bounds::order(&[&whole[..n], &whole]);
        }
    }
}
