//! What both planners ask of an index: its key columns as expressions over a scan, whether conditions imply its predicate, and
//! which conditions an inverted index or a search tree answers.
//!
//! Such an index says nothing that need not be tested again: a [`Term`] is a condition that narrows the rows down, and
//! stays a condition on each of them.

use super::nearest::asked;
use super::table::{Classes, TableRt};
use crate::plan::ir::{Col, Expr, ExprKind, Scan, SortKey};
use crate::plan::walk;
use rustydb_base::Result;
use rustydb_storage::am::Search;
use rustydb_types::brin;
use rustydb_types::collation::same_order;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::gin::{self, Wanted};
use rustydb_types::gist::{self, Question};
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

/// How a condition is asked of a column, once its value is known.
#[derive(Clone, Copy, Debug)]
pub struct Lookup {
    column: u8,
    class: Class,
    strategy: i16,
    ty: TypeRef,
    /// The value's type.
    other: TypeRef,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Class {
    Inverted(gin::Class),
    Tree(gist::Class),
    Ranges(brin::Class),
    /// The column of a search tree or a block range index is NULL, or it is not.
    Null(bool),
}

/// A condition that an index answers.
pub struct Term {
    /// How.
    pub lookup: Lookup,
    /// What the column is compared with; a constant where it is compared with nothing.
    pub value: Expr,
    /// The condition's place among those given.
    pub cond: usize,
}

impl Lookup {
    /// Puts the condition with a value to an index. `false`: the value is NULL, for which the condition is true of no row.
    pub fn ask(&self, value: &Datum, all: &mut Vec<Search>, tree: &mut Option<Question>) -> Result<bool> {
        let column = usize::from(self.column);
        match self.class {
            Class::Null(null) => tree.get_or_insert_default().add_null(column, null),
            _ if value.is_null() => return Ok(false),
            Class::Inverted(c) => all.push(over_entries(self.column, c.wanted(self.strategy, self.ty, value)?)),
            Class::Tree(c) => tree.get_or_insert_default().add(column, c, self.strategy, self.ty, value)?,
            Class::Ranges(c) => {
                tree.get_or_insert_default().ask_range(column, c, self.strategy, self.ty, self.other, value)?;
            }
        }
        Ok(true)
    }

