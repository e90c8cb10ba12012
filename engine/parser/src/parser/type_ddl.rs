//! CREATE TYPE, CREATE DOMAIN, ALTER TYPE, ALTER DOMAIN.

use super::Parser;
use crate::ast::{
    AddEnumValue, AlterComposite, AlterDomain, AttributeCommand, ColumnDef, CreateDomain, CreateType, DomainAction,
    Name, Pos, Statement, TypeBody,
};
use crate::keywords::kw;
use rustydb_base::Result;

impl Parser<'_> {
    /// After CREATE, at TYPE.
    pub(super) fn create_type(&mut self, pos: Pos) -> Result<Statement> {
        self.bump();
        let name = self.qualified_name()?;
        let of = |name, body| Ok(Statement::CreateType(Box::new(CreateType { name, body })));
        if self.at_end() {
            return of(name, TypeBody::Shell);
        }
        if self.at_ch(b'(') {
            let options = self.definition_list()?;
            return of(name, TypeBody::Base(options));
        }
        if !self.at(kw::AS) {
            return self.other_at("CREATE TYPE", pos);
        }
        self.bump();
        if self.at(kw::ENUM) {
            return self.create_enum(name);
        }
        if self.eat(kw::RANGE) {
            let options = self.rel_options()?;
            return of(name, TypeBody::Range(options));
        }
        self.expect_ch(b'(')?;
        let attributes = if self.at_ch(b')') { vec![] } else { self.comma_list(Self::attribute)? };
        self.expect_ch(b')')?;
        of(name, TypeBody::Composite(attributes))
    }

    /// An attribute of a composite type: name, type, COLLATE.
    fn attribute(&mut self) -> Result<ColumnDef> {
        let name = self.col_id()?;
        let ty = Some(self.type_name()?);
        let collation = if self.eat(kw::COLLATE) { Some(self.qualified_name()?) } else { None };
        Ok(ColumnDef { name, ty, collation, storage: None, compression: None, constraints: vec![] })
    }

    /// After CREATE, at DOMAIN.
    pub(super) fn create_domain(&mut self) -> Result<Statement> {
        self.bump();
        let name = self.qualified_name()?;
        self.eat(kw::AS);
        let ty = self.type_name()?;
        let ident = name.name.clone();
        let mut c =
            ColumnDef { name: ident, ty: None, collation: None, storage: None, compression: None, constraints: vec![] };
        self.column_constraints(&mut c)?;
        let d = CreateDomain { name, ty, collation: c.collation, constraints: c.constraints };
        Ok(Statement::CreateDomain(Box::new(d)))
    }

    /// After ALTER TYPE name: what only types have; `None` for what all objects have.
    pub(super) fn alter_type_body(&mut self, name: &Name) -> Result<Option<Statement>> {
        if self.eat_seq(&[kw::ADD, kw::VALUE]) {
            let if_not_exists = self.opt_if_not_exists();
            let label = self.string()?;
            let beside = if self.eat(kw::BEFORE) {
                Some((true, self.string()?))
            } else if self.eat(kw::AFTER) {
                Some((false, self.string()?))
            } else {
                None
            };
            let a = AddEnumValue { name: name.clone(), label, if_not_exists, beside };
            return Ok(Some(Statement::AddEnumValue(Box::new(a))));
        }
        if !self.at_any(&[kw::ADD, kw::DROP, kw::ALTER]) || !self.peek_at(1, kw::ATTRIBUTE) {
            return Ok(None);
        }
        let commands = self.comma_list(Self::attribute_command)?;
        Ok(Some(Statement::AlterComposite(Box::new(AlterComposite { name: name.clone(), commands }))))
    }

    fn attribute_command(&mut self) -> Result<AttributeCommand> {
        if self.eat_seq(&[kw::ADD, kw::ATTRIBUTE]) {
            let attribute = Box::new(self.attribute()?);
            return Ok(AttributeCommand::Add { attribute, cascade: self.opt_cascade() });
        }
        if self.eat_seq(&[kw::DROP, kw::ATTRIBUTE]) {
            let if_exists = self.opt_if_exists();
            let name = self.col_id()?;
            return Ok(AttributeCommand::Drop { name, if_exists, cascade: self.opt_cascade() });
        }
        self.expect(kw::ALTER)?;
        self.expect(kw::ATTRIBUTE)?;
        let name = self.col_id()?;
        if self.eat(kw::SET) {
            self.expect(kw::DATA)?;
        }
        self.expect(kw::TYPE)?;
        let pos = self.pos();
        let ty = self.type_name()?;
        let collation = if self.eat(kw::COLLATE) { Some(self.qualified_name()?) } else { None };
        Ok(AttributeCommand::SetType { name, ty, collation, cascade: self.opt_cascade(), pos })
    }

    /// After ALTER DOMAIN name: what only domains have; `None` for what all objects have.
    pub(super) fn alter_domain_body(&mut self, name: &Name) -> Result<Option<Statement>> {
        let action = if self.eat_seq(&[kw::SET, kw::DEFAULT]) {
            DomainAction::SetDefault(Some(self.expr()?))
        } else if self.eat_seq(&[kw::DROP, kw::DEFAULT]) {
            DomainAction::SetDefault(None)
        } else if self.eat_seq(&[kw::SET, kw::NOT, kw::NULL]) {
            DomainAction::SetNotNull(true)
        } else if self.eat_seq(&[kw::DROP, kw::NOT, kw::NULL]) {
            DomainAction::SetNotNull(false)
        } else if self.eat(kw::ADD) {
            DomainAction::Add(Box::new(self.table_constraint()?))
        } else if self.eat_seq(&[kw::DROP, kw::CONSTRAINT]) {
            let if_exists = self.opt_if_exists();
            let name = self.col_id()?;
            DomainAction::Drop { name, if_exists, cascade: self.opt_cascade() }
        } else if self.eat_seq(&[kw::VALIDATE, kw::CONSTRAINT]) {
            DomainAction::Validate(self.col_id()?)
        } else {
            return Ok(None);
        };
        Ok(Some(Statement::AlterDomain(Box::new(AlterDomain { name: name.clone(), action }))))
    }
}
