//! JSON_OBJECTAGG and JSON_ARRAYAGG. PostgreSQL 15 has neither them nor the functions behind them, so these have names of
//! their own. They collect like `json_agg` and its kin, but may leave NULLs out (`strict`) and refuse a key that comes
//! twice (`unique`).

use super::codec::{Reader, put_bytes, put_len};
use super::collect::check_buffer;
use super::{json, jsonb};
use crate::ctx::EvalCtx;
use crate::datum::{Datum, TypeRef};
use crate::funcs::args::arity;
use crate::funcs::json::write_key;
use crate::funcs::jsonb_make::key;
use crate::funcs::sqljson_make::{duplicate, null_key};
use crate::kernel::{AggKernel, AggState, CallInfo};
use rustydb_base::{DbError, Result, SqlState};
use std::collections::HashSet;

struct SqlJsonAgg {
    inner: Box<dyn AggState>,
    strict: bool,
    /// The keys so far, if they must differ.
    keys: Option<HashSet<String>>,
    held: usize,
    stored: bool,
    key_type: TypeRef,
}

fn boxed(info: &CallInfo<'_>, stored: bool, object: bool, strict: bool, unique: bool) -> Box<dyn AggState> {
    Box::new(SqlJsonAgg {
        inner: if stored { jsonb::boxed(info, object) } else { json::boxed(info, object) },
        strict,
        keys: unique.then(HashSet::new),
        held: 0,
        stored,
        key_type: info.args.first().copied().unwrap_or(TypeRef { oid: 0, typmod: -1, collation: 0 }),
    })
}

impl SqlJsonAgg {
    /// Takes a key that no row had yet.
    fn new_key(&mut self, k: String) -> Result<()> {
        let Some(keys) = &mut self.keys else { return Ok(()) };
        check_buffer(self.held, k.len() + 32)?;
        self.held += k.len() + 32;
        if keys.contains(&k) {
            return Err(duplicate((!self.stored).then_some(&k)));
        }
        keys.insert(k);
        Ok(())
    }
}

impl AggState for SqlJsonAgg {
    fn update(&mut self, ctx: &EvalCtx, args: &[Datum]) -> Result<()> {
        match args {
            [value] if self.strict && value.is_null() => return Ok(()),
            [_] => {}
            [Datum::Null, _] if self.stored => {
                return Err(DbError::new(SqlState::INVALID_PARAMETER_VALUE, "field name must not be null"));
            }
            [Datum::Null, _] => return Err(null_key()),
            [k, value] => {
                if self.keys.is_some() {
                    let k = if self.stored {
                        key(ctx, self.key_type, k)?
                    } else {
                        let mut out = String::new();
                        write_key(ctx, self.key_type, k, &mut out)?;
                        out
                    };
                    self.new_key(k)?;
                }
                if self.strict && value.is_null() {
                    return Ok(());
                }
            }
            _ => return Err(arity(args.len())),
        }
        self.inner.update(ctx, args)
    }
    fn merge(&mut self, ctx: &EvalCtx, state: &[u8]) -> Result<()> {
        let mut r = Reader(state);
        for _ in 0..r.count()? {
            let k = r.text()?.to_owned();
            self.new_key(k)?;
        }
        self.inner.merge(ctx, r.bytes()?)
    }
    fn state(&self) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        let keys = self.keys.iter().flatten();
        put_len(&mut out, keys.clone().count());
        keys.for_each(|k| put_bytes(&mut out, k.as_bytes()));
        put_bytes(&mut out, &self.inner.state()?);
        Ok(out)
    }
    fn finish(&self, ctx: &EvalCtx) -> Result<Datum> {
        self.inner.finish(ctx)
    }
    fn size(&self) -> usize {
        size_of::<Self>() + self.inner.size() + self.held
    }
}

/// Aggregates of this module.
pub const AGGREGATES: &[AggKernel] = &[
    AggKernel { signature: "sql_json_arrayagg(anyelement)", init: |i| boxed(i, false, false, false, false) },
    AggKernel { signature: "sql_json_arrayagg_strict(anyelement)", init: |i| boxed(i, false, false, true, false) },
    AggKernel { signature: "sql_jsonb_arrayagg(anyelement)", init: |i| boxed(i, true, false, false, false) },
    AggKernel { signature: "sql_jsonb_arrayagg_strict(anyelement)", init: |i| boxed(i, true, false, true, false) },
    AggKernel { signature: "sql_json_objectagg(\"any\",\"any\")", init: |i| boxed(i, false, true, false, false) },
    AggKernel { signature: "sql_json_objectagg_strict(\"any\",\"any\")", init: |i| boxed(i, false, true, true, false) },
    AggKernel { signature: "sql_json_objectagg_unique(\"any\",\"any\")", init: |i| boxed(i, false, true, false, true) },
    AggKernel {
        signature: "sql_json_objectagg_unique_strict(\"any\",\"any\")",
        init: |i| boxed(i, false, true, true, true),
    },
    AggKernel { signature: "sql_jsonb_objectagg(\"any\",\"any\")", init: |i| boxed(i, true, true, false, false) },
    AggKernel { signature: "sql_jsonb_objectagg_strict(\"any\",\"any\")", init: |i| boxed(i, true, true, true, false) },
    AggKernel { signature: "sql_jsonb_objectagg_unique(\"any\",\"any\")", init: |i| boxed(i, true, true, false, true) },
    AggKernel {
        signature: "sql_jsonb_objectagg_unique_strict(\"any\",\"any\")",
        init: |i| boxed(i, true, true, true, true),
    },
];
