//! What both planners ask of an index: its key columns as expressions over a scan, whether conditions imply its predicate, and
//! which conditions an inverted index answers.
//!
//! An inverted index says nothing that need not be tested again: a [`Term`] is a condition that narrows the rows down, and
//! stays a condition on each of them.

use super::table::TableRt;
use crate::plan::ir::{Col, Expr, ExprKind, Scan};
use crate::plan::walk;
use rustydb_base::Result;
use rustydb_storage::am::Search;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::gin::{Class, Wanted};
use rustydb_types::pgdata;
use std::collections::HashMap;
use std::sync::LazyLock;

/// The key column itself, possibly under another name of its type.
pub fn is_key(e: &Expr, key: &Expr) -> bool {
    walk::same(e, key)
        || match &e.kind {
            // The key's bytes do not change with the label as long as the operator is of the key's family.
            ExprKind::Relabel(x) => is_key(x, key),
            _ => false,
        }
}

/// An expression bound over a table's columns, over a scan's instead; `None` if the scan does not read one of them.
pub fn over_scan(scan: &Scan, e: &Expr, cols: &[(Col, i16)]) -> Option<Expr> {
    let mut e = e.clone();
    let mut missing = false;
    let column = |attnum: i16| scan.cols.iter().find(|c| c.1 == attnum).map(|c| c.0);
    let done = walk::rewrite(&mut e, &mut |x| {
        let ExprKind::Column(id) = x.kind else { return Ok(None) };
        let found = cols.iter().find(|c| c.0.id == id).and_then(|c| column(c.1));
        missing |= found.is_none();
        Ok(found.map(Expr::column))
    });
    (done.is_ok() && !missing).then_some(e)
}

/// Key columns of an index as expressions over a scan; `None` for a column that no condition can read.
pub fn keys_over(scan: &Scan, table: &TableRt, index: usize) -> Vec<Option<Expr>> {
    let i = &table.indexes[index];
    let mut exprs = i.bound.iter().flat_map(|b| b.exprs.iter());
    i.def
        .keys
        .iter()
        .map(|k| match k.attnum {
            0 => {
                let e = exprs.next()?;
                over_scan(scan, e, i.bound.as_ref()?.cols.as_slice())
            }
            n => scan.cols.iter().find(|c| c.1 == n).map(|c| Expr::column(c.0)),
        })
        .collect()
}

/// Whether conditions imply a partial index's predicate. `not_null` answers whether `x IS NOT NULL` follows from one of them.
pub fn implied(scan: &Scan, table: &TableRt, index: usize, conds: &[&Expr], not_null: &dyn Fn(&Expr) -> bool) -> bool {
    let i = &table.indexes[index];
    if i.def.predicate.is_none() {
        return true;
    }
    let Some(b) = &i.bound else { return false };
    let Some(p) = b.predicate.as_ref().and_then(|p| over_scan(scan, p, &b.cols)) else { return false };
    let mut parts = Vec::new();
    split(&p, &mut parts);
    parts.iter().all(|p| conds.iter().any(|c| walk::same(c, p)) || not_null(p))
}

/// The conjuncts of a condition.
fn split(e: &Expr, out: &mut Vec<Expr>) {
    match &e.kind {
        ExprKind::And(v) => v.iter().for_each(|x| split(x, out)),
        _ => out.push(e.clone()),
    }
}

/// How a condition is asked of a column of an inverted index, once its value is known.
#[derive(Clone, Copy, Debug)]
pub struct Lookup {
    column: u8,
    class: Class,
    strategy: i16,
    ty: TypeRef,
}

/// A condition that an inverted index answers.
pub struct Term {
    /// How.
    pub lookup: Lookup,
    /// What the column is compared with.
    pub value: Expr,
    /// The condition's place among those given.
    pub cond: usize,
}

impl Lookup {
    /// The entries that rows must have for the condition to hold with a value, which is not NULL.
    pub fn search(&self, value: &Datum) -> Result<Search> {
        Ok(over_entries(self.column, self.class.wanted(self.strategy, self.ty, value)?))
    }

    /// Part of a table's rows that the condition is taken to leave: PostgreSQL's defaults.
    pub fn share(&self) -> f64 {
        match self.class {
            Class::Array | Class::TsVector => 0.005,
            Class::Jsonb | Class::JsonbPath => 0.01,
        }
    }
}

/// An entry: the column's number and a key of its value.
pub fn entry(column: u8, key: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(key.len() + 1);
    out.push(column);
    out.extend_from_slice(key);
    out
}

fn over_entries(column: u8, w: Wanted) -> Search {
    let each = |v: Vec<Wanted>| v.into_iter().map(|w| over_entries(column, w)).collect();
    match w {
        Wanted::Key(k) => Search::Key(entry(column, &k)),
        Wanted::Begins(k) => Search::Begins(entry(column, &k)),
        Wanted::All(v) => Search::All(each(v)),
        Wanted::Any(v) => Search::Any(each(v)),
        Wanted::Anything => Search::Anything,
    }
}

/// A function as the operator of a family of inverted indexes: family, strategy, and whether the column is on the right.
fn strategies(proc: u32) -> &'static [(u32, i16, bool)] {
    static MAP: LazyLock<HashMap<u32, Vec<(u32, i16, bool)>>> = LazyLock::new(|| {
        let mut map: HashMap<u32, Vec<(u32, i16, bool)>> = HashMap::new();
        for a in pgdata::amops().iter().filter(|a| a.amopmethod == pgdata::GIN && a.amoppurpose == 's') {
            let Some(o) = pgdata::operator(a.amopopr) else { continue };
            map.entry(o.oprcode).or_default().push((a.amopfamily, a.amopstrategy, false));
            if let Some(mirrored) = pgdata::operator(o.oprcom) {
                map.entry(mirrored.oprcode).or_default().push((a.amopfamily, a.amopstrategy, true));
            }
        }
        map
    });
    MAP.get(&proc).map_or(&[], Vec::as_slice)
}

/// The conditions that an inverted index answers. `known` says of a value whether it is known before the scan begins.
pub fn terms(scan: &Scan, table: &TableRt, index: usize, conds: &[&Expr], known: &dyn Fn(&Expr) -> bool) -> Vec<Term> {
    let i = &table.indexes[index];
    let Some(classes) = i.classes() else { return Vec::new() };
    let keys = keys_over(scan, table, index);
    let mut out = Vec::new();
    for (cond, e) in conds.iter().enumerate() {
        let ExprKind::Call { proc, args, .. } = &e.kind else { continue };
        let [a, b] = args.as_slice() else { continue };
        let found = strategies(proc.oid).iter().find_map(|(family, strategy, mirrored)| {
            let (column, value) = if *mirrored { (b, a) } else { (a, b) };
            if !known(value) {
                return None;
            }
            keys.iter().zip(&i.def.keys).zip(classes).enumerate().find_map(|(n, ((key, def), class))| {
                let fits = pgdata::opclass(def.opclass).is_some_and(|c| c.opcfamily == *family);
                (fits && is_key(column, key.as_ref()?)).then_some(())?;
                let lookup = Lookup {
                    column: u8::try_from(n).ok()?,
                    class: *class,
                    strategy: *strategy,
                    ty: i.key_type(n, table),
                };
                Some(Term { lookup, value: value.clone(), cond })
            })
        });
        out.extend(found);
    }
    out
}
