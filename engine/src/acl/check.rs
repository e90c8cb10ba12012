//! What a role may do with an actual object, and PostgreSQL's words when it may not.

use super::membership::has_privs_of;
use super::{Acl, AclKind, Mask, Privs, privs};
use crate::catalog::rows::table;
use crate::catalog::{Catalog, Database, FIRST_USER_OID, RelKind, Relation, system};
use rustydb_base::{DbError, SqlState};

/// Role that may read everything.
const PG_READ_ALL_DATA: u32 = 6181;
/// Role that may write everything.
const PG_WRITE_ALL_DATA: u32 = 6182;

/// 42501 for an object of a kind.
pub fn denied(kind: &str, name: &str) -> DbError {
    DbError::new(SqlState::INSUFFICIENT_PRIVILEGE, format!("permission denied for {kind} {name}"))
}

/// 42501 for who does not own an object.
pub fn not_owner(kind: &str, name: &str) -> DbError {
    DbError::new(SqlState::INSUFFICIENT_PRIVILEGE, format!("must be owner of {kind} {name}"))
}

/// Whether a role is a superuser.
pub fn is_superuser(cat: &Catalog, role: u32) -> bool {
    cat.roles.get(&role).is_some_and(|r| r.superuser)
}

/// Whether a role owns what `owner` owns.
pub fn owns(cat: &Catalog, role: u32, owner: u32) -> bool {
    has_privs_of(cat, role, owner)
}

/// Which kind of list a relation carries.
pub fn relation_kind(rel: &Relation) -> AclKind {
    if rel.kind == RelKind::Sequence { AclKind::Sequence } else { AclKind::Table }
}

/// A relation's list.
pub fn relation_acl(rel: &Relation) -> Acl {
    let own = rel.acl.as_ref().and_then(|a| a.own.clone());
    own.unwrap_or_else(|| Acl::default_for(relation_kind(rel), rel.owner))
}

/// What a role holds of `mask` on a relation.
pub fn on_relation(cat: &Catalog, rel: &Relation, role: u32, mask: Mask) -> Mask {
    if is_superuser(cat, role) {
        return mask;
    }
    let mut mask = mask;
    if rel.oid < FIRST_USER_OID && rel.kind != RelKind::View {
        // Catalog tables are nobody's to change, whatever was granted.
        let never = privs::INSERT | privs::UPDATE | privs::DELETE | privs::TRUNCATE | privs::USAGE;
        mask.privs &= !never;
        mask.options &= !never;
    }
    let mut held = relation_acl(rel).held(cat, role, rel.owner, mask);
    let missing = |held: Mask, p: Privs| mask.privs & p & !held.privs;
    if missing(held, privs::SELECT) != 0 && has_privs_of(cat, role, PG_READ_ALL_DATA) {
        held.privs |= privs::SELECT;
    }
    let writes = privs::INSERT | privs::UPDATE | privs::DELETE;
    if missing(held, writes) != 0 && has_privs_of(cat, role, PG_WRITE_ALL_DATA) {
        held.privs |= mask.privs & writes;
    }
    held
}

/// What a role holds of `mask` on one column by the column's own list.
pub fn on_column(cat: &Catalog, rel: &Relation, attnum: i16, role: u32, mask: Mask) -> Mask {
    let list = rel.acl.as_ref().and_then(|a| a.columns.iter().find(|c| c.0 == attnum));
    list.map_or(Mask::default(), |(_, acl)| acl.held(cat, role, rel.owner, mask))
}

/// Whether a role holds a privilege on one (`all`: every) live column by the columns' own lists.
pub fn on_columns(cat: &Catalog, rel: &Relation, role: u32, privilege: Privs, all: bool) -> bool {
    let mut live = rel.live_columns().peekable();
    let holds = |n: i16| on_column(cat, rel, n, role, Mask::of(privilege)).privs == privilege;
    if all { live.peek().is_some() && live.all(|c| holds(c.attnum)) } else { live.any(|c| holds(c.attnum)) }
}

/// Whether a role has all of `wanted` on a relation as a whole.
pub fn may(cat: &Catalog, rel: &Relation, role: u32, wanted: Privs) -> bool {
    on_relation(cat, rel, role, Mask::of(wanted)).privs == wanted
}

/// 42501 unless a role has all of `wanted` on a relation as a whole.
///
/// # Errors
/// 42501.
pub fn need(cat: &Catalog, rel: &Relation, role: u32, wanted: Privs) -> Result<(), DbError> {
    if may(cat, rel, role, wanted) { Ok(()) } else { Err(denied(relation_word(rel.kind), &rel.name)) }
}

