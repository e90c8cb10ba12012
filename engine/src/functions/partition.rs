//! Functions about partitioned tables.

use super::{Rows, access, oid_arg, opt_text, rows, scalar, set};
use crate::catalog::Catalog;
use crate::catalog::deparse::Show;
use crate::catalog::partition::{PartitionDesc, PartitionStrategy, constraint_text, key_text};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use rustydb_types::kernel::{CallInfo, Kernel};

fn partkeydef(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let a = access(ctx)?;
    let (cat, path) = (a.catalog(), a.search_path());
    let show = Show { catalog: Some(&cat), search_path: &path, pretty: false, formats: Some(ctx) };
    let rel = oid_arg(args, 0)?.and_then(|o| cat.relation(o));
    Ok(opt_text(rel.and_then(|r| key_text(r, show))))
}

fn constraintdef(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let a = access(ctx)?;
    let (cat, path) = (a.catalog(), a.search_path());
    let show = Show { catalog: Some(&cat), search_path: &path, pretty: false, formats: Some(ctx) };
    let Some(rel) = oid_arg(args, 0)?.and_then(|o| cat.relation(o)) else { return Ok(Datum::Null) };
    Ok(opt_text(constraint_text(&cat, rel, ctx, show)?))
}

/// The partitioned table or index above a relation.
fn parent(cat: &Catalog, oid: u32) -> Option<u32> {
    if let Some(i) = cat.index(oid) {
        return Some(i.parent).filter(|p| *p != 0);
    }
    let r = cat.relation(oid)?;
    r.bound.as_ref().filter(|_| r.detaching.is_none()).and_then(|_| r.parents.first().copied())
}

fn is_partitioned(cat: &Catalog, oid: u32) -> bool {
    match cat.index(oid) {
        Some(i) => cat.relation(i.table).is_some_and(|t| t.is_partitioned()),
        None => cat.relation(oid).is_some_and(|r| r.is_partitioned()),
    }
}

/// Relations that are partitioned or partitions.
fn concerned(cat: &Catalog, oid: u32) -> bool {
    let partition = cat.relation(oid).is_some_and(|r| r.bound.is_some());
    is_partitioned(cat, oid) || partition || parent(cat, oid).is_some()
}

fn children(cat: &Catalog, oid: u32) -> Vec<u32> {
    let mut out: Vec<u32> = match cat.index(oid) {
        Some(_) => {
            let parts = cat.relations.values().filter(|r| r.kind != crate::catalog::RelKind::Index);
            parts.flat_map(|r| r.indexes.iter()).filter(|i| i.parent == oid).map(|i| i.oid).collect()
        }
        None => cat.relation(oid).map(|r| r.children.clone()).unwrap_or_default(),
    };
    out.sort_unstable();
    out
}

fn ancestors(cat: &Catalog, oid: u32) -> Vec<u32> {
    let mut out = vec![oid];
    while let Some(p) = out.last().and_then(|o| parent(cat, *o)) {
        if out.contains(&p) {
            break;
        }
        out.push(p);
    }
    out
}

fn root(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let cat = access(ctx)?.catalog();
    let Some(oid) = oid_arg(args, 0)?.filter(|o| concerned(&cat, *o)) else { return Ok(Datum::Null) };
    Ok(ancestors(&cat, oid).last().map_or(Datum::Null, |o| Datum::Oid(*o)))
}

