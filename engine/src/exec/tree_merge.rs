//! MERGE into tables with descendants and into partitions: as [`super::merge`], with each row changed in the table it lies
//! in, and rows inserted or updated in a partitioned table going to the partition they belong to.

use super::dml::{
    SourceRows, Stored, change_row, changed_meanwhile, check_not_moved, insert_row, move_row, remove_row,
};
use super::eval::{Compiled, Env, compile};
use super::fk::ForeignKeys;
use super::merge::{Action, Change, Policies, actions, choose, twice};
use super::partition::{misfit, show_row};
use super::run::StatementEnv;
use super::tables::decode_row;
use super::tree::{Member, Target, Tree, fits_in};
use super::with_check::{Stage, Under};
use crate::plan::ir::{Bound, Merge};
use crate::transaction::Transaction;
use rustydb_base::{Result, Rid};
use rustydb_storage::heap::{RowBuf, TmResult};
use rustydb_storage::txn::{Isolation, Snapshot};
use rustydb_types::datum::Datum;
use std::sync::Arc;

struct Running<'a> {
    tree: Tree,
    target: Target<'a>,
    actions: Vec<Action>,
    policies: Policies<'a>,
    /// ON over one row; `None` if that takes more than the row.
    on: Option<Compiled>,
    snap: Snapshot,
    params: &'a Arc<[Datum]>,
    env: &'a StatementEnv,
}

/// Runs MERGE; answers how many rows it changed.
pub(super) async fn run(
    tx: &mut Transaction,
    bound: &Arc<Bound>,
    m: &Merge,
    snap: Snapshot,
    params: &Arc<[Datum]>,
    env: &StatementEnv,
    fks: &mut ForeignKeys,
) -> Result<u64> {
    let (target, outs) = Target::new(&m.table, &m.source, m.rid, m.tableoid, &m.old, env)?;
    let on = compile(&m.on, &super::dml::output_slots(&outs)).ok();
    let actions = actions(m, &outs)?;
    let policies = Policies::new(m, Under { snap, params, env })?;
    let mut r = Running { tree: Tree::new(&m.table), target, actions, policies, on, snap, params, env };
    let mut count = 0;
    let mut source = SourceRows::open(tx, bound, &m.source, snap, params, env).await?;
    while let Some(mut row) = source.next(Some(&mut *tx)).await? {
        env.cancel.check()?;
        let changed = match r.target.place(&row)? {
            Some((oid, rid)) => r.matching(tx, &mut row, oid, rid, fks).await?,
            None => r.unmatched(tx, &row, fks).await?,
        };
        count += u64::from(changed);
        fks.relieve(tx, env).await?;
    }
    Ok(count)
}

