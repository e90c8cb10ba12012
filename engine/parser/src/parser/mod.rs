//! Recursive descent over the tokens, with precedence climbing for expressions (`expr`). No backtracking except where a
//! file says so, so parsing takes time linear in the text.
//!
//! Depth. Every recursive step goes through [`Parser::enter`], which measures the stack actually used since the parse
//! began and fails with 54001 beyond [`STACK_BUDGET`]. Loops that build left-leaning trees without recursing raise
//! [`Parser::height`], which is bounded by [`MAX_HEIGHT`] and reported to the caller.

mod alter;
mod copy;
mod ddl;
mod dml;
mod expr;
mod from;
mod func;
mod merge;
mod names;
mod opclass;
mod policy;
mod query;
mod role;
mod routine;
mod rule;
mod search;
mod sqljson;
mod sqljson_make;
mod statement;
mod statistics;
mod table;
mod type_ddl;
mod types;
mod utility;
mod xml;

pub(crate) use statement::statements;

use crate::ast::{Ident, IntoClause, NO_POS, Pos};
use crate::keywords::{Category, Kw, NONE, category, kw};
use crate::lexer::{LexError, Lexer, T, Token, string_value, unicode_escapes};
use rustydb_base::{DbError, Result, SqlState};
use std::collections::VecDeque;

/// Stack one parse may use, in bytes.
pub const STACK_BUDGET: usize = 1024 * 1024;

/// Most levels a tree may have when it grows without recursion (`1 + 1 + …`).
pub const MAX_HEIGHT: u32 = 12_000;

/// Longest identifier in bytes.
const MAX_IDENT: usize = 63;

/// Most notices kept for one string.
const MAX_NOTICES: usize = 100;

/// The parser: a lexer, the present token, what was looked at beyond it.
pub(crate) struct Parser<'a> {
    sql: &'a str,
    lexer: Lexer<'a>,
    tok: Token,
    ahead: VecDeque<Token>,
    /// End of the token before the present one.
    prev_end: u32,
    /// Address of a local of the entry point.
    stack_base: usize,
    /// Height of the highest tree finished in the present expression.
    height: u32,
    /// Highest parameter number seen in the present statement.
    params: u32,
    /// INTO met in the present statement: the clause, the place of its SELECT, its own place.
    into: Option<(IntoClause, Pos, Pos)>,
    /// Notices about the present statement.
    notices: Vec<DbError>,
}

/// A place to come back to.
#[derive(Clone, Copy)]
struct Mark {
    tok: Token,
    prev_end: u32,
}

/// Address of something on the stack right here.
#[inline(never)]
fn stack_address() -> usize {
    let here = 0u8;
    std::ptr::from_ref(std::hint::black_box(&here)).addr()
}

