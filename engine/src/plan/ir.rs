//! The bound tree: relational operators and expressions with every name resolved and every type known.
//!
//! Columns are named by [`ColId`], unique within a statement, so no operator needs positions or scopes: an expression
//! reads a column if its id is produced by the operator's input. An id that the input does not produce comes from an
//! enclosing query: the expression is correlated. A [`Rel`]'s output columns and their order are [`Rel::outputs`].
//!
//! All casts are explicit nodes; all operators are function calls; literals are constants of their final type. Nothing
//! here depends on DataFusion or on the store.

use crate::catalog::{Index, Relation};
use rustydb_base::IdHash;
use rustydb_parser::ast::{LockStrength, LockWait};
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::pgdata::Proc;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// A column of some operator's output, unique in the statement.
pub type ColId = u32;

/// Columns.
pub type ColSet = HashSet<ColId, IdHash>;

/// Something of each column.
pub type ColMap<V> = HashMap<ColId, V, IdHash>;

/// First id of columns that a rewrite makes: the binder counts from 1, and no statement is long enough to reach this.
pub const FRESH: ColId = 1 << 28;

/// A typed column.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Col {
    /// Identity.
    pub id: ColId,
    /// Type.
    pub ty: TypeRef,
}

/// A bound statement.
#[derive(Clone, Debug)]
pub enum Bound {
    /// Returns rows.
    Query(Query),
    /// INSERT.
    Insert(Box<Insert>),
    /// UPDATE.
    Update(Box<Update>),
    /// DELETE.
    Delete(Box<Delete>),
    /// MERGE.
    Merge(Box<Merge>),
}

/// A query with the labels its columns are shown under.
#[derive(Clone, Debug)]
pub struct Query {
    /// What yields the rows; its outputs are the result columns, in order.
    pub rel: Rel,
    /// One per output.
    pub columns: Vec<OutputColumn>,
}

/// How a result column is shown.
#[derive(Clone, Debug)]
pub struct OutputColumn {
    /// Label.
    pub name: String,
    /// Type.
    pub ty: TypeRef,
    /// Table OID and attnum when the column is a plain table column, else zeros.
    pub origin: (u32, i16),
}

