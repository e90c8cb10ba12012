//! A bound query as syntax again, in the form PostgreSQL shows: every column with its table, every cast explicit, `*` and
//! positions spelled out, every output named.
//!
//! Where things stand (FROM, joins, set operations, WITH) comes from the written query; what they mean comes from the
//! [trace](super::trace) of its binding. Tables whose names would be mistaken for another one's, here or in a query around,
//! get a number, as PostgreSQL does it. [`crate::catalog::deparse`] prints the result.
//!
//! Left out (`None`; the kept text is shown then): SEARCH and CYCLE, data-modifying WITH, comparisons of a row with a
//! subquery, XML's own syntax.

use super::define::{Surroundings, call_syntax, type_syntax, unbind_in};
use super::scope::{Rte, ScopeCol};
use super::trace::{OutputKey, OverForm, Trace, TracedSelect, TracedWindow, key, text_key};
use super::{BindCx, Binder};
use crate::plan::ir::{self, AggCall, ColId, Expr, ExprKind, SortKey, Subquery, SubqueryKind};
use rustydb_parser::ast::{self, Ident};
use rustydb_types::ctx::SessionInfo;
use rustydb_types::datum::TypeRef;
use rustydb_types::{oid, pgdata};
use std::collections::HashMap;

/// A relation or one of its columns that gets another name: the result has the new one.
pub(crate) struct Renamed<'a> {
    /// The relation.
    pub(crate) relation: u32,
    /// The column; `None` for the relation itself.
    pub(crate) column: Option<i16>,
    /// The new name.
    pub(crate) to: &'a str,
}

/// What the canonical form is made for.
#[derive(Clone, Copy)]
pub(crate) enum Purpose<'a> {
    /// To be shown.
    Show,
    /// To be kept.
    Keep,
    /// To be kept, with a new name.
    Rename(&'a Renamed<'a>),
}

/// What the alias of a table begins with that has none of its own, but whose name another table has too. Such aliases occur in
/// kept text only.
pub(crate) const NUMBERED: char = '\u{1}';

/// Whether a table has an alias that somebody gave it.
fn has_alias(t: &ast::TableFactor) -> bool {
    t.alias.as_ref().is_some_and(|a| !a.name.value.starts_with(NUMBERED))
}

/// The query in canonical form, its outputs called `names`. `around` are table names that count as taken. `None` if it has
/// something that cannot be written so.
pub(crate) fn query(
    cx: &BindCx<'_>,
    q: &ast::Query,
    names: &[String],
    around: &[&str],
    purpose: Purpose<'_>,
) -> Option<ast::Query> {
    let mut b = Binder::new(cx, &[]);
    b.traced = Some(Box::default());
    b.view_query(q).ok()?;
    let trace = b.traced.take()?;
    let (renamed, kept) = match purpose {
        Purpose::Show => (None, false),
        Purpose::Keep => (None, true),
        Purpose::Rename(r) => (Some(r), true),
    };
    let mut c = Canonical {
        trace: &trace,
        levels: Vec::new(),
        catalog: cx.catalog,
        renamed,
        kept,
        fields: &b.record_fields,
        session: &*cx.eval.session,
    };
    let mut taken = Level::default();
    for n in around {
        taken.names.insert((*n).to_owned(), 0);
    }
    c.levels.push(taken);
    c.query(q, Some(names), None)
}

/// What the tables of one query are called, and their columns.
#[derive(Clone, Default)]
struct Level {
    /// Names in use, with the last number given to a table that wanted the name.
    names: HashMap<String, u32>,
    /// Columns by their names: table (none for merged columns) and column.
    columns: HashMap<ColId, (Option<String>, String)>,
    /// Names of FROM items, by their key.
    items: HashMap<usize, String>,
    /// Columns whose names would be mistaken for merged ones, and what they are called instead.
    numbered: HashMap<ColId, String>,
    /// What is visible only inside a join with an alias, by the join's key.
    inside: HashMap<usize, HashMap<ColId, (Option<String>, String)>>,
}

struct Canonical<'a> {
    trace: &'a Trace,
    levels: Vec<Level>,
    catalog: &'a crate::catalog::Catalog,
    renamed: Option<&'a Renamed<'a>>,
    /// The result is kept as text.
    kept: bool,
    session: &'a dyn SessionInfo,
    /// The fields of columns that are records.
    fields: &'a HashMap<ColId, Vec<(String, TypeRef)>>,
}

fn at(kind: ast::ExprKind) -> ast::Expr {
    ast::Expr::new(kind, 0)
}

fn idents(names: impl IntoIterator<Item = impl Into<String>>) -> Vec<Ident> {
    names.into_iter().map(Ident::new).collect()
}

/// The syntax of a bound expression in the innermost query.
struct Here<'c, 'a>(&'c Canonical<'a>);

impl Surroundings for Here<'_, '_> {
    fn column(&self, id: ColId) -> Option<ast::Expr> {
        let c = self.0;
        if let Some(a) = c.trace.aggs.get(&id) {
            return c.aggregate(a);
        }
        if let Some((w, form)) = c.trace.windows.get(&id) {
            return c.window_call(w, form);
        }
        if let Some(e) = c.trace.srfs.get(&id) {
            return c.expr(e);
        }
        if let Some(args) = c.trace.groupings.get(&id) {
            return Some(at(ast::ExprKind::Grouping(args.iter().map(|a| c.expr(a)).collect::<Option<_>>()?)));
        }
        let (table, column) = c.levels.iter().rev().find_map(|l| l.columns.get(&id))?;
        let parts = idents(table.iter().chain([column]));
        Some(at(ast::ExprKind::Column(ast::ColumnRef { parts, star: false })))
    }

