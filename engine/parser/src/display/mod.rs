//! Trees back to text. Expressions, types, queries and data-modifying statements are printed such that parsing the text
//! again gives an equal tree (places aside); the catalog stores defaults, checks and views in this form. Every operation
//! is parenthesised, so nothing depends on precedence.
//!
//! Printing recurses as deep as the tree: callers must bound it by [`crate::Parsed::height`].

mod expr;
mod merge;
mod query;
pub(crate) mod sqljson;
mod xml;

use crate::ast::{Ident, Name, quote_ident};
use std::fmt::{Display, Formatter, Result};

impl Display for Ident {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        quote_ident(&self.value).fmt(f)
    }
}

impl Display for Name {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for part in [&self.catalog, &self.schema].into_iter().flatten() {
            write!(f, "{part}.")?;
        }
        self.name.fmt(f)
    }
}

/// Items separated by commas.
struct Commas<'a, T>(&'a [T]);

impl<T: Display> Display for Commas<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for (i, item) in self.0.iter().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            item.fmt(f)?;
        }
        Ok(())
    }
}

/// `(a, b)` after a space, or nothing.
fn opt_columns(f: &mut Formatter<'_>, columns: &[Ident]) -> Result {
    if columns.is_empty() { Ok(()) } else { write!(f, " ({})", Commas(columns)) }
}
