//! COPY, in its present and its older syntax.

use super::Parser;
use crate::ast::{Copy, CopySource, CopyTarget, DefOption, DefValue, Ident, Statement};
use crate::keywords::kw;
use rustydb_base::{DbError, Result};

impl Parser<'_> {
    /// At COPY.
    pub(super) fn copy(&mut self) -> Result<Statement> {
        self.bump();
        let mut options = vec![];
        let source;
        let from;
        if self.at_ch(b'(') {
            self.bump();
            let stmt = self.preparable()?;
            if matches!(stmt, Statement::Merge(_)) {
                return Err(DbError::unsupported("MERGE not supported in COPY"));
            }
            self.expect_ch(b')')?;
            self.expect(kw::TO)?;
            source = CopySource::Query(Box::new(stmt));
            from = false;
        } else {
            if self.eat(kw::BINARY) {
                options.push(option("format", self.pos(), Some(DefValue::String("binary".into()))));
            }
            let name = self.qualified_name()?;
            let columns = self.opt_column_list()?;
            source = CopySource::Table(name, columns);
            from = self.eat(kw::FROM);
            if !from {
                self.expect(kw::TO)?;
            }
        }
        let program = self.at(kw::PROGRAM) && {
            let t = self.peek(1);
            Self::is_str(t.kind)
        };
        let target = if program {
            self.bump();
            CopyTarget::Program(self.string()?)
        } else if self.at_any(&[kw::STDIN, kw::STDOUT]) {
            self.bump();
            CopyTarget::Client
        } else {
            CopyTarget::File(self.string()?)
        };
        if self.at(kw::DELIMITERS) || (self.at(kw::USING) && self.peek_at(1, kw::DELIMITERS)) {
            self.eat(kw::USING);
            let pos = self.bump().start;
            options.push(option("delimiter", pos, Some(DefValue::String(self.string()?))));
        }
        self.eat(kw::WITH);
        if self.at_ch(b'(') {
            options.extend(self.utility_options()?);
        } else {
            self.old_copy_options(&mut options)?;
        }
        let mut filter = None;
        if self.at(kw::WHERE) {
            let at = self.bump().start;
            filter = Some(self.expr()?);
            if !from {
                return Err(self.error_at("WHERE clause not allowed with COPY TO", at));
            }
        }
        Ok(Statement::Copy(Box::new(Copy { source, from, target, options, filter })))
    }
    /// `CSV HEADER DELIMITER ',' …`.
    fn old_copy_options(&mut self, options: &mut Vec<DefOption>) -> Result<()> {
        let yes = || Some(DefValue::Word("true".into()));
        loop {
            let pos = self.pos();
            let (name, value) = if self.eat(kw::BINARY) {
                ("format", Some(DefValue::String("binary".into())))
            } else if self.eat(kw::CSV) {
                ("format", Some(DefValue::String("csv".into())))
            } else if self.eat(kw::FREEZE) {
                ("freeze", yes())
            } else if self.eat(kw::HEADER) {
                ("header", yes())
            } else if self.at_any(&[kw::DELIMITER, kw::NULL, kw::QUOTE, kw::ESCAPE]) {
                let name = match self.bump().kw {
                    kw::DELIMITER => "delimiter",
                    kw::NULL => "null",
                    kw::QUOTE => "quote",
                    _ => "escape",
                };
                self.eat(kw::AS);
                (name, Some(DefValue::String(self.string()?)))
            } else if self.eat(kw::ENCODING) {
                ("encoding", Some(DefValue::String(self.string()?)))
            } else if self.eat(kw::FORCE) {
                if self.eat(kw::QUOTE) {
                    if self.eat_ch(b'*') {
                        ("force_quote", Some(DefValue::Star))
                    } else {
                        ("force_quote", Some(self.columns()?))
                    }
                } else if self.eat_seq(&[kw::NOT, kw::NULL]) {
                    ("force_not_null", Some(self.columns()?))
                } else {
                    self.expect(kw::NULL)?;
                    ("force_null", Some(self.columns()?))
                }
            } else {
                return Ok(());
            };
            options.push(option(name, pos, value));
        }
    }
    fn columns(&mut self) -> Result<DefValue> {
        let list = self.comma_list(Self::col_id)?;
        Ok(DefValue::List(list.into_iter().map(|i| DefValue::Word(i.value)).collect()))
    }
}

fn option(name: &str, pos: u32, value: Option<DefValue>) -> DefOption {
    DefOption { namespace: None, name: Ident { value: name.into(), pos }, value }
}
