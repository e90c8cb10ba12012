//! Users' operator classes and families: rows of `pg_opclass`, `pg_opfamily`, `pg_amop` and `pg_amproc`.
//!
//! They are [`SchemaObject`]s whose names are unique per access method. A member (an operator or a support function of a
//! family) is kept with the class that needs it, or, if it may come and go, with its family; `pg_depend` tells which when
//! the catalog is read again.
//!
//! Keys of indexes are stored in the order of a built-in class. A user's class can be used where it orders (or tells
//! equal) values as a built-in one does: [`built_in_alike`] says by which. The executors find that out through
//! [`pgdata::opclass`], where a user's class has the family of the class it is like.

use super::dependencies::depend;
use super::load::{CatalogRows, Reader};
use super::objects::{Body, Kind, SchemaObject};
use super::rows::{CatRow, RowBuilder, table};
use super::{Catalog, FIRST_USER_OID};
use rustydb_base::Result;
use rustydb_types::pgdata::{self, OpClass};
use rustydb_types::userproc;
use std::collections::HashMap;

/// `pg_opclass`.
pub const PG_OPCLASS: u32 = 2616;
/// `pg_opfamily`.
pub const PG_OPFAMILY: u32 = 2753;
/// `pg_amop`.
pub const PG_AMOP: u32 = 2602;
/// `pg_amproc`.
pub const PG_AMPROC: u32 = 2603;

/// An operator or a support function of a family.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// OID of its row.
    pub oid: u32,
    /// Whether it is a support function.
    pub function: bool,
    /// Strategy or support number.
    pub number: i16,
    /// The operand types.
    pub types: [u32; 2],
    /// The operator or the function.
    pub target: u32,
    /// FOR ORDER BY: the btree family; 0 for search operators and functions.
    pub sort_family: u32,
}

impl Member {
    /// What tells it from others of its family.
    pub fn key(&self) -> (bool, i16, [u32; 2]) {
        (self.function, self.number, self.types)
    }

    /// Its catalog table.
    pub fn class(&self) -> u32 {
        if self.function { PG_AMPROC } else { PG_AMOP }
    }
}

/// The rows of a class or family, `None` for objects of other kinds.
pub(super) fn rows(o: &SchemaObject) -> Option<Vec<CatRow>> {
    let mut out = Vec::new();
    let (class, family, method, members) = match &o.body {
        Body::Class { method, family, input, default, key, members } => {
            out.push(
                RowBuilder::new(PG_OPCLASS)
                    .oid("oid", o.oid)
                    .oid("opcmethod", *method)
                    .text("opcname", &o.name)
                    .oid("opcnamespace", o.namespace)
                    .oid("opcowner", o.owner)
                    .oid("opcfamily", *family)
                    .oid("opcintype", *input)
                    .bool("opcdefault", *default)
                    .oid("opckeytype", *key)
                    .build(),
            );
            if *family >= FIRST_USER_OID {
                out.push(depend(PG_OPCLASS, o.oid, 0, PG_OPFAMILY, *family, 0, 'a'));
            }
            if *input >= FIRST_USER_OID {
                out.push(depend(PG_OPCLASS, o.oid, 0, table::PG_TYPE, *input, 0, 'n'));
            }
            (true, *family, *method, members)
        }
        Body::Family { method, members } => {
            out.push(
                RowBuilder::new(PG_OPFAMILY)
                    .oid("oid", o.oid)
                    .oid("opfmethod", *method)
                    .text("opfname", &o.name)
                    .oid("opfnamespace", o.namespace)
                    .oid("opfowner", o.owner)
                    .build(),
            );
            (false, o.oid, *method, members)
        }
        _ => return None,
    };
    let own = o.kind().class();
    out.push(depend(own, o.oid, 0, table::PG_NAMESPACE, o.namespace, 0, 'n'));
    for m in members {
        out.push(member_row(m, family, method));
        // What a class needs goes only with the class; what is loose goes with the operator or function.
        out.push(depend(m.class(), m.oid, 0, own, o.oid, 0, if class { 'i' } else { 'a' }));
        if m.target >= FIRST_USER_OID {
            let to = if m.function { table::PG_PROC } else { super::operators::PG_OPERATOR };
            out.push(depend(m.class(), m.oid, 0, to, m.target, 0, if class { 'n' } else { 'a' }));
        }
    }
    Some(out)
}

