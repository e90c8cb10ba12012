//! GROUP BY: grouping sets, GROUPING(), and what may be used beside the grouped columns.
//!
//! A GROUP BY clause is a list of grouping sets, each a list of positions among the distinct grouped expressions. Each
//! item of the clause is a list of sets, and the clause is their cross product. GROUPING() is bound before the sets are
//! known: it stands as a column of its own until [`Binder::resolve_groupings`] knows its value in each set.

use super::Binder;
use super::select::{Clause, Target, group_rewrite, lock_name};
use super::types::{self, show};
use crate::plan::ir::{Col, ColId, Expr, ExprKind, Subscript};
use crate::plan::walk;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast;
use rustydb_types::datum::{ArrayValue, Datum};
use rustydb_types::oid;
use std::sync::Arc;

/// Most sets of one clause.
const MAX_SETS: usize = 4096;

/// Most arguments of GROUPING(): its answer has a bit for each.
const MAX_GROUPING: usize = 31;

/// A GROUPING() whose sets are not known yet.
#[derive(Clone)]
pub(crate) struct GroupingCall {
    /// The column that stands for it.
    col: Col,
    args: Vec<Expr>,
}

/// What GROUP BY came to.
#[derive(Default)]
pub(crate) struct Groups {
    /// The distinct expressions.
    pub(crate) exprs: Vec<Expr>,
    /// The sets as positions in `exprs`; empty: one set of all.
    pub(crate) sets: Vec<Vec<usize>>,
}

