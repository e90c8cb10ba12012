//! Expressions by precedence climbing, with PostgreSQL's levels.
//!
//! PostgreSQL's grammar makes comparisons, the LIKE family and IS … FROM non-associative: `a < b < c` is a syntax error,
//! although `a IS NULL IS NULL` and `(a < b) IS NULL = c` are not, since only an operator with a right operand can
//! conflict. [`Parser::binary`] keeps the level of the last such operator for that.

use super::Parser;
use crate::ast::{
    Between, Case, ColumnRef, Expr, ExprBox, ExprKind, FuncArg, FuncCall, IsTest, Literal, Name, Op, Pos, Quantified,
    QuantifiedRight, Step,
};
use crate::keywords::{Kw, kw};
use crate::lexer::{T, Token};
use rustydb_base::Result;

/// Binding strength, weakest first. The values are only compared.
mod level {
    pub const OR: u8 = 1;
    pub const AND: u8 = 2;
    pub const NOT: u8 = 3;
    pub const IS: u8 = 4;
    pub const COMPARE: u8 = 5;
    pub const LIKE: u8 = 6;
    pub const OP: u8 = 7;
    pub const ADD: u8 = 8;
    pub const MUL: u8 = 9;
    pub const POWER: u8 = 10;
    pub const AT: u8 = 11;
    pub const COLLATE: u8 = 12;
    pub const SIGN: u8 = 13;
    pub const CAST: u8 = 14;
}

/// What the present token does after an operand.
enum Infix {
    Or,
    And,
    Is,
    IsNull(IsTest),
    /// An operator of a level.
    Op(u8),
    Operator,
    Like(&'static str),
    Similar,
    Between,
    In,
    /// NOT before LIKE, ILIKE, SIMILAR, BETWEEN, IN.
    Not,
    AtZone,
    Collate,
    Cast,
    Overlaps,
}

impl Infix {
    fn level(&self) -> u8 {
        match self {
            Infix::Or => level::OR,
            Infix::And => level::AND,
            Infix::Is | Infix::IsNull(_) => level::IS,
            Infix::Op(l) => *l,
            Infix::Operator => level::OP,
            Infix::Like(_) | Infix::Similar | Infix::Between | Infix::In | Infix::Not => level::LIKE,
            Infix::AtZone => level::AT,
            Infix::Collate => level::COLLATE,
            Infix::Cast => level::CAST,
            // The operands are rows, which only a complete operand can be.
            Infix::Overlaps => level::CAST,
        }
    }
}

pub(super) fn boxed(e: Expr) -> ExprBox {
    ExprBox::from(e)
}

/// A call of a function in `pg_catalog` that stands for special syntax.
pub(super) fn system_call(name: &str, args: Vec<Expr>, pos: Pos) -> Expr {
    Expr::new(ExprKind::Func(Box::new(plain_call(Name::system(name, pos), args))), pos)
}

/// A call with positional arguments and nothing else.
pub(super) fn plain_call(name: Name, args: Vec<Expr>) -> FuncCall {
    FuncCall {
        name,
        args: args.into_iter().map(|value| FuncArg { name: None, value }).collect(),
        star: false,
        distinct: false,
        variadic: false,
        order_by: vec![],
        within_group: false,
        filter: None,
        over: None,
    }
}

pub(super) fn string_expr(s: impl Into<String>, pos: Pos) -> Expr {
    Expr::new(ExprKind::Literal(Literal::String(s.into())), pos)
}

fn op_expr(op: Name, left: Option<Expr>, right: Expr, pos: Pos) -> Expr {
    Expr::new(ExprKind::Op(Box::new(Op { op, left: left.map(boxed), right: boxed(right) })), pos)
}

impl Parser<'_> {
    /// Any expression (grammar's a_expr).
    pub(super) fn expr(&mut self) -> Result<Expr> {
        self.binary(0, false)
    }
    /// An expression without AND, OR, NOT, IS NULL, IN, LIKE, BETWEEN (grammar's b_expr).
    pub(super) fn b_expr(&mut self) -> Result<Expr> {
        self.binary(0, true)
    }
    pub(super) fn expr_list(&mut self) -> Result<Vec<Expr>> {
        self.comma_list(Self::expr)
    }

