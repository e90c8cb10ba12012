//! Calls of a function or operator with generated arguments: a few per signature, always the same ones.

/// Values of the types, as SQL. Of polymorphic types, values that fit together.
const VALUES: &[(&str, &[&str])] = &[
    ("boolean", &["true", "false"]),
    ("smallint", &["2", "-1", "0", "7"]),
    ("integer", &["2", "1", "0", "-3", "5"]),
    ("bigint", &["3", "-1", "0", "9223372036854775807"]),
    ("numeric", &["1.5", "-2", "0", "NaN", "123.456"]),
    ("real", &["1.5", "-2", "0", "Infinity"]),
    ("double precision", &["0.5", "-2", "0", "1e10", "0.25"]),
    ("text", &["abc", "2020-01-02", "b", "", "a1 B-2"]),
    ("character varying", &["abc", "b", ""]),
    ("character", &["a", "b"]),
    ("name", &["abc", "utf8", "pg_class", "UTC"]),
    ("\"char\"", &["a", "b"]),
    ("bytea", &["\\x616263", "\\x00ff", ""]),
    ("date", &["2020-02-29", "1999-12-31", "infinity"]),
    ("time without time zone", &["12:34:56.7", "00:00:00"]),
    ("time with time zone", &["12:34:56+02", "23:59:59-05"]),
    ("timestamp without time zone", &["2020-02-29 12:34:56.789", "1999-12-31", "-infinity"]),
    ("timestamp with time zone", &["2020-02-29 12:34:56.789+00", "1999-12-31 00:00+05", "infinity"]),
    ("interval", &["1 day 02:03:04", "1 year -3 mons", "00:30:00"]),
    ("uuid", &["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "00000000-0000-0000-0000-000000000000"]),
    ("json", &["{\"a\": [1, {\"b\": 2}], \"c\": null}", "[1, \"x\", null]", "3"]),
    ("jsonb", &["{\"a\": [1, {\"b\": 2}], \"c\": null}", "[1, \"x\", null]", "3"]),
    ("jsonpath", &["$.a[*]", "$[*] ? (@ > 0)", "$"]),
    ("xml", &["<a><b>1</b></a>", "<c/>"]),
    ("bit", &["101", "0"]),
    ("bit varying", &["1011", "0", ""]),
    ("inet", &["10.1.2.3/8", "192.168.0.1", "::1"]),
    ("cidr", &["10.0.0.0/8", "::/0"]),
    ("macaddr", &["08:00:2b:01:02:03", "ff:ff:ff:ff:ff:ff"]),
    ("macaddr8", &["08:00:2b:ff:fe:02:03:04", "00:00:00:00:00:00:00:00"]),
    ("money", &["1.23", "-5", "0"]),
    ("point", &["(1,2)", "(0,0)", "(3,-4)"]),
    ("box", &["(1,1),(0,0)", "(3,3),(0.5,0.5)"]),
    ("lseg", &["[(0,0),(1,1)]", "[(0,1),(1,0)]"]),
    ("line", &["{1,-1,0}", "{1,0,-2}"]),
    ("path", &["[(0,0),(1,1),(2,0)]", "((0,0),(3,0),(3,3))"]),
    ("polygon", &["((0,0),(1,1),(2,0))", "((0,0),(4,0),(4,4),(0,4))"]),
    ("circle", &["<(0,0),1>", "<(1,2),3>"]),
    ("tsvector", &["a:1 b:2 c:3A", "x y"]),
    ("tsquery", &["a & b", "a <-> b | !c", "x"]),
    ("int4range", &["[1,5)", "(3,)", "empty"]),
    ("int8range", &["[1,5)", "(3,)", "empty"]),
    ("numrange", &["[1.5,5)", "(3,)", "empty"]),
    ("daterange", &["[2020-01-01,2020-02-01)", "(,)"]),
    ("tsrange", &["[2020-01-01,2020-02-01)", "(,)"]),
    ("tstzrange", &["[2020-01-01,2020-02-01)", "(,)"]),
    ("pg_lsn", &["0/10", "16/B374D848"]),
    ("oid", &["1259", "23", "11", "10", "0"]),
    ("xid", &["3", "100"]),
    ("xid8", &["3", "100"]),
    ("cid", &["0", "1"]),
    ("tid", &["(0,1)", "(1,2)"]),
    ("regclass", &["pg_class", "pg_proc"]),
    ("regproc", &["now", "pi"]),
    ("regprocedure", &["now()", "pi()"]),
    ("regtype", &["integer", "text"]),
    ("regrole", &["postgres"]),
    ("regnamespace", &["pg_catalog", "public"]),
    ("regconfig", &["english", "simple"]),
    ("regdictionary", &["simple", "english_stem"]),
    ("regcollation", &["\"C\"", "\"default\""]),
    ("regoper", &["!~~*"]),
    ("regoperator", &["+(integer,integer)"]),
    ("oidvector", &["1 2", "3"]),
    ("int2vector", &["1 2", "3"]),
    ("aclitem", &["postgres=r/postgres", "=w/postgres"]),
    ("aclitem[]", &["{postgres=r/postgres,=w/postgres}"]),
    ("pg_snapshot", &["10:20:10,14", "3:3:"]),
    ("txid_snapshot", &["10:20:10,14", "3:3:"]),
    ("refcursor", &["abc"]),
    ("cstring", &["1", "abc", "(1,2)", "2020-01-01", "{1,2}"]),
    ("cstring[]", &["{1,2}", "{3}"]),
    ("text[]", &["{a,b,NULL}", "{}", "{x}"]),
    ("integer[]", &["{1,2,3}", "{}", "{5,NULL}"]),
    ("bigint[]", &["{1,2,3}", "{}"]),
    ("smallint[]", &["{1,2,3}"]),
    ("oid[]", &["{1,2,3}"]),
    ("real[]", &["{1,2,3}"]),
    ("double precision[]", &["{0.25,0.5}", "{0,1}"]),
    ("interval[]", &["{1 day,2 days}"]),
    ("daterange[]", &["{[2020-01-01,2020-02-01)}"]),
    ("\"char\"[]", &["{a,b}"]),
    ("gtsvector", &[]),
    ("unknown", &["abc"]),
];

/// Values that stand for polymorphic types.
const POLYMORPHIC: &[(&str, &[&str])] = &[
    ("\"any\"", &["'abc'::text", "3", "NULL::date"]),
    ("anyelement", &["2", "3", "1"]),
    ("anynonarray", &["2", "3", "1"]),
    ("anycompatible", &["2", "3", "1"]),
    ("anycompatiblenonarray", &["2", "3", "1"]),
    ("anyarray", &["ARRAY[1,2,3]", "ARRAY[3]", "'{}'::integer[]"]),
    ("anycompatiblearray", &["ARRAY[1,2,3]", "ARRAY[3]", "'{}'::integer[]"]),
    ("anyrange", &["int4range(1,5)", "int4range(3,9)", "'empty'::int4range"]),
    ("anycompatiblerange", &["int4range(1,5)", "int4range(3,9)"]),
    ("anymultirange", &["'{[1,3),[5,9)}'::int4multirange", "'{}'::int4multirange", "'{[2,6)}'::int4multirange"]),
    ("anycompatiblemultirange", &["'{[1,3),[5,9)}'::int4multirange"]),
    ("anyenum", &["'low'::coverage_mood", "'high'::coverage_mood"]),
    ("record", &["ROW(1,'x'::text)", "ROW(2,'a'::text)"]),
];

/// Calls made of every signature.
const CALLS: usize = 6;

fn value(ty: &str, round: usize) -> Option<String> {
    if let Some((_, values)) = POLYMORPHIC.iter().find(|p| p.0 == ty) {
        return values.get(round % values.len().max(1)).map(|v| (*v).to_owned());
    }
    let (_, values) = VALUES.iter().find(|v| v.0 == ty)?;
    let value = values.get(round % values.len().max(1))?;
    Some(format!("'{}'::{ty}", value.replace('\'', "''")))
}

/// A row of `pg_proc` or `pg_operator`.
#[derive(Debug, Clone)]
pub struct Callee {
    /// The name as it is written: quoted for functions.
    pub name: String,
    /// `pg_proc.prokind`, or `o`.
    pub kind: char,
    /// Argument types.
    pub args: Vec<String>,
    /// For a variadic function, whether the last argument is the list.
    pub variadic: bool,
    /// Direct arguments of an ordered-set aggregate; `None` for others.
    pub direct: Option<usize>,
    /// Whether it yields a set of rows.
    pub set: bool,
}

impl Callee {
    /// Statements that call it; none when an argument cannot be written.
    pub fn calls(&self) -> Vec<String> {
        let mut out: Vec<String> = Vec::new();
        for round in 0..CALLS {
            // The arguments walk through their values at different speeds, so that pairs vary.
            let args: Option<Vec<String>> =
                self.args.iter().enumerate().map(|(i, t)| value(t, round * (i + 1) + i)).collect();
            let Some(mut args) = args else { return Vec::new() };
            if round + 1 == CALLS
                && let (Some(last), Some(ty)) = (args.last_mut(), self.args.last())
                && !POLYMORPHIC.iter().any(|p| p.0 == ty)
            {
                *last = format!("NULL::{ty}");
            }
            if self.variadic
                && let Some(last) = args.last_mut()
                && self.args.last().is_some_and(|t| t != "\"any\"")
            {
                *last = format!("VARIADIC {last}");
            }
            let call = self.call(&args);
            if !out.contains(&call) {
                out.push(call);
            }
        }
        out
    }

    fn call(&self, args: &[String]) -> String {
        let list = args.join(", ");
        let name = &self.name;
        match (self.kind, args) {
            ('o', [only]) => format!("SELECT {name} {only}"),
            ('o', [left, right]) => format!("SELECT {left} {name} {right}"),
            ('a', []) => format!("SELECT {name}(*) FROM generate_series(1, 3)"),
            ('a', _) => match self.direct {
                Some(direct) => {
                    let (own, keys) = args.split_at(direct.min(args.len()));
                    // A hypothetical row has as many values as there are keys.
                    let (own, keys) = if keys.is_empty() { (own, own) } else { (own, keys) };
                    format!("SELECT {name}({}) WITHIN GROUP (ORDER BY {})", own.join(", "), keys.join(", "))
                }
                None => {
                    format!("SELECT {name}({list}), {name}({list}) FILTER (WHERE n > 1) FROM generate_series(1, 3) n")
                }
            },
            ('w', _) => format!("SELECT {name}({list}) OVER (ORDER BY n) FROM generate_series(1, 3) n"),
            _ if self.set => format!("SELECT {name}({list}) LIMIT 20"),
            _ => format!("SELECT {name}({list})"),
        }
    }
}
