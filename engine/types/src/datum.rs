//! One SQL value and the type it has.

use crate::numeric::Numeric;
use bytes::Bytes;
use std::sync::Arc;

/// A PostgreSQL type as an expression or a column has it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct TypeRef {
    /// Row of `pg_type`.
    pub oid: u32,
    /// `atttypmod`: -1 when the type carries no modifier.
    pub typmod: i32,
    /// Row of `pg_collation`; 0 when the type is not collatable.
    pub collation: u32,
}

/// Interval as PostgreSQL keeps it; the three parts never flow into each other on their own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Interval {
    /// Whole months.
    pub months: i32,
    /// Whole days.
    pub days: i32,
    /// Microseconds.
    pub micros: i64,
}

/// An array value: any number of dimensions, each with its lower bound.
#[derive(Clone, PartialEq, Debug)]
pub struct ArrayValue {
    /// Element type.
    pub elem: u32,
    /// (length, lower bound) per dimension; empty for the empty array.
    pub dims: Vec<(i32, i32)>,
    /// Elements in row-major order.
    pub items: Vec<Datum>,
}

/// A label of an enum: where it stands among the labels, and the OID of its `pg_enum` row, by which the catalog finds its
/// name. The place is part of the value so that values compare without the catalog.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct EnumValue {
    /// `enumsortorder`.
    pub order: f32,
    /// OID of the label.
    pub oid: u32,
}

/// A range without its type: bounds of the subtype `sub`.
#[derive(Clone, PartialEq, Debug)]
pub struct RangeValue {
    /// Type of the bounds, with the collation they compare by.
    pub sub: TypeRef,
    /// Contains nothing; the bounds mean nothing then.
    pub empty: bool,
    /// Lower bound.
    pub lower: Bound,
    /// Upper bound.
    pub upper: Bound,
}

/// One bound of a range.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Bound {
    /// The value; `None` is infinity.
    pub value: Option<Datum>,
    /// Whether the value itself is in the range; never for infinity.
    pub inclusive: bool,
}

/// A multirange: ranges that are not empty, in order, neither overlapping nor adjacent.
#[derive(Clone, PartialEq, Debug)]
pub struct MultirangeValue {
    /// Type of the bounds.
    pub sub: TypeRef,
    /// The ranges.
    pub ranges: Vec<RangeValue>,
}

/// One SQL value. The variant is the in-memory representation, not the type: several types share one (text, varchar,
/// name, json and unknown are all `Text`; oid and the reg* family are `Oid`); the [`TypeRef`] travels beside it.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum Datum {
    /// SQL NULL of any type.
    #[default]
    Null,
    /// bool.
    Bool(bool),
    /// int2.
    Int2(i16),
    /// int4.
    Int4(i32),
    /// int8.
    Int8(i64),
    /// float4.
    Float4(f32),
    /// float8.
    Float8(f64),
    /// oid, xid, cid, regclass and the other reg* types.
    Oid(u32),
    /// numeric of any size.
    Numeric(Numeric),
    /// text, varchar, bpchar (blank-padded as stored), name, json, unknown, "char" (one byte's text) and other types
    /// whose value is their text. Always valid UTF-8 without NUL.
    Text(Str),
    /// bytea and other types whose value is opaque bytes.
    Bytes(Bytes),
    /// date: days since 2000-01-01; `i32::MIN`/`i32::MAX` are -infinity/infinity.
    Date(i32),
    /// time: microseconds since midnight, 0..=86_400_000_000.
    Time(i64),
    /// timetz: microseconds since midnight and zone in seconds west of UTC.
    TimeTz(i64, i32),
    /// timestamp: microseconds since 2000-01-01; `i64::MIN`/`i64::MAX` are -infinity/infinity.
    Timestamp(i64),
    /// timestamptz: as `Timestamp`, in UTC.
    TimestampTz(i64),
    /// interval.
    Interval(Interval),
    /// uuid.
    Uuid([u8; 16]),
    /// Any array, int2vector and oidvector included (0-based lower bound).
    Array(Arc<ArrayValue>),
    /// A row value: the fields in order.
    Row(Arc<[(TypeRef, Datum)]>),
    /// A label of an enum.
    Enum(EnumValue),
    /// A range.
    Range(Arc<RangeValue>),
    /// A multirange.
    Multirange(Arc<MultirangeValue>),
}

/// Text in a value: inline up to 24 bytes.
pub type Str = compact_str::CompactString;

impl Datum {
    /// Whether this is NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, Datum::Null)
    }
}
