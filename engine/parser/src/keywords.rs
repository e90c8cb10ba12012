//! PostgreSQL's keywords, their categories and whether they may stand as a bare column label. The list is what
//! `pg_get_keywords()` of PostgreSQL 15 answers; regenerate it from there.

/// What a keyword may name when it is not quoted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Category {
    /// Anything.
    Unreserved,
    /// A column or table, but not a function or type.
    ColName,
    /// A function or type, but not a column or table.
    TypeFuncName,
    /// Nothing (only a label after AS).
    Reserved,
}

/// A keyword's number: its place in [`KEYWORDS`].
pub type Kw = u16;

/// The number that no keyword has.
pub const NONE: Kw = u16::MAX;

/// Finds a keyword by its lower-case spelling.
pub fn lookup(word: &str) -> Option<Kw> {
    KEYWORDS.binary_search_by(|k| k.0.cmp(word)).ok().map(|i| i as Kw)
}

/// Category of a keyword; `None` for [`NONE`].
pub fn category(kw: Kw) -> Option<Category> {
    KEYWORDS.get(kw as usize).map(|k| k.1)
}

/// Whether the keyword may be a column label without AS.
pub fn is_bare_label(kw: Kw) -> bool {
    KEYWORDS.get(kw as usize).is_some_and(|k| k.2)
}

use Category::{ColName, Reserved, TypeFuncName, Unreserved};

