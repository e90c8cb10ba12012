//! Prepared transactions by their names (`PREPARE TRANSACTION 'gid'`).
//!
//! The store keeps the transaction itself over crashes, with the words of [`Words`]; this is the list that sessions
//! look in. Bound: `max_prepared_transactions`.

use parking_lot::Mutex;
use rustydb_base::{DbError, Result, SqlState};
use rustydb_storage::store::Prepared;
use std::collections::BTreeMap;

/// Longest name, as PostgreSQL's.
const MAX_GID: usize = 199;
/// First byte of [`Words`].
const VERSION: u8 = 1;

/// What is kept with a prepared transaction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Words {
    /// Its name.
    pub gid: String,
    /// Who prepared it.
    pub owner: u32,
    /// In which database.
    pub database: u32,
    /// When, microseconds since 2000.
    pub at: i64,
}

impl Words {
    /// As the store keeps them.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.extend_from_slice(&self.owner.to_le_bytes());
        out.extend_from_slice(&self.database.to_le_bytes());
        out.extend_from_slice(&self.at.to_le_bytes());
        out.extend_from_slice(self.gid.as_bytes());
        out
    }

    /// Reads [`Words::encode`] back.
    pub fn decode(b: &[u8]) -> Result<Words> {
        let parse = || {
            let (&[VERSION], b) = b.split_first_chunk::<1>()? else { return None };
            let (owner, b) = b.split_first_chunk::<4>()?;
            let (database, b) = b.split_first_chunk::<4>()?;
            let (at, b) = b.split_first_chunk::<8>()?;
            Some(Words {
                gid: String::from_utf8(b.to_vec()).ok()?,
                owner: u32::from_le_bytes(*owner),
                database: u32::from_le_bytes(*database),
                at: i64::from_le_bytes(*at),
            })
        };
        parse().ok_or_else(|| DbError::corrupt("what a prepared transaction keeps is malformed"))
    }
}

enum State {
    /// PREPARE TRANSACTION is at work.
    Preparing,
    Ready(Box<Prepared>),
    /// COMMIT PREPARED or ROLLBACK PREPARED is at work.
    Busy,
}

struct Entry {
    words: Words,
    xid: u64,
    state: State,
}

/// A prepared transaction as `pg_prepared_xacts` shows it.
pub struct Shown {
    /// Its number.
    pub xid: u64,
    /// The rest.
    pub words: Words,
}

/// See the module.
#[derive(Default)]
pub struct Registry {
    by_gid: Mutex<BTreeMap<String, Entry>>,
}

fn missing(gid: &str) -> DbError {
    DbError::new(SqlState::UNDEFINED_OBJECT, format!("prepared transaction with identifier \"{gid}\" does not exist"))
}

impl Registry {
    /// Adds a transaction that was found at the start.
    pub fn found(&self, p: Prepared) -> Result<()> {
        let words = Words::decode(p.words())?;
        let entry = Entry { xid: p.xid().seq(), state: State::Ready(Box::new(p)), words: words.clone() };
        self.by_gid.lock().insert(words.gid, entry);
        Ok(())
    }

    /// Takes a name for a transaction that is about to be prepared.
    pub fn claim(&self, words: &Words, most: usize) -> Result<()> {
        let gid = &words.gid;
        if gid.len() > MAX_GID {
            return Err(DbError::new(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("transaction identifier \"{gid}\" is too long"),
            ));
        }
        if most == 0 {
            return Err(DbError::new(SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE, "prepared transactions are disabled")
                .hint("Set max_prepared_transactions to a nonzero value."));
        }
        let mut all = self.by_gid.lock();
        if all.contains_key(gid) {
            return Err(DbError::new(
                SqlState::DUPLICATE_OBJECT,
                format!("transaction identifier \"{gid}\" is already in use"),
            ));
        }
        if all.len() >= most {
            return Err(DbError::new(SqlState::OUT_OF_MEMORY, "maximum number of prepared transactions reached")
                .hint(format!("Increase max_prepared_transactions (currently {most}).")));
        }
        all.insert(gid.clone(), Entry { words: words.clone(), xid: 0, state: State::Preparing });
        Ok(())
    }

    /// The claimed transaction is prepared.
    pub fn settle(&self, gid: &str, p: Prepared) {
        if let Some(e) = self.by_gid.lock().get_mut(gid) {
            e.xid = p.xid().seq();
            e.state = State::Ready(Box::new(p));
        }
    }

    /// It has ended, or was not prepared after all: its name is free.
    pub fn forget(&self, gid: &str) {
        self.by_gid.lock().remove(gid);
    }

    /// Takes a transaction out to end it.
    pub fn take(&self, gid: &str, role: u32, superuser: bool, database: u32) -> Result<Box<Prepared>> {
        let mut all = self.by_gid.lock();
        let e = all.get_mut(gid).ok_or_else(|| missing(gid))?;
        if matches!(e.state, State::Preparing) {
            return Err(missing(gid));
        }
        if matches!(e.state, State::Busy) {
            return Err(DbError::new(
                SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("prepared transaction with identifier \"{gid}\" is busy"),
            ));
        }
        if !superuser && e.words.owner != role {
            return Err(DbError::new(
                SqlState::INSUFFICIENT_PRIVILEGE,
                "permission denied to finish prepared transaction",
            )
            .hint("Must be superuser or the user that prepared the transaction."));
        }
        if e.words.database != database {
            return Err(DbError::unsupported("prepared transaction belongs to another database")
                .hint("Connect to the database where the transaction was prepared to finish it."));
        }
        match std::mem::replace(&mut e.state, State::Busy) {
            State::Ready(p) => Ok(p),
            _ => Err(DbError::internal("a prepared transaction changed its state under a lock")),
        }
    }

    /// It could not be ended.
    pub fn give_back(&self, gid: &str, p: Box<Prepared>) {
        if let Some(e) = self.by_gid.lock().get_mut(gid) {
            e.state = State::Ready(p);
        }
    }

    /// All of them.
    pub fn list(&self) -> Vec<Shown> {
        let all = self.by_gid.lock();
        let ready = all.values().filter(|e| !matches!(e.state, State::Preparing));
        ready.map(|e| Shown { xid: e.xid, words: e.words.clone() }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip_and_names_are_checked() {
        let w = Words { gid: "größe".into(), owner: 10, database: 5, at: -3 };
        assert_eq!(Words::decode(&w.encode()).expect("whole"), w);
        assert!(Words::decode(&[1, 2, 3]).is_err());
        let r = Registry::default();
        assert_eq!(r.claim(&w, 0).expect_err("disabled").code, SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE);
        r.claim(&w, 1).expect("free");
        assert_eq!(r.claim(&w, 2).expect_err("taken").code, SqlState::DUPLICATE_OBJECT);
        let other = Words { gid: "b".into(), ..w.clone() };
        assert_eq!(r.claim(&other, 1).expect_err("full").code, SqlState::OUT_OF_MEMORY);
        assert!(r.list().is_empty(), "one that is being prepared is not shown");
        r.forget(&w.gid);
        let long = Words { gid: "x".repeat(200), ..w };
        assert_eq!(r.claim(&long, 1).expect_err("long").code, SqlState::INVALID_PARAMETER_VALUE);
    }
}
