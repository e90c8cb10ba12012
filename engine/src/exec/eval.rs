//! Expressions compiled against a row layout and evaluated value by value.
//!
//! A bound [`ir::Expr`] names columns by id; [`compile`] turns ids into slots of a row, looks every kernel up once and
//! folds nothing: what it answers is a tree that [`Compiled::eval`] walks. Both executors use it: point programs on
//! stored rows, and the DataFusion path inside a scalar function for whatever has no native form there.
//!
//! Rules: a strict function is not called with a NULL argument; AND and OR stop at the first decisive operand; CASE and
//! COALESCE evaluate only what they need. Subqueries do not occur here: the planner has turned them into joins or columns.

use super::{assign, fixed, turn};
use crate::plan::ir::{ColId, Expr, ExprKind, Subscript};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{IsTest, SqlValue};
use rustydb_types::collation::{
    INDETERMINATE, exact_purpose, for_equality, is_deterministic, nondeterministic, purpose, undetermined,
};
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::{ArrayValue, Datum, TypeRef};
use rustydb_types::funcs::collated;
use rustydb_types::host::{self, HostCall};
use rustydb_types::kernel::{CallInfo, KernelBody, ScalarFn};
use rustydb_types::pgdata::Proc;
use rustydb_types::typmod::apply_typmod;
use rustydb_types::{cmp, io, oid, registry};
use smallvec::SmallVec;
use std::cmp::Ordering;
use std::sync::Arc;

/// What an evaluation reads besides its row.
#[derive(Clone, Copy)]
pub struct Env<'a> {
    /// Statement context.
    pub ctx: &'a EvalCtx,
    /// Parameters of the statement.
    pub params: &'a [Datum],
}

/// A compiled expression.
#[derive(Clone, Debug)]
pub struct Compiled {
    node: Node,
    /// Type of the value.
    pub ty: TypeRef,
}

/// A function ready to be called.
#[derive(Clone)]
pub(crate) struct Func {
    body: Code,
    strict: bool,
    args: Arc<[TypeRef]>,
    result: TypeRef,
    collation: u32,
}

