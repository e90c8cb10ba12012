//! Debian's package index as a table: more than 50,000 packages with names, sizes, people's names in many scripts, free
//! text and arrays of dependencies. It is copied in, indexed, queried, copied out in every format, loaded again and
//! compared with what PostgreSQL makes of the same input.

use crate::error::{Context, Error, Result};
use crate::query;
use crate::server::Target;
use bytes::{Bytes, BytesMut};
use futures::{SinkExt, TryStreamExt, pin_mut};
use std::collections::HashSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tokio_postgres::Client;

const COLUMNS: &str = "\
    id integer PRIMARY KEY,
    name text NOT NULL,
    version text NOT NULL,
    architecture varchar(20) NOT NULL,
    section text,
    priority text,
    installed_size bigint,
    download_size integer,
    maintainer text,
    homepage text,
    description text,
    depends text[],
    tags text[]";

const INDEXES: [&str; 4] = [
    "CREATE UNIQUE INDEX ON packages (name, version, architecture)",
    "CREATE INDEX ON packages (section, name DESC)",
    "CREATE INDEX ON packages (maintainer)",
    "CREATE INDEX ON packages (installed_size DESC NULLS LAST, name)",
];

/// What is asked of the table; every answer is in a fixed order.
const QUERIES: [&str; 30] = [
    "SELECT count(*), count(section), count(homepage), count(depends), count(tags) FROM packages",
    "SELECT * FROM packages WHERE name = 'postgresql-15' ORDER BY version",
    "SELECT name, version, description FROM packages WHERE name >= 'libpq' AND name < 'libpr' ORDER BY name, version",
    "SELECT section, count(*) FROM packages GROUP BY section ORDER BY 2 DESC, 1 LIMIT 20",
    "SELECT maintainer, count(*) FROM packages GROUP BY maintainer HAVING count(*) > 100 ORDER BY 2 DESC, 1",
    "SELECT count(DISTINCT maintainer), min(maintainer), max(maintainer) FROM packages",
    "SELECT name, installed_size FROM packages ORDER BY installed_size DESC NULLS LAST, name, version LIMIT 20",
    "SELECT name, installed_size FROM packages ORDER BY installed_size NULLS FIRST, name, version LIMIT 20",
    "SELECT sum(installed_size), avg(installed_size), sum(download_size), avg(download_size) FROM packages",
    "SELECT priority, avg(installed_size)::numeric(20,3), max(length(description)) FROM packages GROUP BY 1 ORDER BY 1",
    "SELECT name FROM packages WHERE description LIKE '%database%' ORDER BY name, version LIMIT 50",
    "SELECT count(*) FROM packages WHERE description ILIKE '%SQL%' OR name LIKE '%sql%'",
    "SELECT name FROM packages WHERE name ~ '^lib[a-z]+[0-9]{2}$' ORDER BY name, version LIMIT 50",
    "SELECT maintainer FROM packages WHERE maintainer <> convert_from(convert_to(maintainer, 'UTF8'), 'UTF8')",
    "SELECT maintainer, length(maintainer), octet_length(maintainer) FROM packages \
     WHERE length(maintainer) <> octet_length(maintainer) ORDER BY maintainer, name, version LIMIT 50",
    "SELECT name FROM packages WHERE 'libc6' = ANY(depends) ORDER BY name, version LIMIT 50",
    "SELECT count(*) FROM packages WHERE depends @> ARRAY['libc6', 'libgcc-s1']",
    "SELECT count(*) FROM packages WHERE depends && ARRAY['perl', 'python3']",
    "SELECT d, count(*) FROM packages, unnest(depends) AS d GROUP BY d ORDER BY 2 DESC, 1 LIMIT 30",
    "SELECT name, depends[1], depends[array_length(depends, 1)], cardinality(depends) FROM packages \
     WHERE cardinality(depends) > 60 ORDER BY 4 DESC, 1, version",
    "SELECT array_to_string(depends, ' + ') FROM packages WHERE name = 'apt' ORDER BY version",
    "SELECT section, name FROM (SELECT section, name, row_number() OVER (PARTITION BY section \
     ORDER BY installed_size DESC NULLS LAST, name, id) AS n FROM packages) AS ranked WHERE n <= 2 ORDER BY section, n",
    "SELECT p.name, d.name FROM packages AS p JOIN packages AS d ON d.name = ANY(p.depends) \
     WHERE p.name IN ('psmisc', 'postgresql-15') ORDER BY 1, 2, d.version, p.version",
    "SELECT count(*) FROM packages AS p WHERE EXISTS (SELECT FROM packages AS q WHERE q.name = p.name || '-dev')",
    "SELECT name FROM packages AS p WHERE NOT EXISTS (SELECT FROM packages AS q WHERE q.section = p.section AND q.id <> p.id) \
     ORDER BY name",
    "SELECT upper(name), initcap(section), substring(version FROM '^[0-9]+'), split_part(version, '-', 1) FROM packages \
     WHERE name LIKE 'z%' ORDER BY name, version LIMIT 50",
    "SELECT CASE WHEN installed_size < 100 THEN 'small' WHEN installed_size < 10000 THEN 'middling' ELSE 'large' END AS c, \
     count(*) FROM packages GROUP BY c ORDER BY c",
    "WITH RECURSIVE needs(name) AS (SELECT 'psmisc'::text UNION SELECT d FROM needs JOIN packages AS p USING (name), \
     unnest(p.depends) AS d) SELECT name FROM needs ORDER BY name",
    "SELECT replace(description, '''', '\"'), reverse(name), md5(coalesce(homepage, '')) FROM packages \
     WHERE description LIKE '%''%' ORDER BY id LIMIT 50",
    "SELECT string_agg(name, ',' ORDER BY name DESC, version) FROM packages WHERE section = 'shells'",
];

