//! The part of a session that others reach: kernels through [`SessionInfo`], the connection through [`Canceller`] and
//! [`OutputGate`], other sessions through the registry. Everything is behind short-lived locks that are never held
//! across an await.

use super::{domain, reg};
use crate::acl::check::on_schema;
use crate::acl::membership::has_privs_of;
use crate::acl::{Mask, privs};
use crate::api::{Canceller, OutputGate, PeerInfo};
use crate::catalog::Catalog;
use crate::dictionaries::Library;
use crate::engine::Engine;
use crate::exec::CancelFlag;
use crate::exec::df::BEYOND_TEMP_LIMIT;
use crate::settings::Settings;
use async_trait::async_trait;
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use rustydb_base::{DbError, Lsn, Result, SqlState};
use rustydb_storage::lock::LockOwner;
use rustydb_storage::store::{Interrupt, Session as StoreSession, Store, WaitRules};
use rustydb_types::ctx::{EvalCtx, FormatSettings, RowField, SessionInfo};
use rustydb_types::datum::{Datum, EnumValue};
use rustydb_types::tsearch::dict::{Config, Dictionary};
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

/// Notices kept until the client is next written to; beyond that they are dropped, oldest kept.
const MAX_NOTICES: usize = 1000;

/// `pg_catalog`, first in every search path unless named in it.
const PG_CATALOG: u32 = rustydb_types::pgdata::PG_CATALOG;

/// Live sessions of an engine by process id; bounded by max_connections.
#[derive(Default)]
pub struct Registry {
    by_pid: Mutex<HashMap<i32, Weak<SessionShared>>>,
    next: AtomicI32,
    slots: Mutex<Slots>,
}

/// Small numbers that live sessions have, each its own: the schema of a session's temporary objects is called by it.
#[derive(Default)]
struct Slots {
    /// Numbers below `fresh` that no session has.
    free: BTreeSet<u32>,
    /// The next number that none has had.
    fresh: u32,
}

impl Slots {
    fn take(&mut self) -> u32 {
        self.free.pop_first().unwrap_or_else(|| {
            self.fresh += 1;
            self.fresh
        })
    }
}

impl Registry {
    /// A process id no live session has.
    fn enter<T>(&self, make: impl FnOnce(i32, u32) -> (Arc<SessionShared>, T)) -> (Arc<SessionShared>, T) {
        let slot = self.slots.lock().take();
        let mut map = self.by_pid.lock();
        let pid = loop {
            let n = self.next.fetch_add(1, Ordering::Relaxed) & 0x3fff_ffff;
            // Small numbers look like system processes in client tools.
            let pid = n + 1000;
            if !map.contains_key(&pid) {
                break pid;
            }
        };
        let (session, rest) = make(pid, slot);
        map.insert(pid, Arc::downgrade(&session));
        (session, rest)
    }

    /// Forgets a session that has ended.
    pub fn leave(&self, pid: i32) {
        self.by_pid.lock().remove(&pid);
    }

    /// Another session may have the number. Only when nothing temporary is left of the one that had it.
    pub fn free_slot(&self, slot: u32) {
        self.slots.lock().free.insert(slot);
    }

    /// A live session.
    pub fn get(&self, pid: i32) -> Option<Arc<SessionShared>> {
        self.by_pid.lock().get(&pid).and_then(Weak::upgrade)
    }

    /// All live sessions, by process id.
    pub fn all(&self) -> Vec<Arc<SessionShared>> {
        let mut v: Vec<_> = self.by_pid.lock().values().filter_map(Weak::upgrade).collect();
        v.sort_by_key(|s| s.pid);
        v
    }
}

/// What must be durable before anything the session says may leave the process.
pub struct Gate {
    store: Arc<Store>,
    lsn: Arc<AtomicU64>,
}

impl Gate {
    /// The session has learnt something that depends on `lsn`.
    pub fn depends_on(&self, lsn: Lsn) {
        self.lsn.fetch_max(lsn.0, Ordering::AcqRel);
    }

    /// The number that scans raise as they read.
    pub fn cell(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.lsn)
    }
}

