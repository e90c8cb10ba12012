//! Unicode's normal forms: `normalize(text, form)` and `IS NORMALIZED`.

use super::args::scalar;
use crate::kernel::Kernel;
use rustydb_base::{DbError, Result, SqlState};
use unicode_normalization::UnicodeNormalization;

enum Form {
    C,
    D,
    KC,
    KD,
}

fn form(name: &str) -> Result<Form> {
    match name.to_ascii_uppercase().as_str() {
        "NFC" => Ok(Form::C),
        "NFD" => Ok(Form::D),
        "NFKC" => Ok(Form::KC),
        "NFKD" => Ok(Form::KD),
        _ => Err(DbError::new(SqlState::INVALID_PARAMETER_VALUE, format!("invalid normalization form: {name}"))),
    }
}

fn normalize(s: &str, name: &str) -> Result<String> {
    Ok(match form(name)? {
        Form::C => s.nfc().collect(),
        Form::D => s.nfd().collect(),
        Form::KC => s.nfkc().collect(),
        Form::KD => s.nfkd().collect(),
    })
}

fn is_normalized(s: &str, name: &str) -> Result<bool> {
    let same = |mut chars: Box<dyn Iterator<Item = char> + '_>| {
        s.chars().all(|c| chars.next() == Some(c)) && chars.next().is_none()
    };
    Ok(match form(name)? {
        Form::C => same(Box::new(s.nfc())),
        Form::D => same(Box::new(s.nfd())),
        Form::KC => same(Box::new(s.nfkc())),
        Form::KD => same(Box::new(s.nfkd())),
    })
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[&[
    scalar!("unicode_normalize_func", |s: &str, form: &str| normalize(s, form)),
    scalar!("unicode_is_normalized", |s: &str, form: &str| is_normalized(s, form)),
]];
