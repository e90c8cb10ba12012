//! The one error type. It carries what a PostgreSQL client shows: SQLSTATE, message, detail, hint, position, and the
//! names of the objects concerned. It is built where the fault is known and turned into wire bytes in one place
//! (`server/src/wire/error.rs`).

use crate::sqlstate::SqlState;
use std::borrow::Cow;
use std::fmt;
use std::panic::Location;

/// Shorthand for results that fail with a [`DbError`].
pub type Result<T, E = DbError> = std::result::Result<T, E>;

/// How far an error reaches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    /// The statement fails; the session goes on.
    Error,
    /// The session ends.
    Fatal,
    /// The server stops.
    Panic,
}

/// The less common fields of an error; boxed so that `Result<T>` stays small.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ErrorFields {
    /// DETAIL line.
    pub detail: Option<String>,
    /// HINT line.
    pub hint: Option<String>,
    /// 1-based character position in the statement text.
    pub position: Option<u32>,
    /// 1-based character position in `internal_query`.
    pub internal_position: Option<u32>,
    /// Text of a statement the server itself ran.
    pub internal_query: Option<String>,
    /// CONTEXT lines.
    pub context: Option<String>,
    /// Schema of the object concerned.
    pub schema: Option<String>,
    /// Table concerned.
    pub table: Option<String>,
    /// Column concerned.
    pub column: Option<String>,
    /// Data type concerned.
    pub datatype: Option<String>,
    /// Constraint concerned.
    pub constraint: Option<String>,
}

/// The place in our sources where an error was made. It says nothing of what the error is: all places are equal.
#[derive(Clone, Copy)]
pub struct Origin(&'static Location<'static>);

impl Origin {
    /// File name without its folders.
    pub fn file(self) -> &'static str {
        self.0.file().rsplit(['/', '\\']).next().unwrap_or_default()
    }
    /// Line in the file.
    pub fn line(self) -> u32 {
        self.0.line()
    }
    /// Name of the module, the nearest thing to a routine that is known.
    pub fn module(self) -> &'static str {
        let mut path = self.0.file().rsplit(['/', '\\']);
        match path.next().unwrap_or_default().trim_end_matches(".rs") {
            "mod" => path.next().unwrap_or_default(),
            name => name,
        }
    }
}

impl PartialEq for Origin {
    fn eq(&self, _: &Origin) -> bool {
        true
    }
}

impl Eq for Origin {}

/// An error with its SQLSTATE.
#[derive(Clone, PartialEq, Eq)]
pub struct DbError {
    /// Class and code.
    pub code: SqlState,
    /// How far it reaches.
    pub severity: Severity,
    /// Primary message, in PostgreSQL's wording.
    pub message: Cow<'static, str>,
    /// The rest; `None` when there is none.
    pub fields: Option<Box<ErrorFields>>,
    /// Where it was made.
    pub origin: Origin,
}

impl DbError {
    /// A statement-level error.
    #[track_caller]
    pub fn new(code: SqlState, message: impl Into<Cow<'static, str>>) -> DbError {
        let origin = Origin(Location::caller());
        DbError { code, severity: Severity::Error, message: message.into(), fields: None, origin }
    }
    /// A session-ending error.
    #[track_caller]
    pub fn fatal(code: SqlState, message: impl Into<Cow<'static, str>>) -> DbError {
        DbError { severity: Severity::Fatal, ..DbError::new(code, message) }
    }
    /// A server-stopping error: the state on disk or in memory can no longer be trusted.
    #[track_caller]
    pub fn panic(code: SqlState, message: impl Into<Cow<'static, str>>) -> DbError {
        DbError { severity: Severity::Panic, ..DbError::new(code, message) }
    }
    /// XX000: a bug of ours.
    #[track_caller]
    pub fn internal(message: impl Into<Cow<'static, str>>) -> DbError {
        DbError::new(SqlState::INTERNAL_ERROR, message)
    }
    /// XX001: stored data fails its checks.
    #[track_caller]
    pub fn corrupt(message: impl Into<Cow<'static, str>>) -> DbError {
        DbError::new(SqlState::DATA_CORRUPTED, message)
    }
    /// 0A000: PostgreSQL has it, RustyDB does not (yet).
    #[track_caller]
    pub fn unsupported(message: impl Into<Cow<'static, str>>) -> DbError {
        DbError::new(SqlState::FEATURE_NOT_SUPPORTED, message)
    }
    /// 58030 from an operating-system error, with the action that failed, e.g. `write file "base/5.0"`.
    #[track_caller]
    pub fn io(action: impl fmt::Display, err: &std::io::Error) -> DbError {
        let code = match err.raw_os_error() {
            Some(28) => SqlState::DISK_FULL,
            _ => SqlState::IO_ERROR,
        };
        DbError::new(code, format!("could not {action}: {err}"))
    }
    fn fields_mut(&mut self) -> &mut ErrorFields {
        self.fields.get_or_insert_with(Default::default)
    }
    /// Adds a DETAIL line.
    pub fn detail(mut self, s: impl Into<String>) -> DbError {
        self.fields_mut().detail = Some(s.into());
        self
    }
    /// Adds a HINT line.
    pub fn hint(mut self, s: impl Into<String>) -> DbError {
        self.fields_mut().hint = Some(s.into());
        self
    }
    /// Adds a HINT line if there is one.
    pub fn hint_opt(self, s: Option<String>) -> DbError {
        match s {
            Some(s) => self.hint(s),
            None => self,
        }
    }
    /// Adds a CONTEXT line.
    pub fn context(mut self, s: impl Into<String>) -> DbError {
        self.fields_mut().context = Some(s.into());
        self
    }
    /// Sets the 1-based character position unless one is already known (the innermost place wins).
    pub fn at(mut self, position: u32) -> DbError {
        let f = self.fields_mut();
        if f.position.is_none() && position > 0 {
            f.position = Some(position);
        }
        self
    }
    /// Names the table concerned.
    pub fn table(mut self, schema: impl Into<String>, table: impl Into<String>) -> DbError {
        let f = self.fields_mut();
        f.schema = Some(schema.into());
        f.table = Some(table.into());
        self
    }
    /// Names the column concerned.
    pub fn column(mut self, column: impl Into<String>) -> DbError {
        self.fields_mut().column = Some(column.into());
        self
    }
    /// Names the data type concerned.
    pub fn datatype(mut self, datatype: impl Into<String>) -> DbError {
        self.fields_mut().datatype = Some(datatype.into());
        self
    }
    /// Names the constraint concerned.
    pub fn constraint(mut self, constraint: impl Into<String>) -> DbError {
        self.fields_mut().constraint = Some(constraint.into());
        self
    }
}

impl fmt::Display for DbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl fmt::Debug for DbError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}: {}", self.severity, self.code, self.message)?;
        if let Some(x) = &self.fields {
            write!(f, " {x:?}")?;
        }
        Ok(())
    }
}

impl std::error::Error for DbError {}
