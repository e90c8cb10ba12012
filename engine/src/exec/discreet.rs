//! Errors of constraints show values of rows. Who may not see those is not shown them by an error either.
//!
//! A DETAIL is kept only if the current role may read the table it shows values of, and no policy of row-level security
//! decides what the role sees there. Of a row that a constraint refuses, a role without SELECT on the table is shown the
//! columns that it may read or has itself given.

use super::run::StatementEnv;
use crate::acl::policy::in_force;
use crate::acl::{check, privs};
use crate::catalog::Relation;
use crate::functions;
use crate::plan::ir::Bound;
use crate::transaction::Transaction;
use rustydb_base::{DbError, SqlState};
use std::sync::Arc;

/// The table that a statement changes.
fn target(bound: &Bound) -> Option<&Arc<Relation>> {
    match bound {
        Bound::Query(_) => None,
        Bound::Insert(i) => Some(&i.table),
        Bound::Update(u) => Some(&u.table),
        Bound::Delete(d) => Some(&d.table),
        Bound::Merge(m) => Some(&m.table),
    }
}

/// The error as the current role may see it.
pub(super) fn discreet(e: DbError, tx: &Transaction, bound: &Bound, env: &StatementEnv) -> DbError {
    let shows_rows = matches!(
        e.code,
        SqlState::NOT_NULL_VIOLATION
            | SqlState::CHECK_VIOLATION
            | SqlState::UNIQUE_VIOLATION
            | SqlState::EXCLUSION_VIOLATION
            | SqlState::FOREIGN_KEY_VIOLATION
            | SqlState::WITH_CHECK_OPTION_VIOLATION
    );
    let Some(detail) = e.fields.as_ref().filter(|_| shows_rows).and_then(|f| f.detail.as_deref()) else { return e };
    let Ok(access) = functions::access(&env.eval) else { return e };
    let (cat, role) = (&tx.catalog, access.role());
    if check::is_superuser(cat, role) {
        return e;
    }
    let named = e.fields.as_ref().and_then(|f| {
        let ns = cat.namespace_named(f.schema.as_deref()?)?;
        cat.relation_named(ns, f.table.as_deref()?)
    });
    let referenced = e.code == SqlState::FOREIGN_KEY_VIOLATION && detail.contains(" is still referenced from table ");
    let shown = if referenced { target(bound) } else { named.or_else(|| target(bound)) };
    let hidden = |r: &Arc<Relation>| in_force(cat, r, role).is_some() || !may_read(e.code, detail, cat, r, role);
    if !shown.is_some_and(hidden) {
        return e;
    }
    let shown_detail = detail.to_owned();
    let rest =
        detail.find(" is ").filter(|_| e.code == SqlState::FOREIGN_KEY_VIOLATION).and_then(|at| detail.get(at..));
    let detail = match e.code {
        SqlState::EXCLUSION_VIOLATION => Some("Key conflicts with existing key.".to_owned()),
        _ => rest.map(|r| format!("Key{r}")),
    };
    let fenced = |r: &Arc<Relation>| in_force(cat, r, role).is_some();
    let row = match (target(bound), shown) {
        (Some(t), Some(r)) if !fenced(t) && !fenced(r) => visible_row(&shown_detail, cat, t, r, bound, role),
        _ => None,
    };
    let detail = row.or(detail);
    let mut e = e;
    if let Some(f) = &mut e.fields {
        f.detail = detail;
    }
    e
}

/// The part of a refused row that a role may see: `r` is the relation whose row it is, `target` the one the statement names,
/// whose columns are shown. The row is taken from the full detail, which tells its values apart as long as none has a comma of its own; else
/// nothing is shown.
fn visible_row(
    detail: &str,
    cat: &crate::catalog::Catalog,
    target: &Relation,
    r: &Relation,
    bound: &Bound,
    role: u32,
) -> Option<String> {
    let row = detail.strip_prefix("Failing row contains (")?.strip_suffix(").")?;
    let values: Vec<&str> = row.split(", ").collect();
    let count = |r: &Relation| r.live_columns().count();
    let shown_as = if count(target) == values.len() { target } else { r };
    let live: Vec<_> = shown_as.live_columns().collect();
    if values.len() != live.len() {
        return None;
    }
    let written: Vec<i16> = match bound {
        Bound::Insert(i) => i.given.clone(),
        Bound::Update(u) => u.set.iter().map(|s| s.0).collect(),
        _ => Vec::new(),
    };
    let (mut names, mut shown) = (Vec::new(), Vec::new());
    for c in target.live_columns() {
        let mask = crate::acl::Mask::of(privs::SELECT);
        let may = check::on_column(cat, target, c.attnum, role, mask).privs == privs::SELECT;
        if (may || written.contains(&c.attnum))
            && let Some(at) = live.iter().position(|l| l.name == c.name)
        {
            names.push(c.name.as_str());
            shown.push(*values.get(at)?);
        }
    }
    if names.is_empty() {
        return None;
    }
    Some(format!("Failing row contains ({}) = ({}).", names.join(", "), shown.join(", ")))
}

/// Whether a role may read what a detail shows: the whole table, or of a key its columns.
fn may_read(code: SqlState, detail: &str, cat: &crate::catalog::Catalog, rel: &Relation, role: u32) -> bool {
    if check::may(cat, rel, role, privs::SELECT) {
        return true;
    }
    if !matches!(code, SqlState::UNIQUE_VIOLATION | SqlState::EXCLUSION_VIOLATION | SqlState::FOREIGN_KEY_VIOLATION) {
        return false;
    }
    let key = detail.strip_prefix("Key (").and_then(|d| d.split_once(")=(")).map(|d| d.0);
    key.is_some_and(|k| {
        k.split(", ").all(|name| {
            let column = rel.column(name.trim_matches('"'));
            column.is_some_and(|c| {
                check::on_column(cat, rel, c.attnum, role, crate::acl::Mask::of(privs::SELECT)).privs == privs::SELECT
            })
        })
    })
}
