//! The door between the wire and the engine. The server drives a [`SqlSession`] and gives it an [`Output`] to write to;
//! neither side knows the other's types beyond this file.
//!
//! Flow control: the engine writes messages into the output's buffer with the synchronous methods, and after each row
//! (or a few) asks [`Output::wants_flush`]; when it says yes, the engine awaits [`Output::flush`], which waits until
//! everything the bytes depend on is durable (the output gate, invariant I7) and until the socket took them. That await
//! is the only place where a slow client is felt, and no lock or latch is held across it.

pub use crate::stats::Ending;

use arrow_array::RecordBatch;
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use rustydb_base::{DbError, Result};
use rustydb_types::ctx::{FormatSettings, SessionInfo};
use rustydb_types::datum::{Datum, TypeRef};
use std::sync::Arc;

/// One result column, as RowDescription shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct ColumnDesc {
    /// Shown name.
    pub name: String,
    /// Table the column comes from, 0 if computed.
    pub table_oid: u32,
    /// Attribute number in that table, 0 if computed.
    pub attnum: i16,
    /// Type.
    pub ty: TypeRef,
    /// `pg_type.typlen`.
    pub typlen: i16,
}

/// Result columns with the format each was asked in (0 text, 1 binary; one entry per column).
#[derive(Clone, Debug)]
pub struct RowShape {
    /// The columns.
    pub columns: Arc<[ColumnDesc]>,
    /// One format code per column.
    pub formats: Arc<[i16]>,
}

/// What Describe answers for a prepared statement.
#[derive(Clone, Debug)]
pub struct StatementDesc {
    /// Parameter types, in order.
    pub params: Vec<u32>,
    /// Result columns; `None` when the statement returns no rows.
    pub columns: Option<Arc<[ColumnDesc]>>,
}

/// How one Execute ended.
#[derive(Clone, Debug, PartialEq)]
pub enum ExecuteEnd {
    /// CommandComplete with this tag.
    Complete(String),
    /// PortalSuspended: the row limit was reached first.
    Suspended,
    /// EmptyQueryResponse.
    Empty,
}

/// Format of a COPY stream, for CopyInResponse and CopyOutResponse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyShape {
    /// Whether the whole stream is binary.
    pub binary: bool,
    /// Number of columns.
    pub columns: u16,
}

