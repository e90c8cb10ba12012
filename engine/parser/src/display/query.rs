//! Queries, INSERT, UPDATE, DELETE.

use super::expr::sort_suffix;
use super::{Commas, opt_columns};
use crate::ast::{
    Alias, AsOf, AsOfKind, AssignTarget, Assignment, ConflictTarget, Cte, DefOption, DefValue, Delete, Distinct,
    FieldDef, FunctionTable, GroupItem, IndexElement, IndexKey, Insert, Join, JoinCondition, JoinKind, LockStrength,
    LockWait, Overriding, Query, QueryBody, Select, SetOpKind, Statement, TableFactor, TableFunction, TableRef, Target,
    Update, With,
};
use std::fmt::{Display, Formatter, Result};

impl Display for Query {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if let Some(w) = &self.with {
            write!(f, "{w} ")?;
        }
        match &self.body {
            QueryBody::Select(s) => s.fmt(f)?,
            QueryBody::Values(rows) => {
                f.write_str("VALUES ")?;
                for (i, row) in rows.iter().enumerate() {
                    write!(f, "{}({})", if i > 0 { ", " } else { "" }, Commas(row))?;
                }
            }
            QueryBody::SetOp(s) => {
                let op = match s.op {
                    SetOpKind::Union => "UNION",
                    SetOpKind::Intersect => "INTERSECT",
                    SetOpKind::Except => "EXCEPT",
                };
                write!(f, "({}) {op}{} ({})", s.left, if s.all { " ALL" } else { "" }, s.right)?;
            }
        }
        if !self.order_by.is_empty() {
            write!(f, " ORDER BY {}", Commas(&self.order_by))?;
        }
        if let Some(e) = &self.offset {
            write!(f, " OFFSET {e}")?;
        }
        if let Some(e) = &self.limit {
            if self.with_ties {
                write!(f, " FETCH FIRST ({e}) ROWS WITH TIES")?;
            } else {
                write!(f, " LIMIT {e}")?;
            }
        }
        for l in &self.locking {
            f.write_str(match l.strength {
                LockStrength::KeyShare => " FOR KEY SHARE",
                LockStrength::Share => " FOR SHARE",
                LockStrength::NoKeyUpdate => " FOR NO KEY UPDATE",
                LockStrength::Update => " FOR UPDATE",
            })?;
            if !l.of.is_empty() {
                write!(f, " OF {}", Commas(&l.of))?;
            }
            f.write_str(match l.wait {
                LockWait::Block => "",
                LockWait::Skip => " SKIP LOCKED",
                LockWait::Error => " NOWAIT",
            })?;
        }
        Ok(())
    }
}

impl Display for With {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "WITH {}{}", if self.recursive { "RECURSIVE " } else { "" }, Commas(&self.ctes))
    }
}

impl Display for Cte {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.name.fmt(f)?;
        opt_columns(f, &self.columns)?;
        f.write_str(match self.materialized {
            None => " AS ",
            Some(true) => " AS MATERIALIZED ",
            Some(false) => " AS NOT MATERIALIZED ",
        })?;
        f.write_str("(")?;
        match &*self.body {
            Statement::Query(q) => q.fmt(f)?,
            Statement::Insert(i) => i.fmt(f)?,
            Statement::Update(u) => u.fmt(f)?,
            Statement::Delete(d) => d.fmt(f)?,
            Statement::Merge(m) => m.fmt(f)?,
            // The parser puts nothing else here but statements that the engine refuses before it prints anything.
            _ => return Err(std::fmt::Error),
        }
        f.write_str(")")?;
        if let Some(s) = &self.search {
            let order = if s.breadth { "BREADTH" } else { "DEPTH" };
            write!(f, " SEARCH {order} FIRST BY {} SET {}", Commas(&s.columns), s.sequence)?;
        }
        if let Some(c) = &self.cycle {
            write!(f, " CYCLE {} SET {}", Commas(&c.columns), c.mark)?;
            if let Some((to, default)) = &c.values {
                write!(f, " TO {to} DEFAULT {default}")?;
            }
            write!(f, " USING {}", c.path)?;
        }
        Ok(())
    }
}

