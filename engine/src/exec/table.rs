//! A stored table ready for row operations: how its rows and index keys are encoded.
//!
//! Made once per version of a relation's definition and shared. A row here is one [`Datum`] per attribute number, dropped
//! columns included (they are NULL), in `attnum` order.

use super::dml::Checks;
use super::eval::{Compiled, Env, compile};
use super::exclude::Exclusion;
use crate::bind::{BindCx, Binder};
use crate::catalog::{Column, Constraint, ConstraintKind, FkAction, Index, IndexKey, Relation};
use crate::plan::ir::{Col, Expr};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_storage::am::{Entries, IndexDesc, entries, push_entry};
use rustydb_storage::btree::MAX_KEY;
use rustydb_storage::heap::{self, ColKind, Decode, RowLayout, TableLayout};
use rustydb_storage::table::{Key, KeyChange, TableDesc};
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::rowcodec::{self, PhysKind};
use rustydb_types::{brin, gin, gist};
use rustydb_types::{io, keyenc, oid, pgdata};
use smallvec::SmallVec;
use std::sync::Arc;

/// See the module.
pub struct TableRt {
    /// The definition it was made from.
    pub rel: Arc<Relation>,
    /// For the store.
    pub desc: TableDesc,
    /// Physical kind per attribute.
    pub kinds: Vec<PhysKind>,
    /// Indexes, parallel to `desc.indexes`.
    pub indexes: Vec<IndexRt>,
    /// Attributes (0-based) that a foreign key elsewhere can refer to: columns of unique indexes.
    key_columns: Vec<usize>,
    /// Generated columns and checks of a table with parents or children, or whose foreign keys follow what they refer to:
    /// for rows that come by way of another table.
    pub(super) own: Option<Checks>,
}

/// An index ready for use.
pub struct IndexRt {
    /// Definition.
    pub def: Arc<Index>,
    /// For the store.
    pub desc: IndexDesc,
    /// Its constraint, if that is deferrable.
    pub deferrable: Option<Arc<Constraint>>,
    /// Per key column: attribute (0-based) or compiled expression over the row.
    keys: Vec<KeySource>,
    /// Per key column: the collation under which it is kept.
    collations: Vec<u32>,
    /// Predicate of a partial index over the row.
    predicate: Option<Compiled>,
    /// The bound form of key expressions and predicate, for the choice of indexes; `None` for an index of plain columns.
    pub bound: Option<BoundIndex>,
    /// Attributes (0-based) that the key and the predicate read.
    needs: Vec<usize>,
    /// How values of the key columns become entries, where not by their order.
    classes: Option<Classes>,
    /// What an exclusion constraint demands.
    pub(super) exclusion: Option<Exclusion>,
}

/// Key expressions and predicate of an index, bound.
pub struct BoundIndex {
    /// Columns they read the row by: column and attnum.
    pub cols: Vec<(Col, i16)>,
    /// One per key column that is an expression, in key order.
    pub exprs: Vec<Expr>,
    /// Predicate of a partial index.
    pub predicate: Option<Expr>,
}

/// Operator classes of an index's key columns.
pub enum Classes {
    /// Of an inverted index: values are taken apart.
    Inverted(Vec<gin::Class>),
    /// Of a search tree: values are bounded.
    Tree(Vec<gist::Class>),
    /// Of a block range index: the values of many rows are bounded together.
    Ranges(Vec<brin::Class>),
}

enum KeySource {
    Attribute(usize),
    Expr(Compiled),
}

/// An index key of a row: bytes, and whether uniqueness must be checked for it. In an inverted index the bytes are the list of
/// the row's entries ([`IndexRt::entries`]).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RowKey {
    /// Normalised bytes.
    pub bytes: Vec<u8>,
    /// No two rows may have it.
    pub unique: bool,
    /// The index's constraint is deferrable: the store lets a second row in, and the check comes later.
    pub later: bool,
}

