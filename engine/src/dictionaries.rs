//! Text search dictionaries that are made from files: where those are, and what has been made, kept for the whole server.
//!
//! A definition has a version that no other has, so what is kept under it never goes stale; a changed file is read when the
//! dictionary is altered (or the server started) again. The cache is bounded and emptied when it is full: a dictionary that
//! is in use stays alive with its users.

use crate::catalog::objects::{self, Body, Kind};
use crate::catalog::{Catalog, FIRST_USER_OID};
use parking_lot::Mutex;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_types::pgdata;
use rustydb_types::tsearch::dict::{self, Config, Dictionary};
use rustydb_types::tsearch::files::{Files, Unread};
use rustydb_types::tsearch::thesaurus::Dictionaries;
use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Most dictionaries kept.
const MOST: usize = 64;
/// Longest file that is read.
const LONGEST: u64 = 64 << 20;
/// How deep dictionaries may stand above one another.
const DEEPEST: usize = 8;
/// Where PostgreSQL's own files are, if it is installed.
const INSTALLED: &str = "/usr/share/postgresql/15/tsearch_data";

/// The folders that hold files, the server's own first.
pub struct Folders(PathBuf);

impl Folders {
    /// Those of a server whose data is in a directory.
    pub fn of(data_dir: &Path) -> Folders {
        Folders(data_dir.join("tsearch_data"))
    }
}

impl Files for Folders {
    fn read(&self, name: &str) -> std::result::Result<String, Unread> {
        let own = self.0.join(name);
        let path = if own.exists() { own } else { Path::new(INSTALLED).join(name) };
        let unread = |reason: String| Unread { path: path.display().to_string(), reason };
        let os = |e: std::io::Error| {
            unread(match e.kind() {
                std::io::ErrorKind::NotFound => "No such file or directory".into(),
                std::io::ErrorKind::PermissionDenied => "Permission denied".into(),
                _ => e.to_string(),
            })
        };
        let file = std::fs::File::open(&path).map_err(os)?;
        let mut bytes = Vec::new();
        file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(os)?;
        if bytes.len() as u64 > LONGEST {
            return Err(unread("File too large".into()));
        }
        String::from_utf8(bytes).map_err(|_| unread("not in encoding UTF8".into()))
    }
}

/// Dictionaries by OID and version of their definition.
#[derive(Default)]
pub struct DictionaryCache(Mutex<HashMap<(u32, u64), Arc<Dictionary>>>);

/// What finding and making dictionaries takes.
pub struct Library<'a> {
    /// What has been made.
    pub cache: &'a DictionaryCache,
    /// Files.
    pub files: &'a Folders,
    /// Definitions.
    pub catalog: &'a Catalog,
    /// Schemas that bare names are looked for in.
    pub path: &'a [u32],
    /// How many dictionaries stand above.
    pub depth: usize,
}

impl Library<'_> {
    /// A dictionary by OID.
    pub fn dictionary(&self, oid: u32) -> Result<Arc<Dictionary>> {
        if let Some(d) = dict::built_in(oid) {
            return Ok(d);
        }
        let own = self.catalog.objects.get(&oid);
        let key = (oid, own.map_or(0, |o| o.version));
        if let Some(d) = self.cache.0.lock().get(&key) {
            return Ok(Arc::clone(d));
        }
        let made = Arc::new(match own.map(|o| &o.body) {
            Some(Body::Dictionary { template, options }) => {
                let options = dict::parse_options(options.as_deref().unwrap_or_default());
                self.make(*template, &options)?
            }
            _ if oid < FIRST_USER_OID => {
                let (lexize, options) = dict::built_in_parts(oid).ok_or_else(|| dict::no_dictionary(oid))?;
                dict::build(lexize, &options, self.files, self)?
            }
            _ => return Err(dict::no_dictionary(oid)),
        });
        let mut cache = self.cache.0.lock();
        if cache.len() >= MOST {
            cache.clear();
        }
        cache.insert(key, Arc::clone(&made));
        Ok(made)
    }

    /// A dictionary of a template and options.
    pub fn make(&self, template: u32, options: &[(String, String)]) -> Result<Dictionary> {
        let own = self.catalog.objects.get(&template).map(|o| &o.body);
        let (init, lexize) = match own {
            Some(Body::Template { init, lexize }) => (*init, *lexize),
            _ => pgdata::ts_templates()
                .iter()
                .find(|t| t.oid == template)
                .map(|t| (t.tmplinit, t.tmpllexize))
                .ok_or_else(|| DbError::internal(format!("cache lookup failed for text search template {template}")))?,
        };
        let name = |f: u32| pgdata::proc(f).map_or("", |p| p.proname);
        // A template's two functions work on the same data.
        let (init, lexize) = (name(init), name(lexize));
        if init.strip_suffix("_init") != lexize.strip_suffix("_lexize") {
            return Err(DbError::unsupported(format!(
                "dictionaries of a template with the functions \"{init}\" and \"{lexize}\" are not supported"
            )));
        }
        dict::build(lexize, options, self.files, self)
    }

    /// A configuration by OID.
    pub fn config(&self, oid: u32) -> Result<Arc<Config>> {
        if let Some(Body::Configuration { maps, .. }) = self.catalog.objects.get(&oid).map(|o| &o.body) {
            return Ok(Arc::new(Config::new(oid, maps.iter().map(|m| (m.0, m.2)))));
        }
        dict::built_in_config(oid).ok_or_else(|| dict::no_config(oid))
    }
}

impl Dictionaries for Library<'_> {
    fn named(&self, name: &str) -> Result<Arc<Dictionary>> {
        let missing =
            || DbError::new(SqlState::UNDEFINED_OBJECT, format!("text search dictionary \"{name}\" does not exist"));
        if self.depth >= DEEPEST {
            return Err(DbError::new(SqlState::PROGRAM_LIMIT_EXCEEDED, "dictionaries are nested too deeply"));
        }
        let (schema, bare) = name.split_once('.').map_or((None, name), |(s, n)| (Some(s), n));
        let path = match schema {
            Some(s) => vec![self.catalog.namespace_named(s).ok_or_else(missing)?],
            None => self.path.to_vec(),
        };
        let oid = objects::find(self.catalog, Kind::Dictionary, &path, bare).ok_or_else(missing)?;
        Library { depth: self.depth + 1, ..*self }.dictionary(oid)
    }
}