#[async_trait]
impl OutputGate for Gate {
    fn open(&self) -> bool {
        self.store.is_stable(Lsn(self.lsn.load(Ordering::Acquire)))
    }
    async fn wait(&self) -> Result<()> {
        self.store.gate(Lsn(self.lsn.load(Ordering::Acquire))).await
    }
}

/// A role as the session uses it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    /// OID.
    pub oid: u32,
    /// Name.
    pub name: String,
    /// SUPERUSER.
    pub superuser: bool,
}

/// A notice on its way to the client.
pub struct Notice {
    /// NOTICE, WARNING, INFO, …
    pub severity: &'static str,
    /// The message.
    pub message: DbError,
}

/// Settings and users, and what follows from them.
struct State {
    settings: Settings,
    formats: FormatSettings,
    users: Arc<Users>,
    /// What each open transaction level restores on rollback, parallel to the settings' levels.
    saved: Vec<Arc<Users>>,
    /// Grows with every change of settings or users.
    version: u64,
}

/// Who the session is.
#[derive(Clone)]
struct Users {
    /// Who connected, or SET SESSION AUTHORIZATION.
    session: User,
    /// SET ROLE; `None` for NONE.
    role: Option<User>,
    /// SET LOCAL ROLE.
    local_role: Option<Option<User>>,
    /// SET LOCAL SESSION AUTHORIZATION.
    local_session: Option<User>,
    /// Owners of the SECURITY DEFINER functions that are running, innermost last.
    definers: Vec<User>,
}

impl Users {
    fn current(&self) -> &User {
        if let Some(d) = self.definers.last() {
            return d;
        }
        self.local_role.as_ref().unwrap_or(&self.role).as_ref().unwrap_or(self.session())
    }
    fn session(&self) -> &User {
        self.local_session.as_ref().unwrap_or(&self.session)
    }
}

/// What a transaction is, as far as kernels may ask.
#[derive(Clone, Copy, Default, Debug)]
pub struct TxnFacts {
    /// READ ONLY.
    pub read_only: bool,
    /// Isolation level's name.
    pub isolation: &'static str,
    /// DEFERRABLE.
    pub deferrable: bool,
    /// Its number, 0 while it has none; kept up for statements that ask ([`super::plan::Plan::asks_number`]).
    pub xid: u64,
}

/// See the module.
pub struct SessionShared {
    /// Process id, unique among live sessions.
    pub pid: i32,
    /// Who is at the other end.
    pub peer: PeerInfo,
    /// When the session began, microseconds since 2000.
    pub started: i64,
    /// Database name.
    pub database: String,
    /// Its OID.
    pub database_oid: u32,
    /// The role that authenticated; SET SESSION AUTHORIZATION needs its rights.
    pub authenticated: User,
    /// Raised to stop the running statement; seen by waits in the store.
    pub interrupt: Interrupt,
    /// The same for loops that compute.
    pub cancel: CancelFlag,
    /// Output gate.
    pub gate: Arc<Gate>,
    /// The engine.
    pub engine: Arc<Engine>,
    /// The session as the lock manager knows it.
    pub locks: Arc<LockOwner>,
    /// Prepared statements and cursors, as views show them.
    pub listing: Arc<super::listing::Listing>,
    /// LISTEN and NOTIFY.
    pub notifications: super::notify::Notifications,
    /// Its snapshots, and those it has exported.
    pub snapshots: super::snapshot::SessionSnapshots,
    /// Values given out by sequences.
    pub sequences: super::sequence::SequenceState,
    /// Temporary objects.
    pub temp: super::temp::TempState,
    /// Compiled conditions of domains.
    pub domains: super::domain::DomainCache,
    /// Running SQL functions and their plans.
    pub functions: super::function::FunctionState,
    /// What it counts.
    pub tally: Arc<crate::stats::Tally>,
    state: Mutex<State>,
    catalog: Mutex<Arc<Catalog>>,
    notices: Mutex<Vec<Notice>>,
    rng: Mutex<StdRng>,
    why: Mutex<Option<DbError>>,
    running: AtomicBool,
    terminated: AtomicBool,
    /// Why it must end, if not because somebody asked for it.
    ending: Mutex<Option<DbError>>,
    on_terminate: Mutex<Vec<Box<dyn FnOnce() + Send>>>,
    facts: Mutex<TxnFacts>,
    query: Mutex<Arc<str>>,
    /// Id of the current or last statement, 0 if it was not computed.
    pub query_id: AtomicU64,
    /// Whether statements within others are counted ([`super::watch`]).
    pub counts_nested: AtomicBool,
    /// Microseconds since 2000, `i64::MIN` for never: start of the statement, of the transaction, change of state.
    times: [AtomicI64; 3],
}

