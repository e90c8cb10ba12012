//! The FunctionCall message: one call of a function by its OID. libpq's large object functions speak it.

use super::Session;
use super::extended::utf8;
use super::txn::aborted;
use crate::acl::check::{denied, on_object};
use crate::acl::{Mask, privs};
use crate::bind::type_ref;
use crate::catalog::Catalog;
use crate::catalog::rows::table;
use crate::exec::eval::{Env, compile};
use crate::plan::ir::{Expr, ExprKind};
use rustydb_base::{DbError, Result, SqlState};
use rustydb_types::datum::Datum;
use rustydb_types::io::{OutCtx, binary_in, binary_out, text_in, text_out};
use rustydb_types::pgdata::{self, Proc};
use std::sync::Arc;

impl Session {
    /// Calls a function and answers its result in the wanted format, `None` for NULL.
    pub(super) async fn function_call_message(
        &mut self,
        function: u32,
        formats: &[i16],
        args: &[Option<&[u8]>],
        result_format: i16,
    ) -> Result<Option<Vec<u8>>> {
        let _timer = self.timer();
        self.finish_undo().await;
        if self.tx.status() == b'E' {
            return Err(aborted());
        }
        self.ensure_transaction().await?;
        self.tx.used = true;
        let catalog = Arc::clone(self.tx()?.refresh_catalog());
        self.shared.set_catalog(&catalog);
        let proc = self.callable(&catalog, function)?;
        let types = &proc.proargtypes;
        if formats.len() > 1 && formats.len() != args.len() {
            return Err(DbError::new(
                SqlState::PROTOCOL_VIOLATION,
                format!(
                    "function call message contains {} argument formats but {} arguments",
                    formats.len(),
                    args.len()
                ),
            ));
        }
        if types.len() != args.len() {
            return Err(DbError::new(
                SqlState::PROTOCOL_VIOLATION,
                format!(
                    "function call message contains {} arguments but function requires {}",
                    args.len(),
                    types.len()
                ),
            ));
        }
        let env = self.env();
        let mut values = Vec::with_capacity(args.len());
        for (i, (arg, ty)) in args.iter().zip(types.iter()).enumerate() {
            let format = match formats {
                [] => 0,
                [one] => *one,
                many => many.get(i).copied().unwrap_or(0),
            };
            let ty = type_ref(*ty);
            let value = match (format, arg) {
                (0 | 1, None) => Datum::Null,
                (0, Some(b)) => text_in(&env.eval, ty, utf8(b)?)?,
                (1, Some(b)) => binary_in(&env.eval, ty, b).map_err(|e| {
                    if e.code == SqlState::INVALID_BINARY_REPRESENTATION && e.message == "incorrect binary data format"
                    {
                        return DbError::new(
                            e.code,
                            format!("incorrect binary data format in function argument {}", i + 1),
                        );
                    }
                    e
                })?,
                (f, _) => return Err(unsupported_format(f)),
            };
            values.push(Expr::new(ExprKind::Const(value), ty));
        }
        let ty = type_ref(proc.prorettype);
        let strict = proc.proisstrict && values.iter().any(|v| matches!(v.kind, ExprKind::Const(Datum::Null)));
        // PostgreSQL gives such a call no collation; text is compared by its bytes.
        let collation = 0;
        let result = if strict {
            Datum::Null
        } else {
            let call = compile(&Expr::new(ExprKind::Call { proc, args: values, collation }, ty), &|_| None)?;
            let tx = self.tx()?;
            tx.statement_snapshot().await?;
            let value = crate::exec::host::evaluate(tx, &env, |ctx| call.eval(Env { ctx, params: &[] }, &[])).await?;
            tx.next_command();
            value
        };
        if result.is_null() {
            return Ok(None);
        }
        let mut out = Vec::new();
        let cx = OutCtx { fmt: &env.eval.fmt, session: Some(&*env.eval.session) };
        match result_format {
            0 => text_out(cx, ty, &result, &mut out)?,
            1 => binary_out(cx, ty, &result, &mut out)?,
            f => return Err(unsupported_format(f)),
        }
        Ok(Some(out))
    }

    /// A function that the message may call.
    fn callable(&self, catalog: &Catalog, function: u32) -> Result<&'static Proc> {
        let own = catalog.routines.get(&function).map(|r| r.proc());
        let missing =
            || DbError::new(SqlState::UNDEFINED_FUNCTION, format!("function with OID {function} does not exist"));
        let proc = own.or_else(|| pgdata::built_in_proc(function)).ok_or_else(missing)?;
        if proc.prokind != 'f' || proc.proretset {
            return Err(DbError::unsupported(format!(
                "cannot call function \"{}\" via fastpath interface",
                proc.proname
            )));
        }
        let role = self.shared.user_oid();
        crate::acl::check::need_schema(catalog, proc.pronamespace, role, privs::USAGE)?;
        let wanted = Mask::of(privs::EXECUTE);
        if on_object(catalog, table::PG_PROC, proc.oid, role, wanted) != wanted {
            return Err(denied("function", proc.proname));
        }
        Ok(proc)
    }
}

fn unsupported_format(f: i16) -> DbError {
    DbError::new(SqlState::INVALID_PARAMETER_VALUE, format!("unsupported format code: {f}"))
}
