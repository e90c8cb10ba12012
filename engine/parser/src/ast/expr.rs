//! Expressions and type names.

use super::{Ident, Name, Pos, Query, SortBy};
use std::ops::{Deref, DerefMut};

/// An expression with the place an error about it points at.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Its place.
    pub pos: Pos,
}

/// Expressions are equal by structure, wherever they stand; only queries inside them compare their places too.
impl PartialEq for Expr {
    fn eq(&self, other: &Expr) -> bool {
        self.kind == other.kind
    }
}

impl Expr {
    /// An expression at a place.
    pub fn new(kind: ExprKind, pos: Pos) -> Expr {
        Expr { kind, pos }
    }
    /// A NULL constant.
    pub fn null(pos: Pos) -> Expr {
        Expr::new(ExprKind::Literal(Literal::Null), pos)
    }
    /// Where its text begins, for errors about the expression as a whole: the leftmost place of an operation's operands.
    pub fn start(&self) -> Pos {
        let mut pos = self.pos;
        let mut e = self;
        loop {
            let next: &Expr = match &e.kind {
                ExprKind::Op(op) => match &op.left {
                    Some(l) => l,
                    None => return pos,
                },
                ExprKind::Is(e, _)
                | ExprKind::Distinct { left: e, .. }
                | ExprKind::Cast(e, _)
                | ExprKind::Collate(e, _)
                | ExprKind::In { arg: e, .. } => e,
                ExprKind::Quantified(q) => &q.left,
                ExprKind::Between(b) => &b.arg,
                ExprKind::And(l) | ExprKind::Or(l) => match l.first() {
                    Some(e) => e,
                    None => return pos,
                },
                _ => return pos,
            };
            pos = pos.min(next.pos);
            e = next;
        }
    }
    /// The operand that a chain of left-associative or postfix operators hangs on.
    fn first_operand(&mut self) -> Option<&mut ExprBox> {
        match &mut self.kind {
            ExprKind::Op(op) => op.left.as_mut().or(Some(&mut op.right)),
            ExprKind::Not(e)
            | ExprKind::Is(e, _)
            | ExprKind::Distinct { left: e, .. }
            | ExprKind::Cast(e, _)
            | ExprKind::Collate(e, _)
            | ExprKind::Indirection(e, _)
            | ExprKind::In { arg: e, .. } => Some(e),
            ExprKind::Quantified(q) => Some(&mut q.left),
            ExprKind::Between(b) => Some(&mut b.arg),
            _ => None,
        }
    }
}

/// An owned sub-expression. It differs from `Box<Expr>` only in that dropping a long chain (`1 + 1 + …`) does not recurse.
#[derive(Clone, PartialEq, Debug)]
pub struct ExprBox(Box<Expr>);

impl From<Expr> for ExprBox {
    fn from(e: Expr) -> ExprBox {
        ExprBox(Box::new(e))
    }
}

impl ExprBox {
    /// The expression itself.
    pub fn into_inner(mut self) -> Expr {
        std::mem::replace(&mut *self.0, Expr::null(0))
    }
}

impl Deref for ExprBox {
    type Target = Expr;
    fn deref(&self) -> &Expr {
        &self.0
    }
}

impl DerefMut for ExprBox {
    fn deref_mut(&mut self) -> &mut Expr {
        &mut self.0
    }
}

impl Drop for ExprBox {
    fn drop(&mut self) {
        // Each turn takes the grandchild out before its parent is freed, so no drop below recurses along the chain.
        let mut next = self.0.first_operand().map(|c| std::mem::replace(&mut **c, Expr::null(0)));
        while let Some(mut e) = next {
            next = e.first_operand().map(|c| std::mem::replace(&mut **c, Expr::null(0)));
        }
    }
}

