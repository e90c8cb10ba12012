//! JSON_VALUE, JSON_QUERY, JSON_EXISTS and JSON_TABLE as PostgreSQL 17 has them: calls of kernels that are no functions of
//! PostgreSQL's. What the syntax says beside values becomes a constant argument ([`Plan`]).

use super::Binder;
use super::resolve::Coercion;
use super::types::{self, show};
use crate::plan::ir::{Expr, ExprKind};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, JsonBehavior, JsonColumn, JsonForm, JsonWrapper, SqlJson, SqlJsonOp};
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::funcs::sqljson::{Behavior, Column, Kind, Plan, Wrapper};
use rustydb_types::pgdata::{self, Proc};
use rustydb_types::{jsonb, jsonpath, oid, shape, usertype};
use std::sync::LazyLock;

/// A function that stands for an expression; neither name nor OID is one of PostgreSQL's.
fn proc(name: &'static str, set: bool) -> Proc {
    Proc {
        oid: 0,
        proname: name,
        pronamespace: pgdata::PG_CATALOG,
        prolang: 12,
        procost: 1.0,
        prorows: if set { 100.0 } else { 0.0 },
        provariadic: 0,
        prokind: 'f',
        prosecdef: false,
        proleakproof: false,
        proisstrict: false,
        proretset: set,
        // Values are read by the session's settings.
        provolatile: 's',
        proparallel: 's',
        pronargs: 0,
        pronargdefaults: 0,
        prorettype: if set { oid::RECORD } else { oid::JSONB },
        proargtypes: Box::new([]),
        proallargtypes: None,
        proargmodes: None,
        proargnames: None,
        proargdefaults: None,
        prosrc: name.into(),
        prosqlbody: None,
    }
}

static SCALAR: LazyLock<Proc> = LazyLock::new(|| proc("sql_json_expression", false));
static TABLE: LazyLock<Proc> = LazyLock::new(|| proc("sql_json_table", true));

/// Whether a call is a JSON_TABLE.
pub(super) fn is_table(p: &Proc) -> bool {
    p.oid == 0 && p.proname == "sql_json_table"
}

fn null(ty: TypeRef) -> Expr {
    Expr::new(ExprKind::Const(Datum::Null), ty)
}

/// What the columns of a table come to.
#[derive(Default)]
struct Columns {
    /// Names and types, the columns of nested paths behind those outside.
    fields: Vec<(String, TypeRef)>,
    /// Two defaults for each.
    defaults: Vec<Expr>,
    /// Names of columns and paths, which must all differ.
    names: Vec<String>,
}

/// Where clauses stand, for errors: a function or a column and its kind.
struct Place<'n> {
    column: Option<&'n str>,
    kind: Kind,
}

