//! The writing side of a connection: the engine's [`Output`].
//!
//! Bytes collect in one buffer and leave it at Sync, Flush, ReadyForQuery, or when [`HIGH_WATER`] is passed; always
//! behind the output gate, so that no client sees what a crash could take back (invariant I7).

use super::link::{Link, Signal};
use super::rows::RowWriter;
use super::{batch, copy, encode, error};
use arrow_array::RecordBatch;
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use pgwire::messages::copy::{CopyInResponse, CopyOutResponse};
use pgwire::messages::response::NotificationResponse;
use pgwire::messages::startup::ParameterStatus;
use rustydb_base::{DbError, Result};
use rustydb_engine::api::{CopyShape, Output, OutputGate, RowShape};
use rustydb_types::ctx::FormatSettings;
use rustydb_types::datum::Datum;
use std::sync::Arc;

/// Buffered bytes that make the writer ask for a flush.
pub const HIGH_WATER: usize = 64 * 1024;

/// One connection's output buffer and the stream it drains to.
pub struct Wire {
    /// The stream.
    pub link: Arc<Link>,
    /// Bytes not sent yet; whole messages only.
    pub buf: BytesMut,
    /// The session's output gate, once there is a session.
    pub gate: Option<Arc<dyn OutputGate>>,
    /// How rows are written.
    pub rows: RowWriter,
    /// COPY met a message it cannot skip over: the session must end after the error.
    pub out_of_sync: bool,
    /// A message could not be built where no error can be returned; the next flush or the end of the statement fails.
    pub failure: Option<DbError>,
}

impl Wire {
    /// A writer with an empty buffer.
    pub fn new(link: Arc<Link>) -> Wire {
        Wire { link, buf: BytesMut::new(), gate: None, rows: RowWriter::default(), out_of_sync: false, failure: None }
    }

    /// What others told this connection.
    pub fn signal(&self) -> &Arc<Signal> {
        self.link.signal()
    }

    /// Gives the buffer's memory back. Called while the connection has nothing to do.
    pub fn release(&mut self) {
        if self.buf.is_empty() {
            self.buf = BytesMut::new();
        }
        self.rows.release();
    }

    /// Sends everything, waiting for the gate first.
    pub async fn send(&mut self) -> Result<()> {
        if self.buf.is_empty() {
            return Ok(());
        }
        if let Some(gate) = self.gate.as_ref().filter(|g| !g.open())
            && let Err(e) = gate.wait().await
        {
            // What is buffered may never become durable: the client must not see it.
            self.buf.clear();
            return Err(e);
        }
        self.link.write_all(&mut self.buf).await
    }

    /// The same, together with the answers of other sessions of this worker if it has some to serve.
    pub async fn send_with_others(&mut self) -> Result<()> {
        if batch::is_busy() {
            let open = self.gate.as_ref().is_none_or(|g| g.open());
            let left = open && self.link.leave(&mut self.buf);
            if left {
                batch::join(&self.link);
            }
            tokio::task::yield_now().await;
            if left {
                batch::flush();
                return self.link.send_left().await;
            }
        }
        self.send().await
    }

    /// Sends what ends a connection. The text of an error depends on no data, so it may go out when the gate failed.
    pub async fn send_last(&mut self, err: &DbError) {
        if self.signal().is_client_gone() || self.link.is_torn() {
            return;
        }
        if let Some(gate) = &self.gate
            && !gate.open()
        {
            self.buf.clear();
        }
        error::error_response(&mut self.buf, err);
        // Whether the client still reads this or not, the connection ends now.
        let _ended: Result<()> = self.link.write_all(&mut self.buf).await;
    }
}

#[async_trait]
impl Output for Wire {
    fn row_description(&mut self, shape: &RowShape) {
        encode::row_description(&mut self.buf, &shape.columns, &shape.formats);
    }

    fn row(&mut self, shape: &RowShape, fmt: &FormatSettings, row: &[Datum]) -> Result<()> {
        self.rows.row(&mut self.buf, shape, fmt, row)
    }

    fn batch(
        &mut self,
        shape: &RowShape,
        fmt: &FormatSettings,
        batch: &RecordBatch,
        from: usize,
        len: usize,
    ) -> Result<()> {
        self.rows.batch(&mut self.buf, shape, fmt, batch, from, len)
    }

    fn complete(&mut self, tag: &str) {
        encode::command_complete(&mut self.buf, tag);
    }

    fn empty_query(&mut self) {
        encode::bare(&mut self.buf, b'I');
    }

    fn error(&mut self, err: &DbError) {
        error::error_response(&mut self.buf, err);
    }

    fn notice(&mut self, severity: &'static str, err: &DbError) {
        error::notice_response(&mut self.buf, severity, err);
    }

    fn parameter_status(&mut self, name: &str, value: &str) {
        encode::put(&mut self.buf, &ParameterStatus::new(name.to_owned(), value.to_owned()));
    }

    fn notification(&mut self, pid: i32, channel: &str, payload: &str) {
        encode::put(&mut self.buf, &NotificationResponse::new(pid, channel.to_owned(), payload.to_owned()));
    }

    fn copy_in(&mut self, shape: CopyShape) {
        let (format, columns, formats) = copy::formats(shape);
        encode::put(&mut self.buf, &CopyInResponse::new(format, columns, formats));
    }

    async fn copy_read(&mut self) -> Result<Option<Bytes>> {
        copy::read(self).await
    }

    fn copy_out(&mut self, shape: CopyShape) {
        let (format, columns, formats) = copy::formats(shape);
        encode::put(&mut self.buf, &CopyOutResponse::new(format, columns, formats));
    }

    fn copy_write(&mut self, write: &mut dyn FnMut(&mut BytesMut)) {
        if let Err(e) = encode::copy_data(&mut self.buf, write) {
            self.failure.get_or_insert(e);
        }
    }

    fn copy_done(&mut self) {
        encode::bare(&mut self.buf, b'c');
    }

    fn wants_flush(&self) -> bool {
        self.buf.len() >= HIGH_WATER
    }

    async fn flush(&mut self) -> Result<()> {
        match self.failure.take() {
            Some(e) => Err(e),
            None => self.send().await,
        }
    }
}