    fn subquery(&self, s: &Subquery) -> Option<ast::Expr> {
        self.0.subquery(s)
    }

    fn whole_row(&self, fields: &[Expr]) -> Option<ast::Expr> {
        let first = match fields.first().map(|f| &f.kind) {
            Some(ExprKind::Column(id)) => id,
            _ => return None,
        };
        let (table, _) = self.0.levels.iter().rev().find_map(|l| l.columns.get(first))?;
        let parts = idents([table.as_ref()?]);
        Some(at(ast::ExprKind::Column(ast::ColumnRef { parts, star: true })))
    }

    fn field(&self, row: &Expr, n: usize) -> Option<String> {
        let of_type = self.0.catalog.row_types.get(&row.ty.oid);
        if let Some(rel) = of_type.and_then(|r| self.0.catalog.relation(*r)) {
            return rel.live_columns().nth(n).map(|c| c.name.clone());
        }
        if let ExprKind::Column(id) = &row.kind
            && let Some(f) = self.0.fields.get(id)
        {
            return f.get(n).map(|f| f.0.clone());
        }
        let call = match &row.kind {
            ExprKind::Column(id) => self.0.trace.srfs.get(id)?,
            _ => row,
        };
        match &call.kind {
            ExprKind::Call { proc, .. } => {
                super::func::out_columns(proc, call.ty).and_then(|c| c.into_iter().nth(n)).map(|c| c.0)
            }
            _ => None,
        }
    }

    fn session(&self) -> Option<&dyn SessionInfo> {
        Some(self.0.session)
    }

    fn keeps_lengths(&self) -> bool {
        true
    }

    fn by_syntax(&self, pos: u32) -> bool {
        pos != 0 && self.0.trace.syntax.contains(&pos)
    }
}