/// What an expression is.
#[derive(Clone, PartialEq, Debug)]
pub enum ExprKind {
    /// A constant.
    Literal(Literal),
    /// `$n`, n ≥ 1.
    Param(u32),
    /// `a`, `t.a`, `s.t.a`, `db.s.t.a`, and with `star` `*`, `t.*`, `s.t.*`.
    Column(ColumnRef),
    /// Field selection, subscripts and `(x).*` on a value.
    Indirection(ExprBox, Vec<Step>),
    /// An operator call.
    Op(Box<Op>),
    /// Two or more operands.
    And(Vec<Expr>),
    /// Two or more operands.
    Or(Vec<Expr>),
    /// NOT.
    Not(ExprBox),
    /// `x IS …`.
    Is(ExprBox, IsTest),
    /// `a IS [NOT] DISTINCT FROM b`.
    Distinct {
        /// Left operand.
        left: ExprBox,
        /// Right operand.
        right: ExprBox,
        /// IS NOT DISTINCT FROM.
        negated: bool,
    },
    /// `x [NOT] IN (a, b, …)`.
    In {
        /// Tested value.
        arg: ExprBox,
        /// Candidates, at least one.
        list: Vec<Expr>,
        /// NOT IN.
        negated: bool,
    },
    /// `x [NOT] BETWEEN …`.
    Between(Box<Between>),
    /// `x op ANY|ALL (array or query)`; `IN (query)` is `= ANY`.
    Quantified(Box<Quantified>),
    /// `CAST(x AS t)`, `x::t`, `t 'literal'`.
    Cast(ExprBox, Box<TypeName>),
    /// `x COLLATE c`.
    Collate(ExprBox, Box<Name>),
    /// A function, aggregate or window function call.
    Func(Box<FuncCall>),
    /// CASE.
    Case(Box<Case>),
    /// XMLCONCAT and its kin.
    Xml(Box<super::XmlExpr>),
    /// JSON_VALUE and its kin.
    SqlJson(Box<super::SqlJson>),
    /// COALESCE, at least one argument.
    Coalesce(Vec<Expr>),
    /// GREATEST, at least one argument.
    Greatest(Vec<Expr>),
    /// LEAST, at least one argument.
    Least(Vec<Expr>),
    /// NULLIF.
    NullIf(ExprBox, ExprBox),
    /// `ROW(a, b)`, or `(a, b)` when not `explicit`.
    Row {
        /// The fields.
        fields: Vec<Expr>,
        /// Written with ROW.
        explicit: bool,
    },
    /// `ARRAY[…]`; an element that is itself `[…]` is an `Array` too.
    Array(Vec<Expr>),
    /// `ARRAY(query)`.
    ArrayQuery(Box<Query>),
    /// `(query)` as a value.
    Subquery(Box<Query>),
    /// `EXISTS (query)`.
    Exists(Box<Query>),
    /// CURRENT_DATE and its kin.
    SqlValue(SqlValue),
    /// `GROUPING(a, b)`.
    Grouping(Vec<Expr>),
    /// `DEFAULT` as a value in INSERT or UPDATE.
    Default,
    /// `WHERE CURRENT OF cursor`.
    CurrentOf(Ident),
}

/// A constant.
#[derive(Clone, PartialEq, Debug)]
pub enum Literal {
    /// NULL.
    Null,
    /// TRUE or FALSE.
    Bool(bool),
    /// A number without point or exponent that fits: int4 if it fits there, else int8.
    Integer(i64),
    /// Any other number, as written; numeric.
    Numeric(String),
    /// A string of unknown type.
    String(String),
    /// `B'101'`: only 0 and 1.
    Bits(String),
    /// `X'1F'`: only hexadecimal digits; four bits each.
    HexBits(String),
}

/// A column reference.
#[derive(Clone, PartialEq, Debug)]
pub struct ColumnRef {
    /// The names; empty only for a lone `*`.
    pub parts: Vec<Ident>,
    /// Whether `*` follows them.
    pub star: bool,
}

/// One step into a value.
#[derive(Clone, PartialEq, Debug)]
pub enum Step {
    /// `.name`.
    Field(Ident),
    /// `.*`, only as the last step.
    Star,
    /// `[i]`.
    Index(Expr),
    /// `[a:b]`, either bound optional.
    Slice(Option<Expr>, Option<Expr>),
}

/// An operator call.
#[derive(Clone, PartialEq, Debug)]
pub struct Op {
    /// The operator; qualified when written `OPERATOR(s.+)`.
    pub op: Name,
    /// Left operand; `None` for a prefix operator.
    pub left: Option<ExprBox>,
    /// Right operand.
    pub right: ExprBox,
}

/// What IS tests.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum IsTest {
    Null,
    NotNull,
    True,
    NotTrue,
    False,
    NotFalse,
    Unknown,
    NotUnknown,
}

