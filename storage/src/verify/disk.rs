//! The files of a directory that nobody has open.
//!
//! A crash leaves what recovery expects: a page torn while it was written home has its image in the double-write file, the
//! log ends in a torn batch, relations that are not logged are to be removed. None of that is damage. A page from beyond the
//! log's end is: the log was stable up to it when it was written.

use super::Findings;
use crate::buf::PageFiles;
use crate::buf::files::{self, BASE, SEGMENT_PAGES};
use crate::control::ControlFile;
use crate::dwb::DoubleWrite;
use crate::io::{AlignedBuf, IoRef, OpenMode};
use crate::page::{PAGE_SIZE, Page};
use crate::recovery;
use crate::store::StoreOptions;
use crate::wal::LogReader;
use rustydb_base::{BlockNo, Lsn, PageId, RelId, Result};
use std::collections::BTreeSet;

/// Pages read at a time.
const RUN: u32 = 64;

/// Looks at every file of the directory behind `io`. An error means that the directory could not be looked at.
pub async fn check(opts: &StoreOptions, io: &IoRef) -> Result<Findings> {
    let mut out = Findings::default();
    // Opening the keys raises their epoch, which must not reach the disk.
    let look: IoRef = crate::io::overlay::OverlayIo::new(io.clone(), 16);
    let (control, damaged) = match ControlFile::look(io, crate::store::CONTROL).await {
        Ok(found) => found,
        Err(e) if super::is_damage(&e) => {
            out.file(crate::store::CONTROL, None, e.message.into_owned());
            return Ok(out);
        }
        Err(e) => return Err(e),
    };
    for slot in damaged {
        out.file(crate::store::CONTROL, Some(slot), "this copy of the control record is damaged");
    }
    let clean = control.clean_shutdown;
    let mut newest = Lsn(0);
    let saved = match DoubleWrite::look(io, crate::store::DWB, control.cluster_id).await {
        Ok(found) => {
            // After a crash a header may be torn: then no page of its batch was on its way home.
            found.damaged.iter().filter(|_| clean).for_each(|slot| {
                out.file(crate::store::DWB, Some(*slot), "the header of this slot is neither clear nor valid");
            });
            newest = found.newest;
            found.pages
        }
        Err(e) if e.code == rustydb_base::SqlState::UNDEFINED_FILE => {
            out.file(crate::store::DWB, None, "the file is missing");
            BTreeSet::new()
        }
        Err(e) => return Err(e),
    };
    let crypto = match crate::store::open_crypto(opts, &look, &control).await {
        Ok(c) => c,
        Err(e) if super::is_damage(&e) => {
            out.file(crate::crypto::KEYS, None, e.message.into_owned());
            return Ok(out);
        }
        Err(e) => return Err(e),
    };
    let cfg = crate::store::log_config(opts, control.cluster_id, crypto);
    let log = async {
        let from = recovery::read_checkpoint(io, &cfg, &control).await?;
        let mut reader = LogReader::open(io.clone(), cfg.clone(), from.redo_lsn).await?;
        while reader.next().await?.is_some() {}
        let tail = reader.into_tail().await?;
        if clean && tail.lsn < control.checkpoint_lsn {
            return Err(rustydb_base::DbError::corrupt("the log ends before its last checkpoint"));
        }
        Ok(tail.lsn)
    };
    // Unknown where the log is damaged.
    let end = match log.await {
        Ok(end) => {
            if let Err(e) = recovery::check_end(end, newest) {
                out.file(crate::store::WAL, None, e.message.into_owned());
            }
            end
        }
        Err(e) if super::is_damage(&e) => {
            out.file(crate::store::WAL, None, e.message.into_owned());
            Lsn(u64::MAX)
        }
        Err(e) => return Err(e),
    };
    let look = Look { saved, clean, end };
    for name in io.list(BASE).await? {
        let Some((rel, segment)) = files::parse_name(&name) else {
            out.file(format!("{BASE}/{name}"), None, "this is no relation's file");
            continue;
        };
        if !clean && !rel.is_logged() {
            // Recovery removes it.
            continue;
        }
        pages(io, rel, segment, &name, &look, &mut out).await?;
    }
    Ok(out)
}

/// What is known of the directory when its pages are looked at.
struct Look {
    /// Pages whose image the double-write file has.
    saved: BTreeSet<PageId>,
    /// It was shut down in order.
    clean: bool,
    /// Where the log ends.
    end: Lsn,
}

/// One segment file of a relation, page by page.
async fn pages(io: &IoRef, rel: RelId, segment: u32, name: &str, look: &Look, out: &mut Findings) -> Result<()> {
    let path = format!("{BASE}/{name}");
    let file = io.open(&path, OpenMode::default()).await?;
    let len = io.len(&file).await?;
    if !len.is_multiple_of(PAGE_SIZE as u64) && look.clean {
        out.file(path, None, format!("the file has {len} bytes, which is not a whole number of pages"));
    }
    let n = BlockNo::try_from(len.div_ceil(PAGE_SIZE as u64)).unwrap_or(BlockNo::MAX).min(SEGMENT_PAGES);
    let first = segment * SEGMENT_PAGES;
    let mut at = 0;
    let mut page = Box::new(Page([0; PAGE_SIZE]));
    while at < n {
        let run = PageFiles::run(PageId::new(rel, first + at), RUN.min(n - at));
        let buf = AlignedBuf::with_len(run as usize * PAGE_SIZE);
        let buf = io.read(&file, u64::from(at) * PAGE_SIZE as u64, buf).await?;
        for (i, image) in buf.chunks_exact(PAGE_SIZE).enumerate() {
            page.0.copy_from_slice(image);
            let pid = PageId::new(rel, first + at + i as u32);
            match page.verify(pid) {
                Err(_) if look.saved.contains(&pid) => {}
                Err(e) => out.page(rel, pid.block, e.message.into_owned()),
                Ok(()) if page.lsn() > look.end => {
                    let (lsn, end) = (page.lsn(), look.end);
                    out.page(
                        rel,
                        pid.block,
                        format!("the page has changes up to {lsn}, but the redo log ends at {end}"),
                    );
                }
                Ok(()) => {}
            }
        }
        at += run;
    }
    Ok(())
}