fn member_row(m: &Member, family: u32, method: u32) -> CatRow {
    if m.function {
        return RowBuilder::new(PG_AMPROC)
            .oid("oid", m.oid)
            .oid("amprocfamily", family)
            .oid("amproclefttype", m.types[0])
            .oid("amprocrighttype", m.types[1])
            .i2("amprocnum", m.number)
            .oid("amproc", m.target)
            .build();
    }
    RowBuilder::new(PG_AMOP)
        .oid("oid", m.oid)
        .oid("amopfamily", family)
        .oid("amoplefttype", m.types[0])
        .oid("amoprighttype", m.types[1])
        .i2("amopstrategy", m.number)
        .ch("amoppurpose", if m.sort_family == 0 { 's' } else { 'o' })
        .oid("amopopr", m.target)
        .oid("amopmethod", method)
        .oid("amopsortfamily", m.sort_family)
        .build()
}

/// Classes and families from the rows of the catalog; the mirror of [`rows`].
pub(super) fn load(all: &CatalogRows) -> Result<Vec<SchemaObject>> {
    let table_rows = |t: u32| all.get(&t).into_iter().flatten().map(Reader);
    let mut class_of: HashMap<(u32, u32), u32> = HashMap::new();
    for r in table_rows(table::PG_DEPEND) {
        if r.oid("refclassid")? == PG_OPCLASS && r.ch("deptype") == 'i' {
            class_of.insert((r.oid("classid")?, r.oid("objid")?), r.oid("refobjid")?);
        }
    }
    let mut members: HashMap<u32, Vec<Member>> = HashMap::new();
    for r in table_rows(PG_AMOP) {
        let m = Member {
            oid: r.oid("oid")?,
            function: false,
            number: r.i2("amopstrategy")?,
            types: [r.oid("amoplefttype")?, r.oid("amoprighttype")?],
            target: r.oid("amopopr")?,
            sort_family: r.oid("amopsortfamily")?,
        };
        let home = class_of.get(&(PG_AMOP, m.oid)).copied();
        members.entry(home.map_or_else(|| r.oid("amopfamily"), Ok)?).or_default().push(m);
    }
    for r in table_rows(PG_AMPROC) {
        let m = Member {
            oid: r.oid("oid")?,
            function: true,
            number: r.i2("amprocnum")?,
            types: [r.oid("amproclefttype")?, r.oid("amprocrighttype")?],
            target: r.oid("amproc")?,
            sort_family: 0,
        };
        let home = class_of.get(&(PG_AMPROC, m.oid)).copied();
        members.entry(home.map_or_else(|| r.oid("amprocfamily"), Ok)?).or_default().push(m);
    }
    members.values_mut().for_each(|m| m.sort_by_key(|m| m.oid));
    let mut out = Vec::new();
    for (kind, prefix) in [(Kind::OperatorFamily, "opf"), (Kind::OperatorClass, "opc")] {
        for r in table_rows(kind.class()) {
            let oid = r.oid("oid")?;
            if oid < FIRST_USER_OID {
                continue;
            }
            let members = members.remove(&oid).unwrap_or_default();
            let method = r.oid(&format!("{prefix}method"))?;
            let body = match kind {
                Kind::OperatorFamily => Body::Family { method, members },
                _ => Body::Class {
                    method,
                    family: r.oid("opcfamily")?,
                    input: r.oid("opcintype")?,
                    default: r.bool("opcdefault"),
                    key: r.oid("opckeytype")?,
                    members,
                },
            };
            out.push(SchemaObject {
                oid,
                name: r.text(&format!("{prefix}name"))?,
                namespace: r.oid(&format!("{prefix}namespace"))?,
                owner: r.oid(&format!("{prefix}owner"))?,
                body,
                version: super::change::next_version(),
            });
        }
    }
    Ok(out)
}

/// A class or family of a method by its schema and name.
pub fn in_schema(cat: &Catalog, kind: Kind, method: u32, namespace: u32, name: &str) -> Option<u32> {
    if namespace == pgdata::PG_CATALOG {
        let found = match kind {
            Kind::OperatorClass => {
                pgdata::opclasses().iter().find(|c| c.opcmethod == method && c.opcname == name).map(|c| c.oid)
            }
            _ => pgdata::opfamilies().iter().find(|f| f.opfmethod == method && f.opfname == name).map(|f| f.oid),
        };
        if found.is_some() {
            return found;
        }
    }
    let same = |o: &SchemaObject| o.namespace == namespace && o.name == name && o.kind() == kind;
    cat.objects.values().find(|o| same(o) && method_of(o) == Some(method)).map(|o| o.oid)
}

/// The access method of a class or family.
pub fn method_of(o: &SchemaObject) -> Option<u32> {
    match o.body {
        Body::Class { method, .. } | Body::Family { method, .. } => Some(method),
        _ => None,
    }
}

/// Members that an object keeps.
pub fn members(o: &SchemaObject) -> &[Member] {
    match &o.body {
        Body::Class { members, .. } | Body::Family { members, .. } => members,
        _ => &[],
    }
}

