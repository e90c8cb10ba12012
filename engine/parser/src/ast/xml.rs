//! The SQL/XML expressions.

use super::{Expr, Ident, TypeName};

/// One expression: what it does, and what with.
#[derive(Clone, Debug, PartialEq)]
pub struct XmlExpr {
    /// What it does.
    pub op: XmlOp,
    /// Values under names: attributes of an element, elements of a forest.
    pub named: Vec<(Expr, Option<Ident>)>,
    /// Plain values.
    pub args: Vec<Expr>,
}

/// Kinds of SQL/XML expressions.
#[derive(Clone, Debug, PartialEq)]
pub enum XmlOp {
    /// XMLCONCAT.
    Concat,
    /// XMLELEMENT of a name.
    Element(Ident),
    /// XMLFOREST.
    Forest,
    /// XMLPARSE of a document or of content.
    Parse {
        /// DOCUMENT.
        document: bool,
        /// PRESERVE WHITESPACE.
        preserve: bool,
    },
    /// XMLPI of a target.
    Pi(Ident),
    /// XMLROOT: a value and, unless NO VALUE, a version.
    Root(XmlStandalone),
    /// XMLSERIALIZE of a document or of content.
    Serialize {
        /// DOCUMENT.
        document: bool,
        /// The type asked for.
        ty: Box<TypeName>,
    },
    /// IS DOCUMENT.
    IsDocument,
    /// XMLTABLE, which stands in FROM only. Its values under names are namespaces (URI and prefix, none for DEFAULT); its
    /// plain values are the row path, the document and, column by column, the path and the default where there is one.
    Table(Vec<XmlColumn>),
}

/// A column of XMLTABLE.
#[derive(Clone, Debug, PartialEq)]
pub struct XmlColumn {
    /// Its name.
    pub name: Ident,
    /// What it shows; `None` for FOR ORDINALITY.
    pub value: Option<XmlColumnValue>,
}

/// What a column of XMLTABLE shows.
#[derive(Clone, Debug, PartialEq)]
pub struct XmlColumnValue {
    /// Its type.
    pub ty: TypeName,
    /// Whether PATH is among the arguments; else it is the name.
    pub path: bool,
    /// Whether DEFAULT is.
    pub default: bool,
    /// NOT NULL.
    pub not_null: bool,
}

impl XmlOp {
    /// The keyword that the expression begins with.
    pub fn keyword(&self) -> &'static str {
        match self {
            XmlOp::Concat => "XMLCONCAT",
            XmlOp::Element(_) => "XMLELEMENT",
            XmlOp::Forest => "XMLFOREST",
            XmlOp::Parse { .. } => "XMLPARSE",
            XmlOp::Pi(_) => "XMLPI",
            XmlOp::Root(_) => "XMLROOT",
            XmlOp::Serialize { .. } => "XMLSERIALIZE",
            XmlOp::IsDocument => "IS DOCUMENT",
            XmlOp::Table(_) => "XMLTABLE",
        }
    }

    /// The name of a column that shows the expression; none for IS DOCUMENT.
    pub fn label(&self) -> Option<&'static str> {
        Some(match self {
            XmlOp::Concat => "xmlconcat",
            XmlOp::Element(_) => "xmlelement",
            XmlOp::Forest => "xmlforest",
            XmlOp::Parse { .. } => "xmlparse",
            XmlOp::Pi(_) => "xmlpi",
            XmlOp::Root(_) => "xmlroot",
            XmlOp::Serialize { .. } => "xmlserialize",
            XmlOp::Table(_) => "xmltable",
            XmlOp::IsDocument => return None,
        })
    }
}

/// STANDALONE of XMLROOT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum XmlStandalone {
    /// YES.
    Yes,
    /// NO.
    No,
    /// NO VALUE.
    NoValue,
    /// Not written: stays as it is.
    Omitted,
}
