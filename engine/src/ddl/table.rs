//! CREATE TABLE, and the table of CREATE TABLE AS.

use super::column::{self, Built, Kept, OwnSequence};
use super::constraint::{Key, add_check, add_key, own_names};
use super::names::{choose_constraint_name, choose_relation_name, name_addition};
use super::{DdlCx, attach, comment, err, foreign, inherit, matview, options, partition, sequence, temp};
use crate::catalog::rows::table as catalog_table;
use crate::catalog::{Constraint, ConstraintKind, Dependency, Index, Persistence, RelKind, RelStats, Relation};
use crate::plan::ir::OutputColumn;
use rustydb_base::{DbError, RelId, Result, SqlState};
use rustydb_parser::ast::{self, LikeOption, TableElement, TableLockMode};
use rustydb_storage::am::TableMethod;
use rustydb_storage::store::Durability;
use rustydb_types::datum::TypeRef;
use rustydb_types::oid;
use std::collections::HashMap;
use std::sync::Arc;

/// The table method that USING or, without it, `default_table_access_method` names.
fn table_method(cx: &DdlCx<'_>, method: Option<&ast::Ident>) -> Result<TableMethod> {
    let default = || cx.eval.session.setting("default_table_access_method");
    let name = method.map(|m| m.value.clone()).or_else(default).unwrap_or_default();
    if let Some(m) = TableMethod::named(if name.is_empty() { "heap" } else { &name }) {
        return Ok(m);
    }
    match name.as_str() {
        m if rustydb_types::pgdata::access_methods().iter().any(|a| a.amname == m) => {
            Err(err(SqlState::WRONG_OBJECT_TYPE, format!("access method \"{m}\" is not of type TABLE")))
        }
        m => Err(err(SqlState::UNDEFINED_OBJECT, format!("access method \"{m}\" does not exist"))),
    }
}

/// What becomes of the pages of a new table.
fn durability(method: TableMethod, rel: &Relation) -> Result<Durability> {
    Ok(method.am()?.durability(rel.durability()))
}

fn check_tablespace(t: Option<&ast::Ident>) -> Result<()> {
    match t.map(|t| t.value.as_str()) {
        None | Some("pg_default") => Ok(()),
        Some(t) => Err(err(SqlState::UNDEFINED_OBJECT, format!("tablespace \"{t}\" does not exist"))),
    }
}

/// A table without columns.
pub async fn blank_table(cx: &mut DdlCx<'_>, ns: u32, name: &str) -> Result<Relation> {
    Ok(Relation {
        oid: cx.tx.new_oid().await?,
        name: name.to_owned(),
        namespace: ns,
        schema: cx.namespace_name(ns),
        kind: RelKind::Table,
        owner: cx.role,
        persistence: Persistence::Permanent,
        row_type: cx.tx.new_oid().await?,
        row_array_type: cx.tx.new_oid().await?,
        row_array_name: String::new(),
        rule_oid: 0,
        depends: Vec::new(),
        columns: Vec::new(),
        storage: None,
        indexes: Vec::new(),
        constraints: Vec::new(),
        referenced_by: Vec::new(),
        view: None,
        populated: true,
        sequence: None,
        stats: Arc::new(RelStats { tuples: -1.0, pages: 0, columns: HashMap::new() }),
        options: Vec::new(),
        version: 0,
        parents: Vec::new(),
        children: Vec::new(),
        partition_key: None,
        bound: None,
        extended: Vec::new(),
        acl: super::grant::initial_relation(cx, RelKind::Table, cx.role, ns),
        replica_identity: None,
        of_type: 0,
        detaching: None,
    })
}

/// What LIKE brings along besides columns.
enum Copied {
    Check { name: String, text: String, columns: Vec<String>, comment: Option<String>, no_inherit: bool },
    Index { index: Arc<Index>, source: Arc<Relation>, constraint: Option<ConstraintKind>, comment: Option<String> },
    Comment { column: String, text: String },
}

/// A table definition being put together.
#[derive(Default)]
struct Draft {
    built: Vec<Built>,
    constraints: Vec<ast::Constraint>,
    copied: Vec<Copied>,
    statistics: Vec<super::statistics::Copied>,
    inherited: Vec<inherit::InheritedCheck>,
    partition_of: Option<Arc<Relation>>,
    /// How its rows are kept.
    method: TableMethod,
}