impl Running<'_> {
    async fn unmatched(&mut self, tx: &mut Transaction, row: &[Datum], fks: &mut ForeignKeys) -> Result<bool> {
        let chosen = choose(&self.actions, tx, false, row, (self.snap, self.params, self.env)).await?;
        let Some(Change::Insert(at, values)) = chosen else { return Ok(false) };
        let mut new = vec![Datum::Null; self.tree.root.columns.len()];
        let values = values.one(tx, row, self.snap, self.params, self.env).await?;
        for (att, v) in at.iter().zip(values) {
            new[*att] = v;
        }
        let m = self.tree.target(tx, self.env, &new).await?;
        let mut own = m.to_own(&new);
        let e = Env { ctx: &self.env.eval, params: self.params };
        if !self.policies.inserted.is_empty() {
            self.tree.generate(&m, e, &mut own)?;
            self.policies.inserted.apply(Stage::Before, tx, &m.to_root(&own, &self.tree.root)).await?;
        }
        self.tree.check(&m, e, &mut own)?;
        if !self.tree.root.is_partitioned() && !fits_in(tx, self.env, &m.rt.rel, &own)? {
            return Err(misfit(&m.rt.rel, &show_row(&m.rt.rel, &own)));
        }
        if let Stored::New(rid) = insert_row(tx, &m.rt, self.env, &own, fks).await? {
            fks.child(&m.rt, rid, &own);
        }
        Ok(true)
    }

    async fn matching(
        &mut self,
        tx: &mut Transaction,
        row: &mut [Datum],
        oid: u32,
        rid: Rid,
        fks: &mut ForeignKeys,
    ) -> Result<bool> {
        let m = self.tree.member(tx, self.env, oid).await?;
        let e = Env { ctx: &self.env.eval, params: self.params };
        let mut image = RowBuf::new();
        let mut seen = self.snap;
        if !tx.txn.fetch(&seen, m.rt.desc.rel, rid, &mut image).await? {
            return Ok(false);
        }
        loop {
            let old = decode_row(&mut tx.txn, &m.rt, &image).await?;
            let done = match choose(&self.actions, tx, true, row, (self.snap, self.params, self.env)).await? {
                None | Some(Change::Nothing | Change::Insert(..)) => return Ok(false),
                Some(Change::Delete) => {
                    if !self.policies.before_delete.is_empty() {
                        let shown = m.to_root(&old, &self.tree.root);
                        self.policies.before_delete.apply(Stage::Before, tx, &shown).await?;
                    }
                    let done = remove_row(tx, &m.rt, self.env, &seen, rid, &image, &old).await?;
                    if done == TmResult::Ok {
                        fks.removed(tx, &m.rt, &old);
                    }
                    done
                }
                Some(Change::Update(at, values)) => {
                    if !self.policies.before_update.is_empty() {
                        let shown = m.to_root(&old, &self.tree.root);
                        self.policies.before_update.apply(Stage::Before, tx, &shown).await?;
                    }
                    let mut new = old.clone();
                    let values = values.one(tx, row, self.snap, self.params, self.env).await?;
                    for (att, v) in at.iter().zip(values) {
                        if let Some(place) = m.attribute(*att).and_then(|a| new.get_mut(a)) {
                            *place = v;
                        }
                    }
                    if !self.policies.updated.is_empty() {
                        self.tree.generate(&m, e, &mut new)?;
                        self.policies.updated.apply(Stage::Before, tx, &m.to_root(&new, &self.tree.root)).await?;
                    }
                    if m.rt.rel.bound.is_some() && !fits_in(tx, self.env, &m.rt.rel, &new)? {
                        if !self.tree.root.is_partitioned() {
                            return Err(misfit(&m.rt.rel, &show_row(&m.rt.rel, &new)));
                        }
                        let root = Arc::clone(&self.tree.root);
                        let to = self.tree.target(tx, self.env, &m.to_root(&new, &root)).await?;
                        let done = move_row(tx, &m.rt, self.env, &seen, rid, &image, &old).await?;
                        if done == TmResult::Ok {
                            let mut moved = to.to_own(&m.to_root(&new, &root));
                            self.tree.check(&to, e, &mut moved)?;
                            if let Stored::New(at) = insert_row(tx, &to.rt, self.env, &moved, fks).await? {
                                fks.moved(tx, &m.rt, &old, (&to.rt, at), &moved);
                            }
                        }
                        done
                    } else {
                        self.tree.check(&m, e, &mut new)?;
                        let done = change_row(tx, &m.rt, self.env, &seen, rid, &image, &old, &new, fks).await?;
                        if done == TmResult::Ok {
                            fks.changed(tx, &m.rt, rid, &old, &new);
                        }
                        done
                    }
                }
            };
            match done {
                TmResult::Ok => return Ok(true),
                TmResult::SelfModified => return Err(twice()),
                other => match self.again(tx, &m, row, rid, &mut image, other).await? {
                    Some(s) => seen = s,
                    None => return self.unmatched(tx, row, fks).await,
                },
            }
        }
    }

    /// After somebody else's change: the snapshot that sees the newest version, if it still matches.
    async fn again(
        &self,
        tx: &mut Transaction,
        m: &Member,
        row: &mut [Datum],
        rid: Rid,
        image: &mut RowBuf,
        what: TmResult,
    ) -> Result<Option<Snapshot>> {
        self.env.cancel.check()?;
        if tx.isolation != Isolation::ReadCommitted {
            return Err(changed_meanwhile(tx, self.env, what));
        }
        let latest = tx.latest_snapshot();
        let found = tx.txn.fetch(&latest, m.rt.desc.rel, rid, image).await?;
        let own = if found { decode_row(&mut tx.txn, &m.rt, image).await? } else { Vec::new() };
        self.target.fill(row, &if found { m.to_root(&own, &self.tree.root) } else { Vec::new() });
        if !found {
            check_not_moved(tx, &m.rt, rid).await?;
            return Ok(None);
        }
        let Some(on) = &self.on else { return Err(changed_meanwhile(tx, self.env, what)) };
        Ok(on.test(Env { ctx: &self.env.eval, params: self.params }, row)?.then_some(latest))
    }
}
