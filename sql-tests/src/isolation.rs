//! Several sessions at once, by PostgreSQL's own isolationtester: a spec file names sessions, their steps and the orders to
//! run them in; what comes out tells who waited for whom and who saw what. Run on both servers, the texts must be equal.

use crate::command;
use crate::error::{Context, Result};
use crate::server::{Target, postgres_bindir};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// How long one spec may take.
const LIMIT: Duration = Duration::from_secs(120);

fn tester() -> Result<PathBuf> {
    let path = postgres_bindir()?.join("../lib/pgxs/src/test/isolation/isolationtester");
    path.is_file().then_some(()).context(|| {
        format!("{} is missing (scripts/install-test-tools installs postgresql-server-dev-15)", path.display())
    })?;
    Ok(path)
}

/// What isolationtester prints of a spec file on a server.
pub fn run(target: &Target, spec: &Path) -> Result<String> {
    let text = std::fs::read(spec).context(|| format!("reading {}", spec.display()))?;
    let conninfo = format!("host={} port={} user={} dbname={}", target.host, target.port, target.user, target.dbname);
    let done = command::run_with_input(Command::new(tester()?).arg(conninfo), text, LIMIT)?;
    Ok(done.stdout + &done.stderr)
}
