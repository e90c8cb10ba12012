//! Binding for definitions: expressions that are kept in the catalog, and the names a view's query resolves to.
//!
//! Kept expressions are SQL text that must mean the same later, whatever the search path and the settings are then. So
//! they are bound once, and the bound tree is turned back into syntax ([`unbind`]) with every constant typed and every
//! cast explicit; [`crate::catalog::deparse`] prints it. Relations that `regclass` constants name are kept by OID.

use super::Binder;
use super::scope::Rte;
use super::select::Clause;
use crate::catalog::Relation;
use crate::plan::ir::{Col, ColId, Expr, ExprKind, Query, Subscript};
use crate::plan::walk;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast;
use rustydb_types::ctx::{FormatSettings, SessionInfo};
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::io::{self, OutCtx};
use rustydb_types::oid;
use rustydb_types::pgdata::{self, Operator, Proc};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// What a kept expression is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum Defining {
    Default,
    Generated,
    Check,
    IndexKey,
    IndexPredicate,
    /// USING of ALTER COLUMN … TYPE.
    Transform,
    PartitionKey,
    PartitionBound,
    /// Expression of extended statistics.
    Statistics,
    /// USING and WITH CHECK of a policy, which may have subqueries.
    Policy,
}

impl Defining {
    fn clause(self) -> Clause {
        match self {
            Defining::Default => Clause::Default,
            Defining::Generated => Clause::Generated,
            Defining::Transform => Clause::Transform,
            Defining::Check => Clause::Check,
            Defining::Policy => Clause::Policy,
            Defining::Statistics => Clause::Statistics,
            Defining::IndexKey | Defining::IndexPredicate => Clause::Index,
            Defining::PartitionKey => Clause::PartitionKey,
            Defining::PartitionBound => Clause::PartitionBound,
        }
    }
    fn place(self) -> &'static str {
        match self {
            Defining::Default => "DEFAULT expression",
            Defining::Generated => "column generation expression",
            Defining::Check => "check constraint",
            Defining::IndexKey => "index expression",
            Defining::IndexPredicate => "index predicate",
            Defining::Transform => "transform expression",
            Defining::PartitionKey => "partition key expression",
            Defining::PartitionBound => "partition bound",
            Defining::Policy => "policy expression",
            Defining::Statistics => "statistics expression",
        }
    }
}

/// What the binder resolved at a place of the text, noted for definitions of views.
#[derive(Clone, Debug)]
pub enum Resolved {
    /// A table name.
    Relation(ast::Pos, Arc<Relation>),
    /// A relation that a `regclass` constant names.
    Constant(u32),
    /// A primary key on which columns beside the grouped ones depend.
    Constraint(u32),
    /// The name of a user's function.
    Function(ast::Pos, u32),
    /// A `*` of an output list: table alias (none for merged columns) and column name of each column it stands for.
    Star(ast::Pos, Vec<(Option<String>, String)>),
}

