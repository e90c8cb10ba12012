//! Collations by OID: what they are called, how they treat letters, and what it means that none could be derived.
//!
//! Collations of the provider libc order text by its bytes; they differ in what a letter is (C and POSIX know only ASCII).
//! Those of the provider ICU order it by a locale's rules ([`icu`]); if they are not deterministic, texts that are not the
//! same may be equal. Which of them is meant is decided when a statement is planned: the functions of [`crate::funcs`] that
//! compare by bytes are exchanged for those that ask a collator ([`crate::funcs::collated`]), and keys
//! ([`crate::keyenc`]) and comparisons ([`crate::cmp`]) look at the collation where they look at the type.
//!
//! Built-in collations are rows of [`pgdata::collations`]; users' are entered here by whoever puts one into a catalog
//! snapshot, as [`crate::usertype`] does it for types, and under the same invariant: an OID is given out once.

mod casing;
mod data;
pub mod icu;
pub mod locale;

use crate::datum::TypeRef;
use crate::pgdata;
use rustydb_base::{DbError, Result, SqlState};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

/// Stands in [`crate::datum::TypeRef::collation`] where expressions of different collations meet and none says which to
/// use: fine as long as nothing compares.
pub const INDETERMINATE: u32 = u32::MAX;

/// The default collation of the database.
pub const DEFAULT: u32 = 100;

/// The collation "C".
pub const C: u32 = 950;

/// The greatest OID among those of the collations that the default is one of: they order by bytes.
const LAST_OF_BYTES: u32 = 951;

/// A collation of the provider ICU.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Definition {
    /// The locale's name.
    pub locale: Arc<str>,
    /// Whether texts that the locale's rules hold for equal are told apart by their bytes.
    pub deterministic: bool,
}

/// A user's collation, as values need to know it.
#[derive(Clone, Debug)]
pub struct UserCollation {
    /// Name for messages.
    pub name: Arc<str>,
    /// Whether only ASCII has letters.
    pub ascii: bool,
    /// What ICU's provider needs.
    pub icu: Option<Definition>,
}

static COLLATIONS: LazyLock<RwLock<HashMap<u32, UserCollation>>> = LazyLock::new(RwLock::default);

/// Makes a collation known, or gives it a new name.
pub fn put(oid: u32, c: UserCollation) {
    COLLATIONS.write().unwrap_or_else(PoisonError::into_inner).insert(oid, c);
    icu::KNOWN.fetch_add(1, std::sync::atomic::Ordering::AcqRel);
}

fn get(oid: u32) -> Option<UserCollation> {
    if oid < crate::usertype::FIRST_USER_OID || oid == INDETERMINATE {
        return None;
    }
    COLLATIONS.read().unwrap_or_else(PoisonError::into_inner).get(&oid).cloned()
}

/// The name of a collation.
pub fn name(oid: u32) -> Option<Arc<str>> {
    if let Some(c) = pgdata::collation(oid) {
        return Some(c.collname.into());
    }
    get(oid).map(|c| c.name)
}

/// What a collation is made of, if its provider is ICU.
fn definition(oid: u32) -> Option<Definition> {
    match pgdata::collation(oid) {
        Some(c) => c.colliculocale.map(|l| Definition { locale: l.into(), deterministic: c.collisdeterministic }),
        None => get(oid)?.icu,
    }
}

/// 0A000 for a collation whose order is not among the library's data.
pub fn check_usable(oid: u32) -> Result<()> {
    match definition(oid) {
        Some(d) if oid > LAST_OF_BYTES && icu::rules(&d.locale).is_err() => Err(DbError::unsupported(format!(
            "what the locale \"{}\" asks of its collation is not supported",
            d.locale
        ))),
        _ => Ok(()),
    }
}

/// Whether a collation orders by a locale's rules, not by bytes. For when a statement is planned.
pub fn is_icu(oid: u32) -> bool {
    oid > LAST_OF_BYTES && definition(oid).is_some()
}

/// Whether only texts with the same bytes are equal.
pub fn is_deterministic(oid: u32) -> bool {
    oid <= LAST_OF_BYTES || definition(oid).is_none_or(|d| d.deterministic)
}

