//! Objects that have a schema, a name and perhaps an owner, and are nothing a query is made of: text search parsers,
//! templates, dictionaries and configurations, and conversions. Operator classes and families are kept with them, but are
//! found per access method ([`super::opclasses`]).
//!
//! Built-in ones are compiled in ([`rustydb_types::pgdata`]); [`find`] and [`place`] know both.

use super::load::{CatalogRows, Reader};
use super::rows::{CatRow, RowBuilder};
use super::{Catalog, FIRST_USER_OID, opclasses};
use rustydb_base::Result;
use rustydb_types::pgdata;
use std::collections::HashMap;
use std::sync::Arc;

/// `pg_ts_config_map`.
pub const PG_TS_CONFIG_MAP: u32 = 3603;
/// The tables of these objects.
pub const TABLES: [u32; 10] = [
    2607,
    3600,
    3601,
    3602,
    PG_TS_CONFIG_MAP,
    3764,
    opclasses::PG_OPCLASS,
    opclasses::PG_OPFAMILY,
    opclasses::PG_AMOP,
    opclasses::PG_AMPROC,
];

/// What an object is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum Kind {
    Conversion,
    Parser,
    Template,
    Dictionary,
    Configuration,
    OperatorClass,
    OperatorFamily,
}

impl Kind {
    /// Those that a schema and a name tell apart.
    pub const ALL: [Kind; 5] = [Kind::Conversion, Kind::Parser, Kind::Template, Kind::Dictionary, Kind::Configuration];

    /// Its catalog table.
    pub fn class(self) -> u32 {
        match self {
            Kind::Conversion => 2607,
            Kind::Parser => 3601,
            Kind::Template => 3764,
            Kind::Dictionary => 3600,
            Kind::Configuration => 3602,
            Kind::OperatorClass => opclasses::PG_OPCLASS,
            Kind::OperatorFamily => opclasses::PG_OPFAMILY,
        }
    }
    /// What messages call it.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Conversion => "conversion",
            Kind::Parser => "text search parser",
            Kind::Template => "text search template",
            Kind::Dictionary => "text search dictionary",
            Kind::Configuration => "text search configuration",
            Kind::OperatorClass => "operator class",
            Kind::OperatorFamily => "operator family",
        }
    }
    /// Its table's unique index of names, and the columns.
    pub fn name_index(self) -> (&'static str, &'static str) {
        match self {
            Kind::Conversion => ("pg_conversion_name_nsp_index", "conname, connamespace"),
            Kind::Parser => ("pg_ts_parser_prsname_index", "prsname, prsnamespace"),
            Kind::Template => ("pg_ts_template_tmplname_index", "tmplname, tmplnamespace"),
            Kind::Dictionary => ("pg_ts_dict_dictname_index", "dictname, dictnamespace"),
            Kind::Configuration => ("pg_ts_config_cfgname_index", "cfgname, cfgnamespace"),
            Kind::OperatorClass => ("pg_opclass_am_name_nsp_index", "opcmethod, opcname, opcnamespace"),
            Kind::OperatorFamily => ("pg_opfamily_am_name_nsp_index", "opfmethod, opfname, opfnamespace"),
        }
    }
    /// Whether it has an owner. What has none is superusers' alone.
    pub fn owned(self) -> bool {
        !matches!(self, Kind::Parser | Kind::Template)
    }
}

/// What an object is made of.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "columns of the catalog's tables")]
pub enum Body {
    Conversion { source: i32, target: i32, function: u32, default: bool },
    Parser { start: u32, token: u32, end: u32, headline: u32, types: u32 },
    Template { init: u32, lexize: u32 },
    Dictionary { template: u32, options: Option<String> },
    Configuration { parser: u32, maps: Vec<(i32, i32, u32)> },
    Class { method: u32, family: u32, input: u32, default: bool, key: u32, members: Vec<opclasses::Member> },
    Family { method: u32, members: Vec<opclasses::Member> },
}

/// An object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SchemaObject {
    /// OID.
    pub oid: u32,
    /// Name, unique in its schema among objects of the kind.
    pub name: String,
    /// Schema.
    pub namespace: u32,
    /// Owner, 0 for kinds that have none.
    pub owner: u32,
    /// The rest.
    pub body: Body,
    /// Differs between any two definitions: what is made from one is kept under it.
    pub version: u64,
}

