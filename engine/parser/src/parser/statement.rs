//! Statements: which file parses what, and the statements that are recognised but not analysed.

use super::Parser;
use crate::ast::{
    CreateTableAs, Name, ObjectKind, OnCommit, Other, Persistence, Query, QueryBody, RoleSpec, Select, Statement,
};
use crate::keywords::{Kw, kw};
use crate::{ParseOptions, Parsed};
use rustydb_base::{DbError, Result, SqlState};

/// All statements of a string; none is returned if any is wrong.
pub(crate) fn statements(sql: &str, options: &ParseOptions) -> Result<Vec<Parsed>> {
    if u32::try_from(sql.len()).is_err() {
        return Err(DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "statement text is too long"));
    }
    let mut p = Parser::new(sql, options.standard_conforming_strings);
    let mut out = vec![];
    loop {
        while p.eat_ch(b';') {}
        if p.kind() == crate::lexer::T::Eof {
            return Ok(out);
        }
        p.height = 0;
        p.params = 0;
        p.into = None;
        let start = p.pos();
        let stmt = p.statement()?;
        if !p.at_end() {
            return p.unexpected();
        }
        let notices = std::mem::take(&mut p.notices);
        out.push(Parsed { stmt, text: p.range_from(start), params: p.params, height: p.height, notices });
    }
}

