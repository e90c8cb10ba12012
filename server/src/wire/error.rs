//! [`DbError`] to ErrorResponse and NoticeResponse: the only place where errors become bytes.

use super::encode::put;
use bytes::BytesMut;
use pgwire::messages::response::{ErrorResponse, NoticeResponse};
use rustydb_base::{DbError, ErrorFields, Severity};

/// Appends an ErrorResponse.
pub fn error_response(buf: &mut BytesMut, err: &DbError) {
    let severity = match err.severity {
        Severity::Error => "ERROR",
        Severity::Fatal => "FATAL",
        Severity::Panic => "PANIC",
    };
    put(buf, &ErrorResponse::new(fields(severity, err)));
}

/// Appends a NoticeResponse of the given severity (NOTICE, WARNING, INFO, LOG, DEBUG).
pub fn notice_response(buf: &mut BytesMut, severity: &str, err: &DbError) {
    put(buf, &NoticeResponse::new(fields(severity, err)));
}

/// The fields in the order PostgreSQL sends them. Its F, L and R are source file, line and routine; ours name the module
/// for the routine.
fn fields(severity: &str, err: &DbError) -> Vec<(u8, String)> {
    let mut out = vec![
        (b'S', severity.to_owned()),
        (b'V', severity.to_owned()),
        (b'C', err.code.as_str().to_owned()),
        (b'M', text(&err.message)),
    ];
    if let Some(f) = err.fields.as_deref() {
        out.extend(details(f));
    }
    out.extend([
        (b'F', err.origin.file().to_owned()),
        (b'L', err.origin.line().to_string()),
        (b'R', err.origin.module().to_owned()),
    ]);
    out
}

fn details(f: &ErrorFields) -> impl Iterator<Item = (u8, String)> {
    let position = f.position.map(|p| p.to_string());
    let internal_position = f.internal_position.map(|p| p.to_string());
    let optional = [
        (b'D', f.detail.as_deref()),
        (b'H', f.hint.as_deref()),
        (b'P', position.as_deref()),
        (b'p', internal_position.as_deref()),
        (b'q', f.internal_query.as_deref()),
        (b'W', f.context.as_deref()),
        (b's', f.schema.as_deref()),
        (b't', f.table.as_deref()),
        (b'c', f.column.as_deref()),
        (b'd', f.datatype.as_deref()),
        (b'n', f.constraint.as_deref()),
    ];
    optional.map(|(code, v)| v.map(|v| (code, text(v)))).into_iter().flatten()
}

/// A field ends at its first NUL on the wire, so none may be inside.
fn text(s: &str) -> String {
    if s.contains('\0') { s.replace('\0', "\u{fffd}") } else { s.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustydb_base::SqlState;

    #[test]
    fn all_fields() {
        let e =
            DbError::new(SqlState::PROTOCOL_VIOLATION, "m\0x").detail("d").hint("h").at(7).table("s", "t").column("c");
        let mut buf = BytesMut::new();
        error_response(&mut buf, &e);
        let place = format!("Ferror.rs\0L{}\0Rerror\0", e.origin.line());
        let body = format!("SERROR\0VERROR\0C08P01\0Mm\u{fffd}x\0Dd\0Hh\0P7\0ss\0tt\0cc\0{place}\0");
        assert_eq!(&buf[5..], body.as_bytes());
        assert_eq!(buf[0], b'E');
        assert_eq!(buf[1..5], (body.len() as u32 + 4).to_be_bytes());
    }

    #[test]
    fn severities() {
        let mut buf = BytesMut::new();
        notice_response(&mut buf, "WARNING", &DbError::new(SqlState::WARNING, "w"));
        assert_eq!(buf[0], b'N');
        assert!(buf[5..].starts_with(b"SWARNING\0VWARNING\0C01000\0Mw\0Ferror.rs\0L"));
    }
}
