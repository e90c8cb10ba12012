//! Private servers of both kinds: started in a temporary directory on a free port, waited for by connecting, stopped by
//! SIGINT, or killed with everything they started.
//!
//! A [`Target`] is all that most of the harness needs: where to connect. A [`Server`] is a target with a process behind it.

use crate::error::{Context, Error, Result};
use crate::temp::TempDir;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio_postgres::{Client, NoTls};

/// How long a server may take from its start to the first accepted connection: recovery after a kill is part of it.
const START_LIMIT: Duration = Duration::from_secs(120);
/// How long a clean stop may take.
const STOP_LIMIT: Duration = Duration::from_secs(120);
/// Between two tries to connect to a server that is not there yet.
const RETRY_EVERY: Duration = Duration::from_millis(20);

/// Which database is behind a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The installed PostgreSQL 15.
    Postgres,
    /// RustyDB.
    RustyDb,
}

impl std::str::FromStr for Kind {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        match s {
            "postgres" | "pg" => Ok(Self::Postgres),
            "rustydb" => Ok(Self::RustyDb),
            _ => Err("expected postgres or rustydb".into()),
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Postgres => "postgres",
            Self::RustyDb => "rustydb",
        })
    }
}

/// Where to connect.
#[derive(Debug, Clone)]
pub struct Target {
    /// What answers there.
    pub kind: Kind,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Role, trusted without a password.
    pub user: String,
    /// Database.
    pub dbname: String,
    /// The server's main process, when it is ours.
    pub pid: Option<u32>,
}

impl Target {
    /// `postgres@127.0.0.1:port/postgres`.
    pub fn local(kind: Kind, port: u16) -> Self {
        let text = String::from;
        Self { kind, host: text("127.0.0.1"), port, user: text("postgres"), dbname: text("postgres"), pid: None }
    }

    /// The client library's settings for this target.
    pub fn config(&self) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config
            .host(&self.host)
            .port(self.port)
            .user(&self.user)
            .dbname(&self.dbname)
            .connect_timeout(Duration::from_secs(20));
        config
    }

    /// The same server with a database of this name, made anew.
    pub async fn fresh_database(&self, name: &str) -> Result<Self> {
        let client = self.connect().await?;
        client.batch_execute(&format!("DROP DATABASE IF EXISTS {name}")).await?;
        client.batch_execute(&format!("CREATE DATABASE {name}")).await?;
        Ok(Self { dbname: name.to_owned(), ..self.clone() })
    }

    /// A new session. Its connection task ends with the client.
    pub async fn connect(&self) -> Result<Client> {
        connect_with(&self.config()).await
    }

    /// Adds `-h -p -U` in the manner of PostgreSQL's own programs, and keeps the user's own settings away.
    pub fn client_args<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        for name in ["PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGOPTIONS", "PGSERVICE", "PGPASSWORD"] {
            command.env_remove(name);
        }
        command.args(["-h", &self.host, "-p", &self.port.to_string(), "-U", &self.user])
    }

    /// The main process; an error for servers that are not ours.
    pub fn own_pid(&self) -> Result<u32> {
        self.pid.context(|| format!("the server at {}:{} was not started here", self.host, self.port))
    }
}

/// A new session with these settings.
pub async fn connect_with(config: &tokio_postgres::Config) -> Result<Client> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(async move {
        // A broken connection shows at the next statement of its client, with more context than here.
        let _ = connection.await;
    });
    Ok(client)
}

/// How to start a server.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// `-c name=value` of both kinds.
    pub settings: Vec<(String, String)>,
    /// Whether commits must survive a crash of the machine. PostgreSQL runs with fsync off otherwise; RustyDB has no such
    /// switch and is always durable.
    pub durable: bool,
}

impl Options {
    /// Adds a setting.
    pub fn set(mut self, name: &str, value: impl ToString) -> Self {
        self.settings.push((name.to_owned(), value.to_string()));
        self
    }

    /// With commits that survive a crash of the machine.
    pub fn durable(mut self) -> Self {
        self.durable = true;
        self
    }
}

/// A running server, stopped and removed on drop.
#[derive(Debug)]
pub struct Server {
    target: Target,
    options: Options,
    child: Option<Child>,
    dir: TempDir,
}

impl Server {
    /// Makes a data directory and starts a server on it.
    pub async fn start(kind: Kind, options: Options) -> Result<Self> {
        let dir = TempDir::new(&kind.to_string())?;
        let mut server = Self { target: Target::local(kind, 0), options, child: None, dir };
        if kind == Kind::Postgres {
            server.initdb()?;
        }
        server.restart().await?;
        Ok(server)
    }

    /// Where it is reached through its Unix socket, by programs on libpq.
    pub fn socket_target(&self) -> Target {
        Target { host: self.dir.path().to_string_lossy().into_owned(), ..self.target.clone() }
    }

    /// Where to connect.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// A directory of this server's own, for scripts and data files that server and clients share.
    pub fn scratch(&self) -> &Path {
        self.dir.path()
    }

    fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The server's log so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn log_file(&self) -> PathBuf {
        self.dir.path().join("server.log")
    }

    /// The end of the server's log.
    pub fn log_tail(&self) -> String {
        let read = || -> std::io::Result<String> {
            let mut file = File::open(self.log_file())?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(4000)))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        read().unwrap_or_else(|e| format!("(no log: {e})"))
    }

    /// Bytes in the data directory without the log, whose size follows other rules.
    pub fn data_size(&self) -> Result<u64> {
        directory_size(&self.data_dir())
    }

    fn initdb(&self) -> Result<()> {
        let owner = server_owner()?;
        if let Some((uid, gid)) = owner {
            std::os::unix::fs::chown(self.dir.path(), Some(uid), Some(gid))?;
        }
        let mut command = Command::new(postgres_bin("initdb")?);
        command
            .args(["-E", "UTF8", "--locale=C.UTF-8", "-U", "postgres", "--auth=trust", "--no-sync", "-D"])
            .arg(self.data_dir());
        as_owner(&mut command, owner);
        let out = command.output().context(|| "running initdb".into())?;
        if !out.status.success() {
            return Err(Error::new(format!("initdb failed: {}", String::from_utf8_lossy(&out.stderr))));
        }
        Ok(())
    }

    /// Starts the server again on its data, on the same port if that is still free, and waits until it answers.
    pub async fn restart(&mut self) -> Result<Duration> {
        let began = Instant::now();
        loop {
            if self.target.port == 0 {
                self.target.port = free_port()?;
            }
            self.spawn()?;
            match self.wait_ready(began).await {
                Ok(()) => return Ok(began.elapsed()),
                // Another process took the port between our look and the bind, or (PostgreSQL) an orphan of the killed
                // server still holds its shared memory: both pass.
                Err(e) if began.elapsed() < START_LIMIT && self.start_may_be_retried() => {
                    eprintln!("starting {} again: {e}", self.target.kind);
                    if self.log_tail().contains("ddress already in use") {
                        self.target.port = 0;
                    }
                    tokio::time::sleep(RETRY_EVERY * 5).await;
                }
                Err(e) => return Err(e),
            }
        }
    }

    /// Starts the server on its data and kills it after `delay`, whether or not it is ready.
    pub async fn restart_and_kill(&mut self, delay: Duration) -> Result<()> {
        self.spawn()?;
        tokio::time::sleep(delay).await;
        self.kill()
    }

    fn start_may_be_retried(&self) -> bool {
        let log = self.log_tail();
        log.contains("ddress already in use") || log.contains("pre-existing shared memory block")
    }

    fn spawn(&mut self) -> Result<()> {
        let log = File::create(self.log_file())?;
        let port = self.target.port.to_string();
        let mut settings = self.options.settings.clone();
        let mut command = match self.target.kind {
            Kind::Postgres => {
                settings.push(("listen_addresses".into(), "127.0.0.1".into()));
                settings.push(("fsync".into(), if self.options.durable { "on" } else { "off" }.into()));
                let mut command = Command::new(postgres_bin("postgres")?);
                as_owner(&mut command, server_owner()?);
                command
            }
            Kind::RustyDb => Command::new(rustydb_bin()?),
        };
        command.arg("-D").arg(self.data_dir()).args(["-p", &port]).arg("-k").arg(self.dir.path());
        for (name, value) in &settings {
            command.args(["-c", &format!("{name}={value}")]);
        }
        let child = command
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
            .context(|| format!("starting {:?}", command.get_program()))?;
        self.target.pid = Some(child.id());
        self.child = Some(child);
        Ok(())
    }

    async fn wait_ready(&mut self, began: Instant) -> Result<()> {
        loop {
            if let Some(child) = &mut self.child
                && let Some(status) = child.try_wait()?
            {
                self.child = None;
                return Err(Error::new(format!("the server ended at its start ({status}):\n{}", self.log_tail())));
            }
            match self.target.connect().await {
                Ok(_) => return Ok(()),
                Err(e) if began.elapsed() > START_LIMIT => {
                    return Err(Error::new(format!("no connection after {START_LIMIT:?}: {e}\n{}", self.log_tail())));
                }
                Err(_) => tokio::time::sleep(RETRY_EVERY).await,
            }
        }
    }

    /// Whether the main process still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|c| matches!(c.try_wait(), Ok(None)))
    }

    /// Stops cleanly.
    pub fn stop(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        signal("INT", &[child.id()])?;
        let began = Instant::now();
        loop {
            match child.try_wait()? {
                Some(status) if status.success() => return Ok(()),
                Some(status) => {
                    return Err(Error::new(format!("the server stopped with {status}:\n{}", self.log_tail())));
                }
                None if began.elapsed() > STOP_LIMIT => {
                    signal("KILL", &crate::proc::tree_of(child.id())?)?;
                    child.wait()?;
                    return Err(Error::new(format!("no clean stop in {STOP_LIMIT:?}:\n{}", self.log_tail())));
                }
                None => std::thread::sleep(RETRY_EVERY),
            }
        }
    }

    /// kill -9 of the server and all it started, at this moment.
    pub fn kill(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        signal("KILL", &crate::proc::tree_of(child.id())?)?;
        child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("end of the {} log:\n{}", self.target.kind, self.log_tail());
        }
        if let Err(e) = self.kill() {
            eprintln!("could not stop a {} server: {e}", self.target.kind);
        }
    }
}

