//! Values of types that users create: labels of enums, domains, rows of named composite types, ranges.
//!
//! What the values of such a type look like follows from its kind ([`usertype::kind`]); what may change, the labels,
//! attributes and conditions, the session's catalog tells.

use super::{OutCtx, binary, invalid_syntax, range, record, text_in, unsupported_type};
use crate::ctx::EvalCtx;
use crate::datum::{Datum, EnumValue, TypeRef};
use crate::usertype::{self, Kind};
use rustydb_base::{DbError, Result};

/// What reads a value: text or binary.
#[derive(Clone, Copy)]
pub(super) enum Form<'a> {
    /// Text form.
    Text(&'a str),
    /// Binary form.
    Binary(&'a [u8]),
}

impl Form<'_> {
    /// Reads a value of another type from the same form.
    pub(super) fn read(self, ctx: &EvalCtx, ty: TypeRef) -> Result<Datum> {
        match self {
            Form::Text(s) => text_in(ctx, ty, s),
            Form::Binary(b) => binary::binary_in(ctx, ty, b),
        }
    }
}

/// Reads a value of a type that is not one of the scalar built-in ones; 0A000 if it is none of a kind known here.
pub(super) fn read(ctx: &EvalCtx, ty: TypeRef, form: Form<'_>) -> Result<Datum> {
    if usertype::is_domain(ty.oid) {
        let d = form.read(ctx, usertype::base(ty))?;
        ctx.session.check_domain(ctx, ty.oid, &d)?;
        return Ok(d);
    }
    if let Some(sub) = usertype::range_subtype(ty.oid) {
        return range::range_read(ctx, ty.oid, sub, form);
    }
    if let Some(r) = usertype::range_of_multirange(ty.oid) {
        return range::multirange_read(ctx, r, form);
    }
    match usertype::kind(ty.oid) {
        Some(Kind::Enum) => match form {
            Form::Text(s) => ctx.session.enum_in(ty.oid, s).map(Datum::Enum),
            Form::Binary(b) => ctx.session.enum_in(ty.oid, binary::utf8(b)?).map(Datum::Enum),
        },
        Some(Kind::Composite) => match form {
            Form::Text(s) => record::record_in(ctx, ty.oid, s),
            Form::Binary(b) => record::record_recv(ctx, ty.oid, b),
        },
        _ => Err(unsupported_type(ty.oid)),
    }
}

/// Appends the name of a label.
pub(super) fn enum_out(ctx: OutCtx<'_>, ty: TypeRef, v: EnumValue, out: &mut Vec<u8>) -> Result<()> {
    let ty = usertype::base(ty).oid;
    let label = ctx.session.and_then(|s| s.enum_label(ty, v.oid));
    match label {
        Some(l) => out.extend_from_slice(l.as_bytes()),
        None => {
            return Err(DbError::new(
                rustydb_base::SqlState::INVALID_BINARY_REPRESENTATION,
                format!("invalid internal value for enum: {}", v.oid),
            ));
        }
    }
    Ok(())
}

/// 22P02 for a text that is no label of an enum.
pub fn no_such_label(shown_type: &str, label: &str) -> DbError {
    let mut e = invalid_syntax("", "");
    e.message = format!("invalid input value for enum {shown_type}: \"{label}\"").into();
    e
}