/// Spelling, category, bare label; sorted by spelling.
#[rustfmt::skip]
pub static KEYWORDS: &[(&str, Category, bool)] = &[
    ("abort", Unreserved, true),
    ("absolute", Unreserved, true),
    ("access", Unreserved, true),
    ("action", Unreserved, true),
    ("add", Unreserved, true),
    ("admin", Unreserved, true),
    ("after", Unreserved, true),
    ("aggregate", Unreserved, true),
    ("all", Reserved, true),
    ("also", Unreserved, true),
    ("alter", Unreserved, true),
    ("always", Unreserved, true),
    ("analyse", Reserved, true),
    ("analyze", Reserved, true),
    ("and", Reserved, true),
    ("any", Reserved, true),
    ("array", Reserved, false),
    ("as", Reserved, false),
    ("asc", Reserved, true),
    ("asensitive", Unreserved, true),
    ("assertion", Unreserved, true),
    ("assignment", Unreserved, true),
    ("asymmetric", Reserved, true),
    ("at", Unreserved, true),
    ("atomic", Unreserved, true),
    ("attach", Unreserved, true),
    ("attribute", Unreserved, true),
    ("authorization", TypeFuncName, true),
    ("backward", Unreserved, true),
    ("before", Unreserved, true),
    ("begin", Unreserved, true),
    ("between", ColName, true),
    ("bigint", ColName, true),
    ("binary", TypeFuncName, true),
    ("bit", ColName, true),
    ("boolean", ColName, true),
    ("both", Reserved, true),
    ("breadth", Unreserved, true),
    ("by", Unreserved, true),
    ("cache", Unreserved, true),
    ("call", Unreserved, true),
    ("called", Unreserved, true),
    ("cascade", Unreserved, true),
    ("cascaded", Unreserved, true),
    ("case", Reserved, true),
    ("cast", Reserved, true),
    ("catalog", Unreserved, true),
    ("chain", Unreserved, true),
    ("char", ColName, false),
    ("character", ColName, false),
    ("characteristics", Unreserved, true),
    ("check", Reserved, true),
    ("checkpoint", Unreserved, true),
    ("class", Unreserved, true),
    ("close", Unreserved, true),
    ("cluster", Unreserved, true),
    ("coalesce", ColName, true),
    ("collate", Reserved, true),
    ("collation", TypeFuncName, true),
    ("column", Reserved, true),
    ("columns", Unreserved, true),
    ("comment", Unreserved, true),
    ("comments", Unreserved, true),
    ("commit", Unreserved, true),
    ("committed", Unreserved, true),
    ("compression", Unreserved, true),
    ("concurrently", TypeFuncName, true),
    ("configuration", Unreserved, true),
    ("conflict", Unreserved, true),
    ("connection", Unreserved, true),
    ("constraint", Reserved, true),
    ("constraints", Unreserved, true),
    ("content", Unreserved, true),
    ("continue", Unreserved, true),
    ("conversion", Unreserved, true),
    ("copy", Unreserved, true),
    ("cost", Unreserved, true),
    ("create", Reserved, false),
    ("cross", TypeFuncName, true),
    ("csv", Unreserved, true),
    ("cube", Unreserved, true),
    ("current", Unreserved, true),
    ("current_catalog", Reserved, true),
    ("current_date", Reserved, true),
    ("current_role", Reserved, true),
    ("current_schema", TypeFuncName, true),
    ("current_time", Reserved, true),
    ("current_timestamp", Reserved, true),
    ("current_user", Reserved, true),
    ("cursor", Unreserved, true),
    ("cycle", Unreserved, true),
    ("data", Unreserved, true),
    ("database", Unreserved, true),
    ("day", Unreserved, false),
    ("deallocate", Unreserved, true),
    ("dec", ColName, true),
    ("decimal", ColName, true),
    ("declare", Unreserved, true),
    ("default", Reserved, true),
    ("defaults", Unreserved, true),
    ("deferrable", Reserved, true),
    ("deferred", Unreserved, true),
    ("definer", Unreserved, true),
    ("delete", Unreserved, true),
    ("delimiter", Unreserved, true),
    ("delimiters", Unreserved, true),
    ("depends", Unreserved, true),
    ("depth", Unreserved, true),
    ("desc", Reserved, true),
    ("detach", Unreserved, true),
    ("dictionary", Unreserved, true),
    ("disable", Unreserved, true),
    ("discard", Unreserved, true),
    ("distinct", Reserved, true),
    ("do", Reserved, true),
    ("document", Unreserved, true),
    ("domain", Unreserved, true),
    ("double", Unreserved, true),
    ("drop", Unreserved, true),
    ("each", Unreserved, true),
    ("else", Reserved, true),
    ("enable", Unreserved, true),
    ("encoding", Unreserved, true),
    ("encrypted", Unreserved, true),
    ("end", Reserved, true),
    ("enum", Unreserved, true),
    ("escape", Unreserved, true),
    ("event", Unreserved, true),
    ("except", Reserved, false),
    ("exclude", Unreserved, true),
    ("excluding", Unreserved, true),
    ("exclusive", Unreserved, true),
    ("execute", Unreserved, true),
    ("exists", ColName, true),
    ("explain", Unreserved, true),
    ("expression", Unreserved, true),
    ("extension", Unreserved, true),
    ("external", Unreserved, true),
    ("extract", ColName, true),
    ("false", Reserved, true),
    ("family", Unreserved, true),
    ("fetch", Reserved, false),
    ("filter", Unreserved, false),
    ("finalize", Unreserved, true),
    ("first", Unreserved, true),
    ("float", ColName, true),
    ("following", Unreserved, true),
    ("for", Reserved, false),
    ("force", Unreserved, true),
    ("foreign", Reserved, true),
    ("forward", Unreserved, true),
    ("freeze", TypeFuncName, true),
    ("from", Reserved, false),
    ("full", TypeFuncName, true),
    ("function", Unreserved, true),
    ("functions", Unreserved, true),
    ("generated", Unreserved, true),
    ("global", Unreserved, true),
    ("grant", Reserved, false),
    ("granted", Unreserved, true),
    ("greatest", ColName, true),
    ("group", Reserved, false),
    ("grouping", ColName, true),
    ("groups", Unreserved, true),
    ("handler", Unreserved, true),
    ("having", Reserved, false),
    ("header", Unreserved, true),
    ("hold", Unreserved, true),
    ("hour", Unreserved, false),
    ("identity", Unreserved, true),
    ("if", Unreserved, true),
    ("ilike", TypeFuncName, true),
    ("immediate", Unreserved, true),
    ("immutable", Unreserved, true),
    ("implicit", Unreserved, true),
    ("import", Unreserved, true),
    ("in", Reserved, true),
    ("include", Unreserved, true),
    ("including", Unreserved, true),
    ("increment", Unreserved, true),
    ("index", Unreserved, true),
    ("indexes", Unreserved, true),
    ("inherit", Unreserved, true),
    ("inherits", Unreserved, true),
    ("initially", Reserved, true),
    ("inline", Unreserved, true),
    ("inner", TypeFuncName, true),
    ("inout", ColName, true),
    ("input", Unreserved, true),
    ("insensitive", Unreserved, true),
    ("insert", Unreserved, true),
    ("instead", Unreserved, true),
    ("int", ColName, true),
    ("integer", ColName, true),
    ("intersect", Reserved, false),
    ("interval", ColName, true),
    ("into", Reserved, false),
    ("invoker", Unreserved, true),
    ("is", TypeFuncName, true),
    ("isnull", TypeFuncName, false),
    ("isolation", Unreserved, true),
    ("join", TypeFuncName, true),
    ("key", Unreserved, true),
    ("label", Unreserved, true),
    ("language", Unreserved, true),
    ("large", Unreserved, true),
    ("last", Unreserved, true),
    ("lateral", Reserved, true),
    ("leading", Reserved, true),
    ("leakproof", Unreserved, true),
    ("least", ColName, true),
    ("left", TypeFuncName, true),
    ("level", Unreserved, true),
    ("like", TypeFuncName, true),
    ("limit", Reserved, false),
    ("listen", Unreserved, true),
    ("load", Unreserved, true),
    ("local", Unreserved, true),
    ("localtime", Reserved, true),
    ("localtimestamp", Reserved, true),
    ("location", Unreserved, true),
    ("lock", Unreserved, true),
    ("locked", Unreserved, true),
    ("logged", Unreserved, true),
    ("mapping", Unreserved, true),
    ("match", Unreserved, true),
    ("matched", Unreserved, true),
    ("materialized", Unreserved, true),
    ("maxvalue", Unreserved, true),
    ("merge", Unreserved, true),
    ("method", Unreserved, true),
    ("minute", Unreserved, false),
    ("minvalue", Unreserved, true),
    ("mode", Unreserved, true),
    ("month", Unreserved, false),
    ("move", Unreserved, true),
    ("name", Unreserved, true),
    ("names", Unreserved, true),
    ("national", ColName, true),
    ("natural", TypeFuncName, true),
    ("nchar", ColName, true),
    ("new", Unreserved, true),
    ("next", Unreserved, true),
    ("nfc", Unreserved, true),
    ("nfd", Unreserved, true),
    ("nfkc", Unreserved, true),
    ("nfkd", Unreserved, true),
    ("no", Unreserved, true),
    ("none", ColName, true),
    ("normalize", ColName, true),
    ("normalized", Unreserved, true),
    ("not", Reserved, true),
    ("nothing", Unreserved, true),
    ("notify", Unreserved, true),
    ("notnull", TypeFuncName, false),
    ("nowait", Unreserved, true),
    ("null", Reserved, true),
    ("nullif", ColName, true),
    ("nulls", Unreserved, true),
    ("numeric", ColName, true),
    ("object", Unreserved, true),
    ("of", Unreserved, true),
    ("off", Unreserved, true),
    ("offset", Reserved, false),
    ("oids", Unreserved, true),
    ("old", Unreserved, true),
    ("on", Reserved, false),
    ("only", Reserved, true),
    ("operator", Unreserved, true),
    ("option", Unreserved, true),
    ("options", Unreserved, true),
    ("or", Reserved, true),
    ("order", Reserved, false),
    ("ordinality", Unreserved, true),
    ("others", Unreserved, true),
    ("out", ColName, true),
    ("outer", TypeFuncName, true),
    ("over", Unreserved, false),
    ("overlaps", TypeFuncName, false),
    ("overlay", ColName, true),
    ("overriding", Unreserved, true),
    ("owned", Unreserved, true),
    ("owner", Unreserved, true),
    ("parallel", Unreserved, true),
    ("parameter", Unreserved, true),
    ("parser", Unreserved, true),
    ("partial", Unreserved, true),
    ("partition", Unreserved, true),
    ("passing", Unreserved, true),
    ("password", Unreserved, true),
    ("placing", Reserved, true),
    ("plans", Unreserved, true),
    ("policy", Unreserved, true),
    ("position", ColName, true),
    ("preceding", Unreserved, true),
    ("precision", ColName, false),
    ("prepare", Unreserved, true),
    ("prepared", Unreserved, true),
    ("preserve", Unreserved, true),
    ("primary", Reserved, true),
    ("prior", Unreserved, true),
    ("privileges", Unreserved, true),
    ("procedural", Unreserved, true),
    ("procedure", Unreserved, true),
    ("procedures", Unreserved, true),
    ("program", Unreserved, true),
    ("publication", Unreserved, true),
    ("quote", Unreserved, true),
    ("range", Unreserved, true),
    ("read", Unreserved, true),
    ("real", ColName, true),
    ("reassign", Unreserved, true),
    ("recheck", Unreserved, true),
    ("recursive", Unreserved, true),
    ("ref", Unreserved, true),
    ("references", Reserved, true),
    ("referencing", Unreserved, true),
    ("refresh", Unreserved, true),
    ("reindex", Unreserved, true),
    ("relative", Unreserved, true),
    ("release", Unreserved, true),
    ("rename", Unreserved, true),
    ("repeatable", Unreserved, true),
    ("replace", Unreserved, true),
    ("replica", Unreserved, true),
    ("reset", Unreserved, true),
    ("restart", Unreserved, true),
    ("restrict", Unreserved, true),
    ("return", Unreserved, true),
    ("returning", Reserved, false),
    ("returns", Unreserved, true),
    ("revoke", Unreserved, true),
    ("right", TypeFuncName, true),
    ("role", Unreserved, true),
    ("rollback", Unreserved, true),
    ("rollup", Unreserved, true),
    ("routine", Unreserved, true),
    ("routines", Unreserved, true),
    ("row", ColName, true),
    ("rows", Unreserved, true),
    ("rule", Unreserved, true),
    ("savepoint", Unreserved, true),
    ("schema", Unreserved, true),
    ("schemas", Unreserved, true),
    ("scroll", Unreserved, true),
    ("search", Unreserved, true),
    ("second", Unreserved, false),
    ("security", Unreserved, true),
    ("select", Reserved, true),
    ("sequence", Unreserved, true),
    ("sequences", Unreserved, true),
    ("serializable", Unreserved, true),
    ("server", Unreserved, true),
    ("session", Unreserved, true),
    ("session_user", Reserved, true),
    ("set", Unreserved, true),
    ("setof", ColName, true),
    ("sets", Unreserved, true),
    ("share", Unreserved, true),
    ("show", Unreserved, true),
    ("similar", TypeFuncName, true),
    ("simple", Unreserved, true),
    ("skip", Unreserved, true),
    ("smallint", ColName, true),
    ("snapshot", Unreserved, true),
    ("some", Reserved, true),
    ("sql", Unreserved, true),
    ("stable", Unreserved, true),
    ("standalone", Unreserved, true),
    ("start", Unreserved, true),
    ("statement", Unreserved, true),
    ("statistics", Unreserved, true),
    ("stdin", Unreserved, true),
    ("stdout", Unreserved, true),
    ("storage", Unreserved, true),
    ("stored", Unreserved, true),
    ("strict", Unreserved, true),
    ("strip", Unreserved, true),
    ("subscription", Unreserved, true),
    ("substring", ColName, true),
    ("support", Unreserved, true),
    ("symmetric", Reserved, true),
    ("sysid", Unreserved, true),
    ("system", Unreserved, true),
    ("table", Reserved, true),
    ("tables", Unreserved, true),
    ("tablesample", TypeFuncName, true),
    ("tablespace", Unreserved, true),
    ("temp", Unreserved, true),
    ("template", Unreserved, true),
    ("temporary", Unreserved, true),
    ("text", Unreserved, true),
    ("then", Reserved, true),
    ("ties", Unreserved, true),
    ("time", ColName, true),
    ("timestamp", ColName, true),
    ("to", Reserved, false),
    ("trailing", Reserved, true),
    ("transaction", Unreserved, true),
    ("transform", Unreserved, true),
    ("treat", ColName, true),
    ("trigger", Unreserved, true),
    ("trim", ColName, true),
    ("true", Reserved, true),
    ("truncate", Unreserved, true),
    ("trusted", Unreserved, true),
    ("type", Unreserved, true),
    ("types", Unreserved, true),
    ("uescape", Unreserved, true),
    ("unbounded", Unreserved, true),
    ("uncommitted", Unreserved, true),
    ("unencrypted", Unreserved, true),
    ("union", Reserved, false),
    ("unique", Reserved, true),
    ("unknown", Unreserved, true),
    ("unlisten", Unreserved, true),
    ("unlogged", Unreserved, true),
    ("until", Unreserved, true),
    ("update", Unreserved, true),
    ("user", Reserved, true),
    ("using", Reserved, true),
    ("vacuum", Unreserved, true),
    ("valid", Unreserved, true),
    ("validate", Unreserved, true),
    ("validator", Unreserved, true),
    ("value", Unreserved, true),
    ("values", ColName, true),
    ("varchar", ColName, true),
    ("variadic", Reserved, true),
    ("varying", Unreserved, false),
    ("verbose", TypeFuncName, true),
    ("version", Unreserved, true),
    ("view", Unreserved, true),
    ("views", Unreserved, true),
    ("volatile", Unreserved, true),
    ("when", Reserved, true),
    ("where", Reserved, false),
    ("whitespace", Unreserved, true),
    ("window", Reserved, false),
    ("with", Reserved, false),
    ("within", Unreserved, false),
    ("without", Unreserved, false),
    ("work", Unreserved, true),
    ("wrapper", Unreserved, true),
    ("write", Unreserved, true),
    ("xml", Unreserved, true),
    ("xmlattributes", ColName, true),
    ("xmlconcat", ColName, true),
    ("xmlelement", ColName, true),
    ("xmlexists", ColName, true),
    ("xmlforest", ColName, true),
    ("xmlnamespaces", ColName, true),
    ("xmlparse", ColName, true),
    ("xmlpi", ColName, true),
    ("xmlroot", ColName, true),
    ("xmlserialize", ColName, true),
    ("xmltable", ColName, true),
    ("year", Unreserved, false),
    ("yes", Unreserved, true),
    ("zone", Unreserved, true),
];

