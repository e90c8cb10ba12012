//! TABLESAMPLE: a scan that keeps some of its rows, by where they lie.
//!
//! A page (SYSTEM) or a row (BERNOULLI) is kept if a hash of its place and of the seed is below a bound, so that the
//! same seed keeps the same rows as long as nothing moves. The hash is the one PostgreSQL uses (Jenkins' lookup3).

use super::expr::RowExpr;
use super::lower::{Lower, Plan, schema};
use super::op::{Op, Run, op_plan};
use super::util::{produce, to_df};
use crate::plan::ir::{Expr, Scan};
use datafusion::arrow::array::{AsArray, BooleanArray};
use datafusion::arrow::compute::filter_record_batch;
use datafusion::arrow::datatypes::Int64Type;
use futures::StreamExt;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_types::datum::Datum;
use rustydb_types::oid;
use std::sync::Arc;

/// What is kept.
#[derive(Clone, Copy)]
struct Choice {
    /// Whole pages.
    pages: bool,
    /// Hashes below it are kept.
    bound: u64,
    seed: u32,
}

impl Choice {
    fn keeps(self, row: i64) -> bool {
        let block = (row >> 16) as u32;
        let hash = if self.pages {
            hash_words(&[block, self.seed])
        } else {
            // Slots count from 0, PostgreSQL's line pointers from 1.
            hash_words(&[block, (row & 0xffff) as u32 + 1, self.seed])
        };
        u64::from(hash) < self.bound
    }
}

impl Lower<'_> {
    /// A scan with TABLESAMPLE.
    pub fn sample(&mut self, s: &Scan, method: &str, args: &[Expr], repeatable: Option<&Expr>) -> Result<Plan> {
        let mut whole = s.clone();
        whole.sample = None;
        let wanted = whole.rid;
        let rid = match wanted {
            Some(c) => c,
            None => self.col(crate::bind::type_ref(oid::INT8)),
        };
        whole.rid = Some(rid);
        let p = super::scan::plan(&whole, self.cx, &self.frames, None, &[])?;
        let at = p.cols.iter().position(|c| c.0.id == rid.id);
        let at = at.ok_or_else(|| DbError::internal("sampled scan without row ids"))?;
        let percent = match args {
            [one] => RowExpr::new(one, self.cx, &self.frames, &|_| false)?,
            _ => return Err(DbError::internal("sampling method takes one argument")),
        };
        let repeatable = repeatable.map(|e| RowExpr::new(e, self.cx, &self.frames, &|_| false)).transpose()?;
        let pages = method == "system";
        let cancel = self.cx.cancel.clone();
        let body = move |run: Run| {
            let choice = choose(pages, &percent, repeatable.as_ref()).map_err(to_df)?;
            let cancel = cancel.clone();
            let mut input = run.input(0)?;
            Ok(produce(Arc::clone(&run.schema), move |mut out| async move {
                while let Some(b) = input.next().await {
                    cancel.check().map_err(to_df)?;
                    let b = b?;
                    let rows = b.column(at).as_primitive::<Int64Type>();
                    let keep: BooleanArray = rows.iter().map(|r| r.map(|r| choice.keeps(r))).collect();
                    out.send(filter_record_batch(&b, &keep)?).await?;
                }
                Ok(())
            }))
        };
        let shape = schema(p.cols.iter().map(|(c, t)| (super::expr::name(c.id), t.clone())))?;
        let plan = op_plan(Op::new("Sample", format!("{method} on {}", s.alias), Arc::new(body)), vec![p.plan], shape);
        let cols = p.cols;
        if wanted.is_some() || cols.len() == 1 {
            return Ok(Plan { plan, cols });
        }
        super::lower::narrow(plan, cols.into_iter().filter(|c| c.0.id != rid.id).collect())
    }
}

fn choose(pages: bool, percent: &RowExpr, repeatable: Option<&RowExpr>) -> Result<Choice> {
    let Datum::Float8(percent) = percent.eval(&[])? else {
        return Err(DbError::new(SqlState::INVALID_TABLESAMPLE_ARGUMENT, "TABLESAMPLE parameter cannot be null"));
    };
    let seed = match repeatable.map(|r| r.eval(&[])).transpose()? {
        None => SmallRng::from_os_rng().random(),
        Some(Datum::Float8(s)) => hash_float(s),
        Some(_) => {
            return Err(DbError::new(
                SqlState::INVALID_TABLESAMPLE_REPEAT,
                "TABLESAMPLE REPEATABLE parameter cannot be null",
            ));
        }
    };
    if !(0.0..=100.0).contains(&percent) {
        return Err(DbError::new(
            SqlState::INVALID_TABLESAMPLE_ARGUMENT,
            "sample percentage must be between 0 and 100",
        ));
    }
    let bound = ((f64::from(u32::MAX) + 1.0) * percent / 100.0).round_ties_even() as u64;
    Ok(Choice { pages, bound, seed })
}

/// A seed's hash: equal numbers have equal ones.
fn hash_float(v: f64) -> u32 {
    if v == 0.0 {
        return 0;
    }
    let bits = if v.is_nan() { f64::NAN.to_bits() } else { v.to_bits() };
    hash_words(&[bits as u32, (bits >> 32) as u32])
}

/// lookup3 over whole words.
fn hash_words(words: &[u32]) -> u32 {
    let bytes = (words.len() as u32).wrapping_mul(4);
    let start = 0x9e37_79b9_u32.wrapping_add(bytes).wrapping_add(3_923_095);
    let (mut a, mut b, mut c) = (start, start, start);
    let mut rest = words;
    while let [x, y, z, more @ ..] = rest {
        a = a.wrapping_add(*x);
        b = b.wrapping_add(*y);
        c = c.wrapping_add(*z);
        for (i, turn) in [4, 6, 8, 16, 19, 4].into_iter().enumerate() {
            let (p, q, r) = match i % 3 {
                0 => (&mut a, &mut c, b),
                1 => (&mut b, &mut a, c),
                _ => (&mut c, &mut b, a),
            };
            *p = p.wrapping_sub(*q) ^ q.rotate_left(turn);
            *q = q.wrapping_add(r);
        }
        rest = more;
    }
    if let [x, more @ ..] = rest {
        a = a.wrapping_add(*x);
        b = b.wrapping_add(more.first().copied().unwrap_or(0));
    }
    for (i, turn) in [14, 11, 25, 16, 4, 14, 24].into_iter().enumerate() {
        let (p, q) = match i % 3 {
            0 => (&mut c, b),
            1 => (&mut a, c),
            _ => (&mut b, a),
        };
        *p = (*p ^ q).wrapping_sub(q.rotate_left(turn));
    }
    c
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_postgresqls() {
        // hashfloat8(0), hashfloat8(2), hashtext('abcdefghijkl').
        assert_eq!(hash_float(0.0), 0);
        assert_eq!(hash_float(2.0) as i32, 1_216_037_193);
        let words = [b"abcd", b"efgh", b"ijkl"].map(|w| u32::from_le_bytes(*w));
        assert_eq!(hash_words(&words) as i32, -1_586_087_212);
    }
}
