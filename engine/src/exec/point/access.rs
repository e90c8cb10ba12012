//! Which index a scan uses, and for which of its conditions.
//!
//! A condition helps an index if it compares the index's key column, through an operator of the key's own operator
//! family, with something known before the scan begins: constants, parameters, columns of rows further out. Constants of
//! a sibling type (int4 beside an int8 key) are converted when the program runs; what does not convert finds nothing or
//! bounds nothing. A scan takes equalities on the leading columns, then bounds on one more.

use super::stats;
use crate::bind::collation::is_collate;
use crate::catalog::Relation;
use crate::exec::index_terms::{self, Lookup, is_key, keys_over};
use crate::exec::table::PATTERN_FAMILIES;
use crate::exec::table::TableRt;
use crate::exec::tables::rows_in_blocks;
use crate::plan::ir::{ColId, ColSet, Expr, ExprKind, Scan, SortKey};
use crate::plan::walk;
use rustydb_types::collation::{is_deterministic, same_equality, same_order};
use rustydb_types::datum::TypeRef;
use rustydb_types::{oid, pgdata};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// Most rows a scan may be expected to touch.
pub(super) const MAX_ROWS: f64 = 500.0;
/// What a search in an inverted index costs before its rows, in rows of a heap's page.
const GATHER: f64 = 20.0;
/// Blocks of a table that is read as a whole.
pub(super) const SMALL_BLOCKS: u32 = 4;

/// What is wanted of an operator's rows.
#[derive(Clone, Copy)]
pub(super) struct Want<'a> {
    /// Columns of rows further out.
    pub outer: &'a ColSet,
    /// Order that would spare a sort.
    pub order: &'a [SortKey],
    /// Rows after which nothing more is asked for.
    pub limit: Option<f64>,
    /// However many rows it takes: nothing but a point program can lock rows.
    pub at_any_cost: bool,
}

/// A planned scan.
pub(super) struct ScanDraft {
    pub scan: Scan,
    pub table: Arc<TableRt>,
    pub path: PathDraft,
    /// Conditions that the path guarantees.
    pub key_conds: Vec<Expr>,
    /// The others.
    pub quals: Vec<Expr>,
    /// Rows that come out.
    pub rows: f64,
    /// Rows that are looked at.
    pub touched: f64,
    /// In the wanted order.
    pub ordered: bool,
    /// It is read as a whole because it is small now.
    pub small: bool,
}

pub(super) enum PathDraft {
    Heap,
    Index(IndexDraft),
    Gather(GatherDraft),
    Nearest(NearestDraft),
}

/// What is looked for in a search tree in order of distance.
pub(super) struct NearestDraft {
    pub gather: GatherDraft,
    /// The key column whose values are measured, and from where.
    pub column: usize,
    pub from: Expr,
    /// The distance of a row.
    pub distance: Expr,
}

/// What is looked for in an inverted index or a search tree.
pub(super) struct GatherDraft {
    /// Position among the table's indexes.
    pub index: usize,
    pub terms: Vec<(Lookup, Expr)>,
    /// The conditions that the terms stand for, which are all tested again.
    pub conds: Vec<Expr>,
}

#[derive(Default)]
pub(super) struct IndexDraft {
    /// Position among the table's indexes.
    pub index: usize,
    pub equal: Vec<KeyDraft>,
    pub low: Option<(Expr, bool)>,
    pub high: Option<(Expr, bool)>,
    pub not_null: bool,
    pub reverse: bool,
    /// No two visible rows can have the key.
    pub single: bool,
}

pub(super) enum KeyDraft {
    One(Expr),
    Any(Expr),
    Null,
}

/// Families and strategies in which a function is a btree search operator; the equality of a hash family counts as 3, as
/// that of a btree's.
fn strategies(proc: u32) -> &'static [(u32, i16)] {
    static MAP: LazyLock<HashMap<u32, Vec<(u32, i16)>>> = LazyLock::new(|| {
        let mut map: HashMap<u32, Vec<(u32, i16)>> = HashMap::new();
        for a in pgdata::amops().iter().filter(|a| a.amoppurpose == 's') {
            let strategy = match a.amopmethod {
                pgdata::BTREE => a.amopstrategy,
                pgdata::HASH => 3,
                _ => continue,
            };
            if let Some(o) = pgdata::operator(a.amopopr) {
                map.entry(o.oprcode).or_default().push((a.amopfamily, strategy));
            }
        }
        map
    });
    MAP.get(&proc).map_or(&[], Vec::as_slice)
}

