//! Whether a query holds, in three values: yes, no, and perhaps (a phrase of lexemes whose places are not known).
//!
//! [`holds`] is told by a [`Source`] what each operand matches; phrases are judged on lists of positions, each the last of a
//! match, with the width of the match before it. A list may mean all positions but these, so that `!` works in phrases.

use super::query::{Item, Op, Target, Tree, TsQuery, deep};
use super::vector::{Lexeme, Place, TsVector};

/// An answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// It does not hold.
    No,
    /// It holds.
    Yes,
    /// It may hold.
    Maybe,
}

use Answer::{Maybe, No, Yes};

/// Where something matches.
#[derive(Clone, Debug, Default)]
pub struct Spots {
    /// Positions in order.
    pub positions: Vec<u16>,
    /// All positions but these.
    pub negate: bool,
    /// Positions from the first to the last word of each match.
    pub width: i32,
}

/// What operands match.
pub trait Source {
    /// Whether the operand (the item at `at`) matches; with `spots` also where.
    fn operand(&self, at: usize, t: &Target, spots: Option<&mut Spots>) -> Answer;
}

/// Whether the query holds. An empty query never does.
pub fn holds(q: &TsQuery, source: &dyn Source) -> bool {
    match Tree::new(&q.0) {
        Some(t) if !q.0.is_empty() => holds_tree(&t, source),
        _ => false,
    }
}

/// [`holds`] for a tree at hand.
pub fn holds_tree(t: &Tree<'_>, source: &dyn Source) -> bool {
    plain(t, 0, source) != No
}

fn plain(t: &Tree<'_>, i: usize, s: &dyn Source) -> Answer {
    deep(|| match t.items.get(i) {
        Some(Item::Word(w)) => s.operand(i, w, None),
        Some(Item::Op(Op::Not)) => match plain(t, t.right(i), s) {
            No => Yes,
            Yes => No,
            Maybe => Maybe,
        },
        Some(Item::Op(Op::And)) => match plain(t, t.left(i), s) {
            No => No,
            left => match plain(t, t.right(i), s) {
                No => No,
                Yes => left,
                Maybe => Maybe,
            },
        },
        Some(Item::Op(Op::Or)) => match plain(t, t.left(i), s) {
            Yes => Yes,
            left => match plain(t, t.right(i), s) {
                Yes => Yes,
                No => left,
                Maybe => Maybe,
            },
        },
        // Without positions there is no phrase.
        Some(Item::Op(Op::Phrase(_))) => match phrase(t, i, s, &mut Spots::default()) {
            Yes => Yes,
            No | Maybe => No,
        },
        Some(Item::Stop) | None => No,
    })
}

/// Which positions of two lists are wanted.
#[derive(Clone, Copy)]
struct Emit {
    both: bool,
    left: bool,
    right: bool,
}

/// Merges two lists, moved by an offset each.
fn merge(l: &Spots, r: &Spots, emit: Emit, (lo, ro): (i32, i32), out: &mut Spots) -> Answer {
    let mut left = l.positions.iter().map(|p| i32::from(*p) + lo).peekable();
    let mut right = r.positions.iter().map(|p| i32::from(*p) + ro).peekable();
    out.positions.clear();
    loop {
        let (at, wanted) = match (left.peek().copied(), right.peek().copied()) {
            (None, None) => break,
            (Some(a), b) if b.is_none_or(|b| a < b) => {
                left.next();
                (a, emit.left)
            }
            (a, Some(b)) if a.is_none_or(|a| b < a) => {
                right.next();
                (b, emit.right)
            }
            (Some(a), _) => {
                left.next();
                right.next();
                (a, emit.both)
            }
            (None, Some(_)) => break,
        };
        if wanted && at > 0 {
            out.positions.push(at.min(i32::from(u16::MAX)) as u16);
        }
    }
    if out.positions.is_empty() { No } else { Yes }
}

const BOTH: Emit = Emit { both: true, left: false, right: false };
const LEFT: Emit = Emit { both: false, left: true, right: false };
const RIGHT: Emit = Emit { both: false, left: false, right: true };
const ANY: Emit = Emit { both: true, left: true, right: true };

