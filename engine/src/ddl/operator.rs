//! CREATE, ALTER, DROP and COMMENT ON OPERATOR.

use super::aggregate::{flag, name_value, type_value};
use super::drop::Object;
use super::{DdlCx, err};
use crate::catalog::Catalog;
use crate::catalog::operators::{PG_OPERATOR, UserOperator};
use crate::plan::ir::{Expr, ExprKind};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, CreateOperator, DefOption, DefValue, Name, ObjectRef, TypeName};
use rustydb_types::pgdata::{self, Operator};
use rustydb_types::typename::format_type;
use rustydb_types::{datum::TypeRef, oid};

fn bad(m: impl Into<String>) -> DbError {
    err(SqlState::INVALID_FUNCTION_DEFINITION, m)
}

/// The type of an operand.
fn operand(cx: &mut DdlCx<'_>, o: Option<&DefOption>) -> Result<u32> {
    let Some(o) = o else { return Ok(0) };
    match &o.value {
        Some(DefValue::Word(w)) if w == "none" => Ok(0),
        Some(DefValue::Type(t)) if t.setof => Err(bad("SETOF type not allowed for operator argument")),
        _ => Ok(type_value(cx, o)?.oid),
    }
}

/// The operator of a name for exactly these types.
pub(super) fn exact(cx: &DdlCx<'_>, name: &Name, left: u32, right: u32) -> Result<Option<&'static Operator>> {
    let op = name.name.value.as_str();
    let namespaces = match &name.schema {
        Some(s) => vec![cx.need_schema_named(&s.value)?],
        None => cx.search_path.clone(),
    };
    for ns in namespaces {
        if ns == pgdata::PG_CATALOG
            && let Some(o) = pgdata::operator_exact(op, left, right)
        {
            return Ok(Some(o));
        }
        let own = cx.tx.catalog.operators_in(ns, op);
        if let Some(o) = own.iter().find(|o| o.left == left && o.right == right) {
            return Ok(Some(o.operator()));
        }
    }
    Ok(None)
}

/// A function that estimates, by name.
fn estimator(o: Option<&DefOption>, join: bool) -> Result<u32> {
    let Some(o) = o else { return Ok(0) };
    let name = name_value(o)?;
    let types: &[u32] = if join {
        &[oid::INTERNAL, oid::OID, oid::INTERNAL, oid::INT2, oid::INTERNAL]
    } else {
        &[oid::INTERNAL, oid::OID, oid::INTERNAL, oid::INT4]
    };
    let found = pgdata::procs_named(&name.name.value).iter().find(|p| *p.proargtypes == *types);
    found.map(|p| p.oid).ok_or_else(|| {
        let shown: Vec<String> = types.iter().map(|t| format_type(*t, -1)).collect();
        err(SqlState::UNDEFINED_FUNCTION, format!("function {}({}) does not exist", name.plain(), shown.join(", ")))
    })
}

/// CREATE OPERATOR.
pub async fn create(cx: &mut DdlCx<'_>, s: &CreateOperator) -> Result<()> {
    super::temp::make_named(cx, &s.name).await?;
    let ns = cx.creation_namespace(&s.name)?;
    let name = s.name.name.value.clone();
    for o in &s.options {
        if !KNOWN.contains(&o.name.value.as_str()) {
            cx.notices.push((
                "WARNING",
                err(SqlState::SYNTAX_ERROR, format!("operator attribute \"{}\" not recognized", o.name.value)),
            ));
        }
    }
    let find = |n: &str| s.options.iter().rev().find(|o| o.name.value == n);
    let left = operand(cx, find("leftarg"))?;
    let right = operand(cx, find("rightarg"))?;
    let Some(function) = find("function").or(find("procedure")) else {
        return Err(bad("operator function must be specified"));
    };
    if left == 0 && right == 0 {
        return Err(bad("operator argument types must be specified"));
    }
    if right == 0 {
        return Err(
            bad("operator right argument type must be specified").detail("Postfix operators are not supported.")
        );
    }
    let types: Vec<u32> = [left, right].into_iter().filter(|t| *t != 0).collect();
    for t in &types {
        crate::acl::check::need_type(&cx.tx.catalog, *t, cx.role)?;
    }
    let fname = name_value(function)?;
    let args: Vec<Expr> = types.iter().map(|t| Expr::new(ExprKind::CaseValue, TypeRef::new(*t))).collect();
    let found = cx.binder(|b| b.resolve_func(&fname, &args, &vec![None; args.len()], false, 0));
    let proc = found.ok().map(|f| f.proc).filter(|p| *p.proargtypes == *types).ok_or_else(|| {
        let shown: Vec<String> = types.iter().map(|t| format_type(*t, -1)).collect();
        err(SqlState::UNDEFINED_FUNCTION, format!("function {}({}) does not exist", fname.plain(), shown.join(", ")))
    })?;
    let (merges, hashes) = (
        // These are older ways to say so.
        find("merges").map(flag).transpose()?.unwrap_or(false)
            || ["sort1", "sort2", "ltcmp", "gtcmp"].iter().any(|n| find(n).is_some()),
        find("hashes").map(flag).transpose()?.unwrap_or(false),
    );
    let (com, neg, rest, join) = (find("commutator"), find("negator"), find("restrict"), find("join"));
    if left == 0 {
        for (there, what) in [
            (com.is_some(), "have commutators"),
            (join.is_some(), "have join selectivity"),
            (merges, "merge join"),
            (hashes, "hash"),
        ] {
            if there {
                return Err(bad(format!("only binary operators can {what}")));
            }
        }
    }
    if proc.prorettype != oid::BOOL {
        for (there, what) in [
            (neg.is_some(), "have negators"),
            (rest.is_some(), "have restriction selectivity"),
            (join.is_some(), "have join selectivity"),
            (merges, "merge join"),
            (hashes, "hash"),
        ] {
            if there {
                return Err(bad(format!("only boolean operators can {what}")));
            }
        }
    }
    let estimators = (estimator(rest, false)?, estimator(join, true)?);
    let taken = cx.tx.catalog.operators_in(ns, &name).iter().any(|o| o.left == left && o.right == right);
    if taken {
        return Err(err(SqlState::DUPLICATE_FUNCTION, format!("operator {name} already exists")));
    }
    let oid = cx.tx.new_oid().await?;
    let linked = |cx: &DdlCx<'_>, o: Option<&DefOption>, l: u32, r: u32| -> Result<u32> {
        let Some(o) = o else { return Ok(0) };
        let n = name_value(o)?;
        let here = n.schema.as_ref().is_none_or(|s| cx.namespace_name(ns) == s.value);
        if n.name.value == name && here && (l, r) == (left, right) {
            return Ok(oid);
        }
        Ok(exact(cx, &n, l, r)?.map_or(0, |o| o.oid))
    };
    let commutator = linked(cx, com, right, left)?;
    let negator = linked(cx, neg, left, right)?;
    if negator == oid {
        return Err(bad("operator cannot be its own negator or sort operator"));
    }
    let new = UserOperator {
        oid,
        name,
        namespace: ns,
        owner: cx.role,
        left,
        right,
        result: proc.prorettype,
        function: proc.oid,
        commutator,
        negator,
        joins: (merges, hashes),
        estimators,
    };
    cx.tx.put_operator(new).await?;
    // The others learn of it.
    let others: Vec<UserOperator> =
        [commutator, negator].iter().filter_map(|o| cx.tx.catalog.operators.get(o)).map(|o| (**o).clone()).collect();
    for mut o in others.into_iter().filter(|o| o.oid != oid) {
        if o.oid == commutator && o.commutator == 0 {
            o.commutator = oid;
        }
        if o.oid == negator && o.negator == 0 {
            o.negator = oid;
        }
        cx.tx.put_operator(o).await?;
    }
    Ok(())
}

