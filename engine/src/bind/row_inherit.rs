//! Rows of a table as rows of a table it inherits from.

use super::types;
use crate::catalog::{Catalog, Relation};
use crate::plan::ir::{Expr, ExprKind};
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::{oid, pgdata};
use std::sync::Arc;

/// record_eq.
const RECORD_EQ: u32 = 2981;

fn of_type(cat: &Catalog, ty: u32) -> Option<&Arc<Relation>> {
    cat.relation(*cat.row_types.get(&ty)?)
}

/// Whether a row type's table has another row type's among its ancestors.
pub(super) fn inherits(cat: &Catalog, child: u32, ancestor: u32) -> bool {
    let (Some(from), Some(to)) = (of_type(cat, child), of_type(cat, ancestor)) else { return false };
    let mut open: Vec<u32> = from.parents.clone();
    let mut seen: Vec<u32> = Vec::new();
    while let Some(next) = open.pop() {
        if next == to.oid {
            return true;
        }
        if !seen.contains(&next) {
            seen.push(next);
            open.extend(cat.relation(next).into_iter().flat_map(|r| r.parents.iter().copied()));
        }
    }
    false
}

/// A row with the fields that the ancestor has, by their names; a row that is not there stays so.
pub(super) fn as_parents_row(cat: &Catalog, e: Expr, ty: TypeRef) -> Option<Expr> {
    let (from, to) = (of_type(cat, e.ty.oid)?, of_type(cat, ty.oid)?);
    let pos = e.pos;
    let parts = match &e.kind {
        ExprKind::Row(f) | ExprKind::WholeRow(f) => Some(f.clone()),
        _ => None,
    };
    let mut fields = Vec::new();
    for c in to.live_columns() {
        let at = from.live_columns().position(|x| x.name == c.name)?;
        let own = parts.as_ref().and_then(|p| p.get(at).cloned());
        let taken = || Expr { kind: ExprKind::Field(Box::new(e.clone()), at), ty: c.ty, pos };
        fields.push(own.unwrap_or_else(taken));
    }
    let made = Expr { kind: ExprKind::Row(fields), ty, pos };
    let null = |ty: TypeRef| Expr { kind: ExprKind::Const(Datum::Null), ty, pos };
    match &e.kind {
        ExprKind::Row(_) => return Some(made),
        ExprKind::Const(Datum::Null) => return Some(null(ty)),
        _ => {}
    }
    let absent = ExprKind::Distinct {
        eq: pgdata::proc(RECORD_EQ)?,
        right: Box::new(null(e.ty)),
        left: Box::new(e),
        negated: true,
        collation: 0,
    };
    let absent = Expr { kind: absent, ty: types::plain(oid::BOOL), pos };
    let kind = ExprKind::Case { operand: None, whens: vec![(absent, null(ty))], otherwise: Box::new(made) };
    Some(Expr { kind, ty, pos })
}
