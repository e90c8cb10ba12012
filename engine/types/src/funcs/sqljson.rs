//! JSON_VALUE, JSON_QUERY, JSON_EXISTS and JSON_TABLE, which PostgreSQL 17 has as expressions: kernels that the binder calls
//! (`bind/sqljson.rs`).
//!
//! Their arguments are the context item, the variables' values, the path, a [`Plan`] as text, and for every column (a
//! scalar function has one) what DEFAULT … ON EMPTY and DEFAULT … ON ERROR come to; the types of these are the columns'
//! types. Dates passed as variables are strings, where PostgreSQL keeps their type.

use super::args::{arity, unexpected};
use super::json_record::populated;
use super::series::Rows;
use crate::ctx::EvalCtx;
use crate::datum::{Datum, TypeRef};
use crate::jsonb::{self, Json, View};
use crate::jsonpath::{self, Call, JsonPath};
use crate::kernel::{CallInfo, Kernel, KernelBody};
use crate::{io, oid, usertype};
use rustydb_base::{DbError, Result, SqlState};
use std::rc::Rc;

/// Arguments before the columns' defaults.
const FIXED: usize = 4;

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
    /// Its path; empty for a scalar function, whose path is an argument.
    pub path: String,
    /// Its name; empty for a scalar function.
    pub name: String,
    /// Wrapper.
    pub wrapper: Wrapper,
    /// A string stays in quotes.
    pub keep_quotes: bool,
    /// ON EMPTY.
    pub on_empty: Behavior,
    /// ON ERROR.
    pub on_error: Behavior,
}

/// The rows that a path yields: their columns, then those of the paths inside.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Plan {
    /// Errors of the paths of rows are errors.
    pub strict: bool,
    /// The path that yields the rows.
    pub path: String,
    /// Their own columns.
    pub columns: Vec<Column>,
    /// Rows beside each of them.
    pub nested: Vec<Plan>,
}

const KINDS: [(char, Kind); 4] =
    [('o', Kind::Ordinality), ('v', Kind::Scalar), ('q', Kind::Query), ('x', Kind::Exists)];
const WRAPPERS: [(char, Wrapper); 3] =
    [('n', Wrapper::Without), ('c', Wrapper::Conditional), ('u', Wrapper::Unconditional)];
const BEHAVIORS: [(char, Behavior); 7] = [
    ('e', Behavior::Error),
    ('n', Behavior::Null),
    ('t', Behavior::True),
    ('f', Behavior::False),
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
        let flags = [
            letter(&KINDS, self.kind),
            letter(&WRAPPERS, self.wrapper),
            if self.keep_quotes { 'k' } else { 'o' },
            letter(&BEHAVIORS, self.on_empty),
            letter(&BEHAVIORS, self.on_error),
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
            keep_quotes: flags.next() == Some('k'),
            on_empty: of_letter(&BEHAVIORS, flags.next())?,
            on_error: of_letter(&BEHAVIORS, flags.next())?,
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
            Json::Array(self.columns.iter().map(Column::json).collect()),
            Json::Array(self.nested.iter().map(Plan::json).collect()),
        ])
    }

    fn of(v: Json) -> Result<Plan> {
        let Json::Array(v) = v else { return Err(broken()) };
        let Ok([Json::Bool(strict), Json::String(path), Json::Array(columns), Json::Array(nested)]) =
            <[Json; 4]>::try_from(v)
        else {
            return Err(broken());
        };
        let columns = columns.into_iter().map(Column::of).collect::<Result<_>>()?;
        let nested = nested.into_iter().map(Plan::of).collect::<Result<_>>()?;
        Ok(Plan { strict, path, columns, nested })
    }

    /// As the kernels' argument.
    pub fn datum(&self) -> Datum {
        Datum::Bytes(jsonb::encode(&self.json()).into())
    }

    fn from_datum(d: &Datum) -> Result<Plan> {
        match d {
            Datum::Bytes(b) => Plan::of(Json::of(b)),
            d => Err(unexpected(d)),
        }
    }
}

/// An error that ON ERROR answers: of data, not of the statement.
fn is_soft(e: &DbError) -> bool {
    matches!(&e.code.0[..2], b"22" | b"23")
}

/// What a call has for all its rows.
struct Run<'a> {
    ctx: &'a EvalCtx,
    info: &'a CallInfo<'a>,
    args: &'a [Datum],
    vars: Option<&'a [u8]>,
}

