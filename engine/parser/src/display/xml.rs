//! The SQL/XML expressions as text.

use super::Commas;
use crate::ast::{XmlExpr, XmlOp, XmlStandalone};
use std::fmt;

struct Named<'a>(&'a XmlExpr);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (value, name)) in self.0.named.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{value}")?;
            if let Some(n) = name {
                write!(f, " AS {n}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for XmlExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = |document: bool| if document { "DOCUMENT" } else { "CONTENT" };
        let one = |i: usize| self.args.get(i).map(ToString::to_string).unwrap_or_default();
        if self.op == XmlOp::IsDocument {
            return write!(f, "({} IS DOCUMENT)", one(0));
        }
        write!(f, "{}(", self.op.keyword())?;
        match &self.op {
            XmlOp::Concat | XmlOp::IsDocument => write!(f, "{}", Commas(&self.args))?,
            XmlOp::Element(name) => {
                write!(f, "NAME {name}")?;
                if !self.named.is_empty() {
                    write!(f, ", XMLATTRIBUTES({})", Named(self))?;
                }
                if !self.args.is_empty() {
                    write!(f, ", {}", Commas(&self.args))?;
                }
            }
            XmlOp::Forest => write!(f, "{}", Named(self))?,
            XmlOp::Parse { document, preserve } => {
                let space = if *preserve { "PRESERVE" } else { "STRIP" };
                write!(f, "{} {} {space} WHITESPACE", kind(*document), one(0))?;
            }
            XmlOp::Pi(name) => {
                write!(f, "NAME {name}")?;
                if !self.args.is_empty() {
                    write!(f, ", {}", one(0))?;
                }
            }
            XmlOp::Root(standalone) => {
                let version = if self.args.len() > 1 { one(1) } else { "NO VALUE".to_owned() };
                write!(f, "{}, VERSION {version}", one(0))?;
                f.write_str(match standalone {
                    XmlStandalone::Yes => ", STANDALONE YES",
                    XmlStandalone::No => ", STANDALONE NO",
                    XmlStandalone::NoValue => ", STANDALONE NO VALUE",
                    XmlStandalone::Omitted => "",
                })?;
            }
            XmlOp::Table(columns) => {
                if !self.named.is_empty() {
                    f.write_str("XMLNAMESPACES(")?;
                    for (i, (uri, name)) in self.named.iter().enumerate() {
                        f.write_str(if i > 0 { ", " } else { "" })?;
                        match name {
                            Some(n) => write!(f, "({uri}) AS {n}")?,
                            None => write!(f, "DEFAULT ({uri})")?,
                        }
                    }
                    f.write_str("), ")?;
                }
                write!(f, "({}) PASSING ({}) COLUMNS ", one(0), one(1))?;
                let mut at = 2..;
                for (i, c) in columns.iter().enumerate() {
                    write!(f, "{}{}", if i > 0 { ", " } else { "" }, c.name)?;
                    let Some(v) = &c.value else {
                        f.write_str(" FOR ORDINALITY")?;
                        continue;
                    };
                    write!(f, " {}", v.ty)?;
                    for (_, word) in [(v.path, "path"), (v.default, "DEFAULT")].iter().filter(|w| w.0) {
                        write!(f, " {word} ({})", at.next().map(one).unwrap_or_default())?;
                    }
                    f.write_str(if v.not_null { " NOT NULL" } else { "" })?;
                }
            }
            XmlOp::Serialize { document, ty } => write!(f, "{} {} AS {ty}", kind(*document), one(0))?,
        }
        f.write_str(")")
    }
}
