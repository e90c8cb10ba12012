//! jsonb as text and on the wire: version 1 and the text.

use super::OutCtx;
use super::binary::{bad_format, utf8};
use crate::bytetype::ByteType;
use crate::ctx::EvalCtx;
use crate::jsonb;
use crate::oid;
use rustydb_base::{DbError, Result};

/// The binary form's version.
const VERSION: u8 = 1;

fn text_in(_: &EvalCtx, s: &str) -> Result<Vec<u8>> {
    Ok(jsonb::encode(&jsonb::parse(s)?))
}

fn text_out(_: OutCtx<'_>, b: &[u8], out: &mut Vec<u8>) -> Result<()> {
    send_text(b, out);
    Ok(())
}

fn send_text(b: &[u8], out: &mut Vec<u8>) {
    let mut text = String::new();
    jsonb::write_text(b, &mut text);
    out.extend_from_slice(text.as_bytes());
}

fn recv(ctx: &EvalCtx, b: &[u8]) -> Result<Vec<u8>> {
    match b.split_first() {
        Some((&VERSION, text)) => text_in(ctx, utf8(text)?),
        Some((v, _)) => Err(DbError::internal(format!("unsupported jsonb version number {v}"))),
        None => Err(bad_format()),
    }
}

fn send(b: &[u8], out: &mut Vec<u8>) {
    out.push(VERSION);
    send_text(b, out);
}

/// The type's row.
pub static TYPE: ByteType = ByteType {
    oid: oid::JSONB,
    text_in,
    text_out,
    recv,
    send,
    typmod: None,
    compare: Some(jsonb::compare),
    put_key: jsonb::put_key,
};
