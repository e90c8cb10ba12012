//! The grammar of XPath 1.0.

/// An axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum Axis {
    Ancestor,
    AncestorOrSelf,
    Attribute,
    Child,
    Descendant,
    DescendantOrSelf,
    Following,
    FollowingSibling,
    Parent,
    Preceding,
    PrecedingSibling,
    Itself,
}

/// What a step takes.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// `*`.
    Any,
    /// `p:*`.
    AnyOf(String),
    /// A name with its prefix.
    Name(Option<String>, String),
    /// `node()`.
    Node,
    /// `text()`.
    Text,
    /// `comment()`.
    Comment,
    /// `processing-instruction('target')`.
    Instruction(Option<String>),
}

/// A step of a path.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Where to.
    pub axis: Axis,
    /// What of it.
    pub test: Test,
    /// Conditions.
    pub predicates: Vec<Expr>,
}

/// An operator between two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum Op {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Plus,
    Minus,
    Times,
    Div,
    Mod,
    Union,
}

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A number.
    Number(f64),
    /// A string.
    Text(String),
    /// Two operands.
    Binary(Op, Box<Expr>, Box<Expr>),
    /// `-x`.
    Negate(Box<Expr>),
    /// A function's call.
    Call(String, Vec<Expr>),
    /// Steps from the context node, or (`absolute`) from the document.
    Path {
        /// Begins with `/`.
        absolute: bool,
        /// In order.
        steps: Vec<Step>,
    },
    /// A value with conditions, then steps from its nodes.
    Filter {
        /// The value.
        of: Box<Expr>,
        /// Conditions.
        predicates: Vec<Expr>,
        /// In order.
        steps: Vec<Step>,
    },
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(f64),
    Text(String),
    /// A name, `p:name` or `p:*`.
    Name(String),
    Sign(&'static str),
}

/// Deepest nesting of an expression.
const MAX_DEPTH: usize = 100;

const SIGNS: &[&str] =
    &["//", "::", "..", "!=", "<=", ">=", "(", ")", "[", "]", ".", "@", ",", "/", "|", "+", "-", "=", "<", ">", "*"];

