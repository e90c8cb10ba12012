//! SQL/JSON expressions as text. What is not written is not shown: definitions that PostgreSQL shows have everything
//! written. Two printers share this ([`Out`]): the one of kept text, and the engine's for people, which breaks lines.

use crate::ast::{
    Expr, JsonArg, JsonBehavior, JsonColumn, JsonForm, JsonFormat, JsonKind, JsonMake, JsonMakeOp, JsonPathText,
    JsonReturning, JsonSearch, JsonSearchOp, JsonWrapper, Literal, Over, SortBy, SqlJson, TypeName,
};
use std::fmt::{Display, Formatter, Result};

/// A printer.
pub trait Out {
    /// Text as it is.
    fn text(&mut self, s: &str) -> Result;
    /// An expression.
    fn expr(&mut self, e: &Expr) -> Result;
    /// An operand of a test.
    fn operand(&mut self, e: &Expr) -> Result {
        self.expr(e)
    }
    /// Whether operations stand in parentheses of their own.
    fn parens(&self) -> bool {
        true
    }
    /// A type.
    fn ty(&mut self, t: &TypeName) -> Result;
    /// A constant string.
    fn string(&mut self, s: &str) -> Result;
    /// Sort keys.
    fn order_by(&mut self, keys: &[SortBy]) -> Result;
    /// OVER's content.
    fn over(&mut self, o: &Over) -> Result;
    /// The rest stands on a line of its own, further in (`1`), as far in as before (`0`) or further out (`-1`). Without line
    /// breaks nothing.
    fn line(&mut self, step: i32);
}

struct Plain<'a, 'f>(&'a mut Formatter<'f>);

impl Out for Plain<'_, '_> {
    fn text(&mut self, s: &str) -> Result {
        self.0.write_str(s)
    }
    fn expr(&mut self, e: &Expr) -> Result {
        e.fmt(self.0)
    }
    fn ty(&mut self, t: &TypeName) -> Result {
        t.fmt(self.0)
    }
    fn string(&mut self, s: &str) -> Result {
        Literal::String(s.to_owned()).fmt(self.0)
    }
    fn order_by(&mut self, keys: &[SortBy]) -> Result {
        super::Commas(keys).fmt(self.0)
    }
    fn over(&mut self, o: &Over) -> Result {
        match o {
            Over::Named(n) => n.fmt(self.0),
            Over::Spec(w) => w.fmt(self.0),
        }
    }
    fn line(&mut self, _: i32) {}
}

impl Display for SqlJson {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        print(self, &mut Plain(f))
    }
}

/// Prints an expression.
pub fn print(j: &SqlJson, o: &mut dyn Out) -> Result {
    match j {
        SqlJson::Search(s) if s.op == JsonSearchOp::Table => table(s, o),
        SqlJson::Search(s) => search(s, o),
        SqlJson::Make(m) => make(m, o),
    }
}

fn behavior(b: &JsonBehavior, o: &mut dyn Out) -> Result {
    o.text(match b {
        JsonBehavior::Error => "ERROR",
        JsonBehavior::Null => "NULL",
        JsonBehavior::True => "TRUE",
        JsonBehavior::False => "FALSE",
        JsonBehavior::Unknown => "UNKNOWN",
        JsonBehavior::EmptyArray => "EMPTY ARRAY",
        JsonBehavior::EmptyObject => "EMPTY OBJECT",
        JsonBehavior::Default(e) => {
            o.text("DEFAULT ")?;
            return o.expr(e);
        }
    })
}

fn form(f: &JsonForm, o: &mut dyn Out) -> Result {
    o.text(match f.wrapper {
        None => "",
        Some(JsonWrapper::Without) => " WITHOUT WRAPPER",
        Some(JsonWrapper::Conditional) => " WITH CONDITIONAL WRAPPER",
        Some(JsonWrapper::Unconditional) => " WITH UNCONDITIONAL WRAPPER",
    })?;
    o.text(match f.keep_quotes {
        None => "",
        Some(true) => " KEEP QUOTES",
        Some(false) => " OMIT QUOTES",
    })?;
    for (b, tail) in [(&f.on_empty, " ON EMPTY"), (&f.on_error, " ON ERROR")] {
        if let Some((b, _)) = b {
            o.text(" ")?;
            behavior(b, o)?;
            o.text(tail)?;
        }
    }
    Ok(())
}

fn format(f: &Option<JsonFormat>, o: &mut dyn Out) -> Result {
    let Some(f) = f else { return Ok(()) };
    o.text(" FORMAT JSON")?;
    if let Some(e) = f.encoding {
        o.text(" ENCODING ")?;
        o.text(e)?;
    }
    Ok(())
}

fn arg(a: &JsonArg, o: &mut dyn Out) -> Result {
    o.expr(&a.value)?;
    format(&a.format, o)
}

fn returning(r: &Option<JsonReturning>, o: &mut dyn Out) -> Result {
    let Some(r) = r else { return Ok(()) };
    o.text(" RETURNING ")?;
    o.ty(&r.ty)?;
    format(&r.format, o)
}

