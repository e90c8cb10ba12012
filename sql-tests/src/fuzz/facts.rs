//! What may be called: operators, functions, aggregates and casts among a set of types, as the judge's catalog lists them.
//!
//! Left out are functions that answer by the session, the clock or chance, and those that only the server itself calls.

use crate::error::Result;
use crate::query;
use std::collections::HashMap;
use tokio_postgres::Client;

/// A type of the generated statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Type(pub usize);

/// What can be written as an expression of a certain type.
#[derive(Debug, Clone)]
pub struct Callable {
    /// How it is shown in reports, with its argument types.
    pub signature: String,
    /// The name as it is written.
    pub name: String,
    /// How it is written.
    pub form: Form,
    /// Argument types.
    pub args: Vec<Type>,
    /// Result type.
    pub result: Type,
}

/// The syntax of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `a + b`, `- a`
    Operator,
    /// `f(a, b)`
    Function,
    /// `f(a)` over rows.
    Aggregate,
    /// `CAST(a AS t)`
    Cast,
    /// Text with `$1`, `$2`… in it.
    Template,
}

/// Everything the generator knows.
#[derive(Debug, Default)]
pub struct Facts {
    /// Names of the types; a [`Type`] is a place here.
    pub types: Vec<String>,
    /// What yields each type.
    pub by_result: HashMap<usize, Vec<Callable>>,
    /// Other syntax that yields each type.
    pub templates: HashMap<usize, Vec<Callable>>,
    /// Aggregates by result.
    pub aggregates: HashMap<usize, Vec<Callable>>,
}

