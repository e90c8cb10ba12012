//! ALTER … RENAME, OWNER TO and SET SCHEMA.

use super::{DdlCx, err, view_text};
use crate::bind::BindCx;
use crate::bind::canonical::{self, Renamed};
use crate::catalog::{Catalog, Constraint, ConstraintKind, Index, Namespace, RelKind, Relation, deparse};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{
    self, Expr, ExprKind, Ident, ObjectKind, ObjectRef, QuantifiedRight, RenamePart, Step, TableLockMode,
};
use std::collections::HashMap;
use std::sync::Arc;

/// Visits every column name in a kept expression (which has no queries in it).
pub fn each_column(e: &mut Expr, f: &mut dyn FnMut(&mut Ident)) {
    each_expr(e, &mut |x| {
        if let ExprKind::Column(c) = &mut x.kind
            && let Some(n) = c.parts.last_mut().filter(|_| !c.star)
        {
            f(n);
        }
    });
}

/// Visits an expression and everything in it, queries left out.
pub fn each_expr(e: &mut Expr, f: &mut dyn FnMut(&mut Expr)) {
    stacker::maybe_grow(64 * 1024, 1024 * 1024, || {
        f(e);
        children(e, &mut |c| each_expr(c, f));
    });
}

/// Calls `f` on the direct parts of an expression (queries in it are left alone).
fn children(e: &mut Expr, f: &mut dyn FnMut(&mut Expr)) {
    match &mut e.kind {
        ExprKind::Indirection(x, steps) => {
            f(x);
            for s in steps {
                match s {
                    Step::Index(e) => f(e),
                    Step::Slice(a, b) => a.iter_mut().chain(b).for_each(&mut *f),
                    Step::Field(_) | Step::Star => {}
                }
            }
        }
        ExprKind::Op(o) => {
            if let Some(l) = &mut o.left {
                f(l);
            }
            f(&mut o.right);
        }
        ExprKind::SqlJson(j) => j.exprs_mut().into_iter().for_each(&mut *f),
        ExprKind::Xml(x) => {
            x.named.iter_mut().map(|n| &mut n.0).chain(&mut x.args).for_each(&mut *f);
        }
        ExprKind::And(v)
        | ExprKind::Or(v)
        | ExprKind::Coalesce(v)
        | ExprKind::Greatest(v)
        | ExprKind::Least(v)
        | ExprKind::Array(v)
        | ExprKind::Grouping(v)
        | ExprKind::Row { fields: v, .. } => v.iter_mut().for_each(&mut *f),
        ExprKind::Not(x) | ExprKind::Is(x, _) | ExprKind::Cast(x, _) | ExprKind::Collate(x, _) => f(x),
        ExprKind::Distinct { left, right, .. } | ExprKind::NullIf(left, right) => {
            f(left);
            f(right);
        }
        ExprKind::In { arg, list, .. } => {
            f(arg);
            list.iter_mut().for_each(&mut *f);
        }
        ExprKind::Between(b) => {
            f(&mut b.arg);
            f(&mut b.low);
            f(&mut b.high);
        }
        ExprKind::Quantified(q) => {
            f(&mut q.left);
            if let QuantifiedRight::Array(e) = &mut q.right {
                f(e);
            }
        }
        ExprKind::Func(c) => c.args.iter_mut().for_each(|a| f(&mut a.value)),
        ExprKind::Case(c) => {
            c.operand.iter_mut().chain(&mut c.otherwise).for_each(&mut *f);
            for (w, t) in &mut c.whens {
                f(w);
                f(t);
            }
        }
        ExprKind::Column(_)
        | ExprKind::Literal(_)
        | ExprKind::Param(_)
        | ExprKind::SqlValue(_)
        | ExprKind::Default
        | ExprKind::CurrentOf(_)
        | ExprKind::ArrayQuery(_)
        | ExprKind::Subquery(_)
        | ExprKind::Exists(_) => {}
    }
}

