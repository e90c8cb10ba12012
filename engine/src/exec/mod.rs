//! Execution: expressions over rows ([`eval`]), point programs, and the DataFusion path.

pub mod eval;
