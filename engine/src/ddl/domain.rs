//! Domains: CREATE DOMAIN, ALTER DOMAIN.
//!
//! A new condition (or NOT NULL) is tested on every stored value of the domain, in all tables whose columns are of it, of
//! domains over it, or of types that contain it.

use super::types::{blank, contains, missing, open};
use super::{DdlCx, check_rows, column, err};
use crate::bind::define::Defining;
use crate::catalog::RelKind;
use crate::catalog::types::{Domain, DomainCheck, TypeDef, UserType};
use crate::session::domain::DomainRule;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, ConstraintKind, DomainAction, Name, TableLockMode};
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::usertype::{self, Kind};
use rustydb_types::{pgdata, typename};
use std::sync::Arc;

/// CREATE DOMAIN.
pub async fn create(cx: &mut DdlCx<'_>, s: &ast::CreateDomain) -> Result<()> {
    let mut base = cx.binder(|b| b.type_name(&s.ty)).map_err(|mut e| {
        if let Some(f) = e.fields.as_mut().filter(|_| super::no_such_type(e.code)) {
            f.position = None;
        }
        e
    })?;
    let pseudo = pgdata::pg_type(base.oid).is_some_and(|t| t.typtype == 'p');
    if pseudo {
        return Err(err(
            SqlState::DATATYPE_MISMATCH,
            format!("\"{}\" is not a valid base type for a domain", typename::format_type(base.oid, -1)),
        )
        .at(cx.pos(s.ty.name.pos())));
    }
    crate::acl::check::need_type(&cx.tx.catalog, base.oid, cx.role)?;
    if let Some(c) = &s.collation {
        if base.collation == 0 {
            return Err(err(
                SqlState::DATATYPE_MISMATCH,
                format!("collations are not supported by type {}", typename::format_type(base.oid, -1)),
            ));
        }
        base.collation = column::collation(cx, c).map_err(super::placeless)?;
    }
    let dims = i32::try_from(s.ty.dims.len()).unwrap_or(0);
    let mut d = Domain { base, dims, not_null: false, default: inherited_default(cx, base), checks: Vec::new() };
    let mut t = blank(cx, &s.name, TypeDef::Domain(d.clone())).await?;
    let (mut null_said, mut default_said) = (None, false);
    for c in &s.constraints {
        match &c.kind {
            ConstraintKind::NotNull | ConstraintKind::Null => {
                let not_null = matches!(c.kind, ConstraintKind::NotNull);
                if null_said.is_some_and(|n: bool| n != not_null) {
                    return Err(err(SqlState::SYNTAX_ERROR, "conflicting NULL/NOT NULL constraints").at(0));
                }
                null_said = Some(not_null);
                d.not_null = not_null;
            }
            ConstraintKind::Default(e) => {
                if default_said {
                    return Err(err(SqlState::SYNTAX_ERROR, "multiple default expressions"));
                }
                default_said = true;
                d.default = default_text(cx, &t.name, base, e)?;
            }
            ConstraintKind::Check(e) => {
                if c.no_inherit {
                    return Err(err(
                        SqlState::INVALID_OBJECT_DEFINITION,
                        "check constraints for domains cannot be marked NO INHERIT",
                    ));
                }
                let check = new_check(cx, &t, &d, c, e).await?;
                d.checks.push(check);
            }
            other => return Err(impossible(other)),
        }
    }
    t.def = TypeDef::Domain(d);
    let (oid, ns) = (t.oid, t.namespace);
    cx.tx.put_type(t).await?;
    super::grant::initial_type(cx, oid, ns).await
}

/// A domain over a domain begins with its default.
fn inherited_default(cx: &DdlCx<'_>, base: TypeRef) -> Option<String> {
    cx.tx.catalog.types.get(&base.oid)?.domain()?.default.clone()
}

fn impossible(k: &ConstraintKind) -> DbError {
    let what = match k {
        ConstraintKind::Unique { .. } => "unique constraints",
        ConstraintKind::PrimaryKey(_) => "primary key constraints",
        ConstraintKind::Exclude(_) => "exclusion constraints",
        ConstraintKind::ForeignKey(_) => "foreign key constraints",
        ConstraintKind::Identity { .. } => "identity constraints",
        ConstraintKind::Generated { .. } => "generated columns",
        _ => "such constraints",
    };
    err(SqlState::SYNTAX_ERROR, format!("{what} not possible for domains"))
}

fn default_text(cx: &DdlCx<'_>, name: &str, base: TypeRef, e: &ast::Expr) -> Result<Option<String>> {
    if matches!(e.kind, ast::ExprKind::Literal(ast::Literal::Null)) {
        return Ok(None);
    }
    Ok(column::default_of(cx, name, base, e)?.text)
}

