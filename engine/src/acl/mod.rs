//! Access privileges: what an access control list (ACL) is, how GRANT and REVOKE change it, and what a role may do by it.
//!
//! An [`Acl`] is PostgreSQL's `aclitem[]`: who (a role, or 0 for everyone) got which privileges from whom, each with or
//! without the right to pass it on. An object without one has the list of [`Acl::default_for`] its kind. Everything here
//! is pure: lists in, lists or answers out. Who belongs to whom is [`membership`]; rights on actual objects, with
//! PostgreSQL's messages, are [`check`]; what a statement needs is collected in [`needs`].
//!
//! Invariants: an item has at least one privilege; a privilege that is passed on is held with the right to do so by its
//! grantor (or the grantor is the owner), so revoking that right takes dependent items along or is refused.
//!
//! As a value an item is the text `grantee=letters/grantor` with role numbers (0 left out); only its output form has
//! names, so a renamed role needs no rewriting.

pub mod check;
pub mod item;
pub mod membership;
pub mod needs;
pub mod policy;

use crate::catalog::Catalog;
use membership::{has_privs_of, inherited_roles};
use rustydb_base::{DbError, Result, SqlState};
use std::collections::HashMap;
use std::sync::Arc;

/// A set of privileges, one bit each in the order of [`LETTERS`].
pub type Privs = u16;

/// The privileges' bits.
pub mod privs {
    #![allow(missing_docs, reason = "the privileges' names")]
    use super::Privs;
    pub const INSERT: Privs = 1 << 0;
    pub const SELECT: Privs = 1 << 1;
    pub const UPDATE: Privs = 1 << 2;
    pub const DELETE: Privs = 1 << 3;
    pub const TRUNCATE: Privs = 1 << 4;
    pub const REFERENCES: Privs = 1 << 5;
    pub const TRIGGER: Privs = 1 << 6;
    pub const EXECUTE: Privs = 1 << 7;
    pub const USAGE: Privs = 1 << 8;
    pub const CREATE: Privs = 1 << 9;
    pub const TEMP: Privs = 1 << 10;
    pub const CONNECT: Privs = 1 << 11;
    pub const SET: Privs = 1 << 12;
    pub const ALTER_SYSTEM: Privs = 1 << 13;
    /// What a column can carry.
    pub const COLUMN: Privs = INSERT | SELECT | UPDATE | REFERENCES;
}

/// Letter and name of each privilege, by bit.
pub const LETTERS: [(char, &str); 14] = [
    ('a', "INSERT"),
    ('r', "SELECT"),
    ('w', "UPDATE"),
    ('d', "DELETE"),
    ('D', "TRUNCATE"),
    ('x', "REFERENCES"),
    ('t', "TRIGGER"),
    ('X', "EXECUTE"),
    ('U', "USAGE"),
    ('C', "CREATE"),
    ('T', "TEMPORARY"),
    ('c', "CONNECT"),
    ('s', "SET"),
    ('A', "ALTER SYSTEM"),
];

/// A privilege by the word GRANT uses for it (any case).
pub fn privilege_named(word: &str) -> Option<Privs> {
    let word = word.to_ascii_uppercase();
    let word = if word == "TEMP" { "TEMPORARY" } else { word.as_str() };
    LETTERS.iter().position(|l| l.1 == word).map(|i| 1 << i)
}

/// The name of the first privilege of a set.
pub fn privilege_name(p: Privs) -> &'static str {
    LETTERS.get(p.trailing_zeros() as usize).map_or("", |l| l.1)
}

/// Kinds of objects that carry privileges.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs, reason = "the names are the documentation")]
pub enum AclKind {
    Column,
    Table,
    Sequence,
    Database,
    Function,
    Language,
    LargeObject,
    Schema,
    Tablespace,
    Type,
}

impl AclKind {
    /// Every privilege of the kind.
    pub fn all(self) -> Privs {
        use privs::*;
        match self {
            AclKind::Column => COLUMN,
            AclKind::Table => COLUMN | DELETE | TRUNCATE | TRIGGER,
            AclKind::Sequence => SELECT | UPDATE | USAGE,
            AclKind::Database => CREATE | TEMP | CONNECT,
            AclKind::Function => EXECUTE,
            AclKind::Language | AclKind::Type => USAGE,
            AclKind::LargeObject => SELECT | UPDATE,
            AclKind::Schema => USAGE | CREATE,
            AclKind::Tablespace => CREATE,
        }
    }

    /// What everyone may do with an object nobody granted anything on.
    fn world(self) -> Privs {
        match self {
            AclKind::Database => privs::TEMP | privs::CONNECT,
            AclKind::Function => privs::EXECUTE,
            AclKind::Language | AclKind::Type => privs::USAGE,
            _ => 0,
        }
    }

