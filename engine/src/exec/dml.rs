//! INSERT, UPDATE and DELETE: from source rows to changed tables.
//!
//! The rows come from whichever executor runs the source. Each is completed (generated columns), checked (NOT NULL,
//! CHECK), stored with its index entries, and noted for the foreign keys, which are looked at when all rows are done
//! ([`super::fk`]). A row that somebody else has changed meanwhile is, at READ COMMITTED, read again and its condition
//! re-evaluated on the newest version; at REPEATABLE READ the statement fails with 40001.

use super::eval::{Compiled, Env, compile};
use super::exclude;
use super::fk::ForeignKeys;
use super::merge;
use super::projection::{Projection, ctes_of};
use super::run::{Chunk, Executed, Results, RowSource, StatementEnv, query, stream};
use super::table::{RowKey, TableRt, borrow_changes, borrow_keys};
use super::tables::{decode_row, number_rid, system_value};
use super::tree;
use super::turn::Turn;
use super::with_check::{Stage, Under, WithChecks};
use crate::plan::ir::{
    Bound, Col, ColId, ConflictUpdate, Delete, Expr, ExprKind, Insert, JoinKind, Rel, Returning, RowChecks, Update,
};
use crate::transaction::Transaction;
use arrow_array::Array;
use rustydb_base::{DbError, Result, Rid, SqlState};
use rustydb_storage::core::RowLockMode;
use rustydb_storage::heap::{RowBuf, TmResult};
use rustydb_storage::table::{Changed, Duplicate, Inserted};
use rustydb_storage::txn::{Isolation, Snapshot};
use rustydb_types::arrow::datum_at;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Runs a data-modifying statement; answers RETURNING's rows, if it has that, and the number of rows changed.
pub async fn execute(
    tx: &mut Transaction,
    bound: &Arc<Bound>,
    snap: Snapshot,
    params: &Arc<[Datum]>,
    env: &StatementEnv,
) -> Result<(Option<Vec<Vec<Datum>>>, u64)> {
    let mut fks = ForeignKeys::default();
    let done = match &**bound {
        Bound::Insert(i) if tree::concerns(&i.table) => tree::insert(tx, bound, i, snap, params, env, &mut fks).await?,
        Bound::Update(u) if tree::concerns(&u.table) => tree::update(tx, bound, u, snap, params, env, &mut fks).await?,
        Bound::Delete(d) if tree::concerns(&d.table) => tree::delete(tx, bound, d, snap, params, env, &mut fks).await?,
        Bound::Insert(i) => insert(tx, bound, i, snap, params, env, &mut fks).await?,
        Bound::Update(u) => update(tx, bound, u, snap, params, env, &mut fks).await?,
        Bound::Delete(d) => delete(tx, bound, d, snap, params, env, &mut fks).await?,
        Bound::Merge(m) if tree::concerns(&m.table) => {
            (None, super::tree_merge::run(tx, bound, m, snap, params, env, &mut fks).await?)
        }
        Bound::Merge(m) => (None, merge::run(tx, bound, m, snap, params, env, &mut fks).await?),
        Bound::Query(_) => return Err(DbError::internal("a query is not a modification")),
    };
    fks.check(tx, env).await?;
    Ok(done)
}

/// Slot of a table's row by the columns that stand for it.
fn row_slots(cols: &[(Col, i16)]) -> impl Fn(ColId) -> Option<usize> + '_ {
    move |id| cols.iter().find(|c| c.0.id == id).map(|c| c.1 as usize - 1)
}

/// Slot by position among a relation's outputs.
pub(super) fn output_slots(outs: &[Col]) -> impl Fn(ColId) -> Option<usize> + '_ {
    move |id| outs.iter().position(|c| c.id == id)
}

/// Checks compiled for one table.
pub(super) struct Checks {
    checks: Vec<(String, Compiled)>,
    /// Virtual columns that must not be NULL.
    not_null: Vec<(usize, Compiled)>,
    generated: Vec<(usize, Compiled)>,
    /// Some of them call functions that run statements.
    hosted: bool,
}

