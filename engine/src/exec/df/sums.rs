//! count, sum and avg of integers and static numerics over whole arrays.
//!
//! Sums are exact in 128 bits; one that would leave them, or meets NaN, goes on as a numeric of any size in `wide`.

use super::agg::{CallSite, Grouped, What, passes};
use super::util::{DfResult, to_df};
use datafusion::arrow::array::{Array, ArrayRef, AsArray, BinaryBuilder, BooleanArray};
use datafusion::arrow::datatypes::{ArrowPrimitiveType, DataType, Decimal128Type, Int16Type, Int32Type, Int64Type};
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_types::arrow::DatumBuilder;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::numeric::Numeric;
use rustydb_types::oid;
use std::collections::HashMap;
use std::sync::Arc;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Answer {
    Count,
    Int8,
    Numeric,
    Avg,
}

/// Count and sum per group.
pub struct Sums {
    answer: Answer,
    /// Arrow type of the argument; `None` for `count(*)`.
    input: Option<DataType>,
    /// Arrow type of a second argument: what is summed up is the product of both, which has too many digits for a column
    /// of its own.
    factor: Option<DataType>,
    result: TypeRef,
    sums: Vec<i128>,
    counts: Vec<i64>,
    wide: HashMap<usize, Numeric>,
}

fn is_decimal(t: Option<&DataType>) -> bool {
    matches!(t, Some(DataType::Decimal128(..)))
}

fn scale_of(t: Option<&DataType>) -> u16 {
    match t {
        Some(DataType::Decimal128(_, s)) => (*s).max(0) as u16,
        _ => 0,
    }
}

impl Sums {
    /// The fast form of a call, if it has one.
    pub fn new(site: &Arc<CallSite>, input: Option<&DataType>, factor: Option<&DataType>) -> Option<Sums> {
        let numbers =
            matches!(input, Some(DataType::Int16 | DataType::Int32 | DataType::Int64 | DataType::Decimal128(..)));
        let product = site.args.len() == 2 && is_decimal(input) && is_decimal(factor);
        let one = site.args.len() == 1 && numbers || product;
        let answer = match &site.what {
            What::Count => Answer::Count,
            What::First | What::Rank(_) | What::User(_) => return None,
            What::Kernel(k) => match k.signature.split('(').next()? {
                "count" => Answer::Count,
                "sum" if one && site.result.oid == oid::INT8 => Answer::Int8,
                "sum" if one && site.result.oid == oid::NUMERIC => Answer::Numeric,
                "avg" if one && site.result.oid == oid::NUMERIC => Answer::Avg,
                _ => return None,
            },
        };
        let input = if site.args.is_empty() { None } else { input.cloned() };
        let factor = factor.filter(|_| product).cloned();
        Some(Sums { answer, input, factor, result: site.result, sums: vec![], counts: vec![], wide: HashMap::new() })
    }

    fn scale(&self) -> u16 {
        scale_of(self.input.as_ref()) + scale_of(self.factor.as_ref())
    }

    fn add_wide(&mut self, g: usize, v: &Numeric) -> Result<()> {
        let sum = match self.wide.get(&g) {
            Some(w) => w.add(v)?,
            None => v.clone(),
        };
        self.wide.insert(g, sum);
        Ok(())
    }

    fn add(&mut self, g: usize, v: i128) -> Result<()> {
        let decimal = matches!(self.input, Some(DataType::Decimal128(..)));
        if decimal && v == super::decimal::NAN {
            return self.add_wide(g, &Numeric::NAN);
        }
        match self.sums[g].checked_add(v) {
            Some(s) => self.sums[g] = s,
            None => {
                let old = Numeric::from_i128(self.sums[g], self.scale())?;
                self.add_wide(g, &old)?;
                self.sums[g] = v;
            }
        }
        Ok(())
    }

    fn add_array<T: ArrowPrimitiveType>(
        &mut self,
        a: &ArrayRef,
        groups: &[usize],
        filter: Option<&BooleanArray>,
    ) -> Result<()>
    where
        i128: From<T::Native>,
    {
        let a = a.as_primitive::<T>();
        for (r, &g) in groups.iter().enumerate() {
            if a.is_valid(r) && passes(filter, r) {
                self.counts[g] += 1;
                self.add(g, i128::from(a.value(r)))?;
            }
        }
        Ok(())
    }

    fn add_products(
        &mut self,
        a: &ArrayRef,
        b: &ArrayRef,
        groups: &[usize],
        filter: Option<&BooleanArray>,
    ) -> Result<()> {
        let (a, b) = (a.as_primitive::<Decimal128Type>(), b.as_primitive::<Decimal128Type>());
        let (sa, sb) = (scale_of(self.input.as_ref()), scale_of(self.factor.as_ref()));
        let number = |v: i128, s| if v == super::decimal::NAN { Ok(Numeric::NAN) } else { Numeric::from_i128(v, s) };
        for (r, &g) in groups.iter().enumerate() {
            if a.is_null(r) || b.is_null(r) || !passes(filter, r) {
                continue;
            }
            self.counts[g] += 1;
            let (x, y) = (a.value(r), b.value(r));
            let nan = x == super::decimal::NAN || y == super::decimal::NAN;
            match x.checked_mul(y).filter(|v| !nan && *v != super::decimal::NAN) {
                Some(v) => self.add(g, v)?,
                None => self.add_wide(g, &number(x, sa)?.mul(&number(y, sb)?)?)?,
            }
        }
        Ok(())
    }

    fn total(&self, sum: i128, wide: Option<&Numeric>) -> Result<Numeric> {
        let n = Numeric::from_i128(sum, self.scale())?;
        match wide {
            Some(w) => w.add(&n),
            None => Ok(n),
        }
    }

