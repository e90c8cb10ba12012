//! WITH: its tables, recursive ones among them, and references to them.
//!
//! The tables of a WITH RECURSIVE are bound in the order of their references ([`super::recursion`]). SEARCH and CYCLE are
//! carried out on the syntax, as the standard defines them: both terms get further columns, which the recursive term may
//! read by name but `*` leaves out.

use super::Binder;
use super::query::untyped_literal;
use super::recursion;
use super::scope::{Rte, ScopeCol};
use crate::plan::ir::{Bound, Col, Cte, CteId, Expr, ExprKind, OutputColumn, Rel};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, Ident};
use rustydb_types::datum::TypeRef;
use rustydb_types::{oid, typename};

/// Names and types of a record's fields.
type Fields = Vec<(String, TypeRef)>;

/// A common table that names may mean.
#[derive(Clone)]
pub(crate) struct CteFrame {
    name: String,
    id: CteId,
    columns: Vec<(String, TypeRef)>,
    /// Fields of the columns that are records, where they are known.
    fields: Vec<Option<Fields>>,
    /// References from outside its own recursive term.
    refs: usize,
    /// Inside its own recursive term: a reference is the recursive one.
    recursing: bool,
    /// Columns at the end that the recursive term's `*` leaves out.
    unlisted: usize,
    /// A data-modifying statement without RETURNING, which has no rows.
    silent: bool,
    /// Query levels around its definition.
    levels: usize,
}

impl CteFrame {
    fn new(name: &str, id: CteId, columns: Vec<(String, TypeRef)>) -> CteFrame {
        CteFrame {
            name: name.to_owned(),
            id,
            fields: vec![None; columns.len()],
            columns,
            refs: 0,
            recursing: false,
            unlisted: 0,
            silent: false,
            levels: 0,
        }
    }
    /// The name by which queries mean it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

/// A recursive table's terms with SEARCH and CYCLE carried out.
struct Extended {
    left: ast::Query,
    right: ast::Query,
    names: Vec<String>,
    added: usize,
}

impl Binder<'_> {
    /// Puts WITH around a relation, with the reference counts found meanwhile.
    pub(crate) fn wrap_ctes(&mut self, mut ctes: Vec<Cte>, body: Rel, frames: usize) -> Rel {
        for c in &mut ctes {
            c.references = self.ctes[frames..].iter().find(|f| f.id == c.id).map_or(0, |f| f.refs);
        }
        Rel::With { ctes, body: Box::new(body) }
    }

    /// Binds the tables of WITH; their names stay visible until the caller truncates `self.ctes`. `top`: it is the
    /// statement's own, where tables may change data.
    pub(crate) fn with(&mut self, w: &ast::With, top: bool) -> Result<Vec<Cte>> {
        for (i, c) in w.ctes.iter().enumerate() {
            if w.ctes[..i].iter().any(|d| d.name == c.name) {
                return Err(DbError::new(
                    SqlState::DUPLICATE_ALIAS,
                    format!("WITH query name \"{}\" specified more than once", c.name.value),
                )
                .at(self.pos(c.name.pos)));
            }
            if !matches!(&*c.body, ast::Statement::Query(_)) && !top {
                return Err(DbError::unsupported(
                    "WITH clause containing a data-modifying statement must be at the top level",
                )
                .at(self.pos(c.name.pos)));
            }
        }
        let order = if w.recursive {
            let order = recursion::order(w, &|p| self.pos(p))?;
            for &(i, itself) in &order {
                if itself {
                    recursion::check(&w.ctes[i], &|p| self.pos(p))?;
                }
            }
            order
        } else {
            (0..w.ctes.len()).map(|i| (i, false)).collect()
        };
        let mut out = Vec::with_capacity(w.ctes.len());
        for (i, itself) in order {
            let futures = self.future_ctes.len();
            if !w.recursive {
                self.future_ctes.extend(w.ctes[i..].iter().map(|c| c.name.value.clone()));
            }
            let r = self.cte(&w.ctes[i], itself, &mut out);
            self.future_ctes.truncate(futures);
            let c = r?;
            out.push(c);
        }
        Ok(out)
    }

