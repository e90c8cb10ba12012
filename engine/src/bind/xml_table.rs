//! XMLTABLE: a set of rows of texts that a kernel finds in the document ([`rustydb_types::xml::table`]), and above it a
//! projection that turns each text into its column's type, with the column's default and NOT NULL.

use super::Binder;
use super::nameless::nameless;
use super::resolve::Coercion;
use super::scope::{Rte, Scope, ScopeCol};
use super::trace::key;
use super::types::{self, show};
use super::xml::{number, text};
use crate::plan::ir::{Col, Expr, ExprKind, Rel};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, XmlColumn, XmlExpr, XmlOp};
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::pgdata::Proc;
use rustydb_types::{oid, usertype};
use std::sync::LazyLock;

/// The table that a function in FROM is, if it is XMLTABLE.
pub(super) fn of_function(f: &ast::FunctionTable) -> Option<(&XmlExpr, &[XmlColumn])> {
    match f.functions.as_slice() {
        [one] => match &one.call.kind {
            ast::ExprKind::Xml(x) => match &x.op {
                XmlOp::Table(columns) => Some((x, columns)),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}

/// The kernel that finds the rows.
pub(crate) const XML_TABLE_ROWS: &str = "xmltable_rows";

/// The set of rows, and the check of NOT NULL.
static PROCS: LazyLock<[Proc; 2]> =
    LazyLock::new(|| [nameless(XML_TABLE_ROWS, oid::RECORD, true), nameless("xmltable_not_null", oid::TEXT, false)]);

fn syntax(m: String) -> DbError {
    DbError::new(SqlState::SYNTAX_ERROR, m)
}

/// A column bound.
struct Column {
    name: String,
    ty: TypeRef,
    /// Path and default; `None` for FOR ORDINALITY.
    value: Option<(Expr, Option<Expr>)>,
    not_null: bool,
}

impl Binder<'_> {
    pub(super) fn xml_table(
        &mut self,
        f: &ast::FunctionTable,
        x: &XmlExpr,
        columns: &[XmlColumn],
    ) -> Result<(Rel, Scope)> {
        let mut given = x.args.iter();
        let mut next = || given.next().ok_or_else(|| DbError::internal("XMLTABLE lacks an argument"));
        let row = self.xml_table_arg(next()?, types::plain(oid::TEXT))?;
        let document = self.xml_table_arg(next()?, types::plain(oid::XML))?;
        let mut bound: Vec<Column> = Vec::with_capacity(columns.len());
        for c in columns {
            let at = self.pos(c.name.pos);
            let name = c.name.value.clone();
            if bound.iter().any(|b| b.name == name) {
                return Err(syntax(format!("column name \"{name}\" is not unique")).at(at));
            }
            let Some(v) = &c.value else {
                if bound.iter().any(|b| b.value.is_none()) {
                    return Err(syntax("only one FOR ORDINALITY column is allowed".into()).at(at));
                }
                bound.push(Column { name, ty: types::plain(oid::INT4), value: None, not_null: false });
                continue;
            };
            let ty = self.type_name(&v.ty)?;
            let path = if v.path { self.xml_table_arg(next()?, types::plain(oid::TEXT))? } else { text(name.clone()) };
            let default = if v.default { Some(self.xml_table_arg(next()?, ty)?) } else { None };
            bound.push(Column { name, ty, value: Some((path, default)), not_null: v.not_null });
        }
        let mut namespaces = Vec::with_capacity(x.named.len());
        for (i, (uri, name)) in x.named.iter().enumerate() {
            let at = self.pos(name.as_ref().map_or(uri.pos, |n| n.pos));
            if x.named.iter().take(i).any(|o| o.1.as_ref().map(|n| &n.value) == name.as_ref().map(|n| &n.value)) {
                return Err(match name {
                    Some(n) => syntax(format!("namespace name \"{}\" is not unique", n.value)).at(at),
                    None => syntax("only one default namespace is allowed".into()).at(at),
                });
            }
            namespaces
                .push((self.xml_table_arg(uri, types::plain(oid::TEXT))?, name.as_ref().map(|n| n.value.clone())));
        }
        self.trace(|t| {
            let values = bound.iter().filter_map(|c| c.value.as_ref());
            let values = values.flat_map(|(p, d)| std::iter::once(p.clone()).chain(d.clone()));
            let all = namespaces.iter().map(|n| n.0.clone()).chain([row.clone(), document.clone()]).chain(values);
            t.calls.insert(key(f), all.collect());
        });
        self.xml_table_rows(f, row, document, namespaces, bound)
    }

    fn xml_table_rows(
        &mut self,
        f: &ast::FunctionTable,
        row: Expr,
        document: Expr,
        namespaces: Vec<(Expr, Option<String>)>,
        columns: Vec<Column>,
    ) -> Result<(Rel, Scope)> {
        let [rows, not_null] = &*PROCS;
        let kinds: String = columns.iter().filter(|c| c.value.is_some()).map(|c| kind(c.ty)).collect();
        let mut args = vec![document, row, text(kinds), number(namespaces.len() as i32)];
        for (uri, name) in namespaces {
            args.push(name.map_or_else(|| Expr::new(ExprKind::Const(Datum::Null), types::plain(oid::TEXT)), text));
            args.push(uri);
        }
        let count = self.col(types::plain(oid::INT4));
        let (mut found, mut exprs, mut cols) = (vec![count], Vec::new(), Vec::new());
        for c in columns {
            let e = match c.value {
                None => Expr::column(count),
                Some((path, default)) => {
                    let raw = self.col(types::plain(oid::TEXT));
                    found.push(raw);
                    args.push(text(c.name.clone()));
                    args.push(path);
                    let e = read_as(raw, c.ty);
                    let e = match default {
                        Some(d) => Expr::new(ExprKind::Coalesce(vec![e, d]), c.ty),
                        None => e,
                    };
                    if c.not_null {
                        let args = vec![e, text(c.name.clone())];
                        Expr::new(ExprKind::Call { proc: not_null, args, collation: 0 }, c.ty)
                    } else {
                        e
                    }
                }
            };
            let out = self.col(c.ty);
            exprs.push((out, e));
            cols.push(ScopeCol { name: c.name.into(), col: out, origin: (0, 0) });
        }
        let call = Expr::new(ExprKind::Call { proc: rows, args, collation: 0 }, types::plain(oid::RECORD));
        let input = Rel::FunctionScan { calls: vec![(call, found)], ordinality: None };
        let name = f.alias.as_ref().map_or("xmltable", |a| a.name.value.as_str()).to_owned();
        let given = f.alias.as_ref().map_or(0, |a| a.columns.len());
        if given > cols.len() {
            let m = format!("XMLTABLE function has {} columns available but {given} columns specified", cols.len());
            return Err(DbError::new(SqlState::INVALID_COLUMN_REFERENCE, m));
        }
        self.rename(&mut cols, &name, f.alias.as_ref())?;
        let rte = Rte { other: Some("a table function"), ..Rte::computed(name, cols) };
        Ok((Rel::Project { input: Box::new(input), exprs }, Scope::of(rte)))
    }

    fn xml_table_arg(&mut self, e: &ast::Expr, ty: TypeRef) -> Result<Expr> {
        let e = self.expr(e)?;
        let (from, at) = (e.ty.oid, e.pos);
        self.coerce(e, ty, Coercion::Assignment)?.ok_or_else(|| {
            DbError::new(
                SqlState::DATATYPE_MISMATCH,
                format!("argument of XMLTABLE must be type {}, not type {}", show(ty.oid), show(from)),
            )
            .at(at)
        })
    }
}

/// How the kernel makes a text of what it finds for a column: 'x' as XML, 'n' with truth as a number, 't' otherwise.
fn kind(ty: TypeRef) -> char {
    let base = usertype::base(ty).oid;
    match base {
        oid::XML => 'x',
        _ if types::info(base).typcategory == 'N' => 'n',
        _ => 't',
    }
}

/// A text read by a type's input function.
fn read_as(raw: Col, ty: TypeRef) -> Expr {
    let base = usertype::base(ty);
    let plain = TypeRef { typmod: -1, ..base };
    let mut e = Expr::column(raw);
    if base.oid != oid::TEXT {
        e = Expr::new(ExprKind::ViaIo(Box::new(e)), plain);
    }
    if base.typmod >= 0 {
        e = Expr::new(ExprKind::Typmod { arg: Box::new(e), explicit: false }, base);
    }
    if ty.oid != base.oid {
        e = Expr::new(ExprKind::Domain(Box::new(e)), ty);
    }
    e
}
