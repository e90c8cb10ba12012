//! What a statement is apart from its constants: its query id, and where the constants stand.
//!
//! The tree is walked in a fixed order and written down as bytes, whose hash is the id. Names are written as what they
//! resolve to where that takes no more than the catalog: relations by OID, functions with their schema, columns by their
//! place in the query's tables. White space, comments, case, aliases of tables and columns, and the form of casts and
//! parentheses are not in the tree or not written. Of a constant its kind is written, of a number in ORDER BY, GROUP BY or
//! DISTINCT ON, which stands for a column, its value.
//!
//! Not resolved, so that different spellings count as different statements: unqualified columns beside tables whose columns
//! only the binder knows (subqueries, functions, common tables), and positions in ORDER BY against names.
//!
//! Ids are stored, so they should stay what they are: of the tree's enumerations the order is written, which must be kept.

use crate::catalog::{Catalog, Relation};
use rustydb_parser::ast::{
    self, AssignTarget, Assignment, ColumnRef, ConflictTarget, Distinct, Expr, ExprKind, FrameBound, FuncCall,
    GroupItem, IndexKey, JoinCondition, Literal, MergeAction, Name, Over, Pos, QuantifiedRight, Query, QueryBody,
    Select, SortBy, SortOrder, Statement, Step, TableFactor, TableRef, Target, TypeName, WindowSpec, With, XmlOp,
};
use rustydb_types::{hash, pgdata};
use std::sync::Arc;

/// Bytes kept before they are replaced by their hash.
const CHUNK: usize = 4096;

/// See the module.
pub struct Shape {
    /// The query id, never 0.
    pub id: u64,
    /// The highest parameter.
    pub params: u32,
    /// Places of constants in the text that was parsed, and whether a word there may be one (`YEAR` of EXTRACT).
    pub constants: Vec<(Pos, bool)>,
}

/// A statement's shape, its names resolved in a catalog by a search path; `named` are the parameters of the function whose
/// body it is from.
pub fn of<'a>(stmt: &'a Statement, catalog: &'a Catalog, path: &'a [u32], named: &'a [&'a str]) -> Shape {
    let mut w = Walk {
        catalog,
        path,
        bytes: Vec::new(),
        named,
        params: 0,
        constants: Vec::new(),
        ctes: Vec::new(),
        scopes: Vec::new(),
    };
    w.statement(stmt);
    w.constants.sort_unstable();
    w.constants.dedup_by_key(|c| c.0);
    Shape { id: id_of(&w.bytes), params: w.params, constants: w.constants }
}

/// The id of a statement that is known by its text alone.
pub fn of_text(text: &str) -> u64 {
    id_of(text.as_bytes())
}

fn id_of(bytes: &[u8]) -> u64 {
    match hash::bytes(bytes, 0) {
        // 0 stands for none.
        0 => 1,
        id => id,
    }
}

/// A table that columns are looked up in.
struct Item<'a> {
    name: &'a str,
    /// `None` when its columns are not known here.
    relation: Option<Arc<Relation>>,
}

struct Walk<'a> {
    catalog: &'a Catalog,
    path: &'a [u32],
    bytes: Vec<u8>,
    named: &'a [&'a str],
    params: u32,
    constants: Vec<(Pos, bool)>,
    /// Names of the common tables that are in sight.
    ctes: Vec<&'a str>,
    /// Tables in sight, by level of query.
    scopes: Vec<Vec<Item<'a>>>,
}

impl<'a> Walk<'a> {
    // ---- writing ----

    fn tag(&mut self, tag: u8) {
        if self.bytes.len() >= CHUNK {
            let so_far = hash::bytes(&self.bytes, 0);
            self.bytes.clear();
            self.bytes.extend(so_far.to_le_bytes());
        }
        self.bytes.push(tag);
    }
    fn number(&mut self, n: u64) {
        self.bytes.extend(n.to_le_bytes());
    }
    fn text(&mut self, s: &str) {
        self.number(s.len() as u64);
        self.bytes.extend(s.as_bytes());
    }
    fn flag(&mut self, b: bool) {
        self.bytes.push(u8::from(b));
    }

    // ---- names ----

    /// Schemas that a name may be in.
    fn schemas(&self, name: &Name) -> Vec<u32> {
        match &name.schema {
            Some(s) => self.catalog.namespace_named(&s.value).into_iter().collect(),
            None => self.path.to_vec(),
        }
    }