/// CREATE TABLE.
pub async fn create(cx: &mut DdlCx<'_>, s: &ast::CreateTable) -> Result<()> {
    if s.partition_by.is_some() && !s.inherits.is_empty() {
        let what = "cannot create partitioned table as inheritance child";
        return Err(err(SqlState::INVALID_OBJECT_DEFINITION, what));
    }
    let at = cx.pos(s.name.pos());
    let (ns, persistence) = temp::place(cx, &s.name, s.persistence).await.map_err(|e| e.at(at))?;
    temp::check_on_commit(s.on_commit, persistence)?;
    let name = s.name.name.value.as_str();
    if cx.taken(ns, name, s.if_not_exists)? {
        return Ok(());
    }
    if cx.tx.catalog.type_named(ns, name).is_some() {
        super::types::check_free(cx, ns, name).await.map_err(|e| {
            e.hint(
                "A relation has an associated type of the same name, so you must use a name that doesn't conflict with any existing type.",
            )
        })?;
    }
    let method = table_method(cx, s.method.as_ref())?;
    if s.partition_by.is_some() && s.method.is_some() {
        return Err(DbError::unsupported("specifying a table access method is not supported on a partitioned table"));
    }
    check_tablespace(s.tablespace.as_ref())?;
    let mut draft = Draft { method, ..Draft::default() };
    let parents: Vec<ast::Name> = match &s.partition_of {
        Some((parent, _)) => vec![parent.clone()],
        None => s.inherits.clone(),
    };
    let is_partition = s.partition_of.is_some();
    let mut inherited = inherit::from_parents(cx, &parents, is_partition).await?;
    let of = match &s.of_type {
        Some(name) => Some(super::typed::of_type(cx, name)?),
        None => None,
    };
    let elements = match &of {
        Some(of) => std::borrow::Cow::Owned(super::typed::elements(of, &s.elements)?),
        None => std::borrow::Cow::Borrowed(&s.elements[..]),
    };
    for oid in &inherited.parents {
        let parent = cx.relation(*oid)?;
        let temporary = |p: Persistence| p == Persistence::Temporary;
        let text = match (temporary(parent.persistence), temporary(persistence), is_partition) {
            (true, false, true) => "cannot create a permanent relation as partition of temporary relation",
            (true, false, false) => "cannot inherit from temporary relation",
            (false, true, true) => "cannot create a temporary relation as partition of permanent relation",
            _ => continue,
        };
        return Err(err(SqlState::WRONG_OBJECT_TYPE, format!("{text} \"{}\"", parent.name)));
    }
    for e in elements.iter() {
        match e {
            TableElement::Column(c) => {
                if s.of_type.is_some() || is_partition {
                    check_not_own(c, if is_partition { "partitions" } else { "typed tables" })?;
                }
                let typed = partition_column(cx, &inherited, c, is_partition)?;
                let b = column::build(cx, name, attnum(draft.built.len())?, typed.as_ref().unwrap_or(c))?;
                add_column(&mut draft, b)?;
            }
            TableElement::Constraint(c) => draft.constraints.push((**c).clone()),
            TableElement::Like(l) => like(cx, &mut draft, l).await?,
        }
    }
    let of_type = of.map_or(0, |of| of.row_type);
    // A column's sequence is made before its table.
    for own in draft.built.iter_mut().filter_map(|b| b.sequence.as_mut()) {
        own.oid = Some(cx.tx.new_oid().await?);
    }
    let mut rel = Relation { persistence, of_type, ..blank_table(cx, ns, name).await? };
    temp::note_on_commit(cx, rel.oid, s.on_commit);
    if s.partition_by.is_some() && !s.options.is_empty() {
        let name = s.options.first().map_or("", |o| o.name.value.as_str());
        return Err(err(SqlState::INVALID_PARAMETER_VALUE, format!("unrecognized parameter \"{name}\"")));
    }
    options::set(options::Owner::Table, &mut rel.options, &s.options)?;
    let own = std::mem::take(&mut draft.built);
    draft.built = inherit::merge_columns(cx, &mut inherited, own, is_partition)?;
    rel.columns = draft.built.iter().map(|b| b.column.clone()).collect();
    rel.parents = inherited.parents;
    draft.inherited = inherited.checks;
    if let Some(by) = &s.partition_by {
        rel.partition_key = Some(Arc::new(partition::key(cx, &Arc::new(rel.clone()), by)?));
    }
    if let (Some((_, bound)), Some(parent)) = (&s.partition_of, rel.parents.first().copied()) {
        let parent = cx.relation(parent)?;
        rel.bound = Some(attach::new_bound(cx, &parent, name, bound).await?.1);
        draft.partition_of = Some(parent);
    }
    finish(cx, rel, draft).await
}

