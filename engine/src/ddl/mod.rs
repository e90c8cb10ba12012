//! Definition statements.
//!
//! Idea: a statement clones the typed object it concerns, edits the clone and hands it to the transaction, which writes
//! the difference of the objects' rows to the catalog's tables and to its overlay snapshot. Nothing here knows how rows
//! are stored.
//!
//! Invariants: a relation is locked (in PostgreSQL's mode for the statement) before its definition is relied on, and the
//! definition is read again after the wait; expressions are kept in the form of [`crate::bind::define`]; what depends on
//! an object that goes is found first, and goes too (CASCADE) or refuses the statement.
//!
//! Left out: objects that are neither relations,
//! schemas nor roles: they are 0A000.

mod absent;
mod aggregate;
mod alter;
mod alter_column;
mod attach;
mod attribute;
mod callers;
mod cast;
mod check_rows;
mod cluster;
mod collation;
mod column;
mod comment;
mod constraint;
mod conversion;
pub mod database;
mod default_acl;
mod detach;
mod domain;
mod drop;
mod exclude;
mod extension;
pub mod flashback;
mod foreign;
mod function;
mod generated;
mod grant;
mod identity;
mod index;
mod inherit;
mod large_object;
pub mod matview;
mod membership;
pub mod names;
mod opclass;
mod opclass_items;
mod opclass_names;
mod operator;
mod options;
mod owned;
mod partition;
mod persistence;
mod policy;
mod recurse;
pub mod recyclebin;
mod reference;
pub mod reindex_beside;
mod rename;
mod role;
mod role_settings;
mod routine;
mod rule;
mod schema;
mod schema_object;
mod search;
mod sequence;
mod statistics;
mod table;
pub mod temp;
mod truncate;
mod tuning;
mod typed;
mod types;
mod view;
mod view_text;

pub(crate) use column::row_system;
pub(crate) use detach::finish as finish_detach;
pub(crate) use reference::whole as whole_reference;
pub use rename::each_column;
pub(crate) use rename::each_expr;
pub use table::create_table_for_query;
pub(crate) use types::default_opclass_of;

use crate::acl::{check, privs};
use crate::bind::{BindCx, Binder};
use crate::catalog::rows::{CatRow, relation as relation_rows};
use crate::catalog::{Catalog, ConstraintKind, FIRST_USER_OID, RelKind, Relation};
use crate::exec::run::StatementEnv;
use crate::transaction::Transaction;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, Name, ObjectKind, TableLockMode};
use rustydb_types::ctx::EvalCtx;
use rustydb_types::pgdata;
use std::sync::Arc;

/// Whether an error says that a type's name means none.
fn no_such_type(code: SqlState) -> bool {
    matches!(code, SqlState::UNDEFINED_OBJECT | SqlState::INVALID_SCHEMA_NAME)
}

/// What a definition statement works with.
pub struct DdlCx<'a> {
    /// The transaction.
    pub tx: &'a mut Transaction,
    /// Schemas of the search path that exist, `pg_catalog` included, in search order.
    pub search_path: Vec<u32>,
    /// The role that runs the statement.
    pub role: u32,
    /// For values.
    pub eval: &'a EvalCtx,
    /// For queries that read a table's rows.
    pub env: &'a StatementEnv,
    /// The text that places refer to.
    pub sql: &'a str,
    /// Inside BEGIN … COMMIT (or a multi-statement string): CONCURRENTLY is refused.
    pub in_block: bool,
    /// The statement is part of CREATE SCHEMA: new names go to the new schema, whatever the search path says.
    pub in_new_schema: bool,
    /// What a statement with CONCURRENTLY has yet to do beside other transactions.
    pub beside: Option<Beside>,
    /// Notices for the client: severity and message.
    pub notices: Vec<(&'static str, DbError)>,
}