impl Binder<'_> {
    /// Binds an expression of a definition over a row of a table (`None`: no columns).
    pub fn defining(
        &mut self,
        e: &ast::Expr,
        rel: Option<(&Arc<Relation>, &[(Col, i16)])>,
        what: Defining,
    ) -> Result<Expr> {
        let allow = std::mem::replace(&mut self.allow_params, false);
        let rte = rel.map(|(r, cols)| {
            let mut rte = self.row_rte(r, &r.name, cols);
            if what == Defining::Generated {
                rte.system = crate::ddl::row_system(r.oid);
            }
            rte
        });
        let keep = std::mem::replace(&mut self.keep_calls, !self.to_evaluate);
        let refused = (what != Defining::Policy && !self.to_evaluate).then_some(what.place());
        let outer = std::mem::replace(&mut self.no_subquery, refused);
        let r = self.defining_in(e, rte, what);
        self.no_subquery = outer;
        self.keep_calls = keep;
        self.allow_params = allow;
        let r = r.map_err(|mut x| {
            // `t.x` has no table here; a sequence that is named in a literal may be made later.
            let column = x.code == SqlState::UNDEFINED_COLUMN
                || x.code == SqlState::UNDEFINED_TABLE && x.message.contains("FROM-clause entry");
            if what == Defining::PartitionBound && column {
                x.code = SqlState::FEATURE_NOT_SUPPORTED;
                x.message = "cannot use column reference in partition bound expression".into();
            }
            if what == Defining::Default && column {
                x.code = SqlState::FEATURE_NOT_SUPPORTED;
                x.message = "cannot use column reference in DEFAULT expression".into();
                if let Some(f) = &mut x.fields {
                    f.hint = None;
                    f.detail = None;
                }
            }
            x
        })?;
        let mut subquery = None;
        walk::visit(&r, &mut |x| {
            if subquery.is_none() && matches!(x.kind, ExprKind::Subquery(_)) {
                subquery = Some(x.pos);
            }
        });
        if let Some(at) = subquery.filter(|_| what != Defining::Policy) {
            return Err(DbError::unsupported(format!("cannot use subquery in {}", what.place())).at(at));
        }
        Ok(r)
    }

    fn defining_in(&mut self, e: &ast::Expr, rte: Option<Rte>, what: Defining) -> Result<Expr> {
        self.enter_level();
        self.set_clause(what.clause());
        let has = rte.is_some();
        if let Some(r) = rte {
            self.scopes.push(super::Scope::of(r));
        }
        let r = self.expr(e);
        if has {
            self.scopes.pop();
        }
        self.leave_level();
        r
    }

    /// Binds a view's query and tells what its names mean.
    pub fn view_query(&mut self, q: &ast::Query) -> Result<(Query, Vec<Resolved>)> {
        self.allow_params = false;
        self.defines = true;
        self.resolved = Some(Vec::new());
        let keep = std::mem::replace(&mut self.keep_calls, true);
        let r = self.top_query(q);
        self.keep_calls = keep;
        let resolved = self.resolved.take().unwrap_or_default();
        Ok((r?, resolved))
    }

    /// Notes what a name means, when the statement wants to know.
    pub(crate) fn note(&mut self, what: impl FnOnce(&Self) -> Resolved) {
        if self.view_depth == 0 && self.resolved.is_some() {
            let r = what(self);
            if let Some(list) = &mut self.resolved {
                list.push(r);
            }
        }
    }
}

/// The worst volatility in an expression: 'i' immutable, 's' stable, 'v' volatile.
pub fn volatility(e: &Expr) -> char {
    fn rank(c: char) -> u8 {
        match c {
            'v' => 2,
            's' => 1,
            _ => 0,
        }
    }
    let proc_volatility = |o: u32| pgdata::proc(o).map_or('i', |p| p.provolatile);
    let mut worst = 'i';
    walk::visit(e, &mut |x| {
        let v = match &x.kind {
            // These are written in SQL: they do no more than turn one argument into text.
            ExprKind::Call { proc, args, .. } if matches!(proc.proname, "textanycat" | "anytextcat") => {
                let outs = args.iter().filter_map(|a| pgdata::pg_type(a.ty.oid)).map(|t| proc_volatility(t.typoutput));
                outs.max_by_key(|v| rank(*v)).unwrap_or(proc.provolatile)
            }
            ExprKind::Call { proc, args, .. } => super::sqljson::volatility(proc, args)
                .or_else(|| super::sqljson_make::volatility(proc, args))
                .unwrap_or(proc.provolatile),
            ExprKind::ArrayOp { proc, .. } => proc.provolatile,
            ExprKind::SqlValue(_) => 's',
            ExprKind::NextVal(_) => 'v',
            ExprKind::ViaIo(a) => {
                let out = pgdata::pg_type(a.ty.oid).map_or('i', |t| proc_volatility(t.typoutput));
                let inp = pgdata::pg_type(x.ty.oid).map_or('i', |t| proc_volatility(t.typinput));
                if rank(out) > rank(inp) { out } else { inp }
            }
            _ => 'i',
        };
        if rank(v) > rank(worst) {
            worst = v;
        }
    });
    worst
}

/// Relations that an expression names by OID.
pub fn named_relations(e: &Expr) -> Vec<u32> {
    let mut out = Vec::new();
    walk::visit(e, &mut |x| match &x.kind {
        ExprKind::Const(Datum::Oid(o)) if x.ty.oid == oid::REGCLASS => out.push(*o),
        ExprKind::NextVal(o) => out.push(*o),
        _ => {}
    });
    out.sort_unstable();
    out.dedup();
    out
}

