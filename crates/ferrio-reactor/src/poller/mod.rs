//! Waiting for file descriptors.
//!
//! A backend is a folder with three types, `Poller`, `Events` and `Waker`, whose functions have the same names and
//! signatures in each. The cargo feature `poll-backend` chooses `poll(2)` on a system that has a better one.
//! `contract.rs` has the tests that every backend passes.
//!
//! | backend | system | waking | edge-triggered |
//! |---|---|---|---|
//! | `epoll` | Linux | eventfd | yes |
//! | `poll` | every Unix | a pipe | no |
//!
//! # The contract
//!
//! - `add` registers a descriptor with an [`Interest`], a [`Mode`] and a `token` that comes back with its events.
//!   It fails with `AlreadyExists` for a descriptor that is registered, with `PermissionDenied` for one that can't
//!   be waited for (a regular file, a directory), and with `EBADF` for one that is not open. `modify` replaces all
//!   three. `modify` and `remove` fail with `NotFound` for a descriptor that is not registered.
//! - If a descriptor is ready at `add` or `modify`, the next `wait` reports it.
//! - After the event of [`Mode::Once`], the descriptor stays registered. Nothing is reported for it until `modify`.
//! - `Poller::EDGE_TRIGGERED` is false in a backend that cannot report edges. It treats [`Mode::Edge`] as
//!   [`Mode::Level`].
//! - `wait` fills `Events` with the ready descriptors, in the system's order. It returns when something is ready, when
//!   the timeout has passed, or with `ErrorKind::Interrupted` when a signal arrived. A timeout of `None` has no end.
//!   Rounding never makes a timeout shorter.
//! - An error or a hang-up makes a descriptor both readable and writable. The owner finds the error when it reads or
//!   writes.
//! - A descriptor should be removed before it is closed. If it was closed first, `remove` may fail, and events with its
//!   token may still arrive as long as a duplicate of it is open, or when another descriptor has its number. A closed
//!   descriptor without a duplicate is not reported, and does not end a wait.
//! - Any thread may call the functions. A change made during another thread's `wait` takes effect with the next
//!   `wait` at the latest.
//! - `Poller::descriptor` is readable while a `wait` would find something. A backend may have none.
//! - `Waker::wake` makes the waker's descriptor readable until `Waker::reset`. Any thread may call it.

#[cfg(target_os = "linux")]
pub mod epoll;
pub mod poll;

#[cfg(all(target_os = "linux", not(feature = "poll-backend")))]
use epoll as backend;
#[cfg(not(all(target_os = "linux", not(feature = "poll-backend"))))]
use poll as backend;

pub use backend::{Events, Poller, Waker};

/// What to wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    pub readable: bool,
    pub writable: bool,
}

impl Interest {
    pub const READABLE: Interest = Interest { readable: true, writable: false };
    pub const WRITABLE: Interest = Interest { readable: false, writable: true };

    /// Whether there is nothing to wait for.
    pub fn is_empty(self) -> bool {
        !self.readable && !self.writable
    }
}

/// How often readiness is reported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// By each wait while the descriptor is ready.
    #[default]
    Level,
    /// When the descriptor becomes ready, and when more arrives. The kernel need not look at the descriptor again.
    Edge,
    /// Once.
    Once,
}

/// What a descriptor is ready for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    pub token: u64,
    pub readable: bool,
    pub writable: bool,
    /// Whether something may be left after a short read: the end of the stream, an error, or data after urgent data.
    /// Only reported in [`Mode::Edge`].
    pub rearm: bool,
}
