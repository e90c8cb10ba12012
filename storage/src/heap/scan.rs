//! Scanning a heap, a page at a time, into rows or Arrow columns.
//!
//! Idea: copy the page under its latch, let the latch go, then decide for each row which version the snapshot sees; old
//! versions and moved rows are put behind the page copy, so that every visible row is a range of one buffer. Columns
//! are then decoded one after another: where all rows of the page have the table's present layout and no NULLs, a
//! column is one loop at fixed distances.
//!
//! Everything that can wait happens before a value is appended, so a page's rows reach the builders all or not at all,
//! and a call that answered a [`Wait`](crate::wait::Wait) is simply repeated with the same block.

use super::layout::{Place, var_range};
use super::page::{self, ROW_HEADER, SlotState, flag};
use super::version::{addresses, check_not_lost};
use super::{Datum, Decode, Reader, Rel, RowBuf, TableLayout};
use crate::buf::Access;
use crate::core::Resolve;
use crate::overflow::OvfReader;
use crate::page::{PAGE_SIZE, Page, PageKind};
use crate::txn::{TxnState, VER_XID};
use crate::wait::Op;
use arrow_array::builder::{BinaryViewBuilder, StringViewBuilder};
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int16Type, Int32Type, Int64Type,
    Time64MicrosecondType, TimestampMicrosecondType, UInt32Type,
};
use arrow_array::{ArrayRef, BooleanArray, FixedSizeBinaryArray, PrimitiveArray};
use arrow_buffer::{BooleanBufferBuilder, Buffer, NullBufferBuilder, ScalarBuffer};
use hashbrown::HashMap;
use rustydb_base::sqlstate::SqlState;
use rustydb_base::{BlockNo, DbError, Lsn, PageId, Result, Rid, Scn, Xid};
use std::sync::Arc;

/// The visible rows of one page; reused from page to page.
#[derive(Default)]
pub struct PageRows {
    block: BlockNo,
    /// The page copy, then rebuilt rows.
    buf: Vec<u8>,
    rows: Vec<RowAt>,
    /// All rows have the present layout and no null bitmap.
    uniform: bool,
    image: RowBuf,
}

#[derive(Clone, Copy)]
struct RowAt {
    off: u32,
    len: u32,
    slot: u16,
}

impl PageRows {
    /// Replaces the contents by the rows of a block that the reader sees. Blocks that are no heap pages have none.
    pub fn load(&mut self, reader: &mut Reader<'_>, rel: Rel, layout: &TableLayout, block: BlockNo) -> Op<()> {
        let done = self.load_seen(reader, rel, layout, block);
        reader.core.check_kept_in(rel.id, &reader.snap)?;
        done
    }

