//! UPDATE and DELETE … WHERE CURRENT OF.
//!
//! A cursor over one table reads that table's row address as a hidden last column; a statement at the cursor is one with a
//! condition on that address. An address stays a row's own for as long as the row lives, so the row may have changed
//! since it was fetched. A prepared statement is bound anew each time it is given parameters, as the cursor moves.

use super::Session;
use super::rows::Cursor;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, Distinct, ExprKind, QueryBody, Statement, TableFactor, TableRef};
use rustydb_types::datum::Datum;
use std::borrow::Cow;

fn shown_name(t: &TableFactor) -> &str {
    t.alias.as_ref().map_or(t.name.name.value.as_str(), |a| a.name.value.as_str())
}

/// An expression from its text.
fn expression(text: &str) -> Result<ast::Expr> {
    let mut list = rustydb_parser::parse(&format!("SELECT {text}"))?;
    if let Some(Statement::Query(q)) = list.pop().map(|p| p.stmt)
        && let QueryBody::Select(mut s) = q.body
        && let Some(t) = s.targets.pop()
    {
        return Ok(t.expr);
    }
    Err(DbError::internal("an expression does not parse"))
}

/// The table of a query whose rows are rows of one table.
fn one_table(q: &ast::Query) -> Option<&TableFactor> {
    let QueryBody::Select(s) = &q.body else { return None };
    let plain = q.with.is_none()
        && matches!(s.distinct, Distinct::No)
        && s.group_by.is_empty()
        && s.having.is_none()
        && s.windows.is_empty();
    match s.from.as_slice() {
        [TableRef::Table(t)] if plain => Some(t),
        _ => None,
    }
}

/// The address of a row as text: which table of an inheritance tree, and where in it.
fn address(table: &str) -> String {
    let t = ast::quote_ident(table);
    format!("pg_catalog.textcat({t}.tableoid::pg_catalog.text, {t}.ctid::pg_catalog.text)")
}

/// The same query with the address of its table's row as a last column, and that table; `None` if it has no such table.
pub fn with_address(q: &ast::Query) -> Result<Option<(ast::Query, ast::Name)>> {
    let Some(t) = one_table(q) else { return Ok(None) };
    let (name, table) = (shown_name(t).to_owned(), t.name.clone());
    let mut q = q.clone();
    let QueryBody::Select(s) = &mut q.body else { return Ok(None) };
    let expr = expression(&address(&name))?;
    s.targets.push(ast::Target { expr, alias: None, pos: s.pos });
    Ok(Some((q, table)))
}

/// The condition of a statement that may be WHERE CURRENT OF, with the table that it changes.
fn condition(stmt: &mut Statement) -> Option<(&TableFactor, &mut Option<ast::Expr>)> {
    let (table, filter) = match stmt {
        Statement::Update(u) => (&u.table, &mut u.filter),
        Statement::Delete(d) => (&d.table, &mut d.filter),
        _ => return None,
    };
    filter.as_ref().is_some_and(|f| matches!(f.kind, ExprKind::CurrentOf(_))).then_some((table, filter))
}

/// Whether a statement changes the row that a cursor stands on.
pub fn is_at_cursor(stmt: &Statement) -> bool {
    let filter = match stmt {
        Statement::Update(u) => &u.filter,
        Statement::Delete(d) => &d.filter,
        _ => return false,
    };
    filter.as_ref().is_some_and(|f| matches!(f.kind, ExprKind::CurrentOf(_)))
}

/// A statement without CURRENT OF, for its parameters and columns to be told before the cursor is there.
pub fn anywhere(stmt: &Statement) -> Cow<'_, Statement> {
    if !is_at_cursor(stmt) {
        return Cow::Borrowed(stmt);
    }
    let mut out = stmt.clone();
    if let Some((_, filter)) = condition(&mut out) {
        *filter = None;
    }
    Cow::Owned(out)
}

impl Session {
    /// A statement with the place where the cursor stands now.
    pub(super) fn placed<'s>(&mut self, stmt: &'s Statement, text: &str) -> Result<Cow<'s, Statement>> {
        if !is_at_cursor(stmt) {
            return Ok(Cow::Borrowed(stmt));
        }
        let mut out = stmt.clone();
        self.at_cursor(&mut out, text)?;
        Ok(Cow::Owned(out))
    }

    /// Turns CURRENT OF into a condition on the address of the cursor's row; whether there was one.
    pub(super) fn at_cursor(&mut self, stmt: &mut Statement, text: &str) -> Result<bool> {
        let Some((table, filter)) = condition(stmt) else { return Ok(false) };
        let Some(ExprKind::CurrentOf(cursor)) = filter.as_ref().map(|f| &f.kind) else { return Ok(false) };
        let (name, shown) = (cursor.value.clone(), shown_name(table).to_owned());
        let rel = self.with_binder(text, &[], |b| b.relation(&table.name))?;
        if rel.kind == crate::catalog::RelKind::View {
            return Err(DbError::unsupported("WHERE CURRENT OF on a view is not implemented"));
        }
        let found = self
            .portals
            .get(&name)
            .ok_or_else(|| DbError::new(SqlState::UNDEFINED_CURSOR, format!("cursor \"{name}\" does not exist")))?;
        let refuse = |m: String| Err(DbError::new(SqlState::INVALID_CURSOR_STATE, m));
        let Some(Cursor { updates, current, .. }) = &found.cursor else {
            return refuse(format!("cursor \"{name}\" is not a SELECT query"));
        };
        if found.held {
            return refuse(format!("cursor \"{name}\" is held from a previous transaction"));
        }
        if *updates != Some(rel.oid) {
            return refuse(format!("cursor \"{name}\" is not a simply updatable scan of table \"{}\"", rel.name));
        }
        let Some(Datum::Text(at)) = current else {
            return refuse(format!("cursor \"{name}\" is not positioned on a row"));
        };
        let condition = format!("{} = '{at}'", address(&shown));
        *filter = Some(expression(&condition)?);
        Ok(true)
    }
}
