//! Message bodies, read in place. Every function takes exactly one message's body and hands out slices of it; each
//! refusal has the words PostgreSQL uses for the same fault.

use rustydb_base::{DbError, Result, SqlState};
use smallvec::SmallVec;
use std::ffi::CStr;

/// Reads one body from front to back.
pub struct Body<'a> {
    rest: &'a [u8],
}

impl<'a> Body<'a> {
    /// Starts at the first byte of `body`.
    pub fn new(body: &'a [u8]) -> Body<'a> {
        Body { rest: body }
    }

    /// The next `n` bytes.
    pub fn bytes(&mut self, n: usize) -> Result<&'a [u8]> {
        let (head, tail) = self
            .rest
            .split_at_checked(n)
            .ok_or_else(|| DbError::new(SqlState::PROTOCOL_VIOLATION, "insufficient data left in message"))?;
        self.rest = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let b = self.bytes(N)?;
        b.try_into().map_err(|_| DbError::new(SqlState::PROTOCOL_VIOLATION, "insufficient data left in message"))
    }

    /// One byte; PostgreSQL has its own words for a missing one.
    pub fn u8(&mut self) -> Result<u8> {
        let [b] = self.array().map_err(|_| DbError::new(SqlState::PROTOCOL_VIOLATION, "no data left in message"))?;
        Ok(b)
    }

    /// A big-endian 16-bit number.
    pub fn i16(&mut self) -> Result<i16> {
        self.array().map(i16::from_be_bytes)
    }

    /// A big-endian 32-bit number.
    pub fn i32(&mut self) -> Result<i32> {
        self.array().map(i32::from_be_bytes)
    }

    /// A NUL-terminated string, without the NUL, as bytes.
    pub fn cstring(&mut self) -> Result<&'a [u8]> {
        let s = CStr::from_bytes_until_nul(self.rest)
            .map_err(|_| DbError::new(SqlState::PROTOCOL_VIOLATION, "invalid string in message"))?;
        self.bytes(s.count_bytes() + 1)?;
        Ok(s.to_bytes())
    }

    /// A NUL-terminated UTF-8 string.
    pub fn string(&mut self) -> Result<&'a str> {
        utf8(self.cstring()?)
    }

    /// Everything not read yet.
    pub fn remaining(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// Checks that the whole body was read.
    pub fn end(self) -> Result<()> {
        match self.rest {
            [] => Ok(()),
            _ => Err(DbError::new(SqlState::PROTOCOL_VIOLATION, "invalid message format")),
        }
    }
}

/// The text of `bytes`, or 22021 naming the offending sequence.
pub fn utf8(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|e| {
        let bad = bytes.get(e.valid_up_to()..).unwrap_or_default();
        // PostgreSQL shows as many bytes as the first one announces, as far as they are there.
        let announced = match bad.first() {
            Some(b) if b & 0xe0 == 0xc0 => 2,
            Some(b) if b & 0xf0 == 0xe0 => 3,
            Some(b) if b & 0xf8 == 0xf0 => 4,
            _ => 1,
        };
        let shown: Vec<String> = bad.iter().take(announced).map(|b| format!("0x{b:02x}")).collect();
        DbError::new(
            SqlState::CHARACTER_NOT_IN_REPERTOIRE,
            format!("invalid byte sequence for encoding \"UTF8\": {}", shown.join(" ")),
        )
    })
}

/// Query: the statement text.
pub fn query(body: &[u8]) -> Result<&str> {
    let mut b = Body::new(body);
    let sql = b.string()?;
    b.end()?;
    Ok(sql)
}

/// Parse.
#[derive(Debug)]
pub struct Parse<'a> {
    /// Statement name, empty for the unnamed one.
    pub name: &'a str,
    /// Statement text.
    pub sql: &'a str,
    /// Declared parameter types, 0 where the client leaves the choice to the server.
    pub param_types: SmallVec<[u32; 8]>,
}

/// Reads Parse.
pub fn parse(body: &[u8]) -> Result<Parse<'_>> {
    let mut b = Body::new(body);
    let name = b.string()?;
    let sql = b.string()?;
    let n = b.i16()? as u16;
    let mut param_types = SmallVec::new();
    for _ in 0..n {
        param_types.push(b.i32()? as u32);
    }
    b.end()?;
    Ok(Parse { name, sql, param_types })
}

