//! ANALYZE and VACUUM.
use super::Session;
use rustydb_base::{DbError, Result};
use rustydb_parser::ast;
use std::sync::Arc;
impl Session {
    /// Runs VACUUM or ANALYZE.
    pub(super) async fn vacuum(&mut self, _c: &ast::Vacuum, _text: &Arc<str>) -> Result<String> {
        Err(DbError::unsupported("VACUUM is not supported yet"))
    }
}