/// What others see of a session's activity; times in microseconds since 2000-01-01 UTC.
pub struct Seen {
    /// Text of the current or last statement.
    pub query: Arc<str>,
    /// When it began.
    pub query_start: Option<i64>,
    /// When the open transaction began.
    pub transaction_start: Option<i64>,
    /// When the session last became active or idle.
    pub state_change: Option<i64>,
}

/// A time that has not been.
const NEVER: i64 = i64::MIN;

/// What a new session is made of.
pub struct NewSession {
    /// Who is at the other end.
    pub peer: PeerInfo,
    /// The role.
    pub user: User,
    /// Settings, startup packet applied.
    pub settings: Settings,
    /// Catalog of the database.
    pub catalog: Arc<Catalog>,
    /// The engine.
    pub engine: Arc<Engine>,
}

impl SessionShared {
    /// Registers a new session, here and with the store.
    pub fn enter(new: NewSession) -> (Arc<SessionShared>, StoreSession) {
        let engine = Arc::clone(&new.engine);
        engine.sessions.enter(|pid, slot| {
            let store = new.engine.store().session(pid);
            let tally = new.engine.statistics.begin(new.catalog.database.oid);
            let shared = Arc::new(SessionShared {
                pid,
                locks: Arc::clone(store.lock_owner()),
                peer: new.peer,
                started: super::now_micros(),
                database: new.catalog.database.name.clone(),
                database_oid: new.catalog.database.oid,
                authenticated: new.user.clone(),
                interrupt: Interrupt::new(),
                cancel: CancelFlag::default(),
                gate: Arc::new(Gate { store: Arc::clone(new.engine.store()), lsn: Arc::default() }),
                engine: new.engine,
                listing: Default::default(),
                notifications: Default::default(),
                snapshots: Default::default(),
                sequences: Default::default(),
                temp: super::temp::TempState::new(slot),
                state: Mutex::new(State {
                    formats: new.settings.formats(),
                    settings: new.settings,
                    users: Arc::new(Users {
                        session: new.user,
                        role: None,
                        local_role: None,
                        local_session: None,
                        definers: Vec::new(),
                    }),
                    saved: Vec::new(),
                    version: 1,
                }),
                domains: Default::default(),
                functions: Default::default(),
                tally,
                catalog: Mutex::new(new.catalog),
                notices: Mutex::new(Vec::new()),
                rng: Mutex::new(StdRng::from_os_rng()),
                why: Mutex::new(None),
                running: AtomicBool::new(false),
                terminated: AtomicBool::new(false),
                ending: Mutex::new(None),
                on_terminate: Mutex::new(Vec::new()),
                facts: Mutex::new(TxnFacts::default()),
                query: Mutex::new(Arc::from("")),
                query_id: AtomicU64::new(0),
                counts_nested: AtomicBool::new(false),
                times: [const { AtomicI64::new(NEVER) }; 3],
            });
            (shared, store)
        })
    }

