//! Transactions, settings, prepared statements, cursors, maintenance.

use super::Parser;
use crate::ast::{
    Cluster, Comment, DeclareCursor, DefOption, DiscardTarget, Do, Execute, Explain, Fetch, FetchDirection, Ident,
    Isolation, Lock, Notify, ObjectKind, ObjectRef, Prepare, RefreshMaterializedView, Reindex, ReindexKind, Set,
    SetAction, SetConstraints, SetValue, Statement, TableLockMode, Transaction, TransactionModes, Truncate, Vacuum,
};
use crate::keywords::{Kw, kw};
use crate::lexer::T;
use rustydb_base::{DbError, Result, SqlState};

fn flag(name: &str, pos: u32) -> DefOption {
    DefOption { namespace: None, name: Ident { value: name.into(), pos }, value: None }
}

impl Parser<'_> {
    // ---- transactions ----

    pub(super) fn transaction(&mut self) -> Result<Statement> {
        let t = self.bump();
        let stmt = match t.kw {
            kw::BEGIN => {
                self.opt_transaction_word();
                Transaction::Begin { modes: self.transaction_modes(false)?, start: false }
            }
            kw::START => {
                self.expect(kw::TRANSACTION)?;
                Transaction::Begin { modes: self.transaction_modes(false)?, start: true }
            }
            kw::COMMIT if self.eat(kw::PREPARED) => Transaction::CommitPrepared(self.string()?),
            kw::ROLLBACK if self.eat(kw::PREPARED) => Transaction::RollbackPrepared(self.string()?),
            kw::COMMIT | kw::END => {
                self.opt_transaction_word();
                Transaction::Commit { chain: self.opt_chain()? }
            }
            kw::ROLLBACK | kw::ABORT => {
                self.opt_transaction_word();
                if t.kw == kw::ROLLBACK && self.eat(kw::TO) {
                    self.eat(kw::SAVEPOINT);
                    Transaction::RollbackTo(self.col_id()?)
                } else {
                    Transaction::Rollback { chain: self.opt_chain()? }
                }
            }
            kw::SAVEPOINT => Transaction::Savepoint(self.col_id()?),
            _ => {
                self.eat(kw::SAVEPOINT);
                Transaction::Release(self.col_id()?)
            }
        };
        Ok(Statement::Transaction(stmt))
    }
    fn opt_transaction_word(&mut self) {
        if self.at_any(&[kw::WORK, kw::TRANSACTION]) {
            self.bump();
        }
    }
    fn opt_chain(&mut self) -> Result<bool> {
        if !self.eat(kw::AND) {
            return Ok(false);
        }
        let no = self.eat(kw::NO);
        self.expect(kw::CHAIN)?;
        Ok(!no)
    }
    fn transaction_modes(&mut self, required: bool) -> Result<TransactionModes> {
        let mut m = TransactionModes::default();
        let mut any = false;
        let mut comma = false;
        loop {
            if self.eat(kw::ISOLATION) {
                self.expect(kw::LEVEL)?;
                m.isolation = Some(self.isolation()?);
            } else if self.at(kw::READ) && (self.peek_at(1, kw::ONLY) || self.peek_at(1, kw::WRITE)) {
                self.bump();
                m.read_only = Some(self.bump().kw == kw::ONLY);
            } else if self.eat(kw::DEFERRABLE) {
                m.deferrable = Some(true);
            } else if self.eat_seq(&[kw::NOT, kw::DEFERRABLE]) {
                m.deferrable = Some(false);
            } else if comma || (required && !any) {
                return self.unexpected();
            } else {
                return Ok(m);
            }
            any = true;
            comma = self.eat_ch(b',');
        }
    }
    fn isolation(&mut self) -> Result<Isolation> {
        if self.eat(kw::SERIALIZABLE) {
            return Ok(Isolation::Serializable);
        }
        if self.eat(kw::REPEATABLE) {
            self.expect(kw::READ)?;
            return Ok(Isolation::RepeatableRead);
        }
        self.expect(kw::READ)?;
        if self.eat(kw::COMMITTED) {
            return Ok(Isolation::ReadCommitted);
        }
        self.expect(kw::UNCOMMITTED)?;
        Ok(Isolation::ReadUncommitted)
    }

    // ---- SET, RESET, SHOW ----

    pub(super) fn set_statement(&mut self) -> Result<Statement> {
        self.bump();
        if self.eat(kw::CONSTRAINTS) {
            let names = if self.eat(kw::ALL) { None } else { Some(self.comma_list(Self::qualified_name)?) };
            let deferred = self.eat(kw::DEFERRED);
            if !deferred {
                self.expect(kw::IMMEDIATE)?;
            }
            return Ok(Statement::SetConstraints(SetConstraints { names, deferred }));
        }
        let local = self.at(kw::LOCAL) && self.eat(kw::LOCAL);
        if !local && self.at(kw::SESSION) && !self.peek_is_assignment() && !self.peek_at(1, kw::AUTHORIZATION) {
            self.bump();
            if self.eat(kw::CHARACTERISTICS) {
                self.expect(kw::AS)?;
                self.expect(kw::TRANSACTION)?;
                let modes = self.transaction_modes(true)?;
                return Ok(Statement::Set(Box::new(Set { local, action: SetAction::SessionCharacteristics(modes) })));
            }
        }
        let action = self.set_rest()?;
        Ok(Statement::Set(Box::new(Set { local, action })))
    }
    fn peek_is_assignment(&mut self) -> bool {
        self.peek_ch(1, b'=') || self.peek_at(1, kw::TO) || self.peek_ch(1, b'.')
    }
    /// What follows SET [LOCAL|SESSION].
    pub(super) fn set_rest(&mut self) -> Result<SetAction> {
        if self.at(kw::TRANSACTION) && !self.peek_is_assignment() {
            self.bump();
            if self.eat(kw::SNAPSHOT) {
                return Ok(SetAction::Snapshot(self.string()?));
            }
            return Ok(SetAction::Transaction(self.transaction_modes(true)?));
        }
        self.set_rest_more()
    }
    fn set_rest_more(&mut self) -> Result<SetAction> {
        let text = |s: String| vec![SetValue::Text(s)];
        if self.eat_seq(&[kw::TIME, kw::ZONE]) {
            return self.time_zone();
        }
        if self.eat(kw::NAMES) {
            let name = "client_encoding".to_owned();
            if self.at_str() {
                return Ok(SetAction::Value(name, text(self.string()?)));
            }
            self.eat(kw::DEFAULT);
            return Ok(SetAction::Default(name));
        }
        if self.at(kw::ROLE) && !self.peek_is_assignment() {
            self.bump();
            return Ok(SetAction::Value("role".into(), text(self.word_or_text()?)));
        }
        if self.at(kw::SESSION) && self.peek_at(1, kw::AUTHORIZATION) {
            self.bump();
            self.bump();
            let name = "session_authorization".to_owned();
            if self.eat(kw::DEFAULT) {
                return Ok(SetAction::Default(name));
            }
            return Ok(SetAction::Value(name, text(self.word_or_text()?)));
        }
        if self.at(kw::XML) && self.peek_at(1, kw::OPTION) {
            self.bump();
            self.bump();
            if !self.at_any(&[kw::DOCUMENT, kw::CONTENT]) {
                return self.unexpected();
            }
            return Ok(SetAction::Value("xmloption".into(), text(self.label()?.value)));
        }
        if self.at(kw::SCHEMA) && Self::is_str(self.peek(1).kind) {
            self.bump();
            return Ok(SetAction::Value("search_path".into(), text(self.string()?)));
        }
        if self.at(kw::CATALOG) && Self::is_str(self.peek(1).kind) {
            let pos = self.pos();
            let e = rustydb_base::DbError::unsupported("current database cannot be changed");
            return Err(self.place(e, pos));
        }
        let name = self.setting_name()?;
        if self.eat_seq(&[kw::FROM, kw::CURRENT]) {
            return Ok(SetAction::FromCurrent(name));
        }
        if !self.eat_ch(b'=') {
            self.expect(kw::TO)?;
        }
        if self.eat(kw::DEFAULT) {
            return Ok(SetAction::Default(name));
        }
        let values = self.comma_list(|p| {
            if matches!(p.kind(), T::Int | T::Num) || p.at_ch(b'-') || p.at_ch(b'+') {
                return Ok(SetValue::Number(p.numeric_only()?));
            }
            Ok(SetValue::Text(p.boolean_or_text()?))
        })?;
        Ok(SetAction::Value(name, values))
    }
    fn time_zone(&mut self) -> Result<SetAction> {
        let name = "timezone".to_owned();
        if self.at_any(&[kw::DEFAULT, kw::LOCAL]) {
            self.bump();
            return Ok(SetAction::Default(name));
        }
        if self.at(kw::INTERVAL) {
            let pos = self.pos();
            let Some(mut ty) = self.reserved_type()? else { return self.unexpected() };
            let value = self.string()?;
            if ty.mods.is_empty() {
                ty.mods = self.interval_fields()?;
            }
            let number = |e: &crate::ast::Expr| match e.kind {
                crate::ast::ExprKind::Literal(crate::ast::Literal::Integer(v)) => i32::try_from(v).ok(),
                _ => None,
            };
            use crate::ast::interval_mask as im;
            let mask = ty.mods.first().and_then(number).unwrap_or(im::FULL);
            if mask != im::FULL && mask & !(im::HOUR | im::MINUTE) != 0 {
                let at = ty.mods.first().map_or(pos, |m| m.pos);
                return Err(self.error_at("time zone interval must be HOUR or HOUR TO MINUTE", at));
            }
            let precision = ty.mods.get(1).and_then(number);
            return Ok(SetAction::Value(name, vec![SetValue::Interval(value, mask, precision)]));
        }
        let value = if matches!(self.kind(), T::Int | T::Num) || self.at_ch(b'-') || self.at_ch(b'+') {
            SetValue::Number(self.numeric_only()?)
        } else if self.at_str() {
            SetValue::Text(self.string()?)
        } else {
            // Only plain identifiers: keywords are not time zones.
            if self.tok.kind == T::Word && self.tok.kw != crate::keywords::NONE {
                return self.unexpected();
            }
            SetValue::Text(self.label()?.value)
        };
        Ok(SetAction::Value(name, vec![value]))
    }
    fn word_or_text(&mut self) -> Result<String> {
        if self.at_str() {
            return self.string();
        }
        Ok(self.take(Self::is_non_reserved_word)?.value)
    }
    /// TRUE, FALSE, ON, a word or a string.
    fn boolean_or_text(&mut self) -> Result<String> {
        if self.at_any(&[kw::TRUE, kw::FALSE, kw::ON]) {
            return Ok(self.label()?.value);
        }
        self.word_or_text()
    }
    pub(super) fn setting_name(&mut self) -> Result<String> {
        let mut name = self.col_id()?.value;
        while self.eat_ch(b'.') {
            name.push('.');
            name.push_str(&self.col_id()?.value);
        }
        Ok(name)
    }
    pub(super) fn reset_statement(&mut self) -> Result<Statement> {
        self.bump();
        let action = self.reset_rest()?;
        Ok(Statement::Set(Box::new(Set { local: false, action })))
    }
    /// What follows RESET.
    pub(super) fn reset_rest(&mut self) -> Result<SetAction> {
        if self.eat(kw::ALL) {
            return Ok(SetAction::ResetAll);
        }
        Ok(SetAction::Default(self.shown_name()?))
    }
    fn shown_name(&mut self) -> Result<String> {
        if self.eat_seq(&[kw::TIME, kw::ZONE]) {
            return Ok("timezone".into());
        }
        if self.eat_seq(&[kw::TRANSACTION, kw::ISOLATION, kw::LEVEL]) {
            return Ok("transaction_isolation".into());
        }
        if self.eat_seq(&[kw::SESSION, kw::AUTHORIZATION]) {
            return Ok("session_authorization".into());
        }
        self.setting_name()
    }
    pub(super) fn show(&mut self) -> Result<Statement> {
        self.bump();
        if self.eat(kw::ALL) {
            return Ok(Statement::Show(None));
        }
        Ok(Statement::Show(Some(self.shown_name()?)))
    }

    // ---- prepared statements, cursors ----

    pub(super) fn prepare(&mut self) -> Result<Statement> {
        self.bump();
        if self.at(kw::TRANSACTION) && Self::is_str(self.peek(1).kind) {
            self.bump();
            return Ok(Statement::Transaction(Transaction::Prepare(self.string()?)));
        }
        let name = self.col_id()?;
        let types = if self.at_ch(b'(') { self.paren_list(Self::type_name)? } else { vec![] };
        self.expect(kw::AS)?;
        let statement = self.preparable()?;
        Ok(Statement::Prepare(Box::new(Prepare { name, types, statement })))
    }
    pub(super) fn execute(&mut self) -> Result<Statement> {
        self.bump();
        let name = self.col_id()?;
        let args = if self.at_ch(b'(') { self.paren_list(Self::expr)? } else { vec![] };
        Ok(Statement::Execute(Box::new(Execute { name, args })))
    }
    pub(super) fn deallocate(&mut self) -> Result<Statement> {
        self.bump();
        if self.at(kw::PREPARE) && !self.peek_end(1) {
            self.bump();
        }
        Ok(Statement::Deallocate(if self.eat(kw::ALL) { None } else { Some(self.col_id()?) }))
    }
    fn peek_end(&mut self, n: usize) -> bool {
        self.peek(n).kind == T::Eof || self.peek_ch(n, b';')
    }
    pub(super) fn declare(&mut self) -> Result<Statement> {
        self.bump();
        let name = self.col_id()?;
        let (mut binary, mut scroll, mut insensitive, mut hold) = (false, None, None, false);
        let both = |a: &str, b: &str| {
            let what = format!("cannot specify both {a} and {b}");
            Err(DbError::new(SqlState::INVALID_CURSOR_DEFINITION, what))
        };
        let (mut scrolls, mut kinds) = (0u8, 0u8);
        loop {
            if self.eat(kw::BINARY) {
                binary = true;
            } else if self.eat(kw::SCROLL) {
                scroll = Some(true);
                scrolls |= 1;
            } else if self.eat_seq(&[kw::NO, kw::SCROLL]) {
                scroll = Some(false);
                scrolls |= 2;
            } else if self.eat(kw::INSENSITIVE) {
                insensitive = Some(true);
                kinds |= 1;
            } else if self.eat(kw::ASENSITIVE) {
                insensitive = Some(false);
                kinds |= 2;
            } else {
                break;
            }
        }
        if scrolls == 3 {
            return both("SCROLL", "NO SCROLL");
        }
        if kinds == 3 {
            return both("ASENSITIVE", "INSENSITIVE");
        }
        self.expect(kw::CURSOR)?;
        if self.at_any(&[kw::WITH, kw::WITHOUT]) {
            hold = self.bump().kw == kw::WITH;
            self.expect(kw::HOLD)?;
        }
        self.expect(kw::FOR)?;
        let query = Box::new(self.query()?);
        Ok(Statement::DeclareCursor(Box::new(DeclareCursor { name, binary, scroll, insensitive, hold, query })))
    }
    pub(super) fn fetch(&mut self) -> Result<Statement> {
        use FetchDirection as D;
        let is_move = self.bump().kw == kw::MOVE;
        // A direction word may also be the cursor's name, when the statement ends after it.
        let alone = self.is_col_id_here() && self.peek_end(1);
        let direction = if alone || self.at_any(&[kw::FROM, kw::IN]) {
            D::Forward(1)
        } else if matches!(self.kind(), T::Int) || self.at_ch(b'-') || self.at_ch(b'+') {
            D::Forward(i64::from(self.signed_int()?))
        } else if self.eat(kw::ALL) {
            D::ForwardAll
        } else if self.eat(kw::NEXT) {
            D::Forward(1)
        } else if self.eat(kw::PRIOR) {
            D::Backward(1)
        } else if self.eat(kw::FIRST) {
            D::Absolute(1)
        } else if self.eat(kw::LAST) {
            D::Absolute(-1)
        } else if self.eat(kw::ABSOLUTE) {
            D::Absolute(i64::from(self.signed_int()?))
        } else if self.eat(kw::RELATIVE) {
            D::Relative(i64::from(self.signed_int()?))
        } else if self.at_any(&[kw::FORWARD, kw::BACKWARD]) {
            let forward = self.bump().kw == kw::FORWARD;
            if self.eat(kw::ALL) {
                if forward { D::ForwardAll } else { D::BackwardAll }
            } else {
                let number = self.kind() == T::Int || self.at_ch(b'-') || self.at_ch(b'+');
                let n = if number { i64::from(self.signed_int()?) } else { 1 };
                if forward { D::Forward(n) } else { D::Backward(n) }
            }
        } else {
            D::Forward(1)
        };
        if self.at_any(&[kw::FROM, kw::IN]) {
            self.bump();
        }
        let cursor = self.col_id()?;
        Ok(Statement::Fetch(Fetch { cursor, direction, is_move }))
    }
    pub(super) fn close(&mut self) -> Result<Statement> {
        self.bump();
        Ok(Statement::Close(if self.eat(kw::ALL) { None } else { Some(self.col_id()?) }))
    }

    // ---- EXPLAIN, VACUUM, ANALYZE ----

    pub(super) fn explain(&mut self) -> Result<Statement> {
        self.bump();
        let mut options = vec![];
        // A parenthesis begins options unless a query stands in it.
        let next = self.peek(1);
        let query = [kw::SELECT, kw::VALUES, kw::WITH, kw::TABLE].iter().any(|k| Self::at_kw(next, *k))
            || self.peek_ch(1, b'(');
        if self.at_ch(b'(') && !query {
            options = self.utility_options()?;
        } else {
            if self.at_any(&[kw::ANALYZE, kw::ANALYSE]) {
                options.push(flag("analyze", self.pos()));
                self.bump();
            }
            if self.at(kw::VERBOSE) {
                options.push(flag("verbose", self.pos()));
                self.bump();
            }
        }
        let start = self.pos();
        let statement = match self.tok.kw {
            kw::CREATE | kw::REFRESH | kw::DECLARE | kw::EXECUTE if self.kind() == T::Word => {
                let at = self.tok;
                let s = self.statement_body()?;
                use Statement as S;
                if !matches!(
                    s,
                    S::CreateTableAs(_) | S::RefreshMaterializedView(_) | S::DeclareCursor(_) | S::Execute(_)
                ) {
                    return Err(self.near("syntax error", at));
                }
                s
            }
            _ => self.preparable()?,
        };
        let text = self.range_from(start);
        Ok(Statement::Explain(Box::new(Explain { options, statement, text })))
    }
    pub(super) fn vacuum(&mut self) -> Result<Statement> {
        self.bump();
        let mut options = vec![];
        if self.at_ch(b'(') {
            options = self.utility_options()?;
        } else {
            for (k, name) in
                [(kw::FULL, "full"), (kw::FREEZE, "freeze"), (kw::VERBOSE, "verbose"), (kw::ANALYZE, "analyze")]
            {
                if self.at(k) || (k == kw::ANALYZE && self.at(kw::ANALYSE)) {
                    options.push(flag(name, self.pos()));
                    self.bump();
                }
            }
        }
        let tables = self.vacuum_tables()?;
        Ok(Statement::Vacuum(Box::new(Vacuum { vacuum: true, options, tables })))
    }
    pub(super) fn analyze(&mut self) -> Result<Statement> {
        self.bump();
        let mut options = vec![];
        if self.at_ch(b'(') {
            options = self.utility_options()?;
        } else if self.at(kw::VERBOSE) {
            options.push(flag("verbose", self.pos()));
            self.bump();
        }
        let tables = self.vacuum_tables()?;
        Ok(Statement::Vacuum(Box::new(Vacuum { vacuum: false, options, tables })))
    }
    fn vacuum_tables(&mut self) -> Result<Vec<(crate::ast::TableFactor, Vec<Ident>)>> {
        if self.at_end() {
            return Ok(vec![]);
        }
        self.comma_list(|p| {
            let t = p.relation_expr()?;
            Ok((t, p.opt_column_list()?))
        })
    }

    // ---- the rest ----

    pub(super) fn truncate(&mut self) -> Result<Statement> {
        self.bump();
        self.eat(kw::TABLE);
        let tables = self.comma_list(Self::relation_expr)?;
        let restart_identity = self.eat(kw::RESTART);
        if restart_identity || self.eat(kw::CONTINUE) {
            self.expect(kw::IDENTITY)?;
        }
        let cascade = self.opt_cascade();
        Ok(Statement::Truncate(Box::new(Truncate { tables, restart_identity, cascade })))
    }
    pub(super) fn lock(&mut self) -> Result<Statement> {
        self.bump();
        self.eat(kw::TABLE);
        let tables = self.comma_list(Self::relation_expr)?;
        let mut mode = TableLockMode::AccessExclusive;
        if self.eat(kw::IN) {
            mode = self.lock_mode()?;
            self.expect(kw::MODE)?;
        }
        let nowait = self.eat(kw::NOWAIT);
        Ok(Statement::Lock(Box::new(Lock { tables, mode, nowait })))
    }
    fn lock_mode(&mut self) -> Result<TableLockMode> {
        use TableLockMode as M;
        const MODES: [(&[Kw], M); 8] = [
            (&[kw::ACCESS, kw::SHARE], M::AccessShare),
            (&[kw::ROW, kw::SHARE], M::RowShare),
            (&[kw::ROW, kw::EXCLUSIVE], M::RowExclusive),
            (&[kw::SHARE, kw::UPDATE, kw::EXCLUSIVE], M::ShareUpdateExclusive),
            (&[kw::SHARE, kw::ROW, kw::EXCLUSIVE], M::ShareRowExclusive),
            (&[kw::SHARE], M::Share),
            (&[kw::EXCLUSIVE], M::Exclusive),
            (&[kw::ACCESS, kw::EXCLUSIVE], M::AccessExclusive),
        ];
        match MODES.iter().find(|m| self.eat_seq(m.0)) {
            Some(m) => Ok(m.1),
            None => self.unexpected(),
        }
    }
    pub(super) fn discard(&mut self) -> Result<Statement> {
        self.bump();
        let target = match self.tok.kw {
            _ if self.kind() != T::Word => return self.unexpected(),
            kw::ALL => DiscardTarget::All,
            kw::PLANS => DiscardTarget::Plans,
            kw::SEQUENCES => DiscardTarget::Sequences,
            kw::TEMP | kw::TEMPORARY => DiscardTarget::Temp,
            _ => return self.unexpected(),
        };
        self.bump();
        Ok(Statement::Discard(target))
    }
    pub(super) fn notify(&mut self) -> Result<Statement> {
        let t = self.bump();
        if t.kw == kw::UNLISTEN && self.eat_ch(b'*') {
            return Ok(Statement::Unlisten(None));
        }
        let channel = self.col_id()?;
        Ok(match t.kw {
            kw::LISTEN => Statement::Listen(channel),
            kw::UNLISTEN => Statement::Unlisten(Some(channel)),
            _ => {
                let payload = if self.eat_ch(b',') { Some(self.string()?) } else { None };
                Statement::Notify(Notify { channel, payload })
            }
        })
    }
    pub(super) fn comment(&mut self) -> Result<Statement> {
        self.bump();
        self.expect(kw::ON)?;
        let (kind, object) = self.described_object()?;
        self.expect(kw::IS)?;
        let text = if self.eat(kw::NULL) { None } else { Some(self.string()?) };
        Ok(Statement::Comment(Box::new(Comment { kind, object, text })))
    }

    pub(super) fn security_label(&mut self) -> Result<Statement> {
        self.bump();
        self.expect(kw::LABEL)?;
        let provider = if !self.eat(kw::FOR) {
            None
        } else if self.at_str() {
            Some(self.string()?)
        } else {
            Some(self.take(Self::is_non_reserved_word)?.value)
        };
        self.expect(kw::ON)?;
        self.described_object()?;
        self.expect(kw::IS)?;
        if !self.eat(kw::NULL) {
            self.string()?;
        }
        Ok(Statement::SecurityLabel(provider))
    }

    /// The object of COMMENT and SECURITY LABEL.
    fn described_object(&mut self) -> Result<(ObjectKind, ObjectRef)> {
        let (kind, object);
        if self.eat(kw::CONSTRAINT) {
            let name = self.col_id()?;
            self.expect(kw::ON)?;
            if self.eat(kw::DOMAIN) {
                kind = ObjectKind::DomainConstraint;
                object = ObjectRef::OnDomain(name, self.type_name()?);
            } else {
                kind = ObjectKind::TableConstraint;
                object = ObjectRef::OnTable(name, self.qualified_name()?);
            }
        } else {
            let Some(k) = self.object_kind().filter(|k| *k != ObjectKind::UserMapping) else {
                return self.unexpected();
            };
            kind = k;
            if kind == ObjectKind::Role {
                let name = self.take(Self::is_non_reserved_word)?;
                object = ObjectRef::Name(Self::single(name));
            } else {
                object = self.object_ref(kind)?;
            }
        }
        Ok((kind, object))
    }
    pub(super) fn reindex(&mut self) -> Result<Statement> {
        self.bump();
        let options = if self.at_ch(b'(') { self.utility_options()? } else { vec![] };
        let kind = match self.tok.kw {
            _ if self.kind() != T::Word => return self.unexpected(),
            kw::INDEX => ReindexKind::Index,
            kw::TABLE => ReindexKind::Table,
            kw::SCHEMA => ReindexKind::Schema,
            kw::SYSTEM => ReindexKind::System,
            kw::DATABASE => ReindexKind::Database,
            _ => return self.unexpected(),
        };
        self.bump();
        let concurrently = self.eat(kw::CONCURRENTLY);
        let optional = matches!(kind, ReindexKind::System | ReindexKind::Database) && self.at_end();
        let name = if optional { None } else { Some(self.qualified_name()?) };
        Ok(Statement::Reindex(Box::new(Reindex { kind, name, concurrently, options })))
    }
    pub(super) fn cluster(&mut self) -> Result<Statement> {
        self.bump();
        let mut options = vec![];
        if self.at_ch(b'(') {
            options = self.utility_options()?;
        } else if self.at(kw::VERBOSE) {
            options.push(flag("verbose", self.pos()));
            self.bump();
        }
        let (mut table, mut index) = (None, None);
        if !self.at_end() {
            let first = self.qualified_name()?;
            if self.eat(kw::USING) {
                index = Some(self.col_id()?);
                table = Some(first);
            } else if self.eat(kw::ON) {
                // The old order: CLUSTER index ON table.
                index = Some(first.name);
                table = Some(self.qualified_name()?);
            } else {
                table = Some(first);
            }
        }
        Ok(Statement::Cluster(Box::new(Cluster { table, index, options })))
    }
    pub(super) fn refresh(&mut self) -> Result<Statement> {
        self.bump();
        self.expect(kw::MATERIALIZED)?;
        self.expect(kw::VIEW)?;
        let concurrently = self.eat(kw::CONCURRENTLY);
        let name = self.qualified_name()?;
        let with_data = self.opt_with_data()?;
        Ok(Statement::RefreshMaterializedView(Box::new(RefreshMaterializedView { name, concurrently, with_data })))
    }
    pub(super) fn flashback(&mut self) -> Result<Statement> {
        self.bump();
        self.expect(kw::TABLE)?;
        let name = self.qualified_name()?;
        self.expect(kw::TO)?;
        let to = if self.eat(kw::BEFORE) {
            self.expect(kw::DROP)?;
            let rename = if self.eat(kw::RENAME) {
                self.expect(kw::TO)?;
                Some(self.col_id()?)
            } else {
                None
            };
            crate::ast::FlashbackTo::BeforeDrop { rename }
        } else {
            crate::ast::FlashbackTo::AsOf(self.as_of()?)
        };
        Ok(Statement::FlashbackTable(Box::new(crate::ast::FlashbackTable { name, to })))
    }
    /// PURGE TABLE name, PURGE RECYCLEBIN.
    pub(super) fn purge(&mut self) -> Result<Statement> {
        self.bump();
        let name = if self.eat(kw::TABLE) {
            Some(self.qualified_name()?)
        } else {
            self.bump();
            None
        };
        Ok(Statement::Purge(Box::new(crate::ast::Purge { name })))
    }
    pub(super) fn do_statement(&mut self) -> Result<Statement> {
        let start = self.bump().start;
        let (mut code, mut language) = (None, None);
        while !self.at_end() {
            let at = self.pos();
            let again = if self.eat(kw::LANGUAGE) {
                language
                    .replace(if self.at_str() {
                        Ident { value: self.string()?, pos: at }
                    } else {
                        self.take(Self::is_non_reserved_word)?
                    })
                    .is_some()
            } else {
                code.replace(self.string()?).is_some()
            };
            if again {
                return Err(self.error_at("conflicting or redundant options", at));
            }
        }
        let Some(code) = code else {
            if language.is_none() {
                return self.unexpected();
            }
            return Err(self.error_at("no inline code specified", start).at(0));
        };
        Ok(Statement::Do(Box::new(Do { code, language })))
    }
}
