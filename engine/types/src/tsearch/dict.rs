//! Dictionaries and configurations: which lexemes a token becomes.
//!
//! A configuration lists, for each type of token, the dictionaries to ask in order; the first that knows the word decides.
//! A dictionary is made from its template's function and its options ([`build`]); built-in ones are made here from the
//! catalog's rows ([`crate::pgdata`]), users' by the session ([`crate::ctx::SessionInfo::ts_dictionary`]), which keeps them.

use super::files::{Files, NoFiles, StopWords, wrong};
use super::ispell::Ispell;
use super::synonym::Synonyms;
use super::thesaurus::{Dictionaries, Thesaurus};
use super::tokens::Kind;
use crate::ctx::EvalCtx;
use crate::pgdata;
use rust_stemmers::{Algorithm, Stemmer};
use rustydb_base::{DbError, Result, SqlState};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// Collation of text in dictionaries.
const DEFAULT_COLLATION: u32 = 100;
/// Words longer than this are not stemmed.
const MAX_STEMMED: usize = 1000;

/// A text in lower case, as dictionaries compare it.
pub fn folded(word: &str) -> String {
    crate::funcs::text::lower(word, DEFAULT_COLLATION)
}

/// Options of a dictionary in their order.
pub type Options = [(String, String)];

/// One lexeme that a dictionary gives for a word.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Norm {
    /// The lexeme.
    pub word: String,
    /// Lexemes of one number go together, those of others are alternatives.
    pub variant: u16,
    /// It takes the place behind the one before it.
    pub next: bool,
    /// Queries look for what begins with it.
    pub prefix: bool,
}

impl Norm {
    /// A plain lexeme.
    pub fn new(word: String, variant: u16) -> Norm {
        Norm { word, variant, next: false, prefix: false }
    }
}

/// A dictionary.
pub struct Dictionary {
    body: Body,
}

enum Body {
    /// The word in lower case, or nothing if words that are no stop words are others' matter.
    Simple(StopWords, bool),
    /// Its stem.
    Stem(StopWords, Stemmer),
    Synonym(Synonyms),
    Ispell(Box<Ispell>),
    Thesaurus(Thesaurus),
}

impl Dictionary {
    /// What the word means: `None` if the dictionary does not know it, nothing for a stop word.
    pub fn lexize(&self, word: &str) -> Result<Option<Vec<Norm>>> {
        let (stop, stemmer) = match &self.body {
            Body::Simple(stop, true) => (stop, None),
            Body::Simple(stop, false) => {
                let lower = folded(word);
                return Ok((lower.is_empty() || stop.has(&lower)).then(Vec::new));
            }
            Body::Stem(stop, stemmer) => (stop, Some(stemmer)),
            Body::Synonym(s) => return Ok(s.lexize(word)),
            Body::Ispell(i) => return Ok(i.lexize(word)),
            Body::Thesaurus(t) => return Ok(t.longest(&mut std::iter::once(word))?.map(|f| f.1)),
        };
        let lower = folded(word);
        if lower.is_empty() || stop.has(&lower) {
            return Ok(Some(Vec::new()));
        }
        Ok(Some(vec![Norm::new(
            match stemmer {
                Some(s) if lower.len() <= MAX_STEMMED => s.stem(&lower).into_owned(),
                _ => lower,
            },
            0,
        )]))
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

/// Languages that PostgreSQL has a stemmer for and RustyDB does not.
const WITHOUT_STEMMER: &[&str] = &[
    "armenian",
    "basque",
    "catalan",
    "hindi",
    "indonesian",
    "irish",
    "lithuanian",
    "nepali",
    "porter",
    "serbian",
    "yiddish",
];

/// The options of a dictionary as its row keeps them: `key = 'value', …`.
pub fn parse_options(text: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (key, after) = match rest.strip_prefix('"') {
            Some(q) => quoted(q, '"', false),
            None => {
                let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
                let (k, r) = rest.split_at(end);
                (k.to_owned(), r)
            }
        };
        let after = after.trim_start().trim_start_matches('=').trim_start();
        let (value, after) = match (after.strip_prefix('\''), after.strip_prefix("E'")) {
            (Some(q), _) => quoted(q, '\'', false),
            (None, Some(q)) => quoted(q, '\'', true),
            (None, None) => {
                let end = after.find(',').unwrap_or(after.len());
                let (v, r) = after.split_at(end);
                (v.trim_end().to_owned(), r)
            }
        };
        out.push((key, value));
        rest = after.trim_start().trim_start_matches(',').trim_start();
    }
    out
}

/// A quoted text up to its end (a doubled quote is one of its characters), and what follows.
fn quoted(text: &str, quote: char, escapes: bool) -> (String, &str) {
    let mut out = String::new();
    let mut chars = text.char_indices().peekable();
    while let Some((i, c)) = chars.next() {
        if c == quote {
            if chars.next_if(|n| n.1 == quote).is_none() {
                return (out, text.get(i + c.len_utf8()..).unwrap_or_default());
            }
        } else if c == '\\' && escapes {
            out.extend(chars.next().map(|n| n.1));
            continue;
        }
        out.push(c);
    }
    (out, "")
}

/// A boolean option.
pub(super) fn boolean(key: &str, value: &str) -> Result<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" | "on" => Ok(true),
        "0" | "false" | "off" => Ok(false),
        _ => Err(DbError::new(SqlState::SYNTAX_ERROR, format!("{key} requires a Boolean value"))),
    }
}

