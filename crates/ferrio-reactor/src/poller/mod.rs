//! Waiting for descriptors.
//!
//! The contract that every backend keeps:
//!
//! - A descriptor is registered once, with an [`Interest`] and a `token` that comes back with its
//!   events; `modify` changes both. Readiness is level-triggered.
//! - `wait` fills [`Events`] with what is ready, in the order in which the kernel reports it, and
//!   returns when something is, when the timeout has passed, or with `ErrorKind::Interrupted` when a
//!   signal arrived. `None` waits without end. A timeout is never cut short by rounding.
//! - An error or a hang-up makes a descriptor both readable and writable, so that whoever is
//!   interested finds out by trying.
//! - A descriptor that is closed must be removed first.

mod epoll;

pub use epoll::{Events, Poller};

/// What to wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    pub readable: bool,
    pub writable: bool,
}

impl Interest {
    /// Whether there is nothing to wait for.
    pub fn is_empty(self) -> bool {
        !self.readable && !self.writable
    }
}

/// What a descriptor is ready for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub token: u64,
    pub readable: bool,
    pub writable: bool,
}