impl<'a> Parser<'a> {
    pub fn new(sql: &'a str, standard_strings: bool) -> Parser<'a> {
        let mut lexer = Lexer::new(sql, standard_strings);
        let tok = lexer.next();
        Parser {
            sql,
            lexer,
            tok,
            ahead: VecDeque::new(),
            prev_end: 0,
            stack_base: stack_address(),
            height: 0,
            params: 0,
            into: None,
            notices: vec![],
        }
    }

    // ---- depth ----

    /// Called by every function that may recurse.
    fn enter(&self) -> Result<()> {
        if stack_address().abs_diff(self.stack_base) > STACK_BUDGET {
            return Err(too_deep());
        }
        Ok(())
    }
    /// Called by every loop that puts one more level on a tree.
    fn grow(&mut self) -> Result<()> {
        self.height += 1;
        if self.height > MAX_HEIGHT { Err(too_deep()) } else { Ok(()) }
    }

    // ---- tokens ----

    fn pos(&self) -> Pos {
        self.tok.start
    }
    fn kind(&self) -> T {
        self.tok.kind
    }
    fn text(&self, t: Token) -> &'a str {
        self.sql.get(t.start as usize..t.end as usize).unwrap_or_default()
    }
    /// The n-th token after the present one.
    fn peek(&mut self, n: usize) -> Token {
        if n == 0 {
            return self.tok;
        }
        while self.ahead.len() < n {
            if let Some(t) = self.ahead.back()
                && matches!(t.kind, T::Eof | T::Error)
            {
                return *t;
            }
            if self.ahead.is_empty() && matches!(self.tok.kind, T::Eof | T::Error) {
                return self.tok;
            }
            let t = self.lexer.next();
            self.ahead.push_back(t);
        }
        self.ahead[n - 1]
    }
    /// Moves on; returns the token left behind. Stays at the end and at an error.
    fn bump(&mut self) -> Token {
        let t = self.tok;
        if !matches!(t.kind, T::Eof | T::Error) {
            self.prev_end = t.end;
            self.tok = self.ahead.pop_front().unwrap_or_else(|| self.lexer.next());
        }
        t
    }
    fn mark(&self) -> Mark {
        Mark { tok: self.tok, prev_end: self.prev_end }
    }
    fn reset(&mut self, m: Mark) {
        self.tok = m.tok;
        self.prev_end = m.prev_end;
        self.ahead.clear();
        self.lexer.seek(m.tok.end as usize);
    }
    fn at(&self, k: Kw) -> bool {
        self.tok.kind == T::Word && self.tok.kw == k
    }
    fn at_any(&self, ks: &[Kw]) -> bool {
        self.tok.kind == T::Word && ks.contains(&self.tok.kw)
    }
    fn peek_at(&mut self, n: usize, k: Kw) -> bool {
        let t = self.peek(n);
        t.kind == T::Word && t.kw == k
    }
    fn peek_word(&mut self, n: usize, word: &str) -> bool {
        let t = self.peek(n);
        t.kind == T::Word && self.text(t).eq_ignore_ascii_case(word)
    }
    fn eat(&mut self, k: Kw) -> bool {
        let yes = self.at(k);
        if yes {
            self.bump();
        }
        yes
    }
    /// Eats all of a sequence of keywords or none of it.
    fn eat_seq(&mut self, ks: &[Kw]) -> bool {
        for (i, k) in ks.iter().enumerate() {
            if !self.peek_at(i, *k) {
                return false;
            }
        }
        for _ in ks {
            self.bump();
        }
        true
    }
    fn expect(&mut self, k: Kw) -> Result<()> {
        if self.eat(k) { Ok(()) } else { self.unexpected() }
    }
    fn at_ch(&self, c: u8) -> bool {
        self.tok.kind == T::Ch && self.tok.kw == Kw::from(c)
    }
    fn peek_ch(&mut self, n: usize, c: u8) -> bool {
        let t = self.peek(n);
        t.kind == T::Ch && t.kw == Kw::from(c)
    }
    fn eat_ch(&mut self, c: u8) -> bool {
        let yes = self.at_ch(c);
        if yes {
            self.bump();
        }
        yes
    }
    fn expect_ch(&mut self, c: u8) -> Result<()> {
        if self.eat_ch(c) { Ok(()) } else { self.unexpected() }
    }
    /// A word without keyword number that spells `word` (words that are no keywords but act as such in one place).
    fn at_word(&self, word: &str) -> bool {
        self.tok.kind == T::Word && self.text(self.tok).eq_ignore_ascii_case(word)
    }
    fn eat_word(&mut self, word: &str) -> bool {
        let yes = self.at_word(word);
        if yes {
            self.bump();
        }
        yes
    }
    fn at_end(&self) -> bool {
        self.tok.kind == T::Eof || self.at_ch(b';')
    }
    fn is_str(kind: T) -> bool {
        matches!(kind, T::Str | T::EStr | T::UStr | T::Dollar)
    }
    fn at_str(&self) -> bool {
        Self::is_str(self.tok.kind)
    }
    fn range_from(&self, start: Pos) -> std::ops::Range<usize> {
        start as usize..(self.prev_end.max(start)) as usize
    }

    // ---- errors ----

