//! From a server's text values to the lines of an expected result, and their comparison.

use super::parse::{Layout, Order, Rows};
use md5::{Digest, Md5};

/// A result as the server sent it in text; `None` is NULL.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// Column names.
    pub names: Vec<String>,
    /// Rows of as many values.
    pub rows: Vec<Vec<Option<String>>>,
}

/// Compares; `Err` shows what was got, as lines of the same form.
pub fn compare(expected: &Rows, answer: &Answer) -> Result<(), Vec<String>> {
    match expected.layout {
        Layout::Typed | Layout::Flat => compare_values(expected, answer),
        Layout::Table => compare_table(expected, answer),
        Layout::Words { names } => compare_words(expected, answer, names),
    }
}

fn compare_values(expected: &Rows, answer: &Answer) -> Result<(), Vec<String>> {
    let typed = expected.layout == Layout::Typed;
    if typed && !answer.rows.is_empty() && answer.names.len() != expected.types.len() {
        return Err(vec![format!("{} columns instead of {}", answer.names.len(), expected.types.len())]);
    }
    let mut rows: Vec<Vec<String>> = answer
        .rows
        .iter()
        .map(|row| {
            let one = |(n, v): (usize, &Option<String>)| match typed {
                true => typed_value(v.as_deref(), expected.types.get(n).copied().unwrap_or('T')),
                false => v.clone().unwrap_or_else(|| "NULL".into()),
            };
            row.iter().enumerate().map(one).collect()
        })
        .collect();
    if expected.order == Order::Rows {
        rows.sort();
    }
    let mut values: Vec<String> = rows.into_iter().flatten().collect();
    if expected.order == Order::Values {
        values.sort();
    }
    let got = match expected.lines.as_slice() {
        [only] if only.contains(" values hashing to ") => vec![hash_line(&values)],
        // One value may span lines; the expectation then does too.
        _ if !typed => values.iter().flat_map(|v| v.split('\n').map(str::to_owned)).collect(),
        _ => values,
    };
    if got == expected.lines { Ok(()) } else { Err(got) }
}

/// `N values hashing to MD5`, the MD5 of every value followed by a newline.
fn hash_line(values: &[String]) -> String {
    let mut md5 = Md5::new();
    for v in values {
        md5.update(v.as_bytes());
        md5.update(b"\n");
    }
    let hex: String = md5.finalize().iter().map(|b| format!("{b:02x}")).collect();
    format!("{} values hashing to {hex}", values.len())
}

/// A value by its column's letter: I is C's conversion to a whole number, R is `%.3f`, T shows what cannot be seen.
fn typed_value(value: Option<&str>, letter: char) -> String {
    let Some(text) = value else { return "NULL".into() };
    match letter {
        'I' => match (text, text.parse::<i64>()) {
            ("t", _) => "1".into(),
            ("f", _) => "0".into(),
            (_, Ok(n)) => n.to_string(),
            _ => whole_part(text),
        },
        'R' => text.parse::<f64>().map_or_else(|_| text.to_owned(), |n| format!("{n:.3}")),
        _ if text.is_empty() => "(empty)".into(),
        _ => text.chars().map(|c| if (' '..='~').contains(&c) { c } else { '@' }).collect(),
    }
}

/// Truncates a number's text towards zero. Other text counts as far as it looks like a whole number, else as 0.
fn whole_part(text: &str) -> String {
    if let Ok(number) = text.parse::<f64>()
        && !text.contains('.')
    {
        return format!("{:.0}", number.trunc());
    }
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let digits = &unsigned[..unsigned.find(|c: char| !c.is_ascii_digit()).unwrap_or(unsigned.len())];
    match digits.trim_start_matches('0') {
        "" => "0".into(),
        digits if text.starts_with('-') => format!("-{digits}"),
        digits => digits.to_owned(),
    }
}

fn compare_table(expected: &Rows, answer: &Answer) -> Result<(), Vec<String>> {
    let line = |row: &Vec<Option<String>>| {
        row.iter().map(|v| v.as_deref().map_or_else(|| "NULL".into(), escaped)).collect::<Vec<_>>().join("\t")
    };
    let mut got: Vec<String> = answer.rows.iter().map(line).collect();
    let mut want: Vec<String> = expected.lines.get(1..).unwrap_or_default().to_vec();
    if expected.order != Order::None {
        got.sort();
        want.sort();
    }
    let names = answer.names.join("\t");
    let same = expected.lines.first().is_none_or(|first| matches_pattern(first, &names))
        && got.len() == want.len()
        && want.iter().zip(&got).all(|(w, g)| matches_pattern(w, g));
    if same {
        return Ok(());
    }
    got.insert(0, names);
    Err(got)
}

