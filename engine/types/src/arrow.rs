//! Values as Arrow arrays, for vectorised execution.
//!
//! | PostgreSQL | Arrow | the numbers in it |
//! |---|---|---|
//! | bool, int2, int4, int8 | Boolean, Int16, Int32, Int64 | |
//! | float4, float8 | Float32, Float64 | NaN always the same positive one |
//! | oid, xid, cid, reg* / xid8 | UInt32 / UInt64 | |
//! | text, varchar, bpchar, name, json, "char", unknown | Utf8View | bpchar with its blanks |
//! | bytea | BinaryView | |
//! | date | Date32 | days since **2000-01-01**, `i32::MIN`/`MAX` infinite |
//! | timestamp, timestamptz | Timestamp(µs) without zone | µs since **2000-01-01** UTC, `i64::MIN`/`MAX` infinite |
//! | time | Time64(µs) | |
//! | timetz, interval, uuid | FixedSizeBinary(16) | as [`crate::rowcodec::PhysKind`] lays them out |
//! | numeric(p,s), p ≤ 38, while static | Decimal128(p,s) | `i128::MAX` is NaN |
//! | other numeric | BinaryView | [`Numeric::write_key`] and the display scale (u16, big-endian) |
//! | arrays, rows, the rest | BinaryView | [`crate::rowcodec::put_any`] |
//!
//! Dates and timestamps keep PostgreSQL's epoch: the order is the same, stored columns become arrays without arithmetic,
//! and timestamps after 294246 AD would not fit microseconds from 1970. Arrow's own date kernels are therefore never used
//! on them; all functions are ours.
//!
//! **Keys.** Where [`native_order`] is true, Arrow's equality, hash and order of the array are PostgreSQL's, and the column
//! itself may be sorted, grouped, joined and compared. Where it is not, [`key_array`] gives an array that may stand in as the
//! key: numeric without its display scale, float without negative zero, bpchar without trailing blanks, and
//! [`crate::keyenc`] bytes for the others, among them text under a collation of ICU's. The values themselves travel beside the key.

use crate::collation::{icu, is_icu};
use crate::datum::{Datum, Interval, TypeRef};
use crate::numeric::Numeric;
use crate::rowcodec::{self, PhysKind, phys_kind};
use crate::{cmp, keyenc, oid, usertype};
use arrow_array::builder::{
    BinaryViewBuilder, BooleanBuilder, FixedSizeBinaryBuilder, PrimitiveBuilder, StringViewBuilder,
};
use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    Time64MicrosecondType, TimestampMicrosecondType, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, TimeUnit};
use rustydb_base::{DbError, Result};
use std::sync::Arc;

/// Precision and scale of a numeric expression whose scale is known when it is planned.
pub type StaticNumeric = Option<(u8, i8)>;

/// The Arrow type of a PostgreSQL type. `static_numeric` says that a numeric's values all fit that precision and scale;
/// for columns [`rowcodec::static_numeric`] tells.
pub fn arrow_type(ty: TypeRef, static_numeric: StaticNumeric) -> DataType {
    let ty = usertype::base(ty);
    match ty.oid {
        oid::BOOL => DataType::Boolean,
        oid::INT2 => DataType::Int16,
        oid::INT4 => DataType::Int32,
        oid::INT8 | oid::MONEY => DataType::Int64,
        oid::XID8 | oid::PG_LSN => DataType::UInt64,
        oid::FLOAT4 => DataType::Float32,
        oid::FLOAT8 => DataType::Float64,
        oid::DATE => DataType::Date32,
        oid::TIME => DataType::Time64(TimeUnit::Microsecond),
        oid::TIMESTAMP | oid::TIMESTAMPTZ => DataType::Timestamp(TimeUnit::Microsecond, None),
        oid::NUMERIC => match static_numeric {
            Some((p, s)) if (1..=38).contains(&p) && (0..=p as i8).contains(&s) => DataType::Decimal128(p, s),
            _ => DataType::BinaryView,
        },
        oid::TIMETZ | oid::INTERVAL | oid::UUID => DataType::FixedSizeBinary(16),
        o if oid::is_oid_like(o) => DataType::UInt32,
        _ if phys_kind(ty) == PhysKind::Utf8 => DataType::Utf8View,
        _ => DataType::BinaryView,
    }
}

