//! Ending the poller's wait from another thread, by an eventfd (`man 2 eventfd`).
//!
//! Any thread may call [`Waker::wake`]; only the loop's thread calls [`Waker::reset`].

use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::{AsRawFd, OwnedFd, RawFd};
use std::io;

/// A descriptor that is readable from [`Waker::wake`] until [`Waker::reset`].
#[derive(Debug)]
pub struct Waker {
    descriptor: OwnedFd,
}

impl Waker {
    /// Makes one; non-blocking and not inherited by child programs.
    pub fn new() -> io::Result<Waker> {
        Ok(Waker { descriptor: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)? })
    }

    /// The descriptor to poll for reading.
    pub fn as_raw_fd(&self) -> RawFd {
        self.descriptor.as_raw_fd()
    }

    /// Makes the descriptor readable. The only failure is a counter that is full, and then it is.
    pub fn wake(&self) {
        let _ = rustix::io::write(&self.descriptor, &1u64.to_ne_bytes());
    }

    /// Makes the descriptor unreadable again.
    pub fn reset(&self) {
        let _ = rustix::io::read(&self.descriptor, &mut [0u8; 8]);
    }
}
