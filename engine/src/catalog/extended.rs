//! Extended statistics (`pg_statistic_ext`): what CREATE STATISTICS has defined on a table.
//!
//! They are definitions only. The planner's estimates do not use them, ANALYZE computes nothing for them, and so
//! `pg_statistic_ext_data` has no rows: each is shown as defined, not as built.

use super::rows::{CatRow, EXPR_SEPARATOR, RowBuilder, array, int2_vector, table};
use super::{Catalog, Relation};
use rustydb_types::datum::Datum;
use rustydb_types::oid;
use std::sync::Arc;

/// A statistics object.
#[derive(Clone, PartialEq, Eq, Debug)]
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
}

impl ExtendedStatistics {
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