/// Whether the Arrow form's own equality, hash and order are PostgreSQL's.
pub fn native_order(ty: TypeRef, static_numeric: StaticNumeric) -> bool {
    let ty = usertype::base(ty);
    match ty.oid {
        oid::FLOAT4 | oid::FLOAT8 | oid::BPCHAR | oid::CHAR | oid::TIMETZ | oid::INTERVAL => false,
        oid::BYTEA | oid::UUID => true,
        oid::NUMERIC => matches!(arrow_type(ty, static_numeric), DataType::Decimal128(..)),
        _ if is_icu(ty.collation) => false,
        _ => arrow_type(ty, static_numeric) != DataType::BinaryView,
    }
}

fn wrong_array(ty: TypeRef, a: &dyn Array) -> DbError {
    DbError::internal(format!("array of {} does not hold type {}", a.data_type(), ty.oid))
}

fn put_numeric(n: &Numeric, out: &mut Vec<u8>) {
    n.write_key(out);
    let scale = n.scale().unwrap_or(0) as u16;
    out.extend_from_slice(&scale.to_be_bytes());
}

fn get_numeric(b: &[u8]) -> Result<Numeric> {
    let bad = || DbError::internal("numeric in an array is malformed");
    let (n, used) = Numeric::from_key(b)?;
    let scale: [u8; 2] = b.get(used..).and_then(|r| r.try_into().ok()).ok_or_else(bad)?;
    n.with_scale(u16::from_be_bytes(scale).into())
}

/// The value at a row.
pub fn datum_at(a: &ArrayRef, row: usize, ty: TypeRef) -> Result<Datum> {
    let ty = usertype::base(ty);
    if row >= a.len() {
        return Err(DbError::internal("row beyond the array's end"));
    }
    if a.is_null(row) {
        return Ok(Datum::Null);
    }
    fn at<T: ArrowPrimitiveType>(a: &ArrayRef, row: usize) -> T::Native {
        a.as_primitive::<T>().value(row)
    }
    Ok(match a.data_type() {
        DataType::Boolean => Datum::Bool(a.as_boolean().value(row)),
        DataType::Int16 => Datum::Int2(at::<Int16Type>(a, row)),
        DataType::Int32 => Datum::Int4(at::<Int32Type>(a, row)),
        DataType::Int64 => Datum::Int8(at::<Int64Type>(a, row)),
        DataType::UInt64 => Datum::Int8(at::<UInt64Type>(a, row) as i64),
        DataType::UInt32 => Datum::Oid(at::<UInt32Type>(a, row)),
        DataType::Float32 => Datum::Float4(at::<Float32Type>(a, row)),
        DataType::Float64 => Datum::Float8(at::<Float64Type>(a, row)),
        DataType::Date32 => Datum::Date(at::<Date32Type>(a, row)),
        DataType::Time64(TimeUnit::Microsecond) => Datum::Time(at::<Time64MicrosecondType>(a, row)),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let v = at::<TimestampMicrosecondType>(a, row);
            if ty.oid == oid::TIMESTAMPTZ { Datum::TimestampTz(v) } else { Datum::Timestamp(v) }
        }
        DataType::Decimal128(_, scale) => match at::<Decimal128Type>(a, row) {
            i128::MAX => Datum::Numeric(Numeric::NAN),
            v => Datum::Numeric(Numeric::from_i128(v, (*scale).max(0) as u16)?),
        },
        DataType::Utf8View => Datum::Text(a.as_string_view().value(row).into()),
        DataType::Utf8 => Datum::Text(a.as_string::<i32>().value(row).into()),
        DataType::FixedSizeBinary(16) => {
            let b = a.as_fixed_size_binary().value(row);
            let kind = if ty.oid == oid::INTERVAL { PhysKind::Interval } else { PhysKind::Fixed16 };
            rowcodec::decode_value(kind, ty, b)?
        }
        DataType::BinaryView => {
            let b = a.as_binary_view().value(row);
            match ty.oid {
                oid::NUMERIC => Datum::Numeric(get_numeric(b)?),
                _ => rowcodec::decode_value(PhysKind::Bin, ty, b)?,
            }
        }
        DataType::Null => Datum::Null,
        _ => return Err(wrong_array(ty, a.as_ref())),
    })
}

