//! ADD COLUMN, ALTER COLUMN … TYPE, SET and DROP DEFAULT.

use super::column::{self, Built, bind_row, keep};
use super::{DdlCx, check_rows, err, identity, index};
use crate::bind::define::Defining;
use crate::bind::resolve::Coercion;
use crate::catalog::{Column, Constraint, ConstraintKind, Index, Relation};
use crate::exec::eval::Env;
use crate::plan::ir::{Col, Expr, ExprKind};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, AlterCommand};
use rustydb_storage::sequence::{SequenceRule, SequenceState};
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::{oid, pgdata, typename};
use std::sync::Arc;

/// The value of a column for rows that are there already, from its kept default.
fn default_value(cx: &DdlCx<'_>, c: &Column) -> Result<crate::exec::eval::Compiled> {
    let own = domain_default(cx, c.ty);
    let text = c.default.as_deref().or(own.as_deref()).unwrap_or("NULL");
    let e = crate::bind::parse_expr(text)?;
    let bound = cx.binder(|b| {
        let x = b.defining(&e, None, Defining::Default)?;
        b.assign(x, c.ty, &c.name)
    })?;
    check_rows::compiled(&bound)
}

/// The default that a domain brings.
fn domain_default(cx: &DdlCx<'_>, ty: TypeRef) -> Option<String> {
    cx.tx.catalog.types.get(&ty.oid)?.domain()?.default.clone()
}

/// Whether a kept expression gives another value each time.
fn is_volatile(cx: &DdlCx<'_>, text: &str) -> Result<bool> {
    let e = crate::bind::parse_expr(text)?;
    let bound = cx.binder(|b| b.defining(&e, None, Defining::Default))?;
    Ok(crate::bind::define::volatility(&bound) == 'v')
}

/// 42P16 for a column that would have the table's own rows in it.
fn refuse_itself(cx: &DdlCx<'_>, rel: &Relation, ty: TypeRef) -> Result<()> {
    if rel.row_type == 0 || !super::types::contains(cx, ty.oid, rel.row_type, 0) {
        return Ok(());
    }
    let shown = typename::format_type(rel.row_type, -1);
    Err(err(SqlState::INVALID_TABLE_DEFINITION, format!("composite type {shown} cannot be made a member of itself")))
}

/// 0A000 if values of the table's row type are stored in other tables: they are not rewritten.
fn refuse_stored_rows(cx: &DdlCx<'_>, rel: &Relation) -> Result<()> {
    let Some((table, column)) = super::attribute::user_column(cx, rel.row_type).filter(|_| rel.row_type != 0) else {
        return Ok(());
    };
    Err(DbError::unsupported(format!(
        "cannot alter table \"{}\" because column \"{table}.{column}\" uses its row type",
        rel.name
    )))
}

/// 23502 or 23514 if the table has rows and a domain does not allow the NULL they would have in a new column.
async fn check_domain_null(cx: &mut DdlCx<'_>, rel: &Arc<Relation>, ty: TypeRef) -> Result<()> {
    if !rustydb_types::usertype::is_domain(ty.oid) {
        return Ok(());
    }
    let mut any = false;
    check_rows::each_row(cx, rel, |_| {
        any = true;
        Ok(false)
    })
    .await?;
    if any { cx.eval.session.check_domain(cx.eval, ty.oid, &Datum::Null) } else { Ok(()) }
}

