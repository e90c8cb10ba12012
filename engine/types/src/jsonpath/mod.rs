//! The SQL/JSON path language: its tree, its text, its evaluation.
//!
//! A path is a list of items: what it starts from, then accessors that each take the values so far a step further. A value
//! of type jsonpath is its canonical text ([`JsonPath`]'s `Display`); evaluation reads it again, through a small cache.

mod datetime;
mod exec;
mod layout;
mod lex;
mod parse;
mod show;

pub use datetime::{Variable, variable};
pub use exec::{Call, Found, exists, items, match_one, query};

use crate::numeric::Numeric;
use rustydb_base::Result;
use std::cell::RefCell;
use std::rc::Rc;

/// A parsed path.
#[derive(Clone, Debug)]
pub struct JsonPath {
    /// Structural errors are errors, and arrays are not unwrapped.
    pub strict: bool,
    /// The expression.
    pub root: Path,
}

/// What it starts from and the accessors after it.
pub type Path = Vec<Item>;

/// Binary operators.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the language's own words")]
pub enum Op {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    Greater,
    LessEqual,
    GreaterEqual,
    StartsWith,
    Add,
    Sub,
    Mul,
    Div,
    Mod,
}

/// Methods without arguments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the language's own words")]
pub enum Method {
    Type,
    Size,
    Abs,
    Floor,
    Ceiling,
    Double,
    KeyValue,
}

impl Method {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Method::Type => "type",
            Method::Size => "size",
            Method::Abs => "abs",
            Method::Floor => "floor",
            Method::Ceiling => "ceiling",
            Method::Double => "double",
            Method::KeyValue => "keyvalue",
        }
    }
}

/// Flags of `like_regex`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flags {
    /// `i`.
    pub ignore_case: bool,
    /// `s`: a dot matches newlines.
    pub dot_all: bool,
    /// `m`: anchors match at lines.
    pub lines: bool,
    /// `x`.
    pub expanded: bool,
    /// `q`: a plain string.
    pub quote: bool,
}

/// Level of `**` that `last` stands for.
pub const LAST_LEVEL: u32 = u32::MAX;

/// One item.
#[derive(Clone, Debug)]
pub enum Item {
    /// null.
    Null,
    /// true or false.
    Bool(bool),
    /// A number.
    Number(Numeric),
    /// A string.
    String(String),
    /// `$name`.
    Variable(String),
    /// `$`.
    Root,
    /// `@`.
    Current,
    /// `last`.
    Last,
    /// A binary operator.
    Binary(Op, Box<Path>, Box<Path>),
    /// `+` or `-` (`true`).
    Unary(bool, Box<Path>),
    /// `!(…)`.
    Not(Box<Path>),
    /// `(…) is unknown`.
    IsUnknown(Box<Path>),
    /// `exists (…)`.
    Exists(Box<Path>),
    /// `… like_regex "…" flag "…"`.
    LikeRegex(Box<Path>, String, Flags),
    /// `.key`.
    Key(String),
    /// `.*`.
    AnyKey,
    /// `[*]`.
    AnyArray,
    /// `[a, b to c]`.
    Index(Vec<(Path, Option<Path>)>),
    /// `.**{from to to}`.
    Any(u32, u32),
    /// `?(…)`.
    Filter(Box<Path>),
    /// `.method()`.
    Method(Method),
    /// `.datetime("template")`.
    Datetime(Option<String>),
}

/// Reads a path. 42601 where it is not one.
pub fn parse(text: &str) -> Result<JsonPath> {
    parse::parse(text)
}

/// Whether what a path finds may depend on the session's time zone: it compares, and reads dates or times (`dated`: so are
/// its variables). Some paths that do not depend on it count, too.
pub fn depends_on_zone(p: &JsonPath, dated: bool) -> bool {
    fn look(p: &Path, found: &mut (bool, bool)) {
        for item in p {
            match item {
                Item::Datetime(_) => found.0 = true,
                Item::Binary(op, a, b) => {
                    found.1 |= matches!(
                        op,
                        Op::Equal | Op::NotEqual | Op::Less | Op::Greater | Op::LessEqual | Op::GreaterEqual
                    );
                    look(a, found);
                    look(b, found);
                }
                Item::Unary(_, a)
                | Item::Not(a)
                | Item::IsUnknown(a)
                | Item::Exists(a)
                | Item::LikeRegex(a, ..)
                | Item::Filter(a) => look(a, found),
                Item::Index(list) => {
                    for (a, b) in list {
                        look(a, found);
                        b.iter().for_each(|b| look(b, found));
                    }
                }
                _ => {}
            }
        }
    }
    let mut found = (dated, false);
    look(&p.root, &mut found);
    found == (true, true)
}

thread_local! {
    /// The path that this thread evaluated last: a statement applies one to many rows.
    static LAST_PATH: RefCell<Option<(String, Rc<JsonPath>)>> = const { RefCell::new(None) };
}

/// Reads a path that may just have been read.
pub fn parse_cached(text: &str) -> Result<Rc<JsonPath>> {
    LAST_PATH.with_borrow_mut(|last| {
        if let Some((t, p)) = last
            && t == text
        {
            return Ok(Rc::clone(p));
        }
        let p = Rc::new(parse(text)?);
        *last = Some((text.to_owned(), Rc::clone(&p)));
        Ok(p)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(s: &str) -> String {
        match parse(s) {
            Ok(p) => p.to_string(),
            Err(e) => e.message.to_string(),
        }
    }

    #[test]
    fn canonical_text() {
        for (from, to) in [
            ("lax $.a", r#"$."a""#),
            ("strict $.a[1 to last,3].type()", r#"strict $."a"[1 to last,3].type()"#),
            ("1 + 2 * 3 == 7", "(1 + 2 * 3 == 7)"),
            ("$.g ? (+@.x >= +-(+@.a + 2))", r#"$."g"?(+@."x" >= +(-(+@."a" + 2)))"#),
            ("1.2.e3", r#"(1.2)."e3""#),
            ("$.a.**{2 to 2}.b", r#"$."a".**{2}."b""#),
            ("$ ? (@ like_regex \"p\" flag \"isim\")", "$?(@ like_regex \"p\" flag \"ism\")"),
            ("(($ + 1)).a", "($ + 1).\"a\""),
            ("$--+1", "($ - -1)"),
            ("'", "syntax error at end of jsonpath input"),
            ("$.", "syntax error at end of jsonpath input"),
            ("1.type()", "trailing junk after numeric literal at or near \"1.t\" of jsonpath input"),
            ("@", "@ is not allowed in root expressions"),
            ("last", "LAST is allowed only in array subscripts"),
        ] {
            assert_eq!(shown(from), to, "{from}");
        }
    }
}
