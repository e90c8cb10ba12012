//! Text into tsvector and tsquery by a configuration, and the functions that show what happens on the way.

use super::dict::{Config, Norm};
use super::headline::headline;
use super::matching::holds;
use super::query::{self, Item, Op, Syntax, Target, TsQuery, word_too_long};
use super::tokens::{KINDS, Kind, Tokens};
use super::vector::{Lexeme, MAX_LEXEME, Place, TsVector};
use crate::ctx::EvalCtx;
use crate::datum::{ArrayValue, Datum};
use crate::funcs::args::{scalar, set};
use crate::kernel::Kernel;
use crate::oid;
use rustydb_base::{DbError, Result, SqlState};
use std::sync::Arc;

/// The only parser there is.
pub const DEFAULT_PARSER: u32 = 3722;

/// The configuration that `default_text_search_config` names.
pub(super) fn current(ctx: &EvalCtx) -> Result<u32> {
    let name = ctx.session.setting("default_text_search_config").unwrap_or_else(|| "pg_catalog.simple".to_owned());
    ctx.session.reg_in(oid::REGCONFIG, &name)
}

/// Lexemes of a text with their positions from 1 on.
#[derive(Default)]
pub(super) struct Words {
    list: Vec<(u32, Norm)>,
    /// Position of the last token that counted.
    last: u32,
}

impl Words {
    /// Lexemes so far.
    pub(super) fn count(&self) -> usize {
        self.list.len()
    }

    /// Leaves a position out.
    pub(super) fn gap(&mut self) {
        self.last += 1;
    }

    pub(super) fn read(&mut self, ctx: &EvalCtx, config: &Config, text: &str) -> Result<()> {
        let mut tokens: Vec<(Kind, &str)> = Vec::new();
        for (kind, token) in Tokens::new(text) {
            if token.len() > MAX_LEXEME {
                ctx.session.notice(
                    DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "word is too long to be indexed")
                        .detail(format!("Words longer than {MAX_LEXEME} characters are ignored.")),
                );
                continue;
            }
            tokens.push((kind, token));
        }
        let mut rest = tokens.as_slice();
        while !rest.is_empty() {
            let (taken, norms) = config.lexize_run(ctx, rest)?;
            // A stop word has a position, a token that no dictionary knows has none.
            if let Some(norms) = norms {
                self.last += 1;
                for n in norms {
                    self.last += u32::from(n.next);
                    self.list.push((self.last, n));
                }
            }
            rest = rest.get(taken.max(1)..).unwrap_or_default();
        }
        Ok(())
    }

    pub(super) fn vector(self) -> Result<TsVector> {
        let lexeme = |(at, n): (u32, Norm)| Lexeme { word: n.word, places: vec![Place::new(at, 0)] };
        TsVector::collect(self.list.into_iter().map(lexeme).collect()).checked()
    }
}

/// `to_tsvector`.
fn document(ctx: &EvalCtx, config: u32, text: &str) -> Result<TsVector> {
    let mut words = Words::default();
    words.read(ctx, &*ctx.session.ts_config(config)?, text)?;
    words.vector()
}

