//! CREATE FUNCTION and CREATE PROCEDURE.
//!
//! The definition is checked as PostgreSQL checks it: signature, options, then (unless `check_function_bodies` is off) the
//! body, which is bound with the declared types. Functions of polymorphic arguments are only parsed: what they mean is
//! known when they are called.

use super::{DdlCx, column, err};
use crate::acl::{Mask, check, privs};
use crate::bind::Binder;
use crate::bind::define::Defining;
use crate::bind::resolve::{Coercion, is_polymorphic};
use crate::bind::routine::{Body, of_standard, statements};
use crate::bind::types as bind_types;
use crate::catalog::routines::{INTERNAL, Param, Routine, SQL};
use crate::catalog::rows::{EXPR_SEPARATOR, table};
use crate::exec::df::is_window_function;
use crate::session::function::{in_body, within};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, CreateRoutine, RoutineOption, RoutineOptionKind, RoutineReturns, SetAction, TypeName};
use rustydb_types::datum::TypeRef;
use rustydb_types::typename::format_type;
use rustydb_types::{oid, pgdata, registry, usertype};

/// 42P13.
fn bad(m: impl Into<String>) -> DbError {
    err(SqlState::INVALID_FUNCTION_DEFINITION, m)
}

/// What the options of CREATE and ALTER say.
#[derive(Default)]
pub struct Options {
    language: Option<String>,
    /// `provolatile`.
    pub volatility: Option<char>,
    /// STRICT.
    pub strict: Option<bool>,
    /// SECURITY DEFINER.
    pub definer: Option<bool>,
    /// LEAKPROOF.
    pub leakproof: Option<bool>,
    /// `proparallel`.
    pub parallel: Option<char>,
    /// COST.
    pub cost: Option<f32>,
    /// ROWS.
    pub rows: Option<f32>,
    /// WINDOW.
    window: Option<()>,
    strings: Option<(Vec<String>, Option<u32>)>,
    sets: Vec<ast::Set>,
}

/// Reads options; one that comes twice is an error.
pub fn options(cx: &DdlCx<'_>, list: &[RoutineOption], procedure: bool) -> Result<Options> {
    use RoutineOptionKind as O;
    let mut out = Options::default();
    for o in list {
        let at = cx.pos(o.pos);
        let twice = || err(SqlState::SYNTAX_ERROR, "conflicting or redundant options").at(at);
        fn once<T>(slot: &mut Option<T>, v: T, twice: &dyn Fn() -> DbError) -> Result<()> {
            if slot.replace(v).is_some() { Err(twice()) } else { Ok(()) }
        }
        let not_for_procedures = || bad("invalid attribute in procedure definition").at(at);
        if procedure
            && matches!(
                o.kind,
                O::Volatility(_)
                    | O::Strict(_)
                    | O::Leakproof(_)
                    | O::Parallel(_)
                    | O::Cost(_)
                    | O::Rows(_)
                    | O::Support(_)
                    | O::Window
            )
        {
            return Err(not_for_procedures());
        }
        match &o.kind {
            O::Language(l) => once(&mut out.language, l.clone(), &twice)?,
            O::Volatility(v) => once(&mut out.volatility, *v, &twice)?,
            O::Strict(v) => once(&mut out.strict, *v, &twice)?,
            O::SecurityDefiner(v) => once(&mut out.definer, *v, &twice)?,
            O::Leakproof(v) => once(&mut out.leakproof, *v, &twice)?,
            O::Parallel(p) => {
                let letter = match p.as_str() {
                    "safe" => 's',
                    "unsafe" => 'u',
                    "restricted" => 'r',
                    _ => {
                        return Err(err(
                            SqlState::SYNTAX_ERROR,
                            "parameter \"parallel\" must be SAFE, RESTRICTED, or UNSAFE",
                        ));
                    }
                };
                once(&mut out.parallel, letter, &twice)?;
            }
            O::Cost(n) => {
                let v: f32 = n.parse().unwrap_or(0.0);
                if v <= 0.0 {
                    return Err(err(SqlState::INVALID_PARAMETER_VALUE, "COST must be positive"));
                }
                once(&mut out.cost, v, &twice)?;
            }
            O::Rows(n) => {
                let v: f32 = n.parse().unwrap_or(0.0);
                if v <= 0.0 {
                    return Err(err(SqlState::INVALID_PARAMETER_VALUE, "ROWS must be positive"));
                }
                once(&mut out.rows, v, &twice)?;
            }
            O::Support(_) => return Err(DbError::unsupported("planner support functions are not supported yet")),
            O::Window => once(&mut out.window, (), &twice)?,
            O::Transform => return Err(DbError::unsupported("TRANSFORM is not supported yet")),
            O::Set(s) => out.sets.push(s.clone()),
            O::As(strings, at) => once(&mut out.strings, (strings.clone(), *at), &twice)?,
        }
    }
    Ok(out)
}

