//! JSON_VALUE, JSON_QUERY, JSON_EXISTS and JSON_TABLE, which PostgreSQL 17 has as expressions: kernels that the binder calls
//! (`bind/sqljson.rs`).
//!
//! Arguments are the context item (json, jsonb or a string), the path (NULL where the plan has it), a [`Plan`] as jsonb,
//! the values of PASSING, and then three for every column (a scalar function has one): a NULL of its type, and what DEFAULT
//! … ON EMPTY and DEFAULT … ON ERROR come to. A default that is *lazy* is not among the arguments, as it must not be
//! computed unless it is needed: [`STATE`] and the last columns of a table say where one is (1: ON EMPTY, 2: ON ERROR).
//!
//! Errors of the path and of conversions are what ON ERROR answers; those of the statement (a variable that is not given, a
//! context item that is no JSON) reach the user always.

use super::args::{arity, unexpected};
use super::json_record::populated;
use super::series::Rows;
use crate::ctx::EvalCtx;
use crate::datum::{Datum, TypeRef};
use crate::jsonb::{self, Json, View};
use crate::jsonpath::{self, Call, Found, JsonPath, Variable};
use crate::kernel::{CallInfo, Kernel, KernelBody};
use crate::{io, oid, shape, usertype};
use rustydb_base::{DbError, Result, SqlState};
use std::cell::RefCell;
use std::rc::Rc;

/// The kernel of the scalar functions.
pub const VALUE: &str = "sql_json_expression";
/// The kernel that tells which lazy default a scalar function's answer is; 0 for none.
pub const STATE: &str = "sql_json_state";
/// The kernel of JSON_TABLE.
pub const TABLE: &str = "sql_json_table";

/// Arguments before the values of PASSING.
const FIXED: usize = 3;

/// How a column's value is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// The number of the row.
    Ordinality,
    /// The one scalar found, as JSON_VALUE takes it.
    Scalar,
    /// What is found as JSON, as JSON_QUERY takes it.
    Query,
    /// Whether anything is found.
    Exists,
}

/// What an empty result or an error becomes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the clauses' own words")]
pub enum Behavior {
    Error,
    Null,
    True,
    False,
    Unknown,
    EmptyArray,
    EmptyObject,
    Default,
}

/// When found items are put into an array.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wrapper {
    /// Never; several items are an error.
    Without,
    /// If there are several.
    Conditional,
    /// Always.
    Unconditional,
}

/// One column.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Column {
    /// How its value is made.
    pub kind: Kind,
    /// Its path; empty where the path is an argument.
    pub path: String,
    /// Its name; empty for a scalar function.
    pub name: String,
    /// Wrapper.
    pub wrapper: Wrapper,
    /// A string stays in quotes.
    pub keep_quotes: bool,
    /// ON EMPTY and ON ERROR.
    pub on: [Behavior; 2],
    /// Which of the defaults are lazy.
    pub lazy: [bool; 2],
}

/// The rows that a path yields: their columns, then those of the paths inside.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Plan {
    /// Errors of the paths of rows are errors.
    pub strict: bool,
    /// The path that yields the rows; empty for a scalar function.
    pub path: String,
    /// What the path is called.
    pub name: String,
    /// Names of the variables.
    pub passing: Vec<String>,
    /// Their own columns.
    pub columns: Vec<Column>,
    /// Rows beside each of them.
    pub nested: Vec<Plan>,
}

const KINDS: [(char, Kind); 4] =
    [('o', Kind::Ordinality), ('v', Kind::Scalar), ('q', Kind::Query), ('x', Kind::Exists)];
const WRAPPERS: [(char, Wrapper); 3] =
    [('n', Wrapper::Without), ('c', Wrapper::Conditional), ('u', Wrapper::Unconditional)];
const BEHAVIORS: [(char, Behavior); 8] = [
    ('e', Behavior::Error),
    ('n', Behavior::Null),
    ('t', Behavior::True),
    ('f', Behavior::False),
    ('u', Behavior::Unknown),
    ('a', Behavior::EmptyArray),
    ('o', Behavior::EmptyObject),
    ('d', Behavior::Default),
];

fn letter<T: PartialEq + Copy>(table: &[(char, T)], v: T) -> char {
    table.iter().find(|x| x.1 == v).map_or('?', |x| x.0)
}

fn of_letter<T: Copy>(table: &[(char, T)], c: Option<char>) -> Result<T> {
    table.iter().find(|x| Some(x.0) == c).map(|x| x.1).ok_or_else(broken)
}

