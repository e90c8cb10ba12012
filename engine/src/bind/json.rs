//! What the json family needs of the binder: names of rows' fields for functions that show or make rows by name, and
//! subscripts of jsonb.
//!
//! Names travel as type modifiers ([`rustydb_types::shape`]) that only these functions' arguments carry.

use super::Binder;
use super::nameless::nameless;
use super::resolve::{Coercion, can_coerce};
use super::types::{self, show};
use crate::plan::ir::{Expr, ExprKind};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::Step;
use rustydb_types::datum::TypeRef;
use rustydb_types::pgdata::{self, Proc};
use rustydb_types::{oid, shape};
use std::sync::LazyLock;

/// Functions and aggregates that want the names of their row arguments' fields.
const NAMED_ROWS: &[&str] = &[
    "to_json",
    "to_jsonb",
    "row_to_json",
    "array_to_json",
    "json_agg",
    "jsonb_agg",
    "json_build_array",
    "jsonb_build_array",
    "json_build_object",
    "jsonb_build_object",
    "json_object_agg",
    "jsonb_object_agg",
    "json_populate_record",
    "jsonb_populate_record",
    "json_populate_recordset",
    "jsonb_populate_recordset",
];

/// The function behind `target[subscripts…] := value`: target, whether the first subscript is a number, value,
/// subscripts. PostgreSQL has no function for it, so neither name nor OID is one of its own.
fn assign_proc() -> &'static Proc {
    static PROC: LazyLock<Proc> = LazyLock::new(|| Proc {
        provolatile: 'i',
        pronargs: 3,
        proargtypes: Box::new([oid::JSONB, oid::BOOL, oid::JSONB, oid::TEXT]),
        ..nameless("jsonb_subscript_assign", oid::JSONB, false)
    });
    &PROC
}

