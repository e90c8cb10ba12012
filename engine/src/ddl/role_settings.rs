//! ALTER DATABASE … SET, ALTER ROLE … SET: settings that sessions begin with.

use super::{DdlCx, err};
use crate::session::SessionShared;
use crate::settings;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, SetAction};

/// Runs the statement and answers its tag.
pub async fn alter(cx: &mut DdlCx<'_>, s: &ast::AlterSetting) -> Result<String> {
    let cat = cx.cat();
    let mut role = 0;
    if let Some(spec) = &s.role {
        role = cx.role_of(spec)?;
        let superuser = cat.roles.get(&role).is_some_and(|r| r.superuser);
        let own = role == cx.role;
        let may_alter = cat.roles.get(&cx.role).is_some_and(|r| r.superuser || r.create_role && !superuser);
        if superuser && !cx.is_superuser() {
            return Err(err(
                SqlState::INSUFFICIENT_PRIVILEGE,
                "must be superuser to alter superuser roles or change superuser attribute",
            ));
        }
        if !own && !may_alter {
            return Err(err(SqlState::INSUFFICIENT_PRIVILEGE, "permission denied"));
        }
    }
    let mut database = 0;
    if let Some(name) = &s.database {
        let d = cat
            .databases
            .get(&name.value)
            .ok_or_else(|| err(SqlState::UNDEFINED_DATABASE, format!("database \"{}\" does not exist", name.value)))?;
        database = d.oid;
        if s.role.is_none() {
            cx.check_owner(d.owner, "database", &name.value)?;
        }
    } else if s.all_roles && !cx.is_superuser() {
        return Err(err(SqlState::INSUFFICIENT_PRIVILEGE, "must be superuser to alter settings globally"));
    }
    let mut list = cat.role_settings.get(&(database, role)).map_or_else(Vec::new, |l| (**l).clone());
    match &s.set.action {
        SetAction::Value(name, values) => {
            let text = crate::session::value_text(name, values)?;
            set(cx, &mut list, name, &text)?;
        }
        SetAction::FromCurrent(name) => {
            let value = cx.eval.session.setting(name);
            let value = value.ok_or_else(|| settings::unrecognized(name))?;
            set(cx, &mut list, name, &value)?;
        }
        SetAction::Default(name) => {
            let shown = check(cx, name, None)?;
            list.retain(|(k, _)| *k != shown);
        }
        // What the role may not set it may not reset either.
        SetAction::ResetAll => list.retain(|(k, _)| check(cx, k, None).is_err()),
        _ => return Err(DbError::unsupported("this form of SET is not supported here")),
    }
    cx.tx.put_role_settings(database, role, list).await?;
    Ok(if s.role.is_some() || s.all_roles { "ALTER ROLE" } else { "ALTER DATABASE" }.into())
}

/// The setting's own spelling, if the role may set it to the value.
fn check(cx: &DdlCx<'_>, name: &str, value: Option<&str>) -> Result<String> {
    let Some(session) = cx.eval.session.as_any().downcast_ref::<SessionShared>() else {
        return Err(DbError::internal("settings are changed outside a session"));
    };
    let mut scratch = session.settings(Clone::clone);
    scratch.set(name, value, false, cx.is_superuser())
}

fn set(cx: &DdlCx<'_>, list: &mut Vec<(String, String)>, name: &str, value: &str) -> Result<()> {
    let shown = check(cx, name, Some(value))?;
    match list.iter_mut().find(|(k, _)| *k == shown) {
        Some(x) => value.clone_into(&mut x.1),
        None => list.push((shown, value.to_owned())),
    }
    Ok(())
}