/// 0A000 for what a column of a partition or of a typed table cannot have of its own.
fn check_not_own(c: &ast::ColumnDef, of: &str) -> Result<()> {
    let what = c.constraints.iter().find_map(|k| match &k.kind {
        ast::ConstraintKind::Identity { .. } => Some("identity"),
        // From PostgreSQL 18 on, where there are virtual ones, partitions may have their own expressions.
        ast::ConstraintKind::Generated { stored, .. } if *stored || of != "partitions" => Some("generated"),
        _ => None,
    });
    match what {
        None => Ok(()),
        Some(what) => Err(DbError::unsupported(format!("{what} columns are not supported on {of}"))),
    }
}

/// A column of PARTITION OF, which is written without a type: the parent's.
fn partition_column(
    cx: &DdlCx<'_>,
    inherited: &inherit::Inherited,
    c: &ast::ColumnDef,
    is_partition: bool,
) -> Result<Option<ast::ColumnDef>> {
    if !is_partition || c.ty.is_some() {
        return Ok(None);
    }
    let of_parent = inherited.columns.iter().find(|b| b.column.name == c.name.value).ok_or_else(|| {
        err(SqlState::UNDEFINED_COLUMN, format!("column \"{}\" does not exist", c.name.value)).at(cx.pos(ast::NO_POS))
    })?;
    Ok(Some(ast::ColumnDef { ty: Some(crate::bind::define::type_syntax(of_parent.column.ty)), ..c.clone() }))
}

/// The number of a column behind `before` others.
pub fn attnum(before: usize) -> Result<i16> {
    if before >= column::MAX_COLUMNS {
        return Err(err(
            SqlState::TOO_MANY_COLUMNS,
            format!("tables can have at most {} columns", column::MAX_COLUMNS),
        ));
    }
    Ok(before as i16 + 1)
}

fn add_column(draft: &mut Draft, mut b: Built) -> Result<()> {
    if draft.built.iter().any(|o| o.column.name == b.column.name) {
        return Err(err(SqlState::DUPLICATE_COLUMN, format!("column \"{}\" specified more than once", b.column.name)));
    }
    draft.constraints.append(&mut b.constraints);
    draft.built.push(b);
    Ok(())
}

/// Makes a column's sequence and its default.
pub async fn give_sequence(cx: &mut DdlCx<'_>, rel: &mut Relation, at: usize, own: OwnSequence) -> Result<()> {
    let column = rel.columns[at].clone();
    let (ns, name) = match &own.name {
        Some(n) => {
            let (ns, _) = temp::place(cx, n, ast::Persistence::Permanent).await?;
            cx.taken(ns, &n.name.value, false)?;
            (ns, n.name.value.clone())
        }
        None => {
            let taken = own_names(rel);
            let n = choose_relation_name(&cx.cat(), rel.namespace, &taken, &rel.name, Some(&column.name), "seq", false);
            (rel.namespace, n)
        }
    };
    let table = sequence::OwnerTable { oid: rel.oid, owner: rel.owner, persistence: rel.persistence };
    let oid = match own.oid {
        Some(oid) => oid,
        None => cx.tx.new_oid().await?,
    };
    sequence::create_owned(cx, oid, (ns, &name), &table, own.seq, column.attnum, own.identity).await?;
    if !own.identity {
        let default_oid = cx.tx.new_oid().await?;
        let c = &mut rel.columns[at];
        c.default = Some(format!("nextval('{oid}'::regclass)"));
        c.default_oid = default_oid;
        rel.depends.push(Dependency { sub: i32::from(column.attnum), ref_relation: oid, ref_sub: 0, kind: 'n' });
    }
    Ok(())
}

