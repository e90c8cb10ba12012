//! Row-level security: which rows of a table a statement sees and may write.
//!
//! A table with row security shows to a role only the rows that some permissive policy for the command and role lets
//! through and every restrictive one does; without a permissive one, none. New rows must meet the policies' WITH CHECK
//! (USING where there is none). Superusers, roles with BYPASSRLS and (unless FORCE is set) the owner are exempt.
//!
//! The conditions are bound as the policies' tables' reader, so policies of tables they read apply too; a policy that
//! leads back to its own table is an error. A plan made so is for one role, as all plans are.

use super::Binder;
use super::scope::Rte;
use super::select::Clause;
use crate::acl::membership::has_privs_of;
use crate::acl::policy::{Policy, RowSecurity, in_force};
use crate::catalog::Relation;
use crate::plan::ir::{Col, Expr, ExprKind, Rel, RowState, WithCheck, WithCheckKind};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_types::datum::Datum;
use rustydb_types::oid;
use std::sync::Arc;

/// A command as policies name it (`polcmd`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub(super) enum Command {
    Select,
    Insert,
    Update,
    Delete,
}

impl Command {
    fn letter(self) -> char {
        match self {
            Command::Select => 'r',
            Command::Insert => 'a',
            Command::Update => 'w',
            Command::Delete => 'd',
        }
    }
}

/// The policies of a table that apply to a command.
#[derive(Default)]
struct Applying {
    permissive: Vec<Policy>,
    restrictive: Vec<Policy>,
}

impl Binder<'_> {
    /// The policies of a table if they are to be looked at.
    pub(crate) fn row_security(&self, rel: &Relation) -> Result<Option<Arc<RowSecurity>>> {
        if self.defines {
            return Ok(None);
        }
        let role = self.acts_as.unwrap_or(self.cx.role);
        let Some(rows) = in_force(self.cx.catalog, rel, role) else { return Ok(None) };
        let owner = has_privs_of(self.cx.catalog, role, rel.owner);
        if self.cx.eval.session.setting("row_security").as_deref() == Some("off") {
            let e = DbError::new(
                SqlState::INSUFFICIENT_PRIVILEGE,
                format!("query would be affected by row-level security policy for table \"{}\"", rel.name),
            );
            return Err(if owner {
                e.hint("To disable the policy for the table's owner, use ALTER TABLE NO FORCE ROW LEVEL SECURITY.")
            } else {
                e
            });
        }
        Ok(Some(rows))
    }

    fn applying(&self, rows: &RowSecurity, command: Command) -> Applying {
        let role = self.acts_as.unwrap_or(self.cx.role);
        let mut out = Applying::default();
        for p in &rows.policies {
            let for_command = p.command == '*' || p.command == command.letter();
            let for_role = p.roles.iter().any(|r| *r == 0 || has_privs_of(self.cx.catalog, role, *r));
            if for_command && for_role {
                if p.permissive {
                    out.permissive.push(p.clone());
                } else {
                    out.restrictive.push(p.clone());
                }
            }
        }
        out.restrictive.sort_by(|a, b| a.name.cmp(&b.name));
        out
    }

    fn policy_expr(&mut self, rel: &Arc<Relation>, text: &str, rte: &Rte) -> Result<Expr> {
        if self.policies.contains(&rel.oid) {
            return Err(DbError::new(
                SqlState::INVALID_OBJECT_DEFINITION,
                format!("infinite recursion detected in policy for relation \"{}\"", rel.name),
            ));
        }
        self.policies.push(rel.oid);
        // The policy says the table's names, whatever the statement calls the table and its columns.
        let mut rte = Rte { name: rel.name.clone(), schema: Some(rel.schema.clone()), ..rte.clone() };
        for c in &mut rte.cols {
            if let Some(own) = rel.attribute(c.origin.1) {
                c.name = own.name.as_str().into();
            }
        }
        let muted = self.needs.muted(|c| rte.cols.iter().chain(&rte.system).any(|x| x.col.id == c));
        let r = self.stored_expr(text, Some(rte), Clause::Policy);
        self.needs.unmute(muted);
        self.policies.pop();
        self.to_bool(r?, "POLICY")
    }

    /// The conditions on rows that a command sees: restrictive ones first.
    pub(super) fn policy_filters(
        &mut self,
        rel: &Arc<Relation>,
        rows: &RowSecurity,
        command: Command,
        rte: &Rte,
    ) -> Result<Vec<Expr>> {
        let a = self.applying(rows, command);
        let mut permissive = Vec::new();
        for p in &a.permissive {
            if let Some(text) = &p.using {
                permissive.push(self.policy_expr(rel, text, rte)?);
            }
        }
        if permissive.is_empty() {
            return Ok(vec![no_row()]);
        }
        let mut out = Vec::new();
        for p in &a.restrictive {
            if let Some(text) = &p.using {
                out.push(self.policy_expr(rel, text, rte)?);
            }
        }
        out.push(any_of(permissive));
        Ok(out)
    }

    /// The conditions on new rows of a command; `using`: what is seen is what is checked.
    pub(super) fn policy_checks(
        &mut self,
        rel: &Arc<Relation>,
        rows: &RowSecurity,
        (command, using, state): (Command, bool, RowState),
        rte: &Rte,
        out: &mut Vec<WithCheck>,
    ) -> Result<()> {
        let a = self.applying(rows, command);
        let text = |p: &Policy| if using { p.using.clone() } else { p.check.clone().or_else(|| p.using.clone()) };
        let kind = |policy: Option<String>| WithCheckKind::Policy { policy, state };
        let mut permissive = Vec::new();
        for p in &a.permissive {
            if let Some(t) = text(p) {
                permissive.push(self.policy_expr(rel, &t, rte)?);
            }
        }
        if permissive.is_empty() {
            out.push(WithCheck { kind: kind(None), expr: no_row() });
            return Ok(());
        }
        out.push(WithCheck { kind: kind(None), expr: any_of(permissive) });
        for p in &a.restrictive {
            if let Some(t) = text(p) {
                let expr = self.policy_expr(rel, &t, rte)?;
                out.push(WithCheck { kind: kind(Some(p.name.clone())), expr });
            }
        }
        Ok(())
    }

    /// A scan with the rows of a SELECT that its policies hide taken away.
    pub(super) fn secured(&mut self, rel: &Arc<Relation>, scan: Rel, rte: &Rte, locks: bool) -> Result<Rel> {
        let Some(rows) = self.row_security(rel)? else { return Ok(scan) };
        self.context_dependent = true;
        let mut filters = self.policy_filters(rel, &rows, Command::Select, rte)?;
        if locks {
            filters.extend(self.policy_filters(rel, &rows, Command::Update, rte)?);
        }
        Ok(filtered(scan, filters).fenced())
    }
}