/// Applies SET and RESET to a routine's settings.
pub fn apply_sets(cx: &DdlCx<'_>, o: &Options, config: &mut Vec<(String, String)>) -> Result<()> {
    for s in &o.sets {
        let (name, value) = match &s.action {
            SetAction::Value(n, v) => {
                let text: Vec<&str> = v.iter().map(|v| v.text()).collect();
                (n.clone(), Some(text.join(", ")))
            }
            SetAction::Default(n) => (n.clone(), None),
            SetAction::FromCurrent(n) => (n.clone(), cx.eval.session.setting(n)),
            SetAction::ResetAll => {
                config.clear();
                continue;
            }
            _ => return Err(DbError::unsupported("this SET in a function's definition is not supported yet")),
        };
        let name = name.to_ascii_lowercase();
        if cx.eval.session.setting(&name).is_none() {
            return Err(err(SqlState::UNDEFINED_OBJECT, format!("unrecognized configuration parameter \"{name}\"")));
        }
        config.retain(|c| c.0 != name);
        config.extend(value.map(|v| (name, v)));
    }
    Ok(())
}

/// A language by name, which the role may use.
fn language(cx: &DdlCx<'_>, name: &str) -> Result<u32> {
    let name = name.to_ascii_lowercase();
    let found = pgdata::languages().iter().find(|l| l.lanname == name);
    let Some(l) = found else {
        return Err(err(SqlState::UNDEFINED_OBJECT, format!("language \"{name}\" does not exist")));
    };
    let cat = &cx.tx.catalog;
    let denied = || check::denied("language", l.lanname);
    if l.lanpltrusted {
        let wanted = Mask::of(privs::USAGE);
        if check::on_object(cat, table::PG_LANGUAGE, l.oid, cx.role, wanted).privs == 0 {
            return Err(denied());
        }
    } else if !check::is_superuser(cat, cx.role) {
        return Err(denied());
    }
    if l.oid != SQL && l.oid != INTERNAL {
        return Err(DbError::unsupported(format!("functions in language {} are not supported yet", l.lanname)));
    }
    Ok(l.oid)
}

/// Parameters and results may be of types that are only shells, unless the language has to know their values.
fn shell_of(cx: &mut DdlCx<'_>, t: &TypeName, language: u32, what: &str) -> Result<Option<TypeRef>> {
    let found = bind_types::find(&cx.tx.catalog, &cx.search_path, &t.name).filter(|o| usertype::is_shell(*o));
    let Some(oid) = found.filter(|_| !t.pct_type && t.dims.is_empty()) else { return Ok(None) };
    if !t.mods.is_empty() {
        let text = format!("type modifier cannot be specified for shell type \"{}\"", t.name.plain());
        return Err(err(SqlState::SYNTAX_ERROR, text));
    }
    if language == SQL {
        let does = if what == "return" { "return" } else { "accept" };
        return Err(bad(format!("SQL function cannot {does} shell type {}", t.name.plain())));
    }
    let text = format!("{what} type {} is only a shell", t.name.plain());
    cx.notice(err(SqlState::WRONG_OBJECT_TYPE, text));
    Ok(Some(TypeRef::new(oid)))
}

