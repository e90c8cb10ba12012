//! DataRows. Columns whose bytes are plain (integers, booleans, text) are written here; every other type goes through its
//! own output function in `rustydb_types`.

use super::encode::{begin, begin_row, end, field, field_with, null};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int16Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, BooleanArray, Int16Array, Int32Array, Int64Array, RecordBatch, StringViewArray};
use bytes::{BufMut, BytesMut};
use rustydb_base::{DbError, Result};
use rustydb_engine::api::RowShape;
use rustydb_types::ctx::FormatSettings;
use rustydb_types::datum::{Datum, TypeRef};

/// Types whose text is their bytes in both formats: text, varchar, bpchar, name, unknown, json.
fn is_plain_text(oid: u32) -> bool {
    matches!(oid, 25 | 1043 | 1042 | 19 | 705 | 114)
}

/// One DataRow from values. The buffer is unchanged when it fails.
pub fn row(buf: &mut BytesMut, shape: &RowShape, fmt: &FormatSettings, row: &[Datum]) -> Result<()> {
    if row.len() != shape.columns.len() {
        return Err(DbError::internal(format!("row of {} values for {} columns", row.len(), shape.columns.len())));
    }
    let start = begin_row(buf, shape);
    let written = row
        .iter()
        .zip(shape.columns.iter())
        .enumerate()
        .try_for_each(|(i, (value, column))| datum(buf, column.ty, is_binary(shape, i), fmt, value));
    finish(buf, start, written)
}

/// DataRows from `len` rows of a batch starting at `from`. When it fails, the rows before the failing one stay.
pub fn batch(
    buf: &mut BytesMut,
    shape: &RowShape,
    fmt: &FormatSettings,
    batch: &RecordBatch,
    from: usize,
    len: usize,
) -> Result<()> {
    if batch.num_columns() != shape.columns.len() || from.saturating_add(len) > batch.num_rows() {
        return Err(DbError::internal(format!(
            "batch of {} columns and {} rows for {} columns and rows {from}+{len}",
            batch.num_columns(),
            batch.num_rows(),
            shape.columns.len()
        )));
    }
    let columns: Vec<Column<'_>> = batch
        .columns()
        .iter()
        .zip(shape.columns.iter())
        .enumerate()
        .map(|(i, (array, desc))| Column::new(array, desc.ty, is_binary(shape, i)))
        .collect();
    for row in from..from + len {
        let start = begin(buf, b'D');
        buf.put_u16(columns.len() as u16);
        let written = columns.iter().try_for_each(|c| c.write(buf, fmt, row));
        finish(buf, start, written)?;
    }
    Ok(())
}

fn is_binary(shape: &RowShape, column: usize) -> bool {
    shape.formats.get(column).is_some_and(|f| *f == 1)
}

fn finish(buf: &mut BytesMut, start: usize, written: Result<()>) -> Result<()> {
    match written {
        Ok(()) => end(buf, start),
        Err(e) => {
            buf.truncate(start);
            Err(e)
        }
    }
}

/// How one column of a batch is written; decided once per batch.
struct Column<'a> {
    array: &'a ArrayRef,
    ty: TypeRef,
    binary: bool,
    kind: Kind<'a>,
}

enum Kind<'a> {
    Bool(&'a BooleanArray),
    Int2(&'a Int16Array),
    Int4(&'a Int32Array),
    Int8(&'a Int64Array),
    Text(&'a StringViewArray),
    Other,
}

impl<'a> Column<'a> {
    fn new(array: &'a ArrayRef, ty: TypeRef, binary: bool) -> Column<'a> {
        let kind = match ty.oid {
            16 => array.as_boolean_opt().map(Kind::Bool),
            21 => array.as_primitive_opt::<Int16Type>().map(Kind::Int2),
            23 => array.as_primitive_opt::<Int32Type>().map(Kind::Int4),
            20 => array.as_primitive_opt::<Int64Type>().map(Kind::Int8),
            oid if is_plain_text(oid) => array.as_string_view_opt().map(Kind::Text),
            _ => None,
        };
        Column { array, ty, binary, kind: kind.unwrap_or(Kind::Other) }
    }

    fn write(&self, buf: &mut BytesMut, fmt: &FormatSettings, row: usize) -> Result<()> {
        if self.array.is_null(row) {
            null(buf);
            return Ok(());
        }
        match self.kind {
            Kind::Bool(a) => boolean(buf, self.binary, a.value(row)),
            Kind::Int2(a) if self.binary => field(buf, &a.value(row).to_be_bytes()),
            Kind::Int4(a) if self.binary => field(buf, &a.value(row).to_be_bytes()),
            Kind::Int8(a) if self.binary => field(buf, &a.value(row).to_be_bytes()),
            Kind::Int2(a) => field(buf, itoa::Buffer::new().format(a.value(row)).as_bytes()),
            Kind::Int4(a) => field(buf, itoa::Buffer::new().format(a.value(row)).as_bytes()),
            Kind::Int8(a) => field(buf, itoa::Buffer::new().format(a.value(row)).as_bytes()),
            Kind::Text(a) => field(buf, a.value(row).as_bytes()),
            Kind::Other => {
                let value = datum_at(self.array, self.ty, row)?;
                datum(buf, self.ty, self.binary, fmt, &value)
            }
        }
    }
}

/// One column of a DataRow.
fn datum(buf: &mut BytesMut, ty: TypeRef, binary: bool, fmt: &FormatSettings, value: &Datum) -> Result<()> {
    match value {
        Datum::Null => {
            null(buf);
            Ok(())
        }
        Datum::Bool(v) => boolean(buf, binary, *v),
        Datum::Int2(v) if binary => field(buf, &v.to_be_bytes()),
        Datum::Int4(v) if binary => field(buf, &v.to_be_bytes()),
        Datum::Int8(v) if binary => field(buf, &v.to_be_bytes()),
        Datum::Int2(v) => field(buf, itoa::Buffer::new().format(*v).as_bytes()),
        Datum::Int4(v) => field(buf, itoa::Buffer::new().format(*v).as_bytes()),
        Datum::Int8(v) => field(buf, itoa::Buffer::new().format(*v).as_bytes()),
        Datum::Text(s) if is_plain_text(ty.oid) => field(buf, s.as_bytes()),
        _ => field_with(buf, |buf| typed(buf, ty, binary, fmt, value)),
    }
}

fn boolean(buf: &mut BytesMut, binary: bool, v: bool) -> Result<()> {
    match (binary, v) {
        (true, v) => field(buf, &[u8::from(v)]),
        (false, true) => field(buf, b"t"),
        (false, false) => field(buf, b"f"),
    }
}

/// A value of any type in either format.
fn typed(_buf: &mut BytesMut, ty: TypeRef, _binary: bool, _fmt: &FormatSettings, _value: &Datum) -> Result<()> {
    Err(DbError::unsupported(format!("output of type with OID {} is not supported yet", ty.oid)))
}

/// One value of an array of any type.
fn datum_at(_array: &ArrayRef, ty: TypeRef, _row: usize) -> Result<Datum> {
    Err(DbError::unsupported(format!("output of type with OID {} is not supported yet", ty.oid)))
}
