//! Candidates of several ranges of an index, taken together: what PostgreSQL does with bitmaps.
//!
//! # Idea
//! A [`Search`] says which entries a row must have for a condition to hold: all of some, any of some. [`Gather`] reads the
//! rows' addresses range by range and intersects and unites the lists, which are kept in order of the table. The answer is
//! a set of candidates: whoever asks tests the condition itself on each row's visible version, so it may hold too many rows
//! but none that the condition could be true for may be missing.
//!
//! # Bounds
//! The lists together hold at most [`MOST`] addresses. A range that has more narrows nothing; if nothing narrows the whole,
//! the answer is `None` and the table is to be read instead. An intersection that has come down to [`FEW`] rows is not
//! narrowed further: looking at the rows is cheaper.
//!
//! A run stops after some batches and is called again, so that whoever drives it may be interrupted.

use super::{Cursor, Direction, Edge, IndexDesc, Method};
use crate::brin::RangeScan;
use crate::buf::Access;
use crate::core::Core;
use crate::gist::{Asked, TreeScan};
use crate::ssi::SxId;
use crate::wait::Op;
use rustydb_base::{BlockNo, DbError, Rid, Scn};
use std::ops::Range;

/// Addresses that the lists of one search hold together.
const MOST: usize = 1 << 20;
/// Rows that are looked at rather than cut down further.
const FEW: usize = 32;
/// Batches of a run before it comes up for air.
const BATCHES: usize = 64;

/// Which entries the rows wanted have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Search {
    /// This key.
    Key(Vec<u8>),
    /// Some key that begins with the bytes.
    Begins(Vec<u8>),
    /// What each of these says; with none of them nothing is said.
    All(Vec<Search>),
    /// What one of these says; with none of them there is no such row.
    Any(Vec<Search>),
    /// Nothing: it may be any row.
    Anything,
    /// An entry that a question does not rule out: of search trees.
    Ask(Asked),
}

/// What a search has found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Gathered {
    /// The index does not help: the table is to be read.
    Everything,
    /// Candidates in order of the table.
    Rows(Vec<Rid>),
    /// Blocks that are to be read, in order, as far as there are rows in them.
    Blocks(Vec<Range<BlockNo>>),
}

/// A list of addresses in order; `None` is all rows.
type List = Option<Vec<Rid>>;

/// The search as a program for a machine with a stack of lists.
enum Step {
    /// Reads the entries whose key begins so, or is that (`true`).
    Read(Vec<u8>, bool),
    /// Reads what a question does not rule out.
    Ask(Asked),
    Push(bool),
    And,
    /// Of so many lists.
    Or(usize),
    /// Goes on at a later step if the topmost list is short.
    SkipIfShort(usize),
}

/// A search in progress.
pub struct Gather {
    idx: IndexDesc,
    whole: bool,
    steps: Vec<Step>,
    at: usize,
    stack: Vec<List>,
    /// Addresses in the lists of the stack.
    held: usize,
    cursor: Option<Cursor>,
    reading: Vec<Rid>,
    /// Of a block range index: the whole search.
    ranges: Option<RangeScan>,
}

/// The question that is all of a search.
fn question(s: &Search) -> Option<&Asked> {
    match s {
        Search::Ask(a) => Some(a),
        Search::All(v) | Search::Any(v) => match v.as_slice() {
            [one] => question(one),
            _ => None,
        },
        _ => None,
    }
}

fn compile(s: &Search, out: &mut Vec<Step>) {
    let (list, all) = match s {
        Search::Key(b) => return out.push(Step::Read(b.clone(), true)),
        Search::Begins(b) => return out.push(Step::Read(b.clone(), false)),
        Search::Anything => return out.push(Step::Push(true)),
        Search::Ask(a) => return out.push(Step::Ask(a.clone())),
        Search::All(v) => (v, true),
        Search::Any(v) => (v, false),
    };
    let Some((first, rest)) = list.split_first() else { return out.push(Step::Push(all)) };
    compile(first, out);
    let mut skips = Vec::new();
    for x in rest {
        if all {
            skips.push(out.len());
            out.push(Step::SkipIfShort(0));
        }
        compile(x, out);
        if all {
            out.push(Step::And);
        }
    }
    if !all && !rest.is_empty() {
        out.push(Step::Or(list.len()));
    }
    let end = out.len();
    for at in skips {
        out[at] = Step::SkipIfShort(end);
    }
}

fn both(a: List, b: List) -> List {
    let (Some(a), Some(b)) = (&a, &b) else { return a.or(b) };
    let (mut i, mut j, mut out) = (0, 0, Vec::new());
    while let (Some(x), Some(y)) = (a.get(i), b.get(j)) {
        match x.cmp(y) {
            std::cmp::Ordering::Less => i += 1,
            std::cmp::Ordering::Greater => j += 1,
            std::cmp::Ordering::Equal => {
                out.push(*x);
                (i, j) = (i + 1, j + 1);
            }
        }
    }
    Some(out)
}

fn any(lists: impl Iterator<Item = List>) -> List {
    let mut out = Vec::new();
    for l in lists {
        out.extend(l?);
    }
    // Runs in order, which the stable sort merges.
    out.sort();
    out.dedup();
    Some(out)
}

