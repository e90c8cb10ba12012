//! Expressions for DataFusion.
//!
//! Native there are column references, constants, AND, OR, NOT, IS NULL, IN over constants and comparisons: on the columns
//! themselves where Arrow's order is PostgreSQL's, else on their key arrays ([`rustydb_types::arrow::key_array`]). Numerics
//! of static scale have native + - *. Every other subtree becomes one function that evaluates our [`Compiled`] row by row,
//! as large as possible, so that CASE, COALESCE and AND keep their laziness.
//!
//! A column that the input lacks belongs to an enclosing query: it is read from a [`Frame`], which the operator that runs
//! this plan per outer row fills before each run.

use super::decimal;
use super::util::{ArrayFn, call};
use crate::exec::StmtCx;
use crate::exec::eval::{Compiled, Env, compile};
use crate::exec::turn::step_aside;
use crate::plan::ir::{AggCall, Col, ColId, Expr, ExprKind};
use crate::plan::walk;
use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column, ScalarValue};
use datafusion::logical_expr::expr::InList;
use datafusion::logical_expr::{BinaryExpr, Cast, Expr as DfExpr, Operator};
use parking_lot::RwLock;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::IsTest;
use rustydb_types::arrow::{DatumBuilder, arrow_type, datum_at, key_array, native_order};
use rustydb_types::collation::{INDETERMINATE, for_equality, is_icu};
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::pgdata::{self, Proc};
use rustydb_types::{cmp, oid, rowcodec};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};

/// Name of a column in DataFusion's schemas.
pub fn name(id: ColId) -> String {
    format!("c{id}")
}

/// Reference to a column by its DataFusion name.
pub fn named(name: impl Into<String>) -> DfExpr {
    DfExpr::Column(Column::new_unqualified(name))
}

/// Values of an enclosing query's current row.
#[derive(Debug)]
pub struct Frame {
    /// Which columns.
    pub cols: Vec<Col>,
    values: RwLock<Arc<[Datum]>>,
}

impl Frame {
    /// A frame with no row yet.
    pub fn new(cols: Vec<Col>) -> Frame {
        Frame { cols, values: RwLock::new(Arc::from([])) }
    }
    /// The next outer row.
    pub fn set(&self, row: Vec<Datum>) {
        *self.values.write() = row.into();
    }
    /// A column of the current outer row.
    pub fn get(&self, i: usize) -> Datum {
        self.values.read().get(i).cloned().unwrap_or_default()
    }
}

/// What expressions are lowered against.
pub struct Scope<'a> {
    /// The statement.
    pub cx: &'a Arc<StmtCx>,
    /// Arrow types of the input's columns.
    pub cols: HashMap<ColId, DataType>,
    /// Rows of enclosing queries, innermost last.
    pub frames: &'a [Arc<Frame>],
}

/// A lowered expression.
#[derive(Clone)]
pub struct Lowered {
    /// For DataFusion.
    pub expr: DfExpr,
    /// Its Arrow type.
    pub dt: DataType,
    /// Consists of native parts only: cannot fail, so the order of evaluation does not matter.
    pub native: bool,
}

/// Where a row evaluator finds an outer column.
type OuterRef = (Arc<Frame>, usize);

/// An expression ready for row-by-row evaluation over given columns and enclosing rows.
#[derive(Clone)]
pub struct RowExpr {
    compiled: Arc<Compiled>,
    cx: Arc<StmtCx>,
    outer: Arc<[OuterRef]>,
    /// Columns read, in the order of the evaluator's slots.
    pub inputs: Vec<Col>,
}

