//! A session's transaction: the store's transaction together with what it has done to the catalog.
//!
//! The catalog seen inside is the newest committed one, taken anew at each statement, until the transaction changes the
//! catalog itself: from then on it is a private overlay. At commit the changes become part of the shared snapshot in the
//! same critical section in which the store publishes the commit, so nobody sees one without the other.

use crate::acl::item::encode_list;
use crate::acl::membership::Membership;
use crate::acl::{Acl, DefaultAcl};
use crate::catalog::casts::{self, UserCast};
use crate::catalog::change::{CatalogChange, difference, next_version, relation_rows};
use crate::catalog::collations::{self, Collation};
use crate::catalog::dependencies;
use crate::catalog::extensions::Extension;
use crate::catalog::objects::SchemaObject;
use crate::catalog::operators::{self, UserOperator};
use crate::catalog::routines::{self, Routine};
use crate::catalog::rows::{self, CatRow};
use crate::catalog::types::{self, UserType};
use crate::catalog::{Catalog, Database, FIRST_USER_OID, Namespace, Persistence, Relation, Role, Storage};
use crate::engine::{DatabaseState, Engine};
use crate::exec::deferred::{Deferred, DeferredMark};
use crate::exec::eval::Env;
use crate::exec::table::{TableRt, borrow_changes, borrow_keys};
use crate::large_object::calls::Descriptors;
use crate::stats::{self, Tally};
use rustydb_base::{DbError, Lsn, RelId, Result, Rid, Scn, SqlState};
use rustydb_parser::ast::TableLockMode;
use rustydb_storage::core::RowLockMode;
use rustydb_storage::heap::{RowBuf, TmResult};
use rustydb_storage::lock::{LockMode, LockOwner, LockTarget};
use rustydb_storage::scan::{RowScan, ScanEnv, partitions};
use rustydb_storage::store::{CommitOptions, Durability, Interrupt, RelationKind, Savepoint, Session, Txn, WaitPolicy};
use rustydb_storage::table::{Changed, Inserted};
use rustydb_storage::txn::{HeldSnapshot, Isolation, Snapshot};
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use std::collections::HashMap;
use std::sync::Arc;

/// An open transaction of a session.
pub struct Transaction {
    /// The store's part.
    pub txn: Txn,
    /// The catalog statements are bound in.
    pub catalog: Arc<Catalog>,
    /// The database.
    pub db: Arc<DatabaseState>,
    /// Isolation level.
    pub isolation: Isolation,
    /// READ ONLY.
    pub read_only: bool,
    /// DEFERRABLE: a serializable, read-only one waits for a safe snapshot.
    pub deferrable: bool,
    /// `now()`, microseconds since 2000.
    pub start: i64,
    /// The committed snapshot that `catalog` is, or that the changes were applied to.
    base: Arc<Catalog>,
    /// Changes of the catalog so far, in order.
    changes: Vec<CatalogChange>,
    snapshot: Option<Snapshot>,
    held: Option<HeldSnapshot>,
    /// Constraint checks put off to the end, and SET CONSTRAINTS.
    pub deferred: Deferred,
    /// Large objects that are open.
    pub descriptors: Descriptors,
    /// Where its session counts; `None` for work that belongs to no session.
    pub tally: Option<Arc<Tally>>,
}

/// A place in a transaction to go back to.
pub struct Mark {
    store: Savepoint,
    changes: usize,
    deferred: DeferredMark,
    descriptors: u64,
}

impl Transaction {
    /// Opens a transaction of a session.
    pub fn begin(
        db: &Arc<DatabaseState>,
        session: &Session,
        isolation: Isolation,
        read_only: bool,
        start: i64,
    ) -> Result<Transaction> {
        let txn = session.begin(isolation)?;
        let catalog = db.catalog();
        Ok(Transaction {
            txn,
            catalog: Arc::clone(&catalog),
            base: catalog,
            db: Arc::clone(db),
            isolation,
            read_only,
            deferrable: false,
            start,
            changes: Vec::new(),
            snapshot: None,
            held: None,
            deferred: Deferred::default(),
            descriptors: Descriptors::default(),
            tally: None,
        })
    }

    fn engine(&self) -> &Arc<Engine> {
        self.db.engine()
    }

    /// Whether the transaction has changed the catalog.
    pub fn has_catalog_changes(&self) -> bool {
        !self.changes.is_empty()
    }

    /// The catalog for the next statement: the newest committed one, with this transaction's changes on top. The objects
    /// changed here are locked against others, so that the changes fit whatever was committed meanwhile.
    pub fn refresh_catalog(&mut self) -> &Arc<Catalog> {
        let newest = self.db.catalog();
        if !Arc::ptr_eq(&newest, &self.base) || (self.changes.is_empty() && newest.detaching.is_empty()) {
            self.rebase(newest);
        }
        &self.catalog
    }