    /// The catalog that names resolve in.
    pub fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalog.lock())
    }

    /// A statement begins in this catalog.
    pub fn set_catalog(&self, catalog: &Arc<Catalog>) {
        let mut c = self.catalog.lock();
        if !Arc::ptr_eq(&c, catalog) {
            let old = std::mem::replace(&mut *c, Arc::clone(catalog));
            drop(c);
            // May be the last holder of a whole catalog: freed outside the lock.
            drop(old);
        }
    }

    /// Reads settings.
    pub fn settings<T>(&self, f: impl FnOnce(&Settings) -> T) -> T {
        f(&self.state.lock().settings)
    }

    /// Changes settings.
    pub fn change_settings<T>(&self, f: impl FnOnce(&mut Settings) -> T) -> T {
        let mut s = self.state.lock();
        let r = f(&mut s.settings);
        s.formats = s.settings.formats();
        s.version += 1;
        r
    }

    /// A transaction or savepoint begins.
    pub fn push_level(&self) {
        self.tally.push();
        let mut s = self.state.lock();
        let users = Arc::clone(&s.users);
        s.saved.push(users);
        s.settings.push();
        self.notifications.pending.lock().push_level();
    }

    /// The transaction's levels from `depth` on roll back: settings and users are those of when level `depth` began.
    pub fn roll_back_level(&self, depth: usize) {
        self.tally.roll_back(depth);
        let mut s = self.state.lock();
        if let Some(u) = s.saved.get(depth).cloned() {
            s.users = u;
        }
        s.saved.truncate(depth);
        s.settings.rollback(depth);
        self.notifications.pending.lock().roll_back_level(depth);
        s.formats = s.settings.formats();
        s.version += 1;
    }

    /// A savepoint is released.
    pub fn release_level(&self, depth: usize) {
        self.tally.release(depth);
        let mut s = self.state.lock();
        s.saved.truncate(depth);
        s.settings.release(depth);
        self.notifications.pending.lock().release_level(depth);
    }

    /// The transaction commits: what SET LOCAL said ends.
    pub fn commit_levels(&self) {
        self.tally.commit();
        let mut s = self.state.lock();
        s.saved.clear();
        self.notifications.pending.lock().release_level(0);
        let local_role = s.users.local_role.is_some();
        let ends = s.settings.has_local() || local_role;
        if local_role {
            let users = Arc::make_mut(&mut s.users);
            users.local_role = None;
            users.local_session = None;
        }
        s.settings.commit();
        if ends {
            s.formats = s.settings.formats();
            s.version += 1;
        }
    }

    /// How this session's statements wait, for kernels.
    pub fn wait_rules(&self) -> WaitRules {
        let mut rules = WaitRules { interrupt: self.interrupt.clone(), ..WaitRules::default() };
        self.settings(|s| {
            rules.lock_timeout = s.timeout("lock_timeout");
            rules.deadlock_timeout = s.timeout("deadlock_timeout").unwrap_or(rules.deadlock_timeout);
        });
        rules
    }

    /// Grows with every change of settings or users.
    pub fn settings_version(&self) -> u64 {
        self.state.lock().version
    }

    /// How values are shown.
    pub fn formats(&self) -> FormatSettings {
        self.state.lock().formats.clone()
    }

    /// `session_user`.
    pub fn session_role(&self) -> User {
        let user = self.state.lock().users.session().clone();
        self.as_of_now(user)
    }

    /// `current_user`.
    pub fn user(&self) -> User {
        let user = self.state.lock().users.current().clone();
        self.as_of_now(user)
    }

    /// A role with the attributes it has now.
    fn as_of_now(&self, user: User) -> User {
        let cat = self.catalog();
        match cat.roles.get(&user.oid) {
            Some(r) => User { oid: r.oid, name: r.name.clone(), superuser: r.superuser },
            None => user,
        }
    }

    /// OID of `current_user`.
    pub fn user_oid(&self) -> u32 {
        self.state.lock().users.current().oid
    }

    /// The role of SET ROLE; `None` for NONE.
    pub fn role(&self) -> Option<User> {
        let s = self.state.lock();
        s.users.local_role.clone().unwrap_or_else(|| s.users.role.clone())
    }

    /// SET ROLE; `None` for NONE.
    pub fn set_role(&self, user: Option<User>, local: bool) {
        let mut s = self.state.lock();
        let users = Arc::make_mut(&mut s.users);
        if local {
            users.local_role = Some(user);
        } else {
            users.local_role = None;
            users.role = user;
        }
        s.version += 1;
    }

    /// A SECURITY DEFINER function begins: its owner is the current user.
    pub fn enter_definer(&self, owner: User) {
        let mut s = self.state.lock();
        Arc::make_mut(&mut s.users).definers.push(owner);
        s.version += 1;
    }

    /// It ends.
    pub fn leave_definer(&self) {
        let mut s = self.state.lock();
        Arc::make_mut(&mut s.users).definers.pop();
        s.version += 1;
    }

    /// SET SESSION AUTHORIZATION; resets the role.
    pub fn set_session_user(&self, user: User, local: bool) {
        let mut s = self.state.lock();
        if local {
            let users = Arc::make_mut(&mut s.users);
            users.local_role = Some(None);
            users.local_session = Some(user);
        } else {
            s.users = Arc::new(Users {
                session: user,
                role: None,
                local_role: None,
                local_session: None,
                definers: Vec::new(),
            });
        }
        s.version += 1;
    }

    /// Name of the schema of this session's temporary objects.
    pub fn temp_schema(&self) -> String {
        format!("pg_temp_{}", self.temp.slot)
    }

    /// The schema of this session's temporary objects, once it has made one.
    pub fn temp_namespace(&self, catalog: &Catalog) -> Option<u32> {
        if self.temp.is_active() { catalog.namespace_named(&self.temp_schema()) } else { None }
    }

    /// A schema by the name a statement gives it: `pg_temp` is the session's own temporary one.
    pub fn namespace_named(&self, catalog: &Catalog, name: &str) -> Option<u32> {
        match name {
            "pg_temp" => self.temp_namespace(catalog),
            n => catalog.namespace_named(n),
        }
    }

    /// Schemas of the search path that exist in a catalog, in search order, temporary schema and `pg_catalog` included.
    pub fn search_path(&self, catalog: &Catalog) -> Vec<u32> {
        self.path(catalog, true)
    }

    fn path(&self, catalog: &Catalog, implicit: bool) -> Vec<u32> {
        let (text, user, role) = {
            let s = self.state.lock();
            let user = s.users.current();
            (s.settings.get("search_path").to_owned(), user.name.clone(), user.oid)
        };
        let temp = self.temp_namespace(catalog);
        let usable = |ns: &u32| on_schema(catalog, *ns, role, Mask::of(privs::USAGE)).privs != 0;
        let mut path = Vec::with_capacity(4);
        for name in Settings::name_list(&text) {
            let ns = match name.as_str() {
                "$user" => catalog.namespace_named(&user),
                "pg_temp" => temp,
                n => catalog.namespace_named(n),
            };
            if let Some(ns) = ns.filter(|ns| !path.contains(ns) && (Some(*ns) == temp || usable(ns))) {
                path.push(ns);
            }
        }
        if implicit {
            if !path.contains(&PG_CATALOG) {
                path.insert(0, PG_CATALOG);
            }
            if let Some(t) = temp.filter(|t| !path.contains(t)) {
                path.insert(0, t);
            }
        }
        path
    }

    /// Queues a notice if `client_min_messages` lets it through.
    pub fn notice(&self, severity: &'static str, message: DbError) {
        let rank = |s: &str| match s {
            "debug5" => 0,
            "debug4" => 1,
            "debug3" => 2,
            "debug2" | "debug" => 3,
            "debug1" => 4,
            "log" => 5,
            "notice" => 7,
            "warning" => 8,
            _ => 9,
        };
        let min = self.settings(|s| rank(s.get("client_min_messages")));
        // INFO always reaches the client.
        if severity != "INFO" && rank(&severity.to_ascii_lowercase()) < min {
            return;
        }
        let mut n = self.notices.lock();
        if n.len() < MAX_NOTICES {
            n.push(Notice { severity, message });
        }
    }

    /// Queues a WARNING.
    pub fn warning(&self, code: SqlState, message: impl Into<std::borrow::Cow<'static, str>>) {
        self.notice("WARNING", DbError::new(code, message));
    }

    /// Runs `f` without queueing what it has to say, unless it fails.
    pub fn hushed<T>(&self, f: impl FnOnce() -> Result<T>) -> Result<T> {
        let before = self.notices.lock().len();
        let r = f();
        if r.is_ok() {
            self.notices.lock().truncate(before);
        }
        r
    }

    /// The notices queued so far.
    pub fn take_notices(&self) -> Vec<Notice> {
        std::mem::take(&mut self.notices.lock())
    }

    /// A statement begins: an earlier cancel request was meant for an earlier one.
    pub fn begin_statement(&self) {
        self.interrupt.clear();
        self.cancel.clear();
        *self.why.lock() = None;
        self.running.store(true, Ordering::SeqCst);
        if self.terminated.load(Ordering::SeqCst) {
            self.stop(terminated());
        }
    }

    /// The statement has ended; `idle` is when the session has nothing left to do for its client.
    pub fn end_statement(&self, idle: Option<i64>) {
        self.running.store(false, Ordering::SeqCst);
        if let Some(now) = idle {
            self.times[2].store(now, Ordering::Relaxed);
        }
    }

    /// Whether a statement is running.
    pub fn is_running(&self) -> bool {
        self.running.load(Ordering::SeqCst)
    }

    /// A statement of this text began at `start`.
    pub fn note_query(&self, text: Arc<str>, start: i64) {
        let old = std::mem::replace(&mut *self.query.lock(), text);
        drop(old);
        self.query_id.store(0, Ordering::Relaxed);
        self.times[0].store(start, Ordering::Relaxed);
        self.times[2].store(start, Ordering::Relaxed);
    }

    /// A transaction began, or (`None`) the session is outside one.
    pub fn note_transaction(&self, start: Option<i64>) {
        self.times[1].store(start.unwrap_or(NEVER), Ordering::Relaxed);
    }

    /// What others see of its activity.
    pub fn seen(&self) -> Seen {
        let time = |i: usize| Some(self.times[i].load(Ordering::Relaxed)).filter(|t| *t != NEVER);
        Seen {
            query: Arc::clone(&self.query.lock()),
            query_start: time(0),
            transaction_start: time(1),
            state_change: time(2),
        }
    }

    /// Asks the running statement to stop with this error.
    pub fn stop(&self, why: DbError) {
        if !self.running.load(Ordering::SeqCst) {
            return;
        }
        let why = self.why.lock().get_or_insert(why).clone();
        self.cancel.cancel();
        self.interrupt.raise(why);
    }

    /// Ends the session for this reason if it is idle. Answers whether it is going to end.
    pub fn end_if_idle(&self, why: DbError) -> bool {
        if self.terminated() {
            return true;
        }
        if self.is_running() {
            return false;
        }
        self.ending.lock().get_or_insert(why);
        self.terminate();
        true
    }

    /// Turns the error a stopped statement ended with into the reason it was stopped for.
    pub fn explain_stop(&self, e: DbError) -> DbError {
        if e.code != SqlState::QUERY_CANCELED {
            return e;
        }
        match self.why.lock().clone() {
            Some(why) => why,
            None => e,
        }
    }

    /// Says which limit it is that temporary files have reached.
    pub fn name_limit(&self, mut e: DbError) -> DbError {
        if e.code == SqlState::CONFIGURATION_LIMIT_EXCEEDED && e.message == BEYOND_TEMP_LIMIT {
            let limit = self.settings(|s| s.int("temp_file_limit"));
            e.message = format!("{BEYOND_TEMP_LIMIT} ({limit}kB)").into();
        }
        e
    }

    /// What kernels may know of the transaction.
    pub fn facts(&self) -> TxnFacts {
        *self.facts.lock()
    }

    /// Sets what kernels may know of the transaction.
    pub fn set_facts(&self, facts: TxnFacts) {
        *self.facts.lock() = facts;
    }

    /// Whether the current role may do what `needed` may.
    pub fn may_act_as(&self, needed: u32) -> bool {
        has_privs_of(&self.catalog(), self.user_oid(), needed)
    }
}