    /// The search for what several conditions ask together; `None`: no row can meet them.
    pub fn search<'v>(asked_with: impl Iterator<Item = Result<(&'v Lookup, Datum)>>) -> Result<Option<Search>> {
        let (mut all, mut tree) = (Vec::new(), None);
        for one in asked_with {
            let (lookup, value) = one?;
            if !lookup.ask(&value, &mut all, &mut tree)? {
                return Ok(None);
            }
        }
        all.extend(tree.map(|q| Search::Ask(asked(q))));
        Ok(Some(Search::All(all)))
    }

    /// The key column.
    pub fn column(&self) -> usize {
        self.column.into()
    }

    /// What the condition says of an ordered column of a block range index, for estimates: it is equal to the value (0), it is
    /// below (-1) or above it (1); `None` for other conditions.
    pub fn compares(&self) -> Option<i8> {
        match (self.class, self.strategy) {
            (Class::Ranges(brin::Class::Bloom(_)), _)
            | (Class::Ranges(brin::Class::Minmax | brin::Class::MinmaxMulti(_)), 3) => Some(0),
            (Class::Ranges(brin::Class::Minmax | brin::Class::MinmaxMulti(_)), 1 | 2) => Some(-1),
            (Class::Ranges(brin::Class::Minmax | brin::Class::MinmaxMulti(_)), _) => Some(1),
            _ => None,
        }
    }

    /// Part of a table's rows that the condition is taken to leave: PostgreSQL's defaults.
    pub fn share(&self) -> f64 {
        match (self.class, self.strategy) {
            (Class::Inverted(gin::Class::Array | gin::Class::TsVector), _) => 0.005,
            (Class::Inverted(_), _) => 0.01,
            (Class::Null(null), _) => {
                if null {
                    0.005
                } else {
                    0.995
                }
            }
            (Class::Ranges(brin::Class::Bloom(_)), _) => 0.005,
            (Class::Ranges(brin::Class::Minmax | brin::Class::MinmaxMulti(_)), 3) => 0.005,
            (Class::Ranges(brin::Class::Minmax | brin::Class::MinmaxMulti(_)), _) => 1.0 / 3.0,
            (Class::Ranges(_), 3 | 6 | 16..=18) => 0.005,
            (Class::Ranges(_), 7 | 8) => 0.001,
            (Class::Ranges(_), _) => 0.1,
            (Class::Tree(gist::Class::TsVector | gist::Class::Range | gist::Class::Multirange), _) => 0.005,
            // Beside something, that is where most of the plane is.
            (Class::Tree(gist::Class::Inet), 3 | 18 | 24..) => 0.005,
            (Class::Tree(_), 3 | 6) => 0.005,
            (Class::Tree(_), 7 | 8 | 28 | 48 | 68) => 0.001,
            (Class::Tree(_), _) => 0.1,
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

/// A function as the operator of a family of inverted indexes or search trees: family, strategy, and whether the column is
/// on the right.
fn strategies(proc: u32) -> &'static [(u32, i16, bool)] {
    static MAP: LazyLock<HashMap<u32, Vec<(u32, i16, bool)>>> = LazyLock::new(|| {
        let mut map: HashMap<u32, Vec<(u32, i16, bool)>> = HashMap::new();
        let of = |a: &&pgdata::AmOp| {
            matches!(a.amopmethod, pgdata::GIN | pgdata::GIST | pgdata::SPGIST | pgdata::BRIN) && a.amoppurpose == 's'
        };
        for a in pgdata::amops().iter().filter(of) {
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

/// The class of a key column, for conditions with operators.
fn class_of(classes: &Classes, column: usize) -> Option<Class> {
    match classes {
        Classes::Inverted(v) => v.get(column).copied().map(Class::Inverted),
        Classes::Tree(v) => v.get(column).copied().map(Class::Tree),
        Classes::Ranges(v) => v.get(column).copied().map(Class::Ranges),
    }
}

/// How an index is asked for values of a key column that stand in an operator's relation to one given: of exclusion constraints.
pub fn lookup(table: &TableRt, index: usize, column: usize, operator: u32) -> Option<Lookup> {
    let i = table.indexes.get(index)?;
    let family = pgdata::opclass(i.def.keys.get(column)?.opclass)?.opcfamily;
    let member = |a: &&pgdata::AmOp| a.amopfamily == family && a.amopopr == operator && a.amoppurpose == 's';
    Some(Lookup {
        column: u8::try_from(column).ok()?,
        class: class_of(i.classes()?, column)?,
        strategy: pgdata::amops().iter().find(member)?.amopstrategy,
        ty: i.key_type(column, table),
        other: i.key_type(column, table),
    })
}

/// The order by distance that a search tree gives rows: the key column, and what its values are measured from.
pub fn distance(
    scan: &Scan,
    table: &TableRt,
    index: usize,
    order: &[SortKey],
    known: &dyn Fn(&Expr) -> bool,
) -> Option<(usize, Expr)> {
    let i = &table.indexes[index];
    let (Some(Classes::Tree(_)), [k]) = (i.classes(), order) else { return None };
    let ExprKind::Call { proc, args, .. } = &k.expr.kind else { return None };
    let [a, b] = args.as_slice() else { return None };
    if k.desc || k.nulls_first {
        return None;
    }
    let keys = keys_over(scan, table, index);
    keys.iter().zip(&i.def.keys).enumerate().find_map(|(n, (key, def))| {
        let family = pgdata::opclass(def.opclass)?.opcfamily;
        pgdata::amops().iter().filter(|o| o.amopfamily == family && o.amoppurpose == 'o').find_map(|o| {
            let op = pgdata::operator(o.amopopr)?;
            let mirrored = pgdata::operator(op.oprcom).is_some_and(|m| m.oprcode == proc.oid);
            let pairs = [(a, b, op.oprcode == proc.oid), (b, a, mirrored)];
            pairs.into_iter().find_map(|(column, value, fits)| {
                (fits && known(value) && is_key(column, key.as_ref()?)).then(|| (n, value.clone()))
            })
        })
    })
}

/// The conditions that an inverted index or a search tree answers. `known` says of a value whether it is known before the scan begins.
pub fn terms(scan: &Scan, table: &TableRt, index: usize, conds: &[&Expr], known: &dyn Fn(&Expr) -> bool) -> Vec<Term> {
    let i = &table.indexes[index];
    let Some(classes) = i.classes() else { return Vec::new() };
    let keys = keys_over(scan, table, index);
    let mut out = Vec::new();
    for (cond, e) in conds.iter().enumerate() {
        if let (ExprKind::IsNull { arg, negated }, Classes::Tree(_) | Classes::Ranges(_)) = (&e.kind, classes) {
            let column = keys.iter().position(|k| k.as_ref().is_some_and(|k| is_key(arg, k)));
            out.extend(column.and_then(|n| {
                let (column, ty) = (u8::try_from(n).ok()?, i.key_type(n, table));
                let lookup = Lookup { column, class: Class::Null(!negated), strategy: 0, ty, other: ty };
                Some(Term { lookup, value: Expr::new(ExprKind::Const(Datum::Null), ty), cond })
            }));
            continue;
        }
        let ExprKind::Call { proc, args, collation } = &e.kind else { continue };
        let [a, b] = args.as_slice() else { continue };
        let found = strategies(proc.oid).iter().find_map(|(family, strategy, mirrored)| {
            let (column, value) = if *mirrored { (b, a) } else { (a, b) };
            if !known(value) {
                return None;
            }
            keys.iter().zip(&i.def.keys).enumerate().find_map(|(n, (key, def))| {
                let fits = pgdata::opclass(def.opclass).is_some_and(|c| c.opcfamily == *family);
                (fits && is_key(column, key.as_ref()?)).then_some(())?;
                let (class, ty) = (class_of(classes, n)?, i.key_type(n, table));
                // Trees and summaries are in the order of the key's collation.
                same_order(*collation, ty.collation).then_some(())?;
                if let Class::Ranges(c) = class {
                    c.takes(ty, value.ty).then_some(())?;
                }
                let column = u8::try_from(n).ok()?;
                let lookup = Lookup { column, class, strategy: *strategy, ty, other: value.ty };
                Some(Term { lookup, value: value.clone(), cond })
            })
        });
        out.extend(found);
    }
    out
}
