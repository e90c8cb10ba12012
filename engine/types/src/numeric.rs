//! Exact decimal numbers of any size.

/// Placeholder representation; see the module's owner.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Numeric;
