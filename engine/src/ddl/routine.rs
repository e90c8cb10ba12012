//! Functions, procedures and aggregates as other statements name them: finding one by its signature, DROP, ALTER, COMMENT.

use super::drop::Object;
use super::{DdlCx, err, function};
use crate::bind::types as bind_types;
use crate::catalog::Catalog;
use crate::catalog::routines::Routine;
use crate::catalog::rows::table;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, Name, ObjectKind, ObjectRef, RoutineArg, TableLockMode, TypeName};
use rustydb_types::pgdata::Proc;
use rustydb_types::typename::format_type;
use std::sync::Arc;

/// A type's name as syntax.
pub fn plain_type(n: &Name) -> TypeName {
    TypeName { name: n.clone(), mods: Vec::new(), dims: Vec::new(), setof: false, pct_type: false }
}

/// Whether ALTER and DROP of a kind are about routines.
pub fn is_routine(kind: ObjectKind) -> bool {
    matches!(kind, ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Routine | ObjectKind::Aggregate)
}

/// What messages call the kind.
fn word(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Procedure => "procedure",
        ObjectKind::Aggregate => "aggregate",
        ObjectKind::Routine => "routine",
        _ => "function",
    }
}

fn shown_types(types: &[u32]) -> String {
    types.iter().map(|t| format_type(*t, -1)).collect::<Vec<_>>().join(", ")
}

/// Types of a signature as written: of all parameters, and of the inputs.
fn written(cx: &DdlCx<'_>, args: &[RoutineArg]) -> Result<(Vec<u32>, Vec<u32>)> {
    let (mut all, mut inputs) = (Vec::with_capacity(args.len()), Vec::new());
    for a in args {
        let ty = cx.binder(|b| b.type_name(&a.ty)).map_err(|mut e| {
            if let Some(f) = e.fields.as_mut().filter(|_| super::no_such_type(e.code)) {
                f.position = None;
            }
            e
        })?;
        all.push(ty.oid);
        if a.mode != Some("out") {
            inputs.push(ty.oid);
        }
    }
    Ok((all, inputs))
}

/// The routine of a signature; `None` if there is none.
fn lookup(cx: &DdlCx<'_>, kind: ObjectKind, n: &Name, args: Option<&[RoutineArg]>) -> Result<Option<&'static Proc>> {
    let name = n.name.value.as_str();
    let namespaces: Vec<u32> = match &n.schema {
        Some(s) => vec![cx.need_schema_named(&s.value)?],
        None => cx.search_path.clone(),
    };
    let cat = cx.cat();
    let candidates: Vec<&'static Proc> = namespaces.iter().flat_map(|ns| cat.procs_in(*ns, name)).collect();
    let of_kind = |p: &&'static Proc| match kind {
        ObjectKind::Function => p.prokind != 'p',
        ObjectKind::Procedure => p.prokind == 'p',
        ObjectKind::Aggregate => p.prokind == 'a',
        _ => true,
    };
    let Some(args) = args else {
        let fitting: Vec<&'static Proc> = candidates.iter().copied().filter(of_kind).collect();
        return match (fitting.as_slice(), candidates.as_slice()) {
            ([one], _) => Ok(Some(*one)),
            ([], [other, ..]) => Err(wrong_kind(kind, other)),
            ([], []) => Ok(None),
            _ => {
                let w = if kind == ObjectKind::Function { "function" } else { word(kind) };
                Err(err(SqlState::AMBIGUOUS_FUNCTION, format!("{w} name \"{}\" is not unique", n.plain()))
                    .hint(format!("Specify the argument list to select the {w} unambiguously.")))
            }
        };
    };
    let (all, inputs) = written(cx, args)?;
    let by_inputs = candidates.iter().copied().filter(|p| *p.proargtypes == *inputs);
    let has_modes = args.iter().any(|a| a.mode.is_some());
    // A procedure's output parameters are part of its signature.
    let by_all = candidates
        .iter()
        .copied()
        .filter(|p| p.prokind == 'p' && !has_modes && p.proallargtypes.as_deref().is_some_and(|t| *t == *all));
    let mut found: Vec<&'static Proc> = by_inputs.chain(by_all).collect();
    if let Some(i) = found.iter().position(of_kind) {
        let one = found.swap_remove(i);
        if kind != ObjectKind::Function && found.iter().any(|p| of_kind(p) && p.oid != one.oid) {
            let m = format!("{} name \"{}\" is not unique", word(kind), n.plain());
            return Err(err(SqlState::AMBIGUOUS_FUNCTION, m));
        }
        return Ok(Some(one));
    }
    match found.first() {
        Some(p) => Err(wrong_kind(kind, p)),
        None => Ok(None),
    }
}

