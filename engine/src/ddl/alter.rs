//! ALTER TABLE and its kin: the sub-commands, in the order of PostgreSQL's passes (what drops first, then types, new
//! columns, attributes, keys, other constraints, the rest).
//!
//! Each sub-command takes the relation's definition as the ones before left it, and puts back its own. A table is locked
//! once, in the strongest mode that any sub-command needs.

use super::column::bind_row;
use super::constraint::{Key, add_check, add_key, adopt_index};
use super::drop::{Object, drop_objects};
use super::{
    DdlCx, alter_column, attach, check_rows, err, foreign, generated, identity, inherit, options, persistence, recurse,
    sequence, tuning, typed,
};
use crate::bind::define::Defining;
use crate::catalog::{Constraint, ConstraintKind, Persistence, RelKind, Relation};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, AlterCommand, ObjectKind, TableLockMode};
use rustydb_storage::am::TableMethod;
use std::sync::Arc;

fn pass(c: &AlterCommand) -> u8 {
    use AlterCommand as A;
    match c {
        A::DropColumn { .. }
        | A::DropIdentity { .. }
        | A::DropConstraint { .. }
        | A::DropNotNull { .. }
        | A::DropDefault { .. }
        | A::DropExpression { .. } => 0,
        A::SetType { .. } => 1,
        A::AddColumn { .. } => 2,
        A::SetExpression { .. } => 3,
        A::SetNotNull { .. } => 4,
        A::AddConstraint(k)
            if matches!(
                k.kind,
                ast::ConstraintKind::PrimaryKey(_)
                    | ast::ConstraintKind::Unique { .. }
                    | ast::ConstraintKind::Exclude(_)
            ) =>
        {
            5
        }
        A::AddConstraint(_) | A::SetDefault { .. } | A::AddIdentity { .. } | A::SetIdentity { .. } => 6,
        _ => 7,
    }
}

fn lock_mode(c: &AlterCommand) -> TableLockMode {
    use AlterCommand as A;
    match c {
        A::AddConstraint(k) if matches!(k.kind, ast::ConstraintKind::ForeignKey(_)) => TableLockMode::ShareRowExclusive,
        A::AttachPartition { bound: Some(_), .. }
        | A::DetachPartition { concurrently: true, .. }
        | A::DetachPartition { finalize: true, .. }
        | A::ValidateConstraint { .. }
        | A::SetStatistics { .. }
        | A::SetColumnOptions { .. }
        | A::ResetColumnOptions { .. }
        | A::ClusterOn { .. }
        | A::SetWithoutCluster => TableLockMode::ShareUpdateExclusive,
        A::SetOptions { options: list } | A::ResetOptions { options: list } => options::lock_mode(list),
        A::Trigger { .. } => TableLockMode::ShareRowExclusive,
        _ => TableLockMode::AccessExclusive,
    }
}

