//! PostgreSQL's regular expressions.
//!
//! A pattern is parsed (`parse.rs`; advanced regular expressions, with embedded options and directors) into the tree
//! [`ast::Node`]. Whether and where a match *begins* is asked of the `regex` crate, to which the tree is translated:
//! any correct engine gives the same answer, and that one is linear. Where the match *ends* and what its groups hold
//! differs between engines: PostgreSQL prefers the longest (or, led by a non-greedy quantifier, the shortest) match and
//! then divides it from left to right, so `divide.rs` does that by its own rules over the same tree.
//!
//! Left out, refused with 0A000: back references and lookaround constraints, which no linear engine has.

pub mod ast;
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
        Ok(Pattern { root: parsed.root, syntax: parsed.syntax, groups: parsed.groups, search })
    }

    /// Number of capturing groups.
    pub fn groups(&self) -> usize {
        self.groups
    }

    /// Whether the pattern matches anywhere.
    pub fn is_match(&self, text: &str) -> bool {
        self.search.is_match(text)
    }

    /// The first match that begins at or after the byte offset `from`, which lies on a character boundary.
    pub fn find_at(&self, text: &str, from: usize) -> Option<Match> {
        let found = self.search.find_at(text, from)?;
        Some(divide::divide(&self.root, &self.syntax, self.groups, text, found.start()))
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
        let m = p.find_at(text, 0)?;
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
        let e = Pattern::new("(a)\\1", Syntax::default()).expect_err("back reference");
        assert_eq!(e.code, SqlState::FEATURE_NOT_SUPPORTED);
    }

    #[test]
    fn deep_nesting_is_refused_not_overflowed() {
        let deep = format!("{}a{}", "(".repeat(50_000), ")".repeat(50_000));
        assert!(Pattern::new(&deep, Syntax::default()).is_err());
    }
}
