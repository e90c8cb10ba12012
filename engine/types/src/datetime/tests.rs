use super::*;
use crate::ctx::{DateOrder, DateStyle, EvalCtx, IntervalStyle};
use crate::io::float;
use crate::testing::{cases, ctx};

fn context(spec: &str) -> (EvalCtx, &str) {
    let p: Vec<&str> = spec.split(' ').collect();
    let mut c = ctx();
    c.fmt.date_style = match p[0] {
        "ISO" => DateStyle::Iso,
        "SQL" => DateStyle::Sql,
        "Postgres" => DateStyle::Postgres,
        _ => DateStyle::German,
    };
    c.fmt.date_order = match p[1] {
        "YMD" => DateOrder::Ymd,
        "DMY" => DateOrder::Dmy,
        _ => DateOrder::Mdy,
    };
    c.fmt.interval_style = match p[2] {
        "postgres" => IntervalStyle::Postgres,
        "postgres_verbose" => IntervalStyle::PostgresVerbose,
        "sql_standard" => IntervalStyle::SqlStandard,
        _ => IntervalStyle::Iso8601,
    };
    c.fmt.time_zone = zone::by_name(p[3]).expect("a zone");
    (c, p[4])
}

fn field(v: fields::FieldValue, out: &mut Vec<u8>) {
    v.numeric.write_text(out);
    out.push(b' ');
    float::float8_out(v.float, 1, out);
}

fn answer(c: &EvalCtx, op: &str, a: &str, b: &str) -> Result<String> {
    let f = &c.fmt;
    let tz = &f.time_zone;
    let style = f.interval_style;
    let iv = |s: &str| interval_in::interval_in(style, s, -1);
    let ts = |s: &str| parse::timestamp_in(c, s);
    let num = || b.parse::<f64>().expect("a number");
    let mut o = Vec::new();
    let out = &mut o;
    match op {
        "date" => format::date_out(f, parse::date_in(c, a)?, out),
        "ts" => format::timestamp_out(f, ts(a)?, out),
        "tstz" => format::timestamptz_out(f, parse::timestamptz_in(c, a)?, out),
        "time" => format::time_out(parse::time_in(c, a)?, out),
        "timetz" => {
            let (us, west) = parse::timetz_in(c, a)?;
            format::timetz_out(us, west, out);
        }
        "interval" => format::interval_out(style, &iv(a)?, out),
        "intervalm" => {
            let typmod = b.parse().expect("a modifier");
            format::interval_out(style, &interval_in::interval_in(style, a, typmod)?, out);
        }
        "ts+" => format::timestamp_out(f, interval::timestamp_add(ts(a)?, &iv(b)?)?, out),
        "tstz+" => {
            let t = parse::timestamptz_in(c, a)?;
            format::timestamptz_out(f, interval::timestamptz_add(t, &iv(b)?, tz)?, out);
        }
        "ts-" => format::interval_out(style, &interval::timestamp_diff(ts(a)?, ts(b)?)?, out),
        "age" => format::interval_out(style, &interval::age(ts(a)?, ts(b)?)?, out),
        "iv*" => format::interval_out(style, &interval::mul(&iv(a)?, num())?, out),
        "iv/" => format::interval_out(style, &interval::div(&iv(a)?, num())?, out),
        "just" => format::interval_out(style, &interval::justify_interval(&iv(a)?)?, out),
        "justh" => format::interval_out(style, &interval::justify_hours(&iv(a)?)?, out),
        "justd" => format::interval_out(style, &interval::justify_days(&iv(a)?)?, out),
        "trunc" => format::timestamp_out(f, fields::trunc_timestamp(b, ts(a)?)?, out),
        "trunctz" => {
            let t = parse::timestamptz_in(c, a)?;
            format::timestamptz_out(f, fields::trunc_timestamptz(b, t, tz)?, out);
        }
        "trunciv" => format::interval_out(style, &fields::trunc_interval(b, &iv(a)?)?, out),
        "exts" | "extstz" | "exdate" => {
            let v = match op {
                "exts" => fields::extract_timestamp(b, ts(a)?)?,
                "extstz" => fields::extract_timestamptz(b, parse::timestamptz_in(c, a)?, tz)?,
                _ => fields::extract_date(b, parse::date_in(c, a)?)?,
            };
            match v {
                Some(v) => field(v, out),
                None => out.extend_from_slice(b"NULL"),
            }
        }
        "exiv" => field(fields::extract_interval(b, &iv(a)?)?, out),
        "extime" => field(fields::extract_time(b, parse::time_in(c, a)?)?, out),
        "f8" => float::float8_out(float::float8_in(a)?, 1, out),
        "f4" => float::float4_out(float::float4_in(a)?, num() as i32, out),
        "f8x" => float::float8_out(float::float8_in(a)?, num() as i32, out),
        other => panic!("unknown operation {other}"),
    }
    Ok(String::from_utf8(o).expect("ASCII"))
}

