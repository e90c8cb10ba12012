//! tsquery: operands (words with weights, perhaps prefixes) under `!`, `&`, `|` and `<n>`.
//!
//! A query is its items in prefix order, the right operand of an operator before the left one, which is how it travels on
//! the wire and how it is kept; an empty query has none. Trees may be as deep as they are long (a long `&` chain leans to one
//! side), so what walks them recursively grows the stack as it needs.

use super::lex::{Lexer, is_operator, is_space, quote, syntax_error};
use super::vector::{MAX_LEXEME, MAX_POSITION};
use crate::bytetype::ByteType;
use crate::ctx::EvalCtx;
use crate::io::OutCtx;
use crate::io::binary::{bad_format, short, utf8};
use crate::oid;
use rustydb_base::{DbError, Result, SqlState};
use std::cmp::Ordering;

/// Operands a query may have.
const MAX_ITEMS: usize = 1 << 20;
/// Bits of a weight mask: 1 D, 2 C, 4 B, 8 A.
const WEIGHTS: [(u8, char); 4] = [(8, 'A'), (4, 'B'), (2, 'C'), (1, 'D')];

/// An operand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// The word.
    pub word: String,
    /// Weights it may have, a bit for each; 0 for any.
    pub weights: u8,
    /// Any word that begins so.
    pub prefix: bool,
}

/// An operator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Op {
    /// `!`
    Not,
    /// `&`
    And,
    /// `|`
    Or,
    /// `<n>`: the right operand so many positions after the left one.
    Phrase(u16),
}

impl Op {
    /// Its number on the wire.
    fn code(self) -> u8 {
        match self {
            Op::Not => 1,
            Op::And => 2,
            Op::Or => 3,
            Op::Phrase(_) => 4,
        }
    }

    fn priority(self) -> u8 {
        match self {
            Op::Not => 4,
            Op::Phrase(_) => 3,
            Op::And => 2,
            Op::Or => 1,
        }
    }
}

/// An item.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Item {
    /// An operand.
    Word(Target),
    /// An operator; its operands follow.
    Op(Op),
    /// An operand that was a stop word; only before [`TsQuery::without_stops`].
    Stop,
}

/// A query.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TsQuery(pub Vec<Item>);

/// Runs a step of a recursion with stack enough for the next.
pub(super) fn deep<T>(f: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(64 * 1024, 1024 * 1024, f)
}

/// A query with the extent of every subtree, for walking.
pub struct Tree<'a> {
    /// The items.
    pub items: &'a [Item],
    /// Items of the subtree that begins at each.
    extent: Vec<usize>,
}

impl<'a> Tree<'a> {
    /// `None` if the items do not make a tree.
    pub fn new(items: &'a [Item]) -> Option<Tree<'a>> {
        let mut extent = vec![0usize; items.len()];
        for i in (0..items.len()).rev() {
            let child = |at: usize| extent.get(at).copied();
            let n = match items.get(i)? {
                Item::Word(_) | Item::Stop => 1,
                Item::Op(Op::Not) => 1 + child(i + 1)?,
                Item::Op(_) => {
                    let right = child(i + 1)?;
                    1 + right + child(i + 1 + right)?
                }
            };
            *extent.get_mut(i)? = n;
        }
        (extent.first().copied().unwrap_or(0) == items.len()).then_some(Tree { items, extent })
    }

    /// Where the right (or only) operand of the operator at `i` begins.
    pub fn right(&self, i: usize) -> usize {
        i + 1
    }

    /// Where the left operand begins.
    pub fn left(&self, i: usize) -> usize {
        i + 1 + self.extent.get(i + 1).copied().unwrap_or(0)
    }

    /// Items of the subtree at `i`.
    pub fn subtree(&self, i: usize) -> &'a [Item] {
        let n = self.extent.get(i).copied().unwrap_or(0);
        self.items.get(i..i + n).unwrap_or_default()
    }
}

/// How query text is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// tsquery input and `to_tsquery`.
    Standard,
    /// `websearch_to_tsquery`.
    Web,
    /// The whole text is one operand.
    Plain,
}

/// What an operand's text becomes: items in postfix order, pushed to the list. An operand of no lexeme is [`Item::Stop`].
pub type Push<'p> = dyn FnMut(&mut Vec<Item>, &str, u8, bool) -> Result<()> + 'p;

struct Parser<'a> {
    whole: &'a str,
    at: usize,
    syntax: Syntax,
    /// Open parentheses.
    open: usize,
}