impl SchemaObject {
    /// Its kind.
    pub fn kind(&self) -> Kind {
        match self.body {
            Body::Conversion { .. } => Kind::Conversion,
            Body::Parser { .. } => Kind::Parser,
            Body::Template { .. } => Kind::Template,
            Body::Dictionary { .. } => Kind::Dictionary,
            Body::Configuration { .. } => Kind::Configuration,
            Body::Class { .. } => Kind::OperatorClass,
            Body::Family { .. } => Kind::OperatorFamily,
        }
    }

    /// Its rows.
    pub fn rows(&self) -> Vec<CatRow> {
        if let Some(rows) = opclasses::rows(self) {
            return rows;
        }
        let row = RowBuilder::new(self.kind().class()).oid("oid", self.oid);
        let mut out = Vec::new();
        let row = match &self.body {
            Body::Conversion { source, target, function, default } => row
                .text("conname", &self.name)
                .oid("connamespace", self.namespace)
                .oid("conowner", self.owner)
                .i4("conforencoding", *source)
                .i4("contoencoding", *target)
                .oid("conproc", *function)
                .bool("condefault", *default),
            Body::Parser { start, token, end, headline, types } => row
                .text("prsname", &self.name)
                .oid("prsnamespace", self.namespace)
                .oid("prsstart", *start)
                .oid("prstoken", *token)
                .oid("prsend", *end)
                .oid("prsheadline", *headline)
                .oid("prslextype", *types),
            Body::Template { init, lexize } => row
                .text("tmplname", &self.name)
                .oid("tmplnamespace", self.namespace)
                .oid("tmplinit", *init)
                .oid("tmpllexize", *lexize),
            Body::Dictionary { template, options } => row
                .text("dictname", &self.name)
                .oid("dictnamespace", self.namespace)
                .oid("dictowner", self.owner)
                .oid("dicttemplate", *template)
                .opt_text("dictinitoption", options.as_deref()),
            Body::Configuration { parser, maps } => {
                for (kind, seq, dict) in maps {
                    out.push(
                        RowBuilder::new(PG_TS_CONFIG_MAP)
                            .oid("mapcfg", self.oid)
                            .i4("maptokentype", *kind)
                            .i4("mapseqno", *seq)
                            .oid("mapdict", *dict)
                            .build(),
                    );
                }
                row.text("cfgname", &self.name)
                    .oid("cfgnamespace", self.namespace)
                    .oid("cfgowner", self.owner)
                    .oid("cfgparser", *parser)
            }
            Body::Class { .. } | Body::Family { .. } => return out,
        };
        out.push(row.build());
        out
    }

    /// The objects of these kinds that it needs.
    pub fn needs(&self) -> Vec<u32> {
        match &self.body {
            Body::Dictionary { template, .. } => vec![*template],
            Body::Configuration { parser, maps } => {
                let mut out: Vec<u32> = maps.iter().map(|m| m.2).collect();
                out.push(*parser);
                out.sort_unstable();
                out.dedup();
                out
            }
            Body::Class { family, .. } => vec![*family],
            Body::Conversion { .. } | Body::Parser { .. } | Body::Template { .. } | Body::Family { .. } => Vec::new(),
        }
    }
}

/// Objects from the rows of the catalog; the mirror of [`SchemaObject::rows`].
pub(super) fn load(all: &CatalogRows) -> Result<Vec<SchemaObject>> {
    let mut out = opclasses::load(all)?;
    let mut maps: HashMap<u32, Vec<(i32, i32, u32)>> = HashMap::new();
    for r in all.get(&PG_TS_CONFIG_MAP).into_iter().flatten() {
        let r = Reader(r);
        maps.entry(r.oid("mapcfg")?).or_default().push((r.i4("maptokentype")?, r.i4("mapseqno")?, r.oid("mapdict")?));
    }
    for kind in Kind::ALL {
        for r in all.get(&kind.class()).into_iter().flatten() {
            let r = Reader(r);
            let oid = r.oid("oid")?;
            if oid < FIRST_USER_OID {
                continue;
            }
            let (prefix, owned) = match kind {
                Kind::Conversion => ("con", true),
                Kind::Parser => ("prs", false),
                Kind::Template => ("tmpl", false),
                Kind::Dictionary => ("dict", true),
                Kind::Configuration => ("cfg", true),
                Kind::OperatorClass | Kind::OperatorFamily => continue,
            };
            let body = match kind {
                Kind::Conversion => Body::Conversion {
                    source: r.i4("conforencoding")?,
                    target: r.i4("contoencoding")?,
                    function: r.oid("conproc")?,
                    default: r.bool("condefault"),
                },
                Kind::Parser => Body::Parser {
                    start: r.oid("prsstart")?,
                    token: r.oid("prstoken")?,
                    end: r.oid("prsend")?,
                    headline: r.oid("prsheadline")?,
                    types: r.oid("prslextype")?,
                },
                Kind::Template => Body::Template { init: r.oid("tmplinit")?, lexize: r.oid("tmpllexize")? },
                Kind::Dictionary => {
                    Body::Dictionary { template: r.oid("dicttemplate")?, options: r.opt_text("dictinitoption") }
                }
                Kind::Configuration => {
                    let mut maps = maps.remove(&oid).unwrap_or_default();
                    maps.sort_unstable();
                    Body::Configuration { parser: r.oid("cfgparser")?, maps }
                }
                Kind::OperatorClass | Kind::OperatorFamily => continue,
            };
            out.push(SchemaObject {
                oid,
                name: r.text(&format!("{prefix}name"))?,
                namespace: r.oid(&format!("{prefix}namespace"))?,
                owner: if owned { r.oid(&format!("{prefix}owner"))? } else { 0 },
                body,
                version: super::change::next_version(),
            });
        }
    }
    Ok(out)
}

