//! Definitions back to SQL text, as PostgreSQL's `pg_get_*def` functions show them.
//!
//! Kept expressions are SQL text already (see [`crate::bind::define`]): every constant typed, every cast explicit, every
//! operation in parentheses, relations in `regclass` constants by OID. Here such text is parsed and printed again for
//! people: relation names for OIDs, and in the pretty form without the parentheses that precedence makes superfluous.

mod call;
mod print;
mod query;
mod sqljson;

use self::print::Printer;
use super::routines::Routine;
use super::{Catalog, Column, Constraint, ConstraintKind, FkAction, Index, RelKind, Relation};
use rustydb_parser::ast::{self, Expr, ExprKind, Literal, quote_ident};
use rustydb_types::ctx::{EvalCtx, FormatSettings};
use rustydb_types::datum::TypeRef;
use rustydb_types::io::{self, OutCtx};
use rustydb_types::{oid, pgdata, typename};
use std::fmt::Write;
use std::sync::Arc;

/// How names are shown.
#[derive(Clone, Copy)]
pub struct Show<'a> {
    /// For names of relations kept by OID; `None` keeps the OIDs (the stored form).
    pub catalog: Option<&'a Catalog>,
    /// Schemas whose relations are shown without schema.
    pub search_path: &'a [u32],
    /// Without superfluous parentheses.
    pub pretty: bool,
    /// In whose formats constants are shown; `None` is as they are kept.
    pub formats: Option<&'a EvalCtx>,
}

/// A collation as a COLLATE clause names it, whose kept name is given.
fn collation_shown(show: Show<'_>, kept: &ast::Name) -> String {
    let by_oid = kept.schema.as_ref().is_some_and(|s| s.value == crate::bind::define::COLLATION_BY_OID);
    match (show.catalog, kept.name.value.parse::<u32>()) {
        (Some(_), Ok(oid)) if by_oid => collation_name(show, oid),
        _ if by_oid => format!("{}.\"{}\"", crate::bind::define::COLLATION_BY_OID, kept.name.value),
        _ => quote_ident(&kept.name.value).to_string(),
    }
}

/// The same by its OID.
fn collation_name(show: Show<'_>, oid: u32) -> String {
    let Some(cat) = show.catalog else {
        return rustydb_types::collation::name(oid).map_or_else(|| oid.to_string(), |n| quote_ident(&n).to_string());
    };
    let Some((ns, name)) = cat.collation_place(oid) else { return oid.to_string() };
    if ns == pgdata::PG_CATALOG || show.search_path.contains(&ns) {
        return quote_ident(&name).to_string();
    }
    let schema = cat.namespaces.get(&ns).map(|n| n.name.clone()).unwrap_or_default();
    format!("{}.{}", quote_ident(&schema), quote_ident(&name))
}

/// An operator class, with its schema unless it is found without.
fn opclass_name(show: Show<'_>, o: &pgdata::OpClass) -> String {
    use super::objects::Kind;
    let place = show.catalog.and_then(|cat| super::opclasses::place(cat, Kind::OperatorClass, o.oid));
    let (Some(cat), Some((ns, name, method))) = (show.catalog, place) else {
        return quote_ident(o.opcname).to_string();
    };
    let found = |ns: &u32| super::opclasses::in_schema(cat, Kind::OperatorClass, method, *ns, &name);
    if show.search_path.iter().find_map(found) == Some(o.oid) || ns == pgdata::PG_CATALOG {
        return quote_ident(&name).to_string();
    }
    let schema = cat.namespaces.get(&ns).map(|n| n.name.clone()).unwrap_or_default();
    format!("{}.{}", quote_ident(&schema), quote_ident(&name))
}

/// The form in which expressions are stored.
pub const STORED: Show<'static> = Show { catalog: None, search_path: &[], pretty: false, formats: None };

/// A kept constant in the session's formats; `None` if its type has one format only.
fn in_formats(ctx: &EvalCtx, ty: &ast::TypeName, kept: &str) -> Option<String> {
    let builtin = ty.name.schema.as_ref().is_none_or(|s| s.value == "pg_catalog");
    let base = pgdata::type_named(&ty.name.name.value).filter(|_| builtin && !ty.pct_type)?;
    if !has_formats(base.oid) {
        return None;
    }
    let ty = TypeRef::new(if ty.dims.is_empty() { base.oid } else { base.typarray });
    let fixed = EvalCtx {
        fmt: FormatSettings::default(),
        transaction_start: ctx.transaction_start,
        statement_start: ctx.statement_start,
        session: Arc::clone(&ctx.session),
        host: None,
    };
    let value = io::text_in(&fixed, ty, kept).ok()?;
    let mut out = Vec::new();
    io::text_out(OutCtx { fmt: &ctx.fmt, session: Some(&*ctx.session) }, ty, &value, &mut out).ok()?;
    String::from_utf8(out).ok()
}