/// Renames a column in a kept expression.
fn with_column(text: &str, from: &str, to: &str) -> Result<String> {
    let mut e = crate::bind::parse_expr(text)?;
    each_column(&mut e, &mut |n| {
        if n.value == from {
            to.clone_into(&mut n.value);
        }
    });
    Ok(deparse::expr(&e, deparse::STORED))
}

/// The query of a view after a relation or a column it reads got another name, in canonical form; `before` is the catalog
/// with the old name. `None` if the query has no such form.
fn renamed_query(cx: &DdlCx<'_>, before: &Arc<Catalog>, v: &Relation, renamed: &Renamed<'_>) -> Option<String> {
    let kept = v.view.as_deref()?;
    let parsed = rustydb_parser::parse(kept).ok()?;
    let Some(ast::Statement::Query(q)) = parsed.first().map(|p| &p.stmt) else { return None };
    let bind = BindCx { catalog: before, search_path: &cx.search_path, eval: cx.eval, role: v.owner, sql: kept };
    let names: Vec<String> = v.live_columns().map(|c| c.name.clone()).collect();
    Some(canonical::query(&bind, q, &names, &[], canonical::Purpose::Rename(renamed))?.to_string())
}

/// Rewrites the text of the views that name a relation which now has another name or schema. `before` is the catalog in
/// which it had the old name, if that is what changed.
async fn follow(
    cx: &mut DdlCx<'_>,
    rel: u32,
    from: (&str, &str),
    to: (&str, &str),
    before: Option<&Arc<Catalog>>,
) -> Result<()> {
    let mut views: Vec<Arc<Relation>> = cx
        .tx
        .catalog
        .relations
        .values()
        .filter(|v| v.view.is_some() && v.depends.iter().any(|d| d.ref_relation == rel))
        .cloned()
        .collect();
    views.sort_by_key(|v| v.oid);
    for v in views {
        let text = v.view.as_deref().unwrap_or_default();
        let renamed = Renamed { relation: rel, column: None, to: to.1 };
        let text = before
            .and_then(|b| renamed_query(cx, b, &v, &renamed))
            .or_else(|| view_text::rename_relation(text, from, to))
            .ok_or_else(|| DbError::internal(format!("the query of view \"{}\" does not parse", v.name)))?;
        cx.put(Relation { view: Some(text), ..(*v).clone() }).await?;
    }
    let reading = |r: &&Arc<Relation>| r.policies().iter().any(|p| p.reads(rel, None));
    let mut tables: Vec<Arc<Relation>> = cx.tx.catalog.relations.values().filter(reading).cloned().collect();
    tables.sort_by_key(|t| t.oid);
    for t in tables {
        // Renaming goes over queries, which the expression becomes for that.
        let acl = super::policy::rewritten(&t, &|text| {
            let query = view_text::rename_relation(&format!("SELECT {text}"), from, to);
            let query = query.ok_or_else(|| DbError::internal("the expression of a policy does not parse"))?;
            Ok(query.trim_start_matches("SELECT ").to_owned())
        })?;
        cx.put(Relation { acl, ..(*t).clone() }).await?;
    }
    Ok(())
}

fn named(o: &ObjectRef) -> Result<&ast::Name> {
    match o {
        ObjectRef::Name(n) => Ok(n),
        _ => Err(DbError::unsupported("this kind of object is not supported yet")),
    }
}

fn is_relation(kind: ObjectKind) -> bool {
    matches!(
        kind,
        ObjectKind::Table
            | ObjectKind::Index
            | ObjectKind::Sequence
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::ForeignTable
    )
}

/// Opens the relation of an ALTER; `None` when it is not there and IF EXISTS is written.
async fn target(
    cx: &mut DdlCx<'_>,
    kind: ObjectKind,
    name: &ast::Name,
    if_exists: bool,
) -> Result<Option<Arc<Relation>>> {
    let Some(rel) = cx.open(name, TableLockMode::AccessExclusive).await? else {
        if if_exists {
            cx.notice(err(
                SqlState::SUCCESSFUL_COMPLETION,
                format!("relation \"{}\" does not exist, skipping", name.plain()),
            ));
            return Ok(None);
        }
        return Err(cx.missing("relation", name));
    };
    super::alter::check_kind(kind, &rel)?;
    cx.check_relation_owner(&rel)?;
    Ok(Some(rel))
}