    fn load_seen(&mut self, reader: &mut Reader<'_>, rel: Rel, layout: &TableLayout, block: BlockNo) -> Op<()> {
        self.block = block;
        self.rows.clear();
        self.buf.clear();
        self.uniform = true;
        reader.whole = true;
        if rel.method.is_outside() {
            return self.load_outside(reader, rel, layout, block);
        }
        let pid = PageId::new(rel.id, block);
        let g = reader.core.pool.read(pid, Access::Scan)?;
        if !g.is(PageKind::Heap) {
            let zero = g.is(PageKind::Zero);
            drop(g);
            return if zero { check_not_lost(reader.core, pid) } else { Ok(()) };
        }
        self.buf.extend_from_slice(&g.0);
        let (nslots, vis) = (g.nslots(), g.vis_scn());
        drop(g);
        let all = vis != 0 && Scn(vis) <= reader.snap.scn;
        // Whether a transaction number could be stamped, and whether then the whole page could be.
        let (mut stamp, mut clean) = (false, vis == 0);
        for slot in 0..nslots {
            let at = crate::page::BODY + usize::from(slot) * page::SLOT;
            let Some(&[o0, o1, l0, l1]) = self.buf.get(at..at + page::SLOT) else {
                return Err(DbError::corrupt(format!("heap page {pid:?}: too many slots")).into());
            };
            let (off, w) = (usize::from(u16::from_le_bytes([o0, o1])), u16::from_le_bytes([l0, l1]));
            let (len, state) = (usize::from(w >> 3), w & 7);
            if state == SlotState::Forward as u16 {
                clean = false;
                self.moved(reader, rel, Rid { block, slot }, layout)?;
                continue;
            }
            if state != SlotState::Live as u16 {
                continue;
            }
            let row = (off + len <= PAGE_SIZE && len >= ROW_HEADER).then(|| &self.buf[off..off + len]);
            let Some(row) = row else {
                return Err(DbError::corrupt(format!("heap page {pid:?}: slot {slot} leaves the page")).into());
            };
            if !all {
                let ver = page::ver(row);
                if !reader.visible(ver, page::undo(row))? {
                    clean = false;
                    self.image.clear();
                    self.image.extend_from_slice(row);
                    let mut image = std::mem::take(&mut self.image);
                    let seen = reader.version(rel, Rid { block, slot }, &mut image);
                    self.image = image;
                    if seen? {
                        self.push_image(slot, layout);
                    }
                    continue;
                }
                stamp |= ver & VER_XID != 0 && ver != VER_XID | reader.snap.xid.0;
                if page::flags(row) & flag::DELETED != 0 {
                    clean = false;
                    continue;
                }
            }
            self.uniform &= row[19] == 0 && row[16..18] == layout.current().schema_ver().to_le_bytes();
            self.rows.push(RowAt { off: off as u32, len: len as u32, slot });
        }
        if stamp || (clean && !self.rows.is_empty()) {
            // Only a hint: not worth waiting for.
            if let Ok(mut g) = reader.core.pool.try_write(pid) {
                stamp_page(&*reader.core.txns, &mut g);
            }
        }
        Ok(())
    }

    /// As [`PageRows::load`] of a table of another crate's method.
    fn load_outside(&mut self, reader: &mut Reader<'_>, rel: Rel, layout: &TableLayout, block: BlockNo) -> Op<()> {
        let mut rids = Vec::new();
        addresses(reader.core, rel, block, &mut rids)?;
        rids.into_iter().try_for_each(|rid| self.moved(reader, rel, rid, layout))
    }

    fn moved(&mut self, reader: &mut Reader<'_>, rel: Rel, rid: Rid, layout: &TableLayout) -> Op<()> {
        let mut image = std::mem::take(&mut self.image);
        let seen = reader.fetch(rel, rid, &mut image);
        self.image = image;
        if seen? {
            self.push_image(rid.slot, layout);
        }
        Ok(())
    }

