//! Sessions: the engine's side of a connection.
//!
//! A [`Session`] is what the server drives: it parses, keeps prepared statements and portals, runs transaction blocks
//! ([`txn`]), binds and locks ([`plan`]), dispatches statements ([`statement`]), and writes rows to the client
//! ([`rows`]). Its [`shared`] part is what kernels, cancel requests and other sessions reach.
//!
//! Invariants: methods run one at a time; after an `Err` the transaction is where PostgreSQL would have left it; before
//! anything is flushed the output gate knows everything the bytes depend on ([`Session::note_dependencies`]).

mod access;
mod analyze;
mod backend;
mod check;
mod concurrently;
mod constraints;
mod copy;
mod cursor;
mod database;
pub mod domain;
mod encryption;
pub(crate) mod explain;
mod extended;
mod flashback;
pub(crate) mod function;
mod function_call;
mod import_collations;
mod kernels;
mod listing;
mod locks;
mod matview;
mod notify;
mod plan;
mod plan_memory;
mod positioned;
mod privileges;
mod query_text;
mod recyclebin;
mod reg;
mod rows;
mod sequence;
mod set;
pub mod shared;
pub mod snapshot;
mod statement;
mod summaries;
pub use summaries::start as start_summaries;
mod table_as;
pub mod temp;
mod two_phase;
mod txn;
mod watch;
mod xml_map;
mod xml_schema;

pub(crate) use statement::statement_name;

pub use backend::{EngineBackend, add_kernels};
pub use check::KERNELS as CHECK_KERNELS;
pub use encryption::KERNELS as ENCRYPTION_KERNELS;
pub use kernels::KERNELS;
pub use listing::KERNELS as LISTING_KERNELS;
pub use locks::KERNELS as LOCK_KERNELS;
pub use notify::KERNELS as NOTIFY_KERNELS;
pub use privileges::KERNELS as PRIVILEGE_KERNELS;
pub use recyclebin::KERNELS as RECYCLEBIN_KERNELS;
pub use set::value_text;
pub use shared::{Registry, SessionShared};
pub use snapshot::KERNELS as SNAPSHOT_KERNELS;
pub use two_phase::KERNELS as TWO_PHASE_KERNELS;

use crate::api::{Canceller, ExecuteEnd, Output, OutputGate, PeerInfo, RowShape, SqlSession, StatementDesc};
use crate::catalog::Catalog;
use crate::engine::{DatabaseState, Engine};
use crate::settings::Settings;
use crate::stats::{Clock, Ending};
use async_trait::async_trait;
use hashbrown::HashMap;
use rows::Portal;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_storage::store::Session as StoreSession;
use rustydb_types::ctx::SessionInfo;
use shared::{NewSession, User};
use statement::Prepared;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::time::Duration;
use txn::{Block, Modes, TxState};

pub use crate::engine::now_micros;

/// Prepared statements a session may keep.
const MAX_PREPARED: usize = 100_000;

/// Bounds what plans and prepared statements of all sessions take of memory, as the settings say.
pub(crate) fn bound_plans(all: &crate::settings::Settings) {
    plan::bound_shared(plan_memory::set_limits(all));
}
/// Portals a session may keep.
const MAX_PORTALS: usize = 10_000;