/// Format codes of a Bind.
pub type Formats = SmallVec<[i16; 8]>;

/// Bind.
#[derive(Debug)]
pub struct Bind<'a> {
    /// Portal name, empty for the unnamed one.
    pub portal: &'a str,
    /// Statement name.
    pub statement: &'a str,
    /// Formats of the parameters: none, one for all, or one each.
    pub param_formats: Formats,
    /// Values, `None` for NULL.
    pub params: SmallVec<[Option<&'a [u8]>; 8]>,
    /// Formats wanted for the result columns: none, one for all, or one each.
    pub result_formats: Formats,
}

/// FunctionCall.
#[derive(Debug)]
pub struct FunctionCall<'a> {
    /// OID of the function.
    pub function: u32,
    /// Formats of the arguments: none, one for all, or one each.
    pub formats: Formats,
    /// Arguments, `None` for NULL.
    pub args: SmallVec<[Option<&'a [u8]>; 8]>,
    /// Format wanted for the result.
    pub result_format: i16,
}

/// Reads Bind.
pub fn bind(body: &[u8]) -> Result<Bind<'_>> {
    let mut b = Body::new(body);
    let portal = b.string()?;
    let statement = b.string()?;
    let param_formats = formats(&mut b)?;
    let n = b.i16()? as u16;
    if param_formats.len() > 1 && param_formats.len() != usize::from(n) {
        return Err(DbError::new(
            SqlState::PROTOCOL_VIOLATION,
            format!("bind message has {} parameter formats but {n} parameters", param_formats.len()),
        ));
    }
    let params = values(&mut b, n)?;
    let result_formats = formats(&mut b)?;
    b.end()?;
    Ok(Bind { portal, statement, param_formats, params, result_formats })
}

/// Reads FunctionCall.
pub fn function_call(body: &[u8]) -> Result<FunctionCall<'_>> {
    let mut b = Body::new(body);
    let function = b.i32()? as u32;
    let formats = formats(&mut b)?;
    let n = b.i16()? as u16;
    let args = values(&mut b, n)?;
    let result_format = b.i16()?;
    b.end()?;
    Ok(FunctionCall { function, formats, args, result_format })
}

/// `n` values, `None` for NULL.
fn values<'a>(b: &mut Body<'a>, n: u16) -> Result<SmallVec<[Option<&'a [u8]>; 8]>> {
    let mut out = SmallVec::new();
    for _ in 0..n {
        let len = b.i32()?;
        // Any negative length reads as NULL in PostgreSQL only when it is -1; others fail as a length does.
        out.push(match usize::try_from(len) {
            Ok(len) => Some(b.bytes(len)?),
            Err(_) if len == -1 => None,
            Err(_) => return Err(DbError::new(SqlState::PROTOCOL_VIOLATION, "insufficient data left in message")),
        });
    }
    Ok(out)
}

fn formats(b: &mut Body<'_>) -> Result<Formats> {
    let n = b.i16()? as u16;
    let mut out = SmallVec::new();
    for _ in 0..n {
        let code = b.i16()?;
        if !(0..=1).contains(&code) {
            return Err(DbError::new(SqlState::INVALID_PARAMETER_VALUE, format!("unsupported format code: {code}")));
        }
        out.push(code);
    }
    Ok(out)
}

/// What Describe and Close point at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target<'a> {
    /// A prepared statement.
    Statement(&'a str),
    /// A portal.
    Portal(&'a str),
}

/// Reads Describe (`message` = "DESCRIBE") or Close ("CLOSE").
pub fn target<'a>(message: &str, body: &'a [u8]) -> Result<Target<'a>> {
    let mut b = Body::new(body);
    let kind = b.u8()?;
    let name = b.string()?;
    b.end()?;
    match kind {
        b'S' => Ok(Target::Statement(name)),
        b'P' => Ok(Target::Portal(name)),
        other => Err(DbError::new(SqlState::PROTOCOL_VIOLATION, format!("invalid {message} message subtype {other}"))),
    }
}

