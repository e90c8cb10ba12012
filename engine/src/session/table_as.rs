//! CREATE TABLE AS and SELECT INTO.

use super::Session;
use rustydb_base::{DbError, Result};
use rustydb_parser::ast;
use std::sync::Arc;

impl Session {
    /// Runs CREATE TABLE AS.
    pub(super) async fn create_table_as(&mut self, _c: &ast::CreateTableAs, _text: &Arc<str>) -> Result<String> {
        Err(DbError::unsupported("CREATE TABLE AS is not supported yet"))
    }
}