/// BETWEEN.
#[derive(Clone, PartialEq, Debug)]
pub struct Between {
    /// Tested value.
    pub arg: ExprBox,
    /// First bound.
    pub low: ExprBox,
    /// Second bound.
    pub high: ExprBox,
    /// BETWEEN SYMMETRIC.
    pub symmetric: bool,
    /// NOT BETWEEN.
    pub negated: bool,
}

/// `left op ANY|ALL (right)`.
#[derive(Clone, PartialEq, Debug)]
pub struct Quantified {
    /// Left operand; may be a row before a query.
    pub left: ExprBox,
    /// The operator.
    pub op: Name,
    /// ALL instead of ANY.
    pub all: bool,
    /// The right side.
    pub right: QuantifiedRight,
}

/// Right side of a quantified comparison.
#[derive(Clone, PartialEq, Debug)]
pub enum QuantifiedRight {
    /// An array value.
    Array(ExprBox),
    /// A query.
    Query(Box<Query>),
}

/// A function call with everything that may hang on it.
#[derive(Clone, PartialEq, Debug)]
pub struct FuncCall {
    /// The function.
    pub name: Name,
    /// Arguments, positional first.
    pub args: Vec<FuncArg>,
    /// `f(*)`.
    pub star: bool,
    /// `f(DISTINCT …)`.
    pub distinct: bool,
    /// The last argument is `VARIADIC array`.
    pub variadic: bool,
    /// ORDER BY inside the parentheses, or of WITHIN GROUP.
    pub order_by: Vec<SortBy>,
    /// `order_by` belongs to WITHIN GROUP.
    pub within_group: bool,
    /// FILTER (WHERE …).
    pub filter: Option<Expr>,
    /// OVER.
    pub over: Option<Over>,
}

/// A function argument.
#[derive(Clone, PartialEq, Debug)]
pub struct FuncArg {
    /// Name of a named argument.
    pub name: Option<Ident>,
    /// Value.
    pub value: Expr,
}

/// OVER.
#[derive(Clone, PartialEq, Debug)]
pub enum Over {
    /// `OVER w`.
    Named(Ident),
    /// `OVER (…)`.
    Spec(WindowSpec),
}

/// A window definition.
#[derive(Clone, PartialEq, Debug)]
pub struct WindowSpec {
    /// The window it is based on.
    pub base: Option<Ident>,
    /// PARTITION BY.
    pub partition_by: Vec<Expr>,
    /// ORDER BY.
    pub order_by: Vec<SortBy>,
    /// Frame clause.
    pub frame: Option<Frame>,
    /// Where it begins.
    pub pos: Pos,
}

/// A window frame.
#[derive(Clone, PartialEq, Debug)]
pub struct Frame {
    /// ROWS, RANGE or GROUPS.
    pub units: FrameUnits,
    /// First bound.
    pub start: FrameBound,
    /// Second bound; CURRENT ROW when the text has only one.
    pub end: FrameBound,
    /// Whether the text has both.
    pub between: bool,
    /// EXCLUDE.
    pub exclude: FrameExclude,
    /// Where the clause begins.
    pub pos: Pos,
}

/// What frame offsets count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum FrameUnits {
    Rows,
    Range,
    Groups,
}

/// A frame bound.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum FrameBound {
    UnboundedPreceding,
    Preceding(ExprBox),
    CurrentRow,
    Following(ExprBox),
    UnboundedFollowing,
}

/// Rows left out of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum FrameExclude {
    NoOthers,
    CurrentRow,
    Group,
    Ties,
}

/// CASE.
#[derive(Clone, PartialEq, Debug)]
pub struct Case {
    /// The value compared with each WHEN.
    pub operand: Option<Expr>,
    /// WHEN … THEN …, at least one.
    pub whens: Vec<(Expr, Expr)>,
    /// ELSE.
    pub otherwise: Option<Expr>,
}

/// The values that SQL writes without parentheses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum SqlValue {
    CurrentDate,
    CurrentTime(Option<i32>),
    CurrentTimestamp(Option<i32>),
    LocalTime(Option<i32>),
    LocalTimestamp(Option<i32>),
    CurrentRole,
    CurrentUser,
    User,
    SessionUser,
    CurrentCatalog,
    CurrentSchema,
}

