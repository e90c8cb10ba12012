//! A path's canonical text.

use super::{Flags, Item, JsonPath, LAST_LEVEL, Op, Path};
use crate::jsonb::write_string;
use std::fmt;

fn quoted(s: &str) -> String {
    let mut out = String::new();
    write_string(s, &mut out);
    out
}

fn op_text(op: Op) -> &'static str {
    match op {
        Op::Or => "||",
        Op::And => "&&",
        Op::Equal => "==",
        Op::NotEqual => "!=",
        Op::Less => "<",
        Op::Greater => ">",
        Op::LessEqual => "<=",
        Op::GreaterEqual => ">=",
        Op::StartsWith => "starts with",
        Op::Add => "+",
        Op::Sub => "-",
        Op::Mul => "*",
        Op::Div => "/",
        Op::Mod => "%",
    }
}

impl Op {
    /// How errors name it.
    pub fn name(self) -> &'static str {
        op_text(self)
    }
}

/// How tightly an item binds.
fn priority(item: Option<&Item>) -> u8 {
    match item {
        Some(Item::Binary(op, ..)) => match op {
            Op::Or => 0,
            Op::And => 1,
            Op::Add | Op::Sub => 3,
            Op::Mul | Op::Div | Op::Mod => 4,
            _ => 2,
        },
        Some(Item::Unary(..)) => 5,
        _ => 6,
    }
}

/// Writes a path; `brackets` puts an operator at its head in parentheses.
fn path(f: &mut fmt::Formatter<'_>, p: &Path, brackets: bool) -> fmt::Result {
    for (i, x) in p.iter().enumerate() {
        item(f, x, i > 0, i + 1 < p.len(), brackets || i > 0)?;
    }
    Ok(())
}

fn operand(f: &mut fmt::Formatter<'_>, p: &Path, parent: &Item) -> fmt::Result {
    path(f, p, priority(p.first()) <= priority(Some(parent)))
}

fn bracketed(
    f: &mut fmt::Formatter<'_>,
    on: bool,
    body: impl FnOnce(&mut fmt::Formatter<'_>) -> fmt::Result,
) -> fmt::Result {
    if on {
        f.write_str("(")?;
    }
    body(f)?;
    if on {
        f.write_str(")")?;
    }
    Ok(())
}

fn level(f: &mut fmt::Formatter<'_>, n: u32) -> fmt::Result {
    if n == LAST_LEVEL { f.write_str("last") } else { write!(f, "{n}") }
}

fn flags(f: &mut fmt::Formatter<'_>, flags: Flags) -> fmt::Result {
    if flags == Flags::default() {
        return Ok(());
    }
    f.write_str(" flag \"")?;
    let all =
        [(flags.ignore_case, "i"), (flags.dot_all, "s"), (flags.lines, "m"), (flags.expanded, "x"), (flags.quote, "q")];
    for (on, c) in all {
        if on {
            f.write_str(c)?;
        }
    }
    f.write_str("\"")
}

fn item(f: &mut fmt::Formatter<'_>, x: &Item, in_key: bool, has_next: bool, brackets: bool) -> fmt::Result {
    match x {
        Item::Null => f.write_str("null"),
        Item::Bool(v) => write!(f, "{v}"),
        Item::Number(n) => bracketed(f, has_next, |f| write!(f, "{n}")),
        Item::String(s) => f.write_str(&quoted(s)),
        Item::Variable(s) => write!(f, "${}", quoted(s)),
        Item::Root => f.write_str("$"),
        Item::Current => f.write_str("@"),
        Item::Last => f.write_str("last"),
        Item::Binary(op, a, b) => bracketed(f, brackets, |f| {
            operand(f, a, x)?;
            write!(f, " {} ", op_text(*op))?;
            operand(f, b, x)
        }),
        Item::Unary(minus, a) => bracketed(f, brackets, |f| {
            f.write_str(if *minus { "-" } else { "+" })?;
            operand(f, a, x)
        }),
        Item::Not(a) => {
            f.write_str("!(")?;
            path(f, a, false)?;
            f.write_str(")")
        }
        Item::IsUnknown(a) => {
            f.write_str("(")?;
            path(f, a, false)?;
            f.write_str(") is unknown")
        }
        Item::Exists(a) => {
            f.write_str("exists (")?;
            path(f, a, false)?;
            f.write_str(")")
        }
        Item::LikeRegex(a, pattern, fl) => bracketed(f, brackets, |f| {
            operand(f, a, x)?;
            write!(f, " like_regex {}", quoted(pattern))?;
            flags(f, *fl)
        }),
        Item::Key(k) => {
            if in_key {
                f.write_str(".")?;
            }
            f.write_str(&quoted(k))
        }
        Item::AnyKey => f.write_str(if in_key { ".*" } else { "*" }),
        Item::AnyArray => f.write_str("[*]"),
        Item::Index(list) => {
            f.write_str("[")?;
            for (i, (from, to)) in list.iter().enumerate() {
                if i > 0 {
                    f.write_str(",")?;
                }
                path(f, from, false)?;
                if let Some(to) = to {
                    f.write_str(" to ")?;
                    path(f, to, false)?;
                }
            }
            f.write_str("]")
        }
        Item::Any(from, to) => {
            if in_key {
                f.write_str(".")?;
            }
            f.write_str("**")?;
            if (*from, *to) == (0, LAST_LEVEL) {
                return Ok(());
            }
            f.write_str("{")?;
            level(f, *from)?;
            if from != to {
                f.write_str(" to ")?;
                level(f, *to)?;
            }
            f.write_str("}")
        }
        Item::Filter(a) => {
            f.write_str("?(")?;
            path(f, a, false)?;
            f.write_str(")")
        }
        Item::Method(m) => write!(f, ".{}()", m.name()),
        Item::Datetime(None) => f.write_str(".datetime()"),
        Item::Datetime(Some(t)) => write!(f, ".datetime({})", quoted(t)),
    }
}

impl fmt::Display for JsonPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.strict {
            f.write_str("strict ")?;
        }
        path(f, &self.root, true)
    }
}
