//! Objects by class and OID: `pg_describe_object` in messages' words, `pg_identify_object` with every name in full, and
//! `pg_identify_object_as_address` as the lists that [`super::address`] finds it by again.

use super::{access, array, int_arg, oid_arg, opt_text, scalar, text};
use crate::catalog::deparse;
use crate::catalog::objects as schema_objects;
use crate::catalog::rows::table;
use crate::catalog::{
    Catalog, Constraint, FIRST_USER_OID, RelKind, Relation, casts, extended, extensions, opclasses, operators,
};
use crate::large_object::PG_LARGEOBJECT;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::quote_ident;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use rustydb_types::kernel::{CallInfo, Kernel};
use rustydb_types::{oid, pgdata, typename};
use std::sync::Arc;

pub(super) const PG_ATTRDEF: u32 = table::PG_ATTRDEF;
pub(super) const PG_COLLATION: u32 = 3456;
pub(super) const PG_OPCLASS: u32 = 2616;
pub(super) const PG_OPFAMILY: u32 = 2753;
pub(super) const PG_AM: u32 = 2601;
pub(super) const PG_AMOP: u32 = 2602;
pub(super) const PG_AMPROC: u32 = 2603;
pub(super) const PG_TABLESPACE: u32 = 1213;

/// Classes of objects that there are none of here, with what PostgreSQL calls them.
const WITHOUT_OBJECTS: &[(u32, &str)] = &[
    (2620, "trigger"),
    (2328, "foreign-data wrapper"),
    (1417, "server"),
    (1418, "user mapping"),
    (3466, "event trigger"),
    (3576, "transform"),
    (6104, "publication"),
    (6237, "publication namespace"),
    (6106, "publication relation"),
    (6100, "subscription"),
    (6243, "parameter ACL"),
];

/// An object in every form that it is shown in.
struct Object {
    kind: &'static str,
    schema: Option<String>,
    name: Option<String>,
    identity: String,
    names: Vec<String>,
    args: Vec<String>,
    /// In messages' words, names as the search path finds them.
    words: String,
}

/// What looks an object up.
struct Look<'a> {
    ctx: &'a EvalCtx,
    cat: &'a Arc<Catalog>,
    path: &'a [u32],
}

fn quoted(name: &str) -> String {
    quote_ident(name).to_string()
}

/// The name of a schema.
pub(super) fn schema_name(cat: &Catalog, ns: u32) -> String {
    cat.namespaces.get(&ns).map_or_else(|| ns.to_string(), |n| n.name.clone())
}

/// A type with its schema, except for those that SQL itself names.
pub(super) fn full_type(cat: &Catalog, ty: u32) -> String {
    if let Some(elem) = oid::array_element(ty) {
        return format!("{}[]", full_type(cat, elem));
    }
    if let Some(t) = pgdata::pg_type(ty).filter(|_| ty < FIRST_USER_OID) {
        let shown = typename::format_type(ty, -1);
        if shown != quoted(t.typname) && shown != t.typname && shown != format!("\"{}\"", t.typname) {
            return shown;
        }
        return format!("{}.{}", quoted(&schema_name(cat, t.typnamespace)), quoted(t.typname));
    }
    match cat.type_place(ty) {
        Some((ns, name)) => format!("{}.{}", quoted(&schema_name(cat, ns)), quoted(&name)),
        None => typename::format_type(ty, -1),
    }
}

/// What a relation is, in messages.
pub(super) fn relation_kind(r: &Relation) -> &'static str {
    match r.kind {
        RelKind::Table => "table",
        RelKind::Index => "index",
        RelKind::Sequence => "sequence",
        RelKind::View => "view",
        RelKind::MaterializedView => "materialized view",
        RelKind::Composite => "composite type",
    }
}

fn constraint(cat: &Catalog, oid: u32) -> Option<(&Arc<Relation>, &Arc<Constraint>)> {
    cat.relations.values().find_map(|r| r.constraints.iter().find(|c| c.oid == oid).map(|c| (r, c)))
}

