//! A column definition: type, default, identity, and the constraints written beside it.

use super::{DdlCx, err, sequence};
use crate::bind::ScopeCol;
use crate::bind::define::{Defining, named_relations, unbind, volatility};
use crate::catalog::{Column, Relation, Sequence, deparse};
use crate::plan::ir::{Col, Expr, ExprKind};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, ConstraintKind, Ident};
use rustydb_types::datum::{Datum, TypeRef};
use rustydb_types::{oid, pgdata, typename, usertype};
use std::sync::Arc;

/// Most columns of a table.
pub const MAX_COLUMNS: usize = 1600;

/// A kept expression: its stored text and the relations it names.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// Text; `None` when there is nothing to keep (DEFAULT NULL).
    pub text: Option<String>,
    /// Relations named by OID in it.
    pub relations: Vec<u32>,
    /// Whether it must be evaluated per row.
    pub volatile: bool,
}

/// The sequence a column brings along.
pub struct OwnSequence {
    /// Definition without file.
    pub seq: Sequence,
    /// Its OID, if it is chosen already.
    pub oid: Option<u32>,
    /// Name, when SEQUENCE NAME is written.
    pub name: Option<ast::Name>,
    /// Identity instead of serial.
    pub identity: bool,
}

/// A column as a definition makes it.
pub struct Built {
    /// The column; `default` is set unless it comes from `sequence`.
    pub column: Column,
    /// Its constraints in the order written, as table constraints.
    pub constraints: Vec<ast::Constraint>,
    /// Sequence to make.
    pub sequence: Option<OwnSequence>,
    /// GENERATED ALWAYS AS, bound when all columns are known.
    pub generated: Option<ast::Expr>,
    /// What `default` depends on.
    pub default: Kept,
    /// A DEFAULT that names a relation which is not there: it may be the sequence of a serial column of the same table.
    pub late: Option<ast::Expr>,
}

/// The integer type behind serial and its kin.
fn serial(t: &ast::TypeName) -> Option<u32> {
    if t.name.catalog.is_some() || t.name.schema.is_some() || t.setof || t.pct_type || !t.mods.is_empty() {
        return None;
    }
    match t.name.name.value.as_str() {
        "serial" | "serial4" => Some(oid::INT4),
        "bigserial" | "serial8" => Some(oid::INT8),
        "smallserial" | "serial2" => Some(oid::INT2),
        _ => None,
    }
}

/// A collation by name.
pub fn collation(cx: &DdlCx<'_>, name: &ast::Name) -> Result<u32> {
    cx.binder(|b| b.collation_named(name, cx.pos(name.pos())))
}

/// Resolves a column's type and refuses what no column can have.
pub fn column_type(cx: &DdlCx<'_>, column: &str, t: &ast::TypeName, coll: Option<&ast::Name>) -> Result<TypeRef> {
    let mut ty = cx.binder(|b| b.type_name(t))?;
    if let Some(p) = pgdata::pg_type(ty.oid)
        && p.typtype == 'p'
    {
        return Err(err(
            SqlState::INVALID_TABLE_DEFINITION,
            format!("column \"{column}\" has pseudo-type {}", typename::format_type(ty.oid, -1)),
        ));
    }
    crate::acl::check::need_type(&cx.tx.catalog, ty.oid, cx.role)?;
    if let Some(c) = coll {
        if ty.collation == 0 {
            return Err(err(
                SqlState::DATATYPE_MISMATCH,
                format!("collations are not supported by type {}", typename::format_type(ty.oid, -1)),
            )
            .at(cx.pos(c.pos())));
        }
        ty.collation = collation(cx, c)?;
    }
    Ok(ty)
}

/// A column with nothing set.
pub fn blank(attnum: i16, name: &str, ty: TypeRef) -> Column {
    Column {
        attnum,
        name: name.to_owned(),
        ty,
        not_null: false,
        default: None,
        default_oid: 0,
        identity: '\0',
        generated: '\0',
        dropped: false,
        missing: Datum::Null,
        since: 0,
        lineage: Default::default(),
        tuning: Default::default(),
    }
}

