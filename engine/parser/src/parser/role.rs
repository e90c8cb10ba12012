//! Roles and privileges.

use super::Parser;
use crate::ast::{
    AlterDefaultPrivileges, AlterRole, AlterSetting, CreateRole, Grant, GrantRole, GrantTarget, Ident, ObjectKind,
    ObjectRef, Privilege, Rename, RenamePart, RoleOption, RoleOptionKind, RoleSpec, Set, SetAction, Statement,
};
use crate::keywords::kw;
use crate::lexer::T;
use rustydb_base::{DbError, Result, SqlState};

impl Parser<'_> {
    /// After CREATE, at ROLE, USER or GROUP.
    pub(super) fn create_role(&mut self) -> Result<Statement> {
        let user = self.bump().kw == kw::USER;
        let name = self.role_id()?;
        self.eat(kw::WITH);
        let options = self.role_options(true)?;
        Ok(Statement::CreateRole(Box::new(CreateRole { name, user, options })))
    }
    fn role_options(&mut self, create: bool) -> Result<Vec<RoleOption>> {
        use RoleOptionKind as K;
        let mut options = vec![];
        loop {
            let pos = self.pos();
            let kind = if self.eat(kw::PASSWORD) {
                K::Password(if self.eat(kw::NULL) { None } else { Some(self.string()?) })
            } else if self.eat(kw::ENCRYPTED) {
                self.expect(kw::PASSWORD)?;
                K::Password(Some(self.string()?))
            } else if self.at(kw::UNENCRYPTED) {
                let e = DbError::unsupported("UNENCRYPTED PASSWORD is no longer supported")
                    .hint("Remove UNENCRYPTED to store the password in encrypted form instead.");
                return Err(self.place(e, pos));
            } else if self.eat(kw::INHERIT) {
                K::Inherit(true)
            } else if self.eat_seq(&[kw::CONNECTION, kw::LIMIT]) {
                K::ConnectionLimit(self.signed_int()?)
            } else if self.eat_seq(&[kw::VALID, kw::UNTIL]) {
                K::ValidUntil(self.string()?)
            } else if self.eat(kw::USER) || (create && self.eat(kw::ROLE)) {
                // ALTER GROUP's own syntax of old; PostgreSQL takes it in every place.
                K::Members(self.role_list()?)
            } else if create && self.eat(kw::SYSID) {
                K::SysId(self.small_int()?)
            } else if create && self.eat(kw::ADMIN) {
                K::AdminMembers(self.role_list()?)
            } else if create && self.at(kw::IN) && (self.peek_at(1, kw::ROLE) || self.peek_at(1, kw::GROUP)) {
                self.bump();
                self.bump();
                K::InRoles(self.role_list()?)
            } else if self.kind() == T::Word && self.tok.kw == crate::keywords::NONE {
                let t = self.tok;
                let word = self.label()?.value;
                match word.as_str() {
                    "superuser" => K::Superuser(true),
                    "nosuperuser" => K::Superuser(false),
                    "createrole" => K::CreateRole(true),
                    "nocreaterole" => K::CreateRole(false),
                    "replication" => K::Replication(true),
                    "noreplication" => K::Replication(false),
                    "createdb" => K::CreateDb(true),
                    "nocreatedb" => K::CreateDb(false),
                    "login" => K::Login(true),
                    "nologin" => K::Login(false),
                    "bypassrls" => K::BypassRls(true),
                    "nobypassrls" => K::BypassRls(false),
                    "noinherit" => K::Inherit(false),
                    _ => return Err(self.error_at(format!("unrecognized role option \"{word}\""), t.start)),
                }
            } else {
                return Ok(options);
            };
            options.push(RoleOption { kind, pos });
        }
    }
    /// After ALTER, at ROLE, USER or GROUP; RENAME is the caller's.
    pub(super) fn alter_role(&mut self) -> Result<Statement> {
        let group = self.bump().kw == kw::GROUP;
        let role_pos = self.pos();
        let role = if !group && self.at(kw::ALL) {
            self.bump();
            None
        } else {
            Some(self.role_spec()?)
        };
        if let Some(name) = role.clone() {
            if self.eat_seq(&[kw::RENAME, kw::TO]) {
                let RoleSpec::Name(old) = name else {
                    let e = DbError::new(SqlState::RESERVED_NAME, "a special role name cannot be renamed");
                    return Err(self.place(e, role_pos));
                };
                let to = self.role_id()?;
                let object = ObjectRef::Name(Self::single(old));
                let (kind, part) = (ObjectKind::Role, RenamePart::Itself);
                let r = Rename { kind, object, only: false, part, if_exists: false, cascade: false, to };
                return Ok(Statement::Rename(Box::new(r)));
            }
            if group {
                let drop_members = self.eat(kw::DROP);
                if !drop_members {
                    self.expect(kw::ADD)?;
                }
                let pos = self.pos();
                self.expect(kw::USER)?;
                let options = vec![RoleOption { kind: RoleOptionKind::Members(self.role_list()?), pos }];
                return Ok(Statement::AlterRole(Box::new(AlterRole { name, options, drop_members })));
            }
        }
        let database = if self.eat_seq(&[kw::IN, kw::DATABASE]) { Some(self.col_id()?) } else { None };
        if self.at_any(&[kw::SET, kw::RESET]) {
            let set = self.set_or_reset()?;
            let all_roles = role.is_none();
            return Ok(Statement::AlterSetting(Box::new(AlterSetting { role, all_roles, database, set })));
        }
        let Some(name) = role.filter(|_| database.is_none()) else { return self.unexpected() };
        self.eat(kw::WITH);
        let options = self.role_options(false)?;
        Ok(Statement::AlterRole(Box::new(AlterRole { name, options, drop_members: false })))
    }
    /// SET … or RESET … inside ALTER ROLE, DATABASE, SYSTEM.
    pub(super) fn set_or_reset(&mut self) -> Result<Set> {
        let action = if self.bump().kw == kw::SET { self.set_rest()? } else { self.reset_rest()? };
        if matches!(action, SetAction::SessionCharacteristics(_)) {
            return self.unexpected();
        }
        Ok(Set { local: false, action })
    }

    // ---- GRANT, REVOKE ----

    /// At GRANT or REVOKE.
    pub(super) fn grant(&mut self, grant: bool) -> Result<Statement> {
        self.bump();
        let mut option_for = false;
        let mut admin_for = false;
        if !grant {
            option_for = self.eat_seq(&[kw::GRANT, kw::OPTION, kw::FOR]);
            admin_for = !option_for && self.eat_word_seq(&["admin", "option", "for"]);
        }
        let all = self.at(kw::ALL);
        let (mut privileges, mut all_columns) = (vec![], vec![]);
        if all {
            self.bump();
            self.eat(kw::PRIVILEGES);
            all_columns = self.opt_column_list()?;
        } else {
            privileges = self.comma_list(Self::privilege)?;
        }
        if !self.at(kw::ON) {
            if all || option_for || privileges.iter().any(|p| !p.columns.is_empty()) {
                return self.unexpected();
            }
            let roles = privileges.into_iter().map(|p| p.name).collect();
            return self.grant_role(grant, roles, admin_for);
        }
        if admin_for {
            return self.unexpected();
        }
        self.bump();
        let target = self.grant_target()?;
        let mut g = Grant {
            grant,
            privileges,
            all_columns,
            target,
            grantees: vec![],
            grant_option: option_for,
            granted_by: None,
            cascade: false,
        };
        self.grant_tail(&mut g)?;
        Ok(Statement::Grant(Box::new(g)))
    }
    fn eat_word_seq(&mut self, words: &[&str]) -> bool {
        for (i, w) in words.iter().enumerate() {
            let t = self.peek(i);
            if t.kind != T::Word || !self.text(t).eq_ignore_ascii_case(w) {
                return false;
            }
        }
        for _ in words {
            self.bump();
        }
        true
    }
    fn privilege(&mut self) -> Result<Privilege> {
        // SELECT, REFERENCES and CREATE are reserved words, but privileges here.
        let name = if self.at_any(&[kw::SELECT, kw::REFERENCES, kw::CREATE]) { self.label()? } else { self.col_id()? };
        let mut name = name;
        if name.value == "alter" && self.eat(kw::SYSTEM) {
            name = Ident { value: "alter system".into(), pos: name.pos };
        }
        Ok(Privilege { name, columns: self.opt_column_list()? })
    }
    /// TO/FROM roles and what follows.
    fn grant_tail(&mut self, g: &mut Grant) -> Result<()> {
        self.expect(if g.grant { kw::TO } else { kw::FROM })?;
        g.grantees = self.comma_list(|p| {
            p.eat(kw::GROUP);
            p.role_spec()
        })?;
        if g.grant && self.eat_seq(&[kw::WITH, kw::GRANT, kw::OPTION]) {
            g.grant_option = true;
        }
        if self.eat_seq(&[kw::GRANTED, kw::BY]) {
            g.granted_by = Some(self.role_spec()?);
        }
        if !g.grant {
            g.cascade = self.opt_cascade();
        }
        Ok(())
    }
    fn grant_role(&mut self, grant: bool, roles: Vec<Ident>, admin_for: bool) -> Result<Statement> {
        self.expect(if grant { kw::TO } else { kw::FROM })?;
        let grantees = self.role_list()?;
        let mut admin_option = admin_for;
        if grant && self.at(kw::WITH) {
            let at = self.bump();
            if self.at(kw::ADMIN) && self.peek_at(1, kw::OPTION) {
                self.bump();
                self.bump();
                admin_option = true;
            } else if self.at_any(&[kw::ADMIN, kw::INHERIT, kw::SET]) {
                return self.unsupported("GRANT role WITH INHERIT, SET or ADMIN values", at.start);
            } else {
                return self.unexpected();
            }
        }
        let granted_by = if self.eat_seq(&[kw::GRANTED, kw::BY]) { Some(self.role_spec()?) } else { None };
        let cascade = if grant { false } else { self.opt_cascade() };
        Ok(Statement::GrantRole(Box::new(GrantRole { grant, roles, grantees, admin_option, granted_by, cascade })))
    }
    fn grant_target(&mut self) -> Result<GrantTarget> {
        use ObjectKind as O;
        if self.eat(kw::ALL) {
            let kind = self.plural_kind()?;
            self.expect(kw::IN)?;
            self.expect(kw::SCHEMA)?;
            return Ok(GrantTarget::AllInSchema(kind, self.comma_list(Self::col_id)?));
        }
        let at = self.tok;
        // A table may carry the name of a kind only where no name follows.
        let named = Self::is_col_id(self.peek(1))
            || self.peek_at(1, kw::SERVER)
            || self.peek_at(1, kw::DATA)
            || self.peek(1).kind == T::Int;
        let kind = if named && !self.peek_ch(1, b'.') {
            if self.at(kw::FOREIGN) && self.peek_at(1, kw::SERVER) {
                self.bump();
                self.bump();
                Some(O::Server)
            } else if self.at_any(&[
                kw::TABLE,
                kw::SEQUENCE,
                kw::DATABASE,
                kw::DOMAIN,
                kw::FUNCTION,
                kw::LANGUAGE,
                kw::LARGE,
                kw::PROCEDURE,
                kw::ROUTINE,
                kw::SCHEMA,
                kw::TABLESPACE,
                kw::TYPE,
                kw::FOREIGN,
            ]) {
                self.object_kind()
            } else if self.at(kw::PARAMETER) {
                return self.unsupported("GRANT ON PARAMETER", at.start);
            } else {
                None
            }
        } else {
            None
        };
        let kind = kind.unwrap_or(O::Table);
        let objects = self.comma_list(|p| match kind {
            O::Type | O::Domain => Ok(ObjectRef::Name(p.qualified_name()?)),
            O::Function | O::Procedure | O::Routine | O::LargeObject => p.object_ref(kind),
            _ => Ok(ObjectRef::Name(p.qualified_name()?)),
        })?;
        Ok(GrantTarget::Objects(kind, objects))
    }
    fn plural_kind(&mut self) -> Result<ObjectKind> {
        for (k, kind) in [
            (kw::TABLES, ObjectKind::Table),
            (kw::SEQUENCES, ObjectKind::Sequence),
            (kw::FUNCTIONS, ObjectKind::Function),
            (kw::PROCEDURES, ObjectKind::Procedure),
            (kw::ROUTINES, ObjectKind::Routine),
        ] {
            if self.eat(k) {
                return Ok(kind);
            }
        }
        self.unexpected()
    }
    /// After ALTER DEFAULT PRIVILEGES.
    pub(super) fn alter_default_privileges(&mut self) -> Result<Statement> {
        let (mut roles, mut schemas) = (vec![], vec![]);
        loop {
            if self.eat_seq(&[kw::IN, kw::SCHEMA]) {
                schemas.append(&mut self.comma_list(Self::col_id)?);
            } else if self.at(kw::FOR) && (self.peek_at(1, kw::ROLE) || self.peek_at(1, kw::USER)) {
                self.bump();
                self.bump();
                roles.append(&mut self.role_list()?);
            } else {
                break;
            }
        }
        let is_grant = self.at(kw::GRANT);
        if !is_grant && !self.at(kw::REVOKE) {
            return self.unexpected();
        }
        self.bump();
        let option_for = !is_grant && self.eat_seq(&[kw::GRANT, kw::OPTION, kw::FOR]);
        let mut privileges = vec![];
        if self.eat(kw::ALL) {
            self.eat(kw::PRIVILEGES);
        } else {
            privileges = self.comma_list(Self::privilege)?;
        }
        self.expect(kw::ON)?;
        let kind = if self.eat(kw::TYPES) {
            ObjectKind::Type
        } else if self.eat(kw::SCHEMAS) {
            ObjectKind::Schema
        } else {
            self.plural_kind()?
        };
        let mut grant = Grant {
            grant: is_grant,
            privileges,
            all_columns: vec![],
            target: GrantTarget::Default(kind),
            grantees: vec![],
            grant_option: option_for,
            granted_by: None,
            cascade: false,
        };
        self.grant_tail(&mut grant)?;
        Ok(Statement::AlterDefaultPrivileges(Box::new(AlterDefaultPrivileges { roles, schemas, grant })))
    }
}
