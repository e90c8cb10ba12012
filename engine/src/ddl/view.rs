//! CREATE [OR REPLACE] VIEW.
//!
//! A view keeps its query as text in [canonical form](crate::bind::canonical), so that neither the search path nor columns
//! added later change what it means; what has no such form keeps its text, with every table's schema and every `*` spelled out.

use super::{DdlCx, column, err, options, temp, view_text};
use crate::bind::define::Resolved;
use crate::bind::{BindCx, Binder, canonical};
use crate::catalog::{Catalog, Column, Dependency, Persistence, RelKind, Relation};
use crate::plan::ir::{ColId, ExprKind, OutputColumn, Query, Rel};
use crate::plan::walk;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, TableLockMode};
use rustydb_types::datum::TypeRef;
use rustydb_types::{oid, pgdata, typename};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Columns of stored tables that a query reads, below views too.
fn columns_read(rel: &Rel, out: &mut Vec<(u32, i16)>) {
    if let Rel::Scan(s) = rel {
        out.extend(s.cols.iter().filter(|c| c.1 > 0).map(|c| (s.table.oid, c.1)));
    }
    let mut copy = rel.clone();
    let _ = walk::inputs_mut(&mut copy, &mut |r| {
        columns_read(r, out);
        Ok(())
    });
    walk::visit_rel(rel, &mut |e| {
        if let crate::plan::ir::ExprKind::Subquery(s) = &e.kind {
            columns_read(&s.rel, out);
        }
    });
}

/// Columns of relations that a query reads from the rows of functions.
fn row_columns_read(catalog: &Catalog, query: &Query) -> Vec<(u32, i16)> {
    let mut given: HashMap<ColId, (u32, i16)> = HashMap::new();
    let mut read: HashSet<ColId> = query.rel.outputs().iter().map(|c| c.id).collect();
    walk::visit_all(
        &query.rel,
        &mut |rel| {
            let Rel::FunctionScan { calls, .. } = rel else { return };
            for (call, cols) in calls {
                let of = catalog.row_types.get(&call.ty.oid).and_then(|r| catalog.relation(*r));
                let columns = of.into_iter().flat_map(|r| r.live_columns().map(|c| (r.oid, c.attnum)));
                given.extend(cols.iter().map(|c| c.id).zip(columns));
            }
        },
        &mut |e| match &e.kind {
            ExprKind::Column(id) => _ = read.insert(*id),
            ExprKind::Subquery(s) => read.extend(s.rel.outputs().iter().map(|c| c.id)),
            _ => {}
        },
    );
    given.into_iter().filter(|(id, _)| read.contains(id)).map(|(_, column)| column).collect()
}

/// What a view needs: each relation it names, and of stored tables the columns it reads.
pub fn dependencies(catalog: &Catalog, query: &Query, resolved: &[Resolved]) -> Vec<Dependency> {
    let mut read = Vec::new();
    columns_read(&query.rel, &mut read);
    let mut out: Vec<Dependency> = Vec::new();
    for (relation, attnum) in row_columns_read(catalog, query) {
        if relation >= crate::catalog::FIRST_USER_OID {
            out.push(Dependency { sub: 0, ref_relation: relation, ref_sub: i32::from(attnum), kind: 'n' });
        }
    }
    for r in resolved {
        let rel = match r {
            Resolved::Relation(_, rel) => rel,
            Resolved::Constraint(oid) if *oid != 0 => {
                let d = Dependency { sub: 0, ref_relation: *oid, ref_sub: Dependency::CONSTRAINT, kind: 'n' };
                if !out.contains(&d) {
                    out.push(d);
                }
                continue;
            }
            Resolved::Constant(oid) if *oid >= crate::catalog::FIRST_USER_OID => {
                let d = Dependency { sub: 0, ref_relation: *oid, ref_sub: 0, kind: 'n' };
                if !out.contains(&d) {
                    out.push(d);
                }
                continue;
            }
            _ => continue,
        };
        // Relations of the system are always there.
        if rel.oid < crate::catalog::FIRST_USER_OID {
            continue;
        }
        let mut subs: Vec<i32> = if rel.kind == RelKind::View {
            rel.live_columns().map(|c| i32::from(c.attnum)).collect()
        } else {
            read.iter().filter(|c| c.0 == rel.oid).map(|c| i32::from(c.1)).collect()
        };
        if subs.is_empty() {
            subs.push(0);
        }
        for ref_sub in subs {
            let d = Dependency { sub: 0, ref_relation: rel.oid, ref_sub, kind: 'n' };
            if !out.contains(&d) {
                out.push(d);
            }
        }
    }
    out.sort_by_key(|d| (d.ref_relation, d.ref_sub));
    out
}

