//! A whole node over real sockets: listeners, locks, authentication, TLS, drivers, start and stop.

mod common;

use common::{Fake, message, startup_packet};
use rustydb_base::DbError;
use rustydb_server::config::{self, Command, Config};
use rustydb_server::node::{self, Stop};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

/// A node over the scripted engine in a directory of its own.
struct Node {
    dir: PathBuf,
    port: u16,
    fake: Arc<Fake>,
    stop: Option<oneshot::Sender<Stop>>,
    task: JoinHandle<Result<(), DbError>>,
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn fresh_dir() -> PathBuf {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let n = NEXT.fetch_add(1, Ordering::SeqCst);
    let dir = std::env::temp_dir().join(format!("rustydb-sockets-{}-{n}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

fn configure(dir: &Path, port: u16, more: &[&str]) -> Config {
    let dir = dir.to_str().unwrap();
    let args = ["-D", &format!("{dir}/data"), "-p", &port.to_string(), "-k", dir].map(str::to_owned);
    let args = args.into_iter().chain(more.iter().map(|s| (*s).to_owned()));
    match config::parse(args, |_| None).unwrap() {
        Command::Run(c) => *c,
        other => panic!("{other:?}"),
    }
}

impl Node {
    async fn start(fake: Fake, more: &[&str]) -> Node {
        let (dir, port) = (fresh_dir(), free_port());
        let config = configure(&dir, port, more);
        let fake = Arc::new(fake);
        let (stop, stopped) = oneshot::channel();
        let backend = fake.clone();
        let task = tokio::spawn(async move {
            let stop = async { stopped.await.unwrap_or(Stop::Fast) };
            node::run(&config, async |_| Ok(backend as Arc<dyn rustydb_engine::api::Backend>), stop).await
        });
        // The sockets are bound before the engine opens, so a connection waits rather than fails from here on.
        while !dir.join(format!(".s.PGSQL.{port}")).exists() && !task.is_finished() {
            tokio::task::yield_now().await;
        }
        Node { dir, port, fake, stop: Some(stop), task }
    }

    async fn client(&self, more: &str) -> Result<Client, tokio_postgres::Error> {
        let text = format!("host=127.0.0.1 port={} dbname=postgres {more}", self.port);
        let (client, connection) = tokio_postgres::connect(&text, NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    async fn stop(mut self, how: Stop) {
        self.stop.take().unwrap().send(how).unwrap();
        let ended = tokio::time::timeout(Duration::from_secs(30), self.task).await.expect("stops in time");
        ended.unwrap().unwrap();
        assert!(self.fake.shut.load(Ordering::SeqCst));
        let left: Vec<_> = std::fs::read_dir(&self.dir).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, ["data"], "socket and lock are gone");
        assert!(!self.dir.join("data/postmaster.pid").exists());
        std::fs::remove_dir_all(&self.dir).unwrap();
    }

    fn psql(&self, conninfo: &str, commands: &[&str]) -> Option<(bool, String)> {
        let mut c = std::process::Command::new("psql");
        c.arg("-XAt").arg(conninfo).env("PGCONNECT_TIMEOUT", "20");
        commands.iter().for_each(|s| {
            c.arg("-c").arg(s);
        });
        match c.output() {
            Ok(o) => {
                let text = [o.stdout, o.stderr].concat();
                Some((o.status.success(), String::from_utf8_lossy(&text).into_owned()))
            }
            Err(e) => {
                println!("SKIPPED: psql cannot be run ({e})");
                None
            }
        }
    }
}

fn code(e: &tokio_postgres::Error) -> String {
    e.as_db_error().map_or_else(|| panic!("not from the server: {e}"), |d| d.code().code().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_driver_speaks_both_protocols() {
    let node = Node::start(Fake::default(), &[]).await;
    let client = node.client("user=postgres").await.unwrap();
    let got = client.simple_query("select 4; select 5").await.unwrap();
    let values: Vec<&str> =
        got.iter().filter_map(|m| if let SimpleQueryMessage::Row(r) = m { r.get(0) } else { None }).collect();
    assert_eq!(values, ["4", "5"]);
    // Prepared, with binary results.
    let rows = client.query("rows 1000 3", &[]).await.unwrap();
    assert_eq!(rows.len(), 1000);
    assert_eq!((rows[999].get::<_, i32>(0), rows[999].get::<_, &str>(1)), (999, "xxx"));
    let rows = client.query("batch 5", &[]).await.unwrap();
    assert_eq!((rows[2].get::<_, Option<i32>>(0), rows[4].get::<_, Option<&str>>(1)), (None, None));
    let row = client.query_one("$1", &[&"héllo"]).await.unwrap();
    assert_eq!(row.get::<_, &str>(0), "héllo");
    // An error's fields.
    let e = client.query("fail", &[]).await.unwrap_err();
    let d = e.as_db_error().unwrap();
    assert_eq!((d.code().code(), d.message(), d.detail()), ("22012", "division by zero", Some("some detail")));
    assert_eq!((d.schema(), d.table(), d.column()), (Some("public"), Some("t"), Some("c")));
    assert_eq!((d.datatype(), d.constraint(), d.where_()), (Some("int4"), Some("k"), Some("some context")));
    // Pipelined.
    let (a, b) = tokio::join!(client.query("select 1", &[]), client.query("select 2", &[]));
    assert_eq!((a.unwrap()[0].get::<_, i32>(0), b.unwrap()[0].get::<_, i32>(0)), (1, 2));
    // Cancel.
    let token = client.cancel_token();
    let (slept, cancelled) = tokio::join!(client.simple_query("sleep"), async {
        tokio::task::yield_now().await;
        token.cancel_query(NoTls).await
    });
    cancelled.unwrap();
    assert_eq!(code(&slept.unwrap_err()), "57014");
    drop(client);
    node.stop(Stop::Smart).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn passwords() {
    let mut fake = Fake::default();
    fake.passwords.insert("ann".into(), "sécret".into());
    let node = Node::start(fake, &["--auth-host", "scram-sha-256"]).await;
    assert!(node.client("user=ann password=sécret").await.is_ok());
    for bad in ["user=ann password=secret", "user=nobody password=x", "user=postgres password=x"] {
        let e = node.client(bad).await.err().unwrap_or_else(|| panic!("{bad} came in"));
        let d = e.as_db_error().unwrap();
        let user = bad.split(['=', ' ']).nth(1).unwrap();
        assert_eq!(d.code().code(), "28P01");
        assert_eq!(d.message(), format!("password authentication failed for user \"{user}\""));
    }
    // The Unix socket still trusts.
    let socket = format!("host={} port={} user=ann dbname=x", node.dir.display(), node.port);
    if let Some((ok, text)) = node.psql(&socket, &["select 3"]) {
        assert_eq!((ok, text.as_str()), (true, "3\n"));
    }
    node.stop(Stop::Fast).await;
}

/// A self-signed certificate for localhost, `server.crt` and `server.key`; `false` without openssl.
fn make_certificate(dir: &Path) -> bool {
    let file = |f: &str| dir.join(f).display().to_string();
    let args = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
                -addext subjectAltName=DNS:localhost,IP:127.0.0.1";
    let made = std::process::Command::new("openssl")
        .args(args.split_whitespace())
        .args(["-keyout", &file("server.key"), "-out", &file("server.crt")])
        .output();
    match made {
        Ok(o) => {
            assert!(o.status.success(), "{}", String::from_utf8_lossy(&o.stderr));
            true
        }
        Err(e) => {
            println!("SKIPPED: openssl cannot be run ({e})");
            false
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn psql_over_tls_with_a_password() {
    let keys = fresh_dir();
    if !make_certificate(&keys) {
        return;
    }
    let key = keys.join("server.key");
    let set_mode = |mode| {
        std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    };
    let file = |f: &str| keys.join(f).display().to_string();
    let (crt, key_arg) =
        (format!("--ssl_cert_file={}", file("server.crt")), format!("--ssl-key-file={}", file("server.key")));
    let args = ["-l", "--auth-host", "scram-sha-256", &crt, &key_arg];

    set_mode(0o644);
    let dir = fresh_dir();
    let config = configure(&dir, free_port(), &args);
    let e = node::run(&config, async |_| unreachable!("refused before"), std::future::pending()).await.unwrap_err();
    assert!(e.message.ends_with("has group or world access"), "{e}");
    std::fs::remove_dir_all(dir).unwrap();

    set_mode(0o600);
    let mut fake = Fake::default();
    fake.passwords.insert("ann".into(), "secret".into());
    let node = Node::start(fake, &args).await;
    let at = |more: &str| {
        format!("host=localhost hostaddr=127.0.0.1 port={} user=ann dbname=x password=secret {more}", node.port)
    };
    let verify = at(&format!("sslmode=verify-full sslrootcert={}", file("server.crt")));
    if let Some((ok, text)) = node.psql(&verify, &["select 3", "rows 20000 50"]) {
        assert!(ok && text.starts_with("3\n0|x"), "{}", &text[..text.len().min(300)]);
        assert_eq!(text.lines().count(), 20001);
        let (ok, text) = node.psql(&at("sslmode=disable"), &["select 4"]).unwrap();
        assert_eq!((ok, text.as_str()), (true, "4\n"));
    }
    // Bytes sent before the handshake are refused.
    let mut s = TcpStream::connect(("127.0.0.1", node.port)).unwrap();
    let request = [&8u32.to_be_bytes()[..], &(1234u32 << 16 | 5679).to_be_bytes()[..]].concat();
    s.write_all(&[request, startup_packet(196608, &[("user", "ann")])].concat()).unwrap();
    let mut answer = Vec::new();
    s.read_to_end(&mut answer).unwrap();
    assert!(String::from_utf8_lossy(&answer).contains("received unencrypted data after SSL request"));
    // A direct handshake without our protocol's name, and one that is no handshake.
    let mut s = TcpStream::connect(("127.0.0.1", node.port)).unwrap();
    s.write_all(b"\x16\x03\x01\0\x05hello").unwrap();
    s.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut answer = Vec::new();
    s.read_to_end(&mut answer).unwrap();
    node.stop(Stop::Fast).await;
    std::fs::remove_dir_all(keys).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn psql_on_the_socket() {
    let node = Node::start(Fake::default(), &[]).await;
    let at = format!("host={} port={} user=postgres dbname=postgres", node.dir.display(), node.port);
    if let Some((ok, text)) = node.psql(&at, &["select 1", "notice", "copy out", "fail", "select 2"]) {
        // -c commands go on after an error unless ON_ERROR_STOP is set; the last one's status counts.
        assert!(ok, "{text}");
        for part in ["1\n", "NOTICE:  scripted notice", "0\tx\n", "division by zero", "DETAIL:  some detail", "2\n"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
    node.stop(Stop::Fast).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_server_per_directory_and_port() {
    let node = Node::start(Fake::default(), &[]).await;
    let refused = async |config: Config| {
        let run = node::run(&config, async |_| unreachable!("refused before"), std::future::pending());
        run.await.unwrap_err()
    };
    let e = refused(configure(&node.dir, free_port(), &[])).await;
    assert_eq!(e.message, "lock file \"postmaster.pid\" already exists");
    assert!(e.fields.unwrap().hint.unwrap().starts_with("Is another postmaster (PID "));
    // Another directory, the same port.
    let other = fresh_dir();
    let e = refused(configure(&other, node.port, &[])).await;
    assert!(e.message.starts_with("could not bind IPv4 address \"127.0.0.1\""), "{e}");
    // Another directory, the same socket.
    let socket_dir = format!("--unix-socket-directories={}", node.dir.display());
    let e = refused(configure(&other, node.port, &["-h", "", &socket_dir])).await;
    assert!(e.message.starts_with("could not bind Unix address"), "{e}");
    std::fs::remove_dir_all(other).unwrap();
    let client = node.client("user=postgres").await.unwrap();
    client.simple_query("select 1").await.unwrap();
    // Fast: the client is told and the server is gone.
    let sleeper = tokio::spawn(async move { client.simple_query("sleep").await.map(|_| ()) });
    tokio::task::yield_now().await;
    node.stop(Stop::Fast).await;
    assert!(sleeper.await.unwrap().is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_left_by_a_killed_server_is_replaced() {
    let (dir, port) = (fresh_dir(), free_port());
    let path = dir.join(format!(".s.PGSQL.{port}"));
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    std::fs::write(dir.join(format!(".s.PGSQL.{port}.lock")), "1\n").unwrap();
    let config = configure(&dir, port, &["-h", ""]);
    let (ready, is_ready) = oneshot::channel();
    let run = node::run(
        &config,
        async |_| {
            ready.send(()).unwrap();
            Ok(Arc::new(Fake::default()) as Arc<dyn rustydb_engine::api::Backend>)
        },
        async {
            is_ready.await.unwrap();
            let mut s = std::os::unix::net::UnixStream::connect(&path).unwrap();
            s.write_all(&[startup_packet(196608, &[("user", "postgres")]), message(b'X', b"")].concat()).unwrap();
            let mut answer = Vec::new();
            tokio::task::spawn_blocking(move || s.read_to_end(&mut answer).map(|_| answer)).await.unwrap().unwrap();
            Stop::Fast
        },
    );
    run.await.unwrap();
    std::fs::remove_dir_all(dir).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_addresses_need_a_password() {
    let dir = fresh_dir();
    let config = configure(&dir, free_port(), &["-h", "0.0.0.0"]);
    let open = async |_: &Config| Ok(Arc::new(Fake::default()) as Arc<dyn rustydb_engine::api::Backend>);
    let e = node::run(&config, open, std::future::pending()).await.unwrap_err();
    assert!(e.message.starts_with("refusing to listen on a non-loopback address"), "{e}");
    std::fs::remove_dir_all(dir).unwrap();
    // With one, every client of that address proves itself, from this machine too.
    let mut fake = Fake::default();
    fake.passwords.insert("postgres".into(), "pw".into());
    let node = Node::start(fake, &["-h", "0.0.0.0"]).await;
    assert_eq!(code(&node.client("user=postgres password=no").await.err().unwrap()), "28P01");
    assert!(node.client("user=postgres password=pw").await.is_ok());
    node.stop(Stop::Fast).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fault_stops_the_server_without_a_checkpoint() {
    let mut node = Node::start(Fake::default(), &[]).await;
    let client = node.client("user=postgres").await.unwrap();
    assert!(client.simple_query("poison").await.is_err());
    let ended = tokio::time::timeout(Duration::from_secs(30), &mut node.task).await.expect("stops by itself");
    assert_eq!(ended.unwrap().unwrap_err().message, "scripted fault");
    assert!(!node.fake.shut.load(Ordering::SeqCst));
    std::fs::remove_dir_all(&node.dir).unwrap();
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap_or("VmRSS: 0 kB");
    line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// The wire's part of an idle connection; the engine's session has the rest of the 30 KB.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_are_small() {
    let (server, _fake) = common::server_with(Fake::default(), rustydb_server::server::Limits::default());
    let listener = tokio::net::UnixListener::bind(fresh_dir().join("s")).unwrap();
    let path = listener.local_addr().unwrap().as_pathname().unwrap().to_owned();
    let accepting = tokio::spawn({
        let server = server.clone();
        async move {
            loop {
                let (s, _) = listener.accept().await.unwrap();
                server.spawn(Box::new(s), Default::default(), rustydb_server::auth::Method::Trust);
            }
        }
    });
    const COUNT: u64 = 500;
    let hello =
        [startup_packet(196608, &[("user", "postgres")]), common::query("rows 1000 100"), common::query("select 1")]
            .concat();
    let connect = || {
        let mut s = std::os::unix::net::UnixStream::connect(&path).unwrap();
        s.write_all(&hello).unwrap();
        let (mut seen, mut buf) = (0, [0u8; 4096]);
        // Three ReadyForQuery: the last answer is complete, the connection idle.
        while seen < 3 {
            let n = s.read(&mut buf).unwrap();
            seen += buf[..n].windows(6).filter(|w| *w == b"Z\0\0\0\x05I").count();
        }
        s
    };
    let mut open: Vec<_> = tokio::task::block_in_place(|| (0..50).map(|_| connect()).collect());
    let before = resident_kib();
    tokio::task::block_in_place(|| open.extend((0..COUNT).map(|_| connect())));
    let grown = resident_kib().saturating_sub(before);
    let each = grown * 1024 / COUNT;
    println!("{each} bytes for an idle connection");
    assert!(each < 16 * 1024, "{each} bytes for an idle connection");
    drop(open);
    tokio::time::timeout(Duration::from_secs(30), async {
        while !server.registry.is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    accepting.abort();
    std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
}
