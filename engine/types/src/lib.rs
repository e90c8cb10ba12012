//! PostgreSQL's type system without the planner: values, text and binary formats, operators and functions as kernels
//! over values, casts, aggregates, and their Arrow shapes. Depends on neither DataFusion nor the store.
//!
//! A value is a [`datum::Datum`]; a type is a [`datum::TypeRef`] (OID, typmod, collation). A function is written once, as a
//! [`kernel::Kernel`] over values, and lifted to Arrow arrays by [`arrow`].

pub mod aggs;
pub mod arrow;
pub mod brin;
pub mod bytetype;
pub mod cmp;
pub mod collation;
pub mod ctx;
pub mod datetime;
pub mod datum;
pub mod extstats;
pub mod funcs;
pub mod geo;
pub mod gin;
pub mod gist;
pub mod hash;
pub mod host;
pub mod io;
pub mod jsonb;
pub mod jsonpath;
pub mod kernel;
pub mod keyenc;
pub mod numeric;
pub mod oid;
pub mod pgdata;
pub mod range;
pub mod regexp;
pub mod registry;
pub mod rowcodec;
pub mod shape;
pub mod tsearch;
pub mod typename;
pub mod typmod;
pub mod userproc;
pub mod usertype;
pub mod xml;

#[cfg(test)]
mod testing;