impl RowExpr {
    /// Compiles over the columns that `avail` has; others come from frames.
    pub fn new(e: &Expr, cx: &Arc<StmtCx>, frames: &[Arc<Frame>], avail: &dyn Fn(ColId) -> bool) -> Result<RowExpr> {
        let mut inputs: Vec<Col> = Vec::new();
        let mut outer: Vec<(ColId, OuterRef)> = Vec::new();
        let mut missing = None;
        walk::visit(e, &mut |x| {
            let ExprKind::Column(id) = x.kind else { return };
            if avail(id) {
                if !inputs.iter().any(|c| c.id == id) {
                    inputs.push(Col { id, ty: x.ty });
                }
            } else if !outer.iter().any(|o| o.0 == id) {
                match find_outer(frames, id) {
                    Some(r) => outer.push((id, r)),
                    None => missing = Some(id),
                }
            }
        });
        if let Some(id) = missing {
            return Err(DbError::internal(format!("column {id} is produced by no input")));
        }
        let n = inputs.len();
        let slot = |id: ColId| {
            inputs.iter().position(|c| c.id == id).or_else(|| outer.iter().position(|o| o.0 == id).map(|i| n + i))
        };
        let compiled = Arc::new(compile(e, &slot)?);
        Ok(RowExpr { compiled, cx: Arc::clone(cx), outer: outer.into_iter().map(|o| o.1).collect(), inputs })
    }

    /// Evaluates for one row given as the values of [`RowExpr::inputs`].
    pub fn eval(&self, inputs: &[Datum]) -> Result<Datum> {
        let mut row = inputs.to_vec();
        row.extend(self.outer.iter().map(|(f, i)| f.get(*i)));
        self.compiled.eval(Env { ctx: &self.cx.eval, params: &self.cx.params }, &row)
    }

    /// Evaluates for every row of arrays given for [`RowExpr::inputs`].
    pub fn eval_arrays(
        &self,
        args: &[ArrayRef],
        rows: usize,
        ty: TypeRef,
        fixed: Option<(u8, i8)>,
    ) -> Result<ArrayRef> {
        let mut out = DatumBuilder::new(ty, fixed, rows);
        let n = self.inputs.len();
        let mut row = vec![Datum::Null; n];
        row.extend(self.outer.iter().map(|(f, i)| f.get(*i)));
        let env = Env { ctx: &self.cx.eval, params: &self.cx.params };
        for r in 0..rows {
            // One row's value may take long to compute.
            self.cx.cancel.check()?;
            if r % 1024 == 0 {
                step_aside();
            }
            for (i, c) in self.inputs.iter().enumerate() {
                row[i] = datum_at(&args[i], r, c.ty)?;
            }
            out.push(&self.compiled.eval(env, &row)?)?;
        }
        Ok(out.finish())
    }
}

/// The enclosing row that has a column.
pub fn find_outer(frames: &[Arc<Frame>], id: ColId) -> Option<OuterRef> {
    frames.iter().rev().find_map(|f| f.cols.iter().position(|c| c.id == id).map(|i| (Arc::clone(f), i)))
}

/// A value as DataFusion's scalar of a given Arrow type's shape.
pub fn scalar(ty: TypeRef, fixed: Option<(u8, i8)>, d: &Datum) -> Result<ScalarValue> {
    let mut b = DatumBuilder::new(ty, fixed, 1);
    b.push(d)?;
    ScalarValue::try_from_array(&b.finish(), 0).map_err(super::util::from_df)
}

/// Precision and scale of a Decimal128.
pub fn fixed_of(dt: &DataType) -> Option<(u8, i8)> {
    match dt {
        DataType::Decimal128(p, s) => Some((*p, *s)),
        _ => None,
    }
}

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// The comparison an operator's function stands for, if its both operands are of the same kind of value.
fn comparison(proc: &Proc) -> Option<Operator> {
    static MAP: LazyLock<HashMap<u32, Operator>> = LazyLock::new(|| {
        let ops = [
            ("=", Operator::Eq),
            ("<>", Operator::NotEq),
            ("<", Operator::Lt),
            ("<=", Operator::LtEq),
            (">", Operator::Gt),
            (">=", Operator::GtEq),
        ];
        let mut m = HashMap::new();
        for (sym, op) in ops {
            for o in pgdata::operators_named(sym) {
                if is_scalar_type(o.oprleft) && is_scalar_type(o.oprright) {
                    m.insert(o.oprcode, op);
                }
            }
        }
        m
    });
    MAP.get(&proc.oid).copied()
}

