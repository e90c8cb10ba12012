//! The tree of a regular expression and its translation to the `regex` crate's language.

use std::fmt::Write;

/// How a pattern is read and matched.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Syntax {
    /// Ignore case.
    pub ignore_case: bool,
    /// `.` and complemented brackets do not match a newline.
    pub newline_stops: bool,
    /// `^` and `$` match at newlines.
    pub newline_anchors: bool,
    /// White space and comments in the pattern are ignored.
    pub expanded: bool,
    /// The pattern is a plain string.
    pub quote: bool,
}

/// A part of a set of characters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Item {
    /// From … to, inclusive.
    Range(char, char),
    /// A named class, or its complement.
    Class(Class, bool),
}

/// Named classes of characters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "POSIX's names")]
pub enum Class {
    Alpha,
    Digit,
    Alnum,
    Upper,
    Lower,
    Space,
    Blank,
    Punct,
    Graph,
    Print,
    Cntrl,
    Xdigit,
    Word,
    Ascii,
}

impl Class {
    /// By the name between `[:` and `:]`.
    pub fn named(name: &str) -> Option<Class> {
        Some(match name {
            "alpha" => Class::Alpha,
            "digit" => Class::Digit,
            "alnum" => Class::Alnum,
            "upper" => Class::Upper,
            "lower" => Class::Lower,
            "space" => Class::Space,
            "blank" => Class::Blank,
            "punct" => Class::Punct,
            "graph" => Class::Graph,
            "print" => Class::Print,
            "cntrl" => Class::Cntrl,
            "xdigit" => Class::Xdigit,
            "word" => Class::Word,
            "ascii" => Class::Ascii,
            _ => return None,
        })
    }

    /// The class inside a bracket of the `regex` crate.
    fn text(self) -> &'static str {
        match self {
            Class::Alpha => r"\p{Alphabetic}",
            Class::Digit => "0-9",
            Class::Alnum => r"\p{Alphabetic}\p{N}",
            Class::Upper => r"\p{Uppercase}",
            Class::Lower => r"\p{Lowercase}",
            Class::Space => {
                r"\t-\r\x20\x{85}\x{1680}\x{2000}-\x{2006}\x{2008}-\x{200a}\x{2028}\x{2029}\x{205f}\x{3000}"
            }
            Class::Blank => r"\t\x20\x{1680}\x{2000}-\x{2006}\x{2008}-\x{200a}\x{205f}\x{3000}",
            Class::Punct => r"!-/:-@\[-`\{-~\p{P}\p{S}",
            Class::Graph => r"[^\p{C}\p{Z}]",
            Class::Print => r"[^\p{C}\p{Zl}\p{Zp}]",
            Class::Cntrl => r"\p{Cc}\p{Zl}\p{Zp}",
            Class::Xdigit => "0-9A-Fa-f",
            Class::Word => r"\p{Alphabetic}\p{N}_",
            Class::Ascii => r"\x00-\x7f",
        }
    }
}

/// A constraint: matches the empty string at certain places.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Anchor {
    /// `^`.
    LineStart,
    /// `$`.
    LineEnd,
    /// `\A`.
    TextStart,
    /// `\Z`.
    TextEnd,
    /// `\m`.
    WordStart,
    /// `\M`.
    WordEnd,
    /// `\y`.
    WordEdge,
    /// `\Y`.
    NotWordEdge,
}

/// A set of characters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Set {
    /// What it consists of.
    pub items: Vec<Item>,
    /// Whether it is the complement of that.
    pub negated: bool,
    /// The set as a pattern of the `regex` crate, for testing single characters; made by the parser.
    pub text: String,
}

