//! The RustyDB server: sockets, the PostgreSQL protocol, authentication, configuration, start and stop. What statements
//! mean is the engine's business; the two meet in `rustydb_engine::api`.
//!
//! The life of a connection: [`listener`] accepts it, [`server`] gives it a task, [`wire::startup`] brings it to its first
//! ReadyForQuery (through [`tls`], [`auth`] and [`registry`]), [`conn`] answers its messages. [`config`] and [`node`] put a
//! server together from flags and take it down again.

pub mod auth;
pub mod config;
pub mod conn;
pub mod listener;
pub mod lockfile;
pub mod metrics;
pub mod node;
pub mod os;
pub mod registry;
pub mod ring;
pub mod server;
pub mod tls;
pub mod wire;