/// The operator that calls a function.
pub(crate) fn operator_of(proc: &Proc) -> Option<&'static Operator> {
    static MAP: LazyLock<HashMap<u32, Vec<&'static Operator>>> = LazyLock::new(|| {
        let mut m: HashMap<u32, Vec<&'static Operator>> = HashMap::new();
        for o in pgdata::operators() {
            m.entry(o.oprcode).or_default().push(o);
        }
        m
    });
    let ops = MAP.get(&proc.oid)?;
    ops.iter()
        .find(|o| match o.oprkind {
            'b' => proc.proargtypes.as_ref() == [o.oprleft, o.oprright],
            _ => proc.proargtypes.as_ref() == [o.oprright],
        })
        .copied()
}

fn at(kind: ast::ExprKind) -> ast::Expr {
    ast::Expr::new(kind, 0)
}

/// Schema of type names that are OIDs, in kept expressions only.
pub const BY_OID: &str = "pg_type";

/// Schema of the names of users' functions that are OIDs, in kept expressions only.
pub const FUNCTION_BY_OID: &str = "pg_proc";

/// Schema of the names of users' collations that are OIDs, in kept expressions only.
pub const COLLATION_BY_OID: &str = "pg_collation";

/// A collation's name as syntax; a user's goes by its OID.
fn collation_written(oid: u32) -> Option<ast::Name> {
    if oid < crate::catalog::FIRST_USER_OID {
        let c = pgdata::collation(oid)?;
        return Some(ast::Name::bare(c.collname));
    }
    let mut name = ast::Name::bare(oid.to_string());
    name.schema = Some(ast::Ident::new(COLLATION_BY_OID));
    Some(name)
}

/// A function's name as syntax; a user's goes by its OID, so that what is kept survives renaming.
fn function_name(proc: &Proc) -> ast::Name {
    if proc.oid < crate::catalog::FIRST_USER_OID {
        return ast::Name::bare(proc.proname);
    }
    name_by_oid(proc.oid)
}

/// A user's function by its OID.
pub fn name_by_oid(oid: u32) -> ast::Name {
    let mut name = ast::Name::bare(oid.to_string());
    name.schema = Some(ast::Ident::new(FUNCTION_BY_OID));
    name
}

/// A type as syntax.
///
/// Users' types go by their OID in a schema that cannot exist, so that what is kept survives renaming.
pub fn type_syntax(ty: TypeRef) -> ast::TypeName {
    if ty.oid >= crate::catalog::FIRST_USER_OID {
        let mut name = ast::Name::bare(ty.oid.to_string());
        name.schema = Some(ast::Ident::new(BY_OID));
        return ast::TypeName { name, mods: vec![], dims: vec![], setof: false, pct_type: false };
    }
    let t = super::types::info(ty.oid);
    let (name, dims) = match super::types::element_of(ty.oid) {
        Some(e) if t.typname.starts_with('_') => (super::types::info(e).typname, vec![None]),
        _ => (t.typname, vec![]),
    };
    let mods = rustydb_types::typename::typmod_out(ty.oid, ty.typmod);
    let mods = mods
        .trim_matches(|c| c == '(' || c == ')')
        .split(',')
        .filter_map(|m| m.trim().parse::<i64>().ok())
        .map(|m| at(ast::ExprKind::Literal(ast::Literal::Integer(m))))
        .collect();
    ast::TypeName { name: ast::Name::system(name, 0), mods, dims, setof: false, pct_type: false }
}

fn cast_to(e: ast::Expr, ty: TypeRef) -> ast::Expr {
    at(ast::ExprKind::Cast(e.into(), Box::new(type_syntax(ty))))
}

/// The name of a text search configuration or dictionary.
fn text_search_name(ty: u32, o: u32) -> Option<&'static str> {
    match ty {
        oid::REGCONFIG => pgdata::ts_configs().iter().find(|c| c.oid == o).map(|c| c.cfgname),
        oid::REGDICTIONARY => pgdata::ts_dicts().iter().find(|d| d.oid == o).map(|d| d.dictname),
        _ => None,
    }
}

