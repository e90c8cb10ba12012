//! What access methods can do: the `pg_index*_has_property` family.
//!
//! The abilities are those PostgreSQL documents for its methods. An unknown property, or one that is of another level, is
//! NULL.

use super::{access, int_arg, oid_arg, scalar, text_arg};
use rustydb_base::Result;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use rustydb_types::kernel::{CallInfo, Kernel};
use rustydb_types::pgdata;

/// Abilities of an index access method.
struct Abilities {
    order: bool,
    unique: bool,
    multi_column: bool,
    exclude: bool,
    include: bool,
    clusterable: bool,
    index_scan: bool,
    backward: bool,
    search_array: bool,
    search_nulls: bool,
    returnable: bool,
}

fn abilities(method: u32) -> Option<Abilities> {
    let name = pgdata::access_methods().iter().find(|a| a.oid == method)?.amname;
    let is = |list: &[&str]| list.contains(&name);
    if !is(&["btree", "hash", "gist", "gin", "spgist", "brin"]) {
        return None;
    }
    let btree = name == "btree";
    Some(Abilities {
        order: btree,
        unique: btree,
        multi_column: is(&["btree", "gist", "gin", "brin"]),
        exclude: is(&["btree", "hash", "gist", "spgist"]),
        include: is(&["btree", "gist", "spgist"]),
        clusterable: is(&["btree", "gist"]),
        index_scan: !is(&["gin", "brin"]),
        backward: is(&["btree", "hash"]),
        search_array: btree,
        search_nulls: is(&["btree", "gist", "spgist", "brin"]),
        returnable: btree,
    })
}

fn answer(b: Option<bool>) -> Result<Datum> {
    Ok(b.map_or(Datum::Null, Datum::Bool))
}

fn of_method(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let Some(a) = oid_arg(args, 0)?.and_then(abilities) else { return Ok(Datum::Null) };
    answer(match text_arg(args, 1)?.to_ascii_lowercase().as_str() {
        "can_order" => Some(a.order),
        "can_unique" => Some(a.unique),
        "can_multi_col" => Some(a.multi_column),
        "can_exclude" => Some(a.exclude),
        "can_include" => Some(a.include),
        _ => None,
    })
}

fn of_index(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let cat = access(ctx)?.catalog();
    let method = oid_arg(args, 0)?.and_then(|o| cat.index(o)).map(|i| i.method);
    let Some(a) = method.and_then(abilities) else { return Ok(Datum::Null) };
    answer(match text_arg(args, 1)?.to_ascii_lowercase().as_str() {
        "clusterable" => Some(a.clusterable),
        "index_scan" => Some(a.index_scan),
        "bitmap_scan" => Some(true),
        "backward_scan" => Some(a.backward),
        _ => None,
    })
}

/// Whether rows can be had in order of distance by an operator class.
fn by_distance(opclass: u32) -> bool {
    pgdata::opclass(opclass)
        .is_some_and(|c| pgdata::amops().iter().any(|o| o.amopfamily == c.opcfamily && o.amoppurpose == 'o'))
}

/// Numbers of GiST's support functions.
const COMPRESS: i16 = 3;
const FETCH: i16 = 9;

/// Whether an operator class of a search tree keeps values as they are, or can make them of what it keeps.
fn keeps_values(opclass: u32) -> bool {
    pgdata::opclass(opclass).is_some_and(|c| {
        let of_class = |p: &&pgdata::AmProc| p.amprocfamily == c.opcfamily && p.amproclefttype == c.opcintype;
        let has = |number: i16| pgdata::amprocs().iter().filter(of_class).any(|p| p.amprocnum == number);
        // SP-GiST's says so when it is asked for its configuration: only that of polygons keeps boxes.
        if c.opcmethod == pgdata::SPGIST { c.opcname != "poly_ops" } else { has(FETCH) || !has(COMPRESS) }
    })
}

fn of_column(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let cat = access(ctx)?.catalog();
    let Some(index) = oid_arg(args, 0)?.and_then(|o| cat.index(o)) else { return Ok(Datum::Null) };
    let Some(a) = abilities(index.method) else { return Ok(Datum::Null) };
    let at = int_arg(args, 1).and_then(|n| usize::try_from(n).ok()).and_then(|n| n.checked_sub(1));
    let Some(at) = at.filter(|n| *n < index.keys.len() + index.include.len()) else { return Ok(Datum::Null) };
    // A column that is only included has no order, and is not searched.
    let key = index.keys.get(at);
    let ordered = |f: fn(&crate::catalog::IndexKey) -> bool| key.map(|k| a.order && f(k));
    answer(match text_arg(args, 2)?.to_ascii_lowercase().as_str() {
        "asc" => ordered(|k| !k.desc),
        "desc" => ordered(|k| k.desc),
        "nulls_first" => ordered(|k| k.nulls_first),
        "nulls_last" => ordered(|k| !k.nulls_first),
        "orderable" => Some(key.is_some() && a.order),
        "distance_orderable" if index.is_tree() => key.map(|k| by_distance(k.opclass)),
        "distance_orderable" => Some(false),
        "returnable" if index.is_tree() => key.map(|k| keeps_values(k.opclass)),
        "returnable" => Some(a.returnable),
        "search_array" => key.map(|_| a.search_array),
        "search_nulls" => key.map(|_| a.search_nulls),
        _ => None,
    })
}

/// Kernels of this module.
pub(super) const KERNELS: &[Kernel] = &[
    scalar("pg_indexam_has_property", of_method),
    scalar("pg_index_has_property", of_index),
    scalar("pg_index_column_has_property", of_column),
];
