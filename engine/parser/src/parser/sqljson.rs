//! JSON_VALUE, JSON_QUERY, JSON_EXISTS and JSON_TABLE. Their words are no keywords of PostgreSQL 15: they act as such only
//! where one of the four names stands before a parenthesis.

use super::Parser;
use crate::ast::{
    Expr, ExprKind, JsonBehavior, JsonColumn, JsonForm, JsonWrapper, Literal, Pos, SqlJson, SqlJsonOp,
};
use crate::keywords::kw;
use rustydb_base::{DbError, Result};

impl Parser<'_> {
    /// Which of the functions begins here, before its parenthesis.
    pub(super) fn at_sql_json(&mut self) -> Option<SqlJsonOp> {
        let ops = [SqlJsonOp::Value, SqlJsonOp::Query, SqlJsonOp::Exists, SqlJsonOp::Table];
        let op = ops.into_iter().find(|o| self.at_word(o.label()))?;
        self.peek_ch(1, b'(').then_some(op)
    }

    /// The whole call.
    pub(super) fn sql_json(&mut self, op: SqlJsonOp, pos: Pos) -> Result<Expr> {
        self.bump();
        self.expect_ch(b'(')?;
        let context = self.expr()?;
        self.format_json()?;
        self.expect_ch(b',')?;
        let path = self.expr()?;
        if op == SqlJsonOp::Table && !matches!(path.kind, ExprKind::Literal(Literal::String(_))) {
            let e = DbError::unsupported("only string constants are supported in JSON_TABLE path specification");
            return Err(self.place(e, path.pos));
        }
        let mut j = SqlJson {
            op,
            context,
            path,
            path_name: None,
            passing: vec![],
            returning: None,
            form: JsonForm::default(),
            columns: vec![],
        };
        if op == SqlJsonOp::Table && self.eat(kw::AS) {
            j.path_name = Some(self.col_id()?);
        }
        if self.eat_word("passing") {
            j.passing = self.comma_list(|p| {
                let value = p.expr()?;
                p.format_json()?;
                p.expect(kw::AS)?;
                Ok((value, p.label()?))
            })?;
        }
        if op == SqlJsonOp::Table {
            j.columns = self.json_columns()?;
        } else if self.eat(kw::RETURNING) {
            j.returning = Some(self.type_name()?);
            j.form.format = self.format_json()?;
        }
        if op == SqlJsonOp::Query {
            self.json_wrapper(&mut j.form)?;
        }
        self.json_behaviors(&mut j.form, matches!(op, SqlJsonOp::Value | SqlJsonOp::Query))?;
        self.expect_ch(b')')?;
        Ok(Expr::new(ExprKind::SqlJson(Box::new(j)), pos))
    }

    /// `FORMAT JSON`, if it is here.
    fn format_json(&mut self) -> Result<bool> {
        if !(self.at_word("format") && self.peek_word(1, "json")) {
            return Ok(false);
        }
        self.bump();
        self.bump();
        Ok(true)
    }

    /// `COLUMNS (…)`.
    fn json_columns(&mut self) -> Result<Vec<JsonColumn>> {
        if !self.eat_word("columns") {
            return self.unexpected();
        }
        self.paren_list(Self::json_column)
    }

    fn json_column(&mut self) -> Result<JsonColumn> {
        self.enter()?;
        self.grow()?;
        if self.at_word("nested") && (self.peek_word(1, "path") || Self::is_str(self.peek(1).kind)) {
            self.bump();
            self.eat_word("path");
            let pos = self.pos();
            let path = self.string()?;
            let name = if self.eat(kw::AS) { Some(self.col_id()?) } else { None };
            return Ok(JsonColumn::Nested { path, pos, name, columns: self.json_columns()? });
        }
        let name = self.col_id()?;
        if self.at(kw::FOR) {
            self.bump();
            if !self.eat_word("ordinality") {
                return self.unexpected();
            }
            return Ok(JsonColumn::Ordinality(name));
        }
        let ty = self.type_name()?;
        let mut form = JsonForm { format: self.format_json()?, ..JsonForm::default() };
        let exists = !form.format && self.eat_word("exists");
        let path = if self.eat_word("path") {
            let pos = self.pos();
            Some((self.string()?, pos))
        } else {
            None
        };
        if !exists {
            self.json_wrapper(&mut form)?;
        }
        self.json_behaviors(&mut form, !exists)?;
        Ok(JsonColumn::Value { name, ty, exists, path, form })
    }

    /// WRAPPER and QUOTES.
    fn json_wrapper(&mut self, form: &mut JsonForm) -> Result<()> {
        if self.eat_word("without") {
            self.eat_word("array");
            if !self.eat_word("wrapper") {
                return self.unexpected();
            }
            form.wrapper = Some(JsonWrapper::Without);
        } else if self.eat_word("with") {
            let conditional = self.eat_word("conditional");
            if !conditional {
                self.eat_word("unconditional");
            }
            self.eat_word("array");
            if !self.eat_word("wrapper") {
                return self.unexpected();
            }
            form.wrapper = Some(if conditional { JsonWrapper::Conditional } else { JsonWrapper::Unconditional });
        }
        let at = self.pos();
        if self.at_word("keep") || self.at_word("omit") {
            let keep = self.at_word("keep");
            self.bump();
            if !self.eat_word("quotes") {
                return self.unexpected();
            }
            if self.eat(kw::ON) && !(self.eat_word("scalar") && self.eat_word("string")) {
                return self.unexpected();
            }
            if matches!(form.wrapper, Some(JsonWrapper::Conditional | JsonWrapper::Unconditional)) {
                return Err(
                    self.error_at("SQL/JSON QUOTES behavior must not be specified when WITH WRAPPER is used", at)
                );
            }
            form.keep_quotes = Some(keep);
        }
        Ok(())
    }

    /// `… ON EMPTY` and `… ON ERROR`, in this order.
    fn json_behaviors(&mut self, form: &mut JsonForm, empty: bool) -> Result<()> {
        while !self.at_ch(b')') && !self.at_ch(b',') {
            let pos = self.pos();
            let b = self.json_behavior()?;
            self.expect(kw::ON)?;
            if empty && form.on_empty.is_none() && form.on_error.is_none() && self.eat_word("empty") {
                form.on_empty = Some((b, pos));
            } else if form.on_error.is_none() && self.eat_word("error") {
                form.on_error = Some((b, pos));
            } else {
                return self.unexpected();
            }
        }
        Ok(())
    }

    fn json_behavior(&mut self) -> Result<JsonBehavior> {
        Ok(if self.eat(kw::DEFAULT) {
            JsonBehavior::Default(self.expr()?)
        } else if self.eat_word("empty") {
            if self.eat_word("object") {
                JsonBehavior::EmptyObject
            } else {
                self.eat_word("array");
                JsonBehavior::EmptyArray
            }
        } else if self.eat_word("error") {
            JsonBehavior::Error
        } else if self.eat_word("null") {
            JsonBehavior::Null
        } else if self.eat_word("true") {
            JsonBehavior::True
        } else if self.eat_word("false") {
            JsonBehavior::False
        } else if self.eat_word("unknown") {
            JsonBehavior::Unknown
        } else {
            return self.unexpected();
        })
    }
}
