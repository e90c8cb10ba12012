//! Lines and fields of COPY's text and CSV formats.
//!
//! [`Lines`] cuts the byte stream, whatever chunks it comes in, at line ends (in CSV: those outside quotes), keeping at
//! most one unfinished line; [`text_fields`] and [`csv_fields`] cut a line into fields. All of it is pure.

use super::options::{Format, Options};
use rustydb_base::{DbError, Result, SqlState};

/// Longest line.
const MAX_LINE: usize = 1 << 30;

/// How lines end, as the first one did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Eol {
    Unknown,
    Nl,
    Cr,
    CrNl,
}

/// Cuts a stream into lines.
pub struct Lines {
    buf: Vec<u8>,
    /// Where the current line begins.
    start: usize,
    /// Looked at up to here.
    at: usize,
    eol: Eol,
    csv: Option<(u8, u8)>,
    in_quote: bool,
    last_escape: bool,
    ended: bool,
    /// The end-of-data marker was seen; what follows is ignored.
    marker: bool,
}

fn format_error(m: impl Into<std::borrow::Cow<'static, str>>) -> DbError {
    DbError::new(SqlState::BAD_COPY_FILE_FORMAT, m)
}

impl Lines {
    /// For a stream of the options' format.
    pub fn new(o: &Options) -> Lines {
        Lines {
            buf: Vec::new(),
            start: 0,
            at: 0,
            eol: Eol::Unknown,
            csv: (o.format == Format::Csv).then_some((o.quote, o.escape)),
            in_quote: false,
            last_escape: false,
            ended: false,
            marker: false,
        }
    }

    /// Adds bytes.
    pub fn push(&mut self, bytes: &[u8]) -> Result<()> {
        if self.marker {
            return Ok(());
        }
        if self.start > 0 {
            self.buf.drain(..self.start);
            self.at -= self.start;
            self.start = 0;
        }
        if self.buf.len().saturating_add(bytes.len()) > MAX_LINE {
            return Err(DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "out of memory")
                .detail(format!("A line of COPY data is longer than {MAX_LINE} bytes.")));
        }
        self.buf.extend_from_slice(bytes);
        Ok(())
    }

    /// No more bytes will come.
    pub fn end(&mut self) {
        self.ended = true;
    }

    /// The next line without its end; `None` when more bytes are needed or none are left.
    pub fn next(&mut self) -> Result<Option<std::ops::Range<usize>>> {
        if self.marker {
            return Ok(None);
        }
        let Some(line) = self.cut()? else { return Ok(None) };
        if self.buf.get(line.clone()) == Some(b"\\.") {
            self.marker = true;
            return Ok(None);
        }
        Ok(Some(line))
    }

    /// The bytes of a line.
    pub fn line(&self, r: &std::ops::Range<usize>) -> &[u8] {
        self.buf.get(r.clone()).unwrap_or(&[])
    }

    fn cut(&mut self) -> Result<Option<std::ops::Range<usize>>> {
        while let Some(&c) = self.buf.get(self.at) {
            if let Some((quote, escape)) = self.csv {
                // A quote that is escaped does not end the field.
                if c == escape && escape != quote && self.in_quote {
                    self.last_escape = !self.last_escape;
                } else if c == quote && !self.last_escape {
                    self.in_quote = !self.in_quote;
                }
                if c != escape || escape == quote {
                    self.last_escape = false;
                }
                if self.in_quote {
                    self.at += 1;
                    continue;
                }
            } else if c == b'\\' {
                // Whatever follows a backslash belongs to the line, a line end included.
                match self.buf.get(self.at + 1) {
                    None if !self.ended => return Ok(None),
                    _ => {
                        self.at = (self.at + 2).min(self.buf.len());
                        continue;
                    }
                }
            }
            match c {
                b'\n' => {
                    match self.eol {
                        Eol::Unknown => self.eol = Eol::Nl,
                        Eol::Nl => {}
                        Eol::Cr | Eol::CrNl => return Err(self.literal("newline", "\\n")),
                    }
                    return Ok(Some(self.take(1)));
                }
                b'\r' => match (self.eol, self.buf.get(self.at + 1)) {
                    (Eol::Unknown | Eol::CrNl, None) if !self.ended => return Ok(None),
                    (Eol::Unknown | Eol::CrNl, Some(b'\n')) => {
                        self.eol = Eol::CrNl;
                        return Ok(Some(self.take(2)));
                    }
                    (Eol::Unknown | Eol::Cr, _) => {
                        self.eol = Eol::Cr;
                        return Ok(Some(self.take(1)));
                    }
                    (Eol::Nl | Eol::CrNl, _) => return Err(self.literal("carriage return", "\\r")),
                },
                _ => self.at += 1,
            }
            if self.csv.is_none() {
                let rest = self.buf.get(self.at..).unwrap_or(&[]);
                self.at += memchr::memchr3(b'\n', b'\r', b'\\', rest).unwrap_or(rest.len());
            }
        }
        if self.ended && self.start < self.buf.len() {
            // A quote that is not closed is found when the line is cut into fields.
            return Ok(Some(self.take(0)));
        }
        Ok(None)
    }

    fn literal(&self, what: &str, escape: &str) -> DbError {
        if self.csv.is_some() {
            format_error(format!("unquoted {what} found in data"))
                .hint(format!("Use quoted CSV field to represent {what}."))
        } else {
            format_error(format!("literal {what} found in data")).hint(format!("Use \"{escape}\" to represent {what}."))
        }
    }

    fn take(&mut self, end: usize) -> std::ops::Range<usize> {
        let line = self.start..self.at;
        self.at += end;
        self.start = self.at;
        self.in_quote = false;
        self.last_escape = false;
        line
    }
}

