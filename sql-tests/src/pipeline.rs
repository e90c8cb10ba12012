//! Replays the traces of PostgreSQL's `libpq_pipeline` program: what its client sent is sent again, byte for byte, and
//! what the server answers is written down as libpq's tracing does and compared with the trace.
//!
//! The traces leave out what depends on the server's build: OIDs (`NNNN`; the program's parameters are all `int4`), the
//! place in the source an error comes from (`SSSS`) and the length of such messages (`NN`).

use crate::error::{Context, Error, Result};
use crate::server::Target;
use crate::wire::{Message, Raw};
use std::path::{Path, PathBuf};

/// The program's only parameter type, `int4`.
const PARAMETER: u32 = 23;

/// The traces below the folder of the suites.
pub fn traces(suites: &Path) -> Result<Vec<PathBuf>> {
    let dir = suites.join("postgresql-15.18/src/test/modules/libpq_pipeline/traces");
    let entries = std::fs::read_dir(&dir).context(|| dir.display().to_string())?;
    let mut files: Vec<PathBuf> = entries.map(|e| Ok(e?.path())).collect::<std::io::Result<_>>()?;
    files.retain(|f| f.extension().is_some_and(|e| e == "trace"));
    files.sort();
    Ok(files)
}

/// Plays a trace's client and answers the trace as it comes out with this server.
pub async fn replay(target: &Target, trace: &str) -> Result<String> {
    let mut raw = Raw::connect(target).await?;
    let mut out = String::new();
    for line in trace.lines() {
        if line.starts_with("B\t") {
            let answer = raw.receive().await.context(|| format!("instead of {line:?}"))?;
            out.push_str(&shown(&answer)?);
        } else {
            let (kind, body) = message(line).context(|| format!("in the line {line:?}"))?;
            raw.send(kind, &body).await?;
            out.push_str(line);
        }
        out.push('\n');
    }
    // What the trace does not have must not come.
    while let Some(more) = raw.receive_or_end().await? {
        out.push_str(&shown(&more)?);
        out.push('\n');
    }
    Ok(out)
}

/// A part of a line.
#[derive(Debug, PartialEq, Eq)]
enum Part<'l> {
    Word(&'l str),
    Quoted(&'l str),
}

/// The parts of a line behind its tabs. A quoted part ends at a quote with nothing or a space behind it.
fn parts(mut rest: &str) -> Result<Vec<Part<'_>>> {
    let mut parts = Vec::new();
    while let Some(next) = rest.strip_prefix(' ') {
        let quote = next.chars().next().filter(|c| matches!(c, '"' | '\''));
        let (part, after) = match quote {
            Some(q) => {
                let inner = &next[1..];
                let ends = |(at, _): &(usize, &str)| matches!(inner.as_bytes().get(at + 1), None | Some(b' '));
                let (at, _) = inner.match_indices(q).find(ends).ok_or_else(|| Error::new("no closing quote"))?;
                (Part::Quoted(&inner[..at]), &inner[at + 1..])
            }
            None => {
                let at = next.find(' ').unwrap_or(next.len());
                (Part::Word(&next[..at]), &next[at..])
            }
        };
        parts.push(part);
        rest = after;
    }
    if rest.is_empty() { Ok(parts) } else { Err(Error::new(format!("{rest:?} is no part"))) }
}

/// Type and body of the client's message of a line.
fn message(line: &str) -> Result<(u8, Vec<u8>)> {
    let mut columns = line.splitn(4, '\t');
    let (_from, length, name) = (columns.next(), columns.next(), columns.next().unwrap_or_default());
    let parts = parts(columns.next().unwrap_or_default())?;
    let mut parts = parts.into_iter();
    let mut body = Vec::new();
    let kind = match name {
        "Parse" => {
            text(&mut parts, &mut body)?;
            text(&mut parts, &mut body)?;
            for _ in 0..count(&mut parts, &mut body)? {
                parts.next();
                body.extend_from_slice(&PARAMETER.to_be_bytes());
            }
            b'P'
        }
        "Bind" => {
            text(&mut parts, &mut body)?;
            text(&mut parts, &mut body)?;
            for _ in 0..count(&mut parts, &mut body)? {
                count(&mut parts, &mut body)?;
            }
            for _ in 0..count(&mut parts, &mut body)? {
                let length: i32 = number(&mut parts)?;
                body.extend_from_slice(&length.to_be_bytes());
                if length >= 0 {
                    let Some(Part::Quoted(value)) = parts.next() else { return Err(Error::new("no value")) };
                    body.extend_from_slice(value.as_bytes());
                }
            }
            for _ in 0..count(&mut parts, &mut body)? {
                count(&mut parts, &mut body)?;
            }
            b'B'
        }
        "Describe" | "Close" => {
            let Some(Part::Word(what)) = parts.next() else { return Err(Error::new("no kind of object")) };
            body.extend_from_slice(what.as_bytes());
            text(&mut parts, &mut body)?;
            if name == "Describe" { b'D' } else { b'C' }
        }
        "Execute" => {
            text(&mut parts, &mut body)?;
            body.extend_from_slice(&number::<i32>(&mut parts)?.to_be_bytes());
            b'E'
        }
        "Query" => {
            text(&mut parts, &mut body)?;
            b'Q'
        }
        "Sync" => b'S',
        "Flush" => b'H',
        "Terminate" => b'X',
        other => return Err(Error::new(format!("no message {other:?} is known"))),
    };
    let said = length.and_then(|l| l.parse::<usize>().ok());
    match (parts.next(), said == Some(body.len() + 4)) {
        (None, true) => Ok((kind, body)),
        (rest, _) => Err(Error::new(format!("{} bytes were made of it, {rest:?} is left", body.len() + 4))),
    }
}

