//! CREATE RULE: read whole, so that mistakes in it are told as such, and then refused.

use super::Parser;
use crate::ast::{Other, Statement};
use crate::keywords::kw;
use crate::lexer::T;
use rustydb_base::Result;

impl Parser<'_> {
    /// After CREATE [OR REPLACE] RULE; `pos` is where CREATE stands.
    pub(super) fn create_rule(&mut self, pos: u32) -> Result<Statement> {
        self.col_id()?;
        self.expect(kw::AS)?;
        self.expect(kw::ON)?;
        if !self.at_any(&[kw::SELECT, kw::INSERT, kw::UPDATE, kw::DELETE]) {
            return self.unexpected();
        }
        self.bump();
        self.expect(kw::TO)?;
        self.qualified_name()?;
        if self.eat(kw::WHERE) {
            self.expr()?;
        }
        self.expect(kw::DO)?;
        let _kind = self.eat(kw::INSTEAD) || self.eat(kw::ALSO);
        if self.eat(kw::NOTHING) {
            return Ok(Statement::Other(Other { tag: "CREATE RULE", pos }));
        }
        if self.eat_ch(b'(') {
            loop {
                while self.eat_ch(b';') {}
                if self.eat_ch(b')') {
                    break;
                }
                self.rule_action()?;
                if !self.at_ch(b';') {
                    self.expect_ch(b')')?;
                    break;
                }
            }
        } else {
            self.rule_action()?;
        }
        Ok(Statement::Other(Other { tag: "CREATE RULE", pos }))
    }

    /// A query, INSERT, UPDATE, DELETE or NOTIFY.
    fn rule_action(&mut self) -> Result<()> {
        if self.at(kw::NOTIFY) {
            self.notify()?;
            return Ok(());
        }
        if self.at(kw::MERGE) || self.kind() == T::Eof {
            return self.unexpected();
        }
        self.preparable()?;
        Ok(())
    }
}
