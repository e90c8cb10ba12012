//! The text that stands for all statements of a shape: the first one's, with `$n` for its constants.

use super::shape::Shape;
use rustydb_parser::constant_at;
use std::ops::Range;

/// What of a client's string belongs to a statement: comments before the first and after the last are part of it.
pub fn own(whole: &str, statement: Range<usize>) -> Range<usize> {
    let before = whole.get(..statement.start).unwrap_or("");
    let after = whole.get(statement.end..).unwrap_or("");
    let start = if before.contains(';') { statement.start } else { 0 };
    let end = if after.contains(';') { statement.end } else { whole.len() };
    let text = whole.get(start..end).unwrap_or("");
    let blank = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r' | '\x0c');
    let start = start + (text.len() - text.trim_start_matches(blank).len());
    start..start + text.trim_matches(blank).len()
}

/// The text of a statement whose constants are numbered on from its parameters.
pub fn normalised(whole: &str, range: Range<usize>, shape: &Shape, standard_strings: bool) -> String {
    let mut out = String::with_capacity(range.len());
    let mut number = shape.params;
    let mut done = range.start;
    for (pos, word) in &shape.constants {
        let Some(c) = constant_at(whole, *pos as usize, *word, standard_strings) else { continue };
        if c.start < done || c.end > range.end {
            continue;
        }
        number += 1;
        out.push_str(whole.get(done..c.start).unwrap_or(""));
        out.push('$');
        out.push_str(&number.to_string());
        done = c.end;
    }
    out.push_str(whole.get(done..range.end).unwrap_or(""));
    out
}

#[cfg(test)]
mod tests {
    use super::super::shape;
    use super::*;
    use crate::catalog::testing;

    fn all(sql: &str) -> Vec<(u64, String)> {
        let cat = testing::catalog();
        let parsed = rustydb_parser::parse(sql).expect("parses");
        let one = |p: rustydb_parser::Parsed| {
            let s = shape::of(&p.stmt, &cat, &[rustydb_types::pgdata::PG_CATALOG], &[]);
            (s.id, normalised(sql, own(sql, p.text), &s, true))
        };
        parsed.into_iter().map(one).collect()
    }

    #[test]
    fn constants_become_parameters() {
        for (sql, shown) in [
            ("SELECT $1 + 5, 'x'::text, -7", "SELECT $1 + $2, $3::text, $4"),
            ("SELECT 1 ORDER BY 1 LIMIT 3", "SELECT $1 ORDER BY 1 LIMIT $2"),
            ("SELECT extract(year FROM x), null FROM t", "SELECT extract($1 FROM x), $2 FROM t"),
            ("SELECT a IS NULL, a IS DISTINCT FROM NULL FROM t", "SELECT a IS NULL, a IS DISTINCT FROM NULL FROM t"),
            (" /* c */ SELECT 1 -- d", "/* c */ SELECT $1 -- d"),
            ("SELECT 'it''s' 'x'", "SELECT $1 'x'"),
        ] {
            let got = rustydb_parser::parse(sql).is_ok().then(|| all(sql));
            if let Some(list) = got {
                assert_eq!(list.first().map(|x| x.1.as_str()), Some(shown));
            }
        }
    }

    #[test]
    fn the_same_statement_has_the_same_id() {
        let same = |a: &str, b: &str| all(a).first().map(|x| x.0) == all(b).first().map(|x| x.0);
        assert!(same("SELECT 1", "select   2 -- x"));
        assert!(same("SELECT CAST(1 AS int)", "select (2)::integer"));
        assert!(same("SELECT 1 AS a", "SELECT 2 b"));
        assert!(!same("SELECT 1", "SELECT 'a'"));
        assert!(!same("SELECT 1 ORDER BY 1", "SELECT 1 ORDER BY 2"));
        assert!(!same("SELECT $1::int", "SELECT $2::int, $1::int"));
        assert!(!same("SELECT 1 UNION SELECT 2", "SELECT 1 UNION ALL SELECT 2"));
    }
}
