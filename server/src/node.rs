//! Putting a server together and taking it down again, in order: lock the directory, bind, open the engine, accept; stop
//! accepting, end the sessions, close the engine. [`open_engine`] is the only place that knows which engine it is.

use crate::auth::Method;
use crate::auth::scram::MockSecret;
use crate::config::Config;
use crate::listener::{self, Listener};
use crate::lockfile::{LockFile, Protects};
use crate::server::Server;
use crate::wire::batch;
use crate::{os, tls};
use ring::rand::{SecureRandom, SystemRandom};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_engine::api::Backend;
use rustydb_engine::check::Findings;
use rustydb_engine::engine::EngineOptions;
use rustydb_engine::hba;
use rustydb_engine::session::EngineBackend;
use std::fs::{DirBuilder, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinHandle;

/// The role the first start makes.
pub const SUPERUSER: &str = "postgres";
/// How long a smart shutdown lets transactions finish.
const SMART_GRACE: Duration = Duration::from_secs(10);
/// How long sessions may take to end once told to.
const FAST_GRACE: Duration = Duration::from_secs(10);

/// Why a server stops.
#[derive(Debug)]
pub enum Stop {
    /// Let transactions finish within a bound (SIGTERM).
    Smart,
    /// End every session now (SIGINT).
    Fast,
    /// Memory can no longer be trusted to match disk.
    Fault(DbError),
}

/// How to open the engine. With keys about to come into memory, core dumps are forbidden first.
fn engine_options(config: &Config) -> Result<EngineOptions> {
    if config.settings.iter().any(|(n, v)| n.starts_with("encryption_key") && !v.is_empty()) {
        os::forbid_core_dumps().map_err(|e| DbError::io("forbid core dumps", &e))?;
    }
    Ok(EngineOptions {
        data_dir: config.data_dir.clone(),
        settings: config.settings.clone(),
        superuser_password: config.superuser_password.as_ref().map(|p| p.to_string()),
        host_rules: None,
    })
}

/// Opens the engine on the data directory, making it on the first start.
pub async fn open_engine(config: &Config) -> Result<Arc<dyn Backend>> {
    let host_rules = Some(hba::default_text(config.auth_local.word(), config.auth_host.word()));
    let options = EngineOptions { host_rules, ..engine_options(config)? };
    Ok(Arc::new(EngineBackend::open(options).await?))
}

/// Checks the data directory, which no server may have open meanwhile.
pub async fn check(config: &Config) -> Result<Findings> {
    if !config.data_dir.is_dir() {
        return Err(DbError::fatal(
            SqlState::UNDEFINED_FILE,
            format!("directory \"{}\" does not exist", config.data_dir.display()),
        ));
    }
    let _lock = LockFile::acquire(
        config.data_dir.join("postmaster.pid"),
        Protects::DataDirectory(&config.data_dir),
        &config.data_dir,
        config.port,
        Path::new(""),
    )?;
    rustydb_engine::check::directory(engine_options(config)?).await
}

/// Runs a server until `stop` resolves or the engine fails. `open` opens the engine.
pub async fn run<O, S>(config: &Config, open: O, stop: S) -> Result<()>
where
    O: AsyncFnOnce(&Config) -> Result<Arc<dyn Backend>>,
    S: Future<Output = Stop>,
{
    make_directory(&config.data_dir)?;
    let socket_dir = config.socket_dirs.as_ref().and_then(|d| d.first()).map_or(Path::new(""), |d| d.as_path());
    let directory_lock = LockFile::acquire(
        config.data_dir.join("postmaster.pid"),
        Protects::DataDirectory(&config.data_dir),
        &config.data_dir,
        config.port,
        socket_dir,
    )?;
    check_open_files(config);
    let acceptor = config.tls.as_ref().map(|(cert, key)| tls::load(cert, key)).transpose()?;
    let mock = mock_secret(&config.data_dir)?;
    if config.settings.iter().any(|(n, v)| n == "io_method" && v == "worker") {
        batch::forbid();
    }
    let (listeners, exposed) = bind(config)?;
    let backend = open(config).await?;
    if exposed && config.superuser_password.is_none() {
        require_superuser_password(&*backend).await?;
    }
    let server = Server::new(backend.clone(), acceptor, mock, config.limits.clone());
    let accepting: Vec<_> = listeners.into_iter().map(|l| listener::accept(l, server.clone())).collect();
    let reloading = reload_on_hangup(backend.clone())?;
    tracing::info!("database system is ready to accept connections");

    let why = tokio::select! {
        why = stop => why,
        fault = server.faulted() => Stop::Fault(fault),
    };
    reloading.abort();
    for task in accepting {
        task.abort();
        // The only outcome is the abort; the socket files are gone once the task is.
        let _aborted = task.await;
    }
    end_sessions(&server, &why).await;
    match why {
        Stop::Fault(e) => {
            // No checkpoint: what is in memory must not reach the disk. The next start recovers from the log.
            tracing::error!("shutting down because of a fault: {}", e.message);
            Err(e)
        }
        Stop::Smart | Stop::Fast => {
            tracing::info!("shutting down");
            backend.shutdown().await?;
            tracing::info!("database system is shut down");
            drop(directory_lock);
            Ok(())
        }
    }
}

async fn end_sessions(server: &Arc<Server>, why: &Stop) {
    if let Stop::Smart = why {
        tracing::info!("received smart shutdown request");
        server.drain();
        if tokio::time::timeout(SMART_GRACE, server.emptied()).await.is_ok() {
            return;
        }
    }
    if let Stop::Fast = why {
        tracing::info!("received fast shutdown request");
    }
    server.terminate();
    if tokio::time::timeout(FAST_GRACE, server.emptied()).await.is_err() {
        tracing::warn!("{} sessions did not end in time", server.registry.len());
    }
}

/// Reads configuration files again on each SIGHUP, until the handle is aborted.
fn reload_on_hangup(backend: Arc<dyn Backend>) -> Result<JoinHandle<()>> {
    let mut hangups = signal(SignalKind::hangup()).map_err(|e| DbError::io("install a signal handler", &e))?;
    Ok(tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            backend.reload();
        }
    }))
}

