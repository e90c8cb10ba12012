//! Statements that are neither queries nor definitions: transactions, settings, cursors, COPY, roles, maintenance.

use super::{
    DefOption, Expr, Ident, IndexKey, Name, ObjectKind, ObjectRef, Persistence, Pos, RoleSpec, Statement, TableFactor,
    TableRef, TypeName,
};

/// Transaction control.
#[derive(Clone, PartialEq, Debug)]
pub enum Transaction {
    /// BEGIN, START TRANSACTION.
    Begin {
        /// Modes.
        modes: TransactionModes,
        /// Written START TRANSACTION, which shows in the command tag.
        start: bool,
    },
    /// COMMIT, END.
    Commit {
        /// AND CHAIN.
        chain: bool,
    },
    /// ROLLBACK, ABORT.
    Rollback {
        /// AND CHAIN.
        chain: bool,
    },
    /// SAVEPOINT.
    Savepoint(Ident),
    /// RELEASE.
    Release(Ident),
    /// ROLLBACK TO.
    RollbackTo(Ident),
    /// PREPARE TRANSACTION.
    Prepare(String),
    /// COMMIT PREPARED.
    CommitPrepared(String),
    /// ROLLBACK PREPARED.
    RollbackPrepared(String),
}

/// Transaction modes; what is not written is `None`. Of a mode written twice the last counts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TransactionModes {
    /// ISOLATION LEVEL.
    pub isolation: Option<Isolation>,
    /// READ ONLY (`true`) or READ WRITE.
    pub read_only: Option<bool>,
    /// DEFERRABLE (`true`) or NOT DEFERRABLE.
    pub deferrable: Option<bool>,
}

/// Isolation level.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum Isolation {
    ReadUncommitted,
    ReadCommitted,
    RepeatableRead,
    Serializable,
}

impl Isolation {
    /// The value of `transaction_isolation`.
    pub fn as_str(self) -> &'static str {
        match self {
            Isolation::ReadUncommitted => "read uncommitted",
            Isolation::ReadCommitted => "read committed",
            Isolation::RepeatableRead => "repeatable read",
            Isolation::Serializable => "serializable",
        }
    }
}

/// SET CONSTRAINTS.
#[derive(Clone, PartialEq, Debug)]
pub struct SetConstraints {
    /// Names; `None` for ALL.
    pub names: Option<Vec<Name>>,
    /// DEFERRED instead of IMMEDIATE.
    pub deferred: bool,
}

/// SET, RESET.
#[derive(Clone, PartialEq, Debug)]
pub struct Set {
    /// LOCAL.
    pub local: bool,
    /// What is set.
    pub action: SetAction,
}

/// What SET does. SET TIME ZONE sets `timezone`, SET NAMES `client_encoding`, SET ROLE `role`, SET SESSION AUTHORIZATION
/// `session_authorization`, SET XML OPTION `xmloption`, SET SCHEMA `search_path`.
#[derive(Clone, PartialEq, Debug)]
pub enum SetAction {
    /// `name = value, …`; at least one value.
    Value(String, Vec<SetValue>),
    /// `name TO DEFAULT` and RESET name.
    Default(String),
    /// `name FROM CURRENT` (only in ALTER FUNCTION and the like).
    FromCurrent(String),
    /// RESET ALL.
    ResetAll,
    /// SET TRANSACTION.
    Transaction(TransactionModes),
    /// SET SESSION CHARACTERISTICS AS TRANSACTION.
    SessionCharacteristics(TransactionModes),
    /// SET TRANSACTION SNAPSHOT.
    Snapshot(String),
}

/// A value of SET.
#[derive(Clone, PartialEq, Debug)]
pub enum SetValue {
    /// A word or string.
    Text(String),
    /// A number as written, with its sign.
    Number(String),
    /// `INTERVAL '…' HOUR TO MINUTE` of SET TIME ZONE: the string, the field mask, the precision.
    Interval(String, i32, Option<i32>),
}

