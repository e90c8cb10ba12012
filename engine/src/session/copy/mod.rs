//! COPY.
use super::Session;
use crate::api::Output;
use rustydb_base::{DbError, Result};
use rustydb_parser::ast;
use std::sync::Arc;
impl Session {
    /// Runs COPY.
    pub(super) async fn copy(&mut self, _c: &ast::Copy, _text: &Arc<str>, _out: &mut dyn Output) -> Result<String> {
        Err(DbError::unsupported("COPY is not supported yet"))
    }
}
