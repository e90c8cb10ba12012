//! Checks of what is stored: every page, log batch, undo record, index and space map.
//!
//! Two looks. [`disk`] reads the files of a directory nobody has open and checks what can be checked without knowing what
//! they mean: control slots, the log's chain, each page's checksum and identity. [`live`] looks through an open store, so
//! after recovery: space maps against the pages they speak of, rows and their versions, undo streams, index order. For a
//! directory the open store runs on an [`crate::io::overlay`], so looking changes nothing.
//!
//! What is found is a [`Finding`]: file, block and reason. A check goes on after a finding, so one look shows all of them,
//! up to [`MAX_FINDINGS`].
//!
//! Left out: overflow pages that no row names (a leak) are not told from those that older versions still need.

pub mod disk;
mod heap;
pub mod live;

use rustydb_base::{BlockNo, DbError, RelId, SqlState};
use std::fmt;

/// Findings kept; more are only counted.
pub const MAX_FINDINGS: usize = 10_000;

/// Something that is not as it must be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The file, below the data directory.
    pub file: String,
    /// The relation, if it is one's file.
    pub rel: Option<RelId>,
    /// The block, or the log position, if it lies in one place.
    pub block: Option<u64>,
    /// What is wrong.
    pub reason: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some(b) = self.block {
            write!(f, ", block {b}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// What a check has found.
#[derive(Clone, Default, Debug)]
pub struct Findings {
    list: Vec<Finding>,
    more: u64,
}

impl Findings {
    /// What was found, in the order of the check.
    pub fn list(&self) -> &[Finding] {
        &self.list
    }

    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.list.is_empty()
    }

    /// All findings, those not kept included.
    pub fn count(&self) -> u64 {
        self.list.len() as u64 + self.more
    }

    /// Adds one.
    pub fn add(&mut self, f: Finding) {
        if self.list.len() < MAX_FINDINGS {
            self.list.push(f);
        } else {
            self.more += 1;
        }
    }

    /// Adds one about a relation's page.
    pub fn page(&mut self, rel: RelId, block: BlockNo, reason: impl Into<String>) {
        self.add(Finding {
            file: crate::buf::files::file_of(rel, block),
            rel: Some(rel),
            block: Some(u64::from(block)),
            reason: reason.into(),
        });
    }

    /// Adds one about a relation as a whole.
    pub fn relation(&mut self, rel: RelId, reason: impl Into<String>) {
        let file = crate::buf::files::file_of(rel, 0);
        self.add(Finding { file, rel: Some(rel), block: None, reason: reason.into() });
    }

    /// Adds one about another file.
    pub fn file(&mut self, file: impl Into<String>, block: Option<u64>, reason: impl Into<String>) {
        self.add(Finding { file: file.into(), rel: None, block, reason: reason.into() });
    }

    /// Takes over another check's findings.
    pub fn extend(&mut self, other: Findings) {
        other.list.into_iter().for_each(|f| self.add(f));
        self.more += other.more;
    }
}

/// Whether an error speaks of damage, as opposed to something that kept the check from looking.
pub fn is_damage(e: &DbError) -> bool {
    [SqlState::DATA_CORRUPTED, SqlState::INDEX_CORRUPTED].contains(&e.code)
}
