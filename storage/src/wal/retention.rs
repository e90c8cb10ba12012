//! What must be kept of the log: named marks, each an LSN from which its owner may still read. The log is kept from
//! the lowest mark on.

use parking_lot::Mutex;
use rustydb_base::Lsn;
use std::collections::BTreeMap;

/// The marks, by owner ("checkpoint", a slot's name, "archive", …). Owners are few and known, so the map is small.
#[derive(Default)]
pub struct KeepMarks(Mutex<BTreeMap<String, Lsn>>);

impl KeepMarks {
    /// Sets or moves an owner's mark.
    pub fn set(&self, owner: &str, from: Lsn) {
        let mut marks = self.0.lock();
        match marks.get_mut(owner) {
            Some(mark) => *mark = from,
            None => drop(marks.insert(owner.to_owned(), from)),
        }
    }

    /// Drops an owner's mark.
    pub fn clear(&self, owner: &str) {
        self.0.lock().remove(owner);
    }

    /// The LSN to keep from; `None` when nobody has set a mark.
    pub fn lowest(&self) -> Option<Lsn> {
        self.0.lock().values().min().copied()
    }

    /// All marks, for the view that explains why log is kept.
    pub fn all(&self) -> Vec<(String, Lsn)> {
        self.0.lock().iter().map(|(k, v)| (k.clone(), *v)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_mark_rules() {
        let marks = KeepMarks::default();
        assert_eq!(marks.lowest(), None);
        marks.set("checkpoint", Lsn(10));
        marks.set("slot", Lsn(5));
        assert_eq!(marks.lowest(), Some(Lsn(5)));
        marks.set("slot", Lsn(20));
        assert_eq!(marks.lowest(), Some(Lsn(10)));
        marks.clear("checkpoint");
        assert_eq!(marks.all(), [("slot".to_owned(), Lsn(20))]);
    }
}
