//! Access privileges as values: `aclitem` texts like `role=arw*/grantor`.

use super::{Rows, access, array, oid_arg, rows, scalar, set, text, text_arg};
use crate::catalog::Catalog;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::quote_ident;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use rustydb_types::kernel::{CallInfo, Kernel};
use rustydb_types::oid;

/// Privileges by letter, in the order in which they are listed.
const PRIVILEGES: &[(char, &str)] = &[
    ('a', "INSERT"),
    ('r', "SELECT"),
    ('w', "UPDATE"),
    ('d', "DELETE"),
    ('D', "TRUNCATE"),
    ('x', "REFERENCES"),
    ('t', "TRIGGER"),
    ('X', "EXECUTE"),
    ('U', "USAGE"),
    ('C', "CREATE"),
    ('T', "TEMPORARY"),
    ('c', "CONNECT"),
    ('s', "SET"),
    ('A', "ALTER SYSTEM"),
];

/// What everyone and what the owner may do with a new object of a kind (`acldefault`'s letter).
fn defaults(kind: char) -> Option<(&'static str, &'static str)> {
    Some(match kind {
        'c' => ("", ""),
        'r' => ("", "arwdDxt"),
        's' => ("", "rwU"),
        'd' => ("Tc", "CTc"),
        'f' => ("X", "X"),
        'l' | 'T' => ("U", "U"),
        'L' => ("", "rw"),
        'n' => ("", "UC"),
        'p' => ("", "sA"),
        't' => ("", "C"),
        'F' | 'S' => ("", "U"),
        _ => return None,
    })
}

fn default_for(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let kind = text_arg(args, 0)?.chars().next().unwrap_or('\0');
    let Some(owner) = oid_arg(args, 1)? else { return Ok(Datum::Null) };
    let (world, own) =
        defaults(kind).ok_or_else(|| DbError::internal(format!("unrecognized object type abbreviation: {kind}")))?;
    let cat = access(ctx)?.catalog();
    let name = cat.roles.get(&owner).map_or_else(|| owner.to_string(), |r| quote_ident(&r.name).to_string());
    let mut items = Vec::with_capacity(2);
    if !world.is_empty() {
        items.push(text(format!("={world}/{name}")));
    }
    if !own.is_empty() {
        items.push(text(format!("{name}={own}/{name}")));
    }
    Ok(array(oid::ACLITEM, items))
}

/// A role name (quoted or not) or number at the head of a text, and the rest.
fn role<'t>(cat: &Catalog, t: &'t str) -> Result<(u32, &'t str)> {
    let mut name = String::new();
    let mut rest = t;
    if let Some(mut inner) = t.strip_prefix('"') {
        loop {
            let end = inner.find('"').ok_or_else(|| bad(t))?;
            name.push_str(&inner[..end]);
            inner = &inner[end + 1..];
            match inner.strip_prefix('"') {
                Some(more) => {
                    name.push('"');
                    inner = more;
                }
                None => break,
            }
        }
        rest = inner;
    } else {
        let end = t.find(['=', '/']).unwrap_or(t.len());
        name.push_str(&t[..end]);
        rest = &rest[end..];
    }
    if name.is_empty() {
        return Ok((0, rest));
    }
    let known = cat.role_named(&name).map(|r| r.oid).or_else(|| name.parse().ok());
    known
        .map(|o| (o, rest))
        .ok_or_else(|| DbError::new(SqlState::UNDEFINED_OBJECT, format!("role \"{name}\" does not exist")))
}

fn bad(t: &str) -> DbError {
    DbError::new(SqlState::INVALID_TEXT_REPRESENTATION, format!("invalid aclitem: \"{t}\""))
}

fn explode(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Rows> {
    let Some(Datum::Array(list)) = args.first() else { return rows(Vec::new()) };
    let cat = access(ctx)?.catalog();
    let mut out = Vec::new();
    for item in &list.items {
        let Datum::Text(t) = item else {
            return Err(DbError::new(SqlState::NULL_VALUE_NOT_ALLOWED, "ACL arrays must not contain null values"));
        };
        let (grantee, rest) = role(&cat, t)?;
        let rest = rest.strip_prefix('=').ok_or_else(|| bad(t))?;
        let (letters, by) = rest.split_once('/').ok_or_else(|| bad(t))?;
        let (grantor, _) = role(&cat, by)?;
        for (letter, name) in PRIVILEGES {
            if let Some(i) = letters.find(*letter) {
                let option = letters[i + letter.len_utf8()..].starts_with('*');
                out.push(vec![Datum::Oid(grantor), Datum::Oid(grantee), text(name), Datum::Bool(option)]);
            }
        }
    }
    rows(out)
}

/// Kernels of this module.
pub(super) const KERNELS: &[Kernel] = &[scalar("acldefault_sql", default_for), set("aclexplode", explode)];
