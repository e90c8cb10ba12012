//! Values as text inside functions: what a value's output function shows, for concat, format and their like.

use super::args::unexpected;
use crate::cmp::bpchar_significant;
use crate::ctx::EvalCtx;
use crate::datum::{Datum, TypeRef};
use crate::io::{OutCtx, text_out};
use crate::kernel::CallInfo;
use crate::{oid, shape};
use rustydb_base::{DbError, Result};

/// Appends a value's text; nothing for NULL.
pub fn show(ctx: &EvalCtx, ty: u32, d: &Datum, out: &mut String) -> Result<()> {
    match d {
        Datum::Null => {}
        Datum::Text(s) if ty != oid::ACLITEM => out.push_str(s),
        d => {
            let mut bytes = Vec::new();
            text_out(OutCtx { fmt: &ctx.fmt, session: Some(&*ctx.session) }, TypeRef::new(ty), d, &mut bytes)?;
            let text = String::from_utf8(bytes)
                .map_err(|_| DbError::internal("an output function made text that is not UTF-8"))?;
            out.push_str(&text);
        }
    }
    Ok(())
}

/// A value as text; `None` for NULL.
pub fn text_of(ctx: &EvalCtx, ty: u32, d: &Datum) -> Result<Option<String>> {
    if d.is_null() {
        return Ok(None);
    }
    let mut out = String::new();
    show(ctx, ty, d, &mut out)?;
    Ok(Some(out))
}

/// A value as `cast(… as text)` gives it: as shown, but for booleans, whose words are written out, and bpchar, which
/// loses its padding.
pub fn cast_to_text(ctx: &EvalCtx, ty: u32, d: &Datum) -> Result<Option<String>> {
    match d {
        Datum::Bool(v) => Ok(Some(if *v { "true" } else { "false" }.to_owned())),
        Datum::Text(s) if ty == oid::BPCHAR => Ok(Some(bpchar_significant(s).to_owned())),
        d => text_of(ctx, ty, d),
    }
}

/// The type of an argument of a function that takes any.
pub fn argument_type(args: &[TypeRef], i: usize) -> Result<u32> {
    args.get(i).map(|t| t.oid).ok_or_else(|| unexpected(&Datum::Null))
}

/// The arguments with their types; an array after VARIADIC as its elements. `None` when that array is NULL.
pub(crate) fn spread(info: &CallInfo<'_>, args: &[Datum]) -> Result<Option<Vec<(TypeRef, Datum)>>> {
    let mut out: Vec<(TypeRef, Datum)> = info.args.iter().copied().zip(args.iter().cloned()).collect();
    if out.last().is_some_and(|(ty, _)| ty.typmod == shape::SPREAD) {
        match out.pop() {
            Some((_, Datum::Null)) => return Ok(None),
            Some((_, Datum::Array(a))) => {
                let elem = TypeRef::new(a.elem);
                out.extend(a.items.iter().map(|d| (elem, d.clone())));
            }
            Some((_, d)) => return Err(unexpected(&d)),
            None => {}
        }
    }
    Ok(Some(out))
}