/// The type of a result: one that is not there yet becomes a shell, if the language is not to know its values.
async fn result_type(cx: &mut DdlCx<'_>, t: &TypeName, language: u32) -> Result<TypeRef> {
    if let Some(ty) = shell_of(cx, t, language, "return")? {
        return Ok(ty);
    }
    let plain = !t.pct_type && t.dims.is_empty() && t.mods.is_empty();
    if language != INTERNAL || !plain || bind_types::find(&cx.tx.catalog, &cx.search_path, &t.name).is_some() {
        return type_of(cx, t);
    }
    let text = format!("type \"{}\" is not yet defined", t.name.plain());
    cx.notice(err(SqlState::UNDEFINED_OBJECT, text).detail("Creating a shell type definition."));
    super::types::shell(cx, &t.name).await.map(TypeRef::new)
}

/// A type as parameters and results name it: SETOF is told apart, `%TYPE` is looked up.
pub fn type_of(cx: &mut DdlCx<'_>, t: &TypeName) -> Result<TypeRef> {
    if t.pct_type {
        return column_type(cx, t);
    }
    let plain = TypeName { setof: false, ..t.clone() };
    cx.binder(|b| b.type_name(&plain)).map_err(|mut e| {
        // PostgreSQL names no place here.
        if let Some(f) = e.fields.as_mut().filter(|_| super::no_such_type(e.code)) {
            f.position = None;
        }
        e
    })
}

/// `table.column%TYPE`.
fn column_type(cx: &mut DdlCx<'_>, t: &TypeName) -> Result<TypeRef> {
    let (Some(last), column) = (&t.name.schema, &t.name.name) else {
        return Err(err(
            SqlState::SYNTAX_ERROR,
            format!("improper %TYPE reference (too few dotted names): {}", t.name.plain()),
        ));
    };
    let relation = ast::Name { catalog: None, schema: t.name.catalog.clone(), name: last.clone() };
    let rel = cx.binder(|b| b.relation(&relation))?;
    let found = rel.column(&column.value).map(|c| c.ty);
    let ty = found.ok_or_else(|| {
        err(
            SqlState::UNDEFINED_COLUMN,
            format!("column \"{}\" of relation \"{}\" does not exist", column.value, rel.name),
        )
    })?;
    cx.notice(err(
        SqlState::SUCCESSFUL_COMPLETION,
        format!("type reference {}%TYPE converted to {}", t.name.plain(), format_type(ty.oid, -1)),
    ));
    Ok(ty)
}