impl SetValue {
    /// The text of the value.
    pub fn text(&self) -> &str {
        match self {
            SetValue::Text(s) | SetValue::Number(s) | SetValue::Interval(s, ..) => s,
        }
    }
}

/// PREPARE.
#[derive(Clone, PartialEq, Debug)]
pub struct Prepare {
    /// Name.
    pub name: Ident,
    /// Parameter types.
    pub types: Vec<TypeName>,
    /// The statement.
    pub statement: Statement,
}

/// EXECUTE.
#[derive(Clone, PartialEq, Debug)]
pub struct Execute {
    /// Name.
    pub name: Ident,
    /// Parameters.
    pub args: Vec<Expr>,
}

/// DECLARE CURSOR.
#[derive(Clone, PartialEq, Debug)]
pub struct DeclareCursor {
    /// Name.
    pub name: Ident,
    /// BINARY.
    pub binary: bool,
    /// SCROLL (`true`) or NO SCROLL.
    pub scroll: Option<bool>,
    /// INSENSITIVE (`true`) or ASENSITIVE.
    pub insensitive: Option<bool>,
    /// WITH HOLD.
    pub hold: bool,
    /// The query.
    pub query: Box<super::Query>,
}

/// FETCH, MOVE.
#[derive(Clone, PartialEq, Debug)]
pub struct Fetch {
    /// Cursor.
    pub cursor: Ident,
    /// How far.
    pub direction: FetchDirection,
    /// MOVE.
    pub is_move: bool,
}

/// How far FETCH goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FetchDirection {
    /// FORWARD n (NEXT is 1); n may be negative.
    Forward(i64),
    /// FORWARD ALL, ALL.
    ForwardAll,
    /// BACKWARD n (PRIOR is 1); n may be negative.
    Backward(i64),
    /// BACKWARD ALL.
    BackwardAll,
    /// ABSOLUTE n (FIRST is 1, LAST is -1).
    Absolute(i64),
    /// RELATIVE n.
    Relative(i64),
}

/// COPY.
#[derive(Clone, PartialEq, Debug)]
pub struct Copy {
    /// What is copied.
    pub source: CopySource,
    /// FROM instead of TO.
    pub from: bool,
    /// Where to or from.
    pub target: CopyTarget,
    /// Options; the old syntax already rewritten to the new one (`format`, `freeze`, `delimiter`, `null`, `header`,
    /// `quote`, `escape`, `force_quote`, `force_not_null`, `force_null`, `encoding`, `default`).
    pub options: Vec<DefOption>,
    /// WHERE.
    pub filter: Option<Expr>,
}

/// What COPY copies.
#[derive(Clone, PartialEq, Debug)]
pub enum CopySource {
    /// A table and its columns (empty: all).
    Table(Name, Vec<Ident>),
    /// A query, or INSERT/UPDATE/DELETE with RETURNING.
    Query(Box<Statement>),
}

/// Other end of COPY.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum CopyTarget {
    Client,
    File(String),
    Program(String),
}

/// EXPLAIN.
#[derive(Clone, PartialEq, Debug)]
pub struct Explain {
    /// Options; the old syntax is rewritten to `analyze` and `verbose`.
    pub options: Vec<DefOption>,
    /// The statement.
    pub statement: Statement,
    /// Byte range of the statement in the text.
    pub text: std::ops::Range<usize>,
}

/// VACUUM, ANALYZE.
#[derive(Clone, PartialEq, Debug)]
pub struct Vacuum {
    /// VACUUM instead of ANALYZE.
    pub vacuum: bool,
    /// Options; the old syntax is rewritten (`full`, `freeze`, `verbose`, `analyze`).
    pub options: Vec<DefOption>,
    /// Tables with columns; empty for all.
    pub tables: Vec<(TableFactor, Vec<Ident>)>,
}

/// LOCK TABLE.
#[derive(Clone, PartialEq, Debug)]
pub struct Lock {
    /// Tables.
    pub tables: Vec<TableFactor>,
    /// Mode.
    pub mode: TableLockMode,
    /// NOWAIT.
    pub nowait: bool,
}

