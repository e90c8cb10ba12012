//! Foreign keys: what changed rows owe to the tables they refer to, and to the tables that refer to them.
//!
//! Row changes only note what must be looked at; [`ForeignKeys::check`] does it when the statement's rows are done, as
//! PostgreSQL's constraint triggers do. A referenced row is locked FOR KEY SHARE before it is relied upon, so it cannot go
//! away before the referring transaction ends. Actions (CASCADE, SET NULL, SET DEFAULT) change rows that may owe something
//! in turn, so the list is worked through until it is empty.
//!
//! Bound: a long list is gone through while the statement still runs ([`ForeignKeys::relieve`]). Rows whose parent is there
//! owe nothing any more; the others may get their parent later, so they stay, and so do changes of referenced rows, which
//! are judged by what is left in the end. A list that is too long even so ends the statement (53200).

use super::dml::{Stored, change_row, insert_row, move_row, remove_row};
use super::eval::{Env, compile};
use super::run::StatementEnv;
use super::table::{IndexRt, RowKey, TableRt, show_value_in};
use super::tables::{decode_row, holder};
use crate::bind::{BindCx, Binder};
use crate::catalog::{Constraint, ConstraintKind, FkAction, Relation};
use crate::transaction::Transaction;
use rustydb_base::{DbError, Result, Rid, SqlState};
use rustydb_parser::ast::TableLockMode;
use rustydb_storage::am::{Cursor, Direction, Edge};
use rustydb_storage::buf::Access;
use rustydb_storage::core::RowLockMode;
use rustydb_storage::heap::{RowBuf, TmResult};
use rustydb_storage::scan::{IndexScan, RowScan, ScanEnv, partitions};
use rustydb_storage::txn::Snapshot;
use rustydb_types::collation::{is_deterministic, same_equality};
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::{cmp, io};
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

/// Work noted by a statement's row changes.
#[derive(Default)]
pub struct ForeignKeys {
    queue: VecDeque<Task>,
    /// Parent keys already found, so that a bulk load looks each up once.
    found: HashSet<(u32, Vec<u8>)>,
    /// Tables locked for this statement, beside those it names.
    locked: Vec<(u32, TableLockMode)>,
    /// Length of the queue at which it is gone through next.
    relieve_at: usize,
}

/// A check to be made.
#[derive(Clone)]
pub(super) enum Task {
    /// A row refers to a parent: (constraint, the row, its values in the constraint's order).
    Child(Arc<Constraint>, Rid, Vec<Datum>),
    /// A referenced row changed or went: (constraint of the referring table, old key, new key, the partition it is or was in,
    /// 0 if it went to another one).
    Parent(Arc<Constraint>, Vec<Datum>, Option<Vec<Datum>>, u32),
    /// A row may share its key of a deferrable unique constraint: (constraint, key, the row).
    Key(Arc<Constraint>, Vec<u8>, Vec<Datum>),
    /// A row under a deferrable exclusion constraint was stored or changed.
    Exclude(Arc<Constraint>, Rid),
}

impl Task {
    pub(super) fn constraint(&self) -> &Arc<Constraint> {
        let (Task::Child(c, ..) | Task::Parent(c, ..) | Task::Key(c, ..) | Task::Exclude(c, _)) = self;
        c
    }

    /// The table whose rows it is about.
    pub(super) fn table(&self) -> u32 {
        match self {
            Task::Child(c, ..) | Task::Key(c, ..) | Task::Exclude(c, _) => c.table,
            Task::Parent(c, ..) => match &c.kind {
                ConstraintKind::Foreign { ref_table, .. } => *ref_table,
                _ => c.table,
            },
        }
    }

    /// Whether it can wait for the end of the transaction: actions cannot, even if their constraint is deferrable.
    pub(super) fn may_wait(&self) -> bool {
        let Task::Parent(c, _, new, _) = self else { return self.constraint().deferrable };
        let ConstraintKind::Foreign { on_update, on_delete, .. } = &c.kind else { return false };
        c.deferrable && matches!(if new.is_some() { on_update } else { on_delete }, FkAction::NoAction)
    }
}

/// Keys remembered as found, per statement.
const REMEMBERED: usize = 100_000;
/// Tasks queued before any is looked at.
const QUEUED: usize = 10_000;
/// Tasks queued at most.
const QUEUED_MOST: usize = 16_000_000;

pub(super) fn pick(row: &[Datum], columns: &[i16]) -> Vec<Datum> {
    columns.iter().map(|n| row[*n as usize - 1].clone()).collect()
}

