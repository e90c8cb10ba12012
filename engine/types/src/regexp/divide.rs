//! Where a match ends and what its groups hold, by PostgreSQL's rules.
//!
//! The idea: every node of the tree prefers the longest or the shortest match. The whole takes the longest (shortest)
//! span from its start that matches at all; a sequence gives its first part the longest (shortest) share that lets the
//! rest still match what is left, and so on to the right; alternatives take the first branch that matches the span;
//! a repetition is a sequence of its body. Preferences: a quantified atom has that of its quantifier; a sequence that of
//! its first part that has one; alternatives are greedy.
//!
//! Everything rests on [`Matcher::reach`], which maps the set of places where a node may begin to the set where it may
//! then end, or the other way round. Sets are sorted vectors of byte offsets, so memory is linear in the text and one call's
//! work is places × nodes. A division asks once where the parts that follow may begin so that they end where they have to,
//! and looks only into parts that hold groups; a repetition that does is divided round by round.

use super::Match;
use super::ast::{Anchor, Node, Syntax};
use std::collections::HashSet;

/// What a node prefers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Preference {
    None,
    Longest,
    Shortest,
}

pub(super) fn preference(node: &Node) -> Preference {
    match node {
        Node::Repeat { node, fixed: true, .. } => preference(node),
        Node::Repeat { greedy: true, .. } => Preference::Longest,
        Node::Repeat { .. } => Preference::Shortest,
        Node::Concat(nodes) => {
            nodes.iter().map(preference).find(|&p| p != Preference::None).unwrap_or(Preference::None)
        }
        Node::Alternate(_) => Preference::Longest,
        Node::Group(_, node) => preference(node),
        _ => Preference::None,
    }
}

/// Whether there are groups to record in a node.
fn records(node: &Node) -> bool {
    match node {
        Node::Group(number, inner) => number.is_some() || records(inner),
        Node::Concat(nodes) | Node::Alternate(nodes) => nodes.iter().any(records),
        Node::Repeat { node, .. } => records(node),
        _ => false,
    }
}

/// Which way a node is walked.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// From where it begins to where it ends.
    On,
    /// From where it ends to where it begins.
    Back,
}

pub(super) struct Matcher<'t> {
    pub(super) text: &'t str,
    pub(super) syntax: &'t Syntax,
}

