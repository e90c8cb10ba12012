//! COPY inside both query protocols. The engine asks for the client's data while its statement runs, so the messages of
//! the sub-protocol are read here and not in the connection's loop.

use super::decode;
use super::frame::{BadHeader, Phase};
use super::link::{IngestBudget, ReadEnd, terminated};
use super::output::Wire;
use bytes::Bytes;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_engine::api::CopyShape;

/// Overall format, column count and column formats of CopyInResponse and CopyOutResponse.
pub fn formats(shape: CopyShape) -> (i8, i16, Vec<i16>) {
    let code = i16::from(shape.binary);
    // A table has at most 1600 columns, so the count fits.
    (i8::from(shape.binary), shape.columns as i16, vec![code; usize::from(shape.columns)])
}

/// The next CopyData payload; `None` at CopyDone. Flush and Sync are skipped: a client of the extended protocol sends
/// them before it knows that a COPY began.
pub async fn read(wire: &mut Wire) -> Result<Option<Bytes>> {
    wire.link.set_copy(true);
    let r = next(wire).await;
    if !matches!(r, Ok(Some(_))) {
        wire.link.set_copy(false);
    }
    r
}

async fn next(wire: &mut Wire) -> Result<Option<Bytes>> {
    loop {
        let frame = tokio::select! {
            biased;
            f = wire.link.frame(Phase::CopyIn) => f,
            () = wire.link.signal().raised() => {
                if wire.signal().is_terminated() {
                    return Err(terminated());
                }
                continue;
            }
        };
        let frame = match frame {
            Ok(frame) => frame,
            Err(ReadEnd::Bad(BadHeader::Type(tag))) => {
                wire.out_of_sync = true;
                return Err(DbError::new(
                    SqlState::PROTOCOL_VIOLATION,
                    format!("unexpected message type 0x{tag:02X} during COPY from stdin"),
                ));
            }
            Err(ReadEnd::Memory) => {
                wire.out_of_sync = true;
                return Err(memory());
            }
            Err(ReadEnd::Gone | ReadEnd::Bad(BadHeader::Length)) => {
                wire.signal().client_gone();
                return Err(DbError::new(
                    SqlState::CONNECTION_FAILURE,
                    "unexpected EOF on client connection with an open transaction",
                ));
            }
        };
        match frame.tag {
            b'd' => return Ok(Some(frame.body)),
            b'c' => {
                decode::nothing(&frame.body)?;
                return Ok(None);
            }
            b'f' => {
                let reason = decode::query(&frame.body)?;
                return Err(DbError::new(SqlState::QUERY_CANCELED, format!("COPY from stdin failed: {reason}")));
            }
            _ => decode::nothing(&frame.body)?,
        }
    }
}

/// 53200: the bound over all connections on messages that are still arriving is reached.
pub fn memory() -> DbError {
    DbError::fatal(SqlState::OUT_OF_MEMORY, "out of memory")
        .detail(format!("Too many messages above {} bytes are arriving at the same time.", IngestBudget::FREE))
}