/// A package's fields in the order of the columns, after the id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Package {
    texts: [Option<String>; 10],
    lists: [Option<Vec<String>>; 2],
}

/// apt's package lists on this machine.
pub fn lists() -> Result<Vec<PathBuf>> {
    let dir = Path::new("/var/lib/apt/lists");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).context(|| format!("reading {}", dir.display()))? {
        let path = entry?.path();
        if path.file_name().and_then(|n| n.to_str()).is_some_and(|n| n.contains("_Packages") && !n.contains("Diff")) {
            found.push(path);
        }
    }
    found.sort();
    (!found.is_empty()).then_some(found).context(|| "no package lists (run apt-get update)".into())
}

/// All packages of apt's lists, each (name, version, architecture) once. At least 50,000, or it is an error.
pub fn packages() -> Result<Vec<Package>> {
    let mut out = Vec::new();
    let mut seen = HashSet::new();
    for list in lists()? {
        // apt-helper decompresses whatever apt keeps its lists in.
        let mut command = Command::new("/usr/lib/apt/apt-helper");
        let text = crate::command::succeed(command.arg("cat-file").arg(&list), Duration::from_secs(120))?;
        for stanza in text.split("\n\n") {
            let Some(package) = parse(stanza) else { continue };
            if seen.insert([0, 1, 2].map(|n| package.texts[n].clone())) {
                out.push(package);
            }
        }
    }
    (out.len() >= 50_000).then_some(()).context(|| format!("only {} packages in apt's lists", out.len()))?;
    Ok(out)
}

fn parse(stanza: &str) -> Option<Package> {
    let field = |name: &str| -> Option<String> {
        let mut lines = stanza.lines().skip_while(|l| !l.strip_prefix(name).is_some_and(|r| r.starts_with(':')));
        let mut value = lines.next()?.get(name.len() + 1..)?.trim().to_owned();
        for more in lines.take_while(|l| l.starts_with([' ', '\t'])) {
            value.push('\n');
            value.push_str(more);
        }
        Some(value)
    };
    let list = |name: &str, alternatives: bool| -> Option<Vec<String>> {
        let text = field(name)?;
        let items = text.split([',', '\n']).map(str::trim).filter(|i| !i.is_empty());
        // Of a dependency such as "libc6 (>= 2.36) | musl" the first name is kept.
        let name_of = |i: &str| i.split([' ', ':', '|']).next().unwrap_or(i).to_owned();
        Some(items.map(|i| if alternatives { name_of(i) } else { i.to_owned() }).collect())
    };
    Some(Package {
        texts: [
            Some(field("Package")?),
            Some(field("Version")?),
            Some(field("Architecture")?),
            field("Section"),
            field("Priority"),
            field("Installed-Size"),
            field("Size"),
            field("Maintainer"),
            field("Homepage"),
            field("Description"),
        ],
        lists: [list("Depends", true), list("Tag", false)],
    })
}

/// The packages in COPY's text format.
pub fn copy_text(packages: &[Package]) -> String {
    let mut out = String::new();
    for (id, p) in packages.iter().enumerate() {
        let _ = write!(out, "{}", id + 1);
        let lists = p.lists.iter().map(|l| l.as_deref().map(array_literal));
        for value in p.texts.iter().cloned().chain(lists) {
            out.push('\t');
            match value {
                None => out.push_str("\\N"),
                Some(text) => text.chars().for_each(|c| match c {
                    '\\' => out.push_str("\\\\"),
                    '\n' => out.push_str("\\n"),
                    '\t' => out.push_str("\\t"),
                    '\r' => out.push_str("\\r"),
                    c => out.push(c),
                }),
            }
        }
        out.push('\n');
    }
    out
}

fn array_literal(items: &[String]) -> String {
    let quoted = items.iter().map(|i| format!("\"{}\"", i.replace('\\', "\\\\").replace('"', "\\\"")));
    format!("{{{}}}", quoted.collect::<Vec<_>>().join(","))
}

/// Sends `data` to a COPY ... FROM STDIN in pieces; returns the number of rows.
pub async fn copy_in(client: &Client, sql: &str, data: &[u8]) -> Result<u64> {
    let sink = client.copy_in::<_, Bytes>(sql).await.context(|| sql.to_owned())?;
    pin_mut!(sink);
    // An odd size, so that pieces end inside rows and characters.
    for piece in data.chunks(65_521) {
        sink.send(Bytes::copy_from_slice(piece)).await.context(|| sql.to_owned())?;
    }
    sink.finish().await.context(|| sql.to_owned())
}