/// Builds an array value by value.
pub struct DatumBuilder {
    ty: TypeRef,
    inner: Inner,
    /// Bytes of one value before they are appended.
    scratch: Vec<u8>,
}

enum Inner {
    Bool(BooleanBuilder),
    I16(PrimitiveBuilder<Int16Type>),
    I32(PrimitiveBuilder<Int32Type>),
    I64(PrimitiveBuilder<Int64Type>),
    U32(PrimitiveBuilder<UInt32Type>),
    U64(PrimitiveBuilder<UInt64Type>),
    F32(PrimitiveBuilder<Float32Type>),
    F64(PrimitiveBuilder<Float64Type>),
    Date(PrimitiveBuilder<Date32Type>),
    Time(PrimitiveBuilder<Time64MicrosecondType>),
    Timestamp(PrimitiveBuilder<TimestampMicrosecondType>),
    Decimal(PrimitiveBuilder<Decimal128Type>, u8, i8),
    Text(StringViewBuilder),
    Fixed(FixedSizeBinaryBuilder),
    Bin(BinaryViewBuilder),
}

impl DatumBuilder {
    /// An empty array of the type with room for `capacity` values.
    pub fn new(ty: TypeRef, static_numeric: StaticNumeric, capacity: usize) -> DatumBuilder {
        let n = capacity;
        let ty = usertype::base(ty);
        let inner = match arrow_type(ty, static_numeric) {
            DataType::Boolean => Inner::Bool(BooleanBuilder::with_capacity(n)),
            DataType::Int16 => Inner::I16(PrimitiveBuilder::with_capacity(n)),
            DataType::Int32 => Inner::I32(PrimitiveBuilder::with_capacity(n)),
            DataType::Int64 => Inner::I64(PrimitiveBuilder::with_capacity(n)),
            DataType::UInt32 => Inner::U32(PrimitiveBuilder::with_capacity(n)),
            DataType::UInt64 => Inner::U64(PrimitiveBuilder::with_capacity(n)),
            DataType::Float32 => Inner::F32(PrimitiveBuilder::with_capacity(n)),
            DataType::Float64 => Inner::F64(PrimitiveBuilder::with_capacity(n)),
            DataType::Date32 => Inner::Date(PrimitiveBuilder::with_capacity(n)),
            DataType::Time64(_) => Inner::Time(PrimitiveBuilder::with_capacity(n)),
            DataType::Timestamp(..) => Inner::Timestamp(PrimitiveBuilder::with_capacity(n)),
            DataType::Decimal128(p, s) => {
                let b = PrimitiveBuilder::with_capacity(n).with_data_type(DataType::Decimal128(p, s));
                Inner::Decimal(b, p, s)
            }
            DataType::Utf8View => Inner::Text(StringViewBuilder::with_capacity(n)),
            DataType::FixedSizeBinary(w) => Inner::Fixed(FixedSizeBinaryBuilder::with_capacity(n, w)),
            _ => Inner::Bin(BinaryViewBuilder::with_capacity(n)),
        };
        DatumBuilder { ty, inner, scratch: Vec::new() }
    }

    /// Values so far.
    pub fn len(&self) -> usize {
        use arrow_array::builder::ArrayBuilder;
        match &self.inner {
            Inner::Bool(b) => b.len(),
            Inner::I16(b) => b.len(),
            Inner::I32(b) => b.len(),
            Inner::I64(b) => b.len(),
            Inner::U32(b) => b.len(),
            Inner::U64(b) => b.len(),
            Inner::F32(b) => b.len(),
            Inner::F64(b) => b.len(),
            Inner::Date(b) => b.len(),
            Inner::Time(b) => b.len(),
            Inner::Timestamp(b) => b.len(),
            Inner::Decimal(b, ..) => b.len(),
            Inner::Text(b) => b.len(),
            Inner::Fixed(b) => b.len(),
            Inner::Bin(b) => b.len(),
        }
    }