/// A relational operator.
#[derive(Clone, Debug)]
pub enum Rel {
    /// Constant rows. Zero columns and one row is the FROM-less SELECT's input.
    Values {
        /// Output columns.
        cols: Vec<Col>,
        /// Rows of expressions (no column references except outer ones).
        rows: Vec<Vec<Expr>>,
    },
    /// A stored table (or materialized view).
    Scan(Box<Scan>),
    /// A set-returning or plain function in FROM; several for ROWS FROM.
    FunctionScan {
        /// Calls, each with its output columns; shorter ones are padded with NULL rows.
        calls: Vec<(Expr, Vec<Col>)>,
        /// WITH ORDINALITY column (int8).
        ordinality: Option<Col>,
    },
    /// Computes columns; outputs exactly these.
    Project {
        /// Input.
        input: Box<Rel>,
        /// Output columns.
        exprs: Vec<(Col, Expr)>,
    },
    /// Keeps rows for which the predicate is true.
    Filter {
        /// Input.
        input: Box<Rel>,
        /// Predicate of type bool.
        pred: Expr,
    },
    /// A join; outputs left's columns then right's (Semi and Anti: left's only).
    Join {
        /// Kind.
        kind: JoinKind,
        /// Left input.
        left: Box<Rel>,
        /// Right input.
        right: Box<Rel>,
        /// Condition; `None` is true.
        on: Option<Expr>,
        /// The right side may read the left side's columns (LATERAL).
        lateral: bool,
    },
    /// Grouping and aggregation; outputs the groups, then the aggregates, then the grouping-set id if any.
    Aggregate {
        /// Input.
        input: Box<Rel>,
        /// Group columns.
        groups: Vec<(Col, Expr)>,
        /// Aggregates.
        aggs: Vec<(Col, AggCall)>,
        /// Grouping sets as lists of positions in `groups`; empty means one set of all.
        sets: Vec<Vec<usize>>,
        /// With grouping sets: an int4 column with the number of the row's set, from 0.
        grouping_id: Option<Col>,
    },
    /// Window functions; outputs the input's columns, then the calls.
    Window {
        /// Input.
        input: Box<Rel>,
        /// Calls.
        calls: Vec<(Col, WindowCall)>,
    },
    /// Set-returning functions in the target list; outputs the input's columns, then the results, advancing together
    /// and padded with NULLs.
    ProjectSet {
        /// Input.
        input: Box<Rel>,
        /// Calls.
        calls: Vec<(Col, Expr)>,
    },
    /// Removes duplicate rows (NULLs equal); with `on`, keeps the first row of each group of equal keys, in input order.
    Distinct {
        /// Input.
        input: Box<Rel>,
        /// DISTINCT ON keys: columns of the input.
        on: Option<Vec<Col>>,
    },
    /// Sorts.
    Sort {
        /// Input.
        input: Box<Rel>,
        /// Keys, most significant first.
        keys: Vec<SortKey>,
    },
    /// LIMIT and OFFSET.
    Limit {
        /// Input.
        input: Box<Rel>,
        /// int8 expression; NULL is no limit.
        limit: Option<Expr>,
        /// int8 expression; NULL is 0.
        offset: Option<Expr>,
        /// WITH TIES: the sort keys of the input.
        ties: Option<Vec<SortKey>>,
    },
    /// UNION, INTERSECT, EXCEPT: both sides have the outputs' types in order.
    SetOp {
        /// Kind.
        op: SetOpKind,
        /// ALL.
        all: bool,
        /// Left input.
        left: Box<Rel>,
        /// Right input.
        right: Box<Rel>,
        /// Output columns, by position.
        cols: Vec<Col>,
    },
    /// Defines common tables for `body`.
    With {
        /// In order; each may use the earlier ones.
        ctes: Vec<Cte>,
        /// What uses them.
        body: Box<Rel>,
    },
    /// Reads a common table, or inside a recursive term the rows of the previous step.
    CteScan {
        /// Which.
        cte: CteId,
        /// Output columns, by position of the common table's outputs.
        cols: Vec<Col>,
    },
    /// Locks the rows that come through (FOR UPDATE…), rechecking the newest version at READ COMMITTED. Outputs the
    /// input's columns.
    LockRows {
        /// Input; contains the scans with row ids.
        input: Box<Rel>,
        /// What to lock.
        locks: Vec<RowLock>,
    },
    /// A data-modifying statement with RETURNING as a common table's content.
    Modify(Box<Bound>, Vec<Col>),
    /// The rows of several relations one after the other: a table and those that inherit from it.
    Append(Box<Append>),
}

/// See [`Rel::Append`].
#[derive(Clone, Debug)]
pub struct Append {
    /// Output columns.
    pub cols: Vec<Col>,
    /// Where the rows come from.
    pub branches: Vec<Branch>,
    /// How to leave out partitions by conditions on their key.
    pub prune: Option<Arc<PruneTree>>,
}

/// One source of an [`Append`].
#[derive(Clone, Debug)]
pub struct Branch {
    /// The relation.
    pub rel: Rel,
    /// Its columns, parallel to [`Append::cols`].
    pub cols: Vec<Col>,
}

/// A partitioned table of an [`Append`]: which branches its partitions are.
#[derive(Debug)]
pub struct PruneTree {
    /// The partition key over the Append's columns.
    pub keys: Vec<Expr>,
    /// The partitions.
    pub desc: Arc<crate::catalog::partition::PartitionDesc>,
    /// Parallel to the partitions.
    pub children: Vec<PruneChild>,
}

/// A partition of a [`PruneTree`].
#[derive(Debug)]
pub enum PruneChild {
    /// A branch, by position.
    Branch(usize),
    /// A partitioned table itself.
    Tree(PruneTree),
}

/// Scan of a stored table.
#[derive(Clone, Debug)]
pub struct Scan {
    /// The table.
    pub table: Arc<Relation>,
    /// Columns read: output column and attnum. System columns have PostgreSQL's negative numbers (tableoid -6, ctid -1,
    /// xmin -2, …).
    pub cols: Vec<(Col, i16)>,
    /// Output column holding the row id (int8: block << 16 | slot), for LockRows and DML.
    pub rid: Option<Col>,
    /// Name the statement uses for it, for EXPLAIN.
    pub alias: String,
    /// TABLESAMPLE: method name, arguments, repeatable.
    pub sample: Option<(String, Vec<Expr>, Option<Expr>)>,
    /// AS OF: the time whose rows are read, a timestamp with time zone or (bigint) an SCN.
    pub as_of: Option<Box<Expr>>,
}

