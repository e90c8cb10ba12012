//! Generated columns: what virtual ones may not be, SET EXPRESSION and DROP EXPRESSION.

use super::column::{bind_row, generated_of, row_columns, tableoid};
use super::{DdlCx, check_rows, err, identity};
use crate::bind::define::Defining;
use crate::catalog::{Catalog, Column, ConstraintKind, FIRST_USER_OID, Relation};
use crate::exec::eval::Env;
use crate::plan::ir::{Col, Expr, ExprKind};
use crate::plan::walk;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast;
use rustydb_types::datum::Datum;
use rustydb_types::usertype::{self, Kind};
use std::sync::Arc;

/// Deepest nesting of types that is looked into.
const MAX_NESTING: usize = 64;

/// The detail of a refusal of what a virtual column is.
fn is_virtual(rel: &Relation, c: &Column) -> String {
    format!("Column \"{}\" of relation \"{}\" is a virtual generated column.", c.name, rel.name)
}

/// What indexes with virtual columns are refused with.
pub const NO_INDEXES: &str = "indexes on virtual generated columns are not supported";

/// 0A000 for a virtual column among those that something is to be built on.
pub fn refuse_virtual(rel: &Relation, columns: impl IntoIterator<Item = i16>, refusal: &'static str) -> Result<()> {
    let mut found = columns.into_iter().filter_map(|a| rel.attribute(a));
    if found.any(Column::is_virtual) { Err(DbError::unsupported(refusal)) } else { Ok(()) }
}

/// Whether a type is a domain or has one in it.
fn has_domain(cat: &Catalog, ty: u32, depth: usize) -> bool {
    if usertype::is_domain(ty) {
        return true;
    }
    if depth > MAX_NESTING {
        return false;
    }
    if let Some(rel) = cat.row_types.get(&ty).and_then(|r| cat.relation(*r)) {
        return rel.live_columns().any(|c| has_domain(cat, c.ty.oid, depth + 1));
    }
    match usertype::kind(ty) {
        Some(Kind::Array { elem }) => has_domain(cat, elem, depth + 1),
        Some(Kind::Range { sub, .. }) => has_domain(cat, sub.oid, depth + 1),
        Some(Kind::Multirange { range }) => has_domain(cat, range, depth + 1),
        _ => false,
    }
}

/// 0A000 for a type that a virtual column cannot have.
pub fn check_type(cx: &DdlCx<'_>, c: &Column) -> Result<()> {
    if !c.is_virtual() || c.ty.oid < FIRST_USER_OID {
        return Ok(());
    }
    let refused =
        |what: &str| DbError::unsupported(format!("virtual generated column \"{}\" cannot have a {what} type", c.name));
    if has_domain(&cx.tx.catalog, c.ty.oid, 0) {
        return Err(refused("domain"));
    }
    Err(refused("user-defined")
        .detail("Virtual generated columns that make use of user-defined types are not yet supported."))
}

/// 0A000 for what the expression of a virtual column may not use: whoever reads the column would run it.
pub fn check_expression(c: &Column, e: &Expr) -> Result<()> {
    if !c.is_virtual() {
        return Ok(());
    }
    let mut found = None;
    walk::visit(e, &mut |x| {
        if found.is_some() {
            return;
        }
        let function = match &x.kind {
            ExprKind::Call { proc, .. } | ExprKind::ArrayOp { proc, .. } => proc.oid >= FIRST_USER_OID,
            _ => false,
        };
        if function {
            found = Some(("function", x.pos));
        } else if x.ty.oid >= FIRST_USER_OID {
            found = Some(("type", x.pos));
        }
    });
    match found {
        None => Ok(()),
        Some((what, pos)) => Err(DbError::unsupported(format!("generation expression uses user-defined {what}"))
            .detail(format!("Virtual generated columns that make use of user-defined {what}s are not yet supported."))
            .at(pos)),
    }
}

/// An expression over [`row_columns`] as it is computed from stored rows.
pub fn over_stored(cx: &DdlCx<'_>, rel: &Arc<Relation>, e: &Expr) -> Result<Expr> {
    let mut e = e.clone();
    walk::rewrite(&mut e, &mut |x| {
        let known = matches!(x.kind, ExprKind::Column(id) if id == tableoid());
        Ok(known.then(|| Expr::new(ExprKind::Const(Datum::Oid(rel.oid)), x.ty)))
    })?;
    if rel.has_virtual() {
        cx.binder(|b| {
            b.note_row(rel, &row_columns(rel), None);
            b.expand_virtual(&mut e)
        })?;
    }
    Ok(e)
}

