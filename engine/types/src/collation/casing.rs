//! Upper and lower case and titles by a locale's rules, with Unicode's full mappings: 'ß' becomes 'SS', a sigma at the end
//! of a word is another letter.
//!
//! The standard library has the mappings that hold for all languages. What languages have of their own is here: Turkish and
//! Azeri, Lithuanian (both in Unicode's SpecialCasing.txt), Greek, Armenian and Dutch (in CLDR's transforms for upper case
//! and titles, as ICU has them).

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::{canonical_combining_class, decompose_canonical};
use unicode_segmentation::UnicodeSegmentation;

/// A language with rules of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Language {
    /// Turkish and Azeri: i with and without a dot.
    Turkic,
    /// Lithuanian: an i keeps its dot under accents.
    Lithuanian,
    /// Greek: capitals have no accents.
    Greek,
    /// Armenian: the ligature ech yiwn.
    Armenian,
    /// Dutch: ij is one letter in titles.
    Dutch,
    /// Any other.
    Other,
}

/// The dot that combines above a letter.
const DOT: char = '\u{307}';
const DIALYTIKA: char = '\u{308}';

impl Language {
    /// By its code.
    pub fn of(code: &str) -> Language {
        match code {
            "tr" | "az" => Language::Turkic,
            "lt" => Language::Lithuanian,
            "el" => Language::Greek,
            "hy" => Language::Armenian,
            "nl" => Language::Dutch,
            _ => Language::Other,
        }
    }

    /// Upper case.
    pub fn upper(self, s: &str) -> String {
        match self {
            Language::Turkic => s.replace('i', "İ").to_uppercase(),
            Language::Lithuanian => without_dots(s).to_uppercase(),
            Language::Greek => greek_upper(s),
            Language::Armenian => s.replace('\u{587}', "\u{535}\u{54e}").to_uppercase(),
            Language::Dutch | Language::Other => s.to_uppercase(),
        }
    }

    /// Lower case.
    pub fn lower(self, s: &str) -> String {
        match self {
            Language::Turkic => {
                let mut out = String::with_capacity(s.len());
                let mut rest = s.chars().peekable();
                while let Some(c) = rest.next() {
                    match c {
                        'I' if rest.next_if_eq(&DOT).is_some() => out.push('i'),
                        'I' => out.push('ı'),
                        'İ' => out.push('i'),
                        c => out.push(c),
                    }
                }
                out.to_lowercase()
            }
            Language::Lithuanian => with_dots(s).to_lowercase(),
            _ => s.to_lowercase(),
        }
    }

    /// Each word with a capital.
    pub fn title(self, s: &str) -> String {
        let mut out = String::with_capacity(s.len());
        for word in s.split_word_bounds() {
            self.title_word(word, &mut out);
        }
        out
    }

    fn title_word(self, word: &str, out: &mut String) {
        let at = word.find(|c: char| c.is_alphanumeric()).unwrap_or(word.len());
        let (before, word) = word.split_at(at);
        out.push_str(before);
        let mut chars = word.chars();
        let Some(first) = chars.next() else { return };
        if self == Language::Dutch
            && matches!(first, 'i' | 'I')
            && chars.clone().next().is_some_and(|c| matches!(c, 'j' | 'J'))
        {
            out.push_str("IJ");
            out.push_str(&self.lower(&word[2..]));
            return;
        }
        let (head, rest) = word.split_at(first.len_utf8());
        match self {
            Language::Turkic if first == 'i' => out.push('İ'),
            Language::Armenian if first == '\u{587}' => out.push_str("\u{535}\u{57e}"),
            _ => title_char(first, out),
        }
        // The word as a whole says what its last sigma is.
        let (all, mut lowered) = (self.lower(word), self.lower(head));
        if self == Language::Lithuanian && !all.starts_with(&lowered) {
            lowered.clear();
        }
        match all.strip_prefix(lowered.as_str()) {
            Some(tail) if !lowered.is_empty() => out.push_str(tail),
            _ => out.push_str(&self.lower(rest)),
        }
    }
}

/// One character at the beginning of a title.
fn title_char(c: char, out: &mut String) {
    let n = c as u32;
    let one = |n: u32| char::from_u32(n).unwrap_or(c);
    match n {
        // Digraphs have a form for titles.
        0x1c4..=0x1c6 => out.push('\u{1c5}'),
        0x1c7..=0x1c9 => out.push('\u{1c8}'),
        0x1ca..=0x1cc => out.push('\u{1cb}'),
        0x1f1..=0x1f3 => out.push('\u{1f2}'),
        0x149 => out.push_str("\u{2bc}N"),
        // Georgian has capitals for whole texts only.
        0x10d0..=0x10ff => out.push(c),
        // Greek with the iota below.
        0x1f80..=0x1faf => out.push(one(n | 8)),
        0x1fb3 | 0x1fc3 | 0x1ff3 => out.push(one(n + 9)),
        0x1fbc | 0x1fcc | 0x1ffc => out.push(c),
        _ => {
            let mut mapped = c.to_uppercase();
            out.extend(mapped.next());
            for m in mapped {
                if matches!(n, 0x1fb0..=0x1fff) && m == 'Ι' {
                    out.push('\u{345}');
                } else {
                    out.extend(m.to_lowercase());
                }
            }
        }
    }
}

