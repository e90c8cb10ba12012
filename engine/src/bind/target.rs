//! What a statement changes: a table, or a view that stands for one; and the policies and check options on its rows.
//!
//! Policies are those of the table that the statement names (or that its view leads to), for the whole tree of its
//! descendants. What may be read decides too as soon as the statement reads a column of its target, which is known only
//! when all of it is bound; so the conditions come last, and go down to the target's scan ([`restrict`]).

use super::Binder;
use super::policy::{Command, restrict};
use super::scope::Rte;
use super::view_target::{Verb, ViewTarget, replace};
use crate::acl::{Privs, privs};
use crate::catalog::{Column, RelKind, Relation};
use crate::plan::ir::{Col, ColId, Expr, Rel, Returning, RowChecks, RowState};
use rustydb_base::Result;
use rustydb_parser::ast;
use std::collections::HashMap;
use std::sync::Arc;

/// What a statement changes.
pub(super) struct Target {
    /// The table.
    pub rel: Arc<Relation>,
    /// What names of columns mean: the table's, or those of the view that stand for the table's.
    pub named: Arc<Relation>,
    /// The view that stands for the table.
    pub view: Option<ViewTarget>,
    /// The need of what the statement names.
    pub need: usize,
    /// As whom the table is changed.
    pub role: Option<u32>,
}

