//! PostgreSQL's regular expressions.
//!
//! A pattern is parsed (`parse.rs`; advanced regular expressions, with embedded options and directors) into the tree
//! [`ast::Node`]. Whether and where a match *begins* is asked of the `regex` crate, to which the tree is translated:
//! any correct engine gives the same answer, and that one is linear. Where the match *ends* and what its groups hold
//! differs between engines: PostgreSQL prefers the longest (or, led by a non-greedy quantifier, the shortest) match and
//! then divides it from left to right, so `divide.rs` does that by its own rules over the same tree.
//!
//! Constraints on what stands around a place are looked at by `divide.rs` alone, which then also finds where a match begins;
//! back references need `backtrack.rs`, whose steps are bounded.

pub mod ast;
mod backtrack;
mod divide;
mod parse;

use ast::{Node, Syntax};
use rustydb_base::{DbError, Result, SqlState};
use std::cell::RefCell;
use std::sync::Arc;

/// A compiled pattern.
#[derive(Debug)]
pub struct Pattern {
    root: Node,
    syntax: Syntax,
    groups: usize,
    search: regex::Regex,
    kind: Kind,
}

/// What is needed to match a pattern.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// The search tells where matches begin.
    Plain,
    /// There are constraints that the search does not know.
    Looks,
    /// There are back references.
    Backs,
}

/// A match: byte offsets of the whole and of each group that took part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Begin of the whole match.
    pub start: usize,
    /// End of the whole match.
    pub end: usize,
    /// Spans of the parenthesised groups, in order of their opening parentheses.
    pub groups: Vec<Option<(usize, usize)>>,
}

/// 2201B with PostgreSQL's wording for what is wrong.
fn invalid(what: &str) -> DbError {
    DbError::new(SqlState::INVALID_REGULAR_EXPRESSION, format!("invalid regular expression: {what}"))
}

/// Compiled size beyond which a pattern is refused, in bytes.
const MAX_COMPILED: usize = 16 << 20;

impl Pattern {
    /// Compiles a pattern under the options given outside of it.
    pub fn new(pattern: &str, syntax: Syntax) -> Result<Pattern> {
        let parsed = parse::parse(pattern, syntax)?;
        let mut text = String::new();
        parsed.root.translate(&parsed.syntax, &mut text);
        let search =
            regex::RegexBuilder::new(&text).size_limit(MAX_COMPILED).nest_limit(400).build().map_err(|e| match e {
                regex::Error::CompiledTooBig(_) => invalid("regular expression is too complex"),
                _ => invalid("invalid escape \\ sequence"),
            })?;
        let kind = if parsed.backs {
            Kind::Backs
        } else if parsed.looks {
            Kind::Looks
        } else {
            Kind::Plain
        };
        Ok(Pattern { root: parsed.root, syntax: parsed.syntax, groups: parsed.groups, search, kind })
    }

    /// Number of capturing groups.
    pub fn groups(&self) -> usize {
        self.groups
    }

    /// Whether the pattern matches anywhere. 2201B if that takes too many steps.
    pub fn is_match(&self, text: &str) -> Result<bool> {
        let matcher = divide::Matcher { text, syntax: &self.syntax };
        match self.kind {
            Kind::Plain => Ok(self.search.is_match(text)),
            Kind::Looks => Ok(!matcher.ends(&self.root, &matcher.places()).is_empty()),
            Kind::Backs => self.backtracked(text, 0, true).map(|m| m.is_some()),
        }
    }

    /// The first match that begins at or after the byte offset `from`, which lies on a character boundary. 2201B if that
    /// takes too many steps.
    pub fn find_at(&self, text: &str, from: usize) -> Result<Option<Match>> {
        if self.kind == Kind::Backs {
            return self.backtracked(text, from, false);
        }
        let matcher = divide::Matcher { text, syntax: &self.syntax };
        let mut from = from;
        loop {
            let Some(found) = self.search.find_at(text, from) else { return Ok(None) };
            let start = found.start();
            if self.kind == Kind::Plain || !matcher.ends(&self.root, &[start]).is_empty() {
                return Ok(Some(divide::divide(&self.root, &self.syntax, self.groups, text, start)));
            }
            match text.get(start..).and_then(|t| t.chars().next()) {
                Some(c) => from = start + c.len_utf8(),
                None => return Ok(None),
            }
        }
    }

