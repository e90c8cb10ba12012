//! OWNER, GRANT and COMMENT of large objects, and their part in REASSIGN and DROP OWNED.
//!
//! There may be many, so the catalog snapshot does not have them: they are looked up in their table.

use super::{DdlCx, comment, err};
use crate::acl::Acl;
use crate::acl::check::{not_owner, owns};
use crate::large_object::{Metadata, PG_LARGEOBJECT, change, metadata, missing, newest, picked, remove};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::ObjectRef;

/// The OID of a statement's object.
fn number(o: &ObjectRef) -> Result<u32> {
    let ObjectRef::Oid(text) = o else { return Err(DbError::internal("a large object without a number")) };
    text.parse().map_err(|_| {
        let m = format!("invalid input syntax for type oid: \"{text}\"");
        err(SqlState::INVALID_TEXT_REPRESENTATION, m)
    })
}

/// The large object that a statement names.
pub(super) async fn named(cx: &mut DdlCx<'_>, o: &ObjectRef) -> Result<Metadata> {
    let oid = number(o)?;
    let snap = newest(cx.tx);
    metadata(cx.tx, cx.eval, &snap, oid).await?.ok_or_else(|| missing(oid))
}

async fn owned(cx: &mut DdlCx<'_>, o: &ObjectRef) -> Result<Metadata> {
    let m = named(cx, o).await?;
    if !owns(&cx.tx.catalog, cx.role, m.owner) {
        return Err(not_owner("large object", &m.oid.to_string()));
    }
    Ok(m)
}

/// ALTER LARGE OBJECT … OWNER TO.
pub(super) async fn set_owner(cx: &mut DdlCx<'_>, o: &ObjectRef, owner: u32) -> Result<()> {
    let m = owned(cx, o).await?;
    if m.owner == owner {
        return Ok(());
    }
    super::owned::check_new_owner(cx, owner, None)?;
    give(cx, &m, owner).await
}

async fn give(cx: &mut DdlCx<'_>, m: &Metadata, owner: u32) -> Result<()> {
    let acl = m.acl.as_ref().map(|a| a.with_owner(m.owner, owner));
    change(cx.tx, m, &Metadata { oid: m.oid, owner, acl }).await
}

/// COMMENT ON LARGE OBJECT.
pub(super) async fn set_comment(cx: &mut DdlCx<'_>, o: &ObjectRef, text: Option<&str>) -> Result<()> {
    let m = owned(cx, o).await?;
    comment::write(cx, m.oid, PG_LARGEOBJECT, 0, text).await
}

/// Stores a list of privileges.
pub(super) async fn put_list(cx: &mut DdlCx<'_>, m: &Metadata, acl: Acl) -> Result<()> {
    change(cx.tx, m, &Metadata { acl: Some(acl), ..m.clone() }).await
}

/// What ties a role to large objects: the OID, whether it is their owner, and the words.
pub(super) async fn ties(cx: &mut DdlCx<'_>, role: u32) -> Result<Vec<(u32, bool, String)>> {
    let tied = |m: &Metadata| m.owner == role || m.acl.as_ref().is_some_and(|a| a.mentions(role));
    let found = picked(cx.tx, cx.eval, tied).await?;
    let words = |m: &Metadata| if m.owner == role { "owner of" } else { "privileges for" };
    Ok(found.iter().map(|m| (m.oid, m.owner == role, format!("{} large object {}", words(m), m.oid))).collect())
}

/// REASSIGN OWNED.
pub(super) async fn reassign(cx: &mut DdlCx<'_>, from: &[u32], to: u32) -> Result<()> {
    for m in picked(cx.tx, cx.eval, |m| from.contains(&m.owner)).await? {
        give(cx, &m, to).await?;
    }
    Ok(())
}

/// DROP OWNED: the large objects of a role, and its privileges on others.
pub(super) async fn forget_role(cx: &mut DdlCx<'_>, role: u32) -> Result<()> {
    let cat = cx.cat();
    for m in picked(cx.tx, cx.eval, |m| m.acl.as_ref().is_some_and(|a| a.mentions(role)) || m.owner == role).await? {
        if m.owner == role {
            remove(cx.tx, cx.eval, &m).await?;
        } else if let Some(a) = &m.acl {
            let acl = a.without(&cat, role, m.owner)?;
            put_list(cx, &m, acl).await?;
        }
    }
    Ok(())
}
