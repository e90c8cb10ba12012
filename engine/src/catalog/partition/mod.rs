//! Partitioned tables: keys, bounds, and which partition a row belongs to.
//!
//! A partition's bound is kept as SQL text (`relpartbound`); [`PartitionDesc`] is what all bounds of a table say together,
//! made from the texts when first needed and remembered with the table's key. The key is made anew whenever a partition
//! comes or goes, so what is remembered is never out of date.

mod hash;
mod hasher;
mod select;
mod text;

pub use hash::{combine as combine_hashes, of as hash_of, supports as can_hash};
pub use hasher::Hasher;
pub use select::{Test, tests_over};
pub use text::{bound_shown, bound_text, columns_text, constraint_text, key_text};

use super::{Catalog, IndexKey, Relation};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::{cmp, io};
use std::cmp::Ordering;
use std::sync::{Arc, OnceLock};

/// How a table is partitioned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum PartitionStrategy {
    List,
    Range,
    Hash,
}

impl PartitionStrategy {
    /// `partstrat`.
    pub fn letter(self) -> char {
        match self {
            PartitionStrategy::List => 'l',
            PartitionStrategy::Range => 'r',
            PartitionStrategy::Hash => 'h',
        }
    }
    /// The strategy of a `partstrat`.
    pub fn of_letter(c: char) -> Option<PartitionStrategy> {
        Some(match c {
            'l' => PartitionStrategy::List,
            'r' => PartitionStrategy::Range,
            'h' => PartitionStrategy::Hash,
            _ => return None,
        })
    }
    /// In messages.
    pub fn word(self) -> &'static str {
        match self {
            PartitionStrategy::List => "list",
            PartitionStrategy::Range => "range",
            PartitionStrategy::Hash => "hash",
        }
    }
}

/// PARTITION BY.
#[derive(Clone, Debug)]
pub struct PartitionKey {
    /// How.
    pub strategy: PartitionStrategy,
    /// By what; ascending, NULLs last.
    pub columns: Vec<IndexKey>,
    /// The default partition, 0 for none.
    pub default_partition: u32,
    desc: Arc<OnceLock<Arc<PartitionDesc>>>,
}

impl PartitionKey {
    /// A key.
    pub fn new(strategy: PartitionStrategy, columns: Vec<IndexKey>, default_partition: u32) -> PartitionKey {
        PartitionKey { strategy, columns, default_partition, desc: Arc::default() }
    }
}

/// One end of a range in one column.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum Edge {
    Min,
    Value(Datum),
    Max,
}

/// Which rows a partition takes.
#[derive(Clone, PartialEq, Debug)]
pub enum Bound {
    /// Those no other takes.
    Default,
    /// Those with one of some values, `None` for NULL.
    List(Vec<Option<Datum>>),
    /// Those from one key up to, not including, another.
    Range(Vec<Edge>, Vec<Edge>),
    /// Those with a remainder of the key's hash.
    Hash {
        /// Divisor.
        modulus: u32,
        /// Remainder.
        remainder: u32,
    },
}

/// A partition and its bound.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its OID.
    pub oid: u32,
    /// Its bound.
    pub bound: Bound,
}

/// The partitions of a table, in the order of their bounds, the default one last.
#[derive(Debug)]
pub struct PartitionDesc {
    /// How.
    pub strategy: PartitionStrategy,
    /// Types of the key's columns.
    pub types: Vec<TypeRef>,
    /// The partitions.
    pub parts: Vec<Part>,
    /// Position of the default partition.
    default: Option<usize>,
    /// List partitions: each value, ascending, with its partition; and NULL's.
    values: Vec<(Datum, usize)>,
    null: Option<usize>,
    /// Of hash partitions, the functions that users wrote, by column of the key.
    hashers: Vec<Option<Hasher>>,
}

/// Order of two values of a key column; integers of different width compare by value.
pub(crate) fn compare(ty: TypeRef, a: &Datum, b: &Datum) -> Ordering {
    let int = |d: &Datum| match d {
        Datum::Int2(v) => Some(i64::from(*v)),
        Datum::Int4(v) => Some(i64::from(*v)),
        Datum::Int8(v) => Some(*v),
        _ => None,
    };
    match (int(a), int(b)) {
        (Some(a), Some(b)) => a.cmp(&b),
        _ => cmp::compare(ty, ty.collation, a, b),
    }
}

