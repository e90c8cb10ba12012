//! Making a new data directory, and opening one: recovery first, if it is needed.

use super::{ControlState, FIRST_REL, Store, StoreOptions};
use crate::buf::{Loader, PageFiles, PageWriter, Pool};
use crate::checkpoint::Checkpoint;
use crate::control::{Control, ControlFile};
use crate::core::Core;
use crate::crypto::{Crypto, CryptoRef, KEYS};
use crate::dwb::DoubleWrite;
use crate::io::{IoRef, OpenMode};
use crate::lock::LockManager;
use crate::page::PAGE_SIZE;
use crate::purge::PurgeState;
use crate::recovery::{self, Recovered, Redo};
use crate::rt::{Notify, RuntimeRef};
use crate::sequence::Sequences;
use crate::space::Spaces;
use crate::ssi::Ssi;
use crate::txn::tsp::Status;
use crate::txn::{TxnStart, TxnTable};
use crate::undo::{Streams, TailSearch, UndoPtr};
use crate::wait::Wait;
use crate::wal::{FIRST_LSN, Log, LogConfig};
use hashbrown::HashMap;
use rustydb_base::poison::Poison;
use rustydb_base::{DbError, Result, Scn, SqlState, Xid};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize};

/// The control file: its presence says that a directory is a database.
pub const CONTROL: &str = "control";
pub(crate) const DWB: &str = "dwb";
pub(crate) const WAL: &str = "wal";
/// Exists while a new directory is being made.
const INITIALIZING: &str = "initializing";

pub(crate) fn log_config(opts: &StoreOptions, cluster_id: u64, crypto: CryptoRef) -> LogConfig {
    LogConfig {
        crypto,
        dir: WAL.to_owned(),
        segment_size: opts.wal_segment_size,
        ring_bytes: opts.wal_buffer_bytes,
        max_wal_bytes: opts.max_wal_bytes,
        ..LogConfig::new(cluster_id)
    }
}

async fn exists(io: &IoRef, path: &str) -> Result<bool> {
    match io.open(path, OpenMode::default()).await {
        Ok(_) => Ok(true),
        Err(e) if e.code == SqlState::UNDEFINED_FILE => Ok(false),
        Err(e) => Err(e),
    }
}

/// The pieces that both a new and an old directory need before the log runs.
struct Base {
    poison: Poison,
    pool: Arc<Pool>,
    files: Arc<PageFiles>,
    writer: Arc<PageWriter>,
    loader: Arc<Loader>,
    crypto: CryptoRef,
}

impl Base {
    fn new(opts: &StoreOptions, rt: &RuntimeRef, files: Arc<PageFiles>, dwb: DoubleWrite, crypto: CryptoRef) -> Base {
        let poison = Poison::default();
        let pool = Pool::new(opts.pool_bytes / PAGE_SIZE);
        let writer = PageWriter::new(
            Arc::clone(&pool),
            Arc::clone(&files),
            dwb,
            rt.clone(),
            poison.clone(),
            crypto.clone(),
            opts.checkpoint_distance,
        );
        let loader =
            Loader::new(Arc::clone(&pool), Arc::clone(&files), Arc::clone(&writer), rt.clone(), crypto.clone());
        Base { poison, pool, files, writer, loader, crypto }
    }
}

impl Store {
    /// Opens the data directory behind `io`, making it first if it is empty, and starts the background tasks. A
    /// directory that holds something else, or is damaged beyond what recovery can repair, is refused.
    pub async fn open(opts: StoreOptions, io: IoRef, rt: RuntimeRef) -> Result<Arc<Store>> {
        if exists(&io, CONTROL).await? && !exists(&io, INITIALIZING).await? {
            Store::open_existing(opts, io, rt).await
        } else {
            Store::create(opts, io, rt).await
        }
    }

    async fn create(opts: StoreOptions, io: IoRef, rt: RuntimeRef) -> Result<Arc<Store>> {
        clear_half_made(&io).await?;
        let cluster_id = rt.rng_u64() | 1;
        PageFiles::create_dir(&io).await?;
        let dwb = DoubleWrite::create(io.clone(), DWB, cluster_id).await?;
        let crypto = if opts.encryption.new_directory {
            let source = opts.encryption.source.clone().ok_or_else(|| {
                DbError::fatal(SqlState::CONFIG_FILE_ERROR, "encryption is on, but no key is configured")
                    .hint("Set encryption_key_file, encryption_key_env or encryption_key_command.")
            })?;
            Some(Crypto::create(&io, source).await?)
        } else {
            None
        };
        let files = Arc::new(PageFiles::new(io.clone(), opts.direct));
        let base = Base::new(&opts, &rt, files, dwb, crypto.clone());
        let cfg = log_config(&opts, cluster_id, crypto.clone());
        let log = Log::create(io.clone(), rt.clone(), base.poison.clone(), cfg).await?;
        let streams = opts.undo_streams.clamp(1, crate::undo::MAX_STREAMS);
        let state = Checkpoint {
            redo_lsn: FIRST_LSN,
            next_xid: 1,
            tsp_start: 1,
            scn: Scn::from_micros(rt.now_micros()),
            next_rel: FIRST_REL.0,
            undo: vec![(0, 0); streams],
            ..Checkpoint::default()
        };
        let bytes = state.encode();
        let reservation = log.reserve_wait(bytes.len()).await?;
        let (start, end) = log.append(reservation, &bytes, None);
        log.wait_stable(end).await?;
        let control = Control {
            cluster_id,
            checkpoint_lsn: start,
            checkpoint_crc: crc32c::crc32c(&bytes),
            writer_epoch: 1,
            clean_shutdown: false,
            encrypted: crypto.is_some(),
        };
        let file = ControlFile::create(io.clone(), CONTROL, &control).await?;
        io.remove(INITIALIZING).await?;
        io.sync_dir("").await?;
        log.keep().set("checkpoint", state.redo_lsn);
        Store::start(opts, rt, base, log, ControlState { file, control }, state, Vec::new(), BTreeSet::new(), false)
            .await
    }