/// See the module.
pub struct Session {
    engine: Arc<Engine>,
    db: Arc<DatabaseState>,
    shared: Arc<SessionShared>,
    /// Owns locks and opens transactions.
    store: StoreSession,
    tx: TxState,
    prepared: HashMap<String, Arc<Prepared>>,
    portals: HashMap<String, Portal>,
    /// `statement_timestamp()`.
    statement_start: i64,
    limits: Limits,
    path: PathCache,
    /// Rows of the materialized view refreshed last.
    refreshed: u64,
    /// What the client was last told of the reported settings.
    reported: Vec<(&'static str, String)>,
    reported_version: u64,
    closed: bool,
    clock: Clock,
    ending: Ending,
}

/// Settings a statement needs at once, read again when settings have changed.
#[derive(Clone, Copy, Default)]
struct Limits {
    version: u64,
    work_mem: usize,
    temp_limit: Option<u64>,
    lock_timeout: Option<Duration>,
    deadlock_timeout: Option<Duration>,
    statement_timeout: Option<Duration>,
    standard_strings: bool,
    /// Of a transaction that says nothing of its modes.
    modes: Modes,
    /// `synchronous_commit` is off.
    async_commit: bool,
    /// What is counted.
    watch: watch::Wanted,
}

/// The search path as it was last worked out.
struct PathCache {
    /// Version of the settings and users it follows from.
    version: u64,
    /// The catalog; compared by address only (a Weak keeps its allocation).
    catalog: Weak<Catalog>,
    path: Arc<[u32]>,
}

impl Session {
    /// Opens a session of an authenticated user. Errors are fatal: 3D000, 28000, 55000…
    pub fn open(engine: &Arc<Engine>, params: &[(String, String)], peer: &PeerInfo) -> Result<Session> {
        let param = |n: &str| params.iter().find(|p| p.0 == n).map_or("", |p| p.1.as_str());
        let (user, database) = (param("user"), param("database"));
        let missing =
            || DbError::fatal(SqlState::UNDEFINED_DATABASE, format!("database \"{database}\" does not exist"));
        let db = engine.database(database).ok_or_else(missing)?;
        let catalog = db.catalog();
        if engine.is_closing(db.oid) {
            return Err(missing());
        }
        if !catalog.database.allow_connections {
            return Err(DbError::fatal(
                SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("database \"{database}\" is not currently accepting connections"),
            ));
        }
        let role = catalog.role_named(user).ok_or_else(|| {
            DbError::fatal(SqlState::INVALID_AUTHORIZATION_SPECIFICATION, format!("role \"{user}\" does not exist"))
        })?;
        if !role.login {
            return Err(DbError::fatal(
                SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
                format!("role \"{user}\" is not permitted to log in"),
            ));
        }
        let connect = crate::acl::Mask::of(crate::acl::privs::CONNECT);
        if crate::acl::check::on_database(&catalog, &catalog.database, role.oid, connect).is_empty() {
            return Err(DbError::fatal(
                SqlState::INSUFFICIENT_PRIVILEGE,
                format!("permission denied for database \"{database}\""),
            )
            .detail("User does not have CONNECT privilege."));
        }
        if role.connection_limit >= 0 && !role.superuser {
            let others = engine.sessions.all().iter().filter(|s| s.authenticated.oid == role.oid).count();
            if others >= usize::try_from(role.connection_limit).unwrap_or(0) {
                return Err(DbError::fatal(
                    SqlState::TOO_MANY_CONNECTIONS,
                    format!("too many connections for role \"{user}\""),
                ));
            }
        }
        let connections = catalog.database.connection_limit;
        if connections >= 0 && !role.superuser {
            let others = engine.sessions.all().iter().filter(|s| s.database_oid == db.oid).count();
            if others >= usize::try_from(connections).unwrap_or(0) {
                return Err(DbError::fatal(
                    SqlState::TOO_MANY_CONNECTIONS,
                    format!("too many connections for database \"{database}\""),
                ));
            }
        }
        let mut settings = Settings::new(Arc::clone(&engine.settings));
        let unfit = settings.begin_with(&catalog, db.oid, role.oid);
        shared::start_settings(&mut settings, params)?;
        let user = User { oid: role.oid, name: role.name.clone(), superuser: role.superuser };
        let catalog = Arc::clone(&catalog);
        let (shared, store) = SessionShared::enter(NewSession {
            peer: peer.clone(),
            user,
            settings,
            catalog,
            engine: Arc::clone(engine),
        });
        for e in unfit {
            shared.notice("WARNING", e);
        }
        let mut session = Session {
            engine: Arc::clone(engine),
            db,
            store,
            shared,
            tx: TxState::default(),
            prepared: HashMap::new(),
            portals: HashMap::new(),
            statement_start: now_micros(),
            limits: Limits::default(),
            path: PathCache { version: 0, catalog: Weak::new(), path: [].into() },
            refreshed: 0,
            reported: Vec::new(),
            reported_version: 0,
            closed: false,
            clock: Clock::begin(now_micros()),
            ending: Ending::Normal,
        };
        // Whoever drops a database counts its sessions after closing it.
        if engine.is_closing(session.db.oid) {
            return Err(missing());
        }
        session.shared.tally.connected();
        session.publish_defaults();
        session.reported = set::reported(&session.shared);
        session.reported_version = session.shared.settings_version();
        Ok(session)
    }

