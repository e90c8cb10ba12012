//! Every kernel against PostgreSQL's recorded answers (`data/kernels.tsv`, made by `data/gen_kernels.py`): the value's
//! text, or the error's SQLSTATE and message.
//!
//! `KERNELS_TSV=/path cargo test -p rustydb-types --test kernels` reads another, larger recording; `KERNELS_MISSING=1`
//! lists the recorded functions without a kernel, `KERNELS_LIST=/path` writes the OIDs of those with one,
//! `KERNELS_TRACE=1` shows each call before it is made.

mod common;

use common::{context, field, shown};
use rustydb_base::Result;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::io::text_in;
use rustydb_types::kernel::{CallInfo, KernelBody};
use rustydb_types::{pgdata, registry};
use std::collections::BTreeMap;

/// What PostgreSQL's output says of the call, with errors as `!SQLSTATE message`.
fn answer(ctx: &EvalCtx, proc: &pgdata::Proc, result: u32, types: &[u32], args: &[Option<String>]) -> Option<String> {
    let call = || -> Result<Option<String>> {
        let args = types
            .iter()
            .zip(args)
            .map(|(&t, a)| a.as_ref().map_or(Ok(Datum::Null), |a| text_in(ctx, TypeRef::new(t), a)))
            .collect::<Result<Vec<_>>>()?;
        let types: Vec<TypeRef> = types.iter().map(|&t| TypeRef::new(t)).collect();
        let info = CallInfo { args: &types, result: TypeRef::new(result), collation: 100 };
        let kernel = registry::kernel_of(proc).expect("checked by the caller");
        if proc.proisstrict && args.iter().any(Datum::is_null) {
            return Ok(None);
        }
        match kernel.body {
            KernelBody::Scalar(f) | KernelBody::Vector(f, _) => shown(ctx, result, &f(ctx, &info, &args)?),
            KernelBody::Set(f) => {
                let mut rows = Vec::new();
                for row in f(ctx, &info, &args)?.take(50) {
                    let row = row?;
                    rows.push(match &row[..] {
                        [one] => shown(ctx, result, one)?.unwrap_or_default(),
                        columns => {
                            let fields: Vec<_> = columns.iter().map(|c| (TypeRef::new(25), c.clone())).collect();
                            shown(ctx, 2249, &Datum::Row(fields.into()))?.unwrap_or_default()
                        }
                    });
                }
                Ok((!rows.is_empty()).then(|| rows.join("|")))
            }
        }
    };
    call().unwrap_or_else(|e| Some(format!("!{} {}", e.code, e.message)))
}

/// Differences that are meant.
fn alike(name: &str, got: &str, expected: &str, args: &[Option<String>]) -> bool {
    let close = |ulps: f64| match (got.parse::<f64>(), expected.parse::<f64>()) {
        (Ok(a), Ok(b)) => (a - b).abs() <= ulps * f64::EPSILON * b.abs(),
        _ => false,
    };
    let infinite = args.iter().flatten().any(|a| a.contains("infinity"));
    match name {
        // Support functions answer with any number of the right sign.
        n if n.ends_with("cmp") || n.starts_with("bt") => match (got.parse::<i64>(), expected.parse::<i64>()) {
            (Ok(a), Ok(b)) => a.signum() == b.signum(),
            _ => false,
        },
        // Ours is correctly rounded, the C library's is not always.
        "cbrt" | "dcbrt" | "acosh" | "asinh" => close(2.0),
        // Ours computes wider, or notices an overflow that PostgreSQL 15 does not.
        "date_bin" => expected.starts_with("!22008"),
        "timestamp" | "timestamptz" => got.starts_with("!22008") && expected.starts_with("294277"),
        "age" => infinite && got.starts_with("!22008"),
        "timestamp_mi" | "timestamptz_mi" | "make_interval" => got.starts_with("!22008"),
        // A quotient that rounds up to one belongs to the last bucket, as later versions of PostgreSQL have it.
        "width_bucket" if args[3].as_deref() == Some("2147483647") => got == "2147483647",
        "width_bucket" => got.parse::<i64>().ok().map(|g| g + 1) == expected.parse().ok(),
        // The message shows the year otherwise when it is negative.
        "make_date" => got.starts_with("!22008 date field") && expected.starts_with("!22008 date field"),
        // PostgreSQL's shift of an int4 by V wraps around.
        "to_char" if args[1].as_deref() == Some("9999V99") => got.ends_with("######"),
        // Its rounding may leave two digits before the point.
        "to_char" if args[1].as_deref() == Some("9.99EEEE") => expected.starts_with(" 10.00e"),
        // Its day counts wrap around for far-away intervals.
        "to_char" => args[0].as_deref() == Some("178000000 years"),
        _ => false,
    }
}

#[test]
fn kernels_answer_as_postgresql_does() {
    let ctx = context();
    let path = std::env::var("KERNELS_TSV").unwrap_or_else(|_| "tests/data/kernels.tsv".into());
    let recorded = std::fs::read_to_string(&path).expect("the recording is readable");
    let mut failures: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut checked = 0;
    let mut missing: BTreeMap<String, ()> = BTreeMap::new();
    for line in recorded.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [oid, result, types, expected, args @ ..] = &fields[..] else { panic!("short line: {line}") };
        let proc = pgdata::proc(oid.parse().expect("a number")).expect("a built-in function");
        if registry::kernel_of(proc).is_none() {
            missing.insert(registry::signature(proc), ());
            continue;
        }
        let result: u32 = result.parse().expect("a number");
        let result = if result == 0 { proc.prorettype } else { result };
        let types: Vec<u32> =
            types.split(',').filter(|t| !t.is_empty()).map(|t| t.parse().expect("a number")).collect();
        let args: Vec<Option<String>> = args.iter().map(|a| field(a)).collect();
        if std::env::var("KERNELS_TRACE").is_ok() {
            println!("trace {line}");
        }
        let begin = std::time::Instant::now();
        let got = answer(&ctx, proc, result, &types, &args);
        if begin.elapsed().as_millis() > 500 {
            println!("slow ({:?}): {line}", begin.elapsed());
        }
        let expected = field(expected);
        checked += 1;
        let same = match (&got, &expected) {
            (Some(got), Some(expected)) => got == expected || alike(proc.proname, got, expected, &args),
            (got, expected) => got == expected,
        };
        if !same {
            failures
                .entry(registry::signature(proc))
                .or_default()
                .push(format!("{args:?}\n      expected {expected:?}\n      got      {got:?}"));
        }
    }
    if let Ok(path) = std::env::var("KERNELS_LIST") {
        let oids = pgdata::procs().iter().filter(|p| registry::kernel_of(p).is_some()).map(|p| format!("{}\n", p.oid));
        std::fs::write(path, oids.collect::<String>()).expect("the list is writable");
    }
    if std::env::var("KERNELS_MISSING").is_ok() {
        for name in missing.keys() {
            println!("missing {name}");
        }
    }
    let wrong: usize = failures.values().map(Vec::len).sum();
    for (name, cases) in &failures {
        println!("{name}: {} wrong", cases.len());
        for case in cases.iter().take(4) {
            println!("    {case}");
        }
    }
    assert!(checked > 0, "nothing was recorded");
    assert_eq!(wrong, 0, "{wrong} of {checked} answers differ from PostgreSQL's");
}