    /// The error for the present token.
    fn unexpected<R>(&self) -> Result<R> {
        Err(self.unexpected_error(self.tok))
    }
    fn unexpected_error(&self, t: Token) -> DbError {
        match t.kind {
            T::Error => self.lex_error(),
            T::Eof => self.error_at("syntax error at end of input", t.start),
            _ => self.near("syntax error", t),
        }
    }
    fn lex_error(&self) -> DbError {
        let LexError { message, start, end } =
            self.lexer.error.clone().unwrap_or(LexError { message: "syntax error", start: 0, end: 0 });
        let near = self.sql.get(start..end).unwrap_or_default();
        self.error_at(format!("{message} at or near \"{near}\""), start as u32)
    }
    /// `message at or near "token"`, pointing at the token.
    fn near(&self, message: &str, t: Token) -> DbError {
        if t.kind == T::Eof {
            return self.error_at(format!("{message} at end of input"), t.start);
        }
        self.error_at(format!("{message} at or near \"{}\"", self.text(t)), t.start)
    }
    /// A syntax error (42601) with a message of its own.
    fn error_at(&self, message: impl Into<std::borrow::Cow<'static, str>>, pos: Pos) -> DbError {
        self.place(DbError::new(SqlState::SYNTAX_ERROR, message), pos)
    }
    /// Adds a position to an error.
    fn place(&self, e: DbError, pos: Pos) -> DbError {
        if pos == NO_POS { e } else { e.at(crate::char_position(self.sql, pos)) }
    }
    fn unsupported<R>(&self, what: &str, pos: Pos) -> Result<R> {
        Err(self.place(DbError::unsupported(format!("{what} is not supported yet")), pos))
    }

    // ---- words ----

    /// The identifier a token stands for, folded and cut.
    fn ident_of(&mut self, t: Token) -> Result<Ident> {
        let raw = self.text(t);
        let value = match t.kind {
            T::Quoted => raw.get(1..raw.len() - 1).unwrap_or_default().replace("\"\"", "\""),
            T::UQuoted => {
                let body = raw.get(3..raw.len() - 1).unwrap_or_default().replace("\"\"", "\"");
                self.decode_unicode(&body, t)?
            }
            _ => raw.to_ascii_lowercase(),
        };
        Ok(Ident { value: self.cut(value), pos: t.start })
    }
    fn cut(&mut self, mut value: String) -> String {
        if value.len() <= MAX_IDENT {
            return value;
        }
        let mut end = MAX_IDENT;
        while !value.is_char_boundary(end) {
            end -= 1;
        }
        let message = format!("identifier \"{value}\" will be truncated to \"{}\"", &value[..end]);
        if self.notices.len() < MAX_NOTICES {
            self.notices.push(DbError::new(SqlState::NAME_TOO_LONG, message));
        }
        value.truncate(end);
        value
    }
    /// Decodes a `U&` body; the token has been passed, an UESCAPE clause may follow.
    fn decode_unicode(&mut self, body: &str, t: Token) -> Result<String> {
        let mut escape = '\\';
        if self.at(kw::UESCAPE) {
            self.bump();
            if self.kind() != T::Str {
                return Err(self.near("UESCAPE must be followed by a simple string literal", self.tok));
            }
            let lit = self.bump();
            let text = string_value(lit.kind, self.text(lit)).map_err(|e| self.place(e.0, lit.start))?;
            let mut chars = text.chars();
            match (chars.next(), chars.next()) {
                (Some(c), None)
                    if !c.is_ascii_hexdigit() && !matches!(c, '+' | '\'' | '"') && !c.is_ascii_whitespace() =>
                {
                    escape = c;
                }
                _ => return Err(self.near("invalid Unicode escape character", lit)),
            }
        }
        unicode_escapes(body, escape).map_err(|(e, i)| self.place(e, t.start + 3 + i as u32))
    }
    fn word_is(t: Token, ok: impl Fn(Category) -> bool) -> bool {
        match t.kind {
            T::Word => t.kw == NONE || category(t.kw).is_some_and(ok),
            T::Quoted | T::UQuoted => true,
            _ => false,
        }
    }
    fn is_col_id(t: Token) -> bool {
        Self::word_is(t, |c| matches!(c, Category::Unreserved | Category::ColName))
    }
    fn is_type_func_name(t: Token) -> bool {
        Self::word_is(t, |c| matches!(c, Category::Unreserved | Category::TypeFuncName))
    }
    fn is_label(t: Token) -> bool {
        Self::word_is(t, |_| true)
    }
    fn is_bare_label(t: Token) -> bool {
        match t.kind {
            T::Word => t.kw == NONE || crate::keywords::is_bare_label(t.kw),
            T::Quoted | T::UQuoted => true,
            _ => false,
        }
    }
    fn is_non_reserved_word(t: Token) -> bool {
        Self::word_is(t, |c| c != Category::Reserved)
    }
    fn take(&mut self, ok: fn(Token) -> bool) -> Result<Ident> {
        if !ok(self.tok) {
            return self.unexpected();
        }
        let t = self.bump();
        self.ident_of(t)
    }
    /// Name of a column, table, schema…
    fn col_id(&mut self) -> Result<Ident> {
        self.take(Self::is_col_id)
    }
    /// Any word.
    fn label(&mut self) -> Result<Ident> {
        self.take(Self::is_label)
    }
    fn is_col_id_here(&self) -> bool {
        Self::is_col_id(self.tok)
    }

