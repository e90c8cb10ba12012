//! COMMENT ON: rows of `pg_description` and `pg_shdescription`.

use super::{DdlCx, err, kind_word};
use crate::catalog::rows::{CatRow, RowBuilder, table};
use crate::catalog::{RelKind, Relation};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, ObjectKind, ObjectRef, TableLockMode};
use rustydb_types::datum::Datum;

const PG_SHDESCRIPTION: u32 = 2396;
const PG_TABLESPACE: u32 = 1213;

fn is_shared(class: u32) -> bool {
    matches!(class, table::PG_AUTHID | table::PG_DATABASE | PG_TABLESPACE)
}

fn row(object: u32, class: u32, sub: i32, text: &str) -> CatRow {
    if is_shared(class) {
        return RowBuilder::new(PG_SHDESCRIPTION)
            .oid("objoid", object)
            .oid("classoid", class)
            .text("description", text)
            .build();
    }
    RowBuilder::new(table::PG_DESCRIPTION)
        .oid("objoid", object)
        .oid("classoid", class)
        .i4("objsubid", sub)
        .text("description", text)
        .build()
}

/// The comment on an object.
pub async fn read(cx: &mut DdlCx<'_>, object: u32, class: u32, sub: i32) -> Result<Option<String>> {
    let found = super::check_rows::catalog_row(cx, &row(object, class, sub, "")).await?;
    Ok(found.and_then(|r| match r.values.into_iter().last() {
        Some(Datum::Text(t)) => Some(t.to_string()),
        _ => None,
    }))
}

/// Sets, replaces or (`None`, empty) removes the comment on an object.
pub async fn write(cx: &mut DdlCx<'_>, object: u32, class: u32, sub: i32, text: Option<&str>) -> Result<()> {
    let old = super::check_rows::catalog_row(cx, &row(object, class, sub, "")).await?;
    let new = text.filter(|t| !t.is_empty()).map(|t| row(object, class, sub, t));
    cx.tx.write_rows(old.into_iter().collect(), new.into_iter().collect()).await?;
    cx.tx.next_command();
    Ok(())
}

/// Removes the comments on a relation, its columns, indexes and constraints.
pub async fn forget_relation(cx: &mut DdlCx<'_>, rel: &Relation) -> Result<()> {
    let mut objects = vec![(rel.oid, table::PG_CLASS, 0)];
    objects.extend(rel.columns.iter().map(|c| (rel.oid, table::PG_CLASS, i32::from(c.attnum))));
    objects.extend(rel.indexes.iter().map(|i| (i.oid, table::PG_CLASS, 0)));
    let rows = rel.acl.as_ref().and_then(|a| a.rows.as_ref());
    objects.extend(rows.iter().flat_map(|r| &r.policies).map(|p| (p.oid, table::PG_POLICY, 0)));
    objects.extend(rel.extended.iter().map(|x| (x.oid, table::PG_STATISTIC_EXT, 0)));
    objects.extend(rel.constraints.iter().map(|c| (c.oid, table::PG_CONSTRAINT, 0)));
    for (object, class, sub) in objects {
        write(cx, object, class, sub, None).await?;
    }
    Ok(())
}

fn wanted(kind: ObjectKind) -> Option<RelKind> {
    Some(match kind {
        ObjectKind::Table => RelKind::Table,
        ObjectKind::Index => RelKind::Index,
        ObjectKind::Sequence => RelKind::Sequence,
        ObjectKind::View => RelKind::View,
        ObjectKind::MaterializedView => RelKind::MaterializedView,
        _ => return None,
    })
}

