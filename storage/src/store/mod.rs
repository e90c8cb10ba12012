//! The store: everything of this crate put together behind one handle.
//!
//! [`Store::open`] makes or recovers a data directory and starts the background tasks (page writer, checkpointer, purge,
//! rollback of a crash's losers). Sessions open transactions ([`Txn`]), take snapshots, and run synchronous operations of
//! the access methods through [`Txn::drive`], which waits for whatever they lack and runs them again. What a session says
//! may leave the process once [`Store::gate`] lets it (I7).
//!
//! Layout of the directory: `control`, `dwb`, `wal/`, `base/`; `initializing` exists while a new one is being made.

mod drive;
mod init;
mod prepared;
mod pressure;
mod rekey;
mod relation;
mod rollback;
mod session;
#[cfg(test)]
pub(crate) mod tests;

pub use drive::{Interrupt, WaitPolicy, WaitRules};
pub use init::CONTROL;
pub(crate) use init::{DWB, WAL, log_config, open_crypto};
pub use prepared::Prepared;
pub use pressure::{IDLE_WRITERS_ENDED, PURGE_WAITS, SNAPSHOTS_GIVEN_UP};
pub use relation::{Durability, RelationKind};
pub use session::{CommitOptions, Savepoint, Session, Txn};

use crate::buf::{Access, Loader, PageFiles, PageWriter, Pin, Pool};
use crate::checkpoint::Checkpoint;
use crate::control::{Control, ControlFile};
use crate::core::Core;
use crate::crypto::{CryptoRef, Encryption};
use crate::io::IoRef;
use crate::lock::LockManager;
use crate::rt::{Notify, RuntimeRef};
use crate::sequence::{Given, SequenceRule, SequenceState, Sequences};
use crate::ssi::{Ssi, SsiLimits, SxId};
use crate::txn::{HeldSnapshot, Isolation, Snapshot, TxnTable};
use crate::wal::{Log, ReserveError};
use futures::FutureExt as _;
use rustydb_base::metrics::Counter;
use rustydb_base::poison::Poison;
use rustydb_base::{DbError, Lsn, PageId, RelId, Result, Scn, SqlState, Xid};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Checkpoints completed.
pub static CHECKPOINTS: Counter = Counter::new("checkpoints", "checkpoints completed");
/// Those of them that somebody asked for.
pub static CHECKPOINTS_ASKED: Counter = Counter::new("checkpoints_asked", "checkpoints completed by CHECKPOINT");

/// First relation number that [`Txn::create_relation`] hands out; those below are for fixed catalogs.
pub const FIRST_REL: RelId = RelId(16_384);
/// First relation number below [`FIRST_REL`] that is not the store's own.
pub const FIRST_FIXED_REL: RelId = RelId(128);

/// Sizes and habits of a store.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Bytes of the buffer pool.
    pub pool_bytes: usize,
    /// Whether relation files bypass the kernel's page cache: right for a pool that has most of the machine's memory.
    pub direct: bool,
    /// Transactions open at a time.
    pub max_transactions: usize,
    /// Redo distance to stay below, in log bytes.
    pub checkpoint_distance: u64,
    /// Longest time between checkpoints while something is written.
    pub checkpoint_timeout: Duration,
    /// Bytes per log segment (of a new directory; later starts must use the same).
    pub wal_segment_size: u64,
    /// Bytes of the log's append buffer.
    pub wal_buffer_bytes: usize,
    /// Size of the log on disk beyond which writers are refused.
    pub max_wal_bytes: u64,
    /// Bytes of log that recovery redoes at a time; it holds about five times as many in memory.
    pub redo_window: usize,
    /// Undo streams of a new directory.
    pub undo_streams: usize,
    /// Most bytes of undo; what happens as they are reached is told in `store/pressure.rs`.
    pub undo_limit: u64,
    /// Undo may grow this far however little room the disk has left.
    pub undo_least: u64,
    /// How far back old versions are kept although no snapshot needs them, in microseconds.
    pub undo_retention_micros: u64,
    /// Entries that a page of a new hash index holds at most; a simulation wants few.
    pub hash_page_entries: usize,
    /// Pause between purge rounds that found nothing.
    pub purge_nap: Duration,
    /// Slots of the hot ring.
    pub hot_ring: usize,
    /// Bounds of what is remembered of serializable transactions.
    pub ssi: SsiLimits,
    /// Most bytes of all relations whose pages never leave memory. No more than half of the pool is given to them.
    pub memory_limit: usize,
    /// Encryption at rest.
    pub encryption: Encryption,
}

