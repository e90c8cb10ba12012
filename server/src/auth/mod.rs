//! Who may come in: trust where the operating system already decides who reaches the socket, SCRAM-SHA-256 elsewhere.

pub mod scram;

use crate::wire::decode::Body;
use crate::wire::encode::put;
use crate::wire::frame::{BadHeader, Phase};
use crate::wire::link::ReadEnd;
use crate::wire::output::Wire;
use bytes::Bytes;
use pgwire::messages::startup::Authentication;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_engine::api::{Backend, RoleAuth};
use rustydb_engine::scram::{DEFAULT_ITERATIONS, Verifier};
use scram::{Exchange, MECHANISM, MockSecret};
use std::num::NonZeroU32;

/// Iterations of the key that stands for a role without a password.
const ITERATIONS: NonZeroU32 = match NonZeroU32::new(DEFAULT_ITERATIONS) {
    Some(n) => n,
    None => NonZeroU32::MIN,
};

/// How connections of one listener prove who they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// They need not.
    Trust,
    /// By password, which never crosses the wire.
    Scram,
    /// By password, as it is.
    Password,
}

impl Method {
    /// The word of `pg_hba.conf`.
    pub fn word(self) -> &'static str {
        match self {
            Method::Trust => "trust",
            Method::Scram => "scram-sha-256",
            Method::Password => "password",
        }
    }
}

impl std::str::FromStr for Method {
    type Err = String;
    fn from_str(s: &str) -> std::result::Result<Method, String> {
        match s {
            "trust" => Ok(Method::Trust),
            "scram-sha-256" => Ok(Method::Scram),
            other => Err(format!("authentication method \"{other}\" is not supported (use trust or scram-sha-256)")),
        }
    }
}

/// Runs the exchange up to and including AuthenticationOk (not flushed). Errors are Fatal, or 08006 when the client
/// is gone.
pub async fn authenticate(
    wire: &mut Wire,
    backend: &dyn Backend,
    method: Method,
    user: &str,
    mock: &MockSecret,
) -> Result<RoleAuth> {
    let role = backend.role(user).await?;
    let stored = role.as_ref().and_then(|r| r.verifier.as_deref());
    if method != Method::Trust {
        let proven = match method {
            Method::Password => plain(wire, stored).await?,
            _ => exchange(wire, Exchange::new(user, stored, mock)).await?,
        };
        if !proven {
            return Err(DbError::fatal(
                SqlState::INVALID_PASSWORD,
                format!("password authentication failed for user \"{user}\""),
            ));
        }
    }
    put(&mut wire.buf, &Authentication::Ok);
    let refuse = |m: String| DbError::fatal(SqlState::INVALID_AUTHORIZATION_SPECIFICATION, m);
    let role = role.ok_or_else(|| refuse(format!("role \"{user}\" does not exist")))?;
    if !role.can_login {
        return Err(refuse(format!("role \"{user}\" is not permitted to log in")));
    }
    Ok(role)
}

/// Asks for the password itself; whether it was right. A role without one costs as much as a wrong one.
async fn plain(wire: &mut Wire, stored: Option<&str>) -> Result<bool> {
    put(&mut wire.buf, &Authentication::CleartextPassword);
    wire.send().await?;
    let body = password_message(wire).await?;
    let given = Body::new(&body).cstring()?;
    let given = std::str::from_utf8(given).unwrap_or_default().to_owned();
    if given.is_empty() {
        return Err(DbError::fatal(SqlState::INVALID_PASSWORD, "empty password returned by client"));
    }
    let verifier = stored.and_then(Verifier::parse);
    let unknown = verifier.is_none();
    let verifier = verifier.unwrap_or_else(|| Verifier::derive("", b"nobody's salt", ITERATIONS));
    // Deriving a key takes milliseconds, which other sessions of this thread shall not wait for.
    let right = tokio::task::spawn_blocking(move || verifier.matches(&given)).await;
    Ok(!unknown && right.unwrap_or(false))
}

/// SASL's messages around the exchange; whether the proof was right.
async fn exchange(wire: &mut Wire, exchange: Exchange) -> Result<bool> {
    put(&mut wire.buf, &Authentication::SASL(vec![MECHANISM.to_owned()]));
    wire.send().await?;
    let first = initial_response(&password_message(wire).await?)?;
    let first = match first {
        Some(first) => first,
        None => {
            // RFC 4422: without an initial response the server begins with an empty challenge.
            put(&mut wire.buf, &Authentication::SASLContinue(Bytes::new()));
            wire.send().await?;
            password_message(wire).await?
        }
    };
    let (challenged, answer) = exchange.challenge(&first)?;
    put(&mut wire.buf, &Authentication::SASLContinue(answer.into()));
    wire.send().await?;
    let last = password_message(wire).await?;
    let Some(answer) = challenged.verify(&last)? else { return Ok(false) };
    put(&mut wire.buf, &Authentication::SASLFinal(answer.into()));
    Ok(true)
}

/// SASLInitialResponse: its data, `None` when the client sent none.
fn initial_response(body: &Bytes) -> Result<Option<Bytes>> {
    let fatal = |m: &'static str| DbError::fatal(SqlState::PROTOCOL_VIOLATION, m);
    let mut b = Body::new(body);
    let mechanism = b.cstring()?;
    if mechanism != MECHANISM.as_bytes() {
        return Err(fatal("client selected an invalid SASL authentication mechanism"));
    }
    let len = b.i32()?;
    let rest = b.remaining();
    match usize::try_from(len) {
        Ok(len) if len == rest.len() => Ok(Some(body.slice_ref(rest))),
        Err(_) if len == -1 && rest.is_empty() => Ok(None),
        _ => Err(fatal("invalid message format")),
    }
}

/// The body of the next password message.
async fn password_message(wire: &mut Wire) -> Result<Bytes> {
    let fatal = |m: String| DbError::fatal(SqlState::PROTOCOL_VIOLATION, m);
    match wire.link.frame(Phase::Auth).await {
        Ok(frame) => Ok(frame.body),
        Err(ReadEnd::Bad(BadHeader::Type(tag))) => {
            Err(fatal(format!("expected SASL response, got message type {tag}")))
        }
        Err(ReadEnd::Bad(BadHeader::Length) | ReadEnd::Gone | ReadEnd::Memory) => {
            wire.signal().client_gone();
            Err(crate::wire::link::client_gone())
        }
    }
}
