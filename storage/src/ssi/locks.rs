//! The table of predicate locks.
//!
//! A lock is on a row, a page or a relation; who holds a coarser one needs none below it. When a transaction has more
//! than so many locks on parts of something, it gets one on the whole and gives up the parts. Locks of ended transactions
//! that are summarised belong to nobody: of each target only the last commit that had read it is known.

use super::graph::Seq;
use super::{SsiLimits, SxId};
use hashbrown::HashMap;
use rustydb_base::{BlockNo, RelId, Rid};
use smallvec::SmallVec;
use std::collections::{BTreeMap, BTreeSet};

/// Stands for "all of it"; sorts behind every part.
const WHOLE: u32 = u32::MAX;

/// What a lock is on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Target {
    pub rel: RelId,
    block: u32,
    slot: u32,
}

impl Target {
    pub fn relation(rel: RelId) -> Target {
        Target { rel, block: WHOLE, slot: WHOLE }
    }
    pub fn page(rel: RelId, block: BlockNo) -> Target {
        Target { rel, block, slot: WHOLE }
    }
    pub fn row(rel: RelId, rid: Rid) -> Target {
        Target { rel, block: rid.block, slot: u32::from(rid.slot) }
    }
    pub fn block(&self) -> Option<BlockNo> {
        (self.block != WHOLE).then_some(self.block)
    }
    pub fn slot(&self) -> Option<u16> {
        u16::try_from(self.slot).ok()
    }

    fn first_of(rel: RelId) -> Target {
        Target { rel, block: 0, slot: 0 }
    }

    /// The coarser targets, nearest first.
    fn parents(&self) -> SmallVec<[Target; 2]> {
        let mut out = SmallVec::new();
        if self.slot != WHOLE {
            out.push(Target::page(self.rel, self.block));
        }
        if self.block != WHOLE {
            out.push(Target::relation(self.rel));
        }
        out
    }

    /// From the first part to the target itself.
    fn range(&self) -> std::ops::RangeInclusive<Target> {
        match (self.block == WHOLE, self.slot == WHOLE) {
            (true, _) => Target::first_of(self.rel)..=*self,
            (false, true) => Target { slot: 0, ..*self }..=*self,
            (false, false) => *self..=*self,
        }
    }
}

/// One transaction's locks.
#[derive(Default)]
struct Own {
    targets: BTreeSet<Target>,
    /// Locks below a page or relation.
    parts: HashMap<Target, usize>,
}

pub(super) struct Locks {
    limits: SsiLimits,
    held: BTreeMap<Target, SmallVec<[SxId; 2]>>,
    own: HashMap<SxId, Own>,
    old: BTreeMap<Target, Seq>,
    count: usize,
}

impl Locks {
    pub fn new(limits: SsiLimits) -> Locks {
        Locks { limits, held: BTreeMap::new(), own: HashMap::new(), old: BTreeMap::new(), count: 0 }
    }

    /// Locks there are.
    pub fn len(&self) -> usize {
        self.count + self.old.len()
    }

    pub fn is_full(&self) -> bool {
        self.len() >= self.limits.locks
    }

    /// Gives a transaction a lock unless it has a coarser one; fails when there are too many.
    pub fn acquire(&mut self, id: SxId, t: Target) -> Result<(), ()> {
        let covered = self
            .own
            .get(&id)
            .is_some_and(|o| o.targets.contains(&t) || t.parents().iter().any(|p| o.targets.contains(p)));
        if covered {
            return Ok(());
        }
        if self.is_full() {
            return Err(());
        }
        self.put(id, t);
        Ok(())
    }

    /// As [`Locks::acquire`], whatever the bound.
    fn put(&mut self, id: SxId, t: Target) {
        let own = self.own.entry(id).or_default();
        if own.targets.contains(&t) || t.parents().iter().any(|p| own.targets.contains(p)) {
            return;
        }
        own.targets.insert(t);
        self.held.entry(t).or_default().push(id);
        self.count += 1;
        let mut promote = None;
        for p in t.parents() {
            let n = own.parts.entry(p).or_insert(0);
            *n += 1;
            let most = if p.block == WHOLE { self.limits.per_relation } else { self.limits.per_page };
            if *n > most {
                promote = Some(p);
            }
        }
        let whole = promote.unwrap_or(t);
        if promote.is_some() || own.parts.contains_key(&t) {
            self.take_parts(id, whole);
            if promote.is_some() {
                self.put(id, whole);
            }
        }
    }

