//! Path expressions: what a document must contain for one to find something, or to be true.
//!
//! A chain of accessors finds nothing unless each member it names is there, and a comparison is true only if both its sides
//! find something; an equality with a literal also asks for that scalar. Nothing is asked for behind a method (it makes values
//! that are not in the document), by negation, arithmetic or wildcards. With `jsonb_path_ops` only an equality at the end of a
//! chain of names can be asked for, as the hash of the whole path.

use super::Wanted;
use super::document::{Scalar, leaf, name, step, value};
use crate::jsonpath::{Item, Op, parse_cached};
use rustydb_base::Result;

/// Filters and operators below each other beyond which a path narrows nothing.
const DEEPEST: usize = 100;

/// What a document must have for `@?` to be true with a path, or, with `is_true`, `@@`. `hashed`: for `jsonb_path_ops`.
pub(super) fn wanted(text: &str, is_true: bool, hashed: bool) -> Result<Wanted> {
    let path = parse_cached(text)?;
    let ask = Ask { hashed };
    let top = Here { names: Some(Vec::new()) };
    Ok(match path.root.as_slice() {
        // A predicate always finds something: true, false or null.
        [i] if is_true && is_predicate(i) => ask.holds(i, &top, 0),
        items => ask.finds(items, &top, 0).0,
    })
}

fn is_predicate(i: &Item) -> bool {
    match i {
        Item::Binary(op, ..) => !matches!(op, Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Mod),
        Item::Not(_) | Item::IsUnknown(_) | Item::Exists(_) | Item::LikeRegex(..) => true,
        _ => false,
    }
}

fn literal(items: &[Item]) -> Option<Scalar<'_>> {
    Some(match items {
        [Item::Null] => Scalar::Null,
        [Item::Bool(b)] => Scalar::Bool(*b),
        [Item::Number(n)] => Scalar::Number(n.clone()),
        [Item::String(s)] => Scalar::String(s),
        _ => return None,
    })
}

/// Where a chain is in the document: the names above, if they are known.
#[derive(Clone)]
struct Here {
    names: Option<Vec<u8>>,
}

struct Ask {
    hashed: bool,
}

impl Ask {
    /// What must be there for a chain to find something, and where what it finds is (`None`: not in the document as it is).
    fn finds(&self, items: &[Item], current: &Here, depth: usize) -> (Wanted, Option<Here>) {
        let mut all = Vec::new();
        let mut here = match items.first() {
            Some(Item::Root) => Here { names: Some(Vec::new()) },
            Some(Item::Current) => current.clone(),
            _ => return (Wanted::Anything, None),
        };
        for i in items.iter().skip(1) {
            match i {
                Item::Key(k) => {
                    if !self.hashed {
                        all.push(Wanted::Key(name(k)));
                    }
                    here.names = here.names.map(|n| step(&n, k));
                }
                Item::AnyArray | Item::Index(_) => {}
                Item::AnyKey | Item::Any(..) => here.names = None,
                Item::Filter(p) => {
                    if let [p] = p.as_slice() {
                        all.push(self.holds(p, &here, depth + 1));
                    }
                }
                _ => return (Wanted::All(all), None),
            }
        }
        (Wanted::All(all), Some(here))
    }

    /// What must be there for a predicate to be true.
    fn holds(&self, i: &Item, current: &Here, depth: usize) -> Wanted {
        if depth > DEEPEST {
            return Wanted::Anything;
        }
        let inner = |p: &[Item]| match p {
            [p] => self.holds(p, current, depth + 1),
            _ => Wanted::Anything,
        };
        match i {
            Item::Binary(Op::And, a, b) => Wanted::All(vec![inner(a), inner(b)]),
            Item::Binary(Op::Or, a, b) => Wanted::Any(vec![inner(a), inner(b)]),
            Item::Binary(op, a, b) if is_predicate(i) => {
                let (left, right) = (self.finds(a, current, depth + 1), self.finds(b, current, depth + 1));
                let mut all = Vec::new();
                if *op == Op::Equal {
                    let sides = [(left.1, literal(b)), (right.1, literal(a))];
                    all.extend(sides.into_iter().filter_map(|(here, s)| Some(self.equals(&here?, &s?))));
                }
                all.extend([left.0, right.0]);
                Wanted::All(all)
            }
            Item::Exists(p) | Item::LikeRegex(p, ..) => self.finds(p, current, depth + 1).0,
            _ => Wanted::Anything,
        }
    }

    /// What must be there for something at a place to be a scalar.
    fn equals(&self, here: &Here, s: &Scalar<'_>) -> Wanted {
        match (&here.names, s) {
            (Some(names), _) if self.hashed => Wanted::Key(leaf(names, s)),
            (None, _) if self.hashed => Wanted::Anything,
            // In an array it is kept as a name.
            (_, Scalar::String(t)) => Wanted::Any(vec![Wanted::Key(name(t)), Wanted::Key(value(s))]),
            _ => Wanted::Key(value(s)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is asked for, without brackets that say nothing.
    fn flat(w: Wanted) -> Vec<Vec<u8>> {
        match w {
            Wanted::Key(k) | Wanted::Begins(k) => vec![k],
            Wanted::All(v) => v.into_iter().flat_map(flat).collect(),
            Wanted::Any(v) => v.into_iter().flat_map(flat).collect(),
            Wanted::Anything => vec![],
        }
    }

    fn ask(text: &str, is_true: bool, hashed: bool) -> Vec<Vec<u8>> {
        flat(wanted(text, is_true, hashed).expect("a path"))
    }

    #[test]
    fn chains_and_predicates() {
        assert_eq!(ask("$.a[*].b", false, false), [name("a"), name("b")]);
        assert_eq!(ask("$.a ? (@.b == 1)", false, false).len(), 3);
        assert_eq!(ask("$.a == 1", true, false).len(), 2);
        assert!(ask("$.a == 1", false, false).is_empty());
        assert_eq!(ask("$.a.keyvalue() ? (@.key == \"x\")", false, false), [name("a")]);
        assert!(ask("!($.a == 1)", true, false).is_empty());
    }

    #[test]
    fn hashes_need_the_whole_path() {
        let one = crate::numeric::Numeric::from(1i64);
        let want = leaf(&step(&step(&[], "a"), "b"), &Scalar::Number(one));
        assert_eq!(ask("$.a[*].b == 1", true, true), std::slice::from_ref(&want));
        assert_eq!(ask("$.a ? (@.b == 1)", false, true), [want]);
        assert!(ask("$.a", false, true).is_empty());
        assert!(ask("$.**.b == 1", true, true).is_empty());
    }
}
