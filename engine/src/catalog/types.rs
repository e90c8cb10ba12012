//! Enums, domains and ranges: the types that are not the row type of a relation.
//!
//! One object is one `CREATE TYPE` or `CREATE DOMAIN`: with the type go its array type and, for a range, the multirange
//! type and that one's array type. Rows: `pg_type` for each of them, `pg_enum`, `pg_range`, and `pg_constraint` for a
//! domain's checks. Composite types are relations (`RelKind::Composite`).
//!
//! Expressions (a domain's default and checks) are SQL text, bound when used; in a check, `value` is the value.

use super::load::{CatalogRows, Reader, grouped};
use super::rows::{CatRow, RowBuilder, table};
use super::{Catalog, RelKind, Relation};
use rustydb_base::Result;
use rustydb_types::datum::{EnumValue, TypeRef};
use rustydb_types::usertype::{self, Kind};
use rustydb_types::{oid, pgdata};
use std::sync::Arc;

/// `pg_enum`.
pub const PG_ENUM: u32 = 3501;
/// `pg_range`.
pub const PG_RANGE: u32 = 3541;

/// A type with its own definition.
#[derive(Clone, Debug)]
pub struct UserType {
    /// OID.
    pub oid: u32,
    /// Name.
    pub name: String,
    /// Schema.
    pub namespace: u32,
    /// Owner.
    pub owner: u32,
    /// Array type over it: OID and name.
    pub array: (u32, String),
    /// What it is.
    pub def: TypeDef,
    /// Renamed, moved or given away by the transaction whose snapshot this is. PostgreSQL does not recognise a type as one
    /// of the transaction's own after that, so labels added then are not to be used before it commits.
    pub touched: bool,
    /// Grows with every change.
    pub version: u64,
}

/// What a type is made of.
#[derive(Clone, Debug)]
pub enum TypeDef {
    /// A shell: a type that is yet to be defined, without an array type.
    Shell,
    /// Labels in order.
    Enum(Vec<Label>),
    /// A domain.
    Domain(Domain),
    /// A range.
    Range(RangeDef),
}

/// A label of an enum.
#[derive(Clone, Debug)]
pub struct Label {
    /// Place and OID.
    pub value: EnumValue,
    /// Name.
    pub name: String,
    /// Added by the transaction whose snapshot this is, to a type that was there before: not to be used until it commits.
    pub fresh: bool,
}

/// A domain.
#[derive(Clone, Debug)]
pub struct Domain {
    /// Type it is over; the collation is the domain's.
    pub base: TypeRef,
    /// Array dimensions written.
    pub dims: i32,
    /// NOT NULL.
    pub not_null: bool,
    /// DEFAULT as SQL text.
    pub default: Option<String>,
    /// CHECK constraints, by OID.
    pub checks: Vec<DomainCheck>,
}

/// A condition of a domain.
#[derive(Clone, Debug)]
pub struct DomainCheck {
    /// OID.
    pub oid: u32,
    /// Name.
    pub name: String,
    /// SQL text; `value` is the value.
    pub check: String,
    /// Not NOT VALID.
    pub validated: bool,
}

/// A range type.
#[derive(Clone, Debug)]
pub struct RangeDef {
    /// Subtype, with the collation bounds compare by.
    pub sub: TypeRef,
    /// Operator class of the subtype.
    pub opclass: u32,
    /// `rngsubdiff`, 0 for none.
    pub subdiff: u32,
    /// Multirange type: OID and name.
    pub multirange: (u32, String),
    /// Array type over the multirange type: OID and name.
    pub multirange_array: (u32, String),
}

impl UserType {
    /// All `pg_type` rows that belong to it: OID and name.
    pub fn members(&self) -> Vec<(u32, &str)> {
        let mut out = vec![(self.oid, self.name.as_str())];
        if self.array.0 != 0 {
            out.push((self.array.0, &self.array.1));
        }
        if let TypeDef::Range(r) = &self.def {
            out.push((r.multirange.0, &r.multirange.1));
            out.push((r.multirange_array.0, &r.multirange_array.1));
        }
        out
    }

    /// The labels, if it is an enum.
    pub fn labels(&self) -> &[Label] {
        match &self.def {
            TypeDef::Enum(l) => l,
            _ => &[],
        }
    }

