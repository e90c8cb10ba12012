//! INSERT, UPDATE and DELETE on tables with descendants and on partitions: each row is changed in the table it lies in,
//! and a partitioned table's new rows go to the partition they belong to.
//!
//! Rows come from the source in the shape of the statement's table (the root); each is brought into the shape of its own
//! table, whose checks apply, and back for RETURNING. A row that an UPDATE takes out of its partition is deleted there and
//! inserted where it belongs.

use super::dml::{
    Conflict, Recheck, SourceRows, Stored, change_row, changed_meanwhile, check_not_moved, insert_row,
    inserted_returning, lock_existing, move_row, output_cols, output_slots, remove_row, returning, row_cols,
    second_time, serialization, system_columns,
};
use super::eval::{Compiled, Env, compile};
use super::exclude;
use super::fk::ForeignKeys;
use super::partition::{attribute_map, fits, leaf_of, misfit, reshape, show_row as show};
use super::projection::ctes_of;
use super::run::StatementEnv;
use super::table::{TableRt, borrow_keys};
use super::tables::{decode_row, number_rid};
use super::with_check::{Stage, Under, WithChecks};
use crate::catalog::Relation;
use crate::plan::ir::{Bound, Col, Delete, Insert, Rel, Update};
use crate::transaction::Transaction;
use rustydb_base::{DbError, Result, Rid, SqlState};
use rustydb_parser::ast::TableLockMode;
use rustydb_storage::heap::{RowBuf, TmResult};
use rustydb_storage::table::Inserted;
use rustydb_storage::txn::Snapshot;
use rustydb_types::datum::Datum;
use std::collections::HashMap;
use std::sync::Arc;

/// What a statement answers: RETURNING's rows and the number of rows changed.
type Answer = (Option<Vec<Vec<Datum>>>, u64);

/// Whether statements on a table are this module's.
pub(super) fn concerns(rel: &Relation) -> bool {
    rel.is_partitioned() || rel.bound.is_some() || !rel.children.is_empty()
}

/// A table of the tree.
pub(super) struct Member {
    pub(super) rt: Arc<TableRt>,
    /// Attributes of the root in this table, and of this table in the root, where they differ.
    down: Option<Vec<Option<usize>>>,
    up: Option<Vec<Option<usize>>>,
}

/// The tables that a statement has met.
pub(super) struct Tree {
    pub(super) root: Arc<Relation>,
    members: HashMap<u32, Arc<Member>>,
}

impl Tree {
    pub(super) fn new(root: &Arc<Relation>) -> Tree {
        Tree { root: Arc::clone(root), members: HashMap::new() }
    }

    pub(super) async fn member(&mut self, tx: &mut Transaction, env: &StatementEnv, oid: u32) -> Result<Arc<Member>> {
        if let Some(m) = self.members.get(&oid) {
            return Ok(Arc::clone(m));
        }
        tx.lock_table(oid, TableLockMode::RowExclusive, false).await?;
        tx.refresh_catalog();
        let rel = tx.catalog.relation(oid).cloned().ok_or_else(|| {
            DbError::new(SqlState::UNDEFINED_TABLE, format!("could not open relation with OID {oid}"))
        })?;
        let m = Arc::new(Member {
            down: attribute_map(&self.root, &rel),
            up: attribute_map(&rel, &self.root),
            rt: tx.table(&env.eval, &rel)?,
        });
        self.members.insert(oid, Arc::clone(&m));
        Ok(m)
    }

