//! PostgreSQL 15's built-in catalog rows: types, functions, operators, casts, aggregates, operator classes, and the
//! column lists of every system relation.
//!
//! The rows live in `data/*.tsv`, written by `data/gen_catalog.py` from a running PostgreSQL. They are facts, never
//! edited by hand, compiled into the program and parsed once, on first use, into structs whose fields bear PostgreSQL's
//! column names (regproc columns hold OIDs). That a row is here says what PostgreSQL has, not that RustyDB implements it:
//! whether a function runs is for [`crate::registry`] to say.
//!
//! Invariant: every file parses with the column types declared here (a unit test reads all of them), so the parser
//! may treat a malformed row as a broken build and panic.

use rustydb_base::IdHash;
use std::borrow::Cow;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};
use std::sync::LazyLock;

/// A column value as COPY's text format writes it.
trait Field: Sized {
    fn parse(text: Option<&'static str>) -> Option<Self>;
}

macro_rules! number_fields {
    ($($t:ty),*) => {$(
        impl Field for $t {
            fn parse(text: Option<&'static str>) -> Option<Self> {
                text?.parse().ok()
            }
        }
    )*};
}
number_fields!(u32, i32, i16, f32);

impl Field for bool {
    fn parse(text: Option<&'static str>) -> Option<Self> {
        match text? {
            "t" => Some(true),
            "f" => Some(false),
            _ => None,
        }
    }
}

/// A `"char"` column.
impl Field for char {
    fn parse(text: Option<&'static str>) -> Option<Self> {
        let mut chars = text?.chars();
        chars.next().filter(|_| chars.next().is_none())
    }
}

/// Text that never needs unescaping: names.
impl Field for &'static str {
    fn parse(text: Option<&'static str>) -> Option<Self> {
        text.filter(|t| !t.contains('\\'))
    }
}

/// Text that may contain line breaks, tabs or backslashes.
impl Field for Cow<'static, str> {
    fn parse(text: Option<&'static str>) -> Option<Self> {
        let text = text?;
        if !text.contains('\\') {
            return Some(Cow::Borrowed(text));
        }
        let mut out = String::with_capacity(text.len());
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            if c != '\\' {
                out.push(c);
                continue;
            }
            out.push(match chars.next()? {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                '\\' => '\\',
                _ => return None,
            });
        }
        Some(Cow::Owned(out))
    }
}

impl<T: Field> Field for Option<T> {
    fn parse(text: Option<&'static str>) -> Option<Self> {
        match text {
            None => Some(None),
            some => T::parse(some).map(Some),
        }
    }
}

/// Numbers separated by blanks.
impl<T: Field + Clone> Field for Box<[T]>
where
    T: Separated,
{
    fn parse(text: Option<&'static str>) -> Option<Self> {
        let text = text?;
        if text.is_empty() {
            return Some(Box::default());
        }
        text.split(T::SEPARATOR).map(|t| T::parse(Some(t))).collect()
    }
}

/// How a list of this kind is written in one field.
trait Separated {
    const SEPARATOR: char;
}
impl Separated for u32 {
    const SEPARATOR: char = ' ';
}
impl Separated for i16 {
    const SEPARATOR: char = ' ';
}
impl Separated for char {
    const SEPARATOR: char = ',';
}
impl Separated for &'static str {
    const SEPARATOR: char = ',';
}
impl Separated for Cow<'static, str> {
    const SEPARATOR: char = ';';
}

/// Declares one table: the row struct, in the file's column order, and the function that gives all rows.
macro_rules! table {
    ($(#[$doc:meta])* $row:ident, $all:ident, $file:literal { $($column:ident: $t:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Debug)]
        #[allow(missing_docs, reason = "PostgreSQL's column names, documented in its manual")]
        pub struct $row { $(pub $column: $t),* }

        #[doc = concat!("All rows of `", $file, "`, in file order.")]
        pub fn $all() -> &'static [$row] {
            static ROWS: LazyLock<Vec<$row>> = LazyLock::new(|| {
                const COLUMNS: &[&str] = &[$(stringify!($column)),*];
                let text: &'static str = include_str!(concat!("../data/", $file));
                let mut lines = text.lines();
                let header = lines.next().unwrap_or_default();
                assert!(header.split('\t').eq(COLUMNS.iter().copied()), "columns of {} differ", $file);
                lines
                    .map(|line| {
                        let mut fields = line.split('\t').map(|f| (f != "\\N").then_some(f));
                        let row = $row {
                            $($column: <$t as Field>::parse(fields.next().flatten())
                                .unwrap_or_else(|| panic!("column {} in {}: {line}", stringify!($column), $file)),)*
                        };
                        assert!(fields.next().is_none(), "too many fields in {}: {line}", $file);
                        row
                    })
                    .collect()
            });
            &ROWS
        }
    };
}