    fn op_level(&mut self) -> Option<u8> {
        Some(match self.kind() {
            T::Op => level::OP,
            T::Le | T::Ge | T::Ne => level::COMPARE,
            T::Ch => match u8::try_from(self.tok.kw).ok()? {
                b'<' | b'>' | b'=' => level::COMPARE,
                b'+' | b'-' => level::ADD,
                b'*' | b'/' | b'%' => level::MUL,
                b'^' => level::POWER,
                _ => return None,
            },
            _ => return None,
        })
    }
    fn infix(&mut self, restricted: bool) -> Option<Infix> {
        if let Some(l) = self.op_level() {
            return Some(Infix::Op(l));
        }
        if self.kind() == T::Cast {
            return Some(Infix::Cast);
        }
        if self.kind() != T::Word {
            return None;
        }
        if restricted {
            let word = self.tok.kw;
            return match word {
                kw::OPERATOR if self.peek_ch(1, b'(') => Some(Infix::Operator),
                // In a b_expr IS can only be IS [NOT] DISTINCT FROM (or DOCUMENT); otherwise it ends there, e.g. the
                // constraint list after DEFAULT.
                kw::IS
                    if self.peek_at(1, kw::DISTINCT) || (self.peek_at(1, kw::NOT) && self.peek_at(2, kw::DISTINCT)) =>
                {
                    Some(Infix::Is)
                }
                _ => None,
            };
        }
        let word = self.tok.kw;
        Some(match word {
            kw::OR => Infix::Or,
            kw::AND => Infix::And,
            kw::IS if self.is_follows() => Infix::Is,
            kw::ISNULL => Infix::IsNull(IsTest::Null),
            kw::NOTNULL => Infix::IsNull(IsTest::NotNull),
            kw::LIKE => Infix::Like("~~"),
            kw::ILIKE => Infix::Like("~~*"),
            // In SUBSTRING the word also stands without TO.
            kw::SIMILAR if self.peek_at(1, kw::TO) => Infix::Similar,
            kw::BETWEEN => Infix::Between,
            kw::IN => Infix::In,
            kw::NOT => {
                let next = self.peek(1);
                let follows = [kw::BETWEEN, kw::IN, kw::LIKE, kw::ILIKE, kw::SIMILAR];
                if next.kind != T::Word || !follows.contains(&next.kw) {
                    return None;
                }
                Infix::Not
            }
            kw::AT if self.peek_at(1, kw::TIME) || self.peek_at(1, kw::LOCAL) => Infix::AtZone,
            kw::COLLATE if Self::is_col_id(self.peek(1)) => Infix::Collate,
            kw::OVERLAPS => Infix::Overlaps,
            kw::OPERATOR if self.peek_ch(1, b'(') => Infix::Operator,
            _ => return None,
        })
    }

    /// At IS: whether a test follows; otherwise IS is the label of an output column.
    fn is_follows(&mut self) -> bool {
        const TESTS: &[Kw] = &[
            kw::NULL,
            kw::NOT,
            kw::TRUE,
            kw::FALSE,
            kw::UNKNOWN,
            kw::DISTINCT,
            kw::DOCUMENT,
            kw::NORMALIZED,
            kw::NFC,
            kw::NFD,
            kw::NFKC,
            kw::NFKD,
        ];
        let t = self.peek(1);
        t.kind == T::Word && (TESTS.contains(&t.kw) || self.text(t).eq_ignore_ascii_case("json"))
    }
    /// An operand and the operators of at least level `min` after it.
    pub(super) fn binary(&mut self, min: u8, restricted: bool) -> Result<Expr> {
        self.enter()?;
        let outer = std::mem::take(&mut self.height);
        let mut left = self.prefix(restricted)?;
        // Level of the last non-associative operator with a right operand; 0 for none.
        let mut closed = 0;
        while let Some(infix) = self.infix(restricted) {
            let l = infix.level();
            if l < min {
                break;
            }
            if l == closed {
                return self.unexpected();
            }
            closed = 0;
            let chain = matches!((&infix, &left.kind), (Infix::And, ExprKind::And(_)) | (Infix::Or, ExprKind::Or(_)));
            if !chain {
                self.grow()?;
            }
            left = self.apply(infix, left, restricted, &mut closed)?;
        }
        self.height = outer.max(self.height + 1);
        Ok(left)
    }

