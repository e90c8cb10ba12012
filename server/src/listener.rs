//! Listening sockets: TCP, and a Unix socket where libpq looks. Binding and accepting are apart, so that a port in use is
//! reported before the engine starts and clients that come early wait in the backlog.

use crate::auth::Method;
use crate::lockfile::{LockFile, Protects};
use crate::server::Server;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_engine::api::PeerInfo;
use socket2::{SockRef, TcpKeepalive};
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener};
use tokio::task::JoinHandle;

/// Where libpq looks for the socket: Debian's build first, then the upstream default.
pub const SOCKET_DIRECTORIES: [&str; 2] = ["/var/run/postgresql", "/tmp"];
/// Connections the kernel keeps for us before we accept them.
const BACKLOG: u32 = 1024;
/// Wait after a failed accept (out of files, usually), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A bound socket and how its clients prove who they are.
pub enum Listener {
    /// TCP.
    Tcp(TcpListener, Method),
    /// Unix socket.
    Unix(UnixListener, Method, UnixPlace),
}

/// A Unix socket's file and the lock that says it is ours; both go when this is dropped.
pub struct UnixPlace {
    path: PathBuf,
    _lock: LockFile,
}

impl Drop for UnixPlace {
    fn drop(&mut self) {
        if let Err(e) = std::fs::remove_file(&self.path) {
            tracing::warn!("could not remove socket file \"{}\": {e}", self.path.display());
        }
    }
}

/// The addresses of a host name; `*` is every address of the machine.
pub fn resolve(host: &str, port: u16) -> Result<Vec<SocketAddr>> {
    if host == "*" {
        return Ok(vec![SocketAddr::from(([0, 0, 0, 0], port)), SocketAddr::from(([0u16; 8], port))]);
    }
    (host, port).to_socket_addrs().map(|a| a.collect()).map_err(|e| {
        DbError::fatal(SqlState::CONFIG_FILE_ERROR, format!("could not translate host name \"{host}\" to address: {e}"))
    })
}

/// Binds one TCP address. Needs the runtime.
pub fn bind_tcp(address: SocketAddr, method: Method) -> Result<Listener> {
    let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
    let failed = |e: &std::io::Error| {
        DbError::fatal(SqlState::IO_ERROR, format!("could not bind {family} address \"{}\": {e}", address.ip())).hint(
            format!(
                "Is another postmaster already running on port {}? If not, wait a few seconds and retry.",
                address.port()
            ),
        )
    };
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.map_err(|e| failed(&e))?;
    let options = || {
        socket.set_reuseaddr(true)?;
        if address.is_ipv6() {
            SockRef::from(&socket).set_only_v6(true)?;
        }
        socket.bind(address)
    };
    options().map_err(|e| failed(&e))?;
    let listener = socket.listen(BACKLOG).map_err(|e| failed(&e))?;
    tracing::info!("listening on {family} address \"{}\", port {}", address.ip(), address.port());
    Ok(Listener::Tcp(listener, method))
}

/// Binds `DIR/.s.PGSQL.PORT`. A socket file that nobody answers on is replaced. Needs the runtime.
pub fn bind_unix(dir: &Path, port: u16, method: Method, mode: u32, data_dir: &Path) -> Result<Listener> {
    let path = dir.join(format!(".s.PGSQL.{port}"));
    let shown = path.display().to_string();
    let lock_path = dir.join(format!(".s.PGSQL.{port}.lock"));
    let in_use = || {
        DbError::fatal(
            SqlState::LOCK_FILE_EXISTS,
            format!("could not bind Unix address \"{shown}\": Address already in use"),
        )
        .hint(format!("Is another postmaster already running on port {port}?"))
    };
    // A server of another make holds no lock of ours, but it answers. Asked before the lock file is written over.
    if std::os::unix::net::UnixStream::connect(&path).is_ok() {
        return Err(in_use());
    }
    let lock = LockFile::acquire(lock_path, Protects::Socket(&path), data_dir, port, dir)?;
    let failed = |e: std::io::Error| {
        DbError::fatal(SqlState::IO_ERROR, format!("could not create Unix socket \"{shown}\": {e}"))
    };
    match std::fs::remove_file(&path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(failed(e)),
        _ => {}
    }
    let listener = UnixListener::bind(&path).map_err(failed)?;
    let place = UnixPlace { path, _lock: lock };
    std::fs::set_permissions(&place.path, std::fs::Permissions::from_mode(mode)).map_err(failed)?;
    tracing::info!("listening on Unix socket \"{shown}\"");
    Ok(Listener::Unix(listener, method, place))
}

/// The first of libpq's directories in which a socket can be made.
pub fn bind_default_unix(port: u16, method: Method, mode: u32, data_dir: &Path) -> Result<Listener> {
    let mut refused = None;
    for dir in SOCKET_DIRECTORIES.map(Path::new) {
        if !dir.is_dir() && std::fs::create_dir(dir).is_err() {
            continue;
        }
        match bind_unix(dir, port, method, mode, data_dir) {
            Ok(l) => return Ok(l),
            // Someone else's server is there: a second socket elsewhere would only confuse.
            Err(e) if e.code == SqlState::LOCK_FILE_EXISTS && dir.join(format!(".s.PGSQL.{port}")).exists() => {
                return Err(e);
            }
            Err(e) => refused = Some(e),
        }
    }
    Err(refused.unwrap_or_else(|| DbError::fatal(SqlState::IO_ERROR, "could not create any Unix-domain sockets")))
}

/// Accepts until the handle is aborted.
pub fn accept(listener: Listener, server: Arc<Server>) -> JoinHandle<()> {
    match listener {
        Listener::Tcp(l, method) => tokio::spawn(async move {
            loop {
                match l.accept().await {
                    Ok((stream, address)) => {
                        if let Err(e) = tune(&stream) {
                            // The client was gone before it was served.
                            tracing::debug!("could not set up connection from {address}: {e}");
                            continue;
                        }
                        let peer = PeerInfo { address: Some(address), tls: false };
                        server.spawn(Box::new(stream), peer, method);
                    }
                    Err(e) => pause(&e).await,
                }
            }
        }),
        Listener::Unix(l, method, place) => tokio::spawn(async move {
            let _place = place;
            loop {
                match l.accept().await {
                    Ok((stream, _)) => server.spawn(Box::new(stream), PeerInfo::default(), method),
                    Err(e) => pause(&e).await,
                }
            }
        }),
    }
}

async fn pause(e: &std::io::Error) {
    tracing::warn!("could not accept new connection: {e}");
    tokio::time::sleep(ACCEPT_PAUSE).await;
}

/// Answers are small and awaited, so they are not held back; a peer that vanished is found in the end.
fn tune(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    SockRef::from(stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(Duration::from_secs(600)))
}