/// A query from text: words that an operand becomes are joined by `joined`, with room for stop words between them.
fn to_query(ctx: &EvalCtx, config: u32, text: &str, syntax: Syntax, joined: Op) -> Result<TsQuery> {
    let config = ctx.session.ts_config(config)?;
    let q = query::parse(text, syntax, &mut |out, operand, weights, prefix| {
        if operand.len() > MAX_LEXEME && syntax == Syntax::Standard {
            return Err(word_too_long(text));
        }
        let mut words = Words::default();
        words.read(ctx, &config, operand)?;
        if words.list.is_empty() {
            out.push(Item::Stop);
            return Ok(());
        }
        let mut any = false;
        let mut position = 0;
        let mut list = words.list.into_iter().peekable();
        while let Some((at, norm)) = list.next() {
            while position > 0 && position + 1 < at {
                out.push(Item::Stop);
                if any {
                    out.push(Item::Op(joined));
                }
                any = true;
                position += 1;
            }
            position = at;
            let target = |n: Norm| Item::Word(Target { prefix: prefix || n.prefix, word: n.word, weights });
            // Lexemes of one token go together; other ways to read the token are alternatives.
            let mut head = Some(norm);
            let mut alternatives = 0;
            while let Some(first) = head {
                let variant = first.variant;
                out.push(target(first));
                while let Some((_, n)) = list.next_if(|(p, n)| *p == at && n.variant == variant) {
                    out.push(target(n));
                    out.push(Item::Op(Op::And));
                }
                if alternatives > 0 {
                    out.push(Item::Op(Op::Or));
                }
                alternatives += 1;
                head = list.next_if(|(p, _)| *p == at).map(|n| n.1);
            }
            if any {
                out.push(Item::Op(joined));
            }
            any = true;
        }
        Ok(())
    })?;
    Ok(q.noted(ctx, text).without_stops(ctx))
}

fn plain(ctx: &EvalCtx, config: u32, text: &str) -> Result<TsQuery> {
    to_query(ctx, config, text, Syntax::Plain, Op::And)
}

fn phrase(ctx: &EvalCtx, config: u32, text: &str) -> Result<TsQuery> {
    to_query(ctx, config, text, Syntax::Plain, Op::Phrase(1))
}

fn standard(ctx: &EvalCtx, config: u32, text: &str) -> Result<TsQuery> {
    to_query(ctx, config, text, Syntax::Standard, Op::Phrase(1))
}

fn web(ctx: &EvalCtx, config: u32, text: &str) -> Result<TsQuery> {
    to_query(ctx, config, text, Syntax::Web, Op::Phrase(1))
}

/// Whatever its name is: only the built-in functions have a parser's signatures.
fn known_parser(ctx: &EvalCtx, oid: u32) -> Result<()> {
    if oid == DEFAULT_PARSER || ctx.session.is_ts_parser(oid) {
        return Ok(());
    }
    Err(DbError::internal(format!("cache lookup failed for text search parser {oid}")))
}

type Rows = Box<dyn Iterator<Item = Result<Vec<Datum>>> + Send>;

fn parse_rows(text: &str) -> Rows {
    let rows: Vec<_> =
        Tokens::new(text).map(|(kind, token)| Ok(vec![Datum::Int4(kind as i32), Datum::Text(token.into())])).collect();
    Box::new(rows.into_iter())
}

fn kind_rows() -> Rows {
    Box::new(KINDS.iter().map(|(kind, alias, about)| {
        Ok(vec![Datum::Int4(*kind as i32), Datum::Text((*alias).into()), Datum::Text((*about).into())])
    }))
}

fn array(elem: u32, items: Vec<Datum>) -> Datum {
    let dims = if items.is_empty() { vec![] } else { vec![(items.len() as i32, 1)] };
    Datum::Array(Arc::new(ArrayValue { elem, dims, items }))
}

fn texts(norms: Vec<Norm>) -> Datum {
    array(oid::TEXT, norms.into_iter().map(|n| Datum::Text(n.word.into())).collect())
}

/// `ts_debug`: every token with the dictionaries asked and the lexemes they gave.
fn debug_rows(ctx: &EvalCtx, config: u32, text: &str) -> Result<Rows> {
    let config = ctx.session.ts_config(config)?;
    let mut rows = Vec::new();
    for (kind, token) in Tokens::new(text) {
        let (alias, about) = describe(kind);
        let asked = config.dictionaries(kind).iter().map(|d| Datum::Oid(*d)).collect();
        let (by, lexemes) = match config.lexize(ctx, kind, token)? {
            Some((by, lexemes)) => (Datum::Oid(by), texts(lexemes)),
            None => (Datum::Null, Datum::Null),
        };
        rows.push(Ok(vec![
            Datum::Text(alias.into()),
            Datum::Text(about.into()),
            Datum::Text(token.into()),
            array(oid::REGDICTIONARY, asked),
            by,
            lexemes,
        ]));
    }
    Ok(Box::new(rows.into_iter()))
}

