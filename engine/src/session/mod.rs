//! Sessions.

/// Live sessions by process id.
#[derive(Default)]
pub struct Registry {}