/// Kind of join.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum JoinKind {
    Inner,
    Left,
    Right,
    Full,
    Semi,
    Anti,
}

/// Kind of set operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum SetOpKind {
    Union,
    Intersect,
    Except,
}

/// Identity of a common table, unique in the statement.
pub type CteId = u32;

/// A common table.
#[derive(Clone, Debug)]
pub struct Cte {
    /// Identity.
    pub id: CteId,
    /// Name, for EXPLAIN.
    pub name: String,
    /// The (non-recursive) query.
    pub rel: Rel,
    /// The recursive term, which reads `CteScan(id)`; with whether UNION ALL (else duplicates are dropped).
    pub recursive: Option<(Rel, bool)>,
    /// MATERIALIZED / NOT MATERIALIZED as written.
    pub materialized: Option<bool>,
    /// How many CteScans outside its own recursive term read it.
    pub references: usize,
}

/// One sort key.
#[derive(Clone, Debug)]
pub struct SortKey {
    /// Expression over the input.
    pub expr: Expr,
    /// DESC.
    pub desc: bool,
    /// NULLS FIRST.
    pub nulls_first: bool,
}

/// An aggregate call.
#[derive(Clone, Debug)]
pub struct AggCall {
    /// The aggregate.
    pub proc: &'static Proc,
    /// Arguments (direct arguments first for ordered-set aggregates).
    pub args: Vec<Expr>,
    /// DISTINCT.
    pub distinct: bool,
    /// ORDER BY, or WITHIN GROUP's.
    pub order_by: Vec<SortKey>,
    /// FILTER.
    pub filter: Option<Expr>,
    /// Result type.
    pub ty: TypeRef,
    /// Number of direct arguments (ordered-set aggregates), else 0.
    pub direct: usize,
    /// Input collation.
    pub collation: u32,
}

/// A window function call.
#[derive(Clone, Debug)]
pub struct WindowCall {
    /// Window function or aggregate.
    pub proc: &'static Proc,
    /// Arguments.
    pub args: Vec<Expr>,
    /// FILTER (aggregates).
    pub filter: Option<Expr>,
    /// PARTITION BY.
    pub partition_by: Vec<Expr>,
    /// ORDER BY.
    pub order_by: Vec<SortKey>,
    /// Frame; `None` is the default (RANGE UNBOUNDED PRECEDING to CURRENT ROW, no exclusion).
    pub frame: Option<Frame>,
    /// Result type.
    pub ty: TypeRef,
    /// Input collation.
    pub collation: u32,
}

/// A window frame.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Units.
    pub units: rustydb_parser::ast::FrameUnits,
    /// Start.
    pub start: FrameBound,
    /// End.
    pub end: FrameBound,
    /// Whether both were written.
    pub between: bool,
    /// Exclusion.
    pub exclude: rustydb_parser::ast::FrameExclude,
}

/// A frame bound; offsets are int8 for ROWS and GROUPS, of a type that the order column takes for RANGE.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum FrameBound {
    UnboundedPreceding,
    Preceding(Expr),
    CurrentRow,
    Following(Expr),
    UnboundedFollowing,
}

/// A row lock to take.
#[derive(Clone, Debug)]
pub struct RowLock {
    /// Column with the row id.
    pub rid: Col,
    /// Column with the OID of the row's table, when it is one of several.
    pub tableoid: Option<Col>,
    /// The table.
    pub table: Arc<Relation>,
    /// Strength.
    pub strength: LockStrength,
    /// What to do when it is held.
    pub wait: LockWait,
}

/// An expression with its type.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Its type.
    pub ty: TypeRef,
    /// 1-based character position for errors, 0 for none.
    pub pos: u32,
}

