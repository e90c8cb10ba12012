//! Names of catalog objects as values: input and output of regclass, regtype, regproc and their kin.
//!
//! A name on the way in is resolved by the session's search path; on the way out it is qualified exactly when the search
//! path would not find it, and quoted where it must be.

use super::shared::SessionShared;
use crate::bind::{BindCx, Binder};
use crate::catalog::Catalog;
use crate::catalog::objects::{self, Kind};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, quote_ident};
use rustydb_types::ctx::EvalCtx;
use rustydb_types::pgdata::{self, Operator, Proc};
use rustydb_types::{oid, typename};
use std::sync::Arc;

fn invalid_name() -> DbError {
    DbError::new(SqlState::INVALID_NAME, "invalid name syntax")
}

/// Splits a possibly qualified, possibly quoted name.
fn split_name(text: &str) -> Result<Vec<String>> {
    let mut parts = Vec::new();
    let mut rest = text.trim();
    loop {
        rest = rest.trim_start();
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut part = String::new();
            let mut chars = quoted.char_indices().peekable();
            let end = loop {
                match chars.next() {
                    None => return Err(invalid_name()),
                    Some((i, '"')) => {
                        if chars.peek().is_some_and(|c| c.1 == '"') {
                            part.push('"');
                            chars.next();
                        } else {
                            break i + 1;
                        }
                    }
                    Some((_, c)) => part.push(c),
                }
            };
            if part.is_empty() {
                return Err(invalid_name());
            }
            parts.push(part);
            rest = quoted.get(end..).unwrap_or("").trim_start();
        } else {
            let end = rest.find(|c: char| c == '.' || c.is_whitespace()).unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            if word.is_empty() || word.contains('"') {
                return Err(invalid_name());
            }
            parts.push(word.to_lowercase());
            rest = after.trim_start();
        }
        match rest.strip_prefix('.') {
            Some(after) => rest = after,
            None if rest.is_empty() => break,
            None => return Err(invalid_name()),
        }
    }
    for p in &mut parts {
        let cut = rustydb_types::io::truncate_name(p).len();
        p.truncate(cut);
    }
    Ok(parts)
}

/// Schema and name; a leading database name must be the current one.
fn qualified(cat: &Catalog, text: &str) -> Result<(Option<String>, String)> {
    let mut parts = split_name(text)?;
    let name = parts.pop().ok_or_else(invalid_name)?;
    let schema = parts.pop();
    match (parts.pop(), parts.is_empty()) {
        (None, _) => Ok((schema, name)),
        (Some(db), true) if db == cat.database.name => Ok((schema, name)),
        (Some(db), true) => Err(DbError::unsupported(format!(
            "cross-database references are not implemented: \"{db}.{}.{name}\"",
            schema.unwrap_or_default()
        ))),
        (Some(_), false) => Err(DbError::new(
            SqlState::SYNTAX_ERROR,
            format!("improper qualified name (too many dotted names): {text}"),
        )),
    }
}

/// The schemas to look in: the one named, or the search path.
fn schemas(s: &SessionShared, cat: &Catalog, schema: Option<&str>) -> Vec<u32> {
    match schema {
        Some(n) => s.namespace_named(cat, n).into_iter().collect(),
        None => s.search_path(cat),
    }
}

fn shown(schema: Option<&str>, name: &str) -> String {
    match schema {
        Some(s) => format!("{s}.{name}"),
        None => name.to_owned(),
    }
}

