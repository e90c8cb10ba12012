//! Which partitions can have rows that meet a condition.
//!
//! Conditions over a key are taken as [`Test`]s: comparisons with values that are known before the partitions are read.
//! What a condition says besides is left to it: a partition is left out only if no row of it can pass.

use super::{Bound, Edge, PartitionDesc, PartitionStrategy, compare, compare_edges, compare_key};
use crate::plan::ir::{Expr, ExprKind};
use crate::plan::walk;
use rustydb_base::Result;
use rustydb_parser::ast::IsTest;
use rustydb_types::collation::{is_deterministic, same_order};
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::{oid, pgdata};
use std::cmp::Ordering;

/// A condition on key columns; values are positions in a list of expressions.
#[derive(Clone, Debug)]
pub enum Test {
    /// All.
    And(Vec<Test>),
    /// One.
    Or(Vec<Test>),
    /// Column, btree strategy (1 <, 2 <=, 3 =, 4 >=, 5 >), value.
    Compare(usize, u8, usize),
    /// Column, an array of values one of which it equals.
    Any(usize, usize),
    /// Column IS NULL.
    Null(usize),
    /// Column IS NOT NULL.
    NotNull(usize),
    /// A boolean column, compared with a constant.
    Is(usize, bool),
}

/// The tests that conditions make of key expressions, and the values they compare with. `known` tells which columns have
/// a value before the partitions are read.
pub fn tests_over<'e>(keys: &[Expr], conds: &[&'e Expr], known: &dyn Fn(u32) -> bool) -> (Vec<Test>, Vec<&'e Expr>) {
    let mut values = Vec::new();
    let tests = conds.iter().filter_map(|c| test(keys, c, known, &mut values)).collect();
    (tests, values)
}

fn bare(e: &Expr) -> &Expr {
    match &e.kind {
        // A varchar column compares as text.
        ExprKind::Relabel(x) if matches!(x.ty.oid, oid::VARCHAR) && e.ty.oid == oid::TEXT => x,
        // What it compares by, the comparison says.
        ExprKind::Relabel(x) if crate::bind::collation::is_collate(e) => bare(x),
        _ => e,
    }
}

fn test<'e>(keys: &[Expr], c: &'e Expr, known: &dyn Fn(u32) -> bool, values: &mut Vec<&'e Expr>) -> Option<Test> {
    let key = |e: &Expr| keys.iter().position(|k| walk::same(k, e) || walk::same(k, bare(e)));
    let free = |e: &Expr| {
        let mut ok = true;
        walk::visit(e, &mut |x| match &x.kind {
            ExprKind::Column(id) => ok &= known(*id),
            ExprKind::Call { proc, .. } => ok &= proc.provolatile != 'v' && !proc.proretset,
            ExprKind::Subquery(_) | ExprKind::NextVal(_) | ExprKind::CaseValue => ok = false,
            _ => {}
        });
        ok
    };
    match &c.kind {
        ExprKind::And(v) => {
            let t: Vec<Test> = v.iter().filter_map(|x| test(keys, x, known, values)).collect();
            (!t.is_empty()).then_some(Test::And(t))
        }
        ExprKind::Or(v) => v.iter().map(|x| test(keys, x, known, values)).collect::<Option<Vec<_>>>().map(Test::Or),
        ExprKind::IsNull { arg, negated } => key(arg).map(|k| if *negated { Test::NotNull(k) } else { Test::Null(k) }),
        ExprKind::BoolTest { arg, test } => match test {
            IsTest::True => key(arg).map(|k| Test::Is(k, true)),
            IsTest::False => key(arg).map(|k| Test::Is(k, false)),
            _ => None,
        },
        ExprKind::Not(x) => key(x).map(|k| Test::Is(k, false)),
        ExprKind::Column(_) => key(c).map(|k| Test::Is(k, true)),
        ExprKind::Call { proc, args, collation } => {
            let [a, b] = args.as_slice() else { return None };
            let s = strategy(proc.oid)?;
            let (k, s, v) = match (key(a), key(b)) {
                (Some(k), None) if free(b) => (k, s, b),
                (None, Some(k)) if free(a) => (k, 6 - s, a),
                _ => return None,
            };
            let of_key = keys.get(k)?.ty;
            (comparable(of_key.oid, v.ty.oid) && follows(of_key, *collation, s == 3)).then(|| {
                values.push(v);
                Test::Compare(k, s, values.len() - 1)
            })
        }
        ExprKind::ArrayOp { proc, left, array, all: false, collation } => {
            let k = key(left)?;
            let elem = oid::array_element(array.ty.oid)?;
            let of_key = keys.get(k)?.ty;
            let fits = comparable(of_key.oid, elem) && follows(of_key, *collation, true);
            (strategy(proc.oid) == Some(3) && free(array) && fits).then(|| {
                values.push(array);
                Test::Any(k, values.len() - 1)
            })
        }
        _ => None,
    }
}