/// Sets a column's kept default and what it depends on.
pub async fn give_default(cx: &mut DdlCx<'_>, rel: &mut Relation, at: usize, kept: &Kept) -> Result<()> {
    let sub = i32::from(rel.columns[at].attnum);
    rel.depends.retain(|d| d.sub != sub);
    rel.columns[at].default.clone_from(&kept.text);
    rel.columns[at].default_oid = if kept.text.is_some() { cx.tx.new_oid().await? } else { 0 };
    let relations = kept.relations.iter().filter(|r| cx.tx.catalog.relation(**r).is_some());
    let depends: Vec<Dependency> =
        relations.map(|r| Dependency { sub, ref_relation: *r, ref_sub: 0, kind: 'n' }).collect();
    rel.depends.extend(depends);
    Ok(())
}

async fn finish(cx: &mut DdlCx<'_>, mut rel: Relation, draft: Draft) -> Result<()> {
    let Draft { built, constraints, copied, statistics, inherited, partition_of, method } = draft;
    let mut late = Vec::new();
    for (at, b) in built.into_iter().enumerate() {
        if let Some(e) = b.late {
            late.push((at, e));
        }
        if let Some(own) = b.sequence {
            give_sequence(cx, &mut rel, at, own).await?;
        } else if let Some(e) = &b.generated {
            let kept = column::generated_of(cx, &Arc::new(rel.clone()), &b.column, e)?;
            give_default(cx, &mut rel, at, &kept).await?;
        } else if b.default.text.is_some() {
            give_default(cx, &mut rel, at, &b.default).await?;
        }
    }
    // Now that the sequences of serial columns are there, and names in `regclass` texts find them.
    if !late.is_empty()
        && let Some(session) = cx.eval.session.as_any().downcast_ref::<crate::session::shared::SessionShared>()
    {
        session.set_catalog(&cx.tx.catalog);
    }
    for (at, e) in late {
        let c = &rel.columns[at];
        let kept = column::default_of(cx, &c.name, c.ty, &e)?;
        give_default(cx, &mut rel, at, &kept).await?;
    }
    inherit::add_checks(cx, &mut rel, &inherited).await?;
    for c in &constraints {
        if let ast::ConstraintKind::Check(e) = &c.kind {
            // Rows that a new table does not have need no check.
            let c = ast::Constraint { not_valid: false, ..c.clone() };
            add_check(cx, &mut rel, &c, e).await?;
        }
    }
    let mut comments = copy_checks(cx, &mut rel, &copied).await?;
    // Primary keys come first, as their columns' NOT NULL concerns the rest.
    for first in [true, false] {
        for c in &constraints {
            let key = match &c.kind {
                ast::ConstraintKind::PrimaryKey(def) if first => {
                    Key { constraint: c, def, primary: true, nulls_not_distinct: false }
                }
                ast::ConstraintKind::Unique { key, nulls_not_distinct } if !first => {
                    Key { constraint: c, def: key, primary: false, nulls_not_distinct: *nulls_not_distinct }
                }
                _ => continue,
            };
            add_key(cx, &mut rel, &key, true).await?;
        }
    }
    for c in &constraints {
        if let ast::ConstraintKind::Exclude(x) = &c.kind {
            super::exclude::add(cx, &mut rel, c, x).await?;
        }
    }
    comments.extend(copy_indexes(cx, &mut rel, &copied).await?);
    comments.extend(super::statistics::copy(cx, &mut rel, &statistics).await?);
    for c in &constraints {
        if let ast::ConstraintKind::ForeignKey(f) = &c.kind {
            let c = ast::Constraint { not_valid: false, ..c.clone() };
            foreign::add(cx, &mut rel, &c, f).await?;
        }
    }
    if let Some(parent) = &partition_of {
        attach::complete(cx, parent, &mut rel).await?;
    }
    if !rel.is_partitioned() {
        rel.storage = Some(cx.tx.create_heap(durability(method, &rel)?).await?);
    }
    let (oid, columns) = (rel.oid, rel.columns.clone());
    let refers = rel.constraints.iter().any(|c| matches!(c.kind, ConstraintKind::Foreign { .. }));
    cx.put(rel).await?;
    if refers {
        super::reference::settle(cx, oid).await?;
    }
    if let Some(parent) = &partition_of {
        super::reference::settle_referring(cx, parent).await?;
    }
    for c in &copied {
        if let Copied::Comment { column, text } = c
            && let Some(x) = columns.iter().find(|x| &x.name == column)
        {
            comment::write(cx, oid, catalog_table::PG_CLASS, i32::from(x.attnum), Some(text)).await?;
        }
    }
    for (object, class, text) in comments {
        comment::write(cx, object, class, 0, Some(&text)).await?;
    }
    Ok(())
}