#[cold]
fn broken() -> DbError {
    DbError::internal("the plan of a SQL/JSON function is broken")
}

impl Column {
    fn json(&self) -> Json {
        let [on_empty, on_error] = self.on;
        let flag = |b: bool| if b { 'y' } else { 'n' };
        let flags = [
            letter(&KINDS, self.kind),
            letter(&WRAPPERS, self.wrapper),
            flag(self.keep_quotes),
            letter(&BEHAVIORS, on_empty),
            letter(&BEHAVIORS, on_error),
            flag(self.lazy[0]),
            flag(self.lazy[1]),
        ];
        Json::Array(vec![
            Json::String(flags.iter().collect()),
            Json::String(self.path.clone()),
            Json::String(self.name.clone()),
        ])
    }

    fn of(v: Json) -> Result<Column> {
        let Json::Array(v) = v else { return Err(broken()) };
        let Ok([Json::String(flags), Json::String(path), Json::String(name)]) = <[Json; 3]>::try_from(v) else {
            return Err(broken());
        };
        let mut flags = flags.chars();
        Ok(Column {
            kind: of_letter(&KINDS, flags.next())?,
            wrapper: of_letter(&WRAPPERS, flags.next())?,
            keep_quotes: flags.next() == Some('y'),
            on: [of_letter(&BEHAVIORS, flags.next())?, of_letter(&BEHAVIORS, flags.next())?],
            lazy: [flags.next() == Some('y'), flags.next() == Some('y')],
            path,
            name,
        })
    }
}

impl Plan {
    fn json(&self) -> Json {
        Json::Array(vec![
            Json::Bool(self.strict),
            Json::String(self.path.clone()),
            Json::String(self.name.clone()),
            Json::Array(self.passing.iter().map(|n| Json::String(n.clone())).collect()),
            Json::Array(self.columns.iter().map(Column::json).collect()),
            Json::Array(self.nested.iter().map(Plan::json).collect()),
        ])
    }

    fn of(v: Json) -> Result<Plan> {
        let Json::Array(v) = v else { return Err(broken()) };
        let Ok(
            [
                Json::Bool(strict),
                Json::String(path),
                Json::String(name),
                Json::Array(passing),
                Json::Array(columns),
                Json::Array(nested),
            ],
        ) = <[Json; 6]>::try_from(v)
        else {
            return Err(broken());
        };
        let variable = |v: Json| match v {
            Json::String(s) => Ok(s),
            _ => Err(broken()),
        };
        Ok(Plan {
            strict,
            path,
            name,
            passing: passing.into_iter().map(variable).collect::<Result<_>>()?,
            columns: columns.into_iter().map(Column::of).collect::<Result<_>>()?,
            nested: nested.into_iter().map(Plan::of).collect::<Result<_>>()?,
        })
    }

    /// As the kernels' argument.
    pub fn datum(&self) -> Datum {
        Datum::Bytes(jsonb::encode(&self.json()).into())
    }

    /// The plan among a call's arguments.
    pub fn from_datum(d: &Datum) -> Result<Plan> {
        match d {
            Datum::Bytes(b) => Plan::of(Json::of(b)),
            d => Err(unexpected(d)),
        }
    }

    /// Where a column's three arguments begin among a call's.
    pub fn column_args(&self, n: usize) -> usize {
        FIXED + self.passing.len() + 3 * n
    }

    fn width(&self) -> usize {
        self.columns.len() + self.nested.iter().map(Plan::width).sum::<usize>()
    }
}

/// A plan with its paths read and its columns numbered.
struct Node {
    strict: bool,
    path: Option<JsonPath>,
    first: usize,
    columns: Vec<(Column, Option<JsonPath>)>,
    /// For each column the place of its state, if a default of it is lazy.
    states: Vec<Option<usize>>,
    nested: Vec<Node>,
}

fn read(path: &str) -> Result<Option<JsonPath>> {
    if path.is_empty() { Ok(None) } else { jsonpath::parse(path).map(Some) }
}