/// Attributes CREATE OPERATOR knows.
const KNOWN: &[&str] = &[
    "leftarg",
    "rightarg",
    "function",
    "procedure",
    "commutator",
    "negator",
    "restrict",
    "join",
    "hashes",
    "merges",
    "sort1",
    "sort2",
    "ltcmp",
    "gtcmp",
];

/// Attributes of old that CREATE OPERATOR takes and ALTER OPERATOR does not know.
const OBSOLETE: &[&str] = &["sort1", "sort2", "ltcmp", "gtcmp"];

fn types_of(cx: &DdlCx<'_>, l: Option<&TypeName>, r: Option<&TypeName>) -> Result<(u32, u32)> {
    let of = |t: Option<&TypeName>| match t {
        Some(t) => cx.binder(|b| b.type_name(t)).map(|t| t.oid).map_err(|mut e| {
            if let Some(f) = e.fields.as_mut().filter(|_| super::no_such_type(e.code)) {
                f.position = None;
            }
            e
        }),
        None => Ok(0),
    };
    Ok((of(l)?, of(r)?))
}

pub(super) fn missing(n: &Name, l: u32, r: u32) -> DbError {
    let shown = if r == 0 {
        format!("{} {}", format_type(l, -1), n.plain())
    } else if l == 0 {
        format!("{} {}", n.plain(), format_type(r, -1))
    } else {
        format!("{} {} {}", format_type(l, -1), n.plain(), format_type(r, -1))
    };
    err(SqlState::UNDEFINED_FUNCTION, format!("operator does not exist: {shown}"))
}

