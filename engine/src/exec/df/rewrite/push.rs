//! Conditions to where their columns come from, outer joins to inner ones where a condition says so, and the order of
//! inner joins.
//!
//! Order: greedy. Of all pairs of relations that a condition connects, the one with the fewest expected rows is joined
//! first, and so on; unconnected relations are multiplied last. Conditions that are alternatives are first searched for
//! what all alternatives share (TPC-H's query 19), and for what they say about single relations (query 7).

use super::estimate;
use super::stats;
use super::tree::{all, filtered, movable, outputs, own_exprs_mut, refs, split, subqueries_mut, substitute, take};
use crate::exec::StmtCx;
use crate::plan::ir::{ColSet, Expr, ExprKind, JoinKind, Rel};
use crate::plan::leak::leakproof;
use crate::plan::strict::rejects_null;
use crate::plan::walk;
use rustydb_base::Result;
use std::sync::Arc;

/// Most relations whose order is searched; beyond, they stay as written.
const MAX_ORDERED: usize = 100;

/// Rewrites a tree, its subqueries included.
pub fn optimize(rel: &mut Rel, cx: &Arc<StmtCx>) -> Result<()> {
    let r = take(rel);
    *rel = push(r, vec![], cx)?;
    Ok(())
}

fn within(e: &Expr, cols: &ColSet, others: &ColSet) -> bool {
    let r = refs(e);
    r.is_disjoint(others) && !r.is_disjoint(cols)
}

fn exprs(rel: &mut Rel, cx: &Arc<StmtCx>) -> Result<()> {
    own_exprs_mut(rel, &mut |e| subqueries_mut(e, &mut |r| optimize(r, cx)))
}

/// Pushes conditions into a relation; what cannot go down stays as a filter on top.
fn push(rel: Rel, preds: Vec<Expr>, cx: &Arc<StmtCx>) -> Result<Rel> {
    stacker::maybe_grow(256 * 1024, 2 * 1024 * 1024, || push_node(rel, preds, cx))
}