/// ALTER … RENAME.
pub async fn rename(cx: &mut DdlCx<'_>, s: &ast::Rename) -> Result<String> {
    let to = s.to.value.as_str();
    let tag = format!("ALTER {}", s.kind.sql());
    if is_relation(s.kind) {
        let Some(rel) = target(cx, s.kind, named(&s.object)?, s.if_exists).await? else { return Ok(tag) };
        match &s.part {
            RenamePart::Itself => rename_relation(cx, &rel, to).await?,
            RenamePart::Column(c) => rename_column_tree(cx, &rel, c, to, s.only).await?,
            RenamePart::Constraint(c) => rename_constraint_tree(cx, &rel, c, to, s.only).await?,
            RenamePart::Attribute(_) | RenamePart::Value(..) => {
                return Err(DbError::unsupported("renaming parts of types is not supported yet"));
            }
        }
        return Ok(tag);
    }
    match s.kind {
        ObjectKind::Schema => rename_schema(cx, &named(&s.object)?.name.value, to).await?,
        ObjectKind::Database => super::database::rename(cx, &named(&s.object)?.name.value, to).await?,
        ObjectKind::Policy => super::policy::rename(cx, &s.object, to).await?,
        ObjectKind::Statistics => super::statistics::rename(cx, named(&s.object)?, to).await?,
        ObjectKind::Role => super::role::rename(cx, &named(&s.object)?.name, &s.to).await?,
        ObjectKind::Rule => super::rule::rename(cx, &s.object).await?,
        kind => {
            if let Some(k) = super::schema_object::kind_of(kind) {
                super::schema_object::rename(cx, k, named(&s.object)?, to).await?;
                return Ok(tag);
            }
            if let Some(k) = super::opclass_names::kind_of(kind) {
                super::opclass_names::rename(cx, k, &s.object, to).await?;
                return Ok(tag);
            }
            let unknown = DbError::unsupported(format!("ALTER {} RENAME is not supported yet", kind.sql()));
            return Err(super::absent::error(cx, kind, &s.object).unwrap_or(unknown));
        }
    }
    Ok(tag)
}

async fn rename_relation(cx: &mut DdlCx<'_>, rel: &Arc<Relation>, to: &str) -> Result<()> {
    cx.check_create_in(rel.namespace, to)?;
    if cx.tx.catalog.relation_named(rel.namespace, to).is_some() {
        return Err(err(SqlState::DUPLICATE_TABLE, format!("relation \"{to}\" already exists")));
    }
    if let Some(i) = rel.indexes.first().filter(|_| rel.kind == RelKind::Index) {
        let table = cx.relation(i.table)?;
        let mut r = (*table).clone();
        rename_index(&mut r, rel.oid, to);
        for c in &mut r.constraints {
            if matches!(c.kind, ConstraintKind::Primary { index } | ConstraintKind::Unique { index } | ConstraintKind::Exclude { index } if index == rel.oid)
            {
                *c = Arc::new(Constraint { name: to.to_owned(), ..(**c).clone() });
            }
        }
        return cx.put(r).await;
    }
    let before = cx.cat();
    cx.put(Relation { name: to.to_owned(), ..(**rel).clone() }).await?;
    follow(cx, rel.oid, (&rel.schema, &rel.name), (&rel.schema, to), Some(&before)).await
}

fn rename_index(r: &mut Relation, index: u32, to: &str) {
    for i in &mut r.indexes {
        if i.oid == index {
            *i = Arc::new(Index { name: to.to_owned(), ..(**i).clone() });
        }
    }
}

/// Renames a column of a table and of those that have it from the table.
async fn rename_column_tree(
    cx: &mut DdlCx<'_>,
    rel: &Arc<Relation>,
    column: &Ident,
    to: &str,
    only: bool,
) -> Result<()> {
    if rel.of_type != 0 {
        return Err(err(SqlState::WRONG_OBJECT_TYPE, "cannot rename column of typed table"));
    }
    rename_column_everywhere(cx, rel, column, to, only).await
}

