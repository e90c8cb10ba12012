//! Users' functions, procedures and aggregates.
//!
//! One object is one row of `pg_proc` (and one of `pg_aggregate`). The binder and the executors see a routine as the
//! [`Proc`] that built-in functions have too ([`rustydb_types::userproc`]); what runs is in [`Routine`].
//!
//! Defaults of parameters are SQL text, bound at each call. An SQL-standard body is kept as text behind the search path it
//! was written under, which is used again whenever it is bound, and the relations it names, which cannot be dropped alone.

use super::Catalog;
use super::extensions::library;
use super::load::{CatalogRows, Reader};
use super::rows::{CatRow, EXPR_SEPARATOR, RowBuilder, array_of, oid_vector, table, text_array};
use crate::acl::Acl;
use crate::acl::item::decode_list;
use rustydb_base::Result;
use rustydb_types::datum::Datum;
use rustydb_types::pgdata::Proc;
use rustydb_types::{oid, userproc};
use std::borrow::Cow;
use std::sync::Arc;

/// `pg_language.oid` of `internal`.
pub const INTERNAL: u32 = 12;
/// `pg_language.oid` of `sql`.
pub const SQL: u32 = 14;
/// `pg_aggregate`.
pub const PG_AGGREGATE: u32 = 2600;

/// A parameter of a routine.
#[derive(Clone, PartialEq, Debug)]
pub struct Param {
    /// Name, empty for none.
    pub name: String,
    /// `i` in, `o` out, `b` both, `v` variadic, `t` a column of RETURNS TABLE.
    pub mode: char,
    /// Type.
    pub ty: u32,
    /// DEFAULT as SQL text.
    pub default: Option<String>,
}

impl Param {
    /// Whether a call gives it a value.
    pub fn is_input(&self) -> bool {
        matches!(self.mode, 'i' | 'b' | 'v')
    }
}

/// A routine.
#[derive(Clone, Debug)]
pub struct Routine {
    /// OID.
    pub oid: u32,
    /// Name.
    pub name: String,
    /// Schema.
    pub namespace: u32,
    /// Owner.
    pub owner: u32,
    /// Language.
    pub language: u32,
    /// `f` function, `p` procedure, `a` aggregate, `w` window function.
    pub kind: char,
    /// COST.
    pub cost: f32,
    /// ROWS.
    pub rows: f32,
    /// SECURITY DEFINER.
    pub security_definer: bool,
    /// LEAKPROOF.
    pub leakproof: bool,
    /// STRICT.
    pub strict: bool,
    /// Answers a set.
    pub returns_set: bool,
    /// `i`, `s`, `v`.
    pub volatility: char,
    /// `s`, `r`, `u`.
    pub parallel: char,
    /// Parameters, columns of RETURNS TABLE included.
    pub params: Vec<Param>,
    /// Result type; 0 of a procedure without results has `void`.
    pub result: u32,
    /// `prosrc`.
    pub source: String,
    /// `prosqlbody`: search path and text of an SQL-standard body.
    pub standard: Option<String>,
    /// SET clauses.
    pub config: Vec<(String, String)>,
    /// Access privileges; `None` for the default.
    pub acl: Option<Acl>,
    /// What an aggregate adds.
    pub aggregate: Option<super::aggregates::Aggregate>,
    /// Grows with every change.
    pub version: u64,
}

impl Routine {
    /// Types of the parameters that a call gives values.
    pub fn input_types(&self) -> Vec<u32> {
        self.params.iter().filter(|p| p.is_input()).map(|p| p.ty).collect()
    }