    /// A relation as it is now, also for a transaction whose snapshot still sees a partition that is being detached: what
    /// foreign keys refer to.
    pub fn newest_relation(&self, oid: u32) -> Option<&Arc<Relation>> {
        if self.changes.is_empty() { self.base.relation(oid) } else { self.catalog.relation(oid) }
    }

    fn rebase(&mut self, newest: Arc<Catalog>) {
        self.catalog = Arc::clone(&newest);
        if self.changes.is_empty()
            && self.isolation.one_snapshot()
            && let Some(s) = &self.snapshot
            && let Some(cat) = newest.with_detaching(s.scn.0)
        {
            self.catalog = Arc::new(cat);
        }
        if !self.changes.is_empty() {
            let mut cat = (*newest).clone();
            for c in &self.changes {
                c.apply(&mut cat);
            }
            self.catalog = Arc::new(cat);
        }
        self.base = newest;
    }

    /// The snapshot for the next statement: a new one at READ COMMITTED, the first one at the higher levels (with the
    /// transaction's own changes up to now). Waits only for the first one of a deferrable transaction.
    pub async fn statement_snapshot(&mut self) -> Result<Snapshot> {
        if let Some(s) = self.snapshot.as_ref().filter(|_| self.isolation.one_snapshot()) {
            self.txn.store().core().check_kept(s)?;
            return Ok(self.txn.refresh(s));
        }
        let s = if self.isolation == Isolation::Serializable {
            Box::pin(self.txn.serializable_snapshot(self.read_only, self.deferrable)).await?
        } else {
            self.txn.snapshot()
        };
        self.held = None;
        if self.isolation.one_snapshot() {
            // Later snapshots (catalog reads, foreign keys) replace the registered one; this keeps it.
            self.held = Some(self.txn.store().hold(&s));
        }
        self.snapshot = Some(s);
        Ok(s)
    }

    /// Takes another transaction's snapshot as its one snapshot. Nothing may have been read yet.
    pub fn import_snapshot(&mut self, scn: Scn, held: HeldSnapshot) -> Result<()> {
        self.snapshot = Some(self.txn.snapshot_at(scn, self.read_only)?);
        self.held = Some(held);
        Ok(())
    }

    /// What is committed now, for a look at other tables that belongs to what the transaction reads (foreign keys).
    pub fn latest_tracked(&mut self) -> Snapshot {
        let ssi = self.txn.cx().ssi;
        Snapshot { ssi, ..self.latest_snapshot() }
    }

    /// A snapshot of what is committed now, whatever the isolation level (catalog writes, foreign keys, rows that others
    /// have changed). The statement's own, which it may go on reading by, is kept.
    pub fn latest_snapshot(&mut self) -> Snapshot {
        if let (None, Some(s)) = (&self.held, &self.snapshot) {
            self.held = Some(self.txn.store().hold(s));
        }
        self.txn.snapshot()
    }

    /// Whether the newest version of a row is what the transaction's one snapshot shows of it, or its own work. If somebody
    /// has changed the row since, a transaction with one snapshot must not act on it.
    pub async fn sees_newest(&mut self, rt: &TableRt, rid: Rid) -> Result<bool> {
        let own = self.statement_snapshot().await?.untracked();
        let (now, latest) = (Snapshot { cid: u32::MAX, ..own }, self.latest_snapshot());
        let (mut seen, mut newest) = (RowBuf::new(), RowBuf::new());
        if !self.txn.fetch(&now, rt.desc.rel, rid, &mut seen).await? {
            return Ok(false);
        }
        let latest = Snapshot { cid: u32::MAX, ..latest.untracked() };
        let there = self.txn.fetch(&latest, rt.desc.rel, rid, &mut newest).await?;
        // All but the first word, which changes its form when the writer's commit is noted in the row.
        Ok(there && seen.get(8..) == newest.get(8..))
    }

    /// Nothing is read until the next statement begins (READ COMMITTED): old versions need not be kept.
    pub fn release_snapshot(&mut self) {
        self.txn.release_snapshot();
        (self.snapshot, self.held) = (None, None);
    }

    /// Begins the next command: what was written so far becomes visible to it.
    pub fn next_command(&mut self) {
        self.txn.next_command();
    }

    /// The owner of this session's locks.
    pub fn lock_owner(&self) -> &Arc<LockOwner> {
        self.txn.lock_owner()
    }

