//! Text scripts: a statement per line, the expected answer indented below it. `UPDATE_SCRIPTS=1` rewrites the answers;
//! read the difference, and ask PostgreSQL.

use rustydb_parser::ast::Statement;
use rustydb_parser::parse;

fn run(name: &str, answer: fn(&str) -> String) {
    // Cargo runs tests in their package's directory; a path from the time of compilation may be another clone's.
    let path = format!("tests/scripts/{name}");
    let text = std::fs::read_to_string(&path).expect("the script is in the repository");
    let mut now = String::new();
    for line in text.lines() {
        if line.starts_with("    ") {
            continue;
        }
        now.push_str(line);
        now.push('\n');
        if !line.starts_with('#') && !line.is_empty() {
            now.push_str(&format!("    {}\n", answer(line)));
        }
    }
    if std::env::var_os("UPDATE_SCRIPTS").is_some() {
        std::fs::write(&path, &now).expect("the script can be rewritten");
    }
    for (expected, got) in text.lines().zip(now.lines()) {
        assert_eq!(expected, got, "in {name}");
    }
    assert_eq!(text, now, "{name}");
}

#[test]
fn accept_reject() {
    run("accept_reject.txt", |sql| match parse(sql) {
        Ok(_) => "ok".to_owned(),
        Err(e) => {
            let position = e.fields.as_ref().and_then(|f| f.position).unwrap_or(0);
            format!("ERR {} {} @{position}", e.code, e.message)
        }
    });
}

#[test]
fn precedence() {
    run("precedence.txt", |expr| match parse(&format!("SELECT {expr}")).map(|p| p.into_iter().next()) {
        Ok(Some(p)) => match p.stmt {
            Statement::Query(q) => q.to_string()["SELECT ".len()..].to_owned(),
            other => format!("{other:?}"),
        },
        other => format!("{other:?}"),
    });
}

/// The place of each kind of node that errors point at.
#[test]
fn places() {
    run("places.txt", |expr| {
        let sql = format!("SELECT {expr}");
        match parse(&sql).map(|p| p.into_iter().next()) {
            Ok(Some(p)) => match p.stmt {
                Statement::Query(q) => match q.body {
                    rustydb_parser::ast::QueryBody::Select(s) => {
                        let e = &s.targets[0].expr;
                        let at = |p| rustydb_parser::char_position(&sql, p) - 7;
                        let label = rustydb_parser::ast::column_label(e).unwrap_or("?column?");
                        format!("node {} start {} label {label}", at(e.pos), at(e.start()))
                    }
                    _ => "not a SELECT".to_owned(),
                },
                other => format!("{other:?}"),
            },
            other => format!("{other:?}"),
        }
    });
}
