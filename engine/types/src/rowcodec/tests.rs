use super::*;
use crate::testing::{ORDERED, Rng, random_datum};

fn same(a: &Datum, b: &Datum) -> bool {
    // Shown forms tell scales and NaNs apart where equality does not.
    format!("{a:?}") == format!("{b:?}")
}

#[test]
fn values_come_back() {
    let mut r = Rng(5);
    for &o in ORDERED {
        let ty = TypeRef::new(o);
        let kind = phys_kind(ty);
        for _ in 0..200 {
            let d = random_datum(&mut r, o);
            let mut b = Vec::new();
            encode_value(kind, ty, &d, &mut b).expect("a value of the type");
            if let Some(w) = kind.fixed_width() {
                assert_eq!(b.len(), w);
            }
            let back = decode_value(kind, ty, &b).expect("what was written");
            assert!(same(&d, &back), "{d:?} {back:?}");
        }
    }
    let ty = TypeRef::new(oid::RECORD);
    let row =
        Datum::Row(vec![(TypeRef::new(oid::INT4), Datum::Int4(1)), (TypeRef::new(oid::TEXT), Datum::Null)].into());
    let mut b = Vec::new();
    encode_value(PhysKind::Bin, ty, &row, &mut b).expect("a row");
    assert!(same(&row, &decode_value(PhysKind::Bin, ty, &b).expect("a row")));
}

#[test]
fn fixed_point_columns() {
    let ty = |p, s| TypeRef { typmod: numeric::make_typmod(p, s), ..TypeRef::new(oid::NUMERIC) };
    assert_eq!(phys_kind(ty(15, 2)), PhysKind::Dec64 { scale: 2 });
    assert_eq!(phys_kind(ty(38, 10)), PhysKind::Dec128 { scale: 10 });
    assert_eq!(phys_kind(ty(39, 0)), PhysKind::Bin);
    assert_eq!(phys_kind(ty(3, 10)), PhysKind::Dec64 { scale: 10 });
    assert_eq!(phys_kind(ty(16, -3)), PhysKind::Dec128 { scale: 0 });
    let t = ty(15, 2);
    for s in ["12.34", "-9999999999999.99", "NaN", "0.00"] {
        let n: Numeric = s.parse().expect("a number");
        let d = Datum::Numeric(n.apply_typmod(t.typmod).expect("in range"));
        let mut b = Vec::new();
        encode_value(phys_kind(t), t, &d, &mut b).expect("fits");
        assert!(same(&d, &decode_value(phys_kind(t), t, &b).expect("stored")));
    }
    // A value that was not brought to the column's type is a bug and is refused, not cut.
    let d = Datum::Numeric("1.234".parse().expect("a number"));
    assert!(encode_value(phys_kind(t), t, &d, &mut Vec::new()).is_err());
}

#[test]
fn damage_never_panics() {
    let mut r = Rng(9);
    for _ in 0..50_000 {
        let b: Vec<u8> =
            (0..r.below(24)).map(|_| [19, 20, 1, 0, 255, 9, r.next() as u8][r.below(7) as usize]).collect();
        for ty in [TypeRef::new(oid::INT4_ARRAY), TypeRef::new(oid::NUMERIC), TypeRef::new(oid::RECORD)] {
            let _ = decode_value(PhysKind::Bin, ty, &b);
        }
        let _ = decode_value(PhysKind::I64, TypeRef::new(oid::INT8), &b);
        let _ = decode_value(PhysKind::Utf8, TypeRef::new(oid::TEXT), &b);
    }
    // A row inside a row inside a row…
    let mut b = Vec::new();
    for _ in 0..1000 {
        b.extend_from_slice(&[20, 1, 0, 0, 0, 0, 0, 0]);
    }
    assert!(read_any(&b).is_err());
}
