//! Bound statements and how long they stay valid.
//!
//! A plan lists the relations it names with their versions; before a statement's first row operation its table locks are
//! taken, then those versions are compared with the newest catalog and the statement is bound again on a difference.
//! Prepared statements keep their plan; plans that depend on nothing of the session but its search path and role are
//! also shared among all sessions under the statement's text, as far as `plan_cache_limit` goes.

use super::plan_memory::{self, PLAN_CACHE_BYTES};
use super::{PathCache, Session};
use crate::acl::needs::Needs;
use crate::api::ColumnDesc;
use crate::bind::{BindCx, Binder};
use crate::catalog::{Catalog, Persistence};
use crate::exec::constants;
use crate::plan::ir::{Bound, ExprKind, OutputColumn};
use crate::plan::walk;
use crate::transaction::Transaction;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, TableLockMode};
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::TypeRef;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, OnceLock, Weak};
use std::time::Duration;

/// A bound statement.
pub struct Plan {
    /// The tree.
    pub bound: Arc<Bound>,
    /// Parameter types.
    pub params: Arc<[TypeRef]>,
    /// Result columns; `None` when no rows come back.
    pub columns: Option<Arc<[ColumnDesc]>>,
    /// OID, version and lock mode of each relation named.
    relations: Vec<(u32, u64, TableLockMode)>,
    /// Those of them that are temporary, with their schema.
    temporary: Vec<(u32, u32)>,
    /// Version of the catalog's types ([`Catalog::types_version`]).
    types: u64,
    /// A materialized view among them that has no rows yet.
    unpopulated: Option<String>,
    path: Vec<u32>,
    role: u32,
    /// What must be allowed, whether it was found so, and the state of rights it was bound in.
    needs: Needs,
    allowed: AtomicBool,
    rights: u64,
    /// The catalog it was last found valid in; compared by address only.
    catalog: Weak<Catalog>,
    /// Whether it asks for the transaction's number, and whether it is to have one then.
    asks_number: Option<bool>,
    /// What computing its constant parts came to, once it was tried.
    constants: OnceLock<Result<()>>,
    /// Its size, about.
    bytes: u64,
    /// The query id of its statement, once it was asked for.
    query_id: OnceLock<u64>,
    /// Nanoseconds that it took to make, 0 when that is not known or was counted.
    planned: AtomicU64,
}

/// Whether a statement calls a function for the number of its transaction, and one that gives it a number; and about how
/// many bytes it takes.
fn survey(bound: &Bound) -> (Option<bool>, u64) {
    let mut found = None;
    let mut size = plan_memory::Size::default();
    walk::visit_bound(bound, &mut |e| {
        size.add(e);
        if let ExprKind::Call { proc, .. } = &e.kind
            && let Some(rest) = proc.prosrc.strip_prefix("pg_current_xact_id")
        {
            found = Some(found == Some(true) || rest.is_empty());
        }
    });
    (found, size.bytes())
}

/// What a plan is found by.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    database: u32,
    text: Arc<str>,
    params: Vec<u32>,
    path: Vec<u32>,
    role: u32,
}

/// Plans weigh what they take of memory.
#[derive(Clone)]
struct ByBytes;

impl Weighter<Key, Arc<Plan>> for ByBytes {
    fn weight(&self, key: &Key, plan: &Arc<Plan>) -> u64 {
        plan.bytes + key.text.len() as u64
    }
}

/// Plans that a cache of the usual size holds, about.
const SHARED_PLANS: usize = 4096;
/// Its size until the server says another.
const SHARED_BYTES: u64 = 64 << 20;
/// Plans shared by all sessions.
static SHARED: LazyLock<Cache<Key, Arc<Plan>, ByBytes>> =
    LazyLock::new(|| Cache::with_weighter(SHARED_PLANS, SHARED_BYTES, ByBytes));

/// Sets the bytes that shared plans may take.
pub(crate) fn bound_shared(bytes: u64) {
    SHARED.set_capacity(bytes);
}

/// Longer texts are not worth keeping for others.
const MAX_SHARED_TEXT: usize = 16 * 1024;

