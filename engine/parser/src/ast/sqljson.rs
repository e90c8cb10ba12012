//! The SQL/JSON query functions of PostgreSQL 17: JSON_VALUE, JSON_QUERY, JSON_EXISTS and JSON_TABLE.

use super::{Expr, Ident, Pos, TypeName};

/// One of the query functions.
#[derive(Clone, Debug, PartialEq)]
pub struct SqlJson {
    /// Which.
    pub op: SqlJsonOp,
    /// The value that is searched.
    pub context: Expr,
    /// The path; of JSON_TABLE always a string.
    pub path: Expr,
    /// `AS name` of JSON_TABLE's path.
    pub path_name: Option<Ident>,
    /// PASSING: values of the path's variables.
    pub passing: Vec<(Expr, Ident)>,
    /// RETURNING.
    pub returning: Option<TypeName>,
    /// How the found items become one value.
    pub form: JsonForm,
    /// COLUMNS of JSON_TABLE.
    pub columns: Vec<JsonColumn>,
}

/// The query functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SqlJsonOp {
    /// JSON_VALUE.
    Value,
    /// JSON_QUERY.
    Query,
    /// JSON_EXISTS.
    Exists,
    /// JSON_TABLE.
    Table,
}

impl SqlJsonOp {
    /// Its keyword.
    pub fn keyword(self) -> &'static str {
        match self {
            SqlJsonOp::Value => "JSON_VALUE",
            SqlJsonOp::Query => "JSON_QUERY",
            SqlJsonOp::Exists => "JSON_EXISTS",
            SqlJsonOp::Table => "JSON_TABLE",
        }
    }

    /// The name of a column that shows it.
    pub fn label(self) -> &'static str {
        match self {
            SqlJsonOp::Value => "json_value",
            SqlJsonOp::Query => "json_query",
            SqlJsonOp::Exists => "json_exists",
            SqlJsonOp::Table => "json_table",
        }
    }
}

/// WRAPPER of JSON_QUERY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonWrapper {
    /// WITHOUT WRAPPER.
    Without,
    /// WITH CONDITIONAL WRAPPER: several items become an array.
    Conditional,
    /// WITH WRAPPER.
    Unconditional,
}

/// What an empty result or an error becomes.
#[derive(Clone, Debug, PartialEq)]
pub enum JsonBehavior {
    /// ERROR.
    Error,
    /// NULL.
    Null,
    /// TRUE.
    True,
    /// FALSE.
    False,
    /// UNKNOWN.
    Unknown,
    /// EMPTY ARRAY.
    EmptyArray,
    /// EMPTY OBJECT.
    EmptyObject,
    /// DEFAULT.
    Default(Expr),
}

/// The clauses behind a path. What is not written is `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JsonForm {
    /// FORMAT JSON is written.
    pub format: bool,
    /// WRAPPER.
    pub wrapper: Option<JsonWrapper>,
    /// QUOTES: kept or not.
    pub keep_quotes: Option<bool>,
    /// ON EMPTY, and where it is written.
    pub on_empty: Option<(JsonBehavior, Pos)>,
    /// ON ERROR, and where it is written.
    pub on_error: Option<(JsonBehavior, Pos)>,
}

/// An element of COLUMNS.
#[derive(Clone, Debug, PartialEq)]
pub enum JsonColumn {
    /// `name FOR ORDINALITY`.
    Ordinality(Ident),
    /// `name type [EXISTS] [PATH path] …`.
    Value {
        /// Its name.
        name: Ident,
        /// Its type.
        ty: TypeName,
        /// EXISTS.
        exists: bool,
        /// PATH, and where it is written.
        path: Option<(String, Pos)>,
        /// The clauses behind.
        form: JsonForm,
    },
    /// NESTED PATH.
    Nested {
        /// The path.
        path: String,
        /// Where it is written.
        pos: Pos,
        /// `AS name`.
        name: Option<Ident>,
        /// COLUMNS.
        columns: Vec<JsonColumn>,
    },
}

fn defaults<'a>(form: &'a JsonForm, out: &mut Vec<&'a Expr>) {
    for b in form.on_empty.iter().chain(&form.on_error) {
        if let JsonBehavior::Default(e) = &b.0 {
            out.push(e);
        }
    }
}

fn defaults_mut<'a>(form: &'a mut JsonForm, out: &mut Vec<&'a mut Expr>) {
    for b in form.on_empty.iter_mut().chain(&mut form.on_error) {
        if let JsonBehavior::Default(e) = &mut b.0 {
            out.push(e);
        }
    }
}

fn of_columns<'a>(columns: &'a [JsonColumn], out: &mut Vec<&'a Expr>) {
    for c in columns {
        match c {
            JsonColumn::Ordinality(_) => {}
            JsonColumn::Value { form, .. } => defaults(form, out),
            JsonColumn::Nested { columns, .. } => of_columns(columns, out),
        }
    }
}

fn of_columns_mut<'a>(columns: &'a mut [JsonColumn], out: &mut Vec<&'a mut Expr>) {
    for c in columns {
        match c {
            JsonColumn::Ordinality(_) => {}
            JsonColumn::Value { form, .. } => defaults_mut(form, out),
            JsonColumn::Nested { columns, .. } => of_columns_mut(columns, out),
        }
    }
}

impl SqlJson {
    /// The expressions in it.
    pub fn exprs(&self) -> Vec<&Expr> {
        let mut out = vec![&self.context, &self.path];
        out.extend(self.passing.iter().map(|p| &p.0));
        defaults(&self.form, &mut out);
        of_columns(&self.columns, &mut out);
        out
    }

    /// The expressions in it, to change.
    pub fn exprs_mut(&mut self) -> Vec<&mut Expr> {
        let mut out = vec![&mut self.context, &mut self.path];
        out.extend(self.passing.iter_mut().map(|p| &mut p.0));
        defaults_mut(&mut self.form, &mut out);
        of_columns_mut(&mut self.columns, &mut out);
        out
    }
}
