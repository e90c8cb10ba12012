//! `pg_get_object_address`: an object's class and OID by its kind, names and arguments.

use super::objects as shown;
use super::{access, scalar, text_arg};
use crate::catalog::objects::{self, Kind};
use crate::catalog::rows::table;
use crate::catalog::{Catalog, RelKind, Relation, casts, extended, opclasses, operators};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use rustydb_types::kernel::{CallInfo, Kernel};
use rustydb_types::typename::format_type;
use rustydb_types::{oid, pgdata};
use std::sync::Arc;

fn err(code: SqlState, m: impl Into<String>) -> DbError {
    DbError::new(code, m.into())
}

fn parameter(m: impl Into<String>) -> DbError {
    err(SqlState::INVALID_PARAMETER_VALUE, m)
}

fn undefined(m: impl Into<String>) -> DbError {
    err(SqlState::UNDEFINED_OBJECT, m)
}

/// Kinds that an address can be asked for, by what their names are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    /// A relation of a kind; `None` for one there are none of.
    Relation(&'static str, Option<RelKind>),
    Column,
    /// Something on a relation: constraint, rule, trigger, policy.
    Part,
    Default,
    Routine,
    Type,
    DomainConstraint,
    Cast,
    Transform,
    Operator,
    /// Operator class or family.
    OfMethod,
    /// Operator or function of a family.
    Member,
    Object(Kind),
    Collation,
    Statistics,
    LargeObject,
    /// A name without a schema.
    Single,
    UserMapping,
    DefaultAcl,
    PublicationSchema,
    PublicationTable,
    /// Known, and not to be asked for.
    Unsupported,
}

fn kind_of(kind: &str) -> Option<Names> {
    use Names as N;
    Some(match kind {
        "table" => N::Relation("a table", Some(RelKind::Table)),
        "index" => N::Relation("an index", Some(RelKind::Index)),
        "sequence" => N::Relation("a sequence", Some(RelKind::Sequence)),
        "view" => N::Relation("a view", Some(RelKind::View)),
        "materialized view" => N::Relation("a materialized view", Some(RelKind::MaterializedView)),
        "foreign table" => N::Relation("a foreign table", None),
        "table column" | "foreign table column" => N::Column,
        "table constraint" | "rule" | "trigger" | "policy" => N::Part,
        "default value" => N::Default,
        "aggregate" | "function" | "procedure" => N::Routine,
        "type" => N::Type,
        "domain constraint" => N::DomainConstraint,
        "cast" => N::Cast,
        "transform" => N::Transform,
        "operator" => N::Operator,
        "operator class" | "operator family" => N::OfMethod,
        "operator of access method" | "function of access method" => N::Member,
        "conversion" => N::Object(Kind::Conversion),
        "text search parser" => N::Object(Kind::Parser),
        "text search dictionary" => N::Object(Kind::Dictionary),
        "text search template" => N::Object(Kind::Template),
        "text search configuration" => N::Object(Kind::Configuration),
        "collation" => N::Collation,
        "statistics object" => N::Statistics,
        "large object" => N::LargeObject,
        "access method"
        | "database"
        | "event trigger"
        | "extension"
        | "foreign-data wrapper"
        | "server"
        | "language"
        | "parameter ACL"
        | "publication"
        | "role"
        | "schema"
        | "subscription"
        | "tablespace" => N::Single,
        "user mapping" => N::UserMapping,
        "default acl" => N::DefaultAcl,
        "publication namespace" => N::PublicationSchema,
        "publication relation" => N::PublicationTable,
        "toast table"
        | "index column"
        | "sequence column"
        | "toast table column"
        | "view column"
        | "materialized view column"
        | "composite type"
        | "composite type column" => N::Unsupported,
        _ => return None,
    })
}

fn list(d: Option<&Datum>) -> Result<Vec<String>> {
    let Some(Datum::Array(a)) = d else { return Ok(Vec::new()) };
    let one = |d: &Datum| match d {
        Datum::Text(t) => Ok(t.to_string()),
        _ => Err(parameter("name or argument lists may not contain nulls")),
    };
    a.items.iter().map(one).collect()
}

