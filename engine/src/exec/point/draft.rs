//! The planner of point programs: which operator runs when, and through which index each table is read.
//!
//! Conditions sink towards the scans whose columns they read; an inner join's inputs are put in an order in which each is
//! looked up by what the ones before it give; a sort disappears where an index gives the order. Whatever is not short by
//! the estimates, or not of the kinds listed in [`super`], makes the whole tree no point program.

use super::access::{
    MAX_ROWS, NearestDraft, PathDraft, ScanDraft, Want, choose, columns, conjuncts, is_volatile, reads_only,
};
use super::subquery::{SubDraft, is_known_first};
use crate::catalog::partition::tests_over;
use crate::catalog::{RelKind, Relation};
use crate::exec::sort_keys;
use crate::exec::subquery::has_subquery;
use crate::exec::table::TableRt;
use crate::plan::ir::{
    AggCall, Append, Col, ColId, ColMap, ColSet, Expr, ExprKind, FRESH, JoinKind, PruneTree, Rel, RowLock, SetOpKind,
    SortKey,
};
use crate::plan::leak::leakproof;
use crate::plan::walk;
use rustydb_base::Result;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::{keyenc, oid, pgdata, registry};
use std::sync::Arc;

/// Most rows a whole program may be expected to touch, and how many more per scan: about what a join costs the other
/// executor whatever its size.
const MAX_TOUCHED: f64 = 4.0 * MAX_ROWS;
const MAX_TOUCHED_EACH: f64 = MAX_ROWS;
/// Rows expected of a LIMIT whose number is a parameter.
const UNKNOWN_LIMIT: f64 = 100.0;
/// Most inputs of a nest of inner joins.
const MAX_INPUTS: usize = 64;
/// Deepest tree.
const MAX_DEPTH: usize = 40;
/// Most tables of an Append.
const MAX_BRANCHES: usize = 1024;

/// A planned operator.
pub(super) struct Draft {
    pub kind: Kind,
    /// Rows that come out.
    pub rows: f64,
    /// Rows of tables that are looked at.
    pub touched: f64,
    /// In the order that was wanted.
    pub ordered: bool,
}

pub(super) enum Kind {
    Values { cols: Vec<Col>, rows: Vec<Vec<Expr>> },
    Scan(Box<ScanDraft>),
    Project { input: Box<Draft>, exprs: Vec<(Col, Expr)> },
    Filter { input: Box<Draft>, preds: Vec<Expr> },
    Join { kind: JoinKind, left: Box<Draft>, right: Box<Draft>, nulls: Vec<Col> },
    Limit { input: Box<Draft>, limit: Option<Expr>, offset: Option<Expr> },
    Sort { input: Box<Draft>, keys: Vec<SortKey>, carry: Vec<Col> },
    Distinct { input: Box<Draft>, key: Vec<Col> },
    Aggregate { input: Box<Draft>, groups: Vec<(Col, Expr)>, aggs: Vec<(Col, AggCall)> },
    Subqueries { input: Box<Draft>, subs: Vec<SubDraft> },
    Lock { input: Box<Draft>, locks: Vec<RowLock> },
    Append { cols: Vec<Col>, branches: Vec<(Draft, Vec<Col>)>, prune: Option<PruneDraft> },
}

/// How the partitions of an Append are chosen when it runs: a partitioned table's tests, the values they take, and what
/// its partitions are.
pub(super) struct PruneDraft {
    pub tree: Arc<PruneTree>,
    pub conds: Vec<Expr>,
}

/// Gives a stored table ready for row operations.
pub type TableSource<'a> = &'a dyn Fn(&Arc<Relation>) -> Result<Arc<TableRt>>;

/// Blocks a stored table has now, if that is known without reading from disk.
pub type BlocksNow<'a> = &'a dyn Fn(&Relation) -> Option<u32>;

pub(super) struct Planner<'a> {
    pub table: TableSource<'a>,
    pub blocks: BlocksNow<'a>,
    pub depth: usize,
    /// The last id given to a subquery's answer.
    pub next: ColId,
}

/// The answer of every planning step: `None` if the tree is no point program.
pub(super) type Planned = Result<Option<Draft>>;

