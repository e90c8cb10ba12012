//! Columns nobody reads are not computed, and common tables that are read once stand where they are read.

use super::tree::{own_exprs_mut, take};
use crate::plan::ir::{ColSet, Cte, CteId, Expr, ExprKind, Rel};
use crate::plan::walk;
use rustydb_base::Result;

/// Drops unread columns below `rel`, whose own outputs all count as read.
pub fn prune(rel: &mut Rel) -> Result<()> {
    let mut needed: ColSet = rel.outputs().iter().map(|c| c.id).collect();
    down(rel, &mut needed)
}

fn read(e: &Expr, needed: &mut ColSet) {
    walk::visit_deep(e, &mut |x| {
        if let ExprKind::Column(id) = x.kind {
            needed.insert(id);
        }
    });
}

/// Prunes the relations of an expression's subqueries; all of their outputs count as read.
fn inside(e: &mut Expr, needed: &mut ColSet) -> Result<()> {
    super::tree::subqueries_mut(e, &mut |r| {
        needed.extend(r.outputs().iter().map(|c| c.id));
        down(r, needed)
    })
}

fn down(rel: &mut Rel, needed: &mut ColSet) -> Result<()> {
    stacker::maybe_grow(256 * 1024, 2 * 1024 * 1024, || node(rel, needed))
}

fn node(rel: &mut Rel, needed: &mut ColSet) -> Result<()> {
    match rel {
        Rel::Project { exprs, .. } => {
            exprs.retain(|e| needed.contains(&e.0.id) || super::super::misc::has_side_effect(&e.1));
        }
        Rel::Aggregate { aggs, .. } => aggs.retain(|a| needed.contains(&a.0.id)),
        Rel::Window { calls, .. } => calls.retain(|a| needed.contains(&a.0.id)),
        Rel::Scan(s) => s.cols.retain(|c| needed.contains(&c.0.id)),
        Rel::Append(a) => {
            crate::bind::tree::narrow(a, needed);
            needed.extend(a.branches.iter().flat_map(|b| &b.cols).map(|c| c.id));
        }
        _ => {}
    }
    if let Rel::Window { input, calls } = rel
        && calls.is_empty()
    {
        *rel = take(input);
        return down(rel, needed);
    }
    own_exprs_mut(rel, &mut |e| {
        read(e, needed);
        inside(e, needed)
    })?;
    match rel {
        // Duplicates are judged by all columns; set operations and common tables match columns by position.
        Rel::Distinct { input, on } => {
            match on {
                None => needed.extend(input.outputs().iter().map(|c| c.id)),
                Some(keys) => needed.extend(keys.iter().map(|c| c.id)),
            }
            down(input, needed)
        }
        Rel::SetOp { left, right, .. } => {
            for side in [left, right] {
                needed.extend(side.outputs().iter().map(|c| c.id));
                down(side, needed)?;
            }
            Ok(())
        }
        Rel::With { ctes, body } => {
            down(body, needed)?;
            for c in ctes {
                needed.extend(c.rel.outputs().iter().map(|c| c.id));
                down(&mut c.rel, needed)?;
                if let Some((r, _)) = &mut c.recursive {
                    needed.extend(r.outputs().iter().map(|c| c.id));
                    down(r, needed)?;
                }
            }
            Ok(())
        }
        Rel::LockRows { input, locks } => {
            needed.extend(locks.iter().flat_map(|l| std::iter::once(l.rid).chain(l.tableoid)).map(|c| c.id));
            down(input, needed)
        }
        // What the right side reads of the left one must be known first.
        Rel::Join { left, right, lateral: true, .. } => {
            down(right, needed)?;
            down(left, needed)
        }
        other => walk::inputs_mut(other, &mut |i| down(i, needed)),
    }
}

