//! EXCLUDE constraints: their definition, and the check of rows that are there already.
//!
//! The constraint's index is a search tree if its method is GiST, else a B+tree (see [`crate::exec::exclude`]); the method
//! decides which operator classes, and so which operators, there are.

use super::column::{bind_row, keep};
use super::constraint::{check_free, own_names};
use super::names::{choose_relation_name, name_addition};
use super::{DdlCx, err, index, options, types};
use crate::bind::define::{Defining, volatility};
use crate::catalog::rows::index_column_names;
use crate::catalog::{Constraint, ConstraintKind, Index, IndexKey, Relation};
use crate::exec::exclude::first_pair;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, SortOrder};
use rustydb_types::datum::TypeRef;
use rustydb_types::{pgdata, typename};
use std::sync::Arc;

/// A method's name for messages, and what it can.
struct Method {
    oid: u32,
    name: &'static str,
    /// Keeps an order (ASC, DESC, NULLS FIRST).
    ordered: bool,
}

fn method(x: &ast::Exclude) -> Result<Method> {
    let (oid, name) = index::access_method(x.method.as_ref())?;
    let cannot = |what: &str| Err(DbError::unsupported(format!("access method \"{name}\" does not support {what}")));
    if !matches!(name, "btree" | "hash" | "gist" | "spgist") {
        return cannot("exclusion constraints");
    }
    if name == "hash" && x.elements.len() > 1 {
        return cannot("multicolumn indexes");
    }
    if name == "hash" && !x.include.is_empty() {
        return cannot("included columns");
    }
    if name == "spgist" && x.elements.len() > 1 {
        return cannot("multicolumn indexes");
    }
    Ok(Method { oid, name, ordered: name == "btree" })
}

/// A key column, with its operator.
async fn key(
    cx: &mut DdlCx<'_>,
    rel: &Arc<Relation>,
    m: &Method,
    e: &ast::IndexElement,
    op: &ast::Name,
) -> Result<(IndexKey, u32)> {
    let (attnum, expr, ty) = index::key_source(cx, rel, e, "named in key does not exist").await?;
    let opclass = opclass(cx, m, e.opclass.as_ref(), ty)?;
    if !m.ordered && !matches!(e.order, SortOrder::Default) {
        return Err(DbError::unsupported(format!("access method \"{}\" does not support ASC/DESC options", m.name)));
    }
    if !m.ordered && e.nulls_first.is_some() {
        return Err(DbError::unsupported(format!(
            "access method \"{}\" does not support NULLS FIRST/LAST options",
            m.name
        )));
    }
    let desc = matches!(e.order, SortOrder::Desc);
    let operator = operator(cx, op, ty, opclass)?;
    Ok((IndexKey { attnum, expr, ty, opclass, desc, nulls_first: e.nulls_first.unwrap_or(desc) }, operator))
}

/// After the type of a key column has changed: the operators of the same names for the types of now.
pub fn find_operators(cx: &DdlCx<'_>, ix: &mut Index) -> Result<()> {
    for (op, k) in ix.exclude.iter_mut().zip(&ix.keys) {
        // Users' operators are in no operator class.
        let Some(o) = pgdata::operator(*op) else { continue };
        *op = cx.binder(|b| b.find_operator(Some("pg_catalog"), o.oprname, Some(k.ty.oid), k.ty.oid, 0))?.oid;
    }
    Ok(())
}

fn opclass(cx: &DdlCx<'_>, m: &Method, named: Option<&ast::Name>, ty: TypeRef) -> Result<u32> {
    let Some(n) = named else { return index::usual_opclass(m.oid, ty) };
    let o = index::find_opclass(cx, m.oid, n)?;
    if o.opcintype != rustydb_types::usertype::base(ty).oid && Some(o.oid) != types::default_opclass_of(m.oid, ty.oid) {
        return Err(index::refuses_type(n, ty));
    }
    Ok(o.oid)
}

/// The operator of a key column: its own commutator, and in the operator class's family.
fn operator(cx: &DdlCx<'_>, name: &ast::Name, ty: TypeRef, opclass: u32) -> Result<u32> {
    let schema = name.schema.as_ref().map(|s| s.value.clone());
    let o = cx.binder(|b| b.find_operator(schema.as_deref(), &name.name.value, Some(ty.oid), ty.oid, 0))?;
    let sides = |t: u32| typename::format_type(t, -1);
    let shown = format!("{}({},{})", o.oprname, sides(o.oprleft), sides(o.oprright));
    if o.oprcom != o.oid {
        return Err(err(SqlState::WRONG_OBJECT_TYPE, format!("operator {shown} is not commutative"))
            .detail("Only commutative operators can be used in exclusion constraints."));
    }
    let family = pgdata::opclass(opclass).map_or(0, |c| c.opcfamily);
    let member = |a: &&pgdata::AmOp| a.amopfamily == family && a.amopopr == o.oid && a.amoppurpose == 's';
    if !pgdata::amops().iter().any(|a| member(&a)) {
        let family = pgdata::opfamilies().iter().find(|f| f.oid == family).map_or("", |f| f.opfname);
        return Err(err(
            SqlState::WRONG_OBJECT_TYPE,
            format!("operator {shown} is not a member of operator family \"{family}\""),
        )
        .detail("The exclusion operator must be related to the index operator class for the constraint."));
    }
    Ok(o.oid)
}

