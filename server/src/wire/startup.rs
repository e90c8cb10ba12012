//! From the first byte to the first ReadyForQuery: encryption, CancelRequest, the startup packet, authentication, the
//! session, what the client is told about it.
//!
//! Before authentication nothing but the packets named here is read, each within PostgreSQL's own limits (10,000 bytes
//! of startup packet, 64 KiB of password message), and all of it within authentication_timeout.

use super::decode::Body;
use super::encode::put;
use super::frame::MAX_STARTUP;
use super::link::{Link, ReadEnd, Signal};
use super::output::Wire;
use super::{decode, error};
use crate::auth::{self, Method};
use crate::conn::Conn;
use crate::registry::{CancelKey, Registered};
use crate::server::{Server, SessionSlot};
use crate::tls;
use bytes::{Bytes, BytesMut};
use pgwire::messages::startup::{BackendKeyData, NegotiateProtocolVersion, SecretKey};
use rustydb_base::{DbError, Result, Severity, SqlState};
use rustydb_engine::api::{HostRule, Output, PeerInfo};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const CANCEL_REQUEST: u32 = 1234 << 16 | 5678;
const SSL_REQUEST: u32 = 1234 << 16 | 5679;
const GSS_REQUEST: u32 = 1234 << 16 | 5680;
/// First byte of a TLS handshake record.
const TLS_RECORD: u8 = 0x16;
const MAJOR: u16 = 3;
/// Newest minor version of the protocol we speak.
const MINOR: u16 = 2;
/// Longest name of a role or database, in bytes.
const MAX_NAME: usize = 63;
/// How long a refused client may take to accept the reason.
const GOODBYE: Duration = Duration::from_secs(5);

/// A session ready for its loop, with what must live as long as it does.
pub struct Started {
    /// The connection.
    pub conn: Conn,
    /// Its place in the registry.
    pub registered: Registered,
    /// Its place among max_connections.
    pub slot: SessionSlot,
}

/// Runs a connection up to its first ReadyForQuery; `None` when it ended before (everything is said then).
/// `on_link` gets the stream as soon as nothing will be put around it any more.
pub async fn start(
    server: &Arc<Server>,
    io: Box<dyn super::link::Io>,
    mut peer: PeerInfo,
    method: Method,
    on_link: impl FnOnce(&Arc<Link>),
) -> Option<Started> {
    let deadline = Instant::now() + server.limits.authentication_timeout;
    let signal = Arc::new(Signal::default());
    let link = Link::new(io, signal, server.budget.clone());
    let (link, packet) = match tokio::time::timeout_at(deadline, negotiate(server, link, &mut peer)).await {
        Ok(Ok(found)) => found,
        // Nothing is said to a client that never got as far as a startup packet.
        Ok(Err(Refused)) | Err(_) => return None,
    };
    let link = Arc::new(link);
    on_link(&link);
    let mut wire = Wire::new(link);
    match open(server, &mut wire, packet, &peer, method, deadline).await {
        Ok(opened) => {
            let Opened { session, canceller, registered, slot } = opened;
            Some(Started { conn: Conn::new(session, wire, canceller), registered, slot })
        }
        Err(e) => {
            let fatal = if e.severity == Severity::Error { DbError { severity: Severity::Fatal, ..e } } else { e };
            if fatal.severity == Severity::Panic {
                server.raise_fault(fatal.clone());
            }
            tracing::info!(code = %fatal.code, "connection refused: {}", fatal.message);
            let _late = tokio::time::timeout(GOODBYE, async {
                wire.send_last(&fatal).await;
                wire.link.shutdown().await;
            })
            .await;
            None
        }
    }
}

/// The connection ended during negotiation and nothing is left to do.
struct Refused;

impl From<ReadEnd> for Refused {
    fn from(_: ReadEnd) -> Refused {
        Refused
    }
}