fn compare_edges(types: &[TypeRef], a: &[Edge], b: &[Edge]) -> Ordering {
    for ((ty, a), b) in types.iter().zip(a).zip(b) {
        let o = match (a, b) {
            (Edge::Min, Edge::Min) | (Edge::Max, Edge::Max) => return Ordering::Equal,
            (Edge::Min, _) | (_, Edge::Max) => Ordering::Less,
            (Edge::Max, _) | (_, Edge::Min) => Ordering::Greater,
            (Edge::Value(x), Edge::Value(y)) => compare(*ty, x, y),
        };
        if o.is_ne() {
            return o;
        }
    }
    Ordering::Equal
}

/// Order of an end of a range and (the beginning of) a key.
fn compare_key(types: &[TypeRef], edge: &[Edge], key: &[Datum]) -> Ordering {
    for ((ty, e), k) in types.iter().zip(edge).zip(key) {
        let o = match e {
            Edge::Min => Ordering::Less,
            Edge::Max => Ordering::Greater,
            Edge::Value(v) => compare(*ty, v, k),
        };
        if o.is_ne() {
            return o;
        }
    }
    Ordering::Equal
}

impl PartitionDesc {
    /// The hash of a key; NULL columns do not count.
    pub fn key_hash(&self, key: &[Datum]) -> Result<u64> {
        let mut all = 0;
        for (i, (ty, d)) in self.types.iter().zip(key).enumerate().filter(|x| !x.1.1.is_null()) {
            let own = self.hashers.get(i).and_then(Option::as_ref);
            let hash = match own {
                Some(h) => h.hash(d, hash::SEED)?,
                None => hash_of(*ty, d),
            };
            let h = hash.ok_or_else(|| DbError::internal("hash key of a type that is not hashed"))?;
            all = combine_hashes(all, h);
        }
        Ok(all)
    }

    /// The partitions of a table.
    ///
    /// # Errors
    /// If a stored bound does not parse.
    pub fn of(catalog: &Arc<Catalog>, rel: &Relation, eval: &EvalCtx) -> Result<Arc<PartitionDesc>> {
        let key = rel
            .partition_key
            .as_ref()
            .ok_or_else(|| DbError::internal(format!("\"{}\" is not partitioned", rel.name)))?;
        if let Some(d) = key.desc.get() {
            return Ok(Arc::clone(d));
        }
        let types = key_types(catalog, rel, eval)?;
        let mut parts = Vec::with_capacity(rel.children.len());
        for c in &rel.children {
            let Some(text) = catalog.relation(*c).and_then(|c| c.bound.as_deref()) else { continue };
            parts.push(Part { oid: *c, bound: read_bound(text, &types, eval)? });
        }
        let mut hashers = Vec::new();
        if key.strategy == PartitionStrategy::Hash {
            for (k, ty) in key.columns.iter().zip(&types) {
                hashers.push(Hasher::of(catalog, k, *ty, eval)?);
            }
        }
        let made = Arc::new(PartitionDesc { hashers, ..PartitionDesc::new(key.strategy, types, parts) });
        Ok(Arc::clone(key.desc.get_or_init(|| made)))
    }

    /// Puts partitions in order.
    pub fn new(strategy: PartitionStrategy, types: Vec<TypeRef>, mut parts: Vec<Part>) -> PartitionDesc {
        let smallest = |v: &[Option<Datum>]| -> Option<Datum> {
            let ty = types.first().copied()?;
            v.iter().flatten().min_by(|a, b| compare(ty, a, b)).cloned()
        };
        parts.sort_by(|a, b| match (&a.bound, &b.bound) {
            (Bound::Default, Bound::Default) => Ordering::Equal,
            (Bound::Default, _) => Ordering::Greater,
            (_, Bound::Default) => Ordering::Less,
            (Bound::Range(x, _), Bound::Range(y, _)) => compare_edges(&types, x, y),
            (Bound::Hash { modulus: m, remainder: r }, Bound::Hash { modulus: n, remainder: s }) => (m, r).cmp(&(n, s)),
            (Bound::List(x), Bound::List(y)) => match (smallest(x), smallest(y), types.first()) {
                (Some(x), Some(y), Some(ty)) => compare(*ty, &x, &y),
                (None, Some(_), _) => Ordering::Greater,
                (Some(_), None, _) => Ordering::Less,
                _ => Ordering::Equal,
            },
            _ => Ordering::Equal,
        });
        let default = parts.iter().position(|p| p.bound == Bound::Default);
        let mut values = Vec::new();
        let mut null = None;
        for (i, p) in parts.iter().enumerate() {
            if let Bound::List(v) = &p.bound {
                for d in v {
                    match d {
                        Some(d) => values.push((d.clone(), i)),
                        None => null = Some(i),
                    }
                }
            }
        }
        if let Some(ty) = types.first() {
            values.sort_by(|a, b| compare(*ty, &a.0, &b.0));
        }
        PartitionDesc { strategy, types, parts, default, values, null, hashers: Vec::new() }
    }

