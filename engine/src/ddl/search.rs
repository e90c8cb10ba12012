//! CREATE TEXT SEARCH …, ALTER TEXT SEARCH DICTIONARY and CONFIGURATION.
//!
//! Parsers and templates are made of functions that are there already: only built-in ones have their signatures. A
//! dictionary's options are tried by making it.

use super::aggregate::name_value;
use super::schema_object::{self, need, open, put};
use super::{DdlCx, err};
use crate::catalog::objects::{Body, Kind, SchemaObject};
use crate::dictionaries::Library;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, DefOption, DefValue, Ident, MappingChange, Name, quote_ident};
use rustydb_types::tsearch::tokens::KINDS;
use rustydb_types::typename::format_type;
use rustydb_types::{oid, pgdata};

fn syntax(m: impl Into<String>) -> DbError {
    err(SqlState::SYNTAX_ERROR, m)
}

fn bad(m: impl Into<String>) -> DbError {
    err(SqlState::INVALID_OBJECT_DEFINITION, m)
}

/// CREATE TEXT SEARCH …, ALTER TEXT SEARCH DICTIONARY.
pub async fn define(cx: &mut DdlCx<'_>, s: &ast::DefineSearch) -> Result<String> {
    let tag = format!("{} {}", if s.alter { "ALTER" } else { "CREATE" }, s.kind.sql());
    let kind = schema_object::kind_of(s.kind).ok_or_else(|| DbError::internal("no text search object"))?;
    if s.alter {
        alter_dictionary(cx, &s.name, &s.options).await?;
        return Ok(tag);
    }
    if !kind.owned() && !cx.is_superuser() {
        let m = format!("must be superuser to create {}s", kind.word());
        return Err(err(SqlState::INSUFFICIENT_PRIVILEGE, m));
    }
    let namespace = cx.creation_namespace(&s.name)?;
    let body = match kind {
        Kind::Parser => parser(cx, &s.options)?,
        Kind::Template => template(cx, &s.options)?,
        Kind::Dictionary => dictionary(cx, &s.options)?,
        _ => configuration(cx, &s.options)?,
    };
    schema_object::create(cx, kind, &s.name, namespace, body).await?;
    Ok(tag)
}

/// The function of a parser's or template's option: its arguments are fixed.
fn function(cx: &DdlCx<'_>, o: &DefOption, args: &[u32], result: u32) -> Result<u32> {
    let name = name_value(o)?;
    let shown: Vec<String> = args.iter().map(|t| format_type(*t, -1)).collect();
    let found = schema_object::function(cx, &name, args);
    let Some(p) = found else {
        let m = format!("function {}({}) does not exist", name.plain(), shown.join(", "));
        return Err(err(SqlState::UNDEFINED_FUNCTION, m));
    };
    if p.prorettype != result {
        return Err(bad(format!(
            "function {}({}) should return type {}",
            name.plain(),
            shown.join(", "),
            format_type(result, -1)
        )));
    }
    Ok(p.oid)
}

fn parser(cx: &DdlCx<'_>, options: &[DefOption]) -> Result<Body> {
    const I: u32 = oid::INTERNAL;
    let (mut start, mut token, mut end, mut headline, mut types) = (0, 0, 0, 0, 0);
    for o in options {
        match o.name.value.as_str() {
            "start" => start = function(cx, o, &[I, oid::INT4], I)?,
            "gettoken" => token = function(cx, o, &[I, I, I], I)?,
            "end" => end = function(cx, o, &[I], oid::VOID)?,
            "headline" => headline = function(cx, o, &[I, I, oid::TSQUERY], I)?,
            "lextypes" => types = function(cx, o, &[I], I)?,
            other => return Err(syntax(format!("text search parser parameter \"{other}\" not recognized"))),
        }
    }
    for (f, what) in [(start, "start"), (token, "gettoken"), (end, "end"), (types, "lextypes")] {
        if f == 0 {
            return Err(bad(format!("text search parser {what} method is required")));
        }
    }
    Ok(Body::Parser { start, token, end, headline, types })
}

fn template(cx: &DdlCx<'_>, options: &[DefOption]) -> Result<Body> {
    const I: u32 = oid::INTERNAL;
    let (mut init, mut lexize) = (0, 0);
    for o in options {
        match o.name.value.as_str() {
            "init" => init = function(cx, o, &[I], I)?,
            "lexize" => lexize = function(cx, o, &[I, I, I, I], I)?,
            other => return Err(syntax(format!("text search template parameter \"{other}\" not recognized"))),
        }
    }
    if lexize == 0 {
        return Err(bad("text search template lexize method is required"));
    }
    Ok(Body::Template { init, lexize })
}