    /// The definition, if it is a domain.
    pub fn domain(&self) -> Option<&Domain> {
        match &self.def {
            TypeDef::Domain(d) => Some(d),
            _ => None,
        }
    }

    /// What messages call it.
    pub fn word(&self) -> &'static str {
        if self.domain().is_some() { "domain" } else { "type" }
    }

    /// Makes the unchanging facts of its types known ([`usertype`]).
    fn announce(&self) {
        let put = |oid: u32, array: u32, kind: Kind, collation: u32, name: String| {
            usertype::put(oid, usertype::UserType { array, kind, collation, name: name.into() });
        };
        let quoted = |n: &str| rustydb_parser::ast::quote_ident(n).to_string();
        let collation = self.domain().map_or(0, |d| d.base.collation);
        let kind = match &self.def {
            TypeDef::Shell => {
                put(self.oid, 0, Kind::Shell, 0, quoted(&self.name));
                return;
            }
            TypeDef::Enum(_) => Kind::Enum,
            TypeDef::Domain(d) => Kind::Domain(d.base),
            TypeDef::Range(r) => Kind::Range { sub: r.sub, multirange: r.multirange.0 },
        };
        let name = quoted(&self.name);
        let array = Kind::Array { elem: self.oid };
        put(self.array.0, 0, array, collation, format!("{name}[]"));
        put(self.oid, self.array.0, kind, collation, name);
        if let TypeDef::Range(r) = &self.def {
            let name = quoted(&r.multirange.1);
            put(r.multirange_array.0, 0, Kind::Array { elem: r.multirange.0 }, 0, format!("{name}[]"));
            put(r.multirange.0, r.multirange_array.0, Kind::Multirange { range: self.oid }, 0, name);
        }
    }

    /// After a commit: labels added by it may be used, and a dropped type is forgotten.
    pub fn settled(&self) -> UserType {
        let mut t = UserType { touched: false, ..self.clone() };
        if let TypeDef::Enum(labels) = &mut t.def {
            labels.iter_mut().for_each(|l| l.fresh = false);
        }
        t
    }
}

/// Makes the facts of a relation's row type known.
pub fn announce_row_type(r: &Relation) {
    if r.row_type == 0 || r.oid < super::FIRST_USER_OID {
        return;
    }
    let name = rustydb_parser::ast::quote_ident(&r.name).to_string();
    let array = usertype::UserType {
        array: 0,
        kind: Kind::Array { elem: r.row_type },
        collation: 0,
        name: format!("{name}[]").into(),
    };
    usertype::put(r.row_array_type, array);
    let row = usertype::UserType { array: r.row_array_type, kind: Kind::Composite, collation: 0, name: name.into() };
    usertype::put(r.row_type, row);
}

/// How values of a type are laid out, as `pg_type` and `pg_attribute` say it.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// `typlen`.
    pub len: i16,
    /// `typbyval`.
    pub by_val: bool,
    /// `typalign`.
    pub align: char,
    /// `typstorage`.
    pub storage: char,
    /// `typcategory`.
    pub category: char,
    /// `typdelim`.
    pub delim: char,
}

impl Shape {
    /// The shape of any type.
    pub fn of(ty: u32) -> Shape {
        let ty = usertype::base(TypeRef { oid: ty, typmod: -1, collation: 0 }).oid;
        let varlena = |align, category| Shape { len: -1, by_val: false, align, storage: 'x', category, delim: ',' };
        match usertype::kind(ty) {
            Some(Kind::Shell) => Shape { len: 4, by_val: true, align: 'i', storage: 'p', category: 'P', delim: ',' },
            Some(Kind::Enum) => Shape { len: 4, by_val: true, align: 'i', storage: 'p', category: 'E', delim: ',' },
            Some(Kind::Range { sub, .. }) => varlena(wide(Shape::of(sub.oid).align), 'R'),
            Some(Kind::Multirange { range }) => varlena(Shape::of(range).align, 'R'),
            Some(Kind::Array { elem }) => varlena(wide(Shape::of(elem).align), 'A'),
            Some(Kind::Composite | Kind::Domain(_)) => varlena('d', 'C'),
            None => match pgdata::pg_type(ty) {
                Some(t) => Shape {
                    len: t.typlen,
                    by_val: t.typbyval,
                    align: t.typalign,
                    storage: t.typstorage,
                    category: t.typcategory,
                    delim: t.typdelim,
                },
                None => varlena('d', 'C'),
            },
        }
    }
}

