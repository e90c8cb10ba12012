//! XPath 1.0: [`parse`] makes the tree of an expression, [`eval`] its value in a document.
//!
//! Left out: the namespace axis, variables, `id()` and `lang()` (no DTD is read).

mod eval;
mod parse;

pub use eval::{Value, evaluate};
pub use parse::{Expr, parse};

#[cfg(test)]
mod tests {
    use super::super::dom::{Document, Namespaces};
    use super::*;

    fn run(path: &str, text: &str) -> String {
        let doc = Document::parse(text).expect("a document");
        let path = parse(path).expect("a path");
        match evaluate(&path, &doc, doc.root(), &Namespaces::new()).expect("a value") {
            Value::Nodes(n) => n.iter().map(|i| doc.show(*i)).collect::<Vec<_>>().join("|"),
            Value::Number(n) => n.to_string(),
            Value::Text(t) => t,
            Value::Bool(b) => b.to_string(),
        }
    }

    #[test]
    fn paths_find_what_they_name() {
        let doc = "<a><b n='1'>x</b><b n='2'>y<c/></b><!--k--></a>";
        for (path, found) in [
            ("//b", "<b n=\"1\">x</b>|<b n=\"2\">y<c/></b>"),
            ("/a/b[2]/@n", "2"),
            ("//b[@n='2']/c", "<c/>"),
            ("count(//*)", "4"),
            ("//b[last()]/text()", "y"),
            ("string(//b)", "x"),
            ("//c/ancestor::*[1]/@n", "2"),
            ("//b[. = 'x' or @n > 1]/@n", "1|2"),
            ("/a/comment()", "<!--k-->"),
            ("name(/*)", "a"),
            ("concat('p', 1 + 2 * 3, substring('12345', 2, 3))", "p7234"),
            ("//b/following-sibling::b/@n", "2"),
            ("not(//d)", "true"),
            ("//b | //c", "<b n=\"1\">x</b>|<b n=\"2\">y<c/></b>|<c/>"),
            ("7 mod 3 = 1 and 8 div 2 = 4", "true"),
            ("normalize-space('  a  b ')", "a b"),
            ("(//b)[1]", "<b n=\"1\">x</b>"),
            ("translate('bar', 'abc', 'AB')", "BAr"),
        ] {
            assert_eq!(run(path, doc), found, "{path}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for bad in ["", "//", "a[", "1 +", "foo(", "a b", "@", "/a/", "count(", "$x"] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }
}
