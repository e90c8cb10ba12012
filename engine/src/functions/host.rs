//! The rules of who may connect: the lines of their file as rows, and reading it again.

use super::{Rows, access, array, rows, scalar, set, text};
use crate::hba::Address;
use rustydb_base::Result;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use rustydb_types::kernel::{CallInfo, Kernel};
use rustydb_types::oid;

/// `pg_hba_file_rules`: what the file says now, not what is in force.
fn file_rules(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Rows> {
    let mut out = Vec::new();
    for (number, line) in access(ctx)?.host_lines()? {
        let mut row = vec![Datum::Null; 9];
        row[0] = Datum::Int4(number);
        match line {
            Err(mistake) => row[8] = text(mistake.message),
            Ok(r) => {
                row[1] = text(r.kind.word());
                row[2] = array(oid::TEXT, r.databases.iter().map(|w| text(&w.text)).collect());
                row[3] = array(oid::TEXT, r.users.iter().map(|w| text(&w.text)).collect());
                match r.address {
                    None => {}
                    Some(Address::All) => row[4] = text("all"),
                    Some(Address::Own(word)) => row[4] = text(word),
                    Some(Address::Net(net, mask)) => {
                        row[4] = text(net.to_string());
                        row[5] = text(mask.to_string());
                    }
                }
                row[6] = text(&r.method_word);
            }
        }
        out.push(row);
    }
    rows(out)
}

fn reload_conf(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Datum> {
    access(ctx)?.reload();
    Ok(Datum::Bool(true))
}

/// Kernels of this module.
pub(super) const KERNELS: &[Kernel] = &[set("pg_hba_file_rules", file_rules), scalar("pg_reload_conf", reload_conf)];
