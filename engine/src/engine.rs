//! The engine: one store, its databases, and what all sessions share.

use crate::catalog::bootstrap::{self, DATABASES};
use crate::catalog::change::{CatalogChange, next_version};
use crate::catalog::load::{self, CatalogRows};
use crate::catalog::rows::{CatRow, table};
use crate::catalog::{Catalog, FIRST_USER_OID, Persistence, RelKind, Relation, system};
use crate::exec::CancelFlag;
use crate::exec::eval::Env;
use crate::exec::partition::PartitionRt;
use crate::exec::run::StatementEnv;
use crate::exec::table::{TableRt, borrow_keys};
use crate::settings::Settings;
use crate::transaction::Transaction;
use hashbrown::HashMap as FastMap;
use parking_lot::{Mutex, RwLock};
use rustydb_base::{DbError, RelId, Result, SqlState};
use rustydb_storage::am::Method;
use rustydb_storage::crypto::{Encryption, KeySource};
use rustydb_storage::io::{IoMethod, IoRef};
use rustydb_storage::lock::LockManager;
use rustydb_storage::rt::TokioRuntime;
use rustydb_storage::scan::{RowScan, ScanEnv, partitions};
use rustydb_storage::sequence::{SequenceRule, SequenceState};
use rustydb_storage::ssi::SsiLimits;
use rustydb_storage::store::{CommitOptions, Interrupt, RelationKind, Store, StoreOptions};
use rustydb_storage::txn::Isolation;
use rustydb_types::ctx::{EvalCtx, FormatSettings, SessionInfo};
use rustydb_types::datum::Datum;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::{SystemTime, UNIX_EPOCH};

/// Sequence that gives out OIDs; it is made last when a cluster is, so its presence says that the rest is there.
pub(crate) const OID_SEQUENCE: RelId = RelId(200);
/// Marks a data directory whose catalogs are complete.
const READY: &str = "catalogs_ready";
/// Prepared tables kept per database.
const TABLE_CACHE: usize = 4096;
/// Microseconds from 1970 to 2000.
pub const UNIX_TO_PG_EPOCH: i64 = 946_684_800_000_000;

/// How to open an engine.
#[derive(Clone, Debug, Default)]
pub struct EngineOptions {
    /// Data directory; made if it is missing or empty.
    pub data_dir: PathBuf,
    /// Settings from the command line and configuration.
    pub settings: Vec<(String, String)>,
    /// SCRAM verifier or plain text for the superuser of a new cluster (or to be set now).
    pub superuser_password: Option<String>,
    /// Text of a new directory's `pg_hba.conf`; `None` for an engine that asks nobody who they are.
    pub host_rules: Option<String>,
}

/// See the module.
pub struct Engine {
    store: Arc<Store>,
    /// Who may connect; `None` if that is not this engine's business.
    pub host_rules: Option<crate::hba::HostRules>,
    /// By OID.
    databases: RwLock<HashMap<u32, Arc<DatabaseState>>>,
    /// Commits of catalog changes so far.
    publications: AtomicU64,
    /// Databases that are being dropped or renamed: nobody may connect to them.
    closing: Mutex<HashSet<u32>>,
    /// Server-wide settings.
    pub settings: Arc<HashMap<String, String>>,
    /// When the server started, microseconds since 2000.
    pub started: i64,
    /// Range of OIDs handed out from the sequence in one go.
    oids: tokio::sync::Mutex<(u32, u32)>,
    /// Live sessions, by process id.
    pub sessions: crate::session::Registry,
    /// Prepared transactions.
    pub prepared: crate::two_phase::Registry,
    /// Exported snapshots.
    pub exports: crate::session::snapshot::Exports,
    /// LISTEN and NOTIFY.
    pub notifications: crate::notify::Hub,
    /// Text search dictionaries that were made from files.
    pub dictionaries: crate::dictionaries::DictionaryCache,
    /// Where their files are.
    pub search_files: crate::dictionaries::Folders,
    /// What statements cost.
    pub query_stats: crate::query_stats::QueryStats,
    /// The directory of the server's data.
    pub data_dir: PathBuf,
    /// What is counted of tables, functions, databases.
    pub statistics: crate::stats::Statistics,
}

/// One database.
pub struct DatabaseState {
    /// OID.
    pub oid: u32,
    engine: Weak<Engine>,
    strong: OnceLock<Arc<Engine>>,
    catalog: RwLock<Arc<Catalog>>,
    tables: Mutex<FastMap<(u32, u64), Arc<TableRt>>>,
    partitions: Mutex<FastMap<(u32, u64), Arc<PartitionRt>>>,
    /// Point programs of statements bound in this database.
    pub point_plans: crate::exec::run::PointPlans,
    /// Transactions whose catalog changes are committed but not yet in `catalog`.
    publishing: AtomicUsize,
    published: tokio::sync::Notify,
}

