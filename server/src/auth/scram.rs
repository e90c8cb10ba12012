//! The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677) as a pure state machine: message in, message out. Channel
//! binding (SCRAM-SHA-256-PLUS) is not offered, so a client that insists on it is refused.
//!
//! An unknown role, or one without a password, goes through the same steps against a made-up verifier whose salt is
//! the same every time for the same name, and fails at the end with the same words.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_engine::scram::{DEFAULT_ITERATIONS, KEY_LEN, SALT_LEN, Verifier, constant_time_eq};

/// The mechanism's name.
pub const MECHANISM: &str = "SCRAM-SHA-256";
/// Bytes of randomness in our part of the nonce.
const NONCE_LEN: usize = 18;

/// What made-up salts are derived from. It must survive restarts, or a salt that changes would give an unknown role
/// away.
#[derive(Clone)]
pub struct MockSecret(hmac::Key);

impl MockSecret {
    /// From 32 secret bytes.
    pub fn new(secret: &[u8; 32]) -> MockSecret {
        MockSecret(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    fn verifier(&self, user: &str) -> Verifier {
        let mut salt = hmac::sign(&self.0, user.as_bytes()).as_ref().to_vec();
        salt.truncate(SALT_LEN);
        Verifier { iterations: DEFAULT_ITERATIONS, salt, stored_key: [0; KEY_LEN], server_key: [0; KEY_LEN] }
    }
}

/// An exchange waiting for the client's first message.
pub struct Exchange {
    verifier: Verifier,
    /// The verifier is made up: nothing can match it.
    doomed: bool,
}

/// An exchange waiting for the client's proof.
pub struct Challenged {
    exchange: Exchange,
    nonce: String,
    /// `client-first-bare,server-first`.
    transcript: String,
    /// What `c=` must carry.
    binding: String,
}

impl Exchange {
    /// Against the role's stored verifier, or a made-up one.
    pub fn new(user: &str, stored: Option<&str>, mock: &MockSecret) -> Exchange {
        match stored.and_then(Verifier::parse) {
            Some(verifier) => Exchange { verifier, doomed: false },
            None => Exchange { verifier: mock.verifier(user), doomed: true },
        }
    }

    /// client-first-message to server-first-message.
    pub fn challenge(self, client_first: &[u8]) -> Result<(Challenged, String)> {
        let mut random = [0u8; NONCE_LEN];
        SystemRandom::new().fill(&mut random).map_err(|_| DbError::internal("could not generate random nonce"))?;
        self.challenge_with(client_first, &STANDARD.encode(random))
    }

    fn challenge_with(self, client_first: &[u8], server_nonce: &str) -> Result<(Challenged, String)> {
        let text = ascii(client_first)?;
        let (flag, rest) = text.split_once(',').ok_or_else(|| malformed("Comma expected."))?;
        match flag {
            "n" | "y" => {}
            _ if flag.starts_with("p=") => {
                return Err(malformed(
                    "The client selected SCRAM-SHA-256 without channel binding, but the SCRAM message includes channel \
                     binding data.",
                ));
            }
            _ => return Err(malformed("Unexpected channel-binding flag.")),
        }
        let (authzid, bare) = rest.split_once(',').ok_or_else(|| malformed("Comma expected."))?;
        if !authzid.is_empty() {
            return Err(DbError::fatal(
                SqlState::FEATURE_NOT_SUPPORTED,
                "client uses authorization identity, but it is not supported",
            ));
        }
        if bare.starts_with("m=") {
            return Err(DbError::fatal(
                SqlState::FEATURE_NOT_SUPPORTED,
                "client requires an unsupported SCRAM extension",
            ));
        }
        let mut attributes = bare.split(',');
        // The user name was in the startup packet; the one here is empty or ignored.
        attribute(attributes.next(), 'n')?;
        let client_nonce = attribute(attributes.next(), 'r')?;
        if client_nonce.is_empty() || !client_nonce.bytes().all(|b| (0x21..=0x7e).contains(&b)) {
            return Err(malformed("Non-printable characters in SCRAM nonce."));
        }
        let nonce = format!("{client_nonce}{server_nonce}");
        let answer = format!("r={nonce},s={},i={}", STANDARD.encode(&self.verifier.salt), self.verifier.iterations);
        let challenged = Challenged {
            transcript: format!("{bare},{answer}"),
            binding: STANDARD.encode(format!("{flag},,")),
            nonce,
            exchange: self,
        };
        Ok((challenged, answer))
    }
}

impl Challenged {
    /// client-final-message to server-final-message, or `None` when the proof is wrong.
    pub fn verify(self, client_final: &[u8]) -> Result<Option<String>> {
        let text = ascii(client_final)?;
        let (without_proof, proof) = text.rsplit_once(",p=").ok_or_else(|| malformed("Proof expected."))?;
        let mut attributes = without_proof.split(',');
        if attribute(attributes.next(), 'c')? != self.binding {
            return Err(DbError::fatal(
                SqlState::PROTOCOL_VIOLATION,
                "unexpected SCRAM channel-binding attribute in client-final-message",
            ));
        }
        if attribute(attributes.next(), 'r')? != self.nonce {
            return Err(
                DbError::fatal(SqlState::PROTOCOL_VIOLATION, "invalid SCRAM response").detail("Nonce does not match.")
            );
        }
        let proof = STANDARD
            .decode(proof)
            .ok()
            .filter(|p| p.len() == KEY_LEN)
            .ok_or_else(|| malformed("Malformed proof in client-final-message."))?;
        let message = format!("{},{without_proof}", self.transcript);
        let verifier = &self.exchange.verifier;
        let sign = |key: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message.as_bytes());
        let client_signature = sign(&verifier.stored_key);
        let client_key: Vec<u8> = proof.iter().zip(client_signature.as_ref()).map(|(p, s)| p ^ s).collect();
        let stored = digest::digest(&digest::SHA256, &client_key);
        let server_signature = sign(&verifier.server_key);
        let right = constant_time_eq(stored.as_ref(), &verifier.stored_key) && !self.exchange.doomed;
        Ok(right.then(|| format!("v={}", STANDARD.encode(server_signature.as_ref()))))
    }
}

fn ascii(message: &[u8]) -> Result<&str> {
    match std::str::from_utf8(message) {
        Ok("") => Err(malformed("The message is empty.")),
        Ok(s) if !s.contains('\0') => Ok(s),
        _ => Err(malformed("Message length does not match input length.")),
    }
}

fn attribute(part: Option<&str>, name: char) -> Result<&str> {
    part.and_then(|p| p.strip_prefix(name))
        .and_then(|p| p.strip_prefix('='))
        .ok_or_else(|| malformed(format!("Expected attribute \"{name}\".")))
}

fn malformed(detail: impl Into<String>) -> DbError {
    DbError::fatal(SqlState::PROTOCOL_VIOLATION, "malformed SCRAM message").detail(detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    const CLIENT_NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
    const SERVER_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";

    fn mock() -> MockSecret {
        MockSecret::new(&[7; 32])
    }

    /// RFC 7677's example, from the stored verifier on.
    fn challenged() -> Challenged {
        let salt = STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let stored = Verifier::derive("pencil", &salt, NonZeroU32::new(4096).unwrap()).to_string();
        let e = Exchange::new("user", Some(&stored), &mock());
        let (c, answer) = e.challenge_with(format!("n,,n=user,r={CLIENT_NONCE}").as_bytes(), SERVER_NONCE).unwrap();
        assert_eq!(answer, format!("r={CLIENT_NONCE}{SERVER_NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"));
        c
    }

    fn last(proof: &str) -> String {
        format!("c=biws,r={CLIENT_NONCE}{SERVER_NONCE},p={proof}")
    }

    #[test]
    fn the_standards_example() {
        let fin = last("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
        let answer = challenged().verify(fin.as_bytes()).unwrap();
        assert_eq!(answer.as_deref(), Some("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="));
    }

    #[test]
    fn wrong_proofs() {
        let wrong = last("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVA=");
        assert_eq!(challenged().verify(wrong.as_bytes()).unwrap(), None);
        for bad in ["", "c=biws", "c=biws,r=x,p=AAAA", "c=eSws,r=x,p=AAAA", "r=x,c=biws,p=", "c=biws,r=\0,p=AAAA"] {
            assert_eq!(challenged().verify(bad.as_bytes()).unwrap_err().code, SqlState::PROTOCOL_VIOLATION, "{bad}");
        }
        assert!(challenged().verify(last("AAAA").as_bytes()).is_err());
        assert!(challenged().verify(b"\xff\xfe").is_err());
    }

    #[test]
    fn first_messages() {
        let begin = |m: &str| Exchange::new("u", None, &mock()).challenge(m.as_bytes());
        assert!(begin("n,,n=,r=abc").is_ok());
        assert!(begin("y,,n=,r=abc").is_ok());
        for bad in ["", "n", "n,", "x,,n=,r=abc", "p=tls-unique,,n=,r=abc", "n,,r=abc", "n,,n=,r=", "n,,n=,r=\u{7f}"] {
            assert_eq!(begin(bad).err().unwrap().code, SqlState::PROTOCOL_VIOLATION, "{bad:?}");
        }
        assert_eq!(begin("n,a=x,n=,r=abc").err().unwrap().code, SqlState::FEATURE_NOT_SUPPORTED);
        assert_eq!(begin("n,,m=x,n=,r=abc").err().unwrap().code, SqlState::FEATURE_NOT_SUPPORTED);
    }

    #[test]
    fn unknown_roles_look_like_known_ones() {
        let salt = |user: &str| {
            let e = Exchange::new(user, None, &mock());
            let (_, answer) = e.challenge(b"n,,n=,r=abc").unwrap();
            answer.split(',').nth(1).unwrap().to_owned()
        };
        assert_eq!(salt("nobody"), salt("nobody"));
        assert_ne!(salt("nobody"), salt("anybody"));
        // Even the proof of the made-up verifier's own key is refused.
        let e = Exchange::new("nobody", Some("md5deadbeef"), &mock());
        let (c, _) = e.challenge_with(b"n,,n=,r=abc", "def").unwrap();
        assert_eq!(c.verify(format!("c=biws,r=abcdef,p={}", STANDARD.encode([0; 32])).as_bytes()).unwrap(), None);
    }
}
