//! Evaluation of paths.
//!
//! An error that a path's own steps find (a missing key in strict mode, a subscript out of bounds) is soft: inside a
//! predicate it makes the answer unknown, and a caller that asks for silence does not see it. Other errors (a variable that
//! is not given, a comparison that needs a time zone) are hard and reach the user always.

use super::datetime::{DateTime, Variable, read_any, read_template};
use super::parse::syntax;
use super::{Item, JsonPath, LAST_LEVEL, Method, Op, Path};
use crate::ctx::EvalCtx;
use crate::jsonb::{Array, Json, View, encode, object_of};
use crate::numeric::Numeric;
use crate::regexp::compiled;
use rustydb_base::{DbError, Result, SqlState};
use std::borrow::Cow;
use std::cmp::Ordering;

/// A call of one of the functions over paths.
pub struct Call<'a> {
    /// Settings.
    pub ctx: &'a EvalCtx,
    /// The value that `$` means.
    pub target: &'a [u8],
    /// The path.
    pub path: &'a JsonPath,
    /// Values of variables: an object.
    pub vars: Option<&'a [u8]>,
    /// Values of variables by their names, which come before those.
    pub named: &'a [(&'a str, Variable)],
    /// Soft errors end the evaluation without a word.
    pub silent: bool,
    /// Comparisons may use the session's time zone.
    pub zoned: bool,
}

/// How evaluation fails.
enum Fail {
    Soft(DbError),
    Hard(DbError),
}

type Done<T> = std::result::Result<T, Fail>;

fn soft<T>(code: SqlState, message: impl Into<Cow<'static, str>>) -> Done<T> {
    Err(Fail::Soft(DbError::new(code, message)))
}

/// A value on the way.
#[derive(Clone)]
enum Val<'a> {
    /// Stored form: a part of an argument, or made here. The number is the object it counts its identity from.
    Json(Cow<'a, [u8]>, u64),
    Date(DateTime),
}

impl<'a> Val<'a> {
    fn made(v: &Json) -> Val<'a> {
        Val::Json(Cow::Owned(encode(v)), 0)
    }

    fn view(&self) -> View<'_> {
        match self {
            Val::Json(b, _) => View::of(b),
            Val::Date(_) => View::Null,
        }
    }

    fn array(&self) -> Option<Array<'_>> {
        match self {
            Val::Json(b, _) => match View::of(b) {
                View::Array(a) => Some(a),
                _ => None,
            },
            Val::Date(_) => None,
        }
    }

    /// A part of this value.
    fn part(&self, of: impl Fn(&[u8]) -> Option<&[u8]>) -> Option<Val<'a>> {
        match self {
            Val::Json(Cow::Borrowed(b), base) => {
                let b: &'a [u8] = b;
                of(b).map(|p| Val::Json(Cow::Borrowed(p), *base))
            }
            Val::Json(Cow::Owned(b), base) => of(b).map(|p| Val::Json(Cow::Owned(p.to_vec()), *base)),
            Val::Date(_) => None,
        }
    }

    /// The elements of an array or the values of an object.
    fn children(&self) -> Vec<Val<'a>> {
        let n = match self.view() {
            View::Array(a) => a.len(),
            View::Object(o) => o.len(),
            _ => 0,
        };
        let child = |i: usize| {
            self.part(|b| match View::of(b) {
                View::Array(a) => a.get(i),
                View::Object(o) => o.value(i),
                _ => None,
            })
        };
        (0..n).filter_map(child).collect()
    }

    fn is_scalar(&self) -> bool {
        self.view().is_scalar()
    }
}

/// What a predicate says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Truth {
    False,
    True,
    Unknown,
}

impl From<bool> for Truth {
    fn from(v: bool) -> Truth {
        if v { Truth::True } else { Truth::False }
    }
}

/// Where found values go; `None` where only their existence matters, which ends the search at the first.
type Sink<'s, 'a> = Option<&'s mut Vec<Val<'a>>>;

