//! Kernels over tsvector and tsquery values.

use super::matching::holds;
use super::query::{Item, Op, TsQuery, bad_distance};
use super::vector::{Lexeme, TsVector, check_length, weight_letter, weight_of};
use super::{query, rank, rewrite, vector};
use crate::datum::{ArrayValue, Datum};
use crate::funcs::args::{Arg, Ret, comparisons, scalar, set, unexpected};
use crate::funcs::int::sign;
use crate::kernel::Kernel;
use crate::oid;
use rustydb_base::{DbError, Result, SqlState};
use std::collections::HashSet;
use std::sync::Arc;

impl Arg<'_> for TsVector {
    fn get(d: &Datum) -> Result<Self> {
        match d {
            Datum::Bytes(b) => vector::stored(b),
            _ => Err(unexpected(d)),
        }
    }
}

impl Ret for TsVector {
    fn ret(self) -> Result<Datum> {
        let mut out = Vec::new();
        self.put(&mut out);
        Ok(Datum::Bytes(out.into()))
    }
}

impl Arg<'_> for TsQuery {
    fn get(d: &Datum) -> Result<Self> {
        match d {
            Datum::Bytes(b) => query::stored(b),
            _ => Err(unexpected(d)),
        }
    }
}

impl Ret for TsQuery {
    fn ret(self) -> Result<Datum> {
        let mut out = Vec::new();
        self.put(&mut out);
        Ok(Datum::Bytes(out.into()))
    }
}

/// Elements of an array of text.
fn texts(a: &ArrayValue) -> impl Iterator<Item = Option<&str>> {
    a.items.iter().map(|d| match d {
        Datum::Text(t) => Some(t.as_str()),
        _ => None,
    })
}

fn text_array(words: impl Iterator<Item = String>) -> ArrayValue {
    let items: Vec<Datum> = words.map(|w| Datum::Text(w.into())).collect();
    let dims = if items.is_empty() { vec![] } else { vec![(items.len() as i32, 1)] };
    ArrayValue { elem: oid::TEXT, dims, items }
}

fn null_lexeme() -> DbError {
    DbError::new(SqlState::NULL_VALUE_NOT_ALLOWED, "lexeme array may not contain nulls")
}

fn from_array(a: &ArrayValue) -> Result<TsVector> {
    let mut out = Vec::new();
    for word in texts(a) {
        let word = word.ok_or_else(null_lexeme)?;
        if word.is_empty() {
            return Err(DbError::new(
                SqlState::ZERO_LENGTH_CHARACTER_STRING,
                "lexeme array may not contain empty strings",
            ));
        }
        check_length(word.len())?;
        out.push(Lexeme { word: word.to_owned(), places: Vec::new() });
    }
    TsVector::collect(out).checked()
}

fn delete(mut v: TsVector, words: &HashSet<&str>) -> TsVector {
    v.0.retain(|l| !words.contains(l.word.as_str()));
    v
}

fn set_weight(mut v: TsVector, w: &str, only: Option<&ArrayValue>) -> Result<TsVector> {
    let w = weight_of(w)?;
    let words: Option<HashSet<&str>> = only.map(|a| texts(a).flatten().collect());
    for l in v.0.iter_mut().filter(|l| words.as_ref().is_none_or(|s| s.contains(l.word.as_str()))) {
        for p in &mut l.places {
            *p = super::vector::Place::new(u32::from(p.position()), w);
        }
    }
    Ok(v)
}

fn filter(mut v: TsVector, weights: &ArrayValue) -> Result<TsVector> {
    let mut mask = 0u8;
    for w in texts(weights) {
        let w =
            w.ok_or_else(|| DbError::new(SqlState::NULL_VALUE_NOT_ALLOWED, "weight array may not contain nulls"))?;
        mask |= 1
            << weight_of(w).map_err(|_| {
                DbError::new(SqlState::INVALID_PARAMETER_VALUE, format!("unrecognized weight: \"{w}\""))
            })?;
    }
    v.0.retain_mut(|l| {
        l.places.retain(|p| mask & (1 << p.weight()) != 0);
        !l.places.is_empty()
    });
    Ok(v)
}

/// A lexeme as `unnest` shows it: the word, positions and weights.
fn row(l: Lexeme) -> Vec<Datum> {
    let array = |elem: u32, items: Vec<Datum>| {
        Datum::Array(Arc::new(ArrayValue { elem, dims: vec![(items.len() as i32, 1)], items }))
    };
    let word = Datum::Text(l.word.into());
    if l.places.is_empty() {
        return vec![word, Datum::Null, Datum::Null];
    }
    let positions = l.places.iter().map(|p| Datum::Int2(p.position() as i16)).collect();
    let weights = l.places.iter().map(|p| Datum::Text(weight_letter(p.weight()).to_string().into())).collect();
    vec![word, array(oid::INT2, positions), array(oid::TEXT, weights)]
}

fn contains(q: &TsQuery, part: &TsQuery) -> bool {
    let words = |q: &TsQuery| q.words().map(|t| t.word.clone()).collect::<HashSet<_>>();
    words(q).is_superset(&words(part))
}

fn phrase(a: TsQuery, b: TsQuery, distance: i32) -> Result<TsQuery> {
    let d = u16::try_from(distance).ok().filter(|d| *d <= vector::MAX_POSITION).ok_or_else(bad_distance)?;
    Ok(a.join(b, Op::Phrase(d)))
}