impl Plan {
    /// Of a statement that a binder has just bound.
    pub(crate) fn new(b: &mut Binder<'_>, bound: Bound, role: u32) -> Result<Plan> {
        let (asks_number, bytes) = survey(&bound);
        Ok(Plan {
            columns: columns(&bound),
            asks_number,
            constants: OnceLock::new(),
            bytes,
            query_id: OnceLock::new(),
            planned: AtomicU64::new(0),
            bound: Arc::new(bound),
            params: b.finish_params()?.into(),
            relations: b.relations.iter().map(|r| (r.0.oid, r.0.version, r.1)).collect(),
            unpopulated: b.relations.iter().find(|r| !r.0.populated).map(|r| r.0.name.clone()),
            temporary: b
                .relations
                .iter()
                .filter(|r| r.0.persistence == Persistence::Temporary)
                .map(|r| (r.0.oid, r.0.namespace))
                .collect(),
            types: b.cx.catalog.types_version,
            path: b.cx.search_path.to_vec(),
            role,
            needs: std::mem::take(&mut b.needs).settled(),
            allowed: AtomicBool::new(false),
            rights: b.cx.catalog.rights.version,
            catalog: Arc::downgrade(b.cx.catalog),
        })
    }

    /// Bytes that it takes, about.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The query id of its statement, computed once by `f` from the search path.
    pub(crate) fn query_id(&self, f: impl FnOnce(&[u32]) -> u64) -> u64 {
        *self.query_id.get_or_init(|| f(&self.path))
    }

    /// The search path that it was bound under.
    pub(crate) fn path(&self) -> &[u32] {
        &self.path
    }

    /// The role that it was bound for.
    pub(crate) fn role(&self) -> u32 {
        self.role
    }