// ---- LIKE ------------------------------------------------------------------------------------------------------

fn includes(l: &ast::TableLike, o: LikeOption) -> bool {
    l.options.iter().rfind(|(_, x)| *x == o || *x == LikeOption::All).is_some_and(|x| x.0)
}

/// The comment on an object, if LIKE takes comments over.
async fn copied_comment(cx: &mut DdlCx<'_>, l: &ast::TableLike, oid: u32, class: u32) -> Result<Option<String>> {
    if !includes(l, LikeOption::Comments) {
        return Ok(None);
    }
    comment::read(cx, oid, class, 0).await
}

async fn like(cx: &mut DdlCx<'_>, draft: &mut Draft, l: &ast::TableLike) -> Result<()> {
    let Some(src) = cx.open(&l.table, TableLockMode::AccessShare).await? else {
        return Err(cx.missing("relation", &l.table).at(cx.pos(l.table.pos())));
    };
    if matches!(src.kind, RelKind::Index | RelKind::Sequence) {
        return Err(err(SqlState::WRONG_OBJECT_TYPE, format!("relation \"{}\" is invalid in LIKE clause", src.name))
            .detail(format!("This operation is not supported for {}.", sequence::plural(src.kind)))
            .at(cx.pos(l.table.pos())));
    }
    let has = |o: LikeOption| includes(l, o);
    for c in src.live_columns() {
        let mut x = column::blank(attnum(draft.built.len())?, &c.name, c.ty);
        x.not_null = c.not_null;
        if has(LikeOption::Storage) {
            x.tuning.storage = c.tuning.storage;
        }
        if has(LikeOption::Compression) {
            x.tuning.compression = c.tuning.compression;
        }
        let mut default = Kept::default();
        let mut own = None;
        if c.generated != '\0' && has(LikeOption::Generated) || c.generated == '\0' && has(LikeOption::Defaults) {
            x.generated = c.generated;
            default.text.clone_from(&c.default);
            default.relations =
                src.depends.iter().filter(|d| d.sub == i32::from(c.attnum)).map(|d| d.ref_relation).collect();
        }
        if c.identity != '\0' && has(LikeOption::Identity) {
            x.identity = c.identity;
            own = super::identity::sequence_of(&cx.cat(), src.oid, c.attnum)
                .and_then(|r| r.sequence.clone())
                .map(|seq| OwnSequence { seq, oid: None, name: None, identity: true });
        }
        x.default.clone_from(&default.text);
        if has(LikeOption::Comments)
            && let Some(text) = comment::read(cx, src.oid, catalog_table::PG_CLASS, i32::from(c.attnum)).await?
        {
            draft.copied.push(Copied::Comment { column: c.name.clone(), text });
        }
        let b = Built { column: x, constraints: vec![], sequence: own, generated: None, default, late: None };
        add_column(draft, b)?;
    }
    let names = |list: &[i16]| -> Vec<String> {
        list.iter().filter_map(|a| src.attribute(*a)).map(|c| c.name.clone()).collect()
    };
    if has(LikeOption::Constraints) {
        for c in &src.constraints {
            if let ConstraintKind::Check(text) = &c.kind {
                let (name, text) = (c.name.clone(), text.clone());
                let comment = copied_comment(cx, l, c.oid, catalog_table::PG_CONSTRAINT).await?;
                let (columns, no_inherit) = (names(&c.columns), c.no_inherit);
                draft.copied.push(Copied::Check { name, text, columns, comment, no_inherit });
            }
        }
    }
    if has(LikeOption::Statistics) {
        for x in &src.extended {
            let comment = copied_comment(cx, l, x.oid, catalog_table::PG_STATISTIC_EXT).await?;
            let (from, source) = (Arc::clone(x), Arc::clone(&src));
            draft.statistics.push(super::statistics::Copied { from, source, comment });
        }
    }
    if has(LikeOption::Indexes) {
        for i in &src.indexes {
            let constraint = src
                .constraints
                .iter()
                .find(|c| {
                    matches!(c.kind, ConstraintKind::Primary { index } | ConstraintKind::Unique { index } | ConstraintKind::Exclude { index } if index == i.oid)
                })
                .map(|c| c.kind.clone());
            let comment = copied_comment(cx, l, i.oid, catalog_table::PG_CLASS).await?;
            let (index, source) = (Arc::clone(i), Arc::clone(&src));
            draft.copied.push(Copied::Index { index, source, constraint, comment });
        }
    }
    Ok(())
}

