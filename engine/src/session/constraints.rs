//! SET CONSTRAINTS, and the deferred checks at commit.

use super::Session;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_parser::ast::SetConstraints;

impl Session {
    /// SET CONSTRAINTS: applies to checks already waiting too, if the mode is now IMMEDIATE.
    pub(super) async fn set_constraints(&mut self, s: &SetConstraints) -> Result<String> {
        if !self.in_block() {
            self.shared
                .warning(SqlState::NO_ACTIVE_SQL_TRANSACTION, "SET CONSTRAINTS can only be used in transaction blocks");
        }
        let catalog = std::sync::Arc::clone(self.tx()?.refresh_catalog());
        self.shared.set_catalog(&catalog);
        match &s.names {
            None => self.tx()?.deferred.set_all(s.deferred),
            Some(names) => {
                let mut oids = Vec::new();
                for n in names {
                    let spaces = match &n.schema {
                        Some(schema) => vec![catalog.namespace_named(&schema.value).ok_or_else(|| {
                            DbError::new(
                                SqlState::INVALID_SCHEMA_NAME,
                                format!("schema \"{}\" does not exist", schema.value),
                            )
                        })?],
                        None => self.path(&catalog).to_vec(),
                    };
                    let mut found = false;
                    for ns in spaces {
                        let all = catalog.relations.values().flat_map(|r| &r.constraints);
                        for c in all.filter(|c| c.namespace == ns && c.name == n.name.value) {
                            found = true;
                            if c.deferrable {
                                oids.push(c.oid);
                            } else if s.deferred {
                                return Err(DbError::new(
                                    SqlState::WRONG_OBJECT_TYPE,
                                    format!("constraint \"{}\" is not deferrable", c.name),
                                ));
                            }
                        }
                        if found {
                            break;
                        }
                    }
                    if !found {
                        return Err(DbError::new(
                            SqlState::UNDEFINED_OBJECT,
                            format!("constraint \"{}\" does not exist", n.name.value),
                        ));
                    }
                }
                let deferred = &mut self.tx()?.deferred;
                for oid in oids {
                    deferred.set(oid, s.deferred);
                }
            }
        }
        if !s.deferred {
            let env = self.env();
            self.tx()?.make_deferred_checks(&env, false).await?;
        }
        Ok("SET CONSTRAINTS".into())
    }

    /// Before a commit: the checks put off.
    pub(super) async fn check_deferred(&mut self) -> Result<()> {
        if self.tx.tx.as_ref().is_none_or(|t| t.deferred.is_empty()) {
            return Ok(());
        }
        let env = self.env();
        self.tx()?.make_deferred_checks(&env, true).await
    }
}
