//! Aggregates that keep what they are given: array_agg and string_agg.

use super::codec::{Reader, heap_size, put_bytes, put_datum, put_len, put_opt};
use crate::ctx::EvalCtx;
use crate::datum::{ArrayValue, Datum, Str};
use crate::funcs::args::unexpected;
use crate::kernel::{AggKernel, AggState, CallInfo};
use rustydb_base::{DbError, Result, SqlState};
use std::sync::Arc;

/// Most elements an array can have.
const MAX_ITEMS: usize = 134_217_727;

/// PostgreSQL's bound on a value under construction.
const MAX_BUFFER: usize = 0x3fff_ffff;

/// 54000 when a text or bytea grows beyond its bound.
pub(crate) fn check_buffer(have: usize, more: usize) -> Result<()> {
    if have.saturating_add(more) < MAX_BUFFER {
        return Ok(());
    }
    Err(DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "out of memory")
        .detail(format!("Cannot enlarge string buffer containing {have} bytes by {more} more bytes.")))
}

fn too_many_items() -> DbError {
    DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, format!("array size exceeds the maximum allowed ({MAX_ITEMS})"))
}

/// `array_agg(anynonarray)`.
struct ArrayAgg {
    elem: u32,
    items: Vec<Datum>,
    /// Bytes the items hold beyond their own size.
    held: usize,
}

impl ArrayAgg {
    fn take(&mut self, d: Datum) -> Result<()> {
        if self.items.len() >= MAX_ITEMS {
            return Err(too_many_items());
        }
        self.held += heap_size(&d);
        self.items.push(d);
        Ok(())
    }
}

impl AggState for ArrayAgg {
    fn update(&mut self, _: &EvalCtx, args: &[Datum]) -> Result<()> {
        args.first().map_or(Ok(()), |d| self.take(d.clone()))
    }
    fn merge(&mut self, _: &EvalCtx, state: &[u8]) -> Result<()> {
        let mut r = Reader(state);
        (0..r.count()?).try_for_each(|_| self.take(r.datum()?))
    }
    fn state(&self) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        put_len(&mut out, self.items.len());
        self.items.iter().for_each(|d| put_datum(&mut out, d));
        Ok(out)
    }
    fn finish(&self, _: &EvalCtx) -> Result<Datum> {
        if self.items.is_empty() {
            return Ok(Datum::Null);
        }
        let dims = vec![(self.items.len() as i32, 1)];
        Ok(Datum::Array(Arc::new(ArrayValue { elem: self.elem, dims, items: self.items.clone() })))
    }
    fn size(&self) -> usize {
        size_of::<Self>() + self.items.capacity() * size_of::<Datum>() + self.held
    }
}

/// `array_agg(anyarray)`: arrays of one shape become the rows of an array with one dimension more.
struct ArrayOfArrays {
    shape: Option<(u32, Vec<(i32, i32)>)>,
    rows: i32,
    items: Vec<Datum>,
    held: usize,
}

impl ArrayOfArrays {
    fn take(&mut self, elem: u32, dims: &[(i32, i32)], items: &[Datum], rows: i32) -> Result<()> {
        match &self.shape {
            None => self.shape = Some((elem, dims.to_vec())),
            Some((_, known)) => {
                if *known != dims {
                    return Err(DbError::new(
                        SqlState::ARRAY_SUBSCRIPT_ERROR,
                        "cannot accumulate arrays of different dimensionality",
                    ));
                }
            }
        }
        if self.items.len() + items.len() > MAX_ITEMS {
            return Err(too_many_items());
        }
        self.held += items.iter().map(heap_size).sum::<usize>();
        self.items.extend_from_slice(items);
        self.rows += rows;
        Ok(())
    }
}

