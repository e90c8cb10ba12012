//! The constructors JSON, JSON_SCALAR, JSON_SERIALIZE, JSON_OBJECT and JSON_ARRAY, the aggregates JSON_OBJECTAGG and
//! JSON_ARRAYAGG, and IS JSON, as PostgreSQL 17 has them: calls of one kernel and of aggregates without a name.

use super::Binder;
use super::nameless::nameless;
use super::sqljson::{ArgOf, constant, is_string};
use super::types::{self, info, show};
use crate::plan::ir::{Expr, ExprKind};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, FuncCall, JsonArg, JsonKind, JsonMake, JsonMakeOp, QueryBody, TableRef};
use rustydb_types::datum::TypeRef;
use rustydb_types::funcs::sqljson_make::{MAKE, Made, Maker};
use rustydb_types::oid;
use rustydb_types::pgdata::Proc;
use std::sync::LazyLock;

static MAKE_PROC: LazyLock<Proc> = LazyLock::new(|| nameless(MAKE, oid::JSON, false));

/// An aggregate's name, and whether it makes jsonb, objects, leaves NULLs out, refuses equal keys.
pub(super) type Aggregate = (&'static str, [bool; 4]);

/// The aggregates.
static AGGREGATES: [Aggregate; 12] = [
    ("sql_json_arrayagg", [false, false, false, false]),
    ("sql_json_arrayagg_strict", [false, false, true, false]),
    ("sql_jsonb_arrayagg", [true, false, false, false]),
    ("sql_jsonb_arrayagg_strict", [true, false, true, false]),
    ("sql_json_objectagg", [false, true, false, false]),
    ("sql_json_objectagg_strict", [false, true, true, false]),
    ("sql_json_objectagg_unique", [false, true, false, true]),
    ("sql_json_objectagg_unique_strict", [false, true, true, true]),
    ("sql_jsonb_objectagg", [true, true, false, false]),
    ("sql_jsonb_objectagg_strict", [true, true, true, false]),
    ("sql_jsonb_objectagg_unique", [true, true, false, true]),
    ("sql_jsonb_objectagg_unique_strict", [true, true, true, true]),
];

static AGGREGATE_PROCS: LazyLock<Vec<Proc>> = LazyLock::new(|| {
    let make = |&(name, [jsonb, object, ..]): &Aggregate| Proc {
        prokind: 'a',
        pronargs: if object { 2 } else { 1 },
        proargtypes: if object { Box::new([oid::ANY, oid::ANY]) } else { Box::new([oid::ANYELEMENT]) },
        ..nameless(name, if jsonb { oid::JSONB } else { oid::JSON }, false)
    };
    AGGREGATES.iter().map(make).collect()
});

/// Which of the aggregates a function is.
pub(super) fn aggregate_of(proc: &Proc) -> Option<&'static Aggregate> {
    AGGREGATES.iter().find(|a| proc.oid == 0 && a.0 == proc.proname)
}

/// A value with FORMAT JSON.
pub(super) fn formatted(e: Expr, encoding: bool) -> Expr {
    let pos = e.pos;
    let maker = Maker { encoding, ..Maker::of(Made::Formatted) };
    call(maker, vec![e], types::plain(oid::JSON), pos)
}

fn call(m: Maker, values: Vec<Expr>, ty: TypeRef, pos: u32) -> Expr {
    let mut args = vec![constant(m.datum(), types::plain(oid::TEXT))];
    args.extend(values);
    Expr { kind: ExprKind::Call { proc: &MAKE_PROC, args, collation: 0 }, ty, pos }
}

/// The volatility of a call of the kernel; `None` for other calls.
pub(super) fn volatility(proc: &Proc, args: &[Expr]) -> Option<char> {
    if proc.oid != 0 || proc.proname != MAKE {
        return None;
    }
    let made = Maker::from_datum(args.first()?.as_const()?).ok()?.made;
    let shows = matches!(made, Made::Object | Made::Array | Made::Scalar);
    // Numbers, strings and booleans look the same under every setting.
    let fixed = |e: &Expr| {
        let base = types::base_oid(e.ty.oid);
        matches!(base, oid::JSON | oid::JSONB | oid::BOOL | oid::INT2 | oid::INT4 | oid::INT8 | oid::NUMERIC)
            || info(base).typcategory == 'S'
    };
    Some(if shows && !args.iter().skip(1).all(fixed) { 's' } else { 'i' })
}

