//! How well a document fits a query: `ts_rank` by how often and how near to each other words stand, `ts_rank_cd` by the
//! density of its covers (shortest stretches that hold all of the query).

use super::matching::{Answer, Source, Spots, has_weight, holds_tree};
use super::query::{Item, Op, Target, Tree, TsQuery};
use super::vector::{Lexeme, MAX_POSITION, Place, TsVector};
use crate::datum::{ArrayValue, Datum};
use rustydb_base::{DbError, Result, SqlState};
use std::cell::RefCell;

/// Weights of D, C, B and A.
const DEFAULT: [f32; 4] = [0.1, 0.2, 0.4, 1.0];

/// Ways to take the document's length into account: bits of the functions' last argument.
mod by {
    pub const LOG_LENGTH: i32 = 1;
    pub const LENGTH: i32 = 2;
    pub const EXTENT_DISTANCE: i32 = 4;
    pub const UNIQUE: i32 = 8;
    pub const LOG_UNIQUE: i32 = 16;
    pub const SELF: i32 = 32;
}

/// Weights given as an array; a negative one means the default.
pub fn weights(a: Option<&ArrayValue>) -> Result<[f32; 4]> {
    let Some(a) = a else { return Ok(DEFAULT) };
    let wrong = |code, m| Err(DbError::new(code, m));
    if a.dims.len() != 1 {
        return wrong(SqlState::ARRAY_SUBSCRIPT_ERROR, "array of weight must be one-dimensional");
    }
    if a.items.len() < 4 {
        return wrong(SqlState::ARRAY_SUBSCRIPT_ERROR, "array of weight is too short");
    }
    let mut out = DEFAULT;
    if a.items.iter().any(Datum::is_null) {
        return wrong(SqlState::NULL_VALUE_NOT_ALLOWED, "array of weight must not contain nulls");
    }
    for (w, d) in out.iter_mut().zip(&a.items) {
        if let Datum::Float4(v) = d {
            if *v >= 0.0 {
                *w = *v;
            }
            if *w > 1.0 {
                return wrong(SqlState::INVALID_PARAMETER_VALUE, "weight out of range");
            }
        }
    }
    Ok(out)
}

fn weight(w: &[f32; 4], p: Place) -> f32 {
    w.get(usize::from(p.weight())).copied().unwrap_or_default()
}

fn nearness(distance: i32) -> f32 {
    if distance > 100 {
        return 1e-30;
    }
    (1.0 / (1.005 + 0.05 * f64::from(distance as f32 / 1.5 - 2.0).exp())) as f32
}

/// The operands, each word once.
fn operands(q: &TsQuery) -> Vec<&Target> {
    let mut out: Vec<&Target> = q.words().collect();
    out.sort_by(|a, b| a.word.as_bytes().cmp(b.word.as_bytes()));
    out.dedup_by(|a, b| a.word == b.word);
    out
}

/// The place of a lexeme that has none.
fn nowhere(position: u16) -> Vec<Place> {
    vec![Place(position)]
}

fn rank_or(w: &[f32; 4], t: &TsVector, q: &TsQuery) -> f32 {
    let items = operands(q);
    let mut rank = 0f32;
    for item in &items {
        for l in t.matching(item) {
            let none = nowhere(0);
            let places = if l.places.is_empty() { &none } else { &l.places };
            let (mut sum, mut best, mut best_at) = (0f32, -1f32, 0usize);
            for (j, p) in places.iter().enumerate() {
                let v = weight(w, *p);
                sum += v / ((j + 1) * (j + 1)) as f32;
                if v > best {
                    (best, best_at) = (v, j);
                }
            }
            let share = best + sum - best / ((best_at + 1) * (best_at + 1)) as f32;
            // The sum of 1/n² has this limit.
            rank = (f64::from(rank) + f64::from(share) / 1.644_934_066_85) as f32;
        }
    }
    if !items.is_empty() {
        rank /= items.len() as f32;
    }
    rank
}