/// A user's operator that a statement names, which the role owns.
fn open(cx: &DdlCx<'_>, o: &ObjectRef) -> Result<Option<u32>> {
    let ObjectRef::Operator(n, l, r) = o else { return Err(DbError::internal("an operator without a name")) };
    if r.is_none() {
        return Err(err(SqlState::SYNTAX_ERROR, "postfix operators are not supported"));
    }
    let (l, r) = types_of(cx, l.as_ref(), r.as_ref())?;
    let Some(found) = exact(cx, n, l, r)? else { return Ok(None) };
    match cx.tx.catalog.operators.get(&found.oid) {
        Some(o) => {
            cx.check_owner(o.owner, "operator", &o.name)?;
            Ok(Some(o.oid))
        }
        None => Err(err(
            SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
            format!(
                "cannot drop operator {}({},{}) because it is required by the database system",
                found.oprname,
                if l == 0 { "NONE".to_owned() } else { format_type(l, -1) },
                format_type(r, -1)
            ),
        )),
    }
}

/// The operator that an ALTER names: one of a user's, which the role owns.
fn named(cx: &DdlCx<'_>, o: &ObjectRef) -> Result<UserOperator> {
    let ObjectRef::Operator(n, l, r) = o else { return Err(DbError::internal("an operator without a name")) };
    let (l, r) = types_of(cx, l.as_ref(), r.as_ref())?;
    let Some(found) = exact(cx, n, l, r)? else { return Err(missing(n, l, r)) };
    let Some(o) = cx.tx.catalog.operators.get(&found.oid) else {
        return Err(DbError::unsupported("changing a built-in operator is not supported"));
    };
    cx.check_owner(o.owner, "operator", &o.name)?;
    Ok((**o).clone())
}

/// ALTER OPERATOR … SET.
pub async fn alter(cx: &mut DdlCx<'_>, s: &ast::AlterOperator) -> Result<()> {
    let ObjectRef::Operator(n, l, r) = &s.object else { return Err(DbError::internal("an operator without a name")) };
    let (left, right) = types_of(cx, l.as_ref(), r.as_ref())?;
    let Some(found) = exact(cx, n, left, right)? else { return Err(missing(n, left, right)) };
    let (mut rest, mut join) = (None, None);
    for o in &s.options {
        match o.name.value.as_str() {
            "restrict" => rest = Some(o),
            "join" => join = Some(o),
            fixed if KNOWN.contains(&fixed) && !OBSOLETE.contains(&fixed) => {
                return Err(err(SqlState::SYNTAX_ERROR, format!("operator attribute \"{fixed}\" cannot be changed")));
            }
            other => {
                return Err(err(SqlState::SYNTAX_ERROR, format!("operator attribute \"{other}\" not recognized")));
            }
        }
    }
    let mut o = named(cx, &s.object)?;
    // NONE is an attribute without a value.
    let given = |o: Option<&'_ DefOption>| o.is_some_and(|o| o.value.is_some());
    if let Some(r) = rest {
        o.estimators.0 = if given(rest) { estimator(Some(r), false)? } else { 0 };
    }
    if let Some(j) = join {
        o.estimators.1 = if given(join) { estimator(Some(j), true)? } else { 0 };
    }
    if found.oprleft == 0 && given(join) {
        return Err(bad("only binary operators can have join selectivity"));
    }
    if found.oprresult != oid::BOOL {
        for (there, what) in [(given(rest), "have restriction selectivity"), (given(join), "have join selectivity")] {
            if there {
                return Err(bad(format!("only boolean operators can {what}")));
            }
        }
    }
    cx.tx.put_operator(o).await
}