fn wide(align: char) -> char {
    if align == 'd' { 'd' } else { 'i' }
}

fn func(name: &str) -> u32 {
    pgdata::procs_named(name).first().map_or(0, |p| p.oid)
}

/// Input, output, receive and send functions by the stem of their names.
fn io_functions(b: RowBuilder, stem: &str) -> RowBuilder {
    b.oid("typinput", func(&format!("{stem}_in")))
        .oid("typoutput", func(&format!("{stem}_out")))
        .oid("typreceive", func(&format!("{stem}_recv")))
        .oid("typsend", func(&format!("{stem}_send")))
}

fn type_row(t: &UserType, oid: u32, name: &str, shape: Shape) -> RowBuilder {
    RowBuilder::new(table::PG_TYPE)
        .oid("oid", oid)
        .text("typname", name)
        .oid("typnamespace", t.namespace)
        .oid("typowner", t.owner)
        .i2("typlen", shape.len)
        .bool("typbyval", shape.by_val)
        .bool("typispreferred", false)
        .bool("typisdefined", true)
        .ch("typdelim", shape.delim)
        .oid("typrelid", 0)
        .oid("typsubscript", 0)
        .oid("typelem", 0)
        .oid("typarray", 0)
        .oid("typmodin", 0)
        .oid("typmodout", 0)
        .oid("typanalyze", 0)
        .ch("typalign", shape.align)
        .ch("typstorage", shape.storage)
        .ch("typcategory", shape.category)
        .bool("typnotnull", false)
        .oid("typbasetype", 0)
        .i4("typtypmod", -1)
        .i4("typndims", 0)
        .oid("typcollation", 0)
}

fn array_row(t: &UserType, array: &(u32, String), elem: u32, shape: Shape) -> CatRow {
    let shape = Shape { len: -1, by_val: false, align: wide(shape.align), storage: 'x', category: 'A', ..shape };
    let collation = t.domain().map_or(0, |d| d.base.collation);
    io_functions(type_row(t, array.0, &array.1, shape), "array")
        .ch("typtype", 'b')
        .oid("typsubscript", func("array_subscript_handler"))
        .oid("typelem", elem)
        .oid("typanalyze", func("array_typanalyze"))
        .oid("typcollation", collation)
        .build()
}

/// All rows of a type.
pub fn rows(t: &UserType) -> Vec<CatRow> {
    // The type may not be known by its OID yet.
    t.announce();
    let shape = Shape::of(t.oid);
    let mut out = Vec::new();
    let base = type_row(t, t.oid, &t.name, shape).oid("typarray", t.array.0);
    match &t.def {
        TypeDef::Shell => {
            let row = base.ch("typtype", 'p').bool("typisdefined", false);
            return vec![
                row.oid("typinput", func("shell_in"))
                    .oid("typoutput", func("shell_out"))
                    .oid("typreceive", 0)
                    .oid("typsend", 0)
                    .build(),
            ];
        }
        TypeDef::Enum(labels) => {
            out.push(io_functions(base, "enum").ch("typtype", 'e').build());
            out.extend(labels.iter().map(|l| {
                RowBuilder::new(PG_ENUM)
                    .oid("oid", l.value.oid)
                    .oid("enumtypid", t.oid)
                    .f4("enumsortorder", l.value.order)
                    .text("enumlabel", &l.name)
                    .build()
            }));
        }
        TypeDef::Domain(d) => {
            let inner = pgdata::pg_type(usertype::base(d.base).oid);
            let user = |stem: &str| (func(&format!("{stem}_out")), func(&format!("{stem}_send")));
            let (output, send) = match (inner, usertype::kind(usertype::base(d.base).oid)) {
                (Some(b), _) => (b.typoutput, b.typsend),
                (_, Some(Kind::Enum)) => user("enum"),
                (_, Some(Kind::Array { .. })) => user("array"),
                (_, Some(Kind::Range { .. })) => user("range"),
                (_, Some(Kind::Multirange { .. })) => user("multirange"),
                _ => user("record"),
            };
            out.push(
                base.ch("typtype", 'd')
                    .oid("typinput", func("domain_in"))
                    .oid("typoutput", output)
                    .oid("typreceive", func("domain_recv"))
                    .oid("typsend", send)
                    .bool("typnotnull", d.not_null)
                    .oid("typbasetype", d.base.oid)
                    .i4("typtypmod", d.base.typmod)
                    .i4("typndims", d.dims)
                    .oid("typcollation", d.base.collation)
                    .opt_text("typdefault", d.default.as_deref())
                    .opt_text("typdefaultbin", d.default.as_deref())
                    .build(),
            );
            out.extend(d.checks.iter().map(|c| check_row(t, c)));
        }
        TypeDef::Range(r) => {
            out.push(
                io_functions(base, "range").ch("typtype", 'r').oid("typanalyze", func("range_typanalyze")).build(),
            );
            let multi = type_row(t, r.multirange.0, &r.multirange.1, shape).oid("typarray", r.multirange_array.0);
            out.push(
                io_functions(multi, "multirange")
                    .ch("typtype", 'm')
                    .oid("typanalyze", func("multirange_typanalyze"))
                    .build(),
            );
            out.push(array_row(t, &r.multirange_array, r.multirange.0, shape));
            out.push(
                RowBuilder::new(PG_RANGE)
                    .oid("rngtypid", t.oid)
                    .oid("rngsubtype", r.sub.oid)
                    .oid("rngmultitypid", r.multirange.0)
                    .oid("rngcollation", r.sub.collation)
                    .oid("rngsubopc", r.opclass)
                    .oid("rngcanonical", 0)
                    .oid("rngsubdiff", r.subdiff)
                    .build(),
            );
        }
    }
    out.push(array_row(t, &t.array, t.oid, shape));
    out
}

