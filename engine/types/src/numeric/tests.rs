use super::*;

fn n(s: &str) -> Numeric {
    s.parse().unwrap_or_else(|e| panic!("{s}: {e}"))
}

#[test]
fn size() {
    assert!(std::mem::size_of::<Numeric>() <= 24);
    assert!(std::mem::size_of::<crate::datum::Datum>() <= 40);
}
