//! DROP, and the search for what depends on what goes.
//!
//! The objects named and everything that depends on them are collected first. What belongs to a dropped object (its
//! indexes, constraints, owned sequences) goes silently; what merely uses it is named in the error (RESTRICT) or in a
//! notice (CASCADE).

use super::{DdlCx, err, kind_word, lock_oid, object_word, recyclebin};
use crate::catalog::types::TypeDef;
use crate::catalog::{Catalog, Constraint, ConstraintKind, Dependency, Lineage, RelKind, Relation};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, ObjectKind, ObjectRef, TableLockMode};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Something that can go.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Object {
    /// A relation, indexes included.
    Relation(u32),
    /// A column.
    Column(u32, i16),
    /// The default of a column.
    Default(u32, i16),
    /// A constraint of a table.
    Constraint(u32, u32),
    /// A policy of a table.
    Policy(u32, u32),
    /// A statistics object of a table.
    Statistics(u32, u32),
    /// A schema.
    Schema(u32),
    /// An enum, domain or range.
    Type(u32),
    /// An array or multirange type that goes with its element or range type.
    TypeMember(u32),
    /// A function, procedure or aggregate.
    Routine(u32),
    /// An operator.
    Operator(u32),
    /// A cast.
    Cast(u32),
    /// A text search object or conversion.
    Named(u32),
    /// A collation.
    Collation(u32),
    /// An extension.
    Extension(u32),
}

