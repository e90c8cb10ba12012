//! Geometric values as text. Input is lenient as PostgreSQL's is: parentheses around points and around the whole may be
//! left out, blanks stand anywhere. A number is the longest text that C's `strtod` takes.

use super::{Circle, Line, Lseg, Path, Point, Polygon, Rect, num};
use crate::io::float::{float8_in, float8_out};
use crate::io::invalid_syntax;
use rustydb_base::{DbError, Result, SqlState};

fn is_space(c: u8) -> bool {
    matches!(c, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// Length of the number that a text begins with; 0 for none.
fn number_len(b: &[u8]) -> usize {
    let digits = |from: usize| b[from..].iter().take_while(|c| c.is_ascii_digit()).count();
    let sign = usize::from(matches!(b.first(), Some(b'+' | b'-')));
    let word = |w: &str| b.get(sign..sign + w.len()).is_some_and(|t| t.eq_ignore_ascii_case(w.as_bytes()));
    for w in ["infinity", "inf", "nan"] {
        if word(w) {
            return sign + w.len();
        }
    }
    if word("0x") && b.get(sign + 2).is_some_and(u8::is_ascii_hexdigit) {
        let hex = |from: usize| b[from..].iter().take_while(|c| c.is_ascii_hexdigit()).count();
        let mut end = sign + 2 + hex(sign + 2);
        if b.get(end) == Some(&b'.') {
            end += 1 + hex(end + 1);
        }
        return exponent(b, end, b"pP");
    }
    let whole = digits(sign);
    let mut end = sign + whole;
    let mut fraction = 0;
    if b.get(end) == Some(&b'.') {
        fraction = digits(end + 1);
        end += 1 + fraction;
    }
    if whole + fraction == 0 {
        return 0;
    }
    exponent(b, end, b"eE")
}

/// The end of an exponent that begins at `end`, if there is one.
fn exponent(b: &[u8], end: usize, marks: &[u8]) -> usize {
    if !b.get(end).is_some_and(|c| marks.contains(c)) {
        return end;
    }
    let sign = usize::from(matches!(b.get(end + 1), Some(b'+' | b'-')));
    let digits = b[(end + 1 + sign).min(b.len())..].iter().take_while(|c| c.is_ascii_digit()).count();
    if digits == 0 { end } else { end + 1 + sign + digits }
}

struct Reader<'a> {
    /// The type, for errors.
    ty: &'static str,
    whole: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn new(ty: &'static str, whole: &'a str) -> Reader<'a> {
        Reader { ty, whole, at: 0 }
    }

    fn invalid(&self) -> DbError {
        invalid_syntax(self.ty, self.whole)
    }

    fn rest(&self) -> &'a [u8] {
        self.whole.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn blanks(&mut self) {
        self.at += self.rest().iter().take_while(|c| is_space(**c)).count();
    }

    fn take(&mut self, c: u8) -> bool {
        let found = self.rest().first() == Some(&c);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, c: u8) -> Result<()> {
        if self.take(c) { Ok(()) } else { Err(self.invalid()) }
    }

    fn end(&self) -> Result<()> {
        if self.rest().is_empty() { Ok(()) } else { Err(self.invalid()) }
    }

    /// A number and the blanks around it.
    fn number(&mut self) -> Result<f64> {
        self.blanks();
        let n = number_len(self.rest());
        let text = self.whole.get(self.at..self.at + n).filter(|t| !t.is_empty()).ok_or_else(|| self.invalid())?;
        let v = float8_in(text)
            .map_err(|e| if e.code == SqlState::INVALID_TEXT_REPRESENTATION { self.invalid() } else { e })?;
        self.at += n;
        self.blanks();
        Ok(v)
    }

    /// `(x,y)` or `x,y`.
    fn point(&mut self) -> Result<Point> {
        self.blanks();
        let paren = self.take(b'(');
        let x = self.number()?;
        self.expect(b',')?;
        let y = self.number()?;
        if paren {
            self.expect(b')')?;
            self.blanks();
        }
        Ok(Point { x, y })
    }

    /// Where the text after a parenthesis and blanks begins, if the next character is one.
    fn after_paren(&self) -> Option<usize> {
        let rest = self.rest();
        (rest.first() == Some(&b'(')).then(|| self.at + 1 + rest[1..].iter().take_while(|c| is_space(**c)).count())
    }

    /// Whether the next character is the text's last opening parenthesis.
    fn is_last_paren(&self) -> bool {
        self.rest().iter().rposition(|c| *c == b'(') == Some(0)
    }

    /// `n` points, in brackets when they may make an open path; tells whether they do.
    fn points(&mut self, n: usize, may_be_open: bool) -> Result<(Vec<Point>, bool)> {
        self.blanks();
        let mut depth = 0;
        let open = self.rest().first() == Some(&b'[');
        if open {
            if !may_be_open {
                return Err(self.invalid());
            }
            depth += 1;
            self.at += 1;
        } else if let Some(next) = self.after_paren()
            && (self.whole.as_bytes().get(next) == Some(&b'(') || self.is_last_paren())
        {
            depth += 1;
            self.at = next;
        }
        let mut out = Vec::new();
        for _ in 0..n {
            out.push(self.point()?);
            self.take(b',');
        }
        while depth > 0 {
            if !(self.take(b')') || open && depth == 1 && self.take(b']')) {
                return Err(self.invalid());
            }
            depth -= 1;
            self.blanks();
        }
        Ok((out, open))
    }

    /// Two points that are all there is.
    fn two_points(&mut self, may_be_open: bool) -> Result<(Point, Point)> {
        let (points, _) = self.points(2, may_be_open)?;
        self.end()?;
        match points[..] {
            [a, b] => Ok((a, b)),
            _ => Err(self.invalid()),
        }
    }

    /// How many points the commas tell of.
    fn count(&self) -> Result<usize> {
        let commas = self.whole.bytes().filter(|c| *c == b',').count();
        if commas % 2 == 1 { Ok(commas.div_ceil(2)) } else { Err(self.invalid()) }
    }
}

