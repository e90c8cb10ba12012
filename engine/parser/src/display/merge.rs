//! MERGE as text.

use super::Commas;
use crate::ast::{Merge, MergeAction, MergeInsert, MergeWhen, Overriding};
use std::fmt::{Display, Formatter, Result};

impl Display for Merge {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if let Some(w) = &self.with {
            write!(f, "{w} ")?;
        }
        write!(f, "MERGE INTO {} USING {} ON {}", self.table, self.source, self.on)?;
        self.whens.iter().try_for_each(|w| write!(f, " {w}"))
    }
}

impl Display for MergeWhen {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(if self.matched { "WHEN MATCHED" } else { "WHEN NOT MATCHED" })?;
        if let Some(c) = &self.condition {
            write!(f, " AND {c}")?;
        }
        match &self.action {
            MergeAction::Nothing => f.write_str(" THEN DO NOTHING"),
            MergeAction::Delete => f.write_str(" THEN DELETE"),
            MergeAction::Update(set) => write!(f, " THEN UPDATE SET {}", Commas(set)),
            MergeAction::Insert(i) => write!(f, " THEN {i}"),
        }
    }
}

impl Display for MergeInsert {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("INSERT")?;
        if !self.columns.is_empty() {
            write!(f, " ({})", Commas(&self.columns))?;
        }
        f.write_str(match self.overriding {
            Overriding::No => "",
            Overriding::User => " OVERRIDING USER VALUE",
            Overriding::System => " OVERRIDING SYSTEM VALUE",
        })?;
        match &self.values {
            Some(v) => write!(f, " VALUES ({})", Commas(v)),
            None => f.write_str(" DEFAULT VALUES"),
        }
    }
}