/// 42701 for the names that every table's system columns have.
pub fn check_name(name: &str) -> Result<()> {
    if matches!(name, "ctid" | "xmin" | "cmin" | "xmax" | "cmax" | "tableoid") {
        return Err(err(
            SqlState::DUPLICATE_COLUMN,
            format!("column name \"{name}\" conflicts with a system column name"),
        ));
    }
    Ok(())
}

/// Columns by which kept expressions read a row, in the order of the table's live columns.
pub fn row_columns(rel: &Relation) -> Vec<(Col, i16)> {
    // Ids above any that one expression's binding hands out.
    rel.live_columns().map(|c| (Col { id: 1_000_000 + c.attnum as u32, ty: c.ty }, c.attnum)).collect()
}

/// The columns by which generation expressions name a row's system columns, of which they may read `tableoid` only.
pub fn row_system(table: u32) -> Vec<ScopeCol> {
    let one = |(name, attnum, ty): (&str, i16, u32)| ScopeCol {
        name: name.into(),
        col: Col { id: system_id(attnum), ty: TypeRef::new(ty) },
        origin: (table, attnum),
    };
    crate::bind::SYSTEM_COLUMNS.map(one).into()
}

fn system_id(attnum: i16) -> u32 {
    1_000_000 - u32::from(attnum.unsigned_abs())
}

/// The column that tells a row's table ([`row_system`]).
pub fn tableoid() -> u32 {
    system_id(-6)
}

/// The system column that an expression must not read, and where it does.
fn system_read(e: &Expr) -> Option<(&'static str, u32)> {
    let mut found = None;
    crate::plan::walk::visit(e, &mut |x| {
        if let ExprKind::Column(id) = x.kind
            && id != tableoid()
            && found.is_none()
        {
            found = crate::bind::SYSTEM_COLUMNS.iter().find(|c| system_id(c.1) == id).map(|c| (c.0, x.pos));
        }
    });
    found
}

/// Names of [`row_columns`].
pub fn row_name(rel: &Relation) -> impl Fn(u32) -> Option<String> + '_ {
    |id| {
        if id == tableoid() {
            return Some("tableoid".to_owned());
        }
        let attnum = i16::try_from(id.checked_sub(1_000_000)?).ok()?;
        rel.attribute(attnum).map(|c| c.name.clone())
    }
}

/// The attribute numbers an expression over [`row_columns`] reads, ascending.
pub fn columns_used(e: &Expr) -> Vec<i16> {
    let mut out = Vec::new();
    crate::plan::walk::visit(e, &mut |x| {
        if let ExprKind::Column(id) = x.kind
            && let Some(n) = id.checked_sub(1_000_000)
        {
            out.push(n as i16);
        }
    });
    out.sort_unstable();
    out.dedup();
    out
}

/// Where an expression reads a column.
fn place_of(e: &Expr, attnum: i16) -> u32 {
    let mut at = 0;
    crate::plan::walk::visit(e, &mut |x| {
        if at == 0 && matches!(x.kind, ExprKind::Column(id) if id == 1_000_000 + attnum as u32) {
            at = x.pos;
        }
    });
    at
}

/// Where an expression reads a whole row.
fn whole_row_read(e: &Expr) -> Option<u32> {
    let mut at = None;
    crate::plan::walk::visit(e, &mut |x| {
        if at.is_none() && matches!(x.kind, ExprKind::WholeRow(_)) {
            at = Some(x.pos);
        }
    });
    at
}

/// Binds an expression over a table's row.
pub fn bind_row(cx: &DdlCx<'_>, rel: &Arc<Relation>, e: &ast::Expr, what: Defining) -> Result<Expr> {
    let row = row_columns(rel);
    cx.binder(|b| b.defining(e, Some((rel, &row)), what))
}

