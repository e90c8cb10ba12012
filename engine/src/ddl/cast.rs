//! CREATE, DROP and COMMENT ON CAST.

use super::drop::Object;
use super::{DdlCx, err};
use crate::acl::check;
use crate::bind::resolve::{Coercion, Path, pathway};
use crate::catalog::Catalog;
use crate::catalog::casts::{PG_CAST, UserCast};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, CastMethod, CreateCast, ObjectKind, ObjectRef, TypeName};
use rustydb_types::pgdata;
use rustydb_types::typename::format_type;
use rustydb_types::{oid, rowcodec, usertype};

fn bad(m: impl Into<String>) -> DbError {
    err(SqlState::INVALID_OBJECT_DEFINITION, m)
}

fn shown(t: u32) -> String {
    format_type(t, -1)
}

fn type_of(cx: &DdlCx<'_>, t: &TypeName) -> Result<u32> {
    cx.binder(|b| b.type_name(t)).map(|t| t.oid).map_err(|mut e| {
        if let Some(f) = e.fields.as_mut().filter(|_| super::no_such_type(e.code)) {
            f.position = None;
        }
        e
    })
}

/// `typtype`.
fn kind(cx: &DdlCx<'_>, t: u32) -> char {
    match pgdata::pg_type(t) {
        Some(p) => p.typtype,
        None if cx.tx.catalog.row_types.contains_key(&t) => 'c',
        None => match usertype::kind(t) {
            Some(usertype::Kind::Shell) => 'p',
            Some(usertype::Kind::Enum) => 'e',
            Some(usertype::Kind::Range { .. }) => 'r',
            Some(usertype::Kind::Multirange { .. }) => 'm',
            Some(usertype::Kind::Composite) => 'c',
            _ if usertype::is_domain(t) => 'd',
            _ => 'b',
        },
    }
}

/// Owner of a type, the superuser for built-in ones.
fn owner(cat: &Catalog, t: u32) -> u32 {
    let own = cat.type_of(t).map(|t| t.owner);
    let of_row = || cat.row_types.get(&t).and_then(|r| cat.relation(*r)).map(|r| r.owner);
    own.or_else(of_row).unwrap_or(crate::catalog::system::SUPERUSER)
}

fn check_owner(cx: &DdlCx<'_>, source: u32, target: u32) -> Result<()> {
    let cat = &cx.tx.catalog;
    if [source, target].into_iter().any(|t| check::owns(cat, cx.role, owner(cat, t))) {
        return Ok(());
    }
    Err(err(
        SqlState::INSUFFICIENT_PRIVILEGE,
        format!("must be owner of type {} or type {}", shown(source), shown(target)),
    ))
}

/// Whether values of one type are values of another as they are.
fn binary_coercible(cat: &Catalog, from: u32, to: u32) -> bool {
    from == to || matches!(pathway(Some(cat), from, to, Coercion::Implicit), Some(Path::Relabel))
}

/// The function of a cast, checked.
fn function(
    cx: &DdlCx<'_>,
    name: &ast::Name,
    args: Option<&[ast::RoutineArg]>,
    source: u32,
    target: u32,
) -> Result<(u32, usize)> {
    let (oid, _) = super::routine::find(cx, ObjectKind::Function, name, args)?;
    let cat = &cx.tx.catalog;
    let proc = cat.routines.get(&oid).map(|r| r.proc()).or_else(|| pgdata::proc(oid));
    let proc = proc.ok_or_else(|| DbError::internal("a cast's function is gone"))?;
    let n = proc.proargtypes.len();
    let given = match &*proc.proargtypes {
        [a, ..] if n <= 3 => *a,
        _ => return Err(bad("cast function must take one to three arguments")),
    };
    if !binary_coercible(cat, source, given) {
        return Err(bad("argument of cast function must match or be binary-coercible from source data type"));
    }
    if n > 1 && proc.proargtypes[1] != oid::INT4 {
        return Err(bad("second argument of cast function must be type integer"));
    }
    if n > 2 && proc.proargtypes[2] != oid::BOOL {
        return Err(bad("third argument of cast function must be type boolean"));
    }
    if !binary_coercible(cat, proc.prorettype, target) {
        return Err(bad("return data type of cast function must match or be binary-coercible to target data type"));
    }
    if proc.prokind != 'f' {
        return Err(bad("cast function must be a normal function"));
    }
    if proc.proretset {
        return Err(bad("cast function must not return a set"));
    }
    Ok((proc.oid, n))
}

