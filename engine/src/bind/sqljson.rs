//! JSON_VALUE, JSON_QUERY, JSON_EXISTS and JSON_TABLE as PostgreSQL 17 has them: calls of kernels that are no functions of
//! PostgreSQL's. What the syntax says beside values becomes a constant argument ([`Plan`]).
//!
//! A DEFAULT that is not immutable must be computed only if it is wanted: it stands behind a CASE that asks the kernel
//! first, and in the place of its argument stands NULL.

use super::Binder;
use super::nameless::nameless;
use super::resolve::Coercion;
use super::scope::{Rte, Scope, ScopeCol};
use super::select::Clause;
use super::trace::key;
use super::types::{self, info, show};
use crate::plan::ir::{Col, Expr, ExprKind, Rel};
use crate::plan::walk;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{
    self, JsonArg, JsonBehavior, JsonColumn, JsonForm, JsonFormat, JsonReturning, JsonSearch, JsonSearchOp,
    JsonWrapper, SqlJson,
};
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::funcs::sqljson::{Behavior, Column, Kind, Plan, STATE, TABLE, VALUE, Wrapper};
use rustydb_types::pgdata::{self, Proc};
use rustydb_types::{jsonb, jsonpath, oid, shape, usertype};
use std::sync::LazyLock;

static SCALAR_PROC: LazyLock<Proc> = LazyLock::new(|| nameless(VALUE, oid::JSONB, false));
static STATE_PROC: LazyLock<Proc> = LazyLock::new(|| nameless(STATE, oid::INT4, false));
static TABLE_PROC: LazyLock<Proc> = LazyLock::new(|| nameless(TABLE, oid::RECORD, true));

/// What a value of an expression is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ArgOf {
    /// Searched.
    Context,
    /// A variable.
    Passing,
    /// Part of a constructed value.
    Part,
    /// JSON's.
    Json,
    /// JSON_SERIALIZE's.
    Serialize,
}

pub(super) fn constant(d: Datum, ty: TypeRef) -> Expr {
    Expr::new(ExprKind::Const(d), ty)
}

fn null(ty: TypeRef) -> Expr {
    constant(Datum::Null, ty)
}

/// Whether a type is a string, as FORMAT JSON wants it.
pub(super) fn is_string(ty: u32) -> bool {
    info(types::base_oid(ty)).typcategory == 'S' || ty == oid::UNKNOWN
}

/// Where clauses stand, for errors: a function or a column and its kind.
struct Place<'n> {
    column: Option<&'n str>,
    kind: Kind,
    /// The function or the column.
    pos: u32,
}

impl Place<'_> {
    fn refuse(&self, clause: &str) -> DbError {
        let allowed = match self.kind {
            Kind::Exists => "ERROR, TRUE, FALSE, or UNKNOWN",
            Kind::Query => "ERROR, NULL, EMPTY ARRAY, EMPTY OBJECT, or DEFAULT expression",
            _ => "ERROR, NULL, or DEFAULT expression",
        };
        let of = self.column.map_or_else(String::new, |c| format!(" for column \"{c}\""));
        let at = match (self.column.is_some(), self.kind) {
            (true, Kind::Exists) => "EXISTS columns",
            (true, Kind::Query) => "formatted columns",
            (true, _) => "scalar columns",
            (false, Kind::Exists) => "JSON_EXISTS()",
            (false, Kind::Query) => "JSON_QUERY()",
            (false, _) => "JSON_VALUE()",
        };
        DbError::new(SqlState::SYNTAX_ERROR, format!("invalid {clause} behavior{of}"))
            .detail(format!("Only {allowed} is allowed in {clause} for {at}."))
    }

    fn allows(&self, b: &JsonBehavior) -> bool {
        use JsonBehavior as B;
        match self.kind {
            Kind::Exists => matches!(b, B::Error | B::True | B::False | B::Unknown),
            Kind::Query => matches!(b, B::Error | B::Null | B::EmptyArray | B::EmptyObject | B::Default(_)),
            _ => matches!(b, B::Error | B::Null | B::Default(_)),
        }
    }
}