struct Exec<'a> {
    call: &'a Call<'a>,
    lax: bool,
    /// Structural errors do not count now.
    lenient: bool,
    current: Val<'a>,
    /// Size of the array that `last` counts in.
    size: Option<usize>,
    /// Identities given to objects that were made here.
    made: u64,
}

/// Lends a sink again.
fn again<'s, 'a>(found: &'s mut Sink<'_, 'a>) -> Sink<'s, 'a> {
    found.as_deref_mut()
}

impl<'a> Exec<'a> {
    fn new(call: &'a Call<'a>) -> Exec<'a> {
        let lax = !call.path.strict;
        Exec {
            call,
            lax,
            lenient: lax,
            current: Val::Json(Cow::Borrowed(call.target), 0),
            size: None,
            made: if call.vars.is_some() || !call.named.is_empty() { 2 } else { 1 },
        }
    }

    /// A path in a value's context. Whether anything was found.
    fn path(&mut self, p: &'a [Item], v: &Val<'a>, found: Sink<'_, 'a>) -> Done<bool> {
        let unwrap = self.lax;
        self.path_unwrapping(p, v, found, unwrap)
    }

    fn next(&mut self, rest: &'a [Item], v: Val<'a>, found: Sink<'_, 'a>) -> Done<bool> {
        if !rest.is_empty() {
            return self.path(rest, &v, found);
        }
        if let Some(list) = found {
            list.push(v);
        }
        Ok(true)
    }

    fn path_unwrapping(&mut self, p: &'a [Item], v: &Val<'a>, found: Sink<'_, 'a>, unwrap: bool) -> Done<bool> {
        let Some((item, rest)) = p.split_first() else { return self.next(p, v.clone(), found) };
        self.item(item, rest, p, v, found, unwrap)
    }

    fn item(
        &mut self,
        item: &'a Item,
        rest: &'a [Item],
        whole: &'a [Item],
        v: &Val<'a>,
        mut found: Sink<'_, 'a>,
        unwrap: bool,
    ) -> Done<bool> {
        match item {
            Item::Null => self.next(rest, Val::made(&Json::Null), found),
            Item::Bool(x) => self.next(rest, Val::made(&Json::Bool(*x)), found),
            Item::Number(n) => self.next(rest, Val::made(&Json::Number(n.clone())), found),
            Item::String(s) => self.next(rest, Val::made(&Json::String(s.clone())), found),
            Item::Variable(name) => {
                let v = self.variable(name)?;
                self.next(rest, v, found)
            }
            Item::Root => self.next(rest, Val::Json(Cow::Borrowed(self.call.target), 0), found),
            Item::Current => {
                let v = self.current.clone();
                self.next(rest, v, found)
            }
            Item::Last => match self.size {
                Some(n) => self.next(rest, Val::made(&Json::Number(Numeric::from(n as i64 - 1))), found),
                None => Err(Fail::Hard(DbError::internal("evaluating jsonpath LAST outside of array subscript"))),
            },
            Item::Binary(op @ (Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Mod), a, b) => {
                let n = self.arithmetic(*op, a, b, v)?;
                self.next(rest, n, found)
            }
            Item::Unary(minus, a) => self.unary(*minus, a, rest, v, found),
            Item::Binary(..) | Item::Not(_) | Item::IsUnknown(_) | Item::Exists(_) | Item::LikeRegex(..) => {
                let t = self.truth(item, v)?;
                let t = match t {
                    Truth::Unknown => Json::Null,
                    t => Json::Bool(t == Truth::True),
                };
                self.next(rest, Val::made(&t), found)
            }
            Item::Key(key) => match v.view() {
                View::Object(o) => {
                    let found_one = o.find(key).is_some();
                    if found_one {
                        let child = v.part(|b| match View::of(b) {
                            View::Object(o) => o.find(key),
                            _ => None,
                        });
                        return match child {
                            Some(child) => self.next(rest, child, found),
                            None => Ok(false),
                        };
                    }
                    if self.lenient {
                        return Ok(false);
                    }
                    soft(SqlState::SQL_JSON_MEMBER_NOT_FOUND, format!("JSON object does not contain key \"{key}\""))
                }
                View::Array(_) if unwrap => self.unwrapped(whole, v, found, false),
                _ if self.lenient => Ok(false),
                _ => soft(
                    SqlState::SQL_JSON_MEMBER_NOT_FOUND,
                    "jsonpath member accessor can only be applied to an object",
                ),
            },
            Item::AnyKey => match v.view() {
                View::Object(_) => {
                    let unwrap_next = self.lax;
                    self.any(rest, v, found, 1, (1, 1), false, unwrap_next)
                }
                View::Array(_) if unwrap => self.unwrapped(whole, v, found, false),
                _ if self.lenient => Ok(false),
                _ => soft(
                    SqlState::SQL_JSON_OBJECT_NOT_FOUND,
                    "jsonpath wildcard member accessor can only be applied to an object",
                ),
            },
            Item::AnyArray => match v.view() {
                View::Array(_) => {
                    let unwrap_next = self.lax;
                    self.any(rest, v, found, 1, (1, 1), false, unwrap_next)
                }
                _ if self.lax => self.next(rest, v.clone(), found),
                _ if self.lenient => Ok(false),
                _ => soft(
                    SqlState::SQL_JSON_ARRAY_NOT_FOUND,
                    "jsonpath wildcard array accessor can only be applied to an array",
                ),
            },
            Item::Index(list) => self.subscripts(list, rest, v, found),
            Item::Any(from, to) => {
                let mut ok = false;
                if *from == 0 {
                    let saved = std::mem::replace(&mut self.lenient, true);
                    let r = self.next(rest, v.clone(), again(&mut found));
                    self.lenient = saved;
                    ok = r?;
                    if ok && found.is_none() {
                        return Ok(true);
                    }
                }
                if !v.is_scalar() {
                    let unwrap_next = self.lax;
                    ok |= self.any(rest, v, found, 1, (*from, *to), true, unwrap_next)?;
                }
                Ok(ok)
            }
            Item::Filter(p) => {
                if unwrap && v.array().is_some() {
                    return self.unwrapped(whole, v, found, false);
                }
                let saved = std::mem::replace(&mut self.current, v.clone());
                let t = self.predicate(p, v);
                self.current = saved;
                if t? == Truth::True { self.next(rest, v.clone(), found) } else { Ok(false) }
            }
            Item::Method(m) => self.method(*m, rest, whole, v, found, unwrap),
            Item::Datetime(template) => {
                if unwrap && v.array().is_some() {
                    return self.unwrapped(whole, v, found, false);
                }
                let View::String(s) = v.view() else {
                    return soft(
                        SqlState::INVALID_ARGUMENT_FOR_SQL_JSON_DATETIME_FUNCTION,
                        "jsonpath item method .datetime() can only be applied to a string",
                    );
                };
                let d = match template {
                    Some(t) => read_template(self.call.ctx, s, t),
                    None => read_any(self.call.ctx, s),
                };
                self.next(rest, Val::Date(d.map_err(Fail::Soft)?), found)
            }
        }
    }

    fn variable(&self, name: &str) -> Done<Val<'a>> {
        let missing = || {
            Fail::Hard(DbError::new(SqlState::UNDEFINED_OBJECT, format!("could not find jsonpath variable \"{name}\"")))
        };
        if let Some((_, v)) = self.call.named.iter().find(|v| v.0 == name) {
            return Ok(match v {
                Variable::Json(b) => Val::Json(Cow::Borrowed(b), 1),
                Variable::Date(d) => Val::Date(*d),
            });
        }
        let View::Object(o) = View::of(self.call.vars.ok_or_else(missing)?) else { return Err(missing()) };
        o.find(name).map(|b| Val::Json(Cow::Borrowed(b), 1)).ok_or_else(missing)
    }

    /// The path applied to each element of an array.
    fn unwrapped(&mut self, p: &'a [Item], v: &Val<'a>, found: Sink<'_, 'a>, unwrap: bool) -> Done<bool> {
        self.any(p, v, found, 1, (1, 1), false, unwrap)
    }

    /// The path applied to everything from one level below a value to another.
    #[allow(clippy::too_many_arguments, reason = "the state of one walk")]
    fn any(
        &mut self,
        p: &'a [Item],
        v: &Val<'a>,
        mut found: Sink<'_, 'a>,
        level: u32,
        (from, to): (u32, u32),
        lenient: bool,
        unwrap: bool,
    ) -> Done<bool> {
        if level > to {
            return Ok(false);
        }
        let mut ok = false;
        for child in v.children() {
            let leaves = from == LAST_LEVEL && to == LAST_LEVEL;
            if level >= from || leaves && child.is_scalar() {
                if p.is_empty() {
                    match &mut found {
                        Some(list) => list.push(child.clone()),
                        None => return Ok(true),
                    }
                    ok = true;
                } else {
                    let saved = self.lenient;
                    self.lenient |= lenient;
                    let r = self.path_unwrapping(p, &child, again(&mut found), unwrap);
                    self.lenient = saved;
                    let r = r?;
                    ok |= r;
                    if r && found.is_none() {
                        return Ok(true);
                    }
                }
            }
            if level < to && !child.is_scalar() {
                let r = self.any(p, &child, again(&mut found), level + 1, (from, to), lenient, unwrap)?;
                ok |= r;
                if r && found.is_none() {
                    return Ok(true);
                }
            }
        }
        Ok(ok)
    }

    fn subscripts(
        &mut self,
        list: &'a [(Path, Option<Path>)],
        rest: &'a [Item],
        v: &Val<'a>,
        mut found: Sink<'_, 'a>,
    ) -> Done<bool> {
        let len = match v.array() {
            Some(a) => Some(a.len()),
            None if self.lax => None,
            None if self.lenient => return Ok(false),
            None => {
                return soft(
                    SqlState::SQL_JSON_ARRAY_NOT_FOUND,
                    "jsonpath array accessor can only be applied to an array",
                );
            }
        };
        // A value that is no array stands for an array of itself.
        let size = len.unwrap_or(1);
        let saved = self.size.replace(size);
        let mut run = || -> Done<bool> {
            let mut ok = false;
            for (from, to) in list {
                let first = self.index(from, v)?;
                let last = match to {
                    Some(to) => self.index(to, v)?,
                    None => first,
                };
                if !self.lenient && (first < 0 || first > last || last >= size as i64) {
                    return soft(SqlState::INVALID_SQL_JSON_SUBSCRIPT, "jsonpath array subscript is out of bounds");
                }
                for i in first.max(0)..=last.min(size as i64 - 1) {
                    let item = match len {
                        None => Some(v.clone()),
                        Some(_) => v.part(|b| match View::of(b) {
                            View::Array(a) => a.at(i),
                            _ => None,
                        }),
                    };
                    let Some(item) = item else { continue };
                    let r = self.next(rest, item, again(&mut found))?;
                    ok |= r;
                    if r && found.is_none() {
                        return Ok(true);
                    }
                }
            }
            Ok(ok)
        };
        let r = run();
        self.size = saved;
        r
    }

    fn index(&mut self, p: &'a Path, v: &Val<'a>) -> Done<i64> {
        let mut list = Vec::new();
        self.path(p, v, Some(&mut list))?;
        let number = match &list[..] {
            [x] => x.view().number(),
            _ => None,
        };
        let Some(n) = number else {
            return soft(
                SqlState::INVALID_SQL_JSON_SUBSCRIPT,
                "jsonpath array subscript is not a single numeric value",
            );
        };
        match n.trunc(0).and_then(|n| n.to_i32()) {
            Ok(i) => Ok(i.into()),
            Err(_) => soft(SqlState::INVALID_SQL_JSON_SUBSCRIPT, "jsonpath array subscript is out of integer range"),
        }
    }

    /// All values of an operand, arrays unwrapped in lax mode.
    fn operand(&mut self, p: &'a Path, v: &Val<'a>, unwrap: bool) -> Done<Vec<Val<'a>>> {
        let mut list = Vec::new();
        self.path(p, v, Some(&mut list))?;
        if !unwrap || !self.lax || !list.iter().any(|x| x.array().is_some()) {
            return Ok(list);
        }
        let mut out = Vec::new();
        for x in list {
            if x.array().is_some() { out.extend(x.children()) } else { out.push(x) }
        }
        Ok(out)
    }

    fn arithmetic(&mut self, op: Op, a: &'a Path, b: &'a Path, v: &Val<'a>) -> Done<Val<'a>> {
        let left = self.operand(a, v, true)?;
        let right = self.operand(b, v, true)?;
        let single = |list: &[Val<'a>], side: &str| {
            match list {
                [x] => x.view().number(),
                _ => None,
            }
            .ok_or_else(|| {
                Fail::Soft(DbError::new(
                    SqlState::SINGLETON_SQL_JSON_ITEM_REQUIRED,
                    format!("{side} operand of jsonpath operator {} is not a single numeric value", op.name()),
                ))
            })
        };
        let (x, y) = (single(&left, "left")?, single(&right, "right")?);
        let n = match op {
            Op::Add => x.add(&y),
            Op::Sub => x.sub(&y),
            Op::Mul => x.mul(&y),
            Op::Div => x.div(&y),
            _ => x.rem(&y),
        };
        n.map(|n| Val::made(&Json::Number(n))).map_err(Fail::Soft)
    }

    fn unary(
        &mut self,
        minus: bool,
        a: &'a Path,
        rest: &'a [Item],
        v: &Val<'a>,
        mut found: Sink<'_, 'a>,
    ) -> Done<bool> {
        let mut ok = false;
        for x in self.operand(a, v, true)? {
            let only_asks = found.is_none() && rest.is_empty();
            let n = match x.view().number() {
                Some(_) if only_asks => return Ok(true),
                Some(n) => n,
                None if only_asks => continue,
                None => {
                    return soft(
                        SqlState::SQL_JSON_NUMBER_NOT_FOUND,
                        format!(
                            "operand of unary jsonpath operator {} is not a numeric value",
                            if minus { "-" } else { "+" }
                        ),
                    );
                }
            };
            let n = if minus { n.neg() } else { n };
            let r = self.next(rest, Val::made(&Json::Number(n)), again(&mut found))?;
            ok |= r;
            if r && found.is_none() {
                return Ok(true);
            }
        }
        Ok(ok)
    }

    fn method(
        &mut self,
        m: Method,
        rest: &'a [Item],
        whole: &'a [Item],
        v: &Val<'a>,
        found: Sink<'_, 'a>,
        unwrap: bool,
    ) -> Done<bool> {
        let name = m.name();
        if !matches!(m, Method::Type | Method::Size) && unwrap && v.array().is_some() {
            return self.unwrapped(whole, v, found, false);
        }
        let out = match m {
            Method::Type => Json::String(
                match v {
                    Val::Date(d) => d.type_name(),
                    Val::Json(..) => match v.view() {
                        View::Null => "null",
                        View::Bool(_) => "boolean",
                        View::Number(_) => "number",
                        View::String(_) => "string",
                        View::Array(_) => "array",
                        View::Object(_) => "object",
                    },
                }
                .to_owned(),
            ),
            Method::Size => match v.array() {
                Some(a) => Json::Number(Numeric::from(a.len() as i64)),
                None if self.lax => Json::Number(Numeric::from(1)),
                // Behind `.**` of a strict path what does not fit is passed over.
                None if self.lenient => return Ok(false),
                None => {
                    return soft(
                        SqlState::SQL_JSON_ARRAY_NOT_FOUND,
                        "jsonpath item method .size() can only be applied to an array",
                    );
                }
            },
            Method::Abs | Method::Floor | Method::Ceiling => {
                let Some(n) = v.view().number() else {
                    return soft(
                        SqlState::NON_NUMERIC_SQL_JSON_ITEM,
                        format!("jsonpath item method .{name}() can only be applied to a numeric value"),
                    );
                };
                let n = match m {
                    Method::Abs => Ok(n.abs()),
                    Method::Floor => n.floor(),
                    _ => n.ceil(),
                };
                Json::Number(n.map_err(Fail::Soft)?)
            }
            Method::Double => Json::Number(double(v)?),
            Method::KeyValue => return self.key_values(rest, v, found),
        };
        self.next(rest, Val::made(&out), found)
    }

    fn key_values(&mut self, rest: &'a [Item], v: &Val<'a>, mut found: Sink<'_, 'a>) -> Done<bool> {
        let View::Object(o) = v.view() else {
            return soft(
                SqlState::SQL_JSON_OBJECT_NOT_FOUND,
                "jsonpath item method .keyvalue() can only be applied to an object",
            );
        };
        let base = match v {
            Val::Json(_, base) => *base,
            Val::Date(_) => 0,
        };
        let id = Numeric::from((base * 10_000_000_000 + self.offset(v)) as i64);
        let mut ok = false;
        for (key, value) in o.iter() {
            let pair = object_of(vec![
                ("key".into(), Json::String(key.to_owned())),
                ("value".into(), Json::of(value)),
                ("id".into(), Json::Number(id.clone())),
            ]);
            let identity = self.made;
            self.made += 1;
            let made = Val::Json(Cow::Owned(encode(&pair)), identity);
            let r = self.next(rest, made, again(&mut found))?;
            ok |= r;
            if r && found.is_none() {
                return Ok(true);
            }
        }
        Ok(ok)
    }

    /// Where a value lies in its document, as PostgreSQL's layout has it.
    fn offset(&self, v: &Val<'a>) -> u64 {
        let Val::Json(Cow::Borrowed(b), base) = v else { return 0 };
        let root = match base {
            0 => Some(self.call.target),
            1 => self.call.vars,
            _ => None,
        };
        root.and_then(|r| super::layout::offset_of(r, b)).unwrap_or(0)
    }

    fn predicate(&mut self, p: &'a Path, v: &Val<'a>) -> Done<Truth> {
        match &p[..] {
            [item] => self.truth(item, v),
            _ => Err(Fail::Hard(DbError::internal("a jsonpath filter without a predicate"))),
        }
    }

    /// A soft error inside a predicate is no error.
    fn quiet<T>(r: Done<T>) -> Done<Option<T>> {
        match r {
            Ok(v) => Ok(Some(v)),
            Err(Fail::Soft(_)) => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn truth(&mut self, item: &'a Item, v: &Val<'a>) -> Done<Truth> {
        Ok(match item {
            Item::Binary(Op::And, a, b) => match self.predicate(a, v)? {
                Truth::False => Truth::False,
                left => match self.predicate(b, v)? {
                    Truth::True => left,
                    right => right,
                },
            },
            Item::Binary(Op::Or, a, b) => match self.predicate(a, v)? {
                Truth::True => Truth::True,
                left => match self.predicate(b, v)? {
                    Truth::False => left,
                    right => right,
                },
            },
            Item::Not(a) => match self.predicate(a, v)? {
                Truth::Unknown => Truth::Unknown,
                t => (t == Truth::False).into(),
            },
            Item::IsUnknown(a) => (self.predicate(a, v)? == Truth::Unknown).into(),
            Item::Exists(p) => {
                if !self.lax {
                    // All of it must be free of errors.
                    let mut list = Vec::new();
                    let r = self.path(p, v, Some(&mut list));
                    return Ok(Self::quiet(r)?.map_or(Truth::Unknown, |_| (!list.is_empty()).into()));
                }
                let r = self.path(p, v, None);
                Self::quiet(r)?.map_or(Truth::Unknown, Truth::from)
            }
            Item::Binary(op, a, b) => {
                let unwrap = *op != Op::StartsWith;
                let r = self.operand(a, v, true);
                let Some(left) = Self::quiet(r)? else { return Ok(Truth::Unknown) };
                let r = self.operand(b, v, unwrap);
                let Some(right) = Self::quiet(r)? else { return Ok(Truth::Unknown) };
                let pairs = left.iter().flat_map(|x| right.iter().map(move |y| (x, y)));
                self.decide(pairs, |e, (x, y)| match op {
                    Op::StartsWith => Ok(starts_with(x, y)),
                    op => e.compare(*op, x, y),
                })?
            }
            Item::LikeRegex(a, pattern, flags) => {
                let r = self.operand(a, v, true);
                let Some(left) = Self::quiet(r)? else { return Ok(Truth::Unknown) };
                let pattern = syntax(*flags).and_then(|s| compiled(pattern, s)).map_err(Fail::Hard)?;
                self.decide(left.iter(), |_, x| {
                    Ok(match x.view() {
                        View::String(s) => pattern.is_match(s).map_err(Fail::Hard)?.into(),
                        _ => Truth::Unknown,
                    })
                })?
            }
            _ => return Err(Fail::Hard(DbError::internal("a jsonpath value where a predicate belongs"))),
        })
    }

    /// One answer from those for each pair of values: in lax mode the first true one, in strict mode only if none fails.
    fn decide<T>(
        &mut self,
        all: impl Iterator<Item = T>,
        mut test: impl FnMut(&Self, T) -> Done<Truth>,
    ) -> Done<Truth> {
        let (mut found, mut error) = (false, false);
        for x in all {
            match test(self, x)? {
                Truth::Unknown if !self.lax => return Ok(Truth::Unknown),
                Truth::Unknown => error = true,
                Truth::True if self.lax => return Ok(Truth::True),
                Truth::True => found = true,
                Truth::False => {}
            }
        }
        Ok(match (found, error) {
            (true, _) => Truth::True,
            (false, true) => Truth::Unknown,
            (false, false) => Truth::False,
        })
    }

    fn compare(&self, op: Op, a: &Val<'a>, b: &Val<'a>) -> Done<Truth> {
        let order = match (a, b) {
            (Val::Date(x), Val::Date(y)) => {
                x.compare(y, self.call.zoned.then_some(&self.call.ctx.fmt.time_zone)).map_err(Fail::Hard)?
            }
            (Val::Json(..), Val::Json(..)) => match (a.view(), b.view()) {
                (View::Null, View::Null) => Some(Ordering::Equal),
                (View::Bool(x), View::Bool(y)) => Some(x.cmp(&y)),
                (View::String(x), View::String(y)) => Some(x.as_bytes().cmp(y.as_bytes())),
                (x @ View::Number(_), y @ View::Number(_)) => x.number().zip(y.number()).map(|(x, y)| x.cmp(&y)),
                (View::Null, _) | (_, View::Null) => return Ok((op == Op::NotEqual).into()),
                _ => None,
            },
            (x, y) => {
                let null = |v: &Val<'_>| matches!(v, Val::Json(b, _) if matches!(View::of(b), View::Null));
                if null(x) || null(y) {
                    return Ok((op == Op::NotEqual).into());
                }
                None
            }
        };
        let Some(o) = order else { return Ok(Truth::Unknown) };
        Ok(match op {
            Op::Equal => o.is_eq(),
            Op::NotEqual => o.is_ne(),
            Op::Less => o.is_lt(),
            Op::Greater => o.is_gt(),
            Op::LessEqual => o.is_le(),
            _ => o.is_ge(),
        }
        .into())
    }
}

fn starts_with(a: &Val<'_>, b: &Val<'_>) -> Truth {
    match (a, b) {
        (Val::Json(..), Val::Json(..)) => match (a.view(), b.view()) {
            (View::String(x), View::String(y)) => x.starts_with(y).into(),
            _ => Truth::Unknown,
        },
        _ => Truth::Unknown,
    }
}

fn double(v: &Val<'_>) -> Done<Numeric> {
    match v.view() {
        View::Number(_) => {
            let n = v.view().number().unwrap_or(Numeric::NAN);
            match n.to_f64() {
                Ok(_) => Ok(n),
                Err(_) => soft(
                    SqlState::NON_NUMERIC_SQL_JSON_ITEM,
                    "numeric argument of jsonpath item method .double() is out of range for type double precision",
                ),
            }
        }
        View::String(s) => match crate::io::float::float8_in(s) {
            Ok(f) if f.is_finite() => Numeric::from_f64(f).map_err(Fail::Soft),
            _ => soft(
                SqlState::NON_NUMERIC_SQL_JSON_ITEM,
                "string argument of jsonpath item method .double() is not a valid representation of a double precision number",
            ),
        },
        _ => soft(
            SqlState::NON_NUMERIC_SQL_JSON_ITEM,
            "jsonpath item method .double() can only be applied to a string or numeric value",
        ),
    }
}

fn check_vars(call: &Call<'_>) -> Result<()> {
    match call.vars.map(View::of) {
        None | Some(View::Object(_)) => Ok(()),
        Some(_) => Err(DbError::new(SqlState::INVALID_PARAMETER_VALUE, "\"vars\" argument is not an object")
            .detail("Jsonpath parameters should be encoded as key-value pairs of \"vars\" object.")),
    }
}

fn settle<T>(call: &Call<'_>, r: Done<T>) -> Result<Option<T>> {
    match r {
        Ok(v) => Ok(Some(v)),
        Err(Fail::Soft(_)) if call.silent => Ok(None),
        Err(Fail::Soft(e) | Fail::Hard(e)) => Err(e),
    }
}

fn run<'a>(call: &'a Call<'a>) -> Result<(Vec<Val<'a>>, bool)> {
    check_vars(call)?;
    let mut e = Exec::new(call);
    let mut list = Vec::new();
    let target = Val::Json(Cow::Borrowed(call.target), 0);
    let r = e.path(&call.path.root, &target, Some(&mut list));
    let whole = settle(call, r)?.is_some();
    Ok((list, whole))
}

/// Everything the path finds, in the stored form; with silence, what was found before an error.
pub fn query(call: &Call<'_>) -> Result<Vec<Vec<u8>>> {
    let (list, _) = run(call)?;
    list.into_iter()
        .map(|v| match v {
            Val::Json(b, _) => Ok(b.into_owned()),
            Val::Date(d) => Ok(encode(&Json::String(d.text(call.ctx)?))),
        })
        .collect()
}

/// One thing that a path finds.
pub struct Found {
    /// Its stored form; of a date or time the string that shows it.
    pub json: Vec<u8>,
    date: Option<DateTime>,
}

impl Found {
    /// A date or time as SQL shows it; `None` for anything else.
    pub fn sql_text(&self, ctx: &EvalCtx) -> Option<Result<String>> {
        self.date.map(|d| d.sql_text(ctx))
    }
}

/// Everything the path finds, dates and times told from strings.
pub fn items(call: &Call<'_>) -> Result<Vec<Found>> {
    let (list, _) = run(call)?;
    list.into_iter()
        .map(|v| match v {
            Val::Json(b, _) => Ok(Found { json: b.into_owned(), date: None }),
            Val::Date(d) => Ok(Found { json: encode(&Json::String(d.text(call.ctx)?)), date: Some(d) }),
        })
        .collect()
}

/// Whether the path finds anything; `None` when an error was silenced.
pub fn exists(call: &Call<'_>) -> Result<Option<bool>> {
    if call.path.strict {
        let (list, whole) = run(call)?;
        return Ok(whole.then_some(!list.is_empty()));
    }
    check_vars(call)?;
    let mut e = Exec::new(call);
    let r = e.path(&call.path.root, &Val::Json(Cow::Borrowed(call.target), 0), None);
    settle(call, r)
}

/// What the path's single value says: a boolean, or `None` for null and silenced errors.
pub fn match_one(call: &Call<'_>) -> Result<Option<bool>> {
    let (list, _) = run(call)?;
    if let [Val::Json(b, _)] = &list[..] {
        match View::of(b) {
            View::Bool(v) => return Ok(Some(v)),
            View::Null => return Ok(None),
            _ => {}
        }
    }
    if call.silent {
        return Ok(None);
    }
    Err(DbError::new(SqlState::SINGLETON_SQL_JSON_ITEM_REQUIRED, "single boolean result is expected"))
}