impl Draft {
    /// Tables read.
    pub(super) fn scans(&self) -> usize {
        match &self.kind {
            Kind::Scan(_) => 1,
            Kind::Values { .. } => 0,
            Kind::Join { left, right, .. } => left.scans() + right.scans(),
            Kind::Append { branches, .. } => branches.iter().map(|b| b.0.scans()).sum(),
            Kind::Project { input, .. }
            | Kind::Filter { input, .. }
            | Kind::Limit { input, .. }
            | Kind::Sort { input, .. }
            | Kind::Distinct { input, .. }
            | Kind::Aggregate { input, .. }
            | Kind::Lock { input, .. } => input.scans(),
            Kind::Subqueries { input, subs } => input.scans() + subs.iter().map(|s| s.draft.scans()).sum::<usize>(),
        }
    }

    /// Under a predicate, if there is any.
    pub(super) fn filtered(self, preds: Vec<Expr>) -> Draft {
        if preds.is_empty() {
            return self;
        }
        let (rows, touched, ordered) = (self.rows, self.touched, self.ordered);
        Draft { kind: Kind::Filter { input: Box::new(self), preds }, rows, touched, ordered }
    }
}

/// The plan of a whole tree.
pub(super) fn plan(rel: &Rel, table: TableSource<'_>, blocks: BlocksNow<'_>) -> Planned {
    let locks = has_locks(rel);
    let outer = ColSet::default();
    let mut p = Planner { table, blocks, depth: 0, next: FRESH };
    let d = p.rel(rel, Vec::new(), Want { outer: &outer, order: &[], limit: None, at_any_cost: locks })?;
    Ok(d.filter(|d| locks || d.touched <= MAX_TOUCHED + MAX_TOUCHED_EACH * d.scans() as f64))
}

/// Whether rows are locked at the top of a tree.
fn has_locks(rel: &Rel) -> bool {
    match rel {
        Rel::LockRows { .. } => true,
        Rel::Project { input, .. } | Rel::Limit { input, .. } => has_locks(input),
        _ => false,
    }
}

/// A condition over an operator's outputs, over its input instead.
fn substitute(e: &Expr, map: &ColMap<&Expr>) -> Expr {
    let mut e = e.clone();
    // This rewrite answers no error.
    let _ = walk::rewrite(&mut e, &mut |x| {
        Ok(match x.kind {
            ExprKind::Column(c) => map.get(&c).map(|e| (*e).clone()),
            _ => None,
        })
    });
    e
}

fn ids(cols: &[Col]) -> ColSet {
    cols.iter().map(|c| c.id).collect()
}

/// Columns a relation reads from outside itself.
pub(super) fn free_columns(rel: &Rel) -> ColSet {
    let mut read = ColSet::default();
    walk::visit_rel(rel, &mut |e| {
        if let ExprKind::Column(c) = e.kind {
            read.insert(c);
        }
    });
    walk::visit_rels(rel, &mut |r| r.outputs().iter().for_each(|c| _ = read.remove(&c.id)));
    read
}

