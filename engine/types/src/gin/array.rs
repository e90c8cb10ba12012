//! Arrays: a key for each element.

use super::{EMPTY, KEY, NULL, Wanted, cut};
use crate::datum::{ArrayValue, Datum, TypeRef};
use crate::{keyenc, oid, usertype};

/// Strategies of `array_ops`; the fourth is `=`.
const OVERLAPS: i16 = 1;
const CONTAINS: i16 = 2;
const CONTAINED: i16 = 3;

fn key(ty: TypeRef, a: &ArrayValue, d: &Datum) -> Vec<u8> {
    let mut out = vec![KEY];
    let elem = oid::array_element(usertype::base(ty).oid).unwrap_or(a.elem);
    keyenc::put_value(TypeRef { oid: elem, typmod: -1, collation: ty.collation }, d, &mut out);
    cut(out)
}

/// The keys of an array.
pub(super) fn keys(ty: TypeRef, a: &ArrayValue, out: &mut Vec<Vec<u8>>) {
    out.extend(a.items.iter().map(|d| if d.is_null() { vec![NULL] } else { key(ty, a, d) }));
}

/// What an array must have to stand so to another one. A NULL contains and overlaps nothing, but is equal to a NULL.
pub(super) fn wanted(strategy: i16, ty: TypeRef, a: &ArrayValue) -> Wanted {
    let mut found = Vec::new();
    keys(ty, a, &mut found);
    found.sort_unstable();
    found.dedup();
    let empty = found.is_empty();
    let with_null = found.iter().any(|k| k.as_slice() == [NULL]);
    let mut values: Vec<Wanted> = found.into_iter().filter(|k| k.as_slice() != [NULL]).map(Wanted::Key).collect();
    match strategy {
        OVERLAPS => Wanted::Any(values),
        CONTAINS => Wanted::All(values),
        CONTAINED => {
            values.push(Wanted::Key(vec![EMPTY]));
            Wanted::Any(values)
        }
        _ => {
            if with_null {
                values.push(Wanted::Key(vec![NULL]));
            }
            if empty {
                values.push(Wanted::Key(vec![EMPTY]));
            }
            Wanted::All(values)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gin::Class;
    use std::sync::Arc;

    fn ints(v: &[Option<i32>]) -> Datum {
        let items: Vec<Datum> = v.iter().map(|x| x.map_or(Datum::Null, Datum::Int4)).collect();
        let dims = if items.is_empty() { vec![] } else { vec![(items.len() as i32, 1)] };
        Datum::Array(Arc::new(ArrayValue { elem: oid::INT4, dims, items }))
    }

    const TY: TypeRef = TypeRef { oid: oid::INT4_ARRAY, typmod: -1, collation: 0 };

    #[test]
    fn keys_are_elements() {
        let keys = |v: &[Option<i32>]| Class::Array.keys(TY, &ints(v)).expect("an array");
        assert_eq!(keys(&[Some(2), Some(1), Some(2)]).len(), 2);
        assert_eq!(keys(&[]), [vec![EMPTY]]);
        assert_eq!(keys(&[None, None]), [vec![NULL]]);
    }

    #[test]
    fn conditions() {
        let ask = |s: i16, v: &[Option<i32>]| Class::Array.wanted(s, TY, &ints(v)).expect("an array");
        assert_eq!(ask(OVERLAPS, &[]), Wanted::Any(vec![]));
        assert_eq!(ask(CONTAINS, &[None]), Wanted::All(vec![]));
        assert_eq!(ask(CONTAINED, &[]), Wanted::Any(vec![Wanted::Key(vec![EMPTY])]));
        assert_eq!(ask(4, &[]), Wanted::All(vec![Wanted::Key(vec![EMPTY])]));
        assert!(matches!(ask(4, &[None, Some(3)]), Wanted::All(v) if v.len() == 2));
    }
}