    /// What messages call it.
    pub fn word(&self) -> &'static str {
        match self.kind {
            'p' => "procedure",
            'a' => "aggregate",
            _ => "function",
        }
    }

    /// Name and argument types, as messages show them.
    pub fn signature(&self) -> String {
        let types: Vec<String> =
            self.input_types().iter().map(|t| rustydb_types::typename::format_type(*t, -1)).collect();
        format!("{}({})", self.name, types.join(", "))
    }

    /// The search path and the text of an SQL-standard body.
    pub fn standard_body(&self) -> Option<(Vec<u32>, &str)> {
        let (path, text) = self.standard.as_deref()?.split_once(EXPR_SEPARATOR)?;
        let path = path.split(';').next().unwrap_or_default();
        Some((path.split(' ').filter_map(|p| p.parse().ok()).collect(), text))
    }

    /// Whether an SQL-standard body names a relation.
    pub fn names_relation(&self, oid: u32) -> bool {
        let head = self.standard.as_deref().and_then(|t| t.split_once(EXPR_SEPARATOR)).map_or("", |t| t.0);
        let list = head.split_once(';').map_or("", |h| h.1);
        list.split(' ').any(|o| o.parse() == Ok(oid))
    }

    /// The form that the binder and the executors use.
    pub fn proc(&self) -> &'static Proc {
        let inputs: Vec<&Param> = self.params.iter().filter(|p| p.is_input()).collect();
        let all_in = self.params.iter().all(|p| p.mode == 'i');
        let named = self.params.iter().any(|p| !p.name.is_empty());
        let defaults: Box<[Cow<'static, str>]> =
            inputs.iter().filter_map(|p| p.default.clone()).map(Cow::Owned).collect();
        let variadic = self.params.iter().find(|p| p.mode == 'v').map_or(0, |p| match p.ty {
            oid::ANY => oid::ANY,
            oid::ANYARRAY => oid::ANYELEMENT,
            oid::ANYCOMPATIBLEARRAY => oid::ANYCOMPATIBLE,
            t => oid::array_element(t).unwrap_or(0),
        });
        userproc::intern(Proc {
            oid: self.oid,
            proname: userproc::name(&self.name),
            pronamespace: self.namespace,
            prolang: self.language,
            procost: self.cost,
            prorows: self.rows,
            provariadic: variadic,
            prokind: self.kind,
            prosecdef: self.security_definer,
            proleakproof: self.leakproof,
            proisstrict: self.strict,
            proretset: self.returns_set,
            provolatile: self.volatility,
            proparallel: self.parallel,
            pronargs: i16::try_from(inputs.len()).unwrap_or(i16::MAX),
            pronargdefaults: i16::try_from(defaults.len()).unwrap_or(i16::MAX),
            prorettype: self.result,
            proargtypes: inputs.iter().map(|p| p.ty).collect(),
            proallargtypes: (!all_in).then(|| self.params.iter().map(|p| p.ty).collect()),
            proargmodes: (!all_in).then(|| self.params.iter().map(|p| p.mode).collect()),
            proargnames: named.then(|| self.params.iter().map(|p| userproc::name(&p.name)).collect()),
            proargdefaults: (!defaults.is_empty()).then_some(defaults),
            prosrc: Cow::Owned(self.source.clone()),
            prosqlbody: self.standard.clone().map(Cow::Owned),
        })
    }
}

/// All rows of a routine.
pub fn rows(r: &Routine) -> Vec<CatRow> {
    let p = r.proc();
    let mut b = RowBuilder::new(table::PG_PROC)
        .oid("oid", r.oid)
        .text("proname", &r.name)
        .oid("pronamespace", r.namespace)
        .oid("proowner", r.owner)
        .oid("prolang", r.language)
        .f4("procost", r.cost)
        .f4("prorows", r.rows)
        .oid("provariadic", p.provariadic)
        .oid("prosupport", 0)
        .ch("prokind", r.kind)
        .bool("prosecdef", r.security_definer)
        .bool("proleakproof", r.leakproof)
        .bool("proisstrict", r.strict)
        .bool("proretset", r.returns_set)
        .ch("provolatile", r.volatility)
        .ch("proparallel", r.parallel)
        .i2("pronargs", p.pronargs)
        .i2("pronargdefaults", p.pronargdefaults)
        .oid("prorettype", r.result)
        .set("proargtypes", oid_vector(p.proargtypes.iter().copied()))
        .text("prosrc", &r.source)
        .opt_text("probin", (r.language == super::extensions::C).then(|| library(&r.source)).flatten().as_deref())
        .opt_text("prosqlbody", r.standard.as_deref())
        .acl("proacl", r.acl.as_ref());
    if let Some(all) = &p.proallargtypes {
        b = b.set("proallargtypes", array_of(oid::OID, all.iter().map(|o| Datum::Oid(*o)).collect()));
    }
    if let Some(modes) = &p.proargmodes {
        let items = modes.iter().map(|m| Datum::Text(m.to_string().as_str().into())).collect();
        b = b.set("proargmodes", array_of(oid::CHAR, items));
    }
    if let Some(names) = &p.proargnames {
        b = b.set("proargnames", text_array(names.iter().map(|n| (*n).to_owned())));
    }
    if let Some(defaults) = &p.proargdefaults {
        let text = defaults.iter().map(|d| d.as_ref()).collect::<Vec<_>>().join(&EXPR_SEPARATOR.to_string());
        b = b.text("proargdefaults", &text);
    }
    if !r.config.is_empty() {
        b = b.set("proconfig", text_array(r.config.iter().map(|(k, v)| format!("{k}={v}"))));
    }
    let mut out = vec![b.build()];
    out.extend(r.aggregate.as_ref().map(|a| super::aggregates::row(r.oid, a)));
    out
}