/// What an expression is.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// A constant of the expression's type.
    Const(Datum),
    /// Parameter, 0-based.
    Param(usize),
    /// A column of the input or of an enclosing query.
    Column(ColId),
    /// A scalar function (operators included). Strict functions answer NULL for a NULL argument.
    Call {
        /// The function.
        proc: &'static Proc,
        /// Arguments, defaults filled in and variadic ones packed into an array.
        args: Vec<Expr>,
        /// Collation the function compares with.
        collation: u32,
    },
    /// Conversion through the type's text form.
    ViaIo(Box<Expr>),
    /// Same representation under another type.
    Relabel(Box<Expr>),
    /// A row with one field replaced (assignment to a field).
    SetField {
        /// The row, NULL allowed.
        row: Box<Expr>,
        /// Types of all fields.
        types: Vec<TypeRef>,
        /// Which field.
        index: usize,
        /// Its new value.
        value: Box<Expr>,
    },
    /// An array with an element or a slice replaced (assignment to them).
    SetElement {
        /// The array, NULL allowed.
        array: Box<Expr>,
        /// Subscripts; a slice if one of them is.
        steps: Vec<Subscript>,
        /// The new element, or the array whose elements the slice takes.
        value: Box<Expr>,
    },
    /// A value of its base type as one of a domain, whose conditions it must satisfy.
    Domain(Box<Expr>),
    /// Length coercion to the expression's typmod; `explicit` casts truncate silently.
    Typmod {
        /// Argument.
        arg: Box<Expr>,
        /// Written as a cast.
        explicit: bool,
    },
    /// Element-wise cast of an array: `elem` casts the one element that [`ExprKind::CaseValue`] stands for.
    ArrayMap {
        /// Array.
        arg: Box<Expr>,
        /// Cast of one element.
        elem: Box<Expr>,
    },
    /// The value being tested by a CASE with an operand, or the element of an ArrayMap.
    CaseValue,
    /// Conjunction.
    And(Vec<Expr>),
    /// Disjunction.
    Or(Vec<Expr>),
    /// Negation.
    Not(Box<Expr>),
    /// IS [NOT] NULL; of a row value: all fields are (not) NULL.
    IsNull {
        /// Argument.
        arg: Box<Expr>,
        /// IS NOT NULL.
        negated: bool,
    },
    /// IS [NOT] TRUE/FALSE/UNKNOWN.
    BoolTest {
        /// Argument.
        arg: Box<Expr>,
        /// The test.
        test: rustydb_parser::ast::IsTest,
    },
    /// IS [NOT] DISTINCT FROM; `eq` is the equality applied to two non-NULL values given as `CaseValue`-free call.
    Distinct {
        /// Equality function of two arguments.
        eq: &'static Proc,
        /// Left operand.
        left: Box<Expr>,
        /// Right operand.
        right: Box<Expr>,
        /// IS NOT DISTINCT FROM.
        negated: bool,
        /// Collation.
        collation: u32,
    },
    /// CASE; conditions are bool. With an operand they compare [`ExprKind::CaseValue`].
    Case {
        /// Operand, evaluated once.
        operand: Option<Box<Expr>>,
        /// Condition and result.
        whens: Vec<(Expr, Expr)>,
        /// ELSE (NULL constant when absent).
        otherwise: Box<Expr>,
    },
    /// COALESCE.
    Coalesce(Vec<Expr>),
    /// GREATEST (true) or LEAST.
    MinMax {
        /// Arguments of the expression's type.
        args: Vec<Expr>,
        /// GREATEST.
        greatest: bool,
        /// Collation.
        collation: u32,
    },
    /// NULLIF(left, right) with its equality.
    NullIf {
        /// Equality function.
        eq: &'static Proc,
        /// Left operand, cast, which is the result.
        left: Box<Expr>,
        /// Right operand, cast.
        right: Box<Expr>,
        /// Collation.
        collation: u32,
    },
    /// `left op ANY/ALL (array)`.
    ArrayOp {
        /// The operator's function.
        proc: &'static Proc,
        /// Scalar operand.
        left: Box<Expr>,
        /// Array operand.
        array: Box<Expr>,
        /// ALL.
        all: bool,
        /// Collation.
        collation: u32,
    },
    /// ARRAY[…]; `nested`: the elements are arrays that add a dimension.
    Array {
        /// Elements.
        items: Vec<Expr>,
        /// Elements are arrays.
        nested: bool,
    },
    /// ROW(…).
    Row(Vec<Expr>),
    /// Field of a row value, 0-based.
    Field(Box<Expr>, usize),
    /// Subscript: one index per dimension; bounds for slices.
    Subscript {
        /// Array.
        arg: Box<Expr>,
        /// Indexes (int4).
        steps: Vec<Subscript>,
    },
    /// Row comparison `(a,b) < (c,d)` by the operators' functions, per column pair.
    RowCompare {
        /// lt, le, gt, ge as 1, 2, 4, 5 (btree strategies).
        strategy: u8,
        /// Left fields.
        left: Vec<Expr>,
        /// Right fields, cast.
        right: Vec<Expr>,
        /// Collation per pair.
        collations: Vec<u32>,
    },
    /// A subquery; the columns it reads from outside make it correlated.
    Subquery(Box<Subquery>),
    /// CURRENT_DATE and its kin.
    SqlValue(rustydb_parser::ast::SqlValue),
    /// nextval of a column's own identity or serial sequence, by sequence OID.
    NextVal(u32),
    /// The whole row of a table in scope, as its row type: columns in order.
    WholeRow(Vec<Expr>),
    /// The value of a column's default that a DML statement names; resolved by the binder before execution.
    SetToDefault,
}

