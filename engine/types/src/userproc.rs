//! Users' functions in the form that built-in ones have: a [`Proc`] that lives as long as the process.
//!
//! The binder and the executors know a function by `&'static Proc`. A user's function gets one when its definition enters
//! a catalog snapshot. Definitions that are alike share it, so reading a catalog again costs nothing; each change of a
//! signature or a body leaves the earlier one behind (some hundred bytes, as plans that are still running may hold it).
//!
//! Invariant: an OID is never given out twice. [`get`] answers the newest definition and is for showing a function; what
//! is called comes from the catalog.

use crate::pgdata::{OpClass, Operator, Proc};
use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};

/// First OID given to user objects.
pub const FIRST_USER_OID: u32 = crate::usertype::FIRST_USER_OID;

/// Definitions of a function, newest last.
static PROCS: LazyLock<RwLock<HashMap<u32, Vec<&'static Proc>>>> = LazyLock::new(RwLock::default);
/// Names of functions and parameters.
static NAMES: LazyLock<RwLock<HashMap<String, &'static str>>> = LazyLock::new(RwLock::default);

/// Makes a definition known and answers the one that stands for it.
pub fn intern(p: Proc) -> &'static Proc {
    let mut all = PROCS.write().unwrap_or_else(PoisonError::into_inner);
    let list = all.entry(p.oid).or_default();
    if let Some(i) = list.iter().position(|q| **q == p) {
        let found = list.remove(i);
        list.push(found);
        return found;
    }
    let kept: &'static Proc = Box::leak(Box::new(p));
    list.push(kept);
    kept
}

/// A name as [`Proc`] holds it.
pub fn name(s: &str) -> &'static str {
    if let Some(n) = NAMES.read().unwrap_or_else(PoisonError::into_inner).get(s) {
        return n;
    }
    let mut names = NAMES.write().unwrap_or_else(PoisonError::into_inner);
    names.entry(s.to_owned()).or_insert_with(|| Box::leak(s.to_owned().into_boxed_str()))
}

/// A user's function by OID.
pub fn get(oid: u32) -> Option<&'static Proc> {
    if oid < FIRST_USER_OID {
        return None;
    }
    PROCS.read().unwrap_or_else(PoisonError::into_inner).get(&oid)?.last().copied()
}

/// Forgets a function whose drop is committed.
pub fn remove(oid: u32) {
    PROCS.write().unwrap_or_else(PoisonError::into_inner).remove(&oid);
}

/// Users' operators, newest definition last.
static OPERATORS: LazyLock<RwLock<HashMap<u32, Vec<&'static Operator>>>> = LazyLock::new(RwLock::default);

/// Makes an operator known and answers what stands for it.
pub fn intern_operator(o: Operator) -> &'static Operator {
    let mut all = OPERATORS.write().unwrap_or_else(PoisonError::into_inner);
    let list = all.entry(o.oid).or_default();
    if let Some(i) = list.iter().position(|q| **q == o) {
        let found = list.remove(i);
        list.push(found);
        return found;
    }
    let kept: &'static Operator = Box::leak(Box::new(o));
    list.push(kept);
    kept
}

/// A user's operator by OID.
pub fn operator(oid: u32) -> Option<&'static Operator> {
    if oid < FIRST_USER_OID {
        return None;
    }
    OPERATORS.read().unwrap_or_else(PoisonError::into_inner).get(&oid)?.last().copied()
}

/// Users' operator classes, newest definition last.
static OPCLASSES: LazyLock<RwLock<HashMap<u32, Vec<&'static OpClass>>>> = LazyLock::new(RwLock::default);

/// Makes an operator class known.
pub fn intern_opclass(c: OpClass) {
    let mut all = OPCLASSES.write().unwrap_or_else(PoisonError::into_inner);
    let list = all.entry(c.oid).or_default();
    match list.iter().position(|q| **q == c) {
        Some(i) => {
            let found = list.remove(i);
            list.push(found);
        }
        None => list.push(Box::leak(Box::new(c))),
    }
}

/// A user's operator class by OID.
pub fn opclass(oid: u32) -> Option<&'static OpClass> {
    OPCLASSES.read().unwrap_or_else(PoisonError::into_inner).get(&oid)?.last().copied()
}
