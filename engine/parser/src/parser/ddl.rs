//! CREATE INDEX, SEQUENCE, SCHEMA, VIEW, DATABASE…, DROP, and how objects are named.

use super::Parser;
use crate::ast::{
    AlterExtension, AlterObjectSchema, CheckOption, CreateDatabase, CreateEnum, CreateExtension, CreateIndex,
    CreateSchema, CreateSequence, CreateView, Cte, DefOption, DefValue, Drop, DropDatabase, ExtensionAction, Ident,
    IndexElement, IndexKey, NO_POS, Name, ObjectKind, ObjectRef, Persistence, Pos, Query, RoleSpec, RoutineArg,
    SequenceOption, SequenceOptionKind, Statement, TableFactor, With,
};
use crate::keywords::{Kw, kw};
use rustydb_base::{DbError, Result};

impl Parser<'_> {
    // ---- indexes ----

    /// After CREATE [UNIQUE], at INDEX.
    pub(super) fn create_index(&mut self, unique: bool, pos: Pos) -> Result<Statement> {
        self.bump();
        let concurrently = self.eat(kw::CONCURRENTLY);
        let if_not_exists = self.opt_if_not_exists();
        let name = if self.at(kw::ON) && !if_not_exists { None } else { Some(self.col_id()?) };
        self.expect(kw::ON)?;
        let table = self.relation_expr()?;
        let method = if self.eat(kw::USING) { Some(self.col_id()?) } else { None };
        let elements = self.paren_list(Self::index_element)?;
        let include = if self.eat(kw::INCLUDE) { self.paren_list(Self::index_element)? } else { vec![] };
        let nulls_not_distinct = self.opt_nulls_distinct()?;
        let options = self.opt_with_options()?;
        let tablespace = if self.eat(kw::TABLESPACE) { Some(self.col_id()?) } else { None };
        let filter = if self.eat(kw::WHERE) { Some(self.expr()?) } else { None };
        Ok(Statement::CreateIndex(Box::new(CreateIndex {
            name,
            unique,
            concurrently,
            if_not_exists,
            table,
            method,
            elements,
            include,
            nulls_not_distinct,
            options,
            tablespace,
            filter,
            pos,
        })))
    }
    /// A column, call or parenthesised expression with collation, operator class, direction.
    pub(super) fn index_element(&mut self) -> Result<IndexElement> {
        let key = if self.at_ch(b'(') {
            self.bump();
            let e = self.expr()?;
            self.expect_ch(b')')?;
            IndexKey::Expr(e)
        } else if self.is_col_id_here() && !self.peek_ch(1, b'(') && !self.peek_ch(1, b'.') {
            IndexKey::Column(self.col_id()?)
        } else {
            IndexKey::Expr(self.function_call()?)
        };
        let collation = if self.eat(kw::COLLATE) { Some(self.qualified_name()?) } else { None };
        let mut opclass = None;
        let mut opclass_options = vec![];
        // NULLS begins the order of nulls only before FIRST and LAST.
        let order_next = self.at(kw::NULLS) && (self.peek_at(1, kw::FIRST) || self.peek_at(1, kw::LAST));
        if self.is_col_id_here() && !order_next {
            opclass = Some(self.qualified_name()?);
            if self.at_ch(b'(') {
                opclass_options = self.rel_options()?;
            }
        }
        let order = self.sort_order(false)?;
        let nulls_first = self.nulls_order()?;
        Ok(IndexElement { key, collation, opclass, opclass_options, order, nulls_first })
    }

    // ---- sequences ----

    /// After CREATE [TEMP], at SEQUENCE.
    pub(super) fn create_sequence(&mut self, persistence: Persistence, pos: Pos) -> Result<Statement> {
        self.bump();
        let if_not_exists = self.opt_if_not_exists();
        let name = self.qualified_name()?;
        let options = self.sequence_options()?;
        Ok(Statement::CreateSequence(Box::new(CreateSequence { name, persistence, if_not_exists, options, pos })))
    }
    pub(super) fn paren_sequence_options(&mut self) -> Result<Vec<SequenceOption>> {
        self.expect_ch(b'(')?;
        let options = self.sequence_options()?;
        if options.is_empty() {
            return self.unexpected();
        }
        self.expect_ch(b')')?;
        Ok(options)
    }
    pub(super) fn sequence_options(&mut self) -> Result<Vec<SequenceOption>> {
        let mut options = vec![];
        while let Some(o) = self.sequence_option()? {
            options.push(o);
        }
        Ok(options)
    }
    pub(super) fn sequence_option(&mut self) -> Result<Option<SequenceOption>> {
        use SequenceOptionKind as K;
        let pos = self.pos();
        let kind = if self.eat(kw::AS) {
            K::As(self.simple_type()?)
        } else if self.eat(kw::CACHE) {
            K::Cache(self.numeric_only()?)
        } else if self.eat(kw::CYCLE) {
            K::Cycle(true)
        } else if self.eat(kw::INCREMENT) {
            self.eat(kw::BY);
            K::Increment(self.numeric_only()?)
        } else if self.eat(kw::MAXVALUE) {
            K::MaxValue(Some(self.numeric_only()?))
        } else if self.eat(kw::MINVALUE) {
            K::MinValue(Some(self.numeric_only()?))
        } else if self.eat(kw::NO) {
            if self.eat(kw::MAXVALUE) {
                K::MaxValue(None)
            } else if self.eat(kw::MINVALUE) {
                K::MinValue(None)
            } else {
                self.expect(kw::CYCLE)?;
                K::Cycle(false)
            }
        } else if self.eat(kw::OWNED) {
            self.expect(kw::BY)?;
            let first = self.label()?;
            let mut parts = self.more_parts(first)?;
            let column = parts.pop();
            match column {
                Some(c) if parts.is_empty() && c.value == "none" => K::OwnedBy(None),
                Some(c) if !parts.is_empty() => K::OwnedBy(Some((self.name_from(parts)?, c))),
                _ => {
                    let e = self.error_at("invalid OWNED BY option", NO_POS);
                    return Err(e.hint("Specify OWNED BY table.column or OWNED BY NONE."));
                }
            }
        } else if self.eat(kw::SEQUENCE) {
            self.expect(kw::NAME)?;
            K::SequenceName(self.qualified_name()?)
        } else if self.eat(kw::START) {
            self.eat(kw::WITH);
            K::Start(self.numeric_only()?)
        } else if self.eat(kw::RESTART) {
            let with = self.eat(kw::WITH);
            let number = matches!(self.kind(), crate::lexer::T::Int | crate::lexer::T::Num)
                || self.at_ch(b'-')
                || self.at_ch(b'+');
            K::Restart(if with || number { Some(self.numeric_only()?) } else { None })
        } else {
            return Ok(None);
        };
        Ok(Some(SequenceOption { kind, pos }))
    }

    // ---- schemas, views ----

    /// At SCHEMA.
    pub(super) fn create_schema(&mut self, pos: Pos) -> Result<Statement> {
        self.bump();
        let if_not_exists = self.opt_if_not_exists();
        let name = if self.at(kw::AUTHORIZATION) { None } else { Some(self.col_id()?) };
        let authorization = if self.eat(kw::AUTHORIZATION) { Some(self.role_spec()?) } else { None };
        let mut elements = vec![];
        while !self.at_end() {
            let at = self.pos();
            if self.at_any(&[kw::CREATE, kw::GRANT]) {
                if if_not_exists {
                    let e = rustydb_base::DbError::unsupported(
                        "CREATE SCHEMA IF NOT EXISTS cannot include schema elements",
                    );
                    return Err(self.place(e, at));
                }
                elements.push(self.statement_body()?);
            } else {
                return self.unexpected();
            }
        }
        Ok(Statement::CreateSchema(Box::new(CreateSchema { name, authorization, if_not_exists, elements, pos })))
    }
    /// After CREATE [OR REPLACE] [TEMP], at [RECURSIVE] VIEW.
    pub(super) fn create_view(&mut self, or_replace: bool, persistence: Persistence, pos: Pos) -> Result<Statement> {
        let recursive = self.eat(kw::RECURSIVE);
        self.expect(kw::VIEW)?;
        let name = self.qualified_name()?;
        let columns = if recursive { self.paren_list(Self::col_id)? } else { self.opt_column_list()? };
        let options = self.opt_with_options()?;
        self.expect(kw::AS)?;
        let start = self.pos();
        let mut query = self.query()?;
        let query_text = self.range_from(start);
        if recursive {
            query = recursive_view(&name, &columns, query, start);
        }
        let mut check = CheckOption::No;
        if self.at(kw::WITH) {
            let at = self.bump().start;
            check = if self.eat(kw::LOCAL) {
                CheckOption::Local
            } else {
                self.eat(kw::CASCADED);
                CheckOption::Cascaded
            };
            self.expect(kw::CHECK)?;
            self.expect(kw::OPTION)?;
            if recursive {
                let e = rustydb_base::DbError::unsupported("WITH CHECK OPTION not supported on recursive views");
                return Err(self.place(e, at));
            }
        }
        let v = CreateView {
            name,
            or_replace,
            persistence,
            columns,
            options,
            query: Box::new(query),
            check,
            query_text,
            pos,
        };
        Ok(Statement::CreateView(Box::new(v)))
    }

    // ---- databases, extensions, enums ----

    /// At DATABASE.
    pub(super) fn create_database(&mut self) -> Result<Statement> {
        self.bump();
        let name = self.col_id()?;
        self.eat(kw::WITH);
        Ok(Statement::CreateDatabase(Box::new(CreateDatabase { name, options: self.database_options()? })))
    }
    pub(super) fn database_options(&mut self) -> Result<Vec<DefOption>> {
        let mut options = vec![];
        while !self.at_end() {
            let at = self.pos();
            let name = if self.eat_seq(&[kw::CONNECTION, kw::LIMIT]) {
                Ident { value: "connection_limit".into(), pos: at }
            } else if self.at_any(&[kw::ENCODING, kw::LOCATION, kw::OWNER, kw::TABLESPACE, kw::TEMPLATE])
                || (self.kind() == crate::lexer::T::Word && self.tok.kw == crate::keywords::NONE)
            {
                self.label()?
            } else {
                return self.unexpected();
            };
            self.eat_ch(b'=');
            let value = if self.eat(kw::DEFAULT) {
                None
            } else if self.at_str() {
                Some(DefValue::String(self.string()?))
            } else if Self::is_label(self.tok) {
                Some(DefValue::Word(self.label()?.value))
            } else {
                Some(DefValue::Number(self.signed_int()?.to_string()))
            };
            options.push(DefOption { namespace: None, name, value });
        }
        Ok(options)
    }
    /// At EXTENSION.
    pub(super) fn create_extension(&mut self) -> Result<Statement> {
        self.bump();
        let if_not_exists = self.opt_if_not_exists();
        let name = self.col_id()?;
        self.eat(kw::WITH);
        let mut e =
            CreateExtension { name, if_not_exists, schema: None, version: None, cascade: false, redundant: None };
        loop {
            let pos = self.pos();
            let twice = match () {
                () if self.eat(kw::SCHEMA) => e.schema.replace(self.col_id()?).is_some(),
                () if self.eat(kw::VERSION) => e.version.replace(self.extension_version()?).is_some(),
                () if self.eat(kw::CASCADE) => std::mem::replace(&mut e.cascade, true),
                () if self.eat(kw::FROM) => {
                    self.extension_version()?;
                    let e = DbError::unsupported("CREATE EXTENSION ... FROM is no longer supported");
                    return Err(self.place(e, pos));
                }
                () => return Ok(Statement::CreateExtension(Box::new(e))),
            };
            if twice {
                e.redundant = e.redundant.or(Some(pos));
            }
        }
    }
    /// After ALTER EXTENSION.
    pub(super) fn alter_extension(&mut self) -> Result<Statement> {
        let name = self.col_id()?;
        let action = if self.eat(kw::UPDATE) {
            let named = self.eat(kw::TO);
            ExtensionAction::Update(if named { Some(self.extension_version()?) } else { None })
        } else if self.eat_seq(&[kw::SET, kw::SCHEMA]) {
            let (kind, object) = (ObjectKind::Extension, ObjectRef::Name(Self::single(name)));
            let schema = self.col_id()?;
            return Ok(Statement::AlterSchema(Box::new(AlterObjectSchema { kind, object, if_exists: false, schema })));
        } else if self.at_any(&[kw::ADD, kw::DROP]) {
            let add = self.at(kw::ADD);
            self.bump();
            let at = self.tok;
            use ObjectKind as K;
            let none = [K::Column, K::Extension, K::LargeObject, K::Policy, K::Rule, K::Trigger, K::UserMapping];
            match self.object_kind().filter(|k| !none.contains(k)) {
                Some(kind) => ExtensionAction::Member(add, kind, self.object_ref(kind)?),
                None => return Err(self.unexpected_error(at)),
            }
        } else {
            return self.unexpected();
        };
        Ok(Statement::AlterExtension(Box::new(AlterExtension { name, action })))
    }
    fn extension_version(&mut self) -> Result<String> {
        if self.at_str() { self.string() } else { Ok(self.take(Self::is_non_reserved_word)?.value) }
    }
    /// After CREATE TYPE name AS, at ENUM.
    pub(super) fn create_enum(&mut self, name: Name) -> Result<Statement> {
        self.bump();
        self.expect_ch(b'(')?;
        let labels = if self.at_ch(b')') { vec![] } else { self.comma_list(Self::string)? };
        self.expect_ch(b')')?;
        Ok(Statement::CreateEnum(Box::new(CreateEnum { name, labels })))
    }

    // ---- naming objects ----

    /// The kind of object that the present words name, which are passed.
    pub(super) fn object_kind(&mut self) -> Option<ObjectKind> {
        use ObjectKind::*;
        const KINDS: &[(&[Kw], ObjectKind)] = &[
            (&[kw::ACCESS, kw::METHOD], AccessMethod),
            (&[kw::AGGREGATE], Aggregate),
            (&[kw::CAST], Cast),
            (&[kw::COLLATION], Collation),
            (&[kw::COLUMN], Column),
            (&[kw::CONVERSION], Conversion),
            (&[kw::DATABASE], Database),
            (&[kw::DOMAIN], Domain),
            (&[kw::EVENT, kw::TRIGGER], EventTrigger),
            (&[kw::EXTENSION], Extension),
            (&[kw::FOREIGN, kw::DATA, kw::WRAPPER], ForeignDataWrapper),
            (&[kw::FOREIGN, kw::TABLE], ForeignTable),
            (&[kw::FUNCTION], Function),
            (&[kw::INDEX], Index),
            (&[kw::PROCEDURAL, kw::LANGUAGE], Language),
            (&[kw::LANGUAGE], Language),
            (&[kw::LARGE, kw::OBJECT], LargeObject),
            (&[kw::MATERIALIZED, kw::VIEW], MaterializedView),
            (&[kw::OPERATOR, kw::CLASS], OperatorClass),
            (&[kw::OPERATOR, kw::FAMILY], OperatorFamily),
            (&[kw::OPERATOR], Operator),
            (&[kw::POLICY], Policy),
            (&[kw::PROCEDURE], Procedure),
            (&[kw::PUBLICATION], Publication),
            (&[kw::ROLE], Role),
            (&[kw::USER, kw::MAPPING], UserMapping),
            (&[kw::USER], Role),
            (&[kw::GROUP], Role),
            (&[kw::ROUTINE], Routine),
            (&[kw::RULE], Rule),
            (&[kw::SCHEMA], Schema),
            (&[kw::SEQUENCE], Sequence),
            (&[kw::SERVER], Server),
            (&[kw::STATISTICS], Statistics),
            (&[kw::SUBSCRIPTION], Subscription),
            (&[kw::TABLE], Table),
            (&[kw::TABLESPACE], Tablespace),
            (&[kw::TEXT, kw::SEARCH, kw::CONFIGURATION], TextSearchConfiguration),
            (&[kw::TEXT, kw::SEARCH, kw::DICTIONARY], TextSearchDictionary),
            (&[kw::TEXT, kw::SEARCH, kw::PARSER], TextSearchParser),
            (&[kw::TEXT, kw::SEARCH, kw::TEMPLATE], TextSearchTemplate),
            (&[kw::TRANSFORM], Transform),
            (&[kw::TRIGGER], Trigger),
            (&[kw::TYPE], Type),
            (&[kw::VIEW], View),
        ];
        KINDS.iter().find(|k| self.eat_seq(k.0)).map(|k| k.1)
    }
    /// One object of a kind, as DROP, ALTER and COMMENT name it.
    pub(super) fn object_ref(&mut self, kind: ObjectKind) -> Result<ObjectRef> {
        use ObjectKind::*;
        Ok(match kind {
            Aggregate | Function | Procedure | Routine => {
                let name = self.func_name()?;
                let args = if self.at_ch(b'(') { Some(self.routine_args()?) } else { None };
                if kind == Aggregate && args.is_none() {
                    return self.unexpected();
                }
                ObjectRef::Routine(name, args)
            }
            Operator => {
                let name = self.any_operator()?;
                self.expect_ch(b'(')?;
                let left = self.opt_operand_type()?;
                if !self.eat_ch(b',') {
                    let e = self.error_at("missing argument", self.pos());
                    return Err(e.hint("Use NONE to denote the missing argument of a unary operator."));
                }
                let right = self.opt_operand_type()?;
                self.expect_ch(b')')?;
                ObjectRef::Operator(name, left, right)
            }
            Type | Domain => ObjectRef::Type(self.type_name()?),
            Trigger | Rule | Policy | TableConstraint => {
                let name = self.col_id()?;
                self.expect(kw::ON)?;
                ObjectRef::OnTable(name, self.qualified_name()?)
            }
            OperatorClass | OperatorFamily => {
                let name = self.qualified_name()?;
                self.expect(kw::USING)?;
                let method = self.col_id()?;
                ObjectRef::OnTable(method, name)
            }
            Cast => {
                self.expect_ch(b'(')?;
                let from = self.type_name()?;
                self.expect(kw::AS)?;
                let to = self.type_name()?;
                self.expect_ch(b')')?;
                ObjectRef::Cast(from, to)
            }
            Transform => {
                self.expect(kw::FOR)?;
                let ty = self.type_name()?;
                self.expect(kw::LANGUAGE)?;
                ObjectRef::Transform(ty, self.col_id()?)
            }
            Column => {
                let first = self.col_id()?;
                let mut parts = self.more_parts(first)?;
                match parts.pop() {
                    Some(column) if !parts.is_empty() => ObjectRef::Column(self.name_from(parts)?, column),
                    _ => return Err(self.error_at("column name must be qualified", self.pos())),
                }
            }
            LargeObject => ObjectRef::Oid(self.numeric_only()?),
            _ => ObjectRef::Name(self.qualified_name()?),
        })
    }
    /// `(int, OUT text, …)`; `(*)` of an aggregate is no arguments, ORDER BY of an aggregate joins the lists.
    pub(super) fn routine_args(&mut self) -> Result<Vec<RoutineArg>> {
        self.expect_ch(b'(')?;
        let mut args = vec![];
        if self.eat_ch(b'*') || self.at_ch(b')') {
            self.expect_ch(b')')?;
            return Ok(args);
        }
        if !self.at(kw::ORDER) {
            args = self.comma_list(Self::routine_arg)?;
        }
        if self.eat_seq(&[kw::ORDER, kw::BY]) {
            args.append(&mut self.comma_list(Self::routine_arg)?);
        }
        self.expect_ch(b')')?;
        Ok(args)
    }
    pub(super) fn routine_arg(&mut self) -> Result<RoutineArg> {
        const MODES: [(Kw, &str); 4] =
            [(kw::IN, "in"), (kw::OUT, "out"), (kw::INOUT, "inout"), (kw::VARIADIC, "variadic")];
        let mut mode = MODES.iter().find(|m| self.at(m.0)).map(|m| m.1);
        if mode.is_some() {
            self.bump();
            if mode == Some("in") && self.eat(kw::OUT) {
                mode = Some("inout");
            }
        }
        // A name is there if a type follows it.
        let mut name = None;
        if Self::is_type_func_name(self.tok) && !(self.at(kw::DOUBLE) && self.peek_at(1, kw::PRECISION)) {
            let next = self.peek(1);
            let ends = [kw::ARRAY, kw::ORDER, kw::DEFAULT].iter().any(|k| Self::at_kw(next, *k));
            if Self::is_label(next) && !ends {
                name = Some(self.label()?);
            }
        }
        // The mode may also follow the name.
        if mode.is_none() && name.is_some() {
            mode = MODES.iter().find(|m| self.at(m.0)).map(|m| m.1);
            if mode.is_some() {
                self.bump();
                if mode == Some("in") && self.eat(kw::OUT) {
                    mode = Some("inout");
                }
            }
        }
        Ok(RoutineArg { mode, name, ty: self.func_type()? })
    }
    fn opt_operand_type(&mut self) -> Result<Option<crate::ast::TypeName>> {
        if self.eat(kw::NONE) { Ok(None) } else { Ok(Some(self.type_name()?)) }
    }

    // ---- DROP ----

    /// At DROP.
    pub(super) fn drop_statement(&mut self) -> Result<Statement> {
        self.bump();
        if self.at(kw::OWNED) {
            self.bump();
            self.expect(kw::BY)?;
            let roles = self.role_list()?;
            let cascade = self.opt_cascade();
            return Ok(Statement::DropOwned(Box::new(crate::ast::DropOwned { roles, cascade })));
        }
        let Some(kind) = self.object_kind().filter(|k| *k != ObjectKind::Column && *k != ObjectKind::LargeObject)
        else {
            return self.unexpected();
        };
        let concurrently = kind == ObjectKind::Index && self.eat(kw::CONCURRENTLY);
        let if_exists = self.opt_if_exists();
        match kind {
            ObjectKind::Database => {
                let name = self.col_id()?;
                self.eat(kw::WITH);
                let mut force = false;
                if self.at_ch(b'(') {
                    self.paren_list(|p| p.expect(kw::FORCE))?;
                    force = true;
                }
                return Ok(Statement::DropDatabase(Box::new(DropDatabase { name, if_exists, force })));
            }
            ObjectKind::UserMapping => {
                self.expect(kw::FOR)?;
                if !self.eat(kw::USER) {
                    self.role_spec()?;
                }
                self.expect(kw::SERVER)?;
                let server = self.col_id()?;
                let objects = vec![ObjectRef::Name(Name { catalog: None, schema: None, name: server })];
                return Ok(Statement::Drop(Box::new(Drop {
                    kind,
                    objects,
                    if_exists,
                    cascade: false,
                    concurrently,
                    purge: false,
                })));
            }
            _ => {}
        }
        let objects = match kind {
            ObjectKind::Role => self
                .role_list()?
                .into_iter()
                .map(|r| match r {
                    RoleSpec::Name(name) => Ok(ObjectRef::Name(Name { catalog: None, schema: None, name })),
                    RoleSpec::CurrentRole(p)
                    | RoleSpec::CurrentUser(p)
                    | RoleSpec::SessionUser(p)
                    | RoleSpec::Public(p) => {
                        let e = rustydb_base::DbError::new(
                            rustydb_base::SqlState::INVALID_PARAMETER_VALUE,
                            "cannot use special role specifier in DROP ROLE",
                        );
                        let _ = p;
                        Err(e)
                    }
                })
                .collect::<Result<Vec<_>>>()?,
            ObjectKind::Trigger
            | ObjectKind::Rule
            | ObjectKind::Policy
            | ObjectKind::Cast
            | ObjectKind::Transform
            | ObjectKind::OperatorClass
            | ObjectKind::OperatorFamily
            | ObjectKind::Subscription
            | ObjectKind::Tablespace => vec![self.object_ref(kind)?],
            _ => self.comma_list(|p| p.object_ref(kind))?,
        };
        let cascade = match kind {
            ObjectKind::Role | ObjectKind::Tablespace => false,
            _ => self.opt_cascade(),
        };
        // No keyword of PostgreSQL's.
        let purge = kind == ObjectKind::Table && self.eat_word("purge");
        Ok(Statement::Drop(Box::new(Drop { kind, objects, if_exists, cascade, concurrently, purge })))
    }
}