impl Node {
    /// `next` are the numbers of the next column and of the next state.
    fn of(p: Plan, next: &mut (usize, usize)) -> Result<Node> {
        let first = next.0;
        next.0 += p.columns.len();
        let mut columns = Vec::with_capacity(p.columns.len());
        let mut states = Vec::with_capacity(p.columns.len());
        for c in p.columns {
            states.push(c.lazy.contains(&true).then_some(next.1));
            next.1 += usize::from(c.lazy.contains(&true));
            let path = read(&c.path)?;
            columns.push((c, path));
        }
        let nested = p.nested.into_iter().map(|n| Node::of(n, next)).collect::<Result<_>>()?;
        Ok(Node { strict: p.strict, path: read(&p.path)?, first, columns, states, nested })
    }

    /// Adds the rows of one item. `row` has the values of the columns outside, and gets back what it had.
    fn rows(&self, run: &Run<'_>, target: &[u8], row: &mut Vec<Datum>, out: &mut Vec<Vec<Datum>>) -> Result<()> {
        let path = self.path.as_ref().ok_or_else(broken)?;
        let items = match jsonpath::items(&run.call(target, path)) {
            Err(e) if !self.strict && is_soft(&e) => return Ok(()),
            r => r?,
        };
        let mut number = 0i32;
        for item in &items {
            number = number.saturating_add(1);
            for (i, ((c, path), state)) in self.columns.iter().zip(&self.states).enumerate() {
                let n = self.first + i;
                let (value, which) = match (c.kind, path) {
                    (Kind::Ordinality, _) => (Datum::Int4(number), 0),
                    (_, Some(p)) => match run.value(&item.json, p, c, n)? {
                        Outcome::Value(d) => (d, 0),
                        Outcome::Lazy(which) => (Datum::Null, which),
                    },
                    _ => return Err(broken()),
                };
                *row.get_mut(n).ok_or_else(broken)? = value;
                if let Some(s) = state {
                    *row.get_mut(*s).ok_or_else(broken)? = Datum::Int4(which);
                }
            }
            // Rows of nested paths stand one after the other; without any the item has a row of its own.
            let before = out.len();
            for n in &self.nested {
                n.rows(run, &item.json, row, out)?;
            }
            if out.len() == before {
                out.push(row.clone());
            }
        }
        row.iter_mut().skip(self.first).take(self.columns.len()).for_each(|d| *d = Datum::Null);
        for s in self.states.iter().flatten() {
            *row.get_mut(*s).ok_or_else(broken)? = Datum::Null;
        }
        Ok(())
    }
}

/// A plan made ready, with the width of its rows.
struct Ready {
    node: Node,
    passing: Vec<String>,
    width: usize,
}

/// How many plans a thread keeps ready.
const KEPT: usize = 16;

thread_local! {
    /// The plans that this thread used last, by their datum: a statement uses a few for many rows.
    static PLANS: RefCell<Vec<(Box<[u8]>, Rc<Ready>)>> = const { RefCell::new(Vec::new()) };
}

fn ready(d: &Datum) -> Result<Rc<Ready>> {
    let Datum::Bytes(b) = d else { return Err(unexpected(d)) };
    PLANS.with_borrow_mut(|kept| {
        if let Some((_, r)) = kept.iter().find(|k| *k.0 == **b) {
            return Ok(Rc::clone(r));
        }
        let plan = Plan::from_datum(d)?;
        let columns = plan.width();
        let passing = plan.passing.clone();
        let mut next = (0, columns);
        let node = Node::of(plan, &mut next)?;
        let r = Rc::new(Ready { node, passing, width: next.1 });
        if kept.len() >= KEPT {
            kept.remove(0);
        }
        kept.push((b[..].into(), Rc::clone(&r)));
        Ok(r)
    })
}

/// An error that ON ERROR answers: of data, not of the statement.
fn is_soft(e: &DbError) -> bool {
    matches!(&e.code.0[..2], b"22" | b"23")
}

/// An error of a conversion that ON ERROR answers: input functions also complain of names and missing features.
fn is_soft_input(e: &DbError) -> bool {
    !matches!(&e.code.0[..2], b"53" | b"54" | b"57" | b"58" | b"P0" | b"XX" | b"40")
}

/// How a value fails.
enum Fail {
    Soft(DbError),
    Hard(DbError),
}

type Done<T> = std::result::Result<T, Fail>;

fn path_error(e: DbError) -> Fail {
    if is_soft(&e) { Fail::Soft(e) } else { Fail::Hard(e) }
}

fn input_error(e: DbError) -> Fail {
    if is_soft_input(&e) { Fail::Soft(e) } else { Fail::Hard(e) }
}

/// A column's value.
enum Outcome {
    Value(Datum),
    /// A lazy default: of ON EMPTY (1) or of ON ERROR (2).
    Lazy(i32),
}

