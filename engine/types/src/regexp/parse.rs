//! From a pattern's text to its tree: the grammar of PostgreSQL's advanced regular expressions.

use super::ast::{Anchor, Class, Item, Node, Set, Syntax};
use super::invalid;
use rustydb_base::{DbError, Result};

/// Deepest nesting of parentheses.
const MAX_DEPTH: usize = 100;

/// Largest repetition count.
const MAX_REPEAT: u32 = 255;

pub(super) struct Parsed {
    pub root: Node,
    pub syntax: Syntax,
    pub groups: usize,
    /// There are constraints on what stands around.
    pub looks: bool,
    /// There are back references.
    pub backs: bool,
}

pub(super) fn parse(pattern: &str, mut syntax: Syntax) -> Result<Parsed> {
    let mut rest = pattern;
    if !syntax.quote {
        if let Some(after) = rest.strip_prefix("***=") {
            syntax.quote = true;
            rest = after;
        } else if let Some(after) = rest.strip_prefix("***:") {
            rest = after;
        } else if rest.starts_with("***") {
            return Err(invalid("quantifier operand invalid"));
        }
        if !syntax.quote {
            rest = embedded_options(rest, &mut syntax)?;
        }
    }
    if syntax.quote {
        let root = Node::Concat(rest.chars().map(Node::Char).collect());
        return Ok(Parsed { root, syntax, groups: 0, looks: false, backs: false });
    }
    let mut parser = Parser {
        chars: rest.chars().collect(),
        at: 0,
        syntax,
        groups: 0,
        depth: 0,
        looking: 0,
        looks: false,
        backs: false,
    };
    let root = parser.alternation()?;
    if parser.at < parser.chars.len() {
        return Err(invalid("parentheses () not balanced"));
    }
    Ok(Parsed { root, syntax, groups: parser.groups, looks: parser.looks, backs: parser.backs })
}

/// `(?xyz)` at the very start.
fn embedded_options<'a>(pattern: &'a str, syntax: &mut Syntax) -> Result<&'a str> {
    let Some(options) = pattern.strip_prefix("(?") else { return Ok(pattern) };
    if !options.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Ok(pattern);
    }
    let Some((letters, rest)) = options.split_once(')') else { return Err(invalid("invalid embedded option")) };
    for c in letters.chars() {
        match c {
            'b' | 'e' => {
                return Err(DbError::unsupported("basic and extended regular expressions are not supported"));
            }
            'c' => syntax.ignore_case = false,
            'i' => syntax.ignore_case = true,
            'm' | 'n' => (syntax.newline_stops, syntax.newline_anchors) = (true, true),
            'p' => (syntax.newline_stops, syntax.newline_anchors) = (true, false),
            'w' => (syntax.newline_stops, syntax.newline_anchors) = (false, true),
            's' => (syntax.newline_stops, syntax.newline_anchors) = (false, false),
            'q' => syntax.quote = true,
            't' => syntax.expanded = false,
            'x' => syntax.expanded = true,
            _ => return Err(invalid("invalid embedded option")),
        }
    }
    Ok(rest)
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    syntax: Syntax,
    groups: usize,
    depth: usize,
    /// Constraints that are open; groups in them capture nothing.
    looking: usize,
    looks: bool,
    backs: bool,
}