fn directory_size(dir: &Path) -> Result<u64> {
    let mut total = 0;
    for entry in std::fs::read_dir(dir).context(|| format!("reading {}", dir.display()))? {
        let entry = entry?;
        // Files come and go under a running server.
        let Ok(meta) = entry.metadata() else { continue };
        let log = entry.file_name().to_str().is_some_and(|n| ["pg_wal", "wal", "log", "redo"].contains(&n));
        total += if log {
            0
        } else if meta.is_dir() {
            directory_size(&entry.path()).unwrap_or(0)
        } else {
            meta.len()
        };
    }
    Ok(total)
}

/// Sends a signal through the shell's own `kill`, since some systems have no program of that name.
fn signal(name: &str, pids: &[u32]) -> Result<()> {
    let list: Vec<String> = pids.iter().map(u32::to_string).collect();
    let status = Command::new("sh")
        .args(["-c", &format!("kill -{name} {} 2>/dev/null", list.join(" "))])
        .status()
        .context(|| "running sh".into())?;
    // Failure means that one of them ended in between.
    let _ = status;
    Ok(())
}

/// A TCP port nobody listens on at this moment.
fn free_port() -> Result<u16> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).context(|| "looking for a free port".into())?;
    Ok(listener.local_addr()?.port())
}

/// The folder of PostgreSQL 15's programs.
pub fn postgres_bindir() -> Result<PathBuf> {
    let usual = Path::new("/usr/lib/postgresql/15/bin");
    if usual.join("postgres").is_file() {
        return Ok(usual.to_owned());
    }
    let out = Command::new("pg_config").arg("--bindir").output().context(|| {
        "PostgreSQL 15 is not installed (scripts/install-test-tools installs it); running pg_config".into()
    })?;
    Ok(PathBuf::from(String::from_utf8_lossy(&out.stdout).trim()))
}

/// The path of one of PostgreSQL's programs.
pub fn postgres_bin(name: &str) -> Result<PathBuf> {
    let path = postgres_bindir()?.join(name);
    path.is_file().then_some(()).context(|| format!("{} is missing", path.display()))?;
    Ok(path)
}

/// The RustyDB server: `RUSTYDB_BIN`, else the one that cargo built beside this program.
pub fn rustydb_bin() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("RUSTYDB_BIN") {
        return Ok(PathBuf::from(path));
    }
    let me = std::env::current_exe()?;
    me.ancestors().skip(1).take(2).map(|dir| dir.join("rustydb")).find(|p| p.is_file()).context(|| {
        format!("no rustydb beside {} (build it with cargo build -p rustydb-server, or set RUSTYDB_BIN)", me.display())
    })
}

/// PostgreSQL refuses to run as root, so root runs it as the user `postgres`, who comes with the package.
fn server_owner() -> Result<Option<(u32, u32)>> {
    use std::os::unix::fs::MetadataExt;
    if std::fs::metadata("/proc/self")?.uid() != 0 {
        return Ok(None);
    }
    let passwd = std::fs::read_to_string("/etc/passwd")?;
    let line = passwd
        .lines()
        .find(|l| l.starts_with("postgres:"))
        .context(|| "PostgreSQL does not run as root, and there is no user postgres".into())?;
    let mut ids = line.split(':').skip(2).map(str::parse::<u32>);
    match (ids.next(), ids.next()) {
        (Some(Ok(uid)), Some(Ok(gid))) => Ok(Some((uid, gid))),
        _ => Err(Error::new(format!("cannot read the entry of user postgres in /etc/passwd: {line}"))),
    }
}

fn as_owner(command: &mut Command, owner: Option<(u32, u32)>) {
    command.current_dir("/");
    if let Some((uid, gid)) = owner {
        command.uid(uid).gid(gid);
    }
}

/// PostgreSQL and who is compared with it.
#[derive(Debug)]
pub struct Pair {
    /// PostgreSQL.
    pub judge: Target,
    /// Who is compared.
    pub candidate: Target,
    /// Stopped when the pair goes.
    _own: Vec<Server>,
}

impl Pair {
    /// A private server of each kind, or those on the ports `[judge, candidate]`, in a database of this name made anew there.
    pub async fn open(ports: &[u16], candidate: Kind, database: &str) -> Result<Self> {
        match ports {
            [] => {
                let judge = Server::start(Kind::Postgres, Options::default()).await?;
                let other = Server::start(candidate, Options::default()).await?;
                Ok(Self { judge: judge.target().clone(), candidate: other.target().clone(), _own: vec![judge, other] })
            }
            [judge, other] => Ok(Self {
                judge: Target::local(Kind::Postgres, *judge).fresh_database(database).await?,
                candidate: Target::local(candidate, *other).fresh_database(database).await?,
                _own: Vec::new(),
            }),
            _ => Err(Error::new("--ports wants two ports")),
        }
    }
}