#[test]
fn agrees_with_postgresql() {
    for c in cases(include_str!("../../testdata/datetime.tsv")) {
        let [spec, operands, want] = &c[..] else { panic!("{c:?}") };
        let (ctx, op) = context(spec);
        let (a, b) = operands.split_once('|').unwrap_or((operands, ""));
        let got = answer(&ctx, op, a, b).unwrap_or_else(|e| format!("{} {}", e.code, e.message));
        assert_eq!(&got, want, "{spec} {operands}");
    }
}

#[test]
fn civil_dates_cover_the_range() {
    for (y, m, d, days) in
        [(2000, 1, 1, 0), (1970, 1, 1, -10_957), (1999, 12, 31, -1), (-4713, 11, 24, MIN_DATE.into())]
    {
        assert_eq!(days_from_civil(y, m, d), days);
        assert_eq!(civil_from_days(days), (y, m, d));
    }
    let mut day = i64::from(MIN_DATE);
    while day < END_DATE.into() {
        let (y, m, d) = civil_from_days(day);
        assert_eq!(days_from_civil(y, m, d), day);
        day += 99_991;
    }
    assert_eq!(civil_from_timestamp(MIN_TIMESTAMP).year, -4713);
    assert_eq!(civil_from_timestamp(END_TIMESTAMP - 1).year, 294_276);
}

#[test]
fn zones_work_beyond_the_tables() {
    let ny = zone::by_name("america/new_york").expect("a zone");
    let c = ctx();
    // The rule repeats with the calendar: 12024 is 2024 plus 25 cycles.
    for year in [2024, 12_024] {
        let t = parse::timestamptz_in(&c, &format!("{year}-07-01 12:00+00")).expect("a timestamp");
        assert_eq!(zone::offset_at(&ny, t), -4 * 3600);
    }
    // Skipped and repeated local times.
    let gap = parse::timestamp_in(&c, "2024-03-10 02:30").expect("a timestamp");
    assert_eq!(zone::offset_of_local(&ny, gap), -5 * 3600);
    let fold = parse::timestamp_in(&c, "2024-11-03 01:30").expect("a timestamp");
    assert_eq!(zone::offset_of_local(&ny, fold), -5 * 3600);
}

#[test]
fn no_text_panics() {
    let c = ctx();
    let pieces =
        ["1", "99999999999999999999", "-", ":", ".", "T", "J", "é", "jan", " ", "+", "/", "P", "BC", "utc", "\0"];
    let mut r = crate::testing::Rng(7);
    for _ in 0..20_000 {
        let n = r.below(6) + 1;
        let s: String = (0..n).map(|_| pieces[r.below(pieces.len() as u64) as usize]).collect();
        let _ = parse::timestamptz_in(&c, &s);
        let _ = parse::timetz_in(&c, &s);
        let _ = parse::date_in(&c, &s);
        let _ = interval_in::interval_in(IntervalStyle::SqlStandard, &s, -1);
    }
}