impl Gather {
    /// Begins a search. `whole`: a serializable reader is known for the whole index, not for the keys it looks for.
    pub fn new(idx: IndexDesc, search: &Search, whole: bool) -> Gather {
        let mut steps = Vec::new();
        let ranges = match question(search) {
            _ if idx.method != Method::BRIN => None,
            Some(a) => Some(RangeScan::new(idx, a.clone())),
            None => None,
        };
        if idx.method != Method::BRIN {
            compile(search, &mut steps);
        }
        Gather { idx, whole, steps, at: 0, stack: Vec::new(), held: 0, cursor: None, reading: Vec::new(), ranges }
    }

    /// Goes on; `false` if it is to be called again. After a wait the call is repeated. A serializable `reader` is registered
    /// for the key before its entries are read, or at every leaf of a range. `scn` is that of the snapshot the rows will be
    /// read with.
    pub fn run(&mut self, core: &Core, reader: SxId, scn: Scn) -> Op<bool> {
        if let Some(r) = &mut self.ranges {
            return r.run(core, reader, scn);
        }
        let mut left = BATCHES;
        if self.whole && reader.is_some() {
            core.ssi.read_relation(reader, self.idx.rel)?;
        }
        while let Some(step) = self.steps.get(self.at) {
            match step {
                Step::Read(..) | Step::Ask(_) => {
                    // A writer of the key looks under its leaf's latch: it meets the reader, or the reader its entry.
                    let exact = match step {
                        Step::Read(key, true) => Some(key),
                        _ => None,
                    };
                    if let Some(key) = exact
                        && !self.whole
                        && self.cursor.is_none()
                        && reader.is_some()
                    {
                        core.ssi.read_page(reader, self.idx.rel, crate::gin::predicate(key))?;
                    }
                    let reader = if self.whole || exact.is_some() { SxId::NONE } else { reader };
                    let cursor = match &mut self.cursor {
                        Some(c) => c,
                        None => self.cursor.insert(match step {
                            Step::Read(begin, _) => {
                                let edge = || Edge::Inclusive(begin.clone());
                                let (dir, access) = (Direction::Forward, Access::Point);
                                Cursor::open(self.idx, edge(), edge(), dir, access, false)?
                            }
                            Step::Ask(a) => Cursor::new(Box::new(TreeScan::asking(self.idx, a.clone()))),
                            _ => return Err(DbError::internal("a step that reads nothing").into()),
                        }),
                    };
                    loop {
                        if left == 0 {
                            return Ok(false);
                        }
                        left -= 1;
                        let more = cursor.next_batch(core, reader)?;
                        self.reading.extend(cursor.batch().map(|c| c.rid));
                        if more && self.held + self.reading.len() <= MOST {
                            continue;
                        }
                        let mut read = std::mem::take(&mut self.reading);
                        self.cursor = None;
                        read.sort_unstable();
                        read.dedup();
                        let list = (!more).then_some(read);
                        self.held += list.as_ref().map_or(0, Vec::len);
                        self.stack.push(list);
                        break;
                    }
                }
                Step::Push(anything) => self.stack.push((!anything).then(Vec::new)),
                Step::And | Step::Or(_) => {
                    let n = if let Step::Or(n) = step { *n } else { 2 };
                    let from = self.stack.len().saturating_sub(n);
                    let mut top = self.stack.drain(from..);
                    let list = match step {
                        Step::And => both(top.next().flatten(), top.next().flatten()),
                        _ => any(top.by_ref()),
                    };
                    drop(top);
                    self.stack.push(list);
                    self.held = self.stack.iter().flatten().map(Vec::len).sum();
                }
                Step::SkipIfShort(to) => {
                    if self.stack.last().is_some_and(|l| l.as_ref().is_some_and(|l| l.len() <= FEW)) {
                        self.at = *to;
                        continue;
                    }
                }
            }
            self.at += 1;
        }
        Ok(true)
    }

    /// The candidates, once the search is done.
    pub fn found(mut self) -> Gathered {
        match self.ranges {
            Some(r) => Gathered::Blocks(r.found()),
            None => self.stack.pop().flatten().map_or(Gathered::Everything, Gathered::Rows),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rids(v: &[u32]) -> List {
        Some(v.iter().map(|b| Rid { block: *b, slot: 0 }).collect())
    }

    #[test]
    fn lists_are_combined() {
        assert_eq!(both(rids(&[1, 3, 5]), rids(&[3, 4, 5])), rids(&[3, 5]));
        assert_eq!(both(None, rids(&[3])), rids(&[3]));
        assert_eq!(both(rids(&[3]), None), rids(&[3]));
        assert_eq!(any([rids(&[1, 3]), rids(&[2, 3]), rids(&[0])].into_iter()), rids(&[0, 1, 2, 3]));
        assert_eq!(any([rids(&[1]), None].into_iter()), None);
    }

    #[test]
    fn programs_skip_to_the_end_of_an_intersection() {
        let key = |b: u8| Search::Key(vec![b]);
        let mut steps = Vec::new();
        let any = Search::Any(vec![key(2), key(3)]);
        compile(&Search::All(vec![key(1), any, Search::Anything]), &mut steps);
        let shape: Vec<&str> = steps
            .iter()
            .map(|s| match s {
                Step::Read(..) | Step::Ask(_) => "read",
                Step::Push(_) => "push",
                Step::And => "and",
                Step::Or(2) => "or",
                Step::Or(_) => "wide",
                Step::SkipIfShort(9) => "skip",
                Step::SkipIfShort(_) => "wrong",
            })
            .collect();
        assert_eq!(shape, ["read", "skip", "read", "read", "or", "and", "skip", "push", "and"]);
    }
}
