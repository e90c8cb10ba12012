//! Affix files of ispell and hunspell: which endings and beginnings words take, and how compounds are made.
//!
//! A file of ispell has sections (`prefixes`, `suffixes`, `flag *X:` with lines `condition > -strip,add`); one of hunspell has
//! lines of keywords (`SFX X strip add/flags condition`). Both become the same list of [`Affix`]es.

use super::dict::folded;
use super::files::malformed;
use regex::{Regex, RegexBuilder};
use rustydb_base::Result;
use std::collections::{BTreeSet, HashMap};

/// May begin a compound.
pub const BEGIN: u8 = 0x02;
/// May stand inside one.
pub const MIDDLE: u8 = 0x04;
/// May end one.
pub const END: u8 = 0x08;
/// Any of these.
pub const ANYWHERE: u8 = BEGIN | MIDDLE | END;
/// Only in compounds.
pub const ONLY: u8 = 0x01;
/// An affix that may stand inside compounds.
const PERMIT: u8 = 0x10;
/// An affix that may not.
pub const FORBID: u8 = 0x20;

/// Most bytes of a condition's compiled form.
const MAX_COMPILED: usize = 1 << 20;

/// One affix.
pub struct Affix {
    /// The flag that words have that take it.
    pub flag: String,
    /// At the end of words, not at their beginning.
    pub suffix: bool,
    /// May be combined with an affix at the other end.
    pub cross: bool,
    /// How it may take part in compounds.
    pub compound: u8,
    /// What the base word has in its place.
    pub strip: String,
    /// What it adds.
    pub add: String,
    /// What the base word must look like; `None` for anything.
    condition: Option<Regex>,
}

impl Affix {
    /// Whether a base word meets the condition.
    pub fn allows(&self, base: &str) -> bool {
        self.condition.as_ref().is_none_or(|c| c.is_match(base))
    }
}

/// How flags are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flags {
    /// One character each.
    Char,
    /// Two characters each.
    Long,
    /// Numbers with commas between.
    Number,
}

/// What an affix file says.
pub struct AffixFile {
    /// Affixes, the shortest first.
    pub affixes: Vec<Affix>,
    /// Whether words are put together.
    pub compounds: bool,
    flags: Flags,
    aliases: Vec<String>,
    /// Flags that say how a word takes part in compounds.
    compound_flags: HashMap<String, u8>,
}

impl AffixFile {
    /// Reads a file's text.
    pub fn parse(text: &str) -> Result<AffixFile> {
        let mut file = AffixFile {
            affixes: Vec::new(),
            compounds: false,
            flags: Flags::Char,
            aliases: Vec::new(),
            compound_flags: HashMap::new(),
        };
        let first = |l: &str| l.split_whitespace().next().unwrap_or_default().to_owned();
        let new = text.lines().any(|l| {
            let w = first(l);
            matches!(w.as_str(), "SFX" | "PFX" | "FLAG") || w.starts_with("COMPOUND")
        });
        let old = text.lines().any(|l| {
            let w = folded(&first(l));
            matches!(w.as_str(), "compoundwords" | "suffixes" | "prefixes" | "flag") && first(l) != "FLAG"
        });
        match (old, new) {
            (true, true) => return Err(malformed("affix file contains both old-style and new-style commands")),
            (true, false) => file.parse_old(text)?,
            (false, _) => file.parse_new(text)?,
        }
        // A shorter affix leaves more of the word.
        file.affixes.sort_by_key(|a| a.add.chars().count());
        Ok(file)
    }

    /// The flags of a word or affix, as the files write them.
    pub fn flag_set(&self, text: &str) -> Result<BTreeSet<String>> {
        let text = text.trim();
        if !self.aliases.is_empty() && !text.is_empty() && text.chars().all(|c| c.is_ascii_digit()) {
            let number: usize = text.parse().unwrap_or(usize::MAX);
            return match number.checked_sub(1).and_then(|i| self.aliases.get(i)) {
                Some(list) => self.split(list),
                None => Err(malformed(format!("invalid affix alias \"{text}\""))),
            };
        }
        self.split(text)
    }

    fn split(&self, text: &str) -> Result<BTreeSet<String>> {
        match self.flags {
            Flags::Char => Ok(text.chars().map(String::from).collect()),
            Flags::Long => {
                let chars: Vec<char> = text.chars().collect();
                if !chars.len().is_multiple_of(2) {
                    return Err(malformed(format!("invalid affix flag \"{text}\" with \"long\" flag value")));
                }
                Ok(chars.chunks(2).map(|c| c.iter().collect()).collect())
            }
            Flags::Number => text
                .split(',')
                .map(str::trim)
                .filter(|n| !n.is_empty())
                .map(|n| match n.parse::<u32>() {
                    Ok(v) if v < 65536 => Ok(v.to_string()),
                    Ok(_) => Err(malformed(format!("affix flag \"{n}\" is out of range"))),
                    Err(_) => Err(malformed(format!("invalid affix flag \"{n}\""))),
                })
                .collect(),
        }
    }

    /// How what has these flags takes part in compounds.
    pub fn compound_mask(&self, flags: &BTreeSet<String>) -> u8 {
        flags.iter().filter_map(|f| self.compound_flags.get(f)).fold(0, |a, b| a | b)
    }

