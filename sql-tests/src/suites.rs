//! Where the third-party test suites are. They are not part of the repository: `RUSTYDB_SUITES` names their folder, and by
//! default it is `../shared/suites` beside the workspace. A run without them says loudly how many it had to leave out.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The workspace's root directory.
pub fn workspace_root() -> PathBuf {
    // Cargo's word at run time comes first: the target directory, and with it this program, may be another clone's.
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR");
    let manifest = manifest.map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest.parent().map_or_else(|| manifest.clone(), Path::to_owned)
}

/// The suites' folder, when there is one.
pub fn folder() -> Option<PathBuf> {
    let dir =
        std::env::var_os("RUSTYDB_SUITES").map_or_else(|| workspace_root().join("../shared/suites"), PathBuf::from);
    dir.join("SOURCES.md").is_file().then_some(dir)
}

/// The suites' folder; without it, says that `count` suites of `what` are skipped: on standard error, and in the file that
/// `RUSTYDB_SKIP_LOG` names, because the output of tests that pass is not shown.
pub fn folder_or_skip(what: &str, count: usize) -> Option<PathBuf> {
    let dir = folder();
    if dir.is_none() {
        let line = format!("SKIPPED: {count} suite(s) of {what}: not found (set RUSTYDB_SUITES to their folder)\n");
        eprint!("{line}");
        if let Some(log) = std::env::var_os("RUSTYDB_SKIP_LOG")
            && let Err(e) =
                OpenOptions::new().append(true).create(true).open(log).and_then(|mut f| f.write_all(line.as_bytes()))
        {
            eprintln!("could not write the log of skipped suites: {e}");
        }
    }
    dir
}