impl Canonical<'_> {
    fn expr(&self, e: &Expr) -> Option<ast::Expr> {
        unbind_in(e, &Here(self))
    }

    fn exprs(&self, v: &[Expr]) -> Option<Vec<ast::Expr>> {
        v.iter().map(|e| self.expr(e)).collect()
    }

    fn sort_keys(&self, keys: &[SortKey]) -> Option<Vec<ast::SortBy>> {
        keys.iter().map(|k| Some(sort_by(self.expr(&k.expr)?, k.desc, k.nulls_first))).collect()
    }

    fn aggregate(&self, a: &AggCall) -> Option<ast::Expr> {
        if let Some(j) = super::sqljson_text::aggregate(a.proc, &a.args, &Here(self)) {
            let mut j = j?;
            j.order_by = self.sort_keys(&a.order_by)?;
            j.filter = self.optional(&a.filter)?;
            return Some(at(ast::ExprKind::SqlJson(Box::new(ast::SqlJson::Make(j)))));
        }
        let ordered_set = pgdata::aggregate(a.proc.oid).is_some_and(|x| x.aggkind != 'n') && !a.order_by.is_empty();
        let args = if ordered_set { a.args.get(..a.direct)? } else { &a.args };
        let mut call = call_syntax(a.proc, self.exprs(args)?);
        call.star &= !ordered_set;
        call.distinct = a.distinct;
        call.order_by = self.sort_keys(&a.order_by)?;
        call.within_group = ordered_set;
        call.filter = self.optional(&a.filter)?;
        Some(at(ast::ExprKind::Func(Box::new(call))))
    }

    fn optional(&self, e: &Option<Expr>) -> Option<Option<ast::Expr>> {
        match e {
            Some(e) => self.expr(e).map(Some),
            None => Some(None),
        }
    }

    fn window_call(&self, w: &ir::WindowCall, form: &OverForm) -> Option<ast::Expr> {
        let filter = self.optional(&w.filter)?;
        let over = Some(match form {
            OverForm::Named(n) => ast::Over::Named(Ident::new(n)),
            OverForm::Spec { base, ordered } => {
                ast::Over::Spec(self.window(base.as_deref(), *ordered, &w.partition_by, &w.order_by, &w.frame)?)
            }
        });
        if let Some(j) = super::sqljson_text::aggregate(w.proc, &w.args, &Here(self)) {
            let made = ast::SqlJson::Make(ast::JsonMake { filter, over, ..j? });
            return Some(at(ast::ExprKind::SqlJson(Box::new(made))));
        }
        let call = ast::FuncCall { filter, over, ..call_syntax(w.proc, self.exprs(&w.args)?) };
        Some(at(ast::ExprKind::Func(Box::new(call))))
    }

    fn window(
        &self,
        base: Option<&str>,
        ordered: bool,
        partition_by: &[Expr],
        order_by: &[SortKey],
        frame: &Option<ir::Frame>,
    ) -> Option<ast::WindowSpec> {
        let bound = |b: &ir::FrameBound| {
            Some(match b {
                ir::FrameBound::UnboundedPreceding => ast::FrameBound::UnboundedPreceding,
                ir::FrameBound::CurrentRow => ast::FrameBound::CurrentRow,
                ir::FrameBound::UnboundedFollowing => ast::FrameBound::UnboundedFollowing,
                ir::FrameBound::Preceding(e) => ast::FrameBound::Preceding(without_int8(self.expr(e)?).into()),
                ir::FrameBound::Following(e) => ast::FrameBound::Following(without_int8(self.expr(e)?).into()),
            })
        };
        // What comes from the window it is based on is not repeated.
        Some(ast::WindowSpec {
            base: base.map(Ident::new),
            partition_by: if base.is_some() { vec![] } else { self.exprs(partition_by)? },
            order_by: if base.is_some() && !ordered { vec![] } else { self.sort_keys(order_by)? },
            frame: match frame {
                Some(f) => Some(ast::Frame {
                    units: f.units,
                    start: bound(&f.start)?,
                    end: bound(&f.end)?,
                    between: f.between,
                    exclude: f.exclude,
                    pos: 0,
                }),
                None => None,
            },
            pos: 0,
        })
    }

    fn subquery(&self, s: &Subquery) -> Option<ast::Expr> {
        let (written, _) = self.trace.queries.get(&text_key(&s.text))?;
        // Inner queries see the names of the outer ones.
        let levels = self.levels.clone();
        let mut inner = Canonical { levels, ..*self };
        let q = Box::new(inner.query(written, None, None)?);
        Some(at(match &s.kind {
            SubqueryKind::Exists => ast::ExprKind::Exists(q),
            SubqueryKind::Scalar => ast::ExprKind::Subquery(q),
            SubqueryKind::Array => ast::ExprKind::ArrayQuery(q),
            SubqueryKind::Row => return None,
            SubqueryKind::Quantified { test, all, .. } => {
                let (left, op) = self.tested(test)?;
                ast::ExprKind::Quantified(Box::new(ast::Quantified {
                    left: left.into(),
                    op,
                    all: *all,
                    right: ast::QuantifiedRight::Query(q),
                }))
            }
        }))
    }

    /// The left side of a quantified comparison, and its operator.
    fn tested(&self, test: &Expr) -> Option<(ast::Expr, ast::Name)> {
        match &test.kind {
            ExprKind::Call { proc, args, .. } => {
                let op = super::define::operator_of(proc)?;
                Some((self.expr(args.first()?)?, ast::Name::bare(op.oprname)))
            }
            ExprKind::And(tests) | ExprKind::Or(tests) => {
                let mut fields = Vec::with_capacity(tests.len());
                let mut op = None;
                for t in tests {
                    let (l, o) = self.tested(t)?;
                    fields.push(l);
                    op.get_or_insert(o);
                }
                Some((at(ast::ExprKind::Row { fields, explicit: false }), op?))
            }
            ExprKind::Not(t) => {
                // A row differs if not all of its fields are equal.
                let (left, _) = self.tested(t)?;
                Some((left, ast::Name::bare("<>")))
            }
            ExprKind::RowCompare { strategy, left, .. } => {
                let op = match strategy {
                    1 => "<",
                    2 => "<=",
                    4 => ">=",
                    _ => ">",
                };
                Some((at(ast::ExprKind::Row { fields: self.exprs(left)?, explicit: false }), ast::Name::bare(op)))
            }
            _ => None,
        }
    }

    // ---- queries ---------------------------------------------------------------------------------------------------

    /// `names` are those of the outputs, if not their own; `types` those that untyped literals among them get.
    fn query(&mut self, q: &ast::Query, names: Option<&[String]>, types: Option<&[TypeRef]>) -> Option<ast::Query> {
        let depth = self.levels.len();
        let r = stacker::maybe_grow(128 * 1024, 1024 * 1024, || self.query_inner(q, names, types));
        self.levels.truncate(depth);
        r
    }

    fn query_inner(
        &mut self,
        q: &ast::Query,
        names: Option<&[String]>,
        types: Option<&[TypeRef]>,
    ) -> Option<ast::Query> {
        let mut level = Level::default();
        if let ast::QueryBody::Select(s) = &q.body {
            let traced = self.trace.selects.get(&key(&**s))?;
            number_columns(traced, &mut level)?;
            s.from.iter().for_each(|i| self.keep_joined_names(i, &mut level));
            self.name_items(&s.from, &mut level)?;
            self.name_merged(traced, &mut level);
        }
        self.levels.push(level);
        let with = match &q.with {
            Some(w) => Some(self.with(w)?),
            None => None,
        };
        let (body, order_by) = match &q.body {
            ast::QueryBody::Select(s) => {
                let traced = self.trace.selects.get(&key(&**s))?;
                let body = ast::QueryBody::Select(Box::new(self.select(s, traced, names, types)?));
                let by = |&(i, desc, nulls_first): &OutputKey| {
                    Some(sort_by(self.item(&traced.targets.get(i)?.0)?, desc, nulls_first))
                };
                (body, traced.order.iter().map(by).collect::<Option<Vec<_>>>()?)
            }
            ast::QueryBody::Values(rows) => {
                let bound = self.trace.values.get(&rows.as_ptr().addr())?;
                let value = |(written, e): (&ast::Expr, &Expr)| {
                    let syntax = super::define::field_syntax(e, &Here(self))?;
                    Some(if matches!(written.kind, ast::ExprKind::Cast(..)) { syntax } else { without_cast(syntax) })
                };
                let row = |(written, r): (&Vec<ast::Expr>, &Vec<Expr>)| {
                    // Stars among the written values are more values than written.
                    let alike = written.len() == r.len();
                    if alike { written.iter().zip(r).map(value).collect() } else { self.exprs(r) }
                };
                let rows = rows.iter().zip(bound).map(row).collect::<Option<Vec<_>>>()?;
                let column = |i: usize| {
                    let parts = idents(["*VALUES*".to_owned(), format!("column{}", i + 1)]);
                    at(ast::ExprKind::Column(ast::ColumnRef { parts, star: false }))
                };
                let renamed = |n: &[String]| n.iter().enumerate().any(|(i, n)| *n != format!("column{}", i + 1));
                let body = match names {
                    // Only a SELECT can give the columns other names.
                    Some(n) if renamed(n) && !self.kept => select_of_values(rows, n, &column),
                    _ => ast::QueryBody::Values(rows),
                };
                (body, self.positions(q, &column))
            }
            ast::QueryBody::SetOp(s) => {
                let own = self.trace.set_ops.get(&key(&**s))?;
                let types = types.unwrap_or(own);
                let left = Box::new(self.query(&s.left, names, Some(types))?);
                let right = Box::new(self.query(&s.right, names, Some(types))?);
                let position =
                    |i: usize| at(ast::ExprKind::Literal(ast::Literal::Integer(i64::try_from(i + 1).unwrap_or(0))));
                let op = ast::SetOp { op: s.op, all: s.all, left, right, pos: 0 };
                (ast::QueryBody::SetOp(Box::new(op)), self.positions(q, &position))
            }
        };
        let count = |e: &Option<ast::Expr>| match e {
            Some(w) => Some(Some(match self.trace.exprs.get(&key(w)) {
                // A cast that was written is shown.
                Some(_) if is_literal_int8(w) => w.clone(),
                Some(b) => without_int8(self.expr(b)?),
                None => w.clone(),
            })),
            None => Some(None),
        };
        let locking = self.locking(q);
        Some(ast::Query {
            with,
            body,
            order_by,
            limit: count(&q.limit)?,
            with_ties: q.with_ties,
            offset: count(&q.offset)?,
            locking,
            pos: 0,
        })
    }

    /// FOR UPDATE and its kin, table by table.
    fn locking(&self, q: &ast::Query) -> Vec<ast::Locking> {
        let ast::QueryBody::Select(s) = &q.body else { return Vec::new() };
        let tables: Vec<&str> = s
            .from
            .iter()
            .filter(|i| matches!(i, ast::TableRef::Table(_) | ast::TableRef::Query(_)))
            .filter_map(|i| self.name_of(i))
            .collect();
        let one = |l: &ast::Locking, n: &str| ast::Locking { of: vec![ast::Name::bare(n)], ..l.clone() };
        let mut out = Vec::new();
        for l in &q.locking {
            match l.of.is_empty() {
                true => out.extend(tables.iter().map(|n| one(l, n))),
                false => out.extend(l.of.iter().map(|n| one(l, self.locked_name(s, &n.name.value)))),
            }
        }
        out
    }

    /// What the item is called that FOR UPDATE OF calls by its written name.
    fn locked_name<'n>(&'n self, s: &ast::Select, written: &'n str) -> &'n str {
        let item = s
            .from
            .iter()
            .find(|i| self.trace.items.get(&key(*i)).and_then(|r| r.first()).is_some_and(|r| r.name == written));
        item.and_then(|i| self.name_of(i)).unwrap_or(written)
    }

    /// ORDER BY of a query that can only be sorted by its outputs.
    fn positions(&self, q: &ast::Query, item: &dyn Fn(usize) -> ast::Expr) -> Vec<ast::SortBy> {
        let keys = self.trace.orders.get(&key(q));
        keys.into_iter().flatten().map(|k| sort_by(item(k.0), k.1, k.2)).collect()
    }

    fn with(&mut self, w: &ast::With) -> Option<ast::With> {
        let mut ctes = Vec::with_capacity(w.ctes.len());
        for c in &w.ctes {
            let ast::Statement::Query(q) = &*c.body else { return None };
            if c.search.is_some() || c.cycle.is_some() {
                return None;
            }
            let body = Box::new(ast::Statement::Query(Box::new(self.query(q, None, None)?)));
            ctes.push(ast::Cte { body, ..c.clone() });
        }
        Some(ast::With { recursive: w.recursive, ctes, pos: 0 })
    }

    fn select(
        &mut self,
        s: &ast::Select,
        t: &TracedSelect,
        names: Option<&[String]>,
        types: Option<&[TypeRef]>,
    ) -> Option<ast::Select> {
        let mut targets = Vec::with_capacity(t.visible);
        for (i, (e, name)) in t.targets.iter().take(t.visible).enumerate() {
            let mut expr = super::define::field_syntax(e, &Here(self))?;
            if e.ty.oid == oid::UNKNOWN {
                let ty = types.and_then(|t| t.get(i)).copied().unwrap_or(TypeRef::new(oid::TEXT));
                expr = at(ast::ExprKind::Cast(expr.into(), Box::new(type_syntax(TypeRef { typmod: -1, ..ty }))));
            }
            let name = names.and_then(|n| n.get(i)).unwrap_or(name);
            targets.push(ast::Target { expr, alias: Some(Ident::new(name)), pos: 0 });
        }
        let distinct = match (&s.distinct, &t.distinct_on) {
            (ast::Distinct::On(_), Some(on)) => {
                ast::Distinct::On(on.iter().map(|i| self.item(&t.targets.get(*i)?.0)).collect::<Option<_>>()?)
            }
            (d, _) => d.clone(),
        };
        let from = s.from.iter().map(|i| self.relation(i)).collect::<Option<_>>()?;
        let group_by = s.group_by.iter().map(|g| self.group(g)).collect::<Option<_>>()?;
        let mut windows = Vec::with_capacity(s.windows.len());
        for ((name, written), TracedWindow { partition_by, order_by, frame }) in s.windows.iter().zip(&t.windows) {
            let base = written.base.as_ref().map(|b| b.value.as_str());
            let spec = self.window(base, !written.order_by.is_empty(), partition_by, order_by, frame)?;
            windows.push((name.clone(), spec));
        }
        Some(ast::Select {
            distinct,
            targets,
            from,
            filter: self.optional(&t.filter)?,
            group_by,
            group_distinct: s.group_distinct,
            having: self.optional(&t.having)?,
            windows,
            pos: 0,
        })
    }

    /// An item of GROUP BY, ORDER BY or DISTINCT ON: a constant gets a cast, as a number alone would be a position.
    fn item(&self, e: &Expr) -> Option<ast::Expr> {
        let syntax = self.expr(e)?;
        Some(match &syntax.kind {
            ast::ExprKind::Literal(_) => {
                at(ast::ExprKind::Cast(syntax.into(), Box::new(type_syntax(TypeRef { typmod: -1, ..e.ty }))))
            }
            _ => syntax,
        })
    }

    fn group_expr(&self, e: &ast::Expr) -> Option<ast::Expr> {
        if let ast::ExprKind::Row { fields, explicit: false } = &e.kind {
            let fields = fields.iter().map(|f| self.group_expr(f)).collect::<Option<_>>()?;
            return Some(at(ast::ExprKind::Row { fields, explicit: false }));
        }
        self.item(self.trace.exprs.get(&key(e))?)
    }

    fn group(&self, g: &ast::GroupItem) -> Option<ast::GroupItem> {
        let many = |v: &[ast::Expr]| v.iter().map(|e| self.group_expr(e)).collect::<Option<Vec<_>>>();
        Some(match g {
            ast::GroupItem::Expr(e) => ast::GroupItem::Expr(self.group_expr(e)?),
            ast::GroupItem::Empty(p) => ast::GroupItem::Empty(*p),
            ast::GroupItem::Rollup(v, p) => ast::GroupItem::Rollup(many(v)?, *p),
            ast::GroupItem::Cube(v, p) => ast::GroupItem::Cube(many(v)?, *p),
            ast::GroupItem::Sets(v, p) => {
                ast::GroupItem::Sets(v.iter().map(|g| self.group(g)).collect::<Option<_>>()?, *p)
            }
        })
    }

    // ---- FROM ------------------------------------------------------------------------------------------------------

    /// A name for a table that wants `name`: numbered if another one has it here or in a query around.
    fn unique(&self, level: &mut Level, name: &str) -> String {
        let taken = |l: &Level, n: &str| l.names.contains_key(n) || self.levels.iter().any(|o| o.names.contains_key(n));
        if !taken(level, name) {
            level.names.insert(name.to_owned(), 0);
            return name.to_owned();
        }
        let mut n = level.names.get(name).copied().unwrap_or(0);
        let found = loop {
            n += 1;
            let candidate = format!("{name}_{n}");
            if !taken(level, &candidate) {
                break candidate;
            }
        };
        level.names.insert(name.to_owned(), n);
        level.names.insert(found.clone(), 0);
        found
    }

    fn name_items(&self, items: &[ast::TableRef], level: &mut Level) -> Option<()> {
        items.iter().try_for_each(|i| self.name_item(i, level))
    }

    fn name_item(&self, item: &ast::TableRef, level: &mut Level) -> Option<()> {
        let rtes = self.trace.items.get(&key(item))?;
        if let ast::TableRef::Join(j) = item {
            self.name_item(&j.left, level)?;
            self.name_item(&j.right, level)?;
            if j.alias.is_none() {
                if let ast::JoinCondition::Using(_, Some(a)) = &j.condition {
                    self.unique(level, &a.value);
                }
                return Some(());
            }
        }
        let rte = rtes.first()?;
        if matches!(item, ast::TableRef::Join(_)) {
            level.inside.insert(key(item), level.columns.clone());
        }
        // A table without an alias goes by its name, whatever it was when the query was written.
        let wanted = match (&rte.table, item) {
            (Some(rel), ast::TableRef::Table(t)) if !has_alias(t) => self.relation_name(rel),
            (None, ast::TableRef::Table(t)) if !has_alias(t) => &t.name.name.value,
            _ => &rte.name,
        };
        let mut name = self.unique(level, wanted);
        let listed = rte.cols.iter().any(|c| level.numbered.contains_key(&c.col.id));
        if self.kept && (name != *wanted || listed) && matches!(item, ast::TableRef::Table(t) if !has_alias(t)) {
            name.insert(0, NUMBERED);
        }
        for c in rte.cols.iter().chain(&rte.system) {
            let column = match level.numbered.get(&c.col.id) {
                Some(n) => n.clone(),
                None => self.column_name(item, rte, c)?.to_owned(),
            };
            level.columns.insert(c.col.id, (Some(name.clone()), column));
        }
        level.items.insert(key(item), name);
        Some(())
    }

    /// The name a relation has, or is to have.
    fn relation_name<'r>(&'r self, rel: &'r crate::catalog::Relation) -> &'r str {
        match self.renamed {
            Some(r) if r.relation == rel.oid && r.column.is_none() => r.to,
            _ => &rel.name,
        }
    }

    /// Whether a column is the one that gets another name.
    fn is_renamed(&self, c: &ScopeCol) -> Option<&str> {
        let r = self.renamed?;
        (r.column.is_some() && c.origin == (r.relation, r.column?)).then_some(r.to)
    }

    /// The name that a column of a FROM item has, or is to have. `None` for a join whose columns would change with it.
    fn column_name<'r>(&'r self, item: &ast::TableRef, rte: &Rte, c: &'r ScopeCol) -> Option<&'r str> {
        let Some(to) = self.is_renamed(c) else { return Some(&c.name) };
        match item {
            ast::TableRef::Table(t) if rte.table.as_ref().is_some_and(|r| r.oid == c.origin.0) => {
                // Names that an alias gives stay.
                let at = rte.cols.iter().position(|x| x.col.id == c.col.id);
                let given = t.alias.as_ref().map_or(0, |a| a.columns.len());
                Some(if at.is_some_and(|i| i < given) { &c.name } else { to })
            }
            ast::TableRef::Join(j) => {
                let at = rte.cols.iter().position(|x| x.col.id == c.col.id);
                let given = j.alias.as_ref().map_or(0, |a| a.columns.len());
                at.is_some_and(|i| i < given).then_some(&*c.name)
            }
            _ => Some(&c.name),
        }
    }

    /// A column that tables are joined by keeps the name they have in common, in a list of its table's columns.
    fn keep_joined_names(&self, item: &ast::TableRef, level: &mut Level) {
        let ast::TableRef::Join(j) = item else { return };
        let sides = [&j.left, &j.right];
        sides.iter().for_each(|s| self.keep_joined_names(s, level));
        let Some(using) = self.trace.using.get(&key(&**j)) else { return };
        for c in sides.iter().filter_map(|s| self.trace.items.get(&key(*s))).flatten().flat_map(|r| &r.cols) {
            if self.is_renamed(c).is_some() && using.iter().any(|u| c.name == *u) {
                level.numbered.insert(c.col.id, c.name.to_string());
            }
        }
    }

    /// Columns of USING that belong to no table.
    fn name_merged(&self, t: &TracedSelect, level: &mut Level) {
        for c in &t.scope.star {
            level.columns.entry(c.col.id).or_insert_with(|| (None, c.name.to_string()));
        }
    }

    fn name_of(&self, item: &ast::TableRef) -> Option<&str> {
        self.levels.iter().rev().find_map(|l| l.items.get(&key(item))).map(String::as_str)
    }

    fn relation(&mut self, item: &ast::TableRef) -> Option<ast::TableRef> {
        let rtes: &[Rte] = self.trace.items.get(&key(item))?;
        Some(match item {
            ast::TableRef::Table(t) => {
                let (name, rte) = (self.name_of(item)?.to_owned(), rtes.first()?);
                let mut out = ast::TableFactor { as_of: t.as_of.clone(), ..(**t).clone() };
                let renamed = match &rte.table {
                    Some(rel) => {
                        out.name = ast::Name {
                            catalog: None,
                            schema: Some(Ident::new(&rel.schema)),
                            name: Ident::new(self.relation_name(rel)),
                        };
                        let numbered = self
                            .levels
                            .last()
                            .is_some_and(|l| rte.cols.iter().any(|c| l.numbered.contains_key(&c.col.id)));
                        numbered || !rel.live_columns().map(|c| c.name.as_str()).eq(rte.cols.iter().map(|c| &*c.name))
                    }
                    None => t.alias.as_ref().is_some_and(|a| !a.columns.is_empty()),
                };
                let columns = if renamed { self.columns(item, rte)? } else { vec![] };
                let needs = has_alias(t) || renamed || name != out.name.name.value;
                out.alias = needs.then(|| ast::Alias { name: Ident::new(name), columns });
                ast::TableRef::Table(Box::new(out))
            }
            ast::TableRef::Query(s) => {
                let (name, rte) = (self.name_of(item)?.to_owned(), rtes.first()?);
                let columns = if s.alias.columns.is_empty() { vec![] } else { self.columns(item, rte)? };
                let query = Box::new(self.query(&s.query, None, None)?);
                let alias = ast::Alias { name: Ident::new(name), columns };
                ast::TableRef::Query(Box::new(ast::SubqueryTable { lateral: s.lateral, query, alias, pos: 0 }))
            }
            ast::TableRef::Function(f) => self.function_item(f, self.name_of(item)?.to_owned(), rtes.first()?)?,
            ast::TableRef::Join(j) => {
                // Inside a join with an alias its tables go by their own names.
                let inside = self.levels.last()?.inside.get(&key(item)).cloned();
                let depth = self.levels.len();
                if let Some(columns) = inside {
                    let within = Level { columns, inside: self.levels.last()?.inside.clone(), ..Level::default() };
                    self.levels.push(within);
                }
                let (left, right) = (self.relation(&j.left)?, self.relation(&j.right)?);
                let (kind, condition) = self.join_condition(j)?;
                self.levels.truncate(depth);
                let alias = match &j.alias {
                    Some(a) => {
                        let columns = if a.columns.is_empty() { vec![] } else { self.columns(item, rtes.first()?)? };
                        Some(ast::Alias { name: Ident::new(self.name_of(item)?), columns })
                    }
                    None => None,
                };
                ast::TableRef::Join(Box::new(ast::Join { kind, left, right, condition, alias, pos: 0 }))
            }
        })
    }

    /// The names of an item's columns.
    fn columns(&self, item: &ast::TableRef, rte: &Rte) -> Option<Vec<Ident>> {
        let numbered = |c: &ScopeCol| self.levels.iter().rev().find_map(|l| l.numbered.get(&c.col.id));
        let name = |c: &ScopeCol| match numbered(c) {
            Some(n) => Some(Ident::new(n)),
            None => self.column_name(item, rte, c).map(Ident::new),
        };
        rte.cols.iter().map(name).collect()
    }

    fn join_condition(&self, j: &ast::Join) -> Option<(ast::JoinKind, ast::JoinCondition)> {
        Some(match &j.condition {
            ast::JoinCondition::None => (j.kind, ast::JoinCondition::None),
            ast::JoinCondition::On(e) => (j.kind, ast::JoinCondition::On(self.expr(self.trace.exprs.get(&key(e))?)?)),
            ast::JoinCondition::Using(_, a) => {
                (j.kind, ast::JoinCondition::Using(idents(self.trace.using.get(&key(j))?), a.clone()))
            }
            ast::JoinCondition::Natural => {
                let names = self.trace.using.get(&key(j))?;
                match (names.is_empty(), j.kind) {
                    (false, k) => (k, ast::JoinCondition::Using(idents(names), None)),
                    (true, ast::JoinKind::Inner | ast::JoinKind::Cross) => {
                        (ast::JoinKind::Cross, ast::JoinCondition::None)
                    }
                    (true, k) => (k, ast::JoinCondition::On(at(ast::ExprKind::Literal(ast::Literal::Bool(true))))),
                }
            }
        })
    }

    /// JSON_TABLE, whose columns are in it: only what was written or made unique stands behind it. What reads tables beside
    /// it is LATERAL.
    fn json_table_item(
        &self,
        f: &ast::FunctionTable,
        functions: Vec<ast::TableFunction>,
        name: String,
        rte: &Rte,
    ) -> Option<ast::TableRef> {
        let columns = match &f.alias {
            Some(a) if !a.columns.is_empty() => idents(rte.cols.iter().map(|c| c.name.to_string())),
            _ => vec![],
        };
        let level = self.levels.last()?;
        let mut lateral = f.lateral;
        for e in self.trace.calls.get(&key(f))? {
            crate::plan::walk::visit(e, &mut |x| {
                lateral |= matches!(&x.kind, ExprKind::Column(id) if level.columns.contains_key(id));
            });
        }
        let named = f.alias.is_some() || name != "json_table";
        Some(ast::TableRef::Function(Box::new(ast::FunctionTable {
            lateral,
            functions,
            alias: named.then(|| ast::Alias { name: Ident::new(name), columns }),
            columns: vec![],
            pos: 0,
            ..f.clone()
        })))
    }

    /// XMLTABLE, with the paths that were not written.
    fn xml_table_item(
        &self,
        f: &ast::FunctionTable,
        (x, columns): (&ast::XmlExpr, &[ast::XmlColumn]),
        name: String,
        rte: &Rte,
        bound: &[Expr],
    ) -> Option<ast::TableRef> {
        let mut all = bound.iter().map(|e| self.expr(e));
        let named = x.named.iter().map(|(_, n)| Some((all.next()??, n.clone()))).collect::<Option<Vec<_>>>()?;
        let args = all.collect::<Option<Vec<_>>>()?;
        let value = |c: &ast::XmlColumn, ty: TypeRef| ast::XmlColumn {
            name: c.name.clone(),
            value: c.value.as_ref().map(|v| ast::XmlColumnValue { ty: type_syntax(ty), path: true, ..v.clone() }),
        };
        let columns = columns.iter().zip(&rte.cols).map(|(c, r)| value(c, r.col.ty)).collect();
        let x = ast::XmlExpr { op: ast::XmlOp::Table(columns), named, args };
        let renamed = f.alias.as_ref().is_some_and(|a| !a.columns.is_empty());
        let names = if renamed { idents(rte.cols.iter().map(|c| c.name.to_string())) } else { vec![] };
        Some(ast::TableRef::Function(Box::new(ast::FunctionTable {
            functions: vec![ast::TableFunction { call: at(ast::ExprKind::Xml(Box::new(x))), columns: vec![] }],
            alias: Some(ast::Alias { name: Ident::new(name), columns: names }),
            pos: 0,
            ..f.clone()
        })))
    }

    fn function_item(&self, f: &ast::FunctionTable, name: String, rte: &Rte) -> Option<ast::TableRef> {
        let bound = self.trace.calls.get(&key(f))?;
        if let Some((x, columns)) = super::xml_table::of_function(f) {
            return self.xml_table_item(f, (x, columns), name, rte, bound);
        }
        let definitions = |written: &[ast::FieldDef], f: &ast::TableFunction| -> Option<Vec<ast::FieldDef>> {
            if written.is_empty() {
                return Some(vec![]);
            }
            let pairs = written.iter().zip(self.trace.defined.get(&key(f))?);
            Some(pairs.map(|(d, t)| ast::FieldDef { ty: type_syntax(*t), ..d.clone() }).collect())
        };
        let mut functions = Vec::with_capacity(bound.len());
        if f.functions.len() == bound.len() {
            for (w, b) in f.functions.iter().zip(bound) {
                functions.push(ast::TableFunction { call: self.expr(b)?, columns: definitions(&w.columns, w)? });
            }
        } else {
            // What was written as one unnest of several arrays is several calls.
            let plain = f.functions.iter().all(|w| w.columns.is_empty());
            for b in bound.iter().filter(|_| plain) {
                functions.push(ast::TableFunction { call: self.expr(b)?, columns: vec![] });
            }
        }
        if functions.len() != bound.len() {
            return None;
        }
        if f.json_table().is_some() {
            return self.json_table_item(f, functions, name, rte);
        }
        let mut rows_from = f.rows_from || functions.len() > 1;
        if let Some(one) = unnested_together(&functions, bound) {
            functions = vec![one];
            rows_from = false;
        }
        let columns = match f.functions.first() {
            Some(first) => definitions(&f.columns, first)?,
            None => vec![],
        };
        let column = |c: &ScopeCol| match self.trace.row_columns.get(&c.col.id).filter(|_| self.kept) {
            Some((call, attnum)) => kept_column(*call, *attnum, &c.name),
            None => c.name.to_string(),
        };
        let names = if columns.is_empty() { idents(rte.cols.iter().map(column)) } else { vec![] };
        Some(ast::TableRef::Function(Box::new(ast::FunctionTable {
            lateral: f.lateral,
            functions,
            rows_from,
            ordinality: f.ordinality,
            alias: Some(ast::Alias { name: Ident::new(name), columns: names }),
            columns,
            pos: 0,
        })))
    }
}

