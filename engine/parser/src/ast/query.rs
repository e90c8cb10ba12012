//! Queries and data-modifying statements.

use super::{Expr, FuncCall, Ident, Name, Pos, Statement, Step, TypeName, WindowSpec};

/// SELECT, VALUES, TABLE or a set operation, with the clauses that may follow each.
#[derive(Clone, PartialEq, Debug)]
pub struct Query {
    /// WITH.
    pub with: Option<With>,
    /// What yields the rows.
    pub body: QueryBody,
    /// ORDER BY.
    pub order_by: Vec<SortBy>,
    /// LIMIT or FETCH FIRST; `None` also for LIMIT ALL.
    pub limit: Option<Expr>,
    /// FETCH FIRST … WITH TIES.
    pub with_ties: bool,
    /// OFFSET.
    pub offset: Option<Expr>,
    /// FOR UPDATE and its kin.
    pub locking: Vec<Locking>,
    /// Where it begins.
    pub pos: Pos,
}

impl Query {
    /// A query of a body alone.
    pub fn of(body: QueryBody, pos: Pos) -> Query {
        Query { with: None, body, order_by: vec![], limit: None, with_ties: false, offset: None, locking: vec![], pos }
    }
    /// `SELECT expr`.
    pub fn of_expr(expr: Expr, pos: Pos) -> Query {
        let target = Target { pos: expr.pos, expr, alias: None };
        let select = Select {
            distinct: Distinct::No,
            targets: vec![target],
            from: vec![],
            filter: None,
            group_by: vec![],
            group_distinct: false,
            having: None,
            windows: vec![],
            pos,
        };
        Query::of(QueryBody::Select(Box::new(select)), pos)
    }
    /// Whether the leftmost part is VALUES.
    pub(crate) fn begins_with_values(&self) -> bool {
        let mut q = self;
        loop {
            match &q.body {
                QueryBody::Select(_) => return false,
                QueryBody::SetOp(s) => q = &s.left,
                QueryBody::Values(_) => return true,
            }
        }
    }
    /// The first output column of the leftmost SELECT.
    pub(crate) fn first_target(&self) -> Option<&Target> {
        let mut q = self;
        loop {
            match &q.body {
                QueryBody::Select(s) => return s.targets.first(),
                QueryBody::SetOp(s) => q = &s.left,
                QueryBody::Values(_) => return None,
            }
        }
    }
}

/// What yields the rows.
#[derive(Clone, PartialEq, Debug)]
pub enum QueryBody {
    /// SELECT (`TABLE t` is `SELECT * FROM ONLY? t`).
    Select(Box<Select>),
    /// VALUES: one or more rows.
    Values(Vec<Vec<Expr>>),
    /// UNION, INTERSECT, EXCEPT.
    SetOp(Box<SetOp>),
}

/// A set operation. Long chains lean left; dropping one does not recurse.
#[derive(Clone, PartialEq, Debug)]
pub struct SetOp {
    /// Which one.
    pub op: SetOpKind,
    /// ALL.
    pub all: bool,
    /// Left input.
    pub left: Box<Query>,
    /// Right input.
    pub right: Box<Query>,
    /// Where the operator stands.
    pub pos: Pos,
}

impl Drop for SetOp {
    fn drop(&mut self) {
        let empty = || QueryBody::Values(vec![]);
        let mut next = std::mem::replace(&mut self.left.body, empty());
        while let QueryBody::SetOp(s) = &mut next {
            let inner = std::mem::replace(&mut s.left.body, empty());
            next = inner;
        }
    }
}

/// Kind of set operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum SetOpKind {
    Union,
    Intersect,
    Except,
}

/// WITH.
#[derive(Clone, PartialEq, Debug)]
pub struct With {
    /// RECURSIVE.
    pub recursive: bool,
    /// The tables, in order.
    pub ctes: Vec<Cte>,
    /// Where it begins.
    pub pos: Pos,
}

/// One table of WITH.
#[derive(Clone, PartialEq, Debug)]
pub struct Cte {
    /// Name.
    pub name: Ident,
    /// Column names.
    pub columns: Vec<Ident>,
    /// MATERIALIZED or NOT MATERIALIZED.
    pub materialized: Option<bool>,
    /// A query, INSERT, UPDATE or DELETE.
    pub body: Box<Statement>,
    /// SEARCH.
    pub search: Option<CteSearch>,
    /// CYCLE.
    pub cycle: Option<Box<CteCycle>>,
}