fn push_node(mut rel: Rel, preds: Vec<Expr>, cx: &Arc<StmtCx>) -> Result<Rel> {
    exprs(&mut rel, cx)?;
    match rel {
        Rel::Filter { input, pred } => {
            let mut conds = Vec::new();
            split(pred, &mut conds);
            let conds = conds.into_iter().flat_map(factor).collect::<Vec<_>>();
            let (down, stay): (Vec<_>, Vec<_>) = conds.into_iter().partition(movable);
            let mut down = down;
            if stay.is_empty() {
                down.extend(preds);
                return push(*input, down, cx);
            }
            Ok(filtered(filtered(push(*input, down, cx)?, stay), preds))
        }
        // Conditions that must stay where they are (volatile, or with a subquery) are tested above the join: left in it they
        // would keep it from being taken apart.
        Rel::Join { kind: JoinKind::Inner, left, right, on: Some(on), lateral: false } if !movable(&on) => {
            let mut conds = Vec::new();
            split(on, &mut conds);
            let (mut down, stay): (Vec<_>, Vec<_>) = conds.into_iter().partition(movable);
            down.extend(preds);
            let product = Rel::Join { kind: JoinKind::Inner, left, right, on: None, lateral: false };
            Ok(filtered(push(product, down, cx)?, stay))
        }
        Rel::Join { kind: JoinKind::Inner, lateral: false, .. } => {
            let mut leaves = Vec::new();
            let mut conds = preds;
            flatten(rel, &mut leaves, &mut conds, cx)?;
            order(leaves, conds, cx)
        }
        Rel::Join { kind: kind @ (JoinKind::Semi | JoinKind::Anti), left, right, on: Some(on), lateral: false } => {
            let need: ColSet = refs(&on).intersection(&outputs(&left)).copied().collect();
            if movable(&on) && sinks(&left, &need, estimate(&right, cx), cx) {
                let mut semi = Some((right, on));
                let below = |rel: Rel| match semi.take() {
                    Some((right, on)) => Rel::Join { kind, left: Box::new(rel), right, on: Some(on), lateral: false },
                    None => rel,
                };
                return push(sink(*left, &need, below), preds, cx);
            }
            outer_join(kind, *left, *right, Some(on), false, preds, cx)
        }
        Rel::Join { kind, left, right, on, lateral } => outer_join(kind, *left, *right, on, lateral, preds, cx),
        Rel::Project { input, exprs } => {
            let own: ColSet = exprs.iter().map(|e| e.0.id).collect();
            let (mut down, mut stay) = (Vec::new(), Vec::new());
            for mut p in preds {
                let fine =
                    refs(&p).iter().all(|r| !own.contains(r) || exprs.iter().any(|(c, e)| c.id == *r && movable(e)));
                if !fine {
                    stay.push(p);
                    continue;
                }
                substitute(&mut p, &|id| exprs.iter().find(|e| e.0.id == id).map(|e| e.1.clone()))?;
                down.push(p);
            }
            let input = Box::new(push(*input, down, cx)?);
            Ok(filtered(Rel::Project { input, exprs }, stay))
        }
        Rel::Aggregate { input, groups, aggs, sets, grouping_id } => {
            let plain = sets.is_empty() && grouping_id.is_none();
            let keys: ColSet = groups.iter().filter(|g| movable(&g.1)).map(|g| g.0.id).collect();
            let hidden: ColSet = aggs
                .iter()
                .map(|a| a.0.id)
                .chain(groups.iter().map(|g| g.0.id).filter(|g| !keys.contains(g)))
                .collect();
            let (mut down, mut stay) = (Vec::new(), Vec::new());
            for mut p in preds {
                if plain && within(&p, &keys, &hidden) {
                    substitute(&mut p, &|id| groups.iter().find(|e| e.0.id == id).map(|e| e.1.clone()))?;
                    down.push(p);
                } else {
                    stay.push(p);
                }
            }
            let input = Box::new(push(*input, down, cx)?);
            Ok(filtered(Rel::Aggregate { input, groups, aggs, sets, grouping_id }, stay))
        }
        // Behind a fence go only conditions that tell nothing of the rows that are taken away there.
        Rel::Limit { input, limit: None, offset: None, ties: None } => {
            let (down, stay): (Vec<_>, Vec<_>) = preds.into_iter().partition(leakproof);
            Ok(filtered(push(*input, down, cx)?.fenced(), stay))
        }
        Rel::Sort { input, keys } => Ok(Rel::Sort { input: Box::new(push(*input, preds, cx)?), keys }),
        Rel::Distinct { input, on: None } => Ok(Rel::Distinct { input: Box::new(push(*input, preds, cx)?), on: None }),
        Rel::SetOp { op, all, left, right, cols } => {
            let (lo, ro) = (left.outputs(), right.outputs());
            let (mut l, mut r) = (Vec::new(), Vec::new());
            for p in preds {
                for (side, out) in [(&lo, &mut l), (&ro, &mut r)] {
                    let mut p = p.clone();
                    substitute(&mut p, &|id| {
                        let i = cols.iter().position(|c| c.id == id)?;
                        side.get(i).map(|c| Expr::column(*c))
                    })?;
                    out.push(p);
                }
            }
            let left = Box::new(push(*left, l, cx)?);
            let right = Box::new(push(*right, r, cx)?);
            Ok(Rel::SetOp { op, all, left, right, cols })
        }
        Rel::Append(mut a) => {
            super::super::append::prune(&mut a, &preds, cx)?;
            let (down, stay): (Vec<_>, Vec<_>) = preds.into_iter().partition(movable);
            for b in &mut a.branches {
                let mut own = Vec::with_capacity(down.len());
                for p in &down {
                    let mut p = p.clone();
                    substitute(&mut p, &|id| {
                        let i = a.cols.iter().position(|c| c.id == id)?;
                        b.cols.get(i).map(|c| Expr::column(*c))
                    })?;
                    own.push(p);
                }
                b.rel = push(take(&mut b.rel), own, cx)?;
            }
            Ok(filtered(Rel::Append(a), stay))
        }
        Rel::With { mut ctes, body } => {
            for c in &mut ctes {
                optimize(&mut c.rel, cx)?;
                if let Some((r, _)) = &mut c.recursive {
                    optimize(r, cx)?;
                }
            }
            Ok(Rel::With { ctes, body: Box::new(push(*body, preds, cx)?) })
        }
        mut other => {
            walk::inputs_mut(&mut other, &mut |i| optimize(i, cx))?;
            Ok(filtered(other, preds))
        }
    }
}

