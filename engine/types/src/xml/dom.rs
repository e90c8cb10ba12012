//! A well-formed document as a tree, and its nodes as text.
//!
//! Nodes are numbered in document order, an element's attributes directly behind it, so sets of nodes sort by number.
//! The text must have passed [`super::check`] before. Entities of the document's own are left out.

use std::collections::HashMap;

/// A node, by number.
pub type NodeId = usize;

/// Deepest nesting that is read, libxml2's limit.
const MAX_DEPTH: usize = 256;

/// A name with what its prefix stands for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QName {
    /// As written before the colon.
    pub prefix: Option<String>,
    /// The name itself.
    pub local: String,
    /// The namespace.
    pub uri: Option<String>,
}

impl QName {
    /// As written.
    pub fn written(&self) -> String {
        match &self.prefix {
            Some(p) => format!("{p}:{}", self.local),
            None => self.local.clone(),
        }
    }
}

/// What a node is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// The document itself.
    Root,
    /// An element with the namespaces that it declares.
    Element(QName, Vec<(Option<String>, String)>),
    /// An attribute and its value.
    Attribute(QName, String),
    /// Text, entities resolved; whether it was a CDATA section.
    Text(String, bool),
    /// A comment.
    Comment(String),
    /// Target and text of a processing instruction.
    Instruction(String, String),
}

/// A node with its place in the tree.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// The node around it.
    pub parent: Option<NodeId>,
    /// In order; attributes are not among them.
    pub children: Vec<NodeId>,
    /// In order.
    pub attributes: Vec<NodeId>,
}

/// A document.
#[derive(Debug)]
pub struct Document {
    nodes: Vec<Node>,
}

/// A declared namespace on the way down: prefix and URI.
type Scope = Vec<(Option<String>, String)>;

fn lookup(scope: &[(Option<String>, String)], prefix: Option<&str>) -> Option<String> {
    if prefix == Some("xml") {
        return Some("http://www.w3.org/XML/1998/namespace".to_owned());
    }
    let found = scope.iter().rev().find(|(p, _)| p.as_deref() == prefix).map(|(_, u)| u.clone());
    found.filter(|u| !u.is_empty())
}

fn split(name: &str) -> (Option<String>, String) {
    match name.split_once(':') {
        Some((p, l)) if !p.is_empty() && !l.is_empty() => (Some(p.to_owned()), l.to_owned()),
        _ => (None, name.to_owned()),
    }
}

/// Resolves the entities of a text; blanks of an attribute's value become spaces.
fn decode(text: &str, attribute: bool) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if c == '&'
            && let Some(end) = rest.find(';')
        {
            let name = rest.get(1..end).unwrap_or_default();
            let code = match name.strip_prefix('#') {
                Some(n) => match n.strip_prefix('x') {
                    Some(h) => u32::from_str_radix(h, 16).ok(),
                    None => n.parse().ok(),
                }
                .and_then(char::from_u32),
                None => match name {
                    "lt" => Some('<'),
                    "gt" => Some('>'),
                    "amp" => Some('&'),
                    "quot" => Some('"'),
                    "apos" => Some('\''),
                    _ => None,
                },
            };
            out.extend(code);
            rest = rest.get(end + 1..).unwrap_or_default();
            continue;
        }
        match c {
            '\r' if rest.starts_with("\r\n") => {}
            '\r' => out.push(if attribute { ' ' } else { '\n' }),
            '\n' | '\t' if attribute => out.push(' '),
            c => out.push(c),
        }
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    out
}

/// The tags' contents: name and attributes as written.
fn attributes(mut text: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    loop {
        text = text.trim_start();
        let Some((name, after)) = text.split_once('=') else { return out };
        let after = after.trim_start();
        let Some(quote) = after.chars().next().filter(|c| matches!(c, '"' | '\'')) else { return out };
        let body = after.get(1..).unwrap_or_default();
        let Some((value, rest)) = body.split_once(quote) else { return out };
        out.push((name.trim().to_owned(), decode(value, true)));
        text = rest;
    }
}

/// Where a start tag ends: quotes may hide `>`.
fn tag_end(text: &str) -> Option<usize> {
    let mut quote = None;
    for (i, c) in text.char_indices() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (None, '>') => return Some(i),
            (Some(q), c) if q == c => quote = None,
            _ => {}
        }
    }
    None
}