    /// Takes from a transaction its locks on parts of a target.
    fn take_parts(&mut self, id: SxId, whole: Target) {
        let Some(own) = self.own.get(&id) else { return };
        let parts: Vec<Target> = own.targets.range(whole.range()).copied().filter(|t| *t != whole).collect();
        for t in parts {
            self.take(id, t);
        }
    }

    fn take(&mut self, id: SxId, t: Target) {
        let Some(own) = self.own.get_mut(&id) else { return };
        if !own.targets.remove(&t) {
            return;
        }
        for p in t.parents() {
            if let Some(n) = own.parts.get_mut(&p) {
                *n -= 1;
                if *n == 0 {
                    own.parts.remove(&p);
                }
            }
        }
        self.unlist(id, t);
    }

    fn unlist(&mut self, id: SxId, t: Target) {
        self.count -= 1;
        if let Some(h) = self.held.get_mut(&t) {
            h.retain(|x| *x != id);
            if h.is_empty() {
                self.held.remove(&t);
            }
        }
    }

    /// Turns all locks of a transaction into ones on relations.
    pub fn coarsen(&mut self, id: SxId) {
        let rels: BTreeSet<RelId> =
            self.own.get(&id).map(|o| o.targets.iter().map(|t| t.rel).collect()).unwrap_or_default();
        for rel in rels {
            self.put(id, Target::relation(rel));
        }
    }

    /// Gives up all locks of a transaction.
    pub fn release(&mut self, id: SxId) {
        if let Some(own) = self.own.remove(&id) {
            for t in own.targets {
                self.unlist(id, t);
            }
        }
    }

    /// Makes a committed transaction's locks nobody's.
    pub fn summarise(&mut self, id: SxId, commit: Seq) {
        if let Some(own) = self.own.remove(&id) {
            for t in own.targets {
                self.unlist(id, t);
                let seq = self.old.entry(t).or_insert(commit);
                *seq = commit.max(*seq);
            }
        }
    }

    /// Every transaction that runs began after this commit (`None`: none runs).
    pub fn forget_summarised(&mut self, needed_since: Option<Seq>) {
        match needed_since {
            None => self.old.clear(),
            Some(s) if !self.old.is_empty() => self.old.retain(|_, commit| *commit > s),
            Some(_) => {}
        }
    }

    pub fn holders(&self, t: &Target) -> &[SxId] {
        self.held.get(t).map_or(&[], |h| h.as_slice())
    }

    /// The last summarised commit that had read the target.
    pub fn summarised(&self, t: &Target) -> Option<Seq> {
        self.old.get(t).copied()
    }

    /// Targets in a relation that anybody has a lock on, the relation itself included.
    pub fn parts(&self, rel: RelId) -> impl Iterator<Item = Target> + '_ {
        let all = Target::relation(rel).range();
        self.held.range(all.clone()).map(|(t, _)| *t).chain(self.old.range(all).map(|(t, _)| *t))
    }

    fn copy(&mut self, from: Target, to: Target) {
        for id in self.holders(&from).to_vec() {
            self.put(id, to);
        }
        if let Some(seq) = self.summarised(&from) {
            let n = self.old.entry(to).or_insert(seq);
            *n = seq.max(*n);
        }
    }

    /// Who has read one page counts as a reader of another one, too.
    pub fn copy_page(&mut self, rel: RelId, from: BlockNo, to: BlockNo) {
        self.copy(Target::page(rel, from), Target::page(rel, to));
    }

    /// Nobody counts as a reader of the page any more.
    pub fn drop_page(&mut self, rel: RelId, block: BlockNo) {
        let t = Target::page(rel, block);
        for id in self.holders(&t).to_vec() {
            self.take(id, t);
        }
        self.old.remove(&t);
    }

    /// Who has read anything of one relation counts as a reader of another one.
    pub fn copy_relation(&mut self, from: RelId, to: RelId) {
        let parts: BTreeSet<Target> = self.parts(from).collect();
        for t in parts {
            self.copy(t, Target::relation(to));
        }
    }

    /// Every lock with its holder.
    pub fn all(&self) -> impl Iterator<Item = (Target, SxId)> + '_ {
        let held = self.held.iter().flat_map(|(t, ids)| ids.iter().map(|id| (*t, *id)));
        held.chain(self.old.keys().map(|t| (*t, SxId::NONE)))
    }
}