impl Binder<'_> {
    /// A relation that a utility statement names; mistakes in its name are not located in the text.
    pub(crate) fn utility_relation(&self, name: &ast::Name) -> Result<Arc<Relation>> {
        self.relation(name).map_err(super::unplaced)
    }

    pub(super) fn target(&mut self, name: &ast::Name, verb: Verb, wanted: Privs) -> Result<Target> {
        let found = self.relation(name)?;
        if found.kind == RelKind::View {
            let view = self.view_target(&found, verb, wanted)?;
            let (named, need) = (Arc::new(view.named(verb != Verb::Update)), self.view_need(&view));
            let (rel, role) = (Arc::clone(&view.base), view.role);
            return Ok(Target { rel, named, view: Some(view), need, role });
        }
        let rel = self.dml_target(name)?;
        let need = self.needs.relation(&rel, self.acts_as, wanted);
        Ok(Target { named: Arc::clone(&rel), rel, view: None, need, role: self.acts_as })
    }

    /// Binds as the role that uses the target's table.
    fn as_user_of<T>(&mut self, t: &Target, bind: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let outer = std::mem::replace(&mut self.acts_as, t.role);
        let r = bind(self);
        self.acts_as = outer;
        r
    }

    /// Policies and check options of the rows that an INSERT makes.
    pub(super) fn secure_insert(
        &mut self,
        t: &Target,
        row: &[(Col, i16)],
        conflict: bool,
        checks: &mut RowChecks,
    ) -> Result<()> {
        self.as_user_of(t, |b| b.insert_policies(t, row, conflict, checks))?;
        if let Some(v) = &t.view {
            checks.with.extend(v.checks_over(row)?);
            checks.conflict.extend(v.checks_over(row)?);
        }
        Ok(())
    }

    fn insert_policies(&mut self, t: &Target, row: &[(Col, i16)], conflict: bool, out: &mut RowChecks) -> Result<()> {
        let Some(rows) = self.row_security(&t.rel)? else { return Ok(()) };
        self.context_dependent = true;
        let reads = self.reads(t.need);
        let rte = self.row_rte(&t.rel, &t.rel.name, row);
        let add = |b: &mut Self, command, using, state, list: &mut Vec<_>| {
            b.policy_checks(&t.rel, &rows, (command, using, state), &rte, list)
        };
        add(self, Command::Insert, false, RowState::New, &mut out.with)?;
        if reads {
            add(self, Command::Select, true, RowState::New, &mut out.with)?;
        }
        if conflict {
            add(self, Command::Update, true, RowState::Conflicting, &mut out.existing)?;
            if reads {
                add(self, Command::Select, true, RowState::Conflicting, &mut out.existing)?;
            }
            add(self, Command::Update, false, RowState::New, &mut out.conflict)?;
            if reads {
                add(self, Command::Select, true, RowState::New, &mut out.conflict)?;
            }
        }
        Ok(())
    }

    /// Policies of the rows that a MERGE finds and makes; `does`: UPDATE, DELETE, INSERT.
    pub(super) fn secure_merge(
        &mut self,
        t: &Target,
        source: &mut Rel,
        (rid, old): (Col, &[(Col, i16)]),
        (new, does): (&[(Col, i16)], [bool; 3]),
        checks: &mut RowChecks,
    ) -> Result<()> {
        let Some(rows) = self.row_security(&t.rel)? else { return Ok(()) };
        self.context_dependent = true;
        let seen = self.row_rte(&t.rel, &t.rel.name, old);
        let mut filters = self.policy_filters(&t.rel, &rows, Command::Select, &seen)?;
        restrict(source, rid, &mut filters);
        let rte = self.row_rte(&t.rel, &t.rel.name, new);
        let [updates, deletes, inserts] = does;
        if updates {
            let list = &mut checks.existing;
            self.policy_checks(&t.rel, &rows, (Command::Update, true, RowState::Target), &rte, list)?;
            let list = &mut checks.conflict;
            self.policy_checks(&t.rel, &rows, (Command::Update, false, RowState::New), &rte, list)?;
            self.policy_checks(&t.rel, &rows, (Command::Select, true, RowState::New), &rte, list)?;
        }
        if deletes {
            let list = &mut checks.gone;
            self.policy_checks(&t.rel, &rows, (Command::Delete, true, RowState::Target), &rte, list)?;
        }
        if inserts {
            let list = &mut checks.with;
            self.policy_checks(&t.rel, &rows, (Command::Insert, false, RowState::New), &rte, list)?;
        }
        Ok(())
    }

    /// Whether the statement reads columns of its target, so that what may be read decides too.
    fn reads(&mut self, need: usize) -> bool {
        self.needs.get_mut(need).is_some_and(|n| n.privs & privs::SELECT != 0)
    }

    /// Policies of the rows that an UPDATE or DELETE finds.
    pub(super) fn secure_source(
        &mut self,
        t: &Target,
        command: Command,
        source: &mut Rel,
        rid: Col,
        old: &[(Col, i16)],
    ) -> Result<()> {
        self.as_user_of(t, |b| {
            let Some(rows) = b.row_security(&t.rel)? else { return Ok(()) };
            b.context_dependent = true;
            let rte = b.row_rte(&t.rel, &t.rel.name, old);
            let mut filters = b.policy_filters(&t.rel, &rows, command, &rte)?;
            if b.reads(t.need) {
                filters.extend(b.policy_filters(&t.rel, &rows, Command::Select, &rte)?);
            }
            restrict(source, rid, &mut filters);
            Ok(())
        })
    }

    /// Policies and check options of the rows that an UPDATE makes.
    pub(super) fn secure_update(&mut self, t: &Target, new: &[(Col, i16)], checks: &mut RowChecks) -> Result<()> {
        self.as_user_of(t, |b| {
            let Some(rows) = b.row_security(&t.rel)? else { return Ok(()) };
            let rte = b.row_rte(&t.rel, &t.rel.name, new);
            let list = &mut checks.with;
            b.policy_checks(&t.rel, &rows, (Command::Update, false, RowState::New), &rte, list)?;
            if b.reads(t.need) {
                b.policy_checks(&t.rel, &rows, (Command::Select, true, RowState::New), &rte, list)?;
            }
            Ok(())
        })?;
        if let Some(v) = &t.view {
            checks.with.extend(v.checks_over(new)?);
        }
        Ok(())
    }

    /// A view's columns as the statement may name them, and what they are over a row of the table.
    pub(super) fn view_row(
        &mut self,
        v: &ViewTarget,
        alias: &str,
        row: &[(Col, i16)],
    ) -> Result<(Rte, HashMap<ColId, Expr>)> {
        let rte = self.view_rte(v, alias);
        let by = rte.cols.iter().map(|c| c.col.id).zip(v.columns_over(row)?).collect();
        Ok((rte, by))
    }

    /// Notes the columns that assignments write.
    pub(super) fn writes(&mut self, t: &Target, set: &[(i16, Expr)]) {
        let attnums: Vec<i16> = set.iter().map(|s| s.0).collect();
        match &t.view {
            Some(v) => self.view_writes(v, &attnums, false),
            None => {
                if let Some(n) = self.needs.get_mut(t.need) {
                    n.updated.extend(attnums);
                }
            }
        }
    }

    /// Refuses an INSERT into a view that gives a column of the table two values, or one that cannot be written its default.
    pub(super) fn check_view_insert(
        &self,
        v: &ViewTarget,
        named: &Relation,
        given: &[(i16, Expr)],
        i: &ast::Insert,
    ) -> Result<()> {
        let in_parts = i.columns.iter().any(|t| !t.steps.is_empty());
        for (n, (attnum, _)) in given.iter().enumerate() {
            if !in_parts && given.iter().take(n).any(|g| g.0 == *attnum) {
                let name = named.columns.iter().find(|c| c.attnum == *attnum).map_or("", |c| c.name.as_str());
                return Err(self.assigned_twice(named, *attnum, name));
            }
        }
        match v.unwritable_with_default() {
            Some(name) => self.not_writable(v, &ast::Ident::new(name.to_owned()), Verb::Insert),
            None => Ok(()),
        }
    }

    /// The columns of an INSERT into a view that names none: as many as values are given must be writable.
    pub(super) fn all_of_view<'n>(
        &self,
        v: &ViewTarget,
        named: &'n Relation,
        i: &ast::Insert,
    ) -> Result<Vec<&'n Column>> {
        let given = match i.source.as_ref().map(|q| &q.body) {
            Some(ast::QueryBody::Values(rows)) => rows.first().map_or(0, Vec::len),
            Some(ast::QueryBody::Select(s)) => s.targets.len(),
            _ => 0,
        };
        let mut out = Vec::new();
        for (n, c) in v.view.live_columns().enumerate() {
            match named.column(&c.name) {
                Some(c) => out.push(c),
                None if n < given => self.not_writable(v, &ast::Ident::new(c.name.clone()), Verb::Insert)?,
                None => break,
            }
        }
        Ok(out)
    }
}

/// Columns that an assignment names.
pub(super) fn assigned_names(a: &ast::Assignment) -> Vec<&ast::Ident> {
    match a {
        ast::Assignment::One(t, _) => vec![&t.column],
        ast::Assignment::Many(ts, _) => ts.iter().map(|t| &t.column).collect(),
    }
}

/// Puts what columns of a view are in their place in a RETURNING list.
pub(super) fn replace_returning(r: &mut Option<Returning>, by: &HashMap<ColId, Expr>) -> Result<()> {
    for (_, e) in r.iter_mut().flat_map(|r| &mut r.exprs) {
        replace(e, by)?;
    }
    Ok(())
}