fn view_columns(s: &ast::CreateView, outputs: &[OutputColumn]) -> Result<Vec<Column>> {
    if s.columns.len() > outputs.len() {
        return Err(err(SqlState::SYNTAX_ERROR, "CREATE VIEW specifies more column names than columns"));
    }
    let mut out: Vec<Column> = Vec::with_capacity(outputs.len());
    for (i, o) in outputs.iter().enumerate() {
        let name = s.columns.get(i).map_or(o.name.as_str(), |n| n.value.as_str());
        if out.iter().any(|c| c.name == name) {
            return Err(err(SqlState::DUPLICATE_COLUMN, format!("column \"{name}\" specified more than once")));
        }
        let ty = if o.ty.oid == oid::UNKNOWN { TypeRef::new(oid::TEXT) } else { o.ty };
        if rustydb_types::pgdata::pg_type(ty.oid).is_some_and(|t| t.typtype == 'p') {
            return Err(err(
                SqlState::INVALID_TABLE_DEFINITION,
                format!("column \"{name}\" has pseudo-type {}", typename::format_type(ty.oid, -1)),
            ));
        }
        if ty.collation == rustydb_types::collation::INDETERMINATE {
            let what = format!("view column \"{name}\"");
            return Err(rustydb_types::collation::undetermined(&what));
        }
        let attnum = i16::try_from(i + 1).ok().filter(|n| (*n as usize) <= column::MAX_COLUMNS).ok_or_else(|| {
            err(SqlState::TOO_MANY_COLUMNS, format!("tables can have at most {} columns", column::MAX_COLUMNS))
        })?;
        out.push(column::blank(attnum, name, ty));
    }
    Ok(out)
}

/// OR REPLACE may add columns at the end and change nothing else about them.
fn check_replacement(old: &Relation, new: &[Column]) -> Result<()> {
    let bad = |m: String| err(SqlState::INVALID_TABLE_DEFINITION, m);
    let before: Vec<&Column> = old.live_columns().collect();
    if new.len() < before.len() {
        return Err(bad("cannot drop columns from view".into()));
    }
    for (b, n) in before.iter().zip(new) {
        if b.name != n.name {
            return Err(bad(format!("cannot change name of view column \"{}\" to \"{}\"", b.name, n.name))
                .hint("Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead."));
        }
        if b.ty.collation != n.ty.collation && b.ty.oid == n.ty.oid {
            let name = |oid: u32| rustydb_types::collation::name(oid).map_or_else(String::new, |n| n.to_string());
            return Err(bad(format!(
                "cannot change collation of view column \"{}\" from \"{}\" to \"{}\"",
                b.name,
                name(b.ty.collation),
                name(n.ty.collation)
            )));
        }
        if b.ty.oid != n.ty.oid || b.ty.typmod != n.ty.typmod {
            return Err(bad(format!(
                "cannot change data type of view column \"{}\" from {} to {}",
                b.name,
                typename::with_typmod(b.ty.oid, b.ty.typmod),
                typename::with_typmod(n.ty.oid, n.ty.typmod)
            )));
        }
    }
    Ok(())
}

/// Whether one of the relations that a query names is as `f` says.
pub fn reads(resolved: &[Resolved], f: &dyn Fn(&Relation) -> bool) -> bool {
    resolved.iter().any(|r| matches!(r, Resolved::Relation(_, rel) if f(rel)))
}

/// Whether a text is a query with the outputs of one that is bound.
fn means(cx: &BindCx<'_>, text: &str, bound: &Query) -> bool {
    let Ok(parsed) = rustydb_parser::parse(text) else { return false };
    let Some(ast::Statement::Query(q)) = parsed.first().map(|p| &p.stmt) else { return false };
    let path = [pgdata::PG_CATALOG];
    let cx = BindCx { catalog: cx.catalog, search_path: &path, eval: cx.eval, role: cx.role, sql: text };
    let mut b = Binder::new(&cx, &[]);
    let again = b.view_query(q).and_then(|(mut q, _)| {
        b.resolve_outputs(&mut q)?;
        Ok(q)
    });
    let alike = |a: &OutputColumn, b: &OutputColumn| a.name == b.name && a.ty == b.ty;
    again.is_ok_and(|q| {
        q.columns.len() == bound.columns.len() && q.columns.iter().zip(&bound.columns).all(|(a, b)| alike(a, b))
    })
}

