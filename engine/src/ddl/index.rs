//! CREATE INDEX and REINDEX.
//!
//! An index is built from a scan of its table while writers wait (Share lock). With CONCURRENTLY the definition alone is
//! made here, and the session goes on from there: see `session/concurrently.rs`.

use super::column::{bind_row, collation, keep};
use super::constraint::own_names;
use super::names::{choose_relation_name, name_addition};
use super::{DdlCx, err, generated, lock_oid, options, sequence};
use crate::bind::define::{Defining, volatility};
use crate::catalog::rows::index_column_names;
use crate::catalog::{Index, IndexKey, IndexMarks, RelKind, Relation};
use crate::exec::table::PATTERN_FAMILIES;
use rustydb_base::{DbError, RelId, Result, SqlState};
use rustydb_parser::ast::{self, Ident, TableLockMode};
use rustydb_types::datum::TypeRef;
use rustydb_types::{oid, pgdata, typename};
use std::sync::Arc;

/// Most columns of an index, included ones counted.
const MAX_INDEX_COLUMNS: usize = 32;

/// 54011 for too many columns.
pub fn check_width(n: usize) -> Result<()> {
    if n > MAX_INDEX_COLUMNS {
        return Err(err(
            SqlState::TOO_MANY_COLUMNS,
            format!("cannot use more than {MAX_INDEX_COLUMNS} columns in an index"),
        ));
    }
    Ok(())
}

/// An access method that indexes can be made with.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Method {
    oid: u32,
    name: &'static str,
    can: rustydb_storage::am::IndexCaps,
}

/// The index method that USING names, or btree: its OID and name.
pub fn access_method(name: Option<&Ident>) -> Result<(u32, &'static str)> {
    let name = name.map_or("btree", |m| m.value.as_str());
    let Some(am) = pgdata::access_methods().iter().find(|a| a.amname == name) else {
        return Err(err(SqlState::UNDEFINED_OBJECT, format!("access method \"{name}\" does not exist")));
    };
    if am.amtype != 'i' {
        return Err(err(SqlState::WRONG_OBJECT_TYPE, format!("access method \"{name}\" is not of type INDEX")));
    }
    Ok((am.oid, am.amname))
}

/// The same, if indexes can be made with it.
fn method(name: Option<&Ident>) -> Result<Method> {
    let (oid, name) = access_method(name)?;
    if !matches!(oid, pgdata::BTREE | pgdata::HASH | pgdata::GIN | pgdata::GIST | pgdata::SPGIST | pgdata::BRIN) {
        return Err(DbError::unsupported(format!("access method \"{name}\" is not supported yet")));
    }
    Ok(Method { oid, name, can: crate::catalog::storage_method(oid).am()?.caps() })
}

/// 0A000 for what an access method cannot do.
fn cannot(m: Method, what: &str) -> DbError {
    err(SqlState::FEATURE_NOT_SUPPORTED, format!("access method \"{}\" does not support {what}", m.name))
}

/// Arrays have an operator class whatever their elements; only those of ordered elements can be indexed.
fn orderable(opclass: u32, ty: TypeRef) -> bool {
    let array = pgdata::opclass(opclass).is_some_and(|o| o.opcintype == oid::ANYARRAY);
    let elem = oid::array_element(rustydb_types::usertype::base(ty).oid);
    !array || elem.is_none_or(|e| default_opclass(TypeRef::new(e)).is_ok())
}

/// The btree operator class a type gets without naming one.
pub fn default_opclass(ty: TypeRef) -> Result<u32> {
    default_opclass_of(pgdata::BTREE, ty)
}

fn default_opclass_of(method: u32, ty: TypeRef) -> Result<u32> {
    let usual = usual_opclass(method, ty)?;
    if orderable(usual, ty) { Ok(usual) } else { Err(no_default_opclass(method, ty)) }
}

/// The operator class a type gets from a method without naming one, whether its keys can be stored or not.
pub fn usual_opclass(method: u32, ty: TypeRef) -> Result<u32> {
    super::types::default_opclass_of(method, ty.oid).ok_or_else(|| no_default_opclass(method, ty))
}