    fn backtracked(&self, text: &str, from: usize, first: bool) -> Result<Option<Match>> {
        let matcher = divide::Matcher { text, syntax: &self.syntax };
        let runner = backtrack::Backtracker::new(&matcher);
        for start in matcher.places().into_iter().filter(|p| *p >= from) {
            let found = runner.at(&self.root, self.groups, start, first);
            if let Some(m) = found.map_err(|_| invalid("regular expression is too complex"))? {
                return Ok(Some(m));
            }
        }
        Ok(None)
    }
}

/// Compiled patterns kept per thread; a statement applies few patterns to many rows.
const CACHED: usize = 32;

type Cached = (String, Syntax, Arc<Pattern>);

thread_local! {
    /// Most recently used first.
    static CACHE: RefCell<Vec<Cached>> = const { RefCell::new(Vec::new()) };
}

/// The compiled pattern, from this thread's cache if it was used lately.
pub fn compiled(pattern: &str, syntax: Syntax) -> Result<Arc<Pattern>> {
    CACHE.with_borrow_mut(|cache| {
        if let Some(at) = cache.iter().position(|(p, s, _)| p == pattern && *s == syntax) {
            cache[..=at].rotate_right(1);
        } else {
            let made = Arc::new(Pattern::new(pattern, syntax)?);
            cache.truncate(CACHED - 1);
            cache.insert(0, (pattern.to_owned(), syntax, made));
        }
        Ok(Arc::clone(&cache[0].2))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(pattern: &str, text: &str) -> Option<(String, Vec<Option<String>>)> {
        let p = Pattern::new(pattern, Syntax::default()).expect(pattern);
        let m = p.find_at(text, 0).expect(pattern)?;
        let span = |s: (usize, usize)| text[s.0..s.1].to_owned();
        Some((span((m.start, m.end)), m.groups.iter().map(|g| g.map(span)).collect()))
    }

    fn whole(pattern: &str, text: &str) -> Option<String> {
        find(pattern, text).map(|m| m.0)
    }

    #[test]
    fn longest_match_wins_over_order() {
        assert_eq!(whole("foo|foobar", "xfoobar").as_deref(), Some("foobar"));
        assert_eq!(whole("a?(ab)?", "ab").as_deref(), Some("ab"));
        assert_eq!(whole("Y*?([0-9]{1,3})", "XY1234Z").as_deref(), Some("Y1"));
        assert_eq!(whole("Y*([0-9]{1,3}?)", "XY1234Z").as_deref(), Some("Y123"));
    }

    #[test]
    fn groups_divide_the_whole_from_left_to_right() {
        let (all, groups) = find("(a|ab)(c|bcd)(d*)", "abcd").expect("matches");
        assert_eq!(all, "abcd");
        assert_eq!(groups, [Some("ab".into()), Some("c".into()), Some("d".into())]);
        let (_, groups) = find("(x)?(y)", "y").expect("matches");
        assert_eq!(groups, [None, Some("y".into())]);
    }

    #[test]
    fn faults_are_named() {
        for (pattern, message) in [
            ("a(", "parentheses () not balanced"),
            ("a)", "parentheses () not balanced"),
            ("[a", "brackets [] not balanced"),
            ("*a", "quantifier operand invalid"),
            ("a{2,1}", "invalid repetition count(s)"),
            ("a{256}", "invalid repetition count(s)"),
            ("[b-a]", "invalid character range"),
            ("[[:foo:]]", "invalid character class"),
            ("a\\", "invalid escape \\ sequence"),
        ] {
            let e = Pattern::new(pattern, Syntax::default()).expect_err(pattern);
            assert_eq!(e.message, format!("invalid regular expression: {message}"), "{pattern}");
        }
    }

    #[test]
    fn back_references_and_constraints() {
        assert_eq!(whole("(a|ab)\\1", "xabab").as_deref(), Some("abab"));
        assert_eq!(whole("^([bc])\\1*$", "bbc"), None);
        assert_eq!(whole("a(?=b)b*", "aabb").as_deref(), Some("abb"));
        assert_eq!(whole("(?<!a)b+", "abbb").as_deref(), Some("bb"));
        let slow = Pattern::new("^(a*)*\\1b$", Syntax::default()).expect("pattern");
        assert!(slow.is_match(&"a".repeat(60)).is_err());
    }

    #[test]
    fn deep_nesting_is_refused_not_overflowed() {
        let deep = format!("{}a{}", "(".repeat(50_000), ")".repeat(50_000));
        assert!(Pattern::new(&deep, Syntax::default()).is_err());
    }
}