/// What is left of a statement with CONCURRENTLY when its first transaction is made; see `session/concurrently.rs`.
#[derive(Debug)]
pub enum Beside {
    /// CREATE INDEX: the index is to be filled.
    Index {
        /// The table.
        table: u32,
        /// The index.
        index: u32,
    },
    /// DETACH PARTITION: a partition is marked, and is to be detached for good.
    Detach {
        /// The partitioned table.
        parent: u32,
        /// The partition.
        part: u32,
    },
    /// REINDEX: shadows are to be filled and take the indexes' places.
    Reindex(Vec<reindex_beside::Rebuild>),
}

/// Runs a definition statement and answers its command tag.
///
/// # Errors
/// PostgreSQL's; 0A000 for statements that are not definitions or not supported.
pub async fn execute(cx: &mut DdlCx<'_>, stmt: &ast::Statement) -> Result<String> {
    cx.tx.refresh_catalog();
    // The futures of the statements are large; the caller's should not be.
    match stmt {
        ast::Statement::CreateTable(s) => Box::pin(table::create(cx, s)).await.map(|()| "CREATE TABLE".into()),
        ast::Statement::CreateIndex(s) => Box::pin(index::create(cx, s)).await.map(|()| "CREATE INDEX".into()),
        ast::Statement::CreateSequence(s) => Box::pin(sequence::create(cx, s)).await.map(|()| "CREATE SEQUENCE".into()),
        ast::Statement::AlterSequence(s) => Box::pin(sequence::alter(cx, s)).await.map(|()| "ALTER SEQUENCE".into()),
        ast::Statement::CreateSchema(s) => Box::pin(schema::create(cx, s)).await.map(|()| "CREATE SCHEMA".into()),
        ast::Statement::CreateView(s) => Box::pin(view::create(cx, s)).await.map(|()| "CREATE VIEW".into()),
        ast::Statement::CreateEnum(s) => Box::pin(types::create_enum(cx, s)).await.map(|()| "CREATE TYPE".into()),
        ast::Statement::CreateType(s) => Box::pin(types::create(cx, s)).await.map(|()| "CREATE TYPE".into()),
        ast::Statement::AddEnumValue(s) => Box::pin(types::add_value(cx, s)).await.map(|()| "ALTER TYPE".into()),
        ast::Statement::AlterComposite(s) => Box::pin(attribute::alter(cx, s)).await.map(|()| "ALTER TYPE".into()),
        ast::Statement::CreateDomain(s) => Box::pin(domain::create(cx, s)).await.map(|()| "CREATE DOMAIN".into()),
        ast::Statement::AlterDomain(s) => Box::pin(domain::alter(cx, s)).await.map(|()| "ALTER DOMAIN".into()),
        ast::Statement::Drop(s) if of_types(s.kind) => Box::pin(types::drop(cx, s)).await,
        ast::Statement::Rename(s) if of_types(s.kind) => Box::pin(types::rename(cx, s)).await,
        ast::Statement::AlterOwner(s) if of_types(s.kind) => Box::pin(types::owner(cx, s)).await,
        ast::Statement::AlterSchema(s) if of_types(s.kind) => Box::pin(types::set_schema(cx, s)).await,
        ast::Statement::CreateRoutine(s) => {
            let tag = if s.procedure { "CREATE PROCEDURE" } else { "CREATE FUNCTION" };
            Box::pin(function::create(cx, s)).await.map(|()| tag.into())
        }
        ast::Statement::CreateAggregate(s) => {
            Box::pin(aggregate::create(cx, s)).await.map(|()| "CREATE AGGREGATE".into())
        }
        ast::Statement::CreateOperator(s) => Box::pin(operator::create(cx, s)).await.map(|()| "CREATE OPERATOR".into()),
        ast::Statement::AlterOperator(s) => Box::pin(operator::alter(cx, s)).await.map(|()| "ALTER OPERATOR".into()),
        ast::Statement::CreateOperatorClass(s) => {
            Box::pin(opclass::create_class(cx, s)).await.map(|()| "CREATE OPERATOR CLASS".into())
        }
        ast::Statement::CreateOperatorFamily(s) => {
            Box::pin(opclass::create_family(cx, s)).await.map(|()| "CREATE OPERATOR FAMILY".into())
        }
        ast::Statement::AlterOperatorFamily(s) => {
            Box::pin(opclass::alter_family(cx, s)).await.map(|()| "ALTER OPERATOR FAMILY".into())
        }
        ast::Statement::CreateCollation(s) => {
            Box::pin(collation::create(cx, s)).await.map(|()| "CREATE COLLATION".into())
        }
        ast::Statement::RefreshCollation(n) => Box::pin(collation::refresh(cx, n)).await,
        ast::Statement::CreateCast(s) => Box::pin(cast::create(cx, s)).await.map(|()| "CREATE CAST".into()),
        ast::Statement::DefineSearch(s) => Box::pin(search::define(cx, s)).await,
        ast::Statement::AlterMapping(s) => {
            Box::pin(search::alter_mapping(cx, s)).await.map(|()| "ALTER TEXT SEARCH CONFIGURATION".into())
        }
        ast::Statement::CreateConversion(s) => {
            Box::pin(conversion::create(cx, s)).await.map(|()| "CREATE CONVERSION".into())
        }
        ast::Statement::AlterRoutine(s) => Box::pin(routine::alter(cx, s)).await,
        ast::Statement::Rename(s) if routine::is_routine(s.kind) => Box::pin(routine::rename(cx, s)).await,
        ast::Statement::AlterOwner(s) if routine::is_routine(s.kind) => Box::pin(routine::owner(cx, s)).await,
        ast::Statement::AlterSchema(s) if routine::is_routine(s.kind) => Box::pin(routine::set_schema(cx, s)).await,
        ast::Statement::Drop(s) => Box::pin(drop::drop(cx, s)).await,
        ast::Statement::AlterTable(s) => Box::pin(alter::alter(cx, s)).await,
        ast::Statement::Rename(s) if s.kind == ast::ObjectKind::Collation => Box::pin(collation::rename(cx, s)).await,
        ast::Statement::Rename(s) => Box::pin(rename::rename(cx, s)).await,
        ast::Statement::AlterOwner(s) if s.kind == ast::ObjectKind::Operator => Box::pin(operator::owner(cx, s)).await,
        ast::Statement::AlterOwner(s) if s.kind == ast::ObjectKind::Collation => {
            Box::pin(collation::owner(cx, s)).await
        }
        ast::Statement::AlterOwner(s) => Box::pin(rename::owner(cx, s)).await,
        ast::Statement::AlterSchema(s) if s.kind == ast::ObjectKind::Operator => {
            Box::pin(operator::set_schema(cx, s)).await
        }
        ast::Statement::AlterSchema(s) if s.kind == ast::ObjectKind::Collation => {
            Box::pin(collation::set_schema(cx, s)).await
        }
        ast::Statement::AlterSchema(s) => Box::pin(rename::set_schema(cx, s)).await,
        ast::Statement::CreateRole(s) => Box::pin(role::create(cx, s)).await.map(|()| "CREATE ROLE".into()),
        ast::Statement::AlterSetting(s) => role_settings::alter(cx, s).await,
        ast::Statement::AlterDatabase(s) => {
            database::alter(cx, &s.name, &s.options).await.map(|()| "ALTER DATABASE".into())
        }
        ast::Statement::AlterRole(s) => Box::pin(role::alter(cx, s)).await.map(|()| "ALTER ROLE".into()),
        ast::Statement::Truncate(s) => Box::pin(truncate::truncate(cx, s)).await.map(|()| "TRUNCATE TABLE".into()),
        ast::Statement::Cluster(s) => Box::pin(cluster::cluster(cx, s)).await.map(|()| "CLUSTER".into()),
        ast::Statement::SecurityLabel(provider) => Err(err(
            SqlState::INVALID_PARAMETER_VALUE,
            match provider {
                Some(p) => format!("security label provider \"{p}\" is not loaded"),
                None => "no security label providers have been loaded".into(),
            },
        )),
        ast::Statement::Policy(s) if s.create => Box::pin(policy::create(cx, s)).await.map(|()| "CREATE POLICY".into()),
        ast::Statement::Policy(s) => Box::pin(policy::alter(cx, s)).await.map(|()| "ALTER POLICY".into()),
        ast::Statement::CreateStatistics(s) => {
            Box::pin(statistics::create(cx, s)).await.map(|()| "CREATE STATISTICS".into())
        }
        ast::Statement::AlterStatistics(s) => {
            Box::pin(statistics::alter(cx, s)).await.map(|()| "ALTER STATISTICS".into())
        }
        ast::Statement::Comment(s) => Box::pin(comment::comment(cx, s)).await.map(|()| "COMMENT".into()),
        ast::Statement::Grant(s) => Box::pin(grant::grant(cx, s)).await,
        ast::Statement::GrantRole(s) => Box::pin(membership::grant(cx, s)).await,
        ast::Statement::AlterDefaultPrivileges(s) => Box::pin(default_acl::alter(cx, s)).await,
        ast::Statement::DropOwned(s) => Box::pin(owned::drop_owned(cx, s)).await,
        ast::Statement::ReassignOwned(s) => Box::pin(owned::reassign(cx, s)).await,
        ast::Statement::Purge(s) => Box::pin(recyclebin::purge(cx, s.name.as_ref())).await.map(|()| "PURGE".into()),
        ast::Statement::CreateExtension(s) => {
            Box::pin(extension::create(cx, s)).await.map(|()| "CREATE EXTENSION".into())
        }
        ast::Statement::AlterExtension(s) => Box::pin(extension::alter(cx, s)).await.map(|()| "ALTER EXTENSION".into()),
        ast::Statement::Reindex(s) => Box::pin(index::reindex(cx, s)).await.map(|()| "REINDEX".into()),
        other => Err(unsupported(other)),
    }
}