/// A column as the kernels want it.
struct Bound {
    column: Column,
    ty: TypeRef,
    /// The defaults, lazy or not.
    defaults: [Expr; 2],
}

impl Bound {
    /// The column's arguments; a lazy default only if it is `shown`.
    fn args(&self, carrier: TypeRef, shown: bool, out: &mut Vec<Expr>) {
        out.push(null(carrier));
        for (d, lazy) in self.defaults.iter().zip(self.column.lazy) {
            out.push(if lazy && !shown { null(self.ty) } else { d.clone() });
        }
    }

    /// The column's value, which is `made` unless the state says that a lazy default is.
    fn value(&self, state: Expr, made: Expr) -> Result<Expr> {
        let int4 = types::plain(oid::INT4);
        let eq = pgdata::operator_exact("=", oid::INT4, oid::INT4).and_then(|o| pgdata::proc(o.oprcode));
        let eq = eq.ok_or_else(|| DbError::internal("int4 has no equality"))?;
        let mut whens = Vec::with_capacity(2);
        for (i, d) in self.defaults.iter().enumerate().filter(|(i, _)| self.column.lazy.get(*i) == Some(&true)) {
            let args = vec![Expr::new(ExprKind::CaseValue, int4), constant(Datum::Int4(i as i32 + 1), int4)];
            let test = ExprKind::Call { proc: eq, args, collation: 0 };
            whens.push((Expr::new(test, types::plain(oid::BOOL)), d.clone()));
        }
        let (ty, pos) = (made.ty, made.pos);
        let kind = ExprKind::Case { operand: Some(Box::new(state)), whens, otherwise: Box::new(made) };
        Ok(Expr { kind, ty, pos })
    }
}

/// What the columns of a table come to, in the order of the result.
#[derive(Default)]
struct Columns {
    names: Vec<String>,
    bound: Vec<Bound>,
    /// Paths that nobody named.
    paths: usize,
}

/// Whether PostgreSQL takes an expression for DEFAULT: a constant, a call or an operation, cast or not.
fn may_be_default(e: &Expr) -> bool {
    match &e.kind {
        ExprKind::Const(_) | ExprKind::Call { .. } => true,
        ExprKind::ViaIo(a) | ExprKind::Relabel(a) | ExprKind::Domain(a) => may_be_default(a),
        ExprKind::Typmod { arg, .. } | ExprKind::ArrayMap { arg, .. } => may_be_default(arg),
        _ => false,
    }
}

/// The volatility of one of these calls, whose kernel is stable so that it is not computed when it is planned; `None` for
/// other calls.
pub(super) fn volatility(proc: &Proc, args: &[Expr]) -> Option<char> {
    if proc.oid != 0 || proc.proname != VALUE {
        return None;
    }
    let plan = Plan::from_datum(args.get(2)?.as_const()?).ok()?;
    let path = &plan.columns.first()?.path;
    let dated =
        plan.passing.iter().zip(args.get(3..)?).any(|(_, a)| info(types::base_oid(a.ty.oid)).typcategory == 'D');
    let free = jsonpath::parse(path).is_ok_and(|p| !jsonpath::depends_on_zone(&p, dated));
    Some(if free { 'i' } else { 's' })
}

