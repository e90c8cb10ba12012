//! The texts inside json and jsonb as documents: strings, and on demand numbers, booleans and keys, in the order of the text.
//! Between two of them is a gap, so that no phrase reaches from one into the next. A headline is made of each string alone.

use super::dict::Config;
use super::documents::{Words, current};
use super::headline::{check_options, headline};
use super::query::TsQuery;
use super::vector::TsVector;
use crate::ctx::EvalCtx;
use crate::datum::{Datum, TypeRef};
use crate::funcs::args::scalar;
use crate::funcs::json::quote;
use crate::io::json::{Visitor, walk};
use crate::io::text_in;
use crate::jsonb::Json;
use crate::kernel::Kernel;
use crate::oid;
use rustydb_base::{DbError, Result, SqlState};
use std::sync::Arc;

/// Which values count.
#[derive(Clone, Copy, Default)]
struct Wanted {
    strings: bool,
    numbers: bool,
    booleans: bool,
    keys: bool,
}

const STRINGS: Wanted = Wanted { strings: true, numbers: false, booleans: false, keys: false };

impl Wanted {
    /// Reads `"all"` or an array of kinds.
    fn read(flags: &[u8]) -> Result<Wanted> {
        const HINT: &str = "Possible values are: \"string\", \"numeric\", \"boolean\", \"key\", and \"all\".";
        let wrong = |m: String| DbError::new(SqlState::INVALID_PARAMETER_VALUE, m);
        let list = match Json::of(flags) {
            Json::Array(a) => a,
            Json::Object(_) => {
                return Err(wrong("wrong flag type, only arrays and scalars are allowed".to_owned()));
            }
            scalar => vec![scalar],
        };
        let mut out = Wanted::default();
        for flag in list {
            let Json::String(s) = flag else {
                return Err(wrong("flag array element is not a string".to_owned()).hint(HINT));
            };
            match s.to_ascii_lowercase().as_str() {
                "all" => out = Wanted { strings: true, numbers: true, booleans: true, keys: true },
                "string" => out.strings = true,
                "numeric" => out.numbers = true,
                "boolean" => out.booleans = true,
                "key" => out.keys = true,
                _ => return Err(wrong(format!("wrong flag in flag array: \"{s}\"")).hint(HINT)),
            }
        }
        Ok(out)
    }
}

struct Reader<'a> {
    ctx: &'a EvalCtx,
    config: Arc<Config>,
    wanted: Wanted,
    words: Words,
}

impl Reader<'_> {
    fn add(&mut self, text: &str) -> Result<()> {
        let before = self.words.count();
        self.words.read(self.ctx, &self.config, text)?;
        if self.words.count() > before {
            self.words.gap();
        }
        Ok(())
    }
}

impl Visitor for Reader<'_> {
    fn open(&mut self, _: bool) -> Result<()> {
        Ok(())
    }
    fn close(&mut self) -> Result<()> {
        Ok(())
    }
    fn key(&mut self, key: &str) -> Result<()> {
        if self.wanted.keys { self.add(key) } else { Ok(()) }
    }
    fn string(&mut self, text: &str) -> Result<()> {
        if self.wanted.strings { self.add(text) } else { Ok(()) }
    }
    fn word(&mut self, text: &str) -> Result<()> {
        let wanted = match text {
            "null" => false,
            "true" | "false" => self.wanted.booleans,
            _ => self.wanted.numbers,
        };
        if wanted { self.add(text) } else { Ok(()) }
    }
}

fn document(ctx: &EvalCtx, config: u32, json: &str, wanted: Wanted) -> Result<TsVector> {
    let mut r = Reader { ctx, config: ctx.session.ts_config(config)?, wanted, words: Words::default() };
    walk(json, &mut r)?;
    r.words.vector()
}

/// Writes the json again with each string's headline in its place.
struct Marker<'a> {
    ctx: &'a EvalCtx,
    config: u32,
    query: &'a TsQuery,
    options: &'a str,
    out: String,
    /// The closing brackets of what is open, and whether anything stands in it.
    open: Vec<(char, bool)>,
    after_key: bool,
}

impl Marker<'_> {
    /// What goes before a value or key.
    fn separate(&mut self) {
        if std::mem::take(&mut self.after_key) {
            return;
        }
        if let Some((_, some)) = self.open.last_mut()
            && std::mem::replace(some, true)
        {
            self.out.push(',');
        }
    }
}

