//! Text search objects and conversions: what has a schema, a name and a list of options.

use super::{DefOption, Ident, Name, ObjectKind};

/// CREATE TEXT SEARCH …, ALTER TEXT SEARCH DICTIONARY: a name and `(option = value, …)`.
#[derive(Clone, PartialEq, Debug)]
pub struct DefineSearch {
    /// Parser, dictionary, template or configuration.
    pub kind: ObjectKind,
    /// ALTER, not CREATE.
    pub alter: bool,
    /// Name.
    pub name: Name,
    /// Options.
    pub options: Vec<DefOption>,
}

/// What ALTER TEXT SEARCH CONFIGURATION does to the mapping.
#[derive(Clone, PartialEq, Debug)]
pub enum MappingChange {
    /// ADD MAPPING FOR types WITH dictionaries.
    Add(Vec<Ident>, Vec<Name>),
    /// ALTER MAPPING FOR types WITH dictionaries.
    Set(Vec<Ident>, Vec<Name>),
    /// ALTER MAPPING [FOR types] REPLACE old WITH new.
    Replace(Vec<Ident>, Name, Name),
    /// DROP MAPPING [IF EXISTS] FOR types.
    Drop(Vec<Ident>, bool),
}

/// ALTER TEXT SEARCH CONFIGURATION … MAPPING.
#[derive(Clone, PartialEq, Debug)]
pub struct AlterMapping {
    /// The configuration.
    pub name: Name,
    /// The change.
    pub change: MappingChange,
}

/// CREATE CONVERSION.
#[derive(Clone, PartialEq, Debug)]
pub struct CreateConversion {
    /// DEFAULT.
    pub default: bool,
    /// Name.
    pub name: Name,
    /// Encoding it reads.
    pub source: String,
    /// Encoding it writes.
    pub target: String,
    /// Function.
    pub function: Name,
}