/// Drops what is in a schema of temporary objects and commits; answers what must be stable before anyone is told.
pub async fn drop_temporary(
    mut tx: Transaction,
    ns: u32,
    eval: &EvalCtx,
    env: &StatementEnv,
) -> Result<rustydb_base::Lsn> {
    let mut cx = DdlCx::new(&mut tx, Vec::new(), crate::catalog::system::SUPERUSER, eval, env, "", true);
    match Box::pin(temp::drop_contents(&mut cx, ns)).await {
        Ok(()) => tx.commit().await,
        Err(e) => {
            tx.abort().await?;
            Err(e)
        }
    }
}

/// Removes what has been in the recycle bin for too long, and commits.
pub async fn expire_recycled(
    mut tx: Transaction,
    entry: &recyclebin::Entry,
    eval: &EvalCtx,
    env: &StatementEnv,
) -> Result<rustydb_base::Lsn> {
    let mut cx = DdlCx::new(&mut tx, Vec::new(), crate::catalog::system::SUPERUSER, eval, env, "", true);
    match Box::pin(recyclebin::remove(&mut cx, entry)).await {
        Ok(()) => tx.commit().await,
        Err(e) => {
            tx.abort().await?;
            Err(e)
        }
    }
}

/// Gives the relations of a database that have lost their rows with the last run new, empty files, and commits.
pub async fn empty_lost(
    mut tx: Transaction,
    crashed: bool,
    eval: &EvalCtx,
    env: &StatementEnv,
) -> Result<rustydb_base::Lsn> {
    let mut cx = DdlCx::new(&mut tx, Vec::new(), crate::catalog::system::SUPERUSER, eval, env, "", true);
    match Box::pin(truncate::empty_lost(&mut cx, crashed)).await {
        Ok(()) => tx.commit().await,
        Err(e) => {
            tx.abort().await?;
            Err(e)
        }
    }
}