    /// Where a new row goes.
    pub(super) async fn target(
        &mut self,
        tx: &mut Transaction,
        env: &StatementEnv,
        row: &[Datum],
    ) -> Result<Arc<Member>> {
        if !self.root.is_partitioned() {
            return self.member(tx, env, self.root.oid).await;
        }
        if self.root.bound.is_some() && !fits_in(tx, env, &self.root, row)? {
            return Err(misfit(&self.root, &show(&self.root, row)));
        }
        let leaf = {
            let parts = |r: &Arc<Relation>| tx.partition(&env.eval, r);
            leaf_of(&tx.catalog, &parts, &env.eval, &self.root, row)?.0
        };
        if let Some(m) = self.members.get(&leaf.oid) {
            return Ok(Arc::clone(m));
        }
        // While the lock was waited for another partition may have come that the row belongs to: then the one it was
        // sent to refuses it, seen from the top.
        let m = self.member(tx, env, leaf.oid).await?;
        let mut on_way: Vec<Arc<Relation>> = vec![Arc::clone(&m.rt.rel)];
        on_way.extend(tx.catalog.partition_ancestors(&m.rt.rel));
        for rel in on_way.iter().rev().skip_while(|r| r.oid != self.root.oid).skip(1) {
            let here = reshape(attribute_map(&self.root, rel).as_deref(), row, rel.columns.len());
            if !fits_in(tx, env, rel, &here)? {
                self.members.remove(&leaf.oid);
                return Err(misfit(rel, &show(rel, &here)));
            }
        }
        Ok(m)
    }

    /// Computes generated columns.
    pub(super) fn generate(&self, m: &Member, e: Env<'_>, row: &mut [Datum]) -> Result<()> {
        m.rt.own.as_ref().map_or(Ok(()), |checks| checks.generate(e, row))
    }

    /// Computes generated columns and applies the checks of a row's own table.
    pub(super) fn check(&self, m: &Member, e: Env<'_>, row: &mut [Datum]) -> Result<()> {
        let Some(checks) = &m.rt.own else { return Ok(()) };
        checks.apply(&m.rt, e, row).map_err(|x| {
            if m.up.is_none() || !matches!(x.code, SqlState::NOT_NULL_VIOLATION | SqlState::CHECK_VIOLATION) {
                return x;
            }
            x.detail(format!("Failing row contains ({}).", show(&self.root, &m.to_root(row, &self.root))))
        })
    }
}

impl Member {
    pub(super) fn to_own(&self, row: &[Datum]) -> Vec<Datum> {
        reshape(self.down.as_deref(), row, self.rt.rel.columns.len())
    }

    pub(super) fn to_root(&self, row: &[Datum], root: &Relation) -> Vec<Datum> {
        reshape(self.up.as_deref(), row, root.columns.len())
    }

    /// The place of a root's attribute in this table's rows.
    pub(super) fn attribute(&self, att: usize) -> Option<usize> {
        match &self.down {
            None => Some(att),
            Some(map) => map.get(att).copied().flatten(),
        }
    }
}

/// Whether a row meets a partition's bound.
pub(super) fn fits_in(tx: &Transaction, env: &StatementEnv, rel: &Arc<Relation>, row: &[Datum]) -> Result<bool> {
    fits(&tx.catalog, &|r| tx.partition(&env.eval, r), &env.eval, rel, row)
}

// ---- INSERT ----------------------------------------------------------------------------------------------------