    /// Notes how long it took to make.
    pub(crate) fn set_planned(&mut self, spent: Duration) {
        *self.planned.get_mut() = u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX).max(1);
    }

    /// How long it took to make, told once.
    pub(crate) fn take_planned(&self) -> Option<Duration> {
        // Mostly there is nothing to take.
        let known = self.planned.load(Ordering::Relaxed) != 0;
        known.then(|| Duration::from_nanos(self.planned.swap(0, Ordering::Relaxed))).filter(|d| !d.is_zero())
    }

    /// Takes the table locks it needs.
    pub(crate) async fn lock(&self, tx: &mut Transaction) -> Result<()> {
        for (rel, _, mode) in &self.relations {
            tx.lock_table(*rel, *mode, false).await?;
        }
        Ok(())
    }

    /// First word of the command tag.
    pub fn command(&self) -> &'static str {
        match &*self.bound {
            Bound::Query(_) => "SELECT",
            Bound::Insert(_) => "INSERT",
            Bound::Update(_) => "UPDATE",
            Bound::Delete(_) => "DELETE",
            Bound::Merge(_) => "MERGE",
        }
    }

    /// The command tag for a number of rows.
    pub fn tag(&self, rows: u64) -> String {
        match &*self.bound {
            Bound::Insert(_) => format!("INSERT 0 {rows}"),
            _ => format!("{} {rows}", self.command()),
        }
    }

    /// Whether rows are returned by a plain query, so that they may be produced piecemeal.
    pub fn is_query(&self) -> bool {
        matches!(&*self.bound, Bound::Query(_))
    }

    /// Whether running it changes stored rows.
    pub fn writes(&self) -> bool {
        self.relations.iter().any(|r| r.2 >= TableLockMode::RowExclusive)
    }

    /// Whether running it changes stored rows that outlive their session.
    pub fn writes_permanent(&self) -> bool {
        let temporary = |oid: u32| self.temporary.iter().any(|t| t.0 == oid);
        self.relations.iter().any(|r| r.2 >= TableLockMode::RowExclusive && !temporary(r.0))
    }

    /// Whether it asks for the transaction's number, which is given to it before it starts.
    pub fn asks_number(&self) -> Option<bool> {
        self.asks_number
    }

    /// Whether rows are locked (SELECT FOR UPDATE).
    pub fn locks_rows(&self) -> bool {
        self.relations.iter().any(|r| r.2 == TableLockMode::RowShare)
    }

    /// Whether its role may do what it does. A plan is valid only as long as what decides that is unchanged, so a
    /// positive answer holds as long as the plan does.
    pub fn check_rights(&self, catalog: &Catalog) -> Result<()> {
        if !self.allowed.load(Ordering::Relaxed) {
            self.needs.check(catalog, self.role)?;
            self.allowed.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The server itself runs it: nothing is asked.
    pub fn trust(&self) {
        self.allowed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_valid(&self, catalog: &Arc<Catalog>, path: &[u32], role: u32) -> bool {
        if self.role != role || self.path != path || self.types != catalog.types_version {
            return false;
        }
        // A Weak keeps its allocation, so an equal address is the same catalog.
        std::ptr::eq(self.catalog.as_ptr(), Arc::as_ptr(catalog))
            || self.rights == catalog.rights.version
                && self.relations.iter().all(|r| catalog.relation(r.0).is_some_and(|now| now.version == r.1))
    }
}

/// How a column of a result is described.
pub fn describe(c: &OutputColumn) -> ColumnDesc {
    ColumnDesc {
        name: c.name.clone(),
        table_oid: c.origin.0,
        attnum: c.origin.1,
        // Clients see a domain's base type.
        ty: rustydb_types::usertype::base(c.ty),
        typlen: crate::catalog::types::Shape::of(c.ty.oid).len,
    }
}

/// A computed column of a type.
pub fn column(name: &str, ty: u32) -> ColumnDesc {
    describe(&OutputColumn { name: name.to_owned(), ty: TypeRef::new(ty), origin: (0, 0) })
}

fn columns(b: &Bound) -> Option<Arc<[ColumnDesc]>> {
    let list = match b {
        Bound::Query(q) => &q.columns,
        Bound::Insert(i) => &i.returning.as_ref()?.columns,
        Bound::Update(u) => &u.returning.as_ref()?.columns,
        Bound::Delete(d) => &d.returning.as_ref()?.columns,
        Bound::Merge(_) => return None,
    };
    Some(list.iter().map(describe).collect())
}

impl Session {
    /// The context values are read, evaluated and shown in for a statement that begins now.
    pub(crate) fn eval(&self) -> Arc<EvalCtx> {
        Arc::new(EvalCtx {
            fmt: self.shared.formats(),
            transaction_start: self.tx.tx.as_ref().map_or(self.statement_start, |t| t.start),
            statement_start: self.statement_start,
            session: Arc::clone(&self.shared) as _,
            host: None,
        })
    }

    /// Fails as those of a plan's constant parts do that cannot be computed: the statement is not begun then. What computing
    /// them has to say is said when the statement runs.
    pub(crate) fn check_constants(&self, plan: &Plan) -> Result<()> {
        let compute = || match constants::has_candidates(&plan.bound) {
            true => self.shared.hushed(|| constants::check(&plan.bound, &self.eval())),
            false => Ok(()),
        };
        plan.constants.get_or_init(compute).clone()
    }

    /// The search path in the transaction's catalog.
    pub(crate) fn path(&mut self, catalog: &Arc<Catalog>) -> Arc<[u32]> {
        let version = self.shared.settings_version();
        if self.path.version != version || !std::ptr::eq(self.path.catalog.as_ptr(), Arc::as_ptr(catalog)) {
            let path = self.shared.search_path(catalog).into();
            self.path = PathCache { version, catalog: Arc::downgrade(catalog), path };
        }
        Arc::clone(&self.path.path)
    }

    /// Runs `f` with a binder in the transaction's newest catalog.
    pub(crate) fn with_binder<T>(
        &mut self,
        sql: &str,
        params: &[u32],
        f: impl FnOnce(&mut Binder<'_>) -> Result<T>,
    ) -> Result<T> {
        let catalog = Arc::clone(self.tx()?.refresh_catalog());
        self.shared.set_catalog(&catalog);
        let path = self.path(&catalog);
        let eval = self.eval();
        let cx = BindCx { catalog: &catalog, search_path: &path, eval: &eval, role: self.shared.user_oid(), sql };
        let mut binder = Binder::new(&cx, params);
        f(&mut binder)
    }

    /// Binds a query or DML statement. `None` for statements that are not for the planner.
    pub(crate) fn bind_statement(
        &mut self,
        stmt: &ast::Statement,
        sql: &str,
        params: &[u32],
        allow_params: bool,
    ) -> Result<Option<Arc<Plan>>> {
        self.bind_noting(stmt, sql, params, allow_params).map(|p| p.map(|p| p.0))
    }

    fn bind_noting(
        &mut self,
        stmt: &ast::Statement,
        sql: &str,
        params: &[u32],
        allow_params: bool,
    ) -> Result<Option<(Arc<Plan>, bool)>> {
        let role = self.shared.user_oid();
        let started = self.planning_starts();
        self.with_binder(sql, params, |b| {
            b.allow_params = allow_params;
            let Some(bound) = b.statement(stmt)? else { return Ok(None) };
            let mut plan = Plan::new(b, bound, role)?;
            if let Some(t) = started {
                plan.set_planned(t.elapsed());
            }
            Ok(Some((Arc::new(plan), b.context_dependent)))
        })
    }

    /// A plan of a whole statement text, from the shared ones if another session has bound it already. A transaction
    /// with its own catalog changes neither takes nor gives shared plans.
    pub(crate) fn plan_text(
        &mut self,
        stmt: &ast::Statement,
        sql: &Arc<str>,
        params: &[u32],
    ) -> Result<Option<Arc<Plan>>> {
        let shareable = sql.len() <= MAX_SHARED_TEXT && !self.tx()?.has_catalog_changes();
        if !shareable {
            return self.bind_statement(stmt, sql, params, true);
        }
        let catalog = Arc::clone(self.tx()?.refresh_catalog());
        let key = Key {
            database: self.db.oid,
            text: Arc::clone(sql),
            params: params.to_vec(),
            path: self.path(&catalog).to_vec(),
            role: self.shared.user_oid(),
        };
        if let Some(plan) = SHARED.get(&key)
            && plan.is_valid(&catalog, &key.path, key.role)
        {
            self.shared.set_catalog(&catalog);
            return Ok(Some(plan));
        }
        let Some((plan, private)) = self.bind_noting(stmt, sql, params, true)? else { return Ok(None) };
        if !private {
            SHARED.insert(key, Arc::clone(&plan));
            PLAN_CACHE_BYTES.set(i64::try_from(SHARED.weight()).unwrap_or(i64::MAX));
        }
        Ok(Some(plan))
    }

    /// Whether a plan may be used as it is, under the catalog of now.
    pub(crate) fn is_current(&mut self, plan: &Plan) -> Result<bool> {
        let catalog = Arc::clone(self.tx()?.refresh_catalog());
        self.shared.set_catalog(&catalog);
        let path = self.path(&catalog);
        Ok(plan.is_valid(&catalog, &path, self.shared.user_oid()))
    }

    /// A plan's relations must be readable: temporary ones are this session's (writing them is noted), materialized views
    /// have been filled.
    fn check_readable(&mut self, plan: &Plan) -> Result<()> {
        if let Some(name) = &plan.unpopulated {
            return Err(DbError::new(
                SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("materialized view \"{name}\" has not been populated"),
            )
            .hint("Use the REFRESH MATERIALIZED VIEW command."));
        }
        if plan.temporary.is_empty() {
            return Ok(());
        }
        let catalog = Arc::clone(&self.tx()?.catalog);
        let own = self.shared.temp_namespace(&catalog);
        if plan.temporary.iter().any(|t| Some(t.1) != own) {
            return Err(DbError::unsupported("cannot access temporary tables of other sessions"));
        }
        if plan.writes() {
            self.shared.temp.note_use();
        }
        Ok(())
    }

    /// As [`Session::lock_named`], for a plan that is going to run.
    pub(crate) async fn lock_plan(&mut self, plan: Arc<Plan>, stmt: &ast::Statement, sql: &str) -> Result<Arc<Plan>> {
        let plan = self.lock_named(plan, stmt, sql).await?;
        self.check_readable(&plan)?;
        Ok(plan)
    }

    /// Takes the table locks of a plan, then makes sure that it is still what its text means.
    pub(crate) async fn lock_named(
        &mut self,
        mut plan: Arc<Plan>,
        stmt: &ast::Statement,
        sql: &str,
    ) -> Result<Arc<Plan>> {
        loop {
            for (rel, _, mode) in &plan.relations {
                self.tx()?.lock_table(*rel, *mode, false).await?;
            }
            if self.is_current(&plan)? {
                plan.check_rights(&self.tx()?.catalog)?;
                return Ok(plan);
            }
            let params: Vec<u32> = plan.params.iter().map(|t| t.oid).collect();
            let stmt = self.placed(stmt, sql)?;
            let Some(again) = self.bind_statement(&stmt, sql, &params, true)? else { return Ok(plan) };
            plan = again;
        }
    }
}
