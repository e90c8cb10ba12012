//! CREATE OPERATOR CLASS, CREATE and ALTER OPERATOR FAMILY.

use super::Parser;
use crate::ast::{
    AlterOperatorFamily, CreateOperatorClass, CreateOperatorFamily, Ident, Name, ObjectKind, ObjectRef, OpClassItem,
    OpFamilyChange, OpFamilyDrop, Statement,
};
use crate::keywords::kw;
use rustydb_base::Result;

impl Parser<'_> {
    /// After CREATE OPERATOR CLASS.
    pub(super) fn create_operator_class(&mut self) -> Result<Statement> {
        let name = self.qualified_name()?;
        let default = self.eat(kw::DEFAULT);
        self.expect(kw::FOR)?;
        self.expect(kw::TYPE)?;
        let ty = self.type_name()?;
        self.expect(kw::USING)?;
        let method = self.col_id()?;
        let family = if self.eat(kw::FAMILY) { Some(self.qualified_name()?) } else { None };
        self.expect(kw::AS)?;
        let items = self.comma_list(Self::opclass_item)?;
        let s = CreateOperatorClass { name, default, ty, method, family, items };
        Ok(Statement::CreateOperatorClass(Box::new(s)))
    }

    /// After CREATE OPERATOR FAMILY.
    pub(super) fn create_operator_family(&mut self) -> Result<Statement> {
        let name = self.qualified_name()?;
        self.expect(kw::USING)?;
        let method = self.col_id()?;
        Ok(Statement::CreateOperatorFamily(Box::new(CreateOperatorFamily { name, method })))
    }

    /// After ALTER OPERATOR FAMILY name USING method.
    pub(super) fn alter_operator_family(&mut self, method: Ident, name: Name) -> Result<Statement> {
        let change = if self.eat(kw::ADD) {
            OpFamilyChange::Add(self.comma_list(Self::opclass_item)?)
        } else {
            self.expect(kw::DROP)?;
            OpFamilyChange::Drop(self.comma_list(|p| {
                let function = p.eat(kw::FUNCTION);
                if !function {
                    p.expect(kw::OPERATOR)?;
                }
                let number = p.small_int()?;
                let types = p.paren_list(Self::type_name)?;
                Ok(OpFamilyDrop { function, number, types })
            })?)
        };
        Ok(Statement::AlterOperatorFamily(Box::new(AlterOperatorFamily { name, method, change })))
    }

    fn opclass_item(&mut self) -> Result<OpClassItem> {
        let pos = self.pos();
        if self.eat(kw::STORAGE) {
            return Ok(OpClassItem::Storage(self.type_name()?, pos));
        }
        if self.eat(kw::FUNCTION) {
            let number = self.small_int()?;
            let types = if self.at_ch(b'(') { self.paren_list(Self::type_name)? } else { Vec::new() };
            let function = self.object_ref(ObjectKind::Function)?;
            return Ok(OpClassItem::Function { number, types, function });
        }
        self.expect(kw::OPERATOR)?;
        let number = self.small_int()?;
        let m = self.mark();
        let mut name = self.any_operator()?;
        let mut types = None;
        if self.at_ch(b'(') {
            self.reset(m);
            if let ObjectRef::Operator(n, left, right) = self.object_ref(ObjectKind::Operator)? {
                name = n;
                types = Some((left, right));
            }
        }
        let mut order_by = None;
        if self.eat(kw::FOR) {
            if self.eat_seq(&[kw::ORDER, kw::BY]) {
                order_by = Some(self.qualified_name()?);
            } else {
                self.expect(kw::SEARCH)?;
            }
        }
        // Accepted and without effect, as in PostgreSQL since 8.4.
        self.eat_word("recheck");
        Ok(OpClassItem::Operator { number, name, types, order_by })
    }
}
