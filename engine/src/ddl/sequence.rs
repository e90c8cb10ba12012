//! CREATE SEQUENCE, ALTER SEQUENCE, and the sequences behind serial and identity columns.

use super::{DdlCx, err};
use crate::catalog::{Column, Dependency, FIRST_USER_OID, Persistence, RelKind, RelStats, Relation, Sequence};
use rustydb_base::{DbError, RelId, Result, SqlState};
use rustydb_parser::ast::{self, SequenceOption, SequenceOptionKind, TableLockMode};
use rustydb_storage::sequence::SequenceState;
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::{oid, typename};
use std::collections::HashMap;
use std::sync::Arc;

/// Limits of a sequence's type.
fn limits(ty: u32) -> (i64, i64) {
    match ty {
        oid::INT2 => (i64::from(i16::MIN), i64::from(i16::MAX)),
        oid::INT4 => (i64::from(i32::MIN), i64::from(i32::MAX)),
        _ => (i64::MIN, i64::MAX),
    }
}

/// What the options of a statement make of a sequence.
pub struct Plan {
    /// The definition (its file is set by the caller).
    pub seq: Sequence,
    /// RESTART: the value to begin with.
    pub restart: Option<i64>,
    /// OWNED BY as written; `None` when not written.
    pub owned_by: Option<Option<(ast::Name, ast::Ident)>>,
}

fn duplicate(cx: &DdlCx<'_>, o: &SequenceOption) -> DbError {
    err(SqlState::SYNTAX_ERROR, "conflicting or redundant options").at(cx.pos(o.pos))
}

fn number(text: &str) -> Result<i64> {
    text.trim_start_matches('+').parse().map_err(|_| {
        err(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, format!("value \"{text}\" is out of range for type bigint"))
    })
}