    fn apply(&mut self, infix: Infix, left: Expr, restricted: bool, closed: &mut u8) -> Result<Expr> {
        let t = self.tok;
        let pos = t.start;
        Ok(match infix {
            Infix::Or => {
                self.bump();
                let right = self.binary(level::OR + 1, false)?;
                match left.kind {
                    ExprKind::Or(mut list) => {
                        list.push(right);
                        Expr::new(ExprKind::Or(list), left.pos)
                    }
                    kind => Expr::new(ExprKind::Or(vec![Expr::new(kind, left.pos), right]), pos),
                }
            }
            Infix::And => {
                self.bump();
                let right = self.binary(level::AND + 1, false)?;
                match left.kind {
                    ExprKind::And(mut list) => {
                        list.push(right);
                        Expr::new(ExprKind::And(list), left.pos)
                    }
                    kind => Expr::new(ExprKind::And(vec![Expr::new(kind, left.pos), right]), pos),
                }
            }
            Infix::Is => self.is_test(left, restricted, closed)?,
            Infix::IsNull(test) => {
                self.bump();
                Expr::new(ExprKind::Is(boxed(left), test), pos)
            }
            Infix::Op(l) => {
                let op = Name { name: self.operator_ident(t), schema: None, catalog: None };
                self.bump();
                if l == level::COMPARE {
                    *closed = l;
                }
                self.after_operator(op, left, l, restricted, closed, pos)?
            }
            Infix::Operator => {
                let op = self.operator_clause()?;
                self.after_operator(op, left, level::OP, restricted, closed, pos)?
            }
            Infix::Not => {
                self.bump();
                match self.infix(false) {
                    Some(Infix::Like(_)) => {
                        let op = if self.at(kw::LIKE) { "!~~" } else { "!~~*" };
                        self.like(left, op, pos, closed)?
                    }
                    Some(Infix::Similar) => self.similar(left, "!~", pos, closed)?,
                    Some(Infix::Between) => self.between(left, true, pos, closed)?,
                    _ => self.in_list(left, true, pos)?,
                }
            }
            Infix::Like(op) => self.like(left, op, pos, closed)?,
            Infix::Similar => self.similar(left, "~", pos, closed)?,
            Infix::Between => self.between(left, false, pos, closed)?,
            Infix::In => self.in_list(left, false, pos)?,
            Infix::AtZone => {
                self.bump();
                if self.eat(kw::LOCAL) {
                    return Ok(system_call("timezone", vec![left], pos));
                }
                self.expect(kw::TIME)?;
                self.expect(kw::ZONE)?;
                let zone = self.binary(level::AT + 1, restricted)?;
                system_call("timezone", vec![zone, left], pos)
            }
            Infix::Collate => {
                self.bump();
                let name = self.qualified_name()?;
                Expr::new(ExprKind::Collate(boxed(left), Box::new(name)), pos)
            }
            Infix::Cast => {
                self.bump();
                let ty = self.type_name()?;
                Expr::new(ExprKind::Cast(boxed(left), Box::new(ty)), pos)
            }
            Infix::Overlaps => {
                let ExprKind::Row { fields, .. } = left.kind else { return self.unexpected() };
                self.bump();
                let right = self.primary()?;
                let right_pos = right.pos;
                let ExprKind::Row { fields: more, .. } = right.kind else { return self.unexpected() };
                if fields.len() != 2 {
                    return Err(
                        self.error_at("wrong number of parameters on left side of OVERLAPS expression", left.pos)
                    );
                }
                if more.len() != 2 {
                    return Err(
                        self.error_at("wrong number of parameters on right side of OVERLAPS expression", right_pos)
                    );
                }
                system_call("overlaps", fields.into_iter().chain(more).collect(), pos)
            }
        })
    }

    fn operator_ident(&self, t: Token) -> crate::ast::Ident {
        crate::ast::Ident { value: self.operator_text(t).unwrap_or_default().to_owned(), pos: t.start }
    }