fn check_row(t: &UserType, c: &DomainCheck) -> CatRow {
    RowBuilder::new(table::PG_CONSTRAINT)
        .oid("oid", c.oid)
        .text("conname", &c.name)
        .oid("connamespace", t.namespace)
        .ch("contype", 'c')
        .bool("condeferrable", false)
        .bool("condeferred", false)
        .bool("convalidated", c.validated)
        .oid("conrelid", 0)
        .oid("contypid", t.oid)
        .oid("conindid", 0)
        .oid("conparentid", 0)
        .oid("confrelid", 0)
        .ch("confupdtype", ' ')
        .ch("confdeltype", ' ')
        .ch("confmatchtype", ' ')
        .bool("conislocal", true)
        .i4("coninhcount", 0)
        .bool("connoinherit", false)
        .text("conbin", &c.check)
        .build()
}

/// Types from the rows of the catalog; the mirror of [`rows`].
pub(super) fn load(all: &CatalogRows) -> Result<Vec<UserType>> {
    let types = grouped(all, table::PG_TYPE, "oid")?;
    let mut enums = grouped(all, PG_ENUM, "enumtypid")?;
    let ranges = grouped(all, PG_RANGE, "rngtypid")?;
    let mut checks = grouped(all, table::PG_CONSTRAINT, "contypid")?;
    let named = |oid: u32| -> Result<(u32, String)> {
        let row = types.get(&oid).and_then(|t| t.first());
        Ok((oid, row.map(|r| r.text("typname")).transpose()?.unwrap_or_default()))
    };
    let mut out = Vec::new();
    for (oid, rows) in &types {
        let Some(r) = rows.first() else { continue };
        let def = match r.ch("typtype") {
            'p' if !r.bool("typisdefined") => TypeDef::Shell,
            'e' => TypeDef::Enum(labels(&enums.remove(oid).unwrap_or_default())?),
            'd' => TypeDef::Domain(Domain {
                base: TypeRef {
                    oid: r.oid("typbasetype")?,
                    typmod: r.i4("typtypmod")?,
                    collation: r.oid("typcollation")?,
                },
                dims: r.i4("typndims")?,
                not_null: r.bool("typnotnull"),
                default: r.opt_text("typdefaultbin"),
                checks: domain_checks(&checks.remove(oid).unwrap_or_default())?,
            }),
            'r' => {
                let Some(g) = ranges.get(oid).and_then(|g| g.first()) else { continue };
                let multirange = g.oid("rngmultitypid")?;
                let array = match types.get(&multirange).and_then(|t| t.first()) {
                    Some(m) => m.oid("typarray")?,
                    None => continue,
                };
                TypeDef::Range(RangeDef {
                    sub: TypeRef { oid: g.oid("rngsubtype")?, typmod: -1, collation: g.oid("rngcollation")? },
                    opclass: g.oid("rngsubopc")?,
                    subdiff: g.oid("rngsubdiff")?,
                    multirange: named(multirange)?,
                    multirange_array: named(array)?,
                })
            }
            _ => continue,
        };
        if *oid < super::FIRST_USER_OID {
            continue;
        }
        out.push(UserType {
            oid: *oid,
            name: r.text("typname")?,
            namespace: r.oid("typnamespace")?,
            owner: r.oid("typowner")?,
            array: named(r.oid("typarray")?)?,
            def,
            touched: false,
            version: 0,
        });
    }
    Ok(out)
}

