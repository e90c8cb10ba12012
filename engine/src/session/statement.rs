//! Statements: the simple protocol's strings, and what each kind of statement does.

use super::listing::{Listed, StatementLine};
use super::plan::{Plan, column};
use super::plan_memory::Room;
use super::rows::{Portal, Rows, Source, Stage};
use super::txn::{Block, aborted};
use super::{Session, set};
use crate::api::{ColumnDesc, ExecuteEnd, Output, RowShape};
use crate::ddl::{self, DdlCx};
use crate::exec::run::{self, Executed, StatementEnv};
use parking_lot::Mutex;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, DiscardTarget, SetAction, Statement};
use rustydb_parser::{ParseOptions, Parsed};
use rustydb_types::datum::Datum;
use rustydb_types::oid;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A prepared statement.
pub struct Prepared {
    /// The whole text its positions are in.
    pub text: Arc<str>,
    /// What `pg_prepared_statements` shows: all that the client sent with it.
    pub own_text: Arc<str>,
    /// Where in `text` the statement stands.
    pub place: Range<usize>,
    /// The statement; `None` for an empty one.
    pub stmt: Option<Arc<Statement>>,
    /// Parameter types.
    pub params: Arc<[u32]>,
    /// Result columns.
    pub columns: Option<Arc<[ColumnDesc]>>,
    /// The plan found last, for queries and DML.
    pub plan: Mutex<Option<Arc<Plan>>>,
    /// Its line of `pg_prepared_statements`.
    pub listed: Option<Listed>,
    /// What it takes of the memory for prepared statements.
    pub room: Option<Room>,
}

/// What a utility statement answers.
pub(super) enum Done {
    /// A command tag.
    Tag(String),
    /// Rows with the tag's words.
    Rows(Arc<[ColumnDesc]>, Vec<Vec<Datum>>, String),
}

/// A running statement timeout; disarmed when dropped.
pub(super) struct Timer(Option<tokio::task::AbortHandle>);

impl Drop for Timer {
    fn drop(&mut self) {
        if let Some(h) = &self.0 {
            h.abort();
        }
    }
}

impl Session {
    /// Arms `statement_timeout`.
    pub(super) fn timer(&self) -> Timer {
        let Some(limit) = self.limits.statement_timeout else { return Timer(None) };
        let shared = Arc::clone(&self.shared);
        let task = tokio::spawn(async move {
            tokio::time::sleep(limit).await;
            shared.stop(DbError::new(SqlState::QUERY_CANCELED, "canceling statement due to statement timeout"));
        });
        Timer(Some(task.abort_handle()))
    }

    pub(super) fn parse_options(&self) -> ParseOptions {
        ParseOptions { standard_conforming_strings: self.limits.standard_strings }
    }

    pub(super) fn parsed(&self, p: &mut Parsed) {
        for n in p.notices.drain(..) {
            self.shared.notice("NOTICE", n);
        }
    }

    /// 25P02 in a failed block, except for statements that end it.
    pub(super) fn check_aborted(&self, stmt: &Statement) -> Result<()> {
        let ends = matches!(
            stmt,
            Statement::Transaction(
                ast::Transaction::Commit { .. }
                    | ast::Transaction::Rollback { .. }
                    | ast::Transaction::RollbackTo(_)
                    | ast::Transaction::Prepare(_)
            )
        );
        if self.tx.block == Block::Failed && !ends { Err(aborted()) } else { Ok(()) }
    }

    /// The simple protocol.
    pub(super) async fn run_string(&mut self, sql: &str, out: &mut dyn Output) -> Result<()> {
        self.finish_undo().await;
        let list = rustydb_parser::parse_with(sql, &self.parse_options())?;
        self.portals.remove("");
        self.prepared.remove("");
        if list.is_empty() {
            out.empty_query();
            return Ok(());
        }
        let text: Arc<str> = sql.into();
        let count = list.len();
        for (i, mut p) in list.into_iter().enumerate() {
            if i > 0 {
                self.statement_start = super::now_micros();
                self.read_limits();
            }
            let _timer = self.timer();
            self.parsed(&mut p);
            self.check_aborted(&p.stmt)?;
            self.ensure_transaction().await?;
            self.tx.shared_string = count > 1;
            let tag = self.run_simple(p, &text, out).await?;
            if i + 1 == count {
                self.end_implicit().await?;
            } else if let Some(tx) = self.tx.tx.as_mut() {
                tx.next_command();
            }
            self.note_dependencies();
            self.tell(out);
            out.complete(&tag);
        }
        self.tx.shared_string = false;
        Ok(())
    }