fn keyword(label: Option<&str>, o: &mut dyn Out) -> Result {
    o.text(&label.unwrap_or_default().to_ascii_uppercase())?;
    o.text("(")
}

fn search(s: &JsonSearch, o: &mut dyn Out) -> Result {
    keyword(Some(s.op.label()), o)?;
    arg(&s.context, o)?;
    o.text(", ")?;
    o.expr(&s.path)?;
    for (i, (value, name)) in s.passing.iter().enumerate() {
        o.text(if i == 0 { " PASSING " } else { ", " })?;
        arg(value, o)?;
        o.text(&format!(" AS {name}"))?;
    }
    returning(&s.returning, o)?;
    form(&s.form, o)?;
    o.text(")")
}

fn table(s: &JsonSearch, o: &mut dyn Out) -> Result {
    o.text("JSON_TABLE(")?;
    o.line(1);
    arg(&s.context, o)?;
    o.text(", ")?;
    o.expr(&s.path)?;
    if let Some(n) = &s.path_name {
        o.text(&format!(" AS {n}"))?;
    }
    for (i, (value, name)) in s.passing.iter().enumerate() {
        if i == 0 {
            o.text(" ")?;
            o.line(0);
            o.text("PASSING ")?;
        } else {
            o.text(", ")?;
        }
        o.line(i32::from(i == 0));
        arg(value, o)?;
        o.text(&format!(" AS {name}"))?;
    }
    o.text(" ")?;
    o.line(if s.passing.is_empty() { 0 } else { -1 });
    columns(&s.columns, o)?;
    if let Some((b, _)) = &s.form.on_error {
        o.text(" ")?;
        behavior(b, o)?;
        o.text(" ON ERROR")?;
    }
    o.line(-1);
    o.text(")")
}

fn columns(list: &[JsonColumn], o: &mut dyn Out) -> Result {
    o.text("COLUMNS (")?;
    for (i, c) in list.iter().enumerate() {
        if i > 0 {
            o.text(", ")?;
        }
        o.line(i32::from(i == 0));
        match c {
            JsonColumn::Ordinality(name) => o.text(&format!("{name} FOR ORDINALITY"))?,
            JsonColumn::Value { name, ty, exists, path, form: f } => {
                o.text(&format!("{name} "))?;
                o.ty(ty)?;
                format(&f.format, o)?;
                o.text(if *exists { " EXISTS" } else { "" })?;
                if let Some(JsonPathText { text: p, .. }) = path {
                    o.text(" PATH ")?;
                    o.string(p)?;
                }
                form(f, o)?;
            }
            JsonColumn::Nested { path, name, columns: inner } => {
                o.text("NESTED PATH ")?;
                o.string(path)?;
                if let Some(n) = name {
                    o.text(&format!(" AS {n}"))?;
                }
                o.text(" ")?;
                o.line(0);
                columns(inner, o)?;
            }
        }
    }
    o.line(-1);
    o.text(")")
}

fn make(m: &JsonMake, o: &mut dyn Out) -> Result {
    match m.op {
        JsonMakeOp::Is(kind) => {
            let parens = o.parens();
            o.text(if parens { "(" } else { "" })?;
            m.args.iter().try_for_each(|a| o.operand(&a.value))?;
            o.text(match kind {
                JsonKind::Value => " IS JSON",
                JsonKind::Scalar => " IS JSON SCALAR",
                JsonKind::Array => " IS JSON ARRAY",
                JsonKind::Object => " IS JSON OBJECT",
            })?;
            o.text(if m.unique { " WITH UNIQUE KEYS" } else { "" })?;
            return o.text(if parens { ")" } else { "" });
        }
        // The query in it says everything.
        JsonMakeOp::ArrayOf => return m.args.iter().try_for_each(|a| o.expr(&a.value)),
        _ => keyword(m.op.label(), o)?,
    }
    let object = matches!(m.op, JsonMakeOp::Object | JsonMakeOp::ObjectAgg);
    for (i, a) in m.args.iter().enumerate() {
        o.text(match i {
            0 => "",
            i if object && i % 2 == 1 => " : ",
            _ => ", ",
        })?;
        arg(a, o)?;
    }
    if !m.order_by.is_empty() {
        o.text(" ORDER BY ")?;
        o.order_by(&m.order_by)?;
    }
    o.text(match m.absent {
        None => "",
        Some(true) => " ABSENT ON NULL",
        Some(false) => " NULL ON NULL",
    })?;
    o.text(if m.unique { " WITH UNIQUE KEYS" } else { "" })?;
    returning(&m.returning, o)?;
    o.text(")")?;
    if let Some(e) = &m.filter {
        o.text(" FILTER (WHERE ")?;
        o.expr(e)?;
        o.text(")")?;
    }
    if let Some(w) = &m.over {
        o.text(" OVER ")?;
        o.over(w)?;
    }
    Ok(())
}