/// COMMENT ON.
pub async fn comment(cx: &mut DdlCx<'_>, s: &ast::Comment) -> Result<()> {
    let text = s.text.as_deref();
    if let (Some(want), ObjectRef::Name(n)) = (wanted(s.kind), &s.object) {
        let Some(rel) = cx.open(n, TableLockMode::ShareUpdateExclusive).await? else {
            return Err(cx.missing("relation", n));
        };
        if rel.kind != want {
            return Err(err(
                SqlState::WRONG_OBJECT_TYPE,
                format!("\"{}\" is not a {}", rel.name, kind_word(want)).replace("a index", "an index"),
            ));
        }
        cx.check_relation_owner(&rel)?;
        return write(cx, rel.oid, table::PG_CLASS, 0, text).await;
    }
    match (s.kind, &s.object) {
        (ObjectKind::Column, ObjectRef::Column(n, c)) => {
            let Some(rel) = cx.open(n, TableLockMode::ShareUpdateExclusive).await? else {
                return Err(cx.missing("relation", n));
            };
            cx.check_owner(rel.owner, "relation", &rel.name)?;
            if matches!(rel.kind, RelKind::Index | RelKind::Sequence) {
                return Err(err(
                    SqlState::WRONG_OBJECT_TYPE,
                    format!("cannot set comment on relation \"{}\"", rel.name),
                )
                .detail(format!("This operation is not supported for {}.", super::sequence::plural(rel.kind))));
            }
            let col = rel.column(&c.value).ok_or_else(|| {
                err(
                    SqlState::UNDEFINED_COLUMN,
                    format!("column \"{}\" of relation \"{}\" does not exist", c.value, rel.name),
                )
            })?;
            let sub = i32::from(col.attnum);
            write(cx, rel.oid, table::PG_CLASS, sub, text).await
        }
        (ObjectKind::TableConstraint, ObjectRef::OnTable(name, t)) => {
            let Some(rel) = cx.open(t, TableLockMode::ShareUpdateExclusive).await? else {
                return Err(cx.missing("relation", t));
            };
            cx.check_owner(rel.owner, "relation", &rel.name)?;
            let c = rel.constraints.iter().find(|c| c.name == name.value).ok_or_else(|| {
                err(
                    SqlState::UNDEFINED_OBJECT,
                    format!("constraint \"{}\" for table \"{}\" does not exist", name.value, rel.name),
                )
            })?;
            let oid = c.oid;
            write(cx, oid, table::PG_CONSTRAINT, 0, text).await
        }
        (ObjectKind::Policy, ObjectRef::OnTable(name, t)) => {
            let oid = super::policy::named(cx, &name.value, t).await?;
            write(cx, oid, table::PG_POLICY, 0, text).await
        }
        (ObjectKind::Statistics, ObjectRef::Name(n)) => {
            let oid = super::statistics::named(cx, n).await?;
            write(cx, oid, table::PG_STATISTIC_EXT, 0, text).await
        }
        (ObjectKind::Schema, ObjectRef::Name(n)) => {
            let name = &n.name.value;
            let ns = cx.tx.catalog.namespace_named(name).and_then(|o| cx.tx.catalog.namespaces.get(&o).cloned());
            let Some(ns) = ns else {
                return Err(err(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{name}\" does not exist")));
            };
            cx.check_owner(ns.owner, "schema", name)?;
            write(cx, ns.oid, table::PG_NAMESPACE, 0, text).await
        }
        (ObjectKind::Role, ObjectRef::Name(n)) => {
            let name = &n.name.value;
            let Some(r) = cx.tx.catalog.role_named(name).cloned() else {
                return Err(err(SqlState::UNDEFINED_OBJECT, format!("role \"{name}\" does not exist")));
            };
            super::role::check_may_create(cx, r.superuser)?;
            write(cx, r.oid, table::PG_AUTHID, 0, text).await
        }
        (ObjectKind::Database, ObjectRef::Name(n)) => {
            let name = &n.name.value;
            let Some(d) = cx.tx.catalog.databases.get(name).cloned() else {
                cx.notices.push((
                    "WARNING",
                    err(SqlState::UNDEFINED_DATABASE, format!("database \"{name}\" does not exist")),
                ));
                return Ok(());
            };
            cx.check_owner(d.owner, "database", name)?;
            write(cx, d.oid, table::PG_DATABASE, 0, text).await
        }
        (ObjectKind::Type | ObjectKind::Domain, object) => {
            let name = super::types::name_of(object)?;
            let Some(oid) = super::types::open(cx, name).await? else { return Err(super::types::missing(cx, name)) };
            if s.kind == ObjectKind::Domain && !rustydb_types::usertype::is_domain(oid) {
                return Err(err(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not a domain", name.plain())));
            }
            if let Some(t) = cx.tx.catalog.type_of(oid).cloned() {
                cx.check_owner(t.owner, "type", &t.name)?;
            } else if let Some(r) = cx.tx.catalog.row_types.get(&oid).and_then(|r| cx.tx.catalog.relation(*r)).cloned()
            {
                cx.check_relation_owner(&r)?;
            }
            write(cx, oid, table::PG_TYPE, 0, text).await
        }
        (ObjectKind::Collation, ObjectRef::Name(n)) => super::collation::comment(cx, n, text).await,
        (ObjectKind::Cast, ObjectRef::Cast(from, to)) => super::cast::comment(cx, from, to, text).await,
        (ObjectKind::Operator, object) => super::operator::comment(cx, object, text).await,
        (kind, object) if super::routine::is_routine(kind) => super::routine::comment(cx, kind, object, text).await,
        (ObjectKind::DomainConstraint, ObjectRef::OnDomain(name, domain)) => {
            let found = super::types::open(cx, &domain.name).await?;
            let Some(oid) = found else { return Err(super::types::missing(cx, &domain.name)) };
            let Some(t) = cx.tx.catalog.type_of(oid).filter(|t| t.domain().is_some()).cloned() else {
                return Err(err(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not a domain", domain.name.plain())));
            };
            cx.check_owner(t.owner, "type", &t.name)?;
            let check = t.domain().and_then(|d| d.checks.iter().find(|c| c.name == name.value)).map(|c| c.oid);
            let check = check.ok_or_else(|| {
                let shown = rustydb_types::typename::format_type(oid, -1);
                let m = format!("constraint \"{}\" for domain {shown} does not exist", name.value);
                err(SqlState::UNDEFINED_OBJECT, m)
            })?;
            write(cx, check, table::PG_CONSTRAINT, 0, text).await
        }
        (ObjectKind::Extension, ObjectRef::Name(n)) => super::extension::comment(cx, n, text).await,
        (ObjectKind::Rule, object) => {
            let oid = super::rule::named(cx, object).await?;
            write(cx, oid, table::PG_REWRITE, 0, text).await
        }
        (ObjectKind::Trigger, ObjectRef::OnTable(name, t)) => {
            let Some(rel) = cx.find(t)? else { return Err(cx.missing("relation", t)) };
            let m = format!("trigger \"{}\" for table \"{}\" does not exist", name.value, rel.name);
            Err(err(SqlState::UNDEFINED_OBJECT, m))
        }
        (ObjectKind::LargeObject, object) => super::large_object::set_comment(cx, object, text).await,
        (kind, object) => {
            if let (Some(k), ObjectRef::Name(n)) = (super::schema_object::kind_of(kind), object) {
                return super::schema_object::comment(cx, k, n, text).await;
            }
            if let Some(k) = super::opclass_names::kind_of(kind) {
                return super::opclass_names::comment(cx, k, object, text).await;
            }
            if let Some(found) = super::absent::built_in(kind, object) {
                let (class, oid) = found?;
                if !cx.is_superuser() {
                    let (word, name) = (super::object_word(kind), shown(object));
                    return Err(crate::acl::check::not_owner(&word, &name));
                }
                return write(cx, oid, class, 0, text).await;
            }
            let unknown = DbError::unsupported(format!("COMMENT ON {} is not supported yet", kind.sql()));
            Err(super::absent::error(cx, kind, object).unwrap_or(unknown))
        }
    }
}

/// An object's name, in messages.
fn shown(object: &ObjectRef) -> String {
    match object {
        ObjectRef::Name(n) => n.plain(),
        ObjectRef::Cast(from, to) => format!("from {from} to {to}"),
        _ => String::new(),
    }
}
