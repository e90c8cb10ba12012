//! A scripted engine for tests of the server alone. It knows a handful of statements by their text:
//!
//! | statement | answer |
//! |---|---|
//! | `select N` | one int4 row |
//! | `rows N [WIDTH]` | N rows of (int4, text), streamed |
//! | `batch N` | the same through record batches |
//! | `begin`, `commit`, `rollback` | a transaction block |
//! | `fail` | ERROR 22012 with every optional field |
//! | `sleep` | waits for cancel |
//! | `copy in`, `copy out` | COPY; `copy in` answers the number of bytes, `copy bad` fails after the first chunk |
//! | `panic` | panics |
//! | `fatal`, `poison` | a FATAL, a PANIC error |
//! | `notice` | a notice, then `NOTICE` |
//! | `$1` | extended only: echoes its parameter as text |
//! | anything else | 42601 |
#![allow(dead_code, reason = "each test binary uses its own part")]

use arrow_array::{ArrayRef, Int32Array, RecordBatch, StringViewArray};
use async_trait::async_trait;
use bytes::BytesMut;
use parking_lot::Mutex;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_engine::api::*;
use rustydb_engine::scram::scram_verifier;
use rustydb_server::auth::Method;
use rustydb_server::auth::scram::MockSecret;
use rustydb_server::server::{Limits, Server};
use rustydb_types::ctx::FormatSettings;
use rustydb_types::datum::{Datum, TypeRef};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::Notify;

/// The scripted engine.
#[derive(Default)]
pub struct Fake {
    /// Process id of the next session, less 1000.
    pub next_pid: AtomicI32,
    /// Sessions opened and not yet dropped.
    pub live: Arc<AtomicUsize>,
    /// Statements that were cancelled.
    pub cancelled: Arc<AtomicU64>,
    /// Passwords by role; roles exist if listed, `postgres` always.
    pub passwords: HashMap<String, String>,
    /// The gate of every session: closed while true.
    pub gate: Arc<FakeGate>,
    /// Idle-in-transaction limit of every session.
    pub idle_limit: Option<Duration>,
    /// Rows that were written so far by `rows`.
    pub produced: Arc<AtomicU64>,
    /// Whether shutdown was called.
    pub shut: AtomicBool,
}

#[derive(Default)]
pub struct FakeGate {
    closed: AtomicBool,
    broken: AtomicBool,
    opened: Notify,
}

impl FakeGate {
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }
    pub fn open_it(&self) {
        self.closed.store(false, Ordering::SeqCst);
        self.opened.notify_waiters();
    }
    pub fn break_it(&self) {
        self.broken.store(true, Ordering::SeqCst);
    }
}

#[async_trait]
impl OutputGate for FakeGate {
    fn open(&self) -> bool {
        !self.closed.load(Ordering::SeqCst) && !self.broken.load(Ordering::SeqCst)
    }
    async fn wait(&self) -> Result<()> {
        if self.broken.load(Ordering::SeqCst) {
            return Err(DbError::panic(SqlState::IO_ERROR, "log sync failed"));
        }
        loop {
            let opened = self.opened.notified();
            if self.open() {
                return Ok(());
            }
            opened.await;
        }
    }
}

