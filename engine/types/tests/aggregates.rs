//! Every aggregate against PostgreSQL's recorded answers (`data/aggregates.tsv`, made by `data/gen_aggregates.py`), each
//! computed twice: by one state, and by two that are written as bytes and merged.

mod common;

use common::{context, field, shown};
use rustydb_base::Result;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::io::text_in;
use rustydb_types::kernel::{AggKernel, AggState, CallInfo};
use rustydb_types::{pgdata, registry};

fn run(
    ctx: &EvalCtx,
    kernel: &AggKernel,
    info: &CallInfo<'_>,
    rows: &[Vec<Datum>],
    parts: usize,
) -> Result<Option<String>> {
    let fill = |rows: &[Vec<Datum>]| -> Result<Box<dyn AggState>> {
        let mut state = (kernel.init)(info);
        for row in rows {
            state.update(ctx, row)?;
        }
        assert!(state.size() > 0);
        Ok(state)
    };
    let state = if parts == 1 {
        fill(rows)?
    } else {
        let mut whole = (kernel.init)(info);
        let (a, b) = rows.split_at(rows.len() / 2);
        for part in [a, b] {
            whole.merge(ctx, &fill(part)?.state()?)?;
        }
        whole
    };
    shown(ctx, info.result.oid, &state.finish(ctx)?)
}

/// Equal, or floats that differ in their last digits, as sums taken in another order do.
fn alike(got: &Option<String>, expected: &Option<String>, float: bool) -> bool {
    let close = || match (got.as_ref()?.parse::<f64>(), expected.as_ref()?.parse::<f64>()) {
        (Ok(a), Ok(b)) => Some((a - b).abs() <= 1e-12 * b.abs()),
        _ => None,
    };
    got == expected || float && close() == Some(true)
}

#[test]
fn aggregates_answer_as_postgresql_does() {
    let ctx = context();
    let recorded = include_str!("data/aggregates.tsv");
    let (mut checked, mut wrong, mut missing) = (0, 0, std::collections::BTreeSet::new());
    for line in recorded.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [oid, result, types, expected, values @ ..] = &fields[..] else { panic!("short line: {line}") };
        let proc = pgdata::proc(oid.parse().expect("a number")).expect("a built-in aggregate");
        let Some(kernel) = registry::agg_kernel_of(proc) else {
            missing.insert(registry::signature(proc));
            continue;
        };
        let result = result.parse().ok().filter(|&r| r != 0).unwrap_or(proc.prorettype);
        let types: Vec<TypeRef> =
            types.split(',').filter(|t| !t.is_empty()).map(|t| TypeRef::new(t.parse().expect("a number"))).collect();
        let rows: Vec<Vec<Datum>> = values
            .chunks(types.len().max(1))
            .map(|row| {
                let value = |(v, t): (&&str, &TypeRef)| {
                    field(v).map_or(Datum::Null, |v| text_in(&ctx, *t, &v).expect("a value PostgreSQL took"))
                };
                row.iter().zip(&types).map(value).collect()
            })
            .collect();
        let info = CallInfo { args: &types, result: TypeRef::new(result), collation: 100 };
        let expected = field(expected);
        for parts in [1, 2] {
            let got =
                run(&ctx, kernel, &info, &rows, parts).unwrap_or_else(|e| Some(format!("!{} {}", e.code, e.message)));
            let float = matches!(result, 700 | 701) && parts == 2;
            // Sums in another order may lose all digits where values of very different size cancel out.
            if float && values.iter().any(|v| v.contains("e300") || v.contains("e38")) {
                continue;
            }
            checked += 1;
            if !alike(&got, &expected, float) {
                wrong += 1;
                println!(
                    "{} in {parts}: {values:?}\n   expected {expected:?}\n   got      {got:?}",
                    registry::signature(proc)
                );
            }
        }
    }
    println!("missing: {missing:?}");
    assert!(checked > 0, "nothing was recorded");
    assert_eq!(wrong, 0, "{wrong} of {checked} answers differ from PostgreSQL's");
}