pub(super) async fn insert(
    tx: &mut Transaction,
    bound: &Arc<Bound>,
    i: &Insert,
    snap: Snapshot,
    params: &Arc<[Datum]>,
    env: &StatementEnv,
    fks: &mut ForeignKeys,
) -> Result<Answer> {
    let mut tree = Tree::new(&i.table);
    let width = i.table.columns.len();
    let ret = inserted_returning(i)?;
    let under = Under { snap, params, env };
    let with = WithChecks::new(&i.table, &i.checks.with, &i.row, ctes_of(&i.source), under)?;
    let conflict = match &i.on_conflict {
        Some(c) => {
            let new = |u| Conflict::new(u, i, under);
            Some((c.arbiters.clone(), c.update.as_ref().map(new).transpose()?))
        }
        None => None,
    };
    let mut out = ret.as_ref().map(|_| Vec::new());
    let mut count = 0;
    let mut source = SourceRows::open(tx, bound, &i.source, snap, params, env).await?;
    let e = Env { ctx: &env.eval, params };
    while let Some(values) = source.next(Some(&mut *tx)).await? {
        env.cancel.check()?;
        let mut row = vec![Datum::Null; width];
        for (d, attnum) in values.into_iter().zip(&i.targets) {
            row[*attnum as usize - 1] = d;
        }
        let m = tree.target(tx, env, &row).await?;
        let mut own = m.to_own(&row);
        if !with.is_empty() {
            tree.generate(&m, e, &mut own)?;
            with.apply(Stage::Before, tx, &m.to_root(&own, &i.table)).await?;
        }
        tree.check(&m, e, &mut own)?;
        if !i.table.is_partitioned() && !fits_in(tx, env, &m.rt.rel, &own)? {
            return Err(misfit(&m.rt.rel, &show(&m.rt.rel, &own)));
        }
        let stored = match &conflict {
            None => insert_row(tx, &m.rt, env, &own, fks).await?,
            Some((arbiters, update)) => {
                let c = Proposed { tree: &tree, m: &m, arbiters, update: update.as_ref(), params };
                match c.insert(tx, env, &own, fks).await? {
                    Some(r) => r,
                    None => continue,
                }
            }
        };
        let (shown, rid) = match stored {
            Stored::New(rid) => {
                with.apply(Stage::After, tx, &m.to_root(&own, &i.table)).await?;
                fks.child(&m.rt, rid, &own);
                fks.relieve(tx, env).await?;
                (own, rid)
            }
            Stored::Updated(r, rid) => (r, rid),
        };
        count += 1;
        if let (Some(out), Some(ret)) = (&mut out, &ret) {
            if i.table.is_partitioned() && i.system.iter().any(|(_, n)| !matches!(n, -1 | -6)) {
                return Err(DbError::unsupported("cannot retrieve a system column in this context"));
            }
            let mut shown = m.to_root(&shown, &i.table);
            shown.extend(system_columns(tx, &m.rt, rid, &i.system).await?);
            out.push(ret.row(e, &shown)?);
        }
    }
    if let (Some(rows), Some(ret)) = (out.take(), &ret) {
        out = Some(ret.finish(tx, rows, snap, params, env).await?);
    }
    Ok((out, count))
}

/// A row proposed for insertion, with what ON CONFLICT says.
struct Proposed<'a> {
    tree: &'a Tree,
    m: &'a Arc<Member>,
    /// Indexes of the root.
    arbiters: &'a [u32],
    update: Option<&'a Conflict<'a>>,
    params: &'a Arc<[Datum]>,
}