/// One subscript.
#[derive(Clone, Debug)]
pub enum Subscript {
    /// `[i]`.
    Index(Expr),
    /// `[a:b]`.
    Slice(Option<Expr>, Option<Expr>),
}

/// A subquery in an expression.
#[derive(Clone, Debug)]
pub struct Subquery {
    /// The query's operator.
    pub rel: Rel,
    /// What is asked of it.
    pub kind: SubqueryKind,
    /// The query as written, for those that may be the same as another; else empty.
    pub text: Arc<str>,
}

/// What an expression asks of a subquery.
#[derive(Clone, Debug)]
pub enum SubqueryKind {
    /// EXISTS.
    Exists,
    /// One value: 21000 if there are more rows, NULL if none.
    Scalar,
    /// All rows' first column as an array.
    Array,
    /// `test` for some row (ANY) or every row (ALL). `test` is bool over the subquery's outputs and the outer query;
    /// NULL handling is SQL's three-valued OR/AND over the rows.
    Quantified {
        /// Condition per row.
        test: Expr,
        /// ALL.
        all: bool,
        /// When the test is `left = output` pairs (for hash semi/anti joins): the pairs' left expressions and the
        /// outputs' positions.
        equal: Option<Vec<(Expr, usize)>>,
    },
    /// Row-valued scalar subquery: the fields as a row value.
    Row,
}

/// INSERT.
#[derive(Clone, Debug)]
pub struct Insert {
    /// Target.
    pub table: Arc<Relation>,
    /// Rows: one output per live column of the table, in `targets` order, defaults and casts applied.
    pub source: Rel,
    /// attnum of each output of `source`.
    pub targets: Vec<i16>,
    /// attnums of the columns that the statement itself gives values for.
    pub given: Vec<i16>,
    /// ON CONFLICT.
    pub on_conflict: Option<OnConflict>,
    /// RETURNING over `row`.
    pub returning: Option<Returning>,
    /// Columns by which `returning` (and generated columns) read the stored row: (column, attnum).
    pub row: Vec<(Col, i16)>,
    /// System columns that `returning` reads.
    pub system: Vec<(Col, i16)>,
    /// Checks that each stored row must pass.
    pub checks: RowChecks,
    /// Stored generated columns, computed from `row`.
    pub generated: Vec<(i16, Expr)>,
}

/// CHECK constraints and index expressions of a table, bound over given columns.
#[derive(Clone, Debug, Default)]
pub struct RowChecks {
    /// Name and condition; false fails with 23514.
    pub checks: Vec<(String, Expr)>,
    /// Virtual columns (attnum) that must not be NULL.
    pub not_null: Vec<(i16, Expr)>,
    /// Policies and WITH CHECK OPTION on new rows.
    pub with: Vec<WithCheck>,
    /// The same on rows that ON CONFLICT DO UPDATE or the UPDATE of a MERGE makes.
    pub conflict: Vec<WithCheck>,
    /// Policies on rows that ON CONFLICT DO UPDATE finds, or that a MERGE is to change.
    pub existing: Vec<WithCheck>,
    /// Policies on rows that a MERGE is to delete.
    pub gone: Vec<WithCheck>,
    /// Per index: key expressions for `IndexKey`s without attnum, in key order, and the predicate.
    pub indexes: Vec<IndexExprs>,
}