    /// A table ready for row operations.
    pub fn table(&self, eval: &EvalCtx, rel: &Arc<Relation>) -> Result<Arc<TableRt>> {
        self.db.table_rt(&self.catalog, eval, rel)
    }

    /// How rows find their partition.
    pub fn partition(&self, eval: &EvalCtx, rel: &Arc<Relation>) -> Result<Arc<crate::exec::partition::PartitionRt>> {
        self.db.partition_rt(&self.catalog, eval, rel)
    }

    // ---- ending ------------------------------------------------------------------------------------------------

    /// Marks a place to go back to.
    pub fn mark(&mut self) -> Mark {
        Mark {
            store: self.txn.savepoint(),
            changes: self.changes.len(),
            deferred: self.deferred.mark(),
            descriptors: self.descriptors.mark(),
        }
    }

    /// Undoes everything since a mark, which stays usable.
    pub async fn rollback_to(&mut self, mark: &Mark) -> Result<()> {
        self.txn.rollback_to(&mark.store).await?;
        self.deferred.roll_back(&mark.deferred);
        self.descriptors.roll_back(mark.descriptors);
        if self.changes.len() > mark.changes {
            let (before, undone) = (Arc::clone(&self.catalog), self.changes.split_off(mark.changes));
            self.rebase(self.db.catalog());
            self.forget_counts(&before, &self.catalog, &undone);
        }
        Ok(())
    }

    /// Commits. Answers the LSN that must be stable before the client is told.
    pub async fn commit(mut self) -> Result<Lsn> {
        let options = CommitOptions { catalog_changed: !self.changes.is_empty() };
        let done = if self.changes.is_empty() {
            self.txn.commit(options).await
        } else {
            // The store gives the locks back with the commit; whoever gets one next waits until the changes are published.
            let publishing = self.db.begin_publishing();
            let done = self.txn.commit(options).await;
            if done.is_ok() {
                self.engine().publish(&self.db, &self.changes);
                self.forget_counts(&self.base, &self.db.catalog(), &self.changes);
            }
            drop(publishing);
            done
        };
        match done {
            Ok(c) => Ok(c.lsn.max(c.dep_lsn)),
            Err(e) => {
                self.txn.abort().await?;
                Err(e)
            }
        }
    }

    /// Rolls back.
    pub async fn abort(mut self) -> Result<()> {
        if !self.changes.is_empty() {
            self.forget_counts(&self.catalog, &self.db.catalog(), &self.changes);
        }
        self.txn.abort().await
    }

    /// Forgets the session's counts of what changes concern and is in a catalog no more.
    fn forget_counts(&self, before: &Catalog, after: &Catalog, changes: &[CatalogChange]) {
        if let Some(t) = &self.tally {
            let (relations, functions) = stats::gone(before, after, changes);
            t.forget(&relations, &functions);
        }
    }

    /// Takes a table lock, waiting for it unless `nowait` (55P03).
    pub async fn lock_table(&mut self, rel: u32, mode: TableLockMode, nowait: bool) -> Result<()> {
        let target = LockTarget::Relation { db: self.db.oid, oid: rel };
        let policy = self.txn.rules.policy;
        self.txn.rules.policy = if nowait { WaitPolicy::NoWait } else { WaitPolicy::Block };
        let got = self.txn.lock(target, lock_mode(mode)).await;
        self.txn.rules.policy = policy;
        if !got? {
            let name = self.catalog.relation(rel).map_or_else(|| rel.to_string(), |r| r.name.clone());
            return Err(DbError::new(
                SqlState::LOCK_NOT_AVAILABLE,
                format!("could not obtain lock on relation \"{name}\""),
            ));
        }
        self.db.published().await;
        Ok(())
    }

    /// Locks a row, waiting for whoever holds it as the rules say.
    pub async fn lock_row(&mut self, rt: &TableRt, snap: &Snapshot, rid: Rid, mode: RowLockMode) -> Result<TmResult> {
        self.txn.lock_row(snap, rt.desc.rel, rid, mode).await
    }

    // ---- catalog changes ---------------------------------------------------------------------------------------

    /// A new object identifier.
    pub async fn new_oid(&mut self) -> Result<u32> {
        self.engine().next_oid().await
    }

    async fn changed(&mut self, c: CatalogChange) {
        let mut cat = (*self.catalog).clone();
        c.apply(&mut cat);
        self.catalog = Arc::new(cat);
        self.changes.push(c);
        self.txn.next_command();
    }

