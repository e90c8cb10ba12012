//! count, and the aggregates that fold values of one small type: bool_and, bool_or, bit_and, bit_or, bit_xor.

use super::codec::{Reader, put_datum};
use crate::ctx::EvalCtx;
use crate::datum::Datum;
use crate::funcs::args::{Arg, Ret};
use crate::funcs::bits::both;
use crate::funcs::int::out_of_range;
use crate::kernel::{AggKernel, AggState};
use rustydb_base::Result;

/// `count(*)`, `count("any")` and `regr_count`.
struct Count {
    rows: i64,
    /// Rows with a NULL argument do not count.
    of_value: bool,
}

impl AggState for Count {
    fn update(&mut self, _: &EvalCtx, args: &[Datum]) -> Result<()> {
        if !self.of_value || args.iter().all(|a| !a.is_null()) {
            self.rows = self.rows.checked_add(1).ok_or_else(|| out_of_range("bigint"))?;
        }
        Ok(())
    }
    fn merge(&mut self, _: &EvalCtx, state: &[u8]) -> Result<()> {
        let other = Reader(state).i64()?;
        self.rows = self.rows.checked_add(other).ok_or_else(|| out_of_range("bigint"))?;
        Ok(())
    }
    fn state(&self) -> Result<Vec<u8>> {
        Ok(self.rows.to_le_bytes().to_vec())
    }
    fn finish(&self, _: &EvalCtx) -> Result<Datum> {
        Ok(Datum::Int8(self.rows))
    }
    fn size(&self) -> usize {
        size_of::<Self>()
    }
}

/// A fold of non-NULL values; NULL when there was none.
struct Fold<T: 'static> {
    value: Option<T>,
    step: fn(T, T) -> T,
}

impl<T> Fold<T> {
    fn take(&mut self, v: T)
    where
        T: Copy,
    {
        self.value = Some(self.value.map_or(v, |old| (self.step)(old, v)));
    }
}

impl<T> AggState for Fold<T>
where
    T: Copy + Send + Sync + Ret + for<'a> Arg<'a> + 'static,
{
    fn update(&mut self, _: &EvalCtx, args: &[Datum]) -> Result<()> {
        if let [d] = args
            && !d.is_null()
        {
            self.take(T::get(d)?);
        }
        Ok(())
    }
    fn merge(&mut self, _: &EvalCtx, state: &[u8]) -> Result<()> {
        let d = Reader(state).datum()?;
        if !d.is_null() {
            self.take(T::get(&d)?);
        }
        Ok(())
    }
    fn state(&self) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        put_datum(&mut out, &self.value.ret()?);
        Ok(out)
    }
    fn finish(&self, _: &EvalCtx) -> Result<Datum> {
        self.value.ret()
    }
    fn size(&self) -> usize {
        size_of::<Self>()
    }
}

/// A fold of bit strings, which must be of one length.
struct BitFold {
    value: Option<Vec<u8>>,
    step: fn(&[u8], &[u8]) -> Result<Vec<u8>>,
}

impl BitFold {
    fn take(&mut self, d: &Datum) -> Result<()> {
        if d.is_null() {
            return Ok(());
        }
        let v = <&[u8]>::get(d)?;
        self.value = Some(match &self.value {
            Some(old) => (self.step)(old, v)?,
            None => v.to_vec(),
        });
        Ok(())
    }
}

impl AggState for BitFold {
    fn update(&mut self, _: &EvalCtx, args: &[Datum]) -> Result<()> {
        args.iter().try_for_each(|d| self.take(d))
    }
    fn merge(&mut self, _: &EvalCtx, state: &[u8]) -> Result<()> {
        self.take(&Reader(state).datum()?)
    }
    fn state(&self) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        put_datum(&mut out, &self.value.clone().ret()?);
        Ok(out)
    }
    fn finish(&self, _: &EvalCtx) -> Result<Datum> {
        self.value.clone().ret()
    }
    fn size(&self) -> usize {
        size_of::<Self>() + self.value.as_ref().map_or(0, Vec::len)
    }
}

macro_rules! bit_fold {
    ($signature:literal, $name:literal, |$a:ident, $b:ident| $step:expr) => {
        AggKernel {
            signature: $signature,
            init: |_| Box::new(BitFold { value: None, step: |x, y| both(x, y, $name, |$a, $b| $step) }),
        }
    };
}

macro_rules! fold {
    ($signature:literal, $t:ty, |$a:ident, $b:ident| $step:expr) => {
        AggKernel { signature: $signature, init: |_| Box::new(Fold::<$t> { value: None, step: |$a, $b| $step }) }
    };
}

/// Aggregates of this module.
pub const AGGREGATES: &[AggKernel] = &[
    AggKernel { signature: "count()", init: |_| Box::new(Count { rows: 0, of_value: false }) },
    AggKernel { signature: "count(\"any\")", init: |_| Box::new(Count { rows: 0, of_value: true }) },
    AggKernel {
        signature: "regr_count(double precision,double precision)",
        init: |_| Box::new(Count { rows: 0, of_value: true }),
    },
    fold!("bool_and(boolean)", bool, |a, b| a && b),
    fold!("every(boolean)", bool, |a, b| a && b),
    fold!("bool_or(boolean)", bool, |a, b| a || b),
    fold!("bit_and(smallint)", i16, |a, b| a & b),
    fold!("bit_or(smallint)", i16, |a, b| a | b),
    fold!("bit_xor(smallint)", i16, |a, b| a ^ b),
    fold!("bit_and(integer)", i32, |a, b| a & b),
    fold!("bit_or(integer)", i32, |a, b| a | b),
    fold!("bit_xor(integer)", i32, |a, b| a ^ b),
    fold!("bit_and(bigint)", i64, |a, b| a & b),
    fold!("bit_or(bigint)", i64, |a, b| a | b),
    fold!("bit_xor(bigint)", i64, |a, b| a ^ b),
    bit_fold!("bit_and(bit)", "AND", |a, b| a & b),
    bit_fold!("bit_or(bit)", "OR", |a, b| a | b),
    bit_fold!("bit_xor(bit)", "XOR", |a, b| a ^ b),
];
