//! `rustydb_recyclebin()`: what is in the recycle bin of the database.

use super::kernels::session;
use crate::ddl::recyclebin::entries;
use rustydb_base::Result;
use rustydb_types::ctx::EvalCtx;
use rustydb_types::datum::Datum;
use rustydb_types::kernel::{CallInfo, Kernel, KernelBody};

type Rows = Box<dyn Iterator<Item = Result<Vec<Datum>>> + Send>;

fn rustydb_recyclebin(ctx: &EvalCtx, _: &CallInfo<'_>, _: &[Datum]) -> Result<Rows> {
    let cat = session(ctx)?.catalog();
    let rows: Vec<Result<Vec<Datum>>> = entries(&cat)
        .into_iter()
        .map(|e| {
            let schema = cat.namespaces.get(&e.schema).map(|n| Datum::Text(n.name.as_str().into()));
            Ok(vec![
                Datum::Oid(e.table.oid),
                schema.unwrap_or(Datum::Null),
                Datum::Text(e.table.name.as_str().into()),
                Datum::Oid(e.table.owner),
                Datum::TimestampTz(e.at),
            ])
        })
        .collect();
    Ok(Box::new(rows.into_iter()))
}

/// Kernels of this module.
pub const KERNELS: &[Kernel] = &[Kernel { name: "rustydb_recyclebin", body: KernelBody::Set(rustydb_recyclebin) }];