/// Whether settings decide how values of a type, or of its elements, are written.
fn has_formats(ty: u32) -> bool {
    let of_parts = [oid::DATE, oid::TIMESTAMP, oid::TIMESTAMPTZ, oid::INTERVAL, oid::FLOAT4, oid::FLOAT8, oid::BYTEA];
    let bounds = |r: u32| pgdata::pg_type(r).is_some_and(|t| matches!(t.typtype, 'r' | 'm'));
    of_parts.contains(&ty) || bounds(ty) || oid::array_element(ty).is_some_and(has_formats)
}

/// Prints an expression.
pub fn expr(e: &Expr, show: Show<'_>) -> String {
    let mut p = Printer::new(show, show.pretty.then_some(0));
    p.expr(e);
    p.out
}

/// Prints a query in [canonical form](crate::bind::canonical), with line breaks, each output on a line of its own if lines
/// would be longer than `wrap`.
pub fn query(q: &ast::Query, show: Show<'_>, wrap: Option<usize>) -> String {
    let mut p = Printer::new(show, Some(0));
    p.wrap = wrap;
    p.query(q, true);
    p.out
}

/// Prints an expression kept as text; text that does not parse is shown as it is.
pub fn stored(text: &str, show: Show<'_>) -> String {
    match crate::bind::parse_expr(text) {
        Ok(e) => expr(&e, show),
        Err(_) => text.to_owned(),
    }
}

/// The condition of a domain as CREATE DOMAIN writes it.
pub fn domain_check(show: Show<'_>, c: &super::types::DomainCheck) -> String {
    // No column can be called so: it stands for the key word VALUE, which no quoting must touch.
    const MARK: &str = "\u{1}";
    let text = match crate::bind::parse_expr(&c.check) {
        Ok(mut e) => {
            crate::ddl::each_column(&mut e, &mut |n| {
                if n.value == "value" {
                    MARK.clone_into(&mut n.value);
                }
            });
            expr(&e, show).replace(&quote_ident(MARK).to_string(), "VALUE")
        }
        Err(_) => c.check.clone(),
    };
    let tail = if c.validated { "" } else { " NOT VALID" };
    format!("CHECK ({text}){tail}")
}

/// The routine that a name by OID means.
fn routine_of<'c>(cat: &'c Catalog, name: &ast::Name) -> Option<&'c Routine> {
    name.schema.as_ref().filter(|s| s.value == crate::bind::define::FUNCTION_BY_OID)?;
    cat.routines.get(&name.name.value.parse().ok()?).map(|r| r.as_ref())
}

/// A routine's name, with its schema unless the search path finds it.
pub fn routine_name(cat: Option<&Catalog>, search_path: &[u32], r: &Routine) -> String {
    // Unquoted before a parenthesis these words are SQL/JSON.
    let word = rustydb_parser::ast::is_json_word(&r.name);
    let name = if word { format!("\"{}\"", r.name) } else { quote_ident(&r.name).to_string() };
    if search_path.contains(&r.namespace) {
        return name;
    }
    match cat.and_then(|c| c.namespaces.get(&r.namespace)) {
        Some(n) => format!("{}.{name}", quote_ident(&n.name)),
        None => name,
    }
}