impl RowKey {
    fn borrow(&self) -> Key<'_> {
        Key { bytes: &self.bytes, unique: self.unique && !self.later }
    }
}

/// Keys in the form the store takes.
pub fn borrow_keys(keys: &[Option<RowKey>]) -> Vec<Option<Key<'_>>> {
    keys.iter().map(|k| k.as_ref().map(RowKey::borrow)).collect()
}

/// How a column's stored bytes become an Arrow array.
pub fn decode_of(ty: TypeRef, kind: PhysKind) -> Decode {
    match kind {
        PhysKind::Bool => Decode::Bool,
        PhysKind::I16 => Decode::I16,
        PhysKind::I32 => match ty.oid {
            oid::DATE => Decode::Date32,
            oid::INT4 => Decode::I32,
            _ => Decode::U32,
        },
        PhysKind::I64 => match ty.oid {
            oid::TIME => Decode::Time64,
            oid::TIMESTAMP | oid::TIMESTAMPTZ => Decode::TimestampMicros,
            _ => Decode::I64,
        },
        PhysKind::F32 => Decode::F32,
        PhysKind::F64 => Decode::F64,
        PhysKind::Dec64 { scale } => Decode::Dec64 { scale: scale as i8 },
        PhysKind::Dec128 { scale } => Decode::Dec128 { scale: scale as i8 },
        PhysKind::Fixed16 => Decode::Fixed16,
        PhysKind::Interval => Decode::Interval16,
        PhysKind::Utf8 => Decode::Utf8,
        PhysKind::Bin => Decode::Bin,
    }
}

fn layout(rel: &Relation, kinds: &[PhysKind], current: u16) -> Result<TableLayout> {
    let columns = rel
        .columns
        .iter()
        .zip(kinds)
        .map(|(c, k)| {
            let missing = if c.missing.is_null() {
                None
            } else {
                let mut b = Vec::new();
                rowcodec::encode_value(*k, c.ty, &c.missing, &mut b)?;
                Some(b.into_boxed_slice())
            };
            Ok(heap::Column { decode: decode_of(c.ty, *k), missing })
        })
        .collect::<Result<Vec<_>>>()?;
    let mut versions = Vec::new();
    for v in 0..=current {
        // Columns are only ever added at the end, so a version's columns are a beginning of the list.
        let n = rel.columns.iter().take_while(|c| c.since <= v).count();
        let cols: Vec<ColKind> = rel.columns[..n].iter().zip(kinds).map(|(c, k)| decode_of(c.ty, *k).kind()).collect();
        versions.push(Arc::new(RowLayout::new(v, &cols)?));
    }
    TableLayout::new(columns, versions)
}

impl TableRt {
    /// Prepares a table; index expressions are bound in `cx`.
    pub fn new(cx: &BindCx<'_>, rel: &Arc<Relation>) -> Result<TableRt> {
        let storage =
            rel.storage.as_ref().ok_or_else(|| DbError::internal(format!("relation \"{}\" has no rows", rel.name)))?;
        let kinds: Vec<PhysKind> = rel.columns.iter().map(|c| rowcodec::phys_kind(c.ty)).collect();
        let layout = Arc::new(layout(rel, &kinds, storage.schema_ver)?);
        let mut indexes = Vec::with_capacity(rel.indexes.len());
        for i in &rel.indexes {
            indexes.push(index_rt(cx, rel, i, storage.heap)?);
        }
        let mut key_columns: Vec<usize> = rel
            .indexes
            .iter()
            .filter(|i| i.unique && i.predicate.is_none())
            .flat_map(|i| i.keys.iter())
            .filter(|k| k.attnum > 0)
            .map(|k| k.attnum as usize - 1)
            .collect();
        key_columns.sort_unstable();
        key_columns.dedup();
        let desc = TableDesc {
            rel: heap::Rel::new(storage.heap, storage.overflow),
            layout,
            indexes: indexes.iter().map(|i| i.desc).collect(),
        };
        let own = if rel.parents.is_empty() && rel.children.is_empty() && !follows_keys(rel) {
            None
        } else {
            let mut b = Binder::new(cx, &[]);
            let row = b.row_cols(rel);
            Some(Checks::new(&b.row_checks(rel, &row)?, &b.generated(rel, &row)?, &row)?)
        };
        Ok(TableRt { rel: Arc::clone(rel), desc, kinds, indexes, key_columns, own })
    }