/// How kept text calls a column of a function that gives rows of a relation: later columns of the relation must not be
/// taken for it.
fn kept_column(call: usize, attnum: i16, name: &str) -> String {
    format!("{NUMBERED}{call}.{attnum}:{name}")
}

/// The call, the relation's column and the name of what [`kept_column`] wrote.
pub(super) fn column_kept(written: &str) -> Option<(usize, i16, &str)> {
    let (place, name) = written.strip_prefix(NUMBERED)?.split_once(':')?;
    let (call, attnum) = place.split_once('.')?;
    Some((call.parse().ok()?, attnum.parse().ok()?, name))
}

/// unnest(anyarray).
const UNNEST_OF_ARRAY: u32 = 2331;

/// Several calls of unnest with an array each as one call with several.
fn unnested_together(functions: &[ast::TableFunction], bound: &[Expr]) -> Option<ast::TableFunction> {
    if functions.len() < 2 || functions.iter().any(|f| !f.columns.is_empty()) {
        return None;
    }
    let of_array = |e: &Expr| matches!(&e.kind, ExprKind::Call { proc, .. } if proc.oid == UNNEST_OF_ARRAY);
    if !bound.iter().all(of_array) {
        return None;
    }
    let calls = functions.iter().map(ast::TableFunction::func).collect::<Option<Vec<_>>>()?;
    let args = calls.iter().flat_map(|c| c.args.iter().cloned()).collect();
    let call = ast::FuncCall { args, ..(*calls.first()?).clone() };
    Some(ast::TableFunction { call: at(ast::ExprKind::Func(Box::new(call))), columns: vec![] })
}

