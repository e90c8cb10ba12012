//! CREATE AGGREGATE, in the form with arguments and in the old one with BASETYPE.

use super::{DdlCx, err, function};
use crate::acl::check;
use crate::bind::resolve::{Coercion, can_coerce, is_polymorphic, resolve_polymorphic};
use crate::bind::types as bind_types;
use crate::catalog::aggregates::Aggregate;
use crate::catalog::routines::{INTERNAL, Param, Routine};
use crate::plan::ir::{Expr, ExprKind};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, CreateAggregate, DefOption, DefValue, Name, Statement, TypeName};
use rustydb_types::datum::TypeRef;
use rustydb_types::pgdata::Proc;
use rustydb_types::typename::format_type;
use rustydb_types::{io, oid};

fn bad(m: impl Into<String>) -> DbError {
    err(SqlState::INVALID_FUNCTION_DEFINITION, m)
}

/// The value of an option as a type.
pub fn type_value(cx: &mut DdlCx<'_>, o: &DefOption) -> Result<TypeRef> {
    let name = match &o.value {
        Some(DefValue::Type(t)) => {
            if t.setof {
                return Err(err(SqlState::SYNTAX_ERROR, format!("SETOF type not allowed for {}", o.name.value)));
            }
            (**t).clone()
        }
        Some(DefValue::Word(w)) => word_type(w),
        Some(DefValue::String(w)) => super::routine::plain_type(&Name::bare(w.clone())),
        _ => return Err(needs(o, "a type name")),
    };
    // `anyelement` and `"any"` come as words.
    let name = TypeName { setof: false, ..name };
    function::type_of(cx, &name)
}

/// The type that a word names: `int` is not the name of a type, but means one.
fn word_type(w: &str) -> TypeName {
    let plain = || super::routine::plain_type(&Name::bare(w.to_owned()));
    let parsed = rustydb_parser::parse(&format!("SELECT NULL::{w}")).ok().and_then(|p| p.into_iter().next());
    let Some(Statement::Query(q)) = parsed.map(|p| p.stmt) else { return plain() };
    let ast::QueryBody::Select(mut s) = q.body else { return plain() };
    match s.targets.pop().map(|t| t.expr.kind) {
        Some(ast::ExprKind::Cast(_, t)) if s.targets.is_empty() && s.from.is_empty() => *t,
        _ => plain(),
    }
}

fn needs(o: &DefOption, what: &str) -> DbError {
    err(SqlState::SYNTAX_ERROR, format!("{} requires {what}", o.name.value))
}

/// The value of an option as the name of a function.
pub fn name_value(o: &DefOption) -> Result<Name> {
    match &o.value {
        Some(DefValue::Word(w) | DefValue::String(w)) => Ok(Name::bare(w.clone())),
        Some(DefValue::Type(t)) => Ok(t.name.clone()),
        Some(DefValue::Operator(n)) => Ok(n.clone()),
        _ => Err(needs(o, "a parameter")),
    }
}

/// An option's value as text.
pub fn text_value(o: &DefOption) -> Result<String> {
    Ok(match &o.value {
        Some(DefValue::Word(w) | DefValue::String(w) | DefValue::Number(w)) => w.clone(),
        Some(DefValue::Type(t)) => t.name.plain(),
        Some(DefValue::Operator(n)) => n.plain(),
        _ => return Err(needs(o, "a parameter")),
    })
}

/// Whether an option is on: alone, or with a word that says so.
pub fn flag(o: &DefOption) -> Result<bool> {
    match &o.value {
        None => Ok(true),
        Some(DefValue::Word(w) | DefValue::String(w) | DefValue::Number(w)) => match w.to_lowercase().as_str() {
            "true" | "on" | "1" => Ok(true),
            "false" | "off" | "0" => Ok(false),
            _ => Err(needs(o, "a Boolean value")),
        },
        _ => Err(needs(o, "a Boolean value")),
    }
}

