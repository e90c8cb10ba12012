//! What a name that means nothing may have been meant to be: the hints of errors about missing tables and columns.
//!
//! PostgreSQL's rules: a column of that name that cannot be reached from here; else the one or two columns whose names differ
//! in the fewest characters, of all tables of the query and those around it, at most three and half of the name's own.

use super::Binder;
use super::scope::Rte;
use rustydb_base::{DbError, SqlState};

/// Names that differ in more characters are not alike.
const MAX_DISTANCE: usize = 3;

/// How many characters have to be put in, left out or changed to make one text of the other; more than `limit` counts as
/// `limit + 1`.
fn distance(a: &str, b: &str, limit: usize) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = corner + usize::from(x != *y);
            corner = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(corner + 1);
        }
        if row.iter().all(|d| *d > limit) {
            return limit + 1;
        }
    }
    row.last().map_or(0, |d| (*d).min(limit + 1))
}

/// The nearest columns found so far: table and column.
struct Nearest<'a> {
    distance: usize,
    found: Vec<(&'a str, &'a str)>,
}

impl<'a> Nearest<'a> {
    fn consider(&mut self, penalty: usize, table: &'a str, column: &'a str, wanted: &str) {
        if penalty > self.distance {
            return;
        }
        let d = distance(column, wanted, self.distance + 1 - penalty);
        if d > wanted.len() / 2 {
            return;
        }
        let d = d + penalty;
        if d < self.distance {
            self.distance = d;
            self.found = vec![(table, column)];
        } else if d == self.distance {
            match self.found.len() {
                // Three alike say nothing.
                2 => {
                    self.found.clear();
                    self.distance = d.saturating_sub(1);
                }
                0 if d > MAX_DISTANCE => {}
                _ => self.found.push((table, column)),
            }
        }
    }
}

impl Binder<'_> {
    /// All tables of the query and those around it, innermost first, also those that cannot be used here.
    fn all_tables(&self) -> Vec<&Rte> {
        let mut out: Vec<&Rte> = Vec::new();
        for s in self.scopes.iter().rev() {
            for r in s.rtes.iter().chain(&s.invisible).filter(|r| r.other != Some("a join")) {
                let same = |o: &&Rte| o.cols.first().map(|c| c.col.id) == r.cols.first().map(|c| c.col.id);
                if r.cols.is_empty() || !out.iter().any(same) {
                    out.push(r);
                }
            }
        }
        out
    }

    /// A hint for a column that does not exist, `table` if it was given with one.
    pub(super) fn suggest(&self, table: Option<&str>, name: &str) -> Option<String> {
        let mut near = Nearest { distance: MAX_DISTANCE + 1, found: Vec::new() };
        for r in self.all_tables() {
            let penalty = table.map_or(0, |t| distance(t, &r.name, MAX_DISTANCE + 1));
            if penalty == 0 && r.cols.iter().any(|c| c.name == name) {
                return Some(format!(
                    "There is a column named \"{name}\" in table \"{}\", but it cannot be referenced from this part of the \
                     query.",
                    r.name
                ));
            }
            for c in &r.cols {
                near.consider(penalty, &r.name, &c.name, name);
            }
        }
        let quoted = |(t, c): &(&str, &str)| format!("\"{t}.{c}\"");
        match near.found.as_slice() {
            [one] => Some(format!("Perhaps you meant to reference the column {}.", quoted(one))),
            [one, two] => Some(format!(
                "Perhaps you meant to reference the column {} or the column {}.",
                quoted(one),
                quoted(two)
            )),
            _ => None,
        }
    }

    /// The error for a table that is not in FROM, or not to be reached from here.
    pub(super) fn missing_table(&self, table: &str, pos: u32) -> DbError {
        // The schema that was written is not shown.
        let shown = table;
        let error = |what: &str| {
            DbError::new(SqlState::UNDEFINED_TABLE, format!("{what} FROM-clause entry for table \"{shown}\"")).at(pos)
        };
        // A table that is aliased to something else deserves the hint PostgreSQL gives.
        let is = |r: &&Rte| r.table.as_ref().is_some_and(|t| t.name == table) && r.name != table;
        if let Some(r) = self.scopes.iter().rev().flat_map(|s| &s.rtes).find(is) {
            return error("invalid reference to")
                .hint(format!("Perhaps you meant to reference the table alias \"{}\".", r.name));
        }
        // One that is here is meant with another schema.
        let here = self.scopes.iter().flat_map(|s| &s.rtes).any(|r| r.name == table);
        if here || self.scopes.iter().any(|s| s.invisible.iter().any(|r| r.name == table)) {
            return error("invalid reference to").hint(format!(
                "There is an entry for table \"{shown}\", but it cannot be referenced from this part of the query."
            ));
        }
        error("missing")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_far_apart_as_their_letters() {
        for (a, b, d) in
            [("test", "test1", 1), ("abc", "abc", 0), ("kitten", "sitting", 3), ("", "ab", 2), ("abcdef", "x", 5)]
        {
            assert_eq!(distance(a, b, 4), d);
        }
    }

    #[test]
    fn three_alike_say_nothing() {
        let mut n = Nearest { distance: MAX_DISTANCE + 1, found: Vec::new() };
        for c in ["f2", "f3", "f4"] {
            n.consider(0, "t", c, "f1");
        }
        assert!(n.found.is_empty());
        n.consider(0, "t", "f5", "f1");
        assert!(n.found.is_empty());
    }
}