    fn relation(&self, name: &Name) -> Option<Arc<Relation>> {
        if name.schema.is_none() && self.ctes.contains(&name.name.value.as_str()) {
            return None;
        }
        self.schemas(name).into_iter().find_map(|ns| self.catalog.relation_named(ns, &name.name.value)).cloned()
    }

    fn relation_name(&mut self, name: &'a Name) {
        match self.relation(name) {
            Some(r) => {
                self.tag(b'r');
                self.number(u64::from(r.oid));
            }
            None => {
                self.tag(b'n');
                self.name(name);
            }
        }
    }

    /// A name as it stands, but for what everybody finds without a schema.
    fn name(&mut self, name: &Name) {
        if let Some(s) = name.schema.as_ref().filter(|s| s.value != "pg_catalog") {
            self.text(&s.value);
        }
        self.text(&name.name.value);
    }

    fn function_name(&mut self, name: &Name) {
        let known = |ns: &u32| {
            *ns == pgdata::PG_CATALOG && !pgdata::procs_named(&name.name.value).is_empty()
                || self.catalog.routines_named(*ns, &name.name.value).next().is_some()
        };
        let schema = self.schemas(name).into_iter().find(known).unwrap_or(0);
        self.number(u64::from(schema));
        self.text(&name.name.value);
    }

    fn type_name(&mut self, t: &TypeName) {
        self.tag(b't');
        self.name(&t.name);
        self.flag(t.setof);
        self.number(t.dims.len() as u64);
        for m in &t.mods {
            match &m.kind {
                ExprKind::Literal(l) => self.value(l),
                ExprKind::Column(c) => c.parts.iter().for_each(|p| self.text(&p.value)),
                _ => self.tag(b'?'),
            }
        }
    }

    /// A constant's value, where it is part of what the statement is.
    fn value(&mut self, l: &Literal) {
        match l {
            Literal::Null => self.tag(b'0'),
            Literal::Bool(b) => {
                self.tag(b'b');
                self.flag(*b);
            }
            Literal::Integer(i) => {
                self.tag(b'i');
                self.bytes.extend(i.to_le_bytes());
            }
            Literal::Numeric(s) | Literal::String(s) | Literal::Bits(s) | Literal::HexBits(s) => {
                self.tag(b's');
                self.text(s);
            }
        }
    }

    fn constant(&mut self, l: &Literal, pos: Pos) {
        self.tag(b'C');
        self.tag(match l {
            Literal::Null => b'0',
            Literal::Bool(_) => b'b',
            Literal::Integer(v) if i32::try_from(*v).is_ok() => b'i',
            Literal::Integer(_) => b'I',
            Literal::Numeric(_) => b'n',
            Literal::String(_) => b's',
            Literal::Bits(_) | Literal::HexBits(_) => b'B',
        });
        if pos != ast::NO_POS {
            self.constants.push((pos, !matches!(l, Literal::Integer(_) | Literal::Numeric(_))));
        }
    }

    fn column(&mut self, c: &ColumnRef) {
        self.tag(b'v');
        self.flag(c.star);
        let parts: Vec<&str> = c.parts.iter().map(|p| p.value.as_str()).collect();
        let (table, column) = match (parts.as_slice(), c.star) {
            ([], _) => return,
            ([.., table], true) => (Some(*table), None),
            ([column], false) => (None, Some(*column)),
            ([.., table, column], false) => (Some(*table), Some(*column)),
        };
        for (depth, items) in self.scopes.iter().rev().enumerate() {
            let attribute = |i: &Item<'_>| i.relation.as_ref()?.column(column?).map(|c| c.attnum);
            let found = match table {
                Some(t) => items.iter().position(|i| i.name == t).map(|n| (n, items.get(n).and_then(attribute))),
                // Tables whose columns are not known may have it, too.
                None if items.iter().any(|i| i.relation.is_none()) => break,
                None => items.iter().enumerate().find_map(|(n, i)| Some((n, Some(attribute(i)?)))),
            };
            let Some((n, attribute)) = found else { continue };
            self.number(depth as u64);
            self.number(n as u64);
            match attribute {
                Some(a) => self.bytes.extend(a.to_le_bytes()),
                None => self.text(column.unwrap_or("*")),
            }
            return;
        }
        if let ([name], false) = (parts.as_slice(), c.star)
            && let Some(n) = self.named.iter().position(|p| p == name)
        {
            self.params = self.params.max(u32::try_from(n + 1).unwrap_or(u32::MAX));
        }
        parts.iter().for_each(|p| self.text(p));
    }