fn modify(o: &DefOption) -> Result<char> {
    match text_value(o)?.as_str() {
        "read_only" => Ok('r'),
        "shareable" => Ok('s'),
        "read_write" => Ok('w'),
        _ => Err(err(
            SqlState::SYNTAX_ERROR,
            format!("parameter \"{}\" must be READ_ONLY, SHAREABLE, or READ_WRITE", o.name.value),
        )),
    }
}

/// A function that takes arguments of these types as they are (or by a binary cast), and its result.
pub fn support(cx: &DdlCx<'_>, name: &Name, types: &[u32]) -> Result<(&'static Proc, u32)> {
    let args: Vec<Expr> = types.iter().map(|t| Expr::new(ExprKind::CaseValue, bind_types::plain(*t))).collect();
    let names = vec![None; args.len()];
    let shown = || {
        let list: Vec<String> = types.iter().map(|t| format_type(*t, -1)).collect();
        format!("{}({})", name.plain(), list.join(", "))
    };
    let missing = || err(SqlState::UNDEFINED_FUNCTION, format!("function {} does not exist", shown()));
    // The array of a variadic function is an argument like others here.
    let found = cx.binder(|b| {
        b.resolve_func(name, &args, &names, true, 0).or_else(|_| b.resolve_func(name, &args, &names, false, 0))
    });
    let proc = found.map_err(|_| missing())?.proc;
    if proc.prokind != 'f' {
        return Err(missing());
    }
    if proc.proretset {
        return Err(err(SqlState::DATATYPE_MISMATCH, format!("function {} returns a set", shown())));
    }
    let mut declared = proc.proargtypes.to_vec();
    declared.truncate(types.len());
    let result = if is_polymorphic(proc.prorettype) || declared.iter().any(|t| is_polymorphic(*t)) {
        resolve_polymorphic(types, &mut declared, proc.prorettype).unwrap_or(proc.prorettype)
    } else {
        proc.prorettype
    };
    for (given, wanted) in types.iter().zip(&declared) {
        let same = given == wanted
            || is_polymorphic(*wanted)
            || is_polymorphic(*given)
            || *wanted == oid::ANY
            || bind_types::base_oid(*given) == bind_types::base_oid(*wanted)
            || matches!(
                crate::bind::resolve::pathway(Some(&cx.tx.catalog), *given, *wanted, Coercion::Implicit),
                Some(crate::bind::resolve::Path::Relabel)
            );
        if !same {
            let list: Vec<String> = declared.iter().map(|t| format_type(*t, -1)).collect();
            return Err(err(
                SqlState::DATATYPE_MISMATCH,
                format!("function {}({}) requires run-time type coercion", name.plain(), list.join(", ")),
            ));
        }
    }
    Ok((proc, result))
}

/// The parameters, by either form.
fn parameters(cx: &mut DdlCx<'_>, s: &CreateAggregate, base: Option<&DefOption>) -> Result<Vec<Param>> {
    let Some(list) = &s.params else {
        let Some(base) = base else { return Err(bad("aggregate input type must be specified")) };
        // ANY means no arguments: `count(*)`.
        let any = match &base.value {
            Some(DefValue::Word(w) | DefValue::String(w)) => w.eq_ignore_ascii_case("any"),
            _ => false,
        };
        if any {
            return Ok(Vec::new());
        }
        let ty = type_value(cx, base)?;
        return Ok(vec![Param { name: String::new(), mode: 'i', ty: ty.oid, default: None }]);
    };
    if base.is_some() {
        return Err(bad("basetype is redundant with aggregate input type specification"));
    }
    let mut out = Vec::with_capacity(list.len());
    for p in list {
        if p.ty.setof {
            return Err(bad("aggregates cannot accept set arguments"));
        }
        let mode = match p.mode {
            None | Some("in") => 'i',
            Some("variadic") => 'v',
            _ => return Err(DbError::unsupported("aggregates cannot have output arguments")),
        };
        if p.default.is_some() {
            return Err(bad("aggregates cannot have default arguments"));
        }
        let ty = function::type_of(cx, &p.ty)?.oid;
        if mode == 'v'
            && oid::array_element(ty).is_none()
            && !matches!(ty, oid::ANY | oid::ANYARRAY | oid::ANYCOMPATIBLEARRAY)
        {
            return Err(bad("VARIADIC parameter must be an array"));
        }
        let name = p.name.as_ref().map(|n| n.value.clone()).unwrap_or_default();
        out.push(Param { name, mode, ty, default: None });
    }
    Ok(out)
}

