//! Text search: a key for each lexeme.

use super::{KEY, LONGEST, Wanted, cut, unfit};
use crate::tsearch::query::{Item, Op, Tree, TsQuery};
use crate::tsearch::vector::TsVector;
use rustydb_base::Result;

/// Operators below each other beyond which a query narrows nothing.
const DEEPEST: usize = 200;

/// A lexeme with the zero that ends it, or without: what words of a prefix begin with.
fn key(word: &str, ended: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(word.len() + 2);
    out.push(KEY);
    out.extend_from_slice(word.as_bytes());
    if ended {
        out.push(0);
    }
    out
}

/// The keys of a tsvector.
pub(super) fn keys(b: &[u8], out: &mut Vec<Vec<u8>>) -> Result<()> {
    let v = TsVector::read(b).ok_or_else(unfit)?;
    out.extend(v.0.iter().map(|l| cut(key(&l.word, true))));
    Ok(())
}

/// What a tsvector must have to match a query. The empty query matches nothing.
pub(super) fn wanted(b: &[u8]) -> Result<Wanted> {
    let q = TsQuery::read(b).ok_or_else(unfit)?;
    if q.0.is_empty() {
        return Ok(Wanted::Any(Vec::new()));
    }
    let tree = Tree::new(&q.0).ok_or_else(unfit)?;
    Ok(ask(&tree, 0, 0))
}

fn ask(t: &Tree<'_>, i: usize, depth: usize) -> Wanted {
    if depth > DEEPEST {
        return Wanted::Anything;
    }
    match t.items.get(i) {
        Some(Item::Word(w)) if w.prefix => {
            let mut begin = key(&w.word, false);
            begin.truncate(LONGEST);
            Wanted::Begins(begin)
        }
        Some(Item::Word(w)) => Wanted::Key(cut(key(&w.word, true))),
        Some(Item::Op(op @ (Op::And | Op::Or | Op::Phrase(_)))) => {
            let both = vec![ask(t, t.left(i), depth + 1), ask(t, t.right(i), depth + 1)];
            if *op == Op::Or { Wanted::Any(both) } else { Wanted::All(both) }
        }
        _ => Wanted::Anything,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tsearch::query::Target;

    #[test]
    fn queries() {
        let word = |w: &str, prefix| Item::Word(Target { word: w.into(), weights: 0, prefix });
        let ask = |items: Vec<Item>| {
            let mut b = Vec::new();
            TsQuery(items).put(&mut b);
            wanted(&b).expect("a query")
        };
        assert_eq!(ask(vec![]), Wanted::Any(vec![]));
        let k = |w: &str| Wanted::Key(key(w, true));
        assert_eq!(
            ask(vec![Item::Op(Op::Phrase(1)), word("b", false), word("a", false)]),
            Wanted::All(vec![k("a"), k("b")])
        );
        let not = vec![Item::Op(Op::Or), Item::Op(Op::Not), word("b", false), word("a", true)];
        assert_eq!(ask(not), Wanted::Any(vec![Wanted::Begins(key("a", false)), Wanted::Anything]));
    }
}
