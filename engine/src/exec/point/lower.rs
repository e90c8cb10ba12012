//! From a planned tree to a program: slots for columns, expressions compiled, operators in one list.

use super::access::{IndexDraft, KeyDraft, NearestDraft, PathDraft, ScanDraft, columns};
use super::draft::{Draft, Kind, is_needed, read_columns};
use super::plan::*;
use super::subquery::SubDraft;
use crate::catalog::partition::tests_over;
use crate::exec::eval::{Compiled, compile};
use crate::exec::locking::lock_mode;
use crate::exec::subquery::has_subquery;
use crate::exec::table::TableRt;
use crate::plan::ir::{Col, ColId, ColMap, ColSet, Expr, ExprKind, PruneChild, PruneTree, RowLock, SortKey};
use rustydb_base::{DbError, Result};
use rustydb_storage::heap::Rel;
use rustydb_types::datum::TypeRef;
use rustydb_types::registry;
use std::sync::Arc;

/// A program's parts.
pub(super) struct Program {
    pub nodes: Vec<Node>,
    pub root: NodeId,
    /// Number of slots.
    pub width: usize,
    pub outputs: Vec<Slot>,
    /// Row id columns of scans, for [`super::PointScratch::pin`].
    pub rids: Vec<(ColId, NodeId)>,
    /// SCN below which snapshots must not use the program's indexes.
    pub valid_from: u64,
    /// Tables that are read as a whole because they were small.
    pub small: Vec<Rel>,
    /// A table is read as a whole of which a block range index could leave out some.
    pub skips_ranges: bool,
}

struct Lowering {
    used: ColSet,
    slots: ColMap<Slot>,
    width: usize,
    nodes: Vec<Node>,
    rids: Vec<(ColId, NodeId)>,
    valid_from: u64,
    small: Vec<Rel>,
    skips_ranges: bool,
    /// Whether a row lock is above: sorts keep everything then.
    locked: bool,
}

/// Lowers a plan whose outputs are `outputs`.
pub(super) fn lower(d: &Draft, outputs: &[Col]) -> Result<Program> {
    let mut used: ColSet = outputs.iter().map(|c| c.id).collect();
    read_columns(d, &mut used);
    let mut l = Lowering {
        used,
        slots: ColMap::default(),
        width: 0,
        nodes: Vec::new(),
        rids: Vec::new(),
        valid_from: 0,
        small: Vec::new(),
        skips_ranges: false,
        locked: false,
    };
    let root = l.draft(d)?;
    let outputs = outputs.iter().map(|c| l.slot(c.id)).collect::<Result<Vec<_>>>()?;
    let Lowering { nodes, width, rids, valid_from, small, skips_ranges, .. } = l;
    Ok(Program { nodes, root, width, outputs, rids, valid_from, small, skips_ranges })
}

impl Lowering {
    fn add(&mut self, n: Node) -> NodeId {
        self.nodes.push(n);
        self.nodes.len() - 1
    }

    fn new_slot(&mut self, c: ColId) -> Slot {
        let s = self.width;
        self.width += 1;
        self.slots.insert(c, s);
        s
    }

    fn slot(&self, c: ColId) -> Result<Slot> {
        self.slots.get(&c).copied().ok_or_else(|| DbError::internal(format!("column {c} has no slot")))
    }

    fn expr(&self, e: &Expr) -> Result<Compiled> {
        if has_subquery(e) {
            return Err(DbError::unsupported("a subquery in this place of a point program"));
        }
        compile(e, &|c| self.slots.get(&c).copied())
    }

    fn exprs(&self, v: &[Expr]) -> Result<Vec<Compiled>> {
        v.iter().map(|e| self.expr(e)).collect()
    }

    fn optional(&self, e: &Option<Expr>) -> Result<Option<Compiled>> {
        e.as_ref().map(|e| self.expr(e)).transpose()
    }

    fn order(&self, keys: &[SortKey]) -> Result<Vec<OrderKey>> {
        let key = |k: &SortKey| Ok(OrderKey { expr: self.expr(&k.expr)?, desc: k.desc, nulls_first: k.nulls_first });
        keys.iter().map(key).collect()
    }

