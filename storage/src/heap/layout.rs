//! How a row's columns lie in its bytes.
//!
//! ```text
//! 0 ver u64 | 8 undo u64 | 16 schema_ver u16 | 18 flags u8 | 19 nullmap_len u8 | 20 null bitmap
//! | fixed area: columns by falling width, nulls keep their space | var ends u16[] | var bytes
//! ```
//! The bitmap is there only if some value is NULL (bit set = NULL), so every column is found in O(1): fixed columns at
//! a fixed distance from the bitmap's end, variable ones between two entries of the ends array. The top bit of an end
//! says that the value is kept in the overflow file and its bytes are an [`OvfPtr`].
//!
//! A table's columns are numbered once and for all; columns are added at the end and dropped ones leave a hole
//! ([`ColKind::Absent`]). Each change makes a new [`RowLayout`]; a row names the one it was made by, and a column the
//! row's layout does not have reads as the table's default for missing values.

use super::page::{MAX_ROW, ROW_HEADER, flag};
use rustydb_base::sqlstate::SqlState;
use rustydb_base::{BlockNo, DbError, Result};
use std::sync::Arc;

/// Physical kind of a column.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum ColKind {
    /// So many bytes (1, 2, 4, 8 or 16), little-endian.
    Fixed(u8),
    /// Any bytes.
    Var,
    /// Dropped, or not there yet: always NULL, takes no space.
    Absent,
}

/// How a column's bytes become an Arrow array.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Decode {
    /// 1 byte, 0 or 1.
    Bool,
    /// 2 bytes.
    I16,
    /// 4 bytes.
    I32,
    /// 8 bytes.
    I64,
    /// 4 bytes, unsigned.
    U32,
    /// 4 bytes.
    F32,
    /// 8 bytes.
    F64,
    /// 8 bytes, as Decimal128 with this scale.
    Dec64 {
        /// Digits behind the point.
        scale: i8,
    },
    /// 16 bytes, as Decimal128 with this scale.
    Dec128 {
        /// Digits behind the point.
        scale: i8,
    },
    /// 16 bytes, as FixedSizeBinary(16) (uuid).
    Fixed16,
    /// 16 bytes: months i32, days i32, microseconds i64, as FixedSizeBinary(16).
    Interval16,
    /// UTF-8, as Utf8View.
    Utf8,
    /// Bytes, as BinaryView.
    Bin,
    /// 4 bytes, days since 1970.
    Date32,
    /// 8 bytes, microseconds since midnight.
    Time64,
    /// 8 bytes, microseconds since 1970.
    TimestampMicros,
}

impl Decode {
    /// The physical kind this decoding expects.
    pub fn kind(self) -> ColKind {
        use Decode::*;
        match self {
            Bool => ColKind::Fixed(1),
            I16 => ColKind::Fixed(2),
            I32 | U32 | F32 | Date32 => ColKind::Fixed(4),
            I64 | F64 | Dec64 { .. } | Time64 | TimestampMicros => ColKind::Fixed(8),
            Dec128 { .. } | Fixed16 | Interval16 => ColKind::Fixed(16),
            Utf8 | Bin => ColKind::Var,
        }
    }
}

/// Where an overflow value is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OvfPtr {
    /// First block of its chain in the relation's overflow file.
    pub block: BlockNo,
    /// Length of the value.
    pub raw_len: u32,
    /// Length as stored.
    pub stored_len: u32,
    /// 0: as it is, 1: zstd.
    pub codec: u8,
    /// Word that every page of the chain repeats, so that a stale pointer is noticed.
    pub tag: u64,
}

impl OvfPtr {
    /// Encoded size.
    pub const LEN: usize = 21;
    /// As kept in a row.
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let mut b = [0; Self::LEN];
        b[..4].copy_from_slice(&self.block.to_le_bytes());
        b[4..8].copy_from_slice(&self.raw_len.to_le_bytes());
        b[8..12].copy_from_slice(&self.stored_len.to_le_bytes());
        b[12] = self.codec;
        b[13..].copy_from_slice(&self.tag.to_le_bytes());
        b
    }
    /// Reads what [`OvfPtr::to_bytes`] wrote.
    pub fn from_bytes(b: &[u8]) -> Result<OvfPtr> {
        let b: &[u8; Self::LEN] = b.try_into().map_err(|_| DbError::corrupt("malformed overflow pointer"))?;
        let w = |i: usize| u32::from_le_bytes([b[i], b[i + 1], b[i + 2], b[i + 3]]);
        let tag = u64::from(w(13)) | (u64::from(w(17)) << 32);
        Ok(OvfPtr { block: w(0), raw_len: w(4), stored_len: w(8), codec: b[12], tag })
    }
}

