//! Where a match ends and what its groups hold, by PostgreSQL's rules.
//!
//! The idea: every node of the tree prefers the longest or the shortest match. The whole takes the longest (shortest)
//! span from its start that matches at all; a sequence gives its first part the longest (shortest) share that lets the
//! rest still match what is left, and so on to the right; alternatives take the first branch that matches the span;
//! a repetition is a sequence of its body. Preferences: a quantified atom has that of its quantifier; a sequence that of
//! its first part that has one; alternatives are greedy.
//!
//! Everything rests on [`Matcher::ends`], which maps the set of places where a node may begin to the set where it may
//! then end. Sets are sorted vectors of byte offsets and nothing is remembered between calls, so memory is linear in the
//! text, one call's work is places × nodes, and a whole division's at most the square of the places.

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

    /// The places after one character that passes the test.
    fn step(&self, from: &[usize], test: impl Fn(char) -> bool) -> Vec<usize> {
        from.iter().filter_map(|&at| self.char_at(at).filter(|&c| test(c)).map(|c| at + c.len_utf8())).collect()
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
        match node {
            Node::Empty => from.to_vec(),
            Node::Anchor(a) => from.iter().copied().filter(|&at| self.anchored(*a, at)).collect(),
            Node::Char(want) => self.step(from, |c| self.same(c, *want)),
            Node::Any => self.step(from, |c| !(self.syntax.newline_stops && c == '\n')),
            Node::Set(_, test) => self.step(from, |c| test.is_match(c.encode_utf8(&mut [0; 4]))),
            Node::Group(_, inner) => self.ends(inner, from),
            Node::Look { node, behind, negated } => self.look(node, *behind, *negated, from),
            // Patterns with back references are matched by the backtracker.
            Node::Back(_) => Vec::new(),
            Node::Concat(nodes) => self.sequence_ends(nodes, from),
            Node::Alternate(nodes) => ordered(nodes.iter().flat_map(|n| self.ends(n, from)).collect()),
            Node::Repeat { node, min, max, .. } => self.repeat_ends(node, *min, *max, from),
        }
    }

    fn sequence_ends(&self, nodes: &[Node], from: &[usize]) -> Vec<usize> {
        let mut places = from.to_vec();
        for node in nodes {
            if places.is_empty() {
                break;
            }
            places = self.ends(node, &places);
        }
        places
    }

    fn repeat_ends(&self, node: &Node, min: u32, max: Option<u32>, from: &[usize]) -> Vec<usize> {
        let mut places = from.to_vec();
        for _ in 0..min {
            places = self.ends(node, &places);
        }
        // From here on a place reached before leads nowhere new, with fewer rounds left at that.
        let mut seen: HashSet<usize> = places.iter().copied().collect();
        let mut found = places.clone();
        let mut count = min;
        while !places.is_empty() && max.is_none_or(|max| count < max) {
            count += 1;
            places = self.ends(node, &places);
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
        let mut at = from;
        for (i, node) in nodes.iter().enumerate() {
            let rest = &nodes[i + 1..];
            let ends = self.ends(node, &[at]);
            let choice = self
                .preferred(node, &ends)
                .into_iter()
                .find(|&end| end <= to && self.sequence_ends(rest, &[end]).binary_search(&to).is_ok());
            let Some(end) = choice else { return false };
            if !self.divide(node, at, end, groups) {
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
        while count < min || at < to {
            let (min_left, max_left) = (min.saturating_sub(count + 1), max.map(|m| m.saturating_sub(count + 1)));
            let ends = self.ends(node, &[at]);
            let mut candidates = ends;
            if preference(node) != Preference::Shortest && (greedy || preference(node) == Preference::Longest) {
                candidates.reverse();
            }
            let choice = candidates.into_iter().find(|&end| {
                // A round that takes nothing only counts towards the minimum.
                end <= to
                    && (end > at || count < min)
                    && self.repeat_ends(node, min_left, max_left, &[end]).binary_search(&to).is_ok()
            });
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