/// Where a session writes its answers. Implemented by the server's connection (and by tests).
#[async_trait]
pub trait Output: Send {
    /// RowDescription.
    fn row_description(&mut self, shape: &RowShape);
    /// DataRow from values. `fmt` is the session's formats. Fails only when a value cannot be shown in the format.
    fn row(&mut self, shape: &RowShape, fmt: &FormatSettings, row: &[Datum]) -> Result<()>;
    /// DataRows from `len` rows of a batch starting at `from`; column i of the batch is column i of the shape.
    fn batch(
        &mut self,
        shape: &RowShape,
        fmt: &FormatSettings,
        batch: &RecordBatch,
        from: usize,
        len: usize,
    ) -> Result<()>;
    /// CommandComplete.
    fn complete(&mut self, tag: &str);
    /// EmptyQueryResponse.
    fn empty_query(&mut self);
    /// ErrorResponse (the server calls this itself for an `Err` returned from a session method).
    fn error(&mut self, err: &DbError);
    /// NoticeResponse with `severity` one of NOTICE, WARNING, INFO, LOG, DEBUG.
    fn notice(&mut self, severity: &'static str, err: &DbError);
    /// ParameterStatus.
    fn parameter_status(&mut self, name: &str, value: &str);
    /// NotificationResponse.
    fn notification(&mut self, pid: i32, channel: &str, payload: &str);
    /// CopyInResponse; the caller flushes next, then reads with [`Output::copy_read`].
    fn copy_in(&mut self, shape: CopyShape);
    /// The next CopyData payload; `None` at CopyDone; `Err` at CopyFail (57014, with the client's message) or when the
    /// client is gone.
    async fn copy_read(&mut self) -> Result<Option<Bytes>>;
    /// CopyOutResponse.
    fn copy_out(&mut self, shape: CopyShape);
    /// One CopyData message: `write` appends its payload to the buffer.
    fn copy_write(&mut self, write: &mut dyn FnMut(&mut BytesMut));
    /// CopyDone.
    fn copy_done(&mut self);
    /// Whether enough is buffered that the engine should await [`Output::flush`].
    fn wants_flush(&self) -> bool;
    /// Waits for the output gate, then sends everything. Fails when the client is gone.
    async fn flush(&mut self) -> Result<()>;
}

/// One client session. Methods run one at a time. An `Err` leaves the session usable unless its severity is Fatal or
/// above; inside a transaction block it has already put the block into the failed state.
#[async_trait]
pub trait SqlSession: Send {
    /// The simple protocol: all statements of `sql`, answers in order, errors written through [`Output::error`] by the
    /// caller from the returned `Err` (which ends the string, as PostgreSQL does). ReadyForQuery is the server's.
    async fn simple_query(&mut self, sql: &str, out: &mut dyn Output) -> Result<()>;
    /// Parse. `param_types` may be shorter than the statement's parameters, 0 means "infer".
    async fn parse(&mut self, name: &str, sql: &str, param_types: &[u32]) -> Result<()>;
    /// Bind. Formats follow the protocol's rule (none: all text; one: for all; else one each). `params[i]` is `None`
    /// for NULL.
    async fn bind(
        &mut self,
        portal: &str,
        statement: &str,
        param_formats: &[i16],
        params: &[Option<&[u8]>],
        result_formats: &[i16],
    ) -> Result<()>;
    /// Describe a statement.
    async fn describe_statement(&mut self, name: &str) -> Result<StatementDesc>;
    /// Describe a portal; `None` when it returns no rows.
    async fn describe_portal(&mut self, name: &str) -> Result<Option<RowShape>>;
    /// Execute up to `max_rows` rows (0: all). Writes DataRows (no RowDescription) and not the ending message: the
    /// server writes that from the result.
    async fn execute(&mut self, portal: &str, max_rows: usize, out: &mut dyn Output) -> Result<ExecuteEnd>;
    /// FunctionCall: the result in the wanted format, `None` for NULL. Formats as in [`SqlSession::bind`]. The server calls
    /// [`SqlSession::sync`] next.
    async fn function_call(
        &mut self,
        _function: u32,
        _formats: &[i16],
        _args: &[Option<&[u8]>],
        _result_format: i16,
    ) -> Result<Option<Vec<u8>>> {
        Err(DbError::unsupported("the function call protocol is not supported"))
    }
    /// Close a statement; unknown names are fine.
    fn close_statement(&mut self, name: &str);
    /// Close a portal; unknown names are fine.
    fn close_portal(&mut self, name: &str);
    /// Sync: ends the implicit transaction (commit, or rollback after an error).
    async fn sync(&mut self, out: &mut dyn Output) -> Result<()>;
    /// An error happened outside a session method (protocol error, pipeline skip): fail the open transaction block.
    fn fail_transaction(&mut self);
    /// Transaction status for ReadyForQuery: b'I', b'T' or b'E'.
    fn transaction_status(&self) -> u8;
    /// The output gate of this session: resolves once everything it has learned so far is durable.
    fn gate(&self) -> Arc<dyn OutputGate>;
    /// For CancelRequest, statement timeouts and a client that went away; usable from any thread.
    fn canceller(&self) -> Arc<dyn Canceller>;
    /// Process id to show, unique among live sessions.
    fn pid(&self) -> i32;
    /// What output of reg* values asks for names; without it they show as numbers. Asked once, at connection start.
    fn info(&self) -> Option<Arc<dyn SessionInfo>> {
        None
    }
    /// The settings reported at connection start, in order.
    fn reported_settings(&self) -> Vec<(&'static str, String)>;
    /// Milliseconds after which an idle session in a transaction must end (25P03); `None` for never.
    fn idle_in_transaction_timeout(&self) -> Option<std::time::Duration>;
    /// Time after which a session that is idle outside a transaction must end (57P05); `None` for never.
    fn idle_timeout(&self) -> Option<std::time::Duration> {
        None
    }
    /// Writes NotificationResponses for what has come, if the session is outside a transaction. Called before
    /// ReadyForQuery, and while the client is waited for, after the callback of [`SqlSession::on_notification`].
    fn notifications(&mut self, _out: &mut dyn Output) {}
    /// Called back (from any thread) whenever a notification comes.
    fn on_notification(&self, _f: Box<dyn Fn() + Send + Sync>) {}
    /// How the session ends, told before it is closed; without a word, as its client wants.
    fn ends(&mut self, _how: Ending) {}
    /// Ends the session: rolls back, drops temporary things, releases locks.
    async fn close(&mut self);
}

/// See [`SqlSession::gate`].
#[async_trait]
pub trait OutputGate: Send + Sync {
    /// Whether the wait would return at once.
    fn open(&self) -> bool;
    /// Waits until everything the session has learned so far is durable.
    async fn wait(&self) -> Result<()>;
}

/// See [`SqlSession::canceller`].
pub trait Canceller: Send + Sync {
    /// Asks the running statement, if any, to stop with 57014.
    fn cancel(&self);
    /// Asks the session to end (57P01), e.g. on shutdown or pg_terminate_backend. The server also races
    /// [`Canceller::terminated`] while it waits for the client.
    fn terminate(&self);
    /// Whether `terminate` was called.
    fn terminated(&self) -> bool;
    /// What a client is told whose session ends, because of that, while it is idle.
    fn ending(&self) -> DbError {
        crate::session::shared::terminated()
    }
    /// Called back (once, from any thread) when `terminate` is called.
    fn on_terminate(&self, f: Box<dyn FnOnce() + Send>);
}

/// What authentication needs to know of a role.
#[derive(Clone, Debug)]
pub struct RoleAuth {
    /// May log in.
    pub can_login: bool,
    /// Superuser.
    pub superuser: bool,
    /// `SCRAM-SHA-256$iterations:salt$stored:server`, if a password is set.
    pub verifier: Option<String>,
}

/// What `pg_hba.conf` says of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum HostRule {
    /// The engine has no such rules: the server's own defaults hold.
    Default,
    Trust,
    Reject,
    Scram,
    /// The password itself crosses the wire.
    Password,
    /// No line fits.
    NoEntry,
}

/// The engine as the server sees it.
#[async_trait]
pub trait Backend: Send + Sync {
    /// Looks a role up for authentication; `None` when there is none.
    async fn role(&self, name: &str) -> Result<Option<RoleAuth>>;
    /// What the host rules say of a connection of `user` to `database`.
    fn host_rule(&self, _user: &str, _database: &str, _peer: &PeerInfo) -> HostRule {
        HostRule::Default
    }
    /// Reads configuration files again (SIGHUP); what is wrong with them is logged, and they change nothing then.
    fn reload(&self) {}
    /// Opens a session after authentication. `params` are the startup packet's parameters (`user`, `database`,
    /// settings, `options`). Errors are Fatal: 3D000 for a missing database, 28000 for a missing role, 53300…
    async fn connect(&self, params: &[(String, String)], peer: &PeerInfo) -> Result<Box<dyn SqlSession>>;
    /// Stops: no new sessions, checkpoint, close files.
    async fn shutdown(&self) -> Result<()>;
}

/// Who is at the other end.
#[derive(Clone, Debug, Default)]
pub struct PeerInfo {
    /// Client address, `None` on a Unix socket.
    pub address: Option<std::net::SocketAddr>,
    /// Whether the connection is encrypted.
    pub tls: bool,
}
