//! Expressions and types.

use super::Commas;
use crate::ast::{
    Expr, ExprKind, Frame, FrameBound, FrameExclude, FrameUnits, FuncArg, FuncCall, IsTest, Literal, Name, Over,
    QuantifiedRight, SortBy, SortOrder, SqlValue, Step, TypeName, WindowSpec,
};
use std::fmt::{Display, Formatter, Result};

/// A string literal that reads the same whatever `standard_conforming_strings` is.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if self.0.contains('\\') {
            return write!(f, "E'{}'", self.0.replace('\\', "\\\\").replace('\'', "''"));
        }
        write!(f, "'{}'", self.0.replace('\'', "''"))
    }
}

/// An operator between or before operands.
struct Operator<'a>(&'a Name);

impl Display for Operator<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let n = self.0;
        if n.schema.is_none() && n.catalog.is_none() {
            return f.write_str(&n.name.value);
        }
        f.write_str("OPERATOR(")?;
        for part in [&n.catalog, &n.schema].into_iter().flatten() {
            write!(f, "{part}.")?;
        }
        write!(f, "{})", n.name.value)
    }
}

/// An operand that something is attached to (`::`, `.`, `[`): in parentheses unless it is a name, call or the like.
struct Attached<'a>(&'a Expr);

impl Display for Attached<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let simple = match &self.0.kind {
            ExprKind::Literal(Literal::Integer(v)) => *v >= 0,
            ExprKind::Literal(Literal::Numeric(s)) => !s.starts_with('-'),
            ExprKind::Literal(_)
            | ExprKind::Param(_)
            | ExprKind::Column(_)
            | ExprKind::Func(_)
            | ExprKind::Cast(..) => true,
            _ => false,
        };
        if simple { self.0.fmt(f) } else { write!(f, "({})", self.0) }
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Literal::Null => f.write_str("NULL"),
            Literal::Bool(b) => f.write_str(if *b { "true" } else { "false" }),
            Literal::Integer(v) => v.fmt(f),
            Literal::Numeric(s) => f.write_str(s),
            Literal::String(s) => Quoted(s).fmt(f),
            Literal::Bits(s) => write!(f, "B'{s}'"),
            Literal::HexBits(s) => write!(f, "X'{s}'"),
        }
    }
}

impl Display for TypeName {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if self.setof {
            f.write_str("SETOF ")?;
        }
        self.name.fmt(f)?;
        if self.pct_type {
            return f.write_str("%TYPE");
        }
        if !self.mods.is_empty() {
            write!(f, "({})", Commas(&self.mods))?;
        }
        for d in &self.dims {
            match d {
                Some(n) => write!(f, "[{n}]")?,
                None => f.write_str("[]")?,
            }
        }
        Ok(())
    }
}

impl Display for Step {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let part = |e: &Option<Expr>| e.as_ref().map(|e| e.to_string()).unwrap_or_default();
        match self {
            Step::Field(i) => write!(f, ".{i}"),
            Step::Star => f.write_str(".*"),
            Step::Index(e) => write!(f, "[{e}]"),
            Step::Slice(a, b) => write!(f, "[{}:{}]", part(a), part(b)),
        }
    }
}

impl Display for IsTest {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            IsTest::Null => "NULL",
            IsTest::NotNull => "NOT NULL",
            IsTest::True => "TRUE",
            IsTest::NotTrue => "NOT TRUE",
            IsTest::False => "FALSE",
            IsTest::NotFalse => "NOT FALSE",
            IsTest::Unknown => "UNKNOWN",
            IsTest::NotUnknown => "NOT UNKNOWN",
        })
    }
}

