//! What operator classes and families are made of: operators and support functions, looked up and checked as each access
//! method demands.

use super::{DdlCx, err, opclass_names, operator, routine};
use crate::catalog::objects::Kind;
use crate::catalog::opclasses::Member;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, Name, ObjectKind, ObjectRef, OpClassItem, TypeName};
use rustydb_types::oid;
use rustydb_types::pgdata::{self, AccessMethod, Proc};
use rustydb_types::typename::format_type;

/// What an access method knows.
struct Numbers {
    /// Greatest strategy number.
    operators: i16,
    /// Greatest support number.
    functions: i16,
    /// Support number of the function that reads a class's options.
    options: i16,
    /// Whether entries may be of another type than the column.
    storage: bool,
    /// Whether operators can order by distance.
    orders: bool,
}

fn numbers(method: u32) -> Numbers {
    let n = |operators, functions, options, storage, orders| Numbers { operators, functions, options, storage, orders };
    match pgdata::access_method(method).map_or("", |a| a.amname) {
        "btree" => n(5, 5, 5, false, false),
        "hash" => n(1, 3, 3, false, false),
        "gist" => n(i16::MAX, 11, 10, true, true),
        "gin" => n(i16::MAX, 7, 7, true, false),
        "spgist" => n(i16::MAX, 7, 6, true, true),
        _ => n(i16::MAX, 15, 5, true, false),
    }
}

pub(super) fn invalid(m: impl Into<String>) -> DbError {
    err(SqlState::INVALID_OBJECT_DEFINITION, m)
}

fn syntax(m: &'static str) -> DbError {
    err(SqlState::SYNTAX_ERROR, m)
}

/// A number in its bounds.
fn checked(number: i32, function: bool, method: u32) -> Result<i16> {
    let n = numbers(method);
    let (most, word) = if function { (n.functions, "function") } else { (n.operators, "operator") };
    i16::try_from(number)
        .ok()
        .filter(|v| *v > 0 && *v <= most)
        .ok_or_else(|| invalid(format!("invalid {word} number {number}, must be between 1 and {most}")))
}

/// A type without a place in the text of errors.
pub(super) fn type_of(cx: &DdlCx<'_>, t: &TypeName) -> Result<u32> {
    cx.binder(|b| b.type_name(t)).map(|t| t.oid).map_err(super::placeless)
}

/// One or two types; one stands for both.
fn pair(cx: &DdlCx<'_>, types: &[TypeName]) -> Result<[u32; 2]> {
    match types {
        [one] => {
            let t = type_of(cx, one)?;
            Ok([t, t])
        }
        [left, right] => Ok([type_of(cx, left)?, type_of(cx, right)?]),
        _ => Err(syntax("one or two argument types must be specified")),
    }
}

/// Items turned into members (without OIDs) and the type of STORAGE; `input` is the class's type, `None` in ALTER OPERATOR
/// FAMILY.
pub(super) fn members(
    cx: &DdlCx<'_>,
    am: &AccessMethod,
    input: Option<u32>,
    items: &[OpClassItem],
) -> Result<(Vec<Member>, u32)> {
    let mut out: Vec<Member> = Vec::new();
    let mut storage = 0;
    for item in items {
        let new = match item {
            OpClassItem::Operator { number, name, types, order_by } => {
                operator_item(cx, am, input, *number, name, types.as_ref(), order_by.as_ref())?
            }
            OpClassItem::Function { number, types, function } => {
                function_item(cx, am, input, *number, types, function)?
            }
            OpClassItem::Storage(..) if input.is_none() => {
                return Err(syntax("STORAGE cannot be specified in ALTER OPERATOR FAMILY"));
            }
            OpClassItem::Storage(..) if storage != 0 => return Err(invalid("storage type specified more than once")),
            OpClassItem::Storage(t, _) => {
                storage = type_of(cx, t)?;
                continue;
            }
        };
        if out.iter().any(|m| m.key() == new.key()) {
            return Err(invalid(format!(
                "{} number {} for ({},{}) appears more than once",
                word(&new),
                new.number,
                format_type(new.types[0], -1),
                format_type(new.types[1], -1)
            )));
        }
        out.push(new);
    }
    if Some(storage) == input {
        storage = 0;
    } else if storage != 0 && !numbers(am.oid).storage {
        let m = "storage type cannot be different from data type for access method";
        return Err(invalid(format!("{m} \"{}\"", am.amname)));
    }
    Ok((out, storage))
}

/// What messages call a member.
pub(super) fn word(m: &Member) -> &'static str {
    if m.function { "function" } else { "operator" }
}