/// Resolves when the operating system asks for a shutdown: SIGTERM smart, SIGINT fast.
pub async fn stop_signals() -> Stop {
    let listen = |kind| signal(kind);
    let (term, int) = (listen(SignalKind::terminate()), listen(SignalKind::interrupt()));
    let (Ok(mut term), Ok(mut int)) = (term, int) else {
        tracing::error!("could not install signal handlers");
        return Stop::Fast;
    };
    tokio::select! {
        _ = term.recv() => Stop::Smart,
        _ = int.recv() => Stop::Fast,
    }
}

/// Binds everything that is asked for. The flag says whether a loopback-only firewall is gone.
fn bind(config: &Config) -> Result<(Vec<Listener>, bool)> {
    let mut listeners = Vec::new();
    let mut exposed = false;
    for host in &config.hosts {
        for address in listener::resolve(host, config.port)? {
            let loopback = address.ip().is_loopback();
            exposed |= !loopback;
            let method = if loopback { config.auth_host } else { Method::Scram };
            listeners.push(listener::bind_tcp(address, method)?);
        }
    }
    let unix =
        |dir: &Path| listener::bind_unix(dir, config.port, config.auth_local, config.socket_mode, &config.data_dir);
    match &config.socket_dirs {
        Some(dirs) => {
            for dir in dirs {
                listeners.push(unix(dir)?);
            }
        }
        None => listeners.push(listener::bind_default_unix(
            config.port,
            config.auth_local,
            config.socket_mode,
            &config.data_dir,
        )?),
    }
    if listeners.is_empty() {
        return Err(DbError::fatal(SqlState::CONFIG_FILE_ERROR, "no socket created for listening"));
    }
    Ok((listeners, exposed))
}

async fn require_superuser_password(backend: &dyn Backend) -> Result<()> {
    let set = backend.role(SUPERUSER).await?.is_some_and(|r| r.verifier.is_some());
    if set {
        return Ok(());
    }
    Err(DbError::fatal(
        SqlState::CONFIG_FILE_ERROR,
        format!("refusing to listen on a non-loopback address: the superuser \"{SUPERUSER}\" has no password"),
    )
    .hint("Give one with --superuser-password-file, or start without --host and use ALTER ROLE … PASSWORD."))
}

fn make_directory(dir: &Path) -> Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|e| {
        DbError::fatal(SqlState::IO_ERROR, format!("could not create directory \"{}\": {e}", dir.display()))
    })
}

/// One file per connection, and some for the store.
fn check_open_files(config: &Config) {
    let wanted = config.limits.max_connections as u64 + 256;
    match os::raise_open_files() {
        Ok(limit) if limit < wanted => tracing::warn!(
            "the limit of {limit} open files is too low for max_connections = {}",
            config.limits.max_connections
        ),
        Ok(_) => {}
        Err(e) => tracing::warn!("could not raise the limit of open files: {e}"),
    }
}

/// The secret of made-up SCRAM salts, from a file of its own so that it survives restarts.
fn mock_secret(data_dir: &Path) -> Result<MockSecret> {
    let path = data_dir.join("mock_authentication_nonce");
    let failed = |action: &str, e: &std::io::Error| {
        DbError::fatal(SqlState::IO_ERROR, format!("could not {action} file \"{}\": {e}", path.display()))
    };
    let mut secret = [0u8; 32];
    match std::fs::File::open(&path) {
        Ok(mut f) => match f.read_exact(&mut secret) {
            Ok(()) => return Ok(MockSecret::new(&secret)),
            // Cut short by a crash at the first start: nobody has seen it, so a new one does.
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => {}
            Err(e) => return Err(failed("read", &e)),
        },
        Err(e) if e.kind() == ErrorKind::NotFound => {}
        Err(e) => return Err(failed("open", &e)),
    }
    SystemRandom::new().fill(&mut secret).map_err(|_| DbError::internal("could not generate secret"))?;
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .and_then(|mut f| f.write_all(&secret).and_then(|()| f.sync_all()))
        .map_err(|e| failed("write", &e))?;
    Ok(MockSecret::new(&secret))
}
