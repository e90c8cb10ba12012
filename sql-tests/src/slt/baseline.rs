//! What a real PostgreSQL makes of each record, from tab-separated files with a header line.

use crate::error::{Context, Error, Result};
use std::collections::HashMap;
use std::path::Path;

/// The records that PostgreSQL does not pass, by file and line; and, where the file lists every record, those it passes.
#[derive(Debug, Default)]
pub struct Known {
    status: HashMap<String, HashMap<u32, String>>,
    lists_passes: bool,
}

impl Known {
    /// A file of failures: `file line kind`.
    pub fn failures(path: &Path) -> Result<Self> {
        Self::read(path, "", 2, false)
    }

    /// A file of all records: `file line kind status`, file names beginning with `prefix`, which is taken off.
    pub fn statuses(path: &Path, prefix: &str) -> Result<Self> {
        Self::read(path, prefix, 3, true)
    }

    fn read(path: &Path, prefix: &str, column: usize, lists_passes: bool) -> Result<Self> {
        let text = std::fs::read_to_string(path).context(|| format!("reading {}", path.display()))?;
        let mut known = Self { lists_passes, ..Self::default() };
        for (n, line) in text.lines().enumerate().skip(1) {
            let bad = || Error::new(format!("{}:{}: malformed: {line}", path.display(), n + 1));
            let fields: Vec<&str> = line.split('\t').collect();
            let (Some(file), Some(at), Some(status)) = (fields.first(), fields.get(1), fields.get(column)) else {
                return Err(bad());
            };
            let at: u32 = at.parse().map_err(|_| bad())?;
            let file = file.strip_prefix(prefix).unwrap_or(file);
            known.status.entry(file.to_owned()).or_default().insert(at, (*status).to_owned());
        }
        Ok(known)
    }

    /// Why this record does not count, or `None` when PostgreSQL passes it.
    pub fn fails(&self, file: &str, line: u32) -> Option<&str> {
        match self.status.get(file).map(|lines| lines.get(&line)) {
            Some(Some(status)) if status == "pass" => None,
            Some(Some(status)) => Some(status),
            // A file that the list does not name at all passes in full; one it names lists each of its records.
            Some(None) if self.lists_passes => Some("not in the baseline"),
            _ => None,
        }
    }
}