/// Dependents of an object: what, and whether it goes silently.
fn dependents(cat: &Catalog, o: Object) -> Vec<(Object, bool)> {
    let mut out = Vec::new();
    let mut relations: Vec<&Arc<Relation>> = cat.relations.values().filter(|r| r.kind != RelKind::Index).collect();
    relations.sort_by_key(|r| r.oid);
    match o {
        Object::Schema(ns) => {
            for r in relations.iter().filter(|r| r.namespace == ns) {
                out.push((Object::Relation(r.oid), false));
            }
            for r in &relations {
                let own = r.extended.iter().filter(|x| x.namespace == ns);
                out.extend(own.map(|x| (Object::Statistics(r.oid, x.oid), r.namespace == ns)));
            }
            let mut types: Vec<u32> = cat.types.values().filter(|t| t.namespace == ns).map(|t| t.oid).collect();
            types.sort_unstable();
            out.extend(types.into_iter().map(|t| (Object::Type(t), false)));
            let mut routines: Vec<u32> = cat.routines.values().filter(|r| r.namespace == ns).map(|r| r.oid).collect();
            routines.sort_unstable();
            out.extend(routines.into_iter().map(|r| (Object::Routine(r), false)));
            let mut operators: Vec<u32> = cat.operators.values().filter(|o| o.namespace == ns).map(|o| o.oid).collect();
            operators.sort_unstable();
            out.extend(operators.into_iter().map(|o| (Object::Operator(o), false)));
            let mut named: Vec<u32> = cat.objects.values().filter(|o| o.namespace == ns).map(|o| o.oid).collect();
            named.sort_unstable();
            out.extend(named.into_iter().map(|o| (Object::Named(o), false)));
            out.extend(
                cat.collations.values().filter(|c| c.namespace == ns).map(|c| (Object::Collation(c.oid), false)),
            );
            let extensions = cat.extensions.values().filter(|e| e.namespace == ns);
            out.extend(extensions.map(|e| (Object::Extension(e.oid), false)));
        }
        Object::Extension(oid) => out.extend(super::extension::members(cat, oid).into_iter().map(|m| (m, true))),
        Object::Named(oid) => {
            // The classes of an operator family go with it silently.
            let quiet =
                cat.objects.get(&oid).is_some_and(|o| o.kind() == crate::catalog::objects::Kind::OperatorFamily);
            out.extend(super::schema_object::dependents(cat, oid).into_iter().map(|o| (Object::Named(o), quiet)));
            for r in &relations {
                let keyed = |keys: &[crate::catalog::IndexKey]| keys.iter().any(|k| k.opclass == oid);
                if r.partition_key.as_ref().is_some_and(|k| keyed(&k.columns)) {
                    out.push((Object::Relation(r.oid), false));
                }
                let indexes = r.indexes.iter().filter(|i| keyed(&i.keys));
                out.extend(indexes.map(|i| (Object::Relation(i.oid), false)));
            }
        }
        Object::Collation(oid) => out.extend(users_of_collation(cat, &relations, oid)),
        Object::Type(oid) => {
            let members = cat.types.get(&oid).map(|t| t.members()).unwrap_or_default();
            out.extend(members.iter().filter(|m| m.0 != oid).map(|m| (Object::TypeMember(m.0), true)));
            out.extend(users_of_types(cat, &[oid]));
        }
        Object::TypeMember(oid) => out.extend(users_of_types(cat, &[oid])),
        Object::Relation(oid) => {
            if let Some(i) = cat.index(oid) {
                if let Some(t) = cat.relation(i.table) {
                    for c in &t.constraints {
                        if matches!(c.kind, ConstraintKind::Primary { index } | ConstraintKind::Unique { index } | ConstraintKind::Exclude { index } if index == oid)
                        {
                            out.push((Object::Constraint(t.oid, c.oid), true));
                        }
                    }
                    out.extend(references_through(t, oid));
                }
                // The parts of a partitioned table's index go with it.
                for r in &relations {
                    out.extend(r.indexes.iter().filter(|x| x.parent == oid).map(|x| (Object::Relation(x.oid), true)));
                }
                return out;
            }
            for r in relations.iter().filter(|r| r.parents.contains(&oid)) {
                out.push((Object::Relation(r.oid), r.bound.is_some()));
            }
            out.extend(policies_reading(&relations, oid, None));
            let types = cat.relation(oid).map_or([0, 0], |r| [r.row_type, r.row_array_type]);
            for r in relations.iter().filter(|r| r.of_type != 0 && types.contains(&r.of_type)) {
                out.push((Object::Relation(r.oid), false));
            }
            for r in &relations {
                for d in r.depends.iter().filter(|d| d.ref_relation == oid) {
                    if r.sequence.is_some() {
                        out.push((Object::Relation(r.oid), true));
                    } else if r.view.is_some() && d.sub == 0 {
                        out.push((Object::Relation(r.oid), false));
                    } else if let Some(c) = i16::try_from(d.sub).ok().and_then(|a| r.attribute(a)) {
                        out.push((Object::Default(r.oid, c.attnum), false));
                    }
                }
            }
            if types[1] != 0 {
                out.push((Object::TypeMember(types[1]), true));
                out.extend(users_of_types(cat, &types[..1]).into_iter().filter(|(o, _)| match o {
                    Object::Column(t, _) | Object::Relation(t) => *t != oid,
                    _ => true,
                }));
            }
            let mut bodies: Vec<u32> = cat.routines.values().filter(|r| r.names_relation(oid)).map(|r| r.oid).collect();
            bodies.sort_unstable();
            out.extend(bodies.into_iter().map(|r| (Object::Routine(r), false)));
            if let Some(r) = cat.relation(oid) {
                for c in r.referenced_by.iter().filter(|c| c.table != oid) {
                    let whole = cat.relation(c.table).map_or(c.oid, |t| super::reference::whole(t, c).oid);
                    out.push((Object::Constraint(c.table, whole), false));
                }
            }
        }
        Object::Column(table, att) => {
            let Some(t) = cat.relation(table) else { return out };
            for r in &relations {
                let needs = r.depends.iter().any(|d| d.ref_relation == table && d.ref_sub == i32::from(att));
                if needs && (r.sequence.is_some() || r.view.is_some()) {
                    out.push((Object::Relation(r.oid), r.sequence.is_some()));
                }
            }
            for x in &t.extended {
                if x.columns.contains(&att) || x.exprs.iter().any(|e| names_column(t, e, att)) {
                    out.push((Object::Statistics(table, x.oid), true));
                }
            }
            out.extend(policies_reading(&relations, table, Some(i32::from(att))));
            for c in t.constraints.iter().filter(|c| c.columns.contains(&att)) {
                out.push((Object::Constraint(table, c.oid), true));
            }
            for c in t.live_columns().filter(|c| c.generated != '\0') {
                let reads = c.default.as_deref().is_some_and(|text| names_column(t, text, att));
                if reads && c.attnum != att {
                    out.push((Object::Column(table, c.attnum), false));
                }
            }
            for i in &t.indexes {
                let text = |s: &Option<String>| s.as_deref().is_some_and(|s| names_column(t, s, att));
                let uses = i.include.contains(&att)
                    || text(&i.predicate)
                    || i.keys.iter().any(|k| k.attnum == att || text(&k.expr));
                if uses {
                    out.push((Object::Relation(i.oid), true));
                }
            }
            for c in &t.referenced_by {
                if let ConstraintKind::Foreign { ref_columns, .. } = &c.kind
                    && ref_columns.contains(&att)
                {
                    out.push((Object::Constraint(c.table, c.oid), c.table == table && c.columns.contains(&att)));
                }
            }
        }
        Object::Constraint(table, con) => {
            let Some(t) = cat.relation(table) else { return out };
            let c = t.constraints.iter().find(|c| c.oid == con);
            if let Some(index) = c.and_then(|c| c.index()) {
                out.push((Object::Relation(index), true));
            }
            let Some(c) = c else { return out };
            for r in &relations {
                let needs = |d: &Dependency| d.ref_sub == Dependency::CONSTRAINT && d.ref_relation == con;
                if r.view.is_some() && r.depends.iter().any(needs) {
                    out.push((Object::Relation(r.oid), false));
                }
            }
            let parts = t.constraints.iter().filter(|x| x.parent == c.oid);
            out.extend(parts.map(|x| (Object::Constraint(table, x.oid), true)));
            for child in t.children.iter().filter_map(|x| cat.relation(*x)) {
                for x in &child.constraints {
                    let taken = x.parent == c.oid
                        || matches!((&x.kind, &c.kind), (ConstraintKind::Check(_), ConstraintKind::Check(_)))
                            && x.name == c.name
                            && x.lineage == (Lineage { local: false, parents: 1 });
                    if taken {
                        out.push((Object::Constraint(child.oid, x.oid), true));
                    }
                }
            }
        }
        Object::Default(..) | Object::Cast(_) | Object::Policy(..) | Object::Statistics(..) => {}
        Object::Operator(oid) => out.extend(classes_with(cat, false, oid)),
        Object::Routine(oid) => {
            out.extend(super::callers::of(cat, oid).into_iter().map(|o| (o, false)));
            out.extend(classes_with(cat, true, oid));
        }
    }
    out
}

/// Operator classes that need an operator or a function.
fn classes_with(cat: &Catalog, function: bool, target: u32) -> impl Iterator<Item = (Object, bool)> {
    let found = crate::catalog::opclasses::classes_with(cat, function, target);
    found.into_iter().map(|c| (Object::Named(c), false))
}

/// Policies of other tables (of this one too, for a column) that read a relation.
fn policies_reading(relations: &[&Arc<Relation>], oid: u32, column: Option<i32>) -> Vec<(Object, bool)> {
    let mut out = Vec::new();
    for r in relations.iter().filter(|r| column.is_some() || r.oid != oid) {
        let reading = r.policies().iter().filter(|p| p.reads(oid, column));
        out.extend(reading.map(|p| (Object::Policy(r.oid, p.oid), false)));
    }
    out
}

