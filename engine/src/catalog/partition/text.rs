//! Partition keys, bounds and the constraints they imply, as SQL text.

use super::super::deparse::{self, Show};
use super::super::{Catalog, Relation};
use super::{Bound, Edge, PartitionDesc, PartitionStrategy};
use rustydb_base::Result;
use rustydb_parser::ast::quote_ident;
use rustydb_types::ctx::{EvalCtx, FormatSettings};
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::{io, oid, pgdata, typename};
use std::sync::Arc;

/// A value as a constant without a type's name.
fn value_text(eval: &EvalCtx, fmt: &FormatSettings, ty: TypeRef, d: &Datum) -> Result<String> {
    let mut out = Vec::new();
    io::text_out(io::OutCtx { fmt, session: Some(eval.session.as_ref()) }, ty, d, &mut out)?;
    let s = String::from_utf8(out).unwrap_or_default();
    let plain = match ty.oid {
        oid::INT4 => !s.starts_with('-'),
        oid::FLOAT4 | oid::FLOAT8 | oid::NUMERIC => {
            !s.starts_with(['-', '+']) && s.bytes().all(|c| c.is_ascii_digit() || b"+-eE.".contains(&c))
        }
        oid::BOOL => return Ok(if s == "t" { "true" } else { "false" }.to_owned()),
        _ => false,
    };
    Ok(if plain { s } else { format!("'{}'", s.replace('\'', "''")) })
}

/// A constant with its type, as expressions show it.
fn typed_text(eval: &EvalCtx, ty: TypeRef, d: &Datum) -> Result<String> {
    let v = value_text(eval, &eval.fmt, ty, d)?;
    let plain = matches!(ty.oid, oid::INT4 | oid::BOOL) && !v.starts_with('\'')
        || ty.oid == oid::NUMERIC && v.contains(['.', 'e']) && !v.starts_with('\'');
    Ok(if plain { v } else { format!("{v}::{}", typename::with_typmod(ty.oid, -1)) })
}

/// A bound as `relpartbound` keeps it.
pub fn bound_text(eval: &EvalCtx, b: &Bound, types: &[TypeRef]) -> Result<String> {
    bound_in(eval, &FormatSettings::default(), b, types)
}

/// A partition's bound with values in the session's formats.
pub fn bound_shown(cat: &Arc<Catalog>, rel: &Relation, eval: &EvalCtx) -> Result<Option<String>> {
    let Some(parent) = cat.partition_ancestors(rel).into_iter().next() else { return Ok(None) };
    let desc = PartitionDesc::of(cat, &parent, eval)?;
    let part = desc.parts.iter().find(|p| p.oid == rel.oid);
    part.map(|p| bound_in(eval, &eval.fmt, &p.bound, &desc.types)).transpose()
}

fn bound_in(eval: &EvalCtx, fmt: &FormatSettings, b: &Bound, types: &[TypeRef]) -> Result<String> {
    Ok(match b {
        Bound::Default => "DEFAULT".to_owned(),
        Bound::List(v) => {
            let mut parts = Vec::with_capacity(v.len());
            for d in v {
                parts.push(match (d, types.first()) {
                    (Some(d), Some(ty)) => value_text(eval, fmt, *ty, d)?,
                    _ => "NULL".to_owned(),
                });
            }
            format!("FOR VALUES IN ({})", parts.join(", "))
        }
        Bound::Range(low, high) => {
            let edges = |v: &[Edge]| -> Result<String> {
                let mut parts = Vec::with_capacity(v.len());
                for (e, ty) in v.iter().zip(types) {
                    parts.push(match e {
                        Edge::Min => "MINVALUE".to_owned(),
                        Edge::Max => "MAXVALUE".to_owned(),
                        Edge::Value(d) => value_text(eval, fmt, *ty, d)?,
                    });
                }
                Ok(parts.join(", "))
            };
            format!("FOR VALUES FROM ({}) TO ({})", edges(low)?, edges(high)?)
        }
        Bound::Hash { modulus, remainder } => {
            format!("FOR VALUES WITH (modulus {modulus}, remainder {remainder})")
        }
    })
}