/// Adds an exclusion constraint with its (empty) index to a definition; answers the index.
pub async fn add(cx: &mut DdlCx<'_>, rel: &mut Relation, c: &ast::Constraint, x: &ast::Exclude) -> Result<Index> {
    if rel.is_partitioned() {
        return Err(
            DbError::unsupported("exclusion constraints are not supported on partitioned tables").at(cx.pos(c.pos))
        );
    }
    if x.tablespace.is_some() {
        return Err(DbError::unsupported("tablespaces are not supported yet"));
    }
    let mut ignored = Vec::new();
    let m = method(x)?;
    options::set(options::Owner::of_index(m.oid), &mut ignored, &x.options)?;
    index::check_width(x.elements.len() + x.include.len())?;
    let table = Arc::new(rel.clone());
    let (mut keys, mut exclude) = (Vec::new(), Vec::new());
    for (e, op) in &x.elements {
        let (k, o) = key(cx, &table, &m, e, op).await?;
        keys.push(k);
        exclude.push(o);
    }
    let include = index::include_columns(rel, &x.include)?;
    let predicate = match &x.filter {
        None => None,
        Some(f) => {
            let bound = bind_row(cx, &table, f, Defining::IndexPredicate)?;
            let bound = cx.binder(|b| b.to_bool(bound, "WHERE"))?;
            if volatility(&bound) != 'i' {
                return Err(err(
                    SqlState::INVALID_OBJECT_DEFINITION,
                    "functions in index predicate must be marked IMMUTABLE",
                ));
            }
            Some(keep(Some(&table), &bound, f))
        }
    };
    let mut ix = Index {
        oid: cx.tx.new_oid().await?,
        name: String::new(),
        namespace: rel.namespace,
        table: rel.oid,
        method: m.oid,
        storage: cx.tx.create_index_of(m.oid, rel.durability()).await?,
        keys,
        include,
        unique: false,
        primary: false,
        nulls_not_distinct: false,
        predicate,
        valid: true,
        valid_from: 0,
        owner: rel.owner,
        parent: 0,
        marks: Default::default(),
        exclude,
    };
    ix.name = match &c.name {
        Some(n) => {
            check_free(rel, &n.value)?;
            if cx.tx.catalog.relation_named(rel.namespace, &n.value).is_some() || own_names(rel).contains(&n.value) {
                return Err(err(SqlState::DUPLICATE_TABLE, format!("relation \"{}\" already exists", n.value)));
            }
            n.value.clone()
        }
        None => {
            let names = index_column_names(rel, &ix);
            let addition = name_addition(names.iter().map(String::as_str));
            choose_relation_name(&cx.cat(), rel.namespace, &own_names(rel), &rel.name, Some(&addition), "excl", true)
        }
    };
    let oid = cx.tx.new_oid().await?;
    rel.indexes.push(Arc::new(ix.clone()));
    rel.constraints.push(Arc::new(Constraint {
        oid,
        name: ix.name.clone(),
        namespace: rel.namespace,
        table: rel.oid,
        columns: ix.keys.iter().map(|k| k.attnum).collect(),
        kind: ConstraintKind::Exclude { index: ix.oid },
        deferrable: c.deferrable,
        deferred: c.initially_deferred,
        validated: true,
        lineage: Default::default(),
        no_inherit: false,
        parent: 0,
    }));
    Ok(ix)
}

/// 23P01 if a table's rows do not meet its exclusion constraints (all, or that of one index).
pub async fn check_rows(cx: &mut DdlCx<'_>, table: u32, only: Option<u32>) -> Result<()> {
    let rel = cx.relation(table)?;
    if rel.indexes.iter().all(|i| i.exclude.is_empty()) {
        return Ok(());
    }
    let rt = cx.tx.table(cx.eval, &rel)?;
    for i in rt.indexes.iter().filter(|i| !i.def.exclude.is_empty() && only.is_none_or(|o| o == i.def.oid)) {
        if let Some(e) = first_pair(cx.tx, &rt, i, cx.env).await? {
            return Err(e);
        }
    }
    Ok(())
}
