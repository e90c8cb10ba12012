//! Whether a text is well-formed XML: a document (one element with a prolog) or content (what may stand inside an element).
//!
//! Problems are told as libxml2 tells them for the commonest cases: line, message, the line itself and a caret. An undefined
//! entity does not stop the reading, so that a second problem is told too. Not validated: DTDs (their entities are known by
//! name), namespaces, the characters that XML 1.0 forbids.

/// What a declaration `<?xml …?>` says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declaration {
    /// `version`.
    pub version: Option<String>,
    /// `encoding`.
    pub encoding: Option<String>,
    /// `standalone`.
    pub standalone: Option<bool>,
    /// Bytes of the declaration.
    pub len: usize,
}

fn space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

fn name_start(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '_' | ':') || !c.is_ascii()
}

fn name_char(c: char) -> bool {
    name_start(c) || c.is_ascii_digit() || matches!(c, '-' | '.')
}

/// `name = "value"` at the beginning of a text, after blanks: the value and what follows.
fn pseudo_attribute<'a>(text: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    let t = text.trim_start_matches(space);
    if t.len() == text.len() {
        return None;
    }
    let t = t.strip_prefix(name)?.trim_start_matches(space).strip_prefix('=')?.trim_start_matches(space);
    let quote = t.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let body = t.get(1..)?;
    let end = body.find(quote)?;
    Some((body.get(..end)?, body.get(end + 1..)?))
}

/// The declaration that a text begins with; `Err` for a malformed one.
pub fn declaration(text: &str) -> Result<Option<Declaration>, String> {
    let bad = |m: &str| Err(format!("line 1: {m}"));
    let Some(rest) = text.strip_prefix("<?xml").filter(|r| r.starts_with(space)) else { return Ok(None) };
    let mut d = Declaration::default();
    let Some((version, mut rest)) = pseudo_attribute(rest, "version") else {
        return bad("Malformed declaration: missing version.");
    };
    d.version = Some(version.to_owned());
    if let Some((encoding, after)) = pseudo_attribute(rest, "encoding") {
        d.encoding = Some(encoding.to_owned());
        rest = after;
    }
    if let Some((standalone, after)) = pseudo_attribute(rest, "standalone") {
        d.standalone = Some(match standalone {
            "yes" => true,
            "no" => false,
            _ => return bad("standalone accepts only 'yes' or 'no'."),
        });
        rest = after;
    }
    let Some(after) = rest.trim_start_matches(space).strip_prefix("?>") else {
        return bad("Parsing XML declaration: '?>' expected.");
    };
    d.len = text.len() - after.len();
    Ok(Some(d))
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// Entities that a DTD declares.
    entities: Vec<&'a str>,
    /// The DTD has parts elsewhere, which may declare more.
    external: bool,
    problems: Vec<String>,
}