/// The parameters of CREATE FUNCTION, and of RETURNS TABLE.
fn parameters(cx: &mut DdlCx<'_>, s: &CreateRoutine, language: u32) -> Result<Vec<Param>> {
    let mut out: Vec<Param> = Vec::with_capacity(s.params.len());
    let mut had_default = false;
    let mut variadic = false;
    for p in &s.params {
        if p.ty.setof {
            return Err(bad(if s.procedure {
                "procedures cannot accept set arguments"
            } else {
                "functions cannot accept set arguments"
            }));
        }
        let ty = match shell_of(cx, &p.ty, language, "argument")? {
            Some(shell) => shell,
            None => type_of(cx, &p.ty).map_err(|mut e| {
                // Of parameters PostgreSQL names the type without quotes.
                if e.code == SqlState::UNDEFINED_OBJECT && e.message.starts_with("type \"") {
                    let dims = if p.ty.dims.is_empty() { "" } else { "[]" };
                    e.message = format!("type {}{dims} does not exist", p.ty.name.plain()).into();
                }
                e
            })?,
        };
        check::need_type(&cx.tx.catalog, ty.oid, cx.role)?;
        let mode = match p.mode {
            None | Some("in") => 'i',
            Some("out") => 'o',
            Some("inout") => 'b',
            _ => 'v',
        };
        if mode != 'o' {
            if variadic {
                return Err(bad("VARIADIC parameter must be the last input parameter"));
            }
        } else if s.procedure && had_default {
            return Err(bad("procedure OUT parameters cannot appear after one with a default value"));
        } else if s.procedure && variadic {
            return Err(bad("VARIADIC parameter must be the last parameter"));
        }
        if mode == 'v' {
            variadic = true;
            let fits = matches!(ty.oid, oid::ANY | oid::ANYARRAY | oid::ANYCOMPATIBLEARRAY)
                || oid::array_element(ty.oid).is_some();
            if !fits {
                return Err(bad("VARIADIC parameter must be an array"));
            }
        }
        let name = p.name.as_ref().map(|n| n.value.clone()).unwrap_or_default();
        let clash = |o: &Param| {
            // An input and a pure output parameter may share a name.
            let apart =
                (o.mode == 'i' || o.mode == 'v') && mode == 'o' || o.mode == 'o' && (mode == 'i' || mode == 'v');
            o.name == name && !apart
        };
        if !name.is_empty() && out.iter().any(clash) {
            return Err(bad(format!("parameter name \"{name}\" used more than once")));
        }
        let default = match &p.default {
            Some(_) if mode == 'o' => return Err(bad("only input parameters can have default values")),
            Some(e) => Some(default(cx, ty, e)?),
            None if had_default && mode != 'o' => {
                return Err(bad("input parameters after one with a default value must also have defaults"));
            }
            None => None,
        };
        had_default |= default.is_some();
        out.push(Param { name, mode, ty: ty.oid, default });
    }
    if let Some(RoutineReturns::Table(columns)) = &s.returns {
        if let Some(p) = s.params.iter().find(|p| matches!(p.mode, Some("out" | "inout"))) {
            let at = cx.pos(p.ty.name.pos());
            return Err(err(SqlState::SYNTAX_ERROR, "OUT and INOUT arguments aren't allowed in TABLE functions").at(at));
        }
        for (name, ty) in columns {
            let ty = type_of(cx, ty)?;
            check::need_type(&cx.tx.catalog, ty.oid, cx.role)?;
            if out.iter().any(|p| p.name == name.value && !matches!(p.mode, 'i' | 'v')) {
                return Err(bad(format!("parameter name \"{}\" used more than once", name.value)));
            }
            out.push(Param { name: name.value.clone(), mode: 't', ty: ty.oid, default: None });
        }
    }
    if out.iter().filter(|p| p.is_input()).count() > 100 {
        return Err(err(SqlState::TOO_MANY_ARGUMENTS, "functions cannot have more than 100 arguments"));
    }
    Ok(out)
}

/// The kept text of a parameter's default.
fn default(cx: &DdlCx<'_>, ty: TypeRef, e: &ast::Expr) -> Result<String> {
    cx.binder(|b| {
        let bound = b.defining(e, None, Defining::Default).map_err(|mut x| {
            if x.message.starts_with("cannot use column reference") {
                x.code = SqlState::INVALID_COLUMN_REFERENCE;
                x.message = "cannot use table references in parameter default value".into();
            }
            x
        })?;
        if is_polymorphic(ty.oid) {
            let bound = b.default_unknown(bound)?;
            return Ok(column::keep(None, &bound, e));
        }
        let (from, pos) = (bound.ty.oid, bound.pos);
        let made = b.coerce(bound, TypeRef { typmod: -1, ..ty }, Coercion::Assignment)?;
        let made = made.ok_or_else(|| {
            err(
                SqlState::DATATYPE_MISMATCH,
                format!(
                    "argument of DEFAULT must be type {}, not type {}",
                    format_type(ty.oid, -1),
                    format_type(from, -1)
                ),
            )
            .at(pos)
        })?;
        Ok(column::keep(None, &made, e))
    })
}

/// The result that output parameters make.
fn implied_result(params: &[Param], procedure: bool) -> Option<u32> {
    let out: Vec<u32> = params.iter().filter(|p| matches!(p.mode, 'o' | 'b' | 't')).map(|p| p.ty).collect();
    match out.as_slice() {
        [] => None,
        [one] if !procedure => Some(*one),
        _ => Some(oid::RECORD),
    }
}

