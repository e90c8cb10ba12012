//! Which collation an expression has, and how strongly: PostgreSQL's derivation.
//!
//! A COLLATE clause is explicit and carries through every call above it; columns, constants and subqueries have theirs
//! implicitly. Explicit wins over implicit, another implicit one over the default; two explicit ones are an error at once,
//! two implicit ones leave the collation [`INDETERMINATE`], which is an error only when something compares by it, or where
//! a set operation or a table needs one now. The strength is not kept in the tree: it is read off it when asked for, and a
//! tree that has the default collation is not looked into, as nothing below can have decided on another.

use super::Binder;
use super::define::COLLATION_BY_OID;
use crate::plan::ir::{Expr, ExprKind, Rel};
use crate::plan::walk;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast;
use rustydb_types::collation::{DEFAULT, INDETERMINATE, name as collation_name};
use rustydb_types::pgdata;
use std::collections::HashMap;
use std::sync::LazyLock;

/// How an expression came by its collation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Strength {
    None,
    Implicit,
    Conflict,
    Explicit,
}

/// A collation on its way up.
#[derive(Clone, Copy, Debug)]
struct Derived {
    collation: u32,
    strength: Strength,
    pos: u32,
    /// The second collation of a conflict and its place.
    other: (u32, u32),
}

const NOTHING: Derived = Derived { collation: 0, strength: Strength::None, pos: 0, other: (0, 0) };

/// Whether an expression is a COLLATE clause.
pub fn is_collate(e: &Expr) -> bool {
    matches!(&e.kind, ExprKind::Relabel(x) if x.ty.oid == e.ty.oid && x.ty.typmod == e.ty.typmod && x.ty.oid != 0)
}

fn shown(oid: u32) -> String {
    collation_name(oid).map_or_else(String::new, |n| n.to_string())
}

impl Derived {
    /// Takes in a sibling.
    fn merge(&mut self, d: Derived) -> Result<()> {
        if d.strength > self.strength {
            *self = d;
            return Ok(());
        }
        if d.strength < self.strength || d.collation == self.collation {
            return Ok(());
        }
        match d.strength {
            Strength::Implicit if self.collation == DEFAULT => *self = d,
            Strength::Implicit if d.collation != DEFAULT => {
                self.strength = Strength::Conflict;
                self.other = (d.collation, d.pos);
            }
            Strength::Explicit => {
                let (a, b) = (shown(self.collation), shown(d.collation));
                let text = format!("collation mismatch between explicit collations \"{a}\" and \"{b}\"");
                return Err(DbError::new(SqlState::COLLATION_MISMATCH, text).at(d.pos));
            }
            _ => {}
        }
        Ok(())
    }
}

impl Derived {
    /// 42P21 where a collation is needed now.
    fn refuse_conflict(&self) -> Result<()> {
        if self.strength != Strength::Conflict {
            return Ok(());
        }
        let (a, b) = (shown(self.collation), shown(self.other.0));
        let text = format!("collation mismatch between implicit collations \"{a}\" and \"{b}\"");
        Err(DbError::new(SqlState::COLLATION_MISMATCH, text)
            .at(self.other.1)
            .hint("You can choose the collation by applying the COLLATE clause to one or both expressions."))
    }
}

fn implicit(e: &Expr) -> Derived {
    let strength = if e.ty.collation == INDETERMINATE { Strength::None } else { Strength::Implicit };
    Derived { collation: e.ty.collation, strength, pos: e.pos, other: (0, 0) }
}

fn derive(e: &Expr) -> Result<Derived> {
    stacker::maybe_grow(64 * 1024, 1024 * 1024, || derive_inner(e))
}

fn derive_inner(e: &Expr) -> Result<Derived> {
    if e.ty.collation == 0 {
        return Ok(NOTHING);
    }
    if is_collate(e) {
        return Ok(Derived { strength: Strength::Explicit, ..implicit(e) });
    }
    if e.ty.collation == DEFAULT {
        return Ok(implicit(e));
    }
    let mut d = NOTHING;
    match &e.kind {
        ExprKind::Case { whens, otherwise, .. } => {
            for x in whens.iter().map(|w| &w.1).chain([&**otherwise]) {
                d.merge(derive(x)?)?;
            }
        }
        ExprKind::Subscript { arg, .. } | ExprKind::ArrayMap { arg, .. } => d.merge(derive(arg)?)?,
        ExprKind::Call { .. }
        | ExprKind::ViaIo(_)
        | ExprKind::Relabel(_)
        | ExprKind::Domain(_)
        | ExprKind::Typmod { .. }
        | ExprKind::Coalesce(_)
        | ExprKind::MinMax { .. }
        | ExprKind::NullIf { .. }
        | ExprKind::Array { .. } => {
            let mut found = Vec::new();
            walk::children(e, &mut |x| found.push(x));
            for x in found {
                d.merge(derive(x)?)?;
            }
        }
        _ => return Ok(implicit(e)),
    }
    Ok(if d.strength == Strength::None { implicit(e) } else { d })
}