/// See [`rustydb_types::ctx::SessionInfo::reg_in`].
pub fn reg_in(s: &SessionShared, kind: u32, text: &str) -> Result<u32> {
    let cat = s.catalog();
    if kind == oid::REGTYPE {
        return type_in(s, &cat, text);
    }
    if matches!(kind, oid::REGPROCEDURE | oid::REGOPERATOR) {
        return with_args(s, &cat, kind, text);
    }
    if kind == oid::REGOPER {
        return operator_in(s, &cat, text);
    }
    let (schema, name) = qualified(&cat, text)?;
    if matches!(kind, oid::REGCLASS | oid::REGPROC) {
        known_schema(&cat, schema.as_deref())?;
    }
    let path = || schemas(s, &cat, schema.as_deref());
    let missing = |code, what: &str| {
        Err(DbError::new(code, format!("{what} \"{}\" does not exist", shown(schema.as_deref(), &name))))
    };
    match kind {
        oid::REGCLASS => match path().iter().find_map(|ns| cat.relation_named(*ns, &name)) {
            Some(r) => Ok(r.oid),
            None => missing(SqlState::UNDEFINED_TABLE, "relation"),
        },
        oid::REGPROC => {
            let found: Vec<&Proc> = procs(&cat, &path(), &name);
            match found.as_slice() {
                [] => missing(SqlState::UNDEFINED_FUNCTION, "function"),
                [one] => Ok(one.oid),
                _ => Err(DbError::new(
                    SqlState::AMBIGUOUS_FUNCTION,
                    format!("more than one function named \"{}\"", shown(schema.as_deref(), &name)),
                )),
            }
        }
        oid::REGROLE if schema.is_none() => match cat.role_named(&name) {
            Some(r) => Ok(r.oid),
            None => missing(SqlState::UNDEFINED_OBJECT, "role"),
        },
        oid::REGNAMESPACE if schema.is_none() => match cat.namespace_named(&name) {
            Some(n) => Ok(n),
            None => missing(SqlState::UNDEFINED_SCHEMA, "schema"),
        },
        oid::REGROLE | oid::REGNAMESPACE => Err(invalid_name()),
        oid::REGCOLLATION => match path().iter().find_map(|ns| {
            let system = (*ns == pgdata::PG_CATALOG).then(|| crate::bind::collation::built_in(&name)).flatten();
            system.or_else(|| cat.collation_in(*ns, &name).map(|c| c.oid))
        }) {
            Some(c) => Ok(c),
            None => {
                known_schema(&cat, schema.as_deref())?;
                Err(DbError::new(
                    SqlState::UNDEFINED_OBJECT,
                    format!("collation \"{}\" for encoding \"UTF8\" does not exist", shown(schema.as_deref(), &name)),
                ))
            }
        },
        oid::REGCONFIG | oid::REGDICTIONARY => {
            let kind = if kind == oid::REGCONFIG { Kind::Configuration } else { Kind::Dictionary };
            known_schema(&cat, schema.as_deref())?;
            match objects::find(&cat, kind, &path(), &name) {
                Some(oid) => Ok(oid),
                None => missing(SqlState::UNDEFINED_OBJECT, kind.word()),
            }
        }
        other => Err(DbError::unsupported(format!("names of type {other} are not supported yet"))),
    }
}

/// Functions of a name in the given schemas.
fn procs(cat: &Catalog, path: &[u32], name: &str) -> Vec<&'static Proc> {
    path.iter().flat_map(|ns| cat.procs_in(*ns, name)).collect()
}

/// A written type's OID, with the binder's rules and errors.
fn type_in(s: &SessionShared, cat: &Arc<Catalog>, text: &str) -> Result<u32> {
    let bad = || DbError::new(SqlState::SYNTAX_ERROR, format!("invalid type name \"{text}\""));
    let parsed = rustydb_parser::parse(&format!("SELECT NULL::{text}")).map_err(|_| bad())?;
    let mut statements = parsed.into_iter();
    let (Some(first), None) = (statements.next(), statements.next()) else { return Err(bad()) };
    let ast::Statement::Query(q) = first.stmt else { return Err(bad()) };
    let plain = q.order_by.is_empty() && q.limit.is_none() && q.offset.is_none() && q.locking.is_empty();
    let ast::QueryBody::Select(mut sel) = q.body else { return Err(bad()) };
    if !plain
        || sel.from.len() + sel.group_by.len() + sel.windows.len() > 0
        || sel.filter.is_some()
        || sel.having.is_some()
    {
        return Err(bad());
    }
    let (Some(target), true) = (sel.targets.pop(), sel.targets.is_empty()) else { return Err(bad()) };
    let (ast::ExprKind::Cast(_, ty), None) = (&target.expr.kind, &target.alias) else { return Err(bad()) };
    let eval = bare_eval(s);
    let path = s.search_path(cat);
    let cx = BindCx { catalog: cat, search_path: &path, eval: &eval, role: s.user_oid(), sql: text };
    let found = Binder::new(&cx, &[]).type_name(ty).map_err(|mut e| {
        // The position would be one in our own text.
        if let Some(f) = &mut e.fields {
            f.position = None;
        }
        e
    })?;
    Ok(found.oid)
}