/// A semi join passes over a filter and over a join whose other side it does not read.
fn below<'r>(rel: &'r Rel, need: &ColSet) -> Option<&'r Rel> {
    match rel {
        Rel::Filter { input, pred } if movable(pred) => Some(input),
        Rel::Join { kind: JoinKind::Inner, left, right, on, lateral: false } if on.as_ref().is_none_or(movable) => {
            [left, right].into_iter().find(|side| need.is_subset(&outputs(side))).map(|side| &**side)
        }
        Rel::Join { kind: JoinKind::Left, left, on, .. } if on.as_ref().is_none_or(movable) => {
            need.is_subset(&outputs(left)).then_some(&**left)
        }
        _ => None,
    }
}

/// Whether a semi join with `rows` rows is better done before the joins on its left: it leaves few rows of the one
/// relation it reads there.
fn sinks(rel: &Rel, need: &ColSet, rows: f64, cx: &Arc<StmtCx>) -> bool {
    let (mut at, mut joins) = (rel, false);
    while let Some(next) = below(at, need) {
        joins |= matches!(at, Rel::Join { .. });
        at = next;
    }
    joins && !need.is_empty() && rows * FEW < estimate(at, cx)
}

/// How many times fewer rows than a relation has are few.
const FEW: f64 = 5.0;

/// Puts what `make` makes of it in the place of the lowest relation that has the columns.
fn sink(rel: Rel, need: &ColSet, make: impl FnOnce(Rel) -> Rel) -> Rel {
    if below(&rel, need).is_none() {
        return make(rel);
    }
    match rel {
        Rel::Filter { input, pred } => Rel::Filter { input: Box::new(sink(*input, need, make)), pred },
        Rel::Join { kind, left, right, on, lateral } => {
            let (left, right) = if need.is_subset(&outputs(&left)) {
                (Box::new(sink(*left, need, make)), right)
            } else {
                (left, Box::new(sink(*right, need, make)))
            };
            Rel::Join { kind, left, right, on, lateral }
        }
        other => make(other),
    }
}

/// The relations that inner joins connect, and all their conditions.
fn flatten(rel: Rel, leaves: &mut Vec<Rel>, conds: &mut Vec<Expr>, cx: &Arc<StmtCx>) -> Result<()> {
    match rel {
        Rel::Join { kind: JoinKind::Inner, left, right, on, lateral: false } if on.as_ref().is_none_or(movable) => {
            flatten(*left, leaves, conds, cx)?;
            flatten(*right, leaves, conds, cx)?;
            if let Some(on) = on {
                let mut v = Vec::new();
                split(on, &mut v);
                conds.extend(v.into_iter().flat_map(factor));
            }
        }
        Rel::Filter { input, pred }
            if movable(&pred) && matches!(*input, Rel::Join { kind: JoinKind::Inner, lateral: false, .. }) =>
        {
            let mut v = Vec::new();
            split(pred, &mut v);
            conds.extend(v.into_iter().flat_map(factor));
            flatten(*input, leaves, conds, cx)?;
        }
        mut other => {
            exprs(&mut other, cx)?;
            leaves.push(other);
        }
    }
    Ok(())
}

