//! CREATE, ALTER and DROP DATABASE, as far as they are changes of the catalog. The session runs them alone, and lets
//! sessions connect to what was made (or keeps them from what goes) around the commit.

use super::{DdlCx, err};
use crate::catalog::{Database, system};
use crate::engine::Closing;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::{self, DefOption, DefValue, Ident};
use std::sync::Arc;
use std::time::Duration;

/// How often, and how long apart, it is looked whether other sessions have left a database.
const LOOKS: (u32, Duration) = (50, Duration::from_millis(100));

fn no_database(name: &str) -> DbError {
    err(SqlState::UNDEFINED_DATABASE, format!("database \"{name}\" does not exist"))
}

fn text(o: &DefOption) -> Option<String> {
    match o.value.as_ref()? {
        DefValue::Word(w) | DefValue::String(w) | DefValue::Number(w) => Some(w.clone()),
        _ => None,
    }
}

fn boolean(o: &DefOption) -> Result<bool> {
    let Some(t) = text(o) else { return Ok(true) };
    match t.to_ascii_lowercase().as_str() {
        "true" | "on" | "1" => Ok(true),
        "false" | "off" | "0" => Ok(false),
        _ => Err(err(SqlState::SYNTAX_ERROR, format!("{} requires a Boolean value", o.name.value))),
    }
}

fn limit(o: &DefOption) -> Result<i32> {
    let n = text(o).map_or(Some(-1), |t| t.trim_start_matches('+').parse::<i32>().ok());
    let n = n.ok_or_else(|| err(SqlState::SYNTAX_ERROR, format!("{} requires an integer value", o.name.value)))?;
    if n < -1 {
        return Err(err(SqlState::INVALID_PARAMETER_VALUE, format!("invalid connection limit: {n}")));
    }
    Ok(n)
}

/// A locale's name, if text in it is ordered by its bytes.
fn check_locale(name: &str) -> Result<()> {
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    match plain.as_str() {
        "c" | "posix" | "cutf8" => Ok(()),
        _ if name.contains(['_', '.']) => Err(DbError::unsupported(format!(
            "locale \"{name}\" is not supported: text is ordered by its bytes, as in the locales C and C.UTF-8"
        ))),
        _ => Err(err(SqlState::WRONG_OBJECT_TYPE, format!("invalid locale name: \"{name}\""))),
    }
}

fn check_encoding(cx: &DdlCx<'_>, o: &DefOption) -> Result<()> {
    let Some(t) = text(o) else { return Ok(()) };
    let at = cx.pos(o.name.pos);
    let plain: String = t.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    match plain.as_str() {
        "utf8" | "unicode" | "6" => Ok(()),
        _ if t.parse::<i32>().is_ok_and(|n| !(-1..=41).contains(&n)) => {
            Err(err(SqlState::UNDEFINED_OBJECT, format!("{t} is not a valid encoding code")).at(at))
        }
        p if p.starts_with("latin")
            || p.starts_with("win")
            || p.starts_with("iso")
            || p.starts_with("euc")
            || p.starts_with("koi8")
            || matches!(p, "sqlascii" | "muleinternal")
            || t.parse::<i32>().is_ok() =>
        {
            Err(DbError::unsupported(format!("encoding \"{t}\" is not supported: use UTF8")).at(at))
        }
        _ => Err(err(SqlState::UNDEFINED_OBJECT, format!("{t} is not a valid encoding name")).at(at)),
    }
}

/// Options that are there once, by name.
struct Options<'o>(Vec<&'o DefOption>);

impl<'o> Options<'o> {
    fn of(cx: &DdlCx<'_>, list: &'o [DefOption], known: &[&str]) -> Result<Options<'o>> {
        let mut seen: Vec<&DefOption> = Vec::new();
        for o in list {
            let at = cx.pos(o.name.pos);
            if !known.contains(&o.name.value.as_str()) {
                let e = err(SqlState::SYNTAX_ERROR, format!("option \"{}\" not recognized", o.name.value));
                return Err(e.at(at));
            }
            if seen.iter().any(|s| s.name.value == o.name.value) {
                return Err(err(SqlState::SYNTAX_ERROR, "conflicting or redundant options").at(at));
            }
            seen.push(o);
        }
        Ok(Options(seen))
    }

    fn get(&self, name: &str) -> Option<&'o DefOption> {
        self.0.iter().find(|o| o.name.value == name).copied()
    }
}

