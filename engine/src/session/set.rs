//! SET, RESET, SHOW and DISCARD: the session's side of [`crate::settings`].
//!
//! A few names are not kept as settings: who the session is (`role`, `session_authorization`, `is_superuser`), and the
//! modes of the running transaction (`transaction_isolation`, `transaction_read_only`, `transaction_deferrable`).

use super::shared::{SessionShared, User};
use crate::acl::membership::is_member_of;
use crate::settings::{self, Settings};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{Isolation, SetValue, TransactionModes, quote_ident};
use rustydb_types::ctx::IntervalStyle;
use rustydb_types::datetime::format::interval_out;
use rustydb_types::datetime::interval_in;

/// Settings whose value is a list of identifiers, kept quoted where they must be.
const NAME_LISTS: &[&str] = &[
    "search_path",
    "temp_tablespaces",
    "local_preload_libraries",
    "session_preload_libraries",
    "shared_preload_libraries",
];
/// Settings whose value is a list of words.
const WORD_LISTS: &[&str] = &["DateStyle", "log_destination", "synchronous_standby_names", "wal_consistency_checking"];

/// A setting's text as SHOW gives it.
pub fn show(s: &SessionShared, name: &str) -> Result<String> {
    let on = |b: bool| if b { "on" } else { "off" }.to_owned();
    Ok(match name.to_ascii_lowercase().as_str() {
        "role" => s.role().map_or_else(|| "none".to_owned(), |u| u.name),
        "session_authorization" => s.session_role().name,
        "is_superuser" => on(s.user().superuser),
        "transaction_isolation" => s.facts().isolation.to_owned(),
        "transaction_read_only" => on(s.facts().read_only),
        "transaction_deferrable" => on(s.facts().deferrable),
        _ => s.settings(|x| x.show(name))?,
    })
}

/// The name a column of SHOW bears.
pub fn shown_name(name: &str) -> String {
    settings::find(name).map_or_else(|| name.to_ascii_lowercase(), |d| d.name.to_owned())
}

/// The text of a SET's values.
pub fn value_text(name: &str, values: &[SetValue]) -> Result<String> {
    let canonical = settings::find(name).map_or(name, |d| d.name);
    if let [SetValue::Interval(text, mask, precision)] = values {
        return interval_hours(text, *mask, *precision);
    }
    if let [one] = values
        && !NAME_LISTS.contains(&canonical)
    {
        return Ok(one.text().to_owned());
    }
    let quoted = NAME_LISTS.contains(&canonical);
    if !quoted && !WORD_LISTS.contains(&canonical) {
        return Err(DbError::new(SqlState::INVALID_PARAMETER_VALUE, format!("SET {name} takes only one argument")));
    }
    let word = |v: &SetValue| match v {
        SetValue::Text(name) if quoted => quote_ident(name).to_string(),
        other => other.text().to_owned(),
    };
    Ok(values.iter().map(word).collect::<Vec<String>>().join(", "))
}

/// SET TIME ZONE INTERVAL: the offset in hours.
fn interval_hours(text: &str, mask: i32, precision: Option<i32>) -> Result<String> {
    let fields = if mask == 0 { 0x7fff } else { mask };
    let typmod = (fields << 16) | precision.unwrap_or(0xffff);
    let v = interval_in::interval_in(IntervalStyle::Postgres, text, typmod)?;
    let refused = |what: &str| {
        let mut shown = Vec::new();
        interval_out(IntervalStyle::Postgres, &v, &mut shown);
        let shown = String::from_utf8_lossy(&shown);
        let message = format!("invalid value for parameter \"TimeZone\": \"INTERVAL '{shown}'\"");
        Err(DbError::new(SqlState::INVALID_PARAMETER_VALUE, message)
            .detail(format!("Cannot specify {what} in time zone interval.")))
    };
    if v.months != 0 {
        return refused("months");
    }
    if v.days != 0 {
        return refused("days");
    }
    Ok(format!("{}", v.micros as f64 / 3_600_000_000.0))
}

/// A role by name, for SET ROLE and SET SESSION AUTHORIZATION.
fn find_role(s: &SessionShared, name: &str) -> Result<User> {
    let cat = s.catalog();
    let r = cat
        .role_named(name)
        .ok_or_else(|| DbError::new(SqlState::INVALID_PARAMETER_VALUE, format!("role \"{name}\" does not exist")))?;
    Ok(User { oid: r.oid, name: r.name.clone(), superuser: r.superuser })
}

/// Whether a table method has this name; `row` is RustyDB's own name for `heap`.
fn is_table_method(name: &str) -> bool {
    rustydb_storage::am::TableMethod::named(name).is_some()
}