#[derive(Default)]
pub struct FakeCanceller {
    cancelled: AtomicBool,
    terminated: AtomicBool,
    wake: Notify,
    hook: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Canceller for FakeCanceller {
    fn cancel(&self) {
        self.cancelled.store(true, Ordering::SeqCst);
        self.wake.notify_one();
    }
    fn terminate(&self) {
        self.terminated.store(true, Ordering::SeqCst);
        self.wake.notify_one();
        let hook = self.hook.lock().take();
        if let Some(f) = hook {
            f();
        }
    }
    fn terminated(&self) -> bool {
        self.terminated.load(Ordering::SeqCst)
    }
    fn on_terminate(&self, f: Box<dyn FnOnce() + Send>) {
        *self.hook.lock() = Some(f);
    }
}

struct FakeSession {
    pid: i32,
    status: u8,
    canceller: Arc<FakeCanceller>,
    statements: HashMap<String, String>,
    portals: HashMap<String, FakePortal>,
    gate: Arc<FakeGate>,
    idle_limit: Option<Duration>,
    live: Arc<AtomicUsize>,
    cancelled: Arc<AtomicU64>,
    produced: Arc<AtomicU64>,
}

struct FakePortal {
    sql: String,
    params: Vec<Option<Vec<u8>>>,
    formats: Vec<i16>,
    row: usize,
}

impl Drop for FakeSession {
    fn drop(&mut self) {
        self.live.fetch_sub(1, Ordering::SeqCst);
    }
}

fn column(name: &str, oid: u32, typlen: i16) -> ColumnDesc {
    ColumnDesc { name: name.into(), table_oid: 0, attnum: 0, ty: TypeRef { oid, typmod: -1, collation: 0 }, typlen }
}

fn columns(sql: &str) -> Option<Arc<[ColumnDesc]>> {
    match sql.split_whitespace().next()? {
        "select" => Some(Arc::new([column("n", 23, 4)])),
        "rows" | "batch" => Some(Arc::new([column("n", 23, 4), column("t", 25, -1)])),
        "$1" => Some(Arc::new([column("p", 25, -1)])),
        _ => None,
    }
}

fn shape(sql: &str, formats: &[i16]) -> Option<RowShape> {
    columns(sql).map(|c| {
        let all: Vec<i16> = (0..c.len()).map(|i| *formats.get(i).or(formats.first()).unwrap_or(&0)).collect();
        RowShape { columns: c, formats: all.into() }
    })
}

fn number(sql: &str, at: usize) -> usize {
    sql.split_whitespace().nth(at).and_then(|n| n.parse().ok()).unwrap_or(1)
}

fn bad(message: &str) -> DbError {
    DbError::new(SqlState::SYNTAX_ERROR, message.to_owned()).at(1)
}

impl FakeSession {
    /// Runs one statement; rows from `from`, at most `max` of them.
    async fn run(
        &mut self,
        sql: &str,
        shape: Option<&RowShape>,
        from: usize,
        max: usize,
        out: &mut dyn Output,
    ) -> Result<ExecuteEnd> {
        let fmt = FormatSettings::default();
        let word = sql.split_whitespace().next().unwrap_or("");
        if self.status == b'E' && word != "rollback" && word != "commit" {
            return Err(DbError::new(
                SqlState::IN_FAILED_SQL_TRANSACTION,
                "current transaction is aborted, commands ignored until end of transaction block",
            ));
        }
        match word {
            "" => Ok(ExecuteEnd::Empty),
            "select" => {
                let shape = shape.ok_or_else(|| bad("no shape"))?;
                out.row(shape, &fmt, &[Datum::Int4(number(sql, 1) as i32)])?;
                Ok(ExecuteEnd::Complete("SELECT 1".into()))
            }
            "rows" => {
                let shape = shape.ok_or_else(|| bad("no shape"))?;
                let (count, width) = (number(sql, 1), number(sql, 2));
                let text = "x".repeat(width);
                for (sent, n) in (from..count).enumerate() {
                    if max > 0 && sent == max {
                        return Ok(ExecuteEnd::Suspended);
                    }
                    if self.canceller.cancelled.swap(false, Ordering::SeqCst) {
                        self.cancelled.fetch_add(1, Ordering::SeqCst);
                        return Err(DbError::new(SqlState::QUERY_CANCELED, "canceling statement due to user request"));
                    }
                    out.row(shape, &fmt, &[Datum::Int4(n as i32), Datum::Text(text.as_str().into())])?;
                    self.produced.fetch_add(1, Ordering::SeqCst);
                    if out.wants_flush() {
                        out.flush().await?;
                    }
                }
                Ok(ExecuteEnd::Complete(format!("SELECT {count}")))
            }
            "batch" => {
                let shape = shape.ok_or_else(|| bad("no shape"))?;
                let count = number(sql, 1);
                let ints: ArrayRef =
                    Arc::new(Int32Array::from_iter((0..count as i32).map(|n| (n % 3 != 2).then_some(n))));
                let texts: ArrayRef =
                    Arc::new(StringViewArray::from_iter((0..count).map(|n| (n % 5 != 4).then(|| format!("text {n}")))));
                let batch = RecordBatch::try_from_iter_with_nullable([("n", ints, true), ("t", texts, true)])
                    .map_err(|e| DbError::internal(e.to_string()))?;
                out.batch(shape, &fmt, &batch, 0, count)?;
                Ok(ExecuteEnd::Complete(format!("SELECT {count}")))
            }
            "begin" => {
                self.status = b'T';
                Ok(ExecuteEnd::Complete("BEGIN".into()))
            }
            "commit" | "rollback" => {
                let tag = if self.status == b'E' { "ROLLBACK".into() } else { word.to_uppercase() };
                self.status = b'I';
                Ok(ExecuteEnd::Complete(tag))
            }
            "fail" => Err(DbError::new(SqlState::DIVISION_BY_ZERO, "division by zero")
                .detail("some detail")
                .hint("some hint")
                .at(7)
                .context("some context")
                .table("public", "t")
                .column("c")
                .datatype("int4")
                .constraint("k")),
            "sleep" => {
                loop {
                    if self.canceller.terminated() {
                        return Err(DbError::fatal(
                            SqlState::ADMIN_SHUTDOWN,
                            "terminating connection due to administrator command",
                        ));
                    }
                    if self.canceller.cancelled.swap(false, Ordering::SeqCst) {
                        break;
                    }
                    self.canceller.wake.notified().await;
                }
                self.cancelled.fetch_add(1, Ordering::SeqCst);
                Err(DbError::new(SqlState::QUERY_CANCELED, "canceling statement due to user request"))
            }
            "copy" => match sql {
                "copy out" => {
                    out.copy_out(CopyShape { binary: false, columns: 2 });
                    for n in 0..3 {
                        out.copy_write(&mut |b: &mut BytesMut| b.extend_from_slice(format!("{n}\tx\n").as_bytes()));
                    }
                    out.copy_done();
                    Ok(ExecuteEnd::Complete("COPY 3".into()))
                }
                _ => {
                    out.copy_in(CopyShape { binary: false, columns: 2 });
                    out.flush().await?;
                    let mut bytes = 0;
                    while let Some(chunk) = out.copy_read().await? {
                        bytes += chunk.len();
                        if sql == "copy bad" {
                            return Err(DbError::new(SqlState::BAD_COPY_FILE_FORMAT, "missing data for column \"c\""));
                        }
                    }
                    Ok(ExecuteEnd::Complete(format!("COPY {bytes}")))
                }
            },
            "panic" => panic!("scripted panic"),
            "fatal" => Err(DbError::fatal(SqlState::ADMIN_SHUTDOWN, "scripted end")),
            "poison" => Err(DbError::panic(SqlState::IO_ERROR, "scripted fault")),
            "notice" => {
                out.notice("NOTICE", &DbError::new(SqlState::SUCCESSFUL_COMPLETION, "scripted notice"));
                out.parameter_status("application_name", "changed");
                out.notification(7, "channel", "payload");
                Ok(ExecuteEnd::Complete("NOTICE".into()))
            }
            other => Err(bad(&format!("syntax error at or near \"{other}\""))),
        }
    }

