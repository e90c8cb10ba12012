//! COPY's options, with PostgreSQL's rules of what goes with what.

use crate::session::explain::flag;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{DefOption, DefValue, NO_POS};

/// The stream's format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum Format {
    Text,
    Csv,
    Binary,
}

/// HEADER.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Header {
    /// No header line.
    No,
    /// Written, or skipped.
    Yes,
    /// Read and compared with the column names.
    Match,
}

/// Columns an option names.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ColumnChoice {
    /// `*`.
    pub all: bool,
    /// Names.
    pub names: Vec<String>,
}

impl ColumnChoice {
    /// Whether a column is meant.
    pub fn has(&self, name: &str) -> bool {
        self.all || self.names.iter().any(|n| n == name)
    }
}

/// What COPY was told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// FORMAT.
    pub format: Format,
    /// FREEZE.
    pub freeze: bool,
    /// DELIMITER.
    pub delimiter: u8,
    /// NULL.
    pub null: String,
    /// HEADER.
    pub header: Header,
    /// QUOTE.
    pub quote: u8,
    /// ESCAPE.
    pub escape: u8,
    /// FORCE_QUOTE.
    pub force_quote: ColumnChoice,
    /// FORCE_NOT_NULL.
    pub force_not_null: ColumnChoice,
    /// FORCE_NULL.
    pub force_null: ColumnChoice,
}

fn syntax(m: impl Into<std::borrow::Cow<'static, str>>) -> DbError {
    DbError::new(SqlState::SYNTAX_ERROR, m)
}

fn value(m: impl Into<std::borrow::Cow<'static, str>>) -> DbError {
    DbError::new(SqlState::INVALID_PARAMETER_VALUE, m)
}

fn text(o: &DefOption) -> Result<&str> {
    match &o.value {
        Some(DefValue::Word(s) | DefValue::String(s) | DefValue::Number(s)) => Ok(s),
        _ => Err(syntax(format!("{} requires a parameter", o.name.value))),
    }
}

fn columns(o: &DefOption, star: bool) -> Result<ColumnChoice> {
    match &o.value {
        Some(DefValue::Star) if star => Some(ColumnChoice { all: true, names: vec![] }),
        Some(DefValue::List(items)) => {
            let names = items
                .iter()
                .map(|i| match i {
                    DefValue::Word(s) | DefValue::String(s) => Some(s.clone()),
                    _ => None,
                })
                .collect::<Option<Vec<_>>>();
            names.map(|names| ColumnChoice { all: false, names })
        }
        _ => None,
    }
    .ok_or_else(|| value(format!("argument to option \"{}\" must be a list of column names", o.name.value)))
}

fn one_byte(s: &str, what: &str) -> Result<u8> {
    match s.as_bytes() {
        [b] => Ok(*b),
        _ => Err(DbError::unsupported(format!("COPY {what} must be a single one-byte character"))),
    }
}

