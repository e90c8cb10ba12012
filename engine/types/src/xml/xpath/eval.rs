//! The value of an XPath expression in a document.

use super::super::dom::{Document, Kind, Namespaces, NodeId};
use super::parse::{Axis, Expr, Op, Step, Test};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nodes in document order.
    Nodes(Vec<NodeId>),
    /// A number.
    Number(f64),
    /// A string.
    Text(String),
    /// A truth value.
    Bool(bool),
}

/// A number as XPath shows it.
fn show_number(n: f64) -> String {
    if n.is_nan() {
        "NaN".into()
    } else if n.is_infinite() {
        if n > 0.0 { "Infinity".into() } else { "-Infinity".into() }
    } else if n == 0.0 {
        "0".into()
    } else {
        n.to_string()
    }
}

fn to_number(s: &str) -> f64 {
    let s = s.trim_matches([' ', '\t', '\n', '\r']);
    let plain = !s.is_empty()
        && s.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-'))
        && s.bytes().any(|b| b.is_ascii_digit());
    if plain { s.parse().unwrap_or(f64::NAN) } else { f64::NAN }
}

impl Value {
    fn number(&self, doc: &Document) -> f64 {
        match self {
            Value::Number(n) => *n,
            Value::Bool(b) => f64::from(u8::from(*b)),
            other => to_number(&other.text(doc)),
        }
    }

    /// As a string.
    pub fn text(&self, doc: &Document) -> String {
        match self {
            Value::Nodes(n) => n.first().map(|i| doc.string(*i)).unwrap_or_default(),
            Value::Number(n) => show_number(*n),
            Value::Text(s) => s.clone(),
            Value::Bool(b) => b.to_string(),
        }
    }

    /// As a truth value.
    pub fn truth(&self) -> bool {
        match self {
            Value::Nodes(n) => !n.is_empty(),
            Value::Number(n) => *n != 0.0 && !n.is_nan(),
            Value::Text(s) => !s.is_empty(),
            Value::Bool(b) => *b,
        }
    }
}

/// Evaluates an expression at a node; `Err` tells why there is no value.
pub fn evaluate(e: &Expr, doc: &Document, at: NodeId, names: &Namespaces) -> Result<Value, String> {
    Context { doc, names, node: at, position: 1, size: 1 }.value(e)
}

#[derive(Clone, Copy)]
struct Context<'a> {
    doc: &'a Document,
    names: &'a Namespaces,
    node: NodeId,
    position: usize,
    size: usize,
}

