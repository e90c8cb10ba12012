//! SQL/JSON of PostgreSQL 16 and 17: the query functions JSON_VALUE, JSON_QUERY, JSON_EXISTS and JSON_TABLE, the
//! constructors (JSON, JSON_SCALAR, JSON_SERIALIZE, JSON_OBJECT, JSON_ARRAY and their aggregates), and IS JSON.

use super::{Expr, FrameBound, Ident, Over, Pos, SortBy, TypeName};

/// One expression.
#[derive(Clone, Debug, PartialEq)]
pub enum SqlJson {
    /// A query function.
    Search(JsonSearch),
    /// A constructor or IS JSON.
    Make(JsonMake),
}

/// FORMAT JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonFormat {
    /// ENCODING: one of `UTF8`, `UTF16`, `UTF32`.
    pub encoding: Option<&'static str>,
    /// Where it is written.
    pub pos: Pos,
}

/// A value, maybe with FORMAT JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonArg {
    /// The value.
    pub value: Expr,
    /// FORMAT.
    pub format: Option<JsonFormat>,
}

/// RETURNING.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonReturning {
    /// The type.
    pub ty: TypeName,
    /// FORMAT.
    pub format: Option<JsonFormat>,
}

/// One of the query functions.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonSearch {
    /// Which.
    pub op: JsonSearchOp,
    /// The value that is searched.
    pub context: JsonArg,
    /// The path; of JSON_TABLE always a string.
    pub path: Expr,
    /// `AS name` of JSON_TABLE's path.
    pub path_name: Option<Ident>,
    /// PASSING: values of the path's variables.
    pub passing: Vec<(JsonArg, Ident)>,
    /// RETURNING.
    pub returning: Option<JsonReturning>,
    /// How the found items become one value.
    pub form: JsonForm,
    /// COLUMNS of JSON_TABLE.
    pub columns: Vec<JsonColumn>,
}

/// The query functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonSearchOp {
    /// JSON_VALUE.
    Value,
    /// JSON_QUERY.
    Query,
    /// JSON_EXISTS.
    Exists,
    /// JSON_TABLE.
    Table,
}

impl JsonSearchOp {
    /// The name of a column that shows it, which is its keyword.
    pub fn label(self) -> &'static str {
        match self {
            JsonSearchOp::Value => "json_value",
            JsonSearchOp::Query => "json_query",
            JsonSearchOp::Exists => "json_exists",
            JsonSearchOp::Table => "json_table",
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
    /// FORMAT of a column.
    pub format: Option<JsonFormat>,
    /// WRAPPER.
    pub wrapper: Option<JsonWrapper>,
    /// QUOTES: kept or not.
    pub keep_quotes: Option<bool>,
    /// ON EMPTY, and where it is written.
    pub on_empty: Option<(JsonBehavior, Pos)>,
    /// ON ERROR, and where it is written.
    pub on_error: Option<(JsonBehavior, Pos)>,
}

/// The path of a column.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonPathText {
    /// As written.
    pub text: String,
    /// Where.
    pub pos: Pos,
}

/// An element of COLUMNS.
#[allow(clippy::large_enum_variant, reason = "most elements are the large one")]
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
        /// PATH.
        path: Option<JsonPathText>,
        /// The clauses behind.
        form: JsonForm,
    },
    /// NESTED PATH.
    Nested {
        /// The path.
        path: String,
        /// `AS name`.
        name: Option<Ident>,
        /// COLUMNS.
        columns: Vec<JsonColumn>,
    },
}

/// A constructor or IS JSON.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonMake {
    /// Which.
    pub op: JsonMakeOp,
    /// Its values: of objects keys and values by turns.
    pub args: Vec<JsonArg>,
    /// ABSENT ON NULL (`true`) or NULL ON NULL.
    pub absent: Option<bool>,
    /// WITH UNIQUE KEYS.
    pub unique: bool,
    /// RETURNING.
    pub returning: Option<JsonReturning>,
    /// ORDER BY of JSON_ARRAYAGG.
    pub order_by: Vec<SortBy>,
    /// FILTER of an aggregate.
    pub filter: Option<Expr>,
    /// OVER of an aggregate.
    pub over: Option<Over>,
}

/// Constructors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonMakeOp {
    /// JSON.
    Json,
    /// JSON_SCALAR.
    Scalar,
    /// JSON_SERIALIZE.
    Serialize,
    /// JSON_OBJECT.
    Object,
    /// JSON_ARRAY of values.
    Array,
    /// JSON_ARRAY of a query: its argument is a subquery of one JSON_ARRAYAGG over the query.
    ArrayOf,
    /// JSON_OBJECTAGG.
    ObjectAgg,
    /// JSON_ARRAYAGG.
    ArrayAgg,
    /// IS JSON of a kind.
    Is(JsonKind),
}

