//! Files that dictionaries are made from: where a dictionary gets them, and their lines.

use super::stop;
use rustydb_base::{DbError, Result, SqlState};
use std::collections::HashSet;

/// Why a file could not be read.
pub struct Unread {
    /// The path that was tried last.
    pub path: String,
    /// What the system said, in its words.
    pub reason: String,
}

/// Gives dictionaries their files.
pub trait Files {
    /// The text of a file of the folder `tsearch_data`.
    fn read(&self, name: &str) -> std::result::Result<String, Unread>;
}

/// No files at all: what is built in must do.
pub struct NoFiles;

impl Files for NoFiles {
    fn read(&self, name: &str) -> std::result::Result<String, Unread> {
        Err(Unread { path: name.to_owned(), reason: "No such file or directory".into() })
    }
}

/// 22023 for a wrong option or file.
pub(super) fn wrong(message: impl Into<String>) -> DbError {
    DbError::new(SqlState::INVALID_PARAMETER_VALUE, message.into())
}

/// F0000 for a file that cannot be understood.
pub(super) fn malformed(message: impl Into<String>) -> DbError {
    DbError::new(SqlState::CONFIG_FILE_ERROR, message.into())
}

/// `base.extension`; 22023 for a name that could lead out of the folder.
fn file_name(base: &str, extension: &str) -> Result<String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '.');
    if !base.chars().all(plain) {
        return Err(wrong(format!("invalid text search configuration file name \"{base}\"")));
    }
    Ok(format!("{base}.{extension}"))
}

/// The text of a file, which messages call `what`.
pub(super) fn open(files: &dyn Files, base: &str, extension: &str, what: &str) -> Result<String> {
    files
        .read(&file_name(base, extension)?)
        .map_err(|e| malformed(format!("could not open {what} file \"{}\": {}", e.path, e.reason)))
}

/// Words that are left out.
pub(super) enum StopWords {
    /// None.
    None,
    /// A list that is compiled in.
    BuiltIn(&'static HashSet<&'static str>),
    /// A list from a file.
    Read(HashSet<String>),
}

impl StopWords {
    /// The list of a name.
    pub(super) fn open(files: &dyn Files, base: &str) -> Result<StopWords> {
        match files.read(&file_name(base, "stop")?) {
            Ok(text) => Ok(StopWords::Read(text.lines().filter_map(first_word).map(super::dict::folded).collect())),
            Err(e) => match stop::words(base) {
                Some(list) => Ok(StopWords::BuiltIn(list)),
                None => Err(malformed(format!("could not open stop-word file \"{}\": {}", e.path, e.reason))),
            },
        }
    }

    /// Whether a word (in lower case) is one.
    pub(super) fn has(&self, word: &str) -> bool {
        match self {
            StopWords::None => false,
            StopWords::BuiltIn(list) => list.contains(word),
            StopWords::Read(list) => list.contains(word),
        }
    }
}

/// What stands before the first blank of a line.
fn first_word(line: &str) -> Option<&str> {
    let end = line.find(char::is_whitespace).unwrap_or(line.len());
    line.get(..end).filter(|w| !w.is_empty())
}
