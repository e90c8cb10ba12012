//! Exclusion constraints: of no two rows may all the operators hold.
//!
//! A row is stored first and checked then, against every other row's newest version, whoever wrote it. Of two transactions
//! that store rows which exclude each other, each stores before it looks, so at least one sees the other's: it waits for
//! the other's end and looks again (both may see each other, which is a deadlock, in PostgreSQL too). A row that an
//! unfinished transaction has changed counts with what it was and with what it becomes.
//!
//! The rows to look at are those that the constraint's index names: a search tree (GiST) is asked for all the operators
//! together. Other indexes have the columns under an operator that is their type's equality as keys; without such a column they
//! have no entries, and the check reads the table. A row with a NULL in the key excludes nothing.

use super::eval::{Compiled, Env, compile};
use super::fk::{ForeignKeys, relation};
use super::index_terms::{self, Lookup};
use super::run::StatementEnv;
use super::table::{IndexRt, TableRt, show_value_in};
use super::tables::decode_columns;
use crate::bind::{BindCx, Binder};
use crate::catalog::deparse::{Show, index_column_def};
use crate::catalog::{Constraint, Index, Relation};
use crate::plan::ir::{Col, Expr};
use crate::transaction::Transaction;
use rustydb_base::{DbError, Result, Rid, SqlState};
use rustydb_storage::heap::RowBuf;
use rustydb_storage::table::Newest;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::{io, pgdata};
use std::sync::Arc;

/// What an exclusion constraint demands, ready to be tested.
pub struct Exclusion {
    /// One per key column: over the new row's key values, then the other's.
    tests: Vec<Compiled>,
    /// Positions of the key columns that the index has entries by.
    pub(super) equal: Vec<usize>,
}

/// B+trees' number for equality.
const EQUAL: i16 = 3;

/// Whether an operator is the equality of an order that B+trees know: then equal values have the same key.
fn is_equality(op: u32) -> bool {
    pgdata::amops().iter().any(|o| o.amopopr == op && o.amopmethod == pgdata::BTREE && o.amopstrategy == EQUAL)
}

impl Exclusion {
    /// Prepares an index's constraint.
    pub(super) fn new(cx: &BindCx<'_>, rel: &Arc<Relation>, i: &Arc<Index>) -> Result<Exclusion> {
        let mut b = Binder::new(cx, &[]);
        let ty = |k: &crate::catalog::IndexKey| {
            let kept = |c: &crate::catalog::Column| TypeRef { collation: k.ty.collation, ..c.ty };
            rel.attribute(k.attnum).filter(|_| k.attnum > 0).map_or(k.ty, kept)
        };
        let new: Vec<Col> = i.keys.iter().map(|k| b.col(ty(k))).collect();
        let old: Vec<Col> = i.keys.iter().map(|k| b.col(ty(k))).collect();
        let slot = |id: u32| new.iter().chain(&old).position(|c| c.id == id);
        let mut tests = Vec::with_capacity(i.exclude.len());
        for ((op, l), r) in i.exclude.iter().zip(&new).zip(&old) {
            let (schema, name) = match (pgdata::operator(*op), cx.catalog.operators.get(op)) {
                (Some(o), _) => ("pg_catalog".to_owned(), o.oprname.to_owned()),
                (None, Some(o)) => {
                    let schema = cx.catalog.namespaces.get(&o.namespace).map(|n| n.name.clone());
                    (schema.unwrap_or_default(), o.operator().oprname.to_owned())
                }
                (None, None) => return Err(DbError::internal("an exclusion constraint's operator is gone")),
            };
            let test = b.operator(Some(&schema), &name, Some(Expr::column(*l)), Expr::column(*r), 0)?;
            tests.push(compile(&test, &slot)?);
        }
        let equal = (0..i.keys.len()).filter(|n| i.exclude.get(*n).is_some_and(|op| is_equality(*op))).collect();
        Ok(Exclusion { tests, equal })
    }