fn merged<'e>(args: impl IntoIterator<Item = &'e Expr>) -> Result<Derived> {
    let mut d = NOTHING;
    for a in args {
        d.merge(derive(a)?)?;
    }
    Ok(d)
}

/// The collation that a call over these arguments compares by; [`INDETERMINATE`] if they disagree, 0 if none has one.
pub fn of_args(args: &[Expr]) -> Result<u32> {
    // Most calls have nothing to decide.
    if args.iter().all(|a| matches!(a.ty.collation, 0 | DEFAULT) && !is_collate(a)) {
        return Ok(args.iter().map(|a| a.ty.collation).max().unwrap_or(0));
    }
    let d = merged(args)?;
    Ok(match d.strength {
        Strength::Conflict => INDETERMINATE,
        Strength::None if args.iter().any(|a| a.ty.collation == INDETERMINATE) => INDETERMINATE,
        _ => d.collation,
    })
}

/// The collation of a column of VALUES.
pub fn of_items<'e>(items: impl Iterator<Item = &'e Expr> + Clone) -> Result<u32> {
    if items.clone().all(|a| a.ty.collation == DEFAULT && !is_collate(a)) {
        return Ok(DEFAULT);
    }
    let lacking = items.clone().any(|a| a.ty.collation == INDETERMINATE);
    let d = merged(items)?;
    Ok(match d.strength {
        Strength::Conflict => INDETERMINATE,
        Strength::None if lacking => INDETERMINATE,
        _ => d.collation,
    })
}

/// The collation of a column of a set operation, whose two sides are given. Where rows are compared (all but UNION ALL) they
/// must agree.
pub fn of_set_op(left: &Expr, right: &Expr, compares: bool) -> Result<u32> {
    let d = merged([left, right])?;
    if compares {
        d.refuse_conflict()?;
    }
    Ok(match d.strength {
        Strength::Conflict => INDETERMINATE,
        Strength::None if [left, right].iter().any(|e| e.ty.collation == INDETERMINATE) => INDETERMINATE,
        _ => d.collation,
    })
}

/// The expression that makes an output of a query, where it can be told.
pub fn target(rel: &Rel, id: u32) -> Option<&Expr> {
    match rel {
        Rel::Project { exprs, .. } => exprs.iter().find(|e| e.0.id == id).map(|e| &e.1),
        Rel::Sort { input, .. }
        | Rel::Limit { input, .. }
        | Rel::LockRows { input, .. }
        | Rel::With { body: input, .. } => target(input, id),
        _ => None,
    }
}

impl Binder<'_> {
    /// The collation of a COLLATE clause, which stands at `pos`.
    pub fn collation_named(&self, n: &ast::Name, pos: u32) -> Result<u32> {
        let cat = self.cx.catalog;
        let path = match &n.schema {
            // In what is kept.
            Some(s) if s.value == COLLATION_BY_OID && self.schema_named(&s.value).is_none() => {
                let oid = n.name.value.parse::<u32>().ok().filter(|o| cat.collations.contains_key(o));
                return oid.ok_or_else(|| undefined(n).at(pos));
            }
            Some(s) => {
                let missing = || {
                    let text = format!("schema \"{}\" does not exist", s.value);
                    DbError::new(SqlState::INVALID_SCHEMA_NAME, text).at(pos)
                };
                vec![self.schema_named(&s.value).ok_or_else(missing)?]
            }
            None => self.cx.search_path.to_vec(),
        };
        let name = n.name.value.as_str();
        for ns in path {
            let own = cat.collation_in(ns, name).map(|c| c.oid);
            let system = || (ns == pgdata::PG_CATALOG).then(|| built_in(name)).flatten();
            if let Some(oid) = own.or_else(system) {
                rustydb_types::collation::check_usable(oid).map_err(|e| e.at(pos))?;
                return Ok(oid);
            }
        }
        Err(undefined(n).at(pos))
    }
}

/// A built-in collation by name.
pub fn built_in(name: &str) -> Option<u32> {
    static NAMES: LazyLock<HashMap<&'static str, u32>> =
        LazyLock::new(|| pgdata::collations().iter().map(|c| (c.collname, c.oid)).collect());
    NAMES.get(name).copied()
}

/// 42704 for a name that no collation has.
pub fn undefined(n: &ast::Name) -> DbError {
    DbError::new(
        SqlState::UNDEFINED_OBJECT,
        format!("collation \"{}\" for encoding \"UTF8\" does not exist", n.plain()),
    )
}

/// A sort key whose collation is not known fails when there are rows to sort: it becomes a call that needs to know.
pub fn must_be_known(e: Expr) -> Result<Expr> {
    if e.ty.collation != INDETERMINATE {
        return Ok(e);
    }
    derive(&e)?.refuse_conflict()?;
    Ok(match pgdata::procs_named("text_larger").first().copied() {
        Some(proc) => {
            let (ty, pos) = (e.ty, e.pos);
            Expr { kind: ExprKind::Call { proc, args: vec![e.clone(), e], collation: INDETERMINATE }, ty, pos }
        }
        None => e,
    })
}