impl Parser<'_> {
    fn statement(&mut self) -> Result<Statement> {
        let stmt = self.statement_body()?;
        let Some((into, select_pos, into_pos)) = self.into.take() else { return Ok(stmt) };
        let refuse = |p: &Self| Err(p.error_at("SELECT ... INTO is not allowed here", into_pos));
        match &stmt {
            Statement::Copy(_) => return Err(DbError::unsupported("COPY (SELECT INTO) is not supported")),
            Statement::CreateView(_) => {
                return Err(DbError::new(SqlState::SYNTAX_ERROR, "views must not contain SELECT INTO"));
            }
            _ => {}
        }
        let (Statement::Query(q), false) = (stmt, self.height > super::MAX_HEIGHT) else { return refuse(self) };
        // INTO belongs to the leftmost SELECT.
        if leftmost(&q).is_none_or(|s| s.pos != select_pos) {
            return refuse(self);
        }
        let pos = q.pos;
        Ok(Statement::CreateTableAs(Box::new(CreateTableAs {
            name: into.name,
            materialized_view: false,
            select_into: true,
            persistence: into.persistence,
            if_not_exists: false,
            columns: vec![],
            method: None,
            options: vec![],
            on_commit: OnCommit::Unspecified,
            tablespace: None,
            source: Statement::Query(q),
            with_data: true,
            pos,
        })))
    }

    /// What may stand in PREPARE, EXPLAIN, COPY and WITH: a query, INSERT, UPDATE, DELETE.
    pub(super) fn preparable(&mut self) -> Result<Statement> {
        self.enter()?;
        if self.at_ch(b'(') {
            return Ok(Statement::Query(Box::new(self.query()?)));
        }
        let with = self.opt_with()?;
        match self.tok.kw {
            kw::INSERT if self.at(kw::INSERT) => self.insert(with),
            kw::UPDATE if self.at(kw::UPDATE) => self.update(with),
            kw::DELETE if self.at(kw::DELETE) => self.delete(with),
            kw::MERGE if self.at(kw::MERGE) => self.merge(with),
            _ => {
                if !self.at_query() && !self.at_ch(b'(') {
                    return self.unexpected();
                }
                Ok(Statement::Query(Box::new(self.query_with(with)?)))
            }
        }
    }

    pub(super) fn statement_body(&mut self) -> Result<Statement> {
        self.enter()?;
        let t = self.tok;
        if self.at_ch(b'(') {
            return self.preparable();
        }
        if t.kind != crate::lexer::T::Word {
            return self.unexpected();
        }
        match t.kw {
            kw::SELECT | kw::VALUES | kw::TABLE | kw::WITH | kw::INSERT | kw::UPDATE | kw::DELETE | kw::MERGE => {
                self.preparable()
            }
            kw::CREATE => self.create(),
            kw::ALTER => self.alter(),
            kw::DROP => self.drop_statement(),
            kw::BEGIN | kw::START | kw::COMMIT | kw::END | kw::ROLLBACK | kw::ABORT | kw::SAVEPOINT | kw::RELEASE => {
                self.transaction()
            }
            kw::SET => self.set_statement(),
            kw::RESET => self.reset_statement(),
            kw::SHOW => self.show(),
            kw::PREPARE => self.prepare(),
            kw::EXECUTE => self.execute(),
            kw::DEALLOCATE => self.deallocate(),
            kw::DECLARE => self.declare(),
            kw::FETCH | kw::MOVE => self.fetch(),
            kw::CLOSE => self.close(),
            kw::COPY => self.copy(),
            kw::EXPLAIN => self.explain(),
            kw::VACUUM => self.vacuum(),
            kw::ANALYZE | kw::ANALYSE => self.analyze(),
            kw::TRUNCATE => self.truncate(),
            kw::LOCK => self.lock(),
            kw::DISCARD => self.discard(),
            kw::LISTEN | kw::UNLISTEN | kw::NOTIFY => self.notify(),
            kw::COMMENT => self.comment(),
            kw::CHECKPOINT => {
                self.bump();
                Ok(Statement::Checkpoint)
            }
            kw::REINDEX => self.reindex(),
            kw::CLUSTER => self.cluster(),
            kw::REFRESH => self.refresh(),
            kw::DO => self.do_statement(),
            kw::GRANT => self.grant(true),
            kw::REVOKE => self.grant(false),
            kw::REASSIGN => {
                self.bump();
                self.expect(kw::OWNED)?;
                self.expect(kw::BY)?;
                let roles = self.role_list()?;
                self.expect(kw::TO)?;
                let to: RoleSpec = self.role_spec()?;
                Ok(Statement::ReassignOwned(Box::new(crate::ast::ReassignOwned { roles, to })))
            }
            kw::CALL => self.call_statement(),
            kw::LOAD => self.other("LOAD"),
            kw::IMPORT => self.other("IMPORT FOREIGN SCHEMA"),
            kw::SECURITY => self.security_label(),
            // No keyword of PostgreSQL's.
            _ if self.at_word("flashback") && self.peek_at(1, kw::TABLE) => self.flashback(),
            _ if self.at_word("purge") && (self.peek_at(1, kw::TABLE) || self.peek_word(1, "recyclebin")) => {
                self.purge()
            }
            _ => self.unexpected(),
        }
    }

    fn create(&mut self) -> Result<Statement> {
        let m = self.mark();
        let pos = self.bump().start;
        let or_replace = self.eat_seq(&[kw::OR, kw::REPLACE]);
        if or_replace {
            let persistence = self.opt_temp()?;
            if self.at_any(&[kw::VIEW, kw::RECURSIVE]) {
                return self.create_view(true, persistence, pos);
            }
            return self.create_other(m, true);
        }
        let persistence = self.opt_temp()?;
        let word = self.tok.kw;
        match word {
            _ if self.kind() != crate::lexer::T::Word => self.unexpected(),
            kw::TABLE => self.create_table(persistence, pos),
            kw::VIEW | kw::RECURSIVE if persistence != Persistence::Unlogged => {
                self.create_view(false, persistence, pos)
            }
            kw::SEQUENCE => self.create_sequence(persistence, pos),
            kw::MATERIALIZED if persistence != Persistence::Temporary => self.create_matview(persistence, pos),
            _ if persistence != Persistence::Permanent => self.unexpected(),
            kw::INDEX => self.create_index(false, pos),
            kw::UNIQUE => {
                self.bump();
                if !self.at(kw::INDEX) {
                    return self.unexpected();
                }
                self.create_index(true, pos)
            }
            kw::SCHEMA => self.create_schema(pos),
            kw::ROLE | kw::USER | kw::GROUP if !self.peek_at(1, kw::MAPPING) => self.create_role(),
            kw::DATABASE => self.create_database(),
            kw::EXTENSION => self.create_extension(),
            kw::TYPE => self.create_type(pos),
            kw::DOMAIN => self.create_domain(),
            _ => self.create_other(m, false),
        }
    }
    /// CREATE of what is recognised only.
    fn create_other(&mut self, m: super::Mark, or_replace: bool) -> Result<Statement> {
        const PREFIXES: &[(&[Kw], &str, bool)] = &[
            (&[kw::CONSTRAINT, kw::TRIGGER], "CREATE TRIGGER", true),
            (&[kw::TRUSTED], "CREATE LANGUAGE", true),
            (&[kw::PROCEDURAL], "CREATE LANGUAGE", true),
            (&[kw::ACCESS, kw::METHOD], "CREATE ACCESS METHOD", false),
            (&[kw::EVENT, kw::TRIGGER], "CREATE EVENT TRIGGER", false),
            (&[kw::FOREIGN, kw::DATA, kw::WRAPPER], "CREATE FOREIGN DATA WRAPPER", false),
            (&[kw::FOREIGN, kw::TABLE], "CREATE FOREIGN TABLE", false),
            (&[kw::LANGUAGE], "CREATE LANGUAGE", true),
            (&[kw::PUBLICATION], "CREATE PUBLICATION", false),
            (&[kw::SERVER], "CREATE SERVER", false),
            (&[kw::SUBSCRIPTION], "CREATE SUBSCRIPTION", false),
            (&[kw::TABLESPACE], "CREATE TABLESPACE", false),
            (&[kw::TRANSFORM], "CREATE TRANSFORM", true),
            (&[kw::TRIGGER], "CREATE TRIGGER", true),
            (&[kw::USER, kw::MAPPING], "CREATE USER MAPPING", false),
        ];
        if self.at(kw::AGGREGATE) {
            let pos = m.tok.start;
            self.bump();
            return self.create_aggregate(or_replace, pos);
        }
        if !or_replace && self.eat_seq(&[kw::OPERATOR, kw::CLASS]) {
            return self.create_operator_class();
        }
        if !or_replace && self.eat_seq(&[kw::OPERATOR, kw::FAMILY]) {
            return self.create_operator_family();
        }
        if !or_replace && self.at(kw::OPERATOR) {
            let pos = m.tok.start;
            self.bump();
            return self.create_operator(pos);
        }
        if !or_replace && self.eat(kw::COLLATION) {
            return self.create_collation();
        }
        if !or_replace && self.eat(kw::CAST) {
            return self.create_cast();
        }
        if self.at_any(&[kw::FUNCTION, kw::PROCEDURE]) {
            let procedure = self.bump().kw == kw::PROCEDURE;
            return self.create_routine(procedure, or_replace);
        }
        if !or_replace && self.eat_seq(&[kw::TEXT, kw::SEARCH]) {
            return self.create_search();
        }
        if !or_replace && self.at_any(&[kw::DEFAULT, kw::CONVERSION]) {
            let default = self.eat(kw::DEFAULT);
            self.expect(kw::CONVERSION)?;
            return self.create_conversion(default);
        }
        if !or_replace && self.eat(kw::POLICY) {
            return self.create_policy();
        }
        if !or_replace && self.eat(kw::STATISTICS) {
            return self.create_statistics();
        }
        if self.eat(kw::RULE) {
            return self.create_rule(m.tok.start);
        }
        for (words, tag, replaceable) in PREFIXES {
            if (*replaceable || !or_replace) && self.eat_seq(words) {
                return self.other_at(tag, m.tok.start);
            }
        }
        self.unexpected()
    }

    /// A statement that is recognised only, from the present token to its end.
    pub(super) fn other(&mut self, tag: &'static str) -> Result<Statement> {
        let pos = self.pos();
        self.bump();
        self.other_at(tag, pos)
    }
    /// The rest of a statement that is recognised only. Something must follow, and its text must be lexically sound; a
    /// semicolon inside parentheses or BEGIN ATOMIC … END does not end it.
    pub(super) fn other_at(&mut self, tag: &'static str, pos: u32) -> Result<Statement> {
        if self.at_end() {
            return self.unexpected();
        }
        let (mut parens, mut blocks) = (0u32, 0u32);
        loop {
            match self.kind() {
                crate::lexer::T::Error => return self.unexpected(),
                crate::lexer::T::Eof if parens > 0 || blocks > 0 => return self.unexpected(),
                crate::lexer::T::Eof => break,
                _ => {}
            }
            if self.at_ch(b';') && parens == 0 && blocks == 0 {
                break;
            } else if self.at_ch(b'(') {
                parens += 1;
            } else if self.at_ch(b')') {
                if parens == 0 {
                    // The statement stands inside parentheses itself (WITH x AS (MERGE …)).
                    break;
                }
                parens -= 1;
            } else if (self.at(kw::BEGIN) && self.peek_at(1, kw::ATOMIC)) || (blocks > 0 && self.at(kw::CASE)) {
                blocks += 1;
            } else if blocks > 0 && self.at(kw::END) {
                blocks -= 1;
            }
            self.bump();
        }
        Ok(Statement::Other(Other { tag, pos }))
    }

    /// `ALTER` or `DROP`-like tag of a kind.
    pub(super) fn alter_tag(kind: ObjectKind) -> &'static str {
        use ObjectKind::*;
        match kind {
            AccessMethod => "ALTER ACCESS METHOD",
            Aggregate => "ALTER AGGREGATE",
            Collation => "ALTER COLLATION",
            Conversion => "ALTER CONVERSION",
            Database => "ALTER DATABASE",
            Domain => "ALTER DOMAIN",
            EventTrigger => "ALTER EVENT TRIGGER",
            Extension => "ALTER EXTENSION",
            ForeignDataWrapper => "ALTER FOREIGN DATA WRAPPER",
            ForeignTable => "ALTER FOREIGN TABLE",
            Function => "ALTER FUNCTION",
            Index => "ALTER INDEX",
            Language => "ALTER LANGUAGE",
            LargeObject => "ALTER LARGE OBJECT",
            MaterializedView => "ALTER MATERIALIZED VIEW",
            Operator => "ALTER OPERATOR",
            OperatorClass => "ALTER OPERATOR CLASS",
            OperatorFamily => "ALTER OPERATOR FAMILY",
            Policy => "ALTER POLICY",
            Procedure => "ALTER PROCEDURE",
            Publication => "ALTER PUBLICATION",
            Role => "ALTER ROLE",
            Routine => "ALTER ROUTINE",
            Rule => "ALTER RULE",
            Schema => "ALTER SCHEMA",
            Sequence => "ALTER SEQUENCE",
            Server => "ALTER SERVER",
            Statistics => "ALTER STATISTICS",
            Subscription => "ALTER SUBSCRIPTION",
            Tablespace => "ALTER TABLESPACE",
            TextSearchConfiguration => "ALTER TEXT SEARCH CONFIGURATION",
            TextSearchDictionary => "ALTER TEXT SEARCH DICTIONARY",
            TextSearchParser => "ALTER TEXT SEARCH PARSER",
            TextSearchTemplate => "ALTER TEXT SEARCH TEMPLATE",
            Trigger => "ALTER TRIGGER",
            Type => "ALTER TYPE",
            UserMapping => "ALTER USER MAPPING",
            View => "ALTER VIEW",
            Table | Cast | Column | DomainConstraint | TableConstraint | Transform => "ALTER TABLE",
        }
    }
    /// A name of one part.
    pub(super) fn single(name: crate::ast::Ident) -> Name {
        Name { catalog: None, schema: None, name }
    }
}

fn leftmost(q: &Query) -> Option<&Select> {
    let mut q = q;
    loop {
        match &q.body {
            QueryBody::Select(s) => return Some(s),
            QueryBody::SetOp(s) => q = &s.left,
            QueryBody::Values(_) => return None,
        }
    }
}
