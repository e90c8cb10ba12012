//! CPU time and memory of a server's processes, read from /proc. PostgreSQL is a tree of processes, and a backend that has
//! ended takes its own counters with it, but its parent then carries them as "children's" time; so the sum over the tree of
//! own and waited-for children's time never loses anything.

use crate::{Context, Result};
use std::collections::HashMap;
use std::time::Duration;

/// Linux reports times in units of 1/100 s to user space on every architecture it runs a server on.
const TICK: Duration = Duration::from_millis(10);

struct Stat {
    parent: u32,
    ticks: u64,
}

/// `utime stime cutime cstime` are fields 14 to 17 of `/proc/PID/stat`; the name in field 2 may hold spaces and brackets,
/// so counting starts after its last closing bracket.
fn stat(pid: u32) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text.get(text.rfind(')')? + 1..)?.split_whitespace().collect();
    let number = |n: usize| fields.get(n - 3).and_then(|f| f.parse::<u64>().ok());
    Some(Stat { parent: number(4)? as u32, ticks: number(14)? + number(15)? + number(16)? + number(17)? })
}

fn tree(root: u32) -> Result<Vec<(u32, u64)>> {
    let mut children: HashMap<u32, Vec<u32>> = HashMap::new();
    let mut ticks = HashMap::new();
    for entry in std::fs::read_dir("/proc").context(|| "reading /proc".into())? {
        let Some(pid) = entry?.file_name().to_str().and_then(|n| n.parse::<u32>().ok()) else { continue };
        if let Some(s) = stat(pid) {
            children.entry(s.parent).or_default().push(pid);
            ticks.insert(pid, s.ticks);
        }
    }
    let mut out = Vec::new();
    let mut todo = vec![root];
    while let Some(pid) = todo.pop() {
        if let Some(t) = ticks.get(&pid) {
            out.push((pid, *t));
        }
        todo.extend(children.get(&pid).into_iter().flatten());
    }
    Ok(out)
}

/// The process `root` and all its descendants.
pub fn tree_of(root: u32) -> Result<Vec<u32>> {
    Ok(tree(root)?.into_iter().map(|(pid, _)| pid).collect())
}

/// CPU time (user and system) used so far by the process `root`, its descendants, and the children they have waited for.
pub fn cpu(root: u32) -> Result<Duration> {
    let ticks: u64 = tree(root)?.iter().map(|(_, t)| t).sum();
    Ok(TICK * u32::try_from(ticks).unwrap_or(u32::MAX))
}

/// Resident memory in bytes that is not shared with other processes' pages twice: the sum of PSS over the tree.
pub fn memory(root: u32) -> Result<u64> {
    let mut total = 0;
    for (pid, _) in tree(root)? {
        total += rollup(pid, "Pss:").or_else(|| status(pid, "VmRSS:")).unwrap_or(0);
    }
    Ok(total)
}

/// The largest resident set the process `pid` ever had, in bytes.
pub fn peak_memory(pid: u32) -> Result<u64> {
    status(pid, "VmHWM:").context(|| format!("no VmHWM for process {pid}"))
}

/// Makes the next [`peak_memory`] count from now.
pub fn reset_peak(pid: u32) -> Result<()> {
    std::fs::write(format!("/proc/{pid}/clear_refs"), "5").context(|| format!("resetting the peak of process {pid}"))
}

fn status(pid: u32, field: &str) -> Option<u64> {
    kilobytes(&std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?, field)
}

fn rollup(pid: u32, field: &str) -> Option<u64> {
    kilobytes(&std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?, field)
}

fn kilobytes(text: &str, field: &str) -> Option<u64> {
    let line = text.lines().find(|l| l.starts_with(field))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kb| kb * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_process_is_measurable() {
        let me = std::process::id();
        assert!(memory(me).unwrap() > 100_000);
        assert!(peak_memory(me).unwrap() > 100_000);
        cpu(me).unwrap();
    }
}
