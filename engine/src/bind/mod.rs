//! The binder: from syntax tree to typed tree, by PostgreSQL's rules.
//!
//! Idea: one pass over the statement. Names resolve through a stack of [`scope::Scope`]s (innermost last; an id found
//! further out makes the expression correlated), operators and functions through PostgreSQL's resolution rules
//! ([`resolve`], its manual's chapter 10), types through `pg_cast`. A literal of unknown type stays unknown until its
//! context gives it a type; a parameter takes the type its first context demands.
//!
//! Invariants: every [`ir::Expr`] that leaves the binder has a final type (never `unknown`, except where PostgreSQL itself
//! leaves it, and then it is `text`); every cast is explicit in the tree; column ids are unique in the statement.
//!
//! Left out until its issue: row-level security; rules.

mod assign;
pub(crate) mod canonical;
pub mod collation;
mod cte;
pub mod define;
mod dml;
mod expr;
pub(crate) mod func;
mod function_table;
mod grouping;
mod inline;
mod json;
mod late;
mod merge;
mod nameless;
mod nullable;
mod past;
mod policy;
mod query;
mod recursion;
pub mod resolve;
pub(crate) mod routine;
mod row_compare;
mod row_inherit;
mod scope;
mod select;
mod sqljson;
mod sqljson_make;
mod sqljson_text;
mod suggest;
mod target;
mod trace;
pub(crate) mod tree;
pub(crate) mod types;
pub(crate) mod view_target;
mod virtual_columns;
mod windows;
mod xml;
mod xml_table;

use crate::acl::needs::Needs;
use crate::acl::{check, privs};
use crate::catalog::{Catalog, Relation};
use crate::plan::ir::{self, Col, ColId};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::TypeRef;
use rustydb_types::oid;
use std::cell::Cell;
use std::collections::HashMap;
use std::sync::Arc;

pub(crate) use query::SYSTEM_COLUMNS;
pub use scope::{Scope, ScopeCol};
pub use types::type_ref;
pub(crate) use xml_table::XML_TABLE_ROWS;

/// What the binder may know of the session.
pub struct BindCx<'a> {
    /// Catalog to resolve names in.
    pub catalog: &'a Arc<Catalog>,
    /// Schemas of the search path that exist, `pg_catalog` and the temporary schema included, in search order.
    pub search_path: &'a [u32],
    /// For constants.
    pub eval: &'a EvalCtx,
    /// The role whose rights count.
    pub role: u32,
    /// The statement's text, for error positions.
    pub sql: &'a str,
}

/// Binds one statement.
pub struct Binder<'a> {
    pub(crate) cx: &'a BindCx<'a>,
    next_col: ColId,
    next_cte: ir::CteId,
    /// Types of `$1…`; `None` while unknown.
    pub params: Vec<Option<TypeRef>>,
    /// The statement stores the rows of a materialized view, which no other may change.
    pub may_fill: bool,
    /// Whether parameters beyond the given types may appear.
    pub allow_params: bool,
    scopes: Vec<Scope>,
    ctes: Vec<cte::CteFrame>,
    /// Names of WITH that are defined later than where we are.
    future_ctes: Vec<String>,
    /// The next WITH is the statement's own: it may change data.
    at_top: bool,
    /// Columns that the next SELECT's outputs are stored in (INSERT … SELECT): its untyped literals take their types.
    stored_in: Vec<(TypeRef, String)>,
    /// Literals without a type in the next query's select list wait for the type that its user gives them.
    leave_unknown: bool,
    /// Collectors of the SELECTs being bound, innermost last.
    levels: Vec<select::Level>,
    /// Relations the statement names, with the lock mode it needs: for locking and plan invalidation.
    pub relations: Vec<(Arc<Relation>, ast::TableLockMode)>,
    /// A constant was made from text whose meaning depends on the clock or on settings: do not share the plan.
    pub context_dependent: bool,
    /// Views being expanded, to refuse recursion.
    view_depth: usize,
    /// Field names and types of columns of type `record` where they are known (set-returning functions, row values).
    record_fields: HashMap<ColId, Vec<(String, TypeRef)>>,
    /// Whole rows of tables that an outer join may leave out.
    nullable_rows: nullable::NullableRows,
    /// Rows whose virtual columns are replaced by their expressions.
    virtual_rows: virtual_columns::VirtualRows,
    /// SQL functions whose bodies are being bound, innermost last.
    inlined: Vec<routine::Body>,
    /// Calls stay calls: what is bound will be kept as text.
    keep_calls: bool,
    /// An expression of a definition that may have no subquery is bound: what it is called.
    pub(crate) no_subquery: Option<&'static str>,
    /// A definition is bound to be evaluated.
    pub to_evaluate: bool,
    /// Nesting of expressions and queries.
    depth: usize,
    /// FOR UPDATE and its kin of the query whose FROM is being bound: they hold for its subqueries and views too.
    from_locks: Vec<ast::Locking>,
    /// What names mean, noted when a view is defined.
    resolved: Option<Vec<define::Resolved>>,
    /// What the statement needs to be allowed to do.
    pub needs: Needs,
    /// As whom relations are used: the owner of the view being expanded, `None` for the current role.
    acts_as: Option<u32>,
    /// Type of `VALUE` while the condition of a domain is bound.
    pub domain_value: Option<TypeRef>,
    /// A definition is being bound: whose rows its tables will show is a matter of its use.
    pub defines: bool,
    /// Tables whose policies are being bound, to refuse recursion.
    policies: Vec<u32>,
    /// What becomes of the statement's parts, when somebody wants to know.
    traced: Option<Box<trace::Trace>>,
    /// The last place of the statement's text that was turned into a character position, and that position.
    last_place: Cell<(ast::Pos, u32)>,
}