/// A name for a condition without one, as PostgreSQL makes it.
fn free_name(d: &Domain, domain: &str) -> String {
    let stem = format!("{domain}_check");
    let mut n = 0;
    loop {
        let name = if n == 0 { stem.clone() } else { format!("{stem}{n}") };
        if !d.checks.iter().any(|c| c.name == name) {
            return name;
        }
        n += 1;
    }
}

async fn new_check(
    cx: &mut DdlCx<'_>,
    t: &UserType,
    d: &Domain,
    c: &ast::Constraint,
    e: &ast::Expr,
) -> Result<DomainCheck> {
    let name = match &c.name {
        Some(n) => n.value.clone(),
        None => free_name(d, &t.name),
    };
    if d.checks.iter().any(|x| x.name == name) {
        return Err(err(
            SqlState::DUPLICATE_OBJECT,
            format!("constraint \"{name}\" for domain \"{}\" already exists", t.name),
        ));
    }
    let value = d.base;
    let bound = cx.binder(|b| {
        b.domain_value = Some(value);
        let e = b.defining(e, None, Defining::Check)?;
        b.to_bool(e, "CHECK")
    })?;
    let text = column::keep_value(&bound, e);
    Ok(DomainCheck { oid: cx.tx.new_oid().await?, name, check: text, validated: !c.not_valid })
}

async fn open_domain(cx: &mut DdlCx<'_>, name: &Name) -> Result<Arc<UserType>> {
    let Some(oid) = open(cx, name).await? else { return Err(missing(cx, name)) };
    match cx.tx.catalog.types.get(&oid).cloned().filter(|t| t.domain().is_some()) {
        Some(t) => {
            cx.check_owner(t.owner, "type", &t.name)?;
            Ok(t)
        }
        None => Err(err(SqlState::WRONG_OBJECT_TYPE, format!("{} is not a domain", typename::format_type(oid, -1)))),
    }
}

fn no_constraint(name: &str, t: &UserType) -> DbError {
    err(SqlState::UNDEFINED_OBJECT, format!("constraint \"{name}\" of domain \"{}\" does not exist", t.name))
}

/// ALTER DOMAIN.
pub async fn alter(cx: &mut DdlCx<'_>, s: &ast::AlterDomain) -> Result<()> {
    let t = open_domain(cx, &s.name).await?;
    let Some(d) = t.domain() else { return Err(DbError::internal("a domain without definition")) };
    let mut d = d.clone();
    match &s.action {
        DomainAction::SetDefault(e) => {
            d.default = match e {
                Some(e) => default_text(cx, &t.name, d.base, e)?,
                None => None,
            };
        }
        DomainAction::SetNotNull(on) => {
            if *on && !d.not_null {
                validate(cx, &t, None).await?;
            }
            d.not_null = *on;
        }
        DomainAction::Add(c) => match &c.kind {
            ConstraintKind::Check(e) => {
                if c.no_inherit {
                    return Err(err(
                        SqlState::INVALID_OBJECT_DEFINITION,
                        "check constraints for domains cannot be marked NO INHERIT",
                    ));
                }
                let check = new_check(cx, &t, &d, c, e).await?;
                if check.validated {
                    validate(cx, &t, Some(&check)).await?;
                }
                d.checks.push(check);
            }
            other => return Err(impossible(other)),
        },
        DomainAction::Drop { name, if_exists, .. } => {
            let before = d.checks.len();
            d.checks.retain(|c| c.name != name.value);
            if d.checks.len() == before {
                if !*if_exists {
                    return Err(no_constraint(&name.value, &t));
                }
                cx.notice(err(
                    SqlState::SUCCESSFUL_COMPLETION,
                    format!("constraint \"{}\" of domain \"{}\" does not exist, skipping", name.value, t.name),
                ));
                return Ok(());
            }
        }
        DomainAction::Validate(name) => {
            let missing = no_constraint(&name.value, &t);
            let c = d.checks.iter_mut().find(|c| c.name == name.value).ok_or(missing)?;
            if !c.validated {
                validate(cx, &t, Some(c)).await?;
                c.validated = true;
            }
        }
    }
    cx.tx.put_type(UserType { def: TypeDef::Domain(d), ..(*t).clone() }).await
}

/// ALTER DOMAIN … RENAME CONSTRAINT.
pub async fn rename_constraint(cx: &mut DdlCx<'_>, name: &Name, from: &str, to: &str) -> Result<()> {
    let t = open_domain(cx, name).await?;
    let Some(d) = t.domain() else { return Err(DbError::internal("a domain without definition")) };
    let mut d = d.clone();
    if d.checks.iter().any(|c| c.name == to) {
        return Err(err(
            SqlState::DUPLICATE_OBJECT,
            format!("constraint \"{to}\" for domain \"{}\" already exists", t.name),
        ));
    }
    let missing =
        err(SqlState::UNDEFINED_OBJECT, format!("constraint \"{from}\" for domain {} does not exist", t.name));
    let c = d.checks.iter_mut().find(|c| c.name == from).ok_or(missing)?;
    c.name = to.to_owned();
    cx.tx.put_type(UserType { def: TypeDef::Domain(d), ..(*t).clone() }).await
}

