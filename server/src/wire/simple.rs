//! The simple query protocol: one string, any number of statements, one ReadyForQuery.

use super::{decode, encode};
use crate::conn::{Conn, Step};
use bytes::Bytes;
use rustydb_base::Result;

/// Query.
pub async fn query(conn: &mut Conn, body: Bytes) -> Result<Step> {
    let sql = conn.check(decode::query(&body))?;
    let Conn { session, wire, canceller, .. } = conn;
    let link = wire.link.clone();
    link.watched(session.simple_query(sql, wire), || canceller.cancel()).await?;
    wire.failure.take().map_or(Ok(Step::Ready), Err)
}

/// FunctionCall, which libpq's large object functions speak.
pub async fn function_call(conn: &mut Conn, body: Bytes) -> Result<Step> {
    let call = conn.check(decode::function_call(&body))?;
    let Conn { session, wire, canceller, .. } = conn;
    let link = wire.link.clone();
    let calling = session.function_call(call.function, &call.formats, &call.args, call.result_format);
    let done = link.watched(calling, || canceller.cancel()).await;
    match done {
        Ok(value) => {
            encode::function_result(&mut wire.buf, value.as_deref())?;
            session.sync(wire).await?;
            Ok(Step::Ready)
        }
        Err(e) => {
            // The first error is what the client is told.
            let _ended = session.sync(wire).await;
            Err(e)
        }
    }
}