    /// The right side of a binary operator: an operand, or ANY/ALL.
    fn after_operator(
        &mut self,
        op: Name,
        left: Expr,
        l: u8,
        restricted: bool,
        closed: &mut u8,
        pos: Pos,
    ) -> Result<Expr> {
        if !restricted && self.at_any(&[kw::ANY, kw::SOME, kw::ALL]) {
            *closed = 0;
            return self.quantified(left, op, pos);
        }
        let right = self.binary(l + 1, restricted)?;
        Ok(op_expr(op, Some(left), right, pos))
    }
    fn quantified(&mut self, left: Expr, op: Name, pos: Pos) -> Result<Expr> {
        let all = self.bump().kw == kw::ALL;
        let right = match self.paren_or_query(false)? {
            Parens::Query(q) => QuantifiedRight::Query(q),
            Parens::List(list) => match <[Expr; 1]>::try_from(list) {
                Ok([e]) => QuantifiedRight::Array(boxed(e)),
                Err(_) => return self.unexpected(),
            },
        };
        Ok(Expr::new(ExprKind::Quantified(Box::new(Quantified { left: boxed(left), op, all, right })), pos))
    }

    fn is_test(&mut self, left: Expr, restricted: bool, closed: &mut u8) -> Result<Expr> {
        let pos = self.pos();
        self.bump();
        let negated = self.eat(kw::NOT);
        let t = self.tok;
        if t.kind != T::Word {
            return self.unexpected();
        }
        let test = match (t.kw, negated) {
            (kw::NULL, false) => IsTest::Null,
            (kw::NULL, true) => IsTest::NotNull,
            (kw::TRUE, false) => IsTest::True,
            (kw::TRUE, true) => IsTest::NotTrue,
            (kw::FALSE, false) => IsTest::False,
            (kw::FALSE, true) => IsTest::NotFalse,
            (kw::UNKNOWN, false) => IsTest::Unknown,
            (kw::UNKNOWN, true) => IsTest::NotUnknown,
            (kw::DISTINCT, _) => {
                self.bump();
                self.expect(kw::FROM)?;
                let right = self.binary(level::IS + 1, restricted)?;
                *closed = level::IS;
                return Ok(Expr::new(ExprKind::Distinct { left: boxed(left), right: boxed(right), negated }, pos));
            }
            (kw::DOCUMENT, _) => {
                self.bump();
                *closed = level::IS;
                return Ok(self.is_document(left, negated, pos));
            }
            (kw::NORMALIZED | kw::NFC | kw::NFD | kw::NFKC | kw::NFKD, _) => {
                let mut args = vec![left];
                if t.kw != kw::NORMALIZED {
                    self.bump();
                    args.push(string_expr(self.text(t).to_ascii_uppercase(), t.start));
                }
                self.expect(kw::NORMALIZED)?;
                let call = system_call("is_normalized", args, pos);
                return Ok(if negated { Expr::new(ExprKind::Not(boxed(call)), pos) } else { call });
            }
            _ if self.at_word("json") => return self.is_json(left, negated, pos),
            _ => return self.unexpected(),
        };
        self.bump();
        Ok(Expr::new(ExprKind::Is(boxed(left), test), pos))
    }

    /// LIKE and ILIKE, which are operators.
    fn like(&mut self, left: Expr, op: &'static str, pos: Pos, closed: &mut u8) -> Result<Expr> {
        self.bump();
        let name = Name { catalog: None, schema: None, name: crate::ast::Ident { value: op.to_owned(), pos } };
        if self.at_any(&[kw::ANY, kw::SOME, kw::ALL]) {
            return self.quantified(left, name, pos);
        }
        let mut pattern = self.binary(level::LIKE + 1, false)?;
        if self.at(kw::ESCAPE) {
            let at = self.bump().start;
            let escape = self.binary(level::LIKE + 1, false)?;
            pattern = system_call("like_escape", vec![pattern, escape], at);
        }
        *closed = level::LIKE;
        Ok(op_expr(name, Some(left), pattern, pos))
    }
    /// SIMILAR TO, which is a regular expression match.
    fn similar(&mut self, left: Expr, op: &'static str, pos: Pos, closed: &mut u8) -> Result<Expr> {
        self.bump();
        self.expect(kw::TO)?;
        let mut args = vec![self.binary(level::LIKE + 1, false)?];
        if self.eat(kw::ESCAPE) {
            args.push(self.binary(level::LIKE + 1, false)?);
        }
        *closed = level::LIKE;
        let name = Name { catalog: None, schema: None, name: crate::ast::Ident { value: op.to_owned(), pos } };
        Ok(op_expr(name, Some(left), system_call("similar_to_escape", args, pos), pos))
    }
    fn between(&mut self, left: Expr, negated: bool, pos: Pos, closed: &mut u8) -> Result<Expr> {
        self.bump();
        let symmetric = self.eat(kw::SYMMETRIC);
        if !symmetric {
            self.eat(kw::ASYMMETRIC);
        }
        let low = self.b_expr()?;
        self.expect(kw::AND)?;
        let high = self.binary(level::LIKE + 1, false)?;
        *closed = level::LIKE;
        let b = Between { arg: boxed(left), low: boxed(low), high: boxed(high), symmetric, negated };
        Ok(Expr::new(ExprKind::Between(Box::new(b)), pos))
    }
    fn in_list(&mut self, left: Expr, negated: bool, pos: Pos) -> Result<Expr> {
        self.expect(kw::IN)?;
        match self.paren_or_query(true)? {
            Parens::List(list) => Ok(Expr::new(ExprKind::In { arg: boxed(left), list, negated }, pos)),
            Parens::Query(q) => {
                let op = Name { catalog: None, schema: None, name: crate::ast::Ident { value: "=".into(), pos } };
                let any = Quantified { left: boxed(left), op, all: false, right: QuantifiedRight::Query(q) };
                let e = Expr::new(ExprKind::Quantified(Box::new(any)), pos);
                Ok(if negated { Expr::new(ExprKind::Not(boxed(e)), pos) } else { e })
            }
        }
    }