fn check_tablespace(o: Option<&DefOption>) -> Result<()> {
    match o.and_then(text).as_deref() {
        None | Some("pg_default") => Ok(()),
        Some("pg_global") => {
            Err(err(SqlState::INVALID_PARAMETER_VALUE, "pg_global cannot be used as default tablespace"))
        }
        Some(t) => Err(err(SqlState::UNDEFINED_OBJECT, format!("tablespace \"{t}\" does not exist"))),
    }
}

impl DdlCx<'_> {
    fn may_create_databases(&self) -> bool {
        self.tx.catalog.roles.get(&self.role).is_some_and(|r| r.superuser || r.create_db)
    }

    fn find_database(&self, name: &str) -> Result<Arc<Database>> {
        self.tx.catalog.databases.get(name).cloned().ok_or_else(|| no_database(name))
    }

    /// The role that is to own a database.
    fn owner_named(&self, name: &str) -> Result<u32> {
        let cat = &self.tx.catalog;
        let role = cat
            .role_named(name)
            .ok_or_else(|| err(SqlState::UNDEFINED_OBJECT, format!("role \"{name}\" does not exist")))?;
        super::owned::check_new_owner(self, role.oid, None)?;
        Ok(role.oid)
    }

    /// Waits a while for other sessions to leave a database that nobody can connect to meanwhile.
    async fn others_leave(&self, d: &Database, source: bool) -> Result<()> {
        let me = self.eval.session.as_any().downcast_ref::<crate::session::SessionShared>().map_or(0, |s| s.pid);
        let engine = self.tx.db.engine();
        let count = || engine.sessions.all().iter().filter(|s| s.database_oid == d.oid && s.pid != me).count();
        let mut others = count();
        for _ in 0..LOOKS.0 {
            if others == 0 {
                return Ok(());
            }
            self.env.interrupt.check()?;
            tokio::time::sleep(LOOKS.1).await;
            others = count();
        }
        if others == 0 {
            return Ok(());
        }
        let what = if source { "source database" } else { "database" };
        let detail = match others {
            1 => "There is 1 other session using the database.".to_owned(),
            n => format!("There are {n} other sessions using the database."),
        };
        Err(err(SqlState::OBJECT_IN_USE, format!("{what} \"{}\" is being accessed by other users", d.name))
            .detail(detail))
    }

    /// Keeps everyone from connecting to a database.
    fn close(&self, d: &Database) -> Result<Closing> {
        self.tx.db.engine().close_database(d.oid).ok_or_else(|| {
            err(SqlState::OBJECT_IN_USE, format!("database \"{}\" is being changed by another session", d.name))
        })
    }
}

/// A database's own collation is one of libc's; what PostgreSQL says of a wrong request for another comes first.
fn check_icu(icu: bool, locale: Option<&str>, template: &str) -> Result<()> {
    match locale {
        None if icu => return Err(err(SqlState::INVALID_PARAMETER_VALUE, "ICU locale must be specified")),
        Some(_) if !icu => {
            let text = "ICU locale cannot be specified unless locale provider is ICU";
            return Err(err(SqlState::INVALID_OBJECT_DEFINITION, text));
        }
        None => return Ok(()),
        Some(l) => super::collation::check_icu_locale(l)?,
    }
    if template != "template0" {
        let text = "new locale provider (icu) does not match locale provider of the template database (libc)";
        return Err(err(SqlState::INVALID_PARAMETER_VALUE, text)
            .hint("Use the same locale provider as in the template database, or use template0 as template."));
    }
    Err(DbError::unsupported("databases of the locale provider icu are not supported"))
}