fn wrong_kind(kind: ObjectKind, p: &Proc) -> DbError {
    let shown = format!("{}({})", p.proname, shown_types(&p.proargtypes));
    err(
        SqlState::WRONG_OBJECT_TYPE,
        match kind {
            ObjectKind::Aggregate => format!("function {shown} is not an aggregate"),
            ObjectKind::Procedure => format!("{shown} is not a procedure"),
            _ => format!("{shown} is not a function"),
        },
    )
}

fn missing(cx: &DdlCx<'_>, kind: ObjectKind, n: &Name, args: Option<&[RoutineArg]>) -> DbError {
    let w = if kind == ObjectKind::Routine { "function" } else { word(kind) };
    let article = if kind == ObjectKind::Aggregate { "an" } else { "a" };
    err(
        SqlState::UNDEFINED_FUNCTION,
        match args {
            None => format!("could not find {article} {w} named \"{}\"", n.plain()),
            Some([]) if kind == ObjectKind::Aggregate => format!("aggregate {}(*) does not exist", n.plain()),
            Some(args) => {
                let types = written(cx, args).map(|t| shown_types(&t.1)).unwrap_or_default();
                format!("{w} {}({types}) does not exist", n.plain())
            }
        },
    )
}

/// The function of a signature: OID and name.
///
/// # Errors
/// 42883 when there is none, 42725 when a name without arguments has several, 42809 for the wrong kind.
pub fn find(cx: &DdlCx<'_>, kind: ObjectKind, n: &Name, args: Option<&[RoutineArg]>) -> Result<(u32, String)> {
    let found = lookup(cx, kind, n, args)?.ok_or_else(|| missing(cx, kind, n, args))?;
    Ok((found.oid, found.proname.to_owned()))
}

/// A user's routine that the role owns, locked.
pub(super) async fn open(cx: &mut DdlCx<'_>, kind: ObjectKind, o: &ObjectRef) -> Result<Arc<Routine>> {
    let ObjectRef::Routine(n, args) = o else { return Err(DbError::internal("a routine without a name")) };
    let found = lookup(cx, kind, n, args.as_deref())?.ok_or_else(|| missing(cx, kind, n, args.as_deref()))?;
    let Some(r) = cx.tx.catalog.routines.get(&found.oid).cloned() else {
        if cx.is_superuser() {
            return Err(err(
                SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
                format!(
                    "cannot drop function {}({}) because it is required by the database system",
                    found.proname,
                    found.proargtypes.iter().map(|t| format_type(*t, -1)).collect::<Vec<_>>().join(",")
                ),
            ));
        }
        return Err(crate::acl::check::not_owner(word(kind), found.proname));
    };
    cx.check_owner(r.owner, if r.kind == 'p' { "procedure" } else { r.word() }, &r.name)?;
    cx.lock(r.oid, TableLockMode::AccessExclusive).await?;
    cx.tx.catalog.routines.get(&r.oid).cloned().ok_or_else(|| missing(cx, kind, n, args.as_deref()))
}

/// A type as the grammar has understood it.
fn grammar_name(t: &TypeName) -> String {
    let dims = if t.dims.is_empty() { "" } else { "[]" };
    format!("{}{dims}", t.name.plain())
}