/// The columns and expressions of a key.
pub fn columns_text(rel: &Relation, show: Show<'_>) -> Vec<String> {
    let Some(key) = &rel.partition_key else { return Vec::new() };
    key.columns
        .iter()
        .map(|k| match &k.expr {
            Some(e) => {
                let t = deparse::stored(e, show);
                if deparse::looks_like_function(e) { t } else { format!("({t})") }
            }
            None => rel.attribute(k.attnum).map(|c| quote_ident(&c.name).to_string()).unwrap_or_default(),
        })
        .collect()
}

/// The columns and expressions of a key as operands: what needs parentheses has them already.
fn operands(rel: &Relation, show: Show<'_>) -> Vec<String> {
    let mut out = columns_text(rel, show);
    for (text, k) in out.iter_mut().zip(rel.partition_key.iter().flat_map(|k| &k.columns)) {
        if let Some(e) = &k.expr {
            *text = deparse::stored(e, show);
        }
    }
    out
}

/// `pg_get_partkeydef`.
pub fn key_text(rel: &Relation, show: Show<'_>) -> Option<String> {
    let key = rel.partition_key.as_ref()?;
    let mut parts = columns_text(rel, show);
    for (t, k) in parts.iter_mut().zip(&key.columns) {
        let natural = match rel.attribute(k.attnum) {
            Some(c) => c.ty.collation,
            None => pgdata::pg_type(k.ty.oid).map_or(0, |t| t.typcollation),
        };
        if k.ty.collation != 0 && k.ty.collation != natural {
            let name = rustydb_types::collation::name(k.ty.collation).unwrap_or_default();
            *t = format!("{t} COLLATE {}", quote_ident(&name));
        }
    }
    Some(format!("{} ({})", key.strategy.word().to_uppercase(), parts.join(", ")))
}

/// What a partition's bound, with those of the partitioned tables above it, demands of its rows.
pub fn constraint_text(cat: &Arc<Catalog>, rel: &Relation, eval: &EvalCtx, show: Show<'_>) -> Result<Option<String>> {
    let mut all = Vec::new();
    let mut child = rel.clone();
    for parent in cat.partition_ancestors(rel) {
        let desc = PartitionDesc::of(cat, &parent, eval)?;
        let mut one = Vec::new();
        if let Some(p) = desc.parts.iter().find(|p| p.oid == child.oid) {
            demands(eval, &desc, &parent, &p.bound, show, &mut one)?;
        }
        one.append(&mut all);
        all = one;
        child = (*parent).clone();
    }
    Ok(match all.len() {
        0 => None,
        1 => all.pop(),
        _ => Some(format!("({})", all.join(" AND "))),
    })
}

fn demands(
    eval: &EvalCtx,
    desc: &PartitionDesc,
    parent: &Relation,
    b: &Bound,
    show: Show<'_>,
    out: &mut Vec<String>,
) -> Result<()> {
    let keys = operands(parent, show);
    match b {
        Bound::List(v) => {
            if let (Some(k), Some(ty)) = (keys.first(), desc.types.first()) {
                out.push(list_demand(eval, k, *ty, v)?.0);
                if let Some(more) = list_demand(eval, k, *ty, v)?.1 {
                    out.push(more);
                }
            }
        }
        Bound::Range(low, high) => {
            keys.iter().for_each(|k| out.push(format!("({k} IS NOT NULL)")));
            range_demand(eval, &keys, &desc.types, low, high, out)?;
        }
        Bound::Hash { modulus, remainder } => out.push(format!(
            "satisfies_hash_partition('{}'::oid, {modulus}, {remainder}, {})",
            parent.oid,
            keys.join(", ")
        )),
        Bound::Default => {
            let mut others = Vec::new();
            for p in desc.parts.iter().filter(|p| p.bound != Bound::Default) {
                let mut one = Vec::new();
                match (&p.bound, desc.strategy) {
                    (Bound::Range(low, high), PartitionStrategy::Range) => {
                        range_demand(eval, &keys, &desc.types, low, high, &mut one)?;
                    }
                    _ => continue,
                }
                others.push(match one.len() {
                    1 => one.concat(),
                    _ => format!("({})", one.join(" AND ")),
                });
            }
            if desc.strategy == PartitionStrategy::List {
                let values: Vec<Option<Datum>> = desc
                    .parts
                    .iter()
                    .filter_map(|p| if let Bound::List(v) = &p.bound { Some(v.clone()) } else { None })
                    .flatten()
                    .collect();
                if let (false, Some(k), Some(ty)) = (values.is_empty(), keys.first(), desc.types.first()) {
                    let (first, more) = list_demand(eval, k, *ty, &values)?;
                    let inner = match more {
                        Some(m) => format!("{first} AND {m}"),
                        None => first,
                    };
                    out.push(format!("(NOT ({inner}))"));
                }
            } else if !others.is_empty() {
                let nulls: Vec<String> = keys.iter().map(|k| format!("({k} IS NOT NULL)")).collect();
                let any = if others.len() == 1 { others.concat() } else { format!("({})", others.join(" OR ")) };
                out.push(format!("(NOT ({} AND {any}))", nulls.join(" AND ")));
            }
        }
    }
    Ok(())
}