    async fn run_simple(&mut self, p: Parsed, text: &Arc<str>, out: &mut dyn Output) -> Result<String> {
        let own: Arc<str> =
            if p.text == (0..text.len()) { Arc::clone(text) } else { text.get(p.text.clone()).unwrap_or("").into() };
        let mut stmt = p.stmt;
        let at_cursor = self.at_cursor(&mut stmt, text)?;
        let stmt = Arc::new(stmt);
        let plan = match &*stmt {
            // Its plan is good only where the cursor stands now.
            _ if at_cursor => self.bind_statement(&stmt, text, &[], false)?,
            // Positions in errors count from the start of the string, so only a statement alone in it can be shared.
            _ if is_plannable(&stmt) && own.len() == text.len() && p.params == 0 => self.plan_text(&stmt, text, &[])?,
            _ if is_plannable(&stmt) => self.bind_statement(&stmt, text, &[], false)?,
            _ => None,
        };
        let shape = plan.as_ref().and_then(|p| p.columns.clone()).map(all_text);
        let source = Source { stmt: Some(stmt), text: Arc::clone(text), own, place: p.text };
        let mut portal = Portal::new(source, plan, [].into(), shape);
        match self.run_portal(&mut portal, 0, true, out).await? {
            ExecuteEnd::Complete(tag) => Ok(tag),
            ExecuteEnd::Suspended | ExecuteEnd::Empty => Err(DbError::internal("a simple statement did not complete")),
        }
    }

    /// [`Session::run_portal`] without counting.
    pub(super) async fn run_portal_unwatched(
        &mut self,
        portal: &mut Portal,
        max: usize,
        describe: bool,
        out: &mut dyn Output,
    ) -> Result<ExecuteEnd> {
        let Some(stmt) = portal.source.stmt.clone() else { return Ok(ExecuteEnd::Empty) };
        if matches!(portal.stage, Stage::New) {
            portal.stage = Stage::Failed;
            let opened = match &portal.plan {
                Some(plan) => {
                    let plan = Arc::clone(plan);
                    self.open_plan(portal, plan, &stmt).await?
                }
                // Seldom and large: the futures of all other statements should not be as large.
                None => Box::pin(self.open_utility(portal, &stmt, out)).await?,
            };
            match opened {
                Opened::Rows(rows) => portal.stage = Stage::Open(rows),
                Opened::Tag(tag) => {
                    portal.stage = Stage::Done;
                    portal.tag = tag.clone();
                    return Ok(ExecuteEnd::Complete(tag));
                }
            }
            if describe && let Some(shape) = &portal.shape {
                out.row_description(shape);
            }
        }
        let mut rows = match std::mem::replace(&mut portal.stage, Stage::Failed) {
            Stage::Open(rows) => rows,
            Stage::Done if portal.plan.as_ref().is_some_and(|p| p.is_query()) => {
                portal.stage = Stage::Done;
                return Ok(ExecuteEnd::Complete(portal.tag_for(0)));
            }
            _ => {
                return Err(DbError::new(
                    SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                    format!("portal \"{}\" cannot be run", portal.name),
                ));
            }
        };
        let Some(shape) = portal.shape.clone() else {
            return Err(DbError::internal("rows without columns"));
        };
        let fmt = self.shared.formats();
        let (sent, ended) = rows.send(self, &shape, &fmt, max, out).await?;
        if ended {
            portal.stage = Stage::Done;
            self.statement_done(portal.plan.as_deref());
            Ok(ExecuteEnd::Complete(portal.tag_for(sent)))
        } else {
            portal.stage = Stage::Open(rows);
            Ok(ExecuteEnd::Suspended)
        }
    }

    /// Starts a query or DML statement.
    async fn open_plan(&mut self, portal: &mut Portal, plan: Arc<Plan>, stmt: &Statement) -> Result<Opened> {
        let text = Arc::clone(&portal.source.text);
        let plan = self.lock_plan(plan, stmt, &text).await?;
        if let Some(shape) = &portal.shape
            && plan.columns.as_deref().is_none_or(|c| !same_columns(c, &shape.columns))
        {
            return Err(result_changed());
        }
        portal.plan = Some(Arc::clone(&plan));
        self.note_plan(&plan, stmt, &portal.source);
        match self.start_plan(&plan, Arc::clone(&portal.params)).await? {
            Executed::Rows(source) => Ok(Opened::Rows(Rows::new(source))),
            Executed::Count(n) => {
                self.statement_done(Some(&plan));
                Ok(Opened::Tag(plan.tag(n)))
            }
        }
    }