enum Tok {
    End,
    Word(String, u8, bool),
    Op(Op),
    Open,
    Close,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Want {
    First,
    Operand,
    Operator,
}

impl Parser<'_> {
    fn peek(&self) -> Option<char> {
        self.whole.get(self.at..)?.chars().next()
    }

    fn skip(&mut self, c: char) {
        self.at += c.len_utf8();
    }

    fn invalid(&self) -> DbError {
        syntax_error("tsquery", self.whole)
    }

    fn next(&mut self, want: &mut Want) -> Result<Tok> {
        match self.syntax {
            Syntax::Standard => self.standard(want),
            Syntax::Web => self.web(want),
            Syntax::Plain => {
                if *want == Want::Operator || self.whole.is_empty() {
                    return Ok(Tok::End);
                }
                *want = Want::Operator;
                self.at = self.whole.len();
                Ok(Tok::Word(self.whole.to_owned(), 0, false))
            }
        }
    }

    fn standard(&mut self, want: &mut Want) -> Result<Tok> {
        loop {
            if *want == Want::Operator {
                match self.peek() {
                    None if self.open > 0 => return Err(self.invalid()),
                    None => return Ok(Tok::End),
                    Some(c) if is_space(c) => self.skip(c),
                    Some(c @ ('&' | '|')) => {
                        self.skip(c);
                        *want = Want::Operand;
                        return Ok(Tok::Op(if c == '&' { Op::And } else { Op::Or }));
                    }
                    Some(c @ ')') => {
                        self.skip(c);
                        self.open = self.open.checked_sub(1).ok_or_else(|| self.invalid())?;
                        return Ok(Tok::Close);
                    }
                    Some('<') => {
                        let distance = self.phrase()?.ok_or_else(|| self.invalid())?;
                        *want = Want::Operand;
                        return Ok(Tok::Op(Op::Phrase(distance)));
                    }
                    Some(_) => return Err(self.invalid()),
                }
                continue;
            }
            match self.peek() {
                Some(c) if is_space(c) => self.skip(c),
                Some(c @ '!') => {
                    self.skip(c);
                    *want = Want::Operand;
                    return Ok(Tok::Op(Op::Not));
                }
                Some(c @ '(') => {
                    self.skip(c);
                    self.open += 1;
                    *want = Want::Operand;
                    return Ok(Tok::Open);
                }
                Some(':') => return Err(self.invalid()),
                _ => {
                    let mut lexer = Lexer::query(self.whole, self.at, false);
                    let Some(token) = lexer.token()? else {
                        return if *want == Want::First { Ok(Tok::End) } else { Err(self.no_operand()) };
                    };
                    self.at = lexer.at;
                    let (weights, prefix) = self.modifiers();
                    *want = Want::Operator;
                    return Ok(Tok::Word(token.word, weights, prefix));
                }
            }
        }
    }

    fn no_operand(&self) -> DbError {
        DbError::new(SqlState::SYNTAX_ERROR, format!("no operand in tsquery: \"{}\"", self.whole))
    }

    /// `:AB*` after an operand.
    fn modifiers(&mut self) -> (u8, bool) {
        let (mut weights, mut prefix) = (0, false);
        if self.peek() != Some(':') {
            return (weights, prefix);
        }
        self.at += 1;
        while let Some(c) = self.peek() {
            match c.to_ascii_uppercase() {
                '*' => prefix = true,
                u => match WEIGHTS.iter().find(|w| w.1 == u) {
                    Some((bit, _)) => weights |= bit,
                    None => break,
                },
            }
            self.skip(c);
        }
        (weights, prefix)
    }

    /// `<->` or `<n>`; `None` if it is neither.
    fn phrase(&mut self) -> Result<Option<u16>> {
        let rest = self.whole.get(self.at + 1..).unwrap_or_default();
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (distance, used) = if rest.starts_with('-') {
            (1, 1)
        } else if digits > 0 {
            let n = rest.get(..digits).and_then(|d| d.parse::<u64>().ok());
            (n.and_then(|n| u16::try_from(n).ok()).filter(|n| *n <= MAX_POSITION).ok_or_else(bad_distance)?, digits)
        } else {
            return Ok(None);
        };
        if rest.as_bytes().get(used) != Some(&b'>') {
            return Ok(None);
        }
        self.at += used + 2;
        Ok(Some(distance))
    }