/// A column's value in a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Datum<'a> {
    /// NULL.
    Null,
    /// The bytes.
    Bytes(&'a [u8]),
    /// Kept in the overflow file.
    Overflow(OvfPtr),
}

impl<'a> From<Option<&'a [u8]>> for Datum<'a> {
    fn from(v: Option<&'a [u8]>) -> Datum<'a> {
        v.map_or(Datum::Null, Datum::Bytes)
    }
}

/// Marks an end entry whose value is in the overflow file.
const OVF: u16 = 0x8000;
/// Longest value kept in the row.
const BIG: usize = 2048;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// Offset behind the bitmap, width.
    Fixed(u16, u8),
    /// Index among the variable columns.
    Var(u16),
    Absent,
}

/// Places of the columns for one schema version of a table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RowLayout {
    schema_ver: u16,
    places: Box<[Place]>,
    fixed_len: u16,
    nvar: u16,
}

impl RowLayout {
    /// Most columns a row can have.
    pub const MAX_COLUMNS: usize = 1600;

    /// The layout of these columns. Fails with 54011 for too many of them, or when the fixed ones alone fill a row.
    pub fn new(schema_ver: u16, cols: &[ColKind]) -> Result<RowLayout> {
        if cols.len() > Self::MAX_COLUMNS {
            return Err(DbError::new(
                SqlState::TOO_MANY_COLUMNS,
                format!("tables can have at most {} columns", Self::MAX_COLUMNS),
            ));
        }
        let mut places = vec![Place::Absent; cols.len()];
        let (mut off, mut nvar) = (0usize, 0u16);
        for width in [16, 8, 4, 2, 1] {
            for (p, _) in places.iter_mut().zip(cols).filter(|(_, c)| **c == ColKind::Fixed(width)) {
                *p = Place::Fixed(off as u16, width);
                off += usize::from(width);
            }
        }
        for (p, c) in places.iter_mut().zip(cols) {
            match c {
                ColKind::Var => {
                    *p = Place::Var(nvar);
                    nvar += 1;
                }
                ColKind::Fixed(1 | 2 | 4 | 8 | 16) | ColKind::Absent => {}
                ColKind::Fixed(w) => return Err(DbError::internal(format!("no column is {w} bytes wide"))),
            }
        }
        let least = ROW_HEADER + cols.len().div_ceil(8) + off + usize::from(nvar) * 2;
        if least > MAX_ROW {
            return Err(too_big(least));
        }
        Ok(RowLayout { schema_ver, places: places.into(), fixed_len: off as u16, nvar })
    }

    /// The schema version its rows name.
    pub fn schema_ver(&self) -> u16 {
        self.schema_ver
    }
    /// Number of columns, holes included.
    pub fn columns(&self) -> usize {
        self.places.len()
    }
    pub(crate) fn place(&self, col: usize) -> Place {
        self.places.get(col).copied().unwrap_or(Place::Absent)
    }