fn set(items: Vec<Item>, negated: bool, syntax: &Syntax) -> Result<Node> {
    let set = Set::new(items, negated, syntax);
    let single = format!("(?{}s)\\A{}\\z", if syntax.ignore_case { "i" } else { "" }, set.text);
    let test = regex::Regex::new(&single).map_err(|_| invalid("invalid character range"))?;
    Ok(Node::Set(set, test))
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn eat(&mut self, text: &str) -> bool {
        let end = self.at + text.chars().count();
        let found = self.chars.get(self.at..end).is_some_and(|s| s.iter().copied().eq(text.chars()));
        if found {
            self.at = end;
        }
        found
    }

    /// Skips what the expanded syntax ignores, and `(?#…)` comments.
    fn skip_blanks(&mut self) -> Result<()> {
        loop {
            if self.syntax.expanded {
                while self.peek().is_some_and(char::is_whitespace) {
                    self.at += 1;
                }
                if self.peek() == Some('#') {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                    continue;
                }
            }
            if !self.eat("(?#") {
                return Ok(());
            }
            while self.peek().is_some_and(|c| c != ')') {
                self.at += 1;
            }
            if self.next().is_none() {
                return Err(invalid("parentheses () not balanced"));
            }
        }
    }

    fn alternation(&mut self) -> Result<Node> {
        let mut branches = vec![self.branch()?];
        while self.peek() == Some('|') {
            self.at += 1;
            branches.push(self.branch()?);
        }
        Ok(match branches.len() {
            1 => branches.swap_remove(0),
            _ => Node::Alternate(branches),
        })
    }

    fn branch(&mut self) -> Result<Node> {
        let mut nodes = Vec::new();
        loop {
            self.skip_blanks()?;
            match self.peek() {
                None | Some('|') => break,
                // At the outermost level an unmatched parenthesis is left for the caller to complain about.
                Some(')') => break,
                _ => nodes.push(self.quantified()?),
            }
        }
        Ok(match nodes.len() {
            0 => Node::Empty,
            1 => nodes.swap_remove(0),
            _ => Node::Concat(nodes),
        })
    }

    fn quantified(&mut self) -> Result<Node> {
        let atom = self.atom()?;
        self.skip_blanks()?;
        let (min, max, fixed) = match self.peek() {
            Some('{') if self.chars.get(self.at + 1).is_some_and(char::is_ascii_digit) => {
                self.at += 1;
                self.bounds()?
            }
            Some(c @ ('*' | '+' | '?')) => {
                self.at += 1;
                (u32::from(c == '+'), (c == '?').then_some(1), false)
            }
            _ => return Ok(atom),
        };
        if matches!(atom, Node::Anchor(_) | Node::Look { .. }) {
            return Err(invalid("quantifier operand invalid"));
        }
        let greedy = self.peek() != Some('?');
        if !greedy {
            self.at += 1;
        }
        if self.peek().is_some_and(|c| matches!(c, '*' | '+' | '?')) {
            return Err(invalid("quantifier operand invalid"));
        }
        Ok(Node::Repeat { node: Box::new(atom), min, max, greedy, fixed })
    }

    /// `{m}`, `{m,}` or `{m,n}` after its brace, and whether it is the first form; leaves the parser after the closing one.
    fn bounds(&mut self) -> Result<(u32, Option<u32>, bool)> {
        let bad = || invalid("invalid repetition count(s)");
        let number = |p: &mut Parser| -> Result<Option<u32>> {
            let mut n: Option<u32> = None;
            while let Some(d) = p.peek().and_then(|c| c.to_digit(10)) {
                n = Some(n.unwrap_or(0) * 10 + d);
                if n > Some(MAX_REPEAT) {
                    return Err(bad());
                }
                p.at += 1;
            }
            Ok(n)
        };
        let min = number(self)?.ok_or_else(bad)?;
        let fixed = !self.eat(",");
        let max = if fixed { Some(min) } else { number(self)? };
        if !self.eat("}") {
            return Err(if self.peek().is_none() { invalid("braces {} not balanced") } else { bad() });
        }
        if max.is_some_and(|max| max < min) {
            return Err(bad());
        }
        Ok((min, max, fixed))
    }

    fn atom(&mut self) -> Result<Node> {
        let Some(c) = self.next() else { return Ok(Node::Empty) };
        match c {
            '(' => self.group(),
            '[' => self.bracket(),
            '.' => Ok(Node::Any),
            '^' => Ok(Node::Anchor(Anchor::LineStart)),
            '$' => Ok(Node::Anchor(Anchor::LineEnd)),
            '\\' => self.escape(),
            '*' | '+' | '?' => Err(invalid("quantifier operand invalid")),
            '{' if self.peek().is_some_and(|c| c.is_ascii_digit()) => Err(invalid("quantifier operand invalid")),
            c => Ok(Node::Char(c)),
        }
    }

    /// The beginning of a constraint after its parenthesis: whether it looks behind, and whether it is negated.
    fn constraint(&mut self) -> Option<(bool, bool)> {
        [("?=", false, false), ("?!", false, true), ("?<=", true, false), ("?<!", true, true)]
            .into_iter()
            .find(|(text, ..)| self.eat(text))
            .map(|(_, behind, negated)| (behind, negated))
    }

    fn group(&mut self) -> Result<Node> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(invalid("regular expression is too complex"));
        }
        let number = if self.eat("?:") {
            None
        } else if let Some((behind, negated)) = self.constraint() {
            self.looks = true;
            self.looking += 1;
            let node = Box::new(self.alternation()?);
            self.looking -= 1;
            if !self.eat(")") {
                return Err(invalid("parentheses () not balanced"));
            }
            self.depth -= 1;
            return Ok(Node::Look { node, behind, negated });
        } else if self.peek() == Some('?') {
            return Err(invalid("quantifier operand invalid"));
        } else if self.looking > 0 {
            None
        } else {
            self.groups += 1;
            Some(self.groups - 1)
        };
        let node = self.alternation()?;
        if !self.eat(")") {
            return Err(invalid("parentheses () not balanced"));
        }
        self.depth -= 1;
        Ok(Node::Group(number, Box::new(node)))
    }

    /// Up to `max` hexadecimal digits, at least `min`.
    fn hex(&mut self, min: usize, max: usize) -> Result<char> {
        let begin = self.at;
        let mut value: u32 = 0;
        while self.at - begin < max
            && let Some(d) = self.peek().and_then(|c| c.to_digit(16))
        {
            value = value.wrapping_mul(16).wrapping_add(d);
            self.at += 1;
        }
        if self.at - begin < min {
            return Err(invalid("invalid escape \\ sequence"));
        }
        char::from_u32(value).ok_or_else(|| invalid("invalid escape \\ sequence"))
    }

    /// An escape that stands for one character, inside and outside brackets; `None` if it is another kind.
    fn char_escape(&mut self, c: char) -> Result<Option<char>> {
        Ok(Some(match c {
            'a' => '\x07',
            'b' => '\x08',
            'B' => '\\',
            'c' => {
                let x = self.next().ok_or_else(|| invalid("invalid escape \\ sequence"))?;
                char::from((x as u32 & 0x1f) as u8)
            }
            'e' => '\x1b',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            'u' => self.hex(4, 4)?,
            'U' => self.hex(8, 8)?,
            'x' => self.hex(1, 255)?,
            '0' => {
                let mut value = 0;
                for _ in 0..2 {
                    let Some(d) = self.peek().and_then(|c| c.to_digit(8)) else { break };
                    value = value * 8 + d;
                    self.at += 1;
                }
                char::from_u32(value).ok_or_else(|| invalid("invalid escape \\ sequence"))?
            }
            c if !c.is_ascii_alphanumeric() => c,
            _ => return Ok(None),
        }))
    }

    fn class_escape(c: char) -> Option<Item> {
        Some(match c {
            'd' => Item::Class(Class::Digit, false),
            'D' => Item::Class(Class::Digit, true),
            's' => Item::Class(Class::Space, false),
            'S' => Item::Class(Class::Space, true),
            'w' => Item::Class(Class::Word, false),
            'W' => Item::Class(Class::Word, true),
            _ => return None,
        })
    }

    fn escape(&mut self) -> Result<Node> {
        let bad = || invalid("invalid escape \\ sequence");
        let c = self.next().ok_or_else(bad)?;
        if let Some(Item::Class(class, negated)) = Self::class_escape(c) {
            return set(vec![Item::Class(class, false)], negated, &self.syntax);
        }
        let anchor = match c {
            'A' => Anchor::TextStart,
            'Z' => Anchor::TextEnd,
            'm' | '<' => Anchor::WordStart,
            'M' | '>' => Anchor::WordEnd,
            'y' => Anchor::WordEdge,
            'Y' => Anchor::NotWordEdge,
            '1'..='9' => return self.back_reference_or_octal(c),
            _ => return self.char_escape(c)?.map(Node::Char).ok_or_else(bad),
        };
        Ok(Node::Anchor(anchor))
    }

    /// `\n…`: a back reference if one digit or not beyond the groups so far, else an octal character.
    fn back_reference_or_octal(&mut self, first: char) -> Result<Node> {
        let mut digits = String::from(first);
        let mut ahead = self.at;
        while let Some(d) = self.chars.get(ahead).filter(|c| c.is_ascii_digit()) {
            digits.push(*d);
            ahead += 1;
        }
        let number: usize = digits.parse().unwrap_or(usize::MAX);
        if digits.len() == 1 || number <= self.groups {
            // A constraint remembers nothing and is not told of what groups hold.
            if number > self.groups || self.looking > 0 {
                return Err(invalid("invalid backreference number"));
            }
            self.at = ahead;
            self.backs = true;
            return Ok(Node::Back(number - 1));
        }
        let octal: String = digits.chars().take_while(|c| c.is_digit(8)).take(3).collect();
        let value = u32::from_str_radix(&octal, 8).ok().and_then(char::from_u32);
        self.at += octal.len().saturating_sub(1);
        value.map(Node::Char).ok_or_else(|| invalid("invalid escape \\ sequence"))
    }

    fn bracket(&mut self) -> Result<Node> {
        let unbalanced = || invalid("brackets [] not balanced");
        if self.eat("[:<:]]") {
            return Ok(Node::Anchor(Anchor::WordStart));
        }
        if self.eat("[:>:]]") {
            return Ok(Node::Anchor(Anchor::WordEnd));
        }
        let negated = self.eat("^");
        let mut items = Vec::new();
        let mut first = true;
        loop {
            let c = self.peek().ok_or_else(unbalanced)?;
            if c == ']' && !first {
                self.at += 1;
                return set(items, negated, &self.syntax);
            }
            first = false;
            let item = self.bracket_item()?;
            let Item::Range(from, _) = item else {
                items.push(item);
                continue;
            };
            let is_range =
                self.peek() == Some('-') && self.chars.get(self.at + 1).ok_or_else(unbalanced).is_ok_and(|&c| c != ']');
            if !is_range {
                items.push(item);
                continue;
            }
            self.at += 1;
            match self.bracket_item()? {
                Item::Range(to, _) if from <= to => items.push(Item::Range(from, to)),
                _ => return Err(invalid("invalid character range")),
            }
        }
    }

    /// One member of a bracket; a single character comes as a range from itself to itself.
    fn bracket_item(&mut self) -> Result<Item> {
        let unbalanced = || invalid("brackets [] not balanced");
        if self.eat("[:") {
            let name = self.until(":]")?;
            return Class::named(&name)
                .map(|c| Item::Class(c, false))
                .ok_or_else(|| invalid("invalid character class"));
        }
        for (open, close) in [("[=", "=]"), ("[.", ".]")] {
            if self.eat(open) {
                let name = self.until(close)?;
                let mut chars = name.chars();
                return match (chars.next(), chars.next()) {
                    (Some(c), None) => Ok(Item::Range(c, c)),
                    _ => Err(invalid("invalid collating element")),
                };
            }
        }
        let c = self.next().ok_or_else(unbalanced)?;
        if c != '\\' {
            return Ok(Item::Range(c, c));
        }
        let c = self.next().ok_or_else(|| invalid("invalid escape \\ sequence"))?;
        if let Some(class) = Self::class_escape(c) {
            return Ok(class);
        }
        match self.char_escape(c)? {
            Some(c) => Ok(Item::Range(c, c)),
            None => Err(invalid("invalid escape \\ sequence")),
        }
    }

    fn until(&mut self, close: &str) -> Result<String> {
        let mut name = String::new();
        while !self.eat(close) {
            name.push(self.next().ok_or_else(|| invalid("brackets [] not balanced"))?);
        }
        Ok(name)
    }
}
