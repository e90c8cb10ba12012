//! Collators of ICU's locales, by the library `icu_collator` and its data.
//!
//! A collator is made once for a locale's name and shared; which are kept is bounded. A thread remembers the few that it
//! used last, so that a comparison asks no lock.

use super::Definition;
use super::casing::Language;
use super::data::{Changed, order_of};
use super::locale::{Refusal, Wanted};
use icu_collator::{Collator, CollatorBorrowed};
use std::cell::RefCell;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering as Memory};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

/// `collversion`: the library's, whose data decides on the order.
pub const VERSION: &str = "2.4.0";

/// Most collators that are kept.
const MAX_COLLATORS: usize = 256;

/// Most collators with data of their own that a thread makes.
const MAX_CHANGED: usize = 256;

/// How many a thread remembers.
const RECENT: usize = 4;

/// A locale's order and letters.
#[derive(Debug)]
pub struct Rules {
    order: CollatorBorrowed<'static>,
    language: Language,
}

impl Rules {
    /// The rules of a locale by name.
    fn new(name: &str) -> Result<Rules, Refusal> {
        let w = Wanted::parse(name)?;
        let (preferences, options) = (w.preferences(), w.options());
        let order = if w.backwards.is_some() || !w.reorder.is_empty() {
            changed(&w, name)?.as_borrowed()
        } else {
            CollatorBorrowed::try_new(preferences, options).map_err(|_| Refusal::Missing)?
        };
        Ok(Rules { order, language: Language::of(w.locale.id.language.as_str()) })
    }

    fn compare(&self, a: &str, b: &str) -> Ordering {
        self.order.compare(a, b)
    }

    fn put_key(&self, s: &str, out: &mut Vec<u8>) {
        let Ok(()) = self.order.write_sort_key_to(s, out);
    }
}

/// A collator with data of its own. The library shares such data within a thread only, so they are made for good, once
/// for a name, and not more than [`MAX_CHANGED`] times.
fn changed(w: &Wanted, name: &str) -> Result<&'static Collator, Refusal> {
    thread_local! {
        static MADE: RefCell<HashMap<Box<str>, &'static Collator>> = RefCell::default();
    }
    MADE.with_borrow_mut(|made| {
        if let Some(c) = made.get(name) {
            return Ok(*c);
        }
        if made.len() >= MAX_CHANGED {
            return Err(Refusal::Missing);
        }
        let order = if w.reorder.is_empty() { None } else { Some(order_of(&w.reorder)?) };
        let data = Changed { backwards: w.backwards, order };
        let c = Collator::try_new_unstable(&data, w.preferences(), w.options()).map_err(|_| Refusal::Missing)?;
        let c: &'static Collator = Box::leak(Box::new(c));
        made.insert(name.into(), c);
        Ok(c)
    })
}

/// The rules of a locale by name; made if there are none yet.
pub fn rules(name: &str) -> Result<Arc<Rules>, Refusal> {
    static KEPT: LazyLock<RwLock<HashMap<Box<str>, Arc<Rules>>>> = LazyLock::new(RwLock::default);
    if let Some(r) = KEPT.read().unwrap_or_else(PoisonError::into_inner).get(name) {
        return Ok(Arc::clone(r));
    }
    let made = Arc::new(Rules::new(name)?);
    let mut kept = KEPT.write().unwrap_or_else(PoisonError::into_inner);
    if kept.len() >= MAX_COLLATORS {
        kept.clear();
    }
    kept.insert(name.into(), Arc::clone(&made));
    Ok(made)
}

/// A collation of the provider ICU, ready to compare.
#[derive(Debug)]
pub struct Icu {
    rules: Arc<Rules>,
    /// Whether texts that the rules hold for equal are told apart by their bytes.
    pub deterministic: bool,
}

impl Icu {
    /// A collation's.
    fn of(d: &Definition) -> Result<Icu, Refusal> {
        Ok(Icu { rules: rules(&d.locale)?, deterministic: d.deterministic })
    }

    /// Order of two texts.
    pub fn compare(&self, a: &str, b: &str) -> Ordering {
        let o = self.rules.compare(a, b);
        if o.is_eq() && self.deterministic { a.cmp(b) } else { o }
    }

