//! Users' operators: rows of `pg_operator`. The binder sees one as the [`Operator`] that built-in ones are.

use super::load::{CatalogRows, Reader};
use super::rows::{CatRow, RowBuilder};
use super::{Catalog, FIRST_USER_OID};
use rustydb_base::Result;
use rustydb_types::pgdata::Operator;
use rustydb_types::userproc;
use std::sync::Arc;

/// `pg_operator`.
pub const PG_OPERATOR: u32 = 2617;

/// An operator.
#[derive(Clone, Debug)]
pub struct UserOperator {
    /// OID.
    pub oid: u32,
    /// Name.
    pub name: String,
    /// Schema.
    pub namespace: u32,
    /// Owner.
    pub owner: u32,
    /// Type of the left operand, 0 for a prefix operator.
    pub left: u32,
    /// Type of the right operand.
    pub right: u32,
    /// Type of the result.
    pub result: u32,
    /// Function.
    pub function: u32,
    /// Commutator, 0 for none.
    pub commutator: u32,
    /// Negator, 0 for none.
    pub negator: u32,
    /// MERGES, HASHES.
    pub joins: (bool, bool),
    /// RESTRICT, JOIN.
    pub estimators: (u32, u32),
}

impl UserOperator {
    /// The form that the binder uses.
    pub fn operator(&self) -> &'static Operator {
        userproc::intern_operator(Operator {
            oid: self.oid,
            oprname: userproc::name(&self.name),
            oprkind: self.kind(),
            oprcanmerge: self.joins.0,
            oprcanhash: self.joins.1,
            oprleft: self.left,
            oprright: self.right,
            oprresult: self.result,
            oprcom: self.commutator,
            oprnegate: self.negator,
            oprcode: self.function,
            oprrest: self.estimators.0,
            oprjoin: self.estimators.1,
        })
    }

    fn kind(&self) -> char {
        if self.left == 0 { 'l' } else { 'b' }
    }
}

/// Its row.
pub fn row(o: &UserOperator) -> CatRow {
    RowBuilder::new(PG_OPERATOR)
        .oid("oid", o.oid)
        .text("oprname", &o.name)
        .oid("oprnamespace", o.namespace)
        .oid("oprowner", o.owner)
        .ch("oprkind", o.kind())
        .bool("oprcanmerge", o.joins.0)
        .bool("oprcanhash", o.joins.1)
        .oid("oprleft", o.left)
        .oid("oprright", o.right)
        .oid("oprresult", o.result)
        .oid("oprcom", o.commutator)
        .oid("oprnegate", o.negator)
        .oid("oprcode", o.function)
        .oid("oprrest", o.estimators.0)
        .oid("oprjoin", o.estimators.1)
        .build()
}

/// Operators from the rows of the catalog; the mirror of [`row`].
pub(super) fn load(all: &CatalogRows) -> Result<Vec<UserOperator>> {
    let mut out = Vec::new();
    for r in all.get(&PG_OPERATOR).into_iter().flatten() {
        let r = Reader(r);
        let oid = r.oid("oid")?;
        if oid < FIRST_USER_OID {
            continue;
        }
        out.push(UserOperator {
            oid,
            name: r.text("oprname")?,
            namespace: r.oid("oprnamespace")?,
            owner: r.oid("oprowner")?,
            left: r.oid("oprleft")?,
            right: r.oid("oprright")?,
            result: r.oid("oprresult")?,
            function: r.oid("oprcode")?,
            commutator: r.oid("oprcom")?,
            negator: r.oid("oprnegate")?,
            joins: (r.bool("oprcanmerge"), r.bool("oprcanhash")),
            estimators: (r.oid("oprrest")?, r.oid("oprjoin")?),
        });
    }
    Ok(out)
}

impl Catalog {
    /// Adds or replaces an operator.
    pub fn put_operator(&mut self, o: UserOperator) {
        self.types_version = super::change::next_version();
        o.operator();
        self.operators.insert(o.oid, Arc::new(o));
    }
    /// Removes an operator.
    pub fn remove_operator(&mut self, oid: u32) {
        self.types_version = super::change::next_version();
        self.operators.remove(&oid);
    }
    /// Users' operators of a name in a schema, by OID.
    pub fn operators_in(&self, namespace: u32, name: &str) -> Vec<&Arc<UserOperator>> {
        let mut out: Vec<_> = self.operators.values().filter(|o| o.namespace == namespace && o.name == name).collect();
        out.sort_by_key(|o| o.oid);
        out
    }
}