/// PostgreSQL's name of a sub-command, for refusals.
fn action(c: &AlterCommand) -> &'static str {
    use AlterCommand as A;
    match c {
        A::AddColumn { .. } => "ADD COLUMN",
        A::DropColumn { .. } => "DROP COLUMN",
        A::SetType { .. } => "ALTER COLUMN ... SET DATA TYPE",
        A::SetDefault { .. } => "ALTER COLUMN ... SET DEFAULT",
        A::DropDefault { .. } => "ALTER COLUMN ... DROP DEFAULT",
        A::SetNotNull { .. } => "ALTER COLUMN ... SET NOT NULL",
        A::DropNotNull { .. } => "ALTER COLUMN ... DROP NOT NULL",
        A::SetExpression { .. } => "ALTER COLUMN ... SET EXPRESSION",
        A::DropExpression { .. } => "ALTER COLUMN ... DROP EXPRESSION",
        A::SetStatistics { .. } => "ALTER COLUMN ... SET STATISTICS",
        A::SetColumnOptions { .. } => "ALTER COLUMN ... SET",
        A::ResetColumnOptions { .. } => "ALTER COLUMN ... RESET",
        A::SetStorage { .. } => "ALTER COLUMN ... SET STORAGE",
        A::SetCompression { .. } => "ALTER COLUMN ... SET COMPRESSION",
        A::AddIdentity { .. } => "ALTER COLUMN ... ADD IDENTITY",
        A::SetIdentity { .. } => "ALTER COLUMN ... SET",
        A::DropIdentity { .. } => "ALTER COLUMN ... DROP IDENTITY",
        A::AddConstraint(_) => "ADD CONSTRAINT",
        A::AlterConstraint { .. } => "ALTER CONSTRAINT",
        A::ValidateConstraint { .. } => "VALIDATE CONSTRAINT",
        A::DropConstraint { .. } => "DROP CONSTRAINT",
        A::SetWithoutOids => "SET WITHOUT OIDS",
        A::ClusterOn { .. } => "CLUSTER ON",
        A::SetWithoutCluster => "SET WITHOUT CLUSTER",
        A::SetLogged => "SET LOGGED",
        A::SetUnlogged => "SET UNLOGGED",
        A::Trigger { .. } => "ENABLE/DISABLE TRIGGER",
        A::Rule { .. } => "ENABLE/DISABLE RULE",
        A::Inherit { .. } => "INHERIT",
        A::NoInherit { .. } => "NO INHERIT",
        A::Of { .. } => "OF",
        A::NotOf => "NOT OF",
        A::OwnerTo { .. } => "OWNER TO",
        A::SetAccessMethod { .. } => "SET ACCESS METHOD",
        A::SetTablespace { .. } => "SET TABLESPACE",
        A::SetOptions { .. } => "SET",
        A::ResetOptions { .. } => "RESET",
        A::ReplicaIdentity(_) => "REPLICA IDENTITY",
        A::RowSecurity { .. } => "ROW SECURITY",
        A::ForceRowSecurity { .. } => "FORCE ROW SECURITY",
        A::AttachPartition { .. } => "ATTACH PARTITION",
        A::DetachPartition { .. } => "DETACH PARTITION",
    }
}

/// Whether a sub-command is for relations other than tables too.
fn suits(c: &AlterCommand, kind: RelKind) -> bool {
    use AlterCommand as A;
    match c {
        A::OwnerTo { .. } => true,
        A::SetTablespace { .. } => kind != RelKind::View,
        A::SetLogged | A::SetUnlogged => matches!(kind, RelKind::Table | RelKind::Sequence),
        A::SetDefault { .. } | A::DropDefault { .. } => matches!(kind, RelKind::Table | RelKind::View),
        A::SetOptions { .. } | A::ResetOptions { .. } => kind != RelKind::Sequence,
        A::SetStatistics { .. } => matches!(kind, RelKind::Table | RelKind::MaterializedView | RelKind::Index),
        A::SetStorage { .. }
        | A::SetCompression { .. }
        | A::SetAccessMethod { .. }
        | A::ClusterOn { .. }
        | A::SetWithoutCluster => matches!(kind, RelKind::Table | RelKind::MaterializedView),
        A::AttachPartition { bound: None, .. } => kind == RelKind::Index,
        _ => kind == RelKind::Table,
    }
}

