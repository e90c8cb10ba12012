//! CREATE and DROP DATABASE: alone in a transaction that is committed here, as what the statement makes or removes is
//! for all sessions at once.

use super::Session;
use crate::ddl::{self, DdlCx};
use rustydb_base::Result;
use rustydb_parser::ast;

impl Session {
    /// Runs `f` with what definitions are given, and tells its notices.
    pub(super) async fn define<T>(
        &mut self,
        text: &str,
        f: impl AsyncFnOnce(&mut DdlCx<'_>) -> Result<T>,
    ) -> Result<T> {
        self.tx.used = true;
        let (eval, env) = (self.eval(), self.env());
        let role = self.shared.user_oid();
        let catalog = std::sync::Arc::clone(self.tx()?.refresh_catalog());
        self.shared.set_catalog(&catalog);
        let search_path = self.path(&catalog).to_vec();
        let tx = self.tx()?;
        let mut cx = DdlCx::new(tx, search_path, role, &eval, &env, text, false);
        let r = f(&mut cx).await;
        for (severity, n) in std::mem::take(&mut cx.notices) {
            self.shared.notice(severity, n);
        }
        r
    }

    /// CREATE DATABASE.
    pub(super) async fn create_database(&mut self, s: &ast::CreateDatabase, text: &str) -> Result<String> {
        self.must_be_alone("CREATE DATABASE")?;
        let oid = self.define(text, async |cx| ddl::database::create(cx, s).await).await?;
        self.end_implicit().await?;
        self.engine.add_database(oid).await?;
        Ok("CREATE DATABASE".into())
    }

    /// DROP DATABASE.
    pub(super) async fn drop_database(&mut self, s: &ast::DropDatabase, text: &str) -> Result<String> {
        self.must_be_alone("DROP DATABASE")?;
        let gone = self.define(text, async |cx| ddl::database::drop(cx, s).await).await?;
        self.end_implicit().await?;
        if let Some((oid, _closing)) = gone {
            self.engine.remove_database(oid);
        }
        Ok("DROP DATABASE".into())
    }
}
