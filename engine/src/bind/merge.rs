//! MERGE.
//!
//! The rows come from one join: the source's, each with the target's row that matches. Only if some action is for
//! rows that do not match are those kept. Conditions and values are bound over that join; for rows without a match the
//! target's columns are out of reach.

use super::Binder;
use super::dml::prune_dml;
use super::resolve::Coercion;
use super::scope::Scope;
use super::select::Clause;
use super::target::Target;
use crate::acl::privs;
use crate::catalog::{Column, RelKind, Relation};
use crate::plan::ir::{Bound, Col, Expr, ExprKind, JoinKind, Merge, MergeAction, MergeChange, Rel};
use crate::plan::walk;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, Overriding};
use std::sync::Arc;

impl Binder<'_> {
    pub(crate) fn merge(&mut self, m: &ast::Merge) -> Result<Merge> {
        if m.with.as_ref().is_some_and(|w| w.recursive) {
            return Err(DbError::unsupported("WITH RECURSIVE is not supported for MERGE statement"));
        }
        let bound = self.in_with(m.with.as_ref(), |b| b.in_level(|b| b.merge_inner(m)), |m| &mut m.source)?;
        let mut bound = Bound::Merge(Box::new(bound));
        self.settle_virtual(&mut bound)?;
        match prune_dml(bound) {
            Bound::Merge(m) => Ok(*m),
            _ => Err(DbError::internal("statement changed kind")),
        }
    }

    fn merge_target(&mut self, name: &ast::Name) -> Result<Arc<Relation>> {
        let rel = self.relation(name)?;
        let kind = match rel.kind {
            RelKind::Table => {
                if rel.oid < crate::catalog::FIRST_USER_OID {
                    return Err(DbError::new(
                        SqlState::INSUFFICIENT_PRIVILEGE,
                        format!("permission denied: \"{}\" is a system catalog", rel.name),
                    ));
                }
                self.uses(&rel, ast::TableLockMode::RowExclusive);
                return Ok(rel);
            }
            RelKind::View => "views",
            RelKind::MaterializedView => "materialized views",
            RelKind::Sequence => "sequences",
            RelKind::Index => "indexes",
            _ => "composite types",
        };
        Err(DbError::unsupported(format!("cannot execute MERGE on relation \"{}\"", rel.name))
            .detail(format!("This operation is not supported for {kind}.")))
    }

    fn merge_inner(&mut self, m: &ast::Merge) -> Result<Merge> {
        let mut terminal = [false; 2];
        for w in &m.whens {
            let done = &mut terminal[usize::from(w.matched)];
            if *done {
                return Err(DbError::new(
                    SqlState::SYNTAX_ERROR,
                    "unreachable WHEN clause specified after unconditional WHEN clause",
                ));
            }
            *done = w.condition.is_none();
        }
        let rel = self.merge_target(&m.table.name)?;
        let alias = m.table.alias.as_ref().map_or(rel.name.as_str(), |a| a.name.value.as_str()).to_owned();
        let asked = m.whens.iter().fold(privs::SELECT, |p, w| {
            p | match w.action {
                ast::MergeAction::Nothing => 0,
                ast::MergeAction::Delete => privs::DELETE,
                ast::MergeAction::Update(_) => privs::UPDATE,
                ast::MergeAction::Insert(_) => privs::INSERT,
            }
        });
        let need = self.needs.relation(&rel, self.acts_as, asked);
        let (scan, mut rte) = self.table_scan(&rel, &alias, m.table.only, ast::TableLockMode::RowExclusive)?;
        let tableoid = if matches!(scan, Rel::Append(_)) { rte.system_column("tableoid") } else { None };
        for c in rte.cols.iter().chain(&rte.system) {
            self.needs.offers(need, c.col.id, c.origin.1);
        }
        if m.table.alias.is_none() {
            rte.schema = Some(rel.schema.clone());
        }
        let rid = rte.rid.ok_or_else(|| DbError::internal("table without rows"))?;
        let old: Vec<(Col, i16)> = rte.cols.iter().map(|c| (c.col, c.origin.1)).collect();
        self.note_row(&rel, &old, tableoid);
        let target = Scope::of(rte);
        // The source cannot read the target's columns.
        self.set_clause(Clause::From);
        self.scopes.push(Scope { star: vec![], rtes: vec![], invisible: target.rtes.clone() });
        let source = self.bind_from(std::slice::from_ref(&m.source), ast::TableLockMode::AccessShare);
        self.scopes.pop();
        let (source, only) = source?;
        if only.rtes.iter().any(|x| x.name == alias) {
            return Err(DbError::new(SqlState::DUPLICATE_ALIAS, format!("name \"{alias}\" specified more than once"))
                .detail("The name is used both as MERGE target table and data source."));
        }
        let mut both = target.clone();
        both.append(only.clone());
        self.scopes.push(both.clone());
        self.set_clause(Clause::JoinOn);
        let on = self.expr(&m.on).and_then(|e| self.to_bool(e, "JOIN/ON"));
        self.scopes.pop();
        let on = on?;
        let unmatched = m.whens.iter().any(|w| !w.matched && !matches!(w.action, ast::MergeAction::Nothing));
        let mut source = Rel::Join {
            kind: if unmatched { JoinKind::Left } else { JoinKind::Inner },
            left: Box::new(source),
            right: Box::new(scan),
            on: Some(on.clone()),
            lateral: false,
        };
        let without = Scope { invisible: target.rtes.clone(), ..only };
        let mut actions = Vec::with_capacity(m.whens.len());
        for w in &m.whens {
            self.scopes.push(if w.matched { both.clone() } else { without.clone() });
            let r = self.merge_action(&rel, w, &both);
            self.scopes.pop();
            let action = r?;
            if let Some(n) = self.needs.get_mut(need) {
                match &action.change {
                    MergeChange::Update(set) => n.updated.extend(set.iter().map(|s| s.0)),
                    MergeChange::Insert(set) => n.inserted.extend(set.iter().map(|s| s.0)),
                    MergeChange::Nothing | MergeChange::Delete => {}
                }
            }
            actions.push(action);
        }
        let new = self.row_cols(&rel);
        let mut checks = self.row_checks(&rel, &new)?;
        let generated = self.generated(&rel, &new)?;
        let does = [
            actions.iter().any(|a| matches!(a.change, MergeChange::Update(_))),
            actions.iter().any(|a| matches!(a.change, MergeChange::Delete)),
            actions.iter().any(|a| matches!(a.change, MergeChange::Insert(_))),
        ];
        let target = Target { rel: Arc::clone(&rel), named: Arc::clone(&rel), view: None, need, role: self.acts_as };
        self.secure_merge(&target, &mut source, (rid, &old), (&new, does), &mut checks)?;
        Ok(Merge { table: rel, source, tableoid, rid, old, on, actions, new, checks, generated })
    }

    fn merge_action(&mut self, rel: &Arc<Relation>, w: &ast::MergeWhen, both: &Scope) -> Result<MergeAction> {
        let condition = match &w.condition {
            None => None,
            Some(c) => {
                self.set_clause(Clause::MergeWhen);
                let e = self.expr(c)?;
                self.no_system_columns(&e, both)?;
                Some(self.to_bool(e, "WHEN")?)
            }
        };
        let change = match &w.action {
            ast::MergeAction::Nothing => MergeChange::Nothing,
            ast::MergeAction::Delete => MergeChange::Delete,
            ast::MergeAction::Update(set) => {
                self.set_clause(Clause::UpdateSet);
                MergeChange::Update(self.assignments(rel, set)?)
            }
            ast::MergeAction::Insert(i) => {
                self.set_clause(Clause::Insert);
                MergeChange::Insert(self.merge_insert(rel, i)?)
            }
        };
        Ok(MergeAction { matched: w.matched, condition, change })
    }

    /// Of the system columns a WHEN condition may read `tableoid` only: the others have no meaning while the row changes.
    fn no_system_columns(&self, e: &Expr, both: &Scope) -> Result<()> {
        let mut bad = None;
        walk::visit_deep(e, &mut |x| {
            if let ExprKind::Column(id) = x.kind
                && let Some(c) = both.rtes.iter().flat_map(|r| &r.system).find(|c| c.col.id == id)
                && c.origin.1 < 0
                && c.name != "tableoid"
                && bad.is_none()
            {
                bad = Some((c.name.clone(), x.pos));
            }
        });
        match bad {
            None => Ok(()),
            Some((name, pos)) => Err(DbError::new(
                SqlState::INVALID_COLUMN_REFERENCE,
                format!("cannot use system column \"{name}\" in MERGE WHEN condition"),
            )
            .at(pos)),
        }
    }

    fn merge_insert(&mut self, rel: &Arc<Relation>, i: &ast::MergeInsert) -> Result<Vec<(i16, Expr)>> {
        let parts = self.insert_parts(rel, &i.columns)?;
        let wanted: Vec<&Column> =
            if i.columns.is_empty() { rel.live_columns().collect() } else { parts.iter().map(|c| &**c).collect() };
        let values = i.values.as_deref().unwrap_or_default();
        let count = |text: &'static str, at: u32| Err(DbError::new(SqlState::SYNTAX_ERROR, text).at(at));
        if let Some(extra) = values.get(wanted.len()) {
            return count("INSERT has more expressions than target columns", self.pos(extra.start()));
        }
        if values.len() < wanted.len() && !i.columns.is_empty() {
            let at = self.pos(i.columns[values.len()].column.pos);
            return count("INSERT has more target columns than expressions", at);
        }
        let mut given: Vec<(i16, Expr)> = Vec::new();
        for (n, (e, c)) in values.iter().zip(&wanted).enumerate() {
            let is_default =
                matches!(e.kind, ast::ExprKind::Default) || (i.overriding == Overriding::User && c.identity != '\0');
            self.check_insertable(c, is_default, i.overriding)?;
            if let Some(t) = i.columns.get(n).filter(|t| is_default && !t.steps.is_empty()) {
                return Err(self.no_default_part(t));
            }
            if !is_default {
                let b = self.expr(e)?;
                given.push((c.attnum, self.assign(b, c.ty, &c.name)?));
            }
        }
        let given = self.joined_parts(rel, &i.columns, given)?;
        let mut out = Vec::new();
        for c in rel.live_columns() {
            let e = match given.iter().find(|g| g.0 == c.attnum) {
                Some((_, e)) => e.clone(),
                None => self.column_default(rel, c)?,
            };
            // A value keeps its column's type even if it is still an untyped NULL.
            let e =
                if e.ty.oid == c.ty.oid { e } else { self.coerce(e.clone(), c.ty, Coercion::Assignment)?.unwrap_or(e) };
            out.push((c.attnum, e));
        }
        Ok(out)
    }
}
