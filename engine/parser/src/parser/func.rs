//! Function calls and the operands that keywords begin.

use super::Parser;
use super::expr::{boxed, string_expr, system_call};
use crate::ast::{
    Expr, ExprKind, Frame, FrameBound, FrameExclude, FrameUnits, FuncArg, FuncCall, Ident, Literal, Name, Over, Pos,
    SortBy, SortOrder, SqlValue, TypeName, WindowSpec,
};
use crate::keywords::kw;
use crate::lexer::T;
use rustydb_base::Result;

impl Parser<'_> {
    /// An operand that the present keyword begins; `None` if the word is a mere name here.
    pub(super) fn keyword_operand(&mut self) -> Result<Option<Expr>> {
        let t = self.tok;
        if t.kind != T::Word {
            return Ok(None);
        }
        if t.kw == crate::keywords::NONE {
            return if self.peek_ch(1, b'(') { self.sql_json(t.start) } else { Ok(None) };
        }
        let pos = t.start;
        let paren = self.peek_ch(1, b'(');
        let literal = |l| Ok(Some(Expr::new(ExprKind::Literal(l), pos)));
        match t.kw {
            kw::NULL | kw::TRUE | kw::FALSE => {
                self.bump();
                return literal(match t.kw {
                    kw::NULL => Literal::Null,
                    other => Literal::Bool(other == kw::TRUE),
                });
            }
            kw::CASE => return self.case().map(Some),
            kw::ARRAY => return self.array().map(Some),
            kw::ROW if paren => {
                self.bump();
                self.bump();
                let fields = if self.at_ch(b')') { vec![] } else { self.expr_list()? };
                self.expect_ch(b')')?;
                let row = Expr::new(ExprKind::Row { fields, explicit: true }, pos);
                return Ok(Some(row));
            }
            kw::EXISTS if paren => {
                self.bump();
                let q = self.query_in_parens()?;
                return Ok(Some(Expr::new(ExprKind::Exists(Box::new(q)), pos)));
            }
            kw::GROUPING if paren => {
                self.bump();
                let args = self.paren_list(Self::expr)?;
                return Ok(Some(Expr::new(ExprKind::Grouping(args), pos)));
            }
            _ => {}
        }
        if let Some(e) = self.special_function()? {
            return Ok(Some(e));
        }
        if self.at_reserved_type() {
            let m = self.mark();
            if t.kw == kw::INTERVAL {
                return self.interval_literal();
            }
            // `int` and the like are also column names; then no literal follows the type.
            if let Some(ty) = self.reserved_type()?
                && self.at_str()
            {
                return self.typed_literal(ty, pos).map(Some);
            }
            if paren {
                return self.unexpected();
            }
            self.reset(m);
        }
        Ok(None)
    }

    /// `interval '1' day`, `interval(3) '1.5 s'`; a column named interval otherwise.
    fn interval_literal(&mut self) -> Result<Option<Expr>> {
        let pos = self.pos();
        let next = self.peek(1);
        if !Self::is_str(next.kind) && !self.peek_ch(1, b'(') {
            return Ok(None);
        }
        let Some(mut ty) = self.reserved_type()? else { return Ok(None) };
        let at = self.pos();
        let value = string_expr(self.string()?, at);
        if ty.mods.is_empty() {
            ty.mods = self.interval_fields()?;
        }
        Ok(Some(Expr::new(ExprKind::Cast(boxed(value), Box::new(ty)), pos)))
    }

    /// Whether a function-like keyword expression begins here (grammar's func_expr_common_subexpr).
    pub(super) fn special_function(&mut self) -> Result<Option<Expr>> {
        let t = self.tok;
        if t.kind != T::Word {
            return Ok(None);
        }
        let pos = t.start;
        let simple = match t.kw {
            kw::CURRENT_DATE => Some(SqlValue::CurrentDate),
            kw::CURRENT_ROLE => Some(SqlValue::CurrentRole),
            kw::CURRENT_USER => Some(SqlValue::CurrentUser),
            kw::USER => Some(SqlValue::User),
            kw::SESSION_USER => Some(SqlValue::SessionUser),
            kw::CURRENT_CATALOG => Some(SqlValue::CurrentCatalog),
            kw::CURRENT_SCHEMA if !self.peek_ch(1, b'(') => Some(SqlValue::CurrentSchema),
            _ => None,
        };
        if let Some(v) = simple {
            self.bump();
            return Ok(Some(Expr::new(ExprKind::SqlValue(v), pos)));
        }
        let timed: Option<fn(Option<i32>) -> SqlValue> = match t.kw {
            kw::CURRENT_TIME => Some(SqlValue::CurrentTime),
            kw::CURRENT_TIMESTAMP => Some(SqlValue::CurrentTimestamp),
            kw::LOCALTIME => Some(SqlValue::LocalTime),
            kw::LOCALTIMESTAMP => Some(SqlValue::LocalTimestamp),
            _ => None,
        };
        if let Some(make) = timed {
            self.bump();
            let mut precision = None;
            if self.eat_ch(b'(') {
                precision = Some(self.small_int()?);
                self.expect_ch(b')')?;
            }
            return Ok(Some(Expr::new(ExprKind::SqlValue(make(precision)), pos)));
        }
        if t.kw == kw::COLLATION && self.peek_at(1, kw::FOR) {
            self.bump();
            self.bump();
            self.expect_ch(b'(')?;
            let e = self.expr()?;
            self.expect_ch(b')')?;
            return Ok(Some(system_call("pg_collation_for", vec![e], pos)));
        }
        if !self.peek_ch(1, b'(') {
            return Ok(None);
        }
        if let Some(e) = self.sql_json(pos)? {
            return Ok(Some(e));
        }
        let e = match t.kw {
            kw::CAST | kw::TREAT => {
                self.bump();
                self.bump();
                let arg = self.expr()?;
                self.expect(kw::AS)?;
                let ty = self.type_name()?;
                if t.kw == kw::TREAT {
                    // TREAT calls the function named like the type, as PostgreSQL does.
                    Expr::new(
                        ExprKind::Func(Box::new(super::expr::plain_call(
                            Name::system(&ty.name.name.value, pos),
                            vec![arg],
                        ))),
                        pos,
                    )
                } else {
                    Expr::new(ExprKind::Cast(boxed(arg), Box::new(ty)), pos)
                }
            }
            kw::COALESCE | kw::GREATEST | kw::LEAST => {
                self.bump();
                self.bump();
                let args = self.expr_list()?;
                let kind = match t.kw {
                    kw::COALESCE => ExprKind::Coalesce(args),
                    kw::GREATEST => ExprKind::Greatest(args),
                    _ => ExprKind::Least(args),
                };
                Expr::new(kind, pos)
            }
            kw::NULLIF => {
                self.bump();
                self.bump();
                let a = self.expr()?;
                self.expect_ch(b',')?;
                let b = self.expr()?;
                Expr::new(ExprKind::NullIf(boxed(a), boxed(b)), pos)
            }
            kw::EXTRACT => {
                self.bump();
                self.bump();
                let f = self.tok;
                let field = if self.at_str() {
                    self.string()?
                } else if f.kind == T::Word
                    && f.kw != crate::keywords::NONE
                    && !self.at_any(&[kw::YEAR, kw::MONTH, kw::DAY, kw::HOUR, kw::MINUTE, kw::SECOND])
                {
                    return self.unexpected();
                } else {
                    self.label()?.value
                };
                self.expect(kw::FROM)?;
                let from = self.expr()?;
                system_call("extract", vec![string_expr(field, f.start), from], pos)
            }
            kw::NORMALIZE => {
                self.bump();
                self.bump();
                let mut args = vec![self.expr()?];
                if self.eat_ch(b',') {
                    let f = self.tok;
                    if !self.at_any(&[kw::NFC, kw::NFD, kw::NFKC, kw::NFKD]) {
                        return self.unexpected();
                    }
                    self.bump();
                    args.push(string_expr(self.text(f).to_ascii_uppercase(), f.start));
                }
                system_call("normalize", args, pos)
            }
            kw::OVERLAY | kw::SUBSTRING => {
                self.bump();
                self.bump();
                return self.substring(t.kw == kw::OVERLAY, pos).map(Some);
            }
            kw::POSITION => {
                self.bump();
                self.bump();
                let what = self.b_expr()?;
                self.expect(kw::IN)?;
                let within = self.b_expr()?;
                system_call("position", vec![within, what], pos)
            }
            kw::TRIM => {
                self.bump();
                self.bump();
                return self.trim(pos).map(Some);
            }
            kw::XMLCONCAT
            | kw::XMLELEMENT
            | kw::XMLFOREST
            | kw::XMLPARSE
            | kw::XMLPI
            | kw::XMLROOT
            | kw::XMLSERIALIZE => self.xml_expr(pos)?,
            kw::XMLEXISTS => {
                self.bump();
                self.bump();
                let path = self.primary()?;
                self.expect(kw::PASSING)?;
                self.xml_passing_mechanism()?;
                let document = self.primary()?;
                self.xml_passing_mechanism()?;
                system_call("xmlexists", vec![path, document], pos)
            }
            _ => return Ok(None),
        };
        self.expect_ch(b')')?;
        Ok(Some(e))
    }

    /// `BY REF` or `BY VALUE`, which make no difference.
    pub(super) fn xml_passing_mechanism(&mut self) -> Result<()> {
        if self.eat(kw::BY) && !self.eat(kw::VALUE) {
            self.expect(kw::REF)?;
        }
        Ok(())
    }

    /// SUBSTRING and OVERLAY after the parenthesis, in SQL's form or as plain calls (which the search path resolves).
    fn substring(&mut self, overlay: bool, pos: Pos) -> Result<Expr> {
        let name = if overlay { "overlay" } else { "substring" };
        if !self.at_ch(b')') && !self.at_named_arg() {
            let first = self.expr()?;
            let mut args = vec![first];
            if overlay && self.eat(kw::PLACING) {
                args.push(self.expr()?);
                self.expect(kw::FROM)?;
                args.push(self.expr()?);
                if self.eat(kw::FOR) {
                    args.push(self.expr()?);
                }
                self.expect_ch(b')')?;
                return Ok(system_call(name, args, pos));
            }
            if !overlay && self.at_any(&[kw::FROM, kw::FOR, kw::SIMILAR]) {
                if self.eat(kw::SIMILAR) {
                    args.push(self.expr()?);
                    self.expect(kw::ESCAPE)?;
                    args.push(self.expr()?);
                } else {
                    let (mut from, mut length) = (None, None);
                    for _ in 0..2 {
                        if from.is_none() && self.eat(kw::FROM) {
                            from = Some(self.expr()?);
                        } else if length.is_none() && self.eat(kw::FOR) {
                            length = Some(self.expr()?);
                        }
                    }
                    let one = || Expr::new(ExprKind::Literal(Literal::Integer(1)), pos);
                    match (from, length) {
                        (Some(f), l) => args.extend([Some(f), l].into_iter().flatten()),
                        // Without FROM the length must be an integer, lest a pattern be meant.
                        (None, Some(l)) => {
                            let at = l.pos;
                            let int4 = TypeName {
                                name: Name::system("int4", at),
                                mods: vec![],
                                dims: vec![],
                                setof: false,
                                pct_type: false,
                            };
                            args.extend([one(), Expr::new(ExprKind::Cast(boxed(l), Box::new(int4)), at)]);
                        }
                        (None, None) => return self.unexpected(),
                    }
                }
                self.expect_ch(b')')?;
                return Ok(system_call(name, args, pos));
            }
            let mut call = super::expr::plain_call(
                Name { catalog: None, schema: None, name: Ident { value: name.into(), pos } },
                args,
            );
            while self.eat_ch(b',') {
                let arg = self.func_arg()?;
                call.args.push(arg);
            }
            self.expect_ch(b')')?;
            return Ok(Expr::new(ExprKind::Func(Box::new(call)), pos));
        }
        let mut call = super::expr::plain_call(
            Name { catalog: None, schema: None, name: Ident { value: name.into(), pos } },
            vec![],
        );
        if !self.at_ch(b')') {
            call.args = self.comma_list(Self::func_arg)?;
        }
        self.expect_ch(b')')?;
        Ok(Expr::new(ExprKind::Func(Box::new(call)), pos))
    }
    /// TRIM after the parenthesis.
    fn trim(&mut self, pos: Pos) -> Result<Expr> {
        let name = if self.eat(kw::LEADING) {
            "ltrim"
        } else if self.eat(kw::TRAILING) {
            "rtrim"
        } else {
            self.eat(kw::BOTH);
            "btrim"
        };
        let mut args = if self.eat(kw::FROM) {
            self.expr_list()?
        } else {
            let what = self.expr()?;
            if self.eat(kw::FROM) {
                let mut list = self.expr_list()?;
                list.push(what);
                list
            } else {
                let mut list = vec![what];
                while self.eat_ch(b',') {
                    list.push(self.expr()?);
                }
                list
            }
        };
        self.expect_ch(b')')?;
        args.shrink_to_fit();
        Ok(system_call(name, args, pos))
    }

    // ---- calls ----

    pub(super) fn at_named_arg(&mut self) -> bool {
        Self::is_type_func_name(self.tok) && matches!(self.peek(1).kind, T::ColonEq | T::Arrow)
    }
    fn func_arg(&mut self) -> Result<FuncArg> {
        let mut name = None;
        if self.at_named_arg() {
            name = Some(self.label()?);
            self.bump();
        }
        Ok(FuncArg { name, value: self.expr()? })
    }

    /// A call; the opening parenthesis is the present token. Also `type(mods) 'literal'`.
    pub(super) fn call(&mut self, name: Name, pos: Pos) -> Result<Expr> {
        let f = self.application(name)?;
        self.call_tail(f, pos)
    }

    /// What follows the arguments of a call.
    pub(super) fn call_tail(&mut self, mut f: FuncCall, pos: Pos) -> Result<Expr> {
        let bare = f.filter.is_none() && !f.star && !f.distinct && !f.variadic && f.order_by.is_empty();
        if bare && self.at_str() && f.args.iter().all(|a| a.name.is_none()) && !f.args.is_empty() {
            let mods = f.args.into_iter().map(|a| a.value).collect();
            let ty = TypeName { name: f.name, mods, dims: vec![], setof: false, pct_type: false };
            return self.typed_literal(ty, pos);
        }
        if self.at(kw::WITHIN) && self.peek_at(1, kw::GROUP) {
            let at = self.tok;
            self.bump();
            self.bump();
            self.expect_ch(b'(')?;
            self.expect(kw::ORDER)?;
            self.expect(kw::BY)?;
            let order_by = self.sort_list()?;
            self.expect_ch(b')')?;
            let wrong = if !f.order_by.is_empty() {
                Some("cannot use multiple ORDER BY clauses with WITHIN GROUP")
            } else if f.distinct {
                Some("cannot use DISTINCT with WITHIN GROUP")
            } else if f.variadic {
                Some("cannot use VARIADIC with WITHIN GROUP")
            } else {
                None
            };
            if let Some(message) = wrong {
                return Err(self.error_at(message, at.start));
            }
            f.order_by = order_by;
            f.within_group = true;
        }
        f.filter = self.opt_filter()?;
        f.over = self.opt_over()?;
        Ok(Expr::new(ExprKind::Func(Box::new(f)), pos))
    }

    /// `FILTER (WHERE …)`, if it is here.
    pub(super) fn opt_filter(&mut self) -> Result<Option<Expr>> {
        if !(self.at(kw::FILTER) && self.peek_ch(1, b'(')) {
            return Ok(None);
        }
        self.bump();
        self.bump();
        self.expect(kw::WHERE)?;
        let condition = self.expr()?;
        self.expect_ch(b')')?;
        Ok(Some(condition))
    }

    /// `OVER …`, if it is here.
    pub(super) fn opt_over(&mut self) -> Result<Option<Over>> {
        if !self.eat(kw::OVER) {
            return Ok(None);
        }
        Ok(Some(if self.at_ch(b'(') { Over::Spec(self.window_spec()?) } else { Over::Named(self.col_id()?) }))
    }
    /// `(args)` of a call.
    pub(super) fn application(&mut self, name: Name) -> Result<FuncCall> {
        self.enter()?;
        self.expect_ch(b'(')?;
        let mut f = super::expr::plain_call(name, vec![]);
        if self.eat_ch(b')') {
            return Ok(f);
        }
        if self.at_ch(b'*') && self.peek_ch(1, b')') {
            self.bump();
            self.bump();
            f.star = true;
            return Ok(f);
        }
        if self.eat(kw::DISTINCT) {
            f.distinct = true;
        } else {
            self.eat(kw::ALL);
        }
        self.more_args(&mut f)?;
        self.end_args(&mut f)?;
        Ok(f)
    }

    /// Arguments, separated by commas.
    pub(super) fn more_args(&mut self, f: &mut FuncCall) -> Result<()> {
        loop {
            if self.at(kw::VARIADIC) {
                self.bump();
                f.variadic = true;
            }
            let arg = self.func_arg()?;
            let late = f.args.last().and_then(|a| a.name.as_ref()).filter(|_| arg.name.is_none());
            if late.is_some() {
                let message = "positional argument cannot follow named argument";
                return Err(self.error_at(message, arg.value.pos));
            }
            f.args.push(arg);
            if f.variadic || !self.eat_ch(b',') {
                return Ok(());
            }
        }
    }

    /// What may stand behind the arguments, and the closing parenthesis.
    pub(super) fn end_args(&mut self, f: &mut FuncCall) -> Result<()> {
        if self.eat_seq(&[kw::ORDER, kw::BY]) {
            f.order_by = self.sort_list()?;
        }
        self.expect_ch(b')')
    }

    /// After ORDER BY.
    pub(super) fn sort_list(&mut self) -> Result<Vec<SortBy>> {
        self.comma_list(|p| {
            let expr = p.expr()?;
            let order = p.sort_order(true)?;
            Ok(SortBy { expr, order, nulls_first: p.nulls_order()? })
        })
    }
    pub(super) fn sort_order(&mut self, using: bool) -> Result<SortOrder> {
        Ok(if self.eat(kw::ASC) {
            SortOrder::Asc
        } else if self.eat(kw::DESC) {
            SortOrder::Desc
        } else if using && self.eat(kw::USING) {
            SortOrder::Using(if self.at(kw::OPERATOR) { self.operator_clause()? } else { self.any_operator()? })
        } else {
            SortOrder::Default
        })
    }
    pub(super) fn nulls_order(&mut self) -> Result<Option<bool>> {
        if self.at(kw::NULLS) && (self.peek_at(1, kw::FIRST) || self.peek_at(1, kw::LAST)) {
            self.bump();
            return Ok(Some(self.bump().kw == kw::FIRST));
        }
        Ok(None)
    }

    // ---- windows ----

    /// `([base] [PARTITION BY …] [ORDER BY …] [frame])`.
    pub(super) fn window_spec(&mut self) -> Result<WindowSpec> {
        let pos = self.pos();
        self.expect_ch(b'(')?;
        let mut w = WindowSpec { base: None, partition_by: vec![], order_by: vec![], frame: None, pos };
        if self.is_col_id_here() && !self.at_any(&[kw::PARTITION, kw::RANGE, kw::ROWS, kw::GROUPS]) {
            w.base = Some(self.col_id()?);
        }
        if self.eat_seq(&[kw::PARTITION, kw::BY]) {
            w.partition_by = self.expr_list()?;
        }
        if self.eat_seq(&[kw::ORDER, kw::BY]) {
            w.order_by = self.sort_list()?;
        }
        let units = match self.tok.kw {
            kw::ROWS if self.at(kw::ROWS) => Some(FrameUnits::Rows),
            kw::RANGE if self.at(kw::RANGE) => Some(FrameUnits::Range),
            kw::GROUPS if self.at(kw::GROUPS) => Some(FrameUnits::Groups),
            _ => None,
        };
        if let Some(units) = units {
            w.frame = Some(self.frame(units)?);
        }
        self.expect_ch(b')')?;
        Ok(w)
    }
    fn frame(&mut self, units: FrameUnits) -> Result<Frame> {
        use rustydb_base::{DbError, SqlState};
        let pos = self.bump().start;
        let bad = |p: &Self, message: &'static str, at: Pos| {
            Err(p.place(DbError::new(SqlState::WINDOWING_ERROR, message), at))
        };
        let at = self.pos();
        let (start, end);
        let between = self.eat(kw::BETWEEN);
        if between {
            let at = self.pos();
            start = self.frame_bound()?;
            self.expect(kw::AND)?;
            let end_at = self.pos();
            end = self.frame_bound()?;
            match (&start, &end) {
                (FrameBound::UnboundedFollowing, _) => {
                    return bad(self, "frame start cannot be UNBOUNDED FOLLOWING", at);
                }
                (_, FrameBound::UnboundedPreceding) => {
                    return bad(self, "frame end cannot be UNBOUNDED PRECEDING", end_at);
                }
                (FrameBound::CurrentRow, FrameBound::Preceding(_)) => {
                    return bad(self, "frame starting from current row cannot have preceding rows", end_at);
                }
                (FrameBound::Following(_), FrameBound::Preceding(_) | FrameBound::CurrentRow) => {
                    return bad(self, "frame starting from following row cannot have preceding rows", end_at);
                }
                _ => {}
            }
        } else {
            start = self.frame_bound()?;
            end = FrameBound::CurrentRow;
            match &start {
                FrameBound::UnboundedFollowing => return bad(self, "frame start cannot be UNBOUNDED FOLLOWING", at),
                FrameBound::Following(_) => {
                    return bad(self, "frame starting from following row cannot end with current row", at);
                }
                _ => {}
            }
        }
        let mut exclude = FrameExclude::NoOthers;
        if self.eat(kw::EXCLUDE) {
            exclude = if self.eat_seq(&[kw::CURRENT, kw::ROW]) {
                FrameExclude::CurrentRow
            } else if self.eat(kw::GROUP) {
                FrameExclude::Group
            } else if self.eat(kw::TIES) {
                FrameExclude::Ties
            } else if self.eat_seq(&[kw::NO, kw::OTHERS]) {
                FrameExclude::NoOthers
            } else {
                return self.unexpected();
            };
        }
        Ok(Frame { units, start, end, between, exclude, pos })
    }
    fn frame_bound(&mut self) -> Result<FrameBound> {
        if self.at(kw::UNBOUNDED) && (self.peek_at(1, kw::PRECEDING) || self.peek_at(1, kw::FOLLOWING)) {
            self.bump();
            return Ok(if self.bump().kw == kw::PRECEDING {
                FrameBound::UnboundedPreceding
            } else {
                FrameBound::UnboundedFollowing
            });
        }
        if self.eat_seq(&[kw::CURRENT, kw::ROW]) {
            return Ok(FrameBound::CurrentRow);
        }
        let e = boxed(self.expr()?);
        if self.eat(kw::PRECEDING) {
            Ok(FrameBound::Preceding(e))
        } else if self.eat(kw::FOLLOWING) {
            Ok(FrameBound::Following(e))
        } else {
            self.unexpected()
        }
    }
}