/// Whether [`execute`] is for a statement (if only to refuse it).
pub fn is_definition(stmt: &ast::Statement) -> bool {
    use ast::Statement as S;
    matches!(
        stmt,
        S::CreateTable(_)
            | S::CreateIndex(_)
            | S::CreateSequence(_)
            | S::AlterSequence(_)
            | S::CreateSchema(_)
            | S::CreateView(_)
            | S::Drop(_)
            | S::AlterTable(_)
            | S::Rename(_)
            | S::AlterOwner(_)
            | S::AlterSchema(_)
            | S::CreateRole(_)
            | S::AlterRole(_)
            | S::AlterSetting(_)
            | S::AlterDatabase(_)
            | S::Grant(_)
            | S::GrantRole(_)
            | S::AlterDefaultPrivileges(_)
            | S::Truncate(_)
            | S::Comment(_)
            | S::Policy(_)
            | S::SecurityLabel(_)
            | S::CreateStatistics(_)
            | S::AlterStatistics(_)
            | S::Reindex(_)
            | S::Cluster(_)
            | S::RefreshMaterializedView(_)
            | S::FlashbackTable(_)
            | S::Purge(_)
            | S::CreateDatabase(_)
            | S::DropDatabase(_)
            | S::AlterSystem(_)
            | S::CreateExtension(_)
            | S::AlterExtension(_)
            | S::CreateEnum(_)
            | S::CreateType(_)
            | S::AddEnumValue(_)
            | S::AlterComposite(_)
            | S::CreateDomain(_)
            | S::AlterDomain(_)
            | S::DropOwned(_)
            | S::ReassignOwned(_)
            | S::Do(_)
            | S::CreateRoutine(_)
            | S::AlterRoutine(_)
            | S::CreateAggregate(_)
            | S::CreateOperator(_)
            | S::AlterOperator(_)
            | S::CreateOperatorClass(_)
            | S::CreateOperatorFamily(_)
            | S::AlterOperatorFamily(_)
            | S::CreateCast(_)
            | S::DefineSearch(_)
            | S::AlterMapping(_)
            | S::CreateConversion(_)
            | S::CreateCollation(_)
            | S::RefreshCollation(_)
            | S::Other(_)
    )
}