/// The text under which a bound expression is kept.
pub fn keep(rel: Option<&Relation>, bound: &Expr, written: &ast::Expr) -> String {
    let names = |id| rel.and_then(|r| row_name(r)(id));
    match unbind(bound, &names) {
        Some(e) => deparse::expr(&e, deparse::STORED),
        None => deparse::expr(written, deparse::STORED),
    }
}

/// [`keep`] for the condition of a domain, in which `value` is the value.
pub fn keep_value(bound: &Expr, written: &ast::Expr) -> String {
    let names = |id| (id == crate::session::domain::VALUE).then(|| "value".to_owned());
    match unbind(bound, &names) {
        Some(e) => deparse::expr(&e, deparse::STORED),
        None => deparse::expr(written, deparse::STORED),
    }
}

/// Binds a DEFAULT for a column type.
pub fn default_of(cx: &DdlCx<'_>, column: &str, ty: TypeRef, e: &ast::Expr) -> Result<Kept> {
    cx.binder(|b| {
        let bound = b.defining(e, None, Defining::Default)?;
        // The modifier is applied when the value is stored.
        let plain = TypeRef { typmod: -1, ..ty };
        let unknown = bound.ty.oid == oid::UNKNOWN;
        let from = typename::format_type(bound.ty.oid, -1);
        let assigned = b.assign(bound.clone(), plain, column).map_err(|mut x| {
            if x.code == SqlState::DATATYPE_MISMATCH {
                x.message = format!(
                    "column \"{column}\" is of type {} but default expression is of type {from}",
                    typename::format_type(ty.oid, -1)
                )
                .into();
                if let Some(f) = &mut x.fields {
                    f.position = None;
                }
            }
            x
        })?;
        // Of a domain it stands in the way of the domain's own default.
        if matches!(bound.as_const(), Some(Datum::Null)) && unknown && !usertype::is_domain(ty.oid) {
            return Ok(Kept::default());
        }
        let shown = if unknown { &assigned } else { &bound };
        Ok(Kept {
            text: Some(keep(None, shown, e)),
            relations: named_relations(&assigned),
            volatile: volatility(&assigned) == 'v',
        })
    })
}

/// Binds a generation expression.
pub fn generated_of(cx: &DdlCx<'_>, rel: &Arc<Relation>, column: &Column, e: &ast::Expr) -> Result<Kept> {
    super::generated::check_type(cx, column)?;
    let row = row_columns(rel);
    cx.binder(|b| {
        let bound = b.defining(e, Some((rel, &row)), Defining::Generated)?;
        if let Some((name, at)) = system_read(&bound) {
            return Err(err(
                SqlState::INVALID_COLUMN_REFERENCE,
                format!("cannot use system column \"{name}\" in column generation expression"),
            )
            .at(at));
        }
        whole_row_read(&bound).map_or(Ok(()), |at| {
            Err(err(
                SqlState::INVALID_OBJECT_DEFINITION,
                "cannot use whole-row variable in column generation expression",
            )
            .detail("This would cause the generated column to depend on its own value.")
            .at(at))
        })?;
        for a in columns_used(&bound) {
            if let Some(c) = rel.attribute(a)
                && c.generated != '\0'
            {
                return Err(err(
                    SqlState::INVALID_OBJECT_DEFINITION,
                    format!("cannot use generated column \"{}\" in column generation expression", c.name),
                )
                .detail("A generated column cannot reference another generated column.")
                .at(place_of(&bound, a)));
            }
        }
        let from = typename::format_type(bound.ty.oid, -1);
        let unknown = bound.ty.oid == oid::UNKNOWN;
        let plain = TypeRef { typmod: -1, ..column.ty };
        let assigned = b.assign(bound.clone(), plain, &column.name).map_err(|mut x| {
            if x.code == SqlState::DATATYPE_MISMATCH {
                x.message = format!(
                    "column \"{}\" is of type {} but default expression is of type {from}",
                    column.name,
                    typename::format_type(column.ty.oid, -1)
                )
                .into();
                if let Some(f) = &mut x.fields {
                    f.position = None;
                }
            }
            x
        })?;
        if volatility(&assigned) != 'i' {
            return Err(err(SqlState::INVALID_OBJECT_DEFINITION, "generation expression is not immutable"));
        }
        super::generated::check_expression(column, &bound)?;
        let shown = if unknown { &assigned } else { &bound };
        Ok(Kept { text: Some(keep(Some(rel), shown, e)), relations: Vec::new(), volatile: false })
    })
}