/// Reads the options of COPY FROM or TO.
pub fn read(list: &[DefOption], from: bool, statement: &str) -> Result<Options> {
    let place = |o: &DefOption, e: DbError| match o.name.pos {
        NO_POS => e,
        p => e.at(rustydb_parser::char_position(statement, p)),
    };
    let mut format = None;
    let (mut freeze, mut delimiter, mut null, mut header) = (None, None, None, None);
    let (mut quote, mut escape, mut encoding) = (None, None, None);
    let (mut force_quote, mut force_not_null, mut force_null) = (None, None, None);
    fn set<T>(slot: &mut Option<T>, v: T) -> Result<()> {
        match slot.replace(v) {
            None => Ok(()),
            Some(_) => Err(syntax("conflicting or redundant options")),
        }
    }
    for o in list {
        match o.name.value.as_str() {
            "format" => {
                let f = match text(o)? {
                    "text" => Format::Text,
                    "csv" => Format::Csv,
                    "binary" => Format::Binary,
                    other => {
                        return Err(place(o, value(format!("COPY format \"{other}\" not recognized"))));
                    }
                };
                set(&mut format, f).map_err(|e| place(o, e))?;
            }
            "freeze" => set(&mut freeze, flag(o)?).map_err(|e| place(o, e))?,
            "delimiter" => set(&mut delimiter, text(o)?.to_owned()).map_err(|e| place(o, e))?,
            "null" => set(&mut null, text(o)?.to_owned()).map_err(|e| place(o, e))?,
            "header" => {
                let h = match &o.value {
                    Some(DefValue::Word(w) | DefValue::String(w)) if w.eq_ignore_ascii_case("match") => {
                        if !from {
                            return Err(DbError::unsupported("cannot use \"match\" with HEADER in COPY TO"));
                        }
                        Header::Match
                    }
                    _ => match flag(o) {
                        Ok(true) => Header::Yes,
                        Ok(false) => Header::No,
                        Err(_) => return Err(syntax("header requires a Boolean value or \"match\"")),
                    },
                };
                set(&mut header, h).map_err(|e| place(o, e))?;
            }
            "quote" => set(&mut quote, text(o)?.to_owned()).map_err(|e| place(o, e))?,
            "escape" => set(&mut escape, text(o)?.to_owned()).map_err(|e| place(o, e))?,
            "force_quote" => {
                columns(o, true).and_then(|c| set(&mut force_quote, c)).map_err(|e| place(o, e))?;
            }
            "force_not_null" => {
                columns(o, false).and_then(|c| set(&mut force_not_null, c)).map_err(|e| place(o, e))?;
            }
            "force_null" => {
                columns(o, false).and_then(|c| set(&mut force_null, c)).map_err(|e| place(o, e))?;
            }
            "encoding" => {
                let name = text(o)?;
                match rustydb_types::funcs::info::encoding_number(name) {
                    6 | 0 => set(&mut encoding, ()).map_err(|e| place(o, e))?,
                    -1 => {
                        let e = value("argument to option \"encoding\" must be a valid encoding name");
                        return Err(place(o, e));
                    }
                    _ => {
                        return Err(DbError::unsupported(format!(
                            "COPY encoding \"{name}\" is not supported: use UTF8"
                        )));
                    }
                }
            }
            other => return Err(place(o, syntax(format!("option \"{other}\" not recognized")))),
        }
    }
    let format = format.unwrap_or(Format::Text);
    let (binary, csv) = (format == Format::Binary, format == Format::Csv);
    if binary && delimiter.is_some() {
        return Err(syntax("cannot specify DELIMITER in BINARY mode"));
    }
    if binary && null.is_some() {
        return Err(syntax("cannot specify NULL in BINARY mode"));
    }
    let delimiter = one_byte(&delimiter.unwrap_or_else(|| if csv { "," } else { "\t" }.to_owned()), "delimiter")?;
    let null = null.unwrap_or_else(|| if csv { "" } else { "\\N" }.to_owned());
    if !csv && quote.is_some() {
        return Err(DbError::unsupported("COPY quote available only in CSV mode"));
    }
    if !csv && escape.is_some() {
        return Err(DbError::unsupported("COPY escape available only in CSV mode"));
    }
    if matches!(delimiter, b'\r' | b'\n') {
        return Err(value("COPY delimiter cannot be newline or carriage return"));
    }
    if null.contains(['\r', '\n']) {
        return Err(value("COPY null representation cannot use newline or carriage return"));
    }
    if !csv && b"\\.abcdefghijklmnopqrstuvwxyz0123456789".contains(&delimiter) {
        return Err(value(format!("COPY delimiter cannot be \"{}\"", char::from(delimiter))));
    }
    if binary && header.is_some_and(|h| h != Header::No) {
        return Err(DbError::unsupported("cannot specify HEADER in BINARY mode"));
    }
    let quote = one_byte(quote.as_deref().unwrap_or("\""), "quote")?;
    if csv && delimiter == quote {
        return Err(value("COPY delimiter and quote must be different"));
    }
    let escape = match &escape {
        Some(e) => one_byte(e, "escape")?,
        None => quote,
    };
    for (choice, name, needs_from) in [
        (&force_quote, "force quote", false),
        (&force_not_null, "force not null", true),
        (&force_null, "force null", true),
    ] {
        if choice.is_some() && !csv {
            return Err(DbError::unsupported(format!("COPY {name} available only in CSV mode")));
        }
        if choice.is_some() && from != needs_from {
            let direction = if needs_from { "FROM" } else { "TO" };
            return Err(DbError::unsupported(format!("COPY {name} only available using COPY {direction}")));
        }
    }
    if !binary && null.as_bytes().contains(&delimiter) {
        return Err(DbError::unsupported("COPY delimiter must not appear in the NULL specification"));
    }
    if csv && null.as_bytes().contains(&quote) {
        return Err(DbError::unsupported("CSV quote character must not appear in the NULL specification"));
    }
    if freeze == Some(true) && !from {
        return Err(DbError::unsupported("COPY freeze only available using COPY FROM"));
    }
    Ok(Options {
        format,
        freeze: freeze.unwrap_or(false),
        delimiter,
        null,
        header: header.unwrap_or(Header::No),
        quote,
        escape,
        force_quote: force_quote.unwrap_or_default(),
        force_not_null: force_not_null.unwrap_or_default(),
        force_null: force_null.unwrap_or_default(),
    })
}
