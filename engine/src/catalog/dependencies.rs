//! `pg_depend` and `pg_shdepend`: who needs whom, for those who read the catalog.
//!
//! What follows from a row of another catalog table alone (a function's types and schema, an object's owner and those it is
//! granted to) is [`implied`] by it: it is written and removed with that row, wherever it comes from. What takes more of a
//! relation than one row (columns of indexes, keys and views) is in [`of_relation`]. Objects of the system need nothing and
//! nobody is told to need them, as PostgreSQL has it for what is pinned; functions and types that only an expression names
//! are left out.

use super::load::Reader;
use super::rows::{CatRow, RowBuilder, table};
use super::{Column, ConstraintKind, Dependency, FIRST_USER_OID, Index, RelKind, Relation};
use crate::acl::item::decode_list;
use rustydb_types::datum::Datum;

/// `pg_shdepend`.
pub const PG_SHDEPEND: u32 = 1214;
/// `pg_opclass`.
const PG_OPCLASS: u32 = 2616;
/// `pg_opfamily`.
const PG_OPFAMILY: u32 = 2753;
/// `pg_conversion`.
const PG_CONVERSION: u32 = 2607;
/// `pg_ts_dict`.
const PG_TS_DICT: u32 = 3600;
/// `pg_ts_parser`.
const PG_TS_PARSER: u32 = 3601;
/// `pg_ts_config`.
const PG_TS_CONFIG: u32 = 3602;
/// `pg_ts_template`.
const PG_TS_TEMPLATE: u32 = 3764;
/// `pg_largeobject`, by which large objects are addressed.
const PG_LARGEOBJECT: u32 = 2613;
/// `pg_largeobject_metadata`.
const PG_LARGEOBJECT_METADATA: u32 = 2995;
/// The schema `public`, which alone among the system's objects is nobody's to keep.
const PUBLIC: u32 = 2200;
/// Objects below are pinned.
const FIRST_UNPINNED: u32 = 12_000;

/// A row of `pg_depend`.
pub fn depend(class: u32, obj: u32, sub: i32, refclass: u32, refobj: u32, refsub: i32, kind: char) -> CatRow {
    RowBuilder::new(table::PG_DEPEND)
        .oid("classid", class)
        .oid("objid", obj)
        .i4("objsubid", sub)
        .oid("refclassid", refclass)
        .oid("refobjid", refobj)
        .i4("refobjsubid", refsub)
        .ch("deptype", kind)
        .build()
}

/// Whether an object is always there.
fn pinned(oid: u32) -> bool {
    oid < FIRST_UNPINNED && oid != PUBLIC
}

/// Whether a row tells of dependencies only: a data directory of an earlier version may lack it.
pub fn tells_only(row: &CatRow) -> bool {
    matches!(row.table, table::PG_DEPEND | PG_SHDEPEND | table::PG_STATISTIC)
}

/// Rows about one object.
struct Rows {
    class: u32,
    obj: u32,
    sub: i32,
    database: u32,
    out: Vec<CatRow>,
}

impl Rows {
    fn push(&mut self, row: CatRow) {
        if !self.out.contains(&row) {
            self.out.push(row);
        }
    }

    /// The object needs another.
    fn on(&mut self, refclass: u32, refobj: u32, kind: char) {
        self.part(self.class, self.obj, refclass, refobj, kind);
    }

    /// A part of the object needs something.
    fn part(&mut self, class: u32, obj: u32, refclass: u32, refobj: u32, kind: char) {
        if !pinned(refobj) && obj >= FIRST_USER_OID {
            self.push(depend(class, obj, 0, refclass, refobj, 0, kind));
        }
    }

    /// The object needs functions.
    fn functions(&mut self, list: &[u32]) {
        list.iter().for_each(|f| self.on(table::PG_PROC, *f, 'n'));
    }

    /// The object needs types.
    fn types(&mut self, list: &[u32]) {
        list.iter().for_each(|t| self.on(table::PG_TYPE, *t, 'n'));
    }

    fn role(&mut self, role: u32, kind: char) {
        if pinned(role) {
            return;
        }
        let row = RowBuilder::new(PG_SHDEPEND)
            .oid("dbid", self.database)
            .oid("classid", self.class)
            .oid("objid", self.obj)
            .i4("objsubid", self.sub)
            .oid("refclassid", table::PG_AUTHID)
            .oid("refobjid", role)
            .ch("deptype", kind)
            .build();
        self.push(row);
    }