/// Comments to be written: the object, its catalog, the text.
type Comments = Vec<(u32, u32, String)>;

async fn copy_checks(cx: &mut DdlCx<'_>, rel: &mut Relation, copied: &[Copied]) -> Result<Comments> {
    let mut comments = Comments::new();
    for c in copied {
        let Copied::Check { name, text, columns, comment, no_inherit } = c else { continue };
        if *no_inherit && rel.is_partitioned() {
            let what = format!("cannot add NO INHERIT constraint to partitioned table \"{}\"", rel.name);
            return Err(err(SqlState::INVALID_TABLE_DEFINITION, what));
        }
        let columns = columns.iter().filter_map(|n| rel.column(n)).map(|c| c.attnum).collect();
        let made = Constraint {
            oid: cx.tx.new_oid().await?,
            name: if rel.constraints.iter().any(|c| &c.name == name) {
                choose_constraint_name(&cx.cat(), rel.namespace, &own_names(rel), &rel.name, None, "check")
            } else {
                name.clone()
            },
            namespace: rel.namespace,
            table: rel.oid,
            columns,
            kind: ConstraintKind::Check(text.clone()),
            deferrable: false,
            deferred: false,
            validated: true,
            lineage: Default::default(),
            no_inherit: *no_inherit,
            parent: 0,
        };
        comments.extend(comment.iter().map(|t| (made.oid, catalog_table::PG_CONSTRAINT, t.clone())));
        rel.constraints.push(Arc::new(made));
    }
    Ok(comments)
}

async fn copy_indexes(cx: &mut DdlCx<'_>, rel: &mut Relation, copied: &[Copied]) -> Result<Comments> {
    let mut comments = Comments::new();
    for c in copied {
        let Copied::Index { index, source, constraint, comment } = c else { continue };
        let map = |a: i16| -> Result<i16> {
            if a == 0 {
                return Ok(0);
            }
            source
                .attribute(a)
                .and_then(|c| rel.column(&c.name))
                .map(|c| c.attnum)
                .ok_or_else(|| DbError::internal("a copied index has a column that was not copied"))
        };
        let of = source.deferrable_key(index.oid);
        let mut ix = (**index).clone();
        for k in &mut ix.keys {
            k.attnum = map(k.attnum)?;
        }
        ix.include = ix.include.iter().map(|a| map(*a)).collect::<Result<_>>()?;
        let names = crate::catalog::rows::index_column_names(rel, &ix);
        let addition = name_addition(names.iter().map(String::as_str));
        let (second, label) = match constraint {
            Some(ConstraintKind::Primary { .. }) => (None, "pkey"),
            Some(ConstraintKind::Exclude { .. }) => (Some(addition.as_str()), "excl"),
            Some(_) => (Some(addition.as_str()), "key"),
            None => (Some(addition.as_str()), "idx"),
        };
        let taken = own_names(rel);
        ix.name =
            choose_relation_name(&cx.cat(), rel.namespace, &taken, &rel.name, second, label, constraint.is_some());
        ix.oid = cx.tx.new_oid().await?;
        ix.table = rel.oid;
        ix.namespace = rel.namespace;
        ix.owner = rel.owner;
        ix.parent = 0;
        ix.storage = if rel.is_partitioned() { RelId(0) } else { cx.tx.create_index(&ix, rel.durability()).await? };
        if let Some(k) = constraint {
            let kind = match k {
                ConstraintKind::Primary { .. } => ConstraintKind::Primary { index: ix.oid },
                ConstraintKind::Exclude { .. } => ConstraintKind::Exclude { index: ix.oid },
                _ => ConstraintKind::Unique { index: ix.oid },
            };
            let columns: Vec<i16> = ix.keys.iter().map(|k| k.attnum).collect();
            if ix.primary {
                if rel.indexes.iter().any(|i| i.primary) {
                    return Err(err(
                        SqlState::INVALID_TABLE_DEFINITION,
                        format!("multiple primary keys for table \"{}\" are not allowed", rel.name),
                    ));
                }
                for a in &columns {
                    rel.columns[*a as usize - 1].not_null = true;
                }
            }
            let made = Constraint {
                oid: cx.tx.new_oid().await?,
                name: ix.name.clone(),
                namespace: rel.namespace,
                table: rel.oid,
                columns,
                kind,
                deferrable: of.is_some_and(|c| c.deferrable),
                deferred: of.is_some_and(|c| c.deferred),
                validated: true,
                lineage: Default::default(),
                no_inherit: false,
                parent: 0,
            };
            rel.constraints.push(Arc::new(made));
        }
        comments.extend(comment.iter().map(|t| (ix.oid, catalog_table::PG_CLASS, t.clone())));
        rel.indexes.push(Arc::new(ix));
    }
    Ok(comments)
}