impl ForeignKeys {
    /// A row was stored: keys that it must not share in the end.
    pub async fn keys(
        &mut self,
        tx: &mut Transaction,
        rt: &TableRt,
        row: &[Datum],
        keys: &[Option<RowKey>],
    ) -> Result<()> {
        for (index, key) in keys.iter().enumerate() {
            if let Some(k) = key {
                self.key(tx, rt, row, index, k).await?;
            }
        }
        Ok(())
    }

    /// A row got this key in the index at a position.
    pub async fn key(
        &mut self,
        tx: &mut Transaction,
        rt: &TableRt,
        row: &[Datum],
        index: usize,
        key: &RowKey,
    ) -> Result<()> {
        let Some(c) = rt.indexes.get(index).and_then(|i| i.deferrable.as_ref()).filter(|_| key.unique) else {
            return Ok(());
        };
        if tx.txn.shares_key(&rt.indexes[index].desc, &key.bytes).await? {
            self.queue.push_back(Task::Key(Arc::clone(c), key.bytes.clone(), row.to_vec()));
        }
        Ok(())
    }

    /// A row under a deferrable exclusion constraint was stored or changed.
    pub(super) fn exclude(&mut self, c: &Arc<Constraint>, rid: Rid) {
        self.queue.push_back(Task::Exclude(Arc::clone(c), rid));
    }

    /// A row was stored.
    pub fn child(&mut self, rt: &TableRt, rid: Rid, row: &[Datum]) {
        for c in &rt.rel.constraints {
            if matches!(c.kind, ConstraintKind::Foreign { part: false, .. }) {
                self.queue.push_back(Task::Child(Arc::clone(c), rid, pick(row, &c.columns)));
            }
        }
    }

    /// A row was changed: only constraints whose columns changed matter.
    pub fn child_changed(&mut self, rt: &TableRt, rid: Rid, old: &[Datum], new: &[Datum]) {
        for c in &rt.rel.constraints {
            if matches!(c.kind, ConstraintKind::Foreign { part: false, .. })
                && pick(old, &c.columns) != pick(new, &c.columns)
            {
                self.queue.push_back(Task::Child(Arc::clone(c), rid, pick(new, &c.columns)));
            }
        }
    }

    /// A row that others may refer to was changed (`new`) or deleted.
    pub fn parent(&mut self, rt: &TableRt, old: &[Datum], new: Option<&[Datum]>) {
        // Those of a partitioned table's partitions are looked at with it.
        for c in rt.rel.referenced_by.iter().filter(|c| c.parent == 0) {
            let ConstraintKind::Foreign { ref_columns, .. } = &c.kind else { continue };
            let before = pick(old, ref_columns);
            let after = new.map(|n| pick(n, ref_columns));
            if after.as_ref() != Some(&before) && !before.iter().any(Datum::is_null) {
                self.queue.push_back(Task::Parent(Arc::clone(c), before, after, rt.rel.oid));
            }
        }
    }

    /// A row was changed in its table: [`ForeignKeys::parent`] and [`ForeignKeys::child_changed`], for the partitioned
    /// tables above it too.
    pub fn changed(&mut self, tx: &Transaction, rt: &TableRt, rid: Rid, old: &[Datum], new: &[Datum]) {
        self.parent(rt, old, Some(new));
        self.above(tx, &rt.rel, old, Some((&rt.rel, new)));
        self.child_changed(rt, rid, old, new);
    }

    /// A row of a table, or of the partitioned tables above it, has gone.
    pub fn removed(&mut self, tx: &Transaction, rt: &TableRt, old: &[Datum]) {
        self.parent(rt, old, None);
        self.above(tx, &rt.rel, old, None);
    }

    /// A row has gone from one partition to another: for those who refer to the partitioned tables above both, it changed.
    pub fn moved(&mut self, tx: &Transaction, from: &TableRt, old: &[Datum], to: (&TableRt, Rid), new: &[Datum]) {
        self.parent(from, old, None);
        self.above(tx, &from.rel, old, Some((&to.0.rel, new)));
        self.child(to.0, to.1, new);
    }

