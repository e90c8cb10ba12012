//! What the comparisons with PostgreSQL share: a context to evaluate in, and the recordings' format.

use rustydb_base::{DbError, Result};
use rustydb_types::ctx::{EvalCtx, FormatSettings, SessionInfo};
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::io::{OutCtx, text_out};
use std::any::Any;
use std::sync::Arc;

/// A session that knows nothing.
struct NoSession;

impl SessionInfo for NoSession {
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn session_user(&self) -> String {
        "postgres".into()
    }
    fn current_user(&self) -> String {
        "postgres".into()
    }
    fn current_database(&self) -> String {
        "postgres".into()
    }
    fn current_schemas(&self, _: bool) -> Vec<String> {
        vec!["public".into()]
    }
    fn setting(&self, _: &str) -> Option<String> {
        None
    }
    fn set_setting(&self, _: &str, _: Option<&str>, _: bool) -> Result<String> {
        Err(DbError::unsupported("no settings"))
    }
    fn reg_in(&self, _: u32, _: &str) -> Result<u32> {
        Err(DbError::unsupported("no catalog"))
    }
    fn reg_out(&self, _: u32, oid: u32) -> String {
        oid.to_string()
    }
    fn format_user_type(&self, _: u32, _: i32) -> Option<String> {
        None
    }
    fn random(&self) -> f64 {
        0.5
    }
    fn set_seed(&self, _: f64) {}
}

/// A context in New York, with everything else as PostgreSQL starts.
pub fn context() -> EvalCtx {
    let time_zone = jiff::tz::TimeZone::get("America/New_York").expect("the zone database is bundled");
    EvalCtx {
        fmt: FormatSettings { time_zone, ..FormatSettings::default() },
        transaction_start: 0,
        statement_start: 0,
        session: Arc::new(NoSession),
        host: None,
    }
}

/// One field of COPY's text format.
pub fn field(text: &str) -> Option<String> {
    if text == "\\N" {
        return None;
    }
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.push(match c {
            '\\' => match chars.next() {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some('b') => '\x08',
                Some('f') => '\x0c',
                Some('v') => '\x0b',
                Some(other) => other,
                None => '\\',
            },
            c => c,
        });
    }
    Some(out)
}

/// A value's text; `None` for NULL.
pub fn shown(ctx: &EvalCtx, ty: u32, d: &Datum) -> Result<Option<String>> {
    if d.is_null() {
        return Ok(None);
    }
    let mut out = Vec::new();
    text_out(OutCtx { fmt: &ctx.fmt, session: Some(&*ctx.session) }, TypeRef::new(ty), d, &mut out)?;
    Ok(Some(String::from_utf8(out).expect("output is text")))
}
