//! Waiting for descriptors.
//!
//! The contract that every backend keeps:
//!
//! - A descriptor is registered once, with an [`Interest`] and a `token` that comes back with its
//!   events; `modify` changes both. Readiness is level-triggered, unless the interest says that changes are enough;
//!   what is ready when it is registered or modified is reported then.
//! - `wait` fills [`Events`] with what is ready, in the order in which the kernel reports it, and
//!   returns when something is, when the timeout has passed, or with `ErrorKind::Interrupted` when a
//!   signal arrived. `None` waits without end. A timeout is never cut short by rounding.
//! - An error or a hang-up makes a descriptor both readable and writable, so that whoever is
//!   interested finds out by trying.
//! - A descriptor should be removed before it is closed. If it was closed first, `remove` may fail, and events for
//!   its token may still come as long as a duplicate of it is open.

mod epoll;

pub use epoll::{Events, Poller};

/// What to wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    pub readable: bool,
    pub writable: bool,
    /// Whether a change is to be reported once, and not as long as the descriptor is ready: whoever is told reads
    /// until there is no more. That saves the kernel a second look at the descriptor.
    pub changes: bool,
}

impl Interest {
    pub const READABLE: Interest = Interest { readable: true, writable: false, changes: false };
    pub const WRITABLE: Interest = Interest { readable: false, writable: true, changes: false };

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
    /// Whether a read that takes less than it could may leave something behind: the end of the stream, an error, or
    /// what follows urgent data. Not reported for interests that are not in changes.
    pub more: bool,
}