/// ADD COLUMN.
pub async fn add(cx: &mut DdlCx<'_>, rel: &Arc<Relation>, def: &ast::ColumnDef, if_not_exists: bool) -> Result<()> {
    if rel.column(&def.name.value).is_some() {
        let m = format!("column \"{}\" of relation \"{}\" already exists", def.name.value, rel.name);
        if if_not_exists {
            cx.notice(err(SqlState::DUPLICATE_COLUMN, format!("{m}, skipping")));
            return Ok(());
        }
        return Err(err(SqlState::DUPLICATE_COLUMN, m));
    }
    if rel.columns.len() >= column::MAX_COLUMNS {
        return Err(err(
            SqlState::TOO_MANY_COLUMNS,
            format!("tables can have at most {} columns", column::MAX_COLUMNS),
        ));
    }
    let at = rel.columns.len();
    let Built { column: mut c, constraints, sequence, generated, default, late } =
        column::build(cx, &rel.name, at as i16 + 1, def)?;
    if let Some(e) = late {
        column::default_of(cx, &c.name, c.ty, &e).map_err(crate::bind::unplaced)?;
    }
    refuse_itself(cx, rel, c.ty)?;
    let version = rel.storage.as_ref().map_or(0, |s| s.schema_ver);
    let next = version.checked_add(1).ok_or_else(|| {
        err(SqlState::PROGRAM_LIMIT_EXCEEDED, format!("too many changes of the columns of relation \"{}\"", rel.name))
            .hint("Rewrite the table, for example with ALTER TABLE ... ALTER COLUMN ... TYPE.")
    })?;
    c.since = next;
    let mut r = (**rel).clone();
    r.columns.push(c);
    if let Some(s) = &mut r.storage {
        s.schema_ver = next;
    }
    let wants_null_check = r.columns[at].not_null;
    let computed = r.columns[at].is_virtual();
    let of_domain = domain_default(cx, r.columns[at].ty).filter(|_| sequence.is_none() && generated.is_none());
    let given = default.text.is_some();
    if sequence.is_some() || generated.is_some() && !computed || given || of_domain.is_some() {
        refuse_stored_rows(cx, rel)?;
    } else {
        check_domain_null(cx, rel, r.columns[at].ty).await?;
    }
    if let Some(own) = sequence {
        let seq = own.seq.clone();
        super::table::give_sequence(cx, &mut r, at, own).await?;
        fill_from_sequence(cx, rel, &mut r, at, &seq).await?;
    } else if let Some(e) = &generated {
        let column = r.columns[at].clone();
        let kept = column::generated_of(cx, rel, &column, e).map_err(crate::bind::unplaced)?;
        super::table::give_default(cx, &mut r, at, &kept).await?;
        if !computed {
            let parsed = crate::bind::parse_expr(kept.text.as_deref().unwrap_or("NULL"))?;
            let bound = bind_row(cx, rel, &parsed, Defining::Generated)?;
            let bound = cx.binder(|b| b.assign(bound, column.ty, &column.name))?;
            let bound = super::generated::over_stored(cx, rel, &bound)?;
            fill(cx, rel, &mut r, &check_rows::compiled(&bound)?).await?;
        }
    } else if given || of_domain.is_some() {
        if given {
            super::table::give_default(cx, &mut r, at, &default).await?;
        }
        let value = default_value(cx, &r.columns[at])?;
        let volatile = match &of_domain {
            Some(text) if !given => is_volatile(cx, text)?,
            _ => default.volatile,
        };
        if volatile {
            fill(cx, rel, &mut r, &value).await?;
        } else {
            let d = value.eval(Env { ctx: cx.eval, params: &[] }, &[])?;
            let null = d.is_null();
            r.columns[at].missing = d;
            if null && wants_null_check {
                refuse_rows(cx, rel, &r.columns[at]).await?;
            }
        }
    } else if wants_null_check {
        refuse_rows(cx, rel, &r.columns[at]).await?;
    }
    let (oid, attnum) = (r.oid, r.columns[at].attnum);
    cx.put(r).await?;
    if computed && wants_null_check && !rel.is_partitioned() {
        let now = cx.relation(oid)?;
        check_rows::check_not_null(cx, &now, &[attnum]).await?;
    }
    for k in &constraints {
        // A primary key on the new column makes it NOT NULL, which its rows must be.
        let now = cx.relation(oid)?;
        super::alter::add_constraint(cx, &now, k).await?;
    }
    Ok(())
}