/// Makes a dictionary: `lexize` is the template's function. F0000 for files that are not there or not understood, 22023 for
/// options the template does not have.
pub fn build(lexize: &str, options: &Options, files: &dyn Files, others: &dyn Dictionaries) -> Result<Dictionary> {
    let body = match lexize {
        "dsimple_lexize" => simple(options, files)?,
        "dsnowball_lexize" => snowball(options, files)?,
        "dsynonym_lexize" => Body::Synonym(Synonyms::build(options, files)?),
        "dispell_lexize" => Body::Ispell(Box::new(Ispell::build(options, files)?)),
        "thesaurus_lexize" => Body::Thesaurus(Thesaurus::build(options, files, others)?),
        other => {
            return Err(DbError::unsupported(format!("dictionaries of the function {other} are not supported yet")));
        }
    };
    Ok(Dictionary { body })
}

fn simple(options: &Options, files: &dyn Files) -> Result<Body> {
    let (mut stop, mut accept) = (None, None);
    for (key, value) in options {
        match key.as_str() {
            "stopwords" if stop.is_some() => return Err(wrong("multiple StopWords parameters")),
            "stopwords" => stop = Some(StopWords::open(files, value)?),
            "accept" if accept.is_some() => return Err(wrong("multiple Accept parameters")),
            "accept" => accept = Some(boolean(key, value)?),
            _ => return Err(wrong(format!("unrecognized simple dictionary parameter: \"{key}\""))),
        }
    }
    Ok(Body::Simple(stop.unwrap_or(StopWords::None), accept.unwrap_or(true)))
}

fn snowball(options: &Options, files: &dyn Files) -> Result<Body> {
    let (mut stop, mut stemmer) = (None, None);
    for (key, value) in options {
        match key.as_str() {
            "stopwords" if stop.is_some() => return Err(wrong("multiple StopWords parameters")),
            "stopwords" => stop = Some(StopWords::open(files, value)?),
            "language" if stemmer.is_some() => return Err(wrong("multiple Language parameters")),
            "language" => {
                let lower = value.to_ascii_lowercase();
                let found = algorithm(&lower).ok_or_else(|| {
                    if WITHOUT_STEMMER.contains(&lower.as_str()) {
                        return DbError::unsupported(format!(
                            "the stemmer of language \"{value}\" is not supported yet"
                        ));
                    }
                    let m = format!("no Snowball stemmer available for language \"{value}\" and encoding \"UTF8\"");
                    DbError::new(SqlState::UNDEFINED_OBJECT, m)
                })?;
                stemmer = Some(Stemmer::create(found));
            }
            _ => return Err(wrong(format!("unrecognized Snowball parameter: \"{key}\""))),
        }
    }
    let Some(stemmer) = stemmer else { return Err(wrong("missing Language parameter")) };
    Ok(Body::Stem(stop.unwrap_or(StopWords::None), stemmer))
}

/// No other dictionaries: built-in ones stand alone.
struct Alone;

impl Dictionaries for Alone {
    fn named(&self, name: &str) -> Result<Arc<Dictionary>> {
        Err(DbError::new(SqlState::UNDEFINED_OBJECT, format!("text search dictionary \"{name}\" does not exist")))
    }
}

/// What a built-in dictionary is made from: the function of its template, and its options.
pub fn built_in_parts(oid: u32) -> Option<(&'static str, Vec<(String, String)>)> {
    let row = pgdata::ts_dicts().iter().find(|d| d.oid == oid)?;
    let template = pgdata::ts_templates().iter().find(|t| t.oid == row.dicttemplate)?;
    let lexize = pgdata::proc(template.tmpllexize)?.proname;
    Some((lexize, parse_options(row.dictinitoption.as_deref().unwrap_or_default())))
}