    /// Runs a locked plan.
    pub(super) async fn start_plan(&mut self, plan: &Arc<Plan>, params: Arc<[Datum]>) -> Result<Executed> {
        if plan.writes_permanent() {
            self.check_read_only(plan.command())?;
        } else if plan.locks_rows() {
            self.check_read_only("SELECT FOR UPDATE")?;
        }
        self.tx.used = true;
        self.shared.snapshots.depth.store(self.tx.depth(), Ordering::Relaxed);
        let env = self.env();
        self.check_constants(plan)?;
        let lock_timeout = self.limits.lock_timeout;
        let tx = self.tx()?;
        tx.txn.rules.lock_timeout = lock_timeout;
        if let Some(must) = plan.asks_number() {
            let xid = if must { tx.txn.ensure_xid().await?.0 } else { tx.txn.xid().0 };
            self.shared.set_facts(super::shared::TxnFacts { xid, ..self.shared.facts() });
        }
        let tx = self.tx()?;
        run::run(tx, &plan.bound, params, env).await
    }

    /// What a statement's execution is given.
    pub(super) fn env(&self) -> StatementEnv {
        StatementEnv {
            eval: self.eval(),
            cancel: self.shared.cancel.clone(),
            interrupt: self.shared.interrupt.clone(),
            dep_lsn: self.shared.gate.cell(),
            work_mem: self.limits.work_mem,
            temp_limit: self.limits.temp_limit,
            snapshot: Arc::clone(&self.shared.snapshots.current),
            stale: Arc::default(),
        }
    }

    /// A statement is complete: its changes become visible to the next.
    fn statement_done(&mut self, plan: Option<&Plan>) {
        let open = self.portals.values().any(|p| matches!(p.stage, Stage::Open(_)));
        if let Some(tx) = self.tx.tx.as_mut() {
            if plan.is_some_and(Plan::writes) {
                tx.next_command();
            }
            if !open && tx.isolation == rustydb_storage::txn::Isolation::ReadCommitted {
                tx.release_snapshot();
            }
        }
    }

    /// Runs a utility statement.
    async fn open_utility(
        &mut self,
        portal: &mut Portal,
        stmt: &Arc<Statement>,
        out: &mut dyn Output,
    ) -> Result<Opened> {
        match &**stmt {
            Statement::Execute(e) => return self.open_execute(portal, e).await,
            Statement::Fetch(f) => return self.open_fetch(portal, f).await,
            Statement::Prepare(p) => return self.prepare_statement(p, &portal.source).map(Opened::Tag),
            _ => {}
        }
        let (text, own) = (Arc::clone(&portal.source.text), Arc::clone(&portal.source.own));
        match self.utility(stmt, &text, &own, out).await? {
            Done::Tag(tag) => Ok(Opened::Tag(tag)),
            Done::Rows(columns, data, tag) => {
                portal.tag = tag;
                let n = columns.len();
                let formats = match &portal.shape {
                    Some(s) if s.formats.len() == n => Arc::clone(&s.formats),
                    _ => vec![0; n].into(),
                };
                portal.shape = Some(RowShape { columns, formats });
                Ok(Opened::Rows(Rows::ready(data)))
            }
        }
    }

    async fn utility(
        &mut self,
        stmt: &Arc<Statement>,
        text: &Arc<str>,
        own: &Arc<str>,
        out: &mut dyn Output,
    ) -> Result<Done> {
        let tag = |t: &str| Ok(Done::Tag(t.to_owned()));
        match &**stmt {
            Statement::Transaction(t) => self.transaction_statement(t).await.map(Done::Tag),
            Statement::Set(s) => self.set_statement(s, own).await.map(Done::Tag),
            Statement::Show(name) => self.show(name.as_deref()),
            Statement::Deallocate(name) => match name {
                None => {
                    self.prepared.clear();
                    tag("DEALLOCATE ALL")
                }
                Some(n) => {
                    self.prepared.remove(&n.value).ok_or_else(|| no_prepared(&n.value))?;
                    tag("DEALLOCATE")
                }
            },
            Statement::DeclareCursor(d) => self.declare(d, text, own).await.map(Done::Tag),
            Statement::Close(name) => self.close_cursor(name.as_ref()).map(Done::Tag),
            Statement::Copy(c) => self.copy(c, text, out).await.map(Done::Tag),
            Statement::Explain(e) => self.explain(e, text).await,
            Statement::Vacuum(v) => self.vacuum(v, text).await.map(Done::Tag),
            Statement::Lock(l) => self.lock_tables(l, text).await.map(Done::Tag),
            Statement::Discard(d) => self.discard(*d).await.map(Done::Tag),
            Statement::Call(c) => Box::pin(self.call(c, text)).await,
            Statement::Listen(c) => self.listen(&c.value).map(Done::Tag),
            Statement::Unlisten(c) => self.unlisten(c.as_ref().map(|c| c.value.as_str())).map(Done::Tag),
            Statement::Notify(n) => {
                self.notify(&n.channel.value, n.payload.as_deref().unwrap_or_default()).map(Done::Tag)
            }
            Statement::Checkpoint => {
                // The role pg_checkpoint.
                if !self.shared.may_act_as(4544) {
                    return Err(DbError::new(
                        SqlState::INSUFFICIENT_PRIVILEGE,
                        "must be superuser or have privileges of pg_checkpoint to do CHECKPOINT",
                    ));
                }
                self.engine.store().checkpoint().await?;
                rustydb_storage::store::CHECKPOINTS_ASKED.inc();
                tag("CHECKPOINT")
            }
            Statement::SetConstraints(s) => self.set_constraints(s).await.map(Done::Tag),
            Statement::CreateDatabase(d) => self.create_database(d, text).await.map(Done::Tag),
            Statement::DropDatabase(d) => self.drop_database(d, text).await.map(Done::Tag),
            Statement::RefreshMaterializedView(r) => self.refresh_matview(r, text).await.map(Done::Tag),
            Statement::FlashbackTable(f) => self.flashback_table(f, text).await.map(Done::Tag),
            Statement::CreateTableAs(c) => self.create_table_as(c, text).await.map(Done::Tag),
            other => {
                self.check_read_only(&definition_name(other))?;
                self.definition(other, text).await.map(Done::Tag)
            }
        }
    }

