//! Type names to types.

use super::{BindCx, Binder};
use crate::catalog::Catalog;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, ExprKind, Literal};
use rustydb_types::datum::TypeRef;
use rustydb_types::usertype::{self, Kind};
use rustydb_types::{oid, pgdata, typename};

/// A type without modifier, with its default collation.
pub fn type_ref(oid: u32) -> TypeRef {
    plain(oid)
}

pub(crate) fn plain(oid: u32) -> TypeRef {
    TypeRef::new(oid)
}

/// What resolution asks of a type; names are PostgreSQL's.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts {
    /// Empty for users' types.
    pub typname: &'static str,
    pub typtype: char,
    pub typcategory: char,
    pub typispreferred: bool,
    pub typcollation: u32,
}

/// Facts of a type by OID; one that nobody knows is taken for a row type.
pub(crate) fn info(oid: u32) -> Facts {
    if let Some(t) = pgdata::pg_type(oid) {
        return Facts {
            typname: t.typname,
            typtype: t.typtype,
            typcategory: t.typcategory,
            typispreferred: t.typispreferred,
            typcollation: t.typcollation,
        };
    }
    let (typtype, typcategory, typcollation) = match usertype::get(oid) {
        Some(t) => match t.kind {
            Kind::Shell => ('p', 'P', 0),
            Kind::Enum => ('e', 'E', 0),
            Kind::Domain(_) => ('d', info(base_oid(oid)).typcategory, t.collation),
            Kind::Composite => ('c', 'C', 0),
            Kind::Range { .. } => ('r', 'R', 0),
            Kind::Multirange { .. } => ('m', 'R', 0),
            Kind::Array { .. } => ('b', 'A', t.collation),
        },
        None => ('c', 'C', 0),
    };
    Facts { typname: "", typtype, typcategory, typispreferred: false, typcollation }
}

/// The type whose values a domain has; other types as they are.
pub(crate) fn base_type(ty: TypeRef) -> TypeRef {
    usertype::base(ty)
}

/// [`base_type`] of an OID.
pub(crate) fn base_oid(oid: u32) -> u32 {
    usertype::base(TypeRef { oid, typmod: -1, collation: 0 }).oid
}

/// The array type over an element type.
pub(crate) fn array_of(elem: u32) -> Option<u32> {
    match pgdata::pg_type(elem) {
        Some(t) => Some(t.typarray).filter(|a| *a != 0),
        None => oid::array_of(elem),
    }
}

/// The element type of an array type (true arrays and the vectors).
pub(crate) fn element_of(array: u32) -> Option<u32> {
    match pgdata::pg_type(array) {
        Some(t) => (t.typelem != 0 && (t.typcategory == 'A' || array == oid::RECORD_ARRAY)).then_some(t.typelem),
        None => oid::array_element(array),
    }
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
    let missing = || {
        if let Some(s) = t.name.schema.as_ref().filter(|s| s.value != super::define::BY_OID && s.value != "pg_temp")
            && cx.catalog.namespace_named(&s.value).is_none()
        {
            let text = format!("schema \"{}\" does not exist", s.value);
            return DbError::new(SqlState::INVALID_SCHEMA_NAME, text).at(at);
        }
        let dims = if t.dims.is_empty() { "" } else { "[]" };
        let text = format!("type \"{}{dims}\" does not exist", t.name.plain());
        DbError::new(SqlState::UNDEFINED_OBJECT, text).at(at)
    };
    let oid = find(cx.catalog, cx.search_path, &t.name).ok_or_else(missing)?;
    if usertype::is_shell(oid) && t.dims.is_empty() {
        let text = format!("type \"{}\" is only a shell", t.name.plain());
        return Err(DbError::new(SqlState::UNDEFINED_OBJECT, text).at(at));
    }
    let base = info(oid);
    let typmod = typmod_of(oid, &t.mods, at)?;
    let mut ty = TypeRef { oid, typmod, collation: base.typcollation };
    if !t.dims.is_empty() {
        // A domain over an array is an element like any other, and so is a vector.
        let is_array =
            base.typcategory == 'A' && !usertype::is_domain(oid) && !matches!(oid, oid::INT2VECTOR | oid::OIDVECTOR);
        ty.oid = if is_array { oid } else { array_of(oid).ok_or_else(missing)? };
    }
    Ok(ty)
}

pub(crate) fn find(cat: &Catalog, path: &[u32], name: &ast::Name) -> Option<u32> {
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
        cat.type_named(ns, &name.name.value)
    };
    match &name.schema {
        Some(s) if s.value == super::define::BY_OID => {
            name.name.value.parse().ok().filter(|o| cat.type_place(*o).is_some())
        }
        Some(s) => by_ns(cat.namespace_named(&s.value)?),
        None => path.iter().copied().find_map(by_ns),
    }
}

fn typmod_of(ty: u32, mods: &[ast::Expr], at: u32) -> Result<i32> {
    if mods.is_empty() {
        return Ok(-1);
    }
    let mut nums = Vec::with_capacity(mods.len());
    for m in mods {
        nums.push(int_mod(m).ok_or_else(|| {
            DbError::new(SqlState::SYNTAX_ERROR, "type modifiers must be simple constants or identifiers").at(at)
        })?);
    }
    typename::typmod_in(ty, &nums).map_err(|e| e.at(at))
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
