//! Search trees as the engine uses them: what the store asks of keys, and questions put to a tree.
//!
//! Keys and bounds are those of [`rustydb_types::gist`]; the store's tree keeps them as bytes and asks here how they are
//! compared. A scan in order of distance is given candidates by a lower bound of theirs; [`Waiting`] holds those that
//! are further away than that until nothing nearer can come.

use rustydb_base::{DbError, Result, Rid, SqlState};
use rustydb_storage::gist;
use rustydb_types::datum::Datum;
use rustydb_types::gist::{Question, bounds};
use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashSet};
use std::sync::{Arc, Once};

struct Keys;

impl gist::Keys for Keys {
    fn bound(&self, key: &[u8]) -> Vec<u8> {
        key.to_vec()
    }
    fn covers(&self, whole: &[u8], part: &[u8]) -> bool {
        bounds::covers(whole, part)
    }
    fn unite(&self, a: &[u8], b: &[u8]) -> Vec<u8> {
        bounds::unite(a, b)
    }
    fn penalty(&self, bound: &[u8], more: &[u8]) -> f64 {
        bounds::penalty(bound, more)
    }
    fn order(&self, list: &[&[u8]]) -> Vec<usize> {
        bounds::order(list)
    }
}

/// Tells the store what the keys of search trees are, once in the life of the process.
pub fn register() -> Result<()> {
    static ONCE: Once = Once::new();
    let mut done = Ok(());
    ONCE.call_once(|| done = gist::register(&Keys));
    done
}

struct Ask(Question);

impl gist::Question for Ask {
    fn may(&self, key: &[u8], leaf: bool) -> bool {
        self.0.may(key, leaf)
    }
    fn distance(&self, key: &[u8], _: bool) -> f64 {
        self.0.distance(key)
    }
}

/// A question in the form the store takes.
pub fn asked(q: Question) -> gist::Asked {
    gist::Asked(Arc::new(Ask(q)))
}

/// A row that waits for its turn.
struct Candidate {
    /// `None` is NULL, which comes last.
    distance: Option<f64>,
    rid: Rid,
}

impl Candidate {
    fn key(&self) -> f64 {
        // NaN comes after infinity, as it does in PostgreSQL's order.
        self.distance.unwrap_or(f64::INFINITY)
    }
}

impl Ord for Candidate {
    fn cmp(&self, other: &Candidate) -> Ordering {
        let last = |c: &Candidate| c.distance.is_none();
        // The nearest is the greatest.
        last(other)
            .cmp(&last(self))
            .then_with(|| other.key().total_cmp(&self.key()))
            .then_with(|| other.rid.cmp(&self.rid))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Candidate) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Candidate) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}

/// Rows that a scan by distance may meet, about 64 MB of them.
const MOST_MET: usize = 4 << 20;

/// Rows of a scan by distance that have been measured.
#[derive(Default)]
pub struct Waiting {
    rows: BinaryHeap<Candidate>,
    /// Rows met so far: a row that was changed may have several entries.
    met: HashSet<Rid>,
}

impl Waiting {
    /// Whether a row is met for the first time; 54000 when there have been too many ([`MOST_MET`]).
    pub fn meet(&mut self, rid: Rid) -> Result<bool> {
        if self.met.len() >= MOST_MET {
            let m = "a search by distance has met too many rows";
            return Err(DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, m).hint(
                "Conditions that leave out most of the nearest rows are better served without the order of an index.",
            ));
        }
        Ok(self.met.insert(rid))
    }

    /// Holds a row with its distance.
    pub fn hold(&mut self, rid: Rid, distance: &Datum) {
        let distance = match distance {
            Datum::Float8(d) => Some(*d),
            _ => None,
        };
        self.rows.push(Candidate { distance, rid });
    }

    /// Whether the nearest row held is no further away than what may still come: at least so far, `None` for nothing.
    pub fn is_next(&self, coming: Option<f64>) -> bool {
        self.rows.peek().is_some_and(|c| match (c.distance, coming) {
            (_, None) => true,
            (Some(d), Some(at_least)) => d <= at_least,
            (None, Some(_)) => false,
        })
    }

    /// The nearest row held.
    pub fn peek(&self) -> Option<Rid> {
        self.rows.peek().map(|c| c.rid)
    }

    /// Lets the nearest row go.
    pub fn pop(&mut self) {
        self.rows.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_go_when_nothing_nearer_can_come() {
        let rid = |b: u32| Rid { block: b, slot: 0 };
        let mut w = Waiting::default();
        assert!(w.meet(rid(1)).unwrap() && !w.meet(rid(1)).unwrap());
        w.hold(rid(1), &Datum::Null);
        w.hold(rid(2), &Datum::Float8(3.0));
        w.hold(rid(3), &Datum::Float8(2.0));
        assert!(!w.is_next(Some(1.0)) && w.is_next(Some(2.0)));
        let mut order = Vec::new();
        while let Some(r) = w.peek() {
            w.pop();
            order.push(r.block);
        }
        assert_eq!(order, [3, 2, 1]);
    }
}