/// A context for reading type names, where no value depends on clock or formats.
fn bare_eval(s: &SessionShared) -> EvalCtx {
    s.engine.bare_eval()
}

/// `name(argument types)`.
fn with_args(s: &SessionShared, cat: &Arc<Catalog>, kind: u32, text: &str) -> Result<u32> {
    let malformed = |m: &'static str| DbError::new(SqlState::INVALID_TEXT_REPRESENTATION, m);
    let open = text.find('(').ok_or_else(|| malformed("expected a left parenthesis"))?;
    let (name, list) = text.split_at(open);
    let list = list
        .trim_end()
        .strip_prefix('(')
        .and_then(|l| l.strip_suffix(')'))
        .ok_or_else(|| malformed("expected a right parenthesis"))?;
    let mut types = Vec::new();
    for t in split_types(list) {
        if kind == oid::REGOPERATOR && t.eq_ignore_ascii_case("none") {
            types.push(0);
        } else {
            types.push(type_in(s, cat, t)?);
        }
    }
    if kind == oid::REGPROCEDURE {
        let (schema, fname) = qualified(cat, name)?;
        known_schema(cat, schema.as_deref())?;
        let path = schemas(s, cat, schema.as_deref());
        return procs(cat, &path, &fname)
            .into_iter()
            .find(|p| *p.proargtypes == *types)
            .map(|p| p.oid)
            .ok_or_else(|| DbError::new(SqlState::UNDEFINED_FUNCTION, format!("function \"{text}\" does not exist")));
    }
    let [left, right] = types.as_slice() else {
        return Err(match types.len() {
            1 => DbError::new(SqlState::UNDEFINED_PARAMETER, "missing argument")
                .hint("Use NONE to denote the missing argument of a unary operator."),
            _ => DbError::new(SqlState::TOO_MANY_ARGUMENTS, "too many arguments")
                .hint("Provide two argument types for operator."),
        });
    };
    let missing = || DbError::new(SqlState::UNDEFINED_FUNCTION, format!("operator does not exist: {text}"));
    // Unlike the others this one does not tell that there is no such schema.
    let found =
        operators(s, cat, name).map_err(|e| if e.code == SqlState::INVALID_SCHEMA_NAME { missing() } else { e })?;
    found.into_iter().find(|o| o.oprleft == *left && o.oprright == *right).map(|o| o.oid).ok_or_else(missing)
}

/// Splits at commas outside parentheses and quotes.
fn split_types(list: &str) -> Vec<&str> {
    let (mut depth, mut quoted, mut start) = (0i32, false, 0);
    let mut out = Vec::new();
    for (i, c) in list.char_indices() {
        match c {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                out.push(list.get(start..i).unwrap_or("").trim());
                start = i + 1;
            }
            _ => {}
        }
    }
    let last = list.get(start..).unwrap_or("").trim();
    if !last.is_empty() || !out.is_empty() {
        out.push(last);
    }
    out
}

/// 3F000 for a schema that there is not.
fn known_schema(cat: &Catalog, schema: Option<&str>) -> Result<()> {
    match schema {
        Some(n) if n != "pg_temp" && cat.namespace_named(n).is_none() => {
            Err(DbError::new(SqlState::INVALID_SCHEMA_NAME, format!("schema \"{n}\" does not exist")))
        }
        _ => Ok(()),
    }
}

