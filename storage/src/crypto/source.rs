//! Where the key-encryption key comes from.

use rustydb_base::{DbError, Result, SqlState};
use std::path::PathBuf;
use zeroize::Zeroizing;

/// Bytes of a key.
pub const KEY_LEN: usize = 32;
/// A key; gone from memory when dropped.
pub type Secret = Zeroizing<[u8; KEY_LEN]>;
/// Longest output of a key command or content of a key file.
const MAX_TEXT: usize = 4096;

/// A place that holds a key as 64 hexadecimal digits (white space around them is fine), or, for files, as 32 raw bytes.
#[derive(Clone)]
pub enum KeySource {
    /// The content of a file.
    File(PathBuf),
    /// An environment variable.
    Env(String),
    /// What a shell command prints.
    Command(String),
    /// The key itself, given by the embedding program.
    Given(Secret),
}

impl std::fmt::Debug for KeySource {
    /// Never shows a key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.to_string())
    }
}

impl std::fmt::Display for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            KeySource::File(p) => write!(f, "file \"{}\"", p.display()),
            KeySource::Env(n) => write!(f, "environment variable \"{n}\""),
            KeySource::Command(c) => write!(f, "command \"{c}\""),
            KeySource::Given(_) => f.write_str("the program"),
        }
    }
}

impl std::str::FromStr for KeySource {
    type Err = DbError;
    /// `file:PATH`, `env:NAME` or `command:SHELL COMMAND`.
    fn from_str(s: &str) -> Result<KeySource> {
        match s.split_once(':') {
            Some(("file", p)) if !p.is_empty() => Ok(KeySource::File(PathBuf::from(p))),
            Some(("env", n)) if !n.is_empty() => Ok(KeySource::Env(n.to_owned())),
            Some(("command", c)) if !c.is_empty() => Ok(KeySource::Command(c.to_owned())),
            _ => Err(DbError::new(SqlState::INVALID_PARAMETER_VALUE, "invalid source of an encryption key")
                .hint("Valid sources are \"file:PATH\", \"env:NAME\" and \"command:COMMAND\".")),
        }
    }
}

impl KeySource {
    /// Gets the key.
    pub async fn fetch(&self) -> Result<Secret> {
        let failed = |why: String| {
            DbError::fatal(SqlState::CONFIG_FILE_ERROR, format!("could not get the encryption key from {self}: {why}"))
        };
        let text: Zeroizing<Vec<u8>> = match self {
            KeySource::Given(k) => return Ok(k.clone()),
            KeySource::File(p) => {
                let len = std::fs::metadata(p).map_err(|e| failed(e.to_string()))?.len();
                if len > MAX_TEXT as u64 {
                    return Err(failed(format!("it has {len} bytes")));
                }
                Zeroizing::new(std::fs::read(p).map_err(|e| failed(e.to_string()))?)
            }
            KeySource::Env(n) => {
                let v = std::env::var(n).map_err(|_| failed("it is not set".to_owned()))?;
                Zeroizing::new(v.into_bytes())
            }
            KeySource::Command(c) => {
                let mut command = std::process::Command::new("/bin/sh");
                command.arg("-c").arg(c).stdin(std::process::Stdio::null()).stderr(std::process::Stdio::inherit());
                let done = command.output().map_err(|e| failed(e.to_string()))?;
                let out = Zeroizing::new(done.stdout);
                if !done.status.success() {
                    return Err(failed(format!("it ended with {}", done.status)));
                }
                out
            }
        };
        parse(&text).ok_or_else(|| {
            failed("it is not a key of 32 bytes".to_owned()).hint("A key is written as 64 hexadecimal digits.")
        })
    }
}

fn parse(text: &[u8]) -> Option<Secret> {
    let mut key = Secret::default();
    let digits = text.trim_ascii();
    if digits.len() == 2 * KEY_LEN {
        for (b, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
            let (hi, lo) = (char::from(pair[0]).to_digit(16)?, char::from(pair[1]).to_digit(16)?);
            *b = (hi * 16 + lo) as u8;
        }
        return Some(key);
    }
    if text.len() == KEY_LEN {
        key.copy_from_slice(text);
        return Some(key);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_hex_or_raw() {
        let hex = "00112233445566778899aabbccddeeffFFEEDDCCBBAA99887766554433221100";
        let key = parse(format!(" {hex}\n").as_bytes()).unwrap();
        assert_eq!((key[1], key[16], key[31]), (0x11, 0xff, 0));
        assert!(parse(&hex.as_bytes()[..63]).is_none());
        assert!(parse(&hex.replace('a', "g").into_bytes()).is_none());
        assert_eq!(parse(&[7; 32]).unwrap()[..], [7; 32]);
        assert!(parse(&[7; 31]).is_none());
        assert!("file:".parse::<KeySource>().is_err() && "x:y".parse::<KeySource>().is_err());
        let shown = format!("{:?} {}", KeySource::Given(key.clone()), "env:A".parse::<KeySource>().unwrap());
        assert_eq!(shown, "the program environment variable \"A\"");
    }

    #[test]
    fn sources_say_what_is_wrong() {
        let get = |s: &str| futures::executor::block_on(s.parse::<KeySource>().unwrap().fetch());
        assert_eq!(get("command:printf '%064d' 5").unwrap()[31], 5);
        for (bad, why) in [
            ("command:exit 3", "exit status: 3"),
            ("command:echo short", "not a key"),
            ("env:RUSTYDB_NO_SUCH_VARIABLE", "not set"),
            ("file:/nonexistent/key", "No such file"),
        ] {
            let e = get(bad).unwrap_err();
            assert!(e.message.contains(why), "{bad}: {}", e.message);
        }
    }
}