/// A polymorphic result needs an argument that says what it is.
fn check_polymorphic(params: &[Param], result: u32) -> Result<()> {
    let inputs: Vec<u32> = params.iter().filter(|p| p.is_input()).map(|p| p.ty).collect();
    let outputs = params.iter().filter(|p| !matches!(p.mode, 'i' | 'v')).map(|p| p.ty).chain([result]);
    let has = |list: &[u32]| inputs.iter().any(|t| list.contains(t));
    for t in outputs {
        let (fine, needs) = match t {
            oid::ANYELEMENT | oid::ANYARRAY | oid::ANYNONARRAY | oid::ANYENUM => (
                has(&[
                    oid::ANYELEMENT,
                    oid::ANYARRAY,
                    oid::ANYNONARRAY,
                    oid::ANYENUM,
                    oid::ANYRANGE,
                    oid::ANYMULTIRANGE,
                ]),
                "anyelement, anyarray, anynonarray, anyenum, anyrange, or anymultirange",
            ),
            oid::ANYRANGE | oid::ANYMULTIRANGE => {
                (has(&[oid::ANYRANGE, oid::ANYMULTIRANGE]), "anyrange or anymultirange")
            }
            oid::ANYCOMPATIBLE | oid::ANYCOMPATIBLEARRAY | oid::ANYCOMPATIBLENONARRAY => (
                has(&[
                    oid::ANYCOMPATIBLE,
                    oid::ANYCOMPATIBLEARRAY,
                    oid::ANYCOMPATIBLENONARRAY,
                    oid::ANYCOMPATIBLERANGE,
                    oid::ANYCOMPATIBLEMULTIRANGE,
                ]),
                "anycompatible, anycompatiblearray, anycompatiblenonarray, anycompatiblerange, or anycompatiblemultirange",
            ),
            oid::ANYCOMPATIBLERANGE | oid::ANYCOMPATIBLEMULTIRANGE => (
                has(&[oid::ANYCOMPATIBLERANGE, oid::ANYCOMPATIBLEMULTIRANGE]),
                "anycompatiblerange or anycompatiblemultirange",
            ),
            _ => continue,
        };
        if !fine {
            return Err(bad("cannot determine result data type").detail(format!(
                "A result of type {} requires at least one input of type {needs}.",
                format_type(t, -1)
            )));
        }
    }
    if (result == oid::INTERNAL || outputs_internal(params)) && !has(&[oid::INTERNAL]) {
        return Err(bad("unsafe use of pseudo-type \"internal\"")
            .detail("A function returning \"internal\" must have at least one \"internal\" argument."));
    }
    Ok(())
}

fn outputs_internal(params: &[Param]) -> bool {
    params.iter().any(|p| !matches!(p.mode, 'i' | 'v') && p.ty == oid::INTERNAL)
}

