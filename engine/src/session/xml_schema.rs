//! XML Schema documents that describe what [`super::xml_map`] makes of tables, queries, schemas and the database.

use super::xml_map::Form;
use crate::catalog::Catalog;
use rustydb_types::datum::TypeRef;
use rustydb_types::xml::value::{escape, name};
use rustydb_types::{oid, pgdata, usertype};
use std::fmt::Write;

/// What names of types are looked up in.
pub(super) struct Scope<'a> {
    /// The catalog.
    pub catalog: &'a Catalog,
    /// `xmlbinary = hex`.
    pub binary_hex: bool,
}

type Columns = [(String, TypeRef)];

impl Scope<'_> {
    /// A name made of several: `kind.database.parts…`.
    fn qualified(&self, kind: &str, parts: &[&str]) -> String {
        let mut out = format!("{kind}.{}", name(&self.catalog.database.name, true));
        for p in parts {
            let _ = write!(out, ".{}", name(p, true));
        }
        out
    }

    /// Schema and name of a type.
    fn place(&self, ty: u32) -> (String, String) {
        let cat = self.catalog;
        let schema = |ns: u32| cat.namespaces.get(&ns).map(|n| n.name.clone()).unwrap_or_default();
        if let Some(r) = cat.row_types.get(&ty).and_then(|r| cat.relation(*r)) {
            return (r.schema.clone(), r.name.clone());
        }
        if let Some(t) = cat.type_of(ty) {
            let member = t.members().into_iter().find(|m| m.0 == ty).map(|m| m.1);
            return (schema(t.namespace), member.map_or_else(|| t.name.clone(), |n| n.to_string()));
        }
        match pgdata::pg_type(ty) {
            Some(t) => (schema(pgdata::PG_CATALOG), t.typname.to_owned()),
            None => (String::new(), rustydb_types::typename::format_type(ty, -1)),
        }
    }

    /// A type's name.
    fn type_name(&self, ty: u32, typmod: i32) -> String {
        // Lengths count four bytes of a header.
        let length = typmod - 4;
        let with = |plain: &str, n: i32| if typmod < 0 { plain.to_owned() } else { format!("{plain}_{n}") };
        match ty {
            oid::BPCHAR => with("CHAR", length),
            oid::VARCHAR => with("VARCHAR", length),
            oid::NUMERIC if typmod < 0 => "NUMERIC".to_owned(),
            oid::NUMERIC => format!("NUMERIC_{}_{}", (length >> 16) & 0xffff, length & 0xffff),
            oid::INT4 => "INTEGER".to_owned(),
            oid::INT2 => "SMALLINT".to_owned(),
            oid::INT8 => "BIGINT".to_owned(),
            oid::FLOAT4 => "REAL".to_owned(),
            oid::FLOAT8 => "DOUBLE".to_owned(),
            oid::BOOL => "BOOLEAN".to_owned(),
            oid::TIME => with("TIME", typmod),
            oid::TIMETZ => with("TIME_WTZ", typmod),
            oid::TIMESTAMP => with("TIMESTAMP", typmod),
            oid::TIMESTAMPTZ => with("TIMESTAMP_WTZ", typmod),
            oid::DATE => "DATE".to_owned(),
            oid::XML => "XML".to_owned(),
            _ => {
                let (schema, bare) = self.place(ty);
                self.qualified(if usertype::is_domain(ty) { "Domain" } else { "UDT" }, &[&schema, &bare])
            }
        }
    }

    /// The definition of a type.
    fn define(&self, ty: u32, out: &mut String) {
        const DATE: &str = r"\p{Nd}{4}-\p{Nd}{2}-\p{Nd}{2}";
        const TIME: &str = r"\p{Nd}{2}:\p{Nd}{2}:\p{Nd}{2}(.\p{Nd}+)?";
        const ZONE: &str = r"(\+|-)\p{Nd}{2}:\p{Nd}{2}";
        if ty == oid::XML {
            out.push_str("<xsd:complexType mixed=\"true\">\n  <xsd:sequence>\n");
            out.push_str(
                "    <xsd:any name=\"element\" minOccurs=\"0\" maxOccurs=\"unbounded\" processContents=\"skip\"/>\n",
            );
            out.push_str("  </xsd:sequence>\n</xsd:complexType>\n\n");
            return;
        }
        let _ = writeln!(out, "<xsd:simpleType name=\"{}\">", self.type_name(ty, -1));
        let lines =
            |base: &str, lines: &str| format!("  <xsd:restriction base=\"xsd:{base}\">\n{lines}  </xsd:restriction>\n");
        let between = |base: &str, min: i64, max: i64| {
            let bounds = format!("    <xsd:maxInclusive value=\"{max}\"/>\n    <xsd:minInclusive value=\"{min}\"/>\n");
            lines(base, &bounds)
        };
        let pattern = |base: &str, p: &str| lines(base, &format!("    <xsd:pattern value=\"{p}\"/>\n"));
        let plain = |base: &str| format!("  <xsd:restriction base=\"xsd:{base}\"></xsd:restriction>\n");
        out.push_str(&match ty {
            oid::BPCHAR | oid::VARCHAR | oid::TEXT => lines("string", ""),
            oid::BYTEA => lines(if self.binary_hex { "hexBinary" } else { "base64Binary" }, ""),
            oid::INT2 => between("short", i64::from(i16::MIN), i64::from(i16::MAX)),
            oid::INT4 => between("int", i64::from(i32::MIN), i64::from(i32::MAX)),
            oid::INT8 => between("long", i64::MIN, i64::MAX),
            oid::FLOAT4 => plain("float"),
            oid::FLOAT8 => plain("double"),
            oid::BOOL => plain("boolean"),
            oid::TIME => pattern("time", TIME),
            oid::TIMETZ => pattern("time", &format!("{TIME}{ZONE}")),
            oid::TIMESTAMP => pattern("dateTime", &format!("{DATE}T{TIME}")),
            oid::TIMESTAMPTZ => pattern("dateTime", &format!("{DATE}T{TIME}{ZONE}")),
            oid::DATE => pattern("date", DATE),
            _ if usertype::is_domain(ty) => {
                let base = usertype::base(TypeRef::new(ty));
                format!("  <xsd:restriction base=\"{}\"/>\n", self.type_name(base.oid, base.typmod))
            }
            _ => String::new(),
        });
        out.push_str("</xsd:simpleType>\n\n");
    }

    /// The definitions of all types of some columns, and of those that domains among them are over.
    fn define_types<'c>(&self, columns: impl Iterator<Item = &'c (String, TypeRef)>, out: &mut String) {
        let mut types: Vec<u32> = Vec::new();
        for (_, ty) in columns {
            if !types.contains(&ty.oid) {
                types.push(ty.oid);
            }
        }
        for i in 0..types.len() {
            let base = types.get(i).map_or(0, |t| usertype::base(TypeRef::new(*t)).oid);
            if !types.contains(&base) {
                types.push(base);
            }
        }
        types.iter().for_each(|t| self.define(*t, out));
    }
}