/// 23502 if the table has a row, which would have NULL in the new column.
async fn refuse_rows(cx: &mut DdlCx<'_>, rel: &Arc<Relation>, c: &Column) -> Result<()> {
    let mut any = false;
    check_rows::each_row(cx, rel, |_| {
        any = true;
        Ok(false)
    })
    .await?;
    if !any {
        return Ok(());
    }
    Err(err(
        SqlState::NOT_NULL_VIOLATION,
        format!("column \"{}\" of relation \"{}\" contains null values", c.name, rel.name),
    )
    .table(rel.schema.clone(), rel.name.clone())
    .column(c.name.clone()))
}

/// Rewrites the table with the new last column computed for each row.
async fn fill(
    cx: &mut DdlCx<'_>,
    old: &Arc<Relation>,
    new: &mut Relation,
    value: &crate::exec::eval::Compiled,
) -> Result<()> {
    let eval = cx.eval;
    check_rows::rewrite(cx, old, new, |mut row| {
        let d = value.eval(Env { ctx: eval, params: &[] }, &row)?;
        row.push(d);
        Ok(row)
    })
    .await
}

/// Rewrites the table with numbers of the new column's own sequence, which nobody else can use yet.
async fn fill_from_sequence(
    cx: &mut DdlCx<'_>,
    old: &Arc<Relation>,
    new: &mut Relation,
    at: usize,
    seq: &crate::catalog::Sequence,
) -> Result<()> {
    let rule = SequenceRule { increment: seq.increment, min: seq.min, max: seq.max, cycle: seq.cycle };
    let mut state = SequenceState { last: seq.start, is_called: false };
    let (ty, attnum) = (new.columns[at].ty.oid, new.columns[at].attnum);
    check_rows::rewrite(cx, old, new, |mut row| {
        let v = rule.next(&state).ok_or_else(|| {
            err(
                SqlState::SEQUENCE_GENERATOR_LIMIT_EXCEEDED,
                format!("nextval: reached maximum value of sequence ({})", rule.max),
            )
        })?;
        state = SequenceState { last: v, is_called: true };
        row.push(match ty {
            oid::INT2 => Datum::Int2(i16::try_from(v).map_err(|_| out_of_range("smallint"))?),
            oid::INT4 => Datum::Int4(i32::try_from(v).map_err(|_| out_of_range("integer"))?),
            _ => Datum::Int8(v),
        });
        Ok(row)
    })
    .await?;
    let file = cx
        .tx
        .catalog
        .relations
        .values()
        .filter_map(|r| r.sequence.as_ref())
        .find(|s| s.owned_by == Some((new.oid, attnum)))
        .map(|s| s.storage)
        .ok_or_else(|| DbError::internal("a new column's sequence does not exist"))?;
    let lsn = cx.tx.db.engine().store().sequence_set(file, state).await?;
    cx.tx.txn.depends_on(lsn);
    Ok(())
}

fn out_of_range(ty: &str) -> DbError {
    err(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, format!("{ty} out of range"))
}

/// SET DEFAULT (`Some`) and DROP DEFAULT.
pub async fn set_default(
    cx: &mut DdlCx<'_>,
    r: &mut Relation,
    column: &ast::Ident,
    value: Option<&ast::Expr>,
) -> Result<()> {
    let at = identity::position(r, column)?;
    let c = r.columns[at].clone();
    if c.identity != '\0' {
        let e = err(
            SqlState::SYNTAX_ERROR,
            format!("column \"{}\" of relation \"{}\" is an identity column", c.name, r.name),
        );
        return Err(match value {
            Some(_) => e,
            None => e.hint("Use ALTER TABLE ... ALTER COLUMN ... DROP IDENTITY instead."),
        });
    }
    if c.generated != '\0' {
        let e = err(
            SqlState::SYNTAX_ERROR,
            format!("column \"{}\" of relation \"{}\" is a generated column", c.name, r.name),
        );
        return Err(match value {
            None if !c.is_virtual() => e.hint("Use ALTER TABLE ... ALTER COLUMN ... DROP EXPRESSION instead."),
            _ => e,
        });
    }
    let kept = match value {
        // As PostgreSQL, which does not tell where in the statement a mistake in the value is.
        Some(e) => column::default_of(cx, &c.name, c.ty, e).map_err(crate::bind::unplaced)?,
        None => column::Kept::default(),
    };
    super::table::give_default(cx, r, at, &kept).await
}

