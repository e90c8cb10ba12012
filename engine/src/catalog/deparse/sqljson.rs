//! SQL/JSON expressions: the parser's printer ([`rustydb_parser::print_sql_json`]) with the names and line breaks of this one.

use super::print::{Printer, WRAPPED, Within};
use rustydb_parser::SqlJsonOut;
use rustydb_parser::ast::{Expr, Over, SortBy, TypeName};
use std::fmt::Result;

impl SqlJsonOut for Printer<'_> {
    fn text(&mut self, s: &str) -> Result {
        self.push(s);
        Ok(())
    }
    fn expr(&mut self, e: &Expr) -> Result {
        Printer::expr(self, e);
        Ok(())
    }
    fn operand(&mut self, e: &Expr) -> Result {
        Printer::operand(self, e, Within::Other);
        Ok(())
    }
    fn parens(&self) -> bool {
        !self.show.pretty
    }
    fn ty(&mut self, t: &TypeName) -> Result {
        self.type_name(t);
        Ok(())
    }
    fn string(&mut self, s: &str) -> Result {
        Printer::string(self, s);
        Ok(())
    }
    fn order_by(&mut self, keys: &[SortBy]) -> Result {
        Printer::order_by(self, keys, false);
        Ok(())
    }
    fn over(&mut self, o: &Over) -> Result {
        match o {
            Over::Named(n) => self.push(&n.to_string()),
            Over::Spec(w) => self.window(w),
        }
        Ok(())
    }
    fn line(&mut self, step: i32) {
        if self.indent.is_some() {
            self.keyword("", step * WRAPPED, 0, 0);
        }
    }
}
