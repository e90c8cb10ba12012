//! The SQL/XML expressions.

use super::Parser;
use super::expr::boxed;
use crate::ast::{
    Expr, ExprKind, FunctionTable, Ident, Pos, TableFunction, TableRef, XmlColumn, XmlColumnValue, XmlExpr, XmlOp,
    XmlStandalone,
};
use crate::keywords::kw;
use crate::lexer::T;
use rustydb_base::Result;

impl Parser<'_> {
    /// An expression that one of the XML keywords begins, up to and without its closing parenthesis.
    pub(super) fn xml_expr(&mut self, pos: Pos) -> Result<Expr> {
        let word = self.bump();
        self.expect_ch(b'(')?;
        let mut x = XmlExpr { op: XmlOp::Concat, named: Vec::new(), args: Vec::new() };
        match word.kw {
            kw::XMLCONCAT => x.args = self.expr_list()?,
            kw::XMLELEMENT => {
                self.expect(kw::NAME)?;
                x.op = XmlOp::Element(self.label()?);
                let mut more = self.eat_ch(b',');
                if more && self.at(kw::XMLATTRIBUTES) && self.peek_ch(1, b'(') {
                    self.bump();
                    self.bump();
                    x.named = self.xml_named()?;
                    self.expect_ch(b')')?;
                    more = self.eat_ch(b',');
                }
                if more {
                    x.args = self.expr_list()?;
                }
            }
            kw::XMLFOREST => {
                x.op = XmlOp::Forest;
                x.named = self.xml_named()?;
            }
            kw::XMLPARSE => {
                let document = self.document_or_content()?;
                x.args.push(self.expr()?);
                let mut preserve = false;
                if self.at(kw::PRESERVE) || self.at(kw::STRIP) {
                    preserve = self.bump().kw == kw::PRESERVE;
                    self.expect(kw::WHITESPACE)?;
                }
                x.op = XmlOp::Parse { document, preserve };
            }
            kw::XMLPI => {
                self.expect(kw::NAME)?;
                x.op = XmlOp::Pi(self.label()?);
                if self.eat_ch(b',') {
                    x.args.push(self.expr()?);
                }
            }
            kw::XMLROOT => {
                x.args.push(self.expr()?);
                self.expect_ch(b',')?;
                self.expect(kw::VERSION)?;
                if self.at(kw::NO) && self.peek_at(1, kw::VALUE) {
                    self.bump();
                    self.bump();
                } else {
                    x.args.push(self.expr()?);
                }
                x.op = XmlOp::Root(if self.eat_ch(b',') { self.standalone()? } else { XmlStandalone::Omitted });
            }
            kw::XMLSERIALIZE => {
                let document = self.document_or_content()?;
                x.args.push(self.expr()?);
                self.expect(kw::AS)?;
                let ty = Box::new(self.simple_type()?);
                x.op = XmlOp::Serialize { document, ty };
            }
            _ => return self.unexpected(),
        }
        Ok(Expr::new(ExprKind::Xml(Box::new(x)), pos))
    }

    /// `x IS [NOT] DOCUMENT` after the last word.
    pub(super) fn is_document(&mut self, arg: Expr, negated: bool, pos: Pos) -> Expr {
        let x = XmlExpr { op: XmlOp::IsDocument, named: Vec::new(), args: vec![arg] };
        let is = Expr::new(ExprKind::Xml(Box::new(x)), pos);
        if negated { Expr::new(ExprKind::Not(boxed(is)), pos) } else { is }
    }

    fn document_or_content(&mut self) -> Result<bool> {
        if self.eat(kw::DOCUMENT) {
            return Ok(true);
        }
        self.expect(kw::CONTENT)?;
        Ok(false)
    }

    fn standalone(&mut self) -> Result<XmlStandalone> {
        self.expect(kw::STANDALONE)?;
        if self.eat(kw::YES) {
            return Ok(XmlStandalone::Yes);
        }
        self.expect(kw::NO)?;
        Ok(if self.eat(kw::VALUE) { XmlStandalone::NoValue } else { XmlStandalone::No })
    }

    /// `value [AS name], …`.
    fn xml_named(&mut self) -> Result<Vec<(Expr, Option<Ident>)>> {
        self.comma_list(|p| {
            let value = p.expr()?;
            let name = if p.eat(kw::AS) { Some(p.label()?) } else { None };
            Ok((value, name))
        })
    }

    /// At XMLTABLE in FROM.
    pub(super) fn xml_table(&mut self, lateral: bool, pos: Pos) -> Result<TableRef> {
        let at = self.pos();
        self.bump();
        self.expect_ch(b'(')?;
        let mut x = XmlExpr { op: XmlOp::Concat, named: Vec::new(), args: Vec::new() };
        if self.at(kw::XMLNAMESPACES) && self.peek_ch(1, b'(') {
            self.bump();
            x.named = self.paren_list(|p| {
                if p.eat(kw::DEFAULT) {
                    return Ok((p.b_expr()?, None));
                }
                let uri = p.b_expr()?;
                p.expect(kw::AS)?;
                Ok((uri, Some(p.label()?)))
            })?;
            self.expect_ch(b',')?;
        }
        x.args.push(self.primary()?);
        self.expect(kw::PASSING)?;
        self.xml_passing_mechanism()?;
        x.args.push(self.primary()?);
        self.xml_passing_mechanism()?;
        self.expect(kw::COLUMNS)?;
        let args = &mut x.args;
        let columns = self.comma_list(|p| p.xml_column(args))?;
        self.expect_ch(b')')?;
        x.op = XmlOp::Table(columns);
        let call = Expr::new(ExprKind::Xml(Box::new(x)), at);
        let alias = self.opt_alias()?;
        Ok(TableRef::Function(Box::new(FunctionTable {
            lateral,
            functions: vec![TableFunction { call, columns: vec![] }],
            rows_from: false,
            ordinality: false,
            alias,
            columns: vec![],
            pos,
        })))
    }

    fn xml_column(&mut self, args: &mut Vec<Expr>) -> Result<XmlColumn> {
        let name = self.col_id()?;
        if self.eat(kw::FOR) {
            self.expect(kw::ORDINALITY)?;
            return Ok(XmlColumn { name, value: None });
        }
        let ty = self.type_name()?;
        let (mut path, mut default, mut null) = (None, None, None);
        loop {
            let at = self.pos();
            if self.eat(kw::DEFAULT) {
                if default.replace(self.b_expr()?).is_some() {
                    return Err(self.error_at("only one DEFAULT value is allowed", at));
                }
            } else if self.at(kw::NULL) || (self.at(kw::NOT) && self.peek_at(1, kw::NULL)) {
                let not = self.eat(kw::NOT);
                self.bump();
                if null.replace(not).is_some() {
                    let m = "conflicting or redundant NULL / NOT NULL declarations for column";
                    return Err(self.error_at(format!("{m} \"{}\"", name.value), at));
                }
            } else if self.kind() == T::Word && self.is_col_id_here() && !self.at_keyword() {
                let option = self.col_id()?;
                let value = self.b_expr()?;
                if option.value == "__pg__is_not_null" {
                    let m = format!("option name \"{}\" cannot be used in XMLTABLE", option.value);
                    return Err(self.error_at(m, at));
                }
                if option.value != "path" {
                    return Err(self.error_at(format!("unrecognized column option \"{}\"", option.value), at));
                }
                if path.replace(value).is_some() {
                    return Err(self.error_at("only one PATH value per column is allowed", at));
                }
            } else {
                break;
            }
        }
        let value =
            XmlColumnValue { ty, path: path.is_some(), default: default.is_some(), not_null: null.unwrap_or(false) };
        args.extend(path);
        args.extend(default);
        Ok(XmlColumn { name, value: Some(value) })
    }

    /// Whether the present word is a keyword.
    fn at_keyword(&self) -> bool {
        crate::keywords::lookup(&self.text(self.tok).to_ascii_lowercase()).is_some()
    }
}
