//! DataRows. Columns whose bytes are plain (integers, booleans, text) are written here; every other type goes through its
//! own output function in `rustydb_types`.

use super::encode::{begin, begin_row, end, field, null};
use arrow_array::cast::AsArray;
use arrow_array::types::{Int16Type, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, BooleanArray, Int16Array, Int32Array, Int64Array, RecordBatch, StringViewArray};
use bytes::{BufMut, BytesMut};
use rustydb_base::{DbError, Result};
use rustydb_engine::api::RowShape;
use rustydb_types::arrow::datum_at;
use rustydb_types::ctx::{FormatSettings, SessionInfo};
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::io::{self, OutCtx};
use rustydb_types::oid;
use std::sync::Arc;

/// Types whose text is their bytes in both formats: text, varchar, bpchar, name, unknown, json.
fn is_plain_text(oid: u32) -> bool {
    matches!(oid, oid::TEXT | oid::VARCHAR | oid::BPCHAR | oid::NAME | oid::UNKNOWN | oid::JSON)
}

/// Writes rows for one connection.
#[derive(Default)]
pub struct RowWriter {
    /// Names for reg* values.
    pub info: Option<Arc<dyn SessionInfo>>,
    /// Where output functions put a value's bytes before its length is known; empty between values.
    scratch: Vec<u8>,
}

/// A scratch buffer that grew beyond this is given back.
const SCRATCH_KEPT: usize = 8 * 1024;

impl RowWriter {
    /// Gives the scratch buffer's memory back.
    pub fn release(&mut self) {
        self.scratch = Vec::new();
    }

    /// One DataRow from values. The buffer is unchanged when it fails.
    pub fn row(&mut self, buf: &mut BytesMut, shape: &RowShape, fmt: &FormatSettings, row: &[Datum]) -> Result<()> {
        if row.len() != shape.columns.len() {
            return Err(DbError::internal(format!("row of {} values for {} columns", row.len(), shape.columns.len())));
        }
        let start = begin_row(buf, shape);
        let written = row
            .iter()
            .zip(shape.columns.iter())
            .enumerate()
            .try_for_each(|(i, (value, column))| self.datum(buf, column.ty, is_binary(shape, i), fmt, value));
        finish(buf, start, written)
    }

    /// DataRows from `len` rows of a batch starting at `from`. When it fails, the rows before the failing one stay.
    pub fn batch(
        &mut self,
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
            let written = columns.iter().try_for_each(|c| self.column(buf, c, fmt, row));
            finish(buf, start, written)?;
        }
        Ok(())
    }

    /// One column of one row of a batch.
    fn column(&mut self, buf: &mut BytesMut, c: &Column<'_>, fmt: &FormatSettings, row: usize) -> Result<()> {
        if c.array.is_null(row) {
            null(buf);
            return Ok(());
        }
        match c.kind {
            Kind::Bool(a) => boolean(buf, c.binary, a.value(row)),
            Kind::Int2(a) if c.binary => field(buf, &a.value(row).to_be_bytes()),
            Kind::Int4(a) if c.binary => field(buf, &a.value(row).to_be_bytes()),
            Kind::Int8(a) if c.binary => field(buf, &a.value(row).to_be_bytes()),
            Kind::Int2(a) => field(buf, itoa::Buffer::new().format(a.value(row)).as_bytes()),
            Kind::Int4(a) => field(buf, itoa::Buffer::new().format(a.value(row)).as_bytes()),
            Kind::Int8(a) => field(buf, itoa::Buffer::new().format(a.value(row)).as_bytes()),
            Kind::Text(a) => field(buf, a.value(row).as_bytes()),
            Kind::Other => {
                let value = datum_at(c.array, row, c.ty)?;
                self.datum(buf, c.ty, c.binary, fmt, &value)
            }
        }
    }

    /// One column of a DataRow.
    fn datum(
        &mut self,
        buf: &mut BytesMut,
        ty: TypeRef,
        binary: bool,
        fmt: &FormatSettings,
        value: &Datum,
    ) -> Result<()> {
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
            Datum::Int8(v) if ty.oid == oid::INT8 => field(buf, itoa::Buffer::new().format(*v).as_bytes()),
            Datum::Text(s) if is_plain_text(ty.oid) => field(buf, s.as_bytes()),
            _ => self.typed(buf, ty, binary, fmt, value),
        }
    }

    /// A value of any type in either format, by its output function.
    fn typed(
        &mut self,
        buf: &mut BytesMut,
        ty: TypeRef,
        binary: bool,
        fmt: &FormatSettings,
        value: &Datum,
    ) -> Result<()> {
        let ctx = OutCtx { fmt, session: self.info.as_deref() };
        self.scratch.clear();
        let written = if binary {
            io::binary_out(ctx, ty, value, &mut self.scratch)
        } else {
            io::text_out(ctx, ty, value, &mut self.scratch)
        };
        let written = written.and_then(|()| field(buf, &self.scratch));
        if self.scratch.capacity() > SCRATCH_KEPT {
            self.release();
        }
        written
    }
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
            oid::BOOL => array.as_boolean_opt().map(Kind::Bool),
            oid::INT2 => array.as_primitive_opt::<Int16Type>().map(Kind::Int2),
            oid::INT4 => array.as_primitive_opt::<Int32Type>().map(Kind::Int4),
            oid::INT8 => array.as_primitive_opt::<Int64Type>().map(Kind::Int8),
            oid if is_plain_text(oid) => array.as_string_view_opt().map(Kind::Text),
            _ => None,
        };
        Column { array, ty, binary, kind: kind.unwrap_or(Kind::Other) }
    }
}