/// What IF EXISTS says about a routine that is not there.
fn skipped(cx: &DdlCx<'_>, kind: ObjectKind, n: &Name, args: Option<&[RoutineArg]>) -> String {
    if let Some(s) = n.schema.as_ref().filter(|s| cx.schema_named(&s.value).is_none()) {
        return format!("schema \"{}\" does not exist, skipping", s.value);
    }
    for a in args.unwrap_or_default() {
        if let Some(s) = a.ty.name.schema.as_ref().filter(|s| cx.schema_named(&s.value).is_none()) {
            return format!("schema \"{}\" does not exist, skipping", s.value);
        }
        if cx.binder(|b| b.type_name(&TypeName { setof: false, ..a.ty.clone() })).is_err() {
            return format!("type \"{}\" does not exist, skipping", grammar_name(&a.ty));
        }
    }
    let w = word(kind);
    match args {
        None if kind == ObjectKind::Aggregate => format!("aggregate {}() does not exist, skipping", n.plain()),
        None => format!("{w} {}() does not exist, skipping", n.plain()),
        Some(args) => {
            let types: Vec<String> = args.iter().map(|a| grammar_name(&a.ty)).collect();
            format!("{w} {}({}) does not exist, skipping", n.plain(), types.join(","))
        }
    }
}

