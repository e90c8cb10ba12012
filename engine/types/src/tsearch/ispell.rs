//! Ispell dictionaries: a word is what its affixes leave of it, and perhaps a compound of words.
//!
//! Words with their flags come from a `.dict` file, affixes from an `.affix` file ([`super::affix`]). A word's normal forms
//! are the dictionary's words that it is, or that taking off a prefix, a suffix or both leaves. A compound is cut from left
//! to right at every place where a word ends; each way to cut it is an alternative.

use super::affix::{ANYWHERE, AffixFile, BEGIN, END, FORBID, MIDDLE, ONLY};
use super::dict::{Norm, Options, folded};
use super::files::{Files, StopWords, open, wrong};
use rustydb_base::Result;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// Longest word whose forms are looked for, in characters.
const MAX_WORD: usize = 256;
/// Most ways to cut a compound, and most calls to find them.
const MAX_CUTS: usize = 4096;

/// A dictionary's word.
struct Entry {
    flags: BTreeSet<String>,
    /// How it takes part in compounds.
    compound: u8,
}

/// See the module.
pub struct Ispell {
    words: BTreeMap<String, Entry>,
    affixes: AffixFile,
    /// What may stand between the parts of a compound, with whether it belongs to the part before.
    links: Vec<(Vec<char>, bool)>,
    stop: StopWords,
}

/// A search for the ways to cut a compound.
struct Cuts {
    list: Vec<Vec<String>>,
    calls: usize,
}

impl Ispell {
    /// By the options of a dictionary.
    pub(super) fn build(options: &Options, files: &dyn Files) -> Result<Ispell> {
        let (mut dict, mut affix, mut stop) = (None, None, None);
        for (key, value) in options {
            let (slot, name) = match key.as_str() {
                "dictfile" => (&mut dict, "DictFile"),
                "afffile" => (&mut affix, "AffFile"),
                "stopwords" => (&mut stop, "StopWords"),
                _ => return Err(wrong(format!("unrecognized Ispell parameter: \"{key}\""))),
            };
            if slot.replace(value).is_some() {
                return Err(wrong(format!("multiple {name} parameters")));
            }
        }
        let stop = stop.map(|s| StopWords::open(files, s)).transpose()?.unwrap_or(StopWords::None);
        let (Some(dict), Some(affix)) = (dict, affix) else {
            return Err(wrong(format!("missing {} parameter", if affix.is_none() { "AffFile" } else { "DictFile" })));
        };
        let text = open(files, dict, "dict", "dictionary")?;
        let affixes = AffixFile::parse(&open(files, affix, "affix", "affix")?)?;
        let mut words: BTreeMap<String, Entry> = BTreeMap::new();
        for line in text.lines() {
            let line = line.trim_end();
            let (word, flags) = line.split_once('/').unwrap_or((line, ""));
            let word = word.split_whitespace().next().unwrap_or_default();
            if word.is_empty() {
                continue;
            }
            let flags: &str = flags.split_whitespace().next().unwrap_or_default();
            let flags = affixes.flag_set(flags)?;
            let mut compound = affixes.compound_mask(&flags) & (ANYWHERE | ONLY);
            if compound & ONLY != 0 && compound & ANYWHERE == 0 {
                compound |= ANYWHERE;
            }
            match words.entry(folded(word)) {
                std::collections::btree_map::Entry::Vacant(v) => {
                    v.insert(Entry { flags, compound });
                }
                std::collections::btree_map::Entry::Occupied(mut o) => {
                    let e = o.get_mut();
                    e.flags.extend(flags);
                    // Only in compounds if every line says so.
                    let only = e.compound & compound & ONLY;
                    e.compound = (e.compound | compound) & !ONLY | only;
                }
            }
        }
        let used: BTreeSet<&str> = words.values().flat_map(|e| &e.flags).map(String::as_str).collect();
        let mut links: Vec<(Vec<char>, bool)> = Vec::new();
        for a in affixes.affixes.iter().filter(|a| a.compound & ANYWHERE != 0 && !a.add.is_empty()) {
            let link: Vec<char> = a.add.chars().collect();
            if used.contains(a.flag.as_str()) && !links.iter().any(|l| l.1 == a.suffix && l.0 == link) {
                links.push((link, a.suffix));
            }
        }
        Ok(Ispell { words, affixes, links, stop })
    }