/// 23502 if a row has NULL in one of the virtual columns.
pub async fn check_not_null(cx: &mut DdlCx<'_>, rel: &Arc<Relation>, columns: &[i16]) -> Result<()> {
    let mut values = Vec::new();
    for c in columns.iter().filter_map(|a| rel.attribute(*a)).filter(|c| c.is_virtual()) {
        let whole = Expr::column(Col { id: 1_000_000 + c.attnum as u32, ty: c.ty });
        values.push((c, check_rows::compiled(&over_stored(cx, rel, &whole)?)?));
    }
    if values.is_empty() {
        return Ok(());
    }
    let env = Env { ctx: cx.eval, params: &[] };
    let mut bad = None;
    check_rows::each_row(cx, rel, |row| {
        for (c, value) in &values {
            if value.eval(env, row)?.is_null() {
                bad = Some(*c);
                break;
            }
        }
        Ok(bad.is_none())
    })
    .await?;
    match bad {
        None => Ok(()),
        Some(c) => Err(check_rows::null_found(rel, c)),
    }
}

/// ALTER COLUMN … DROP EXPRESSION; answers whether the definition changed.
pub fn drop_expression(cx: &mut DdlCx<'_>, r: &mut Relation, column: &ast::Ident, if_exists: bool) -> Result<bool> {
    let at = identity::position(r, column)?;
    match r.columns[at].generated {
        '\0' => {
            let m = format!("column \"{}\" of relation \"{}\" is not a stored generated column", column.value, r.name);
            if if_exists {
                cx.notice(err(SqlState::SUCCESSFUL_COMPLETION, format!("{m}, skipping")));
                return Ok(false);
            }
            return Err(err(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, m));
        }
        'v' => {
            let m = "ALTER TABLE / DROP EXPRESSION is not supported for virtual generated columns";
            return Err(DbError::unsupported(m).detail(is_virtual(r, &r.columns[at])));
        }
        _ => {}
    }
    let col = &mut r.columns[at];
    col.generated = '\0';
    col.default = None;
    col.default_oid = 0;
    Ok(true)
}

/// ALTER COLUMN … SET EXPRESSION: the rows of a stored column are computed anew.
pub async fn set_expression(cx: &mut DdlCx<'_>, rel: &Arc<Relation>, column: &ast::Ident, e: &ast::Expr) -> Result<()> {
    let at = identity::position(rel, column)?;
    let c = rel.columns[at].clone();
    if c.generated == '\0' {
        let m = format!("column \"{}\" of relation \"{}\" is not a generated column", c.name, rel.name);
        return Err(err(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, m));
    }
    let checked = rel.constraints.iter().any(|k| matches!(k.kind, ConstraintKind::Check(_)));
    if c.is_virtual() && checked {
        return Err(DbError::unsupported(
            "ALTER TABLE / SET EXPRESSION is not supported for virtual generated columns in tables with check constraints",
        )
        .detail(is_virtual(rel, &c)));
    }
    let kept = generated_of(cx, rel, &c, e).map_err(crate::bind::unplaced)?;
    let mut r = (**rel).clone();
    super::table::give_default(cx, &mut r, at, &kept).await?;
    Arc::make_mut(&mut r.stats).columns.remove(&c.attnum);
    if c.is_virtual() {
        let oid = r.oid;
        cx.put(r).await?;
        if c.not_null && !rel.is_partitioned() {
            let now = cx.relation(oid)?;
            check_not_null(cx, &now, &[c.attnum]).await?;
        }
        return Ok(());
    }
    let parsed = crate::bind::parse_expr(kept.text.as_deref().unwrap_or("NULL"))?;
    let bound = bind_row(cx, rel, &parsed, Defining::Generated)?;
    let bound = cx.binder(|b| b.assign(bound, c.ty, &c.name))?;
    let value = check_rows::compiled(&over_stored(cx, rel, &bound)?)?;
    let eval = cx.eval;
    check_rows::rewrite(cx, rel, &mut r, |mut row| {
        let d: Datum = value.eval(Env { ctx: eval, params: &[] }, &row)?;
        if d.is_null() && c.not_null {
            return Err(check_rows::null_found(rel, &c));
        }
        row[at] = d;
        Ok(row)
    })
    .await?;
    let oid = r.oid;
    cx.put(r).await?;
    check_again(cx, oid, &[c.attnum]).await?;
    super::exclude::check_rows(cx, oid, None).await
}

/// Holds the rows against the checks and references that read one of the columns.
pub async fn check_again(cx: &mut DdlCx<'_>, oid: u32, columns: &[i16]) -> Result<()> {
    let rel = cx.relation(oid)?;
    for k in rel.constraints.iter().filter(|k| k.validated && k.columns.iter().any(|c| columns.contains(c))) {
        match &k.kind {
            ConstraintKind::Check(text) => {
                let e = crate::bind::parse_expr(text)?;
                let bound = bind_row(cx, &rel, &e, Defining::Check)?;
                let bound = cx.binder(|b| b.to_bool(bound, "CHECK"))?;
                check_rows::check(cx, &rel, &k.name, &bound).await?;
            }
            ConstraintKind::Foreign { .. } => check_rows::check_foreign(cx, &rel, k).await?,
            _ => {}
        }
    }
    Ok(())
}
