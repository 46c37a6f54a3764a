//! Ending a wait from another thread, by a pipe (`man 7 pipe`).

use crate::platform;
use rustix::fd::{AsRawFd, OwnedFd, RawFd};
use std::io;

/// How many bytes [`Waker::reset`] reads at once. Other threads wake a loop at most once between two iterations, so
/// there is seldom more than one.
const BYTES_PER_READ: usize = 64;

/// A descriptor that is readable from [`Waker::wake`] until [`Waker::reset`].
#[derive(Debug)]
pub struct Waker {
    reader: OwnedFd,
    writer: OwnedFd,
}

impl Waker {
    /// Creates a waker. Its descriptors do not block, and child programs do not inherit them.
    pub fn new() -> io::Result<Waker> {
        let (reader, writer) = platform::pipe()?;
        Ok(Waker { reader, writer })
    }

    /// The descriptor to poll for reading.
    pub fn as_raw_fd(&self) -> RawFd {
        self.reader.as_raw_fd()
    }

    /// Makes the descriptor readable. It can only fail if the pipe is full, and then the descriptor is readable
    /// already.
    pub fn wake(&self) {
        let _ = rustix::io::write(&self.writer, &[0]);
    }

    /// Makes the descriptor unreadable again.
    pub fn reset(&self) {
        let mut buffer = [0u8; BYTES_PER_READ];
        while rustix::io::read(&self.reader, &mut buffer).is_ok_and(|count| count == BYTES_PER_READ) {}
    }
}