/// What a call has for all its rows.
struct Run<'a> {
    ctx: &'a EvalCtx,
    info: &'a CallInfo<'a>,
    args: &'a [Datum],
    vars: Vec<(&'a str, Variable)>,
}

impl<'a> Run<'a> {
    fn new(ctx: &'a EvalCtx, info: &'a CallInfo<'a>, args: &'a [Datum], passing: &'a [String]) -> Result<Run<'a>> {
        let mut vars = Vec::with_capacity(passing.len());
        for (i, name) in passing.iter().enumerate() {
            let (Some(ty), Some(d)) = (info.args.get(FIXED + i), args.get(FIXED + i)) else { return Err(broken()) };
            vars.push((name.as_str(), jsonpath::variable(ctx, *ty, d)?));
        }
        Ok(Run { ctx, info, args, vars })
    }

    fn call<'b>(&'b self, target: &'b [u8], path: &'b JsonPath) -> Call<'b> {
        Call { ctx: self.ctx, target, path, vars: None, named: &self.vars, silent: false, zoned: true }
    }

    /// Where the arguments of a column begin.
    fn at(&self, n: usize) -> usize {
        FIXED + self.vars.len() + 3 * n
    }

    /// The type of a column.
    fn ty(&self, n: usize) -> Result<TypeRef> {
        self.info.args.get(self.at(n)).copied().ok_or_else(broken)
    }

    /// What a clause (`which` 0: ON EMPTY, 1: ON ERROR) makes of a column.
    fn behave(&self, c: &Column, n: usize, which: usize) -> Result<Outcome> {
        let b = c.on.get(which).copied().ok_or_else(broken)?;
        if b == Behavior::Default && c.lazy.get(which) == Some(&true) {
            return Ok(Outcome::Lazy(if which == 0 { 1 } else { 2 }));
        }
        let ty = self.ty(n)?;
        let made = match b {
            Behavior::Error => Err(broken()),
            Behavior::Null | Behavior::Unknown => self.checked(ty, Datum::Null),
            Behavior::True => self.truth(ty, true),
            Behavior::False => self.truth(ty, false),
            Behavior::EmptyArray => self.as_json(ty, true, &jsonb::encode(&Json::Array(vec![]))),
            Behavior::EmptyObject => self.as_json(ty, true, &jsonb::encode(&Json::Object(vec![]))),
            Behavior::Default => self.default(ty, n, which),
        };
        made.map(Outcome::Value).map_err(|e| {
            if c.on.get(1) == Some(&Behavior::Error) || !is_soft_input(&e) {
                return e;
            }
            let clause = if which == 0 { "EMPTY" } else { "ERROR" };
            let word = match b {
                Behavior::Error => "ERROR",
                Behavior::Null => "NULL",
                Behavior::True => "TRUE",
                Behavior::False => "FALSE",
                Behavior::Unknown => "UNKNOWN",
                Behavior::EmptyArray => "EMPTY ARRAY",
                Behavior::EmptyObject => "EMPTY OBJECT",
                Behavior::Default => "DEFAULT",
            };
            DbError::new(
                SqlState::DATATYPE_MISMATCH,
                format!("could not coerce ON {clause} expression ({word}) to the RETURNING type"),
            )
            .detail(e.message.to_string())
        })
    }

    fn default(&self, ty: TypeRef, n: usize, which: usize) -> Result<Datum> {
        let at = self.at(n) + 1 + which;
        let (Some(d), Some(own)) = (self.args.get(at), self.info.args.get(at)) else { return Err(broken()) };
        match d {
            Datum::Bytes(b) if own.oid == oid::JSONB && usertype::base(ty).oid != oid::JSONB => {
                self.as_json(ty, true, b)
            }
            d => self.checked(ty, d.clone()),
        }
    }

    /// A column's value of one item.
    fn value(&self, target: &[u8], path: &JsonPath, c: &Column, n: usize) -> Result<Outcome> {
        match self.found(target, path, c, n) {
            Ok(Some(d)) => Ok(Outcome::Value(d)),
            Ok(None) if c.on[0] == Behavior::Error => {
                let of = if c.name.is_empty() { String::new() } else { format!(" of column \"{}\"", c.name) };
                let message = format!("no SQL/JSON item found for specified path{of}");
                Err(DbError::new(SqlState::NO_SQL_JSON_ITEM, message))
            }
            Ok(None) => self.behave(c, n, 0),
            Err(Fail::Soft(_)) if c.on[1] != Behavior::Error => self.behave(c, n, 1),
            Err(Fail::Soft(e) | Fail::Hard(e)) => Err(e),
        }
    }

    /// The value that the path finds; `None` if it finds nothing.
    fn found(&self, target: &[u8], path: &JsonPath, c: &Column, n: usize) -> Done<Option<Datum>> {
        let ty = self.ty(n).map_err(Fail::Hard)?;
        let call = self.call(target, path);
        if c.kind == Kind::Exists {
            let found = jsonpath::exists(&call).map_err(path_error)?;
            return match found {
                Some(b) => self.truth(ty, b).map(Some).map_err(input_error),
                None => Ok(Some(Datum::Null)),
            };
        }
        let found = jsonpath::items(&call).map_err(path_error)?;
        if found.is_empty() {
            return Ok(None);
        }
        if c.kind == Kind::Scalar { self.scalar(ty, c, &found) } else { self.query(ty, c, &found) }.map(Some)
    }

    fn scalar(&self, ty: TypeRef, c: &Column, found: &[Found]) -> Done<Datum> {
        let wrong = |code| {
            let what =
                if c.name.is_empty() { "in JSON_VALUE".to_owned() } else { format!("for column \"{}\"", c.name) };
            Err(Fail::Soft(DbError::new(code, format!("JSON path expression {what} must return single scalar item"))))
        };
        let [item] = found else { return wrong(SqlState::MORE_THAN_ONE_SQL_JSON_ITEM) };
        let view = View::of(&item.json);
        if !view.is_scalar() {
            return wrong(SqlState::SQL_JSON_SCALAR_REQUIRED);
        }
        let base = usertype::base(ty);
        let made = match view {
            View::Null => Ok(Datum::Null),
            _ if usertype::is_domain(ty.oid) => return self.as_json(ty, false, &item.json).map_err(input_error),
            _ if matches!(base.oid, oid::JSON | oid::JSONB) => populated(self.ctx, base, &item.json),
            View::String(s) => match item.sql_text(self.ctx) {
                Some(t) => t.and_then(|t| io::text_in(self.ctx, base, &t)),
                None => io::text_in(self.ctx, base, s),
            },
            View::Bool(b) => io::text_in(self.ctx, base, if b { "t" } else { "f" }),
            _ => io::text_in(self.ctx, base, &shown(&item.json)),
        };
        made.and_then(|d| self.checked(ty, d)).map_err(input_error)
    }

    fn query(&self, ty: TypeRef, c: &Column, found: &[Found]) -> Done<Datum> {
        let wrap = match c.wrapper {
            Wrapper::Without => false,
            Wrapper::Conditional => found.len() > 1,
            Wrapper::Unconditional => true,
        };
        if wrap {
            let all = Json::Array(found.iter().map(|b| Json::of(&b.json)).collect());
            return self.as_json(ty, c.keep_quotes, &jsonb::encode(&all)).map_err(input_error);
        }
        let [item] = found else {
            let what =
                if c.name.is_empty() { "in JSON_QUERY".to_owned() } else { format!("for column \"{}\"", c.name) };
            return Err(Fail::Soft(
                DbError::new(
                    SqlState::MORE_THAN_ONE_SQL_JSON_ITEM,
                    format!("JSON path expression {what} must return single item when no wrapper is requested"),
                )
                .hint("Use the WITH WRAPPER clause to wrap SQL/JSON items into an array."),
            ));
        };
        self.as_json(ty, c.keep_quotes, &item.json).map_err(input_error)
    }

    /// JSON as a value of a type.
    fn as_json(&self, ty: TypeRef, keep_quotes: bool, item: &[u8]) -> Result<Datum> {
        let base = usertype::base(ty);
        let quoted = matches!(View::of(item), View::String(_));
        let d = match View::of(item) {
            View::String(s) if !keep_quotes => io::text_in(self.ctx, base, s)?,
            // A null is JSON's own here.
            _ if base.oid == oid::JSONB => Datum::Bytes(item.to_vec().into()),
            _ if base.oid == oid::JSON => Datum::Text(shown(item).into()),
            _ if quoted && oid::array_element(base.oid).is_some() => {
                return Err(DbError::new(SqlState::INVALID_TEXT_REPRESENTATION, "expected JSON array"));
            }
            _ if quoted && oid::type_info(base.oid).is_none() && shape::fields(base.typmod).is_some() => {
                let message = "cannot call populate_composite on a scalar";
                return Err(DbError::new(SqlState::INVALID_PARAMETER_VALUE, message));
            }
            _ if quoted || matches!(base.oid, oid::TEXT | oid::VARCHAR | oid::BPCHAR) => {
                io::text_in(self.ctx, base, &shown(item))?
            }
            _ => populated(self.ctx, base, item)?,
        };
        self.checked(ty, d)
    }

    fn checked(&self, ty: TypeRef, d: Datum) -> Result<Datum> {
        if usertype::is_domain(ty.oid) {
            self.ctx.session.check_domain(self.ctx, ty.oid, &d)?;
        }
        Ok(d)
    }

    /// A truth value as a value of a type.
    fn truth(&self, ty: TypeRef, b: bool) -> Result<Datum> {
        match usertype::base(ty).oid {
            oid::BOOL => self.checked(ty, Datum::Bool(b)),
            oid::INT4 => self.checked(ty, Datum::Int4(i32::from(b))),
            _ => self.as_json(ty, true, &jsonb::encode(&Json::Bool(b))),
        }
    }
}

