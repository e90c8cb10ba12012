//! The SQL/JSON query functions as text.

use crate::ast::{JsonBehavior, JsonColumn, JsonForm, JsonWrapper, SqlJson, SqlJsonOp};
use std::fmt::{Display, Formatter, Result};

fn quoted(s: &str) -> String {
    crate::ast::Expr::new(crate::ast::ExprKind::Literal(crate::ast::Literal::String(s.to_owned())), 0).to_string()
}

impl Display for JsonBehavior {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            JsonBehavior::Error => "ERROR",
            JsonBehavior::Null => "NULL",
            JsonBehavior::True => "TRUE",
            JsonBehavior::False => "FALSE",
            JsonBehavior::Unknown => "UNKNOWN",
            JsonBehavior::EmptyArray => "EMPTY ARRAY",
            JsonBehavior::EmptyObject => "EMPTY OBJECT",
            JsonBehavior::Default(e) => return write!(f, "DEFAULT {e}"),
        })
    }
}

impl Display for JsonForm {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self.wrapper {
            None => "",
            Some(JsonWrapper::Without) => " WITHOUT WRAPPER",
            Some(JsonWrapper::Conditional) => " WITH CONDITIONAL WRAPPER",
            Some(JsonWrapper::Unconditional) => " WITH UNCONDITIONAL WRAPPER",
        })?;
        f.write_str(match self.keep_quotes {
            None => "",
            Some(true) => " KEEP QUOTES",
            Some(false) => " OMIT QUOTES",
        })?;
        if let Some((b, _)) = &self.on_empty {
            write!(f, " {b} ON EMPTY")?;
        }
        match &self.on_error {
            Some((b, _)) => write!(f, " {b} ON ERROR"),
            None => Ok(()),
        }
    }
}

fn columns(f: &mut Formatter<'_>, list: &[JsonColumn]) -> Result {
    write!(f, " COLUMNS ({})", super::Commas(list))
}

impl Display for JsonColumn {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            JsonColumn::Ordinality(name) => write!(f, "{name} FOR ORDINALITY"),
            JsonColumn::Value { name, ty, exists, path, form } => {
                write!(f, "{name} {ty}")?;
                f.write_str(if form.format { " FORMAT JSON" } else { "" })?;
                f.write_str(if *exists { " EXISTS" } else { "" })?;
                if let Some((p, _)) = path {
                    write!(f, " PATH {}", quoted(p))?;
                }
                form.fmt(f)
            }
            JsonColumn::Nested { path, name, columns: list, .. } => {
                write!(f, "NESTED PATH {}", quoted(path))?;
                if let Some(n) = name {
                    write!(f, " AS {n}")?;
                }
                columns(f, list)
            }
        }
    }
}

impl Display for SqlJson {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}({}, {}", self.op.keyword(), self.context, self.path)?;
        if let Some(n) = &self.path_name {
            write!(f, " AS {n}")?;
        }
        for (i, (value, name)) in self.passing.iter().enumerate() {
            write!(f, "{} {value} AS {name}", if i == 0 { " PASSING" } else { "," })?;
        }
        if self.op == SqlJsonOp::Table {
            columns(f, &self.columns)?;
        }
        if let Some(t) = &self.returning {
            write!(f, " RETURNING {t}")?;
            f.write_str(if self.form.format { " FORMAT JSON" } else { "" })?;
        }
        self.form.fmt(f)?;
        f.write_str(")")
    }
}
