//! MERGE.

use super::{AssignTarget, Assignment, Expr, Overriding, Pos, TableFactor, TableRef, With};

/// MERGE INTO … USING … ON … WHEN ….
#[derive(Clone, PartialEq, Debug)]
pub struct Merge {
    /// WITH.
    pub with: Option<With>,
    /// Target (no sample).
    pub table: TableFactor,
    /// USING.
    pub source: TableRef,
    /// ON.
    pub on: Expr,
    /// The WHEN clauses, at least one.
    pub whens: Vec<MergeWhen>,
    /// Where it begins.
    pub pos: Pos,
}

/// A WHEN clause of MERGE.
#[derive(Clone, PartialEq, Debug)]
pub struct MergeWhen {
    /// WHEN MATCHED, else WHEN NOT MATCHED.
    pub matched: bool,
    /// AND.
    pub condition: Option<Expr>,
    /// THEN.
    pub action: MergeAction,
}

/// What a WHEN clause of MERGE does.
#[derive(Clone, PartialEq, Debug)]
pub enum MergeAction {
    /// DO NOTHING.
    Nothing,
    /// DELETE.
    Delete,
    /// UPDATE SET.
    Update(Vec<Assignment>),
    /// INSERT.
    Insert(MergeInsert),
}

/// INSERT of MERGE.
#[derive(Clone, PartialEq, Debug)]
pub struct MergeInsert {
    /// Target columns; empty for all.
    pub columns: Vec<AssignTarget>,
    /// OVERRIDING.
    pub overriding: Overriding,
    /// VALUES, which may contain [`super::ExprKind::Default`]; `None` for DEFAULT VALUES.
    pub values: Option<Vec<Expr>>,
}