/// A query's text with functions by their names instead of their OIDs.
pub fn with_function_names(text: &str, cat: &Catalog, search_path: &[u32]) -> String {
    let mark = format!("{}.\"", crate::bind::define::FUNCTION_BY_OID);
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(&mark) {
        out.push_str(before);
        let found = after.split_once('"').and_then(|(o, tail)| Some((cat.routines.get(&o.parse().ok()?)?, tail)));
        match found {
            Some((r, tail)) => {
                out.push_str(&routine_name(Some(cat), search_path, r));
                rest = tail;
            }
            None => {
                out.push_str(&mark);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// A relation's name, with its schema unless the search path finds it.
pub fn relation_name(cat: &Catalog, search_path: &[u32], rel: &Relation) -> String {
    let visible =
        search_path.iter().find_map(|&ns| cat.relation_named(ns, &rel.name)).is_some_and(|r| r.oid == rel.oid);
    if visible { quote_ident(&rel.name).to_string() } else { qualified(rel) }
}

/// A relation's name with its schema.
pub fn qualified(rel: &Relation) -> String {
    format!("{}.{}", quote_ident(&rel.schema), quote_ident(&rel.name))
}

/// A type as syntax names it, in PostgreSQL's words.
pub fn type_text(t: &ast::TypeName) -> String {
    let builtin = t.name.schema.as_ref().is_none_or(|s| s.value == "pg_catalog");
    let Some(base) = pgdata::type_named(&t.name.name.value).filter(|_| builtin && !t.pct_type) else {
        return t.to_string();
    };
    let mods: Option<Vec<i32>> = t
        .mods
        .iter()
        .map(|m| match &m.kind {
            ExprKind::Literal(Literal::Integer(i)) => i32::try_from(*i).ok(),
            _ => None,
        })
        .collect();
    let typmod = match mods {
        Some(m) if m.is_empty() => -1,
        Some(m) => typename::typmod_in(base.oid, &m).unwrap_or(-1),
        None => return t.to_string(),
    };
    let ty = if t.dims.is_empty() { base.oid } else { base.typarray };
    typename::with_typmod(ty, typmod)
}

fn columns(rel: &Relation, list: &[i16]) -> String {
    let names: Vec<String> = list
        .iter()
        .map(|n| rel.attribute(*n).map_or_else(|| n.to_string(), |c| quote_ident(&c.name).to_string()))
        .collect();
    names.join(", ")
}

/// The default or generation expression of a column as shown to people.
pub fn default_text(c: &Column, show: Show<'_>) -> Option<String> {
    c.default.as_deref().map(|d| stored(d, show))
}

/// `pg_get_constraintdef`.
pub fn constraint_def(show: Show<'_>, rel: &Relation, c: &Constraint) -> String {
    let cat = show.catalog;
    let find_index = |o: u32| rel.indexes.iter().find(|i| i.oid == o);
    // What follows the columns of a key.
    let include = |o: u32| match find_index(o).filter(|i| !i.include.is_empty()) {
        Some(i) => format!(" INCLUDE ({})", columns(rel, &i.include)),
        None => String::new(),
    };
    let mut out = match &c.kind {
        ConstraintKind::Check(text) => format!("CHECK ({})", stored(text, show)),
        ConstraintKind::Primary { index } => {
            format!("PRIMARY KEY ({}){}", columns(rel, &c.columns), include(*index))
        }
        ConstraintKind::Unique { index } => {
            let nulls =
                if find_index(*index).is_some_and(|i| i.nulls_not_distinct) { " NULLS NOT DISTINCT" } else { "" };
            format!("UNIQUE{nulls} ({}){}", columns(rel, &c.columns), include(*index))
        }
        ConstraintKind::Exclude { index } => match find_index(*index) {
            Some(i) => exclusion(show, rel, i),
            None => String::new(),
        },
        ConstraintKind::Foreign { ref_table, ref_columns, on_update, on_delete, match_full, .. } => {
            let target =
                if *ref_table == rel.oid { Some(rel) } else { cat.and_then(|c| c.relation(*ref_table)).map(|r| &**r) };
            let (name, cols) = match (target, cat) {
                (Some(t), Some(cat)) => (relation_name(cat, show.search_path, t), columns(t, ref_columns)),
                (Some(t), None) => (qualified(t), columns(t, ref_columns)),
                (None, _) => (ref_table.to_string(), String::new()),
            };
            let mut s = format!("FOREIGN KEY ({}) REFERENCES {name}({cols})", columns(rel, &c.columns));
            if *match_full {
                s.push_str(" MATCH FULL");
            }
            for (word, a) in [("UPDATE", on_update), ("DELETE", on_delete)] {
                let (text, list) = match a {
                    FkAction::NoAction => continue,
                    FkAction::Restrict => ("RESTRICT", None),
                    FkAction::Cascade => ("CASCADE", None),
                    FkAction::SetNull(l) => ("SET NULL", Some(l)),
                    FkAction::SetDefault(l) => ("SET DEFAULT", Some(l)),
                };
                let _ = write!(s, " ON {word} {text}");
                if let Some(l) = list.filter(|l| !l.is_empty()) {
                    let _ = write!(s, " ({})", columns(rel, l));
                }
            }
            s
        }
    };
    if c.no_inherit {
        out.push_str(" NO INHERIT");
    }
    if c.deferrable {
        out.push_str(" DEFERRABLE");
    }
    if c.deferred {
        out.push_str(" INITIALLY DEFERRED");
    }
    if !c.validated {
        out.push_str(" NOT VALID");
    }
    out
}

/// An exclusion constraint without its deferrability.
fn exclusion(show: Show<'_>, rel: &Relation, i: &Index) -> String {
    let operator = |oid: u32| -> String {
        let built_in = pgdata::operator(oid).map(|o| (o.oprname, pgdata::PG_CATALOG));
        let users = || show.catalog?.operators.get(&oid).map(|o| (o.operator().oprname, o.namespace));
        match built_in.or_else(users) {
            Some((name, ns)) if ns == pgdata::PG_CATALOG || show.search_path.contains(&ns) => name.to_owned(),
            Some((name, ns)) => {
                let schema = show.catalog.and_then(|c| c.namespaces.get(&ns)).map_or("", |n| n.name.as_str());
                format!("OPERATOR({}.{name})", quote_ident(schema))
            }
            None => oid.to_string(),
        }
    };
    let keys: Vec<String> = i
        .exclude
        .iter()
        .enumerate()
        .map(|(n, op)| format!("{} WITH {}", index_key(show, rel, i, n, true), operator(*op)))
        .collect();
    let mut out = format!("EXCLUDE USING {} ({})", method_name(i), keys.join(", "));
    if !i.include.is_empty() {
        let _ = write!(out, " INCLUDE ({})", columns(rel, &i.include));
    }
    if let Some(p) = &i.predicate {
        let _ = write!(out, " WHERE ({})", stored(p, show));
    }
    out
}

fn method_name(i: &Index) -> &'static str {
    pgdata::access_methods().iter().find(|m| m.oid == i.method).map_or("btree", |m| m.amname)
}

/// Whether a kept expression needs no parentheses of its own in an index definition: a plain function call.
pub fn looks_like_function(text: &str) -> bool {
    crate::bind::parse_expr(text).is_ok_and(|e| {
        matches!(
            e.kind,
            ExprKind::Func(_)
                | ExprKind::Coalesce(_)
                | ExprKind::Greatest(_)
                | ExprKind::Least(_)
                | ExprKind::NullIf(..)
        ) || matches!(&e.kind, ExprKind::SqlJson(j) if j.is_search())
    })
}

/// A key column of an index: its column or expression, and what follows it.
fn index_key(show: Show<'_>, rel: &Relation, i: &Index, n: usize, full: bool) -> String {
    let Some(k) = i.keys.get(n) else {
        return i.include.get(n - i.keys.len()).map(|a| columns(rel, &[*a])).unwrap_or_default();
    };
    let mut out = match &k.expr {
        Some(text) => {
            let shown = stored(text, show);
            if looks_like_function(text) { shown } else { format!("({shown})") }
        }
        None => columns(rel, &[k.attnum]),
    };
    if !full {
        return out;
    }
    let natural = match rel.attribute(k.attnum).filter(|_| k.attnum > 0) {
        Some(c) => c.ty.collation,
        None => pgdata::pg_type(k.ty.oid).map_or(0, |t| t.typcollation),
    };
    if k.ty.collation != 0 && k.ty.collation != natural {
        let _ = write!(out, " COLLATE {}", collation_name(show, k.ty.collation));
    }
    let position = i.keys.iter().position(|x| std::ptr::eq(x, k));
    let options = position.map_or(&[][..], |n| i.class_options(n));
    if let Some(o) = pgdata::opclass(k.opclass)
        && (!options.is_empty()
            || (pgdata::default_opclass(i.method, k.ty.oid).is_none_or(|d| d.oid != o.oid) && !default_for(k.ty, o)))
    {
        let _ = write!(out, " {}", opclass_name(show, o));
    }
    if !options.is_empty() {
        let list: Vec<String> =
            options.iter().map(|(k, v)| format!("{}='{}'", ast::quote_ident(k), v.replace('\'', "''"))).collect();
        let _ = write!(out, " ({})", list.join(", "));
    }
    match (k.desc, k.nulls_first) {
        (false, true) => out.push_str(" NULLS FIRST"),
        (true, true) => out.push_str(" DESC"),
        (true, false) => out.push_str(" DESC NULLS LAST"),
        (false, false) => {}
    }
    out
}

/// Whether an operator class is what a type gets without naming one (varchar uses text's, arrays `anyarray`'s).
fn default_for(ty: TypeRef, o: &pgdata::OpClass) -> bool {
    o.opcdefault
        && match o.opcintype {
            oid::TEXT => ty.oid == oid::VARCHAR,
            oid::ANYARRAY => oid::array_element(ty.oid).is_some(),
            oid::ANYENUM => crate::bind::types::info(ty.oid).typtype == 'e',
            oid::ANYRANGE => crate::bind::types::info(ty.oid).typtype == 'r',
            oid::ANYMULTIRANGE => crate::bind::types::info(ty.oid).typtype == 'm',
            oid::RECORD => crate::bind::types::info(ty.oid).typtype == 'c',
            oid::INET => ty.oid == oid::CIDR,
            t => t == ty.oid,
        }
}

/// `pg_get_indexdef(oid, column, pretty)` for a column from 1.
pub fn index_column_def(show: Show<'_>, rel: &Relation, i: &Index, column: usize) -> String {
    column.checked_sub(1).map(|n| index_key(show, rel, i, n, false)).unwrap_or_default()
}

/// `pg_get_indexdef`: in the pretty form a table on the search path is named without its schema.
pub fn index_def(show: Show<'_>, rel: &Relation, i: &Index, options: &[(String, String)]) -> String {
    let table = match show.catalog {
        Some(cat) if show.pretty => relation_name(cat, show.search_path, rel),
        _ => qualified(rel),
    };
    let unique = if i.unique { "UNIQUE " } else { "" };
    let keys: Vec<String> = (0..i.keys.len()).map(|n| index_key(show, rel, i, n, true)).collect();
    let only = if rel.is_partitioned() { "ONLY " } else { "" };
    let mut out = format!(
        "CREATE {unique}INDEX {} ON {only}{table} USING {} ({})",
        quote_ident(&i.name),
        method_name(i),
        keys.join(", ")
    );
    if !i.include.is_empty() {
        let _ = write!(out, " INCLUDE ({})", columns(rel, &i.include));
    }
    if i.nulls_not_distinct {
        out.push_str(" NULLS NOT DISTINCT");
    }
    if !options.is_empty() {
        let value = |v: &String| {
            let plain = quote_ident(v).to_string() == *v;
            if plain { v.clone() } else { format!("'{}'", v.replace('\'', "''")) }
        };
        let list: Vec<String> = options.iter().map(|(k, v)| format!("{}={}", quote_ident(k), value(v))).collect();
        let _ = write!(out, " WITH ({})", list.join(", "));
    }
    if let Some(p) = &i.predicate {
        let shown = stored(p, show);
        let open = !show.pretty && !shown.starts_with('(');
        let _ = if open { write!(out, " WHERE ({shown})") } else { write!(out, " WHERE {shown}") };
    }
    out
}

/// `pg_get_viewdef`.
pub fn view_def(rel: &Relation) -> Option<String> {
    rel.view.as_ref().map(|v| format!(" {};", v.trim_end_matches(';')))
}

/// `pg_get_serial_sequence`: the qualified name of the sequence that a column owns.
pub fn serial_sequence(cat: &Catalog, table: u32, column: i16) -> Option<String> {
    cat.relations
        .values()
        .find(|r| {
            r.kind == RelKind::Sequence && r.sequence.as_ref().is_some_and(|s| s.owned_by == Some((table, column)))
        })
        .map(|r| qualified(r))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(text: &str, pretty: bool) -> String {
        stored(text, Show { pretty, ..STORED })
    }

    #[test]
    fn expressions_as_postgresql_shows_them() {
        for (text, full, pretty) in [
            ("(a > 0)", "(a > 0)", "a > 0"),
            ("((a > 0) AND (b < 5))", "((a > 0) AND (b < 5))", "a > 0 AND b < 5"),
            ("((a + (b * c)) > 0)", "((a + (b * c)) > 0)", "(a + b * c) > 0"),
            ("(((a > 0) OR (b < 5)) AND c)", "(((a > 0) OR (b < 5)) AND c)", "(a > 0 OR b < 5) AND c"),
            ("'x'::pg_catalog.varchar", "'x'::character varying", "'x'::character varying"),
            ("(a)::pg_catalog.text", "(a)::text", "a::text"),
            ("(0)::numeric", "(0)::numeric", "0::numeric"),
            ("(a IS NOT NULL)", "(a IS NOT NULL)", "a IS NOT NULL"),
            ("lower(a)", "lower(a)", "lower(a)"),
            ("'-1'::pg_catalog.int4", "'-1'::integer", "'-1'::integer"),
            ("CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP"),
        ] {
            assert_eq!(show(text, false), full);
            assert_eq!(show(text, true), pretty);
        }
    }

    #[test]
    fn stored_text_is_a_fixed_point() {
        for text in ["((a + (b * c)) > 0)", "((name)::text = ANY (ARRAY['a'::text, 'b'::text]))", "(NOT (a IS NULL))"] {
            assert_eq!(show(&show(text, false), false), text);
        }
    }
}