/// Types with values to write; the first is boolean, the second the one of keys.
pub const TYPES: &[(&str, &[&str])] = &[
    ("boolean", &["t", "f"]),
    ("integer", &["0", "1", "-1", "2", "3", "7", "10", "100", "-2147483648", "2147483647", "12345"]),
    ("bigint", &["0", "1", "-1", "5", "64", "1000000", "9223372036854775807", "-9223372036854775808"]),
    ("smallint", &["0", "1", "-1", "4", "32767", "-32768"]),
    (
        "numeric",
        &[
            "0",
            "1",
            "-1",
            "0.5",
            "3.14",
            "-2.718281828",
            "1e10",
            "123456789.987654321",
            "NaN",
            "Infinity",
            "-Infinity",
            "0.000",
        ],
    ),
    ("double precision", &["0", "1", "-1", "0.5", "-0", "1e10", "1.5e-5", "NaN", "Infinity", "-Infinity", "123.456"]),
    ("real", &["0", "1", "-1", "0.25", "1e10", "NaN", "Infinity", "3.4028235e38"]),
    ("text", &["", "a", "abc", "ABC", "Hello World", "ß", "aé€", "123", "  x ", "a_b%c", "b", "2020-01-01", "\\x41"]),
    ("character varying", &["", "a", "Abc", "xyz", "12"]),
    ("character(5)", &["", "a", "ab", "abc"]),
    ("name", &["", "abc", "Zed"]),
    ("bytea", &["", "\\x00", "\\x41", "\\xdeadbeef", "\\xff00ff"]),
    (
        "date",
        &[
            "2000-01-01",
            "1999-12-31",
            "2024-02-29",
            "0001-01-01 BC",
            "infinity",
            "-infinity",
            "5874897-12-31",
            "2020-06-15",
        ],
    ),
    ("time without time zone", &["00:00:00", "12:34:56.789", "23:59:59.999999", "24:00:00"]),
    ("time with time zone", &["00:00:00+00", "12:00:00-05", "23:59:59.5+13:30"]),
    (
        "timestamp without time zone",
        &[
            "2000-01-01 00:00:00",
            "2024-02-29 23:59:59.999999",
            "infinity",
            "-infinity",
            "1970-01-01 12:00",
            "0044-03-15 12:00 BC",
        ],
    ),
    (
        "timestamp with time zone",
        &["2000-01-01 00:00:00+00", "2024-03-10 07:30:00+00", "infinity", "1969-12-31 23:59:59-08"],
    ),
    (
        "interval",
        &[
            "0",
            "1 day",
            "-1 day",
            "1 mon",
            "1 year 2 mons 3 days 04:05:06.789",
            "-00:00:01",
            "100 hours",
            "1 mon -1 day",
        ],
    ),
    ("uuid", &["00000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]),
    ("jsonb", &["null", "1", "\"a\"", "[1, 2, \"x\"]", "{\"a\": 1, \"b\": {\"c\": [null, true]}}", "[]", "{}"]),
    ("json", &["null", "1", "[1,2]", "{\"a\": {\"b\": 2}}"]),
    ("integer[]", &["{}", "{1,2,3}", "{NULL,5}", "{{1,2},{3,4}}", "[0:1]={7,8}"]),
    ("text[]", &["{}", "{a,b}", "{NULL,\"x y\"}", "{abc}"]),
    ("bit varying", &["", "1", "0101", "11111111"]),
    ("bit(4)", &["0000", "1010"]),
    ("inet", &["127.0.0.1", "10.1.2.3/8", "::1", "192.168.1.0/24"]),
    ("cidr", &["10.0.0.0/8", "192.168.1.0/24", "::/0"]),
    ("macaddr", &["08:00:2b:01:02:03", "ff:ff:ff:ff:ff:ff"]),
    ("money", &["0", "1.23", "-100", "92233720368547758.07"]),
    ("int4range", &["empty", "[1,10)", "(,5]", "[3,)", "[5,6)"]),
    ("numrange", &["empty", "[1.5,2.5]", "(,0)"]),
    ("daterange", &["empty", "[2000-01-01,2000-02-01)", "(,)"]),
    ("int4multirange", &["{}", "{[1,3),[5,9)}", "{(,2)}"]),
    ("pg_lsn", &["0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF"]),
    ("oid", &["0", "1", "4294967295"]),
    ("macaddr8", &["08:00:2b:01:02:03:04:05", "00:00:00:00:00:00:00:00"]),
    ("\"char\"", &["b", "a", "\u{7f}"]),
    ("int8range", &["empty", "[-5,10)", "(,)"]),
    ("tsrange", &["empty", "[2000-01-01,2000-02-01)", "(,infinity]"]),
    ("nummultirange", &["{}", "{[1,2],[3,4)}", "{(,)}"]),
    ("bigint[]", &["{}", "{9223372036854775807,0}", "{NULL}"]),
    ("numeric[]", &["{1.50,NaN}", "{}"]),
    ("date[]", &["{2000-01-01,infinity}", "{}"]),
    ("tsvector", &["", "a b c", "a:1A b:2,3 c:4B", "'x y':7"]),
    ("tsquery", &["", "a", "a & !b", "a <-> b", "a:A | c:*"]),
    ("point", &["(0,0)", "(1,2)", "(-1.5,3e10)"]),
    ("box", &["(1,1),(0,0)", "(3,4),(-1,2)"]),
    ("lseg", &["[(0,0),(1,1)]", "[(1,2),(1,2)]"]),
    ("line", &["{1,-1,0}", "{0,1,2}"]),
    ("path", &["[(0,0),(1,1),(2,0)]", "((0,0),(3,0),(3,3))"]),
    ("polygon", &["((0,0),(1,1),(2,0))", "((0,0),(4,0),(4,4),(0,4))"]),
    ("circle", &["<(0,0),1>", "<(1,2),0>"]),
];

/// Types without an order of their own.
pub const UNORDERED: &[&str] = &["json", "point", "box", "lseg", "line", "path", "polygon", "circle"];

/// The type of conditions.
pub const BOOL: Type = Type(0);
/// The type of keys.
pub const INT: Type = Type(1);

/// Names whose answers are not a function of their arguments, or that are not for users.
const LEFT_OUT: &str = "^(pg_|inet_(client|server)|has_|row_security|txid_|to_reg|reg|current_|session_|set_|lo_|cursor_|query_|table_to|schema_|\
    database_|xml|binary_upgrade|brin_|gin_|gist_|spg_|hash.*extended|.*(in|out|recv|send|sel|joinsel|support|typmod.*|sortsupport|_transfn|_finalfn|\
    _combine|_serialize|_deserialize|_accum|_inv|_internal)$|.*_accum.*|.*_larger|.*_smaller|.*_sample.*|in_range|ts_|to_ts|getdatabase|shobj|obj_|col_desc|\
    format_type|version|now$|clock_|statement_timestamp|transaction_timestamp|timeofday|random|setseed|gen_random|nextval|currval|lastval|\
    setval|uuid_generate|generate_|unknown|record|void|any|cstring|array_(typanalyze|unnest_support)|like_escape|suppress|\
    get_bit|mul_d_interval|interval_pl_.*|integer_pl_date|timetzdate_pl|datetimetz_pl|int8inc.*|int[248]_.*|int4_.*|float[48]_.*|numeric_.*|interval_.*|\
    current_schema.*|age$)";

impl Facts {
    /// Reads them.
    pub async fn read(judge: &Client) -> Result<Self> {
        let mut facts = Self { types: TYPES.iter().map(|t| t.0.to_owned()).collect(), ..Self::default() };
        let mut oids = HashMap::new();
        for (at, (name, _)) in TYPES.iter().enumerate() {
            oids.insert(query::value(judge, &format!("SELECT '{name}'::regtype::oid")).await?, Type(at));
        }
        let listed = oids.keys().cloned().collect::<Vec<_>>().join(",");
        let within = format!("{{{listed}}}");
        let sql = format!(
            "SELECT 'o', oprname, oprresult, concat_ws(' ', nullif(oprleft, 0), oprright), '' FROM pg_operator
              WHERE oprnamespace = 'pg_catalog'::regnamespace AND oprresult = ANY ('{within}') AND oprright = ANY ('{within}')
                AND (oprleft = 0 OR oprleft = ANY ('{within}'))
             UNION ALL
             SELECT prokind::text, proname, prorettype, array_to_string(proargtypes::oid[], ' '), '' FROM pg_proc
              WHERE pronamespace = 'pg_catalog'::regnamespace AND prokind IN ('f', 'a') AND NOT proretset AND provolatile <> 'v'
                AND prorettype = ANY ('{within}') AND proargtypes::oid[] <@ '{within}'::oid[] AND proname !~ '{LEFT_OUT}'
                AND (pronargs > 0 OR prokind = 'a') AND NOT EXISTS (SELECT FROM pg_aggregate a WHERE a.aggfnoid = pg_proc.oid AND aggkind <> 'n')
             UNION ALL
             SELECT 'c', '', casttarget, castsource::text, '' FROM pg_cast
              WHERE castsource = ANY ('{within}') AND casttarget = ANY ('{within}') AND castsource <> casttarget
             ORDER BY 1, 2, 3, 4"
        );
        for line in query::lines(judge, &sql).await? {
            let parts: Vec<&str> = line.rsplitn(4, '|').collect();
            let [_, args, result, head] = parts.as_slice() else { continue };
            // An operator's name may hold the separator.
            let Some((kind, name)) = head.split_once('|') else { continue };
            let args: Option<Vec<Type>> = args.split_whitespace().map(|a| oids.get(a).copied()).collect();
            let (Some(args), Some(result)) = (args, oids.get(*result).copied()) else { continue };
            let form = match kind {
                "o" => Form::Operator,
                "a" => Form::Aggregate,
                "c" => Form::Cast,
                _ => Form::Function,
            };
            let shown: Vec<&str> = args.iter().map(|t| TYPES[t.0].0).collect();
            let signature = match form {
                Form::Cast => format!("CAST({} AS {})", shown.join(", "), TYPES[result.0].0),
                Form::Operator => format!("operator {name}({})", shown.join(", ")),
                _ => format!("{name}({})", shown.join(", ")),
            };
            let callable = Callable { signature, name: name.to_owned(), form, args, result };
            let home = if form == Form::Aggregate { &mut facts.aggregates } else { &mut facts.by_result };
            home.entry(result.0).or_default().push(callable);
        }
        for (result, text, args) in super::templates::TEMPLATES {
            let place = |name: &str| TYPES.iter().position(|t| t.0 == name).map(Type);
            let args: Option<Vec<Type>> = args.iter().map(|a| place(a)).collect();
            let (Some(args), Some(result)) = (args, place(result)) else { continue };
            let callable = Callable {
                signature: (*text).to_owned(),
                name: (*text).to_owned(),
                form: Form::Template,
                args,
                result,
            };
            facts.templates.entry(result.0).or_default().push(callable);
        }
        Ok(facts)
    }

    /// A type's name.
    pub fn name(&self, ty: Type) -> &str {
        self.types.get(ty.0).map_or("", String::as_str)
    }
}