/// 57P01.
pub fn terminated() -> DbError {
    DbError::fatal(SqlState::ADMIN_SHUTDOWN, "terminating connection due to administrator command")
}

impl Canceller for SessionShared {
    fn cancel(&self) {
        self.stop(DbError::new(SqlState::QUERY_CANCELED, "canceling statement due to user request"));
    }
    fn terminate(&self) {
        if self.terminated.swap(true, Ordering::SeqCst) {
            return;
        }
        self.stop(terminated());
        let called = std::mem::take(&mut *self.on_terminate.lock());
        called.into_iter().for_each(|f| f());
    }
    fn terminated(&self) -> bool {
        self.terminated.load(Ordering::SeqCst)
    }
    fn ending(&self) -> DbError {
        self.ending.lock().clone().unwrap_or_else(terminated)
    }
    fn on_terminate(&self, f: Box<dyn FnOnce() + Send>) {
        self.on_terminate.lock().push(f);
        if self.terminated() {
            let called = std::mem::take(&mut *self.on_terminate.lock());
            called.into_iter().for_each(|f| f());
        }
    }
}

impl SessionShared {
    /// Lends what finding text search dictionaries takes.
    fn with_library<R>(&self, f: impl FnOnce(&Library<'_>) -> R) -> R {
        let catalog = self.catalog();
        let path = self.search_path(&catalog);
        f(&Library {
            cache: &self.engine.dictionaries,
            files: &self.engine.search_files,
            catalog: &catalog,
            path: &path,
            depth: 0,
        })
    }
}

impl SessionInfo for SessionShared {
    fn notice(&self, message: DbError) {
        SessionShared::notice(self, "NOTICE", message);
    }
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
    fn session_user(&self) -> String {
        self.session_role().name
    }
    fn current_user(&self) -> String {
        self.user().name
    }
    fn current_database(&self) -> String {
        self.database.clone()
    }
    fn current_schemas(&self, implicit: bool) -> Vec<String> {
        let cat = self.catalog();
        let path = self.path(&cat, implicit);
        path.iter().filter_map(|ns| cat.namespaces.get(ns)).map(|n| n.name.clone()).collect()
    }
    fn setting(&self, name: &str) -> Option<String> {
        super::set::show(self, name).ok()
    }
    fn set_setting(&self, name: &str, value: Option<&str>, local: bool) -> Result<String> {
        super::set::set_value(self, name, value, local)?;
        super::set::show(self, name)
    }
    fn reg_in(&self, kind: u32, text: &str) -> Result<u32> {
        reg::reg_in(self, kind, text)
    }
    fn reg_out(&self, kind: u32, oid: u32) -> String {
        reg::reg_out(self, kind, oid)
    }
    fn ts_dictionary(&self, oid: u32) -> Result<Arc<Dictionary>> {
        match rustydb_types::tsearch::dict::built_in(oid) {
            Some(d) => Ok(d),
            None => self.with_library(|l| l.dictionary(oid)),
        }
    }
    fn ts_config(&self, oid: u32) -> Result<Arc<Config>> {
        self.with_library(|l| l.config(oid))
    }
    fn ts_parser(&self, name: &str) -> Result<u32> {
        reg::ts_parser(self, name)
    }
    fn is_ts_parser(&self, oid: u32) -> bool {
        use crate::catalog::objects::Kind;
        self.catalog().objects.get(&oid).is_some_and(|o| o.kind() == Kind::Parser)
    }
    fn format_user_type(&self, oid: u32, _typmod: i32) -> Option<String> {
        reg::user_type_name(self, oid)
    }
    fn acl_in(&self, text: &str) -> Result<String> {
        let (item, left_out) = crate::acl::item::read(&self.catalog(), text)?;
        if left_out {
            self.warning(SqlState::INVALID_GRANTOR, format!("defaulting grantor to user ID {}", item.grantor));
        }
        match crate::acl::item::encode(&item) {
            rustydb_types::datum::Datum::Text(t) => Ok(t.to_string()),
            _ => Err(DbError::internal("an ACL item is not text")),
        }
    }
    fn acl_out(&self, kept: &str) -> String {
        crate::acl::item::show(&self.catalog(), kept)
    }
    fn enum_in(&self, ty: u32, label: &str) -> Result<EnumValue> {
        domain::enum_in(self, ty, label)
    }
    fn enum_label(&self, ty: u32, label: u32) -> Option<String> {
        domain::enum_label(self, ty, label)
    }
    fn check_label(&self, ty: u32, label: u32) -> Result<()> {
        domain::check_label(self, ty, label)
    }
    fn enum_values(&self, ty: u32) -> Result<Vec<EnumValue>> {
        domain::enum_values(self, ty)
    }
    fn check_domain(&self, ctx: &EvalCtx, ty: u32, value: &Datum) -> Result<()> {
        domain::check(self, ctx, ty, value)
    }
    fn row_fields(&self, ty: u32) -> Option<Vec<RowField>> {
        domain::row_fields(self, ty)
    }
    fn row_width(&self, ty: u32) -> Option<usize> {
        let cat = self.catalog();
        let rel = cat.relation(*cat.row_types.get(&ty)?)?;
        Some(rel.live_columns().count())
    }
    fn random(&self) -> f64 {
        self.rng.lock().random::<f64>()
    }
    fn set_seed(&self, seed: f64) {
        *self.rng.lock() = StdRng::seed_from_u64(seed.to_bits());
    }
}

/// The startup packet's parameters as settings; `options` is split into its `-c name=value` words.
pub fn start_settings(settings: &mut Settings, params: &[(String, String)]) -> Result<()> {
    for (name, value) in params {
        match name.as_str() {
            "user" | "database" | "replication" => {}
            "options" => {
                for (n, v) in option_words(value)? {
                    settings.set_start(&n, &v).map_err(fatal)?;
                }
            }
            _ => settings.set_start(name, value).map_err(fatal)?,
        }
    }
    Ok(())
}

fn fatal(e: DbError) -> DbError {
    DbError { severity: rustydb_base::Severity::Fatal, ..e }
}

/// `-c a=b --c=d` with backslash-escaped blanks.
fn option_words(text: &str) -> Result<Vec<(String, String)>> {
    let mut words = vec![String::new()];
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let last = words.len() - 1;
        match c {
            '\\' => words[last].extend(chars.next()),
            c if c.is_ascii_whitespace() => words.push(String::new()),
            c => words[last].push(c),
        }
    }
    let mut out = Vec::new();
    let mut words = words.into_iter().filter(|w| !w.is_empty());
    while let Some(w) = words.next() {
        let pair = if let Some(p) = w.strip_prefix("--") {
            p.replacen('-', "_", p.split('=').next().unwrap_or("").matches('-').count())
        } else if w == "-c" {
            words.next().unwrap_or_default()
        } else if let Some(p) = w.strip_prefix("-c") {
            p.to_owned()
        } else {
            return Err(DbError::fatal(
                SqlState::SYNTAX_ERROR,
                format!("invalid command-line argument for server process: {w}"),
            ));
        };
        match pair.split_once('=') {
            Some((n, v)) => out.push((n.to_owned(), v.to_owned())),
            None => {
                return Err(DbError::fatal(SqlState::SYNTAX_ERROR, format!("-c {pair} requires a value")));
            }
        }
    }
    Ok(out)
}

/// Settings that the client is told of, in PostgreSQL's order.
pub const REPORTED: &[&str] = &[
    "application_name",
    "client_encoding",
    "DateStyle",
    "default_transaction_read_only",
    "in_hot_standby",
    "integer_datetimes",
    "IntervalStyle",
    "is_superuser",
    "server_encoding",
    "server_version",
    "session_authorization",
    "standard_conforming_strings",
    "TimeZone",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_the_startup_packet() {
        let words = option_words("-c work_mem=1MB --search-path=a\\ b  -cx.y=1").expect("well formed");
        let words: Vec<(&str, &str)> = words.iter().map(|w| (w.0.as_str(), w.1.as_str())).collect();
        assert_eq!(words, [("work_mem", "1MB"), ("search_path", "a b"), ("x.y", "1")]);
        assert!(option_words("--geqo").is_err());
        assert!(option_words("nonsense").is_err());
    }
}