    /// Notes what the foreign keys that refer to partitioned tables above a partition owe.
    fn above(&mut self, tx: &Transaction, rel: &Arc<Relation>, old: &[Datum], new: Option<(&Arc<Relation>, &[Datum])>) {
        for up in tx.catalog.partition_ancestors(rel) {
            let still = new
                .filter(|n| n.0.oid == rel.oid || tx.catalog.partition_ancestors(n.0).iter().any(|a| a.oid == up.oid));
            let moved = new.is_some_and(|n| n.0.oid != rel.oid);
            for c in up.referenced_by.iter().filter(|c| c.parent == 0) {
                let ConstraintKind::Foreign { ref_columns, .. } = &c.kind else { continue };
                let of = |r: &Relation, row: &[Datum]| -> Option<Vec<Datum>> {
                    let value = |n: &i16| {
                        let own = r.column(&up.attribute(*n)?.name)?;
                        row.get(own.attnum as usize - 1).cloned()
                    };
                    ref_columns.iter().map(value).collect()
                };
                let Some(before) = of(rel, old) else { continue };
                let after = still.and_then(|(r, row)| of(r, row));
                if after.as_ref() != Some(&before) && !before.iter().any(Datum::is_null) {
                    self.queue.push_back(Task::Parent(Arc::clone(c), before, after, if moved { 0 } else { rel.oid }));
                }
            }
        }
    }

    /// Looks at everything noted; what is deferred moves to the transaction's list.
    pub async fn check(&mut self, tx: &mut Transaction, env: &StatementEnv) -> Result<()> {
        if self.queue.is_empty() {
            return Ok(());
        }
        tx.next_command();
        while let Some(task) = self.queue.pop_front() {
            env.cancel.check()?;
            if tx.deferred.takes(&task) {
                tx.deferred.push(task);
            } else {
                self.perform(tx, env, task).await?;
            }
        }
        self.relieve_deferred(tx, env).await
    }

    /// Makes one check.
    pub(super) async fn perform(&mut self, tx: &mut Transaction, env: &StatementEnv, task: Task) -> Result<()> {
        match task {
            Task::Child(c, _, values) => match self.missing_parent(tx, env, &c, &values).await? {
                Some(e) => Err(e),
                None => Ok(()),
            },
            Task::Parent(c, old, new, leaf) => self.check_parent(tx, env, &c, old, new, leaf).await,
            Task::Key(c, key, row) => check_key(tx, env, &c, &key, &row).await,
            Task::Exclude(c, rid) => super::exclude::check_again(tx, env, &c, rid).await,
        }
    }

    /// Whether a check made now finds nothing wrong and nothing that this transaction does later can change that.
    pub(super) async fn settled(&mut self, tx: &mut Transaction, env: &StatementEnv, task: &Task) -> Result<bool> {
        match task {
            Task::Child(c, _, values) => Ok(self.missing_parent(tx, env, c, values).await?.is_none()),
            _ => Ok(false),
        }
    }

    /// Shortens a long list in the middle of a statement.
    pub async fn relieve(&mut self, tx: &mut Transaction, env: &StatementEnv) -> Result<()> {
        if self.queue.len() < self.relieve_at.max(QUEUED) {
            return Ok(());
        }
        tx.next_command();
        for task in std::mem::take(&mut self.queue) {
            env.cancel.check()?;
            if tx.deferred.takes(&task) {
                tx.deferred.push(task);
            } else if !self.settled(tx, env, &task).await? {
                self.queue.push_back(task);
            }
        }
        self.relieve_deferred(tx, env).await?;
        self.relieve_at = self.queue.len() * 2;
        if self.queue.len() < QUEUED_MOST {
            return Ok(());
        }
        Err(DbError::new(SqlState::OUT_OF_MEMORY, "too many foreign key checks in one statement")
            .hint("Change fewer rows at a time."))
    }

    /// Locks a table that the statement does not name, once, and takes notice of its newest definition.
    async fn lock(&mut self, tx: &mut Transaction, table: u32, mode: TableLockMode) -> Result<()> {
        if !self.locked.contains(&(table, mode)) {
            tx.lock_table(table, mode, false).await?;
            tx.refresh_catalog();
            self.locked.push((table, mode));
        }
        Ok(())
    }