fn boolean(buf: &mut BytesMut, binary: bool, v: bool) -> Result<()> {
    match (binary, v) {
        (true, v) => field(buf, &[u8::from(v)]),
        (false, true) => field(buf, b"t"),
        (false, false) => field(buf, b"f"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustydb_engine::api::ColumnDesc;
    use rustydb_types::arrow::DatumBuilder;

    fn shape(oids: &[u32], format: i16) -> RowShape {
        let column =
            |oid: &u32| ColumnDesc { name: "c".into(), table_oid: 0, attnum: 0, ty: TypeRef::new(*oid), typlen: -1 };
        RowShape { columns: oids.iter().map(column).collect(), formats: vec![format; oids.len()].into() }
    }

    fn samples() -> Vec<(u32, Datum, &'static str)> {
        vec![
            (oid::BOOL, Datum::Bool(true), "t"),
            (oid::INT2, Datum::Int2(-7), "-7"),
            (oid::INT4, Datum::Int4(i32::MIN), "-2147483648"),
            (oid::INT8, Datum::Int8(i64::MAX), "9223372036854775807"),
            (oid::XID8, Datum::Int8(-1), "18446744073709551615"),
            (oid::FLOAT8, Datum::Float8(0.1), "0.1"),
            (oid::OID, Datum::Oid(u32::MAX), "4294967295"),
            (oid::TEXT, Datum::Text("é".into()), "é"),
            (oid::JSON, Datum::Text("{}".into()), "{}"),
            (oid::BYTEA, Datum::Bytes(bytes::Bytes::from_static(b"\x00\xff")), "\\x00ff"),
            (oid::DATE, Datum::Date(0), "2000-01-01"),
            (oid::REGCLASS, Datum::Oid(1259), "1259"),
            (oid::TEXT, Datum::Null, ""),
        ]
    }

    /// Text as PostgreSQL shows it, and rows of values and of batches byte for byte the same in both formats.
    #[test]
    fn every_path_writes_the_same() {
        let fmt = FormatSettings::default();
        let (oids, values): (Vec<u32>, Vec<Datum>) = samples().into_iter().map(|(o, d, _)| (o, d)).unzip();
        for format in [0, 1] {
            let shape = shape(&oids, format);
            let mut writer = RowWriter::default();
            let mut from_row = BytesMut::new();
            writer.row(&mut from_row, &shape, &fmt, &values).unwrap();
            let arrays = shape.columns.iter().zip(&values).map(|(c, d)| {
                let mut b = DatumBuilder::new(c.ty, None, 1);
                b.push(d).unwrap();
                (c.name.clone(), b.finish(), true)
            });
            let arrays: Vec<_> = arrays.enumerate().map(|(i, (n, a, t))| (format!("{n}{i}"), a, t)).collect();
            let batch = RecordBatch::try_from_iter_with_nullable(arrays).unwrap();
            let mut from_batch = BytesMut::new();
            writer.batch(&mut from_batch, &shape, &fmt, &batch, 0, 1).unwrap();
            assert_eq!(from_row, from_batch, "format {format}");
            if format == 0 {
                let mut expected = BytesMut::new();
                let start = begin_row(&mut expected, &shape);
                for (_, d, text) in samples() {
                    if d.is_null() { null(&mut expected) } else { field(&mut expected, text.as_bytes()).unwrap() }
                }
                end(&mut expected, start).unwrap();
                assert_eq!(from_row, expected);
            }
        }
    }

    #[test]
    fn a_row_that_fails_leaves_nothing_behind() {
        let mut buf = BytesMut::from(&b"before"[..]);
        let (fmt, mut writer) = (FormatSettings::default(), RowWriter::default());
        let s = shape(&[oid::INT4, oid::INT4], 0);
        assert!(writer.row(&mut buf, &s, &fmt, &[Datum::Int4(1)]).is_err());
        // Bytes have a binary form as bytea only.
        let s = shape(&[oid::INT4, oid::DATE], 1);
        let wrong = Datum::Bytes(bytes::Bytes::from_static(b"x"));
        assert!(writer.row(&mut buf, &s, &fmt, &[Datum::Int4(1), wrong]).is_err());
        assert_eq!(&buf[..], b"before");
    }
}
