//! Bodies of SQL functions: what their parameters mean, what their last statement must answer, and calls that are replaced
//! by the body.
//!
//! A body is bound like any statement, but names that are nothing else mean parameters, which stand for the expressions of
//! [`Body::args`]: parameters of the statement when the body runs on its own, the call's arguments when it is inlined.

use super::Binder;
use super::define::volatility;
use super::resolve::Coercion;
use super::types::{self, show};
use crate::catalog::routines::{Routine, SQL};
use crate::plan::ir::{Bound, Col, Expr, ExprKind, Query, Rel};
use crate::plan::walk;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast;
use rustydb_types::datum::TypeRef;
use rustydb_types::{oid, usertype};
use std::sync::Arc;

/// What a function's body knows of its parameters.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    /// OID of the function, 0 for one of the system or one that is being created.
    pub(crate) oid: u32,
    /// Its name.
    pub(crate) function: String,
    /// Names of the input parameters, empty for none.
    pub(crate) names: Vec<String>,
    /// What they stand for.
    pub(crate) args: Vec<Expr>,
    /// How often each was read.
    pub(crate) uses: Vec<usize>,
    /// The text that places refer to, when it is not the statement's.
    pub(crate) text: Option<Arc<str>>,
}

impl Body {
    /// Of a routine whose parameters are those of the statement, of the given types.
    pub(crate) fn of_parameters(r: &Routine, types: &[TypeRef]) -> Body {
        let args: Vec<Expr> = types.iter().enumerate().map(|(i, t)| Expr::new(ExprKind::Param(i), *t)).collect();
        Body::new(r, args)
    }

    fn new(r: &Routine, args: Vec<Expr>) -> Body {
        let names = r.params.iter().filter(|p| p.is_input()).map(|p| p.name.clone()).collect();
        Body { oid: r.oid, function: r.name.clone(), names, uses: vec![0; args.len()], args, text: None }
    }

    /// Of an expression without names for its parameters.
    pub(crate) fn unnamed(args: Vec<Expr>) -> Body {
        Body { oid: 0, function: String::new(), names: Vec::new(), uses: vec![0; args.len()], args, text: None }
    }
}

/// The statements of a body.
pub(crate) fn statements(r: &Routine) -> Result<Vec<ast::Statement>> {
    let Some((_, text)) = r.standard_body() else {
        return Ok(rustydb_parser::parse(&r.source)?.into_iter().map(|p| p.stmt).collect());
    };
    let parsed = rustydb_parser::parse(&format!("CREATE FUNCTION f() {text}"))?;
    match parsed.into_iter().next().map(|p| p.stmt) {
        Some(ast::Statement::CreateRoutine(c)) => {
            Ok(c.body.map(|b| of_standard(b.body)).ok_or_else(|| DbError::internal("a function without its body"))?)
        }
        _ => Err(DbError::internal("a function's body is not one")),
    }
}

/// The statements of an SQL-standard body.
pub(crate) fn of_standard(b: ast::RoutineBody) -> Vec<ast::Statement> {
    match b {
        ast::RoutineBody::Return(e) => {
            let pos = e.pos;
            vec![ast::Statement::Query(Box::new(ast::Query::of_expr(e, pos)))]
        }
        ast::RoutineBody::Atomic(list) => list,
    }
}

/// What a function has to answer, with concrete types.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// Declared result.
    pub(crate) ty: TypeRef,
    /// Fields, if the result is a row whose fields are known.
    pub(crate) fields: Option<Vec<(String, TypeRef)>>,
    /// A procedure's fields are its output parameters, even one alone.
    pub(crate) procedure: bool,
}

fn mismatch(w: &Wanted, detail: impl Into<String>) -> DbError {
    DbError::new(
        SqlState::INVALID_FUNCTION_DEFINITION,
        format!("return type mismatch in function declared to return {}", show(w.ty.oid)),
    )
    .detail(detail)
}