/// Builds a column from its definition.
pub fn build(cx: &DdlCx<'_>, table: &str, attnum: i16, def: &ast::ColumnDef) -> Result<Built> {
    let name = def.name.value.as_str();
    check_name(name)?;
    let Some(written) = &def.ty else {
        return Err(DbError::unsupported("columns without a type are not supported yet").at(cx.pos(def.name.pos)));
    };
    if let Some(s) = &def.storage {
        check_storage(&s.value)?;
    }
    let conflict = |what: &str, pos| {
        err(SqlState::SYNTAX_ERROR, format!("{what} for column \"{name}\" of table \"{table}\"")).at(cx.pos(pos))
    };
    let mut own = None;
    let ty = match serial(written) {
        Some(o) => {
            if !written.dims.is_empty() {
                return Err(DbError::unsupported("array of serial is not implemented").at(cx.pos(def.name.pos)));
            }
            let options = [ast::SequenceOption {
                kind: ast::SequenceOptionKind::As(crate::bind::define::type_syntax(TypeRef::new(o))),
                pos: ast::NO_POS,
            }];
            let plan = sequence::plan(cx, &options, None, false)?;
            own = Some(OwnSequence { seq: plan.seq, oid: None, name: None, identity: false });
            TypeRef::new(o)
        }
        None => column_type(cx, name, written, def.collation.as_ref())?,
    };
    let mut column = blank(attnum, name, ty);
    if let Some(s) = &def.storage {
        column.tuning.storage = super::tuning::storage(ty.oid, &s.value)?;
    }
    if let Some(method) = &def.compression {
        column.tuning.compression = super::tuning::compression(ty.oid, method)?;
    }
    let mut nulls = own.is_some().then_some(false);
    let mut default = None;
    let mut generated = None;
    let mut constraints = Vec::new();
    for c in &def.constraints {
        let only = || vec![Ident { value: name.to_owned(), pos: def.name.pos }];
        match &c.kind {
            ConstraintKind::Null => {
                if nulls == Some(false) {
                    return Err(conflict("conflicting NULL/NOT NULL declarations", c.pos));
                }
                nulls = Some(true);
            }
            ConstraintKind::NotNull => {
                if nulls == Some(true) {
                    return Err(conflict("conflicting NULL/NOT NULL declarations", c.pos));
                }
                nulls = Some(false);
            }
            ConstraintKind::Default(e) => {
                if default.is_some() || own.as_ref().is_some_and(|o| !o.identity) {
                    return Err(conflict("multiple default values specified", c.pos));
                }
                default = Some(e);
            }
            ConstraintKind::Identity { always, options } => {
                if column.identity != '\0' {
                    return Err(conflict("multiple identity specifications", c.pos));
                }
                if !matches!(ty.oid, oid::INT2 | oid::INT4 | oid::INT8) {
                    return Err(err(
                        SqlState::INVALID_PARAMETER_VALUE,
                        "identity column type must be smallint, integer, or bigint",
                    ));
                }
                if nulls == Some(true) {
                    return Err(conflict("conflicting NULL/NOT NULL declarations", c.pos));
                }
                column.identity = if *always { 'a' } else { 'd' };
                nulls = Some(false);
                own = Some(identity_sequence(cx, ty, options)?);
            }
            ConstraintKind::Generated { expr: e, stored } => {
                if generated.is_some() {
                    return Err(conflict("multiple generation clauses specified", c.pos));
                }
                column.generated = if *stored { 's' } else { 'v' };
                generated = Some(e.clone());
            }
            ConstraintKind::PrimaryKey(k) => {
                if nulls == Some(true) {
                    return Err(conflict("conflicting NULL/NOT NULL declarations", c.pos));
                }
                let k = ast::KeyDef { columns: only(), ..k.clone() };
                constraints.push(ast::Constraint { kind: ConstraintKind::PrimaryKey(k), ..c.clone() });
            }
            ConstraintKind::Unique { key, nulls_not_distinct } => {
                let key = ast::KeyDef { columns: only(), ..key.clone() };
                let kind = ConstraintKind::Unique { key, nulls_not_distinct: *nulls_not_distinct };
                constraints.push(ast::Constraint { kind, ..c.clone() });
            }
            ConstraintKind::ForeignKey(f) => {
                let f = ast::ForeignKey { columns: only(), ..(**f).clone() };
                constraints.push(ast::Constraint { kind: ConstraintKind::ForeignKey(Box::new(f)), ..c.clone() });
            }
            ConstraintKind::Check(_) | ConstraintKind::Exclude(_) => constraints.push(c.clone()),
        }
        if serial(written).is_some() && column.identity != '\0' {
            // The default of a serial column stands nowhere.
            return Err(conflict("both default and identity specified", ast::NO_POS));
        }
        let both = match (default.is_some(), column.identity != '\0', generated.is_some()) {
            (true, true, _) => "default and identity",
            (true, _, true) => "default and generation expression",
            (_, true, true) => "identity and generation expression",
            _ => continue,
        };
        return Err(conflict(&format!("both {both} specified"), c.pos));
    }
    column.not_null = nulls == Some(false);
    let mut late = None;
    let kept = match default.map(|e| (e, default_of(cx, name, ty, e))) {
        Some((_, Ok(kept))) => kept,
        Some((e, Err(x))) if x.code == SqlState::UNDEFINED_TABLE => {
            late = Some((*e).clone());
            Kept::default()
        }
        Some((_, Err(x))) => return Err(x),
        None => Kept::default(),
    };
    column.default.clone_from(&kept.text);
    Ok(Built { column, constraints, sequence: own, generated, default: kept, late })
}

