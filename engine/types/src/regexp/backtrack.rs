//! Matching with back references: what a group holds decides how the rest may go on, so paths are tried one after the other.
//!
//! Paths are tried in the order that quantifiers prefer; of all ends that a start leads to the pattern's preference chooses, and
//! the groups are those of the first path to that end. The number of steps is bounded, as paths may be exponentially many.

use super::Match;
use super::ast::Node;
use super::divide::{Matcher, Preference, preference};
use std::cell::Cell;

/// Steps that one search may take.
const MAX_STEPS: u64 = 2_000_000;

type Groups = Vec<Option<(usize, usize)>>;
/// What is done at the end of a part: true to stop.
type Next<'a> = dyn FnMut(usize, &mut Groups) -> bool + 'a;

/// The search took too many steps.
pub(super) struct TooComplex;

pub(super) struct Backtracker<'m, 't> {
    matcher: &'m Matcher<'t>,
    steps: Cell<u64>,
}

/// A repetition under way.
#[derive(Clone, Copy)]
struct Loop<'n> {
    node: &'n Node,
    min: u32,
    max: Option<u32>,
    greedy: bool,
}

impl<'m, 't> Backtracker<'m, 't> {
    pub(super) fn new(matcher: &'m Matcher<'t>) -> Self {
        Backtracker { matcher, steps: Cell::new(0) }
    }

    /// The match of the pattern that begins at `start`, if there is one; any at all if `first` is set.
    pub(super) fn at(
        &self,
        root: &Node,
        groups: usize,
        start: usize,
        first: bool,
    ) -> Result<Option<Match>, TooComplex> {
        let shortest = preference(root) == Preference::Shortest;
        let last = self.matcher.text.len();
        let mut best: Option<(usize, Groups)> = None;
        self.node(root, start, &mut vec![None; groups], &mut |end, g| {
            let better = best.as_ref().is_none_or(|b| if shortest { end < b.0 } else { end > b.0 });
            if better {
                best = Some((end, g.clone()));
            }
            first || end == if shortest { start } else { last }
        });
        if self.steps.get() > MAX_STEPS {
            return Err(TooComplex);
        }
        Ok(best.map(|(end, groups)| Match { start, end, groups }))
    }

    fn node(&self, node: &Node, at: usize, groups: &mut Groups, next: &mut Next<'_>) -> bool {
        self.steps.set(self.steps.get() + 1);
        if self.steps.get() > MAX_STEPS {
            return true;
        }
        stacker::maybe_grow(64 * 1024, 1024 * 1024, || match node {
            Node::Group(None, inner) => self.node(inner, at, groups, next),
            Node::Group(Some(i), inner) => self.node(inner, at, groups, &mut |end, g| {
                let Some(old) = g.get_mut(*i).map(|slot| slot.replace((at, end))) else { return false };
                if next(end, g) {
                    return true;
                }
                if let Some(slot) = g.get_mut(*i) {
                    *slot = old;
                }
                false
            }),
            Node::Concat(nodes) => self.sequence(nodes, at, groups, next),
            Node::Alternate(nodes) => nodes.iter().any(|n| self.node(n, at, groups, next)),
            Node::Repeat { node, min, max, greedy, .. } => {
                self.repeat(Loop { node, min: *min, max: *max, greedy: *greedy }, 0, at, groups, next)
            }
            Node::Back(i) => match groups.get(*i).copied().flatten() {
                Some((from, to)) => match self.matcher.repeated(from, to, at) {
                    Some(end) => next(end, groups),
                    None => false,
                },
                None => false,
            },
            leaf => self.matcher.ends(leaf, &[at]).into_iter().any(|end| next(end, groups)),
        })
    }

    fn sequence(&self, nodes: &[Node], at: usize, groups: &mut Groups, next: &mut Next<'_>) -> bool {
        match nodes.split_first() {
            None => next(at, groups),
            Some((first, rest)) => self.node(first, at, groups, &mut |end, g| self.sequence(rest, end, g, next)),
        }
    }

    fn repeat(&self, l: Loop<'_>, count: u32, at: usize, groups: &mut Groups, next: &mut Next<'_>) -> bool {
        if !l.greedy && count >= l.min && next(at, groups) {
            return true;
        }
        let more = l.max.is_none_or(|m| count < m)
            && self.node(l.node, at, groups, &mut |end, g| {
                // A round that takes nothing only counts towards the minimum.
                (end > at || count < l.min) && self.repeat(l, count + 1, end, g, next)
            });
        more || l.greedy && count >= l.min && next(at, groups)
    }
}