/// Whether a cast may do nothing at all.
fn check_binary(cx: &DdlCx<'_>, source: u32, target: u32) -> Result<()> {
    if !cx.is_superuser() {
        return Err(err(SqlState::INSUFFICIENT_PRIVILEGE, "must be superuser to create a cast WITHOUT FUNCTION"));
    }
    let both = |f: &dyn Fn(u32) -> bool| f(source) || f(target);
    let refuse = |what: &str| Err(bad(format!("{what} are not binary-compatible")));
    let layout = |t: u32| {
        let s = crate::catalog::types::Shape::of(t);
        (s.len, s.by_val, s.align)
    };
    if layout(source) != layout(target) {
        return Err(bad("source and target data types are not physically compatible"));
    }
    if both(&|t| kind(cx, t) == 'c') {
        return refuse("composite data types");
    }
    if both(&|t| kind(cx, t) == 'e') {
        return refuse("enum data types");
    }
    if both(&|t| oid::array_element(t).is_some()) {
        return refuse("array data types");
    }
    if both(&|t| matches!(kind(cx, t), 'r' | 'm')) {
        return refuse("range data types");
    }
    if both(&|t| kind(cx, t) == 'd') {
        return Err(bad("domain data types must not be marked binary-compatible"));
    }
    // Values know their type's family here: bits are not read as another family's.
    let plain = |t| rustydb_types::datum::TypeRef::new(t);
    let same = rowcodec::phys_kind(plain(source)) == rowcodec::phys_kind(plain(target))
        && (binary_coercible(&cx.tx.catalog, source, target)
            || binary_coercible(&cx.tx.catalog, target, source)
            || both_strings(source, target));
    if same {
        return Ok(());
    }
    Err(DbError::unsupported(format!(
        "a cast from {} to {} WITHOUT FUNCTION is not supported yet",
        shown(source),
        shown(target)
    )))
}

fn both_strings(a: u32, b: u32) -> bool {
    [a, b].into_iter().all(|t| matches!(t, oid::TEXT | oid::VARCHAR | oid::BPCHAR))
}

/// CREATE CAST.
pub async fn create(cx: &mut DdlCx<'_>, s: &CreateCast) -> Result<()> {
    let (source, target) = (type_of(cx, &s.source)?, type_of(cx, &s.target)?);
    for (t, which) in [(source, "source"), (target, "target")] {
        if kind(cx, t) == 'p' {
            return Err(err(SqlState::WRONG_OBJECT_TYPE, format!("{which} data type {} is a pseudo-type", shown(t))));
        }
    }
    check_owner(cx, source, target)?;
    check::need_type(&cx.tx.catalog, source, cx.role)?;
    check::need_type(&cx.tx.catalog, target, cx.role)?;
    for (t, which) in [(source, "source"), (target, "target")] {
        if kind(cx, t) == 'd' {
            cx.notices.push((
                "WARNING",
                err(
                    SqlState::WRONG_OBJECT_TYPE,
                    format!("cast will be ignored because the {which} data type is a domain"),
                ),
            ));
        }
    }
    let (function, method, nargs) = match &s.method {
        CastMethod::Function(name, args) => {
            let (f, n) = function(cx, name, args.as_deref(), source, target)?;
            (f, 'f', n)
        }
        CastMethod::InOut => (0, 'i', 0),
        CastMethod::Binary => {
            check_binary(cx, source, target)?;
            (0, 'b', 0)
        }
    };
    // Only a function for lengths can go from a type to itself.
    if source == target && nargs < 2 {
        return Err(bad("source data type and target data type are the same"));
    }
    let built_in = pgdata::cast(source, target).is_some();
    if built_in || cx.tx.catalog.casts.contains_key(&(source, target)) {
        return Err(err(
            SqlState::DUPLICATE_OBJECT,
            format!("cast from type {} to type {} already exists", shown(source), shown(target)),
        ));
    }
    let oid = cx.tx.new_oid().await?;
    cx.tx.put_cast(UserCast { oid, source, target, function, context: s.context, method }).await
}