    /// The columns a table's definition names, in place of its query's.
    fn name_columns(&self, c: &ast::Cte, cols: &mut [OutputColumn]) -> Result<()> {
        if c.columns.len() > cols.len() {
            return Err(DbError::new(
                SqlState::INVALID_COLUMN_REFERENCE,
                format!(
                    "WITH query \"{}\" has {} columns available but {} columns specified",
                    c.name.value,
                    cols.len(),
                    c.columns.len()
                ),
            )
            .at(self.pos(c.name.pos)));
        }
        for (col, n) in cols.iter_mut().zip(&c.columns) {
            col.name.clone_from(&n.value);
        }
        Ok(())
    }

    fn frame(&self, c: &ast::Cte, id: CteId, columns: &[OutputColumn], rel: &Rel) -> CteFrame {
        let mut f = CteFrame::new(&c.name.value, id, columns.iter().map(|x| (x.name.clone(), x.ty)).collect());
        f.levels = self.levels.len();
        f.fields = rel.outputs().iter().map(|o| self.record_fields.get(&o.id).cloned()).collect();
        f
    }

    /// Binds one table; tables of its own that its recursive term needs go before it, to `out`.
    fn cte(&mut self, c: &ast::Cte, itself: bool, out: &mut Vec<Cte>) -> Result<Cte> {
        let id = self.next_cte;
        self.next_cte += 1;
        let ast::Statement::Query(q) = &*c.body else { return self.modifying_cte(c, id) };
        if itself && let ast::QueryBody::SetOp(s) = &q.body {
            return self.recursive_cte(c, id, q, s, out);
        }
        if c.search.is_some() || c.cycle.is_some() {
            return Err(DbError::new(SqlState::SYNTAX_ERROR, "WITH query is not recursive").at(self.pos(c.name.pos)));
        }
        let mut bound = self.query(q)?;
        self.name_columns(c, &mut bound.columns)?;
        self.resolve_outputs(&mut bound)?;
        let frame = self.frame(c, id, &bound.columns, &bound.rel);
        self.ctes.push(frame);
        Ok(Cte {
            id,
            name: c.name.value.clone(),
            rel: bound.rel,
            recursive: None,
            materialized: c.materialized,
            references: 0,
        })
    }

    /// UNION [ALL] of a term that does not and one that does read the table.
    fn recursive_cte(
        &mut self,
        c: &ast::Cte,
        id: CteId,
        q: &ast::Query,
        s: &ast::SetOp,
        out: &mut Vec<Cte>,
    ) -> Result<Cte> {
        let frames = self.ctes.len();
        let inner = match &q.with {
            Some(w) => self.with(w, false)?,
            None => Vec::new(),
        };
        let extended = self.search_and_cycle(c, s)?;
        let mut first = self.query(extended.as_ref().map_or(&*s.left, |e| &e.left))?;
        match &extended {
            Some(e) => first.columns.iter_mut().zip(&e.names).for_each(|(col, n)| col.name.clone_from(n)),
            None => self.name_columns(c, &mut first.columns)?,
        }
        self.resolve_outputs(&mut first)?;
        let mut frame = self.frame(c, id, &first.columns, &first.rel);
        frame.recursing = true;
        frame.unlisted = extended.as_ref().map_or(0, |e| e.added);
        self.ctes.push(frame.clone());
        self.leave_unknown = true;
        let second = self.query(extended.as_ref().map_or(&*s.right, |e| &e.right));
        self.ctes.pop();
        let second = second?;
        if first.columns.len() != second.columns.len() {
            return Err(DbError::new(SqlState::SYNTAX_ERROR, "each UNION query must have the same number of columns")
                .at(self.column_place(&s.right, 0)));
        }
        // The recursive term's columns must have the first term's types.
        let outs = second.rel.outputs();
        let mut exprs = Vec::new();
        for (i, (o, want)) in outs.iter().zip(&first.columns).enumerate() {
            let e = untyped_literal(&second.rel, o.id).unwrap_or(Expr::column(*o));
            let common = self.common_type_of(&[&Expr::new(ExprKind::CaseValue, want.ty), &e], "UNION")?;
            let typmod = if e.ty.oid == common && e.ty.typmod == want.ty.typmod { want.ty.typmod } else { -1 };
            let unknown = e.ty.oid == oid::UNKNOWN;
            if common != want.ty.oid || (typmod != want.ty.typmod && !unknown) {
                return Err(DbError::new(
                    SqlState::DATATYPE_MISMATCH,
                    format!(
                        "recursive query \"{}\" column {} has type {} in non-recursive term but type {} overall",
                        c.name.value,
                        i + 1,
                        typename::with_typmod(want.ty.oid, want.ty.typmod),
                        typename::with_typmod(common, typmod)
                    ),
                )
                .hint("Cast the output of the non-recursive term to the correct type.")
                .at(self.column_place(&s.left, i)));
            }
            if want.ty.collation != 0 {
                let (l, r) = (first.rel.outputs(), super::collation::target(&second.rel, o.id).cloned());
                let l = l.get(i).and_then(|c| super::collation::target(&first.rel, c.id)).cloned();
                let l = l.unwrap_or_else(|| Expr::new(ExprKind::CaseValue, want.ty));
                let overall = super::collation::of_set_op(&l, r.as_ref().unwrap_or(&e), !s.all)?;
                if overall != want.ty.collation {
                    let shown = |c: u32| rustydb_types::collation::name(c).map_or_else(String::new, |n| n.to_string());
                    return Err(DbError::new(
                        SqlState::COLLATION_MISMATCH,
                        format!(
                            "recursive query \"{}\" column {} has collation \"{}\" in non-recursive term but collation \"{}\" \
                             overall",
                            c.name.value,
                            i + 1,
                            shown(want.ty.collation),
                            shown(overall)
                        ),
                    )
                    .hint("Use the COLLATE clause to set the collation of the non-recursive term.")
                    .at(self.column_place(&s.left, i)));
                }
            }
            if !s.all {
                self.check_equality(common, self.column_place(&s.left, i))?;
                // The rows so far are kept in a hash table.
                if !super::resolve::hashable(common) {
                    return Err(DbError::unsupported("could not implement recursive UNION")
                        .detail("All column datatypes must be hashable."));
                }
            }
            exprs.push(self.to_common(e, common, "UNION")?);
        }
        self.trace(|t| {
            t.set_ops.insert(super::trace::key(s), first.columns.iter().map(|c| c.ty).collect());
        });
        let rel = self.project_to(second.rel, exprs);
        // What both terms may read is defined before the table.
        for mut x in inner {
            x.references = self.ctes[frames..].iter().find(|f| f.id == x.id).map_or(0, |f| f.refs);
            out.push(x);
        }
        self.ctes.truncate(frames);
        frame.recursing = false;
        frame.unlisted = 0;
        self.ctes.push(frame);
        Ok(Cte {
            id,
            name: c.name.value.clone(),
            rel: first.rel,
            recursive: Some((rel, s.all)),
            materialized: Some(true),
            references: 0,
        })
    }

