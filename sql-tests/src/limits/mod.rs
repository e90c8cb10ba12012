//! Bounds: what a server must survive, and within which memory.
//!
//! [`memory`] is about many idle sessions, clients that stop reading, and results larger than memory; [`input`] about
//! statements too long or too deep, broken COPYs and bytes that are no text; [`storage`] about databases larger than the page
//! pool and space that is reclaimed. Each check returns a line of figures or the
//! broken bound as an error, and each ends by asking the server for something simple.

pub mod input;
pub mod memory;
pub mod storage;

use crate::error::{Context, Result};
use crate::query;
use crate::server::Target;

/// How large each test is.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// Idle sessions.
    pub connections: usize,
    /// Bytes one of them may cost (RustyDB only: PostgreSQL has a process for each).
    pub connection_bytes: u64,
    /// Rows of the large result.
    pub rows: u64,
    /// Bytes by which a server's memory may grow while it sends a large result, besides its page pool.
    pub streaming_bytes: u64,
    /// Bytes of the long literal.
    pub literal: usize,
    /// Nested brackets.
    pub depth: usize,
    /// Bytes of rows in a table larger than the pool.
    pub table_bytes: u64,
    /// Bytes by which the server's memory may grow meanwhile (RustyDB only), the page pool among them.
    pub pool_growth_bytes: u64,
    /// Updates of the same rows.
    pub updates: u64,
    /// Bytes by which the data may grow during most of them, besides a half.
    pub churn_bytes: u64,
}

impl Sizes {
    /// As large as they are promised.
    pub fn full() -> Self {
        Self {
            connections: 2000,
            connection_bytes: 30 * 1024,
            rows: 10_000_000,
            streaming_bytes: 128 << 20,
            literal: 100 << 20,
            depth: 10_000,
            table_bytes: 500 << 20,
            pool_growth_bytes: 300 << 20,
            updates: 1_000_000,
            churn_bytes: 32 << 20,
        }
    }

    /// Small enough for every run of the tests.
    pub fn short() -> Self {
        Self { rows: 500_000, table_bytes: 64 << 20, updates: 100_000, ..Self::full() }
    }
}

/// The server still answers a new session.
async fn alive(target: &Target) -> Result<()> {
    let client = target.connect().await.context(|| "the server no longer accepts sessions".into())?;
    let one = query::value(&client, "SELECT 1").await?;
    (one == "1").then_some(()).context(|| format!("SELECT 1 gave {one}"))
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}