    /// Web search: words, quoted phrases, `or`, and a minus for not. Nothing is a syntax error.
    fn web(&mut self, want: &mut Want) -> Result<Tok> {
        loop {
            if *want == Want::Operator {
                match self.peek() {
                    None => return Ok(Tok::End),
                    Some(c) if is_space(c) || is_operator(c) => self.skip(c),
                    Some(c) => {
                        *want = Want::Operand;
                        return Ok(Tok::Op(if c != '"' && self.or_word() { Op::Or } else { Op::And }));
                    }
                }
                continue;
            }
            match self.peek() {
                None => return Ok(Tok::End),
                Some(c) if is_space(c) => self.skip(c),
                Some(c @ '-') => {
                    self.skip(c);
                    *want = Want::Operand;
                    return Ok(Tok::Op(Op::Not));
                }
                Some('"') => {
                    // What is in quotes is one operand.
                    let rest = self.whole.get(self.at + 1..).unwrap_or_default();
                    let end = rest.find('"').unwrap_or(rest.len());
                    self.at = (self.at + 2 + end).min(self.whole.len());
                    *want = Want::Operator;
                    return Ok(Tok::Word(rest.get(..end).unwrap_or_default().to_owned(), 0, false));
                }
                Some(c) if is_operator(c) => {
                    self.skip(c);
                    *want = Want::Operand;
                }
                Some(_) => {
                    let mut lexer = Lexer::query(self.whole, self.at, true);
                    let Some(token) = lexer.token()? else { return Ok(Tok::End) };
                    self.at = lexer.at;
                    *want = Want::Operator;
                    return Ok(Tok::Word(token.word, 0, false));
                }
            }
        }
    }

    /// Takes the word `or` if it stands alone and something follows.
    fn or_word(&mut self) -> bool {
        let rest = self.whole.get(self.at..).unwrap_or_default();
        if !rest.get(..2).is_some_and(|w| w.eq_ignore_ascii_case("or")) {
            return false;
        }
        let after = rest.get(2..).unwrap_or_default();
        let Some(next) = after.chars().next() else { return false };
        if matches!(next, '-' | '_') || next.is_alphanumeric() {
            return false;
        }
        // Only if something follows that could be an operand.
        if after.chars().skip(1).all(is_space) {
            return false;
        }
        self.at += 2;
        true
    }
}

/// 22023 for a distance out of range.
pub(super) fn bad_distance() -> DbError {
    DbError::new(
        SqlState::INVALID_PARAMETER_VALUE,
        format!("distance in phrase operator must be an integer value between zero and {MAX_POSITION} inclusive"),
    )
}

/// What stands on the parser's stack.
enum Pending {
    Op(Op),
    Paren,
}

/// Moves operators that bind at least as tightly as `op` from the stack to the output.
fn flush(stack: &mut Vec<Pending>, out: &mut Vec<Item>, op: Op) {
    while let Some(Pending::Op(top)) = stack.last() {
        let stays = if op == Op::Not { top.priority() <= op.priority() } else { top.priority() < op.priority() };
        if stays {
            break;
        }
        out.push(Item::Op(*top));
        stack.pop();
    }
}

/// Reads a query; operands go through `push`. The items may contain [`Item::Stop`].
pub fn parse(s: &str, syntax: Syntax, push: &mut Push<'_>) -> Result<TsQuery> {
    let mut p = Parser { whole: s, at: 0, syntax, open: 0 };
    let mut want = Want::First;
    let mut stack: Vec<Pending> = Vec::new();
    let mut out: Vec<Item> = Vec::new();
    loop {
        match p.next(&mut want)? {
            Tok::End => break,
            Tok::Word(word, weights, prefix) => push(&mut out, &word, weights, prefix)?,
            Tok::Op(op) => {
                flush(&mut stack, &mut out, op);
                stack.push(Pending::Op(op));
            }
            Tok::Open => stack.push(Pending::Paren),
            Tok::Close => {
                flush(&mut stack, &mut out, Op::Or);
                stack.pop();
            }
        }
        if out.len() > MAX_ITEMS {
            return Err(DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "tsquery is too large"));
        }
    }
    if want == Want::Operand && syntax == Syntax::Web {
        // A web search may end with an operator, which gets an operand that means nothing.
        out.push(Item::Stop);
    }
    flush(&mut stack, &mut out, Op::Or);
    out.reverse();
    Ok(TsQuery(out))
}

