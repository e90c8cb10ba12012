//! Definitions: tables, indexes, sequences, schemas, views, and what alters or drops them.

use super::{Expr, Ident, Name, Pos, Query, SortOrder, Statement, TableFactor, TypeName};

/// How long a relation lives and whether it is logged.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum Persistence {
    Permanent,
    Unlogged,
    Temporary,
}

/// ON COMMIT of a temporary table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum OnCommit {
    Unspecified,
    PreserveRows,
    DeleteRows,
    Drop,
}

/// An option of a WITH list or of a parenthesised option list: `name`, `name = value`, `namespace.name = value`.
#[derive(Clone, PartialEq, Debug)]
pub struct DefOption {
    /// Namespace, e.g. `toast`.
    pub namespace: Option<Ident>,
    /// Name, in lower case unless quoted.
    pub name: Ident,
    /// Value.
    pub value: Option<DefValue>,
}

/// Value of an option.
#[derive(Clone, PartialEq, Debug)]
pub enum DefValue {
    /// A word, e.g. `on`, `csv`, or a type name of one word; folded to lower case.
    Word(String),
    /// A quoted string.
    String(String),
    /// A number as written, with its sign.
    Number(String),
    /// A parenthesised list.
    List(Vec<DefValue>),
    /// `*`, for FORCE_QUOTE.
    Star,
    /// A type name that is more than a word.
    Type(Box<TypeName>),
    /// An operator, e.g. in CREATE OPERATOR.
    Operator(Name),
}

/// CREATE TABLE.
#[derive(Clone, PartialEq, Debug)]
pub struct CreateTable {
    /// Name.
    pub name: Name,
    /// TEMP, UNLOGGED.
    pub persistence: Persistence,
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// Columns, table constraints and LIKE clauses in the order written.
    pub elements: Vec<TableElement>,
    /// INHERITS.
    pub inherits: Vec<Name>,
    /// OF type.
    pub of_type: Option<Name>,
    /// PARTITION OF.
    pub partition_of: Option<(Name, PartitionBound)>,
    /// PARTITION BY.
    pub partition_by: Option<PartitionBy>,
    /// USING.
    pub method: Option<Ident>,
    /// WITH.
    pub options: Vec<DefOption>,
    /// ON COMMIT.
    pub on_commit: OnCommit,
    /// TABLESPACE.
    pub tablespace: Option<Ident>,
    /// Where it begins.
    pub pos: Pos,
}

/// An element of CREATE TABLE's list.
#[derive(Clone, PartialEq, Debug)]
pub enum TableElement {
    /// A column; of a typed table or partition without a type.
    Column(Box<ColumnDef>),
    /// A table constraint.
    Constraint(Box<Constraint>),
    /// LIKE.
    Like(Box<TableLike>),
}

/// A column definition.
#[derive(Clone, PartialEq, Debug)]
pub struct ColumnDef {
    /// Name.
    pub name: Ident,
    /// Type; `serial` and its kin stay names. `None` in typed tables and partitions (`a WITH OPTIONS …`).
    pub ty: Option<TypeName>,
    /// COLLATE.
    pub collation: Option<Name>,
    /// STORAGE.
    pub storage: Option<Ident>,
    /// COMPRESSION.
    pub compression: Option<Ident>,
    /// Constraints in the order written, attributes (DEFERRABLE…) already merged into them.
    pub constraints: Vec<Constraint>,
}

/// A constraint of a column or table.
#[derive(Clone, PartialEq, Debug)]
pub struct Constraint {
    /// CONSTRAINT name.
    pub name: Option<Ident>,
    /// What it demands.
    pub kind: ConstraintKind,
    /// DEFERRABLE.
    pub deferrable: bool,
    /// INITIALLY DEFERRED.
    pub initially_deferred: bool,
    /// NOT VALID.
    pub not_valid: bool,
    /// NO INHERIT.
    pub no_inherit: bool,
    /// Where it begins.
    pub pos: Pos,
}