    /// A method that runs statements begins.
    fn enter(&mut self) {
        self.statement_start = now_micros();
        self.shared.begin_statement();
        self.clock.work(self.statement_start, self.tx.block != Block::Idle);
        self.read_limits();
    }

    fn read_limits(&mut self) {
        let version = self.shared.settings_version();
        if self.limits.version == version {
            return;
        }
        self.shared.settings(|s| self.shared.tally.obey(s));
        self.limits = self.shared.settings(|s| Limits {
            version,
            work_mem: usize::try_from(s.int("work_mem")).unwrap_or(4096).saturating_mul(1024),
            temp_limit: u64::try_from(s.int("temp_file_limit")).ok().map(|kb| kb.saturating_mul(1024)),
            lock_timeout: s.timeout("lock_timeout"),
            deadlock_timeout: s.timeout("deadlock_timeout"),
            statement_timeout: s.timeout("statement_timeout"),
            standard_strings: s.is_on("standard_conforming_strings"),
            modes: Modes::defaults(s),
            async_commit: s.get("synchronous_commit") == "off",
            watch: watch::Wanted::of(s),
        });
        self.shared.counts_nested.store(self.limits.watch.counts_nested(), Ordering::Relaxed);
    }

    /// A method that runs statements ends: fails the transaction on an error and gives the error its final words.
    async fn leave<T>(&mut self, r: Result<T>) -> Result<T> {
        let r = match r {
            Ok(v) => Ok(v),
            Err(e) => {
                let e = self.shared.name_limit(self.shared.explain_stop(e));
                self.shared.tally.failed(&e);
                Box::pin(self.failed()).await;
                Err(e)
            }
        };
        self.note_dependencies();
        // Before Sync more is to come: the session is not idle yet.
        let idle = self.tx.block != Block::Implicit;
        let now = idle.then(now_micros);
        self.shared.end_statement(now);
        if let Some(now) = now {
            if self.tx.block == Block::Idle {
                self.shared.tally.report(&self.db, now, &mut self.clock);
            }
            self.clock.wait(now);
        }
        r
    }

    /// Tells the gate what the transaction has learnt so far.
    pub(crate) fn note_dependencies(&self) {
        if let Some(tx) = &self.tx.tx {
            self.shared.gate.depends_on(tx.txn.dep_lsn());
        }
    }

    /// Sends the notices queued.
    fn tell_notices(&self, out: &mut dyn Output) {
        for n in self.shared.take_notices() {
            out.notice(n.severity, &n.message);
        }
    }

    /// Sends the notices queued and the reported settings that have changed.
    fn tell(&mut self, out: &mut dyn Output) {
        self.tell_notices(out);
        let version = self.shared.settings_version();
        if version == self.reported_version {
            return;
        }
        self.reported_version = version;
        let now = set::reported(&self.shared);
        for (name, value) in &now {
            if !self.reported.iter().any(|(n, v)| n == name && v == value) {
                out.parameter_status(name, value);
            }
        }
        self.reported = now;
    }
}

#[async_trait]
impl SqlSession for Session {
    async fn simple_query(&mut self, sql: &str, out: &mut dyn Output) -> Result<()> {
        self.enter();
        self.shared.note_query(Arc::from(sql), self.statement_start);
        let r = self.run_string(sql, out).await;
        let r = self.leave(r).await;
        self.tell(out);
        r
    }

    async fn parse(&mut self, name: &str, sql: &str, param_types: &[u32]) -> Result<()> {
        self.enter();
        let r = self.parse_message(name, sql, param_types).await;
        self.leave(r).await
    }