    /// Encodes a row's values: one buffer, and where each value lies in it.
    pub fn encode(&self, row: &[Datum]) -> Result<EncodedRow> {
        let mut out = EncodedRow { bytes: Vec::with_capacity(row.len() * 12), spans: Vec::with_capacity(row.len()) };
        self.encode_into(row, &mut out)?;
        Ok(out)
    }

    /// As [`TableRt::encode`], in place of what `out` holds.
    pub fn encode_into(&self, row: &[Datum], out: &mut EncodedRow) -> Result<()> {
        out.bytes.clear();
        out.spans.clear();
        for ((d, k), c) in row.iter().zip(&self.kinds).zip(&self.rel.columns) {
            if d.is_null() || c.dropped {
                out.spans.push(None);
                continue;
            }
            let from = out.bytes.len();
            rowcodec::encode_value(*k, c.ty, d, &mut out.bytes)?;
            out.spans.push(Some((from, out.bytes.len())));
        }
        Ok(())
    }

    /// Index keys of a row; `None` where a partial index leaves it out.
    pub fn keys(&self, env: Env<'_>, row: &[Datum]) -> Result<Vec<Option<RowKey>>> {
        self.indexes.iter().map(|i| i.key(env, row, self)).collect()
    }

    /// What changes in the indexes between two versions of a row.
    pub fn key_changes(
        &self,
        env: Env<'_>,
        old: &[Datum],
        new: &[Datum],
        changed: &[usize],
    ) -> Result<Vec<(usize, Option<RowKey>, Option<RowKey>)>> {
        let mut out = Vec::new();
        for (n, i) in self.indexes.iter().enumerate() {
            let touched = i.predicate.is_some()
                || i.keys.iter().any(|k| match k {
                    KeySource::Attribute(a) => changed.contains(a),
                    KeySource::Expr(_) => true,
                });
            if !touched {
                continue;
            }
            let (a, b) = (i.key(env, old, self)?, i.key(env, new, self)?);
            if a.as_ref().map(|k| &k.bytes) != b.as_ref().map(|k| &k.bytes) {
                out.push((n, a, b));
            }
        }
        Ok(out)
    }

    /// Whether one of the changed attributes belongs to a key that foreign keys can refer to.
    pub fn changes_key(&self, changed: &[usize]) -> bool {
        changed.iter().any(|c| self.key_columns.binary_search(c).is_ok())
    }

    /// Decodes one attribute (0-based) of a stored row; values kept in the overflow file are answered as their pointer.
    pub fn attribute(&self, row: &[u8], att: usize) -> Result<Stored> {
        Ok(match self.desc.layout.value(row, att)? {
            heap::Datum::Null => Stored::Value(Datum::Null),
            heap::Datum::Bytes(b) => {
                Stored::Value(rowcodec::decode_value(self.kinds[att], self.rel.columns[att].ty, b)?)
            }
            heap::Datum::Overflow(p) => Stored::Overflow(p),
        })
    }

    /// 23502 unless every stored NOT NULL column has a value.
    pub fn check_not_null(&self, eval: &EvalCtx, row: &[Datum]) -> Result<()> {
        for (c, d) in self.rel.columns.iter().zip(row) {
            if c.not_null && !c.dropped && d.is_null() && !c.is_virtual() {
                return Err(self.null_value(c, eval, row));
            }
        }
        Ok(())
    }

