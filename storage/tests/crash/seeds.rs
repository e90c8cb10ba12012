//! The wide search: many seeds, each a store of several lives.
//!
//! A life works until its fault stops it or its operations are done; then the power fails (or the process is killed), the
//! next life recovers and goes on. At a few I/Os of each life a power cut is tried beside: what it would leave is recovered
//! (some of these recoveries meet a fault themselves) and compared with the history. Where a disk has lied so that the store
//! rightly refuses to start, the next life begins with an empty one. A seed ends after 2,000 operations.
//!
//! `RUSTYDB_SIM_MANY=1..10001` runs those seeds (`--release`: about 5 a second and processor), `RUSTYDB_SIM_THREADS` at a
//! time. Without it the corpus (`corpus.txt`: seeds that once found something) and a few hundred seeds run in test time.
//! `RUSTYDB_SIM_STOP=1` ends at the first failure (`scripts/put-back`). Every failing seed is printed and replays alone: `RUSTYDB_SIM_MANY=77..78`.

use super::check::{reopened, reopened_under};
use super::faults::opens;
use super::run::Run;
use rand::rngs::SmallRng;
use rand::{Rng as _, SeedableRng as _};
use rustydb_base::RelId;
use rustydb_storage::btree::{JOINS, SPLITS};
use rustydb_storage::buf::EVICTIONS;
use rustydb_storage::io::sim::{FaultPoint, SimDisk, SimFaults};
use rustydb_storage::sim::SimStop;
use rustydb_storage::store::CHECKPOINTS;
use rustydb_storage::verify::is_damage;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

/// Operations of a seed.
const OPS: usize = 2_000;
/// Lives of a seed that have a fault.
const LIVES: u32 = 12;
/// Seeds that run without being asked for.
const USUAL: u64 = 200;
/// I/Os of a life of [`OPS`] operations, about.
const IOS: u64 = 4_000;
const HOUR: i64 = 3_600_000_000;

/// How a fault shows.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
enum Kind {
    /// The store does not notice.
    #[default]
    Nothing,
    /// The store stops with an error, if it gets there.
    Stops,
    /// A page write is lost: noticed when the page is read again, and nothing wrong is told until then. What the disk has
    /// afterwards is not to be mended.
    Lost,
    /// The log has a hole: the next start refuses, unless a checkpoint has made it needless.
    Hole,
}

/// The fault of a life.
fn fault(seed: u64, life: u32, rng: &mut SmallRng) -> (Kind, SimFaults) {
    let none = SimFaults::default();
    let early = rng.random_ratio(1, 4);
    // The first lives go through all kinds; later ones are drawn.
    let kind = if life == 0 { seed % 13 } else { rng.random_range(0..14) };
    let mut at = |most: u64| Some(rng.random_range(1..if early { most / 8 } else { most }));
    match kind {
        0 => (Kind::Stops, SimFaults { write_error_at: at(IOS / 2), ..none }),
        1 => (Kind::Stops, SimFaults { sync_error_at: at(IOS / 10), ..none }),
        2 => (Kind::Stops, SimFaults { read_error_at: at(IOS / 4), ..none }),
        3 => (Kind::Stops, SimFaults { flip_read_at: at(IOS / 4), ..none }),
        4 => (Kind::Stops, SimFaults { misdirect_read_at: at(IOS / 4), ..none }),
        5 => (Kind::Stops, SimFaults { no_space_at: at(IOS / 8), ..none }),
        6 => (Kind::Stops, SimFaults { crash_at: at(IOS), ..none }),
        7 => {
            let micros = HOUR * rng.random_range(-40..40);
            (Kind::Nothing, SimFaults { clock_jump_at: Some((rng.random_range(1..IOS), micros)), ..none })
        }
        8 | 9 => {
            let n = at(IOS / 16);
            // A shutdown in order makes every hole needless, so mostly the power fails before the next checkpoint.
            let crash_after_astray = (!rng.random_ratio(1, 6)).then(|| rng.random_range(1..40));
            let none = SimFaults { crash_after_astray, ..none };
            let faults = match rng.random_range(0..3) {
                0 => SimFaults { misdirect_log_write_at: n, ..none },
                1 => SimFaults { lose_log_write_at: n, ..none },
                _ => SimFaults { tear_log_write_at: n, ..none },
            };
            (Kind::Hole, faults)
        }
        10 => (Kind::Lost, SimFaults { lose_page_write_at: at(IOS / 8), ..none }),
        _ => (Kind::Nothing, none),
    }
}