impl Checks {
    pub(super) fn new(checks: &RowChecks, generated: &[(i16, Expr)], row: &[(Col, i16)]) -> Result<Checks> {
        let slot = row_slots(row);
        let columns = |list: &[(i16, Expr)]| -> Result<Vec<(usize, Compiled)>> {
            list.iter().map(|(n, e)| Ok((*n as usize - 1, compile(e, &slot)?))).collect()
        };
        let mut exprs = checks.checks.iter().map(|c| &c.1).chain(generated.iter().map(|g| &g.1));
        Ok(Checks {
            hosted: exprs.any(super::host::expr_needs_host),
            checks: checks.checks.iter().map(|(n, e)| Ok((n.clone(), compile(e, &slot)?))).collect::<Result<_>>()?,
            not_null: columns(&checks.not_null)?,
            generated: columns(generated)?,
        })
    }

    /// [`Self::apply`], also when functions that run statements are called.
    pub(super) async fn run(
        &self,
        tx: &mut Transaction,
        rt: &TableRt,
        params: &Arc<[Datum]>,
        env: &StatementEnv,
        row: &mut Vec<Datum>,
    ) -> Result<()> {
        if !self.hosted {
            return self.apply(rt, Env { ctx: &env.eval, params }, row);
        }
        let given = row.clone();
        let made = super::host::evaluate(tx, env, |ctx| {
            let mut new = given.clone();
            self.apply(rt, Env { ctx, params }, &mut new).map(|()| new)
        });
        *row = Box::pin(made).await?;
        Ok(())
    }

    /// Computes generated columns.
    pub(super) fn generate(&self, env: Env<'_>, row: &mut [Datum]) -> Result<()> {
        for (att, e) in &self.generated {
            row[*att] = e.eval(env, row)?;
        }
        Ok(())
    }

    /// Computes generated columns and checks the row.
    pub(super) fn apply(&self, rt: &TableRt, env: Env<'_>, row: &mut [Datum]) -> Result<()> {
        self.generate(env, row)?;
        rt.check_not_null(env.ctx, row)?;
        for (att, e) in &self.not_null {
            if e.eval(env, row)?.is_null()
                && let Some(c) = rt.rel.columns.get(*att)
            {
                return Err(rt.null_value(c, env.ctx, row));
            }
        }
        for (name, e) in &self.checks {
            if matches!(e.eval(env, row)?, Datum::Bool(false)) {
                return Err(DbError::new(
                    SqlState::CHECK_VIOLATION,
                    format!("new row for relation \"{}\" violates check constraint \"{name}\"", rt.rel.name),
                )
                .detail(format!("Failing row contains ({}).", rt.show_row(env.ctx, row)))
                .table(rt.rel.schema.clone(), rt.rel.name.clone())
                .constraint(name.clone()));
            }
        }
        Ok(())
    }
}

pub(super) fn returning(r: &Option<Returning>, cols: Vec<(Col, usize)>, source: &Rel) -> Result<Option<Projection>> {
    let new = |r: &Returning| Projection::new(r.exprs.iter().map(|x| &x.1).collect(), cols, ctes_of(source));
    r.as_ref().map(new).transpose()
}

/// A table's row: its columns and their places, `after` some others.
pub(super) fn row_cols(cols: &[(Col, i16)], after: usize) -> impl Iterator<Item = (Col, usize)> + '_ {
    cols.iter().map(move |(c, n)| (*c, *n as usize - 1 + after))
}

/// A relation's outputs and their places, `after` some others.
pub(super) fn output_cols(outs: &[Col], after: usize) -> impl Iterator<Item = (Col, usize)> + '_ {
    outs.iter().enumerate().map(move |(i, c)| (*c, i + after))
}

/// Takes a source's rows one after the other.
pub(crate) struct SourceRows {
    /// What is left beside the queue.
    source: Option<Box<dyn RowSource>>,
    outs: Vec<Col>,
    queue: std::vec::IntoIter<Vec<Datum>>,
    turn: Turn,
}

impl SourceRows {
    pub(super) async fn open(
        tx: &mut Transaction,
        owner: &Arc<Bound>,
        rel: &Rel,
        snap: Snapshot,
        params: &Arc<[Datum]>,
        env: &StatementEnv,
    ) -> Result<SourceRows> {
        let (source, rows) = match query(tx, owner, rel, snap, params, env).await? {
            Executed::Rows(Results::Ready(rows)) => (None, rows),
            Executed::Rows(Results::Stream(s)) => (Some(s), Vec::new()),
            Executed::Count(_) => return Err(DbError::internal("a relation answers rows")),
        };
        Ok(SourceRows { source, outs: rel.outputs(), queue: rows.into_iter(), turn: Turn::begin() })
    }