/// Puts common tables that are read once, change nothing and call nothing volatile where they are read, and drops those
/// nobody reads.
pub fn inline(rel: &mut Rel) -> Result<()> {
    stacker::maybe_grow(256 * 1024, 2 * 1024 * 1024, || {
        walk::inputs_mut(rel, &mut inline)?;
        own_exprs_mut(rel, &mut |e| super::tree::subqueries_mut(e, &mut inline))?;
        let Rel::With { ctes, body } = rel else { return Ok(()) };
        let mut kept: Vec<Cte> = Vec::new();
        let mut pending = std::mem::take(ctes);
        let mut i = 0;
        while i < pending.len() {
            // What is read in one place of the text may stand in several of the tree (a row that sets several columns).
            let id = pending[i].id;
            let mut references = count(body, id)?;
            for later in &mut pending[i + 1..] {
                references += count(&mut later.rel, id)?;
                if let Some((r, _)) = &mut later.recursive {
                    references += count(r, id)?;
                }
            }
            let c = &pending[i];
            let inert = c.recursive.is_none() && !changes(&c.rel);
            if inert && references == 0 {
                pending.remove(i);
                continue;
            }
            if inert && references == 1 && c.materialized != Some(true) && !volatile(&c.rel) {
                let c = pending.remove(i);
                let mut hole = Some(c.rel);
                for later in &mut pending[i..] {
                    place(&mut later.rel, c.id, &mut hole)?;
                    if let Some((r, _)) = &mut later.recursive {
                        // A recursive term runs many times; its common table must not.
                        if scans(r, c.id) {
                            break;
                        }
                    }
                }
                place(body, c.id, &mut hole)?;
                if let Some(rel) = hole {
                    // Read where it cannot be put (a recursive term): it stays a common table.
                    kept.push(Cte { rel, ..c });
                }
                continue;
            }
            i += 1;
        }
        kept.extend(pending);
        if kept.is_empty() {
            *rel = take(body);
        } else {
            *ctes = kept;
        }
        Ok(())
    })
}

fn changes(rel: &Rel) -> bool {
    match rel {
        Rel::Modify(..) => true,
        Rel::Project { input, .. } | Rel::Filter { input, .. } => changes(input),
        Rel::With { ctes, body } => changes(body) || ctes.iter().any(|c| changes(&c.rel)),
        _ => false,
    }
}

fn volatile(rel: &Rel) -> bool {
    let mut found = false;
    walk::visit_rel(rel, &mut |e| found |= super::super::expr::is_volatile(e));
    found
}

fn scans(rel: &Rel, id: CteId) -> bool {
    let mut rel = rel.clone();
    let mut found = false;
    let _ = each(&mut rel, &mut |r| {
        found |= matches!(r, Rel::CteScan { cte, .. } if *cte == id);
        Ok(())
    });
    found
}

/// How often a common table is read.
fn count(rel: &mut Rel, id: CteId) -> Result<usize> {
    let mut n = 0;
    each(rel, &mut |r| {
        n += usize::from(matches!(r, Rel::CteScan { cte, .. } if *cte == id));
        Ok(())
    })?;
    Ok(n)
}

fn each(rel: &mut Rel, f: &mut dyn FnMut(&mut Rel) -> Result<()>) -> Result<()> {
    f(rel)?;
    own_exprs_mut(rel, &mut |e| super::tree::subqueries_mut(e, &mut |r| each(r, f)))?;
    walk::inputs_mut(rel, &mut |i| each(i, f))
}

fn place(rel: &mut Rel, id: CteId, hole: &mut Option<Rel>) -> Result<()> {
    if hole.is_none() {
        return Ok(());
    }
    if let Rel::CteScan { cte, cols } = rel
        && *cte == id
    {
        if let Some(r) = hole.take() {
            let exprs = cols.iter().zip(r.outputs()).map(|(c, o)| (*c, Expr::column(o))).collect();
            *rel = Rel::Project { input: Box::new(r), exprs };
        }
        return Ok(());
    }
    own_exprs_mut(rel, &mut |e| super::tree::subqueries_mut(e, &mut |r| place(r, id, hole)))?;
    if let Rel::With { ctes, body } = rel {
        for c in ctes {
            place(&mut c.rel, id, hole)?;
        }
        return place(body, id, hole);
    }
    walk::inputs_mut(rel, &mut |i| place(i, id, hole))
}