fn text<'l>(parts: &mut impl Iterator<Item = Part<'l>>, body: &mut Vec<u8>) -> Result<()> {
    let Some(Part::Quoted(text)) = parts.next() else { return Err(Error::new("no text")) };
    body.extend_from_slice(text.as_bytes());
    body.push(0);
    Ok(())
}

fn number<'l, N: std::str::FromStr>(parts: &mut impl Iterator<Item = Part<'l>>) -> Result<N> {
    match parts.next() {
        Some(Part::Word(word)) => word.parse().map_err(|_| Error::new(format!("{word:?} is no number"))),
        other => Err(Error::new(format!("{other:?} is no number"))),
    }
}

/// A number of two bytes, which is put into the body and answered.
fn count<'l>(parts: &mut impl Iterator<Item = Part<'l>>, body: &mut Vec<u8>) -> Result<i16> {
    let n: i16 = number(parts)?;
    body.extend_from_slice(&n.to_be_bytes());
    Ok(n)
}

/// The line of a server's message.
fn shown(m: &Message) -> Result<String> {
    let mut body = Body(&m.body);
    let mut masked = false;
    let (name, rest) = match m.kind {
        b'1' => ("ParseComplete", String::new()),
        b'2' => ("BindComplete", String::new()),
        b'3' => ("CloseComplete", String::new()),
        b'n' => ("NoData", String::new()),
        b's' => ("PortalSuspended", String::new()),
        b'I' => ("EmptyQueryResponse", String::new()),
        b'C' => ("CommandComplete", format!(" \"{}\"", body.text()?)),
        b'Z' => ("ReadyForQuery", format!(" {}", char::from(body.bytes::<1>()?[0]))),
        b't' => {
            let n = body.int16()?;
            let mut line = format!(" {n}");
            for _ in 0..n {
                body.bytes::<4>()?;
                line.push_str(" NNNN");
            }
            ("ParameterDescription", line)
        }
        b'T' => {
            let n = body.int16()?;
            let mut line = format!(" {n}");
            for _ in 0..n {
                let name = body.text()?.to_owned();
                body.bytes::<4>()?;
                let column = body.int16()?;
                body.bytes::<4>()?;
                let length = u16::from_be_bytes(body.bytes()?);
                let modifier = i32::from_be_bytes(body.bytes()?);
                let format = body.int16()?;
                line.push_str(&format!(" \"{name}\" NNNN {column} NNNN {length} {modifier} {format}"));
            }
            ("RowDescription", line)
        }
        b'D' => {
            let n = body.int16()?;
            let mut line = format!(" {n}");
            for _ in 0..n {
                let length = i32::from_be_bytes(body.bytes()?);
                line.push_str(&format!(" {length}"));
                if let Ok(length) = usize::try_from(length) {
                    line.push_str(&format!(" '{}'", body.value(length)?));
                }
            }
            ("DataRow", line)
        }
        b'E' | b'N' => {
            masked = true;
            let mut line = String::new();
            loop {
                let [field] = body.bytes::<1>()?;
                if field == 0 {
                    line.push_str(" \\x00");
                    break;
                }
                let text = body.text()?;
                let text = if matches!(field, b'F' | b'L' | b'R') { "SSSS" } else { text };
                line.push_str(&format!(" {} \"{text}\"", char::from(field)));
            }
            (if m.kind == b'E' { "ErrorResponse" } else { "NoticeResponse" }, line)
        }
        other => return Err(Error::new(format!("the server sent a message of type {:?}", char::from(other)))),
    };
    if !body.0.is_empty() {
        return Err(Error::new(format!("{name} with {} bytes too many", body.0.len())));
    }
    let length = if masked { "NN".to_owned() } else { (m.body.len() + 4).to_string() };
    let tab = if rest.is_empty() { "" } else { "\t" };
    Ok(format!("B\t{length}\t{name}{tab}{rest}"))
}

/// What is left of a message.
struct Body<'m>(&'m [u8]);

impl<'m> Body<'m> {
    fn bytes<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk().ok_or_else(|| Error::new("the message is too short"))?;
        self.0 = rest;
        Ok(*head)
    }

    fn int16(&mut self) -> Result<i16> {
        Ok(i16::from_be_bytes(self.bytes()?))
    }

    fn value(&mut self, length: usize) -> Result<&'m str> {
        let (head, rest) = self.0.split_at_checked(length).ok_or_else(|| Error::new("the value is too short"))?;
        self.0 = rest;
        std::str::from_utf8(head).map_err(|e| Error::new(format!("the value is no text: {e}")))
    }

    fn text(&mut self) -> Result<&'m str> {
        let end = self.0.iter().position(|b| *b == 0).ok_or_else(|| Error::new("the text has no end"))?;
        let text = self.value(end)?;
        self.0 = &self.0[1..];
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_messages_and_back() {
        let (kind, body) = message("F\t19\tBind\t \"\" \"\" 0 1 1 '1' 1 0").expect("a line of Bind");
        assert_eq!((kind, &body[..]), (b'B', &b"\0\0\0\0\0\x01\0\0\0\x011\0\x01\0\0"[..]));
        assert!(message("F\t18\tBind\t \"\" \"\" 0 1 1 '1' 1 0").is_err(), "the length is checked");
        let ready = Message { kind: b'Z', body: b"I".to_vec() };
        assert_eq!(shown(&ready).expect("ready"), "B\t5\tReadyForQuery\t I");
        let long = Message { kind: b'Z', body: b"II".to_vec() };
        assert!(shown(&long).is_err());
    }
}
