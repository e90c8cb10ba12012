//! The hash functions of hash operator classes, plain and with a seed.

use super::args::{scalar, unexpected};
use crate::ctx::EvalCtx;
use crate::datum::{Datum, TypeRef};
use crate::hash::{plain, record, seeded};
use crate::kernel::{CallInfo, Kernel, KernelBody};
use crate::typename::format_type;
use crate::{oid, pgdata, usertype};
use rustydb_base::{DbError, Result, SqlState};

/// The access method whose operator classes say which types have a hash.
const HASH: u32 = 405;

macro_rules! hashes {
    ($($plain:literal, $seeded:literal, $ty:expr;)*) => {
        &[$(
            scalar!($plain, |d: &Datum| plain($ty, d)),
            scalar!($seeded, |d: &Datum, seed: i64| seeded($ty, d, seed)),
        )*]
    };
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[
    hashes! {
        "hashint2", "hashint2extended", oid::INT2;
        "hashint4", "hashint4extended", oid::INT4;
        "hashint8", "hashint8extended", oid::INT8;
        "hashfloat4", "hashfloat4extended", oid::FLOAT4;
        "hashfloat8", "hashfloat8extended", oid::FLOAT8;
        "hashoid", "hashoidextended", oid::OID;
        "hashchar", "hashcharextended", oid::CHAR;
        "hashname", "hashnameextended", oid::NAME;
        "hashtext", "hashtextextended", oid::TEXT;
        "hashbpchar", "hashbpcharextended", oid::BPCHAR;
        "hash_numeric", "hash_numeric_extended", oid::NUMERIC;
        "hashinet", "hashinetextended", oid::INET;
        "hashmacaddr", "hashmacaddrextended", oid::MACADDR;
        "hashmacaddr8", "hashmacaddr8extended", oid::MACADDR8;
        "time_hash", "time_hash_extended", oid::TIME;
        "timetz_hash", "timetz_hash_extended", oid::TIMETZ;
        "timestamp_hash", "timestamp_hash_extended", oid::TIMESTAMP;
        "interval_hash", "interval_hash_extended", oid::INTERVAL;
        "uuid_hash", "uuid_hash_extended", oid::UUID;
        "jsonb_hash", "jsonb_hash_extended", oid::JSONB;
        "pg_lsn_hash", "pg_lsn_hash_extended", oid::INT8;
        "hash_array", "hash_array_extended", oid::ANYARRAY;
        "hash_range", "hash_range_extended", oid::ANYRANGE;
    },
    &[
        Kernel { name: "hash_record", body: KernelBody::Scalar(hash_record) },
        Kernel { name: "hash_record_extended", body: KernelBody::Scalar(hash_record_extended) },
    ],
];

/// Whether values of a type have a hash. Rows without a type of their own are not looked into.
fn has_hash(ctx: &EvalCtx, ty: TypeRef) -> bool {
    let ty = usertype::base(ty);
    if let Some(elem) = oid::array_element(ty.oid) {
        return has_hash(ctx, TypeRef::new(elem));
    }
    if let Some(sub) = usertype::range_subtype(ty.oid) {
        return has_hash(ctx, sub);
    }
    if let Some(range) = usertype::range_of_multirange(ty.oid) {
        return has_hash(ctx, TypeRef::new(range));
    }
    if usertype::is_enum(ty.oid) {
        return true;
    }
    if ty.oid != oid::RECORD
        && let Some(fields) = ctx.session.row_fields(ty.oid)
    {
        return fields.iter().all(|f| has_hash(ctx, f.ty));
    }
    let direct = |t: u32| pgdata::default_opclass(HASH, t).is_some();
    let same = |t: u32| {
        let casts = pgdata::casts_from(t).iter();
        casts.filter(|c| c.castmethod == 'b' && c.castcontext == 'i').any(|c| direct(c.casttarget))
    };
    ty.oid != oid::RECORD && (direct(ty.oid) || same(ty.oid))
}

/// The fields of a row argument, each of which must have a hash.
fn fields<'a>(ctx: &EvalCtx, args: &'a [Datum], what: &str) -> Result<&'a [(TypeRef, Datum)]> {
    let fields = match args.first() {
        Some(Datum::Row(f)) => f,
        other => return Err(unexpected(other.unwrap_or(&Datum::Null))),
    };
    match fields.iter().find(|f| !has_hash(ctx, f.0)) {
        Some((ty, _)) => Err(DbError::new(
            SqlState::UNDEFINED_FUNCTION,
            format!("could not identify {what} function for type {}", format_type(ty.oid, -1)),
        )),
        None => Ok(fields),
    }
}

fn no_hash() -> DbError {
    DbError::unsupported("hash functions of a type in this row are not supported yet")
}

fn hash_record(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let h = record(fields(ctx, args, "a hash")?, 0).ok_or_else(no_hash)?;
    Ok(Datum::Int4(h as i32))
}

fn hash_record_extended(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let Some(Datum::Int8(seed)) = args.get(1) else { return Err(unexpected(args.get(1).unwrap_or(&Datum::Null))) };
    let h = record(fields(ctx, args, "an extended hash")?, *seed as u64).ok_or_else(no_hash)?;
    Ok(Datum::Int8(h as i64))
}