/// Kind of constraint.
#[derive(Clone, PartialEq, Debug)]
pub enum ConstraintKind {
    /// NULL (column).
    Null,
    /// NOT NULL (column).
    NotNull,
    /// DEFAULT (column).
    Default(Expr),
    /// CHECK.
    Check(Expr),
    /// PRIMARY KEY.
    PrimaryKey(KeyDef),
    /// UNIQUE.
    Unique {
        /// The key.
        key: KeyDef,
        /// NULLS NOT DISTINCT.
        nulls_not_distinct: bool,
    },
    /// FOREIGN KEY, REFERENCES.
    ForeignKey(Box<ForeignKey>),
    /// GENERATED … AS IDENTITY (column).
    Identity {
        /// ALWAYS instead of BY DEFAULT.
        always: bool,
        /// Sequence options.
        options: Vec<SequenceOption>,
    },
    /// GENERATED ALWAYS AS (expression) (column).
    Generated {
        /// What is computed.
        expr: Expr,
        /// STORED instead of VIRTUAL.
        stored: bool,
    },
    /// EXCLUDE.
    Exclude(Box<Exclude>),
}

/// A key of PRIMARY KEY or UNIQUE.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct KeyDef {
    /// Columns; empty in a column constraint.
    pub columns: Vec<Ident>,
    /// INCLUDE.
    pub include: Vec<Ident>,
    /// WITH.
    pub options: Vec<DefOption>,
    /// USING INDEX TABLESPACE.
    pub tablespace: Option<Ident>,
    /// USING INDEX: an existing index (ALTER TABLE … ADD CONSTRAINT).
    pub using_index: Option<Ident>,
}

/// A foreign key.
#[derive(Clone, PartialEq, Debug)]
pub struct ForeignKey {
    /// Referencing columns; empty in a column constraint.
    pub columns: Vec<Ident>,
    /// Referenced table.
    pub table: Name,
    /// Referenced columns; empty for the primary key.
    pub references: Vec<Ident>,
    /// MATCH.
    pub match_kind: MatchKind,
    /// ON UPDATE.
    pub on_update: ForeignAction,
    /// ON DELETE.
    pub on_delete: ForeignAction,
}

/// MATCH of a foreign key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum MatchKind {
    Simple,
    Full,
    Partial,
}

/// Action of a foreign key.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation; lists are the columns set, empty for all")]
pub enum ForeignAction {
    NoAction,
    Restrict,
    Cascade,
    SetNull(Vec<Ident>),
    SetDefault(Vec<Ident>),
}

/// EXCLUDE.
#[derive(Clone, PartialEq, Debug)]
pub struct Exclude {
    /// USING.
    pub method: Option<Ident>,
    /// Elements with their operators.
    pub elements: Vec<(IndexElement, Name)>,
    /// INCLUDE.
    pub include: Vec<Ident>,
    /// WITH.
    pub options: Vec<DefOption>,
    /// USING INDEX TABLESPACE.
    pub tablespace: Option<Ident>,
    /// WHERE.
    pub filter: Option<Expr>,
}

/// LIKE of CREATE TABLE.
#[derive(Clone, PartialEq, Debug)]
pub struct TableLike {
    /// Source.
    pub table: Name,
    /// INCLUDING (`true`) and EXCLUDING in the order written.
    pub options: Vec<(bool, LikeOption)>,
}

/// What LIKE copies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum LikeOption {
    All,
    Comments,
    Compression,
    Constraints,
    Defaults,
    Generated,
    Identity,
    Indexes,
    Statistics,
    Storage,
}

/// PARTITION BY.
#[derive(Clone, PartialEq, Debug)]
pub struct PartitionBy {
    /// range, list or hash, as written.
    pub strategy: Ident,
    /// The key.
    pub key: Vec<IndexElement>,
}

/// Bound of a partition.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum PartitionBound {
    Default(Pos),
    In(Vec<Expr>, Pos),
    Range(Vec<Expr>, Vec<Expr>, Pos),
    Hash { modulus: i32, remainder: i32, pos: Pos },
}

impl PartitionBound {
    /// Where errors of the whole bound point: its word (DEFAULT, IN, FROM, WITH).
    pub fn pos(&self) -> Pos {
        match self {
            PartitionBound::Default(pos)
            | PartitionBound::In(_, pos)
            | PartitionBound::Range(.., pos)
            | PartitionBound::Hash { pos, .. } => *pos,
        }
    }
}