/// Whether two types keep their values and their index keys in the same form.
fn same_form(a: TypeRef, b: TypeRef) -> bool {
    a.oid == b.oid && rustydb_types::rowcodec::phys_kind(a) == rustydb_types::rowcodec::phys_kind(b)
        || matches!(a.oid, oid::TEXT | oid::VARCHAR) && matches!(b.oid, oid::TEXT | oid::VARCHAR)
}

/// What becomes of a column's values when its type changes.
enum NewValue {
    /// They stay as they are; indexes are built anew if the collation is another.
    Same { collation: bool },
    /// Nothing is stored of them.
    Virtual,
    /// An expression over the old row.
    Computed(Expr),
}

/// ALTER COLUMN … TYPE, for all columns of a statement at once: every USING reads the row as it was before.
pub async fn set_types(cx: &mut DdlCx<'_>, rel: &Arc<Relation>, commands: &[&AlterCommand]) -> Result<()> {
    let mut r = (**rel).clone();
    let mut changed: Vec<(usize, NewValue)> = Vec::with_capacity(commands.len());
    for c in commands {
        let AlterCommand::SetType { column, ty, collation, using, .. } = c else { continue };
        let at = identity::position(rel, column)?;
        if changed.iter().any(|x| x.0 == at) {
            return Err(DbError::unsupported(format!("cannot alter type of column \"{}\" twice", column.value)));
        }
        let new = column::column_type(cx, &rel.columns[at].name, ty, collation.as_ref())?;
        let value = new_value(cx, rel, at, new, using.as_ref())?;
        let c = &mut r.columns[at];
        c.ty = new;
        c.tuning.storage = '\0';
        if crate::catalog::types::Shape::of(new.oid).storage == 'p' {
            c.tuning.compression = '\0';
        }
        if matches!(value, NewValue::Computed(_)) {
            c.missing = Datum::Null;
        }
        changed.push((at, value));
    }
    for (at, _) in &changed {
        retype(cx, rel, &mut r, *at)?;
        let attnum = r.columns[*at].attnum;
        Arc::make_mut(&mut r.stats).columns.remove(&attnum);
        super::statistics::forget_data(&mut r, attnum);
    }
    // What a sequence of the column's own gives must fit.
    for (at, _) in changed.iter().filter(|(at, _)| r.columns[*at].identity != '\0') {
        let c = &r.columns[*at];
        if let Some(seq) = identity::sequence_of(&cx.tx.catalog, r.oid, c.attnum) {
            let options = [ast::SequenceOption {
                kind: ast::SequenceOptionKind::As(crate::bind::define::type_syntax(TypeRef::new(c.ty.oid))),
                pos: ast::NO_POS,
            }];
            let plan = super::sequence::plan(cx, &options, seq.sequence.as_ref(), true)?;
            super::sequence::redefine(cx, &seq, plan).await?;
        }
    }
    let mut computed = Vec::new();
    let mut collations = false;
    for (at, value) in changed {
        match value {
            NewValue::Same { collation } => collations |= collation,
            NewValue::Virtual => {}
            NewValue::Computed(e) => {
                computed.push((at, check_rows::compiled(&super::generated::over_stored(cx, rel, &e)?)?));
            }
        }
    }
    if computed.is_empty() {
        if collations {
            check_rows::rebuild_indexes(cx, &mut r).await?;
        }
        return cx.put(r).await;
    }
    let eval = cx.eval;
    check_rows::rewrite(cx, rel, &mut r, |mut row| {
        let env = Env { ctx: eval, params: &[] };
        let new = computed.iter().map(|(at, e)| Ok((*at, e.eval(env, &row)?))).collect::<Result<Vec<_>>>()?;
        for (at, d) in new {
            row[at] = d;
        }
        Ok(row)
    })
    .await?;
    let changed: Vec<i16> = computed.iter().map(|(at, _)| r.columns[*at].attnum).collect();
    let oid = r.oid;
    cx.put(r).await?;
    super::generated::check_again(cx, oid, &changed).await
}

