//! The file that keeps the counters over a shutdown in order.
//!
//! All numbers are eight bytes, little-endian: a word that names the format and its version, the server's counters,
//! the number of databases and each one's counters; at the end the checksum of what is before. The file is removed
//! when it is read, so that it never speaks for more than the start after it. Whatever is wrong with it, counters
//! begin at zero.

use super::{DatabaseCounters, ENTRIES, FunctionStats, Objects, RelationStats, ServerStats, Statistics};
use parking_lot::Mutex;
use rustydb_base::Result;
use rustydb_storage::io::{Io, read_small, write_small};
use std::sync::Arc;

/// Its name in the data directory.
const FILE: &str = "statistics";
/// Names the format, with its version at the end.
const FORMAT: i64 = i64::from_le_bytes(*b"rdbstat\x01");
/// Bytes that such a file may have: about half a million objects.
const MAX: usize = 64 << 20;

/// Reads words one after the other.
struct Words<'a>(std::slice::ChunksExact<'a, u8>);

impl Words<'_> {
    fn next(&mut self) -> Option<i64> {
        self.0.next()?.try_into().ok().map(i64::from_le_bytes)
    }

    fn take<const N: usize>(&mut self) -> Option<[i64; N]> {
        let mut out = [0; N];
        for w in &mut out {
            *w = self.next()?;
        }
        Some(out)
    }

    fn number(&mut self) -> Option<u32> {
        u32::try_from(self.next()?).ok()
    }
}

fn encode(s: &Statistics) -> Vec<u8> {
    let mut words = vec![FORMAT];
    {
        let server = s.server.lock();
        words.extend(server.reset);
        words.extend(server.counted());
    }
    let len = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let databases: Vec<_> = s.databases.lock().iter().map(|(k, v)| (*k, Arc::clone(v))).collect();
    words.push(len(databases.len()));
    for (oid, d) in databases {
        let o = d.0.lock();
        words.push(i64::from(oid));
        words.extend(o.own.words());
        words.push(len(o.relations.len()));
        for (oid, r) in &o.relations {
            words.push(i64::from(*oid));
            words.extend(r.words());
        }
        words.push(len(o.functions.len()));
        for (oid, f) in &o.functions {
            words.push(i64::from(*oid));
            words.extend(f.words());
        }
    }
    let mut bytes: Vec<u8> = words.into_iter().flat_map(i64::to_le_bytes).collect();
    let crc = i64::from(crc32c::crc32c(&bytes));
    bytes.extend(crc.to_le_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<Statistics> {
    let (body, crc) = bytes.split_last_chunk::<8>()?;
    if i64::from(crc32c::crc32c(body)) != i64::from_le_bytes(*crc) {
        return None;
    }
    let mut w = Words(body.chunks_exact(8));
    if w.next()? != FORMAT {
        return None;
    }
    let s = Statistics { server: Mutex::new(ServerStats::of_kept(w.take()?, w.take()?)), ..Statistics::default() };
    for _ in 0..w.number()? {
        let oid = w.number()?;
        let mut o = Objects { own: DatabaseCounters::of_words(&w.take()?), ..Objects::default() };
        for _ in 0..w.number()? {
            o.relations.insert(w.number()?, RelationStats::of_words(&w.take()?));
        }
        for _ in 0..w.number()? {
            o.functions.insert(w.number()?, FunctionStats::of_words(&w.take()?));
        }
        *s.database(oid).0.lock() = o;
    }
    w.next().is_none().then_some(s)
}

impl crate::engine::Engine {
    /// Before the store is shut down: what is counted goes on at the next start.
    pub(crate) async fn keep_statistics(&self) {
        if let Err(e) = self.statistics.keep(&**self.store().io()).await {
            tracing::warn!("statistics could not be kept: {e}");
        }
    }
}

impl Statistics {
    /// Reads what the last shutdown has kept; after a crash that is nothing.
    pub async fn open(io: &dyn Io, crashed: bool) -> Statistics {
        let Ok(bytes) = read_small(io, FILE, MAX).await else { return Statistics::default() };
        if let Err(e) = io.remove(FILE).await {
            tracing::warn!("the file of statistics could not be removed: {e}");
        }
        if crashed {
            return Statistics::default();
        }
        match decode(&bytes) {
            Some(s) => {
                let n: i64 = s.databases.lock().values().map(|d| d.0.lock().len()).sum();
                ENTRIES.add(n);
                s
            }
            None => {
                tracing::warn!("the file of statistics is not sound: counters begin at zero");
                Statistics::default()
            }
        }
    }

    /// Keeps the counters for the next start.
    pub async fn keep(&self, io: &dyn Io) -> Result<()> {
        let bytes = encode(self);
        if bytes.len() > MAX {
            tracing::warn!("there are too many statistics to be kept over a restart");
            return Ok(());
        }
        write_small(io, FILE, &bytes).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read() {
        let s = Statistics::default();
        {
            let d = s.database(5);
            let mut o = d.0.lock();
            o.own.commits = 7;
            o.relation(16385).live = 3;
            o.function(16390).calls = 2;
        }
        let bytes = encode(&s);
        let again = decode(&bytes).expect("sound");
        let d = again.database(5);
        let o = d.0.lock();
        assert_eq!((o.own.commits, o.relations[&16385].live, o.functions[&16390].calls), (7, 3, 2));
        assert!(decode(&bytes[..bytes.len() - 8]).is_none());
        let mut wrong = bytes.clone();
        wrong[20] ^= 1;
        assert!(decode(&wrong).is_none());
        assert!(decode(&[]).is_none());
    }
}