/// DROP FUNCTION, PROCEDURE, ROUTINE, AGGREGATE.
pub async fn drop(cx: &mut DdlCx<'_>, s: &ast::Drop) -> Result<()> {
    let mut named = Vec::new();
    for o in &s.objects {
        let ObjectRef::Routine(n, args) = o else { return Err(DbError::internal("a routine without a name")) };
        let args = args.as_deref();
        if s.if_exists {
            let there = match (&n.schema, args) {
                (Some(sc), _) if cx.schema_named(&sc.value).is_none() => false,
                (_, Some(list)) if written(cx, list).is_err() => false,
                _ => lookup(cx, s.kind, n, args)?.is_some(),
            };
            if !there {
                let m = skipped(cx, s.kind, n, args);
                cx.notice(err(SqlState::SUCCESSFUL_COMPLETION, m));
                continue;
            }
        }
        let r = open(cx, s.kind, o).await?;
        if s.kind == ObjectKind::Function && r.kind == 'a' {
            return Err(err(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is an aggregate function", r.name))
                .hint("Use DROP AGGREGATE to drop aggregate functions."));
        }
        let o = Object::Routine(r.oid);
        if !named.contains(&o) {
            named.push(o);
        }
    }
    super::drop::drop_named(cx, &named, s.cascade).await
}

/// ALTER … RENAME TO.
pub async fn rename(cx: &mut DdlCx<'_>, s: &ast::Rename) -> Result<String> {
    let r = open(cx, s.kind, &s.object).await?;
    let to = s.to.value.clone();
    free(cx, &r, r.namespace, &to)?;
    cx.check_create_in(r.namespace, &to)?;
    cx.tx.put_routine(Routine { name: to, ..(*r).clone() }).await?;
    Ok(format!("ALTER {}", s.kind.sql()))
}

/// 42723 if another routine has the name and the arguments.
pub(super) fn free(cx: &DdlCx<'_>, r: &Routine, ns: u32, name: &str) -> Result<()> {
    let inputs = r.input_types();
    if cx.tx.catalog.routine_exact(ns, name, &inputs).is_none() {
        return Ok(());
    }
    Err(err(
        SqlState::DUPLICATE_FUNCTION,
        format!("function {name}({}) already exists in schema \"{}\"", shown_types(&inputs), cx.namespace_name(ns)),
    ))
}

/// ALTER … OWNER TO.
pub async fn owner(cx: &mut DdlCx<'_>, s: &ast::AlterOwner) -> Result<String> {
    let r = open(cx, s.kind, &s.object).await?;
    let role = cx.role_of(&s.owner)?;
    if role != cx.role && !cx.is_superuser() {
        if !crate::acl::membership::is_member_of(&cx.tx.catalog, cx.role, role) {
            let to = cx.tx.catalog.roles.get(&role).map(|r| r.name.clone()).unwrap_or_default();
            return Err(err(SqlState::INSUFFICIENT_PRIVILEGE, format!("must be member of role \"{to}\"")));
        }
        crate::acl::check::need_schema(&cx.tx.catalog, r.namespace, role, crate::acl::privs::CREATE)?;
    }
    let acl = r.acl.as_ref().map(|a| a.with_owner(r.owner, role));
    cx.tx.put_routine(Routine { owner: role, acl, ..(*r).clone() }).await?;
    Ok(format!("ALTER {}", s.kind.sql()))
}

/// ALTER … SET SCHEMA.
pub async fn set_schema(cx: &mut DdlCx<'_>, s: &ast::AlterObjectSchema) -> Result<String> {
    let r = open(cx, s.kind, &s.object).await?;
    let ns = cx.need_schema_named(&s.schema.value)?;
    if ns != r.namespace {
        cx.check_create_in(ns, &r.name)?;
        free(cx, &r, ns, &r.name)?;
        cx.tx.put_routine(Routine { namespace: ns, ..(*r).clone() }).await?;
    }
    Ok(format!("ALTER {}", s.kind.sql()))
}

/// ALTER FUNCTION and its kin with options.
pub async fn alter(cx: &mut DdlCx<'_>, s: &ast::AlterRoutine) -> Result<String> {
    let r = open(cx, s.kind, &s.object).await?;
    if r.kind == 'a' {
        return Err(err(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is an aggregate function", r.name)));
    }
    let o = function::options(cx, &s.options, r.kind == 'p')?;
    if o.leakproof == Some(true) && !cx.is_superuser() {
        return Err(err(SqlState::INSUFFICIENT_PRIVILEGE, "only superuser can define a leakproof function"));
    }
    if o.rows.is_some() && !r.returns_set {
        return Err(err(
            SqlState::INVALID_PARAMETER_VALUE,
            "ROWS is not applicable when function does not return a set",
        ));
    }
    let mut new = (*r).clone();
    new.volatility = o.volatility.unwrap_or(new.volatility);
    new.strict = o.strict.unwrap_or(new.strict);
    new.security_definer = o.definer.unwrap_or(new.security_definer);
    new.leakproof = o.leakproof.unwrap_or(new.leakproof);
    new.parallel = o.parallel.unwrap_or(new.parallel);
    new.cost = o.cost.unwrap_or(new.cost);
    new.rows = o.rows.unwrap_or(new.rows);
    function::apply_sets(cx, &o, &mut new.config)?;
    cx.tx.put_routine(new).await?;
    Ok(format!("ALTER {}", s.kind.sql()))
}

/// COMMENT ON.
pub async fn comment(cx: &mut DdlCx<'_>, kind: ObjectKind, o: &ObjectRef, text: Option<&str>) -> Result<()> {
    let r = open(cx, kind, o).await?;
    super::comment::write(cx, r.oid, table::PG_PROC, 0, text).await
}

/// How messages about dependencies call a routine.
pub fn describe(cx: &DdlCx<'_>, oid: u32) -> String {
    match cx.tx.catalog.routines.get(&oid) {
        Some(r) => describe_in(cx, &cx.tx.catalog, r),
        None => format!("function {oid}"),
    }
}

/// The same of a routine of any database's catalog.
pub fn describe_in(cx: &DdlCx<'_>, cat: &Catalog, r: &Routine) -> String {
    let visible = cx.search_path.contains(&r.namespace);
    let name = ast::quote_ident(&r.name).to_string();
    let name = if visible {
        name
    } else {
        let schema = cat.namespaces.get(&r.namespace).map(|n| n.name.clone()).unwrap_or_default();
        format!("{}.{name}", ast::quote_ident(&schema))
    };
    let types: Vec<String> = r.input_types().iter().map(|t| format_type(*t, -1)).collect();
    // PostgreSQL calls aggregates and procedures functions here, too.
    format!("function {name}({})", types.join(","))
}

/// Whether a routine's signature names a type (or an array of it).
pub fn uses_type(r: &Routine, types: &[u32]) -> bool {
    let hit = |t: u32| types.contains(&t) || bind_types::element_of(t).is_some_and(|e| types.contains(&e));
    hit(r.result) || r.params.iter().any(|p| hit(p.ty)) || r.aggregate.as_ref().is_some_and(|a| hit(a.state))
}
