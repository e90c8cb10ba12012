//! Text form of row values.

use super::{OutCtx, text_out};
use crate::datum::{Datum, TypeRef};
use rustydb_base::Result;

/// Appends a row: fields in parentheses, NULL as nothing.
pub(super) fn record_out(ctx: OutCtx<'_>, fields: &[(TypeRef, Datum)], out: &mut Vec<u8>) -> Result<()> {
    out.push(b'(');
    for (i, (ty, d)) in fields.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        if d.is_null() {
            continue;
        }
        let start = out.len();
        text_out(ctx, *ty, d, out)?;
        let t = &out[start..];
        let special =
            |c: &u8| matches!(c, b'"' | b'\\' | b'(' | b')' | b',' | b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c);
        if t.is_empty() || t.iter().any(special) {
            let text = t.to_vec();
            out.truncate(start);
            out.push(b'"');
            for c in text {
                // Both are doubled, unlike in arrays.
                if c == b'"' || c == b'\\' {
                    out.push(c);
                }
                out.push(c);
            }
            out.push(b'"');
        }
    }
    out.push(b')');
    Ok(())
}