/// Encryption requests and CancelRequest, up to the startup packet itself.
async fn negotiate(server: &Server, mut link: Link, peer: &mut PeerInfo) -> Result<(Link, Bytes), Refused> {
    let (mut tls_asked, mut gss_asked) = (false, false);
    loop {
        let first = link.peek(1).await?;
        if first.first() == Some(&TLS_RECORD) && !tls_asked {
            let acceptor = server.tls.as_ref().ok_or(Refused)?;
            let named;
            (link, named) = encrypt(server, acceptor, link).await?;
            if !named {
                tracing::info!("received direct SSL connection request without ALPN protocol negotiation extension");
                return Err(Refused);
            }
            (tls_asked, peer.tls) = (true, true);
            continue;
        }
        let head = link.peek(4).await?;
        let len = head.iter().fold(0usize, |acc, b| acc << 8 | usize::from(*b));
        if !(8..=MAX_STARTUP).contains(&len) {
            tracing::info!("invalid length of startup packet");
            return Err(Refused);
        }
        let packet = link.exact(len).await?.freeze();
        let code = packet.get(4..8).map_or(0, |c| c.iter().fold(0u32, |acc, b| acc << 8 | u32::from(*b)));
        match code {
            SSL_REQUEST if !tls_asked => {
                tls_asked = true;
                let Some(acceptor) = server.tls.as_ref() else {
                    answer(&link, b"N").await?;
                    continue;
                };
                // Bytes sent before the handshake could have been put there by someone in between.
                if link.has_buffered() {
                    let e = DbError::fatal(SqlState::PROTOCOL_VIOLATION, "received unencrypted data after SSL request")
                        .detail("This could be either a client-software bug or evidence of an attempted man-in-the-middle attack.");
                    return refuse(&link, &e).await;
                }
                answer(&link, b"S").await?;
                (link, _) = encrypt(server, acceptor, link).await?;
                peer.tls = true;
            }
            GSS_REQUEST if !gss_asked => {
                gss_asked = true;
                answer(&link, b"N").await?;
            }
            CANCEL_REQUEST => {
                let mut b = Body::new(packet.get(8..).unwrap_or_default());
                if let Ok(pid) = b.i32() {
                    server.registry.cancel(pid, b.remaining());
                }
                return Err(Refused);
            }
            _ => return Ok((link, packet)),
        }
    }
}

async fn encrypt(server: &Server, acceptor: &tokio_rustls::TlsAcceptor, link: Link) -> Result<(Link, bool), Refused> {
    let signal = link.signal().clone();
    let (io, early) = link.into_stream();
    let (io, named) = Box::pin(tls::accept(acceptor, io, early)).await.map_err(|e| {
        tracing::info!("could not accept SSL connection: {e}");
        Refused
    })?;
    Ok((Link::new(io, signal, server.budget.clone()), named))
}

async fn answer(link: &Link, byte: &[u8; 1]) -> Result<(), Refused> {
    link.write_all(&mut BytesMut::from(&byte[..])).await.map_err(|_| Refused)
}

async fn refuse<T>(link: &Link, e: &DbError) -> Result<T, Refused> {
    let mut buf = BytesMut::new();
    error::error_response(&mut buf, e);
    link.write_all(&mut buf).await.map_err(|_| Refused)?;
    link.shutdown().await;
    Err(Refused)
}

struct Opened {
    session: Box<dyn rustydb_engine::api::SqlSession>,
    canceller: Arc<dyn rustydb_engine::api::Canceller>,
    registered: Registered,
    slot: SessionSlot,
}

