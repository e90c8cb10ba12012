//! What never changes about the types users create, by OID.
//!
//! The binder, the row codec and the Arrow shapes ask about a type with nothing but its OID in hand: what its elements
//! are, which type a domain stands on, what a range is over. For built-in types [`crate::oid`] and [`crate::pgdata`] answer;
//! for the others this table does. It is filled by whoever puts a type into a catalog snapshot and emptied when the drop
//! of a type is committed.
//!
//! Invariants: an OID is never given out twice, and everything here but the name is fixed when the type is created, so an
//! entry is right for every snapshot, also for one of a transaction that has not committed. The name is the newest one and
//! only used in messages; `format_type` takes it from the catalog.
//!
//! Left out: what can change (labels, attributes, constraints, defaults, owners). That is the catalog's, which values
//! reach through [`crate::ctx::SessionInfo`]. A type whose creation was rolled back leaves its entry behind: it is a few
//! words, and nothing can name its OID.

use crate::datum::TypeRef;
use crate::pgdata;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

/// First OID given to user objects.
pub const FIRST_USER_OID: u32 = 16384;

/// No domain has an OID below: these are given by hand, to basic types only.
const FIRST_DOMAIN_OID: u32 = 10_000;

/// What a type is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Kind {
    /// Nothing yet: a name for functions to refer to.
    Shell,
    /// Labels in an order.
    Enum,
    /// Another type's values with conditions.
    Domain(TypeRef),
    /// Named attributes; a table's row type too.
    Composite,
    /// Ranges over a subtype (with the collation they compare by), and the multirange type.
    Range {
        /// Subtype.
        sub: TypeRef,
        /// Multirange type over it.
        multirange: u32,
    },
    /// Multiranges over a range type.
    Multirange {
        /// Range type.
        range: u32,
    },
    /// Arrays of an element type.
    Array {
        /// Element type.
        elem: u32,
    },
}

/// A user's type.
#[derive(Clone, Debug)]
pub struct UserType {
    /// Its array type, 0 for none.
    pub array: u32,
    /// What it is.
    pub kind: Kind,
    /// `typcollation`.
    pub collation: u32,
    /// Name for messages.
    pub name: Arc<str>,
}

static TYPES: LazyLock<RwLock<HashMap<u32, UserType>>> = LazyLock::new(RwLock::default);

/// Makes a type known, or gives it a new name.
pub fn put(oid: u32, t: UserType) {
    TYPES.write().unwrap_or_else(PoisonError::into_inner).insert(oid, t);
}

/// Forgets a type whose drop is committed.
pub fn remove(oid: u32) {
    TYPES.write().unwrap_or_else(PoisonError::into_inner).remove(&oid);
}

/// A user's type by OID.
pub fn get(oid: u32) -> Option<UserType> {
    if oid < FIRST_USER_OID {
        return None;
    }
    TYPES.read().unwrap_or_else(PoisonError::into_inner).get(&oid).cloned()
}

/// What a user's type is.
pub fn kind(oid: u32) -> Option<Kind> {
    if oid < FIRST_USER_OID {
        return None;
    }
    TYPES.read().unwrap_or_else(PoisonError::into_inner).get(&oid).map(|t| t.kind)
}

/// Whether a type is only a shell.
pub fn is_shell(oid: u32) -> bool {
    matches!(kind(oid), Some(Kind::Shell))
}

/// Whether a type is an enum.
pub fn is_enum(oid: u32) -> bool {
    matches!(kind(oid), Some(Kind::Enum))
}

/// Whether a type is a domain, of a user or of `information_schema`.
pub fn is_domain(oid: u32) -> bool {
    match kind(oid) {
        Some(k) => matches!(k, Kind::Domain(_)),
        None => oid < FIRST_USER_OID && pgdata::pg_type(oid).is_some_and(|t| t.typtype == 'd'),
    }
}

/// The type a domain is made over (itself perhaps a domain), with its modifier.
pub fn domain_base(ty: TypeRef) -> Option<TypeRef> {
    match kind(ty.oid) {
        Some(Kind::Domain(b)) => Some(TypeRef { collation: ty.collation, ..b }),
        Some(_) => None,
        None => pgdata::pg_type(ty.oid).filter(|t| t.typtype == 'd').map(|t| TypeRef {
            oid: t.typbasetype,
            typmod: t.typtypmod,
            collation: ty.collation,
        }),
    }
}

/// The type whose values a domain has, through any number of domains; other types as they are.
pub fn base(ty: TypeRef) -> TypeRef {
    let mut ty = ty;
    loop {
        // Nearly every call ends here: values are read, shown and compared by it.
        if ty.oid < FIRST_DOMAIN_OID {
            return ty;
        }
        let (oid, typmod) = match kind(ty.oid) {
            Some(Kind::Domain(b)) => (b.oid, b.typmod),
            Some(_) => return ty,
            None if ty.oid >= FIRST_USER_OID => return ty,
            None => match pgdata::pg_type(ty.oid) {
                Some(t) if t.typtype == 'd' => (t.typbasetype, t.typtypmod),
                _ => return ty,
            },
        };
        ty = TypeRef { oid, typmod, collation: ty.collation };
    }
}

/// The type a range is over, with the collation its bounds compare by.
pub fn range_subtype(range: u32) -> Option<TypeRef> {
    match kind(range) {
        Some(Kind::Range { sub, .. }) => Some(sub),
        Some(_) => None,
        None => pgdata::range_type(range).map(|r| TypeRef { oid: r.rngsubtype, typmod: -1, collation: r.rngcollation }),
    }
}

/// The multirange type over a range type.
pub fn multirange_of(range: u32) -> Option<u32> {
    match kind(range) {
        Some(Kind::Range { multirange, .. }) => Some(multirange),
        Some(_) => None,
        None => pgdata::range_type(range).map(|r| r.rngmultitypid),
    }
}

/// The range type a multirange type is over.
pub fn range_of_multirange(multirange: u32) -> Option<u32> {
    match kind(multirange) {
        Some(Kind::Multirange { range }) => Some(range),
        Some(_) => None,
        None => pgdata::range_types().iter().find(|r| r.rngmultitypid == multirange).map(|r| r.rngtypid),
    }
}