/// Reads a point.
pub fn point_in(s: &str) -> Result<Point> {
    let mut r = Reader::new("point", s);
    let p = r.point()?;
    r.end()?;
    Ok(p)
}

/// Reads a segment.
pub fn lseg_in(s: &str) -> Result<Lseg> {
    let (a, b) = Reader::new("lseg", s).two_points(true)?;
    Ok(Lseg { a, b })
}

/// Reads a box: two opposite corners.
pub fn box_in(s: &str) -> Result<Rect> {
    let (high, low) = Reader::new("box", s).two_points(false)?;
    Ok(Rect { high, low }.upright())
}

/// Reads a line: `{A,B,C}`, or two points of it.
pub fn line_in(s: &str) -> Result<Line> {
    let wrong = |m| DbError::new(SqlState::INVALID_TEXT_REPRESENTATION, m);
    let mut r = Reader::new("line", s);
    r.blanks();
    if !r.take(b'{') {
        let (a, b) = r.two_points(true)?;
        if a.equals(b) {
            return Err(wrong("invalid line specification: must be two distinct points"));
        }
        return Line::through(a, a.slope(b)?);
    }
    let a = r.number()?;
    r.expect(b',')?;
    let b = r.number()?;
    r.expect(b',')?;
    let c = r.number()?;
    r.expect(b'}')?;
    r.blanks();
    r.end()?;
    if num::zero(a) && num::zero(b) {
        return Err(wrong("invalid line specification: A and B cannot both be zero"));
    }
    Ok(Line { a, b, c })
}

/// Reads a path.
pub fn path_in(s: &str) -> Result<Path> {
    let mut r = Reader::new("path", s);
    let n = r.count()?;
    r.blanks();
    // A single parenthesis is around the path, not around its first point.
    let wrapped = r.is_last_paren();
    r.at += usize::from(wrapped);
    let (points, open) = r.points(n, true)?;
    if wrapped {
        r.expect(b')')?;
        r.blanks();
    }
    r.end()?;
    Ok(Path { closed: !open, points })
}

/// Reads a polygon.
pub fn polygon_in(s: &str) -> Result<Polygon> {
    let mut r = Reader::new("polygon", s);
    let n = r.count()?;
    let (points, _) = r.points(n, false)?;
    r.end()?;
    Ok(Polygon { points })
}

/// Reads a circle.
pub fn circle_in(s: &str) -> Result<Circle> {
    let mut r = Reader::new("circle", s);
    r.blanks();
    let mut depth = 0;
    if r.take(b'<') {
        depth += 1;
    } else if let Some(next) = r.after_paren()
        && s.as_bytes().get(next) == Some(&b'(')
    {
        depth += 1;
        r.at = next;
    }
    let center = r.point()?;
    r.take(b',');
    let radius = r.number()?;
    // NaN is no smaller than zero.
    if radius < 0.0 {
        return Err(r.invalid());
    }
    while depth > 0 {
        if !(r.take(b')') || depth == 1 && r.take(b'>')) {
            return Err(r.invalid());
        }
        depth -= 1;
        r.blanks();
    }
    r.end()?;
    Ok(Circle { center, radius })
}

fn put_point(p: Point, digits: i32, out: &mut Vec<u8>) {
    out.push(b'(');
    float8_out(p.x, digits, out);
    out.push(b',');
    float8_out(p.y, digits, out);
    out.push(b')');
}

fn put_list(points: &[Point], around: Option<(u8, u8)>, digits: i32, out: &mut Vec<u8>) {
    out.extend(around.map(|a| a.0));
    for (i, p) in points.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        put_point(*p, digits, out);
    }
    out.extend(around.map(|a| a.1));
}

/// A value that shows itself.
pub trait Show {
    /// Appends the text; `digits` is extra_float_digits.
    fn show(&self, digits: i32, out: &mut Vec<u8>);
}

impl Show for Point {
    fn show(&self, digits: i32, out: &mut Vec<u8>) {
        put_point(*self, digits, out);
    }
}

impl Show for Lseg {
    fn show(&self, digits: i32, out: &mut Vec<u8>) {
        put_list(&[self.a, self.b], Some((b'[', b']')), digits, out);
    }
}

impl Show for Rect {
    fn show(&self, digits: i32, out: &mut Vec<u8>) {
        put_list(&[self.high, self.low], None, digits, out);
    }
}

impl Show for Line {
    fn show(&self, digits: i32, out: &mut Vec<u8>) {
        out.push(b'{');
        float8_out(self.a, digits, out);
        out.push(b',');
        float8_out(self.b, digits, out);
        out.push(b',');
        float8_out(self.c, digits, out);
        out.push(b'}');
    }
}

impl Show for Path {
    fn show(&self, digits: i32, out: &mut Vec<u8>) {
        put_list(&self.points, Some(if self.closed { (b'(', b')') } else { (b'[', b']') }), digits, out);
    }
}

impl Show for Polygon {
    fn show(&self, digits: i32, out: &mut Vec<u8>) {
        put_list(&self.points, Some((b'(', b')')), digits, out);
    }
}

impl Show for Circle {
    fn show(&self, digits: i32, out: &mut Vec<u8>) {
        out.push(b'<');
        put_point(self.center, digits, out);
        out.push(b',');
        float8_out(self.radius, digits, out);
        out.push(b'>');
    }
}