/// Applies options to a sequence (`old`) or to the defaults of a new one, with PostgreSQL's checks.
pub fn plan(cx: &DdlCx<'_>, options: &[SequenceOption], old: Option<&Sequence>, identity: bool) -> Result<Plan> {
    let mut seen: Vec<std::mem::Discriminant<SequenceOptionKind>> = Vec::new();
    let (mut ty, mut start, mut inc, mut cache, mut cycle) = (None, None, None, None, None);
    let (mut max, mut min): (Option<Option<i64>>, Option<Option<i64>>) = (None, None);
    let (mut restart, mut owned_by) = (None, None);
    for o in options {
        let d = std::mem::discriminant(&o.kind);
        if seen.contains(&d) {
            return Err(duplicate(cx, o));
        }
        seen.push(d);
        match &o.kind {
            SequenceOptionKind::As(t) => {
                let t = cx.binder(|b| b.type_name(t))?;
                if !matches!(t.oid, oid::INT2 | oid::INT4 | oid::INT8) {
                    let what = if identity { "identity column type" } else { "sequence type" };
                    return Err(err(
                        SqlState::INVALID_PARAMETER_VALUE,
                        format!("{what} must be smallint, integer, or bigint"),
                    ));
                }
                ty = Some(t.oid);
            }
            SequenceOptionKind::Cache(n) => cache = Some(number(n)?),
            SequenceOptionKind::Cycle(c) => cycle = Some(*c),
            SequenceOptionKind::Increment(n) => inc = Some(number(n)?),
            SequenceOptionKind::MaxValue(n) => max = Some(n.as_deref().map(number).transpose()?),
            SequenceOptionKind::MinValue(n) => min = Some(n.as_deref().map(number).transpose()?),
            SequenceOptionKind::OwnedBy(o) => owned_by = Some(o.clone()),
            SequenceOptionKind::SequenceName(_) if identity => {}
            SequenceOptionKind::SequenceName(_) => {
                return Err(err(SqlState::SYNTAX_ERROR, "invalid sequence option SEQUENCE NAME").at(cx.pos(o.pos)));
            }
            SequenceOptionKind::Start(n) => start = Some(number(n)?),
            SequenceOptionKind::Restart(n) => restart = Some(n.as_deref().map(number).transpose()?),
        }
    }
    let bad = |m: String| err(SqlState::INVALID_PARAMETER_VALUE, m);
    let old_ty = old.map(|s| s.ty);
    let seq_ty = ty.or(old_ty).unwrap_or(oid::INT8);
    // A new type takes the bounds with it if they were the old type's.
    let (mut reset_max, mut reset_min) = (false, false);
    if let (Some(t), Some(s)) = (ty, old)
        && t != s.ty
    {
        let (lo, hi) = limits(s.ty);
        reset_max = s.max == hi;
        reset_min = s.min == lo;
    }
    let increment = inc.or(old.map(|s| s.increment)).unwrap_or(1);
    if increment == 0 {
        return Err(bad("INCREMENT must not be zero".into()));
    }
    let (lo, hi) = limits(seq_ty);
    let up = increment > 0;
    let max_value = match (max, old) {
        (Some(Some(v)), _) => v,
        (None, Some(s)) if !reset_max => s.max,
        _ => {
            if up || reset_max {
                hi
            } else {
                -1
            }
        }
    };
    let min_value = match (min, old) {
        (Some(Some(v)), _) => v,
        (None, Some(s)) if !reset_min => s.min,
        _ => {
            if up && !reset_min {
                1
            } else {
                lo
            }
        }
    };
    let type_name = typename::format_type(seq_ty, -1);
    if max_value < lo || max_value > hi {
        return Err(bad(format!("MAXVALUE ({max_value}) is out of range for sequence data type {type_name}")));
    }
    if min_value < lo || min_value > hi {
        return Err(bad(format!("MINVALUE ({min_value}) is out of range for sequence data type {type_name}")));
    }
    if min_value >= max_value {
        return Err(bad(format!("MINVALUE ({min_value}) must be less than MAXVALUE ({max_value})")));
    }
    let start_value = start.or(old.map(|s| s.start)).unwrap_or(if up { min_value } else { max_value });
    if start_value < min_value {
        return Err(bad(format!("START value ({start_value}) cannot be less than MINVALUE ({min_value})")));
    }
    if start_value > max_value {
        return Err(bad(format!("START value ({start_value}) cannot be greater than MAXVALUE ({max_value})")));
    }
    let restart = restart.map(|r| r.unwrap_or(start_value));
    if let Some(v) = restart {
        if v < min_value {
            return Err(bad(format!("RESTART value ({v}) cannot be less than MINVALUE ({min_value})")));
        }
        if v > max_value {
            return Err(bad(format!("RESTART value ({v}) cannot be greater than MAXVALUE ({max_value})")));
        }
    }
    let cache = cache.or(old.map(|s| s.cache)).unwrap_or(1);
    if cache <= 0 {
        return Err(bad(format!("CACHE ({cache}) must be greater than zero")));
    }
    Ok(Plan {
        seq: Sequence {
            storage: old.map_or(RelId(0), |s| s.storage),
            ty: seq_ty,
            start: start_value,
            increment,
            min: min_value,
            max: max_value,
            cache,
            cycle: cycle.or(old.map(|s| s.cycle)).unwrap_or(false),
            owned_by: old.and_then(|s| s.owned_by),
        },
        restart,
        owned_by,
    })
}

