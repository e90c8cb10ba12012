//! Partial aggregate states as bytes. The format lives only as long as one query's spill files, so it carries no version;
//! a state that does not read back is an internal error.

use crate::datum::{ArrayValue, Datum, Interval, RangeValue, Str, TypeRef};
use crate::numeric::Numeric;
use rustydb_base::{DbError, Result};
use std::sync::Arc;

/// Deepest nesting of arrays and rows in a state.
const MAX_DEPTH: u32 = 64;

/// Appends a length or a count.
pub fn put_len(out: &mut Vec<u8>, n: usize) {
    out.extend_from_slice(&(n as u64).to_le_bytes());
}

/// Appends bytes behind their length.
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_len(out, bytes.len());
    out.extend_from_slice(bytes);
}

/// Appends an optional text.
pub fn put_opt(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    out.push(u8::from(bytes.is_some()));
    if let Some(bytes) = bytes {
        put_bytes(out, bytes);
    }
}

/// Appends a value.
pub fn put_datum(out: &mut Vec<u8>, d: &Datum) {
    macro_rules! number {
        ($tag:literal, $v:expr) => {{
            out.push($tag);
            out.extend_from_slice(&$v.to_le_bytes());
        }};
    }
    match d {
        Datum::Null => out.push(0),
        Datum::Bool(v) => out.extend_from_slice(&[1, u8::from(*v)]),
        Datum::Int2(v) => number!(2, v),
        Datum::Int4(v) => number!(3, v),
        Datum::Int8(v) => number!(4, v),
        Datum::Float4(v) => number!(5, v),
        Datum::Float8(v) => number!(6, v),
        Datum::Oid(v) => number!(7, v),
        Datum::Numeric(v) => {
            out.push(8);
            let mut bytes = Vec::new();
            v.to_bytes(&mut bytes);
            put_bytes(out, &bytes);
        }
        Datum::Text(v) => {
            out.push(9);
            put_bytes(out, v.as_bytes());
        }
        Datum::Bytes(v) => {
            out.push(10);
            put_bytes(out, v);
        }
        Datum::Date(v) => number!(11, v),
        Datum::Time(v) => number!(12, v),
        Datum::TimeTz(v, zone) => {
            number!(13, v);
            out.extend_from_slice(&zone.to_le_bytes());
        }
        Datum::Timestamp(v) => number!(14, v),
        Datum::TimestampTz(v) => number!(15, v),
        Datum::Interval(v) => {
            number!(16, v.months);
            out.extend_from_slice(&v.days.to_le_bytes());
            out.extend_from_slice(&v.micros.to_le_bytes());
        }
        Datum::Uuid(v) => {
            out.push(17);
            out.extend_from_slice(v);
        }
        Datum::Array(a) => {
            number!(18, a.elem);
            put_len(out, a.dims.len());
            for (len, lower) in &a.dims {
                out.extend_from_slice(&len.to_le_bytes());
                out.extend_from_slice(&lower.to_le_bytes());
            }
            put_len(out, a.items.len());
            a.items.iter().for_each(|i| put_datum(out, i));
        }
        Datum::Row(fields) => {
            out.push(19);
            put_len(out, fields.len());
            for (ty, d) in fields.iter() {
                out.extend_from_slice(&ty.oid.to_le_bytes());
                out.extend_from_slice(&ty.typmod.to_le_bytes());
                out.extend_from_slice(&ty.collation.to_le_bytes());
                put_datum(out, d);
            }
        }
        Datum::Enum(_) | Datum::Range(_) | Datum::Multirange(_) => {
            out.push(20);
            let mut b = Vec::new();
            crate::rowcodec::put_any(d, &mut b);
            put_bytes(out, &b);
        }
    }
}

/// Reads a state back.
pub struct Reader<'a>(pub &'a [u8]);