fn unsupported(stmt: &ast::Statement) -> DbError {
    use ast::Statement as S;
    let tag = match stmt {
        S::AlterSystem(_) => "ALTER SYSTEM",
        S::Do(_) => "DO",
        // Rules are left out by design: views are changed through without them, and triggers do the rest.
        S::Other(o) if o.tag == "CREATE RULE" => {
            return DbError::unsupported("CREATE RULE is not supported")
                .hint("Views over one table can be changed through as they are.");
        }
        S::Other(o) => o.tag,
        _ => "this statement",
    };
    DbError::unsupported(format!("{tag} is not supported yet"))
}

/// Whether ALTER and DROP of a kind are about types.
fn of_types(kind: ObjectKind) -> bool {
    matches!(kind, ObjectKind::Type | ObjectKind::Domain)
}

/// An error that points at no place in the text.
fn placeless(mut e: DbError) -> DbError {
    if let Some(f) = e.fields.as_mut() {
        f.position = None;
    }
    e
}

/// An error without more.
fn err(code: SqlState, message: impl Into<String>) -> DbError {
    DbError::new(code, message.into())
}

/// What kind of relation, in messages.
fn kind_word(k: RelKind) -> &'static str {
    match k {
        RelKind::Table => "table",
        RelKind::Index => "index",
        RelKind::Sequence => "sequence",
        RelKind::View => "view",
        RelKind::MaterializedView => "materialized view",
        RelKind::Composite => "composite type",
    }
}

