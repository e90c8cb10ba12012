//! A relation that DataFusion runs, as EXPLAIN shows it: from our tree after its rewrites, which is what names, conditions and
//! subqueries can be told from. Equi-joins run as hash joins, other joins as nested loops, groups by hashing.

use super::expr::is_key_equality;
use super::lower::conjuncts;
use super::{rewrite, scan};
use crate::exec::StmtCx;
use crate::exec::explain::{Estimate, How, Names, PlanNode};
use crate::exec::subquery::has_subquery;
use crate::plan::ir::{Col, ColSet, Cte, CteId, Expr, ExprKind, JoinKind, Rel, SetOpKind};
use crate::plan::walk;
use rustydb_parser::ast::quote_ident;
use rustydb_types::pgdata;
use std::collections::HashMap;
use std::sync::Arc;

/// Cost of a row that is made.
const ROW: f64 = 0.01;

struct Teller<'a> {
    names: Names,
    cx: &'a Arc<StmtCx>,
    /// Names and columns of common tables.
    ctes: HashMap<CteId, (String, Vec<Col>)>,
}

/// The operators of a rewritten relation.
pub fn operators(rel: &Rel, cx: &Arc<StmtCx>) -> PlanNode {
    let mut scans = 0;
    walk::visit_rels(rel, &mut |r| scans += usize::from(matches!(r, Rel::Scan(_))));
    let mut t = Teller { names: Names::new(scans > 1), cx, ctes: HashMap::new() };
    t.collect(rel);
    t.operator(rel)
}