impl<'a> Run<'a> {
    fn new(ctx: &'a EvalCtx, info: &'a CallInfo<'a>, args: &'a [Datum]) -> Result<Run<'a>> {
        let vars = match args.get(1) {
            Some(Datum::Null) => None,
            Some(Datum::Bytes(b)) => Some(&b[..]),
            Some(d) => return Err(unexpected(d)),
            None => return Err(arity(args.len())),
        };
        Ok(Run { ctx, info, args, vars })
    }

    fn found(&self, target: &[u8], path: &JsonPath) -> Result<Vec<Vec<u8>>> {
        jsonpath::query(&self.call(target, path))
    }

    fn call<'b>(&'b self, target: &'b [u8], path: &'b JsonPath) -> Call<'b> {
        Call { ctx: self.ctx, target, path, vars: self.vars, silent: false, zoned: true }
    }

    /// The type of a column.
    fn ty(&self, n: usize) -> Result<TypeRef> {
        self.info.args.get(FIXED + 2 * n).copied().ok_or_else(broken)
    }

    /// DEFAULT … ON EMPTY (`which` 0) or ON ERROR (1).
    fn default(&self, n: usize, which: usize) -> Result<Datum> {
        self.args.get(FIXED + 2 * n + which).cloned().ok_or_else(broken)
    }

    fn behave(&self, b: Behavior, c: &Column, n: usize, which: usize) -> Result<Datum> {
        let ty = self.ty(n)?;
        match b {
            Behavior::Error => Err(broken()),
            Behavior::Null => Ok(Datum::Null),
            Behavior::True => self.truth(ty, true),
            Behavior::False => self.truth(ty, false),
            Behavior::EmptyArray => self.as_json(ty, c, jsonb::encode(&Json::Array(vec![]))),
            Behavior::EmptyObject => self.as_json(ty, c, jsonb::encode(&Json::Object(vec![]))),
            Behavior::Default => self.default(n, which),
        }
    }

    /// A column's value of one item.
    fn value(&self, target: &[u8], path: &JsonPath, c: &Column, n: usize) -> Result<Datum> {
        match self.value_or_error(target, path, c, n) {
            Err(e) if c.on_error != Behavior::Error && is_soft(&e) => self.behave(c.on_error, c, n, 1),
            r => r,
        }
    }

    fn value_or_error(&self, target: &[u8], path: &JsonPath, c: &Column, n: usize) -> Result<Datum> {
        let ty = self.ty(n)?;
        if c.kind == Kind::Exists {
            let found = jsonpath::exists(&self.call(target, path))?;
            return found.map_or(Ok(Datum::Null), |b| self.truth(ty, b));
        }
        let found = self.found(target, path)?;
        if found.is_empty() {
            return match c.on_empty {
                Behavior::Error if c.name.is_empty() => {
                    Err(DbError::new(SqlState::NO_SQL_JSON_ITEM, "no SQL/JSON item found for specified path"))
                }
                Behavior::Error => Err(DbError::new(
                    SqlState::NO_SQL_JSON_ITEM,
                    format!("no SQL/JSON item found for specified path of column \"{}\"", c.name),
                )),
                b => self.behave(b, c, n, 0),
            };
        }
        if c.kind == Kind::Scalar { self.scalar(ty, c, found) } else { self.query(ty, c, found) }
    }

    fn scalar(&self, ty: TypeRef, c: &Column, mut found: Vec<Vec<u8>>) -> Result<Datum> {
        let wrong = |code| {
            let what = if c.name.is_empty() { "in JSON_VALUE".to_owned() } else { format!("for column \"{}\"", c.name) };
            DbError::new(code, format!("JSON path expression {what} must return single scalar item"))
        };
        if found.len() > 1 {
            return Err(wrong(SqlState::MORE_THAN_ONE_SQL_JSON_ITEM));
        }
        let item = found.pop().unwrap_or_default();
        let view = View::of(&item);
        if !view.is_scalar() {
            return Err(wrong(SqlState::SQL_JSON_SCALAR_REQUIRED));
        }
        let base = usertype::base(ty);
        let d = match view {
            View::Null => Datum::Null,
            _ if matches!(base.oid, oid::JSON | oid::JSONB) => populated(self.ctx, base, &item)?,
            View::String(s) => io::text_in(self.ctx, base, s)?,
            _ => io::text_in(self.ctx, base, &shown(&item))?,
        };
        self.checked(ty, d)
    }

    fn query(&self, ty: TypeRef, c: &Column, mut found: Vec<Vec<u8>>) -> Result<Datum> {
        let wrap = match c.wrapper {
            Wrapper::Without => false,
            Wrapper::Conditional => found.len() > 1,
            Wrapper::Unconditional => true,
        };
        if wrap {
            let all = Json::Array(found.iter().map(|b| Json::of(b)).collect());
            return self.as_json(ty, c, jsonb::encode(&all));
        }
        if found.len() > 1 {
            let what = if c.name.is_empty() { "in JSON_QUERY".to_owned() } else { format!("for column \"{}\"", c.name) };
            return Err(DbError::new(
                SqlState::MORE_THAN_ONE_SQL_JSON_ITEM,
                format!("JSON path expression {what} must return single item when no wrapper is requested"),
            )
            .hint("Use the WITH WRAPPER clause to wrap SQL/JSON items into an array."));
        }
        self.as_json(ty, c, found.pop().unwrap_or_default())
    }

    /// JSON as a value of a type.
    fn as_json(&self, ty: TypeRef, c: &Column, item: Vec<u8>) -> Result<Datum> {
        let base = usertype::base(ty);
        let d = match View::of(&item) {
            View::String(s) if !c.keep_quotes => io::text_in(self.ctx, base, s)?,
            _ if matches!(base.oid, oid::TEXT | oid::VARCHAR | oid::BPCHAR) => {
                io::text_in(self.ctx, base, &shown(&item))?
            }
            _ => populated(self.ctx, base, &item)?,
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
        let base = usertype::base(ty);
        let d = match base.oid {
            oid::BOOL => Datum::Bool(b),
            oid::INT4 => Datum::Int4(i32::from(b)),
            _ => io::text_in(self.ctx, base, if b { "true" } else { "false" })?,
        };
        self.checked(ty, d)
    }
}