/// Columns, views and types that are of one of the given types or built on one.
fn users_of_types(cat: &Catalog, types: &[u32]) -> Vec<(Object, bool)> {
    let mut out: Vec<(u32, Object)> = Vec::new();
    for r in cat.relations.values().filter(|r| r.kind != RelKind::Index && r.oid >= crate::catalog::FIRST_USER_OID) {
        for c in r.live_columns().filter(|c| types.contains(&c.ty.oid)) {
            if r.view.is_some() || super::recurse::in_key(r, c.attnum) {
                out.push((r.oid, Object::Relation(r.oid)));
                break;
            }
            out.push((r.oid, Object::Column(r.oid, c.attnum)));
        }
    }
    for t in cat.types.values() {
        let on = match &t.def {
            TypeDef::Domain(d) => d.base.oid,
            TypeDef::Range(r) => r.sub.oid,
            TypeDef::Enum(_) | TypeDef::Shell => continue,
        };
        if types.contains(&on) {
            out.push((t.oid, Object::Type(t.oid)));
        }
    }
    let mut routines: Vec<u32> =
        cat.routines.values().filter(|r| super::routine::uses_type(r, types)).map(|r| r.oid).collect();
    routines.sort_unstable();
    let mut operators: Vec<u32> = cat
        .operators
        .values()
        .filter(|o| [o.left, o.right, o.result].iter().any(|t| types.contains(t)))
        .map(|o| o.oid)
        .collect();
    operators.sort_unstable();
    let ends = |c: &&crate::catalog::casts::UserCast| types.contains(&c.source) || types.contains(&c.target);
    let mut casts: Vec<u32> = cat.casts.values().filter(ends).map(|c| c.oid).collect();
    casts.sort_unstable();
    let on_type = |o: &&Arc<crate::catalog::objects::SchemaObject>| matches!(&o.body, crate::catalog::objects::Body::Class { input, .. } if types.contains(input));
    let mut classes: Vec<u32> = cat.objects.values().filter(on_type).map(|o| o.oid).collect();
    classes.sort_unstable();
    // Types before what has columns of them.
    out.sort_by_key(|o| match o.1 {
        Object::Type(t) => (0, t, 0),
        Object::Column(t, a) => (1, t, a),
        _ => (1, o.0, 0),
    });
    out.into_iter()
        .map(|o| o.1)
        .chain(routines.into_iter().map(Object::Routine))
        .chain(operators.into_iter().map(Object::Operator))
        .chain(casts.into_iter().map(Object::Cast))
        .chain(classes.into_iter().map(Object::Named))
        .map(|o| (o, false))
        .collect()
}

/// Columns, indexes, views and types that name a collation.
fn users_of_collation(cat: &Catalog, relations: &[&Arc<Relation>], oid: u32) -> Vec<(Object, bool)> {
    let mut out = Vec::new();
    let written = format!("{}.\"{oid}\"", crate::bind::define::COLLATION_BY_OID);
    let names = |text: &str| text.contains(&written);
    for t in cat.types.values() {
        let used = match &t.def {
            TypeDef::Domain(d) => d.base.collation == oid || d.checks.iter().any(|c| names(&c.check)),
            TypeDef::Range(r) => r.sub.collation == oid,
            TypeDef::Enum(_) | TypeDef::Shell => false,
        };
        if used {
            out.push((Object::Type(t.oid), false));
        }
    }
    for r in relations {
        let view = r.view.as_deref().is_some_and(names);
        let key = r.partition_key.as_ref().is_some_and(|k| {
            let own = |c: &crate::catalog::IndexKey| r.attribute(c.attnum).is_none_or(|a| a.ty.collation != oid);
            k.columns.iter().any(|c| c.ty.collation == oid && own(c) || c.expr.as_deref().is_some_and(names))
        });
        if view || key {
            out.push((Object::Relation(r.oid), false));
            continue;
        }
        if r.view.is_some() {
            continue;
        }
        for c in r.live_columns() {
            if c.ty.collation == oid {
                out.push((Object::Column(r.oid, c.attnum), false));
            } else if c.default.as_deref().is_some_and(names) {
                let whole = c.generated != '\0';
                out.push(if whole {
                    (Object::Column(r.oid, c.attnum), false)
                } else {
                    (Object::Default(r.oid, c.attnum), false)
                });
            }
        }
        for i in &r.indexes {
            let text = |s: &Option<String>| s.as_deref().is_some_and(names);
            let key = |k: &crate::catalog::IndexKey| {
                let column = r.attribute(k.attnum).filter(|_| k.attnum > 0).map(|c| c.ty.collation);
                (k.ty.collation == oid && column != Some(oid)) || text(&k.expr)
            };
            if text(&i.predicate) || i.keys.iter().any(key) {
                out.push((Object::Relation(i.oid), false));
            }
        }
        for c in &r.constraints {
            if let ConstraintKind::Check(text) = &c.kind
                && names(text)
            {
                out.push((Object::Constraint(r.oid, c.oid), false));
            }
        }
        for p in r.policies() {
            if p.using.as_deref().is_some_and(names) || p.check.as_deref().is_some_and(names) {
                out.push((Object::Policy(r.oid, p.oid), false));
            }
        }
    }
    out
}

/// Foreign keys that need an index of a table.
fn references_through(t: &Relation, index: u32) -> Vec<(Object, bool)> {
    t.referenced_by
        .iter()
        .filter(|c| matches!(c.kind, ConstraintKind::Foreign { ref_index, .. } if ref_index == index))
        .map(|c| (Object::Constraint(c.table, c.oid), false))
        .collect()
}

/// Whether a kept expression reads a column.
pub fn names_column(rel: &Relation, text: &str, att: i16) -> bool {
    let Some(c) = rel.attribute(att) else { return false };
    let mut found = false;
    if let Ok(mut e) = crate::bind::parse_expr(text) {
        super::rename::each_column(&mut e, &mut |n| found |= n.value == c.name);
    }
    found
}

