//! Bound SQL/JSON expressions back to syntax, for [`super::define`] and [`super::canonical`], as PostgreSQL 17 shows them:
//! with every clause written but for behaviors that are as they are without.

use super::define::{Surroundings, type_syntax, unbind_in};
use super::sqljson_make::aggregate_of;
use super::types::{self, info};
use crate::plan::ir::{Expr, ExprKind};
use rustydb_parser::ast::{
    self, Ident, JsonArg, JsonBehavior, JsonColumn, JsonForm, JsonFormat, JsonKind, JsonMake, JsonMakeOp, JsonPathText,
    JsonReturning, JsonSearch, JsonSearchOp, JsonWrapper, SqlJson,
};
use rustydb_types::datum::TypeRef;
use rustydb_types::funcs::sqljson::{Behavior, Column, Kind, Plan, STATE, TABLE, VALUE, Wrapper};
use rustydb_types::funcs::sqljson_make::{MAKE, Made, Maker};
use rustydb_types::pgdata::Proc;
use rustydb_types::{oid, usertype};

fn at(j: SqlJson) -> ast::Expr {
    ast::Expr::new(ast::ExprKind::SqlJson(Box::new(j)), 0)
}

/// The syntax of a call that stands for an expression, or of a CASE around one; `None` if it is none of these.
pub(super) fn unbind(e: &Expr, cx: &dyn Surroundings) -> Option<ast::Expr> {
    match &e.kind {
        ExprKind::Call { proc, args, .. } if proc.oid == 0 => match proc.proname {
            VALUE => search(e.ty, args, [None, None], cx),
            TABLE => table(args, cx),
            MAKE => make(e.ty, args, cx),
            _ => None,
        },
        ExprKind::Case { operand: Some(o), whens, otherwise } if is_state(o) => {
            let ExprKind::Call { args, .. } = &otherwise.kind else { return None };
            let lazy = Plan::from_datum(args.get(2)?.as_const()?).ok()?.columns.first()?.lazy;
            let mut given = whens.iter().map(|w| &w.1);
            let mut next = |lazy: bool| if lazy { given.next() } else { None };
            search(e.ty, args, [next(lazy[0]), next(lazy[1])], cx)
        }
        _ => None,
    }
}

/// Whether a CASE with this operand stands for a SQL/JSON expression.
pub(super) fn is_state(operand: &Expr) -> bool {
    matches!(&operand.kind, ExprKind::Call { proc, .. } if proc.oid == 0 && proc.proname == STATE)
}

fn arg(e: &Expr, cx: &dyn Surroundings) -> Option<JsonArg> {
    if let ExprKind::Call { proc, args, .. } = &e.kind
        && proc.oid == 0
        && proc.proname == MAKE
        && let [maker, value] = args.as_slice()
        && let Ok(m) = Maker::from_datum(maker.as_const()?)
        && m.made == Made::Formatted
    {
        let encoding = m.encoding.then_some("UTF8");
        return Some(JsonArg { value: unbind_in(value, cx)?, format: Some(JsonFormat { encoding, pos: 0 }) });
    }
    Some(JsonArg { value: unbind_in(e, cx)?, format: None })
}

fn returning(ty: TypeRef) -> Option<JsonReturning> {
    Some(JsonReturning { ty: type_syntax(ty), format: None })
}

fn passing(plan: &Plan, args: &[Expr], cx: &dyn Surroundings) -> Option<Vec<(JsonArg, Ident)>> {
    plan.passing.iter().zip(args.get(3..)?).map(|(n, a)| Some((arg(a, cx)?, Ident::new(n)))).collect()
}

/// A default as it is shown: one of a domain has a cast to it.
fn default(e: &Expr, ty: TypeRef, cx: &dyn Surroundings) -> Option<ast::Expr> {
    let shown = unbind_in(e, cx)?;
    if !usertype::is_domain(ty.oid) || e.ty.oid == ty.oid || e.ty.oid == oid::JSONB {
        return Some(shown);
    }
    let to = type_syntax(TypeRef { typmod: -1, ..ty });
    Some(ast::Expr::new(ast::ExprKind::Cast(shown.into(), Box::new(to)), 0))
}

