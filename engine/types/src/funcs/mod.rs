//! Kernels, one module per family of types. Each exports `KERNELS`, rows keyed by `pg_proc.prosrc`; the functions that
//! PostgreSQL writes in SQL have no such name and are keyed by signature (see [`crate::registry`]).

pub mod args;
pub mod array;
pub mod bytes;
pub mod concat;
pub mod date_format;
pub mod date_read;
pub mod datetime;
pub mod enums;
pub mod float;
pub mod info;
pub mod int;
pub mod json;
pub mod json_record;
pub mod jsonb;
pub mod jsonb_edit;
pub mod jsonb_make;
pub mod jsonpath;
pub mod like;
pub mod num_format;
pub mod numeric;
pub mod oid;
pub mod order;
pub mod quote;
pub mod range;
pub mod regex;
pub mod row;
pub mod series;
pub mod show;
pub mod text;
pub mod vector;