/// SEARCH … FIRST BY … SET ….
#[derive(Clone, PartialEq, Debug)]
pub struct CteSearch {
    /// BREADTH instead of DEPTH.
    pub breadth: bool,
    /// BY.
    pub columns: Vec<Ident>,
    /// SET.
    pub sequence: Ident,
    /// Where it begins.
    pub pos: Pos,
}

/// CYCLE … SET … [TO … DEFAULT …] USING ….
#[derive(Clone, PartialEq, Debug)]
pub struct CteCycle {
    /// The columns.
    pub columns: Vec<Ident>,
    /// SET.
    pub mark: Ident,
    /// TO and DEFAULT; true and false if absent.
    pub values: Option<(Expr, Expr)>,
    /// USING.
    pub path: Ident,
    /// Where it begins.
    pub pos: Pos,
}

/// SELECT … FROM … WHERE … GROUP BY … HAVING … WINDOW.
#[derive(Clone, PartialEq, Debug)]
pub struct Select {
    /// DISTINCT.
    pub distinct: Distinct,
    /// Output columns; may be empty.
    pub targets: Vec<Target>,
    /// FROM.
    pub from: Vec<TableRef>,
    /// WHERE.
    pub filter: Option<Expr>,
    /// GROUP BY.
    pub group_by: Vec<GroupItem>,
    /// GROUP BY DISTINCT.
    pub group_distinct: bool,
    /// HAVING.
    pub having: Option<Expr>,
    /// WINDOW.
    pub windows: Vec<(Ident, WindowSpec)>,
    /// Where it begins.
    pub pos: Pos,
}

/// DISTINCT of a SELECT.
#[derive(Clone, PartialEq, Debug)]
pub enum Distinct {
    /// No.
    No,
    /// DISTINCT.
    All,
    /// DISTINCT ON.
    On(Vec<Expr>),
}

/// An output column: an expression, or a column reference or indirection that ends in `*`.
#[derive(Clone, PartialEq, Debug)]
pub struct Target {
    /// The expression.
    pub expr: Expr,
    /// AS.
    pub alias: Option<Ident>,
    /// Where it begins.
    pub pos: Pos,
}

/// An element of GROUP BY.
#[derive(Clone, PartialEq, Debug)]
pub enum GroupItem {
    /// An expression; a row in parentheses counts as its fields.
    Expr(Expr),
    /// `()`.
    Empty(Pos),
    /// ROLLUP; a row stands for a group of columns.
    Rollup(Vec<Expr>, Pos),
    /// CUBE.
    Cube(Vec<Expr>, Pos),
    /// GROUPING SETS.
    Sets(Vec<GroupItem>, Pos),
}

/// ORDER BY element.
#[derive(Clone, PartialEq, Debug)]
pub struct SortBy {
    /// What to sort by.
    pub expr: Expr,
    /// Direction.
    pub order: SortOrder,
    /// NULLS FIRST (`true`) or LAST.
    pub nulls_first: Option<bool>,
}

/// Sort direction.
#[derive(Clone, PartialEq, Debug)]
pub enum SortOrder {
    /// Not written: ascending.
    Default,
    /// ASC.
    Asc,
    /// DESC.
    Desc,
    /// USING operator.
    Using(Name),
}

/// FOR UPDATE and its kin.
#[derive(Clone, PartialEq, Debug)]
pub struct Locking {
    /// How strong.
    pub strength: LockStrength,
    /// OF; empty for all tables.
    pub of: Vec<Name>,
    /// NOWAIT, SKIP LOCKED.
    pub wait: LockWait,
    /// Where it begins.
    pub pos: Pos,
}

/// Row lock strength, weakest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum LockStrength {
    KeyShare,
    Share,
    NoKeyUpdate,
    Update,
}

/// What to do when a row is locked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum LockWait {
    Block,
    Skip,
    Error,
}

/// An element of FROM.
#[derive(Clone, PartialEq, Debug)]
pub enum TableRef {
    /// A table or view.
    Table(Box<TableFactor>),
    /// One or more functions.
    Function(Box<FunctionTable>),
    /// A query.
    Query(Box<SubqueryTable>),
    /// A join.
    Join(Box<Join>),
}

