//! PARTITION BY and the bounds of partitions.

use super::column::{bind_row, collation, keep};
use super::{DdlCx, err};
use crate::bind::define::{Defining, volatility};
use crate::bind::resolve::Coercion;
use crate::catalog::partition::{
    Bound, Edge, Hasher, PartitionDesc, PartitionKey, PartitionStrategy, bound_text, can_hash, infinite,
};
use crate::catalog::{IndexKey, Relation, opclasses};
use crate::exec::eval::{Env, compile};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::{oid, pgdata, typename};
use std::sync::Arc;

const BAD_DEFINITION: SqlState = SqlState::INVALID_OBJECT_DEFINITION;

/// Most columns of a partition key.
const MAX_KEY: usize = 32;

/// The key of PARTITION BY.
pub fn key(cx: &DdlCx<'_>, rel: &Arc<Relation>, by: &ast::PartitionBy) -> Result<PartitionKey> {
    let strategy = match by.strategy.value.to_ascii_lowercase().as_str() {
        "list" => PartitionStrategy::List,
        "range" => PartitionStrategy::Range,
        "hash" => PartitionStrategy::Hash,
        _ => {
            return Err(err(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("unrecognized partitioning strategy \"{}\"", by.strategy.value),
            ));
        }
    };
    if strategy == PartitionStrategy::List && by.key.len() != 1 {
        return Err(err(BAD_DEFINITION, "cannot use \"list\" partition strategy with more than one column"));
    }
    if by.key.len() > MAX_KEY {
        return Err(err(SqlState::TOO_MANY_COLUMNS, format!("cannot partition using more than {MAX_KEY} columns")));
    }
    let columns = by.key.iter().map(|e| key_column(cx, rel, e, strategy)).collect::<Result<Vec<_>>>()?;
    Ok(PartitionKey::new(strategy, columns, 0))
}

/// The parenthesis before a place of the statement's text, if there is one right before.
fn opening(sql: &str, at: ast::Pos) -> ast::Pos {
    let before = usize::try_from(at).ok().and_then(|at| sql.get(..at)).unwrap_or("").trim_end();
    match before.strip_suffix('(') {
        Some(rest) => ast::Pos::try_from(rest.len()).unwrap_or(at),
        None => at,
    }
}

fn key_column(
    cx: &DdlCx<'_>,
    rel: &Arc<Relation>,
    e: &ast::IndexElement,
    strategy: PartitionStrategy,
) -> Result<IndexKey> {
    let (attnum, expr, mut ty) = match &e.key {
        ast::IndexKey::Column(n) => {
            if matches!(n.value.as_str(), "ctid" | "xmin" | "cmin" | "xmax" | "cmax" | "tableoid") {
                return Err(err(BAD_DEFINITION, format!("cannot use system column \"{}\" in partition key", n.value))
                    .at(cx.pos(n.pos)));
            }
            let c = rel.column(&n.value).ok_or_else(|| {
                err(SqlState::UNDEFINED_COLUMN, format!("column \"{}\" named in partition key does not exist", n.value))
                    .at(cx.pos(n.pos))
            })?;
            if c.generated != '\0' {
                return Err(err(BAD_DEFINITION, "cannot use generated column in partition key")
                    .detail(format!("Column \"{}\" is a generated column.", c.name))
                    .at(cx.pos(n.pos)));
            }
            (c.attnum, None, c.ty)
        }
        ast::IndexKey::Expr(x) => {
            // As PostgreSQL, which does not tell where in the statement a mistake is.
            let bound = bind_row(cx, rel, x, Defining::PartitionKey).map_err(crate::bind::unplaced)?;
            let bound = cx.binder(|b| b.default_unknown(bound))?;
            let used = super::column::columns_used(&bound);
            if let Some(c) = used.iter().filter_map(|a| rel.attribute(*a)).find(|c| c.generated != '\0') {
                return Err(err(BAD_DEFINITION, "cannot use generated column in partition key")
                    .detail(format!("Column \"{}\" is a generated column.", c.name))
                    .at(cx.pos(opening(cx.sql, x.start()))));
            }
            if volatility(&bound) != 'i' {
                return Err(err(BAD_DEFINITION, "functions in partition key expression must be marked IMMUTABLE"));
            }
            if used.is_empty() {
                return Err(err(BAD_DEFINITION, "cannot use constant expression as partition key"));
            }
            if pgdata::pg_type(bound.ty.oid).is_some_and(|t| t.typtype == 'p') {
                return Err(err(
                    SqlState::INVALID_TABLE_DEFINITION,
                    format!("partition key column 1 has pseudo-type {}", typename::format_type(bound.ty.oid, -1)),
                ));
            }
            match bound.kind {
                crate::plan::ir::ExprKind::Column(_) => (used.first().copied().unwrap_or(0), None, bound.ty),
                _ => (0, Some(keep(Some(rel), &bound, x)), bound.ty),
            }
        }
    };
    if let Some(c) = &e.collation {
        if ty.collation == 0 {
            return Err(err(
                SqlState::DATATYPE_MISMATCH,
                format!("collations are not supported by type {}", typename::format_type(ty.oid, -1)),
            ));
        }
        ty.collation = collation(cx, c).map_err(super::placeless)?;
    }
    let named = e.opclass.as_ref().map(|o| named_opclass(cx, o, ty, strategy)).transpose()?;
    let opclass = if let Some(named) = named {
        named
    } else if strategy == PartitionStrategy::Hash {
        let by = if ty.oid == oid::VARCHAR { oid::TEXT } else { ty.oid };
        let Some(class) = pgdata::default_opclass(pgdata::HASH, by) else { return Err(no_opclass(ty, "hash")) };
        if !can_hash(ty.oid) {
            return Err(DbError::unsupported(format!(
                "hash partition keys of type {} are not supported yet",
                typename::format_type(ty.oid, -1)
            )));
        }
        class.oid
    } else {
        super::index::default_opclass(ty).map_err(|_| no_opclass(ty, "btree"))?
    };
    Ok(IndexKey { attnum, expr, ty, opclass, desc: false, nulls_first: false })
}

