//! Ranges, multiranges and networks as two ends.
//!
//! An end is a cut between values: a tag (before everything, somewhere, behind everything), the value's bytes in the order of
//! its type, and whether the cut is before or behind the value. What lies between two cuts is a range; as byte strings
//! the cuts of values come in their order, so that nothing here knows of types.

use super::part::{CUT, EMPTY, Kind, ODD, Part, put};
use super::{Test, unfit};
use crate::datum::{Bound, Datum, RangeValue, TypeRef};
use crate::range::{self, RangeType};
use crate::{keyenc, usertype};
use rustydb_base::Result;

/// Tags of cuts.
const FIRST: u8 = 0;
const BETWEEN: u8 = 1;
const LAST: u8 = 2;
/// Sides of a value.
const BEFORE: u8 = 0;
const BEHIND: u8 = 1;
/// Longest cut in bytes that is not shortened, if there is the room.
const LONGEST: usize = 256;
/// Bytes of a common beginning beyond which growth is not measured.
const DEEPEST: usize = 100;

/// The ends of a part's body.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Ends<'k> {
    pub(crate) low: &'k [u8],
    pub(crate) high: &'k [u8],
}

/// The ends of what a question is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Span {
    low: Vec<u8>,
    high: Vec<u8>,
}

fn body(low: &[u8], high: &[u8]) -> Vec<u8> {
    let mut out = (low.len() as u16).to_le_bytes().to_vec();
    out.extend_from_slice(low);
    out.extend_from_slice(high);
    out
}

/// How far `b` is beyond `a`, as a part of all there is.
pub(crate) fn beyond(a: &[u8], b: &[u8]) -> f64 {
    let same = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    if same > DEEPEST {
        return 0.0;
    }
    let number = |v: &[u8]| {
        v.iter().skip(same).take(7).fold((0.0, 1.0 / 256.0), |(n, unit), x| (n + f64::from(*x) * unit, unit / 256.0)).0
    };
    ((number(b) - number(a)) * 256f64.powi(-(same as i32))).max(0.0)
}

impl<'k> Ends<'k> {
    pub(crate) fn of_part(p: &Part<'k>) -> Option<Ends<'k>> {
        if p.kind != Kind::Span {
            return None;
        }
        let (len, rest) = p.body.split_first_chunk::<2>()?;
        let (low, high) = rest.split_at_checked(usize::from(u16::from_le_bytes(*len)))?;
        Some(Ends { low, high })
    }

    pub(super) fn contains(self, o: Ends<'_>) -> bool {
        self.low <= o.low && o.high <= self.high
    }

    /// The body of the ends of both.
    pub(super) fn unite(self, o: Ends<'_>) -> Vec<u8> {
        let (low, high) =
            (if self.low <= o.low { self.low } else { o.low }, if self.high >= o.high { self.high } else { o.high });
        body(low, high)
    }

    pub(super) fn growth(self, o: Ends<'_>) -> f64 {
        beyond(o.low, self.low) + beyond(self.high, o.high)
    }
}

/// How two spans must stand for a condition to be true.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Relation {
    Left,
    OverLeft,
    Overlaps,
    OverRight,
    Right,
    Adjacent,
    Contains,
    Within,
    Same,
    /// It begins no later than the other ends.
    BeginsBefore,
    /// It ends no earlier than the other begins.
    EndsBehind,
}

impl Relation {
    /// Whether the condition may be true for an empty range.
    pub(super) fn takes_empty(self) -> bool {
        self == Relation::Within
    }

    /// Whether the relation may hold between a value within `b` and one whose ends are `q`. In a `leaf` the ends are the value's.
    pub(super) fn may(self, b: Ends<'_>, q: &Span, leaf: bool) -> bool {
        let (low, high) = (q.low.as_slice(), q.high.as_slice());
        let overlap = b.low < high && low < b.high;
        match self {
            Relation::Left => {
                if leaf {
                    b.high <= low
                } else {
                    b.low < low
                }
            }
            Relation::OverLeft => {
                if leaf {
                    b.high <= high
                } else {
                    b.low < high
                }
            }
            Relation::Overlaps => overlap,
            Relation::OverRight => {
                if leaf {
                    b.low >= low
                } else {
                    b.high > low
                }
            }
            Relation::Right => {
                if leaf {
                    b.low >= high
                } else {
                    b.high > high
                }
            }
            Relation::Adjacent => {
                if leaf {
                    b.high == low || b.low == high
                } else {
                    b.low <= high && low <= b.high
                }
            }
            Relation::Contains => b.low <= low && high <= b.high,
            Relation::Within => {
                if leaf {
                    low <= b.low && b.high <= high
                } else {
                    overlap
                }
            }
            Relation::Same => b.low <= low && high <= b.high && (!leaf || (b.low == low && b.high == high)),
            Relation::BeginsBefore => b.low <= high,
            Relation::EndsBehind => low <= b.high,
        }
    }
}