impl Look<'_> {
    /// A type as the search path finds it.
    fn shown_type(&self, ty: u32) -> String {
        if ty < FIRST_USER_OID {
            return typename::format_type(ty, -1);
        }
        self.ctx.session.format_user_type(ty, -1).unwrap_or_else(|| typename::format_type(ty, -1))
    }

    /// A name with its schema unless that is on the path.
    fn shown(&self, ns: u32, name: &str) -> String {
        if self.path.contains(&ns) {
            return quoted(name);
        }
        format!("{}.{}", quoted(&schema_name(self.cat, ns)), quoted(name))
    }

    fn shown_relation(&self, r: &Relation) -> String {
        format!("{} {}", relation_kind(r), deparse::relation_name(self.cat, self.path, r))
    }

    /// Something with a name of its own that has no schema.
    fn plain(&self, kind: &'static str, name: &str) -> Object {
        Object {
            kind,
            schema: None,
            name: Some(quoted(name)),
            identity: quoted(name),
            names: vec![name.to_owned()],
            args: Vec::new(),
            words: format!("{kind} {}", quoted(name)),
        }
    }

    /// Something with a name in a schema.
    fn in_schema(&self, kind: &'static str, ns: u32, name: &str) -> Object {
        let schema = schema_name(self.cat, ns);
        Object {
            kind,
            identity: format!("{}.{}", quoted(&schema), quoted(name)),
            schema: Some(quoted(&schema)),
            name: Some(quoted(name)),
            words: format!("{kind} {}", self.shown(ns, name)),
            names: vec![schema, name.to_owned()],
            args: Vec::new(),
        }
    }

    fn relation(&self, oid: u32, sub: i32) -> Option<Object> {
        let r = self.cat.relation(oid)?;
        let mut o = self.in_schema(relation_kind(r), r.namespace, &r.name);
        o.words = self.shown_relation(r);
        if sub != 0 {
            let column = &r.attribute(i16::try_from(sub).ok()?)?.name;
            o.kind = match r.kind {
                RelKind::Table => "table column",
                RelKind::Index => "index column",
                RelKind::Sequence => "sequence column",
                RelKind::View => "view column",
                RelKind::MaterializedView => "materialized view column",
                RelKind::Composite => "composite type column",
            };
            o.identity = format!("{}.{}", o.identity, quoted(column));
            o.words = format!("column {} of {}", quoted(column), o.words);
            o.names.push(column.clone());
        }
        Some(o)
    }

    /// A part of a relation that is named with it.
    fn part(&self, kind: &'static str, r: &Relation, name: &str) -> Object {
        Object {
            kind,
            schema: None,
            name: None,
            identity: format!("{} on {}", quoted(name), deparse::qualified(r)),
            names: vec![r.schema.clone(), r.name.clone(), name.to_owned()],
            args: Vec::new(),
            words: format!("{kind} {} on {}", quoted(name), self.shown_relation(r)),
        }
    }

    fn type_(&self, oid: u32) -> Option<Object> {
        let (ns, name) = match pgdata::pg_type(oid).filter(|_| oid < FIRST_USER_OID) {
            Some(t) => (t.typnamespace, t.typname.to_owned()),
            None => self.cat.type_place(oid)?,
        };
        let identity = full_type(self.cat, oid);
        Some(Object {
            kind: "type",
            schema: Some(quoted(&schema_name(self.cat, ns))),
            name: Some(quoted(&name)),
            names: vec![identity.clone()],
            identity,
            args: Vec::new(),
            words: format!("type {}", self.shown_type(oid)),
        })
    }

    fn routine(&self, oid: u32) -> Option<Object> {
        let p = self.cat.routines.get(&oid).map(|r| r.proc()).or_else(|| pgdata::proc(oid))?;
        let kind = match p.prokind {
            'a' => "aggregate",
            'p' => "procedure",
            _ => "function",
        };
        let schema = schema_name(self.cat, p.pronamespace);
        let full: Vec<String> = p.proargtypes.iter().map(|t| full_type(self.cat, *t)).collect();
        let short: Vec<String> = p.proargtypes.iter().map(|t| self.shown_type(*t)).collect();
        Some(Object {
            kind,
            schema: Some(quoted(&schema)),
            name: None,
            identity: format!("{}.{}({})", quoted(&schema), quoted(p.proname), full.join(",")),
            names: vec![schema, p.proname.to_owned()],
            words: format!("function {}({})", self.shown(p.pronamespace, p.proname), short.join(",")),
            args: full,
        })
    }

    fn operator(&self, oid: u32) -> Option<Object> {
        let own = self.cat.operators.get(&oid);
        let o = own.map(|o| o.operator()).or_else(|| pgdata::operator(oid))?;
        let ns = own.map_or(pgdata::PG_CATALOG, |o| o.namespace);
        let schema = schema_name(self.cat, ns);
        let arg = |t: u32, f: &dyn Fn(u32) -> String| if t == 0 { "NONE".to_owned() } else { f(t) };
        let (full, short) = (|t: u32| full_type(self.cat, t), |t: u32| self.shown_type(t));
        let name = if self.path.contains(&ns) { String::new() } else { format!("{}.", quoted(&schema)) };
        let args: Vec<String> = [o.oprleft, o.oprright].iter().filter(|t| **t != 0).map(|t| full(*t)).collect();
        Some(Object {
            kind: "operator",
            identity: format!(
                "{}.{}({},{})",
                quoted(&schema),
                o.oprname,
                arg(o.oprleft, &full),
                arg(o.oprright, &full)
            ),
            words: format!("operator {name}{}({},{})", o.oprname, arg(o.oprleft, &short), arg(o.oprright, &short)),
            schema: Some(quoted(&schema)),
            name: None,
            names: vec![schema, o.oprname.to_owned()],
            args,
        })
    }

    /// An operator class or family.
    fn of_method(&self, kind: schema_objects::Kind, oid: u32) -> Option<Object> {
        let (namespace, name, method) = opclasses::place(self.cat, kind, oid)?;
        let am = pgdata::access_method(method)?.amname;
        let mut o = self.in_schema(kind.word(), namespace, &name);
        o.identity = format!("{} USING {}", o.identity, quoted(am));
        o.words = format!("{} for access method {}", o.words, quoted(am));
        o.names.insert(0, am.to_owned());
        Some(o)
    }

    /// An operator or function of a family, by its number and types; `what` it is in messages.
    fn member(&self, word: &'static str, family: u32, number: i16, types: [u32; 2], what: &str) -> Option<Object> {
        let up = self.of_method(schema_objects::Kind::OperatorFamily, family)?;
        let kind = if word == "operator" { "operator of access method" } else { "function of access method" };
        let full: Vec<String> = types.iter().map(|t| full_type(self.cat, *t)).collect();
        let short: Vec<String> = types.iter().map(|t| self.shown_type(*t)).collect();
        let mut names = up.names;
        names.push(number.to_string());
        Some(Object {
            kind,
            schema: None,
            name: None,
            identity: format!("{word} {number} ({}) of {}", full.join(", "), up.identity),
            names,
            args: full,
            words: format!("{word} {number} ({}) of {}: {what}", short.join(", "), up.words),
        })
    }

    fn cast(&self, oid: u32) -> Option<Object> {
        let own = self.cat.cast(oid).map(|c| (c.source, c.target));
        let (from, to) =
            own.or_else(|| pgdata::casts().iter().find(|c| c.oid == oid).map(|c| (c.castsource, c.casttarget)))?;
        let (f, t) = (full_type(self.cat, from), full_type(self.cat, to));
        Some(Object {
            kind: "cast",
            schema: None,
            name: None,
            identity: format!("({f} AS {t})"),
            names: vec![f],
            args: vec![t],
            words: format!("cast from {} to {}", self.shown_type(from), self.shown_type(to)),
        })
    }

    fn constraint(&self, oid: u32) -> Option<Object> {
        if let Some((r, c)) = constraint(self.cat, oid) {
            let mut o = self.part("constraint", r, &c.name);
            (o.kind, o.schema) = ("table constraint", Some(quoted(&r.schema)));
            return Some(o);
        }
        let (t, c) = self.cat.types.values().find_map(|t| {
            let c = t.domain()?.checks.iter().find(|c| c.oid == oid)?;
            Some((t, c))
        })?;
        let domain = full_type(self.cat, t.oid);
        Some(Object {
            kind: "domain constraint",
            schema: Some(quoted(&schema_name(self.cat, t.namespace))),
            name: None,
            identity: format!("{} on {domain}", quoted(&c.name)),
            names: vec![domain],
            args: vec![c.name.clone()],
            words: format!("constraint {}", quoted(&c.name)),
        })
    }

    fn default_acl(&self, oid: u32) -> Option<Object> {
        let d = self.cat.rights.defaults.iter().find(|d| d.oid == oid)?;
        let role = &self.cat.roles.get(&d.role)?.name;
        let schema = self.cat.namespaces.get(&d.namespace).map(|n| n.name.clone());
        let (on, new) = match d.kind {
            'r' => ("tables", "relations"),
            'S' => ("sequences", "sequences"),
            'f' => ("functions", "functions"),
            'T' => ("types", "types"),
            _ => ("schemas", "schemas"),
        };
        let inside = schema.as_ref().map(|s| format!(" in schema {}", quoted(s))).unwrap_or_default();
        Some(Object {
            kind: "default acl",
            schema: None,
            name: None,
            identity: format!("for role {}{inside} on {on}", quoted(role)),
            words: format!("default privileges on new {new} belonging to role {}{inside}", quoted(role)),
            names: std::iter::once(role.clone()).chain(schema).collect(),
            args: vec![d.kind.to_string()],
        })
    }

    fn default_value(&self, oid: u32) -> Option<Object> {
        let (r, c) = self.cat.relations.values().find_map(|r| {
            let c = r.live_columns().find(|c| c.default_oid == oid && c.default.is_some())?;
            Some((r, c))
        })?;
        Some(Object {
            kind: "default value",
            schema: None,
            name: None,
            identity: format!("for {}.{}", deparse::qualified(r), quoted(&c.name)),
            names: vec![r.schema.clone(), r.name.clone(), c.name.clone()],
            args: Vec::new(),
            words: format!("default value for column {} of {}", quoted(&c.name), self.shown_relation(r)),
        })
    }

    /// The object, `None` if there is none.
    fn object(&self, class: u32, oid: u32, sub: i32) -> Option<Object> {
        if oid == 0 {
            return None;
        }
        if let Some(kind) = schema_objects::Kind::ALL.into_iter().find(|k| k.class() == class) {
            let (ns, name) = schema_objects::place(self.cat, kind, oid)?;
            return Some(self.in_schema(kind.word(), ns, &name));
        }
        match class {
            table::PG_CLASS => self.relation(oid, sub),
            table::PG_NAMESPACE => Some(self.plain("schema", &self.cat.namespaces.get(&oid)?.name)),
            table::PG_AUTHID => Some(self.plain("role", &self.cat.roles.get(&oid)?.name)),
            table::PG_DATABASE => {
                Some(self.plain("database", &self.cat.databases.values().find(|d| d.oid == oid)?.name))
            }
            table::PG_LANGUAGE => {
                Some(self.plain("language", pgdata::languages().iter().find(|l| l.oid == oid)?.lanname))
            }
            PG_TABLESPACE => {
                Some(self.plain("tablespace", pgdata::tablespaces().iter().find(|t| t.oid == oid)?.spcname))
            }
            PG_AM => Some(self.plain("access method", pgdata::access_methods().iter().find(|a| a.oid == oid)?.amname)),
            PG_COLLATION => {
                let (ns, name) = self.cat.collation_place(oid)?;
                Some(self.in_schema("collation", ns, &name))
            }
            // Whether there is one, only its table knows.
            PG_LARGEOBJECT => Some(Object {
                kind: "large object",
                schema: None,
                name: None,
                identity: oid.to_string(),
                names: vec![oid.to_string()],
                args: Vec::new(),
                words: format!("large object {oid}"),
            }),
            PG_OPCLASS => self.of_method(schema_objects::Kind::OperatorClass, oid),
            PG_OPFAMILY => self.of_method(schema_objects::Kind::OperatorFamily, oid),
            PG_AMOP => {
                let (family, number, types, operator) = match opclasses::member(self.cat, oid) {
                    Some((family, m)) if !m.function => (family, m.number, m.types, m.target),
                    _ => {
                        let a = pgdata::amops().iter().find(|a| a.oid == oid)?;
                        (a.amopfamily, a.amopstrategy, [a.amoplefttype, a.amoprighttype], a.amopopr)
                    }
                };
                let words = self.operator(operator)?.words;
                self.member("operator", family, number, types, words.strip_prefix("operator ").unwrap_or(&words))
            }
            PG_AMPROC => {
                let (family, number, types, function) = match opclasses::member(self.cat, oid) {
                    Some((family, m)) if m.function => (family, m.number, m.types, m.target),
                    _ => {
                        let a = pgdata::amprocs().iter().find(|a| a.oid == oid)?;
                        (a.amprocfamily, a.amprocnum, [a.amproclefttype, a.amprocrighttype], a.amproc)
                    }
                };
                let words = self.routine(function)?.words;
                self.member("function", family, number, types, words.strip_prefix("function ").unwrap_or(&words))
            }
            table::PG_TYPE => self.type_(oid),
            table::PG_PROC => self.routine(oid),
            operators::PG_OPERATOR => self.operator(oid),
            casts::PG_CAST => self.cast(oid),
            table::PG_CONSTRAINT => self.constraint(oid),
            PG_ATTRDEF => self.default_value(oid),
            table::PG_DEFAULT_ACL => self.default_acl(oid),
            table::PG_REWRITE => {
                let r = self.cat.relations.values().find(|r| r.rule_oid == oid)?;
                let mut o = self.part("rule", r, "_RETURN");
                o.words = format!("rule _RETURN on {}", self.shown_relation(r));
                Some(o)
            }
            table::PG_POLICY => self.cat.relations.values().find_map(|r| {
                let p = r.policies().iter().find(|p| p.oid == oid)?;
                Some(self.part("policy", r, &p.name))
            }),
            extensions::PG_EXTENSION => Some(self.plain("extension", &self.cat.extensions.get(&oid)?.name)),
            table::PG_STATISTIC_EXT => {
                let (_, x) = extended::by_oid(self.cat, oid)?;
                Some(self.in_schema("statistics object", x.namespace, &x.name))
            }
            _ => None,
        }
    }
}