/// Whether where a comparison by a collation is true says where a key can lie. What equals a value by its bytes lies where
/// the value does, whatever the key's collation.
fn follows(key: TypeRef, collation: u32, equality: bool) -> bool {
    same_order(key.collation, collation) || (equality && is_deterministic(collation))
}

/// Whether values of two types compare as the key's type does.
fn comparable(key: u32, value: u32) -> bool {
    let int = |o| matches!(o, oid::INT2 | oid::INT4 | oid::INT8);
    let text = |o| matches!(o, oid::TEXT | oid::VARCHAR);
    key == value || int(key) && int(value) || text(key) && text(value)
}

fn strategy(proc: u32) -> Option<u8> {
    ["<", "<=", "=", ">=", ">"]
        .iter()
        .zip(1u8..)
        .find_map(|(sym, n)| pgdata::operators_named(sym).iter().any(|o| o.oprcode == proc).then_some(n))
}

/// What conditions joined by AND say about each key column.
#[derive(Default, Clone)]
struct Column<'v> {
    equal: Option<&'v Datum>,
    low: Option<(&'v Datum, bool)>,
    high: Option<(&'v Datum, bool)>,
    null: bool,
    not_null: bool,
}

impl PartitionDesc {
    /// Which partitions can have rows that meet all tests.
    pub fn select(&self, tests: &[Test], values: &[Datum]) -> Result<Vec<bool>> {
        let mut out = vec![true; self.parts.len()];
        let mut columns = vec![Column::default(); self.types.len()];
        let (yes, no) = (Datum::Bool(true), Datum::Bool(false));
        let mut flat = Vec::new();
        flatten(tests, &mut flat);
        for t in flat {
            match t {
                Test::And(_) => {}
                Test::Or(v) => {
                    let mut any = vec![false; out.len()];
                    for t in v {
                        let one = self.select(std::slice::from_ref(t), values)?;
                        any.iter_mut().zip(one).for_each(|(a, o)| *a |= o);
                    }
                    out.iter_mut().zip(any).for_each(|(o, a)| *o &= a);
                }
                Test::Any(k, v) => {
                    let mut any = vec![false; out.len()];
                    if let Some(Datum::Array(a)) = values.get(*v) {
                        for d in a.items.iter().filter(|d| !d.is_null()) {
                            let one = self.of_columns(&self.only(*k, d))?;
                            any.iter_mut().zip(one).for_each(|(a, o)| *a |= o);
                        }
                    }
                    out.iter_mut().zip(any).for_each(|(o, a)| *o &= a);
                }
                Test::Null(k) => columns[*k].null = true,
                Test::NotNull(k) => columns[*k].not_null = true,
                Test::Is(k, b) => columns[*k].equal = Some(if *b { &yes } else { &no }),
                Test::Compare(k, s, v) => {
                    let Some(d) = values.get(*v).filter(|d| !d.is_null()) else {
                        // A comparison with NULL is met by no row.
                        return Ok(vec![false; self.parts.len()]);
                    };
                    let (c, ty) = (&mut columns[*k], self.types[*k]);
                    match s {
                        1 | 2 => tighten(&mut c.high, d, *s == 2, ty, Ordering::Less),
                        4 | 5 => tighten(&mut c.low, d, *s == 4, ty, Ordering::Greater),
                        _ if c.equal.is_some_and(|e| compare(ty, e, d).is_ne()) => {
                            return Ok(vec![false; self.parts.len()]);
                        }
                        _ => c.equal = Some(d),
                    }
                }
            }
        }
        let by_columns = self.of_columns(&columns)?;
        out.iter_mut().zip(by_columns).for_each(|(o, a)| *o &= a);
        Ok(out)
    }

    fn only<'v>(&self, k: usize, d: &'v Datum) -> Vec<Column<'v>> {
        let mut columns = vec![Column::default(); self.types.len()];
        columns[k].equal = Some(d);
        columns
    }

    fn of_columns(&self, columns: &[Column<'_>]) -> Result<Vec<bool>> {
        let all = || vec![true; self.parts.len()];
        let fixed = columns.iter().all(|c| c.equal.is_some() || c.null);
        if fixed && !columns.is_empty() {
            let key: Vec<Datum> = columns
                .iter()
                .zip(&self.types)
                .map(|(c, ty)| c.equal.map_or(Some(Datum::Null), |d| as_key(*ty, d)))
                .collect::<Option<_>>()
                .unwrap_or_default();
            if key.len() == columns.len() {
                let one = self.route(&key)?;
                return Ok((0..self.parts.len()).map(|i| Some(i) == one).collect());
            }
        }
        match self.strategy {
            PartitionStrategy::Hash => Ok(all()),
            PartitionStrategy::List => Ok(columns.first().map_or_else(all, |c| self.of_list(c))),
            PartitionStrategy::Range => Ok(self.of_range(columns)),
        }
    }

    fn of_list(&self, c: &Column<'_>) -> Vec<bool> {
        let Some(ty) = self.types.first().copied() else { return vec![true; self.parts.len()] };
        let bounded = c.equal.is_some() || c.low.is_some() || c.high.is_some();
        let meets = |d: &Datum| {
            c.equal.is_none_or(|e| compare(ty, d, e).is_eq())
                && c.low.is_none_or(|(l, i)| at_least(compare(ty, d, l), i))
                && c.high.is_none_or(|(h, i)| at_least(compare(ty, d, h).reverse(), i))
        };
        self.parts
            .iter()
            .map(|p| match &p.bound {
                Bound::List(v) => v.iter().any(|d| match d {
                    Some(d) => !c.null && meets(d),
                    None => !bounded && !c.not_null,
                }),
                // NULLs are the default partition's only if no other takes them.
                _ => !(c.null && self.null.is_some()),
            })
            .collect()
    }

    fn of_range(&self, columns: &[Column<'_>]) -> Vec<bool> {
        if columns.iter().any(|c| c.null) {
            return self.parts.iter().map(|p| p.bound == Bound::Default).collect();
        }
        // Equal leading columns, then the bounds of one more.
        let mut prefix: Vec<Datum> = Vec::new();
        let (mut low, mut high) = (None, None);
        for (c, ty) in columns.iter().zip(&self.types) {
            if let Some(d) = c.equal.and_then(|d| as_key(*ty, d)) {
                prefix.push(d);
                continue;
            }
            (low, high) = (c.low, c.high);
            break;
        }
        let with = |b: Option<(&Datum, bool)>| {
            let mut key = prefix.clone();
            let inclusive = b.is_none_or(|b| b.1);
            key.extend(b.map(|b| b.0.clone()));
            (key, inclusive)
        };
        let ((from, from_in), (to, to_in)) = (with(low), with(high));
        let whole = |key: &[Datum]| key.len() == self.types.len();
        self.parts
            .iter()
            .map(|p| match &p.bound {
                Bound::Range(l, h) => {
                    let below = match compare_key(&self.types, h, &from) {
                        _ if from.is_empty() => false,
                        Ordering::Less => true,
                        Ordering::Equal => whole(&from) || !from_in,
                        Ordering::Greater => false,
                    };
                    let above = match compare_key(&self.types, l, &to) {
                        _ if to.is_empty() => false,
                        Ordering::Greater => true,
                        Ordering::Equal => !to_in,
                        Ordering::Less => false,
                    };
                    !below && !above
                }
                _ => !self.covers(&from, &to),
            })
            .collect()
    }

    /// Whether the partitions other than the default one, side by side, have all keys of a range.
    fn covers(&self, from: &[Datum], to: &[Datum]) -> bool {
        if from.is_empty() || to.is_empty() || self.types.len() != 1 {
            return false;
        }
        let mut reached: Option<&[Edge]> = None;
        for p in &self.parts {
            let Bound::Range(l, h) = &p.bound else { continue };
            match reached {
                None if compare_key(&self.types, l, from).is_le() && compare_key(&self.types, h, from).is_gt() => {
                    reached = Some(h);
                }
                Some(r) if compare_edges(&self.types, l, r).is_eq() => reached = Some(h),
                _ => {}
            }
            if reached.is_some_and(|r| compare_key(&self.types, r, to).is_gt()) {
                return true;
            }
        }
        false
    }
}

fn flatten<'t>(tests: &'t [Test], out: &mut Vec<&'t Test>) {
    for t in tests {
        match t {
            Test::And(v) => flatten(v, out),
            t => out.push(t),
        }
    }
}

fn at_least(o: Ordering, inclusive: bool) -> bool {
    o.is_gt() || inclusive && o.is_eq()
}

/// Keeps the narrower of two bounds.
fn tighten<'v>(have: &mut Option<(&'v Datum, bool)>, d: &'v Datum, inclusive: bool, ty: TypeRef, narrower: Ordering) {
    let replace = have.is_none_or(|(h, i)| match compare(ty, d, h) {
        Ordering::Equal => i && !inclusive,
        o => o == narrower,
    });
    if replace {
        *have = Some((d, inclusive));
    }
}

/// A value in the key's type; `None` for a number that the type does not have.
fn as_key(ty: TypeRef, d: &Datum) -> Option<Datum> {
    let v = match d {
        Datum::Int2(v) => i64::from(*v),
        Datum::Int4(v) => i64::from(*v),
        Datum::Int8(v) => *v,
        other => return Some(other.clone()),
    };
    match ty.oid {
        oid::INT2 => i16::try_from(v).ok().map(Datum::Int2),
        oid::INT4 => i32::try_from(v).ok().map(Datum::Int4),
        oid::INT8 => Some(Datum::Int8(v)),
        _ => None,
    }
}
