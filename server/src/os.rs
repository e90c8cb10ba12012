//! The calls to the operating system that have no safe wrapper here.
#![allow(unsafe_code, reason = "setrlimit and the allocator's call have no safe wrapper")]

use std::io;

/// Raises the soft limit on open files to the hard limit and answers the limit in force. Each connection takes one file,
/// and the usual soft limit of 1024 is below max_connections.
pub fn raise_open_files() -> io::Result<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is a valid, exclusively borrowed rlimit for the length of the call.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) } != 0 {
        return Err(io::Error::last_os_error());
    }
    if limit.rlim_cur < limit.rlim_max {
        limit.rlim_cur = limit.rlim_max;
        // SAFETY: `limit` is a valid rlimit that outlives the call, which only reads it.
        if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(limit.rlim_cur)
}

/// Keeps the memory of this process, which holds keys, out of core dumps and away from other processes of the same user.
pub fn forbid_core_dumps() -> io::Result<()> {
    let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `none` is a valid rlimit that outlives the call, which only reads it.
    if unsafe { libc::setrlimit(libc::RLIMIT_CORE, &raw const none) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: takes numbers only.
    if unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// Gives memory that is free back to the operating system. The allocator does so by itself only while it is used.
pub fn trim_memory() {
    // SAFETY: takes no pointers; mimalloc allows it from any thread at any time.
    unsafe { libmimalloc_sys::mi_collect(true) }
}
