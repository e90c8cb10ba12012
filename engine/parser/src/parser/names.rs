//! Qualified names, aliases, option lists, roles.

use super::Parser;
use crate::ast::{Alias, DefOption, DefValue, Ident, NO_POS, Name, RoleSpec};
use crate::keywords::kw;
use crate::lexer::{T, Token};
use rustydb_base::{DbError, Result, SqlState};

impl Parser<'_> {
    /// A name of up to three parts from identifiers.
    pub(super) fn name_from(&self, mut parts: Vec<Ident>) -> Result<Name> {
        if parts.len() > 3 {
            let all: Vec<&str> = parts.iter().map(|p| p.value.as_str()).collect();
            let message = format!("improper qualified name (too many dotted names): {}", all.join("."));
            let pos = parts.first().map_or(NO_POS, |p| p.pos);
            return Err(self.error_at(message, pos));
        }
        let Some(name) = parts.pop() else { return Err(DbError::internal("a name without parts")) };
        let schema = parts.pop();
        Ok(Name { catalog: parts.pop(), schema, name })
    }
    /// `.a.b` after a first part.
    pub(super) fn more_parts(&mut self, first: Ident) -> Result<Vec<Ident>> {
        let mut parts = vec![first];
        while self.eat_ch(b'.') {
            parts.push(self.label()?);
            self.bound_parts(&parts)?;
        }
        Ok(parts)
    }
    /// No name has more than a few parts; beyond this the text is nonsense or an attack.
    fn bound_parts(&self, parts: &[Ident]) -> Result<()> {
        if parts.len() > 100 {
            return self.name_from(parts.to_vec()).map(|_| ());
        }
        Ok(())
    }
    /// A table, view, sequence, type…: ColId, then labels.
    pub(super) fn qualified_name(&mut self) -> Result<Name> {
        let first = self.col_id()?;
        let parts = self.more_parts(first)?;
        self.name_from(parts)
    }
    /// A function's name: an unqualified one may not be a column-name keyword.
    pub(super) fn func_name(&mut self) -> Result<Name> {
        let qualified = self.peek_ch(1, b'.');
        let ok: fn(Token) -> bool = if qualified { Self::is_col_id } else { Self::is_type_func_name };
        let first = self.take(ok)?;
        let parts = self.more_parts(first)?;
        self.name_from(parts)
    }
    /// A name in a place where only the last part counts (index of its own table's schema).
    pub(super) fn opt_alias(&mut self) -> Result<Option<Alias>> {
        if !self.eat(kw::AS) && !self.is_col_id_here() {
            return Ok(None);
        }
        let name = self.col_id()?;
        let columns = self.opt_column_list()?;
        Ok(Some(Alias { name, columns }))
    }

    /// An operator token, without qualification.
    pub(super) fn operator_text(&self, t: Token) -> Option<&str> {
        match t.kind {
            T::Op | T::Le | T::Ge => Some(self.text(t)),
            T::Ne => Some("<>"),
            T::Arrow => Some("=>"),
            T::Ch if b"+-*/%^<>=".iter().any(|c| t.kw == u16::from(*c)) => Some(self.text(t)),
            _ => None,
        }
    }
    /// `+` or `s.+` (grammar's any_operator).
    pub(super) fn any_operator(&mut self) -> Result<Name> {
        let mut parts = vec![];
        while self.is_col_id_here() {
            parts.push(self.col_id()?);
            self.expect_ch(b'.')?;
            self.bound_parts(&parts)?;
        }
        match self.operator_text(self.tok) {
            Some(op) if self.kind() != T::Arrow => {
                let op = Ident { value: op.to_owned(), pos: self.pos() };
                self.bump();
                parts.push(op);
                self.name_from(parts)
            }
            _ => self.unexpected(),
        }
    }
    /// `OPERATOR(s.+)`, the word OPERATOR being the present token.
    pub(super) fn operator_clause(&mut self) -> Result<Name> {
        self.expect(kw::OPERATOR)?;
        self.expect_ch(b'(')?;
        let op = self.any_operator()?;
        self.expect_ch(b')')?;
        Ok(op)
    }

    // ---- options ----

    /// `(name [= value], …)` of WITH.
    pub(super) fn rel_options(&mut self) -> Result<Vec<DefOption>> {
        self.paren_list(|p| {
            let mut name = p.label()?;
            let mut namespace = None;
            if p.eat_ch(b'.') {
                namespace = Some(name);
                name = p.label()?;
            }
            let value = if p.eat_ch(b'=') { Some(p.def_value()?) } else { None };
            Ok(DefOption { namespace, name, value })
        })
    }
    /// `WITH (…)`, if there.
    pub(super) fn opt_with_options(&mut self) -> Result<Vec<DefOption>> {
        if self.eat(kw::WITH) {
            return self.rel_options();
        }
        Ok(vec![])
    }
    /// `(name [value], …)` of EXPLAIN, VACUUM, COPY…
    pub(super) fn utility_options(&mut self) -> Result<Vec<DefOption>> {
        self.paren_list(|p| {
            // ANALYZE and the like are reserved words, but option names here.
            let name = if p.at(kw::ANALYSE) {
                let t = p.bump();
                Ident { value: "analyze".into(), pos: t.start }
            } else {
                p.label()?
            };
            let value = if p.at_ch(b',') || p.at_ch(b')') { None } else { Some(p.utility_value()?) };
            Ok(DefOption { namespace: None, name, value })
        })
    }
    fn utility_value(&mut self) -> Result<DefValue> {
        if self.eat_ch(b'*') {
            return Ok(DefValue::Star);
        }
        if self.at_ch(b'(') {
            let list = self.paren_list(Self::word_or_string)?;
            return Ok(DefValue::List(list));
        }
        if self.at_str() || Self::is_label(self.tok) {
            return self.word_or_string();
        }
        Ok(DefValue::Number(self.numeric_only()?))
    }
    fn word_or_string(&mut self) -> Result<DefValue> {
        if self.at_str() {
            return Ok(DefValue::String(self.string()?));
        }
        Ok(DefValue::Word(self.label()?.value))
    }
    /// The right side of `name = value`.
    pub(super) fn def_value(&mut self) -> Result<DefValue> {
        if self.at_str() {
            return Ok(DefValue::String(self.string()?));
        }
        if matches!(self.kind(), T::Int | T::Num)
            || ((self.at_ch(b'-') || self.at_ch(b'+')) && matches!(self.peek(1).kind, T::Int | T::Num))
        {
            return Ok(DefValue::Number(self.numeric_only()?));
        }
        if let Some(op) = self.operator_text(self.tok) {
            let op = Name::bare(op);
            self.bump();
            return Ok(DefValue::Operator(op));
        }
        if self.at(kw::OPERATOR) {
            return Ok(DefValue::Operator(self.operator_clause()?));
        }
        if Self::is_label(self.tok) && (self.peek_ch(1, b',') || self.peek_ch(1, b')') || self.peek(1).kind == T::Eof) {
            return Ok(DefValue::Word(self.label()?.value));
        }
        Ok(DefValue::Type(Box::new(self.func_type()?)))
    }

    // ---- roles ----

    /// A role, CURRENT_USER, PUBLIC….
    pub(super) fn role_spec(&mut self) -> Result<RoleSpec> {
        let t = self.tok;
        for (k, make) in [
            (kw::CURRENT_ROLE, RoleSpec::CurrentRole as fn(u32) -> RoleSpec),
            (kw::CURRENT_USER, RoleSpec::CurrentUser),
            (kw::SESSION_USER, RoleSpec::SessionUser),
        ] {
            if self.eat(k) {
                return Ok(make(t.start));
            }
        }
        let name = self.take(Self::is_non_reserved_word)?;
        if name.value == "public" {
            return Ok(RoleSpec::Public(t.start));
        }
        if name.value == "none" {
            let e = DbError::new(SqlState::RESERVED_NAME, "role name \"none\" is reserved");
            return Err(self.place(e, t.start));
        }
        Ok(RoleSpec::Name(name))
    }
    /// The name of a role that is made or renamed, which no special word may be.
    pub(super) fn role_id(&mut self) -> Result<Ident> {
        let pos = self.pos();
        match self.role_spec()? {
            RoleSpec::Name(name) => Ok(name),
            other => {
                let message = match other {
                    RoleSpec::Public(_) => "role name \"public\" is reserved",
                    RoleSpec::CurrentRole(_) => "CURRENT_ROLE cannot be used as a role name here",
                    RoleSpec::CurrentUser(_) => "CURRENT_USER cannot be used as a role name here",
                    _ => "SESSION_USER cannot be used as a role name here",
                };
                Err(self.place(DbError::new(SqlState::RESERVED_NAME, message), pos))
            }
        }
    }
    pub(super) fn role_list(&mut self) -> Result<Vec<RoleSpec>> {
        self.comma_list(Self::role_spec)
    }
    /// CASCADE, RESTRICT or nothing: whether CASCADE.
    pub(super) fn opt_cascade(&mut self) -> bool {
        if self.eat(kw::CASCADE) {
            return true;
        }
        self.eat(kw::RESTRICT);
        false
    }
    pub(super) fn opt_if_exists(&mut self) -> bool {
        self.eat_seq(&[kw::IF, kw::EXISTS])
    }
    pub(super) fn opt_if_not_exists(&mut self) -> bool {
        self.eat_seq(&[kw::IF, kw::NOT, kw::EXISTS])
    }
}