fn order(leaves: Vec<Rel>, conds: Vec<Expr>, cx: &Arc<StmtCx>) -> Result<Rel> {
    let sets: Vec<ColSet> = leaves.iter().map(outputs).collect();
    let touches = |e: &Expr| {
        let r = refs(e);
        (0..sets.len()).filter(|&i| !sets[i].is_disjoint(&r)).collect::<Vec<usize>>()
    };
    let mut own: Vec<Vec<Expr>> = vec![vec![]; leaves.len()];
    let (mut joins, mut top) = (Vec::new(), Vec::new());
    for c in conds {
        let t = touches(&c);
        if !movable(&c) {
            top.push(c);
            continue;
        }
        match t.as_slice() {
            [] => top.push(c),
            [i] => own[*i].push(c),
            many => {
                for &i in many {
                    if let Some(part) = implied(&c, &sets[i]) {
                        own[i].push(part);
                    }
                }
                joins.push(c);
            }
        }
    }
    let mut parts: Vec<Rel> = Vec::with_capacity(leaves.len());
    for (l, p) in leaves.into_iter().zip(own) {
        parts.push(push(l, p, cx)?);
    }
    if parts.len() > MAX_ORDERED {
        let mut it = parts.into_iter();
        let Some(mut tree) = it.next() else { return Ok(filtered(Rel::Values { cols: vec![], rows: vec![] }, top)) };
        for r in it {
            tree = connect(tree, r, &mut joins);
        }
        joins.extend(top);
        return Ok(filtered(tree, joins));
    }
    let mut rows: Vec<f64> = parts.iter().map(|p| estimate(p, cx)).collect();
    while parts.len() > 1 {
        let cols: Vec<ColSet> = parts.iter().map(outputs).collect();
        // Connected pairs first; among equals the fewest rows.
        let mut best: Option<(bool, f64, usize, usize)> = None;
        for i in 0..parts.len() {
            for j in i + 1..parts.len() {
                let decided = |c: &&Expr| {
                    let r = refs(c);
                    let here = !r.is_disjoint(&cols[i]) && !r.is_disjoint(&cols[j]);
                    here && !(0..cols.len()).any(|k| k != i && k != j && !r.is_disjoint(&cols[k]))
                };
                let on: Vec<&Expr> = joins.iter().filter(decided).collect();
                let linked = !on.is_empty();
                let n = rows[i] * rows[j] * stats::joins_share(&on, &parts[i], &parts[j], cx, rows[i], rows[j]);
                let better = match &best {
                    None => true,
                    Some((l, m, ..)) => (linked && !l) || (linked == *l && n < *m),
                };
                if better {
                    best = Some((linked, n, i, j));
                }
            }
        }
        let Some((_, n, i, j)) = best else { break };
        let right = parts.remove(j);
        rows.remove(j);
        let left = take(&mut parts[i]);
        parts[i] = connect(left, right, &mut joins);
        rows[i] = n.max(1.0);
    }
    joins.extend(top);
    match parts.pop() {
        Some(tree) => Ok(filtered(tree, joins)),
        None => Ok(filtered(Rel::Values { cols: vec![], rows: vec![vec![]] }, joins)),
    }
}

/// An inner join under all conditions that its two sides decide.
fn connect(left: Rel, right: Rel, joins: &mut Vec<Expr>) -> Rel {
    let (l, r) = (outputs(&left), outputs(&right));
    let mut on = Vec::new();
    let mut rest = Vec::new();
    for c in joins.drain(..) {
        let x = refs(&c);
        // Columns of enclosing queries are in neither; only such as other relations of this tree have must be absent,
        // and those conditions touch a third relation, which is not joined yet.
        let decided = !x.is_disjoint(&l) && !x.is_disjoint(&r) && x.iter().all(|id| l.contains(id) || r.contains(id));
        if decided { on.push(c) } else { rest.push(c) }
    }
    *joins = rest;
    Rel::Join { kind: JoinKind::Inner, left: Box::new(left), right: Box::new(right), on: all(on), lateral: false }
}