    // ---- operands ----

    fn prefix(&mut self, restricted: bool) -> Result<Expr> {
        // Straight to the commonest recursion: the fewer frames on this path, the deeper expressions may nest.
        if self.at_ch(b'(') {
            return self.parenthesised();
        }
        let t = self.tok;
        let pos = t.start;
        match t.kind {
            T::Word if t.kw == kw::NOT && !restricted => {
                self.bump();
                let e = self.binary(level::NOT, false)?;
                Ok(Expr::new(ExprKind::Not(boxed(e)), pos))
            }
            T::Ch if self.at_ch(b'-') => {
                let op = self.operator_ident(t);
                self.bump();
                let e = self.binary(level::SIGN, restricted)?;
                Ok(negate(e, op, pos))
            }
            T::Ch if self.at_ch(b'+') => {
                let op = self.operator_ident(t);
                self.bump();
                let e = self.binary(level::SIGN, restricted)?;
                Ok(op_expr(Name { catalog: None, schema: None, name: op }, None, e, pos))
            }
            T::Op => {
                let op = self.operator_ident(t);
                self.bump();
                let e = self.binary(level::OP + 1, restricted)?;
                Ok(op_expr(Name { catalog: None, schema: None, name: op }, None, e, pos))
            }
            T::Word if t.kw == kw::OPERATOR && self.peek_ch(1, b'(') => {
                let op = self.operator_clause()?;
                let e = self.binary(level::OP + 1, restricted)?;
                Ok(op_expr(op, None, e, pos))
            }
            // DEFAULT stands for an expression in a few places; the binder refuses it elsewhere, as PostgreSQL does.
            T::Word if t.kw == kw::DEFAULT && !restricted => {
                self.bump();
                Ok(Expr::new(ExprKind::Default, pos))
            }
            _ => self.primary(),
        }
    }

    /// An operand without operators, with fields and subscripts (grammar's c_expr).
    pub(super) fn primary(&mut self) -> Result<Expr> {
        self.enter()?;
        let t = self.tok;
        let pos = t.start;
        match t.kind {
            T::Int | T::Num => {
                self.bump();
                Ok(self.number_literal(t))
            }
            T::Str | T::EStr | T::UStr | T::Dollar => Ok(string_expr(self.string()?, pos)),
            T::Bits | T::Hex => {
                self.bump();
                let s = self.string_of(t)?;
                let lit = if t.kind == T::Bits { Literal::Bits(s) } else { Literal::HexBits(s) };
                Ok(Expr::new(ExprKind::Literal(lit), pos))
            }
            T::Param => {
                self.bump();
                let text = self.text(t);
                // Beyond 32 bits PostgreSQL wraps; we call the parameter missing.
                let Some(n) = text.get(1..).and_then(|d| d.parse::<u32>().ok()).filter(|n| *n > 0) else {
                    let e = rustydb_base::DbError::new(
                        rustydb_base::SqlState::UNDEFINED_PARAMETER,
                        format!("there is no parameter {text}"),
                    );
                    return Err(self.place(e, pos));
                };
                self.params = self.params.max(n);
                self.indirection(Expr::new(ExprKind::Param(n), pos))
            }
            T::Ch if self.at_ch(b'(') => self.parenthesised(),
            T::Ch if self.at_ch(b'*') => self.unexpected(),
            T::Word | T::Quoted | T::UQuoted => self.word_operand(),
            _ => self.unexpected(),
        }
    }

