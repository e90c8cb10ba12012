//! Roles and privileges.

use super::Parser;
use crate::ast::Statement;
use rustydb_base::Result;

impl Parser<'_> {
    /// After CREATE, at ROLE, USER or GROUP.
    pub(super) fn create_role(&mut self) -> Result<Statement> {
        self.other("CREATE ROLE")
    }
    /// At GRANT or REVOKE.
    pub(super) fn grant(&mut self, grant: bool) -> Result<Statement> {
        self.other(if grant { "GRANT" } else { "REVOKE" })
    }
}
