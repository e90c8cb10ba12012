//! The syntax tree: PostgreSQL's grammar with its sugar already removed, so that the binder meets few kinds of node.
//!
//! What is sugar: `x LIKE y` is the operator `~~`; `EXTRACT`, `SUBSTRING`, `TRIM`, `OVERLAY`, `POSITION`, `AT TIME ZONE`,
//! `SIMILAR TO` and `OVERLAPS` are calls of the functions in `pg_catalog` that PostgreSQL turns them into; `IN (query)` is
//! `= ANY (query)`; `int`, `varchar` and their like are the names in `pg_catalog` that they stand for.
//!
//! Every node that an error may point at carries a [`Pos`]: for an expression the place PostgreSQL itself reports (the
//! operator of an operation, the function name of a call, the `::` of a cast).

mod ddl;
mod expr;
mod merge;
mod opclass;
mod query;
mod routine;
mod search;
mod sqljson;
mod types;
mod utility;
mod xml;

pub use ddl::*;
pub use expr::*;
pub use merge::*;
pub use opclass::*;
pub use query::*;
pub use routine::*;
pub use search::*;
pub use sqljson::*;
pub use types::*;
pub use utility::*;
pub use xml::*;

use std::fmt;

/// A place in the statement text: byte offset from the start of the whole string that was parsed. See
/// [`crate::char_position`] for what a client is shown. [`NO_POS`] stands for "nowhere".
pub type Pos = u32;

/// No place: a node that the parser supplied and the text does not have.
pub const NO_POS: Pos = u32::MAX;

/// An identifier, folded to lower case unless it was quoted, cut to 63 bytes.
#[derive(Clone, Debug)]
pub struct Ident {
    /// The name.
    pub value: String,
    /// Where it stands.
    pub pos: Pos,
}

impl Ident {
    /// An identifier that the text does not have.
    pub fn new(value: impl Into<String>) -> Ident {
        Ident { value: value.into(), pos: NO_POS }
    }
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.value
    }
}

/// Identifiers are equal by name, wherever they stand.
impl PartialEq for Ident {
    fn eq(&self, other: &Ident) -> bool {
        self.value == other.value
    }
}
impl Eq for Ident {}

/// A possibly qualified name of a table, type, function, collation…
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Name {
    /// Database, accepted only when it is the current one.
    pub catalog: Option<Ident>,
    /// Schema.
    pub schema: Option<Ident>,
    /// The name itself.
    pub name: Ident,
}

impl Name {
    /// An unqualified name that the text does not have.
    pub fn bare(name: impl Into<String>) -> Name {
        Name { catalog: None, schema: None, name: Ident::new(name) }
    }
    /// A name in `pg_catalog`, standing at `pos`.
    pub fn system(name: &str, pos: Pos) -> Name {
        Name {
            catalog: None,
            schema: Some(Ident { value: "pg_catalog".into(), pos }),
            name: Ident { value: name.into(), pos },
        }
    }
    /// Where the first part stands.
    pub fn pos(&self) -> Pos {
        self.catalog.as_ref().or(self.schema.as_ref()).unwrap_or(&self.name).pos
    }
    /// Whether this is `pg_catalog.name`.
    pub fn is_system(&self, name: &str) -> bool {
        self.catalog.is_none()
            && self.schema.as_ref().is_some_and(|s| s.value == "pg_catalog")
            && self.name.value == name
    }
}

/// The parts joined by dots without quotes, as PostgreSQL's messages show a name.
impl Name {
    /// Text for messages: parts joined by dots, unquoted.
    pub fn plain(&self) -> String {
        let mut s = String::new();
        for part in [&self.catalog, &self.schema].into_iter().flatten() {
            s.push_str(&part.value);
            s.push('.');
        }
        s.push_str(&self.name.value);
        s
    }
}