impl Context<'_> {
    fn value(&self, e: &Expr) -> Result<Value, String> {
        stacker::maybe_grow(64 * 1024, 1024 * 1024, || self.value_inner(e))
    }

    fn value_inner(&self, e: &Expr) -> Result<Value, String> {
        Ok(match e {
            Expr::Number(n) => Value::Number(*n),
            Expr::Text(s) => Value::Text(s.clone()),
            Expr::Negate(x) => Value::Number(-self.value(x)?.number(self.doc)),
            Expr::Binary(op, a, b) => self.binary(*op, a, b)?,
            Expr::Call(name, args) => self.call(name, args)?,
            Expr::Path { absolute, steps } => {
                let from = if *absolute { self.doc.root() } else { self.node };
                Value::Nodes(self.steps(vec![from], steps)?)
            }
            Expr::Filter { of, predicates, steps } => {
                let mut nodes = self.nodes(of)?;
                for p in predicates {
                    nodes = self.filter(nodes, p)?;
                }
                Value::Nodes(self.steps(nodes, steps)?)
            }
        })
    }

    fn nodes(&self, e: &Expr) -> Result<Vec<NodeId>, String> {
        match self.value(e)? {
            Value::Nodes(n) => Ok(n),
            _ => Err("Invalid type".into()),
        }
    }

    /// The nodes of a list, in the list's order, for which a condition holds; a number is a position.
    fn filter(&self, nodes: Vec<NodeId>, condition: &Expr) -> Result<Vec<NodeId>, String> {
        let size = nodes.len();
        let mut out = Vec::new();
        for (i, node) in nodes.into_iter().enumerate() {
            let at = Context { node, position: i + 1, size, ..*self };
            let keep = match at.value(condition)? {
                Value::Number(n) => n == (i + 1) as f64,
                v => v.truth(),
            };
            if keep {
                out.push(node);
            }
        }
        Ok(out)
    }

    fn steps(&self, mut nodes: Vec<NodeId>, steps: &[Step]) -> Result<Vec<NodeId>, String> {
        for s in steps {
            let mut next = Vec::new();
            for n in nodes {
                let mut found: Vec<NodeId> = Vec::new();
                for candidate in self.axis(s.axis, n) {
                    if self.passes(candidate, s)? {
                        found.push(candidate);
                    }
                }
                for p in &s.predicates {
                    found = self.filter(found, p)?;
                }
                next.extend(found);
            }
            next.sort_unstable();
            next.dedup();
            nodes = next;
        }
        Ok(nodes)
    }

    /// The nodes of an axis, nearest first.
    fn axis(&self, axis: Axis, at: NodeId) -> Vec<NodeId> {
        let doc = self.doc;
        let ancestors = |from: NodeId| std::iter::successors(doc.node(from).parent, |p| doc.node(*p).parent);
        let is_attribute = matches!(doc.node(at).kind, Kind::Attribute(..));
        let siblings = || match doc.node(at).parent.filter(|_| !is_attribute) {
            Some(p) => doc.node(p).children.as_slice(),
            None => &[],
        };
        match axis {
            Axis::Itself => vec![at],
            Axis::Parent => doc.node(at).parent.into_iter().collect(),
            Axis::Child => doc.node(at).children.clone(),
            Axis::Attribute => doc.node(at).attributes.clone(),
            Axis::Ancestor => ancestors(at).collect(),
            Axis::AncestorOrSelf => std::iter::once(at).chain(ancestors(at)).collect(),
            Axis::DescendantOrSelf => doc.subtree(at),
            Axis::Descendant => doc.subtree(at).into_iter().skip(1).collect(),
            Axis::FollowingSibling => siblings().iter().copied().filter(|s| *s > at).collect(),
            Axis::PrecedingSibling => siblings().iter().rev().copied().filter(|s| *s < at).collect(),
            Axis::Following => {
                let last = doc.subtree(at).into_iter().max().unwrap_or(at);
                let plain = |i: &NodeId| !matches!(doc.node(*i).kind, Kind::Attribute(..));
                (last + 1..doc.len()).filter(plain).collect()
            }
            Axis::Preceding => {
                let above: Vec<NodeId> = ancestors(at).collect();
                let plain = |i: &NodeId| !matches!(doc.node(*i).kind, Kind::Attribute(..)) && !above.contains(i);
                (0..at).rev().filter(plain).collect()
            }
        }
    }

    fn passes(&self, id: NodeId, step: &Step) -> Result<bool, String> {
        let kind = &self.doc.node(id).kind;
        // `*` and names mean the axis's main kind of nodes.
        let name = match (kind, step.axis) {
            (Kind::Attribute(n, _), Axis::Attribute) => Some(n),
            (Kind::Element(n, _), a) if a != Axis::Attribute => Some(n),
            _ => None,
        };
        let uri = |p: &String| self.names.get(p).ok_or_else(|| "Undefined namespace prefix".to_owned());
        Ok(match &step.test {
            Test::Node => true,
            Test::Text => matches!(kind, Kind::Text(..)),
            Test::Comment => matches!(kind, Kind::Comment(_)),
            Test::Instruction(t) => {
                matches!(kind, Kind::Instruction(n, _) if t.as_ref().is_none_or(|t| t == n))
            }
            Test::Any => name.is_some(),
            Test::AnyOf(p) => {
                let u = uri(p)?;
                name.is_some_and(|n| n.uri.as_ref() == Some(u))
            }
            Test::Name(Some(p), l) => {
                let u = uri(p)?;
                name.is_some_and(|n| n.local == *l && n.uri.as_ref() == Some(u))
            }
            Test::Name(None, l) => name.is_some_and(|n| n.local == *l && n.uri.is_none()),
        })
    }

    fn binary(&self, op: Op, a: &Expr, b: &Expr) -> Result<Value, String> {
        let left = self.value(a)?;
        match op {
            Op::Or if left.truth() => return Ok(Value::Bool(true)),
            Op::And if !left.truth() => return Ok(Value::Bool(false)),
            _ => {}
        }
        let right = self.value(b)?;
        let arithmetic = |f: fn(f64, f64) -> f64| Value::Number(f(left.number(self.doc), right.number(self.doc)));
        Ok(match op {
            Op::Or | Op::And => Value::Bool(right.truth()),
            Op::Plus => arithmetic(|a, b| a + b),
            Op::Minus => arithmetic(|a, b| a - b),
            Op::Times => arithmetic(|a, b| a * b),
            Op::Div => arithmetic(|a, b| a / b),
            Op::Mod => arithmetic(|a, b| a % b),
            Op::Union => match (left, right) {
                (Value::Nodes(mut a), Value::Nodes(b)) => {
                    a.extend(b);
                    a.sort_unstable();
                    a.dedup();
                    Value::Nodes(a)
                }
                _ => return Err("Invalid type".into()),
            },
            _ => Value::Bool(self.compare(op, &left, &right)),
        })
    }

    /// Comparisons: of node sets, whether some node compares so.
    fn compare(&self, op: Op, a: &Value, b: &Value) -> bool {
        let doc = self.doc;
        if let (Value::Bool(_), Value::Nodes(_)) | (Value::Nodes(_), Value::Bool(_)) = (a, b) {
            return self.compare(op, &Value::Bool(a.truth()), &Value::Bool(b.truth()));
        }
        if let Value::Nodes(n) = a {
            return n.iter().any(|i| self.compare(op, &Value::Text(doc.string(*i)), b));
        }
        if let Value::Nodes(n) = b {
            return n.iter().any(|i| self.compare(op, a, &Value::Text(doc.string(*i))));
        }
        let numbers = || (a.number(doc), b.number(doc));
        let equal = || match (a, b) {
            (Value::Bool(_), _) | (_, Value::Bool(_)) => a.truth() == b.truth(),
            (Value::Number(_), _) | (_, Value::Number(_)) => {
                let (x, y) = numbers();
                x == y
            }
            _ => a.text(doc) == b.text(doc),
        };
        let (x, y) = numbers();
        match op {
            Op::Equal => equal(),
            Op::NotEqual => !equal(),
            Op::Less => x < y,
            Op::LessEqual => x <= y,
            Op::Greater => x > y,
            _ => x >= y,
        }
    }

    fn call(&self, name: &str, args: &[Expr]) -> Result<Value, String> {
        let doc = self.doc;
        let values = args.iter().map(|a| self.value(a)).collect::<Result<Vec<_>, _>>()?;
        let own = Value::Nodes(vec![self.node]);
        // The argument, or the context node where it may be left out.
        let text = |i: usize| values.get(i).unwrap_or(&own).text(doc);
        let number = |i: usize| values.get(i).unwrap_or(&own).number(doc);
        let named = || -> Result<_, String> {
            match values.first().unwrap_or(&own) {
                Value::Nodes(n) => Ok(n.first().and_then(|i| doc.name(*i)).unwrap_or_default()),
                _ => Err("Invalid type".into()),
            }
        };
        let nodes = || match values.first() {
            Some(Value::Nodes(n)) => Ok(n),
            _ => Err("Invalid type".to_owned()),
        };
        let arity = match name {
            "last" | "position" | "true" | "false" => 0..=0,
            "count" | "sum" | "not" | "boolean" | "floor" | "ceiling" | "round" => 1..=1,
            "local-name" | "namespace-uri" | "name" | "string" | "number" | "string-length" | "normalize-space" => {
                0..=1
            }
            "starts-with" | "contains" | "substring-before" | "substring-after" => 2..=2,
            "substring" => 2..=3,
            "translate" => 3..=3,
            "concat" => 2..=usize::MAX,
            _ => return Err("Unregistered function".into()),
        };
        if !arity.contains(&values.len()) {
            return Err("Invalid number of arguments".into());
        }
        Ok(match name {
            "last" => Value::Number(self.size as f64),
            "position" => Value::Number(self.position as f64),
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            "count" => Value::Number(nodes()?.len() as f64),
            "sum" => Value::Number(nodes()?.iter().map(|i| to_number(&doc.string(*i))).sum()),
            "not" => Value::Bool(!values[0].truth()),
            "boolean" => Value::Bool(values[0].truth()),
            "floor" => Value::Number(number(0).floor()),
            "ceiling" => Value::Number(number(0).ceil()),
            "round" => Value::Number((number(0) + 0.5).floor()),
            "local-name" => Value::Text(named()?.local),
            "namespace-uri" => Value::Text(named()?.uri.unwrap_or_default()),
            "name" => Value::Text(named()?.written()),
            "string" => Value::Text(text(0)),
            "number" => Value::Number(number(0)),
            "string-length" => Value::Number(text(0).chars().count() as f64),
            "normalize-space" => {
                let t = text(0);
                Value::Text(t.split([' ', '\t', '\n', '\r']).filter(|w| !w.is_empty()).collect::<Vec<_>>().join(" "))
            }
            "starts-with" => Value::Bool(text(0).starts_with(&text(1))),
            "contains" => Value::Bool(text(0).contains(&text(1))),
            "substring-before" => Value::Text(text(0).split_once(&text(1)).map_or(String::new(), |p| p.0.to_owned())),
            "substring-after" => Value::Text(text(0).split_once(&text(1)).map_or(String::new(), |p| p.1.to_owned())),
            "substring" => {
                let from = (number(1) + 0.5).floor();
                let to = if values.len() == 3 { from + (number(2) + 0.5).floor() } else { f64::INFINITY };
                let inside = |(i, _): &(usize, char)| {
                    let p = (i + 1) as f64;
                    p >= from && p < to
                };
                Value::Text(text(0).chars().enumerate().filter(inside).map(|c| c.1).collect())
            }
            "translate" => {
                let (from, to): (Vec<char>, Vec<char>) = (text(1).chars().collect(), text(2).chars().collect());
                let map = |c: char| match from.iter().position(|f| *f == c) {
                    Some(i) => to.get(i).copied(),
                    None => Some(c),
                };
                Value::Text(text(0).chars().filter_map(map).collect())
            }
            _ => Value::Text(values.iter().map(|v| v.text(doc)).collect()),
        })
    }
}
