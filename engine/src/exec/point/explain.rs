//! A point program as EXPLAIN shows it.

use super::PointPlan;
use super::access::{PathDraft, ScanDraft};
use super::draft::{Draft, Kind};
use crate::exec::explain::{Estimate, How, Names, PlanNode};
use crate::plan::ir::{Expr, JoinKind};
use crate::plan::walk;
use rustydb_parser::ast::quote_ident;
use rustydb_types::pgdata;

/// Cost of a descent through an index, and of looking at a row.
const DESCENT: f64 = 0.29;
const ROW: f64 = 0.02;

/// The plan's operators.
pub fn explain(plan: &PointPlan) -> PlanNode {
    let mut names = Names::new(plan.draft.scans() > 1);
    collect(&mut names, &plan.draft);
    operator(&names, &plan.draft)
}

fn collect(names: &mut Names, d: &Draft) {
    match &d.kind {
        Kind::Values { cols, .. } => names.values(cols),
        Kind::Scan(s) => names.scan(&s.scan),
        Kind::Project { input, exprs } => {
            collect(names, input);
            names.computed(exprs);
        }
        Kind::Join { left, right, .. } => {
            collect(names, left);
            collect(names, right);
        }
        Kind::Append { cols, branches, .. } => {
            for (d, own) in branches {
                collect(names, d);
                names.same(cols, own);
            }
        }
        Kind::Subqueries { input, subs } => {
            collect(names, input);
            for s in subs {
                collect(names, &s.draft);
                names.subquery(s.col.id, s.constant);
            }
        }
        Kind::Aggregate { input, groups, aggs } => {
            collect(names, input);
            names.computed(groups);
            names.aggregates(aggs);
        }
        Kind::Filter { input, .. }
        | Kind::Limit { input, .. }
        | Kind::Sort { input, .. }
        | Kind::Distinct { input, .. }
        | Kind::Lock { input, .. } => collect(names, input),
    }
}

fn estimate(d: &Draft) -> Estimate {
    let through_index = matches!(&d.kind, Kind::Scan(s) if !matches!(s.path, PathDraft::Heap));
    let total = DESCENT + d.touched * ROW + d.rows * 0.01;
    let startup = match d.kind {
        Kind::Sort { .. } | Kind::Aggregate { .. } => total - d.rows.min(1.0) * 0.01,
        _ if through_index => DESCENT,
        _ => 0.0,
    };
    Estimate { startup, total, rows: d.rows, width: width(d) }
}

fn operator(names: &Names, d: &Draft) -> PlanNode {
    let node = |kind, children| PlanNode::new(kind, estimate(d), children);
    let over = |kind, input: &Draft| PlanNode::new(kind, estimate(d), vec![operator(names, input)]);
    match &d.kind {
        Kind::Values { rows, .. } if rows.len() == 1 => node("Result", vec![]),
        Kind::Values { .. } => node("Values Scan", vec![]).on("Alias", "\"*VALUES*\""),
        Kind::Scan(s) => scan(names, s, d),
        // Computing columns is part of the operator below.
        Kind::Project { input, .. } => operator(names, input),
        Kind::Filter { input, preds } => operator(names, input).condition("Filter", preds, names),
        Kind::Join { kind, left, right, .. } => {
            let what = match kind {
                JoinKind::Left => "Left",
                JoinKind::Semi => "Semi",
                JoinKind::Anti => "Anti",
                _ => "Inner",
            };
            node("Nested Loop", vec![operator(names, left), operator(names, right)]).on("Join Type", what)
        }
        Kind::Append { branches, .. } => node("Append", branches.iter().map(|b| operator(names, &b.0)).collect()),
        Kind::Limit { input, .. } => over("Limit", input),
        Kind::Sort { input, keys, .. } => over("Sort", input).by("Sort Key", How::List(names.keys(keys))),
        Kind::Distinct { input, key } => {
            over("Aggregate", input).on("Strategy", "Hashed").by("Group Key", How::List(names.columns(key)))
        }
        Kind::Aggregate { input, groups, .. } if groups.is_empty() => over("Aggregate", input).on("Strategy", "Plain"),
        Kind::Aggregate { input, groups, .. } => {
            let key = groups.iter().map(|g| names.expr(&g.1)).collect();
            over("Aggregate", input).on("Strategy", "Hashed").by("Group Key", How::List(key))
        }
        Kind::Subqueries { input, subs } => {
            let mut out = operator(names, input);
            for s in subs {
                let name = names.column(s.col.id);
                out.children.push(operator(names, &s.draft).titled(name.trim_matches(['(', ')']).to_owned()));
            }
            out
        }
        Kind::Lock { input, .. } => over("LockRows", input),
    }
}