    /// 23502 for a column of a row.
    pub fn null_value(&self, c: &Column, eval: &EvalCtx, row: &[Datum]) -> DbError {
        DbError::new(
            SqlState::NOT_NULL_VIOLATION,
            format!(
                "null value in column \"{}\" of relation \"{}\" violates not-null constraint",
                c.name, self.rel.name
            ),
        )
        .detail(format!("Failing row contains ({}).", self.show_row(eval, row)))
        .table(self.rel.schema.clone(), self.rel.name.clone())
        .column(c.name.clone())
    }

    /// A row as error details show it.
    pub fn show_row(&self, eval: &EvalCtx, row: &[Datum]) -> String {
        let out = io::OutCtx { fmt: &eval.fmt, session: Some(&*eval.session) };
        let mut parts = Vec::new();
        for (c, d) in self.rel.columns.iter().zip(row).filter(|(c, _)| !c.dropped) {
            parts.push(if c.is_virtual() { "virtual".to_owned() } else { show_value_in(out, c.ty, d, 64) });
        }
        parts.join(", ")
    }

    /// 23505 for a conflict in an index.
    pub fn duplicate(&self, index: usize, row: &[Datum]) -> DbError {
        let i = &self.indexes[index].def;
        let fmt = rustydb_types::ctx::FormatSettings::default();
        let mut names = Vec::new();
        let mut values = Vec::new();
        for k in &i.keys {
            match self.rel.attribute(k.attnum).filter(|_| k.attnum > 0) {
                Some(c) => {
                    names.push(rustydb_parser::ast::quote_ident(&c.name).to_string());
                    values.push(show_value(&fmt, c.ty, &row[k.attnum as usize - 1], usize::MAX));
                }
                None => names.push(k.expr.clone().unwrap_or_default()),
            }
        }
        let mut e = DbError::new(
            SqlState::UNIQUE_VIOLATION,
            format!("duplicate key value violates unique constraint \"{}\"", i.name),
        )
        .table(self.rel.schema.clone(), self.rel.name.clone())
        .constraint(i.name.clone());
        if values.len() == names.len() {
            e = e.detail(format!("Key ({})=({}) already exists.", names.join(", "), values.join(", ")));
        }
        e
    }

    /// The index with an OID and its position.
    pub fn index(&self, oid: u32) -> Option<(usize, &IndexRt)> {
        self.indexes.iter().enumerate().find(|(_, i)| i.def.oid == oid)
    }
}

/// Whether rows of a table change with those they refer to.
fn follows_keys(rel: &Relation) -> bool {
    rel.constraints.iter().any(|c| match &c.kind {
        ConstraintKind::Foreign { on_update, on_delete, .. } => {
            *on_update != FkAction::NoAction && *on_update != FkAction::Restrict
                || matches!(on_delete, FkAction::SetNull(_) | FkAction::SetDefault(_))
        }
        _ => false,
    })
}

/// A value's text, cut to `max` bytes as PostgreSQL cuts it in row details.
pub fn show_value(fmt: &rustydb_types::ctx::FormatSettings, ty: TypeRef, d: &Datum, max: usize) -> String {
    show_value_in(io::OutCtx { fmt, session: None }, ty, d, max)
}

/// As [`show_value`], with the session's types.
pub fn show_value_in(cx: io::OutCtx<'_>, ty: TypeRef, d: &Datum, max: usize) -> String {
    if d.is_null() {
        return "null".to_owned();
    }
    let mut b = Vec::new();
    if io::text_out(cx, ty, d, &mut b).is_err() {
        return "?".to_owned();
    }
    let mut s = String::from_utf8(b).unwrap_or_default();
    if s.len() > max {
        let mut end = max;
        while !s.is_char_boundary(end) {
            end -= 1;
        }
        s.truncate(end);
        s.push_str("...");
    }
    s
}

