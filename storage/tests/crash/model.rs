//! What the database must contain: the committed transactions in commit order, and nothing else.

use rustydb_base::{Lsn, Scn};
use rustydb_storage::table::TableDesc;
use std::collections::BTreeMap;

/// A row's content besides its key: the indexed value (`None` is NULL and has no index entry) and the payload as
/// (length, fill byte).
pub type Row = (Option<i32>, (usize, u8));
/// Rows by key.
pub type Table = BTreeMap<i32, Row>;

/// One effect of a transaction.
#[derive(Clone, Debug)]
pub enum Write {
    Put(u32, i32, Row),
    Remove(u32, i32),
    Create(u32, TableDesc),
    Drop(u32),
}

/// A committed transaction.
#[derive(Clone, Debug)]
pub struct Commit {
    pub scn: Scn,
    pub lsn: Lsn,
    pub writes: Vec<Write>,
}

/// A transaction that was prepared.
#[derive(Clone, Debug)]
pub struct PreparedTxn {
    /// What it was told to keep.
    pub name: u64,
    /// Prepared for good when the log is stable up to here.
    pub lsn: Lsn,
    pub writes: Vec<Write>,
    /// Its rollback has begun.
    pub rolling_back: bool,
    /// It has ended for good when the log is stable up to here.
    pub ended: Option<Lsn>,
}

/// The history so far.
#[derive(Clone, Default)]
pub struct Model {
    /// In commit order.
    pub commits: Vec<Commit>,
    /// Commits up to here have been acknowledged.
    pub acked: Lsn,
    /// Largest sequence value a client has been told.
    pub sequence: i64,
    /// Two-phase commits.
    pub prepared: Vec<PreparedTxn>,
    /// Tables as the newest commit has them.
    pub tables: BTreeMap<u32, TableDesc>,
}

/// The database at one moment.
#[derive(Clone, Default)]
pub struct State {
    pub rows: BTreeMap<u32, Table>,
    pub tables: BTreeMap<u32, TableDesc>,
}

impl State {
    pub fn apply(&mut self, w: &Write) {
        match w {
            Write::Put(t, k, row) => {
                self.rows.entry(*t).or_default().insert(*k, *row);
            }
            Write::Remove(t, k) => {
                self.rows.entry(*t).or_default().remove(k);
            }
            Write::Create(t, d) => {
                self.rows.insert(*t, Table::new());
                self.tables.insert(*t, d.clone());
            }
            Write::Drop(t) => {
                self.rows.remove(t);
                self.tables.remove(t);
            }
        }
    }
}

impl Model {
    pub fn commit(&mut self, c: Commit) {
        if let Some(last) = self.commits.last() {
            assert!(last.scn < c.scn && last.lsn < c.lsn, "commit order: {last:?} then {c:?}");
        }
        for w in &c.writes {
            match w {
                Write::Create(t, d) => drop(self.tables.insert(*t, d.clone())),
                Write::Drop(t) => drop(self.tables.remove(t)),
                _ => {}
            }
        }
        self.commits.push(c);
    }

    /// The database after the first `n` commits.
    pub fn after(&self, n: usize) -> State {
        let mut s = State::default();
        for c in &self.commits[..n] {
            c.writes.iter().for_each(|w| s.apply(w));
        }
        s
    }

    /// The database that a snapshot at `scn` sees.
    pub fn at(&self, scn: Scn) -> State {
        self.after(self.commits.partition_point(|c| c.scn <= scn))
    }
}
