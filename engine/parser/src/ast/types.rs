//! Statements about types: CREATE TYPE, CREATE DOMAIN and what alters them.

use super::{ColumnDef, Constraint, DefOption, Expr, Ident, Name, Pos, TypeName};

/// CREATE TYPE … AS (…) and AS RANGE.
#[derive(Clone, PartialEq, Debug)]
pub struct CreateType {
    /// Name.
    pub name: Name,
    /// What it is.
    pub body: TypeBody,
}

/// What CREATE TYPE makes.
#[derive(Clone, PartialEq, Debug)]
pub enum TypeBody {
    /// A composite type's attributes (type and collation only).
    Composite(Vec<ColumnDef>),
    /// A range type's options.
    Range(Vec<DefOption>),
    /// A shell: the name alone.
    Shell,
    /// A base type's definition.
    Base(Vec<DefOption>),
}

/// CREATE DOMAIN.
#[derive(Clone, PartialEq, Debug)]
pub struct CreateDomain {
    /// Name.
    pub name: Name,
    /// Type it is over.
    pub ty: TypeName,
    /// COLLATE.
    pub collation: Option<Name>,
    /// DEFAULT, NOT NULL, CHECK… in the order written.
    pub constraints: Vec<Constraint>,
}

/// ALTER DOMAIN.
#[derive(Clone, PartialEq, Debug)]
pub struct AlterDomain {
    /// Domain.
    pub name: Name,
    /// What changes.
    pub action: DomainAction,
}

/// A change of a domain.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum DomainAction {
    SetDefault(Option<Expr>),
    SetNotNull(bool),
    Add(Box<Constraint>),
    Drop { name: Ident, if_exists: bool, cascade: bool },
    Validate(Ident),
}

/// ALTER TYPE … ADD VALUE.
#[derive(Clone, PartialEq, Debug)]
pub struct AddEnumValue {
    /// Enum.
    pub name: Name,
    /// New label.
    pub label: String,
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// BEFORE (`true`) or AFTER another label.
    pub beside: Option<(bool, String)>,
}

/// ALTER TYPE … ADD, DROP, ALTER ATTRIBUTE.
#[derive(Clone, PartialEq, Debug)]
pub struct AlterComposite {
    /// Type.
    pub name: Name,
    /// Changes in the order written.
    pub commands: Vec<AttributeCommand>,
}

/// A change of a composite type.
#[derive(Clone, PartialEq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum AttributeCommand {
    Add { attribute: Box<ColumnDef>, cascade: bool },
    Drop { name: Ident, if_exists: bool, cascade: bool },
    SetType { name: Ident, ty: TypeName, collation: Option<Name>, cascade: bool, pos: Pos },
}
