//! What a compiled point program consists of: operators over one flat row of slots.

use crate::catalog::partition::{PartitionDesc, Test};
use crate::exec::eval::Compiled;
use crate::exec::index_terms::Lookup;
use crate::exec::subquery::Asked;
use crate::exec::table::TableRt;
use crate::plan::ir::JoinKind;
use rustydb_parser::ast::LockWait;
use rustydb_storage::am::IndexDesc;
use rustydb_storage::core::RowLockMode;
use rustydb_types::datum::TypeRef;
use rustydb_types::kernel::AggKernel;
use rustydb_types::rowcodec::PhysKind;
use std::sync::Arc;

/// Where a column's value is in the flat row.
pub(super) type Slot = usize;
/// Position of an operator in [`super::PointPlan::nodes`].
pub(super) type NodeId = usize;

/// An operator. Its rows appear in the slots of its output columns.
pub(super) enum Node {
    /// Constant rows.
    Values { rows: Vec<Vec<Compiled>>, slots: Vec<Slot> },
    /// Rows of a table.
    Scan(Box<ScanNode>),
    /// Computes columns.
    Project { input: NodeId, exprs: Vec<(Slot, Compiled)> },
    /// Keeps rows for which all predicates are true.
    Filter { input: NodeId, preds: Vec<Compiled> },
    /// For each left row the right side, which reads the left row's slots. `nulls` are the right side's slots.
    Join { kind: JoinKind, left: NodeId, right: NodeId, nulls: Vec<Slot> },
    /// LIMIT and OFFSET.
    Limit { input: NodeId, limit: Option<Compiled>, offset: Option<Compiled> },
    /// Collects all rows (the slots in `carry`), sorts, and hands them out again.
    Sort { input: NodeId, keys: Vec<OrderKey>, carry: Vec<Slot> },
    /// Drops rows whose key has occurred.
    Distinct { input: NodeId, key: Vec<(Slot, TypeRef)> },
    /// A row of aggregates per group, groups in the order in which they are met; without groups, one over all input rows.
    Aggregate { input: NodeId, groups: Vec<GroupKey>, aggs: Vec<AggNode> },
    /// Answers subqueries for each input row; they read its slots.
    Subqueries { input: NodeId, subs: Vec<SubNode> },
    /// Locks rows.
    Lock { input: NodeId, locks: Vec<LockNode>, recheck: Recheck },
    /// The rows of one input after the other.
    Append { branches: Vec<AppendBranch>, prune: Option<PruneNode> },
}

/// An input of an Append: its operator, and which slots its columns go to.
pub(super) struct AppendBranch {
    pub input: NodeId,
    pub moves: Vec<(Slot, Slot)>,
}

/// How an Append chooses among partitions.
pub(super) struct PruneNode {
    pub desc: Arc<PartitionDesc>,
    pub tests: Vec<Test>,
    pub values: Vec<Compiled>,
    /// Parallel to the partitions: a branch, or a partitioned table.
    pub children: Vec<PruneStep>,
}

/// A partition of a [`PruneNode`].
pub(super) enum PruneStep {
    Branch(usize),
    Node(PruneNode),
}

/// One key of a sort.
pub(super) struct OrderKey {
    pub expr: Compiled,
    pub desc: bool,
    pub nulls_first: bool,
}

/// A value that rows of a group have in common.
pub(super) struct GroupKey {
    pub expr: Compiled,
    pub ty: TypeRef,
    pub slot: Slot,
}

/// A subquery whose answer goes to a slot.
pub(super) struct SubNode {
    pub root: NodeId,
    pub asked: Asked,
    /// It is asked only for rows for which this is true; the answer is NULL for others.
    pub guard: Option<Compiled>,
    /// The slots that the answer is made of.
    pub values: Vec<Slot>,
    pub types: Vec<TypeRef>,
    /// What is tested for each of its rows.
    pub test: Option<Compiled>,
    pub slot: Slot,
    /// It reads nothing outside itself: one answer serves the whole run.
    pub constant: bool,
}

/// One aggregate.
pub(super) struct AggNode {
    pub kernel: &'static AggKernel,
    pub args: Vec<Compiled>,
    pub types: Vec<TypeRef>,
    pub filter: Option<Compiled>,
    pub distinct: bool,
    /// The order in which it is given its rows, once all are there; none: as they come.
    pub order: Vec<OrderKey>,
    pub result: TypeRef,
    pub collation: u32,
    pub slot: Slot,
}