/// What a recovery that is only a look meets itself.
fn in_recovery(rng: &mut SmallRng) -> SimFaults {
    let none = SimFaults::default();
    let n = Some(rng.random_range(1..60));
    match rng.random_range(0..8) {
        0 | 1 => SimFaults { crash_at: n, ..none },
        2 => SimFaults { write_error_at: n, ..none },
        3 => SimFaults { read_error_at: n, ..none },
        4 => SimFaults { sync_error_at: Some(rng.random_range(1..12)), ..none },
        5 => SimFaults { no_space_at: Some(rng.random_range(1..6)), ..none },
        _ => none,
    }
}

/// What all seeds did together.
#[derive(Default)]
struct Totals {
    operations: AtomicU64,
    lives: AtomicU64,
    looks: AtomicU64,
    refused: AtomicU64,
    untold: AtomicU64,
}

static TOTALS: Totals = Totals {
    operations: AtomicU64::new(0),
    lives: AtomicU64::new(0),
    looks: AtomicU64::new(0),
    refused: AtomicU64::new(0),
    untold: AtomicU64::new(0),
};

/// Runs one seed to its end; panics where something does not hold.
fn seed(seed: u64) {
    let mut rng = SmallRng::seed_from_u64(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let (mut kind, faults) = fault(seed, 0, &mut rng);
    let mut run = Run::new(seed, faults);
    for life in 0.. {
        let what = format!("seed {seed}, life {life}");
        // A power cut in the last third at the latest, wherever the fault is.
        look_at_crashes(&run, seed, &what, &mut rng, kind);
        let end = run.go(seed, OPS - run.done.load(Ordering::Relaxed).min(OPS - 1));
        TOTALS.lives.fetch_add(1, Ordering::Relaxed);
        match &end {
            Ok(Ok(())) => {}
            Ok(Err(e)) => assert!(kind != Kind::Nothing, "{what}: nothing was injected: {e:?}"),
            Err(SimStop::Crashed) => {}
            Err(stop) => panic!("{what}: {stop:?}"),
        }
        let fate = rng.random();
        let left = if rng.random_ratio(1, 5) { run.disk.kill(fate) } else { run.disk.crash(fate) };
        let rel = *run.sequence.lock();
        let goes_on = match rel {
            Some(rel) => recovers(&what, &run, &left, kind, seed, rel),
            // Stopped before there was anything to compare.
            None => false,
        };
        if run.done.load(Ordering::Relaxed) >= OPS {
            break;
        }
        if !goes_on {
            (kind, run) = (Kind::Nothing, run.anew(seed.wrapping_add(u64::from(life + 1) << 32)));
            continue;
        }
        let faults;
        (kind, faults) = if life < LIVES { fault(seed, life + 1, &mut rng) } else { Default::default() };
        run = run.again(left, seed, faults);
    }
    TOTALS.operations.fetch_add(run.done.load(Ordering::Relaxed) as u64, Ordering::Relaxed);
}

/// Looks at what a life has left. False when there is nothing to go on with: the store has refused to start, and rightly so,
/// or the disk has lost what no store can know of.
fn recovers(what: &str, run: &Run, left: &SimDisk, kind: Kind, seed: u64, rel: RelId) -> bool {
    if kind == Kind::Lost {
        return false;
    }
    let history = run.model.lock().clone();
    if kind == Kind::Hole {
        match opens(left) {
            Err(e) => {
                assert!(is_damage(&e), "{what}: a log with a hole: {e:?}");
                TOTALS.refused.fetch_add(1, Ordering::Relaxed);
                return false;
            }
            // The disk lied about its last log write: nothing behind that could tell.
            Ok(end) if run.cannot_tell(left, end) => {
                TOTALS.untold.fetch_add(1, Ordering::Relaxed);
                return false;
            }
            Ok(_) => {}
        }
    }
    reopened(&format!("{what}, after its end"), &left.fork(), history, rel, seed, None);
    true
}

/// Tries a power cut at a few I/Os of a life.
fn look_at_crashes(run: &Run, seed: u64, what: &str, rng: &mut SmallRng, kind: Kind) {
    if matches!(kind, Kind::Hole | Kind::Lost) {
        // A look may be refused then, which the end of the life judges.
        return;
    }
    let (disk, model, sequence, open) = (run.disk.clone(), run.model.clone(), run.sequence.clone(), run.open.clone());
    let what = what.to_owned();
    let state = parking_lot::Mutex::new((SmallRng::seed_from_u64(rng.random()), rng.random_range(1..IOS / 3)));
    run.io.observe(std::sync::Arc::new(move |n| {
        let Some(rel) = *sequence.lock() else { return };
        if !open.load(Ordering::SeqCst) {
            return;
        }
        let (fate, faults) = {
            let mut s = state.lock();
            if n < s.1 {
                return;
            }
            s.1 = n + s.0.random_range(1..IOS);
            (s.0.random(), in_recovery(&mut s.0))
        };
        TOTALS.looks.fetch_add(1, Ordering::Relaxed);
        let found = disk.crash(fate);
        let history = model.lock().clone();
        reopened_under(&format!("{what}, crash at I/O {n}"), &found, history, rel, seed, faults);
    }));
}

/// Runs seeds on some threads; answers those that failed and why.
fn all(seeds: &[u64], threads: usize) -> Vec<(u64, String)> {
    let stop = std::env::var_os("RUSTYDB_SIM_STOP").is_some();
    let next = AtomicU64::new(0);
    let failed = parking_lot::Mutex::new(Vec::new());
    std::thread::scope(|s| {
        for _ in 0..threads.max(1) {
            s.spawn(|| {
                while let Some(n) = seeds.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                    if stop && !failed.lock().is_empty() {
                        break;
                    }
                    if let Err(why) = catch_unwind(AssertUnwindSafe(|| seed(*n))) {
                        let why = why
                            .downcast_ref::<String>()
                            .cloned()
                            .or_else(|| why.downcast_ref::<&str>().map(|s| (*s).to_owned()))
                            .unwrap_or_default();
                        println!("FAILED seed {n}: {why}");
                        failed.lock().push((*n, why));
                    }
                    if n.is_multiple_of(100) {
                        println!("seed {n} is done, {} failed", failed.lock().len());
                    }
                }
            });
        }
    });
    failed.into_inner()
}

