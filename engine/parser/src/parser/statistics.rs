//! CREATE and ALTER STATISTICS.

use super::Parser;
use crate::ast::{AlterStatistics, CreateStatistics, Expr, IndexKey, Name, Statement};
use crate::keywords::kw;
use rustydb_base::Result;

impl Parser<'_> {
    /// After CREATE STATISTICS.
    pub(super) fn create_statistics(&mut self) -> Result<Statement> {
        let if_not_exists = self.opt_if_not_exists();
        let name = self.qualified_name()?;
        let mut kinds = vec![];
        if self.eat_ch(b'(') {
            loop {
                kinds.push(self.col_id()?);
                if !self.eat_ch(b',') {
                    break;
                }
            }
            self.expect_ch(b')')?;
        }
        self.expect(kw::ON)?;
        let mut on = vec![];
        loop {
            on.push(self.statistics_element()?);
            if !self.eat_ch(b',') {
                break;
            }
        }
        self.expect(kw::FROM)?;
        let from = self.comma_list(Self::table_ref)?;
        Ok(Statement::CreateStatistics(Box::new(CreateStatistics { if_not_exists, name, kinds, on, from })))
    }

    /// A column, call or parenthesised expression.
    fn statistics_element(&mut self) -> Result<IndexKey> {
        if self.eat_ch(b'(') {
            let e: Expr = self.expr()?;
            self.expect_ch(b')')?;
            return Ok(IndexKey::Expr(e));
        }
        if self.is_col_id_here() && !self.peek_ch(1, b'(') && !self.peek_ch(1, b'.') {
            return Ok(IndexKey::Column(self.col_id()?));
        }
        Ok(IndexKey::Expr(self.function_call()?))
    }

    /// After ALTER STATISTICS [IF EXISTS] name, at SET STATISTICS.
    pub(super) fn alter_statistics(&mut self, name: Name, if_exists: bool) -> Result<Statement> {
        self.expect(kw::SET)?;
        self.expect(kw::STATISTICS)?;
        let target = self.signed_int()?;
        Ok(Statement::AlterStatistics(Box::new(AlterStatistics { name, if_exists, target })))
    }
}