impl Planner<'_> {
    pub(super) fn rel(&mut self, rel: &Rel, conds: Vec<Expr>, want: Want<'_>) -> Planned {
        if self.depth >= MAX_DEPTH {
            return Ok(None);
        }
        self.depth += 1;
        let done = self.operator(rel, conds, want);
        self.depth -= 1;
        done
    }

    fn operator(&mut self, rel: &Rel, mut conds: Vec<Expr>, want: Want<'_>) -> Planned {
        match rel {
            Rel::Values { rows, .. } if rows.iter().flatten().any(has_subquery) => self.values(rel, conds, want),
            Rel::Values { cols, rows } => {
                let kind = Kind::Values { cols: cols.clone(), rows: rows.clone() };
                let n = rows.len() as f64;
                let ordered = want.order.is_empty() || rows.len() <= 1;
                Ok(Some(Draft { kind, rows: n, touched: 0.0, ordered }.filtered(conds)))
            }
            Rel::Scan(s) => {
                let stored = matches!(s.table.kind, RelKind::Table | RelKind::MaterializedView);
                let plain = s.cols.iter().all(|c| c.1 > 0 || matches!(c.1, -1 | -6));
                if !stored || s.table.storage.is_none() || s.sample.is_some() || s.as_of.is_some() || !plain {
                    return Ok(None);
                }
                let table = (self.table)(&s.table)?;
                let Some(d) = choose(s, &table, &conds, want, (self.blocks)(&s.table)) else { return Ok(None) };
                let (rows, touched, ordered) = (d.rows, d.touched, d.ordered);
                Ok(Some(Draft { kind: Kind::Scan(Box::new(d)), rows, touched, ordered }))
            }
            Rel::Filter { input, pred } => {
                let mut all = Vec::new();
                conjuncts(pred, &mut all);
                let (stay, sink): (Vec<_>, Vec<_>) = all.into_iter().partition(is_volatile);
                conds.extend(sink);
                let (first, stay): (Vec<_>, Vec<_>) = stay.into_iter().partition(|c| is_known_first(c, want.outer));
                if !first.is_empty() {
                    return self.after(first, want, &mut |p, first, want| {
                        conds.extend(first);
                        p.filter(input, std::mem::take(&mut conds), stay.clone(), want)
                    });
                }
                self.filter(input, conds, stay, want)
            }
            Rel::Project { input, exprs } => self.project(input, exprs, conds, want),
            Rel::Append(a) => self.append(a, conds, want),
            Rel::Join { .. } => self.join(rel, conds, want),
            Rel::Aggregate { input, groups, aggs, sets, grouping_id } => {
                if !sets.is_empty() || grouping_id.is_some() {
                    return Ok(None);
                }
                self.aggregate(input, groups, aggs, conds, want)
            }
            Rel::SetOp { op: SetOpKind::Union, all, cols, .. } => {
                let mut sides = Vec::new();
                flatten_union(rel, *all, &mut sides);
                let sides: Vec<(&Rel, Vec<Col>)> = sides.into_iter().map(|r| (r, r.outputs())).collect();
                if !*all && cols.iter().any(|c| !keyenc::is_orderable(c.ty.oid)) {
                    return Ok(None);
                }
                let limit = want.limit.filter(|_| *all);
                let Some(d) = self.branches(cols, &sides, conds, None, Want { limit, ..want })? else {
                    return Ok(None);
                };
                if *all {
                    return Ok(Some(d));
                }
                let (rows, touched, ordered) = (d.rows, d.touched, d.ordered);
                Ok(Some(Draft {
                    kind: Kind::Distinct { input: Box::new(d), key: cols.clone() },
                    rows,
                    touched,
                    ordered,
                }))
            }
            Rel::Distinct { input, on } => {
                // DISTINCT ON keeps the first row in the input's order, which a condition from above must not change.
                let key = on.clone().unwrap_or_else(|| input.outputs());
                if key.iter().any(|c| !keyenc::is_orderable(c.ty.oid)) {
                    return Ok(None);
                }
                let below = Want { limit: None, order: if on.is_some() { &[] } else { want.order }, ..want };
                let Some(d) = self.rel(input, Vec::new(), below)? else { return Ok(None) };
                let (rows, touched) = (d.rows, d.touched);
                let ordered = d.ordered && (on.is_none() || want.order.is_empty());
                let kind = Kind::Distinct { input: Box::new(d), key };
                Ok(Some(Draft { kind, rows, touched, ordered }.filtered(conds)))
            }
            Rel::Sort { input, keys } => {
                let keys = sort_keys::needed(keys, input);
                if keys.is_empty() {
                    return self.rel(input, conds, want);
                }
                let below = Want { order: &keys, limit: want.limit, ..want };
                let Some(d) = self.rel(input, conds, below)? else { return Ok(None) };
                if d.ordered {
                    return Ok(Some(Draft { ordered: want.order.is_empty(), ..d }));
                }
                let (rows, touched) = (d.rows, d.touched);
                let kind = Kind::Sort { input: Box::new(d), keys, carry: input.outputs() };
                Ok(Some(Draft { kind, rows, touched, ordered: want.order.is_empty() }))
            }
            // A fence: conditions that could tell something of the rows that are taken away behind it are tested after.
            Rel::Limit { input, limit: None, offset: None, ties: None } => {
                let (down, stay): (Vec<_>, Vec<_>) = conds.into_iter().partition(leakproof);
                let limit = want.limit.filter(|_| stay.is_empty());
                Ok(self.rel(input, down, Want { limit, ..want })?.map(|d| d.filtered(stay)))
            }
            Rel::Limit { input, limit, offset, ties } => {
                if ties.is_some() || limit.iter().chain(offset).any(|e| !reads_only(e, &|c| want.outer.contains(&c))) {
                    return Ok(None);
                }
                let number = |e: &Option<Expr>| match e.as_ref().map(|e| (e.as_const(), e)) {
                    Some((Some(Datum::Int8(n)), _)) => Some((*n).max(0) as f64),
                    Some((Some(_), _)) | None => None,
                    Some((None, _)) => Some(UNKNOWN_LIMIT),
                };
                let n = number(limit).map(|n| n + number(offset).unwrap_or(0.0));
                let below = Want { order: &[], limit: n, ..want };
                let Some(d) = self.rel(input, Vec::new(), below)? else { return Ok(None) };
                let (rows, touched) = (n.map_or(d.rows, |n| d.rows.min(n)), d.touched);
                let kind = Kind::Limit { input: Box::new(d), limit: limit.clone(), offset: offset.clone() };
                Ok(Some(Draft { kind, rows, touched, ordered: want.order.is_empty() }.filtered(conds)))
            }
            Rel::LockRows { input, locks } => {
                if !lockable(input) {
                    return Ok(None);
                }
                let below = Want { order: &[], ..want };
                let Some(d) = self.rel(input, Vec::new(), below)? else { return Ok(None) };
                let (rows, touched) = (d.rows, d.touched);
                let kind = Kind::Lock { input: Box::new(d), locks: locks.clone() };
                Ok(Some(Draft { kind, rows, touched, ordered: want.order.is_empty() }.filtered(conds)))
            }
            _ => Ok(None),
        }
    }

    /// A relation under conditions, then those that are not its own to test.
    fn filter(&mut self, input: &Rel, conds: Vec<Expr>, stay: Vec<Expr>, want: Want<'_>) -> Planned {
        let limit = want.limit.filter(|_| stay.is_empty());
        let Some(d) = self.rel(input, conds, Want { limit, ..want })? else { return Ok(None) };
        self.tested(d, stay, want)
    }

    fn append(&mut self, a: &Append, conds: Vec<Expr>, want: Want<'_>) -> Planned {
        let list: Vec<(&Rel, Vec<Col>)> = a.branches.iter().map(|b| (&b.rel, b.cols.clone())).collect();
        self.branches(&a.cols, &list, conds, a.prune.as_ref(), want)
    }

    /// The rows of several relations, each looked up by the conditions; of partitions, those that the conditions leave.
    fn branches(
        &mut self,
        cols: &[Col],
        list: &[(&Rel, Vec<Col>)],
        conds: Vec<Expr>,
        prune: Option<&Arc<PruneTree>>,
        want: Want<'_>,
    ) -> Planned {
        if list.len() > MAX_BRANCHES {
            return Ok(None);
        }
        let mut branches = Vec::with_capacity(list.len());
        let (mut rows, mut touched, mut most) = (0.0, 0.0, 0.0f64);
        for (rel, own_cols) in list {
            let columns: Vec<Expr> = own_cols.iter().map(|c| Expr::column(*c)).collect();
            let map: ColMap<&Expr> = cols.iter().zip(&columns).map(|(c, e)| (c.id, e)).collect();
            let own = conds.iter().map(|c| substitute(c, &map)).collect();
            let below = Want { order: &[], ..want };
            let Some(d) = self.rel(rel, own, below)? else { return Ok(None) };
            rows += d.rows;
            touched += d.touched;
            most = most.max(d.touched);
            branches.push((d, own_cols.clone()));
        }
        let prune = prune.filter(|t| {
            let refs: Vec<&Expr> = conds.iter().collect();
            !tests_over(&t.keys, &refs, &|c| want.outer.contains(&c)).0.is_empty()
        });
        let prune = prune.map(|t| PruneDraft { tree: Arc::clone(t), conds: conds.clone() });
        if prune.is_some() {
            // Few of the partitions are read.
            touched = most;
            rows = rows.min(most.max(1.0));
        }
        let kind = Kind::Append { cols: cols.to_vec(), branches, prune };
        Ok(Some(Draft { kind, rows, touched, ordered: want.order.is_empty() }))
    }

    fn project(&mut self, input: &Rel, exprs: &[(Col, Expr)], conds: Vec<Expr>, want: Want<'_>) -> Planned {
        // Asked only for what comes from above.
        let asked = if conds.is_empty() && want.order.is_empty() { &[] } else { exprs };
        let map: ColMap<&Expr> = asked.iter().filter(|x| !is_volatile(&x.1)).map(|x| (x.0.id, &x.1)).collect();
        let volatile = asked.iter().filter(|x| !map.contains_key(&x.0.id)).map(|x| x.0.id).collect::<ColSet>();
        let (sink, stay): (Vec<_>, Vec<_>) =
            conds.into_iter().partition(|c| reads_only(c, &|c| !volatile.contains(&c)));
        let sink = sink.iter().map(|c| substitute(c, &map)).collect();
        let order: Vec<SortKey> =
            want.order.iter().map(|k| SortKey { expr: substitute(&k.expr, &map), ..k.clone() }).collect();
        // A condition that stays above may drop rows.
        let limit = want.limit.filter(|_| stay.is_empty());
        let Some(d) = self.rel(input, sink, Want { order: &order, limit, ..want })? else {
            return Ok(None);
        };
        let mut exprs = exprs.to_vec();
        let parts = exprs.iter_mut().map(|x| &mut x.1).collect();
        let Some(d) = self.attach(d, parts, want.outer)? else { return Ok(None) };
        let (rows, touched, ordered) = (d.rows, d.touched, d.ordered);
        let kind = Kind::Project { input: Box::new(d), exprs };
        self.tested(Draft { kind, rows, touched, ordered }, stay, want)
    }

    fn aggregate(
        &mut self,
        input: &Rel,
        groups: &[(Col, Expr)],
        aggs: &[(Col, AggCall)],
        conds: Vec<Expr>,
        want: Want<'_>,
    ) -> Planned {
        if groups.iter().any(|g| !keyenc::is_orderable(g.1.ty.oid)) {
            return Ok(None);
        }
        for (_, a) in aggs {
            let keys = !a.distinct || a.args.iter().all(|x| keyenc::is_orderable(x.ty.oid));
            if a.direct > 0 || !keys || registry::agg_kernel_of(a.proc).is_none() {
                return Ok(None);
            }
        }
        let below = Want { order: &[], limit: None, ..want };
        let one = match (groups, aggs) {
            ([], [(_, a)]) => self.edge(input, a, below)?,
            _ => None,
        };
        // What is asked of the groups alone is asked of their rows; without groups there is a row even if there are none.
        let map: ColMap<&Expr> = groups.iter().filter(|g| !is_volatile(&g.1)).map(|g| (g.0.id, &g.1)).collect();
        let of_groups = |c: ColId| map.contains_key(&c) || want.outer.contains(&c);
        let (sink, stay): (Vec<_>, Vec<_>) =
            conds.into_iter().partition(|c| !groups.is_empty() && reads_only(c, &of_groups));
        let d = match one {
            Some(d) => Some(d),
            None => self.rel(input, sink.iter().map(|c| substitute(c, &map)).collect(), below)?,
        };
        let Some(d) = d else { return Ok(None) };
        let touched = d.touched;
        let (rows, ordered) = match groups {
            [] => (1.0, true),
            _ => (d.rows.max(1.0), want.order.is_empty()),
        };
        let kind = Kind::Aggregate { input: Box::new(d), groups: groups.to_vec(), aggs: aggs.to_vec() };
        Ok(Some(Draft { kind, rows, touched, ordered }.filtered(stay)))
    }

    /// The input of a lone min or max cut down to its first row in an index's order.
    fn edge(&mut self, input: &Rel, a: &AggCall, below: Want<'_>) -> Planned {
        let Some(op) = pgdata::aggregate(a.proc.oid).map(|x| x.aggsortop).filter(|o| *o != 0) else {
            return Ok(None);
        };
        let ([arg], None) = (a.args.as_slice(), &a.filter) else { return Ok(None) };
        let Some(strategy) = pgdata::amops_of_operator(op).iter().find(|m| m.amopmethod == pgdata::BTREE) else {
            return Ok(None);
        };
        let order = [SortKey { expr: arg.clone(), desc: strategy.amopstrategy == 5, nulls_first: false }];
        let boolean = TypeRef { oid: oid::BOOL, typmod: -1, collation: 0 };
        let some = Expr::new(ExprKind::IsNull { arg: Box::new(arg.clone()), negated: true }, boolean);
        let d = self.rel(input, vec![some], Want { order: &order, limit: Some(1.0), ..below })?;
        let Some(d) = d.filter(|d| d.ordered) else { return Ok(None) };
        let int8 = TypeRef { oid: oid::INT8, typmod: -1, collation: 0 };
        let limit = Some(Expr::new(ExprKind::Const(Datum::Int8(1)), int8));
        let touched = d.touched;
        let kind = Kind::Limit { input: Box::new(d), limit, offset: None };
        Ok(Some(Draft { kind, rows: 1.0, touched, ordered: true }))
    }

    fn join(&mut self, rel: &Rel, mut conds: Vec<Expr>, want: Want<'_>) -> Planned {
        let Rel::Join { kind, left, right, on, .. } = rel else { return Ok(None) };
        match kind {
            JoinKind::Inner => {
                let mut leaves = Vec::new();
                flatten(rel, &mut leaves, &mut conds);
                self.inner(leaves, conds, want)
            }
            JoinKind::Left | JoinKind::Semi | JoinKind::Anti => {
                self.outer(*kind, left, right, on.as_ref(), conds, want)
            }
            JoinKind::Right => self.outer(JoinKind::Left, right, left, on.as_ref(), conds, want),
            JoinKind::Full => Ok(None),
        }
    }

    /// Puts inner-joined inputs in an order in which each finds its rows by the ones before.
    fn inner(&mut self, mut leaves: Vec<&Rel>, mut conds: Vec<Expr>, want: Want<'_>) -> Planned {
        if leaves.len() > MAX_INPUTS {
            return Ok(None);
        }
        let mut known = want.outer.clone();
        let volatile: Vec<Expr> = conds.extract_if(.., |c| is_volatile(c)).collect();
        let mut sofar: Option<Draft> = None;
        while !leaves.is_empty() {
            let mut best: Option<(f64, usize, Draft, ColSet)> = None;
            for (i, leaf) in leaves.iter().enumerate() {
                if !free_columns(leaf).iter().all(|c| known.contains(c)) {
                    continue;
                }
                let mut with = known.clone();
                with.extend(leaf.outputs().iter().map(|c| c.id));
                let own: Vec<Expr> = conds.iter().filter(|c| reads_only(c, &|x| with.contains(&x))).cloned().collect();
                let first = sofar.is_none();
                // The rows of the first input come in its order, which is the wanted one only if no other has a say.
                let decides = first && ordered_by(want.order, &|c| with.contains(&c));
                let below = Want {
                    outer: &known,
                    order: if decides { want.order } else { &[] },
                    limit: want.limit.filter(|_| first),
                    ..want
                };
                let Some(mut d) = self.rel(leaf, own, below)? else { continue };
                d.ordered &= decides || !first || want.order.is_empty();
                // An order that is had for nothing is worth a little more reading.
                let cost = d.touched + d.rows + if first && !d.ordered { d.rows } else { 0.0 };
                if best.as_ref().is_none_or(|b| cost < b.0) {
                    best = Some((cost, i, d, with));
                }
            }
            let Some((_, i, d, with)) = best else { return Ok(None) };
            leaves.remove(i);
            conds.retain(|c| !reads_only(c, &|x| with.contains(&x)));
            known = with;
            sofar = Some(match sofar {
                None => d,
                Some(l) => {
                    let rows = l.rows.max(1.0) * d.rows;
                    let touched = l.touched + l.rows.max(1.0) * d.touched;
                    let ordered = l.ordered;
                    let kind =
                        Kind::Join { kind: JoinKind::Inner, left: Box::new(l), right: Box::new(d), nulls: Vec::new() };
                    Draft { kind, rows, touched, ordered }
                }
            });
        }
        conds.extend(volatile);
        match sofar {
            Some(d) => self.tested(d, conds, want),
            None => Ok(None),
        }
    }

    /// Left, semi and anti joins: the right side is read per left row.
    fn outer(
        &mut self,
        kind: JoinKind,
        left: &Rel,
        right: &Rel,
        on: Option<&Expr>,
        conds: Vec<Expr>,
        want: Want<'_>,
    ) -> Planned {
        let left_cols = ids(&left.outputs());
        let of_left = |c: ColId| left_cols.contains(&c) || want.outer.contains(&c);
        let (sink, stay): (Vec<_>, Vec<_>) = conds.into_iter().partition(|c| reads_only(c, &of_left));
        let mut on_conds = Vec::new();
        if let Some(on) = on {
            conjuncts(on, &mut on_conds);
        }
        if on_conds.iter().any(is_volatile) {
            return Ok(None);
        }
        let decides = ordered_by(want.order, &of_left);
        let below = Want {
            limit: want.limit.filter(|_| stay.is_empty()),
            order: if decides { want.order } else { &[] },
            ..want
        };
        let Some(l) = self.rel(left, sink, below)? else {
            return Ok(None);
        };
        let mut known = want.outer.clone();
        known.extend(&left_cols);
        let Some(r) = self.rel(right, on_conds, Want { outer: &known, order: &[], limit: None, ..want })? else {
            return Ok(None);
        };
        let each = if kind == JoinKind::Left { r.rows.max(1.0) } else { 1.0 };
        let (rows, touched) = (l.rows.max(1.0) * each, l.touched + l.rows.max(1.0) * r.touched);
        let nulls = if kind == JoinKind::Left { right.outputs() } else { Vec::new() };
        let ordered = l.ordered && (decides || want.order.is_empty());
        let kind = Kind::Join { kind, left: Box::new(l), right: Box::new(r), nulls };
        Ok(Some(Draft { kind, rows, touched, ordered }.filtered(stay)))
    }
}

