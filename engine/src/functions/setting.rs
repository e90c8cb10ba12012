//! Settings, time zones and other facts of the server as rows.

use super::{Rows, access, array, rows, set, text};
use crate::catalog::extensions::{AVAILABLE, Available};
use crate::settings::{self, VarType};
use rustydb_base::Result;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datetime::zone;
use rustydb_types::datum::{Datum, Interval};
use rustydb_types::kernel::{CallInfo, Kernel};
use rustydb_types::oid;

/// Text, NULL when empty.
fn filled(s: &str) -> Datum {
    if s.is_empty() { Datum::Null } else { text(s) }
}

fn all_settings(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Rows> {
    let mut out = Vec::new();
    access(ctx)?.with_settings(&mut |s| {
        for d in settings::definitions() {
            let (value, reset, source) = s.describe(d);
            let values =
                if d.values.is_empty() { Datum::Null } else { array(oid::TEXT, d.values.iter().map(text).collect()) };
            let ty = match d.ty {
                VarType::Bool => "bool",
                VarType::Integer => "integer",
                VarType::Real => "real",
                VarType::String => "string",
                VarType::Enum => "enum",
            };
            out.push(vec![
                text(d.name),
                text(value),
                filled(d.unit),
                text(d.category),
                // RustyDB keeps no descriptions of settings.
                Datum::Null,
                Datum::Null,
                text(d.context.name()),
                text(ty),
                text(source),
                filled(d.min),
                filled(d.max),
                values,
                text(d.boot),
                text(reset),
                Datum::Null,
                Datum::Null,
                Datum::Bool(false),
            ]);
        }
    });
    out.sort_by(|a, b| match (a.first(), b.first()) {
        (Some(Datum::Text(a)), Some(Datum::Text(b))) => a.to_lowercase().cmp(&b.to_lowercase()),
        _ => std::cmp::Ordering::Equal,
    });
    rows(out)
}

fn seconds(s: i32) -> Datum {
    Datum::Interval(Interval { months: 0, days: 0, micros: i64::from(s) * 1_000_000 })
}

/// Every time zone with what it has at the start of the statement.
fn timezone_names(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Rows> {
    let now = ctx.statement_start;
    let names: Vec<String> = jiff::tz::db().available().map(|n| n.as_str().to_owned()).collect();
    Ok(Box::new(names.into_iter().filter_map(move |n| {
        let (offset, abbreviation, dst) = zone::info_at(&zone::by_name(&n)?, now);
        Some(Ok(vec![text(n), text(abbreviation), seconds(offset), Datum::Bool(dst)]))
    })))
}

/// `pg_timezone_abbrevs`: the abbreviations that times may be written with.
fn timezone_abbreviations(_: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Rows> {
    let row = |(name, offset, daylight): (&str, i32, bool)| {
        vec![text(name.to_ascii_uppercase()), seconds(offset), Datum::Bool(daylight)]
    };
    rows(zone::abbreviations().map(row).collect())
}

/// Only the version is known of how RustyDB was built.
fn config(_: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Rows> {
    rows(vec![vec![text("VERSION"), text(format!("PostgreSQL {}", settings::SERVER_VERSION))]])
}

/// What CREATE EXTENSION can install.
fn available_extensions(_: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Rows> {
    rows(AVAILABLE.iter().map(|a| vec![text(a.name), text(a.version), text(a.comment)]).collect())
}

/// The same by version: only superusers may install what there is, and all of it may change its schema.
fn extension_versions(_: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Rows> {
    let row = |a: &&Available| {
        let flags = [true, false, true].map(Datum::Bool);
        let mut row = vec![text(a.name), text(a.version)];
        row.extend(flags);
        row.extend([Datum::Null, Datum::Null, text(a.comment)]);
        row
    };
    rows(AVAILABLE.iter().map(row).collect())
}

/// There is no settings file.
fn no_rows(_: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Rows> {
    rows(Vec::new())
}

/// Kernels of this module.
pub(super) const KERNELS: &[Kernel] = &[
    set("show_all_settings", all_settings),
    set("show_all_file_settings", no_rows),
    set("pg_timezone_names", timezone_names),
    set("pg_timezone_abbrevs", timezone_abbreviations),
    set("pg_config", config),
    set("pg_available_extensions", available_extensions),
    set("pg_available_extension_versions", extension_versions),
];
