//! What must hold of a disk found after a crash.

use super::model::{Model, PreparedTxn, State};
use super::rows;
use super::workload::RULE;
use parking_lot::Mutex;
use rustydb_base::{Lsn, RelId, Result, Xid};
use rustydb_storage::crypto::{Encryption, KEYS, KeySource, Secret};
use rustydb_storage::io::sim::{SimDisk, SimFaults, SimIo};
use rustydb_storage::rt::RuntimeRef;
use rustydb_storage::sim::{SimRuntime, SimStop};
use rustydb_storage::store::{CommitOptions, FIRST_REL, Prepared, Store, StoreOptions};
use rustydb_storage::txn::Isolation;
use rustydb_storage::wal::BatchHeader;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// The sizes every simulated store runs with: small, so that everything overflows.
pub fn options() -> StoreOptions {
    StoreOptions {
        pool_bytes: 64 * 8192,
        max_transactions: 32,
        checkpoint_distance: 128 << 10,
        checkpoint_timeout: Duration::from_millis(400),
        wal_segment_size: 512 << 10,
        wal_buffer_bytes: 1 << 20,
        redo_window: 24 << 10,
        undo_streams: 2,
        hot_ring: 16,
        hash_page_entries: 6,
        purge_nap: Duration::from_millis(2),
        ..StoreOptions::default()
    }
}

/// The key-encryption key of encrypted directories.
pub const KEK: [u8; 32] = *b"the key of simulated directories";

/// [`options`] with encryption at rest.
pub fn encrypted() -> StoreOptions {
    let source = Some(KeySource::Given(Secret::new(KEK)));
    StoreOptions { encryption: Encryption { new_directory: true, source }, ..options() }
}

/// What a disk was made with.
pub fn options_of(disk: &SimDisk) -> StoreOptions {
    if disk.files().iter().any(|f| f == KEYS) { encrypted() } else { options() }
}

/// How far the batches on a disk say that the log was stable (I12): recovery must get there or refuse. Found by a look at
/// every block of every segment, which knows nothing of the chain.
pub fn proved(disk: &SimDisk) -> Lsn {
    let segments = disk.files().into_iter().filter(|f| f.starts_with("wal/"));
    let said = segments.filter_map(|f| disk.content(&f)).filter_map(|content| {
        let blocks = (0..content.len()).step_by(4096).map(|at| &content[at..]);
        blocks.filter_map(|b| BatchHeader::decode(b).filter(|h| h.verify(b))).map(|h| h.stable_lsn).max()
    });
    said.max().unwrap_or_default()
}

/// How far the double-write file says that the log was stable: recovery must get there or refuse. Found without its code.
pub fn noted(disk: &SimDisk) -> Lsn {
    const SLOT: usize = 4096 + 128 * 8192;
    let content = disk.content("dwb").unwrap_or_default();
    let headers = content.chunks(SLOT).filter_map(|slot| slot.get(..4096));
    let said = headers.filter(|h| {
        let crc = crc32c::crc32c_append(crc32c::crc32c(&h[..28]), &h[32..]);
        h[..4] == *b"RDWB" && h[28..32] == crc.to_le_bytes()
    });
    let lsn = |h: &[u8]| h[4088..].first_chunk().map_or(Lsn(0), |b| Lsn(u64::from_le_bytes(*b)));
    said.map(lsn).max().unwrap_or_default()
}

/// Reopens `disk` and compares it with the history. `crash_at` cuts the power once more during this recovery; then the
/// disk left by that is checked.
pub fn reopened(what: &str, disk: &SimDisk, model: Model, sequence: RelId, seed: u64, crash_at: Option<u64>) {
    let faults = SimFaults { crash_at, ..SimFaults::default() };
    reopened_after(what, disk, model, sequence, seed, faults, None);
}

/// As [`reopened`], with any fault that stops this recovery.
pub fn reopened_under(what: &str, disk: &SimDisk, model: Model, sequence: RelId, seed: u64, faults: SimFaults) {
    reopened_after(what, disk, model, sequence, seed, faults, None);
}

/// `first`: where the log ended at the first of several recoveries; what is behind it is those recoveries' own work.
fn reopened_after(
    what: &str,
    disk: &SimDisk,
    model: Model,
    sequence: RelId,
    seed: u64,
    faults: SimFaults,
    first: Option<Lsn>,
) {
    let rt = SimRuntime::new(seed);
    let io = SimIo::new(&rt, disk, faults);
    let spared = faults == SimFaults::default();
    let options = options_of(disk);
    let rt2: RuntimeRef = rt.clone();
    let (m, end) = (model.clone(), Arc::new(Mutex::new(first)));
    let (end2, proved, what2) = (end.clone(), proved(disk).max(noted(disk)), what.to_owned());
    let outcome = rt.block_on(async move {
        let store = Store::open(options, io, rt2).await?;
        let found = store.recovered_to();
        assert!(proved <= found, "{what2}: recovery took {found} for the end of a log that was stable up to {proved}");
        let survived = *end2.lock().get_or_insert(store.recovered_to());
        after_crash(&store, &m, sequence, survived, first.is_some()).await
    });
    rt.shutdown();
    match outcome {
        Ok(Ok(())) => {}
        Ok(Err(e)) if spared => panic!("{what}: {e:?}"),
        Ok(Err(_)) | Err(SimStop::Crashed) => {
            let again = disk.crash(seed.wrapping_mul(31));
            let what = format!("{what}, and again in recovery with {faults:?}");
            let first = *end.lock();
            reopened_after(&what, &again, model, sequence, seed + 1, SimFaults::default(), first);
        }
        Err(stop) => panic!("{what}: {stop:?}"),
    }
}

