//! Thesaurus dictionaries: a phrase for another, the longest first.
//!
//! The words of both sides go through a dictionary below (`?` on the left stands for one of its stop words, `*` on the right
//! for "as it is"). A match needs the tokens that follow, so [`super::documents`] asks for whole runs of tokens.

use super::dict::{Dictionary, Norm, Options};
use super::files::{Files, malformed, open, wrong};
use rustydb_base::{DbError, Result, SqlState};
use std::collections::HashMap;
use std::sync::Arc;

/// One place of a phrase: the lexemes of the dictionary below of which one must be there, none for a stop word.
type Place = Vec<String>;

/// The phrases of a file.
pub struct Thesaurus {
    below: Arc<Dictionary>,
    rules: Vec<(Vec<Place>, Vec<Norm>)>,
    /// Rules by a lexeme of their first place; those that begin with a stop word under the empty one.
    first: HashMap<String, Vec<usize>>,
}

/// Finds a dictionary that another names.
pub trait Dictionaries {
    /// By name as it is written in an option.
    fn named(&self, name: &str) -> Result<Arc<Dictionary>>;
}

impl Thesaurus {
    /// By the options of a dictionary.
    pub(super) fn build(options: &Options, files: &dyn Files, others: &dyn Dictionaries) -> Result<Thesaurus> {
        let (mut file, mut below) = (None, None);
        for (key, value) in options {
            let (slot, name) = match key.as_str() {
                "dictfile" => (&mut file, "DictFile"),
                "dictionary" => (&mut below, "Dictionary"),
                _ => return Err(wrong(format!("unrecognized Thesaurus parameter: \"{key}\""))),
            };
            if slot.replace(value).is_some() {
                return Err(wrong(format!("multiple {name} parameters")));
            }
        }
        let Some(file) = file else { return Err(wrong("missing DictFile parameter")) };
        let Some(below) = below else { return Err(wrong("missing Dictionary parameter")) };
        let text = open(files, file, "ths", "thesaurus")?;
        let below = others.named(below)?;
        let mut t = Thesaurus { below, rules: Vec::new(), first: HashMap::new() };
        for line in text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
            t.rule(line)?;
        }
        Ok(t)
    }

    fn rule(&mut self, line: &str) -> Result<()> {
        let number = self.rules.len() + 1;
        let bad = |m: String| DbError::new(SqlState::CONFIG_FILE_ERROR, m);
        let Some((sample, substitute)) = line.split_once(':') else {
            return Err(malformed("unexpected end of line"));
        };
        let mut places = Vec::new();
        for w in sample.split_whitespace() {
            if w == "?" {
                places.push(Vec::new());
                continue;
            }
            let norms = self.below.lexize(w)?.ok_or_else(|| {
                bad(format!("thesaurus sample word \"{w}\" isn't recognized by subdictionary (rule {number})"))
            })?;
            if norms.is_empty() {
                return Err(bad(format!("thesaurus sample word \"{w}\" is a stop word (rule {number})"))
                    .hint("Use \"?\" to represent a stop word within a sample phrase."));
            }
            places.push(norms.into_iter().map(|n| n.word).collect());
        }
        if places.is_empty() {
            return Err(malformed("unexpected delimiter"));
        }
        let mut out: Vec<Norm> = Vec::new();
        for w in substitute.split_whitespace() {
            let mut norms = match w.strip_prefix('*') {
                Some(plain) if !plain.is_empty() => vec![Norm::new(plain.to_owned(), 0)],
                _ => self.below.lexize(w)?.ok_or_else(|| {
                    bad(format!("thesaurus substitute word \"{w}\" isn't recognized by subdictionary (rule {number})"))
                })?,
            };
            let Some(head) = norms.first_mut() else {
                return Err(bad(format!("thesaurus substitute word \"{w}\" is a stop word (rule {number})")));
            };
            head.next = !out.is_empty();
            out.append(&mut norms);
        }
        if out.is_empty() {
            return Err(bad(format!("thesaurus substitute phrase is empty (rule {number})")));
        }
        let begins: Vec<String> = places.first().cloned().unwrap_or_default();
        let at = self.rules.len();
        self.rules.push((places, out));
        if begins.is_empty() {
            self.first.entry(String::new()).or_default().push(at);
        }
        for b in begins {
            self.first.entry(b).or_default().push(at);
        }
        Ok(())
    }

    /// The longest phrase at the beginning of some words, which are given one by one: how many words it takes, and what it
    /// becomes.
    pub(super) fn longest(&self, words: &mut dyn Iterator<Item = &str>) -> Result<Option<(usize, Vec<Norm>)>> {
        let mut norms: Vec<Option<Vec<String>>> = Vec::new();
        let mut read = |at: usize, norms: &mut Vec<Option<Vec<String>>>| -> Result<bool> {
            while norms.len() <= at {
                let Some(w) = words.next() else { return Ok(false) };
                norms.push(self.below.lexize(w)?.map(|n| n.into_iter().map(|n| n.word).collect()));
            }
            Ok(true)
        };
        if !read(0, &mut norms)? {
            return Ok(None);
        }
        let Some(Some(head)) = norms.first().cloned() else { return Ok(None) };
        let mut candidates: Vec<usize> = if head.is_empty() {
            self.first.get("").cloned().unwrap_or_default()
        } else {
            head.iter().filter_map(|h| self.first.get(h)).flatten().copied().collect()
        };
        candidates.sort_unstable();
        candidates.dedup();
        let mut best: Option<(usize, usize)> = None;
        for c in candidates {
            let Some((places, _)) = self.rules.get(c) else { continue };
            if best.is_some_and(|b| b.0 >= places.len()) {
                continue;
            }
            let mut holds = true;
            for (i, place) in places.iter().enumerate() {
                holds = read(i, &mut norms)?
                    && match norms.get(i) {
                        Some(Some(n)) if place.is_empty() => n.is_empty(),
                        Some(Some(n)) => place.iter().any(|p| n.contains(p)),
                        _ => false,
                    };
                if !holds {
                    break;
                }
            }
            if holds {
                best = Some((places.len(), c));
            }
        }
        Ok(best.and_then(|(n, c)| self.rules.get(c).map(|r| (n, r.1.clone()))))
    }
}