/// A condition that a row must meet to be written; anything but true is a violation.
#[derive(Clone, Debug)]
pub struct WithCheck {
    /// Whose.
    pub kind: WithCheckKind,
    /// The condition, over the same columns as the checks.
    pub expr: Expr,
}

/// Whose condition it is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum WithCheckKind {
    /// WITH CHECK OPTION of a view.
    View(String),
    /// Row-level security.
    Policy {
        /// The policy, when it is a restrictive one.
        policy: Option<String>,
        /// Which row must meet it.
        state: RowState,
    },
}

/// Which row a policy's condition is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RowState {
    /// The one to be written.
    New,
    /// The one that ON CONFLICT DO UPDATE found.
    Conflicting,
    /// The one that a MERGE is to change.
    Target,
}

/// Bound expressions of one index.
#[derive(Clone, Debug)]
pub struct IndexExprs {
    /// The index.
    pub index: Arc<Index>,
    /// One per key column that is an expression.
    pub exprs: Vec<Expr>,
    /// Predicate of a partial index.
    pub predicate: Option<Expr>,
}

/// ON CONFLICT.
#[derive(Clone, Debug)]
pub struct OnConflict {
    /// Arbiter indexes; empty: any unique index (DO NOTHING only).
    pub arbiters: Vec<u32>,
    /// DO UPDATE; `None` for DO NOTHING.
    pub update: Option<ConflictUpdate>,
}

/// DO UPDATE SET.
#[derive(Clone, Debug)]
pub struct ConflictUpdate {
    /// Columns by which the expressions read the existing row.
    pub existing: Vec<(Col, i16)>,
    /// Columns by which they read the row proposed for insertion (`excluded`).
    pub excluded: Vec<(Col, i16)>,
    /// Assignments.
    pub set: Vec<(i16, Expr)>,
    /// WHERE.
    pub filter: Option<Expr>,
}

/// RETURNING.
#[derive(Clone, Debug)]
pub struct Returning {
    /// Output expressions.
    pub exprs: Vec<(Col, Expr)>,
    /// How they are shown.
    pub columns: Vec<OutputColumn>,
}

/// UPDATE.
#[derive(Clone, Debug)]
pub struct Update {
    /// Target.
    pub table: Arc<Relation>,
    /// Rows to update: the target's scan (with `rid`) joined with FROM and filtered.
    pub source: Rel,
    /// Column of `source` with the OID of the row's table, when the target has descendants.
    pub tableoid: Option<Col>,
    /// Column of `source` with the row id.
    pub rid: Col,
    /// Columns of `source` that are the target's old row: (column, attnum), every live column.
    pub old: Vec<(Col, i16)>,
    /// New values, over `source`.
    pub set: Vec<(i16, Expr)>,
    /// RETURNING over `new` and the other columns of `source`.
    pub returning: Option<Returning>,
    /// Columns by which checks, generated columns and RETURNING read the new row.
    pub new: Vec<(Col, i16)>,
    /// Checks on the new row.
    pub checks: RowChecks,
    /// Stored generated columns, over `new`.
    pub generated: Vec<(i16, Expr)>,
}

/// DELETE.
#[derive(Clone, Debug)]
pub struct Delete {
    /// Target.
    pub table: Arc<Relation>,
    /// Rows to delete: the target's scan (with `rid`) joined with USING and filtered.
    pub source: Rel,
    /// Column of `source` with the OID of the row's table, when the target has descendants.
    pub tableoid: Option<Col>,
    /// Column of `source` with the row id.
    pub rid: Col,
    /// Columns of `source` that are the target's row, every live column.
    pub old: Vec<(Col, i16)>,
    /// RETURNING over `source`.
    pub returning: Option<Returning>,
}