    // ---- queries ----

    fn statement(&mut self, s: &'a Statement) {
        let (ctes, scopes) = (self.ctes.len(), self.scopes.len());
        match s {
            Statement::Query(q) => self.query(q),
            Statement::Insert(i) => self.insert(i),
            Statement::Update(u) => {
                self.tag(b'U');
                self.with(u.with.as_ref());
                self.scope(Some(&u.table), &u.from);
                self.table(&u.table);
                u.from.iter().for_each(|f| self.from(f));
                let target = self.relation(&u.table.name);
                self.assignments(&u.set, target.as_deref());
                self.condition(u.filter.as_ref());
                self.targets(&u.returning);
            }
            Statement::Delete(d) => {
                self.tag(b'D');
                self.with(d.with.as_ref());
                self.scope(Some(&d.table), &d.using);
                self.table(&d.table);
                d.using.iter().for_each(|f| self.from(f));
                self.condition(d.filter.as_ref());
                self.targets(&d.returning);
            }
            Statement::Merge(m) => self.merge(m),
            _ => self.tag(b'?'),
        }
        self.ctes.truncate(ctes);
        self.scopes.truncate(scopes);
    }

    /// Brings the tables of a FROM into sight, for the columns of everything that follows on its level.
    fn scope(&mut self, target: Option<&'a TableFactor>, from: &'a [TableRef]) {
        let mut items: Vec<Item<'a>> = target.map(|t| self.item(t)).into_iter().collect();
        from.iter().for_each(|f| self.items(f, &mut items));
        self.scopes.push(items);
    }