/// A named operator class of a partition key. Rows are placed by the built-in functions, so the class must have them.
fn named_opclass(cx: &DdlCx<'_>, name: &ast::Name, ty: TypeRef, strategy: PartitionStrategy) -> Result<u32> {
    let hash = strategy == PartitionStrategy::Hash;
    let method = if hash { pgdata::HASH } else { pgdata::BTREE };
    let class = super::index::find_opclass(cx, method, name)?;
    let usual = super::types::default_opclass_of(method, ty.oid).and_then(pgdata::opclass);
    let Some(usual) = usual.filter(|u| class.opcintype == ty.oid || class.opcintype == u.opcintype) else {
        return Err(super::index::refuses_type(name, ty));
    };
    let mut same = class.opcfamily == usual.opcfamily;
    if let Some(o) = cx.tx.catalog.objects.get(&class.oid).filter(|_| hash) {
        let theirs = pgdata::amproc(usual.opcfamily, usual.opcintype, usual.opcintype, 2).map(|p| p.amproc);
        let ours = opclasses::members(o).iter().find(|m| m.function && m.number == 2).map(|m| m.target);
        let key = IndexKey { attnum: 0, expr: None, ty, opclass: class.oid, desc: false, nulls_first: false };
        same = ours.is_some() && (ours == theirs || Hasher::of(&cx.cat(), &key, ty, cx.eval)?.is_some());
        if ours.is_none() {
            return Err(err(
                SqlState::INVALID_OBJECT_DEFINITION,
                format!(
                    "operator class \"{}\" of access method hash is missing support function 2 for type {}",
                    name.plain(),
                    typename::format_type(ty.oid, -1)
                ),
            ));
        }
    }
    if !same {
        return Err(DbError::unsupported(format!(
            "operator class \"{}\" is not supported yet in partition keys",
            name.plain()
        )));
    }
    Ok(class.oid)
}

fn no_opclass(ty: TypeRef, method: &str) -> DbError {
    err(
        SqlState::UNDEFINED_OBJECT,
        format!(
            "data type {} has no default operator class for access method \"{method}\"",
            typename::format_type(ty.oid, -1)
        ),
    )
    .hint(format!(
        "You must specify a {method} operator class or define a default {method} operator class for the data type."
    ))
}

/// A value of a bound in the key column's type.
fn value(cx: &DdlCx<'_>, e: &ast::Expr, ty: TypeRef, column: &str) -> Result<Datum> {
    let bound = cx.binder(|b| {
        let x = b.defining(e, None, Defining::PartitionBound)?;
        let cast = b.coerce(x.clone(), TypeRef { typmod: ty.typmod, ..ty }, Coercion::Assignment)?;
        cast.ok_or_else(|| {
            err(
                SqlState::DATATYPE_MISMATCH,
                format!(
                    "specified value cannot be cast to type {} for column \"{column}\"",
                    typename::format_type(ty.oid, -1)
                ),
            )
            .at(cx.pos(e.pos))
        })
    })?;
    compile(&bound, &|_| None)?.eval(Env { ctx: cx.eval, params: &[] }, &[])
}