impl Display for Select {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("SELECT")?;
        match &self.distinct {
            Distinct::No => {}
            Distinct::All => f.write_str(" DISTINCT")?,
            Distinct::On(l) => write!(f, " DISTINCT ON ({})", Commas(l))?,
        }
        if !self.targets.is_empty() {
            write!(f, " {}", Commas(&self.targets))?;
        }
        if !self.from.is_empty() {
            write!(f, " FROM {}", Commas(&self.from))?;
        }
        if let Some(e) = &self.filter {
            write!(f, " WHERE {e}")?;
        }
        if !self.group_by.is_empty() {
            write!(f, " GROUP BY {}{}", if self.group_distinct { "DISTINCT " } else { "" }, Commas(&self.group_by))?;
        }
        if let Some(e) = &self.having {
            write!(f, " HAVING {e}")?;
        }
        for (i, (name, spec)) in self.windows.iter().enumerate() {
            write!(f, "{} {name} AS {spec}", if i == 0 { " WINDOW" } else { "," })?;
        }
        Ok(())
    }
}

impl Display for Target {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.expr.fmt(f)?;
        match &self.alias {
            Some(a) => write!(f, " AS {a}"),
            None => Ok(()),
        }
    }
}

impl Display for GroupItem {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            GroupItem::Expr(e) => e.fmt(f),
            GroupItem::Empty(_) => f.write_str("()"),
            GroupItem::Rollup(l, _) => write!(f, "ROLLUP ({})", Commas(l)),
            GroupItem::Cube(l, _) => write!(f, "CUBE ({})", Commas(l)),
            GroupItem::Sets(l, _) => write!(f, "GROUPING SETS ({})", Commas(l)),
        }
    }
}

impl Display for Alias {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.name.fmt(f)?;
        opt_columns(f, &self.columns)
    }
}

fn opt_alias(f: &mut Formatter<'_>, alias: &Option<Alias>) -> Result {
    match alias {
        Some(a) => write!(f, " AS {a}"),
        None => Ok(()),
    }
}

impl Display for TableFactor {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}{}", if self.only { "ONLY " } else { "" }, self.name)?;
        if let Some(a) = &self.as_of {
            write!(f, " AS OF {a}")?;
        }
        opt_alias(f, &self.alias)?;
        if let Some(s) = &self.sample {
            write!(f, " TABLESAMPLE {} ({})", s.method, Commas(&s.args))?;
            if let Some(e) = &s.repeatable {
                write!(f, " REPEATABLE ({e})")?;
            }
        }
        Ok(())
    }
}

impl Display for AsOf {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let kind = match self.kind {
            AsOfKind::Timestamp => "TIMESTAMP",
            AsOfKind::Scn => "SCN",
            AsOfKind::SystemTime => "SYSTEM TIME",
        };
        write!(f, "{kind} {}", self.value)
    }
}

impl Display for FieldDef {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{} {}", self.name, self.ty)?;
        match &self.collation {
            Some(c) => write!(f, " COLLATE {c}"),
            None => Ok(()),
        }
    }
}

impl Display for TableFunction {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match &self.call.kind {
            // In FROM a cast has to look like a call.
            crate::ast::ExprKind::Cast(x, t) => write!(f, "CAST({} AS {t})", **x)?,
            _ => self.call.fmt(f)?,
        }
        if self.columns.is_empty() { Ok(()) } else { write!(f, " AS ({})", Commas(&self.columns)) }
    }
}

impl Display for FunctionTable {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if self.lateral {
            f.write_str("LATERAL ")?;
        }
        if self.rows_from {
            write!(f, "ROWS FROM ({})", Commas(&self.functions))?;
        } else {
            Commas(&self.functions).fmt(f)?;
        }
        if self.ordinality {
            f.write_str(" WITH ORDINALITY")?;
        }
        if self.columns.is_empty() {
            return opt_alias(f, &self.alias);
        }
        match &self.alias {
            Some(a) => write!(f, " AS {} ({})", a.name, Commas(&self.columns)),
            None => write!(f, " AS ({})", Commas(&self.columns)),
        }
    }
}

impl Display for TableRef {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            TableRef::Table(t) => t.fmt(f),
            TableRef::Function(t) => t.fmt(f),
            TableRef::Query(q) => write!(f, "{}({}) AS {}", if q.lateral { "LATERAL " } else { "" }, q.query, q.alias),
            TableRef::Join(j) => j.fmt(f),
        }
    }
}

impl Display for Join {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let natural = if self.condition == JoinCondition::Natural { "NATURAL " } else { "" };
        let kind = match self.kind {
            JoinKind::Cross => "CROSS JOIN",
            JoinKind::Inner => "JOIN",
            JoinKind::Left => "LEFT JOIN",
            JoinKind::Right => "RIGHT JOIN",
            JoinKind::Full => "FULL JOIN",
        };
        write!(f, "({} {natural}{kind} {}", self.left, self.right)?;
        match &self.condition {
            JoinCondition::None | JoinCondition::Natural => {}
            JoinCondition::On(e) => write!(f, " ON {e}")?,
            JoinCondition::Using(c, alias) => {
                write!(f, " USING ({})", Commas(c))?;
                if let Some(a) = alias {
                    write!(f, " AS {a}")?;
                }
            }
        }
        f.write_str(")")?;
        opt_alias(f, &self.alias)
    }
}