    /// CREATE, ALTER, DROP and their kin.
    async fn definition(&mut self, stmt: &Statement, text: &str) -> Result<String> {
        self.tx.used = true;
        let eval = self.eval();
        let env = self.env();
        let in_block = self.in_block();
        let role = self.shared.user_oid();
        let lock_timeout = self.limits.lock_timeout;
        let catalog = Arc::clone(self.tx()?.refresh_catalog());
        self.shared.set_catalog(&catalog);
        let search_path = self.path(&catalog).to_vec();
        let tx = self.tx()?;
        tx.txn.rules.lock_timeout = lock_timeout;
        let mut cx = DdlCx::new(tx, search_path, role, &eval, &env, text, in_block);
        let r = ddl::execute(&mut cx, stmt).await;
        let (notices, beside) = (std::mem::take(&mut cx.notices), cx.beside.take());
        for (severity, n) in notices {
            self.shared.notice(severity, n);
        }
        let tag = r?;
        let tx = self.tx()?;
        tx.next_command();
        let catalog = Arc::clone(&tx.catalog);
        self.shared.set_catalog(&catalog);
        match beside {
            None => {}
            Some(ddl::Beside::Index { table, index }) => self.complete_index(table, index).await?,
            Some(ddl::Beside::Reindex(all)) => self.complete_reindex(all).await?,
            Some(ddl::Beside::Detach { parent, part }) => self.complete_detach(parent, part, text).await?,
        }
        Ok(tag)
    }

    async fn set_statement(&mut self, s: &ast::Set, own: &str) -> Result<String> {
        if s.local && !self.in_block() && !matches!(s.action, SetAction::Snapshot(_)) {
            self.shared
                .warning(SqlState::NO_ACTIVE_SQL_TRANSACTION, "SET LOCAL can only be used in transaction blocks");
        }
        match &s.action {
            SetAction::Value(name, values) => {
                let text = set::value_text(name, values)?;
                match set::as_modes(name, &text)? {
                    Some(modes) => self.set_modes(&modes).await?,
                    None => set::set_value(&self.shared, name, Some(&text), s.local)?,
                }
                Ok("SET".into())
            }
            SetAction::Default(name) => {
                match set::as_modes(name, set_default(&self.shared, name).as_str())? {
                    Some(modes) => self.set_modes(&modes).await?,
                    None => set::set_value(&self.shared, name, None, s.local)?,
                }
                // RESET name is SET name TO DEFAULT under another tag.
                let reset = own.get(..5).is_some_and(|w| w.eq_ignore_ascii_case("reset"));
                Ok(if reset { "RESET" } else { "SET" }.into())
            }
            SetAction::FromCurrent(_) => {
                Err(DbError::new(SqlState::SYNTAX_ERROR, "SET ... FROM CURRENT is not allowed here"))
            }
            SetAction::ResetAll => {
                set::reset_all(&self.shared);
                Ok("RESET".into())
            }
            SetAction::Transaction(modes) => self.set_transaction(modes).await.map(|()| "SET".into()),
            SetAction::SessionCharacteristics(m) => {
                let on = |b: bool| if b { "on" } else { "off" };
                if let Some(i) = m.isolation {
                    set::set_value(&self.shared, "default_transaction_isolation", Some(i.as_str()), false)?;
                }
                if let Some(r) = m.read_only {
                    set::set_value(&self.shared, "default_transaction_read_only", Some(on(r)), false)?;
                }
                if let Some(d) = m.deferrable {
                    set::set_value(&self.shared, "default_transaction_deferrable", Some(on(d)), false)?;
                }
                Ok("SET".into())
            }
            SetAction::Snapshot(_) if s.local => {
                Err(DbError::unsupported("SET LOCAL TRANSACTION SNAPSHOT is not implemented"))
            }
            SetAction::Snapshot(name) => self.import_snapshot(name).await.map(|()| "SET".into()),
        }
    }