/// CREATE [OR REPLACE] FUNCTION, PROCEDURE.
pub async fn create(cx: &mut DdlCx<'_>, s: &CreateRoutine) -> Result<()> {
    super::temp::make_named(cx, &s.name).await?;
    let ns = cx.creation_namespace(&s.name)?;
    let name = s.name.name.value.clone();
    let o = options(cx, &s.options, s.procedure)?;
    let lang = match (&o.language, &s.body) {
        (Some(l), _) => language(cx, l)?,
        (None, Some(_)) => SQL,
        (None, None) => return Err(bad("no language specified")),
    };
    if o.leakproof == Some(true) && !cx.is_superuser() {
        return Err(err(SqlState::INSUFFICIENT_PRIVILEGE, "only superuser can define a leakproof function"));
    }
    let params = parameters(cx, s, lang)?;
    let implied = implied_result(&params, s.procedure);
    let (result, set) = match &s.returns {
        Some(RoutineReturns::Type(t)) => {
            let ty = result_type(cx, t, lang).await?;
            check::need_type(&cx.tx.catalog, ty.oid, cx.role)?;
            if let Some(i) = implied.filter(|i| *i != ty.oid) {
                return Err(bad(format!(
                    "function result type must be {} because of OUT parameters",
                    format_type(i, -1)
                )));
            }
            (ty.oid, t.setof)
        }
        Some(RoutineReturns::Table(_)) => (implied.unwrap_or(oid::RECORD), true),
        None => match implied {
            Some(t) => (t, false),
            None if s.procedure => (oid::VOID, false),
            None => return Err(bad("function result type must be specified")),
        },
    };
    if o.rows.is_some() && !set {
        return Err(err(
            SqlState::INVALID_PARAMETER_VALUE,
            "ROWS is not applicable when function does not return a set",
        ));
    }
    check_polymorphic(&params, result)?;
    let (source, standard) = body_text(cx, s, &o, lang, &name)?;
    let mut config = Vec::new();
    apply_sets(cx, &o, &mut config)?;
    let cost = o.cost.unwrap_or(if lang == INTERNAL { 1.0 } else { 100.0 });
    let new = Routine {
        oid: 0,
        name,
        namespace: ns,
        owner: cx.role,
        language: lang,
        kind: match (s.procedure, o.window) {
            (true, _) => 'p',
            (_, Some(())) => 'w',
            _ => 'f',
        },
        cost,
        rows: o.rows.unwrap_or(if set { 1000.0 } else { 0.0 }),
        security_definer: o.definer.unwrap_or(false),
        leakproof: o.leakproof.unwrap_or(false),
        strict: o.strict.unwrap_or(false),
        returns_set: set,
        volatility: o.volatility.unwrap_or('v'),
        parallel: o.parallel.unwrap_or('u'),
        params,
        result,
        source,
        standard,
        config,
        acl: None,
        aggregate: None,
        version: 0,
    };
    let new = store(cx, new, s.or_replace).await?;
    let relations = validate(cx, &new, s, &o)?;
    if let Some((path, text)) = new.standard.as_deref().and_then(|t| t.split_once(EXPR_SEPARATOR))
        && !relations.is_empty()
    {
        let list: Vec<String> = relations.iter().map(u32::to_string).collect();
        let standard = Some(format!("{path};{}{EXPR_SEPARATOR}{text}", list.join(" ")));
        cx.tx.put_routine(Routine { standard, ..new.clone() }).await?;
    }
    Ok(())
}

/// `prosrc` and `prosqlbody`.
fn body_text(
    cx: &DdlCx<'_>,
    s: &CreateRoutine,
    o: &Options,
    lang: u32,
    name: &str,
) -> Result<(String, Option<String>)> {
    match (&o.strings, &s.body) {
        (None, None) => Err(bad("no function body specified")),
        (Some(_), Some(_)) => Err(bad("duplicate function body specified")),
        (None, Some(_)) if lang != SQL => Err(bad("inline SQL function body only valid for language SQL")),
        (None, Some(b)) => {
            let path: Vec<String> = cx.search_path.iter().map(u32::to_string).collect();
            Ok((String::new(), Some(format!("{}{EXPR_SEPARATOR}{}", path.join(" "), b.text))))
        }
        (Some((strings, _)), None) => match strings.as_slice() {
            // An internal function may leave out that it is called as it is.
            [one] if lang == INTERNAL && (one.is_empty() || one == "-") => Ok((name.to_owned(), None)),
            [one] => Ok((one.clone(), None)),
            _ => Err(bad(format!(
                "only one AS item needed for language \"{}\"",
                if lang == SQL { "sql" } else { "internal" }
            ))),
        },
    }
}