table! {
    /// A schema.
    Namespace, namespaces, "pg_namespace.tsv" { oid: u32, nspname: &'static str }
}
table! {
    /// A type, the row types of the system relations and all array types included.
    PgType, types, "pg_type.tsv" {
        oid: u32, typname: &'static str, typnamespace: u32, typlen: i16, typbyval: bool, typtype: char,
        typcategory: char, typispreferred: bool, typisdefined: bool, typdelim: char, typrelid: u32,
        typsubscript: u32, typelem: u32, typarray: u32, typinput: u32, typoutput: u32, typreceive: u32, typsend: u32,
        typmodin: u32, typmodout: u32, typanalyze: u32, typalign: char, typstorage: char, typnotnull: bool,
        typbasetype: u32, typtypmod: i32, typndims: i32, typcollation: u32, typdefault: Option<Cow<'static, str>>,
    }
}
table! {
    /// A function, aggregate, window function or procedure. `proargdefaults` holds one SQL expression per defaulted
    /// argument (the last `pronargdefaults` input arguments); `proallargtypes`, `proargmodes` and `proargnames` are
    /// `None` where PostgreSQL has NULL; `prosqlbody` is the deparsed body of a `BEGIN ATOMIC`/`RETURN` function.
    Proc, procs, "pg_proc.tsv" {
        oid: u32, proname: &'static str, pronamespace: u32, prolang: u32, procost: f32, prorows: f32,
        provariadic: u32, prokind: char, prosecdef: bool, proleakproof: bool, proisstrict: bool, proretset: bool,
        provolatile: char, proparallel: char, pronargs: i16, pronargdefaults: i16, prorettype: u32,
        proargtypes: Box<[u32]>, proallargtypes: Option<Box<[u32]>>, proargmodes: Option<Box<[char]>>,
        proargnames: Option<Box<[&'static str]>>, proargdefaults: Option<Box<[Cow<'static, str>]>>,
        prosrc: Cow<'static, str>, prosqlbody: Option<Cow<'static, str>>,
    }
}
table! {
    /// An operator.
    Operator, operators, "pg_operator.tsv" {
        oid: u32, oprname: &'static str, oprkind: char, oprcanmerge: bool, oprcanhash: bool, oprleft: u32,
        oprright: u32, oprresult: u32, oprcom: u32, oprnegate: u32, oprcode: u32, oprrest: u32, oprjoin: u32,
    }
}
table! {
    /// A cast; `castfunc` is 0 for binary-coercible and I/O casts, as `castmethod` (f, b, i) tells.
    Cast, casts, "pg_cast.tsv" {
        oid: u32, castsource: u32, casttarget: u32, castfunc: u32, castcontext: char, castmethod: char,
    }
}
table! {
    /// What `pg_aggregate` adds to an aggregate's [`Proc`].
    Aggregate, aggregates, "pg_aggregate.tsv" {
        aggfnoid: u32, aggkind: char, aggnumdirectargs: i16, aggtransfn: u32, aggfinalfn: u32, aggcombinefn: u32,
        aggserialfn: u32, aggdeserialfn: u32, aggmtransfn: u32, aggminvtransfn: u32, aggmfinalfn: u32,
        aggfinalextra: bool, aggmfinalextra: bool, aggfinalmodify: char, aggmfinalmodify: char, aggsortop: u32,
        aggtranstype: u32, aggtransspace: i32, aggmtranstype: u32, aggmtransspace: i32,
        agginitval: Option<Cow<'static, str>>, aggminitval: Option<Cow<'static, str>>,
    }
}
table! {
    /// An access method.
    AccessMethod, access_methods, "pg_am.tsv" { oid: u32, amname: &'static str, amhandler: u32, amtype: char }
}
table! {
    /// An operator family.
    OpFamily, opfamilies, "pg_opfamily.tsv" { oid: u32, opfmethod: u32, opfname: &'static str }
}
table! {
    /// An operator class.
    OpClass, opclasses, "pg_opclass.tsv" {
        oid: u32, opcmethod: u32, opcname: &'static str, opcfamily: u32, opcintype: u32, opcdefault: bool,
        opckeytype: u32,
    }
}
table! {
    /// An operator's membership in a family.
    AmOp, amops, "pg_amop.tsv" {
        oid: u32, amopfamily: u32, amoplefttype: u32, amoprighttype: u32, amopstrategy: i16, amoppurpose: char,
        amopopr: u32, amopmethod: u32, amopsortfamily: u32,
    }
}
table! {
    /// A support function's membership in a family.
    AmProc, amprocs, "pg_amproc.tsv" {
        oid: u32, amprocfamily: u32, amproclefttype: u32, amprocrighttype: u32, amprocnum: i16, amproc: u32,
    }
}
table! {
    /// A collation: those every server has, and ICU's. Their version is this server's, so it is not here.
    Collation, collations, "pg_collation.tsv" {
        oid: u32, collname: &'static str, collprovider: char, collisdeterministic: bool, collencoding: i32,
        collcollate: Option<&'static str>, collctype: Option<&'static str>, colliculocale: Option<&'static str>,
    }
}
table! {
    /// A procedural language.
    Language, languages, "pg_language.tsv" {
        oid: u32, lanname: &'static str, lanispl: bool, lanpltrusted: bool, lanplcallfoid: u32, laninline: u32,
        lanvalidator: u32,
    }
}
table! {
    /// A range type.
    RangeType, range_types, "pg_range.tsv" {
        rngtypid: u32, rngsubtype: u32, rngmultitypid: u32, rngcollation: u32, rngsubopc: u32, rngcanonical: u32,
        rngsubdiff: u32,
    }
}
table! {
    /// A text search parser.
    TsParser, ts_parsers, "pg_ts_parser.tsv" {
        oid: u32, prsname: &'static str, prsstart: u32, prstoken: u32, prsend: u32, prsheadline: u32, prslextype: u32,
    }
}
table! {
    /// A template of text search dictionaries.
    TsTemplate, ts_templates, "pg_ts_template.tsv" { oid: u32, tmplname: &'static str, tmplinit: u32, tmpllexize: u32 }
}
table! {
    /// A text search dictionary.
    TsDict, ts_dicts, "pg_ts_dict.tsv" {
        oid: u32, dictname: &'static str, dicttemplate: u32, dictinitoption: Option<Cow<'static, str>>,
    }
}
table! {
    /// A text search configuration.
    TsConfig, ts_configs, "pg_ts_config.tsv" { oid: u32, cfgname: &'static str, cfgparser: u32 }
}
table! {
    /// A dictionary of a configuration for a type of token.
    TsConfigMap, ts_config_maps, "pg_ts_config_map.tsv" { mapcfg: u32, maptokentype: i32, mapseqno: i32, mapdict: u32 }
}
table! {
    /// A conversion between encodings.
    Conversion, conversions, "pg_conversion.tsv" {
        oid: u32, conname: &'static str, conforencoding: i32, contoencoding: i32, conproc: u32, condefault: bool,
    }
}
table! {
    /// A tablespace.
    Tablespace, tablespaces, "pg_tablespace.tsv" { oid: u32, spcname: &'static str }
}
table! {
    /// A table or view of `pg_catalog` or `information_schema`.
    Relation, relations, "pg_relations.tsv" {
        oid: u32, relname: &'static str, relnamespace: u32, reltype: u32, relkind: char, relisshared: bool,
        relhasindex: bool, relnatts: i16, reltoastrelid: u32,
    }
}
table! {
    /// A user column of a system relation.
    Column, columns, "pg_columns.tsv" {
        attrelid: u32, attnum: i16, attname: &'static str, atttypid: u32, atttypmod: i32, attnotnull: bool,
        attcollation: u32,
    }
}
table! {
    /// An index on a system table.
    Index, indexes, "pg_indexes.tsv" {
        oid: u32, relname: &'static str, indrelid: u32, indisunique: bool, indisprimary: bool, indkey: Box<[i16]>,
        indclass: Box<[u32]>, indcollation: Box<[u32]>,
    }
}
table! {
    /// A keyword of SQL as `pg_get_keywords()` shows it; `catcode` U, C, T or R.
    Keyword, keywords, "pg_keywords.tsv" {
        word: &'static str, catcode: char, barelabel: bool, catdesc: &'static str, baredesc: &'static str,
    }
}
table! {
    /// A comment on a built-in object (functions, types, operators and the like).
    Description, descriptions, "pg_description.tsv" {
        classoid: u32, objoid: u32, objsubid: i32, description: Cow<'static, str>,
    }
}

/// Rows by a key that occurs once.
fn unique<K: Hash + Eq, R, S: BuildHasher + Default>(
    rows: &'static [R],
    key: impl Fn(&'static R) -> K,
) -> HashMap<K, &'static R, S> {
    rows.iter().map(|r| (key(r), r)).collect()
}

/// Rows by a key that may occur several times; each group in file order.
fn grouped<K: Hash + Eq, R>(rows: &'static [R], key: impl Fn(&'static R) -> K) -> HashMap<K, Vec<&'static R>, IdHash> {
    let mut map: HashMap<K, Vec<&'static R>, IdHash> = HashMap::default();
    for row in rows {
        map.entry(key(row)).or_default().push(row);
    }
    map
}

macro_rules! lookup_one {
    ($(#[$doc:meta])* $name:ident($($arg:ident: $t:ty),*) -> $row:ident = $rows:ident by $key:expr) => {
        $(#[$doc])*
        #[allow(unused_parens, reason = "one-argument keys")]
        pub fn $name($($arg: $t),*) -> Option<&'static $row> {
            static MAP: LazyLock<HashMap<($($t),*), &'static $row, IdHash>> =
                LazyLock::new(|| unique($rows(), $key));
            MAP.get(&($($arg),*)).copied()
        }
    };
}
macro_rules! lookup_many {
    ($(#[$doc:meta])* $name:ident($arg:ident: $t:ty) -> $row:ident = $rows:ident by $key:expr) => {
        $(#[$doc])*
        pub fn $name($arg: $t) -> &'static [&'static $row] {
            static MAP: LazyLock<HashMap<$t, Vec<&'static $row>, IdHash>> = LazyLock::new(|| grouped($rows(), $key));
            MAP.get(&$arg).map_or(&[], Vec::as_slice)
        }
    };
}

lookup_one! { /// A type by OID.
pg_type(oid: u32) -> PgType = types by |r| r.oid }
lookup_one! { /// A built-in collation by OID.
collation(oid: u32) -> Collation = collations by |r| r.oid }
lookup_one! { /// A built-in function by OID.
built_in_proc(oid: u32) -> Proc = procs by |r| r.oid }
lookup_one! { /// A built-in operator by OID.
built_in_operator(oid: u32) -> Operator = operators by |r| r.oid }
lookup_one! { /// The cast from one type to another.
cast(source: u32, target: u32) -> Cast = casts by |r| (r.castsource, r.casttarget) }
lookup_one! { /// An aggregate's details by its function's OID.
aggregate(aggfnoid: u32) -> Aggregate = aggregates by |r| r.aggfnoid }
lookup_one! { /// An access method by OID.
access_method(oid: u32) -> AccessMethod = access_methods by |r| r.oid }
lookup_one! { /// An operator family by OID.
opfamily(oid: u32) -> OpFamily = opfamilies by |r| r.oid }
lookup_one! { /// A built-in operator class by OID.
built_in_opclass(oid: u32) -> OpClass = opclasses by |r| r.oid }
lookup_one! { /// A range type's details by its OID.
range_type(rngtypid: u32) -> RangeType = range_types by |r| r.rngtypid }
lookup_one! { /// A system relation by OID.
relation(oid: u32) -> Relation = relations by |r| r.oid }
lookup_one! { /// The search operator at a strategy of a family.
amop(family: u32, left: u32, right: u32, strategy: i16) -> AmOp
    = amops by |r| (r.amopfamily, r.amoplefttype, r.amoprighttype, r.amopstrategy) }
lookup_one! { /// The support function at a number of a family.
amproc(family: u32, left: u32, right: u32, number: i16) -> AmProc
    = amprocs by |r| (r.amprocfamily, r.amproclefttype, r.amprocrighttype, r.amprocnum) }
lookup_many! { /// The memberships of an operator in families.
amops_of_operator(operator: u32) -> AmOp = amops by |r| r.amopopr }
lookup_many! { /// The casts from a type.
casts_from(source: u32) -> Cast = casts by |r| r.castsource }
lookup_many! { /// The columns of a system relation, by attribute number.
columns_of(relation: u32) -> Column = columns by |r| r.attrelid }
lookup_many! { /// The indexes of a system table.
indexes_of(relation: u32) -> Index = indexes by |r| r.indrelid }

/// An operator class by OID. A user's has the family of the built-in class that keeps values as it does, if there is one.
pub fn opclass(oid: u32) -> Option<&'static OpClass> {
    if oid >= crate::userproc::FIRST_USER_OID { crate::userproc::opclass(oid) } else { built_in_opclass(oid) }
}

/// An operator by OID, users' operators included.
pub fn operator(oid: u32) -> Option<&'static Operator> {
    if oid >= crate::userproc::FIRST_USER_OID { crate::userproc::operator(oid) } else { built_in_operator(oid) }
}

/// A function by OID, users' functions included.
pub fn proc(oid: u32) -> Option<&'static Proc> {
    if oid >= crate::userproc::FIRST_USER_OID { crate::userproc::get(oid) } else { built_in_proc(oid) }
}

/// Whether a word in lower case can be an identifier without quotes in every position: it is no keyword, or an
/// unreserved one.
pub fn keyword_is_free(word: &str) -> bool {
    static MAP: LazyLock<HashMap<&'static str, &'static Keyword>> = LazyLock::new(|| unique(keywords(), |k| k.word));
    MAP.get(word).is_none_or(|k| k.catcode == 'U')
}

/// OID of the schema `pg_catalog`.
pub const PG_CATALOG: u32 = 11;

/// OID of RustyDB's table method `memory`.
pub const MEMORY_AM: u32 = 9805;
/// OID of the access method `btree`.
pub const BTREE: u32 = 403;

/// OID of the access method `hash`.
pub const HASH: u32 = 405;

/// OID of the access method `gin`.
pub const GIN: u32 = 2742;
/// OID of the access method `gist`.
pub const GIST: u32 = 783;
/// OID of the access method `spgist`.
pub const SPGIST: u32 = 4000;
/// OID of the access method `brin`.
pub const BRIN: u32 = 3580;

/// A `pg_catalog` type by name, e.g. `int4` or `_int4`.
pub fn type_named(name: &str) -> Option<&'static PgType> {
    static MAP: LazyLock<HashMap<&'static str, &'static PgType>> =
        LazyLock::new(|| types().iter().filter(|t| t.typnamespace == PG_CATALOG).map(|t| (t.typname, t)).collect());
    MAP.get(name).copied()
}

/// The `pg_catalog` functions of a name, aggregates and window functions included.
pub fn procs_named(name: &str) -> &'static [&'static Proc] {
    static MAP: LazyLock<HashMap<&'static str, Vec<&'static Proc>>> = LazyLock::new(|| {
        let mut map: HashMap<&'static str, Vec<&'static Proc>> = HashMap::new();
        for p in procs().iter().filter(|p| p.pronamespace == PG_CATALOG) {
            map.entry(p.proname).or_default().push(p);
        }
        map
    });
    MAP.get(name).map_or(&[], Vec::as_slice)
}

/// The operators of a name, in file order and by their operands' types.
#[derive(Default)]
struct Overloads {
    rows: Vec<&'static Operator>,
    exact: HashMap<(u32, u32), &'static Operator, IdHash>,
}

fn overloads(name: &str) -> Option<&'static Overloads> {
    static MAP: LazyLock<HashMap<&'static str, Overloads>> = LazyLock::new(|| {
        let mut map: HashMap<&'static str, Overloads> = HashMap::new();
        for o in operators() {
            let of_name = map.entry(o.oprname).or_default();
            of_name.rows.push(o);
            of_name.exact.entry((o.oprleft, o.oprright)).or_insert(o);
        }
        map
    });
    MAP.get(name)
}