/// A built-in dictionary that needs no file; `None` if it needs one, or is none.
pub fn built_in(oid: u32) -> Option<Arc<Dictionary>> {
    static ALL: LazyLock<HashMap<u32, Arc<Dictionary>>> = LazyLock::new(|| {
        let made = |d: &pgdata::TsDict| {
            let (lexize, options) = built_in_parts(d.oid)?;
            Some((d.oid, Arc::new(build(lexize, &options, &NoFiles, &Alone).ok()?)))
        };
        pgdata::ts_dicts().iter().filter_map(made).collect()
    });
    ALL.get(&oid).map(Arc::clone)
}

/// A configuration.
pub struct Config {
    /// Row of `pg_ts_config`.
    pub oid: u32,
    /// Dictionaries by number of the token's type.
    maps: Vec<Vec<u32>>,
}

impl Config {
    /// From its mappings (type of token, dictionary) in order.
    pub fn new(oid: u32, mappings: impl IntoIterator<Item = (i32, u32)>) -> Config {
        let mut maps: Vec<Vec<u32>> = Vec::new();
        for (kind, dictionary) in mappings {
            // There are 23 types of tokens.
            let Some(kind) = usize::try_from(kind).ok().filter(|k| *k < 64) else { continue };
            if maps.len() <= kind {
                maps.resize(kind + 1, Vec::new());
            }
            if let Some(list) = maps.get_mut(kind) {
                list.push(dictionary);
            }
        }
        Config { oid, maps }
    }

    /// Dictionaries for a type of token.
    pub fn dictionaries(&self, kind: Kind) -> &[u32] {
        self.maps.get(kind as usize).map_or(&[], Vec::as_slice)
    }

    /// The dictionary that knows a token, and what it makes of it alone.
    pub fn lexize(&self, ctx: &EvalCtx, kind: Kind, word: &str) -> Result<Option<(u32, Vec<Norm>)>> {
        for oid in self.dictionaries(kind) {
            if let Some(norms) = ctx.session.ts_dictionary(*oid)?.lexize(word)? {
                return Ok(Some((*oid, norms)));
            }
        }
        Ok(None)
    }

    /// What the tokens at the front of a list become, and how many they are: more than one where a phrase has a name of its
    /// own.
    pub fn lexize_run(&self, ctx: &EvalCtx, tokens: &[(Kind, &str)]) -> Result<(usize, Option<Vec<Norm>>)> {
        let Some((kind, word)) = tokens.first() else { return Ok((0, None)) };
        for oid in self.dictionaries(*kind) {
            let dictionary = ctx.session.ts_dictionary(*oid)?;
            let Body::Thesaurus(t) = &dictionary.body else {
                if let Some(norms) = dictionary.lexize(word)? {
                    return Ok((1, Some(norms)));
                }
                continue;
            };
            // Tokens that mean nothing (blanks) do not part a phrase; those that this dictionary is not asked for do.
            let mut used: Vec<usize> = Vec::new();
            let found = {
                let meant = tokens.iter().enumerate().filter(|(_, t)| !self.dictionaries(t.0).is_empty());
                let mut words = meant
                    .take_while(|(_, t)| self.dictionaries(t.0).contains(oid))
                    .inspect(|(i, _)| used.push(*i))
                    .map(|(_, t)| t.1);
                t.longest(&mut words)?
            };
            if let Some((n, norms)) = found {
                let last = n.checked_sub(1).and_then(|n| used.get(n)).copied().unwrap_or(0);
                return Ok((last + 1, Some(norms)));
            }
        }
        Ok((1, None))
    }
}

/// A built-in configuration.
pub fn built_in_config(oid: u32) -> Option<Arc<Config>> {
    static ALL: LazyLock<HashMap<u32, Arc<Config>>> = LazyLock::new(|| {
        // Rows are in order of configuration, token type and number.
        let maps = |c: u32| pgdata::ts_config_maps().iter().filter(move |m| m.mapcfg == c);
        let made = |c: u32| Config::new(c, maps(c).map(|m| (m.maptokentype, m.mapdict)));
        pgdata::ts_configs().iter().map(|c| (c.oid, Arc::new(made(c.oid)))).collect()
    });
    ALL.get(&oid).map(Arc::clone)
}

/// "There is no such configuration".
pub fn no_config(oid: u32) -> DbError {
    DbError::new(SqlState::INTERNAL_ERROR, format!("cache lookup failed for text search configuration {oid}"))
}

/// "There is no such dictionary".
pub fn no_dictionary(oid: u32) -> DbError {
    DbError::internal(format!("cache lookup failed for text search dictionary {oid}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_as_they_are_kept() {
        let own = |k: &str, v: &str| (k.to_owned(), v.to_owned());
        assert_eq!(
            parse_options("language = 'english', \"Odd \"\"key\" = 'it''s', n = 12, e = E'a\\\\b'"),
            [own("language", "english"), own("Odd \"key", "it's"), own("n", "12"), own("e", "a\\b")]
        );
        assert!(parse_options("").is_empty());
    }
}