impl<'a> DdlCx<'a> {
    /// For a statement that begins; the fields say what is what.
    pub fn new(
        tx: &'a mut Transaction,
        search_path: Vec<u32>,
        role: u32,
        eval: &'a EvalCtx,
        env: &'a StatementEnv,
        sql: &'a str,
        in_block: bool,
    ) -> DdlCx<'a> {
        DdlCx {
            tx,
            search_path,
            role,
            eval,
            env,
            sql,
            in_block,
            in_new_schema: false,
            beside: None,
            notices: Vec::new(),
        }
    }
}

impl DdlCx<'_> {
    /// The catalog as this transaction sees it now.
    fn cat(&self) -> Arc<Catalog> {
        Arc::clone(&self.tx.catalog)
    }

    fn pos(&self, p: ast::Pos) -> u32 {
        if p == ast::NO_POS { 0 } else { rustydb_parser::char_position(self.sql, p) }
    }

    fn notice(&mut self, e: DbError) {
        self.notices.push(("NOTICE", e));
    }

    /// Lends a binder over the transaction's catalog.
    fn binder<R>(&self, f: impl FnOnce(&mut Binder<'_>) -> Result<R>) -> Result<R> {
        let catalog = self.cat();
        let cx = BindCx {
            catalog: &catalog,
            search_path: &self.search_path,
            eval: self.eval,
            role: self.role,
            sql: self.sql,
        };
        f(&mut Binder::new(&cx, &[]))
    }

    fn is_superuser(&self) -> bool {
        self.tx.catalog.roles.get(&self.role).is_some_and(|r| r.superuser)
    }

    /// 42501 unless the role owns the object.
    fn check_owner(&self, owner: u32, kind: &str, name: &str) -> Result<()> {
        if check::owns(&self.tx.catalog, self.role, owner) {
            return Ok(());
        }
        Err(check::not_owner(kind, name))
    }

    /// Ownership of a relation; the catalog's own relations are nobody's to change.
    fn check_relation_owner(&self, rel: &Relation) -> Result<()> {
        if rel.oid < FIRST_USER_OID {
            return Err(err(
                SqlState::INSUFFICIENT_PRIVILEGE,
                format!("permission denied: \"{}\" is a system catalog", rel.name),
            ));
        }
        self.check_owner(rel.owner, kind_word(rel.kind), &rel.name)
    }

    /// A relation's name for messages: with its schema when the search path does not find it.
    fn shown(&self, rel: &Relation) -> String {
        crate::catalog::deparse::relation_name(&self.tx.catalog, &self.search_path, rel)
    }

    /// A schema by the name a statement gives it; `pg_temp` is the session's own.
    fn schema_named(&self, name: &str) -> Option<u32> {
        if name == "pg_temp" { temp::own(self) } else { self.tx.catalog.namespace_named(name) }
    }

    /// Finds a relation by name; `None` when it (or its schema) does not exist.
    fn find(&self, name: &Name) -> Result<Option<Arc<Relation>>> {
        self.binder(|b| b.find_relation(name))
    }

    /// 42P01 (or the word for the kind) for a relation that is not there.
    fn missing(&self, kind: &str, name: &Name) -> DbError {
        if let Some(s) = &name.schema
            && self.schema_named(&s.value).is_none()
        {
            return err(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{}\" does not exist", s.value));
        }
        let code = if kind == "index" { SqlState::UNDEFINED_OBJECT } else { SqlState::UNDEFINED_TABLE };
        err(code, format!("{kind} \"{}\" does not exist", name.plain()))
    }

    /// Finds a relation and locks it; answers the definition that holds under the lock.
    async fn open(&mut self, name: &Name, mode: TableLockMode) -> Result<Option<Arc<Relation>>> {
        loop {
            let Some(rel) = self.find(name)? else { return Ok(None) };
            let oid = lock_oid(&rel);
            self.lock(oid, mode).await?;
            match self.find(name)? {
                Some(r) if r.oid == rel.oid => return Ok(Some(r)),
                // Renamed or replaced while we waited: what the name means now is what counts.
                _ => continue,
            }
        }
    }

    async fn lock(&mut self, rel: u32, mode: TableLockMode) -> Result<()> {
        self.tx.lock_table(rel, mode, false).await?;
        self.tx.refresh_catalog();
        Ok(())
    }

    /// 55006 while this transaction has checks to make of a table's rows.
    fn not_in_use(&self, rel: &Relation, what: &str) -> Result<()> {
        if !self.tx.deferred.concerns(rel.oid) {
            return Ok(());
        }
        let m = format!("cannot {what} \"{}\" because it has pending trigger events", rel.name);
        Err(err(SqlState::OBJECT_IN_USE, m))
    }

    /// The definition of a relation by OID, which must exist.
    fn relation(&self, oid: u32) -> Result<Arc<Relation>> {
        self.tx
            .catalog
            .relation(oid)
            .cloned()
            .ok_or_else(|| err(SqlState::UNDEFINED_TABLE, format!("relation with OID {oid} does not exist")))
    }

    /// Schema that an unqualified or qualified new name goes to.
    fn creation_namespace(&self, name: &Name) -> Result<u32> {
        let cat = &self.tx.catalog;
        if let Some(db) = &name.catalog
            && db.value != cat.database.name
        {
            return Err(DbError::unsupported(format!(
                "cross-database references are not implemented: \"{}\"",
                name.plain()
            )));
        }
        let ns = match &name.schema {
            Some(s) => self.schema_named(&s.value).ok_or_else(|| {
                err(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{}\" does not exist", s.value))
                    .at(self.pos(name.pos()))
            })?,
            None => temp::first_of_path(self).ok_or_else(|| {
                err(SqlState::UNDEFINED_SCHEMA, "no schema has been selected to create in").at(self.pos(name.pos()))
            })?,
        };
        self.check_create_in(ns, &name.name.value)?;
        Ok(ns)
    }

    /// Whether the role may create something in a schema.
    fn check_create_in(&self, ns: u32, name: &str) -> Result<()> {
        let schema = self.namespace_name(ns);
        if ns == pgdata::PG_CATALOG || schema == "information_schema" {
            return Err(err(
                SqlState::INSUFFICIENT_PRIVILEGE,
                format!("permission denied to create \"{schema}.{name}\""),
            )
            .detail("System catalog modifications are currently disallowed."));
        }
        if temp::own(self) == Some(ns) {
            return Ok(());
        }
        check::need_schema(&self.tx.catalog, ns, self.role, privs::CREATE)
    }

    /// 42501 unless the role may create schemas in the database.
    fn check_create_in_database(&self) -> Result<()> {
        let cat = &self.tx.catalog;
        if check::on_database(cat, &cat.database, self.role, crate::acl::Mask::of(privs::CREATE)).privs != 0 {
            return Ok(());
        }
        Err(check::denied("database", &cat.database.name))
    }

    /// A schema by name, which must exist.
    fn need_schema_named(&self, name: &str) -> Result<u32> {
        self.schema_named(name)
            .ok_or_else(|| err(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{name}\" does not exist")))
    }

    fn namespace_name(&self, ns: u32) -> String {
        self.tx.catalog.namespaces.get(&ns).map(|n| n.name.clone()).unwrap_or_default()
    }

    /// 42P07 if the name is taken; with IF NOT EXISTS a notice and `true`.
    fn taken(&mut self, ns: u32, name: &str, if_not_exists: bool) -> Result<bool> {
        if self.tx.catalog.relation_named(ns, name).is_none() {
            return Ok(false);
        }
        if if_not_exists {
            self.notice(err(SqlState::DUPLICATE_TABLE, format!("relation \"{name}\" already exists, skipping")));
            return Ok(true);
        }
        Err(err(SqlState::DUPLICATE_TABLE, format!("relation \"{name}\" already exists")))
    }

    /// A role by specification.
    fn role_of(&self, spec: &ast::RoleSpec) -> Result<u32> {
        match spec {
            ast::RoleSpec::Name(n) => self
                .tx
                .catalog
                .role_named(&n.value)
                .map(|r| r.oid)
                .ok_or_else(|| err(SqlState::UNDEFINED_OBJECT, format!("role \"{}\" does not exist", n.value))),
            ast::RoleSpec::CurrentRole(_) | ast::RoleSpec::CurrentUser(_) => Ok(self.role),
            ast::RoleSpec::SessionUser(_) => {
                let name = self.eval.session.session_user();
                self.tx
                    .catalog
                    .role_named(&name)
                    .map(|r| r.oid)
                    .ok_or_else(|| err(SqlState::UNDEFINED_OBJECT, format!("role \"{name}\" does not exist")))
            }
            ast::RoleSpec::Public(_) => Err(err(SqlState::UNDEFINED_OBJECT, "role \"public\" does not exist")),
        }
    }

    // ---- handing over ------------------------------------------------------------------------------------------

    /// Rows of the tables that foreign keys of `rel` (now and before) point at; they tell whether anything does.
    fn target_rows(&self, oids: &[u32]) -> Vec<(u32, Vec<CatRow>)> {
        oids.iter().filter_map(|o| self.tx.catalog.relation(*o).map(|r| (*o, relation_rows(r)))).collect()
    }

    async fn settle_targets(&mut self, before: Vec<(u32, Vec<CatRow>)>) -> Result<()> {
        for (oid, old) in before {
            let Some(r) = self.tx.catalog.relation(oid) else { continue };
            let (gone, added) = crate::catalog::change::difference(old, relation_rows(r));
            if !gone.is_empty() || !added.is_empty() {
                self.tx.write_rows(gone, added).await?;
                self.tx.next_command();
            }
        }
        Ok(())
    }

    /// Creates or replaces a relation.
    async fn put(&mut self, rel: Relation) -> Result<()> {
        let mut targets = foreign_targets(&rel);
        targets.extend(&rel.parents);
        if let Some(old) = self.tx.catalog.relation(rel.oid) {
            targets.extend(foreign_targets(old));
            targets.extend(&old.parents);
        }
        targets.retain(|t| *t != rel.oid);
        targets.sort_unstable();
        targets.dedup();
        let before = self.target_rows(&targets);
        self.tx.put_relation(rel).await?;
        self.settle_targets(before).await
    }

    /// Drops a relation with its indexes, and the comments on them.
    async fn remove(&mut self, oid: u32) -> Result<()> {
        let Some(rel) = self.tx.catalog.relation(oid).cloned() else { return Ok(()) };
        let mut targets = foreign_targets(&rel);
        targets.extend(&rel.parents);
        targets.retain(|t| *t != oid);
        targets.sort_unstable();
        targets.dedup();
        let before = self.target_rows(&targets);
        comment::forget_relation(self, &rel).await?;
        self.tx.drop_relation(oid).await?;
        self.settle_targets(before).await
    }
}

/// What to lock for a relation: an index's changes are changes of its table.
fn lock_oid(rel: &Relation) -> u32 {
    match (rel.kind, rel.indexes.first()) {
        (RelKind::Index, Some(i)) => i.table,
        _ => rel.oid,
    }
}

fn foreign_targets(rel: &Relation) -> Vec<u32> {
    rel.constraints
        .iter()
        .filter_map(|c| match &c.kind {
            ConstraintKind::Foreign { ref_table, .. } => Some(*ref_table),
            _ => None,
        })
        .collect()
}

/// What an ALTER or DROP calls its object.
fn object_word(kind: ObjectKind) -> String {
    kind.sql().to_lowercase()
}
