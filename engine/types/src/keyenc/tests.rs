use super::*;
use crate::cmp::{compare, hash};
use crate::testing::{ORDERED, Rng, random_datum};
use std::cmp::Ordering;

#[test]
fn byte_order_is_sql_order() {
    let mut r = Rng(42);
    for &type_oid in ORDERED {
        let ty = TypeRef::new(type_oid);
        let values: Vec<Datum> =
            (0..60).map(|i| if i == 0 { Datum::Null } else { random_datum(&mut r, type_oid) }).collect();
        for desc in [false, true] {
            for nulls_first in [false, true] {
                let key = |d: &Datum| {
                    let mut k = Vec::new();
                    encode_key(ty, d, desc, nulls_first, &mut k).expect("an ordered type");
                    k
                };
                for a in &values {
                    for b in &values {
                        let want = match (a.is_null(), b.is_null()) {
                            (true, true) => Ordering::Equal,
                            (true, false) if nulls_first => Ordering::Less,
                            (true, false) => Ordering::Greater,
                            (false, true) if nulls_first => Ordering::Greater,
                            (false, true) => Ordering::Less,
                            _ if desc => compare(ty, 0, b, a),
                            _ => compare(ty, 0, a, b),
                        };
                        assert_eq!(key(a).cmp(&key(b)), want, "{type_oid} {a:?} {b:?}");
                        if want == Ordering::Equal {
                            assert_eq!(hash(ty, a, 3), hash(ty, b, 3), "{type_oid} {a:?} {b:?}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn columns_concatenate() {
    let text = TypeRef::new(oid::TEXT);
    let key = |a: &str, b: &str| {
        let mut k = Vec::new();
        for s in [a, b] {
            encode_key(text, &Datum::Text(s.into()), false, false, &mut k).expect("text");
        }
        k
    };
    assert!(key("a", "z") < key("ab", "a"));
    assert!(key("", "b") < key("a", ""));
    let mut k = Vec::new();
    assert!(encode_key(TypeRef::new(oid::JSON), &Datum::Text("1".into()), false, false, &mut k).is_err());
}

#[test]
fn integers_of_all_widths_hash_alike() {
    let h = |d| hash(TypeRef::new(oid::INT8), &d, 0);
    assert_eq!(h(Datum::Int2(-5)), h(Datum::Int8(-5)));
    assert_eq!(h(Datum::Int4(7)), h(Datum::Int8(7)));
    assert_eq!(h(Datum::Float4(-0.0)), h(Datum::Float8(0.0)));
}