    fn holds(&self, eval: &EvalCtx, new: &[Datum], old: &[Datum]) -> Result<bool> {
        let both: Vec<Datum> = new.iter().chain(old).cloned().collect();
        for t in &self.tests {
            if !t.test(Env { ctx: eval, params: &[] }, &both)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Indexes of exclusion constraints, with their positions.
fn exclusions(rt: &TableRt) -> impl Iterator<Item = (&IndexRt, &Exclusion)> {
    rt.indexes.iter().filter_map(|i| Some((i, i.exclusion.as_ref()?)))
}

/// A row was stored.
pub(super) async fn stored(
    tx: &mut Transaction,
    rt: &Arc<TableRt>,
    env: &StatementEnv,
    rid: Rid,
    row: &[Datum],
    fks: &mut ForeignKeys,
) -> Result<()> {
    for (i, _) in exclusions(rt) {
        owe(tx, rt, i, env, rid, row, fks).await?;
    }
    Ok(())
}

/// A row was changed in these attributes (0-based).
#[allow(clippy::too_many_arguments, reason = "a row change is told all of this")]
pub(super) async fn changed(
    tx: &mut Transaction,
    rt: &Arc<TableRt>,
    env: &StatementEnv,
    rid: Rid,
    attributes: &[usize],
    old: &[Datum],
    new: &[Datum],
    fks: &mut ForeignKeys,
) -> Result<()> {
    for (i, _) in exclusions(rt) {
        if !i.needs().iter().any(|a| attributes.contains(a)) {
            continue;
        }
        let e = Env { ctx: &env.eval, params: &[] };
        if i.values(e, old)? != i.values(e, new)? {
            owe(tx, rt, i, env, rid, new, fks).await?;
        }
    }
    Ok(())
}

/// Checks a row now, or when the statement's other checks are made.
async fn owe(
    tx: &mut Transaction,
    rt: &Arc<TableRt>,
    i: &IndexRt,
    env: &StatementEnv,
    rid: Rid,
    row: &[Datum],
    fks: &mut ForeignKeys,
) -> Result<()> {
    match &i.deferrable {
        // Whoever looks after the other one has stored its row notices.
        Some(c) => {
            if find(tx, rt, i, env, Some(rid), row, false).await?.is_some() {
                fks.exclude(c, rid);
            }
        }
        None => {
            if let Some((_, new, old)) = other(tx, rt, i, env, Some(rid), row).await? {
                return Err(conflict(tx, rt, i, &env.eval, &new, &old));
            }
        }
    }
    Ok(())
}

/// Makes a check that was put off: of the row as it is now.
pub(super) async fn check_again(tx: &mut Transaction, env: &StatementEnv, c: &Arc<Constraint>, rid: Rid) -> Result<()> {
    let table = relation(tx, c.table)?;
    let rt = tx.table(&env.eval, &table)?;
    let Some((_, i)) = c.index().and_then(|o| rt.index(o)) else { return Ok(()) };
    let mut image = RowBuf::new();
    if tx.txn.newest(rt.desc.rel, rid, &mut image).await? == Newest::Gone {
        return Ok(());
    }
    let row = decode_columns(&mut tx.txn, &rt, &image, i.needs()).await?;
    match other(tx, &rt, i, env, Some(rid), &row).await? {
        Some((_, new, old)) => Err(conflict(tx, &rt, i, &env.eval, &new, &old)),
        None => Ok(()),
    }
}

/// Whether a row that is not stored yet would be excluded by one that is (ON CONFLICT DO NOTHING), by the constraints whose
/// indexes `arbiter` takes.
pub(super) async fn in_the_way(
    tx: &mut Transaction,
    rt: &Arc<TableRt>,
    env: &StatementEnv,
    row: &[Datum],
    arbiter: impl Fn(u32) -> bool,
) -> Result<bool> {
    for (i, _) in exclusions(rt) {
        if !arbiter(i.def.oid) {
            continue;
        }
        if let Some((rid, ..)) = other(tx, rt, i, env, None, row).await? {
            if tx.isolation.one_snapshot() && !tx.sees_newest(rt, rid).await? {
                return Err(super::dml::serialization("update"));
            }
            return Ok(true);
        }
    }
    Ok(false)
}

/// The first pair of a table's rows that an exclusion constraint's index does not allow, as the error that tells of it.
pub async fn first_pair(
    tx: &mut Transaction,
    rt: &Arc<TableRt>,
    i: &IndexRt,
    env: &StatementEnv,
) -> Result<Option<DbError>> {
    let (mut rids, mut image) = (Vec::new(), RowBuf::new());
    for block in 0..tx.txn.blocks(rt.desc.rel).await? {
        tx.txn.addresses(rt.desc.rel, block, &mut rids).await?;
        for rid in rids.clone() {
            env.cancel.check()?;
            if tx.txn.newest(rt.desc.rel, rid, &mut image).await? == Newest::Gone {
                continue;
            }
            let row = decode_columns(&mut tx.txn, rt, &image, i.needs()).await?;
            if let Some((_, new, old)) = other(tx, rt, i, env, Some(rid), &row).await? {
                let (names, new, old) = shown(tx, rt, i, &env.eval, &new, &old);
                return Ok(Some(
                    DbError::new(
                        SqlState::EXCLUSION_VIOLATION,
                        format!("could not create exclusion constraint \"{}\"", i.def.name),
                    )
                    .detail(format!("Key ({names})=({new}) conflicts with key ({names})=({old})."))
                    .table(rt.rel.schema.clone(), rt.rel.name.clone())
                    .constraint(i.def.name.clone()),
                ));
            }
        }
    }
    Ok(None)
}

/// Another row, not `own`, that excludes a row: its address, the row's key values and its own.
async fn other(
    tx: &mut Transaction,
    rt: &Arc<TableRt>,
    i: &IndexRt,
    env: &StatementEnv,
    own: Option<Rid>,
    row: &[Datum],
) -> Result<Option<(Rid, Vec<Datum>, Vec<Datum>)>> {
    find(tx, rt, i, env, own, row, true).await
}

/// As [`other`]; without `wait` a row that somebody is still changing counts, with no values.
async fn find(
    tx: &mut Transaction,
    rt: &Arc<TableRt>,
    i: &IndexRt,
    env: &StatementEnv,
    own: Option<Rid>,
    row: &[Datum],
    wait: bool,
) -> Result<Option<(Rid, Vec<Datum>, Vec<Datum>)>> {
    let Some(x) = &i.exclusion else { return Ok(None) };
    let e = Env { ctx: &env.eval, params: &[] };
    let Some(new) = i.values(e, row)?.filter(|v| !v.iter().any(Datum::is_null)) else { return Ok(None) };
    let mut look = Look { rt, i, x, env, new: &new, wait, image: RowBuf::new() };
    if i.def.is_tree() {
        let at = rt.indexes.iter().position(|x| x.def.oid == i.def.oid).unwrap_or_default();
        let ask =
            |(n, (op, value)): (usize, (&u32, &Datum))| Some((index_terms::lookup(rt, at, n, *op)?, value.clone()));
        let asked: Option<Vec<(Lookup, Datum)>> = i.def.exclude.iter().zip(&new).enumerate().map(ask).collect();
        let asked = asked.ok_or_else(|| DbError::internal("an exclusion constraint's operator is not its index's"))?;
        let Some(search) = Lookup::search(asked.iter().map(|(l, d)| Ok((l, d.clone()))))? else { return Ok(None) };
        if let Some(rids) = tx.txn.gather(&i.desc, &search).await? {
            let found = look.among(tx, &rids, own).await?;
            return Ok(found.map(|(rid, old)| (rid, new, old)));
        }
    } else if let Some(key) = i.key(e, row, rt)? {
        let rids = tx.txn.entries(&i.desc, &key.bytes).await?;
        let found = look.among(tx, &rids, own).await?;
        return Ok(found.map(|(rid, old)| (rid, new, old)));
    }
    let mut rids = Vec::new();
    for block in 0..tx.txn.blocks(rt.desc.rel).await? {
        tx.txn.addresses(rt.desc.rel, block, &mut rids).await?;
        if let Some((rid, old)) = look.among(tx, &rids, own).await? {
            return Ok(Some((rid, new, old)));
        }
    }
    Ok(None)
}

/// A look at other rows.
struct Look<'a> {
    rt: &'a Arc<TableRt>,
    i: &'a IndexRt,
    x: &'a Exclusion,
    env: &'a StatementEnv,
    new: &'a [Datum],
    wait: bool,
    image: RowBuf,
}

impl Look<'_> {
    async fn among(
        &mut self,
        tx: &mut Transaction,
        rids: &[Rid],
        own: Option<Rid>,
    ) -> Result<Option<(Rid, Vec<Datum>)>> {
        for rid in rids.iter().copied().filter(|r| Some(*r) != own) {
            self.env.cancel.check()?;
            if let Some(old) = self.at(tx, rid).await? {
                return Ok(Some((rid, old)));
            }
        }
        Ok(None)
    }

    /// The key values of the row at an address, if it excludes the new one; who is still changing it is waited for.
    async fn at(&mut self, tx: &mut Transaction, rid: Rid) -> Result<Option<Vec<Datum>>> {
        let rel = self.rt.desc.rel;
        loop {
            match tx.txn.newest(rel, rid, &mut self.image).await? {
                Newest::Gone => return Ok(None),
                Newest::Live => return self.excludes(tx).await,
                Newest::Busy(w) => {
                    let latest = tx.latest_snapshot();
                    let mut excludes = self.excludes(tx).await?.is_some();
                    if !excludes && tx.txn.fetch(&latest, rel, rid, &mut self.image).await? {
                        excludes = self.excludes(tx).await?.is_some();
                    }
                    if !excludes {
                        return Ok(None);
                    }
                    if !self.wait {
                        return Ok(Some(Vec::new()));
                    }
                    tx.txn.outlast(w).await?;
                }
            }
        }
    }

    async fn excludes(&mut self, tx: &mut Transaction) -> Result<Option<Vec<Datum>>> {
        let row = decode_columns(&mut tx.txn, self.rt, &self.image, self.i.needs()).await?;
        let e = Env { ctx: &self.env.eval, params: &[] };
        let Some(old) = self.i.values(e, &row)?.filter(|v| !v.iter().any(Datum::is_null)) else { return Ok(None) };
        Ok(self.x.holds(&self.env.eval, self.new, &old)?.then_some(old))
    }
}

/// The key columns and two rows' values as messages show them.
fn shown(
    tx: &Transaction,
    rt: &TableRt,
    i: &IndexRt,
    eval: &EvalCtx,
    new: &[Datum],
    old: &[Datum],
) -> (String, String, String) {
    let path: Vec<u32> = tx.catalog.namespaces.keys().copied().collect();
    let show = Show { catalog: Some(&tx.catalog), search_path: &path, pretty: true, formats: None };
    let names: Vec<String> = (1..=i.def.keys.len()).map(|n| index_column_def(show, &rt.rel, &i.def, n)).collect();
    let out = io::OutCtx { fmt: &eval.fmt, session: Some(&*eval.session) };
    let text = |row: &[Datum]| {
        let values = row.iter().enumerate().map(|(n, d)| show_value_in(out, i.key_type(n, rt), d, usize::MAX));
        values.collect::<Vec<_>>().join(", ")
    };
    (names.join(", "), text(new), text(old))
}

/// 23505 for a conflict in an index, with the session's names of types and with keys that are expressions.
pub(super) fn duplicate(tx: &Transaction, rt: &TableRt, at: usize, eval: &EvalCtx, row: &[Datum]) -> DbError {
    let e = rt.duplicate(at, row);
    let Some(i) = rt.indexes.get(at) else { return e };
    match i.values(Env { ctx: eval, params: &[] }, row) {
        Ok(Some(values)) => {
            let (names, shown, _) = shown(tx, rt, i, eval, &values, &[]);
            e.detail(format!("Key ({names})=({shown}) already exists."))
        }
        // A key that cannot be computed again is not shown.
        _ => e,
    }
}

/// 23P01.
fn conflict(tx: &Transaction, rt: &TableRt, i: &IndexRt, eval: &EvalCtx, new: &[Datum], old: &[Datum]) -> DbError {
    let (names, new, old) = shown(tx, rt, i, eval, new, old);
    DbError::new(
        SqlState::EXCLUSION_VIOLATION,
        format!("conflicting key value violates exclusion constraint \"{}\"", i.def.name),
    )
    .detail(format!("Key ({names})=({new}) conflicts with existing key ({names})=({old})."))
    .table(rt.rel.schema.clone(), rt.rel.name.clone())
    .constraint(i.def.name.clone())
}