fn shown(item: &[u8]) -> String {
    let mut out = String::new();
    jsonb::write_text(item, &mut out);
    out
}

/// A plan with its paths read and its columns numbered.
struct Node {
    strict: bool,
    path: JsonPath,
    first: usize,
    columns: Vec<(Column, Option<JsonPath>)>,
    nested: Vec<Node>,
}

impl Node {
    fn of(p: Plan, next: &mut usize) -> Result<Node> {
        let first = *next;
        *next += p.columns.len();
        let columns = p
            .columns
            .into_iter()
            .map(|c| {
                let path = if c.kind == Kind::Ordinality { None } else { Some(jsonpath::parse(&c.path)?) };
                Ok((c, path))
            })
            .collect::<Result<_>>()?;
        let nested = p.nested.into_iter().map(|n| Node::of(n, next)).collect::<Result<_>>()?;
        Ok(Node { strict: p.strict, path: jsonpath::parse(&p.path)?, first, columns, nested })
    }

    /// Adds the rows of one item. `row` has the values of the columns outside, and gets back what it had.
    fn rows(&self, run: &Run<'_>, target: &[u8], row: &mut Vec<Datum>, out: &mut Vec<Vec<Datum>>) -> Result<()> {
        let items = match run.found(target, &self.path) {
            Err(e) if !self.strict && is_soft(&e) => return Ok(()),
            r => r?,
        };
        let mut number = 0i32;
        for item in &items {
            number = number.saturating_add(1);
            for (i, (c, path)) in self.columns.iter().enumerate() {
                let value = match path {
                    None => Datum::Int4(number),
                    Some(p) => run.value(item, p, c, self.first + i)?,
                };
                *row.get_mut(self.first + i).ok_or_else(broken)? = value;
            }
            // Rows of nested paths stand one after the other; without any the item has a row of its own.
            let before = out.len();
            for n in &self.nested {
                n.rows(run, item, row, out)?;
            }
            if out.len() == before {
                out.push(row.clone());
            }
        }
        row.iter_mut().skip(self.first).take(self.columns.len()).for_each(|d| *d = Datum::Null);
        Ok(())
    }
}

fn table(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Rows> {
    let [target, _, _, plan, ..] = args else { return Err(arity(args.len())) };
    let target = match target {
        Datum::Null => return Ok(Box::new(std::iter::empty())),
        Datum::Bytes(b) => b,
        d => return Err(unexpected(d)),
    };
    let run = Run::new(ctx, info, args)?;
    let mut width = 0;
    let node = Node::of(Plan::from_datum(plan)?, &mut width)?;
    let mut out = Vec::new();
    node.rows(&run, target, &mut vec![Datum::Null; width], &mut out)?;
    Ok(Box::new(out.into_iter().map(Ok)))
}

fn scalar(ctx: &EvalCtx, info: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let [target, _, path, plan, ..] = args else { return Err(arity(args.len())) };
    let (target, path): (_, Rc<JsonPath>) = match (target, path) {
        (Datum::Null, _) | (_, Datum::Null) => return Ok(Datum::Null),
        (Datum::Bytes(t), Datum::Text(p)) => (t, jsonpath::parse_cached(p)?),
        (d, _) => return Err(unexpected(d)),
    };
    let plan = Plan::from_datum(plan)?;
    let column = plan.columns.first().ok_or_else(broken)?;
    Run::new(ctx, info, args)?.value(target, &path, column, 0)
}

/// Kernels of this module; neither name is one of PostgreSQL's functions.
pub const KERNELS: &[&[Kernel]] = &[&[
    Kernel { name: "sql_json_expression", body: KernelBody::Scalar(scalar) },
    Kernel { name: "sql_json_table", body: KernelBody::Set(table) },
]];

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
            on_empty: Behavior::Default,
            on_error: Behavior::Error,
        };
        let inner = Plan { path: "$.b[*]".into(), columns: vec![column("x", Kind::Exists)], ..Plan::default() };
        let outer = Plan {
            strict: true,
            path: "$".into(),
            columns: vec![column("n", Kind::Ordinality), column("v", Kind::Scalar)],
            nested: vec![inner],
        };
        assert_eq!(Plan::from_datum(&outer.datum()).unwrap(), outer);
    }
}
