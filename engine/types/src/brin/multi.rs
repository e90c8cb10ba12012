//! Several spans around values: minmax-multi.
//!
//! A body is the most values it may hold (u16), the most bytes (u16), and the spans in order, which do not touch: the length
//! (u16) and bytes of the low end, then of the high end, whose length is [`SAME`] if it is the low one. A span of one value
//! counts as one, others as two; what is too much is given up by uniting the spans that are closest to each other.

use crate::gist::part::{Kind, Part};
use crate::gist::span::{Ends, beyond};

/// Stands for the length of a high end that is the low one.
const SAME: u16 = u16::MAX;
/// Bytes of a body before its spans.
const HEAD: usize = 4;

type Spans<'k> = Vec<(&'k [u8], &'k [u8])>;

fn open(b: &[u8]) -> Option<(u16, u16, Spans<'_>)> {
    let (head, mut rest) = b.split_first_chunk::<HEAD>()?;
    let mut out = Vec::new();
    fn end<'k>(rest: &mut &'k [u8]) -> Option<Option<&'k [u8]>> {
        let (len, tail) = rest.split_first_chunk::<2>()?;
        let len = u16::from_le_bytes(*len);
        if len == SAME {
            *rest = tail;
            return Some(None);
        }
        let (bytes, tail) = tail.split_at_checked(len.into())?;
        *rest = tail;
        Some(Some(bytes))
    }
    while !rest.is_empty() {
        let low = end(&mut rest)??;
        out.push((low, end(&mut rest)?.unwrap_or(low)));
    }
    Some((u16::from_le_bytes([head[0], head[1]]), u16::from_le_bytes([head[2], head[3]]), out))
}

fn width((low, high): &(&[u8], &[u8])) -> usize {
    if low == high { 4 + low.len() } else { 4 + low.len() + high.len() }
}

fn body(values: u16, room: u16, spans: &Spans<'_>) -> Vec<u8> {
    let mut out = values.to_le_bytes().to_vec();
    out.extend_from_slice(&room.to_le_bytes());
    for (low, high) in spans {
        out.extend_from_slice(&(low.len() as u16).to_le_bytes());
        out.extend_from_slice(low);
        if low == high {
            out.extend_from_slice(&SAME.to_le_bytes());
        } else {
            out.extend_from_slice(&(high.len() as u16).to_le_bytes());
            out.extend_from_slice(high);
        }
    }
    out
}

/// The body of one span.
pub(super) fn one(values: u16, room: u16, low: &[u8], high: &[u8]) -> Vec<u8> {
    body(values, room, &vec![(low, high)])
}

/// Whether every span of a body is within one of another's.
pub(crate) fn contains(whole: &[u8], part: &[u8]) -> bool {
    let (Some((.., w)), Some((.., p))) = (open(whole), open(part)) else { return false };
    p.iter().all(|(low, high)| {
        let at = w.partition_point(|x| x.1 < *low);
        w.get(at).is_some_and(|x| x.0 <= *low && *high <= x.1)
    })
}

/// The body of what is in either.
pub(crate) fn unite(a: &[u8], b: &[u8]) -> Vec<u8> {
    let (Some((values, room, mut all)), Some((.., more))) = (open(a), open(b)) else {
        // Nothing is known of a damaged body: from the least to the greatest there can be.
        return body(2, 64, &vec![(&[], &[u8::MAX; 9])]);
    };
    all.extend(more);
    all.sort_unstable();
    let mut spans: Spans<'_> = Vec::with_capacity(all.len());
    for (low, high) in all {
        match spans.last_mut() {
            Some(last) if low <= last.1 => last.1 = last.1.max(high),
            _ => spans.push((low, high)),
        }
    }
    let count = |s: &Spans<'_>| s.iter().map(|x| if x.0 == x.1 { 1 } else { 2 }).sum::<usize>();
    let bytes = |s: &Spans<'_>| HEAD + s.iter().map(width).sum::<usize>();
    while spans.len() > 1 && (count(&spans) > usize::from(values.max(2)) || bytes(&spans) > usize::from(room)) {
        let gap = |i: usize| match (spans.get(i), spans.get(i + 1)) {
            (Some(x), Some(y)) => beyond(x.1, y.0),
            _ => f64::INFINITY,
        };
        let at = (0..spans.len() - 1).min_by(|x, y| gap(*x).total_cmp(&gap(*y))).unwrap_or(0);
        let (_, high) = spans.remove(at + 1);
        if let Some(s) = spans.get_mut(at) {
            s.1 = high;
        }
    }
    body(values, room, &spans)
}

/// What a comparison asks: strategies 1 to 5 (<, <=, =, >=, >) with a value that is somewhere between two.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Ask {
    pub strategy: i16,
    pub low: Vec<u8>,
    pub high: Vec<u8>,
}

impl Ask {
    /// Whether it may be true for a value of a part.
    pub(crate) fn may(&self, p: &Part<'_>) -> bool {
        let (low, high) = (self.low.as_slice(), self.high.as_slice());
        let within = |from: &[u8], to: &[u8]| match self.strategy {
            1 | 2 => from <= high,
            3 => from <= high && low <= to,
            4 | 5 => low <= to,
            _ => true,
        };
        match p.kind {
            Kind::Nothing => false,
            Kind::Several => open(p.body).is_none_or(|(.., spans)| spans.iter().any(|(from, to)| within(from, to))),
            _ => Ends::of_part(p).is_none_or(|e| within(e.low, e.high)),
        }
    }
}