/// How a row's value comes out of the last statement.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    /// It answers nothing.
    Nothing,
    /// Its only column.
    Value,
    /// All of its columns, as a row.
    Row,
}

impl Binder<'_> {
    /// What a name means as a parameter of the function whose body is being bound: `name`, `function.name`,
    /// `name.field`, `function.name.field`.
    pub(crate) fn parameter(&mut self, parts: &[&str], pos: u32) -> Result<Option<Expr>> {
        let Some(body) = self.inlined.last_mut() else { return Ok(None) };
        let named = |n: &str| (!n.is_empty()).then(|| body.names.iter().position(|x| x == n)).flatten();
        let (at, field) = match parts {
            [name] => (named(name), None),
            [f, name] if *f == body.function && named(name).is_some() => (named(name), None),
            [name, field] => (named(name), Some(*field)),
            [f, name, field] if *f == body.function => (named(name), Some(*field)),
            _ => (None, None),
        };
        let Some(at) = at else { return Ok(None) };
        let Some(arg) = body.args.get(at).cloned() else { return Ok(None) };
        if let Some(n) = body.uses.get_mut(at) {
            *n += 1;
        }
        let arg = Expr { pos, ..arg };
        let Some(field) = field else { return Ok(Some(arg)) };
        let arg = self.see_through(arg);
        let Some(fields) = self.row_fields(&arg) else {
            return Err(DbError::new(
                SqlState::UNDEFINED_COLUMN,
                format!("column notation .{field} applied to type {}, which is not a composite type", show(arg.ty.oid)),
            )
            .at(pos));
        };
        let Some(i) = fields.iter().position(|f| f.0 == field) else {
            return Err(DbError::new(
                SqlState::UNDEFINED_COLUMN,
                format!("column \"{field}\" not found in data type {}", show(arg.ty.oid)),
            )
            .at(pos));
        };
        let ty = fields.get(i).map_or(arg.ty, |f| f.1);
        Ok(Some(Expr { kind: ExprKind::Field(Box::new(arg), i), ty, pos }))
    }

    /// Binds a statement of a body.
    pub(crate) fn body_statement(&mut self, body: &mut Body, stmt: &ast::Statement) -> Result<Option<Bound>> {
        self.inlined.push(body.clone());
        let r = self.statement(stmt);
        if let Some(b) = self.inlined.pop() {
            *body = b;
        }
        r
    }

    /// Brings the last statement's columns to the declared result, or says why they are not it.
    pub(crate) fn answer(&mut self, last: Option<&mut Bound>, w: &Wanted) -> Result<Answer> {
        if w.ty.oid == oid::VOID && w.fields.is_none() {
            return Ok(Answer::Nothing);
        }
        let none = "Function's final statement must be SELECT or INSERT/UPDATE/DELETE RETURNING.";
        let Some(last) = last else { return Err(mismatch(w, none)) };
        let row = w.fields.is_some() || w.ty.oid == oid::RECORD || types::info(w.ty.oid).typtype == 'c';
        if types::info(w.ty.oid).typtype == 'p' && !row {
            return Err(DbError::new(
                SqlState::INVALID_FUNCTION_DEFINITION,
                format!("return type {} is not supported for SQL functions", show(w.ty.oid)),
            ));
        }
        let types: Vec<TypeRef> = match &*last {
            Bound::Query(q) => q.columns.iter().map(|c| c.ty).collect(),
            Bound::Insert(i) => of_returning(&i.returning),
            Bound::Update(u) => of_returning(&u.returning),
            Bound::Delete(d) => of_returning(&d.returning),
            Bound::Merge(_) => Vec::new(),
        };
        if types.is_empty() && !matches!(last, Bound::Query(_)) {
            return Err(mismatch(w, none));
        }
        if !row {
            if types.len() != 1 {
                return Err(mismatch(w, "Final statement must return exactly one column."));
            }
            let from = types.first().map_or(0, |t| t.oid);
            if !self.convert(last, 0, w.ty)? {
                return Err(mismatch(w, format!("Actual return type is {}.", show(from))));
            }
            return Ok(Answer::Value);
        }
        // One column of the row's own type is the row.
        if let [one] = types.as_slice()
            && !w.procedure
            && types::base_oid(one.oid) == types::base_oid(w.ty.oid)
        {
            return Ok(Answer::Value);
        }
        if let [one] = types.as_slice()
            && !w.procedure
            && w.ty.oid != oid::RECORD
            && w.fields.as_ref().is_some_and(|f| f.len() != 1)
            && (one.oid == oid::RECORD || one.oid == oid::UNKNOWN)
            && self.convert(last, 0, w.ty)?
        {
            return Ok(Answer::Value);
        }
        let Some(fields) = &w.fields else { return Ok(Answer::Row) };
        for (i, from) in types.iter().enumerate() {
            let Some((_, to)) = fields.get(i) else {
                return Err(mismatch(w, "Final statement returns too many columns."));
            };
            if !self.convert(last, i, *to)? {
                return Err(mismatch(
                    w,
                    format!(
                        "Final statement returns {} instead of {} at column {}.",
                        show(from.oid),
                        show(to.oid),
                        i + 1
                    ),
                ));
            }
        }
        if types.len() < fields.len() {
            return Err(mismatch(w, "Final statement returns too few columns."));
        }
        Ok(Answer::Row)
    }

    /// Converts an output column of a statement as for assignment; whether there is a conversion.
    fn convert(&mut self, b: &mut Bound, i: usize, to: TypeRef) -> Result<bool> {
        let returning = match b {
            Bound::Query(q) => return self.convert_output(q, i, to),
            Bound::Insert(x) => &mut x.returning,
            Bound::Update(x) => &mut x.returning,
            Bound::Delete(x) => &mut x.returning,
            Bound::Merge(_) => return Ok(false),
        };
        let Some(r) = returning else { return Ok(false) };
        let (Some((col, e)), Some(out)) = (r.exprs.get_mut(i), r.columns.get_mut(i)) else { return Ok(false) };
        let Some(made) = self.coerce(e.clone(), to, Coercion::Assignment)? else { return Ok(false) };
        out.ty = made.ty;
        col.ty = made.ty;
        *e = made;
        Ok(true)
    }

    fn convert_output(&mut self, q: &mut Query, i: usize, to: TypeRef) -> Result<bool> {
        let outs = q.rel.outputs();
        let Some(col) = outs.get(i).copied() else { return Ok(false) };
        let constant = super::query::untyped_literal(&q.rel, col.id);
        if constant.is_none() && col.ty.oid == to.oid && (to.typmod < 0 || col.ty.typmod == to.typmod) {
            return Ok(true);
        }
        let Some(made) = self.coerce(constant.unwrap_or(Expr::column(col)), to, Coercion::Assignment)? else {
            return Ok(false);
        };
        let exprs = outs
            .iter()
            .enumerate()
            .map(|(n, c)| if n == i { (self.col(made.ty), made.clone()) } else { (*c, Expr::column(*c)) })
            .collect();
        if let Some(c) = q.columns.get_mut(i) {
            c.ty = made.ty;
        }
        let rel = std::mem::replace(&mut q.rel, Rel::Values { cols: vec![], rows: vec![] });
        q.rel = Rel::Project { input: Box::new(rel), exprs };
        Ok(true)
    }

    /// The result a call has to answer: types as the call's arguments decide them.
    pub(crate) fn wanted(&self, r: &Routine, ty: TypeRef, fields: Option<Vec<(String, TypeRef)>>) -> Wanted {
        let fields = fields.or_else(|| {
            let rel = self.cx.catalog.row_types.get(&usertype::base(ty).oid)?;
            let rel = self.cx.catalog.relation(*rel)?;
            Some(rel.live_columns().map(|c| (c.name.clone(), c.ty)).collect())
        });
        Wanted { ty, fields, procedure: r.kind == 'p' }
    }

    /// Puts the body of a function that is one simple expression in the place of its call.
    pub(crate) fn inline_routine(&mut self, call: Expr) -> Result<Expr> {
        let ExprKind::Call { proc, args, .. } = &call.kind else { return Ok(call) };
        let Some(r) = self.cx.catalog.routines.get(&proc.oid).cloned() else { return Ok(call) };
        let plain = r.language == SQL
            && r.kind == 'f'
            && !r.security_definer
            && !r.returns_set
            && r.config.is_empty()
            && r.result != oid::RECORD
            && r.result != oid::VOID
            && self.inlined.iter().all(|b| b.oid != r.oid)
            && self.inlined.len() < MAX_INLINED
            && args.len() == r.input_types().len();
        if !plain || r.standard_body().is_some_and(|(path, _)| path != self.cx.search_path) {
            return Ok(call);
        }
        let Some(expr) = simple_expression(&r) else { return Ok(call) };
        let Some((bound, uses)) = self.bind_inlined(&r, args.clone(), &expr)? else { return Ok(call) };
        let ty = call.ty;
        let Ok(Some(mut bound)) = self.coerce(bound, ty, Coercion::Assignment) else { return Ok(call) };
        bound.ty.collation = if bound.ty.collation == 0 { 0 } else { call.ty.collation.max(bound.ty.collation) };
        if !may_inline(&r, args, &bound, &uses) {
            return Ok(call);
        }
        Ok(Expr { pos: call.pos, ..bound })
    }

    /// The body of a function that is one simple expression, over the statement's parameters; `None` if it is not that. What
    /// is STRICT in it is the caller's to see to.
    pub(crate) fn routine_expression(
        &mut self,
        r: &Arc<Routine>,
        types: &[TypeRef],
        result: TypeRef,
    ) -> Result<Option<Expr>> {
        let Some(e) = simple_expression(r).filter(|_| r.language == SQL) else { return Ok(None) };
        let args = types.iter().enumerate().map(|(i, t)| Expr::new(ExprKind::Param(i), *t)).collect();
        let Some((bound, _)) = self.bind_inlined(r, args, &e)? else { return Ok(None) };
        self.coerce(bound, result, Coercion::Assignment)
    }

    /// The query of a set-returning function in FROM in the place of its call, with the columns it answers.
    pub(crate) fn inline_set(&mut self, call: &Expr, fields: &[(String, TypeRef)]) -> Option<(Rel, Vec<Col>)> {
        let ExprKind::Call { proc, args, .. } = &call.kind else { return None };
        let r = self.cx.catalog.routines.get(&proc.oid).filter(|_| !self.keep_calls).cloned()?;
        let once = |a: &Expr| {
            let mut fine = volatility(a) != 'v';
            walk::visit(a, &mut |e| fine &= !matches!(e.kind, ExprKind::Subquery(_)));
            fine
        };
        let plain = r.language == SQL
            && r.kind == 'f'
            && r.returns_set
            && r.volatility != 'v'
            && !r.strict
            && !r.security_definer
            && r.config.is_empty()
            && self.inlined.iter().all(|b| b.oid != r.oid)
            && self.inlined.len() < MAX_INLINED
            && args.iter().all(once);
        if !plain || r.standard_body().is_some_and(|(path, _)| path != self.cx.search_path) {
            return None;
        }
        let mut list = statements(&r).ok()?.into_iter();
        let (Some(ast::Statement::Query(q)), None) = (list.next(), list.next()) else { return None };
        let locks = std::mem::take(&mut self.from_locks);
        let needs = self.needs.clone();
        let relations = self.relations.clone();
        let mut body = Body::new(&r, args.clone());
        body.text = r.standard.is_none().then(|| r.source.as_str().into());
        let made = self.apart(body, |b| {
            let mut bound = Bound::Query(b.query(&q)?);
            b.absent_rows(&mut bound)?;
            if let Bound::Query(q) = &mut bound {
                b.resolve_outputs(q)?;
            }
            let w = Wanted { ty: call.ty, fields: Some(fields.to_vec()), procedure: true };
            b.answer(Some(&mut bound), &w)?;
            Ok(bound)
        });
        self.from_locks = locks;
        match made {
            Ok((Bound::Query(q), _)) => {
                let cols = q.rel.outputs();
                (cols.len() == fields.len()).then_some((q.rel, cols))
            }
            _ => {
                // The call itself will tell what is wrong.
                (self.needs, self.relations) = (needs, relations);
                None
            }
        }
    }

    /// Binds something of a body: its names resolve on their own.
    fn apart<T>(&mut self, body: Body, f: impl FnOnce(&mut Self) -> Result<T>) -> Result<(T, Vec<usize>)> {
        let scopes = std::mem::take(&mut self.scopes);
        let ctes = std::mem::take(&mut self.ctes);
        let levels = std::mem::take(&mut self.levels);
        self.inlined.push(body);
        self.view_depth += 1;
        let made = f(self);
        self.view_depth -= 1;
        let body = self.inlined.pop();
        self.scopes = scopes;
        self.ctes = ctes;
        self.levels = levels;
        Ok((made?, body.map(|b| b.uses).unwrap_or_default()))
    }

    /// Binds a body's expression over a call's arguments; `None` if it does not bind here, which the call itself will tell.
    fn bind_inlined(&mut self, r: &Arc<Routine>, args: Vec<Expr>, e: &ast::Expr) -> Result<Option<(Expr, Vec<usize>)>> {
        let needs = self.needs.clone();
        let mut body = Body::new(r, args);
        body.text = r.standard.is_none().then(|| r.source.as_str().into());
        match self.apart(body, |b| b.expr(e).and_then(|e| b.default_unknown(e))) {
            Ok(made) => Ok(Some(made)),
            Err(e) => {
                self.needs = needs;
                let missing = matches!(
                    e.code,
                    SqlState::UNDEFINED_FUNCTION | SqlState::UNDEFINED_COLUMN | SqlState::AMBIGUOUS_FUNCTION
                );
                if missing && r.standard.is_none() {
                    let line = format!("SQL function \"{}\" during inlining", r.name);
                    return Err(crate::session::function::in_body(e, &r.source, line));
                }
                Ok(None)
            }
        }
    }
}