/// An option of a dictionary; `true` if its value is a number that stands bare in the catalog.
type DictOption = (String, String, bool);

fn option_value(o: &DefOption) -> Result<(String, bool)> {
    Ok(match &o.value {
        Some(DefValue::Word(w) | DefValue::String(w)) => (w.clone(), false),
        Some(DefValue::Number(n)) => (n.clone(), true),
        Some(DefValue::Type(t)) => (t.name.plain(), false),
        Some(DefValue::Operator(n)) => (n.plain(), false),
        _ => return Err(syntax(format!("{} requires a parameter", o.name.value))),
    })
}

/// Options as the catalog keeps them.
fn kept(options: &[DictOption]) -> Option<String> {
    let one = |(key, value, bare): &DictOption| {
        if *bare {
            return format!("{} = {value}", quote_ident(key));
        }
        let escape = if value.contains('\\') { "E" } else { "" };
        let quoted = value.replace('\\', "\\\\").replace('\'', "''");
        format!("{} = {escape}'{quoted}'", quote_ident(key))
    };
    (!options.is_empty()).then(|| options.iter().map(one).collect::<Vec<_>>().join(", "))
}

/// Makes a dictionary for a try.
fn check_dictionary(cx: &DdlCx<'_>, template: u32, options: &[DictOption]) -> Result<()> {
    let cat = cx.cat();
    let own = cat.objects.get(&template);
    let without_init = own.is_some_and(|o| matches!(o.body, Body::Template { init: 0, .. }));
    if without_init {
        let name = own.map(|o| o.name.clone()).unwrap_or_default();
        if options.is_empty() {
            return Ok(());
        }
        return Err(syntax(format!("text search template \"{name}\" does not accept options")));
    }
    let engine = cx.tx.db.engine();
    let library = Library {
        cache: &engine.dictionaries,
        files: &engine.search_files,
        catalog: &cat,
        path: &cx.search_path,
        depth: 0,
    };
    let plain: Vec<(String, String)> = options.iter().map(|o| (o.0.clone(), o.1.clone())).collect();
    library.make(template, &plain).map(drop)
}

fn dictionary(cx: &DdlCx<'_>, options: &[DefOption]) -> Result<Body> {
    let mut template = None;
    let mut own: Vec<DictOption> = Vec::new();
    for o in options {
        if o.name.value == "template" {
            template = Some(need(cx, Kind::Template, &name_value(o)?)?);
        } else {
            let (value, bare) = option_value(o)?;
            own.push((o.name.value.clone(), value, bare));
        }
    }
    let Some(template) = template else { return Err(bad("text search template is required")) };
    check_dictionary(cx, template, &own)?;
    Ok(Body::Dictionary { template, options: kept(&own) })
}

/// ALTER TEXT SEARCH DICTIONARY: an option replaces the one of its name, a name alone removes it.
async fn alter_dictionary(cx: &mut DdlCx<'_>, name: &Name, changes: &[DefOption]) -> Result<()> {
    let o = open(cx, Kind::Dictionary, name).await?;
    let Body::Dictionary { template, options } = &o.body else { return Err(DbError::internal("no dictionary")) };
    let old = rustydb_types::tsearch::dict::parse_options(options.as_deref().unwrap_or_default());
    // Numbers were bare before, and are so again.
    let is_bare = |k: &str, v: &str| options.as_ref().is_some_and(|t| t.contains(&format!("{} = {v}", quote_ident(k))));
    let mut all: Vec<DictOption> = old
        .into_iter()
        .map(|(k, v)| {
            let bare = !v.is_empty() && is_bare(&k, &v);
            (k, v, bare)
        })
        .collect();
    for c in changes {
        all.retain(|x| x.0 != c.name.value);
        if c.value.is_some() {
            let (value, bare) = option_value(c)?;
            all.push((c.name.value.clone(), value, bare));
        }
    }
    check_dictionary(cx, *template, &all)?;
    let body = Body::Dictionary { template: *template, options: kept(&all) };
    put(cx, SchemaObject { body, ..(*o).clone() }).await
}

