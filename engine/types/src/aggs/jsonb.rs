//! jsonb_agg and jsonb_object_agg.

use super::codec::{Reader, put_bytes, put_len};
use super::collect::check_buffer;
use crate::ctx::EvalCtx;
use crate::datum::{Datum, TypeRef};
use crate::funcs::args::arity;
use crate::funcs::jsonb_make::{key, stored, tree};
use crate::jsonb::{Json, encode, object_of};
use crate::kernel::{AggKernel, AggState, CallInfo};
use rustydb_base::{DbError, Result, SqlState};

/// The members so far, each value in its stored form; an array's members have no key.
struct JsonbAgg {
    members: Vec<(Option<String>, Vec<u8>)>,
    held: usize,
    object: bool,
    types: [TypeRef; 2],
}

impl JsonbAgg {
    fn boxed(info: &CallInfo<'_>, object: bool) -> Box<dyn AggState> {
        let ty = |i: usize| info.args.get(i).copied().unwrap_or(TypeRef { oid: 0, typmod: -1, collation: 0 });
        Box::new(JsonbAgg { members: Vec::new(), held: 0, object, types: [ty(0), ty(1)] })
    }

    fn take(&mut self, key: Option<String>, value: Vec<u8>) -> Result<()> {
        let n = value.len() + key.as_ref().map_or(0, String::len) + 8;
        check_buffer(self.held, n)?;
        self.held += n;
        self.members.push((key, value));
        Ok(())
    }
}

impl AggState for JsonbAgg {
    fn update(&mut self, ctx: &EvalCtx, args: &[Datum]) -> Result<()> {
        match args {
            [value] if !self.object => self.take(None, encode(&tree(ctx, self.types[0], value, 0)?)),
            [Datum::Null, _] if self.object => {
                Err(DbError::new(SqlState::INVALID_PARAMETER_VALUE, "field name must not be null"))
            }
            [k, value] if self.object => {
                let k = key(ctx, self.types[0], k)?;
                self.take(Some(k), encode(&tree(ctx, self.types[1], value, 0)?))
            }
            _ => Err(arity(args.len())),
        }
    }
    fn merge(&mut self, _: &EvalCtx, state: &[u8]) -> Result<()> {
        let mut r = Reader(state);
        for _ in 0..r.count()? {
            let key = if self.object { Some(r.text()?.to_owned()) } else { None };
            let value = r.bytes()?.to_vec();
            self.take(key, value)?;
        }
        Ok(())
    }
    fn state(&self) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        put_len(&mut out, self.members.len());
        for (key, value) in &self.members {
            if let Some(key) = key {
                put_bytes(&mut out, key.as_bytes());
            }
            put_bytes(&mut out, value);
        }
        Ok(out)
    }
    fn finish(&self, _: &EvalCtx) -> Result<Datum> {
        if self.members.is_empty() {
            return Ok(Datum::Null);
        }
        let members = self.members.iter();
        stored(&if self.object {
            object_of(members.map(|(k, v)| (k.clone().unwrap_or_default(), Json::of(v))).collect())
        } else {
            Json::Array(members.map(|(_, v)| Json::of(v)).collect())
        })
    }
    fn size(&self) -> usize {
        size_of::<Self>() + self.held + self.members.capacity() * size_of::<(Option<String>, Vec<u8>)>()
    }
}

/// The state of an aggregate into an array or an object.
pub(super) fn boxed(info: &CallInfo<'_>, object: bool) -> Box<dyn AggState> {
    JsonbAgg::boxed(info, object)
}

/// Aggregates of this module.
pub const AGGREGATES: &[AggKernel] = &[
    AggKernel { signature: "jsonb_agg(anyelement)", init: |info| JsonbAgg::boxed(info, false) },
    AggKernel { signature: "jsonb_object_agg(\"any\",\"any\")", init: |info| JsonbAgg::boxed(info, true) },
];