fn ancestor_rows(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Rows> {
    let cat = access(ctx)?.catalog();
    let Some(oid) = oid_arg(args, 0)?.filter(|o| concerned(&cat, *o)) else { return rows(Vec::new()) };
    rows(ancestors(&cat, oid).into_iter().map(|o| vec![Datum::Oid(o)]).collect())
}

fn tree(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Rows> {
    let cat = access(ctx)?.catalog();
    let Some(top) = oid_arg(args, 0)?.filter(|o| concerned(&cat, *o)) else { return rows(Vec::new()) };
    let mut found = vec![(top, 0)];
    let mut at = 0;
    while let Some((oid, level)) = found.get(at).copied() {
        found.extend(children(&cat, oid).into_iter().map(|c| (c, level + 1)));
        at += 1;
    }
    let row = |(oid, level): (u32, i32)| {
        let above = parent(&cat, oid).map_or(Datum::Null, Datum::Oid);
        vec![Datum::Oid(oid), above, Datum::Bool(!is_partitioned(&cat, oid)), Datum::Int4(level)]
    };
    rows(found.into_iter().map(row).collect())
}

/// `satisfies_hash_partition(parent, modulus, remainder, key…)`.
fn satisfies_hash(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let cat = access(ctx)?.catalog();
    let bad = |m: String| Err(DbError::new(SqlState::INVALID_PARAMETER_VALUE, m));
    let (Some(Datum::Oid(oid)), Some(Datum::Int4(modulus)), Some(Datum::Int4(remainder))) =
        (args.first(), args.get(1), args.get(2))
    else {
        return Ok(Datum::Bool(false));
    };
    let Some(rel) = cat.relation(*oid) else {
        return Err(DbError::internal(format!("could not open relation with OID {oid}")));
    };
    let hashed = rel.partition_key.as_ref().is_some_and(|k| k.strategy == PartitionStrategy::Hash);
    if !hashed {
        return bad(format!("\"{}\" is not a hash partitioned table", rel.name));
    }
    if *modulus <= 0 {
        return bad("modulus for hash partition must be an integer value greater than zero".to_owned());
    }
    if *remainder < 0 {
        return bad("remainder for hash partition must be an integer value greater than or equal to zero".to_owned());
    }
    if remainder >= modulus {
        return bad("remainder for hash partition must be less than modulus".to_owned());
    }
    let desc = PartitionDesc::of(&cat, rel, ctx)?;
    let key = key_arguments(&desc, info, args)?;
    let h = desc.key_hash(&key)?;
    Ok(Datum::Bool(h % (*modulus as u64) == *remainder as u64))
}

fn key_arguments(desc: &PartitionDesc, info: &CallInfo<'_>, args: &[Datum]) -> Result<Vec<Datum>> {
    let variadic = matches!(args.get(3), Some(Datum::Array(_)));
    let given: Vec<(u32, Datum)> = match (info.args.get(3), args.get(3)) {
        (Some(_), Some(Datum::Array(a))) => a.items.iter().map(|d| (a.elem, d.clone())).collect(),
        _ => info.args.iter().zip(args).skip(3).map(|(t, d)| (t.oid, d.clone())).collect(),
    };
    let bad = |m: String| Err(DbError::new(SqlState::INVALID_PARAMETER_VALUE, m));
    if given.len() != desc.types.len() {
        return bad(format!(
            "number of partitioning columns ({}) does not match number of partition keys provided ({})",
            desc.types.len(),
            given.len()
        ));
    }
    for (i, ((ty, _), want)) in given.iter().zip(&desc.types).enumerate() {
        if *ty != want.oid {
            // PostgreSQL quotes the types of an array only.
            let shown = |t: u32| match (variadic, rustydb_types::typename::format_type(t, -1)) {
                (true, name) => format!("\"{name}\""),
                (false, name) => name.to_string(),
            };
            return bad(format!(
                "column {} of the partition key has type {}, but supplied value is of type {}",
                i + 1,
                shown(want.oid),
                shown(*ty)
            ));
        }
    }
    Ok(given.into_iter().map(|g| g.1).collect())
}

/// Kernels of this module.
pub(super) const KERNELS: &[Kernel] = &[
    scalar("pg_get_partkeydef", partkeydef),
    scalar("pg_get_partition_constraintdef", constraintdef),
    scalar("pg_partition_root", root),
    set("pg_partition_tree", tree),
    set("pg_partition_ancestors", ancestor_rows),
    scalar("satisfies_hash_partition", satisfies_hash),
];
