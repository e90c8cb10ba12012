//! Tests of a server from outside: everything here speaks the wire protocol (or runs a stock client that does), and every
//! harness runs against PostgreSQL 15 as well, which is how a harness is shown to be right before it judges RustyDB.
//!
//! - [`server`] starts and stops private servers of both kinds in temporary directories; [`proc`] reads their CPU and memory.
//! - [`pgbench`] runs the stock pgbench in every mode and checks the sums it leaves behind.
//! - [`slt`] runs sqllogictest files record by record and compares with recorded baselines.
//! - [`tpch`] generates TPC-H data, loads it by `\copy`, and compares the answers of two servers.
//! - [`debpkg`] loads Debian's package index, queries it, dumps it and loads it again.
//! - [`clients`] runs one program per client library.
//! - [`isolation`] lets several sessions meet and compares who waits and who sees what.
//! - [`regress`] runs PostgreSQL's regression files and compares every statement's output.
//! - [`fuzz`] sends random statements to both servers; [`coverage`] calls every function and operator on both ([`answers`]).
//! - [`crash`] kills the server at random moments and looks for what was acknowledged.
//! - [`adya`] judges isolation levels from histories of concurrent transactions.
//! - [`limits`] is about bounds: idle sessions, clients that stop reading, very long and very deep statements ([`wire`]).
//! - [`bench`] measures two servers in turn; [`planning`] how long they plan.
//!
//! What it leaves out: it links nothing of the database, so no internal state is ever inspected.

pub mod adya;
pub mod answers;
pub mod args;
pub mod bench;
pub mod clients;
pub mod command;
pub mod coverage;
pub mod crash;
pub mod debpkg;
pub mod error;
pub mod fuzz;
pub mod isolation;
pub mod limits;
pub mod pgbench;
pub mod pipeline;
pub mod planning;
pub mod proc;
pub mod psql;
pub mod query;
pub mod regress;
pub mod server;
pub mod slt;
pub mod suites;
pub mod temp;
pub mod tpch;
pub mod wait;
pub mod wire;

pub use error::{Context, Error, Result};
pub use server::{Kind, Options, Pair, Server, Target};