/// `CREATE RECURSIVE VIEW v (a) AS q` is `WITH RECURSIVE v (a) AS (q) SELECT a FROM v`.
fn recursive_view(name: &Name, columns: &[Ident], query: Query, pos: Pos) -> Query {
    use crate::ast::{ColumnRef, Distinct, Expr, ExprKind, QueryBody, Select, TableRef, Target};
    let cte = Cte {
        name: name.name.clone(),
        columns: columns.to_vec(),
        materialized: None,
        body: Box::new(Statement::Query(Box::new(query))),
        search: None,
        cycle: None,
    };
    let targets = columns
        .iter()
        .map(|c| Target {
            expr: Expr::new(ExprKind::Column(ColumnRef { parts: vec![c.clone()], star: false }), NO_POS),
            alias: None,
            pos: NO_POS,
        })
        .collect();
    let table = TableFactor {
        name: Name { catalog: None, schema: None, name: name.name.clone() },
        only: false,
        alias: None,
        sample: None,
        as_of: None,
    };
    let select = Select {
        distinct: Distinct::No,
        targets,
        from: vec![TableRef::Table(Box::new(table))],
        filter: None,
        group_by: vec![],
        group_distinct: false,
        having: None,
        windows: vec![],
        pos,
    };
    let mut outer = Query::of(QueryBody::Select(Box::new(select)), pos);
    outer.with = Some(With { recursive: true, ctes: vec![cte], pos: NO_POS });
    outer
}