/// Held while catalog changes are being committed and published.
pub struct Publishing(Arc<DatabaseState>);

impl Drop for Publishing {
    fn drop(&mut self) {
        if self.0.publishing.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.published.notify_waiters();
        }
    }
}

/// Held while nobody may connect to a database.
pub struct Closing(Arc<Engine>, u32);

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.closing.lock().remove(&self.1);
    }
}

impl DatabaseState {
    /// Its name now.
    pub fn name(&self) -> String {
        self.catalog.read().database.name.clone()
    }

    /// Announces a commit of catalog changes.
    pub fn begin_publishing(self: &Arc<Self>) -> Publishing {
        self.publishing.fetch_add(1, Ordering::AcqRel);
        Publishing(Arc::clone(self))
    }

    /// Waits until no committed catalog change is unpublished. A session that has just got a lock reads the catalog
    /// only after this.
    pub async fn published(&self) {
        loop {
            let woken = self.published.notified();
            if self.publishing.load(Ordering::Acquire) == 0 {
                return;
            }
            woken.await;
        }
    }

    /// The engine.
    pub fn engine(&self) -> &Arc<Engine> {
        self.strong.get_or_init(|| self.engine.upgrade().expect("sessions keep the engine alive"))
    }

    /// The newest committed catalog.
    pub fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalog.read())
    }

    /// How rows find their partition, prepared once per version of the partitioned table's definition.
    pub fn partition_rt(
        &self,
        catalog: &Arc<Catalog>,
        eval: &EvalCtx,
        rel: &Arc<Relation>,
    ) -> Result<Arc<PartitionRt>> {
        let key = (rel.oid, rel.version);
        if let Some(rt) = self.partitions.lock().get(&key) {
            return Ok(Arc::clone(rt));
        }
        let rt = Arc::new(PartitionRt::new(catalog, eval, rel)?);
        let mut kept = self.partitions.lock();
        if kept.len() >= TABLE_CACHE {
            kept.clear();
        }
        kept.insert(key, Arc::clone(&rt));
        Ok(rt)
    }

    /// A table ready for row operations, prepared once per version of its definition.
    pub fn table_rt(&self, catalog: &Arc<Catalog>, eval: &EvalCtx, rel: &Arc<Relation>) -> Result<Arc<TableRt>> {
        let key = (rel.oid, rel.version);
        if let Some(rt) = self.tables.lock().get(&key) {
            return Ok(Arc::clone(rt));
        }
        let path: Vec<u32> = catalog.namespaces.keys().copied().collect();
        let cx = crate::bind::BindCx { catalog, search_path: &path, eval, role: rel.owner, sql: "" };
        let rt = Arc::new(TableRt::new(&cx, rel)?);
        let mut tables = self.tables.lock();
        if tables.len() >= TABLE_CACHE {
            tables.clear();
        }
        tables.insert(key, Arc::clone(&rt));
        Ok(rt)
    }
}

/// The session of the engine itself, for binding and evaluating what belongs to no client.
struct NoSession;

/// For values computed outside of any session.
pub(crate) fn sessionless() -> EvalCtx {
    let now = now_micros();
    EvalCtx {
        fmt: FormatSettings::default(),
        transaction_start: now,
        statement_start: now,
        session: Arc::new(NoSession),
        host: None,
    }
}

impl SessionInfo for NoSession {
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
    fn session_user(&self) -> String {
        "postgres".to_owned()
    }
    fn current_user(&self) -> String {
        "postgres".to_owned()
    }
    fn current_database(&self) -> String {
        String::new()
    }
    fn current_schemas(&self, _: bool) -> Vec<String> {
        Vec::new()
    }
    fn setting(&self, _: &str) -> Option<String> {
        None
    }
    fn set_setting(&self, name: &str, _: Option<&str>, _: bool) -> Result<String> {
        Err(DbError::internal(format!("no session to set {name} in")))
    }
    fn reg_in(&self, _: u32, text: &str) -> Result<u32> {
        text.parse().map_err(|_| DbError::internal(format!("no session to resolve {text} in")))
    }
    fn reg_out(&self, _: u32, oid: u32) -> String {
        oid.to_string()
    }
    fn format_user_type(&self, _: u32, _: i32) -> Option<String> {
        None
    }
    fn random(&self) -> f64 {
        0.0
    }
    fn set_seed(&self, _: f64) {}
}

