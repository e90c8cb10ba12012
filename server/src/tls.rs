//! TLS: the server's certificate, and putting it around a stream.

use crate::wire::link::Io;
use bytes::{Buf, BytesMut};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustydb_base::{DbError, Result, SqlState};
use std::fs::File;
use std::io::{self, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsAcceptor;

/// The protocol name clients ask for in ALPN.
pub const ALPN: &[u8] = b"postgresql";

/// Reads certificate chain and key (PEM).
pub fn load(cert_file: &Path, key_file: &Path) -> Result<TlsAcceptor> {
    let config_error = |m: String| DbError::fatal(SqlState::CONFIG_FILE_ERROR, m);
    let shown = cert_file.display();
    let open = |p: &Path, what: &str| {
        File::open(p).map_err(|e| config_error(format!("could not load {what} file \"{}\": {e}", p.display())))
    };
    let certs: Vec<CertificateDer<'static>> =
        rustls_pemfile::certs(&mut BufReader::new(open(cert_file, "server certificate")?))
            .collect::<io::Result<_>>()
            .map_err(|e| config_error(format!("could not load server certificate file \"{shown}\": {e}")))?;
    if certs.is_empty() {
        return Err(config_error(format!("could not load server certificate file \"{shown}\": no certificate found")));
    }
    let key_shown = key_file.display();
    let file = open(key_file, "private key")?;
    let meta =
        file.metadata().map_err(|e| config_error(format!("could not access private key file \"{key_shown}\": {e}")))?;
    let forbidden = if meta.uid() == 0 { 0o037 } else { 0o077 };
    if meta.mode() & forbidden != 0 {
        return Err(config_error(format!("private key file \"{key_shown}\" has group or world access"))
            .detail("File must have permissions u=rw (0600) or less if owned by the database user, or permissions u=rw,g=r (0640) or less if owned by root."));
    }
    let key: PrivateKeyDer<'static> = rustls_pemfile::private_key(&mut BufReader::new(file))
        .map_err(|e| config_error(format!("could not load private key file \"{key_shown}\": {e}")))?
        .ok_or_else(|| {
            config_error(format!("could not load private key file \"{key_shown}\": no private key found"))
        })?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|b| b.with_no_client_auth().with_single_cert(certs, key))
        .map_err(|e| config_error(format!("could not use certificate \"{shown}\" with key \"{key_shown}\": {e}")))?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// The handshake. `early` is what was read of the stream before. Answers the encrypted stream and whether the client
/// named our protocol in ALPN.
pub async fn accept(acceptor: &TlsAcceptor, io: Box<dyn Io>, early: BytesMut) -> io::Result<(Box<dyn Io>, bool)> {
    let stream = acceptor.accept(Replay { early, io }).await?;
    let named = stream.get_ref().1.alpn_protocol() == Some(ALPN);
    Ok((Box::new(stream), named))
}

impl Io for tokio_rustls::server::TlsStream<Replay> {}

/// A stream whose first bytes were read before.
struct Replay {
    early: BytesMut,
    io: Box<dyn Io>,
}

impl AsyncRead for Replay {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.early.is_empty() {
            return Pin::new(&mut self.io).poll_read(cx, buf);
        }
        let n = self.early.len().min(buf.remaining());
        buf.put_slice(self.early.get(..n).unwrap_or_default());
        self.early.advance(n);
        if self.early.is_empty() {
            self.early = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Replay {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