impl Place<'_> {
    fn refuse(&self, clause: &str) -> DbError {
        let allowed = match self.kind {
            Kind::Exists => "ERROR, TRUE, FALSE, or UNKNOWN",
            Kind::Query => "ERROR, NULL, EMPTY [ ARRAY ], EMPTY OBJECT, or DEFAULT expression",
            _ => "ERROR, NULL, or DEFAULT expression",
        };
        let (of, at) = match (self.column, self.kind) {
            (Some(c), Kind::Exists) => (format!(" for column \"{c}\""), "EXISTS columns"),
            (Some(c), Kind::Query) => (format!(" for column \"{c}\""), "formatted columns"),
            (Some(c), _) => (format!(" for column \"{c}\""), "scalar columns"),
            (None, Kind::Exists) => (String::new(), "JSON_EXISTS()"),
            (None, Kind::Query) => (String::new(), "JSON_QUERY()"),
            (None, _) => (String::new(), "JSON_VALUE()"),
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

impl Binder<'_> {
    /// One of the query functions.
    pub(crate) fn sql_json(&mut self, j: &SqlJson, pos: u32) -> Result<Expr> {
        let context = self.expr(&j.context)?;
        let context = self.default_unknown(context)?;
        let (from, at) = (context.ty.oid, context.pos);
        let context =
            self.coerce(context, types::plain(oid::JSONB), Coercion::Explicit)?.ok_or_else(|| {
                DbError::new(SqlState::CANNOT_COERCE, format!("cannot cast type {} to jsonb", show(from))).at(at)
            })?;
        let mut args = vec![context, self.passed(&j.passing)?];
        if j.op == SqlJsonOp::Table {
            return self.json_table(j, args, pos);
        }
        let path = self.expr(&j.path)?;
        let (from, at) = (path.ty.oid, path.pos);
        args.push(self.coerce(path, types::plain(oid::JSONPATH), Coercion::Implicit)?.ok_or_else(|| {
            DbError::new(
                SqlState::DATATYPE_MISMATCH,
                format!("JSON path expression must be of type jsonpath, not of type {}", show(from)),
            )
            .at(at)
        })?);
        let (kind, ty) = match j.op {
            SqlJsonOp::Value => (Kind::Scalar, oid::TEXT),
            SqlJsonOp::Exists => (Kind::Exists, oid::BOOL),
            _ => (Kind::Query, oid::JSONB),
        };
        let ty = match &j.returning {
            Some(t) => self.json_type(t)?,
            None => types::plain(ty),
        };
        if kind == Kind::Exists {
            self.takes_truth(ty, pos)?;
        }
        let place = Place { column: None, kind };
        let mut defaults = Vec::with_capacity(2);
        let column = self.json_form(&j.form, &place, String::new(), ty, &mut defaults)?;
        let plan = Plan { columns: vec![column], ..Plan::default() };
        args.push(Expr::new(ExprKind::Const(plan.datum()), types::plain(oid::JSONB)));
        args.extend(defaults);
        Ok(Expr { kind: ExprKind::Call { proc: &SCALAR, args, collation: 0 }, ty, pos })
    }

    /// The values of PASSING as an object.
    fn passed(&mut self, passing: &[(ast::Expr, ast::Ident)]) -> Result<Expr> {
        let ty = types::plain(oid::JSONB);
        if passing.is_empty() {
            return Ok(null(ty));
        }
        let proc = pgdata::procs_named("jsonb_build_object")
            .iter()
            .find(|p| p.provariadic != 0)
            .ok_or_else(|| DbError::internal("jsonb_build_object is not in the catalog"))?;
        let mut args = Vec::with_capacity(2 * passing.len());
        for (value, name) in passing {
            args.push(Expr::new(ExprKind::Const(Datum::Text(name.value.as_str().into())), types::plain(oid::TEXT)));
            let value = self.expr(value)?;
            args.push(self.default_unknown(value)?);
        }
        self.name_rows(proc, &mut args)?;
        Ok(Expr::new(ExprKind::Call { proc, args, collation: 0 }, ty))
    }

    /// A written type, with the fields of rows in it.
    fn json_type(&mut self, t: &ast::TypeName) -> Result<TypeRef> {
        let ty = self.type_name(t)?;
        self.named_type(ty, 0)
    }

    /// Refuses a type that a truth value does not become.
    fn takes_truth(&self, ty: TypeRef, pos: u32) -> Result<()> {
        match usertype::base(ty).oid {
            oid::BOOL | oid::INT4 | oid::TEXT | oid::VARCHAR | oid::BPCHAR => Ok(()),
            other => Err(DbError::new(
                SqlState::CANNOT_COERCE,
                format!("cannot cast behavior expression of type boolean to {}", show(other)),
            )
            .at(pos)),
        }
    }

    /// The clauses behind a path; pushes the two defaults, which have the column's type.
    fn json_form(
        &mut self,
        form: &JsonForm,
        place: &Place<'_>,
        path: String,
        ty: TypeRef,
        defaults: &mut Vec<Expr>,
    ) -> Result<Column> {
        let otherwise = if place.kind == Kind::Exists { Behavior::False } else { Behavior::Null };
        let mut behaviors = [otherwise; 2];
        let written = [(&form.on_empty, "ON EMPTY"), (&form.on_error, "ON ERROR")];
        for ((clause, name), into) in written.into_iter().zip(&mut behaviors) {
            let mut default = null(ty);
            if let Some((b, pos)) = clause {
                if !place.allows(b) {
                    return Err(place.refuse(name).at(self.pos(*pos)));
                }
                *into = match b {
                    JsonBehavior::Error => Behavior::Error,
                    JsonBehavior::Null | JsonBehavior::Unknown => Behavior::Null,
                    JsonBehavior::True => Behavior::True,
                    JsonBehavior::False => Behavior::False,
                    JsonBehavior::EmptyArray => Behavior::EmptyArray,
                    JsonBehavior::EmptyObject => Behavior::EmptyObject,
                    JsonBehavior::Default(e) => {
                        let e = self.expr(e)?;
                        let (from, at) = (e.ty.oid, e.pos);
                        default = self.coerce(e, ty, Coercion::Explicit)?.ok_or_else(|| {
                            DbError::new(
                                SqlState::CANNOT_COERCE,
                                format!("cannot cast behavior expression of type {} to {}", show(from), show(ty.oid)),
                            )
                            .at(at)
                        })?;
                        default.ty = ty;
                        Behavior::Default
                    }
                };
            }
            defaults.push(default);
        }
        let [on_empty, on_error] = behaviors;
        Ok(Column {
            kind: place.kind,
            path,
            name: place.column.unwrap_or_default().to_owned(),
            wrapper: match form.wrapper {
                None | Some(JsonWrapper::Without) => Wrapper::Without,
                Some(JsonWrapper::Conditional) => Wrapper::Conditional,
                Some(JsonWrapper::Unconditional) => Wrapper::Unconditional,
            },
            keep_quotes: form.keep_quotes != Some(false),
            on_empty,
            on_error,
        })
    }

    fn json_table(&mut self, j: &SqlJson, mut args: Vec<Expr>, pos: u32) -> Result<Expr> {
        let strict = match &j.form.on_error {
            None | Some((JsonBehavior::EmptyArray, _)) => false,
            Some((JsonBehavior::Error, _)) => true,
            Some((_, at)) => {
                return Err(DbError::new(SqlState::SYNTAX_ERROR, "invalid ON ERROR behavior")
                    .detail("Only EMPTY [ ARRAY ] or ERROR is allowed in the top-level ON ERROR clause.")
                    .at(self.pos(*at)));
            }
        };
        let ast::ExprKind::Literal(ast::Literal::String(path)) = &j.path.kind else {
            return Err(DbError::internal("the path of a JSON_TABLE is no string"));
        };
        let mut columns = Columns::default();
        if let Some(n) = &j.path_name {
            columns.names.push(n.value.clone());
        }
        let plan = self.json_rows(strict, path, j.path.pos, &j.columns, &mut columns)?;
        args.push(null(types::plain(oid::JSONPATH)));
        args.push(Expr::new(ExprKind::Const(plan.datum()), types::plain(oid::JSONB)));
        args.extend(columns.defaults);
        let ty = TypeRef { typmod: shape::modifier(&columns.fields)?, ..types::plain(oid::RECORD) };
        Ok(Expr { kind: ExprKind::Call { proc: &TABLE, args, collation: 0 }, ty, pos })
    }

    fn json_path(&self, path: &str, pos: u32) -> Result<String> {
        jsonpath::parse(path).map_err(|e| e.at(self.pos(pos)))?;
        Ok(path.to_owned())
    }

    fn new_name(&self, name: &ast::Ident, columns: &mut Columns) -> Result<()> {
        if columns.names.contains(&name.value) {
            return Err(DbError::new(
                SqlState::DUPLICATE_ALIAS,
                format!("duplicate JSON_TABLE column or path name: {}", name.value),
            )
            .at(self.pos(name.pos)));
        }
        columns.names.push(name.value.clone());
        Ok(())
    }

    /// The rows of a path: its own columns come before those of the paths inside.
    fn json_rows(
        &mut self,
        strict: bool,
        path: &str,
        pos: u32,
        list: &[JsonColumn],
        columns: &mut Columns,
    ) -> Result<Plan> {
        let mut plan = Plan { strict, path: self.json_path(path, pos)?, ..Plan::default() };
        for c in list {
            match c {
                JsonColumn::Ordinality(name) => {
                    self.new_name(name, columns)?;
                    let ty = types::plain(oid::INT4);
                    let place = Place { column: Some(&name.value), kind: Kind::Ordinality };
                    let form = JsonForm::default();
                    plan.columns.push(self.json_form(&form, &place, String::new(), ty, &mut columns.defaults)?);
                    columns.fields.push((name.value.clone(), ty));
                }
                JsonColumn::Value { name, ty, exists, path, form } => {
                    self.new_name(name, columns)?;
                    let at = self.pos(name.pos);
                    let ty = self.json_type(ty)?;
                    let kind = if *exists {
                        self.takes_truth(ty, at)?;
                        Kind::Exists
                    } else if form.format || form.wrapper.is_some() || form.keep_quotes.is_some() || is_formatted(ty) {
                        Kind::Query
                    } else {
                        Kind::Scalar
                    };
                    let path = match path {
                        Some((p, pos)) => self.json_path(p, *pos)?,
                        None => {
                            let mut p = "$.".to_owned();
                            jsonb::write_string(&name.value, &mut p);
                            p
                        }
                    };
                    let place = Place { column: Some(&name.value), kind };
                    plan.columns.push(self.json_form(form, &place, path, ty, &mut columns.defaults)?);
                    columns.fields.push((name.value.clone(), ty));
                }
                JsonColumn::Nested { .. } => {}
            }
        }
        for c in list {
            if let JsonColumn::Nested { path, pos, name, columns: inside } = c {
                if let Some(n) = name {
                    self.new_name(n, columns)?;
                }
                plan.nested.push(self.json_rows(strict, path, *pos, inside, columns)?);
            }
        }
        Ok(plan)
    }
}

/// Whether a column of a type takes JSON rather than a scalar: json, jsonb, arrays and rows.
fn is_formatted(ty: TypeRef) -> bool {
    let base = usertype::base(ty);
    matches!(base.oid, oid::JSON | oid::JSONB | oid::RECORD)
        || oid::array_element(base.oid).is_some()
        || shape::fields(base.typmod).is_some() && oid::type_info(base.oid).is_none()
}