    /// Creates a relation or replaces its definition, indexes, constraints, sequence and statistics included.
    pub async fn put_relation(&mut self, mut r: Relation) -> Result<()> {
        r.version = next_version();
        let before = self.catalog.relation(r.oid);
        let moved = before.is_none_or(|o| o.name != r.name || o.namespace != r.namespace);
        if r.row_array_type != 0 && (moved || r.row_array_name.is_empty()) {
            r.row_array_name = types::array_name(&self.catalog, r.namespace, &r.name, r.row_array_type);
        }
        let old = before.map(|o| relation_rows(o)).unwrap_or_default();
        let (gone, added) = difference(old, relation_rows(&r));
        self.write_rows(gone, added).await?;
        self.changed(CatalogChange::PutRelation(Box::new(r))).await;
        Ok(())
    }

    /// Drops a relation with its indexes, and their files at commit.
    pub async fn drop_relation(&mut self, oid: u32) -> Result<()> {
        let Some(r) = self.catalog.relation(oid).cloned() else { return Ok(()) };
        self.write_rows(relation_rows(&r), Vec::new()).await?;
        if let Some(t) = &self.tally {
            t.dropped(oid);
        }
        if let Some(s) = &r.storage {
            self.txn.empties(s.heap)?;
            self.drop_storage(s).await?;
        }
        for i in &r.indexes {
            self.drop_files(i.storage).await?;
        }
        if let Some(s) = &r.sequence {
            self.drop_files(s.storage).await?;
        }
        self.changed(CatalogChange::DropRelation(oid)).await;
        Ok(())
    }

    /// Creates a type or replaces its definition.
    pub async fn put_type(&mut self, mut t: UserType) -> Result<()> {
        t.version = next_version();
        let old = self.catalog.types.get(&t.oid).map(|o| types::rows(o)).unwrap_or_default();
        let (gone, added) = difference(old, types::rows(&t));
        self.write_rows(gone, added).await?;
        self.changed(CatalogChange::PutType(Box::new(t))).await;
        Ok(())
    }

    /// Whether a type was there before this transaction.
    pub fn committed_type(&self, oid: u32) -> bool {
        self.base.types.contains_key(&oid)
    }

    /// Drops a type.
    pub async fn drop_type(&mut self, oid: u32) -> Result<()> {
        let Some(t) = self.catalog.types.get(&oid).cloned() else { return Ok(()) };
        self.write_rows(types::rows(&t), Vec::new()).await?;
        self.changed(CatalogChange::DropType(oid)).await;
        Ok(())
    }

    /// Creates a routine or replaces its definition.
    pub async fn put_routine(&mut self, mut r: Routine) -> Result<()> {
        r.version = next_version();
        let old = self.catalog.routines.get(&r.oid).map(|o| routines::rows(o)).unwrap_or_default();
        let (gone, added) = difference(old, routines::rows(&r));
        self.write_rows(gone, added).await?;
        self.changed(CatalogChange::PutRoutine(Box::new(r))).await;
        Ok(())
    }

    /// Drops a routine.
    pub async fn drop_routine(&mut self, oid: u32) -> Result<()> {
        let Some(r) = self.catalog.routines.get(&oid).cloned() else { return Ok(()) };
        self.write_rows(routines::rows(&r), Vec::new()).await?;
        self.changed(CatalogChange::DropRoutine(oid)).await;
        Ok(())
    }

    /// Creates or changes an operator.
    pub async fn put_operator(&mut self, o: UserOperator) -> Result<()> {
        let old = self.catalog.operators.get(&o.oid).map(|o| operators::row(o));
        let (gone, added) = difference(old.into_iter().collect(), vec![operators::row(&o)]);
        self.write_rows(gone, added).await?;
        self.changed(CatalogChange::PutOperator(Box::new(o))).await;
        Ok(())
    }

    /// Drops an operator; others forget it.
    pub async fn drop_operator(&mut self, oid: u32) -> Result<()> {
        let Some(o) = self.catalog.operators.get(&oid).cloned() else { return Ok(()) };
        let linked: Vec<UserOperator> = self
            .catalog
            .operators
            .values()
            .filter(|x| x.oid != oid && (x.commutator == oid || x.negator == oid))
            .map(|x| (**x).clone())
            .collect();
        for mut x in linked {
            x.commutator = if x.commutator == oid { 0 } else { x.commutator };
            x.negator = if x.negator == oid { 0 } else { x.negator };
            self.put_operator(x).await?;
        }
        self.write_rows(vec![operators::row(&o)], Vec::new()).await?;
        self.changed(CatalogChange::DropOperator(oid)).await;
        Ok(())
    }

    /// Creates or changes a collation.
    pub async fn put_collation(&mut self, c: Collation) -> Result<()> {
        let old = self.catalog.collations.get(&c.oid).map(|o| collations::row(o));
        let (gone, added) = difference(old.into_iter().collect(), vec![collations::row(&c)]);
        self.write_rows(gone, added).await?;
        self.changed(CatalogChange::PutCollation(Box::new(c))).await;
        Ok(())
    }