/// ALTER OPERATOR … OWNER TO.
pub async fn owner(cx: &mut DdlCx<'_>, s: &ast::AlterOwner) -> Result<String> {
    let o = named(cx, &s.object)?;
    let role = cx.role_of(&s.owner)?;
    if role != o.owner {
        super::owned::check_new_owner(cx, role, Some(o.namespace))?;
        cx.tx.put_operator(UserOperator { owner: role, ..o }).await?;
    }
    Ok("ALTER OPERATOR".into())
}

/// ALTER OPERATOR … SET SCHEMA.
pub async fn set_schema(cx: &mut DdlCx<'_>, s: &ast::AlterObjectSchema) -> Result<String> {
    let o = named(cx, &s.object)?;
    let ns = cx.need_schema_named(&s.schema.value)?;
    if ns != o.namespace {
        cx.check_create_in(ns, &o.name)?;
        let there = cx.tx.catalog.operators_in(ns, &o.name);
        if there.iter().any(|x| x.left == o.left && x.right == o.right) {
            let text = format!("operator {} already exists in schema \"{}\"", o.name, s.schema.value);
            return Err(err(SqlState::DUPLICATE_FUNCTION, text));
        }
        cx.tx.put_operator(UserOperator { namespace: ns, ..o }).await?;
    }
    Ok("ALTER OPERATOR".into())
}

/// DROP OPERATOR.
pub async fn drop(cx: &mut DdlCx<'_>, s: &ast::Drop) -> Result<()> {
    let mut named = Vec::new();
    for o in &s.objects {
        let ObjectRef::Operator(n, l, r) = o else { return Err(DbError::internal("an operator without a name")) };
        if s.if_exists {
            let skip = if let Some(sc) = n.schema.as_ref().filter(|sc| cx.schema_named(&sc.value).is_none()) {
                Some(format!("schema \"{}\" does not exist, skipping", sc.value))
            } else if let Some(t) = [l, r].into_iter().flatten().find(|t| cx.binder(|b| b.type_name(t)).is_err()) {
                Some(match &t.name.schema {
                    Some(sc) if cx.schema_named(&sc.value).is_none() => {
                        format!("schema \"{}\" does not exist, skipping", sc.value)
                    }
                    _ => format!("type \"{}\" does not exist, skipping", t.name.plain()),
                })
            } else if open(cx, o)?.is_none() {
                Some(format!("operator {} does not exist, skipping", n.plain()))
            } else {
                None
            };
            if let Some(m) = skip {
                cx.notice(err(SqlState::SUCCESSFUL_COMPLETION, m));
                continue;
            }
        }
        let Some(oid) = open(cx, o)? else {
            let (l, r) = types_of(cx, l.as_ref(), r.as_ref())?;
            return Err(missing(n, l, r));
        };
        let o = Object::Operator(oid);
        if !named.contains(&o) {
            named.push(o);
        }
    }
    super::drop::drop_named(cx, &named, s.cascade).await
}

/// COMMENT ON OPERATOR.
pub async fn comment(cx: &mut DdlCx<'_>, o: &ObjectRef, text: Option<&str>) -> Result<()> {
    let Some(oid) = open(cx, o)? else {
        let ObjectRef::Operator(n, l, r) = o else { return Err(DbError::internal("an operator without a name")) };
        let (l, r) = types_of(cx, l.as_ref(), r.as_ref())?;
        return Err(missing(n, l, r));
    };
    super::comment::write(cx, oid, PG_OPERATOR, 0, text).await
}

/// How messages about dependencies call an operator.
pub fn describe(cx: &DdlCx<'_>, oid: u32) -> String {
    match cx.tx.catalog.operators.get(&oid) {
        Some(o) => describe_in(cx, &cx.tx.catalog, o),
        None => format!("operator {oid}"),
    }
}

/// The same of an operator of any database's catalog.
pub fn describe_in(cx: &DdlCx<'_>, cat: &Catalog, o: &UserOperator) -> String {
    let arg = |t: u32| if t == 0 { "NONE".to_owned() } else { format_type(t, -1) };
    let name = if cx.search_path.contains(&o.namespace) {
        o.name.clone()
    } else {
        let schema = cat.namespaces.get(&o.namespace).map(|n| n.name.clone()).unwrap_or_default();
        format!("{}.{}", ast::quote_ident(&schema), o.name)
    };
    format!("operator {name}({},{})", arg(o.left), arg(o.right))
}