fn operators(s: &SessionShared, cat: &Catalog, text: &str) -> Result<Vec<&'static Operator>> {
    let text = text.trim();
    let (schema, name) = match text.rsplit_once('.') {
        Some((schema, name)) => {
            let (db, schema) = qualified(cat, schema)?;
            if db.is_some_and(|d| d != cat.database.name) {
                return Err(invalid_name());
            }
            (Some(schema), name)
        }
        None => (None, text),
    };
    known_schema(cat, schema.as_deref())?;
    let path = schemas(s, cat, schema.as_deref());
    let mut found = Vec::new();
    for ns in path {
        if ns == pgdata::PG_CATALOG {
            found.extend_from_slice(pgdata::operators_named(name));
        }
        found.extend(cat.operators_in(ns, name).into_iter().map(|o| o.operator()));
    }
    Ok(found)
}

fn operator_in(s: &SessionShared, cat: &Catalog, text: &str) -> Result<u32> {
    match operators(s, cat, text)?.as_slice() {
        [] => Err(DbError::new(SqlState::UNDEFINED_FUNCTION, format!("operator does not exist: {text}"))),
        [one] => Ok(one.oid),
        _ => Err(DbError::new(SqlState::AMBIGUOUS_FUNCTION, format!("more than one operator named {text}"))),
    }
}

/// A name, with its schema if the search path finds something else (or nothing) under it.
fn visible_name(schema: &str, name: &str, visible: bool) -> String {
    if visible { quote_ident(name).to_string() } else { format!("{}.{}", quote_ident(schema), quote_ident(name)) }
}

/// A text search object's name, with its schema unless the search path finds it.
fn object_name(s: &SessionShared, cat: &Catalog, kind: Kind, oid: u32) -> Option<String> {
    let (namespace, name) = objects::place(cat, kind, oid)?;
    let first = objects::find(cat, kind, &s.search_path(cat), &name);
    Some(visible_name(&schema_name(cat, namespace), &name, first == Some(oid)))
}

/// A text search parser by name.
pub fn ts_parser(s: &SessionShared, text: &str) -> Result<u32> {
    let cat = s.catalog();
    let (schema, name) = qualified(&cat, text)?;
    known_schema(&cat, schema.as_deref())?;
    let path = schemas(s, &cat, schema.as_deref());
    objects::find(&cat, Kind::Parser, &path, &name).ok_or_else(|| {
        let shown = shown(schema.as_deref(), &name);
        DbError::new(SqlState::UNDEFINED_OBJECT, format!("text search parser \"{shown}\" does not exist"))
    })
}

fn schema_name(cat: &Catalog, ns: u32) -> String {
    cat.namespaces.get(&ns).map_or_else(|| ns.to_string(), |n| n.name.clone())
}

/// Whether the search path leads to a relation by its bare name.
pub fn relation_is_visible(s: &SessionShared, cat: &Catalog, oid: u32) -> Option<bool> {
    let rel = cat.relation(oid)?;
    let path = s.search_path(cat);
    let first = path.iter().find_map(|ns| cat.relation_named(*ns, &rel.name));
    Some(first.is_some_and(|r| r.oid == oid))
}