    /// The rows of a relation that is no part of a bound statement, from DataFusion.
    pub(crate) async fn open_stream(
        tx: &Transaction,
        rel: &Rel,
        snap: Snapshot,
        params: &Arc<[Datum]>,
        env: &StatementEnv,
    ) -> Result<SourceRows> {
        let source = Some(stream(tx, rel, snap, params, env).await?);
        Ok(SourceRows { source, outs: rel.outputs(), queue: Vec::new().into_iter(), turn: Turn::begin() })
    }

    pub(crate) async fn next(&mut self, mut tx: Option<&mut Transaction>) -> Result<Option<Vec<Datum>>> {
        self.turn.check().await;
        loop {
            if let Some(r) = self.queue.next() {
                return Ok(Some(r));
            }
            let Some(source) = &mut self.source else { return Ok(None) };
            let rows = match source.next(tx.as_deref_mut()).await? {
                None => return Ok(None),
                Some(Chunk::Rows(rows)) => rows,
                Some(Chunk::Batch(b)) => {
                    let mut rows = vec![Vec::with_capacity(self.outs.len()); b.num_rows()];
                    for (c, col) in b.columns().iter().zip(&self.outs) {
                        debug_assert_eq!(c.len(), rows.len());
                        for (i, row) in rows.iter_mut().enumerate() {
                            row.push(datum_at(c, i, col.ty)?);
                        }
                    }
                    rows
                }
            };
            self.queue = rows.into_iter();
        }
    }
}

pub(super) fn serialization(what: &str) -> DbError {
    DbError::new(SqlState::T_R_SERIALIZATION_FAILURE, format!("could not serialize access due to concurrent {what}"))
}

/// A row is no longer as the statement's snapshot saw it: 40001, which at READ COMMITTED makes the statement run again
/// ([`StatementEnv::stale`]).
pub(super) fn changed_meanwhile(tx: &Transaction, env: &StatementEnv, what: TmResult) -> DbError {
    if tx.isolation == Isolation::ReadCommitted {
        env.stale.store(true, Ordering::Release);
    }
    serialization(if what == TmResult::Deleted { "delete" } else { "update" })
}

// ---- INSERT ----------------------------------------------------------------------------------------------------

async fn insert(
    tx: &mut Transaction,
    bound: &Arc<Bound>,
    i: &Insert,
    snap: Snapshot,
    params: &Arc<[Datum]>,
    env: &StatementEnv,
    fks: &mut ForeignKeys,
) -> Result<(Option<Vec<Vec<Datum>>>, u64)> {
    let rt = tx.table(&env.eval, &i.table)?;
    let checks = Checks::new(&i.checks, &i.generated, &i.row)?;
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
        let mut row = vec![Datum::Null; rt.rel.columns.len()];
        for (d, attnum) in values.into_iter().zip(&i.targets) {
            row[*attnum as usize - 1] = d;
        }
        if !with.is_empty() {
            checks.generate(e, &mut row)?;
            with.apply(Stage::Before, tx, &row).await?;
        }
        checks.run(tx, &rt, params, env, &mut row).await?;
        let stored = match &conflict {
            None => insert_row(tx, &rt, env, &row, fks).await?,
            Some((arbiters, update)) => {
                match insert_or(tx, &rt, env, params, &row, arbiters, update.as_ref(), &checks, fks).await? {
                    Some(r) => r,
                    None => continue,
                }
            }
        };
        let (mut shown, rid) = match stored {
            Stored::New(rid) => {
                with.apply(Stage::After, tx, &row).await?;
                fks.child(&rt, rid, &row);
                fks.relieve(tx, env).await?;
                (row, rid)
            }
            Stored::Updated(r, rid) => (r, rid),
        };
        shown.extend(system_columns(tx, &rt, rid, &i.system).await?);
        count += 1;
        if let (Some(out), Some(ret)) = (&mut out, &ret) {
            out.push(ret.row(e, &shown)?);
        }
    }
    if let (Some(rows), Some(ret)) = (out.take(), &ret) {
        out = Some(ret.finish(tx, rows, snap, params, env).await?);
    }
    Ok((out, count))
}

