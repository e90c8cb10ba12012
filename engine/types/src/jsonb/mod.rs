//! jsonb: its stored form, its text, its order.
//!
//! A value is bytes, a tag and then what the tag says; where a value ends, its container knows. Numbers keep every digit
//! ([`Numeric::to_bytes`]). An array is its count, the end offset of every element, then the elements; an object is its
//! count, the ends of the keys, the ends of the values, then keys and values. Keys are unique and lie in PostgreSQL's order
//! (length, then bytes), so that [`Object::find`] searches in halves without reading the other members.
//!
//! Functions that only look use [`View`]; those that make values build a [`Json`] tree and [`encode`] it. The stored form
//! has no version of its own: pages carry checksums, and a reader that meets malformed bytes sees null, never a panic.

mod order;
mod text;
mod tree;
mod view;

pub use order::{compare, put_key};
pub use text::{pretty, write_string, write_text};
pub use tree::{Builder, Json, encode, object_of, parse};
pub use view::{Array, Kind, Object, View};

use crate::numeric::Numeric;

/// Tags of stored values. They are stored: never reuse one.
mod tag {
    pub const NULL: u8 = 0;
    pub const FALSE: u8 = 1;
    pub const TRUE: u8 = 2;
    pub const NUMBER: u8 = 3;
    pub const STRING: u8 = 4;
    pub const ARRAY: u8 = 5;
    pub const OBJECT: u8 = 6;
}

/// PostgreSQL's order of keys: the shorter first, then by bytes.
pub fn compare_keys(a: &str, b: &str) -> std::cmp::Ordering {
    a.len().cmp(&b.len()).then_with(|| a.as_bytes().cmp(b.as_bytes()))
}

/// A stored number.
fn number(bytes: &[u8]) -> Numeric {
    Numeric::from_bytes(bytes).unwrap_or(Numeric::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(s: &str) -> Vec<u8> {
        encode(&parse(s).expect("test input is JSON"))
    }

    fn shown(s: &str) -> String {
        let mut out = String::new();
        write_text(&stored(s), &mut out);
        out
    }

    #[test]
    fn text_is_canonical() {
        assert_eq!(
            shown(r#" { "bb":1.10, "a":[], "a": [1,{"x":null}] , "" : "\u00e9\n" }"#),
            r#"{"": "é\n", "a": [1, {"x": null}], "bb": 1.10}"#
        );
        assert_eq!(shown("1e3"), "1000");
    }

    #[test]
    fn order_and_keys_agree() {
        let values = [
            "[]",
            "null",
            "\"\"",
            "\"a\"",
            "-1",
            "1.0",
            "2",
            "false",
            "true",
            "[null]",
            "[1, [] ]",
            "[1, 2, 3]",
            "{}",
            r#"{"a": 1}"#,
            r#"{"a": 2}"#,
            r#"{"b": 1}"#,
            r#"{"aa": 0}"#,
            r#"{"a": 1, "b": 0}"#,
        ];
        for (i, a) in values.iter().enumerate() {
            for (j, b) in values.iter().enumerate() {
                let (x, y) = (stored(a), stored(b));
                let (mut kx, mut ky) = (vec![], vec![]);
                put_key(&x, &mut kx);
                put_key(&y, &mut ky);
                assert_eq!(compare(&x, &y), kx.cmp(&ky), "{a} {b}");
                if i == j {
                    assert!(compare(&x, &y).is_eq());
                }
            }
        }
        assert!(compare(&stored("1.0"), &stored("1.00")).is_eq());
        assert!(compare(&stored("[]"), &stored("null")).is_lt());
    }

    #[test]
    fn damaged_bytes_do_no_harm() {
        let whole = stored(r#"{"a": [1, 2, {"b": "c"}], "d": true}"#);
        for n in 0..whole.len() {
            let mut cut = whole[..n].to_vec();
            let mut out = String::new();
            write_text(&cut, &mut out);
            cut.iter_mut().for_each(|b| *b = b.wrapping_add(3));
            write_text(&cut, &mut out);
            assert!(compare(&cut, &cut).is_eq());
        }
    }
}