    // ---- literals ----

    /// A string literal of any style.
    fn string(&mut self) -> Result<String> {
        if !self.at_str() {
            return self.unexpected();
        }
        let t = self.bump();
        self.string_of(t)
    }
    fn string_of(&mut self, t: Token) -> Result<String> {
        let value = string_value(t.kind, self.text(t))
            .map_err(|(e, i)| if i == usize::MAX { e } else { self.place(e, t.start + i as u32) })?;
        if t.kind == T::UStr { self.decode_unicode(&value, t) } else { Ok(value) }
    }
    /// An integer token as a number that fits 32 bits (grammar's Iconst).
    fn small_int(&mut self) -> Result<i32> {
        match self.int_value(self.tok).and_then(|v| i32::try_from(v).ok()) {
            Some(v) => {
                self.bump();
                Ok(v)
            }
            None => self.unexpected(),
        }
    }
    /// An integer with sign that fits 32 bits.
    fn signed_int(&mut self) -> Result<i32> {
        let negative = self.at_ch(b'-');
        if negative || self.at_ch(b'+') {
            self.bump();
        }
        let v = self.small_int()?;
        Ok(if negative { -v } else { v })
    }
    /// Value of an integer token if it fits 64 bits.
    fn int_value(&self, t: Token) -> Option<i64> {
        if t.kind != T::Int {
            return None;
        }
        self.text(t).parse().ok()
    }
    /// A number with optional sign, as text (grammar's NumericOnly).
    fn numeric_only(&mut self) -> Result<String> {
        let negative = self.at_ch(b'-');
        if negative || self.at_ch(b'+') {
            self.bump();
        }
        if !matches!(self.kind(), T::Int | T::Num) {
            return self.unexpected();
        }
        let t = self.bump();
        let text = match self.int_value(t) {
            Some(v) => v.to_string(),
            None => self.text(t).to_owned(),
        };
        Ok(if negative { format!("-{text}") } else { text })
    }

    // ---- lists ----

    /// One or more, separated by commas.
    fn comma_list<R>(&mut self, mut item: impl FnMut(&mut Self) -> Result<R>) -> Result<Vec<R>> {
        let mut out = vec![item(self)?];
        while self.eat_ch(b',') {
            out.push(item(self)?);
        }
        Ok(out)
    }
    /// The same in parentheses.
    fn paren_list<R>(&mut self, item: impl FnMut(&mut Self) -> Result<R>) -> Result<Vec<R>> {
        self.expect_ch(b'(')?;
        let out = self.comma_list(item)?;
        self.expect_ch(b')')?;
        Ok(out)
    }
    /// `(a, b)` of column names, if there.
    fn opt_column_list(&mut self) -> Result<Vec<Ident>> {
        if self.at_ch(b'(') { self.paren_list(Self::col_id) } else { Ok(vec![]) }
    }
}

fn too_deep() -> DbError {
    DbError::new(SqlState::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded")
        .hint("Increase the configuration parameter \"max_stack_depth\" (currently 2048kB), after ensuring the platform's stack depth limit is adequate.")
}
