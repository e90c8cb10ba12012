//! Functions in FROM.

use super::Binder;
use super::canonical::column_kept;
use super::scope::{ColName, Rte, Scope, ScopeCol};
use super::select::Clause;
use super::trace::key;
use super::types;
use crate::catalog::Relation;
use crate::plan::ir::{Col, ColId, Expr, ExprKind, Rel};
use crate::plan::walk;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast;
use rustydb_types::datum::TypeRef;
use rustydb_types::oid;
use std::collections::HashMap;

/// The calls of an item of FROM: where the columns of each begin, and the numbers of a relation's live columns if it gives
/// that one's rows.
#[derive(Default)]
struct Calls(Vec<(usize, Option<Vec<i16>>)>);

impl Calls {
    fn add(&mut self, first: usize, rows_of: Option<&Relation>) {
        self.0.push((first, rows_of.map(|r| r.live_columns().map(|c| c.attnum).collect())));
    }

    /// The columns that are a relation's: the call and the column's number there.
    fn places(&self, cols: &[ScopeCol]) -> HashMap<ColId, (usize, i16)> {
        let mut out = HashMap::new();
        for (call, (first, attnums)) in self.0.iter().enumerate() {
            for (i, attnum) in attnums.iter().flatten().enumerate() {
                if let Some(c) = cols.get(first + i) {
                    out.insert(c.col.id, (call, *attnum));
                }
            }
        }
        out
    }
}

/// The columns that the alias of a kept text lists, which are not all that the functions give by now. `None` for an alias
/// that somebody wrote.
fn chosen(
    places: &HashMap<ColId, (usize, i16)>,
    cols: &[ScopeCol],
    alias: Option<&ast::Alias>,
) -> Option<Vec<ScopeCol>> {
    let names = &alias?.columns;
    names.iter().find(|n| column_kept(&n.value).is_some())?;
    let mut others = cols.iter().filter(|c| !places.contains_key(&c.col.id));
    let mut out = Vec::with_capacity(names.len());
    for n in names {
        let (found, name) = match column_kept(&n.value) {
            Some((call, attnum, name)) => (cols.iter().find(|c| places.get(&c.col.id) == Some(&(call, attnum))), name),
            None => (others.next(), n.value.as_str()),
        };
        // A column that has been dropped is none any more.
        out.extend(found.map(|c| ScopeCol { name: name.into(), ..c.clone() }));
    }
    Some(out)
}

/// The call, if it is one of unnest with several arrays.
fn several_unnested(tf: &ast::TableFunction) -> Option<&ast::FuncCall> {
    tf.func().filter(|f| f.name.name.value == "unnest" && f.args.len() > 1 && !f.variadic)
}