/// Whether an order is one of these columns alone.
fn ordered_by(order: &[SortKey], has: &dyn Fn(ColId) -> bool) -> bool {
    order.iter().all(|k| reads_only(&k.expr, has))
}

/// Inputs and conditions of a nest of inner joins.
fn flatten<'r>(rel: &'r Rel, leaves: &mut Vec<&'r Rel>, conds: &mut Vec<Expr>) {
    match rel {
        Rel::Join { kind: JoinKind::Inner, left, right, on, .. } => {
            flatten(left, leaves, conds);
            flatten(right, leaves, conds);
            if let Some(on) = on {
                conjuncts(on, conds);
            }
        }
        Rel::Filter { input, pred } if matches!(**input, Rel::Join { kind: JoinKind::Inner, .. }) => {
            flatten(input, leaves, conds);
            conjuncts(pred, conds);
        }
        leaf => leaves.push(leaf),
    }
}

/// The sides of nested UNIONs that all keep duplicates, or whose duplicates the outermost drops anyway.
fn flatten_union<'r>(rel: &'r Rel, keep: bool, sides: &mut Vec<&'r Rel>) {
    match rel {
        Rel::SetOp { op: SetOpKind::Union, all, left, right, .. } if *all || !keep => {
            flatten_union(left, keep, sides);
            flatten_union(right, keep, sides);
        }
        side => sides.push(side),
    }
}