    /// Owner and grantees.
    fn owned(&mut self, owner: u32, acl: Option<&Datum>) {
        if self.obj >= FIRST_USER_OID {
            self.role(owner, 'o');
        }
        let list = acl.and_then(|a| decode_list(a).ok().flatten());
        for item in list.iter().flat_map(|l| &l.0).filter(|i| i.grantee != owner) {
            self.role(item.grantee, 'a');
        }
    }
}

/// The dependencies that a catalog row implies; `database` is the one the row is of.
pub fn implied(row: &CatRow, database: u32) -> Vec<CatRow> {
    let r = Reader(row);
    let of = |name: &str| match r.get(name) {
        Datum::Oid(v) => *v,
        _ => 0,
    };
    let (class, key) = match row.table {
        table::PG_ATTRIBUTE => (table::PG_CLASS, "attrelid"),
        super::types::PG_RANGE => (table::PG_TYPE, "rngtypid"),
        super::routines::PG_AGGREGATE => (table::PG_PROC, "aggfnoid"),
        PG_LARGEOBJECT_METADATA => (PG_LARGEOBJECT, "oid"),
        other => (other, "oid"),
    };
    let mut rows = Rows { class, obj: of(key), sub: 0, database, out: Vec::new() };
    match row.table {
        table::PG_CLASS => class_row(&r, &of, &mut rows),
        table::PG_ATTRIBUTE => {
            rows.sub = r.i2("attnum").unwrap_or(0).into();
            // The owner's own list is on the whole relation.
            rows.obj = of(key);
            let list = decode_list(r.get("attacl")).ok().flatten();
            list.iter().flat_map(|l| &l.0).for_each(|i| rows.role(i.grantee, 'a'));
        }
        table::PG_NAMESPACE => rows.owned(of("nspowner"), Some(r.get("nspacl"))),
        table::PG_DATABASE => {
            rows.database = 0;
            rows.owned(of("datdba"), Some(r.get("datacl")));
        }
        table::PG_TYPE => type_row(&r, &of, &mut rows),
        super::types::PG_RANGE => {
            rows.types(&[of("rngsubtype")]);
            rows.on(PG_OPCLASS, of("rngsubopc"), 'n');
            rows.on(super::collations::PG_COLLATION, of("rngcollation"), 'n');
            rows.functions(&[of("rngcanonical"), of("rngsubdiff")]);
            rows.part(table::PG_TYPE, of("rngmultitypid"), table::PG_TYPE, of("rngtypid"), 'i');
        }
        table::PG_CONSTRAINT => rows.on(table::PG_TYPE, of("contypid"), 'a'),
        table::PG_PROC => {
            rows.owned(of("proowner"), Some(r.get("proacl")));
            rows.on(table::PG_NAMESPACE, of("pronamespace"), 'n');
            rows.on(table::PG_LANGUAGE, of("prolang"), 'n');
            rows.types(&[of("prorettype")]);
            rows.types(&r.oids("proargtypes"));
            rows.types(&r.oids("proallargtypes"));
        }
        super::routines::PG_AGGREGATE => {
            let names = [
                "aggtransfn",
                "aggfinalfn",
                "aggcombinefn",
                "aggserialfn",
                "aggdeserialfn",
                "aggmtransfn",
                "aggminvtransfn",
                "aggmfinalfn",
            ];
            rows.functions(&names.map(of));
            rows.on(super::operators::PG_OPERATOR, of("aggsortop"), 'n');
        }
        super::operators::PG_OPERATOR => {
            rows.owned(of("oprowner"), None);
            rows.on(table::PG_NAMESPACE, of("oprnamespace"), 'n');
            rows.types(&[of("oprleft"), of("oprright"), of("oprresult")]);
            rows.functions(&[of("oprcode"), of("oprrest"), of("oprjoin")]);
        }
        super::casts::PG_CAST => {
            rows.types(&[of("castsource"), of("casttarget")]);
            rows.functions(&[of("castfunc")]);
        }
        super::collations::PG_COLLATION => in_schema(&of, &mut rows, "collnamespace", "collowner"),
        PG_CONVERSION => {
            in_schema(&of, &mut rows, "connamespace", "conowner");
            rows.functions(&[of("conproc")]);
        }
        PG_TS_DICT => {
            in_schema(&of, &mut rows, "dictnamespace", "dictowner");
            rows.on(PG_TS_TEMPLATE, of("dicttemplate"), 'n');
        }
        PG_TS_CONFIG => {
            in_schema(&of, &mut rows, "cfgnamespace", "cfgowner");
            rows.on(PG_TS_PARSER, of("cfgparser"), 'n');
        }
        PG_TS_PARSER => {
            rows.on(table::PG_NAMESPACE, of("prsnamespace"), 'n');
            rows.functions(&["prsstart", "prstoken", "prsend", "prsheadline", "prslextype"].map(of));
        }
        PG_TS_TEMPLATE => {
            rows.on(table::PG_NAMESPACE, of("tmplnamespace"), 'n');
            rows.functions(&["tmplinit", "tmpllexize"].map(of));
        }
        super::extensions::PG_EXTENSION => in_schema(&of, &mut rows, "extnamespace", "extowner"),
        table::PG_STATISTIC_EXT => rows.owned(of("stxowner"), None),
        PG_OPCLASS => rows.owned(of("opcowner"), None),
        PG_OPFAMILY => rows.owned(of("opfowner"), None),
        table::PG_DEFAULT_ACL => {
            rows.owned(of("defaclrole"), Some(r.get("defaclacl")));
            rows.on(table::PG_NAMESPACE, of("defaclnamespace"), 'a');
        }
        table::PG_POLICY => r.oids("polroles").into_iter().for_each(|p| rows.role(p, 'r')),
        PG_LARGEOBJECT_METADATA => rows.owned(of("lomowner"), Some(r.get("lomacl"))),
        _ => {}
    }
    rows.out
}