fn shown(item: &[u8]) -> String {
    let mut out = String::new();
    jsonb::write_text(item, &mut out);
    out
}

/// The context item in its stored form; `None` for NULL.
fn context(d: &Datum) -> Result<Option<std::borrow::Cow<'_, [u8]>>> {
    Ok(match d {
        Datum::Null => None,
        Datum::Bytes(b) => Some(b[..].into()),
        Datum::Text(s) => Some(jsonb::encode(&jsonb::parse(s)?).into()),
        d => return Err(unexpected(d)),
    })
}

fn table(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Rows> {
    let [target, _, plan, ..] = args else { return Err(arity(args.len())) };
    let Some(target) = context(target)? else { return Ok(Box::new(std::iter::empty())) };
    let ready = ready(plan)?;
    let run = Run::new(ctx, info, args, &ready.passing)?;
    let mut out = Vec::new();
    ready.node.rows(&run, &target, &mut vec![Datum::Null; ready.width], &mut out)?;
    Ok(Box::new(out.into_iter().map(Ok)))
}

fn outcome(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Outcome> {
    let [target, path, plan, ..] = args else { return Err(arity(args.len())) };
    let Some(target) = context(target)? else { return Ok(Outcome::Value(Datum::Null)) };
    let ready = ready(plan)?;
    let (column, own) = ready.node.columns.first().ok_or_else(broken)?;
    let given;
    let path = match (own, path) {
        (Some(p), _) => p,
        (None, Datum::Null) => return Ok(Outcome::Value(Datum::Null)),
        (None, Datum::Text(p)) => {
            given = jsonpath::parse_cached(p)?;
            &*given
        }
        (None, d) => return Err(unexpected(d)),
    };
    Run::new(ctx, info, args, &ready.passing)?.value(&target, path, column, 0)
}

fn scalar(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    Ok(match outcome(ctx, info, args)? {
        Outcome::Value(d) => d,
        Outcome::Lazy(_) => Datum::Null,
    })
}

fn state(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    Ok(Datum::Int4(match outcome(ctx, info, args)? {
        Outcome::Value(_) => 0,
        Outcome::Lazy(which) => which,
    }))
}

/// Kernels of this module; no name is one of PostgreSQL's functions.
pub const KERNELS: &[Kernel] = &[
    Kernel { name: VALUE, body: KernelBody::Scalar(scalar) },
    Kernel { name: STATE, body: KernelBody::Scalar(state) },
    Kernel { name: TABLE, body: KernelBody::Set(table) },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_survive_their_datum() {
        let column = |name: &str, kind| Column {
            kind,
            path: "$.\"a\"".into(),
            name: name.into(),
            wrapper: Wrapper::Conditional,
            keep_quotes: false,
            on: [Behavior::Default, Behavior::Error],
            lazy: [true, false],
        };
        let inner = Plan { path: "$.b[*]".into(), columns: vec![column("x", Kind::Exists)], ..Plan::default() };
        let outer = Plan {
            strict: true,
            path: "$".into(),
            name: "p".into(),
            passing: vec!["v".into()],
            columns: vec![column("n", Kind::Ordinality), column("v", Kind::Scalar)],
            nested: vec![inner],
        };
        assert_eq!(Plan::from_datum(&outer.datum()).unwrap(), outer);
    }
}