impl Default for StoreOptions {
    fn default() -> StoreOptions {
        StoreOptions {
            pool_bytes: 128 << 20,
            direct: false,
            max_transactions: 5_000,
            checkpoint_distance: 1 << 30,
            checkpoint_timeout: Duration::from_secs(300),
            wal_segment_size: 64 << 20,
            wal_buffer_bytes: 16 << 20,
            max_wal_bytes: 16 << 30,
            redo_window: 8 << 20,
            undo_streams: 8,
            undo_limit: 32 << 30,
            undo_least: 64 << 20,
            undo_retention_micros: 0,
            hash_page_entries: usize::MAX,
            purge_nap: Duration::from_millis(50),
            hot_ring: 64 << 10,
            ssi: SsiLimits::default(),
            memory_limit: 32 << 20,
            encryption: Encryption::default(),
        }
    }
}

/// An open store; shared by `Arc`.
pub struct Store {
    pub(crate) core: Core,
    pub(crate) txns: Arc<TxnTable>,
    pub(crate) locks: Arc<LockManager>,
    pub(crate) log: Log,
    pub(crate) loader: Arc<Loader>,
    pub(crate) writer: Arc<PageWriter>,
    pub(crate) files: Arc<PageFiles>,
    pub(crate) rt: RuntimeRef,
    pub(crate) opts: StoreOptions,
    next_rel: AtomicU32,
    /// One checkpoint at a time; also the only writer of the control file.
    control: tokio::sync::Mutex<ControlState>,
    checkpoint_lsn: AtomicU64,
    /// Wakes the checkpointer and purge.
    kick: Notify,
    pub(crate) purge_kick: Notify,
    /// Told of the end of every round of purge.
    pub(crate) purged: Notify,
    pub(crate) pressure: pressure::Pressure,
    stopping: AtomicBool,
    recovered_to: Lsn,
    /// The store was not shut down in order when it was last open.
    crashed: bool,
    /// Background tasks that have not ended.
    tasks: AtomicUsize,
    task_ended: Notify,
    pub(crate) purge: crate::purge::PurgeState,
    sequences: Sequences,
    crypto: CryptoRef,
    /// Numbers of temporary files.
    temporary: AtomicU64,
    /// Prepared transactions that recovery found and nobody has asked for yet.
    found_prepared: parking_lot::Mutex<Vec<crate::txn::TxnCx>>,
}

struct ControlState {
    file: ControlFile,
    control: Control,
}

impl Store {
    /// Where temporary files are made, and the number of a new one.
    pub(crate) fn scratch(&self) -> (IoRef, u64) {
        (self.files.io().clone(), self.temporary.fetch_add(1, Ordering::Relaxed))
    }

    /// The files of the data directory.
    pub fn io(&self) -> &IoRef {
        self.files.io()
    }

    /// The parts that synchronous operations use.
    pub fn core(&self) -> &Core {
        &self.core
    }

    /// The transaction table.
    pub fn txns(&self) -> &Arc<TxnTable> {
        &self.txns
    }

    /// The redo log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The buffer pool.
    pub fn pool(&self) -> &Arc<Pool> {
        &self.core.pool
    }

    /// The stop-the-node flag.
    pub fn poison(&self) -> &Poison {
        &self.core.poison
    }

    /// The runtime the store runs on.
    pub fn runtime(&self) -> &RuntimeRef {
        &self.rt
    }

    /// Seals and opens what is stored, if the directory is encrypted.
    pub fn crypto(&self) -> &CryptoRef {
        &self.crypto
    }

    /// The lock manager.
    pub fn locks(&self) -> &Arc<LockManager> {
        &self.locks
    }

    /// Registers a session, which owns locks under a process number.
    pub fn session(self: &Arc<Self>, pid: i32) -> Session {
        Session::new(Arc::clone(self), pid)
    }

    /// Opens a transaction that belongs to no session; 53300 when too many are open.
    pub fn begin(self: &Arc<Self>, isolation: Isolation) -> Result<Txn> {
        self.session(0).begin(isolation)
    }

    /// What is known of serializable transactions.
    pub fn ssi(&self) -> &Ssi {
        &self.core.ssi
    }

    /// Keeps a time of the past from losing its versions: the snapshot that shows what was committed at or before `scn`,
    /// to be used while the second part of the answer lives. 72000 beyond what is kept, 22023 for the future.
    pub fn snapshot_at(&self, scn: Scn) -> Result<(Snapshot, HeldSnapshot)> {
        if scn > self.txns.last_scn().max(Scn::from_micros(self.rt.now_micros())) {
            return Err(DbError::new(SqlState::INVALID_PARAMETER_VALUE, "a time in the future cannot be read"));
        }
        // What commits from now on is not to be seen, whatever its number.
        let scn = scn.min(self.txns.last_scn());
        let held = self.txns.hold_at(scn)?;
        Ok((Snapshot { scn, xid: Xid::NONE, cid: 0, ssi: SxId::NONE }, held))
    }