// ---- CREATE TABLE AS -------------------------------------------------------------------------------------------

/// Makes the table of CREATE TABLE AS or SELECT INTO for a query's columns; the caller then inserts the rows. `None`
/// when it exists already and IF NOT EXISTS is written (a notice says so).
///
/// # Errors
/// PostgreSQL's for names and columns; 0A000 for what [`create`] does not support.
pub async fn create_table_for_query(
    cx: &mut DdlCx<'_>,
    s: &ast::CreateTableAs,
    columns: &[OutputColumn],
) -> Result<Option<Arc<Relation>>> {
    cx.tx.refresh_catalog();
    let kept = if s.materialized_view { Some(matview::keep(cx, s).await?) } else { None };
    let (ns, persistence) = temp::place(cx, &s.name, s.persistence).await?;
    temp::check_on_commit(s.on_commit, persistence)?;
    if cx.taken(ns, &s.name.name.value, s.if_not_exists)? {
        return Ok(None);
    }
    let method = table_method(cx, s.method.as_ref())?;
    check_tablespace(s.tablespace.as_ref())?;
    if s.columns.len() > columns.len() {
        return Err(err(SqlState::SYNTAX_ERROR, "too many column names were specified"));
    }
    let mut rel = Relation { persistence, ..blank_table(cx, ns, &s.name.name.value).await? };
    temp::note_on_commit(cx, rel.oid, s.on_commit);
    options::set(options::Owner::Table, &mut rel.options, &s.options)?;
    for (i, c) in columns.iter().enumerate() {
        let name = s.columns.get(i).map_or(c.name.as_str(), |n| n.value.as_str());
        column::check_name(name)?;
        if rel.columns.iter().any(|x| x.name == name) {
            return Err(err(SqlState::DUPLICATE_COLUMN, format!("column \"{name}\" specified more than once")));
        }
        let ty = if c.ty.oid == oid::UNKNOWN { TypeRef::new(oid::TEXT) } else { c.ty };
        let pseudo = rustydb_types::pgdata::pg_type(ty.oid).is_some_and(|t| t.typtype == 'p');
        if ty.collation == rustydb_types::collation::INDETERMINATE {
            let shown = rustydb_types::typename::format_type(ty.oid, -1);
            let text = format!("no collation was derived for column \"{name}\" with collatable type {shown}");
            return Err(err(SqlState::INDETERMINATE_COLLATION, text)
                .hint("Use the COLLATE clause to set the collation explicitly."));
        }
        if pseudo {
            return Err(err(
                SqlState::INVALID_TABLE_DEFINITION,
                format!("column \"{name}\" has pseudo-type {}", rustydb_types::typename::format_type(ty.oid, -1)),
            ));
        }
        crate::acl::check::need_type(&cx.tx.catalog, ty.oid, cx.role)?;
        rel.columns.push(column::blank(attnum(i)?, name, ty));
    }
    if let Some(k) = kept {
        rel.kind = RelKind::MaterializedView;
        rel.rule_oid = cx.tx.new_oid().await?;
        rel.view = Some(k.text);
        rel.depends = k.depends;
        rel.populated = s.with_data;
    }
    rel.storage = Some(cx.tx.create_heap(durability(method, &rel)?).await?);
    let oid = rel.oid;
    cx.put(rel).await?;
    Ok(Some(cx.relation(oid)?))
}
