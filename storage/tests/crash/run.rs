//! One life of a store: opened on a disk, worked on by sessions, ended in order, by a fault or by a power cut.

use super::check::{encrypted, noted, options, prepared_there, proved};
use super::model::Model;
use super::workload::{World, finish, session};
use futures::future::Either;
use parking_lot::Mutex;
use rustydb_base::{Lsn, RelId, Result};
use rustydb_storage::io::sim::{SimDisk, SimFaults, SimIo};
use rustydb_storage::rt::{Runtime as _, oneshot};
use rustydb_storage::sequence::SequenceState;
use rustydb_storage::sim::{SimRuntime, SimStop};
use rustydb_storage::store::{CommitOptions, RelationKind, Store};
use rustydb_storage::txn::Isolation;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

/// Sessions at work.
const SESSIONS: i32 = 5;

/// A life and what it leaves.
pub struct Run {
    pub rt: Arc<SimRuntime>,
    pub disk: SimDisk,
    pub io: Arc<SimIo>,
    pub model: Arc<Mutex<Model>>,
    pub sequence: Arc<Mutex<Option<RelId>>>,
    /// The store is open and the model says what it must contain.
    pub open: Arc<AtomicBool>,
    /// Operations done.
    pub done: Arc<AtomicUsize>,
    /// How far the store took the log for stable when the life ended.
    pub stable: Mutex<Lsn>,
    faults: SimFaults,
    life: u32,
}

impl Run {
    /// The first life, on an empty disk, with these faults from the beginning.
    pub fn new(seed: u64, faults: SimFaults) -> Run {
        let (rt, disk) = (SimRuntime::new(seed), SimDisk::new());
        let io = SimIo::new(&rt, &disk, faults);
        Run {
            rt,
            disk,
            io,
            model: Arc::default(),
            sequence: Arc::default(),
            open: Arc::default(),
            done: Arc::default(),
            stable: Mutex::default(),
            faults,
            life: 0,
        }
    }

    /// The next life of a store, on what a crash has left. The faults begin when it has recovered.
    pub fn again(&self, disk: SimDisk, seed: u64, faults: SimFaults) -> Run {
        let rt = SimRuntime::new(seed.wrapping_add(u64::from(self.life + 1) << 40));
        let io = SimIo::new(&rt, &disk, SimFaults::default());
        Run {
            rt,
            disk,
            io,
            model: self.model.clone(),
            sequence: self.sequence.clone(),
            open: Arc::default(),
            done: self.done.clone(),
            stable: Mutex::default(),
            faults,
            life: self.life + 1,
        }
    }

    /// A first life again, on an empty disk and without faults; the operations done so far count.
    pub fn anew(&self, seed: u64) -> Run {
        Run { done: self.done.clone(), ..Run::new(seed, SimFaults::default()) }
    }

    /// Whether nothing that a start looks at on `left` can tell that its log, which it takes to end at `end`, has lost what the
    /// store relied on: neither a later batch nor the double-write file. No page of the disk is then ahead of the log either,
    /// unless the note of it was lost in the power cut, and whoever reads such a page is told.
    pub fn cannot_tell(&self, left: &SimDisk, end: Lsn) -> bool {
        end < *self.stable.lock() && proved(left) <= end && noted(left) <= end
    }