/// Numbers the columns that have the name of a merged column: that one has no table to be told apart by. `None` if two merged
/// columns have one name.
fn number_columns(t: &TracedSelect, level: &mut Level) -> Option<()> {
    let of_table = |id: ColId| t.scope.rtes.iter().any(|r| r.cols.iter().any(|c| c.col.id == id));
    let star = &t.scope.star;
    for merged in star.iter().filter(|c| !of_table(c.col.id)) {
        for other in star.iter().filter(|c| c.name == merged.name && c.col.id != merged.col.id) {
            if !of_table(other.col.id) {
                return None;
            }
            let free = |n: &String| star.iter().all(|c| c.name != *n) && level.numbered.values().all(|x| x != n);
            let name = (1..).map(|i| format!("{}_{i}", other.name)).find(free)?;
            level.numbered.insert(other.col.id, name);
        }
    }
    Some(())
}

/// VALUES with other names for its columns.
fn select_of_values(
    rows: Vec<Vec<ast::Expr>>,
    names: &[String],
    column: &dyn Fn(usize) -> ast::Expr,
) -> ast::QueryBody {
    let target = |(i, n): (usize, &String)| ast::Target { expr: column(i), alias: Some(Ident::new(n)), pos: 0 };
    let query = Box::new(ast::Query::of(ast::QueryBody::Values(rows), 0));
    let alias = ast::Alias { name: Ident::new("*VALUES*"), columns: vec![] };
    let item = ast::SubqueryTable { lateral: false, query, alias, pos: 0 };
    ast::QueryBody::Select(Box::new(ast::Select {
        distinct: ast::Distinct::No,
        targets: names.iter().enumerate().map(target).collect(),
        from: vec![ast::TableRef::Query(Box::new(item))],
        filter: None,
        group_by: vec![],
        group_distinct: false,
        having: None,
        windows: vec![],
        pos: 0,
    }))
}