fn outer_join(
    kind: JoinKind,
    left: Rel,
    right: Rel,
    on: Option<Expr>,
    lateral: bool,
    preds: Vec<Expr>,
    cx: &Arc<StmtCx>,
) -> Result<Rel> {
    let (l, r) = (outputs(&left), outputs(&right));
    let rejects = |cols: &ColSet| preds.iter().any(|p| rejects_null(p, cols));
    // A condition that no padded row passes makes the join an inner one.
    let kind = match kind {
        JoinKind::Left if rejects(&r) => JoinKind::Inner,
        JoinKind::Right if rejects(&l) => JoinKind::Inner,
        JoinKind::Full => match (rejects(&l), rejects(&r)) {
            (true, true) => JoinKind::Inner,
            (true, false) => JoinKind::Left,
            (false, true) => JoinKind::Right,
            _ => JoinKind::Full,
        },
        k => k,
    };
    if kind == JoinKind::Inner && !lateral {
        let join = Rel::Join { kind, left: Box::new(left), right: Box::new(right), on, lateral };
        let mut leaves = Vec::new();
        let mut conds = preds;
        flatten(join, &mut leaves, &mut conds, cx)?;
        return order(leaves, conds, cx);
    }
    let (mut to_left, mut to_right, mut stay) = (Vec::new(), Vec::new(), Vec::new());
    let keeps_left = matches!(kind, JoinKind::Inner | JoinKind::Left | JoinKind::Semi | JoinKind::Anti);
    let keeps_right = matches!(kind, JoinKind::Inner | JoinKind::Right);
    for p in preds {
        if movable(&p) && keeps_left && within(&p, &l, &r) {
            to_left.push(p);
        } else if movable(&p) && keeps_right && !lateral && within(&p, &r, &l) {
            to_right.push(p);
        } else {
            stay.push(p);
        }
    }
    let mut conds = Vec::new();
    if let Some(on) = on {
        let mut v = Vec::new();
        split(on, &mut v);
        for c in v.into_iter().flat_map(factor) {
            let pads_right = matches!(kind, JoinKind::Left | JoinKind::Semi | JoinKind::Anti | JoinKind::Inner);
            let pads_left = matches!(kind, JoinKind::Right | JoinKind::Semi | JoinKind::Inner);
            if movable(&c) && pads_right && !lateral && within(&c, &r, &l) {
                to_right.push(c);
            } else if movable(&c) && pads_left && within(&c, &l, &r) {
                to_left.push(c);
            } else {
                conds.push(c);
            }
        }
    }
    let join = Rel::Join {
        kind,
        left: Box::new(push(left, to_left, cx)?),
        right: Box::new(push(right, to_right, cx)?),
        on: all(conds),
        lateral,
    };
    Ok(filtered(join, stay))
}

/// What all alternatives of an OR demand becomes conditions of their own.
fn factor(e: Expr) -> Vec<Expr> {
    let ExprKind::Or(alternatives) = &e.kind else { return vec![e] };
    let mut lists: Vec<Vec<Expr>> = Vec::with_capacity(alternatives.len());
    for a in alternatives {
        let mut v = Vec::new();
        split(a.clone(), &mut v);
        lists.push(v);
    }
    let Some(first) = lists.first() else { return vec![e] };
    let shared: Vec<Expr> = first
        .iter()
        .filter(|c| movable(c) && lists[1..].iter().all(|l| l.iter().any(|x| walk::same(x, c))))
        .cloned()
        .collect();
    if shared.is_empty() {
        return vec![e];
    }
    let mut rest = Vec::new();
    let mut always = false;
    for l in lists {
        let left: Vec<Expr> = l.into_iter().filter(|x| !shared.iter().any(|s| walk::same(x, s))).collect();
        match all(left) {
            Some(x) => rest.push(x),
            None => always = true,
        }
    }
    let mut out = shared;
    if !always {
        out.push(Expr { kind: ExprKind::Or(rest), ty: e.ty, pos: e.pos });
    }
    out
}

/// What a disjunction over several relations says about one of them alone.
fn implied(e: &Expr, cols: &ColSet) -> Option<Expr> {
    let ExprKind::Or(alternatives) = &e.kind else { return None };
    let mut parts = Vec::with_capacity(alternatives.len());
    for a in alternatives {
        let mut v = Vec::new();
        split(a.clone(), &mut v);
        let mine: Vec<Expr> = v
            .into_iter()
            .filter(|c| {
                let r = refs(c);
                !r.is_empty() && r.iter().all(|id| cols.contains(id))
            })
            .collect();
        parts.push(all(mine)?);
    }
    Some(Expr::new(ExprKind::Or(parts), e.ty))
}