    fn note<T>(&mut self, r: Result<T>) -> Result<T> {
        if r.is_err() {
            self.fail_transaction();
        }
        r
    }
}

#[async_trait]
impl SqlSession for FakeSession {
    async fn simple_query(&mut self, sql: &str, out: &mut dyn Output) -> Result<()> {
        let parts: Vec<&str> = sql.split(';').map(str::trim).filter(|s| !s.is_empty()).collect();
        if parts.is_empty() {
            out.empty_query();
        }
        for part in parts {
            let shape = shape(part, &[]);
            if let Some(shape) = &shape {
                out.row_description(shape);
            }
            let r = self.run(part, shape.as_ref(), 0, 0, out).await;
            match self.note(r)? {
                ExecuteEnd::Complete(tag) => out.complete(&tag),
                ExecuteEnd::Empty | ExecuteEnd::Suspended => {}
            }
        }
        Ok(())
    }
    async fn parse(&mut self, name: &str, sql: &str, _param_types: &[u32]) -> Result<()> {
        let known =
            ["", "select", "rows", "batch", "begin", "commit", "rollback", "fail", "sleep", "copy", "$1", "panic"];
        let word = sql.split_whitespace().next().unwrap_or("");
        if !known.contains(&word) {
            self.fail_transaction();
            return Err(bad(&format!("syntax error at or near \"{word}\"")));
        }
        if self.statements.len() < 100 {
            self.statements.insert(name.to_owned(), sql.trim().to_owned());
        }
        Ok(())
    }
    async fn bind(
        &mut self,
        portal: &str,
        statement: &str,
        _param_formats: &[i16],
        params: &[Option<&[u8]>],
        result_formats: &[i16],
    ) -> Result<()> {
        let Some(sql) = self.statements.get(statement).cloned() else {
            self.fail_transaction();
            return Err(DbError::new(
                SqlState::INVALID_SQL_STATEMENT_NAME,
                format!("prepared statement \"{statement}\" does not exist"),
            ));
        };
        let params = params.iter().map(|p| p.map(<[u8]>::to_vec)).collect();
        if self.portals.len() < 100 {
            self.portals
                .insert(portal.to_owned(), FakePortal { sql, params, formats: result_formats.to_vec(), row: 0 });
        }
        Ok(())
    }
    async fn describe_statement(&mut self, name: &str) -> Result<StatementDesc> {
        let Some(sql) = self.statements.get(name) else {
            self.fail_transaction();
            return Err(DbError::new(SqlState::INVALID_SQL_STATEMENT_NAME, "no such statement"));
        };
        let params = if sql == "$1" { vec![25] } else { vec![] };
        Ok(StatementDesc { params, columns: columns(sql) })
    }
    async fn describe_portal(&mut self, name: &str) -> Result<Option<RowShape>> {
        let Some(p) = self.portals.get(name) else {
            self.fail_transaction();
            return Err(DbError::new(SqlState::INVALID_CURSOR_NAME, "no such portal"));
        };
        Ok(shape(&p.sql, &p.formats))
    }
    async fn execute(&mut self, portal: &str, max_rows: usize, out: &mut dyn Output) -> Result<ExecuteEnd> {
        let Some(p) = self.portals.get(portal) else {
            self.fail_transaction();
            return Err(DbError::new(SqlState::INVALID_CURSOR_NAME, format!("portal \"{portal}\" does not exist")));
        };
        let (sql, from, shape) = (p.sql.clone(), p.row, shape(&p.sql, &p.formats));
        if sql == "$1" {
            let value = p.params.first().cloned().flatten();
            let datum = value.map_or(Datum::Null, |v| Datum::Text(String::from_utf8_lossy(&v).as_ref().into()));
            let shape = shape.ok_or_else(|| bad("no shape"))?;
            out.row(&shape, &FormatSettings::default(), &[datum])?;
            return Ok(ExecuteEnd::Complete("SELECT 1".into()));
        }
        let r = self.run(&sql, shape.as_ref(), from, max_rows, out).await;
        if let Ok(ExecuteEnd::Suspended) = r
            && let Some(p) = self.portals.get_mut(portal)
        {
            p.row += max_rows;
        }
        self.note(r)
    }
    fn close_statement(&mut self, name: &str) {
        self.statements.remove(name);
    }
    fn close_portal(&mut self, name: &str) {
        self.portals.remove(name);
    }
    async fn sync(&mut self, _out: &mut dyn Output) -> Result<()> {
        if self.status == b'I' {
            self.portals.clear();
        }
        Ok(())
    }
    fn fail_transaction(&mut self) {
        if self.status == b'T' {
            self.status = b'E';
        }
    }
    fn transaction_status(&self) -> u8 {
        self.status
    }
    fn gate(&self) -> Arc<dyn OutputGate> {
        self.gate.clone()
    }
    fn canceller(&self) -> Arc<dyn Canceller> {
        self.canceller.clone()
    }
    fn pid(&self) -> i32 {
        self.pid
    }
    fn reported_settings(&self) -> Vec<(&'static str, String)> {
        [
            ("server_version", "15.0"),
            ("server_encoding", "UTF8"),
            ("client_encoding", "UTF8"),
            ("DateStyle", "ISO, MDY"),
            ("integer_datetimes", "on"),
            ("standard_conforming_strings", "on"),
        ]
        .map(|(n, v)| (n, v.to_owned()))
        .to_vec()
    }
    fn idle_in_transaction_timeout(&self) -> Option<Duration> {
        self.idle_limit
    }
    async fn close(&mut self) {}
}

#[async_trait]
impl Backend for Fake {
    async fn role(&self, name: &str) -> Result<Option<RoleAuth>> {
        let verifier = self.passwords.get(name).map(|p| scram_verifier(p)).transpose()?;
        let exists = matches!(name, "postgres" | "nologin") || verifier.is_some();
        Ok(exists.then(|| RoleAuth { can_login: name != "nologin", superuser: name == "postgres", verifier }))
    }
    async fn connect(&self, params: &[(String, String)], _peer: &PeerInfo) -> Result<Box<dyn SqlSession>> {
        if params.iter().any(|(n, v)| n == "database" && v == "missing") {
            return Err(DbError::fatal(SqlState::INVALID_CATALOG_NAME, "database \"missing\" does not exist"));
        }
        self.live.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(FakeSession {
            pid: self.next_pid.fetch_add(1, Ordering::SeqCst) + 1000,
            status: b'I',
            canceller: Arc::default(),
            statements: HashMap::new(),
            portals: HashMap::new(),
            gate: self.gate.clone(),
            idle_limit: self.idle_limit,
            live: self.live.clone(),
            cancelled: self.cancelled.clone(),
            produced: self.produced.clone(),
        }))
    }
    async fn shutdown(&self) -> Result<()> {
        self.shut.store(true, Ordering::SeqCst);
        Ok(())
    }
}