    /// Newest commit.
    pub fn last_scn(&self) -> Scn {
        self.txns.last_scn()
    }

    fn check_open(&self) -> Result<()> {
        self.core.poison.check()?;
        if self.stopping.load(Ordering::SeqCst) { Err(shutting_down()) } else { Ok(()) }
    }

    /// Keeps a snapshot, still registered by its transaction, from losing its versions (for a cursor).
    pub fn hold(&self, snapshot: &Snapshot) -> HeldSnapshot {
        self.txns.hold(snapshot)
    }

    /// Completes when everything up to `lsn` survives any crash: what depends on it may then leave the process.
    pub async fn gate(&self, lsn: Lsn) -> Result<()> {
        if self.is_stable(lsn) {
            return Ok(());
        }
        self.log.wait_stable(lsn).await
    }

    /// How far the log survives any crash, if the disk does not lie.
    pub fn stable_lsn(&self) -> Lsn {
        self.log.stable_lsn()
    }

    /// Whether [`Store::gate`] would complete at once.
    pub fn is_stable(&self, lsn: Lsn) -> bool {
        self.stable_lsn() >= lsn
    }

    /// Brings a page into the pool and pins it.
    pub async fn load(&self, pid: PageId, access: Access) -> Result<Pin> {
        self.loader.load(pid, access).await
    }

    /// Starts reading pages that a scan will soon want.
    pub fn prefetch(&self, rel: RelId, blocks: std::ops::Range<u32>) -> u32 {
        self.loader.prefetch(rel, blocks)
    }

    /// Relations that have files.
    pub async fn relations(&self) -> Result<std::collections::BTreeSet<RelId>> {
        self.files.relations().await
    }

    /// Whether the store was not shut down in order when it was last open.
    pub fn crashed(&self) -> bool {
        self.crashed
    }

    /// Where the log ended when the store was opened: every commit record before that has survived, none behind it has.
    pub fn recovered_to(&self) -> Lsn {
        self.recovered_to
    }

    /// Log bytes from the oldest change that is not home, as last measured: what a crash now would have to redo.
    pub fn redo_distance(&self) -> u64 {
        self.writer.redo_distance()
    }

    /// Transactions of a crash that are still to be rolled back.
    pub fn losers(&self) -> usize {
        self.txns.orphans().len()
    }

