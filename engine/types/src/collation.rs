//! Collations by OID: what they are called, how they treat letters, and what it means that none could be derived.
//!
//! Every collation there is orders text by its bytes. They differ in what a letter is (C and POSIX know only ASCII) and in
//! their names, by which the binder tells whether two expressions can be compared without saying how. Built-in ones are
//! rows of [`pgdata::collations`]; users' are entered here by whoever puts one into a catalog snapshot, as
//! [`crate::usertype`] does it for types, and under the same invariant: an OID is given out once.

use crate::pgdata;
use rustydb_base::{DbError, SqlState};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

/// Stands in [`crate::datum::TypeRef::collation`] where expressions of different collations meet and none says which to
/// use: fine as long as nothing compares.
pub const INDETERMINATE: u32 = u32::MAX;

/// The default collation of the database.
pub const DEFAULT: u32 = 100;

/// A user's collation, as values need to know it.
#[derive(Clone, Debug)]
pub struct UserCollation {
    /// Name for messages.
    pub name: Arc<str>,
    /// Whether only ASCII has letters.
    pub ascii: bool,
}

static COLLATIONS: LazyLock<RwLock<HashMap<u32, UserCollation>>> = LazyLock::new(RwLock::default);

/// Makes a collation known, or gives it a new name.
pub fn put(oid: u32, c: UserCollation) {
    COLLATIONS.write().unwrap_or_else(PoisonError::into_inner).insert(oid, c);
}

fn get(oid: u32) -> Option<UserCollation> {
    if oid < crate::usertype::FIRST_USER_OID || oid == INDETERMINATE {
        return None;
    }
    COLLATIONS.read().unwrap_or_else(PoisonError::into_inner).get(&oid).cloned()
}

/// The name of a collation.
pub fn name(oid: u32) -> Option<Arc<str>> {
    if let Some(c) = pgdata::collations().iter().find(|c| c.oid == oid) {
        return Some(c.collname.into());
    }
    get(oid).map(|c| c.name)
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
