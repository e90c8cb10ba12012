//! The registry's file: written when the server stops in good order, read and removed when it starts.
//!
//! Texts may hold what tables hold, so the file is not written for an encrypted directory. A file that cannot be read is
//! left out with a warning: these are only counts.

use super::{BYTES_PER_ENTRY, Entry, Key, LONGEST_TEXT, QueryStats, Times};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_storage::io::{Io, read_small, write_small};
use rustydb_types::hash;
use std::sync::atomic::Ordering;

/// The file, in the data directory.
const FILE: &str = "pg_stat_statements.stat";
/// What it begins with.
const MAGIC: &[u8; 8] = b"RQSTAT01";
/// Bytes of an entry besides its text, about.
const FIXED: usize = 160;

impl QueryStats {
    /// Writes the registry.
    pub async fn save(&self, io: &dyn Io) -> Result<()> {
        write_small(io, FILE, &self.encode()).await
    }

    /// Takes what the last run has left, and removes its file.
    pub async fn restore(&self, io: &dyn Io) -> Result<()> {
        let most = self.max.saturating_mul(BYTES_PER_ENTRY + FIXED).saturating_add(4 * LONGEST_TEXT);
        match read_small(io, FILE, most).await {
            Ok(bytes) => {
                if self.decode(&bytes).is_none() {
                    tracing::warn!("the file \"{FILE}\" is damaged or of another version and is left out");
                }
            }
            Err(e) if e.code == SqlState::UNDEFINED_FILE => return Ok(()),
            Err(e) => tracing::warn!("{e}; the counts of pg_stat_statements begin anew"),
        }
        io.remove(FILE).await.or_else(|e: DbError| if e.code == SqlState::UNDEFINED_FILE { Ok(()) } else { Err(e) })
    }

    fn encode(&self) -> Vec<u8> {
        let (deallocations, reset) = self.info();
        let all = self.all();
        let mut out = MAGIC.to_vec();
        out.extend(deallocations.to_le_bytes());
        out.extend(reset.to_le_bytes());
        out.extend((all.len() as u64).to_le_bytes());
        for (k, e) in &all {
            out.extend(k.user.to_le_bytes());
            out.extend(k.database.to_le_bytes());
            out.extend(k.query.to_le_bytes());
            out.push(u8::from(k.toplevel));
            for t in [&e.plans, &e.runs] {
                out.extend(t.calls.to_le_bytes());
                [t.total, t.min, t.max, t.mean, t.squares].iter().for_each(|f| out.extend(f.to_le_bytes()));
            }
            out.extend(e.rows.to_le_bytes());
            out.extend(e.usage.to_le_bytes());
            out.extend((e.text.len() as u64).to_le_bytes());
            out.extend(e.text.as_bytes());
        }
        out.extend(hash::bytes(&out, 0).to_le_bytes());
        out
    }

    /// Takes entries from the file's bytes; `None` if they are not what was written.
    fn decode(&self, bytes: &[u8]) -> Option<()> {
        let (body, sum) = bytes.split_at_checked(bytes.len().checked_sub(8)?)?;
        if hash::bytes(body, 0) != u64::from_le_bytes(sum.try_into().ok()?) {
            return None;
        }
        let mut r = Reader(body.strip_prefix(MAGIC)?);
        let deallocations = r.u64()?;
        let reset = r.u64()?.cast_signed();
        let mut entries = Vec::new();
        for _ in 0..r.u64()? {
            let key = Key { user: r.u32()?, database: r.u32()?, query: r.u64()?, toplevel: r.take::<1>()? != [0] };
            let (plans, runs) = (r.times()?, r.times()?);
            let (rows, usage) = (r.u64()?, r.f64()?);
            let len = usize::try_from(r.u64()?).ok()?;
            let (text, rest) = r.0.split_at_checked(len)?;
            r.0 = rest;
            let text = std::str::from_utf8(text).ok()?.into();
            entries.push((key, Entry { plans, runs, rows, usage, text }));
        }
        self.deallocations.store(deallocations, Ordering::Relaxed);
        self.reset.store(reset, Ordering::Relaxed);
        for (key, e) in entries {
            // The bound may have become smaller.
            self.make_room(e.text.len());
            if let Some(shard) = self.shard(&key) {
                self.insert(&mut shard.lock(), key, e);
            }
        }
        Some(())
    }
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }
    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }
    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }
    fn f64(&mut self) -> Option<f64> {
        self.take().map(f64::from_le_bytes)
    }
    fn times(&mut self) -> Option<Times> {
        Some(Times {
            calls: self.u64()?,
            total: self.f64()?,
            min: self.f64()?,
            max: self.f64()?,
            mean: self.f64()?,
            squares: self.f64()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Event;
    use super::*;
    use crate::settings::Settings;

    #[test]
    fn what_is_written_is_read() {
        let settings = Settings::new(Default::default());
        let (a, b) = (QueryStats::new(&settings, 77), QueryStats::new(&settings, 0));
        for q in 1..4 {
            let key = Key { user: 10, database: 5, query: q, toplevel: q > 1 };
            a.count(key, Event::Planned(0.5), || format!("text {q}"));
            a.count(key, Event::Ran(1.5, q), || format!("text {q}"));
        }
        let bytes = a.encode();
        assert_eq!(b.decode(&bytes), Some(()));
        let sorted = |s: &QueryStats| {
            let mut all = s.all();
            all.sort_by_key(|e| e.0.query);
            all
        };
        assert_eq!(sorted(&a), sorted(&b));
        assert_eq!(b.info(), (0, 77));
        for n in 0..bytes.len() {
            assert_eq!(b.decode(&bytes[..n]), None, "cut at {n}");
        }
        let mut bad = bytes;
        bad[20] ^= 1;
        assert_eq!(b.decode(&bad), None);
    }
}