fn scan(names: &Names, s: &ScanDraft, d: &Draft) -> PlanNode {
    let mut filter: Vec<Expr> = s.quals.clone();
    let node = match &s.path {
        PathDraft::Gather(g) => {
            filter.retain(|q| !g.conds.iter().any(|c| walk::same(c, q)));
            PlanNode::bitmap(estimate(d), &s.table.indexes[g.index].def.name, &g.conds, names)
        }
        PathDraft::Nearest(n) => {
            filter.retain(|q| !n.gather.conds.iter().any(|c| walk::same(c, q)));
            PlanNode::new("Index Scan", estimate(d), vec![])
                .on("Scan Direction", "Forward")
                .on("Index Name", quote_ident(&s.table.indexes[n.gather.index].def.name).to_string())
                .condition("Index Cond", &n.gather.conds, names)
                .condition("Order By", std::slice::from_ref(&n.distance), names)
        }
        PathDraft::Heap => PlanNode::new("Seq Scan", estimate(d), vec![]),
        PathDraft::Index(i) => {
            let index = &s.table.indexes[i.index].def.name;
            PlanNode::new("Index Scan", estimate(d), vec![])
                .on("Scan Direction", if i.reverse { "Backward" } else { "Forward" })
                .on("Index Name", quote_ident(index).to_string())
                .condition("Index Cond", &s.key_conds, names)
        }
    };
    node.on("Relation Name", quote_ident(&s.table.rel.name).to_string())
        .on("Alias", quote_ident(&s.scan.alias).to_string())
        .condition("Filter", &filter, names)
}

/// About the bytes of an output row.
fn width(d: &Draft) -> i32 {
    let ty = |o: u32| pgdata::pg_type(o).map_or(32, |t| if t.typlen > 0 { i32::from(t.typlen) } else { 32 });
    match &d.kind {
        Kind::Values { cols, .. } => cols.iter().map(|c| ty(c.ty.oid)).sum(),
        Kind::Scan(s) => s.scan.cols.iter().map(|c| ty(c.0.ty.oid)).sum(),
        Kind::Append { cols, .. } => cols.iter().map(|c| ty(c.ty.oid)).sum(),
        Kind::Project { exprs, .. } => exprs.iter().map(|x| ty(x.0.ty.oid)).sum(),
        Kind::Aggregate { groups, aggs, .. } => {
            groups.iter().map(|g| g.0).chain(aggs.iter().map(|a| a.0)).map(|c| ty(c.ty.oid)).sum()
        }
        Kind::Subqueries { input, subs } => width(input) + subs.iter().map(|s| ty(s.col.ty.oid)).sum::<i32>(),
        Kind::Join { left, right, kind, .. } => {
            width(left) + if matches!(kind, JoinKind::Semi | JoinKind::Anti) { 0 } else { width(right) }
        }
        Kind::Filter { input, .. }
        | Kind::Limit { input, .. }
        | Kind::Sort { input, .. }
        | Kind::Distinct { input, .. }
        | Kind::Lock { input, .. } => width(input),
    }
}