/// The new values of a column that gets another type; fails if it cannot.
fn new_value(
    cx: &DdlCx<'_>,
    rel: &Arc<Relation>,
    at: usize,
    new_ty: TypeRef,
    using: Option<&ast::Expr>,
) -> Result<NewValue> {
    let old = &rel.columns[at];
    let shown = typename::with_typmod(new_ty.oid, new_ty.typmod);
    refuse_itself(cx, rel, new_ty)?;
    refuse_stored_rows(cx, rel)?;
    check_users(cx, rel, old)?;
    if old.identity != '\0' && !matches!(new_ty.oid, oid::INT2 | oid::INT4 | oid::INT8) {
        return Err(err(
            SqlState::INVALID_PARAMETER_VALUE,
            "identity column type must be smallint, integer, or bigint",
        ));
    }
    if old.generated != '\0' && using.is_some() {
        return Err(err(
            SqlState::INVALID_COLUMN_DEFINITION,
            "cannot specify USING when altering type of generated column",
        )
        .detail(format!("Column \"{}\" is a generated column.", old.name)));
    }
    if old.is_virtual() {
        check_virtual_type(cx, rel, &Column { ty: new_ty, ..old.clone() }, &shown)?;
        return Ok(NewValue::Virtual);
    }
    // The new value over the old row.
    let source: Expr = match using {
        Some(e) => bind_row(cx, rel, e, Defining::Transform)?,
        None => Expr::column(Col { id: 1_000_000 + old.attnum as u32, ty: old.ty }),
    };
    let value = cx.binder(|b| b.coerce(source, new_ty, Coercion::Assignment))?.ok_or_else(|| match using {
        Some(_) => err(
            SqlState::DATATYPE_MISMATCH,
            format!("result of USING clause for column \"{}\" cannot be cast automatically to type {shown}", old.name),
        )
        .hint("You might need to add an explicit cast."),
        None => {
            let e = err(
                SqlState::DATATYPE_MISMATCH,
                format!("column \"{}\" cannot be cast automatically to type {shown}", old.name),
            );
            if old.generated != '\0' {
                return e;
            }
            e.hint(format!(
                "You might need to specify \"USING {}::{shown}\".",
                rustydb_parser::ast::quote_ident(&old.name)
            ))
        }
    })?;
    if let (Some(text), '\0') = (&old.default, old.generated) {
        check_default(cx, &Column { ty: new_ty, ..old.clone() }, text, &shown)?;
    }
    let untouched = match &value.kind {
        ExprKind::Column(_) => true,
        ExprKind::Relabel(x) => matches!(x.kind, ExprKind::Column(_)),
        _ => false,
    };
    if untouched && using.is_none() && same_form(old.ty, new_ty) {
        return Ok(NewValue::Same { collation: old.ty.collation != new_ty.collation });
    }
    Ok(NewValue::Computed(value))
}

/// A virtual column's new type must be one that it may have, and that its expression fits.
fn check_virtual_type(cx: &DdlCx<'_>, rel: &Arc<Relation>, c: &Column, shown: &str) -> Result<()> {
    super::generated::check_type(cx, c)?;
    let e = crate::bind::parse_expr(c.default.as_deref().unwrap_or("NULL"))?;
    let bound = bind_row(cx, rel, &e, Defining::Generated)?;
    let plain = TypeRef { typmod: -1, ..c.ty };
    if cx.binder(|b| b.coerce(bound, plain, Coercion::Assignment))?.is_some() {
        return Ok(());
    }
    Err(err(
        SqlState::DATATYPE_MISMATCH,
        format!("generation expression for column \"{}\" cannot be cast automatically to type {shown}", c.name),
    ))
}

