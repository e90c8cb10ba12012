//! The SQL engine: from statement text to rows. See `api` for what the server sees of it.

pub mod acl;
pub mod api;
pub mod bind;
pub mod catalog;
pub mod check;
pub mod database;
pub mod ddl;
pub mod dictionaries;
pub mod engine;
pub mod exec;
mod expiry;
pub mod functions;
pub mod hba;
pub mod large_object;
pub mod notify;
mod periodic;
pub mod plan;
pub mod query_stats;
pub mod scram;
pub mod session;
pub mod settings;
pub mod stats;
pub mod transaction;
pub mod two_phase;