/// A server over the scripted engine, without sockets.
pub fn server(fake: Fake) -> (Arc<Server>, Arc<Fake>) {
    server_with(fake, Limits { max_connections: 64, ..Limits::default() })
}

/// The same with limits.
pub fn server_with(fake: Fake, limits: Limits) -> (Arc<Server>, Arc<Fake>) {
    let fake = Arc::new(fake);
    (Server::new(fake.clone(), None, MockSecret::new(&[1; 32]), limits), fake)
}

/// A raw client on an in-memory stream.
pub struct Raw {
    pub io: DuplexStream,
    buf: BytesMut,
}

/// One message from the server.
#[derive(Debug, Clone, PartialEq)]
pub struct Msg {
    pub tag: u8,
    pub body: Vec<u8>,
}

impl Msg {
    /// A field of an ErrorResponse or NoticeResponse.
    pub fn field(&self, code: u8) -> Option<String> {
        self.body
            .split(|b| *b == 0)
            .find(|f| f.first() == Some(&code))
            .map(|f| String::from_utf8_lossy(&f[1..]).into_owned())
    }
}

pub fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut m = vec![tag];
    m.extend((body.len() as u32 + 4).to_be_bytes());
    m.extend(body);
    m
}

pub fn startup_packet(version: u32, params: &[(&str, &str)]) -> Vec<u8> {
    let mut body = version.to_be_bytes().to_vec();
    for (n, v) in params {
        body.extend(n.bytes().chain([0]).chain(v.bytes()).chain([0]));
    }
    body.push(0);
    let mut m = (body.len() as u32 + 4).to_be_bytes().to_vec();
    m.extend(body);
    m
}

