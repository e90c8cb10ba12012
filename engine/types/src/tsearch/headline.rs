//! `ts_headline`: the part of a document that shows best why it matches a query, with the query's words marked.
//!
//! Covers (shortest stretches of words that satisfy the query) are looked for from every word of the query on. Without
//! fragments, each cover is grown or cut to the wanted number of words and the best one shown; with fragments, the covers with
//! most words of the query are shown one after the other, each grown on both sides.

use super::matching::{Answer, Source, Spots, holds_tree};
use super::query::{Item, Target, Tree, TsQuery};
use super::tokens::{Kind, Tokens};
use super::vector::{MAX_LEXEME, MAX_POSITION};
use crate::ctx::EvalCtx;
use rustydb_base::{DbError, Result, SqlState};

/// How a headline is made.
struct Options {
    max_words: i32,
    min_words: i32,
    short_word: i32,
    max_fragments: i32,
    highlight_all: bool,
    start: String,
    stop: String,
    delimiter: String,
}

fn parameter(m: impl Into<std::borrow::Cow<'static, str>>) -> DbError {
    DbError::new(SqlState::INVALID_PARAMETER_VALUE, m)
}

/// `key = value` pairs: values bare, or in single or double quotes with a backslash before what is meant literally.
fn pairs(text: &str) -> Result<Vec<(String, String)>> {
    let bad = || DbError::new(SqlState::SYNTAX_ERROR, format!("invalid parameter list format: \"{text}\""));
    let space = |c: char| c.is_whitespace();
    let mut out = Vec::new();
    let mut rest = text.trim_start_matches(|c: char| space(c) || c == ',');
    while !rest.is_empty() {
        let (key, after) = if let Some(q) = rest.strip_prefix('"') {
            let end = q.find('"').ok_or_else(bad)?;
            (q.get(..end).unwrap_or_default().to_owned(), q.get(end + 1..).unwrap_or_default())
        } else {
            let end = rest.find(|c: char| space(c) || c == '=').ok_or_else(bad)?;
            let (k, after) = rest.split_at(end);
            (k.to_lowercase(), after)
        };
        if key.is_empty() {
            return Err(bad());
        }
        let after = after.trim_start_matches(space).strip_prefix('=').ok_or_else(bad)?.trim_start_matches(space);
        let mut value = String::new();
        let mut chars = after.char_indices();
        match after.chars().next().ok_or_else(bad)? {
            quote @ ('\'' | '"') => {
                chars.next();
                let end = loop {
                    match chars.next().ok_or_else(bad)? {
                        (_, '\\') => value.push(chars.next().ok_or_else(bad)?.1),
                        (i, c) if c == quote => {
                            if after.get(i + 1..).is_some_and(|r| r.starts_with(quote)) {
                                chars.next();
                                value.push(quote);
                            } else {
                                break i + 1;
                            }
                        }
                        (_, c) => value.push(c),
                    }
                };
                rest = after.get(end..).unwrap_or_default();
            }
            _ => {
                let end = after.find(|c: char| space(c) || c == ',').unwrap_or(after.len());
                let (v, more) = after.split_at(end);
                value.push_str(v);
                rest = more;
            }
        }
        out.push((key, value));
        let next = rest.trim_start_matches(space);
        if !next.is_empty() && !next.starts_with(',') && next.len() == rest.len() {
            return Err(bad());
        }
        rest = next.trim_start_matches(|c: char| space(c) || c == ',');
    }
    Ok(out)
}

impl Options {
    fn read(text: &str) -> Result<Options> {
        let mut o = Options {
            max_words: 35,
            min_words: 15,
            short_word: 3,
            max_fragments: 0,
            highlight_all: false,
            start: "<b>".into(),
            stop: "</b>".into(),
            delimiter: " ... ".into(),
        };
        for (key, value) in pairs(text)? {
            let number = || crate::io::scalar::int4_in(&value);
            match key.to_ascii_lowercase().as_str() {
                "maxwords" => o.max_words = number()?,
                "minwords" => o.min_words = number()?,
                "shortword" => o.short_word = number()?,
                "maxfragments" => o.max_fragments = number()?,
                "startsel" => o.start = value,
                "stopsel" => o.stop = value,
                "fragmentdelimiter" => o.delimiter = value,
                "highlightall" => {
                    o.highlight_all =
                        ["1", "on", "true", "t", "y", "yes"].iter().any(|t| value.eq_ignore_ascii_case(t));
                }
                _ => return Err(parameter(format!("unrecognized headline parameter: \"{key}\""))),
            }
        }
        for (name, v) in [("StartSel", &o.start), ("StopSel", &o.stop), ("FragmentDelimiter", &o.delimiter)] {
            if v.len() > i16::MAX as usize {
                return Err(parameter(format!("value for \"{name}\" is too long")));
            }
        }
        // In a whole document nothing is cut, so numbers do not matter.
        if o.highlight_all {
            return Ok(o);
        }
        let wrong = if o.min_words >= o.max_words {
            "MinWords should be less than MaxWords"
        } else if o.min_words <= 0 {
            "MinWords should be positive"
        } else if o.short_word < 0 {
            "ShortWord should be >= 0"
        } else if o.max_fragments < 0 {
            "MaxFragments should be >= 0"
        } else {
            return Ok(o);
        };
        Err(parameter(wrong))
    }
}