    /// Whether there are no values.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends a NULL.
    pub fn push_null(&mut self) {
        match &mut self.inner {
            Inner::Bool(b) => b.append_null(),
            Inner::I16(b) => b.append_null(),
            Inner::I32(b) => b.append_null(),
            Inner::I64(b) => b.append_null(),
            Inner::U32(b) => b.append_null(),
            Inner::U64(b) => b.append_null(),
            Inner::F32(b) => b.append_null(),
            Inner::F64(b) => b.append_null(),
            Inner::Date(b) => b.append_null(),
            Inner::Time(b) => b.append_null(),
            Inner::Timestamp(b) => b.append_null(),
            Inner::Decimal(b, ..) => b.append_null(),
            Inner::Text(b) => b.append_null(),
            Inner::Fixed(b) => b.append_null(),
            Inner::Bin(b) => b.append_null(),
        }
    }

    /// Appends a value. XX000 for a value of another type; 22003 for a numeric beyond the static precision.
    pub fn push(&mut self, d: &Datum) -> Result<()> {
        match (&mut self.inner, d) {
            (_, Datum::Null) => self.push_null(),
            (Inner::Bool(b), Datum::Bool(v)) => b.append_value(*v),
            (Inner::I16(b), Datum::Int2(v)) => b.append_value(*v),
            (Inner::I32(b), Datum::Int4(v)) => b.append_value(*v),
            (Inner::I64(b), Datum::Int8(v)) => b.append_value(*v),
            (Inner::U64(b), Datum::Int8(v)) => b.append_value(*v as u64),
            (Inner::U32(b), Datum::Oid(v)) => b.append_value(*v),
            (Inner::F32(b), Datum::Float4(v)) => b.append_value(if v.is_nan() { f32::NAN.abs() } else { *v }),
            (Inner::F64(b), Datum::Float8(v)) => b.append_value(if v.is_nan() { f64::NAN.abs() } else { *v }),
            (Inner::Date(b), Datum::Date(v)) => b.append_value(*v),
            (Inner::Time(b), Datum::Time(v)) => b.append_value(*v),
            (Inner::Timestamp(b), Datum::Timestamp(v) | Datum::TimestampTz(v)) => b.append_value(*v),
            (Inner::Decimal(b, p, s), Datum::Numeric(n)) => {
                b.append_value(if n.is_nan() { i128::MAX } else { decimal(n, *p, *s)? });
            }
            (Inner::Text(b), Datum::Text(s)) => b.append_value(s.as_str()),
            (Inner::Fixed(b), d @ (Datum::Uuid(_) | Datum::TimeTz(..) | Datum::Interval(_))) => {
                let kind = if matches!(d, Datum::Interval(_)) { PhysKind::Interval } else { PhysKind::Fixed16 };
                self.scratch.clear();
                rowcodec::encode_value(kind, self.ty, d, &mut self.scratch)?;
                b.append_value(&self.scratch)
                    .map_err(|e| DbError::internal(format!("fixed-size value of another size: {e}")))?;
            }
            (Inner::Bin(b), Datum::Bytes(v)) if self.ty.oid == oid::BYTEA => b.append_value(v),
            (Inner::Bin(b), Datum::Numeric(n)) if self.ty.oid == oid::NUMERIC => {
                self.scratch.clear();
                put_numeric(n, &mut self.scratch);
                b.append_value(&self.scratch);
            }
            (Inner::Bin(b), d) if self.ty.oid != oid::BYTEA && self.ty.oid != oid::NUMERIC => {
                self.scratch.clear();
                rowcodec::put_any(d, &mut self.scratch);
                b.append_value(&self.scratch);
            }
            _ => return Err(DbError::internal(format!("value {d:?} does not belong to type {}", self.ty.oid))),
        }
        Ok(())
    }

