//! The text forms of an ACL item: with role numbers (as values hold it) and with names (as clients see it).

use super::{Acl, AclItem, LETTERS};
use crate::catalog::Catalog;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_types::datum::{ArrayValue, Datum};
use rustydb_types::oid;
use std::fmt::Write;
use std::sync::Arc;

fn letters(i: &AclItem, out: &mut String) {
    out.push('=');
    for (n, (letter, _)) in LETTERS.iter().enumerate() {
        if i.privs & (1 << n) != 0 {
            out.push(*letter);
        }
        if i.options & (1 << n) != 0 {
            out.push('*');
        }
    }
    out.push('/');
}

/// An item as a value.
pub fn encode(i: &AclItem) -> Datum {
    let mut s = String::new();
    if i.grantee != 0 {
        let _ = write!(s, "{}", i.grantee);
    }
    letters(i, &mut s);
    let _ = write!(s, "{}", i.grantor);
    Datum::Text(s.as_str().into())
}

/// A list as a value.
pub fn encode_list(acl: &Acl) -> Datum {
    let items: Vec<Datum> = acl.0.iter().map(encode).collect();
    let dims = if items.is_empty() { vec![] } else { vec![(i32::try_from(items.len()).unwrap_or(i32::MAX), 1)] };
    Datum::Array(Arc::new(ArrayValue { elem: oid::ACLITEM, dims, items }))
}

/// The privileges a run of letters means, stars being grant options.
fn read_letters(s: &str) -> Result<(u16, u16)> {
    let (mut privs, mut options, mut last) = (0, 0, 0);
    for c in s.chars() {
        if c == '*' {
            options |= last;
            continue;
        }
        let n = LETTERS.iter().position(|l| l.0 == c).ok_or_else(|| {
            let known: String = LETTERS.iter().map(|l| l.0).collect();
            DbError::new(
                SqlState::INVALID_TEXT_REPRESENTATION,
                format!("invalid mode character: must be one of \"{known}\""),
            )
        })?;
        last = 1 << n;
        privs |= last;
    }
    Ok((privs, options))
}

/// An item from its value.
pub fn decode(d: &Datum) -> Result<AclItem> {
    let Datum::Text(t) = d else {
        return Err(DbError::new(SqlState::NULL_VALUE_NOT_ALLOWED, "ACL arrays must not contain null values"));
    };
    let bad = || DbError::internal(format!("damaged ACL item \"{t}\""));
    let (who, rest) = t.split_once('=').ok_or_else(bad)?;
    let (set, by) = rest.split_once('/').ok_or_else(bad)?;
    let grantee = if who.is_empty() { 0 } else { who.parse().map_err(|_| bad())? };
    let (privs, options) = read_letters(set)?;
    Ok(AclItem { grantee, grantor: by.parse().map_err(|_| bad())?, privs, options })
}

/// A list from its value; NULL is none.
pub fn decode_list(d: &Datum) -> Result<Option<Acl>> {
    match d {
        Datum::Array(a) => a.items.iter().map(decode).collect::<Result<Vec<_>>>().map(|v| Some(Acl(v))),
        _ => Ok(None),
    }
}

/// A role name as items show it: quoted when it has more than letters, digits and underscores.
fn put_name(cat: &Catalog, role: u32, out: &mut String) {
    let Some(r) = cat.roles.get(&role) else {
        let _ = write!(out, "{role}");
        return;
    };
    if r.name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        out.push_str(&r.name);
    } else {
        let _ = write!(out, "\"{}\"", r.name.replace('"', "\"\""));
    }
}

/// What clients see of an item.
pub fn show(cat: &Catalog, value: &str) -> String {
    let Ok(i) = decode(&Datum::Text(value.into())) else { return value.to_owned() };
    let mut s = String::new();
    if i.grantee != 0 {
        put_name(cat, i.grantee, &mut s);
    }
    letters(&i, &mut s);
    put_name(cat, i.grantor, &mut s);
    s
}

/// A name at the head of a text (quotes may be anywhere in it), and the rest.
fn name_of(s: &str) -> Result<(String, &str)> {
    let mut name = String::new();
    let mut quoted = false;
    let mut it = s.char_indices().peekable();
    while let Some((at, c)) = it.next() {
        match c {
            '"' if quoted && it.peek().is_some_and(|n| n.1 == '"') => {
                name.push('"');
                it.next();
            }
            '"' => quoted = !quoted,
            c if quoted || c.is_ascii_alphanumeric() || c == '_' || !c.is_ascii() => name.push(c),
            _ => return Ok((name, &s[at..])),
        }
        if name.len() > 63 {
            return Err(DbError::new(SqlState::INVALID_NAME, "identifier too long")
                .detail("Identifier must be less than 64 characters."));
        }
    }
    Ok((name, ""))
}

/// Reads an item as clients write it. The flag tells that the grantor was left out (and is the superuser).
pub fn read(cat: &Catalog, text: &str) -> Result<(AclItem, bool)> {
    let bad = |m: &str| DbError::new(SqlState::INVALID_TEXT_REPRESENTATION, m.to_owned());
    let role = |name: &str| {
        cat.role_named(name)
            .map(|r| r.oid)
            .ok_or_else(|| DbError::new(SqlState::UNDEFINED_OBJECT, format!("role \"{name}\" does not exist")))
    };
    let (mut name, mut rest) = name_of(text.trim_start())?;
    if !rest.trim_start().starts_with('=') {
        if name != "group" && name != "user" {
            return Err(
                bad(&format!("unrecognized key word: \"{name}\"")).hint("ACL key word must be \"group\" or \"user\".")
            );
        }
        (name, rest) = name_of(rest.trim_start())?;
        if name.is_empty() {
            return Err(bad("missing name").hint("A name must follow the \"group\" or \"user\" key word."));
        }
    }
    let rest = rest.trim_start().strip_prefix('=').ok_or_else(|| bad("missing \"=\" sign"))?;
    let end = rest.find(|c: char| !(c.is_ascii_alphabetic() || c == '*')).unwrap_or(rest.len());
    let (set, rest) = rest.split_at(end);
    let (privs, options) = read_letters(set)?;
    let grantee = if name.is_empty() { 0 } else { role(&name)? };
    let (grantor, left_out, rest) = match rest.strip_prefix('/') {
        Some(by) => {
            let (name, rest) = name_of(by.trim_start())?;
            if name.is_empty() {
                return Err(bad("a name must follow the \"/\" sign"));
            }
            (role(&name)?, false, rest)
        }
        None => (crate::catalog::system::SUPERUSER, true, rest),
    };
    if !rest.trim().is_empty() {
        return Err(bad("extra garbage at the end of the ACL specification"));
    }
    Ok((AclItem { grantee, grantor, privs, options }, left_out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_go_through_their_value() {
        let i = AclItem { grantee: 0, grantor: 10, privs: 0b11, options: 0b10 };
        let d = encode(&i);
        assert_eq!(d, Datum::Text("=ar*/10".into()));
        assert_eq!(decode(&d).expect("well formed"), i);
        assert!(decode(&Datum::Text("x".into())).is_err());
    }
}
