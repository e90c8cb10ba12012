//! CREATE and ALTER of text search objects, CREATE CONVERSION.

use super::Parser;
use crate::ast::{AlterMapping, CreateConversion, DefineSearch, MappingChange, Name, ObjectKind, Statement};
use crate::keywords::kw;
use rustydb_base::Result;

impl Parser<'_> {
    /// After CREATE TEXT SEARCH.
    pub(super) fn create_search(&mut self) -> Result<Statement> {
        let kind = if self.eat(kw::PARSER) {
            ObjectKind::TextSearchParser
        } else if self.eat(kw::DICTIONARY) {
            ObjectKind::TextSearchDictionary
        } else if self.eat(kw::TEMPLATE) {
            ObjectKind::TextSearchTemplate
        } else {
            self.expect(kw::CONFIGURATION)?;
            ObjectKind::TextSearchConfiguration
        };
        let name = self.qualified_name()?;
        let options = self.definition_list()?;
        Ok(Statement::DefineSearch(Box::new(DefineSearch { kind, alter: false, name, options })))
    }

    /// After ALTER TEXT SEARCH DICTIONARY name, at its options.
    pub(super) fn alter_dictionary(&mut self, name: Name) -> Result<Statement> {
        let options = self.definition_list()?;
        let kind = ObjectKind::TextSearchDictionary;
        Ok(Statement::DefineSearch(Box::new(DefineSearch { kind, alter: true, name, options })))
    }

    /// After ALTER TEXT SEARCH CONFIGURATION name, at ADD, ALTER or DROP.
    pub(super) fn alter_mapping(&mut self, name: Name) -> Result<Statement> {
        let change = if self.eat(kw::ADD) {
            self.expect(kw::MAPPING)?;
            self.expect(kw::FOR)?;
            let types = self.comma_list(Self::col_id)?;
            self.expect(kw::WITH)?;
            MappingChange::Add(types, self.comma_list(Self::qualified_name)?)
        } else if self.eat(kw::DROP) {
            self.expect(kw::MAPPING)?;
            let if_exists = self.opt_if_exists();
            self.expect(kw::FOR)?;
            MappingChange::Drop(self.comma_list(Self::col_id)?, if_exists)
        } else {
            self.expect(kw::ALTER)?;
            self.expect(kw::MAPPING)?;
            let types = if self.eat(kw::FOR) { self.comma_list(Self::col_id)? } else { vec![] };
            if !types.is_empty() && self.eat(kw::WITH) {
                MappingChange::Set(types, self.comma_list(Self::qualified_name)?)
            } else {
                self.expect(kw::REPLACE)?;
                let old = self.qualified_name()?;
                self.expect(kw::WITH)?;
                MappingChange::Replace(types, old, self.qualified_name()?)
            }
        };
        Ok(Statement::AlterMapping(Box::new(AlterMapping { name, change })))
    }

    /// After CREATE [DEFAULT] CONVERSION.
    pub(super) fn create_conversion(&mut self, default: bool) -> Result<Statement> {
        let name = self.qualified_name()?;
        self.expect(kw::FOR)?;
        let source = self.string()?;
        self.expect(kw::TO)?;
        let target = self.string()?;
        self.expect(kw::FROM)?;
        let function = self.qualified_name()?;
        Ok(Statement::CreateConversion(Box::new(CreateConversion { default, name, source, target, function })))
    }
}