/// From the startup packet to the session and everything the client is told before ReadyForQuery.
async fn open(
    server: &Arc<Server>,
    wire: &mut Wire,
    packet: Bytes,
    peer: &PeerInfo,
    method: Method,
    deadline: Instant,
) -> Result<Opened> {
    let hello = Hello::read(&packet)?;
    if hello.newest_minor != hello.asked_minor || !hello.unknown_options.is_empty() {
        let version = i32::from(MAJOR) << 16 | i32::from(hello.newest_minor);
        put(&mut wire.buf, &NegotiateProtocolVersion::new(version, hello.unknown_options.clone()));
    }
    let slot = server.admit()?;
    let method = host_rule(server, &hello, peer, method)?;
    let attempt = auth::authenticate(wire, &*server.backend, method, hello.user(), &server.mock);
    let role = tokio::time::timeout_at(deadline, attempt)
        .await
        .unwrap_or_else(|_| Err(DbError::fatal(SqlState::QUERY_CANCELED, "canceling authentication due to timeout")))?;
    if !role.superuser {
        server.check_reserved()?;
    }
    let session = server.backend.connect(&hello.params, peer).await?;
    wire.gate = Some(session.gate());
    wire.rows.info = session.info();
    for (name, value) in session.reported_settings() {
        wire.parameter_status(name, &value);
    }
    let key = CancelKey::generate(hello.newest_minor)?;
    let secret = match <[u8; 4]>::try_from(key.as_bytes()) {
        Ok(short) => SecretKey::I32(i32::from_be_bytes(short)),
        Err(_) => SecretKey::Bytes(Bytes::copy_from_slice(key.as_bytes())),
    };
    put(&mut wire.buf, &BackendKeyData::new(session.pid(), secret));
    let canceller = session.canceller();
    let signal = wire.signal().clone();
    canceller.on_terminate(Box::new({
        let signal = signal.clone();
        move || signal.terminate()
    }));
    session.on_notification(Box::new({
        let signal = signal.clone();
        move || signal.nudge()
    }));
    let registered = server.registry.register(session.pid(), key, canceller.clone(), signal.clone());
    // What happened before the hook and the registration were there did not reach the signal.
    if canceller.terminated() {
        signal.terminate();
    }
    if server.is_stopping() {
        signal.drain();
    }
    Ok(Opened { session, canceller, registered, slot })
}

/// How the host rules let a connection in. A listener that demands proof itself (because its flag says so, or because it is
/// not a loopback address's) gets SCRAM, whatever they say; so does a client at another address.
fn host_rule(server: &Server, hello: &Hello, peer: &PeerInfo, listener: Method) -> Result<Method> {
    let (user, database) = (hello.user(), hello.database());
    let refused = |how: &str| {
        let host = peer.address.map_or_else(|| "[local]".to_owned(), |a| a.ip().to_canonical().to_string());
        let encryption = if peer.tls { "SSL encryption" } else { "no encryption" };
        Err(DbError::fatal(
            SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
            format!("{how} host \"{host}\", user \"{user}\", database \"{database}\", {encryption}"),
        ))
    };
    let rule = match server.backend.host_rule(user, database, peer) {
        HostRule::Default => return Ok(listener),
        HostRule::Trust => Method::Trust,
        HostRule::Scram => Method::Scram,
        HostRule::Password => Method::Password,
        HostRule::Reject => return refused("pg_hba.conf rejects connection for"),
        HostRule::NoEntry => return refused("no pg_hba.conf entry for"),
    };
    let far = peer.address.is_some_and(|a| !a.ip().to_canonical().is_loopback());
    Ok(if far || listener == Method::Scram { Method::Scram } else { rule })
}

/// The startup packet, read.
#[derive(Debug)]
struct Hello {
    /// Minor version the client asked for.
    asked_minor: u16,
    /// Minor version in use.
    newest_minor: u16,
    /// `_pq_.` options nobody here knows.
    unknown_options: Vec<String>,
    /// `user` first, `database` second, then the rest in the client's order.
    params: Vec<(String, String)>,
}

impl Hello {
    fn user(&self) -> &str {
        self.params.first().map_or("", |(_, user)| user)
    }

    fn database(&self) -> &str {
        self.params.get(1).map_or("", |(_, database)| database)
    }

    fn read(packet: &[u8]) -> Result<Hello> {
        let fatal = |code, m: String| DbError::fatal(code, m);
        let mut b = Body::new(packet.get(4..).unwrap_or_default());
        let (major, asked_minor) = (b.i16()? as u16, b.i16()? as u16);
        if major != MAJOR {
            return Err(fatal(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!(
                    "unsupported frontend protocol {major}.{asked_minor}: server supports {MAJOR}.0 to {MAJOR}.{MINOR}"
                ),
            ));
        }
        let (mut user, mut database) = (String::new(), String::new());
        let (mut rest, mut unknown_options) = (Vec::new(), Vec::new());
        let layout = || {
            fatal(
                SqlState::PROTOCOL_VIOLATION,
                "invalid startup packet layout: expected terminator as last byte".to_owned(),
            )
        };
        loop {
            let name = decode::utf8(b.cstring().map_err(|_| layout())?)?;
            if name.is_empty() {
                break;
            }
            let value = decode::utf8(b.cstring().map_err(|_| layout())?)?;
            match name {
                "user" => user = truncated(value),
                "database" => database = truncated(value),
                "replication" => refuse_replication(value)?,
                _ if name.starts_with("_pq_.") => unknown_options.push(name.to_owned()),
                _ => rest.push((name.to_owned(), value.to_owned())),
            }
        }
        b.end().map_err(|_| layout())?;
        if user.is_empty() {
            return Err(fatal(
                SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
                "no PostgreSQL user name specified in startup packet".to_owned(),
            ));
        }
        if database.is_empty() {
            database.clone_from(&user);
        }
        let mut params = vec![("user".to_owned(), user), ("database".to_owned(), database)];
        params.append(&mut rest);
        Ok(Hello { asked_minor, newest_minor: asked_minor.min(MINOR), unknown_options, params })
    }
}