fn labels(rows: &[Reader<'_>]) -> Result<Vec<Label>> {
    let mut out = Vec::with_capacity(rows.len());
    for r in rows {
        let value = EnumValue { order: r.f4("enumsortorder"), oid: r.oid("oid")? };
        out.push(Label { value, name: r.text("enumlabel")?, fresh: false });
    }
    out.sort_by(|a, b| a.value.order.total_cmp(&b.value.order));
    Ok(out)
}

fn domain_checks(rows: &[Reader<'_>]) -> Result<Vec<DomainCheck>> {
    let mut out = Vec::with_capacity(rows.len());
    for r in rows {
        out.push(DomainCheck {
            oid: r.oid("oid")?,
            name: r.text("conname")?,
            check: r.text("conbin")?,
            validated: r.bool("convalidated"),
        });
    }
    out.sort_by_key(|c| c.oid);
    Ok(out)
}

/// A free name for the array type over a type of that name: underscores before it, cut to a name's length. The name that
/// the array type `own` has counts as free.
pub fn array_name(cat: &Catalog, ns: u32, name: &str, own: u32) -> String {
    let mut n = name.to_owned();
    loop {
        n = rustydb_types::io::truncate_name(&format!("_{n}")).to_owned();
        if cat.type_named(ns, &n).is_none_or(|o| o == own) {
            return n;
        }
    }
}

impl Catalog {
    /// Adds or replaces a type.
    pub fn put_type(&mut self, t: UserType) {
        self.remove_type(t.oid);
        self.types_version = super::change::next_version();
        t.announce();
        for (oid, name) in t.members() {
            self.type_names.insert((t.namespace, name.to_owned()), oid);
            self.type_owners.insert(oid, t.oid);
        }
        self.types.insert(t.oid, Arc::new(t));
    }
    /// Removes a type.
    pub fn remove_type(&mut self, oid: u32) {
        let Some(t) = self.types.remove(&oid) else { return };
        self.types_version = super::change::next_version();
        for (member, name) in t.members() {
            self.type_owners.remove(&member);
            let key = (t.namespace, name.to_owned());
            if self.type_names.get(&key) == Some(&member) {
                self.type_names.remove(&key);
            }
        }
    }
    /// The object a `pg_type` row belongs to: the type itself, or the one that an array or multirange type came with.
    pub fn type_of(&self, oid: u32) -> Option<&Arc<UserType>> {
        self.types.get(self.type_owners.get(&oid)?)
    }
    /// The OID of a type of a schema: row types and array types included.
    pub fn type_named(&self, namespace: u32, name: &str) -> Option<u32> {
        if let Some(o) = self.type_names.get(&(namespace, name.to_owned())) {
            return Some(*o);
        }
        self.relation_named(namespace, name).map(|r| r.row_type).filter(|t| *t != 0)
    }
    /// Where a type that is not built in is, and under which name of `pg_type`.
    pub fn type_place(&self, oid: u32) -> Option<(u32, String)> {
        if let Some(t) = self.type_of(oid) {
            let name = t.members().iter().find(|m| m.0 == oid)?.1.to_owned();
            return Some((t.namespace, name));
        }
        if let Some(r) = self.row_types.get(&oid).and_then(|r| self.relation(*r)) {
            return Some((r.namespace, r.name.clone()));
        }
        let elem = oid::array_element(oid)?;
        let r = self.row_types.get(&elem).and_then(|r| self.relation(*r))?;
        Some((r.namespace, r.row_array_name.clone()))
    }
    /// Whether a relation is the definition of a composite type rather than a table.
    pub fn is_composite(&self, oid: u32) -> bool {
        self.relation(oid).is_some_and(|r| r.kind == RelKind::Composite)
    }
}