/// A token of the document. One that means several operands of the query stands several times.
struct Word<'a> {
    text: &'a str,
    kind: Kind,
    position: u16,
    /// The operand that it is, by item.
    operand: Option<usize>,
    repeated: bool,
    shown: bool,
}

impl Word<'_> {
    fn interesting(&self) -> bool {
        self.operand.is_some() && !self.repeated
    }

    /// Tokens that are no words of their own.
    fn counts(&self) -> bool {
        !matches!(
            self.kind,
            Kind::Blank | Kind::Tag | Kind::Url | Kind::NumHyphenated | Kind::AsciiHyphenated | Kind::Hyphenated
        )
    }

    /// A headline should not end here.
    fn bad_end(&self, short: i32) -> bool {
        let weak = !self.counts()
            || matches!(
                self.kind,
                Kind::SFloat | Kind::Version | Kind::Float | Kind::Int | Kind::UInt | Kind::Protocol | Kind::Entity
            );
        (weak || self.text.len() as i64 <= i64::from(short)) && !self.interesting()
    }
}

fn read<'a>(ctx: &EvalCtx, config: u32, text: &'a str, q: &TsQuery) -> Result<Vec<Word<'a>>> {
    let config = ctx.session.ts_config(config)?;
    let mut words: Vec<Word<'a>> = Vec::new();
    let mut position = 0u32;
    for (kind, token) in Tokens::new(text) {
        if token.len() > MAX_LEXEME {
            ctx.session.notice(
                DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "word is too long to be indexed")
                    .detail(format!("Words longer than {MAX_LEXEME} characters are ignored.")),
            );
            continue;
        }
        let mut operands: Vec<usize> = Vec::new();
        let mut at = 0;
        if let Some((_, lexemes)) = config.lexize(ctx, kind, token)? {
            position += 1;
            for l in lexemes {
                position += u32::from(l.next);
                at = position.min(u32::from(MAX_POSITION) - 1) as u16;
                let means = |t: &Target| if t.prefix { l.word.starts_with(t.word.as_str()) } else { l.word == t.word };
                operands.extend(q.0.iter().enumerate().filter_map(|(i, item)| match item {
                    Item::Word(t) if means(t) => Some(i),
                    _ => None,
                }));
            }
        }
        let mut first = true;
        let mut push = |operand, repeated| {
            words.push(Word { text: token, kind, position: at, operand, repeated, shown: false });
        };
        if operands.is_empty() {
            push(None, false);
        }
        for o in operands {
            push(Some(o), !first);
            first = false;
        }
    }
    Ok(words)
}

/// A stretch of the document as what a query is tried on.
struct Stretch<'a, 'b>(&'b [Word<'a>]);

impl Source for Stretch<'_, '_> {
    fn operand(&self, at: usize, _: &Target, spots: Option<&mut Spots>) -> Answer {
        let mut found = self.0.iter().filter(|w| w.operand == Some(at));
        match spots {
            None if found.next().is_some() => Answer::Yes,
            None => Answer::No,
            Some(spots) => {
                for w in found {
                    if spots.positions.last().is_none_or(|l| *l < w.position) {
                        spots.positions.push(w.position);
                    }
                }
                if spots.positions.is_empty() { Answer::No } else { Answer::Yes }
            }
        }
    }
}