    pub(super) fn number_literal(&mut self, t: Token) -> Expr {
        let lit = match self.int_value(t) {
            Some(v) => Literal::Integer(v),
            None => Literal::Numeric(self.text(t).to_owned()),
        };
        Expr::new(ExprKind::Literal(lit), t.start)
    }

    fn word_operand(&mut self) -> Result<Expr> {
        let t = self.tok;
        let pos = t.start;
        if let Some(e) = self.keyword_operand()? {
            return Ok(e);
        }
        // A name: column, function or typed literal.
        let ok = Self::is_col_id(t) || Self::is_type_func_name(t);
        if !ok {
            return self.unexpected();
        }
        let first = self.label()?;
        let mut parts = vec![first];
        let mut star = false;
        while self.at_ch(b'.') {
            self.bump();
            if self.at_ch(b'*') {
                self.bump();
                star = true;
                break;
            }
            parts.push(self.label()?);
            if parts.len() > 100 {
                return self.name_from(parts).map(|_| Expr::null(pos));
            }
        }
        let callable = Self::is_type_func_name(t) || parts.len() > 1;
        if !star && callable {
            if self.at_ch(b'(') {
                let name = self.name_from(parts)?;
                return self.call(name, pos);
            }
            if self.at_str() {
                let ty = crate::ast::TypeName {
                    name: self.name_from(parts)?,
                    mods: vec![],
                    dims: vec![],
                    setof: false,
                    pct_type: false,
                };
                return self.typed_literal(ty, pos);
            }
        }
        if !Self::is_col_id(t) {
            return self.unexpected();
        }
        let e = Expr::new(ExprKind::Column(ColumnRef { parts, star }), pos);
        if star {
            self.after_star()?;
            return Ok(e);
        }
        self.indirection(e)
    }
    /// `type 'literal'`, the string being the present token.
    pub(super) fn typed_literal(&mut self, ty: crate::ast::TypeName, pos: Pos) -> Result<Expr> {
        let at = self.pos();
        let value = string_expr(self.string()?, at);
        Ok(Expr::new(ExprKind::Cast(boxed(value), Box::new(ty)), pos))
    }

    /// Nothing may follow `.*`; PostgreSQL notices after it has read what does.
    fn after_star(&mut self) -> Result<()> {
        if !self.at_ch(b'.') && !self.at_ch(b'[') {
            return Ok(());
        }
        self.enter()?;
        self.steps()?;
        Err(self.near("improper use of \"*\"", self.tok))
    }
    /// Fields and subscripts after an operand.
    pub(super) fn indirection(&mut self, e: Expr) -> Result<Expr> {
        let steps = self.steps()?;
        if steps.is_empty() {
            return Ok(e);
        }
        let pos = e.pos;
        Ok(Expr::new(ExprKind::Indirection(boxed(e), steps), pos))
    }
    /// `.a`, `.*`, `[1]`, `[1:2]`, any number.
    pub(super) fn steps(&mut self) -> Result<Vec<Step>> {
        let mut steps = vec![];
        loop {
            if self.at_ch(b'.') {
                self.bump();
                if self.eat_ch(b'*') {
                    steps.push(Step::Star);
                    return self.after_star().map(|()| steps);
                }
                steps.push(Step::Field(self.label()?));
            } else if self.at_ch(b'[') {
                self.bump();
                let low = if self.at_ch(b':') { None } else { Some(self.expr()?) };
                let step = if self.eat_ch(b':') {
                    let high = if self.at_ch(b']') { None } else { Some(self.expr()?) };
                    Step::Slice(low, high)
                } else {
                    match low {
                        Some(i) => Step::Index(i),
                        None => return self.unexpected(),
                    }
                };
                self.expect_ch(b']')?;
                steps.push(step);
            } else {
                return Ok(steps);
            }
        }
    }

