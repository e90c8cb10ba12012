//! A client of the protocol by hand, for what no library would do: to stop reading, to break off, to send nonsense. It
//! knows only what the tests need: startup with trust, messages by their type and length.

use crate::error::{Context, Error, Result};
use crate::server::Target;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// Longest wait for a message.
const LIMIT: Duration = Duration::from_secs(300);

/// A session.
#[derive(Debug)]
pub struct Raw {
    stream: BufReader<TcpStream>,
}

/// A message of the server: its type and its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Such as `b'D'` of a data row.
    pub kind: u8,
    /// What follows the length.
    pub body: Vec<u8>,
}

impl Message {
    /// The fields of an ErrorResponse as `SQLSTATE: message`.
    pub fn error(&self) -> Option<String> {
        if self.kind != b'E' {
            return None;
        }
        let field = |code: u8| {
            let mut fields = self.body.split(|b| *b == 0);
            fields.find(|f| f.first() == Some(&code)).map(|f| String::from_utf8_lossy(&f[1..]).into_owned())
        };
        Some(format!("{}: {}", field(b'C').unwrap_or_default(), field(b'M').unwrap_or_default()))
    }
}

impl Raw {
    /// Connects and waits until the server is ready for a query.
    pub async fn connect(target: &Target) -> Result<Self> {
        let stream = TcpStream::connect((target.host.as_str(), target.port)).await.context(|| "connecting".into())?;
        stream.set_nodelay(true)?;
        let mut raw = Self { stream: BufReader::with_capacity(1024, stream) };
        let mut body = 196_608_u32.to_be_bytes().to_vec();
        for text in ["user", &target.user, "database", &target.dbname, ""] {
            body.extend_from_slice(text.as_bytes());
            body.push(0);
        }
        let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
        raw.stream.write_all(&length.to_be_bytes()).await?;
        raw.stream.write_all(&body).await?;
        raw.until_ready().await?;
        Ok(raw)
    }

    /// Sends a message.
    pub async fn send(&mut self, kind: u8, body: &[u8]) -> Result<()> {
        let length = u32::try_from(body.len() + 4).map_err(|_| Error::new("the message is too long"))?;
        let mut head = vec![kind];
        head.extend_from_slice(&length.to_be_bytes());
        self.stream.write_all(&head).await?;
        self.stream.write_all(body).await?;
        Ok(())
    }

    /// Sends a simple query, as bytes that may be no text at all.
    pub async fn query(&mut self, sql: &[u8]) -> Result<()> {
        let mut body = sql.to_vec();
        body.push(0);
        self.send(b'Q', &body).await
    }

    /// Sends Parse, Bind, Execute and Sync for a statement without parameters, with text results.
    pub async fn extended(&mut self, sql: &str) -> Result<()> {
        self.send(b'P', &[b"\0", sql.as_bytes(), b"\0\0\0"].concat()).await?;
        self.send(b'B', &[0; 8]).await?;
        self.send(b'E', &[0; 5]).await?;
        self.send(b'S', &[]).await
    }

    /// The next message.
    pub async fn receive(&mut self) -> Result<Message> {
        let read = async {
            let kind = self.stream.read_u8().await?;
            let length = self.stream.read_u32().await?;
            let mut body = vec![0; length.saturating_sub(4) as usize];
            self.stream.read_exact(&mut body).await?;
            Ok::<_, std::io::Error>(Message { kind, body })
        };
        match tokio::time::timeout(LIMIT, read).await {
            Ok(message) => message.context(|| "reading a message".into()),
            Err(_) => Err(Error::new(format!("no message within {LIMIT:?}"))),
        }
    }

    /// The next message; `None` when the server has closed the connection in between two.
    pub async fn receive_or_end(&mut self) -> Result<Option<Message>> {
        match tokio::time::timeout(LIMIT, self.stream.fill_buf()).await {
            Ok(Ok([])) => Ok(None),
            Ok(Ok(_)) => self.receive().await.map(Some),
            Ok(Err(e)) if e.kind() == std::io::ErrorKind::ConnectionReset => Ok(None),
            Ok(Err(e)) => Err(e.into()),
            Err(_) => Err(Error::new(format!("neither a message nor an end within {LIMIT:?}"))),
        }
    }

    /// Reads up to ReadyForQuery: the number of data rows and the first error.
    pub async fn until_ready(&mut self) -> Result<(u64, Option<String>)> {
        let (mut rows, mut error) = (0, None);
        loop {
            let message = self.receive().await?;
            match message.kind {
                b'D' => rows += 1,
                b'E' => error = error.or_else(|| message.error()),
                b'Z' => return Ok((rows, error)),
                _ => {}
            }
        }
    }

    /// Reads up to a message of this type.
    pub async fn until(&mut self, kind: u8) -> Result<Message> {
        loop {
            let message = self.receive().await?;
            if message.kind == kind {
                return Ok(message);
            }
            if let Some(error) = message.error() {
                return Err(Error::new(error));
            }
        }
    }
}