    /// The partition that a row with a key belongs to.
    pub fn route(&self, key: &[Datum]) -> Result<Option<usize>> {
        let found = match self.strategy {
            PartitionStrategy::List => match (key.first(), self.types.first()) {
                (Some(Datum::Null), _) => self.null,
                (Some(d), Some(ty)) => {
                    let at = self.values.binary_search_by(|v| compare(*ty, &v.0, d));
                    at.ok().and_then(|i| self.values.get(i)).map(|v| v.1)
                }
                _ => None,
            },
            PartitionStrategy::Range if key.iter().any(Datum::is_null) => None,
            PartitionStrategy::Range => {
                let ranges = &self.parts[..self.default.unwrap_or(self.parts.len())];
                let low = |p: &Part| match &p.bound {
                    Bound::Range(low, _) => compare_key(&self.types, low, key).is_le(),
                    _ => false,
                };
                let n = ranges.partition_point(low);
                n.checked_sub(1).filter(|i| match &ranges[*i].bound {
                    Bound::Range(_, high) => compare_key(&self.types, high, key).is_gt(),
                    _ => false,
                })
            }
            PartitionStrategy::Hash => {
                let h = self.key_hash(key)?;
                return Ok(self.parts.iter().position(|p| match p.bound {
                    Bound::Hash { modulus, remainder } => h % u64::from(modulus.max(1)) == u64::from(remainder),
                    _ => false,
                }));
            }
        };
        Ok(found.or(self.default))
    }

    /// A partition whose rows a new one's would be too.
    pub fn overlap(&self, new: &Bound) -> Option<u32> {
        self.parts
            .iter()
            .find(|p| match (&p.bound, new) {
                (Bound::Default, Bound::Default) => true,
                (Bound::List(x), Bound::List(y)) => x.iter().any(|x| {
                    y.iter().any(|y| match (x, y, self.types.first()) {
                        (None, None, _) => true,
                        (Some(x), Some(y), Some(ty)) => compare(*ty, x, y).is_eq(),
                        _ => false,
                    })
                }),
                (Bound::Range(a, b), Bound::Range(c, d)) => {
                    compare_edges(&self.types, a, d).is_lt() && compare_edges(&self.types, c, b).is_lt()
                }
                (Bound::Hash { modulus: m, remainder: r }, Bound::Hash { modulus: n, remainder: s }) => {
                    let (small, r, s) = if m <= n { (m, r, s) } else { (n, s, r) };
                    s % small.max(&1) == *r
                }
                _ => false,
            })
            .map(|p| p.oid)
    }

    /// Where a new range meets a partition's: in its lower edge or (false) its upper one, and at which value of it.
    pub fn meets_at(&self, other: u32, low: &[Edge], high: &[Edge]) -> (bool, usize) {
        let Some(Bound::Range(a, b)) = self.parts.iter().find(|p| p.oid == other).map(|p| &p.bound) else {
            return (true, 0);
        };
        let first_difference = |x: &[Edge], y: &[Edge]| {
            let n = x.len().min(y.len());
            (0..n).find(|&i| !compare_edges(&self.types[..=i], &x[..=i], &y[..=i]).is_eq()).unwrap_or(0)
        };
        let inside = compare_edges(&self.types, a, low).is_le() && compare_edges(&self.types, low, b).is_lt();
        if inside { (true, first_difference(a, low)) } else { (false, first_difference(a, high)) }
    }

    /// Whether the default partition exists.
    pub fn default_part(&self) -> Option<u32> {
        self.default.and_then(|i| self.parts.get(i)).map(|p| p.oid)
    }

    /// Whether a range is empty.
    pub fn is_empty_range(types: &[TypeRef], low: &[Edge], high: &[Edge]) -> bool {
        compare_edges(types, low, high).is_ge()
    }
}

/// Types of a partition key's columns; those of expressions are what they are bound to.
pub fn key_types(catalog: &Arc<Catalog>, rel: &Relation, eval: &EvalCtx) -> Result<Vec<TypeRef>> {
    let Some(key) = &rel.partition_key else { return Ok(Vec::new()) };
    if key.columns.iter().all(|k| k.expr.is_none()) {
        return Ok(key.columns.iter().map(|k| k.ty).collect());
    }
    let path: Vec<u32> = catalog.namespaces.keys().copied().collect();
    let cx = crate::bind::BindCx { catalog, search_path: &path, eval, role: rel.owner, sql: "" };
    let mut b = crate::bind::Binder::new(&cx, &[]);
    let rel = Arc::new(rel.clone());
    let row = b.row_cols(&rel);
    let bound = b.partition_key(&rel, &row)?;
    Ok(bound
        .iter()
        .zip(&key.columns)
        .map(|(e, k)| TypeRef { collation: if k.ty.collation != 0 { k.ty.collation } else { e.ty.collation }, ..e.ty })
        .collect())
}