fn configuration(cx: &DdlCx<'_>, options: &[DefOption]) -> Result<Body> {
    let (mut parser, mut copy) = (None, None);
    for o in options {
        match o.name.value.as_str() {
            "parser" => parser = Some(need(cx, Kind::Parser, &name_value(o)?)?),
            "copy" => copy = Some(need(cx, Kind::Configuration, &name_value(o)?)?),
            other => return Err(syntax(format!("text search configuration parameter \"{other}\" not recognized"))),
        }
    }
    if parser.is_some() && copy.is_some() {
        return Err(syntax("cannot specify both PARSER and COPY options"));
    }
    if let Some(c) = copy {
        if let Some(o) = cx.tx.catalog.objects.get(&c) {
            return Ok(o.body.clone());
        }
        let rows = pgdata::ts_config_maps().iter().filter(|m| m.mapcfg == c);
        let maps = rows.map(|m| (m.maptokentype, m.mapseqno, m.mapdict)).collect();
        let parser = pgdata::ts_configs().iter().find(|x| x.oid == c).map_or(0, |x| x.cfgparser);
        return Ok(Body::Configuration { parser, maps });
    }
    match parser {
        Some(parser) => Ok(Body::Configuration { parser, maps: Vec::new() }),
        None => Err(bad("text search parser is required")),
    }
}

/// Numbers of types of tokens.
fn token_types(names: &[Ident]) -> Result<Vec<(i32, String)>> {
    let number = |n: &Ident| {
        let found = KINDS.iter().find(|k| k.1 == n.value).map(|k| (k.0 as i32, n.value.clone()));
        found
            .ok_or_else(|| err(SqlState::INVALID_PARAMETER_VALUE, format!("token type \"{}\" does not exist", n.value)))
    };
    let mut out: Vec<(i32, String)> = Vec::new();
    for n in names {
        let t = number(n)?;
        if !out.contains(&t) {
            out.push(t);
        }
    }
    Ok(out)
}

/// ALTER TEXT SEARCH CONFIGURATION … MAPPING.
pub async fn alter_mapping(cx: &mut DdlCx<'_>, s: &ast::AlterMapping) -> Result<()> {
    let o = open(cx, Kind::Configuration, &s.name).await?;
    let Body::Configuration { parser, maps } = &o.body else { return Err(DbError::internal("no configuration")) };
    let mut maps = maps.clone();
    let found = |cx: &DdlCx<'_>, names: &[Name]| -> Result<Vec<u32>> {
        names.iter().map(|n| need(cx, Kind::Dictionary, n)).collect()
    };
    match &s.change {
        MappingChange::Add(types, names) | MappingChange::Set(types, names) => {
            let types = token_types(types)?;
            let dictionaries = found(cx, names)?;
            if matches!(s.change, MappingChange::Set(..)) {
                maps.retain(|m| !types.iter().any(|t| t.0 == m.0));
            }
            for (t, _) in types {
                for (seq, d) in (1i32..).zip(&dictionaries) {
                    if maps.iter().any(|m| (m.0, m.1) == (t, seq)) {
                        const INDEX: &str = "pg_ts_config_map_index";
                        let m = format!("duplicate key value violates unique constraint \"{INDEX}\"");
                        return Err(err(SqlState::UNIQUE_VIOLATION, m).constraint(INDEX).detail(format!(
                            "Key (mapcfg, maptokentype, mapseqno)=({}, {t}, {seq}) already exists.",
                            o.oid
                        )));
                    }
                    maps.push((t, seq, *d));
                }
            }
        }
        MappingChange::Replace(types, old, new) => {
            let types = token_types(types)?;
            let pair = found(cx, &[old.clone(), new.clone()])?;
            let [old, new] = pair.as_slice() else { return Err(DbError::internal("no pair of dictionaries")) };
            for m in maps.iter_mut().filter(|m| types.is_empty() || types.iter().any(|t| t.0 == m.0)) {
                if m.2 == *old {
                    m.2 = *new;
                }
            }
        }
        MappingChange::Drop(types, if_exists) => {
            for (t, name) in token_types(types)? {
                let before = maps.len();
                maps.retain(|m| m.0 != t);
                if maps.len() == before {
                    let m = format!("mapping for token type \"{name}\" does not exist");
                    if !if_exists {
                        return Err(err(SqlState::UNDEFINED_OBJECT, m));
                    }
                    cx.notice(err(SqlState::SUCCESSFUL_COMPLETION, format!("{m}, skipping")));
                }
            }
        }
    }
    maps.sort_unstable();
    let body = Body::Configuration { parser: *parser, maps };
    put(cx, SchemaObject { body, ..(*o).clone() }).await
}