/// CREATE DATABASE. Answers its OID; sessions may connect once the transaction has committed.
pub async fn create(cx: &mut DdlCx<'_>, s: &ast::CreateDatabase) -> Result<u32> {
    const KNOWN: [&str; 16] = [
        "owner",
        "template",
        "encoding",
        "locale",
        "lc_collate",
        "lc_ctype",
        "icu_locale",
        "locale_provider",
        "is_template",
        "allow_connections",
        "connection_limit",
        "tablespace",
        "collation_version",
        "location",
        "oid",
        "strategy",
    ];
    let name = s.name.value.as_str();
    let o = Options::of(cx, &s.options, &KNOWN)?;
    let at = |d: &DefOption| cx.pos(d.name.pos);
    if let Some(d) = o.get("oid").or(o.get("collation_version")) {
        let word = d.name.value.to_uppercase();
        return Err(DbError::unsupported(format!("CREATE DATABASE ... {word} is not supported yet")).at(at(d)));
    }
    let icu = match o.get("locale_provider").and_then(text).map(|t| t.to_ascii_lowercase()).as_deref() {
        None | Some("libc") => false,
        Some("icu") => true,
        Some(p) => {
            return Err(err(SqlState::INVALID_OBJECT_DEFINITION, format!("unrecognized locale provider: {p}")));
        }
    };
    if let Some(d) = o.get("encoding") {
        check_encoding(cx, d)?;
    }
    let allow_connections = o.get("allow_connections").map(boolean).transpose()?.unwrap_or(true);
    let is_template = o.get("is_template").map(boolean).transpose()?.unwrap_or(false);
    let connection_limit = o.get("connection_limit").map(limit).transpose()?.unwrap_or(-1);
    let owner = match o.get("owner").and_then(text) {
        Some(n) => cx.owner_named(&n)?,
        None => cx.role,
    };
    if !cx.may_create_databases() {
        return Err(err(SqlState::INSUFFICIENT_PRIVILEGE, "permission denied to create database"));
    }
    let template = o.get("template").and_then(text).unwrap_or_else(|| "template1".to_owned());
    let Some(source) = cx.tx.catalog.databases.get(&template).cloned() else {
        return Err(err(SqlState::UNDEFINED_DATABASE, format!("template database \"{template}\" does not exist")));
    };
    if !source.is_template && source.owner != cx.role && !cx.is_superuser() {
        return Err(err(
            SqlState::INSUFFICIENT_PRIVILEGE,
            format!("permission denied to copy database \"{template}\""),
        ));
    }
    if let Some(st) = o.get("strategy").and_then(text)
        && !matches!(st.to_ascii_lowercase().as_str(), "wal_log" | "file_copy")
    {
        return Err(err(SqlState::INVALID_PARAMETER_VALUE, format!("invalid create database strategy \"{st}\""))
            .hint("Valid strategies are \"wal_log\" and \"file_copy\"."));
    }
    let of = |names: [&str; 2]| names.iter().find_map(|n| o.get(n)).and_then(text);
    let (collate, ctype) = (of(["lc_collate", "locale"]), of(["lc_ctype", "locale"]));
    for l in [&collate, &ctype].into_iter().flatten() {
        check_locale(l)?;
    }
    check_icu(icu, o.get("icu_locale").and_then(text).as_deref(), &template)?;
    let locale = (collate.unwrap_or_else(|| source.locale.0.clone()), ctype.unwrap_or_else(|| source.locale.1.clone()));
    if template != "template0" && locale != source.locale {
        let (word, new, old) = if locale.0 == source.locale.0 {
            ("LC_CTYPE", &locale.1, &source.locale.1)
        } else {
            ("collation", &locale.0, &source.locale.0)
        };
        return Err(err(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("new {word} ({new}) is incompatible with the {word} of the template database ({old})"),
        )
        .hint(format!("Use the same {word} as in the template database, or use template0 as template.")));
    }
    check_tablespace(o.get("tablespace"))?;
    if cx.tx.catalog.databases.contains_key(name) {
        return Err(err(SqlState::DUPLICATE_DATABASE, format!("database \"{name}\" already exists")));
    }
    let engine = Arc::clone(cx.tx.db.engine());
    let from = engine.database_by_oid(source.oid).ok_or_else(|| no_database(&template))?;
    // While it is copied nobody changes the template's definitions.
    let closing = if source.oid == cx.tx.db.oid { None } else { Some(cx.close(&source)?) };
    cx.others_leave(&source, true).await?;
    let oid = engine.store().reserve_relations(system::PER_DATABASE, true)?.0;
    let d = Database {
        oid,
        name: name.to_owned(),
        owner,
        allow_connections,
        is_template,
        connection_limit,
        locale,
        acl: None,
    };
    cx.tx.put_database(d).await?;
    let interrupt = cx.env.interrupt.clone();
    crate::database::copy(cx.tx, &from, oid, cx.eval, interrupt).await?;
    std::mem::drop(closing);
    Ok(oid)
}

