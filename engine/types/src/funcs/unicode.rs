//! Unicode's normal forms: `normalize(text, form)` and `IS NORMALIZED`.

use super::args::scalar;
use crate::kernel::Kernel;
use rustydb_base::{DbError, Result, SqlState};
use unicode_normalization::UnicodeNormalization;

/// A normal form.
#[derive(Clone, Copy)]
enum Form {
    Nfc,
    Nfd,
    Nfkc,
    Nfkd,
}

fn form(name: &str) -> Result<Form> {
    Ok(match name.to_ascii_uppercase().as_str() {
        "NFC" => Form::Nfc,
        "NFD" => Form::Nfd,
        "NFKC" => Form::Nfkc,
        "NFKD" => Form::Nfkd,
        _ => {
            let text = format!("invalid normalization form: {name}");
            return Err(DbError::new(SqlState::INVALID_PARAMETER_VALUE, text));
        }
    })
}

fn normalize(s: &str, name: &str) -> Result<String> {
    Ok(match form(name)? {
        Form::Nfc => s.nfc().collect(),
        Form::Nfd => s.nfd().collect(),
        Form::Nfkc => s.nfkc().collect(),
        Form::Nfkd => s.nfkd().collect(),
    })
}

fn is_normalized(s: &str, name: &str) -> Result<bool> {
    Ok(match form(name)? {
        Form::Nfc => unicode_normalization::is_nfc(s),
        Form::Nfd => unicode_normalization::is_nfd(s),
        Form::Nfkc => unicode_normalization::is_nfkc(s),
        Form::Nfkd => unicode_normalization::is_nfkd(s),
    })
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[&[
    scalar!("unicode_normalize_func", |s: &str, form: &str| normalize(s, form)),
    scalar!("unicode_is_normalized", |s: &str, form: &str| is_normalized(s, form)),
]];