/// What a function runs.
#[derive(Clone, Copy)]
enum Code {
    /// A kernel.
    Kernel(ScalarFn),
    /// Statements, by the session.
    Hosted(&'static Proc),
    /// 42P22: it depends on a collation, which could not be derived.
    Undetermined(&'static str),
    /// 0A000: the collation is not deterministic.
    Inexact(&'static str),
}

impl std::fmt::Debug for Func {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Func({} args)", self.args.len())
    }
}

/// Bytes of an argument from which on a kernel is not run among a worker's other tasks.
const LONG: usize = 1 << 20;

fn is_long(d: &Datum) -> bool {
    match d {
        Datum::Text(s) => s.len() >= LONG,
        Datum::Bytes(b) => b.len() >= LONG,
        _ => false,
    }
}

impl Func {
    /// Calls it; a strict function of a NULL is NULL.
    pub(crate) fn call(&self, ctx: &EvalCtx, args: &[Datum]) -> Result<Datum> {
        if self.strict && args.iter().any(Datum::is_null) {
            return Ok(Datum::Null);
        }
        self.run(ctx, args)
    }

    fn run(&self, ctx: &EvalCtx, args: &[Datum]) -> Result<Datum> {
        match self.body {
            Code::Kernel(f) => {
                let info = CallInfo { args: &self.args, result: self.result, collation: self.collation };
                if args.iter().any(is_long) { turn::aside(|| f(ctx, &info, args)) } else { f(ctx, &info, args) }
            }
            Code::Undetermined(what) => Err(undetermined(what)),
            Code::Inexact(what) => Err(nondeterministic(what)),
            Code::Hosted(proc) => {
                let (args, types) = (args.to_vec(), self.args.to_vec());
                host::call_scalar(ctx, HostCall { proc, args, types, result: self.result })
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Node {
    Const(Datum),
    Slot(usize),
    Param(usize),
    CaseValue,
    /// A call, and which of its arguments are computed first: constants that make a strict call NULL before the others are
    /// looked at.
    Call(Func, Vec<Node>, SmallVec<[usize; 2]>),
    And(Vec<Node>),
    Or(Vec<Node>),
    Not(Box<Node>),
    IsNull(Box<Node>, bool),
    BoolTest(Box<Node>, IsTest),
    Distinct {
        eq: Func,
        left: Box<Node>,
        right: Box<Node>,
        negated: bool,
    },
    Case {
        operand: Option<Box<Node>>,
        whens: Vec<(Node, Node)>,
        otherwise: Box<Node>,
    },
    Coalesce(Vec<Node>),
    MinMax {
        args: Vec<Node>,
        greatest: bool,
        ty: TypeRef,
    },
    NullIf {
        eq: Func,
        left: Box<Node>,
        right: Box<Node>,
    },
    ArrayOp {
        f: Func,
        left: Box<Node>,
        array: Box<Node>,
        all: bool,
    },
    /// `left = ANY (constant array)` with the items sorted by their type's order.
    InSet {
        left: Box<Node>,
        items: Arc<[Datum]>,
        has_null: bool,
        ty: TypeRef,
        negated: bool,
    },
    Array {
        items: Vec<Node>,
        nested: bool,
        elem: u32,
    },
    Row(Vec<(Node, TypeRef)>),
    Field(Box<Node>, usize),
    Subscript {
        arg: Box<Node>,
        steps: Vec<Step>,
        slice: bool,
        /// The argument's type if it is no array but has a fixed number of elements.
        fixed: Option<u32>,
    },
    RowCompare {
        strategy: u8,
        left: Vec<Node>,
        right: Vec<Node>,
        types: Vec<TypeRef>,
    },
    ViaIo {
        arg: Box<Node>,
        from: TypeRef,
        to: TypeRef,
    },
    Relabel {
        arg: Box<Node>,
        to: TypeRef,
    },
    SetField {
        row: Box<Node>,
        types: Vec<TypeRef>,
        index: usize,
        value: Box<Node>,
    },
    SetElement {
        array: Box<Node>,
        elem: u32,
        fixed: Option<u32>,
        steps: Vec<Step>,
        slice: bool,
        value: Box<Node>,
    },
    Domain {
        arg: Box<Node>,
        ty: u32,
    },
    Typmod {
        arg: Box<Node>,
        ty: TypeRef,
        explicit: bool,
    },
    ArrayMap {
        arg: Box<Node>,
        elem: Box<Node>,
        ty: u32,
    },
    SqlValue(SqlValue, TypeRef),
    NextVal(u32),
}

#[derive(Clone, Debug)]
enum Step {
    Index(Node),
    Slice(Option<Node>, Option<Node>),
}

/// Finds the scalar body of a function, with 0A000 when RustyDB does not have it.
pub fn scalar_body(proc: &Proc) -> Result<ScalarFn> {
    match registry::kernel_of(proc).map(|k| k.body) {
        Some(KernelBody::Scalar(f) | KernelBody::Vector(f, _)) => Ok(f),
        Some(KernelBody::Set(_)) => {
            Err(DbError::unsupported("set-valued function called in context that cannot accept a set"))
        }
        None => Err(DbError::unsupported(format!("function {} is not supported yet", registry::signature(proc)))),
    }
}

/// A function for arguments and a result of these types; 0A000 when RustyDB does not have it.
pub(crate) fn func(
    proc: &'static Proc,
    args: impl IntoIterator<Item = TypeRef>,
    result: TypeRef,
    collation: u32,
) -> Result<Func> {
    let unknown = if collation == INDETERMINATE { purpose(proc.proname) } else { None };
    let body = if let Some(what) = unknown {
        Code::Undetermined(what)
    } else if host::needs_host(proc) {
        Code::Hosted(proc)
    } else if let Some(what) = inexact(proc, collation) {
        Code::Inexact(what)
    } else if let Some(f) = collated::kernel(&proc.prosrc, collation) {
        Code::Kernel(f)
    } else {
        Code::Kernel(scalar_body(proc)?)
    };
    Ok(Func { body, strict: proc.proisstrict, args: args.into_iter().collect(), result, collation })
}

/// What a function cannot do because the collation is not deterministic, as messages call it.
pub(super) fn inexact(proc: &Proc, collation: u32) -> Option<&'static str> {
    if is_deterministic(collation) { None } else { exact_purpose(proc.proname, &proc.prosrc) }
}

/// Whether an expression is NULL by its form: a constant, or a strict call of one.
pub(super) fn null_constant(e: &Expr) -> bool {
    match &e.kind {
        ExprKind::Const(d) => d.is_null(),
        ExprKind::Call { proc, args, .. } => proc.proisstrict && !proc.proretset && args.iter().any(null_constant),
        ExprKind::Relabel(x) | ExprKind::ViaIo(x) => null_constant(x),
        ExprKind::Typmod { arg, .. } => null_constant(arg),
        _ => false,
    }
}

/// The arguments of a strict call that are computed of constants, if others are not: PostgreSQL has computed them when it
/// planned the statement, and a NULL among them has taken the place of the call.
fn leading_constants(args: &[Expr]) -> SmallVec<[usize; 2]> {
    let is_value = |e: &Expr| matches!(e.kind, ExprKind::Const(_));
    let unknown = args.iter().filter(|a| !is_value(a)).count();
    if unknown < 2 || args.iter().all(|a| is_value(a) || matches!(a.kind, ExprKind::Column(_))) {
        return SmallVec::new();
    }
    let found: SmallVec<[usize; 2]> =
        (0..args.len()).filter(|&i| !is_value(&args[i]) && super::constants::is_constant(&args[i])).collect();
    if found.len() < unknown { found } else { SmallVec::new() }
}

/// Compiles an expression; `slot` tells where a column's value is in the row.
pub fn compile(e: &Expr, slot: &dyn Fn(ColId) -> Option<usize>) -> Result<Compiled> {
    Ok(Compiled { node: stacked(e, slot)?, ty: e.ty })
}

fn stacked(e: &Expr, slot: &dyn Fn(ColId) -> Option<usize>) -> Result<Node> {
    stacker::maybe_grow(128 * 1024, 1024 * 1024, || node(e, slot))
}

fn node(e: &Expr, slot: &dyn Fn(ColId) -> Option<usize>) -> Result<Node> {
    let one = |x: &Expr| stacked(x, slot);
    let boxed = |x: &Expr| stacked(x, slot).map(Box::new);
    let many = |v: &[Expr]| v.iter().map(|x| stacked(x, slot)).collect::<Result<Vec<_>>>();
    let bool_ty = TypeRef { oid: oid::BOOL, typmod: -1, collation: 0 };
    Ok(match &e.kind {
        ExprKind::Const(d) => Node::Const(d.clone()),
        ExprKind::Param(i) => Node::Param(*i),
        ExprKind::Column(id) => {
            Node::Slot(slot(*id).ok_or_else(|| DbError::internal(format!("column {id} is not in the row")))?)
        }
        ExprKind::CaseValue => Node::CaseValue,
        ExprKind::Call { proc, args, collation } => {
            let f = func(proc, args.iter().map(|a| a.ty), e.ty, *collation)?;
            if f.strict && args.iter().any(null_constant) {
                // NULL before any row is seen, whatever the other arguments are. The constant ones among them were computed
                // when the statement was planned.
                Node::Const(Datum::Null)
            } else {
                let first = if f.strict { leading_constants(args) } else { SmallVec::new() };
                Node::Call(f, many(args)?, first)
            }
        }
        ExprKind::And(v) => Node::And(many(v)?),
        ExprKind::Or(v) => Node::Or(many(v)?),
        ExprKind::Not(x) => Node::Not(boxed(x)?),
        ExprKind::IsNull { arg, negated } => Node::IsNull(boxed(arg)?, *negated),
        ExprKind::BoolTest { arg, test } => Node::BoolTest(boxed(arg)?, *test),
        ExprKind::Distinct { eq, left, right, negated, collation } => Node::Distinct {
            eq: func(eq, [left.ty, right.ty], bool_ty, *collation)?,
            left: boxed(left)?,
            right: boxed(right)?,
            negated: *negated,
        },
        ExprKind::Case { operand, whens, otherwise } => Node::Case {
            operand: operand.as_ref().map(|o| boxed(o)).transpose()?,
            whens: whens.iter().map(|(w, t)| Ok((one(w)?, one(t)?))).collect::<Result<_>>()?,
            otherwise: boxed(otherwise)?,
        },
        ExprKind::Coalesce(v) => Node::Coalesce(many(v)?),
        ExprKind::MinMax { args, greatest, collation } => {
            Node::MinMax { args: many(args)?, greatest: *greatest, ty: TypeRef { collation: *collation, ..e.ty } }
        }
        ExprKind::NullIf { eq, left, right, collation } => Node::NullIf {
            eq: func(eq, [left.ty, right.ty], bool_ty, *collation)?,
            left: boxed(left)?,
            right: boxed(right)?,
        },
        ExprKind::ArrayOp { proc, left, array, all, collation } => {
            let elem_ty = match &array.kind {
                ExprKind::Array { items, .. } => items.first().map(|i| i.ty),
                _ => None,
            }
            .unwrap_or_else(|| crate::bind::type_ref(oid::array_element(array.ty.oid).unwrap_or(left.ty.oid)));
            if let Some(set) = in_set(proc, left, array, *all, *collation, slot)? {
                return Ok(set);
            }
            Node::ArrayOp {
                f: func(proc, [left.ty, elem_ty], bool_ty, *collation)?,
                left: boxed(left)?,
                array: boxed(array)?,
                all: *all,
            }
        }
        ExprKind::Array { items, nested } => Node::Array {
            items: many(items)?,
            nested: *nested,
            elem: oid::array_element(e.ty.oid).unwrap_or(oid::TEXT),
        },
        ExprKind::Row(v) | ExprKind::WholeRow(v) => {
            // A literal that nothing gave a type is a text.
            let ty = |x: &Expr| if x.ty.oid == oid::UNKNOWN { TypeRef::new(oid::TEXT) } else { x.ty };
            Node::Row(v.iter().map(|x| Ok((one(x)?, ty(x)))).collect::<Result<_>>()?)
        }
        ExprKind::Field(x, i) => Node::Field(boxed(x)?, *i),
        ExprKind::Subscript { arg, steps } => Node::Subscript {
            fixed: fixed_elements(arg.ty),
            arg: boxed(arg)?,
            slice: steps.iter().any(|s| matches!(s, Subscript::Slice(..))),
            steps: compiled_steps(steps, slot)?,
        },
        ExprKind::RowCompare { strategy, left, right, collations } => Node::RowCompare {
            strategy: *strategy,
            types: left.iter().zip(collations).map(|(l, c)| TypeRef { collation: *c, ..l.ty }).collect(),
            left: many(left)?,
            right: many(right)?,
        },
        ExprKind::ViaIo(x) => Node::ViaIo { arg: boxed(x)?, from: x.ty, to: e.ty },
        ExprKind::Relabel(x) => Node::Relabel { arg: boxed(x)?, to: e.ty },
        ExprKind::SetField { row, types, index, value } => {
            Node::SetField { row: boxed(row)?, types: types.clone(), index: *index, value: boxed(value)? }
        }
        ExprKind::SetElement { array, steps, value } => Node::SetElement {
            array: boxed(array)?,
            elem: oid::array_element(e.ty.oid).unwrap_or(oid::TEXT),
            fixed: fixed_elements(e.ty),
            slice: steps.iter().any(|s| matches!(s, Subscript::Slice(..))),
            steps: compiled_steps(steps, slot)?,
            value: boxed(value)?,
        },
        ExprKind::Domain(x) => Node::Domain { arg: boxed(x)?, ty: e.ty.oid },
        ExprKind::Typmod { arg, explicit } => Node::Typmod { arg: boxed(arg)?, ty: e.ty, explicit: *explicit },
        ExprKind::ArrayMap { arg, elem } => Node::ArrayMap {
            arg: boxed(arg)?,
            elem: boxed(elem)?,
            ty: oid::array_element(e.ty.oid).unwrap_or(oid::TEXT),
        },
        ExprKind::SqlValue(v) => Node::SqlValue(*v, e.ty),
        ExprKind::NextVal(seq) => Node::NextVal(*seq),
        ExprKind::Subquery(_) => return Err(DbError::internal("subquery reached the evaluator")),
        ExprKind::SetToDefault => return Err(DbError::internal("DEFAULT reached the evaluator")),
    })
}

/// The type if its values are subscripted without being arrays.
fn fixed_elements(ty: TypeRef) -> Option<u32> {
    let base = rustydb_types::usertype::base(ty).oid;
    fixed::element(base).map(|_| base)
}

fn compiled_steps(steps: &[Subscript], slot: &dyn Fn(ColId) -> Option<usize>) -> Result<Vec<Step>> {
    let one = |x: &Expr| stacked(x, slot);
    steps
        .iter()
        .map(|s| {
            Ok(match s {
                Subscript::Index(x) => Step::Index(one(x)?),
                Subscript::Slice(a, b) => {
                    Step::Slice(a.as_ref().map(one).transpose()?, b.as_ref().map(one).transpose()?)
                }
            })
        })
        .collect()
}

/// A long constant list tested for equality becomes a sorted set.
fn in_set(
    proc: &Proc,
    left: &Expr,
    array: &Expr,
    all: bool,
    collation: u32,
    slot: &dyn Fn(ColId) -> Option<usize>,
) -> Result<Option<Node>> {
    let items: Vec<&Datum> = match &array.kind {
        ExprKind::Array { items, nested: false } => {
            let same_type = items.iter().all(|i| i.ty.oid == left.ty.oid);
            match items.iter().map(Expr::as_const).collect::<Option<Vec<_>>>() {
                Some(v) if same_type => v,
                _ => return Ok(None),
            }
        }
        ExprKind::Const(Datum::Array(a)) if a.elem == left.ty.oid && a.dims.len() == 1 => a.items.iter().collect(),
        _ => return Ok(None),
    };
    let eq =
        rustydb_types::pgdata::operator_exact("=", left.ty.oid, left.ty.oid).is_some_and(|o| o.oprcode == proc.oid);
    let ne =
        rustydb_types::pgdata::operator_exact("<>", left.ty.oid, left.ty.oid).is_some_and(|o| o.oprcode == proc.oid);
    if items.len() < 9 || !((eq && !all) || (ne && all)) || collation == INDETERMINATE {
        return Ok(None);
    }
    let mut set = Vec::with_capacity(items.len());
    let mut has_null = false;
    for i in items {
        match i {
            Datum::Null => has_null = true,
            d => set.push(d.clone()),
        }
    }
    let ty = for_equality(TypeRef { collation, ..left.ty });
    set.sort_by(|a, b| cmp::compare(ty, ty.collation, a, b));
    Ok(Some(Node::InSet { left: Box::new(stacked(left, slot)?), items: set.into(), has_null, ty, negated: ne }))
}

/// Three-valued truth of a boolean value.
fn truth(d: &Datum) -> Option<bool> {
    match d {
        Datum::Bool(b) => Some(*b),
        _ => None,
    }
}

fn from_truth(t: Option<bool>) -> Datum {
    t.map_or(Datum::Null, Datum::Bool)
}

impl Compiled {
    /// Evaluates over a row.
    pub fn eval(&self, env: Env<'_>, row: &[Datum]) -> Result<Datum> {
        run(&self.node, env, row, &Datum::Null)
    }

    /// Evaluates a predicate: NULL is false.
    pub fn test(&self, env: Env<'_>, row: &[Datum]) -> Result<bool> {
        Ok(matches!(self.eval(env, row)?, Datum::Bool(true)))
    }

    /// The slot, if this is a plain column.
    pub fn as_slot(&self) -> Option<usize> {
        match self.node {
            Node::Slot(i) => Some(i),
            _ => None,
        }
    }

    /// Whether the value is the same for every row (no slots, no volatile or session-dependent calls inside are
    /// checked: callers know their expression).
    pub fn is_const(&self) -> bool {
        matches!(self.node, Node::Const(_))
    }
}

fn run(n: &Node, env: Env<'_>, row: &[Datum], case: &Datum) -> Result<Datum> {
    match n {
        Node::Const(d) => Ok(d.clone()),
        Node::Slot(i) => Ok(row[*i].clone()),
        Node::Param(i) => env
            .params
            .get(*i)
            .cloned()
            .ok_or_else(|| DbError::new(SqlState::UNDEFINED_PARAMETER, format!("there is no parameter ${}", i + 1))),
        Node::CaseValue => Ok(case.clone()),
        Node::Call(f, args, first) => {
            for &i in first {
                if nested(&args[i], env, row, case)?.is_null() {
                    return Ok(Datum::Null);
                }
            }
            let mut v: SmallVec<[Datum; 4]> = SmallVec::with_capacity(args.len());
            // All of them, even behind a NULL: an error in a later one is the call's answer.
            for a in args {
                v.push(nested(a, env, row, case)?);
            }
            f.call(env.ctx, &v)
        }
        Node::And(v) => {
            let mut unknown = false;
            for x in v {
                match truth(&nested(x, env, row, case)?) {
                    Some(false) => return Ok(Datum::Bool(false)),
                    Some(true) => {}
                    None => unknown = true,
                }
            }
            Ok(if unknown { Datum::Null } else { Datum::Bool(true) })
        }
        Node::Or(v) => {
            let mut unknown = false;
            for x in v {
                match truth(&nested(x, env, row, case)?) {
                    Some(true) => return Ok(Datum::Bool(true)),
                    Some(false) => {}
                    None => unknown = true,
                }
            }
            Ok(if unknown { Datum::Null } else { Datum::Bool(false) })
        }
        Node::Not(x) => Ok(from_truth(truth(&nested(x, env, row, case)?).map(|b| !b))),
        Node::IsNull(x, negated) => {
            let d = nested(x, env, row, case)?;
            Ok(Datum::Bool(match &d {
                // A row is NULL when all its fields are, and not NULL when none is.
                Datum::Row(fields) => fields.iter().all(|f| f.1.is_null() != *negated),
                d => d.is_null() != *negated,
            }))
        }
        Node::BoolTest(x, test) => {
            let t = truth(&nested(x, env, row, case)?);
            Ok(Datum::Bool(match test {
                IsTest::True => t == Some(true),
                IsTest::NotTrue => t != Some(true),
                IsTest::False => t == Some(false),
                IsTest::NotFalse => t != Some(false),
                IsTest::Unknown | IsTest::Null => t.is_none(),
                IsTest::NotUnknown | IsTest::NotNull => t.is_some(),
            }))
        }
        Node::Distinct { eq, left, right, negated } => {
            let (l, r) = (nested(left, env, row, case)?, nested(right, env, row, case)?);
            let distinct = match (l.is_null(), r.is_null()) {
                (true, true) => false,
                (true, false) | (false, true) => true,
                _ => truth(&eq.call(env.ctx, &[l, r])?) != Some(true),
            };
            Ok(Datum::Bool(distinct != *negated))
        }
        Node::Case { operand, whens, otherwise } => {
            let value = match operand {
                Some(o) => Some(nested(o, env, row, case)?),
                None => None,
            };
            for (w, t) in whens {
                if truth(&nested(w, env, row, value.as_ref().unwrap_or(case))?) == Some(true) {
                    return nested(t, env, row, case);
                }
            }
            nested(otherwise, env, row, case)
        }
        Node::Coalesce(v) => {
            for x in v {
                let d = nested(x, env, row, case)?;
                if !d.is_null() {
                    return Ok(d);
                }
            }
            Ok(Datum::Null)
        }
        Node::MinMax { args, greatest, ty } => {
            let mut best = Datum::Null;
            for x in args {
                let d = nested(x, env, row, case)?;
                if d.is_null() {
                    continue;
                }
                let better = best.is_null() || {
                    let o = cmp::compare(*ty, ty.collation, &d, &best);
                    if *greatest { o == Ordering::Greater } else { o == Ordering::Less }
                };
                if better {
                    best = d;
                }
            }
            Ok(best)
        }
        Node::NullIf { eq, left, right } => {
            let l = nested(left, env, row, case)?;
            let r = nested(right, env, row, case)?;
            let equal = truth(&eq.call(env.ctx, &[l.clone(), r])?) == Some(true);
            Ok(if equal { Datum::Null } else { l })
        }
        Node::ArrayOp { f, left, array, all } => array_op(f, left, array, *all, env, row, case),
        Node::InSet { left, items, has_null, ty, negated } => {
            let l = nested(left, env, row, case)?;
            if l.is_null() {
                return Ok(Datum::Null);
            }
            let found = items.binary_search_by(|x| cmp::compare(*ty, ty.collation, x, &l)).is_ok();
            Ok(match (found, has_null) {
                (true, _) => Datum::Bool(!*negated),
                (false, true) => Datum::Null,
                (false, false) => Datum::Bool(*negated),
            })
        }
        Node::Array { items, nested: sub, elem } => {
            let values = items.iter().map(|x| nested(x, env, row, case)).collect::<Result<Vec<_>>>()?;
            if *sub { stack_arrays(values, *elem) } else { Ok(one_dimension(values, *elem)) }
        }
        Node::Row(v) => {
            let fields = v.iter().map(|(x, t)| Ok((*t, nested(x, env, row, case)?))).collect::<Result<Vec<_>>>()?;
            Ok(Datum::Row(fields.into()))
        }
        Node::Field(x, i) => match nested(x, env, row, case)? {
            Datum::Row(f) => Ok(f.get(*i).map_or(Datum::Null, |f| f.1.clone())),
            _ => Ok(Datum::Null),
        },
        Node::Subscript { arg, steps, slice, fixed } => subscript((arg, *fixed), steps, *slice, env, row, case),
        Node::RowCompare { strategy, left, right, types } => {
            for ((l, r), ty) in left.iter().zip(right).zip(types) {
                let (l, r) = (nested(l, env, row, case)?, nested(r, env, row, case)?);
                if l.is_null() || r.is_null() {
                    return Ok(Datum::Null);
                }
                let o = cmp::compare(*ty, ty.collation, &l, &r);
                if o != Ordering::Equal {
                    return Ok(Datum::Bool(if *strategy <= 2 { o == Ordering::Less } else { o == Ordering::Greater }));
                }
            }
            Ok(Datum::Bool(matches!(strategy, 2 | 4)))
        }
        Node::ViaIo { arg, from, to } => {
            let d = nested(arg, env, row, case)?;
            if d.is_null() {
                return Ok(Datum::Null);
            }
            let mut out = Vec::new();
            io::text_out(
                io::OutCtx { fmt: &env.ctx.fmt, session: Some(env.ctx.session.as_ref()) },
                *from,
                &d,
                &mut out,
            )?;
            let text = String::from_utf8(out).map_err(|_| DbError::internal("text form is not UTF-8"))?;
            io::text_in(env.ctx, *to, &text)
        }
        Node::Relabel { arg, to } => {
            let d = nested(arg, env, row, case)?;
            Ok(relabel(*to, d))
        }
        Node::SetField { row: r, types, index, value } => {
            let old = nested(r, env, row, case)?;
            assign::set_field(&old, types, *index, nested(value, env, row, case)?)
        }
        Node::SetElement { array, elem, fixed, steps, slice, value } => {
            let old = nested(array, env, row, case)?;
            let new = nested(value, env, row, case)?;
            set_element(&old, (*elem, *fixed), steps, *slice, new, &|n| nested(n, env, row, case))
        }
        Node::Domain { arg, ty } => {
            let d = nested(arg, env, row, case)?;
            env.ctx.session.check_domain(env.ctx, *ty, &d)?;
            Ok(d)
        }
        Node::Typmod { arg, ty, explicit } => {
            let d = nested(arg, env, row, case)?;
            if d.is_null() { Ok(d) } else { apply_typmod(*ty, d, *explicit) }
        }
        Node::ArrayMap { arg, elem, ty } => match nested(arg, env, row, case)? {
            Datum::Array(a) => {
                let items = a.items.iter().map(|x| nested(elem, env, row, x)).collect::<Result<Vec<_>>>()?;
                Ok(Datum::Array(Arc::new(ArrayValue { elem: *ty, dims: a.dims.clone(), items })))
            }
            _ => Ok(Datum::Null),
        },
        Node::SqlValue(v, ty) => sql_value(*v, *ty, env),
        Node::NextVal(seq) => crate::functions::access(env.ctx)?.identity_value(*seq).map(Datum::Int8),
    }
}

/// [`run`] with room on the stack: expressions may nest thousands deep.
fn nested(n: &Node, env: Env<'_>, row: &[Datum], case: &Datum) -> Result<Datum> {
    match n {
        Node::Const(d) => Ok(d.clone()),
        Node::Slot(i) => Ok(row[*i].clone()),
        _ => stacker::maybe_grow(64 * 1024, 1024 * 1024, || run(n, env, row, case)),
    }
}

/// A value under a binary-coercible type: the same bits, in the variant that the type's values have.
pub fn relabel(to: TypeRef, d: Datum) -> Datum {
    match (to.oid, d) {
        (oid::INT4, Datum::Oid(v)) => Datum::Int4(v as i32),
        (o, Datum::Int4(v)) if o == oid::OID || oid::is_reg(o) => Datum::Oid(v as u32),
        // The elements of an array are shown as its type says.
        (o, Datum::Array(a)) => match oid::array_element(o) {
            Some(e) if e != a.elem && (oid::is_reg(e) || oid::is_reg(a.elem)) => {
                Datum::Array(Arc::new(ArrayValue { elem: e, ..(*a).clone() }))
            }
            _ => Datum::Array(a),
        },
        (_, d) => d,
    }
}

fn array_op(
    f: &Func,
    left: &Node,
    array: &Node,
    all: bool,
    env: Env<'_>,
    row: &[Datum],
    case: &Datum,
) -> Result<Datum> {
    let l = nested(left, env, row, case)?;
    let Datum::Array(a) = nested(array, env, row, case)? else { return Ok(Datum::Null) };
    if a.items.is_empty() {
        return Ok(Datum::Bool(all));
    }
    if l.is_null() && f.strict {
        return Ok(Datum::Null);
    }
    let mut unknown = false;
    for x in &a.items {
        match truth(&f.call(env.ctx, &[l.clone(), x.clone()])?) {
            Some(b) if b != all => return Ok(Datum::Bool(!all)),
            Some(_) => {}
            None => unknown = true,
        }
    }
    Ok(if unknown { Datum::Null } else { Datum::Bool(all) })
}

/// A one-dimensional array of values; no values give the empty array.
pub fn one_dimension(items: Vec<Datum>, elem: u32) -> Datum {
    let dims = if items.is_empty() { vec![] } else { vec![(i32::try_from(items.len()).unwrap_or(i32::MAX), 1)] };
    Datum::Array(Arc::new(ArrayValue { elem, dims, items }))
}

/// Arrays of equal shape stacked into one with one more dimension; NULL and empty arrays vanish as in PostgreSQL.
pub fn stack_arrays(values: Vec<Datum>, elem: u32) -> Result<Datum> {
    let mismatch = || {
        DbError::new(
            SqlState::ARRAY_SUBSCRIPT_ERROR,
            "multidimensional arrays must have array expressions with matching dimensions",
        )
    };
    let mut shape: Option<Vec<(i32, i32)>> = None;
    let mut items = Vec::new();
    let (mut n, mut empty) = (0i32, 0);
    for v in values {
        match v {
            Datum::Array(a) if !a.dims.is_empty() => {
                match &shape {
                    None => shape = Some(a.dims.clone()),
                    Some(s) if *s == a.dims => {}
                    Some(_) => return Err(mismatch()),
                }
                n += 1;
                items.extend(a.items.iter().cloned());
            }
            _ => empty += 1,
        }
    }
    let Some(shape) = shape else { return Ok(one_dimension(vec![], elem)) };
    if empty > 0 {
        return Err(mismatch());
    }
    if shape.len() >= 6 {
        return Err(DbError::new(
            SqlState::PROGRAM_LIMIT_EXCEEDED,
            format!("number of array dimensions ({}) exceeds the maximum allowed (6)", shape.len() + 1),
        ));
    }
    let mut dims = vec![(n, 1)];
    dims.extend(shape);
    Ok(Datum::Array(Arc::new(ArrayValue { elem, dims, items })))
}

/// An element or slice of an array replaced; `eval` evaluates a subscript.
fn set_element(
    old: &Datum,
    (elem, fixed): (u32, Option<u32>),
    steps: &[Step],
    slice: bool,
    new: Datum,
    eval: &dyn Fn(&Node) -> Result<Datum>,
) -> Result<Datum> {
    let array = match old {
        Datum::Array(a) => Some(&**a),
        _ => None,
    };
    let int = |n: &Node| match eval(n)? {
        Datum::Int4(i) => Ok(i),
        _ => Err(DbError::new(SqlState::NULL_VALUE_NOT_ALLOWED, "array subscript in assignment must not be null")),
    };
    let opt = |n: &Option<Node>| n.as_ref().map(int).transpose();
    if !slice {
        let mut at = Vec::with_capacity(steps.len());
        for s in steps {
            if let Step::Index(n) = s {
                at.push(int(n)?);
            }
        }
        return match fixed {
            Some(ty) => fixed::with_element(ty, old, &at, &new),
            None => assign::set_element(elem, array, &at, new),
        };
    }
    if fixed.is_some() {
        return Err(fixed::no_slices());
    }
    let mut bounds = Vec::with_capacity(steps.len());
    for s in steps {
        bounds.push(match s {
            // Beside a slice, one number is the upper bound.
            Step::Index(n) => (Some(1), Some(int(n)?)),
            Step::Slice(a, b) => (opt(a)?, opt(b)?),
        });
    }
    match new {
        Datum::Array(source) => assign::set_slice(elem, array, &bounds, &source),
        // NULL leaves the array as it is.
        _ => Ok(old.clone()),
    }
}

fn subscript(
    (arg, fixed): (&Node, Option<u32>),
    steps: &[Step],
    slice: bool,
    env: Env<'_>,
    row: &[Datum],
    case: &Datum,
) -> Result<Datum> {
    let a = match nested(arg, env, row, case)? {
        Datum::Array(a) => a,
        _ if slice && fixed.is_some() => return Err(fixed::no_slices()),
        d => match fixed.and_then(|ty| fixed::as_array(ty, &d)) {
            Some(a) => Arc::new(a),
            None => return Ok(Datum::Null),
        },
    };
    let int = |n: &Node| -> Result<Option<i64>> {
        Ok(match nested(n, env, row, case)? {
            Datum::Int4(i) => Some(i64::from(i)),
            _ => None,
        })
    };
    if !slice {
        let mut offset: i64 = 0;
        if steps.len() != a.dims.len() {
            // Too few or too many subscripts: NULL, but the subscripts are still evaluated.
            for s in steps {
                if let Step::Index(n) = s {
                    int(n)?;
                }
            }
            return Ok(Datum::Null);
        }
        let mut outside = false;
        for (s, (len, low)) in steps.iter().zip(&a.dims) {
            let Step::Index(n) = s else { return Ok(Datum::Null) };
            let Some(i) = int(n)? else { return Ok(Datum::Null) };
            let at = i - i64::from(*low);
            outside |= at < 0 || at >= i64::from(*len);
            offset = offset.saturating_mul(i64::from(*len)).saturating_add(at);
        }
        if outside {
            return Ok(Datum::Null);
        }
        return Ok(usize::try_from(offset).ok().and_then(|o| a.items.get(o)).cloned().unwrap_or(Datum::Null));
    }
    let empty = || one_dimension(vec![], a.elem);
    let mut ranges: Vec<(i64, i64)> = Vec::with_capacity(a.dims.len());
    for s in steps {
        let (lo, hi) = match s {
            // In a slice, a plain subscript means 1:n.
            Step::Index(n) => {
                let Some(i) = int(n)? else { return Ok(Datum::Null) };
                (Some(1), Some(i))
            }
            Step::Slice(x, y) => {
                let bound = |n: &Option<Node>| -> Result<Option<Option<i64>>> {
                    Ok(match n {
                        None => Some(None),
                        Some(n) => int(n)?.map(Some),
                    })
                };
                let (Some(x), Some(y)) = (bound(x)?, bound(y)?) else { return Ok(Datum::Null) };
                (x, y)
            }
        };
        let Some((len, low)) = a.dims.get(ranges.len()).copied() else { return Ok(empty()) };
        let top = i64::from(low) + i64::from(len) - 1;
        let lo = lo.unwrap_or(i64::from(low)).max(i64::from(low));
        let hi = hi.unwrap_or(top).min(top);
        if lo > hi {
            return Ok(empty());
        }
        ranges.push((lo - i64::from(low), hi - i64::from(low)));
    }
    for (len, _) in &a.dims[ranges.len().min(a.dims.len())..] {
        ranges.push((0, i64::from(*len) - 1));
    }
    if ranges.is_empty() {
        return Ok(empty());
    }
    let mut items = Vec::new();
    let mut at: Vec<i64> = ranges.iter().map(|r| r.0).collect();
    'all: loop {
        let mut offset = 0i64;
        for (x, (len, _)) in at.iter().zip(&a.dims) {
            offset = offset * i64::from(*len) + x;
        }
        items.push(usize::try_from(offset).ok().and_then(|o| a.items.get(o)).cloned().unwrap_or(Datum::Null));
        for d in (0..at.len()).rev() {
            if at[d] < ranges[d].1 {
                at[d] += 1;
                continue 'all;
            }
            at[d] = ranges[d].0;
        }
        break;
    }
    let dims = ranges.iter().map(|(l, h)| (i32::try_from(h - l + 1).unwrap_or(i32::MAX), 1)).collect();
    Ok(Datum::Array(Arc::new(ArrayValue { elem: a.elem, dims, items })))
}

fn sql_value(v: SqlValue, ty: TypeRef, env: Env<'_>) -> Result<Datum> {
    let s = &env.ctx.session;
    let now = Datum::TimestampTz(env.ctx.transaction_start);
    let tz = crate::bind::type_ref(oid::TIMESTAMPTZ);
    // The time values are now() cast to their type: one definition of each conversion.
    let cast = |to: u32| -> Result<Datum> {
        let c = rustydb_types::pgdata::cast(oid::TIMESTAMPTZ, to)
            .and_then(|c| rustydb_types::pgdata::proc(c.castfunc))
            .ok_or_else(|| DbError::internal("no cast from timestamptz"))?;
        func(c, [tz], crate::bind::type_ref(to), 0)?.call(env.ctx, std::slice::from_ref(&now))
    };
    let d = match v {
        SqlValue::CurrentDate => cast(oid::DATE)?,
        SqlValue::CurrentTime(_) => cast(oid::TIMETZ)?,
        SqlValue::CurrentTimestamp(_) => now.clone(),
        SqlValue::LocalTime(_) => cast(oid::TIME)?,
        SqlValue::LocalTimestamp(_) => cast(oid::TIMESTAMP)?,
        SqlValue::CurrentRole | SqlValue::CurrentUser | SqlValue::User => Datum::Text(s.current_user().as_str().into()),
        SqlValue::SessionUser => Datum::Text(s.session_user().as_str().into()),
        SqlValue::CurrentCatalog => Datum::Text(s.current_database().as_str().into()),
        SqlValue::CurrentSchema => match s.current_schemas(false).first() {
            Some(x) => Datum::Text(x.as_str().into()),
            None => Datum::Null,
        },
    };
    if ty.typmod >= 0 { apply_typmod(ty, d, false) } else { Ok(d) }
}
