//! Bad and huge input: errors, never a crash, in linear time.

use rustydb_base::SqlState;
use rustydb_parser::parse;

fn code(sql: &str) -> SqlState {
    parse(sql).expect_err("an error").code
}

#[test]
fn deep_nesting_is_an_error_not_a_crash() {
    let n = 10_000;
    for (open, close) in [
        ("(", ")"),
        ("(SELECT ", ")"),
        ("f(", ")"),
        ("ARRAY[", "]"),
        ("CASE WHEN ", " THEN 1 END"),
        ("NOT ", ""),
        ("- ", ""),
        ("a[", "]"),
    ] {
        let sql = format!("SELECT {}1{}", open.repeat(n), close.repeat(n));
        assert_eq!(code(&sql), SqlState::STATEMENT_TOO_COMPLEX, "{open}");
    }
    for sql in [
        format!("SELECT * FROM {}", "(".repeat(n)),
        format!("SELECT * FROM {}t", "(SELECT * FROM ".repeat(n)),
        "WITH a AS (".repeat(n),
        "(".repeat(n),
        format!("SELECT 1 WHERE a IN {}", "(".repeat(n)),
        format!("SELECT 1 GROUP BY {}", "GROUPING SETS (".repeat(n)),
        "EXPLAIN ".repeat(n),
        format!("SELECT * FROM a {}", "JOIN a ".repeat(n)),
        format!("SELECT a{}", "::int".repeat(100_000)),
        format!("SELECT 1{}", "+1".repeat(100_000)),
        format!("SELECT a{}", ".b".repeat(100_000)),
    ] {
        assert!(parse(&sql).is_err(), "{}", &sql[..40]);
    }
}

#[test]
fn long_chains_parse() {
    let sum = parse(&format!("SELECT 1{}", "+1".repeat(10_000))).expect("a long sum");
    assert!(sum[0].height >= 10_000);
    let or = parse(&format!("SELECT 1 WHERE a = 1{}", " OR a = 1".repeat(5_000))).expect("a long OR");
    assert!(or[0].height < 20, "{}", or[0].height);
    parse(&format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(5_000))).expect("a long UNION");
    parse(&format!("INSERT INTO t VALUES (1){}", ",(1)".repeat(100_000))).expect("many rows");
    let nested = format!("SELECT {}1{}", "(".repeat(100), ")".repeat(100));
    parse(&nested).expect("moderate nesting");
}

#[test]
fn huge_literals_parse() {
    let body = "x".repeat(30_000_000);
    let p = parse(&format!("SELECT '{body}', $${body}$$")).expect("a huge literal");
    drop(p);
    let e = parse(&format!("SELECT '{body}")).expect_err("unterminated");
    assert!(e.message.starts_with("unterminated quoted string"));
}

#[test]
fn every_cut_and_every_byte_is_survived() {
    let sql = "WITH a AS (SELECT b, 'é', E'\\x41' FROM c WHERE d = ANY ($1)) INSERT INTO t (a[1]) SELECT \"x\"::numeric(1,2)[] \
               FROM a LEFT JOIN (VALUES (1)) v (x) USING (y) ON CONFLICT (lower(a)) DO UPDATE SET (a, b) = (1, DEFAULT) RETURNING *;";
    for i in 0..sql.len() {
        if sql.is_char_boundary(i) {
            let _ = parse(&sql[..i]);
            let _ = parse(&sql[i..]);
            for c in ['(', ')', '\'', '"', '$', '*', '.', ';', '\0', '\\', 'é', '/'] {
                let mut s = sql.to_owned();
                s.insert(i, c);
                let _ = parse(&s);
            }
        }
    }
}