fn index_rt(cx: &BindCx<'_>, rel: &Arc<Relation>, i: &Arc<Index>, heap: rustydb_base::RelId) -> Result<IndexRt> {
    let mut keys = Vec::with_capacity(i.keys.len());
    let (mut predicate, mut kept) = (None, None);
    let mut needs: Vec<usize> = i.keys.iter().filter(|k| k.attnum > 0).map(|k| k.attnum as usize - 1).collect();
    if i.predicate.is_some() || i.keys.iter().any(|k| k.expr.is_some()) {
        let mut b = Binder::new(cx, &[]);
        let cols: Vec<(Col, i16)> = b.row_cols(rel);
        let bound = b.index_exprs(rel, i, &cols)?;
        let slot = |id: u32| cols.iter().find(|c| c.0.id == id).map(|c| c.1 as usize - 1);
        for e in bound.exprs.iter().chain(bound.predicate.iter()) {
            crate::plan::walk::visit(e, &mut |x| {
                if let crate::plan::ir::ExprKind::Column(id) = x.kind {
                    needs.extend(slot(id));
                }
            });
        }
        let mut exprs = bound.exprs.iter();
        for k in &i.keys {
            keys.push(if k.attnum > 0 {
                KeySource::Attribute(k.attnum as usize - 1)
            } else {
                let e = exprs.next().ok_or_else(|| DbError::internal("index expression is missing"))?;
                KeySource::Expr(compile(e, &slot)?)
            });
        }
        predicate = bound.predicate.as_ref().map(|p| compile(p, &slot)).transpose()?;
        kept = Some(BoundIndex { exprs: bound.exprs, predicate: bound.predicate, cols });
    } else {
        keys.extend(i.keys.iter().map(|k| KeySource::Attribute(k.attnum as usize - 1)));
    }
    needs.sort_unstable();
    needs.dedup();
    let exclusion = if i.exclude.is_empty() { None } else { Some(Exclusion::new(cx, rel, i)?) };
    let method = crate::catalog::storage_method(i.method);
    let desc = IndexDesc { rel: i.storage, heap, complete: i.valid, method };
    let deferrable = rel.deferrable_key(i.oid).cloned();
    let classes = if i.is_gin() {
        Some(Classes::Inverted(classes_of(i, gin::Class::named)?))
    } else if i.is_tree() {
        Some(Classes::Tree(classes_of(i, gist::Class::named)?))
    } else if i.is_brin() {
        let plain = classes_of(i, brin::Class::named)?;
        Some(Classes::Ranges(plain.into_iter().enumerate().map(|(n, c)| super::brin::configured(i, n, c)).collect()))
    } else {
        None
    };
    let collations = i.keys.iter().map(key_collation).collect();
    Ok(IndexRt {
        def: Arc::clone(i),
        desc,
        deferrable,
        keys,
        collations,
        predicate,
        bound: kept,
        needs,
        classes,
        exclusion,
    })
}

/// Families of B-trees and hashes whose order is that of bytes whatever the collation is: `text_pattern_ops` and
/// `bpchar_pattern_ops`.
pub const PATTERN_FAMILIES: [u32; 4] = [2095, 2097, 2229, 2231];

/// The collation under which a key column is kept.
pub fn key_collation(k: &IndexKey) -> u32 {
    if pgdata::opclass(k.opclass).is_some_and(|c| PATTERN_FAMILIES.contains(&c.opcfamily)) {
        return rustydb_types::collation::C;
    }
    k.ty.collation
}

/// The classes of an index's key columns, found by their names.
fn classes_of<T>(i: &Index, named: impl Fn(&str) -> Option<T>) -> Result<Vec<T>> {
    i.keys
        .iter()
        .map(|k| {
            let name = pgdata::opclass(k.opclass).map_or("", |c| c.opcname);
            named(name).ok_or_else(|| DbError::internal(format!("operator class \"{name}\" is not known")))
        })
        .collect()
}

