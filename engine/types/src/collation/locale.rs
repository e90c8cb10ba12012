//! Names of ICU locales: BCP 47 (`de-u-co-phonebk`) and ICU's own (`de@collation=phonebook;colStrength=primary`).
//!
//! As ICU does it, what is no locale is the root's; only a setting of collation that has no such value is an error.

use icu_collator::CollatorPreferences;
use icu_collator::options::{AlternateHandling, CaseLevel, CollatorOptions, MaxVariable, Strength};
use icu_collator::preferences::{CollationCaseFirst, CollationNumericOrdering, CollationType};
use icu_locale_core::Locale;
use icu_locale_core::extensions::unicode::Value;

/// Why a locale cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// ICU's `U_ILLEGAL_ARGUMENT_ERROR`.
    Illegal,
    /// ICU's `U_UNSUPPORTED_ERROR`.
    Unsupported,
    /// ICU has it, the data here does not.
    Missing,
}

/// A locale as collation understands it.
#[derive(Clone, PartialEq, Debug)]
pub struct Wanted {
    /// Language, script, region and variants.
    pub locale: Locale,
    /// `co`: the tailoring of the locale's.
    pub tailoring: Option<String>,
    /// `ks`.
    pub strength: Option<Strength>,
    /// `ka`.
    pub alternate: Option<AlternateHandling>,
    /// `kv`.
    pub max_variable: Option<MaxVariable>,
    /// `kc`.
    pub case_level: Option<bool>,
    /// `kf`.
    pub case_first: Option<CollationCaseFirst>,
    /// `kn`.
    pub numeric: Option<bool>,
    /// `kb`: accents compare from the end.
    pub backwards: Option<bool>,
    /// `kr`: groups of characters in the order they are wanted.
    pub reorder: Vec<String>,
}

/// Keywords of ICU's own syntax and their short names.
const LONG_KEYS: &[(&str, &str)] = &[
    ("collation", "co"),
    ("colstrength", "ks"),
    ("colalternate", "ka"),
    ("colbackwards", "kb"),
    ("colcaselevel", "kc"),
    ("colcasefirst", "kf"),
    ("colnumeric", "kn"),
    ("colnormalization", "kk"),
    ("colhiraganaquaternary", "kh"),
    ("colreorder", "kr"),
    ("variabletop", "vt"),
];

/// Long names of tailorings.
const LONG_TAILORINGS: &[(&str, &str)] =
    &[("dictionary", "dict"), ("gb2312han", "gb2312"), ("phonebook", "phonebk"), ("traditional", "trad")];

/// Tailorings that ICU has and the data here does not: to compare by others would be another order.
const ABSENT_TAILORINGS: &[&str] = &["big5han", "ducet", "emoji", "eor", "gb2312", "phonetic", "search", "searchjl"];

fn other_name<'a>(names: &[(&'static str, &'static str)], name: &'a str) -> &'a str
where
    'static: 'a,
{
    names.iter().find(|n| n.0 == name).map_or(name, |n| n.1)
}

/// Keys and values of a locale's name, lower case, and what is before them.
fn taken_apart(name: &str) -> (Vec<String>, Vec<(String, String)>) {
    let lower = name.to_ascii_lowercase();
    let (base, long) = lower.split_once('@').unwrap_or((&lower, ""));
    let base = base.split_once('.').map_or(base, |b| b.0);
    let mut keywords: Vec<(String, String)> = Vec::new();
    let mut add = |k: &str, v: &str| {
        if !keywords.iter().any(|x| x.0 == k) {
            keywords.push((k.to_owned(), v.to_owned()));
        }
    };
    let subtags: Vec<&str> = base.split(['-', '_']).filter(|s| !s.is_empty()).collect();
    let end = subtags.iter().skip(1).position(|s| s.len() == 1).map_or(subtags.len(), |i| i + 1);
    let (tag, mut rest) = subtags.split_at(end.min(subtags.len()));
    while let Some((singleton, more)) = rest.split_first() {
        let len = more.iter().position(|s| s.len() == 1).unwrap_or(more.len());
        let (body, after) = more.split_at(len);
        rest = after;
        match *singleton {
            // Private use takes all that follows.
            "x" => break,
            "u" => {
                let mut body = body.iter().skip_while(|s| s.len() != 2).peekable();
                while let Some(key) = body.next() {
                    let mut value = Vec::new();
                    while let Some(v) = body.next_if(|s| s.len() != 2) {
                        value.push(*v);
                    }
                    add(key, &value.join("-"));
                }
            }
            _ => {}
        }
    }
    for k in long.split(';') {
        let (key, value) = k.split_once('=').unwrap_or((k, ""));
        let key = other_name(LONG_KEYS, key.trim());
        if !key.is_empty() {
            add(key, value.trim());
        }
    }
    (tag.iter().map(|s| (*s).to_owned()).collect(), keywords)
}

/// Languages whose order ICU has and the data here does not.
const ABSENT_LANGUAGES: &[&str] = &["haw", "kl", "lkt", "se", "smn", "yi"];

/// Scripts whose texts have the language's order, as ICU takes them: the data here would have the root's.
const AS_THE_LANGUAGE: &[(&str, &str)] =
    &[("az", "cyrl"), ("hi", "latn"), ("pa", "arab"), ("uz", "arab"), ("uz", "cyrl")];

/// The longest beginning of a tag that is one.
fn tag(subtags: &[String], variant: Option<&str>) -> Locale {
    for n in (1..=subtags.len()).rev() {
        let mut text = subtags[..n].join("-");
        if text == "root" || text == "c" || text == "posix" {
            break;
        }
        if let Some(v) = variant {
            text.push('-');
            text.push_str(v);
        }
        if let Ok(l) = Locale::try_from_str(&text) {
            return l;
        }
    }
    Locale::UNKNOWN
}