impl SqlValue {
    /// The keyword, in lower case; it is also the column's label.
    pub fn keyword(self) -> &'static str {
        match self {
            SqlValue::CurrentDate => "current_date",
            SqlValue::CurrentTime(_) => "current_time",
            SqlValue::CurrentTimestamp(_) => "current_timestamp",
            SqlValue::LocalTime(_) => "localtime",
            SqlValue::LocalTimestamp(_) => "localtimestamp",
            SqlValue::CurrentRole => "current_role",
            SqlValue::CurrentUser => "current_user",
            SqlValue::User => "user",
            SqlValue::SessionUser => "session_user",
            SqlValue::CurrentCatalog => "current_catalog",
            SqlValue::CurrentSchema => "current_schema",
        }
    }
}

/// A type as written: `numeric(10,2)[]`, `pg_catalog.int4`, `t.a%TYPE`.
///
/// The words that SQL reserves for types are resolved: `int` is `pg_catalog.int4`, `char` is `pg_catalog.bpchar` with
/// modifier 1, `float(30)` is `pg_catalog.float8`. An interval's fields are its first modifier, as a bit mask
/// (see [`interval_mask`]), its precision the second.
#[derive(Clone, PartialEq, Debug)]
pub struct TypeName {
    /// Name.
    pub name: Name,
    /// Modifiers in parentheses.
    pub mods: Vec<Expr>,
    /// One entry per `[]`, with the size if one is written (PostgreSQL ignores it).
    pub dims: Vec<Option<i32>>,
    /// SETOF.
    pub setof: bool,
    /// `name` is a column, whose type is meant.
    pub pct_type: bool,
}

/// Bits of an interval's field mask: PostgreSQL's, since clients see them in `atttypmod`.
pub mod interval_mask {
    /// MONTH.
    pub const MONTH: i32 = 1 << 1;
    /// YEAR.
    pub const YEAR: i32 = 1 << 2;
    /// DAY.
    pub const DAY: i32 = 1 << 3;
    /// HOUR.
    pub const HOUR: i32 = 1 << 10;
    /// MINUTE.
    pub const MINUTE: i32 = 1 << 11;
    /// SECOND.
    pub const SECOND: i32 = 1 << 12;
    /// No restriction.
    pub const FULL: i32 = 0x7FFF;
}

/// The label PostgreSQL gives an unaliased output column; `None` stands for `?column?`.
pub fn column_label(e: &Expr) -> Option<&str> {
    label(e).map(|l| l.0)
}

/// Label and strength: a type name (strength 1) yields to a better name of what is cast (strength 2).
fn label(e: &Expr) -> Option<(&str, u8)> {
    fn strong(s: &str) -> Option<(&str, u8)> {
        Some((s, 2))
    }
    match &e.kind {
        ExprKind::Column(c) => c.parts.last().and_then(|i| strong(&i.value)),
        ExprKind::Indirection(arg, steps) => {
            let field = steps.iter().rev().find_map(|s| match s {
                Step::Field(f) => Some(f.value.as_str()),
                _ => None,
            });
            field.map(|f| (f, 2)).or_else(|| label(arg))
        }
        ExprKind::Func(f) => strong(&f.name.name.value),
        ExprKind::NullIf(..) => strong("nullif"),
        ExprKind::Cast(arg, ty) => match label(arg) {
            Some((l, 2)) => strong(l),
            _ => Some((&ty.name.name.value, 1)),
        },
        ExprKind::Collate(arg, _) => label(arg),
        ExprKind::Grouping(_) => strong("grouping"),
        ExprKind::Exists(_) => strong("exists"),
        ExprKind::ArrayQuery(_) | ExprKind::Array(_) => strong("array"),
        ExprKind::Subquery(q) => match q.first_target() {
            Some(t) => match &t.alias {
                Some(a) => strong(&a.value),
                // What the query's column is called counts, be it nothing.
                None => Some((label(&t.expr).map_or("?column?", |l| l.0), 2)),
            },
            None if q.begins_with_values() => strong("column1"),
            None => None,
        },
        ExprKind::Case(c) => match c.otherwise.as_ref().and_then(label) {
            Some((l, 2)) => strong(l),
            _ => Some(("case", 1)),
        },
        ExprKind::Row { .. } => strong("row"),
        ExprKind::Xml(x) => x.op.label().and_then(strong),
        ExprKind::SqlJson(j) => j.label().and_then(strong),
        ExprKind::Coalesce(_) => strong("coalesce"),
        ExprKind::Greatest(_) => strong("greatest"),
        ExprKind::Least(_) => strong("least"),
        ExprKind::SqlValue(v) => strong(v.keyword()),
        _ => None,
    }
}