impl IndexRt {
    /// Type of a key column as it is encoded.
    pub fn key_type(&self, n: usize, table: &TableRt) -> TypeRef {
        match &self.keys[n] {
            KeySource::Attribute(a) => TypeRef { collation: self.collations[n], ..table.rel.columns[*a].ty },
            KeySource::Expr(e) => TypeRef { collation: self.collations[n], ..e.ty },
        }
    }

    /// Attributes (0-based) that the key and the predicate read.
    pub fn needs(&self) -> &[usize] {
        &self.needs
    }

    /// Whether a key column or the predicate is an expression.
    pub fn has_expressions(&self) -> bool {
        self.predicate.is_some() || self.keys.iter().any(|k| matches!(k, KeySource::Expr(_)))
    }

    /// Operator classes of the key columns, of an inverted index or a search tree.
    pub fn classes(&self) -> Option<&Classes> {
        self.classes.as_ref()
    }

    /// The keys of the entries that a row's key stands for: itself, but in an inverted index.
    pub fn entries<'k>(&self, key: &'k RowKey) -> Result<Entries<'k>> {
        entries(&self.desc, &key.bytes)
    }

    /// The row's entries in an inverted index, column by column; `None` if it has none.
    fn entry_list(
        &self,
        classes: &[gin::Class],
        env: Env<'_>,
        row: &[Datum],
        table: &TableRt,
    ) -> Result<Option<RowKey>> {
        let mut bytes = Vec::new();
        for (n, (k, class)) in self.keys.iter().zip(classes).enumerate() {
            let column = u8::try_from(n).map_err(|_| DbError::internal("index of more than 256 columns"))?;
            let keys = match k {
                KeySource::Attribute(a) => class.keys(table.rel.columns[*a].ty, &row[*a])?,
                KeySource::Expr(e) => class.keys(e.ty, &e.eval(env, row)?)?,
            };
            for key in keys {
                push_entry(&mut bytes, &super::index_terms::entry(column, &key))?;
            }
        }
        Ok((!bytes.is_empty()).then_some(RowKey { bytes, unique: false, later: false }))
    }

    /// The row's key in a search tree.
    fn tree_key(&self, classes: &[gist::Class], env: Env<'_>, row: &[Datum], table: &TableRt) -> Result<RowKey> {
        let mut bytes = Vec::with_capacity(64);
        for (k, class) in self.keys.iter().zip(classes) {
            match k {
                KeySource::Attribute(a) => {
                    class.put(table.rel.columns[*a].ty, &row[*a], classes.len(), &mut bytes)?;
                }
                KeySource::Expr(e) => class.put(e.ty, &e.eval(env, row)?, classes.len(), &mut bytes)?,
            }
        }
        Ok(RowKey { bytes, unique: false, later: false })
    }

    /// The row's key in a block range index.
    fn range_key(&self, classes: &[brin::Class], env: Env<'_>, row: &[Datum], table: &TableRt) -> Result<RowKey> {
        let (mut bytes, pages) = (Vec::with_capacity(64), self.def.pages_per_range());
        for (k, class) in self.keys.iter().zip(classes) {
            match k {
                KeySource::Attribute(a) => {
                    class.put(table.rel.columns[*a].ty, &row[*a], classes.len(), pages, &mut bytes)?;
                }
                KeySource::Expr(e) => class.put(e.ty, &e.eval(env, row)?, classes.len(), pages, &mut bytes)?,
            }
        }
        Ok(RowKey { bytes, unique: false, later: false })
    }

    /// The row's key; `None` where a partial index leaves it out, or a hash or inverted index the NULL.
    pub fn key(&self, env: Env<'_>, row: &[Datum], table: &TableRt) -> Result<Option<RowKey>> {
        if let Some(p) = &self.predicate
            && !p.test(env, row)?
        {
            return Ok(None);
        }
        match &self.classes {
            Some(Classes::Inverted(classes)) => return self.entry_list(classes, env, row, table),
            Some(Classes::Tree(classes)) => return self.tree_key(classes, env, row, table).map(Some),
            Some(Classes::Ranges(classes)) => return self.range_key(classes, env, row, table).map(Some),
            None => {}
        }
        let mut bytes = Vec::with_capacity(16);
        let mut has_null = false;
        if self.exclusion.as_ref().is_some_and(|x| x.equal.is_empty()) {
            // Nothing to look rows up by.
            return Ok(None);
        }
        for (n, k) in self.keys.iter().enumerate() {
            if self.exclusion.as_ref().is_some_and(|x| !x.equal.contains(&n)) {
                continue;
            }
            let def = &self.def.keys[n];
            let computed;
            let (ty, d) = match k {
                KeySource::Attribute(a) => (table.rel.columns[*a].ty, &row[*a]),
                KeySource::Expr(e) => {
                    computed = e.eval(env, row)?;
                    (e.ty, &computed)
                }
            };
            let ty = TypeRef { collation: self.collations[n], ..ty };
            has_null |= d.is_null();
            keyenc::encode_key(ty, d, def.desc, def.nulls_first, &mut bytes)?;
        }
        if self.def.is_hash() {
            return Ok((!has_null).then_some(RowKey { bytes, unique: false, later: false }));
        }
        if bytes.len() > MAX_KEY {
            return Err(DbError::new(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                format!(
                    "index row size {} exceeds btree version 4 maximum 2704 for index \"{}\"",
                    bytes.len() + 24,
                    self.def.name
                ),
            )
            .hint(
                "Values larger than 1/3 of a buffer page cannot be indexed.\nConsider a function index of an MD5 hash of \
                 the value, or use full text indexing.",
            )
            .table(table.rel.schema.clone(), table.rel.name.clone())
            .constraint(self.def.name.clone()));
        }
        let unique = self.def.unique && (!has_null || self.def.nulls_not_distinct);
        Ok(Some(RowKey { bytes, unique, later: self.deferrable.is_some() }))
    }

    /// Values of the key columns; `None` where a partial index leaves the row out.
    pub(super) fn values(&self, env: Env<'_>, row: &[Datum]) -> Result<Option<Vec<Datum>>> {
        if let Some(p) = &self.predicate
            && !p.test(env, row)?
        {
            return Ok(None);
        }
        let value = |k: &KeySource| match k {
            KeySource::Attribute(a) => Ok(row[*a].clone()),
            KeySource::Expr(e) => e.eval(env, row),
        };
        self.keys.iter().map(value).collect::<Result<Vec<_>>>().map(Some)
    }

    /// Key bytes of a prefix of the key columns (types already the columns').
    pub fn prefix(&self, table: &TableRt, values: &[Datum]) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(16);
        for (n, d) in values.iter().enumerate() {
            let def = &self.def.keys[n];
            keyenc::encode_key(self.key_type(n, table), d, def.desc, def.nulls_first, &mut bytes)?;
        }
        Ok(bytes)
    }
}

/// An attribute's value as found in a row.
pub enum Stored {
    /// The value.
    Value(Datum),
    /// It lies in the overflow file.
    Overflow(heap::OvfPtr),
}

/// A row's encoded values.
#[derive(Default)]
pub struct EncodedRow {
    bytes: Vec<u8>,
    spans: Vec<Option<(usize, usize)>>,
}

impl EncodedRow {
    /// In the form the store takes.
    pub fn values(&self) -> SmallVec<[heap::Datum<'_>; 16]> {
        self.spans.iter().map(|s| s.map_or(heap::Datum::Null, |(a, b)| heap::Datum::Bytes(&self.bytes[a..b]))).collect()
    }
}

/// Key changes in the form the store takes.
pub fn borrow_changes(changes: &[(usize, Option<RowKey>, Option<RowKey>)]) -> Vec<KeyChange<'_>> {
    changes
        .iter()
        .map(|(index, old, new)| KeyChange {
            index: *index,
            old: old.as_ref().map(|k| k.bytes.as_slice()),
            new: new.as_ref().map(RowKey::borrow),
        })
        .collect()
}