/// An error without its place in the statement, where PostgreSQL does not tell it.
pub(crate) fn unplaced(mut e: DbError) -> DbError {
    if let Some(f) = &mut e.fields {
        f.position = None;
    }
    e
}

/// Deepest nesting of expressions and queries the binder follows.
const MAX_DEPTH: usize = 2_000;

impl<'a> Binder<'a> {
    /// A binder for one statement; `params` are the parameter types known beforehand (0 for unknown).
    pub fn new(cx: &'a BindCx<'a>, params: &[u32]) -> Binder<'a> {
        Binder {
            cx,
            next_col: 1,
            next_cte: 1,
            params: params.iter().map(|&o| (o != 0 && o != oid::UNKNOWN).then(|| types::plain(o))).collect(),
            may_fill: false,
            allow_params: true,
            scopes: Vec::new(),
            ctes: Vec::new(),
            future_ctes: Vec::new(),
            at_top: false,
            stored_in: Vec::new(),
            leave_unknown: false,
            levels: Vec::new(),
            relations: Vec::new(),
            context_dependent: false,
            view_depth: 0,
            record_fields: HashMap::new(),
            nullable_rows: nullable::NullableRows::new(),
            virtual_rows: virtual_columns::VirtualRows::default(),
            inlined: Vec::new(),
            keep_calls: false,
            no_subquery: None,
            to_evaluate: false,
            depth: 0,
            from_locks: Vec::new(),
            resolved: None,
            needs: Needs::default(),
            acts_as: None,
            domain_value: None,
            defines: false,
            policies: Vec::new(),
            traced: None,
            last_place: Cell::new((0, 1)),
        }
    }

    /// Binds a query or DML statement; `None` for statements that are not for the planner.
    pub fn statement(&mut self, stmt: &ast::Statement) -> Result<Option<ir::Bound>> {
        self.at_top = true;
        let mut bound = match stmt {
            ast::Statement::Query(q) => ir::Bound::Query(self.top_query(q)?),
            ast::Statement::Insert(i) => ir::Bound::Insert(Box::new(self.insert(i)?)),
            ast::Statement::Update(u) => ir::Bound::Update(Box::new(self.update(u)?)),
            ast::Statement::Delete(d) => ir::Bound::Delete(Box::new(self.delete(d)?)),
            ast::Statement::Merge(m) => ir::Bound::Merge(Box::new(self.merge(m)?)),
            _ => return Ok(None),
        };
        self.absent_rows(&mut bound)?;
        Ok(Some(bound))
    }

    /// The parameter types after binding; an undetermined one is 42P18.
    pub fn finish_params(&self) -> Result<Vec<TypeRef>> {
        self.params
            .iter()
            .enumerate()
            .map(|(i, p)| {
                p.ok_or_else(|| {
                    DbError::new(
                        SqlState::INDETERMINATE_DATATYPE,
                        format!("could not determine data type of parameter ${}", i + 1),
                    )
                })
            })
            .collect()
    }

    /// A fresh column.
    pub fn col(&mut self, ty: TypeRef) -> Col {
        let id = self.next_col;
        self.next_col += 1;
        Col { id, ty }
    }

    /// The 1-based character position of a byte offset, 0 for none.
    pub(crate) fn pos(&self, pos: ast::Pos) -> u32 {
        if pos == ast::NO_POS {
            return 0;
        }
        match self.inlined.last().and_then(|b| b.text.as_deref()) {
            Some(text) => rustydb_parser::char_position(text, pos),
            None => {
                // From the place that was asked for last: counting from the text's beginning each time would take a time
                // that grows with the square of its length.
                let place = rustydb_parser::char_position_from(self.cx.sql, self.last_place.get(), pos);
                self.last_place.set((pos, place));
                place
            }
        }
    }

    fn descend(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            self.depth = 0;
            return Err(DbError::new(SqlState::STATEMENT_TOO_COMPLEX, "stack depth limit exceeded").hint(
                "Increase the configuration parameter \"max_stack_depth\" (currently 2048kB), after ensuring the platform's \
                 stack depth limit is adequate.",
            ));
        }
        Ok(())
    }

    fn ascend(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    /// Looks a relation up by name, with PostgreSQL's errors.
    pub fn relation(&self, name: &ast::Name) -> Result<Arc<Relation>> {
        let found = self.find_relation(name)?;
        found.ok_or_else(|| {
            DbError::new(SqlState::UNDEFINED_TABLE, format!("relation \"{}\" does not exist", name.plain()))
                .at(self.pos(name.pos()))
        })
    }

    /// A schema by the name a statement gives it; `pg_temp` is the session's own.
    pub fn schema_named(&self, name: &str) -> Option<u32> {
        if name != "pg_temp" {
            return self.cx.catalog.namespace_named(name);
        }
        let session = self.cx.eval.session.as_any().downcast_ref::<crate::session::SessionShared>()?;
        session.temp_namespace(self.cx.catalog)
    }

    /// Looks a relation up by name; an unknown schema is "not found".
    pub fn find_relation(&self, name: &ast::Name) -> Result<Option<Arc<Relation>>> {
        let cat = self.cx.catalog;
        if let Some(db) = &name.catalog
            && db.value != cat.database.name
        {
            return Err(DbError::unsupported(format!(
                "cross-database references are not implemented: \"{}\"",
                name.plain()
            ))
            .at(self.pos(db.pos)));
        }
        if let Some(schema) = &name.schema {
            let ns = self.schema_named(&schema.value);
            // What a view names was allowed when the view was made.
            if let Some(ns) = ns.filter(|_| self.acts_as.is_none() && self.view_depth == 0) {
                check::need_schema(cat, ns, self.cx.role, privs::USAGE).map_err(|e| e.at(self.pos(name.pos())))?;
            }
            return Ok(ns.and_then(|ns| cat.relation_named(ns, &name.name.value)).cloned());
        }
        Ok(self.cx.search_path.iter().find_map(|&ns| cat.relation_named(ns, &name.name.value)).cloned())
    }

    /// Notes that the statement uses a relation under a lock mode (the strongest wins).
    pub fn uses(&mut self, rel: &Arc<Relation>, mode: ast::TableLockMode) {
        if let Some(r) = self.relations.iter_mut().find(|r| r.0.oid == rel.oid) {
            r.1 = r.1.max(mode);
        } else {
            self.relations.push((Arc::clone(rel), mode));
        }
    }
}

/// Parses an expression kept as text in the catalog.
pub(crate) fn parse_expr(text: &str) -> Result<ast::Expr> {
    let parsed = rustydb_parser::parse(&format!("SELECT {text}"))?;
    let target = match parsed.into_iter().next().map(|p| p.stmt) {
        Some(ast::Statement::Query(q)) => match q.body {
            ast::QueryBody::Select(mut s) if s.targets.len() == 1 => s.targets.pop(),
            _ => None,
        },
        _ => None,
    };
    target.map(|t| t.expr).ok_or_else(|| DbError::internal(format!("stored expression is not an expression: {text}")))
}