    fn add(&mut self, flag: &str, suffix: bool, cross: bool, compound: u8, parts: (&str, &str, &str)) -> Result<()> {
        let (strip, add, condition) = parts;
        let condition = match condition {
            "" | "." => None,
            c => {
                let c = folded(c);
                let text = if suffix { format!("(?:{c})$") } else { format!("^(?:{c})") };
                let made = RegexBuilder::new(&text).size_limit(MAX_COMPILED).build();
                Some(made.map_err(|_| malformed(format!("invalid regular expression: {c}")))?)
            }
        };
        let mut compound = compound;
        if compound & (ONLY | PERMIT) != 0 && compound & ANYWHERE == 0 {
            compound |= ANYWHERE;
        }
        let zero = |s: &str| if s == "0" { String::new() } else { folded(s) };
        let affix =
            Affix { flag: flag.to_owned(), suffix, cross, compound, strip: zero(strip), add: zero(add), condition };
        self.affixes.push(affix);
        Ok(())
    }

    /// Ispell's form.
    fn parse_old(&mut self, text: &str) -> Result<()> {
        let (mut suffix, mut section) = (false, false);
        let (mut flag, mut cross, mut compound) = (String::new(), false, 0);
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default().trim();
            let lower = folded(line);
            if line.is_empty() {
                continue;
            } else if let Some(rest) = lower.strip_prefix("compoundwords") {
                if let Some(at) = rest.find('l') {
                    // The flag stands behind "controlled", in its own case.
                    let tail = line.get("compoundwords".len() + at..).unwrap_or_default();
                    let flag = tail.split_whitespace().nth(1).and_then(|w| w.chars().next());
                    self.compound_flags.extend(flag.map(|f| (f.to_string(), ANYWHERE)));
                    self.compounds = true;
                }
            } else if lower.starts_with("suffixes") {
                (suffix, section) = (true, true);
            } else if lower.starts_with("prefixes") {
                (suffix, section) = (false, true);
            } else if lower.starts_with("flag") && section {
                let mut rest = line.get(4..).unwrap_or_default().trim_start();
                (cross, compound) = (false, 0);
                while let Some(c) = rest.chars().next().filter(|c| matches!(c, '*' | '~')) {
                    cross |= c == '*';
                    compound |= if c == '~' { ONLY } else { 0 };
                    rest = rest.get(1..).unwrap_or_default();
                }
                let rest = rest.strip_prefix('\\').filter(|r| !r.starts_with(':')).unwrap_or(rest);
                flag = rest.chars().take(1).collect();
            } else if section
                && !flag.is_empty()
                && let Some((condition, change)) = line.split_once('>')
            {
                let dense: String = change.chars().filter(|c| !c.is_whitespace()).collect();
                let (strip, add) = match dense.strip_prefix('-') {
                    Some(r) => r.split_once(',').unwrap_or((r, "")),
                    None => ("", dense.as_str()),
                };
                let add = if add == "-" { "" } else { add };
                let condition: String = condition.chars().filter(|c| !c.is_whitespace()).collect();
                let flag = flag.clone();
                self.add(&flag, suffix, cross, compound, (strip, add, &condition))?;
            }
        }
        Ok(())
    }

    /// Hunspell's form: first what says how flags are written, then the affixes.
    fn parse_new(&mut self, text: &str) -> Result<()> {
        let lines = || text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#'));
        for line in lines() {
            let mut words = line.split_whitespace();
            if words.next() == Some("FLAG") {
                self.flags = match words.next() {
                    Some("long") => Flags::Long,
                    Some("num") => Flags::Number,
                    Some("default" | "UTF-8") | None => Flags::Char,
                    Some(_) => {
                        return Err(malformed(
                            "Ispell dictionary supports only \"default\", \"long\", and \"num\" flag values",
                        ));
                    }
                };
            }
        }
        let mut aliases: Option<Vec<String>> = None;
        for line in lines() {
            let mut words = line.split_whitespace();
            let (Some(word), value) = (words.next(), words.next().unwrap_or_default()) else { continue };
            let mask = match word {
                "COMPOUNDFLAG" => ANYWHERE,
                "COMPOUNDBEGIN" => BEGIN,
                "COMPOUNDMIDDLE" => MIDDLE,
                "COMPOUNDLAST" | "COMPOUNDEND" => END,
                "ONLYINCOMPOUND" => ONLY,
                "COMPOUNDPERMITFLAG" => PERMIT,
                "COMPOUNDFORBIDFLAG" => FORBID,
                "AF" => {
                    // The first line tells how many follow.
                    match &mut aliases {
                        None => aliases = Some(Vec::new()),
                        Some(list) => list.push(value.to_owned()),
                    }
                    continue;
                }
                _ => continue,
            };
            for f in self.split(value)? {
                *self.compound_flags.entry(f).or_default() |= mask;
            }
            self.compounds = true;
        }
        self.aliases = aliases.unwrap_or_default();
        let mut crosses: HashMap<(bool, String), bool> = HashMap::new();
        for line in lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [kind @ ("SFX" | "PFX"), flag, rest @ ..] = words.as_slice() else { continue };
            let suffix = *kind == "SFX";
            let Some(flag) = self.split(flag)?.into_iter().next() else { continue };
            match rest {
                // The head of a class: whether it crosses, and how many lines it has.
                [yes @ ("Y" | "N" | "y" | "n"), count] if count.chars().all(|c| c.is_ascii_digit()) => {
                    crosses.insert((suffix, flag), yes.eq_ignore_ascii_case("Y"));
                }
                [strip, add, tail @ ..] => {
                    let cross = crosses.get(&(suffix, flag.clone())).copied().unwrap_or(false);
                    let (add, flags) = add.split_once('/').unwrap_or((*add, ""));
                    let compound = self.compound_mask(&self.flag_set(flags)?);
                    let condition = tail.first().copied().unwrap_or(".");
                    self.add(&flag, suffix, cross, compound, (strip, add, condition))?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}