impl Visitor for Marker<'_> {
    fn open(&mut self, object: bool) -> Result<()> {
        self.separate();
        let (open, close) = if object { ('{', '}') } else { ('[', ']') };
        self.out.push(open);
        self.open.push((close, false));
        Ok(())
    }
    fn close(&mut self) -> Result<()> {
        if let Some((close, _)) = self.open.pop() {
            self.out.push(close);
        }
        Ok(())
    }
    fn key(&mut self, key: &str) -> Result<()> {
        self.separate();
        quote(key, &mut self.out);
        self.out.push(':');
        self.after_key = true;
        Ok(())
    }
    fn string(&mut self, text: &str) -> Result<()> {
        self.separate();
        let marked = headline(self.ctx, self.config, text, self.query, self.options)?;
        quote(&marked, &mut self.out);
        Ok(())
    }
    fn word(&mut self, text: &str) -> Result<()> {
        self.separate();
        self.out.push_str(text);
        Ok(())
    }
}

fn marked(ctx: &EvalCtx, config: u32, json: &str, query: &TsQuery, options: &str) -> Result<String> {
    check_options(options)?;
    let mut m = Marker { ctx, config, query, options, out: String::new(), open: Vec::new(), after_key: false };
    walk(json, &mut m)?;
    Ok(m.out)
}

fn marked_binary(ctx: &EvalCtx, config: u32, jsonb: &[u8], query: &TsQuery, options: &str) -> Result<Datum> {
    let text = marked(ctx, config, &shown(jsonb), query, options)?;
    text_in(ctx, TypeRef::new(oid::JSONB), &text)
}

fn shown(jsonb: &[u8]) -> String {
    let mut text = String::new();
    crate::jsonb::write_text(jsonb, &mut text);
    text
}

/// Kernels of this module.
pub const KERNELS: &[Kernel] = &[
    scalar!("json_string_to_tsvector", [ctx] |j: &str| document(ctx, current(ctx)?, j, STRINGS)),
    scalar!("json_string_to_tsvector_byid", [ctx] |c: u32, j: &str| document(ctx, c, j, STRINGS)),
    scalar!("jsonb_string_to_tsvector", [ctx] |j: &[u8]| document(ctx, current(ctx)?, &shown(j), STRINGS)),
    scalar!("jsonb_string_to_tsvector_byid", [ctx] |c: u32, j: &[u8]| document(ctx, c, &shown(j), STRINGS)),
    scalar!("json_to_tsvector", [ctx] |j: &str, f: &[u8]| document(ctx, current(ctx)?, j, Wanted::read(f)?)),
    scalar!("json_to_tsvector_byid", [ctx] |c: u32, j: &str, f: &[u8]| document(ctx, c, j, Wanted::read(f)?)),
    scalar!("jsonb_to_tsvector", [ctx] |j: &[u8], f: &[u8]| document(
        ctx,
        current(ctx)?,
        &shown(j),
        Wanted::read(f)?
    )),
    scalar!("jsonb_to_tsvector_byid", [ctx] |c: u32, j: &[u8], f: &[u8]| document(ctx, c, &shown(j), Wanted::read(f)?)),
    scalar!("ts_headline_json", [ctx] |j: &str, q: TsQuery| marked(ctx, current(ctx)?, j, &q, "")),
    scalar!("ts_headline_json_byid", [ctx] |c: u32, j: &str, q: TsQuery| marked(ctx, c, j, &q, "")),
    scalar!("ts_headline_json_opt", [ctx] |j: &str, q: TsQuery, o: &str| marked(ctx, current(ctx)?, j, &q, o)),
    scalar!("ts_headline_json_byid_opt", [ctx] |c: u32, j: &str, q: TsQuery, o: &str| marked(ctx, c, j, &q, o)),
    scalar!("ts_headline_jsonb", [ctx] |j: &[u8], q: TsQuery| marked_binary(ctx, current(ctx)?, j, &q, "")),
    scalar!("ts_headline_jsonb_byid", [ctx] |c: u32, j: &[u8], q: TsQuery| marked_binary(ctx, c, j, &q, "")),
    scalar!("ts_headline_jsonb_opt", [ctx] |j: &[u8], q: TsQuery, o: &str| marked_binary(
        ctx,
        current(ctx)?,
        j,
        &q,
        o
    )),
    scalar!("ts_headline_jsonb_byid_opt", [ctx] |c: u32, j: &[u8], q: TsQuery, o: &str| marked_binary(ctx, c, j, &q, o)),
];