    /// Drops a collation.
    pub async fn drop_collation(&mut self, oid: u32) -> Result<()> {
        let Some(c) = self.catalog.collations.get(&oid).cloned() else { return Ok(()) };
        self.write_rows(vec![collations::row(&c)], Vec::new()).await?;
        self.changed(CatalogChange::DropCollation(oid)).await;
        Ok(())
    }

    /// Creates a cast.
    pub async fn put_cast(&mut self, c: UserCast) -> Result<()> {
        self.write_rows(Vec::new(), vec![casts::row(&c)]).await?;
        self.changed(CatalogChange::PutCast(c)).await;
        Ok(())
    }

    /// Drops a cast.
    pub async fn drop_cast(&mut self, oid: u32) -> Result<()> {
        let Some(c) = self.catalog.cast(oid).copied() else { return Ok(()) };
        self.write_rows(vec![casts::row(&c)], Vec::new()).await?;
        self.changed(CatalogChange::DropCast(oid)).await;
        Ok(())
    }

    /// Creates or changes a text search object or conversion.
    pub async fn put_object(&mut self, o: SchemaObject) -> Result<()> {
        let old = self.catalog.objects.get(&o.oid).map(|o| o.rows());
        let (gone, added) = difference(old.unwrap_or_default(), o.rows());
        self.write_rows(gone, added).await?;
        self.changed(CatalogChange::PutObject(Box::new(o))).await;
        Ok(())
    }

    /// Drops one.
    pub async fn drop_object(&mut self, oid: u32) -> Result<()> {
        let Some(o) = self.catalog.objects.get(&oid).cloned() else { return Ok(()) };
        self.write_rows(o.rows(), Vec::new()).await?;
        self.changed(CatalogChange::DropObject(oid)).await;
        Ok(())
    }

    /// Installs or changes an extension.
    pub async fn put_extension(&mut self, e: Extension) -> Result<()> {
        let old = self.catalog.extensions.get(&e.oid).map(|o| o.rows());
        let (gone, added) = difference(old.unwrap_or_default(), e.rows());
        self.write_rows(gone, added).await?;
        self.changed(CatalogChange::PutExtension(Box::new(e))).await;
        Ok(())
    }

    /// Drops an extension, without its objects.
    pub async fn drop_extension(&mut self, oid: u32) -> Result<()> {
        let Some(e) = self.catalog.extensions.get(&oid).cloned() else { return Ok(()) };
        self.write_rows(e.rows(), Vec::new()).await?;
        self.changed(CatalogChange::DropExtension(oid)).await;
        Ok(())
    }

    /// Creates or changes a schema.
    pub async fn put_namespace(&mut self, n: Namespace) -> Result<()> {
        let old = self.catalog.namespaces.get(&n.oid).map(|o| rows::namespace(o));
        let (gone, added) = difference(old.into_iter().collect(), vec![rows::namespace(&n)]);
        self.write_rows(gone, added).await?;
        self.changed(CatalogChange::PutNamespace(n)).await;
        Ok(())
    }

    /// Drops an (empty) schema.
    pub async fn drop_namespace(&mut self, oid: u32) -> Result<()> {
        let old = self.catalog.namespaces.get(&oid).map(|o| rows::namespace(o));
        self.write_rows(old.into_iter().collect(), Vec::new()).await?;
        self.changed(CatalogChange::DropNamespace(oid)).await;
        Ok(())
    }

    /// Creates or changes a role.
    pub async fn put_role(&mut self, r: Role) -> Result<()> {
        let old = self.catalog.roles.get(&r.oid).map(|o| rows::role(o));
        let (gone, added) = difference(old.into_iter().collect(), vec![rows::role(&r)]);
        self.write_rows(gone, added).await?;
        self.changed(CatalogChange::PutRole(Box::new(r))).await;
        Ok(())
    }

    /// Drops a role, and the settings that are for it.
    pub async fn drop_role(&mut self, oid: u32) -> Result<()> {
        let settings: Vec<(u32, u32)> = self.catalog.role_settings.keys().filter(|k| k.1 == oid).copied().collect();
        for (database, role) in settings {
            self.put_role_settings(database, role, Vec::new()).await?;
        }
        let old = self.catalog.roles.get(&oid).map(|o| rows::role(o));
        self.write_rows(old.into_iter().collect(), Vec::new()).await?;
        self.changed(CatalogChange::DropRole(oid)).await;
        Ok(())
    }