/// A user's cast that a statement names, which the role may drop; `None` if there is no cast.
fn open(cx: &DdlCx<'_>, from: &TypeName, to: &TypeName) -> Result<Option<u32>> {
    let (source, target) = (type_of(cx, from)?, type_of(cx, to)?);
    if let Some(c) = cx.tx.catalog.casts.get(&(source, target)) {
        check_owner(cx, source, target)?;
        return Ok(Some(c.oid));
    }
    if pgdata::cast(source, target).is_some() {
        check_owner(cx, source, target)?;
        return Err(err(
            SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
            format!(
                "cannot drop cast from {} to {} because it is required by the database system",
                shown(source),
                shown(target)
            ),
        ));
    }
    Ok(None)
}

fn missing(cx: &DdlCx<'_>, from: &TypeName, to: &TypeName) -> Result<DbError> {
    let (source, target) = (type_of(cx, from)?, type_of(cx, to)?);
    let m = format!("cast from type {} to type {} does not exist", shown(source), shown(target));
    Ok(err(SqlState::UNDEFINED_OBJECT, m))
}

/// DROP CAST.
pub async fn drop(cx: &mut DdlCx<'_>, s: &ast::Drop) -> Result<()> {
    let mut named = Vec::new();
    for o in &s.objects {
        let ObjectRef::Cast(from, to) = o else { return Err(DbError::internal("a cast without types")) };
        if s.if_exists
            && let Some(t) = [from, to].into_iter().find(|t| type_of(cx, t).is_err())
        {
            let m = match &t.name.schema {
                Some(sc) if cx.schema_named(&sc.value).is_none() => {
                    format!("schema \"{}\" does not exist, skipping", sc.value)
                }
                _ => format!("type \"{}\" does not exist, skipping", t.name.plain()),
            };
            cx.notice(err(SqlState::SUCCESSFUL_COMPLETION, m));
            continue;
        }
        match open(cx, from, to)? {
            Some(oid) => named.push(Object::Cast(oid)),
            None => {
                if !s.if_exists {
                    return Err(missing(cx, from, to)?);
                }
                // A notice has the types as they are written, or as the grammar names them.
                let shown = |t: &TypeName| t.name.plain();
                let m = format!("cast from type {} to type {} does not exist, skipping", shown(from), shown(to));
                cx.notice(err(SqlState::SUCCESSFUL_COMPLETION, m));
            }
        }
    }
    super::drop::drop_named(cx, &named, s.cascade).await
}

/// COMMENT ON CAST.
pub async fn comment(cx: &mut DdlCx<'_>, from: &TypeName, to: &TypeName, text: Option<&str>) -> Result<()> {
    let (source, target) = (type_of(cx, from)?, type_of(cx, to)?);
    let built_in = pgdata::cast(source, target).map(|c| c.oid);
    let Some(oid) = cx.tx.catalog.casts.get(&(source, target)).map(|c| c.oid).or(built_in) else {
        return Err(missing(cx, from, to)?);
    };
    check_owner(cx, source, target)?;
    super::comment::write(cx, oid, PG_CAST, 0, text).await
}

/// A cast as messages name it.
pub fn describe(cat: &Catalog, oid: u32) -> String {
    match cat.cast(oid) {
        Some(c) => format!("cast from {} to {}", shown(c.source), shown(c.target)),
        None => format!("cast {oid}"),
    }
}