/// The same, of a typed table too.
pub async fn rename_column_everywhere(
    cx: &mut DdlCx<'_>,
    rel: &Arc<Relation>,
    column: &Ident,
    to: &str,
    only: bool,
) -> Result<()> {
    if rel.children.is_empty() && rel.parents.is_empty() {
        return rename_column(cx, rel, column, to).await;
    }
    let bad = |m: String| Err(err(SqlState::INVALID_TABLE_DEFINITION, m));
    if only && !rel.children.is_empty() {
        return bad(format!("inherited column \"{}\" must be renamed in child tables too", column.value));
    }
    let below = super::inherit::descendants(cx, rel.oid, TableLockMode::AccessExclusive).await?;
    let mut tables = vec![rel.oid];
    tables.extend(below);
    for t in &tables {
        let r = cx.relation(*t)?;
        let outside = r.parents.iter().filter(|p| !tables.contains(p)).filter_map(|p| cx.tx.catalog.relation(*p));
        let theirs = outside.filter(|p| p.column(&column.value).is_some()).count();
        if theirs > 0 && r.column(&column.value).is_some_and(|c| c.lineage.parents > 0) {
            return bad(format!("cannot rename inherited column \"{}\"", column.value));
        }
    }
    // The tables below come first: a name that is taken there is told of them.
    tables.rotate_left(1);
    for t in tables {
        let r = cx.relation(t)?;
        rename_column(cx, &r, column, to).await?;
    }
    Ok(())
}

/// Renames a constraint of a table and of those that have it from the table.
async fn rename_constraint_tree(
    cx: &mut DdlCx<'_>,
    rel: &Arc<Relation>,
    name: &Ident,
    to: &str,
    only: bool,
) -> Result<()> {
    let found = rel.constraints.iter().find(|k| k.name == name.value).cloned();
    let Some(k) = found.filter(|k| matches!(k.kind, ConstraintKind::Check(_)) && !k.no_inherit) else {
        return rename_constraint(cx, rel, name, to).await;
    };
    let bad = |m: String| Err(err(SqlState::INVALID_TABLE_DEFINITION, m));
    if only && !rel.children.is_empty() {
        return bad(format!("inherited constraint \"{}\" must be renamed in child tables too", k.name));
    }
    if k.lineage.parents > 0 {
        return bad(format!("cannot rename inherited constraint \"{}\"", k.name));
    }
    let below = super::inherit::descendants(cx, rel.oid, TableLockMode::AccessExclusive).await?;
    for t in std::iter::once(rel.oid).chain(below) {
        let r = cx.relation(t)?;
        if r.constraints.iter().any(|x| x.name == name.value) {
            rename_constraint(cx, &r, name, to).await?;
        }
    }
    Ok(())
}

