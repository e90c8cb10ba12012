//! json_agg and json_object_agg.

use super::codec::{Reader, put_bytes};
use super::collect::check_buffer;
use crate::ctx::EvalCtx;
use crate::datum::{Datum, Str, TypeRef};
use crate::funcs::args::arity;
use crate::funcs::json;
use crate::kernel::{AggKernel, AggState, CallInfo};
use rustydb_base::{DbError, Result, SqlState};

/// The members so far, joined, without the brackets around them.
struct JsonAgg {
    members: String,
    rows: u64,
    object: bool,
    types: [TypeRef; 2],
}

impl JsonAgg {
    fn boxed(info: &CallInfo<'_>, object: bool) -> Box<dyn AggState> {
        let ty = |i: usize| info.args.get(i).copied().unwrap_or(TypeRef { oid: 0, typmod: -1, collation: 0 });
        Box::new(JsonAgg { members: String::new(), rows: 0, object, types: [ty(0), ty(1)] })
    }

    fn separate(&mut self) {
        if self.rows > 0 {
            self.members.push_str(", ");
        }
        self.rows += 1;
    }
}

impl AggState for JsonAgg {
    fn update(&mut self, ctx: &EvalCtx, args: &[Datum]) -> Result<()> {
        match args {
            [value] if !self.object => {
                let first = self.rows == 0;
                self.separate();
                if !first && matches!(value, Datum::Array(_) | Datum::Row(_)) {
                    self.members.push_str("\n ");
                }
                json::write(ctx, self.types[0], value, &mut self.members, 0)?;
            }
            [key, value] if self.object => {
                if key.is_null() {
                    return Err(DbError::new(SqlState::INVALID_PARAMETER_VALUE, "field name must not be null"));
                }
                self.separate();
                json::write_key(ctx, self.types[0], key, &mut self.members)?;
                self.members.push_str(" : ");
                json::write(ctx, self.types[1], value, &mut self.members, 0)?;
            }
            _ => return Err(arity(args.len())),
        }
        check_buffer(self.members.len(), 0)
    }
    fn merge(&mut self, _: &EvalCtx, state: &[u8]) -> Result<()> {
        let mut r = Reader(state);
        let rows = r.count()? as u64;
        let members = r.text()?;
        if rows > 0 {
            check_buffer(self.members.len(), members.len())?;
            self.separate();
            self.members.push_str(members);
            self.rows += rows - 1;
        }
        Ok(())
    }
    fn state(&self) -> Result<Vec<u8>> {
        let mut out = self.rows.to_le_bytes().to_vec();
        put_bytes(&mut out, self.members.as_bytes());
        Ok(out)
    }
    fn finish(&self, _: &EvalCtx) -> Result<Datum> {
        if self.rows == 0 {
            return Ok(Datum::Null);
        }
        let (open, close) = if self.object { ("{ ", " }") } else { ("[", "]") };
        Ok(Datum::Text(Str::from([open, &self.members, close].concat())))
    }
    fn size(&self) -> usize {
        size_of::<Self>() + self.members.capacity()
    }
}

/// The state of an aggregate into an array or an object.
pub(super) fn boxed(info: &CallInfo<'_>, object: bool) -> Box<dyn AggState> {
    JsonAgg::boxed(info, object)
}

/// Aggregates of this module.
pub const AGGREGATES: &[AggKernel] = &[
    AggKernel { signature: "json_agg(anyelement)", init: |info| JsonAgg::boxed(info, false) },
    AggKernel { signature: "json_object_agg(\"any\",\"any\")", init: |info| JsonAgg::boxed(info, true) },
];