fn joined(f: &mut Formatter<'_>, list: &[Expr], word: &str) -> Result {
    f.write_str("(")?;
    for (i, e) in list.iter().enumerate() {
        if i > 0 {
            write!(f, " {word} ")?;
        }
        e.fmt(f)?;
    }
    f.write_str(")")
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let not = |n: bool| if n { "NOT " } else { "" };
        match &self.kind {
            ExprKind::Literal(l) => l.fmt(f),
            ExprKind::Param(n) => write!(f, "${n}"),
            ExprKind::Column(c) => {
                for (i, p) in c.parts.iter().enumerate() {
                    if i > 0 {
                        f.write_str(".")?;
                    }
                    p.fmt(f)?;
                }
                match (c.star, c.parts.is_empty()) {
                    (true, true) => f.write_str("*"),
                    (true, false) => f.write_str(".*"),
                    _ => Ok(()),
                }
            }
            ExprKind::Indirection(e, steps) => {
                let open = matches!((&e.kind, steps.first()), (ExprKind::Param(_), _))
                    || matches!(
                        (&e.kind, steps.first()),
                        (ExprKind::Column(_), Some(Step::Index(_) | Step::Slice(..)))
                    );
                if open {
                    e.fmt(f)?;
                } else {
                    write!(f, "({})", **e)?;
                }
                steps.iter().try_for_each(|s| s.fmt(f))
            }
            ExprKind::Op(op) => match &op.left {
                Some(l) => write!(f, "({} {} {})", **l, Operator(&op.op), *op.right),
                None => write!(f, "({} {})", Operator(&op.op), *op.right),
            },
            ExprKind::And(l) => joined(f, l, "AND"),
            ExprKind::Or(l) => joined(f, l, "OR"),
            ExprKind::Not(e) => write!(f, "(NOT {})", **e),
            ExprKind::Is(e, t) => write!(f, "({} IS {t})", **e),
            ExprKind::Distinct { left, right, negated } => {
                write!(f, "({} IS {}DISTINCT FROM {})", **left, not(*negated), **right)
            }
            ExprKind::In { arg, list, negated } => write!(f, "({} {}IN ({}))", **arg, not(*negated), Commas(list)),
            ExprKind::Between(b) => {
                let symmetric = if b.symmetric { "SYMMETRIC " } else { "" };
                write!(f, "({} {}BETWEEN {symmetric}{} AND {})", *b.arg, not(b.negated), *b.low, *b.high)
            }
            ExprKind::Quantified(q) => {
                write!(f, "({} {} {} (", *q.left, Operator(&q.op), if q.all { "ALL" } else { "ANY" })?;
                match &q.right {
                    QuantifiedRight::Array(e) => write!(f, "{}))", **e),
                    QuantifiedRight::Query(s) => write!(f, "{s}))"),
                }
            }
            ExprKind::Cast(e, ty) => write!(f, "{}::{ty}", Attached(e)),
            ExprKind::Collate(e, c) => write!(f, "({} COLLATE {c})", Attached(e)),
            ExprKind::Func(c) => c.fmt(f),
            ExprKind::Case(c) => {
                f.write_str("CASE")?;
                if let Some(o) = &c.operand {
                    write!(f, " {o}")?;
                }
                for (when, then) in &c.whens {
                    write!(f, " WHEN {when} THEN {then}")?;
                }
                if let Some(e) = &c.otherwise {
                    write!(f, " ELSE {e}")?;
                }
                f.write_str(" END")
            }
            ExprKind::Xml(x) => x.fmt(f),
            ExprKind::SqlJson(j) => j.fmt(f),
            ExprKind::Coalesce(l) => write!(f, "COALESCE({})", Commas(l)),
            ExprKind::Greatest(l) => write!(f, "GREATEST({})", Commas(l)),
            ExprKind::Least(l) => write!(f, "LEAST({})", Commas(l)),
            ExprKind::NullIf(a, b) => write!(f, "NULLIF({}, {})", **a, **b),
            ExprKind::Row { fields, explicit } => {
                write!(f, "{}({})", if *explicit { "ROW" } else { "" }, Commas(fields))
            }
            ExprKind::Array(l) => write!(f, "ARRAY[{}]", Commas(l)),
            ExprKind::ArrayQuery(q) => write!(f, "ARRAY({q})"),
            ExprKind::Subquery(q) => write!(f, "({q})"),
            ExprKind::Exists(q) => write!(f, "EXISTS ({q})"),
            ExprKind::SqlValue(v) => {
                f.write_str(&v.keyword().to_ascii_uppercase())?;
                match v {
                    SqlValue::CurrentTime(Some(p))
                    | SqlValue::CurrentTimestamp(Some(p))
                    | SqlValue::LocalTime(Some(p))
                    | SqlValue::LocalTimestamp(Some(p)) => write!(f, "({p})"),
                    _ => Ok(()),
                }
            }
            ExprKind::Grouping(l) => write!(f, "GROUPING({})", Commas(l)),
            ExprKind::Default => f.write_str("DEFAULT"),
            ExprKind::CurrentOf(c) => write!(f, "CURRENT OF {c}"),
        }
    }
}

