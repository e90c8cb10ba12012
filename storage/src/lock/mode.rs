//! Lock modes and what conflicts with what.

use crate::core::RowLockMode;

/// PostgreSQL's eight lock modes, weakest first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum LockMode {
    /// SELECT. On a row: FOR KEY SHARE.
    AccessShare = 1,
    /// SELECT FOR UPDATE/SHARE. On a row: FOR SHARE.
    RowShare = 2,
    /// INSERT, UPDATE, DELETE.
    RowExclusive = 3,
    /// VACUUM, ANALYZE, CREATE INDEX CONCURRENTLY.
    ShareUpdateExclusive = 4,
    /// CREATE INDEX. Of advisory locks: shared.
    Share = 5,
    /// CREATE TRIGGER and the like.
    ShareRowExclusive = 6,
    /// Of a row: FOR NO KEY UPDATE. Of advisory locks: exclusive.
    Exclusive = 7,
    /// ALTER and DROP TABLE, TRUNCATE. Of a row: FOR UPDATE.
    AccessExclusive = 8,
}

/// All modes, weakest first.
pub(super) const ALL: [LockMode; 8] = [
    LockMode::AccessShare,
    LockMode::RowShare,
    LockMode::RowExclusive,
    LockMode::ShareUpdateExclusive,
    LockMode::Share,
    LockMode::ShareRowExclusive,
    LockMode::Exclusive,
    LockMode::AccessExclusive,
];

/// A set of modes: bit n stands for the mode with number n.
pub(super) type Mask = u16;

impl LockMode {
    /// The mode's bit.
    pub(super) fn bit(self) -> Mask {
        1 << self as u8
    }

    /// The modes this one conflicts with.
    pub(super) fn conflicts(self) -> Mask {
        const fn set(modes: &[u8]) -> Mask {
            let (mut m, mut i) = (0, 0);
            while i < modes.len() {
                m |= 1 << modes[i];
                i += 1;
            }
            m
        }
        match self {
            LockMode::AccessShare => set(&[8]),
            LockMode::RowShare => set(&[7, 8]),
            LockMode::RowExclusive => set(&[5, 6, 7, 8]),
            LockMode::ShareUpdateExclusive => set(&[4, 5, 6, 7, 8]),
            LockMode::Share => set(&[3, 4, 6, 7, 8]),
            LockMode::ShareRowExclusive => set(&[3, 4, 5, 6, 7, 8]),
            LockMode::Exclusive => set(&[2, 3, 4, 5, 6, 7, 8]),
            LockMode::AccessExclusive => set(&[1, 2, 3, 4, 5, 6, 7, 8]),
        }
    }

    /// Whether two owners cannot hold these modes at once.
    pub fn conflicts_with(self, other: LockMode) -> bool {
        self.conflicts() & other.bit() != 0
    }

    /// Name as `pg_locks` shows it.
    pub fn name(self) -> &'static str {
        match self {
            LockMode::AccessShare => "AccessShareLock",
            LockMode::RowShare => "RowShareLock",
            LockMode::RowExclusive => "RowExclusiveLock",
            LockMode::ShareUpdateExclusive => "ShareUpdateExclusiveLock",
            LockMode::Share => "ShareLock",
            LockMode::ShareRowExclusive => "ShareRowExclusiveLock",
            LockMode::Exclusive => "ExclusiveLock",
            LockMode::AccessExclusive => "AccessExclusiveLock",
        }
    }
}

impl From<RowLockMode> for LockMode {
    fn from(m: RowLockMode) -> LockMode {
        match m {
            RowLockMode::KeyShare => LockMode::AccessShare,
            RowLockMode::Share => LockMode::RowShare,
            RowLockMode::NoKeyUpdate => LockMode::Exclusive,
            RowLockMode::Update => LockMode::AccessExclusive,
        }
    }
}

/// The modes of a set.
pub(super) fn modes(mask: Mask) -> impl Iterator<Item = LockMode> {
    ALL.into_iter().filter(move |m| mask & m.bit() != 0)
}