    fn draft(&mut self, d: &Draft) -> Result<NodeId> {
        let node = match &d.kind {
            Kind::Values { cols, rows } => {
                let rows = rows.iter().map(|r| self.exprs(r)).collect::<Result<_>>()?;
                Node::Values { rows, slots: cols.iter().map(|c| self.new_slot(c.id)).collect() }
            }
            Kind::Scan(s) => return self.scan(s),
            Kind::Project { input, exprs } => {
                let from = self.width;
                let input = self.draft(input)?;
                let mut computed = Vec::new();
                for x in exprs {
                    if !is_needed(x, &self.used) {
                        continue;
                    }
                    let (c, e) = x;
                    // A column of the input needs no copy; one from further out does, because an outer join above may
                    // set this one to NULL.
                    match e.kind {
                        ExprKind::Column(id) if self.slots.get(&id).is_some_and(|s| *s >= from) => {
                            let s = self.slot(id)?;
                            self.slots.insert(c.id, s);
                        }
                        _ => {
                            let e = self.expr(e)?;
                            computed.push((self.new_slot(c.id), e));
                        }
                    }
                }
                if computed.is_empty() {
                    return Ok(input);
                }
                Node::Project { input, exprs: computed }
            }
            Kind::Filter { input, preds } => {
                let input = self.draft(input)?;
                Node::Filter { input, preds: self.exprs(preds)? }
            }
            Kind::Join { kind, left, right, nulls } => {
                let left = self.draft(left)?;
                let from = self.width;
                let right = self.draft(right)?;
                let nulls =
                    nulls.iter().filter_map(|c| self.slots.get(&c.id).copied()).filter(|s| *s >= from).collect();
                Node::Join { kind: *kind, left, right, nulls }
            }
            Kind::Append { cols, branches, prune } => {
                // What the choice of partitions compares with was known before.
                let prune = prune.as_ref().map(|p| self.prune(&p.tree, &p.conds)).transpose()?;
                let read: Vec<(usize, ColId)> = cols
                    .iter()
                    .enumerate()
                    .filter(|(_, c)| self.used.contains(&c.id))
                    .map(|(i, c)| (i, c.id))
                    .collect();
                let used: Vec<(usize, Slot)> = read.into_iter().map(|(i, c)| (i, self.new_slot(c))).collect();
                let mut out = Vec::with_capacity(branches.len());
                for (d, own) in branches {
                    let input = self.draft(d)?;
                    let moves = used
                        .iter()
                        .map(|(i, to)| {
                            let c = own.get(*i).ok_or_else(|| DbError::internal("a branch lost a column"))?;
                            Ok((self.slot(c.id)?, *to))
                        })
                        .collect::<Result<_>>()?;
                    out.push(AppendBranch { input, moves });
                }
                Node::Append { branches: out, prune }
            }
            Kind::Limit { input, limit, offset } => {
                let input = self.draft(input)?;
                Node::Limit { input, limit: self.optional(limit)?, offset: self.optional(offset)? }
            }
            Kind::Sort { input, keys, carry } => {
                let from = self.width;
                let input = self.draft(input)?;
                let mut carry: Vec<Slot> = if self.locked {
                    (from..self.width).collect()
                } else {
                    carry.iter().filter_map(|c| self.slots.get(&c.id).copied()).filter(|s| *s >= from).collect()
                };
                carry.sort_unstable();
                carry.dedup();
                Node::Sort { input, keys: self.order(keys)?, carry }
            }
            Kind::Distinct { input, key } => {
                let input = self.draft(input)?;
                let key = key.iter().map(|c| Ok((self.slot(c.id)?, c.ty))).collect::<Result<_>>()?;
                Node::Distinct { input, key }
            }
            Kind::Aggregate { input, groups, aggs } => {
                let input = self.draft(input)?;
                let mut keys = Vec::with_capacity(groups.len());
                for (c, e) in groups {
                    let expr = self.expr(e)?;
                    keys.push(GroupKey { expr, ty: e.ty, slot: self.new_slot(c.id) });
                }
                let mut out = Vec::with_capacity(aggs.len());
                for (c, a) in aggs {
                    let kernel = registry::agg_kernel_of(a.proc)
                        .ok_or_else(|| DbError::internal("aggregate without a kernel in a point program"))?;
                    out.push(AggNode {
                        kernel,
                        args: self.exprs(&a.args)?,
                        types: a.args.iter().map(|x| x.ty).collect(),
                        filter: self.optional(&a.filter)?,
                        distinct: a.distinct,
                        order: self.order(&a.order_by)?,
                        result: a.ty,
                        collation: a.collation,
                        slot: self.new_slot(c.id),
                    });
                }
                Node::Aggregate { input, groups: keys, aggs: out }
            }
            Kind::Subqueries { input, subs } => {
                let input = self.draft(input)?;
                let subs = subs.iter().map(|s| self.subquery(s)).collect::<Result<_>>()?;
                Node::Subqueries { input, subs }
            }
            Kind::Lock { input, locks } => {
                self.locked = true;
                let child = self.draft(input)?;
                self.locked = false;
                let mut recheck = Recheck::default();
                self.recheck(input, &mut recheck)?;
                let locks = locks.iter().map(|l| self.lock(l)).collect::<Result<_>>()?;
                Node::Lock { input: child, locks, recheck }
            }
        };
        Ok(self.add(node))
    }

