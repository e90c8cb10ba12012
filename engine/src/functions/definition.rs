//! Objects back to SQL text: the `pg_get_*def` family.

use super::{Rows, access, bool_arg, int_arg, oid_arg, opt_text, rows, scalar, set, text, text_arg};
use crate::bind::view_target::writable;
use crate::bind::{BindCx, canonical};
use crate::catalog::deparse::{self, Show};
use crate::catalog::rows::EXPR_SEPARATOR;
use crate::catalog::{Catalog, Constraint, Index, RelKind, Relation};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, quote_ident};
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use rustydb_types::kernel::{CallInfo, Kernel};
use rustydb_types::pgdata::{self, Proc};
use rustydb_types::{oid, typename};
use std::fmt::Write;
use std::sync::Arc;

/// Calls `f` with the catalog and the way names are shown.
fn shown(ctx: &EvalCtx, pretty: bool, f: impl FnOnce(&Catalog, Show<'_>) -> Option<String>) -> Result<Datum> {
    let a = access(ctx)?;
    let (cat, path) = (a.catalog(), a.search_path());
    Ok(opt_text(f(&cat, Show { catalog: Some(&cat), search_path: &path, pretty, formats: Some(ctx) })))
}

fn get_expr(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let kept = text_arg(args, 0)?;
    let relation = oid_arg(args, 1)?.unwrap_or(0);
    let cat = access(ctx)?.catalog();
    if let Some(r) = cat.relation(relation).filter(|r| r.bound.as_deref() == Some(kept)) {
        return Ok(opt_text(crate::catalog::partition::bound_shown(&cat, r, ctx)?.or_else(|| Some(kept.to_owned()))));
    }
    shown(ctx, bool_arg(args, 2), |cat, show| {
        if relation != 0 && cat.relation(relation).is_none() {
            return None;
        }
        let parts: Vec<String> = kept.split(EXPR_SEPARATOR).map(|p| deparse::stored(p, show)).collect();
        Some(parts.join(", "))
    })
}

/// An index with its table and its own entry, which has its options.
fn index(cat: &Catalog, oid: u32) -> Option<(&Arc<Relation>, &Arc<Index>, &Arc<Relation>)> {
    let i = cat.index(oid)?;
    Some((cat.relation(i.table)?, i, cat.relation(oid)?))
}

fn get_indexdef(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let oid = oid_arg(args, 0)?.unwrap_or(0);
    let column = int_arg(args, 1).unwrap_or(0);
    shown(ctx, bool_arg(args, 2), |cat, show| {
        let (rel, i, own) = index(cat, oid)?;
        Some(match usize::try_from(column) {
            Ok(0) => deparse::index_def(show, rel, i, &own.options),
            Ok(n) if n <= i.keys.len() + i.include.len() => deparse::index_column_def(show, rel, i, n),
            _ => String::new(),
        })
    })
}

/// A constraint with its table.
fn constraint(cat: &Catalog, oid: u32) -> Option<(&Arc<Relation>, &Arc<Constraint>)> {
    cat.relations.values().find_map(|r| r.constraints.iter().find(|c| c.oid == oid).map(|c| (r, c)))
}

fn get_constraintdef(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let oid = oid_arg(args, 0)?.unwrap_or(0);
    shown(ctx, bool_arg(args, 1), |cat, show| {
        if let Some((rel, c)) = constraint(cat, oid) {
            return Some(deparse::constraint_def(show, rel, c));
        }
        let mut checks = cat.types.values().filter_map(|t| t.domain()).flat_map(|d| &d.checks);
        checks.find(|c| c.oid == oid).map(|c| deparse::domain_check(show, c))
    })
}

fn get_viewdef(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let oid = match args.first() {
        Some(Datum::Text(name)) => ctx.session.reg_in(oid::REGCLASS, name)?,
        _ => oid_arg(args, 0)?.unwrap_or(0),
    };
    // The second argument is whether to print prettily, or the length of a line (prettily then).
    let (pretty, wrap) = match args.get(1) {
        Some(Datum::Int4(n)) => (true, *n),
        _ => (bool_arg(args, 1), 0),
    };
    let a = access(ctx)?;
    let (cat, path) = (a.catalog(), a.search_path());
    let show = Show { catalog: Some(&cat), search_path: &path, pretty, formats: Some(ctx) };
    Ok(opt_text(cat.relation(oid).and_then(|r| view_text(ctx, &cat, r, show, wrap))))
}

/// The query of a view as PostgreSQL shows it; what cannot be brought into that form is shown as it is kept.
fn view_text(ctx: &EvalCtx, cat: &Arc<Catalog>, view: &Relation, show: Show<'_>, wrap: i32) -> Option<String> {
    let kept = view.view.as_deref()?;
    canonical_view(ctx, cat, view, kept, show.search_path).map_or_else(
        || {
            let text = deparse::view_def(view)?.replace(canonical::NUMBERED, "");
            Some(deparse::with_function_names(&text, cat, show.search_path))
        },
        |q| Some(format!("{};", deparse::query(&q, show, usize::try_from(wrap).ok()))),
    )
}

fn canonical_view(
    ctx: &EvalCtx,
    cat: &Arc<Catalog>,
    view: &Relation,
    kept: &str,
    search_path: &[u32],
) -> Option<ast::Query> {
    if view.oid < crate::catalog::FIRST_USER_OID {
        return None;
    }
    let parsed = rustydb_parser::parse(kept).ok()?;
    let Some(ast::Statement::Query(q)) = parsed.first().map(|p| &p.stmt) else { return None };
    // The owner may use what the view names.
    let cx = BindCx { catalog: cat, search_path, eval: ctx, role: view.owner, sql: kept };
    let names: Vec<String> = view.live_columns().map(|c| c.name.clone()).collect();
    // A rule's query has the names of its old and new row besides its own.
    canonical::query(&cx, q, &names, &["old", "new"], canonical::Purpose::Show)
}

/// The only rules there are are those that make views views.
fn get_ruledef(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let oid = oid_arg(args, 0)?.unwrap_or(0);
    let a = access(ctx)?;
    let (cat, path) = (a.catalog(), a.search_path());
    let show = Show { catalog: Some(&cat), search_path: &path, pretty: bool_arg(args, 1), formats: Some(ctx) };
    let view = cat.relations.values().find(|r| oid != 0 && r.rule_oid == oid);
    Ok(opt_text(view.and_then(|r| {
        Some(format!(
            "CREATE RULE \"_RETURN\" AS\n    ON SELECT TO {} DO INSTEAD {}",
            if show.pretty { deparse::relation_name(&cat, &path, r) } else { deparse::qualified(r) },
            view_text(ctx, &cat, r, show, 0)?
        ))
    })))
}

fn get_userbyid(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let oid = oid_arg(args, 0)?.unwrap_or(0);
    let cat = access(ctx)?.catalog();
    Ok(cat.roles.get(&oid).map_or_else(|| text(format!("unknown (OID={oid})")), |r| text(&r.name)))
}

fn get_serial_sequence(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let table = ctx.session.reg_in(oid::REGCLASS, text_arg(args, 0)?)?;
    let column = text_arg(args, 1)?;
    let cat = access(ctx)?.catalog();
    let Some(rel) = cat.relation(table) else { return Ok(Datum::Null) };
    let c = rel.column(column).ok_or_else(|| {
        DbError::new(
            SqlState::UNDEFINED_COLUMN,
            format!("column \"{column}\" of relation \"{}\" does not exist", rel.name),
        )
    })?;
    Ok(opt_text(deparse::serial_sequence(&cat, table, c.attnum)))
}

/// For kinds of objects that RustyDB has none of.
fn none(_: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    Ok(Datum::Null)
}

fn no_rows(_: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Rows> {
    rows(Vec::new())
}

// ---- functions -----------------------------------------------------------------------------------------------------

/// A function's arguments: type, mode (`i`, `o`, `b`, `v`, `t`), name.
fn arguments(p: &'static Proc) -> Vec<(u32, char, &'static str)> {
    let types: &[u32] = p.proallargtypes.as_deref().unwrap_or(&p.proargtypes);
    types
        .iter()
        .enumerate()
        .map(|(i, t)| {
            let mode = p.proargmodes.as_ref().and_then(|m| m.get(i)).copied().unwrap_or('i');
            let name = p.proargnames.as_ref().and_then(|n| n.get(i)).copied().unwrap_or("");
            (*t, mode, name)
        })
        .collect()
}

/// An argument list, of which the columns of a result table are no part; `full` with defaults.
fn argument_list(ctx: &EvalCtx, p: &'static Proc, full: bool) -> String {
    let mut out = String::new();
    let mut inputs = 0;
    for (ty, mode, name) in arguments(p) {
        let input = matches!(mode, 'i' | 'b' | 'v');
        let at = inputs;
        inputs += usize::from(input);
        if mode == 't' {
            continue;
        }
        if !out.is_empty() {
            out.push_str(", ");
        }
        out.push_str(match mode {
            'o' => "OUT ",
            'b' => "INOUT ",
            'v' => "VARIADIC ",
            _ if p.prokind == 'p' => "IN ",
            _ => "",
        });
        if !name.is_empty() {
            let _ = write!(out, "{} ", quote_ident(name));
        }
        out.push_str(&typename::format_type(ty, -1));
        if full
            && input
            && let Some(default) = p.arg_default(at)
        {
            let _ = write!(out, " DEFAULT {}", default_text(ctx, p, default));
        }
    }
    out
}

/// A kept default as it is shown.
fn default_text(ctx: &EvalCtx, p: &Proc, kept: &str) -> String {
    match access(ctx) {
        Ok(a) if p.oid >= crate::catalog::FIRST_USER_OID => {
            let (cat, path) = (a.catalog(), a.search_path());
            deparse::stored(kept, Show { catalog: Some(&cat), search_path: &path, pretty: false, formats: Some(ctx) })
        }
        _ => kept.to_owned(),
    }
}

/// An SQL-standard body as it is shown.
fn standard_text(ctx: &EvalCtx, p: &Proc, kept: &str) -> Result<String> {
    let Some((_, text)) = kept.split_once(EXPR_SEPARATOR) else { return Ok(kept.to_owned()) };
    let a = access(ctx)?;
    let (cat, path) = (a.catalog(), a.search_path());
    let show = Show { catalog: Some(&cat), search_path: &path, pretty: false, formats: Some(ctx) };
    let parsed = rustydb_parser::parse(&format!("CREATE FUNCTION f() {text}"))?;
    let Some(ast::Statement::CreateRoutine(c)) = parsed.into_iter().next().map(|s| s.stmt) else {
        return Err(DbError::internal(format!("the body of function {} is not one", p.proname)));
    };
    Ok(match c.body.map(|b| b.body) {
        Some(ast::RoutineBody::Return(e)) => format!("RETURN {}", deparse::expr(&e, show)),
        Some(ast::RoutineBody::Atomic(list)) => {
            let mut out = String::from("BEGIN ATOMIC\n");
            for s in list {
                match s {
                    ast::Statement::Query(q) => {
                        let _ = writeln!(out, " {q};");
                    }
                    // Other statements have no printed form yet: the text as it was written.
                    _ => return Ok(text.to_owned()),
                }
            }
            out.push_str("END");
            out
        }
        None => text.to_owned(),
    })
}

fn result_text(p: &'static Proc) -> Option<String> {
    if p.prokind == 'p' {
        return None;
    }
    let columns: Vec<String> = arguments(p)
        .into_iter()
        .filter(|a| a.1 == 't')
        .map(|(t, _, n)| format!("{} {}", quote_ident(n), typename::format_type(t, -1)))
        .collect();
    if !columns.is_empty() {
        return Some(format!("TABLE({})", columns.join(", ")));
    }
    let set = if p.proretset { "SETOF " } else { "" };
    Some(format!("{set}{}", typename::format_type(p.prorettype, -1)))
}

fn of_function(args: &[Datum], f: impl FnOnce(&'static Proc) -> Option<String>) -> Result<Datum> {
    Ok(opt_text(oid_arg(args, 0)?.and_then(pgdata::proc).and_then(f)))
}

fn function_arguments(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    of_function(args, |p| Some(argument_list(ctx, p, true)))
}

fn function_identity(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    of_function(args, |p| Some(argument_list(ctx, p, false)))
}

fn function_result(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    of_function(args, result_text)
}

fn function_arg_default(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let Some(n) = int_arg(args, 1).and_then(|n| usize::try_from(n).ok()?.checked_sub(1)) else {
        return Ok(Datum::Null);
    };
    of_function(args, |p| {
        let all = arguments(p);
        let input = |m: char| matches!(m, 'i' | 'b' | 'v');
        if !all.get(n).is_some_and(|a| input(a.1)) {
            return None;
        }
        let at = all.iter().take(n).filter(|a| input(a.1)).count();
        p.arg_default(at).map(|d| default_text(ctx, p, d))
    })
}

fn function_sqlbody(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    of_function(args, |p| p.prosqlbody.as_ref().map(|b| standard_text(ctx, p, b).unwrap_or_else(|_| b.to_string())))
}

fn schema_name(cat: &Catalog, oid: u32) -> String {
    cat.namespaces.get(&oid).map_or_else(|| oid.to_string(), |n| quote_ident(&n.name).to_string())
}

fn functiondef(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let Some(p) = oid_arg(args, 0)?.and_then(pgdata::proc) else { return Ok(Datum::Null) };
    if p.prokind == 'a' {
        return Err(DbError::new(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is an aggregate function", p.proname)));
    }
    let cat = access(ctx)?.catalog();
    let language = pgdata::languages().iter().find(|l| l.oid == p.prolang).map_or("internal", |l| l.lanname);
    let kind = if p.prokind == 'p' { "PROCEDURE" } else { "FUNCTION" };
    let mut out = format!(
        "CREATE OR REPLACE {kind} {}.{}({})\n",
        schema_name(&cat, p.pronamespace),
        quote_ident(p.proname),
        argument_list(ctx, p, true)
    );
    if let Some(r) = result_text(p) {
        let _ = writeln!(out, " RETURNS {r}");
    }
    let _ = writeln!(out, " LANGUAGE {language}");
    let mut words: Vec<String> = Vec::new();
    if p.prokind == 'w' {
        words.push("WINDOW".into());
    }
    match p.provolatile {
        'i' => words.push("IMMUTABLE".into()),
        's' => words.push("STABLE".into()),
        _ => {}
    }
    match p.proparallel {
        's' => words.push("PARALLEL SAFE".into()),
        'r' => words.push("PARALLEL RESTRICTED".into()),
        _ => {}
    }
    if p.proisstrict {
        words.push("STRICT".into());
    }
    if p.prosecdef {
        words.push("SECURITY DEFINER".into());
    }
    if p.proleakproof {
        words.push("LEAKPROOF".into());
    }
    let usual_cost = if matches!(language, "internal" | "c") { 1.0 } else { 100.0 };
    if p.procost != usual_cost {
        words.push(format!("COST {}", p.procost));
    }
    if p.prorows > 0.0 && p.prorows != 1000.0 {
        words.push(format!("ROWS {}", p.prorows));
    }
    if !words.is_empty() {
        let _ = writeln!(out, " {}", words.join(" "));
    }
    for (name, value) in cat.routines.get(&p.oid).iter().flat_map(|r| &r.config) {
        let list = matches!(name.as_str(), "search_path" | "temp_tablespaces" | "session_preload_libraries");
        let literal = |v: &str| format!("'{}'", v.replace('\'', "''"));
        // Each name of a list is a text of its own.
        let shown = if list {
            let names = crate::settings::Settings::name_list(value);
            names.iter().map(|n| literal(n)).collect::<Vec<_>>().join(", ")
        } else {
            literal(value)
        };
        let _ = writeln!(out, " SET {} TO {shown}", quote_ident(name));
    }
    match &p.prosqlbody {
        Some(body) => {
            let _ = writeln!(out, "{}", standard_text(ctx, p, body)?);
        }
        None => {
            // The tag must not end the body early.
            let mut tag = kind.to_lowercase();
            while p.prosrc.contains(&format!("${tag}")) {
                tag.push('x');
            }
            let library = if language == "c" { crate::catalog::extensions::library(&p.prosrc) } else { None };
            let library = library.map(|l| format!("'{l}', ")).unwrap_or_default();
            let _ = writeln!(out, "AS {library}${tag}${}${tag}$", p.prosrc);
        }
    }
    Ok(text(out))
}

// ---- the rest ----------------------------------------------------------------------------------------------------------

/// Events that a relation takes: UPDATE 4, INSERT 8, DELETE 16.
fn events(ctx: &EvalCtx, args: &[Datum]) -> Result<i32> {
    let cat = access(ctx)?.catalog();
    let found = oid_arg(args, 0)?.and_then(|o| cat.relation(o).cloned());
    Ok(match found.and_then(|r| writable(&cat, &r, 0)) {
        None => 0,
        Some(columns) if columns.contains(&true) => 4 | 8 | 16,
        Some(_) => 16,
    })
}

fn relation_is_updatable(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    events(ctx, args).map(Datum::Int4)
}

/// As PostgreSQL: can be updated and its row deleted.
fn column_is_updatable(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let cat = access(ctx)?.catalog();
    let columns = oid_arg(args, 0)?.and_then(|o| cat.relation(o).cloned()).and_then(|r| writable(&cat, &r, 0));
    let at = int_arg(args, 1).and_then(|n| usize::try_from(n).ok()).and_then(|n| n.checked_sub(1));
    let is = at.and_then(|n| columns?.get(n).copied()).unwrap_or(false);
    Ok(Datum::Bool(is && events(ctx, args)? & 20 == 20))
}

fn sequence_last_value(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let a = access(ctx)?;
    let cat = a.catalog();
    let Some(rel) = oid_arg(args, 0)?.and_then(|o| cat.relation(o)) else { return Ok(Datum::Null) };
    if rel.kind != RelKind::Sequence {
        return Err(DbError::new(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not a sequence", rel.name)));
    }
    Ok(a.sequence_last(rel.oid)?.map_or(Datum::Null, Datum::Int8))
}

fn options_to_table(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Rows> {
    let Some(Datum::Array(list)) = args.first() else { return rows(Vec::new()) };
    rows(
        list.items
            .iter()
            .filter_map(|i| if let Datum::Text(t) = i { Some(t) } else { None })
            .map(|t| match t.split_once('=') {
                Some((name, value)) => vec![text(name), text(value)],
                None => vec![text(t), Datum::Null],
            })
            .collect(),
    )
}

/// Only tables could be published, and all of them: nothing publishes here, but the question has an answer.
fn is_publishable(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let cat = access(ctx)?.catalog();
    let found = oid_arg(args, 0)?.and_then(|o| cat.relation(o));
    Ok(found.map_or(Datum::Null, |r| Datum::Bool(r.kind == RelKind::Table && r.oid >= crate::catalog::FIRST_USER_OID)))
}

/// The index that tells a table's rows apart for a replica: the one chosen, or by default the primary key's.
fn replica_identity_index(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let cat = access(ctx)?.catalog();
    let Some(rel) = oid_arg(args, 0)?.and_then(|o| cat.relation(o)) else { return Ok(Datum::Null) };
    let index = match rel.replica_identity {
        None => rel.primary_key(),
        Some('i') => rel.indexes.iter().find(|i| i.marks.replica_identity),
        Some(_) => None,
    };
    Ok(index.map_or(Datum::Null, |i| Datum::Oid(i.oid)))
}

/// Whether policies decide what the current role sees of a table.
fn row_security(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let oid = match args.first() {
        Some(Datum::Text(name)) => ctx.session.reg_in(oid::REGCLASS, name)?,
        _ => oid_arg(args, 0)?.unwrap_or(0),
    };
    let a = access(ctx)?;
    let cat = a.catalog();
    Ok(Datum::Bool(cat.relation(oid).is_some_and(|r| crate::acl::policy::in_force(&cat, r, a.role()).is_some())))
}

fn oidvectortypes(ctx: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let Some(Datum::Array(v)) = args.first() else { return Ok(Datum::Null) };
    let names: Vec<String> = v
        .items
        .iter()
        .filter_map(|d| if let Datum::Oid(o) = d { Some(*o) } else { None })
        .map(|o| match pgdata::pg_type(o) {
            Some(_) => typename::format_type(o, -1),
            None => ctx.session.format_user_type(o, -1).unwrap_or_else(|| "???".to_owned()),
        })
        .collect();
    Ok(text(names.join(", ")))
}

/// `information_schema._pg_expandarray`: elements with their positions, which count from one whatever the array's lower
/// bound.
fn expand_array(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Rows> {
    let Some(Datum::Array(a)) = args.first() else { return rows(Vec::new()) };
    rows(a.items.iter().cloned().zip(1i32..).map(|(v, n)| vec![v, Datum::Int4(n)]).collect())
}

/// Kernels of this module.
pub(super) const KERNELS: &[Kernel] = &[
    scalar("pg_get_expr", get_expr),
    scalar("pg_get_expr_ext", get_expr),
    scalar("pg_get_indexdef", get_indexdef),
    scalar("pg_get_indexdef_ext", get_indexdef),
    scalar("pg_get_constraintdef", get_constraintdef),
    scalar("pg_get_constraintdef_ext", get_constraintdef),
    scalar("pg_get_viewdef", get_viewdef),
    scalar("pg_get_viewdef_ext", get_viewdef),
    scalar("pg_get_viewdef_wrap", get_viewdef),
    scalar("pg_get_viewdef_name", get_viewdef),
    scalar("pg_get_viewdef_name_ext", get_viewdef),
    scalar("pg_get_ruledef", get_ruledef),
    scalar("pg_get_ruledef_ext", get_ruledef),
    scalar("pg_get_userbyid", get_userbyid),
    scalar("pg_get_serial_sequence", get_serial_sequence),
    scalar("pg_get_function_arguments", function_arguments),
    scalar("pg_get_function_identity_arguments", function_identity),
    scalar("pg_get_function_result", function_result),
    scalar("pg_get_function_arg_default", function_arg_default),
    scalar("pg_get_function_sqlbody", function_sqlbody),
    scalar("pg_get_functiondef", functiondef),
    scalar("pg_get_triggerdef", none),
    scalar("pg_get_triggerdef_ext", none),
    scalar("pg_get_replica_identity_index", replica_identity_index),
    set("pg_get_publication_tables", no_rows),
    set("pg_get_replication_slots", no_rows),
    set("pg_show_replication_origin_status", no_rows),
    scalar("pg_relation_is_updatable", relation_is_updatable),
    scalar("pg_column_is_updatable", column_is_updatable),
    scalar("pg_sequence_last_value", sequence_last_value),
    set("pg_options_to_table", options_to_table),
    scalar("pg_relation_is_publishable", is_publishable),
    scalar("row_security_active", row_security),
    scalar("row_security_active_name", row_security),
    scalar("oidvectortypes", oidvectortypes),
    set("_pg_expandarray(anyarray)", expand_array),
];
