//! SQL/XML expressions: calls of kernels that PostgreSQL has no functions for. What the syntax says beside values (names,
//! kinds) becomes constant arguments.

use super::Binder;
use super::nameless::nameless;
use super::resolve::Coercion;
use super::types::{self, show};
use crate::plan::ir::{Expr, ExprKind};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, XmlExpr, XmlOp, XmlStandalone};
use rustydb_types::datum::Datum;
use rustydb_types::pgdata::Proc;
use rustydb_types::xml::value::name as xml_name;
use rustydb_types::{oid, usertype};
use std::sync::LazyLock;

fn proc_of(op: &XmlOp) -> &'static Proc {
    static PROCS: LazyLock<[Proc; 8]> = LazyLock::new(|| {
        [
            nameless("xmlconcat_expression", oid::XML, false),
            nameless("xmlelement_expression", oid::XML, false),
            nameless("xmlforest_expression", oid::XML, false),
            nameless("xmlparse_expression", oid::XML, false),
            nameless("xmlpi_expression", oid::XML, false),
            nameless("xmlroot_expression", oid::XML, false),
            nameless("xmlserialize_expression", oid::TEXT, false),
            nameless("is_document_expression", oid::BOOL, false),
        ]
    });
    let [concat, element, forest, parse, pi, root, serialize, document] = &*PROCS;
    match op {
        XmlOp::Concat => concat,
        XmlOp::Element(_) => element,
        XmlOp::Forest => forest,
        XmlOp::Parse { .. } => parse,
        XmlOp::Pi(_) => pi,
        XmlOp::Root(_) => root,
        XmlOp::Serialize { .. } => serialize,
        XmlOp::IsDocument | XmlOp::Table(_) => document,
    }
}

pub(super) fn text(s: String) -> Expr {
    Expr::new(ExprKind::Const(Datum::Text(s.into())), types::plain(oid::TEXT))
}

pub(super) fn number(n: i32) -> Expr {
    Expr::new(ExprKind::Const(Datum::Int4(n)), types::plain(oid::INT4))
}

fn flag(b: bool) -> Expr {
    Expr::new(ExprKind::Const(Datum::Bool(b)), types::plain(oid::BOOL))
}

impl Binder<'_> {
    pub(crate) fn xml(&mut self, x: &XmlExpr, pos: u32) -> Result<Expr> {
        let mut args = Vec::new();
        match &x.op {
            XmlOp::Element(name) => {
                args.push(text(xml_name(&name.value, false)));
                args.push(number(x.named.len() as i32));
                self.xml_named(x, true, &mut args)?;
                self.xml_values(x, &mut args)?;
            }
            XmlOp::Forest => self.xml_named(x, false, &mut args)?,
            XmlOp::Concat => {
                for a in &x.args {
                    let a = self.expr(a)?;
                    args.push(self.xml_arg(a, oid::XML, "XMLCONCAT")?);
                }
            }
            XmlOp::Parse { document, .. } => {
                self.xml_first(x, oid::TEXT, &mut args)?;
                args.push(flag(*document));
            }
            XmlOp::Pi(name) => {
                args.push(text(xml_name(&name.value, false)));
                if !x.args.is_empty() {
                    self.xml_first(x, oid::TEXT, &mut args)?;
                }
            }
            XmlOp::Root(standalone) => {
                self.xml_first(x, oid::XML, &mut args)?;
                args.push(match x.args.get(1) {
                    Some(v) => {
                        let v = self.expr(v)?;
                        self.xml_arg(v, oid::TEXT, "XMLROOT")?
                    }
                    None => Expr::new(ExprKind::Const(Datum::Null), types::plain(oid::TEXT)),
                });
                args.push(number(match standalone {
                    XmlStandalone::Yes => 1,
                    XmlStandalone::No => 0,
                    XmlStandalone::NoValue => -1,
                    XmlStandalone::Omitted => -2,
                }));
            }
            XmlOp::Serialize { document, .. } => {
                self.xml_first(x, oid::XML, &mut args)?;
                args.push(flag(*document));
            }
            XmlOp::IsDocument => self.xml_first(x, oid::XML, &mut args)?,
            XmlOp::Table(_) => return Err(DbError::internal("XMLTABLE outside of FROM")),
        }
        let proc = proc_of(&x.op);
        let call = Expr { kind: ExprKind::Call { proc, args, collation: 0 }, ty: types::plain(proc.prorettype), pos };
        let XmlOp::Serialize { ty, .. } = &x.op else { return Ok(call) };
        let to = self.type_name(ty)?;
        let fits = matches!(usertype::base(to).oid, oid::TEXT | oid::VARCHAR | oid::BPCHAR);
        let done = if fits { self.coerce(call, to, Coercion::Implicit)? } else { None };
        done.ok_or_else(|| {
            DbError::new(SqlState::CANNOT_COERCE, format!("cannot cast XMLSERIALIZE result to {}", show(to.oid)))
                .at(pos)
        })
    }

    fn xml_first(&mut self, x: &XmlExpr, ty: u32, args: &mut Vec<Expr>) -> Result<()> {
        let Some(first) = x.args.first() else { return Err(DbError::internal("an XML expression lacks its argument")) };
        let e = self.expr(first)?;
        args.push(self.xml_arg(e, ty, x.op.keyword())?);
        Ok(())
    }

    fn xml_arg(&mut self, e: Expr, ty: u32, what: &str) -> Result<Expr> {
        let (from, at) = (e.ty.oid, e.pos);
        self.coerce(e, types::plain(ty), Coercion::Assignment)?.ok_or_else(|| {
            DbError::new(
                SqlState::DATATYPE_MISMATCH,
                format!("argument of {what} must be type {}, not type {}", show(ty), show(from)),
            )
            .at(at)
        })
    }

    fn xml_values(&mut self, x: &XmlExpr, args: &mut Vec<Expr>) -> Result<()> {
        for a in &x.args {
            let a = self.expr(a)?;
            args.push(self.default_unknown(a)?);
        }
        Ok(())
    }

    /// Names and values in turn; a value without a name has its column's.
    fn xml_named(&mut self, x: &XmlExpr, attributes: bool, args: &mut Vec<Expr>) -> Result<()> {
        let mut seen: Vec<String> = Vec::new();
        for (value, name) in &x.named {
            let at = self.pos(value.pos);
            let name = match (name, &value.kind) {
                (Some(n), _) => xml_name(&n.value, false),
                (None, ast::ExprKind::Column(c)) if !c.parts.is_empty() => {
                    xml_name(c.parts.last().map_or("", |p| p.value.as_str()), true)
                }
                _ => {
                    let what = if attributes { "attribute" } else { "element" };
                    return Err(DbError::new(
                        SqlState::SYNTAX_ERROR,
                        format!("unnamed XML {what} value must be a column reference"),
                    )
                    .at(at));
                }
            };
            if attributes && seen.contains(&name) {
                return Err(DbError::new(
                    SqlState::SYNTAX_ERROR,
                    format!("XML attribute name \"{name}\" appears more than once"),
                )
                .at(at));
            }
            let v = self.expr(value)?;
            let v = self.default_unknown(v)?;
            args.push(text(name.clone()));
            args.push(v);
            seen.push(name);
        }
        Ok(())
    }
}