    fn subquery(&mut self, s: &SubDraft) -> Result<SubNode> {
        let guard = self.optional(&s.guard)?;
        let root = self.draft(&s.draft)?;
        Ok(SubNode {
            root,
            asked: s.asked,
            guard,
            values: s.values.iter().map(|c| self.slot(c.id)).collect::<Result<_>>()?,
            types: s.values.iter().map(|c| c.ty).collect(),
            test: self.optional(&s.test)?,
            slot: self.new_slot(s.col.id),
            constant: s.constant,
        })
    }

    fn prune(&self, tree: &PruneTree, conds: &[Expr]) -> Result<PruneNode> {
        let refs: Vec<&Expr> = conds.iter().collect();
        let (tests, values) = tests_over(&tree.keys, &refs, &|c| self.slots.contains_key(&c));
        Ok(PruneNode {
            desc: Arc::clone(&tree.desc),
            tests,
            values: values.into_iter().map(|e| self.expr(e)).collect::<Result<_>>()?,
            children: tree
                .children
                .iter()
                .map(|c| {
                    Ok(match c {
                        PruneChild::Branch(i) => PruneStep::Branch(*i),
                        PruneChild::Tree(t) => PruneStep::Node(self.prune(t, conds)?),
                    })
                })
                .collect::<Result<_>>()?,
        })
    }

    fn lock(&self, l: &RowLock) -> Result<LockNode> {
        let rid = self.slot(l.rid.id)?;
        let found = self.nodes.iter().position(|n| matches!(n, Node::Scan(s) if s.rid == Some(rid)));
        let scan = found.ok_or_else(|| DbError::internal("locked row does not come from a scan"))?;
        Ok(LockNode { rid, scan, mode: lock_mode(l.strength), wait: l.wait })
    }

    /// Collects what depends on the rows of a tree, in the order of evaluation.
    fn recheck(&self, d: &Draft, out: &mut Recheck) -> Result<()> {
        match &d.kind {
            Kind::Scan(s) => {
                out.preds.extend(self.exprs(&s.key_conds)?);
                out.preds.extend(self.exprs(&s.quals)?);
            }
            Kind::Filter { input, preds } => {
                self.recheck(input, out)?;
                out.preds.extend(self.exprs(preds)?);
            }
            Kind::Project { input, exprs } => {
                self.recheck(input, out)?;
                for (c, e) in exprs {
                    let slot = self.slots.get(&c.id).copied();
                    let alias = matches!(e.kind, ExprKind::Column(id) if self.slots.get(&id).copied() == slot);
                    if let Some(slot) = slot.filter(|_| !alias) {
                        out.exprs.push((slot, self.expr(e)?));
                    }
                }
            }
            Kind::Sort { input, .. } => self.recheck(input, out)?,
            Kind::Join { left, right, .. } => {
                self.recheck(left, out)?;
                self.recheck(right, out)?;
            }
            _ => return Err(DbError::internal("row locks over an operator that cannot be checked again")),
        }
        Ok(())
    }

