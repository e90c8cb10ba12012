//! ALTER of everything. What is the same for many kinds of object (RENAME, OWNER TO, SET SCHEMA) is parsed in one place.

use super::Parser;
use crate::ast::{
    AlterCommand, AlterDatabase, AlterObjectSchema, AlterOwner, AlterSequence, AlterSetting, AlterTable,
    ColumnOrNumber, DefOption, DefValue, FireState, Ident, ObjectKind, ObjectRef, Rename, RenamePart, ReplicaIdentity,
    SequenceOption, SequenceOptionKind, Statement, TableFactor, TriggerName,
};
use crate::keywords::kw;
use crate::lexer::T;
use rustydb_base::Result;

impl Parser<'_> {
    /// At ALTER.
    pub(super) fn alter(&mut self) -> Result<Statement> {
        let pos = self.bump().start;
        if self.at_any(&[kw::ROLE, kw::USER, kw::GROUP]) && !self.peek_at(1, kw::MAPPING) {
            return self.alter_role();
        }
        if self.eat(kw::SYSTEM) {
            if !self.at_any(&[kw::SET, kw::RESET]) {
                return self.unexpected();
            }
            return Ok(Statement::AlterSystem(Box::new(self.set_or_reset()?)));
        }
        if self.eat_seq(&[kw::DEFAULT, kw::PRIVILEGES]) {
            return self.alter_default_privileges();
        }
        let Some(kind) = self.object_kind() else { return self.unexpected() };
        use ObjectKind as K;
        match kind {
            K::Table | K::ForeignTable | K::Index | K::View | K::MaterializedView | K::Sequence => {
                self.alter_relation(kind, pos)
            }
            K::Database => self.alter_database(),
            K::Cast | K::Column | K::Transform => self.unexpected(),
            K::Extension => self.alter_extension(),
            K::Type | K::Domain => self.alter_type(kind, pos),
            K::Trigger | K::Rule | K::Policy => {
                let if_exists = kind == K::Policy && self.opt_if_exists();
                let object = self.object_ref(kind)?;
                if self.eat_seq(&[kw::RENAME, kw::TO]) {
                    return self.rename_to(kind, object, if_exists);
                }
                if kind == K::Policy && !if_exists {
                    return self.alter_policy(object);
                }
                self.other_at(Self::alter_tag(kind), pos)
            }
            K::Statistics => {
                let if_exists = self.opt_if_exists();
                let object = self.object_ref(kind)?;
                let set = self.at(kw::SET) && self.peek_at(1, kw::STATISTICS);
                match object {
                    ObjectRef::Name(name) if if_exists || set => self.alter_statistics(name, if_exists),
                    object => self.alter_common(kind, object, pos),
                }
            }
            _ => {
                let object = match kind {
                    K::Operator | K::LargeObject => self.object_ref(kind)?,
                    // The rest of a mapping is not analysed.
                    K::UserMapping => return self.other_at(Self::alter_tag(kind), pos),
                    K::EventTrigger => ObjectRef::Name(Self::single(self.col_id()?)),
                    _ => self.object_ref(kind)?,
                };
                self.alter_common(kind, object, pos)
            }
        }
    }
    /// RENAME TO, OWNER TO, SET SCHEMA; anything else is recognised only.
    fn alter_common(&mut self, kind: ObjectKind, object: ObjectRef, pos: u32) -> Result<Statement> {
        if self.eat_seq(&[kw::RENAME, kw::TO]) {
            return self.rename_to(kind, object, false);
        }
        if self.eat_seq(&[kw::OWNER, kw::TO]) {
            let owner = self.role_spec()?;
            return Ok(Statement::AlterOwner(Box::new(AlterOwner { kind, object, owner })));
        }
        if self.eat_seq(&[kw::SET, kw::SCHEMA]) {
            let schema = self.col_id()?;
            return Ok(Statement::AlterSchema(Box::new(AlterObjectSchema { kind, object, if_exists: false, schema })));
        }
        let object = match (kind, object) {
            (ObjectKind::TextSearchDictionary, ObjectRef::Name(name)) => return self.alter_dictionary(name),
            (ObjectKind::Operator, object) if self.at(kw::SET) => return self.alter_operator(object),
            (ObjectKind::TextSearchConfiguration, ObjectRef::Name(name)) => return self.alter_mapping(name),
            (ObjectKind::OperatorFamily, ObjectRef::OnTable(method, name)) if self.at_any(&[kw::ADD, kw::DROP]) => {
                return self.alter_operator_family(method, name);
            }
            (_, object) => object,
        };
        if let (ObjectKind::Collation, ObjectRef::Name(n)) = (kind, &object)
            && self.eat_seq(&[kw::REFRESH, kw::VERSION])
        {
            return Ok(Statement::RefreshCollation(Box::new(n.clone())));
        }
        if matches!(kind, ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Routine)
            && !self.at_word("depends")
            && !self.at(kw::NO)
        {
            return self.alter_routine(kind, object);
        }
        self.other_at(Self::alter_tag(kind), pos)
    }
    /// After RENAME TO.
    pub(super) fn rename_to(&mut self, kind: ObjectKind, object: ObjectRef, if_exists: bool) -> Result<Statement> {
        let to = self.col_id()?;
        let part = RenamePart::Itself;
        Ok(Statement::Rename(Box::new(Rename { kind, object, only: false, part, if_exists, cascade: false, to })))
    }

    fn alter_database(&mut self) -> Result<Statement> {
        let pos = self.pos();
        let name = self.col_id()?;
        if self.at(kw::RESET) || (self.at(kw::SET) && !self.peek_at(1, kw::TABLESPACE)) {
            let set = self.set_or_reset()?;
            let s = AlterSetting { role: None, all_roles: false, database: Some(name), set };
            return Ok(Statement::AlterSetting(Box::new(s)));
        }
        let other = self.at(kw::RENAME) || self.at(kw::OWNER) || self.at(kw::REFRESH);
        if other {
            return self.alter_common(ObjectKind::Database, ObjectRef::Name(Self::single(name)), pos);
        }
        let options = if self.eat(kw::SET) {
            let label = self.label()?;
            let value = Some(DefValue::Word(self.col_id()?.value));
            vec![DefOption { namespace: None, name: label, value }]
        } else {
            self.eat(kw::WITH);
            self.database_options()?
        };
        Ok(Statement::AlterDatabase(Box::new(AlterDatabase { name, options })))
    }
    fn alter_type(&mut self, kind: ObjectKind, pos: u32) -> Result<Statement> {
        let name = self.qualified_name()?;
        let own = if kind == ObjectKind::Type { self.alter_type_body(&name)? } else { self.alter_domain_body(&name)? };
        if let Some(s) = own {
            return Ok(s);
        }
        let object = ObjectRef::Name(name);
        let part = if kind == ObjectKind::Type && self.eat_seq(&[kw::RENAME, kw::ATTRIBUTE]) {
            RenamePart::Attribute(self.col_id()?)
        } else if kind == ObjectKind::Type && self.eat_seq(&[kw::RENAME, kw::VALUE]) {
            let at = self.pos();
            let old = self.string()?;
            self.expect(kw::TO)?;
            let at_new = self.pos();
            let to = Ident { value: self.string()?, pos: at_new };
            let part = RenamePart::Value(old, at);
            let r = Rename { kind, object, only: false, part, if_exists: false, cascade: false, to };
            return Ok(Statement::Rename(Box::new(r)));
        } else if kind == ObjectKind::Domain && self.eat_seq(&[kw::RENAME, kw::CONSTRAINT]) {
            RenamePart::Constraint(self.col_id()?)
        } else {
            return self.alter_common(kind, object, pos);
        };
        self.expect(kw::TO)?;
        let to = self.col_id()?;
        let cascade = matches!(part, RenamePart::Attribute(_)) && self.opt_cascade();
        Ok(Statement::Rename(Box::new(Rename { kind, object, only: false, part, if_exists: false, cascade, to })))
    }

    // ---- relations ----

    fn alter_relation(&mut self, kind: ObjectKind, pos: u32) -> Result<Statement> {
        use ObjectKind as K;
        if matches!(kind, K::Table | K::Index | K::MaterializedView) && self.at(kw::ALL) && self.peek_at(1, kw::IN) {
            return self.other_at(Self::alter_tag(kind), pos);
        }
        let if_exists = self.opt_if_exists();
        let table = if matches!(kind, K::Table | K::ForeignTable) {
            self.relation_expr()?
        } else {
            TableFactor { name: self.qualified_name()?, only: false, alias: None, sample: None, as_of: None }
        };
        if self.eat(kw::RENAME) {
            return self.rename_relation(kind, table, if_exists);
        }
        if self.eat_seq(&[kw::SET, kw::SCHEMA]) {
            let schema = self.col_id()?;
            let object = ObjectRef::Name(table.name);
            return Ok(Statement::AlterSchema(Box::new(AlterObjectSchema { kind, object, if_exists, schema })));
        }
        if self.at_word("depends") || (self.at(kw::NO) && self.peek_at(1, kw::DEPENDS)) {
            return self.other_at(Self::alter_tag(kind), pos);
        }
        if kind == K::Sequence {
            let options = self.sequence_options()?;
            if !options.is_empty() {
                return Ok(Statement::AlterSequence(Box::new(AlterSequence { name: table.name, if_exists, options })));
            }
        }
        if kind == K::Index && self.eat_seq(&[kw::ATTACH, kw::PARTITION]) {
            let partition = self.qualified_name()?;
            let commands = vec![AlterCommand::AttachPartition { partition, bound: None }];
            return Ok(Statement::AlterTable(Box::new(AlterTable { kind, table, if_exists, commands })));
        }
        let commands = if self.at_any(&[kw::ATTACH, kw::DETACH]) {
            vec![self.partition_command()?]
        } else {
            self.comma_list(Self::alter_command)?
        };
        Ok(Statement::AlterTable(Box::new(AlterTable { kind, table, if_exists, commands })))
    }
    fn rename_relation(&mut self, kind: ObjectKind, table: TableFactor, if_exists: bool) -> Result<Statement> {
        let only = table.only;
        let object = ObjectRef::Name(table.name);
        let part = if self.eat(kw::TO) {
            let to = self.col_id()?;
            let part = RenamePart::Itself;
            return Ok(Statement::Rename(Box::new(Rename { kind, object, only, part, if_exists, cascade: false, to })));
        } else if kind == ObjectKind::Table && self.eat(kw::CONSTRAINT) {
            RenamePart::Constraint(self.col_id()?)
        } else {
            self.eat(kw::COLUMN);
            RenamePart::Column(self.col_id()?)
        };
        self.expect(kw::TO)?;
        let to = self.col_id()?;
        Ok(Statement::Rename(Box::new(Rename { kind, object, only, part, if_exists, cascade: false, to })))
    }
    fn partition_command(&mut self) -> Result<AlterCommand> {
        let attach = self.bump().kw == kw::ATTACH;
        self.expect(kw::PARTITION)?;
        let partition = self.qualified_name()?;
        if attach {
            let bound = Some(self.partition_bound()?);
            return Ok(AlterCommand::AttachPartition { partition, bound });
        }
        let concurrently = self.eat(kw::CONCURRENTLY);
        let finalize = !concurrently && self.eat(kw::FINALIZE);
        Ok(AlterCommand::DetachPartition { partition, concurrently, finalize })
    }

    fn alter_command(&mut self) -> Result<AlterCommand> {
        use AlterCommand as C;
        let t = self.tok;
        if t.kind != T::Word {
            return self.unexpected();
        }
        match t.kw {
            kw::ADD => self.add_command(),
            kw::DROP => self.drop_command(),
            kw::ALTER => {
                self.bump();
                if self.eat(kw::CONSTRAINT) {
                    let name = self.col_id()?;
                    let (deferrable, initially_deferred) = self.deferral()?;
                    return Ok(C::AlterConstraint { name, deferrable, initially_deferred });
                }
                self.eat(kw::COLUMN);
                self.alter_column()
            }
            kw::VALIDATE => {
                self.bump();
                self.expect(kw::CONSTRAINT)?;
                Ok(C::ValidateConstraint { name: self.col_id()? })
            }
            kw::SET => {
                self.bump();
                self.set_command()
            }
            kw::RESET => {
                self.bump();
                Ok(C::ResetOptions { options: self.rel_options()? })
            }
            kw::CLUSTER => {
                self.bump();
                self.expect(kw::ON)?;
                Ok(C::ClusterOn { index: self.col_id()? })
            }
            kw::ENABLE | kw::DISABLE => self.fire_command(),
            kw::FORCE => {
                self.bump();
                self.row_level_security()?;
                Ok(C::ForceRowSecurity { force: true })
            }
            kw::INHERIT => {
                self.bump();
                Ok(C::Inherit { parent: self.qualified_name()? })
            }
            kw::NO => {
                self.bump();
                if self.eat(kw::INHERIT) {
                    return Ok(C::NoInherit { parent: self.qualified_name()? });
                }
                self.expect(kw::FORCE)?;
                self.row_level_security()?;
                Ok(C::ForceRowSecurity { force: false })
            }
            kw::OF => {
                self.bump();
                Ok(C::Of { ty: self.qualified_name()? })
            }
            kw::NOT => {
                self.bump();
                self.expect(kw::OF)?;
                Ok(C::NotOf)
            }
            kw::OWNER => {
                self.bump();
                self.expect(kw::TO)?;
                Ok(C::OwnerTo { role: self.role_spec()? })
            }
            kw::REPLICA => {
                self.bump();
                self.expect(kw::IDENTITY)?;
                let identity = if self.eat(kw::NOTHING) {
                    ReplicaIdentity::Nothing
                } else if self.eat(kw::FULL) {
                    ReplicaIdentity::Full
                } else if self.eat(kw::DEFAULT) {
                    ReplicaIdentity::Default
                } else {
                    self.expect(kw::USING)?;
                    self.expect(kw::INDEX)?;
                    ReplicaIdentity::Index(self.col_id()?)
                };
                Ok(C::ReplicaIdentity(identity))
            }
            kw::OPTIONS => self.unsupported("ALTER FOREIGN TABLE … OPTIONS", t.start),
            _ => self.unexpected(),
        }
    }
    fn row_level_security(&mut self) -> Result<()> {
        self.expect(kw::ROW)?;
        self.expect(kw::LEVEL)?;
        self.expect(kw::SECURITY)
    }
    fn add_command(&mut self) -> Result<AlterCommand> {
        self.bump();
        if self.at_table_constraint() {
            return Ok(AlterCommand::AddConstraint(Box::new(self.table_constraint()?)));
        }
        self.eat(kw::COLUMN);
        let if_not_exists = self.opt_if_not_exists();
        Ok(AlterCommand::AddColumn { column: Box::new(self.column_def()?), if_not_exists })
    }
    fn drop_command(&mut self) -> Result<AlterCommand> {
        self.bump();
        if self.eat(kw::CONSTRAINT) {
            let if_exists = self.opt_if_exists();
            let name = self.col_id()?;
            return Ok(AlterCommand::DropConstraint { name, if_exists, cascade: self.opt_cascade() });
        }
        self.eat(kw::COLUMN);
        let if_exists = self.opt_if_exists();
        let column = self.col_id()?;
        Ok(AlterCommand::DropColumn { column, if_exists, cascade: self.opt_cascade() })
    }
    /// After ALTER [COLUMN].
    fn alter_column(&mut self) -> Result<AlterCommand> {
        use AlterCommand as C;
        if self.kind() == T::Int {
            let n = self.small_int()?;
            self.expect(kw::SET)?;
            self.expect(kw::STATISTICS)?;
            return Ok(C::SetStatistics { column: ColumnOrNumber::Number(n), target: self.signed_int()? });
        }
        let column = self.col_id()?;
        let pos = self.pos();
        if self.eat(kw::TYPE) || self.eat_seq(&[kw::SET, kw::DATA, kw::TYPE]) {
            let ty = self.type_name()?;
            let collation = if self.eat(kw::COLLATE) { Some(self.qualified_name()?) } else { None };
            let using = if self.eat(kw::USING) { Some(self.expr()?) } else { None };
            return Ok(C::SetType { column, ty, collation, using, pos });
        }
        if self.eat(kw::DROP) {
            return Ok(if self.eat(kw::DEFAULT) {
                C::DropDefault { column }
            } else if self.eat_seq(&[kw::NOT, kw::NULL]) {
                C::DropNotNull { column }
            } else if self.eat(kw::EXPRESSION) {
                C::DropExpression { column, if_exists: self.opt_if_exists() }
            } else {
                self.expect(kw::IDENTITY)?;
                C::DropIdentity { column, if_exists: self.opt_if_exists() }
            });
        }
        if self.eat(kw::ADD) {
            self.expect(kw::GENERATED)?;
            let always = self.generated_when()?;
            self.expect(kw::AS)?;
            self.expect(kw::IDENTITY)?;
            let options = if self.at_ch(b'(') { self.paren_sequence_options()? } else { vec![] };
            return Ok(C::AddIdentity { column, always, options });
        }
        if self.eat(kw::RESET) {
            return Ok(C::ResetColumnOptions { column, options: self.rel_options()? });
        }
        if self.at(kw::RESTART) || (self.at(kw::SET) && self.at_identity_option()) {
            return self.alter_identity(column);
        }
        self.expect(kw::SET)?;
        Ok(if self.eat(kw::DEFAULT) {
            C::SetDefault { column, value: self.expr()? }
        } else if self.eat(kw::EXPRESSION) {
            self.expect(kw::AS)?;
            self.expect_ch(b'(')?;
            let value = self.expr()?;
            self.expect_ch(b')')?;
            C::SetExpression { column, value }
        } else if self.eat_seq(&[kw::NOT, kw::NULL]) {
            C::SetNotNull { column }
        } else if self.eat(kw::STATISTICS) {
            C::SetStatistics { column: ColumnOrNumber::Column(column), target: self.signed_int()? }
        } else if self.at_ch(b'(') {
            C::SetColumnOptions { column, options: self.rel_options()? }
        } else if self.eat(kw::STORAGE) {
            C::SetStorage { column, storage: self.col_id()? }
        } else if self.eat(kw::COMPRESSION) {
            C::SetCompression { column, compression: self.compression()? }
        } else {
            return self.unexpected();
        })
    }
    /// At SET: whether an option of an identity column follows.
    fn at_identity_option(&mut self) -> bool {
        let t = self.peek(1);
        [
            kw::GENERATED,
            kw::CACHE,
            kw::CYCLE,
            kw::INCREMENT,
            kw::MAXVALUE,
            kw::MINVALUE,
            kw::NO,
            kw::OWNED,
            kw::SEQUENCE,
            kw::START,
            kw::RESTART,
            kw::AS,
        ]
        .iter()
        .any(|k| Self::at_kw(t, *k))
    }
    fn alter_identity(&mut self, column: Ident) -> Result<AlterCommand> {
        let mut generated = None;
        let mut options = vec![];
        loop {
            let pos = self.pos();
            if self.at(kw::RESTART) {
                self.bump();
                let with = self.eat(kw::WITH);
                let number = matches!(self.kind(), T::Int | T::Num) || self.at_ch(b'-') || self.at_ch(b'+');
                let value = if with || number { Some(self.numeric_only()?) } else { None };
                options.push(SequenceOption { kind: SequenceOptionKind::Restart(value), pos });
            } else if self.at(kw::SET) && self.at_identity_option() {
                self.bump();
                if self.eat(kw::GENERATED) {
                    generated = Some(self.generated_when()?);
                } else if let Some(o) = self.sequence_option()? {
                    options.push(o);
                }
            } else {
                return Ok(AlterCommand::SetIdentity { column, generated, options });
            }
        }
    }
    /// After SET.
    fn set_command(&mut self) -> Result<AlterCommand> {
        use AlterCommand as C;
        if self.at_ch(b'(') {
            return Ok(C::SetOptions { options: self.rel_options()? });
        }
        if self.eat(kw::WITHOUT) {
            if self.eat(kw::OIDS) {
                return Ok(C::SetWithoutOids);
            }
            self.expect(kw::CLUSTER)?;
            return Ok(C::SetWithoutCluster);
        }
        if self.eat(kw::LOGGED) {
            return Ok(C::SetLogged);
        }
        if self.eat(kw::UNLOGGED) {
            return Ok(C::SetUnlogged);
        }
        if self.eat_seq(&[kw::ACCESS, kw::METHOD]) {
            return Ok(C::SetAccessMethod { method: self.col_id()? });
        }
        self.expect(kw::TABLESPACE)?;
        Ok(C::SetTablespace { tablespace: self.col_id()? })
    }
    /// ENABLE and DISABLE of triggers, rules and row security.
    fn fire_command(&mut self) -> Result<AlterCommand> {
        use AlterCommand as C;
        let enable = self.bump().kw == kw::ENABLE;
        if self.at(kw::ROW) {
            self.row_level_security()?;
            return Ok(C::RowSecurity { enable });
        }
        let state = if !enable {
            FireState::Disabled
        } else if self.eat(kw::REPLICA) {
            FireState::Replica
        } else if self.eat(kw::ALWAYS) {
            FireState::Always
        } else {
            FireState::Origin
        };
        if self.eat(kw::RULE) {
            return Ok(C::Rule { name: self.col_id()?, state });
        }
        self.expect(kw::TRIGGER)?;
        let plain = matches!(state, FireState::Disabled | FireState::Origin);
        let name = if plain && self.eat(kw::ALL) {
            TriggerName::All
        } else if plain && self.eat(kw::USER) {
            TriggerName::User
        } else {
            TriggerName::Name(self.col_id()?)
        };
        Ok(C::Trigger { name, state })
    }
}