    /// Appends a stored value that is not NULL: what [`rowcodec::encode_value`] wrote with `kind`. Skips the detour over
    /// a [`Datum`] where the forms agree.
    pub fn push_stored(&mut self, kind: PhysKind, bytes: &[u8]) -> Result<()> {
        fn fixed<const N: usize>(b: &[u8]) -> Result<[u8; N]> {
            b.try_into().map_err(|_| DbError::corrupt("stored value is malformed"))
        }
        match (&mut self.inner, kind) {
            (Inner::Bool(b), PhysKind::Bool) => b.append_value(fixed::<1>(bytes)?[0] != 0),
            (Inner::I16(b), PhysKind::I16) => b.append_value(i16::from_le_bytes(fixed(bytes)?)),
            (Inner::I32(b), PhysKind::I32) => b.append_value(i32::from_le_bytes(fixed(bytes)?)),
            (Inner::U32(b), PhysKind::I32) => b.append_value(u32::from_le_bytes(fixed(bytes)?)),
            (Inner::Date(b), PhysKind::I32) => b.append_value(i32::from_le_bytes(fixed(bytes)?)),
            (Inner::I64(b), PhysKind::I64) => b.append_value(i64::from_le_bytes(fixed(bytes)?)),
            (Inner::U64(b), PhysKind::I64) => b.append_value(u64::from_le_bytes(fixed(bytes)?)),
            (Inner::Time(b), PhysKind::I64) => b.append_value(i64::from_le_bytes(fixed(bytes)?)),
            (Inner::Timestamp(b), PhysKind::I64) => b.append_value(i64::from_le_bytes(fixed(bytes)?)),
            (Inner::Decimal(b, _, s), PhysKind::Dec64 { scale }) if *s == scale as i8 => {
                let v = i64::from_le_bytes(fixed(bytes)?);
                b.append_value(if v == i64::MAX { i128::MAX } else { v.into() });
            }
            (Inner::Decimal(b, _, s), PhysKind::Dec128 { scale }) if *s == scale as i8 => {
                b.append_value(i128::from_le_bytes(fixed(bytes)?));
            }
            (Inner::Text(b), PhysKind::Utf8) => {
                let s = std::str::from_utf8(bytes).map_err(|_| DbError::corrupt("stored text is not UTF-8"))?;
                b.append_value(s);
            }
            (Inner::Fixed(b), PhysKind::Fixed16 | PhysKind::Interval) => {
                b.append_value(bytes).map_err(|_| DbError::corrupt("stored value is malformed"))?;
            }
            (Inner::Bin(b), PhysKind::Bin) if self.ty.oid != oid::NUMERIC => b.append_value(bytes),
            _ => {
                let d = rowcodec::decode_value(kind, self.ty, bytes)?;
                self.push(&d)?;
            }
        }
        Ok(())
    }

    /// The array; the builder is empty again.
    pub fn finish(&mut self) -> ArrayRef {
        match &mut self.inner {
            Inner::Bool(b) => Arc::new(b.finish()),
            Inner::I16(b) => Arc::new(b.finish()),
            Inner::I32(b) => Arc::new(b.finish()),
            Inner::I64(b) => Arc::new(b.finish()),
            Inner::U32(b) => Arc::new(b.finish()),
            Inner::U64(b) => Arc::new(b.finish()),
            Inner::F32(b) => Arc::new(b.finish()),
            Inner::F64(b) => Arc::new(b.finish()),
            Inner::Date(b) => Arc::new(b.finish()),
            Inner::Time(b) => Arc::new(b.finish()),
            Inner::Timestamp(b) => Arc::new(b.finish()),
            Inner::Decimal(b, ..) => Arc::new(b.finish()),
            Inner::Text(b) => Arc::new(b.finish()),
            Inner::Fixed(b) => Arc::new(b.finish()),
            Inner::Bin(b) => Arc::new(b.finish()),
        }
    }
}

/// A numeric's coefficient at a scale, within a precision.
fn decimal(n: &Numeric, precision: u8, scale: i8) -> Result<i128> {
    n.to_scaled_i128(scale.max(0) as u8)
        .filter(|v| v.unsigned_abs() < 10u128.pow(u32::from(precision.min(38))))
        .ok_or_else(|| {
            DbError::new(rustydb_base::SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "numeric field overflow").detail(format!(
                "The value {n} does not fit a fixed-point number of {precision} digits with {scale} decimals."
            ))
        })
}

/// An array of one value repeated, for literals.
pub fn repeat(ty: TypeRef, static_numeric: StaticNumeric, d: &Datum, rows: usize) -> Result<ArrayRef> {
    let mut b = DatumBuilder::new(ty, static_numeric, rows);
    for _ in 0..rows {
        b.push(d)?;
    }
    Ok(b.finish())
}