fn truth(v: &str) -> Result<Option<bool>, Refusal> {
    match v {
        "" | "true" | "yes" => Ok(Some(true)),
        "false" | "no" => Ok(Some(false)),
        _ => Err(Refusal::Illegal),
    }
}

impl Wanted {
    /// What a name asks for.
    pub fn parse(name: &str) -> Result<Wanted, Refusal> {
        let (mut subtags, keywords) = taken_apart(name);
        if let [language, script, ..] = subtags.as_slice()
            && AS_THE_LANGUAGE.contains(&(language, script))
        {
            // The region would bring the script back.
            subtags.truncate(1);
        }
        // ICU has no room for such a language.
        if subtags.first().is_some_and(|s| s.len() > 11) {
            return Err(Refusal::Illegal);
        }
        let posix = keywords.iter().any(|k| k.0 == "va" && k.1 == "posix");
        let mut w = Wanted {
            locale: tag(&subtags, posix.then_some("posix")),
            tailoring: None,
            strength: None,
            alternate: None,
            max_variable: None,
            case_level: None,
            case_first: None,
            numeric: None,
            backwards: None,
            reorder: Vec::new(),
        };
        for (key, value) in &keywords {
            w.set(key, value)?;
        }
        if ABSENT_LANGUAGES.contains(&w.locale.id.language.as_str()) {
            return Err(Refusal::Missing);
        }
        Ok(w)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), Refusal> {
        match key {
            "co" => {
                let t = other_name(LONG_TAILORINGS, value);
                if ABSENT_TAILORINGS.contains(&t) {
                    return Err(Refusal::Missing);
                }
                self.tailoring = Some(t.to_owned());
            }
            "ks" => {
                self.strength = Some(match value {
                    "level1" | "primary" => Strength::Primary,
                    "level2" | "secondary" => Strength::Secondary,
                    "level3" | "tertiary" => Strength::Tertiary,
                    "level4" | "quaternary" => Strength::Quaternary,
                    "identic" | "identical" => Strength::Identical,
                    _ => return Err(Refusal::Illegal),
                });
            }
            "ka" => {
                self.alternate = Some(match value {
                    "noignore" | "non-ignorable" => AlternateHandling::NonIgnorable,
                    "shifted" => AlternateHandling::Shifted,
                    _ => return Err(Refusal::Illegal),
                });
            }
            "kv" => {
                self.max_variable = Some(match value {
                    "space" => MaxVariable::Space,
                    "punct" => MaxVariable::Punctuation,
                    "symbol" => MaxVariable::Symbol,
                    "currency" => MaxVariable::Currency,
                    _ => return Err(Refusal::Illegal),
                });
            }
            "kf" => {
                self.case_first = Some(match value {
                    "upper" => CollationCaseFirst::Upper,
                    "lower" => CollationCaseFirst::Lower,
                    "false" | "no" => CollationCaseFirst::False,
                    _ => return Err(Refusal::Illegal),
                });
            }
            "kb" => self.backwards = truth(value)?,
            "kc" => self.case_level = truth(value)?,
            "kn" => self.numeric = truth(value)?,
            // Text is always compared as if it were normalized.
            "kk" => drop(truth(value)?),
            "kh" | "vt" => return Err(Refusal::Unsupported),
            "kr" => self.reorder = value.split('-').map(str::to_owned).collect(),
            _ => {}
        }
        Ok(())
    }

    /// What the collator is told by its preferences.
    pub fn preferences(&self) -> CollatorPreferences {
        let mut p = CollatorPreferences::from(&self.locale);
        // One that no locale has is the standard one, as in ICU.
        let named = self.tailoring.as_ref().and_then(|t| Value::try_from_str(t).ok());
        p.collation_type = named.and_then(|v| CollationType::try_from(&v).ok());
        p.case_first = self.case_first;
        p.numeric_ordering =
            self.numeric.map(|n| if n { CollationNumericOrdering::True } else { CollationNumericOrdering::False });
        p
    }

    /// And by its options.
    pub fn options(&self) -> CollatorOptions {
        let mut o = CollatorOptions::default();
        o.strength = self.strength;
        o.alternate_handling = self.alternate;
        o.max_variable = self.max_variable;
        o.case_level = self.case_level.map(|c| if c { CaseLevel::On } else { CaseLevel::Off });
        o
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_syntaxes_say_the_same() {
        let a = Wanted::parse("de-DE-u-co-phonebk-ks-level1-kc-true").unwrap();
        let b = Wanted::parse("de_DE.UTF-8@collation=phonebook;colStrength=primary;colCaseLevel=yes").unwrap();
        assert_eq!(a, b);
        assert_eq!(a.locale.to_string(), "de-DE");
        assert_eq!(Wanted::parse("en-u-kn").unwrap().numeric, Some(true));
        assert_eq!(Wanted::parse("en-u-kr-latn-digit").unwrap().reorder, ["latn", "digit"]);
    }

    #[test]
    fn nonsense_is_the_root() {
        for name in ["", "C", "-", "x", "root", "POSIX", "9", "en--US"] {
            let w = Wanted::parse(name).unwrap();
            assert!(w.locale == Locale::UNKNOWN || name == "en--US", "{name}");
        }
        assert_eq!(Wanted::parse("toolonglanguagename"), Err(Refusal::Illegal));
        assert_eq!(Wanted::parse("de-u-ks-level9"), Err(Refusal::Illegal));
        assert_eq!(Wanted::parse("de-u-ks-"), Err(Refusal::Illegal));
        assert_eq!(Wanted::parse("en-u-vt-0020"), Err(Refusal::Unsupported));
        assert_eq!(Wanted::parse("und-u-co-emoji"), Err(Refusal::Missing));
    }
}
