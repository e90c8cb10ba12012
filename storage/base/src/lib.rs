//! What every RustyDB crate shares and nothing else: identifiers, the one error type with its SQLSTATE,
//! the metrics registry and the stop-the-node flag. Knows nothing of pages, SQL or sockets.

pub mod error;
pub mod idhash;
pub mod ids;
pub mod metrics;
pub mod poison;
pub mod sqlstate;

pub use error::{DbError, ErrorFields, Result, Severity};
pub use idhash::IdHash;
pub use ids::{BlockNo, Lsn, PageId, RelId, Rid, Scn, Xid};
pub use sqlstate::SqlState;