/// `querytree`: what an index can use, `T` for everything.
fn query_tree(q: &TsQuery) -> String {
    if q.0.is_empty() {
        return String::new();
    }
    q.positive().map_or_else(|| "T".to_owned(), |q| q.show())
}

/// The array of weights that a ranking function was given.
fn weights(a: &Arc<ArrayValue>) -> Result<[f32; 4]> {
    rank::weights(Some(a))
}

const VECTORS: &[Kernel] = &[
    scalar!("tsvector_cmp", |a: TsVector, b: TsVector| sign(a.compare(&b))),
    scalar!("tsvector_length", |v: TsVector| v.0.len() as i32),
    scalar!("tsvector_strip", |v: TsVector| {
        let mut v = v;
        v.0.iter_mut().for_each(|l| l.places.clear());
        v
    }),
    scalar!("tsvector_concat", |a: TsVector, b: TsVector| a.concat(b)),
    scalar!("tsvector_setweight", |v: TsVector, w: &str| set_weight(v, w, None)),
    scalar!("tsvector_setweight_by_filter", |v: TsVector, w: &str, only: &Arc<ArrayValue>| set_weight(
        v,
        w,
        Some(only)
    )),
    scalar!("tsvector_delete_str", |v: TsVector, w: &str| delete(v, &HashSet::from([w]))),
    scalar!("tsvector_delete_arr", |v: TsVector, w: &Arc<ArrayValue>| delete(v, &texts(w).flatten().collect())),
    scalar!("tsvector_filter", |v: TsVector, w: &Arc<ArrayValue>| filter(v, w)),
    scalar!("array_to_tsvector", |a: &Arc<ArrayValue>| from_array(a)),
    scalar!("tsvector_to_array", |v: TsVector| text_array(v.0.into_iter().map(|l| l.word))),
    set!("tsvector_unnest", |v: TsVector| Ok(Box::new(v.0.into_iter().map(|l| Ok(row(l)))))),
    scalar!("ts_match_vq", |v: TsVector, q: TsQuery| holds(&q, &v)),
    scalar!("ts_match_qv", |q: TsQuery, v: TsVector| holds(&q, &v)),
    scalar!("ts_rank_tt", |v: TsVector, q: TsQuery| rank::rank(&rank::weights(None)?, &v, &q, 0).ret()),
    scalar!("ts_rank_ttf", |v: TsVector, q: TsQuery, m: i32| rank::rank(&rank::weights(None)?, &v, &q, m).ret()),
    scalar!("ts_rank_wtt", |w: &Arc<ArrayValue>, v: TsVector, q: TsQuery| rank::rank(&weights(w)?, &v, &q, 0).ret()),
    scalar!("ts_rank_wttf", |w: &Arc<ArrayValue>, v: TsVector, q: TsQuery, m: i32| rank::rank(&weights(w)?, &v, &q, m)
        .ret()),
    scalar!("ts_rankcd_tt", |v: TsVector, q: TsQuery| rank::rank_cd(&rank::weights(None)?, &v, &q, 0).ret()),
    scalar!("ts_rankcd_ttf", |v: TsVector, q: TsQuery, m: i32| rank::rank_cd(&rank::weights(None)?, &v, &q, m).ret()),
    scalar!("ts_rankcd_wtt", |w: &Arc<ArrayValue>, v: TsVector, q: TsQuery| rank::rank_cd(&weights(w)?, &v, &q, 0)
        .ret()),
    scalar!("ts_rankcd_wttf", |w: &Arc<ArrayValue>, v: TsVector, q: TsQuery, m: i32| rank::rank_cd(
        &weights(w)?,
        &v,
        &q,
        m
    )
    .ret()),
];

const QUERIES: &[Kernel] = &[
    scalar!("tsquery_cmp", |a: TsQuery, b: TsQuery| sign(a.compare(&b))),
    scalar!("tsquery_and", |a: TsQuery, b: TsQuery| a.join(b, Op::And)),
    scalar!("tsquery_or", |a: TsQuery, b: TsQuery| a.join(b, Op::Or)),
    scalar!("tsquery_not", |a: TsQuery| a.negated()),
    scalar!("tsquery_phrase", |a: TsQuery, b: TsQuery| a.join(b, Op::Phrase(1))),
    scalar!("tsquery_phrase_distance", |a: TsQuery, b: TsQuery, d: i32| phrase(a, b, d)),
    scalar!("tsquery_numnode", |q: TsQuery| q.0.iter().filter(|i| !matches!(i, Item::Stop)).count() as i32),
    scalar!("tsquerytree", |q: TsQuery| query_tree(&q)),
    scalar!("tsq_mcontains", |a: TsQuery, b: TsQuery| contains(&a, &b)),
    scalar!("tsq_mcontained", |a: TsQuery, b: TsQuery| contains(&b, &a)),
    scalar!("tsquery_rewrite", |q: TsQuery, from: TsQuery, to: TsQuery| rewrite::rewrite(q, &from, &to)),
];

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[
    VECTORS,
    QUERIES,
    super::documents::KERNELS,
    super::jsontext::KERNELS,
    &comparisons!(
        "tsvector_eq",
        "tsvector_ne",
        "tsvector_lt",
        "tsvector_le",
        "tsvector_gt",
        "tsvector_ge",
        |a: TsVector, b: TsVector| a.compare(&b)
    ),
    &comparisons!(
        "tsquery_eq",
        "tsquery_ne",
        "tsquery_lt",
        "tsquery_le",
        "tsquery_gt",
        "tsquery_ge",
        |a: TsQuery, b: TsQuery| a.compare(&b)
    ),
];
