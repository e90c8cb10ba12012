//! The extended query protocol: Parse, Bind, Describe, Execute, Close, Sync. Answers are only buffered; they leave with
//! Sync, Flush, or when the buffer passes its high-water mark. After an error the connection's loop skips to Sync.

use super::decode::{self, Target};
use super::encode;
use crate::conn::{Conn, Step};
use bytes::Bytes;
use rustydb_base::Result;
use rustydb_engine::api::ExecuteEnd;

/// Parse.
pub async fn parse(conn: &mut Conn, body: Bytes) -> Result<Step> {
    let m = conn.check(decode::parse(&body))?;
    let Conn { session, wire, canceller, .. } = conn;
    wire.link.watched(session.parse(m.name, m.sql, &m.param_types), || canceller.cancel()).await?;
    encode::bare(&mut wire.buf, b'1');
    Ok(Step::More)
}

/// Bind.
pub async fn bind(conn: &mut Conn, body: Bytes) -> Result<Step> {
    let m = conn.check(decode::bind(&body))?;
    let Conn { session, wire, canceller, .. } = conn;
    let work = session.bind(m.portal, m.statement, &m.param_formats, &m.params, &m.result_formats);
    wire.link.watched(work, || canceller.cancel()).await?;
    encode::bare(&mut wire.buf, b'2');
    Ok(Step::More)
}

/// Describe of a statement or a portal.
pub async fn describe(conn: &mut Conn, body: Bytes) -> Result<Step> {
    let target = conn.check(decode::target("DESCRIBE", &body))?;
    let Conn { session, wire, canceller, .. } = conn;
    match target {
        Target::Statement(name) => {
            let desc = wire.link.watched(session.describe_statement(name), || canceller.cancel()).await?;
            encode::parameter_description(&mut wire.buf, &desc.params);
            match desc.columns {
                Some(columns) => encode::row_description(&mut wire.buf, &columns, &[]),
                None => encode::bare(&mut wire.buf, b'n'),
            }
        }
        Target::Portal(name) => match wire.link.watched(session.describe_portal(name), || canceller.cancel()).await? {
            Some(shape) => encode::row_description(&mut wire.buf, &shape.columns, &shape.formats),
            None => encode::bare(&mut wire.buf, b'n'),
        },
    }
    Ok(Step::More)
}

/// Execute.
pub async fn execute(conn: &mut Conn, body: Bytes) -> Result<Step> {
    let (portal, max_rows) = conn.check(decode::execute(&body))?;
    let Conn { session, wire, canceller, .. } = conn;
    let link = wire.link.clone();
    let end = link.watched(session.execute(portal, max_rows, wire), || canceller.cancel()).await?;
    if let Some(e) = wire.failure.take() {
        return Err(e);
    }
    match end {
        ExecuteEnd::Complete(tag) => encode::command_complete(&mut wire.buf, &tag),
        ExecuteEnd::Suspended => encode::bare(&mut wire.buf, b's'),
        ExecuteEnd::Empty => encode::bare(&mut wire.buf, b'I'),
    }
    Ok(Step::More)
}

/// Close of a statement or a portal.
pub fn close(conn: &mut Conn, body: &Bytes) -> Result<Step> {
    match conn.check(decode::target("CLOSE", body))? {
        Target::Statement(name) => conn.session.close_statement(name),
        Target::Portal(name) => conn.session.close_portal(name),
    }
    encode::bare(&mut conn.wire.buf, b'3');
    Ok(Step::More)
}

/// Flush.
pub async fn flush(conn: &mut Conn, body: &Bytes) -> Result<Step> {
    conn.check(decode::nothing(body))?;
    let Conn { wire, canceller, .. } = conn;
    let link = wire.link.clone();
    link.watched(wire.send(), || canceller.cancel()).await?;
    Ok(Step::More)
}

/// Sync.
pub async fn sync(conn: &mut Conn, body: &Bytes) -> Result<Step> {
    conn.check(decode::nothing(body))?;
    let Conn { session, wire, canceller, .. } = conn;
    let link = wire.link.clone();
    link.watched(session.sync(wire), || canceller.cancel()).await?;
    Ok(Step::Ready)
}
