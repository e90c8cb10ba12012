//! What `ts_stat` counts and how `ts_rewrite` folds a query's rows.

use super::query::{self, TsQuery};
use super::rewrite::rewrite;
use super::vector::{self, weight_of};
use crate::datum::Datum;
use rustydb_base::{DbError, Result, SqlState};
use std::collections::BTreeMap;

/// Bytes of different lexemes that are kept.
const MAX_BYTES: usize = 256 << 20;

/// Lexemes of documents: how many documents have each, and how often it stands in them.
#[derive(Debug)]
pub struct Statistics {
    /// One bit for each weight that counts; `None`: all, and lexemes without places too.
    weights: Option<u8>,
    words: BTreeMap<String, (i32, i32)>,
    bytes: usize,
}

impl Statistics {
    /// Counts all places, or those of the weights whose letters are given.
    pub fn new(weights: Option<&str>) -> Result<Self> {
        let letters = weights.map(|w| {
            w.chars().filter_map(|c| weight_of(c.encode_utf8(&mut [0; 4])).ok()).fold(0u8, |mask, w| mask | 1 << w)
        });
        // Without a letter that means something, everything counts.
        let weights = letters.filter(|m| *m != 0);
        Ok(Statistics { weights, words: BTreeMap::new(), bytes: 0 })
    }

    /// Adds a document; NULL is none.
    pub fn add(&mut self, document: Option<&Datum>) -> Result<()> {
        let Some(Datum::Bytes(b)) = document else { return Ok(()) };
        for lexeme in vector::stored(b)?.0 {
            let n = match self.weights {
                None => lexeme.places.len().max(1),
                Some(mask) => lexeme.places.iter().filter(|p| mask & (1 << p.weight()) != 0).count(),
            };
            if n == 0 {
                continue;
            }
            let n = i32::try_from(n).unwrap_or(i32::MAX);
            match self.words.get_mut(&lexeme.word) {
                Some((documents, entries)) => {
                    *documents = documents.saturating_add(1);
                    *entries = entries.saturating_add(n);
                }
                None => {
                    self.bytes += lexeme.word.len() + 64;
                    if self.bytes > MAX_BYTES {
                        return Err(DbError::new(
                            SqlState::CONFIGURATION_LIMIT_EXCEEDED,
                            "too many lexemes for ts_stat",
                        ));
                    }
                    self.words.insert(lexeme.word, (1, n));
                }
            }
        }
        Ok(())
    }

    /// Word, number of documents, number of entries, in the order of the words.
    pub fn rows(self) -> impl Iterator<Item = [Datum; 3]> {
        self.words.into_iter().map(|(word, (documents, entries))| {
            [Datum::Text(word.into()), Datum::Int4(documents), Datum::Int4(entries)]
        })
    }
}

/// A query with what a row (target, substitute) says replaced; a row with a NULL says nothing.
pub fn rewrite_by_row(of: &Datum, row: &[Datum]) -> Result<Datum> {
    let (Datum::Bytes(q), [Datum::Bytes(from), Datum::Bytes(to)]) = (of, row) else { return Ok(of.clone()) };
    let out: TsQuery = rewrite(query::stored(q)?, &query::stored(from)?, &query::stored(to)?);
    let mut bytes = Vec::new();
    out.put(&mut bytes);
    Ok(Datum::Bytes(bytes.into()))
}
