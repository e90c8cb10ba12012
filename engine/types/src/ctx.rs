//! What a kernel may know of its surroundings.

use rustydb_base::Result;

/// Settings that change how values are read and shown. A copy lives in each statement's context.
#[derive(Clone, Debug)]
pub struct FormatSettings {
    /// IANA name of the session time zone.
    pub time_zone: jiff::tz::TimeZone,
    /// DateStyle: output format.
    pub date_style: DateStyle,
    /// DateStyle: field order on input and in non-ISO output.
    pub date_order: DateOrder,
    /// IntervalStyle.
    pub interval_style: IntervalStyle,
    /// bytea_output: hex when true, escape when false.
    pub bytea_hex: bool,
    /// extra_float_digits, -15..=3.
    pub extra_float_digits: i32,
}

/// Output format of dates.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "PostgreSQL's names")]
pub enum DateStyle {
    Iso,
    Sql,
    Postgres,
    German,
}

/// Order of year, month and day.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "PostgreSQL's names")]
pub enum DateOrder {
    Ymd,
    Dmy,
    Mdy,
}

/// Output format of intervals.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "PostgreSQL's names")]
pub enum IntervalStyle {
    Postgres,
    PostgresVerbose,
    SqlStandard,
    Iso8601,
}

impl Default for FormatSettings {
    fn default() -> Self {
        FormatSettings {
            time_zone: jiff::tz::TimeZone::UTC,
            date_style: DateStyle::Iso,
            date_order: DateOrder::Mdy,
            interval_style: IntervalStyle::Postgres,
            bytea_hex: true,
            extra_float_digits: 1,
        }
    }
}

/// What a kernel may ask of the session that runs it. The engine implements it; kernels that need more of the catalog
/// than this live in the engine.
pub trait SessionInfo: Send + Sync + std::any::Any {
    /// For the engine's own kernels, to reach the concrete session.
    fn as_any(&self) -> &dyn std::any::Any;
    /// `session_user`.
    fn session_user(&self) -> String;
    /// `current_user`.
    fn current_user(&self) -> String;
    /// `current_database()`.
    fn current_database(&self) -> String;
    /// Effective schemas of the search path, implicit ones included if asked for.
    fn current_schemas(&self, implicit: bool) -> Vec<String>;
    /// A setting's text, `None` when there is no such setting.
    fn setting(&self, name: &str) -> Option<String>;
    /// `set_config`; returns the new text.
    fn set_setting(&self, name: &str, value: Option<&str>, local: bool) -> Result<String>;
    /// Name to OID for the reg* types (`kind` is the type's OID: 2205 regclass, 2206 regtype, 24 regproc…), honouring
    /// search_path and quoting; fails with PostgreSQL's error for that kind when there is none.
    fn reg_in(&self, kind: u32, text: &str) -> Result<u32>;
    /// OID to shown name for the reg* types; the number itself when there is none.
    fn reg_out(&self, kind: u32, oid: u32) -> String;
    /// `format_type(oid, typmod)` for types that are not built in.
    fn format_user_type(&self, oid: u32, typmod: i32) -> Option<String>;
    /// An `aclitem` as clients write it to the text it is kept as, which has role numbers for names.
    fn acl_in(&self, _text: &str) -> Result<String> {
        Err(rustydb_base::DbError::internal("no session to resolve role names in"))
    }
    /// An `aclitem` as clients see it.
    fn acl_out(&self, kept: &str) -> String {
        kept.to_owned()
    }
    /// Random float in [0, 1).
    fn random(&self) -> f64;
    /// `setseed`.
    fn set_seed(&self, seed: f64);
}

/// One statement's evaluation context; shared by all kernels that run for it.
pub struct EvalCtx {
    /// Value formats.
    pub fmt: FormatSettings,
    /// `now()`: transaction start, microseconds since 2000-01-01 UTC.
    pub transaction_start: i64,
    /// `statement_timestamp()`, same unit.
    pub statement_start: i64,
    /// The session.
    pub session: std::sync::Arc<dyn SessionInfo>,
}