fn name_start(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn name_char(c: char) -> bool {
    name_start(c) || c.is_ascii_digit() || matches!(c, '-' | '.' | '\u{b7}')
}

fn tokens(text: &str) -> Result<Vec<Token>, ()> {
    let mut out = Vec::new();
    let mut rest = text.trim_start();
    while let Some(c) = rest.chars().next() {
        let digit = |s: &str| s.chars().next().is_some_and(|c| c.is_ascii_digit());
        let len = if digit(rest) || (c == '.' && digit(&rest[1..])) {
            let whole = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let after = &rest[whole..];
            let fraction = match after.strip_prefix('.') {
                Some(f) => 1 + f.find(|c: char| !c.is_ascii_digit()).unwrap_or(f.len()),
                None => 0,
            };
            out.push(Token::Number(rest[..whole + fraction].trim_end_matches('.').parse().map_err(|_| ())?));
            whole + fraction
        } else if matches!(c, '"' | '\'') {
            let end = rest[1..].find(c).ok_or(())?;
            out.push(Token::Text(rest[1..=end].to_owned()));
            end + 2
        } else if name_start(c) {
            let part = |s: &str| s.find(|c| !name_char(c)).unwrap_or(s.len());
            let mut len = part(rest);
            // A prefix, unless the colons are those of an axis.
            if let Some(after) = rest[len..].strip_prefix(':').filter(|a| !a.starts_with(':')) {
                if after.starts_with('*') {
                    len += 2;
                } else if after.starts_with(name_start) {
                    len += 1 + part(after);
                }
            }
            out.push(Token::Name(rest[..len].to_owned()));
            len
        } else {
            let sign = SIGNS.iter().find(|s| rest.starts_with(**s)).ok_or(())?;
            out.push(Token::Sign(sign));
            sign.len()
        };
        rest = rest[len..].trim_start();
    }
    Ok(out)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
}

type Parsed<T> = Result<T, ()>;

/// Operators by how tightly they bind, loosest first.
const LEVELS: &[&[(&str, Op)]] = &[
    &[("or", Op::Or)],
    &[("and", Op::And)],
    &[("=", Op::Equal), ("!=", Op::NotEqual)],
    &[("<", Op::Less), ("<=", Op::LessEqual), (">", Op::Greater), (">=", Op::GreaterEqual)],
    &[("+", Op::Plus), ("-", Op::Minus)],
    &[("*", Op::Times), ("div", Op::Div), ("mod", Op::Mod)],
];

impl Parser {
    fn peek(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead)
    }

    fn is(&self, ahead: usize, sign: &str) -> bool {
        matches!(self.peek(ahead), Some(Token::Sign(s)) if *s == sign)
    }

    fn eat(&mut self, sign: &str) -> bool {
        let found = self.is(0, sign);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &str) -> Parsed<()> {
        if self.eat(sign) { Ok(()) } else { Err(()) }
    }

    fn expr(&mut self) -> Parsed<Expr> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(());
        }
        let e = self.binary(0);
        self.depth -= 1;
        e
    }

    fn operator(&self, level: usize) -> Option<Op> {
        let word = match self.peek(0)? {
            Token::Sign(s) => *s,
            Token::Name(n) => n.as_str(),
            _ => return None,
        };
        LEVELS[level].iter().find(|(w, _)| *w == word).map(|(_, op)| *op)
    }

    fn binary(&mut self, level: usize) -> Parsed<Expr> {
        if level == LEVELS.len() {
            return self.unary();
        }
        let mut left = self.binary(level + 1)?;
        while let Some(op) = self.operator(level) {
            self.at += 1;
            let right = self.binary(level + 1)?;
            left = Expr::Binary(op, Box::new(left), Box::new(right));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Parsed<Expr> {
        let mut negative = 0;
        while self.eat("-") {
            negative += 1;
        }
        let mut e = self.path()?;
        while self.eat("|") {
            e = Expr::Binary(Op::Union, Box::new(e), Box::new(self.path()?));
        }
        match negative {
            0 => Ok(e),
            n if n % 2 == 1 => Ok(Expr::Negate(Box::new(e))),
            _ => Ok(Expr::Negate(Box::new(Expr::Negate(Box::new(e))))),
        }
    }

    /// Whether a primary expression begins here: a call of a function is one, a node test is not.
    fn at_primary(&self) -> bool {
        match self.peek(0) {
            Some(Token::Number(_) | Token::Text(_)) => true,
            Some(Token::Sign(s)) => *s == "(",
            Some(Token::Name(n)) => {
                self.is(1, "(") && !matches!(n.as_str(), "node" | "text" | "comment" | "processing-instruction")
            }
            None => false,
        }
    }

    fn path(&mut self) -> Parsed<Expr> {
        if !self.at_primary() {
            return self.location();
        }
        let of = self.primary()?;
        let predicates = self.predicates()?;
        let mut steps = Vec::new();
        if self.is(0, "/") || self.is(0, "//") {
            self.more_steps(&mut steps)?;
        }
        if predicates.is_empty() && steps.is_empty() {
            return Ok(of);
        }
        Ok(Expr::Filter { of: Box::new(of), predicates, steps })
    }

    fn primary(&mut self) -> Parsed<Expr> {
        let t = self.peek(0).cloned().ok_or(())?;
        self.at += 1;
        Ok(match t {
            Token::Number(n) => Expr::Number(n),
            Token::Text(s) => Expr::Text(s),
            Token::Sign(_) => {
                let e = self.expr()?;
                self.expect(")")?;
                e
            }
            Token::Name(name) => {
                self.expect("(")?;
                let mut args = Vec::new();
                if !self.eat(")") {
                    loop {
                        args.push(self.expr()?);
                        if !self.eat(",") {
                            break;
                        }
                    }
                    self.expect(")")?;
                }
                Expr::Call(name, args)
            }
        })
    }

    fn predicates(&mut self) -> Parsed<Vec<Expr>> {
        let mut out = Vec::new();
        while self.eat("[") {
            out.push(self.expr()?);
            self.expect("]")?;
        }
        Ok(out)
    }

    fn at_step(&self) -> bool {
        match self.peek(0) {
            Some(Token::Name(_)) => true,
            Some(Token::Sign(s)) => matches!(*s, "." | ".." | "@" | "*"),
            _ => false,
        }
    }

    fn location(&mut self) -> Parsed<Expr> {
        let mut steps = Vec::new();
        let absolute = self.is(0, "/") || self.is(0, "//");
        if self.is(0, "/") {
            self.at += 1;
            if !self.at_step() {
                return Ok(Expr::Path { absolute, steps });
            }
        } else if self.eat("//") {
            steps.push(everything());
        }
        steps.push(self.step()?);
        self.more_steps(&mut steps)?;
        Ok(Expr::Path { absolute, steps })
    }

    fn more_steps(&mut self, steps: &mut Vec<Step>) -> Parsed<()> {
        loop {
            if self.eat("//") {
                steps.push(everything());
            } else if !self.eat("/") {
                return Ok(());
            }
            steps.push(self.step()?);
        }
    }

    fn step(&mut self) -> Parsed<Step> {
        let short = |axis| Step { axis, test: Test::Node, predicates: vec![] };
        if self.eat("..") {
            return Ok(short(Axis::Parent));
        }
        if self.eat(".") {
            return Ok(short(Axis::Itself));
        }
        let axis = if self.eat("@") {
            Axis::Attribute
        } else if self.is(1, "::") {
            let Some(Token::Name(n)) = self.peek(0) else { return Err(()) };
            let axis = axis(n).ok_or(())?;
            self.at += 2;
            axis
        } else {
            Axis::Child
        };
        let test = self.test()?;
        Ok(Step { axis, test, predicates: self.predicates()? })
    }

    fn test(&mut self) -> Parsed<Test> {
        if self.eat("*") {
            return Ok(Test::Any);
        }
        let Some(Token::Name(name)) = self.peek(0).cloned() else { return Err(()) };
        self.at += 1;
        if self.eat("(") {
            let target = match self.peek(0).cloned() {
                Some(Token::Text(s)) if name == "processing-instruction" => {
                    self.at += 1;
                    Some(s)
                }
                _ => None,
            };
            self.expect(")")?;
            return Ok(match name.as_str() {
                "node" => Test::Node,
                "text" => Test::Text,
                "comment" => Test::Comment,
                "processing-instruction" => Test::Instruction(target),
                _ => return Err(()),
            });
        }
        Ok(match name.split_once(':') {
            Some((p, "*")) => Test::AnyOf(p.to_owned()),
            Some((p, l)) => Test::Name(Some(p.to_owned()), l.to_owned()),
            None => Test::Name(None, name),
        })
    }
}

/// What `//` stands for.
fn everything() -> Step {
    Step { axis: Axis::DescendantOrSelf, test: Test::Node, predicates: vec![] }
}

fn axis(name: &str) -> Option<Axis> {
    Some(match name {
        "ancestor" => Axis::Ancestor,
        "ancestor-or-self" => Axis::AncestorOrSelf,
        "attribute" => Axis::Attribute,
        "child" => Axis::Child,
        "descendant" => Axis::Descendant,
        "descendant-or-self" => Axis::DescendantOrSelf,
        "following" => Axis::Following,
        "following-sibling" => Axis::FollowingSibling,
        "parent" => Axis::Parent,
        "preceding" => Axis::Preceding,
        "preceding-sibling" => Axis::PrecedingSibling,
        "self" => Axis::Itself,
        _ => return None,
    })
}

/// Parses an expression; `None` for what is none.
pub fn parse(text: &str) -> Option<Expr> {
    let mut p = Parser { tokens: tokens(text).ok()?, at: 0, depth: 0 };
    let e = p.expr().ok()?;
    (p.at == p.tokens.len()).then_some(e)
}