/// Routines from the rows of the catalog; the mirror of [`rows`].
pub(super) fn load(all: &CatalogRows) -> Result<Vec<Routine>> {
    let mut aggregates = super::load::grouped(all, PG_AGGREGATE, "aggfnoid")?;
    let mut out = Vec::new();
    for r in all.get(&table::PG_PROC).into_iter().flatten() {
        let r = Reader(r);
        let oid = r.oid("oid")?;
        if oid < super::FIRST_USER_OID {
            continue;
        }
        let aggregate = match aggregates.remove(&oid).and_then(|a| a.into_iter().next()) {
            Some(a) => Some(super::aggregates::load(&a)?),
            None => None,
        };
        out.push(Routine {
            oid,
            name: r.text("proname")?,
            namespace: r.oid("pronamespace")?,
            owner: r.oid("proowner")?,
            language: r.oid("prolang")?,
            kind: r.ch("prokind"),
            cost: r.f4("procost"),
            rows: r.f4("prorows"),
            security_definer: r.bool("prosecdef"),
            leakproof: r.bool("proleakproof"),
            strict: r.bool("proisstrict"),
            returns_set: r.bool("proretset"),
            volatility: r.ch("provolatile"),
            parallel: r.ch("proparallel"),
            params: params(&r),
            result: r.oid("prorettype")?,
            source: r.text("prosrc")?,
            standard: r.opt_text("prosqlbody"),
            config: r
                .texts("proconfig")
                .into_iter()
                .filter_map(|s| s.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())))
                .collect(),
            acl: decode_list(r.get("proacl"))?,
            aggregate,
            version: 0,
        });
    }
    Ok(out)
}

fn params(r: &Reader<'_>) -> Vec<Param> {
    let all = r.oids("proallargtypes");
    let types = if all.is_empty() { r.oids("proargtypes") } else { all };
    let modes = r.texts("proargmodes");
    let names = r.texts("proargnames");
    let mut out: Vec<Param> = types
        .into_iter()
        .enumerate()
        .map(|(i, ty)| Param {
            name: names.get(i).cloned().unwrap_or_default(),
            mode: modes.get(i).and_then(|m| m.chars().next()).unwrap_or('i'),
            ty,
            default: None,
        })
        .collect();
    // Defaults belong to the last inputs.
    if let Some(text) = r.opt_text("proargdefaults") {
        let defaults: Vec<&str> = text.split(EXPR_SEPARATOR).collect();
        for (p, d) in out.iter_mut().filter(|p| p.is_input()).rev().zip(defaults.into_iter().rev()) {
            p.default = Some(d.to_owned());
        }
    }
    out
}

impl Catalog {
    /// Adds or replaces a routine.
    pub fn put_routine(&mut self, r: Routine) {
        self.remove_routine(r.oid);
        self.types_version = super::change::next_version();
        // Known by its OID from now on.
        r.proc();
        self.routine_names.entry((r.namespace, r.name.clone())).or_default().push(r.oid);
        self.routines.insert(r.oid, Arc::new(r));
    }
    /// Removes a routine.
    pub fn remove_routine(&mut self, oid: u32) {
        let Some(r) = self.routines.remove(&oid) else { return };
        self.types_version = super::change::next_version();
        let key = (r.namespace, r.name.clone());
        if let Some(list) = self.routine_names.get_mut(&key) {
            list.retain(|o| *o != oid);
            if list.is_empty() {
                self.routine_names.remove(&key);
            }
        }
    }
    /// The routines of a schema and a name.
    pub fn routines_named(&self, namespace: u32, name: &str) -> impl Iterator<Item = &Arc<Routine>> {
        let found = if self.routines.is_empty() { None } else { self.routine_names.get(&(namespace, name.to_owned())) };
        found.into_iter().flatten().filter_map(|o| self.routines.get(o))
    }
    /// The routine of exactly these input types.
    pub fn routine_exact(&self, namespace: u32, name: &str, inputs: &[u32]) -> Option<&Arc<Routine>> {
        self.routines_named(namespace, name).find(|r| r.input_types() == inputs)
    }
    /// All functions of a schema and a name, built-in ones included.
    pub fn procs_in(&self, namespace: u32, name: &str) -> Vec<&'static Proc> {
        let mut out: Vec<&'static Proc> = match namespace {
            rustydb_types::pgdata::PG_CATALOG => rustydb_types::pgdata::procs_named(name).to_vec(),
            ns if ns < super::FIRST_USER_OID => {
                rustydb_types::pgdata::procs().iter().filter(|p| p.pronamespace == ns && p.proname == name).collect()
            }
            _ => Vec::new(),
        };
        out.extend(self.routines_named(namespace, name).map(|r| r.proc()));
        out
    }
}