/// SET of one value; `None` is DEFAULT.
pub fn set_value(s: &SessionShared, name: &str, value: Option<&str>, local: bool) -> Result<()> {
    match name.to_ascii_lowercase().as_str() {
        "role" => {
            let role = match value {
                None => None,
                Some(v) if v.eq_ignore_ascii_case("none") => None,
                Some(v) => {
                    let role = find_role(s, v)?;
                    let session = s.session_role();
                    if !is_member_of(&s.catalog(), session.oid, role.oid) {
                        return Err(DbError::new(
                            SqlState::INSUFFICIENT_PRIVILEGE,
                            format!("permission denied to set role \"{v}\""),
                        ));
                    }
                    Some(role)
                }
            };
            s.set_role(role, local);
            Ok(())
        }
        "session_authorization" => {
            let user = match value {
                None => s.authenticated.clone(),
                Some(v) => find_role(s, v)?,
            };
            let may = s.catalog().roles.get(&s.authenticated.oid).is_some_and(|r| r.superuser);
            if !may && user.oid != s.authenticated.oid {
                return Err(DbError::new(
                    SqlState::INSUFFICIENT_PRIVILEGE,
                    "permission denied to set session authorization",
                ));
            }
            s.set_session_user(user, local);
            Ok(())
        }
        "default_table_access_method" if value.is_some_and(|v| !is_table_method(v)) => {
            let v = value.unwrap_or_default();
            let why = if v.is_empty() {
                "default_table_access_method cannot be empty.".to_owned()
            } else {
                format!("Table access method \"{v}\" does not exist.")
            };
            Err(DbError::new(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("invalid value for parameter \"default_table_access_method\": \"{v}\""),
            )
            .detail(why))
        }
        "is_superuser" => {
            Err(DbError::new(SqlState::CANT_CHANGE_RUNTIME_PARAM, "parameter \"is_superuser\" cannot be changed"))
        }
        "transaction_isolation" | "transaction_read_only" | "transaction_deferrable" => {
            Err(DbError::unsupported(format!("set_config of \"{name}\" is not supported: use SET TRANSACTION")))
        }
        _ => {
            let superuser = s.user().superuser;
            s.change_settings(|x| x.set(name, value, local, superuser)).map(|_| ())
        }
    }
}

/// `SET transaction_isolation = …` and its kin as transaction modes; `None` for other names.
pub fn as_modes(name: &str, value: &str) -> Result<Option<TransactionModes>> {
    let name = name.to_ascii_lowercase();
    if !matches!(name.as_str(), "transaction_isolation" | "transaction_read_only" | "transaction_deferrable") {
        return Ok(None);
    }
    let d = settings::find(&name).ok_or_else(|| DbError::internal(format!("setting {name} is not declared")))?;
    let v = settings::canonical(d, value)?;
    let mut modes = TransactionModes::default();
    match name.as_str() {
        "transaction_isolation" => modes.isolation = Some(isolation_named(&v)),
        "transaction_read_only" => modes.read_only = Some(v == "on"),
        _ => modes.deferrable = Some(v == "on"),
    }
    Ok(Some(modes))
}

/// The isolation level a canonical setting value names.
pub fn isolation_named(v: &str) -> Isolation {
    match v {
        "serializable" => Isolation::Serializable,
        "repeatable read" => Isolation::RepeatableRead,
        "read uncommitted" => Isolation::ReadUncommitted,
        _ => Isolation::ReadCommitted,
    }
}

/// Name and value of every setting, for SHOW ALL.
pub fn all(s: &SessionShared) -> Vec<(String, String)> {
    let mut v: Vec<(String, String)> =
        settings::definitions().iter().filter_map(|d| Some((d.name.to_owned(), show(s, d.name).ok()?))).collect();
    // Sessions have these without a definition of their own.
    for name in ["is_superuser", "session_authorization"] {
        if settings::find(name).is_none()
            && let Ok(value) = show(s, name)
        {
            v.push((name.to_owned(), value));
        }
    }
    v.sort_by_key(|e| e.0.to_ascii_lowercase());
    v
}

/// Which settings must be reported to the client, with their present values.
pub fn reported(s: &SessionShared) -> Vec<(&'static str, String)> {
    super::shared::REPORTED.iter().filter_map(|n| Some((*n, show(s, n).ok()?))).collect()
}

/// RESET ALL: everything but who the session is.
pub fn reset_all(s: &SessionShared) {
    s.change_settings(Settings::reset_all);
}