/// The clauses of a column whose type is `ty`; `defaults` are its arguments.
fn form(c: &Column, ty: TypeRef, defaults: [&Expr; 2], cx: &dyn Surroundings) -> Option<JsonForm> {
    let query = c.kind == Kind::Query;
    let usual = if c.kind == Kind::Exists { Behavior::False } else { Behavior::Null };
    let mut behaviors = [None, None];
    for ((b, d), into) in c.on.iter().zip(defaults).zip(&mut behaviors) {
        if *b == usual {
            continue;
        }
        let shown = match b {
            Behavior::Error => JsonBehavior::Error,
            Behavior::Null => JsonBehavior::Null,
            Behavior::True => JsonBehavior::True,
            Behavior::False => JsonBehavior::False,
            Behavior::Unknown => JsonBehavior::Unknown,
            Behavior::EmptyArray => JsonBehavior::EmptyArray,
            Behavior::EmptyObject => JsonBehavior::EmptyObject,
            Behavior::Default => JsonBehavior::Default(default(d, ty, cx)?),
        };
        *into = Some((shown, 0));
    }
    let [on_empty, on_error] = behaviors;
    Some(JsonForm {
        format: None,
        wrapper: query.then_some(match c.wrapper {
            Wrapper::Without => JsonWrapper::Without,
            Wrapper::Conditional => JsonWrapper::Conditional,
            Wrapper::Unconditional => JsonWrapper::Unconditional,
        }),
        keep_quotes: query.then_some(c.keep_quotes),
        on_empty,
        on_error,
    })
}

fn literal(text: &str) -> ast::Expr {
    ast::Expr::new(ast::ExprKind::Literal(ast::Literal::String(text.to_owned())), 0)
}

fn search(ty: TypeRef, args: &[Expr], lazy: [Option<&Expr>; 2], cx: &dyn Surroundings) -> Option<ast::Expr> {
    let plan = Plan::from_datum(args.get(2)?.as_const()?).ok()?;
    let c = plan.columns.first()?;
    let op = match c.kind {
        Kind::Exists => JsonSearchOp::Exists,
        Kind::Query => JsonSearchOp::Query,
        _ => JsonSearchOp::Value,
    };
    let first = plan.column_args(0);
    let defaults = [lazy[0].or(args.get(first + 1))?, lazy[1].or(args.get(first + 2))?];
    Some(at(SqlJson::Search(JsonSearch {
        op,
        context: arg(args.first()?, cx)?,
        path: if c.path.is_empty() { unbind_in(args.get(1)?, cx)? } else { literal(&c.path) },
        path_name: None,
        passing: passing(&plan, args, cx)?,
        returning: if c.kind == Kind::Exists { None } else { returning(ty) },
        form: form(c, ty, defaults, cx)?,
        columns: vec![],
    })))
}

fn table(args: &[Expr], cx: &dyn Surroundings) -> Option<ast::Expr> {
    let plan = Plan::from_datum(args.get(2)?.as_const()?).ok()?;
    let mut next = plan.column_args(0);
    let columns = columns(&plan, args, &mut next, cx)?;
    Some(at(SqlJson::Search(JsonSearch {
        op: JsonSearchOp::Table,
        context: arg(args.first()?, cx)?,
        path: literal(&plan.path),
        path_name: Some(Ident::new(&plan.name)),
        passing: passing(&plan, args, cx)?,
        returning: None,
        form: JsonForm { on_error: plan.strict.then_some((JsonBehavior::Error, 0)), ..JsonForm::default() },
        columns,
    })))
}