fn in_schema(of: &impl Fn(&str) -> u32, rows: &mut Rows, schema: &str, owner: &str) {
    rows.owned(of(owner), None);
    rows.on(table::PG_NAMESPACE, of(schema), 'n');
}

/// A relation and its row type.
fn class_row(r: &Reader<'_>, of: &impl Fn(&str) -> u32, rows: &mut Rows) {
    let (rel, row_type) = (rows.obj, of("reltype"));
    match r.ch("relkind") {
        'i' | 'I' => {}
        'c' => {
            // A composite type is the type: its attributes' relation goes with it.
            rows.on(table::PG_TYPE, row_type, 'i');
            rows.part(table::PG_TYPE, row_type, table::PG_NAMESPACE, of("relnamespace"), 'n');
            (rows.class, rows.obj) = (table::PG_TYPE, row_type);
            rows.owned(of("relowner"), None);
        }
        _ => {
            rows.owned(of("relowner"), Some(r.get("relacl")));
            rows.types(&[of("reloftype")]);
            if row_type != 0 {
                rows.part(table::PG_TYPE, row_type, table::PG_CLASS, rel, 'i');
            }
        }
    }
}

/// A type that is not a relation's rows.
fn type_row(r: &Reader<'_>, of: &impl Fn(&str) -> u32, rows: &mut Rows) {
    if r.ch("typtype") == 'c' {
        let list = decode_list(r.get("typacl")).ok().flatten();
        let owner = of("typowner");
        list.iter().flat_map(|l| &l.0).filter(|i| i.grantee != owner).for_each(|i| rows.role(i.grantee, 'a'));
        return;
    }
    if r.ch("typcategory") == 'A' && of("typelem") != 0 {
        rows.on(table::PG_TYPE, of("typelem"), 'i');
    } else {
        rows.owned(of("typowner"), Some(r.get("typacl")));
        rows.on(table::PG_NAMESPACE, of("typnamespace"), 'n');
        let names = ["typinput", "typoutput", "typreceive", "typsend", "typmodin", "typmodout", "typanalyze"];
        rows.functions(&names.map(of));
        rows.types(&[of("typbasetype"), of("typelem")]);
    }
    rows.on(super::collations::PG_COLLATION, of("typcollation"), 'n');
}

/// The columns that an expression reads.
fn columns_read(r: &Relation, text: &str) -> Vec<i16> {
    let Ok(mut e) = crate::bind::parse_expr(text) else { return Vec::new() };
    let mut out = Vec::new();
    crate::ddl::each_expr(&mut e, &mut |x| {
        if let rustydb_parser::ast::ExprKind::Column(n) = &x.kind {
            out.extend(n.parts.last().and_then(|n| r.column(&n.value)).map(|c| c.attnum));
        }
    });
    out.sort_unstable();
    out.dedup();
    out
}

/// The columns that a generated column is computed from.
fn generated_from(r: &Relation, c: &Column) -> Vec<i16> {
    let text = c.default.as_deref().filter(|_| c.generated != '\0');
    text.map(|t| columns_read(r, t)).unwrap_or_default()
}