/// CREATE [OR REPLACE] AGGREGATE.
pub async fn create(cx: &mut DdlCx<'_>, s: &CreateAggregate) -> Result<()> {
    super::temp::make_named(cx, &s.name).await?;
    let ns = cx.creation_namespace(&s.name)?;
    if s.direct.is_some() {
        return Err(DbError::unsupported("user-defined ordered-set aggregates are not supported yet"));
    }
    let find = |names: &[&str]| s.options.iter().rev().find(|o| names.contains(&o.name.value.as_str()));
    for o in &s.options {
        let known = KNOWN.contains(&o.name.value.as_str());
        if !known {
            cx.notices.push((
                "WARNING",
                err(SqlState::SYNTAX_ERROR, format!("aggregate attribute \"{}\" not recognized", o.name.value)),
            ));
        }
    }
    let Some(stype) = find(&["stype", "stype1"]) else { return Err(bad("aggregate stype must be specified")) };
    let Some(sfunc) = find(&["sfunc", "sfunc1"]) else { return Err(bad("aggregate sfunc must be specified")) };
    let (mstype, msfunc, minv) = (find(&["mstype"]), find(&["msfunc"]), find(&["minvfunc"]));
    if mstype.is_some() {
        if msfunc.is_none() {
            return Err(bad("aggregate msfunc must be specified when mstype is specified"));
        }
        if minv.is_none() {
            return Err(bad("aggregate minvfunc must be specified when mstype is specified"));
        }
    } else {
        for (o, word) in [
            (msfunc, "msfunc"),
            (minv, "minvfunc"),
            (find(&["mfinalfunc"]), "mfinalfunc"),
            (find(&["msspace"]), "msspace"),
            (find(&["minitcond"]), "minitcond"),
        ] {
            if o.is_some() {
                return Err(bad(format!("aggregate {word} must not be specified without mstype")));
            }
        }
    }
    let params = parameters(cx, s, find(&["basetype"]))?;
    let inputs: Vec<u32> = params.iter().map(|p| p.ty).collect();
    let state = type_value(cx, stype)?;
    if bind_types::info(state.oid).typtype == 'p' && !is_polymorphic(state.oid) {
        if state.oid == oid::INTERNAL && cx.is_superuser() {
            return Err(DbError::unsupported("aggregates with a state of type internal are not supported yet"));
        }
        return Err(bad(format!("aggregate transition data type cannot be {}", format_type(state.oid, -1))));
    }
    check_polymorphic_state(&inputs, state.oid, "transition")?;
    let mut types = vec![state.oid];
    types.extend(&inputs);
    // A variadic function gets the array as it is.
    let name = name_value(sfunc)?;
    let (transition, made) = support(cx, &name, &types)?;
    if made != state.oid && !can_relabel(made, state.oid) {
        return Err(err(
            SqlState::DATATYPE_MISMATCH,
            format!("return type of transition function {} is not {}", name.plain(), format_type(state.oid, -1)),
        ));
    }
    let initial = find(&["initcond", "initcond1"]).map(text_value).transpose()?;
    if let Some(t) = initial.as_ref().filter(|_| !is_polymorphic(state.oid)) {
        io::text_in(cx.eval, state, t)?;
    }
    if initial.is_none() && transition.proisstrict {
        let fits = inputs.first().is_some_and(|t| *t == state.oid || can_relabel(*t, state.oid));
        if !fits {
            return Err(bad(
                "must not omit initial value when transition function is strict and transition type is not compatible \
                 with input type",
            ));
        }
    }
    let extra = find(&["finalfunc_extra"]).map(flag).transpose()?.unwrap_or(false);
    let (last, result) = match find(&["finalfunc"]) {
        None => (0, state.oid),
        Some(o) => {
            let mut types = vec![state.oid];
            if extra {
                types.extend(&inputs);
            }
            let (p, r) = support(cx, &name_value(o)?, &types)?;
            if extra && p.proisstrict {
                return Err(bad("final function with extra arguments must not be declared STRICT"));
            }
            (p.oid, r)
        }
    };
    if is_polymorphic(result) && !inputs.iter().any(|t| is_polymorphic(*t)) {
        return Err(err(SqlState::DATATYPE_MISMATCH, "cannot determine result data type").detail(format!(
            "A result of type {} requires at least one input of type anyelement, anyarray, anynonarray, anyenum, \
             anyrange, or anymultirange.",
            format_type(result, -1)
        )));
    }
    let combine = match find(&["combinefunc"]) {
        None => 0,
        Some(o) => {
            let name = name_value(o)?;
            let (p, r) = support(cx, &name, &[state.oid, state.oid])?;
            if r != state.oid {
                return Err(err(
                    SqlState::DATATYPE_MISMATCH,
                    format!("return type of combine function {} is not {}", name.plain(), format_type(state.oid, -1)),
                ));
            }
            p.oid
        }
    };
    let (ser, de) = (find(&["serialfunc"]), find(&["deserialfunc"]));
    if ser.is_some() || de.is_some() {
        if state.oid != oid::INTERNAL {
            return Err(bad(
                "serialization functions may be specified only when the aggregate transition data type is internal",
            ));
        }
        if ser.is_some() != de.is_some() {
            return Err(bad("must specify both or neither of serialization and deserialization functions"));
        }
    }
    let moving = moving_parts(cx, mstype, msfunc, minv, find(&["mfinalfunc"]), &inputs, result)?;
    let moving_state = mstype.map(|o| type_value(cx, o)).transpose()?;
    let used = inputs.iter().copied().chain([state.oid]).chain(moving_state.map(|t| t.oid)).chain([result]);
    for t in used {
        check::need_type(&cx.tx.catalog, t, cx.role)?;
    }
    let parallel = match find(&["parallel"]).map(text_value).transpose()?.as_deref() {
        None | Some("unsafe") => 'u',
        Some("safe") => 's',
        Some("restricted") => 'r',
        Some(_) => {
            return Err(err(SqlState::SYNTAX_ERROR, "parameter \"parallel\" must be SAFE, RESTRICTED, or UNSAFE"));
        }
    };
    let number =
        |o: Option<&DefOption>| o.map(text_value).transpose().map(|t| t.and_then(|t| t.parse().ok()).unwrap_or(0));
    let sort_operator = match find(&["sortop"]) {
        Some(o) if inputs.len() == 1 => {
            let n = name_value(o)?;
            let t = inputs.first().copied().unwrap_or(0);
            cx.binder(|b| b.find_operator(n.schema.as_ref().map(|s| s.value.as_str()), &n.name.value, Some(t), t, 0))?
                .oid
        }
        Some(_) => return Err(bad("sort operator can only be specified for single-argument aggregates")),
        None => 0,
    };
    let a = Aggregate {
        kind: 'n',
        direct: 0,
        transition: transition.oid,
        last,
        combine,
        serial: (0, 0),
        moving,
        extra: (extra, find(&["mfinalfunc_extra"]).map(flag).transpose()?.unwrap_or(false)),
        modify: (
            find(&["finalfunc_modify"]).map(modify).transpose()?.unwrap_or('r'),
            find(&["mfinalfunc_modify"]).map(modify).transpose()?.unwrap_or('r'),
        ),
        sort_operator,
        state: state.oid,
        space: number(find(&["sspace", "sspace1"]))?,
        moving_state: (moving_state.map_or(0, |t| t.oid), number(find(&["msspace"]))?),
        initial,
        moving_initial: find(&["minitcond"]).map(text_value).transpose()?,
    };
    let new = Routine {
        oid: 0,
        name: s.name.name.value.clone(),
        namespace: ns,
        owner: cx.role,
        language: INTERNAL,
        kind: 'a',
        cost: 1.0,
        rows: 0.0,
        security_definer: false,
        leakproof: false,
        strict: false,
        returns_set: false,
        volatility: 'i',
        parallel,
        params,
        result,
        source: "aggregate_dummy".into(),
        standard: None,
        config: Vec::new(),
        acl: None,
        aggregate: Some(a),
        version: 0,
    };
    function::store(cx, new, s.or_replace).await.map(|_| ())
}

