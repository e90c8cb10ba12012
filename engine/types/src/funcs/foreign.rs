//! What is known of foreign servers without reaching any: which options a connection to another PostgreSQL may have.

use super::args::raw;
use crate::ctx::EvalCtx;
use crate::datum::Datum;
use crate::kernel::{CallInfo, Kernel};
use rustydb_base::{DbError, Result, SqlState};

/// The catalogs whose rows have options, and which those of a connection are.
const OPTIONS: [(u32, &[&str]); 2] = [
    (
        1417,
        &[
            "authtype",
            "service",
            "connect_timeout",
            "dbname",
            "host",
            "hostaddr",
            "port",
            "tty",
            "options",
            "requiressl",
            "sslmode",
            "gsslib",
        ],
    ),
    (1418, &["user", "password"]),
];

/// `postgresql_fdw_validator(options, catalog)`: true, or an error that names what is no option there.
fn validator(_: &EvalCtx, _: &CallInfo<'_>, args: &[Datum]) -> Result<Datum> {
    let [Datum::Array(options), Datum::Oid(catalog)] = args else { return Err(super::args::arity(args.len())) };
    let valid = OPTIONS.iter().find(|o| o.0 == *catalog).map_or(&[][..], |o| o.1);
    if options.items.iter().any(Datum::is_null) {
        return Err(DbError::new(SqlState::NULL_VALUE_NOT_ALLOWED, "null array element not allowed in this context"));
    }
    for option in &options.items {
        let Datum::Text(option) = option else { return Err(DbError::internal("an option that is no text")) };
        let name = option.split_once('=').map_or(&**option, |o| o.0);
        if !valid.contains(&name) {
            let hint = match valid {
                [] => "There are no valid options in this context.".to_owned(),
                valid => format!("Valid options in this context are: {}", valid.join(", ")),
            };
            return Err(DbError::new(SqlState::SYNTAX_ERROR, format!("invalid option \"{name}\"")).hint(hint));
        }
    }
    Ok(Datum::Bool(true))
}

/// Kernels of this module.
pub const KERNELS: &[&[Kernel]] = &[&[raw!("postgresql_fdw_validator", validator)]];