impl Binder<'_> {
    pub(super) fn function_table(&mut self, f: &ast::FunctionTable) -> Result<(Rel, Scope)> {
        self.enter_level();
        self.set_clause(Clause::From);
        let r = self.function_table_inner(f);
        self.leave_level();
        r
    }

    fn function_table_inner(&mut self, f: &ast::FunctionTable) -> Result<(Rel, Scope)> {
        if let Some((x, columns)) = super::xml_table::of_function(f) {
            return self.xml_table(f, x, columns);
        }
        let mut calls: Vec<(Expr, Vec<Col>)> = Vec::with_capacity(f.functions.len());
        let mut cols: Vec<ScopeCol> = Vec::new();
        let default_name = f.functions.first().and_then(|x| ast::column_label(&x.call)).unwrap_or("unnamed").to_owned();
        let alias = f.alias.as_ref().map_or(default_name.clone(), |a| a.name.value.clone());
        self.check_definition_list(f)?;
        let mut scalar = f.functions.len() == 1 && !f.ordinality;
        let mut inlined = None;
        let mut made_by = Calls::default();
        for (i, tf) in f.functions.iter().enumerate() {
            // unnest(a, b) in FROM is ROWS FROM (unnest(a), unnest(b)).
            if let Some(fc) = several_unnested(tf) {
                for a in &fc.args {
                    let one = ast::FuncCall { args: vec![a.clone()], ..fc.clone() };
                    let e = ast::Expr::new(ast::ExprKind::Func(Box::new(one)), tf.call.pos);
                    let mut call = self.expr_typed(&e)?;
                    self.trace(|t| t.calls.entry(key(f)).or_default().push(call.clone()));
                    let fields = match self.row_fields(&call) {
                        Some(fields) => {
                            self.learn_names(&mut call, &fields)?;
                            fields
                        }
                        None => vec![("unnest".to_owned(), call.ty)],
                    };
                    made_by.add(cols.len(), self.row_relation(&call));
                    calls.push(self.set_columns(call, fields, &mut cols));
                }
                scalar = false;
                continue;
            }
            let mut call = self.expr_typed(&tf.call)?;
            top_level_set(&call)?;
            self.trace(|t| t.calls.entry(key(f)).or_default().push(call.clone()));
            let defs = if tf.columns.is_empty() && i == 0 { &f.columns } else { &tf.columns };
            let named = !defs.is_empty() || self.row_fields(&call).is_some();
            let fields: Vec<(String, TypeRef)> = if !defs.is_empty() {
                if call.ty.oid != oid::RECORD {
                    return Err(DbError::new(
                        SqlState::SYNTAX_ERROR,
                        "a column definition list is only allowed for functions returning \"record\"",
                    )
                    .at(self.pos(tf.call.pos)));
                }
                scalar = false;
                let made = defs.iter().map(|d| Ok((d.name.value.clone(), self.type_name(&d.ty)?)));
                let made = made.collect::<Result<Vec<_>>>()?;
                self.trace(|t| {
                    t.defined.insert(key(tf), made.iter().map(|d| d.1).collect());
                });
                made
            } else if let Some(out) = self.row_fields(&call) {
                scalar = false;
                out
            } else if call.ty.oid == oid::RECORD {
                return Err(DbError::new(
                    SqlState::SYNTAX_ERROR,
                    "a column definition list is required for functions returning \"record\"",
                )
                .at(self.pos(tf.call.pos)));
            } else {
                let label = self.scalar_label(tf, &call, &f.alias, f.functions.len());
                vec![(label, call.ty)]
            };
            made_by.add(cols.len(), self.row_relation(&call));
            if f.functions.len() == 1
                && !f.ordinality
                && defs.is_empty()
                && let Some((rel, outs)) = self.inline_set(&call, &fields)
            {
                let made = fields.into_iter().zip(outs);
                cols.extend(made.map(|((name, _), col)| ScopeCol { name: name.into(), col, origin: (0, 0) }));
                inlined = Some(rel);
                break;
            }
            if named {
                self.learn_names(&mut call, &fields)?;
            }
            calls.push(self.set_columns(call, fields, &mut cols));
        }
        let ordinality = f.ordinality.then(|| self.col(types::plain(oid::INT8)));
        if let Some(o) = ordinality {
            made_by.add(cols.len(), None);
            cols.push(ScopeCol { name: ColName::fixed("ordinality"), col: o, origin: (0, 0) });
        }
        let places = made_by.places(&cols);
        self.trace(|t| t.row_columns.extend(places.iter().map(|(c, p)| (*c, *p))));
        match chosen(&places, &cols, f.alias.as_ref()) {
            Some(chosen) => cols = chosen,
            None => self.rename(&mut cols, &alias, f.alias.as_ref())?,
        }
        let rte = Rte { other: Some("a function"), scalar, ..Rte::computed(alias, cols) };
        Ok((inlined.unwrap_or(Rel::FunctionScan { calls, ordinality }), Scope::of(rte)))
    }

    /// A list of column definitions describes one function, and nothing beside it.
    fn check_definition_list(&self, f: &ast::FunctionTable) -> Result<()> {
        let Some(first) = f.columns.first() else { return Ok(()) };
        let bad = |message: &'static str, hint: &str| {
            let at = self.pos(first.name.pos);
            Err(DbError::new(SqlState::SYNTAX_ERROR, message).hint(hint).at(at))
        };
        if f.functions.len() > 1 {
            return bad(
                "ROWS FROM() with multiple functions cannot have a column definition list",
                "Put a separate column definition list for each function inside ROWS FROM().",
            );
        }
        if f.functions.iter().any(|tf| several_unnested(tf).is_some()) {
            return bad(
                "UNNEST() with multiple arguments cannot have a column definition list",
                "Use separate UNNEST() calls inside ROWS FROM(), and attach a column definition list to each one.",
            );
        }
        if f.ordinality {
            return bad(
                "WITH ORDINALITY cannot be used with a column definition list",
                "Put the column definition list inside ROWS FROM().",
            );
        }
        Ok(())
    }

    /// The relation whose rows a call gives.
    fn row_relation(&self, call: &Expr) -> Option<&Relation> {
        self.cx.catalog.relation(*self.cx.catalog.row_types.get(&call.ty.oid)?).map(|r| &**r)
    }

    /// Functions that make rows by name learn the names here, those of rows inside rows too.
    fn learn_names(&self, call: &mut Expr, fields: &[(String, TypeRef)]) -> Result<()> {
        let shaped = fields.iter().map(|(n, t)| Ok((n.clone(), self.named_type(*t, 0)?)));
        call.ty.typmod = rustydb_types::shape::modifier(&shaped.collect::<Result<Vec<_>>>()?)?;
        Ok(())
    }

    /// A call with its columns, which join those of the item of FROM.
    fn set_columns(
        &mut self,
        call: Expr,
        fields: Vec<(String, TypeRef)>,
        cols: &mut Vec<ScopeCol>,
    ) -> (Expr, Vec<Col>) {
        let mut out = Vec::with_capacity(fields.len());
        for (name, ty) in fields {
            let c = self.col(ty);
            out.push(c);
            cols.push(ScopeCol { name: name.into(), col: c, origin: (0, 0) });
        }
        (call, out)
    }

    /// Name of a scalar function's column: its single OUT parameter's, else the alias when there is one function, else
    /// the function's.
    fn scalar_label(&self, tf: &ast::TableFunction, call: &Expr, alias: &Option<ast::Alias>, n: usize) -> String {
        if let ExprKind::Call { proc, .. } = &call.kind
            && let (Some(names), Some(modes)) = (&proc.proargnames, &proc.proargmodes)
            && let Some(i) = modes.iter().position(|m| matches!(m, 'o' | 'b' | 't'))
            && let Some(name) = names.get(i).filter(|n| !n.is_empty())
        {
            return (*name).to_owned();
        }
        match alias {
            Some(a) if n == 1 => a.name.value.clone(),
            _ => ast::column_label(&tf.call).unwrap_or("column1").to_owned(),
        }
    }
}

/// 0A000 for a set-returning call among the arguments of a function in FROM.
fn top_level_set(call: &Expr) -> Result<()> {
    let mut at = None;
    walk::children(call, &mut |arg| {
        walk::visit(arg, &mut |x| {
            if let ExprKind::Call { proc, .. } = &x.kind
                && proc.proretset
                && at.is_none()
            {
                at = Some(x.pos);
            }
        });
    });
    match at {
        None => Ok(()),
        Some(pos) => Err(DbError::unsupported("set-returning functions must appear at top level of FROM").at(pos)),
    }
}