    /// The normal forms of a word and the ways to cut it; `None` if there are none.
    pub(super) fn lexize(&self, word: &str) -> Option<Vec<Norm>> {
        let word = folded(word);
        if word.is_empty() || word.chars().count() > MAX_WORD {
            return None;
        }
        let mut out: Vec<Norm> = Vec::new();
        let mut variant = 1;
        for form in self.forms(&word, 0) {
            out.push(Norm::new(form, variant));
            variant += 1;
        }
        if self.affixes.compounds {
            let chars: Vec<char> = word.chars().collect();
            let mut cuts = Cuts { list: Vec::new(), calls: 0 };
            self.cut(&chars, 0, 0, true, Vec::new(), &mut cuts);
            for parts in cuts.list.iter().filter(|p| p.len() > 1) {
                let Some((last, before)) = parts.split_last() else { continue };
                for form in self.forms(last, END) {
                    out.extend(before.iter().map(|p| Norm::new(p.clone(), variant)));
                    out.push(Norm::new(form, variant));
                    variant = variant.saturating_add(1);
                }
            }
        }
        if out.is_empty() {
            return None;
        }
        out.retain(|n| !self.stop.has(&n.word));
        Some(out)
    }

    /// Whether the dictionary has a word that takes an affix of the flag (any, if there is none), at a place of a compound
    /// (0 outside of one).
    fn has(&self, word: &str, flag: Option<&str>, place: u8) -> bool {
        self.words.get(word).is_some_and(|e| {
            let fits = if place == 0 { e.compound & ONLY == 0 } else { e.compound & place != 0 };
            fits && flag.is_none_or(|f| e.flags.contains(f))
        })
    }

    /// What taking off an affix leaves, if it may be taken off at that place. `rest` is how much of the word a suffix that is
    /// already off has left untouched.
    fn without(&self, word: &str, affix: usize, place: u8, rest: Option<usize>) -> Option<String> {
        let a = self.affixes.affixes.get(affix)?;
        let barred = match place {
            0 => a.compound & ONLY != 0,
            _ if a.compound & FORBID != 0 => true,
            BEGIN => a.suffix && a.compound & BEGIN == 0,
            MIDDLE => a.compound & MIDDLE == 0,
            _ => !a.suffix && a.compound & END == 0,
        };
        if barred {
            return None;
        }
        let base = if a.suffix {
            format!("{}{}", word.strip_suffix(a.add.as_str())?, a.strip)
        } else {
            if rest.is_some_and(|r| r + a.strip.len() <= a.add.len()) {
                return None;
            }
            format!("{}{}", a.strip, word.strip_prefix(a.add.as_str())?)
        };
        a.allows(&base).then_some(base)
    }

    /// The words of the dictionary that a word is a form of.
    fn forms(&self, word: &str, place: u8) -> Vec<String> {
        let mut out: Vec<String> = Vec::new();
        let mut found = |w: String| {
            if !out.contains(&w) {
                out.push(w);
            }
        };
        if self.has(word, None, place) {
            found(word.to_owned());
        }
        let all = || self.affixes.affixes.iter().enumerate();
        for (p, prefix) in all().filter(|a| !a.1.suffix) {
            if let Some(base) = self.without(word, p, place, None)
                && self.has(&base, Some(&prefix.flag), place)
            {
                found(base);
            }
        }
        for (s, suffix) in all().filter(|a| a.1.suffix) {
            let Some(base) = self.without(word, s, place, None) else { continue };
            if self.has(&base, Some(&suffix.flag), place) {
                found(base.clone());
            }
            let rest = word.len() - suffix.add.len();
            for (p, prefix) in all().filter(|a| !a.1.suffix) {
                let Some(inner) = self.without(&base, p, place, Some(rest)) else { continue };
                let flag = (!(prefix.cross && suffix.cross)).then_some(prefix.flag.as_str());
                if self.has(&inner, flag, place) {
                    found(inner);
                }
            }
        }
        out
    }