/// Schema, name and method of a class or family, built in or not.
pub fn place(cat: &Catalog, kind: Kind, oid: u32) -> Option<(u32, String, u32)> {
    if let Some(o) = cat.objects.get(&oid).filter(|o| o.kind() == kind) {
        return Some((o.namespace, o.name.clone(), method_of(o)?));
    }
    // Users' classes are known to pgdata too, those of other databases among them.
    if oid >= FIRST_USER_OID {
        return None;
    }
    let (name, method) = match kind {
        Kind::OperatorClass => pgdata::opclass(oid).map(|c| (c.opcname, c.opcmethod))?,
        _ => pgdata::opfamily(oid).map(|f| (f.opfname, f.opfmethod))?,
    };
    Some((pgdata::PG_CATALOG, name.to_owned(), method))
}

/// The members of a family with the OIDs of the objects that keep them: the family itself and its classes. Built-in
/// members are not among them.
pub fn family_members(cat: &Catalog, family: u32) -> Vec<(u32, Member)> {
    let of_family = |o: &SchemaObject| match o.body {
        Body::Class { family: f, .. } => f == family,
        Body::Family { .. } => o.oid == family,
        _ => false,
    };
    let holders = cat.objects.values().filter(|o| of_family(o));
    holders.flat_map(|o| members(o).iter().map(|m| (o.oid, m.clone()))).collect()
}

/// A user's member by the OID of its row, with its family.
pub fn member(cat: &Catalog, oid: u32) -> Option<(u32, Member)> {
    cat.objects.values().find_map(|o| {
        let m = members(o).iter().find(|m| m.oid == oid)?;
        let family = if let Body::Class { family, .. } = o.body { family } else { o.oid };
        Some((family, m.clone()))
    })
}

/// The classes that cannot be without an operator or a function.
pub fn classes_with(cat: &Catalog, function: bool, target: u32) -> Vec<u32> {
    let needs = |o: &&std::sync::Arc<SchemaObject>| {
        o.kind() == Kind::OperatorClass && members(o).iter().any(|m| m.function == function && m.target == target)
    };
    let mut out: Vec<u32> = cat.objects.values().filter(needs).map(|o| o.oid).collect();
    out.sort_unstable();
    out
}

/// The built-in class that keeps values as one with these members would: the same comparison or, for operators with the
/// same functions, what agrees with it.
pub fn built_in_alike(method: u32, input: u32, members: &[Member]) -> Option<&'static OpClass> {
    let usual = pgdata::opclass(crate::ddl::default_opclass_of(method, input)?)?;
    let own = |m: &&Member| m.types == [input, input] && m.sort_family == 0;
    let ty = usual.opcintype;
    let strategies: &[i16] = match method {
        pgdata::BTREE => {
            let compare = pgdata::amproc(usual.opcfamily, ty, ty, 1)?.amproc;
            if members.iter().filter(own).any(|m| m.function && m.number == 1 && m.target == compare) {
                return Some(usual);
            }
            &[1, 2, 3, 4, 5]
        }
        // Whatever hashes what this operator calls equal to the same.
        pgdata::HASH => &[1],
        _ => return None,
    };
    let code = |operator: u32| pgdata::operator(operator).map(|o| o.oprcode);
    let alike = |n: &i16| {
        let theirs = pgdata::amop(usual.opcfamily, ty, ty, *n).and_then(|a| code(a.amopopr));
        let ours = members.iter().filter(own).find(|m| !m.function && m.number == *n).and_then(|m| code(m.target));
        theirs.is_some() && theirs == ours
    };
    strategies.iter().all(alike).then_some(usual)
}

/// Whether an operator of a user's btree class orders descending (strategy 5) or ascending (1), if the class orders values
/// of the type as the built-in one does.
pub fn ordering(cat: &Catalog, operator: u32, ty: u32) -> Option<bool> {
    cat.objects.values().find_map(|o| {
        let Body::Class { method: pgdata::BTREE, input, members, .. } = &o.body else { return None };
        let m = members.iter().find(|m| !m.function && m.target == operator && matches!(m.number, 1 | 5))?;
        (*input == ty).then_some(())?;
        built_in_alike(pgdata::BTREE, *input, members)?;
        Some(m.number == 5)
    })
}

/// Makes a user's class known to the executors; see the module's head.
pub(super) fn intern(o: &SchemaObject) {
    let Body::Class { method, family, input, default, key, members } = &o.body else { return };
    let alike = built_in_alike(*method, *input, members);
    userproc::intern_opclass(OpClass {
        oid: o.oid,
        opcmethod: *method,
        opcname: userproc::name(&o.name),
        opcfamily: alike.map_or(*family, |c| c.opcfamily),
        opcintype: *input,
        opcdefault: *default,
        opckeytype: *key,
    });
}