    /// Grants or changes a membership.
    pub async fn put_membership(&mut self, m: Membership) -> Result<()> {
        let old = self.catalog.rights.members.iter().find(|o| o.role == m.role && o.member == m.member);
        let (gone, added) = difference(old.map(rows::membership).into_iter().collect(), vec![rows::membership(&m)]);
        self.write_rows(gone, added).await?;
        self.changed(CatalogChange::PutMembership(m)).await;
        Ok(())
    }

    /// Revokes a membership.
    pub async fn drop_membership(&mut self, role: u32, member: u32) -> Result<()> {
        let old = self.catalog.rights.members.iter().find(|o| o.role == role && o.member == member);
        self.write_rows(old.map(rows::membership).into_iter().collect(), Vec::new()).await?;
        self.changed(CatalogChange::DropMembership(role, member)).await;
        Ok(())
    }

    /// Sets or (`None`) removes default privileges.
    pub async fn put_default_acl(&mut self, oid: u32, d: Option<DefaultAcl>) -> Result<()> {
        let old = self.catalog.rights.defaults.iter().find(|o| o.oid == oid).map(rows::default_acl);
        let new = d.as_ref().map(rows::default_acl);
        let (gone, added) = difference(old.into_iter().collect(), new.into_iter().collect());
        self.write_rows(gone, added).await?;
        self.changed(d.map_or(CatalogChange::DropDefaultAcl(oid), CatalogChange::PutDefaultAcl)).await;
        Ok(())
    }

    /// Changes the list of a built-in object, whose row is replaced.
    pub async fn put_object_acl(&mut self, old: CatRow, new: CatRow, oid: u32, acl: Option<Acl>) -> Result<()> {
        let class = old.table;
        self.write_rows(vec![old], vec![new]).await?;
        self.changed(CatalogChange::PutObjectAcl(class, oid, acl)).await;
        Ok(())
    }

    /// Creates or changes a database's row.
    pub async fn put_database(&mut self, d: Database) -> Result<()> {
        let old = self.catalog.databases.values().find(|o| o.oid == d.oid).map(|o| rows::database(o));
        let (gone, added) = difference(old.into_iter().collect(), vec![rows::database(&d)]);
        self.write_rows(gone, added).await?;
        self.changed(CatalogChange::PutDatabase(d)).await;
        Ok(())
    }

    /// Drops a database's row, and the settings that are for it.
    pub async fn drop_database(&mut self, oid: u32) -> Result<()> {
        let settings: Vec<(u32, u32)> = self.catalog.role_settings.keys().filter(|k| k.0 == oid).copied().collect();
        for (database, role) in settings {
            self.put_role_settings(database, role, Vec::new()).await?;
        }
        let old = self.catalog.databases.values().find(|o| o.oid == oid).map(|o| rows::database(o));
        self.write_rows(old.into_iter().collect(), Vec::new()).await?;
        self.forget_owners(oid).await?;
        self.changed(CatalogChange::DropDatabase(oid)).await;
        Ok(())
    }

    /// Removes what `pg_shdepend` tells of a database's objects.
    async fn forget_owners(&mut self, database: u32) -> Result<()> {
        let eval = self.engine().bare_eval();
        let rt = self.catalog_table(&eval, dependencies::PG_SHDEPEND)?;
        let store = Arc::clone(self.engine().store());
        let env = ScanEnv { store, snap: self.latest_snapshot(), interrupt: Interrupt::new() };
        let mut gone = Vec::new();
        for blocks in partitions(&env, rt.desc.rel, 1).await? {
            let mut scan = RowScan::new(env.clone(), rt.desc.rel, Arc::clone(&rt.desc.layout), blocks);
            while let Some(rows) = scan.next().await? {
                let images: Vec<Vec<u8>> = rows.iter().map(|(_, row)| row.to_vec()).collect();
                for image in images {
                    let values = crate::exec::tables::decode_row(&mut self.txn, &rt, &image).await?;
                    if values.first() == Some(&Datum::Oid(database)) {
                        gone.push(CatRow { table: dependencies::PG_SHDEPEND, values });
                    }
                }
            }
        }
        self.write_rows(gone, Vec::new()).await
    }

    /// Changes the settings of a database and a role, 0 for any.
    pub async fn put_role_settings(&mut self, database: u32, role: u32, list: Vec<(String, String)>) -> Result<()> {
        let old = self.catalog.role_settings.get(&(database, role));
        let old = old.and_then(|l| rows::role_settings(database, role, l));
        let (gone, added) =
            difference(old.into_iter().collect(), rows::role_settings(database, role, &list).into_iter().collect());
        self.write_rows(gone, added).await?;
        self.changed(CatalogChange::RoleSettings(database, role, list)).await;
        Ok(())
    }