/// See [`rustydb_types::ctx::SessionInfo::reg_out`].
pub fn reg_out(s: &SessionShared, kind: u32, value: u32) -> String {
    let cat = s.catalog();
    let number = || value.to_string();
    match kind {
        oid::REGCLASS => match cat.relation(value) {
            Some(r) => {
                let visible = relation_is_visible(s, &cat, value).unwrap_or(false);
                visible_name(&r.schema, &r.name, visible)
            }
            None => number(),
        },
        oid::REGTYPE => match oid::type_info(value) {
            Some(_) => typename::format_type(value, -1),
            None => user_type_name(s, value).unwrap_or_else(number),
        },
        oid::REGPROC => match pgdata::proc(value) {
            Some(p) => {
                let path = s.search_path(&cat);
                // Visible only if the bare name means this function alone.
                let alone = matches!(procs(&cat, &path, p.proname).as_slice(), [one] if one.oid == p.oid);
                visible_name(&schema_name(&cat, p.pronamespace), p.proname, alone || path.contains(&p.pronamespace))
            }
            None => number(),
        },
        oid::REGPROCEDURE => match pgdata::proc(value) {
            Some(p) => {
                let path = s.search_path(&cat);
                let first = procs(&cat, &path, p.proname).into_iter().find(|q| q.proargtypes == p.proargtypes);
                let visible = first.is_some_and(|q| q.oid == p.oid);
                let args: Vec<String> = p.proargtypes.iter().map(|t| typename::format_type(*t, -1)).collect();
                format!("{}({})", visible_name(&schema_name(&cat, p.pronamespace), p.proname, visible), args.join(","))
            }
            None => number(),
        },
        oid::REGOPER => match pgdata::operator(value) {
            Some(o) if pgdata::operators_named(o.oprname).len() == 1 => o.oprname.to_owned(),
            Some(o) => format!("pg_catalog.{}", o.oprname),
            None => number(),
        },
        oid::REGOPERATOR => match pgdata::operator(value) {
            Some(o) => {
                let arg = |t: u32| if t == 0 { "NONE".to_owned() } else { typename::format_type(t, -1) };
                format!("{}({},{})", o.oprname, arg(o.oprleft), arg(o.oprright))
            }
            None => number(),
        },
        oid::REGROLE => cat.roles.get(&value).map_or_else(number, |r| quote_ident(&r.name).to_string()),
        oid::REGNAMESPACE => cat.namespaces.get(&value).map_or_else(number, |n| quote_ident(&n.name).to_string()),
        oid::REGCOLLATION => match cat.collation_place(value) {
            Some((ns, name)) => {
                let path = s.search_path(&cat);
                let named = |at: &u32| {
                    let system = *at == pgdata::PG_CATALOG && crate::bind::collation::built_in(&name).is_some();
                    system || cat.collation_in(*at, &name).is_some()
                };
                let visible = path.iter().find(|at| named(at)) == Some(&ns);
                visible_name(&schema_name(&cat, ns), &name, visible)
            }
            None => number(),
        },
        oid::REGCONFIG => object_name(s, &cat, Kind::Configuration, value).unwrap_or_else(number),
        oid::REGDICTIONARY => object_name(s, &cat, Kind::Dictionary, value).unwrap_or_else(number),
        _ => number(),
    }
}

/// The name of a type that is not built in, with its schema unless the search path finds it.
pub fn user_type_name(s: &SessionShared, ty: u32) -> Option<String> {
    let cat = s.catalog();
    if let Some(elem) = oid::array_element(ty).filter(|_| ty >= crate::catalog::FIRST_USER_OID) {
        return Some(format!("{}[]", user_type_name(s, elem).unwrap_or_else(|| typename::format_type(elem, -1))));
    }
    let system = pgdata::pg_type(ty).filter(|t| t.oid < crate::catalog::FIRST_USER_OID);
    if let Some(elem) = system.filter(|t| t.typcategory == 'A' && t.typname.starts_with('_')).map(|t| t.typelem) {
        return Some(format!("{}[]", user_type_name(s, elem)?));
    }
    // Domains of information_schema and row types of catalogs are in no user's hands, but not among the usual types.
    let system = system.map(|t| (t.typnamespace, t.typname.to_owned()));
    let (ns, name) = cat.type_place(ty).or(system)?;
    let path = s.search_path(&cat);
    let built_in = pgdata::type_named(&name);
    let first = path.iter().find_map(|n| match built_in.filter(|t| *n == t.typnamespace) {
        _ if *n == ns => Some(ty),
        Some(t) => Some(t.oid),
        None => cat.type_named(*n, &name),
    });
    Some(visible_name(&schema_name(&cat, ns), &name, first == Some(ty)))
}

/// A relation by a name in text, as functions like `has_table_privilege` take it.
pub fn relation_named(s: &SessionShared, text: &str) -> Result<u32> {
    reg_in(s, oid::REGCLASS, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_split_at_dots_outside_quotes() {
        assert_eq!(split_name("Foo").expect("plain"), ["foo"]);
        assert_eq!(split_name(" a . \"B.\"\"c\" ").expect("quoted"), ["a", "B.\"c"]);
        for bad in ["", "a.", ".a", "\"\"", "\"a", "a b", "a\"b"] {
            assert!(split_name(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn argument_lists_split_outside_parentheses() {
        assert_eq!(split_types("numeric(10,2), \"a,b\",text"), ["numeric(10,2)", "\"a,b\"", "text"]);
        assert!(split_types("").is_empty());
    }
}