/// Now, in microseconds since 2000.
pub fn now_micros() -> i64 {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_micros() as i64);
    unix - UNIX_TO_PG_EPOCH
}

/// What is to be done about a directory that cannot be opened because it is damaged.
fn say_what_to_do(e: DbError) -> DbError {
    let told = e.fields.as_ref().is_some_and(|f| f.hint.is_some());
    if told || !rustydb_storage::verify::is_damage(&e) {
        return e;
    }
    e.hint("Run \"rustydb check -D DIR\" to see what is damaged, and restore the directory from a backup.")
}

/// What an idle session is told whose transaction has ended for want of undo space.
fn kept_undo() -> DbError {
    DbError::fatal(
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        "terminating connection because its idle transaction keeps undo that is nearly full",
    )
}

/// The wanted way of doing I/O.
pub(crate) fn io_method(all: &Settings) -> IoMethod {
    match all.get("io_method") {
        "io_uring" => IoMethod::IoUring,
        "worker" => IoMethod::Worker,
        _ => IoMethod::Auto,
    }
}

/// Where the key-encryption key comes from, if that is configured.
fn key_source(all: &Settings) -> Result<Option<KeySource>> {
    let given = |name: &str| Some(all.get(name)).filter(|v| !v.is_empty()).map(str::to_owned);
    let mut sources = [
        given("encryption_key_file").map(|p| KeySource::File(PathBuf::from(p))),
        given("encryption_key_env").map(KeySource::Env),
        given("encryption_key_command").map(KeySource::Command),
    ]
    .into_iter()
    .flatten();
    let first = sources.next();
    if sources.next().is_some() {
        return Err(DbError::fatal(
            SqlState::CONFIG_FILE_ERROR,
            "only one of encryption_key_file, encryption_key_env and encryption_key_command can be set",
        ));
    }
    Ok(first)
}

/// Sizes and habits of the store, from the server's settings.
pub(crate) fn store_options(all: &Settings) -> Result<StoreOptions> {
    Ok(StoreOptions {
        encryption: Encryption { new_directory: all.is_on("encryption"), source: key_source(all)? },
        pool_bytes: usize::try_from(all.int("shared_buffers")).unwrap_or(16384) * 8192,
        direct: all.is_on("io_direct"),
        max_transactions: usize::try_from(all.int("max_connections")).unwrap_or(5000)
            + usize::try_from(all.int("max_prepared_transactions")).unwrap_or(0)
            + 64,
        memory_limit: usize::try_from(all.int("memory_table_limit")).unwrap_or(0) << 10,
        undo_limit: u64::try_from(all.int("undo_limit")).unwrap_or(0) << 10,
        undo_retention_micros: u64::try_from(all.int("undo_retention")).unwrap_or(0) * 1000,
        checkpoint_distance: u64::try_from(all.int("checkpoint_distance")).unwrap_or(1024) << 20,
        ssi: SsiLimits::from_settings(
            usize::try_from(all.int("max_connections")).unwrap_or(5000),
            usize::try_from(all.int("max_pred_locks_per_transaction")).unwrap_or(64),
            all.int("max_pred_locks_per_relation"),
            usize::try_from(all.int("max_pred_locks_per_page")).unwrap_or(2),
        ),
        ..StoreOptions::default()
    })
}

impl Engine {
    /// Opens a data directory, making it first if it is new.
    pub async fn open(options: EngineOptions) -> Result<Arc<Engine>> {
        let mut settings = HashMap::new();
        for (name, value) in &options.settings {
            Settings::set_server(&mut settings, name, value)?;
        }
        let settings = Arc::new(settings);
        let all = Settings::new(Arc::clone(&settings));
        std::fs::create_dir_all(&options.data_dir)
            .map_err(|e| DbError::io(format!("create directory \"{}\"", options.data_dir.display()), &e))?;
        let io = rustydb_storage::io::open_dir(&options.data_dir, io_method(&all))?;
        let engine = Engine::open_on(options, settings, io).await?;
        crate::expiry::start(&engine);
        crate::session::start_summaries(&engine);
        crate::stats::start(&engine);
        Ok(engine)
    }