fn rank_and(w: &[f32; 4], t: &TsVector, q: &TsQuery) -> f32 {
    let items = operands(q);
    if items.len() < 2 {
        return rank_or(w, t, q);
    }
    let none = nowhere(MAX_POSITION - 1);
    let mut seen: Vec<Option<(&[Place], bool)>> = vec![None; items.len()];
    let mut rank = -1f32;
    for (i, item) in items.iter().enumerate() {
        for l in t.matching(item) {
            let mine: (&[Place], bool) = if l.places.is_empty() { (&none, true) } else { (&l.places, false) };
            if let Some(slot) = seen.get_mut(i) {
                *slot = Some(mine);
            }
            for other in seen.iter().take(i).flatten() {
                for a in mine.0 {
                    for b in other.0 {
                        let mut distance = (i32::from(a.position()) - i32::from(b.position())).abs();
                        if distance == 0 && !(mine.1 || other.1) {
                            continue;
                        }
                        if distance == 0 {
                            distance = i32::from(MAX_POSITION);
                        }
                        let here = f64::from(weight(w, *a) * weight(w, *b) * nearness(distance)).sqrt() as f32;
                        rank = if rank < 0.0 {
                            here
                        } else {
                            (1.0 - (1.0 - f64::from(rank)) * (1.0 - f64::from(here))) as f32
                        };
                    }
                }
            }
        }
    }
    rank
}

/// `ts_rank`.
pub fn rank(w: &[f32; 4], t: &TsVector, q: &TsQuery, method: i32) -> f32 {
    if t.0.is_empty() || q.0.is_empty() {
        return 0.0;
    }
    let conjunction = matches!(q.0.first(), Some(Item::Op(Op::And | Op::Phrase(_))));
    let mut r = if conjunction { rank_and(w, t, q) } else { rank_or(w, t, q) };
    if r < 0.0 {
        r = 1e-20;
    }
    let log2 = |n: usize| ((n + 1) as f64).ln() / std::f64::consts::LN_2;
    if method & by::LOG_LENGTH != 0 {
        r = (f64::from(r) / log2(t.length())) as f32;
    }
    if method & by::LENGTH != 0 && t.length() > 0 {
        r /= t.length() as f32;
    }
    if method & by::UNIQUE != 0 {
        r /= t.0.len() as f32;
    }
    if method & by::LOG_UNIQUE != 0 {
        r = (f64::from(r) / log2(t.0.len())) as f32;
    }
    if method & by::SELF != 0 {
        r /= r + 1.0;
    }
    r
}

/// A place in the document with the query's operands that match there.
struct Spot {
    place: Place,
    operands: Vec<usize>,
}

/// Where operands match, in order of place.
fn spots(t: &TsVector, q: &TsQuery) -> Vec<Spot> {
    let mut all: Vec<(Place, *const Lexeme, usize)> = Vec::new();
    for (i, item) in q.0.iter().enumerate() {
        let Item::Word(target) = item else { continue };
        for l in t.matching(target) {
            // Words that have no place cover nothing.
            for p in l.places.iter().filter(|p| has_weight(target.weights, **p)) {
                all.push((*p, std::ptr::from_ref(l), i));
            }
        }
    }
    // Lexemes lie in one array, so their addresses are in their order.
    all.sort_by_key(|(p, l, _)| (p.position(), p.weight(), *l));
    let mut out: Vec<Spot> = Vec::new();
    let mut last = None;
    for (place, l, i) in all {
        match out.last_mut() {
            Some(spot) if last == Some((place, l)) => spot.operands.push(i),
            _ => out.push(Spot { place, operands: vec![i] }),
        }
        last = Some((place, l));
    }
    out
}

/// Which operands a stretch of the document holds, and where.
struct Stretch {
    positions: RefCell<Vec<Vec<u16>>>,
    /// Walked backwards: positions are noted in falling order.
    reverse: bool,
    exists: RefCell<Vec<bool>>,
}

impl Stretch {
    fn new(n: usize, reverse: bool) -> Stretch {
        Stretch { positions: RefCell::new(vec![Vec::new(); n]), reverse, exists: RefCell::new(vec![false; n]) }
    }