/// A schema's list.
pub fn schema_acl(cat: &Catalog, oid: u32) -> Option<(u32, Acl)> {
    let n = cat.namespaces.get(&oid)?;
    Some((n.owner, n.acl.clone().unwrap_or_else(|| Acl::default_for(AclKind::Schema, n.owner))))
}

/// What a role holds of `mask` on a schema. A session's temporary schema is its own as far as it may have one.
pub fn on_schema(cat: &Catalog, oid: u32, role: u32, mask: Mask) -> Mask {
    if is_superuser(cat, role) {
        return mask;
    }
    let Some((owner, acl)) = schema_acl(cat, oid) else { return Mask::default() };
    if cat.namespaces.get(&oid).is_some_and(|n| n.name.starts_with("pg_temp_")) {
        // Temporary objects are for whoever may make them in this database.
        let may = !on_database(cat, &cat.database, role, Mask::of(privs::TEMP)).is_empty();
        return Mask { privs: mask.privs & if may { AclKind::Schema.all() } else { privs::USAGE }, options: 0 };
    }
    let mut held = acl.held(cat, role, owner, mask);
    let lacks_usage = mask.privs & privs::USAGE & !held.privs != 0;
    if lacks_usage && (has_privs_of(cat, role, PG_READ_ALL_DATA) || has_privs_of(cat, role, PG_WRITE_ALL_DATA)) {
        held.privs |= privs::USAGE;
    }
    held
}

/// 42501 unless a role may do `wanted` in a schema.
///
/// # Errors
/// 42501.
pub fn need_schema(cat: &Catalog, oid: u32, role: u32, wanted: Privs) -> Result<(), DbError> {
    if on_schema(cat, oid, role, Mask::of(wanted)).privs == wanted {
        return Ok(());
    }
    Err(denied("schema", cat.namespaces.get(&oid).map_or("", |n| n.name.as_str())))
}

/// A database's list.
pub fn database_acl(db: &Database) -> Acl {
    db.acl.clone().unwrap_or_else(|| Acl::default_for(AclKind::Database, db.owner))
}

/// What a role holds of `mask` on a database.
pub fn on_database(cat: &Catalog, db: &Database, role: u32, mask: Mask) -> Mask {
    if is_superuser(cat, role) { mask } else { database_acl(db).held(cat, role, db.owner, mask) }
}

/// Owner and list of a built-in function, type, language or tablespace.
pub fn object_acl(cat: &Catalog, class: u32, oid: u32) -> (u32, Acl) {
    let owner = system::SUPERUSER;
    let kind = match class {
        table::PG_PROC => AclKind::Function,
        table::PG_TYPE => AclKind::Type,
        table::PG_LANGUAGE => AclKind::Language,
        _ => AclKind::Tablespace,
    };
    // A row type's owner is its relation's, and nothing can be granted on arrays: their elements count.
    let is_type = class == table::PG_TYPE;
    let owner = match (cat.row_types.get(&oid), cat.type_of(oid)) {
        (Some(rel), _) if is_type => cat.relation(*rel).map_or(owner, |r| r.owner),
        (_, Some(t)) if is_type => t.owner,
        _ => owner,
    };
    if class == table::PG_PROC
        && let Some(r) = cat.routines.get(&oid)
    {
        return (r.owner, r.acl.clone().unwrap_or_else(|| Acl::default_for(kind, r.owner)));
    }
    let acl = cat.rights.objects.get(&(class, oid)).cloned();
    (owner, acl.unwrap_or_else(|| Acl::default_for(kind, owner)))
}

/// What a role holds of `mask` on such an object.
pub fn on_object(cat: &Catalog, class: u32, oid: u32, role: u32, mask: Mask) -> Mask {
    if is_superuser(cat, role) {
        return mask;
    }
    let oid = if class == table::PG_TYPE { element_or_self(oid) } else { oid };
    let (owner, acl) = object_acl(cat, class, oid);
    acl.held(cat, role, owner, mask)
}

/// Rights are those of an array's elements.
fn element_or_self(ty: u32) -> u32 {
    rustydb_types::oid::array_element(ty).unwrap_or(ty)
}

/// 42501 unless a role may use a type for what it defines.
pub fn need_type(cat: &Catalog, ty: u32, role: u32) -> rustydb_base::Result<()> {
    if on_object(cat, table::PG_TYPE, ty, role, Mask::of(privs::USAGE)).privs != 0 {
        return Ok(());
    }
    Err(denied("type", &rustydb_types::typename::format_type(element_or_self(ty), -1)))
}

/// What kind of relation, in messages about rights.
pub fn relation_word(k: RelKind) -> &'static str {
    match k {
        RelKind::Index => "index",
        RelKind::Sequence => "sequence",
        RelKind::View => "view",
        RelKind::MaterializedView => "materialized view",
        _ => "table",
    }
}
