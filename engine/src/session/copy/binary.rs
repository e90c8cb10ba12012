//! COPY's binary format on its way in: a header, then per row a field count and the fields with their lengths.

use super::SIGNATURE;
use rustydb_base::{DbError, Result, SqlState};
use std::ops::Range;

/// Largest field.
const MAX_FIELD: usize = 1 << 30;

fn bad(m: impl Into<std::borrow::Cow<'static, str>>) -> DbError {
    DbError::new(SqlState::BAD_COPY_FILE_FORMAT, m)
}

/// Cuts a binary stream into rows.
#[derive(Default)]
pub struct Rows {
    buf: Vec<u8>,
    at: usize,
    header: bool,
    ended: bool,
    trailer: bool,
}

impl Rows {
    /// Adds bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        if self.at > 0 {
            self.buf.drain(..self.at);
            self.at = 0;
        }
        self.buf.extend_from_slice(bytes);
    }

    /// No more bytes will come.
    pub fn end(&mut self) {
        self.ended = true;
    }

    fn i32_at(&self, at: usize) -> Option<i32> {
        let b: [u8; 4] = self.buf.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(i32::from_be_bytes(b))
    }

    /// Reads the header; false when more bytes are needed.
    fn read_header(&mut self) -> Result<bool> {
        let n = self.buf.len().min(SIGNATURE.len());
        if self.buf.get(..n) != SIGNATURE.get(..n) || (self.ended && n < SIGNATURE.len()) {
            return Err(bad("COPY file signature not recognized"));
        }
        let (Some(flags), Some(extra)) = (self.i32_at(11), self.i32_at(15)) else {
            return if self.ended { Err(bad("invalid COPY file header (missing flags)")) } else { Ok(false) };
        };
        if flags & (1 << 16) != 0 {
            return Err(bad("invalid COPY file header (WITH OIDS)"));
        }
        if (flags & !0xffff) != 0 {
            return Err(bad("unrecognized critical flags in COPY file header"));
        }
        let extra = usize::try_from(extra)
            .ok()
            .filter(|e| *e <= MAX_FIELD)
            .ok_or_else(|| bad("invalid COPY file header (missing length)"))?;
        if self.buf.len() < 19 + extra {
            return if self.ended { Err(bad("invalid COPY file header (wrong length)")) } else { Ok(false) };
        }
        self.at = 19 + extra;
        self.header = true;
        Ok(true)
    }

    /// The next row's fields as ranges of the buffer (`None` for NULL) in `out`; false when more bytes are needed or the
    /// end is reached.
    pub fn next(&mut self, columns: usize, out: &mut Vec<Option<Range<usize>>>) -> Result<bool> {
        if !self.header && !self.read_header()? {
            return Ok(false);
        }
        let Some(count) = self.buf.get(self.at..self.at + 2).and_then(|b| b.try_into().ok()).map(i16::from_be_bytes)
        else {
            // A file may end without the trailer; half a count may not.
            return if self.ended && self.at != self.buf.len() {
                Err(bad("unexpected EOF in COPY data"))
            } else {
                Ok(false)
            };
        };
        if self.trailer {
            return Err(bad("received copy data after EOF marker"));
        }
        if count == -1 {
            self.at += 2;
            self.trailer = true;
            if self.at < self.buf.len() {
                return Err(bad("received copy data after EOF marker"));
            }
            return Ok(false);
        }
        if usize::try_from(count).ok() != Some(columns) {
            return Err(bad(format!("row field count is {count}, expected {columns}")));
        }
        out.clear();
        let mut at = self.at + 2;
        for _ in 0..columns {
            let Some(len) = self.i32_at(at) else { return self.short() };
            at += 4;
            if len == -1 {
                out.push(None);
                continue;
            }
            let len = usize::try_from(len).ok().filter(|l| *l <= MAX_FIELD).ok_or_else(|| bad("invalid field size"))?;
            if self.buf.len() < at + len {
                return self.short();
            }
            out.push(Some(at..at + len));
            at += len;
        }
        self.at = at;
        Ok(true)
    }

    fn short(&self) -> Result<bool> {
        if self.ended { Err(bad("unexpected EOF in COPY data")) } else { Ok(false) }
    }

    /// A field's bytes.
    pub fn field(&self, r: &Range<usize>) -> &[u8] {
        self.buf.get(r.clone()).unwrap_or(&[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_whole_however_bytes_arrive() {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([0; 8]);
        bytes.extend([0, 2, 0, 0, 0, 1, b'x', 0xff, 0xff, 0xff, 0xff]);
        bytes.extend([0xff, 0xff]);
        let mut rows = Rows::default();
        let mut out = Vec::new();
        let mut seen = 0;
        for b in &bytes {
            rows.push(&[*b]);
            while rows.next(2, &mut out).expect("well formed") {
                seen += 1;
                assert_eq!(out[0].as_ref().map(|r| rows.field(r)), Some(&b"x"[..]));
                assert!(out[1].is_none());
            }
        }
        rows.end();
        assert!(!rows.next(2, &mut out).expect("at the end"));
        assert_eq!(seen, 1);
    }

    #[test]
    fn garbage_is_refused() {
        let mut rows = Rows::default();
        rows.push(b"not a copy file");
        assert!(rows.next(1, &mut Vec::new()).is_err());
    }
}