    /// Bytes whose order is that of the texts, and equal if those are; none is zero but those that end a part.
    pub fn put_key(&self, s: &str, out: &mut Vec<u8>) {
        self.rules.put_key(s, out);
        out.push(0);
        if self.deterministic {
            out.extend_from_slice(s.as_bytes());
            out.push(0);
        }
    }

    /// Upper case by the locale.
    pub fn upper(&self, s: &str) -> String {
        self.rules.language.upper(s)
    }

    /// Lower case by the locale.
    pub fn lower(&self, s: &str) -> String {
        self.rules.language.lower(s)
    }

    /// Each word with a capital.
    pub fn title(&self, s: &str) -> String {
        self.rules.language.title(s)
    }
}

/// Counts the changes of what is known by OID.
pub(super) static KNOWN: AtomicU64 = AtomicU64::new(0);

#[derive(Default)]
struct Recent {
    known: u64,
    slots: [Option<(u32, Option<Arc<Icu>>)>; RECENT],
    next: usize,
}

thread_local! {
    static LAST: RefCell<Recent> = RefCell::default();
}

/// What `f` says of a collation, if it is one of ICU's.
pub fn with<R>(oid: u32, f: impl FnOnce(&Icu) -> R) -> Option<R> {
    // Below are the collations whose order is that of the bytes.
    if oid <= super::LAST_OF_BYTES {
        return None;
    }
    LAST.with(|last| {
        let known = KNOWN.load(Memory::Acquire);
        let mut last = last.borrow_mut();
        if last.known != known {
            *last = Recent { known, ..Recent::default() };
        }
        let found = last.slots.iter().flatten().find(|s| s.0 == oid).map(|s| s.1.clone());
        let icu = match found {
            Some(icu) => icu,
            None => {
                let icu = super::definition(oid).and_then(|d| Icu::of(&d).ok()).map(Arc::new);
                let at = last.next % RECENT;
                last.slots[at] = Some((oid, icu.clone()));
                last.next = at + 1;
                icu
            }
        };
        drop(last);
        icu.map(|i| f(&i))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pgdata;

    #[test]
    fn every_built_in_locale_has_rules() {
        let names = pgdata::collations().iter().filter_map(|c| c.colliculocale);
        let missing: Vec<&str> = names.filter(|l| Rules::new(l).is_err()).map(|l| &l[..2]).collect();
        assert!(missing.iter().all(|l| matches!(*l, "ha" | "kl" | "lk" | "se" | "sm" | "yi")), "{missing:?}");
        assert!(missing.len() <= 14, "{missing:?}");
    }

    #[test]
    fn keys_are_ordered_as_texts_are() {
        let words = [
            "", "a", "A", "á", "ab", "aB", "Ab", "b", "ä", "z", "å", "1", "10", "2", "co-op", "coop", "日本", "α", "я",
        ];
        let all =
            ["und", "sv", "de-u-co-phonebk", "en-u-kn", "und-u-ka-shifted-ks-level4", "en-u-kr-grek-latn", "und-u-kb"];
        for name in all {
            for deterministic in [true, false] {
                let c = Icu { rules: Arc::new(Rules::new(name).unwrap()), deterministic };
                let key = |s: &str| {
                    let mut out = Vec::new();
                    c.put_key(s, &mut out);
                    out
                };
                for a in words {
                    for b in words {
                        assert_eq!(c.compare(a, b), key(a).cmp(&key(b)), "{name} {a} {b}");
                    }
                }
            }
        }
    }

    #[test]
    fn names_change_the_order() {
        let c = |name: &str| Icu { rules: Arc::new(Rules::new(name).unwrap()), deterministic: false };
        assert_eq!(c("und-u-ks-level2").compare("abc", "ABC"), Ordering::Equal);
        assert_eq!(c("und-u-ks-level1").compare("été", "ETE"), Ordering::Equal);
        assert_eq!(c("und").compare("α", "a"), Ordering::Greater);
        assert_eq!(c("und-u-kr-grek").compare("α", "a"), Ordering::Less);
        assert_eq!(c("en-u-kr-latn-digit").compare("1", "a"), Ordering::Greater);
        assert_eq!(c("und").compare("coté", "côte"), Ordering::Less);
        assert_eq!(c("und-u-kb").compare("coté", "côte"), Ordering::Greater);
        assert_eq!(c("fr-CA-u-kb-false").compare("coté", "côte"), Ordering::Less);
    }
}
