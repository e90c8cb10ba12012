//! The control file: the one fixed place recovery starts from.
//!
//! Two 4 KiB slots, each `magic u32, version u32 | seq u64 | cluster_id u64 | checkpoint_lsn u64, checkpoint_crc u32 |
//! writer_epoch u32 | flags u32 | crc u32` (little-endian, zero-padded). A write goes to the slot that does not hold the
//! newest state, with the next `seq`, and is durable when it completes: a torn write leaves the other slot. Reading takes
//! the valid slot with the highest `seq`. Version counts the format of the whole data directory, so that an old server
//! refuses a newer directory by name and not by accident.
//!
//! Left out: anything that can be derived from the checkpoint record in the log.

use crate::io::{AlignedBuf, BLOCK, FileId, IoClass, IoRef, OpenMode, parent_dir};
use rustydb_base::{DbError, Lsn, Result, SqlState};

const MAGIC: u32 = 0x4343_4452; // "RDCC"
/// Format of the data directory that this server reads and writes.
pub const FORMAT_VERSION: u32 = 2;
const CLEAN: u32 = 1;
const ENCRYPTED: u32 = 2;
/// Encoded bytes, crc included.
const LEN: usize = 48;

/// What the control file holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Control {
    /// Identity of the cluster; every log batch carries it.
    pub cluster_id: u64,
    /// Start LSN of the last checkpoint record; 0 before the first checkpoint.
    pub checkpoint_lsn: Lsn,
    /// crc32c of that record's bytes.
    pub checkpoint_crc: u32,
    /// Highest log writer epoch that may have been used.
    pub writer_epoch: u32,
    /// The server stopped in order and nothing was written since.
    pub clean_shutdown: bool,
    /// Pages and log are sealed; the keys are in the key file.
    pub encrypted: bool,
}

/// The open control file. One owner at a time writes it.
pub struct ControlFile {
    io: IoRef,
    file: FileId,
    path: String,
    seq: u64,
}

impl ControlFile {
    /// Makes the control file of a new database, durably. Its presence says that the directory is initialised, so it is
    /// made last.
    pub async fn create(io: IoRef, path: &str, control: &Control) -> Result<ControlFile> {
        let file = ControlFile::open_file(&io, path, true).await?;
        let mut this = ControlFile { io, file, path: path.to_owned(), seq: 0 };
        this.write(control).await?;
        this.write(control).await?;
        this.io.sync(&this.file).await?;
        this.io.sync_dir(parent_dir(path)).await?;
        Ok(this)
    }

    /// Opens an existing control file and reads its newest valid state.
    pub async fn open(io: IoRef, path: &str) -> Result<(ControlFile, Control)> {
        let file = ControlFile::open_file(&io, path, false).await?;
        let both = io.read(&file, 0, AlignedBuf::with_len(2 * BLOCK)).await?;
        let newest = both.chunks(BLOCK).filter_map(decode).max_by_key(|slot| slot.seq);
        let slot = newest.ok_or_else(|| {
            DbError::panic(SqlState::DATA_CORRUPTED, format!("control file \"{path}\" has no valid content"))
        })?;
        if slot.version != FORMAT_VERSION {
            return Err(DbError::fatal(
                SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                "database files are incompatible with server",
            )
            .detail(format!(
                "The data directory has format {}, this server uses format {FORMAT_VERSION}.",
                slot.version
            )));
        }
        Ok((ControlFile { io, file, path: path.to_owned(), seq: slot.seq }, slot.control))
    }

    /// Reads the newest valid state without opening the file for writing. Answers as well which of the two copies are
    /// damaged: a copy is smaller than a sector, so no crash tears it.
    pub async fn look(io: &IoRef, path: &str) -> Result<(Control, Vec<u64>)> {
        let file = io.open(path, OpenMode::default()).await?;
        let both = io.read(&file, 0, AlignedBuf::with_len(2 * BLOCK)).await?;
        drop(file);
        let damaged =
            both.chunks(BLOCK).enumerate().filter(|(_, s)| decode(s).is_none()).map(|(i, _)| i as u64).collect();
        let (_, control) = ControlFile::open(io.clone(), path).await?;
        Ok((control, damaged))
    }

    /// Replaces the state; durable on return. After an error the old or the new state may be found.
    pub async fn write(&mut self, control: &Control) -> Result<()> {
        let seq = self.seq + 1;
        let slot = encode(control, seq);
        self.io.write(&self.file, (seq % 2) * BLOCK as u64, slot).await?;
        self.seq = seq;
        Ok(())
    }

    /// Its path below the data directory.
    pub fn path(&self) -> &str {
        &self.path
    }

    async fn open_file(io: &IoRef, path: &str, create: bool) -> Result<FileId> {
        io.open(path, OpenMode { create, direct: true, dsync: true, class: IoClass::Page }).await
    }
}

struct Slot {
    version: u32,
    seq: u64,
    control: Control,
}

