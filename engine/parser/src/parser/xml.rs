//! The SQL/XML expressions.

use super::Parser;
use super::expr::boxed;
use crate::ast::{Expr, ExprKind, Ident, Pos, XmlExpr, XmlOp, XmlStandalone};
use crate::keywords::kw;
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
}
