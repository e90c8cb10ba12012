//! Storage parameters (`WITH (fillfactor = 70)`): known names, checked values, PostgreSQL's errors.

use super::err;
use rustydb_base::{Result, SqlState};
use rustydb_parser::ast::{DefOption, DefValue, TableLockMode};
use rustydb_types::pgdata;

/// Whose options.
#[derive(Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum Owner {
    Table,
    Index,
    Hash,
    Gin,
    Gist,
    Spgist,
    Brin,
    /// The parameters of an operator class of block range indexes.
    Bloom,
    MinmaxMulti,
    View,
    Column,
}

impl Owner {
    /// An index of an access method.
    pub fn of_index(method: u32) -> Owner {
        match method {
            pgdata::HASH => Owner::Hash,
            pgdata::GIN => Owner::Gin,
            pgdata::GIST => Owner::Gist,
            pgdata::SPGIST => Owner::Spgist,
            pgdata::BRIN => Owner::Brin,
            _ => Owner::Index,
        }
    }
}

enum Kind {
    Int(i64, i64),
    Real(f64, f64),
    Bool,
    Word(&'static [&'static str]),
}

fn kind(owner: Owner, name: &str) -> Option<Kind> {
    const MAX: i64 = i32::MAX as i64;
    Some(match (owner, name) {
        (Owner::Table, "fillfactor") => Kind::Int(10, 100),
        (Owner::Gin, "fastupdate") => Kind::Bool,
        (Owner::Gin, "gin_pending_list_limit") => Kind::Int(64, MAX),
        (Owner::Gist, "buffering") => Kind::Word(&["on", "off", "auto"]),
        (Owner::Brin, "pages_per_range") => Kind::Int(1, 131_072),
        (Owner::Brin, "autosummarize") => Kind::Bool,
        (Owner::Bloom, "n_distinct_per_range") => Kind::Real(-1.0, MAX as f64),
        (Owner::Bloom, "false_positive_rate") => Kind::Real(0.0001, 0.25),
        (Owner::MinmaxMulti, "values_per_range") => Kind::Int(8, 256),
        (Owner::Index | Owner::Hash | Owner::Gist | Owner::Spgist, "fillfactor") => Kind::Int(10, 100),
        (Owner::Index, "deduplicate_items") => Kind::Bool,
        (Owner::Column, "n_distinct" | "n_distinct_inherited") => Kind::Real(-1.0, f64::MAX),
        (Owner::View, "security_barrier" | "security_invoker") => Kind::Bool,
        (Owner::View, "check_option") => Kind::Word(&["local", "cascaded"]),
        (Owner::Table, "toast_tuple_target") => Kind::Int(128, 8160),
        (Owner::Table, "parallel_workers") => Kind::Int(0, 1024),
        (Owner::Table, "autovacuum_enabled" | "vacuum_truncate" | "user_catalog_table") => Kind::Bool,
        (Owner::Table, "vacuum_index_cleanup") => {
            Kind::Word(&["auto", "on", "off", "true", "false", "yes", "no", "1", "0"])
        }
        (Owner::Table, "autovacuum_vacuum_threshold" | "autovacuum_analyze_threshold") => Kind::Int(0, MAX),
        (Owner::Table, "autovacuum_vacuum_insert_threshold" | "log_autovacuum_min_duration") => Kind::Int(-1, MAX),
        (
            Owner::Table,
            "autovacuum_vacuum_scale_factor"
            | "autovacuum_analyze_scale_factor"
            | "autovacuum_vacuum_insert_scale_factor"
            | "autovacuum_vacuum_cost_delay",
        ) => Kind::Real(0.0, 100.0),
        (Owner::Table, "autovacuum_vacuum_cost_limit") => Kind::Int(1, 10000),
        (Owner::Table, "autovacuum_freeze_min_age" | "autovacuum_multixact_freeze_min_age") => {
            Kind::Int(0, 1_000_000_000)
        }
        (Owner::Table, "autovacuum_freeze_max_age" | "autovacuum_multixact_freeze_max_age") => {
            Kind::Int(10_000, 2_000_000_000)
        }
        (Owner::Table, "autovacuum_freeze_table_age" | "autovacuum_multixact_freeze_table_age") => {
            Kind::Int(0, 2_000_000_000)
        }
        _ => return None,
    })
}

fn text(o: &DefOption) -> String {
    match &o.value {
        None => "true".to_owned(),
        Some(DefValue::Word(s) | DefValue::String(s) | DefValue::Number(s)) => s.clone(),
        Some(DefValue::Type(t)) => t.name.plain(),
        Some(DefValue::Operator(n)) => n.plain(),
        Some(DefValue::Star) => "*".to_owned(),
        Some(DefValue::List(_)) => String::new(),
    }
}

fn is_bool(s: &str) -> bool {
    let s = s.to_ascii_lowercase();
    let word = |w: &str, min: usize| s.len() >= min && w.starts_with(&s);
    word("true", 1)
        || word("false", 1)
        || word("yes", 1)
        || word("no", 1)
        || word("on", 2)
        || word("off", 2)
        || s == "1"
        || s == "0"
}

