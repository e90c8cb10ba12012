//! What the binder made of a query's parts, kept for those who write the query down again ([`super::canonical`]).
//!
//! Parts of the syntax tree are known by their address, which is only compared: the tree outlives the trace, and what the
//! binder binds from copies of its own is never asked for. Views and function bodies inside are not traced.

use super::Binder;
use super::scope::{Rte, Scope};
use crate::plan::ir::{AggCall, ColId, Expr, SortKey, WindowCall};
use rustydb_parser::ast;
use rustydb_types::datum::TypeRef;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The key of a part of the syntax tree.
pub(crate) fn key<T>(part: &T) -> usize {
    std::ptr::from_ref(part).addr()
}

/// A sort key by the position of an output: DESC, NULLS FIRST.
pub(crate) type OutputKey = (usize, bool, bool);

/// A bound SELECT before its aggregates and windows become operators.
pub(crate) struct TracedSelect {
    pub(crate) scope: Scope,
    /// The outputs, hidden ones at the end.
    pub(crate) targets: Vec<(Expr, String)>,
    /// How many are not hidden.
    pub(crate) visible: usize,
    pub(crate) filter: Option<Expr>,
    pub(crate) having: Option<Expr>,
    pub(crate) order: Vec<OutputKey>,
    /// DISTINCT ON.
    pub(crate) distinct_on: Option<Vec<usize>>,
    /// Parallel to the WINDOW clause.
    pub(crate) windows: Vec<TracedWindow>,
}

/// A window definition's parts, those of the window it is based on included.
pub(crate) struct TracedWindow {
    pub(crate) partition_by: Vec<Expr>,
    pub(crate) order_by: Vec<SortKey>,
    pub(crate) frame: Option<crate::plan::ir::Frame>,
}

/// What was written after OVER.
pub(crate) enum OverForm {
    /// A window's name.
    Named(String),
    /// A definition: the window it is based on, and whether it has an ORDER BY of its own.
    Spec { base: Option<String>, ordered: bool },
}

/// See the module's head.
#[derive(Default)]
pub(crate) struct Trace {
    /// By `ast::Select`.
    pub(crate) selects: HashMap<usize, TracedSelect>,
    /// By the rows of VALUES.
    pub(crate) values: HashMap<usize, Vec<Vec<Expr>>>,
    /// By `ast::TableRef`: the tables it offers.
    pub(crate) items: HashMap<usize, Vec<Rte>>,
    /// By `ast::Join`: the columns of USING or NATURAL.
    pub(crate) using: HashMap<usize, Vec<String>>,
    /// By `ast::Expr`: conditions of joins, items of GROUP BY, LIMIT and OFFSET.
    pub(crate) exprs: HashMap<usize, Expr>,
    /// By `ast::FunctionTable`: its calls.
    pub(crate) calls: HashMap<usize, Vec<Expr>>,
    /// By `ast::TableFunction`: the types of its list of column definitions.
    pub(crate) defined: HashMap<usize, Vec<TypeRef>>,
    /// Columns of functions that give rows of a relation: which call of the item of FROM, and which column of the relation.
    pub(crate) row_columns: HashMap<ColId, (usize, i16)>,
    /// By `ast::SetOp`: the types of its columns.
    pub(crate) set_ops: HashMap<usize, Vec<TypeRef>>,
    /// By `ast::Query` of VALUES or a set operation: its sort keys.
    pub(crate) orders: HashMap<usize, Vec<OutputKey>>,
    /// Subqueries of expressions, by the address of their text, which is kept alive here. They are bound from the copy here.
    pub(crate) queries: HashMap<usize, (Arc<ast::Query>, Arc<str>)>,
    /// The subquery bound last, until its text is known.
    bound_last: Option<Arc<ast::Query>>,
    pub(crate) aggs: HashMap<ColId, AggCall>,
    pub(crate) windows: HashMap<ColId, (WindowCall, OverForm)>,
    pub(crate) srfs: HashMap<ColId, Expr>,
    pub(crate) groupings: HashMap<ColId, Vec<Expr>>,
    /// Places of calls that were written in SQL's own syntax (`EXTRACT(… FROM …)`).
    pub(crate) syntax: HashSet<u32>,
}

/// The address of a subquery's text.
pub(crate) fn text_key(text: &Arc<str>) -> usize {
    Arc::as_ptr(text).cast::<u8>().addr()
}

impl Binder<'_> {
    /// Notes something, if the statement is traced.
    pub(crate) fn trace(&mut self, f: impl FnOnce(&mut Trace)) {
        if self.view_depth == 0
            && self.inlined.is_empty()
            && let Some(t) = self.traced.as_deref_mut()
        {
            f(t);
        }
    }

    /// The text of the subquery bound last, by which the trace finds it again.
    pub(crate) fn subquery_text(&mut self, q: &ast::Query) -> Arc<str> {
        let text: Arc<str> = q.to_string().into();
        self.trace_query(&text);
        text
    }

    /// Notes the text of the subquery bound last.
    pub(crate) fn trace_query(&mut self, text: &Arc<str>) {
        self.trace(|t| {
            if let Some(q) = t.bound_last.take() {
                t.queries.insert(text_key(text), (q, Arc::clone(text)));
            }
        });
    }

    /// Binds a subquery of an expression from a copy that the trace keeps.
    pub(crate) fn traced_subquery(&mut self, q: &ast::Query) -> rustydb_base::Result<crate::plan::ir::Query> {
        if self.traced.is_none() || self.view_depth > 0 {
            return self.query(q);
        }
        let own = Arc::new(q.clone());
        let bound = self.query(&own)?;
        self.trace(|t| t.bound_last = Some(own));
        Ok(bound)
    }
}