impl Proposed<'_> {
    async fn insert(
        &self,
        tx: &mut Transaction,
        env: &StatementEnv,
        row: &[Datum],
        fks: &mut ForeignKeys,
    ) -> Result<Option<Stored>> {
        let rt = &self.m.rt;
        let e = Env { ctx: &env.eval, params: self.params };
        let encoded = rt.encode(row)?;
        let keys = rt.keys(Env { ctx: &env.eval, params: &[] }, row)?;
        loop {
            // Partitioned tables have no exclusion constraints, so none of a partition's can be named.
            let arbiter = |i| self.arbiters.is_empty() || self.arbiters.contains(&i);
            if self.update.is_none() && exclude::in_the_way(tx, rt, env, row, arbiter).await? {
                return Ok(None);
            }
            let d = match tx.txn.insert(&rt.desc, &encoded.values(), &borrow_keys(&keys)).await? {
                Inserted::Row(rid) => {
                    tx.count_inserted(rt, 1);
                    fks.keys(tx, rt, row, &keys).await?;
                    exclude::stored(tx, rt, env, rid, row, fks).await?;
                    return Ok(Some(Stored::New(rid)));
                }
                Inserted::Duplicate(d) => d,
            };
            let index = rt.indexes[d.index].def.oid;
            let arbiter = |a: &u32| *a == index || super::partition::index_of(&tx.catalog, &rt.rel, *a) == Some(index);
            if !self.arbiters.is_empty() && !self.arbiters.iter().any(arbiter) {
                return Err(super::dml::refused(tx, rt, &env.eval, &d, row));
            }
            let Some(update) = self.update else {
                if tx.isolation.one_snapshot() && !tx.sees_newest(rt, d.rid).await? {
                    return Err(serialization("update"));
                }
                return Ok(None);
            };
            let latest = tx.latest_snapshot();
            let mut image = RowBuf::new();
            if !tx.txn.fetch(&latest, rt.desc.rel, d.rid, &mut image).await? {
                let later = Snapshot { cid: latest.cid.saturating_add(1), ..latest };
                if tx.txn.fetch(&later, rt.desc.rel, d.rid, &mut image).await? {
                    return Err(second_time());
                }
                env.cancel.check()?;
                continue;
            }
            if tx.isolation.one_snapshot() && !tx.sees_newest(rt, d.rid).await? {
                return Err(serialization("update"));
            }
            let root = &self.tree.root;
            let set: Vec<usize> = update.set.iter().filter_map(|a| self.m.attribute(*a)).collect();
            let existing = decode_row(&mut tx.txn, rt, &image).await?;
            let mut both = self.m.to_root(&existing, root);
            both.extend(self.m.to_root(row, root));
            if let Some(f) = &update.filter
                && !matches!(f.one(tx, &both, update.snap, self.params, env).await?[..], [Datum::Bool(true)])
            {
                if lock_existing(tx, rt, &latest, d.rid, &set).await? {
                    return Ok(None);
                }
                env.cancel.check()?;
                continue;
            }
            if rt.changes_key(&set) && !lock_existing(tx, rt, &latest, d.rid, &set).await? {
                env.cancel.check()?;
                continue;
            }
            if !update.existing.is_empty() {
                update.existing.apply(Stage::Before, tx, &self.m.to_root(&existing, root)).await?;
            }
            let mut new = existing.clone();
            let values = update.values.one(tx, &both, update.snap, self.params, env).await?;
            for (att, v) in update.set.iter().zip(values) {
                if let Some(slot) = self.m.attribute(*att).and_then(|a| new.get_mut(a)) {
                    *slot = v;
                }
            }
            if !fits_in(tx, env, &rt.rel, &new)? {
                if !root.is_partitioned() {
                    return Err(misfit(&rt.rel, &show(&rt.rel, &new)));
                }
                return Err(DbError::new(SqlState::FEATURE_NOT_SUPPORTED, "invalid ON UPDATE specification")
                    .detail("The result tuple would appear in a different partition than the original tuple."));
            }
            if !update.with.is_empty() {
                self.tree.generate(self.m, e, &mut new)?;
                update.with.apply(Stage::Before, tx, &self.m.to_root(&new, root)).await?;
            }
            self.tree.check(self.m, e, &mut new)?;
            match change_row(tx, rt, env, &latest, d.rid, &image, &existing, &new, fks).await? {
                TmResult::Ok => {
                    update.with.apply(Stage::After, tx, &self.m.to_root(&new, root)).await?;
                    fks.changed(tx, rt, d.rid, &existing, &new);
                    return Ok(Some(Stored::Updated(new, d.rid)));
                }
                TmResult::SelfModified => {
                    return Err(second_time());
                }
                _ => env.cancel.check()?,
            }
        }
    }
}

// ---- UPDATE and DELETE -----------------------------------------------------------------------------------------

/// Reading the row of a source row in the table it lies in, again and again while others change it.
pub(super) struct Target<'a> {
    root: Arc<Relation>,
    rid: usize,
    tableoid: Option<usize>,
    /// Position among the source's outputs of each attribute of the root.
    old: Vec<(usize, usize)>,
    recheck: Recheck,
    env: &'a StatementEnv,
}

impl<'a> Target<'a> {
    pub(super) fn new(
        root: &Arc<Relation>,
        source: &Rel,
        rid: Col,
        tableoid: Option<Col>,
        old: &[(Col, i16)],
        env: &'a StatementEnv,
    ) -> Result<(Target<'a>, Vec<Col>)> {
        let outs = source.outputs();
        let slot = output_slots(&outs);
        let missing = || DbError::internal("source lacks a column of its target");
        let t = Target {
            root: Arc::clone(root),
            rid: slot(rid.id).ok_or_else(missing)?,
            tableoid: tableoid.map(|c| slot(c.id).ok_or_else(missing)).transpose()?,
            old: old
                .iter()
                .map(|(c, n)| Ok((slot(c.id).ok_or_else(missing)?, *n as usize - 1)))
                .collect::<Result<_>>()?,
            recheck: Recheck::new(source, &outs),
            env,
        };
        drop(slot);
        Ok((t, outs))
    }