    fn item(&self, t: &'a TableFactor) -> Item<'a> {
        // Other names of columns hide those they have.
        let renamed = t.alias.as_ref().is_some_and(|a| !a.columns.is_empty());
        Item {
            name: t.alias.as_ref().map_or(&t.name.name.value, |a| &a.name.value),
            relation: self.relation(&t.name).filter(|_| !renamed),
        }
    }

    fn items(&self, t: &'a TableRef, out: &mut Vec<Item<'a>>) {
        let unknown = |name: &'a str| Item { name, relation: None };
        match t {
            TableRef::Table(t) => out.push(self.item(t)),
            TableRef::Query(q) => out.push(unknown(&q.alias.name.value)),
            TableRef::Function(f) => {
                let own = f.functions.first().and_then(|f| f.func()).map_or("", |f| &f.name.name.value);
                out.push(unknown(f.alias.as_ref().map_or(own, |a| &a.name.value)));
            }
            TableRef::Join(j) => match &j.alias {
                Some(a) => out.push(unknown(&a.name.value)),
                None => {
                    stacker::maybe_grow(64 * 1024, 1024 * 1024, || {
                        self.items(&j.left, out);
                        self.items(&j.right, out);
                    });
                }
            },
        }
    }

    fn with(&mut self, with: Option<&'a With>) {
        let Some(with) = with else { return };
        self.tag(b'W');
        self.flag(with.recursive);
        for c in &with.ctes {
            if with.recursive {
                self.ctes.push(&c.name.value);
            }
            self.text(&c.name.value);
            self.tag(c.materialized.map_or(b'-', u8::from));
            self.statement(&c.body);
            if let Some(s) = &c.search {
                self.tag(b's');
                self.flag(s.breadth);
                s.columns.iter().chain([&s.sequence]).for_each(|n| self.text(&n.value));
            }
            if let Some(y) = &c.cycle {
                self.tag(b'y');
                y.columns.iter().chain([&y.mark, &y.path]).for_each(|n| self.text(&n.value));
                if let Some((a, b)) = &y.values {
                    self.expr(a);
                    self.expr(b);
                }
            }
            if !with.recursive {
                self.ctes.push(&c.name.value);
            }
        }
    }

    fn query(&mut self, q: &'a Query) {
        stacker::maybe_grow(64 * 1024, 1024 * 1024, || {
            let (ctes, scopes) = (self.ctes.len(), self.scopes.len());
            self.tag(b'Q');
            self.with(q.with.as_ref());
            match &q.body {
                QueryBody::Select(s) => self.select(s),
                QueryBody::Values(rows) => {
                    self.tag(b'V');
                    self.number(rows.len() as u64);
                    rows.iter().for_each(|r| self.exprs(r));
                }
                QueryBody::SetOp(s) => {
                    self.tag(b'O');
                    self.tag(match s.op {
                        ast::SetOpKind::Union => b'u',
                        ast::SetOpKind::Intersect => b'i',
                        ast::SetOpKind::Except => b'e',
                    });
                    self.flag(s.all);
                    self.query(&s.left);
                    self.query(&s.right);
                }
            }
            self.sort(&q.order_by);
            for (tag, e) in [(b'l', &q.limit), (b'o', &q.offset)] {
                if let Some(e) = e {
                    self.tag(tag);
                    self.expr(e);
                }
            }
            self.flag(q.with_ties);
            for l in &q.locking {
                self.tag(b'L');
                self.tag(l.strength as u8);
                self.tag(l.wait as u8);
                l.of.iter().for_each(|n| self.name(n));
            }
            self.ctes.truncate(ctes);
            self.scopes.truncate(scopes);
        });
    }

    fn select(&mut self, s: &'a Select) {
        self.tag(b'S');
        self.scope(None, &s.from);
        s.from.iter().for_each(|f| self.from(f));
        match &s.distinct {
            Distinct::No => {}
            Distinct::All => self.tag(b'd'),
            Distinct::On(list) => {
                self.tag(b'D');
                list.iter().for_each(|e| self.key(e));
            }
        }
        self.targets(&s.targets);
        self.condition(s.filter.as_ref());
        self.flag(s.group_distinct);
        s.group_by.iter().for_each(|g| self.group(g));
        self.condition(s.having.as_ref());
        for (name, w) in &s.windows {
            self.text(&name.value);
            self.window(w);
        }
    }

    fn group(&mut self, g: &'a GroupItem) {
        match g {
            GroupItem::Expr(e) => {
                self.tag(b'g');
                self.key(e);
            }
            GroupItem::Empty(_) => self.tag(b'e'),
            GroupItem::Rollup(list, _) | GroupItem::Cube(list, _) => {
                self.tag(if matches!(g, GroupItem::Cube(..)) { b'q' } else { b'u' });
                self.number(list.len() as u64);
                list.iter().for_each(|e| self.key(e));
            }
            GroupItem::Sets(list, _) => {
                self.tag(b's');
                self.number(list.len() as u64);
                stacker::maybe_grow(64 * 1024, 1024 * 1024, || list.iter().for_each(|g| self.group(g)));
            }
        }
    }

    /// What rows are sorted, grouped or told apart by: a number is a column's position.
    fn key(&mut self, e: &'a Expr) {
        match &e.kind {
            ExprKind::Literal(l @ Literal::Integer(_)) => self.value(l),
            _ => self.expr(e),
        }
    }

    fn sort(&mut self, list: &'a [SortBy]) {
        for s in list {
            self.tag(b'k');
            self.key(&s.expr);
            self.sort_order(s);
        }
    }

    fn sort_order(&mut self, s: &'a SortBy) {
        match &s.order {
            SortOrder::Default | SortOrder::Asc => self.tag(b'a'),
            SortOrder::Desc => self.tag(b'd'),
            SortOrder::Using(op) => {
                self.tag(b'u');
                self.name(op);
            }
        }
        // NULLS LAST is what ascending order does anyway, and NULLS FIRST descending.
        let usual = matches!(s.order, SortOrder::Desc);
        self.flag(s.nulls_first.is_some_and(|f| f != usual));
    }

    fn targets(&mut self, list: &'a [Target]) {
        self.number(list.len() as u64);
        list.iter().for_each(|t| self.expr(&t.expr));
    }

    fn condition(&mut self, e: Option<&'a Expr>) {
        match e {
            Some(e) => {
                self.tag(b'f');
                self.expr(e);
            }
            None => self.tag(b'-'),
        }
    }

    fn table(&mut self, t: &'a TableFactor) {
        self.relation_name(&t.name);
        self.flag(t.only);
        if let Some(s) = &t.sample {
            self.tag(b's');
            self.name(&s.method);
            self.exprs(&s.args);
            self.condition(s.repeatable.as_ref());
        }
        if let Some(a) = &t.as_of {
            self.tag(b'p');
            self.tag(a.kind as u8);
            self.expr(&a.value);
        }
    }

    fn from(&mut self, t: &'a TableRef) {
        match t {
            TableRef::Table(t) => self.table(t),
            TableRef::Query(q) => {
                self.tag(b'q');
                self.flag(q.lateral);
                self.query(&q.query);
            }
            TableRef::Function(f) => {
                self.tag(b'F');
                self.flag(f.ordinality);
                self.number(f.functions.len() as u64);
                for c in &f.functions {
                    self.expr(&c.call);
                    c.columns.iter().for_each(|c| self.type_name(&c.ty));
                }
                f.columns.iter().for_each(|c| self.type_name(&c.ty));
            }
            TableRef::Join(j) => stacker::maybe_grow(64 * 1024, 1024 * 1024, || {
                self.tag(b'J');
                self.tag(match j.kind {
                    ast::JoinKind::Cross | ast::JoinKind::Inner => b'i',
                    ast::JoinKind::Left => b'l',
                    ast::JoinKind::Right => b'r',
                    ast::JoinKind::Full => b'f',
                });
                self.from(&j.left);
                self.from(&j.right);
                match &j.condition {
                    JoinCondition::None => self.tag(b'-'),
                    JoinCondition::Natural => self.tag(b'n'),
                    JoinCondition::On(e) => self.condition(Some(e)),
                    JoinCondition::Using(columns, _) => {
                        self.tag(b'u');
                        columns.iter().for_each(|c| self.text(&c.value));
                    }
                }
            }),
        }
    }

    // ---- changes ----

    fn assigned(&mut self, t: &'a AssignTarget, target: Option<&Relation>) {
        match target.and_then(|r| r.column(&t.column.value)) {
            Some(c) => self.bytes.extend(c.attnum.to_le_bytes()),
            None => self.text(&t.column.value),
        }
        self.steps(&t.steps);
    }

    fn assignments(&mut self, list: &'a [Assignment], target: Option<&Relation>) {
        self.number(list.len() as u64);
        for a in list {
            match a {
                Assignment::One(t, e) => {
                    self.assigned(t, target);
                    self.expr(e);
                }
                Assignment::Many(ts, e) => {
                    self.tag(b'm');
                    ts.iter().for_each(|t| self.assigned(t, target));
                    self.expr(e);
                }
            }
        }
    }

    fn insert(&mut self, i: &'a ast::Insert) {
        self.tag(b'I');
        self.with(i.with.as_ref());
        let target = self.relation(&i.table);
        self.relation_name(&i.table);
        self.tag(i.overriding as u8);
        self.number(i.columns.len() as u64);
        i.columns.iter().for_each(|c| self.assigned(c, target.as_deref()));
        if let Some(q) = &i.source {
            self.query(q);
        }
        let name = i.alias.as_ref().map_or(&i.table.name.value, |a| &a.value);
        self.scopes
            .push(vec![Item { name, relation: target.clone() }, Item { name: "excluded", relation: target.clone() }]);
        if let Some(c) = &i.on_conflict {
            self.tag(b'c');
            match &c.target {
                None => self.tag(b'-'),
                Some(ConflictTarget::Constraint(n)) => self.text(&n.value),
                Some(ConflictTarget::Index { elements, filter, .. }) => {
                    for e in elements {
                        match &e.key {
                            IndexKey::Column(n) => self.text(&n.value),
                            IndexKey::Expr(e) => self.expr(e),
                        }
                        e.collation.iter().chain(&e.opclass).for_each(|n| self.name(n));
                    }
                    self.condition(filter.as_ref());
                }
            }
            if let Some(u) = &c.update {
                self.assignments(&u.set, target.as_deref());
                self.condition(u.filter.as_ref());
            }
        }
        self.targets(&i.returning);
    }

    fn merge(&mut self, m: &'a ast::Merge) {
        self.tag(b'M');
        self.with(m.with.as_ref());
        self.scope(Some(&m.table), std::slice::from_ref(&m.source));
        self.table(&m.table);
        self.from(&m.source);
        self.expr(&m.on);
        let target = self.relation(&m.table.name);
        for w in &m.whens {
            self.flag(w.matched);
            self.condition(w.condition.as_ref());
            match &w.action {
                MergeAction::Nothing => self.tag(b'n'),
                MergeAction::Delete => self.tag(b'd'),
                MergeAction::Update(set) => {
                    self.tag(b'u');
                    self.assignments(set, target.as_deref());
                }
                MergeAction::Insert(i) => {
                    self.tag(b'i');
                    self.tag(i.overriding as u8);
                    i.columns.iter().for_each(|c| self.assigned(c, target.as_deref()));
                    if let Some(v) = &i.values {
                        self.exprs(v);
                    }
                }
            }
        }
    }

    // ---- expressions ----

    fn exprs(&mut self, list: &'a [Expr]) {
        self.number(list.len() as u64);
        list.iter().for_each(|e| self.expr(e));
    }

    fn steps(&mut self, steps: &'a [Step]) {
        for s in steps {
            match s {
                Step::Field(n) => {
                    self.tag(b'.');
                    self.text(&n.value);
                }
                Step::Star => self.tag(b'*'),
                Step::Index(e) => {
                    self.tag(b'[');
                    self.expr(e);
                }
                Step::Slice(a, b) => {
                    self.tag(b':');
                    self.condition(a.as_ref());
                    self.condition(b.as_ref());
                }
            }
        }
    }

    fn expr(&mut self, e: &'a Expr) {
        stacker::maybe_grow(64 * 1024, 1024 * 1024, || self.kind(e));
    }

    /// A kind of expression with its operands.
    fn list(&mut self, tag: u8, list: &'a [Expr]) {
        self.tag(tag);
        self.exprs(list);
    }

    fn kind(&mut self, e: &'a Expr) {
        match &e.kind {
            ExprKind::Literal(l) => self.constant(l, e.pos),
            ExprKind::Param(n) => {
                self.tag(b'P');
                self.params = self.params.max(*n);
                self.number(u64::from(*n));
            }
            ExprKind::Column(c) => self.column(c),
            ExprKind::Indirection(x, steps) => {
                self.tag(b'>');
                self.expr(x);
                self.steps(steps);
            }
            ExprKind::Op(o) => {
                self.tag(b'o');
                self.name(&o.op);
                self.flag(o.left.is_some());
                o.left.iter().for_each(|l| self.expr(l));
                self.expr(&o.right);
            }
            ExprKind::And(v) => self.list(b'&', v),
            ExprKind::Or(v) => self.list(b'|', v),
            ExprKind::Not(x) => {
                self.tag(b'!');
                self.expr(x);
            }
            ExprKind::Is(x, test) => {
                self.tag(b'=');
                self.tag(*test as u8);
                self.expr(x);
            }
            ExprKind::Distinct { left, right, negated } => {
                self.tag(b'~');
                self.flag(*negated);
                // Against NULL it is IS NULL, and the NULL no constant.
                let null = |x: &Expr| matches!(x.kind, ExprKind::Literal(Literal::Null));
                match (null(left), null(right)) {
                    (_, true) => self.expr(left),
                    (true, false) => self.expr(right),
                    (false, false) => {
                        self.expr(left);
                        self.expr(right);
                    }
                }
            }
            ExprKind::In { arg, list, negated } => {
                self.tag(b'i');
                self.flag(*negated);
                self.expr(arg);
                self.exprs(list);
            }
            ExprKind::Between(b) => {
                self.tag(b'b');
                self.flag(b.symmetric);
                self.flag(b.negated);
                [&b.arg, &b.low, &b.high].into_iter().for_each(|x| self.expr(x));
            }
            ExprKind::Quantified(q) => {
                self.tag(b'q');
                self.name(&q.op);
                self.flag(q.all);
                self.expr(&q.left);
                match &q.right {
                    QuantifiedRight::Array(x) => self.expr(x),
                    QuantifiedRight::Query(q) => self.query(q),
                }
            }
            ExprKind::Cast(x, ty) => {
                self.tag(b'c');
                self.expr(x);
                self.type_name(ty);
            }
            ExprKind::Collate(x, name) => {
                self.tag(b'l');
                self.expr(x);
                self.name(name);
            }
            ExprKind::Func(f) => self.call(f),
            ExprKind::Case(c) => {
                self.tag(b'w');
                self.condition(c.operand.as_ref());
                for (a, b) in &c.whens {
                    self.expr(a);
                    self.expr(b);
                }
                self.condition(c.otherwise.as_ref());
            }
            ExprKind::Xml(x) => self.xml(x),
            ExprKind::SqlJson(j) => {
                self.tag(b'j');
                // What the syntax says besides its operands, which are left out of the text.
                let mut bare = (**j).clone();
                let null = || Expr::null(ast::NO_POS);
                bare.exprs_mut().into_iter().for_each(|x| *x = null());
                self.text(&Expr::new(ExprKind::SqlJson(Box::new(bare)), e.pos).to_string());
                j.exprs().into_iter().for_each(|x| self.expr(x));
            }
            ExprKind::Coalesce(v) => self.list(b'1', v),
            ExprKind::Greatest(v) => self.list(b'2', v),
            ExprKind::Least(v) => self.list(b'3', v),
            ExprKind::NullIf(a, b) => {
                self.tag(b'4');
                self.expr(a);
                self.expr(b);
            }
            ExprKind::Row { fields, .. } => self.list(b'R', fields),
            ExprKind::Array(v) => self.list(b'A', v),
            ExprKind::Grouping(v) => self.list(b'G', v),
            ExprKind::ArrayQuery(q) => {
                self.tag(b'5');
                self.query(q);
            }
            ExprKind::Subquery(q) => {
                self.tag(b'6');
                self.query(q);
            }
            ExprKind::Exists(q) => {
                self.tag(b'7');
                self.query(q);
            }
            ExprKind::SqlValue(v) => {
                self.tag(b'8');
                self.text(v.keyword());
                if let ast::SqlValue::CurrentTime(Some(n))
                | ast::SqlValue::CurrentTimestamp(Some(n))
                | ast::SqlValue::LocalTime(Some(n))
                | ast::SqlValue::LocalTimestamp(Some(n)) = v
                {
                    self.bytes.extend(n.to_le_bytes());
                }
            }
            ExprKind::Default => self.tag(b'9'),
            ExprKind::CurrentOf(n) => {
                self.tag(b'@');
                self.text(&n.value);
            }
        }
    }

    fn call(&mut self, f: &'a FuncCall) {
        self.tag(b'f');
        self.function_name(&f.name);
        for b in [f.star, f.distinct, f.variadic, f.within_group] {
            self.flag(b);
        }
        self.number(f.args.len() as u64);
        for a in &f.args {
            if let Some(n) = &a.name {
                self.tag(b':');
                self.text(&n.value);
            }
            self.expr(&a.value);
        }
        // Numbers are constants here, not positions.
        for s in &f.order_by {
            self.tag(b'k');
            self.expr(&s.expr);
            self.sort_order(s);
        }
        self.condition(f.filter.as_ref());
        match &f.over {
            None => {}
            Some(Over::Named(n)) => {
                self.tag(b'O');
                self.text(&n.value);
            }
            Some(Over::Spec(w)) => self.window(w),
        }
    }

    fn window(&mut self, w: &'a WindowSpec) {
        self.tag(b'w');
        if let Some(b) = &w.base {
            self.text(&b.value);
        }
        self.number(w.partition_by.len() as u64);
        w.partition_by.iter().for_each(|e| self.key(e));
        self.sort(&w.order_by);
        if let Some(f) = &w.frame {
            self.tag(f.units as u8);
            self.tag(f.exclude as u8);
            for b in [&f.start, &f.end] {
                match b {
                    FrameBound::UnboundedPreceding => self.tag(b'('),
                    FrameBound::CurrentRow => self.tag(b'c'),
                    FrameBound::UnboundedFollowing => self.tag(b')'),
                    FrameBound::Preceding(e) => {
                        self.tag(b'<');
                        self.expr(e);
                    }
                    FrameBound::Following(e) => {
                        self.tag(b'>');
                        self.expr(e);
                    }
                }
            }
        }
    }

    fn xml(&mut self, x: &'a ast::XmlExpr) {
        self.tag(b'x');
        self.text(x.op.keyword());
        match &x.op {
            XmlOp::Element(n) | XmlOp::Pi(n) => self.text(&n.value),
            XmlOp::Parse { document, preserve } => {
                self.flag(*document);
                self.flag(*preserve);
            }
            XmlOp::Root(s) => self.tag(*s as u8),
            XmlOp::Serialize { document, ty } => {
                self.flag(*document);
                self.type_name(ty);
            }
            XmlOp::Table(columns) => {
                for c in columns {
                    self.text(&c.name.value);
                    if let Some(v) = &c.value {
                        self.type_name(&v.ty);
                        for b in [v.path, v.default, v.not_null] {
                            self.flag(b);
                        }
                    }
                }
            }
            XmlOp::Concat | XmlOp::Forest | XmlOp::IsDocument => {}
        }
        for (e, name) in &x.named {
            self.expr(e);
            name.iter().for_each(|n| self.text(&n.value));
        }
        self.exprs(&x.args);
    }
}
