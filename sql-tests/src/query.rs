//! Results as lines of text, for comparison between two servers.

use crate::error::{Context, Result};
use tokio_postgres::{Client, SimpleQueryMessage};

/// Runs a statement by the simple protocol; each row becomes a line, its values separated by `|`, NULL written `\N`.
pub async fn lines(client: &Client, sql: &str) -> Result<Vec<String>> {
    let messages = client.simple_query(sql).await.context(|| shortened(sql))?;
    Ok(messages
        .iter()
        .filter_map(|m| match m {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|n| row.get(n).unwrap_or("\\N")).collect::<Vec<_>>().join("|"))
            }
            _ => None,
        })
        .collect())
}

/// The only value of the only row, as text.
pub async fn value(client: &Client, sql: &str) -> Result<String> {
    let found = lines(client, sql).await?;
    match found.as_slice() {
        [only] => Ok(only.clone()),
        rows => Err(crate::Error::new(format!("{} rows instead of one: {}", rows.len(), shortened(sql)))),
    }
}

/// Runs statements whose results do not matter.
pub async fn execute(client: &Client, sql: &str) -> Result<()> {
    client.batch_execute(sql).await.context(|| shortened(sql))
}

/// Where two results first differ; `None` when they are the same.
pub fn difference(left: &[String], right: &[String]) -> Option<String> {
    if left == right {
        return None;
    }
    let at = left.iter().zip(right).position(|(l, r)| l != r).unwrap_or(left.len().min(right.len()));
    let show = |side: &[String]| side.get(at).map_or_else(|| "(no more rows)".into(), |l| shortened(l));
    Some(format!(
        "{} and {} rows, first difference in row {}: {} <> {}",
        left.len(),
        right.len(),
        at + 1,
        show(left),
        show(right)
    ))
}

/// One line of at most 300 characters.
pub fn shortened(text: &str) -> String {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match flat.char_indices().nth(300) {
        Some((at, _)) => format!("{} ...", &flat[..at]),
        None => flat,
    }
}
