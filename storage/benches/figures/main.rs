//! The engine's own figures, in process and without the wire, each against the bound it must keep.
//!
//! `cargo bench -p rustydb-storage` measures all of them (some minutes) and fails if one is missed; words choose some:
//! `-- point update redo scan recovery deadlock savepoints`. `-- soak` runs the long one alone: `RUSTYDB_SOAK_MINUTES` (60)
//! or `RUSTYDB_SOAK_TRANSACTIONS` (20,000,000), whichever ends first. CPU is that of all threads of the process.

mod measure;
mod recovery;
mod soak;
mod speed;
mod waits;
mod world;

use measure::Figure;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with("--")).collect();
    let all: [(&str, fn() -> Vec<Figure>); 7] = [
        ("point", speed::point_reads),
        ("update", speed::updates),
        ("redo", speed::redo_bytes),
        ("scan", speed::scan),
        ("recovery", recovery::figures),
        ("deadlock", waits::deadlock),
        ("savepoints", waits::savepoints),
    ];
    let mut missed = 0;
    let mut show = |figures: Vec<Figure>| {
        for f in figures {
            println!("{f}");
            missed += usize::from(!f.holds());
        }
    };
    for (name, run) in all {
        if words.is_empty() || words.iter().any(|w| w == name) {
            show(run());
        }
    }
    if words.iter().any(|w| w == "soak") {
        show(soak::figures());
    }
    if missed > 0 {
        println!("{missed} figures miss their bound");
        std::process::exit(1);
    }
}