/// 0A000 for columns that views or generated columns read.
fn check_users(cx: &DdlCx<'_>, rel: &Relation, c: &Column) -> Result<()> {
    let mut views: Vec<&Arc<Relation>> = cx
        .tx
        .catalog
        .relations
        .values()
        .filter(|v| v.view.is_some())
        .filter(|v| v.depends.iter().any(|d| d.ref_relation == rel.oid && d.ref_sub == i32::from(c.attnum)))
        .collect();
    views.sort_by_key(|v| v.oid);
    if let Some(v) = views.first() {
        return Err(DbError::unsupported("cannot alter type of a column used by a view or rule").detail(format!(
            "rule _RETURN on view {} depends on column \"{}\"",
            cx.shown(v),
            c.name
        )));
    }
    for g in rel.live_columns().filter(|g| g.generated != '\0' && g.attnum != c.attnum) {
        if g.default.as_deref().is_some_and(|t| super::drop::names_column(rel, t, c.attnum)) {
            return Err(DbError::unsupported("cannot alter type of a column used by a generated column")
                .detail(format!("Column \"{}\" is used by generated column \"{}\".", c.name, g.name)));
        }
    }
    Ok(())
}

fn check_default(cx: &DdlCx<'_>, c: &Column, text: &str, shown: &str) -> Result<()> {
    let e = crate::bind::parse_expr(text)?;
    let fits = cx.binder(|b| {
        let x = b.defining(&e, None, Defining::Default)?;
        b.coerce(x, TypeRef { typmod: -1, ..c.ty }, Coercion::Assignment)
    })?;
    if fits.is_none() {
        return Err(err(
            SqlState::DATATYPE_MISMATCH,
            format!("default for column \"{}\" cannot be cast automatically to type {shown}", c.name),
        ));
    }
    Ok(())
}

/// Fits checks, indexes and foreign keys to a column's new type.
fn retype(cx: &DdlCx<'_>, old: &Relation, r: &mut Relation, at: usize) -> Result<()> {
    let attnum = r.columns[at].attnum;
    let table = Arc::new(r.clone());
    let again = |text: &str, what: Defining| -> Result<(String, TypeRef)> {
        let e = crate::bind::parse_expr(text)?;
        let bound = bind_row(cx, &table, &e, what).map_err(|mut x| {
            // Places in a kept text mean nothing in the statement.
            if let Some(f) = &mut x.fields {
                f.position = None;
            }
            x
        })?;
        let bound = match what {
            Defining::IndexKey => bound,
            _ => cx.binder(|b| b.to_bool(bound, "CHECK"))?,
        };
        Ok((keep(Some(&table), &bound, &e), bound.ty))
    };
    for k in &mut r.constraints {
        if let ConstraintKind::Check(text) = &k.kind
            && k.columns.contains(&attnum)
        {
            let (text, _) = again(text, Defining::Check)?;
            *k = Arc::new(Constraint { kind: ConstraintKind::Check(text), ..(**k).clone() });
        }
    }
    for i in &mut r.indexes {
        let mut ix: Index = (**i).clone();
        let method = ix.method;
        let opclass = |ty: TypeRef| match method {
            pgdata::BTREE => index::default_opclass(ty),
            other => super::index::usual_opclass(other, ty),
        };
        for k in &mut ix.keys {
            if k.attnum == attnum {
                let natural = old.attribute(attnum).map_or(0, |c| c.ty.collation);
                let collation = if k.ty.collation == natural { table.columns[at].ty.collation } else { k.ty.collation };
                k.ty = TypeRef { collation, ..table.columns[at].ty };
                // One that takes the new type stays.
                if pgdata::opclass(k.opclass).is_none_or(|o| o.opcintype != k.ty.oid) {
                    k.opclass = opclass(k.ty)?;
                }
            } else if let Some(text) = k.expr.clone().filter(|t| super::drop::names_column(old, t, attnum)) {
                let (text, ty) = again(&text, Defining::IndexKey)?;
                k.expr = Some(text);
                k.ty = ty;
                k.opclass = opclass(ty)?;
            }
        }
        if let Some(text) = ix.predicate.clone().filter(|t| super::drop::names_column(old, t, attnum)) {
            ix.predicate = Some(again(&text, Defining::IndexPredicate)?.0);
        }
        super::exclude::find_operators(cx, &mut ix)?;
        *i = Arc::new(ix);
    }
    super::foreign::check_types(cx, r)
}
