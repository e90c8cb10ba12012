use super::*;
use crate::testing::{Rng, cases, ctx};

fn shown(ctx: &EvalCtx, ty: TypeRef, s: &str) -> Result<String> {
    let o = OutCtx { fmt: &ctx.fmt, session: None };
    let d = text_in(ctx, ty, s)?;
    let (mut t, mut b) = (Vec::new(), Vec::new());
    text_out(o, ty, &d, &mut t)?;
    binary_out(o, ty, &d, &mut b)?;
    // The binary form reads back to the same value, and no cut of it panics.
    let mut again = Vec::new();
    text_out(o, ty, &binary_in(ctx, ty, &b)?, &mut again)?;
    assert_eq!(t, again);
    for cut in 0..b.len() {
        let _ = binary_in(ctx, ty, &b[..cut]);
    }
    let hex: String = b.iter().map(|x| format!("{x:02x}")).collect();
    Ok(format!("{} {hex}", String::from_utf8(t).expect("UTF-8")))
}

#[test]
fn agrees_with_postgresql() {
    let ctx = ctx();
    for c in cases(include_str!("../../testdata/io.tsv")) {
        let [name, typmod, input, want] = &c[..] else { panic!("{c:?}") };
        let oid = oid::type_by_name(name).expect("a type").oid;
        let ty = TypeRef { typmod: typmod.parse().expect("a modifier"), ..TypeRef::new(oid) };
        let got = shown(&ctx, ty, input).unwrap_or_else(|e| {
            let f = e.fields.unwrap_or_default();
            let (detail, context) = (f.detail.unwrap_or_default(), f.context.unwrap_or_default());
            format!("{} {}|{detail}|{context}", e.code, e.message)
        });
        // PostgreSQL's answers were taken with line breaks spelled out.
        assert_eq!(got.replace('\n', "\\n"), *want, "{name} {input}");
    }
}

#[test]
fn rows_and_bytes_are_quoted() {
    let ctx = ctx();
    let o = OutCtx { fmt: &ctx.fmt, session: None };
    let row = Datum::Row(
        vec![
            (TypeRef::new(oid::INT4), Datum::Int4(1)),
            (TypeRef::new(oid::TEXT), Datum::Text("a \"b\"\\".into())),
            (TypeRef::new(oid::TEXT), Datum::Null),
            (TypeRef::new(oid::TEXT), Datum::Text("".into())),
        ]
        .into(),
    );
    let mut out = Vec::new();
    text_out(o, TypeRef::new(oid::RECORD), &row, &mut out).expect("shown");
    assert_eq!(String::from_utf8_lossy(&out), r#"(1,"a ""b""\\",,"")"#);
    let mut out = Vec::new();
    scalar::bytea_out(&[0, b'a', b'\\', 255], false, &mut out);
    assert_eq!(String::from_utf8_lossy(&out), r"\000a\\\377");
}

#[test]
fn types_without_values_are_refused() {
    let ctx = ctx();
    const GTSVECTOR: u32 = 3642;
    for o in [GTSVECTOR, 999_999] {
        let e = text_in(&ctx, TypeRef::new(o), "1").expect_err("no such type yet");
        assert_eq!(e.code, SqlState::FEATURE_NOT_SUPPORTED);
    }
}

#[test]
fn deep_json_is_refused_without_recursion() {
    assert!(json::validate(&"[".repeat(1_000_000)).is_err());
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    assert!(json::validate(&deep).is_ok());
}

#[test]
fn no_input_panics() {
    let ctx = ctx();
    let types = [
        oid::BOOL,
        oid::INT4,
        oid::FLOAT8,
        oid::NUMERIC,
        oid::BYTEA,
        oid::UUID,
        oid::JSON,
        oid::TEXT_ARRAY,
        oid::INT4_ARRAY,
        oid::OIDVECTOR,
        oid::CHAR,
        oid::BPCHAR,
        oid::XID,
        oid::NAME,
    ];
    let pieces = ["{", "}", "\"", "\\", ",", "[", "]", ":", "=", "1", "é", "null", " ", "x", "-", "e", "."];
    let mut r = Rng(11);
    for _ in 0..30_000 {
        let n = r.below(8);
        let s: String = (0..n).map(|_| pieces[r.below(pieces.len() as u64) as usize]).collect();
        let ty = TypeRef::new(types[r.below(types.len() as u64) as usize]);
        let _ = text_in(&ctx, ty, &s);
        let bytes: Vec<u8> =
            (0..r.below(40)).map(|_| [0, 0, 1, 255, 23, r.next() as u8][r.below(6) as usize]).collect();
        let _ = binary_in(&ctx, ty, &bytes);
    }
}