/// Table lock modes, weakest first, numbered as PostgreSQL does from 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum TableLockMode {
    AccessShare = 1,
    RowShare,
    RowExclusive,
    ShareUpdateExclusive,
    Share,
    ShareRowExclusive,
    Exclusive,
    AccessExclusive,
}

/// DISCARD.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum DiscardTarget {
    All,
    Plans,
    Sequences,
    Temp,
}

/// NOTIFY.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub struct Notify {
    pub channel: Ident,
    pub payload: Option<String>,
}

/// COMMENT ON.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub struct Comment {
    pub kind: ObjectKind,
    pub object: ObjectRef,
    /// `None` for NULL.
    pub text: Option<String>,
}

/// REINDEX.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub struct Reindex {
    pub kind: ReindexKind,
    /// `None` for the current database.
    pub name: Option<Name>,
    pub concurrently: bool,
    pub options: Vec<DefOption>,
}

/// What REINDEX rebuilds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum ReindexKind {
    Index,
    Table,
    Schema,
    System,
    Database,
}

/// CLUSTER.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub struct Cluster {
    pub table: Option<Name>,
    pub index: Option<Ident>,
    pub options: Vec<DefOption>,
}

/// REFRESH MATERIALIZED VIEW.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub struct RefreshMaterializedView {
    pub name: Name,
    pub concurrently: bool,
    pub with_data: bool,
}

/// FLASHBACK TABLE … TO.
#[derive(Clone, PartialEq, Debug)]
pub struct FlashbackTable {
    /// The table.
    pub name: Name,
    /// What it goes back to.
    pub to: FlashbackTo,
}

/// See [`FlashbackTable::to`].
#[derive(Clone, PartialEq, Debug)]
pub enum FlashbackTo {
    /// The rows of a time.
    AsOf(super::query::AsOf),
    /// BEFORE DROP: out of the recycle bin, perhaps under another name.
    BeforeDrop {
        /// RENAME TO.
        rename: Option<Ident>,
    },
}

/// PURGE TABLE and PURGE RECYCLEBIN.
#[derive(Clone, PartialEq, Debug)]
pub struct Purge {
    /// The table; `None` for everything.
    pub name: Option<Name>,
}

/// DO.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub struct Do {
    pub code: String,
    pub language: Option<Ident>,
}

/// TRUNCATE.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub struct Truncate {
    pub tables: Vec<TableFactor>,
    pub restart_identity: bool,
    pub cascade: bool,
}

/// CREATE ROLE, USER, GROUP.
#[derive(Clone, PartialEq, Debug)]
pub struct CreateRole {
    /// Name.
    pub name: Ident,
    /// Written CREATE USER: LOGIN is the default.
    pub user: bool,
    /// Options in order.
    pub options: Vec<RoleOption>,
}

/// ALTER ROLE … options; also ALTER GROUP … ADD/DROP USER.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub struct AlterRole {
    pub name: RoleSpec,
    pub options: Vec<RoleOption>,
    /// ALTER GROUP … DROP USER: `options` is the list of members to remove.
    pub drop_members: bool,
}

/// A role option with its place.
#[derive(Clone, PartialEq, Debug)]
pub struct RoleOption {
    /// The option.
    pub kind: RoleOptionKind,
    /// Where it begins.
    pub pos: Pos,
}

/// A role option.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum RoleOptionKind {
    /// `None` for PASSWORD NULL.
    Password(Option<String>),
    Superuser(bool),
    CreateDb(bool),
    CreateRole(bool),
    Login(bool),
    Inherit(bool),
    Replication(bool),
    BypassRls(bool),
    ConnectionLimit(i32),
    ValidUntil(String),
    /// ADMIN.
    AdminMembers(Vec<RoleSpec>),
    /// ROLE, USER, and ALTER GROUP … USER.
    Members(Vec<RoleSpec>),
    /// IN ROLE, IN GROUP.
    InRoles(Vec<RoleSpec>),
    /// SYSID: ignored by PostgreSQL with a notice.
    SysId(i32),
}