impl Binder<'_> {
    /// GROUPING(…): belongs to the query level whose columns it names.
    pub(crate) fn grouping(&mut self, args: &[ast::Expr], pos: u32) -> Result<Expr> {
        if args.len() > MAX_GROUPING {
            return Err(
                DbError::new(SqlState::TOO_MANY_ARGUMENTS, "GROUPING must have fewer than 32 arguments").at(pos)
            );
        }
        let mut bound = Vec::with_capacity(args.len());
        for a in args {
            bound.push(self.expr_typed(a)?);
        }
        let mut ids = Vec::new();
        bound.iter().for_each(|e| {
            walk::visit_deep(e, &mut |x| {
                if let ExprKind::Column(id) = x.kind {
                    ids.push(id);
                }
            })
        });
        let at = self.level_of(&ids);
        let refuse = |place: &str| {
            DbError::new(SqlState::GROUPING_ERROR, format!("grouping operations are not allowed {place}")).at(pos)
        };
        let Some(level) = self.levels.get(at) else { return Err(refuse("here")) };
        match level.clause {
            Some(Clause::Targets | Clause::OrderBy | Clause::Having) => {}
            Some(c) => return Err(refuse(&format!("in {}", c.name()))),
            None => return Err(refuse("here")),
        }
        let ty = types::plain(oid::INT4);
        let known = level
            .groupings
            .iter()
            .find(|g| g.args.len() == bound.len() && g.args.iter().zip(&bound).all(|(a, b)| walk::same(a, b)));
        let col = match known.map(|g| g.col) {
            Some(c) => c,
            None => {
                let col = self.col(ty);
                self.trace(|t| {
                    t.groupings.insert(col.id, bound.clone());
                });
                self.levels[at].groupings.push(GroupingCall { col, args: bound });
                col
            }
        };
        Ok(Expr { pos, ..Expr::column(col) })
    }

    /// The expressions that stand for GROUPING() calls, by the columns that stood for them. `set` numbers a row's set.
    pub(crate) fn resolve_groupings(
        &self,
        calls: &[GroupingCall],
        groups: &Groups,
        set: Option<Col>,
    ) -> Result<Vec<(ColId, Expr)>> {
        let ty = types::plain(oid::INT4);
        let mut out = Vec::with_capacity(calls.len());
        for c in calls {
            let mut at = Vec::with_capacity(c.args.len());
            for a in &c.args {
                let found = groups.exprs.iter().position(|g| walk::same(g, a));
                at.push(found.ok_or_else(|| {
                    DbError::new(
                        SqlState::GROUPING_ERROR,
                        "arguments to GROUPING must be grouping expressions of the associated query level",
                    )
                    .at(a.pos)
                })?);
            }
            let value = |s: &[usize]| at.iter().fold(0i32, |v, g| (v << 1) | i32::from(!s.contains(g)));
            let e = match set {
                None => Expr::new(ExprKind::Const(Datum::Int4(0)), ty),
                Some(no) => {
                    let items: Vec<Datum> = groups.sets.iter().map(|s| Datum::Int4(value(s))).collect();
                    let dims = vec![(i32::try_from(items.len()).unwrap_or(i32::MAX), 0)];
                    let array = Datum::Array(Arc::new(ArrayValue { elem: oid::INT4, dims, items }));
                    let array = Expr::new(ExprKind::Const(array), types::plain(oid::INT4_ARRAY));
                    let steps = vec![Subscript::Index(Expr::column(no))];
                    Expr::new(ExprKind::Subscript { arg: Box::new(array), steps }, ty)
                }
            };
            out.push((c.col.id, e));
        }
        Ok(out)
    }

    /// Binds GROUP BY: names of outputs, positions, or expressions.
    pub(crate) fn group_by(&mut self, s: &ast::Select, targets: &[Target]) -> Result<Groups> {
        let mut exprs: Vec<Expr> = Vec::new();
        let plain = s.group_by.iter().all(|i| matches!(i, ast::GroupItem::Expr(_)));
        let mut sets: Vec<Vec<usize>> = vec![vec![]];
        let too_many = || {
            DbError::new(
                SqlState::STATEMENT_TOO_COMPLEX,
                format!("too many grouping sets present (maximum {MAX_SETS})"),
            )
        };
        for item in &s.group_by {
            let alts = self.group_item(item, targets, &mut exprs)?;
            if sets.len().saturating_mul(alts.len()) > MAX_SETS {
                return Err(too_many());
            }
            let mut next = Vec::with_capacity(sets.len() * alts.len());
            for s in &sets {
                for a in &alts {
                    let mut v = s.clone();
                    for x in a {
                        if !v.contains(x) {
                            v.push(*x);
                        }
                    }
                    next.push(v);
                }
            }
            sets = next;
        }
        for s in &mut sets {
            s.sort_unstable();
            s.dedup();
        }
        if s.group_distinct {
            let mut seen = std::collections::HashSet::new();
            sets.retain(|s| seen.insert(s.clone()));
        }
        // One set of everything is plain grouping.
        if plain || sets.len() == 1 && sets[0].len() == exprs.len() {
            sets.clear();
        }
        Ok(Groups { exprs, sets })
    }

    fn group_item(
        &mut self,
        item: &ast::GroupItem,
        targets: &[Target],
        groups: &mut Vec<Expr>,
    ) -> Result<Vec<Vec<usize>>> {
        Ok(match item {
            ast::GroupItem::Empty(_) => vec![vec![]],
            ast::GroupItem::Expr(e) => vec![self.group_exprs(e, targets, groups)?],
            ast::GroupItem::Rollup(list, _) => {
                let parts = list.iter().map(|e| self.group_exprs(e, targets, groups)).collect::<Result<Vec<_>>>()?;
                (0..=parts.len()).rev().map(|n| parts[..n].concat()).collect()
            }
            ast::GroupItem::Cube(list, pos) => {
                if list.len() > 12 {
                    return Err(
                        DbError::new(SqlState::TOO_MANY_COLUMNS, "CUBE is limited to 12 elements").at(self.pos(*pos))
                    );
                }
                let parts = list.iter().map(|e| self.group_exprs(e, targets, groups)).collect::<Result<Vec<_>>>()?;
                (0..1usize << parts.len())
                    .rev()
                    .map(|mask| {
                        let n = parts.len();
                        (0..n).filter(|i| mask & (1 << (n - 1 - i)) != 0).flat_map(|i| parts[i].clone()).collect()
                    })
                    .collect()
            }
            ast::GroupItem::Sets(items, _) => {
                let mut all = Vec::new();
                for i in items {
                    all.extend(self.group_item(i, targets, groups)?);
                }
                all
            }
        })
    }

    fn group_exprs(&mut self, e: &ast::Expr, targets: &[Target], groups: &mut Vec<Expr>) -> Result<Vec<usize>> {
        if let ast::ExprKind::Row { fields, explicit: false } = &e.kind {
            let mut out = Vec::new();
            for f in fields {
                out.extend(self.group_exprs(f, targets, groups)?);
            }
            return Ok(out);
        }
        let pos = self.pos(e.pos);
        let bound = match &e.kind {
            ast::ExprKind::Literal(ast::Literal::Integer(n)) => {
                let t = usize::try_from(*n).ok().and_then(|n| n.checked_sub(1)).and_then(|i| targets.get(i));
                let t = t.ok_or_else(|| {
                    DbError::new(
                        SqlState::INVALID_COLUMN_REFERENCE,
                        format!("GROUP BY position {n} is not in select list"),
                    )
                    .at(pos)
                })?;
                t.expr.clone()
            }
            ast::ExprKind::Literal(_) => {
                return Err(DbError::new(SqlState::SYNTAX_ERROR, "non-integer constant in GROUP BY").at(pos));
            }
            ast::ExprKind::Column(c) if !c.star && c.parts.len() == 1 => {
                // An input column wins over an output name.
                let name = &c.parts[0].value;
                let own = self.scopes.last().is_some_and(|s| s.star.iter().any(|x| x.name == *name));
                let mut hits = targets.iter().filter(|t| &t.name == name);
                match (own, hits.next()) {
                    (false, Some(t)) => {
                        if hits.any(|o| !walk::same(&o.expr, &t.expr)) {
                            return Err(DbError::new(
                                SqlState::AMBIGUOUS_COLUMN,
                                format!("GROUP BY \"{name}\" is ambiguous"),
                            )
                            .at(pos));
                        }
                        t.expr.clone()
                    }
                    _ => self.expr_typed(e)?,
                }
            }
            _ => self.expr_typed(e)?,
        };
        let bound = self.default_unknown(bound)?;
        if let Some(l) = self.levels.last() {
            let mut bad = None;
            walk::visit(&bound, &mut |x| {
                if let ExprKind::Column(id) = x.kind {
                    if l.aggs.iter().any(|a| a.0.id == id) {
                        bad = Some((SqlState::GROUPING_ERROR, "aggregate functions", x.pos));
                    } else if l.windows.iter().any(|a| a.0.id == id) {
                        bad = Some((SqlState::WINDOWING_ERROR, "window functions", x.pos));
                    } else if l.groupings.iter().any(|g| g.col.id == id) {
                        bad = Some((SqlState::GROUPING_ERROR, "grouping operations", x.pos));
                    }
                }
            });
            if let Some((code, what, at)) = bad {
                return Err(DbError::new(code, format!("{what} are not allowed in GROUP BY")).at(at));
            }
        }
        self.check_equality(bound.ty.oid, pos)?;
        self.trace(|t| {
            t.exprs.insert(super::trace::key(e), bound.clone());
        });
        let i = match groups.iter().position(|g| walk::same(g, &bound)) {
            Some(i) => i,
            None => {
                groups.push(bound);
                groups.len() - 1
            }
        };
        Ok(vec![i])
    }

    pub(crate) fn check_equality(&self, ty: u32, pos: u32) -> Result<()> {
        if self.check_sortable(ty, pos).is_ok()
            || rustydb_types::pgdata::default_opclass(rustydb_types::pgdata::HASH, ty).is_some()
        {
            return Ok(());
        }
        Err(DbError::new(
            SqlState::UNDEFINED_FUNCTION,
            format!("could not identify an equality operator for type {}", show(ty)),
        )
        .at(pos))
    }

    /// When all columns of a table's primary key are grouped by, its other columns may be used too: they join the
    /// group list. Of grouping sets all must have the key. Answers the columns that joined, each with the key's constraint.
    pub(crate) fn add_functional_dependencies(
        &mut self,
        groups: &mut Vec<(Col, Expr)>,
        sets: &mut [Vec<usize>],
    ) -> Vec<(ColId, u32)> {
        let written = groups.len();
        let mut joined = Vec::new();
        let rtes = self.scopes.last().map(|s| s.rtes.clone()).unwrap_or_default();
        for rte in rtes {
            let Some(pk) = rte.table.as_ref().and_then(|t| {
                // What is checked later proves nothing now.
                t.primary_key().filter(|i| t.deferrable_key(i.oid).is_none()).cloned()
            }) else {
                continue;
            };
            let constraint = rte.table.as_ref().and_then(|t| t.constraint_of(pk.oid)).map_or(0, |c| c.oid);
            let grouped = |attnum: i16, groups: &[(Col, Expr)]| {
                rte.cols
                    .iter()
                    .filter(|c| c.origin.1 == attnum)
                    .any(|c| groups.iter().any(|(_, e)| matches!(e.kind, ExprKind::Column(id) if id == c.col.id)))
            };
            let in_all_sets = |attnum: i16, groups: &[(Col, Expr)]| {
                let at = groups.iter().take(written).position(|(_, e)| {
                    let ExprKind::Column(id) = e.kind else { return false };
                    rte.cols.iter().any(|c| c.origin.1 == attnum && c.col.id == id)
                });
                at.is_some_and(|i| sets.iter().all(|s| s.contains(&i)))
            };
            let known = |k: &crate::catalog::IndexKey| k.attnum > 0 && grouped(k.attnum, groups);
            if pk.keys.iter().all(|k| known(k) && (sets.is_empty() || in_all_sets(k.attnum, groups))) {
                for c in &rte.cols {
                    if !grouped(c.origin.1, groups) {
                        let col = self.col(c.col.ty);
                        sets.iter_mut().for_each(|s| s.push(groups.len()));
                        groups.push((col, Expr::column(c.col)));
                        joined.push((col.id, constraint));
                    }
                }
            }
        }
        joined
    }

    /// The direct arguments of an ordered-set aggregate are read once per group: they may use grouped columns only.
    pub(crate) fn check_direct_arguments(&self, direct: &[Expr], groups: &[(Col, Expr)], own: &[ColId]) -> Result<()> {
        if direct.is_empty() {
            return Ok(());
        }
        let scope = self.scopes.last().cloned().unwrap_or_default();
        for e in direct {
            let mut e = e.clone();
            group_rewrite(&mut e, groups, own, &scope)
                .map_err(|e| e.detail("Direct arguments of an ordered-set aggregate must use only grouped columns."))?;
        }
        Ok(())
    }

    /// Row locks make no sense over grouped rows.
    pub(crate) fn refuse_grouped_locks(&self, s: &ast::Select, q: &ast::Query) -> DbError {
        let what = q.locking.first().map_or("FOR UPDATE", |l| lock_name(l.strength));
        let over = if !s.group_by.is_empty() {
            "GROUP BY clause"
        } else if s.having.is_some() {
            "HAVING clause"
        } else {
            "aggregate functions"
        };
        DbError::unsupported(format!("{what} is not allowed with {over}"))
    }
}
