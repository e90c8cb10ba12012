//! What catalog functions see of a session.

use super::sequence::wait_here;
use super::shared::SessionShared;
use crate::catalog::{Catalog, RelKind};
use crate::functions::{Activity, CatalogAccess};
use crate::settings::Settings;
use rustydb_base::{RelId, Result};
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl CatalogAccess for SessionShared {
    fn catalog(&self) -> Arc<Catalog> {
        SessionShared::catalog(self)
    }

    fn search_path(&self) -> Vec<u32> {
        SessionShared::search_path(self, &SessionShared::catalog(self))
    }

    fn identity_value(&self, sequence: u32) -> Result<i64> {
        super::sequence::identity_value(self, sequence)
    }

    fn pid(&self) -> i32 {
        self.pid
    }

    fn role(&self) -> u32 {
        self.user_oid()
    }

    fn temp_schema(&self) -> Option<u32> {
        self.temp_namespace(&SessionShared::catalog(self))
    }

    fn with_settings(&self, f: &mut dyn FnMut(&Settings)) {
        self.settings(f);
    }

    fn file_bytes(&self, file: RelId) -> Result<u64> {
        wait_here(self.engine.store().relation_bytes(file))
    }

    fn sequence_last(&self, sequence: u32) -> Result<Option<i64>> {
        let cat = SessionShared::catalog(self);
        let found = cat.relation(sequence).filter(|r| r.kind == RelKind::Sequence);
        let Some(file) = found.and_then(|r| r.sequence.as_ref()).map(|s| s.storage) else { return Ok(None) };
        let state = wait_here(self.engine.store().sequence_get(file))?;
        Ok(state.is_called.then_some(state.last))
    }

    fn catalog_of(&self, database: u32) -> Option<Arc<Catalog>> {
        self.engine.database_by_oid(database).map(|d| d.catalog())
    }

    fn data_dir(&self) -> std::path::PathBuf {
        self.engine.data_dir.clone()
    }

    fn host_lines(&self) -> Result<Vec<crate::hba::Line>> {
        self.engine.host_rules.as_ref().map_or(Ok(Vec::new()), crate::hba::HostRules::lines)
    }

    fn reload(&self) {
        self.engine.reload();
    }

    fn activity(&self) -> Vec<Activity> {
        self.engine
            .sessions
            .all()
            .iter()
            .map(|s| {
                let seen = s.seen();
                // Of a session that does not want it nothing is said, as in PostgreSQL.
                let told = s.settings(|x| x.is_on("track_activities"));
                let told_at = |t: Option<i64>| t.filter(|_| told);
                Activity {
                    pid: s.pid,
                    database: Some(s.database_oid),
                    role: Some(s.session_role().oid),
                    application: s.settings(|x| x.get("application_name").to_owned()),
                    client: s.peer.address,
                    started: s.started,
                    transaction_start: told_at(seen.transaction_start),
                    query_start: told_at(seen.query_start),
                    state_change: told_at(seen.state_change),
                    state: Some(match (s.is_running(), seen.transaction_start) {
                        _ if !told => "disabled",
                        (true, _) => "active",
                        (false, Some(_)) => "idle in transaction",
                        (false, None) => "idle",
                    }),
                    query: if told { seen.query.to_string() } else { String::new() },
                    query_id: s.query_id.load(Ordering::Relaxed),
                    encrypted: s.peer.tls,
                }
            })
            .collect()
    }
}
