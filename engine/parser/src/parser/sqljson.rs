//! JSON_VALUE, JSON_QUERY, JSON_EXISTS and JSON_TABLE. Their words are no keywords of PostgreSQL 15: they act as such only
//! where one of the names stands before a parenthesis, so that tables and columns may have them, as in PostgreSQL 17. A
//! function of such a name is called with the name in quotes or behind its schema.

use super::Parser;
use super::sqljson_make::MAKERS;
use crate::ast::{
    Expr, ExprKind, FunctionTable, JsonArg, JsonBehavior, JsonColumn, JsonForm, JsonFormat, JsonPathText,
    JsonReturning, JsonSearch, JsonSearchOp, JsonWrapper, Literal, Pos, SqlJson, TableFunction, TableRef,
};
use crate::keywords::kw;
use rustydb_base::{DbError, Result, SqlState};

impl Parser<'_> {
    /// A SQL/JSON expression, if one begins here. The present token is a word before a parenthesis.
    pub(super) fn sql_json(&mut self, pos: Pos) -> Result<Option<Expr>> {
        let word = self.text(self.tok);
        if !word.get(..4).is_some_and(|w| w.eq_ignore_ascii_case("json")) {
            return Ok(None);
        }
        let ops = [JsonSearchOp::Value, JsonSearchOp::Query, JsonSearchOp::Exists];
        if let Some(op) = ops.into_iter().find(|o| self.at_word(o.label())) {
            return self.json_search(op, pos).map(Some);
        }
        if self.at_json_table() {
            // It stands in FROM only.
            self.bump();
            return self.unexpected();
        }
        let Some(op) = MAKERS.into_iter().find(|o| o.label().is_some_and(|l| self.at_word(l))) else { return Ok(None) };
        self.json_make(op, pos)
    }

    /// Whether a JSON_TABLE begins here.
    pub(super) fn at_json_table(&mut self) -> bool {
        self.at_word("json_table") && self.peek_ch(1, b'(')
    }

    /// JSON_TABLE in FROM.
    pub(super) fn json_table(&mut self, lateral: bool, pos: Pos) -> Result<TableRef> {
        let call = self.json_search(JsonSearchOp::Table, self.pos())?;
        Ok(TableRef::Function(Box::new(FunctionTable {
            lateral,
            functions: vec![TableFunction { call, columns: vec![] }],
            rows_from: false,
            ordinality: false,
            alias: self.opt_alias()?,
            columns: vec![],
            pos,
        })))
    }

    fn json_search(&mut self, op: JsonSearchOp, pos: Pos) -> Result<Expr> {
        self.bump();
        self.expect_ch(b'(')?;
        let context = self.json_arg()?;
        self.expect_ch(b',')?;
        let path_at = self.pos();
        let path = self.expr()?;
        if op == JsonSearchOp::Table && !matches!(path.kind, ExprKind::Literal(Literal::String(_))) {
            let e = DbError::unsupported("only string constants are supported in JSON_TABLE path specification");
            return Err(self.place(e, path_at));
        }
        let mut j = JsonSearch {
            op,
            context,
            path,
            path_name: None,
            passing: vec![],
            returning: None,
            form: JsonForm::default(),
            columns: vec![],
        };
        if op == JsonSearchOp::Table && self.eat(kw::AS) {
            j.path_name = Some(self.col_id()?);
        }
        if self.eat_word("passing") {
            j.passing = self.comma_list(|p| {
                let value = p.json_arg()?;
                p.expect(kw::AS)?;
                Ok((value, p.label()?))
            })?;
        }
        match op {
            JsonSearchOp::Table => j.columns = self.json_columns()?,
            JsonSearchOp::Exists => {}
            _ => j.returning = self.json_returning()?,
        }
        if op == JsonSearchOp::Query {
            self.json_wrapper(&mut j.form)?;
        }
        self.json_behaviors(&mut j.form, matches!(op, JsonSearchOp::Value | JsonSearchOp::Query))?;
        self.expect_ch(b')')?;
        Ok(Expr::new(ExprKind::SqlJson(Box::new(SqlJson::Search(j))), pos))
    }

    /// A value, maybe with FORMAT JSON.
    pub(super) fn json_arg(&mut self) -> Result<JsonArg> {
        Ok(JsonArg { value: self.expr()?, format: self.json_format()? })
    }

    /// `RETURNING type [FORMAT JSON]`, if it is here.
    pub(super) fn json_returning(&mut self) -> Result<Option<JsonReturning>> {
        if !self.eat(kw::RETURNING) {
            return Ok(None);
        }
        Ok(Some(JsonReturning { ty: self.type_name()?, format: self.json_format()? }))
    }

    /// `FORMAT JSON [ENCODING name]`, if it is here.
    pub(super) fn json_format(&mut self) -> Result<Option<JsonFormat>> {
        if !(self.at_word("format") && self.peek_word(1, "json")) {
            return Ok(None);
        }
        let pos = self.pos();
        self.bump();
        self.bump();
        let mut encoding = None;
        if self.eat(kw::ENCODING) {
            let name = self.label()?.value;
            let known = ["UTF8", "UTF16", "UTF32"].into_iter().find(|n| n.eq_ignore_ascii_case(&name));
            encoding = Some(known.ok_or_else(|| {
                DbError::new(SqlState::INVALID_PARAMETER_VALUE, format!("unrecognized JSON encoding: {name}"))
            })?);
        }
        Ok(Some(JsonFormat { encoding, pos }))
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
        if self.at_word("nested") && (self.peek_word(1, "path") || Self::is_str(self.peek(1).kind)) {
            let outer = self.height;
            self.grow()?;
            self.bump();
            self.eat_word("path");
            let path = self.string()?;
            let name = if self.eat(kw::AS) { Some(self.col_id()?) } else { None };
            let columns = self.json_columns()?;
            self.height = outer;
            return Ok(JsonColumn::Nested { path, name, columns });
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
        let mut form = JsonForm { format: self.json_format()?, ..JsonForm::default() };
        let exists = form.format.is_none() && self.eat_word("exists");
        let path = if self.eat_word("path") {
            let pos = self.pos();
            if !self.at_str() {
                return self.unexpected();
            }
            Some(JsonPathText { text: self.string()?, pos })
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
        if self.at_word("keep") || self.at_word("omit") {
            let keep = self.at_word("keep");
            self.bump();
            if !self.eat_word("quotes") {
                return self.unexpected();
            }
            if self.eat(kw::ON) && !(self.eat_word("scalar") && self.eat_word("string")) {
                return self.unexpected();
            }
            form.keep_quotes = Some(keep);
        }
        Ok(())
    }

    /// `… ON EMPTY` (if the place has it) and `… ON ERROR`, in this order.
    fn json_behaviors(&mut self, form: &mut JsonForm, empty: bool) -> Result<()> {
        while form.on_error.is_none() && !self.at_ch(b')') && !self.at_ch(b',') {
            let pos = self.pos();
            let b = self.json_behavior()?;
            self.expect(kw::ON)?;
            if empty && form.on_empty.is_none() && self.eat_word("empty") {
                form.on_empty = Some((b, pos));
            } else if self.eat_word("error") {
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
        } else if self.eat(kw::NULL) {
            JsonBehavior::Null
        } else if self.eat(kw::TRUE) {
            JsonBehavior::True
        } else if self.eat(kw::FALSE) {
            JsonBehavior::False
        } else if self.eat(kw::UNKNOWN) {
            JsonBehavior::Unknown
        } else {
            return self.unexpected();
        })
    }
}