/// What a relation and its parts need.
pub fn of_relation(r: &Relation) -> Vec<CatRow> {
    use table::{PG_ATTRDEF, PG_CLASS, PG_CONSTRAINT, PG_NAMESPACE, PG_REWRITE};
    if r.oid < FIRST_USER_OID {
        return Vec::new();
    }
    let mut out = Vec::new();
    if r.kind != RelKind::Composite {
        out.push(depend(PG_CLASS, r.oid, 0, PG_NAMESPACE, r.namespace, 0, 'n'));
    }
    for p in &r.parents {
        out.push(depend(PG_CLASS, r.oid, 0, PG_CLASS, *p, 0, if r.bound.is_some() { 'a' } else { 'n' }));
    }
    for d in r.depends.iter().filter(|d| !pinned(d.ref_relation)) {
        let (class, obj) = match (&r.view, r.columns.iter().find(|c| i32::from(c.attnum) == d.sub && d.sub > 0)) {
            (_, Some(c)) if c.default_oid != 0 => (PG_ATTRDEF, c.default_oid),
            (Some(_), _) => (PG_REWRITE, r.rule_oid),
            _ => (PG_CLASS, r.oid),
        };
        out.push(match d.ref_sub {
            Dependency::CONSTRAINT => depend(class, obj, 0, PG_CONSTRAINT, d.ref_relation, 0, d.kind),
            sub => depend(class, obj, 0, PG_CLASS, d.ref_relation, sub, d.kind),
        });
    }
    if r.view.is_some() {
        // The second is of the rule's condition, which could read the view's old and new rows.
        for kind in ['i', 'n'] {
            out.push(depend(PG_REWRITE, r.rule_oid, 0, PG_CLASS, r.oid, 0, kind));
        }
    }
    statistics(r, &mut out);
    for p in r.policies() {
        out.push(depend(table::PG_POLICY, p.oid, 0, PG_CLASS, r.oid, 0, 'a'));
        for (relation, column) in &p.depends {
            out.push(depend(table::PG_POLICY, p.oid, 0, PG_CLASS, *relation, *column, 'n'));
        }
    }
    columns(r, &mut out);
    constraints(r, &mut out);
    r.indexes.iter().for_each(|i| index(r, i, &mut out));
    out
}

fn statistics(r: &Relation, out: &mut Vec<CatRow>) {
    for x in &r.extended {
        let mut on = |class, obj, sub, kind| out.push(depend(table::PG_STATISTIC_EXT, x.oid, 0, class, obj, sub, kind));
        on(table::PG_NAMESPACE, x.namespace, 0, 'n');
        for c in &x.columns {
            on(table::PG_CLASS, r.oid, i32::from(*c), 'a');
        }
        let mut read: Vec<i16> = x.exprs.iter().flat_map(|e| columns_read(r, e)).collect();
        read.sort_unstable();
        read.dedup();
        for c in &read {
            on(table::PG_CLASS, r.oid, i32::from(*c), 'a');
        }
        if x.columns.is_empty() && read.is_empty() {
            on(table::PG_CLASS, r.oid, 0, 'a');
        }
    }
}

/// Types and collations of columns, their defaults, and the columns of a partition key.
fn columns(r: &Relation, out: &mut Vec<CatRow>) {
    use table::{PG_ATTRDEF, PG_CLASS, PG_TYPE};
    for c in r.live_columns() {
        let sub = i32::from(c.attnum);
        if !pinned(c.ty.oid) {
            out.push(depend(PG_CLASS, r.oid, sub, PG_TYPE, c.ty.oid, 0, 'n'));
        }
        if !pinned(c.ty.collation) {
            out.push(depend(PG_CLASS, r.oid, sub, super::collations::PG_COLLATION, c.ty.collation, 0, 'n'));
        }
        if c.default_oid == 0 {
            continue;
        }
        // What a generated column is computed by is a part of it.
        let kind = if c.generated == '\0' { 'a' } else { 'i' };
        out.push(depend(PG_ATTRDEF, c.default_oid, 0, PG_CLASS, r.oid, sub, kind));
        for a in generated_from(r, c) {
            out.push(depend(PG_ATTRDEF, c.default_oid, 0, PG_CLASS, r.oid, i32::from(a), 'n'));
        }
    }
    let key = r.partition_key.iter().flat_map(|k| &k.columns);
    let mut keys: Vec<i16> = Vec::new();
    for k in key {
        match &k.expr {
            Some(e) => keys.extend(columns_read(r, e)),
            None => keys.push(k.attnum),
        }
    }
    keys.sort_unstable();
    keys.dedup();
    for a in keys {
        out.push(depend(PG_CLASS, r.oid, i32::from(a), PG_CLASS, r.oid, 0, 'i'));
    }
}