/// How many columns a query has, where its text says it.
fn written_columns(q: &ast::Query) -> Option<usize> {
    match &q.body {
        QueryBody::Select(s) => {
            let star = |t: &ast::Target| match &t.expr.kind {
                ast::ExprKind::Column(c) => c.star,
                ast::ExprKind::Indirection(_, steps) => steps.iter().any(|s| matches!(s, ast::Step::Star)),
                _ => false,
            };
            (!s.targets.iter().any(star)).then_some(s.targets.len())
        }
        QueryBody::Values(rows) => rows.first().map(Vec::len),
        QueryBody::SetOp(s) => written_columns(&s.left),
    }
}

impl Binder<'_> {
    /// A constructor or IS JSON.
    pub(super) fn json_make(&mut self, m: &JsonMake, pos: u32) -> Result<Expr> {
        let made = match m.op {
            JsonMakeOp::ObjectAgg | JsonMakeOp::ArrayAgg => return self.json_aggregate(m, pos),
            JsonMakeOp::ArrayOf => return self.json_array_of(m, pos),
            JsonMakeOp::Json => {
                let e = self.json_arg(first(m)?, ArgOf::Json)?;
                if m.unique && !(is_string(e.ty.oid) || e.ty.oid == oid::BYTEA || is_formatted(&e)) {
                    let text = "cannot use non-string types with WITH UNIQUE KEYS clause";
                    return Err(DbError::new(SqlState::DATATYPE_MISMATCH, text).at(pos));
                }
                let maker = Maker { unique: m.unique, ..Maker::of(Made::Json) };
                return Ok(call(maker, vec![e], types::plain(oid::JSON), pos));
            }
            JsonMakeOp::Scalar => {
                let e = self.expr_typed(&first(m)?.value)?;
                let mut made = call(Maker::of(Made::Scalar), vec![e], types::plain(oid::JSON), pos);
                self.json_row_names(&mut made)?;
                return Ok(made);
            }
            JsonMakeOp::Serialize => {
                let e = self.json_arg(first(m)?, ArgOf::Serialize)?;
                let ty = self.json_returning(&m.returning)?.unwrap_or(types::plain(oid::TEXT));
                if !is_string(ty.oid) && types::base_oid(ty.oid) != oid::BYTEA {
                    let message = format!("cannot use type {} in RETURNING clause of JSON_SERIALIZE()", show(ty.oid));
                    return Err(DbError::new(SqlState::DATATYPE_MISMATCH, message)
                        .hint("Try returning a string type or bytea."));
                }
                return Ok(call(Maker::of(Made::Serialize), vec![e], ty, pos));
            }
            JsonMakeOp::Is(kind) => {
                let e = self.expr_typed(&first(m)?.value)?;
                let base = types::base_oid(e.ty.oid);
                if !matches!(base, oid::JSON | oid::JSONB | oid::BYTEA) && !is_string(base) {
                    let message = format!("cannot use type {} in IS JSON predicate", show(e.ty.oid));
                    return Err(DbError::new(SqlState::DATATYPE_MISMATCH, message));
                }
                let made = match kind {
                    JsonKind::Value => Made::IsValue,
                    JsonKind::Scalar => Made::IsScalar,
                    JsonKind::Array => Made::IsArray,
                    JsonKind::Object => Made::IsObject,
                };
                let maker = Maker { unique: m.unique, ..Maker::of(made) };
                return Ok(call(maker, vec![e], types::plain(oid::BOOL), pos));
            }
            JsonMakeOp::Object => Made::Object,
            JsonMakeOp::Array => Made::Array,
        };
        let values = m.args.iter().map(|a| self.json_arg(a, ArgOf::Part)).collect::<Result<Vec<_>>>()?;
        let (ty, jsonb) = self.json_result(m, &values)?;
        let absent = m.absent.unwrap_or(m.op.leaves_out_nulls());
        let maker = Maker { absent, unique: m.unique, jsonb, ..Maker::of(made) };
        let mut made = call(maker, values, ty, pos);
        self.json_row_names(&mut made)?;
        Ok(made)
    }

    fn json_row_names(&self, made: &mut Expr) -> Result<()> {
        match &mut made.kind {
            ExprKind::Call { proc, args, .. } => self.name_rows(proc, args),
            _ => Ok(()),
        }
    }

    /// The type of a constructed value, and whether it is made as jsonb: of jsonb values jsonb is made.
    fn json_result(&mut self, m: &JsonMake, values: &[Expr]) -> Result<(TypeRef, bool)> {
        match self.json_returning(&m.returning)? {
            Some(ty) => {
                let base = types::base_oid(ty.oid);
                if !matches!(base, oid::JSON | oid::JSONB | oid::BYTEA) && !is_string(base) {
                    let message = format!("cannot cast type json to {}", show(ty.oid));
                    return Err(DbError::new(SqlState::CANNOT_COERCE, message));
                }
                Ok((ty, base == oid::JSONB))
            }
            None => {
                let jsonb = values.iter().any(|v| v.ty.oid == oid::JSONB);
                Ok((types::plain(if jsonb { oid::JSONB } else { oid::JSON }), jsonb))
            }
        }
    }

    fn json_aggregate(&mut self, m: &JsonMake, pos: u32) -> Result<Expr> {
        let grouped = m.over.is_none();
        if grouped {
            self.enter_aggregate();
        }
        let values: Result<Vec<Expr>> = m.args.iter().map(|a| self.json_arg(a, ArgOf::Part)).collect();
        if grouped {
            self.leave_aggregate();
        }
        let values = values?;
        let (ty, jsonb) = self.json_result(m, &values)?;
        let absent = m.absent.unwrap_or(m.op.leaves_out_nulls());
        let wanted = [jsonb, m.op == JsonMakeOp::ObjectAgg, absent, m.unique];
        let name = AGGREGATES.iter().find(|a| a.1 == wanted).map(|a| a.0);
        let proc = AGGREGATE_PROCS.iter().find(|p| Some(p.proname) == name);
        let proc = proc.ok_or_else(|| DbError::internal("no such JSON aggregate"))?;
        let f = FuncCall {
            name: ast::Name::bare(m.op.label().unwrap_or_default()),
            args: m.args.iter().map(|a| ast::FuncArg { name: None, value: a.value.clone() }).collect(),
            star: false,
            distinct: false,
            variadic: false,
            order_by: m.order_by.clone(),
            within_group: false,
            filter: m.filter.clone(),
            over: m.over.clone(),
        };
        let made = self.nameless_aggregate(proc, &f, values, pos)?;
        if made.ty.oid == ty.oid {
            return Ok(made);
        }
        Ok(call(Maker::of(Made::Returned), vec![made], ty, pos))
    }

    /// JSON_ARRAY of a query, whose argument is the query of an aggregate over it.
    fn json_array_of(&mut self, m: &JsonMake, pos: u32) -> Result<Expr> {
        let value = &first(m)?.value;
        if let ast::ExprKind::Subquery(q) = &value.kind
            && let QueryBody::Select(s) = &q.body
            && let [TableRef::Query(t)] = s.from.as_slice()
        {
            let columns = match written_columns(&t.query) {
                Some(n) => n,
                None => {
                    let traced = self.traced.take();
                    let bound = self.query(&t.query);
                    self.traced = traced;
                    bound?.columns.len()
                }
            };
            if columns != 1 {
                let text = "subquery must return only one column";
                return Err(DbError::new(SqlState::SYNTAX_ERROR, text).at(pos));
            }
        }
        self.expr(value)
    }
}

fn first(m: &JsonMake) -> Result<&JsonArg> {
    m.args.first().ok_or_else(|| DbError::internal("a JSON constructor lacks its argument"))
}

fn is_formatted(e: &Expr) -> bool {
    matches!(&e.kind, ExprKind::Call { proc, .. } if proc.oid == 0 && proc.proname == MAKE)
}