fn no_default_opclass(method: u32, ty: TypeRef) -> DbError {
    err(
        SqlState::UNDEFINED_OBJECT,
        format!(
            "data type {} has no default operator class for access method \"{}\"",
            typename::format_type(ty.oid, -1),
            pgdata::access_methods().iter().find(|m| m.oid == method).map_or("", |m| m.amname)
        ),
    )
    .hint("You must specify an operator class for the index or define a default operator class for the data type.")
}

/// A method's operator class of that name.
pub fn find_opclass(cx: &DdlCx<'_>, method: u32, name: &ast::Name) -> Result<&'static pgdata::OpClass> {
    let kind = crate::catalog::objects::Kind::OperatorClass;
    let found = super::opclass_names::find(cx, kind, method, name).and_then(pgdata::opclass);
    found.ok_or_else(|| match pgdata::access_method(method) {
        Some(am) => super::opclass_names::missing(cx, kind, am, name),
        None => DbError::internal("an index without an access method"),
    })
}

/// 42804: the class is for another type.
pub fn refuses_type(opclass: &ast::Name, ty: TypeRef) -> DbError {
    err(
        SqlState::DATATYPE_MISMATCH,
        format!(
            "operator class \"{}\" does not accept data type {}",
            opclass.plain(),
            typename::format_type(ty.oid, -1)
        ),
    )
}

/// 42883 for arrays whose elements have no order: an inverted index could not tell them apart.
fn check_elements(ty: TypeRef) -> Result<()> {
    match oid::array_element(rustydb_types::usertype::base(ty).oid) {
        Some(e) if default_opclass(TypeRef::new(e)).is_err() => Err(err(
            SqlState::UNDEFINED_FUNCTION,
            format!("could not identify a comparison function for type {}", typename::format_type(e, -1)),
        )),
        _ => Ok(()),
    }
}

/// A named operator class, which must be the access method's and take the type.
fn named_opclass(cx: &DdlCx<'_>, m: Method, name: &ast::Name, ty: TypeRef) -> Result<u32> {
    let o = find_opclass(cx, m.oid, name)?;
    let takes = o.opcintype == ty.oid
        || (o.opcintype == oid::TEXT && ty.oid == oid::VARCHAR)
        || (m.oid == pgdata::BRIN && o.opcintype == oid::INET && ty.oid == oid::CIDR)
        || (o.opcintype == oid::ANYARRAY && oid::array_element(ty.oid).is_some())
        || super::types::default_opclass_of(m.oid, ty.oid) == Some(o.oid);
    if !takes {
        return Err(refuses_type(name, ty));
    }
    if matches!(m.oid, pgdata::GIN | pgdata::GIST | pgdata::SPGIST | pgdata::BRIN)
        && o.oid < crate::catalog::FIRST_USER_OID
    {
        return Ok(o.oid);
    }
    let usual = default_opclass_of(m.oid, ty)?;
    // Keys are kept in one order per type. The pattern classes order text by bytes, and so does the "C" locale.
    let same = pgdata::opclass(usual).is_some_and(|u| u.opcfamily == o.opcfamily)
        || (o.oid < crate::catalog::FIRST_USER_OID && matches!(o.opcname, "text_pattern_ops" | "varchar_pattern_ops"));
    if !same && o.oid >= crate::catalog::FIRST_USER_OID {
        return Err(DbError::unsupported(format!(
            "operator class \"{}\" cannot be used: its order or equality is no built-in operator class's",
            name.plain()
        ))
        .detail("Keys are stored in the order of a built-in operator class."));
    }
    if !same {
        return Err(DbError::unsupported(format!("operator class \"{}\" is not supported yet", name.plain()))
            .at(cx.pos(name.pos())));
    }
    Ok(o.oid)
}

/// System columns change without the row: no index can follow them.
fn refuse_system(rel: &Relation, name: &str) -> Result<()> {
    let system = matches!(name, "ctid" | "xmin" | "cmin" | "xmax" | "cmax" | "tableoid");
    if system && rel.column(name).is_none() {
        return Err(DbError::unsupported("index creation on system columns is not supported"));
    }
    Ok(())
}

/// The same for every column that an expression names.
fn refuse_systems(rel: &Relation, e: &ast::Expr) -> Result<()> {
    let mut found = Ok(());
    super::each_column(&mut e.clone(), &mut |n| {
        if found.is_ok() {
            found = refuse_system(rel, &n.value);
        }
    });
    found
}

/// Attribute numbers of INCLUDE columns.
pub fn include_columns(rel: &Relation, list: &[Ident]) -> Result<Vec<i16>> {
    list.iter()
        .map(|n| {
            rel.column(&n.value)
                .map(|c| c.attnum)
                .ok_or_else(|| err(SqlState::UNDEFINED_COLUMN, format!("column \"{}\" does not exist", n.value)))
        })
        .collect()
}

/// What a key is made of, without its operator class: a column or an expression, and the type with its collation. `missing`
/// ends the message about a column that is not there.
pub async fn key_source(
    cx: &mut DdlCx<'_>,
    rel: &Arc<Relation>,
    e: &ast::IndexElement,
    missing: &str,
) -> Result<(i16, Option<String>, TypeRef)> {
    let (attnum, expr, mut ty) = match &e.key {
        ast::IndexKey::Column(n) => {
            refuse_system(rel, &n.value)?;
            let c = rel
                .column(&n.value)
                .ok_or_else(|| err(SqlState::UNDEFINED_COLUMN, format!("column \"{}\" {missing}", n.value)))?;
            generated::refuse_virtual(rel, [c.attnum], generated::NO_INDEXES)?;
            (c.attnum, None, c.ty)
        }
        ast::IndexKey::Expr(x) => {
            refuse_systems(rel, x)?;
            let bound = bind_row(cx, rel, x, Defining::IndexKey)?;
            generated::refuse_virtual(rel, super::column::columns_used(&bound), generated::NO_INDEXES)?;
            let bound = cx.binder(|b| b.default_unknown(bound))?;
            if volatility(&bound) != 'i' {
                return Err(err(
                    SqlState::INVALID_OBJECT_DEFINITION,
                    "functions in index expression must be marked IMMUTABLE",
                ));
            }
            if pgdata::pg_type(bound.ty.oid).is_some_and(|t| t.typtype == 'p') {
                return Err(err(
                    SqlState::INVALID_TABLE_DEFINITION,
                    format!("column \"expr\" has pseudo-type {}", typename::format_type(bound.ty.oid, -1)),
                ));
            }
            let bound_type = bound.ty;
            if bound.ty.collation == rustydb_types::collation::INDETERMINATE {
                return Err(rustydb_types::collation::undetermined("index expression"));
            }
            // A collation given at the top is the key's.
            let (mut bound, mut x, ty) = (bound, x, bound_type);
            while crate::bind::collation::is_collate(&bound)
                && let crate::plan::ir::ExprKind::Relabel(inner) = bound.kind
            {
                bound = *inner;
                if let ast::ExprKind::Collate(written, _) = &x.kind {
                    x = written;
                }
            }
            match bound.kind {
                crate::plan::ir::ExprKind::Column(_) => {
                    let used = super::column::columns_used(&bound);
                    (used.first().copied().unwrap_or(0), None, ty)
                }
                _ => (0, Some(keep(Some(rel), &bound, x)), ty),
            }
        }
    };
    if let Some(c) = &e.collation {
        if ty.collation == 0 {
            return Err(err(
                SqlState::DATATYPE_MISMATCH,
                format!("collations are not supported by type {}", typename::format_type(ty.oid, -1)),
            ));
        }
        ty.collation = collation(cx, c).map_err(super::placeless)?;
    }
    Ok((attnum, expr, ty))
}

/// The parameters given to a key's operator class.
fn class_options(e: &ast::IndexElement, opclass: u32) -> Result<Vec<(String, String)>> {
    let mut out = Vec::new();
    if e.opclass_options.is_empty() {
        return Ok(out);
    }
    let class = pgdata::opclass(opclass);
    let owner = match class.map_or("", |c| c.opcname) {
        name if name.ends_with("_bloom_ops") => options::Owner::Bloom,
        name if name.ends_with("_minmax_multi_ops") => options::Owner::MinmaxMulti,
        name => {
            let what = format!("operator class {name} has no options");
            return Err(err(SqlState::INVALID_PARAMETER_VALUE, what));
        }
    };
    options::set(owner, &mut out, &e.opclass_options)?;
    Ok(out)
}

async fn key(cx: &mut DdlCx<'_>, m: Method, rel: &Arc<Relation>, e: &ast::IndexElement) -> Result<IndexKey> {
    if m.oid != pgdata::BRIN
        && !e.opclass_options.is_empty()
        && e.opclass.as_ref().is_some_and(|c| c.name.value == "tsvector_ops")
    {
        return Err(DbError::unsupported("options of operator classes are not supported yet"));
    }
    if m.oid != pgdata::BRIN && !e.opclass_options.is_empty() {
        return Err(err(SqlState::INVALID_PARAMETER_VALUE, "operator class has no options"));
    }
    let (attnum, expr, ty) = key_source(cx, rel, e, "does not exist").await?;
    let opclass = match &e.opclass {
        Some(n) => named_opclass(cx, m, n, ty)?,
        None if matches!(m.oid, pgdata::GIN | pgdata::GIST | pgdata::SPGIST | pgdata::BRIN) => {
            usual_opclass(m.oid, ty)?
        }
        None => default_opclass_of(m.oid, ty)?,
    };
    if m.oid == pgdata::GIN {
        check_elements(ty)?;
    }
    if let Some(c) =
        pgdata::opclass(opclass).filter(|c| c.opcmethod == pgdata::BTREE && PATTERN_FAMILIES.contains(&c.opcfamily))
        && !rustydb_types::collation::is_deterministic(ty.collation)
    {
        let text = format!("nondeterministic collations are not supported for operator class \"{}\"", c.opcname);
        return Err(DbError::unsupported(text));
    }
    if m.oid == pgdata::BRIN {
        let name = pgdata::opclass(opclass).map_or("", |c| c.opcname);
        let built_in = opclass < crate::catalog::FIRST_USER_OID;
        if !built_in || rustydb_types::brin::Class::named(name).is_none() {
            return Err(DbError::unsupported(format!("operator class \"{name}\" cannot be used"))
                .detail("Block range indexes know the built-in operator classes only."));
        }
    }
    if m.oid == pgdata::HASH && !rustydb_types::keyenc::is_orderable(ty.oid) {
        // A type whose values are only compared for equality; keys are made of ordered bytes.
        return Err(DbError::unsupported(format!(
            "hash indexes of type {} are not supported yet",
            typename::format_type(ty.oid, -1)
        )));
    }
    if !m.can.ordered && !matches!(e.order, ast::SortOrder::Default) {
        return Err(cannot(m, "ASC/DESC options"));
    }
    if !m.can.ordered && e.nulls_first.is_some() {
        return Err(cannot(m, "NULLS FIRST/LAST options"));
    }
    let desc = match &e.order {
        ast::SortOrder::Default | ast::SortOrder::Asc => false,
        ast::SortOrder::Desc => true,
        ast::SortOrder::Using(_) => {
            return Err(err(SqlState::SYNTAX_ERROR, "USING is not allowed in an index definition"));
        }
    };
    Ok(IndexKey { attnum, expr, ty, opclass, desc, nulls_first: e.nulls_first.unwrap_or(desc) })
}

/// CREATE INDEX. With CONCURRENTLY the index is empty and not valid; [`DdlCx::beside`] says which it is.
pub async fn create(cx: &mut DdlCx<'_>, s: &ast::CreateIndex) -> Result<()> {
    if s.concurrently && cx.in_block {
        return Err(err(
            SqlState::ACTIVE_SQL_TRANSACTION,
            "CREATE INDEX CONCURRENTLY cannot run inside a transaction block",
        ));
    }
    if s.tablespace.as_ref().is_some_and(|t| t.value != "pg_default") {
        return Err(DbError::unsupported("tablespaces are not supported yet"));
    }
    let mode = if s.concurrently { TableLockMode::ShareUpdateExclusive } else { TableLockMode::Share };
    let Some(rel) = cx.open(&s.table.name, mode).await? else {
        return Err(cx.missing("relation", &s.table.name));
    };
    if !matches!(rel.kind, RelKind::Table | RelKind::MaterializedView) {
        return Err(err(SqlState::WRONG_OBJECT_TYPE, format!("cannot create index on relation \"{}\"", rel.name))
            .detail(format!("This operation is not supported for {}.", sequence::plural(rel.kind))));
    }
    if rel.is_partitioned() && s.concurrently {
        return Err(DbError::unsupported(format!(
            "cannot create index on partitioned table \"{}\" concurrently",
            rel.name
        )));
    }
    cx.check_relation_owner(&rel)?;
    cx.check_create_in(rel.namespace, s.name.as_ref().map_or("", |n| n.value.as_str()))?;
    if let Some(n) = &s.name
        && cx.taken(rel.namespace, &n.value, s.if_not_exists)?
    {
        return Ok(());
    }
    check_width(s.elements.len() + s.include.len())?;
    let m = method(s.method.as_ref())?;
    if s.unique && !m.can.unique {
        return Err(cannot(m, "unique indexes"));
    }
    if !s.include.is_empty() && !m.can.ordered && !matches!(m.oid, pgdata::GIST | pgdata::SPGIST) {
        return Err(cannot(m, "included columns"));
    }
    if s.elements.len() > 1 && (!m.can.multicolumn || m.oid == pgdata::SPGIST) {
        return Err(cannot(m, "multicolumn indexes"));
    }
    let mut parameters = Vec::new();
    options::set(options::Owner::of_index(m.oid), &mut parameters, &s.options)?;
    let mut keys = Vec::with_capacity(s.elements.len());
    let mut marks = IndexMarks { options: parameters, ..IndexMarks::default() };
    for e in &s.elements {
        let k = key(cx, m, &rel, e).await?;
        let given = class_options(e, k.opclass)?;
        keys.push(k);
        if !given.is_empty() {
            marks.class_options.push((keys.len() as i16, given));
        }
    }
    let mut include = Vec::with_capacity(s.include.len());
    for e in &s.include {
        if e.collation.is_some() {
            return Err(err(SqlState::INVALID_OBJECT_DEFINITION, "including column does not support a collation"));
        }
        if e.opclass.is_some() {
            return Err(err(
                SqlState::INVALID_OBJECT_DEFINITION,
                "including column does not support an operator class",
            ));
        }
        if !matches!(e.order, ast::SortOrder::Default) {
            return Err(err(SqlState::INVALID_OBJECT_DEFINITION, "including column does not support ASC/DESC options"));
        }
        if e.nulls_first.is_some() {
            return Err(err(
                SqlState::INVALID_OBJECT_DEFINITION,
                "including column does not support NULLS FIRST/LAST options",
            ));
        }
        match &e.key {
            ast::IndexKey::Column(n) => include.extend(include_columns(&rel, std::slice::from_ref(n))?),
            ast::IndexKey::Expr(_) => {
                return Err(DbError::unsupported("expressions are not supported in included columns"));
            }
        }
    }
    let predicate = match &s.filter {
        None => None,
        Some(f) => {
            refuse_systems(&rel, f)?;
            let bound = bind_row(cx, &rel, f, Defining::IndexPredicate)?;
            generated::refuse_virtual(&rel, super::column::columns_used(&bound), generated::NO_INDEXES)?;
            let bound = cx.binder(|b| b.to_bool(bound, "WHERE"))?;
            if volatility(&bound) != 'i' {
                return Err(err(
                    SqlState::INVALID_OBJECT_DEFINITION,
                    "functions in index predicate must be marked IMMUTABLE",
                ));
            }
            Some(keep(Some(&rel), &bound, f))
        }
    };
    generated::refuse_virtual(&rel, include.iter().copied(), generated::NO_INDEXES)?;
    if s.unique {
        let attnums: Vec<i16> = keys.iter().map(|k| k.attnum).collect();
        super::partition::check_unique(&rel, &attnums, None)?;
    }
    let mut ix = Index {
        oid: cx.tx.new_oid().await?,
        name: String::new(),
        namespace: rel.namespace,
        table: rel.oid,
        method: m.oid,
        storage: RelId(0),
        keys,
        include,
        unique: s.unique,
        primary: false,
        nulls_not_distinct: s.nulls_not_distinct,
        predicate,
        valid: !s.concurrently,
        valid_from: 0,
        owner: rel.owner,
        parent: 0,
        marks,
        exclude: Vec::new(),
    };
    ix.name = match &s.name {
        Some(n) => n.value.clone(),
        None => {
            let names = index_column_names(&rel, &ix);
            let addition = name_addition(names.iter().map(String::as_str));
            choose_relation_name(&cx.cat(), rel.namespace, &own_names(&rel), &rel.name, Some(&addition), "idx", false)
        }
    };
    if rel.is_partitioned() {
        // Its parts are the partitions' indexes; with ONLY they are attached later.
        ix.valid = !s.table.only || rel.children.is_empty();
        let mut r = (*rel).clone();
        r.indexes.push(Arc::new(ix));
        cx.put(r).await?;
        return if s.table.only { Ok(()) } else { super::attach::spread(cx, rel.oid).await };
    }
    ix.storage = cx.tx.create_index(&ix, rel.durability()).await?;
    if s.concurrently {
        cx.beside = Some(super::Beside::Index { table: rel.oid, index: ix.oid });
    } else {
        cx.tx.build_index(cx.eval, &rel, &mut ix).await?;
    }
    let mut r = (*rel).clone();
    r.indexes.push(Arc::new(ix));
    cx.put(r).await
}

/// ALTER INDEX … SET and RESET of storage parameters.
pub async fn set_options(
    cx: &mut DdlCx<'_>,
    index: &Relation,
    list: &[rustydb_parser::ast::DefOption],
    reset: bool,
) -> Result<()> {
    let Some(old) = index.indexes.first() else { return Ok(()) };
    let mut ix = (**old).clone();
    if reset {
        options::reset(&mut ix.marks.options, list)?;
    } else {
        options::set(options::Owner::of_index(ix.method), &mut ix.marks.options, list)?;
    }
    let mut r = (*cx.relation(ix.table)?).clone();
    for i in r.indexes.iter_mut().filter(|i| i.oid == ix.oid) {
        *i = Arc::new(ix.clone());
    }
    cx.put(r).await
}

/// Replaces an index's file by a newly built one.
pub async fn rebuild(cx: &mut DdlCx<'_>, table: u32, index: u32) -> Result<()> {
    let rel = cx.relation(table)?;
    let Some(old) = rel.indexes.iter().find(|i| i.oid == index).cloned() else { return Ok(()) };
    if rel.is_partitioned() {
        // Its parts are rebuilt.
        for child in rel.children.clone() {
            cx.lock(child, TableLockMode::AccessExclusive).await?;
            let part = cx.relation(child)?.indexes.iter().find(|i| i.parent == index).map(|i| i.oid);
            if let Some(i) = part {
                Box::pin(rebuild(cx, child, i)).await?;
            }
        }
        return Ok(());
    }
    let mut ix = Index { storage: cx.tx.create_index(&old, rel.durability()).await?, valid: true, ..(*old).clone() };
    cx.tx.build_index(cx.eval, &rel, &mut ix).await?;
    if let Some(s) = &rel.storage {
        cx.tx.txn.store().ssi().relation_replaced(old.storage, s.heap);
    }
    cx.tx.drop_files(old.storage).await?;
    let mut r = (*rel).clone();
    for i in &mut r.indexes {
        if i.oid == index {
            *i = Arc::new(ix.clone());
        }
    }
    cx.put(r).await
}

/// REINDEX.
pub async fn reindex(cx: &mut DdlCx<'_>, s: &ast::Reindex) -> Result<()> {
    let mut concurrently = s.concurrently;
    for o in &s.options {
        match o.name.value.as_str() {
            "concurrently" => concurrently = true,
            "verbose" => {}
            other => {
                return Err(err(SqlState::SYNTAX_ERROR, format!("unrecognized REINDEX option \"{other}\"")));
            }
        }
    }
    let outside =
        |what: &str| err(SqlState::ACTIVE_SQL_TRANSACTION, format!("{what} cannot run inside a transaction block"));
    if concurrently && cx.in_block {
        return Err(outside("REINDEX CONCURRENTLY"));
    }
    let mode = if concurrently { TableLockMode::ShareUpdateExclusive } else { TableLockMode::AccessExclusive };
    let mut targets: Vec<(u32, Vec<u32>)> = Vec::new();
    match (s.kind, &s.name) {
        (ast::ReindexKind::Index, Some(n)) => {
            let Some(r) = cx.open(n, mode).await? else {
                return Err(cx.missing("relation", n));
            };
            if r.kind != RelKind::Index {
                return Err(err(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not an index", r.name)));
            }
            if concurrently {
                super::reindex_beside::check(&r)?;
            }
            cx.check_relation_owner(&r)?;
            targets.push((lock_oid(&r), vec![r.oid]));
        }
        (ast::ReindexKind::Table, Some(n)) => {
            let Some(r) = cx.open(n, mode).await? else {
                return Err(cx.missing("relation", n));
            };
            if !matches!(r.kind, RelKind::Table | RelKind::MaterializedView) {
                return Err(err(
                    SqlState::WRONG_OBJECT_TYPE,
                    format!("\"{}\" is not a table or materialized view", r.name),
                ));
            }
            if concurrently {
                super::reindex_beside::check(&r)?;
            }
            cx.check_relation_owner(&r)?;
            // PostgreSQL rebuilds the index of a table's long values, if it can have any, and says nothing.
            let long = r.live_columns().any(|c| pgdata::pg_type(c.ty.oid).is_some_and(|t| t.typlen == -1));
            if r.indexes.is_empty() && !long {
                cx.notice(err(
                    SqlState::SUCCESSFUL_COMPLETION,
                    if concurrently {
                        format!("table \"{}\" has no indexes that can be reindexed concurrently", r.name)
                    } else {
                        format!("table \"{}\" has no indexes to reindex", r.name)
                    },
                ));
            }
            targets.push((r.oid, r.indexes.iter().map(|i| i.oid).collect()));
        }
        (kind, name) => {
            let word = match kind {
                ast::ReindexKind::Schema => "REINDEX SCHEMA",
                ast::ReindexKind::System => "REINDEX SYSTEM",
                _ => "REINDEX DATABASE",
            };
            if cx.in_block {
                return Err(outside(word));
            }
            if kind == ast::ReindexKind::System && concurrently {
                return Err(DbError::unsupported("cannot reindex system catalogs concurrently"));
            }
            if kind == ast::ReindexKind::System {
                return Err(DbError::unsupported("REINDEX SYSTEM is not supported yet"));
            }
            let ns = match (kind, name) {
                (ast::ReindexKind::Schema, Some(n)) => {
                    Some(cx.tx.catalog.namespace_named(&n.name.value).ok_or_else(|| {
                        err(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{}\" does not exist", n.name.value))
                    })?)
                }
                (_, Some(n)) if n.name.value != cx.tx.catalog.database.name => {
                    return Err(DbError::unsupported("can only reindex the currently open database"));
                }
                _ => None,
            };
            let mut tables: Vec<(u32, Vec<u32>)> = cx
                .tx
                .catalog
                .relations
                .values()
                .filter(|r| {
                    matches!(r.kind, RelKind::Table | RelKind::MaterializedView)
                        && r.oid >= crate::catalog::FIRST_USER_OID
                })
                .filter(|r| ns.is_none_or(|n| r.namespace == n))
                .map(|r| (r.oid, r.indexes.iter().map(|i| i.oid).collect()))
                .collect();
            tables.sort_unstable();
            for (t, _) in &tables {
                cx.lock(*t, mode).await?;
                if let Some(r) = cx.tx.catalog.relation(*t).cloned() {
                    cx.check_relation_owner(&r)?;
                }
            }
            targets = tables;
        }
    }
    if concurrently {
        let mut all = Vec::new();
        let one = s.kind == ast::ReindexKind::Index;
        for (table, indexes) in targets {
            super::reindex_beside::shadows(cx, table, indexes.first().copied().filter(|_| one), &mut all).await?;
        }
        cx.beside = Some(super::Beside::Reindex(all));
        return Ok(());
    }
    for (table, indexes) in targets {
        for i in indexes {
            rebuild(cx, table, i).await?;
        }
    }
    Ok(())
}