/// Reads tsquery input: operands are lexemes as they stand.
pub fn parse_input(ctx: &EvalCtx, s: &str) -> Result<TsQuery> {
    let q = parse(s, Syntax::Standard, &mut |out, word, weights, prefix| {
        if word.len() > MAX_LEXEME {
            return Err(word_too_long(s));
        }
        out.push(Item::Word(Target { word: word.to_owned(), weights, prefix }));
        Ok(())
    })?;
    Ok(q.noted(ctx, s))
}

/// 54000.
pub(super) fn word_too_long(s: &str) -> DbError {
    DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, format!("word is too long in tsquery: \"{s}\""))
}

/// A subtree after stop words were taken out: what is left, and the distances to add to phrases left and right of it.
struct Cleaned {
    items: Option<Vec<Item>>,
    left: u32,
    right: u32,
}

impl TsQuery {
    /// Reads the bytes of a value; `None` when malformed.
    pub fn read(b: &[u8]) -> Option<TsQuery> {
        let (count, mut rest) = b.split_first_chunk::<4>()?;
        let n = usize::try_from(i32::from_be_bytes(*count)).ok().filter(|n| *n <= MAX_ITEMS)?;
        let mut out = Vec::with_capacity(n.min(rest.len() / 2));
        for _ in 0..n {
            let (kind, after) = rest.split_first()?;
            match kind {
                1 => {
                    let ([weights, prefix], after) = after.split_first_chunk::<2>()?;
                    let end = after.iter().position(|c| *c == 0)?;
                    let word = utf8(after.get(..end)?).ok()?.to_owned();
                    if *weights > 15 || word.len() > MAX_LEXEME {
                        return None;
                    }
                    out.push(Item::Word(Target { word, weights: *weights, prefix: *prefix != 0 }));
                    rest = after.get(end + 1..)?;
                }
                2 => {
                    let (op, mut after) = after.split_first()?;
                    out.push(Item::Op(match op {
                        1 => Op::Not,
                        2 => Op::And,
                        3 => Op::Or,
                        4 => {
                            let (d, tail) = after.split_first_chunk::<2>()?;
                            after = tail;
                            Op::Phrase(u16::from_be_bytes(*d))
                        }
                        _ => return None,
                    }));
                    rest = after;
                }
                _ => return None,
            }
        }
        (rest.is_empty() && (n == 0 || Tree::new(&out).is_some())).then_some(TsQuery(out))
    }