/// A regular expression.
#[derive(Clone, Debug)]
pub enum Node {
    /// The empty string.
    Empty,
    /// One literal character.
    Char(char),
    /// One character of a set.
    Set(Set, regex::Regex),
    /// Any character (`.`).
    Any,
    /// The empty string at certain places.
    Anchor(Anchor),
    /// One after the other.
    Concat(Vec<Node>),
    /// One of them, the first that fits.
    Alternate(Vec<Node>),
    /// Repetition.
    Repeat {
        /// What is repeated.
        node: Box<Node>,
        /// At least so often.
        min: u32,
        /// At most so often.
        max: Option<u32>,
        /// Whether as often as possible.
        greedy: bool,
        /// Whether it was written `{m}`, which leaves the preference to what is repeated; `{m,m}` does not.
        fixed: bool,
    },
    /// A constraint that what follows (or precedes, if `behind`) matches, or does not.
    Look {
        /// What has to match.
        node: Box<Node>,
        /// Before the place instead of after it.
        behind: bool,
        /// Must not match.
        negated: bool,
    },
    /// What a group holds once more.
    Back(usize),
    /// Parentheses; capturing when numbered.
    Group(Option<usize>, Box<Node>),
}

fn push_char(c: char, out: &mut String) {
    if c.is_ascii_alphanumeric() || !c.is_ascii() {
        out.push(c);
    } else {
        // Writing to a string cannot fail.
        let _ = write!(out, "\\x{{{:x}}}", c as u32);
    }
}

impl Set {
    /// Makes the set, with its pattern for the `regex` crate.
    pub fn new(items: Vec<Item>, negated: bool, syntax: &Syntax) -> Set {
        let mut text = String::from(if negated { "[^" } else { "[" });
        if negated && syntax.newline_stops {
            text.push_str("\\n");
        }
        for item in &items {
            match *item {
                Item::Range(a, b) => {
                    push_char(a, &mut text);
                    if a != b {
                        text.push('-');
                        push_char(b, &mut text);
                    }
                }
                Item::Class(class, false) => text.push_str(class.text()),
                Item::Class(class, true) => {
                    text.push_str("[^");
                    text.push_str(class.text());
                    text.push(']');
                }
            }
        }
        text.push(']');
        Set { items, negated, text }
    }
}

impl Node {
    /// Writes the pattern as the `regex` crate reads it.
    pub fn translate(&self, syntax: &Syntax, out: &mut String) {
        match self {
            Node::Empty => out.push_str("(?:)"),
            Node::Char(c) => case(syntax, out, |out| push_char(*c, out)),
            Node::Set(set, _) => case(syntax, out, |out| out.push_str(&set.text)),
            Node::Any => out.push_str(if syntax.newline_stops { "[^\\n]" } else { "(?s:.)" }),
            Node::Anchor(a) => out.push_str(match a {
                Anchor::LineStart if syntax.newline_anchors => "(?m:^)",
                Anchor::LineEnd if syntax.newline_anchors => "(?m:$)",
                Anchor::LineStart | Anchor::TextStart => "\\A",
                Anchor::LineEnd | Anchor::TextEnd => "\\z",
                Anchor::WordStart => "\\b{start}",
                Anchor::WordEnd => "\\b{end}",
                Anchor::WordEdge => "\\b",
                Anchor::NotWordEdge => "\\B",
            }),
            Node::Concat(nodes) => nodes.iter().for_each(|n| n.translate(syntax, out)),
            Node::Alternate(nodes) => {
                out.push_str("(?:");
                for (i, n) in nodes.iter().enumerate() {
                    if i > 0 {
                        out.push('|');
                    }
                    n.translate(syntax, out);
                }
                out.push(')');
            }
            Node::Repeat { node, min, max, .. } => {
                out.push_str("(?:");
                node.translate(syntax, out);
                out.push(')');
                // Where a match begins does not depend on greediness.
                let _ = match (min, max) {
                    (0, None) => write!(out, "*"),
                    (1, None) => write!(out, "+"),
                    (0, Some(1)) => write!(out, "?"),
                    (min, None) => write!(out, "{{{min},}}"),
                    (min, Some(max)) => write!(out, "{{{min},{max}}}"),
                };
            }
            // Where the search finds a place, the matcher looks at what these say.
            Node::Look { .. } => out.push_str("(?:)"),
            Node::Back(_) => out.push_str("(?s:.)*"),
            Node::Group(_, node) => {
                out.push_str("(?:");
                node.translate(syntax, out);
                out.push(')');
            }
        }
    }
}

fn case(syntax: &Syntax, out: &mut String, write: impl FnOnce(&mut String)) {
    if syntax.ignore_case {
        out.push_str("(?i:");
        write(out);
        out.push(')');
    } else {
        write(out);
    }
}