fn broken() -> DbError {
    DbError::internal("a partial aggregate state does not read back")
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(n).ok_or_else(broken)?;
        self.0 = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.take(N)?.try_into().map_err(|_| broken())
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    /// A signed integer.
    pub fn i64(&mut self) -> Result<i64> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    /// A wide signed integer.
    pub fn i128(&mut self) -> Result<i128> {
        Ok(i128::from_le_bytes(self.array()?))
    }

    /// A float.
    pub fn f64(&mut self) -> Result<f64> {
        Ok(f64::from_le_bytes(self.array()?))
    }

    fn i32(&mut self) -> Result<i32> {
        Ok(i32::from_le_bytes(self.array()?))
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// A length or a count.
    pub fn count(&mut self) -> Result<usize> {
        usize::try_from(u64::from_le_bytes(self.array()?)).map_err(|_| broken())
    }

    /// Bytes behind their length.
    pub fn bytes(&mut self) -> Result<&'a [u8]> {
        let n = self.count()?;
        self.take(n)
    }

    /// Optional bytes.
    pub fn opt(&mut self) -> Result<Option<&'a [u8]>> {
        Ok(if self.u8()? == 0 { None } else { Some(self.bytes()?) })
    }

    /// Text behind its length.
    pub fn text(&mut self) -> Result<&'a str> {
        std::str::from_utf8(self.bytes()?).map_err(|_| broken())
    }

    /// A numeric behind its length.
    pub fn numeric(&mut self) -> Result<Numeric> {
        Numeric::from_bytes(self.bytes()?)
    }

    /// A value.
    pub fn datum(&mut self) -> Result<Datum> {
        self.nested(0)
    }

    fn nested(&mut self, depth: u32) -> Result<Datum> {
        if depth > MAX_DEPTH {
            return Err(broken());
        }
        Ok(match self.u8()? {
            0 => Datum::Null,
            1 => Datum::Bool(self.u8()? != 0),
            2 => Datum::Int2(i16::from_le_bytes(self.array()?)),
            3 => Datum::Int4(self.i32()?),
            4 => Datum::Int8(self.i64()?),
            5 => Datum::Float4(f32::from_le_bytes(self.array()?)),
            6 => Datum::Float8(self.f64()?),
            7 => Datum::Oid(self.u32()?),
            8 => Datum::Numeric(self.numeric()?),
            9 => Datum::Text(Str::new(self.text()?)),
            10 => Datum::Bytes(self.bytes()?.to_vec().into()),
            11 => Datum::Date(self.i32()?),
            12 => Datum::Time(self.i64()?),
            13 => Datum::TimeTz(self.i64()?, self.i32()?),
            14 => Datum::Timestamp(self.i64()?),
            15 => Datum::TimestampTz(self.i64()?),
            16 => Datum::Interval(Interval { months: self.i32()?, days: self.i32()?, micros: self.i64()? }),
            17 => Datum::Uuid(self.array()?),
            18 => {
                let elem = self.u32()?;
                let dims = (0..self.count()?).map(|_| Ok((self.i32()?, self.i32()?))).collect::<Result<_>>()?;
                let items = (0..self.count()?).map(|_| self.nested(depth + 1)).collect::<Result<_>>()?;
                Datum::Array(Arc::new(ArrayValue { elem, dims, items }))
            }
            19 => {
                let fields = (0..self.count()?)
                    .map(|_| {
                        let ty = TypeRef { oid: self.u32()?, typmod: self.i32()?, collation: self.u32()? };
                        Ok((ty, self.nested(depth + 1)?))
                    })
                    .collect::<Result<Vec<_>>>()?;
                Datum::Row(fields.into())
            }
            20 => crate::rowcodec::read_any(self.bytes()?)?,
            _ => return Err(broken()),
        })
    }
}

fn range_size(r: &RangeValue) -> usize {
    size_of::<RangeValue>() + r.lower.value.iter().chain(&r.upper.value).map(heap_size).sum::<usize>()
}

/// Bytes a value holds beyond its own size, for memory accounts.
pub fn heap_size(d: &Datum) -> usize {
    match d {
        Datum::Text(s) if s.is_heap_allocated() => s.capacity(),
        Datum::Bytes(b) => b.len(),
        Datum::Array(a) => {
            size_of::<ArrayValue>()
                + a.dims.len() * 8
                + a.items.len() * size_of::<Datum>()
                + a.items.iter().map(heap_size).sum::<usize>()
        }
        Datum::Row(f) => f.iter().map(|(_, d)| size_of::<(TypeRef, Datum)>() + heap_size(d)).sum(),
        Datum::Range(r) => range_size(r),
        Datum::Multirange(m) => m.ranges.iter().map(range_size).sum(),
        _ => 0,
    }
}
