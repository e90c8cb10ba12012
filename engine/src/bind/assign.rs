//! Assignment to parts of columns: `SET a[1] = …`, `SET c.f = …`, `INSERT (c.f, a[2])`.
//!
//! The new value of the column is an expression over the old one (NULL in an INSERT): each step of the target is taken
//! out of it, assigned to, and put back ([`ExprKind::SetField`], [`ExprKind::SetElement`]). Several parts of one column
//! are assigned one after the other.

use super::Binder;
use super::types::{self, element_of, show};
use crate::plan::ir::{Expr, ExprKind, Subscript};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::Step;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::{oid, usertype};

impl Binder<'_> {
    /// The type a value has to have that is assigned to a part of a column.
    pub(crate) fn part_type(&self, ty: TypeRef, steps: &[Step], column: &str, pos: u32) -> Result<TypeRef> {
        let Some((first, rest)) = steps.split_first() else { return Ok(ty) };
        match first {
            Step::Field(name) => {
                let (_, field) = self.field_of(ty, &name.value, column, pos)?;
                self.part_type(field, rest, column, pos)
            }
            Step::Index(_) | Step::Slice(..) => {
                let (subs, rest) = subscripts(steps);
                let slice = subs.iter().any(|s| matches!(s, Step::Slice(..)));
                if slice {
                    return Ok(ty);
                }
                self.part_type(element(ty, pos)?, rest, column, pos)
            }
            Step::Star => {
                Err(DbError::new(SqlState::SYNTAX_ERROR, "row expansion via \"*\" is not supported here").at(pos))
            }
        }
    }

    fn field_of(&self, ty: TypeRef, name: &str, column: &str, pos: u32) -> Result<(usize, TypeRef)> {
        let base = types::base_oid(ty.oid);
        let shown = show(ty.oid);
        let rel = self.cx.catalog.row_types.get(&base).and_then(|r| self.cx.catalog.relation(*r)).ok_or_else(|| {
            DbError::new(
                SqlState::DATATYPE_MISMATCH,
                format!(
                    "cannot assign to field \"{name}\" of column \"{column}\" because its type {shown} is not a composite type"
                ),
            )
            .at(pos)
        })?;
        rel.live_columns().enumerate().find(|(_, c)| c.name == name).map(|(i, c)| (i, c.ty)).ok_or_else(|| {
            DbError::new(
                SqlState::UNDEFINED_COLUMN,
                format!(
                    "cannot assign to field \"{name}\" of column \"{column}\" because there is no such column in data type {shown}"
                ),
            )
            .at(pos)
        })
    }

    /// `base` with the part that `steps` lead to replaced by `value`.
    pub(crate) fn assign_part(
        &mut self,
        base: Expr,
        steps: &[Step],
        value: Expr,
        column: &str,
        pos: u32,
    ) -> Result<Expr> {
        let Some((first, rest)) = steps.split_first() else { return self.assign(value, base.ty, column) };
        let whole = base.ty;
        let base = match base.kind {
            // A domain judges a value when all its parts have been assigned.
            ExprKind::Domain(parts)
                if matches!(parts.kind, ExprKind::SetField { .. } | ExprKind::SetElement { .. }) =>
            {
                *parts
            }
            kind => self.see_through(Expr { kind, ..base }),
        };
        let ty = base.ty;
        let new = match first {
            Step::Field(name) => {
                let (index, field) = self.field_of(whole, &name.value, column, pos)?;
                let old = Expr { kind: ExprKind::Field(Box::new(base.clone()), index), ty: field, pos };
                let value = if rest.is_empty() {
                    self.assign_field(value, field, &name.value, pos)?
                } else {
                    self.assign_part(old, rest, value, column, pos)?
                };
                let rel = self.cx.catalog.row_types.get(&ty.oid).and_then(|r| self.cx.catalog.relation(*r));
                let types = rel.map(|r| r.live_columns().map(|c| c.ty).collect()).unwrap_or_default();
                ExprKind::SetField { row: Box::new(base), types, index, value: Box::new(value) }
            }
            Step::Index(_) | Step::Slice(..) => {
                let elem = element(whole, pos)?;
                let (subs, rest) = subscripts(steps);
                let slice = subs.iter().any(|s| matches!(s, Step::Slice(..)));
                let mut bound = Vec::with_capacity(subs.len());
                for s in subs {
                    bound.push(match s {
                        Step::Index(e) => Subscript::Index(self.subscript_int(e)?),
                        Step::Slice(a, b) => Subscript::Slice(
                            a.as_ref().map(|e| self.subscript_int(e)).transpose()?,
                            b.as_ref().map(|e| self.subscript_int(e)).transpose()?,
                        ),
                        Step::Field(_) | Step::Star => continue,
                    });
                }
                let value = if slice {
                    if !rest.is_empty() {
                        return Err(
                            DbError::unsupported("assignment to a part of an array slice is not supported").at(pos)
                        );
                    }
                    self.assign_element(value, ty, column, pos)?
                } else if rest.is_empty() {
                    self.assign_element(value, elem, column, pos)?
                } else {
                    let old = ExprKind::Subscript { arg: Box::new(base.clone()), steps: bound.clone() };
                    let old = Expr { kind: old, ty: elem, pos };
                    self.assign_part(old, rest, value, column, pos)?
                };
                ExprKind::SetElement { array: Box::new(base), steps: bound, value: Box::new(value) }
            }
            Step::Star => {
                return Err(
                    DbError::new(SqlState::SYNTAX_ERROR, "row expansion via \"*\" is not supported here").at(pos)
                );
            }
        };
        let new = Expr { kind: new, ty, pos };
        if usertype::is_domain(whole.oid) {
            return Ok(Expr { kind: ExprKind::Domain(Box::new(new)), ty: whole, pos });
        }
        Ok(new)
    }

    /// Converts for storing into a field of a column.
    fn assign_field(&mut self, e: Expr, to: TypeRef, field: &str, pos: u32) -> Result<Expr> {
        let from = e.ty.oid;
        self.coerce(e, to, super::resolve::Coercion::Assignment)?.ok_or_else(|| {
            let what =
                format!("subfield \"{field}\" is of type {} but expression is of type {}", show(to.oid), show(from));
            DbError::new(SqlState::DATATYPE_MISMATCH, what)
                .hint("You will need to rewrite or cast the expression.")
                .at(pos)
        })
    }

    /// Converts for what an INSERT names: a column, or the part of one whose type `c` has.
    pub(super) fn assign_target(
        &mut self,
        e: Expr,
        c: &crate::catalog::Column,
        target: Option<&rustydb_parser::ast::AssignTarget>,
    ) -> Result<Expr> {
        let pos = target.map_or(0, |t| self.pos(t.column.pos));
        match target.and_then(|t| t.steps.last()) {
            Some(Step::Index(_) | Step::Slice(..)) => self.assign_element(e, c.ty, &c.name, pos),
            Some(Step::Field(f)) => self.assign_field(e, c.ty, &f.value, pos),
            Some(Step::Star) | None => self.assign(e, c.ty, &c.name),
        }
    }

    /// Converts for storing into elements of a column's array.
    fn assign_element(&mut self, e: Expr, to: TypeRef, column: &str, pos: u32) -> Result<Expr> {
        let from = e.ty.oid;
        self.coerce(e, to, super::resolve::Coercion::Assignment)?.ok_or_else(|| {
            let what = format!(
                "subscripted assignment to \"{column}\" requires type {} but expression is of type {}",
                show(to.oid),
                show(from)
            );
            DbError::new(SqlState::DATATYPE_MISMATCH, what)
                .hint("You will need to rewrite or cast the expression.")
                .at(pos)
        })
    }

    fn subscript_int(&mut self, e: &rustydb_parser::ast::Expr) -> Result<Expr> {
        let b = self.expr(e)?;
        let at = b.pos;
        self.coerce(b, types::plain(oid::INT4), super::resolve::Coercion::Assignment)?
            .ok_or_else(|| DbError::new(SqlState::DATATYPE_MISMATCH, "array subscript must have type integer").at(at))
    }
}

/// NULL as the value that parts are assigned to in an INSERT.
pub(crate) fn nothing(ty: TypeRef, pos: u32) -> Expr {
    Expr { kind: ExprKind::Const(Datum::Null), ty, pos }
}

/// The subscripts that `steps` begin with, and what follows them.
fn subscripts(steps: &[Step]) -> (&[Step], &[Step]) {
    let n = steps.iter().take_while(|s| matches!(s, Step::Index(_) | Step::Slice(..))).count();
    steps.split_at(n)
}

fn element(ty: TypeRef, pos: u32) -> Result<TypeRef> {
    let base = types::base_type(ty);
    let elem = element_of(base.oid).or_else(|| crate::exec::fixed::element(base.oid)).ok_or_else(|| {
        DbError::new(
            SqlState::DATATYPE_MISMATCH,
            format!("cannot subscript type {} because it does not support subscripting", show(ty.oid)),
        )
        .at(pos)
    })?;
    Ok(TypeRef { typmod: base.typmod, collation: base.collation, ..types::plain(elem) })
}
