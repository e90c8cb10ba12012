//! Which objects names without a schema find: the `pg_*_is_visible` family, and temporary schemas.

use super::{access, oid_arg, scalar};
use crate::catalog::operators::UserOperator;
use crate::catalog::{Catalog, extended, objects, opclasses};
use rustydb_base::Result;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use rustydb_types::kernel::{CallInfo, Kernel};
use rustydb_types::pgdata;

/// Whether the first schema of the path that has an object "like" the one in `own` is `own`.
fn first_is(path: &[u32], own: u32, has: impl Fn(u32) -> bool) -> bool {
    path.contains(&own) && path.iter().find(|&&ns| ns == own || has(ns)) == Some(&own)
}

/// Answers for an object that `f` finds; NULL when there is none.
fn visible(ctx: &EvalCtx, args: &[Datum], f: impl FnOnce(&Catalog, &[u32], u32) -> Option<bool>) -> Result<Datum> {
    let Some(oid) = oid_arg(args, 0)? else { return Ok(Datum::Null) };
    let a = access(ctx)?;
    Ok(f(&a.catalog(), &a.search_path(), oid).map_or(Datum::Null, Datum::Bool))
}

fn relation(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    visible(ctx, args, |cat, path, oid| {
        let r = cat.relation(oid)?;
        Some(first_is(path, r.namespace, |ns| cat.relation_named(ns, &r.name).is_some()))
    })
}

fn type_(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    visible(ctx, args, |cat, path, oid| {
        let built_in = |ns: u32, name: &str| pgdata::types().iter().any(|t| t.typnamespace == ns && t.typname == name);
        if let Some(t) = pgdata::pg_type(oid) {
            return Some(first_is(path, t.typnamespace, |ns| {
                built_in(ns, t.typname) || cat.type_named(ns, t.typname).is_some()
            }));
        }
        let (ns, name) = cat.type_place(oid)?;
        Some(first_is(path, ns, |ns| built_in(ns, &name) || cat.type_named(ns, &name).is_some()))
    })
}

/// Functions, operators and the like exist in pg_catalog and information_schema only.
fn built_in(ctx: &EvalCtx, args: &[Datum], namespace: impl FnOnce(u32) -> Option<u32>) -> Result<Datum> {
    visible(ctx, args, |_, path, oid| namespace(oid).map(|ns| path.contains(&ns)))
}

fn function(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    built_in(ctx, args, |o| pgdata::proc(o).map(|p| p.pronamespace))
}

fn operator(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    visible(ctx, args, |cat, path, oid| {
        if let Some(u) = cat.operators.get(&oid) {
            let built_in = |ns| {
                ns == pgdata::PG_CATALOG
                    && pgdata::operators()
                        .iter()
                        .any(|x| x.oprname == u.name && x.oprleft == u.left && x.oprright == u.right)
            };
            let like = |x: &UserOperator| x.name == u.name && x.left == u.left && x.right == u.right;
            let has = |ns| built_in(ns) || cat.operators.values().any(|x| x.namespace == ns && like(x));
            return Some(first_is(path, u.namespace, has));
        }
        pgdata::operator(oid).map(|_| path.contains(&pgdata::PG_CATALOG))
    })
}

/// Operator classes and families, whose names are an access method's.
fn of_method(ctx: &EvalCtx, args: &[Datum], kind: objects::Kind) -> Result<Datum> {
    visible(ctx, args, |cat, path, oid| {
        let (namespace, name, method) = opclasses::place(cat, kind, oid)?;
        Some(first_is(path, namespace, |ns| opclasses::in_schema(cat, kind, method, ns, &name).is_some()))
    })
}

fn opclass(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    of_method(ctx, args, objects::Kind::OperatorClass)
}

fn opfamily(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    of_method(ctx, args, objects::Kind::OperatorFamily)
}

fn collation(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    visible(ctx, args, |cat, path, oid| {
        let (ns, name) = cat.collation_place(oid)?;
        let system = |ns| ns == pgdata::PG_CATALOG && crate::bind::collation::built_in(&name).is_some();
        Some(first_is(path, ns, |ns| system(ns) || cat.collation_in(ns, &name).is_some()))
    })
}

/// Text search objects and conversions.
fn object(ctx: &EvalCtx, args: &[Datum], kind: objects::Kind) -> Result<Datum> {
    visible(ctx, args, |cat, path, oid| {
        let (namespace, name) = objects::place(cat, kind, oid)?;
        Some(first_is(path, namespace, |ns| objects::in_schema(cat, kind, ns, &name).is_some()))
    })
}

fn conversion(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    object(ctx, args, objects::Kind::Conversion)
}

fn ts_parser(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    object(ctx, args, objects::Kind::Parser)
}

fn ts_template(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    object(ctx, args, objects::Kind::Template)
}

fn ts_dict(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    object(ctx, args, objects::Kind::Dictionary)
}

fn ts_config(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    object(ctx, args, objects::Kind::Configuration)
}

fn statistics(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    visible(ctx, args, |cat, path, oid| {
        let (_, x) = extended::by_oid(cat, oid)?;
        Some(first_is(path, x.namespace, |ns| extended::by_name(cat, ns, &x.name).is_some()))
    })
}

fn my_temp_schema(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    Ok(Datum::Oid(access(ctx)?.temp_schema().unwrap_or(0)))
}

fn other_temp_schema(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let Some(oid) = oid_arg(args, 0)? else { return Ok(Datum::Null) };
    let a = access(ctx)?;
    let temporary = a.catalog().namespaces.get(&oid).is_some_and(|n| n.name.starts_with("pg_temp_"));
    Ok(Datum::Bool(temporary && a.temp_schema() != Some(oid)))
}

/// Kernels of this module.
pub(super) const KERNELS: &[Kernel] = &[
    scalar("pg_table_is_visible", relation),
    scalar("pg_type_is_visible", type_),
    scalar("pg_function_is_visible", function),
    scalar("pg_operator_is_visible", operator),
    scalar("pg_opclass_is_visible", opclass),
    scalar("pg_opfamily_is_visible", opfamily),
    scalar("pg_collation_is_visible", collation),
    scalar("pg_conversion_is_visible", conversion),
    scalar("pg_statistics_obj_is_visible", statistics),
    scalar("pg_ts_parser_is_visible", ts_parser),
    scalar("pg_ts_dict_is_visible", ts_dict),
    scalar("pg_ts_template_is_visible", ts_template),
    scalar("pg_ts_config_is_visible", ts_config),
    scalar("pg_my_temp_schema", my_temp_schema),
    scalar("pg_is_other_temp_schema", other_temp_schema),
];
