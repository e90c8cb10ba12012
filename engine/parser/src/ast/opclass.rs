//! Operator classes and families.

use super::{Ident, Name, ObjectRef, Pos, TypeName};

/// CREATE OPERATOR CLASS.
#[derive(Clone, PartialEq, Debug)]
pub struct CreateOperatorClass {
    /// Name.
    pub name: Name,
    /// DEFAULT.
    pub default: bool,
    /// FOR TYPE.
    pub ty: TypeName,
    /// USING.
    pub method: Ident,
    /// FAMILY.
    pub family: Option<Name>,
    /// AS.
    pub items: Vec<OpClassItem>,
}

/// CREATE OPERATOR FAMILY.
#[derive(Clone, PartialEq, Debug)]
pub struct CreateOperatorFamily {
    /// Name.
    pub name: Name,
    /// USING.
    pub method: Ident,
}

/// ALTER OPERATOR FAMILY … ADD and DROP.
#[derive(Clone, PartialEq, Debug)]
pub struct AlterOperatorFamily {
    /// Name.
    pub name: Name,
    /// USING.
    pub method: Ident,
    /// What is added or dropped.
    pub change: OpFamilyChange,
}

/// What ALTER OPERATOR FAMILY does.
#[derive(Clone, PartialEq, Debug)]
pub enum OpFamilyChange {
    /// ADD.
    Add(Vec<OpClassItem>),
    /// DROP.
    Drop(Vec<OpFamilyDrop>),
}

/// An item of DROP: `OPERATOR n (types)` or `FUNCTION n (types)`.
#[derive(Clone, PartialEq, Debug)]
pub struct OpFamilyDrop {
    /// Whether it is a function.
    pub function: bool,
    /// Its number.
    pub number: i32,
    /// Its types.
    pub types: Vec<TypeName>,
}

/// An item of an operator class.
#[derive(Clone, PartialEq, Debug)]
pub enum OpClassItem {
    /// OPERATOR.
    Operator {
        /// Strategy number.
        number: i32,
        /// The operator.
        name: Name,
        /// Its operands, if they are written; `None` inside is NONE.
        types: Option<(Option<TypeName>, Option<TypeName>)>,
        /// FOR ORDER BY: a btree family.
        order_by: Option<Name>,
    },
    /// FUNCTION.
    Function {
        /// Support number.
        number: i32,
        /// Data types written before the function.
        types: Vec<TypeName>,
        /// The function.
        function: ObjectRef,
    },
    /// STORAGE.
    Storage(TypeName, Pos),
}