fn describe(kind: Kind) -> (&'static str, &'static str) {
    KINDS.iter().find(|k| k.0 == kind).map_or(("", ""), |k| (k.1, k.2))
}

fn lexize(ctx: &EvalCtx, dictionary: u32, word: &str) -> Result<Datum> {
    Ok(ctx.session.ts_dictionary(dictionary)?.lexize(word)?.map_or(Datum::Null, texts))
}

/// Kernels of this module.
pub const KERNELS: &[Kernel] = &[
    scalar!("get_current_ts_config", [ctx] || current(ctx)),
    scalar!("to_tsvector", [ctx] |s: &str| document(ctx, current(ctx)?, s)),
    scalar!("to_tsvector_byid", [ctx] |c: u32, s: &str| document(ctx, c, s)),
    scalar!("to_tsquery", [ctx] |s: &str| standard(ctx, current(ctx)?, s)),
    scalar!("to_tsquery_byid", [ctx] |c: u32, s: &str| standard(ctx, c, s)),
    scalar!("plainto_tsquery", [ctx] |s: &str| plain(ctx, current(ctx)?, s)),
    scalar!("plainto_tsquery_byid", [ctx] |c: u32, s: &str| plain(ctx, c, s)),
    scalar!("phraseto_tsquery", [ctx] |s: &str| phrase(ctx, current(ctx)?, s)),
    scalar!("phraseto_tsquery_byid", [ctx] |c: u32, s: &str| phrase(ctx, c, s)),
    scalar!("websearch_to_tsquery", [ctx] |s: &str| web(ctx, current(ctx)?, s)),
    scalar!("websearch_to_tsquery_byid", [ctx] |c: u32, s: &str| web(ctx, c, s)),
    scalar!("ts_match_tt", [ctx] |d: &str, q: &str| {
        let config = current(ctx)?;
        Ok(holds(&plain(ctx, config, q)?, &document(ctx, config, d)?))
    }),
    scalar!("ts_match_tq", [ctx] |d: &str, q: TsQuery| Ok(holds(&q, &document(ctx, current(ctx)?, d)?))),
    scalar!("ts_headline", [ctx] |s: &str, q: TsQuery| headline(ctx, current(ctx)?, s, &q, "")),
    scalar!("ts_headline_opt", [ctx] |s: &str, q: TsQuery, o: &str| headline(ctx, current(ctx)?, s, &q, o)),
    scalar!("ts_headline_byid", [ctx] |c: u32, s: &str, q: TsQuery| headline(ctx, c, s, &q, "")),
    scalar!("ts_headline_byid_opt", [ctx] |c: u32, s: &str, q: TsQuery, o: &str| headline(ctx, c, s, &q, o)),
    scalar!("ts_lexize", [ctx] |d: u32, s: &str| lexize(ctx, d, s)),
    set!("ts_parse_byid", [ctx, _info] |parser: u32, s: &str| known_parser(ctx, parser).map(|()| parse_rows(s))),
    set!("ts_parse_byname", [ctx, _info] |parser: &str, s: &str| {
        ctx.session.ts_parser(parser).map(|_| parse_rows(s))
    }),
    set!("ts_token_type_byid", [ctx, _info] |parser: u32| known_parser(ctx, parser).map(|()| kind_rows())),
    set!("ts_token_type_byname", [ctx, _info] |parser: &str| ctx.session.ts_parser(parser).map(|_| kind_rows())),
    set!("ts_debug(regconfig,text)", [ctx, _info] |c: u32, s: &str| debug_rows(ctx, c, s)),
    set!("ts_debug(text)", [ctx, _info] |s: &str| debug_rows(ctx, current(ctx)?, s)),
];
