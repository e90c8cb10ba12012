//! Comparison of rows: `(a, b) < (c, d)`.
//!
//! An operator's name is looked up for each pair of fields; what the rows' comparison means is what the operators found
//! are in btree operator families: all equalities (or their negators) are a conjunction (disjunction) of them, and of an
//! ordering the first pair that differs decides. Operators of no family compare no rows. Classes of users are not looked
//! at.

use super::Binder;
use super::types::{self, show};
use crate::plan::ir::{Expr, ExprKind, Subquery, SubqueryKind};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast;
use rustydb_types::oid;
use rustydb_types::pgdata::{self, Proc};

/// A btree's strategy of equality, and what its negator counts as beside the five.
const EQUAL: i16 = 3;
const NOT_EQUAL: i16 = 6;
/// Operator families that compare text by its bytes whatever its collation: `text_pattern_ops`, `bpchar_pattern_ops`.
const BY_BYTES: [u32; 2] = [2095, 2097];
/// The collation "C".
const C: u32 = 950;
/// `record_image_ops`, which compares rows by their stored form.
const RECORD_IMAGE: u32 = 3194;

/// Families in which an operator orders or equates, and its strategy in each.
fn meanings(name: &str, proc: &Proc) -> Vec<(u32, i16)> {
    let mut out = Vec::new();
    for o in pgdata::operators_named(name).iter().filter(|o| o.oprcode == proc.oid) {
        let of = |op: u32| pgdata::amops_of_operator(op).iter().filter(|m| m.amopmethod == pgdata::BTREE);
        out.extend(of(o.oid).map(|m| (m.amopfamily, m.amopstrategy)));
        if out.is_empty() {
            out.extend(of(o.oprnegate).filter(|m| m.amopstrategy == EQUAL).map(|m| (m.amopfamily, NOT_EQUAL)));
        }
    }
    out
}

impl Binder<'_> {
    /// `left name right`, of which one is written as a row.
    pub(super) fn row_op(&mut self, name: &str, left: &ast::Expr, right: &ast::Expr, pos: u32) -> Result<Expr> {
        let (ast::ExprKind::Row { fields: l, .. }, r) = (&left.kind, right) else {
            let (l, r) = (self.expr(left)?, self.expr(right)?);
            return self.operator(None, name, Some(l), r, pos);
        };
        if let ast::ExprKind::Subquery(q) = &r.kind {
            return self.row_subquery(name, l, q, pos);
        }
        let ast::ExprKind::Row { fields: r, .. } = &r.kind else {
            let (l, r) = (self.expr(left)?, self.expr(right)?);
            return self.operator(None, name, Some(l), r, pos);
        };
        if l.len() != r.len() {
            return Err(DbError::new(SqlState::SYNTAX_ERROR, "unequal number of entries in row expressions").at(pos));
        }
        if l.is_empty() {
            return Err(DbError::unsupported("cannot compare rows of zero length").at(pos));
        }
        let l = l.iter().map(|e| self.expr(e)).collect::<Result<Vec<_>>>()?;
        let r = r.iter().map(|e| self.expr(e)).collect::<Result<Vec<_>>>()?;
        self.compare_rows(name, l, r, pos)
    }

    /// `(l…) name (r…)`.
    pub(crate) fn compare_rows(&mut self, name: &str, l: Vec<Expr>, r: Vec<Expr>, pos: u32) -> Result<Expr> {
        let mut pairs = Vec::with_capacity(l.len());
        for (a, b) in l.into_iter().zip(r) {
            let pair = self.operator(None, name, Some(a), b, pos)?;
            if pair.ty.oid != oid::BOOL {
                return Err(DbError::new(
                    SqlState::DATATYPE_MISMATCH,
                    format!("row comparison operator must yield type boolean, not type {}", show(pair.ty.oid)),
                )
                .at(pos));
            }
            pairs.push(pair);
        }
        if pairs.len() == 1 {
            return pairs.pop().ok_or_else(|| DbError::internal("empty row comparison"));
        }
        let of_pairs: Vec<Vec<(u32, i16)>> = pairs
            .iter()
            .map(|p| match &p.kind {
                ExprKind::Call { proc, .. } => meanings(name, proc),
                _ => Vec::new(),
            })
            .collect();
        let common = (1..=NOT_EQUAL).find(|s| of_pairs.iter().all(|of| of.iter().any(|m| m.1 == *s)));
        let ty = types::plain(oid::BOOL);
        let strategy = match common {
            Some(EQUAL) => return Ok(Expr { kind: ExprKind::And(pairs), ty, pos }),
            Some(NOT_EQUAL) => return Ok(Expr { kind: ExprKind::Or(pairs), ty, pos }),
            Some(s) => s,
            None => {
                return Err(DbError::unsupported(format!(
                    "could not determine interpretation of row comparison operator {name}"
                ))
                .hint("Row comparison operators must be associated with btree operator families.")
                .at(pos));
            }
        };
        let (mut left, mut right, mut collations) = (Vec::new(), Vec::new(), Vec::new());
        for (pair, of) in pairs.into_iter().zip(of_pairs) {
            let ExprKind::Call { args, collation, .. } = pair.kind else {
                return Err(DbError::internal("operator is not a call"));
            };
            let mut families = of.iter().filter(|m| m.1 == strategy).map(|m| m.0);
            if families.clone().any(|f| f == RECORD_IMAGE) {
                return Err(DbError::unsupported(format!("comparing rows by {name} is not supported yet")).at(pos));
            }
            let by_bytes = families.all(|f| BY_BYTES.contains(&f));
            let mut it = args.into_iter();
            if let (Some(x), Some(y)) = (it.next(), it.next()) {
                left.push(x);
                right.push(y);
                collations.push(if by_bytes { C } else { collation });
            }
        }
        let strategy = u8::try_from(strategy).map_err(|_| DbError::internal("no strategy of a btree"))?;
        Ok(Expr { kind: ExprKind::RowCompare { strategy, left, right, collations }, ty, pos })
    }

    fn row_subquery(&mut self, name: &str, left: &[ast::Expr], q: &ast::Query, pos: u32) -> Result<Expr> {
        let l = left.iter().map(|e| self.expr(e)).collect::<Result<Vec<_>>>()?;
        let (rel, cols) = self.subquery(q)?;
        self.row_width(l.len(), cols.len(), pos)?;
        let row = Expr {
            kind: ExprKind::Subquery(Box::new(Subquery { rel, kind: SubqueryKind::Row, text: "".into() })),
            ty: types::plain(oid::RECORD),
            pos,
        };
        let r = cols
            .iter()
            .enumerate()
            .map(|(i, c)| Expr { kind: ExprKind::Field(Box::new(row.clone()), i), ty: c.ty, pos })
            .collect();
        self.compare_rows(name, l, r, pos)
    }

    /// Fails unless a subquery has as many columns as the row it is compared with.
    pub(super) fn row_width(&self, want: usize, have: usize, pos: u32) -> Result<()> {
        let text = match have.cmp(&want) {
            std::cmp::Ordering::Less => "subquery has too few columns",
            std::cmp::Ordering::Greater => "subquery has too many columns",
            std::cmp::Ordering::Equal => return Ok(()),
        };
        Err(DbError::new(SqlState::SYNTAX_ERROR, text).at(pos))
    }
}