    /// As [`Engine::open`], over files that need not be those of the directory themselves (an overlay).
    pub(crate) async fn open_on(
        options: EngineOptions,
        settings: Arc<HashMap<String, String>>,
        io: IoRef,
    ) -> Result<Arc<Engine>> {
        let all = Settings::new(Arc::clone(&settings));
        let rt = TokioRuntime::new(tokio::runtime::Handle::current());
        let opts = store_options(&all)?;
        crate::session::bound_plans(&all);
        crate::exec::nearest::register()?;
        let ready = options.data_dir.join(READY);
        let store = Store::open(opts, Arc::clone(&io), rt).await.map_err(say_what_to_do)?;
        // SHOW answers what the directory is, which is not chosen at each start.
        let mut settings = settings;
        if store.crypto().is_some() {
            Arc::make_mut(&mut settings).insert("encryption".to_owned(), "on".to_owned());
        }
        let prepared = crate::two_phase::Registry::default();
        for p in store.take_prepared().await? {
            prepared.found(p)?;
        }
        let statistics = crate::stats::Statistics::open(&*io, store.crashed()).await;
        let mut host_rules = None;
        if let Some(text) = &options.host_rules {
            let rules = crate::hba::HostRules::of(&options.data_dir);
            rules.create(text)?;
            rules.load()?;
            host_rules = Some(rules);
        }
        let engine = Arc::new(Engine {
            store,
            host_rules,
            databases: RwLock::new(HashMap::new()),
            publications: AtomicU64::new(0),
            closing: Mutex::new(HashSet::new()),
            settings,
            started: now_micros(),
            oids: tokio::sync::Mutex::new((0, 0)),
            sessions: crate::session::Registry::default(),
            prepared,
            exports: crate::session::snapshot::Exports::default(),
            notifications: crate::notify::Hub::default(),
            dictionaries: crate::dictionaries::DictionaryCache::default(),
            search_files: crate::dictionaries::Folders::of(&options.data_dir),
            query_stats: crate::query_stats::QueryStats::new(&all, now_micros()),
            data_dir: options.data_dir.clone(),
            statistics,
        });
        let ending = Arc::downgrade(&engine);
        engine.store.end_idle_writers_by(move |pid| {
            let Some(engine) = ending.upgrade() else { return false };
            // Of a session that has gone the transaction is going, too.
            engine.sessions.get(pid).is_none_or(|s| s.end_if_idle(kept_undo()))
        });
        if !ready.exists() {
            engine.bootstrap(options.superuser_password.clone()).await?;
            std::fs::write(&ready, b"1\n").map_err(|e| DbError::io("write the catalog marker", &e))?;
        }
        engine.load_databases().await?;
        engine.look_for_extensions(&engine.databases.read());
        engine.query_stats.restore(&**engine.store.io()).await?;
        engine.remove_lost().await?;
        if let Some(p) = &options.superuser_password {
            engine.set_superuser_password(p).await?;
        }
        Ok(engine)
    }

    /// Reads configuration files again; what is wrong with them is logged, and they change nothing then.
    pub fn reload(&self) {
        tracing::info!("received SIGHUP, reloading configuration files");
        let Some(rules) = &self.host_rules else { return };
        if let Err(e) = rules.load() {
            tracing::error!("{}; {} was not reloaded", e.message, crate::hba::FILE);
        }
    }

    /// The store.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// The lock manager.
    pub fn locks(&self) -> &Arc<LockManager> {
        self.store.locks()
    }

    /// A database by name; template0 and missing ones are refused by the caller.
    pub fn database(&self, name: &str) -> Option<Arc<DatabaseState>> {
        let databases = self.databases.read();
        let oid = databases.values().next()?.catalog.read().databases.get(name)?.oid;
        databases.get(&oid).cloned()
    }

    /// A database by OID.
    pub fn database_by_oid(&self, oid: u32) -> Option<Arc<DatabaseState>> {
        self.databases.read().get(&oid).cloned()
    }

    /// Keeps everyone from connecting to a database; `None` when somebody else does so already.
    pub fn close_database(self: &Arc<Self>, oid: u32) -> Option<Closing> {
        self.closing.lock().insert(oid).then(|| Closing(Arc::clone(self), oid))
    }

    /// Whether nobody may connect to a database.
    pub fn is_closing(&self, oid: u32) -> bool {
        self.closing.lock().contains(&oid)
    }

    /// Lets sessions connect to a database whose creation is committed.
    pub async fn add_database(self: &Arc<Self>, oid: u32) -> Result<()> {
        loop {
            let before = self.publications.load(Ordering::SeqCst);
            let d = self.load_database(oid).await?;
            let mut databases = self.databases.write();
            // What was published while the rows were read may not be among them.
            if self.publications.load(Ordering::SeqCst) == before {
                databases.insert(oid, Arc::new(d));
                self.look_for_extensions(&databases);
                return Ok(());
            }
        }
    }