fn phrase(t: &Tree<'_>, i: usize, s: &dyn Source, out: &mut Spots) -> Answer {
    deep(|| match t.items.get(i) {
        Some(Item::Word(w)) => s.operand(i, w, Some(out)),
        Some(Item::Op(Op::Not)) => match phrase(t, t.right(i), s, out) {
            No => {
                // Nowhere becomes everywhere.
                out.positions.clear();
                out.negate = true;
                Yes
            }
            Yes if !out.positions.is_empty() => {
                out.negate = !out.negate;
                Yes
            }
            Yes => {
                out.negate = false;
                No
            }
            Maybe => Maybe,
        },
        Some(Item::Op(op @ (Op::Phrase(_) | Op::And))) => {
            let (mut l, mut r) = (Spots::default(), Spots::default());
            let left = phrase(t, t.left(i), s, &mut l);
            if left == No {
                return No;
            }
            let right = phrase(t, t.right(i), s, &mut r);
            if right == No {
                return No;
            }
            if left == Maybe || right == Maybe {
                return Maybe;
            }
            let offsets = match op {
                Op::Phrase(d) => {
                    out.width = i32::from(*d) + l.width + r.width;
                    (i32::from(*d) + r.width, 0)
                }
                _ => {
                    out.width = l.width.max(r.width);
                    (out.width - l.width, out.width - r.width)
                }
            };
            match (l.negate, r.negate) {
                (true, true) => {
                    merge(&l, &r, ANY, offsets, out);
                    out.negate = true;
                    Yes
                }
                (true, false) => merge(&l, &r, RIGHT, offsets, out),
                (false, true) => merge(&l, &r, LEFT, offsets, out),
                (false, false) => merge(&l, &r, BOTH, offsets, out),
            }
        }
        Some(Item::Op(Op::Or)) => {
            let (mut l, mut r) = (Spots::default(), Spots::default());
            let left = phrase(t, t.left(i), s, &mut l);
            let right = phrase(t, t.right(i), s, &mut r);
            if left == No && right == No {
                return No;
            }
            if left == Maybe || right == Maybe {
                return Maybe;
            }
            // A part that failed says nothing of its width.
            if left == No {
                l = Spots::default();
            }
            if right == No {
                r = Spots::default();
            }
            out.width = l.width.max(r.width);
            let offsets = (out.width - l.width, out.width - r.width);
            let emit = match (l.negate, r.negate) {
                (true, true) => BOTH,
                (true, false) => LEFT,
                (false, true) => RIGHT,
                (false, false) => return merge(&l, &r, ANY, offsets, out),
            };
            merge(&l, &r, emit, offsets, out);
            out.negate = true;
            Yes
        }
        Some(Item::Stop) | None => No,
    })
}

/// Whether a place has one of the weights.
pub fn has_weight(weights: u8, p: Place) -> bool {
    weights == 0 || weights & (1 << p.weight()) != 0
}

fn lexeme(l: &Lexeme, t: &Target, spots: Option<&mut Spots>) -> Answer {
    if l.places.is_empty() {
        return if spots.is_some() { Maybe } else { Yes };
    }
    let mut fitting = l.places.iter().filter(|p| has_weight(t.weights, **p)).map(|p| p.position());
    match spots {
        None => {
            if fitting.next().is_some() {
                Yes
            } else {
                No
            }
        }
        Some(spots) => {
            spots.positions.extend(fitting);
            if spots.positions.is_empty() { No } else { Yes }
        }
    }
}

impl Source for TsVector {
    fn operand(&self, _: usize, t: &Target, spots: Option<&mut Spots>) -> Answer {
        let found = self.matching(t);
        let Some(spots) = spots else {
            let mut best = No;
            for l in found {
                match lexeme(l, t, None) {
                    Yes => return Yes,
                    No => {}
                    Maybe => best = Maybe,
                }
            }
            return best;
        };
        let mut all: Vec<u16> = Vec::new();
        for l in found {
            let mut one = Spots::default();
            match lexeme(l, t, Some(&mut one)) {
                Maybe => return Maybe,
                No => {}
                Yes => all.extend(one.positions),
            }
        }
        all.sort_unstable();
        all.dedup();
        spots.positions = all;
        if spots.positions.is_empty() { No } else { Yes }
    }
}