/// How messages call an object.
pub(super) fn describe(cx: &DdlCx<'_>, o: Object) -> String {
    let cat = &cx.tx.catalog;
    let table = |oid: u32| {
        cat.relation(oid).map_or_else(|| oid.to_string(), |r| format!("{} {}", kind_word(r.kind), cx.shown(r)))
    };
    let column =
        |t: u32, a: i16| cat.relation(t).and_then(|r| r.attribute(a)).map_or_else(|| a.to_string(), |c| c.name.clone());
    match o {
        // A composite type goes by its type, not by its relation.
        Object::Relation(r) if cat.is_composite(r) => {
            format!("type {}", cat.relation(r).map_or_else(|| r.to_string(), |x| cx.shown(x)))
        }
        Object::Relation(r) => table(r),
        Object::Column(t, a) => format!("column {} of {}", column(t, a), table(t)),
        Object::Default(t, a) => format!("default value for column {} of {}", column(t, a), table(t)),
        Object::Constraint(t, c) => {
            let name = cat
                .relation(t)
                .and_then(|r| r.constraints.iter().find(|x| x.oid == c))
                .map_or_else(|| c.to_string(), |x| x.name.clone());
            format!("constraint {name} on {}", table(t))
        }
        Object::Routine(r) => super::routine::describe(cx, r),
        Object::Operator(o) => super::operator::describe(cx, o),
        Object::Cast(c) => super::cast::describe(&cx.tx.catalog, c),
        Object::Named(o) => super::schema_object::describe(cx, o),
        Object::Collation(c) => super::collation::describe(cx, c),
        Object::Extension(e) => format!("extension {}", cat.extensions.get(&e).map_or("", |e| &e.name)),
        Object::Statistics(t, x) => {
            let found = cat.relation(t).and_then(|r| r.extended.iter().find(|e| e.oid == x));
            format!("statistics object {}", found.map_or_else(|| x.to_string(), |e| shown_in(cx, e.namespace, &e.name)))
        }
        Object::Policy(t, p) => {
            let found = cat.relation(t).and_then(|r| r.policies().iter().find(|x| x.oid == p));
            format!("policy {} on {}", found.map_or_else(|| p.to_string(), |x| x.name.clone()), table(t))
        }
        Object::Schema(n) => format!("schema {}", cx.namespace_name(n)),
        Object::Type(t) | Object::TypeMember(t) => {
            format!("type {}", rustydb_types::typename::format_type(t, -1))
        }
    }
}

/// A name with its schema unless that is on the path.
pub(super) fn shown_in(cx: &DdlCx<'_>, namespace: u32, name: &str) -> String {
    let quoted = rustydb_parser::ast::quote_ident(name);
    if cx.search_path.contains(&namespace) {
        return quoted.to_string();
    }
    format!("{}.{quoted}", rustydb_parser::ast::quote_ident(&cx.namespace_name(namespace)))
}

/// All that goes with the named objects.
struct Plan {
    objects: Vec<Object>,
    /// What is reported: the object and what it depends on.
    reported: Vec<(Object, Object)>,
}

/// An object found, in the order in which the search leaves them.
struct Found {
    object: Object,
    /// What it depends on, by the path it was found on.
    on: Object,
    /// It goes silently, by some path.
    silent: bool,
}

/// A search from the named objects down. It takes dependents in the order of falling OIDs and notes each when it is done with
/// it, so that the list read backwards has every object before its dependents and those by rising OIDs, as PostgreSQL
/// reports them.
struct Search<'c> {
    cat: &'c Catalog,
    named: &'c [Object],
    seen: HashMap<Object, bool>,
    done: Vec<(Object, Object)>,
}

impl Search<'_> {
    fn visit(&mut self, o: Object) {
        let mut deps = dependents(self.cat, o);
        deps.sort_by_key(|(d, _)| std::cmp::Reverse(self.rank(*d)));
        for (d, silent) in deps {
            // A part of a relation that goes is no object of its own.
            let covered = match d {
                Object::Column(t, _)
                | Object::Default(t, _)
                | Object::Constraint(t, _)
                | Object::Policy(t, _)
                | Object::Statistics(t, _) => self.seen.contains_key(&Object::Relation(t)),
                _ => false,
            };
            if covered {
                continue;
            }
            if let Some(quiet) = self.seen.get_mut(&d) {
                *quiet |= silent;
                continue;
            }
            self.seen.insert(d, silent);
            stacker::maybe_grow(64 * 1024, 1024 * 1024, || self.visit(d));
            // Routines and operators depend on a table by its row type.
            let on = match (d, o) {
                (Object::Routine(f), Object::Relation(r))
                    if self.cat.routines.get(&f).is_some_and(|f| f.names_relation(r)) =>
                {
                    o
                }
                (Object::Routine(_) | Object::Operator(_) | Object::Cast(_), Object::Relation(r)) => {
                    self.cat.relation(r).map_or(o, |r| Object::TypeMember(r.row_type))
                }
                _ => o,
            };
            self.done.push((d, on));
        }
    }

    /// OID and part, by which dependents are ordered.
    fn rank(&self, o: Object) -> (u32, i16) {
        match o {
            // What depends on something is a view's rule, made right after it.
            Object::Relation(r) => (r, 0),
            Object::Column(t, a) => (t, a),
            Object::Default(t, a) => {
                let column = self.cat.relation(t).and_then(|r| r.attribute(a));
                (column.map_or(t, |c| c.default_oid), 0)
            }
            Object::Constraint(_, c) => (c, 0),
            Object::Policy(_, p) => (p, 0),
            Object::Statistics(_, x) => (x, 0),
            Object::Schema(n) => (n, 0),
            Object::Routine(r)
            | Object::Operator(r)
            | Object::Cast(r)
            | Object::Named(r)
            | Object::Collation(r)
            | Object::Extension(r) => (r, 0),
            Object::Type(t) | Object::TypeMember(t) => (t, 0),
        }
    }
}