    /// Length of the row these values make (an overflow value counts as its pointer).
    pub fn encoded_len(&self, vals: &[Datum<'_>]) -> usize {
        let mut len = ROW_HEADER + usize::from(self.fixed_len) + usize::from(self.nvar) * 2;
        if vals.len() < self.places.len() || vals.contains(&Datum::Null) {
            len += self.places.len().div_ceil(8);
        }
        for (v, p) in vals.iter().zip(&self.places) {
            if let Place::Var(_) = p {
                len += match v {
                    Datum::Null => 0,
                    Datum::Bytes(b) => b.len(),
                    Datum::Overflow(_) => OvfPtr::LEN,
                };
            }
        }
        len
    }

    /// Whether a row of these values is stored without the overflow file.
    pub fn fits(&self, vals: &[Datum<'_>]) -> bool {
        let small = |(v, p): (&Datum<'_>, &Place)| match (v, p) {
            (Datum::Bytes(b), Place::Var(_)) => b.len() <= BIG,
            _ => true,
        };
        vals.iter().zip(&self.places).all(small) && self.encoded_len(vals) <= MAX_ROW
    }

    /// Which columns must go to the overflow file so that the row fits and no value of more than 2 KB is kept in it:
    /// the big ones, then the biggest of the rest.
    pub fn to_overflow(&self, vals: &[Datum<'_>]) -> Vec<usize> {
        let mut len = self.encoded_len(vals);
        let mut var: Vec<(usize, usize)> = vals
            .iter()
            .zip(&self.places)
            .enumerate()
            .filter_map(|(i, (v, p))| match (v, p) {
                (Datum::Bytes(b), Place::Var(_)) if b.len() > OvfPtr::LEN => Some((b.len(), i)),
                _ => None,
            })
            .collect();
        var.sort_unstable_by_key(|&(n, i)| (std::cmp::Reverse(n), i));
        let mut out = Vec::new();
        for (n, i) in var {
            if n <= BIG && len <= MAX_ROW {
                break;
            }
            len -= n - OvfPtr::LEN;
            out.push(i);
        }
        out.sort_unstable();
        out
    }

    /// Appends the row made of these values (missing ones at the end are NULL) to `out`, `ver` and `undo` zero. Fails
    /// with 54000 if it is longer than [`MAX_ROW`]; see [`RowLayout::to_overflow`].
    pub fn encode(&self, vals: &[Datum<'_>], out: &mut Vec<u8>) -> Result<()> {
        let len = self.encoded_len(vals);
        if len > MAX_ROW {
            return Err(too_big(len));
        }
        let base = out.len();
        let nulls = vals.len() < self.places.len() || vals.contains(&Datum::Null);
        let nullmap = if nulls { self.places.len().div_ceil(8) } else { 0 };
        let ends = ROW_HEADER + nullmap + usize::from(self.fixed_len);
        out.resize(base + ends + usize::from(self.nvar) * 2, 0);
        let mut flags = if nulls { flag::NULLS } else { 0 };
        out[base + 16..base + 18].copy_from_slice(&self.schema_ver.to_le_bytes());
        out[base + 19] = nullmap as u8;
        let var_base = out.len();
        for (i, p) in self.places.iter().enumerate() {
            let v = vals.get(i).copied().unwrap_or(Datum::Null);
            if v == Datum::Null {
                out[base + ROW_HEADER + i / 8] |= 1 << (i % 8);
            }
            match (*p, v) {
                (Place::Fixed(off, w), Datum::Bytes(b)) if b.len() == usize::from(w) => {
                    let at = base + ROW_HEADER + nullmap + usize::from(off);
                    out[at..at + b.len()].copy_from_slice(b);
                }
                (Place::Var(n), v) => {
                    let mut mark = 0;
                    match v {
                        Datum::Null => {}
                        Datum::Bytes(b) => out.extend_from_slice(b),
                        Datum::Overflow(o) => {
                            out.extend_from_slice(&o.to_bytes());
                            flags |= flag::HAS_OVF;
                            mark = OVF;
                        }
                    }
                    let end = (out.len() - var_base) as u16 | mark;
                    let at = base + ends + usize::from(n) * 2;
                    out[at..at + 2].copy_from_slice(&end.to_le_bytes());
                }
                (_, Datum::Null) => {}
                _ => return Err(DbError::internal(format!("value does not fit column {}", i + 1))),
            }
        }
        out[base + 18] = flags;
        Ok(())
    }

    /// A column's value in a row of this layout.
    #[inline]
    pub fn value<'a>(&self, row: &'a [u8], col: usize) -> Result<Datum<'a>> {
        let nullmap = usize::from(*row.get(19).ok_or_else(short)?);
        if nullmap > 0 {
            let byte = row.get(ROW_HEADER + col / 8).ok_or_else(short)?;
            if col / 8 < nullmap && byte & (1 << (col % 8)) != 0 {
                return Ok(Datum::Null);
            }
        }
        let fixed = ROW_HEADER + nullmap;
        match self.place(col) {
            Place::Fixed(off, w) => {
                let at = fixed + usize::from(off);
                row.get(at..at + usize::from(w)).map(Datum::Bytes).ok_or_else(short)
            }
            Place::Var(n) => {
                let ends = fixed + usize::from(self.fixed_len);
                let (from, to, ovf) = var_range(row, ends, usize::from(n), usize::from(self.nvar))?;
                let b = row.get(from..to).ok_or_else(short)?;
                if ovf { Ok(Datum::Overflow(OvfPtr::from_bytes(b)?)) } else { Ok(Datum::Bytes(b)) }
            }
            Place::Absent => Ok(Datum::Null),
        }
    }

    /// Length of a row of this layout, slack behind it not counted.
    pub fn row_len(&self, row: &[u8]) -> Result<usize> {
        let nullmap = usize::from(*row.get(19).ok_or_else(short)?);
        let ends = ROW_HEADER + nullmap + usize::from(self.fixed_len);
        let len = match self.nvar {
            0 => ends,
            n => var_range(row, ends, usize::from(n) - 1, usize::from(n))?.1,
        };
        if len > row.len() { Err(short()) } else { Ok(len) }
    }

    /// Offset behind the bitmap of the variable columns' ends, and their number.
    pub(crate) fn var_table(&self) -> (usize, usize) {
        (usize::from(self.fixed_len), usize::from(self.nvar))
    }
}

/// Bytes of the `n`-th of `nvar` variable columns, whose ends array is at `ends`: from, to, in the overflow file?
#[inline]
pub(crate) fn var_range(row: &[u8], ends: usize, n: usize, nvar: usize) -> Result<(usize, usize, bool)> {
    let end = |i: usize| -> Result<u16> {
        let b = row.get(ends + i * 2..ends + i * 2 + 2).ok_or_else(short)?;
        Ok(u16::from_le_bytes([b[0], b[1]]))
    };
    let base = ends + nvar * 2;
    let to = end(n)?;
    let from = if n == 0 { 0 } else { end(n - 1)? & !OVF };
    Ok((base + usize::from(from), base + usize::from(to & !OVF), to & OVF != 0))
}

fn short() -> DbError {
    DbError::corrupt("row shorter than its layout")
}

fn too_big(len: usize) -> DbError {
    DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, format!("row is too big: size {len}, maximum size {MAX_ROW}"))
}

/// A column as the table's present definition has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Column {
    /// How it becomes an Arrow array.
    pub decode: Decode,
    /// Its value in rows older than the column; `None` is NULL.
    pub missing: Option<Box<[u8]>>,
}