    /// Where the i-th output of a query is written.
    pub(super) fn column_place(&self, q: &ast::Query, i: usize) -> u32 {
        match &q.body {
            ast::QueryBody::Select(s) => s.targets.get(i).or(s.targets.last()).map_or(0, |t| self.pos(t.expr.start())),
            ast::QueryBody::Values(rows) => rows.first().and_then(|r| r.get(i)).map_or(0, |e| self.pos(e.start())),
            ast::QueryBody::SetOp(s) => self.column_place(&s.left, i),
        }
    }

    fn modifying_cte(&mut self, c: &ast::Cte, id: CteId) -> Result<Cte> {
        if c.search.is_some() || c.cycle.is_some() {
            return Err(DbError::new(SqlState::SYNTAX_ERROR, "WITH query is not recursive").at(self.pos(c.name.pos)));
        }
        let b = match &*c.body {
            ast::Statement::Insert(i) => Bound::Insert(Box::new(self.insert(i)?)),
            ast::Statement::Update(u) => Bound::Update(Box::new(self.update(u)?)),
            ast::Statement::Delete(d) => Bound::Delete(Box::new(self.delete(d)?)),
            _ => return Err(DbError::unsupported("MERGE not supported in WITH query").at(self.pos(c.name.pos))),
        };
        let returning = match &b {
            Bound::Insert(i) => i.returning.as_ref(),
            Bound::Update(u) => u.returning.as_ref(),
            Bound::Delete(d) => d.returning.as_ref(),
            Bound::Query(_) | Bound::Merge(_) => None,
        };
        let silent = returning.is_none();
        let mut columns = returning.map_or(Vec::new(), |r| r.columns.clone());
        if !silent {
            self.name_columns(c, &mut columns)?;
        }
        let cols: Vec<Col> = columns.iter().map(|x| self.col(x.ty)).collect();
        let columns = columns.into_iter().map(|x| (x.name, x.ty)).collect();
        self.ctes.push(CteFrame { silent, ..CteFrame::new(&c.name.value, id, columns) });
        Ok(Cte {
            id,
            name: c.name.value.clone(),
            rel: Rel::Modify(Box::new(b), cols),
            recursive: None,
            materialized: Some(true),
            references: 0,
        })
    }