/// A relation under conditions.
pub(super) fn filtered(input: Rel, mut conditions: Vec<Expr>) -> Rel {
    match (conditions.len(), conditions.pop()) {
        (_, None) => input,
        (1, Some(pred)) => Rel::Filter { input: Box::new(input), pred },
        (_, Some(last)) => {
            let ty = last.ty;
            conditions.push(last);
            Rel::Filter { input: Box::new(input), pred: Expr::new(ExprKind::And(conditions), ty) }
        }
    }
}

/// Puts conditions right above the scan with a row id.
pub(super) fn restrict(rel: &mut Rel, rid: Col, conditions: &mut Vec<Expr>) {
    if conditions.is_empty() {
        return;
    }
    let here = match rel {
        Rel::Scan(s) => s.rid.is_some_and(|r| r.id == rid.id),
        Rel::Append(a) => a.cols.iter().any(|c| c.id == rid.id),
        _ => false,
    };
    if here {
        let scan = std::mem::replace(rel, Rel::Values { cols: vec![], rows: vec![] });
        *rel = filtered(scan, std::mem::take(conditions)).fenced();
        return;
    }
    let _ = crate::plan::walk::inputs_mut(rel, &mut |r| {
        restrict(r, rid, conditions);
        Ok(())
    });
}

fn any_of(mut list: Vec<Expr>) -> Expr {
    match (list.len(), list.pop()) {
        (1, Some(e)) => e,
        (_, Some(last)) => {
            let ty = last.ty;
            list.push(last);
            Expr::new(ExprKind::Or(list), ty)
        }
        (_, None) => no_row(),
    }
}

fn no_row() -> Expr {
    Expr::new(ExprKind::Const(Datum::Bool(false)), super::types::plain(oid::BOOL))
}