/// All that a COPY ... TO STDOUT sends.
pub async fn copy_out(client: &Client, sql: &str) -> Result<Vec<u8>> {
    let stream = client.copy_out(sql).await.context(|| sql.to_owned())?;
    pin_mut!(stream);
    let mut data = BytesMut::new();
    while let Some(piece) = stream.try_next().await.context(|| sql.to_owned())? {
        data.extend_from_slice(&piece);
    }
    Ok(data.to_vec())
}

/// Answers of one server.
#[derive(Debug)]
pub struct Answers {
    /// For each query its rows, or the error.
    pub queries: Vec<(&'static str, std::result::Result<Vec<String>, String>)>,
    /// The table copied out in text format, in the order of ids.
    pub dump: Vec<u8>,
    /// Seconds for loading, for making the indexes and for all queries.
    pub seconds: [f64; 3],
}

/// Loads, indexes, queries, copies out in three formats, loads again and compares within the server.
pub async fn exercise(target: &Target, packages: &[Package]) -> Result<Answers> {
    let client = target.connect().await?;
    let began = std::time::Instant::now();
    query::execute(&client, &format!("CREATE TABLE packages ({COLUMNS})")).await?;
    let rows = copy_in(&client, "COPY packages FROM STDIN", copy_text(packages).as_bytes()).await?;
    (rows == packages.len() as u64).then_some(()).context(|| format!("COPY reported {rows} rows"))?;
    let loading = began.elapsed();
    for index in INDEXES {
        query::execute(&client, index).await?;
    }
    query::execute(&client, "ANALYZE packages").await?;
    let indexing = began.elapsed() - loading;
    let mut queries = Vec::new();
    for sql in QUERIES {
        queries.push((sql, query::lines(&client, sql).await.map_err(|e| e.to_string())));
    }
    let querying = began.elapsed() - loading - indexing;

    let dump = copy_out(&client, "COPY (SELECT * FROM packages ORDER BY id) TO STDOUT").await?;
    let formats = [
        ("", ""),
        ("(FORMAT csv, HEADER, FORCE_QUOTE *)", "(FORMAT csv, HEADER)"),
        ("(FORMAT binary)", "(FORMAT binary)"),
    ];
    for (n, (out_options, options)) in formats.iter().enumerate() {
        let data = copy_out(&client, &format!("COPY packages TO STDOUT {out_options}")).await?;
        query::execute(&client, &format!("CREATE TABLE again{n} ({COLUMNS})")).await?;
        let rows = copy_in(&client, &format!("COPY again{n} FROM STDIN {options}"), &data).await?;
        (rows == packages.len() as u64).then_some(()).context(|| format!("COPY {options} brought back {rows} rows"))?;
        let back = copy_out(&client, &format!("COPY (SELECT * FROM again{n} ORDER BY id) TO STDOUT")).await?;
        (back == dump).then_some(()).context(|| format!("rows changed on their way through COPY {options}"))?;
        let different = format!(
            "SELECT count(*) FROM (TABLE packages EXCEPT TABLE again{n} UNION ALL (TABLE again{n} EXCEPT TABLE packages)) AS d"
        );
        let n_different = query::value(&client, &different).await?;
        (n_different == "0").then_some(()).context(|| format!("{n_different} rows differ after COPY {options}"))?;
    }
    Ok(Answers { queries, dump, seconds: [loading, indexing, querying].map(|d| d.as_secs_f64()) })
}

/// How the answers of two servers differ, one line each.
pub fn compare(judge: &Answers, candidate: &Answers) -> Result<Vec<String>> {
    let mut out = Vec::new();
    for ((sql, want), (_, got)) in judge.queries.iter().zip(&candidate.queries) {
        let want = want.as_ref().map_err(|e| Error::new(format!("the judge failed: {e}")))?;
        match got {
            Err(e) => out.push(e.clone()),
            Ok(got) => {
                if let Some(difference) = query::difference(want, got) {
                    out.push(format!("{}: {difference}", query::shortened(sql)));
                }
            }
        }
    }
    if judge.dump != candidate.dump {
        let lines = |dump: &[u8]| String::from_utf8_lossy(dump).lines().map(str::to_owned).collect::<Vec<_>>();
        let difference = query::difference(&lines(&judge.dump), &lines(&candidate.dump)).unwrap_or_default();
        out.push(format!("the dumps differ: {difference}"));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stanzas() {
        let p = parse("Package: a\nVersion: 1\nArchitecture: all\nDescription: x\n y\\\nDepends: b (>= 2) | c, d:any")
            .unwrap();
        assert_eq!(p.texts[9].as_deref(), Some("x\n y\\"));
        assert_eq!(p.lists[0].as_deref(), Some(["b".to_owned(), "d".to_owned()].as_slice()));
        let want = "1\ta\t1\tall\t\\N\t\\N\t\\N\t\\N\t\\N\t\\N\tx\\n y\\\\\t{\"b\",\"d\"}\t\\N\n";
        assert_eq!(copy_text(&[p]), want);
    }
}