impl Binder<'_> {
    /// The call that CALL makes: its arguments are those of the input parameters; what is written for output parameters
    /// only helps to choose.
    pub(crate) fn procedure_call(&mut self, f: &ast::FuncCall, pos: ast::Pos) -> Result<Expr> {
        let pos = self.pos(pos);
        self.allow_params = false;
        let mut args = Vec::with_capacity(f.args.len());
        for a in &f.args {
            let e = self.expr(&a.value)?;
            let mut sub = None;
            walk::visit(&e, &mut |x| {
                if matches!(x.kind, ExprKind::Subquery(_)) {
                    sub = Some(x.pos);
                }
            });
            if let Some(at) = sub {
                return Err(DbError::unsupported("cannot use subquery in CALL argument").at(at));
            }
            args.push(e);
        }
        let names: Vec<Option<String>> = f.args.iter().map(|a| a.name.as_ref().map(|n| n.value.clone())).collect();
        let found = self.resolve_procedure(&f.name, &args, &names, f.variadic, pos)?;
        let proc = found.proc;
        if proc.prokind != 'p' {
            let shown: Vec<String> = args.iter().map(|a| show(a.ty.oid)).collect();
            return Err(DbError::new(
                SqlState::WRONG_OBJECT_TYPE,
                format!("{}({}) is not a procedure", f.name.plain(), shown.join(", ")),
            )
            .hint("To call a function, use SELECT.")
            .at(pos));
        }
        let call = self.build_call(found, args, pos)?;
        let ExprKind::Call { proc, args, collation } = call.kind else { return Err(DbError::internal("not a call")) };
        // What stands for output parameters is not computed.
        let modes = proc.proargmodes.as_deref().unwrap_or_default();
        let args = if args.len() == proc.proargtypes.len() {
            args
        } else {
            args.into_iter().enumerate().filter(|(i, _)| modes.get(*i) != Some(&'o')).map(|a| a.1).collect()
        };
        Ok(Expr { kind: ExprKind::Call { proc, args, collation }, ty: call.ty, pos })
    }
}

