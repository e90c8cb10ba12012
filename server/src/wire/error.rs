//! [`DbError`] to ErrorResponse and NoticeResponse: the only place where errors become bytes.

use super::encode::put;
use bytes::BytesMut;
use pgwire::messages::response::{ErrorResponse, NoticeResponse};
use rustydb_base::{DbError, Severity};

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

/// The fields in the order PostgreSQL sends them. F, L and R (source file, line, routine) would describe PostgreSQL's
/// sources and are left out.
fn fields(severity: &str, err: &DbError) -> Vec<(u8, String)> {
    let mut out = vec![
        (b'S', severity.to_owned()),
        (b'V', severity.to_owned()),
        (b'C', err.code.as_str().to_owned()),
        (b'M', text(&err.message)),
    ];
    let Some(f) = err.fields.as_deref() else { return out };
    let position = f.position.map(|p| p.to_string());
    let internal_position = f.internal_position.map(|p| p.to_string());
    let optional = [
        (b'D', &f.detail),
        (b'H', &f.hint),
        (b'P', &position),
        (b'p', &internal_position),
        (b'q', &f.internal_query),
        (b'W', &f.context),
        (b's', &f.schema),
        (b't', &f.table),
        (b'c', &f.column),
        (b'd', &f.datatype),
        (b'n', &f.constraint),
    ];
    out.extend(optional.into_iter().filter_map(|(code, v)| v.as_deref().map(|v| (code, text(v)))));
    out
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
        let body = "SERROR\0VERROR\0C08P01\0Mm\u{fffd}x\0Dd\0Hh\0P7\0ss\0tt\0cc\0\0";
        assert_eq!(&buf[5..], body.as_bytes());
        assert_eq!(buf[0], b'E');
        assert_eq!(buf[1..5], (body.len() as u32 + 4).to_be_bytes());
    }

    #[test]
    fn severities() {
        let mut buf = BytesMut::new();
        notice_response(&mut buf, "WARNING", &DbError::new(SqlState::WARNING, "w"));
        assert_eq!(buf[0], b'N');
        assert_eq!(&buf[5..], b"SWARNING\0VWARNING\0C01000\0Mw\0\0");
    }
}