    /// Where a source row comes from; `None` for the empty side of an outer join.
    pub(super) fn place(&self, row: &[Datum]) -> Result<Option<(u32, Rid)>> {
        let oid = match self.tableoid.map(|t| &row[t]) {
            None => self.root.oid,
            Some(Datum::Oid(o)) => *o,
            Some(_) => return Ok(None),
        };
        match &row[self.rid] {
            Datum::Int8(n) => Ok(Some((oid, number_rid(*n)))),
            Datum::Null => Ok(None),
            _ => Err(DbError::internal("row id is not a number")),
        }
    }

    /// Puts another version of the target's row (in the root's shape; empty for none) into a source row.
    pub(super) fn fill(&self, row: &mut [Datum], values: &[Datum]) {
        for (to, from) in &self.old {
            row[*to] = values.get(*from).cloned().unwrap_or(Datum::Null);
        }
    }

    /// After a conflict: the newest version, if it is still to be changed.
    #[allow(clippy::too_many_arguments, reason = "a row is read again by all of this")]
    async fn again(
        &self,
        tx: &mut Transaction,
        m: &Member,
        e: Env<'_>,
        rid: Rid,
        row: &mut [Datum],
        image: &mut RowBuf,
        what: TmResult,
    ) -> Result<Option<Snapshot>> {
        self.env.cancel.check()?;
        if tx.isolation.one_snapshot() {
            return Err(changed_meanwhile(tx, self.env, what));
        }
        let latest = tx.latest_snapshot();
        if !tx.txn.fetch(&latest, m.rt.desc.rel, rid, image).await? {
            check_not_moved(tx, &m.rt, rid).await?;
            return Ok(None);
        }
        if self.recheck.impossible {
            return Err(changed_meanwhile(tx, self.env, what));
        }
        let own = decode_row(&mut tx.txn, &m.rt, image).await?;
        self.fill(row, &m.to_root(&own, &self.root));
        Ok(self.recheck.holds(e, row)?.then_some(latest))
    }
}

pub(super) async fn update(
    tx: &mut Transaction,
    bound: &Arc<Bound>,
    u: &Update,
    snap: Snapshot,
    params: &Arc<[Datum]>,
    env: &StatementEnv,
    fks: &mut ForeignKeys,
) -> Result<Answer> {
    let mut tree = Tree::new(&u.table);
    let (target, outs) = Target::new(&u.table, &u.source, u.rid, u.tableoid, &u.old, env)?;
    let slot = output_slots(&outs);
    let set: Vec<(usize, Compiled)> =
        u.set.iter().map(|(n, e)| Ok((*n as usize - 1, compile(e, &slot)?))).collect::<Result<_>>()?;
    // RETURNING reads the new row, then the source's other columns.
    let ret_cols = row_cols(&u.new, 0).chain(output_cols(&outs, u.table.columns.len())).collect();
    let ret = returning(&u.returning, ret_cols, &u.source)?;
    let under = Under { snap, params, env };
    let with = WithChecks::new(&u.table, &u.checks.with, &u.new, ctes_of(&u.source), under)?;
    let mut out = ret.as_ref().map(|_| Vec::new());
    let mut count = 0;
    let mut source = SourceRows::open(tx, bound, &u.source, snap, params, env).await?;
    let e = Env { ctx: &env.eval, params };
    let mut image = RowBuf::new();
    while let Some(mut row) = source.next(Some(&mut *tx)).await? {
        env.cancel.check()?;
        let Some((oid, rid)) = target.place(&row)? else { continue };
        let m = tree.member(tx, env, oid).await?;
        let mut seen = snap;
        if !tx.txn.fetch(&seen, m.rt.desc.rel, rid, &mut image).await? {
            continue;
        }
        let stored = loop {
            let old = decode_row(&mut tx.txn, &m.rt, &image).await?;
            let mut new = old.clone();
            for (att, x) in &set {
                let d = x.eval(e, &row)?;
                if let Some(place) = m.attribute(*att).and_then(|a| new.get_mut(a)) {
                    *place = d;
                }
            }
            if !with.is_empty() {
                tree.generate(&m, e, &mut new)?;
                with.apply(Stage::Before, tx, &m.to_root(&new, &u.table)).await?;
            }
            let done = if m.rt.rel.bound.is_some() && !fits_in(tx, env, &m.rt.rel, &new)? {
                if !tree.root.is_partitioned() {
                    return Err(misfit(&m.rt.rel, &show(&m.rt.rel, &new)));
                }
                let to = tree.target(tx, env, &m.to_root(&new, &u.table)).await?;
                match move_row(tx, &m.rt, env, &seen, rid, &image, &old).await? {
                    TmResult::Ok => {
                        let mut moved = to.to_own(&m.to_root(&new, &u.table));
                        tree.check(&to, e, &mut moved)?;
                        if let Stored::New(at) = insert_row(tx, &to.rt, env, &moved, fks).await? {
                            fks.moved(tx, &m.rt, &old, (&to.rt, at), &moved);
                        }
                        // RETURNING shows where the row is now.
                        if let Some(place) = target.tableoid.and_then(|t| row.get_mut(t)) {
                            *place = Datum::Oid(to.rt.rel.oid);
                        }
                        break Some(to.to_root(&moved, &u.table));
                    }
                    other => other,
                }
            } else {
                tree.check(&m, e, &mut new)?;
                match change_row(tx, &m.rt, env, &seen, rid, &image, &old, &new, fks).await? {
                    TmResult::Ok => {
                        fks.changed(tx, &m.rt, rid, &old, &new);
                        break Some(m.to_root(&new, &u.table));
                    }
                    other => other,
                }
            };
            match done {
                TmResult::SelfModified => break None,
                other => match target.again(tx, &m, e, rid, &mut row, &mut image, other).await? {
                    Some(s) => seen = s,
                    None => break None,
                },
            }
        };
        let Some(mut new) = stored else { continue };
        with.apply(Stage::After, tx, &new).await?;
        count += 1;
        fks.relieve(tx, env).await?;
        if let (Some(out), Some(ret)) = (&mut out, &ret) {
            new.extend(row);
            out.push(ret.row(e, &new)?);
        }
    }
    if let (Some(rows), Some(ret)) = (out.take(), &ret) {
        out = Some(ret.finish(tx, rows, snap, params, env).await?);
    }
    Ok((out, count))
}

