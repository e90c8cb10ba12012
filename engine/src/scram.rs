//! Stored passwords: `SCRAM-SHA-256` verifiers as RFC 5803 and PostgreSQL's `pg_authid.rolpassword` write them. The
//! engine builds them for `CREATE/ALTER ROLE … PASSWORD`; the server runs the exchange of RFC 5802 against them. The
//! plain password is never kept.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac, pbkdf2};
use rustydb_base::{DbError, Result};
use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU32;

/// Iterations of PBKDF2 for new verifiers (PostgreSQL's `scram_iterations` default).
pub const DEFAULT_ITERATIONS: u32 = 4096;
/// Bytes of salt in new verifiers.
pub const SALT_LEN: usize = 16;
/// Bytes of a SHA-256 key.
pub const KEY_LEN: usize = 32;

/// A parsed verifier.
#[derive(Clone, PartialEq, Eq)]
pub struct Verifier {
    /// PBKDF2 iterations.
    pub iterations: u32,
    /// Salt.
    pub salt: Vec<u8>,
    /// SHA-256 of the client key.
    pub stored_key: [u8; KEY_LEN],
    /// Key of the server's own proof.
    pub server_key: [u8; KEY_LEN],
}

impl Verifier {
    /// Derives the verifier of `password`. Costs `iterations` HMACs, about a millisecond for the default.
    pub fn derive(password: &str, salt: &[u8], iterations: NonZeroU32) -> Verifier {
        let prepared = prepare(password);
        let mut salted = [0u8; KEY_LEN];
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, prepared.as_bytes(), &mut salted);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &salted);
        let client_key = hmac::sign(&key, b"Client Key");
        Verifier {
            iterations: iterations.get(),
            salt: salt.to_vec(),
            stored_key: key_bytes(digest::digest(&digest::SHA256, client_key.as_ref()).as_ref()),
            server_key: key_bytes(hmac::sign(&key, b"Server Key").as_ref()),
        }
    }

    /// Reads `SCRAM-SHA-256$iterations:salt$stored:server`; `None` when `text` is not of that form.
    pub fn parse(text: &str) -> Option<Verifier> {
        let rest = text.strip_prefix("SCRAM-SHA-256$")?;
        let (head, keys) = rest.split_once('$')?;
        let (iterations, salt) = head.split_once(':')?;
        let (stored, server) = keys.split_once(':')?;
        let iterations: u32 = iterations.parse().ok().filter(|n| *n > 0)?;
        let salt = STANDARD.decode(salt).ok().filter(|s| !s.is_empty())?;
        let stored_key = STANDARD.decode(stored).ok()?.try_into().ok()?;
        let server_key = STANDARD.decode(server).ok()?.try_into().ok()?;
        Some(Verifier { iterations, salt, stored_key, server_key })
    }

    /// Whether `password` is the one this was derived from.
    pub fn matches(&self, password: &str) -> bool {
        let Some(iterations) = NonZeroU32::new(self.iterations) else { return false };
        let other = Verifier::derive(password, &self.salt, iterations);
        constant_time_eq(&other.stored_key, &self.stored_key)
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let b64 = |b: &[u8]| STANDARD.encode(b);
        write!(
            f,
            "SCRAM-SHA-256${}:{}${}:{}",
            self.iterations,
            b64(&self.salt),
            b64(&self.stored_key),
            b64(&self.server_key)
        )
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier({} iterations, keys hidden)", self.iterations)
    }
}

/// The verifier text to store for a password given as text. A text that already is a SCRAM verifier is stored as it
/// is, as PostgreSQL does (dump and restore of roles). Fails only if the system's random source does (XX000).
pub fn scram_verifier(password: &str) -> Result<String> {
    if Verifier::parse(password).is_some() {
        return Ok(password.to_owned());
    }
    let mut salt = [0u8; SALT_LEN];
    SystemRandom::new().fill(&mut salt).map_err(|_| DbError::internal("could not generate random salt"))?;
    let iterations = NonZeroU32::new(DEFAULT_ITERATIONS).unwrap_or(NonZeroU32::MIN);
    Ok(Verifier::derive(password, &salt, iterations).to_string())
}

/// Whether two secrets are equal, in a time that depends on their lengths only.
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    let differing = a.iter().zip(b).fold(0u8, |acc, (x, y)| acc | (x ^ y));
    std::hint::black_box(differing) == 0 && a.len() == b.len()
}

/// SASLprep (RFC 4013). Both sides must normalise alike; a password it refuses is used as it is, as PostgreSQL does.
fn prepare(password: &str) -> Cow<'_, str> {
    if password.is_ascii() {
        return Cow::Borrowed(password);
    }
    stringprep::saslprep(password).unwrap_or(Cow::Borrowed(password))
}

fn key_bytes(b: &[u8]) -> [u8; KEY_LEN] {
    let mut out = [0u8; KEY_LEN];
    for (o, i) in out.iter_mut().zip(b) {
        *o = *i;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_postgresql() {
        // What a running PostgreSQL 15 stored for the password `pencil`.
        let stored = "SCRAM-SHA-256$4096:S2Iv4MeQDSAhP7+QExP1FQ==$xREZ4I2bzxo4+BpYZYIX2giUgQPUYNWKKYLojZz4HzE=:8wfThd8KQuENR4OoY/hiPCOQLdiAqOL/KoLaWMbzUNQ=";
        assert!(Verifier::parse(stored).unwrap().matches("pencil"));
        let rfc = Verifier::derive(
            "pencil",
            &STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap(),
            NonZeroU32::new(4096).unwrap(),
        );
        // RFC 7677's example gives the salt and proofs; its server signature follows from the server key.
        let message = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                       s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        let sig = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &rfc.server_key), message.as_bytes());
        assert_eq!(STANDARD.encode(sig.as_ref()), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    }

    #[test]
    fn round_trip_and_match() {
        let text = scram_verifier("sécret ﬁ").unwrap();
        let v = Verifier::parse(&text).unwrap();
        assert_eq!(v.to_string(), text);
        assert!(v.matches("sécret ﬁ") && v.matches("sécret fi"), "normalised alike");
        assert!(!v.matches("secret fi"));
        assert_eq!(scram_verifier(&text).unwrap(), text);
    }

    #[test]
    fn refuses_other_texts() {
        for t in ["", "md5abc", "SCRAM-SHA-256$", "SCRAM-SHA-256$0:AAAA$AAAA:AAAA", "SCRAM-SHA-256$4096:AAAA$AAAA:AAAA"]
        {
            assert!(Verifier::parse(t).is_none(), "{t}");
        }
    }

    #[test]
    fn comparison() {
        assert!(constant_time_eq(b"abc", b"abc"));
        assert!(!constant_time_eq(b"abc", b"abd"));
        assert!(!constant_time_eq(b"abc", b"ab"));
        assert!(!constant_time_eq(b"", b"a"));
    }
}