/// A statement.
#[derive(Clone, PartialEq, Debug)]
pub enum Statement {
    /// SELECT, VALUES, TABLE.
    Query(Box<Query>),
    /// INSERT.
    Insert(Box<Insert>),
    /// UPDATE.
    Update(Box<Update>),
    /// DELETE.
    Delete(Box<Delete>),
    /// MERGE.
    Merge(Box<Merge>),
    /// CREATE TABLE.
    CreateTable(Box<CreateTable>),
    /// CREATE TABLE AS, CREATE MATERIALIZED VIEW, SELECT INTO.
    CreateTableAs(Box<CreateTableAs>),
    /// ALTER TABLE, INDEX, SEQUENCE, VIEW, MATERIALIZED VIEW with table sub-commands.
    AlterTable(Box<AlterTable>),
    /// ALTER … RENAME.
    Rename(Box<Rename>),
    /// ALTER … OWNER TO of objects that are not relations.
    AlterOwner(Box<AlterOwner>),
    /// ALTER … SET SCHEMA.
    AlterSchema(Box<AlterObjectSchema>),
    /// CREATE INDEX.
    CreateIndex(Box<CreateIndex>),
    /// CREATE SEQUENCE.
    CreateSequence(Box<CreateSequence>),
    /// ALTER SEQUENCE with sequence options.
    AlterSequence(Box<AlterSequence>),
    /// CREATE SCHEMA.
    CreateSchema(Box<CreateSchema>),
    /// CREATE VIEW.
    CreateView(Box<CreateView>),
    /// DROP of any object.
    Drop(Box<Drop>),
    /// CREATE ROLE, USER, GROUP.
    CreateRole(Box<CreateRole>),
    /// ALTER ROLE, USER, GROUP … options.
    AlterRole(Box<AlterRole>),
    /// ALTER ROLE … SET, ALTER DATABASE … SET.
    AlterSetting(Box<AlterSetting>),
    /// GRANT and REVOKE of privileges.
    Grant(Box<Grant>),
    /// GRANT and REVOKE of role membership.
    GrantRole(Box<GrantRole>),
    /// ALTER DEFAULT PRIVILEGES.
    AlterDefaultPrivileges(Box<AlterDefaultPrivileges>),
    /// TRUNCATE.
    Truncate(Box<Truncate>),
    /// BEGIN, COMMIT, SAVEPOINT and their kin.
    Transaction(Transaction),
    /// SET CONSTRAINTS.
    SetConstraints(SetConstraints),
    /// SET and RESET.
    Set(Box<Set>),
    /// SHOW; `None` for ALL.
    Show(Option<String>),
    /// PREPARE.
    Prepare(Box<Prepare>),
    /// EXECUTE.
    Execute(Box<Execute>),
    /// DEALLOCATE; `None` for ALL.
    Deallocate(Option<Ident>),
    /// DECLARE CURSOR.
    DeclareCursor(Box<DeclareCursor>),
    /// FETCH and MOVE.
    Fetch(Fetch),
    /// CLOSE; `None` for ALL.
    Close(Option<Ident>),
    /// COPY.
    Copy(Box<Copy>),
    /// EXPLAIN.
    Explain(Box<Explain>),
    /// VACUUM and ANALYZE.
    Vacuum(Box<Vacuum>),
    /// LOCK TABLE.
    Lock(Box<Lock>),
    /// DISCARD.
    Discard(DiscardTarget),
    /// LISTEN.
    Listen(Ident),
    /// UNLISTEN; `None` for `*`.
    Unlisten(Option<Ident>),
    /// NOTIFY.
    Notify(Notify),
    /// COMMENT ON.
    Comment(Box<Comment>),
    /// SECURITY LABEL; the provider if one is named. None can be loaded, so the rest does not matter.
    SecurityLabel(Option<String>),
    /// CREATE STATISTICS.
    CreateStatistics(Box<CreateStatistics>),
    /// ALTER STATISTICS … SET STATISTICS.
    AlterStatistics(Box<AlterStatistics>),
    /// CREATE POLICY, ALTER POLICY.
    Policy(Box<PolicyStatement>),
    /// CHECKPOINT.
    Checkpoint,
    /// REINDEX.
    Reindex(Box<Reindex>),
    /// CLUSTER.
    Cluster(Box<Cluster>),
    /// REFRESH MATERIALIZED VIEW.
    RefreshMaterializedView(Box<RefreshMaterializedView>),
    /// FLASHBACK TABLE.
    FlashbackTable(Box<FlashbackTable>),
    /// PURGE.
    Purge(Box<Purge>),
    /// DO.
    Do(Box<Do>),
    /// CREATE DATABASE.
    CreateDatabase(Box<CreateDatabase>),
    /// ALTER DATABASE with options.
    AlterDatabase(Box<AlterDatabase>),
    /// DROP DATABASE.
    DropDatabase(Box<DropDatabase>),
    /// ALTER SYSTEM SET and RESET.
    AlterSystem(Box<Set>),
    /// CREATE EXTENSION.
    CreateExtension(Box<CreateExtension>),
    /// ALTER EXTENSION.
    AlterExtension(Box<AlterExtension>),
    /// CREATE TYPE … AS ENUM.
    CreateEnum(Box<CreateEnum>),
    /// CREATE TYPE … AS (…), AS RANGE.
    CreateType(Box<CreateType>),
    /// ALTER TYPE … ADD VALUE.
    AddEnumValue(Box<AddEnumValue>),
    /// ALTER TYPE … ATTRIBUTE.
    AlterComposite(Box<AlterComposite>),
    /// CREATE DOMAIN.
    CreateDomain(Box<CreateDomain>),
    /// ALTER DOMAIN.
    AlterDomain(Box<AlterDomain>),
    /// DROP OWNED.
    DropOwned(Box<DropOwned>),
    /// REASSIGN OWNED.
    ReassignOwned(Box<ReassignOwned>),
    /// CREATE FUNCTION, CREATE PROCEDURE.
    CreateRoutine(Box<CreateRoutine>),
    /// ALTER FUNCTION and its kin with options.
    AlterRoutine(Box<AlterRoutine>),
    /// CALL.
    Call(Box<Call>),
    /// CREATE AGGREGATE.
    CreateAggregate(Box<CreateAggregate>),
    /// CREATE OPERATOR.
    CreateOperator(Box<CreateOperator>),
    /// ALTER OPERATOR … SET.
    AlterOperator(Box<AlterOperator>),
    /// CREATE OPERATOR CLASS.
    CreateOperatorClass(Box<CreateOperatorClass>),
    /// CREATE OPERATOR FAMILY.
    CreateOperatorFamily(Box<CreateOperatorFamily>),
    /// ALTER OPERATOR FAMILY … ADD, DROP.
    AlterOperatorFamily(Box<AlterOperatorFamily>),
    /// CREATE CAST.
    CreateCast(Box<CreateCast>),
    /// CREATE TEXT SEARCH …, ALTER TEXT SEARCH DICTIONARY.
    DefineSearch(Box<DefineSearch>),
    /// ALTER TEXT SEARCH CONFIGURATION … MAPPING.
    AlterMapping(Box<AlterMapping>),
    /// CREATE CONVERSION.
    CreateConversion(Box<CreateConversion>),
    /// CREATE COLLATION.
    CreateCollation(Box<CreateCollation>),
    /// ALTER COLLATION … REFRESH VERSION.
    RefreshCollation(Box<Name>),
    /// A statement that PostgreSQL has and whose body is not analysed here.
    Other(Other),
}

/// A recognised statement whose body is skipped: the engine answers 0A000 with its tag.
#[derive(Clone, PartialEq, Debug)]
pub struct Other {
    /// Its command tag, e.g. `CREATE FUNCTION`.
    pub tag: &'static str,
    /// Where it begins.
    pub pos: Pos,
}

/// Shows an identifier, quoted where it must be to read back as itself.
pub fn quote_ident(name: &str) -> impl fmt::Display + '_ {
    struct Quoted<'a>(&'a str);
    impl fmt::Display for Quoted<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            let plain = self.0.bytes().next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_')
                && self.0.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
                && crate::keywords::lookup(self.0)
                    .is_none_or(|k| crate::keywords::category(k) == Some(crate::keywords::Category::Unreserved));
            if plain {
                return f.write_str(self.0);
            }
            f.write_str("\"")?;
            for (i, part) in self.0.split('"').enumerate() {
                if i > 0 {
                    f.write_str("\"\"")?;
                }
                f.write_str(part)?;
            }
            f.write_str("\"")
        }
    }
    Quoted(name)
}