/// A sequence as a relation.
pub fn relation(cx: &DdlCx<'_>, oid: u32, ns: u32, name: &str, seq: Sequence, depends: Vec<Dependency>) -> Relation {
    let columns = [("last_value", oid::INT8), ("log_cnt", oid::INT8), ("is_called", oid::BOOL)]
        .into_iter()
        .zip(1i16..)
        .map(|((n, t), attnum)| Column {
            attnum,
            name: n.to_owned(),
            ty: TypeRef::new(t),
            not_null: true,
            default: None,
            default_oid: 0,
            identity: '\0',
            generated: '\0',
            dropped: false,
            missing: Datum::Null,
            since: 0,
            lineage: Default::default(),
            tuning: Default::default(),
        })
        .collect();
    Relation {
        oid,
        name: name.to_owned(),
        namespace: ns,
        schema: cx.namespace_name(ns),
        kind: RelKind::Sequence,
        owner: cx.role,
        persistence: Persistence::Permanent,
        row_type: 0,
        row_array_type: 0,
        row_array_name: String::new(),
        rule_oid: 0,
        depends,
        columns,
        storage: None,
        indexes: Vec::new(),
        constraints: Vec::new(),
        referenced_by: Vec::new(),
        populated: true,
        view: None,
        sequence: Some(seq),
        stats: Arc::new(RelStats { tuples: 1.0, pages: 1, columns: HashMap::new() }),
        options: Vec::new(),
        version: 0,
        parents: Vec::new(),
        children: Vec::new(),
        partition_key: None,
        bound: None,
        extended: Vec::new(),
        acl: super::grant::initial_relation(cx, RelKind::Sequence, cx.role, ns),
        replica_identity: None,
        of_type: 0,
        detaching: None,
    }
}

/// The column that OWNED BY names, with its checks.
async fn owner_column(cx: &mut DdlCx<'_>, target: &(ast::Name, ast::Ident), ns: u32, owner: u32) -> Result<(u32, i16)> {
    let (table, column) = target;
    let Some(rel) = cx.open(table, TableLockMode::AccessShare).await? else {
        return Err(cx.missing("relation", table));
    };
    if !matches!(rel.kind, RelKind::Table | RelKind::View) {
        return Err(err(SqlState::WRONG_OBJECT_TYPE, format!("sequence cannot be owned by relation \"{}\"", rel.name))
            .detail(format!("This operation is not supported for {}.", plural(rel.kind))));
    }
    if rel.owner != owner {
        return Err(err(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            "sequence must have same owner as table it is linked to",
        ));
    }
    if rel.namespace != ns {
        return Err(err(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            "sequence must be in same schema as table it is linked to",
        ));
    }
    let c = rel.column(&column.value).ok_or_else(|| {
        err(
            SqlState::UNDEFINED_COLUMN,
            format!("column \"{}\" of relation \"{}\" does not exist", column.value, rel.name),
        )
    })?;
    Ok((rel.oid, c.attnum))
}

/// What relations of a kind are called together.
pub fn plural(k: RelKind) -> &'static str {
    match k {
        RelKind::Table => "tables",
        RelKind::Index => "indexes",
        RelKind::Sequence => "sequences",
        RelKind::View => "views",
        RelKind::MaterializedView => "materialized views",
        RelKind::Composite => "composite types",
    }
}

/// The dependency by which a sequence belongs to a column.
pub fn ownership(owned_by: Option<(u32, i16)>, internal: bool) -> Vec<Dependency> {
    owned_by
        .map(|(t, a)| Dependency {
            sub: 0,
            ref_relation: t,
            ref_sub: i32::from(a),
            kind: if internal { 'i' } else { 'a' },
        })
        .into_iter()
        .collect()
}

/// CREATE SEQUENCE.
pub async fn create(cx: &mut DdlCx<'_>, s: &ast::CreateSequence) -> Result<()> {
    let (ns, persistence) = super::temp::place(cx, &s.name, s.persistence).await?;
    if cx.taken(ns, &s.name.name.value, s.if_not_exists)? {
        return Ok(());
    }
    let mut p = plan(cx, &s.options, None, false)?;
    if let Some(Some(target)) = &p.owned_by {
        p.seq.owned_by = Some(owner_column(cx, target, ns, cx.role).await?);
    }
    let first = p.restart.unwrap_or(p.seq.start);
    p.seq.storage = cx.tx.create_sequence_file(first, false, persistence).await?;
    let oid = cx.tx.new_oid().await?;
    let depends = ownership(p.seq.owned_by, false);
    let rel = Relation { persistence, ..relation(cx, oid, ns, &s.name.name.value, p.seq, depends) };
    cx.put(rel).await
}

/// What a sequence takes from the table whose column it belongs to.
pub struct OwnerTable {
    /// OID.
    pub oid: u32,
    /// Owner.
    pub owner: u32,
    /// Persistence.
    pub persistence: Persistence,
}