    /// The error of a row whose parent is not there; else the parent is locked.
    async fn missing_parent(
        &mut self,
        tx: &mut Transaction,
        env: &StatementEnv,
        c: &Arc<Constraint>,
        values: &[Datum],
    ) -> Result<Option<DbError>> {
        let ConstraintKind::Foreign { ref_table, ref_columns, ref_index, match_full, .. } = &c.kind else {
            return Ok(None);
        };
        let nulls = values.iter().filter(|v| v.is_null()).count();
        let child = relation(tx, c.table)?;
        if nulls > 0 {
            if *match_full && nulls < values.len() {
                let e = DbError::new(
                    SqlState::FOREIGN_KEY_VIOLATION,
                    format!(
                        "insert or update on table \"{}\" violates foreign key constraint \"{}\"",
                        child.name, c.name
                    ),
                )
                .detail("MATCH FULL does not allow mixing of null and nonnull key values.")
                .table(child.schema.clone(), child.name.clone())
                .constraint(c.name.clone());
                return Ok(Some(e));
            }
            return Ok(None);
        }
        self.lock(tx, *ref_table, TableLockMode::RowShare).await?;
        let parent = tx.newest_relation(*ref_table).cloned();
        let parent = parent.ok_or_else(|| DbError::internal("foreign key on a table that is gone"))?;
        // The values in the parent's types.
        let mut wanted = Vec::with_capacity(values.len());
        for (i, n) in ref_columns.iter().enumerate() {
            let to = parent.attribute(*n).map_or_else(|| TypeRef::new(0), |x| x.ty);
            let from = child.attribute(c.columns[i]).map_or(to, |x| x.ty);
            wanted.push(convert(env, from, to, &values[i])?);
        }
        let Some(found) = lookup(tx, env, &parent, *ref_index, ref_columns, &wanted)? else {
            return Ok(Some(no_parent(&env.eval, &child, &parent, c, values)));
        };
        let Lookup { rt, index: ref_index, key } = &found;
        let (at, index) =
            rt.index(*ref_index).ok_or_else(|| DbError::internal("foreign key without its parent's index"))?;
        let bytes = index.prefix(rt, key)?;
        if self.found.contains(&(*ref_index, bytes.clone())) {
            return Ok(None);
        }
        loop {
            let snap = tx.latest_tracked();
            let held = holder(&mut tx.txn, rt, at, &env.eval, &snap, &bytes).await?;
            tx.count_index_scan(*ref_index, u64::from(held.is_some()), u64::from(held.is_some()));
            let Some((rid, _)) = held else {
                return Ok(Some(no_parent(&env.eval, &child, &parent, c, values)));
            };
            match tx.lock_row(rt, &snap, rid, RowLockMode::KeyShare).await? {
                TmResult::Ok | TmResult::SelfModified => break,
                // Changed while we waited: look again.
                _ => env.cancel.check()?,
            }
        }
        if self.found.len() < REMEMBERED {
            self.found.insert((*ref_index, bytes));
        }
        Ok(None)
    }