    /// Removes and adds rows of catalog tables. A row that another of the same key replaces is changed where it stands, so
    /// that clients who do not ask for an order (`\dp` lists a table's columns so) see rows in the order they were made.
    pub async fn write_rows(&mut self, mut remove: Vec<CatRow>, mut add: Vec<CatRow>) -> Result<()> {
        let eval = self.engine().bare_eval();
        let database = self.catalog.database.oid;
        // What is granted on a type is no part of its definition, but of its row.
        let objects = &self.catalog.rights.objects;
        for row in remove.iter_mut().chain(&mut add).filter(|r| r.table == rows::table::PG_TYPE) {
            let list = match row.values.first() {
                Some(Datum::Oid(oid)) => objects.get(&(row.table, *oid)),
                _ => None,
            };
            let at = rows::column_index(row.table, "typacl");
            if let (Some(list), Some(slot)) = (list, at.and_then(|i| row.values.get_mut(i)))
                && slot.is_null()
            {
                *slot = encode_list(list);
            }
        }
        let implied = |rows: &[CatRow]| rows.iter().flat_map(|r| dependencies::implied(r, database)).collect();
        let (gone, added) = difference(implied(&remove), implied(&add));
        remove.extend(gone);
        add.extend(added);
        let mut by_key = HashMap::new();
        let mut add: Vec<Option<CatRow>> = add.into_iter().map(Some).collect();
        for (n, row) in add.iter().enumerate().filter_map(|(n, r)| Some((n, r.as_ref()?))) {
            let rt = self.catalog_table(&eval, row.table)?;
            by_key.extend(unique_key(&eval, &rt, &row.values)?.map(|k| ((row.table, k), n)));
        }
        let mut told: Vec<CatRow> = Vec::new();
        for row in remove {
            let rt = self.catalog_table(&eval, row.table)?;
            let same = unique_key(&eval, &rt, &row.values)?.and_then(|k| by_key.remove(&(row.table, k)));
            if let Some(slot) = same.and_then(|n| add.get_mut(n))
                && let Some(new) = slot.as_ref()
                && self.replace_row(&eval, &rt, &row, new).await?
            {
                *slot = None;
                continue;
            }
            if dependencies::tells_only(&row) {
                // Two rows may be equal: the search for the second is not to find the first again.
                if told.contains(&row) {
                    self.next_command();
                }
                told.push(row.clone());
            }
            self.remove_row(&eval, &rt, &row).await?;
        }
        for row in add.into_iter().flatten() {
            let rt = self.catalog_table(&eval, row.table)?;
            let encoded = rt.encode(&row.values)?;
            let keys = rt.keys(Env { ctx: &eval, params: &[] }, &row.values)?;
            let done = self.txn.insert(&rt.desc, &encoded.values(), &borrow_keys(&keys)).await?;
            if let Inserted::Duplicate(d) = done {
                return Err(rt.duplicate(d.index, &row.values));
            }
            self.count_inserted(&rt, 1);
        }
        Ok(())
    }

    fn catalog_table(&self, eval: &EvalCtx, oid: u32) -> Result<Arc<TableRt>> {
        let rel = self
            .catalog
            .relation(oid)
            .ok_or_else(|| DbError::internal(format!("catalog table {oid} does not exist")))?;
        self.db.table_rt(&self.catalog, eval, rel)
    }

    /// Changes a catalog row to another; `false`, and nothing happens, if that collides with a row that is still there.
    async fn replace_row(&mut self, eval: &EvalCtx, rt: &Arc<TableRt>, old: &CatRow, new: &CatRow) -> Result<bool> {
        let env = Env { ctx: eval, params: &[] };
        let keys = rt.keys(env, &old.values)?;
        let snap = self.latest_snapshot();
        let found = crate::exec::tables::find_equal_row(&mut self.txn, rt, &snap, &keys, &old.values).await?;
        let Some((rid, image)) = found else { return Ok(false) };
        let changed: Vec<usize> =
            old.values.iter().zip(&new.values).enumerate().filter(|(_, (o, n))| o != n).map(|(i, _)| i).collect();
        let encoded = rt.encode(&new.values)?;
        let changes = rt.key_changes(env, &old.values, &new.values, &changed)?;
        let key_changed = rt.changes_key(&changed);
        let (vals, changes) = (encoded.values(), borrow_changes(&changes));
        match self.txn.update(&rt.desc, &snap, rid, &image, &vals, &changes, key_changed).await? {
            Changed::Heap(TmResult::Ok) => {
                self.count_updated(rt, &changed);
                Ok(true)
            }
            Changed::Duplicate(_) => Ok(false),
            Changed::Heap(_) => Err(DbError::new(SqlState::T_R_SERIALIZATION_FAILURE, "tuple concurrently updated")),
        }
    }

