//! What calls a routine: views, defaults, constraints, policies, indexes, operators, other routines.
//!
//! Kept expressions name a user's function by its OID ([`crate::bind::define::FUNCTION_BY_OID`]), and so does the text of
//! a view, so a look at the texts finds every caller. Bodies of functions in quotes are not looked at, as PostgreSQL does
//! not either.

use super::drop::Object;
use crate::bind::define::FUNCTION_BY_OID;
use crate::catalog::{Catalog, ConstraintKind, Relation};
use std::sync::Arc;

/// What calls a routine, in the order of the OIDs.
pub fn of(cat: &Catalog, routine: u32) -> Vec<Object> {
    let mark = format!("{FUNCTION_BY_OID}.\"{routine}\"");
    let calls = |t: &str| t.contains(&mark);
    let mut out = Vec::new();
    let mut relations: Vec<&Arc<Relation>> = cat.relations.values().collect();
    relations.sort_by_key(|r| r.oid);
    for r in relations {
        if r.view.as_deref().is_some_and(calls) {
            out.push(Object::Relation(r.oid));
            continue;
        }
        for c in r.live_columns().filter(|c| c.default.as_deref().is_some_and(calls)) {
            let o =
                if c.generated == '\0' { Object::Default(r.oid, c.attnum) } else { Object::Column(r.oid, c.attnum) };
            out.push(o);
        }
        let keys = r.partition_key.iter().flat_map(|k| &k.columns);
        if keys.into_iter().any(|k| k.expr.as_deref().is_some_and(calls)) {
            out.push(Object::Relation(r.oid));
            continue;
        }
        for c in &r.constraints {
            if matches!(&c.kind, ConstraintKind::Check(t) if calls(t)) {
                out.push(Object::Constraint(r.oid, c.oid));
            }
        }
        for p in r.policies() {
            if p.using.iter().chain(&p.check).any(|t| calls(t)) {
                out.push(Object::Policy(r.oid, p.oid));
            }
        }
        for x in r.extended.iter().filter(|x| x.exprs.iter().any(|t| calls(t))) {
            out.push(Object::Statistics(r.oid, x.oid));
        }
        if r.kind != crate::catalog::RelKind::Index {
            for i in &r.indexes {
                let uses = i.predicate.as_deref().is_some_and(calls)
                    || i.keys.iter().any(|k| k.expr.as_deref().is_some_and(calls));
                if uses {
                    out.push(Object::Relation(i.oid));
                }
            }
        }
    }
    let mut operators: Vec<u32> = cat.operators.values().filter(|o| o.function == routine).map(|o| o.oid).collect();
    operators.sort_unstable();
    out.extend(operators.into_iter().map(Object::Operator));
    let mut casts: Vec<u32> = cat.casts.values().filter(|c| c.function == routine).map(|c| c.oid).collect();
    casts.sort_unstable();
    out.extend(casts.into_iter().map(Object::Cast));
    let mut routines: Vec<_> = cat.routines.values().collect();
    routines.sort_by_key(|r| r.oid);
    for r in routines {
        let by_default = r.params.iter().any(|p| p.default.as_deref().is_some_and(calls));
        let by_part = r.aggregate.as_ref().is_some_and(|a| {
            [a.transition, a.last, a.combine, a.serial.0, a.serial.1, a.moving.0, a.moving.1, a.moving.2]
                .contains(&routine)
        });
        if by_default || by_part {
            out.push(Object::Routine(r.oid));
        }
    }
    out
}