/// CREATE TABLE AS, CREATE MATERIALIZED VIEW, SELECT INTO.
#[derive(Clone, PartialEq, Debug)]
pub struct CreateTableAs {
    /// Name.
    pub name: Name,
    /// MATERIALIZED VIEW.
    pub materialized_view: bool,
    /// Written as SELECT INTO.
    pub select_into: bool,
    /// TEMP, UNLOGGED.
    pub persistence: Persistence,
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// Column names.
    pub columns: Vec<Ident>,
    /// USING.
    pub method: Option<Ident>,
    /// WITH.
    pub options: Vec<DefOption>,
    /// ON COMMIT.
    pub on_commit: OnCommit,
    /// TABLESPACE.
    pub tablespace: Option<Ident>,
    /// A query or EXECUTE.
    pub source: Statement,
    /// Whether WITH NO DATA is absent.
    pub with_data: bool,
    /// Where it begins.
    pub pos: Pos,
}

/// Kinds of object that ALTER, DROP, COMMENT, GRANT… name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum ObjectKind {
    AccessMethod,
    Aggregate,
    Cast,
    Collation,
    Column,
    Conversion,
    Database,
    Domain,
    DomainConstraint,
    EventTrigger,
    Extension,
    ForeignDataWrapper,
    ForeignTable,
    Function,
    Index,
    Language,
    LargeObject,
    MaterializedView,
    Operator,
    OperatorClass,
    OperatorFamily,
    Policy,
    Procedure,
    Publication,
    Role,
    Routine,
    Rule,
    Schema,
    Sequence,
    Server,
    Statistics,
    Subscription,
    Table,
    TableConstraint,
    Tablespace,
    TextSearchConfiguration,
    TextSearchDictionary,
    TextSearchParser,
    TextSearchTemplate,
    Transform,
    Trigger,
    Type,
    UserMapping,
    View,
}

impl ObjectKind {
    /// The words SQL uses, in upper case; `DROP ` and these are a command tag.
    pub fn sql(self) -> &'static str {
        use ObjectKind::*;
        match self {
            AccessMethod => "ACCESS METHOD",
            Aggregate => "AGGREGATE",
            Cast => "CAST",
            Collation => "COLLATION",
            Column => "COLUMN",
            Conversion => "CONVERSION",
            Database => "DATABASE",
            Domain => "DOMAIN",
            DomainConstraint | TableConstraint => "CONSTRAINT",
            EventTrigger => "EVENT TRIGGER",
            Extension => "EXTENSION",
            ForeignDataWrapper => "FOREIGN DATA WRAPPER",
            ForeignTable => "FOREIGN TABLE",
            Function => "FUNCTION",
            Index => "INDEX",
            Language => "LANGUAGE",
            LargeObject => "LARGE OBJECT",
            MaterializedView => "MATERIALIZED VIEW",
            Operator => "OPERATOR",
            OperatorClass => "OPERATOR CLASS",
            OperatorFamily => "OPERATOR FAMILY",
            Policy => "POLICY",
            Procedure => "PROCEDURE",
            Publication => "PUBLICATION",
            Role => "ROLE",
            Routine => "ROUTINE",
            Rule => "RULE",
            Schema => "SCHEMA",
            Sequence => "SEQUENCE",
            Server => "SERVER",
            Statistics => "STATISTICS",
            Subscription => "SUBSCRIPTION",
            Table => "TABLE",
            Tablespace => "TABLESPACE",
            TextSearchConfiguration => "TEXT SEARCH CONFIGURATION",
            TextSearchDictionary => "TEXT SEARCH DICTIONARY",
            TextSearchParser => "TEXT SEARCH PARSER",
            TextSearchTemplate => "TEXT SEARCH TEMPLATE",
            Transform => "TRANSFORM",
            Trigger => "TRIGGER",
            Type => "TYPE",
            UserMapping => "USER MAPPING",
            View => "VIEW",
        }
    }
}

