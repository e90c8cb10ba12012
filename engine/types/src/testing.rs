//! What the crate's tests share.

use crate::ctx::{EvalCtx, FormatSettings, SessionInfo};
use rustydb_base::Result;

/// A session without a catalog: names of reg* values are their numbers.
pub(crate) struct NoSession;

impl SessionInfo for NoSession {
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
    fn session_user(&self) -> String {
        "tester".into()
    }
    fn current_user(&self) -> String {
        "tester".into()
    }
    fn current_database(&self) -> String {
        "test".into()
    }
    fn current_schemas(&self, _implicit: bool) -> Vec<String> {
        vec!["public".into()]
    }
    fn setting(&self, _name: &str) -> Option<String> {
        None
    }
    fn set_setting(&self, _name: &str, value: Option<&str>, _local: bool) -> Result<String> {
        Ok(value.unwrap_or_default().into())
    }
    fn reg_in(&self, _kind: u32, text: &str) -> Result<u32> {
        crate::io::scalar::oid_in(text)
    }
    fn reg_out(&self, _kind: u32, oid: u32) -> String {
        oid.to_string()
    }
    fn format_user_type(&self, _oid: u32, _typmod: i32) -> Option<String> {
        None
    }
    fn random(&self) -> f64 {
        0.5
    }
    fn set_seed(&self, _seed: f64) {}
}

/// A context with default formats; "now" is 2000-01-01 00:00 UTC.
pub(crate) fn ctx() -> EvalCtx {
    EvalCtx {
        fmt: FormatSettings::default(),
        transaction_start: 0,
        statement_start: 0,
        session: std::sync::Arc::new(NoSession),
        host: None,
    }
}

/// Rows of a tab-separated case file; `#` begins a comment line.
pub(crate) fn cases(text: &str) -> Vec<Vec<String>> {
    let field = |f: &str| {
        let mut out = String::new();
        let mut chars = f.chars();
        while let Some(c) = chars.next() {
            match (c, c == '\\') {
                (_, true) => match chars.next() {
                    Some('t') => out.push('\t'),
                    Some('n') => out.push('\n'),
                    Some(c) => out.push(c),
                    None => {}
                },
                (c, false) => out.push(c),
            }
        }
        out
    };
    text.lines().filter(|l| !l.starts_with('#')).map(|l| l.split('\t').map(field).collect()).collect()
}

/// A small deterministic generator (xorshift).
pub(crate) struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

/// A value of the type, with small domains so that equal values occur.
pub(crate) fn random_datum(r: &mut Rng, type_oid: u32) -> crate::datum::Datum {
    use crate::datum::{ArrayValue, Datum, Interval};
    use crate::numeric::Numeric;
    use crate::oid;
    let int = |r: &mut Rng| match r.below(4) {
        0 => r.next() as i64,
        1 => -(r.below(300) as i64),
        _ => r.below(300) as i64,
    };
    let float = |r: &mut Rng| match r.below(8) {
        0 => f64::NAN,
        1 => f64::NEG_INFINITY,
        2 => -0.0,
        3 => 0.0,
        _ => (r.next() as i32) as f64 / 7.0,
    };
    let text = |r: &mut Rng| {
        let n = r.below(5);
        (0..n).map(|_| ['a', 'b', ' ', 'é', '\u{1}'][r.below(5) as usize]).collect::<String>()
    };
    match type_oid {
        oid::BOOL => Datum::Bool(r.below(2) == 0),
        oid::INT2 => Datum::Int2(int(r) as i16),
        oid::INT4 => Datum::Int4(int(r) as i32),
        oid::INT8 => Datum::Int8(int(r)),
        oid::FLOAT4 => Datum::Float4(float(r) as f32),
        oid::FLOAT8 => Datum::Float8(float(r)),
        oid::OID => Datum::Oid(r.next() as u32),
        oid::NUMERIC => match r.below(10) {
            0 => Datum::Numeric(Numeric::NAN),
            1 => Datum::Numeric(Numeric::NEG_INFINITY),
            2 => Datum::Numeric(Numeric::INFINITY),
            3 => Datum::Numeric(format!("{}e{}", int(r), r.below(60)).parse().unwrap_or_default()),
            _ => {
                let scale = r.below(6) as u16;
                let n = Numeric::from_i128((int(r) as i32).into(), scale).unwrap_or_default();
                Datum::Numeric(if r.below(2) == 0 { n.trim_scale() } else { n })
            }
        },
        oid::TEXT | oid::BPCHAR => Datum::Text(text(r).into()),
        oid::BYTEA => {
            let n = r.below(5);
            Datum::Bytes((0..n).map(|_| [0u8, 1, 255, 7][r.below(4) as usize]).collect::<Vec<u8>>().into())
        }
        oid::DATE => Datum::Date(int(r) as i32),
        oid::TIME => Datum::Time(r.below(86_400_000_000) as i64),
        oid::TIMETZ => Datum::TimeTz(r.below(3) as i64 * 3_600_000_000, r.below(3) as i32 * 3600 - 3600),
        oid::TIMESTAMP => Datum::Timestamp(int(r)),
        oid::TIMESTAMPTZ => Datum::TimestampTz(int(r)),
        oid::INTERVAL => Datum::Interval(Interval {
            months: r.below(3) as i32 - 1,
            days: r.below(90) as i32 - 45,
            micros: (r.below(5) as i64 - 2) * 43_200_000_000,
        }),
        oid::UUID => {
            let mut u = [0; 16];
            u[r.below(16) as usize] = r.next() as u8;
            Datum::Uuid(u)
        }
        array => {
            let elem = crate::oid::array_element(array).unwrap_or(crate::oid::INT4);
            let n = r.below(4);
            let items: Vec<Datum> =
                (0..n).map(|_| if r.below(5) == 0 { Datum::Null } else { random_datum(r, elem) }).collect();
            let dims = if n == 0 { vec![] } else { vec![(n as i32, r.below(2) as i32)] };
            Datum::Array(std::sync::Arc::new(ArrayValue { elem, dims, items }))
        }
    }
}

/// Types with an order that [`random_datum`] makes.
pub(crate) const ORDERED: &[u32] = {
    use crate::oid::*;
    &[
        BOOL,
        INT2,
        INT4,
        INT8,
        FLOAT4,
        FLOAT8,
        OID,
        NUMERIC,
        TEXT,
        BPCHAR,
        BYTEA,
        DATE,
        TIME,
        TIMETZ,
        TIMESTAMP,
        TIMESTAMPTZ,
        INTERVAL,
        UUID,
        INT4_ARRAY,
        TEXT_ARRAY,
        NUMERIC_ARRAY,
        INTERVAL_ARRAY,
    ]
};