/// The sequence of a new serial or identity column of a table that is being made.
pub async fn create_owned(
    cx: &mut DdlCx<'_>,
    oid: u32,
    (ns, name): (u32, &str),
    table: &OwnerTable,
    mut seq: Sequence,
    attnum: i16,
    internal: bool,
) -> Result<()> {
    let column = (table.oid, attnum);
    seq.storage = cx.tx.create_sequence_file(seq.start, false, table.persistence).await?;
    seq.owned_by = Some(column);
    let OwnerTable { owner, persistence, .. } = *table;
    let rel = Relation { owner, persistence, ..relation(cx, oid, ns, name, seq, ownership(Some(column), internal)) };
    cx.put(rel).await
}

/// Whether a sequence is that of an identity column.
pub fn is_identity(rel: &Relation) -> bool {
    rel.kind == RelKind::Sequence && rel.depends.iter().any(|d| d.kind == 'i' && d.ref_sub > 0)
}

/// Changes a sequence's definition; where its values are is replaced, so that a rollback brings the old ones back.
pub async fn redefine(cx: &mut DdlCx<'_>, rel: &Arc<Relation>, p: Plan) -> Result<()> {
    let old = rel.sequence.as_ref().ok_or_else(|| DbError::internal("sequence without a definition"))?;
    let mut r = (**rel).clone();
    let state = cx.tx.db.engine().store().sequence_get(old.storage).await?;
    let state = match p.restart {
        Some(v) => SequenceState { last: v, is_called: false },
        None => state,
    };
    let bad = |m: String| err(SqlState::INVALID_PARAMETER_VALUE, m);
    if state.last < p.seq.min {
        return Err(bad(format!("RESTART value ({}) cannot be less than MINVALUE ({})", state.last, p.seq.min)));
    }
    if state.last > p.seq.max {
        return Err(bad(format!("RESTART value ({}) cannot be greater than MAXVALUE ({})", state.last, p.seq.max)));
    }
    let file = cx.tx.create_sequence_file(state.last, state.is_called, rel.persistence).await?;
    cx.tx.drop_files(old.storage).await?;
    let mut seq = p.seq;
    seq.storage = file;
    r.depends = match seq.owned_by {
        Some(o) => ownership(Some(o), is_identity(rel)),
        None => Vec::new(),
    };
    r.sequence = Some(seq);
    cx.put(r).await
}

/// ALTER SEQUENCE.
pub async fn alter(cx: &mut DdlCx<'_>, s: &ast::AlterSequence) -> Result<()> {
    let found = cx.open(&s.name, TableLockMode::AccessExclusive).await?;
    let Some(rel) = found else {
        if s.if_exists {
            cx.notice(err(
                SqlState::UNDEFINED_TABLE,
                format!("relation \"{}\" does not exist, skipping", s.name.plain()),
            ));
            return Ok(());
        }
        return Err(cx.missing("relation", &s.name));
    };
    if rel.kind != RelKind::Sequence {
        return Err(err(SqlState::WRONG_OBJECT_TYPE, format!("\"{}\" is not a sequence", rel.name)));
    }
    debug_assert!(rel.oid >= FIRST_USER_OID);
    cx.check_relation_owner(&rel)?;
    let mut p = plan(cx, &s.options, rel.sequence.as_ref(), false)?;
    match &p.owned_by {
        None => {}
        Some(_) if is_identity(&rel) => {
            return Err(DbError::unsupported("cannot change ownership of identity sequence").detail(format!(
                "Sequence \"{}\" is linked to table \"{}\".",
                rel.name,
                rel.sequence
                    .as_ref()
                    .and_then(|s| s.owned_by)
                    .and_then(|o| cx.tx.catalog.relation(o.0).map(|r| r.name.clone()))
                    .unwrap_or_default()
            )));
        }
        Some(None) => p.seq.owned_by = None,
        Some(Some(target)) => {
            let target = target.clone();
            p.seq.owned_by = Some(owner_column(cx, &target, rel.namespace, rel.owner).await?);
        }
    }
    redefine(cx, &rel, p).await
}
