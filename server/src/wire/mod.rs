//! The PostgreSQL protocol, versions 3.0 and 3.2: bytes on one side, the engine's session on the other.
//!
//! `link` is the stream, `frame` cuts it into messages, `decode` reads their bodies, `startup` runs a connection up to its
//! first ReadyForQuery, `simple`, `extended` and `copy` answer messages, `output` collects the answers that `encode`,
//! `rows` and `error` write. Left out: replication and GSSAPI.

pub mod batch;
pub mod copy;
pub mod decode;
pub mod encode;
pub mod error;
pub mod extended;
pub mod frame;
pub mod link;
pub mod output;
pub mod rows;
pub mod simple;
pub mod startup;