    /// Appends the bytes of a value.
    pub fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.0.len() as i32).to_be_bytes());
        for item in &self.0 {
            match item {
                Item::Word(t) => {
                    out.extend_from_slice(&[1, t.weights, u8::from(t.prefix)]);
                    out.extend_from_slice(t.word.as_bytes());
                    out.push(0);
                }
                Item::Op(op) => {
                    out.extend_from_slice(&[2, op.code()]);
                    if let Op::Phrase(d) = op {
                        out.extend_from_slice(&d.to_be_bytes());
                    }
                }
                Item::Stop => {}
            }
        }
    }

    /// The value as text.
    pub fn show(&self) -> String {
        let mut out = String::new();
        if let Some(t) = Tree::new(&self.0)
            && !self.0.is_empty()
        {
            show_item(&t, 0, 0, false, &mut out);
        }
        out
    }

    /// Both joined; an empty one gives the other.
    pub fn join(self, o: TsQuery, op: Op) -> TsQuery {
        if self.0.is_empty() {
            return o;
        }
        if o.0.is_empty() {
            return self;
        }
        let mut items = vec![Item::Op(op)];
        items.extend(o.0);
        items.extend(self.0);
        TsQuery(items)
    }

    /// Negated.
    pub fn negated(mut self) -> TsQuery {
        if !self.0.is_empty() {
            self.0.insert(0, Item::Op(Op::Not));
        }
        self
    }

    /// The operands.
    pub fn words(&self) -> impl Iterator<Item = &Target> {
        self.0.iter().filter_map(|i| match i {
            Item::Word(t) => Some(t),
            _ => None,
        })
    }

    /// Tells the client if the text had no operand at all.
    pub fn noted(self, ctx: &EvalCtx, text: &str) -> TsQuery {
        if self.0.is_empty() {
            ctx.session.notice(DbError::new(
                SqlState::SUCCESSFUL_COMPLETION,
                format!("text-search query doesn't contain lexemes: \"{text}\""),
            ));
        }
        self
    }

    /// Without stop words; phrases grow by what they leave out. Empty with a notice if nothing is left.
    pub fn without_stops(self, ctx: &EvalCtx) -> TsQuery {
        if !self.0.contains(&Item::Stop) {
            return self;
        }
        let left = Tree::new(&self.0).and_then(|t| clean(&t, 0).items);
        left.map(TsQuery).unwrap_or_else(|| {
            ctx.session.notice(DbError::new(
                SqlState::SUCCESSFUL_COMPLETION,
                "text-search query contains only stop words or doesn't contain lexemes, ignored",
            ));
            TsQuery::default()
        })
    }

    /// What an index could search for: negations taken out; `None` when that leaves nothing.
    pub fn positive(&self) -> Option<TsQuery> {
        let t = Tree::new(&self.0)?;
        if self.0.is_empty() { None } else { positive(&t, 0).map(TsQuery) }
    }

    /// Bytes as PostgreSQL lays them out, beyond the header.
    fn size(&self) -> usize {
        self.0.len() * 12 + self.words().map(|t| t.word.len() + 1).sum::<usize>()
    }

    /// Order of two values; PostgreSQL's, which means nothing.
    pub fn compare(&self, o: &TsQuery) -> Ordering {
        self.0.len().cmp(&o.0.len()).then(self.size().cmp(&o.size())).then_with(|| {
            // Equal extents are walked in step, as both are in prefix order; the first difference decides.
            for (a, b) in self.0.iter().zip(&o.0) {
                let order = compare_items(a, b);
                if order.is_ne() {
                    return order;
                }
            }
            distances(&o.0).cmp(&distances(&self.0))
        })
    }

    fn put_key(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&(self.0.len() as u32).to_be_bytes());
        out.extend_from_slice(&(self.size() as u32).to_be_bytes());
        for item in &self.0 {
            match item {
                Item::Op(op) => out.extend_from_slice(&[0, !op.code()]),
                Item::Word(t) => {
                    out.push(1);
                    out.extend_from_slice(&(!(checksum(&t.word) as u32 ^ 1 << 31)).to_be_bytes());
                    out.extend_from_slice(t.word.as_bytes());
                    out.push(0);
                }
                Item::Stop => {}
            }
        }
        for d in distances(&self.0) {
            out.extend_from_slice(&(!d).to_be_bytes());
        }
    }
}

fn distances(items: &[Item]) -> Vec<u16> {
    items
        .iter()
        .filter_map(|i| match i {
            Item::Op(Op::Phrase(d)) => Some(*d),
            _ => None,
        })
        .collect()
}

/// Order of two items but for distances, which come last.
pub(super) fn compare_items(a: &Item, b: &Item) -> Ordering {
    match (a, b) {
        (Item::Op(a), Item::Op(b)) => b.code().cmp(&a.code()),
        (Item::Word(a), Item::Word(b)) => {
            checksum(&b.word).cmp(&checksum(&a.word)).then_with(|| a.word.as_bytes().cmp(b.word.as_bytes()))
        }
        (Item::Op(_), _) => Ordering::Less,
        (_, Item::Op(_)) => Ordering::Greater,
        _ => Ordering::Equal,
    }
}

/// The checksum that operands are ordered by: CRC-32's table applied most significant byte first.
pub(super) fn checksum(word: &str) -> i32 {
    let mut crc = u32::MAX;
    for b in word.bytes() {
        let mut t = (crc >> 24) ^ u32::from(b);
        for _ in 0..8 {
            t = if t & 1 == 1 { 0xedb8_8320 ^ (t >> 1) } else { t >> 1 };
        }
        crc = t ^ (crc << 8);
    }
    !crc as i32
}

fn show_item(t: &Tree<'_>, i: usize, parent: u8, right_of_phrase: bool, out: &mut String) {
    deep(|| match t.items.get(i) {
        Some(Item::Word(w)) => {
            quote(&w.word, out);
            if w.weights != 0 || w.prefix {
                out.push(':');
                if w.prefix {
                    out.push('*');
                }
                out.extend(WEIGHTS.iter().filter(|(bit, _)| w.weights & bit != 0).map(|(_, c)| *c));
            }
        }
        Some(Item::Op(Op::Not)) => {
            let wrap = Op::Not.priority() < parent;
            if wrap {
                out.push_str("( ");
            }
            out.push('!');
            show_item(t, t.right(i), Op::Not.priority(), false, out);
            if wrap {
                out.push_str(" )");
            }
        }
        Some(Item::Op(op)) => {
            let phrase = matches!(op, Op::Phrase(_));
            let wrap = op.priority() < parent || phrase && right_of_phrase;
            if wrap {
                out.push_str("( ");
            }
            show_item(t, t.left(i), op.priority(), false, out);
            match op {
                Op::Or => out.push_str(" | "),
                Op::Phrase(1) => out.push_str(" <-> "),
                Op::Phrase(n) => out.push_str(&format!(" <{n}> ")),
                _ => out.push_str(" & "),
            }
            show_item(t, t.right(i), op.priority(), phrase, out);
            if wrap {
                out.push_str(" )");
            }
        }
        Some(Item::Stop) | None => {}
    });
}