/// The earliest shortest cover from `from` on.
fn cover(words: &[Word<'_>], tree: &Tree<'_>, longest: usize, from: usize) -> Option<(usize, usize)> {
    let next = |at: usize| (at..words.len()).find(|i| words.get(*i).is_some_and(|w| w.operand.is_some()));
    let mut start = next(from);
    while let Some(first) = start {
        let mut last = first;
        let mut second = None;
        loop {
            let inside = words.get(first..=last).unwrap_or_default();
            if holds_tree(tree, &Stretch(inside)) {
                return Some((first, last));
            }
            let further = next(last + 1);
            if last == first {
                second = further;
            }
            match further {
                Some(f) if f - first < longest => last = f,
                _ => break,
            }
        }
        start = second;
    }
    None
}

struct Maker<'a, 'b> {
    words: &'b mut Vec<Word<'a>>,
    options: &'b Options,
}

/// A part of the document under consideration: first and last word, words that count, words of the query.
#[derive(Clone, Copy)]
struct Part {
    first: usize,
    last: usize,
    length: i32,
    hits: i32,
    taken: bool,
}

impl Maker<'_, '_> {
    fn bad(&self, i: usize) -> bool {
        self.words.get(i).is_some_and(|w| w.bad_end(self.options.short_word))
    }

    fn counts(&self, i: usize) -> i32 {
        self.words.get(i).is_some_and(Word::counts).into()
    }

    fn hits(&self, i: usize) -> i32 {
        self.words.get(i).is_some_and(Word::interesting).into()
    }

    fn show(&mut self, first: usize, last: usize) {
        for w in self.words.get_mut(first..=last).into_iter().flatten() {
            w.shown = true;
        }
    }

    /// The first words of the document, when nothing of it matches.
    fn beginning(&mut self) {
        let (mut length, mut last) = (0, 0);
        for i in 0..self.words.len() {
            if length >= self.options.min_words {
                break;
            }
            length += self.counts(i);
            last = i;
        }
        self.show(0, last);
    }

    /// A headline around the cover from `p` to `q`.
    fn around(&self, p: usize, q: usize) -> Part {
        let (max, min) = (self.options.max_words, self.options.min_words);
        let mut part = Part { first: p, last: p, length: 0, hits: 0, taken: false };
        let mut i = p;
        while i <= q && part.length < max {
            part.length += self.counts(i);
            part.hits += self.hits(i);
            part.last = i;
            i += 1;
        }
        if part.length < max {
            // Room to grow: forward to a good end, then backward if the document ends before.
            i = i.saturating_sub(1);
            while i < self.words.len() && part.length < max {
                if i > q {
                    part.length += self.counts(i);
                    part.hits += self.hits(i);
                }
                part.last = i;
                if !self.bad(i) && part.length >= min {
                    break;
                }
                i += 1;
            }
            if part.length < min {
                part.first = 0;
                for i in (0..p).rev() {
                    part.length += self.counts(i);
                    part.hits += self.hits(i);
                    if part.length >= max || !self.bad(i) && part.length >= min {
                        part.first = i;
                        break;
                    }
                }
            }
        } else {
            // Too long already: back to a good end.
            i = i.min(q);
            while part.length > min && self.bad(i) {
                part.length -= self.counts(i);
                part.hits -= self.hits(i);
                part.last = i.saturating_sub(1);
                i = i.saturating_sub(1);
            }
        }
        part
    }

    /// One headline: the best of all covers.
    fn whole(&mut self, tree: &Tree<'_>, longest: usize) {
        let mut best: Option<(Part, bool)> = None;
        let mut from = 0;
        while let Some((p, q)) = cover(self.words, tree, longest, from) {
            let part = self.around(p, q);
            let covers = part.first <= p && part.last >= q;
            let better = match best {
                None => true,
                Some((b, b_covers)) => {
                    (covers, part.hits) > (b_covers, b.hits)
                        || (covers, part.hits) == (b_covers, b.hits) && !self.bad(part.last) && self.bad(b.last)
                }
            };
            if better {
                best = Some((part, covers));
            }
            from = p + 1;
        }
        match best {
            Some((b, _)) => self.show(b.first, b.last),
            None => self.beginning(),
        }
    }

    /// The first part of a cover that has no more than the wanted words and ends with words of the query.
    fn cut(&self, first: usize, last: usize) -> Part {
        let first = (first..=last).find(|i| self.hits(*i) > 0).unwrap_or(last);
        let mut part = Part { first, last, length: 0, hits: 0, taken: false };
        let mut i = first;
        while i <= last && part.length < self.options.max_words {
            part.length += self.counts(i);
            part.hits += self.hits(i);
            i += 1;
        }
        if last > i {
            for j in (first..=i).rev() {
                part.last = j;
                if self.hits(j) > 0 {
                    break;
                }
                part.length -= self.counts(j);
            }
        }
        part
    }

    /// A part grown on both sides as far as words are wanted and no other part stands there.
    fn stretched(&self, mut part: Part) -> Part {
        let max = self.options.max_words;
        if part.length >= max {
            return part;
        }
        let shown = |i: usize| self.words.get(i).is_some_and(|w| w.shown);
        let most = (max - part.length) / 2;
        let (mut grown, mut edge) = (0, part.first);
        for i in (0..part.first).rev() {
            if grown >= most || shown(i) {
                break;
            }
            grown += self.counts(i);
            part.length += self.counts(i);
            edge = i;
        }
        while edge < part.first && self.bad(edge) {
            part.length -= self.counts(edge);
            edge += 1;
        }
        part.first = edge;
        let mut edge = part.last;
        for i in part.last + 1..self.words.len() {
            if part.length >= max || shown(i) {
                break;
            }
            part.length += self.counts(i);
            edge = i;
        }
        while edge > part.last && self.bad(edge) {
            part.length -= self.counts(edge);
            edge -= 1;
        }
        part.last = edge;
        part
    }

    fn fragments(&mut self, tree: &Tree<'_>, longest: usize) {
        let mut parts: Vec<Part> = Vec::new();
        let mut from = 0;
        while let Some((p, q)) = cover(self.words, tree, longest, from) {
            let mut start = p;
            while start <= q {
                let part = self.cut(start, q);
                start = part.last + 1;
                parts.push(part);
            }
            from = p + 1;
        }
        let mut any = false;
        for _ in 0..self.options.max_fragments {
            let best = parts
                .iter()
                .enumerate()
                .filter(|(_, p)| !p.taken && p.hits > 0)
                .min_by_key(|(_, p)| (-p.hits, p.length))
                .map(|(i, p)| (i, *p));
            let Some((i, part)) = best else { break };
            let part = self.stretched(part);
            self.show(part.first, part.last);
            any = true;
            for (j, other) in parts.iter_mut().enumerate() {
                let overlaps = other.first <= part.last && other.last >= part.first;
                other.taken |= j == i || overlaps;
            }
        }
        if !any {
            self.beginning();
        }
    }

    /// The headline as text.
    fn text(&self) -> String {
        let o = self.options;
        let mut out = String::new();
        let (mut inside, mut count) = (false, 0);
        for w in self.words.iter().filter(|w| !w.repeated) {
            if !w.shown {
                inside = false;
                continue;
            }
            if !inside {
                inside = true;
                count += 1;
                if count > 1 {
                    out.push_str(&o.delimiter);
                }
            }
            match w.kind {
                Kind::Tag if !o.highlight_all => out.push(' '),
                // Their parts follow.
                Kind::Url | Kind::NumHyphenated | Kind::AsciiHyphenated | Kind::Hyphenated => {}
                _ if w.operand.is_some() => {
                    out.push_str(&o.start);
                    out.push_str(w.text);
                    out.push_str(&o.stop);
                }
                _ => out.push_str(w.text),
            }
        }
        out
    }
}

/// Whether a list of options can be read.
pub fn check_options(text: &str) -> Result<()> {
    Options::read(text).map(|_| ())
}

/// `ts_headline`.
pub fn headline(ctx: &EvalCtx, config: u32, text: &str, q: &TsQuery, options: &str) -> Result<String> {
    let options = Options::read(options)?;
    let mut words = read(ctx, config, text, q)?;
    let mut maker = Maker { words: &mut words, options: &options };
    let last = maker.words.len().saturating_sub(1);
    if options.highlight_all {
        maker.show(0, last);
        return Ok(maker.text());
    }
    let longest = usize::try_from(options.max_words).unwrap_or(0).saturating_mul(10).max(100);
    let tree = Tree::new(&q.0).filter(|_| !q.0.is_empty());
    match tree {
        None => maker.beginning(),
        Some(tree) if options.max_fragments == 0 => maker.whole(&tree, longest),
        Some(tree) => {
            let longest = longest.saturating_mul(usize::try_from(options.max_fragments).unwrap_or(1));
            maker.fragments(&tree, longest);
        }
    }
    Ok(maker.text())
}
