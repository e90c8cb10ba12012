//! Kernels, one module per family of types. Each exports `KERNELS`, rows keyed by `pg_proc.prosrc`; the functions that
//! PostgreSQL writes in SQL have no such name and are keyed by signature (see [`crate::registry`]).

pub mod args;
pub mod float;
pub mod int;
pub mod like;
pub mod numeric;
pub mod regex;
pub mod text;