fn strategy(proc: u32, family: u32) -> Option<i16> {
    strategies(proc).iter().find(|s| s.0 == family).map(|s| s.1)
}

/// Whether values of a type can bound a key of another type.
fn comparable(value: u32, key: u32, equality: bool) -> bool {
    let int = |o| matches!(o, oid::INT2 | oid::INT4 | oid::INT8);
    let text = |o| matches!(o, oid::TEXT | oid::VARCHAR | oid::NAME);
    value == key
        || (int(value) && int(key))
        || (text(value) && text(key))
        || (value == oid::FLOAT4 && key == oid::FLOAT8)
        || (value == oid::FLOAT8 && key == oid::FLOAT4 && equality)
        || (oid::is_oid_like(value) && oid::is_oid_like(key))
}

/// Whether an index keeps a column so that a comparison by a collation can be asked of it.
fn kept_by(collation: u32, key: TypeRef, equality: bool) -> bool {
    same_order(collation, key.collation) || (equality && same_equality(collation, key.collation))
}

/// Whether an operator compares bytes whatever the collation is.
fn by_bytes(family: u32, strategy: i16) -> bool {
    PATTERN_FAMILIES.contains(&family) && strategy != 3
}

/// Columns an expression reads.
pub(super) fn columns(e: &Expr, out: &mut ColSet) {
    walk::visit(e, &mut |x| {
        if let ExprKind::Column(c) = x.kind {
            out.insert(c);
        }
    });
}

/// Whether an expression reads only these columns.
pub(super) fn reads_only(e: &Expr, known: &dyn Fn(ColId) -> bool) -> bool {
    let mut ok = true;
    walk::visit(e, &mut |x| {
        if let ExprKind::Column(c) = x.kind {
            ok &= known(c);
        }
    });
    ok
}

/// Whether two evaluations can differ or have effects, or need a subquery's rows: such an expression is evaluated where it
/// stands.
pub(super) fn is_volatile(e: &Expr) -> bool {
    let mut v = false;
    walk::visit(e, &mut |x| match &x.kind {
        ExprKind::Call { proc, .. } | ExprKind::ArrayOp { proc, .. } => v |= proc.provolatile == 'v',
        ExprKind::NextVal(_) | ExprKind::Subquery(_) => v = true,
        _ => {}
    });
    v
}

/// The conjuncts of a condition.
pub(super) fn conjuncts(e: &Expr, out: &mut Vec<Expr>) {
    match &e.kind {
        ExprKind::And(v) => v.iter().for_each(|x| conjuncts(x, out)),
        _ => out.push(e.clone()),
    }
}

/// What a condition says about a key column.
enum Says<'e> {
    /// Strategy 1 to 5 (<, <=, =, >=, >) and the value.
    Compare(i16, &'e Expr),
    Any(&'e Expr),
    IsNull,
    NotNull,
}

/// A scan with the facts its choices need.
struct Chooser<'a> {
    scan: &'a Scan,
    table: &'a Arc<TableRt>,
    conds: &'a [Expr],
    want: Want<'a>,
    /// Blocks the table has now, if that is known.
    blocks: Option<u32>,
}

