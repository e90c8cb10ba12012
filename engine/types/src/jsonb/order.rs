//! PostgreSQL's order of jsonb: null < string < number < boolean < array < object; arrays and objects first by how much
//! they hold. One exception, which it keeps for old indexes' sake: at the top an empty array is below every scalar.

use super::{View, number};
use std::cmp::Ordering;

/// Rank of a value inside another.
fn rank(v: View<'_>) -> u8 {
    match v {
        View::Null => 1,
        View::String(_) => 2,
        View::Number(_) => 3,
        View::Bool(_) => 4,
        View::Array(_) => 5,
        View::Object(_) => 6,
    }
}

fn top_rank(v: View<'_>) -> u8 {
    match v {
        View::Array(a) if a.is_empty() => 0,
        v => rank(v),
    }
}

/// Order of two stored values.
pub fn compare(a: &[u8], b: &[u8]) -> Ordering {
    let (x, y) = (View::of(a), View::of(b));
    top_rank(x).cmp(&top_rank(y)).then_with(|| compare_views(x, y))
}

fn compare_views(a: View<'_>, b: View<'_>) -> Ordering {
    match (a, b) {
        (View::String(a), View::String(b)) => a.as_bytes().cmp(b.as_bytes()),
        (View::Number(a), View::Number(b)) => number(a).cmp(&number(b)),
        (View::Bool(a), View::Bool(b)) => a.cmp(&b),
        (View::Array(a), View::Array(b)) => a.len().cmp(&b.len()).then_with(|| {
            let items = a.iter().zip(b.iter());
            items.map(|(x, y)| compare_views(View::of(x), View::of(y))).find(|o| o.is_ne()).unwrap_or(Ordering::Equal)
        }),
        (View::Object(a), View::Object(b)) => a.len().cmp(&b.len()).then_with(|| {
            let members = a.iter().zip(b.iter());
            members
                .map(|((k, x), (l, y))| {
                    k.as_bytes().cmp(l.as_bytes()).then_with(|| compare_views(View::of(x), View::of(y)))
                })
                .find(|o| o.is_ne())
                .unwrap_or(Ordering::Equal)
        }),
        (a, b) => rank(a).cmp(&rank(b)),
    }
}

/// Appends bytes whose order is [`compare`]'s and that end by themselves; equal values have equal bytes.
pub fn put_key(b: &[u8], out: &mut Vec<u8>) {
    let v = View::of(b);
    if top_rank(v) == 0 {
        out.push(0);
    } else {
        put_view(v, out);
    }
}

/// Text holds no zero byte.
fn put_str(s: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(s.as_bytes());
    out.push(0);
}

fn put_view(v: View<'_>, out: &mut Vec<u8>) {
    out.push(rank(v));
    match v {
        View::Null => {}
        View::Bool(v) => out.push(u8::from(v)),
        View::String(s) => put_str(s, out),
        View::Number(n) => number(n).write_key(out),
        View::Array(a) => {
            out.extend_from_slice(&(a.len() as u32).to_be_bytes());
            a.iter().for_each(|item| put_view(View::of(item), out));
        }
        View::Object(o) => {
            out.extend_from_slice(&(o.len() as u32).to_be_bytes());
            for (key, value) in o.iter() {
                put_str(key, out);
                put_view(View::of(value), out);
            }
        }
    }
}
