//! ALTER of everything.

use super::Parser;
use crate::ast::Statement;
use rustydb_base::Result;

impl Parser<'_> {
    /// At ALTER.
    pub(super) fn alter(&mut self) -> Result<Statement> {
        self.other("ALTER")
    }
}
