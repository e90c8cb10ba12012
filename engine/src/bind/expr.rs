//! Expressions.

use super::Binder;
use super::resolve::{Coercion, can_coerce, is_row_type};
use super::scope::{Rte, ScopeCol, is_named};
use super::types::{self, array_of, element_of, show};
use crate::exec::eval::one_dimension;
use crate::plan::ir::{Expr, ExprKind, Rel, Subquery, SubqueryKind, Subscript};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, Literal, SqlValue, Step};
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::numeric::Numeric;
use rustydb_types::{oid, pgdata};

pub(crate) fn constant(d: Datum, ty: u32, pos: u32) -> Expr {
    Expr { kind: ExprKind::Const(d), ty: types::plain(ty), pos }
}

/// Whether an expression is itself a subquery.
fn has_query(e: &ast::Expr) -> bool {
    match &e.kind {
        ast::ExprKind::Subquery(_) | ast::ExprKind::Exists(_) | ast::ExprKind::ArrayQuery(_) => true,
        ast::ExprKind::Quantified(q) => matches!(q.right, ast::QuantifiedRight::Query(_)),
        _ => false,
    }
}

impl Binder<'_> {
    /// Binds an expression; its type may still be `unknown` (a literal or parameter without context).
    pub fn expr(&mut self, e: &ast::Expr) -> Result<Expr> {
        self.descend()?;
        // Frames here are large; a deep expression moves to a new stack segment instead of overflowing the thread's.
        let r = stacker::maybe_grow(192 * 1024, 2 * 1024 * 1024, || self.expr_inner(e));
        self.ascend();
        r
    }

    /// Binds an expression and gives a still unknown one the type text.
    pub fn expr_typed(&mut self, e: &ast::Expr) -> Result<Expr> {
        let e = self.expr(e)?;
        self.default_unknown(e)
    }

    fn expr_inner(&mut self, e: &ast::Expr) -> Result<Expr> {
        let pos = self.pos(e.pos);
        let bool_ty = types::plain(oid::BOOL);
        let mk = |kind, ty| Ok(Expr { kind, ty, pos });
        if let Some(place) = self.no_subquery.filter(|_| has_query(e)) {
            return Err(DbError::unsupported(format!("cannot use subquery in {place}")).at(pos));
        }
        match &e.kind {
            ast::ExprKind::Literal(l) => self.literal(l, pos),
            ast::ExprKind::Param(n) => self.param(*n, pos),
            ast::ExprKind::Column(c) => self.column_ref(c, pos),
            ast::ExprKind::Indirection(arg, steps) => self.indirection(arg, steps, pos),
            ast::ExprKind::Op(op) => self.op(op, pos),
            ast::ExprKind::And(items) => {
                let items = self.bools(items, "AND")?;
                mk(ExprKind::And(items), bool_ty)
            }
            ast::ExprKind::Or(items) => {
                let items = self.bools(items, "OR")?;
                mk(ExprKind::Or(items), bool_ty)
            }
            ast::ExprKind::Not(x) => {
                let x = self.expr(x)?;
                let x = self.to_bool(x, "NOT")?;
                mk(ExprKind::Not(Box::new(x)), bool_ty)
            }
            ast::ExprKind::Is(x, test) => {
                let x = self.expr(x)?;
                match test {
                    ast::IsTest::Null | ast::IsTest::NotNull => {
                        let x = self.default_unknown(x)?;
                        mk(ExprKind::IsNull { arg: Box::new(x), negated: *test == ast::IsTest::NotNull }, bool_ty)
                    }
                    _ => {
                        let what = match test {
                            ast::IsTest::True => "IS TRUE",
                            ast::IsTest::NotTrue => "IS NOT TRUE",
                            ast::IsTest::False => "IS FALSE",
                            ast::IsTest::NotFalse => "IS NOT FALSE",
                            ast::IsTest::Unknown => "IS UNKNOWN",
                            _ => "IS NOT UNKNOWN",
                        };
                        let x = self.to_bool(x, what)?;
                        mk(ExprKind::BoolTest { arg: Box::new(x), test: *test }, bool_ty)
                    }
                }
            }
            ast::ExprKind::Distinct { left, right, negated } => self.distinct_from(left, right, *negated, pos),
            ast::ExprKind::In { arg, list, negated } => self.in_list(arg, list, *negated, pos),
            ast::ExprKind::Between(b) => self.between(b, pos),
            ast::ExprKind::Quantified(q) => self.quantified(q, pos),
            ast::ExprKind::Cast(x, ty) => {
                let ty = self.type_name(ty)?;
                self.cast(x, ty, pos)
            }
            ast::ExprKind::Collate(x, c) => {
                let x = self.expr(x)?;
                let x = self.default_unknown(x)?;
                if x.ty.collation == 0 {
                    return Err(DbError::new(
                        SqlState::DATATYPE_MISMATCH,
                        format!("collations are not supported by type {}", show(x.ty.oid)),
                    )
                    .at(pos));
                }
                let ty = TypeRef { collation: self.collation_named(c, pos)?, ..x.ty };
                mk(ExprKind::Relabel(Box::new(x)), ty)
            }
            ast::ExprKind::Func(f) => self.func(f, pos),
            ast::ExprKind::Case(c) => {
                let e = self.case(c, pos)?;
                self.refuse_srf(&e, "set-returning functions are not allowed in CASE")?;
                Ok(e)
            }
            ast::ExprKind::Xml(x) => self.xml(x, pos),
            ast::ExprKind::SqlJson(j) => self.sql_json(j, pos),
            ast::ExprKind::Coalesce(args) => {
                let (args, ty) = self.common_args(args, "COALESCE")?;
                for a in &args {
                    self.refuse_srf(a, "set-returning functions are not allowed in COALESCE")?;
                }
                mk(ExprKind::Coalesce(args), ty)
            }
            ast::ExprKind::Greatest(args) | ast::ExprKind::Least(args) => {
                let greatest = matches!(e.kind, ast::ExprKind::Greatest(_));
                let (args, ty) = self.common_args(args, if greatest { "GREATEST" } else { "LEAST" })?;
                self.check_sortable(ty.oid, pos)?;
                let collation = super::collation::of_args(&args)?;
                mk(ExprKind::MinMax { args, greatest, collation }, ty)
            }
            ast::ExprKind::NullIf(a, b) => self.null_if(a, b, pos),
            ast::ExprKind::Row { fields, .. } => {
                let mut out = Vec::with_capacity(fields.len());
                for f in fields {
                    match &f.kind {
                        // `ROW(t.*, x)`: each column is a field.
                        ast::ExprKind::Column(c) if c.star && !c.parts.is_empty() => {
                            let at = self.pos(f.pos);
                            if let Some(fields) = self.parameter_fields(c, at)? {
                                out.extend(fields.into_iter().map(|f| f.1));
                                continue;
                            }
                            let cols = self.expand_star(c, at)?;
                            out.extend(cols.into_iter().map(|c| Expr { pos: at, ..Expr::column(c.col) }));
                        }
                        _ => {
                            let f = self.expr(f)?;
                            // A literal stays one: its type is up to the row type that this may become.
                            let literal = f.ty.oid == oid::UNKNOWN && matches!(f.kind, ExprKind::Const(_));
                            let open = literal || matches!(f.kind, ExprKind::Row(_));
                            out.push(if open { f } else { self.default_unknown(f)? });
                        }
                    }
                }
                mk(ExprKind::Row(out), types::plain(oid::RECORD))
            }
            ast::ExprKind::Array(items) => self.array(items, None, pos),
            ast::ExprKind::ArrayQuery(q) => {
                let (rel, cols) = self.subquery(q)?;
                self.one_column(cols.len(), pos)?;
                let elem = cols[0].ty.oid;
                // int2vector and oidvector are elements like any other here.
                let arr = if oid::array_element(elem).is_some() { Some(elem) } else { array_of(elem) };
                let arr = arr.ok_or_else(|| {
                    DbError::new(
                        SqlState::UNDEFINED_OBJECT,
                        format!("could not find array type for data type {}", show(elem)),
                    )
                    .at(pos)
                })?;
                mk(
                    ExprKind::Subquery(Box::new(Subquery {
                        rel,
                        kind: SubqueryKind::Array,
                        text: self.subquery_text(q),
                    })),
                    TypeRef { collation: cols[0].ty.collation, ..types::plain(arr) },
                )
            }
            ast::ExprKind::Subquery(q) => {
                let (rel, cols) = self.subquery(q)?;
                self.one_column(cols.len(), pos)?;
                mk(
                    ExprKind::Subquery(Box::new(Subquery {
                        rel,
                        kind: SubqueryKind::Scalar,
                        text: self.subquery_text(q),
                    })),
                    cols[0].ty,
                )
            }
            ast::ExprKind::Exists(q) => {
                let (rel, _) = self.subquery(q)?;
                mk(
                    ExprKind::Subquery(Box::new(Subquery {
                        rel,
                        kind: SubqueryKind::Exists,
                        text: self.subquery_text(q),
                    })),
                    bool_ty,
                )
            }
            ast::ExprKind::SqlValue(v) => {
                let (o, typmod) = match v {
                    SqlValue::CurrentDate => (oid::DATE, None),
                    SqlValue::CurrentTime(p) => (oid::TIMETZ, *p),
                    SqlValue::CurrentTimestamp(p) => (oid::TIMESTAMPTZ, *p),
                    SqlValue::LocalTime(p) => (oid::TIME, *p),
                    SqlValue::LocalTimestamp(p) => (oid::TIMESTAMP, *p),
                    _ => (oid::NAME, None),
                };
                mk(ExprKind::SqlValue(*v), TypeRef { typmod: typmod.unwrap_or(-1), ..types::plain(o) })
            }
            ast::ExprKind::Grouping(args) => self.grouping(args, pos),
            ast::ExprKind::Default => {
                Err(DbError::new(SqlState::SYNTAX_ERROR, "DEFAULT is not allowed in this context").at(pos))
            }
            ast::ExprKind::CurrentOf(_) => {
                Err(DbError::unsupported("WHERE CURRENT OF in a prepared statement is not supported yet").at(pos))
            }
        }
    }

    fn one_column(&self, n: usize, pos: u32) -> Result<()> {
        if n == 1 {
            return Ok(());
        }
        Err(DbError::new(SqlState::SYNTAX_ERROR, "subquery must return only one column").at(pos))
    }

    fn literal(&mut self, l: &Literal, pos: u32) -> Result<Expr> {
        Ok(match l {
            Literal::Null => constant(Datum::Null, oid::UNKNOWN, pos),
            Literal::Bool(b) => constant(Datum::Bool(*b), oid::BOOL, pos),
            Literal::Integer(i) => integer(*i, pos),
            Literal::Numeric(s) => {
                constant(Datum::Numeric(s.parse::<Numeric>().map_err(|e: DbError| e.at(pos))?), oid::NUMERIC, pos)
            }
            Literal::String(s) => constant(Datum::Text(s.as_str().into()), oid::UNKNOWN, pos),
            Literal::Bits(s) => self.bits(&format!("b{s}"), pos)?,
            Literal::HexBits(s) => self.bits(&format!("x{s}"), pos)?,
        })
    }

    fn bits(&self, text: &str, pos: u32) -> Result<Expr> {
        let d = rustydb_types::io::text_in(self.cx.eval, types::plain(oid::BIT), text).map_err(|e| e.at(pos))?;
        Ok(constant(d, oid::BIT, pos))
    }

    fn param(&mut self, n: u32, pos: u32) -> Result<Expr> {
        let i = n as usize;
        if let Some(body) = self.inlined.last_mut() {
            let at = i.checked_sub(1);
            if let Some(uses) = at.and_then(|i| body.uses.get_mut(i)) {
                *uses += 1;
            }
            let found = at.and_then(|i| body.args.get(i)).map(|a| Expr { pos, ..a.clone() });
            return found.ok_or_else(|| {
                DbError::new(SqlState::UNDEFINED_PARAMETER, format!("there is no parameter ${n}")).at(pos)
            });
        }
        if i == 0 || i > 65535 || !self.allow_params {
            return Err(DbError::new(SqlState::UNDEFINED_PARAMETER, format!("there is no parameter ${n}")).at(pos));
        }
        if self.params.len() < i {
            self.params.resize(i, None);
        }
        let ty = self.params[i - 1].unwrap_or(types::plain(oid::UNKNOWN));
        Ok(Expr { kind: ExprKind::Param(i - 1), ty, pos })
    }

    fn bools(&mut self, items: &[ast::Expr], what: &str) -> Result<Vec<Expr>> {
        items
            .iter()
            .map(|x| {
                let x = self.expr(x)?;
                self.to_bool(x, what)
            })
            .collect()
    }

    fn common_args(&mut self, args: &[ast::Expr], what: &str) -> Result<(Vec<Expr>, TypeRef)> {
        let args = args.iter().map(|a| self.expr(a)).collect::<Result<Vec<_>>>()?;
        self.unify(args, what)
    }

    /// Converts expressions to their common type.
    pub(crate) fn unify(&mut self, args: Vec<Expr>, what: &str) -> Result<(Vec<Expr>, TypeRef)> {
        let common = self.common_type_of(&args.iter().collect::<Vec<_>>(), what)?;
        let args = args.into_iter().map(|a| self.to_common(a, common, what)).collect::<Result<Vec<_>>>()?;
        let mut ty = types::plain(common);
        // The modifier survives when all agree on it.
        if let Some(first) = args.first()
            && args.iter().all(|a| a.ty.typmod == first.ty.typmod)
        {
            ty.typmod = first.ty.typmod;
        }
        ty.collation = super::collation::of_args(&args)?;
        Ok((args, ty))
    }

    // ---- columns -----------------------------------------------------------------------------------------------

    fn column_ref(&mut self, c: &ast::ColumnRef, pos: u32) -> Result<Expr> {
        let parts: Vec<&str> = c.parts.iter().map(|p| p.as_str()).collect();
        if c.star {
            // Inside an expression `t.*` is the table's row as one value.
            let (schema, table) = match parts.as_slice() {
                [t] => (None, *t),
                [s, t] | [_, s, t] => (Some(*s), *t),
                _ => {
                    return Err(
                        DbError::new(SqlState::SYNTAX_ERROR, "row expansion via \"*\" is not supported here").at(pos)
                    );
                }
            };
            let Some(rte) = self.lookup_table(schema, table).cloned() else {
                // A parameter that is a row.
                return self.parameter(&parts, pos)?.ok_or_else(|| self.missing_table(table, pos));
            };
            return Ok(self.whole_row(&rte, pos));
        }
        match parts.as_slice() {
            ["value"] if self.domain_value.is_some() => {
                let ty = self.domain_value.unwrap_or_else(|| types::plain(oid::UNKNOWN));
                Ok(Expr { pos, ..Expr::column(crate::plan::ir::Col { id: crate::session::domain::VALUE, ty }) })
            }
            [name] => {
                if let Some(col) = self.lookup_unqualified(name, pos)?.map(|c| c.col) {
                    self.needs.reads(col.id);
                    return Ok(Expr { pos, ..Expr::column(col) });
                }
                if let Some(rte) = self.lookup_table(None, name).cloned() {
                    return Ok(self.whole_row(&rte, pos));
                }
                if let Some(p) = self.parameter(&parts, pos)? {
                    return Ok(p);
                }
                Err(DbError::new(SqlState::UNDEFINED_COLUMN, format!("column \"{name}\" does not exist"))
                    .at(pos)
                    .hint_opt(self.suggest(None, name)))
            }
            [table, name] => {
                if self.lookup_table(None, table).is_none()
                    && let Some(p) = self.parameter(&parts, pos)?
                {
                    return Ok(p);
                }
                self.qualified(None, table, name, pos)
            }
            [schema, table, name] => {
                if self.lookup_table(Some(schema), table).is_none()
                    && let Some(p) = self.parameter(&parts, pos)?
                {
                    return Ok(p);
                }
                self.qualified(Some(schema), table, name, pos)
            }
            [db, schema, table, name] if *db == self.cx.catalog.database.name => {
                self.qualified(Some(schema), table, name, pos)
            }
            [_, _, _, _] => {
                Err(DbError::unsupported(format!("cross-database references are not implemented: {}", parts.join(".")))
                    .at(pos))
            }
            _ => Err(DbError::new(
                SqlState::SYNTAX_ERROR,
                format!("improper qualified name (too many dotted names): {}", parts.join(".")),
            )
            .at(pos)),
        }
    }

    /// An unqualified column, innermost scope first.
    pub(crate) fn lookup_unqualified(&self, name: &str, pos: u32) -> Result<Option<&ScopeCol>> {
        let is_name = is_named(name);
        for scope in self.scopes.iter().rev() {
            let mut found = scope.star.iter().filter(&is_name);
            if let Some(c) = found.next() {
                if found.next().is_some() {
                    return Err(DbError::new(
                        SqlState::AMBIGUOUS_COLUMN,
                        format!("column reference \"{name}\" is ambiguous"),
                    )
                    .at(pos));
                }
                return Ok(Some(c));
            }
            let mut sys = scope.rtes.iter().flat_map(|r| r.system.iter()).filter(&is_name);
            if let Some(c) = sys.next() {
                if sys.next().is_some() {
                    return Err(DbError::new(
                        SqlState::AMBIGUOUS_COLUMN,
                        format!("column reference \"{name}\" is ambiguous"),
                    )
                    .at(pos));
                }
                return Ok(Some(c));
            }
        }
        Ok(None)
    }

    pub(crate) fn lookup_table(&self, schema: Option<&str>, name: &str) -> Option<&Rte> {
        self.scopes.iter().rev().find_map(|s| s.table(schema, name))
    }

    fn qualified(&mut self, schema: Option<&str>, table: &str, name: &str, pos: u32) -> Result<Expr> {
        let Some(rte) = self.lookup_table(schema, table) else {
            return Err(self.missing_table(table, pos));
        };
        if self.scopes.iter().rev().find(|s| s.table(schema, table).is_some()).is_some_and(|s| s.has_two(schema, table))
        {
            return Err(
                DbError::new(SqlState::AMBIGUOUS_ALIAS, format!("table reference \"{table}\" is ambiguous")).at(pos)
            );
        }
        let mut hits = rte.cols.iter().filter(is_named(name));
        if let Some(c) = hits.next() {
            if hits.next().is_some() {
                return Err(DbError::new(
                    SqlState::AMBIGUOUS_COLUMN,
                    format!("column reference \"{name}\" is ambiguous"),
                )
                .at(pos));
            }
            let col = c.col;
            self.needs.reads(col.id);
            return Ok(Expr { pos, ..Expr::column(col) });
        }
        if let Some(col) = rte.system.iter().find(|c| c.name == name).map(|c| c.col) {
            self.needs.reads(col.id);
            return Ok(Expr { pos, ..Expr::column(col) });
        }
        // Attribute notation of a function: `t.f` is `f(t)`.
        let users = self.cx.search_path.iter().any(|ns| self.cx.catalog.routines_named(*ns, name).next().is_some());
        if users {
            let rte = rte.clone();
            let row = self.whole_row(&rte, pos);
            if let Ok(found) =
                self.resolve_func(&ast::Name::bare(name), std::slice::from_ref(&row), &[None], false, pos)
                && found.proc.prokind == 'f'
                && !found.proc.proretset
            {
                let call = self.build_call(found, vec![row], pos)?;
                return self.inline_sql(call);
            }
        }
        Err(DbError::new(SqlState::UNDEFINED_COLUMN, format!("column {table}.{name} does not exist"))
            .at(pos)
            .hint_opt(self.suggest(Some(table), name)))
    }

    pub(crate) fn whole_row(&mut self, rte: &Rte, pos: u32) -> Expr {
        for c in &rte.cols {
            self.needs.reads(c.col.id);
        }
        if rte.scalar && rte.cols.len() == 1 {
            return Expr { pos, ..Expr::column(rte.cols[0].col) };
        }
        if let (Some(side), Some(first)) = (rte.absent, rte.cols.first()) {
            let row = (first.col.id, rte.cols.len());
            if !self.nullable_rows.contains_key(&row) {
                let mark = self.col(TypeRef { oid: oid::BOOL, typmod: -1, collation: 0 });
                self.nullable_rows.insert(row, (side, mark));
            }
        }
        let fields = rte.cols.iter().map(|c| Expr::column(c.col)).collect();
        let ty = rte.table.as_ref().map_or(oid::RECORD, |t| t.row_type);
        Expr { kind: ExprKind::WholeRow(fields), ty: TypeRef { oid: ty, typmod: -1, collation: 0 }, pos }
    }

    /// Names and types of a row value's fields, if they are known.
    pub(crate) fn row_fields(&self, e: &Expr) -> Option<Vec<(String, TypeRef)>> {
        if let Some(rel) = self.cx.catalog.row_types.get(&e.ty.oid) {
            let rel = self.cx.catalog.relation(*rel)?;
            return Some(rel.live_columns().map(|c| (c.name.clone(), c.ty)).collect());
        }
        match &e.kind {
            ExprKind::WholeRow(f) => {
                let name = |i: usize, x: &Expr| {
                    match x.kind {
                        ExprKind::Column(id) => self.column_name(id),
                        _ => None,
                    }
                    .unwrap_or_else(|| format!("f{}", i + 1))
                };
                Some(f.iter().enumerate().map(|(i, x)| (name(i, x), x.ty)).collect())
            }
            ExprKind::Row(f) => Some(f.iter().enumerate().map(|(i, x)| (format!("f{}", i + 1), x.ty)).collect()),
            ExprKind::Call { proc, args, .. } => {
                let mut fields = super::func::out_columns(proc, e.ty)?;
                super::func::resolve_fields(proc, args, &mut fields);
                Some(fields)
            }
            ExprKind::Column(id) => self.record_fields.get(id).cloned(),
            // A row of a table's type given as a record.
            ExprKind::Relabel(row) => self.row_fields(row),
            _ => None,
        }
    }

    /// The name that a column has where it can be named.
    fn column_name(&self, id: crate::plan::ir::ColId) -> Option<String> {
        let rtes = self.scopes.iter().rev().flat_map(|s| &s.rtes);
        rtes.flat_map(|r| &r.cols).find(|c| c.col.id == id).map(|c| c.name.to_string())
    }

    /// A column takes a value of type `record`: remembers its fields if they are known.
    pub(crate) fn note_fields(&mut self, col: crate::plan::ir::Col, e: &Expr) {
        if col.ty.oid == oid::RECORD
            && let Some(fields) = self.row_fields(e)
        {
            self.record_fields.insert(col.id, fields);
        }
    }

    /// What is said of a field that the row of a table of FROM does not have.
    fn missing_field_of_row(&self, arg: &ast::Expr, field: &str) -> Option<String> {
        let ast::ExprKind::Column(c) = &arg.kind else { return None };
        Some(format!("column {}.{field} does not exist", c.parts.last()?.value))
    }

    fn indirection(&mut self, arg: &ast::Expr, steps: &[Step], pos: u32) -> Result<Expr> {
        let mut cur = self.expr_typed(arg)?;
        let begins = self.pos(arg.start());
        let mut i = 0;
        while i < steps.len() {
            match &steps[i] {
                Step::Field(name) => {
                    let at = self.pos(name.pos);
                    cur = self.see_through(cur);
                    let unidentified = || {
                        let what = format!("could not identify column \"{}\" in record data type", name.value);
                        DbError::new(SqlState::UNDEFINED_COLUMN, what).at(begins)
                    };
                    let fields = self.row_fields(&cur).ok_or_else(|| {
                        if cur.ty.oid == oid::RECORD {
                            unidentified()
                        } else {
                            DbError::new(
                                SqlState::WRONG_OBJECT_TYPE,
                                format!(
                                    "column notation .{} applied to type {}, which is not a composite type",
                                    name.value,
                                    show(cur.ty.oid)
                                ),
                            )
                            .at(begins)
                        }
                    })?;
                    let Some(n) = fields.iter().position(|f| f.0 == name.value) else {
                        if cur.ty.oid == oid::RECORD {
                            return Err(unidentified());
                        }
                        let what = match &cur.kind {
                            ExprKind::WholeRow(_) => self.missing_field_of_row(arg, &name.value),
                            _ => None,
                        };
                        let what = what.unwrap_or_else(|| {
                            format!("column \"{}\" not found in data type {}", name.value, show(cur.ty.oid))
                        });
                        return Err(DbError::new(SqlState::UNDEFINED_COLUMN, what).at(begins));
                    };
                    let ty = fields[n].1;
                    cur = Expr { kind: ExprKind::Field(Box::new(cur), n), ty, pos: at };
                    i += 1;
                }
                Step::Star => {
                    return Err(
                        DbError::new(SqlState::SYNTAX_ERROR, "row expansion via \"*\" is not supported here").at(pos)
                    );
                }
                Step::Index(_) | Step::Slice(..) => {
                    let start = i;
                    while i < steps.len() && matches!(steps[i], Step::Index(_) | Step::Slice(..)) {
                        i += 1;
                    }
                    cur = self.subscript(cur, &steps[start..i], pos)?;
                }
            }
        }
        Ok(cur)
    }

    fn subscript(&mut self, arg: Expr, steps: &[Step], pos: u32) -> Result<Expr> {
        let arg = self.see_through(arg);
        if arg.ty.oid == oid::JSONB {
            return self.jsonb_subscript(arg, steps, pos);
        }
        let elem = element_of(arg.ty.oid).or(match arg.ty.oid {
            oid::INT2VECTOR => Some(oid::INT2),
            oid::OIDVECTOR => Some(oid::OID),
            o => crate::exec::fixed::element(o),
        });
        let Some(elem) = elem else {
            return Err(DbError::new(
                SqlState::DATATYPE_MISMATCH,
                format!("cannot subscript type {} because it does not support subscripting", show(arg.ty.oid)),
            )
            .at(pos));
        };
        if steps.len() > rustydb_types::io::array::MAX_DIMS {
            return Err(rustydb_types::io::array::too_many_dims(steps.len()));
        }
        let slice = steps.iter().any(|s| matches!(s, Step::Slice(..)));
        let index = |b: &mut Self, e: &ast::Expr| -> Result<Expr> {
            let e = b.expr(e)?;
            let at = e.pos;
            b.coerce(e, types::plain(oid::INT4), Coercion::Assignment)?.ok_or_else(|| {
                DbError::new(SqlState::DATATYPE_MISMATCH, "array subscript must have type integer").at(at)
            })
        };
        let mut out = Vec::with_capacity(steps.len());
        for s in steps {
            out.push(match s {
                Step::Index(e) => Subscript::Index(index(self, e)?),
                Step::Slice(a, b) => Subscript::Slice(
                    a.as_ref().map(|e| index(self, e)).transpose()?,
                    b.as_ref().map(|e| index(self, e)).transpose()?,
                ),
                _ => return Err(DbError::internal("field step in subscript")),
            });
        }
        let ty = if slice {
            // A slice of a vector is an array.
            match arg.ty.oid {
                oid::INT2VECTOR | oid::OIDVECTOR => types::plain(array_of(elem).unwrap_or(arg.ty.oid)),
                _ => arg.ty,
            }
        } else {
            TypeRef { oid: elem, typmod: arg.ty.typmod, collation: types::plain(elem).collation }
        };
        Ok(Expr { kind: ExprKind::Subscript { arg: Box::new(arg), steps: out }, ty, pos })
    }

    // ---- operators ---------------------------------------------------------------------------------------------

    fn op(&mut self, op: &ast::Op, pos: u32) -> Result<Expr> {
        let name = op.op.name.value.as_str();
        let schema = op.op.schema.as_ref().map(|s| s.value.clone());
        let Some(left) = &op.left else {
            // A negated number is a number: -2147483648 is an int4.
            if name == "-"
                && schema.is_none()
                && let ast::ExprKind::Literal(l) = &op.right.kind
            {
                match l {
                    Literal::Integer(i) => return Ok(integer(i.wrapping_neg(), pos)),
                    Literal::Numeric(s) => {
                        if let Ok(i) = format!("-{s}").parse::<i64>() {
                            return Ok(integer(i, pos));
                        }
                    }
                    _ => {}
                }
            }
            let right = self.expr(&op.right)?;
            return self.operator(schema.as_deref(), name, None, right, pos);
        };
        // Long left-deep chains (a || b || c …) are walked without recursion.
        let mut chain: Vec<(&ast::Op, u32)> = vec![(op, pos)];
        let mut leftmost: &ast::Expr = left;
        while let ast::ExprKind::Op(inner) = &leftmost.kind {
            let Some(l) = &inner.left else { break };
            if row_operand(l, &inner.right) {
                break;
            }
            chain.push((inner, self.pos(leftmost.pos)));
            leftmost = l;
        }
        if chain.len() == 1 && row_operand(left, &op.right) {
            return self.row_op(name, left, &op.right, pos);
        }
        let mut cur = self.expr(leftmost)?;
        for (o, p) in chain.into_iter().rev() {
            let right = self.expr(&o.right)?;
            let schema = o.op.schema.as_ref().map(|s| s.value.as_str());
            cur = self.operator(schema, &o.op.name.value, Some(cur), right, p)?;
        }
        Ok(cur)
    }

    fn distinct_from(&mut self, left: &ast::Expr, right: &ast::Expr, negated: bool, pos: u32) -> Result<Expr> {
        let bool_ty = types::plain(oid::BOOL);
        if let (ast::ExprKind::Row { fields: l, .. }, ast::ExprKind::Row { fields: r, .. }) = (&left.kind, &right.kind)
        {
            if l.len() != r.len() {
                return Err(
                    DbError::new(SqlState::SYNTAX_ERROR, "unequal number of entries in row expressions").at(pos)
                );
            }
            let mut parts = Vec::new();
            for (a, b) in l.iter().zip(r) {
                parts.push(self.distinct_from(a, b, negated, pos)?);
            }
            let kind = if negated { ExprKind::And(parts) } else { ExprKind::Or(parts) };
            return Ok(Expr { kind, ty: bool_ty, pos });
        }
        let (l, r) = (self.expr(left)?, self.expr(right)?);
        let call = self.operator(None, "=", Some(l), r, pos)?;
        let ExprKind::Call { proc, args, collation } = call.kind else {
            return Err(DbError::internal("operator is not a call"));
        };
        let mut it = args.into_iter();
        let (Some(l), Some(r)) = (it.next(), it.next()) else {
            return Err(DbError::internal("equality without operands"));
        };
        Ok(Expr {
            kind: ExprKind::Distinct { eq: proc, left: Box::new(l), right: Box::new(r), negated, collation },
            ty: bool_ty,
            pos,
        })
    }

    fn in_list(&mut self, arg: &ast::Expr, list: &[ast::Expr], negated: bool, pos: u32) -> Result<Expr> {
        let bool_ty = types::plain(oid::BOOL);
        let op = if negated { "<>" } else { "=" };
        if let ast::ExprKind::Row { fields: l, .. } = &arg.kind {
            let mut parts = Vec::with_capacity(list.len());
            for item in list {
                let ast::ExprKind::Row { fields: r, .. } = &item.kind else {
                    return Err(
                        DbError::new(SqlState::DATATYPE_MISMATCH, "IN list item must be a row").at(self.pos(item.pos))
                    );
                };
                if l.len() != r.len() {
                    return Err(
                        DbError::new(SqlState::SYNTAX_ERROR, "unequal number of entries in row expressions").at(pos)
                    );
                }
                let l = l.iter().map(|e| self.expr(e)).collect::<Result<Vec<_>>>()?;
                let r = r.iter().map(|e| self.expr(e)).collect::<Result<Vec<_>>>()?;
                parts.push(self.compare_rows(op, l, r, pos)?);
            }
            let kind = if negated { ExprKind::And(parts) } else { ExprKind::Or(parts) };
            return Ok(Expr { kind, ty: bool_ty, pos });
        }
        let left = self.expr(arg)?;
        let items = list.iter().map(|e| self.expr(e)).collect::<Result<Vec<_>>>()?;
        // The usual list: constants of the type that they are compared with.
        let alike = |e: &Expr| matches!(e.kind, ExprKind::Const(_)) && e.ty.oid == left.ty.oid;
        if items.len() > 1
            && left.ty.oid != oid::UNKNOWN
            && let Some(arr) = array_of(left.ty.oid)
            && items.iter().all(alike)
        {
            let kind = self.array_of_items(items, left.ty.oid);
            return self.array_op(op, left, Expr { kind, ty: types::plain(arr), pos }, negated, pos);
        }
        let (plain, vars): (Vec<_>, Vec<_>) = items.into_iter().partition(|e| !reads_columns(e));
        let mut parts = Vec::new();
        let mut rest = vars;
        if plain.len() > 1 {
            let mut all: Vec<u32> = vec![left.ty.oid];
            all.extend(plain.iter().map(|e| e.ty.oid));
            let common =
                super::resolve::common_type(&all).or(all.iter().all(|t| *t == oid::UNKNOWN).then_some(oid::TEXT));
            let fits = common.filter(|c| {
                array_of(*c).is_some()
                    && plain.iter().all(|e| can_coerce(Some(self.cx.catalog), e.ty.oid, *c, Coercion::Implicit))
            });
            if let Some(common) = fits {
                let items = plain.into_iter().map(|e| self.to_common(e, common, "IN")).collect::<Result<Vec<_>>>()?;
                let arr = array_of(common).ok_or_else(|| DbError::internal("no array type"))?;
                let kind = self.array_of_items(items, common);
                let array = Expr { kind, ty: types::plain(arr), pos };
                parts.push(self.array_op(op, left.clone(), array, negated, pos)?);
            } else {
                rest.splice(0..0, plain);
            }
        } else {
            rest.splice(0..0, plain);
        }
        for r in rest {
            parts.push(self.operator(None, op, Some(left.clone()), r, pos)?);
        }
        if parts.len() == 1 {
            return parts.pop().ok_or_else(|| DbError::internal("empty IN list"));
        }
        let kind = if negated { ExprKind::And(parts) } else { ExprKind::Or(parts) };
        Ok(Expr { kind, ty: bool_ty, pos })
    }

    /// The array that a list makes: a constant if its items are, as PostgreSQL's planner makes it, unless what is bound is
    /// kept as text, which shows the items.
    fn array_of_items(&self, items: Vec<Expr>, elem: u32) -> ExprKind {
        let kept = self.keep_calls || self.defines || self.traced.is_some();
        let scalar = element_of(elem).is_none() && !is_row_type(elem);
        if kept || !scalar || !items.iter().all(|i| matches!(i.kind, ExprKind::Const(_)) && i.ty.oid == elem) {
            return ExprKind::Array { items, nested: false };
        }
        let values = items.into_iter().filter_map(|i| match i.kind {
            ExprKind::Const(d) => Some(d),
            _ => None,
        });
        ExprKind::Const(one_dimension(values.collect(), elem))
    }

    /// `left op ANY/ALL (array)`; the array may be an unknown literal.
    fn array_op(&mut self, op: &str, left: Expr, array: Expr, all: bool, pos: u32) -> Result<Expr> {
        let elem = if array.ty.oid == oid::UNKNOWN {
            oid::UNKNOWN
        } else {
            match array.ty.oid {
                oid::INT2VECTOR => oid::INT2,
                oid::OIDVECTOR => oid::OID,
                oid::ANYARRAY => left.ty.oid,
                t => element_of(t).ok_or_else(|| {
                    DbError::new(SqlState::WRONG_OBJECT_TYPE, "op ANY/ALL (array) requires array on right side").at(pos)
                })?,
            }
        };
        let row = self.find_operator(None, op, Some(left.ty.oid), elem, pos)?;
        if row.oprresult != oid::BOOL {
            return Err(DbError::new(
                SqlState::WRONG_OBJECT_TYPE,
                "op ANY/ALL (array) requires operator to yield boolean",
            )
            .at(pos));
        }
        let proc = pgdata::proc(row.oprcode).ok_or_else(|| DbError::internal("operator without function"))?;
        let mut declared = [row.oprleft, row.oprright];
        super::resolve::resolve_polymorphic(&[left.ty.oid, elem], &mut declared, oid::BOOL)
            .ok_or_else(|| DbError::new(SqlState::DATATYPE_MISMATCH, "could not determine polymorphic type").at(pos))?;
        let want = array_of(declared[1]).ok_or_else(|| {
            DbError::new(
                SqlState::UNDEFINED_OBJECT,
                format!("could not find array type for data type {}", show(declared[1])),
            )
            .at(pos)
        })?;
        let cannot = |from: u32, to: u32| {
            DbError::new(SqlState::CANNOT_COERCE, format!("cannot cast type {} to {}", show(from), show(to))).at(pos)
        };
        let (left_ty, array_ty) = (left.ty.oid, array.ty.oid);
        let left = self
            .coerce(left, types::plain(declared[0]), Coercion::Implicit)?
            .ok_or_else(|| cannot(left_ty, declared[0]))?;
        let array = match array.ty.oid {
            oid::INT2VECTOR | oid::OIDVECTOR => {
                Expr { ty: types::plain(want), pos: array.pos, kind: ExprKind::Relabel(Box::new(array)) }
            }
            _ => self.coerce(array, types::plain(want), Coercion::Implicit)?.ok_or_else(|| cannot(array_ty, want))?,
        };
        let both = [left, array];
        let collation = super::collation::of_args(&both)?;
        let [left, array] = both;
        Ok(Expr {
            kind: ExprKind::ArrayOp { proc, left: Box::new(left), array: Box::new(array), all, collation },
            ty: types::plain(oid::BOOL),
            pos,
        })
    }

    fn between(&mut self, b: &ast::Between, pos: u32) -> Result<Expr> {
        let bool_ty = types::plain(oid::BOOL);
        let arg = self.expr(&b.arg)?;
        let (low, high) = (self.expr(&b.low)?, self.expr(&b.high)?);
        let range = |s: &mut Self, lo: &Expr, hi: &Expr| -> Result<Expr> {
            let ops = if b.negated { ("<", ">") } else { (">=", "<=") };
            let x = s.operator(None, ops.0, Some(arg.clone()), lo.clone(), pos)?;
            let y = s.operator(None, ops.1, Some(arg.clone()), hi.clone(), pos)?;
            let kind = if b.negated { ExprKind::Or(vec![x, y]) } else { ExprKind::And(vec![x, y]) };
            Ok(Expr { kind, ty: bool_ty, pos })
        };
        let first = range(self, &low, &high)?;
        if !b.symmetric {
            return Ok(first);
        }
        let second = range(self, &high, &low)?;
        let kind = if b.negated { ExprKind::And(vec![first, second]) } else { ExprKind::Or(vec![first, second]) };
        Ok(Expr { kind, ty: bool_ty, pos })
    }

    fn quantified(&mut self, q: &ast::Quantified, pos: u32) -> Result<Expr> {
        let op = q.op.name.value.clone();
        match &q.right {
            ast::QuantifiedRight::Array(a) => {
                let (l, a) = (self.expr(&q.left)?, self.expr(a)?);
                self.array_op(&op, l, a, q.all, pos)
            }
            ast::QuantifiedRight::Query(sub) => {
                let left = match &q.left.kind {
                    ast::ExprKind::Row { fields, .. } => {
                        fields.iter().map(|e| self.expr(e)).collect::<Result<Vec<_>>>()?
                    }
                    _ => vec![self.expr(&q.left)?],
                };
                let text = format!("{} {op} {} {sub}", *q.left, if q.all { "ALL" } else { "ANY" }).into();
                let (rel, cols) = self.subquery(sub)?;
                self.row_width(left.len(), cols.len(), pos)?;
                let right: Vec<Expr> = cols.iter().map(|c| Expr { pos, ..Expr::column(*c) }).collect();
                let test = if left.len() == 1 {
                    let (Some(l), Some(r)) = (left.into_iter().next(), right.into_iter().next()) else {
                        return Err(DbError::internal("quantified comparison without operands"));
                    };
                    self.operator(None, &op, Some(l), r, pos)?
                } else {
                    self.compare_rows(&op, left, right, pos)?
                };
                if test.ty.oid != oid::BOOL {
                    return Err(DbError::new(
                        SqlState::DATATYPE_MISMATCH,
                        format!("operator {op} must return type boolean, not type {}", show(test.ty.oid)),
                    )
                    .at(pos));
                }
                let hashes = op == "=" && !undetermined(&test);
                let equal = if hashes { equal_pairs(&test, &cols) } else { None };
                self.trace_query(&text);
                Ok(Expr {
                    kind: ExprKind::Subquery(Box::new(Subquery {
                        rel,
                        kind: SubqueryKind::Quantified { test, all: q.all, equal },
                        text,
                    })),
                    ty: types::plain(oid::BOOL),
                    pos,
                })
            }
        }
    }

    /// `CAST(x AS ty)`.
    pub(crate) fn cast(&mut self, x: &ast::Expr, ty: TypeRef, pos: u32) -> Result<Expr> {
        if let ast::ExprKind::Array(items) = &x.kind
            && let Some(elem) = element_of(ty.oid)
        {
            let mut e = self.array(items, Some(TypeRef { oid: elem, typmod: ty.typmod, ..types::plain(elem) }), pos)?;
            e.ty.typmod = ty.typmod;
            return Ok(e);
        }
        let e = self.expr(x)?;
        let from = e.ty.oid;
        let at = if e.ty.oid == oid::UNKNOWN { e.pos } else { pos };
        // Errors without a place are those of lengths, which PostgreSQL applies when the statement runs.
        let placed = rustydb_types::usertype::base(ty).typmod < 0;
        let r = self.coerce(e, ty, Coercion::Explicit).map_err(|e| if placed { e.at(at) } else { e })?;
        r.ok_or_else(|| {
            DbError::new(SqlState::CANNOT_COERCE, format!("cannot cast type {} to {}", show(from), show(ty.oid)))
                .at(pos)
        })
    }

    fn case(&mut self, c: &ast::Case, pos: u32) -> Result<Expr> {
        let operand = match &c.operand {
            Some(o) => Some(self.expr_typed(o)?),
            None => None,
        };
        let mut conds = Vec::with_capacity(c.whens.len());
        // The ELSE result takes part first in the type's choice, as in PostgreSQL.
        let otherwise = match &c.otherwise {
            Some(e) => Some(self.expr(e)?),
            None => None,
        };
        let mut results: Vec<Expr> = vec![otherwise.unwrap_or_else(|| constant(Datum::Null, oid::UNKNOWN, pos))];
        for (w, t) in &c.whens {
            let cond = match &operand {
                Some(o) => {
                    let v = Expr { kind: ExprKind::CaseValue, ty: o.ty, pos: self.pos(w.pos) };
                    let w_bound = self.expr(w)?;
                    let cond = self.operator(None, "=", Some(v), w_bound, self.pos(w.pos))?;
                    self.to_bool(cond, "CASE/WHEN")?
                }
                None => {
                    let w = self.expr(w)?;
                    self.to_bool(w, "CASE/WHEN")?
                }
            };
            conds.push(cond);
            results.push(self.expr(t)?);
        }
        let (mut results, ty) = self.unify(results, "CASE")?;
        let otherwise = results.remove(0);
        let whens = conds.into_iter().zip(results).collect();
        Ok(Expr {
            kind: ExprKind::Case { operand: operand.map(Box::new), whens, otherwise: Box::new(otherwise) },
            ty,
            pos,
        })
    }

    fn null_if(&mut self, a: &ast::Expr, b: &ast::Expr, pos: u32) -> Result<Expr> {
        let (l, r) = (self.expr(a)?, self.expr(b)?);
        let l = if r.ty.oid == oid::UNKNOWN { self.default_unknown(l)? } else { l };
        let l = if l.ty.oid == oid::UNKNOWN {
            let ty = r.ty;
            self.coerce(l, TypeRef { typmod: -1, ..ty }, Coercion::Implicit)?
                .ok_or_else(|| DbError::internal("unknown does not convert"))?
        } else {
            l
        };
        // The value is what was compared: with a cast, if the operator asks for one.
        let call = self.operator(None, "=", Some(l), r, pos)?;
        let ExprKind::Call { proc, args, collation } = call.kind else {
            return Err(DbError::internal("operator is not a call"));
        };
        let mut it = args.into_iter();
        let (Some(l), Some(r)) = (it.next(), it.next()) else {
            return Err(DbError::internal("equality without operands"));
        };
        let ty = l.ty;
        let kind = ExprKind::NullIf { eq: proc, left: Box::new(l), right: Box::new(r), collation };
        Ok(Expr { kind, ty, pos })
    }

    fn array(&mut self, items: &[ast::Expr], elem: Option<TypeRef>, pos: u32) -> Result<Expr> {
        if items.is_empty() {
            let Some(elem) = elem else {
                return Err(DbError::new(SqlState::INDETERMINATE_DATATYPE, "cannot determine type of empty array")
                    .hint("Explicitly cast to the desired type, for example ARRAY[]::integer[].")
                    .at(pos));
            };
            let arr = array_of(elem.oid).unwrap_or(oid::TEXT_ARRAY);
            return Ok(Expr { kind: ExprKind::Array { items: vec![], nested: false }, ty: types::plain(arr), pos });
        }
        let nested_syntax = matches!(items[0].kind, ast::ExprKind::Array(_));
        let mut bound = Vec::with_capacity(items.len());
        for i in items {
            bound.push(match &i.kind {
                ast::ExprKind::Array(inner) => self.array(inner, elem, self.pos(i.pos))?,
                _ => self.expr(i)?,
            });
        }
        let nested = nested_syntax || bound.iter().any(|b| oid::array_element(b.ty.oid).is_some());
        if let Some(elem) = elem {
            let want = if nested { types::plain(array_of(elem.oid).unwrap_or(elem.oid)) } else { elem };
            let mut out = Vec::with_capacity(bound.len());
            for b in bound {
                let (from, at) = (b.ty.oid, b.pos);
                out.push(self.coerce(b, want, Coercion::Explicit)?.ok_or_else(|| {
                    DbError::new(
                        SqlState::CANNOT_COERCE,
                        format!("cannot cast type {} to {}", show(from), show(want.oid)),
                    )
                    .at(at)
                })?);
            }
            let arr = array_of(elem.oid).ok_or_else(|| {
                DbError::new(
                    SqlState::UNDEFINED_OBJECT,
                    format!("could not find array type for data type {}", show(elem.oid)),
                )
                .at(pos)
            })?;
            let ty = array_type(arr, &out)?;
            return Ok(Expr { kind: ExprKind::Array { items: out, nested }, ty, pos });
        }
        let (items, ty) = self.unify(bound, "ARRAY")?;
        let arr = if nested { Some(ty.oid) } else { array_of(ty.oid) };
        let arr = arr.ok_or_else(|| {
            DbError::new(
                SqlState::UNDEFINED_OBJECT,
                format!("could not find array type for data type {}", show(ty.oid)),
            )
            .at(pos)
        })?;
        let ty = array_type(arr, &items)?;
        Ok(Expr { kind: ExprKind::Array { items, nested }, ty, pos })
    }

    /// Binds a subquery of an expression: its operator and output columns.
    pub(crate) fn subquery(&mut self, q: &ast::Query) -> Result<(Rel, Vec<crate::plan::ir::Col>)> {
        let q = self.traced_subquery(q)?;
        let cols = q.rel.outputs();
        Ok((q.rel, cols))
    }
}