/// Functions inlined in one another.
const MAX_INLINED: usize = 50;

fn of_returning(r: &Option<crate::plan::ir::Returning>) -> Vec<TypeRef> {
    r.iter().flat_map(|r| r.columns.iter().map(|c| c.ty)).collect()
}

/// The body's expression, if that is all there is.
fn simple_expression(r: &Routine) -> Option<ast::Expr> {
    let mut list = statements(r).ok()?.into_iter();
    let (Some(ast::Statement::Query(q)), None) = (list.next(), list.next()) else { return None };
    let plain =
        q.with.is_none() && q.order_by.is_empty() && q.limit.is_none() && q.offset.is_none() && q.locking.is_empty();
    let ast::QueryBody::Select(mut s) = q.body else { return None };
    let bare = plain
        && s.from.is_empty()
        && s.filter.is_none()
        && s.group_by.is_empty()
        && s.having.is_none()
        && s.windows.is_empty()
        && matches!(s.distinct, ast::Distinct::No);
    let (Some(t), None) = (s.targets.pop(), s.targets.pop()) else { return None };
    let star = matches!(&t.expr.kind, ast::ExprKind::Column(c) if c.star);
    (bare && !star).then_some(t.expr)
}

/// PostgreSQL's conditions for inlining a scalar function.
fn may_inline(r: &Routine, args: &[Expr], body: &Expr, uses: &[usize]) -> bool {
    let mut simple = true;
    walk::visit(body, &mut |e| simple &= !matches!(e.kind, ExprKind::Subquery(_)));
    let sub = args.iter().any(|a| {
        let mut found = false;
        walk::visit(a, &mut |e| found |= matches!(e.kind, ExprKind::Subquery(_)));
        found
    });
    if !simple && !sub {
        return false;
    }
    let rank = |c: char| match c {
        'i' => 0,
        's' => 1,
        _ => 2,
    };
    let arg_rank = args.iter().map(|a| rank(volatility(a))).max().unwrap_or(0);
    // What the arguments bring along is not the body's.
    if rank(volatility(body)) > rank(r.volatility).max(arg_rank) {
        return false;
    }
    let once = |a: &Expr| {
        let mut costly = volatility(a) == 'v';
        walk::visit(a, &mut |e| costly |= matches!(e.kind, ExprKind::Subquery(_)));
        !costly
    };
    if args.iter().zip(uses).any(|(a, n)| *n > 1 && !once(a)) {
        return false;
    }
    !r.strict || (uses.iter().all(|n| *n > 0) && strict(body))
}

/// Whether an expression is NULL whenever something in it is.
fn strict(e: &Expr) -> bool {
    let mut yes = true;
    walk::visit(e, &mut |x| {
        yes &= match &x.kind {
            ExprKind::Call { proc, .. } => proc.proisstrict,
            ExprKind::Const(_)
            | ExprKind::Param(_)
            | ExprKind::Column(_)
            | ExprKind::ViaIo(_)
            | ExprKind::Relabel(_)
            | ExprKind::Typmod { .. }
            | ExprKind::ArrayMap { .. }
            | ExprKind::CaseValue
            | ExprKind::Not(_) => true,
            _ => false,
        }
    });
    yes
}