fn compare_words(expected: &Rows, answer: &Answer, names: bool) -> Result<(), Vec<String>> {
    let value = |(n, v): (usize, &Option<String>)| match (v.as_deref(), expected.types.get(n)) {
        (None, _) => "NULL".to_owned(),
        (Some(""), _) => "·".to_owned(),
        (Some(text), Some('B')) => if text == "t" { "true" } else { "false" }.to_owned(),
        (Some(text), _) => text.to_owned(),
    };
    let line = |row: &Vec<Option<String>>| words(&row.iter().enumerate().map(value).collect::<Vec<_>>().join(" "));
    let mut got: Vec<String> = answer.rows.iter().map(line).collect();
    let from = usize::from(names);
    let mut want: Vec<String> = expected.lines.get(from..).unwrap_or_default().iter().map(|l| words(l)).collect();
    if expected.order != Order::None {
        got.sort();
        want.sort();
    }
    let head = words(&answer.names.join(" "));
    if got == want && (!names || expected.lines.first().is_some_and(|l| words(l) == head)) {
        return Ok(());
    }
    if names {
        got.insert(0, head);
    }
    Err(got)
}

/// A line of words with one blank between them. CockroachDB's files and DataFusion's show a text without characters each
/// in its own way; both become the first one's.
fn words(line: &str) -> String {
    line.split_whitespace().map(|w| if w == "(empty)" { "·" } else { w }).collect::<Vec<_>>().join(" ")
}

/// Values of a table line: what would break the line is written with a backslash, and no text at all is shown.
fn escaped(text: &str) -> String {
    if text.is_empty() {
        return "(empty)".into();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            '\\' => out.push_str("\\\\"),
            c => out.push(c),
        }
    }
    out
}

/// Whether `text` is `pattern`, in which `<slt:ignore>` stands for anything.
pub fn matches_pattern(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split("<slt:ignore>");
    let Some(first) = parts.next() else { return text.is_empty() };
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.len() >= last.len() && rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(types: &str, order: Order, lines: &[&str]) -> Rows {
        let lines = lines.iter().map(|l| (*l).to_owned()).collect();
        Rows { types: types.chars().collect(), order, layout: Layout::Typed, lines }
    }

    fn answer(rows: &[&[&str]]) -> Answer {
        let rows: Vec<Vec<_>> = rows.iter().map(|r| r.iter().map(|v| Some((*v).to_owned())).collect()).collect();
        Answer { names: vec!["c".into(); rows.first().map_or(0, Vec::len)], rows }
    }

    #[test]
    fn letters() {
        assert_eq!(typed_value(Some("166.6667"), 'I'), "166");
        assert_eq!(typed_value(Some("-0.5"), 'I'), "0");
        assert_eq!(typed_value(Some("1e2"), 'I'), "100");
        assert_eq!(typed_value(Some("-12.75"), 'I'), "-12");
        assert_eq!(typed_value(Some("yxgn"), 'I'), "0");
        assert_eq!(typed_value(Some("t"), 'I'), "1");
        assert_eq!(typed_value(Some("2"), 'R'), "2.000");
        assert_eq!(typed_value(Some(""), 'T'), "(empty)");
        assert_eq!(typed_value(Some("a\nb"), 'T'), "a@b");
        assert_eq!(typed_value(None, 'R'), "NULL");
    }

    #[test]
    fn sorting_and_hashing() {
        let a = answer(&[&["9", "1"], &["10", "2"]]);
        assert_eq!(compare(&rows("II", Order::Rows, &["10", "2", "9", "1"]), &a), Ok(()));
        assert_eq!(compare(&rows("II", Order::Values, &["1", "10", "2", "9"]), &a), Ok(()));
        // md5 of "9\n1\n10\n2\n"
        let hashed = compare(&rows("II", Order::None, &["4 values hashing to x"]), &a).unwrap_err();
        assert_eq!(hashed, [hash_line(&["9", "1", "10", "2"].map(String::from))]);
    }

    #[test]
    fn patterns() {
        assert!(matches_pattern("a<slt:ignore>c", "abbc"));
        assert!(!matches_pattern("a<slt:ignore>c", "abb"));
        assert!(matches_pattern("abc", "abc"));
        assert!(!matches_pattern("abc", "abcd"));
    }
}