pub fn query(sql: &str) -> Vec<u8> {
    message(b'Q', &[sql.as_bytes(), b"\0"].concat())
}

pub fn parse(name: &str, sql: &str) -> Vec<u8> {
    message(b'P', &[name.as_bytes(), b"\0", sql.as_bytes(), b"\0\0\0"].concat())
}

pub fn bind(portal: &str, statement: &str, params: &[Option<&[u8]>]) -> Vec<u8> {
    let mut b = [portal.as_bytes(), b"\0", statement.as_bytes(), b"\0\0\0"].concat();
    b.extend((params.len() as u16).to_be_bytes());
    for p in params {
        match p {
            Some(v) => {
                b.extend((v.len() as u32).to_be_bytes());
                b.extend(*v);
            }
            None => b.extend((-1i32).to_be_bytes()),
        }
    }
    b.extend([0, 0]);
    message(b'B', &b)
}

pub fn execute(portal: &str, max: u32) -> Vec<u8> {
    message(b'E', &[portal.as_bytes(), b"\0", &max.to_be_bytes()[..]].concat())
}

pub fn describe(kind: u8, name: &str) -> Vec<u8> {
    message(b'D', &[&[kind], name.as_bytes(), b"\0"].concat())
}

pub fn sync() -> Vec<u8> {
    message(b'S', b"")
}