/// Reading cannot go on; what is wrong is among the problems.
struct Stop;

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn eat(&mut self, s: &str) -> bool {
        let found = self.rest().starts_with(s);
        if found {
            self.at += s.len();
        }
        found
    }

    fn blanks(&mut self) -> bool {
        let before = self.at;
        self.at += self.rest().len() - self.rest().trim_start_matches(space).len();
        self.at > before
    }

    fn line(&self) -> usize {
        1 + self.text.get(..self.at).unwrap_or_default().matches('\n').count()
    }

    fn problem(&mut self, message: impl AsRef<str>) {
        let before = self.text.get(..self.at).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |i| i + 1);
        let shown = self.text.get(start..).unwrap_or_default().lines().next().unwrap_or_default();
        let column = before.get(start..).unwrap_or_default().chars().count();
        self.problems.push(format!("line {}: {}\n{shown}\n{}^", self.line(), message.as_ref(), " ".repeat(column)));
    }

    fn stop<T>(&mut self, message: impl AsRef<str>) -> Result<T, Stop> {
        self.problem(message);
        Err(Stop)
    }

    fn name(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        rest.chars().next().filter(|c| name_start(*c))?;
        let end = rest.find(|c| !name_char(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end)
    }

    /// A reference after its `&`.
    fn reference(&mut self) -> Result<(), Stop> {
        if self.eat("#") {
            let hex = self.eat("x");
            let rest = self.rest();
            let n = rest.find(|c: char| !c.is_digit(if hex { 16 } else { 10 })).unwrap_or(rest.len());
            let digits = rest.get(..n).unwrap_or_default();
            let code = u32::from_str_radix(digits, if hex { 16 } else { 10 }).ok().and_then(char::from_u32);
            self.at += n;
            if !self.eat(";") {
                return self.stop(if hex {
                    "xmlParseCharRef: invalid hexadecimal value"
                } else {
                    "xmlParseCharRef: invalid decimal value"
                });
            }
            if code.is_none_or(|c| c < ' ' && !matches!(c, '\t' | '\n' | '\r')) {
                self.problem(format!("xmlParseCharRef: invalid xmlChar value {}", digits));
            }
            return Ok(());
        }
        let Some(name) = self.name() else {
            self.problem("xmlParseEntityRef: no name");
            return Ok(());
        };
        if !self.eat(";") {
            return self.stop("EntityRef: expecting ';'");
        }
        if !matches!(name, "lt" | "gt" | "amp" | "quot" | "apos") && !self.external && !self.entities.contains(&name) {
            self.problem(format!("Entity '{name}' not defined"));
        }
        Ok(())
    }

    /// Up to and with an ending.
    fn through(&mut self, end: &str, message: &str) -> Result<(), Stop> {
        match self.rest().find(end) {
            Some(i) => {
                self.at += i + end.len();
                Ok(())
            }
            None => {
                self.at = self.text.len();
                self.stop(message)
            }
        }
    }

    /// A comment or processing instruction, if one stands here.
    fn misc(&mut self) -> Result<bool, Stop> {
        if self.eat("<!--") {
            match self.rest().find("--") {
                Some(i) => self.at += i + 2,
                None => return self.stop("Comment not terminated"),
            }
            if !self.eat(">") {
                return self.stop("Double hyphen within comment");
            }
            return Ok(true);
        }
        if self.eat("<?") {
            match self.name() {
                None => return self.stop("xmlParsePI : no target name"),
                Some(n) if n.eq_ignore_ascii_case("xml") => {
                    return self.stop("XML declaration allowed only at the start of the document");
                }
                Some(_) => {}
            }
            self.through("?>", "PI not terminated")?;
            return Ok(true);
        }
        Ok(false)
    }

    /// A start tag after its `<`: the name, unless it is empty.
    fn start_tag(&mut self) -> Result<Option<&'a str>, Stop> {
        let line = self.line();
        let Some(name) = self.name() else { return self.stop("StartTag: invalid element name") };
        let mut seen: Vec<&str> = Vec::new();
        loop {
            let blank = self.blanks();
            if self.eat("/>") {
                return Ok(None);
            }
            if self.eat(">") {
                return Ok(Some(name));
            }
            let unfinished = format!("Couldn't find end of Start Tag {name} line {line}");
            if self.peek().is_none() {
                return self.stop(unfinished);
            }
            if !blank {
                return self.stop("attributes construct error").inspect_err(|_| self.problem(unfinished));
            }
            let Some(attribute) = self.name() else { return self.stop(unfinished) };
            self.blanks();
            if !self.eat("=") {
                self.problem(format!("Specification mandates value for attribute {attribute}"));
                return self.stop(unfinished);
            }
            self.blanks();
            let Some(quote) = self.peek().filter(|c| matches!(c, '"' | '\'')) else {
                self.problem("AttValue: \" or ' expected");
                return self.stop(unfinished);
            };
            self.at += 1;
            loop {
                match self.peek() {
                    None => return self.stop("AttValue: ' expected"),
                    Some('<') => return self.stop("Unescaped '<' not allowed in attributes values"),
                    Some('&') => {
                        self.at += 1;
                        self.reference()?;
                    }
                    Some(c) => {
                        self.at += c.len_utf8();
                        if c == quote {
                            break;
                        }
                    }
                }
            }
            if seen.contains(&attribute) {
                self.problem(format!("Attribute {attribute} redefined"));
            }
            seen.push(attribute);
        }
    }

    /// Content: up to the end of the element that is open, or of the text.
    fn content(&mut self, mut open: Vec<(&'a str, usize)>, whole: bool) -> Result<(), Stop> {
        loop {
            if !whole && open.is_empty() {
                return Ok(());
            }
            match self.peek() {
                None => {
                    return match open.last() {
                        None => Ok(()),
                        Some((name, line)) => {
                            let m = format!("Premature end of data in tag {name} line {line}");
                            self.stop(m)
                        }
                    };
                }
                Some('&') => {
                    self.at += 1;
                    self.reference()?;
                }
                Some('<') => {
                    if self.misc()? {
                        continue;
                    }
                    if self.eat("<![CDATA[") {
                        self.through("]]>", "CData section not finished")?;
                        continue;
                    }
                    if self.eat("</") {
                        let name = self.name().unwrap_or_default();
                        self.blanks();
                        if !self.eat(">") {
                            return self.stop("expected '>'");
                        }
                        match open.pop() {
                            Some((n, _)) if n == name => {}
                            Some((n, line)) => {
                                return self
                                    .stop(format!("Opening and ending tag mismatch: {n} line {line} and {name}"));
                            }
                            None => return self.stop("chunk is not well balanced"),
                        }
                        continue;
                    }
                    self.at += 1;
                    let line = self.line();
                    if let Some(name) = self.start_tag()? {
                        open.push((name, line));
                    }
                }
                Some(_) => {
                    let rest = self.rest();
                    let end = rest.find(['<', '&']).unwrap_or(rest.len());
                    if let Some(i) = rest.get(..end).and_then(|t| t.find("]]>")) {
                        self.at += i;
                        return self.stop("Sequence ']]>' not allowed in content");
                    }
                    self.at += end;
                }
            }
        }
    }

    /// A document type declaration, if one stands here.
    fn doctype(&mut self) -> Result<(), Stop> {
        if !self.eat("<!DOCTYPE") {
            return Ok(());
        }
        let start = self.at;
        let (mut inside, mut quote) = (false, None);
        for (i, c) in self.rest().char_indices() {
            match (quote, c) {
                (Some(q), c) if c == q => quote = None,
                (Some(_), _) => {}
                (None, '"' | '\'') => quote = Some(c),
                (None, '[') => inside = true,
                (None, ']') => inside = false,
                (None, '>') if !inside => {
                    self.at += i + 1;
                    let body = self.text.get(start..self.at).unwrap_or_default();
                    self.external = ["PUBLIC", "SYSTEM", "%"].iter().any(|w| body.contains(w));
                    self.entities.extend(body.split("<!ENTITY").skip(1).filter_map(|e| e.split_whitespace().next()));
                    return Ok(());
                }
                _ => {}
            }
        }
        self.stop("DOCTYPE improperly terminated")
    }

    fn document(&mut self) -> Result<(), Stop> {
        self.blanks();
        while self.misc()? {
            self.blanks();
        }
        self.doctype()?;
        self.blanks();
        while self.misc()? {
            self.blanks();
        }
        if !self.eat("<") {
            return self.stop("Start tag expected, '<' not found");
        }
        let line = self.line();
        if let Some(name) = self.start_tag()? {
            self.content(vec![(name, line)], false)?;
        }
        self.blanks();
        while self.misc()? {
            self.blanks();
        }
        if self.peek().is_some() {
            return self.stop("Extra content at the end of the document");
        }
        Ok(())
    }
}

/// Whether content has a document type declaration after nothing but blanks, comments and instructions.
fn has_doctype(text: &str) -> bool {
    let mut r = Reader { text, at: 0, entities: Vec::new(), external: false, problems: Vec::new() };
    r.blanks();
    while r.misc().unwrap_or(false) {
        r.blanks();
    }
    r.rest().starts_with("<!DOCTYPE")
}

/// Checks a text; the problems, one after the other, if it is not well-formed.
pub fn check(text: &str, document: bool) -> Result<(), String> {
    let declared = declaration(text)?.map_or(0, |d| d.len);
    let document = document || has_doctype(text.get(declared..).unwrap_or_default());
    let mut r = Reader { text, at: declared, entities: Vec::new(), external: false, problems: Vec::new() };
    let done = if document { r.document() } else { r.content(Vec::new(), true) };
    if done.is_ok() && r.problems.is_empty() { Ok(()) } else { Err(r.problems.join("\n")) }
}