/// A table in FROM, UPDATE, DELETE, TRUNCATE, LOCK….
#[derive(Clone, PartialEq, Debug)]
pub struct TableFactor {
    /// Name.
    pub name: Name,
    /// ONLY.
    pub only: bool,
    /// Alias.
    pub alias: Option<Alias>,
    /// TABLESAMPLE.
    pub sample: Option<Sample>,
    /// AS OF: the rows of the past.
    pub as_of: Option<Box<AsOf>>,
}

/// How a time of the past is named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AsOfKind {
    /// AS OF TIMESTAMP: a point in time.
    Timestamp,
    /// AS OF SCN: a commit number.
    Scn,
    /// AS OF SYSTEM TIME: a point in time, or a distance to now.
    SystemTime,
}

/// AS OF, or the TO of FLASHBACK TABLE.
#[derive(Clone, PartialEq, Debug)]
pub struct AsOf {
    /// What the value is.
    pub kind: AsOfKind,
    /// The value.
    pub value: Expr,
}

/// An alias with column names.
#[derive(Clone, PartialEq, Debug)]
pub struct Alias {
    /// Name.
    pub name: Ident,
    /// Column names; may be empty.
    pub columns: Vec<Ident>,
}

/// TABLESAMPLE.
#[derive(Clone, PartialEq, Debug)]
pub struct Sample {
    /// Method.
    pub method: Name,
    /// Its arguments.
    pub args: Vec<Expr>,
    /// REPEATABLE.
    pub repeatable: Option<Expr>,
}

/// Functions in FROM.
#[derive(Clone, PartialEq, Debug)]
pub struct FunctionTable {
    /// LATERAL is written.
    pub lateral: bool,
    /// The calls: one, or those of ROWS FROM. Each is a [`FuncCall`] or one of the expressions that look like calls.
    pub functions: Vec<TableFunction>,
    /// ROWS FROM is written.
    pub rows_from: bool,
    /// WITH ORDINALITY.
    pub ordinality: bool,
    /// Alias.
    pub alias: Option<Alias>,
    /// `AS [alias] (a int, b text)`.
    pub columns: Vec<FieldDef>,
    /// Where it begins.
    pub pos: Pos,
}

impl FunctionTable {
    /// The JSON_TABLE that it is, if it is one.
    pub fn json_table(&self) -> Option<&super::JsonSearch> {
        match self.functions.as_slice() {
            [TableFunction { call: Expr { kind: super::ExprKind::SqlJson(j), .. }, .. }] => match &**j {
                super::SqlJson::Search(s) if s.op == super::JsonSearchOp::Table => Some(s),
                _ => None,
            },
            _ => None,
        }
    }
}

/// One function of ROWS FROM.
#[derive(Clone, PartialEq, Debug)]
pub struct TableFunction {
    /// The call.
    pub call: Expr,
    /// `AS (a int, b text)`.
    pub columns: Vec<FieldDef>,
}

/// A column of a record type.
#[derive(Clone, PartialEq, Debug)]
pub struct FieldDef {
    /// Name.
    pub name: Ident,
    /// Type.
    pub ty: TypeName,
    /// COLLATE.
    pub collation: Option<Name>,
}

/// A query in FROM.
#[derive(Clone, PartialEq, Debug)]
pub struct SubqueryTable {
    /// LATERAL.
    pub lateral: bool,
    /// The query.
    pub query: Box<Query>,
    /// Alias; PostgreSQL 15 requires one.
    pub alias: Alias,
    /// Where it begins.
    pub pos: Pos,
}

/// A join.
#[derive(Clone, PartialEq, Debug)]
pub struct Join {
    /// Kind; a cross join is an inner join without condition.
    pub kind: JoinKind,
    /// Left input.
    pub left: TableRef,
    /// Right input.
    pub right: TableRef,
    /// Condition.
    pub condition: JoinCondition,
    /// Alias of the whole join, when it stands in parentheses.
    pub alias: Option<Alias>,
    /// Where the JOIN stands.
    pub pos: Pos,
}

/// Kind of join.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum JoinKind {
    Cross,
    Inner,
    Left,
    Right,
    Full,
}