/// DROP DATABASE. Answers the OID of what is gone once the transaction has committed, and what keeps sessions away until
/// then; `None` when there was nothing to drop.
pub async fn drop(cx: &mut DdlCx<'_>, s: &ast::DropDatabase) -> Result<Option<(u32, Closing)>> {
    let name = s.name.value.as_str();
    let Some(d) = cx.tx.catalog.databases.get(name).cloned() else {
        if s.if_exists {
            cx.notice(err(SqlState::SUCCESSFUL_COMPLETION, format!("database \"{name}\" does not exist, skipping")));
            return Ok(None);
        }
        return Err(no_database(name));
    };
    cx.check_owner(d.owner, "database", name)?;
    if d.is_template {
        return Err(err(SqlState::WRONG_OBJECT_TYPE, "cannot drop a template database"));
    }
    if d.oid == cx.tx.db.oid {
        return Err(err(SqlState::OBJECT_IN_USE, "cannot drop the currently open database"));
    }
    let engine = Arc::clone(cx.tx.db.engine());
    let db = engine.database_by_oid(d.oid).ok_or_else(|| no_database(name))?;
    let closing = cx.close(&d)?;
    if s.force {
        for other in engine.sessions.all().iter().filter(|x| x.database_oid == d.oid) {
            crate::api::Canceller::terminate(&**other);
        }
    }
    cx.others_leave(&d, false).await?;
    super::comment::write(cx, d.oid, crate::catalog::rows::table::PG_DATABASE, 0, None).await?;
    cx.tx.drop_database(d.oid).await?;
    crate::database::drop_files(cx.tx, &db).await?;
    Ok(Some((d.oid, closing)))
}

/// ALTER DATABASE … RENAME TO. What keeps sessions away is to be held until the commit.
pub async fn rename(cx: &mut DdlCx<'_>, from: &str, to: &str) -> Result<()> {
    let d = cx.find_database(from)?;
    cx.check_owner(d.owner, "database", from)?;
    if !cx.may_create_databases() {
        return Err(err(SqlState::INSUFFICIENT_PRIVILEGE, "permission denied to rename database"));
    }
    if cx.tx.catalog.databases.contains_key(to) {
        return Err(err(SqlState::DUPLICATE_DATABASE, format!("database \"{to}\" already exists")));
    }
    if d.oid == cx.tx.db.oid {
        return Err(DbError::unsupported("current database cannot be renamed"));
    }
    let _closing = cx.close(&d)?;
    cx.others_leave(&d, false).await?;
    cx.tx.put_database(Database { name: to.to_owned(), ..(*d).clone() }).await
}

/// ALTER DATABASE with options.
pub async fn alter(cx: &mut DdlCx<'_>, name: &Ident, options: &[DefOption]) -> Result<()> {
    let o = Options::of(cx, options, &["is_template", "allow_connections", "connection_limit", "tablespace"])?;
    let d = cx.find_database(&name.value)?;
    let mut new = (*d).clone();
    if let Some(x) = o.get("is_template") {
        new.is_template = boolean(x)?;
    }
    if let Some(x) = o.get("allow_connections") {
        new.allow_connections = boolean(x)?;
    }
    if let Some(x) = o.get("connection_limit") {
        new.connection_limit = limit(x)?;
    }
    cx.check_owner(d.owner, "database", &name.value)?;
    check_tablespace(o.get("tablespace"))?;
    if !new.allow_connections && d.oid == cx.tx.db.oid {
        return Err(err(SqlState::INVALID_PARAMETER_VALUE, "cannot disallow connections for current database"));
    }
    cx.tx.put_database(new).await
}