/// ALTER ROLE … SET, ALTER DATABASE … SET.
#[derive(Clone, PartialEq, Debug)]
pub struct AlterSetting {
    /// Role; `None` for ALL or when a database alone is altered.
    pub role: Option<RoleSpec>,
    /// ALTER ROLE ALL.
    pub all_roles: bool,
    /// Database.
    pub database: Option<Ident>,
    /// SET or RESET.
    pub set: Set,
}

/// GRANT, REVOKE of privileges.
#[derive(Clone, PartialEq, Debug)]
pub struct Grant {
    /// GRANT instead of REVOKE.
    pub grant: bool,
    /// Privileges; empty for ALL.
    pub privileges: Vec<Privilege>,
    /// Columns of ALL (columns).
    pub all_columns: Vec<Ident>,
    /// On what.
    pub target: GrantTarget,
    /// To or from whom.
    pub grantees: Vec<RoleSpec>,
    /// WITH GRANT OPTION, or REVOKE GRANT OPTION FOR.
    pub grant_option: bool,
    /// GRANTED BY.
    pub granted_by: Option<RoleSpec>,
    /// CASCADE of REVOKE.
    pub cascade: bool,
}

/// One privilege.
#[derive(Clone, PartialEq, Debug)]
pub struct Privilege {
    /// Lower-case name.
    pub name: Ident,
    /// Columns.
    pub columns: Vec<Ident>,
}

/// On what privileges are.
#[derive(Clone, PartialEq, Debug)]
pub enum GrantTarget {
    /// Objects of a kind (Table also covers views and sequences).
    Objects(ObjectKind, Vec<ObjectRef>),
    /// ALL TABLES/SEQUENCES/FUNCTIONS/… IN SCHEMA.
    AllInSchema(ObjectKind, Vec<Ident>),
    /// TABLES, SEQUENCES, … of ALTER DEFAULT PRIVILEGES.
    Default(ObjectKind),
}

/// GRANT, REVOKE of roles.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub struct GrantRole {
    pub grant: bool,
    pub roles: Vec<Ident>,
    pub grantees: Vec<RoleSpec>,
    /// WITH ADMIN OPTION, or REVOKE ADMIN OPTION FOR.
    pub admin_option: bool,
    pub granted_by: Option<RoleSpec>,
    pub cascade: bool,
}

/// ALTER DEFAULT PRIVILEGES.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub struct AlterDefaultPrivileges {
    pub roles: Vec<RoleSpec>,
    pub schemas: Vec<Ident>,
    pub grant: Grant,
}

/// CREATE STATISTICS.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub struct CreateStatistics {
    pub if_not_exists: bool,
    pub name: Name,
    pub kinds: Vec<Ident>,
    /// Columns and expressions.
    pub on: Vec<IndexKey>,
    pub from: Vec<TableRef>,
}

/// ALTER STATISTICS … SET STATISTICS.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub struct AlterStatistics {
    pub name: Name,
    pub if_exists: bool,
    pub target: i32,
}

/// CREATE POLICY, ALTER POLICY.
#[derive(Clone, PartialEq, Debug)]
pub struct PolicyStatement {
    /// CREATE.
    pub create: bool,
    /// Name.
    pub name: Ident,
    /// Table.
    pub table: Name,
    /// AS PERMISSIVE.
    pub permissive: bool,
    /// FOR, as `pg_policy.polcmd` has it.
    pub command: Option<char>,
    /// TO.
    pub roles: Option<Vec<RoleSpec>>,
    /// USING.
    pub using: Option<Expr>,
    /// WITH CHECK.
    pub check: Option<Expr>,
}

/// DROP OWNED.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub struct DropOwned {
    pub roles: Vec<RoleSpec>,
    pub cascade: bool,
}

/// REASSIGN OWNED.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub struct ReassignOwned {
    pub roles: Vec<RoleSpec>,
    pub to: RoleSpec,
}

/// INTO of a SELECT, before it becomes CREATE TABLE AS.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct IntoClause {
    /// Target.
    pub name: Name,
    /// TEMP, UNLOGGED.
    pub persistence: Persistence,
}
