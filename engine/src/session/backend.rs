//! The engine as the server sees it.

use super::{
    CHECK_KERNELS, ENCRYPTION_KERNELS, KERNELS, LISTING_KERNELS, LOCK_KERNELS, NOTIFY_KERNELS, PRIVILEGE_KERNELS,
    RECYCLEBIN_KERNELS, SNAPSHOT_KERNELS, Session, TWO_PHASE_KERNELS,
};
use crate::acl::membership::is_member_of_nosuper;
use crate::api::{Backend, HostRule, PeerInfo, RoleAuth, SqlSession};
use crate::engine::{Engine, EngineOptions};
use crate::hba;
use async_trait::async_trait;
use rustydb_base::Result;
use rustydb_types::registry;
use std::sync::Arc;

/// An open engine behind the server's door.
pub struct EngineBackend(Arc<Engine>);

/// Makes the functions of this crate known to the registry.
pub fn add_kernels() {
    let own = [
        KERNELS,
        CHECK_KERNELS,
        RECYCLEBIN_KERNELS,
        ENCRYPTION_KERNELS,
        LISTING_KERNELS,
        LOCK_KERNELS,
        NOTIFY_KERNELS,
        PRIVILEGE_KERNELS,
        SNAPSHOT_KERNELS,
        TWO_PHASE_KERNELS,
        crate::stats::KERNELS,
        crate::query_stats::KERNELS,
    ];
    let expressions: [&[_]; 4] = [
        rustydb_types::xml::EXPRESSIONS,
        rustydb_types::xml::TABLE,
        rustydb_types::funcs::sqljson::KERNELS,
        rustydb_types::funcs::sqljson_make::KERNELS,
    ];
    registry::add_kernels(&[&own, crate::functions::TABLES, &expressions].concat());
}

impl EngineBackend {
    /// Opens the engine on a data directory, making it first if it is new.
    pub async fn open(options: EngineOptions) -> Result<EngineBackend> {
        add_kernels();
        Engine::open(options).await.map(EngineBackend)
    }

    /// The engine.
    pub fn engine(&self) -> &Arc<Engine> {
        &self.0
    }
}

#[async_trait]
impl Backend for EngineBackend {
    async fn role(&self, name: &str) -> Result<Option<RoleAuth>> {
        let Some(db) = self.0.any_database() else { return Ok(None) };
        let role = db.catalog().role_named(name).cloned();
        Ok(role.map(|r| {
            let expired = r.valid_until.is_some_and(|t| t <= super::now_micros());
            RoleAuth {
                can_login: r.login,
                superuser: r.superuser,
                // A password that is no longer valid is as good as none.
                verifier: if expired { None } else { r.password.clone() },
            }
        }))
    }

    fn host_rule(&self, user: &str, database: &str, peer: &PeerInfo) -> HostRule {
        let Some(rules) = &self.0.host_rules else { return HostRule::Default };
        let catalog = self.0.any_database().map(|d| d.catalog());
        let member = |role: &str| {
            let Some(cat) = &catalog else { return false };
            match (cat.role_named(user), cat.role_named(role)) {
                (Some(u), Some(r)) => is_member_of_nosuper(cat, u.oid, r.oid),
                _ => false,
            }
        };
        let asked = hba::Asked { user, database, address: peer.address.map(|a| a.ip()), tls: peer.tls };
        match rules.decide(&asked, &member) {
            Some(hba::Method::Trust) => HostRule::Trust,
            Some(hba::Method::Reject) => HostRule::Reject,
            Some(hba::Method::Scram) => HostRule::Scram,
            Some(hba::Method::Password) => HostRule::Password,
            None => HostRule::NoEntry,
        }
    }

    fn reload(&self) {
        self.0.reload();
    }

    async fn connect(&self, params: &[(String, String)], peer: &PeerInfo) -> Result<Box<dyn SqlSession>> {
        Ok(Box::new(Session::open(&self.0, params, peer)?))
    }

    async fn shutdown(&self) -> Result<()> {
        self.0.close().await
    }
}