    /// Forgets a database whose removal is committed.
    pub fn remove_database(&self, oid: u32) {
        let mut databases = self.databases.write();
        databases.remove(&oid);
        self.look_for_extensions(&databases);
    }

    /// Notes which extensions databases have that the server works for.
    fn look_for_extensions(&self, databases: &HashMap<u32, Arc<DatabaseState>>) {
        let catalogs: Vec<Arc<Catalog>> = databases.values().map(|d| d.catalog()).collect();
        self.query_stats.look(catalogs.iter().map(|c| &**c));
    }

    /// All databases.
    pub fn all_databases(&self) -> Vec<Arc<DatabaseState>> {
        self.databases.read().values().cloned().collect()
    }

    /// Any database: the shared catalogs are the same in all.
    pub fn any_database(&self) -> Option<Arc<DatabaseState>> {
        self.databases.read().values().next().cloned()
    }

    /// An evaluation context that belongs to no client.
    pub fn bare_eval(&self) -> EvalCtx {
        sessionless()
    }

    /// The next OID for a new object.
    pub async fn next_oid(&self) -> Result<u32> {
        let mut range = self.oids.lock().await;
        if range.0 >= range.1 {
            let rule = SequenceRule { increment: 32, min: 1, max: i64::from(u32::MAX) - 64, cycle: false };
            let given = self.store.sequence_next(OID_SEQUENCE, &rule, 1).await?;
            let first = given
                .and_then(|g| u32::try_from(g.value).ok())
                .ok_or_else(|| DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "out of object identifiers"))?;
            *range = (first, first + 32);
        }
        range.0 += 1;
        Ok(range.0 - 1)
    }

    /// Makes the committed catalog changes of a transaction visible to everyone.
    pub fn publish(&self, db: &Arc<DatabaseState>, changes: &[CatalogChange]) {
        let shared: Vec<&CatalogChange> = changes.iter().filter(|c| c.is_shared()).collect();
        let databases = self.databases.read();
        self.publications.fetch_add(1, Ordering::SeqCst);
        for d in databases.values() {
            let own = d.oid == db.oid;
            if !own && shared.is_empty() {
                continue;
            }
            let mut current = d.catalog.write();
            let before = Arc::clone(&current);
            let mut cat = (*before).clone();
            if own {
                changes.iter().for_each(|c| c.settled(&cat).apply(&mut cat));
                cat.publish_detaching(self.store.last_scn().0);
            } else {
                shared.iter().for_each(|c| c.apply(&mut cat));
            }
            let after = Arc::new(cat);
            *current = Arc::clone(&after);
            drop(current);
            if own {
                self.statistics.published(d.oid, &before, &after, changes);
            }
        }
        if changes.iter().any(|c| matches!(c, CatalogChange::PutExtension(_) | CatalogChange::DropExtension(_))) {
            self.look_for_extensions(&databases);
        }
    }

    /// Stops: ends the background work and closes the store.
    pub async fn close(&self) -> Result<()> {
        self.keep_statistics().await;
        let saves = Settings::new(Arc::clone(&self.settings)).is_on("pg_stat_statements.save");
        if saves
            && self.store.crypto().is_none()
            && let Err(e) = self.query_stats.save(&**self.store.io()).await
        {
            tracing::warn!("{e}; the counts of pg_stat_statements are lost");
        }
        self.store.shutdown().await
    }

    // ---- making and loading ------------------------------------------------------------------------------------

    async fn bootstrap(self: &Arc<Self>, superuser_password: Option<String>) -> Result<()> {
        let mut txn = self.store.begin(Isolation::ReadCommitted)?;
        let eval = self.bare_eval();
        let password = superuser_password.map(|p| stored_password(&p)).transpose()?;
        for (n, (oid, ..)) in DATABASES.iter().enumerate() {
            let relations = system::relations(*oid);
            let mut by_table: HashMap<u32, Vec<CatRow>> = HashMap::new();
            for row in bootstrap::database(&relations) {
                by_table.entry(row.table).or_default().push(row);
            }
            if n == 0 {
                for row in bootstrap::shared(password.clone()) {
                    by_table.entry(row.table).or_default().push(row);
                }
            }
            let mut cat = empty_catalog();
            bootstrap::namespaces().into_iter().for_each(|x| cat.put_namespace(x));
            let cat = Arc::new(cat);
            let cx = crate::bind::BindCx { catalog: &cat, search_path: &[], eval: &eval, role: 10, sql: "" };
            for r in relations.into_iter().filter(|r| r.kind == RelKind::Table) {
                let shared = rustydb_types::pgdata::relation(r.oid).is_some_and(|x| x.relisshared);
                if shared && n > 0 {
                    continue;
                }
                let Some(storage) = r.storage.clone() else { continue };
                txn.create_fixed_relation(storage.heap, RelationKind::Heap).await?;
                txn.create_fixed_relation(storage.overflow, RelationKind::Overflow).await?;
                for i in &r.indexes {
                    txn.create_fixed_relation(i.storage, RelationKind::Index(Method::BTREE)).await?;
                }
                let rows = by_table.remove(&r.oid).unwrap_or_default();
                if rows.is_empty() {
                    continue;
                }
                let rt = TableRt::new(&cx, &Arc::new(r))?;
                insert_rows(&mut txn, &rt, &eval, &rows).await?;
            }
        }
        txn.create_fixed_relation(
            OID_SEQUENCE,
            RelationKind::Sequence(SequenceState { last: i64::from(FIRST_USER_OID), is_called: false }),
        )
        .await?;
        let done = txn.commit(CommitOptions { catalog_changed: true }).await?;
        self.store.gate(done.lsn).await
    }

    async fn load_databases(self: &Arc<Self>) -> Result<()> {
        // The shared catalogs are those of the first database, even when that itself has been dropped.
        let (rows, _) = self.read_catalog(&system::relations(DATABASES[0].0)).await?;
        for r in rows.get(&table::PG_DATABASE).into_iter().flatten() {
            let oid = load::database(r)?.oid;
            let d = self.load_database(oid).await?;
            self.databases.write().insert(oid, Arc::new(d));
        }
        Ok(())
    }

    async fn load_database(self: &Arc<Self>, oid: u32) -> Result<DatabaseState> {
        let relations = system::relations(oid);
        let (rows, lists) = self.read_catalog(&relations).await?;
        let mut cat = load::catalog(&rows, oid)?;
        for r in relations {
            let own = lists.iter().find(|l| l.class == table::PG_CLASS && l.oid == r.oid).map(|l| l.acl.clone());
            let columns: Vec<_> = lists
                .iter()
                .filter(|l| l.class == table::PG_ATTRIBUTE && l.oid == r.oid)
                .map(|l| (l.sub, l.acl.clone()))
                .collect();
            let acl = crate::acl::RelationAcl { own, columns, rows: None }.kept();
            cat.put_relation(Relation { version: next_version(), acl, ..r });
        }
        for l in lists.into_iter().filter(|l| !matches!(l.class, table::PG_CLASS | table::PG_ATTRIBUTE)) {
            cat.change_rights(|r| {
                r.objects.insert((l.class, l.oid), l.acl);
            });
        }
        Ok(DatabaseState {
            oid,
            engine: Arc::downgrade(self),
            strong: OnceLock::new(),
            catalog: RwLock::new(Arc::new(cat)),
            tables: Mutex::new(FastMap::new()),
            partitions: Mutex::new(FastMap::new()),
            point_plans: crate::exec::run::PointPlans::default(),
            publishing: AtomicUsize::new(0),
            published: tokio::sync::Notify::new(),
        })
    }

    /// What a definition needs that no session runs.
    pub(crate) fn bare_env(&self, eval: &Arc<EvalCtx>) -> StatementEnv {
        StatementEnv {
            eval: Arc::clone(eval),
            cancel: CancelFlag::default(),
            interrupt: Interrupt::new(),
            dep_lsn: Arc::default(),
            work_mem: 4 << 20,
            temp_limit: None,
            snapshot: Arc::default(),
            stale: Arc::default(),
        }
    }

    /// Removes what did not outlive the last run: temporary objects, rows of tables in memory, and after a crash those of
    /// unlogged relations.
    async fn remove_lost(self: &Arc<Self>) -> Result<()> {
        let databases = self.all_databases();
        let eval = Arc::new(self.bare_eval());
        let env = self.bare_env(&eval);
        for db in databases {
            let cat = db.catalog();
            let begin =
                || Transaction::begin(&db, &self.store.session(0), Isolation::ReadCommitted, false, now_micros());
            for ns in cat.namespaces.keys().filter(|ns| crate::ddl::temp::is_temporary(&cat, **ns)) {
                if cat.relations.values().any(|r| r.namespace == *ns) {
                    let lsn = crate::ddl::drop_temporary(begin()?, *ns, &eval, &env).await?;
                    self.store.gate(lsn).await?;
                }
            }
            let crashed = self.store.crashed();
            let lost = |r: &Relation| r.in_memory() || (crashed && r.persistence == Persistence::Unlogged);
            if cat.relations.values().any(|r| lost(r)) {
                let lsn = crate::ddl::empty_lost(begin()?, crashed, &eval, &env).await?;
                self.store.gate(lsn).await?;
            }
        }
        Ok(())
    }

    /// All rows of the catalog tables that typed objects are made from. Rows of the system's own relations are left out:
    /// their definitions are compiled in.
    async fn read_catalog(self: &Arc<Self>, relations: &[Relation]) -> Result<(CatalogRows, Vec<SystemAcl>)> {
        const WANTED: &[u32] = &[
            table::PG_CLASS,
            table::PG_ATTRIBUTE,
            table::PG_TYPE,
            table::PG_INDEX,
            table::PG_CONSTRAINT,
            crate::catalog::types::PG_ENUM,
            crate::catalog::types::PG_RANGE,
            crate::catalog::routines::PG_AGGREGATE,
            crate::catalog::operators::PG_OPERATOR,
            crate::catalog::casts::PG_CAST,
            crate::catalog::collations::PG_COLLATION,
            crate::catalog::extensions::PG_EXTENSION,
            table::PG_ATTRDEF,
            table::PG_SEQUENCE,
            table::PG_NAMESPACE,
            table::PG_AUTHID,
            table::PG_DATABASE,
            table::PG_DB_ROLE_SETTING,
            table::PG_REWRITE,
            table::PG_DEPEND,
            table::PG_STATISTIC,
            table::PG_AUTH_MEMBERS,
            table::PG_DEFAULT_ACL,
            table::PG_INHERITS,
            table::PG_PARTITIONED_TABLE,
            table::PG_POLICY,
            table::PG_STATISTIC_EXT,
            table::PG_STATISTIC_EXT_DATA,
            // Only for the lists of built-in objects.
            table::PG_PROC,
            table::PG_LANGUAGE,
        ];
        let mut txn = self.store.begin(Isolation::ReadCommitted)?;
        let snap = txn.snapshot();
        let eval = self.bare_eval();
        let cat = Arc::new(empty_catalog());
        let cx = crate::bind::BindCx { catalog: &cat, search_path: &[], eval: &eval, role: 10, sql: "" };
        let (mut out, mut lists) = (CatalogRows::new(), Vec::new());
        let wanted = |oid: u32| WANTED.contains(&oid) || crate::catalog::objects::TABLES.contains(&oid);
        for r in relations.iter().filter(|r| wanted(r.oid)) {
            let rt = TableRt::new(&cx, &Arc::new(r.clone()))?;
            let env = ScanEnv { store: Arc::clone(&self.store), snap, interrupt: Interrupt::new() };
            let mut list = Vec::new();
            for blocks in partitions(&env, rt.desc.rel, 1).await? {
                let mut scan = RowScan::new(env.clone(), rt.desc.rel, Arc::clone(&rt.desc.layout), blocks);
                while let Some(rows) = scan.next().await? {
                    let mut page = Vec::new();
                    for (_, row) in rows.iter() {
                        if !is_system_row(&rt, row)? {
                            page.push(row.to_vec());
                        } else if let Some(acl) = system_acl(&rt, row)? {
                            lists.push(acl);
                        }
                    }
                    for row in page {
                        let values = crate::exec::tables::decode_row(&mut txn, &rt, &row).await?;
                        list.push(CatRow { table: r.oid, values });
                    }
                }
            }
            out.insert(r.oid, list);
        }
        txn.commit(CommitOptions::default()).await?;
        Ok((out, lists))
    }

    async fn set_superuser_password(self: &Arc<Self>, password: &str) -> Result<()> {
        let Some(db) = self.database("postgres") else { return Ok(()) };
        let session = self.store.session(0);
        let mut tx =
            crate::transaction::Transaction::begin(&db, &session, Isolation::ReadCommitted, false, now_micros())?;
        if let Some(r) = tx.catalog.roles.get(&system::SUPERUSER).cloned() {
            let password = Some(stored_password(password)?);
            tx.put_role(crate::catalog::Role { password, ..(*r).clone() }).await?;
        }
        let lsn = tx.commit().await?;
        self.store.gate(lsn).await
    }
}