fn cut(sub: TypeRef, d: &Datum, side: u8) -> Vec<u8> {
    let mut out = vec![BETWEEN];
    keyenc::put_value(sub, d, &mut out);
    out.push(side);
    out
}

fn low_end(sub: TypeRef, b: &Bound) -> Vec<u8> {
    b.value.as_ref().map_or(vec![FIRST], |d| cut(sub, d, if b.inclusive { BEFORE } else { BEHIND }))
}

fn high_end(sub: TypeRef, b: &Bound) -> Vec<u8> {
    b.value.as_ref().map_or(vec![LAST], |d| cut(sub, d, if b.inclusive { BEHIND } else { BEFORE }))
}

/// The ends of a range or multirange; `None`: it is empty.
fn span_of(d: &Datum) -> Result<Option<Span>> {
    let ends =
        |r: &RangeValue| (!r.empty).then(|| Span { low: low_end(r.sub, &r.lower), high: high_end(r.sub, &r.upper) });
    Ok(match d {
        Datum::Range(r) => ends(r),
        Datum::Multirange(m) => range::span(&m.ranges).and_then(|r| ends(&r)),
        _ => return Err(unfit()),
    })
}

/// Whether the values of a range type can be cut between.
fn has_order(ty: TypeRef) -> bool {
    RangeType::under(usertype::base(ty).oid).is_ok_and(|t| keyenc::is_orderable(t.sub.oid))
}

/// Appends the part of a range or multirange.
pub(crate) fn put_ranges(ty: TypeRef, d: &Datum, room: usize, out: &mut Vec<u8>) -> Result<()> {
    let Some(s) = span_of(d)? else {
        put(EMPTY, Kind::Nothing, &[], out);
        return Ok(());
    };
    if !has_order(ty) {
        put(ODD, Kind::Nothing, &[], out);
        return Ok(());
    }
    put_span(s, room, out);
    Ok(())
}

/// Appends a part with two ends, which are shortened outwards if they are long.
pub(crate) fn put_ends(low: Vec<u8>, high: Vec<u8>, room: usize, out: &mut Vec<u8>) {
    put_span(Span { low, high }, room, out);
}

/// The ends around a value of so many bytes, shortened if they are long.
pub(crate) fn ends_of(value: Vec<u8>, room: usize) -> (Vec<u8>, Vec<u8>) {
    let (s, _) = shortened(Span { low: value.clone(), high: value }, room);
    (s.low, s.high)
}

/// Appends a part, its ends shortened outwards if they are long.
fn put_span(s: Span, room: usize, out: &mut Vec<u8>) {
    let (s, flags) = shortened(s, room);
    put(flags, Kind::Span, &body(&s.low, &s.high), out);
}

fn shortened(mut s: Span, room: usize) -> (Span, u8) {
    let longest = LONGEST.min(room.saturating_sub(8) / 2);
    let mut flags = 0;
    if s.low.len() > longest {
        // Its beginning comes before it.
        s.low.truncate(longest);
        flags = CUT;
    }
    if s.high.len() > longest {
        s.high.truncate(longest);
        flags = CUT;
        // The next byte string of that length comes behind it.
        while s.high.last() == Some(&u8::MAX) {
            s.high.pop();
        }
        if let Some(b) = s.high.last_mut() {
            *b += 1;
        }
    }
    (s, flags)
}