impl Raw {
    /// A stream served by `server` with trust.
    pub fn open(server: &Arc<Server>) -> Raw {
        Raw::open_with(server, Method::Trust, 64 * 1024)
    }

    pub fn open_with(server: &Arc<Server>, method: Method, pipe: usize) -> Raw {
        let (mine, theirs) = tokio::io::duplex(pipe);
        server.spawn(Box::new(theirs), PeerInfo::default(), method);
        Raw { io: mine, buf: BytesMut::new() }
    }

    /// A session past its first ReadyForQuery.
    pub async fn connect(server: &Arc<Server>) -> Raw {
        let mut raw = Raw::open(server);
        raw.send(&startup_packet(196608, &[("user", "postgres")])).await;
        raw.until(b'Z').await;
        raw
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.io.write_all(bytes).await.unwrap();
    }

    /// The next message; `None` at the end of the stream.
    pub async fn next(&mut self) -> Option<Msg> {
        loop {
            if self.buf.len() >= 5 {
                let len = u32::from_be_bytes(self.buf[1..5].try_into().unwrap()) as usize;
                if self.buf.len() > len {
                    let m = self.buf.split_to(len + 1);
                    return Some(Msg { tag: m[0], body: m[5..].to_vec() });
                }
            }
            let read = tokio::time::timeout(Duration::from_secs(20), self.io.read_buf(&mut self.buf));
            match read.await.expect("the server answers in time") {
                Ok(0) | Err(_) => {
                    assert!(self.buf.is_empty(), "stream ends inside a message: {:?}", self.buf);
                    return None;
                }
                Ok(_) => {}
            }
        }
    }

    /// Messages up to and including one of type `tag`.
    pub async fn until(&mut self, tag: u8) -> Vec<Msg> {
        let mut all = Vec::new();
        loop {
            let m = self.next().await.unwrap_or_else(|| panic!("stream ended before {:?}: {all:?}", tag as char));
            let end = m.tag == tag;
            all.push(m);
            if end {
                return all;
            }
        }
    }

    /// All messages to the end of the stream.
    pub async fn rest(&mut self) -> Vec<Msg> {
        let mut all = Vec::new();
        while let Some(m) = self.next().await {
            all.push(m);
        }
        all
    }

    /// Sends and answers the types of the messages up to ReadyForQuery.
    pub async fn tags(&mut self, bytes: &[u8]) -> String {
        self.send(bytes).await;
        tags(&self.until(b'Z').await)
    }
}

pub fn tags(messages: &[Msg]) -> String {
    messages.iter().map(|m| m.tag as char).collect()
}