/// A duplicate key is to be reported: 23505, or 40001 if the key comes from a transaction that this one conflicts with.
pub(super) fn refused(tx: &Transaction, rt: &TableRt, eval: &EvalCtx, d: &Duplicate, row: &[Datum]) -> DbError {
    match tx.txn.duplicate_is_conflict(&rt.desc, d) {
        Ok(()) => super::exclude::duplicate(tx, rt, d.index, eval, row),
        Err(e) => e,
    }
}

/// How a row came to be stored.
pub(super) enum Stored {
    New(Rid),
    /// By ON CONFLICT DO UPDATE, with these values.
    Updated(Vec<Datum>, Rid),
}

/// RETURNING of an INSERT: over the stored row and, behind it, the system columns it reads.
pub(super) fn inserted_returning(i: &Insert) -> Result<Option<Projection>> {
    let width = i.table.columns.len();
    let system = i.system.iter().enumerate().map(|(at, (c, _))| (*c, width + at));
    returning(&i.returning, row_cols(&i.row, 0).chain(system).collect(), &i.source)
}

/// System columns of a row that this command has stored.
pub(super) async fn system_columns(
    tx: &mut Transaction,
    rt: &Arc<TableRt>,
    rid: Rid,
    cols: &[(Col, i16)],
) -> Result<Vec<Datum>> {
    let mut image = RowBuf::new();
    if cols.iter().any(|(_, n)| !matches!(n, -1 | -6)) {
        let now = tx.latest_snapshot();
        let later = Snapshot { cid: now.cid.saturating_add(1), ..now };
        tx.txn.fetch(&later, rt.desc.rel, rid, &mut image).await?;
    }
    Ok(cols.iter().map(|(c, n)| system_value(rt, rid, &image, *n, c.ty.oid)).collect())
}

pub(super) async fn insert_row(
    tx: &mut Transaction,
    rt: &Arc<TableRt>,
    env: &StatementEnv,
    row: &[Datum],
    fks: &mut ForeignKeys,
) -> Result<Stored> {
    let encoded = rt.encode(row)?;
    let keys = rt.keys(Env { ctx: &env.eval, params: &[] }, row)?;
    let done = tx.txn.insert(&rt.desc, &encoded.values(), &borrow_keys(&keys)).await?;
    // One that is refused for its key counts too, as rolled back.
    tx.count_inserted(rt, 1);
    match done {
        Inserted::Row(rid) => {
            fks.keys(tx, rt, row, &keys).await?;
            exclude::stored(tx, rt, env, rid, row, fks).await?;
            Ok(Stored::New(rid))
        }
        Inserted::Duplicate(d) => Err(refused(tx, rt, &env.eval, &d, row)),
    }
}

/// DO UPDATE compiled: expressions read the existing row, then the excluded one.
pub(super) struct Conflict<'a> {
    /// Attributes that are set, in the order of `values`.
    pub(super) set: Vec<usize>,
    pub(super) values: Projection,
    pub(super) filter: Option<Projection>,
    /// What the row found and the row made must meet.
    pub(super) existing: WithChecks<'a>,
    pub(super) with: WithChecks<'a>,
    pub(super) snap: Snapshot,
}

impl<'a> Conflict<'a> {
    pub(super) fn new(u: &ConflictUpdate, i: &'a Insert, under: Under<'a>) -> Result<Conflict<'a>> {
        let (ctes, width) = (ctes_of(&i.source), i.table.columns.len());
        let cols = || row_cols(&u.existing, 0).chain(row_cols(&u.excluded, width)).collect();
        Ok(Conflict {
            set: u.set.iter().map(|x| x.0 as usize - 1).collect(),
            values: Projection::new(u.set.iter().map(|x| &x.1).collect(), cols(), ctes)?,
            filter: u.filter.as_ref().map(|f| Projection::new(vec![f], cols(), ctes)).transpose()?,
            existing: WithChecks::new(&i.table, &i.checks.existing, &i.row, ctes, under)?,
            with: WithChecks::new(&i.table, &i.checks.conflict, &i.row, ctes, under)?,
            snap: under.snap,
        })
    }
}

