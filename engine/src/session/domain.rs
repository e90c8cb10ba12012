//! What a session's catalog says of users' types: labels of enums, attributes of rows, conditions of domains.
//!
//! A domain's conditions are compiled once per version of the catalog's types and kept per session, so that values are
//! tested where they come into being (casts, input, assignment) without plans that hold conditions of yesterday.

use super::shared::SessionShared;
use crate::bind::{BindCx, Binder};
use crate::catalog::Catalog;
use crate::catalog::types::UserType;
use crate::exec::eval::{Compiled, Env, compile};
use parking_lot::Mutex;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_types::ctx::{EvalCtx, RowField};
use rustydb_types::datum::{Datum, EnumValue, TypeRef};
use rustydb_types::io::user::no_such_label;
use rustydb_types::typename;
use std::collections::HashMap;
use std::sync::Arc;

/// Column id under which a condition reads the value.
pub const VALUE: u32 = 1_000_001;

/// A condition ready to be tested.
#[derive(Clone, Debug)]
pub struct DomainRule {
    name: String,
    test: Compiled,
}

impl DomainRule {
    /// Binds and compiles a condition over values of the type `value`.
    pub fn compile(b: &mut Binder<'_>, value: TypeRef, name: &str, text: &str) -> Result<DomainRule> {
        let e = crate::bind::parse_expr(text)?;
        let before = b.domain_value.replace(value);
        b.to_evaluate = true;
        let bound = b.defining(&e, None, crate::bind::define::Defining::Check).and_then(|e| b.to_bool(e, "CHECK"));
        b.domain_value = before;
        b.to_evaluate = false;
        let test = compile(&bound?, &|id| (id == VALUE).then_some(0))?;
        Ok(DomainRule { name: name.to_owned(), test })
    }

    /// Whether a value passes: a condition that is NULL is passed.
    pub fn holds(&self, ctx: &EvalCtx, value: &Datum) -> Result<bool> {
        let d = self.test.eval(Env { ctx, params: &[] }, std::slice::from_ref(value))?;
        Ok(!matches!(d, Datum::Bool(false)))
    }
}

/// All conditions of a domain, those of the domains under it first.
#[derive(Debug)]
pub struct DomainRules {
    version: u64,
    not_null: bool,
    rules: Vec<DomainRule>,
}

/// Conditions by domain; emptied when it grows beyond this.
const MAX_KEPT: usize = 256;

/// The compiled conditions of a session.
#[derive(Default)]
pub struct DomainCache(Mutex<HashMap<u32, Arc<DomainRules>>>);

/// The domain itself and the domains under it, outermost first.
fn chain(cat: &Catalog, ty: u32) -> Vec<Arc<UserType>> {
    let mut out = Vec::new();
    let mut at = ty;
    while let Some(t) = cat.types.get(&at) {
        let Some(d) = t.domain() else { break };
        at = d.base.oid;
        out.push(Arc::clone(t));
    }
    out
}

fn compile_rules(s: &SessionShared, ctx: &EvalCtx, cat: &Arc<Catalog>, ty: u32) -> Result<DomainRules> {
    let path = s.search_path(cat);
    let cx = BindCx { catalog: cat, search_path: &path, eval: ctx, role: s.user_oid(), sql: "" };
    let mut out = DomainRules { version: cat.types_version, not_null: false, rules: Vec::new() };
    for t in chain(cat, ty).iter().rev() {
        let Some(d) = t.domain() else { continue };
        out.not_null |= d.not_null;
        let mut checks: Vec<_> = d.checks.iter().collect();
        checks.sort_by(|a, b| a.name.cmp(&b.name));
        for c in checks {
            out.rules.push(DomainRule::compile(&mut Binder::new(&cx, &[]), d.base, &c.name, &c.check)?);
        }
    }
    Ok(out)
}

fn rules(s: &SessionShared, ctx: &EvalCtx, ty: u32) -> Result<Arc<DomainRules>> {
    let cat = s.catalog();
    if let Some(r) = s.domains.0.lock().get(&ty).filter(|r| r.version == cat.types_version) {
        return Ok(Arc::clone(r));
    }
    let made = Arc::new(compile_rules(s, ctx, &cat, ty)?);
    let mut kept = s.domains.0.lock();
    if kept.len() >= MAX_KEPT {
        kept.clear();
    }
    kept.insert(ty, Arc::clone(&made));
    Ok(made)
}

