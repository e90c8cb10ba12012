//! CREATE, ALTER, DROP STATISTICS: definitions of extended statistics, which ANALYZE computes (see
//! [`crate::catalog::extended`]).
//!
//! A statistics object is a part of its table's definition with a schema and an owner of its own.

use super::{DdlCx, column, err};
use crate::acl::check;
use crate::bind::define::Defining;
use crate::catalog::extended::{ExtendedStatistics, by_name, by_oid};
use crate::catalog::rows::table;
use crate::catalog::{Catalog, RelKind, Relation};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, IndexKey, Name, ObjectRef, TableLockMode, TableRef};
use rustydb_types::datum::TypeRef;
use rustydb_types::typename;
use std::sync::Arc;

/// Most columns and expressions of one object.
const MAX_DIMENSIONS: usize = 8;
/// Largest statistics target.
const MAX_TARGET: i32 = 10000;

/// What virtual columns are refused with.
const NO_VIRTUAL: &str = "statistics creation on virtual generated columns is not supported";

fn sorts(ty: TypeRef) -> bool {
    super::index::default_opclass(ty).is_ok()
}

/// The kinds that words name, in the order in which they are kept; all by default.
fn kinds(words: &[ast::Ident], dimensions: usize, exprs: usize) -> Result<Vec<char>> {
    let mut asked = [false; 3];
    for w in words {
        match w.value.as_str() {
            "ndistinct" => asked[0] = true,
            "dependencies" => asked[1] = true,
            "mcv" => asked[2] = true,
            other => return Err(err(SqlState::SYNTAX_ERROR, format!("unrecognized statistics kind \"{other}\""))),
        }
    }
    if words.is_empty() && dimensions >= 2 {
        asked = [true; 3];
    }
    let mut out: Vec<char> = ['d', 'f', 'm'].into_iter().zip(asked).filter(|k| k.1).map(|k| k.0).collect();
    if exprs > 0 {
        out.push('e');
    }
    Ok(out)
}

/// CREATE STATISTICS.
pub async fn create(cx: &mut DdlCx<'_>, s: &ast::CreateStatistics) -> Result<()> {
    let [TableRef::Table(from)] = s.from.as_slice() else {
        return Err(DbError::unsupported("only a single relation is allowed in CREATE STATISTICS"));
    };
    let Some(rel) = cx.open(&from.name, TableLockMode::ShareUpdateExclusive).await? else {
        return Err(cx.missing("relation", &from.name));
    };
    if !matches!(rel.kind, RelKind::Table | RelKind::MaterializedView) {
        return Err(err(
            SqlState::WRONG_OBJECT_TYPE,
            format!("cannot define statistics for relation \"{}\"", rel.name),
        )
        .detail(format!("This operation is not supported for {}.", super::sequence::plural(rel.kind))));
    }
    cx.check_relation_owner(&rel)?;
    if rel.oid < crate::catalog::FIRST_USER_OID {
        return Err(err(
            SqlState::INSUFFICIENT_PRIVILEGE,
            format!("permission denied: \"{}\" is a system catalog", rel.name),
        ));
    }
    let namespace = cx.creation_namespace(&s.name)?;
    let name = s.name.name.value.clone();
    if by_name(&cx.tx.catalog, namespace, &name).is_some() {
        if s.if_not_exists {
            cx.notice(err(
                SqlState::DUPLICATE_OBJECT,
                format!("statistics object \"{name}\" already exists, skipping"),
            ));
            return Ok(());
        }
        return Err(err(SqlState::DUPLICATE_OBJECT, format!("statistics object \"{name}\" already exists")));
    }
    let (columns, exprs) = dimensions(cx, &rel, &s.on)?;
    if s.on.len() == 1 && exprs.len() == 1 && !s.kinds.is_empty() {
        return Err(err(
            SqlState::INVALID_OBJECT_DEFINITION,
            "when building statistics on a single expression, statistics kinds may not be specified",
        ));
    }
    let dimensions = columns.len() + exprs.len();
    let kinds = kinds(&s.kinds, dimensions, exprs.len())?;
    if dimensions < 2 && exprs.len() != 1 {
        return Err(err(SqlState::INVALID_OBJECT_DEFINITION, "extended statistics require at least 2 columns"));
    }
    let mut sorted = columns.clone();
    sorted.sort_unstable();
    if sorted.windows(2).any(|w| w[0] == w[1]) {
        return Err(err(SqlState::DUPLICATE_COLUMN, "duplicate column name in statistics definition"));
    }
    if exprs.iter().enumerate().any(|(i, e)| exprs[..i].contains(e)) {
        return Err(err(SqlState::DUPLICATE_COLUMN, "duplicate expression in statistics definition"));
    }
    let oid = cx.tx.new_oid().await?;
    let owner = cx.role;
    let data = Vec::new();
    let made = ExtendedStatistics { oid, name, namespace, owner, kinds, columns: sorted, exprs, target: -1, data };
    let mut r = (*rel).clone();
    r.extended.push(Arc::new(made));
    cx.put(r).await
}