/// An array that may stand in for `a` wherever rows are compared, hashed or sorted; `a` itself where it may. NULLs stay
/// NULL.
pub fn key_array(ty: TypeRef, a: &ArrayRef) -> Result<ArrayRef> {
    let ty = usertype::base(ty);
    match (ty.oid, a.data_type()) {
        (oid::FLOAT4, DataType::Float32) => {
            // Adding zero turns -0 into 0.
            Ok(Arc::new(a.as_primitive::<Float32Type>().unary::<_, Float32Type>(|v| v + 0.0)))
        }
        (oid::FLOAT8, DataType::Float64) => {
            Ok(Arc::new(a.as_primitive::<Float64Type>().unary::<_, Float64Type>(|v| v + 0.0)))
        }
        (_, DataType::Utf8View) if is_icu(ty.collation) => match sort_keys(ty, a) {
            Some(keys) => Ok(keys),
            None => encoded_keys(ty, a),
        },
        (oid::BPCHAR, DataType::Utf8View) => {
            let src = a.as_string_view();
            let mut b = StringViewBuilder::with_capacity(src.len());
            for v in src.iter() {
                b.append_option(v.map(cmp::bpchar_significant));
            }
            Ok(Arc::new(b.finish()))
        }
        (oid::NUMERIC, DataType::BinaryView) => {
            let src = a.as_binary_view();
            let mut b = BinaryViewBuilder::with_capacity(src.len());
            for v in src.iter() {
                b.append_option(v.map(|v| &v[..v.len().saturating_sub(2)]));
            }
            Ok(Arc::new(b.finish()))
        }
        (oid::INTERVAL, DataType::FixedSizeBinary(16)) => fixed_keys(ty, a, |b| {
            rowcodec::decode_value(PhysKind::Interval, ty, b).unwrap_or(Datum::Interval(Interval::default()))
        }),
        (oid::TIMETZ, DataType::FixedSizeBinary(16)) => {
            fixed_keys(ty, a, |b| rowcodec::decode_value(PhysKind::Fixed16, ty, b).unwrap_or(Datum::TimeTz(0, 0)))
        }
        (oid::CHAR, _) => encoded_keys(ty, a),
        (oid::BYTEA, _) => Ok(a.clone()),
        (_, DataType::BinaryView) => encoded_keys(ty, a),
        _ => Ok(a.clone()),
    }
}

/// Keys of sixteen-byte values; the array's width makes the decoding infallible.
fn fixed_keys(ty: TypeRef, a: &ArrayRef, decode: impl Fn(&[u8]) -> Datum) -> Result<ArrayRef> {
    let src = a.as_fixed_size_binary();
    let mut b = BinaryViewBuilder::with_capacity(src.len());
    let mut key = Vec::with_capacity(16);
    for v in src.iter() {
        match v {
            None => b.append_null(),
            Some(v) => {
                key.clear();
                keyenc::put_value(ty, &decode(v), &mut key);
                b.append_value(&key);
            }
        }
    }
    Ok(Arc::new(b.finish()))
}

/// Keys of text under a collation of ICU's; the same bytes as [`encoded_keys`] gives.
fn sort_keys(ty: TypeRef, a: &ArrayRef) -> Option<ArrayRef> {
    icu::with(ty.collation, |c| {
        let src = a.as_string_view();
        let mut b = BinaryViewBuilder::with_capacity(src.len());
        let mut key = Vec::new();
        for v in src.iter() {
            match v {
                None => b.append_null(),
                Some(v) => {
                    key.clear();
                    c.put_key(if ty.oid == oid::BPCHAR { cmp::bpchar_significant(v) } else { v }, &mut key);
                    b.append_value(&key);
                }
            }
        }
        Arc::new(b.finish()) as ArrayRef
    })
}

fn encoded_keys(ty: TypeRef, a: &ArrayRef) -> Result<ArrayRef> {
    let mut b = BinaryViewBuilder::with_capacity(a.len());
    let mut key = Vec::new();
    for row in 0..a.len() {
        let d = datum_at(a, row, ty)?;
        if d.is_null() {
            b.append_null();
            continue;
        }
        key.clear();
        keyenc::put_value(ty, &d, &mut key);
        b.append_value(&key);
    }
    Ok(Arc::new(b.finish()))
}

#[cfg(test)]
mod tests;