    /// Lets the sessions do `ops` operations, then shuts down in order.
    pub fn go(&self, seed: u64, ops: usize) -> Result<Result<()>, SimStop> {
        let (rt, io, model, open) = (self.rt.clone(), self.io.clone(), self.model.clone(), self.open.clone());
        let (sequence, done, life, faults) = (self.sequence.clone(), self.done.clone(), self.life, self.faults);
        let opened = Arc::new(Mutex::new(None));
        let at_end = opened.clone();
        // Every other seed's directory is encrypted.
        let options = if seed.is_multiple_of(2) { encrypted() } else { options() };
        let outcome = self.rt.block_on(async move {
            let store = Store::open(options, io.clone(), rt.clone()).await?;
            *opened.lock() = Some(store.clone());
            let known = *sequence.lock();
            let rel = match known {
                Some(rel) => rel,
                None => {
                    let rel = new_sequence(&store).await?;
                    *sequence.lock() = Some(rel);
                    rel
                }
            };
            let world = Arc::new(World {
                store: store.clone(),
                model,
                sequence: rel,
                left: AtomicUsize::new(ops),
                next_table: AtomicUsize::new(1 + 1000 * life as usize),
                to_finish: AtomicUsize::new(0),
            });
            if life > 0 {
                take_over(&world).await?;
                io.inject(faults);
            }
            open.store(true, Ordering::SeqCst);
            let mut ends = Vec::new();
            for id in 1..=SESSIONS {
                let (tx, rx) = oneshot::channel();
                let one = session(world.clone(), id, seed.wrapping_add(u64::from(life) << 40));
                let one = async move { drop(tx.send(one.await)) };
                rt.spawn("session", Box::pin(one));
                ends.push(rx);
            }
            let worked = async {
                for end in ends {
                    // Background tasks keep the clock going for ever, so a session that waits in vain is no deadlock to
                    // the executor.
                    let patience = rt.sleep(Duration::from_secs(600));
                    match futures::future::select(end, patience).await {
                        Either::Left((end, _)) => end.expect("sessions end by themselves")?,
                        Either::Right(_) => panic!("seed {seed}: a session hangs: {:#?}", store.locks().list()),
                    }
                }
                while world.to_finish.load(Ordering::SeqCst) > 0 {
                    store.poison().check()?;
                    rt.sleep(Duration::from_millis(1)).await;
                }
                Ok(())
            };
            let worked = worked.await;
            done.fetch_add(ops - world.left.load(Ordering::Relaxed), Ordering::Relaxed);
            worked?;
            store.shutdown().await
        });
        if let Some(store) = at_end.lock().take() {
            *self.stable.lock() = store.stable_lsn();
        }
        self.rt.shutdown();
        outcome
    }
}

async fn new_sequence(store: &Arc<Store>) -> Result<RelId> {
    let mut t = store.begin(Isolation::ReadCommitted)?;
    let start = SequenceState { last: 1, is_called: false };
    let rel = t.create_relation(RelationKind::Sequence(start), true).await?;
    let done = t.commit(CommitOptions::default()).await?;
    store.gate(done.lsn).await?;
    Ok(rel)
}

/// Brings the model to what recovery has found, and ends the prepared transactions that were left.
async fn take_over(world: &Arc<World>) -> Result<()> {
    let survived = world.store.recovered_to();
    let model = world.model.lock().clone();
    assert!(model.acked <= survived, "acknowledged up to {}, recovered up to {survived}", model.acked);
    let mut state = model.after(model.commits.partition_point(|c| c.lsn <= survived));
    let prepared = prepared_there(&world.store, &model, survived, &mut state, false).await?;
    let names: Vec<u64> = prepared.iter().map(|p| p.name()).collect();
    {
        let mut m = world.model.lock();
        m.commits.retain(|c| c.lsn <= survived);
        m.tables = state.tables;
        m.prepared.retain(|p| names.contains(&p.name));
        m.prepared.iter_mut().for_each(|p| p.ended = None);
    }
    for p in prepared {
        let (name, rolls_back) = (p.name(), model.prepared.iter().any(|m| m.name == p.name() && m.rolling_back));
        world.to_finish.fetch_add(1, Ordering::SeqCst);
        finish(world, p, name, !rolls_back && name.is_multiple_of(2)).await?;
        world.to_finish.fetch_sub(1, Ordering::SeqCst);
    }
    Ok(())
}

/// What the workload calls a prepared transaction.
pub trait Named {
    /// The number it keeps.
    fn name(&self) -> u64;
}

impl Named for rustydb_storage::store::Prepared {
    fn name(&self) -> u64 {
        u64::from_le_bytes(self.words().try_into().expect("eight bytes were kept"))
    }
}