async fn rename_column(cx: &mut DdlCx<'_>, rel: &Arc<Relation>, column: &Ident, to: &str) -> Result<()> {
    if !matches!(rel.kind, RelKind::Table | RelKind::View | RelKind::MaterializedView) {
        return Err(err(SqlState::WRONG_OBJECT_TYPE, format!("cannot rename columns of relation \"{}\"", rel.name))
            .detail(format!("This operation is not supported for {}.", super::sequence::plural(rel.kind))));
    }
    let at = rel
        .columns
        .iter()
        .position(|c| !c.dropped && c.name == column.value)
        .ok_or_else(|| err(SqlState::UNDEFINED_COLUMN, format!("column \"{}\" does not exist", column.value)))?;
    super::column::check_name(to)?;
    if rel.column(to).is_some() {
        return Err(err(
            SqlState::DUPLICATE_COLUMN,
            format!("column \"{to}\" of relation \"{}\" already exists", rel.name),
        ));
    }
    let attnum = i32::from(rel.columns[at].attnum);
    let reading = |v: &&Arc<Relation>| {
        v.view.is_some() && v.depends.iter().any(|d| d.ref_relation == rel.oid && d.ref_sub == attnum)
    };
    let mut views: Vec<Arc<Relation>> = cx.tx.catalog.relations.values().filter(reading).cloned().collect();
    views.sort_by_key(|v| v.oid);
    let before = cx.cat();
    for v in views {
        let renamed = Renamed { relation: rel.oid, column: i16::try_from(attnum).ok(), to };
        let text = renamed_query(cx, &before, &v, &renamed).ok_or_else(|| {
            DbError::unsupported(format!("renaming a column that view \"{}\" uses so is not supported yet", v.name))
        })?;
        cx.put(Relation { view: Some(text), ..(*v).clone() }).await?;
    }
    let mut r = (**rel).clone();
    to.clone_into(&mut r.columns[at].name);
    if rel.kind == RelKind::View {
        return cx.put(r).await;
    }
    let from = column.value.as_str();
    for c in r.columns.iter_mut().filter(|c| c.generated != '\0') {
        if let Some(text) = &c.default {
            c.default = Some(with_column(text, from, to)?);
        }
    }
    for k in &mut r.constraints {
        if let ConstraintKind::Check(text) = &k.kind {
            let text = with_column(text, from, to)?;
            *k = Arc::new(Constraint { kind: ConstraintKind::Check(text), ..(**k).clone() });
        }
    }
    for i in &mut r.indexes {
        let mut ix = (**i).clone();
        for k in &mut ix.keys {
            if let Some(text) = &k.expr {
                k.expr = Some(with_column(text, from, to)?);
            }
        }
        if let Some(text) = &ix.predicate {
            ix.predicate = Some(with_column(text, from, to)?);
        }
        *i = Arc::new(ix);
    }
    for x in &mut r.extended {
        let mut new = (**x).clone();
        for text in &mut new.exprs {
            *text = with_column(text, from, to)?;
        }
        *x = Arc::new(new);
    }
    r.acl = super::policy::rewritten(&r, &|text| with_column(text, from, to))?;
    cx.put(r).await
}

async fn rename_constraint(cx: &mut DdlCx<'_>, rel: &Arc<Relation>, name: &Ident, to: &str) -> Result<()> {
    let mut r = (**rel).clone();
    let Some(k) = r.constraints.iter_mut().find(|k| k.name == name.value) else {
        return Err(err(
            SqlState::UNDEFINED_OBJECT,
            format!("constraint \"{}\" for table \"{}\" does not exist", name.value, rel.name),
        ));
    };
    super::constraint::check_free(rel, to)?;
    *k = Arc::new(Constraint { name: to.to_owned(), ..(**k).clone() });
    if let Some(index) = k.index() {
        if cx.tx.catalog.relation_named(rel.namespace, to).is_some() {
            return Err(err(SqlState::DUPLICATE_TABLE, format!("relation \"{to}\" already exists")));
        }
        rename_index(&mut r, index, to);
    }
    cx.put(r).await
}

async fn rename_schema(cx: &mut DdlCx<'_>, from: &str, to: &str) -> Result<()> {
    let Some(ns) = cx.tx.catalog.namespace_named(from).and_then(|o| cx.tx.catalog.namespaces.get(&o).cloned()) else {
        return Err(err(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{from}\" does not exist")));
    };
    cx.check_owner(ns.owner, "schema", from)?;
    if cx.tx.catalog.namespace_named(to).is_some() {
        return Err(err(SqlState::DUPLICATE_SCHEMA, format!("schema \"{to}\" already exists")));
    }
    super::schema::check_name(to)?;
    if from.starts_with("pg_") || from == "information_schema" {
        return Err(err(SqlState::INSUFFICIENT_PRIVILEGE, format!("permission denied for schema {from}")));
    }
    let mut inside: Vec<u32> = cx
        .tx
        .catalog
        .relations
        .values()
        .filter(|r| r.namespace == ns.oid && r.kind != RelKind::Index)
        .map(|r| r.oid)
        .collect();
    inside.sort_unstable();
    for o in &inside {
        cx.lock(*o, TableLockMode::AccessExclusive).await?;
    }
    cx.tx.put_namespace(Namespace { name: to.to_owned(), ..(*ns).clone() }).await?;
    for o in inside {
        let r = cx.relation(o)?;
        let name = r.name.clone();
        cx.put(Relation { schema: to.to_owned(), ..(*r).clone() }).await?;
        follow(cx, o, (from, &name), (to, &name), None).await?;
    }
    Ok(())
}