#[allow(clippy::too_many_arguments, reason = "the parts of one statement")]
async fn insert_or(
    tx: &mut Transaction,
    rt: &Arc<TableRt>,
    env: &StatementEnv,
    params: &Arc<[Datum]>,
    row: &[Datum],
    arbiters: &[u32],
    update: Option<&Conflict<'_>>,
    checks: &Checks,
    fks: &mut ForeignKeys,
) -> Result<Option<Stored>> {
    if let Some(i) =
        rt.indexes.iter().find(|i| i.deferrable.is_some() && (arbiters.is_empty() || arbiters.contains(&i.def.oid)))
    {
        return Err(DbError::new(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            "ON CONFLICT does not support deferrable unique constraints/exclusion constraints as arbiters",
        )
        .table(rt.rel.schema.clone(), rt.rel.name.clone())
        .constraint(i.def.name.clone()));
    }
    let encoded = rt.encode(row)?;
    let keys = rt.keys(Env { ctx: &env.eval, params: &[] }, row)?;
    loop {
        if update.is_none()
            && exclude::in_the_way(tx, rt, env, row, |i| arbiters.is_empty() || arbiters.contains(&i)).await?
        {
            return Ok(None);
        }
        let mut d = match tx.txn.insert(&rt.desc, &encoded.values(), &borrow_keys(&keys)).await? {
            Inserted::Row(rid) => {
                tx.count_inserted(rt, 1);
                fks.keys(tx, rt, row, &keys).await?;
                exclude::stored(tx, rt, env, rid, row, fks).await?;
                return Ok(Some(Stored::New(rid)));
            }
            Inserted::Duplicate(d) => d,
        };
        let index = &rt.indexes[d.index].def;
        if !arbiters.is_empty() && !arbiters.contains(&index.oid) {
            // A row that is in the way of an arbiter counts before one that is in the way of another index.
            match at_arbiter(tx, rt, env, &keys, arbiters).await? {
                Some((index, rid)) => (d.index, d.rid) = (index, rid),
                None => return Err(refused(tx, rt, &env.eval, &d, row)),
            }
        }
        let Some(update) = update else {
            // What this transaction's snapshot does not show must not make it leave a row out.
            if tx.isolation.one_snapshot() && !tx.sees_newest(rt, d.rid).await? {
                return Err(serialization("update"));
            }
            return Ok(None);
        };
        // The row in the way, in its newest version.
        let latest = tx.latest_snapshot();
        let mut image = RowBuf::new();
        if !tx.txn.fetch(&latest, rt.desc.rel, d.rid, &mut image).await? {
            // This statement has made it, which its own snapshot does not see; or it has gone: try to insert again.
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
        let existing = decode_row(&mut tx.txn, rt, &image).await?;
        let mut both = existing.clone();
        both.extend_from_slice(row);
        if let Some(f) = &update.filter
            && !matches!(f.one(tx, &both, update.snap, params, env).await?[..], [Datum::Bool(true)])
        {
            if lock_existing(tx, rt, &latest, d.rid, &update.set).await? {
                return Ok(None);
            }
            env.cancel.check()?;
            continue;
        }
        if rt.changes_key(&update.set) && !lock_existing(tx, rt, &latest, d.rid, &update.set).await? {
            env.cancel.check()?;
            continue;
        }
        update.existing.apply(Stage::Before, tx, &existing).await?;
        let mut new = existing.clone();
        let values = update.values.one(tx, &both, update.snap, params, env).await?;
        for (att, v) in update.set.iter().zip(values) {
            new[*att] = v;
        }
        let e = Env { ctx: &env.eval, params };
        checks.generate(e, &mut new)?;
        update.with.apply(Stage::Before, tx, &new).await?;
        checks.run(tx, rt, params, env, &mut new).await?;
        match change_row(tx, rt, env, &latest, d.rid, &image, &existing, &new, fks).await? {
            TmResult::Ok => {
                update.with.apply(Stage::After, tx, &new).await?;
                fks.parent(rt, &existing, Some(&new));
                fks.child_changed(rt, d.rid, &existing, &new);
                return Ok(Some(Stored::Updated(new, d.rid)));
            }
            TmResult::SelfModified => {
                return Err(second_time());
            }
            _ => env.cancel.check()?,
        }
    }
}

/// The row that has a key of one of the arbiters, and which.
async fn at_arbiter(
    tx: &mut Transaction,
    rt: &TableRt,
    env: &StatementEnv,
    keys: &[Option<RowKey>],
    arbiters: &[u32],
) -> Result<Option<(usize, Rid)>> {
    let latest = tx.latest_snapshot();
    for (n, (i, k)) in rt.indexes.iter().zip(keys).enumerate() {
        let Some(k) = k.as_ref().filter(|k| k.unique && arbiters.contains(&i.def.oid)) else { continue };
        if let Some((rid, _)) = super::tables::holder(&mut tx.txn, rt, n, &env.eval, &latest, &k.bytes).await? {
            return Ok(Some((n, rid)));
        }
    }
    Ok(None)
}

/// Locks the row in the way of an INSERT … ON CONFLICT DO UPDATE as an update of these attributes (0-based) must hold it,
/// whatever it changes in the end. False if the row is not the one that was read any more.
pub(super) async fn lock_existing(
    tx: &mut Transaction,
    rt: &TableRt,
    snap: &Snapshot,
    rid: Rid,
    set: &[usize],
) -> Result<bool> {
    let mode = if rt.changes_key(set) { RowLockMode::Update } else { RowLockMode::NoKeyUpdate };
    Ok(matches!(tx.lock_row(rt, snap, rid, mode).await?, TmResult::Ok | TmResult::SelfModified))
}

pub(super) fn second_time() -> DbError {
    DbError::new(SqlState::CARDINALITY_VIOLATION, "ON CONFLICT DO UPDATE command cannot affect row a second time")
        .hint("Ensure that no rows proposed for insertion within the same command have duplicate constrained values.")
}

// ---- UPDATE ----------------------------------------------------------------------------------------------------

/// Stores a new version of a row.
#[allow(clippy::too_many_arguments, reason = "a row change is told all of this")]
pub(super) async fn change_row(
    tx: &mut Transaction,
    rt: &Arc<TableRt>,
    env: &StatementEnv,
    snap: &Snapshot,
    rid: Rid,
    image: &[u8],
    old: &[Datum],
    new: &[Datum],
    fks: &mut ForeignKeys,
) -> Result<TmResult> {
    let changed: Vec<usize> = (0..new.len()).filter(|&i| old[i] != new[i]).collect();
    let encoded = rt.encode(new)?;
    let changes = rt.key_changes(Env { ctx: &env.eval, params: &[] }, old, new, &changed)?;
    let done = tx
        .txn
        .update(&rt.desc, snap, rid, image, &encoded.values(), &borrow_changes(&changes), rt.changes_key(&changed))
        .await?;
    match done {
        Changed::Heap(r) => {
            if r == TmResult::Ok {
                tx.count_updated(rt, &changed);
                for (index, _, key) in &changes {
                    if let Some(k) = key {
                        fks.key(tx, rt, new, *index, k).await?;
                    }
                }
                exclude::changed(tx, rt, env, rid, &changed, old, new, fks).await?;
            }
            Ok(r)
        }
        Changed::Duplicate(d) => Err(refused(tx, rt, &env.eval, &d, new)),
    }
}

/// Deletes a row.
pub(super) async fn remove_row(
    tx: &mut Transaction,
    rt: &Arc<TableRt>,
    env: &StatementEnv,
    snap: &Snapshot,
    rid: Rid,
    image: &[u8],
    old: &[Datum],
) -> Result<TmResult> {
    let keys = rt.keys(Env { ctx: &env.eval, params: &[] }, old)?;
    let keys: Vec<Option<&[u8]>> = keys.iter().map(|k| k.as_ref().map(|k| k.bytes.as_slice())).collect();
    let done = tx.txn.delete(&rt.desc, snap, rid, image, &keys).await?;
    if done == TmResult::Ok {
        tx.count_deleted(rt);
    }
    Ok(done)
}

/// As [`remove_row`], of a row that goes to another partition.
pub(super) async fn move_row(
    tx: &mut Transaction,
    rt: &Arc<TableRt>,
    env: &StatementEnv,
    snap: &Snapshot,
    rid: Rid,
    image: &[u8],
    old: &[Datum],
) -> Result<TmResult> {
    let keys = rt.keys(Env { ctx: &env.eval, params: &[] }, old)?;
    let keys: Vec<Option<&[u8]>> = keys.iter().map(|k| k.as_ref().map(|k| k.bytes.as_slice())).collect();
    let done = tx.txn.move_away(&rt.desc, snap, rid, image, &keys).await?;
    if done == TmResult::Ok {
        tx.count_deleted(rt);
    }
    Ok(done)
}

/// 40001 if a row that was to be locked or changed has gone to another partition: there is no following it there.
pub(super) async fn check_not_moved(tx: &mut Transaction, rt: &TableRt, rid: Rid) -> Result<()> {
    // Only partitions' rows can move.
    if rt.rel.bound.is_some() && tx.txn.was_moved(rt.desc.rel, rid).await? {
        return Err(DbError::new(
            SqlState::T_R_SERIALIZATION_FAILURE,
            "tuple to be locked was already moved to another partition due to concurrent update",
        ));
    }
    Ok(())
}

/// The conditions of a source tree, for looking again at a row whose newest version differs.
pub(super) struct Recheck {
    conditions: Vec<Compiled>,
    /// A condition cannot be evaluated over one row (it holds a subquery): the statement must run again.
    pub(super) impossible: bool,
}

impl Recheck {
    pub(super) fn new(rel: &Rel, outs: &[Col]) -> Recheck {
        let mut r = Recheck { conditions: Vec::new(), impossible: false };
        r.collect(rel, outs);
        r
    }

    fn collect(&mut self, rel: &Rel, outs: &[Col]) {
        match rel {
            Rel::Filter { input, pred } => {
                self.add(pred, outs);
                self.collect(input, outs);
            }
            Rel::Join { kind: JoinKind::Inner, left, right, on, .. } => {
                if let Some(on) = on {
                    self.add(on, outs);
                }
                self.collect(left, outs);
                self.collect(right, outs);
            }
            Rel::With { body, .. } => self.collect(body, outs),
            Rel::Limit { input, .. } if rel.behind_fence().is_some() => self.collect(input, outs),
            // What was computed from the old version is old too.
            Rel::Project { input, exprs } => {
                self.impossible |= exprs.iter().any(|x| !matches!(x.1.kind, ExprKind::Column(_)));
                self.collect(input, outs);
            }
            _ => {}
        }
    }

    fn add(&mut self, e: &Expr, outs: &[Col]) {
        match compile(e, &output_slots(outs)) {
            Ok(c) => self.conditions.push(c),
            Err(_) => self.impossible = true,
        }
    }

    pub(super) fn holds(&self, e: Env<'_>, row: &[Datum]) -> Result<bool> {
        for c in &self.conditions {
            if !c.test(e, row)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// What UPDATE and DELETE share: reading the target's row of a source row, again and again while others change it.
struct Target<'a> {
    rt: Arc<TableRt>,
    /// Position of the row id and of each target column among the source's outputs.
    rid: usize,
    old: Vec<(usize, usize)>,
    recheck: Recheck,
    env: &'a StatementEnv,
}

impl<'a> Target<'a> {
    fn new(
        rt: &Arc<TableRt>,
        source: &Rel,
        rid: Col,
        old: &[(Col, i16)],
        env: &'a StatementEnv,
    ) -> Result<(Target<'a>, Vec<Col>)> {
        let outs = source.outputs();
        let slot = output_slots(&outs);
        let missing = || DbError::internal("source lacks a column of its target");
        let t = Target {
            rt: Arc::clone(rt),
            rid: slot(rid.id).ok_or_else(missing)?,
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

    fn rid(&self, row: &[Datum]) -> Result<Option<Rid>> {
        match &row[self.rid] {
            Datum::Int8(n) => Ok(Some(number_rid(*n))),
            Datum::Null => Ok(None),
            _ => Err(DbError::internal("row id is not a number")),
        }
    }

    fn values(&self, row: &[Datum]) -> Vec<Datum> {
        let mut v = vec![Datum::Null; self.rt.rel.columns.len()];
        for (from, to) in &self.old {
            v[*to] = row[*from].clone();
        }
        v
    }

    /// After a conflict: the newest version, if it is still to be changed.
    async fn again(
        &self,
        tx: &mut Transaction,
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
        if !tx.txn.fetch(&latest, self.rt.desc.rel, rid, image).await? {
            return Ok(None);
        }
        if self.recheck.impossible {
            return Err(changed_meanwhile(tx, self.env, what));
        }
        let values = decode_row(&mut tx.txn, &self.rt, image).await?;
        for (to, from) in &self.old {
            row[*to] = values[*from].clone();
        }
        Ok(self.recheck.holds(e, row)?.then_some(latest))
    }
}

async fn update(
    tx: &mut Transaction,
    bound: &Arc<Bound>,
    u: &Update,
    snap: Snapshot,
    params: &Arc<[Datum]>,
    env: &StatementEnv,
    fks: &mut ForeignKeys,
) -> Result<(Option<Vec<Vec<Datum>>>, u64)> {
    let rt = tx.table(&env.eval, &u.table)?;
    let (target, outs) = Target::new(&rt, &u.source, u.rid, &u.old, env)?;
    let slot = output_slots(&outs);
    let set: Vec<(usize, Compiled)> =
        u.set.iter().map(|(n, e)| Ok((*n as usize - 1, compile(e, &slot)?))).collect::<Result<_>>()?;
    let checks = Checks::new(&u.checks, &u.generated, &u.new)?;
    let under = Under { snap, params, env };
    let with = WithChecks::new(&u.table, &u.checks.with, &u.new, ctes_of(&u.source), under)?;
    // RETURNING reads the new row, then the source's other columns.
    let width = rt.rel.columns.len();
    let ret_cols = row_cols(&u.new, 0).chain(output_cols(&outs, width)).collect();
    let ret = returning(&u.returning, ret_cols, &u.source)?;
    let mut out = ret.as_ref().map(|_| Vec::new());
    let mut count = 0;
    let mut source = SourceRows::open(tx, bound, &u.source, snap, params, env).await?;
    let e = Env { ctx: &env.eval, params };
    let mut image = RowBuf::new();
    while let Some(mut row) = source.next(Some(&mut *tx)).await? {
        env.cancel.check()?;
        let Some(rid) = target.rid(&row)? else { continue };
        let mut seen = snap;
        if !tx.txn.fetch(&seen, rt.desc.rel, rid, &mut image).await? {
            continue;
        }
        let stored = loop {
            let old = target.values(&row);
            let mut new = old.clone();
            for (att, x) in &set {
                new[*att] = x.eval(e, &row)?;
            }
            if !with.is_empty() {
                checks.generate(e, &mut new)?;
                with.apply(Stage::Before, tx, &new).await?;
            }
            checks.run(tx, &rt, params, env, &mut new).await?;
            match change_row(tx, &rt, env, &seen, rid, &image, &old, &new, fks).await? {
                TmResult::Ok => break Some((rid, old, new)),
                TmResult::SelfModified => break None,
                other => match target.again(tx, e, rid, &mut row, &mut image, other).await? {
                    Some(s) => seen = s,
                    None => break None,
                },
            }
        };
        let Some((rid, old, mut new)) = stored else { continue };
        with.apply(Stage::After, tx, &new).await?;
        count += 1;
        fks.parent(&rt, &old, Some(&new));
        fks.child_changed(&rt, rid, &old, &new);
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

// ---- DELETE ----------------------------------------------------------------------------------------------------

async fn delete(
    tx: &mut Transaction,
    bound: &Arc<Bound>,
    d: &Delete,
    snap: Snapshot,
    params: &Arc<[Datum]>,
    env: &StatementEnv,
    fks: &mut ForeignKeys,
) -> Result<(Option<Vec<Vec<Datum>>>, u64)> {
    let rt = tx.table(&env.eval, &d.table)?;
    let (target, outs) = Target::new(&rt, &d.source, d.rid, &d.old, env)?;
    let ret = returning(&d.returning, output_cols(&outs, 0).collect(), &d.source)?;
    let mut out = ret.as_ref().map(|_| Vec::new());
    let mut count = 0;
    let mut source = SourceRows::open(tx, bound, &d.source, snap, params, env).await?;
    let e = Env { ctx: &env.eval, params };
    let mut image = RowBuf::new();
    while let Some(mut row) = source.next(Some(&mut *tx)).await? {
        env.cancel.check()?;
        let Some(rid) = target.rid(&row)? else { continue };
        let mut seen = snap;
        if !tx.txn.fetch(&seen, rt.desc.rel, rid, &mut image).await? {
            continue;
        }
        let gone = loop {
            let old = target.values(&row);
            match remove_row(tx, &rt, env, &seen, rid, &image, &old).await? {
                TmResult::Ok => break Some(old),
                TmResult::SelfModified => break None,
                other => match target.again(tx, e, rid, &mut row, &mut image, other).await? {
                    Some(s) => seen = s,
                    None => break None,
                },
            }
        };
        let Some(old) = gone else { continue };
        count += 1;
        fks.parent(&rt, &old, None);
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
