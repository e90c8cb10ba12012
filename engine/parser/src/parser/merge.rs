//! MERGE.

use super::Parser;
use crate::ast::{Merge, MergeAction, MergeInsert, MergeWhen, Overriding, Statement, With};
use crate::keywords::kw;
use rustydb_base::Result;

impl Parser<'_> {
    /// After WITH, at MERGE.
    pub(super) fn merge(&mut self, with: Option<With>) -> Result<Statement> {
        let pos = self.bump().start;
        self.expect(kw::INTO)?;
        let table = self.dml_table()?;
        self.expect(kw::USING)?;
        let source = self.table_ref()?;
        self.expect(kw::ON)?;
        let on = self.expr()?;
        let mut whens = vec![self.merge_when()?];
        while self.at(kw::WHEN) {
            whens.push(self.merge_when()?);
        }
        Ok(Statement::Merge(Box::new(Merge { with, table, source, on, whens, pos })))
    }

    fn merge_when(&mut self) -> Result<MergeWhen> {
        self.expect(kw::WHEN)?;
        let matched = !self.eat(kw::NOT);
        self.expect(kw::MATCHED)?;
        let condition = if self.eat(kw::AND) { Some(self.expr()?) } else { None };
        self.expect(kw::THEN)?;
        let action = if self.eat(kw::DO) {
            self.expect(kw::NOTHING)?;
            MergeAction::Nothing
        } else if matched && self.eat(kw::DELETE) {
            MergeAction::Delete
        } else if matched && self.eat(kw::UPDATE) {
            self.expect(kw::SET)?;
            MergeAction::Update(self.comma_list(Self::assignment)?)
        } else if !matched && self.eat(kw::INSERT) {
            MergeAction::Insert(self.merge_insert()?)
        } else {
            return self.unexpected();
        };
        Ok(MergeWhen { matched, condition, action })
    }

    fn merge_insert(&mut self) -> Result<MergeInsert> {
        let columns = if self.at_ch(b'(') { self.paren_list(Self::assign_target)? } else { vec![] };
        let mut overriding = Overriding::No;
        if self.eat(kw::OVERRIDING) {
            overriding = if self.eat(kw::USER) {
                Overriding::User
            } else {
                self.expect(kw::SYSTEM)?;
                Overriding::System
            };
            self.expect(kw::VALUE)?;
        }
        if columns.is_empty() && overriding == Overriding::No && self.eat(kw::DEFAULT) {
            self.expect(kw::VALUES)?;
            return Ok(MergeInsert { columns, overriding, values: None });
        }
        self.expect(kw::VALUES)?;
        let values = Some(self.paren_list(Self::expr)?);
        Ok(MergeInsert { columns, overriding, values })
    }
}