/// What names an object.
#[derive(Clone, PartialEq, Debug)]
pub enum ObjectRef {
    /// A name.
    Name(Name),
    /// A function, procedure or aggregate with argument types; `None` when no list is written.
    Routine(Name, Option<Vec<RoutineArg>>),
    /// An operator with argument types.
    Operator(Name, Option<TypeName>, Option<TypeName>),
    /// A type or domain.
    Type(TypeName),
    /// A trigger, rule, policy or constraint on a table; or an operator class or family `on` an access method.
    OnTable(Ident, Name),
    /// A column; the table's name and the column.
    Column(Name, Ident),
    /// A constraint on a domain.
    OnDomain(Ident, TypeName),
    /// A cast.
    Cast(TypeName, TypeName),
    /// A transform: type and language.
    Transform(TypeName, Ident),
    /// A large object's OID.
    Oid(String),
}

/// An argument of a function's signature.
#[derive(Clone, PartialEq, Debug)]
pub struct RoutineArg {
    /// IN, OUT, INOUT, VARIADIC as a lower-case word.
    pub mode: Option<&'static str>,
    /// Name.
    pub name: Option<Ident>,
    /// Type.
    pub ty: TypeName,
}

/// DROP.
#[derive(Clone, PartialEq, Debug)]
pub struct Drop {
    /// Kind of object.
    pub kind: ObjectKind,
    /// Which ones.
    pub objects: Vec<ObjectRef>,
    /// IF EXISTS.
    pub if_exists: bool,
    /// CASCADE.
    pub cascade: bool,
    /// CONCURRENTLY (index).
    pub concurrently: bool,
    /// PURGE (table): not into the recycle bin.
    pub purge: bool,
}

/// ALTER TABLE and its kin.
#[derive(Clone, PartialEq, Debug)]
pub struct AlterTable {
    /// Table, Index, Sequence, View, MaterializedView, ForeignTable or Type.
    pub kind: ObjectKind,
    /// Which one; with ONLY.
    pub table: TableFactor,
    /// IF EXISTS.
    pub if_exists: bool,
    /// Sub-commands in order.
    pub commands: Vec<AlterCommand>,
}

/// A sub-command of ALTER TABLE.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation: PostgreSQL's sub-commands")]
pub enum AlterCommand {
    AddColumn {
        column: Box<ColumnDef>,
        if_not_exists: bool,
    },
    DropColumn {
        column: Ident,
        if_exists: bool,
        cascade: bool,
    },
    SetType {
        column: Ident,
        ty: TypeName,
        collation: Option<Name>,
        using: Option<Expr>,
        pos: Pos,
    },
    SetDefault {
        column: Ident,
        value: Expr,
    },
    DropDefault {
        column: Ident,
    },
    SetNotNull {
        column: Ident,
    },
    DropNotNull {
        column: Ident,
    },
    SetExpression {
        column: Ident,
        value: Expr,
    },
    DropExpression {
        column: Ident,
        if_exists: bool,
    },
    SetStatistics {
        column: ColumnOrNumber,
        target: i32,
    },
    SetColumnOptions {
        column: Ident,
        options: Vec<DefOption>,
    },
    ResetColumnOptions {
        column: Ident,
        options: Vec<DefOption>,
    },
    SetStorage {
        column: Ident,
        storage: Ident,
    },
    SetCompression {
        column: Ident,
        compression: Ident,
    },
    AddIdentity {
        column: Ident,
        always: bool,
        options: Vec<SequenceOption>,
    },
    /// SET GENERATED (`Some(always)`), SET sequence option, RESTART.
    SetIdentity {
        column: Ident,
        generated: Option<bool>,
        options: Vec<SequenceOption>,
    },
    DropIdentity {
        column: Ident,
        if_exists: bool,
    },
    AddConstraint(Box<Constraint>),
    AlterConstraint {
        name: Ident,
        deferrable: bool,
        initially_deferred: bool,
    },
    ValidateConstraint {
        name: Ident,
    },
    DropConstraint {
        name: Ident,
        if_exists: bool,
        cascade: bool,
    },
    SetWithoutOids,
    ClusterOn {
        index: Ident,
    },
    SetWithoutCluster,
    SetLogged,
    SetUnlogged,
    /// ENABLE/DISABLE [REPLICA|ALWAYS] TRIGGER.
    Trigger {
        name: TriggerName,
        state: FireState,
    },
    /// ENABLE/DISABLE [REPLICA|ALWAYS] RULE.
    Rule {
        name: Ident,
        state: FireState,
    },
    Inherit {
        parent: Name,
    },
    NoInherit {
        parent: Name,
    },
    Of {
        ty: Name,
    },
    NotOf,
    OwnerTo {
        role: RoleSpec,
    },
    SetAccessMethod {
        method: Ident,
    },
    SetTablespace {
        tablespace: Ident,
    },
    SetOptions {
        options: Vec<DefOption>,
    },
    ResetOptions {
        options: Vec<DefOption>,
    },
    ReplicaIdentity(ReplicaIdentity),
    RowSecurity {
        enable: bool,
    },
    ForceRowSecurity {
        force: bool,
    },
    AttachPartition {
        partition: Name,
        bound: Option<PartitionBound>,
    },
    DetachPartition {
        partition: Name,
        concurrently: bool,
        finalize: bool,
    },
}