/// Replication connections speak another command language, which is not built; turning the parameter off is fine.
fn refuse_replication(value: &str) -> Result<()> {
    match value.to_ascii_lowercase().as_str() {
        "off" | "false" | "no" | "0" | "f" | "n" => Ok(()),
        "database" | "on" | "true" | "yes" | "1" | "t" | "y" => {
            Err(DbError::fatal(SqlState::FEATURE_NOT_SUPPORTED, "replication connections are not supported"))
        }
        _ => Err(DbError::fatal(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("invalid value for parameter \"replication\": \"{value}\""),
        )
        .hint("Valid values are: \"false\", 0, \"true\", 1, \"database\".")),
    }
}

fn truncated(name: &str) -> String {
    let end = name.floor_char_boundary(MAX_NAME);
    name.get(..end).unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(version: u32, body: &[u8]) -> Vec<u8> {
        let mut p = (body.len() as u32 + 8).to_be_bytes().to_vec();
        p.extend(version.to_be_bytes());
        p.extend(body);
        p
    }

    #[test]
    fn packets() {
        let h = Hello::read(&packet(196608, b"user\0ann\0application_name\0x\0\0")).unwrap();
        assert_eq!(h.user(), "ann");
        let pairs: Vec<(&str, &str)> = h.params.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(pairs, [("user", "ann"), ("database", "ann"), ("application_name", "x")]);
        assert_eq!((h.asked_minor, h.newest_minor), (0, 0));
        let h = Hello::read(&packet(3 << 16 | 9999, b"_pq_.x\x001\0user\0ann\0database\0d\0\0")).unwrap();
        assert_eq!((h.newest_minor, h.unknown_options.as_slice()), (2, &["_pq_.x".to_owned()][..]));
    }

    #[test]
    fn refusals() {
        let code = |version: u32, body: &[u8]| Hello::read(&packet(version, body)).unwrap_err();
        assert_eq!(code(2 << 16, b"\0").message, "unsupported frontend protocol 2.0: server supports 3.0 to 3.2");
        let layout = "invalid startup packet layout: expected terminator as last byte";
        assert_eq!(code(196608, b"").message, layout);
        assert_eq!(code(196608, b"user").message, layout);
        assert_eq!(code(196608, b"user\0ann").message, layout);
        assert_eq!(code(196608, b"user\0ann\0").message, layout);
        assert_eq!(code(196608, b"user\0ann\0\0x").message, layout);
        assert_eq!(code(196608, b"\0").code, SqlState::INVALID_AUTHORIZATION_SPECIFICATION);
        assert_eq!(code(196608, b"user\0a\xff\0\0").code, SqlState::CHARACTER_NOT_IN_REPERTOIRE);
        assert_eq!(code(196608, b"user\0a\0replication\0true\0\0").code, SqlState::FEATURE_NOT_SUPPORTED);
        assert_eq!(code(196608, b"user\0a\0replication\0maybe\0\0").code, SqlState::INVALID_PARAMETER_VALUE);
        assert!(Hello::read(&packet(196608, b"user\0a\0replication\0off\0\0")).is_ok());
    }

    #[test]
    fn long_names_are_cut_at_a_character() {
        let name = format!("{}é", "a".repeat(62));
        assert_eq!(truncated(&name), "a".repeat(62));
    }
}