    async fn check_parent(
        &mut self,
        tx: &mut Transaction,
        env: &StatementEnv,
        c: &Arc<Constraint>,
        old: Vec<Datum>,
        new: Option<Vec<Datum>>,
        leaf: u32,
    ) -> Result<()> {
        let ConstraintKind::Foreign { ref_table, ref_columns, on_update, on_delete, .. } = &c.kind else {
            return Ok(());
        };
        let action = if new.is_some() { on_update } else { on_delete };
        let mode = match action {
            FkAction::NoAction | FkAction::Restrict => TableLockMode::RowShare,
            _ => TableLockMode::RowExclusive,
        };
        self.lock(tx, c.table, mode).await?;
        let parent = relation(tx, *ref_table)?;
        let child = relation(tx, c.table)?;
        if child.is_partitioned() {
            // Its partitions of now have the constraint too, and the rows.
            for p in &child.children {
                let own =
                    tx.catalog.relation(*p).and_then(|p| p.constraints.iter().find(|k| k.parent == c.oid).cloned());
                if let Some(k) = own {
                    Box::pin(self.check_parent(tx, env, &k, old.clone(), new.clone(), leaf)).await?;
                }
            }
            return Ok(());
        }
        let rt = tx.table(&env.eval, &child)?;
        // Keys in the child's types.
        let mut key = Vec::with_capacity(old.len());
        for (n, v) in c.columns.iter().zip(&old) {
            let to = rt.rel.columns[*n as usize - 1].ty;
            let at = c.columns.iter().position(|x| x == n).unwrap_or(0);
            let from = parent.attribute(ref_columns[at]).map_or(to, |x| x.ty);
            key.push(convert(env, from, to, v)?);
        }
        if matches!(action, FkAction::NoAction) && self.still_there(tx, env, &parent, c, &old).await? {
            // Another row has taken the key over.
            return Ok(());
        }
        let snap = tx.latest_tracked();
        // A referenced key that is equal to several texts decides what refers to it.
        let of_child = |i: usize| rt.rel.columns[c.columns[i] as usize - 1].ty.collation;
        let of_parent = |n: &i16| parent.attribute(*n).map_or(0, |x| x.ty.collation);
        let pairs = ref_columns.iter().enumerate().map(|(i, n)| (of_parent(n), of_child(i)));
        // But a change is carried over to those that are equal by their own collation, as PostgreSQL does it.
        let own = matches!(action, FkAction::Cascade) && new.is_some();
        let by: Vec<u32> = pairs.map(|(p, c)| if own || is_deterministic(p) { c } else { p }).collect();
        let rows = find_children(tx, env, &rt, c, (&key, &by), &snap).await?;
        // Whether a default is the very key that goes: no change that would have the new key checked.
        let mut kept = false;
        for (rid, image) in rows {
            let row = decode_row(&mut tx.txn, &rt, &image).await?;
            match action {
                FkAction::NoAction | FkAction::Restrict => {
                    return Err(still_referenced(tx, &env.eval, &parent, &child, c, leaf, &old));
                }
                FkAction::Cascade => match &new {
                    None => {
                        self.remove(tx, env, &rt, &snap, rid, &image, &row).await?;
                    }
                    Some(n) => {
                        let mut changed = row.clone();
                        for (i, (col, v)) in c.columns.iter().zip(n).enumerate() {
                            let to = rt.rel.columns[*col as usize - 1].ty;
                            let from = parent.attribute(ref_columns[i]).map_or(to, |x| x.ty);
                            changed[*col as usize - 1] = convert(env, from, to, v)?;
                        }
                        self.change(tx, env, &rt, &snap, rid, &image, &row, changed).await?;
                    }
                },
                FkAction::SetNull(cols) => {
                    let mut changed = row.clone();
                    for col in if cols.is_empty() { &c.columns } else { cols } {
                        changed[*col as usize - 1] = Datum::Null;
                    }
                    self.change(tx, env, &rt, &snap, rid, &image, &row, changed).await?;
                }
                FkAction::SetDefault(cols) => {
                    let mut changed = row.clone();
                    for col in if cols.is_empty() { &c.columns } else { cols } {
                        changed[*col as usize - 1] = default_of(tx, env, &child, *col)?;
                    }
                    kept |= pick(&changed, &c.columns) == pick(&row, &c.columns);
                    self.change(tx, env, &rt, &snap, rid, &image, &row, changed).await?;
                }
            }
        }
        if kept && !self.still_there(tx, env, &parent, c, &old).await? {
            return Err(still_referenced(tx, &env.eval, &parent, &child, c, leaf, &old));
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments, reason = "a row change is told all of this")]
    async fn change(
        &mut self,
        tx: &mut Transaction,
        env: &StatementEnv,
        rt: &Arc<TableRt>,
        snap: &Snapshot,
        rid: Rid,
        image: &[u8],
        old: &[Datum],
        mut new: Vec<Datum>,
    ) -> Result<()> {
        match &rt.own {
            Some(checks) => checks.run(tx, rt, &Arc::from([]), env, &mut new).await?,
            None => rt.check_not_null(&env.eval, &new)?,
        }
        if rt.rel.bound.is_some() && !super::tree::fits_in(tx, env, &rt.rel, &new)? {
            return self.relocate(tx, env, rt, snap, rid, image, old, &new).await;
        }
        match change_row(tx, rt, env, snap, rid, image, old, &new, self).await? {
            TmResult::Ok | TmResult::SelfModified | TmResult::Deleted => {}
            _ => {
                return Err(DbError::new(
                    SqlState::T_R_SERIALIZATION_FAILURE,
                    "could not serialize access due to concurrent update",
                ));
            }
        }
        self.changed(tx, rt, rid, old, &new);
        tx.next_command();
        Ok(())
    }

    /// An action takes a row to another partition.
    #[allow(clippy::too_many_arguments, reason = "a row change is told all of this")]
    async fn relocate(
        &mut self,
        tx: &mut Transaction,
        env: &StatementEnv,
        rt: &Arc<TableRt>,
        snap: &Snapshot,
        rid: Rid,
        image: &[u8],
        old: &[Datum],
        new: &[Datum],
    ) -> Result<()> {
        let above = tx.catalog.partition_ancestors(&rt.rel);
        let root = above.last().ok_or_else(|| DbError::internal("a partition without a partitioned table"))?;
        let map = super::partition::attribute_map(&rt.rel, root);
        let row = super::partition::reshape(map.as_deref(), new, root.columns.len());
        let mut tree = super::tree::Tree::new(root);
        let to = tree.target(tx, env, &row).await?;
        match move_row(tx, rt, env, snap, rid, image, old).await? {
            TmResult::Ok => {}
            TmResult::SelfModified | TmResult::Deleted => return Ok(()),
            _ => return Err(super::dml::serialization("update")),
        }
        let mut moved = to.to_own(&row);
        tree.check(&to, Env { ctx: &env.eval, params: &[] }, &mut moved)?;
        if let Stored::New(at) = insert_row(tx, &to.rt, env, &moved, self).await? {
            self.moved(tx, rt, old, (&to.rt, at), &moved);
        }
        tx.next_command();
        Ok(())
    }

