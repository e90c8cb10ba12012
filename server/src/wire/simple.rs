//! The simple query protocol: one string, any number of statements, one ReadyForQuery.

use super::decode;
use crate::conn::{Conn, Step};
use bytes::Bytes;
use rustydb_base::{DbError, Result};

/// Query.
pub async fn query(conn: &mut Conn, body: Bytes) -> Result<Step> {
    let sql = conn.check(decode::query(&body))?;
    let Conn { session, wire, canceller, .. } = conn;
    let link = wire.link.clone();
    link.watched(session.simple_query(sql, wire), || canceller.cancel()).await?;
    wire.failure.take().map_or(Ok(Step::Ready), Err)
}

/// FunctionCall. libpq's large object functions still speak it; they get an error they can show.
pub fn function_call(conn: &mut Conn) -> Result<Step> {
    conn.check(Err(
        DbError::unsupported("the function call protocol is not supported").hint("Call the function with SELECT.")
    ))
}
