//! MERGE: for each row of the source's join with the target, the first action whose condition holds.
//!
//! A target row that somebody has changed meanwhile is, at READ COMMITTED, read again: if it still matches, the actions
//! for matching rows are considered anew over its newest version, else (or if it is gone) those for rows that do not
//! match. At REPEATABLE READ the statement fails with 40001. A row that this MERGE has already changed is 21000.

use super::dml::{
    Checks, SourceRows, Stored, change_row, changed_meanwhile, insert_row, output_cols, output_slots, remove_row,
};
use super::eval::{Compiled, Env, compile};
use super::fk::ForeignKeys;
use super::projection::{Projection, ctes_of};
use super::run::StatementEnv;
use super::table::TableRt;
use super::tables::{decode_row, number_rid};
use super::with_check::{Stage, Under, WithChecks};
use crate::plan::ir::{Bound, Col, Expr, Merge, MergeChange};
use crate::transaction::Transaction;
use rustydb_base::{DbError, Result, Rid, SqlState};
use rustydb_storage::heap::{RowBuf, TmResult};
use rustydb_storage::txn::{Isolation, Snapshot};
use rustydb_types::datum::Datum;
use std::sync::Arc;

/// An action ready to run.
pub(super) struct Action {
    matched: bool,
    condition: Option<Projection>,
    change: Change,
}

/// What an action does.
pub(super) enum Change {
    Nothing,
    Delete,
    /// Attributes and their values.
    Update(Vec<usize>, Projection),
    Insert(Vec<usize>, Projection),
}

/// Policies of row-level security.
pub(super) struct Policies<'a> {
    /// On rows to be inserted, and on those that an UPDATE makes.
    pub inserted: WithChecks<'a>,
    pub updated: WithChecks<'a>,
    /// On rows to be updated, and on those to be deleted.
    pub before_update: WithChecks<'a>,
    pub before_delete: WithChecks<'a>,
}

impl<'a> Policies<'a> {
    pub(super) fn new(m: &'a Merge, under: Under<'a>) -> Result<Policies<'a>> {
        let policy = |list| WithChecks::new(&m.table, list, &m.new, ctes_of(&m.source), under);
        Ok(Policies {
            inserted: policy(&m.checks.with)?,
            updated: policy(&m.checks.conflict)?,
            before_update: policy(&m.checks.existing)?,
            before_delete: policy(&m.checks.gone)?,
        })
    }
}

struct Running<'a> {
    rt: Arc<TableRt>,
    actions: Vec<Action>,
    checks: Checks,
    policies: Policies<'a>,
    /// Places of the target's columns among the source's outputs, and their attributes.
    old: Vec<(usize, usize)>,
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
    let rt = tx.table(&env.eval, &m.table)?;
    let outs = m.source.outputs();
    let slot = output_slots(&outs);
    let missing = || DbError::internal("source lacks a column of its target");
    let actions = actions(m, &outs)?;
    let rid_at = slot(m.rid.id).ok_or_else(missing)?;
    let old =
        m.old.iter().map(|(c, n)| Ok((slot(c.id).ok_or_else(missing)?, *n as usize - 1))).collect::<Result<_>>()?;
    let on = compile(&m.on, &slot).ok();
    let checks = Checks::new(&m.checks, &m.generated, &m.new)?;
    let policies = Policies::new(m, Under { snap, params, env })?;
    let r = Running { rt, actions, checks, policies, old, on, snap, params, env };
    let mut count = 0;
    let mut source = SourceRows::open(tx, bound, &m.source, snap, params, env).await?;
    while let Some(mut row) = source.next(Some(&mut *tx)).await? {
        env.cancel.check()?;
        let changed = match row[rid_at] {
            Datum::Int8(n) => r.matching(tx, &mut row, number_rid(n), fks).await?,
            _ => r.unmatched(tx, &row, fks).await?,
        };
        count += u64::from(changed);
        fks.relieve(tx, env).await?;
    }
    Ok(count)
}

/// A statement's actions over the rows of its source.
pub(super) fn actions(m: &Merge, outs: &[Col]) -> Result<Vec<Action>> {
    let ctes = ctes_of(&m.source);
    let values = |set: &[(i16, Expr)]| -> Result<(Vec<usize>, Projection)> {
        let p = Projection::new(set.iter().map(|x| &x.1).collect(), output_cols(outs, 0).collect(), ctes)?;
        Ok((set.iter().map(|x| x.0 as usize - 1).collect(), p))
    };
    let mut actions = Vec::with_capacity(m.actions.len());
    for a in &m.actions {
        let condition = a.condition.as_ref();
        let condition =
            condition.map(|c| Projection::new(vec![c], output_cols(outs, 0).collect(), ctes)).transpose()?;
        let change = match &a.change {
            MergeChange::Nothing => Change::Nothing,
            MergeChange::Delete => Change::Delete,
            MergeChange::Update(set) => {
                let (at, p) = values(set)?;
                Change::Update(at, p)
            }
            MergeChange::Insert(set) => {
                let (at, p) = values(set)?;
                Change::Insert(at, p)
            }
        };
        actions.push(Action { matched: a.matched, condition, change });
    }
    Ok(actions)
}

