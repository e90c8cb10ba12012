//! Plans as EXPLAIN shows them: a tree of operators in PostgreSQL's terms, whichever executor runs them, and its forms.
//!
//! Costs are our own estimates in arbitrary units. What an operator really did is known of the topmost one only: operators
//! are not measured one by one.

mod format;
mod names;

pub use format::{Format, Summary, show};

pub use names::Names;
use rustydb_parser::ast::quote_ident;

/// An operator.
pub struct PlanNode {
    /// Its kind, e.g. `Index Scan`.
    pub kind: &'static str,
    /// What it works on, e.g. `Relation Name`; part of the first line in text.
    pub what: Vec<(&'static str, String)>,
    /// How it does that, e.g. `Filter`; lines of their own in text.
    pub how: Vec<(&'static str, How)>,
    /// The name it goes by as a subquery or common table.
    pub title: Option<String>,
    /// What it is expected to take and to give.
    pub estimate: Estimate,
    /// Rows it gave, once it has run.
    pub actual: Option<u64>,
    /// Its inputs, then its subqueries.
    pub children: Vec<PlanNode>,
}

/// A property's value.
pub enum How {
    /// A text.
    One(String),
    /// Several.
    List(Vec<String>),
}

/// What an operator is expected to take and to give.
#[derive(Clone, Copy, Default)]
pub struct Estimate {
    /// Cost until its first row.
    pub startup: f64,
    /// Cost until its last row.
    pub total: f64,
    /// Rows.
    pub rows: f64,
    /// Bytes of a row.
    pub width: i32,
}

impl PlanNode {
    /// An operator that does nothing particular yet.
    pub fn new(kind: &'static str, estimate: Estimate, children: Vec<PlanNode>) -> PlanNode {
        PlanNode { kind, what: vec![], how: vec![], title: None, estimate, actual: None, children }
    }

    /// With something it works on.
    pub fn on(mut self, key: &'static str, value: impl Into<String>) -> PlanNode {
        self.what.push((key, value.into()));
        self
    }

    /// With how it does that.
    pub fn by(mut self, key: &'static str, value: How) -> PlanNode {
        self.how.push((key, value));
        self
    }

    /// With a condition, if there is any.
    pub fn condition(self, key: &'static str, conds: &[crate::plan::ir::Expr], names: &Names) -> PlanNode {
        if conds.is_empty() { self } else { self.by(key, How::One(names.all(conds))) }
    }

    /// The rows of a table that an index names, looked up in the table's order. `conds` are asked of the index, and again of the
    /// rows.
    pub fn bitmap(estimate: Estimate, index: &str, conds: &[crate::plan::ir::Expr], names: &Names) -> PlanNode {
        let below = Estimate { total: estimate.startup, startup: 0.0, width: 0, ..estimate };
        let scan = PlanNode::new("Bitmap Index Scan", below, vec![])
            .on("Index Name", quote_ident(index).to_string())
            .condition("Index Cond", conds, names);
        PlanNode::new("Bitmap Heap Scan", estimate, vec![scan]).condition("Recheck Cond", conds, names)
    }

    /// Under another name.
    pub fn titled(mut self, title: String) -> PlanNode {
        self.title = Some(title);
        self
    }

    fn property(&self, key: &str) -> Option<&str> {
        self.what.iter().find(|w| w.0 == key).map(|w| w.1.as_str())
    }

    /// The first line of text, without estimates.
    fn head(&self) -> String {
        let mut out = match (self.kind, self.property("Strategy"), self.property("Join Type")) {
            ("Aggregate", Some("Hashed"), _) => "HashAggregate".to_owned(),
            ("Aggregate", Some("Mixed"), _) => "MixedAggregate".to_owned(),
            ("SetOp", ..) => format!("HashSetOp {}", self.property("Command").unwrap_or_default()),
            ("ModifyTable", ..) => self.property("Operation").unwrap_or_default().to_owned(),
            ("Hash Join", _, Some(t)) if t != "Inner" => format!("Hash {t} Join"),
            ("Merge Join", _, Some(t)) if t != "Inner" => format!("Merge {t} Join"),
            ("Nested Loop", _, Some(t)) if t != "Inner" => format!("Nested Loop {t} Join"),
            (kind, ..) => kind.to_owned(),
        };
        if self.property("Scan Direction") == Some("Backward") {
            out.push_str(" Backward");
        }
        if let Some(i) = self.property("Index Name") {
            let word = if self.kind == "Bitmap Index Scan" { "on" } else { "using" };
            out.push_str(&format!(" {word} {i}"));
        }
        let name =
            ["Relation Name", "Function Name", "Table Function Name", "CTE Name"].iter().find_map(|k| self.property(k));
        match (name, self.property("Alias")) {
            (Some(n), Some(a)) if a != n => out.push_str(&format!(" on {n} {a}")),
            (Some(n), _) | (None, Some(n)) => out.push_str(&format!(" on {n}")),
            (None, None) => {}
        }
        out
    }
}