/// All layouts a table's rows may have.
#[derive(Clone, Debug)]
pub struct TableLayout {
    columns: Box<[Column]>,
    /// By rising schema version; the last is the present one.
    versions: Box<[Arc<RowLayout>]>,
}

impl TableLayout {
    /// A table with these columns and these layouts (in any order, at least one; the highest version is the present
    /// one).
    pub fn new(columns: Vec<Column>, mut versions: Vec<Arc<RowLayout>>) -> Result<TableLayout> {
        versions.sort_by_key(|v| v.schema_ver());
        if versions.last().is_none_or(|v| v.columns() != columns.len()) {
            return Err(DbError::internal("table layout does not match its columns"));
        }
        Ok(TableLayout { columns: columns.into(), versions: versions.into() })
    }

    /// The layout of a table that never changed: version 1 of these columns.
    pub fn simple(cols: &[Decode]) -> Result<TableLayout> {
        let kinds: Vec<ColKind> = cols.iter().map(|d| d.kind()).collect();
        let columns = cols.iter().map(|d| Column { decode: *d, missing: None }).collect();
        TableLayout::new(columns, vec![Arc::new(RowLayout::new(1, &kinds)?)])
    }

    /// The layout that new rows get.
    pub fn current(&self) -> &RowLayout {
        // `new` refuses an empty list.
        &self.versions[self.versions.len() - 1]
    }
    /// The columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }
    /// The layout a row was made by.
    #[inline]
    pub fn of(&self, row: &[u8]) -> Result<&RowLayout> {
        let v = row.get(16..18).map(|b| u16::from_le_bytes([b[0], b[1]])).ok_or_else(short)?;
        let cur = self.current();
        if cur.schema_ver() == v {
            return Ok(cur);
        }
        self.versions
            .binary_search_by_key(&v, |l| l.schema_ver())
            .map(|i| &*self.versions[i])
            .map_err(|_| DbError::corrupt(format!("row has unknown schema version {v}")))
    }
    /// A column's value in a row.
    #[inline]
    pub fn value<'a>(&'a self, row: &'a [u8], col: usize) -> Result<Datum<'a>> {
        let l = self.of(row)?;
        if col < l.columns() {
            return l.value(row, col);
        }
        let missing = self.columns.get(col).and_then(|c| c.missing.as_deref());
        Ok(missing.into())
    }
    /// Length of a row, slack not counted.
    pub fn row_len(&self, row: &[u8]) -> Result<usize> {
        self.of(row)?.row_len(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodes_and_finds_every_column() {
        let t = TableLayout::simple(&[Decode::I32, Decode::Utf8, Decode::I64, Decode::Bin, Decode::Bool])
            .expect("small table");
        let l = t.current();
        let (a, c) = (7i32.to_le_bytes(), 9i64.to_le_bytes());
        let ovf = OvfPtr { block: 5, raw_len: 1 << 20, stored_len: 77, codec: 1, tag: u64::MAX - 3 };
        let full =
            [Datum::Bytes(&a), Datum::Bytes(b"text"), Datum::Bytes(&c), Datum::Overflow(ovf), Datum::Bytes(&[1])];
        let mut row = Vec::new();
        l.encode(&full, &mut row).expect("fits");
        assert_eq!(row.len(), l.encoded_len(&full));
        assert_eq!(row[18], flag::HAS_OVF);
        row.extend_from_slice(&[0; 9]);
        assert_eq!(l.row_len(&row).expect("whole"), row.len() - 9);
        for (i, v) in full.iter().enumerate() {
            assert_eq!(t.value(&row, i).expect("whole"), *v);
        }
        let some = [Datum::Null, Datum::Bytes(b""), Datum::Null, Datum::Bytes(b"x")];
        row.clear();
        l.encode(&some, &mut row).expect("fits");
        for (i, v) in some.iter().enumerate() {
            assert_eq!(t.value(&row, i).expect("whole"), *v);
        }
        assert_eq!(t.value(&row, 4).expect("whole"), Datum::Null);
        for n in 0..row.len() {
            // A cut row is an error or a value, never a panic.
            let _ = (0..5).map(|i| t.value(&row[..n], i).is_ok()).collect::<Vec<_>>();
        }
    }

    #[test]
    fn older_rows_answer_the_missing_value() {
        let v1 = Arc::new(RowLayout::new(1, &[ColKind::Fixed(4)]).expect("small"));
        let v2 = Arc::new(RowLayout::new(2, &[ColKind::Absent, ColKind::Var]).expect("small"));
        let col = |decode, m: Option<&[u8]>| Column { decode, missing: m.map(Into::into) };
        let t = TableLayout::new(
            vec![col(Decode::I32, None), col(Decode::Utf8, Some(b"dflt"))],
            vec![Arc::clone(&v2), Arc::clone(&v1)],
        )
        .expect("matches");
        let mut row = Vec::new();
        v1.encode(&[Datum::Bytes(&[1, 0, 0, 0])], &mut row).expect("fits");
        assert_eq!(t.value(&row, 1).expect("whole"), Datum::Bytes(b"dflt"));
        row.clear();
        v2.encode(&[Datum::Null, Datum::Bytes(b"new")], &mut row).expect("fits");
        assert_eq!(t.value(&row, 1).expect("whole"), Datum::Bytes(b"new"));
        assert_eq!(t.value(&row, 0).expect("whole"), Datum::Null);
    }

    #[test]
    fn big_values_go_to_overflow() {
        let l = RowLayout::new(1, &[ColKind::Var; 6]).expect("small");
        let (big, mid) = (vec![0; 3000], vec![0; 1900]);
        let v = [&big[..], &mid, &mid, b"s", &mid, &mid].map(Datum::Bytes);
        assert_eq!(l.to_overflow(&v), [0]);
        let v = [Datum::Bytes(&mid[..]); 6];
        let out = l.to_overflow(&v);
        assert_eq!(out, [0, 1]);
        assert!(l.encode(&v, &mut Vec::new()).is_err());
    }
}