/// Reads Execute: portal and row limit (0: no limit; PostgreSQL reads a negative one so too).
pub fn execute(body: &[u8]) -> Result<(&str, usize)> {
    let mut b = Body::new(body);
    let portal = b.string()?;
    let max_rows = usize::try_from(b.i32()?).unwrap_or(0);
    b.end()?;
    Ok((portal, max_rows))
}

/// Reads a message without a body.
pub fn nothing(body: &[u8]) -> Result<()> {
    Body::new(body).end()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fails<T: std::fmt::Debug>(r: Result<T>, code: &str, message: &str) {
        let e = r.unwrap_err();
        assert_eq!((e.code.as_str(), e.message.as_ref()), (code, message));
    }

    #[test]
    fn queries() {
        assert_eq!(query(b"select 1\0").unwrap(), "select 1");
        fails(query(b""), "08P01", "invalid string in message");
        fails(query(b"abcdQ"), "08P01", "invalid string in message");
        fails(query(b"a\0b"), "08P01", "invalid message format");
        fails(query(b"a\xff\0"), "22021", "invalid byte sequence for encoding \"UTF8\": 0xff");
        fails(query(b"\xe2\x28\xa1\0"), "22021", "invalid byte sequence for encoding \"UTF8\": 0xe2 0x28 0xa1");
        fails(query(b"\xc3\0"), "22021", "invalid byte sequence for encoding \"UTF8\": 0xc3");
    }

    #[test]
    fn parses() {
        let p = parse(b"s\0select $1\0\0\x01\0\0\0\x17").unwrap();
        assert_eq!((p.name, p.sql, p.param_types.as_slice()), ("s", "select $1", &[23][..]));
        fails(parse(b"s\0select"), "08P01", "invalid string in message");
        fails(parse(b"s\0select\0"), "08P01", "insufficient data left in message");
        fails(parse(b"s\0select\0\xff\xff\0\0\0\x17"), "08P01", "insufficient data left in message");
        fails(parse(b"s\0select\0\0\0x"), "08P01", "invalid message format");
    }

    #[test]
    fn binds() {
        let b = bind(b"p\0s\0\0\x01\0\x01\0\x03\0\0\0\x02hi\xff\xff\xff\xff\0\0\0\0\0\x01\0\0").unwrap();
        assert_eq!((b.portal, b.statement), ("p", "s"));
        assert_eq!(b.params.as_slice(), &[Some(&b"hi"[..]), None, Some(&b""[..])]);
        assert_eq!((b.param_formats.as_slice(), b.result_formats.as_slice()), (&[1i16][..], &[0i16][..]));
        let short = "insufficient data left in message";
        fails(bind(b"\0\0\0\0\0\x01\0\0\0\x09hi\0\0"), "08P01", short);
        fails(bind(b"\0\0\0\0\0\x01\xff\xff\xff\xfe\0\0"), "08P01", short);
        fails(bind(b"\0\0\0\0\0\x01\x7f\xff\xff\xff\0\0"), "08P01", short);
        fails(bind(b"\0\0\0\0\0"), "08P01", short);
        fails(bind(b"\0\0\0\0\xff\xff"), "08P01", short);
        fails(bind(b"\0\0\0\x02\0\0\0\0\0\x01"), "08P01", "bind message has 2 parameter formats but 1 parameters");
        fails(bind(b"\0\0\0\x01\0\x02\0\0\0\0"), "22023", "unsupported format code: 2");
        fails(bind(b"\0\0\0\0\0\0\0\0\0"), "08P01", "invalid message format");
    }

    #[test]
    fn targets_and_execute() {
        assert_eq!(target("DESCRIBE", b"Sx\0").unwrap(), Target::Statement("x"));
        assert_eq!(target("CLOSE", b"P\0").unwrap(), Target::Portal(""));
        fails(target("CLOSE", b""), "08P01", "no data left in message");
        fails(target("DESCRIBE", b"Xx\0"), "08P01", "invalid DESCRIBE message subtype 88");
        assert_eq!(execute(b"\0\0\0\0\x05").unwrap(), ("", 5));
        assert_eq!(execute(b"\0\xff\xff\xff\xff").unwrap(), ("", 0));
        fails(execute(b"\0\0\0"), "08P01", "insufficient data left in message");
        fails(nothing(b"x"), "08P01", "invalid message format");
    }
}
