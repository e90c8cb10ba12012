//! jsonb as text: PostgreSQL's canonical form, and `jsonb_pretty`'s.

use super::{View, number};

/// Appends a text as a JSON string.
pub fn write_string(text: &str, out: &mut String) {
    crate::funcs::json::quote(text, out);
}

fn write_number(b: &[u8], out: &mut String) {
    let mut text = Vec::new();
    number(b).write_text(&mut text);
    out.push_str(&String::from_utf8_lossy(&text));
}

/// Appends a stored value: one blank after each colon and comma.
pub fn write_text(b: &[u8], out: &mut String) {
    match View::of(b) {
        View::Null => out.push_str("null"),
        View::Bool(v) => out.push_str(if v { "true" } else { "false" }),
        View::Number(b) => write_number(b, out),
        View::String(s) => write_string(s, out),
        View::Array(a) => {
            out.push('[');
            for (i, item) in a.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                write_text(item, out);
            }
            out.push(']');
        }
        View::Object(o) => {
            out.push('{');
            for (i, (key, value)) in o.iter().enumerate() {
                if i > 0 {
                    out.push_str(", ");
                }
                write_string(key, out);
                out.push_str(": ");
                write_text(value, out);
            }
            out.push('}');
        }
    }
}

/// Appends a stored value in lines, four blanks per level.
pub fn pretty(b: &[u8], level: usize, out: &mut String) {
    let line = |level: usize, out: &mut String| {
        out.push('\n');
        out.extend(std::iter::repeat_n("    ", level));
    };
    match View::of(b) {
        View::Array(a) => {
            out.push('[');
            for (i, item) in a.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                line(level + 1, out);
                pretty(item, level + 1, out);
            }
            line(level, out);
            out.push(']');
        }
        View::Object(o) => {
            out.push('{');
            for (i, (key, value)) in o.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                line(level + 1, out);
                write_string(key, out);
                out.push_str(": ");
                pretty(value, level + 1, out);
            }
            line(level, out);
            out.push('}');
        }
        _ => write_text(b, out),
    }
}
