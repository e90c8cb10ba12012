//! Extended statistics (`pg_statistic_ext`): what CREATE STATISTICS has defined on a table, and what ANALYZE has found
//! (`pg_statistic_ext_data`).

use super::load::Reader;
use super::rows::{CatRow, EXPR_SEPARATOR, RowBuilder, array, int2_vector, statistic, table};
use super::{Catalog, ColumnStats, Relation};
use rustydb_base::Result;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::{oid, pgdata};
use std::collections::HashMap;
use std::sync::Arc;

/// Row type of `pg_statistic`, of which expressions' statistics are.
pub const PG_STATISTIC_TYPE: u32 = 10029;

/// What ANALYZE found for a statistics object, NULL where it has none.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct ExtendedData {
    /// Of the table's whole tree instead of the table alone.
    pub inherited: bool,
    /// `pg_ndistinct`.
    pub distinct: Datum,
    /// `pg_dependencies`.
    pub dependencies: Datum,
    /// `pg_mcv_list`.
    pub mcv: Datum,
    /// An array of rows of `pg_statistic`.
    pub exprs: Datum,
}

/// A statistics object.
#[derive(Clone, PartialEq, Debug)]
pub struct ExtendedStatistics {
    /// OID.
    pub oid: u32,
    /// Name, unique in its schema among statistics objects.
    pub name: String,
    /// Schema.
    pub namespace: u32,
    /// Owner.
    pub owner: u32,
    /// Kinds: `d` ndistinct, `f` dependencies, `m` mcv, `e` expressions.
    pub kinds: Vec<char>,
    /// Columns, ascending.
    pub columns: Vec<i16>,
    /// Expressions as SQL text.
    pub exprs: Vec<String>,
    /// SET STATISTICS; -1 for the default.
    pub target: i32,
    /// What ANALYZE found, of the table alone and of its tree.
    pub data: Vec<ExtendedData>,
}

/// Statistics of an expression as a row of `pg_statistic`.
pub fn expression_row(ty: TypeRef, s: &ColumnStats) -> Datum {
    let columns = pgdata::columns_of(table::PG_STATISTIC).iter().filter(|c| c.attnum > 0);
    let types = columns.map(|c| TypeRef { oid: c.atttypid, typmod: c.atttypmod, collation: c.attcollation });
    Datum::Row(types.zip(statistic((0, 0), false, ty, s).values).collect())
}

impl ExtendedStatistics {
    /// The rows of what ANALYZE found.
    pub fn data_rows(&self) -> impl Iterator<Item = CatRow> {
        self.data.iter().map(|d| {
            RowBuilder::new(table::PG_STATISTIC_EXT_DATA)
                .oid("stxoid", self.oid)
                .bool("stxdinherit", d.inherited)
                .set("stxdndistinct", d.distinct.clone())
                .set("stxddependencies", d.dependencies.clone())
                .set("stxdmcv", d.mcv.clone())
                .set("stxdexpr", d.exprs.clone())
                .build()
        })
    }

    /// Its row.
    pub fn row(&self, relation: u32) -> CatRow {
        let joined = self.exprs.join(&EXPR_SEPARATOR.to_string());
        RowBuilder::new(table::PG_STATISTIC_EXT)
            .oid("oid", self.oid)
            .oid("stxrelid", relation)
            .text("stxname", &self.name)
            .oid("stxnamespace", self.namespace)
            .oid("stxowner", self.owner)
            .i4("stxstattarget", self.target)
            .set("stxkeys", int2_vector(self.columns.iter().copied()))
            .set(
                "stxkind",
                array(oid::CHAR, 1, self.kinds.iter().map(|k| Datum::Text(k.to_string().as_str().into())).collect()),
            )
            .opt_text("stxexprs", (!self.exprs.is_empty()).then_some(joined.as_str()))
            .build()
    }
}

/// A statistics object by OID, with its table.
pub fn by_oid(cat: &Catalog, oid: u32) -> Option<(&Arc<Relation>, &Arc<ExtendedStatistics>)> {
    cat.relations.values().find_map(|r| r.extended.iter().find(|x| x.oid == oid).map(|x| (r, x)))
}

/// A statistics object by schema and name, with its table.
pub fn by_name<'c>(
    cat: &'c Catalog,
    namespace: u32,
    name: &str,
) -> Option<(&'c Arc<Relation>, &'c Arc<ExtendedStatistics>)> {
    let is = |x: &&Arc<ExtendedStatistics>| x.namespace == namespace && x.name == name;
    cat.relations.values().find_map(|r| r.extended.iter().find(is).map(|x| (r, x)))
}

/// Statistics objects of a table from their rows and those of what ANALYZE found, by object.
pub(super) fn load(rows: &[Reader<'_>], found: &HashMap<u32, Vec<Reader<'_>>>) -> Result<Vec<Arc<ExtendedStatistics>>> {
    let mut out = Vec::with_capacity(rows.len());
    for r in rows {
        let kinds = r.items("stxkind").into_iter();
        let exprs = r.opt_text("stxexprs");
        out.push(Arc::new(ExtendedStatistics {
            oid: r.oid("oid")?,
            name: r.text("stxname")?,
            namespace: r.oid("stxnamespace")?,
            owner: r.oid("stxowner")?,
            kinds: kinds.filter_map(|d| if let Datum::Text(k) = d { k.chars().next() } else { None }).collect(),
            columns: r.i2s("stxkeys"),
            exprs: exprs.map_or(Vec::new(), |t| t.split(EXPR_SEPARATOR).map(str::to_owned).collect()),
            target: r.i4("stxstattarget")?,
            data: found.get(&r.oid("oid")?).into_iter().flatten().map(data).collect(),
        }));
    }
    out.sort_by_key(|x| x.oid);
    Ok(out)
}

fn data(r: &Reader<'_>) -> ExtendedData {
    ExtendedData {
        inherited: r.bool("stxdinherit"),
        distinct: r.get("stxdndistinct").clone(),
        dependencies: r.get("stxddependencies").clone(),
        mcv: r.get("stxdmcv").clone(),
        exprs: r.get("stxdexpr").clone(),
    }
}