fn encode(c: &Control, seq: u64) -> AlignedBuf {
    let mut out = Vec::with_capacity(LEN);
    out.extend_from_slice(&MAGIC.to_le_bytes());
    out.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    out.extend_from_slice(&seq.to_le_bytes());
    out.extend_from_slice(&c.cluster_id.to_le_bytes());
    out.extend_from_slice(&c.checkpoint_lsn.0.to_le_bytes());
    out.extend_from_slice(&c.checkpoint_crc.to_le_bytes());
    out.extend_from_slice(&c.writer_epoch.to_le_bytes());
    let flags = (if c.clean_shutdown { CLEAN } else { 0 }) | if c.encrypted { ENCRYPTED } else { 0 };
    out.extend_from_slice(&flags.to_le_bytes());
    let crc = crc32c::crc32c(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    debug_assert_eq!(out.len(), LEN);
    AlignedBuf::padded_from(&out)
}

fn decode(slot: &[u8]) -> Option<Slot> {
    let body = slot.get(..LEN - 4)?;
    let u32_at = |at: usize| body.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b));
    let u64_at = |at: usize| body.get(at..)?.first_chunk().map(|b| u64::from_le_bytes(*b));
    let crc = u32::from_le_bytes(*slot.get(LEN - 4..)?.first_chunk()?);
    if u32_at(0)? != MAGIC || crc != crc32c::crc32c(body) {
        return None;
    }
    Some(Slot {
        version: u32_at(4)?,
        seq: u64_at(8)?,
        control: Control {
            cluster_id: u64_at(16)?,
            checkpoint_lsn: Lsn(u64_at(24)?),
            checkpoint_crc: u32_at(32)?,
            writer_epoch: u32_at(36)?,
            clean_shutdown: u32_at(40)? & CLEAN != 0,
            encrypted: u32_at(40)? & ENCRYPTED != 0,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::sim::{SECTOR, SimDisk, SimFaults, SimIo};
    use crate::sim::SimRuntime;
    use parking_lot::Mutex;
    use std::sync::Arc;

    fn state(n: u64) -> Control {
        Control {
            cluster_id: 9,
            checkpoint_lsn: Lsn(n),
            checkpoint_crc: n as u32,
            writer_epoch: n as u32,
            clean_shutdown: n.is_multiple_of(2),
            encrypted: n.is_multiple_of(3),
        }
    }

    fn read(disk: &SimDisk) -> Result<Control> {
        let rt = SimRuntime::new(0);
        let io = SimIo::new(&rt, disk, SimFaults::default());
        rt.block_on(async move { ControlFile::open(io, "control").await.map(|(_, c)| c) }).unwrap()
    }

    /// Writes states 0, 0, 1, 2, 3, 4; answers how many writes completed after creation and whether that was reached.
    fn run(disk: &SimDisk, crash_at: Option<u64>) -> Option<u64> {
        let rt = SimRuntime::new(1);
        let io = SimIo::new(&rt, disk, SimFaults { crash_at, ..SimFaults::default() });
        let done = Arc::new(Mutex::new(None));
        let done2 = done.clone();
        // Ends early by a crash; `done` says how far it came.
        let _ = rt.block_on(async move {
            let mut file = ControlFile::create(io, "control", &state(0)).await.unwrap();
            *done2.lock() = Some(0);
            for n in 1..=4 {
                file.write(&state(n)).await.unwrap();
                *done2.lock() = Some(n);
            }
        });
        rt.shutdown();
        Arc::into_inner(done).and_then(Mutex::into_inner)
    }

    #[test]
    fn a_crash_at_any_write_leaves_the_old_or_the_new_state() {
        for crash_at in 1..=9 {
            for fate in 0..20 {
                let disk = SimDisk::new();
                let done = run(&disk, Some(crash_at));
                match (done, read(&disk.crash(fate))) {
                    (Some(n), Ok(c)) => assert!(c == state(n) || c == state(n + 1), "crash {crash_at}: {c:?}"),
                    (Some(n), Err(e)) => panic!("state {n} lost: {e}"),
                    (None, _) => {}
                }
            }
        }
    }

    #[test]
    fn rot_falls_back_to_the_older_slot_then_refuses() {
        let disk = SimDisk::new();
        assert_eq!(run(&disk, None), Some(4));
        assert_eq!(read(&disk).unwrap(), state(4));
        // State 4 has sequence number 6 and so lies in slot 0.
        for bit in 0..LEN as u64 * 8 {
            let rotten = disk.fork();
            rotten.flip_bit("control", bit / 8, (bit % 8) as u8);
            assert_eq!(read(&rotten).unwrap(), state(3));
        }
        disk.overwrite("control", 0, &[0; SECTOR]);
        disk.overwrite("control", BLOCK as u64, &[0; SECTOR]);
        assert_eq!(read(&disk).unwrap_err().code, SqlState::DATA_CORRUPTED);
    }

    #[test]
    fn another_format_is_refused_by_name() {
        let disk = SimDisk::new();
        run(&disk, None);
        let mut slot = encode(&state(5), 100);
        slot[4..8].copy_from_slice(&(FORMAT_VERSION + 1).to_le_bytes());
        let crc = crc32c::crc32c(&slot[..LEN - 4]);
        slot[LEN - 4..LEN].copy_from_slice(&crc.to_le_bytes());
        disk.overwrite("control", 0, &slot);
        assert_eq!(read(&disk).unwrap_err().message, "database files are incompatible with server");
    }
}
