use super::*;
use crate::testing::cases;

fn n(s: &str) -> Numeric {
    s.parse().unwrap_or_else(|e| panic!("{s}: {e}"))
}

fn shown(r: Result<Numeric>) -> String {
    match r {
        Ok(v) => v.to_string(),
        Err(e) => match e.fields.and_then(|f| f.detail) {
            Some(d) => format!("{}|{d}", e.message),
            None => e.message.to_string(),
        },
    }
}

#[test]
fn values_stay_small_in_memory() {
    assert!(std::mem::size_of::<Numeric>() <= 24);
    assert!(std::mem::size_of::<crate::datum::Datum>() <= 40);
}

#[test]
fn agrees_with_postgresql() {
    for c in cases(include_str!("../../testdata/numeric.tsv")) {
        let [op, a, b, want] = &c[..] else { panic!("{c:?}") };
        let x = n(a);
        let y = || n(b);
        let i = || b.parse::<i32>().expect("an integer operand");
        let got = match op.as_str() {
            "add" => shown(x.add(&y())),
            "sub" => shown(x.sub(&y())),
            "mul" => shown(x.mul(&y())),
            "div" => shown(x.div(&y())),
            "divt" => shown(x.div_trunc(&y())),
            "mod" => shown(x.rem(&y())),
            "round" => shown(x.round(i())),
            "trunc" => shown(x.trunc(i())),
            "ceil" => shown(x.ceil()),
            "floor" => shown(x.floor()),
            "sqrt" => shown(x.sqrt()),
            "exp" => shown(x.exp()),
            "ln" => shown(x.ln()),
            "log" => shown(x.log(&y())),
            "power" => shown(x.power(&y())),
            "gcd" => shown(x.gcd(&y())),
            "lcm" => shown(x.lcm(&y())),
            "trim" => x.trim_scale().to_string(),
            "typmod" => shown(x.apply_typmod(i())),
            "i8" => x.to_i64().map_or_else(|e| e.message.to_string(), |v| v.to_string()),
            "cmp" => (x.cmp(&y()) as i32).to_string(),
            "wire" => {
                let mut w = Vec::new();
                x.write_wire(&mut w);
                w.iter().map(|b| format!("{b:02x}")).collect()
            }
            other => panic!("unknown operation {other}"),
        };
        assert_eq!(&got, want, "{op} {a} {b}");
    }
}

#[test]
fn reads_what_postgresql_reads() {
    for (s, want) in [
        (" 12.50 ", "12.50"),
        ("1e3", "1000"),
        ("1.5e-3", "0.0015"),
        ("-.5", "-0.5"),
        ("5.", "5"),
        ("1e-20", "0.00000000000000000001"),
        ("-inf", "-Infinity"),
        ("nan", "NaN"),
        ("+Infinity", "Infinity"),
        ("123456789012345678901234567890123456789012345", "123456789012345678901234567890123456789012345"),
    ] {
        assert_eq!(n(s).to_string(), want);
    }
    for s in ["", ".", "1e", "1 2", "abc", "--1", "1.2.3", "+nan", "0x10", "1e5.5"] {
        let e = s.parse::<Numeric>().expect_err(s);
        assert_eq!(e.message, format!("invalid input syntax for type numeric: \"{s}\""));
    }
    assert!("1e131072".parse::<Numeric>().is_err());
    assert!("1e131071".parse::<Numeric>().is_ok());
    assert!("1e-16384".parse::<Numeric>().is_err());
    assert!("1e2147483648".parse::<Numeric>().is_err());
}

#[test]
fn equality_ordering_and_hash_ignore_the_scale() {
    use std::hash::{BuildHasher, RandomState};
    let state = RandomState::new();
    let zeros = "0".repeat(60);
    for (a, b) in [
        ("1".to_string(), format!("1.{zeros}")),
        ("0".into(), format!("-0.{zeros}")),
        ("1.5".into(), "1.50".into()),
        ("1e60".into(), format!("1{zeros}.00")),
        ("123e50".into(), "12300e48".into()),
        ("NaN".into(), "nan".into()),
    ] {
        assert_eq!(n(&a), n(&b));
        assert_eq!(state.hash_one(n(&a)), state.hash_one(n(&b)), "{a}");
    }
    let order = ["-Infinity", "-1e50", "-2", "-1.5", "0", "1e-30", "1", "1.0001", "1e50", "Infinity", "NaN"];
    for w in order.windows(2) {
        assert!(n(w[0]) < n(w[1]), "{w:?}");
        let (mut a, mut b) = (Vec::new(), Vec::new());
        n(w[0]).write_key(&mut a);
        n(w[1]).write_key(&mut b);
        assert!(a < b, "{w:?}");
        assert_eq!(Numeric::from_key(&a).expect("a key").0, n(w[0]));
    }
}

#[test]
fn stored_forms_come_back_and_damage_is_found() {
    for s in ["0", "-1", "127", "-128", "128", "-129", "1.50", "1e-300", "1e300", "NaN", "-Infinity", "-1e60"] {
        let v = n(s);
        let mut b = Vec::new();
        v.to_bytes(&mut b);
        assert_eq!(Numeric::from_bytes(&b).expect("stored form").to_string(), v.to_string());
        b.push(0xff);
        b.push(0xff);
        // Never a panic, whatever it reads.
        let _ = Numeric::from_bytes(&b);
        let mut w = Vec::new();
        v.write_wire(&mut w);
        for cut in 0..w.len() {
            assert!(Numeric::from_wire(&w[..cut]).is_err());
        }
    }
    assert!(Numeric::from_bytes(&[]).is_err());
    assert!(Numeric::from_bytes(&[9]).is_err());
    assert_eq!(n("1.50").to_scaled_i128(2), Some(150));
    assert_eq!(n("1.50").to_scaled_i128(4), Some(15000));
    assert_eq!(n("1.55").to_scaled_i128(1), None);
}

#[test]
fn floats_convert_with_their_significant_digits() {
    assert_eq!(Numeric::from_f64(0.1).expect("finite").to_string(), "0.1");
    assert_eq!(Numeric::from_f64(1e20).expect("finite").to_string(), "100000000000000000000");
    assert_eq!(Numeric::from_f64(1.0 / 3.0).expect("finite").to_string(), "0.333333333333333");
    assert_eq!(Numeric::from_f32(1.0 / 3.0).expect("finite").to_string(), "0.333333");
    assert_eq!(n("0.1").to_f64().expect("in range"), 0.1);
    assert!(n("1e400").to_f64().is_err());
    assert_eq!(n("2.5").to_i32().expect("in range"), 3);
    assert_eq!(n("-2.5").to_i32().expect("in range"), -3);
    assert!(n("32767.5").to_i16().is_err());
}
