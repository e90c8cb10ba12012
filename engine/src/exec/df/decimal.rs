//! Numerics whose scale is known when the query is planned, as 128-bit integers.
//!
//! A value of `Decimal128(p, s)` is an integer of at most `p` digits times 10^-s; `i128::MAX` is NaN. + - * of two such have
//! a static precision bound; while it is at most 38 digits they cannot overflow and stay in this form. The scale is
//! the one PostgreSQL shows: the larger one for + and -, the sum for *.

use super::expr::Lowered;
use super::util::{ArrayFn, call};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, Decimal128Array};
use datafusion::arrow::datatypes::{DataType, Decimal128Type};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr as DfExpr;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_types::oid;
use rustydb_types::pgdata::{self, Proc};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// NaN's representation.
pub const NAN: i128 = i128::MAX;

/// An arithmetic operator of this form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum Arith {
    Add,
    Sub,
    Mul,
}

/// The operator a function implements.
pub fn operator(proc: &Proc) -> Option<Arith> {
    static MAP: LazyLock<HashMap<u32, Arith>> = LazyLock::new(|| {
        [("+", Arith::Add), ("-", Arith::Sub), ("*", Arith::Mul)]
            .into_iter()
            .filter_map(|(s, a)| pgdata::operator_exact(s, oid::NUMERIC, oid::NUMERIC).map(|o| (o.oprcode, a)))
            .collect()
    });
    MAP.get(&proc.oid).copied()
}

/// Precision and scale that hold a constant.
pub fn shape(coef: i128, scale: u16) -> Option<(u8, i8)> {
    let digits = coef.unsigned_abs().checked_ilog10().map_or(1, |d| d + 1);
    let p = digits.max(u32::from(scale)).max(1);
    (p <= 38).then_some((p as u8, scale as i8))
}

fn pow10(n: u32) -> Option<i128> {
    10i128.checked_pow(n)
}

fn overflow() -> DbError {
    DbError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "numeric field overflow")
}

fn out(values: Decimal128Array, p: u8, s: i8) -> Result<ArrayRef> {
    let a = values.with_precision_and_scale(p, s).map_err(|e| DbError::internal(format!("decimal shape: {e}")))?;
    Ok(Arc::new(a))
}

fn fixed(dt: &DataType) -> Option<(u8, i8)> {
    match dt {
        DataType::Decimal128(p, s) => Some((*p, *s)),
        _ => None,
    }
}

/// A decimal under a larger precision and scale (or the same).
pub fn rescale(l: Lowered, p: u8, s: i8) -> Lowered {
    let dt = DataType::Decimal128(p, s);
    let Some((_, from)) = fixed(&l.dt) else { return l };
    if l.dt == dt {
        return l;
    }
    let factor = pow10(u32::from(s.saturating_sub(from).max(0) as u8)).unwrap_or(1);
    let up = move |v: i128| if v == NAN { NAN } else { v.saturating_mul(factor) };
    if let DfExpr::Literal(ScalarValue::Decimal128(v, _, _), m) = &l.expr {
        let expr = DfExpr::Literal(ScalarValue::Decimal128(v.map(up), p, s), m.clone());
        return Lowered { expr, dt, native: l.native };
    }
    let f: ArrayFn = Arc::new(move |a, _| {
        let v = a[0].as_primitive::<Decimal128Type>();
        out(if factor == 1 { v.clone() } else { v.unary(up) }, p, s)
    });
    Lowered { expr: call("numeric", dt.clone(), false, vec![l.expr], f), dt, native: l.native }
}

/// `l op r` while its bound fits 38 digits; `None` otherwise or for other types.
pub fn arithmetic(op: Arith, l: Lowered, r: Lowered) -> Option<Lowered> {
    let ((p1, s1), (p2, s2)) = (fixed(&l.dt)?, fixed(&r.dt)?);
    let (p1, s1, p2, s2) = (i16::from(p1), i16::from(s1), i16::from(p2), i16::from(s2));
    let (p, s) = match op {
        Arith::Mul => (p1 + p2, s1 + s2),
        _ => {
            let s = s1.max(s2);
            ((p1 - s1).max(p2 - s2) + 1 + s, s)
        }
    };
    if p > 38 {
        return None;
    }
    let (up_l, up_r) = match op {
        Arith::Mul => (1, 1),
        _ => (pow10((s - s1) as u32)?, pow10((s - s2) as u32)?),
    };
    let (p, s) = (p as u8, s as i8);
    let dt = DataType::Decimal128(p, s);
    let one = move |a: i128, b: i128| -> Result<i128> {
        if a == NAN || b == NAN {
            return Ok(NAN);
        }
        // Within the static bound neither step overflows; checked all the same, against a bound that was wrong.
        let (a, b) = (a.checked_mul(up_l).ok_or_else(overflow)?, b.checked_mul(up_r).ok_or_else(overflow)?);
        match op {
            Arith::Add => a.checked_add(b),
            Arith::Sub => a.checked_sub(b),
            Arith::Mul => a.checked_mul(b),
        }
        .ok_or_else(overflow)
    };
    let native = l.native && r.native;
    let (args, f): (Vec<DfExpr>, ArrayFn) = match (&l.expr, &r.expr) {
        (DfExpr::Literal(ScalarValue::Decimal128(Some(a), _, _), _), _) => {
            let a = *a;
            (vec![r.expr], Arc::new(move |x, _| unary(&x[0], p, s, |b| one(a, b))))
        }
        (_, DfExpr::Literal(ScalarValue::Decimal128(Some(b), _, _), _)) => {
            let b = *b;
            (vec![l.expr], Arc::new(move |x, _| unary(&x[0], p, s, |a| one(a, b))))
        }
        _ => (
            vec![l.expr, r.expr],
            Arc::new(move |x, n| {
                let (a, b) = (x[0].as_primitive::<Decimal128Type>(), x[1].as_primitive::<Decimal128Type>());
                let nulls = datafusion::arrow::buffer::NullBuffer::union(a.nulls(), b.nulls());
                let mut v = Vec::with_capacity(n);
                for i in 0..n {
                    let null = nulls.as_ref().is_some_and(|n| n.is_null(i));
                    v.push(if null { 0 } else { one(a.value(i), b.value(i))? });
                }
                out(Decimal128Array::new(v.into(), nulls), p, s)
            }),
        ),
    };
    let shown = match op {
        Arith::Add => "add",
        Arith::Sub => "sub",
        Arith::Mul => "mul",
    };
    Some(Lowered { expr: call(shown, dt.clone(), false, args, f), dt, native })
}

fn unary(x: &ArrayRef, p: u8, s: i8, f: impl Fn(i128) -> Result<i128>) -> Result<ArrayRef> {
    let a = x.as_primitive::<Decimal128Type>();
    let mut v = Vec::with_capacity(a.len());
    for i in 0..a.len() {
        v.push(if a.is_null(i) { 0 } else { f(a.value(i))? });
    }
    out(Decimal128Array::new(v.into(), a.nulls().cloned()), p, s)
}
