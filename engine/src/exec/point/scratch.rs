//! The state of a run, kept by the thread from statement to statement for the sake of its buffers.

use super::PointPlan;
use super::plan::NodeId;
use crate::exec::nearest::Waiting;
use crate::exec::subquery::Answer;
use crate::plan::ir::ColId;
use crate::stats::Looked;
use rustydb_base::Rid;
use rustydb_storage::am::{Cursor, Gather};
use rustydb_storage::gist::Nearest;
use rustydb_storage::heap::{PageRows, RowBuf};
use rustydb_storage::overflow::OvfReader;
use rustydb_types::datum::Datum;
use rustydb_types::kernel::AggState;
use smallvec::SmallVec;
use std::cell::Cell;
use std::collections::{HashMap, HashSet};

/// Bytes of rows that the sorts, DISTINCTs and pages of one run may hold.
pub(super) const MEMORY: usize = 16 << 20;
/// Buffers above this are given back after a run.
const KEEP: usize = 256 << 10;

/// Room for running a point program.
#[derive(Default)]
pub struct PointScratch {
    /// The plan that is being run, 0 for none.
    pub(super) plan: u64,
    /// The flat row.
    pub(super) row: Vec<Datum>,
    pub(super) states: Vec<State>,
    /// Image of the row that is being read.
    pub(super) image: RowBuf,
    /// A key being compared.
    pub(super) key: Vec<u8>,
    /// Outputs that do not lie side by side in the row.
    pub(super) out: Vec<Datum>,
    /// Rows put out.
    pub(super) emitted: u64,
    /// Bytes held by sorts and the like.
    pub(super) memory: usize,
    pub(super) too_big: bool,
    /// A scan that is to answer one given row only.
    pub(super) pinned: Option<(NodeId, Rid)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Phase {
    /// Nothing has been done.
    #[default]
    Start,
    /// Going on.
    Ready,
    /// A storage operation has found something (scans: a row; locks: their answer).
    Found,
    /// A scan needs its next key.
    NextKey,
    /// No more rows.
    End,
}

/// What became of a row lock.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Outcome {
    /// Locked, in the version that was read.
    #[default]
    Locked,
    /// Locked; the newest version is in the row's slots.
    Newer,
    /// Changed since the snapshot; not locked.
    Updated,
    /// Gone.
    Deleted,
    /// Nothing to lock any more: the command itself has deleted it.
    Own,
    /// Held by another transaction, and waiting was not wanted.
    Refused,
}

/// An operator's state. Operators use different parts of it, so that its buffers serve whatever runs next.
#[derive(Default)]
pub(super) struct State {
    pub phase: Phase,
    /// Position: row of VALUES or of a sort, entry of a batch, lock of a list, group, subquery.
    pub at: usize,
    /// Scans: key bytes looked for. Lists: what stands before and behind an element.
    pub search: Vec<u8>,
    pub before: Vec<u8>,
    pub behind: Vec<u8>,
    pub list: Vec<Vec<u8>>,
    pub list_at: usize,
    /// Entries of a key, and whether they have been looked up.
    pub rids: SmallVec<[Rid; 4]>,
    pub looked: bool,
    pub cursor: Option<Cursor>,
    /// Scans through inverted indexes: the search, then what it found (`None`: the table is read).
    pub gather: Option<Gather>,
    pub candidates: Option<Vec<Rid>>,
    /// Scans by distance: the tree's, and the rows measured. The row that is being measured.
    pub nearest: Option<Box<(Nearest, Waiting)>>,
    pub measuring: Option<Rid>,
    pub heap: Option<Box<HeapPlace>>,
    /// Where the decoding of a found row goes on after a wait.
    pub decoding: Option<usize>,
    pub overflow: Option<OvfReader>,
    pub rid: Rid,
    /// Attributes for computed keys.
    pub tuple: Vec<Datum>,
    /// Appends: the branches to read.
    pub chosen: Vec<bool>,
    /// Joins: the left row has found a partner. Appends: the branch has begun.
    pub matched: bool,
    /// Limits: rows still to skip and to give.
    pub skip: i64,
    pub left: Option<i64>,
    /// Sorts: keys and carried values of each row.
    pub rows: Vec<SortRow>,
    pub seen: HashSet<Box<[u8]>>,
    /// Aggregates: each group's states one after the other, and the values that DISTINCT ones have had.
    pub aggs: Vec<Box<dyn AggState>>,
    pub values: Vec<HashSet<Box<[u8]>>>,
    /// The rows of those that want them in an order, in the same places.
    pub waiting: Vec<Vec<SortRow>>,
    /// Where each group's key is among `groups`, which hold the keys' values.
    pub group_of: HashMap<Box<[u8]>, usize>,
    pub groups: Vec<Box<[Datum]>>,
    /// Subqueries: the answer in the making, and those that serve the whole run.
    pub answer: Option<Answer>,
    pub kept: Vec<Option<Datum>>,
    pub outcome: Outcome,
    /// Scans: what they have met.
    pub met: Looked,
    /// Locks: take the newest version, whatever the snapshot sees.
    pub newest: bool,
}

pub(super) struct SortRow {
    pub keys: SmallVec<[Datum; 2]>,
    pub values: Box<[Datum]>,
}

/// Where a scan of a small heap is.
#[derive(Default)]
pub(super) struct HeapPlace {
    pub rows: PageRows,
    pub loaded: bool,
    pub at: usize,
    pub block: u32,
    pub end: Option<u32>,
}

impl State {
    /// Forgets what the last run has left and gives back what is big.
    fn clear(&mut self) {
        let old = std::mem::take(self);
        let keep = |mut v: Vec<u8>| {
            if v.capacity() > KEEP {
                return Vec::new();
            }
            v.clear();
            v
        };
        (self.search, self.before, self.behind) = (keep(old.search), keep(old.before), keep(old.behind));
    }
}

thread_local! {
    /// Room that the last run on this thread has left.
    static SPARE: Cell<Option<Box<PointScratch>>> = const { Cell::new(None) };
}

impl PointScratch {
    /// Room for a run: what an earlier one has left, if there is any.
    pub fn take() -> Box<PointScratch> {
        SPARE.take().unwrap_or_default()
    }

    /// Leaves the room to the next run.
    pub fn give(mut self: Box<PointScratch>) {
        self.finish();
        SPARE.set(Some(self));
    }

    /// Prepares for a run of a plan, whatever became of the last one.
    pub fn start(&mut self, plan: &PointPlan) {
        self.finish();
        self.plan = plan.id;
        self.row.resize(plan.program.width, Datum::Null);
        self.states.resize_with(plan.program.nodes.len(), State::default);
        (self.emitted, self.memory, self.too_big, self.pinned) = (0, 0, false, None);
    }

    /// After [`PointScratch::start`]: the scan that gives the row id column `rid` is to look at one row only, through no
    /// index and with all its conditions. For the re-check of a row that has a newer version; the run is given a new
    /// snapshot. False if the plan has no such column.
    pub fn pin(&mut self, plan: &PointPlan, rid: ColId, row: Rid) -> bool {
        let found = plan.program.rids.iter().find(|r| r.0 == rid);
        self.pinned = found.map(|r| (r.1, row));
        found.is_some()
    }

    /// Ends a run, complete or not: lets go of its values, keeps small buffers.
    pub fn finish(&mut self) {
        if self.plan == 0 {
            return;
        }
        self.plan = 0;
        self.row.clear();
        self.out.clear();
        self.states.iter_mut().for_each(State::clear);
        if self.image.capacity() > KEEP {
            self.image = RowBuf::new();
        }
    }
}