    fn finish(&self, sum: i128, count: i64, wide: Option<&Numeric>) -> Result<Datum> {
        if self.answer == Answer::Count {
            return Ok(Datum::Int8(count));
        }
        if count == 0 {
            return Ok(Datum::Null);
        }
        Ok(match self.answer {
            Answer::Int8 => match (i64::try_from(sum), wide) {
                (Ok(v), None) => Datum::Int8(v),
                _ => return Err(DbError::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "bigint out of range")),
            },
            Answer::Avg => Datum::Numeric(self.total(sum, wide)?.div(&Numeric::from(count))?),
            _ => Datum::Numeric(self.total(sum, wide)?),
        })
    }

    /// Takes the emitted groups out; the others move down.
    fn emit(&mut self, emit: EmitTo) -> (Vec<i128>, Vec<i64>, HashMap<usize, Numeric>) {
        let sums = emit.take_needed(&mut self.sums);
        let counts = emit.take_needed(&mut self.counts);
        let n = counts.len();
        let (mut out, mut rest) = (HashMap::new(), HashMap::new());
        for (g, v) in self.wide.drain() {
            if g < n {
                out.insert(g, v);
            } else {
                rest.insert(g - n, v);
            }
        }
        self.wide = rest;
        (sums, counts, out)
    }
}

impl Grouped for Sums {
    fn grow(&mut self, n: usize) -> Result<()> {
        if self.counts.len() < n {
            self.counts.resize(n, 0);
            self.sums.resize(n, 0);
        }
        Ok(())
    }
    fn into_df(self: Box<Self>) -> Box<dyn GroupsAccumulator> {
        self
    }
}

impl GroupsAccumulator for Sums {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> DfResult<()> {
        self.grow(total).map_err(to_df)?;
        if self.answer == Answer::Count {
            let a = if self.input.is_some() { values.first() } else { None };
            let nulls = a.and_then(|a| a.logical_nulls());
            for (r, &g) in groups.iter().enumerate() {
                if passes(filter, r) && nulls.as_ref().is_none_or(|n| n.is_valid(r)) {
                    self.counts[g] += 1;
                }
            }
            return Ok(());
        }
        let Some(a) = values.first() else { return Ok(()) };
        if self.factor.is_some() {
            let Some(b) = values.get(1) else { return Ok(()) };
            return self.add_products(a, b, groups, filter).map_err(to_df);
        }
        match a.data_type() {
            DataType::Int16 => self.add_array::<Int16Type>(a, groups, filter),
            DataType::Int32 => self.add_array::<Int32Type>(a, groups, filter),
            DataType::Int64 => self.add_array::<Int64Type>(a, groups, filter),
            DataType::Decimal128(..) => self.add_array::<Decimal128Type>(a, groups, filter),
            other => Err(DbError::internal(format!("sum over {other}"))),
        }
        .map_err(to_df)
    }
    fn evaluate(&mut self, emit: EmitTo) -> DfResult<ArrayRef> {
        let (sums, counts, wide) = self.emit(emit);
        let mut b = DatumBuilder::new(self.result, None, counts.len());
        for (g, (s, c)) in sums.iter().zip(&counts).enumerate() {
            self.finish(*s, *c, wide.get(&g)).and_then(|d| b.push(&d)).map_err(to_df)?;
        }
        Ok(b.finish())
    }
    fn state(&mut self, emit: EmitTo) -> DfResult<Vec<ArrayRef>> {
        let (sums, counts, wide) = self.emit(emit);
        let mut b = BinaryBuilder::with_capacity(counts.len(), counts.len() * 24);
        let mut one = Vec::with_capacity(32);
        for (g, (s, c)) in sums.iter().zip(&counts).enumerate() {
            one.clear();
            one.extend_from_slice(&s.to_le_bytes());
            one.extend_from_slice(&c.to_le_bytes());
            if let Some(w) = wide.get(&g) {
                rustydb_types::rowcodec::put_any(&Datum::Numeric(w.clone()), &mut one);
            }
            b.append_value(&one);
        }
        Ok(vec![Arc::new(b.finish())])
    }
    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], total: usize) -> DfResult<()> {
        self.grow(total).map_err(to_df)?;
        let bad = || to_df(DbError::internal("aggregate state is malformed"));
        let Some(states) = values.first().map(|v| v.as_binary::<i32>()) else { return Ok(()) };
        for (r, &g) in groups.iter().enumerate() {
            if states.is_null(r) {
                continue;
            }
            let (sum, rest) = states.value(r).split_first_chunk::<16>().ok_or_else(bad)?;
            let (count, rest) = rest.split_first_chunk::<8>().ok_or_else(bad)?;
            self.counts[g] += i64::from_le_bytes(*count);
            self.add(g, i128::from_le_bytes(*sum)).map_err(to_df)?;
            if !rest.is_empty()
                && let Datum::Numeric(w) = rustydb_types::rowcodec::read_any(rest).map_err(to_df)?
            {
                self.add_wide(g, &w).map_err(to_df)?;
            }
        }
        Ok(())
    }
    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> DfResult<Vec<ArrayRef>> {
        let rows = values.first().map_or(0, |v| v.len());
        let mut one = Sums {
            answer: self.answer,
            factor: None,
            input: self.input.clone(),
            result: self.result,
            sums: vec![],
            counts: vec![],
            wide: HashMap::new(),
        };
        one.update_batch(values, &(0..rows).collect::<Vec<_>>(), filter, rows)?;
        one.state(EmitTo::All)
    }
    fn size(&self) -> usize {
        self.sums.capacity() * 16 + self.counts.capacity() * 8 + self.wide.len() * 96
    }
}