/// How the check ends a prepared transaction that it finds.
fn commits(p: &PreparedTxn) -> bool {
    !p.rolling_back && !p.name.is_multiple_of(2)
}

/// The prepared transactions, which must be those of the history that were prepared for good and had not ended. `again`: an
/// earlier recovery may have ended some of them, as [`finish_prepared`] does; `state` is then what it has left.
pub async fn prepared_there(
    store: &Arc<Store>,
    model: &Model,
    survived: Lsn,
    state: &mut State,
    again: bool,
) -> Result<Vec<Prepared>> {
    let found = store.take_prepared().await?;
    let names: Vec<u64> =
        found.iter().map(|p| u64::from_le_bytes(p.words().try_into().expect("eight bytes were kept"))).collect();
    for p in &model.prepared {
        let there = names.contains(&p.name);
        let ended = p.ended.is_some_and(|e| e <= survived);
        if p.lsn > survived || ended {
            assert!(!there, "{p:?} is there after recovery to {survived}");
        } else if !there && again {
            if commits(p) {
                p.writes.iter().for_each(|w| state.apply(w));
            }
        } else if !p.rolling_back {
            assert!(there, "{p:?} is lost after recovery to {survived}");
        }
    }
    for n in &names {
        assert!(model.prepared.iter().any(|p| p.name == *n), "transaction {n} was never prepared");
    }
    Ok(found)
}

/// Ends prepared transactions one way or the other; their rows must have been theirs until now.
async fn finish_prepared(store: &Arc<Store>, model: &Model, state: &mut State, prepared: Vec<Prepared>) -> Result<()> {
    for mut p in prepared {
        let name = u64::from_le_bytes(p.words().try_into().expect("eight bytes were kept"));
        let known = model.prepared.iter().find(|p| p.name == name).expect("compared before");
        if !commits(known) {
            p.roll_back().await?;
            continue;
        }
        let done = p.commit(CommitOptions::default()).await?;
        store.gate(done.lsn).await?;
        known.writes.iter().for_each(|w| state.apply(w));
    }
    Ok(())
}

async fn after_crash(store: &Arc<Store>, model: &Model, sequence: RelId, survived: Lsn, again: bool) -> Result<()> {
    assert!(model.acked <= survived, "acknowledged up to {}, recovered up to {survived}", model.acked);
    let n = model.commits.partition_point(|c| c.lsn <= survived);
    let mut state = model.after(n);
    let prepared = prepared_there(store, model, survived, &mut state, again).await?;
    let last = n.checked_sub(1).map(|i| (model.commits[i].scn, model.commits[i].lsn));
    // Losers may be rolling back under this very look.
    let mut t = store.begin(Isolation::RepeatableRead)?;
    let snap = t.snapshot();
    for (table, d) in &state.tables {
        let what = format!("table {table} after recovery to {survived} at {}, last commit {last:?}", snap.scn);
        rows::check(store, d, &snap, &state.rows[table], &what).await?;
    }
    t.abort().await?;
    finish_prepared(store, model, &mut state, prepared).await?;
    while store.losers() > 0 {
        store.poison().check()?;
        store.runtime().sleep(Duration::from_millis(1)).await;
    }
    // Everything behind the horizon goes.
    let mut rounds = 0;
    while store.purge_round().await? || store.core().undo.bytes() > 0 {
        rounds += 1;
        if rounds == 2_000 {
            let mut at = Vec::new();
            for (i, (head, tail)) in store.core().undo.bounds().into_iter().enumerate() {
                if head < tail {
                    let rec = store.read(|core| core.undo.next(i as u8, head, &core.pool)).await?;
                    let xid = rec.as_ref().map_or(Xid::NONE, |r| r.0.xid);
                    at.push((rec, store.read(|_| store.txns().status(xid)).await?));
                }
            }
            panic!("undo does not go away: {:?}: {at:?}, {}", store.core().undo.bounds(), store.txns().tsp_start());
        }
        store.runtime().sleep(Duration::from_micros(100)).await;
    }
    let mut t = store.begin(Isolation::RepeatableRead)?;
    let snap = t.snapshot();
    let mut live: BTreeSet<RelId> = BTreeSet::from([sequence]);
    for (table, d) in &state.tables {
        let want = &state.rows[table];
        rows::check(store, d, &snap, want, &format!("table {table} after rollback and purge")).await?;
        for (i, idx) in d.indexes.iter().enumerate() {
            let mut check = idx.method.am()?.check(*idx);
            let report = store.read(|core| check.run(core)).await?;
            if i == rows::BLOCKS {
                continue;
            }
            let rows = want.values().filter(|r| i == 0 || r.0.is_some()).count() as u64;
            assert_eq!(report.entries - report.marked, rows, "entries of index {i} of table {table}");
            assert_eq!(report.marked, 0, "marked entries left in index {i} of table {table}");
        }
        live.extend(rows::relations(d));
    }
    t.abort().await?;
    let tables: Vec<_> = state.tables.values().cloned().collect();
    let found = super::damage::look(store, &tables).await?;
    assert!(found.is_clean(), "damage after recovery and purge: {:?}", found.list());
    // A relation that nobody has must not keep files.
    let left: Vec<RelId> =
        store.relations().await?.into_iter().filter(|r| *r >= FIRST_REL && !live.contains(r)).collect();
    assert!(left.is_empty(), "files of relations {left:?} are left");
    if !model.commits.is_empty() && survived >= model.commits[0].lsn {
        let next = store.sequence_next(sequence, &RULE, 1).await?.expect("endless");
        assert!(next.value > model.sequence, "sequence value {} given out again", next.value);
    }
    store.shutdown().await
}
