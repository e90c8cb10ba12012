//! Dictionaries and configurations: which lexemes a token becomes.
//!
//! A configuration lists, for each type of token, the dictionaries to ask in order; the first that knows the word decides.
//! Built-in ones are made here from the catalog's rows ([`crate::pgdata`]), once.

use super::stop;
use super::tokens::Kind;
use crate::pgdata;
use rust_stemmers::{Algorithm, Stemmer};
use rustydb_base::{DbError, Result, SqlState};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};

/// Collation of text in dictionaries.
const DEFAULT_COLLATION: u32 = 100;
/// Words longer than this are not stemmed.
const MAX_STEMMED: usize = 1000;

/// A dictionary.
pub struct Dictionary {
    /// Row of `pg_ts_dict`.
    pub oid: u32,
    stop: Option<&'static HashSet<&'static str>>,
    body: Body,
}

enum Body {
    /// The word in lower case.
    Simple,
    /// Its stem.
    Stem(Stemmer),
}

impl Dictionary {
    /// What the word means: `None` if the dictionary does not know it, nothing for a stop word.
    pub fn lexize(&self, word: &str) -> Option<Vec<String>> {
        let lower = crate::funcs::text::lower(word, DEFAULT_COLLATION);
        if lower.is_empty() || self.stop.is_some_and(|s| s.contains(lower.as_str())) {
            return Some(Vec::new());
        }
        Some(vec![match &self.body {
            Body::Stem(s) if lower.len() <= MAX_STEMMED => s.stem(&lower).into_owned(),
            _ => lower,
        }])
    }
}

fn algorithm(language: &str) -> Option<Algorithm> {
    Some(match language {
        "arabic" => Algorithm::Arabic,
        "danish" => Algorithm::Danish,
        "dutch" => Algorithm::Dutch,
        "english" => Algorithm::English,
        "finnish" => Algorithm::Finnish,
        "french" => Algorithm::French,
        "german" => Algorithm::German,
        "greek" => Algorithm::Greek,
        "hungarian" => Algorithm::Hungarian,
        "italian" => Algorithm::Italian,
        "norwegian" => Algorithm::Norwegian,
        "portuguese" => Algorithm::Portuguese,
        "romanian" => Algorithm::Romanian,
        "russian" => Algorithm::Russian,
        "spanish" => Algorithm::Spanish,
        "swedish" => Algorithm::Swedish,
        "tamil" => Algorithm::Tamil,
        "turkish" => Algorithm::Turkish,
        _ => return None,
    })
}

/// `key = 'value'` pairs of a dictionary's options.
fn option<'a>(options: &'a str, key: &str) -> Option<&'a str> {
    options.split(',').find_map(|o| {
        let (k, v) = o.split_once('=')?;
        (k.trim() == key).then(|| v.trim().trim_matches('\''))
    })
}

fn build(row: &pgdata::TsDict) -> Option<Dictionary> {
    let options = row.dictinitoption.as_deref().unwrap_or_default();
    let body = match option(options, "language") {
        None => Body::Simple,
        Some(language) => Body::Stem(Stemmer::create(algorithm(language)?)),
    };
    // A list of stop words that is not there would let them all through.
    let stop = match option(options, "stopwords") {
        None => None,
        Some(name) => Some(stop::words(name)?),
    };
    Some(Dictionary { oid: row.oid, stop, body })
}

/// A dictionary by its row. 0A000 if RustyDB has no stemmer or no stop words for its language.
pub fn dictionary(oid: u32) -> Result<Arc<Dictionary>> {
    static ALL: LazyLock<HashMap<u32, Option<Arc<Dictionary>>>> =
        LazyLock::new(|| pgdata::ts_dicts().iter().map(|d| (d.oid, build(d).map(Arc::new))).collect());
    match ALL.get(&oid) {
        Some(Some(d)) => Ok(Arc::clone(d)),
        Some(None) => {
            let name = pgdata::ts_dicts().iter().find(|d| d.oid == oid).map_or("", |d| d.dictname);
            Err(DbError::unsupported(format!("text search dictionary \"{name}\" is not supported yet")))
        }
        None => Err(DbError::internal(format!("cache lookup failed for text search dictionary {oid}"))),
    }
}

/// A configuration.
pub struct Config {
    /// Row of `pg_ts_config`.
    pub oid: u32,
    /// Dictionaries by number of the token's type.
    maps: Vec<Vec<u32>>,
}

impl Config {
    /// Dictionaries for a type of token.
    pub fn dictionaries(&self, kind: Kind) -> &[u32] {
        self.maps.get(kind as usize).map_or(&[], Vec::as_slice)
    }

    /// The dictionary that knows a token, and what it makes of it.
    pub fn lexize(&self, kind: Kind, word: &str) -> Result<Option<(u32, Vec<String>)>> {
        for oid in self.dictionaries(kind) {
            if let Some(lexemes) = dictionary(*oid)?.lexize(word) {
                return Ok(Some((*oid, lexemes)));
            }
        }
        Ok(None)
    }
}

/// A configuration by its row.
pub fn config(oid: u32) -> Result<Arc<Config>> {
    static ALL: LazyLock<HashMap<u32, Arc<Config>>> = LazyLock::new(|| {
        let mut all: HashMap<u32, Config> =
            pgdata::ts_configs().iter().map(|c| (c.oid, Config { oid: c.oid, maps: Vec::new() })).collect();
        // Rows are in order of configuration, token type and number.
        for m in pgdata::ts_config_maps() {
            let Some(c) = all.get_mut(&m.mapcfg) else { continue };
            let kind = usize::try_from(m.maptokentype).unwrap_or_default();
            if c.maps.len() <= kind {
                c.maps.resize(kind + 1, Vec::new());
            }
            if let Some(list) = c.maps.get_mut(kind) {
                list.push(m.mapdict);
            }
        }
        all.into_iter().map(|(oid, c)| (oid, Arc::new(c))).collect()
    });
    ALL.get(&oid).map(Arc::clone).ok_or_else(|| {
        DbError::new(SqlState::INTERNAL_ERROR, format!("cache lookup failed for text search configuration {oid}"))
    })
}