    async fn bind(
        &mut self,
        portal: &str,
        statement: &str,
        param_formats: &[i16],
        params: &[Option<&[u8]>],
        result_formats: &[i16],
    ) -> Result<()> {
        self.enter();
        let r = self.bind_message(portal, statement, param_formats, params, result_formats).await;
        self.leave(r).await
    }

    async fn describe_statement(&mut self, name: &str) -> Result<StatementDesc> {
        self.enter();
        let r = self.describe_prepared(name).await;
        self.leave(r).await
    }

    async fn describe_portal(&mut self, name: &str) -> Result<Option<RowShape>> {
        // It computes nothing that a new time would matter to.
        self.shared.begin_statement();
        let r = self.describe_open_portal(name).await;
        self.leave(r).await
    }

    async fn execute(&mut self, portal: &str, max_rows: usize, out: &mut dyn Output) -> Result<ExecuteEnd> {
        self.enter();
        let r = self.execute_message(portal, max_rows, out).await;
        let r = self.leave(r).await;
        self.tell(out);
        r
    }

    async fn function_call(
        &mut self,
        function: u32,
        formats: &[i16],
        args: &[Option<&[u8]>],
        result_format: i16,
    ) -> Result<Option<Vec<u8>>> {
        self.enter();
        let r = self.function_call_message(function, formats, args, result_format).await;
        self.leave(r).await
    }

    fn close_statement(&mut self, name: &str) {
        self.prepared.remove(name);
    }

    fn close_portal(&mut self, name: &str) {
        self.portals.remove(name);
    }

    async fn sync(&mut self, out: &mut dyn Output) -> Result<()> {
        self.finish_undo().await;
        let r = if self.tx.block == Block::Implicit { self.end_implicit().await } else { Ok(()) };
        let r = self.leave(r).await;
        self.tell(out);
        r
    }

    fn fail_transaction(&mut self) {
        self.fail_now();
    }

    fn transaction_status(&self) -> u8 {
        self.tx.status()
    }

    fn gate(&self) -> Arc<dyn OutputGate> {
        Arc::clone(&self.shared.gate) as _
    }

    fn canceller(&self) -> Arc<dyn Canceller> {
        Arc::clone(&self.shared) as _
    }

    fn pid(&self) -> i32 {
        self.shared.pid
    }

    fn info(&self) -> Option<Arc<dyn SessionInfo>> {
        Some(Arc::clone(&self.shared) as _)
    }

    fn reported_settings(&self) -> Vec<(&'static str, String)> {
        self.reported.clone()
    }

    fn idle_in_transaction_timeout(&self) -> Option<Duration> {
        self.shared.settings(|s| s.timeout("idle_in_transaction_session_timeout"))
    }

    fn idle_timeout(&self) -> Option<Duration> {
        self.shared.settings(|s| s.timeout("idle_session_timeout"))
    }

    fn notifications(&mut self, out: &mut dyn Output) {
        self.deliver(out);
    }

    fn on_notification(&self, f: Box<dyn Fn() + Send + Sync>) {
        self.shared.notifications.inbox.on_message(f);
    }

    fn ends(&mut self, how: Ending) {
        self.ending = how;
    }

    async fn close(&mut self) {
        if std::mem::replace(&mut self.closed, true) {
            return;
        }
        self.portals.clear();
        if let Err(e) = self.roll_back().await {
            tracing::error!("rollback at the end of a session failed: {e}");
        }
        // A cancel request that came too late was meant for a statement.
        self.shared.interrupt.clear();
        self.shared.cancel.clear();
        self.end_temporary().await;
        let killed = self.shared.terminated() && self.shared.ending() == shared::terminated();
        let how = if killed { Ending::Killed } else { self.ending };
        self.shared.tally.end(&self.db, &mut self.clock, how);
        self.leave_engine();
    }
}

impl Session {
    fn leave_engine(&self) {
        self.shared.snapshots.end(&self.engine.exports);
        self.stop_listening();
        self.engine.sessions.leave(self.shared.pid);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.closed {
            if !self.shared.temp.is_active() {
                self.engine.sessions.free_slot(self.shared.temp.slot);
            }
            self.shared.tally.end(&self.db, &mut self.clock, self.ending);
            self.leave_engine();
        }
    }
}
