//! CREATE FUNCTION and CREATE PROCEDURE, ALTER of their options, CALL.

use super::Parser;
use crate::ast::{
    AlterOperator, AlterRoutine, Call, CastMethod, CreateAggregate, CreateCast, CreateCollation, CreateOperator,
    CreateRoutine, DefOption, ObjectKind, ObjectRef, Pos, RoutineBody, RoutineOption, RoutineOptionKind, RoutineParam,
    RoutineReturns, Statement,
};
use crate::keywords::kw;
use crate::lexer::T;
use rustydb_base::Result;

impl Parser<'_> {
    /// After CREATE [OR REPLACE] FUNCTION or PROCEDURE.
    pub(super) fn create_routine(&mut self, procedure: bool, or_replace: bool) -> Result<Statement> {
        let name = self.func_name()?;
        self.expect_ch(b'(')?;
        let mut params = Vec::new();
        if !self.at_ch(b')') {
            params = self.comma_list(Self::routine_param)?;
        }
        self.expect_ch(b')')?;
        let mut returns = None;
        if !procedure && self.eat(kw::RETURNS) {
            returns = Some(if self.at(kw::TABLE) && self.peek_ch(1, b'(') {
                self.bump();
                let columns = self.paren_list(|p| Ok((p.take(Self::is_type_func_name)?, p.func_type()?)))?;
                RoutineReturns::Table(columns)
            } else {
                RoutineReturns::Type(self.func_type()?)
            });
        }
        let options = self.routine_options(true)?;
        let start = self.pos();
        let body = if self.eat(kw::RETURN) {
            Some(RoutineBody::Return(self.expr()?))
        } else if self.eat_seq(&[kw::BEGIN, kw::ATOMIC]) {
            Some(RoutineBody::Atomic(self.atomic_statements()?))
        } else {
            None
        };
        let text = self.sql.get(self.range_from(start)).unwrap_or_default().to_owned();
        let body = body.map(|body| crate::ast::StandardBody { body, text });
        let r = CreateRoutine { procedure, or_replace, name, params, returns, options, body };
        Ok(Statement::CreateRoutine(Box::new(r)))
    }

    /// `…; …; END`.
    fn atomic_statements(&mut self) -> Result<Vec<Statement>> {
        let mut out = Vec::new();
        loop {
            while self.eat_ch(b';') {}
            if self.eat(kw::END) {
                return Ok(out);
            }
            out.push(if self.eat(kw::RETURN) {
                let pos = self.pos();
                let e = self.expr()?;
                Statement::Query(Box::new(crate::ast::Query::of_expr(e, pos)))
            } else {
                self.statement_body()?
            });
            self.expect_ch(b';')?;
        }
    }

    /// `[mode] [name] type [DEFAULT expr]`.
    fn routine_param(&mut self) -> Result<RoutineParam> {
        let arg = self.routine_arg()?;
        let default = if self.eat(kw::DEFAULT) || self.eat_ch(b'=') { Some(self.expr()?) } else { None };
        Ok(RoutineParam { mode: arg.mode, name: arg.name, ty: arg.ty, default })
    }

    fn routine_options(&mut self, create: bool) -> Result<Vec<RoutineOption>> {
        let mut out = Vec::new();
        loop {
            let pos = self.pos();
            match self.routine_option(create)? {
                Some(kind) => out.push(RoutineOption { pos, kind }),
                None => return Ok(out),
            }
        }
    }

    fn routine_option(&mut self, create: bool) -> Result<Option<RoutineOptionKind>> {
        use RoutineOptionKind as O;
        if self.kind() != T::Word {
            return Ok(None);
        }
        Ok(Some(if self.eat(kw::IMMUTABLE) {
            O::Volatility('i')
        } else if self.eat(kw::STABLE) {
            O::Volatility('s')
        } else if self.eat(kw::VOLATILE) {
            O::Volatility('v')
        } else if self.eat(kw::STRICT) {
            O::Strict(true)
        } else if self.eat_seq(&[kw::CALLED, kw::ON, kw::NULL, kw::INPUT]) {
            O::Strict(false)
        } else if self.eat_seq(&[kw::RETURNS, kw::NULL, kw::ON, kw::NULL, kw::INPUT]) {
            O::Strict(true)
        } else if self.at(kw::SECURITY) || (self.at(kw::EXTERNAL) && self.peek_at(1, kw::SECURITY)) {
            self.eat(kw::EXTERNAL);
            self.bump();
            let definer = self.eat(kw::DEFINER);
            if !definer {
                self.expect(kw::INVOKER)?;
            }
            O::SecurityDefiner(definer)
        } else if self.eat(kw::LEAKPROOF) {
            O::Leakproof(true)
        } else if self.eat_seq(&[kw::NOT, kw::LEAKPROOF]) {
            O::Leakproof(false)
        } else if self.eat(kw::COST) {
            O::Cost(self.numeric_only()?)
        } else if self.eat(kw::ROWS) {
            O::Rows(self.numeric_only()?)
        } else if self.eat(kw::SUPPORT) {
            O::Support(self.qualified_name()?)
        } else if self.eat(kw::PARALLEL) {
            O::Parallel(self.col_id()?.value)
        } else if self.at(kw::SET) || self.at(kw::RESET) {
            O::Set(self.set_or_reset()?)
        } else if create && self.eat(kw::LANGUAGE) {
            O::Language(if self.at_str() { self.string()? } else { self.take(Self::is_non_reserved_word)?.value })
        } else if create && self.eat(kw::WINDOW) {
            O::Window
        } else if create && self.eat(kw::TRANSFORM) {
            self.comma_list(|p| {
                p.expect(kw::FOR)?;
                p.expect(kw::TYPE)?;
                p.type_name()
            })?;
            O::Transform
        } else if create && self.eat(kw::AS) {
            let t = self.tok;
            let first = self.string()?;
            // Errors in the body point into it, if it stands in the statement as it is.
            let raw = self.text(t);
            let at = raw.find(&first).filter(|_| !first.is_empty() && raw.matches(&first).count() == 1);
            let at = at.and_then(|i| u32::try_from(i).ok()).map(|i| t.start + i);
            let mut strings = vec![first];
            if self.eat_ch(b',') {
                strings.push(self.string()?);
            }
            O::As(strings, at)
        } else {
            return Ok(None);
        }))
    }

    /// After CREATE [OR REPLACE] AGGREGATE.
    pub(super) fn create_aggregate(&mut self, or_replace: bool, pos: Pos) -> Result<Statement> {
        let name = self.func_name()?;
        let old = self.at_ch(b'(') && Self::is_label(self.peek(1)) && self.peek_ch(2, b'=');
        let (mut params, mut direct) = (None, None);
        if !old {
            self.expect_ch(b'(')?;
            let mut list = Vec::new();
            if !self.eat_ch(b'*') && !self.at_ch(b')') {
                if !self.at(kw::ORDER) {
                    list = self.comma_list(Self::routine_param)?;
                }
                if self.eat_seq(&[kw::ORDER, kw::BY]) {
                    direct = Some(list.len());
                    list.append(&mut self.comma_list(Self::routine_param)?);
                }
            }
            self.expect_ch(b')')?;
            params = Some(list);
        }
        let options = self.definition_list()?;
        let a = CreateAggregate { or_replace, name, params, direct, options, pos };
        Ok(Statement::CreateAggregate(Box::new(a)))
    }

    /// After CREATE OPERATOR.
    pub(super) fn create_operator(&mut self, pos: Pos) -> Result<Statement> {
        let name = self.any_operator()?;
        let options = self.definition_list()?;
        Ok(Statement::CreateOperator(Box::new(CreateOperator { name, options, pos })))
    }

    /// After CREATE COLLATION.
    pub(super) fn create_collation(&mut self) -> Result<Statement> {
        let if_not_exists = self.opt_if_not_exists();
        let name = self.qualified_name()?;
        let (mut from, mut options) = (None, Vec::new());
        if self.eat(kw::FROM) {
            from = Some(self.qualified_name()?);
        } else {
            options = self.definition_list()?;
        }
        Ok(Statement::CreateCollation(Box::new(CreateCollation { if_not_exists, name, from, options })))
    }

    /// After CREATE CAST.
    pub(super) fn create_cast(&mut self) -> Result<Statement> {
        self.expect_ch(b'(')?;
        let source = self.type_name()?;
        self.expect(kw::AS)?;
        let target = self.type_name()?;
        self.expect_ch(b')')?;
        let method = if self.eat(kw::WITHOUT) {
            self.expect(kw::FUNCTION)?;
            CastMethod::Binary
        } else {
            self.expect(kw::WITH)?;
            if self.eat(kw::INOUT) {
                CastMethod::InOut
            } else {
                self.expect(kw::FUNCTION)?;
                match self.object_ref(ObjectKind::Function)? {
                    ObjectRef::Routine(name, args) => CastMethod::Function(name, args),
                    _ => return self.unexpected(),
                }
            }
        };
        let context = if !self.eat(kw::AS) {
            'e'
        } else if self.eat(kw::IMPLICIT) {
            'i'
        } else {
            self.expect(kw::ASSIGNMENT)?;
            'a'
        };
        Ok(Statement::CreateCast(Box::new(CreateCast { source, target, method, context })))
    }

    /// After ALTER OPERATOR and the operator, at SET.
    pub(super) fn alter_operator(&mut self, object: ObjectRef) -> Result<Statement> {
        self.bump();
        let options = self.paren_list(|p| {
            let name = p.label()?;
            p.expect_ch(b'=')?;
            let value = if p.eat(kw::NONE) { None } else { Some(p.def_value()?) };
            Ok(DefOption { namespace: None, name, value })
        })?;
        Ok(Statement::AlterOperator(Box::new(AlterOperator { object, options })))
    }

    /// `(name = value, name, …)`.
    pub(super) fn definition_list(&mut self) -> Result<Vec<DefOption>> {
        self.paren_list(|p| {
            let name = p.label()?;
            let value = if p.eat_ch(b'=') { Some(p.def_value()?) } else { None };
            Ok(DefOption { namespace: None, name, value })
        })
    }

    /// ALTER FUNCTION and its kin with options, if that is what follows.
    pub(super) fn alter_routine(&mut self, kind: ObjectKind, object: ObjectRef) -> Result<Statement> {
        let options = self.routine_options(false)?;
        if options.is_empty() {
            return self.unexpected();
        }
        self.eat(kw::RESTRICT);
        Ok(Statement::AlterRoutine(Box::new(AlterRoutine { kind, object, options })))
    }

    /// At CALL.
    pub(super) fn call_statement(&mut self) -> Result<Statement> {
        self.bump();
        let pos = self.pos();
        let name = self.func_name()?;
        let call = self.application(name)?;
        Ok(Statement::Call(Box::new(Call { call, pos })))
    }
}