/// A built-in object by name.
pub fn built_in(kind: Kind, name: &str) -> Option<u32> {
    match kind {
        Kind::Conversion => pgdata::conversions().iter().find(|c| c.conname == name).map(|c| c.oid),
        Kind::Parser => pgdata::ts_parsers().iter().find(|c| c.prsname == name).map(|c| c.oid),
        Kind::Template => pgdata::ts_templates().iter().find(|c| c.tmplname == name).map(|c| c.oid),
        Kind::Dictionary => pgdata::ts_dicts().iter().find(|c| c.dictname == name).map(|c| c.oid),
        Kind::Configuration => pgdata::ts_configs().iter().find(|c| c.cfgname == name).map(|c| c.oid),
        Kind::OperatorClass | Kind::OperatorFamily => None,
    }
}

/// The name of a built-in object.
fn built_in_name(kind: Kind, oid: u32) -> Option<&'static str> {
    match kind {
        Kind::Conversion => pgdata::conversions().iter().find(|c| c.oid == oid).map(|c| c.conname),
        Kind::Parser => pgdata::ts_parsers().iter().find(|c| c.oid == oid).map(|c| c.prsname),
        Kind::Template => pgdata::ts_templates().iter().find(|c| c.oid == oid).map(|c| c.tmplname),
        Kind::Dictionary => pgdata::ts_dicts().iter().find(|c| c.oid == oid).map(|c| c.dictname),
        Kind::Configuration => pgdata::ts_configs().iter().find(|c| c.oid == oid).map(|c| c.cfgname),
        Kind::OperatorClass | Kind::OperatorFamily => None,
    }
}

/// An object by its schema and name.
pub fn in_schema(cat: &Catalog, kind: Kind, namespace: u32, name: &str) -> Option<u32> {
    if namespace == pgdata::PG_CATALOG
        && let Some(oid) = built_in(kind, name)
    {
        return Some(oid);
    }
    cat.objects.values().find(|o| o.namespace == namespace && o.name == name && o.kind() == kind).map(|o| o.oid)
}

/// The first object of a name in some schemas.
pub fn find(cat: &Catalog, kind: Kind, path: &[u32], name: &str) -> Option<u32> {
    path.iter().find_map(|ns| in_schema(cat, kind, *ns, name))
}

/// Schema and name of an object, built in or not.
pub fn place(cat: &Catalog, kind: Kind, oid: u32) -> Option<(u32, String)> {
    match cat.objects.get(&oid).filter(|o| o.kind() == kind) {
        Some(o) => Some((o.namespace, o.name.clone())),
        None => built_in_name(kind, oid).map(|n| (pgdata::PG_CATALOG, n.to_owned())),
    }
}

impl Catalog {
    /// Adds or replaces an object.
    pub fn put_object(&mut self, o: SchemaObject) {
        self.types_version = super::change::next_version();
        opclasses::intern(&o);
        self.objects.insert(o.oid, Arc::new(o));
    }
    /// Removes an object.
    pub fn remove_object(&mut self, oid: u32) {
        self.types_version = super::change::next_version();
        self.objects.remove(&oid);
    }
}
