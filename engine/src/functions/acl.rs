//! Functions over access privileges as values.

use super::{Rows, access, bool_arg, oid_arg, rows, scalar, set, text, text_arg};
use crate::acl::item::{decode, decode_list, encode, encode_list};
use crate::acl::{Acl, AclItem, AclKind, LETTERS, privilege_named};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use rustydb_types::kernel::{CallInfo, Kernel};

fn default_for(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let kind = text_arg(args, 0)?.chars().next().unwrap_or('\0');
    let Some(owner) = oid_arg(args, 1)? else { return Ok(Datum::Null) };
    let acl = match (AclKind::of_letter(kind), kind) {
        (Some(kind), _) => Acl::default_for(kind, owner),
        (None, 'F' | 'S') => Acl::default_for(AclKind::Type, owner).owners_only(),
        (None, 'p') => {
            let privs = crate::acl::privs::SET | crate::acl::privs::ALTER_SYSTEM;
            Acl(vec![AclItem { grantee: owner, grantor: owner, privs, options: 0 }])
        }
        (None, _) => return Err(DbError::internal(format!("unrecognized object type abbreviation: {kind}"))),
    };
    Ok(encode_list(&acl))
}

fn explode(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Rows> {
    let Some(acl) = args.first().map(decode_list).transpose()?.flatten() else { return rows(Vec::new()) };
    let mut out = Vec::new();
    for i in &acl.0 {
        for (n, (_, name)) in LETTERS.iter().enumerate() {
            if i.privs & (1 << n) != 0 {
                let option = Datum::Bool(i.options & (1 << n) != 0);
                out.push(vec![Datum::Oid(i.grantor), Datum::Oid(i.grantee), text(name), option]);
            }
        }
    }
    rows(out)
}

fn make(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let (Some(grantee), Some(grantor)) = (oid_arg(args, 0)?, oid_arg(args, 1)?) else { return Ok(Datum::Null) };
    let mut privs = 0;
    for word in text_arg(args, 2)?.split(',') {
        privs |= privilege_named(word.trim()).ok_or_else(|| {
            DbError::new(SqlState::INVALID_PARAMETER_VALUE, format!("unrecognized privilege type: \"{}\"", word.trim()))
        })?;
    }
    let options = if bool_arg(args, 3) { privs } else { 0 };
    Ok(encode(&AclItem { grantee, grantor, privs, options }))
}

fn contains(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let (Some(list), Some(item)) = (args.first(), args.get(1)) else { return Ok(Datum::Null) };
    let (Some(list), item) = (decode_list(list)?, decode(item)?) else { return Ok(Datum::Null) };
    let has = |i: &AclItem| {
        i.grantee == item.grantee
            && i.grantor == item.grantor
            && i.privs & item.privs == item.privs
            && i.options & item.options == item.options
    };
    Ok(Datum::Bool(list.0.iter().any(has)))
}

fn equal(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let (Some(a), Some(b)) = (args.first(), args.get(1)) else { return Ok(Datum::Null) };
    Ok(Datum::Bool(decode(a)? == decode(b)?))
}

fn no_insert(_: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    Err(DbError::unsupported("aclinsert is no longer supported"))
}

fn no_remove(_: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    Err(DbError::unsupported("aclremove is no longer supported"))
}

/// `has_parameter_privilege`.
fn on_parameter(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let a = access(ctx)?;
    let cat = a.catalog();
    let role = match args {
        [_, _] => a.role(),
        [Datum::Text(name), ..] if name == "public" => 0,
        [Datum::Text(name), ..] => {
            cat.role_named(name)
                .ok_or_else(|| DbError::new(SqlState::UNDEFINED_OBJECT, format!("role \"{name}\" does not exist")))?
                .oid
        }
        [Datum::Oid(o), ..] => *o,
        _ => return Ok(Datum::Null),
    };
    let n = args.len();
    for word in text_arg(args, n.saturating_sub(1))?.split(',') {
        let upper = word.trim().to_ascii_uppercase();
        let base = upper.strip_suffix(" WITH GRANT OPTION").unwrap_or(&upper);
        if !matches!(base, "SET" | "ALTER SYSTEM") {
            return Err(DbError::new(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("unrecognized privilege type: \"{}\"", word.trim()),
            ));
        }
    }
    // Nothing can be granted on parameters, so they are the superusers' alone.
    Ok(Datum::Bool(crate::acl::check::is_superuser(&cat, role)))
}

/// Kernels of this module.
pub(super) const KERNELS: &[Kernel] = &[
    scalar("acldefault_sql", default_for),
    set("aclexplode", explode),
    scalar("makeaclitem", make),
    scalar("aclcontains", contains),
    scalar("aclitem_eq", equal),
    scalar("aclinsert", no_insert),
    scalar("aclremove", no_remove),
    scalar("has_parameter_privilege_name_name", on_parameter),
    scalar("has_parameter_privilege_id_name", on_parameter),
    scalar("has_parameter_privilege_name", on_parameter),
];