    #[allow(clippy::too_many_arguments, reason = "a row change is told all of this")]
    async fn remove(
        &mut self,
        tx: &mut Transaction,
        env: &StatementEnv,
        rt: &Arc<TableRt>,
        snap: &Snapshot,
        rid: Rid,
        image: &[u8],
        old: &[Datum],
    ) -> Result<()> {
        match remove_row(tx, rt, env, snap, rid, image, old).await? {
            TmResult::Ok | TmResult::SelfModified | TmResult::Deleted => {}
            _ => {
                return Err(DbError::new(
                    SqlState::T_R_SERIALIZATION_FAILURE,
                    "could not serialize access due to concurrent update",
                ));
            }
        }
        self.removed(tx, rt, old);
        tx.next_command();
        Ok(())
    }

    /// Whether some row of the parent has the key now.
    async fn still_there(
        &self,
        tx: &mut Transaction,
        env: &StatementEnv,
        parent: &Arc<Relation>,
        c: &Constraint,
        key: &[Datum],
    ) -> Result<bool> {
        let ConstraintKind::Foreign { ref_columns, ref_index, .. } = &c.kind else { return Ok(false) };
        let Some(Lookup { rt, index, key: ordered }) = lookup(tx, env, parent, *ref_index, ref_columns, key)? else {
            return Ok(false);
        };
        let Some((at, index)) = rt.index(index) else { return Ok(false) };
        let bytes = index.prefix(&rt, &ordered)?;
        let snap = tx.latest_tracked();
        let held = holder(&mut tx.txn, &rt, at, &env.eval, &snap, &bytes).await?.is_some();
        tx.count_index_scan(index.def.oid, u64::from(held), u64::from(held));
        Ok(held)
    }
}

/// 23505 if more than one row has the key of a deferrable unique constraint.
async fn check_key(
    tx: &mut Transaction,
    env: &StatementEnv,
    c: &Arc<Constraint>,
    key: &[u8],
    row: &[Datum],
) -> Result<()> {
    let (ConstraintKind::Primary { index } | ConstraintKind::Unique { index }) = c.kind else { return Ok(()) };
    let table = relation(tx, c.table)?;
    let rt = tx.table(&env.eval, &table)?;
    let Some((at, i)) = rt.index(index) else { return Ok(()) };
    if tx.txn.key_is_shared(rt.desc.rel, &i.desc, key).await? {
        return Err(super::exclude::duplicate(tx, &rt, at, &env.eval, row));
    }
    Ok(())
}

/// Where a referenced key is looked up: the table (of a partitioned one the partition), its index, and the key's values
/// in the index's order.
struct Lookup {
    rt: Arc<TableRt>,
    index: u32,
    key: Vec<Datum>,
}

/// `None` when no partition could have the key.
fn lookup(
    tx: &Transaction,
    env: &StatementEnv,
    parent: &Arc<Relation>,
    index: u32,
    columns: &[i16],
    values: &[Datum],
) -> Result<Option<Lookup>> {
    let (rt, index) = if parent.is_partitioned() {
        match super::partition::leaf_of_key(tx, env, parent, index, columns, values)? {
            Some(found) => found,
            None => return Ok(None),
        }
    } else {
        (tx.table(&env.eval, parent)?, index)
    };
    let (_, i) = rt.index(index).ok_or_else(|| DbError::internal("foreign key without its parent's index"))?;
    // The index may have the columns in another order than the constraint.
    let mut key = Vec::with_capacity(values.len());
    for k in &i.def.keys {
        let name = rt.rel.attribute(k.attnum).map(|c| c.name.as_str());
        let at = columns
            .iter()
            .position(|n| parent.attribute(*n).map(|c| c.name.as_str()) == name)
            .ok_or_else(|| DbError::internal("foreign key's index has other columns"))?;
        key.push(values[at].clone());
    }
    Ok(Some(Lookup { index, key, rt }))
}