/// What an operator of ranges or multiranges asks of a value of type `ty`.
pub(super) fn ask_ranges(strategy: i16, ty: TypeRef, d: &Datum) -> Result<Test> {
    let t = RangeType::under(usertype::base(ty).oid)?;
    if !has_order(ty) {
        return Ok(Test::Any);
    }
    if strategy == 16 {
        return Ok(Test::Span(Relation::Contains, Span { low: cut(t.sub, d, BEFORE), high: cut(t.sub, d, BEHIND) }));
    }
    let Some(q) = span_of(d)? else {
        return Ok(match strategy {
            7 => Test::Null(false),
            8 | 18 => Test::Empty,
            _ => Test::None,
        });
    };
    let relation = match strategy {
        1 => Relation::Left,
        2 => Relation::OverLeft,
        3 => Relation::Overlaps,
        4 => Relation::OverRight,
        5 => Relation::Right,
        6 => Relation::Adjacent,
        7 => Relation::Contains,
        8 => Relation::Within,
        18 => Relation::Same,
        _ => return Ok(Test::Any),
    };
    Ok(Test::Span(relation, q))
}

/// What an order between ranges asks (strategies 20 to 23: <, <=, >, >=): by the beginnings, empty ranges before all others.
pub(crate) fn ask_range_order(strategy: i16, ty: TypeRef, d: &Datum) -> Result<Test> {
    if !has_order(ty) {
        return Ok(Test::Any);
    }
    let Some(q) = span_of(d)? else {
        return Ok(match strategy {
            20 => Test::None,
            21 => Test::Empty,
            _ => Test::Null(false),
        });
    };
    Ok(match strategy {
        20 | 21 => Test::AnyOf(vec![Test::Empty, Test::Span(Relation::BeginsBefore, q)]),
        _ => Test::Span(Relation::EndsBehind, q),
    })
}

/// The first and the last address of a network: family, then address. Damaged values are nowhere.
fn network(b: &[u8]) -> Option<Span> {
    let [family, bits, addr @ ..] = b else { return None };
    let end = |fill: bool, side: u8| {
        let mut out = vec![BETWEEN, *family];
        for (i, byte) in addr.iter().enumerate() {
            let kept = usize::from(*bits).saturating_sub(i * 8).min(8) as u32;
            let mask = 0xffu8.checked_shl(8 - kept).unwrap_or(0);
            out.push(if fill { byte | !mask } else { byte & mask });
        }
        out.push(side);
        out
    };
    Some(Span { low: end(false, BEFORE), high: end(true, BEHIND) })
}

/// Appends the part of an inet or cidr value.
pub(super) fn put_network(b: &[u8], out: &mut Vec<u8>) {
    match network(b) {
        Some(s) => put(0, Kind::Span, &body(&s.low, &s.high), out),
        None => put(ODD, Kind::Nothing, &[], out),
    }
}

/// What an operator of networks asks.
pub(super) fn ask_network(strategy: i16, b: &[u8]) -> Test {
    let Some(q) = network(b) else { return Test::Any };
    let relation = match strategy {
        3 => Relation::Overlaps,
        18 => Relation::Same,
        20 | 21 => Relation::BeginsBefore,
        22 | 23 => Relation::EndsBehind,
        24 | 25 => Relation::Within,
        26 | 27 => Relation::Contains,
        _ => return Test::Any,
    };
    Test::Span(relation, q)
}

/// Appends the part of a text.
pub(super) fn put_text(ty: TypeRef, d: &Datum, room: usize, out: &mut Vec<u8>) {
    put_span(Span { low: cut(ty, d, BEFORE), high: cut(ty, d, BEHIND) }, room, out);
}

/// What an operator of texts asks.
pub(super) fn ask_text(strategy: i16, ty: TypeRef, text: &str, d: &Datum) -> Test {
    // Those of bytes cannot be asked of keys that have another order.
    if matches!(strategy, 1 | 2 | 4 | 5 | 28) && crate::collation::is_icu(ty.collation) {
        return Test::Any;
    }
    let relation = match strategy {
        1 | 2 | 11 | 12 => Relation::BeginsBefore,
        3 => Relation::Same,
        4 | 5 | 14 | 15 => Relation::EndsBehind,
        28 => {
            // What begins so comes before the same with a byte that no text has.
            let low = [&[BETWEEN], text.as_bytes()].concat();
            let high = [low.as_slice(), &[u8::MAX]].concat();
            return Test::Span(Relation::Overlaps, Span { low, high });
        }
        _ => return Test::Any,
    };
    Test::Span(relation, Span { low: cut(ty, d, BEFORE), high: cut(ty, d, BEHIND) })
}