fn plan(cat: &Catalog, named: &[Object]) -> Plan {
    let mut s = Search { cat, named, seen: named.iter().map(|o| (*o, true)).collect(), done: Vec::new() };
    for o in s.named {
        s.visit(*o);
    }
    let Search { seen, done, .. } = s;
    let found: Vec<Found> = done
        .into_iter()
        .rev()
        .map(|(object, on)| Found { object, on, silent: seen.get(&object).copied().unwrap_or(true) })
        .collect();
    let mut p = Plan { objects: named.to_vec(), reported: Vec::new() };
    p.objects.extend(found.iter().map(|f| f.object));
    p.reported.extend(found.iter().filter(|f| !f.silent).map(|f| (f.object, f.on)));
    // A relation found later covers the parts found earlier.
    let whole: HashSet<u32> =
        p.objects.iter().filter_map(|o| if let Object::Relation(r) = o { Some(*r) } else { None }).collect();
    let part_of_dropped = |o: &Object| match o {
        Object::Column(t, _)
        | Object::Default(t, _)
        | Object::Constraint(t, _)
        | Object::Policy(t, _)
        | Object::Statistics(t, _) => whole.contains(t),
        _ => false,
    };
    p.reported.retain(|(o, _)| !part_of_dropped(o));
    p.objects.retain(|o| !part_of_dropped(o));
    p
}

/// Drops objects and what depends on them, or refuses. `what` begins the error's message.
pub async fn drop_objects(cx: &mut DdlCx<'_>, named: &[Object], cascade: bool, what: &str) -> Result<()> {
    super::extension::check_members(cx, named)?;
    drop_or_keep(cx, named, cascade, what, false).await
}

/// As [`drop_objects`]; with `bin`, tables among those named go into the recycle bin if that is on.
async fn drop_or_keep(cx: &mut DdlCx<'_>, named: &[Object], cascade: bool, what: &str, bin: bool) -> Result<()> {
    let mut p = plan(&cx.cat(), named);
    // Lock what else goes, and look again: the definitions may have changed while we waited.
    loop {
        let mut tables: Vec<u32> = Vec::new();
        for o in &p.objects {
            match o {
                Object::Relation(r) => {
                    if let Some(x) = cx.tx.catalog.relation(*r) {
                        tables.push(lock_oid(x));
                        tables.extend(super::foreign_targets(x));
                        if x.bound.is_some() {
                            tables.extend(&x.parents);
                        }
                    }
                }
                Object::Constraint(t, c) => {
                    tables.push(*t);
                    let found = cx.tx.catalog.relation(*t).and_then(|r| r.constraints.iter().find(|x| x.oid == *c));
                    if let Some(ConstraintKind::Foreign { ref_table, .. }) = found.map(|x| &x.kind) {
                        tables.push(*ref_table);
                    }
                }
                Object::Column(t, _) | Object::Default(t, _) | Object::Policy(t, _) | Object::Statistics(t, _) => {
                    tables.push(*t)
                }
                // Types and routines are locked under their OIDs like relations.
                Object::Type(t)
                | Object::Routine(t)
                | Object::Operator(t)
                | Object::Cast(t)
                | Object::Named(t)
                | Object::Collation(t)
                | Object::Extension(t) => tables.push(*t),
                Object::Schema(_) | Object::TypeMember(_) => {}
            }
        }
        tables.sort_unstable();
        tables.dedup();
        for t in tables {
            cx.lock(t, TableLockMode::AccessExclusive).await?;
            if let Some(rel) = cx.tx.catalog.relation(t).cloned() {
                let goes = p.objects.contains(&Object::Relation(t));
                cx.not_in_use(&rel, if goes { "DROP TABLE" } else { "ALTER TABLE" })?;
            }
        }
        let again = plan(&cx.cat(), named);
        if again.objects == p.objects {
            break;
        }
        p = again;
    }
    report(cx, &p, cascade, what)?;
    let cat = cx.cat();
    let kept: Vec<u32> = named
        .iter()
        .filter_map(|o| if let Object::Relation(r) = o { cat.relation(*r) } else { None })
        .filter(|r| bin && recyclebin::takes(cx, r))
        .map(|r| r.oid)
        .collect();
    if kept.is_empty() {
        return carry_out(cx, &p.objects).await;
    }
    p.objects.retain(|o| !recyclebin::stays(&cat, &kept, o));
    carry_out(cx, &p.objects).await?;
    for t in kept {
        recyclebin::put(cx, t).await?;
    }
    recyclebin::trim(cx).await
}

fn report(cx: &mut DdlCx<'_>, p: &Plan, cascade: bool, what: &str) -> Result<()> {
    const MOST: usize = 100;
    if p.reported.is_empty() {
        return Ok(());
    }
    let shown = |cx: &DdlCx<'_>, f: &dyn Fn(&DdlCx<'_>, &(Object, Object)) -> String| {
        let mut lines: Vec<String> = p.reported.iter().take(MOST).map(|r| f(cx, r)).collect();
        if p.reported.len() > MOST {
            let more = p.reported.len() - MOST;
            lines
                .push(format!("and {more} other object{} (see server log for list)", if more == 1 { "" } else { "s" }));
        }
        lines.join("\n")
    };
    if !cascade {
        let detail = shown(cx, &|cx, (o, on)| format!("{} depends on {}", describe(cx, *o), describe(cx, *on)));
        return Err(err(
            SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
            format!("cannot drop {what} because other objects depend on it"),
        )
        .detail(detail)
        .hint("Use DROP ... CASCADE to drop the dependent objects too."));
    }
    let e = match p.reported.as_slice() {
        [one] => err(SqlState::SUCCESSFUL_COMPLETION, format!("drop cascades to {}", describe(cx, one.0))),
        many => {
            let detail = shown(cx, &|cx, (o, _)| format!("drop cascades to {}", describe(cx, *o)));
            err(SqlState::SUCCESSFUL_COMPLETION, format!("drop cascades to {} other objects", many.len()))
                .detail(detail)
        }
    };
    cx.notice(e);
    Ok(())
}