/// A partition's foreign key as its partitioned table has it.
fn topmost(tx: &Transaction, child: &Arc<Relation>, c: &Arc<Constraint>) -> (Arc<Relation>, Arc<Constraint>) {
    let (mut table, mut top) = (Arc::clone(child), Arc::clone(c));
    for up in tx.catalog.partition_ancestors(child) {
        let Some(x) = up.constraints.iter().find(|x| x.oid == top.parent).cloned() else { break };
        (table, top) = (up, x);
    }
    (table, top)
}

pub(super) fn relation(tx: &Transaction, oid: u32) -> Result<Arc<Relation>> {
    tx.catalog.relation(oid).cloned().ok_or_else(|| DbError::internal("foreign key on a table that is gone"))
}

/// Rows of the referring table with a key (and the collations it compares by), by an index that begins with its columns, else by reading the table.
async fn find_children(
    tx: &mut Transaction,
    env: &StatementEnv,
    rt: &Arc<TableRt>,
    c: &Constraint,
    (key, by): (&[Datum], &[u32]),
    snap: &Snapshot,
) -> Result<Vec<(Rid, Vec<u8>)>> {
    let equal = |row: &[Datum]| {
        c.columns.iter().zip(key).zip(by).all(|((n, k), by)| {
            let i = *n as usize - 1;
            !row[i].is_null() && {
                let ty = TypeRef { collation: *by, ..rt.rel.columns[i].ty };
                cmp::compare(ty, ty.collation, &row[i], k) == std::cmp::Ordering::Equal
            }
        })
    };
    let kept = |i: &IndexRt, n: usize, attnum: i16| {
        let wanted = c.columns.iter().position(|x| *x == attnum).and_then(|p| by.get(p));
        wanted.is_some_and(|w| same_equality(i.key_type(n, rt).collation, *w))
    };
    let scan_env = ScanEnv { store: Arc::clone(tx.txn.store()), snap: *snap, interrupt: env.interrupt.clone() };
    let usable = rt.indexes.iter().find(|i| {
        i.def.searchable()
            && !i.def.is_gin()
            && !i.def.is_tree()
            && !i.def.is_brin()
            && i.def.predicate.is_none()
            && i.def.keys.len() >= c.columns.len()
            && i.def.keys[..c.columns.len()].iter().enumerate().all(|(n, k)| kept(i, n, k.attnum))
    });
    let mut out = Vec::new();
    let mut candidates: Vec<(Rid, Vec<u8>)> = Vec::new();
    match usable {
        Some(i) => {
            let ordered: Vec<Datum> = i.def.keys[..c.columns.len()]
                .iter()
                .filter_map(|k| c.columns.iter().position(|n| *n == k.attnum).map(|p| key[p].clone()))
                .collect();
            let bytes = i.prefix(rt, &ordered)?;
            let edge = || Edge::Inclusive(bytes.clone());
            let cursor = Cursor::open(i.desc, edge(), edge(), Direction::Forward, Access::Point, false)?;
            let mut scan = IndexScan::new(scan_env, rt.desc.rel, cursor);
            let mut buf = RowBuf::new();
            let mut seen = HashSet::new();
            while let Some(rid) = scan.next(&mut buf, |_, _| Ok(true)).await? {
                if seen.insert(rid) {
                    candidates.push((rid, buf.to_vec()));
                }
            }
            tx.txn.depends_on(scan.dep_lsn());
            let met = candidates.len() as u64;
            tx.count_index_scan(i.def.oid, met, met);
            for (rid, image) in candidates {
                let row = decode_row(&mut tx.txn, rt, &image).await?;
                if equal(&row) {
                    out.push((rid, image));
                }
            }
        }
        None => {
            let (mut met, mut io) = (0, (0, 0));
            for blocks in partitions(&scan_env, rt.desc.rel, 1).await? {
                let mut scan = RowScan::new(scan_env.clone(), rt.desc.rel, Arc::clone(&rt.desc.layout), blocks);
                while let Some(rows) = scan.next().await? {
                    candidates.extend(rows.iter().map(|(r, b)| (r, b.to_vec())));
                    met += candidates.len() as u64;
                    for (rid, image) in candidates.drain(..) {
                        let row = decode_row(&mut tx.txn, rt, &image).await?;
                        if equal(&row) {
                            out.push((rid, image));
                        }
                    }
                }
                let now = scan.take_io();
                io = (io.0 + now.0, io.1 + now.1);
                tx.txn.depends_on(scan.dep_lsn());
            }
            tx.count_scan(rt.rel.oid, met, io);
        }
    }
    Ok(out)
}