    fn show(&mut self, name: Option<&str>) -> Result<Done> {
        let text = |s: String| Datum::Text(s.into());
        match name {
            Some(name) => {
                let value = set::show(&self.shared, name)?;
                Ok(Done::Rows(show_columns(Some(name)), vec![vec![text(value)]], "SHOW".into()))
            }
            None => {
                let rows =
                    set::all(&self.shared).into_iter().map(|(n, v)| vec![text(n), text(v), Datum::Null]).collect();
                Ok(Done::Rows(show_columns(None), rows, "SHOW".into()))
            }
        }
    }

    async fn discard(&mut self, what: DiscardTarget) -> Result<String> {
        match what {
            DiscardTarget::All => {
                self.must_be_alone("DISCARD ALL")?;
                self.portals.clear();
                set::set_value(&self.shared, "session_authorization", None, false)?;
                set::reset_all(&self.shared);
                self.prepared.clear();
                self.unlisten(None)?;
                self.engine.locks().release_session_all(self.store.lock_owner());
                self.shared.sequences.forget();
                self.discard_temporary().await?;
                Ok("DISCARD ALL".into())
            }
            DiscardTarget::Plans => {
                for p in self.prepared.values() {
                    *p.plan.lock() = None;
                }
                Ok("DISCARD PLANS".into())
            }
            DiscardTarget::Sequences => {
                self.shared.sequences.forget();
                Ok("DISCARD SEQUENCES".into())
            }
            DiscardTarget::Temp => {
                self.discard_temporary().await?;
                Ok("DISCARD TEMP".into())
            }
        }
    }

    async fn lock_tables(&mut self, l: &ast::Lock, text: &Arc<str>) -> Result<String> {
        self.must_be_in_block("LOCK TABLE")?;
        self.tx.used = true;
        if l.mode > ast::TableLockMode::RowShare {
            self.check_read_only("LOCK TABLE")?;
        }
        let lock_timeout = self.limits.lock_timeout;
        for t in &l.tables {
            let name = t.name.clone();
            let rel = self.with_binder(text, &[], |b| b.utility_relation(&name))?;
            if rel.kind != crate::catalog::RelKind::Table && rel.kind != crate::catalog::RelKind::View {
                return Err(DbError::new(
                    SqlState::WRONG_OBJECT_TYPE,
                    format!("cannot lock relation \"{}\"", rel.name),
                ));
            }
            let user = self.shared.user_oid();
            self.check_may_lock(&rel, l.mode, user)?;
            let tx = self.tx()?;
            tx.txn.rules.lock_timeout = lock_timeout;
            tx.lock_table(rel.oid, l.mode, l.nowait).await?;
            if !t.only {
                let below = tx.refresh_catalog().tree(rel.oid);
                for oid in below.into_iter().skip(1) {
                    tx.lock_table(oid, l.mode, l.nowait).await?;
                }
            }
            if rel.view.is_some() {
                self.lock_under_view(&rel, l).await?;
            }
        }
        Ok("LOCK TABLE".into())
    }

    /// Locks what a view reads, and what views below it read, with the rights of the views' owners.
    async fn lock_under_view(&mut self, view: &crate::catalog::Relation, l: &ast::Lock) -> Result<()> {
        use crate::catalog::RelKind;
        let mut seen = vec![view.oid];
        let user = self.shared.user_oid();
        let reader = |v: &crate::catalog::Relation| {
            if crate::bind::view_target::is_on(v, "security_invoker") { user } else { v.owner }
        };
        let mut open: Vec<(u32, u32)> = vec![(view.oid, reader(view))];
        while let Some((oid, owner)) = open.pop() {
            let catalog = std::sync::Arc::clone(self.tx()?.refresh_catalog());
            let Some(view) = catalog.relation(oid).cloned() else { continue };
            for below in view.depends.iter().map(|d| d.ref_relation) {
                let Some(rel) = catalog.relation(below).filter(|r| matches!(r.kind, RelKind::Table | RelKind::View))
                else {
                    continue;
                };
                if seen.contains(&below) {
                    continue;
                }
                seen.push(below);
                self.check_may_lock(rel, l.mode, owner)?;
                let is_view = rel.kind == RelKind::View;
                let below_as = reader(rel);
                let tx = self.tx()?;
                tx.lock_table(below, l.mode, l.nowait).await?;
                for oid in tx.refresh_catalog().tree(below).into_iter().skip(1) {
                    tx.lock_table(oid, l.mode, l.nowait).await?;
                }
                if is_view {
                    open.push((below, below_as));
                }
            }
        }
        Ok(())
    }