fn start(namespace: &str) -> String {
    let mut out = "<xsd:schema\n    xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\"".to_owned();
    if !namespace.is_empty() {
        let namespace = escape(namespace, true);
        let _ = write!(out, "\n    targetNamespace=\"{namespace}\"\n    elementFormDefault=\"qualified\"");
    }
    out.push_str(">\n\n");
    out
}

/// The description of a table (by schema and name) or of a query's result.
pub(super) fn table(s: &Scope<'_>, table: Option<&(String, String)>, columns: &Columns, form: Form<'_>) -> String {
    let type_name = |kind: &str| match table {
        Some((schema, bare)) => s.qualified(kind, &[schema, bare]),
        None => kind.to_owned(),
    };
    let (row, all) = (type_name("RowType"), type_name("TableType"));
    let element = match table {
        Some((_, bare)) => name(bare, true),
        None => if form.forest { "row" } else { "table" }.to_owned(),
    };
    let mut out = start(form.namespace);
    s.define_types(columns.iter(), &mut out);
    let _ = write!(out, "<xsd:complexType name=\"{row}\">\n  <xsd:sequence>\n");
    for (column, ty) in columns {
        let may_lack = if form.nulls { "nillable=\"true\"" } else { "minOccurs=\"0\"" };
        let (column, ty) = (name(column, true), s.type_name(ty.oid, -1));
        let _ = writeln!(out, "    <xsd:element name=\"{column}\" type=\"{ty}\" {may_lack}></xsd:element>");
    }
    out.push_str("  </xsd:sequence>\n</xsd:complexType>\n\n");
    if !form.forest {
        let _ = write!(
            out,
            "<xsd:complexType name=\"{all}\">\n  <xsd:sequence>\n    <xsd:element name=\"row\" type=\"{row}\" \
             minOccurs=\"0\" maxOccurs=\"unbounded\"/>\n  </xsd:sequence>\n</xsd:complexType>\n\n"
        );
    }
    let top = if form.forest { row } else { all };
    let _ = write!(out, "<xsd:element name=\"{element}\" type=\"{top}\"/>\n\n</xsd:schema>");
    out
}

/// The description of a schema with its tables.
pub(super) fn schema(
    s: &Scope<'_>,
    schema_name: &str,
    tables: &[(String, Vec<(String, TypeRef)>)],
    form: Form<'_>,
) -> String {
    let mut out = start(form.namespace);
    s.define_types(tables.iter().flat_map(|t| &t.1), &mut out);
    let own = s.qualified("SchemaType", &[schema_name]);
    let group = if form.forest { "sequence" } else { "all" };
    let _ = write!(out, "<xsd:complexType name=\"{own}\">\n  <xsd:{group}>\n");
    for (table, _) in tables {
        let (kind, times) =
            if form.forest { ("RowType", " minOccurs=\"0\" maxOccurs=\"unbounded\"") } else { ("TableType", "") };
        let ty = s.qualified(kind, &[schema_name, table]);
        let _ = writeln!(out, "    <xsd:element name=\"{}\" type=\"{ty}\"{times}/>", name(table, true));
    }
    let _ = write!(out, "  </xsd:{group}>\n</xsd:complexType>\n\n");
    let _ = write!(out, "<xsd:element name=\"{}\" type=\"{own}\"/>\n\n</xsd:schema>", name(schema_name, true));
    out
}

/// The description of the database: its schemas, and the columns of all their tables.
pub(super) fn database(s: &Scope<'_>, schemas: &[String], tables: &[Vec<(String, TypeRef)>], form: Form<'_>) -> String {
    let mut out = start(form.namespace);
    s.define_types(tables.iter().flatten(), &mut out);
    let own = s.qualified("CatalogType", &[]);
    let _ = write!(out, "<xsd:complexType name=\"{own}\">\n  <xsd:all>\n");
    for n in schemas {
        let ty = s.qualified("SchemaType", &[n]);
        let _ = writeln!(out, "    <xsd:element name=\"{}\" type=\"{ty}\"/>", name(n, true));
    }
    out.push_str("  </xsd:all>\n</xsd:complexType>\n\n");
    let element = name(&s.catalog.database.name, true);
    let _ = write!(out, "<xsd:element name=\"{element}\" type=\"{own}\"/>\n\n</xsd:schema>");
    out
}