/// The corpus: a seed a line, then why it is there.
fn corpus() -> Vec<u64> {
    let text = include_str!("corpus.txt");
    text.lines()
        .filter_map(|l| l.split_whitespace().next())
        .filter(|w| !w.starts_with('#'))
        .map(|w| w.parse().expect("a line of the corpus begins with a seed"))
        .collect()
}

#[test]
fn many_seeds() {
    let asked = std::env::var("RUSTYDB_SIM_MANY").ok();
    let range = asked.as_deref().map(|r| {
        let (from, to) = r.split_once("..").expect("RUSTYDB_SIM_MANY=from..to");
        from.parse::<u64>().expect("a seed")..to.parse::<u64>().expect("a seed")
    });
    let seeds: Vec<u64> = match range {
        Some(r) => r.collect(),
        None => corpus().into_iter().chain(1..=USUAL).collect(),
    };
    let threads = super::super::number("RUSTYDB_SIM_THREADS")
        .map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), |n| n as usize);
    let failed = all(&seeds, threads);
    let (n, get) = (seeds.len() as u64, |a: &AtomicU64| a.load(Ordering::Relaxed));
    println!(
        "{n} seeds, {} lives, {} operations, {} crashes looked at, {} logs with a hole refused, {} with a hole that nothing \
         could tell of; {} evictions, {} splits, {} joins, {} checkpoints",
        get(&TOTALS.lives),
        get(&TOTALS.operations),
        get(&TOTALS.looks),
        get(&TOTALS.refused),
        get(&TOTALS.untold),
        EVICTIONS.get(),
        SPLITS.get(),
        JOINS.get(),
        CHECKPOINTS.get(),
    );
    assert!(failed.is_empty(), "seeds {:?} failed", failed.iter().map(|f| f.0).collect::<Vec<_>>());
    // Joins need a leaf that has become sparse, which not every seed makes.
    let often = [
        ("evictions", &EVICTIONS, n),
        ("splits", &SPLITS, n),
        ("checkpoints", &CHECKPOINTS, n),
        ("joins", &JOINS, n / 5),
    ];
    for (what, met, least) in often {
        assert!(met.get() >= least, "{} {what} in {n} seeds", met.get());
    }
    if n < USUAL {
        return;
    }
    assert!(get(&TOTALS.refused) > 0, "no log with a hole was refused");
    let mut never = Vec::new();
    for p in FaultPoint::ALL {
        println!("{:>8} times: {p:?}", p.met());
        if p.met() == 0 {
            never.push(p);
        }
    }
    assert!(never.is_empty(), "never met: {never:?}");
}