/// What an object of a class is called when there is none; `None` for what is no class of objects.
fn class_kind(class: u32, sub: i32) -> Option<&'static str> {
    if let Some(kind) = schema_objects::Kind::ALL.into_iter().find(|k| k.class() == class) {
        return Some(kind.word());
    }
    Some(match class {
        table::PG_CLASS if sub != 0 => "table column",
        table::PG_CLASS => "relation",
        table::PG_NAMESPACE => "schema",
        table::PG_AUTHID => "role",
        table::PG_DATABASE => "database",
        table::PG_LANGUAGE => "language",
        PG_TABLESPACE => "tablespace",
        PG_AM => "access method",
        PG_COLLATION => "collation",
        PG_LARGEOBJECT => "large object",
        PG_OPCLASS => "operator class",
        PG_OPFAMILY => "operator family",
        PG_AMOP => "operator of access method",
        PG_AMPROC => "function of access method",
        table::PG_TYPE => "type",
        table::PG_PROC => "routine",
        operators::PG_OPERATOR => "operator",
        casts::PG_CAST => "cast",
        table::PG_CONSTRAINT => "constraint",
        PG_ATTRDEF => "default value",
        table::PG_DEFAULT_ACL => "default acl",
        table::PG_REWRITE => "rule",
        table::PG_POLICY => "policy",
        extensions::PG_EXTENSION => "extension",
        table::PG_STATISTIC_EXT => "statistics object",
        _ => WITHOUT_OBJECTS.iter().find(|w| w.0 == class)?.1,
    })
}