    /// Bytes of the blocks of a relation that have been allocated, written home or not; none while it has only its map. Of
    /// what has no map yet, the bytes of its files.
    pub async fn relation_bytes(&self, rel: RelId) -> Result<u64> {
        match self.read(|core| core.space.nblocks(rel, &core.pool)).await {
            Ok(0 | 1) => Ok(0),
            Ok(blocks) => Ok(u64::from(blocks) * crate::page::PAGE_SIZE as u64),
            Err(_) => self.files.size(rel).await,
        }
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst) || self.core.poison.is_tripped()
    }

    pub(crate) fn spawn(self: &Arc<Self>, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.fetch_add(1, Ordering::SeqCst);
        let this = Arc::clone(self);
        self.rt.spawn(
            name,
            async move {
                task.await;
                this.tasks.fetch_sub(1, Ordering::SeqCst);
                this.task_ended.notify_waiters();
            }
            .boxed(),
        );
    }

    /// Gives out the next value of a sequence (or `cache` consecutive ones). `None` at its end. What is given out may
    /// leave the process when its LSN is stable.
    pub async fn sequence_next(&self, rel: RelId, rule: &SequenceRule, cache: u64) -> Result<Option<Given>> {
        self.drive_free(|core| self.sequences.next(core, rel, rule, cache)).await
    }

    /// Sets a sequence's state; answers the LSN to be stable before anyone is told.
    pub async fn sequence_set(&self, rel: RelId, state: SequenceState) -> Result<Lsn> {
        self.drive_free(|core| self.sequences.set(core, rel, state)).await
    }

    /// Where a sequence stands.
    pub async fn sequence_get(&self, rel: RelId) -> Result<SequenceState> {
        self.drive_free(|core| self.sequences.get(core, rel)).await
    }

    /// Takes a checkpoint now. Answers its redo position.
    pub async fn checkpoint(&self) -> Result<Lsn> {
        self.checkpoint_as(false).await
    }

    async fn checkpoint_as(&self, clean: bool) -> Result<Lsn> {
        let mut state = self.control.lock().await;
        // The order of these steps matters; see `checkpoint`.
        let begin = self.log.end_lsn();
        let active = self.txns.active();
        let facts = Checkpoint {
            redo_lsn: begin,
            next_xid: self.txns.next_xid(),
            tsp_formatted: self.txns.formatted(),
            tsp_start: self.txns.tsp_start(),
            scn: self.txns.last_scn(),
            next_rel: self.next_rel.load(Ordering::SeqCst),
            undo: self.core.undo.bounds(),
            active,
        };
        // Last, so that every change before `begin` is found on a dirty page or is on disk.
        let facts = Checkpoint { redo_lsn: self.core.pool.min_rec_lsn().map_or(begin, |r| r.min(begin)), ..facts };
        let bytes = facts.encode();
        // Not refused when the log on disk is full: this is what frees it.
        let reservation = loop {
            match self.log.reserve_critical(bytes.len()) {
                Ok(r) => break r,
                Err(ReserveError::Failed(e)) => return Err(e),
                Err(ReserveError::Full) => {
                    self.log.flush_soon(self.log.end_lsn());
                    self.rt.sleep(Duration::from_millis(1)).await;
                }
            }
        };
        let (start, end) = self.log.append(reservation, &bytes, None);
        self.log.wait_stable(end).await?;
        let control = Control {
            checkpoint_lsn: start,
            checkpoint_crc: crc32c::crc32c(&bytes),
            clean_shutdown: clean,
            ..state.control
        };
        if let Err(e) = state.file.write(&control).await {
            self.core.poison.trip(e.clone());
            return Err(e);
        }
        state.control = control;
        self.checkpoint_lsn.store(begin.0, Ordering::SeqCst);
        self.log.keep().set("checkpoint", facts.redo_lsn);
        self.log.recycle().await?;
        self.drop_dead_pages(&facts).await?;
        CHECKPOINTS.inc();
        Ok(facts.redo_lsn)
    }

    /// Gives back undo and status pages before the bounds of a durable checkpoint.
    async fn drop_dead_pages(&self, facts: &Checkpoint) -> Result<()> {
        for (stream, (head, _)) in facts.undo.iter().enumerate() {
            let Some(blocks) = self.purge.droppable_undo(stream, *head) else { continue };
            let rel = crate::undo::stream_rel(stream as u8);
            self.core.pool.discard(rel, blocks.clone());
            self.files.punch(rel, blocks).await?;
        }
        if let Some(blocks) = self.purge.droppable_tsp(facts.tsp_start) {
            self.core.pool.discard(crate::txn::tsp::TSP_REL, blocks.clone());
            self.files.punch(crate::txn::tsp::TSP_REL, blocks).await?;
        }
        Ok(())
    }

    /// Ends the background tasks, writes every page home, takes a last checkpoint and stops the log. Transactions still
    /// open are left to the next start's recovery.
    pub async fn shutdown(&self) -> Result<()> {
        self.stopping.store(true, Ordering::SeqCst);
        self.kick.notify_waiters();
        self.purge_kick.notify_waiters();
        loop {
            let ended = self.task_ended.notified();
            if self.tasks.load(Ordering::SeqCst) == 0 {
                break;
            }
            self.kick.notify_one();
            self.purge_kick.notify_one();
            ended.await;
        }
        self.core.poison.check()?;
        self.writer.flush_before(self.log.end_lsn()).await?;
        self.checkpoint_as(true).await?;
        self.writer.stop().await;
        self.log.shutdown().await
    }

    /// Takes checkpoints when enough log has been written or enough time has passed.
    async fn run_checkpointer(self: Arc<Self>) {
        let mut last = self.rt.monotonic();
        while !self.is_stopping() {
            let kick = self.kick.notified();
            futures::pin_mut!(kick);
            futures::future::select(kick, self.rt.sleep(Duration::from_secs(1))).await;
            let written = self.log.end_lsn().0.saturating_sub(self.checkpoint_lsn.load(Ordering::SeqCst));
            let due = written > self.opts.checkpoint_distance / 2
                || (written > 1024 && self.rt.monotonic().saturating_sub(last) >= self.opts.checkpoint_timeout);
            if due && !self.is_stopping() {
                last = self.rt.monotonic();
                if let Err(e) = self.checkpoint().await {
                    tracing::error!("checkpoint failed: {e}");
                }
            }
        }
    }
}

pub(crate) fn shutting_down() -> DbError {
    DbError::fatal(rustydb_base::SqlState::ADMIN_SHUTDOWN, "terminating connection due to administrator command")
}