impl Chooser<'_> {
    fn rel(&self) -> &Relation {
        &self.table.rel
    }

    fn known(&self, e: &Expr) -> bool {
        reads_only(e, &|c| self.want.outer.contains(&c)) && !is_volatile(e)
    }

    fn says<'e>(&self, cond: &'e Expr, key: &Expr, family: u32, key_ty: TypeRef) -> Option<Says<'e>> {
        match &cond.kind {
            // It fails for the first row.
            ExprKind::Call { collation: rustydb_types::collation::INDETERMINATE, .. } => None,
            ExprKind::Call { proc, args, collation: by } => {
                let [a, b] = args.as_slice() else { return None };
                let (value, mirrored) = if is_key(a, key) && self.known(b) {
                    (b, false)
                } else if is_key(b, key) && self.known(a) {
                    (a, true)
                } else {
                    return None;
                };
                let s = strategy(proc.oid, family)?;
                if !comparable(value.ty.oid, key_ty.oid, s == 3)
                    || !(kept_by(*by, key_ty, s == 3) || by_bytes(family, s))
                {
                    return None;
                }
                Some(Says::Compare(if mirrored { 6 - s } else { s }, value))
            }
            ExprKind::ArrayOp { proc, left, array, all: false, collation: by } => {
                if !kept_by(*by, key_ty, true)
                    || !is_key(left, key)
                    || !self.known(array)
                    || strategy(proc.oid, family)? != 3
                {
                    return None;
                }
                let elem = match &array.kind {
                    ExprKind::Array { items, nested: false } => items.first().map(|i| i.ty.oid),
                    _ => None,
                }
                .or_else(|| oid::array_element(array.ty.oid))?;
                comparable(elem, key_ty.oid, true).then_some(Says::Any(array))
            }
            ExprKind::IsNull { arg, negated } if is_key(arg, key) => {
                Some(if *negated { Says::NotNull } else { Says::IsNull })
            }
            _ => None,
        }
    }

    /// Whether the conditions imply a partial index's predicate.
    fn implied(&self, index: usize) -> bool {
        let conds: Vec<&Expr> = self.conds.iter().collect();
        index_terms::implied(self.scan, self.table, index, &conds, &|p| self.implies_not_null(p))
    }

    /// Whether a condition `x IS NOT NULL` follows from a strict comparison with x.
    fn implies_not_null(&self, p: &Expr) -> bool {
        let ExprKind::IsNull { arg, negated: true } = &p.kind else { return false };
        self.conds.iter().any(|c| match &c.kind {
            ExprKind::Call { proc, args, .. } => {
                proc.proisstrict && !strategies(proc.oid).is_empty() && args.iter().any(|a| is_key(a, arg))
            }
            _ => false,
        })
    }

    /// What an index can do; `None` if nothing.
    fn try_index(&self, index: usize) -> Option<ScanDraft> {
        let i = &self.table.indexes[index];
        // Ranges of blocks are many rows.
        if !i.def.searchable() || i.def.is_brin() || !self.implied(index) {
            return None;
        }
        if i.def.is_tree()
            && let Some(d) = self.nearest(index)
        {
            return Some(d);
        }
        if i.classes().is_some() {
            return self.gather(index);
        }
        let keys = keys_over(self.scan, self.table, index);
        let rel = self.rel();
        let mut used = vec![false; self.conds.len()];
        let mut d = IndexDraft { index, ..IndexDraft::default() };
        let mut sel = 1.0;
        let mut lists = false;
        let mut range_at = None;
        for (n, key) in keys.iter().enumerate() {
            let (Some(key), Some(def)) = (key, i.def.keys.get(n)) else { break };
            let ty = i.key_type(n, self.table);
            let Some(family) = pgdata::opclass(def.opclass).map(|c| c.opcfamily) else { break };
            let said = |c: &'_ usize| self.says(&self.conds[*c], key, family, ty);
            let found = |pick: &dyn Fn(&Says<'_>) -> bool| {
                (0..self.conds.len()).find(|c| !used[*c] && said(c).is_some_and(|s| pick(&s)))
            };
            let hash = i.def.is_hash();
            let one = found(&|s| matches!(s, Says::Compare(3, _)) || (!hash && matches!(s, Says::IsNull)));
            let any = if one.is_none() && !lists { found(&|s| matches!(s, Says::Any(_))) } else { None };
            if let Some(c) = one.or(any) {
                used[c] = true;
                d.equal.push(match said(&c)? {
                    Says::Any(a) => {
                        lists = true;
                        sel *= (stats::elements(a) * stats::equal(rel, def.attnum, ty, a)).min(1.0);
                        KeyDraft::Any(a.clone())
                    }
                    Says::Compare(_, v) => {
                        sel *= stats::equal(rel, def.attnum, ty, v);
                        KeyDraft::One(v.clone())
                    }
                    _ => {
                        sel *= stats::null(rel, def.attnum);
                        KeyDraft::Null
                    }
                });
                continue;
            }
            if hash {
                return None;
            }
            let low = found(&|s| matches!(s, Says::Compare(4 | 5, _)));
            let high = found(&|s| matches!(s, Says::Compare(1 | 2, _)));
            let not_null = found(&|s| matches!(s, Says::NotNull));
            let end = |c: Option<usize>| match said(&c?)? {
                Says::Compare(s, v) => Some((v.clone(), matches!(s, 2 | 4))),
                _ => None,
            };
            (d.low, d.high) = (end(low), end(high));
            d.not_null = low.is_some() || high.is_some() || not_null.is_some();
            for c in [low, high, not_null].into_iter().flatten() {
                used[c] = true;
            }
            sel *= stats::range(rel, def.attnum, ty, d.low.as_ref().map(|x| &x.0), d.high.as_ref().map(|x| &x.0));
            range_at = Some(n);
            break;
        }
        let nulls = d.equal.iter().any(|k| matches!(k, KeyDraft::Null));
        d.single = i.def.unique
            && rel.deferrable_key(i.def.oid).is_none()
            && (!nulls || i.def.nulls_not_distinct)
            && d.equal.len() == i.def.keys.len();
        let rows = stats::table_rows(rel);
        let mut touched = rows * sel;
        if d.single {
            touched = d.equal.iter().map(|k| if let KeyDraft::Any(a) = k { stats::elements(a) } else { 1.0 }).product();
        }
        let (ordered, reverse) = match self.order(&d, &keys, range_at) {
            Some(reverse) => (true, reverse),
            None => (self.want.order.is_empty() || (d.single && !lists), false),
        };
        d.reverse = reverse;
        let (mut key_conds, mut quals) = (Vec::new(), Vec::new());
        for (c, used) in self.conds.iter().zip(&used) {
            if *used { key_conds.push(c.clone()) } else { quals.push(c.clone()) }
        }
        if key_conds.is_empty() && (self.want.order.is_empty() || !ordered) {
            return None;
        }
        let left = stats::residual(quals.len());
        let mut out = touched * left;
        if let Some(limit) = self.want.limit.filter(|_| ordered) {
            touched = touched.min(limit / left);
            out = out.min(limit);
        }
        Some(ScanDraft {
            scan: self.scan.clone(),
            table: Arc::clone(self.table),
            path: PathDraft::Index(d),
            key_conds,
            quals,
            rows: out,
            touched,
            ordered,
            small: false,
        })
    }

    /// Whether an index scan gives the wanted order: the direction it must be read in.
    fn order(&self, d: &IndexDraft, keys: &[Option<Expr>], range_at: Option<usize>) -> Option<bool> {
        if self.want.order.is_empty() || d.equal.iter().any(|k| matches!(k, KeyDraft::Any(_))) {
            return None;
        }
        let index = &self.table.indexes[d.index];
        let def = &index.def;
        if def.is_hash() {
            return None;
        }
        let mut at = d.equal.len();
        let mut reverse = None;
        for o in self.want.order {
            // Values that a collation holds for equal may be ordered by another.
            let one = |(n, k): (usize, &Option<Expr>)| {
                let k = k.as_ref()?;
                (walk::same(&o.expr, k) && is_deterministic(index.key_type(n, self.table).collation)).then_some(())
            };
            let fixed = self.known(&o.expr) || keys[..d.equal.len()].iter().enumerate().any(|k| one(k).is_some());
            if fixed {
                continue;
            }
            let key = keys.get(at)?.as_ref()?;
            let k = &def.keys[at];
            let family = pgdata::opclass(k.opclass)?.opcfamily;
            let labelled = matches!(&o.expr.kind, ExprKind::Relabel(x) if is_collate(&o.expr) && walk::same(x, key));
            let kept = index.key_type(at, self.table).collation;
            if !(labelled || walk::same(&o.expr, key))
                || !is_default_family(family)
                || !same_order(o.expr.ty.collation, kept)
            {
                return None;
            }
            let r = *reverse.get_or_insert(k.desc != o.desc);
            let nullable = !(self.rel().attribute(k.attnum).is_some_and(|c| k.attnum > 0 && c.not_null)
                || (range_at == Some(at) && d.not_null));
            if (k.desc != o.desc) != r || (nullable && (k.nulls_first != o.nulls_first) != r) {
                return None;
            }
            at += 1;
        }
        Some(reverse.unwrap_or(false))
    }

    /// What a search tree can do for an order by distance; `None` if nothing.
    fn nearest(&self, index: usize) -> Option<ScanDraft> {
        let known = |e: &Expr| self.known(e);
        let (column, from) = index_terms::distance(self.scan, self.table, index, self.want.order, &known)?;
        let limit = self.want.limit?;
        let conds: Vec<&Expr> = self.conds.iter().collect();
        let terms = index_terms::terms(self.scan, self.table, index, &conds, &known);
        let used: Vec<Expr> = terms.iter().filter_map(|t| self.conds.get(t.cond).cloned()).collect();
        let left = stats::residual(self.conds.len() - used.len());
        let rows = stats::table_rows(self.rel()) * terms.iter().map(|t| t.lookup.share()).product::<f64>();
        let terms = terms.into_iter().map(|t| (t.lookup, t.value)).collect();
        Some(ScanDraft {
            scan: self.scan.clone(),
            table: Arc::clone(self.table),
            path: PathDraft::Nearest(NearestDraft {
                gather: GatherDraft { index, terms, conds: used },
                column,
                from,
                distance: self.want.order.first()?.expr.clone(),
            }),
            key_conds: Vec::new(),
            quals: self.conds.to_vec(),
            rows: limit.min(rows * left),
            touched: rows.min(limit / left),
            ordered: true,
            small: false,
        })
    }

    /// What an inverted index or a search tree can do; `None` if nothing.
    fn gather(&self, index: usize) -> Option<ScanDraft> {
        let conds: Vec<&Expr> = self.conds.iter().collect();
        let terms = index_terms::terms(self.scan, self.table, index, &conds, &|e| self.known(e));
        if terms.is_empty() {
            return None;
        }
        let touched = stats::table_rows(self.rel()) * terms.iter().map(|t| t.lookup.share()).product::<f64>();
        let used: Vec<Expr> = terms.iter().filter_map(|t| self.conds.get(t.cond).cloned()).collect();
        Some(ScanDraft {
            scan: self.scan.clone(),
            table: Arc::clone(self.table),
            rows: touched * stats::residual(self.conds.len() - used.len()),
            path: PathDraft::Gather(GatherDraft {
                index,
                terms: terms.into_iter().map(|t| (t.lookup, t.value)).collect(),
                conds: used,
            }),
            key_conds: Vec::new(),
            quals: self.conds.to_vec(),
            touched,
            ordered: self.want.order.is_empty(),
            small: false,
        })
    }

    fn heap(&self) -> Option<ScanDraft> {
        let rel = self.rel();
        let small = self.blocks.filter(|b| *b <= SMALL_BLOCKS).map(|b| rows_in_blocks(rel, b).max(1.0));
        let rows = small.unwrap_or_else(|| stats::table_rows(rel));
        let limited = self.conds.is_empty() && self.want.order.is_empty();
        let (touched, small) = match self.want.limit {
            Some(l) if limited && l <= MAX_ROWS => (rows.min(l), false),
            _ if small.is_some() => (rows, true),
            _ if self.want.at_any_cost => (rows, false),
            _ => return None,
        };
        Some(ScanDraft {
            scan: self.scan.clone(),
            table: Arc::clone(self.table),
            path: PathDraft::Heap,
            key_conds: Vec::new(),
            quals: self.conds.to_vec(),
            rows: touched * stats::residual(self.conds.len()),
            touched,
            ordered: self.want.order.is_empty(),
            small,
        })
    }
}