impl Binder<'_> {
    /// A SQL/JSON expression.
    pub(crate) fn sql_json(&mut self, j: &SqlJson, pos: u32) -> Result<Expr> {
        match j {
            SqlJson::Search(s) => self.json_search(s, pos),
            SqlJson::Make(m) => self.json_make(m, pos),
        }
    }

    /// A value, with FORMAT JSON or without.
    pub(super) fn json_arg(&mut self, a: &JsonArg, of: ArgOf) -> Result<Expr> {
        let e = self.expr_typed(&a.value)?;
        let (ty, at) = (e.ty.oid, e.pos);
        let is_json = matches!(ty, oid::JSON | oid::JSONB);
        if let Some(f) = &a.format {
            if f.encoding.is_some() && ty != oid::BYTEA {
                let text = "JSON ENCODING clause is only allowed for bytea input type";
                return Err(DbError::new(SqlState::DATATYPE_MISMATCH, text).at(self.pos(f.pos)));
            }
            only_utf8(f).map_err(|e| e.at(self.pos(f.pos)))?;
            if is_json {
                return Ok(e);
            }
            if ty == oid::BYTEA || is_string(ty) {
                return Ok(super::sqljson_make::formatted(e, f.encoding.is_some()));
            }
            if matches!(of, ArgOf::Part | ArgOf::Serialize) {
                let text = "cannot use non-string types with explicit FORMAT JSON clause";
                return Err(DbError::new(SqlState::DATATYPE_MISMATCH, text).at(self.pos(f.pos)));
            }
        }
        let target = match of {
            ArgOf::Part | ArgOf::Passing => return Ok(e),
            _ if is_json || is_string(ty) => return Ok(e),
            ArgOf::Json | ArgOf::Serialize if ty == oid::BYTEA => return Ok(e),
            ArgOf::Serialize => {
                let text = "cannot use non-string types with implicit FORMAT JSON clause";
                return Err(DbError::new(SqlState::DATATYPE_MISMATCH, text).at(at));
            }
            ArgOf::Context => oid::JSONB,
            ArgOf::Json => oid::JSON,
        };
        self.coerce(e, types::plain(target), Coercion::Explicit)?.ok_or_else(|| {
            let message = format!("cannot cast type {} to {}", show(ty), show(target));
            DbError::new(SqlState::CANNOT_COERCE, message).at(at)
        })
    }

    /// The type that a JSON value is returned as.
    pub(super) fn json_type(&mut self, t: &ast::TypeName, format: &Option<JsonFormat>) -> Result<TypeRef> {
        if t.setof {
            return Err(DbError::unsupported("returning SETOF types is not supported in SQL/JSON functions"));
        }
        let ty = self.type_name(t)?;
        if info(ty.oid).typtype == 'p' {
            return Err(DbError::unsupported("returning pseudo-types is not supported in SQL/JSON functions"));
        }
        if let Some(f) = format {
            let wrong = |m: &'static str| Err(DbError::unsupported(m).at(self.pos(f.pos)));
            if !matches!(ty.oid, oid::BYTEA | oid::JSON | oid::JSONB) && !is_string(ty.oid) {
                return wrong("cannot use JSON format with non-string output types");
            }
            if f.encoding.is_some() && ty.oid != oid::BYTEA {
                return wrong("cannot set JSON encoding for non-bytea output types");
            }
            only_utf8(f).map_err(|e| e.at(self.pos(f.pos)))?;
        }
        Ok(ty)
    }

    /// The type of RETURNING.
    pub(super) fn json_returning(&mut self, r: &Option<JsonReturning>) -> Result<Option<TypeRef>> {
        r.as_ref().map(|r| self.json_type(&r.ty, &r.format)).transpose()
    }

    fn json_search(&mut self, s: &JsonSearch, pos: u32) -> Result<Expr> {
        let kind = match s.op {
            JsonSearchOp::Value => Kind::Scalar,
            JsonSearchOp::Exists => Kind::Exists,
            JsonSearchOp::Query => Kind::Query,
            JsonSearchOp::Table => return Err(DbError::internal("a JSON_TABLE outside FROM")),
        };
        if let (Kind::Scalar, Some(JsonReturning { format: Some(f), .. })) = (kind, &s.returning) {
            let text = "cannot specify FORMAT JSON in RETURNING clause of JSON_VALUE()";
            return Err(DbError::new(SqlState::SYNTAX_ERROR, text).at(self.pos(f.pos)));
        }
        let place = Place { column: None, kind, pos };
        self.json_quotes(&s.form, &place)?;
        let context = self.json_arg(&s.context, ArgOf::Context)?;
        let path = self.expr(&s.path)?;
        let (from, at) = (path.ty.oid, path.pos);
        let path = self.coerce(path, types::plain(oid::JSONPATH), Coercion::Explicit)?;
        let path = path.filter(|_| from == oid::JSONPATH || is_string(from)).ok_or_else(|| {
            let message = format!("JSON path expression must be of type jsonpath, not of type {}", show(from));
            DbError::new(SqlState::DATATYPE_MISMATCH, message).at(at)
        })?;
        let (path, given) = match path.as_const() {
            Some(Datum::Text(p)) => (p.to_string(), null(path.ty)),
            _ => (String::new(), path),
        };
        let (passing, values) = self.json_passing(&s.passing)?;
        let ty = match (self.json_returning(&s.returning)?, kind) {
            (Some(t), _) => t,
            (None, Kind::Scalar) => types::plain(oid::TEXT),
            (None, Kind::Exists) => types::plain(oid::BOOL),
            (None, _) => types::plain(oid::JSONB),
        };
        let bound = self.json_form(&s.form, &place, path, ty)?;
        let plan = Plan { passing, columns: vec![bound.column.clone()], ..Plan::default() };
        let mut args = vec![context, given, constant(plan.datum(), types::plain(oid::JSONB))];
        args.extend(values);
        bound.args(self.named_type(ty, 0)?, false, &mut args);
        self.name_rows(&SCALAR_PROC, &mut args)?;
        let call = |proc: &'static Proc, ty: TypeRef| {
            let kind = ExprKind::Call { proc, args: args.clone(), collation: 0 };
            Expr { kind, ty, pos }
        };
        let made = call(&SCALAR_PROC, ty);
        if !bound.column.lazy.contains(&true) {
            return Ok(made);
        }
        bound.value(call(&STATE_PROC, types::plain(oid::INT4)), made)
    }

    /// Names and values of PASSING.
    fn json_passing(&mut self, passing: &[(JsonArg, ast::Ident)]) -> Result<(Vec<String>, Vec<Expr>)> {
        let mut names = Vec::with_capacity(passing.len());
        let mut values = Vec::with_capacity(passing.len());
        for (value, name) in passing {
            names.push(name.value.clone());
            values.push(self.json_arg(value, ArgOf::Passing)?);
        }
        Ok((names, values))
    }

    fn json_quotes(&self, form: &JsonForm, place: &Place<'_>) -> Result<()> {
        let wrapped = matches!(form.wrapper, Some(JsonWrapper::Conditional | JsonWrapper::Unconditional));
        if wrapped && form.keep_quotes == Some(false) {
            let text = "SQL/JSON QUOTES behavior must not be specified when WITH WRAPPER is used";
            return Err(DbError::new(SqlState::SYNTAX_ERROR, text).at(place.pos));
        }
        Ok(())
    }

    /// The clauses behind a path.
    fn json_form(&mut self, form: &JsonForm, place: &Place<'_>, path: String, ty: TypeRef) -> Result<Bound> {
        let otherwise = if place.kind == Kind::Exists { Behavior::False } else { Behavior::Null };
        let mut column = Column {
            kind: place.kind,
            path,
            name: place.column.unwrap_or_default().to_owned(),
            wrapper: match form.wrapper {
                None | Some(JsonWrapper::Without) => Wrapper::Without,
                Some(JsonWrapper::Conditional) => Wrapper::Conditional,
                Some(JsonWrapper::Unconditional) => Wrapper::Unconditional,
            },
            keep_quotes: form.keep_quotes != Some(false),
            on: [otherwise; 2],
            lazy: [false; 2],
        };
        let mut defaults = [null(ty), null(ty)];
        let written = [(&form.on_empty, "ON EMPTY"), (&form.on_error, "ON ERROR")];
        for (i, (clause, name)) in written.into_iter().enumerate() {
            let Some((b, at)) = clause else { continue };
            if !place.allows(b) {
                return Err(place.refuse(name).at(self.pos(*at)));
            }
            column.on[i] = match b {
                JsonBehavior::Error => Behavior::Error,
                JsonBehavior::Null => Behavior::Null,
                JsonBehavior::Unknown => Behavior::Unknown,
                JsonBehavior::True => Behavior::True,
                JsonBehavior::False => Behavior::False,
                JsonBehavior::EmptyArray => Behavior::EmptyArray,
                JsonBehavior::EmptyObject => Behavior::EmptyObject,
                JsonBehavior::Default(e) => {
                    (defaults[i], column.lazy[i]) = self.json_default(e, ty)?;
                    Behavior::Default
                }
            };
        }
        Ok(Bound { column, ty, defaults })
    }

    /// A DEFAULT, and whether it is lazy. The kernel checks the conditions of a domain, and converts jsonb.
    fn json_default(&mut self, e: &ast::Expr, ty: TypeRef) -> Result<(Expr, bool)> {
        let sets = self.levels.last().map_or(0, |l| l.srfs.len());
        let mut e = self.expr(e)?;
        let (from, at) = (e.ty.oid, e.pos);
        let refuse = |m: &'static str| Err(DbError::new(SqlState::DATATYPE_MISMATCH, m).at(at));
        if self.levels.last().map_or(0, |l| l.srfs.len()) > sets {
            return refuse("DEFAULT expression must not return a set");
        }
        if !may_be_default(&e) {
            return refuse("can only specify a constant, non-aggregate function, or operator expression for DEFAULT");
        }
        let mut reads = false;
        walk::visit(&e, &mut |x| reads |= matches!(x.kind, ExprKind::Column(_)));
        if reads {
            return refuse("DEFAULT expression must not contain column references");
        }
        let domain = usertype::is_domain(ty.oid);
        let lazy = super::define::volatility(&e) != 'i';
        let to = if domain && !lazy { usertype::base(ty) } else { ty };
        let at_run_time = from == oid::JSONB && !lazy;
        if from != ty.oid && !at_run_time {
            let string = matches!(info(types::base_oid(ty.oid)).typcategory, 'S' | 'V');
            let how = if string { Coercion::Assignment } else { Coercion::Explicit };
            e = self.coerce(e, to, how)?.ok_or_else(|| {
                let (from, to) = (show(from), show(ty.oid));
                let message = format!("cannot cast behavior expression of type {from} to {to}");
                DbError::new(SqlState::CANNOT_COERCE, message)
                    .hint(format!("You will need to explicitly cast the expression to type {to}."))
                    .at(at)
            })?;
        }
        while !lazy && let ExprKind::Domain(inner) = e.kind {
            e = *inner;
        }
        if from == ty.oid && e.ty.collation != ty.collation && e.ty.collation != 0 && ty.collation != 0 {
            let name = |o| rustydb_types::collation::name(o).unwrap_or_default();
            let text = "collation of DEFAULT expression conflicts with RETURNING clause";
            return Err(DbError::new(SqlState::COLLATION_MISMATCH, text)
                .detail(format!("\"{}\" versus \"{}\"", name(e.ty.collation), name(ty.collation)))
                .at(at));
        }
        Ok((e, lazy))
    }

    // ---- JSON_TABLE ----------------------------------------------------------------------------------------------------

    /// JSON_TABLE as an item of FROM; the function table has nothing else.
    pub(super) fn json_table(&mut self, f: &ast::FunctionTable, s: &JsonSearch) -> Result<(Rel, Scope)> {
        self.enter_level();
        self.set_clause(Clause::From);
        let r = self.json_table_inner(f, s);
        self.leave_level();
        r
    }

    fn json_table_inner(&mut self, f: &ast::FunctionTable, s: &JsonSearch) -> Result<(Rel, Scope)> {
        let strict = match &s.form.on_error {
            None | Some((JsonBehavior::EmptyArray, _)) => false,
            Some((JsonBehavior::Error, _)) => true,
            Some((_, at)) => {
                return Err(DbError::new(SqlState::SYNTAX_ERROR, "invalid ON ERROR behavior")
                    .detail("Only EMPTY [ ARRAY ] or ERROR is allowed in the top-level ON ERROR clause.")
                    .at(self.pos(*at)));
            }
        };
        let ast::ExprKind::Literal(ast::Literal::String(path)) = &s.path.kind else {
            return Err(DbError::internal("the path of a JSON_TABLE is no string"));
        };
        let mut taken = Vec::new();
        s.path_name.iter().try_for_each(|n| self.json_name(n, &mut taken))?;
        self.json_names(&s.columns, &mut taken)?;
        let context = self.json_arg(&s.context, ArgOf::Context)?;
        let (passing, values) = self.json_passing(&s.passing)?;
        let mut columns = Columns::default();
        let path = jsonpath::parse(path).map_err(|e| e.at(self.pos(s.path.pos)))?.to_string();
        let mut plan = self.json_rows(strict, path, s.path_name.as_ref(), &s.columns, &mut columns)?;
        plan.passing = passing;
        let nothing = null(types::plain(oid::JSONPATH));
        let mut args = vec![context, nothing, constant(plan.datum(), types::plain(oid::JSONB))];
        args.extend(values);
        self.name_rows(&TABLE_PROC, &mut args)?;
        let mut shown = args.clone();
        for b in &columns.bound {
            let carrier = self.named_type(b.ty, 0)?;
            b.args(carrier, false, &mut args);
            b.args(carrier, true, &mut shown);
        }
        let mut fields: Vec<(String, TypeRef)> =
            columns.names.iter().cloned().zip(columns.bound.iter().map(|b| b.ty)).collect();
        let visible = fields.len();
        let lazy = columns.bound.iter().filter(|b| b.column.lazy.contains(&true)).count();
        fields.extend((0..lazy).map(|i| (format!("state{i}"), types::plain(oid::INT4))));
        let ty = TypeRef { typmod: shape::modifier(&fields)?, ..types::plain(oid::RECORD) };
        let pos = self.pos(f.pos);
        let call = |args| Expr { kind: ExprKind::Call { proc: &TABLE_PROC, args, collation: 0 }, ty, pos };
        self.trace(|t| t.calls.entry(key(f)).or_default().push(call(shown)));
        let made: Vec<Col> = fields.iter().map(|f| self.col(f.1)).collect();
        let mut rel = Rel::FunctionScan { calls: vec![(call(args), made.clone())], ordinality: None };
        let mut seen: Vec<Col> = made.iter().take(visible).copied().collect();
        if lazy > 0 {
            let mut states = made.iter().skip(visible);
            let mut exprs = Vec::with_capacity(visible);
            for (b, c) in columns.bound.iter().zip(&made) {
                exprs.push(if b.column.lazy.contains(&true) {
                    let state = states.next().ok_or_else(|| DbError::internal("a lazy column without a state"))?;
                    b.value(Expr::column(*state), Expr::column(*c))?
                } else {
                    Expr::column(*c)
                });
            }
            rel = self.project_to(rel, exprs);
            seen = rel.outputs();
        }
        let named = columns.names.into_iter().zip(seen);
        let mut cols: Vec<ScopeCol> =
            named.map(|(name, col)| ScopeCol { name: name.into(), col, origin: (0, 0) }).collect();
        let name = f.alias.as_ref().map_or("json_table", |a| a.name.value.as_str()).to_owned();
        if let Some(a) = f.alias.as_ref().filter(|a| a.columns.len() > cols.len()) {
            return Err(DbError::new(
                SqlState::INVALID_COLUMN_REFERENCE,
                format!(
                    "JSON_TABLE function has {} columns available but {} columns specified",
                    cols.len(),
                    a.columns.len()
                ),
            ));
        }
        self.rename(&mut cols, &name, f.alias.as_ref())?;
        let rte = Rte { other: Some("a table function"), ..Rte::computed(name, cols) };
        Ok((rel, Scope::of(rte)))
    }

    fn json_name(&self, name: &ast::Ident, taken: &mut Vec<String>) -> Result<()> {
        if taken.contains(&name.value) {
            let message = format!("duplicate JSON_TABLE column or path name: {}", name.value);
            return Err(DbError::new(SqlState::DUPLICATE_ALIAS, message).at(self.pos(name.pos)));
        }
        taken.push(name.value.clone());
        Ok(())
    }

    /// Names of columns and paths must all differ.
    fn json_names(&self, list: &[JsonColumn], taken: &mut Vec<String>) -> Result<()> {
        list.iter().try_for_each(|c| match c {
            JsonColumn::Ordinality(name) | JsonColumn::Value { name, .. } => self.json_name(name, taken),
            JsonColumn::Nested { name, columns, .. } => {
                name.iter().try_for_each(|n| self.json_name(n, taken))?;
                self.json_names(columns, taken)
            }
        })
    }

    /// The rows of a path: its own columns come before those of the paths inside.
    fn json_rows(
        &mut self,
        strict: bool,
        path: String,
        name: Option<&ast::Ident>,
        list: &[JsonColumn],
        columns: &mut Columns,
    ) -> Result<Plan> {
        let name = match name {
            Some(n) => n.value.clone(),
            None => {
                columns.paths += 1;
                format!("json_table_path_{}", columns.paths - 1)
            }
        };
        let mut plan = Plan { strict, path, name, ..Plan::default() };
        for c in list {
            let (name, bound) = match c {
                JsonColumn::Ordinality(name) if plan.columns.iter().any(|c| c.kind == Kind::Ordinality) => {
                    let text = "only one FOR ORDINALITY column is allowed";
                    return Err(DbError::new(SqlState::SYNTAX_ERROR, text).at(self.pos(name.pos)));
                }
                JsonColumn::Ordinality(name) => {
                    let place = Place { column: Some(&name.value), kind: Kind::Ordinality, pos: 0 };
                    let ty = types::plain(oid::INT4);
                    (name, self.json_form(&JsonForm::default(), &place, String::new(), ty)?)
                }
                JsonColumn::Value { name, ty, exists, path, form } => {
                    (name, self.json_column(name, ty, *exists, path.as_ref(), form)?)
                }
                JsonColumn::Nested { .. } => continue,
            };
            plan.columns.push(bound.column.clone());
            columns.names.push(name.value.clone());
            columns.bound.push(bound);
        }
        for c in list {
            if let JsonColumn::Nested { path, name, columns: inside } = c {
                let path = jsonpath::parse(path)?.to_string();
                plan.nested.push(self.json_rows(strict, path, name.as_ref(), inside, columns)?);
            }
        }
        Ok(plan)
    }

    fn json_column(
        &mut self,
        name: &ast::Ident,
        ty: &ast::TypeName,
        exists: bool,
        path: Option<&ast::JsonPathText>,
        form: &JsonForm,
    ) -> Result<Bound> {
        let ty = self.json_type(ty, &form.format)?;
        let formatted = form.format.is_some() || form.wrapper.is_some() || form.keep_quotes.is_some();
        let kind = match exists {
            true => Kind::Exists,
            false if formatted || is_formatted(ty) => Kind::Query,
            false => Kind::Scalar,
        };
        let place = Place { column: Some(&name.value), kind, pos: self.pos(name.pos) };
        self.json_quotes(form, &place)?;
        let path = match path {
            Some(p) => jsonpath::parse(&p.text).map_err(|e| e.at(self.pos(p.pos)))?.to_string(),
            None => {
                let mut p = "$.".to_owned();
                jsonb::write_string(&name.value, &mut p);
                p
            }
        };
        self.json_form(form, &place, path, ty)
    }
}

/// 0A000 for an encoding other than UTF-8.
fn only_utf8(f: &JsonFormat) -> Result<()> {
    if f.encoding.is_none_or(|e| e == "UTF8") {
        return Ok(());
    }
    Err(DbError::unsupported("unsupported JSON encoding").hint("Only UTF8 JSON encoding is supported."))
}

/// Whether a column of a type takes JSON rather than a scalar: json, jsonb, arrays and rows.
fn is_formatted(ty: TypeRef) -> bool {
    let base = types::base_oid(ty.oid);
    matches!(base, oid::JSON | oid::JSONB | oid::RECORD)
        || oid::array_element(base).is_some()
        || info(base).typtype == 'c'
}