/// Kinds of IS JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JsonKind {
    /// VALUE, or nothing written.
    Value,
    /// SCALAR.
    Scalar,
    /// ARRAY.
    Array,
    /// OBJECT.
    Object,
}

impl JsonMakeOp {
    /// The name of a column that shows it, which is its keyword; none for IS JSON.
    pub fn label(self) -> Option<&'static str> {
        Some(match self {
            JsonMakeOp::Json => "json",
            JsonMakeOp::Scalar => "json_scalar",
            JsonMakeOp::Serialize => "json_serialize",
            JsonMakeOp::Object => "json_object",
            JsonMakeOp::Array | JsonMakeOp::ArrayOf => "json_array",
            JsonMakeOp::ObjectAgg => "json_objectagg",
            JsonMakeOp::ArrayAgg => "json_arrayagg",
            JsonMakeOp::Is(..) => return None,
        })
    }

    /// Whether NULLs are left out when nothing is written about them.
    pub fn leaves_out_nulls(self) -> bool {
        matches!(self, JsonMakeOp::Array | JsonMakeOp::ArrayAgg)
    }
}

impl JsonMake {
    /// A constructor of values, with nothing else written.
    pub fn of(op: JsonMakeOp, args: Vec<JsonArg>) -> JsonMake {
        JsonMake { op, args, absent: None, unique: false, returning: None, order_by: vec![], filter: None, over: None }
    }
}

/// Whether a word begins one of the expressions where a parenthesis follows.
pub fn is_json_word(word: &str) -> bool {
    let made = [
        JsonMakeOp::Json,
        JsonMakeOp::Scalar,
        JsonMakeOp::Serialize,
        JsonMakeOp::Object,
        JsonMakeOp::Array,
        JsonMakeOp::ObjectAgg,
        JsonMakeOp::ArrayAgg,
    ];
    let searched = [JsonSearchOp::Value, JsonSearchOp::Query, JsonSearchOp::Exists, JsonSearchOp::Table];
    made.iter().any(|m| m.label() == Some(word)) || searched.iter().any(|s| s.label() == word)
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
    /// The name of a column that shows it.
    pub fn label(&self) -> Option<&'static str> {
        match self {
            SqlJson::Search(s) => Some(s.op.label()),
            SqlJson::Make(m) => m.op.label(),
        }
    }

    /// Whether it is a query function.
    pub fn is_search(&self) -> bool {
        matches!(self, SqlJson::Search(_))
    }

    /// Whether it is a JSON_TABLE.
    pub fn is_table(&self) -> bool {
        matches!(self, SqlJson::Search(s) if s.op == JsonSearchOp::Table)
    }

    /// The expressions in it.
    pub fn exprs(&self) -> Vec<&Expr> {
        let mut out = Vec::new();
        match self {
            SqlJson::Search(s) => {
                out.extend([&s.context.value, &s.path]);
                out.extend(s.passing.iter().map(|p| &p.0.value));
                defaults(&s.form, &mut out);
                of_columns(&s.columns, &mut out);
            }
            SqlJson::Make(m) => {
                out.extend(m.args.iter().map(|a| &a.value));
                out.extend(m.order_by.iter().map(|s| &s.expr));
                out.extend(&m.filter);
                if let Some(Over::Spec(w)) = &m.over {
                    out.extend(w.partition_by.iter().chain(w.order_by.iter().map(|s| &s.expr)));
                    for b in w.frame.iter().flat_map(|f| [&f.start, &f.end]) {
                        if let FrameBound::Preceding(e) | FrameBound::Following(e) = b {
                            out.push(e);
                        }
                    }
                }
            }
        }
        out
    }

    /// The expressions in it, to change.
    pub fn exprs_mut(&mut self) -> Vec<&mut Expr> {
        let mut out = Vec::new();
        match self {
            SqlJson::Search(s) => {
                out.extend([&mut s.context.value, &mut s.path]);
                out.extend(s.passing.iter_mut().map(|p| &mut p.0.value));
                defaults_mut(&mut s.form, &mut out);
                of_columns_mut(&mut s.columns, &mut out);
            }
            SqlJson::Make(m) => {
                out.extend(m.args.iter_mut().map(|a| &mut a.value));
                out.extend(m.order_by.iter_mut().map(|s| &mut s.expr));
                out.extend(&mut m.filter);
                if let Some(Over::Spec(w)) = &mut m.over {
                    out.extend(w.partition_by.iter_mut().chain(w.order_by.iter_mut().map(|s| &mut s.expr)));
                    for b in w.frame.iter_mut().flat_map(|f| [&mut f.start, &mut f.end]) {
                        if let FrameBound::Preceding(e) | FrameBound::Following(e) = b {
                            out.push(e);
                        }
                    }
                }
            }
        }
        out
    }
}
