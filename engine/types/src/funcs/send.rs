//! Types' own input, output and send functions called by name. One kernel serves each kind, by the types of the call.

use crate::ctx::EvalCtx;
use crate::datum::{Datum, TypeRef};
use crate::io::{OutCtx, binary_out, text_in, text_out};
use crate::kernel::{CallInfo, Kernel, KernelBody};
use crate::oid;
use rustydb_base::{DbError, Result};

fn send(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let ([value], [ty]) = (args, info.args) else { return Err(DbError::internal("a send function takes one value")) };
    let mut out = Vec::new();
    binary_out(OutCtx { fmt: &ctx.fmt, session: Some(&*ctx.session) }, *ty, value, &mut out)?;
    Ok(Datum::Bytes(out.into()))
}

fn out(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let ([value], [ty]) = (args, info.args) else {
        return Err(DbError::internal("an output function takes one value"));
    };
    let mut text = Vec::new();
    text_out(OutCtx { fmt: &ctx.fmt, session: Some(&*ctx.session) }, *ty, value, &mut text)?;
    String::from_utf8(text).map(|t| Datum::Text(t.into())).map_err(|_| DbError::internal("text form is not UTF-8"))
}

/// `input(text)`, or `input(text, element type, modifier)`.
fn input(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let Some(Datum::Text(s)) = args.first() else {
        return Err(DbError::internal("an input function takes a text"));
    };
    let typmod = match args.get(2) {
        Some(Datum::Int4(m)) => *m,
        _ => -1,
    };
    text_in(ctx, TypeRef { typmod, ..info.result }, s)
}

static OUT: Kernel = Kernel { name: "out", body: KernelBody::Scalar(out) };
static INPUT: Kernel = Kernel { name: "input", body: KernelBody::Scalar(input) };
static SEND: Kernel = Kernel { name: "send", body: KernelBody::Scalar(send) };

/// Output functions that types share.
const SHARED_OUT: &[&str] = &[
    "array_out",
    "anyarray_out",
    "anycompatiblearray_out",
    "anycompatiblemultirange_out",
    "anycompatiblerange_out",
    "anyenum_out",
    "anymultirange_out",
    "anyrange_out",
    "cstring_out",
    "enum_out",
    "multirange_out",
    "range_out",
    "record_out",
];

/// Send functions that types share.
const SHARED_SEND: &[&str] = &[
    "array_send",
    "anyarray_send",
    "anycompatiblearray_send",
    "cstring_send",
    "enum_send",
    "multirange_send",
    "range_send",
    "record_send",
];

/// The kernel of a function that is some type's `typsend`, `typoutput` or `typinput`. Types that share one (arrays, rows,
/// ranges, domains) name their values' type otherwise than by the function's result and have no input function here.
pub fn kernel(prosrc: &str) -> Option<&'static Kernel> {
    if SHARED_OUT.contains(&prosrc) {
        return Some(&OUT);
    }
    if SHARED_SEND.contains(&prosrc) {
        return Some(&SEND);
    }
    match oid::io_role(prosrc)? {
        oid::IoRole::Send => Some(&SEND),
        oid::IoRole::Output => Some(&OUT),
        oid::IoRole::Input => Some(&INPUT),
    }
}