    /// Whether any word begins so.
    fn begins(&self, prefix: &str) -> bool {
        let range = (Bound::Included(prefix), Bound::Unbounded);
        self.words.range::<str, _>(range).next().is_some_and(|w| w.0.starts_with(prefix))
    }

    /// Ends of linking affixes at or (if the words end before) behind a place, each with whether it is a part of the word
    /// before it.
    fn linked(&self, word: &[char], at: usize, here: bool) -> Vec<usize> {
        let rest = word.get(at..).unwrap_or_default();
        let mut out = Vec::new();
        for (link, suffix) in &self.links {
            if rest.len() <= link.len() {
                continue;
            }
            let offset = if here {
                rest.starts_with(link).then_some(0)
            } else {
                rest.windows(link.len()).position(|w| w == link.as_slice())
            };
            if let Some(o) = offset {
                out.push(if *suffix { at + o + link.len() } else { at });
            }
        }
        out
    }

    /// Cuts the word from `start` on, with `parts` before it. A part is longer than up to `least`; `inside` is whether words
    /// of the dictionary still go on.
    fn cut(&self, word: &[char], start: usize, least: usize, inside: bool, parts: Vec<String>, out: &mut Cuts) {
        out.calls += 1;
        if out.calls > MAX_CUTS || out.list.len() >= MAX_CUTS {
            return;
        }
        let own = out.list.len();
        out.list.push(Vec::new());
        let (mut start, mut least, mut inside, mut parts) = (start, least, inside, parts);
        // A search for a longer word goes on where the shorter one ended.
        let mut at = if least > start { least } else { start };
        let mut tried: BTreeSet<usize> = BTreeSet::new();
        while at < word.len() {
            let place = match start {
                0 => BEGIN,
                _ if at + 1 == word.len() => END,
                _ => MIDDLE,
            };
            if at > start {
                for end in self.linked(word, at, inside) {
                    if end <= least || tried.contains(&end) || end <= start {
                        continue;
                    }
                    let part: String = word.get(start..end).unwrap_or_default().iter().collect();
                    let forms = self.forms(&part, place);
                    if forms.is_empty() {
                        continue;
                    }
                    tried.insert(end);
                    let before = parts.iter().cloned().chain(forms).collect();
                    self.cut(word, end, end, true, before, out);
                }
            }
            if !inside {
                break;
            }
            let part: String = word.get(start..=at).unwrap_or_default().iter().collect();
            inside = self.begins(&part);
            let whole = self.words.get(&part).is_some_and(|e| e.compound & place != 0);
            if whole && at >= least && !tried.contains(&(at + 1)) {
                if at + 1 == word.len() {
                    parts.push(part);
                    if let Some(slot) = out.list.get_mut(own) {
                        *slot = parts;
                    }
                    return;
                }
                // Longer words may begin here too.
                self.cut(word, start, at + 1, true, parts.clone(), out);
                parts.push(part);
                start = at + 1;
                (least, inside) = (start, true);
                tried.clear();
            }
            at += 1;
        }
        parts.push(word.get(start..).unwrap_or_default().iter().collect());
        if let Some(slot) = out.list.get_mut(own) {
            *slot = parts;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::files::Unread;
    use super::*;

    struct Two;

    impl Files for Two {
        fn read(&self, name: &str) -> std::result::Result<String, Unread> {
            Ok(match name {
                "w.dict" => "book/SG\nfoot/ZS\nfootball/Z\nball/Z\nclub/Z\n",
                _ => "COMPOUNDFLAG Z\nSFX S Y 1\nSFX S 0 S [^S]\nSFX G Y 1\nSFX G 0 ING [^E]\n",
            }
            .to_owned())
        }
    }

    #[test]
    fn forms_and_compounds() {
        let options = [("dictfile".to_owned(), "w".to_owned()), ("afffile".to_owned(), "w".to_owned())];
        let d = Ispell::build(&options, &Two).expect("files are sound");
        let shown = |w: &str| d.lexize(w).map(|n| n.into_iter().map(|n| n.word).collect::<Vec<_>>());
        assert_eq!(shown("Books").expect("known"), ["book"]);
        assert_eq!(shown("footballclub").expect("known"), ["foot", "ball", "club", "football", "club"]);
        assert_eq!(shown("bookclub"), None);
    }
}