impl AggState for ArrayOfArrays {
    fn update(&mut self, _: &EvalCtx, args: &[Datum]) -> Result<()> {
        match args {
            [Datum::Array(a)] if a.dims.is_empty() => {
                Err(DbError::new(SqlState::ARRAY_SUBSCRIPT_ERROR, "cannot accumulate empty arrays"))
            }
            [Datum::Array(a)] if a.dims.len() >= 6 => Err(DbError::new(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                "number of array dimensions (7) exceeds the maximum allowed (6)",
            )),
            [Datum::Array(a)] => self.take(a.elem, &a.dims, &a.items, 1),
            [Datum::Null] => Err(DbError::new(SqlState::NULL_VALUE_NOT_ALLOWED, "cannot accumulate null arrays")),
            [d, ..] => Err(unexpected(d)),
            [] => Ok(()),
        }
    }
    fn merge(&mut self, _: &EvalCtx, state: &[u8]) -> Result<()> {
        match Reader(state).datum()? {
            // Written by finish(): the outermost dimension counts the rows.
            Datum::Array(a) => match a.dims.split_first() {
                Some(((rows, _), inner)) => self.take(a.elem, inner, &a.items, *rows),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }
    fn state(&self) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        put_datum(&mut out, &self.whole());
        Ok(out)
    }
    fn finish(&self, _: &EvalCtx) -> Result<Datum> {
        Ok(self.whole())
    }
    fn size(&self) -> usize {
        size_of::<Self>() + self.items.capacity() * size_of::<Datum>() + self.held
    }
}

impl ArrayOfArrays {
    fn whole(&self) -> Datum {
        let Some((elem, inner)) = &self.shape else { return Datum::Null };
        let dims = [(self.rows, 1)].into_iter().chain(inner.iter().copied()).collect();
        Datum::Array(Arc::new(ArrayValue { elem: *elem, dims, items: self.items.clone() }))
    }
}

/// `string_agg` of text or bytea. The first delimiter is kept apart: it is used only when another partial result comes
/// before this one.
struct StringAgg {
    text: Option<Vec<u8>>,
    first_delimiter: Vec<u8>,
    bytea: bool,
}

fn bytes_of(d: &Datum) -> Result<Option<&[u8]>> {
    match d {
        Datum::Null => Ok(None),
        Datum::Text(s) => Ok(Some(s.as_bytes())),
        Datum::Bytes(b) => Ok(Some(b)),
        d => Err(unexpected(d)),
    }
}

impl StringAgg {
    fn take(&mut self, value: &[u8], delimiter: &[u8]) -> Result<()> {
        match &mut self.text {
            None => {
                self.first_delimiter = delimiter.to_vec();
                self.text = Some(value.to_vec());
            }
            Some(text) => {
                check_buffer(text.len(), value.len().saturating_add(delimiter.len()))?;
                text.extend_from_slice(delimiter);
                text.extend_from_slice(value);
            }
        }
        Ok(())
    }
}

impl AggState for StringAgg {
    fn update(&mut self, _: &EvalCtx, args: &[Datum]) -> Result<()> {
        if let [value, delimiter] = args
            && let Some(value) = bytes_of(value)?
        {
            self.take(value, bytes_of(delimiter)?.unwrap_or_default())?;
        }
        Ok(())
    }
    fn merge(&mut self, _: &EvalCtx, state: &[u8]) -> Result<()> {
        let mut r = Reader(state);
        match r.opt()? {
            Some(text) => self.take(text, r.bytes()?),
            None => Ok(()),
        }
    }
    fn state(&self) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        put_opt(&mut out, self.text.as_deref());
        put_bytes(&mut out, &self.first_delimiter);
        Ok(out)
    }
    fn finish(&self, _: &EvalCtx) -> Result<Datum> {
        match &self.text {
            None => Ok(Datum::Null),
            Some(bytes) if self.bytea => Ok(Datum::Bytes(bytes.clone().into())),
            Some(bytes) => std::str::from_utf8(bytes)
                .map(|s| Datum::Text(Str::new(s)))
                .map_err(|_| DbError::internal("string_agg collected text that is not UTF-8")),
        }
    }
    fn size(&self) -> usize {
        size_of::<Self>() + self.text.as_ref().map_or(0, Vec::capacity) + self.first_delimiter.len()
    }
}

fn string_agg(bytea: bool) -> Box<dyn AggState> {
    Box::new(StringAgg { text: None, first_delimiter: Vec::new(), bytea })
}

fn first_type(info: &CallInfo<'_>) -> u32 {
    info.args.first().map_or(0, |t| t.oid)
}

/// Aggregates of this module.
pub const AGGREGATES: &[AggKernel] = &[
    AggKernel {
        signature: "array_agg(anynonarray)",
        init: |info| Box::new(ArrayAgg { elem: first_type(info), items: Vec::new(), held: 0 }),
    },
    AggKernel {
        signature: "array_agg(anyarray)",
        init: |_| Box::new(ArrayOfArrays { shape: None, rows: 0, items: Vec::new(), held: 0 }),
    },
    AggKernel { signature: "string_agg(text,text)", init: |_| string_agg(false) },
    AggKernel { signature: "string_agg(bytea,bytea)", init: |_| string_agg(true) },
];
