//! Functions that stand for expressions of the syntax (SQL/XML, SQL/JSON, assignment to a part of a jsonb value): their
//! kernels are found by `prosrc`, no statement can call them, and neither name nor OID is one of PostgreSQL's.

use rustydb_types::pgdata::{self, Proc};

/// One that is not strict and takes what it is given. It counts as stable, since values are read and shown by the session's
/// settings.
pub(super) fn nameless(name: &'static str, result: u32, set: bool) -> Proc {
    Proc {
        oid: 0,
        proname: name,
        pronamespace: pgdata::PG_CATALOG,
        prolang: 12,
        procost: 1.0,
        prorows: if set { 100.0 } else { 0.0 },
        provariadic: 0,
        prokind: 'f',
        prosecdef: false,
        proleakproof: false,
        proisstrict: false,
        proretset: set,
        provolatile: 's',
        proparallel: 's',
        pronargs: 0,
        pronargdefaults: 0,
        prorettype: result,
        proargtypes: Box::new([]),
        proallargtypes: None,
        proargmodes: None,
        proargnames: None,
        proargdefaults: None,
        prosrc: name.into(),
        prosqlbody: None,
    }
}