    /// 42501 unless the role may lock the table so: readers may lock against nobody but DROP.
    fn check_may_lock(&self, rel: &crate::catalog::Relation, mode: ast::TableLockMode, user: u32) -> Result<()> {
        use crate::acl::{Mask, check, privs};
        let mut any = privs::UPDATE | privs::DELETE | privs::TRUNCATE;
        if mode == ast::TableLockMode::AccessShare {
            any = privs::SELECT;
        } else if mode == ast::TableLockMode::RowExclusive {
            any |= privs::INSERT;
        }
        if check::on_relation(&self.shared.catalog(), rel, user, Mask::of(any)).privs != 0 {
            return Ok(());
        }
        Err(check::denied(check::relation_word(rel.kind), &rel.name))
    }

    /// PREPARE.
    fn prepare_statement(&mut self, p: &ast::Prepare, source: &Source) -> Result<String> {
        let text = &source.text;
        if self.prepared.contains_key(&p.name.value) {
            return Err(duplicate_prepared(&p.name.value));
        }
        let types = self.with_binder(text, &[], |b| {
            p.types.iter().map(|t| b.type_name(t).map(|t| t.oid)).collect::<Result<Vec<u32>>>()
        })?;
        if !is_plannable(&p.statement) {
            return Err(DbError::new(SqlState::SYNTAX_ERROR, "utility statements cannot be prepared"));
        }
        let stmt = Arc::new(p.statement.clone());
        let plan = self.bind_statement(&super::positioned::anywhere(&stmt), text, &types, true)?;
        let prepared = Prepared {
            text: Arc::clone(text),
            own_text: Arc::clone(text),
            place: source.place.clone(),
            params: plan.as_ref().map_or_else(|| types.clone().into(), |p| p.params.iter().map(|t| t.oid).collect()),
            columns: plan.as_ref().and_then(|p| p.columns.clone()),
            stmt: Some(stmt),
            plan: Mutex::new(plan),
            listed: None,
            room: None,
        };
        self.keep_prepared(&p.name.value, prepared, true)?;
        Ok("PREPARE".into())
    }

    pub(super) fn keep_prepared(&mut self, name: &str, mut p: Prepared, from_sql: bool) -> Result<()> {
        if self.prepared.len() >= super::MAX_PREPARED {
            return Err(DbError::new(
                SqlState::CONFIGURATION_LIMIT_EXCEEDED,
                format!("a session can keep no more than {} prepared statements", super::MAX_PREPARED),
            ));
        }
        if !name.is_empty() {
            let plan = p.plan.lock().as_ref().map_or(0, |plan| plan.bytes());
            // Its tree is about as large as its text.
            p.room = Some(Room::take(2 * p.text.len() as u64 + plan)?);
            p.listed = Some(self.shared.listing.statement(StatementLine {
                name: name.to_owned(),
                text: Arc::clone(&p.own_text),
                params: Arc::clone(&p.params),
                from_sql,
                at: self.statement_start,
            }));
        }
        self.prepared.insert(name.to_owned(), Arc::new(p));
        Ok(())
    }

    /// The current plan of a prepared statement.
    pub(super) fn prepared_plan(&mut self, p: &Prepared) -> Result<Option<Arc<Plan>>> {
        let Some(stmt) = &p.stmt else { return Ok(None) };
        if !is_plannable(stmt) {
            return Ok(None);
        }
        if super::positioned::is_at_cursor(stmt) {
            let here = self.placed(stmt, &p.text)?;
            return self.bind_statement(&here, &p.text, &p.params, true);
        }
        let kept = p.plan.lock().clone();
        if let Some(plan) = kept
            && self.is_current(&plan)?
        {
            return Ok(Some(plan));
        }
        let plan = self.bind_statement(stmt, &p.text, &p.params, true)?;
        if let (Some(plan), Some(columns)) = (&plan, &p.columns)
            && plan.columns.as_deref().is_none_or(|c| !same_columns(c, columns))
        {
            return Err(result_changed());
        }
        (*p.plan.lock()).clone_from(&plan);
        Ok(plan)
    }

    /// EXECUTE.
    async fn open_execute(&mut self, portal: &mut Portal, e: &ast::Execute) -> Result<Opened> {
        let text = Arc::clone(&portal.source.text);
        let prepared = self.prepared.get(&e.name.value).cloned().ok_or_else(|| no_prepared(&e.name.value))?;
        let params = self.execute_args(&prepared, e, &text)?;
        let Some(plan) = self.prepared_plan(&prepared)? else {
            return Err(DbError::unsupported("EXECUTE of a utility statement is not supported"));
        };
        let Some(stmt) = prepared.stmt.clone() else {
            return Err(DbError::internal("a plan without a statement"));
        };
        if let Some(columns) = plan.columns.clone() {
            let formats = match &portal.shape {
                Some(s) if s.formats.len() == columns.len() => Arc::clone(&s.formats),
                _ => vec![0; columns.len()].into(),
            };
            portal.shape = Some(RowShape { columns, formats });
        }
        portal.source = Source {
            stmt: Some(Arc::clone(&stmt)),
            text: Arc::clone(&prepared.text),
            own: Arc::clone(&prepared.own_text),
            place: prepared.place.clone(),
        };
        portal.params = params;
        self.open_plan(portal, plan, &stmt).await
    }