impl Display for FuncArg {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if let Some(n) = &self.name {
            // A parameter's name may not be a column-name keyword unquoted; `quote_ident` quotes those.
            write!(f, "{n} => ")?;
        }
        self.value.fmt(f)
    }
}

impl Display for FuncCall {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}(", self.name)?;
        if self.star {
            f.write_str("*")?;
        }
        if self.distinct {
            f.write_str("DISTINCT ")?;
        }
        match self.args.split_last() {
            Some((last, rest)) if self.variadic => {
                for a in rest {
                    write!(f, "{a}, ")?;
                }
                write!(f, "VARIADIC {last}")?;
            }
            _ => Commas(&self.args).fmt(f)?,
        }
        if !self.order_by.is_empty() && !self.within_group {
            write!(f, " ORDER BY {}", Commas(&self.order_by))?;
        }
        f.write_str(")")?;
        if self.within_group {
            write!(f, " WITHIN GROUP (ORDER BY {})", Commas(&self.order_by))?;
        }
        if let Some(e) = &self.filter {
            write!(f, " FILTER (WHERE {e})")?;
        }
        match &self.over {
            Some(Over::Named(n)) => write!(f, " OVER {n}"),
            Some(Over::Spec(w)) => write!(f, " OVER {w}"),
            None => Ok(()),
        }
    }
}

impl Display for SortBy {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.expr.fmt(f)?;
        sort_suffix(f, &self.order, self.nulls_first)
    }
}

/// Direction and order of nulls.
pub(super) fn sort_suffix(f: &mut Formatter<'_>, order: &SortOrder, nulls_first: Option<bool>) -> Result {
    match order {
        SortOrder::Default => {}
        SortOrder::Asc => f.write_str(" ASC")?,
        SortOrder::Desc => f.write_str(" DESC")?,
        SortOrder::Using(op) => write!(f, " USING {}", Operator(op))?,
    }
    match nulls_first {
        Some(true) => f.write_str(" NULLS FIRST"),
        Some(false) => f.write_str(" NULLS LAST"),
        None => Ok(()),
    }
}

impl Display for WindowSpec {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str("(")?;
        let mut space = "";
        if let Some(b) = &self.base {
            // An unquoted `rows` and the like would begin the frame.
            write!(f, "\"{}\"", b.value.replace('"', "\"\""))?;
            space = " ";
        }
        if !self.partition_by.is_empty() {
            write!(f, "{space}PARTITION BY {}", Commas(&self.partition_by))?;
            space = " ";
        }
        if !self.order_by.is_empty() {
            write!(f, "{space}ORDER BY {}", Commas(&self.order_by))?;
            space = " ";
        }
        if let Some(frame) = &self.frame {
            write!(f, "{space}{frame}")?;
        }
        f.write_str(")")
    }
}

impl Display for Frame {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let units = match self.units {
            FrameUnits::Rows => "ROWS",
            FrameUnits::Range => "RANGE",
            FrameUnits::Groups => "GROUPS",
        };
        match self.between {
            true => write!(f, "{units} BETWEEN {} AND {}", self.start, self.end)?,
            false => write!(f, "{units} {}", self.start)?,
        }
        f.write_str(match self.exclude {
            FrameExclude::NoOthers => "",
            FrameExclude::CurrentRow => " EXCLUDE CURRENT ROW",
            FrameExclude::Group => " EXCLUDE GROUP",
            FrameExclude::Ties => " EXCLUDE TIES",
        })
    }
}

impl Display for FrameBound {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            FrameBound::UnboundedPreceding => f.write_str("UNBOUNDED PRECEDING"),
            FrameBound::Preceding(e) => write!(f, "{} PRECEDING", **e),
            FrameBound::CurrentRow => f.write_str("CURRENT ROW"),
            FrameBound::Following(e) => write!(f, "{} FOLLOWING", **e),
            FrameBound::UnboundedFollowing => f.write_str("UNBOUNDED FOLLOWING"),
        }
    }
}
