//! Constants as they stand in a statement's text.

use crate::keywords::kw;
use crate::lexer::{Lexer, T};
use std::ops::Range;

/// The text of the constant that stands at a byte of a string: a literal, a number with its sign, TRUE, FALSE, NULL or, with
/// `word`, any other word. `None` if there is something else.
pub fn constant_at(sql: &str, at: usize, word: bool, standard_strings: bool) -> Option<Range<usize>> {
    if !sql.is_char_boundary(at) {
        return None;
    }
    let mut lexer = Lexer::new(sql, standard_strings);
    lexer.seek(at);
    let mut t = lexer.next();
    let start = t.start as usize;
    let signed = matches!(t.kind, T::Ch | T::Op) && sql.get(start..t.end as usize) == Some("-");
    if signed {
        t = lexer.next();
    }
    let number = matches!(t.kind, T::Int | T::Num);
    let literal = matches!(t.kind, T::Str | T::EStr | T::UStr | T::Dollar | T::Bits | T::Hex);
    let named = matches!(t.kind, T::Word) && (word || [kw::TRUE, kw::FALSE, kw::NULL].contains(&t.kw));
    (number || !signed && (literal || named)).then_some(start..t.end as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constants_are_found_as_they_are_written() {
        let at = |sql: &'static str, at, word| constant_at(sql, at, word, true).map(|r| &sql[r]);
        assert_eq!(at("SELECT 'it''s' x", 7, true), Some("'it''s'"));
        assert_eq!(at("SELECT - 5.5e3", 7, false), Some("- 5.5e3"));
        assert_eq!(at("SELECT true", 7, false), Some("true"));
        assert_eq!(at("extract(year FROM x)", 8, true), Some("year"));
        assert_eq!(at("FETCH FIRST ROW ONLY", 0, false), None);
        assert_eq!(at("SELECT -x", 7, true), None);
        assert_eq!(at("SELECT $a$b$a$", 7, true), Some("$a$b$a$"));
    }
}
