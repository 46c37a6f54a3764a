//! `poll(2)`: the second poller of Linux, and the only one of other systems.
//!
//! The table of descriptors is in this process, and each wait passes the whole table to the kernel. The time of a wait
//! grows with the number of registered descriptors.
//!
//! A wait uses a copy of the table, so that the lock is free meanwhile.

mod waker;

pub use waker::Waker;

use super::{Event, Interest, Mode};
use crate::fd::{borrow, can_be_polled};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fd::RawFd;
use std::collections::HashMap;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The longest wait that the `poll` of every system takes: its timeout may be 32 bits of milliseconds. A loop that
/// wakes up early waits again.
const LONGEST_WAIT: Duration = Duration::from_millis(i32::MAX as u64);

/// What a descriptor is polled for.
#[derive(Clone, Copy, Debug)]
struct Watch {
    fd: RawFd,
    interest: Interest,
    mode: Mode,
    token: u64,
    /// Its one event was reported.
    parked: bool,
}

/// The registered descriptors, in an order that only removals change.
#[derive(Debug, Default)]
struct Watches {
    list: Vec<Watch>,
    places: HashMap<RawFd, usize>,
}

impl Watches {
    fn get_mut(&mut self, fd: RawFd) -> Option<&mut Watch> {
        self.list.get_mut(*self.places.get(&fd)?)
    }

    fn remove(&mut self, fd: RawFd) -> bool {
        let Some(place) = self.places.remove(&fd) else { return false };
        self.list.swap_remove(place);
        if let Some(moved) = self.list.get(place) {
            self.places.insert(moved.fd, place);
        }
        true
    }
}

/// A table of descriptors.
#[derive(Debug, Default)]
pub struct Poller {
    watches: Mutex<Watches>,
}

/// The events of one wait, in the order of the table.
#[derive(Default)]
pub struct Events {
    /// What the kernel is asked; beside it the number and the token of each descriptor.
    polled: Vec<PollFd<'static>>,
    watches: Vec<(RawFd, u64)>,
    events: Vec<Event>,
}

impl Events {
    /// The events.
    pub fn iter(&self) -> impl Iterator<Item = Event> {
        self.events.iter().copied()
    }

    /// Drops the events.
    pub fn clear(&mut self) {
        self.polled.clear();
        self.watches.clear();
        self.events.clear();
    }

    /// Whether the wait ended without an event.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }
}

fn flags(interest: Interest) -> PollFlags {
    let mut flags = PollFlags::empty();
    flags.set(PollFlags::IN, interest.readable);
    flags.set(PollFlags::OUT, interest.writable);
    flags
}

impl Poller {
    /// Whether [`Mode::Edge`] is more than [`Mode::Level`].
    pub const EDGE_TRIGGERED: bool = false;

    /// Creates an empty table. It never fails.
    pub fn new() -> io::Result<Poller> {
        Ok(Poller::default())
    }

    fn lock(&self) -> MutexGuard<'_, Watches> {
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// There is no descriptor that stands for the table.
    pub fn descriptor(&self) -> Option<RawFd> {
        None
    }

    /// Registers a descriptor.
    pub fn add(&self, fd: RawFd, interest: Interest, mode: Mode, token: u64) -> io::Result<()> {
        if !can_be_polled(fd)? {
            return Err(io::Error::from_raw_os_error(libc::EPERM));
        }
        let mut watches = self.lock();
        if watches.places.contains_key(&fd) {
            return Err(io::Error::from_raw_os_error(libc::EEXIST));
        }
        let place = watches.list.len();
        watches.list.push(Watch { fd, interest, mode, token, parked: false });
        watches.places.insert(fd, place);
        Ok(())
    }

    /// Changes what a registered descriptor is polled for.
    pub fn modify(&self, fd: RawFd, interest: Interest, mode: Mode, token: u64) -> io::Result<()> {
        let mut watches = self.lock();
        let Some(watch) = watches.get_mut(fd) else { return Err(io::Error::from_raw_os_error(libc::ENOENT)) };
        *watch = Watch { fd, interest, mode, token, parked: false };
        Ok(())
    }

    /// Removes a descriptor.
    pub fn remove(&self, fd: RawFd) -> io::Result<()> {
        if self.lock().remove(fd) { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::ENOENT)) }
    }

    /// Waits. `events` has the events afterwards, and none after a failure.
    pub fn wait(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        let start = std::time::Instant::now();
        loop {
            let left = timeout.map(|timeout| timeout.saturating_sub(start.elapsed()).min(LONGEST_WAIT));
            let closed = self.wait_once(events, left)?;
            // A closed descriptor ends the system call, but not this wait.
            if !events.is_empty() || !closed {
                return Ok(());
            }
        }
    }

    /// Returns whether a descriptor had been closed. Such descriptors are removed.
    fn wait_once(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<bool> {
        events.clear();
        for watch in self.lock().list.iter().filter(|watch| !watch.parked) {
            events.polled.push(PollFd::from_borrowed_fd(borrow(watch.fd)?, flags(watch.interest)));
            events.watches.push((watch.fd, watch.token));
        }
        let timespec = timeout.map(|timeout| Timespec {
            tv_sec: timeout.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        });
        if rustix::event::poll(&mut events.polled, timespec.as_ref())? == 0 {
            return Ok(false);
        }
        let mut closed = false;
        let mut watches = self.lock();
        for (polled, &(fd, token)) in events.polled.iter().zip(&events.watches) {
            let found = polled.revents();
            if found.is_empty() {
                continue;
            }
            if found.contains(PollFlags::NVAL) {
                closed |= watches.remove(fd);
                continue;
            }
            if let Some(watch) = watches.get_mut(fd)
                && watch.mode == Mode::Once
            {
                watch.parked = true;
            }
            let broken = found.intersects(PollFlags::ERR | PollFlags::HUP);
            events.events.push(Event {
                token,
                readable: broken || found.contains(PollFlags::IN),
                writable: broken || found.contains(PollFlags::OUT),
                rearm: false,
            });
        }
        Ok(closed)
    }
}

#[cfg(test)]
#[path = "../contract.rs"]
#[allow(clippy::duplicate_mod, reason = "the same tests run over each backend")]
mod contract;