/// Attributes CREATE AGGREGATE knows.
const KNOWN: &[&str] = &[
    "sfunc",
    "sfunc1",
    "stype",
    "stype1",
    "initcond",
    "initcond1",
    "finalfunc",
    "finalfunc_extra",
    "finalfunc_modify",
    "combinefunc",
    "serialfunc",
    "deserialfunc",
    "msfunc",
    "minvfunc",
    "mfinalfunc",
    "mfinalfunc_extra",
    "mfinalfunc_modify",
    "mstype",
    "msspace",
    "minitcond",
    "sspace",
    "sspace1",
    "sortop",
    "basetype",
    "parallel",
    "hypothetical",
];

/// Functions of the moving form, checked like the plain ones.
#[allow(clippy::too_many_arguments, reason = "the attributes of one clause each")]
fn moving_parts(
    cx: &mut DdlCx<'_>,
    mstype: Option<&DefOption>,
    msfunc: Option<&DefOption>,
    minv: Option<&DefOption>,
    mfinal: Option<&DefOption>,
    inputs: &[u32],
    result: u32,
) -> Result<(u32, u32, u32)> {
    let (Some(t), Some(f), Some(i)) = (mstype, msfunc, minv) else { return Ok((0, 0, 0)) };
    let state = type_value(cx, t)?.oid;
    let mut types = vec![state];
    types.extend(inputs);
    let of = |o: &DefOption, what: &str| -> Result<&'static Proc> {
        let name = name_value(o)?;
        let (p, r) = support(cx, &name, &types)?;
        if r != state {
            return Err(err(
                SqlState::DATATYPE_MISMATCH,
                format!("return type of {what} function {} is not {}", name.plain(), format_type(state, -1)),
            ));
        }
        Ok(p)
    };
    let forward = of(f, "transition")?;
    let inverse = of(i, "inverse transition")?;
    if forward.proisstrict != inverse.proisstrict {
        return Err(bad("strictness of aggregate's forward and inverse transition functions must match"));
    }
    let (last, moving_result) = match mfinal {
        None => (0, state),
        Some(o) => {
            let (p, r) = support(cx, &name_value(o)?, &[state])?;
            (p.oid, r)
        }
    };
    if moving_result != result {
        return Err(bad(format!(
            "moving-aggregate implementation returns type {}, but plain implementation returns type {}",
            format_type(moving_result, -1),
            format_type(result, -1)
        )));
    }
    Ok((forward.oid, inverse.oid, last))
}