fn check(name: &str, k: &Kind, value: &str) -> Result<()> {
    let bad = |what: &str| {
        err(SqlState::INVALID_PARAMETER_VALUE, format!("invalid value for {what} option \"{name}\": {value}"))
    };
    let outside = |low: String, high: String| {
        err(SqlState::INVALID_PARAMETER_VALUE, format!("value {value} out of bounds for option \"{name}\""))
            .detail(format!("Valid values are between \"{low}\" and \"{high}\"."))
    };
    match k {
        Kind::Int(low, high) => {
            let v: i64 = value.trim().parse().map_err(|_| bad("integer"))?;
            if !(*low..=*high).contains(&v) {
                return Err(outside(low.to_string(), high.to_string()));
            }
        }
        Kind::Real(low, high) => {
            let v: f64 = value.trim().parse().map_err(|_| bad("floating point"))?;
            if !(*low..=*high).contains(&v) {
                return Err(outside(format!("{low:.6}"), format!("{high:.6}")));
            }
        }
        Kind::Bool if is_bool(value) => {}
        Kind::Bool => return Err(bad("boolean")),
        Kind::Word(list) => {
            if !list.contains(&value.to_ascii_lowercase().as_str()) {
                let allowed = match *list {
                    ["local", "cascaded"] => "Valid values are \"local\" and \"cascaded\".",
                    _ => "Valid values are \"on\", \"off\", and \"auto\".",
                };
                return Err(bad("enum").detail(allowed));
            }
        }
    }
    Ok(())
}

/// What changing options locks: most say nothing to queries that run.
pub fn lock_mode(list: &[DefOption]) -> TableLockMode {
    let harmless = |o: &DefOption| {
        let name = o.name.as_str();
        let toast = o.namespace.is_some();
        toast
            || matches!(name, "fillfactor" | "toast_tuple_target" | "parallel_workers" | "deduplicate_items")
            || name.starts_with("autovacuum_")
            || name.starts_with("vacuum_")
            || name == "log_autovacuum_min_duration"
    };
    if list.iter().all(harmless) { TableLockMode::ShareUpdateExclusive } else { TableLockMode::AccessExclusive }
}

/// Whether an option is one for a table's values kept apart. Those have no table of their own here, so what it says is
/// checked and then has nothing to say it to.
fn for_toast(name: &str) -> bool {
    (name.starts_with("autovacuum_") && !name.starts_with("autovacuum_analyze"))
        || matches!(name, "vacuum_truncate" | "vacuum_index_cleanup" | "log_autovacuum_min_duration")
}

/// Merges a WITH list into options: later values replace earlier ones.
pub fn set(owner: Owner, into: &mut Vec<(String, String)>, list: &[DefOption]) -> Result<()> {
    let mut seen: Vec<&str> = Vec::new();
    for o in list {
        let name = o.name.as_str();
        match &o.namespace {
            Some(ns) if ns.value == "toast" && owner == Owner::Table => {
                let Some(k) = kind(owner, name).filter(|_| for_toast(name)) else {
                    return Err(err(SqlState::INVALID_PARAMETER_VALUE, format!("unrecognized parameter \"{name}\"")));
                };
                check(name, &k, &text(o))?;
                continue;
            }
            Some(ns) => {
                return Err(err(
                    SqlState::INVALID_PARAMETER_VALUE,
                    format!("unrecognized parameter namespace \"{}\"", ns.value),
                ));
            }
            None => {}
        }
        if owner == Owner::Table && name == "oids" {
            if is_bool(&text(o))
                && matches!(text(o).to_ascii_lowercase().as_str(), "false" | "off" | "no" | "0" | "f" | "n")
            {
                continue;
            }
            return Err(rustydb_base::DbError::unsupported("tables declared WITH OIDS are not supported"));
        }
        let Some(k) = kind(owner, name) else {
            return Err(err(SqlState::INVALID_PARAMETER_VALUE, format!("unrecognized parameter \"{name}\"")));
        };
        if seen.contains(&name) {
            return Err(err(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("parameter \"{name}\" specified more than once"),
            ));
        }
        seen.push(name);
        let value = text(o);
        check(name, &k, &value)?;
        match into.iter_mut().find(|x| x.0 == name) {
            Some(x) => x.1 = value,
            None => into.push((name.to_owned(), value)),
        }
    }
    Ok(())
}

/// Removes options by name.
pub fn reset(into: &mut Vec<(String, String)>, list: &[DefOption]) -> Result<()> {
    for o in list {
        if o.value.is_some() {
            return Err(err(SqlState::SYNTAX_ERROR, "RESET must not include values for parameters"));
        }
        match &o.namespace {
            None => into.retain(|x| x.0 != o.name.value),
            Some(ns) if ns.value == "toast" => {}
            Some(ns) => {
                return Err(err(
                    SqlState::INVALID_PARAMETER_VALUE,
                    format!("unrecognized parameter namespace \"{}\"", ns.value),
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustydb_parser::ast::Ident;

    fn option(name: &str, value: &str) -> DefOption {
        DefOption { namespace: None, name: Ident::new(name), value: Some(DefValue::Number(value.into())) }
    }

    #[test]
    fn values_are_checked() {
        let mut o = Vec::new();
        set(Owner::Table, &mut o, &[option("fillfactor", "70")]).expect("valid");
        assert_eq!(o, [("fillfactor".to_owned(), "70".to_owned())]);
        let e = set(Owner::Table, &mut o, &[option("fillfactor", "5")]).unwrap_err();
        assert_eq!(e.message, "value 5 out of bounds for option \"fillfactor\"");
        assert!(set(Owner::Table, &mut o, &[option("nonesuch", "5")]).is_err());
        assert!(set(Owner::Index, &mut o, &[option("autovacuum_enabled", "on")]).is_err());
    }
}