/// Column by name or, for an index, by number.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum ColumnOrNumber {
    Column(Ident),
    Number(i32),
}

/// Which triggers.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum TriggerName {
    Name(Ident),
    All,
    User,
}

/// When a trigger or rule fires.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum FireState {
    Disabled,
    Origin,
    Replica,
    Always,
}

/// REPLICA IDENTITY.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum ReplicaIdentity {
    Nothing,
    Full,
    Default,
    Index(Ident),
}

/// ALTER … RENAME.
#[derive(Clone, PartialEq, Debug)]
pub struct Rename {
    /// Kind of the object named by `object`.
    pub kind: ObjectKind,
    /// The object (for columns, constraints and attributes the relation or type).
    pub object: ObjectRef,
    /// ONLY.
    pub only: bool,
    /// The part of the object that is renamed.
    pub part: RenamePart,
    /// IF EXISTS.
    pub if_exists: bool,
    /// CASCADE (attributes of composite types).
    pub cascade: bool,
    /// New name.
    pub to: Ident,
}

/// What is renamed.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum RenamePart {
    Itself,
    Column(Ident),
    Constraint(Ident),
    Attribute(Ident),
    /// A value of an enum.
    Value(String, Pos),
}

/// ALTER … OWNER TO.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub struct AlterOwner {
    pub kind: ObjectKind,
    pub object: ObjectRef,
    pub owner: RoleSpec,
}

/// ALTER … SET SCHEMA.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub struct AlterObjectSchema {
    pub kind: ObjectKind,
    pub object: ObjectRef,
    pub if_exists: bool,
    pub schema: Ident,
}

/// A role as statements name it.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum RoleSpec {
    Name(Ident),
    CurrentRole(Pos),
    CurrentUser(Pos),
    SessionUser(Pos),
    Public(Pos),
}

/// CREATE INDEX.
#[derive(Clone, PartialEq, Debug)]
pub struct CreateIndex {
    /// Name; chosen by the engine if absent.
    pub name: Option<Ident>,
    /// UNIQUE.
    pub unique: bool,
    /// CONCURRENTLY.
    pub concurrently: bool,
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// Table, with ONLY.
    pub table: TableFactor,
    /// USING.
    pub method: Option<Ident>,
    /// Key.
    pub elements: Vec<IndexElement>,
    /// INCLUDE.
    pub include: Vec<IndexElement>,
    /// NULLS NOT DISTINCT.
    pub nulls_not_distinct: bool,
    /// WITH.
    pub options: Vec<DefOption>,
    /// TABLESPACE.
    pub tablespace: Option<Ident>,
    /// WHERE.
    pub filter: Option<Expr>,
    /// Where it begins.
    pub pos: Pos,
}

/// An element of an index key, ON CONFLICT or PARTITION BY.
#[derive(Clone, PartialEq, Debug)]
pub struct IndexElement {
    /// Column or expression.
    pub key: IndexKey,
    /// COLLATE.
    pub collation: Option<Name>,
    /// Operator class.
    pub opclass: Option<Name>,
    /// Operator class parameters.
    pub opclass_options: Vec<DefOption>,
    /// Direction (never USING).
    pub order: SortOrder,
    /// NULLS FIRST (`true`) or LAST.
    pub nulls_first: Option<bool>,
}