/// The object that a call asks for; NULL is told from what is no class of objects.
fn asked(ctx: &EvalCtx, args: &[Datum]) -> Result<(Option<&'static str>, Option<Object>)> {
    let (class, oid) = (oid_arg(args, 0)?.unwrap_or(0), oid_arg(args, 1)?.unwrap_or(0));
    let sub = int_arg(args, 2).unwrap_or(0);
    if sub != 0 && class != table::PG_CLASS {
        return Err(DbError::new(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("invalid non-zero objectSubId for object class {class}"),
        ));
    }
    let kind = class_kind(class, sub);
    if kind.is_none() {
        return Err(DbError::internal(format!("unrecognized object class: {class}")));
    }
    let a = access(ctx)?;
    let (cat, path) = (a.catalog(), a.search_path());
    let found = Look { ctx, cat: &cat, path: &path }.object(class, oid, sub);
    Ok((kind, found))
}

fn record(fields: Vec<(u32, Datum)>) -> Datum {
    Datum::Row(fields.into_iter().map(|(t, d)| (crate::bind::type_ref(t), d)).collect())
}

fn texts(list: Vec<String>) -> Datum {
    array(oid::TEXT, list.into_iter().map(text).collect())
}

fn identify(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let (kind, found) = asked(ctx, args)?;
    let fields = match found {
        Some(o) => [Some(o.kind.to_owned()), o.schema, o.name, Some(o.identity)],
        None => [kind.map(str::to_owned), None, None, None],
    };
    Ok(record(fields.into_iter().map(|f| (oid::TEXT, opt_text(f))).collect()))
}

fn as_address(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let (kind, found) = asked(ctx, args)?;
    let (kind, names, list) = match found {
        Some(o) => (Some(o.kind), texts(o.names), texts(o.args)),
        None => (kind, Datum::Null, Datum::Null),
    };
    Ok(record(vec![(oid::TEXT, opt_text(kind.map(str::to_owned))), (oid::TEXT_ARRAY, names), (oid::TEXT_ARRAY, list)]))
}

fn describe(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    // No object of no class is nothing to describe.
    if oid_arg(args, 0)?.unwrap_or(0) == 0 && oid_arg(args, 1)?.unwrap_or(0) == 0 {
        return Ok(Datum::Null);
    }
    Ok(opt_text(asked(ctx, args)?.1.map(|o| o.words)))
}

/// Kernels of this module.
pub(super) const KERNELS: &[Kernel] = &[
    scalar("pg_describe_object", describe),
    scalar("pg_identify_object", identify),
    scalar("pg_identify_object_as_address", as_address),
];