    /// Values of EXECUTE's arguments.
    pub(super) fn execute_args(&mut self, p: &Prepared, e: &ast::Execute, text: &str) -> Result<Arc<[Datum]>> {
        if p.params.len() != e.args.len() {
            return Err(DbError::new(
                SqlState::SYNTAX_ERROR,
                format!("wrong number of parameters for prepared statement \"{}\"", e.name.value),
            )
            .detail(format!("Expected {} parameters but got {}.", p.params.len(), e.args.len())));
        }
        let eval = self.eval();
        let types = Arc::clone(&p.params);
        self.with_binder(text, &[], |b| {
            let mut values = Vec::with_capacity(types.len());
            b.no_subquery = Some("EXECUTE parameter");
            for (i, (arg, ty)) in e.args.iter().zip(types.iter()).enumerate() {
                let bound = b.expr(arg).map_err(|e| match e.message.strip_suffix("are not allowed here") {
                    Some(what) => {
                        let message = format!("{what}are not allowed in EXECUTE parameters");
                        DbError { message: message.into(), ..e }
                    }
                    None => e,
                })?;
                let (from, pos) = (bound.ty.oid, rustydb_parser::char_position(text, arg.start()));
                let to = crate::bind::type_ref(*ty);
                let Some(cast) = b.coerce(bound, to, crate::bind::resolve::Coercion::Assignment)? else {
                    return Err(DbError::new(
                        SqlState::DATATYPE_MISMATCH,
                        format!(
                            "parameter ${} of type {} cannot be coerced to the expected type {}",
                            i + 1,
                            rustydb_types::typename::format_type(from, -1),
                            rustydb_types::typename::format_type(*ty, -1)
                        ),
                    )
                    .hint("You will need to rewrite or cast the expression.")
                    .at(pos));
                };
                let compiled = crate::exec::eval::compile(&cast, &|_| None)?;
                values.push(compiled.eval(crate::exec::eval::Env { ctx: &eval, params: &[] }, &[])?);
            }
            Ok(values.into())
        })
    }

    /// The columns a utility statement will answer with, if any.
    pub(super) fn utility_columns(&self, stmt: &Statement) -> Option<Arc<[ColumnDesc]>> {
        match stmt {
            Statement::Show(name) => Some(show_columns(name.as_deref())),
            Statement::Explain(e) => Some(super::explain::columns(e)),
            Statement::Execute(e) => self.prepared.get(&e.name.value)?.columns.clone(),
            Statement::Fetch(f) if !f.is_move => {
                self.portals.get(&f.cursor.value)?.shape.as_ref().map(|s| Arc::clone(&s.columns))
            }
            _ => None,
        }
    }

    /// Runs a plan for its effects and its time: how many rows it changed, if it does that, and how many it gave.
    pub(super) async fn drain_plan(&mut self, plan: &Arc<Plan>, params: Arc<[Datum]>) -> Result<(Option<u64>, u64)> {
        match self.start_plan(plan, params).await? {
            Executed::Count(n) => Ok((Some(n), 0)),
            Executed::Rows(source) => {
                let n = Rows::new(source).drain(self).await?;
                Ok(((!plan.is_query()).then_some(n), n))
            }
        }
    }
}

/// What opening a portal gave.
pub(super) enum Opened {
    /// Rows to come.
    Rows(Rows),
    /// It is complete.
    Tag(String),
}

/// Whether the binder takes a statement.
pub(super) fn is_plannable(stmt: &Statement) -> bool {
    matches!(
        stmt,
        Statement::Query(_) | Statement::Insert(_) | Statement::Update(_) | Statement::Delete(_) | Statement::Merge(_)
    )
}

/// Text format for every column.
pub(super) fn all_text(columns: Arc<[ColumnDesc]>) -> RowShape {
    let formats = vec![0; columns.len()].into();
    RowShape { columns, formats }
}

fn same_columns(a: &[ColumnDesc], b: &[ColumnDesc]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(x, y)| x.ty == y.ty && x.name == y.name)
}

fn result_changed() -> DbError {
    DbError::unsupported("cached plan must not change result type")
}

/// 26000.
pub(super) fn no_prepared(name: &str) -> DbError {
    let message = if name.is_empty() {
        "unnamed prepared statement does not exist".to_owned()
    } else {
        format!("prepared statement \"{name}\" does not exist")
    };
    DbError::new(SqlState::UNDEFINED_PSTATEMENT, message)
}