    /// The kind of `acldefault`'s letters, also `pg_default_acl.defaclobjtype`'s.
    pub fn of_letter(c: char) -> Option<AclKind> {
        Some(match c {
            'c' => AclKind::Column,
            'r' => AclKind::Table,
            's' | 'S' => AclKind::Sequence,
            'd' => AclKind::Database,
            'f' => AclKind::Function,
            'l' => AclKind::Language,
            'L' => AclKind::LargeObject,
            'n' => AclKind::Schema,
            't' => AclKind::Tablespace,
            'T' => AclKind::Type,
            _ => return None,
        })
    }
}

/// What one role got from another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AclItem {
    /// Who has the privileges; 0 is everyone.
    pub grantee: u32,
    /// Who gave them.
    pub grantor: u32,
    /// Which.
    pub privs: Privs,
    /// Those of them that the grantee may pass on.
    pub options: Privs,
}

/// An access control list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Acl(pub Vec<AclItem>);

/// A wanted or held set: privileges, and the rights to pass them on.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Mask {
    /// Privileges.
    pub privs: Privs,
    /// Grant options.
    pub options: Privs,
}

impl Mask {
    /// Privileges without grant options.
    pub fn of(privs: Privs) -> Mask {
        Mask { privs, options: 0 }
    }
    /// Grant options only.
    pub fn options(options: Privs) -> Mask {
        Mask { privs: 0, options }
    }
    /// Nothing.
    pub fn is_empty(self) -> bool {
        self.privs == 0 && self.options == 0
    }
}

/// The privileges of a relation that differ from the default.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RelationAcl {
    /// On the whole of it.
    pub own: Option<Acl>,
    /// On columns, by attnum.
    pub columns: Vec<(i16, Acl)>,
    /// On rows; `None` without row-level security and policies.
    pub rows: Option<Arc<policy::RowSecurity>>,
}

impl RelationAcl {
    /// Policies on rows.
    pub fn policies(&self) -> &[policy::Policy] {
        self.rows.as_ref().map_or(&[], |r| &r.policies)
    }

    /// As relations keep it: nothing when it says nothing.
    pub fn kept(self) -> Option<Arc<RelationAcl>> {
        (self != RelationAcl::default()).then(|| Arc::new(self))
    }
}

/// Privileges that future objects of a role get (`pg_default_acl`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DefaultAcl {
    /// OID of its row.
    pub oid: u32,
    /// Whose objects.
    pub role: u32,
    /// In which schema, 0 for all.
    pub namespace: u32,
    /// `r`, `S`, `f`, `T` or `n`.
    pub kind: char,
    /// The list: in all schemas it replaces the default one, in one schema it adds to it.
    pub acl: Acl,
}

/// Rights that are not part of another object's definition.
#[derive(Clone, Debug, Default)]
pub struct Rights {
    /// Who belongs to whom.
    pub members: Vec<membership::Membership>,
    /// Lists of built-in functions, types and languages, by catalog and OID.
    pub objects: HashMap<(u32, u32), Acl>,
    /// Default privileges.
    pub defaults: Vec<DefaultAcl>,
    /// Grows with every change of roles, schemas or anything here: plans whose rights were checked compare it.
    pub version: u64,
}

impl Acl {
    /// The list of an object nobody granted anything on.
    pub fn default_for(kind: AclKind, owner: u32) -> Acl {
        let mut items = Vec::with_capacity(2);
        let world = kind.world();
        if world != 0 {
            items.push(AclItem { grantee: 0, grantor: owner, privs: world, options: 0 });
        }
        if kind != AclKind::Column {
            items.push(AclItem { grantee: owner, grantor: owner, privs: kind.all(), options: 0 });
        }
        Acl(items)
    }

    /// The same without what everyone has.
    pub fn owners_only(mut self) -> Acl {
        self.0.retain(|i| i.grantee != 0);
        self
    }

    /// Both lists' items, equal ones joined.
    pub fn merged(&self, other: &Acl) -> Acl {
        let mut out = self.clone();
        for i in &other.0 {
            out.add(*i);
        }
        out
    }

    fn add(&mut self, item: AclItem) {
        match self.0.iter_mut().find(|i| i.grantee == item.grantee && i.grantor == item.grantor) {
            Some(i) => {
                i.privs |= item.privs;
                i.options |= item.options;
            }
            None => self.0.push(item),
        }
    }

    /// Same items in whatever order.
    pub fn same(&self, other: &Acl) -> bool {
        self.0.len() == other.0.len() && self.0.iter().all(|i| other.0.contains(i))
    }

    /// What a role holds of `mask`, as a member of others too.
    pub fn held(&self, cat: &Catalog, role: u32, owner: u32, mask: Mask) -> Mask {
        let mut r = Mask::default();
        if mask.options != 0 && has_privs_of(cat, role, owner) {
            r.options = mask.options;
        }
        let add = |r: &mut Mask, i: &AclItem| {
            r.privs |= i.privs & mask.privs;
            r.options |= i.options & mask.options;
        };
        for i in self.0.iter().filter(|i| i.grantee == 0 || i.grantee == role) {
            add(&mut r, i);
        }
        for i in self.0.iter().filter(|i| i.grantee != 0 && i.grantee != role) {
            let missing = (mask.privs & !r.privs) & i.privs != 0 || (mask.options & !r.options) & i.options != 0;
            if missing && has_privs_of(cat, role, i.grantee) {
                add(&mut r, i);
            }
        }
        r
    }