/// What an index is on.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum IndexKey {
    Column(Ident),
    Expr(Expr),
}

/// CREATE SEQUENCE.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub struct CreateSequence {
    pub name: Name,
    pub persistence: Persistence,
    pub if_not_exists: bool,
    pub options: Vec<SequenceOption>,
    pub pos: Pos,
}

/// ALTER SEQUENCE.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub struct AlterSequence {
    pub name: Name,
    pub if_exists: bool,
    pub options: Vec<SequenceOption>,
}

/// An option of a sequence with its place.
#[derive(Clone, PartialEq, Debug)]
pub struct SequenceOption {
    /// The option.
    pub kind: SequenceOptionKind,
    /// Where it begins.
    pub pos: Pos,
}

/// An option of a sequence; numbers as written, with sign.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum SequenceOptionKind {
    As(TypeName),
    Cache(String),
    Cycle(bool),
    Increment(String),
    /// `None` for NO MAXVALUE.
    MaxValue(Option<String>),
    /// `None` for NO MINVALUE.
    MinValue(Option<String>),
    /// `None` for OWNED BY NONE; else table and column.
    OwnedBy(Option<(Name, Ident)>),
    /// SEQUENCE NAME of an identity column.
    SequenceName(Name),
    Start(String),
    Restart(Option<String>),
}

/// CREATE SCHEMA.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub struct CreateSchema {
    /// `None`: the role's name.
    pub name: Option<Ident>,
    pub authorization: Option<RoleSpec>,
    pub if_not_exists: bool,
    /// Statements inside.
    pub elements: Vec<Statement>,
    pub pos: Pos,
}

/// CREATE VIEW.
#[derive(Clone, PartialEq, Debug)]
pub struct CreateView {
    /// Name.
    pub name: Name,
    /// OR REPLACE.
    pub or_replace: bool,
    /// TEMP.
    pub persistence: Persistence,
    /// Column names.
    pub columns: Vec<Ident>,
    /// WITH.
    pub options: Vec<DefOption>,
    /// The query (of RECURSIVE VIEW already rewritten to WITH RECURSIVE).
    pub query: Box<Query>,
    /// WITH CHECK OPTION.
    pub check: CheckOption,
    /// Byte range of the query in the text.
    pub query_text: std::ops::Range<usize>,
    /// Where it begins.
    pub pos: Pos,
}

/// WITH CHECK OPTION.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum CheckOption {
    No,
    Local,
    Cascaded,
}

/// CREATE EXTENSION.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub struct CreateExtension {
    pub name: Ident,
    pub if_not_exists: bool,
    pub schema: Option<Ident>,
    pub version: Option<String>,
    pub cascade: bool,
    /// Where an option stands that was there before.
    pub redundant: Option<Pos>,
}

/// ALTER EXTENSION, but for SET SCHEMA.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub struct AlterExtension {
    pub name: Ident,
    pub action: ExtensionAction,
}

/// What ALTER EXTENSION does.
#[derive(Clone, PartialEq, Debug)]
pub enum ExtensionAction {
    /// UPDATE, to a version if one is named.
    Update(Option<String>),
    /// ADD (`true`) or DROP of a member.
    Member(bool, ObjectKind, ObjectRef),
}

/// CREATE TYPE … AS ENUM.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub struct CreateEnum {
    pub name: Name,
    pub labels: Vec<String>,
}

/// CREATE DATABASE.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub struct CreateDatabase {
    pub name: Ident,
    /// Names in lower case with underscores (`lc_collate`); `None` for DEFAULT.
    pub options: Vec<DefOption>,
}

/// ALTER DATABASE with options.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub struct AlterDatabase {
    pub name: Ident,
    /// As of CREATE DATABASE.
    pub options: Vec<DefOption>,
}

/// DROP DATABASE.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub struct DropDatabase {
    pub name: Ident,
    pub if_exists: bool,
    pub force: bool,
}
