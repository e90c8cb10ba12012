//! Extended statistics as SQL text, and the items of most-common-value lists.

use super::{Rows, access, array, oid_arg, rows, scalar, set, text};
use crate::catalog::deparse::{self, Show};
use crate::catalog::extended::{ExtendedStatistics, by_oid};
use crate::catalog::{Catalog, Relation};
use rustydb_base::Result;
use rustydb_parser::ast::{ExprKind, quote_ident};
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use rustydb_types::extstats::McvList;
use rustydb_types::io::{OutCtx, text_out};
use rustydb_types::kernel::{CallInfo, Kernel};
use rustydb_types::oid;

/// Answers for the object that the argument names; NULL when there is none.
fn of(
    ctx: &EvalCtx,
    args: &[Datum],
    f: impl FnOnce(Show<'_>, &Relation, &ExtendedStatistics) -> Datum,
) -> Result<Datum> {
    let Some(oid) = oid_arg(args, 0)? else { return Ok(Datum::Null) };
    let a = access(ctx)?;
    let (cat, path) = (a.catalog(), a.search_path());
    let show = Show { catalog: Some(&cat), search_path: &path, pretty: true, formats: Some(ctx) };
    Ok(by_oid(&cat, oid).map_or(Datum::Null, |(r, x)| f(show, r, x)))
}

/// Columns, then expressions; what does not look like a call stands in parentheses.
fn dimensions(show: Show<'_>, rel: &Relation, x: &ExtendedStatistics) -> String {
    let columns = x.columns.iter().filter_map(|n| rel.attribute(*n)).map(|c| quote_ident(&c.name).to_string());
    let exprs = x.exprs.iter().map(|e| {
        let call = crate::bind::parse_expr(e).is_ok_and(|e| matches!(e.kind, ExprKind::Func(_)));
        let shown = deparse::stored(e, show);
        if call { shown } else { format!("({shown})") }
    });
    columns.chain(exprs).collect::<Vec<_>>().join(", ")
}

fn schema(cat: Option<&Catalog>, namespace: u32) -> String {
    let name = cat.and_then(|c| c.namespaces.get(&namespace)).map_or("", |n| n.name.as_str());
    quote_ident(name).to_string()
}

fn definition(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    of(ctx, args, |show, rel, x| {
        let words: Vec<&str> = [('d', "ndistinct"), ('f', "dependencies"), ('m', "mcv")]
            .into_iter()
            .filter(|(k, _)| x.kinds.contains(k))
            .map(|k| k.1)
            .collect();
        // All kinds are what goes without saying; a single expression has none.
        let some = !words.is_empty() && words.len() < 3 && x.columns.len() + x.exprs.len() > 1;
        let kinds = if some { format!(" ({})", words.join(", ")) } else { String::new() };
        let table = match show.catalog {
            Some(cat) => deparse::relation_name(cat, show.search_path, rel),
            None => deparse::qualified(rel),
        };
        text(format!(
            "CREATE STATISTICS {}.{}{kinds} ON {} FROM {table}",
            schema(show.catalog, x.namespace),
            quote_ident(&x.name),
            dimensions(show, rel, x)
        ))
    })
}

fn columns(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    of(ctx, args, |show, rel, x| text(dimensions(show, rel, x)))
}

fn expressions(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    of(ctx, args, |show, _, x| {
        if x.exprs.is_empty() {
            return Datum::Null;
        }
        let show = Show { pretty: false, ..show };
        array(oid::TEXT, x.exprs.iter().map(|e| text(deparse::stored(e, show))).collect())
    })
}

/// The items of a `pg_mcv_list`.
fn mcv_items(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Rows> {
    let Some(Datum::Bytes(b)) = args.first() else { return rows(Vec::new()) };
    let list = McvList::get(ctx, b)?;
    let out = OutCtx { fmt: &ctx.fmt, session: Some(&*ctx.session) };
    let mut found = Vec::with_capacity(list.items.len());
    for (n, item) in (0..).zip(list.items) {
        let mut values = Vec::with_capacity(item.values.len());
        for (ty, v) in list.types.iter().zip(&item.values) {
            let mut shown = Vec::new();
            text_out(out, *ty, v, &mut shown)?;
            values.push(if v.is_null() { Datum::Null } else { text(String::from_utf8_lossy(&shown)) });
        }
        let nulls = item.values.iter().map(|v| Datum::Bool(v.is_null())).collect();
        found.push(vec![
            Datum::Int4(n),
            array(oid::TEXT, values),
            array(oid::BOOL, nulls),
            Datum::Float8(item.frequency),
            Datum::Float8(item.base_frequency),
        ]);
    }
    rows(found)
}

/// Kernels of this module.
pub(super) const KERNELS: &[Kernel] = &[
    scalar("pg_get_statisticsobjdef", definition),
    scalar("pg_get_statisticsobjdef_columns", columns),
    scalar("pg_get_statisticsobjdef_expressions", expressions),
    set("pg_stats_ext_mcvlist_items", mcv_items),
];