/// Stores a new routine, or one that replaces another of the same signature.
pub async fn store(cx: &mut DdlCx<'_>, new: Routine, replace: bool) -> Result<Routine> {
    let inputs = new.input_types();
    let old = cx.tx.catalog.routine_exact(new.namespace, &new.name, &inputs).cloned();
    let Some(old) = old else {
        let oid = cx.tx.new_oid().await?;
        let acl = super::grant::initial(cx, 'f', new.owner, new.namespace);
        let new = Routine { oid, acl, ..new };
        cx.tx.put_routine(new.clone()).await?;
        return Ok(new);
    };
    if !replace {
        return Err(err(
            SqlState::DUPLICATE_FUNCTION,
            format!("function \"{}\" already exists with same argument types", new.name),
        ));
    }
    cx.lock(old.oid, ast::TableLockMode::AccessExclusive).await?;
    let old = cx
        .tx
        .catalog
        .routines
        .get(&old.oid)
        .cloned()
        .ok_or_else(|| err(SqlState::UNDEFINED_FUNCTION, format!("function {} does not exist", old.signature())))?;
    cx.check_owner(old.owner, "function", &old.name)?;
    let word = |k: char| match k {
        'p' => "a procedure",
        'a' => "an aggregate function",
        'w' => "a window function",
        _ => "a function",
    };
    if old.kind != new.kind {
        return Err(err(SqlState::WRONG_OBJECT_TYPE, "cannot change routine kind").detail(format!(
            "\"{}\" is {}.",
            old.name,
            word(old.kind)
        )));
    }
    let drop = format!("Use DROP {} {} first.", old.word().to_uppercase(), signature_with_types(&old));
    if old.result != new.result || old.returns_set != new.returns_set {
        return Err(bad(if new.kind == 'p' {
            "cannot change whether a procedure has output parameters"
        } else {
            "cannot change return type of existing function"
        })
        .hint(drop));
    }
    let outs = |r: &Routine| -> Vec<(String, u32)> {
        r.params.iter().filter(|p| matches!(p.mode, 'o' | 'b' | 't')).map(|p| (p.name.clone(), p.ty)).collect()
    };
    if old.result == oid::RECORD && outs(&old) != outs(&new) {
        return Err(bad("cannot change return type of existing function")
            .detail("Row type defined by OUT parameters is different.")
            .hint(drop));
    }
    let named =
        |r: &Routine| -> Vec<String> { r.params.iter().filter(|p| p.is_input()).map(|p| p.name.clone()).collect() };
    for (a, b) in named(&old).iter().zip(named(&new)) {
        if !a.is_empty() && *a != b {
            return Err(bad(format!("cannot change name of input parameter \"{a}\"")).hint(drop));
        }
    }
    let defaults = |r: &Routine| r.params.iter().filter(|p| p.is_input() && p.default.is_some()).count();
    if defaults(&new) < defaults(&old) {
        return Err(bad("cannot remove parameter defaults from existing function").hint(drop));
    }
    let new = Routine { oid: old.oid, owner: old.owner, acl: old.acl.clone(), ..new };
    cx.tx.put_routine(new.clone()).await?;
    Ok(new)
}

/// `name(type,type)` as regprocedure shows it.
fn signature_with_types(r: &Routine) -> String {
    let types: Vec<String> = r.input_types().iter().map(|t| format_type(*t, -1)).collect();
    format!("{}({})", rustydb_parser::ast::quote_ident(&r.name), types.join(","))
}

/// Checks the body; answers the relations that one that is not quoted names.
fn validate(cx: &DdlCx<'_>, r: &Routine, s: &CreateRoutine, o: &Options) -> Result<Vec<u32>> {
    if r.kind == 'w' && r.language != INTERNAL {
        return Err(DbError::unsupported("window functions in language sql are not supported"));
    }
    if r.language == INTERNAL && is_window_function(&r.source) {
        if r.kind != 'w' {
            let text = format!("{} can be called as a window function only", r.source);
            return Err(DbError::unsupported(text));
        }
        return Ok(Vec::new());
    }
    if r.language == INTERNAL && r.kind == 'w' {
        let exists = pgdata::procs().iter().any(|p| p.prolang == INTERNAL && p.prosrc == r.source);
        return Err(if exists {
            DbError::unsupported(format!("{} is not a window function", r.source))
        } else {
            err(SqlState::UNDEFINED_FUNCTION, format!("there is no built-in function named \"{}\"", r.source))
        });
    }
    if r.language == INTERNAL {
        let known = registry::kernel(&r.source).is_some();
        let exists = pgdata::procs().iter().any(|p| p.prolang == INTERNAL && p.prosrc == r.source);
        if !known && !exists {
            return Err(err(
                SqlState::UNDEFINED_FUNCTION,
                format!("there is no built-in function named \"{}\"", r.source),
            ));
        }
        if !known {
            return Err(DbError::unsupported(format!("built-in function {} is not supported yet", r.source)));
        }
        return Ok(Vec::new());
    }
    let pseudo = |t: u32| bind_types::info(t).typtype == 'p';
    if pseudo(r.result) && !is_polymorphic(r.result) && !matches!(r.result, oid::VOID | oid::RECORD) {
        return Err(bad(format!("SQL functions cannot return type {}", format_type(r.result, -1))));
    }
    let inputs = r.input_types();
    if let Some(t) = inputs.iter().find(|t| pseudo(**t) && !is_polymorphic(**t)) {
        return Err(bad(format!("SQL functions cannot have arguments of type {}", format_type(*t, -1))));
    }
    if cx.eval.session.setting("check_function_bodies").as_deref() == Some("off") {
        return Ok(Vec::new());
    }
    let here = |e: DbError| place_in_statement(cx, r, o, e);
    if s.body.is_some() && inputs.iter().any(|t| is_polymorphic(*t)) {
        return Err(DbError::unsupported("SQL function with unquoted function body cannot have polymorphic arguments"));
    }
    let list = match &s.body {
        Some(b) => of_standard(b.body.clone()),
        None => statements(r).map_err(here)?,
    };
    if inputs.iter().any(|t| is_polymorphic(*t)) && s.body.is_none() {
        return Ok(Vec::new());
    }
    check_statements(cx, r, &list, s.body.is_some()).map_err(here)
}

