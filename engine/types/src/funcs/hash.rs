//! The hash functions of hash operator classes, plain and with a seed.

use super::args::scalar;
use crate::datum::Datum;
use crate::hash::{plain, seeded};
use crate::kernel::Kernel;
use crate::oid;

macro_rules! hashes {
    ($($plain:literal, $seeded:literal, $ty:expr;)*) => {
        &[$(
            scalar!($plain, |d: &Datum| plain($ty, d)),
            scalar!($seeded, |d: &Datum, seed: i64| seeded($ty, d, seed)),
        )*]
    };
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[hashes! {
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
}];