/// Removes objects on which nothing else depends.
pub(super) async fn carry_out(cx: &mut DdlCx<'_>, objects: &[Object]) -> Result<()> {
    // First what parts of surviving tables go: foreign keys must not point at dropped tables.
    let mut tables: Vec<u32> = Vec::new();
    for o in objects {
        let t = match o {
            Object::Column(t, _)
            | Object::Default(t, _)
            | Object::Constraint(t, _)
            | Object::Policy(t, _)
            | Object::Statistics(t, _) => Some(*t),
            Object::Relation(r) => cx.tx.catalog.index(*r).map(|i| i.table),
            Object::Schema(_)
            | Object::Type(_)
            | Object::TypeMember(_)
            | Object::Routine(_)
            | Object::Operator(_)
            | Object::Cast(_)
            | Object::Named(_)
            | Object::Collation(_)
            | Object::Extension(_) => None,
        };
        if let Some(t) = t.filter(|t| !objects.contains(&Object::Relation(*t)) && !tables.contains(t)) {
            tables.push(t);
        }
    }
    // Referencing tables before the referenced ones, whose indexes their constraints name.
    tables.sort_by_key(|t| {
        let fk = objects
            .iter()
            .any(|o| matches!(o, Object::Constraint(x, c) if x == t && is_foreign(&cx.tx.catalog, *x, *c)));
        (!fk, *t)
    });
    for t in tables {
        strip(cx, t, objects).await?;
    }
    let mut relations: Vec<u32> = objects
        .iter()
        .filter_map(|o| match o {
            Object::Relation(r) if cx.tx.catalog.index(*r).is_none() => Some(*r),
            _ => None,
        })
        .collect();
    // Tables with foreign keys go before the tables those point at.
    relations.sort_by_key(|r| {
        let fk = cx.tx.catalog.relation(*r).is_some_and(|r| !super::foreign_targets(r).is_empty());
        (!fk, *r)
    });
    super::extension::remove(cx, objects).await?;
    let bins = recyclebin::schemas_of(&cx.tx.catalog, &relations);
    for r in relations {
        cx.remove(r).await?;
    }
    for n in bins {
        if !objects.contains(&Object::Schema(n)) && !cx.tx.catalog.relations.values().any(|r| r.namespace == n) {
            cx.tx.drop_namespace(n).await?;
        }
    }
    for o in objects {
        if let Object::Named(x) = o {
            super::schema_object::remove(cx, *x).await?;
        }
    }
    for o in objects {
        if let Object::Cast(x) = o {
            super::comment::write(cx, *x, crate::catalog::casts::PG_CAST, 0, None).await?;
            cx.tx.drop_cast(*x).await?;
        }
    }
    for o in objects {
        if let Object::Operator(x) = o {
            super::comment::write(cx, *x, crate::catalog::operators::PG_OPERATOR, 0, None).await?;
            super::opclass_names::forget_loose(cx, false, *x).await?;
            cx.tx.drop_operator(*x).await?;
        }
    }
    for o in objects {
        if let Object::Routine(r) = o {
            super::comment::write(cx, *r, crate::catalog::rows::table::PG_PROC, 0, None).await?;
            super::opclass_names::forget_loose(cx, true, *r).await?;
            cx.tx.drop_routine(*r).await?;
        }
    }
    for o in objects {
        if let Object::Type(t) = o {
            super::comment::write(cx, *t, crate::catalog::rows::table::PG_TYPE, 0, None).await?;
            cx.tx.drop_type(*t).await?;
        }
    }
    for o in objects {
        if let Object::Collation(c) = o {
            super::comment::write(cx, *c, crate::catalog::collations::PG_COLLATION, 0, None).await?;
            cx.tx.drop_collation(*c).await?;
        }
    }
    for o in objects {
        if let Object::Schema(n) = o {
            super::comment::write(cx, *n, crate::catalog::rows::table::PG_NAMESPACE, 0, None).await?;
            let defaults: Vec<u32> =
                cx.tx.catalog.rights.defaults.iter().filter(|d| d.namespace == *n).map(|d| d.oid).collect();
            for d in defaults {
                cx.tx.put_default_acl(d, None).await?;
            }
            cx.tx.drop_namespace(*n).await?;
        }
    }
    Ok(())
}

fn is_foreign(cat: &Catalog, table: u32, con: u32) -> bool {
    cat.relation(table)
        .and_then(|r| r.constraints.iter().find(|c| c.oid == con))
        .is_some_and(|c: &Arc<Constraint>| matches!(c.kind, ConstraintKind::Foreign { .. }))
}

/// Takes dropped parts out of a table that stays.
async fn strip(cx: &mut DdlCx<'_>, table: u32, objects: &[Object]) -> Result<()> {
    let old = cx.relation(table)?;
    let mut r = (*old).clone();
    for o in objects {
        match o {
            Object::Column(t, a) if *t == table => {
                if let Some(c) = r.columns.get_mut(*a as usize - 1) {
                    c.dropped = true;
                    c.ty = rustydb_types::rowcodec::stored_like(c.ty);
                    c.name = format!("........pg.dropped.{a}........");
                    c.not_null = false;
                    c.default = None;
                    c.default_oid = 0;
                    c.identity = '\0';
                    c.generated = '\0';
                }
                r.depends.retain(|d| d.sub != i32::from(*a));
                if let Some(acl) = r.acl.as_mut().filter(|l| l.columns.iter().any(|(n, _)| n == a)) {
                    std::sync::Arc::make_mut(acl).columns.retain(|(n, _)| n != a);
                }
                let stats = std::sync::Arc::make_mut(&mut r.stats);
                stats.columns.remove(a);
                super::comment::write(cx, table, crate::catalog::rows::table::PG_CLASS, i32::from(*a), None).await?;
            }
            Object::Default(t, a) if *t == table => {
                if let Some(c) = r.columns.get_mut(*a as usize - 1) {
                    c.default = None;
                    c.default_oid = 0;
                }
                r.depends.retain(|d| d.sub != i32::from(*a));
            }
            Object::Constraint(t, c) if *t == table => {
                r.constraints.retain(|x| x.oid != *c);
                super::comment::write(cx, *c, crate::catalog::rows::table::PG_CONSTRAINT, 0, None).await?;
            }
            Object::Statistics(t, x) if *t == table => {
                r.extended.retain(|e| e.oid != *x);
                super::statistics::forget_comment(cx, *x).await?;
            }
            Object::Policy(t, p) if *t == table => {
                r.acl = super::policy::without(&r, *p);
                super::comment::write(cx, *p, crate::catalog::rows::table::PG_POLICY, 0, None).await?;
            }
            Object::Relation(i) => {
                if let Some(ix) = r.indexes.iter().find(|x| x.oid == *i).cloned() {
                    if let Some(s) = &r.storage {
                        cx.tx.txn.store().ssi().relation_replaced(ix.storage, s.heap);
                    }
                    cx.tx.drop_files(ix.storage).await?;
                    r.indexes.retain(|x| x.oid != *i);
                    super::comment::write(cx, *i, crate::catalog::rows::table::PG_CLASS, 0, None).await?;
                }
            }
            _ => {}
        }
    }
    cx.put(r).await
}

