//! Where one message ends. A message is type byte, length (itself included), body. The length is judged against the
//! type before anything is read or allocated for the body, and decoding only ever sees the body's own bytes, so a lying
//! length cannot reach into the next message.

/// Bytes of type and length.
pub const HEADER: usize = 5;
/// Longest startup packet, its length included (PostgreSQL's MAX_STARTUP_PACKET_LENGTH).
pub const MAX_STARTUP: usize = 10_000;
/// Longest password or SASL message body before authentication.
pub const MAX_AUTH: usize = 65_535;
/// Longest message whose size does not depend on user data.
pub const MAX_SMALL: usize = 10_000;
/// Longest message that carries user data: 1 GiB − 2.
pub const MAX_LARGE: usize = 0x3fff_fffe;

/// What the connection is ready to hear.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// During authentication: passwords only.
    Auth,
    /// The normal loop.
    Ready,
    /// Inside COPY FROM STDIN.
    CopyIn,
}

/// Why a header cannot be accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BadHeader {
    /// The type byte is not one the phase knows.
    Type(u8),
    /// The length is below 4 or above the type's limit.
    Length,
}

/// Judges the first bytes of a message: the length of the whole message (type byte included), or `None` when the header
/// has not all arrived yet. An unknown type is reported from the first byte alone.
pub fn total_len(phase: Phase, head: &[u8]) -> Result<Option<usize>, BadHeader> {
    let Some(&tag) = head.first() else { return Ok(None) };
    let max = limit(phase, tag).ok_or(BadHeader::Type(tag))?;
    let Some(len) = head.get(1..HEADER) else { return Ok(None) };
    let len = len.iter().fold(0u32, |acc, b| acc << 8 | u32::from(*b)) as usize;
    if len < 4 || len - 4 > max {
        return Err(BadHeader::Length);
    }
    Ok(Some(len + 1))
}

/// Longest body of a message type in a phase; `None` when the phase does not know the type.
fn limit(phase: Phase, tag: u8) -> Option<usize> {
    match phase {
        Phase::Auth => (tag == b'p').then_some(MAX_AUTH),
        Phase::Ready => match tag {
            b'Q' | b'P' | b'B' | b'F' | b'd' => Some(MAX_LARGE),
            b'C' | b'D' | b'E' | b'H' | b'S' | b'X' | b'c' | b'f' => Some(MAX_SMALL),
            _ => None,
        },
        Phase::CopyIn => match tag {
            b'd' => Some(MAX_LARGE),
            b'c' | b'f' | b'H' | b'S' => Some(MAX_SMALL),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(tag: u8, len: u32) -> [u8; 5] {
        let l = len.to_be_bytes();
        [tag, l[0], l[1], l[2], l[3]]
    }

    #[test]
    fn lengths() {
        assert_eq!(total_len(Phase::Ready, &[]), Ok(None));
        assert_eq!(total_len(Phase::Ready, b"Q\0\0\0"), Ok(None));
        assert_eq!(total_len(Phase::Ready, &head(b'S', 4)), Ok(Some(5)));
        for short in 0..4 {
            assert_eq!(total_len(Phase::Ready, &head(b'Q', short)), Err(BadHeader::Length));
            assert_eq!(total_len(Phase::Auth, &head(b'p', short)), Err(BadHeader::Length));
            assert_eq!(total_len(Phase::CopyIn, &head(b'd', short)), Err(BadHeader::Length));
        }
        assert_eq!(total_len(Phase::Ready, &head(b'Q', u32::MAX)), Err(BadHeader::Length));
        assert_eq!(total_len(Phase::Ready, &head(b'Q', MAX_LARGE as u32 + 4)), Ok(Some(MAX_LARGE + 5)));
        assert_eq!(total_len(Phase::Ready, &head(b'Q', MAX_LARGE as u32 + 5)), Err(BadHeader::Length));
        assert_eq!(total_len(Phase::Ready, &head(b'E', MAX_SMALL as u32 + 5)), Err(BadHeader::Length));
        assert_eq!(total_len(Phase::Auth, &head(b'p', MAX_AUTH as u32 + 5)), Err(BadHeader::Length));
    }

    #[test]
    fn types_by_phase() {
        assert_eq!(total_len(Phase::Auth, b"Q"), Err(BadHeader::Type(b'Q')));
        assert_eq!(total_len(Phase::Ready, b"\0"), Err(BadHeader::Type(0)));
        assert_eq!(total_len(Phase::Ready, b"p"), Err(BadHeader::Type(b'p')));
        assert_eq!(total_len(Phase::CopyIn, b"Q"), Err(BadHeader::Type(b'Q')));
    }
}