impl Document {
    /// Reads a document; `None` if it nests too deeply or is not what [`super::check`] lets pass.
    pub fn parse(text: &str) -> Option<Document> {
        let mut doc = Document { nodes: Vec::new() };
        let root = doc.add(Kind::Root, None);
        // Open elements with the length of the scope around each.
        let mut open: Vec<(NodeId, usize)> = vec![(root, 0)];
        let mut scope: Scope = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let &(at, _) = open.last()?;
            if let Some(r) = rest.strip_prefix("<!--") {
                let (body, after) = r.split_once("-->")?;
                doc.child(at, Kind::Comment(body.to_owned()));
                rest = after;
            } else if let Some(r) = rest.strip_prefix("<![CDATA[") {
                let (body, after) = r.split_once("]]>")?;
                doc.child(at, Kind::Text(body.to_owned(), true));
                rest = after;
            } else if let Some(r) = rest.strip_prefix("<?") {
                let (body, after) = r.split_once("?>")?;
                let (target, data) = body.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((body, ""));
                if !target.eq_ignore_ascii_case("xml") {
                    doc.child(at, Kind::Instruction(target.to_owned(), data.trim_start().to_owned()));
                }
                rest = after;
            } else if rest.starts_with("<!DOCTYPE") {
                let subset = rest.find('[').filter(|b| rest.find('>').is_some_and(|e| *b < e));
                let from = subset.and_then(|b| rest.get(b..)?.find(']').map(|e| b + e)).unwrap_or(0);
                let end = rest.get(from..)?.find('>')? + from;
                rest = rest.get(end + 1..)?;
            } else if let Some(r) = rest.strip_prefix("</") {
                let (_, before) = open.pop().filter(|o| o.0 != root)?;
                scope.truncate(before);
                rest = r.split_once('>')?.1;
            } else if let Some(r) = rest.strip_prefix('<') {
                let end = tag_end(r)?;
                let inside = r.get(..end)?;
                let empty = inside.ends_with('/');
                let inside = inside.strip_suffix('/').unwrap_or(inside);
                let before = scope.len();
                let id = doc.element(at, inside, &mut scope);
                if empty {
                    scope.truncate(before);
                } else {
                    open.push((id, before));
                    if open.len() > MAX_DEPTH {
                        return None;
                    }
                }
                rest = r.get(end + 1..)?;
            } else {
                let end = rest.find('<').unwrap_or(rest.len());
                let (body, after) = rest.split_at_checked(end)?;
                if at != root {
                    doc.child(at, Kind::Text(decode(body, false), false));
                }
                rest = after;
            }
        }
        Some(doc)
    }

    fn add(&mut self, kind: Kind, parent: Option<NodeId>) -> NodeId {
        self.nodes.push(Node { kind, parent, children: Vec::new(), attributes: Vec::new() });
        self.nodes.len() - 1
    }

    fn child(&mut self, parent: NodeId, kind: Kind) -> NodeId {
        let id = self.add(kind, Some(parent));
        self.nodes[parent].children.push(id);
        id
    }

    fn element(&mut self, parent: NodeId, tag: &str, scope: &mut Scope) -> NodeId {
        let tag = tag.trim_end();
        let (name, list) = tag.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((tag, ""));
        let list = attributes(list);
        let mut declared = Vec::new();
        for (n, v) in &list {
            if n == "xmlns" {
                declared.push((None, v.clone()));
            } else if let Some(p) = n.strip_prefix("xmlns:") {
                declared.push((Some(p.to_owned()), v.clone()));
            }
        }
        scope.extend(declared.iter().cloned());
        let (prefix, local) = split(name);
        let uri = lookup(scope, prefix.as_deref());
        let id = self.child(parent, Kind::Element(QName { prefix, local, uri }, declared));
        for (n, v) in list.into_iter().filter(|(n, _)| n != "xmlns" && !n.starts_with("xmlns:")) {
            let (prefix, local) = split(&n);
            let uri = prefix.as_deref().and_then(|p| lookup(scope, Some(p)));
            let a = self.add(Kind::Attribute(QName { prefix, local, uri }, v), Some(id));
            self.nodes[id].attributes.push(a);
        }
        id
    }

    /// A namespace that makes the document unusable: a prefix that is not declared, or a name that is no URI; with a piece of
    /// the text that ends where it is noticed.
    pub fn bad_namespace(&self) -> Option<(String, String)> {
        for id in 0..self.nodes.len() {
            if let Kind::Element(_, declared) = &self.node(id).kind {
                let invalid = |u: &str| u.contains(['<', '>', '"', '{', '}', '|', '\\', '^', '`', ' ']);
                if let Some((_, u)) = declared.iter().find(|(_, u)| invalid(u)) {
                    return Some((format!("xmlns: '{u}' is not a valid URI"), String::new()));
                }
            }
            let unknown = |n: &QName| n.uri.is_none().then(|| n.prefix.clone()).flatten();
            match &self.node(id).kind {
                Kind::Element(n, _) => {
                    if let Some(p) = unknown(n) {
                        let text = format!("Namespace prefix {p} on {} is not defined", n.local);
                        return Some((text, format!("<{}", n.written())));
                    }
                }
                Kind::Attribute(n, _) => {
                    if let Some(p) = unknown(n) {
                        let on = self.node(id).parent.and_then(|e| self.name(e)).unwrap_or_default();
                        let text = format!("Namespace prefix {p} for {} on {} is not defined", n.local, on.local);
                        return Some((text, n.written()));
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// The document node.
    pub fn root(&self) -> NodeId {
        0
    }

    /// A node. Numbers come from this document only.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id]
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The name of an element or attribute, the target of an instruction.
    pub fn name(&self, id: NodeId) -> Option<QName> {
        match &self.node(id).kind {
            Kind::Element(n, _) | Kind::Attribute(n, _) => Some(n.clone()),
            Kind::Instruction(t, _) => Some(QName { local: t.clone(), ..QName::default() }),
            _ => None,
        }
    }

    /// XPath's string value of a node.
    pub fn string(&self, id: NodeId) -> String {
        match &self.node(id).kind {
            Kind::Attribute(_, v) | Kind::Text(v, _) | Kind::Comment(v) | Kind::Instruction(_, v) => v.clone(),
            Kind::Root | Kind::Element(..) => {
                let mut out = String::new();
                for i in self.subtree(id) {
                    if let Kind::Text(t, _) = &self.node(i).kind {
                        out.push_str(t);
                    }
                }
                out
            }
        }
    }

    /// A node and everything in it, attributes left out, in document order.
    pub fn subtree(&self, id: NodeId) -> Vec<NodeId> {
        let mut out = Vec::new();
        let mut todo = vec![id];
        while let Some(i) = todo.pop() {
            out.push(i);
            todo.extend(self.node(i).children.iter().rev());
        }
        out
    }

    /// Namespaces used in an element that nothing in it declares: they stand on the element when it is shown alone.
    fn missing(&self, id: NodeId, declared: &[(Option<String>, String)], out: &mut Vec<(Option<String>, String)>) {
        let Kind::Element(name, own) = &self.node(id).kind else { return };
        let mut inside = declared.to_vec();
        inside.extend(own.iter().cloned());
        let attributes = self.node(id).attributes.iter().filter_map(|a| self.name(*a)).filter(|n| n.prefix.is_some());
        for n in std::iter::once(name.clone()).chain(attributes) {
            let Some(uri) = n.uri.filter(|_| n.prefix.as_deref() != Some("xml")) else { continue };
            let known = |(p, u): &(Option<String>, String)| *p == n.prefix && *u == uri;
            let seen = inside.iter().rev().find(|(p, _)| *p == n.prefix).is_some_and(known);
            if !seen && !out.iter().any(known) {
                out.push((n.prefix, uri));
            }
        }
        for c in &self.node(id).children {
            self.missing(*c, &inside, out);
        }
    }

    /// A node as XML, with the namespaces that it needs.
    pub fn show(&self, id: NodeId) -> String {
        let mut out = String::new();
        match &self.node(id).kind {
            Kind::Attribute(_, v) => escape(v, false, &mut out),
            Kind::Text(t, false) => escape(t, false, &mut out),
            Kind::Root => self.node(id).children.iter().for_each(|c| self.write(*c, &[], &mut out)),
            _ => {
                let mut extra = Vec::new();
                self.missing(id, &[], &mut extra);
                self.write(id, &extra, &mut out);
            }
        }
        out
    }

    fn write(&self, id: NodeId, extra: &[(Option<String>, String)], out: &mut String) {
        let node = self.node(id);
        match &node.kind {
            Kind::Root | Kind::Attribute(..) => {}
            Kind::Text(t, true) => {
                out.push_str("<![CDATA[");
                out.push_str(t);
                out.push_str("]]>");
            }
            Kind::Text(t, false) => escape(t, false, out),
            Kind::Comment(c) => {
                out.push_str("<!--");
                out.push_str(c);
                out.push_str("-->");
            }
            Kind::Instruction(t, d) => {
                out.push_str("<?");
                out.push_str(t);
                if !d.is_empty() {
                    out.push(' ');
                    out.push_str(d);
                }
                out.push_str("?>");
            }
            Kind::Element(name, declared) => {
                out.push('<');
                out.push_str(&name.written());
                for (p, u) in declared.iter().chain(extra) {
                    out.push_str(" xmlns");
                    if let Some(p) = p {
                        out.push(':');
                        out.push_str(p);
                    }
                    out.push_str("=\"");
                    escape(u, true, out);
                    out.push('"');
                }
                for a in &node.attributes {
                    if let Kind::Attribute(n, v) = &self.node(*a).kind {
                        out.push(' ');
                        out.push_str(&n.written());
                        out.push_str("=\"");
                        escape(v, true, out);
                        out.push('"');
                    }
                }
                if node.children.is_empty() {
                    out.push_str("/>");
                    return;
                }
                out.push('>');
                node.children.iter().for_each(|c| self.write(*c, &[], out));
                out.push_str("</");
                out.push_str(&name.written());
                out.push('>');
            }
        }
    }
}

fn escape(text: &str, attribute: bool, out: &mut String) {
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' if attribute => out.push_str("&quot;"),
            '\n' if attribute => out.push_str("&#10;"),
            '\t' if attribute => out.push_str("&#9;"),
            '\r' => out.push_str("&#13;"),
            c => out.push(c),
        }
    }
}

/// Namespaces by the prefixes that a path uses.
pub type Namespaces = HashMap<String, String>;