    async fn open_existing(opts: StoreOptions, io: IoRef, rt: RuntimeRef) -> Result<Arc<Store>> {
        let (mut file, mut control) = ControlFile::open(io.clone(), CONTROL).await?;
        let crypto = open_crypto(&opts, &io, &control).await?;
        let (dwb, saved) = DoubleWrite::open(io.clone(), DWB, control.cluster_id).await?;
        let files = Arc::new(PageFiles::new(io.clone(), opts.direct));
        recovery::repair_torn(&files, saved.pages).await?;
        dwb.clear_all().await?;
        let base = Base::new(&opts, &rt, files, dwb, crypto.clone());
        let cfg = log_config(&opts, control.cluster_id, crypto);
        let from = recovery::read_checkpoint(&io, &cfg, &control).await?;
        if control.clean_shutdown {
            tracing::info!("the database was shut down in order");
        } else {
            tracing::info!("the database was not shut down in order; redo begins at {}", from.redo_lsn);
        }
        let crashed = !control.clean_shutdown;
        let redo = Redo {
            io: &io,
            cfg: &cfg,
            rt: &rt,
            pool: &base.pool,
            loader: &base.loader,
            writer: &base.writer,
            window: opts.redo_window,
        };
        let Recovered { tail, state, mut dropped } = redo.run(&from, saved.newest).await?;
        if crashed {
            dropped.extend(base.files.relations().await?.into_iter().filter(|r| !r.is_logged()));
        }
        let epoch = control.writer_epoch.max(tail.writer_epoch) + 1;
        control = Control { writer_epoch: epoch, clean_shutdown: false, ..control };
        file.write(&control).await?;
        let log = Log::open(io.clone(), rt.clone(), base.poison.clone(), cfg, tail, epoch).await?;
        log.keep().set("checkpoint", from.redo_lsn);
        let state = Checkpoint { redo_lsn: from.redo_lsn, ..state };
        let active = state.active.clone();
        Store::start(opts, rt, base, log, ControlState { file, control }, state, active, dropped, crashed).await
    }

    #[allow(clippy::too_many_arguments, reason = "the one place where the parts meet")]
    async fn start(
        opts: StoreOptions,
        rt: RuntimeRef,
        base: Base,
        log: Log,
        control: ControlState,
        state: Checkpoint,
        active: Vec<(Xid, UndoPtr)>,
        dropped: BTreeSet<rustydb_base::RelId>,
        crashed: bool,
    ) -> Result<Arc<Store>> {
        let Base { poison, pool, files, writer, loader, crypto } = base;
        writer.set_log(log.clone());
        let stable = log.clone();
        let txns = TxnTable::new(
            Arc::clone(&pool),
            rt.clone(),
            opts.max_transactions,
            opts.hot_ring,
            TxnStart {
                next_xid: state.next_xid,
                scn: state.scn,
                tsp_start: state.tsp_start,
                formatted: state.tsp_formatted,
            },
            Box::new(move || stable.stable_lsn()),
        );
        let stamps = Arc::downgrade(&txns);
        writer.set_hint(Box::new(move |page| {
            if let Some(txns) = stamps.upgrade() {
                crate::heap::stamp_page(&*txns, page);
            }
        }));
        let locks = LockManager::new(rt.clone());
        let memory_limit = opts.memory_limit.min(opts.pool_bytes / 2);
        let core = Core {
            pool: Arc::clone(&pool),
            log: Arc::new(log.clone()),
            poison,
            txns: Arc::clone(&txns) as Arc<dyn crate::core::Resolve>,
            locks: Arc::clone(&locks) as Arc<dyn crate::core::RowLocks>,
            ssi: Ssi::new(opts.ssi),
            undo: Streams::restore(&state.undo, opts.undo_limit, (memory_limit / 2) as u64),
            space: Spaces::new(memory_limit),
            hash_page_entries: opts.hash_page_entries,
        };
        let purge = PurgeState::new(&state.undo, state.tsp_start);
        let redo_end = log.end_lsn();
        let store = Arc::new(Store {
            core,
            txns,
            locks,
            log,
            loader,
            writer,
            files,
            rt,
            opts,
            next_rel: AtomicU32::new(state.next_rel.max(FIRST_REL.0)),
            control: tokio::sync::Mutex::new(control),
            checkpoint_lsn: AtomicU64::new(state.redo_lsn.0.min(redo_end.0)),
            kick: Notify::new(),
            purge_kick: Notify::new(),
            purged: Notify::new(),
            pressure: super::pressure::Pressure::default(),
            stopping: AtomicBool::new(false),
            recovered_to: redo_end,
            crashed,
            tasks: AtomicUsize::new(0),
            task_ended: Notify::new(),
            purge,
            sequences: Sequences::default(),
            crypto,
            temporary: AtomicU64::new(0),
            found_prepared: parking_lot::Mutex::default(),
        });
        for rel in dropped {
            store.forget_relation(rel).await?;
        }
        for stream in 0..store.core.undo.count() {
            let mut search = TailSearch::default();
            store.drive_free(|core| core.undo.find_tail(stream as u8, &core.pool, &mut search)).await?;
        }
        let losers = store.find_losers(&state, &active).await?;
        store.refresh_horizon();
        store.writer.start();
        store.spawn("checkpointer", Arc::clone(&store).run_checkpointer());
        store.spawn("purge", Arc::clone(&store).run_purge());
        if losers > 0 {
            tracing::info!("rolling back {losers} transactions that were open at the crash");
            store.spawn("rollback of losers", Arc::clone(&store).roll_back_losers());
        }
        Ok(store)
    }