/// Types whose values may be compared in Arrow form or by key.
fn is_scalar_type(o: u32) -> bool {
    matches!(
        o,
        oid::BOOL
            | oid::INT2
            | oid::INT4
            | oid::INT8
            | oid::FLOAT4
            | oid::FLOAT8
            | oid::TEXT
            | oid::VARCHAR
            | oid::BPCHAR
            | oid::NAME
            | oid::DATE
            | oid::TIME
            | oid::TIMESTAMP
            | oid::TIMESTAMPTZ
            | oid::INTERVAL
            | oid::NUMERIC
            | oid::BYTEA
            | oid::UUID
            | oid::OID
            | oid::TID
    )
}

/// Whether the function is one of the equality operators of values that can be compared as keys: those that hashing
/// agrees with. Rows are left out, as comparing rows of different shapes must fail.
pub fn is_key_equality(proc: &Proc) -> bool {
    static HASHED: LazyLock<HashSet<u32>> = LazyLock::new(|| {
        let same = |o: &&pgdata::Operator| o.oprcanhash && o.oprleft == o.oprright && o.oprleft != oid::RECORD;
        pgdata::operators_named("=").iter().copied().filter(|o| same(o)).map(|o| o.oprcode).collect()
    });
    comparison(proc) == Some(Operator::Eq) || HASHED.contains(&proc.oid)
}

fn int_rank(dt: &DataType) -> Option<u8> {
    match dt {
        DataType::Int16 => Some(1),
        DataType::Int32 => Some(2),
        DataType::Int64 => Some(3),
        _ => None,
    }
}

/// The key of a lowered value: itself where Arrow compares as PostgreSQL does.
pub fn key_of(ty: TypeRef, l: Lowered) -> Lowered {
    if native_order(ty, fixed_of(&l.dt)) {
        return l;
    }
    let dt = key_type(ty, &l.dt);
    let f: ArrayFn = Arc::new(move |a, _| key_array(ty, &a[0]));
    Lowered { expr: call("key", dt.clone(), false, vec![l.expr], f), dt, native: l.native }
}

/// Arrow type of the key of a type.
fn key_type(ty: TypeRef, dt: &DataType) -> DataType {
    match (ty.oid, dt) {
        (oid::FLOAT4 | oid::FLOAT8, _) => dt.clone(),
        (_, DataType::Utf8View) if is_icu(ty.collation) => DataType::BinaryView,
        (oid::BPCHAR, DataType::Utf8View) => DataType::Utf8View,
        _ => DataType::BinaryView,
    }
}

/// A numeric of static scale as a numeric of any scale; others unchanged.
pub fn generic(ty: TypeRef, l: Lowered) -> Lowered {
    if fixed_of(&l.dt).is_none() {
        return l;
    }
    if let DfExpr::Literal(v, _) = &l.expr
        && let Ok(a) = v.to_array()
        && let Ok(d) = datum_at(&a, 0, ty)
        && let Ok(v) = scalar(ty, None, &d)
    {
        return Lowered { expr: DfExpr::Literal(v, None), dt: arrow_type(ty, None), native: l.native };
    }
    let f: ArrayFn = Arc::new(move |a, rows| {
        let mut b = DatumBuilder::new(ty, None, rows);
        for r in 0..rows {
            b.push(&datum_at(&a[0], r, ty)?)?;
        }
        Ok(b.finish())
    });
    let dt = arrow_type(ty, None);
    Lowered { expr: call("numeric", dt.clone(), false, vec![l.expr], f), dt, native: l.native }
}