/// Errors of a quoted body point into the statement, if the body stands in it as it is; those without a place say which
/// function it is.
fn place_in_statement(cx: &DdlCx<'_>, r: &Routine, o: &Options, mut e: DbError) -> DbError {
    // What a standard body cannot have is found before there is a function.
    if r.standard.is_some() && e.code == SqlState::FEATURE_NOT_SUPPORTED {
        return e;
    }
    let line = format!("SQL function \"{}\"", r.name);
    let Some(p) = e.fields.as_ref().and_then(|f| f.position) else { return within(e, line) };
    if r.standard.is_some() {
        return e;
    }
    let start = o.strings.as_ref().and_then(|s| s.1).map(|at| rustydb_parser::char_position(cx.sql, at));
    match (start, &mut e.fields) {
        (Some(at), Some(f)) => {
            f.position = Some(at + p - 1);
            e
        }
        _ => {
            let mut e = in_body(e, &r.source, line);
            if let Some(f) = &mut e.fields {
                f.context = None;
            }
            e
        }
    }
}

fn check_statements(cx: &DdlCx<'_>, r: &Routine, list: &[ast::Statement], standard: bool) -> Result<Vec<u32>> {
    let types: Vec<TypeRef> = r.input_types().iter().map(|t| bind_types::plain(*t)).collect();
    let mut body = Body::of_parameters(r, &types);
    let sql = if standard { cx.sql } else { r.source.as_str() };
    let catalog = cx.cat();
    let bx = crate::bind::BindCx { catalog: &catalog, search_path: &cx.search_path, eval: cx.eval, role: cx.role, sql };
    let mut last = None;
    let mut relations: Vec<u32> = Vec::new();
    for stmt in list {
        let mut b = Binder::new(&bx, &[]);
        let bound = b.body_statement(&mut body, stmt)?;
        let named = b.relations.iter().map(|r| r.0.oid).filter(|o| standard && *o >= crate::catalog::FIRST_USER_OID);
        relations.extend(named.collect::<Vec<_>>());
        last = bound.map(|bound| (b, bound));
        if last.is_none() && standard {
            return Err(DbError::unsupported(format!(
                "{} is not yet supported in unquoted SQL function body",
                crate::session::statement_name(stmt)
            )));
        }
    }
    relations.sort_unstable();
    relations.dedup();
    if r.result == oid::VOID || is_polymorphic(r.result) {
        return Ok(relations);
    }
    let ty = bind_types::plain(r.result);
    let fields = crate::bind::func::out_columns(r.proc(), ty);
    match last {
        Some((mut b, mut bound)) => {
            let w = b.wanted(r, ty, fields);
            b.answer(Some(&mut bound), &w).map(|_| relations)
        }
        None => {
            let mut b = Binder::new(&bx, &[]);
            let w = b.wanted(r, ty, fields);
            b.answer(None, &w).map(|_| relations)
        }
    }
}
