//! Waiting for what a server does by itself, after some time: tests ask until it has happened, with a bound.

use crate::error::{Error, Result};
use std::time::{Duration, Instant};

const EVERY: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(60);

/// Asks until the answer is yes; fails if that takes longer than a minute.
pub async fn until(what: &str, mut asked: impl AsyncFnMut() -> Result<bool>) -> Result<()> {
    let began = Instant::now();
    while !asked().await? {
        if began.elapsed() > PATIENCE {
            return Err(Error::new(format!("waited in vain: {what}")));
        }
        tokio::time::sleep(EVERY).await;
    }
    Ok(())
}