fn constant(d: &Datum, ty: TypeRef, session: Option<&dyn SessionInfo>) -> Option<ast::Expr> {
    use ast::{ExprKind as K, Literal as L};
    let bare = TypeRef { typmod: -1, ..ty };
    Some(match d {
        Datum::Null if ty.oid == oid::UNKNOWN => at(K::Literal(L::Null)),
        Datum::Null => cast_to(at(K::Literal(L::Null)), bare),
        Datum::Bool(b) => at(K::Literal(L::Bool(*b))),
        Datum::Int4(v) if *v >= 0 => at(K::Literal(L::Integer(i64::from(*v)))),
        // Without a session, too, those that every server has are known by name.
        Datum::Oid(o) if let Some(name) = text_search_name(ty.oid, *o) => {
            cast_to(at(K::Literal(L::String(ast::quote_ident(name).to_string()))), bare)
        }
        _ => {
            let fmt = FormatSettings::default();
            let mut b = Vec::new();
            io::text_out(OutCtx { fmt: &fmt, session }, bare, d, &mut b).ok()?;
            let text = String::from_utf8(b).ok()?;
            let plain_number = text.bytes().all(|c| c.is_ascii_digit() || c == b'.') && text.contains('.');
            if ty.oid == oid::NUMERIC && plain_number {
                at(K::Literal(L::Numeric(text)))
            } else if ty.oid == oid::UNKNOWN {
                at(K::Literal(L::String(text)))
            } else {
                cast_to(at(K::Literal(L::String(text))), bare)
            }
        }
    })
}

fn op(name: &str, left: Option<ast::Expr>, right: ast::Expr) -> ast::Expr {
    at(ast::ExprKind::Op(Box::new(ast::Op {
        op: ast::Name::bare(name),
        left: left.map(Into::into),
        right: right.into(),
    })))
}

/// What the syntax of a bound expression depends on: how its surroundings name things. `None` is "has no syntax here".
pub trait Surroundings {
    /// A column, or what it stands for.
    fn column(&self, id: ColId) -> Option<ast::Expr>;
    /// A subquery.
    fn subquery(&self, _: &crate::plan::ir::Subquery) -> Option<ast::Expr> {
        None
    }
    /// The whole row of a table, by its columns.
    fn whole_row(&self, _: &[Expr]) -> Option<ast::Expr> {
        None
    }
    /// The name of a field of a row value.
    fn field(&self, _: &Expr, _: usize) -> Option<String> {
        None
    }
    /// Who knows the labels of users' enums.
    fn session(&self) -> Option<&dyn SessionInfo> {
        None
    }
    /// Whether constants show the length they were cast to.
    fn keeps_lengths(&self) -> bool {
        false
    }
    /// Whether the call at this place was written in SQL's own syntax.
    fn by_syntax(&self, _: u32) -> bool {
        false
    }
}

/// Columns that go by a name alone.
struct Named<'a>(&'a dyn Fn(ColId) -> Option<String>);

impl Surroundings for Named<'_> {
    fn column(&self, id: ColId) -> Option<ast::Expr> {
        Some(at(ast::ExprKind::Column(ast::ColumnRef { parts: vec![ast::Ident::new((self.0)(id)?)], star: false })))
    }
}

/// Turns a bound expression back into syntax; `name` names its columns. `None` for what has no syntax outside a query.
pub fn unbind(e: &Expr, name: &dyn Fn(ColId) -> Option<String>) -> Option<ast::Expr> {
    unbind_in(e, &Named(name))
}

/// Turns a bound expression back into syntax.
pub fn unbind_in(e: &Expr, cx: &dyn Surroundings) -> Option<ast::Expr> {
    stacker::maybe_grow(128 * 1024, 1024 * 1024, || unbind_inner(e, cx))
}

/// An output or a field of a row: the whole row of a table has its type with it there, as `t.*` alone would be its columns.
pub(crate) fn field_syntax(e: &Expr, cx: &dyn Surroundings) -> Option<ast::Expr> {
    let syntax = unbind_in(e, cx)?;
    Some(match &syntax.kind {
        ast::ExprKind::Column(c) if c.star => cast_to(syntax, TypeRef { typmod: -1, ..e.ty }),
        _ => syntax,
    })
}

/// Leaves out arguments at the end that are what their parameters are without them.
fn omit_defaults(proc: &Proc, args: &mut Vec<ast::Expr>) {
    while let Some(last) = args.last() {
        let default = proc.arg_default(args.len() - 1).and_then(|text| super::parse_expr(text).ok());
        // With one argument less the name must not mean another function; users' functions go by their OIDs.
        let fewer = args.len() - 1;
        let alike = |p: &Proc| p.oid != proc.oid && usize::try_from(p.pronargs) == Ok(fewer);
        let other =
            proc.oid < crate::catalog::FIRST_USER_OID && pgdata::procs_named(proc.proname).iter().any(|p| alike(p));
        if other || default.is_none_or(|d| d != *last) {
            return;
        }
        args.pop();
    }
}