impl Display for AssignTarget {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.column.fmt(f)?;
        self.steps.iter().try_for_each(|s| s.fmt(f))
    }
}

impl Display for Assignment {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Assignment::One(t, e) => write!(f, "{t} = {e}"),
            Assignment::Many(t, e) => write!(f, "({}) = {e}", Commas(t)),
        }
    }
}

impl Display for DefValue {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            DefValue::Word(s) => crate::ast::quote_ident(s).fmt(f),
            DefValue::String(s) => write!(f, "'{}'", s.replace('\'', "''")),
            DefValue::Number(s) => f.write_str(s),
            DefValue::List(l) => write!(f, "({})", Commas(l)),
            DefValue::Star => f.write_str("*"),
            DefValue::Type(t) => t.fmt(f),
            DefValue::Operator(n) => f.write_str(&n.plain()),
        }
    }
}

impl Display for DefOption {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if let Some(n) = &self.namespace {
            write!(f, "{n}.")?;
        }
        self.name.fmt(f)?;
        match &self.value {
            Some(v) => write!(f, " = {v}"),
            None => Ok(()),
        }
    }
}

impl Display for IndexElement {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match &self.key {
            IndexKey::Column(c) => c.fmt(f)?,
            IndexKey::Expr(e) => write!(f, "({e})")?,
        }
        if let Some(c) = &self.collation {
            write!(f, " COLLATE {c}")?;
        }
        if let Some(o) = &self.opclass {
            write!(f, " {o}")?;
            if !self.opclass_options.is_empty() {
                write!(f, " ({})", Commas(&self.opclass_options))?;
            }
        }
        sort_suffix(f, &self.order, self.nulls_first)
    }
}

fn returning(f: &mut Formatter<'_>, targets: &[Target]) -> Result {
    if targets.is_empty() { Ok(()) } else { write!(f, " RETURNING {}", Commas(targets)) }
}

impl Display for Insert {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if let Some(w) = &self.with {
            write!(f, "{w} ")?;
        }
        write!(f, "INSERT INTO {}", self.table)?;
        if let Some(a) = &self.alias {
            write!(f, " AS {a}")?;
        }
        if !self.columns.is_empty() {
            write!(f, " ({})", Commas(&self.columns))?;
        }
        f.write_str(match self.overriding {
            Overriding::No => "",
            Overriding::User => " OVERRIDING USER VALUE",
            Overriding::System => " OVERRIDING SYSTEM VALUE",
        })?;
        match &self.source {
            Some(q) => write!(f, " {q}")?,
            None => f.write_str(" DEFAULT VALUES")?,
        }
        if let Some(c) = &self.on_conflict {
            f.write_str(" ON CONFLICT")?;
            match &c.target {
                Some(ConflictTarget::Index { elements, filter, .. }) => {
                    write!(f, " ({})", Commas(elements))?;
                    if let Some(e) = filter {
                        write!(f, " WHERE {e}")?;
                    }
                }
                Some(ConflictTarget::Constraint(n)) => write!(f, " ON CONSTRAINT {n}")?,
                None => {}
            }
            match &c.update {
                None => f.write_str(" DO NOTHING")?,
                Some(u) => {
                    write!(f, " DO UPDATE SET {}", Commas(&u.set))?;
                    if let Some(e) = &u.filter {
                        write!(f, " WHERE {e}")?;
                    }
                }
            }
        }
        returning(f, &self.returning)
    }
}

impl Display for Update {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if let Some(w) = &self.with {
            write!(f, "{w} ")?;
        }
        write!(f, "UPDATE {} SET {}", self.table, Commas(&self.set))?;
        if !self.from.is_empty() {
            write!(f, " FROM {}", Commas(&self.from))?;
        }
        if let Some(e) = &self.filter {
            write!(f, " WHERE {e}")?;
        }
        returning(f, &self.returning)
    }
}

impl Display for Delete {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if let Some(w) = &self.with {
            write!(f, "{w} ")?;
        }
        write!(f, "DELETE FROM {}", self.table)?;
        if !self.using.is_empty() {
            write!(f, " USING {}", Commas(&self.using))?;
        }
        if let Some(e) = &self.filter {
            write!(f, " WHERE {e}")?;
        }
        returning(f, &self.returning)
    }
}
