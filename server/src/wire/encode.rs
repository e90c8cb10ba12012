//! Server messages as bytes, written straight into the connection's buffer. Rows and their descriptions are encoded
//! here, since every query pays for them; the messages that are sent once per connection or per COPY are pgwire's
//! structs ([`put`]).

use bytes::{BufMut, BytesMut};
use pgwire::messages::Message;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_engine::api::{ColumnDesc, RowShape};

/// Longest message we send; what PostgreSQL allows a message under construction to grow to.
const MAX_MESSAGE: usize = 0x3fff_ffff;

/// Appends one of pgwire's messages whole, or not at all when it breaks that message's limit (which none of ours
/// does unless a setting's value is beyond what clients accept; then the client is better off without it).
pub fn put<M: Message>(buf: &mut BytesMut, message: &M) {
    let start = buf.len();
    if let Err(e) = message.encode(buf) {
        buf.truncate(start);
        tracing::warn!("a message to the client was left out: {e}");
    }
}

/// Begins a message; give the result to [`end`].
pub fn begin(buf: &mut BytesMut, tag: u8) -> usize {
    let start = buf.len();
    buf.put_slice(&[tag, 0, 0, 0, 0]);
    start
}

/// Ends the message begun at `start` by filling in its length; removes it and fails if it became too long (54000).
pub fn end(buf: &mut BytesMut, start: usize) -> Result<()> {
    let len = buf.len().saturating_sub(start + 1);
    if len > MAX_MESSAGE {
        buf.truncate(start);
        return Err(too_long(len));
    }
    if let Some(place) = buf.get_mut(start + 1..start + 5) {
        place.copy_from_slice(&(len as u32).to_be_bytes());
    }
    Ok(())
}

fn too_long(len: usize) -> DbError {
    DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "out of memory")
        .detail(format!("Cannot send a message of {len} bytes; the limit is {MAX_MESSAGE}."))
}

/// A message without a body: ParseComplete '1', BindComplete '2', CloseComplete '3', NoData 'n', PortalSuspended 's',
/// EmptyQueryResponse 'I', CopyDone 'c'.
pub fn bare(buf: &mut BytesMut, tag: u8) {
    buf.put_slice(&[tag, 0, 0, 0, 4]);
}

/// ReadyForQuery.
pub fn ready_for_query(buf: &mut BytesMut, status: u8) {
    buf.put_slice(&[b'Z', 0, 0, 0, 5, status]);
}

/// CommandComplete.
pub fn command_complete(buf: &mut BytesMut, tag: &str) {
    buf.put_u8(b'C');
    buf.put_u32((tag.len() + 5) as u32);
    buf.put_slice(tag.as_bytes());
    buf.put_u8(0);
}

/// RowDescription of columns in the given formats (a missing format is text).
pub fn row_description(buf: &mut BytesMut, columns: &[ColumnDesc], formats: &[i16]) {
    let len: usize = columns.iter().map(|c| c.name.len() + 19).sum::<usize>() + 6;
    buf.reserve(len + 1);
    buf.put_u8(b'T');
    buf.put_u32(len as u32);
    buf.put_u16(columns.len() as u16);
    for (i, c) in columns.iter().enumerate() {
        buf.put_slice(c.name.as_bytes());
        buf.put_u8(0);
        buf.put_u32(c.table_oid);
        buf.put_i16(c.attnum);
        buf.put_u32(c.ty.oid);
        buf.put_i16(c.typlen);
        buf.put_i32(c.ty.typmod);
        buf.put_i16(formats.get(i).copied().unwrap_or(0));
    }
}

/// ParameterDescription.
pub fn parameter_description(buf: &mut BytesMut, types: &[u32]) {
    buf.reserve(types.len() * 4 + 7);
    buf.put_u8(b't');
    buf.put_u32((types.len() * 4 + 6) as u32);
    buf.put_u16(types.len() as u16);
    types.iter().for_each(|t| buf.put_u32(*t));
}

/// One CopyData message whose payload `write` appends.
pub fn copy_data(buf: &mut BytesMut, write: &mut dyn FnMut(&mut BytesMut)) -> Result<()> {
    let start = begin(buf, b'd');
    write(buf);
    end(buf, start)
}

/// Begins a DataRow of a shape.
pub fn begin_row(buf: &mut BytesMut, shape: &RowShape) -> usize {
    let start = begin(buf, b'D');
    buf.put_u16(shape.columns.len() as u16);
    start
}

/// FunctionCallResponse.
pub fn function_result(buf: &mut BytesMut, value: Option<&[u8]>) -> Result<()> {
    let start = begin(buf, b'V');
    match value {
        Some(b) => field(buf, b)?,
        None => null(buf),
    }
    end(buf, start)
}

/// One NULL column of a DataRow.
pub fn null(buf: &mut BytesMut) {
    buf.put_i32(-1);
}

/// One column of a DataRow whose bytes are at hand.
pub fn field(buf: &mut BytesMut, bytes: &[u8]) -> Result<()> {
    if bytes.len() > MAX_MESSAGE {
        return Err(too_long(bytes.len()));
    }
    buf.reserve(bytes.len() + 4);
    buf.put_u32(bytes.len() as u32);
    buf.put_slice(bytes);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use pgwire::messages::{DecodeContext, PgWireBackendMessage};
    use rustydb_types::datum::TypeRef;

    fn column(name: &str, oid: u32) -> ColumnDesc {
        ColumnDesc {
            name: name.into(),
            table_oid: 16384,
            attnum: 2,
            ty: TypeRef { oid, typmod: 36, collation: 0 },
            typlen: -1,
        }
    }

    /// pgwire's decoder reads what we wrote, and nothing is left over.
    #[test]
    fn readable_by_another_implementation() {
        let mut buf = BytesMut::new();
        row_description(&mut buf, &[column("a", 23), column("é", 1043)], &[0, 1]);
        parameter_description(&mut buf, &[23, 0, 25]);
        command_complete(&mut buf, "SELECT 1");
        bare(&mut buf, b'1');
        ready_for_query(&mut buf, b'T');
        copy_data(&mut buf, &mut |b| b.put_slice(b"1\tx\n")).unwrap();
        let mut seen = Vec::new();
        while let Some(m) = PgWireBackendMessage::decode(&mut buf, &DecodeContext::default()).unwrap() {
            seen.push(m);
        }
        assert!(buf.is_empty());
        assert_eq!(seen.len(), 6);
        let PgWireBackendMessage::RowDescription(rd) = &seen[0] else { panic!("{:?}", seen[0]) };
        assert_eq!(rd.fields.len(), 2);
        assert_eq!((rd.fields[1].name.as_str(), rd.fields[1].type_id), ("é", 1043));
        assert_eq!((rd.fields[1].type_modifier, rd.fields[1].format_code), (36, 1));
        let PgWireBackendMessage::CommandComplete(c) = &seen[2] else { panic!("{:?}", seen[2]) };
        assert_eq!(c.tag, "SELECT 1");
        let PgWireBackendMessage::CopyData(d) = &seen[5] else { panic!("{:?}", seen[5]) };
        assert_eq!(&d.data[..], b"1\tx\n");
    }

    #[test]
    fn fields_carry_their_length() {
        let mut buf = BytesMut::new();
        field(&mut buf, b"abc").unwrap();
        field(&mut buf, b"").unwrap();
        null(&mut buf);
        assert_eq!(&buf[..], b"\0\0\0\x03abc\0\0\0\0\xff\xff\xff\xff");
    }
}