/// The columns of a plan; `next` is where the arguments of the next one begin.
fn columns(plan: &Plan, args: &[Expr], next: &mut usize, cx: &dyn Surroundings) -> Option<Vec<JsonColumn>> {
    let mut out = Vec::with_capacity(plan.columns.len() + plan.nested.len());
    for c in &plan.columns {
        let [carrier, on_empty, on_error] = args.get(*next..*next + 3)? else { return None };
        *next += 3;
        if c.kind == Kind::Ordinality {
            out.push(JsonColumn::Ordinality(Ident::new(&c.name)));
            continue;
        }
        let mut form = form(c, carrier.ty, [on_empty, on_error], cx)?;
        if c.kind == Kind::Query && info(types::base_oid(carrier.ty.oid)).typcategory == 'S' {
            form.format = Some(JsonFormat { encoding: None, pos: 0 });
        }
        out.push(JsonColumn::Value {
            name: Ident::new(&c.name),
            ty: type_syntax(carrier.ty),
            exists: c.kind == Kind::Exists,
            path: Some(JsonPathText { text: c.path.clone(), pos: 0 }),
            form,
        });
    }
    for n in &plan.nested {
        let columns = columns(n, args, next, cx)?;
        out.push(JsonColumn::Nested { path: n.path.clone(), name: Some(Ident::new(&n.name)), columns });
    }
    Some(out)
}

fn make(ty: TypeRef, args: &[Expr], cx: &dyn Surroundings) -> Option<ast::Expr> {
    let (plan, values) = args.split_first()?;
    let m = Maker::from_datum(plan.as_const()?).ok()?;
    let op = match m.made {
        Made::Object => JsonMakeOp::Object,
        Made::Array => JsonMakeOp::Array,
        Made::Scalar => JsonMakeOp::Scalar,
        Made::Serialize => JsonMakeOp::Serialize,
        Made::Json => JsonMakeOp::Json,
        Made::IsValue => JsonMakeOp::Is(JsonKind::Value),
        Made::IsScalar => JsonMakeOp::Is(JsonKind::Scalar),
        Made::IsArray => JsonMakeOp::Is(JsonKind::Array),
        Made::IsObject => JsonMakeOp::Is(JsonKind::Object),
        Made::Returned => {
            let mut inner = unbind_in(values.first()?, cx)?;
            let ast::ExprKind::SqlJson(j) = &mut inner.kind else { return None };
            let SqlJson::Make(agg) = &mut **j else { return None };
            agg.returning = returning(ty);
            return Some(inner);
        }
        Made::Formatted => return None,
    };
    let mut args = values.iter().map(|v| arg(v, cx)).collect::<Option<Vec<_>>>()?;
    if op == JsonMakeOp::Object {
        // A string is a key without a type.
        for key in args.iter_mut().step_by(2) {
            if let ast::ExprKind::Cast(x, t) = &key.value.kind
                && t.name.is_system("text")
                && let ast::ExprKind::Literal(ast::Literal::String(s)) = &x.kind
            {
                key.value = literal(s);
            }
        }
    }
    let returns = matches!(m.made, Made::Object | Made::Array | Made::Serialize);
    Some(at(SqlJson::Make(JsonMake {
        absent: (m.absent != op.leaves_out_nulls()).then_some(m.absent),
        unique: m.unique,
        returning: if returns { returning(ty) } else { None },
        ..JsonMake::of(op, args)
    })))
}

/// The syntax of an aggregate that no name stands for, without what follows its arguments; `None` if it has a name.
pub(super) fn aggregate(proc: &Proc, args: &[Expr], cx: &dyn Surroundings) -> Option<Option<JsonMake>> {
    let (_, [jsonb, object, absent, unique]) = *aggregate_of(proc)?;
    let op = if object { JsonMakeOp::ObjectAgg } else { JsonMakeOp::ArrayAgg };
    let Some(args) = args.iter().map(|v| arg(v, cx)).collect::<Option<_>>() else { return Some(None) };
    Some(Some(JsonMake {
        absent: (absent != op.leaves_out_nulls()).then_some(absent),
        unique,
        returning: returning(TypeRef::new(if jsonb { oid::JSONB } else { oid::JSON })),
        ..JsonMake::of(op, args)
    }))
}