/// The first action for the kind of row whose condition holds.
pub(super) async fn choose<'a>(
    actions: &'a [Action],
    tx: &mut Transaction,
    matched: bool,
    row: &[Datum],
    (snap, params, env): (Snapshot, &Arc<[Datum]>, &StatementEnv),
) -> Result<Option<&'a Change>> {
    for a in actions.iter().filter(|a| a.matched == matched) {
        let holds = match &a.condition {
            None => true,
            Some(c) => matches!(c.one(tx, row, snap, params, env).await?[..], [Datum::Bool(true)]),
        };
        if holds {
            return Ok(Some(&a.change));
        }
    }
    Ok(None)
}

/// 21000 for a row that this MERGE has already changed.
pub(super) fn twice() -> DbError {
    DbError::new(SqlState::CARDINALITY_VIOLATION, "MERGE command cannot affect row a second time")
        .hint("Ensure that not more than one source row matches any one target row.")
}

impl Running<'_> {
    async fn choose(&self, tx: &mut Transaction, matched: bool, row: &[Datum]) -> Result<Option<&Change>> {
        choose(&self.actions, tx, matched, row, (self.snap, self.params, self.env)).await
    }

    async fn unmatched(&self, tx: &mut Transaction, row: &[Datum], fks: &mut ForeignKeys) -> Result<bool> {
        let Some(Change::Insert(at, values)) = self.choose(tx, false, row).await? else { return Ok(false) };
        let mut new = vec![Datum::Null; self.rt.rel.columns.len()];
        let values = values.one(tx, row, self.snap, self.params, self.env).await?;
        for (att, v) in at.iter().zip(values) {
            new[*att] = v;
        }
        let e = Env { ctx: &self.env.eval, params: self.params };
        if !self.policies.inserted.is_empty() {
            self.checks.generate(e, &mut new)?;
            self.policies.inserted.apply(Stage::Before, tx, &new).await?;
        }
        self.checks.run(tx, &self.rt, self.params, self.env, &mut new).await?;
        if let Stored::New(rid) = insert_row(tx, &self.rt, self.env, &new, fks).await? {
            fks.child(&self.rt, rid, &new);
        }
        Ok(true)
    }

    async fn matching(&self, tx: &mut Transaction, row: &mut [Datum], rid: Rid, fks: &mut ForeignKeys) -> Result<bool> {
        let mut image = RowBuf::new();
        let mut seen = self.snap;
        if !tx.txn.fetch(&seen, self.rt.desc.rel, rid, &mut image).await? {
            return Ok(false);
        }
        loop {
            let mut old = vec![Datum::Null; self.rt.rel.columns.len()];
            for (from, to) in &self.old {
                old[*to] = row[*from].clone();
            }
            let done = match self.choose(tx, true, row).await? {
                None | Some(Change::Nothing | Change::Insert(..)) => return Ok(false),
                Some(Change::Delete) => {
                    self.policies.before_delete.apply(Stage::Before, tx, &old).await?;
                    let done = remove_row(tx, &self.rt, self.env, &seen, rid, &image, &old).await?;
                    if done == TmResult::Ok {
                        fks.parent(&self.rt, &old, None);
                    }
                    done
                }
                Some(Change::Update(at, values)) => {
                    self.policies.before_update.apply(Stage::Before, tx, &old).await?;
                    let mut new = old.clone();
                    let values = values.one(tx, row, self.snap, self.params, self.env).await?;
                    for (att, v) in at.iter().zip(values) {
                        new[*att] = v;
                    }
                    let e = Env { ctx: &self.env.eval, params: self.params };
                    if !self.policies.updated.is_empty() {
                        self.checks.generate(e, &mut new)?;
                        self.policies.updated.apply(Stage::Before, tx, &new).await?;
                    }
                    self.checks.run(tx, &self.rt, self.params, self.env, &mut new).await?;
                    let done = change_row(tx, &self.rt, self.env, &seen, rid, &image, &old, &new, fks).await?;
                    if done == TmResult::Ok {
                        fks.parent(&self.rt, &old, Some(&new));
                        fks.child_changed(&self.rt, rid, &old, &new);
                    }
                    done
                }
            };
            match done {
                TmResult::Ok => return Ok(true),
                TmResult::SelfModified => return Err(twice()),
                other => match self.again(tx, row, rid, &mut image, other).await? {
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
        let found = tx.txn.fetch(&latest, self.rt.desc.rel, rid, image).await?;
        let values = if found { decode_row(&mut tx.txn, &self.rt, image).await? } else { Vec::new() };
        for (to, from) in &self.old {
            row[*to] = values.get(*from).cloned().unwrap_or(Datum::Null);
        }
        if !found {
            return Ok(None);
        }
        let Some(on) = &self.on else { return Err(changed_meanwhile(tx, self.env, what)) };
        Ok(on.test(Env { ctx: &self.env.eval, params: self.params }, row)?.then_some(latest))
    }
}