/// Brings two values to one Arrow type under which they compare as PostgreSQL compares them; `None` if there is none.
pub fn comparable(lt: TypeRef, l: Lowered, rt: TypeRef, r: Lowered) -> Option<(Lowered, Lowered)> {
    if let (Some(a), Some(b)) = (int_rank(&l.dt), int_rank(&r.dt)) {
        let widen = |x: Lowered, to: &DataType| Lowered { expr: cast(x.expr, to), dt: to.clone(), native: x.native };
        return Some(match a.cmp(&b) {
            std::cmp::Ordering::Less => (widen(l, &r.dt), r),
            std::cmp::Ordering::Greater => {
                let r = widen(r, &l.dt);
                (l, r)
            }
            std::cmp::Ordering::Equal => (l, r),
        });
    }
    if let (Some(a), Some(b)) = (fixed_of(&l.dt), fixed_of(&r.dt)) {
        let whole = (a.0 as i16 - i16::from(a.1)).max(b.0 as i16 - i16::from(b.1));
        let scale = a.1.max(b.1);
        if whole + i16::from(scale) <= 38 {
            let p = (whole + i16::from(scale)) as u8;
            return Some((decimal::rescale(l, p, scale), decimal::rescale(r, p, scale)));
        }
    }
    let (l, r) = match (fixed_of(&l.dt), fixed_of(&r.dt)) {
        (None, None) => (l, r),
        _ => (generic(lt, l), generic(rt, r)),
    };
    let texty = |t: u32| matches!(t, oid::TEXT | oid::VARCHAR | oid::NAME);
    if lt.oid != rt.oid && !(texty(lt.oid) && texty(rt.oid)) {
        return None;
    }
    let (l, r) = (key_of(lt, l), key_of(rt, r));
    (l.dt == r.dt).then_some((l, r))
}

/// A type whose values are compared by a collation, which is that of the comparison and not always the values' own.
pub fn compared_by(ty: TypeRef, collation: u32, equality: bool) -> TypeRef {
    if ty.collation == 0 {
        return ty;
    }
    let ty = TypeRef { collation, ..ty };
    if equality { for_equality(ty) } else { ty }
}

fn cast(e: DfExpr, to: &DataType) -> DfExpr {
    if let DfExpr::Literal(v, m) = &e
        && let Ok(v) = v.cast_to(to)
    {
        return DfExpr::Literal(v, m.clone());
    }
    DfExpr::Cast(Cast::new(Box::new(e), to.clone()))
}

