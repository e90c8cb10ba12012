//! CREATE and ALTER POLICY.

use super::Parser;
use crate::ast::{Expr, ObjectRef, PolicyStatement, Statement};
use crate::keywords::kw;
use rustydb_base::Result;

impl Parser<'_> {
    /// After CREATE POLICY.
    pub(super) fn create_policy(&mut self) -> Result<Statement> {
        let name = self.col_id()?;
        self.expect(kw::ON)?;
        let table = self.qualified_name()?;
        let mut s = PolicyStatement {
            create: true,
            name,
            table,
            permissive: true,
            command: None,
            roles: None,
            using: None,
            check: None,
        };
        if self.eat(kw::AS) {
            let at = self.pos();
            let word = self.col_id()?;
            s.permissive = match word.value.as_str() {
                "permissive" => true,
                "restrictive" => false,
                other => {
                    return Err(self
                        .error_at(format!("unrecognized row security option \"{other}\""), at)
                        .hint("Only PERMISSIVE or RESTRICTIVE policies are supported currently."));
                }
            };
        }
        if self.eat(kw::FOR) {
            s.command = Some(match () {
                () if self.eat(kw::ALL) => '*',
                () if self.eat(kw::SELECT) => 'r',
                () if self.eat(kw::INSERT) => 'a',
                () if self.eat(kw::UPDATE) => 'w',
                () if self.eat(kw::DELETE) => 'd',
                () => return self.unexpected(),
            });
        }
        self.policy_rest(&mut s)?;
        Ok(Statement::Policy(Box::new(s)))
    }

    /// After ALTER POLICY name ON table, if it is not RENAME.
    pub(super) fn alter_policy(&mut self, object: ObjectRef) -> Result<Statement> {
        let ObjectRef::OnTable(name, table) = object else { return self.unexpected() };
        let mut s = PolicyStatement {
            create: false,
            name,
            table,
            permissive: true,
            command: None,
            roles: None,
            using: None,
            check: None,
        };
        self.policy_rest(&mut s)?;
        Ok(Statement::Policy(Box::new(s)))
    }

    fn policy_rest(&mut self, s: &mut PolicyStatement) -> Result<()> {
        if self.eat(kw::TO) {
            s.roles = Some(self.role_list()?);
        }
        if self.eat(kw::USING) {
            s.using = Some(self.in_parens()?);
        }
        if self.eat_seq(&[kw::WITH, kw::CHECK]) {
            s.check = Some(self.in_parens()?);
        }
        Ok(())
    }

    fn in_parens(&mut self) -> Result<Expr> {
        self.expect_ch(b'(')?;
        let e = self.expr()?;
        self.expect_ch(b')')?;
        Ok(e)
    }
}