/// The relation kind that ALTER's words demand; ALTER TABLE takes any.
pub fn check_kind(kind: ObjectKind, rel: &Relation) -> Result<()> {
    let ok = match kind {
        ObjectKind::Index => rel.kind == RelKind::Index,
        ObjectKind::Sequence => rel.kind == RelKind::Sequence,
        ObjectKind::View => rel.kind == RelKind::View,
        ObjectKind::MaterializedView => rel.kind == RelKind::MaterializedView,
        ObjectKind::ForeignTable => false,
        ObjectKind::Type => rel.kind == RelKind::Composite,
        _ => true,
    };
    if ok {
        return Ok(());
    }
    let word = kind.sql().to_lowercase();
    let article = if word.starts_with('i') { "an" } else { "a" };
    Err(err(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not {article} {word}", rel.name)))
}

/// ALTER TABLE, INDEX, SEQUENCE, VIEW with table sub-commands.
pub async fn alter(cx: &mut DdlCx<'_>, s: &ast::AlterTable) -> Result<String> {
    let tag = format!("ALTER {}", s.kind.sql());
    let mode = s.commands.iter().map(lock_mode).max().unwrap_or(TableLockMode::AccessExclusive);
    let Some(rel) = cx.open(&s.table.name, mode).await? else {
        if s.if_exists {
            cx.notice(err(
                SqlState::SUCCESSFUL_COMPLETION,
                format!("relation \"{}\" does not exist, skipping", s.table.name.plain()),
            ));
            return Ok(tag);
        }
        return Err(cx.missing("relation", &s.table.name));
    };
    check_kind(s.kind, &rel)?;
    cx.check_relation_owner(&rel)?;
    cx.not_in_use(&rel, "ALTER TABLE")?;
    if rel.detaching.is_some() {
        return Err(err(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("cannot alter partition \"{}\" with an incomplete detach", rel.name),
        )
        .hint(super::detach::FINALIZE));
    }
    let persistent = |c: &&AlterCommand| matches!(c, AlterCommand::SetLogged | AlterCommand::SetUnlogged);
    if s.commands.iter().filter(persistent).count() > 1 {
        return Err(err(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "cannot change persistence setting twice"));
    }
    for c in &s.commands {
        if !suits(c, rel.kind) {
            return Err(err(
                SqlState::WRONG_OBJECT_TYPE,
                format!("ALTER action {} cannot be performed on relation \"{}\"", action(c), rel.name),
            )
            .detail(format!("This operation is not supported for {}.", sequence::plural(rel.kind))));
        }
    }
    let mut commands: Vec<&AlterCommand> = s.commands.iter().collect();
    commands.sort_by_key(|c| pass(c));
    // New types come after what drops, except of columns that a USING reads.
    let (types, others): (Vec<_>, Vec<_>) =
        commands.into_iter().partition(|c| matches!(c, AlterCommand::SetType { .. }));
    let read: Vec<String> = types.iter().flat_map(|c| read_by_using(c)).collect();
    let kept = |c: &AlterCommand| matches!(c, AlterCommand::DropColumn { column, .. } if read.contains(&column.value));
    let (before, after): (Vec<_>, Vec<_>) = others.into_iter().partition(|c| pass(c) == 0 && !kept(c));
    for c in before {
        run(cx, rel.oid, c, s.table.only).await?;
    }
    if !types.is_empty() {
        let now = cx.relation(rel.oid)?;
        typed::check_alter(&now, types[0])?;
        Box::pin(recurse::set_types(cx, rel.oid, &types, s.table.only)).await?;
    }
    for c in after {
        run(cx, rel.oid, c, s.table.only).await?;
    }
    Ok(tag)
}

/// Runs a sub-command on the table that the statement names, and on its descendants.
async fn run(cx: &mut DdlCx<'_>, oid: u32, c: &AlterCommand, only: bool) -> Result<()> {
    let now = cx.relation(oid)?;
    typed::check_alter(&now, c)?;
    Box::pin(recurse::run(cx, oid, c, only)).await
}

/// Names of columns that the USING of a sub-command reads.
fn read_by_using(c: &AlterCommand) -> Vec<String> {
    let mut names = Vec::new();
    if let AlterCommand::SetType { using: Some(e), .. } = c {
        super::rename::each_column(&mut e.clone(), &mut |n| names.push(n.value.clone()));
    }
    names
}

/// Runs a sub-command on one table.
pub async fn command(cx: &mut DdlCx<'_>, oid: u32, c: &AlterCommand) -> Result<()> {
    use AlterCommand as A;
    let rel = cx.relation(oid)?;
    let mut r = (*rel).clone();
    let refuse = || Err(DbError::unsupported(format!("ALTER TABLE {} is not supported yet", action(c))));
    match c {
        A::AddColumn { column, if_not_exists } => return alter_column::add(cx, &rel, column, *if_not_exists).await,
        A::DropColumn { column, if_exists, cascade } => {
            let Some(col) = rel.column(&column.value) else {
                let m = format!("column \"{}\" of relation \"{}\" does not exist", column.value, rel.name);
                if *if_exists {
                    cx.notice(err(SqlState::SUCCESSFUL_COMPLETION, format!("{m}, skipping")));
                    return Ok(());
                }
                return Err(err(SqlState::UNDEFINED_COLUMN, m));
            };
            let what = format!("column {} of table {}", col.name, cx.shown(&rel));
            return drop_objects(cx, &[Object::Column(oid, col.attnum)], *cascade, &what).await;
        }
        A::SetType { .. } => {
            alter_column::set_types(cx, &rel, &[c]).await?;
            return super::exclude::check_rows(cx, oid, None).await;
        }
        A::SetDefault { column, value } => alter_column::set_default(cx, &mut r, column, Some(value)).await?,
        A::DropDefault { column } => alter_column::set_default(cx, &mut r, column, None).await?,
        A::SetNotNull { column } => {
            let at = identity::position(&rel, column)?;
            if rel.columns[at].not_null {
                return Ok(());
            }
            if rel.storage.is_some() {
                check_rows::check_not_null(cx, &rel, &[rel.columns[at].attnum]).await?;
            }
            r.columns[at].not_null = true;
        }
        A::DropNotNull { column } => {
            let at = identity::position(&rel, column)?;
            let col = &rel.columns[at];
            if col.identity != '\0' {
                return Err(err(
                    SqlState::SYNTAX_ERROR,
                    format!("column \"{}\" of relation \"{}\" is an identity column", col.name, rel.name),
                ));
            }
            if rel.primary_key().is_some_and(|i| i.keys.iter().any(|k| k.attnum == col.attnum)) {
                return Err(err(
                    SqlState::INVALID_TABLE_DEFINITION,
                    format!("column \"{}\" is in a primary key", col.name),
                ));
            }
            r.columns[at].not_null = false;
        }
        A::SetExpression { column, value } => return generated::set_expression(cx, &rel, column, value).await,
        A::DropExpression { column, if_exists } => {
            if !generated::drop_expression(cx, &mut r, column, *if_exists)? {
                return Ok(());
            }
        }
        A::AddIdentity { column, always, options } => {
            identity::add(cx, &mut r, column, *always, options).await?;
        }
        A::SetIdentity { column, generated, options } => {
            identity::set(cx, &mut r, column, *generated, options).await?;
        }
        A::DropIdentity { column, if_exists } => identity::drop(cx, &mut r, column, *if_exists).await?,
        A::AddConstraint(k) => return add_constraint(cx, &rel, k).await,
        A::AlterConstraint { name, deferrable, initially_deferred } => {
            let (at, k) = constraint(&rel, name)?;
            if !matches!(k.kind, ConstraintKind::Foreign { .. }) {
                return Err(err(
                    SqlState::WRONG_OBJECT_TYPE,
                    format!("constraint \"{}\" of relation \"{}\" is not a foreign key constraint", k.name, rel.name),
                ));
            }
            super::reference::check_own(cx, &rel, k)?;
            let changed = Constraint { deferrable: *deferrable, deferred: *initially_deferred, ..(**k).clone() };
            super::reference::pass_deferral(&mut r, &changed);
            r.constraints[at] = Arc::new(changed);
        }
        A::ValidateConstraint { name } => return validate(cx, &rel, name).await,
        A::DropConstraint { name, if_exists, cascade } => {
            let Some(k) = rel.constraints.iter().find(|k| k.name == name.value) else {
                let m = format!("constraint \"{}\" of relation \"{}\" does not exist", name.value, rel.name);
                if *if_exists {
                    cx.notice(err(SqlState::SUCCESSFUL_COMPLETION, format!("{m}, skipping")));
                    return Ok(());
                }
                return Err(err(SqlState::UNDEFINED_OBJECT, m));
            };
            if k.is_reference_part() {
                return Err(err(
                    SqlState::INVALID_TABLE_DEFINITION,
                    format!("cannot drop inherited constraint \"{}\" of relation \"{}\"", k.name, rel.name),
                ));
            }
            let what = format!("constraint {} on table {}", k.name, cx.shown(&rel));
            return drop_objects(cx, &[Object::Constraint(oid, k.oid)], *cascade, &what).await;
        }
        A::OwnerTo { role } => {
            let owner = cx.role_of(role)?;
            return set_owner(cx, &rel, owner).await;
        }
        A::SetOptions { options: list } | A::ResetOptions { options: list } => {
            let whose = match rel.kind {
                RelKind::Table | RelKind::MaterializedView => options::Owner::Table,
                RelKind::Index => {
                    let reset = matches!(c, A::ResetOptions { .. });
                    return super::index::set_options(cx, &rel, list, reset).await;
                }
                RelKind::View => options::Owner::View,
                _ => return Err(DbError::unsupported("options of these relations are not supported yet")),
            };
            if matches!(c, A::SetOptions { .. }) {
                options::set(whose, &mut r.options, list)?;
            } else {
                options::reset(&mut r.options, list)?;
            }
        }
        A::SetLogged => return persistence::change(cx, &rel, Persistence::Permanent).await,
        A::SetUnlogged => return persistence::change(cx, &rel, Persistence::Unlogged).await,
        // True of every table here already.
        A::SetWithoutOids => return Ok(()),
        A::Of { ty } => typed::attach(cx, &mut r, ty)?,
        A::NotOf => typed::detach(&mut r)?,
        A::Inherit { parent } => return inherit::add_parent(cx, &rel, parent).await,
        A::NoInherit { parent } => return inherit::drop_parent(cx, &rel, parent).await,
        A::AttachPartition { partition, bound: None } if rel.kind == RelKind::Index => {
            return attach::attach_index(cx, &rel, partition).await;
        }
        A::AttachPartition { .. } | A::DetachPartition { .. } => {
            return Err(err(SqlState::INVALID_OBJECT_DEFINITION, format!("table \"{}\" is not partitioned", rel.name)));
        }
        A::RowSecurity { enable } => return super::policy::enable(cx, &rel, *enable).await,
        A::ForceRowSecurity { force } => return super::policy::force(cx, &rel, *force).await,
        A::SetAccessMethod { method } if TableMethod::named(&method.value).is_some() => {
            if rel.in_memory() == (TableMethod::named(&method.value) == Some(TableMethod::Memory)) {
                return Ok(());
            }
            return Err(DbError::unsupported("a table cannot be moved between memory and disk")
                .hint("Create a table with the other access method and copy the rows."));
        }
        A::SetAccessMethod { method } => {
            return Err(err(SqlState::UNDEFINED_OBJECT, format!("access method \"{}\" does not exist", method.value)));
        }
        A::SetTablespace { tablespace } if tablespace.value == "pg_default" => return Ok(()),
        A::SetTablespace { tablespace } => {
            return Err(err(SqlState::UNDEFINED_OBJECT, format!("tablespace \"{}\" does not exist", tablespace.value)));
        }
        A::Rule { name, .. } => return super::rule::fire(&rel, &name.value),
        A::SetStatistics { column, target } if rel.kind == RelKind::Index => {
            return tuning::set_index_statistics(cx, oid, column, *target).await;
        }
        A::SetStatistics { column, target } => tuning::set_statistics(cx, &mut r, column, *target)?,
        A::SetColumnOptions { column, options } => tuning::set_options(&mut r, column, options, false)?,
        A::ResetColumnOptions { column, options } => tuning::set_options(&mut r, column, options, true)?,
        A::SetStorage { column, storage } => tuning::set_storage(&mut r, column, storage)?,
        A::SetCompression { column, compression } => tuning::set_compression(&mut r, column, compression)?,
        A::ClusterOn { index } => {
            tuning::check_own_index(cx, &r, index)?;
            if let Some(i) = r.indexes.iter().find(|i| i.name == index.value) {
                cx.lock(i.oid, TableLockMode::ShareUpdateExclusive).await?;
            }
            tuning::cluster_on(&mut r, Some(index))?;
        }
        A::SetWithoutCluster => tuning::cluster_on(&mut r, None)?,
        A::ReplicaIdentity(identity) => {
            if let ast::ReplicaIdentity::Index(name) = identity {
                tuning::check_own_index(cx, &r, name)?;
            }
            tuning::replica_identity(&mut r, identity)?;
        }
        A::Trigger { .. } => return refuse(),
    }
    cx.put(r).await
}

fn constraint<'r>(rel: &'r Relation, name: &ast::Ident) -> Result<(usize, &'r Arc<Constraint>)> {
    rel.constraints.iter().enumerate().find(|(_, k)| k.name == name.value).ok_or_else(|| {
        err(
            SqlState::UNDEFINED_OBJECT,
            format!("constraint \"{}\" of relation \"{}\" does not exist", name.value, rel.name),
        )
    })
}

/// ADD CONSTRAINT, checked against the rows unless NOT VALID.
pub async fn add_constraint(cx: &mut DdlCx<'_>, rel: &Arc<Relation>, k: &ast::Constraint) -> Result<()> {
    let mut r = (**rel).clone();
    let key = match &k.kind {
        ast::ConstraintKind::Check(e) => {
            let condition = add_check(cx, &mut r, k, e).await?;
            if !k.not_valid {
                let name = r.constraints.last().map(|c| c.name.clone()).unwrap_or_default();
                check_rows::check(cx, rel, &name, &condition).await?;
            }
            return cx.put(r).await;
        }
        ast::ConstraintKind::ForeignKey(f) => {
            let made = foreign::add(cx, &mut r, k, f).await?;
            // Waiting for the other table's lock may have taken a while; ours is locked all along.
            if !k.not_valid {
                check_rows::check_foreign(cx, rel, &made).await?;
            }
            let table = r.oid;
            cx.put(r).await?;
            return super::reference::settle(cx, table).await;
        }
        ast::ConstraintKind::PrimaryKey(def) => Key { constraint: k, def, primary: true, nulls_not_distinct: false },
        ast::ConstraintKind::Unique { key, nulls_not_distinct } => {
            Key { constraint: k, def: key, primary: false, nulls_not_distinct: *nulls_not_distinct }
        }
        ast::ConstraintKind::Exclude(x) => {
            let mut ix = super::exclude::add(cx, &mut r, k, x).await?;
            cx.tx.build_index(cx.eval, &Arc::new(r.clone()), &mut ix).await?;
            let index = ix.oid;
            if let Some(place) = r.indexes.iter_mut().find(|i| i.oid == index) {
                *place = Arc::new(ix);
            }
            let table = r.oid;
            cx.put(r).await?;
            return super::exclude::check_rows(cx, table, Some(index)).await;
        }
        _ => return Err(err(SqlState::SYNTAX_ERROR, "this constraint belongs to a column").at(cx.pos(k.pos))),
    };
    let before: Vec<bool> = r.columns.iter().map(|c| c.not_null).collect();
    let built = match &key.def.using_index {
        Some(index) => {
            adopt_index(cx, &mut r, &key, index).await?;
            None
        }
        None => add_key(cx, &mut r, &key, false).await?,
    };
    let fresh: Vec<i16> =
        r.columns.iter().zip(before).filter(|(c, was)| c.not_null && !was).map(|(c, _)| c.attnum).collect();
    if !fresh.is_empty() {
        check_rows::check_not_null(cx, rel, &fresh).await?;
    }
    if let Some(mut ix) = built {
        if !rel.is_partitioned() {
            cx.tx.build_index(cx.eval, rel, &mut ix).await?;
        }
        if let Some(place) = r.indexes.iter_mut().find(|i| i.oid == ix.oid) {
            *place = Arc::new(ix);
        }
    }
    cx.put(r).await
}

/// VALIDATE CONSTRAINT.
async fn validate(cx: &mut DdlCx<'_>, rel: &Arc<Relation>, name: &ast::Ident) -> Result<()> {
    let (at, k) = constraint(rel, name)?;
    if k.validated && matches!(k.kind, ConstraintKind::Check(_) | ConstraintKind::Foreign { .. }) {
        return Ok(());
    }
    match &k.kind {
        ConstraintKind::Check(text) => {
            let e = crate::bind::parse_expr(text)?;
            let bound = bind_row(cx, rel, &e, Defining::Check)?;
            let bound = cx.binder(|b| b.to_bool(bound, "CHECK"))?;
            check_rows::check(cx, rel, &k.name, &bound).await?;
        }
        ConstraintKind::Foreign { ref_table, .. } => {
            cx.lock(*ref_table, TableLockMode::RowShare).await?;
            check_rows::check_foreign(cx, rel, k).await?;
        }
        _ => {
            return Err(err(
                SqlState::WRONG_OBJECT_TYPE,
                format!(
                    "constraint \"{}\" of relation \"{}\" is not a foreign key or check constraint",
                    k.name, rel.name
                ),
            ));
        }
    }
    let mut r = (**rel).clone();
    r.constraints[at] = Arc::new(Constraint { validated: true, ..(**k).clone() });
    cx.put(r).await
}

/// OWNER TO, for a relation with its indexes and the sequences it owns.
pub async fn set_owner(cx: &mut DdlCx<'_>, rel: &Arc<Relation>, owner: u32) -> Result<()> {
    if rel.owner == owner {
        return Ok(());
    }
    if rel.kind == RelKind::Index {
        cx.notices.push((
            "WARNING",
            err(SqlState::WRONG_OBJECT_TYPE, format!("cannot change owner of index \"{}\"", rel.name))
                .hint("Change the ownership of the index's table, instead."),
        ));
        return Ok(());
    }
    if let Some((t, _)) = rel.sequence.as_ref().and_then(|s| s.owned_by) {
        let table = cx.relation(t)?;
        return Err(DbError::unsupported("cannot change owner of sequence \"".to_owned() + &rel.name + "\"")
            .detail(format!("Sequence \"{}\" is linked to table \"{}\".", rel.name, table.name)));
    }
    super::owned::check_new_owner(cx, owner, Some(rel.namespace))?;
    super::owned::give_relation(cx, rel, owner).await
}