    /// A name in FROM that means the common table at `i` of those in scope.
    pub(super) fn cte_reference(&mut self, i: usize, t: &ast::TableFactor, alias: String) -> Result<(Rel, Rte)> {
        let frame = &mut self.ctes[i];
        if frame.silent {
            let text = format!("WITH query \"{}\" does not have a RETURNING clause", frame.name);
            return Err(DbError::unsupported(text).at(self.pos(t.name.pos())));
        }
        if !frame.recursing {
            frame.refs += 1;
        }
        let (id, unlisted, recursing) = (frame.id, frame.unlisted, frame.recursing);
        let (columns, fields) = (frame.columns.clone(), frame.fields.clone());
        if recursing {
            self.note_recursion();
        }
        let mut cols = Vec::with_capacity(columns.len());
        let mut scope_cols = Vec::with_capacity(columns.len());
        for ((name, ty), fields) in columns.into_iter().zip(fields) {
            let c = self.col(ty);
            if let Some(f) = fields {
                self.record_fields.insert(c.id, f);
            }
            cols.push(c);
            scope_cols.push(ScopeCol { name: name.into(), col: c, origin: (0, 0) });
        }
        let system = scope_cols.split_off(scope_cols.len().saturating_sub(unlisted));
        self.rename(&mut scope_cols, &alias, t.alias.as_ref())?;
        let rte = Rte { system, other: Some("a WITH query"), ..Rte::computed(alias, scope_cols) };
        Ok((Rel::CteScan { cte: id, cols }, rte))
    }

    /// A relation was not found: tells of a table of WITH that is defined too late.
    pub(super) fn forward_reference(&self, name: &ast::Name, e: DbError) -> DbError {
        if e.code != SqlState::UNDEFINED_TABLE || name.schema.is_some() || !self.future_ctes.contains(&name.name.value)
        {
            return e;
        }
        e.detail(format!(
            "There is a WITH item named \"{}\", but it cannot be referenced from this part of the query.",
            name.name.value
        ))
        .hint("Use WITH RECURSIVE, or re-order the WITH items to remove forward references.")
    }

    /// A common table that an aggregate of an outer query level (its index) would read and that exists only further in.
    pub(super) fn deeper_cte(&self, arg: &Expr, level: usize) -> Option<String> {
        let mut found = None;
        crate::plan::walk::visit_deep(arg, &mut |e| {
            let ExprKind::Subquery(s) = &e.kind else { return };
            crate::plan::walk::visit_rels(&s.rel, &mut |r| {
                if let Rel::CteScan { cte, .. } = r
                    && let Some(f) = self.ctes.iter().find(|f| f.id == *cte && f.levels > level)
                {
                    found = Some(f.name.clone());
                }
            });
        });
        found
    }

    // ---- SEARCH and CYCLE --------------------------------------------------------------------------------------

    fn search_and_cycle(&mut self, c: &ast::Cte, s: &ast::SetOp) -> Result<Option<Extended>> {
        if c.search.is_none() && c.cycle.is_none() {
            return Ok(None);
        }
        for (side, word) in [(&s.left, "left"), (&s.right, "right")] {
            if matches!(side.body, ast::QueryBody::SetOp(_)) {
                return Err(DbError::unsupported(format!(
                    "with a SEARCH or CYCLE clause, the {word} side of the UNION must be a SELECT"
                )));
            }
        }
        let mut first = self.query(&s.left)?;
        self.name_columns(c, &mut first.columns)?;
        let names: Vec<String> = first.columns.iter().map(|x| x.name.clone()).collect();
        if let Some(x) = &c.search {
            self.search_columns("search", &x.columns, &names, x.pos)?;
            let seq = &x.sequence.value;
            self.fresh_name("search sequence", seq, &names, x.pos)?;
        }
        if let Some(x) = &c.cycle {
            self.search_columns("cycle", &x.columns, &names, x.pos)?;
            let (mark, path) = (&x.mark.value, &x.path.value);
            let (value, default) = cycle_values(x);
            let (v, d) = (self.expr(&value)?, self.expr(&default)?);
            let ty = self.common_type_of(&[&v, &d], "CYCLE")?;
            self.check_equality(ty, 0)?;
            self.fresh_name("cycle mark", mark, &names, x.pos)?;
            self.fresh_name("cycle path", path, &names, x.pos)?;
            let same = |a: &str, b: &str, at: ast::Pos| {
                Err(DbError::new(
                    SqlState::DUPLICATE_COLUMN,
                    format!("{a} column name and {b} column name are the same"),
                )
                .at(self.pos(at)))
            };
            if mark == path {
                return same("cycle mark", "cycle path", x.pos);
            }
            if let Some(q) = &c.search {
                if q.sequence.value == *mark {
                    return same("search sequence", "cycle mark", q.pos);
                }
                if q.sequence.value == *path {
                    return same("search sequence", "cycle path", q.pos);
                }
            }
        }
        let Some(alias) = recursion::top_reference(&s.right, &c.name.value) else {
            return Err(DbError::unsupported(format!(
                "with a SEARCH or CYCLE clause, the recursive reference to WITH query \"{}\" must be at the top level of its \
                 right-hand SELECT",
                c.name.value
            )));
        };
        Ok(Some(extend(c, s, alias, names)))
    }