/// Join condition.
#[derive(Clone, PartialEq, Debug)]
pub enum JoinCondition {
    /// None: a cross join.
    None,
    /// ON.
    On(Expr),
    /// USING, with the alias of the merged columns.
    Using(Vec<Ident>, Option<Ident>),
    /// NATURAL.
    Natural,
}

/// INSERT.
#[derive(Clone, PartialEq, Debug)]
pub struct Insert {
    /// WITH.
    pub with: Option<With>,
    /// Table.
    pub table: Name,
    /// Alias.
    pub alias: Option<Ident>,
    /// Target columns; empty for all.
    pub columns: Vec<AssignTarget>,
    /// OVERRIDING SYSTEM VALUE (`System`) or USER VALUE.
    pub overriding: Overriding,
    /// The rows; `None` for DEFAULT VALUES. VALUES may contain [`super::ExprKind::Default`].
    pub source: Option<Box<Query>>,
    /// ON CONFLICT.
    pub on_conflict: Option<OnConflict>,
    /// RETURNING.
    pub returning: Vec<Target>,
    /// Where it begins.
    pub pos: Pos,
}

/// OVERRIDING of INSERT.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum Overriding {
    No,
    User,
    System,
}

/// Target of an assignment.
#[derive(Clone, PartialEq, Debug)]
pub struct AssignTarget {
    /// Column.
    pub column: Ident,
    /// Fields and subscripts within it.
    pub steps: Vec<Step>,
}

/// ON CONFLICT.
#[derive(Clone, PartialEq, Debug)]
pub struct OnConflict {
    /// What must conflict; `None` for anything.
    pub target: Option<ConflictTarget>,
    /// DO UPDATE; `None` for DO NOTHING.
    pub update: Option<ConflictUpdate>,
    /// Where it begins.
    pub pos: Pos,
}

/// The arbiter of ON CONFLICT.
#[derive(Clone, PartialEq, Debug)]
pub enum ConflictTarget {
    /// Columns and expressions of a unique index, with the predicate of a partial one.
    Index {
        /// The key.
        elements: Vec<super::IndexElement>,
        /// WHERE.
        filter: Option<Expr>,
        /// Where the list stands.
        pos: Pos,
    },
    /// ON CONSTRAINT.
    Constraint(Ident),
}

/// DO UPDATE.
#[derive(Clone, PartialEq, Debug)]
pub struct ConflictUpdate {
    /// SET.
    pub set: Vec<Assignment>,
    /// WHERE.
    pub filter: Option<Expr>,
}

/// An assignment of UPDATE.
#[derive(Clone, PartialEq, Debug)]
pub enum Assignment {
    /// `a = value`; the value may be DEFAULT.
    One(AssignTarget, Expr),
    /// `(a, b) = source`; the source is a row (whose fields may be DEFAULT), a query, or another expression.
    Many(Vec<AssignTarget>, Expr),
}

/// UPDATE.
#[derive(Clone, PartialEq, Debug)]
pub struct Update {
    /// WITH.
    pub with: Option<With>,
    /// Table (no sample).
    pub table: TableFactor,
    /// SET.
    pub set: Vec<Assignment>,
    /// FROM.
    pub from: Vec<TableRef>,
    /// WHERE; may be [`super::ExprKind::CurrentOf`].
    pub filter: Option<Expr>,
    /// RETURNING.
    pub returning: Vec<Target>,
    /// Where it begins.
    pub pos: Pos,
}

/// DELETE.
#[derive(Clone, PartialEq, Debug)]
pub struct Delete {
    /// WITH.
    pub with: Option<With>,
    /// Table (no sample).
    pub table: TableFactor,
    /// USING.
    pub using: Vec<TableRef>,
    /// WHERE; may be [`super::ExprKind::CurrentOf`].
    pub filter: Option<Expr>,
    /// RETURNING.
    pub returning: Vec<Target>,
    /// Where it begins.
    pub pos: Pos,
}

/// Shows that a call in FROM is a plain function.
impl TableFunction {
    /// The call, if it is a plain function call.
    pub fn func(&self) -> Option<&FuncCall> {
        match &self.call.kind {
            super::ExprKind::Func(f) => Some(f),
            _ => None,
        }
    }
}