/// A polymorphic state needs an argument that says what it is.
fn check_polymorphic_state(inputs: &[u32], state: u32, what: &str) -> Result<()> {
    if !is_polymorphic(state) || inputs.iter().any(|t| is_polymorphic(*t)) {
        return Ok(());
    }
    Err(bad(format!("cannot determine {what} data type")).detail(format!(
        "A result of type {} requires at least one input of type anyelement, anyarray, anynonarray, anyenum, anyrange, or \
         anymultirange.",
        format_type(state, -1)
    )))
}

fn can_relabel(from: u32, to: u32) -> bool {
    from == to
        || is_polymorphic(to) && can_coerce(None, from, to, Coercion::Implicit)
        || matches!(
            crate::bind::resolve::pathway(None, from, to, Coercion::Implicit),
            Some(crate::bind::resolve::Path::Relabel)
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustydb_parser::ast::Ident;

    #[test]
    fn flags_read_as_booleans() {
        let o = |v: Option<DefValue>| DefOption { namespace: None, name: Ident::new("finalfunc_extra"), value: v };
        assert!(flag(&o(None)).expect("alone"));
        assert!(!flag(&o(Some(DefValue::Word("false".into())))).expect("false"));
        assert!(flag(&o(Some(DefValue::Word("maybe".into())))).is_err());
    }
}