fn constraints(r: &Relation, out: &mut Vec<CatRow>) {
    use table::{PG_CLASS, PG_CONSTRAINT};
    for c in &r.constraints {
        for a in &c.columns {
            out.push(depend(PG_CONSTRAINT, c.oid, 0, PG_CLASS, r.oid, i32::from(*a), 'a'));
        }
        if c.columns.is_empty() {
            out.push(depend(PG_CONSTRAINT, c.oid, 0, PG_CLASS, r.oid, 0, 'a'));
        }
        let mut part_of = |kind| {
            if c.parent != 0 {
                out.push(depend(PG_CONSTRAINT, c.oid, 0, PG_CONSTRAINT, c.parent, 0, kind));
                if kind == 'P' {
                    out.push(depend(PG_CONSTRAINT, c.oid, 0, PG_CLASS, r.oid, 0, 'S'));
                }
            }
        };
        match &c.kind {
            ConstraintKind::Primary { index }
            | ConstraintKind::Unique { index }
            | ConstraintKind::Exclude { index } => {
                part_of('P');
                out.push(depend(PG_CLASS, *index, 0, PG_CONSTRAINT, c.oid, 0, 'i'));
            }
            ConstraintKind::Foreign { ref_table, ref_columns, ref_index, part, .. } => {
                part_of(if *part { 'i' } else { 'P' });
                for a in ref_columns {
                    out.push(depend(PG_CONSTRAINT, c.oid, 0, PG_CLASS, *ref_table, i32::from(*a), 'n'));
                }
                out.push(depend(PG_CONSTRAINT, c.oid, 0, PG_CLASS, *ref_index, 0, 'n'));
            }
            // Beside the columns it is about, its expression needs those it reads.
            ConstraintKind::Check(text) => {
                for a in columns_read(r, text) {
                    out.push(depend(PG_CONSTRAINT, c.oid, 0, PG_CLASS, r.oid, i32::from(a), 'n'));
                }
            }
        }
    }
}

fn index(r: &Relation, i: &Index, out: &mut Vec<CatRow>) {
    use table::PG_CLASS;
    let owned = r.constraints.iter().any(|c| {
        matches!(c.kind, ConstraintKind::Primary { index } | ConstraintKind::Unique { index } | ConstraintKind::Exclude { index } if index == i.oid)
    });
    // Dumps make the whole's index before they attach its parts.
    if i.parent != 0 {
        out.push(depend(PG_CLASS, i.oid, 0, PG_CLASS, i.parent, 0, 'P'));
        out.push(depend(PG_CLASS, i.oid, 0, PG_CLASS, r.oid, 0, 'S'));
    }
    let from = out.len();
    if !owned {
        let keys = i.keys.iter().map(|k| k.attnum).filter(|a| *a > 0);
        for a in keys.chain(i.include.iter().copied()) {
            out.push(depend(PG_CLASS, i.oid, 0, PG_CLASS, r.oid, i32::from(a), 'a'));
        }
        if out.len() == from
            && !i.keys.iter().any(|k| k.expr.as_deref().is_some_and(|e| !columns_read(r, e).is_empty()))
        {
            out.push(depend(PG_CLASS, i.oid, 0, PG_CLASS, r.oid, 0, 'a'));
        }
    }
    for k in &i.keys {
        if !pinned(k.ty.collation) {
            out.push(depend(PG_CLASS, i.oid, 0, super::collations::PG_COLLATION, k.ty.collation, 0, 'n'));
        }
        if !pinned(k.opclass) {
            out.push(depend(PG_CLASS, i.oid, 0, PG_OPCLASS, k.opclass, 0, 'n'));
        }
    }
    let mut read: Vec<i16> = i.keys.iter().filter_map(|k| k.expr.as_deref()).flat_map(|e| columns_read(r, e)).collect();
    read.sort_unstable();
    read.dedup();
    let conditioned = i.predicate.as_deref().map(|p| columns_read(r, p)).unwrap_or_default();
    for a in read.into_iter().chain(conditioned) {
        out.push(depend(PG_CLASS, i.oid, 0, PG_CLASS, r.oid, i32::from(a), 'a'));
    }
}