impl Binder<'_> {
    /// Lets a function that wants them know the names of its row arguments' fields.
    pub(crate) fn name_rows(&self, proc: &Proc, args: &mut [Expr]) -> Result<()> {
        let wants = NAMED_ROWS.contains(&proc.proname) || proc.oid == 0 && proc.proname.starts_with("sql_json");
        if proc.pronamespace != pgdata::PG_CATALOG || !wants {
            return Ok(());
        }
        args.iter_mut().try_for_each(|a| self.name_row(a))
    }

    fn name_row(&self, e: &mut Expr) -> Result<()> {
        match &mut e.kind {
            ExprKind::Row(fields) | ExprKind::WholeRow(fields) => {
                fields.iter_mut().try_for_each(|f| self.name_row(f))?;
            }
            ExprKind::Array { items, .. } => {
                items.iter_mut().try_for_each(|f| self.name_row(f))?;
                // The rows of an array are alike.
                if let Some(first) = items.first()
                    && shape::fields(first.ty.typmod).is_some()
                    && self.row_fields(first).is_some()
                {
                    e.ty.typmod = first.ty.typmod;
                }
                return Ok(());
            }
            _ => {}
        }
        if let Some(mut fields) = self.row_fields(e) {
            if let ExprKind::Row(f) | ExprKind::WholeRow(f) = &e.kind {
                for ((_, ty), f) in fields.iter_mut().zip(f) {
                    *ty = f.ty;
                }
            }
            for (_, ty) in &mut fields {
                *ty = self.named_type(*ty, 0)?;
            }
            e.ty.typmod = shape::modifier(&fields)?;
        } else {
            e.ty = self.named_type(e.ty, 0)?;
        }
        Ok(())
    }

    /// A type with the shape of the rows in it, where the catalog knows them.
    pub(super) fn named_type(&self, ty: TypeRef, depth: u32) -> Result<TypeRef> {
        let row = types::element_of(ty.oid).unwrap_or(ty.oid);
        let Some(rel) = self.cx.catalog.row_types.get(&row).and_then(|r| self.cx.catalog.relation(*r)) else {
            return Ok(ty);
        };
        let mut fields = Vec::new();
        for c in rel.live_columns() {
            // A row type cannot contain itself, but arrays of it may.
            let t = if depth < 16 { self.named_type(c.ty, depth + 1)? } else { c.ty };
            fields.push((c.name.clone(), t));
        }
        Ok(TypeRef { typmod: shape::modifier(&fields)?, ..ty })
    }

    /// The subscripts of a jsonb value as texts, and whether the first is a number.
    fn jsonb_steps(&mut self, steps: &[Step], pos: u32) -> Result<(Vec<Expr>, bool)> {
        let mut out = Vec::with_capacity(steps.len());
        let mut numeric_first = false;
        for (i, s) in steps.iter().enumerate() {
            let e = match s {
                Step::Index(e) => e,
                Step::Slice(a, b) => {
                    let e = DbError::new(SqlState::DATATYPE_MISMATCH, "jsonb subscript does not support slices");
                    return Err(match b.as_ref().or(a.as_ref()) {
                        Some(bound) => e.at(self.pos(bound.pos)),
                        None => e,
                    });
                }
                _ => {
                    return Err(DbError::new(
                        SqlState::DATATYPE_MISMATCH,
                        "column notation applied to a value of type jsonb, which is not a composite type",
                    )
                    .at(pos));
                }
            };
            let e = self.expr(e)?;
            let (from, at) = (e.ty.oid, e.pos);
            let target = if from == oid::UNKNOWN {
                oid::TEXT
            } else {
                let fits = |t: u32| from == t || can_coerce(Some(self.cx.catalog), from, t, Coercion::Implicit);
                let hint = match (fits(oid::INT4), fits(oid::TEXT)) {
                    (true, true) if from != oid::INT4 && from != oid::TEXT => {
                        Some("jsonb subscript must be coercible to only one type, integer or text.")
                    }
                    (false, false) => Some("jsonb subscript must be coercible to either integer or text."),
                    _ => None,
                };
                if let Some(hint) = hint {
                    return Err(DbError::new(
                        SqlState::DATATYPE_MISMATCH,
                        format!("subscript type {} is not supported", show(from)),
                    )
                    .hint(hint)
                    .at(at));
                }
                if from == oid::TEXT || !fits(oid::INT4) { oid::TEXT } else { oid::INT4 }
            };
            let lost = || DbError::internal("a jsonb subscript does not convert");
            let mut e = self.coerce(e, types::plain(target), Coercion::Implicit)?.ok_or_else(lost)?;
            if target == oid::INT4 {
                numeric_first |= i == 0;
                e = self.coerce(e, types::plain(oid::TEXT), Coercion::Explicit)?.ok_or_else(lost)?;
            }
            out.push(e);
        }
        Ok((out, numeric_first))
    }

    /// `arg[subscripts…]` of jsonb: the value at that path.
    pub(crate) fn jsonb_subscript(&mut self, arg: Expr, steps: &[Step], pos: u32) -> Result<Expr> {
        let (items, _) = self.jsonb_steps(steps, pos)?;
        let proc = pgdata::procs_named("jsonb_extract_path")
            .first()
            .ok_or_else(|| DbError::internal("jsonb_extract_path is not in the catalog"))?;
        let path = Expr { kind: ExprKind::Array { items, nested: false }, ty: types::plain(oid::TEXT_ARRAY), pos };
        let kind = ExprKind::Call { proc, args: vec![arg, path], collation: 0 };
        Ok(Expr { kind, ty: types::plain(oid::JSONB), pos })
    }

    /// What `target[subscripts…] := value` leaves in the target.
    pub(crate) fn jsonb_assign(&mut self, target: Expr, steps: &[Step], value: Expr, pos: u32) -> Result<Expr> {
        let (path, numeric_first) = self.jsonb_steps(steps, pos)?;
        let from = value.ty.oid;
        let at = value.pos;
        let value = self.coerce(value, types::plain(oid::JSONB), Coercion::Assignment)?.ok_or_else(|| {
            DbError::new(
                SqlState::DATATYPE_MISMATCH,
                format!("subscripted assignment to \"{}\" requires a value of type jsonb", show(from)),
            )
            .at(at)
        })?;
        let first =
            Expr::new(ExprKind::Const(rustydb_types::datum::Datum::Bool(numeric_first)), types::plain(oid::BOOL));
        let mut args = vec![target, first, value];
        args.extend(path);
        Ok(Expr { kind: ExprKind::Call { proc: assign_proc(), args, collation: 0 }, ty: types::plain(oid::JSONB), pos })
    }
}