    /// Every number handed out whose status says "running" lost its transaction in the crash; one that says "prepared" has
    /// not.
    async fn find_losers(&self, state: &Checkpoint, active: &[(Xid, UndoPtr)]) -> Result<usize> {
        let last: HashMap<u64, UndoPtr> = active.iter().map(|(x, u)| (x.0, *u)).collect();
        let mut losers = 0;
        let end = state.next_xid.min(state.tsp_formatted * crate::txn::tsp::PER_PAGE);
        let mut at = state.tsp_start.max(1);
        while at < end {
            // A page at a time, so that nothing is latched while waiting.
            let page_end = ((at / crate::txn::tsp::PER_PAGE + 1) * crate::txn::tsp::PER_PAGE).min(end);
            let open: Vec<(u64, Status)> = self
                .drive_free(|_| {
                    let mut v = Vec::new();
                    for x in at..page_end {
                        let status = self.txns.status(Xid(x))?;
                        if matches!(status, Status::Running | Status::Prepared) {
                            v.push((x, status));
                        }
                    }
                    Ok::<_, Wait>(v)
                })
                .await?;
            for (x, status) in open {
                let undo = last.get(&x).copied().unwrap_or(UndoPtr::NONE);
                if status == Status::Prepared {
                    let cx = self.txns.resume(Xid(x), undo)?;
                    self.found_prepared.lock().push(cx);
                    continue;
                }
                self.locks.txn_found(Xid(x));
                self.txns.set_orphan(Xid(x), undo);
                losers += 1;
            }
            at = page_end;
        }
        Ok(losers)
    }
}

/// The keys of an existing directory, if it is encrypted. What the directory is counts, not what is wished for.
pub(crate) async fn open_crypto(opts: &StoreOptions, io: &IoRef, control: &Control) -> Result<CryptoRef> {
    if control.encrypted {
        return Crypto::open(io, opts.encryption.source.clone()).await.map(Some);
    }
    if opts.encryption.new_directory {
        return Err(DbError::fatal(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            "encryption is on, but the data directory is not encrypted",
        )
        .hint("Encryption is chosen when a directory is made: dump the databases and restore them into a new one."));
    }
    Ok(None)
}

/// Prepares for making a directory: it must be empty, or hold nothing but what an interrupted attempt has left.
async fn clear_half_made(io: &IoRef) -> Result<()> {
    if exists(io, INITIALIZING).await? {
        for dir in [WAL, crate::buf::files::BASE] {
            match io.list(dir).await {
                Ok(names) => {
                    for name in names {
                        io.remove(&format!("{dir}/{name}")).await?;
                    }
                    io.sync_dir(dir).await?;
                }
                Err(e) if e.code == SqlState::UNDEFINED_FILE => {}
                Err(e) => return Err(e),
            }
        }
        for file in [CONTROL, DWB, KEYS] {
            if exists(io, file).await? {
                io.remove(file).await?;
            }
        }
        return io.sync_dir("").await;
    }
    let ours = [WAL, crate::buf::files::BASE, DWB, KEYS];
    if let Some(name) = io.list("").await?.into_iter().find(|n| ours.contains(&n.as_str())) {
        return Err(DbError::fatal(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            "the data directory is not empty but has no control file",
        )
        .detail(format!("It contains \"{name}\"."))
        .hint("Restore the control file from a backup, or use another directory."));
    }
    io.open(INITIALIZING, OpenMode::default().creating()).await?;
    io.sync_dir("").await
}