    /// Finds a catalog row by its unique index (or by looking through the rows with the same leading key) and deletes it.
    async fn remove_row(&mut self, eval: &EvalCtx, rt: &Arc<TableRt>, row: &CatRow) -> Result<()> {
        let env = Env { ctx: eval, params: &[] };
        let keys = rt.keys(env, &row.values)?;
        let snap = self.latest_snapshot();
        let found = crate::exec::tables::find_equal_row(&mut self.txn, rt, &snap, &keys, &row.values).await?;
        let Some((rid, image)) = found else {
            if dependencies::tells_only(row) {
                return Ok(());
            }
            return Err(DbError::internal(format!("a row of catalog {} is not where it should be", row.table)));
        };
        let key_bytes: Vec<Option<&[u8]>> = keys.iter().map(|k| k.as_ref().map(|k| k.bytes.as_slice())).collect();
        let done = self.txn.delete(&rt.desc, &snap, rid, &image, &key_bytes).await?;
        match done {
            TmResult::Ok => {
                self.count_deleted(rt);
                Ok(())
            }
            _ => Err(DbError::new(SqlState::T_R_SERIALIZATION_FAILURE, "tuple concurrently updated")),
        }
    }

    // ---- storage of relations ----------------------------------------------------------------------------------

    /// Files for a new table.
    pub async fn create_heap(&mut self, d: Durability) -> Result<Storage> {
        let (heap, overflow) = self.txn.create_table_files(d).await?;
        Ok(Storage { heap, overflow, schema_ver: 0 })
    }

    /// A file for an index.
    pub async fn create_index(&mut self, index: &crate::catalog::Index, d: Durability) -> Result<RelId> {
        let rel = self.create_index_of(index.method, d).await?;
        if index.is_brin() {
            let pages = index.pages_per_range();
            self.txn.drive(|core, cx| rustydb_storage::brin::set_up(core, cx.xid, rel, pages)).await?;
        }
        Ok(rel)
    }

    /// A file for a new index of an access method.
    pub async fn create_index_of(&mut self, am: u32, d: Durability) -> Result<RelId> {
        self.txn.create_relation(RelationKind::Index(crate::catalog::storage_method(am)), d).await
    }

    /// A file for a new sequence that begins at a state.
    pub async fn create_sequence_file(&mut self, last: i64, is_called: bool, p: Persistence) -> Result<RelId> {
        let state = rustydb_storage::sequence::SequenceState { last, is_called };
        self.txn.create_relation(RelationKind::Sequence(state), p == Persistence::Permanent).await
    }

    /// Drops a file at commit.
    pub async fn drop_files(&mut self, rel: RelId) -> Result<()> {
        if rel == RelId(0) {
            // A partitioned table's index has none.
            return Ok(());
        }
        self.txn.drop_relation(rel).await
    }

    /// Drops a table's files at commit.
    pub async fn drop_storage(&mut self, s: &Storage) -> Result<()> {
        self.txn.drop_relation(s.heap).await?;
        self.txn.drop_relation(s.overflow).await
    }

    /// Fills a new index of a table from its rows; 23505 if it is unique and they are not.
    pub async fn build_index(
        &mut self,
        eval: &EvalCtx,
        table: &Arc<Relation>,
        index: &mut crate::catalog::Index,
    ) -> Result<()> {
        crate::exec::index_build::build_index(self, eval, table, index).await
    }

    /// Whether an OID belongs to the system.
    pub fn is_system(oid: u32) -> bool {
        oid < FIRST_USER_OID
    }
}

fn lock_mode(m: TableLockMode) -> LockMode {
    match m {
        TableLockMode::AccessShare => LockMode::AccessShare,
        TableLockMode::RowShare => LockMode::RowShare,
        TableLockMode::RowExclusive => LockMode::RowExclusive,
        TableLockMode::ShareUpdateExclusive => LockMode::ShareUpdateExclusive,
        TableLockMode::Share => LockMode::Share,
        TableLockMode::ShareRowExclusive => LockMode::ShareRowExclusive,
        TableLockMode::Exclusive => LockMode::Exclusive,
        TableLockMode::AccessExclusive => LockMode::AccessExclusive,
    }
}

/// The key of a catalog row in its first unique index.
fn unique_key(eval: &EvalCtx, rt: &TableRt, values: &[Datum]) -> Result<Option<Vec<u8>>> {
    let keys = rt.keys(Env { ctx: eval, params: &[] }, values)?;
    Ok(keys.into_iter().flatten().find(|k| k.unique).map(|k| k.bytes.to_vec()))
}
