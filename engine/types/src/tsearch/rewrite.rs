//! `ts_rewrite`: parts of a query replaced by another query.
//!
//! `&` and `|` are taken as sets of operands: chains are flattened and their operands sorted, so that a part is found in any
//! order and among others. What was put in is not looked at again.

use super::query::{Item, Op, Target, Tree, TsQuery, checksum, deep};
use std::cmp::Ordering;

#[derive(Clone, Debug)]
enum Node {
    Word(Target),
    /// The last operand first, as the items have them.
    Op(Op, Vec<Node>),
    /// What was put in.
    Done(Box<Node>),
}

impl Node {
    fn read(t: &Tree<'_>, i: usize) -> Option<Node> {
        deep(|| {
            Some(match t.items.get(i)? {
                Item::Word(w) => Node::Word(w.clone()),
                Item::Op(Op::Not) => Node::Op(Op::Not, vec![Node::read(t, t.right(i))?]),
                Item::Op(op) => Node::Op(*op, vec![Node::read(t, t.right(i))?, Node::read(t, t.left(i))?]),
                Item::Stop => return None,
            })
        })
    }

    fn of(q: &TsQuery) -> Option<Node> {
        Node::read(&Tree::new(&q.0)?, 0)
    }

    /// Chains of one operator become one node.
    fn flattened(self) -> Node {
        deep(|| match self {
            Node::Op(op, children) => {
                let mut out = Vec::with_capacity(children.len());
                for c in children.into_iter().map(Node::flattened) {
                    match c {
                        Node::Op(inner, more) if inner == op && matches!(op, Op::And | Op::Or) => out.extend(more),
                        other => out.push(other),
                    }
                }
                Node::Op(op, out)
            }
            other => other,
        })
    }

    fn sort(&mut self) {
        deep(|| match self {
            Node::Op(op, children) => {
                children.iter_mut().for_each(Node::sort);
                if !matches!(op, Op::Phrase(_)) {
                    children.sort_by(|a, b| a.compare(b));
                }
            }
            Node::Done(n) => n.sort(),
            Node::Word(_) => {}
        });
    }

    fn compare(&self, o: &Node) -> Ordering {
        deep(|| match (self, o) {
            (Node::Done(a), b) => a.compare(b),
            (a, Node::Done(b)) => a.compare(b),
            (Node::Word(a), Node::Word(b)) => {
                checksum(&b.word).cmp(&checksum(&a.word)).then_with(|| a.word.as_bytes().cmp(b.word.as_bytes()))
            }
            (Node::Op(a, ac), Node::Op(b, bc)) => {
                let code = |op: &Op| match op {
                    Op::Not => 1,
                    Op::And => 2,
                    Op::Or => 3,
                    Op::Phrase(_) => 4,
                };
                code(b).cmp(&code(a)).then(bc.len().cmp(&ac.len())).then_with(|| {
                    ac.iter().zip(bc).map(|(x, y)| x.compare(y)).find(|o| o.is_ne()).unwrap_or(match (a, b) {
                        (Op::Phrase(x), Op::Phrase(y)) => y.cmp(x),
                        _ => Ordering::Equal,
                    })
                })
            }
            (Node::Op(..), Node::Word(_)) => Ordering::Less,
            (Node::Word(_), Node::Op(..)) => Ordering::Greater,
        })
    }

    /// Items in prefix order; more than two operands are paired from the first on.
    fn items(self, out: &mut Vec<Item>) {
        deep(|| match self {
            Node::Word(w) => out.push(Item::Word(w)),
            Node::Done(n) => n.items(out),
            Node::Op(op, mut children) => {
                while children.len() > 2 {
                    let pair = Node::Op(op, children.drain(..2).collect());
                    let last = children.pop();
                    children.insert(0, pair);
                    if let Some(last) = last {
                        children.insert(1, last);
                    }
                }
                out.push(Item::Op(op));
                for c in children {
                    c.items(out);
                }
            }
        });
    }

    /// With every part that is `from` replaced; `None` if nothing is left.
    fn replace(self, from: &Node, to: Option<&Node>) -> Option<Node> {
        deep(|| {
            let node = match self.replace_here(from, to)? {
                Node::Op(op, children) => {
                    let mut left: Vec<Node> = children.into_iter().filter_map(|c| c.replace(from, to)).collect();
                    match left.len() {
                        0 => return None,
                        1 if op != Op::Not => return left.pop(),
                        _ => Node::Op(op, left),
                    }
                }
                other => other,
            };
            Some(node)
        })
    }

    fn replace_here(self, from: &Node, to: Option<&Node>) -> Option<Node> {
        let done = || to.map(|t| Node::Done(Box::new(t.clone())));
        match (self, from) {
            (Node::Op(op, children), Node::Op(wanted, parts)) if same_operator(op, *wanted) => {
                if children.len() == parts.len() {
                    let whole = Node::Op(op, children);
                    return if whole.compare(from).is_eq() { done() } else { Some(whole) };
                }
                if children.len() < parts.len() {
                    return Some(Node::Op(op, children));
                }
                // Both are sorted: walk them in step.
                let mut matched = vec![false; children.len()];
                let mut wanted = parts.iter().peekable();
                for (c, m) in children.iter().zip(&mut matched) {
                    match wanted.peek().map(|w| c.compare(w)) {
                        Some(Ordering::Equal) => {
                            *m = true;
                            wanted.next();
                        }
                        Some(Ordering::Less) => {}
                        Some(Ordering::Greater) | None => break,
                    }
                }
                if wanted.peek().is_some() {
                    return Some(Node::Op(op, children));
                }
                let mut left: Vec<Node> =
                    children.into_iter().zip(matched).filter(|(_, m)| !m).map(|(c, _)| c).collect();
                left.extend(done());
                let mut node = Node::Op(op, left);
                node.sort();
                Some(node)
            }
            (node @ Node::Word(_), Node::Word(_)) if node.compare(from).is_eq() => done(),
            (node, _) => Some(node),
        }
    }
}

fn same_operator(a: Op, b: Op) -> bool {
    matches!((a, b), (Op::Not, Op::Not) | (Op::And, Op::And) | (Op::Or, Op::Or) | (Op::Phrase(_), Op::Phrase(_)))
}

fn prepared(q: &TsQuery) -> Option<Node> {
    let mut n = Node::of(q)?.flattened();
    n.sort();
    Some(n)
}

/// `q` with the part `from` replaced by `to`; an empty `to` takes the part out.
pub fn rewrite(q: TsQuery, from: &TsQuery, to: &TsQuery) -> TsQuery {
    let (Some(tree), Some(from)) = (prepared(&q), prepared(from)) else { return q };
    let mut items = Vec::new();
    if let Some(n) = tree.replace(&from, Node::of(to).as_ref()) {
        n.items(&mut items);
    }
    TsQuery(items)
}