    /// `(expression)`, `(a, b)`, `(query)`.
    fn parenthesised(&mut self) -> Result<Expr> {
        let pos = self.pos();
        let e = match self.paren_or_query(true)? {
            Parens::Query(q) => Expr::new(ExprKind::Subquery(q), pos),
            Parens::List(list) => match <[Expr; 1]>::try_from(list) {
                Ok([e]) => e,
                Err(fields) => return Ok(Expr::new(ExprKind::Row { fields, explicit: false }, pos)),
            },
        };
        self.indirection(e)
    }
    /// What stands in parentheses. `((query))` is a query; `((query), 1)` is a list, if `list` allows one.
    pub(super) fn paren_or_query(&mut self, list: bool) -> Result<Parens> {
        self.enter()?;
        self.expect_ch(b'(')?;
        let parens = if self.at_query() {
            Parens::Query(Box::new(self.query()?))
        } else {
            let nested = self.at_ch(b'(');
            let first = self.expr()?;
            match first.kind {
                // Nothing but parentheses around a query, so this is still a query and may go on as one.
                ExprKind::Subquery(q) if nested && (self.at_ch(b')') || self.at_query_tail()) => {
                    Parens::Query(Box::new(self.query_after(*q)?))
                }
                kind => {
                    let mut items = vec![Expr::new(kind, first.pos)];
                    while list && self.eat_ch(b',') {
                        items.push(self.expr()?);
                    }
                    Parens::List(items)
                }
            }
        };
        self.expect_ch(b')')?;
        Ok(parens)
    }

    /// `CASE`, the word being the present token.
    pub(super) fn case(&mut self) -> Result<Expr> {
        let pos = self.bump().start;
        let operand = if self.at(kw::WHEN) { None } else { Some(self.expr()?) };
        let mut whens = vec![];
        while self.eat(kw::WHEN) {
            let when = self.expr()?;
            self.expect(kw::THEN)?;
            whens.push((when, self.expr()?));
        }
        if whens.is_empty() {
            return self.unexpected();
        }
        let otherwise = if self.eat(kw::ELSE) { Some(self.expr()?) } else { None };
        self.expect(kw::END)?;
        Ok(Expr::new(ExprKind::Case(Box::new(Case { operand, whens, otherwise })), pos))
    }
    /// `ARRAY[…]` or `ARRAY(query)`, the word being the present token.
    pub(super) fn array(&mut self) -> Result<Expr> {
        let pos = self.bump().start;
        if self.at_ch(b'(') {
            let q = self.query_in_parens()?;
            return Ok(Expr::new(ExprKind::ArrayQuery(Box::new(q)), pos));
        }
        self.array_elements(pos)
    }
    fn array_elements(&mut self, pos: Pos) -> Result<Expr> {
        self.enter()?;
        self.expect_ch(b'[')?;
        let mut list = vec![];
        if !self.at_ch(b']') {
            let nested = self.at_ch(b'[');
            list = self.comma_list(|p| {
                let at = p.pos();
                if nested { p.array_elements(at) } else { p.expr() }
            })?;
        }
        self.expect_ch(b']')?;
        Ok(Expr::new(ExprKind::Array(list), pos))
    }
    pub(super) fn at_kw(t: Token, k: Kw) -> bool {
        t.kind == T::Word && t.kw == k
    }
}

/// Contents of a pair of parentheses.
pub(super) enum Parens {
    Query(Box<crate::ast::Query>),
    List(Vec<Expr>),
}

/// `- e`: a sign before a number is part of the number.
fn negate(e: Expr, op: crate::ast::Ident, pos: Pos) -> Expr {
    match e.kind {
        ExprKind::Literal(Literal::Integer(v)) if v != i64::MIN => {
            Expr::new(ExprKind::Literal(Literal::Integer(-v)), pos)
        }
        ExprKind::Literal(Literal::Numeric(s)) => {
            let lit = match s.strip_prefix('-') {
                Some(positive) => Literal::Numeric(positive.to_owned()),
                None if s == "9223372036854775808" => Literal::Integer(i64::MIN),
                None => Literal::Numeric(format!("-{s}")),
            };
            Expr::new(ExprKind::Literal(lit), pos)
        }
        kind => op_expr(Name { catalog: None, schema: None, name: op }, None, Expr::new(kind, e.pos), pos),
    }
}