fn key_name(parent: &Relation, i: usize) -> String {
    let key = parent.partition_key.as_ref().and_then(|k| k.columns.get(i));
    match key {
        Some(k) if k.attnum > 0 => parent.attribute(k.attnum).map(|c| c.name.clone()).unwrap_or_default(),
        Some(k) => k.expr.clone().unwrap_or_default(),
        None => String::new(),
    }
}

/// A bound as written, checked against the parent's strategy. `at` is where errors of the whole bound point.
pub fn bound(cx: &DdlCx<'_>, parent: &Relation, types: &[TypeRef], b: &ast::PartitionBound) -> Result<Bound> {
    let strategy = parent.partition_key.as_ref().map(|k| k.strategy).ok_or_else(|| {
        err(SqlState::INVALID_OBJECT_DEFINITION, format!("table \"{}\" is not partitioned", parent.name))
    })?;
    let bad = |m: String| err(SqlState::INVALID_TABLE_DEFINITION, m);
    match (b, strategy) {
        (ast::PartitionBound::Default(_), PartitionStrategy::Hash) => {
            Err(bad("a hash-partitioned table may not have a default partition".to_owned()))
        }
        (ast::PartitionBound::Default(_), _) => Ok(Bound::Default),
        (ast::PartitionBound::Hash { modulus, remainder, .. }, PartitionStrategy::Hash) => {
            let m = u32::try_from(*modulus).ok().filter(|m| *m > 0).ok_or_else(|| {
                bad("modulus for hash partition must be an integer value greater than zero".to_owned())
            })?;
            let r = u32::try_from(*remainder).map_err(|_| {
                bad("remainder for hash partition must be an integer value greater than or equal to zero".to_owned())
            })?;
            if r >= m {
                return Err(bad("remainder for hash partition must be less than modulus".to_owned()));
            }
            Ok(Bound::Hash { modulus: m, remainder: r })
        }
        (ast::PartitionBound::In(v, _), PartitionStrategy::List) => {
            let ty = types.first().copied().ok_or_else(|| DbError::internal("partition key without columns"))?;
            let name = key_name(parent, 0);
            let mut out: Vec<Option<Datum>> = Vec::new();
            for e in v {
                let d = Some(value(cx, e, ty, &name)?).filter(|d| !d.is_null());
                if !out.contains(&d) {
                    out.push(d);
                }
            }
            Ok(Bound::List(out))
        }
        (ast::PartitionBound::Range(from, to, _), PartitionStrategy::Range) => {
            for (v, word) in [(from, "FROM"), (to, "TO")] {
                if v.len() != types.len() {
                    return Err(bad(format!("{word} must specify exactly one value per partitioning column")));
                }
            }
            Ok(Bound::Range(edges(cx, parent, types, from)?, edges(cx, parent, types, to)?))
        }
        (other, _) => {
            let text = format!("invalid bound specification for a {} partition", strategy.word());
            Err(bad(text).at(cx.pos(other.pos())))
        }
    }
}

fn edges(cx: &DdlCx<'_>, parent: &Relation, types: &[TypeRef], v: &[ast::Expr]) -> Result<Vec<Edge>> {
    let mut out: Vec<Edge> = Vec::with_capacity(v.len());
    for (i, (e, ty)) in v.iter().zip(types).enumerate() {
        let edge = match infinite(e) {
            Some(x) => x,
            None => match value(cx, e, *ty, &key_name(parent, i))? {
                Datum::Null => {
                    return Err(err(BAD_DEFINITION, "cannot specify NULL in range bound"));
                }
                d => Edge::Value(d),
            },
        };
        let word = match out.last() {
            Some(Edge::Min) if edge != Edge::Min => Some("MINVALUE"),
            Some(Edge::Max) if edge != Edge::Max => Some("MAXVALUE"),
            _ => None,
        };
        if let Some(w) = word {
            return Err(err(SqlState::DATATYPE_MISMATCH, format!("every bound following {w} must also be {w}"))
                .at(cx.pos(e.pos)));
        }
        out.push(edge);
    }
    Ok(out)
}