/// The columns and expressions, each checked.
fn dimensions(cx: &DdlCx<'_>, rel: &Arc<Relation>, on: &[IndexKey]) -> Result<(Vec<i16>, Vec<String>)> {
    if on.len() > MAX_DIMENSIONS {
        return Err(err(
            SqlState::TOO_MANY_COLUMNS,
            format!("cannot have more than {MAX_DIMENSIONS} columns in statistics"),
        ));
    }
    let mut columns = Vec::new();
    let mut exprs = Vec::new();
    let system = || DbError::unsupported("statistics creation on system columns is not supported");
    for key in on {
        let plain = match key {
            IndexKey::Column(n) => Some(n.value.as_str()),
            // A column in parentheses is a column.
            IndexKey::Expr(e) => match &e.kind {
                ast::ExprKind::Column(c) if !c.star && c.parts.len() == 1 => c.parts.first().map(|p| p.value.as_str()),
                _ => None,
            },
        };
        if let Some(name) = plain {
            let Some(c) = rel.column(name) else {
                if matches!(name, "ctid" | "xmin" | "cmin" | "xmax" | "cmax" | "tableoid") {
                    return Err(system());
                }
                return Err(err(SqlState::UNDEFINED_COLUMN, format!("column \"{name}\" does not exist")));
            };
            super::generated::refuse_virtual(rel, [c.attnum], NO_VIRTUAL)?;
            if !sorts(c.ty) {
                return Err(DbError::unsupported(format!(
                    "column \"{name}\" cannot be used in statistics because its type {} has no default btree operator class",
                    typename::format_type(c.ty.oid, -1)
                )));
            }
            columns.push(c.attnum);
            continue;
        }
        let IndexKey::Expr(e) = key else { continue };
        let bound = cx.binder(|b| {
            let row = column::row_columns(rel);
            let bound = b.defining(e, Some((rel, &row)), Defining::Statistics)?;
            b.default_unknown(bound)
        })?;
        super::generated::refuse_virtual(rel, column::columns_used(&bound), NO_VIRTUAL)?;
        if on.len() > 1 && !sorts(bound.ty) {
            return Err(DbError::unsupported(format!(
                "expression cannot be used in multivariate statistics because its type {} has no default btree operator class",
                typename::format_type(bound.ty.oid, -1)
            )));
        }
        exprs.push(column::keep(Some(rel), &bound, e));
    }
    Ok((columns, exprs))
}

/// A statistics object by name.
fn find(cx: &DdlCx<'_>, name: &Name) -> Option<u32> {
    let cat = &cx.tx.catalog;
    let in_schema = |ns: u32| by_name(cat, ns, &name.name.value).map(|f| f.1.oid);
    match &name.schema {
        Some(s) => cx.schema_named(&s.value).and_then(in_schema),
        None => cx.search_path.iter().find_map(|ns| in_schema(*ns)),
    }
}

fn absent(cx: &DdlCx<'_>, name: &Name) -> DbError {
    if name.catalog.as_ref().is_some_and(|c| c.value != cx.tx.catalog.database.name) {
        let m = format!("cross-database references are not implemented: {}", name.plain());
        return DbError::unsupported(m);
    }
    if let Some(s) = &name.schema
        && cx.schema_named(&s.value).is_none()
    {
        return err(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{}\" does not exist", s.value));
    }
    err(SqlState::UNDEFINED_OBJECT, format!("statistics object \"{}\" does not exist", name.plain()))
}

fn skipped(cx: &mut DdlCx<'_>, name: &Name) {
    cx.notice(err(
        SqlState::SUCCESSFUL_COMPLETION,
        format!("statistics object \"{}\" does not exist, skipping", name.plain()),
    ));
}

