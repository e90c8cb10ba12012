//! Many non-blocking sends by one system call, through io_uring.
//!
//! Idea: a send that wakes its receiver lets the receiver have the processor as soon as the system call ends. Of several
//! sends in one call only the last can do that, and the receivers that share a thread are woken once.
//!
//! [`Ring::send_all`] looks like a loop over `send(2)` with `MSG_DONTWAIT`: when it returns, every send has ended.
#![allow(unsafe_code, reason = "io_uring takes pointers to buffers")]

use io_uring::{IoUring, opcode, types};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Most sends in one call.
pub const MOST: usize = 32;

/// A ring of one thread.
pub struct Ring(IoUring);

/// One send: the socket, its bytes, and how many the kernel took (or why none).
pub struct Send<'a> {
    /// The socket.
    pub socket: BorrowedFd<'a>,
    /// What to send.
    pub bytes: &'a [u8],
    /// [`io::ErrorKind::WouldBlock`] until it was tried.
    pub done: io::Result<usize>,
}

impl<'a> Send<'a> {
    /// A send that has not been tried.
    pub fn new(socket: BorrowedFd<'a>, bytes: &'a [u8]) -> Send<'a> {
        Send { socket, bytes, done: Err(io::ErrorKind::WouldBlock.into()) }
    }
}

impl Ring {
    /// A ring, where the kernel has them and lets us.
    pub fn new() -> io::Result<Ring> {
        Ok(Ring(IoUring::new(MOST as u32)?))
    }

    /// Tries the first [`MOST`] sends in order, none of them waiting for room.
    pub fn send_all(&mut self, sends: &mut [Send<'_>]) {
        let mut under_way = 0;
        for (i, s) in sends.iter().take(MOST).enumerate() {
            let Ok(len) = u32::try_from(s.bytes.len()) else { continue };
            let entry = opcode::Send::new(types::Fd(s.socket.as_raw_fd()), s.bytes.as_ptr(), len)
                .flags(libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL)
                .build()
                .user_data(i as u64);
            // SAFETY: the socket and the bytes are borrowed for longer than this call, and the kernel uses neither after
            // the operation's completion, which the loop below waits for before this function returns or unwinds: nothing
            // in between panics.
            if unsafe { self.0.submission().push(&entry) }.is_err() {
                break;
            }
            under_way += 1;
        }
        while under_way > 0 {
            match self.0.submit_and_wait(under_way) {
                Ok(_) => {}
                // Interrupted, or out of memory for a moment: some may be under way, so they are waited for.
                Err(e) if matches!(e.raw_os_error(), Some(libc::EINTR | libc::EAGAIN | libc::EBUSY)) => {}
                Err(e) => {
                    // The kernel may still read the buffers, and there is no way to find out.
                    eprintln!("rustydb: PANIC:  io_uring_enter: {e}");
                    std::process::abort();
                }
            }
            for c in self.0.completion() {
                under_way = under_way.saturating_sub(1);
                if let Some(s) = usize::try_from(c.user_data()).ok().and_then(|i| sends.get_mut(i)) {
                    s.done = match c.result() {
                        n @ 0.. => Ok(n as usize),
                        e => Err(io::Error::from_raw_os_error(-e)),
                    };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    /// Everything arrives; a full socket and a closed one say so and harm nobody else.
    #[test]
    fn all_are_sent() {
        let Ok(mut ring) = Ring::new() else { return };
        let pairs: Vec<_> = (0..4).map(|_| UnixStream::pair().unwrap()).collect();
        let full = vec![0u8; 1 << 20];
        pairs[1].0.set_nonblocking(true).unwrap();
        while std::io::Write::write(&mut &pairs[1].0, &full).is_ok() {}
        let mut them: Vec<_> = pairs.into_iter().map(|p| (p.0, Some(p.1))).collect();
        them[2].1 = None;
        for round in 0..3u8 {
            let bytes = [round; 100];
            let mut sends: Vec<_> = them.iter().map(|t| Send::new(t.0.as_fd(), &bytes)).collect();
            ring.send_all(&mut sends);
            let done: Vec<_> = sends.iter().map(|s| s.done.as_ref().map_err(|e| e.kind()).copied()).collect();
            assert_eq!(
                done,
                [Ok(100), Err(io::ErrorKind::WouldBlock), Err(io::ErrorKind::BrokenPipe), Ok(100)],
                "round {round}"
            );
            for i in [0, 3] {
                let mut got = [9; 100];
                them[i].1.as_mut().unwrap().read_exact(&mut got).unwrap();
                assert_eq!(got, bytes);
            }
        }
    }
}