fn integer(i: i64, pos: u32) -> Expr {
    match i32::try_from(i) {
        Ok(v) => constant(Datum::Int4(v), oid::INT4, pos),
        Err(_) => constant(Datum::Int8(i), oid::INT8, pos),
    }
}

fn row_operand(l: &ast::Expr, r: &ast::Expr) -> bool {
    matches!(l.kind, ast::ExprKind::Row { .. })
        && matches!(r.kind, ast::ExprKind::Row { .. } | ast::ExprKind::Subquery(_))
}

/// If the test is a conjunction of `expression = output column` (same type on both sides), the pairs.
/// The type of an array of items, with the collation that they come to.
pub(super) fn array_type(array: u32, items: &[Expr]) -> Result<TypeRef> {
    let ty = types::plain(array);
    let collation = super::collation::of_args(items)?;
    Ok(if ty.collation != 0 && collation != 0 { TypeRef { collation, ..ty } } else { ty })
}

/// Whether some comparison of a test lacks its collation.
fn undetermined(test: &Expr) -> bool {
    let mut found = false;
    crate::plan::walk::visit(test, &mut |e| {
        let lacks = rustydb_types::collation::INDETERMINATE;
        found |= matches!(&e.kind, ExprKind::Call { collation, .. } if *collation == lacks);
    });
    found
}

fn equal_pairs(test: &Expr, cols: &[crate::plan::ir::Col]) -> Option<Vec<(Expr, usize)>> {
    let parts: Vec<&Expr> = match &test.kind {
        ExprKind::And(p) => p.iter().collect(),
        _ => vec![test],
    };
    let mut out = Vec::with_capacity(parts.len());
    for p in parts {
        let ExprKind::Call { args, .. } = &p.kind else { return None };
        let [l, r] = args.as_slice() else { return None };
        let ExprKind::Column(id) = r.kind else { return None };
        let i = cols.iter().position(|c| c.id == id)?;
        if l.ty.oid != r.ty.oid {
            return None;
        }
        out.push((l.clone(), i));
    }
    Some(out)
}

/// Whether an expression reads any column (its own level's or an outer one's).
pub(crate) fn reads_columns(e: &Expr) -> bool {
    let mut found = false;
    crate::plan::walk::visit(e, &mut |x| {
        if matches!(x.kind, ExprKind::Column(_) | ExprKind::Subquery(_)) {
            found = true;
        }
    });
    found
}
