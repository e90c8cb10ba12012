//! CREATE TABLE: columns, constraints, and the clauses after the list.

use super::Parser;
use crate::ast::{
    ColumnDef, Constraint, ConstraintKind, CreateTable, CreateTableAs, Exclude, ForeignAction, ForeignKey, Ident,
    KeyDef, LikeOption, MatchKind, Name, OnCommit, PartitionBound, PartitionBy, Persistence, Pos, Statement,
    TableElement, TableLike,
};
use crate::keywords::{Kw, kw};
use rustydb_base::{DbError, Result, SqlState};

/// Attributes that may follow a constraint.
struct Attributes {
    deferrable: Option<bool>,
    deferred: Option<bool>,
    not_valid: bool,
    no_inherit: bool,
}

fn kind_sql(kind: &ConstraintKind) -> &'static str {
    match kind {
        ConstraintKind::Check(_) => "CHECK",
        ConstraintKind::PrimaryKey(_) => "PRIMARY KEY",
        ConstraintKind::Unique { .. } => "UNIQUE",
        ConstraintKind::ForeignKey(_) => "FOREIGN KEY",
        _ => "EXCLUDE",
    }
}

impl Parser<'_> {
    /// After CREATE and TEMP/UNLOGGED, at TABLE.
    pub(super) fn create_table(&mut self, persistence: Persistence, pos: Pos) -> Result<Statement> {
        self.bump();
        let if_not_exists = self.opt_if_not_exists();
        let name = self.qualified_name()?;
        let mut t = CreateTable {
            name,
            persistence,
            if_not_exists,
            elements: vec![],
            inherits: vec![],
            of_type: None,
            partition_of: None,
            partition_by: None,
            method: None,
            options: vec![],
            on_commit: OnCommit::Unspecified,
            tablespace: None,
            pos,
        };
        if self.eat(kw::OF) {
            t.of_type = Some(self.qualified_name()?);
            if self.at_ch(b'(') {
                t.elements = self.paren_list(|p| p.table_element(true))?;
            }
        } else if self.at(kw::PARTITION) && self.peek_at(1, kw::OF) {
            self.bump();
            self.bump();
            let parent = self.qualified_name()?;
            if self.at_ch(b'(') {
                t.elements = self.paren_list(|p| p.table_element(true))?;
            }
            t.partition_of = Some((parent, self.partition_bound()?));
        } else if self.at_ch(b'(') && !self.plain_names_then_as() {
            self.bump();
            if !self.eat_ch(b')') {
                t.elements = self.comma_list(|p| p.table_element(false))?;
                self.expect_ch(b')')?;
            }
            if self.eat(kw::INHERITS) {
                t.inherits = self.paren_list(Self::qualified_name)?;
            }
        } else {
            return self.create_table_as(t);
        }
        if self.at(kw::PARTITION) {
            t.partition_by = Some(self.partition_by()?);
        }
        if self.eat(kw::USING) {
            t.method = Some(self.col_id()?);
        }
        self.table_tail(&mut t)?;
        Ok(Statement::CreateTable(Box::new(t)))
    }
    /// WITH, ON COMMIT, TABLESPACE.
    fn table_tail(&mut self, t: &mut CreateTable) -> Result<()> {
        t.options = self.opt_with_options()?;
        if t.options.is_empty() && self.at(kw::WITHOUT) && self.peek_at(1, kw::OIDS) {
            self.bump();
            self.bump();
        }
        if self.eat(kw::ON) {
            self.expect(kw::COMMIT)?;
            t.on_commit = if self.eat(kw::DROP) {
                OnCommit::Drop
            } else if self.eat(kw::DELETE) {
                self.expect(kw::ROWS)?;
                OnCommit::DeleteRows
            } else {
                self.expect(kw::PRESERVE)?;
                self.expect(kw::ROWS)?;
                OnCommit::PreserveRows
            };
        }
        if self.eat(kw::TABLESPACE) {
            t.tablespace = Some(self.col_id()?);
        }
        Ok(())
    }
    /// At `(`: whether a list of mere names follows, as in CREATE TABLE t (a, b) AS.
    fn plain_names_then_as(&mut self) -> bool {
        let next = self.peek(1);
        if Self::at_kw(next, kw::LIKE) || !Self::is_col_id(next) {
            return false;
        }
        let after = self.peek(2);
        after.kind == crate::lexer::T::Ch && (after.kw == u16::from(b',') || after.kw == u16::from(b')'))
    }
    fn create_table_as(&mut self, mut t: CreateTable) -> Result<Statement> {
        let columns = self.opt_column_list()?;
        if self.eat(kw::USING) {
            t.method = Some(self.col_id()?);
        }
        self.table_tail(&mut t)?;
        self.expect(kw::AS)?;
        let source = self.as_source()?;
        let with_data = self.opt_with_data()?;
        Ok(Statement::CreateTableAs(Box::new(CreateTableAs {
            name: t.name,
            materialized_view: false,
            select_into: false,
            persistence: t.persistence,
            if_not_exists: t.if_not_exists,
            columns,
            method: t.method,
            options: t.options,
            on_commit: t.on_commit,
            tablespace: t.tablespace,
            source,
            with_data,
            pos: t.pos,
        })))
    }
    /// A query or EXECUTE.
    fn as_source(&mut self) -> Result<Statement> {
        if self.at(kw::EXECUTE) {
            return self.execute();
        }
        Ok(Statement::Query(Box::new(self.query()?)))
    }
    pub(super) fn opt_with_data(&mut self) -> Result<bool> {
        if !self.eat(kw::WITH) {
            return Ok(true);
        }
        let no = self.eat(kw::NO);
        self.expect(kw::DATA)?;
        Ok(!no)
    }
    /// After CREATE, at MATERIALIZED.
    pub(super) fn create_matview(&mut self, persistence: Persistence, pos: Pos) -> Result<Statement> {
        self.bump();
        self.expect(kw::VIEW)?;
        let if_not_exists = self.opt_if_not_exists();
        let name = self.qualified_name()?;
        let columns = self.opt_column_list()?;
        let method = if self.eat(kw::USING) { Some(self.col_id()?) } else { None };
        let options = self.opt_with_options()?;
        let tablespace = if self.eat(kw::TABLESPACE) { Some(self.col_id()?) } else { None };
        self.expect(kw::AS)?;
        let source = Statement::Query(Box::new(self.query()?));
        let with_data = self.opt_with_data()?;
        Ok(Statement::CreateTableAs(Box::new(CreateTableAs {
            name,
            materialized_view: true,
            select_into: false,
            persistence,
            if_not_exists,
            columns,
            method,
            options,
            on_commit: OnCommit::Unspecified,
            tablespace,
            source,
            with_data,
            pos,
        })))
    }

    /// A column, constraint or LIKE. In a typed table or partition a column has no type.
    fn table_element(&mut self, typed: bool) -> Result<TableElement> {
        if !typed && self.eat(kw::LIKE) {
            let table = self.qualified_name()?;
            let mut options = vec![];
            while self.at_any(&[kw::INCLUDING, kw::EXCLUDING]) {
                let including = self.bump().kw == kw::INCLUDING;
                options.push((including, self.like_option()?));
            }
            return Ok(TableElement::Like(Box::new(TableLike { table, options })));
        }
        if self.at_table_constraint() {
            return Ok(TableElement::Constraint(Box::new(self.table_constraint()?)));
        }
        if typed {
            let name = self.col_id()?;
            if self.eat(kw::WITH) {
                self.expect(kw::OPTIONS)?;
            }
            let mut c =
                ColumnDef { name, ty: None, collation: None, storage: None, compression: None, constraints: vec![] };
            self.column_constraints(&mut c)?;
            return Ok(TableElement::Column(Box::new(c)));
        }
        Ok(TableElement::Column(Box::new(self.column_def()?)))
    }
    fn like_option(&mut self) -> Result<LikeOption> {
        const OPTIONS: [(Kw, LikeOption); 10] = [
            (kw::ALL, LikeOption::All),
            (kw::COMMENTS, LikeOption::Comments),
            (kw::COMPRESSION, LikeOption::Compression),
            (kw::CONSTRAINTS, LikeOption::Constraints),
            (kw::DEFAULTS, LikeOption::Defaults),
            (kw::GENERATED, LikeOption::Generated),
            (kw::IDENTITY, LikeOption::Identity),
            (kw::INDEXES, LikeOption::Indexes),
            (kw::STATISTICS, LikeOption::Statistics),
            (kw::STORAGE, LikeOption::Storage),
        ];
        for (k, o) in OPTIONS {
            if self.eat(k) {
                return Ok(o);
            }
        }
        self.unexpected()
    }

    /// `name type …`.
    pub(super) fn column_def(&mut self) -> Result<ColumnDef> {
        let name = self.col_id()?;
        let ty = self.type_name()?;
        let mut c =
            ColumnDef { name, ty: Some(ty), collation: None, storage: None, compression: None, constraints: vec![] };
        loop {
            if c.storage.is_none() && self.eat(kw::STORAGE) {
                c.storage = Some(self.col_id()?);
            } else if c.compression.is_none() && self.eat(kw::COMPRESSION) {
                c.compression = Some(self.compression()?);
            } else {
                break;
            }
        }
        self.column_constraints(&mut c)?;
        Ok(c)
    }
    pub(super) fn compression(&mut self) -> Result<Ident> {
        if self.at(kw::DEFAULT) {
            return self.label();
        }
        self.col_id()
    }
    pub(super) fn column_constraints(&mut self, c: &mut ColumnDef) -> Result<()> {
        loop {
            let pos = self.pos();
            if self.eat(kw::COLLATE) {
                if c.collation.is_some() {
                    return Err(self.error_at("multiple COLLATE clauses not allowed", pos));
                }
                // Errors about a collation point at the clause.
                let mut name = self.qualified_name()?;
                [name.catalog.as_mut(), name.schema.as_mut(), Some(&mut name.name)]
                    .into_iter()
                    .flatten()
                    .for_each(|n| n.pos = pos);
                c.collation = Some(name);
                continue;
            }
            if self.constraint_attribute(c)? {
                continue;
            }
            let name = if self.eat(kw::CONSTRAINT) { Some(self.col_id()?) } else { None };
            let named = name.is_some();
            match self.column_constraint_kind()? {
                Some(kind) => {
                    let no_inherit = matches!(kind, ConstraintKind::Check(_)) && self.eat_seq(&[kw::NO, kw::INHERIT]);
                    c.constraints.push(Constraint {
                        name,
                        kind,
                        deferrable: false,
                        initially_deferred: false,
                        not_valid: false,
                        no_inherit,
                        pos,
                    });
                }
                None if named => return self.unexpected(),
                None => return Ok(()),
            }
        }
    }
    /// DEFERRABLE and its kin after a column constraint: merged into the constraint before.
    fn constraint_attribute(&mut self, c: &mut ColumnDef) -> Result<bool> {
        let pos = self.pos();
        let deferrable = if self.eat(kw::DEFERRABLE) {
            Some(true)
        } else if self.eat_seq(&[kw::NOT, kw::DEFERRABLE]) {
            Some(false)
        } else {
            None
        };
        let deferred = if deferrable.is_some() {
            None
        } else if self.eat(kw::INITIALLY) {
            let deferred = self.eat(kw::DEFERRED);
            if !deferred {
                self.expect(kw::IMMEDIATE)?;
            }
            Some(deferred)
        } else {
            return Ok(false);
        };
        let last = c.constraints.last_mut().filter(|c| {
            use ConstraintKind::*;
            matches!(c.kind, PrimaryKey(_) | Unique { .. } | Exclude(_) | ForeignKey(_))
        });
        let Some(last) = last else {
            let clause = match (deferrable, deferred) {
                (Some(true), _) => "DEFERRABLE",
                (Some(false), _) => "NOT DEFERRABLE",
                (_, Some(true)) => "INITIALLY DEFERRED",
                _ => "INITIALLY IMMEDIATE",
            };
            return Err(self.error_at(format!("misplaced {clause} clause"), pos));
        };
        match (deferrable, deferred) {
            (Some(d), _) => {
                last.deferrable = d;
                if !d && last.initially_deferred {
                    return Err(self.error_at("constraint declared INITIALLY DEFERRED must be DEFERRABLE", pos));
                }
            }
            (_, Some(d)) => {
                last.initially_deferred = d;
                last.deferrable |= d;
            }
            _ => {}
        }
        Ok(true)
    }
    fn column_constraint_kind(&mut self) -> Result<Option<ConstraintKind>> {
        Ok(Some(if self.eat(kw::NULL) {
            ConstraintKind::Null
        } else if self.at(kw::NOT) && !self.peek_at(1, kw::DEFERRABLE) {
            self.bump();
            self.expect(kw::NULL)?;
            ConstraintKind::NotNull
        } else if self.eat(kw::DEFAULT) {
            ConstraintKind::Default(self.b_expr()?)
        } else if self.eat(kw::CHECK) {
            self.expect_ch(b'(')?;
            let e = self.expr()?;
            self.expect_ch(b')')?;
            ConstraintKind::Check(e)
        } else if self.eat_seq(&[kw::PRIMARY, kw::KEY]) {
            ConstraintKind::PrimaryKey(self.key_options(vec![])?)
        } else if self.eat(kw::UNIQUE) {
            let nulls_not_distinct = self.opt_nulls_distinct()?;
            ConstraintKind::Unique { key: self.key_options(vec![])?, nulls_not_distinct }
        } else if self.eat(kw::REFERENCES) {
            ConstraintKind::ForeignKey(Box::new(self.references(vec![])?))
        } else if self.eat(kw::GENERATED) {
            return self.generated().map(Some);
        } else {
            return Ok(None);
        }))
    }
    fn generated(&mut self) -> Result<ConstraintKind> {
        let at = self.pos();
        let always = self.generated_when()?;
        self.expect(kw::AS)?;
        if self.eat(kw::IDENTITY) {
            let options = if self.at_ch(b'(') { self.paren_sequence_options()? } else { vec![] };
            return Ok(ConstraintKind::Identity { always, options });
        }
        self.expect_ch(b'(')?;
        let e = self.expr()?;
        self.expect_ch(b')')?;
        // Neither word means VIRTUAL, as from PostgreSQL 18 on.
        let stored = self.eat(kw::STORED);
        if !stored {
            self.eat_word("virtual");
        }
        if !always {
            return Err(self.error_at("for a generated column, GENERATED ALWAYS must be specified", at));
        }
        Ok(ConstraintKind::Generated { expr: e, stored })
    }
    /// ALWAYS (`true`) or BY DEFAULT.
    pub(super) fn generated_when(&mut self) -> Result<bool> {
        if self.eat(kw::ALWAYS) {
            return Ok(true);
        }
        self.expect(kw::BY)?;
        self.expect(kw::DEFAULT)?;
        Ok(false)
    }
    pub(super) fn opt_nulls_distinct(&mut self) -> Result<bool> {
        if !self.at(kw::NULLS) {
            return Ok(false);
        }
        self.bump();
        let not = self.eat(kw::NOT);
        self.expect(kw::DISTINCT)?;
        Ok(not)
    }
    /// INCLUDE, WITH, USING INDEX TABLESPACE of a key.
    fn key_options(&mut self, columns: Vec<Ident>) -> Result<KeyDef> {
        let mut key = KeyDef { columns, ..KeyDef::default() };
        if !key.columns.is_empty() && self.eat(kw::INCLUDE) {
            key.include = self.paren_list(Self::col_id)?;
        }
        key.options = self.opt_with_options()?;
        key.tablespace = self.opt_index_tablespace()?;
        Ok(key)
    }
    fn opt_index_tablespace(&mut self) -> Result<Option<Ident>> {
        if self.eat_seq(&[kw::USING, kw::INDEX, kw::TABLESPACE]) {
            return Ok(Some(self.col_id()?));
        }
        Ok(None)
    }
    /// After REFERENCES.
    fn references(&mut self, columns: Vec<Ident>) -> Result<ForeignKey> {
        let table = self.qualified_name()?;
        let references = self.opt_column_list()?;
        let mut match_kind = MatchKind::Simple;
        let at = self.tok;
        if self.eat(kw::MATCH) {
            match_kind = if self.eat(kw::FULL) {
                MatchKind::Full
            } else if self.eat(kw::PARTIAL) {
                let e = DbError::unsupported("MATCH PARTIAL not yet implemented");
                return Err(self.place(e, at.start));
            } else {
                self.expect(kw::SIMPLE)?;
                MatchKind::Simple
            };
        }
        let mut fk = ForeignKey {
            columns,
            table,
            references,
            match_kind,
            on_update: ForeignAction::NoAction,
            on_delete: ForeignAction::NoAction,
        };
        let (mut update, mut delete) = (false, false);
        while self.at(kw::ON) {
            let at = self.bump().start;
            if !update && self.eat(kw::UPDATE) {
                update = true;
                fk.on_update = self.foreign_action()?;
                if let ForeignAction::SetNull(c) | ForeignAction::SetDefault(c) = &fk.on_update
                    && !c.is_empty()
                {
                    let what =
                        if matches!(fk.on_update, ForeignAction::SetNull(_)) { "SET NULL" } else { "SET DEFAULT" };
                    let e = DbError::unsupported(format!(
                        "a column list with {what} is only supported for ON DELETE actions"
                    ));
                    return Err(self.place(e, at));
                }
            } else if !delete && self.eat(kw::DELETE) {
                delete = true;
                fk.on_delete = self.foreign_action()?;
            } else {
                return self.unexpected();
            }
        }
        Ok(fk)
    }
    fn foreign_action(&mut self) -> Result<ForeignAction> {
        Ok(if self.eat(kw::NO) {
            self.expect(kw::ACTION)?;
            ForeignAction::NoAction
        } else if self.eat(kw::RESTRICT) {
            ForeignAction::Restrict
        } else if self.eat(kw::CASCADE) {
            ForeignAction::Cascade
        } else {
            self.expect(kw::SET)?;
            if self.eat(kw::NULL) {
                ForeignAction::SetNull(self.opt_column_list()?)
            } else {
                self.expect(kw::DEFAULT)?;
                ForeignAction::SetDefault(self.opt_column_list()?)
            }
        })
    }

    // ---- table constraints ----

    pub(super) fn at_table_constraint(&mut self) -> bool {
        self.at(kw::CONSTRAINT)
            || self.at(kw::CHECK)
            || self.at(kw::UNIQUE)
            || self.at(kw::PRIMARY)
            || self.at(kw::FOREIGN)
            || (self.at(kw::EXCLUDE) && (self.peek_at(1, kw::USING) || self.peek_ch(1, b'(')))
    }
    /// `[CONSTRAINT name] …` with attributes.
    pub(super) fn table_constraint(&mut self) -> Result<Constraint> {
        let pos = self.pos();
        let name = if self.eat(kw::CONSTRAINT) { Some(self.col_id()?) } else { None };
        let kind = if self.eat(kw::CHECK) {
            self.expect_ch(b'(')?;
            let e = self.expr()?;
            self.expect_ch(b')')?;
            ConstraintKind::Check(e)
        } else if self.eat(kw::UNIQUE) {
            let nulls_not_distinct = self.opt_nulls_distinct()?;
            ConstraintKind::Unique { key: self.table_key()?, nulls_not_distinct }
        } else if self.eat(kw::PRIMARY) {
            self.expect(kw::KEY)?;
            ConstraintKind::PrimaryKey(self.table_key()?)
        } else if self.eat(kw::FOREIGN) {
            self.expect(kw::KEY)?;
            let columns = self.paren_list(Self::col_id)?;
            self.expect(kw::REFERENCES)?;
            ConstraintKind::ForeignKey(Box::new(self.references(columns)?))
        } else if self.eat(kw::EXCLUDE) {
            ConstraintKind::Exclude(Box::new(self.exclude()?))
        } else {
            return self.unexpected();
        };
        let a = self.attributes(kind_sql(&kind))?;
        Ok(Constraint {
            name,
            kind,
            deferrable: a.deferrable.unwrap_or(a.deferred == Some(true)),
            initially_deferred: a.deferred == Some(true),
            not_valid: a.not_valid,
            no_inherit: a.no_inherit,
            pos,
        })
    }
    fn table_key(&mut self) -> Result<KeyDef> {
        if self.at(kw::USING) && self.peek_at(1, kw::INDEX) && !self.peek_at(2, kw::TABLESPACE) {
            self.bump();
            self.bump();
            return Ok(KeyDef { using_index: Some(self.col_id()?), ..KeyDef::default() });
        }
        let columns = self.paren_list(Self::col_id)?;
        self.key_options(columns)
    }
    fn exclude(&mut self) -> Result<Exclude> {
        let method = if self.eat(kw::USING) { Some(self.col_id()?) } else { None };
        let elements = self.paren_list(|p| {
            let element = p.index_element()?;
            p.expect(kw::WITH)?;
            let op: Name = if p.at(kw::OPERATOR) { p.operator_clause()? } else { p.any_operator()? };
            Ok((element, op))
        })?;
        let include = if self.eat(kw::INCLUDE) { self.paren_list(Self::col_id)? } else { vec![] };
        let options = self.opt_with_options()?;
        let tablespace = self.opt_index_tablespace()?;
        let mut filter = None;
        if self.eat(kw::WHERE) {
            self.expect_ch(b'(')?;
            filter = Some(self.expr()?);
            self.expect_ch(b')')?;
        }
        Ok(Exclude { method, elements, include, options, tablespace, filter })
    }
    /// DEFERRABLE, INITIALLY …, NOT VALID, NO INHERIT in any order, as far as the kind has them.
    fn attributes(&mut self, kind: &str) -> Result<Attributes> {
        let mut a = Attributes { deferrable: None, deferred: None, not_valid: false, no_inherit: false };
        let (check, foreign) = (kind == "CHECK", kind == "FOREIGN KEY");
        let refuse = |what: &str| -> Result<Attributes> {
            let message = format!("{kind} constraints cannot be marked {what}");
            Err(DbError::new(SqlState::FEATURE_NOT_SUPPORTED, message))
        };
        loop {
            let pos = self.pos();
            if self.at_any(&[kw::DEFERRABLE]) || (self.at(kw::NOT) && self.peek_at(1, kw::DEFERRABLE)) {
                let yes = !self.eat(kw::NOT);
                self.bump();
                if a.deferrable.is_some_and(|d| d != yes) || (!yes && a.deferred == Some(true)) {
                    let message = if a.deferred == Some(true) && !yes {
                        "constraint declared INITIALLY DEFERRED must be DEFERRABLE"
                    } else {
                        "conflicting constraint properties"
                    };
                    return Err(self.error_at(message, pos));
                }
                if check && yes {
                    return refuse("DEFERRABLE");
                }
                a.deferrable = Some(yes);
            } else if self.eat(kw::INITIALLY) {
                let yes = self.eat(kw::DEFERRED);
                if !yes {
                    self.expect(kw::IMMEDIATE)?;
                }
                if yes && a.deferrable == Some(false) {
                    return Err(self.error_at("constraint declared INITIALLY DEFERRED must be DEFERRABLE", pos));
                }
                if a.deferred.is_some_and(|d| d != yes) {
                    return Err(self.error_at("conflicting constraint properties", pos));
                }
                if check && yes {
                    return refuse("DEFERRABLE");
                }
                a.deferred = Some(yes);
            } else if self.eat_seq(&[kw::NOT, kw::VALID]) {
                if !check && !foreign {
                    return refuse("NOT VALID");
                }
                a.not_valid = true;
            } else if self.eat_seq(&[kw::NO, kw::INHERIT]) {
                if !check {
                    return refuse("NO INHERIT");
                }
                a.no_inherit = true;
            } else {
                return Ok(a);
            }
        }
    }
    /// DEFERRABLE and INITIALLY of ALTER CONSTRAINT.
    pub(super) fn deferral(&mut self) -> Result<(bool, bool)> {
        let a = self.attributes("FOREIGN KEY")?;
        if a.not_valid {
            let message = "FOREIGN KEY constraints cannot be marked NOT VALID";
            return Err(DbError::new(SqlState::FEATURE_NOT_SUPPORTED, message));
        }
        Ok((a.deferrable.unwrap_or(a.deferred == Some(true)), a.deferred == Some(true)))
    }

    // ---- partitions ----

    fn partition_by(&mut self) -> Result<PartitionBy> {
        self.bump();
        self.expect(kw::BY)?;
        let strategy = self.col_id()?;
        Ok(PartitionBy { strategy, key: self.paren_list(Self::index_element)? })
    }
    /// FOR VALUES … or DEFAULT.
    pub(super) fn partition_bound(&mut self) -> Result<PartitionBound> {
        let word = self.pos();
        if self.eat(kw::DEFAULT) {
            return Ok(PartitionBound::Default(word));
        }
        self.expect(kw::FOR)?;
        self.expect(kw::VALUES)?;
        let word = self.pos();
        if self.eat(kw::IN) {
            return Ok(PartitionBound::In(self.paren_list(Self::expr)?, word));
        }
        if self.eat(kw::FROM) {
            let from = self.paren_list(Self::expr)?;
            self.expect(kw::TO)?;
            return Ok(PartitionBound::Range(from, self.paren_list(Self::expr)?, word));
        }
        self.expect(kw::WITH)?;
        let (mut modulus, mut remainder) = (None, None);
        self.paren_list(|p| {
            let at = p.pos();
            if p.eat_word("modulus") && modulus.is_none() {
                modulus = Some(p.small_int()?);
            } else if p.eat_word("remainder") && remainder.is_none() {
                remainder = Some(p.small_int()?);
            } else if p.is_col_id_here() {
                let name = p.col_id()?;
                let what = format!("unrecognized hash partition bound specification \"{}\"", name.value);
                return Err(p.error_at(what, at));
            } else {
                return p.unexpected();
            }
            Ok(())
        })?;
        let unplaced = |what: &'static str| Err(DbError::new(SqlState::SYNTAX_ERROR, what));
        match (modulus, remainder) {
            (Some(modulus), Some(remainder)) => Ok(PartitionBound::Hash { modulus, remainder, pos: word }),
            (None, _) => unplaced("modulus for hash partition must be specified"),
            _ => unplaced("remainder for hash partition must be specified"),
        }
    }
}