/// Whether a type is a domain, or one over it.
fn is_over(cx: &DdlCx<'_>, ty: u32, domain: u32) -> bool {
    let mut at = ty;
    while at != domain {
        match cx.tx.catalog.types.get(&at).and_then(|t| t.domain()) {
            Some(d) => at = d.base.oid,
            None => return false,
        }
    }
    true
}

/// Tests a new condition (`None`: NOT NULL) on all stored values of a domain.
async fn validate(cx: &mut DdlCx<'_>, t: &UserType, check: Option<&DomainCheck>) -> Result<()> {
    let mut tables: Vec<(u32, RelKind)> = cx
        .tx
        .catalog
        .relations
        .values()
        .filter(|r| r.storage.is_some() && r.live_columns().any(|c| contains(cx, c.ty.oid, t.oid, 0)))
        .map(|r| (r.oid, r.kind))
        .collect();
    tables.sort_unstable_by_key(|t| t.0);
    // PostgreSQL looks at columns of the domain itself only, and refuses if others have it inside.
    for r in tables.iter().filter_map(|t| cx.tx.catalog.relation(t.0)) {
        let inside = r.live_columns().find(|c| contains(cx, c.ty.oid, t.oid, 0) && !is_over(cx, c.ty.oid, t.oid));
        if let Some(c) = inside {
            let shown = rustydb_types::typename::format_type(t.oid, -1);
            let what = format!("cannot alter type \"{shown}\" because column \"{}.{}\" uses it", r.name, c.name);
            return Err(DbError::unsupported(what));
        }
    }
    let value = t.domain().map_or(TypeRef::new(t.oid), |d| d.base);
    let rule = match check {
        Some(c) => Some(cx.binder(|b| DomainRule::compile(b, value, &c.name, &c.check))?),
        None => None,
    };
    let eval = cx.eval;
    for (oid, _) in tables {
        cx.lock(oid, TableLockMode::Share).await?;
        let rel = cx.relation(oid)?;
        let columns: Vec<(usize, TypeRef, String)> = rel
            .live_columns()
            .filter(|c| contains(cx, c.ty.oid, t.oid, 0))
            .map(|c| (c.attnum as usize - 1, c.ty, c.name.clone()))
            .collect();
        let name = rel.name.clone();
        let own = t.oid;
        check_rows::each_row(cx, &rel, |row| {
            for (i, ty, column) in &columns {
                let d = row.get(*i).unwrap_or(&Datum::Null);
                let mut failed = false;
                each_value(*ty, d, own, &mut |v| {
                    failed |= match &rule {
                        None => v.is_null(),
                        Some(r) => !r.holds(eval, v)?,
                    };
                    Ok(())
                })?;
                if failed {
                    return Err(match &rule {
                        None => err(
                            SqlState::NOT_NULL_VIOLATION,
                            format!("column \"{column}\" of table \"{name}\" contains null values"),
                        ),
                        Some(_) => err(
                            SqlState::CHECK_VIOLATION,
                            format!("column \"{column}\" of table \"{name}\" contains values that violate the new constraint"),
                        ),
                    });
                }
            }
            Ok(true)
        })
        .await?;
    }
    Ok(())
}

/// Visits the values of a domain inside a value.
fn each_value(ty: TypeRef, d: &Datum, domain: u32, f: &mut dyn FnMut(&Datum) -> Result<()>) -> Result<()> {
    if ty.oid == domain {
        return f(d);
    }
    if let Some(Kind::Domain(b)) = usertype::kind(ty.oid) {
        return each_value(b, d, domain, f);
    }
    match d {
        Datum::Array(a) => a.items.iter().try_for_each(|x| each_value(TypeRef::new(a.elem), x, domain, f)),
        Datum::Row(fields) => fields.iter().try_for_each(|(ty, x)| each_value(*ty, x, domain, f)),
        Datum::Range(r) => r.lower.value.iter().chain(&r.upper.value).try_for_each(|x| each_value(r.sub, x, domain, f)),
        Datum::Multirange(m) => m
            .ranges
            .iter()
            .flat_map(|r| r.lower.value.iter().chain(&r.upper.value))
            .try_for_each(|x| each_value(m.sub, x, domain, f)),
        _ => Ok(()),
    }
}