fn positive(t: &Tree<'_>, i: usize) -> Option<Vec<Item>> {
    deep(|| match t.items.get(i)? {
        Item::Word(_) => Some(vec![t.items.get(i)?.clone()]),
        Item::Op(Op::Not) | Item::Stop => None,
        Item::Op(op) => {
            let (right, left) = (positive(t, t.right(i)), positive(t, t.left(i)));
            match (right, left) {
                (Some(r), Some(l)) => Some(std::iter::once(Item::Op(*op)).chain(r).chain(l).collect()),
                (one, other) if *op != Op::Or => one.or(other),
                _ => None,
            }
        }
    })
}

fn clean(t: &Tree<'_>, i: usize) -> Cleaned {
    let whole = |items: Vec<Item>, left, right| Cleaned { items: Some(items), left, right };
    deep(|| match t.items.get(i) {
        Some(Item::Word(w)) => whole(vec![Item::Word(w.clone())], 0, 0),
        Some(Item::Stop) | None => Cleaned { items: None, left: 0, right: 0 },
        Some(Item::Op(Op::Not)) => {
            let mut c = clean(t, t.right(i));
            c.items = c.items.map(|v| std::iter::once(Item::Op(Op::Not)).chain(v).collect());
            c
        }
        Some(Item::Op(op)) => {
            let (r, l) = (clean(t, t.right(i)), clean(t, t.left(i)));
            let distance = match op {
                Op::Phrase(d) => Some(u32::from(*d)),
                _ => None,
            };
            match (l.items, r.items, distance) {
                (None, None, Some(d)) => {
                    let all = l.left + d + r.left;
                    Cleaned { items: None, left: all, right: all }
                }
                (None, None, None) => {
                    let all = l.left.max(r.left);
                    Cleaned { items: None, left: all, right: all }
                }
                (None, Some(items), Some(d)) => whole(items, l.left + d + r.left, r.right),
                (None, Some(items), None) => whole(items, r.left, r.right),
                (Some(items), None, Some(d)) => whole(items, l.left, l.right + d + r.right),
                (Some(items), None, None) => whole(items, l.left, l.right),
                (Some(left), Some(right), d) => {
                    let (op, outer) = match d {
                        Some(d) => {
                            let d = (d + l.right + r.left).min(u32::from(u16::MAX)) as u16;
                            (Op::Phrase(d), (l.left, r.right))
                        }
                        None => (*op, (0, 0)),
                    };
                    let items = std::iter::once(Item::Op(op)).chain(right).chain(left).collect();
                    whole(items, outer.0, outer.1)
                }
            }
        }
    })
}

pub(super) fn stored(b: &[u8]) -> Result<TsQuery> {
    TsQuery::read(b).ok_or_else(|| DbError::corrupt("stored tsquery is malformed"))
}

fn text_in(ctx: &EvalCtx, s: &str) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    parse_input(ctx, crate::io::checked_text(s)?)?.put(&mut out);
    Ok(out)
}

fn text_out(_: OutCtx<'_>, b: &[u8], out: &mut Vec<u8>) -> Result<()> {
    out.extend_from_slice(stored(b)?.show().as_bytes());
    Ok(())
}

fn recv(_: &EvalCtx, b: &[u8]) -> Result<Vec<u8>> {
    if b.len() < 4 {
        return Err(short());
    }
    TsQuery::read(b).ok_or_else(bad_format)?;
    Ok(b.to_vec())
}

/// The type's row.
pub static TYPE: ByteType = ByteType {
    oid: oid::TSQUERY,
    text_in,
    text_out,
    recv,
    send: |b, out| out.extend_from_slice(b),
    typmod: None,
    compare: Some(|a, b| {
        let read = |b| TsQuery::read(b).unwrap_or_default();
        read(a).compare(&read(b))
    }),
    put_key: |b, out| TsQuery::read(b).unwrap_or_default().put_key(out),
};