/// Opens an object of the role for a change, its table locked; `None` if there is none.
async fn open(cx: &mut DdlCx<'_>, name: &Name) -> Result<Option<(Arc<Relation>, Arc<ExtendedStatistics>)>> {
    let found = |cat: &Catalog, oid: u32| by_oid(cat, oid).map(|(r, x)| (Arc::clone(r), Arc::clone(x)));
    let Some((rel, x)) = find(cx, name).and_then(|oid| found(&cx.tx.catalog, oid)) else { return Ok(None) };
    cx.lock(rel.oid, TableLockMode::ShareUpdateExclusive).await?;
    let Some((rel, x)) = found(&cx.tx.catalog, x.oid) else { return Ok(None) };
    if !check::owns(&cx.tx.catalog, cx.role, x.owner) {
        return Err(check::not_owner("statistics object", &name.plain()));
    }
    Ok(Some((rel, x)))
}

/// Opens what must be there.
async fn need(cx: &mut DdlCx<'_>, name: &Name) -> Result<(Arc<Relation>, Arc<ExtendedStatistics>)> {
    match open(cx, name).await? {
        Some(found) => Ok(found),
        None => Err(absent(cx, name)),
    }
}

async fn replace(cx: &mut DdlCx<'_>, rel: &Arc<Relation>, new: ExtendedStatistics) -> Result<()> {
    let mut r = (**rel).clone();
    let new = Arc::new(new);
    r.extended.iter_mut().filter(|x| x.oid == new.oid).for_each(|x| *x = Arc::clone(&new));
    cx.put(r).await
}

/// ALTER STATISTICS … SET STATISTICS.
pub async fn alter(cx: &mut DdlCx<'_>, s: &ast::AlterStatistics) -> Result<()> {
    if s.target < -1 {
        return Err(err(SqlState::INVALID_PARAMETER_VALUE, format!("statistics target {} is too low", s.target)));
    }
    let mut target = s.target;
    if target > MAX_TARGET {
        target = MAX_TARGET;
        cx.notices.push((
            "WARNING",
            err(SqlState::INVALID_PARAMETER_VALUE, format!("lowering statistics target to {MAX_TARGET}")),
        ));
    }
    let Some((rel, x)) = open(cx, &s.name).await? else {
        if s.if_exists {
            skipped(cx, &s.name);
            return Ok(());
        }
        return Err(absent(cx, &s.name));
    };
    replace(cx, &rel, ExtendedStatistics { target, ..(*x).clone() }).await
}

/// ALTER STATISTICS … RENAME TO.
pub async fn rename(cx: &mut DdlCx<'_>, name: &Name, to: &str) -> Result<()> {
    let (rel, x) = need(cx, name).await?;
    cx.check_create_in(x.namespace, to)?;
    check_free(cx, x.namespace, to)?;
    replace(cx, &rel, ExtendedStatistics { name: to.to_owned(), ..(*x).clone() }).await
}

fn check_free(cx: &DdlCx<'_>, namespace: u32, name: &str) -> Result<()> {
    if by_name(&cx.tx.catalog, namespace, name).is_none() {
        return Ok(());
    }
    Err(err(
        SqlState::DUPLICATE_OBJECT,
        format!("statistics object \"{name}\" already exists in schema \"{}\"", cx.namespace_name(namespace)),
    ))
}

/// ALTER STATISTICS … SET SCHEMA.
pub async fn set_schema(cx: &mut DdlCx<'_>, name: &Name, to: &str) -> Result<()> {
    let (rel, x) = need(cx, name).await?;
    let namespace = cx.need_schema_named(to)?;
    if namespace == x.namespace {
        return Ok(());
    }
    cx.check_create_in(namespace, &x.name)?;
    check_free(cx, namespace, &x.name)?;
    replace(cx, &rel, ExtendedStatistics { namespace, ..(*x).clone() }).await
}

/// ALTER STATISTICS … OWNER TO.
pub async fn set_owner(cx: &mut DdlCx<'_>, name: &Name, owner: u32) -> Result<()> {
    let (rel, x) = need(cx, name).await?;
    if owner == x.owner {
        return Ok(());
    }
    super::owned::check_new_owner(cx, owner, Some(x.namespace))?;
    give(cx, &rel, x.oid, owner).await
}