/// The condition of a list's values, and one that must hold besides.
fn list_demand(eval: &EvalCtx, k: &str, ty: TypeRef, v: &[Option<Datum>]) -> Result<(String, Option<String>)> {
    let shown = if ty.oid == oid::VARCHAR { format!("({k})::text") } else { k.to_owned() };
    let ty = if ty.oid == oid::VARCHAR { TypeRef { oid: oid::TEXT, ..ty } } else { ty };
    let mut items = Vec::new();
    for d in v.iter().flatten() {
        items.push(typed_text(eval, ty, d)?);
    }
    let eq = match items.as_slice() {
        [] => None,
        [one] => Some(format!("({shown} = {one})")),
        // An array of arrays would not be a list of them.
        _ if oid::array_element(ty.oid).is_some() => {
            let each: Vec<String> = items.iter().map(|i| format!("({shown} = {i})")).collect();
            Some(format!("({})", each.join(" OR ")))
        }
        _ => Some(format!("({shown} = ANY (ARRAY[{}]))", items.join(", "))),
    };
    let null = v.iter().any(Option::is_none);
    Ok(match (eq, null) {
        (Some(e), true) => (format!("(({k} IS NULL) OR {e})"), None),
        (None, _) => (format!("({k} IS NULL)"), None),
        (Some(e), false) => (format!("({k} IS NOT NULL)"), Some(e)),
    })
}

/// The conditions of a range, without those that the key is not NULL: equal leading columns, then each end.
fn range_demand(
    eval: &EvalCtx,
    keys: &[String],
    types: &[TypeRef],
    low: &[Edge],
    high: &[Edge],
    out: &mut Vec<String>,
) -> Result<()> {
    let mut at = 0;
    while let (Some(Edge::Value(a)), Some(Edge::Value(b)), Some(k), Some(ty)) =
        (low.get(at), high.get(at), keys.get(at), types.get(at))
    {
        if at + 1 == keys.len() || super::compare(*ty, a, b).is_ne() {
            break;
        }
        out.push(format!("({k} = {})", typed_text(eval, *ty, a)?));
        at += 1;
    }
    for (edges, lower) in [(low, true), (high, false)] {
        let mut alternatives = Vec::new();
        for end in at..keys.len() {
            let (Some(Edge::Value(v)), Some(k), Some(ty)) = (edges.get(end), keys.get(end), types.get(end)) else {
                break;
            };
            let last = !matches!(edges.get(end + 1), Some(Edge::Value(_)));
            // A following MINVALUE or MAXVALUE decides whether the value itself is in.
            let inclusive = last
                && match edges.get(end + 1) {
                    None => lower,
                    Some(Edge::Min) => lower,
                    _ => !lower,
                };
            let op = match (lower, inclusive) {
                (true, true) => ">=",
                (true, false) => ">",
                (false, true) => "<=",
                (false, false) => "<",
            };
            let mut one = Vec::new();
            for i in at..end {
                if let (Some(Edge::Value(v)), Some(k), Some(ty)) = (edges.get(i), keys.get(i), types.get(i)) {
                    one.push(format!("({k} = {})", typed_text(eval, *ty, v)?));
                }
            }
            one.push(format!("({k} {op} {})", typed_text(eval, *ty, v)?));
            alternatives.push(match one.len() {
                1 => one.concat(),
                _ => format!("({})", one.join(" AND ")),
            });
        }
        match alternatives.len() {
            0 => {}
            1 => out.push(alternatives.concat()),
            _ => out.push(format!("({})", alternatives.join(" OR "))),
        }
    }
    Ok(())
}