/// Fields of one line, in one buffer.
#[derive(Default)]
pub struct Fields {
    bytes: Vec<u8>,
    /// Where each ends, and whether it is NULL.
    ends: Vec<(usize, bool)>,
}

impl Fields {
    /// Number of fields.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// A field; `None` for NULL.
    pub fn get(&self, i: usize) -> Option<&[u8]> {
        let (end, null) = *self.ends.get(i)?;
        let start = i.checked_sub(1).and_then(|p| self.ends.get(p)).map_or(0, |e| e.0);
        if null { None } else { self.bytes.get(start..end) }
    }

    /// A field's text although it stands for NULL.
    pub fn raw(&self, i: usize) -> &[u8] {
        let start = i.checked_sub(1).and_then(|p| self.ends.get(p)).map_or(0, |e| e.0);
        self.ends.get(i).and_then(|e| self.bytes.get(start..e.0)).unwrap_or(&[])
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    fn finish(&mut self, null: bool) {
        self.ends.push((self.bytes.len(), null));
    }
}

/// Cuts a line of the text format.
pub fn text_fields(line: &[u8], o: &Options, out: &mut Fields) {
    out.clear();
    let mut rest = line;
    loop {
        // The field's raw end: the next delimiter that no backslash precedes.
        let (mut at, mut escaped) = (0, false);
        let i = loop {
            match memchr::memchr2(o.delimiter, b'\\', rest.get(at..).unwrap_or(&[])) {
                None => break rest.len(),
                Some(n) if rest.get(at + n) == Some(&o.delimiter) => break at + n,
                Some(n) => {
                    escaped = true;
                    at += n + 2;
                }
            }
        };
        let raw = rest.get(..i).unwrap_or(rest);
        let null = raw == o.null.as_bytes();
        if escaped && !null {
            unescape(raw, &mut out.bytes);
        } else {
            out.bytes.extend_from_slice(raw);
        }
        out.finish(null);
        match rest.get(i + 1..) {
            Some(after) if i < rest.len() => rest = after,
            _ => return,
        }
    }
}

fn unescape(raw: &[u8], out: &mut Vec<u8>) {
    let mut i = 0;
    while let Some(&c) = raw.get(i) {
        i += 1;
        if c != b'\\' {
            out.push(c);
            continue;
        }
        let Some(&e) = raw.get(i) else {
            // A backslash at the very end stands for itself.
            out.push(b'\\');
            return;
        };
        i += 1;
        match e {
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'v' => out.push(11),
            b'0'..=b'7' => {
                let mut v = u32::from(e - b'0');
                for _ in 0..2 {
                    match raw.get(i) {
                        Some(d @ b'0'..=b'7') => {
                            v = v * 8 + u32::from(d - b'0');
                            i += 1;
                        }
                        _ => break,
                    }
                }
                out.push((v & 0xff) as u8);
            }
            b'x' => {
                let digit = |i: usize| raw.get(i).and_then(|d| char::from(*d).to_digit(16));
                match digit(i) {
                    None => out.push(b'x'),
                    Some(mut v) => {
                        i += 1;
                        if let Some(d) = digit(i) {
                            v = v * 16 + d;
                            i += 1;
                        }
                        out.push(v as u8);
                    }
                }
            }
            other => out.push(other),
        }
    }
}

/// Cuts a line of the CSV format.
pub fn csv_fields(line: &[u8], o: &Options, out: &mut Fields) -> Result<()> {
    out.clear();
    let mut i = 0;
    loop {
        let start = i;
        let begin = out.bytes.len();
        let mut quoted = false;
        let mut in_quote = false;
        loop {
            let Some(&c) = line.get(i) else {
                if in_quote {
                    return Err(format_error("unterminated CSV quoted field"));
                }
                break;
            };
            if in_quote {
                if c == o.escape
                    && let Some(&next) = line.get(i + 1)
                    && (next == o.escape || next == o.quote)
                {
                    out.bytes.push(next);
                    i += 2;
                    continue;
                }
                if c == o.quote {
                    in_quote = false;
                } else {
                    out.bytes.push(c);
                }
            } else if c == o.delimiter {
                break;
            } else if c == o.quote {
                quoted = true;
                in_quote = true;
            } else {
                out.bytes.push(c);
            }
            i += 1;
        }
        let null = !quoted && line.get(start..i) == Some(o.null.as_bytes());
        debug_assert!(out.bytes.len() >= begin);
        out.finish(null);
        if i >= line.len() {
            return Ok(());
        }
        i += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::super::options;
    use super::*;
    use rustydb_parser::ast::{DefOption, DefValue, Ident};

    fn opts(csv: bool) -> Options {
        let list: Vec<DefOption> = csv
            .then(|| DefOption {
                namespace: None,
                name: Ident::new("format"),
                value: Some(DefValue::Word("csv".into())),
            })
            .into_iter()
            .collect();
        options::read(&list, true, "").expect("valid options")
    }

    fn lines(csv: bool, chunks: &[&str]) -> Vec<String> {
        let mut l = Lines::new(&opts(csv));
        let mut out = Vec::new();
        let mut drain = |l: &mut Lines| {
            while let Some(r) = l.next().expect("well formed") {
                out.push(String::from_utf8_lossy(l.line(&r)).into_owned());
            }
        };
        for c in chunks {
            l.push(c.as_bytes()).expect("short");
            drain(&mut l);
        }
        l.end();
        drain(&mut l);
        out
    }

    fn fields(csv: bool, line: &str) -> Vec<Option<String>> {
        let mut f = Fields::default();
        if csv {
            csv_fields(line.as_bytes(), &opts(true), &mut f).expect("well formed");
        } else {
            text_fields(line.as_bytes(), &opts(false), &mut f);
        }
        (0..f.len()).map(|i| f.get(i).map(|b| String::from_utf8_lossy(b).into_owned())).collect()
    }

    #[test]
    fn lines_do_not_care_how_bytes_arrive() {
        assert_eq!(lines(false, &["a\nb", "\n", "c"]), ["a", "b", "c"]);
        assert_eq!(lines(false, &["a\r", "\nb\r\n"]), ["a", "b"]);
        assert_eq!(lines(false, &["a\\", "\nb\nc\n"]), ["a\\\nb", "c"]);
        assert_eq!(lines(false, &["a\n\\.\nb\n"]), ["a"]);
        assert_eq!(lines(true, &["a,\"x\n", "y\"\nb\n"]), ["a,\"x\ny\"", "b"]);
        assert!(lines(false, &[""]).is_empty());
    }

    #[test]
    fn mixed_line_ends_are_refused() {
        let mut l = Lines::new(&opts(false));
        l.push(b"a\nb\rc\n").expect("short");
        assert!(l.next().expect("first").is_some());
        assert_eq!(l.next().unwrap_err().message, "literal carriage return found in data");
    }

    #[test]
    fn fields_of_text() {
        let s = |x: &str| Some(x.to_owned());
        assert_eq!(fields(false, "1\t\\N\t"), [s("1"), None, s("")]);
        assert_eq!(fields(false, "a\\tb\\\\\\x41\\101\\q"), [s("a\tb\\AAq")]);
        assert_eq!(fields(false, "x\\\ty"), [s("x\ty")]);
        assert_eq!(fields(false, ""), [s("")]);
    }

    #[test]
    fn fields_of_csv() {
        let s = |x: &str| Some(x.to_owned());
        assert_eq!(fields(true, "1,,\"\",\"a\"\"b\""), [s("1"), None, s(""), s("a\"b")]);
        assert_eq!(fields(true, "a\"b,c\"d"), [s("ab,cd")]);
        assert_eq!(fields(true, "x,"), [s("x"), None]);
    }
}