    fn add(&self, s: &Spot) {
        for i in &s.operands {
            if let Some(e) = self.exists.borrow_mut().get_mut(*i) {
                *e = true;
            }
            if let Some(list) = self.positions.borrow_mut().get_mut(*i)
                && list.last() != Some(&s.place.position())
                && list.len() < usize::from(MAX_POSITION)
            {
                list.push(s.place.position());
            }
        }
    }
}

impl Source for Stretch {
    fn operand(&self, at: usize, _: &Target, spots: Option<&mut Spots>) -> Answer {
        if !self.exists.borrow().get(at).copied().unwrap_or(false) {
            return Answer::No;
        }
        if let Some(spots) = spots {
            spots.positions = self.positions.borrow().get(at).cloned().unwrap_or_default();
            if self.reverse {
                spots.positions.reverse();
            }
        }
        Answer::Yes
    }
}

/// The next cover from `from` on: its first and last spot.
fn cover(tree: &Tree<'_>, doc: &[Spot], from: &mut usize) -> Option<(usize, usize)> {
    loop {
        let forward = Stretch::new(tree.items.len(), false);
        let last = doc.iter().enumerate().skip(*from).find(|(_, s)| {
            forward.add(s);
            holds_tree(tree, &forward)
        });
        let last = last.filter(|(_, s)| s.place.position() > 0)?.0;
        let backward = Stretch::new(tree.items.len(), true);
        let first = (*from..=last).rev().find(|i| {
            doc.get(*i).is_some_and(|s| {
                backward.add(s);
                holds_tree(tree, &backward)
            })
        });
        match first {
            Some(first) => {
                *from = first + 1;
                return Some((first, last));
            }
            None => *from += 1,
        }
    }
}

/// `ts_rank_cd`.
pub fn rank_cd(w: &[f32; 4], t: &TsVector, q: &TsQuery, method: i32) -> f32 {
    let Some(tree) = Tree::new(&q.0).filter(|_| !q.0.is_empty()) else { return 0.0 };
    let doc = spots(t, q);
    if doc.is_empty() {
        return 0.0;
    }
    let inverse = w.map(|v| 1.0 / f64::from(v));
    let (mut rank, mut sum, mut previous, mut covers) = (0f64, 0f64, 0f64, 0u32);
    let mut from = 0;
    while let Some((first, last)) = cover(&tree, &doc, &mut from) {
        let inside = doc.get(first..=last).unwrap_or_default();
        let total: f64 =
            inside.iter().map(|s| inverse.get(usize::from(s.place.weight())).copied().unwrap_or(0.0)).sum();
        let at = |i: usize| doc.get(i).map_or(0, |s| i32::from(s.place.position()));
        let (p, q) = (at(first), at(last));
        let mut noise = (q - p) - (last - first) as i32;
        // Places beyond the last position there is stand on it together.
        if noise < 0 {
            noise = (last - first) as i32 / 2;
        }
        rank += inside.len() as f64 / total / f64::from(1 + noise);
        let middle = f64::from(q + p) / 2.0;
        if covers > 0 && middle > previous {
            sum += 1.0 / (middle - previous);
        }
        previous = middle;
        covers += 1;
    }
    if method & by::LOG_LENGTH != 0 {
        rank /= ((t.length() + 1) as f64).ln();
    }
    if method & by::LENGTH != 0 && t.length() > 0 {
        rank /= t.length() as f64;
    }
    if method & by::EXTENT_DISTANCE != 0 && covers > 0 && sum > 0.0 {
        rank /= f64::from(covers) / sum;
    }
    if method & by::UNIQUE != 0 {
        rank /= t.0.len() as f64;
    }
    if method & by::LOG_UNIQUE != 0 {
        rank /= ((t.0.len() + 1) as f64).ln() / std::f64::consts::LN_2;
    }
    if method & by::SELF != 0 {
        rank /= rank + 1.0;
    }
    rank as f32
}