/// 42P17 for a bound that is empty, or takes rows that another partition takes.
pub fn check_bound(
    cx: &DdlCx<'_>,
    desc: &PartitionDesc,
    name: &str,
    new: &Bound,
    written: &ast::PartitionBound,
) -> Result<()> {
    let shown = |oid: u32| cx.tx.catalog.relation(oid).map(|r| r.name.clone()).unwrap_or_default();
    let at = match written {
        ast::PartitionBound::In(v, _) | ast::PartitionBound::Range(v, ..) => v.first().map_or(0, |e| cx.pos(e.pos)),
        other => cx.pos(other.pos()),
    };
    match new {
        Bound::Default => {
            return match desc.default_part() {
                None => Ok(()),
                Some(d) => Err(err(
                    BAD_DEFINITION,
                    format!("partition \"{name}\" conflicts with existing default partition \"{}\"", shown(d)),
                )
                .at(at)),
            };
        }
        Bound::Range(low, high) if PartitionDesc::is_empty_range(&desc.types, low, high) => {
            let text = bound_text(cx.eval, new, &desc.types)?;
            let (from, to) = text
                .strip_prefix("FOR VALUES FROM ")
                .and_then(|t| t.split_once(" TO "))
                .ok_or_else(|| DbError::internal("range bound of another form"))?;
            // The place is that of the column that tells.
            let tells = low.iter().zip(high).position(|(l, h)| l != h).unwrap_or(low.len().saturating_sub(1));
            let at = match written {
                ast::PartitionBound::Range(from, ..) => from.get(tells).map_or(at, |e| cx.pos(e.pos)),
                _ => at,
            };
            return Err(err(BAD_DEFINITION, format!("empty range bound specified for partition \"{name}\""))
                .detail(format!("Specified lower bound {from} is greater than or equal to upper bound {to}."))
                .at(at));
        }
        Bound::Hash { modulus, .. } => check_modulus(desc, *modulus, &shown)?,
        _ => {}
    }
    let Some(other) = desc.overlap(new) else { return Ok(()) };
    // A list's error points at the value that another partition has.
    let at = match (written, new) {
        (ast::PartitionBound::Range(from, to, _), Bound::Range(low, high)) => {
            let (lower, i) = desc.meets_at(other, low, high);
            let values = if lower { from } else { to };
            values.get(i).map_or(at, |e| cx.pos(e.pos))
        }
        (ast::PartitionBound::In(v, _), Bound::List(values)) => {
            let one = |d: &Option<Datum>| desc.overlap(&Bound::List(vec![d.clone()])).is_some();
            let clash = values.iter().position(one).unwrap_or(0);
            v.get(clash).map_or(at, |e| cx.pos(e.pos))
        }
        _ => at,
    };
    Err(err(BAD_DEFINITION, format!("partition \"{name}\" would overlap partition \"{}\"", shown(other))).at(at))
}

fn check_modulus(desc: &PartitionDesc, new: u32, shown: &dyn Fn(u32) -> String) -> Result<()> {
    let mut known: Vec<(u32, u32)> = desc
        .parts
        .iter()
        .filter_map(|p| if let Bound::Hash { modulus, .. } = p.bound { Some((modulus, p.oid)) } else { None })
        .collect();
    known.sort_unstable();
    let e = || err(BAD_DEFINITION, "every hash partition modulus must be a factor of the next larger modulus");
    if let Some((m, o)) = known.iter().rfind(|k| k.0 <= new)
        && !new.is_multiple_of(*m)
    {
        return Err(e().detail(format!(
            "The new modulus {new} is not divisible by {m}, the modulus of existing partition \"{}\".",
            shown(*o)
        )));
    }
    if let Some((m, o)) = known.iter().find(|k| k.0 > new)
        && m % new != 0
    {
        return Err(e().detail(format!(
            "The new modulus {new} is not a factor of {m}, the modulus of existing partition \"{}\".",
            shown(*o)
        )));
    }
    Ok(())
}

/// 0A000 for a PRIMARY KEY or UNIQUE constraint, or unique index, that does not have the whole partition key.
pub fn check_unique(rel: &Relation, keys: &[i16], what: Option<&str>) -> Result<()> {
    let Some(key) = &rel.partition_key else { return Ok(()) };
    let named = what.unwrap_or("UNIQUE");
    if key.columns.iter().any(|k| k.expr.is_some()) {
        return Err(DbError::unsupported(format!("unsupported {named} constraint with partition key definition"))
            .detail(format!("{named} constraints cannot be used when partition keys include expressions.")));
    }
    for k in &key.columns {
        if !keys.contains(&k.attnum) {
            let column = rel.attribute(k.attnum).map(|c| c.name.clone()).unwrap_or_default();
            return Err(DbError::unsupported(
                "unique constraint on partitioned table must include all partitioning columns",
            )
            .detail(format!(
                "{named} constraint on table \"{}\" lacks column \"{column}\" which is part of the partition key.",
                rel.name
            )));
        }
    }
    Ok(())
}
