//! Window functions.

use super::lower::{Lower, Plan};
use crate::plan::ir::{Col, WindowCall};
use rustydb_base::{DbError, Result};

impl Lower<'_> {
    /// Window functions over a plan.
    pub fn window(&mut self, _p: Plan, _calls: &[(Col, WindowCall)]) -> Result<Plan> {
        Err(DbError::unsupported("window functions are not supported yet"))
    }
}