impl Scope<'_> {
    /// Lowers an expression of any form.
    pub fn lower(&self, e: &Expr) -> Result<Lowered> {
        match stacker::maybe_grow(256 * 1024, 2 * 1024 * 1024, || self.native(e))? {
            Some(l) => Ok(l),
            None => self.wrapped(e),
        }
    }

    /// The whole expression as one row-by-row function.
    pub fn wrapped(&self, e: &Expr) -> Result<Lowered> {
        let row = RowExpr::new(e, self.cx, self.frames, &|id| self.cols.contains_key(&id))?;
        let fixed = match e.kind {
            ExprKind::Typmod { .. } => rowcodec::static_numeric(e.ty),
            _ => None,
        };
        let dt = arrow_type(e.ty, fixed);
        let mut volatile = false;
        walk::visit(e, &mut |x| volatile |= is_volatile(x));
        let args = row.inputs.iter().map(|c| named(name(c.id))).collect();
        let ty = e.ty;
        let f: ArrayFn = Arc::new(move |a, n| row.eval_arrays(a, n, ty, fixed));
        Ok(Lowered { expr: call(shown(e), dt.clone(), volatile, args, f), dt, native: false })
    }

    fn literal(&self, ty: TypeRef, d: &Datum) -> Result<Lowered> {
        let fixed = match d {
            Datum::Numeric(n) if n.is_finite() => n.as_small().and_then(|(coef, scale)| decimal::shape(coef, scale)),
            _ => None,
        };
        let v = scalar(ty, fixed, d)?;
        Ok(Lowered { expr: DfExpr::Literal(v, None), dt: arrow_type(ty, fixed), native: true })
    }

    fn native(&self, e: &Expr) -> Result<Option<Lowered>> {
        let boolean = |expr: DfExpr, native: bool| Some(Lowered { expr, dt: DataType::Boolean, native });
        Ok(match &e.kind {
            ExprKind::Const(d) => Some(self.literal(e.ty, d)?),
            ExprKind::Param(i) => {
                let d = self.cx.params.get(*i).ok_or_else(|| {
                    DbError::new(SqlState::UNDEFINED_PARAMETER, format!("there is no parameter ${}", i + 1))
                })?;
                Some(self.literal(e.ty, d)?)
            }
            ExprKind::Column(id) => match self.cols.get(id) {
                Some(dt) => Some(Lowered { expr: named(name(*id)), dt: dt.clone(), native: true }),
                None => {
                    let (frame, i) = find_outer(self.frames, *id)
                        .ok_or_else(|| DbError::internal(format!("column {id} is produced by no input")))?;
                    let ty = e.ty;
                    let f: ArrayFn = Arc::new(move |_, n| rustydb_types::arrow::repeat(ty, None, &frame.get(i), n));
                    let dt = arrow_type(e.ty, None);
                    Some(Lowered { expr: call("outer", dt.clone(), false, vec![], f), dt, native: true })
                }
            },
            ExprKind::And(v) | ExprKind::Or(v) => {
                let op = if matches!(e.kind, ExprKind::And(_)) { Operator::And } else { Operator::Or };
                let mut all: Option<DfExpr> = None;
                for x in v {
                    match self.native(x)? {
                        Some(l) if l.native => {
                            all = Some(match all {
                                Some(a) => DfExpr::BinaryExpr(BinaryExpr::new(Box::new(a), op, Box::new(l.expr))),
                                None => l.expr,
                            });
                        }
                        _ => return Ok(None),
                    }
                }
                all.and_then(|a| boolean(a, true))
            }
            ExprKind::Not(x) => {
                let l = self.lower(x)?;
                boolean(DfExpr::Not(Box::new(l.expr)), l.native)
            }
            ExprKind::IsNull { arg, negated } if !is_row(arg.ty) => {
                let l = self.lower(arg)?;
                let b = Box::new(l.expr);
                boolean(if *negated { DfExpr::IsNotNull(b) } else { DfExpr::IsNull(b) }, l.native)
            }
            ExprKind::BoolTest { arg, test } => {
                let l = self.lower(arg)?;
                // Not DataFusion's `IsTrue` and its like: they are never null, but the form they are planned to may be by its
                // type, and an aggregate refuses to be planned where the two disagree.
                let is = |op, b: bool| {
                    DfExpr::BinaryExpr(BinaryExpr::new(
                        Box::new(l.expr.clone()),
                        op,
                        Box::new(datafusion::logical_expr::lit(b)),
                    ))
                };
                let x = match test {
                    IsTest::True => is(Operator::IsNotDistinctFrom, true),
                    IsTest::NotTrue => is(Operator::IsDistinctFrom, true),
                    IsTest::False => is(Operator::IsNotDistinctFrom, false),
                    IsTest::NotFalse => is(Operator::IsDistinctFrom, false),
                    IsTest::Unknown | IsTest::Null => DfExpr::IsNull(Box::new(l.expr.clone())),
                    IsTest::NotUnknown | IsTest::NotNull => DfExpr::IsNotNull(Box::new(l.expr.clone())),
                };
                boolean(x, l.native)
            }
            ExprKind::Relabel(x) => match self.native(x)? {
                Some(l) if l.dt == arrow_type(e.ty, fixed_of(&l.dt)) && same_form(x.ty, e.ty) => Some(l),
                _ => None,
            },
            // It fails where it is evaluated.
            ExprKind::Call { collation: INDETERMINATE, .. } => None,
            ExprKind::Call { proc, args, collation } => match self.native_call(proc, args, *collation)? {
                Some(l) => Some(l),
                None => self.constant(e).and_then(|d| self.literal(e.ty, &d).ok()),
            },
            ExprKind::ArrayOp { proc, left, array, all: false, collation } if is_key_equality(proc) => {
                self.in_list(left, array, *collation)?
            }
            _ => None,
        })
    }

    fn native_call(&self, proc: &Proc, args: &[Expr], collation: u32) -> Result<Option<Lowered>> {
        let [a, b] = args else { return Ok(None) };
        if let Some(op) = comparison(proc) {
            if let Some(l) = self.date_with_timestamp(op, a, b)? {
                return Ok(Some(l));
            }
            let (Some(l), Some(r)) = (self.native(a)?, self.native(b)?) else { return Ok(None) };
            let native = l.native && r.native;
            let by = |ty| compared_by(ty, collation, matches!(op, Operator::Eq | Operator::NotEq));
            let Some((l, r)) = comparable(by(a.ty), l, by(b.ty), r) else { return Ok(None) };
            let expr = DfExpr::BinaryExpr(BinaryExpr::new(Box::new(l.expr), op, Box::new(r.expr)));
            return Ok(Some(Lowered { expr, dt: DataType::Boolean, native }));
        }
        if let Some(op) = decimal::operator(proc) {
            let (Some(l), Some(r)) = (self.native(a)?, self.native(b)?) else { return Ok(None) };
            return Ok(decimal::arithmetic(op, l, r));
        }
        Ok(None)
    }

    /// The factors of what `sum` or `avg` adds up, if it is a product of decimals that is too long for a decimal itself.
    pub fn wide_product(&self, a: &AggCall) -> Result<Option<[Lowered; 2]>> {
        let ([arg], "sum" | "avg") = (a.args.as_slice(), a.proc.proname) else { return Ok(None) };
        let ExprKind::Call { proc, args, .. } = &arg.kind else { return Ok(None) };
        let ([x, y], Some(decimal::Arith::Mul)) = (args.as_slice(), decimal::operator(proc)) else { return Ok(None) };
        if self.native(arg)?.is_some_and(|l| fixed_of(&l.dt).is_some()) {
            return Ok(None);
        }
        let (Some(l), Some(r)) = (self.native(x)?, self.native(y)?) else { return Ok(None) };
        Ok((fixed_of(&l.dt).is_some() && fixed_of(&r.dt).is_some()).then_some([l, r]))
    }

    /// The value of an expression that reads no column, if it has one.
    fn constant(&self, e: &Expr) -> Option<Datum> {
        let mut plain = true;
        walk::visit(e, &mut |x| {
            plain &= !matches!(x.kind, ExprKind::Column(_) | ExprKind::Subquery(_)) && !is_volatile(x)
        });
        if !plain {
            return None;
        }
        // An expression that fails must fail where it is evaluated, if it is.
        compile(e, &|_| None).ok()?.eval(Env { ctx: &self.cx.eval, params: &self.cx.params }, &[]).ok()
    }

    /// A date compared with a constant timestamp, as a comparison of dates.
    fn date_with_timestamp(&self, op: Operator, a: &Expr, b: &Expr) -> Result<Option<Lowered>> {
        if a.ty.oid != oid::DATE || b.ty.oid != oid::TIMESTAMP {
            return Ok(None);
        }
        let Some(Datum::Timestamp(t)) = self.constant(b) else { return Ok(None) };
        let days = t.div_euclid(DAY);
        let exact = t.rem_euclid(DAY) == 0;
        let day = match op {
            Operator::LtEq | Operator::Gt => days,
            Operator::Lt | Operator::GtEq => days + i64::from(!exact),
            Operator::Eq | Operator::NotEq if exact => days,
            _ => return Ok(None),
        };
        // Infinities compare as what they are.
        let Some(day) = i32::try_from(day).ok().filter(|_| t != i64::MAX && t != i64::MIN) else { return Ok(None) };
        let Some(l) = self.native(a)? else { return Ok(None) };
        let r = self.literal(a.ty, &Datum::Date(day))?;
        let expr = DfExpr::BinaryExpr(BinaryExpr::new(Box::new(l.expr), op, Box::new(r.expr)));
        Ok(Some(Lowered { expr, dt: DataType::Boolean, native: l.native }))
    }

    /// `left = ANY (ARRAY[constants])`.
    fn in_list(&self, left: &Expr, array: &Expr, collation: u32) -> Result<Option<Lowered>> {
        let by = compared_by(left.ty, collation, true);
        let items: Vec<(TypeRef, Datum)> = match &array.kind {
            ExprKind::Array { items, nested: false } => {
                let mut v = Vec::with_capacity(items.len());
                for i in items {
                    match &i.kind {
                        ExprKind::Const(d) => v.push((i.ty, d.clone())),
                        _ => return Ok(None),
                    }
                }
                v
            }
            ExprKind::Const(Datum::Array(a)) if a.dims.len() == 1 => {
                let ty = TypeRef::new(a.elem);
                a.items.iter().map(|d| (ty, d.clone())).collect()
            }
            _ => return Ok(None),
        };
        let Some(l) = self.native(left)? else { return Ok(None) };
        if items.is_empty() || fixed_of(&l.dt).is_some() || !native_order(by, None) {
            return Ok(None);
        }
        let mut list = Vec::with_capacity(items.len());
        for (ty, d) in items {
            let texty = |t: u32| matches!(t, oid::TEXT | oid::VARCHAR | oid::NAME);
            if ty.oid != left.ty.oid && !(texty(ty.oid) && texty(left.ty.oid)) {
                return Ok(None);
            }
            list.push(DfExpr::Literal(scalar(ty, None, &d)?, None));
        }
        let expr = DfExpr::InList(InList::new(Box::new(l.expr), list, false));
        Ok(Some(Lowered { expr, dt: DataType::Boolean, native: l.native }))
    }
}