/// MERGE.
#[derive(Clone, Debug)]
pub struct Merge {
    /// Target.
    pub table: Arc<Relation>,
    /// The source's rows, each with the target's row that matches it, if any.
    pub source: Rel,
    /// Column of `source` with the OID of the row's table, when the target has descendants.
    pub tableoid: Option<Col>,
    /// Column of `source` with the target's row id; NULL: no row matches.
    pub rid: Col,
    /// Columns of `source` that are the target's row: (column, attnum), every live column.
    pub old: Vec<(Col, i16)>,
    /// ON, over `source`: asked again when the target's row has changed meanwhile.
    pub on: Expr,
    /// Actions in order: the first whose condition holds is done.
    pub actions: Vec<MergeAction>,
    /// Columns by which checks and generated columns read the new row.
    pub new: Vec<(Col, i16)>,
    /// Checks on the new row.
    pub checks: RowChecks,
    /// Stored generated columns, over `new`.
    pub generated: Vec<(i16, Expr)>,
}

/// An action of MERGE.
#[derive(Clone, Debug)]
pub struct MergeAction {
    /// For rows that match, else for those that do not.
    pub matched: bool,
    /// Condition over `source`.
    pub condition: Option<Expr>,
    /// What it does.
    pub change: MergeChange,
}

/// What an action of MERGE does.
#[derive(Clone, Debug)]
pub enum MergeChange {
    /// Nothing.
    Nothing,
    /// Deletes the target's row.
    Delete,
    /// Sets columns of the target's row to values over `source`.
    Update(Vec<(i16, Expr)>),
    /// Inserts a row: a value over `source` for every live column.
    Insert(Vec<(i16, Expr)>),
}

impl Rel {
    /// A fence against conditions from above: those that could tell something about rows that conditions below it take away
    /// stay above it. It is a LIMIT of neither rows nor offset.
    pub fn fenced(self) -> Rel {
        Rel::Limit { input: Box::new(self), limit: None, offset: None, ties: None }
    }

    /// The relation behind a fence.
    pub fn behind_fence(&self) -> Option<&Rel> {
        match self {
            Rel::Limit { input, limit: None, offset: None, ties: None } => Some(input),
            _ => None,
        }
    }

    /// Output columns in order.
    pub fn outputs(&self) -> Vec<Col> {
        match self {
            Rel::Values { cols, .. } | Rel::SetOp { cols, .. } | Rel::CteScan { cols, .. } | Rel::Modify(_, cols) => {
                cols.clone()
            }
            Rel::Scan(s) => s.cols.iter().map(|c| c.0).chain(s.rid).collect(),
            Rel::Append(a) => a.cols.clone(),
            Rel::FunctionScan { calls, ordinality } => {
                calls.iter().flat_map(|c| c.1.iter().copied()).chain(*ordinality).collect()
            }
            Rel::Project { exprs, .. } => exprs.iter().map(|e| e.0).collect(),
            Rel::Filter { input, .. }
            | Rel::Distinct { input, .. }
            | Rel::Sort { input, .. }
            | Rel::Limit { input, .. }
            | Rel::LockRows { input, .. } => input.outputs(),
            Rel::Join { kind, left, right, .. } => {
                let mut v = left.outputs();
                if !matches!(kind, JoinKind::Semi | JoinKind::Anti) {
                    v.extend(right.outputs());
                }
                v
            }
            Rel::Aggregate { groups, aggs, grouping_id, .. } => {
                groups.iter().map(|g| g.0).chain(aggs.iter().map(|a| a.0)).chain(*grouping_id).collect()
            }
            Rel::Window { input, calls } => {
                let mut v = input.outputs();
                v.extend(calls.iter().map(|c| c.0));
                v
            }
            Rel::ProjectSet { input, calls } => {
                let mut v = input.outputs();
                v.extend(calls.iter().map(|c| c.0));
                v
            }
            Rel::With { body, .. } => body.outputs(),
        }
    }
}

impl Expr {
    /// An expression.
    pub fn new(kind: ExprKind, ty: TypeRef) -> Expr {
        Expr { kind, ty, pos: 0 }
    }
    /// A column reference.
    pub fn column(c: Col) -> Expr {
        Expr::new(ExprKind::Column(c.id), c.ty)
    }
    /// The constant's value, if this is one.
    pub fn as_const(&self) -> Option<&Datum> {
        match &self.kind {
            ExprKind::Const(d) => Some(d),
            _ => None,
        }
    }
}