/// Whether a family is the one that ORDER BY means for some type.
fn is_default_family(family: u32) -> bool {
    pgdata::opclasses().iter().any(|c| c.opcdefault && c.opcmethod == pgdata::BTREE && c.opcfamily == family)
}

/// The cheapest way to read a table under conditions that read only its columns and those further out; `None` if no way
/// is short.
pub(super) fn choose(
    scan: &Scan,
    table: &Arc<TableRt>,
    conds: &[Expr],
    want: Want<'_>,
    blocks: Option<u32>,
) -> Option<ScanDraft> {
    let chooser = Chooser { scan, table, conds, want, blocks };
    let cost = |d: &ScanDraft| {
        let sort = if d.ordered { 0.0 } else { d.rows };
        // A look-up costs a descent and a row; a page of a small heap costs its rows only.
        let (row, begin) = match &d.path {
            PathDraft::Heap => (0.5, 0.0),
            PathDraft::Index(_) => (2.0, 0.0),
            // All its entries are read before the first row comes.
            PathDraft::Gather(g) => (2.0, GATHER * g.terms.len() as f64),
            PathDraft::Nearest(_) => (3.0, 0.0),
        };
        begin + d.touched * row + sort - d.key_conds.len() as f64 * 0.01
    };
    (0..table.indexes.len())
        .filter_map(|i| chooser.try_index(i))
        .chain(chooser.heap())
        .filter(|d| want.at_any_cost || d.touched <= MAX_ROWS || matches!(&d.path, PathDraft::Index(i) if i.single))
        .min_by(|a, b| cost(a).total_cmp(&cost(b)))
}