/// ALTER … OWNER TO of what is not a relation.
pub async fn owner(cx: &mut DdlCx<'_>, s: &ast::AlterOwner) -> Result<String> {
    let role = cx.role_of(&s.owner)?;
    if let Some(k) = super::schema_object::kind_of(s.kind).filter(|k| k.owned()) {
        super::schema_object::set_owner(cx, k, named(&s.object)?, role).await?;
        return Ok(format!("ALTER {}", s.kind.sql()));
    }
    if s.kind == ObjectKind::LargeObject {
        super::large_object::set_owner(cx, &s.object, role).await?;
        return Ok("ALTER LARGE OBJECT".into());
    }
    if let Some(k) = super::opclass_names::kind_of(s.kind) {
        super::opclass_names::set_owner(cx, k, &s.object, role).await?;
        return Ok(format!("ALTER {}", s.kind.sql()));
    }
    if let Some(e) = super::absent::error(cx, s.kind, &s.object) {
        return Err(e);
    }
    let name = &named(&s.object)?.name.value;
    match s.kind {
        ObjectKind::Schema => {
            let oid = cx.need_schema_named(name)?;
            let Some(ns) = cx.tx.catalog.namespaces.get(&oid).cloned() else { return Ok("ALTER SCHEMA".into()) };
            if role != ns.owner {
                cx.check_owner(ns.owner, "schema", name)?;
                super::owned::check_new_owner(cx, role, None)?;
                cx.check_create_in_database()?;
                super::owned::give_schema(cx, &ns, role).await?;
            }
            Ok("ALTER SCHEMA".into())
        }
        ObjectKind::Statistics => {
            super::statistics::set_owner(cx, named(&s.object)?, role).await?;
            Ok("ALTER STATISTICS".into())
        }
        ObjectKind::Database => {
            let Some(db) = cx.tx.catalog.databases.get(name).cloned() else {
                return Err(err(SqlState::UNDEFINED_DATABASE, format!("database \"{name}\" does not exist")));
            };
            if role != db.owner {
                cx.check_owner(db.owner, "database", name)?;
                super::owned::check_new_owner(cx, role, None)?;
                if !cx.is_superuser() && !cx.tx.catalog.roles.get(&cx.role).is_some_and(|r| r.create_db) {
                    return Err(err(SqlState::INSUFFICIENT_PRIVILEGE, "permission denied to change owner of database"));
                }
                super::owned::give_database(cx, &db, role).await?;
            }
            Ok("ALTER DATABASE".into())
        }
        kind => Err(DbError::unsupported(format!("ALTER {} OWNER TO is not supported yet", kind.sql()))),
    }
}