/// Forgets what is known of the values of a column whose type changes.
pub fn forget_data(r: &mut Relation, column: i16) {
    let table = r.clone();
    for x in &mut r.extended {
        let of = x.columns.contains(&column) || x.exprs.iter().any(|e| super::drop::names_column(&table, e, column));
        if of && !x.data.is_empty() {
            *x = Arc::new(ExtendedStatistics { data: Vec::new(), ..(**x).clone() });
        }
    }
}

/// Gives one of a table's objects to another role.
pub async fn give(cx: &mut DdlCx<'_>, rel: &Arc<Relation>, oid: u32, owner: u32) -> Result<()> {
    let Some(x) = rel.extended.iter().find(|x| x.oid == oid) else { return Ok(()) };
    replace(cx, rel, ExtendedStatistics { owner, ..(**x).clone() }).await
}

/// The objects of a DROP STATISTICS.
pub async fn drop(cx: &mut DdlCx<'_>, s: &ast::Drop) -> Result<()> {
    let mut named = Vec::new();
    for o in &s.objects {
        let ObjectRef::Name(name) = o else { return Err(DbError::internal("DROP STATISTICS without a name")) };
        let Some(oid) = find(cx, name) else {
            if s.if_exists {
                skipped(cx, name);
                continue;
            }
            return Err(absent(cx, name));
        };
        let Some((rel, x)) = by_oid(&cx.tx.catalog, oid).map(|(r, x)| (r.clone(), x.clone())) else { continue };
        // Who owns the schema or the table may drop it as well.
        let cat = &cx.tx.catalog;
        let schema = cat.namespaces.get(&x.namespace).map_or(0, |n| n.owner);
        if ![x.owner, schema].iter().any(|o| check::owns(cat, cx.role, *o)) {
            return Err(check::not_owner("statistics object", &name.plain()));
        }
        named.push(super::drop::Object::Statistics(rel.oid, oid));
    }
    let what = match named.as_slice() {
        [one] => super::drop::describe(cx, *one),
        _ => "desired object(s)".to_owned(),
    };
    super::drop::drop_objects(cx, &named, s.cascade, &what).await
}

/// The object that COMMENT ON names.
pub async fn named(cx: &mut DdlCx<'_>, name: &Name) -> Result<u32> {
    need(cx, name).await.map(|f| f.1.oid)
}

/// Removes an object's comment.
pub async fn forget_comment(cx: &mut DdlCx<'_>, oid: u32) -> Result<()> {
    super::comment::write(cx, oid, table::PG_STATISTIC_EXT, 0, None).await
}

/// What LIKE … INCLUDING STATISTICS takes over: an object, and the table it is on.
pub struct Copied {
    pub from: Arc<ExtendedStatistics>,
    pub source: Arc<Relation>,
    /// The comment on it.
    pub comment: Option<String>,
}

/// Makes copies for a table that is being made; the comments they get, with object and catalog.
pub async fn copy(cx: &mut DdlCx<'_>, rel: &mut Relation, copied: &[Copied]) -> Result<Vec<(u32, u32, String)>> {
    let mut comments = Vec::new();
    for c in copied {
        let names = c.from.columns.iter().filter_map(|a| c.source.attribute(*a)).map(|x| x.name.clone());
        let names: Vec<String> = names.collect();
        let columns: Vec<i16> = names.iter().filter_map(|n| rel.column(n)).map(|x| x.attnum).collect();
        let parts = names.iter().map(String::as_str).chain(c.from.exprs.iter().map(|_| "expr"));
        let addition = super::names::name_addition(parts);
        let mut label = "stat".to_owned();
        let mut number = 0;
        let name = loop {
            let name = super::names::make_object_name(&rel.name, Some(&addition), Some(&label));
            let taken = rel.extended.iter().any(|x| x.name == name);
            if !taken && by_name(&cx.tx.catalog, rel.namespace, &name).is_none() {
                break name;
            }
            number += 1;
            label = format!("stat{number}");
        };
        let made = ExtendedStatistics {
            oid: cx.tx.new_oid().await?,
            name,
            namespace: rel.namespace,
            owner: rel.owner,
            columns,
            target: -1,
            data: Vec::new(),
            ..(*c.from).clone()
        };
        comments.extend(c.comment.iter().map(|t| (made.oid, table::PG_STATISTIC_EXT, t.clone())));
        rel.extended.push(Arc::new(made));
    }
    Ok(comments)
}