/// A call's arguments with what they are looked up in.
struct Find<'a> {
    ctx: &'a EvalCtx,
    cat: &'a Arc<Catalog>,
    path: Vec<u32>,
    kind: &'a str,
    names: Vec<String>,
    args: Vec<String>,
}

impl Find<'_> {
    fn type_named(&self, text: &str) -> Result<u32> {
        self.ctx.session.reg_in(oid::REGTYPE, text).map_err(|e| match e.code {
            SqlState::SYNTAX_ERROR => {
                let word = text.split_whitespace().next().unwrap_or_default();
                err(SqlState::SYNTAX_ERROR, format!("syntax error at or near \"{word}\""))
                    .context(format!("invalid type name \"{text}\""))
            }
            _ => e,
        })
    }

    fn types(&self) -> Result<Vec<u32>> {
        self.args.iter().map(|a| self.type_named(a)).collect()
    }

    /// The schemas of a qualified name, and its last part.
    fn place<'n>(&self, names: &'n [String]) -> Result<(Vec<u32>, &'n str)> {
        match names {
            [name] => Ok((self.path.clone(), name)),
            [schema, name] => match self.cat.namespace_named(schema) {
                Some(ns) => Ok((vec![ns], name)),
                None => Err(err(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{schema}\" does not exist"))),
            },
            [database, schema, name] if *database == self.cat.database.name => {
                let ns = self.cat.namespace_named(schema);
                let missing = || err(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{schema}\" does not exist"));
                Ok((vec![ns.ok_or_else(missing)?], name))
            }
            [_, _, _] => {
                Err(DbError::unsupported(format!("cross-database references are not implemented: {}", names.join("."))))
            }
            _ => Err(err(
                SqlState::SYNTAX_ERROR,
                format!("improper qualified name (too many dotted names): {}", names.join(".")),
            )),
        }
    }

    fn relation(&self, names: &[String]) -> Result<Arc<Relation>> {
        let quoted = |e: DbError| match names {
            [_, _, _] if e.code == SqlState::FEATURE_NOT_SUPPORTED => {
                DbError::unsupported(format!("cross-database references are not implemented: \"{}\"", names.join(".")))
            }
            [_, _, _] | [_, _] | [_] => e,
            _ => err(
                SqlState::SYNTAX_ERROR,
                format!("improper relation name (too many dotted names): {}", names.join(".")),
            ),
        };
        let (path, name) = self.place(names).map_err(quoted)?;
        let found = path.iter().find_map(|ns| self.cat.relation_named(*ns, name));
        found
            .cloned()
            .ok_or_else(|| err(SqlState::UNDEFINED_TABLE, format!("relation \"{}\" does not exist", names.join("."))))
    }

    /// The relation before a name's last part, and that part.
    fn on_relation(&self, too_short: &'static str) -> Result<(Arc<Relation>, &str)> {
        match self.names.split_last() {
            Some((last, before)) if !before.is_empty() => Ok((self.relation(before)?, last)),
            _ => Err(err(SqlState::SYNTAX_ERROR, too_short)),
        }
    }

    fn shown(&self) -> String {
        self.names.join(".")
    }

    fn routine(&self) -> Result<u32> {
        let types = self.types()?;
        let (path, name) = self.place(&self.names)?;
        let fits = |kind: char| match self.kind {
            "aggregate" => kind == 'a',
            "procedure" => kind == 'p',
            _ => kind != 'p',
        };
        let found = path.iter().flat_map(|ns| self.cat.procs_in(*ns, name)).find(|p| *p.proargtypes == *types);
        if let Some(p) = found.filter(|p| fits(p.prokind)) {
            return Ok(p.oid);
        }
        let args: Vec<String> = types.iter().map(|t| format_type(*t, -1)).collect();
        let star = if self.kind == "aggregate" && args.is_empty() { "*".to_owned() } else { args.join(", ") };
        if let Some(p) = found {
            let what = format!("{}({})", p.proname, args.join(", "));
            let kind = if self.kind == "aggregate" { "an aggregate function" } else { "a procedure" };
            let m = match self.kind {
                "aggregate" => format!("function {what} is not {kind}"),
                "procedure" => format!("{what} is not {kind}"),
                _ => format!("{what} is not a function"),
            };
            return Err(err(SqlState::WRONG_OBJECT_TYPE, m));
        }
        Err(err(SqlState::UNDEFINED_FUNCTION, format!("{} {}({star}) does not exist", self.kind, self.shown())))
    }

    fn operator(&self) -> Result<u32> {
        let types = self.types()?;
        let (path, name) = self.place(&self.names)?;
        let [left, right] = types.as_slice() else { return Err(parameter("argument list length must be exactly 2")) };
        let built_in = || pgdata::operator_exact(name, *left, *right).map(|o| o.oid);
        let found = path.iter().find_map(|ns| {
            let own = self.cat.operators_in(*ns, name);
            let own = own.iter().find(|o| (o.left, o.right) == (*left, *right)).map(|o| o.oid);
            own.or_else(|| if *ns == pgdata::PG_CATALOG { built_in() } else { None })
        });
        found.ok_or_else(|| {
            let m = format!(
                "operator does not exist: {} {} {}",
                format_type(*left, -1),
                self.shown(),
                format_type(*right, -1)
            );
            err(SqlState::UNDEFINED_FUNCTION, m)
        })
    }

    fn method(&self) -> Result<&'static pgdata::AccessMethod> {
        let name = self.names.first().map(String::as_str).unwrap_or_default();
        let found = pgdata::access_methods().iter().find(|a| a.amname == name);
        found.ok_or_else(|| undefined(format!("access method \"{name}\" does not exist")))
    }

    /// An operator class, or the family of the names up to `end`.
    fn of_method(&self, class: bool, end: usize) -> Result<u32> {
        let am = self.method()?;
        let rest = self.names.get(1..end).unwrap_or_default();
        let (path, name) = self.place(rest)?;
        let kind = if class { objects::Kind::OperatorClass } else { objects::Kind::OperatorFamily };
        let found = path.iter().find_map(|ns| opclasses::in_schema(self.cat, kind, am.oid, *ns, name));
        found.ok_or_else(|| {
            let word = if class { "class" } else { "family" };
            undefined(format!(
                "operator {word} \"{}\" does not exist for access method \"{}\"",
                rest.join("."),
                am.amname
            ))
        })
    }

    fn member(&self) -> Result<(u32, u32)> {
        let types = self.types()?;
        let [left, right] = types.as_slice() else { return Err(parameter("argument list length must be exactly 2")) };
        let end = self.names.len().saturating_sub(1);
        let family = self.of_method(false, end)?;
        let text = self.names.last().map(String::as_str).unwrap_or_default();
        let number: i16 = text.trim().parse().map_err(|_| {
            err(SqlState::INVALID_TEXT_REPRESENTATION, format!("invalid input syntax for type integer: \"{text}\""))
        })?;
        let operator = self.kind.starts_with("operator");
        let own = opclasses::family_members(self.cat, family).into_iter().map(|(_, m)| m);
        let own = own.filter(|m| m.key() == (!operator, number, [*left, *right])).map(|m| (m.class(), m.oid)).next();
        let found = if own.is_some() {
            own
        } else if operator {
            let same = |a: &&pgdata::AmOp| {
                (a.amopfamily, a.amoplefttype, a.amoprighttype, a.amopstrategy) == (family, *left, *right, number)
            };
            pgdata::amops().iter().find(same).map(|a| (shown::PG_AMOP, a.oid))
        } else {
            let same = |a: &&pgdata::AmProc| {
                (a.amprocfamily, a.amproclefttype, a.amprocrighttype, a.amprocnum) == (family, *left, *right, number)
            };
            pgdata::amprocs().iter().find(same).map(|a| (shown::PG_AMPROC, a.oid))
        };
        found.ok_or_else(|| {
            let word = if operator { "operator" } else { "function" };
            let place = opclasses::place(self.cat, objects::Kind::OperatorFamily, family);
            let family = place.map(|p| p.1).unwrap_or_default();
            let am = self.names.first().map(String::as_str).unwrap_or_default();
            undefined(format!(
                "{word} {number} ({}, {}) of operator family {family} for access method {am} does not exist",
                self.args.first().map_or("", String::as_str),
                self.args.get(1).map_or("", String::as_str)
            ))
        })
    }

    fn part(&self) -> Result<(u32, u32)> {
        let (rel, name) = self.on_relation("must specify relation and object name")?;
        let (class, oid, on) = match self.kind {
            "table constraint" => {
                (table::PG_CONSTRAINT, rel.constraints.iter().find(|c| c.name == name).map(|c| c.oid), "table")
            }
            "rule" => (table::PG_REWRITE, Some(rel.rule_oid).filter(|o| *o != 0 && name == "_RETURN"), "relation"),
            "policy" => (table::PG_POLICY, rel.policies().iter().find(|p| p.name == name).map(|p| p.oid), "table"),
            _ => (2620, None, "table"),
        };
        let word = if self.kind == "table constraint" { "constraint" } else { self.kind };
        let missing = || undefined(format!("{word} \"{name}\" for {on} \"{}\" does not exist", rel.name));
        Ok((class, oid.ok_or_else(missing)?))
    }

    fn single(&self) -> Result<(u32, u32)> {
        let name = self.names.first().map(String::as_str).unwrap_or_default();
        let cat = self.cat;
        let found = match self.kind {
            "access method" => return Ok((shown::PG_AM, self.method()?.oid)),
            "database" => cat.databases.get(name).map(|d| (table::PG_DATABASE, d.oid)),
            "language" => pgdata::languages().iter().find(|l| l.lanname == name).map(|l| (table::PG_LANGUAGE, l.oid)),
            "role" => cat.role_named(name).map(|r| (table::PG_AUTHID, r.oid)),
            "extension" => cat.extension_named(name).map(|e| (crate::catalog::extensions::PG_EXTENSION, e.oid)),
            "schema" => cat.namespace_named(name).map(|n| (table::PG_NAMESPACE, n)),
            "tablespace" => {
                pgdata::tablespaces().iter().find(|t| t.spcname == name).map(|t| (shown::PG_TABLESPACE, t.oid))
            }
            _ => None,
        };
        found.ok_or_else(|| {
            let code = match self.kind {
                "database" => SqlState::UNDEFINED_DATABASE,
                "schema" => SqlState::INVALID_SCHEMA_NAME,
                _ => SqlState::UNDEFINED_OBJECT,
            };
            err(code, format!("{} \"{name}\" does not exist", self.kind))
        })
    }

    fn default_acl(&self) -> Result<u32> {
        let (role, schema) = (self.names.first().map(String::as_str).unwrap_or_default(), self.names.get(1));
        let kind = self.args.first().and_then(|a| a.chars().next()).unwrap_or(' ');
        let on = match kind {
            'r' => "tables",
            'S' => "sequences",
            'f' => "functions",
            'T' => "types",
            'n' => "schemas",
            _ => {
                return Err(parameter(format!("unrecognized default ACL object type \"{kind}\""))
                    .hint("Valid object types are \"r\", \"S\", \"f\", \"T\", \"n\"."));
            }
        };
        let owner = self.cat.role_named(role).map(|r| r.oid);
        let ns = match schema {
            Some(s) => self.cat.namespace_named(s),
            None => Some(0),
        };
        let same = |d: &&crate::acl::DefaultAcl| Some(d.role) == owner && Some(d.namespace) == ns && d.kind == kind;
        self.cat.rights.defaults.iter().find(same).map(|d| d.oid).ok_or_else(|| {
            let inside = schema.map(|s| format!(" in schema \"{s}\"")).unwrap_or_default();
            undefined(format!("default ACL for user \"{role}\"{inside} on {on} does not exist"))
        })
    }

    fn cast(&self) -> Result<u32> {
        let from = self.type_named(self.names.first().map(String::as_str).unwrap_or_default())?;
        let to = self.type_named(self.args.first().map(String::as_str).unwrap_or_default())?;
        let own = self.cat.casts.get(&(from, to)).map(|c| c.oid);
        own.or_else(|| pgdata::cast(from, to).map(|c| c.oid)).ok_or_else(|| {
            let m = format!("cast from type {} to type {} does not exist", format_type(from, -1), format_type(to, -1));
            undefined(m)
        })
    }

    /// Class, OID and part.
    fn address(&self, what: Names) -> Result<(u32, u32, i32)> {
        let whole = |(class, oid): (u32, u32)| (class, oid, 0);
        Ok(match what {
            Names::Relation(word, kind) => {
                let rel = self.relation(&self.names)?;
                if Some(rel.kind) != kind {
                    return Err(err(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not {word}", rel.name)));
                }
                (table::PG_CLASS, rel.oid, 0)
            }
            Names::Column | Names::Default => {
                let (rel, name) = self.on_relation("column name must be qualified")?;
                let column = rel.live_columns().find(|c| c.name == name);
                // As it was given.
                let of = self.names[..self.names.len() - 1].join(".");
                if what == Names::Default {
                    let default = column.filter(|c| c.default.is_some()).map(|c| c.default_oid);
                    let missing = || {
                        let m = format!("default value for column \"{name}\" of relation \"{of}\" does not exist");
                        err(SqlState::UNDEFINED_COLUMN, m)
                    };
                    (shown::PG_ATTRDEF, default.ok_or_else(missing)?, 0)
                } else {
                    let missing = || {
                        let m = format!("column \"{name}\" of relation \"{of}\" does not exist");
                        err(SqlState::UNDEFINED_COLUMN, m)
                    };
                    (table::PG_CLASS, rel.oid, i32::from(column.ok_or_else(missing)?.attnum))
                }
            }
            Names::Part => whole(self.part()?),
            Names::Routine => (table::PG_PROC, self.routine()?, 0),
            Names::Type => (table::PG_TYPE, self.type_named(&self.shown())?, 0),
            Names::DomainConstraint => {
                let domain = self.type_named(&self.shown())?;
                let name = self.args.first().map(String::as_str).unwrap_or_default();
                let t = self.cat.type_of(domain);
                let found = t.and_then(|t| t.domain()?.checks.iter().find(|c| c.name == name).map(|c| c.oid));
                let missing = || {
                    undefined(format!(
                        "constraint \"{name}\" for domain \"{}\" does not exist",
                        format_type(domain, -1)
                    ))
                };
                (table::PG_CONSTRAINT, found.ok_or_else(missing)?, 0)
            }
            Names::Cast => (casts::PG_CAST, self.cast()?, 0),
            Names::Transform => {
                let ty = self.type_named(&self.shown())?;
                let language = self.args.first().map(String::as_str).unwrap_or_default();
                if !pgdata::languages().iter().any(|l| l.lanname == language) {
                    return Err(undefined(format!("language \"{language}\" does not exist")));
                }
                let m = format!("transform for type {} language \"{language}\" does not exist", format_type(ty, -1));
                return Err(undefined(m));
            }
            Names::Operator => (operators::PG_OPERATOR, self.operator()?, 0),
            Names::OfMethod => {
                let class = self.kind == "operator class";
                let table = if class { shown::PG_OPCLASS } else { shown::PG_OPFAMILY };
                (table, self.of_method(class, self.names.len())?, 0)
            }
            Names::Member => whole(self.member()?),
            Names::Object(kind) => {
                let (path, name) = self.place(&self.names)?;
                let found = objects::find(self.cat, kind, &path, name);
                let missing = || undefined(format!("{} \"{}\" does not exist", kind.word(), self.shown()));
                (kind.class(), found.ok_or_else(missing)?, 0)
            }
            Names::Collation => {
                let (path, name) = self.place(&self.names)?;
                let found = path.iter().find_map(|ns| {
                    let system =
                        || (*ns == pgdata::PG_CATALOG).then(|| crate::bind::collation::built_in(name)).flatten();
                    self.cat.collation_in(*ns, name).map(|c| c.oid).or_else(system)
                });
                let missing =
                    || undefined(format!("collation \"{}\" for encoding \"UTF8\" does not exist", self.shown()));
                (shown::PG_COLLATION, found.ok_or_else(missing)?, 0)
            }
            Names::Statistics => {
                let (path, name) = self.place(&self.names)?;
                let found = path.iter().find_map(|ns| extended::by_name(self.cat, *ns, name)).map(|f| f.1.oid);
                let missing = || undefined(format!("statistics object \"{}\" does not exist", self.shown()));
                (table::PG_STATISTIC_EXT, found.ok_or_else(missing)?, 0)
            }
            Names::LargeObject => {
                let text = self.shown();
                let oid: u32 = text.trim().parse().map_err(|_| {
                    err(SqlState::INVALID_TEXT_REPRESENTATION, format!("invalid input syntax for type oid: \"{text}\""))
                })?;
                return Err(undefined(format!("large object {oid} does not exist")));
            }
            Names::Single => whole(self.single()?),
            Names::UserMapping => {
                let server = self.args.first().map(String::as_str).unwrap_or_default();
                let m = format!("user mapping for user \"{}\" on server \"{server}\" does not exist", self.shown());
                return Err(undefined(m));
            }
            Names::DefaultAcl => (table::PG_DEFAULT_ACL, self.default_acl()?, 0),
            Names::PublicationSchema => {
                let schema = self.shown();
                if self.cat.namespace_named(&schema).is_none() {
                    return Err(err(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{schema}\" does not exist")));
                }
                return Err(self.no_publication());
            }
            Names::PublicationTable => {
                self.relation(&self.names)?;
                return Err(self.no_publication());
            }
            Names::Unsupported => {
                return Err(parameter(format!("unsupported object type \"{}\"", self.kind)));
            }
        })
    }

    fn no_publication(&self) -> DbError {
        let name = self.args.first().map(String::as_str).unwrap_or_default();
        undefined(format!("publication \"{name}\" does not exist"))
    }
}