/// Sorted, without repetition.
fn ordered(mut places: Vec<usize>) -> Vec<usize> {
    places.sort_unstable();
    places.dedup();
    places
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

impl<'t> Matcher<'t> {
    fn char_at(&self, at: usize) -> Option<char> {
        self.text[at..].chars().next()
    }

    fn anchored(&self, anchor: Anchor, at: usize) -> bool {
        let before = self.text[..at].chars().next_back();
        let after = self.char_at(at);
        let lines = self.syntax.newline_anchors;
        let (word_before, word_after) = (before.is_some_and(is_word), after.is_some_and(is_word));
        match anchor {
            Anchor::LineStart => before.is_none() || lines && before == Some('\n'),
            Anchor::LineEnd => after.is_none() || lines && after == Some('\n'),
            Anchor::TextStart => before.is_none(),
            Anchor::TextEnd => after.is_none(),
            Anchor::WordStart => !word_before && word_after,
            Anchor::WordEnd => word_before && !word_after,
            Anchor::WordEdge => word_before != word_after,
            Anchor::NotWordEdge => word_before == word_after,
        }
    }

    fn same(&self, a: char, b: char) -> bool {
        a == b || self.syntax.ignore_case && a.to_lowercase().eq(b.to_lowercase())
    }

    /// The places after (before) one character that passes the test.
    fn step(&self, from: &[usize], way: Way, test: impl Fn(char) -> bool) -> Vec<usize> {
        let next = |at: usize| match way {
            Way::On => self.char_at(at).filter(|&c| test(c)).map(|c| at + c.len_utf8()),
            Way::Back => self.text[..at].chars().next_back().filter(|&c| test(c)).map(|c| at - c.len_utf8()),
        };
        from.iter().filter_map(|&at| next(at)).collect()
    }

    /// Where the text of `from..to` that stands again at `at` ends.
    pub(super) fn repeated(&self, from: usize, to: usize, at: usize) -> Option<usize> {
        let mut here = self.text.get(at..)?.chars();
        let mut end = at;
        for want in self.text.get(from..to)?.chars() {
            let c = here.next().filter(|c| self.same(*c, want))?;
            end += c.len_utf8();
        }
        Some(end)
    }

    /// All places of the text.
    pub(super) fn places(&self) -> Vec<usize> {
        self.text.char_indices().map(|(i, _)| i).chain([self.text.len()]).collect()
    }

    /// Places of `from` where a constraint holds.
    fn look(&self, node: &Node, behind: bool, negated: bool, from: &[usize]) -> Vec<usize> {
        let holds: Box<dyn Fn(usize) -> bool> = if behind {
            let last = from.last().copied().unwrap_or(0);
            let starts: Vec<usize> = self.places().into_iter().take_while(|p| *p <= last).collect();
            let ends = self.ends(node, &starts);
            Box::new(move |at| ends.binary_search(&at).is_ok())
        } else {
            Box::new(|at| !self.ends(node, &[at]).is_empty())
        };
        from.iter().copied().filter(|at| holds(*at) != negated).collect()
    }

    /// Places where the node can end if it begins at one of the places given. Both ascending, without repetition.
    pub(super) fn ends(&self, node: &Node, from: &[usize]) -> Vec<usize> {
        self.reach(node, from, Way::On)
    }

    /// Places that the node leads to from one of the places given. Both ascending, without repetition.
    fn reach(&self, node: &Node, from: &[usize], way: Way) -> Vec<usize> {
        match node {
            Node::Empty => from.to_vec(),
            Node::Anchor(a) => from.iter().copied().filter(|&at| self.anchored(*a, at)).collect(),
            Node::Char(want) => self.step(from, way, |c| self.same(c, *want)),
            Node::Any => self.step(from, way, |c| !(self.syntax.newline_stops && c == '\n')),
            Node::Set(_, test) => self.step(from, way, |c| test.is_match(c.encode_utf8(&mut [0; 4]))),
            Node::Group(_, inner) => self.reach(inner, from, way),
            Node::Look { node, behind, negated } => self.look(node, *behind, *negated, from),
            // Patterns with back references are matched by the backtracker.
            Node::Back(_) => Vec::new(),
            Node::Concat(nodes) => self.sequence(nodes, from, way),
            Node::Alternate(nodes) => ordered(nodes.iter().flat_map(|n| self.reach(n, from, way)).collect()),
            Node::Repeat { node, min, max, .. } => self.repeat(node, *min, *max, from, way),
        }
    }

    fn sequence(&self, nodes: &[Node], from: &[usize], way: Way) -> Vec<usize> {
        let mut places = from.to_vec();
        for i in 0..nodes.len() {
            if places.is_empty() {
                break;
            }
            let at = if way == Way::On { i } else { nodes.len() - 1 - i };
            places = self.reach(&nodes[at], &places, way);
        }
        places
    }

    fn repeat(&self, node: &Node, min: u32, max: Option<u32>, from: &[usize], way: Way) -> Vec<usize> {
        let mut places = from.to_vec();
        for _ in 0..min {
            places = self.reach(node, &places, way);
        }
        // From here on a place reached before leads nowhere new, with fewer rounds left at that.
        let mut seen: HashSet<usize> = places.iter().copied().collect();
        let mut found = places.clone();
        let mut count = min;
        while !places.is_empty() && max.is_none_or(|max| count < max) {
            count += 1;
            places = self.reach(node, &places, way);
            places.retain(|p| seen.insert(*p));
            found.extend_from_slice(&places);
        }
        ordered(found)
    }

    /// Whether the node can match exactly `from..to`.
    fn spans(&self, node: &Node, from: usize, to: usize) -> bool {
        self.ends(node, &[from]).binary_search(&to).is_ok()
    }

    /// The candidates in the order the node prefers them.
    fn preferred(&self, node: &Node, places: &[usize]) -> Vec<usize> {
        let mut places = places.to_vec();
        if preference(node) != Preference::Shortest {
            places.reverse();
        }
        places
    }

    /// Records the groups of a node that matches exactly `from..to`. False if it does not.
    fn divide(&self, node: &Node, from: usize, to: usize, groups: &mut [Option<(usize, usize)>]) -> bool {
        if !records(node) {
            return self.spans(node, from, to);
        }
        match node {
            Node::Group(number, inner) => {
                if !self.divide(inner, from, to, groups) {
                    return false;
                }
                if let Some(slot) = number.and_then(|n| groups.get_mut(n)) {
                    *slot = Some((from, to));
                }
                true
            }
            Node::Concat(nodes) => self.divide_sequence(nodes, from, to, groups),
            Node::Alternate(nodes) => nodes.iter().any(|n| self.spans(n, from, to) && self.divide(n, from, to, groups)),
            Node::Repeat { node, min, max, greedy, .. } => {
                self.divide_repeat(node, *min, *max, *greedy, from, to, groups)
            }
            leaf => self.spans(leaf, from, to),
        }
    }

    fn divide_sequence(&self, nodes: &[Node], from: usize, to: usize, groups: &mut [Option<(usize, usize)>]) -> bool {
        // Where each part has to end for the rest of them to end at `to`.
        let mut wanted = vec![vec![to]];
        for node in nodes.iter().skip(1).rev() {
            let before = self.reach(node, &wanted[wanted.len() - 1], Way::Back);
            wanted.push(before);
        }
        let mut at = from;
        for (node, wanted) in nodes.iter().zip(wanted.into_iter().rev()) {
            let ends = self.ends(node, &[at]);
            let choice = self.preferred(node, &ends).into_iter().find(|end| wanted.binary_search(end).is_ok());
            let Some(end) = choice else { return false };
            if records(node) && !self.divide(node, at, end, groups) {
                return false;
            }
            at = end;
        }
        at == to
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one repetition")]
    fn divide_repeat(
        &self,
        node: &Node,
        min: u32,
        max: Option<u32>,
        greedy: bool,
        from: usize,
        to: usize,
        groups: &mut [Option<(usize, usize)>],
    ) -> bool {
        if from == to && min == 0 {
            return true;
        }
        let mut at = from;
        let mut count: u32 = 0;
        // Where a round has to end for those left to end at `to`, and how many at least and at most those were.
        let mut wanted = (None, Vec::new());
        while count < min || at < to {
            let left = (min.saturating_sub(count + 1), max.map(|m| m.saturating_sub(count + 1)));
            if wanted.0 != Some(left) {
                wanted = (Some(left), self.repeat(node, left.0, left.1, &[to], Way::Back));
            }
            let ends = self.ends(node, &[at]);
            let mut candidates = ends;
            if preference(node) != Preference::Shortest && (greedy || preference(node) == Preference::Longest) {
                candidates.reverse();
            }
            // A round that takes nothing only counts towards the minimum.
            let may = |end: &usize| (*end > at || count < min) && wanted.1.binary_search(end).is_ok();
            let choice = candidates.into_iter().find(may);
            let Some(end) = choice else { return false };
            if !self.divide(node, at, end, groups) {
                return false;
            }
            at = end;
            count += 1;
        }
        at == to
    }
}

/// The match of the whole pattern that begins at `start`, where one is known to begin.
pub(super) fn divide(root: &Node, syntax: &Syntax, group_count: usize, text: &str, start: usize) -> Match {
    let matcher = Matcher { text, syntax };
    let ends = matcher.ends(root, &[start]);
    let end = match preference(root) {
        Preference::Shortest => ends.first(),
        _ => ends.last(),
    };
    // The search found a match here; both engines read the same tree.
    let end = end.copied().unwrap_or(start);
    let mut groups = vec![None; group_count];
    if group_count > 0 {
        matcher.divide(root, start, end, &mut groups);
    }
    Match { start, end, groups }
}