    fn search_columns(&self, what: &str, columns: &[Ident], names: &[String], pos: ast::Pos) -> Result<()> {
        for (i, n) in columns.iter().enumerate() {
            if !names.contains(&n.value) {
                return Err(DbError::new(
                    SqlState::UNDEFINED_COLUMN,
                    format!("{what} column \"{}\" not in WITH query column list", n.value),
                )
                .at(self.pos(pos)));
            }
            if columns[..i].contains(n) {
                return Err(DbError::new(
                    SqlState::DUPLICATE_COLUMN,
                    format!("{what} column \"{}\" specified more than once", n.value),
                )
                .at(self.pos(pos)));
            }
        }
        Ok(())
    }

    fn fresh_name(&self, what: &str, name: &str, names: &[String], pos: ast::Pos) -> Result<()> {
        if !names.iter().any(|n| n == name) {
            return Ok(());
        }
        Err(DbError::new(
            SqlState::DUPLICATE_COLUMN,
            format!("{what} column name \"{name}\" already used in WITH query column list"),
        )
        .at(self.pos(pos)))
    }
}

fn cycle_values(c: &ast::CteCycle) -> (ast::Expr, ast::Expr) {
    let bool_of = |b| ast::Expr::new(ast::ExprKind::Literal(ast::Literal::Bool(b)), ast::NO_POS);
    c.values.clone().unwrap_or_else(|| (bool_of(true), bool_of(false)))
}

fn syntax(kind: ast::ExprKind) -> ast::Expr {
    ast::Expr::new(kind, ast::NO_POS)
}

fn column(table: &str, name: &str) -> ast::Expr {
    let parts = vec![Ident::new(table), Ident::new(name)];
    syntax(ast::ExprKind::Column(ast::ColumnRef { parts, star: false }))
}

fn operator(op: &str, left: ast::Expr, right: ast::Expr) -> ast::Expr {
    let op = ast::Name { catalog: None, schema: Some(Ident::new("pg_catalog")), name: Ident::new(op) };
    syntax(ast::ExprKind::Op(Box::new(ast::Op { op, left: Some(left.into()), right: right.into() })))
}

/// One array after the other. A call, since for arrays of records no operator is the best match.
fn joined(left: ast::Expr, right: ast::Expr) -> ast::Expr {
    let name = ast::Name { catalog: None, schema: Some(Ident::new("pg_catalog")), name: Ident::new("array_cat") };
    let args = [left, right].into_iter().map(|value| ast::FuncArg { name: None, value }).collect();
    syntax(ast::ExprKind::Func(Box::new(ast::FuncCall {
        name,
        args,
        star: false,
        distinct: false,
        variadic: false,
        order_by: vec![],
        within_group: false,
        filter: None,
        over: None,
    })))
}

fn int8(n: i64) -> ast::Expr {
    let name = |s| ast::Name { catalog: None, schema: Some(Ident::new("pg_catalog")), name: Ident::new(s) };
    let ty = ast::TypeName { name: name("int8"), mods: vec![], dims: vec![], setof: false, pct_type: false };
    let n = syntax(ast::ExprKind::Literal(ast::Literal::Integer(n)));
    syntax(ast::ExprKind::Cast(n.into(), Box::new(ty)))
}