/// What DROP calls the kind it wants, for the "is not a" error and its hint.
fn wanted(kind: ObjectKind) -> Option<RelKind> {
    Some(match kind {
        ObjectKind::Table => RelKind::Table,
        ObjectKind::Index => RelKind::Index,
        ObjectKind::Sequence => RelKind::Sequence,
        ObjectKind::View => RelKind::View,
        ObjectKind::MaterializedView => RelKind::MaterializedView,
        _ => return None,
    })
}

fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

fn wrong_kind(rel: &Relation, want: RelKind) -> DbError {
    let (w, h) = (kind_word(want), kind_word(rel.kind));
    let e = err(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not {} {w}", rel.name, article(w)));
    match rel.kind {
        RelKind::Composite => e.hint("Use DROP TYPE to remove a type."),
        _ => e.hint(format!("Use DROP {} to remove {} {h}.", h.to_uppercase(), article(h))),
    }
}

async fn drop_relations(cx: &mut DdlCx<'_>, s: &ast::Drop, want: RelKind) -> Result<()> {
    let mut named = Vec::new();
    for o in &s.objects {
        let ObjectRef::Name(n) = o else {
            return Err(DbError::internal("DROP of a relation without a name"));
        };
        let mode = if s.concurrently { TableLockMode::ShareUpdateExclusive } else { TableLockMode::AccessExclusive };
        let Some(rel) = cx.open(n, mode).await? else {
            let word = kind_word(want);
            if s.if_exists {
                let e = match &n.schema {
                    Some(sc) if cx.schema_named(&sc.value).is_none() => err(
                        SqlState::SUCCESSFUL_COMPLETION,
                        format!("schema \"{}\" does not exist, skipping", sc.value),
                    ),
                    _ => err(
                        SqlState::SUCCESSFUL_COMPLETION,
                        format!("{word} \"{}\" does not exist, skipping", n.name.value),
                    ),
                };
                cx.notice(e);
                continue;
            }
            if let Some(sc) = &n.schema
                && cx.schema_named(&sc.value).is_none()
            {
                return Err(err(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{}\" does not exist", sc.value)));
            }
            let code = match want {
                RelKind::Index => SqlState::UNDEFINED_OBJECT,
                _ => SqlState::UNDEFINED_TABLE,
            };
            return Err(err(code, format!("{word} \"{}\" does not exist", n.name.value)));
        };
        if rel.kind != want {
            return Err(wrong_kind(&rel, want));
        }
        // The owner of the schema may drop what is in it.
        let schema_owner = cx.tx.catalog.namespaces.get(&rel.namespace).map_or(0, |n| n.owner);
        let owns_schema = crate::acl::check::owns(&cx.tx.catalog, cx.role, schema_owner);
        if !owns_schema || rel.oid < crate::catalog::FIRST_USER_OID {
            cx.check_relation_owner(&rel)?;
        }
        let table = cx.tx.catalog.index(rel.oid).and_then(|i| cx.tx.catalog.relation(i.table));
        if s.concurrently && table.is_some_and(|r| r.is_partitioned()) {
            let what = format!("cannot drop partitioned index \"{}\" concurrently", rel.name);
            return Err(DbError::unsupported(what));
        }
        check_internal(cx, &rel)?;
        let o = Object::Relation(rel.oid);
        if !named.contains(&o) {
            named.push(o);
        }
    }
    drop_named_or_keep(cx, &named, s.cascade, want == RelKind::Table && !s.purge).await
}

/// Drops the objects that a statement names.
pub(super) async fn drop_named(cx: &mut DdlCx<'_>, named: &[Object], cascade: bool) -> Result<()> {
    drop_named_or_keep(cx, named, cascade, false).await
}

async fn drop_named_or_keep(cx: &mut DdlCx<'_>, named: &[Object], cascade: bool, bin: bool) -> Result<()> {
    super::extension::check_members(cx, named)?;
    let what = match named {
        [one] => describe(cx, *one),
        _ => "desired object(s)".to_owned(),
    };
    let e = drop_or_keep(cx, named, cascade, &what, bin).await;
    match e {
        Err(mut x) if named.len() > 1 && x.code == SqlState::DEPENDENT_OBJECTS_STILL_EXIST => {
            x.message = "cannot drop desired object(s) because other objects depend on them".into();
            Err(x)
        }
        other => other,
    }
}