/// Letters whose dot an accent above replaces.
fn soft_dotted(c: char) -> bool {
    matches!(c, 'i' | 'j' | 'į' | 'ɨ' | 'ʝ' | 'і' | 'ј' | 'ḭ' | 'ị' | 'ⁱ' | 'ⱼ' | 'ĩ' | 'ì' | 'í')
}

/// Without the dots above letters that have one of their own; capitals have none.
fn without_dots(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    let mut after_soft = false;
    for c in s.chars() {
        if c == DOT && after_soft {
            continue;
        }
        if canonical_combining_class(c) == 0 {
            after_soft = soft_dotted(c);
        }
        out.push(c);
    }
    out
}

/// Small letters that keep their dot under an accent, in place of capitals.
fn with_dots(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    for (at, c) in s.char_indices() {
        let accent = || {
            let marks = s[at + c.len_utf8()..].chars();
            marks.map(canonical_combining_class).take_while(|n| *n != 0).any(|n| n == 230)
        };
        match c {
            'Ì' => out.push_str("i\u{307}\u{300}"),
            'Í' => out.push_str("i\u{307}\u{301}"),
            'Ĩ' => out.push_str("i\u{307}\u{303}"),
            'I' | 'J' | 'Į' if accent() => {
                out.extend(c.to_lowercase());
                out.push(DOT);
            }
            c => out.push(c),
        }
    }
    out
}

fn is_greek(c: char) -> bool {
    matches!(c as u32, 0x370..=0x3ff | 0x1f00..=0x1fff | 0x2126)
}

/// Capitals without accents. The dialytika stays, and comes where an accent told two vowels apart; a lone eta keeps its
/// accent, as that is what makes it the word "or" (as a character of its own, as ICU writes it).
fn greek_upper(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    let mut letters: Vec<(char, Vec<char>)> = Vec::new();
    for c in s.chars() {
        if is_greek(c) {
            let mut parts = Vec::new();
            decompose_canonical(c, |p| parts.push(p));
            let mut parts = parts.into_iter();
            letters.push((parts.next().unwrap_or(c), parts.collect()));
        } else if canonical_combining_class(c) != 0
            && let Some(last) = letters.last_mut()
            && is_greek(last.0)
        {
            last.1.push(c);
        } else {
            letters.push((c, Vec::new()));
        }
    }
    let accent = |m: &char| matches!(m, '\u{300}' | '\u{301}' | '\u{342}' | '\u{303}' | '\u{302}' | '\u{311}');
    let cased = |i: Option<usize>| i.and_then(|i| letters.get(i)).is_some_and(|l| l.0.is_alphabetic());
    for (i, (base, marks)) in letters.iter().enumerate() {
        if !is_greek(*base) {
            out.extend(base.to_uppercase());
            continue;
        }
        let alone = !cased(i.checked_sub(1)) && !cased(Some(i + 1));
        if matches!(base, 'η' | 'Η') && marks.iter().any(accent) && !marks.contains(&'\u{345}') && alone {
            out.push_str("Η\u{301}");
            continue;
        }
        let dialytika = marks.contains(&DIALYTIKA)
            || (matches!(base, 'ι' | 'υ' | 'Ι' | 'Υ')
                && !marks.iter().any(accent)
                && i.checked_sub(1).and_then(|p| letters.get(p)).is_some_and(|(b, m)| {
                    m.iter().any(accent) && matches!(b, 'α' | 'ε' | 'ο' | 'υ' | 'η' | 'Α' | 'Ε' | 'Ο' | 'Υ' | 'Η')
                }));
        let mut one: String = base.to_uppercase().collect();
        if dialytika {
            one.push(DIALYTIKA);
        }
        let foreign = |m: &&char| {
            !accent(m)
                && !matches!(**m, DIALYTIKA | '\u{304}' | '\u{306}' | '\u{313}' | '\u{314}' | '\u{343}' | '\u{345}')
        };
        one.extend(marks.iter().filter(foreign));
        out.extend(one.nfc());
        if marks.contains(&'\u{345}') {
            out.push('Ι');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_have_letters_of_their_own() {
        let tr = Language::of("tr");
        assert_eq!(tr.lower("IİI"), "ıiı");
        assert_eq!(tr.upper("iı"), "İI");
        assert_eq!(tr.title("istanbul ISPARTA"), "İstanbul Isparta");
        let lt = Language::of("lt");
        assert_eq!(lt.lower("Ì"), "i\u{307}\u{300}");
        assert_eq!(lt.upper("i\u{307}\u{300}"), "I\u{300}");
        let el = Language::of("el");
        assert_eq!(el.upper("άέ Πατάτα ή μαΐου άυλος"), "ΑΕ ΠΑΤΑΤΑ Η\u{301} ΜΑΪΟΥ ΑΫΛΟΣ");
        assert_eq!(Language::of("nl").title("ijsland IJ"), "IJsland IJ");
    }

    #[test]
    fn titles_are_per_word() {
        let t = |s: &str| Language::Other.title(s);
        assert_eq!(t("don't 3rd ŉn o-k x_y a.b ǆ"), "Don't 3rd ʼNn O-K X_y A.b ǅ");
        assert_eq!(t("ΟΔΟΣ"), "Οδος");
        assert_eq!(t("ßa ﬁn"), "Ssa Fin");
        assert_eq!(Language::Other.lower("ΑΣ"), "ας");
        assert_eq!(Language::Other.upper("ß"), "SS");
    }
}
