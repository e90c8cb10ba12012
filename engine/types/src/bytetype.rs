//! Types whose values are bytes of a form of their own ([`crate::datum::Datum::Bytes`]): one row per type.
//!
//! The row says how a value is read and shown, how it is ordered, and which bytes stand for it in an index key; the
//! dispatches in [`crate::io`], [`crate::cmp`] and [`crate::keyenc`] look here for every type that they do not know.

use crate::ctx::EvalCtx;
use crate::datum::TypeRef;
use crate::io::OutCtx;
use crate::oid;
use rustydb_base::Result;
use std::cmp::Ordering;

/// One type.
pub struct ByteType {
    /// OID.
    pub oid: u32,
    /// Reads text; the type's modifier is applied by [`ByteType::typmod`].
    pub text_in: fn(&EvalCtx, &str) -> Result<Vec<u8>>,
    /// Appends the text.
    pub text_out: fn(OutCtx<'_>, &[u8], &mut Vec<u8>) -> Result<()>,
    /// Reads the binary wire form.
    pub recv: fn(&EvalCtx, &[u8]) -> Result<Vec<u8>>,
    /// Appends the binary wire form.
    pub send: fn(&[u8], &mut Vec<u8>),
    /// Brings a value to the type's modifier; the flag tells an explicit cast.
    pub typmod: Option<fn(TypeRef, &[u8], bool) -> Result<Vec<u8>>>,
    /// The order, if the type has one.
    pub compare: Option<fn(&[u8], &[u8]) -> Ordering>,
    /// Appends index key bytes: ordered as [`ByteType::compare`] says, ending by themselves, equal for equal values.
    pub put_key: fn(&[u8], &mut Vec<u8>),
}

/// All of them.
static TYPES: &[&ByteType] = &[
    &crate::io::jsonb::TYPE,
    &crate::funcs::bits::BIT,
    &crate::funcs::bits::VARBIT,
    &crate::funcs::macaddr::MACADDR,
    &crate::funcs::macaddr::MACADDR8,
    &crate::funcs::inet::INET,
    &crate::funcs::inet::CIDR,
    &crate::funcs::tid::TYPE,
    &crate::funcs::snapshot::PG_SNAPSHOT,
    &crate::funcs::snapshot::TXID_SNAPSHOT,
    &crate::geo::POINT,
    &crate::geo::LSEG,
    &crate::geo::BOX,
    &crate::geo::LINE,
    &crate::geo::PATH,
    &crate::geo::POLYGON,
    &crate::geo::CIRCLE,
    &crate::tsearch::vector::TYPE,
    &crate::tsearch::query::TYPE,
    &crate::extstats::PG_NDISTINCT,
    &crate::extstats::PG_DEPENDENCIES,
    &crate::extstats::PG_MCV_LIST,
];

/// The row of a type.
pub fn byte_type(oid: u32) -> Option<&'static ByteType> {
    if oid == oid::BYTEA {
        return None;
    }
    TYPES.iter().find(|t| t.oid == oid).copied()
}

/// Key bytes of a fixed size are the value's own.
pub fn put_fixed_key(b: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b);
}