/// Parses a bound that is kept as text.
pub fn parse_bound(text: &str) -> Result<ast::PartitionBound> {
    let parsed = rustydb_parser::parse(&format!("CREATE TABLE a PARTITION OF b {text}"))?;
    match parsed.into_iter().next().map(|p| p.stmt) {
        Some(ast::Statement::CreateTable(t)) => t.partition_of.map(|p| p.1),
        _ => None,
    }
    .ok_or_else(|| DbError::internal(format!("stored partition bound is none: {text}")))
}

fn literal(e: &ast::Expr, ty: TypeRef, eval: &EvalCtx) -> Result<Option<Datum>> {
    let text = match &e.kind {
        ast::ExprKind::Literal(l) => match l {
            ast::Literal::Null => return Ok(None),
            ast::Literal::Bool(b) => return Ok(Some(Datum::Bool(*b))),
            ast::Literal::Integer(n) => n.to_string(),
            ast::Literal::Numeric(s) | ast::Literal::String(s) => s.clone(),
            _ => return Err(DbError::internal("stored partition bound of an unknown kind")),
        },
        _ => return Err(DbError::internal("stored partition bound is no constant")),
    };
    Ok(Some(io::text_in(eval, ty, &text)?))
}

/// Whether a bound's element is MINVALUE or MAXVALUE.
pub fn infinite(e: &ast::Expr) -> Option<Edge> {
    let ast::ExprKind::Column(c) = &e.kind else { return None };
    match c.parts.as_slice() {
        [n] if !c.star && n.value == "minvalue" => Some(Edge::Min),
        [n] if !c.star && n.value == "maxvalue" => Some(Edge::Max),
        _ => None,
    }
}

/// A bound from its stored text.
pub fn read_bound(text: &str, types: &[TypeRef], eval: &EvalCtx) -> Result<Bound> {
    let none = || DbError::internal("partition bound of another width than the key");
    Ok(match parse_bound(text)? {
        ast::PartitionBound::Default(_) => Bound::Default,
        ast::PartitionBound::In(list, _) => {
            let ty = *types.first().ok_or_else(none)?;
            Bound::List(list.iter().map(|e| literal(e, ty, eval)).collect::<Result<_>>()?)
        }
        ast::PartitionBound::Range(from, to, _) => {
            let edges = |v: &[ast::Expr]| -> Result<Vec<Edge>> {
                v.iter()
                    .zip(types)
                    .map(|(e, ty)| match infinite(e) {
                        Some(x) => Ok(x),
                        None => literal(e, *ty, eval)?.map(Edge::Value).ok_or_else(none),
                    })
                    .collect()
            };
            Bound::Range(edges(&from)?, edges(&to)?)
        }
        ast::PartitionBound::Hash { modulus, remainder, .. } => Bound::Hash {
            modulus: u32::try_from(modulus).map_err(|_| none())?,
            remainder: u32::try_from(remainder).map_err(|_| none())?,
        },
    })
}

/// 23514 for a row that no partition takes.
pub fn no_partition(rel: &Relation, shown: &str) -> DbError {
    let e = DbError::new(SqlState::CHECK_VIOLATION, format!("no partition of relation \"{}\" found for row", rel.name))
        .table(rel.schema.clone(), rel.name.clone());
    if shown.is_empty() {
        return e;
    }
    e.detail(format!("Partition key of the failing row contains {shown}."))
}

impl Catalog {
    /// A table and all that inherit from it, each once, level by level.
    pub fn tree(&self, root: u32) -> Vec<u32> {
        let mut out = vec![root];
        let mut at = 0;
        while let Some(r) = out.get(at) {
            if let Some(rel) = self.relation(*r) {
                for c in &rel.children {
                    if !out.contains(c) {
                        out.push(*c);
                    }
                }
            }
            at += 1;
        }
        out
    }

    /// The partitioned tables above a partition, nearest first.
    pub fn partition_ancestors(&self, rel: &Relation) -> Vec<Arc<Relation>> {
        let mut out: Vec<Arc<Relation>> = Vec::new();
        // Of a partition that is being detached its own constraint has taken the bound's place.
        let above = |r: &Relation| {
            if r.bound.is_some() && r.detaching.is_none() { r.parents.first().copied() } else { None }
        };
        let mut at = above(rel);
        while let Some(r) = at.and_then(|p| self.relation(p)) {
            if out.iter().any(|x| x.oid == r.oid) {
                break;
            }
            out.push(Arc::clone(r));
            at = above(r);
        }
        out
    }
}