/// Whether the rows of a tree can be checked again with one of them replaced by its newest version.
fn lockable(rel: &Rel) -> bool {
    match rel {
        Rel::Scan(_) => true,
        Rel::Project { input, exprs } => lockable(input) && !exprs.iter().any(|x| is_volatile(&x.1)),
        Rel::Filter { input, pred } => lockable(input) && !has_subquery(pred),
        Rel::Sort { input, .. } => lockable(input),
        Rel::Limit { input, .. } if rel.behind_fence().is_some() => lockable(input),
        Rel::Join { kind: JoinKind::Inner, left, right, on, .. } => {
            lockable(left) && lockable(right) && !on.as_ref().is_some_and(has_subquery)
        }
        _ => false,
    }
}

/// Whether a projected expression must be computed: it is read, or it has effects.
pub(super) fn is_needed(x: &(Col, Expr), used: &ColSet) -> bool {
    used.contains(&x.0.id) || is_volatile(&x.1)
}

/// Adds the columns that expressions of a plan read, keys of index paths included, to those that are read from above.
/// Conditions that only a path's guarantee replaces are not looked at.
pub(super) fn read_columns(d: &Draft, out: &mut ColSet) {
    let seen = if matches!(d.kind, Kind::Project { .. }) { out.clone() } else { ColSet::default() };
    let mut all = |v: &[Expr]| v.iter().for_each(|e| columns(e, out));
    match &d.kind {
        Kind::Values { rows, .. } => rows.iter().for_each(|r| all(r)),
        Kind::Scan(s) => {
            all(&s.quals);
            if let PathDraft::Gather(g) | PathDraft::Nearest(NearestDraft { gather: g, .. }) = &s.path {
                g.terms.iter().for_each(|t| columns(&t.1, out));
            }
            if let PathDraft::Nearest(n) = &s.path {
                columns(&n.from, out);
                columns(&n.distance, out);
            }
            if let PathDraft::Index(i) = &s.path {
                for k in &i.equal {
                    if let super::access::KeyDraft::One(e) | super::access::KeyDraft::Any(e) = k {
                        columns(e, out);
                    }
                }
                i.low.iter().chain(&i.high).for_each(|b| columns(&b.0, out));
            }
        }
        Kind::Project { input, exprs } => {
            exprs.iter().filter(|x| is_needed(x, &seen)).for_each(|x| columns(&x.1, out));
            read_columns(input, out);
        }
        Kind::Filter { input, preds } => {
            all(preds);
            read_columns(input, out);
        }
        Kind::Append { cols, branches, prune } => {
            if let Some(p) = prune {
                p.conds.iter().for_each(|e| {
                    // Those of the Append itself are not read by the choice of partitions.
                    let mut read = ColSet::default();
                    columns(e, &mut read);
                    out.extend(read.into_iter().filter(|c| !cols.iter().any(|x| x.id == *c)));
                });
            }
            for (d, own) in branches {
                out.extend(
                    cols.iter().zip(own).filter(|(c, _)| out.contains(&c.id)).map(|(_, o)| o.id).collect::<Vec<_>>(),
                );
                read_columns(d, out);
            }
        }
        Kind::Join { left, right, .. } => {
            // The right side reads the left side's columns.
            read_columns(right, out);
            read_columns(left, out);
        }
        Kind::Limit { input, limit, offset } => {
            limit.iter().chain(offset).for_each(|e| columns(e, out));
            read_columns(input, out);
        }
        Kind::Sort { input, keys, .. } => {
            keys.iter().for_each(|k| columns(&k.expr, out));
            read_columns(input, out);
        }
        Kind::Distinct { input, key } => {
            out.extend(key.iter().map(|c| c.id));
            read_columns(input, out);
        }
        Kind::Aggregate { input, groups, aggs } => {
            groups.iter().for_each(|g| columns(&g.1, out));
            for (_, a) in aggs {
                let keys = a.order_by.iter().map(|k| &k.expr);
                a.args.iter().chain(&a.filter).chain(keys).for_each(|e| columns(e, out));
            }
            read_columns(input, out);
        }
        Kind::Subqueries { input, subs } => {
            for s in subs {
                s.guard.iter().chain(&s.test).for_each(|e| columns(e, out));
                out.extend(s.values.iter().map(|c| c.id));
                read_columns(&s.draft, out);
            }
            read_columns(input, out);
        }
        Kind::Lock { input, locks } => {
            out.extend(locks.iter().map(|l| l.rid.id));
            read_columns(input, out);
        }
    }
}
