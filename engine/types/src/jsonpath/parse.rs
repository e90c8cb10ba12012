//! From words to the tree. Expressions and predicates share one ladder of precedence; each part says which it is, so that
//! a predicate where a value is wanted, or the other way round, is a syntax error as in the grammar.

use super::lex::{Lexed, Token, error_near, lex};
use super::{Flags, Item, JsonPath, LAST_LEVEL, Method, Op, Path};
use crate::numeric::Numeric;
use crate::regexp::ast::Syntax;
use crate::regexp::compiled;
use rustydb_base::{DbError, Result, SqlState};

/// Deepest nesting of parentheses.
const MAX_DEPTH: u32 = 3000;

struct Parser<'a> {
    text: &'a str,
    words: Vec<Lexed>,
    at: usize,
    depth: u32,
    /// How many filters we are in.
    filters: u32,
    /// How many subscripts we are in.
    subscripts: u32,
}

/// A part and what it is.
struct Part {
    path: Path,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Value,
    Predicate,
    /// A predicate in parentheses, or `exists (…)`: what `!` may stand before.
    Delimited,
}

fn value(path: Path) -> Part {
    Part { path, kind: Kind::Value }
}

fn predicate(item: Item) -> Part {
    Part { path: vec![item], kind: Kind::Predicate }
}

/// Reads a path.
pub(super) fn parse(text: &str) -> Result<JsonPath> {
    if text.trim_matches([' ', '\t', '\n', '\r', '\x0c']).is_empty() {
        return Err(DbError::new(
            SqlState::INVALID_TEXT_REPRESENTATION,
            format!("invalid input syntax for type jsonpath: \"{text}\""),
        ));
    }
    let mut p = Parser { text, words: lex(text)?, at: 0, depth: 0, filters: 0, subscripts: 0 };
    let strict = p.word("strict");
    if !strict {
        p.word("lax");
    }
    let root = p.or()?;
    if p.peek() != &Token::End {
        return Err(p.unexpected());
    }
    Ok(JsonPath { strict, root: root.path })
}

/// Whether an unquoted name is this keyword.
fn is_word(t: &Token, keyword: &str) -> bool {
    match t {
        Token::Word(w, false) if matches!(keyword, "null" | "true" | "false") => w == keyword,
        Token::Word(w, false) => w.eq_ignore_ascii_case(keyword),
        _ => false,
    }
}

