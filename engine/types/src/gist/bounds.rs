//! The algebra of keys and bounds, which the tree asks for.

use super::part::{CUT, Kind, Part, parts, put};
use super::{bits, rect, span};
use crate::brin::{bloom, multi};
use std::cmp::Ordering;

/// What a column of an index that comes later counts less than the one before it.
const LATER: f64 = 1e-6;

/// Whether all values within `part` are within `whole`.
pub fn covers(whole: &[u8], part: &[u8]) -> bool {
    let mut w = parts(whole);
    parts(part).all(|p| w.next().is_some_and(|w| part_covers(&w, &p)))
}

fn part_covers(w: &Part<'_>, p: &Part<'_>) -> bool {
    // That ends were cut says nothing of values.
    if p.flags & !w.flags & !CUT != 0 {
        return false;
    }
    match (p.kind, w.kind) {
        (Kind::Nothing, _) => true,
        (a, b) if a != b => false,
        (Kind::Rect, _) => match (rect::Box::of_part(w), rect::Box::of_part(p)) {
            (Some(w), Some(p)) => w.contains(&p),
            _ => false,
        },
        (Kind::Span, _) => match (span::Ends::of_part(w), span::Ends::of_part(p)) {
            (Some(w), Some(p)) => w.contains(p),
            _ => false,
        },
        (Kind::Bits, _) => bits::contain(w.body, p.body),
        (Kind::Several, _) => multi::contains(w.body, p.body),
        (Kind::Hashes, _) => bloom::contains(w.body, p.body),
    }
}

/// The smallest bound of both.
pub fn unite(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(a.len().max(b.len()));
    let (mut a, mut b) = (parts(a), parts(b));
    loop {
        match (a.next(), b.next()) {
            (Some(a), Some(b)) => unite_parts(&a, &b, &mut out),
            (Some(p), None) | (None, Some(p)) => put(p.flags, p.kind, p.body, &mut out),
            (None, None) => return out,
        }
    }
}

fn unite_parts(a: &Part<'_>, b: &Part<'_>, out: &mut Vec<u8>) {
    let flags = a.flags | b.flags;
    let alone = match (a.kind, b.kind) {
        (Kind::Nothing, _) => Some(b),
        (_, Kind::Nothing) => Some(a),
        _ => None,
    };
    if let Some(p) = alone {
        return put(flags, p.kind, p.body, out);
    }
    match (rect::Box::of_part(a), rect::Box::of_part(b)) {
        (Some(a), Some(b)) => return put(flags, Kind::Rect, &a.unite(&b).bytes(), out),
        (None, None) => {}
        _ => return put(flags, a.kind, a.body, out),
    }
    match (span::Ends::of_part(a), span::Ends::of_part(b)) {
        (Some(a), Some(b)) => put(flags, Kind::Span, &a.unite(b), out),
        _ => match a.kind {
            Kind::Several => put(flags, a.kind, &multi::unite(a.body, b.body), out),
            Kind::Hashes => put(flags, a.kind, &bloom::unite(a.body, b.body), out),
            _ => put(flags, a.kind, &bits::unite(a.body, b.body), out),
        },
    }
}

/// How much a bound grows if it is to cover another key as well.
pub fn penalty(bound: &[u8], more: &[u8]) -> f64 {
    let (mut sum, mut weight) = (0.0, 1.0);
    for (b, m) in parts(bound).zip(parts(more)) {
        // NULLs and the like are best among themselves.
        let strange = f64::from((m.flags & !b.flags & !CUT).count_ones());
        let p = match (b.kind, m.kind) {
            (_, Kind::Nothing) => 0.0,
            (Kind::Rect, Kind::Rect) => match (rect::Box::of_part(&b), rect::Box::of_part(&m)) {
                (Some(b), Some(m)) => b.growth(&m),
                _ => 0.0,
            },
            (Kind::Span, Kind::Span) => match (span::Ends::of_part(&b), span::Ends::of_part(&m)) {
                (Some(b), Some(m)) => b.growth(m),
                _ => 0.0,
            },
            (Kind::Bits, Kind::Bits) => bits::growth(b.body, m.body),
            // The first value among NULLs.
            _ => 1.0,
        };
        sum += (p + strange) * weight;
        weight *= LATER;
    }
    sum
}

/// The positions of keys in an order in which neighbours belong together: by the first column in which they differ.
pub fn order(keys: &[&[u8]]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..keys.len()).collect();
    let columns = keys.iter().map(|k| parts(k).count()).max().unwrap_or(0);
    let column = |n: usize| -> Vec<Option<Part<'_>>> { keys.iter().map(|k| parts(k).nth(n)).collect() };
    let Some(list) = (0..columns).map(column).find(|l| l.windows(2).any(|w| w[0] != w[1])) else { return order };
    let plain: Vec<Part<'_>> = list.iter().flatten().copied().filter(|p| p.kind != Kind::Nothing).collect();
    let by = match plain.first().map(|p| p.kind) {
        Some(Kind::Rect) => By::Axis(rect::longer_axis(plain.iter().filter_map(rect::Box::of_part))),
        Some(Kind::Bits) => By::Likeness(bits::seeds(plain.iter().map(|p| p.body))),
        _ => By::Ends,
    };
    order.sort_by(|x, y| match (list.get(*x).copied().flatten(), list.get(*y).copied().flatten()) {
        (Some(a), Some(b)) => {
            (a.kind == Kind::Nothing).cmp(&(b.kind == Kind::Nothing)).then_with(|| by.compare(&a, &b))
        }
        (a, b) => a.is_some().cmp(&b.is_some()),
    });
    order
}

/// How parts of one kind are put in order.
enum By<'k> {
    /// By the middles of boxes along an axis.
    Axis(bool),
    /// By the ends.
    Ends,
    /// By being like one signature rather than the other.
    Likeness(Option<(&'k [u8], &'k [u8])>),
}

impl By<'_> {
    fn compare(&self, a: &Part<'_>, b: &Part<'_>) -> Ordering {
        match self {
            By::Axis(y) => {
                let at = |p: &Part<'_>| rect::Box::of_part(p).map_or(0.0, |r| r.middle(*y));
                at(a).total_cmp(&at(b))
            }
            By::Ends => span::Ends::of_part(a).cmp(&span::Ends::of_part(b)),
            By::Likeness(seeds) => {
                let at = |p: &Part<'_>| {
                    seeds.map_or(0, |(l, r)| bits::difference(p.body, l) as i64 - bits::difference(p.body, r) as i64)
                };
                at(a).cmp(&at(b))
            }
        }
    }
}