    fn scan(&mut self, d: &ScanDraft) -> Result<NodeId> {
        let rt = &d.table;
        let mut keys = ColSet::default();
        d.key_conds.iter().for_each(|e| columns(e, &mut keys));
        let (mut cols, mut key_cols, mut system) = (Vec::new(), Vec::new(), Vec::new());
        // The path reads only what was known before this scan.
        let path = match &d.path {
            PathDraft::Heap => Path::Heap,
            PathDraft::Index(i) => Path::Index(self.path(d, i)?),
            PathDraft::Gather(g) => {
                let index = &rt.indexes[g.index];
                self.valid_from = self.valid_from.max(index.def.valid_from);
                let terms = g.terms.iter().map(|(a, e)| Ok((*a, self.expr(e)?))).collect::<Result<_>>()?;
                let whole = index.def.has_pending_list();
                Path::Gather(GatherPath { desc: index.desc, whole, terms })
            }
            // It measures rows, too.
            PathDraft::Nearest(_) => Path::Heap,
        };
        for (c, attnum) in &d.scan.cols {
            let used = self.used.contains(&c.id);
            if !used && !keys.contains(&c.id) {
                continue;
            }
            let slot = self.new_slot(c.id);
            let Ok(att) = usize::try_from(*attnum - 1) else {
                system.push((*attnum, slot, c.ty.oid));
                continue;
            };
            let read = self.read(d, att, slot)?;
            // A row that is locked later is judged again by all conditions, those of scans whose rows stay included.
            if used || self.locked { cols.push(read) } else { key_cols.push(read) }
        }
        let rid = d.scan.rid.filter(|r| self.used.contains(&r.id)).map(|r| self.new_slot(r.id));
        let path = if let PathDraft::Nearest(n) = &d.path { self.nearest(rt, n)? } else { path };
        let node = ScanNode {
            table: Arc::clone(rt),
            path,
            cols,
            key_cols,
            system,
            rid,
            quals: self.exprs(&d.quals)?,
            key_quals: self.exprs(&d.key_conds)?,
        };
        let heap = matches!(d.path, PathDraft::Heap) && !self.locked;
        self.skips_ranges |= heap && !d.quals.is_empty() && rt.indexes.iter().any(|i| i.def.is_brin());
        if d.small {
            self.small.push(d.table.desc.rel);
        }
        let id = self.add(Node::Scan(Box::new(node)));
        if let Some(r) = d.scan.rid {
            self.rids.push((r.id, id));
        }
        Ok(id)
    }

    fn nearest(&mut self, rt: &TableRt, n: &NearestDraft) -> Result<Path> {
        let index = &rt.indexes[n.gather.index];
        self.valid_from = self.valid_from.max(index.def.valid_from);
        let terms = n.gather.terms.iter().map(|(a, e)| Ok((*a, self.expr(e)?))).collect::<Result<_>>()?;
        let (from, distance) = (self.expr(&n.from)?, self.expr(&n.distance)?);
        Ok(Path::Nearest(NearestPath { desc: index.desc, terms, column: n.column, from, distance }))
    }

    fn read(&self, d: &ScanDraft, att: usize, slot: Slot) -> Result<ColRead> {
        let bad = || DbError::internal("scan of a column that the table does not have");
        let kind = *d.table.kinds.get(att).ok_or_else(bad)?;
        let ty: TypeRef = d.table.rel.columns.get(att).ok_or_else(bad)?.ty;
        Ok(ColRead { att, slot, kind, ty })
    }

    fn path(&mut self, d: &ScanDraft, i: &IndexDraft) -> Result<IndexPath> {
        let rt = &d.table;
        let index = &rt.indexes[i.index];
        self.valid_from = self.valid_from.max(index.def.valid_from);
        let order = |n: usize| {
            let k = &index.def.keys[n];
            KeyOrder { ty: index.key_type(n, rt), desc: k.desc, nulls_first: k.nulls_first }
        };
        let mut equal = Vec::with_capacity(i.equal.len());
        for (n, k) in i.equal.iter().enumerate() {
            let value = match k {
                KeyDraft::One(e) => KeyValue::One(self.expr(e)?),
                KeyDraft::Any(e) => KeyValue::Any(self.expr(e)?),
                KeyDraft::Null => KeyValue::Null,
            };
            equal.push(KeyPart { order: order(n), value });
        }
        let bound = |b: &Option<(Expr, bool)>| -> Result<Option<Bound>> {
            b.as_ref().map(|(e, inclusive)| Ok(Bound { value: self.expr(e)?, inclusive: *inclusive })).transpose()
        };
        let check = if index.has_expressions() {
            KeyCheck::Computed
        } else {
            let mut v = Vec::with_capacity(index.def.keys.len());
            for (n, k) in index.def.keys.iter().enumerate() {
                let att = usize::try_from(k.attnum - 1).map_err(|_| DbError::internal("index key without a column"))?;
                v.push((self.read(d, att, 0)?, order(n)));
            }
            KeyCheck::Attributes(v)
        };
        Ok(IndexPath {
            index: i.index,
            desc: index.desc,
            next: (equal.len() < index.def.keys.len()).then(|| order(equal.len())),
            equal,
            low: bound(&i.low)?,
            high: bound(&i.high)?,
            not_null: i.not_null,
            reverse: i.reverse,
            exact: i.single,
            check,
        })
    }
}
