//! What a kernel may know of its surroundings.

use crate::datum::{Datum, EnumValue, TypeRef};
use crate::tsearch::dict::{self, Config, Dictionary};
use rustydb_base::{DbError, Result};
use std::sync::Arc;

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

/// An attribute of a composite type.
#[derive(Clone, Debug)]
pub struct RowField {
    /// Name.
    pub name: String,
    /// Type.
    pub ty: TypeRef,
}

fn no_catalog(ty: u32) -> DbError {
    DbError::internal(format!("type {ty} is used where there is no catalog"))
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
    /// The label of an enum by its name; 22P02 when there is none, 55P04 when it may not be used yet.
    fn enum_in(&self, ty: u32, _label: &str) -> Result<EnumValue> {
        Err(no_catalog(ty))
    }
    /// A label's name.
    fn enum_label(&self, _ty: u32, _label: u32) -> Option<String> {
        None
    }
    /// 55P04 for a label that may not be used yet.
    fn check_label(&self, _ty: u32, _label: u32) -> Result<()> {
        Ok(())
    }
    /// All labels of an enum in order.
    fn enum_values(&self, ty: u32) -> Result<Vec<EnumValue>> {
        Err(no_catalog(ty))
    }
    /// 23502 or 23514 for a value that a domain does not allow.
    fn check_domain(&self, _ctx: &EvalCtx, _ty: u32, _value: &Datum) -> Result<()> {
        Ok(())
    }
    /// Attributes of a composite type.
    fn row_fields(&self, _ty: u32) -> Option<Vec<RowField>> {
        None
    }
    /// How many attributes a composite type has.
    fn row_width(&self, ty: u32) -> Option<usize> {
        self.row_fields(ty).map(|f| f.len())
    }
    /// A text search dictionary by OID, made if need be.
    fn ts_dictionary(&self, oid: u32) -> Result<Arc<Dictionary>> {
        dict::built_in(oid).ok_or_else(|| dict::no_dictionary(oid))
    }
    /// A text search configuration by OID.
    fn ts_config(&self, oid: u32) -> Result<Arc<Config>> {
        dict::built_in_config(oid).ok_or_else(|| dict::no_config(oid))
    }
    /// A text search parser by name.
    fn ts_parser(&self, name: &str) -> Result<u32> {
        match name {
            "default" | "pg_catalog.default" => Ok(crate::tsearch::documents::DEFAULT_PARSER),
            _ => Err(DbError::new(
                rustydb_base::SqlState::UNDEFINED_OBJECT,
                format!("text search parser \"{name}\" does not exist"),
            )),
        }
    }
    /// Whether there is a user's text search parser of the OID.
    fn is_ts_parser(&self, _oid: u32) -> bool {
        false
    }
    /// Tells the client something (NOTICE).
    fn notice(&self, _message: DbError) {}
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
    /// Runs calls of users' functions, where the statement makes any.
    pub host: Option<std::sync::Arc<dyn crate::host::CallHost>>,
}
