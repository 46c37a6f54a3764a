//! Ending a wait from another thread, by an eventfd (`man 2 eventfd`).

use rustix::event::{EventfdFlags, eventfd};
use rustix::fd::{AsRawFd, OwnedFd, RawFd};
use std::io;

/// A descriptor that is readable from [`Waker::wake`] until [`Waker::reset`].
#[derive(Debug)]
pub struct Waker {
    counter: OwnedFd,
}

impl Waker {
    /// Creates a waker. Its descriptor does not block, and child programs do not inherit it.
    pub fn new() -> io::Result<Waker> {
        Ok(Waker { counter: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)? })
    }

    /// The descriptor to poll for reading.
    pub fn as_raw_fd(&self) -> RawFd {
        self.counter.as_raw_fd()
    }

    /// Makes the descriptor readable. It can only fail if the counter is full, and then the descriptor is readable
    /// already.
    pub fn wake(&self) {
        let _ = rustix::io::write(&self.counter, &1u64.to_ne_bytes());
    }

    /// Makes the descriptor unreadable again.
    pub fn reset(&self) {
        let _ = rustix::io::read(&self.counter, &mut [0u8; 8]);
    }
}