/// Whether a catalog row belongs to a system relation: its first column is (or leads to) a system OID.
fn is_system_row(rt: &TableRt, row: &[u8]) -> Result<bool> {
    let t = rt.rel.oid;
    if matches!(
        t,
        table::PG_NAMESPACE
            | table::PG_AUTHID
            | table::PG_AUTH_MEMBERS
            | table::PG_DEFAULT_ACL
            | table::PG_DATABASE
            | table::PG_DB_ROLE_SETTING
            | table::PG_DEPEND
    ) {
        return Ok(false);
    }
    Ok(match rt.attribute(row, 0)? {
        crate::exec::table::Stored::Value(Datum::Oid(v)) => v < FIRST_USER_OID,
        _ => false,
    })
}

/// The privileges kept for an object of the system, whose definition is compiled in.
struct SystemAcl {
    class: u32,
    oid: u32,
    sub: i16,
    acl: crate::acl::Acl,
}

fn system_acl(rt: &TableRt, row: &[u8]) -> Result<Option<SystemAcl>> {
    let class = rt.rel.oid;
    let column = match class {
        table::PG_CLASS => "relacl",
        table::PG_ATTRIBUTE => "attacl",
        table::PG_PROC => "proacl",
        table::PG_TYPE => "typacl",
        table::PG_LANGUAGE => "lanacl",
        _ => return Ok(None),
    };
    let value = |name: &str| match crate::catalog::rows::column_index(class, name) {
        Some(i) => rt.attribute(row, i).map(|v| match v {
            crate::exec::table::Stored::Value(d) => d,
            _ => Datum::Null,
        }),
        None => Ok(Datum::Null),
    };
    let Some(acl) = crate::acl::item::decode_list(&value(column)?)? else { return Ok(None) };
    let Datum::Oid(oid) = value(if class == table::PG_ATTRIBUTE { "attrelid" } else { "oid" })? else {
        return Ok(None);
    };
    let sub = match class {
        table::PG_ATTRIBUTE => match value("attnum")? {
            Datum::Int2(n) => n,
            _ => 0,
        },
        _ => 0,
    };
    Ok(Some(SystemAcl { class, oid, sub, acl }))
}