/// A key value under the other side's type.
fn convert(env: &StatementEnv, from: TypeRef, to: TypeRef, d: &Datum) -> Result<Datum> {
    if from.oid == to.oid || d.is_null() {
        return Ok(d.clone());
    }
    let fits = |v: i64| match to.oid {
        rustydb_types::oid::INT2 => i16::try_from(v).map(Datum::Int2).ok(),
        rustydb_types::oid::INT4 => i32::try_from(v).map(Datum::Int4).ok(),
        rustydb_types::oid::INT8 => Some(Datum::Int8(v)),
        _ => None,
    };
    let int = match d {
        Datum::Int2(v) => fits(i64::from(*v)),
        Datum::Int4(v) => fits(i64::from(*v)),
        Datum::Int8(v) => fits(*v),
        _ => None,
    };
    if let Some(d) = int {
        return Ok(d);
    }
    let mut text = Vec::new();
    io::text_out(io::OutCtx { fmt: &env.eval.fmt, session: None }, from, d, &mut text)?;
    let text = String::from_utf8(text).map_err(|_| DbError::internal("text form is not UTF-8"))?;
    io::text_in(&env.eval, TypeRef { typmod: -1, ..to }, &text)
}

fn default_of(tx: &Transaction, env: &StatementEnv, rel: &Arc<Relation>, attnum: i16) -> Result<Datum> {
    let path: Vec<u32> = tx.catalog.namespaces.keys().copied().collect();
    let cx = BindCx { catalog: &tx.catalog, search_path: &path, eval: &env.eval, role: rel.owner, sql: "" };
    let c = rel.attribute(attnum).ok_or_else(|| DbError::internal("foreign key column is gone"))?.clone();
    let e = Binder::new(&cx, &[]).column_default(rel, &c)?;
    compile(&e, &|_| None)?.eval(Env { ctx: &env.eval, params: &[] }, &[])
}

fn key_text(eval: &EvalCtx, rel: &Relation, columns: &[i16], values: &[Datum]) -> (String, String) {
    let out = io::OutCtx { fmt: &eval.fmt, session: Some(&*eval.session) };
    let names: Vec<&str> = columns.iter().filter_map(|n| rel.attribute(*n)).map(|c| c.name.as_str()).collect();
    let shown: Vec<String> = columns
        .iter()
        .zip(values)
        .map(|(n, v)| rel.attribute(*n).map_or_else(String::new, |c| show_value_in(out, c.ty, v, usize::MAX)))
        .collect();
    (names.join(", "), shown.join(", "))
}

fn no_parent(eval: &EvalCtx, child: &Relation, parent: &Relation, c: &Constraint, values: &[Datum]) -> DbError {
    let (names, shown) = key_text(eval, child, &c.columns, values);
    DbError::new(
        SqlState::FOREIGN_KEY_VIOLATION,
        format!("insert or update on table \"{}\" violates foreign key constraint \"{}\"", child.name, c.name),
    )
    .detail(format!("Key ({names})=({shown}) is not present in table \"{}\".", parent.name))
    .table(child.schema.clone(), child.name.clone())
    .constraint(c.name.clone())
}

/// 23503 for a key that goes although rows refer to it: by the constraint of the topmost table that refers, and its part for
/// the partition whose row it was.
fn still_referenced(
    tx: &Transaction,
    eval: &EvalCtx,
    parent: &Arc<Relation>,
    child: &Arc<Relation>,
    c: &Arc<Constraint>,
    leaf: u32,
    values: &[Datum],
) -> DbError {
    let (table, top) = topmost(tx, child, c);
    let part = table.constraints.iter().find(|k| {
        matches!(k.kind, ConstraintKind::Foreign { ref_table, part: true, .. } if ref_table == leaf)
            && crate::ddl::whole_reference(&table, k).oid == top.oid
    });
    let of_leaf = part.zip(tx.catalog.relation(leaf));
    let (c, parent) = of_leaf.map_or((&top, parent), |(k, l)| (k, l));
    let columns: &[i16] = match &c.kind {
        ConstraintKind::Foreign { ref_columns, .. } => ref_columns,
        _ => &[],
    };
    let (names, shown) = key_text(eval, parent, columns, values);
    DbError::new(
        SqlState::FOREIGN_KEY_VIOLATION,
        format!(
            "update or delete on table \"{}\" violates foreign key constraint \"{}\" on table \"{}\"",
            parent.name, c.name, table.name
        ),
    )
    .detail(format!("Key ({names})=({shown}) is still referenced from table \"{}\".", table.name))
    .table(table.schema.clone(), table.name.clone())
    .constraint(c.name.clone())
}