/// Binds a view's query, with what it names locked, and brings its text into the form that is kept.
pub async fn stored_query(cx: &mut DdlCx<'_>, q: &ast::Query) -> Result<(Query, Vec<Resolved>, String)> {
    let (query, resolved, text) = loop {
        let catalog = cx.cat();
        let bound = cx.binder(|b| {
            let (mut bound, resolved) = b.view_query(q)?;
            b.resolve_outputs(&mut bound)?;
            let names: Vec<String> = bound.columns.iter().map(|c| c.name.clone()).collect();
            let text = canonical::query(b.cx, q, &names, &[], canonical::Purpose::Keep).map(|q| q.to_string());
            let text = text.filter(|t| means(b.cx, t, &bound));
            Ok((bound, resolved, text))
        })?;
        for r in &bound.1 {
            if let Resolved::Relation(_, rel) = r {
                cx.lock(rel.oid, TableLockMode::AccessShare).await?;
            }
        }
        // Definitions that changed before they were locked are bound again.
        if Arc::ptr_eq(&catalog, &cx.tx.catalog) {
            break bound;
        }
    };
    if let Some(text) = text {
        return Ok((query, resolved, text));
    }
    let mut syntax = q.clone();
    view_text::qualify(&mut syntax, &resolved);
    Ok((query, resolved, syntax.to_string()))
}

/// Defaults of columns outlive OR REPLACE.
fn keep_defaults(old: &Relation, new: &mut [Column]) {
    for (o, n) in old.live_columns().zip(new) {
        n.default.clone_from(&o.default);
        n.default_oid = o.default_oid;
    }
}

/// CREATE VIEW.
pub async fn create(cx: &mut DdlCx<'_>, s: &ast::CreateView) -> Result<()> {
    let mut opts = Vec::new();
    options::set(options::Owner::View, &mut opts, &s.options)?;
    let check = match s.check {
        ast::CheckOption::No => None,
        ast::CheckOption::Local => Some("local"),
        ast::CheckOption::Cascaded => Some("cascaded"),
    };
    if let Some(check) = check {
        opts.retain(|o| o.0 != "check_option");
        opts.push(("check_option".to_owned(), check.to_owned()));
    }
    if opts.iter().any(|o| o.0 == "check_option")
        && let Some(why) = crate::bind::view_target::obstacle(&s.query)
    {
        return Err(
            DbError::unsupported("WITH CHECK OPTION is supported only on automatically updatable views").hint(why)
        );
    }
    let name = s.name.name.value.as_str();
    let (query, resolved, text) = stored_query(cx, &s.query).await?;
    let mut written = s.persistence;
    if written == ast::Persistence::Permanent && reads(&resolved, &|r| r.persistence == Persistence::Temporary) {
        written = ast::Persistence::Temporary;
        cx.notice(err(SqlState::SUCCESSFUL_COMPLETION, format!("view \"{name}\" will be a temporary view")));
    }
    let (ns, persistence) = temp::place(cx, &s.name, written).await?;
    let old = match cx.tx.catalog.relation_named(ns, name).map(|r| (r.oid, r.kind)) {
        None => None,
        Some(_) if !s.or_replace => {
            return Err(err(SqlState::DUPLICATE_TABLE, format!("relation \"{name}\" already exists")));
        }
        Some((oid, RelKind::View)) => {
            cx.lock(oid, TableLockMode::AccessExclusive).await?;
            let old = cx.relation(oid)?;
            cx.check_relation_owner(&old)?;
            Some(old)
        }
        Some(_) => return Err(err(SqlState::WRONG_OBJECT_TYPE, format!("\"{name}\" is not a view"))),
    };
    if old.as_ref().is_some_and(|o| reads(&resolved, &|r| r.oid == o.oid)) {
        return Err(err(
            SqlState::INVALID_OBJECT_DEFINITION,
            format!("infinite recursion detected in rules for relation \"{name}\""),
        ));
    }
    let columns = view_columns(s, &query.columns)?;
    for c in &columns {
        crate::acl::check::need_type(&cx.tx.catalog, c.ty.oid, cx.role)?;
    }
    let depends = dependencies(&cx.cat(), &query, &resolved);
    if let Some(o) = old {
        check_replacement(&o, &columns)?;
        let mut r = (*o).clone();
        r.columns = columns;
        keep_defaults(&o, &mut r.columns);
        r.view = Some(text);
        r.depends = depends;
        r.options = opts;
        return cx.put(r).await;
    }
    let mut r = Relation { persistence, ..super::table::blank_table(cx, ns, name).await? };
    r.kind = RelKind::View;
    r.rule_oid = cx.tx.new_oid().await?;
    r.columns = columns;
    r.view = Some(text);
    r.depends = depends;
    r.options = opts;
    r.stats = Arc::new(crate::catalog::RelStats { tuples: -1.0, ..(*r.stats).clone() });
    cx.put(r).await
}
