use super::*;
use crate::testing::{ORDERED, Rng, random_datum};

#[test]
fn arrays_hold_values_and_keys_hold_equality() {
    let mut r = Rng(3);
    for &o in ORDERED {
        let ty = TypeRef::new(o);
        let values: Vec<Datum> =
            (0..80).map(|i| if i % 9 == 0 { Datum::Null } else { random_datum(&mut r, o) }).collect();
        let mut b = DatumBuilder::new(ty, None, values.len());
        for v in &values {
            b.push(v).expect("a value of the type");
        }
        assert_eq!(b.len(), values.len());
        let a = b.finish();
        assert_eq!(a.data_type(), &arrow_type(ty, None));
        let keys = key_array(ty, &a).expect("keys");
        let bytes = |i: usize| -> Option<Vec<u8>> {
            if keys.is_null(i) {
                return None;
            }
            Some(match keys.data_type() {
                DataType::BinaryView => keys.as_binary_view().value(i).to_vec(),
                DataType::Utf8View => keys.as_string_view().value(i).as_bytes().to_vec(),
                _ => {
                    let s = keys.slice(i, 1);
                    format!("{s:?}").into_bytes()
                }
            })
        };
        for (i, v) in values.iter().enumerate() {
            let back = datum_at(&a, i, ty).expect("a row");
            assert_eq!(format!("{back:?}"), format!("{v:?}"), "{o}");
            for (j, w) in values.iter().enumerate() {
                let equal = cmp::compare(ty, 0, v, w).is_eq();
                assert_eq!(bytes(i) == bytes(j), equal, "{o} {v:?} {w:?}");
                if matches!(keys.data_type(), DataType::BinaryView | DataType::Utf8View)
                    && bytes(i).is_some()
                    && bytes(j).is_some()
                {
                    assert_eq!(bytes(i).cmp(&bytes(j)), cmp::compare(ty, 0, v, w), "{o} {v:?} {w:?}");
                }
            }
        }
    }
}

#[test]
fn stored_values_go_straight_in() {
    let mut r = Rng(13);
    for &o in ORDERED {
        let ty = TypeRef::new(o);
        let kind = phys_kind(ty);
        let (mut direct, mut stored) = (DatumBuilder::new(ty, None, 8), DatumBuilder::new(ty, None, 8));
        for _ in 0..50 {
            let d = random_datum(&mut r, o);
            direct.push(&d).expect("a value");
            let mut bytes = Vec::new();
            rowcodec::encode_value(kind, ty, &d, &mut bytes).expect("a value");
            stored.push_stored(kind, &bytes).expect("a stored value");
        }
        let (a, b) = (direct.finish(), stored.finish());
        for i in 0..a.len() {
            let (x, y) = (datum_at(&a, i, ty).expect("a row"), datum_at(&b, i, ty).expect("a row"));
            assert_eq!(format!("{x:?}"), format!("{y:?}"));
        }
    }
}

#[test]
fn static_numerics_are_decimals() {
    let ty = TypeRef { typmod: crate::numeric::make_typmod(15, 2), ..TypeRef::new(oid::NUMERIC) };
    let st = rowcodec::static_numeric(ty);
    assert_eq!(arrow_type(ty, st), DataType::Decimal128(15, 2));
    assert!(native_order(ty, st) && !native_order(ty, None));
    let mut b = DatumBuilder::new(ty, st, 2);
    b.push(&Datum::Numeric("1.5".parse().expect("a number"))).expect("fits");
    b.push(&Datum::Numeric(Numeric::NAN)).expect("fits");
    assert!(b.push(&Datum::Numeric("1e13".parse().expect("a number"))).is_err());
    let a = b.finish();
    assert_eq!(format!("{:?}", datum_at(&a, 0, ty).expect("a row")), "Numeric(1.50)");
    assert_eq!(format!("{:?}", datum_at(&a, 1, ty).expect("a row")), "Numeric(NaN)");
    assert!(datum_at(&a, 2, ty).is_err());
}