/// 42P05.
pub(super) fn duplicate_prepared(name: &str) -> DbError {
    DbError::new(SqlState::DUPLICATE_PSTATEMENT, format!("prepared statement \"{name}\" already exists"))
}

fn show_columns(name: Option<&str>) -> Arc<[ColumnDesc]> {
    match name {
        Some(n) => [column(&set::shown_name(n), oid::TEXT)].into(),
        None => ["name", "setting", "description"].map(|n| column(n, oid::TEXT)).into(),
    }
}

/// What errors call a statement.
pub fn statement_name(stmt: &Statement) -> String {
    use ast::Transaction as T;
    match stmt {
        Statement::Query(_) => "SELECT".into(),
        Statement::Transaction(T::Commit { .. }) => "COMMIT".into(),
        Statement::Transaction(T::Rollback { .. }) => "ROLLBACK".into(),
        Statement::Transaction(T::Savepoint(_)) => "SAVEPOINT".into(),
        Statement::Transaction(_) => "BEGIN".into(),
        Statement::Set(_) => "SET".into(),
        Statement::Vacuum(_) => "VACUUM".into(),
        Statement::Copy(_) => "COPY".into(),
        Statement::Call(_) => "CALL".into(),
        other => definition_name(other),
    }
}

/// The command a definition statement is called by in errors.
fn definition_name(stmt: &Statement) -> String {
    match stmt {
        Statement::CreateTable(_) | Statement::CreateTableAs(_) => "CREATE TABLE",
        Statement::AlterTable(_) => "ALTER TABLE",
        Statement::CreateIndex(_) => "CREATE INDEX",
        Statement::CreateSequence(_) => "CREATE SEQUENCE",
        Statement::AlterSequence(_) => "ALTER SEQUENCE",
        Statement::CreateSchema(_) => "CREATE SCHEMA",
        Statement::CreateView(_) => "CREATE VIEW",
        Statement::CreateRole(_) => "CREATE ROLE",
        Statement::AlterRole(_) => "ALTER ROLE",
        Statement::Truncate(_) => "TRUNCATE TABLE",
        Statement::Comment(_) => "COMMENT",
        Statement::SecurityLabel(_) => "SECURITY LABEL",
        Statement::CreateStatistics(_) => "CREATE STATISTICS",
        Statement::AlterStatistics(_) => "ALTER STATISTICS",
        Statement::Policy(p) if p.create => "CREATE POLICY",
        Statement::Policy(_) => "ALTER POLICY",
        Statement::Reindex(_) => "REINDEX",
        Statement::Purge(_) => "PURGE",
        Statement::Grant(g) => {
            if g.grant {
                "GRANT"
            } else {
                "REVOKE"
            }
        }
        Statement::CreateRoutine(r) if r.procedure => "CREATE PROCEDURE",
        Statement::CreateRoutine(_) => "CREATE FUNCTION",
        Statement::AlterRoutine(_) => "ALTER FUNCTION",
        Statement::CreateAggregate(_) => "CREATE AGGREGATE",
        Statement::CreateOperator(_) => "CREATE OPERATOR",
        Statement::AlterOperator(_) => "ALTER OPERATOR",
        Statement::CreateOperatorClass(_) => "CREATE OPERATOR CLASS",
        Statement::CreateOperatorFamily(_) => "CREATE OPERATOR FAMILY",
        Statement::AlterOperatorFamily(_) => "ALTER OPERATOR FAMILY",
        Statement::CreateCast(_) => "CREATE CAST",
        Statement::DefineSearch(s) => {
            return format!("{} {}", if s.alter { "ALTER" } else { "CREATE" }, s.kind.sql());
        }
        Statement::AlterMapping(_) => "ALTER TEXT SEARCH CONFIGURATION",
        Statement::CreateConversion(_) => "CREATE CONVERSION",
        Statement::CreateCollation(_) => "CREATE COLLATION",
        Statement::RefreshCollation(_) => "ALTER COLLATION",
        Statement::Drop(_) => "DROP TABLE",
        Statement::Rename(_) | Statement::AlterOwner(_) | Statement::AlterSchema(_) => "ALTER TABLE",
        Statement::Other(o) => o.tag,
        _ => "this statement",
    }
    .to_owned()
}

/// The value DEFAULT stands for, of a setting that is a transaction mode.
fn set_default(s: &super::SessionShared, name: &str) -> String {
    let of = match name.to_ascii_lowercase().as_str() {
        "transaction_isolation" => "default_transaction_isolation",
        "transaction_read_only" => "default_transaction_read_only",
        "transaction_deferrable" => "default_transaction_deferrable",
        _ => return String::new(),
    };
    s.settings(|x| x.get(of).to_owned())
}
