//! Synonym dictionaries: one word for another.

use super::dict::{Norm, Options, folded};
use super::files::{Files, open, wrong};
use rustydb_base::Result;
use std::collections::HashMap;

/// The pairs of a file.
pub struct Synonyms {
    pairs: HashMap<String, (String, bool)>,
    exact: bool,
}

impl Synonyms {
    /// By the options of a dictionary.
    pub(super) fn build(options: &Options, files: &dyn Files) -> Result<Synonyms> {
        let (mut file, mut exact) = (None, false);
        for (key, value) in options {
            match key.as_str() {
                "synonyms" => file = Some(value),
                "casesensitive" => exact = super::dict::boolean(key, value)?,
                _ => return Err(wrong(format!("unrecognized synonym parameter: \"{key}\""))),
            }
        }
        let Some(file) = file else { return Err(wrong("missing Synonyms parameter")) };
        let text = open(files, file, "syn", "synonym")?;
        let mut pairs = HashMap::new();
        for line in text.lines() {
            let mut words = line.split_whitespace();
            let (Some(from), Some(to)) = (words.next(), words.next()) else { continue };
            // A star behind the replacement makes queries look for words that begin with it.
            let (to, prefix) = match to.strip_suffix('*') {
                Some(t) if !t.is_empty() => (t, true),
                _ => (to, false),
            };
            let kept = |w: &str| if exact { w.to_owned() } else { folded(w) };
            pairs.entry(kept(from)).or_insert_with(|| (kept(to), prefix));
        }
        Ok(Synonyms { pairs, exact })
    }

    /// The word that stands for another.
    pub(super) fn lexize(&self, word: &str) -> Option<Vec<Norm>> {
        let found = if self.exact { self.pairs.get(word) } else { self.pairs.get(&folded(word)) };
        found.map(|(to, prefix)| vec![Norm { prefix: *prefix, ..Norm::new(to.clone(), 0) }])
    }
}