impl Parser<'_> {
    fn peek(&self) -> &Token {
        self.words.get(self.at).map_or(&Token::End, |w| &w.token)
    }

    fn peek_after(&self) -> &Token {
        self.words.get(self.at + 1).map_or(&Token::End, |w| &w.token)
    }

    fn unexpected(&self) -> DbError {
        let near = match self.words.get(self.at) {
            // PostgreSQL knows that a name without quotes is one when it has met the end.
            Some(w) if matches!(w.token, Token::Word(_, false)) && w.end == self.text.len() => "",
            Some(w) => &self.text[w.start..w.end],
            None => "",
        };
        error_near("syntax error", near)
    }

    fn mark(&mut self, m: &str) -> bool {
        let found = matches!(self.peek(), Token::Mark(x) if *x == m);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, m: &str) -> Result<()> {
        if self.mark(m) { Ok(()) } else { Err(self.unexpected()) }
    }

    fn word(&mut self, keyword: &str) -> bool {
        let found = is_word(self.peek(), keyword);
        self.at += usize::from(found);
        found
    }

    fn wanted(&self, p: Part, value: bool) -> Result<Path> {
        if (p.kind == Kind::Value) == value { Ok(p.path) } else { Err(self.unexpected()) }
    }

    fn or(&mut self) -> Result<Part> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(DbError::new(SqlState::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded"));
        }
        let mut left = self.and()?;
        while matches!(self.peek(), Token::Mark("||")) && left.kind != Kind::Value {
            self.at += 1;
            let right = self.and()?;
            let right = self.wanted(right, false)?;
            left = predicate(Item::Binary(Op::Or, Box::new(left.path), Box::new(right)));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn and(&mut self) -> Result<Part> {
        let mut left = self.comparison()?;
        while matches!(self.peek(), Token::Mark("&&")) && left.kind != Kind::Value {
            self.at += 1;
            let right = self.comparison()?;
            let right = self.wanted(right, false)?;
            left = predicate(Item::Binary(Op::And, Box::new(left.path), Box::new(right)));
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Result<Part> {
        if self.mark("!") {
            let at = self.at;
            let p = self.primary_part()?;
            if p.kind != Kind::Delimited {
                self.at = at;
                return Err(self.unexpected());
            }
            return Ok(predicate(Item::Not(Box::new(p.path))));
        }
        let left = self.additive()?;
        if left.kind != Kind::Value {
            return Ok(left);
        }
        let op = match self.peek() {
            Token::Mark("==") => Op::Equal,
            Token::Mark("!=" | "<>") => Op::NotEqual,
            Token::Mark("<") => Op::Less,
            Token::Mark(">") => Op::Greater,
            Token::Mark("<=") => Op::LessEqual,
            Token::Mark(">=") => Op::GreaterEqual,
            t if is_word(t, "starts") => {
                self.at += 1;
                if !self.word("with") {
                    return Err(self.unexpected());
                }
                let initial = match self.peek().clone() {
                    Token::String(s) => Item::String(s),
                    Token::Variable(s) => Item::Variable(s),
                    _ => return Err(self.unexpected()),
                };
                self.at += 1;
                return Ok(predicate(Item::Binary(Op::StartsWith, Box::new(left.path), Box::new(vec![initial]))));
            }
            t if is_word(t, "like_regex") => {
                self.at += 1;
                return self.like_regex(left.path);
            }
            _ => return Ok(left),
        };
        self.at += 1;
        let right = self.additive()?;
        let right = self.wanted(right, true)?;
        Ok(predicate(Item::Binary(op, Box::new(left.path), Box::new(right))))
    }

    fn string(&mut self) -> Result<String> {
        match self.peek().clone() {
            Token::String(s) => {
                self.at += 1;
                Ok(s)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn like_regex(&mut self, left: Path) -> Result<Part> {
        let pattern = self.string()?;
        let mut flags = Flags::default();
        if self.word("flag") {
            for c in self.string()?.chars() {
                match c {
                    'i' => flags.ignore_case = true,
                    's' => flags.dot_all = true,
                    'm' => flags.lines = true,
                    'x' => flags.expanded = true,
                    'q' => flags.quote = true,
                    c => {
                        return Err(DbError::new(SqlState::SYNTAX_ERROR, "invalid input syntax for type jsonpath")
                            .detail(format!("Unrecognized flag character \"{c}\" in LIKE_REGEX predicate.")));
                    }
                }
            }
        }
        compiled(&pattern, syntax(flags)?)?;
        Ok(predicate(Item::LikeRegex(Box::new(left), pattern, flags)))
    }

    fn additive(&mut self) -> Result<Part> {
        let mut left = self.multiplicative()?;
        loop {
            let op = match self.peek() {
                Token::Mark("+") => Op::Add,
                Token::Mark("-") => Op::Sub,
                _ => return Ok(left),
            };
            left = self.binary(left, op, Self::multiplicative)?;
        }
    }

    fn multiplicative(&mut self) -> Result<Part> {
        let mut left = self.unary()?;
        loop {
            let op = match self.peek() {
                Token::Mark("*") => Op::Mul,
                Token::Mark("/") => Op::Div,
                Token::Mark("%") => Op::Mod,
                _ => return Ok(left),
            };
            left = self.binary(left, op, Self::unary)?;
        }
    }

    fn binary(&mut self, left: Part, op: Op, right: fn(&mut Self) -> Result<Part>) -> Result<Part> {
        let left = self.wanted(left, true)?;
        self.at += 1;
        let right = right(self)?;
        let right = self.wanted(right, true)?;
        Ok(value(vec![Item::Binary(op, Box::new(left), Box::new(right))]))
    }

    fn unary(&mut self) -> Result<Part> {
        let minus = match self.peek() {
            Token::Mark("-") => true,
            Token::Mark("+") => false,
            _ => return self.primary_part(),
        };
        self.at += 1;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(DbError::new(SqlState::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded"));
        }
        let arg = self.unary()?;
        self.depth -= 1;
        let arg = self.wanted(arg, true)?;
        // The sign of a literal is part of it.
        Ok(value(match (&arg[..], minus) {
            ([Item::Number(n)], true) => vec![Item::Number(n.neg())],
            ([Item::Number(_)], false) => arg,
            _ => vec![Item::Unary(minus, Box::new(arg))],
        }))
    }

    fn primary_part(&mut self) -> Result<Part> {
        if is_word(self.peek(), "exists") && matches!(self.peek_after(), Token::Mark("(")) {
            self.at += 2;
            let inner = self.or()?;
            let inner = self.wanted(inner, true)?;
            self.expect(")")?;
            return Ok(Part { path: vec![Item::Exists(Box::new(inner))], kind: Kind::Delimited });
        }
        if self.mark("(") {
            let inner = self.or()?;
            self.expect(")")?;
            if inner.kind != Kind::Value && self.word("is") {
                if !self.word("unknown") {
                    return Err(self.unexpected());
                }
                return Ok(predicate(Item::IsUnknown(Box::new(inner.path))));
            }
            let kind = if inner.kind == Kind::Value { Kind::Value } else { Kind::Delimited };
            let mut path = inner.path;
            // A predicate with an accessor is a value.
            let kind = if self.accessors(&mut path)? { Kind::Value } else { kind };
            return Ok(Part { path, kind });
        }
        let head = match self.peek().clone() {
            Token::String(s) => Item::String(s),
            Token::Variable(s) => Item::Variable(s),
            Token::Number(n) => Item::Number(n),
            Token::Int(s) => Item::Number(s.parse::<Numeric>()?),
            Token::Mark("$") => Item::Root,
            Token::Mark("@") => {
                if self.filters == 0 {
                    return Err(DbError::new(SqlState::SYNTAX_ERROR, "@ is not allowed in root expressions"));
                }
                Item::Current
            }
            t if is_word(&t, "null") => Item::Null,
            t if is_word(&t, "true") => Item::Bool(true),
            t if is_word(&t, "false") => Item::Bool(false),
            t if is_word(&t, "last") => {
                if self.subscripts == 0 {
                    return Err(DbError::new(SqlState::SYNTAX_ERROR, "LAST is allowed only in array subscripts"));
                }
                Item::Last
            }
            _ => return Err(self.unexpected()),
        };
        self.at += 1;
        let mut path = vec![head];
        self.accessors(&mut path)?;
        Ok(value(path))
    }

    /// Accessors after a part; whether there were any.
    fn accessors(&mut self, path: &mut Path) -> Result<bool> {
        let before = path.len();
        loop {
            if self.mark("?") {
                self.expect("(")?;
                self.filters += 1;
                let p = self.or()?;
                self.filters -= 1;
                let p = self.wanted(p, false)?;
                self.expect(")")?;
                path.push(Item::Filter(Box::new(p)));
            } else if self.mark("[") {
                path.push(self.subscript()?);
            } else if self.mark(".") {
                path.push(self.member()?);
            } else {
                return Ok(path.len() > before);
            }
        }
    }

    fn subscript(&mut self) -> Result<Item> {
        if matches!(self.peek(), Token::Mark("*")) && matches!(self.peek_after(), Token::Mark("]")) {
            self.at += 2;
            return Ok(Item::AnyArray);
        }
        self.subscripts += 1;
        let mut list = Vec::new();
        loop {
            let from = self.additive()?;
            let from = self.wanted(from, true)?;
            let to = if self.word("to") {
                let to = self.additive()?;
                Some(self.wanted(to, true)?)
            } else {
                None
            };
            list.push((from, to));
            if !self.mark(",") {
                break;
            }
        }
        self.subscripts -= 1;
        self.expect("]")?;
        Ok(Item::Index(list))
    }

    fn level(&mut self) -> Result<u32> {
        if self.word("last") {
            return Ok(LAST_LEVEL);
        }
        match self.peek() {
            Token::Int(s) => {
                let n = s.parse().map_err(|_| {
                    DbError::new(
                        SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
                        format!("value \"{s}\" is out of range for type integer"),
                    )
                })?;
                self.at += 1;
                Ok(n)
            }
            _ => Err(self.unexpected()),
        }
    }

    fn member(&mut self) -> Result<Item> {
        if self.mark("*") {
            return Ok(Item::AnyKey);
        }
        if self.mark("**") {
            if !self.mark("{") {
                return Ok(Item::Any(0, LAST_LEVEL));
            }
            let from = self.level()?;
            let to = if self.word("to") { self.level()? } else { from };
            self.expect("}")?;
            return Ok(Item::Any(from, to));
        }
        let name = match self.peek().clone() {
            Token::String(s) => {
                self.at += 1;
                return Ok(Item::Key(s));
            }
            Token::Word(w, _) => w,
            _ => return Err(self.unexpected()),
        };
        let word = self.peek().clone();
        self.at += 1;
        if !matches!(self.peek(), Token::Mark("(")) {
            return Ok(Item::Key(name));
        }
        let methods =
            [Method::Type, Method::Size, Method::Abs, Method::Floor, Method::Ceiling, Method::Double, Method::KeyValue];
        if let Some(m) = methods.into_iter().find(|m| is_word(&word, m.name())) {
            self.at += 1;
            self.expect(")")?;
            return Ok(Item::Method(m));
        }
        if is_word(&word, "datetime") {
            self.at += 1;
            let template = if matches!(self.peek(), Token::String(_)) { Some(self.string()?) } else { None };
            self.expect(")")?;
            return Ok(Item::Datetime(template));
        }
        Err(self.unexpected())
    }
}

/// What `like_regex` flags mean for our patterns.
pub(super) fn syntax(f: Flags) -> Result<Syntax> {
    if f.expanded && !f.quote {
        return Err(DbError::unsupported("XQuery \"x\" flag (expanded regular expressions) is not implemented"));
    }
    Ok(Syntax {
        ignore_case: f.ignore_case,
        newline_stops: !f.dot_all && !f.quote,
        newline_anchors: f.lines && !f.quote,
        expanded: false,
        quote: f.quote,
    })
}