fn sort_by(expr: ast::Expr, desc: bool, nulls_first: bool) -> ast::SortBy {
    let order = if desc { ast::SortOrder::Desc } else { ast::SortOrder::Default };
    ast::SortBy { expr, order, nulls_first: (nulls_first != desc).then_some(nulls_first) }
}

/// A value without the cast to its column's type, which nobody wrote and VALUES does not show.
fn without_cast(e: ast::Expr) -> ast::Expr {
    match e.kind {
        ast::ExprKind::Cast(x, t)
            if !matches!(x.kind, ast::ExprKind::Literal(ast::Literal::String(_) | ast::Literal::Null)) =>
        {
            // The row of a table keeps its type.
            match &x.kind {
                ast::ExprKind::Column(c) if c.star => at(ast::ExprKind::Cast(x, t)),
                _ => x.into_inner(),
            }
        }
        kind => at(kind),
    }
}

/// A count without the cast that makes it bigint, which nobody wrote.
/// Whether a written expression is a number cast to bigint.
fn is_literal_int8(e: &ast::Expr) -> bool {
    let ast::ExprKind::Cast(x, t) = &e.kind else { return false };
    let int8 =
        t.dims.is_empty() && (t.name.is_system("int8") || t.name.schema.is_none() && t.name.name.value == "int8");
    int8 && matches!(x.kind, ast::ExprKind::Literal(ast::Literal::Integer(_)))
}

fn without_int8(e: ast::Expr) -> ast::Expr {
    match e.kind {
        ast::ExprKind::Cast(x, t) if t.name.is_system("int8") && t.dims.is_empty() => match &x.kind {
            ast::ExprKind::Literal(ast::Literal::String(s)) => match s.parse::<i64>() {
                Ok(n) if n >= 0 => at(ast::ExprKind::Literal(ast::Literal::Integer(n))),
                _ => at(ast::ExprKind::Cast(x, t)),
            },
            _ => x.into_inner(),
        },
        _ => e,
    }
}