    fn push_image(&mut self, slot: u16, layout: &TableLayout) {
        let (off, len) = (self.buf.len() as u32, self.image.len() as u32);
        self.uniform &= self.image[19] == 0 && self.image[16..18] == layout.current().schema_ver().to_le_bytes();
        self.buf.extend_from_slice(&self.image);
        self.rows.push(RowAt { off, len, slot });
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether the page has no visible row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The rows with their addresses, in slot order.
    pub fn iter(&self) -> impl Iterator<Item = (Rid, &[u8])> {
        self.rows.iter().map(|r| (Rid { block: self.block, slot: r.slot }, self.row(r)))
    }

    /// One row with its address, in slot order.
    pub fn get(&self, i: usize) -> Option<(Rid, &[u8])> {
        self.rows.get(i).map(|r| (Rid { block: self.block, slot: r.slot }, self.row(r)))
    }

    #[inline]
    fn row(&self, r: &RowAt) -> &[u8] {
        &self.buf[r.off as usize..(r.off + r.len) as usize]
    }
}

/// Unlogged hints on a page held exclusively: turns the numbers of transactions whose commit is stable into SCNs and
/// sets `vis_scn` if then every row is committed and none deleted. Waits for nothing. Other kinds of page are left
/// alone. For scans and for the page writer.
pub fn stamp_page(txns: &dyn Resolve, p: &mut Page) {
    if !p.is(PageKind::Heap) {
        return;
    }
    let stable = txns.stable_lsn();
    let (mut all, mut max, mut last) = (true, 1, (Xid::NONE, None));
    for i in 0..p.nslots() {
        let Ok(s) = page::slot(p, i) else { return };
        match s.state {
            SlotState::Free | SlotState::Body => continue,
            SlotState::Live => {}
            SlotState::Forward => all = false,
        }
        let Ok(row) = page::row(p, s) else { return };
        let (mut ver, deleted) = (page::ver(row), page::flags(row) & flag::DELETED != 0);
        if ver & VER_XID != 0 {
            let xid = Xid(ver & !VER_XID);
            if last.0 != xid {
                let mut lsn = Lsn(0);
                last = (
                    xid,
                    match txns.resolve(xid, &mut lsn) {
                        Ok(TxnState::Committed(scn)) if lsn <= stable => Some(scn.0),
                        Ok(TxnState::CommittedForAll) => Some(1),
                        _ => None,
                    },
                );
            }
            if let Some(scn) = last.1
                && p.put(s.off, &scn.to_le_bytes()).is_ok()
            {
                ver = scn;
            }
        }
        all &= ver & VER_XID == 0 && !deleted;
        max = max.max(ver);
    }
    if all {
        p.set_vis_scn(max);
    }
}

/// Arrow columns under construction.
pub struct Columns {
    proj: Vec<usize>,
    cols: Vec<Col>,
    rows: usize,
}

enum Data {
    Bool(BooleanBufferBuilder),
    I16(Vec<i16>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    U32(Vec<u32>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    I128(Vec<i128>),
    B16(Vec<u8>),
    Utf8(StringViewBuilder),
    Bin(BinaryViewBuilder),
}

struct Col {
    decode: Decode,
    data: Data,
    /// Only for data without nulls of its own.
    nulls: NullBufferBuilder,
}

const VIEW_BLOCK: u32 = 64 * 1024;

impl Col {
    fn new(decode: Decode) -> Col {
        use Decode::*;
        let data = match decode {
            Bool => Data::Bool(BooleanBufferBuilder::new(0)),
            I16 => Data::I16(Vec::new()),
            I32 | Date32 => Data::I32(Vec::new()),
            I64 | Time64 | TimestampMicros => Data::I64(Vec::new()),
            U32 => Data::U32(Vec::new()),
            F32 => Data::F32(Vec::new()),
            F64 => Data::F64(Vec::new()),
            Dec64 { .. } | Dec128 { .. } => Data::I128(Vec::new()),
            Fixed16 | Interval16 => Data::B16(Vec::new()),
            Utf8 => Data::Utf8(StringViewBuilder::new().with_fixed_block_size(VIEW_BLOCK)),
            Bin => Data::Bin(BinaryViewBuilder::new().with_fixed_block_size(VIEW_BLOCK)),
        };
        Col { decode, data, nulls: NullBufferBuilder::new(0) }
    }

    fn null(&mut self) {
        match &mut self.data {
            Data::Utf8(b) => return b.append_null(),
            Data::Bin(b) => return b.append_null(),
            Data::Bool(v) => v.append(false),
            Data::I16(v) => v.push(0),
            Data::I32(v) => v.push(0),
            Data::I64(v) => v.push(0),
            Data::U32(v) => v.push(0),
            Data::F32(v) => v.push(0.0),
            Data::F64(v) => v.push(0.0),
            Data::I128(v) => v.push(0),
            Data::B16(v) => v.extend_from_slice(&[0; 16]),
        }
        self.nulls.append_null();
    }

    fn value(&mut self, b: &[u8]) -> Result<()> {
        match &mut self.data {
            Data::Utf8(v) => {
                v.append_value(utf8(b)?);
                return Ok(());
            }
            Data::Bin(v) => {
                v.append_value(b);
                return Ok(());
            }
            Data::Bool(v) => v.append(b.first().copied().unwrap_or(0) != 0),
            Data::I16(v) => v.push(i16::from_le_bytes(arr(b)?)),
            Data::I32(v) => v.push(i32::from_le_bytes(arr(b)?)),
            Data::I64(v) => v.push(i64::from_le_bytes(arr(b)?)),
            Data::U32(v) => v.push(u32::from_le_bytes(arr(b)?)),
            Data::F32(v) => v.push(f32::from_le_bytes(arr(b)?)),
            Data::F64(v) => v.push(f64::from_le_bytes(arr(b)?)),
            Data::I128(v) => v.push(match self.decode {
                Decode::Dec64 { .. } => i128::from(i64::from_le_bytes(arr(b)?)),
                _ => i128::from_le_bytes(arr(b)?),
            }),
            Data::B16(v) => v.extend_from_slice(&arr::<16>(b)?),
        }
        self.nulls.append_non_null();
        Ok(())
    }

    /// A fixed column at distance `at` from the start of every row; none is NULL.
    fn strided(&mut self, p: &PageRows, at: usize) -> Result<()> {
        macro_rules! column {
            ($v:expr, $ty:ty) => {{
                $v.reserve(p.rows.len());
                for r in &p.rows {
                    let at = r.off as usize + at;
                    $v.push(<$ty>::from_le_bytes(arr(p.buf.get(at..at + size_of::<$ty>()).unwrap_or(&[]))?));
                }
            }};
        }
        match &mut self.data {
            Data::I16(v) => column!(v, i16),
            Data::I32(v) => column!(v, i32),
            Data::I64(v) => column!(v, i64),
            Data::U32(v) => column!(v, u32),
            Data::F32(v) => column!(v, f32),
            Data::F64(v) => column!(v, f64),
            Data::I128(v) if matches!(self.decode, Decode::Dec128 { .. }) => column!(v, i128),
            _ => {
                let w = if matches!(self.data, Data::B16(_)) { 16 } else { 8 };
                let w = if matches!(self.data, Data::Bool(_)) { 1 } else { w };
                for r in &p.rows {
                    let at = r.off as usize + at;
                    self.value(p.buf.get(at..at + w).unwrap_or(&[]))?;
                }
                return Ok(());
            }
        }
        self.nulls.append_n_non_nulls(p.rows.len());
        Ok(())
    }

    fn finish(self) -> Result<ArrayRef> {
        fn prim<T: ArrowPrimitiveType>(v: Vec<T::Native>, mut nulls: NullBufferBuilder) -> PrimitiveArray<T> {
            PrimitiveArray::new(ScalarBuffer::from(v), nulls.finish())
        }
        let mut nulls = self.nulls;
        let arrow = |e: arrow_schema::ArrowError| DbError::internal(format!("cannot build column: {e}"));
        Ok(match self.data {
            Data::Utf8(mut b) => Arc::new(b.finish()),
            Data::Bin(mut b) => Arc::new(b.finish()),
            Data::Bool(mut v) => Arc::new(BooleanArray::new(v.finish(), nulls.finish())),
            Data::I16(v) => Arc::new(prim::<Int16Type>(v, nulls)),
            Data::I32(v) if self.decode == Decode::Date32 => Arc::new(prim::<Date32Type>(v, nulls)),
            Data::I32(v) => Arc::new(prim::<Int32Type>(v, nulls)),
            Data::I64(v) => match self.decode {
                Decode::Time64 => Arc::new(prim::<Time64MicrosecondType>(v, nulls)),
                Decode::TimestampMicros => Arc::new(prim::<TimestampMicrosecondType>(v, nulls)),
                _ => Arc::new(prim::<Int64Type>(v, nulls)),
            },
            Data::U32(v) => Arc::new(prim::<UInt32Type>(v, nulls)),
            Data::F32(v) => Arc::new(prim::<Float32Type>(v, nulls)),
            Data::F64(v) => Arc::new(prim::<Float64Type>(v, nulls)),
            Data::I128(v) => {
                let (p, scale) = match self.decode {
                    Decode::Dec64 { scale } => (18, scale),
                    Decode::Dec128 { scale } => (38, scale),
                    _ => (38, 0),
                };
                Arc::new(prim::<Decimal128Type>(v, nulls).with_precision_and_scale(p, scale).map_err(arrow)?)
            }
            Data::B16(v) => {
                Arc::new(FixedSizeBinaryArray::try_new(16, Buffer::from_vec(v), nulls.finish()).map_err(arrow)?)
            }
        })
    }
}

fn arr<const N: usize>(b: &[u8]) -> Result<[u8; N]> {
    b.try_into().map_err(|_| DbError::corrupt("column value has the wrong width"))
}

fn utf8(b: &[u8]) -> Result<&str> {
    std::str::from_utf8(b).map_err(|_| DbError::new(SqlState::DATA_CORRUPTED, "stored text is not valid UTF-8"))
}

impl Columns {
    /// Empty columns for the projected columns of a table (numbers into its columns, in the order wanted).
    pub fn new(layout: &TableLayout, proj: &[usize]) -> Result<Columns> {
        let cols = proj
            .iter()
            .map(|c| layout.columns().get(*c).map(|c| Col::new(c.decode)))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| DbError::internal("projected column does not exist"))?;
        Ok(Columns { proj: proj.to_vec(), cols, rows: 0 })
    }

    /// Rows so far.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Appends all rows of a page. `big` holds the values kept in the overflow file, by row and column.
    fn append(&mut self, p: &PageRows, layout: &TableLayout, big: &HashMap<(usize, usize), Vec<u8>>) -> Result<()> {
        let cur = layout.current();
        for (col, &c) in self.cols.iter_mut().zip(&self.proj) {
            match cur.place(c) {
                Place::Fixed(off, _) if p.uniform => {
                    col.strided(p, ROW_HEADER + usize::from(off))?;
                    continue;
                }
                Place::Var(n) if p.uniform && big.is_empty() => {
                    let (fixed, nvar) = cur.var_table();
                    for r in &p.rows {
                        let row = p.row(r);
                        let (from, to, _) = var_range(row, ROW_HEADER + fixed, usize::from(n), nvar)?;
                        col.value(row.get(from..to).ok_or_else(|| DbError::corrupt("row shorter than its layout"))?)?;
                    }
                    continue;
                }
                _ => {}
            }
            for (i, r) in p.rows.iter().enumerate() {
                match layout.value(p.row(r), c)? {
                    Datum::Null => col.null(),
                    Datum::Bytes(b) => col.value(b)?,
                    Datum::Overflow(_) => {
                        let v = big.get(&(i, c)).ok_or_else(|| DbError::internal("overflow value was not read"))?;
                        col.value(v)?;
                    }
                }
            }
        }
        self.rows += p.rows.len();
        Ok(())
    }

    /// The columns' arrays, in projection order. Timestamps carry no zone; intervals and uuids are 16 raw bytes.
    pub fn finish(self) -> Result<Vec<ArrayRef>> {
        self.cols.into_iter().map(Col::finish).collect()
    }
}

/// A scan of a table into columns: its page in progress survives a wait.
#[derive(Default)]
pub struct Scan {
    rows: PageRows,
    /// Overflow values of the page read so far.
    big: HashMap<(usize, usize), Vec<u8>>,
    reading: Option<OvfReader>,
    /// The block that `rows` holds, while its overflow values are being read.
    loaded: Option<BlockNo>,
}

impl Scan {
    /// A scan that has read nothing.
    pub fn new() -> Scan {
        Scan::default()
    }

