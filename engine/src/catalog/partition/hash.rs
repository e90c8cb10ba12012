//! The hash of partition keys, whose values agree with PostgreSQL's, so that a row lies in the same partition on both
//! servers.

use rustydb_types::collation::is_deterministic;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::{hash, keyenc, oid};

/// The seed under which partition keys are hashed.
pub(super) const SEED: u64 = 0x7A5B_2236_7996_DCFD;

/// The hash of a value that is not NULL; `None` for types whose values cannot be hash keys here.
pub fn of(ty: TypeRef, d: &Datum) -> Option<u64> {
    if !is_deterministic(ty.collation) {
        // Equal texts must lie together.
        let mut key = Vec::new();
        keyenc::put_value(ty, d, &mut key);
        return Some(hash::bytes(&key, SEED));
    }
    hash::value(ty.oid, d, SEED)
}

/// Whether values of a type can be hash keys.
pub fn supports(ty: u32) -> bool {
    matches!(
        ty,
        oid::BOOL
            | oid::INT2
            | oid::INT4
            | oid::INT8
            | oid::OID
            | oid::NUMERIC
            | oid::INTERVAL
            | oid::TIMETZ
            | oid::INET
            | oid::CIDR
            | oid::MACADDR
            | oid::MACADDR8
            | oid::FLOAT4
            | oid::FLOAT8
            | oid::TEXT
            | oid::VARCHAR
            | oid::BPCHAR
            | oid::NAME
            | oid::BYTEA
            | oid::DATE
            | oid::TIME
            | oid::TIMESTAMP
            | oid::TIMESTAMPTZ
            | oid::UUID
    )
}

/// The hash of a key of several columns, with one more column's.
pub fn combine(a: u64, b: u64) -> u64 {
    a ^ b.wrapping_add(0x49a0_f4dd_15e5_a8e3).wrapping_add(a << 54).wrapping_add(a >> 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As PostgreSQL 15 answers `hashint4extended(1, 8816678312871386365)` and its kin.
    #[test]
    fn agrees_with_postgresql() {
        assert_eq!(of(TypeRef::new(oid::INT4), &Datum::Int4(1)).map(|h| h as i64), Some(INT4_1));
        assert_eq!(of(TypeRef::new(oid::INT8), &Datum::Int8(-5)).map(|h| h as i64), Some(INT8_M5));
        assert_eq!(
            of(TypeRef::new(oid::TEXT), &Datum::Text("hello, world!".into())).map(|h| h as i64),
            Some(TEXT_HELLO)
        );
        assert_eq!(of(TypeRef::new(oid::TEXT), &Datum::Text("abcde".into())).map(|h| h as i64), Some(TEXT_ABCDE));
    }

    const INT4_1: i64 = 5968994663651403477;
    const INT8_M5: i64 = 5466844944386338076;
    const TEXT_HELLO: i64 = -5470842415702857201;
    const TEXT_ABCDE: i64 = 4809259092934399961;
}