pub(super) async fn delete(
    tx: &mut Transaction,
    bound: &Arc<Bound>,
    d: &Delete,
    snap: Snapshot,
    params: &Arc<[Datum]>,
    env: &StatementEnv,
    fks: &mut ForeignKeys,
) -> Result<Answer> {
    let mut tree = Tree::new(&d.table);
    let (target, outs) = Target::new(&d.table, &d.source, d.rid, d.tableoid, &d.old, env)?;
    let ret = returning(&d.returning, output_cols(&outs, 0).collect(), &d.source)?;
    let mut out = ret.as_ref().map(|_| Vec::new());
    let mut count = 0;
    let mut source = SourceRows::open(tx, bound, &d.source, snap, params, env).await?;
    let e = Env { ctx: &env.eval, params };
    let mut image = RowBuf::new();
    while let Some(mut row) = source.next(Some(&mut *tx)).await? {
        env.cancel.check()?;
        let Some((oid, rid)) = target.place(&row)? else { continue };
        let m = tree.member(tx, env, oid).await?;
        let mut seen = snap;
        if !tx.txn.fetch(&seen, m.rt.desc.rel, rid, &mut image).await? {
            continue;
        }
        let gone = loop {
            let old = decode_row(&mut tx.txn, &m.rt, &image).await?;
            match remove_row(tx, &m.rt, env, &seen, rid, &image, &old).await? {
                TmResult::Ok => break Some(old),
                TmResult::SelfModified => break None,
                other => match target.again(tx, &m, e, rid, &mut row, &mut image, other).await? {
                    Some(s) => seen = s,
                    None => break None,
                },
            }
        };
        let Some(old) = gone else { continue };
        count += 1;
        fks.removed(tx, &m.rt, &old);
        fks.relieve(tx, env).await?;
        if let (Some(out), Some(ret)) = (&mut out, &ret) {
            out.push(ret.row(e, &row)?);
        }
    }
    if let (Some(rows), Some(ret)) = (out.take(), &ret) {
        out = Some(ret.finish(tx, rows, snap, params, env).await?);
    }
    Ok((out, count))
}