    /// Appends the rows of a block that the reader sees to `out` and answers their number. After a wait, call again
    /// with the same block.
    pub fn page(
        &mut self,
        reader: &mut Reader<'_>,
        rel: Rel,
        layout: &TableLayout,
        block: BlockNo,
        out: &mut Columns,
    ) -> Op<usize> {
        if self.loaded != Some(block) {
            self.loaded = None;
            self.big.clear();
            self.reading = None;
            self.rows.load(reader, rel, layout, block)?;
            self.loaded = Some(block);
        }
        let read = self.read_overflow(reader, rel, layout, &out.proj);
        reader.core.check_kept_in(rel.id, &reader.snap)?;
        read?;
        self.loaded = None;
        out.append(&self.rows, layout, &self.big)?;
        self.big.clear();
        Ok(self.rows.len())
    }

    fn read_overflow(&mut self, reader: &Reader<'_>, rel: Rel, layout: &TableLayout, proj: &[usize]) -> Op<()> {
        for (i, r) in self.rows.rows.iter().enumerate() {
            let row = self.rows.row(r);
            if page::flags(row) & flag::HAS_OVF == 0 {
                continue;
            }
            for &c in proj {
                if self.big.contains_key(&(i, c)) {
                    continue;
                }
                let Datum::Overflow(ptr) = layout.value(row, c)? else { continue };
                let job = match &mut self.reading {
                    Some(j) if j.ptr() == ptr => j,
                    other => other.insert(OvfReader::new(ptr)?),
                };
                let v = job.read(reader.core, rel.overflow)?;
                self.reading = None;
                self.big.insert((i, c), v);
            }
        }
        Ok(())
    }
}