/// The numbers by name.
#[rustfmt::skip]
#[allow(missing_docs, dead_code, reason = "the names are the documentation; the list is complete whether used or not")]
pub mod kw {
    use super::Kw;
    pub const ABORT: Kw = 0;
    pub const ABSOLUTE: Kw = 1;
    pub const ACCESS: Kw = 2;
    pub const ACTION: Kw = 3;
    pub const ADD: Kw = 4;
    pub const ADMIN: Kw = 5;
    pub const AFTER: Kw = 6;
    pub const AGGREGATE: Kw = 7;
    pub const ALL: Kw = 8;
    pub const ALSO: Kw = 9;
    pub const ALTER: Kw = 10;
    pub const ALWAYS: Kw = 11;
    pub const ANALYSE: Kw = 12;
    pub const ANALYZE: Kw = 13;
    pub const AND: Kw = 14;
    pub const ANY: Kw = 15;
    pub const ARRAY: Kw = 16;
    pub const AS: Kw = 17;
    pub const ASC: Kw = 18;
    pub const ASENSITIVE: Kw = 19;
    pub const ASSERTION: Kw = 20;
    pub const ASSIGNMENT: Kw = 21;
    pub const ASYMMETRIC: Kw = 22;
    pub const AT: Kw = 23;
    pub const ATOMIC: Kw = 24;
    pub const ATTACH: Kw = 25;
    pub const ATTRIBUTE: Kw = 26;
    pub const AUTHORIZATION: Kw = 27;
    pub const BACKWARD: Kw = 28;
    pub const BEFORE: Kw = 29;
    pub const BEGIN: Kw = 30;
    pub const BETWEEN: Kw = 31;
    pub const BIGINT: Kw = 32;
    pub const BINARY: Kw = 33;
    pub const BIT: Kw = 34;
    pub const BOOLEAN: Kw = 35;
    pub const BOTH: Kw = 36;
    pub const BREADTH: Kw = 37;
    pub const BY: Kw = 38;
    pub const CACHE: Kw = 39;
    pub const CALL: Kw = 40;
    pub const CALLED: Kw = 41;
    pub const CASCADE: Kw = 42;
    pub const CASCADED: Kw = 43;
    pub const CASE: Kw = 44;
    pub const CAST: Kw = 45;
    pub const CATALOG: Kw = 46;
    pub const CHAIN: Kw = 47;
    pub const CHAR: Kw = 48;
    pub const CHARACTER: Kw = 49;
    pub const CHARACTERISTICS: Kw = 50;
    pub const CHECK: Kw = 51;
    pub const CHECKPOINT: Kw = 52;
    pub const CLASS: Kw = 53;
    pub const CLOSE: Kw = 54;
    pub const CLUSTER: Kw = 55;
    pub const COALESCE: Kw = 56;
    pub const COLLATE: Kw = 57;
    pub const COLLATION: Kw = 58;
    pub const COLUMN: Kw = 59;
    pub const COLUMNS: Kw = 60;
    pub const COMMENT: Kw = 61;
    pub const COMMENTS: Kw = 62;
    pub const COMMIT: Kw = 63;
    pub const COMMITTED: Kw = 64;
    pub const COMPRESSION: Kw = 65;
    pub const CONCURRENTLY: Kw = 66;
    pub const CONFIGURATION: Kw = 67;
    pub const CONFLICT: Kw = 68;
    pub const CONNECTION: Kw = 69;
    pub const CONSTRAINT: Kw = 70;
    pub const CONSTRAINTS: Kw = 71;
    pub const CONTENT: Kw = 72;
    pub const CONTINUE: Kw = 73;
    pub const CONVERSION: Kw = 74;
    pub const COPY: Kw = 75;
    pub const COST: Kw = 76;
    pub const CREATE: Kw = 77;
    pub const CROSS: Kw = 78;
    pub const CSV: Kw = 79;
    pub const CUBE: Kw = 80;
    pub const CURRENT: Kw = 81;
    pub const CURRENT_CATALOG: Kw = 82;
    pub const CURRENT_DATE: Kw = 83;
    pub const CURRENT_ROLE: Kw = 84;
    pub const CURRENT_SCHEMA: Kw = 85;
    pub const CURRENT_TIME: Kw = 86;
    pub const CURRENT_TIMESTAMP: Kw = 87;
    pub const CURRENT_USER: Kw = 88;
    pub const CURSOR: Kw = 89;
    pub const CYCLE: Kw = 90;
    pub const DATA: Kw = 91;
    pub const DATABASE: Kw = 92;
    pub const DAY: Kw = 93;
    pub const DEALLOCATE: Kw = 94;
    pub const DEC: Kw = 95;
    pub const DECIMAL: Kw = 96;
    pub const DECLARE: Kw = 97;
    pub const DEFAULT: Kw = 98;
    pub const DEFAULTS: Kw = 99;
    pub const DEFERRABLE: Kw = 100;
    pub const DEFERRED: Kw = 101;
    pub const DEFINER: Kw = 102;
    pub const DELETE: Kw = 103;
    pub const DELIMITER: Kw = 104;
    pub const DELIMITERS: Kw = 105;
    pub const DEPENDS: Kw = 106;
    pub const DEPTH: Kw = 107;
    pub const DESC: Kw = 108;
    pub const DETACH: Kw = 109;
    pub const DICTIONARY: Kw = 110;
    pub const DISABLE: Kw = 111;
    pub const DISCARD: Kw = 112;
    pub const DISTINCT: Kw = 113;
    pub const DO: Kw = 114;
    pub const DOCUMENT: Kw = 115;
    pub const DOMAIN: Kw = 116;
    pub const DOUBLE: Kw = 117;
    pub const DROP: Kw = 118;
    pub const EACH: Kw = 119;
    pub const ELSE: Kw = 120;
    pub const ENABLE: Kw = 121;
    pub const ENCODING: Kw = 122;
    pub const ENCRYPTED: Kw = 123;
    pub const END: Kw = 124;
    pub const ENUM: Kw = 125;
    pub const ESCAPE: Kw = 126;
    pub const EVENT: Kw = 127;
    pub const EXCEPT: Kw = 128;
    pub const EXCLUDE: Kw = 129;
    pub const EXCLUDING: Kw = 130;
    pub const EXCLUSIVE: Kw = 131;
    pub const EXECUTE: Kw = 132;
    pub const EXISTS: Kw = 133;
    pub const EXPLAIN: Kw = 134;
    pub const EXPRESSION: Kw = 135;
    pub const EXTENSION: Kw = 136;
    pub const EXTERNAL: Kw = 137;
    pub const EXTRACT: Kw = 138;
    pub const FALSE: Kw = 139;
    pub const FAMILY: Kw = 140;
    pub const FETCH: Kw = 141;
    pub const FILTER: Kw = 142;
    pub const FINALIZE: Kw = 143;
    pub const FIRST: Kw = 144;
    pub const FLOAT: Kw = 145;
    pub const FOLLOWING: Kw = 146;
    pub const FOR: Kw = 147;
    pub const FORCE: Kw = 148;
    pub const FOREIGN: Kw = 149;
    pub const FORWARD: Kw = 150;
    pub const FREEZE: Kw = 151;
    pub const FROM: Kw = 152;
    pub const FULL: Kw = 153;
    pub const FUNCTION: Kw = 154;
    pub const FUNCTIONS: Kw = 155;
    pub const GENERATED: Kw = 156;
    pub const GLOBAL: Kw = 157;
    pub const GRANT: Kw = 158;
    pub const GRANTED: Kw = 159;
    pub const GREATEST: Kw = 160;
    pub const GROUP: Kw = 161;
    pub const GROUPING: Kw = 162;
    pub const GROUPS: Kw = 163;
    pub const HANDLER: Kw = 164;
    pub const HAVING: Kw = 165;
    pub const HEADER: Kw = 166;
    pub const HOLD: Kw = 167;
    pub const HOUR: Kw = 168;
    pub const IDENTITY: Kw = 169;
    pub const IF: Kw = 170;
    pub const ILIKE: Kw = 171;
    pub const IMMEDIATE: Kw = 172;
    pub const IMMUTABLE: Kw = 173;
    pub const IMPLICIT: Kw = 174;
    pub const IMPORT: Kw = 175;
    pub const IN: Kw = 176;
    pub const INCLUDE: Kw = 177;
    pub const INCLUDING: Kw = 178;
    pub const INCREMENT: Kw = 179;
    pub const INDEX: Kw = 180;
    pub const INDEXES: Kw = 181;
    pub const INHERIT: Kw = 182;
    pub const INHERITS: Kw = 183;
    pub const INITIALLY: Kw = 184;
    pub const INLINE: Kw = 185;
    pub const INNER: Kw = 186;
    pub const INOUT: Kw = 187;
    pub const INPUT: Kw = 188;
    pub const INSENSITIVE: Kw = 189;
    pub const INSERT: Kw = 190;
    pub const INSTEAD: Kw = 191;
    pub const INT: Kw = 192;
    pub const INTEGER: Kw = 193;
    pub const INTERSECT: Kw = 194;
    pub const INTERVAL: Kw = 195;
    pub const INTO: Kw = 196;
    pub const INVOKER: Kw = 197;
    pub const IS: Kw = 198;
    pub const ISNULL: Kw = 199;
    pub const ISOLATION: Kw = 200;
    pub const JOIN: Kw = 201;
    pub const KEY: Kw = 202;
    pub const LABEL: Kw = 203;
    pub const LANGUAGE: Kw = 204;
    pub const LARGE: Kw = 205;
    pub const LAST: Kw = 206;
    pub const LATERAL: Kw = 207;
    pub const LEADING: Kw = 208;
    pub const LEAKPROOF: Kw = 209;
    pub const LEAST: Kw = 210;
    pub const LEFT: Kw = 211;
    pub const LEVEL: Kw = 212;
    pub const LIKE: Kw = 213;
    pub const LIMIT: Kw = 214;
    pub const LISTEN: Kw = 215;
    pub const LOAD: Kw = 216;
    pub const LOCAL: Kw = 217;
    pub const LOCALTIME: Kw = 218;
    pub const LOCALTIMESTAMP: Kw = 219;
    pub const LOCATION: Kw = 220;
    pub const LOCK: Kw = 221;
    pub const LOCKED: Kw = 222;
    pub const LOGGED: Kw = 223;
    pub const MAPPING: Kw = 224;
    pub const MATCH: Kw = 225;
    pub const MATCHED: Kw = 226;
    pub const MATERIALIZED: Kw = 227;
    pub const MAXVALUE: Kw = 228;
    pub const MERGE: Kw = 229;
    pub const METHOD: Kw = 230;
    pub const MINUTE: Kw = 231;
    pub const MINVALUE: Kw = 232;
    pub const MODE: Kw = 233;
    pub const MONTH: Kw = 234;
    pub const MOVE: Kw = 235;
    pub const NAME: Kw = 236;
    pub const NAMES: Kw = 237;
    pub const NATIONAL: Kw = 238;
    pub const NATURAL: Kw = 239;
    pub const NCHAR: Kw = 240;
    pub const NEW: Kw = 241;
    pub const NEXT: Kw = 242;
    pub const NFC: Kw = 243;
    pub const NFD: Kw = 244;
    pub const NFKC: Kw = 245;
    pub const NFKD: Kw = 246;
    pub const NO: Kw = 247;
    pub const NONE: Kw = 248;
    pub const NORMALIZE: Kw = 249;
    pub const NORMALIZED: Kw = 250;
    pub const NOT: Kw = 251;
    pub const NOTHING: Kw = 252;
    pub const NOTIFY: Kw = 253;
    pub const NOTNULL: Kw = 254;
    pub const NOWAIT: Kw = 255;
    pub const NULL: Kw = 256;
    pub const NULLIF: Kw = 257;
    pub const NULLS: Kw = 258;
    pub const NUMERIC: Kw = 259;
    pub const OBJECT: Kw = 260;
    pub const OF: Kw = 261;
    pub const OFF: Kw = 262;
    pub const OFFSET: Kw = 263;
    pub const OIDS: Kw = 264;
    pub const OLD: Kw = 265;
    pub const ON: Kw = 266;
    pub const ONLY: Kw = 267;
    pub const OPERATOR: Kw = 268;
    pub const OPTION: Kw = 269;
    pub const OPTIONS: Kw = 270;
    pub const OR: Kw = 271;
    pub const ORDER: Kw = 272;
    pub const ORDINALITY: Kw = 273;
    pub const OTHERS: Kw = 274;
    pub const OUT: Kw = 275;
    pub const OUTER: Kw = 276;
    pub const OVER: Kw = 277;
    pub const OVERLAPS: Kw = 278;
    pub const OVERLAY: Kw = 279;
    pub const OVERRIDING: Kw = 280;
    pub const OWNED: Kw = 281;
    pub const OWNER: Kw = 282;
    pub const PARALLEL: Kw = 283;
    pub const PARAMETER: Kw = 284;
    pub const PARSER: Kw = 285;
    pub const PARTIAL: Kw = 286;
    pub const PARTITION: Kw = 287;
    pub const PASSING: Kw = 288;
    pub const PASSWORD: Kw = 289;
    pub const PLACING: Kw = 290;
    pub const PLANS: Kw = 291;
    pub const POLICY: Kw = 292;
    pub const POSITION: Kw = 293;
    pub const PRECEDING: Kw = 294;
    pub const PRECISION: Kw = 295;
    pub const PREPARE: Kw = 296;
    pub const PREPARED: Kw = 297;
    pub const PRESERVE: Kw = 298;
    pub const PRIMARY: Kw = 299;
    pub const PRIOR: Kw = 300;
    pub const PRIVILEGES: Kw = 301;
    pub const PROCEDURAL: Kw = 302;
    pub const PROCEDURE: Kw = 303;
    pub const PROCEDURES: Kw = 304;
    pub const PROGRAM: Kw = 305;
    pub const PUBLICATION: Kw = 306;
    pub const QUOTE: Kw = 307;
    pub const RANGE: Kw = 308;
    pub const READ: Kw = 309;
    pub const REAL: Kw = 310;
    pub const REASSIGN: Kw = 311;
    pub const RECHECK: Kw = 312;
    pub const RECURSIVE: Kw = 313;
    pub const REF: Kw = 314;
    pub const REFERENCES: Kw = 315;
    pub const REFERENCING: Kw = 316;
    pub const REFRESH: Kw = 317;
    pub const REINDEX: Kw = 318;
    pub const RELATIVE: Kw = 319;
    pub const RELEASE: Kw = 320;
    pub const RENAME: Kw = 321;
    pub const REPEATABLE: Kw = 322;
    pub const REPLACE: Kw = 323;
    pub const REPLICA: Kw = 324;
    pub const RESET: Kw = 325;
    pub const RESTART: Kw = 326;
    pub const RESTRICT: Kw = 327;
    pub const RETURN: Kw = 328;
    pub const RETURNING: Kw = 329;
    pub const RETURNS: Kw = 330;
    pub const REVOKE: Kw = 331;
    pub const RIGHT: Kw = 332;
    pub const ROLE: Kw = 333;
    pub const ROLLBACK: Kw = 334;
    pub const ROLLUP: Kw = 335;
    pub const ROUTINE: Kw = 336;
    pub const ROUTINES: Kw = 337;
    pub const ROW: Kw = 338;
    pub const ROWS: Kw = 339;
    pub const RULE: Kw = 340;
    pub const SAVEPOINT: Kw = 341;
    pub const SCHEMA: Kw = 342;
    pub const SCHEMAS: Kw = 343;
    pub const SCROLL: Kw = 344;
    pub const SEARCH: Kw = 345;
    pub const SECOND: Kw = 346;
    pub const SECURITY: Kw = 347;
    pub const SELECT: Kw = 348;
    pub const SEQUENCE: Kw = 349;
    pub const SEQUENCES: Kw = 350;
    pub const SERIALIZABLE: Kw = 351;
    pub const SERVER: Kw = 352;
    pub const SESSION: Kw = 353;
    pub const SESSION_USER: Kw = 354;
    pub const SET: Kw = 355;
    pub const SETOF: Kw = 356;
    pub const SETS: Kw = 357;
    pub const SHARE: Kw = 358;
    pub const SHOW: Kw = 359;
    pub const SIMILAR: Kw = 360;
    pub const SIMPLE: Kw = 361;
    pub const SKIP: Kw = 362;
    pub const SMALLINT: Kw = 363;
    pub const SNAPSHOT: Kw = 364;
    pub const SOME: Kw = 365;
    pub const SQL: Kw = 366;
    pub const STABLE: Kw = 367;
    pub const STANDALONE: Kw = 368;
    pub const START: Kw = 369;
    pub const STATEMENT: Kw = 370;
    pub const STATISTICS: Kw = 371;
    pub const STDIN: Kw = 372;
    pub const STDOUT: Kw = 373;
    pub const STORAGE: Kw = 374;
    pub const STORED: Kw = 375;
    pub const STRICT: Kw = 376;
    pub const STRIP: Kw = 377;
    pub const SUBSCRIPTION: Kw = 378;
    pub const SUBSTRING: Kw = 379;
    pub const SUPPORT: Kw = 380;
    pub const SYMMETRIC: Kw = 381;
    pub const SYSID: Kw = 382;
    pub const SYSTEM: Kw = 383;
    pub const TABLE: Kw = 384;
    pub const TABLES: Kw = 385;
    pub const TABLESAMPLE: Kw = 386;
    pub const TABLESPACE: Kw = 387;
    pub const TEMP: Kw = 388;
    pub const TEMPLATE: Kw = 389;
    pub const TEMPORARY: Kw = 390;
    pub const TEXT: Kw = 391;
    pub const THEN: Kw = 392;
    pub const TIES: Kw = 393;
    pub const TIME: Kw = 394;
    pub const TIMESTAMP: Kw = 395;
    pub const TO: Kw = 396;
    pub const TRAILING: Kw = 397;
    pub const TRANSACTION: Kw = 398;
    pub const TRANSFORM: Kw = 399;
    pub const TREAT: Kw = 400;
    pub const TRIGGER: Kw = 401;
    pub const TRIM: Kw = 402;
    pub const TRUE: Kw = 403;
    pub const TRUNCATE: Kw = 404;
    pub const TRUSTED: Kw = 405;
    pub const TYPE: Kw = 406;
    pub const TYPES: Kw = 407;
    pub const UESCAPE: Kw = 408;
    pub const UNBOUNDED: Kw = 409;
    pub const UNCOMMITTED: Kw = 410;
    pub const UNENCRYPTED: Kw = 411;
    pub const UNION: Kw = 412;
    pub const UNIQUE: Kw = 413;
    pub const UNKNOWN: Kw = 414;
    pub const UNLISTEN: Kw = 415;
    pub const UNLOGGED: Kw = 416;
    pub const UNTIL: Kw = 417;
    pub const UPDATE: Kw = 418;
    pub const USER: Kw = 419;
    pub const USING: Kw = 420;
    pub const VACUUM: Kw = 421;
    pub const VALID: Kw = 422;
    pub const VALIDATE: Kw = 423;
    pub const VALIDATOR: Kw = 424;
    pub const VALUE: Kw = 425;
    pub const VALUES: Kw = 426;
    pub const VARCHAR: Kw = 427;
    pub const VARIADIC: Kw = 428;
    pub const VARYING: Kw = 429;
    pub const VERBOSE: Kw = 430;
    pub const VERSION: Kw = 431;
    pub const VIEW: Kw = 432;
    pub const VIEWS: Kw = 433;
    pub const VOLATILE: Kw = 434;
    pub const WHEN: Kw = 435;
    pub const WHERE: Kw = 436;
    pub const WHITESPACE: Kw = 437;
    pub const WINDOW: Kw = 438;
    pub const WITH: Kw = 439;
    pub const WITHIN: Kw = 440;
    pub const WITHOUT: Kw = 441;
    pub const WORK: Kw = 442;
    pub const WRAPPER: Kw = 443;
    pub const WRITE: Kw = 444;
    pub const XML: Kw = 445;
    pub const XMLATTRIBUTES: Kw = 446;
    pub const XMLCONCAT: Kw = 447;
    pub const XMLELEMENT: Kw = 448;
    pub const XMLEXISTS: Kw = 449;
    pub const XMLFOREST: Kw = 450;
    pub const XMLNAMESPACES: Kw = 451;
    pub const XMLPARSE: Kw = 452;
    pub const XMLPI: Kw = 453;
    pub const XMLROOT: Kw = 454;
    pub const XMLSERIALIZE: Kw = 455;
    pub const XMLTABLE: Kw = 456;
    pub const YEAR: Kw = 457;
    pub const YES: Kw = 458;
    pub const ZONE: Kw = 459;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_the_table() {
        assert!(KEYWORDS.windows(2).all(|w| w[0].0 < w[1].0));
        assert_eq!(lookup("select"), Some(kw::SELECT));
        assert_eq!(lookup("zone"), Some(kw::ZONE));
        assert_eq!(lookup("nosuch"), None);
        assert_eq!(category(kw::SELECT), Some(Reserved));
        assert!(!is_bare_label(kw::AS));
    }
}
