//! Functions, procedures, aggregates, operators and casts of users.

use super::{Expr, Ident, Name, ObjectKind, ObjectRef, Pos, Set, Statement, TypeName};

/// CREATE FUNCTION, CREATE PROCEDURE.
#[derive(Clone, PartialEq, Debug)]
pub struct CreateRoutine {
    /// PROCEDURE.
    pub procedure: bool,
    /// OR REPLACE.
    pub or_replace: bool,
    /// Name.
    pub name: Name,
    /// Parameters, those of RETURNS TABLE not included.
    pub params: Vec<RoutineParam>,
    /// RETURNS.
    pub returns: Option<RoutineReturns>,
    /// Everything between the signature and an SQL-standard body, in order.
    pub options: Vec<RoutineOption>,
    /// RETURN … or BEGIN ATOMIC … END.
    pub body: Option<StandardBody>,
}

/// A parameter.
#[derive(Clone, PartialEq, Debug)]
pub struct RoutineParam {
    /// IN, OUT, INOUT, VARIADIC as a lower-case word.
    pub mode: Option<&'static str>,
    /// Name.
    pub name: Option<Ident>,
    /// Type.
    pub ty: TypeName,
    /// DEFAULT.
    pub default: Option<Expr>,
}

/// RETURNS.
#[derive(Clone, PartialEq, Debug)]
pub enum RoutineReturns {
    /// A type, perhaps SETOF.
    Type(TypeName),
    /// TABLE (…).
    Table(Vec<(Ident, TypeName)>),
}

/// An option with its place.
#[derive(Clone, PartialEq, Debug)]
pub struct RoutineOption {
    /// Where it is.
    pub pos: Pos,
    /// What it says.
    pub kind: RoutineOptionKind,
}

/// What an option of CREATE and ALTER FUNCTION says.
#[derive(Clone, PartialEq, Debug)]
pub enum RoutineOptionKind {
    /// LANGUAGE.
    Language(String),
    /// IMMUTABLE, STABLE, VOLATILE by `provolatile`'s letter.
    Volatility(char),
    /// STRICT, CALLED ON NULL INPUT.
    Strict(bool),
    /// SECURITY DEFINER, INVOKER.
    SecurityDefiner(bool),
    /// LEAKPROOF.
    Leakproof(bool),
    /// PARALLEL.
    Parallel(String),
    /// COST.
    Cost(String),
    /// ROWS.
    Rows(String),
    /// SUPPORT.
    Support(Name),
    /// WINDOW.
    Window,
    /// TRANSFORM.
    Transform,
    /// SET, RESET.
    Set(Set),
    /// AS: the strings, and where the text of the first begins, if it stands there literally.
    As(Vec<String>, Option<Pos>),
}

/// An SQL-standard body.
#[derive(Clone, PartialEq, Debug)]
pub enum RoutineBody {
    /// RETURN.
    Return(Expr),
    /// BEGIN ATOMIC … END.
    Atomic(Vec<Statement>),
}

/// A body with its text.
#[derive(Clone, PartialEq, Debug)]
pub struct StandardBody {
    /// What it is.
    pub body: RoutineBody,
    /// Its text.
    pub text: String,
}

/// ALTER FUNCTION, PROCEDURE, ROUTINE with options.
#[derive(Clone, PartialEq, Debug)]
pub struct AlterRoutine {
    /// Which kind of object it claims to be.
    pub kind: ObjectKind,
    /// Which one.
    pub object: ObjectRef,
    /// Options.
    pub options: Vec<RoutineOption>,
}

/// CALL.
#[derive(Clone, PartialEq, Debug)]
pub struct Call {
    /// The call.
    pub call: super::FuncCall,
    /// Where its name is.
    pub pos: Pos,
}

/// CREATE AGGREGATE.
#[derive(Clone, PartialEq, Debug)]
pub struct CreateAggregate {
    /// OR REPLACE.
    pub or_replace: bool,
    /// Name.
    pub name: Name,
    /// Arguments; `None` in the old form, where BASETYPE tells them.
    pub params: Option<Vec<RoutineParam>>,
    /// Number of direct arguments, for ordered-set aggregates.
    pub direct: Option<usize>,
    /// Definition.
    pub options: Vec<super::DefOption>,
    /// Where it begins.
    pub pos: Pos,
}

/// CREATE OPERATOR.
#[derive(Clone, PartialEq, Debug)]
pub struct CreateOperator {
    /// Name.
    pub name: Name,
    /// Definition.
    pub options: Vec<super::DefOption>,
    /// Where it begins.
    pub pos: Pos,
}

/// ALTER OPERATOR … SET.
#[derive(Clone, PartialEq, Debug)]
pub struct AlterOperator {
    /// The operator.
    pub object: super::ObjectRef,
    /// Attributes; one without a value is NONE.
    pub options: Vec<super::DefOption>,
}

/// CREATE CAST.
#[derive(Clone, PartialEq, Debug)]
pub struct CreateCast {
    /// Type it takes.
    pub source: super::TypeName,
    /// Type it makes.
    pub target: super::TypeName,
    /// How.
    pub method: CastMethod,
    /// 'i' AS IMPLICIT, 'a' AS ASSIGNMENT, 'e' neither.
    pub context: char,
}

/// CREATE COLLATION.
#[derive(Clone, PartialEq, Debug)]
pub struct CreateCollation {
    /// IF NOT EXISTS.
    pub if_not_exists: bool,
    /// Name.
    pub name: Name,
    /// FROM.
    pub from: Option<Name>,
    /// The list of options otherwise.
    pub options: Vec<super::DefOption>,
}

/// How a cast is made.
#[derive(Clone, PartialEq, Debug)]
pub enum CastMethod {
    /// WITH FUNCTION, with argument types if they are written.
    Function(Name, Option<Vec<super::RoutineArg>>),
    /// WITHOUT FUNCTION.
    Binary,
    /// WITH INOUT.
    InOut,
}