/// The sequence of an identity column.
pub fn identity_sequence(cx: &DdlCx<'_>, ty: TypeRef, options: &[ast::SequenceOption]) -> Result<OwnSequence> {
    let mut all = options.to_vec();
    if !all.iter().any(|o| matches!(o.kind, ast::SequenceOptionKind::As(_))) {
        all.push(ast::SequenceOption {
            kind: ast::SequenceOptionKind::As(crate::bind::define::type_syntax(TypeRef { typmod: -1, ..ty })),
            pos: ast::NO_POS,
        });
    }
    if let Some(o) = all.iter().find(|o| matches!(o.kind, ast::SequenceOptionKind::OwnedBy(_))) {
        return Err(err(SqlState::SYNTAX_ERROR, "conflicting or redundant options").at(cx.pos(o.pos)));
    }
    let plan = sequence::plan(cx, &all, None, true)?;
    let name = all.iter().find_map(|o| match &o.kind {
        ast::SequenceOptionKind::SequenceName(n) => Some(n.clone()),
        _ => None,
    });
    Ok(OwnSequence { seq: plan.seq, oid: None, name, identity: true })
}

/// STORAGE has no effect on how values are kept here; the word is checked.
pub fn check_storage(word: &str) -> Result<()> {
    if matches!(word.to_ascii_lowercase().as_str(), "plain" | "external" | "extended" | "main") {
        return Ok(());
    }
    Err(err(SqlState::INVALID_PARAMETER_VALUE, format!("invalid storage type \"{word}\"")))
}