/// `SELECT exprs FROM (query) AS alias(names)`.
fn around(query: ast::Query, alias: &str, names: &[String], exprs: Vec<ast::Expr>) -> ast::Query {
    let alias = ast::Alias { name: Ident::new(alias), columns: names.iter().map(|n| Ident::new(n.as_str())).collect() };
    let pos = query.pos;
    let from = ast::SubqueryTable { lateral: false, query: Box::new(query), alias, pos };
    let targets = exprs.into_iter().map(|expr| ast::Target { expr, alias: None, pos: ast::NO_POS }).collect();
    let select = ast::Select {
        distinct: ast::Distinct::No,
        targets,
        from: vec![ast::TableRef::Query(Box::new(from))],
        filter: None,
        group_by: vec![],
        group_distinct: false,
        having: None,
        windows: vec![],
        pos,
    };
    ast::Query::of(ast::QueryBody::Select(Box::new(select)), pos)
}

/// Both terms of a recursive table with the columns of SEARCH and CYCLE. `alias` is the table's name in the right term.
fn extend(c: &ast::Cte, s: &ast::SetOp, alias: &str, mut names: Vec<String>) -> Extended {
    const LEFT: &str = "*TLOCRN*";
    const RIGHT: &str = "*TROCRN*";
    let row = |table: &str, columns: &[Ident], first: Option<ast::Expr>| {
        let fields = first.into_iter().chain(columns.iter().map(|n| column(table, &n.value))).collect();
        syntax(ast::ExprKind::Row { fields, explicit: true })
    };
    let array = |e: ast::Expr| syntax(ast::ExprKind::Array(vec![e]));
    let given = names.clone();
    let mut left: Vec<ast::Expr> = given.iter().map(|n| column(LEFT, n)).collect();
    let mut right: Vec<ast::Expr> = given.iter().map(|n| column(RIGHT, n)).collect();
    let mut inner = (*s.right).clone();
    let mut carried = Vec::new();
    if let Some(x) = &c.search {
        let seq = &x.sequence.value;
        if x.breadth {
            left.push(row(LEFT, &x.columns, Some(int8(0))));
            let depth = ast::Step::Field(Ident::new("f1"));
            let depth = syntax(ast::ExprKind::Indirection(column(RIGHT, seq).into(), vec![depth]));
            right.push(row(RIGHT, &x.columns, Some(operator("+", depth, int8(1)))));
        } else {
            left.push(array(row(LEFT, &x.columns, None)));
            right.push(joined(column(RIGHT, seq), array(row(RIGHT, &x.columns, None))));
        }
        carried.push(seq.clone());
    }
    if let Some(x) = &c.cycle {
        let (mark, path) = (&x.mark.value, &x.path.value);
        let (value, default) = cycle_values(x);
        let choose = |when: ast::Expr| {
            let whens = vec![(when, value.clone())];
            let case = ast::Case { operand: None, whens, otherwise: Some(default.clone()) };
            syntax(ast::ExprKind::Case(Box::new(case)))
        };
        left.push(choose(syntax(ast::ExprKind::Literal(ast::Literal::Bool(false)))));
        left.push(array(row(LEFT, &x.columns, None)));
        let seen = ast::Quantified {
            left: row(RIGHT, &x.columns, None).into(),
            op: ast::Name { catalog: None, schema: Some(Ident::new("pg_catalog")), name: Ident::new("=") },
            all: false,
            right: ast::QuantifiedRight::Array(column(RIGHT, path).into()),
        };
        right.push(choose(syntax(ast::ExprKind::Quantified(Box::new(seen)))));
        right.push(joined(column(RIGHT, path), array(row(RIGHT, &x.columns, None))));
        carried.extend([mark.clone(), path.clone()]);
        if let ast::QueryBody::Select(q) = &mut inner.body {
            let open = operator("<>", column(alias, mark), value);
            q.filter = Some(match q.filter.take() {
                Some(f) => syntax(ast::ExprKind::And(vec![f, open])),
                None => open,
            });
        }
    }
    if let ast::QueryBody::Select(q) = &mut inner.body {
        q.targets.extend(carried.iter().map(|n| ast::Target { expr: column(alias, n), alias: None, pos: ast::NO_POS }));
    }
    let added = carried.len();
    names.extend(carried);
    Extended {
        left: around((*s.left).clone(), LEFT, &given, left),
        right: around(inner, RIGHT, &names, right),
        names,
        added,
    }
}