    /// Grant options that items for this very role give; the owner has all.
    fn direct_options(&self, role: u32, owner: u32, options: Privs) -> Privs {
        if role == owner {
            return options;
        }
        self.0.iter().filter(|i| i.grantee == role).fold(0, |r, i| r | (i.options & options))
    }

    /// As whom a role grants: the owner if it can act as that one, else the role of those it inherits from that may pass
    /// on most of the privileges. Answers the grantor and the grant options it has.
    pub fn best_grantor(&self, cat: &Catalog, role: u32, owner: u32, privileges: Privs) -> (u32, Privs) {
        if role == owner || cat.roles.get(&role).is_some_and(|r| r.superuser) {
            return (owner, privileges);
        }
        let (mut best, mut options, mut count) = (role, 0, 0);
        for r in inherited_roles(cat, role) {
            let have = self.direct_options(r, owner, privileges);
            if have == privileges {
                return (r, have);
            }
            if have.count_ones() > count {
                (best, options, count) = (r, have, have.count_ones());
            }
        }
        (best, options)
    }

    /// Adds to (or takes from) what `change.grantee` has of `change.grantor`.
    ///
    /// # Errors
    /// 0LP01 when a grant option would come back to who gave it; 2BP01 when others depend on what is taken and `cascade`
    /// is not said.
    pub fn update(&self, cat: &Catalog, change: AclItem, add: bool, owner: u32, cascade: bool) -> Result<Acl> {
        if add && change.options != 0 {
            self.check_circularity(cat, change, owner)?;
        }
        let mut acl = self.clone();
        let at = acl.0.iter().position(|i| i.grantee == change.grantee && i.grantor == change.grantor);
        let at = at.unwrap_or_else(|| {
            acl.0.push(AclItem { privs: 0, options: 0, ..change });
            acl.0.len() - 1
        });
        let Some(item) = acl.0.get_mut(at) else { return Ok(acl) };
        let before = item.options;
        if add {
            item.privs |= change.privs;
            item.options |= change.options;
        } else {
            item.privs &= !change.privs;
            item.options &= !change.options;
        }
        let after = item.options;
        if item.privs == 0 && item.options == 0 {
            acl.0.remove(at);
        }
        let lost = before & !after;
        if lost != 0 { acl.revoke_dependent(cat, change.grantee, lost, owner, cascade) } else { Ok(acl) }
    }

    fn revoke_dependent(self, cat: &Catalog, grantee: u32, lost: Privs, owner: u32, cascade: bool) -> Result<Acl> {
        if grantee == owner {
            return Ok(self);
        }
        let lost = lost & !self.held(cat, grantee, owner, Mask::options(lost)).options;
        let mut acl = self;
        while let Some(i) = acl.0.iter().find(|i| i.grantor == grantee && i.privs & lost != 0).copied() {
            if !cascade {
                return Err(DbError::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, "dependent privileges exist")
                    .hint("Use CASCADE to revoke them too."));
            }
            let change = AclItem { grantee: i.grantee, grantor: grantee, privs: lost, options: lost };
            acl = acl.update(cat, change, false, owner, cascade)?;
        }
        Ok(acl)
    }

    fn check_circularity(&self, cat: &Catalog, change: AclItem, owner: u32) -> Result<()> {
        if change.grantor == owner {
            return Ok(());
        }
        let mut acl = self.clone();
        while let Some(i) = acl.0.iter().find(|i| i.grantee == change.grantee && i.options != 0).copied() {
            acl = acl.update(cat, i, false, owner, true)?;
        }
        let own = acl.held(cat, change.grantor, owner, Mask::options(change.options)).options;
        if change.options & !own != 0 {
            return Err(DbError::new(
                SqlState::INVALID_GRANT_OPERATION,
                "grant options cannot be granted back to your own grantor",
            ));
        }
        Ok(())
    }

    /// The list after an object's owner has changed: the new owner stands where the old one stood.
    pub fn with_owner(&self, old: u32, new: u32) -> Acl {
        let to = |r: u32| if r == old { new } else { r };
        let mut out = Acl::default();
        for i in &self.0 {
            out.add(AclItem { grantee: to(i.grantee), grantor: to(i.grantor), ..*i });
        }
        out
    }

    /// Whether a role stands in it.
    pub fn mentions(&self, role: u32) -> bool {
        self.0.iter().any(|i| i.grantee == role || i.grantor == role)
    }

    /// The list without a role, as DROP OWNED leaves it.
    ///
    /// # Errors
    /// As [`Acl::update`].
    pub fn without(&self, cat: &Catalog, role: u32, owner: u32) -> Result<Acl> {
        let mut acl = self.clone();
        while let Some(i) = acl.0.iter().find(|i| i.grantee == role).copied() {
            acl = acl.update(cat, i, false, owner, true)?;
        }
        acl.0.retain(|i| i.grantor != role || role == owner);
        Ok(acl)
    }
}