fn operator_item(
    cx: &DdlCx<'_>,
    am: &AccessMethod,
    input: Option<u32>,
    number: i32,
    name: &Name,
    types: Option<&(Option<TypeName>, Option<TypeName>)>,
    order_by: Option<&Name>,
) -> Result<Member> {
    let number = checked(number, false, am.oid)?;
    let (left, right) = match (types, input) {
        (Some((l, r)), _) => {
            let of = |t: &Option<TypeName>| t.as_ref().map_or(Ok(0), |t| type_of(cx, t));
            (of(l)?, of(r)?)
        }
        (None, Some(t)) => (t, t),
        (None, None) => return Err(syntax("operator argument types must be specified in ALTER OPERATOR FAMILY")),
    };
    let found = operator::exact(cx, name, left, right)?.ok_or_else(|| operator::missing(name, left, right))?;
    let sort_family = match order_by {
        None => 0,
        Some(f) => {
            let btree = pgdata::access_method(pgdata::BTREE).ok_or_else(|| DbError::internal("no btree"))?;
            let kind = Kind::OperatorFamily;
            opclass_names::find(cx, kind, btree.oid, f).ok_or_else(|| opclass_names::missing(cx, kind, btree, f))?
        }
    };
    if found.oprkind != 'b' {
        return Err(invalid("index operators must be binary"));
    }
    if sort_family != 0 && !numbers(am.oid).orders {
        return Err(invalid(format!("access method \"{}\" does not support ordering operators", am.amname)));
    }
    if sort_family == 0 && found.oprresult != oid::BOOL {
        return Err(invalid("index search operators must return boolean"));
    }
    let types = [found.oprleft, found.oprright];
    Ok(Member { oid: 0, function: false, number, types, target: found.oid, sort_family })
}

fn function_item(
    cx: &DdlCx<'_>,
    am: &AccessMethod,
    input: Option<u32>,
    number: i32,
    types: &[TypeName],
    function: &ObjectRef,
) -> Result<Member> {
    let number = checked(number, true, am.oid)?;
    let ObjectRef::Routine(name, args) = function else {
        return Err(DbError::internal("a support function without a name"));
    };
    let (target, _) = routine::find(cx, ObjectKind::Function, name, args.as_deref())?;
    let given = if types.is_empty() { None } else { Some(pair(cx, types)?) };
    let own = cx.tx.catalog.routines.get(&target).map(|r| r.proc());
    let proc = own.or_else(|| pgdata::proc(target)).ok_or_else(|| DbError::internal("a function is gone"))?;
    let types = support_types(am, number, proc, given, input)?;
    Ok(Member { oid: 0, function: true, number, types, target, sort_family: 0 })
}

/// Checks a support function's signature; the types that it is for.
fn support_types(
    am: &AccessMethod,
    number: i16,
    p: &Proc,
    given: Option<[u32; 2]>,
    input: Option<u32>,
) -> Result<[u32; 2]> {
    let args: &[u32] = &p.proargtypes;
    if number == numbers(am.oid).options {
        if given.is_some_and(|[l, r]| l != r) {
            let m = "left and right associated data types for operator class options parsing functions must match";
            return Err(invalid(m));
        }
        if p.prorettype != oid::VOID || args != [oid::INTERNAL] {
            return Err(invalid("invalid operator class options parsing function")
                .hint("Valid signature of operator class options parsing function is (internal) RETURNS void."));
        }
    }
    let mut usual = None;
    match (am.oid, number) {
        (pgdata::BTREE, 1) => {
            let [l, r] = args else { return Err(invalid("btree comparison functions must have two arguments")) };
            if p.prorettype != oid::INT4 {
                return Err(invalid("btree comparison functions must return integer"));
            }
            usual = Some([*l, *r]);
        }
        (pgdata::BTREE, 2) => {
            if args != [oid::INTERNAL] {
                return Err(invalid("btree sort support functions must accept type \"internal\""));
            }
            if p.prorettype != oid::VOID {
                return Err(invalid("btree sort support functions must return void"));
            }
        }
        (pgdata::BTREE, 3) => {
            let [l, _, r, _, _] = args else {
                return Err(invalid("btree in_range functions must have five arguments"));
            };
            if p.prorettype != oid::BOOL {
                return Err(invalid("btree in_range functions must return boolean"));
            }
            usual = Some([*l, *r]);
        }
        (pgdata::BTREE, 4) => {
            if args.len() != 1 {
                return Err(invalid("btree equal image functions must have one argument"));
            }
            if p.prorettype != oid::BOOL {
                return Err(invalid("btree equal image functions must return boolean"));
            }
            if given.is_some_and(|[l, r]| l != r) {
                return Err(invalid("btree equal image functions must not be cross-type"));
            }
        }
        (pgdata::HASH, 1) => {
            let [t] = args else { return Err(invalid("hash function 1 must have one argument")) };
            if p.prorettype != oid::INT4 {
                return Err(invalid("hash function 1 must return integer"));
            }
            usual = Some([*t, *t]);
        }
        (pgdata::HASH, 2) => {
            let [t, _] = args else { return Err(invalid("hash function 2 must have two arguments")) };
            if p.prorettype != oid::INT8 {
                return Err(invalid("hash function 2 must return bigint"));
            }
            usual = Some([*t, *t]);
        }
        _ => {}
    }
    // Functions whose arguments do not tell are for the class's own type.
    let own = input.map(|t| [t, t]);
    given.or(usual).or(own).ok_or_else(|| invalid("associated data types must be specified for index support function"))
}

/// The key of a member that ALTER OPERATOR FAMILY … DROP names.
pub(super) fn dropped(cx: &DdlCx<'_>, method: u32, d: &ast::OpFamilyDrop) -> Result<(bool, i16, [u32; 2])> {
    let number = checked(d.number, d.function, method)?;
    Ok((d.function, number, pair(cx, &d.types)?))
}