impl Teller<'_> {
    fn collect(&mut self, rel: &Rel) {
        stacker::maybe_grow(256 * 1024, 2 * 1024 * 1024, || self.collect_here(rel));
    }

    fn collect_here(&mut self, rel: &Rel) {
        if let Rel::With { ctes, .. } = rel {
            self.ctes.extend(ctes.iter().map(|c| (c.id, (c.name.clone(), c.rel.outputs()))));
        }
        walk::inputs(rel, &mut |r| self.collect(r));
        // This walk answers no error.
        _ = walk::own_exprs(rel, &mut |e| {
            walk::visit(e, &mut |x| {
                if let ExprKind::Subquery(s) = &x.kind {
                    self.collect(&s.rel);
                }
            });
            Ok(())
        });
        let names = &mut self.names;
        match rel {
            Rel::Values { cols, .. } => names.values(cols),
            Rel::Scan(s) => names.scan(s),
            Rel::FunctionScan { calls, ordinality } => {
                for (e, cols) in calls {
                    let name = function(e);
                    cols.iter().for_each(|c| names.give(c.id, name.clone()));
                }
                if let Some(c) = ordinality {
                    names.give(c.id, "ordinality".into());
                }
            }
            Rel::Project { exprs, .. } => names.computed(exprs),
            Rel::ProjectSet { calls, .. } => names.computed(calls),
            Rel::Aggregate { groups, aggs, .. } => {
                names.computed(groups);
                names.aggregates(aggs);
            }
            Rel::Window { calls, .. } => {
                for (c, w) in calls {
                    let text = format!("{}({}) OVER (?)", w.proc.proname, names.each(&w.args).join(", "));
                    names.give(c.id, text);
                }
            }
            Rel::SetOp { left, right, cols, .. } => {
                names.same(cols, &left.outputs());
                names.same(cols, &right.outputs());
            }
            Rel::Append(a) => a.branches.iter().for_each(|b| names.same(&a.cols, &b.cols)),
            Rel::CteScan { cte, cols } => {
                if let Some((_, outputs)) = self.ctes.get(cte) {
                    names.same(cols, outputs);
                }
            }
            _ => {}
        }
    }

    fn estimate(&self, rel: &Rel, children: &[PlanNode]) -> Estimate {
        let rows = rewrite::estimate(rel, self.cx);
        let below: f64 = children.iter().map(|c| c.estimate.total).sum();
        let total = below + rows * ROW;
        let startup = match rel {
            Rel::Sort { .. } | Rel::Aggregate { .. } | Rel::Distinct { .. } | Rel::Window { .. } => below,
            _ => 0.0,
        };
        let bytes = |o: u32| pgdata::pg_type(o).map_or(32, |t| if t.typlen > 0 { i32::from(t.typlen) } else { 32 });
        Estimate { startup, total, rows, width: rel.outputs().iter().map(|c| bytes(c.ty.oid)).sum() }
    }

    fn node(&self, kind: &'static str, rel: &Rel, children: Vec<PlanNode>) -> PlanNode {
        let estimate = self.estimate(rel, &children);
        PlanNode::new(kind, estimate, children)
    }

    /// An operator, and those of the subqueries in its expressions.
    fn operator(&mut self, rel: &Rel) -> PlanNode {
        stacker::maybe_grow(256 * 1024, 2 * 1024 * 1024, || {
            let mut out = self.plain(rel);
            if let Rel::With { .. } = rel {
                return out;
            }
            // This walk answers no error.
            _ = walk::own_exprs(rel, &mut |e| {
                if has_subquery(e) {
                    walk::visit(e, &mut |x| {
                        if let ExprKind::Subquery(s) = &x.kind {
                            let number = out.children.iter().filter(|c| c.title.is_some()).count() + 1;
                            let plan = self.operator(&s.rel).titled(format!("SubPlan {number}"));
                            out.children.push(plan);
                        }
                    });
                }
                Ok(())
            });
            out
        })
    }

    fn over(&mut self, kind: &'static str, rel: &Rel, input: &Rel) -> PlanNode {
        let child = self.operator(input);
        self.node(kind, rel, vec![child])
    }

    fn plain(&mut self, rel: &Rel) -> PlanNode {
        match rel {
            Rel::Values { rows, .. } if rows.len() == 1 => self.node("Result", rel, vec![]),
            Rel::Values { .. } => self.node("Values Scan", rel, vec![]).on("Alias", "\"*VALUES*\""),
            Rel::Scan(_) => self.scan(rel, rel, &[]),
            Rel::FunctionScan { calls, .. } => {
                let name = calls.first().map(|c| function(&c.0)).unwrap_or_default();
                if name == crate::bind::XML_TABLE_ROWS {
                    return self.node("Table Function Scan", rel, vec![]).on("Table Function Name", "\"xmltable\"");
                }
                self.node("Function Scan", rel, vec![]).on("Function Name", name)
            }
            // Computing columns is part of the operator below.
            Rel::Project { input, .. } => self.operator(input),
            Rel::Filter { input, pred } => {
                let conds = conjuncts(pred);
                match &**input {
                    Rel::Scan(_) => self.scan(rel, input, &conds),
                    _ => {
                        let owned: Vec<Expr> = conds.into_iter().cloned().collect();
                        let below = self.operator(input);
                        let rows = rewrite::estimate(rel, self.cx);
                        let out = below.condition("Filter", &owned, &self.names);
                        PlanNode { estimate: Estimate { rows, ..out.estimate }, ..out }
                    }
                }
            }
            Rel::Join { kind, left, right, on, .. } => self.join(rel, *kind, left, right, on.as_ref()),
            Rel::Aggregate { input, groups, sets, .. } => {
                let out = self.over("Aggregate", rel, input);
                let key: Vec<String> = groups.iter().map(|g| self.names.expr(&g.1)).collect();
                match (groups.is_empty(), sets.is_empty()) {
                    (true, _) => out.on("Strategy", "Plain"),
                    (_, true) => out.on("Strategy", "Hashed").by("Group Key", How::List(key)),
                    _ => out.on("Strategy", "Mixed").by("Hash Key", How::List(key)),
                }
            }
            Rel::Window { input, .. } => self.over("WindowAgg", rel, input),
            Rel::ProjectSet { input, .. } => self.over("ProjectSet", rel, input),
            Rel::Distinct { input, on } => {
                let key = on.clone().unwrap_or_else(|| input.outputs());
                let out = self.over(if on.is_some() { "Unique" } else { "Aggregate" }, rel, input);
                match on {
                    Some(_) => out,
                    None => out.on("Strategy", "Hashed").by("Group Key", How::List(self.names.columns(&key))),
                }
            }
            Rel::Sort { input, keys } => {
                let out = self.over("Sort", rel, input);
                out.by("Sort Key", How::List(self.names.keys(keys)))
            }
            // A fence of security, no limit.
            Rel::Limit { input, limit: None, offset: None, ties: None } => self.operator(input),
            Rel::Limit { input, .. } => self.over("Limit", rel, input),
            Rel::LockRows { input, .. } => self.over("LockRows", rel, input),
            Rel::SetOp { op, all, left, right, cols } => {
                let sides = vec![self.operator(left), self.operator(right)];
                let word = match op {
                    SetOpKind::Union if *all => return self.node("Append", rel, sides),
                    SetOpKind::Union => {
                        let append = self.node("Append", rel, sides);
                        let key = self.names.columns(cols);
                        let out = self.node("Aggregate", rel, vec![append]);
                        return out.on("Strategy", "Hashed").by("Group Key", How::List(key));
                    }
                    SetOpKind::Intersect => "Intersect",
                    SetOpKind::Except => "Except",
                };
                let word = if *all { format!("{word} All") } else { word.to_owned() };
                self.node("SetOp", rel, sides).on("Strategy", "Hashed").on("Command", word)
            }
            Rel::Append(a) => {
                let parts = a.branches.iter().map(|b| self.operator(&b.rel)).collect();
                self.node("Append", rel, parts)
            }
            Rel::With { ctes, body } => {
                let mut out = self.operator(body);
                let plans: Vec<PlanNode> = ctes.iter().map(|c| self.common(c)).collect();
                out.children.splice(0..0, plans);
                out
            }
            Rel::CteScan { cte, .. } => {
                let name = self.ctes.get(cte).map(|c| quote_ident(&c.0).to_string()).unwrap_or_default();
                self.node("CTE Scan", rel, vec![]).on("CTE Name", name)
            }
            Rel::Modify(..) => self.node("ModifyTable", rel, vec![]).on("Operation", "Change"),
        }
    }

    fn common(&mut self, c: &Cte) -> PlanNode {
        let first = self.operator(&c.rel);
        let plan = match &c.recursive {
            Some((step, _)) => {
                let step = self.operator(step);
                self.node("Recursive Union", &c.rel, vec![first, step])
            }
            None => first,
        };
        plan.titled(format!("CTE {}", quote_ident(&c.name)))
    }

    /// A scan under conditions, all of which are what `whole` is.
    fn scan(&mut self, whole: &Rel, rel: &Rel, conds: &[&Expr]) -> PlanNode {
        let Rel::Scan(s) = rel else { return self.operator(rel) };
        let mut owned: Vec<Expr> = conds.iter().map(|e| (*e).clone()).collect();
        let mut node = match scan::index_shown(s, self.cx, conds) {
            Some((index, asked)) if !asked.is_empty() => {
                owned.retain(|q| !asked.iter().any(|c| walk::same(c, q)));
                PlanNode::bitmap(self.estimate(whole, &[]), &index, &asked, &self.names)
            }
            Some((index, _)) => {
                self.node("Index Scan", whole, vec![]).on("Index Name", quote_ident(&index).to_string())
            }
            None => self.node("Seq Scan", rel, vec![]),
        };
        node.estimate.rows = rewrite::estimate(whole, self.cx);
        node.on("Relation Name", quote_ident(&s.table.name).to_string())
            .on("Alias", quote_ident(&s.alias).to_string())
            .condition("Filter", &owned, &self.names)
    }

    fn join(&mut self, rel: &Rel, kind: JoinKind, left: &Rel, right: &Rel, on: Option<&Expr>) -> PlanNode {
        let what = match kind {
            JoinKind::Inner => "Inner",
            JoinKind::Left => "Left",
            JoinKind::Right => "Right",
            JoinKind::Full => "Full",
            JoinKind::Semi => "Semi",
            JoinKind::Anti => "Anti",
        };
        let (l, r) = (self.operator(left), self.operator(right));
        let mine = |side: &Rel| side.outputs().iter().map(|c| c.id).collect::<ColSet>();
        let (lefts, rights) = (mine(left), mine(right));
        let only = |e: &Expr, of: &ColSet, not: &ColSet| walk::reads_any(e, of) && !walk::reads_any(e, not);
        let pairs = |e: &&Expr| match &e.kind {
            ExprKind::Call { proc, args, .. } if is_key_equality(proc) => match args.as_slice() {
                [a, b] => {
                    only(a, &lefts, &rights) && only(b, &rights, &lefts)
                        || only(a, &rights, &lefts) && only(b, &lefts, &rights)
                }
                _ => false,
            },
            _ => false,
        };
        let conds = on.map(conjuncts).unwrap_or_default();
        let (equal, other): (Vec<&Expr>, Vec<&Expr>) = conds.into_iter().partition(pairs);
        let owned = |v: Vec<&Expr>| v.into_iter().cloned().collect::<Vec<Expr>>();
        if equal.is_empty() {
            let out = self.node("Nested Loop", rel, vec![l, r]).on("Join Type", what);
            return out.condition("Join Filter", &owned(other), &self.names);
        }
        // The left side is the one that is hashed.
        let hash = PlanNode::new("Hash", l.estimate, vec![l]);
        let out = self.node("Hash Join", rel, vec![r, hash]).on("Join Type", what);
        out.condition("Hash Cond", &owned(equal), &self.names).condition("Join Filter", &owned(other), &self.names)
    }
}

fn function(e: &Expr) -> String {
    match &e.kind {
        ExprKind::Call { proc, .. } => quote_ident(proc.proname).to_string(),
        _ => "expression".into(),
    }
}