/// The operators of a name, prefix ones included (`oprleft` 0).
pub fn operators_named(name: &str) -> &'static [&'static Operator] {
    overloads(name).map_or(&[], |o| o.rows.as_slice())
}

/// The operator of a name with exactly these operand types (`left` 0 for prefix operators).
pub fn operator_exact(name: &str, left: u32, right: u32) -> Option<&'static Operator> {
    overloads(name)?.exact.get(&(left, right)).copied()
}

/// The default operator class of an access method for exactly this input type.
pub fn default_opclass(method: u32, input: u32) -> Option<&'static OpClass> {
    static MAP: LazyLock<HashMap<(u32, u32), &'static OpClass, IdHash>> = LazyLock::new(|| {
        opclasses().iter().filter(|c| c.opcdefault).map(|c| ((c.opcmethod, c.opcintype), c)).collect()
    });
    MAP.get(&(method, input)).copied()
}

/// A system relation by schema OID and name.
pub fn relation_named(namespace: u32, name: &str) -> Option<&'static Relation> {
    static MAP: LazyLock<HashMap<(u32, &'static str), &'static Relation>> =
        LazyLock::new(|| unique(relations(), |r| (r.relnamespace, r.relname)));
    MAP.get(&(namespace, name)).copied()
}

impl Proc {
    /// The default expression of an input argument (0-based), if it has one.
    pub fn arg_default(&self, arg: usize) -> Option<&str> {
        let first = self.proargtypes.len().checked_sub(usize::try_from(self.pronargdefaults).ok()?)?;
        self.proargdefaults.as_ref()?.get(arg.checked_sub(first)?).map(|d| d.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_parses() {
        let counts = [
            namespaces().len(),
            types().len(),
            procs().len(),
            operators().len(),
            casts().len(),
            aggregates().len(),
            access_methods().len(),
            opfamilies().len(),
            opclasses().len(),
            amops().len(),
            amprocs().len(),
            collations().len(),
            languages().len(),
            range_types().len(),
            tablespaces().len(),
            ts_parsers().len(),
            ts_templates().len(),
            ts_dicts().len(),
            ts_configs().len(),
            ts_config_maps().len(),
            conversions().len(),
            relations().len(),
            columns().len(),
            indexes().len(),
            keywords().len(),
            descriptions().len(),
        ];
        assert!(counts.iter().all(|&n| n > 0), "{counts:?}");
        assert!(procs().len() > 3000 && operators().len() == 799);
    }

    #[test]
    fn lookups_find_known_rows() {
        assert_eq!(type_named("int4").map(|t| t.oid), Some(23));
        assert_eq!(pg_type(1043).map(|t| t.typname), Some("varchar"));
        assert_eq!(procs_named("lower").len(), 3);
        assert_eq!(
            operator_exact("+", 23, 23).and_then(|o| proc(o.oprcode)).map(|p| p.prosrc.as_ref()),
            Some("int4pl")
        );
        assert_eq!(cast(23, 20).map(|c| c.castcontext), Some('i'));
        assert_eq!(default_opclass(BTREE, 23).map(|c| c.opcname), Some("int4_ops"));
        let pg_class = relation_named(PG_CATALOG, "pg_class").expect("pg_class is a system relation");
        assert_eq!(pg_class.oid, 1259);
        assert_eq!(columns_of(1259).len(), usize::try_from(pg_class.relnatts).unwrap_or(0));
        assert!(procs_named("no_such_function").is_empty());
    }

    #[test]
    fn argument_defaults_belong_to_the_last_arguments() {
        let make_interval = procs_named("make_interval")[0];
        assert_eq!(make_interval.arg_default(0), Some("0"));
        assert_eq!(make_interval.arg_default(6), Some("0.0"));
        assert_eq!(make_interval.arg_default(7), None);
        for p in procs().iter().filter(|p| p.pronargdefaults > 0) {
            let n = p.proargdefaults.as_ref().map_or(0, |d| d.len());
            assert_eq!(n, usize::try_from(p.pronargdefaults).unwrap_or(0), "{}", p.proname);
        }
    }
}