/// Whether two types keep their values in the same variant and the same Arrow form.
fn same_form(a: TypeRef, b: TypeRef) -> bool {
    let texty = |t: u32| matches!(t, oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::NAME | oid::UNKNOWN);
    a.oid == b.oid || (texty(a.oid) && texty(b.oid)) || (oid::is_oid_like(a.oid) && oid::is_oid_like(b.oid))
}

fn is_row(ty: TypeRef) -> bool {
    ty.oid == oid::RECORD || pgdata::pg_type(ty.oid).is_none_or(|t| t.typtype == 'c')
}

/// Whether this node (not its children) answers differently each time.
pub fn is_volatile(e: &Expr) -> bool {
    match &e.kind {
        ExprKind::Call { proc, .. } => proc.provolatile == 'v',
        ExprKind::NextVal(_) => true,
        _ => false,
    }
}

/// A short name for plans.
fn shown(e: &Expr) -> &str {
    match &e.kind {
        ExprKind::Call { proc, .. } => proc.proname,
        ExprKind::Case { .. } => "case",
        ExprKind::Coalesce(_) => "coalesce",
        ExprKind::And(_) => "and",
        ExprKind::Or(_) => "or",
        _ => "expr",
    }
}

/// Order of two values for sorting, with NULLs where the key wants them.
pub fn sort_order(ty: TypeRef, desc: bool, nulls_first: bool, a: &Datum, b: &Datum) -> std::cmp::Ordering {
    use std::cmp::Ordering as O;
    match (a.is_null(), b.is_null()) {
        (true, true) => O::Equal,
        (true, false) => {
            if nulls_first {
                O::Less
            } else {
                O::Greater
            }
        }
        (false, true) => {
            if nulls_first {
                O::Greater
            } else {
                O::Less
            }
        }
        (false, false) => {
            let o = cmp::compare(ty, ty.collation, a, b);
            if desc { o.reverse() } else { o }
        }
    }
}