/// The call of a function that is neither a cast nor an operator.
fn plain_call(name: ast::Name, args: Vec<ast::Expr>, variadic: bool) -> ast::FuncCall {
    ast::FuncCall {
        name,
        args: args.into_iter().map(|value| ast::FuncArg { name: None, value }).collect(),
        star: false,
        distinct: false,
        variadic,
        order_by: vec![],
        within_group: false,
        filter: None,
        over: None,
    }
}

/// The call of an aggregate or window function, without what follows its arguments.
pub(crate) fn call_syntax(proc: &Proc, args: Vec<ast::Expr>) -> ast::FuncCall {
    let star = args.is_empty() && proc.prokind == 'a';
    ast::FuncCall { star, ..plain_call(function_name(proc), args, false) }
}

fn unbind_inner(e: &Expr, cx: &dyn Surroundings) -> Option<ast::Expr> {
    use ast::ExprKind as K;
    let one = |x: &Expr| unbind_in(x, cx);
    let many = |v: &[Expr]| v.iter().map(|x| unbind_in(x, cx)).collect::<Option<Vec<_>>>();
    Some(match &e.kind {
        ExprKind::Const(d) => match constant(d, e.ty, cx.session())? {
            ast::Expr { kind: K::Cast(x, _), .. } if cx.keeps_lengths() => cast_to(x.into_inner(), e.ty),
            c => c,
        },
        ExprKind::Column(id) => cx.column(*id)?,
        // What stands behind SQL's own constructs has no name to call it by.
        ExprKind::Call { proc, .. } if proc.oid == 0 => return super::sqljson_text::unbind(e, cx),
        ExprKind::Case { operand: Some(o), .. } if super::sqljson_text::is_state(o) => {
            return super::sqljson_text::unbind(e, cx);
        }
        ExprKind::Call { proc, args, .. } => {
            let is_cast = args.first().is_some_and(|a| {
                pgdata::cast(a.ty.oid, e.ty.oid).is_some_and(|c| c.castfunc == proc.oid)
                    && args[1..].iter().all(|x| x.as_const().is_some())
            });
            if is_cast {
                return Some(cast_to(one(&args[0])?, TypeRef { typmod: -1, ..e.ty }));
            }
            match (operator_of(proc), args.as_slice()) {
                (Some(o), [l, r]) if o.oprkind == 'b' => op(o.oprname, Some(one(l)?), one(r)?),
                (Some(o), [r]) if o.oprkind != 'b' => op(o.oprname, None, one(r)?),
                _ => {
                    let name =
                        if cx.by_syntax(e.pos) { ast::Name::system(proc.proname, 0) } else { function_name(proc) };
                    // Arguments of any type were not packed into an array.
                    let spread = args.last().is_some_and(|a| a.ty.typmod == rustydb_types::shape::SPREAD);
                    let variadic = proc.provariadic != 0 && (proc.provariadic != oid::ANY || spread);
                    let mut args = many(args)?;
                    if !variadic {
                        omit_defaults(proc, &mut args);
                    }
                    at(K::Func(Box::new(plain_call(name, args, variadic))))
                }
            }
        }
        ExprKind::ViaIo(a) | ExprKind::ArrayMap { arg: a, .. } => cast_to(one(a)?, TypeRef { typmod: -1, ..e.ty }),
        ExprKind::Domain(a) => cast_to(one(a)?, TypeRef { typmod: -1, ..e.ty }),
        ExprKind::Relabel(a) if a.ty.oid == e.ty.oid && a.ty.typmod == e.ty.typmod => {
            at(K::Collate(one(a)?.into(), Box::new(collation_written(e.ty.collation)?)))
        }
        ExprKind::Relabel(a) => cast_to(one(a)?, TypeRef { typmod: -1, ..e.ty }),
        ExprKind::Typmod { arg, .. } => {
            let inner = match one(arg)?.kind {
                // One cast to the type with its modifier says the same.
                K::Cast(x, t) if *t == type_syntax(TypeRef { typmod: -1, ..e.ty }) => x.into_inner(),
                k => at(k),
            };
            cast_to(inner, e.ty)
        }
        ExprKind::And(v) => at(K::And(many(v)?)),
        ExprKind::Or(v) => at(K::Or(many(v)?)),
        ExprKind::Not(a) => at(K::Not(one(a)?.into())),
        ExprKind::IsNull { arg, negated } => {
            let t = if *negated { ast::IsTest::NotNull } else { ast::IsTest::Null };
            at(K::Is(one(arg)?.into(), t))
        }
        ExprKind::BoolTest { arg, test } => at(K::Is(one(arg)?.into(), *test)),
        ExprKind::Distinct { left, right, negated, .. } => {
            at(K::Distinct { left: one(left)?.into(), right: one(right)?.into(), negated: *negated })
        }
        ExprKind::Case { operand, whens, otherwise } => {
            // With an operand, each condition is `CaseValue = x`; syntax has only x.
            let cond = |c: &Expr| -> Option<ast::Expr> {
                if operand.is_none() {
                    return one(c);
                }
                match &c.kind {
                    ExprKind::Call { args, .. } if args.len() == 2 => one(&args[1]),
                    _ => None,
                }
            };
            at(K::Case(Box::new(ast::Case {
                operand: match operand {
                    Some(o) => Some(one(o)?),
                    None => None,
                },
                whens: whens.iter().map(|(c, r)| Some((cond(c)?, one(r)?))).collect::<Option<_>>()?,
                otherwise: Some(one(otherwise)?),
            })))
        }
        ExprKind::Coalesce(v) => at(K::Coalesce(many(v)?)),
        ExprKind::MinMax { args, greatest: true, .. } => at(K::Greatest(many(args)?)),
        ExprKind::MinMax { args, .. } => at(K::Least(many(args)?)),
        ExprKind::ArrayOp { proc, left, array, all, .. } => at(K::Quantified(Box::new(ast::Quantified {
            left: one(left)?.into(),
            op: ast::Name::bare(operator_of(proc)?.oprname),
            all: *all,
            right: ast::QuantifiedRight::Array(one(array)?.into()),
        }))),
        // The left side is cast for the comparison only where the call shows it without.
        ExprKind::NullIf { left, right, .. } => at(K::NullIf(one(left)?.into(), one(right)?.into())),
        ExprKind::Subquery(s) => cx.subquery(s)?,
        ExprKind::WholeRow(fields) => cx.whole_row(fields)?,
        ExprKind::Field(row, n) => {
            let name = cx.field(row, *n)?;
            at(K::Indirection(one(row)?.into(), vec![ast::Step::Field(ast::Ident::new(name))]))
        }
        ExprKind::Array { items, .. } if items.is_empty() => cast_to(at(K::Array(vec![])), e.ty),
        ExprKind::Array { items, .. } => at(K::Array(many(items)?)),
        ExprKind::Row(v) => {
            let fields = v.iter().map(|x| field_syntax(x, cx)).collect::<Option<_>>()?;
            let row = at(K::Row { fields, explicit: true });
            if e.ty.oid == oid::RECORD { row } else { cast_to(row, TypeRef { typmod: -1, ..e.ty }) }
        }
        ExprKind::Subscript { arg, steps } => {
            let steps = steps
                .iter()
                .map(|s| {
                    Some(match s {
                        Subscript::Index(i) => ast::Step::Index(one(i)?),
                        Subscript::Slice(a, b) => {
                            let bound = |x: &Option<Expr>| match x {
                                Some(x) => one(x).map(Some),
                                None => Some(None),
                            };
                            ast::Step::Slice(bound(a)?, bound(b)?)
                        }
                    })
                })
                .collect::<Option<Vec<_>>>()?;
            at(K::Indirection(one(arg)?.into(), steps))
        }
        ExprKind::RowCompare { strategy, left, right, .. } => {
            let name = match strategy {
                1 => "<",
                2 => "<=",
                4 => ">=",
                _ => ">",
            };
            let row = |v: &[Expr]| Some(at(K::Row { fields: many(v)?, explicit: true }));
            op(name, Some(row(left)?), row(right)?)
        }
        ExprKind::SqlValue(v) => at(K::SqlValue(*v)),
        ExprKind::Param(_)
        | ExprKind::CaseValue
        | ExprKind::NextVal(_)
        | ExprKind::SetField { .. }
        | ExprKind::SetElement { .. }
        | ExprKind::SetToDefault => return None,
    })
}