fn shown(s: &SessionShared, ty: u32) -> String {
    super::reg::user_type_name(s, ty).unwrap_or_else(|| typename::format_type(ty, -1))
}

/// Names the type that an error is about.
fn of_type(s: &SessionShared, ty: u32, e: DbError) -> DbError {
    let cat = s.catalog();
    let Some(t) = cat.types.get(&ty) else { return e };
    let mut e = e.datatype(t.name.clone());
    if let Some(f) = e.fields.as_mut() {
        f.schema = cat.namespaces.get(&t.namespace).map(|n| n.name.clone());
    }
    e
}

/// See [`rustydb_types::ctx::SessionInfo::check_domain`].
pub fn check(s: &SessionShared, ctx: &EvalCtx, ty: u32, value: &Datum) -> Result<()> {
    let rules = rules(s, ctx, ty)?;
    if rules.not_null && value.is_null() {
        let e =
            DbError::new(SqlState::NOT_NULL_VIOLATION, format!("domain {} does not allow null values", shown(s, ty)));
        return Err(of_type(s, ty, e));
    }
    for r in &rules.rules {
        if !r.holds(ctx, value)? {
            let e = DbError::new(
                SqlState::CHECK_VIOLATION,
                format!("value for domain {} violates check constraint \"{}\"", shown(s, ty), r.name),
            );
            return Err(of_type(s, ty, e).constraint(r.name.clone()));
        }
    }
    Ok(())
}

fn enum_type(s: &SessionShared, ty: u32) -> Result<Arc<UserType>> {
    s.catalog().types.get(&ty).cloned().ok_or_else(|| DbError::internal(format!("cache lookup failed for type {ty}")))
}

fn unsafe_use(s: &SessionShared, ty: u32, label: &str) -> DbError {
    DbError::new(
        SqlState::UNSAFE_NEW_ENUM_VALUE_USAGE,
        format!("unsafe use of new value \"{label}\" of enum type {}", shown(s, ty)),
    )
    .hint("New enum values must be committed before they can be used.")
}

/// See [`rustydb_types::ctx::SessionInfo::enum_in`].
pub fn enum_in(s: &SessionShared, ty: u32, label: &str) -> Result<EnumValue> {
    let t = enum_type(s, ty)?;
    match t.labels().iter().find(|l| l.name == label) {
        Some(l) if l.fresh => Err(unsafe_use(s, ty, label)),
        Some(l) => Ok(l.value),
        None => Err(no_such_label(&shown(s, ty), label)),
    }
}

/// See [`rustydb_types::ctx::SessionInfo::check_label`].
pub fn check_label(s: &SessionShared, ty: u32, label: u32) -> Result<()> {
    match enum_type(s, ty)?.labels().iter().find(|l| l.value.oid == label && l.fresh) {
        Some(l) => Err(unsafe_use(s, ty, &l.name)),
        None => Ok(()),
    }
}

/// See [`rustydb_types::ctx::SessionInfo::enum_label`].
pub fn enum_label(s: &SessionShared, ty: u32, label: u32) -> Option<String> {
    let cat = s.catalog();
    let of = |t: &UserType| t.labels().iter().find(|l| l.value.oid == label).map(|l| l.name.clone());
    // Where the type is not known closer (anyenum), the label's OID still tells.
    cat.types.get(&ty).and_then(|t| of(t)).or_else(|| cat.types.values().find_map(|t| of(t)))
}

/// See [`rustydb_types::ctx::SessionInfo::enum_values`].
pub fn enum_values(s: &SessionShared, ty: u32) -> Result<Vec<EnumValue>> {
    Ok(enum_type(s, ty)?.labels().iter().map(|l| l.value).collect())
}

/// See [`rustydb_types::ctx::SessionInfo::row_fields`].
pub fn row_fields(s: &SessionShared, ty: u32) -> Option<Vec<RowField>> {
    let cat = s.catalog();
    let rel = cat.row_types.get(&ty).and_then(|r| cat.relation(*r))?;
    Some(rel.live_columns().map(|c| RowField { name: c.name.clone(), ty: c.ty }).collect())
}