/// An index of a constraint and the sequence of an identity column cannot go alone.
fn check_internal(cx: &DdlCx<'_>, rel: &Relation) -> Result<()> {
    let cat = &cx.tx.catalog;
    if let Some(up) = cat.index(rel.oid).filter(|i| i.parent != 0).and_then(|i| cat.relation(i.parent)) {
        let on = describe(cx, Object::Relation(up.oid));
        return Err(err(
            SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
            format!("cannot drop index {} because {on} requires it", cx.shown(rel)),
        )
        .hint(format!("You can drop {on} instead.")));
    }
    if let Some(i) = rel.indexes.first().filter(|_| rel.kind == RelKind::Index)
        && let Some(t) = cat.relation(i.table)
        && let Some(c) = t.constraints.iter().find(
            |c| matches!(c.kind, ConstraintKind::Primary { index } | ConstraintKind::Unique { index } | ConstraintKind::Exclude { index } if index == rel.oid),
        )
    {
        let on = describe(cx, Object::Constraint(t.oid, c.oid));
        return Err(err(
            SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
            format!("cannot drop index {} because {on} requires it", cx.shown(rel)),
        )
        .hint(format!("You can drop {on} instead.")));
    }
    if super::sequence::is_identity(rel)
        && let Some((t, a)) = rel.sequence.as_ref().and_then(|s| s.owned_by)
    {
        let on = describe(cx, Object::Column(t, a));
        return Err(err(
            SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
            format!("cannot drop sequence {} because {on} requires it", cx.shown(rel)),
        )
        .hint(format!("You can drop {on} instead.")));
    }
    Ok(())
}

async fn drop_schemas(cx: &mut DdlCx<'_>, s: &ast::Drop) -> Result<()> {
    let mut named = Vec::new();
    for o in &s.objects {
        let ObjectRef::Name(n) = o else {
            return Err(DbError::internal("DROP SCHEMA without a name"));
        };
        let name = &n.name.value;
        let Some(oid) = cx.tx.catalog.namespace_named(name) else {
            if s.if_exists {
                cx.notice(err(SqlState::SUCCESSFUL_COMPLETION, format!("schema \"{name}\" does not exist, skipping")));
                continue;
            }
            return Err(err(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{name}\" does not exist")));
        };
        let owner = cx.tx.catalog.namespaces.get(&oid).map_or(0, |n| n.owner);
        cx.check_owner(owner, "schema", name)?;
        if oid < crate::catalog::FIRST_USER_OID && name != "public" {
            return Err(err(
                SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
                format!("cannot drop schema {name} because it is required by the database system"),
            ));
        }
        named.push(Object::Schema(oid));
    }
    let what = match named.as_slice() {
        [one] => describe(cx, *one),
        _ => "desired object(s)".to_owned(),
    };
    drop_objects(cx, &named, s.cascade, &what).await
}

/// DROP.
pub async fn drop(cx: &mut DdlCx<'_>, s: &ast::Drop) -> Result<String> {
    if s.concurrently {
        if cx.in_block {
            return Err(err(
                SqlState::ACTIVE_SQL_TRANSACTION,
                "DROP INDEX CONCURRENTLY cannot run inside a transaction block",
            ));
        }
        if s.objects.len() > 1 {
            return Err(DbError::unsupported("DROP INDEX CONCURRENTLY does not support dropping multiple objects"));
        }
        if s.cascade {
            return Err(DbError::unsupported("DROP INDEX CONCURRENTLY does not support CASCADE"));
        }
    }
    match (wanted(s.kind), s.kind) {
        (Some(want), _) => drop_relations(cx, s, want).await?,
        (_, ObjectKind::Schema) => drop_schemas(cx, s).await?,
        (_, ObjectKind::Role) => super::role::drop(cx, s).await?,
        (_, ObjectKind::Operator) => super::operator::drop(cx, s).await?,
        (_, ObjectKind::Collation) => super::collation::drop(cx, s).await?,
        (_, ObjectKind::Cast) => super::cast::drop(cx, s).await?,
        (_, kind) if super::routine::is_routine(kind) => super::routine::drop(cx, s).await?,
        (_, ObjectKind::Policy) => super::policy::drop(cx, s).await?,
        (_, ObjectKind::Statistics) => super::statistics::drop(cx, s).await?,
        (_, ObjectKind::Rule) => super::rule::drop(cx, s).await?,
        (_, ObjectKind::Extension) => super::extension::drop(cx, s).await?,
        (_, kind) => match super::schema_object::kind_of(kind) {
            Some(k) => super::schema_object::drop(cx, k, s).await?,
            None => match super::opclass_names::kind_of(kind) {
                Some(k) => super::opclass_names::drop(cx, k, s).await?,
                None => absent(cx, s, kind)?,
            },
        },
    }
    Ok(format!("DROP {}", s.kind.sql()))
}

/// Objects of kinds of which there are none, or only built-in ones.
fn absent(cx: &mut DdlCx<'_>, s: &ast::Drop, kind: ObjectKind) -> Result<()> {
    for o in &s.objects {
        let missing = match super::absent::built_in(kind, o) {
            Some(Ok(_)) => {
                let name = match o {
                    ObjectRef::Name(n) => n.plain(),
                    ObjectRef::Cast(from, to) => format!("from {from} to {to}"),
                    _ => String::new(),
                };
                let what = format!("{} {name}", object_word(kind));
                return Err(err(
                    SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
                    format!("cannot drop {what} because it is required by the database system"),
                ));
            }
            Some(Err(e)) => Some(e),
            None => super::absent::error(cx, kind, o),
        };
        let Some(missing) = missing else {
            return Err(DbError::unsupported(format!("DROP {} is not supported yet", kind.sql())));
        };
        let schema = match o {
            ObjectRef::Name(n) => n.schema.as_ref().filter(|s| cx.schema_named(&s.value).is_none()),
            _ => None,
        };
        let message = match schema {
            Some(s) => format!("schema \"{}\" does not exist", s.value),
            None if kind == ObjectKind::Collation => missing.message.replace(" for encoding \"UTF8\"", ""),
            None => missing.message.to_string(),
        };
        if s.if_exists {
            cx.notice(err(SqlState::SUCCESSFUL_COMPLETION, format!("{message}, skipping")));
        } else if schema.is_some() {
            return Err(err(SqlState::INVALID_SCHEMA_NAME, message));
        } else {
            return Err(missing);
        }
    }
    Ok(())
}
