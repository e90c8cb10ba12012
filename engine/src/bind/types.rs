//! Type names to types.

use super::{BindCx, Binder};
use crate::catalog::Catalog;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, ExprKind, Literal};
use rustydb_types::datum::TypeRef;
use rustydb_types::pgdata::{self, PgType};
use rustydb_types::{oid, typename};

/// Default collation's OID.
pub const DEFAULT_COLLATION: u32 = 100;

/// A type without modifier, with its default collation.
pub fn type_ref(oid: u32) -> TypeRef {
    plain(oid)
}

pub(crate) fn plain(oid: u32) -> TypeRef {
    TypeRef { oid, typmod: -1, collation: pgdata::pg_type(oid).map_or(0, |t| t.typcollation) }
}

/// Facts of a type by OID (row types of user tables share `record`'s).
pub(crate) fn info(oid: u32) -> &'static PgType {
    pgdata::pg_type(oid).or_else(|| pgdata::pg_type(oid::RECORD)).expect("record is a built-in type")
}

/// The type that a domain's values have; other types as they are. The only domains are those of `information_schema`.
pub(crate) fn base_type(ty: TypeRef) -> TypeRef {
    match pgdata::pg_type(ty.oid) {
        Some(t) if t.typtype == 'd' => TypeRef { oid: t.typbasetype, typmod: t.typtypmod, collation: ty.collation },
        _ => ty,
    }
}

/// The array type over an element type.
pub(crate) fn array_of(elem: u32) -> Option<u32> {
    pgdata::pg_type(elem).map(|t| t.typarray).filter(|a| *a != 0)
}

/// The element type of an array type (true arrays and the vectors).
pub(crate) fn element_of(array: u32) -> Option<u32> {
    let t = pgdata::pg_type(array)?;
    (t.typelem != 0 && (t.typcategory == 'A')).then_some(t.typelem)
}

impl Binder<'_> {
    /// Resolves a written type name.
    pub fn type_name(&self, t: &ast::TypeName) -> Result<TypeRef> {
        resolve(self.cx, t, |p| self.pos(p))
    }
}

/// Resolves a written type name for statements outside the binder (DDL).
pub(crate) fn resolve(cx: &BindCx<'_>, t: &ast::TypeName, pos: impl Fn(ast::Pos) -> u32) -> Result<TypeRef> {
    let at = pos(t.name.pos());
    if t.setof {
        return Err(DbError::new(SqlState::SYNTAX_ERROR, "SETOF is not allowed here").at(at));
    }
    if t.pct_type {
        return Err(DbError::unsupported("%TYPE is not supported yet").at(at));
    }
    let missing =
        || DbError::new(SqlState::UNDEFINED_OBJECT, format!("type \"{}\" does not exist", t.name.plain())).at(at);
    let oid = find(cx.catalog, cx.search_path, &t.name).ok_or_else(missing)?;
    let base = info(oid);
    let typmod = typmod_of(base, &t.mods, at)?;
    let mut ty = TypeRef { oid, typmod, collation: base.typcollation };
    if !t.dims.is_empty() {
        ty.oid = if base.typcategory == 'A' { oid } else { array_of(oid).ok_or_else(missing)? };
    }
    Ok(ty)
}

fn find(cat: &Catalog, path: &[u32], name: &ast::Name) -> Option<u32> {
    let by_ns = |ns: u32| -> Option<u32> {
        if ns == pgdata::PG_CATALOG
            && let Some(t) = pgdata::type_named(&name.name.value)
        {
            return Some(t.oid);
        }
        if let Some(t) = pgdata::types()
            .iter()
            .find(|t| t.typnamespace == ns && ns != pgdata::PG_CATALOG && t.typname == name.name.value)
        {
            return Some(t.oid);
        }
        cat.relation_named(ns, &name.name.value).map(|r| r.row_type).filter(|o| *o != 0)
    };
    match &name.schema {
        Some(s) => by_ns(cat.namespace_named(&s.value)?),
        None => path.iter().copied().find_map(by_ns),
    }
}

fn typmod_of(base: &PgType, mods: &[ast::Expr], at: u32) -> Result<i32> {
    if mods.is_empty() {
        return Ok(-1);
    }
    let mut nums = Vec::with_capacity(mods.len());
    for m in mods {
        nums.push(int_mod(m).ok_or_else(|| {
            DbError::new(SqlState::SYNTAX_ERROR, "type modifiers must be simple constants or identifiers").at(at)
        })?);
    }
    typename::typmod_in(base.oid, &nums).map_err(|e| e.at(at))
}

fn int_mod(e: &ast::Expr) -> Option<i32> {
    match &e.kind {
        ExprKind::Literal(Literal::Integer(i)) => i32::try_from(*i).ok(),
        ExprKind::Literal(Literal::String(s)) => s.trim().parse().ok(),
        ExprKind::Op(op) if op.left.is_none() && op.op.name.value == "-" => int_mod(&op.right).map(|v| -v),
        _ => None,
    }
}

/// Type name as messages show it.
pub(crate) fn show(ty: u32) -> String {
    typename::format_type(ty, -1)
}