/// One row lock.
pub(super) struct LockNode {
    /// Slot with the row id.
    pub rid: Slot,
    /// The scan that the row comes from.
    pub scan: NodeId,
    pub mode: RowLockMode,
    pub wait: LockWait,
}

/// What must be evaluated again when a newer version of a locked row has been read.
#[derive(Default)]
pub(super) struct Recheck {
    pub preds: Vec<Compiled>,
    pub exprs: Vec<(Slot, Compiled)>,
}

/// Rows of one table.
pub(super) struct ScanNode {
    pub table: Arc<TableRt>,
    pub path: Path,
    /// Attributes decoded for every row.
    pub cols: Vec<ColRead>,
    /// Attributes that only `key_quals` read.
    pub key_cols: Vec<ColRead>,
    /// System columns: attribute number, slot, type.
    pub system: Vec<(i16, Slot, u32)>,
    /// Where the row id goes.
    pub rid: Option<Slot>,
    /// Conditions that the path does not guarantee.
    pub quals: Vec<Compiled>,
    /// Conditions that the path guarantees, for rows that are reached otherwise.
    pub key_quals: Vec<Compiled>,
}

impl ScanNode {
    /// The index that the scan goes through, and whether its rows come in the order of the table.
    pub(super) fn index(&self) -> (Option<u32>, bool) {
        let at = |desc: &IndexDesc| self.table.indexes.iter().find(|i| i.desc.rel == desc.rel).map(|i| i.def.oid);
        match &self.path {
            Path::Heap => (None, false),
            Path::Index(p) => (self.table.indexes.get(p.index).map(|i| i.def.oid), false),
            Path::Nearest(p) => (at(&p.desc), false),
            Path::Gather(p) => (at(&p.desc), true),
        }
    }
}

/// An attribute to decode.
#[derive(Clone, Copy)]
pub(super) struct ColRead {
    /// 0-based.
    pub att: usize,
    pub slot: Slot,
    pub kind: PhysKind,
    pub ty: TypeRef,
}

/// How a scan finds its rows.
pub(super) enum Path {
    /// Page by page.
    Heap,
    /// Through an index.
    Index(IndexPath),
    /// Through an inverted index or a search tree.
    Gather(GatherPath),
    /// Through a search tree, in order of distance.
    Nearest(NearestPath),
}

/// What is looked for in a search tree, and what rows are measured by.
pub(super) struct NearestPath {
    pub desc: IndexDesc,
    pub terms: Vec<(Lookup, Compiled)>,
    /// The key column, and the value from which the tree measures.
    pub column: usize,
    pub from: Compiled,
    /// A row's distance.
    pub distance: Compiled,
}

/// What is looked for in an inverted index; the conditions are tested again on the rows.
pub(super) struct GatherPath {
    pub desc: IndexDesc,
    /// Serializable readers are known for the whole index.
    pub whole: bool,
    pub terms: Vec<(Lookup, Compiled)>,
}

/// A range of an index: equal leading columns, then bounds on the next one.
pub(super) struct IndexPath {
    /// Position among the table's indexes.
    pub index: usize,
    pub desc: IndexDesc,
    pub equal: Vec<KeyPart>,
    pub low: Option<Bound>,
    pub high: Option<Bound>,
    /// The column after the equal ones leaves NULLs out.
    pub not_null: bool,
    /// Order of that column, if there is one.
    pub next: Option<KeyOrder>,
    pub reverse: bool,
    /// All key columns are equal to something: one look-up, no cursor.
    pub exact: bool,
    /// How the key of a row's version is made, for the check of candidates.
    pub check: KeyCheck,
}

/// How a key column sorts.
#[derive(Clone, Copy)]
pub(super) struct KeyOrder {
    pub ty: TypeRef,
    pub desc: bool,
    pub nulls_first: bool,
}

/// What a leading key column is equal to.
pub(super) struct KeyPart {
    pub order: KeyOrder,
    pub value: KeyValue,
}

pub(super) enum KeyValue {
    /// One value; NULL finds nothing.
    One(Compiled),
    /// Each value of an array once; at most one part of a path is of this kind.
    Any(Compiled),
    /// NULLs.
    Null,
}

/// One end of a range; NULL finds nothing.
pub(super) struct Bound {
    pub value: Compiled,
    pub inclusive: bool,
}

/// How a row's key is made from its image.
pub(super) enum KeyCheck {
    /// From attributes alone.
    Attributes(Vec<(ColRead, KeyOrder)>),
    /// With expressions: the prepared index does it.
    Computed,
}