fn empty_catalog() -> Catalog {
    Catalog {
        database: crate::catalog::Database::default(),
        namespaces: HashMap::new(),
        namespace_names: HashMap::new(),
        relations: HashMap::new(),
        relation_names: HashMap::new(),
        roles: HashMap::new(),
        role_names: HashMap::new(),
        databases: HashMap::new(),
        role_settings: HashMap::new(),
        row_types: HashMap::new(),
        rights: Arc::default(),
        types: HashMap::new(),
        type_names: HashMap::new(),
        type_owners: HashMap::new(),
        routines: HashMap::new(),
        routine_names: HashMap::new(),
        operators: HashMap::new(),
        casts: HashMap::new(),
        objects: HashMap::new(),
        collations: HashMap::new(),
        extensions: HashMap::new(),
        detaching: Vec::new(),
        types_version: 0,
    }
}

/// Inserts rows page by page.
pub(crate) async fn insert_rows(
    txn: &mut rustydb_storage::store::Txn,
    rt: &TableRt,
    eval: &EvalCtx,
    rows: &[CatRow],
) -> Result<()> {
    for chunk in rows.chunks(512) {
        let mut images = Vec::with_capacity(chunk.len());
        let mut keys = Vec::new();
        for r in chunk {
            let encoded = rt.encode(&r.values)?;
            let mut image = Vec::new();
            txn.encode(&rt.desc, &encoded.values(), &mut image).await?;
            images.push(image);
            keys.extend(rt.keys(Env { ctx: eval, params: &[] }, &r.values)?);
        }
        let images: Vec<&[u8]> = images.iter().map(Vec::as_slice).collect();
        if let Err(d) = txn.insert_batch(&rt.desc, &images, &borrow_keys(&keys)).await? {
            return Err(rt.duplicate(d.index, &chunk[d.row].values));
        }
    }
    Ok(())
}

/// A password as the catalog keeps it: a verifier, made from plain text unless it is one already.
fn stored_password(p: &str) -> Result<String> {
    if crate::scram::Verifier::parse(p).is_some() { Ok(p.to_owned()) } else { crate::scram::scram_verifier(p) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_new_cluster_opens_again() {
        let dir = std::env::temp_dir().join(format!("rustydb-engine-test-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&dir);
        let options = EngineOptions { data_dir: dir.clone(), ..EngineOptions::default() };
        for _ in 0..2 {
            let e = Engine::open(options.clone()).await.expect("opens");
            let db = e.database("postgres").expect("exists from the start");
            let cat = db.catalog();
            assert!(cat.relation_named(11, "pg_class").is_some());
            assert_eq!(cat.role_named("postgres").map(|r| r.superuser), Some(true));
            assert!(cat.databases.contains_key("template0"));
            assert!(e.next_oid().await.expect("sequence") >= FIRST_USER_OID);
            e.close().await.expect("closes");
        }
        let _ = std::fs::remove_dir_all(&dir);
    }
}
