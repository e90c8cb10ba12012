//! xmlagg: values one after the other.

use super::codec::{Reader, put_bytes};
use super::collect::check_buffer;
use crate::ctx::EvalCtx;
use crate::datum::{Datum, Str};
use crate::funcs::args::arity;
use crate::kernel::{AggKernel, AggState};
use crate::xml::concat;
use rustydb_base::Result;

/// What there is so far; `None` before the first value.
#[derive(Default)]
struct XmlAgg(Option<String>);

impl XmlAgg {
    fn add(&mut self, value: &str) -> Result<()> {
        self.0 = Some(match self.0.take() {
            None => value.to_owned(),
            Some(so_far) => {
                check_buffer(so_far.len(), value.len())?;
                concat([so_far.as_str(), value].into_iter())
            }
        });
        Ok(())
    }
}

impl AggState for XmlAgg {
    fn update(&mut self, _: &EvalCtx, args: &[Datum]) -> Result<()> {
        match args {
            [Datum::Text(t)] => self.add(t),
            [Datum::Null] => Ok(()),
            _ => Err(arity(args.len())),
        }
    }
    fn merge(&mut self, _: &EvalCtx, state: &[u8]) -> Result<()> {
        let mut r = Reader(state);
        if r.count()? > 0 {
            self.add(r.text()?)?;
        }
        Ok(())
    }
    fn state(&self) -> Result<Vec<u8>> {
        let mut out = u64::from(self.0.is_some()).to_le_bytes().to_vec();
        put_bytes(&mut out, self.0.as_deref().unwrap_or_default().as_bytes());
        Ok(out)
    }
    fn finish(&self, _: &EvalCtx) -> Result<Datum> {
        Ok(self.0.as_deref().map_or(Datum::Null, |t| Datum::Text(Str::from(t))))
    }
    fn size(&self) -> usize {
        size_of::<Self>() + self.0.as_ref().map_or(0, String::capacity)
    }
}

/// Aggregates of this module.
pub const AGGREGATES: &[AggKernel] = &[AggKernel { signature: "xmlagg(xml)", init: |_| Box::new(XmlAgg::default()) }];
