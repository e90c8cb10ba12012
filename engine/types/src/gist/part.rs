//! The bytes of keys: a part for each column.
//!
//! A part is flags and kind in one byte, the length of its body (u16), and the body. Flags say what else than the body's values
//! there is among the values that it stands for.

/// NULLs.
pub(crate) const NULL: u8 = 0x80;
/// Empty ranges.
pub(crate) const EMPTY: u8 = 0x40;
/// Values that no question can be put to.
pub(crate) const ODD: u8 = 0x20;
/// The body's ends are further out than the values': they were too long.
pub(crate) const CUT: u8 = 0x10;
const FLAGS: u8 = 0xf0;

/// What a body is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Kind {
    Nothing,
    Rect,
    Span,
    Bits,
    /// Several spans, of [`crate::brin`].
    Several,
    /// Hashes, of [`crate::brin`].
    Hashes,
}

/// A part taken apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Part<'k> {
    pub flags: u8,
    pub kind: Kind,
    pub body: &'k [u8],
}

impl Part<'_> {
    pub(crate) fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }
}

/// Appends a part.
pub(crate) fn put(flags: u8, kind: Kind, body: &[u8], out: &mut Vec<u8>) {
    out.push(flags | kind as u8);
    out.extend_from_slice(&(body.len() as u16).to_le_bytes());
    out.extend_from_slice(body);
}

/// The parts of a key.
pub(crate) fn parts(key: &[u8]) -> Parts<'_> {
    Parts(key)
}

/// See [`parts`].
#[derive(Clone)]
pub(crate) struct Parts<'k>(&'k [u8]);

impl<'k> Iterator for Parts<'k> {
    type Item = Part<'k>;

    fn next(&mut self) -> Option<Part<'k>> {
        let (head, rest) = self.0.split_first_chunk::<3>()?;
        let (body, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes([head[1], head[2]])))?;
        self.0 = rest;
        let kind = match head[0] & !FLAGS {
            1 => Kind::Rect,
            2 => Kind::Span,
            3 => Kind::Bits,
            4 => Kind::Several,
            5 => Kind::Hashes,
            _ => Kind::Nothing,
        };
        Some(Part { flags: head[0] & FLAGS, kind, body })
    }
}