fn address(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let kind = text_arg(args, 0)?;
    let Some(what) = kind_of(kind) else {
        return Err(parameter(format!("unrecognized object type \"{kind}\"")));
    };
    if what == Names::Unsupported {
        return Err(parameter(format!("unsupported object type \"{kind}\"")));
    }
    let a = access(ctx)?;
    let cat = a.catalog();
    let path = a.search_path();
    let names = list(args.get(1))?;
    let one = |n: usize| if n == 1 { Ok(()) } else { Err(parameter("name list length must be exactly 1")) };
    if matches!(what, Names::Type | Names::DomainConstraint | Names::Cast | Names::Transform | Names::LargeObject) {
        one(names.len())?;
    } else if names.is_empty() {
        return Err(parameter("name list length must be at least 1"));
    }
    let f = Find { ctx, cat: &cat, path, kind, names, args: list(args.get(2))? };
    // A type must be known to the grammar before lists are counted.
    if matches!(what, Names::DomainConstraint | Names::Cast | Names::Transform)
        && let Err(e) = f.type_named(&f.shown())
        && e.code == SqlState::SYNTAX_ERROR
    {
        return Err(e);
    }
    if matches!(what, Names::PublicationSchema | Names::UserMapping) {
        one(f.names.len())?;
    }
    let arguments = match what {
        Names::PublicationSchema
        | Names::UserMapping
        | Names::DomainConstraint
        | Names::Cast
        | Names::PublicationTable
        | Names::DefaultAcl
        | Names::Transform => Some(1),
        Names::Member | Names::Operator => Some(2),
        _ => None,
    };
    let least = match what {
        Names::OfMethod => 2,
        Names::Member => 3,
        _ => 1,
    };
    if f.names.len() < least {
        return Err(parameter(format!("name list length must be at least {least}")));
    }
    if let Some(n) = arguments.filter(|n| *n != f.args.len()) {
        return Err(parameter(format!("argument list length must be exactly {n}")));
    }
    if what == Names::Single {
        one(f.names.len())?;
    }
    // An unknown schema of a name that was never there says so itself.
    let (class, oid, sub) = f.address(what)?;
    let fields = [(oid::OID, Datum::Oid(class)), (oid::OID, Datum::Oid(oid)), (oid::INT4, Datum::Int4(sub))];
    Ok(Datum::Row(fields.into_iter().map(|(t, d)| (crate::bind::type_ref(t), d)).collect()))
}

/// Kernels of this module.
pub(super) const KERNELS: &[Kernel] = &[scalar("pg_get_object_address", address)];