/// ALTER … SET SCHEMA.
pub async fn set_schema(cx: &mut DdlCx<'_>, s: &ast::AlterObjectSchema) -> Result<String> {
    let tag = format!("ALTER {}", s.kind.sql());
    if s.kind == ObjectKind::Statistics {
        super::statistics::set_schema(cx, named(&s.object)?, &s.schema.value).await?;
        return Ok(tag);
    }
    if let Some(k) = super::schema_object::kind_of(s.kind) {
        super::schema_object::set_schema(cx, k, named(&s.object)?, &s.schema.value).await?;
        return Ok(tag);
    }
    if let Some(k) = super::opclass_names::kind_of(s.kind) {
        super::opclass_names::set_schema(cx, k, &s.object, &s.schema.value).await?;
        return Ok(tag);
    }
    if s.kind == ObjectKind::Extension {
        super::extension::set_schema(cx, named(&s.object)?, &s.schema.value).await?;
        return Ok(tag);
    }
    if !is_relation(s.kind) {
        let unknown = DbError::unsupported(format!("ALTER {} SET SCHEMA is not supported yet", s.kind.sql()));
        return Err(super::absent::error(cx, s.kind, &s.object).unwrap_or(unknown));
    }
    let Some(rel) = target(cx, s.kind, named(&s.object)?, s.if_exists).await? else { return Ok(tag) };
    if rel.kind == RelKind::Index {
        return Err(err(SqlState::WRONG_OBJECT_TYPE, format!("cannot change schema of index \"{}\"", rel.name))
            .hint("Change the schema of the table instead."));
    }
    if let Some((t, _)) = rel.sequence.as_ref().and_then(|s| s.owned_by) {
        let table = cx.relation(t)?;
        return Err(DbError::unsupported("cannot move an owned sequence into another schema")
            .detail(format!("Sequence \"{}\" is linked to table \"{}\".", rel.name, table.name)));
    }
    let to = s.schema.value.as_str();
    let ns = cx
        .schema_named(to)
        .ok_or_else(|| err(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{to}\" does not exist")))?;
    if ns == rel.namespace {
        return Ok(tag);
    }
    if [ns, rel.namespace].iter().any(|n| super::temp::is_temporary(&cx.tx.catalog, *n)) {
        return Err(DbError::unsupported("cannot move objects into or out of temporary schemas"));
    }
    cx.check_create_in(ns, &rel.name)?;
    let moved: Vec<Arc<Relation>> = std::iter::once(Arc::clone(&rel)).chain(owned_sequences(cx, rel.oid)).collect();
    for m in &moved {
        for name in std::iter::once(&m.name).chain(m.indexes.iter().map(|i| &i.name)) {
            if cx.tx.catalog.relation_named(ns, name).is_some() {
                return Err(err(
                    SqlState::DUPLICATE_TABLE,
                    format!("relation \"{name}\" already exists in schema \"{to}\""),
                ));
            }
        }
    }
    move_relation(cx, &rel, ns, to, &HashMap::new()).await?;
    Ok(tag)
}

/// The sequences that columns of a relation own.
pub(super) fn owned_sequences(cx: &DdlCx<'_>, rel: u32) -> Vec<Arc<Relation>> {
    let of = |s: &&Arc<Relation>| s.sequence.as_ref().and_then(|s| s.owned_by).is_some_and(|o| o.0 == rel);
    let mut found: Vec<Arc<Relation>> = cx.tx.catalog.relations.values().filter(of).cloned().collect();
    found.sort_by_key(|s| s.oid);
    found
}

/// Moves a relation with its indexes, constraints and owned sequences into another schema; `names` are new names of some of
/// them (an index's constraint is called like it).
pub(super) async fn move_relation(
    cx: &mut DdlCx<'_>,
    rel: &Arc<Relation>,
    ns: u32,
    to: &str,
    names: &HashMap<u32, String>,
) -> Result<()> {
    let moved: Vec<Arc<Relation>> = std::iter::once(Arc::clone(rel)).chain(owned_sequences(cx, rel.oid)).collect();
    let called = |oid: u32, now: &str| names.get(&oid).cloned().unwrap_or_else(|| now.to_owned());
    for m in moved {
        let name = called(m.oid, &m.name);
        let mut r = Relation { namespace: ns, schema: to.to_owned(), name: name.clone(), ..(*m).clone() };
        r.indexes = r
            .indexes
            .iter()
            .map(|i| Arc::new(Index { namespace: ns, name: called(i.oid, &i.name), ..(**i).clone() }))
            .collect();
        r.constraints = r
            .constraints
            .iter()
            .map(|c| {
                let name = match c.kind {
                    ConstraintKind::Primary { index } | ConstraintKind::Unique { index } => called(index, &c.name),
                    _ => c.name.clone(),
                };
                Arc::new(Constraint { namespace: ns, name, ..(**c).clone() })
            })
            .collect();
        cx.put(r).await?;
        follow(cx, m.oid, (&m.schema, &m.name), (to, &name), None).await?;
    }
    Ok(())
}