/// Whether what is ordered by one collation is ordered by the other.
pub fn same_order(a: u32, b: u32) -> bool {
    a == b || (!is_icu(a) && !is_icu(b))
}

/// Whether what is equal by one collation is equal by the other.
pub fn same_equality(a: u32, b: u32) -> bool {
    a == b || (is_deterministic(a) && is_deterministic(b))
}

/// A type for which only equality counts, with the cheapest collation that has the same: that of bytes.
pub fn for_equality(ty: TypeRef) -> TypeRef {
    if ty.collation > LAST_OF_BYTES && ty.collation != INDETERMINATE && is_deterministic(ty.collation) {
        return TypeRef { collation: C, ..ty };
    }
    ty
}

/// 0A000: something that needs a deterministic collation was asked for with another.
pub fn nondeterministic(what: &str) -> DbError {
    DbError::unsupported(format!("nondeterministic collations are not supported for {what}"))
}

/// What a built-in function does that no collation can do that is not deterministic, as messages call it.
pub fn exact_purpose(proc: &str, prosrc: &str) -> Option<&'static str> {
    Some(match purpose(proc) {
        Some("LIKE") => "LIKE",
        Some("ILIKE") => "ILIKE",
        Some("regular expression") => "regular expressions",
        _ => match prosrc {
            "textregexsubstr" => "regular expressions",
            "textpos" | "replace_text" | "split_part" | "text_starts_with" | "text_to_array" | "text_to_array_null"
            | "text_to_table" | "text_to_table_null" => "substring searches",
            _ => return None,
        },
    })
}

/// Whether a collation knows only ASCII letters, as C and POSIX do.
pub fn ascii_only(oid: u32) -> bool {
    match oid {
        DEFAULT => false,
        950 | 951 => true,
        _ => get(oid).is_some_and(|c| c.ascii),
    }
}

/// 42P22: something that depends on a collation was asked for, and none could be derived.
pub fn undetermined(what: &str) -> DbError {
    DbError::new(SqlState::INDETERMINATE_COLLATION, format!("could not determine which collation to use for {what}"))
        .hint("Use the COLLATE clause to set the collation explicitly.")
}

/// What a built-in function needs a collation for, as messages call it; `None` if it needs none.
pub fn purpose(proc: &str) -> Option<&'static str> {
    Some(match proc {
        "texteq" | "textne" | "text_lt" | "text_le" | "text_gt" | "text_ge" | "bttextcmp" | "text_larger"
        | "text_smaller" | "bpchareq" | "bpcharne" | "bpcharlt" | "bpcharle" | "bpchargt" | "bpcharge"
        | "bpcharcmp" | "bpchar_larger" | "bpchar_smaller" | "nameeqtext" | "namenetext" | "namelttext"
        | "nameletext" | "namegttext" | "namegetext" | "texteqname" | "textnename" | "textltname" | "textlename"
        | "textgtname" | "textgename" | "btnametextcmp" | "bttextnamecmp" => "string comparison",
        "textlike" | "textnlike" | "bpcharlike" | "bpcharnlike" | "namelike" | "namenlike" => "LIKE",
        "texticlike" | "texticnlike" | "bpchariclike" | "bpcharicnlike" | "nameiclike" | "nameicnlike" => "ILIKE",
        "textregexeq"
        | "textregexne"
        | "texticregexeq"
        | "texticregexne"
        | "bpcharregexeq"
        | "bpcharregexne"
        | "bpcharicregexeq"
        | "bpcharicregexne"
        | "nameregexeq"
        | "nameregexne"
        | "nameicregexeq"
        | "nameicregexne"
        | "regexp_match"
        | "regexp_matches"
        | "regexp_replace"
        | "regexp_split_to_table"
        | "regexp_split_to_array"
        | "regexp_like"
        | "regexp_count"
        | "regexp_instr"
        | "regexp_substr" => "regular expression",
        "lower" => "lower() function",
        "upper" => "upper() function",
        "initcap" => "initcap() function",
        "hashtext" | "hashtextextended" => "string hashing",
        _ => return None,
    })
}
