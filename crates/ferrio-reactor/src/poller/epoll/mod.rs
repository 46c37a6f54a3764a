//! epoll (`man 7 epoll`), the poller of Linux.

mod waker;

pub use waker::Waker;

use super::{Event, Interest, Mode};
use crate::fd::borrow;
use rustix::event::epoll;
use rustix::fd::{AsRawFd, OwnedFd, RawFd};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How many events one wait takes: 12 KB of memory. The next wait reports the rest, and the kernel rotates its list,
/// so no descriptor starves. A server with 1,000 busy connections needs one system call for an iteration.
const EVENTS_PER_WAIT: usize = 1024;

const NANOSECONDS_PER_MILLISECOND: u128 = 1_000_000;

/// Whether `epoll_pwait2` is missing (before Linux 5.11, or forbidden by a seccomp filter).
static NO_PWAIT2: AtomicBool = AtomicBool::new(false);

/// An epoll instance.
#[derive(Debug)]
pub struct Poller {
    instance: OwnedFd,
}

/// The events of one wait, in the kernel's order. The first wait allocates the memory.
#[derive(Default)]
pub struct Events {
    buffer: Vec<libc::epoll_event>,
}

impl Events {
    /// The events, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = Event> {
        const BROKEN: u32 = (libc::EPOLLERR | libc::EPOLLHUP) as u32;
        const READABLE: u32 = libc::EPOLLIN as u32 | BROKEN;
        const WRITABLE: u32 = libc::EPOLLOUT as u32 | BROKEN;
        const REARM: u32 = (libc::EPOLLRDHUP | libc::EPOLLPRI) as u32 | BROKEN;
        self.buffer.iter().map(|event| Event {
            token: event.u64,
            readable: event.events & READABLE != 0,
            writable: event.events & WRITABLE != 0,
            rearm: event.events & REARM != 0,
        })
    }

    /// Drops the events.
    pub fn clear(&mut self) {
        self.buffer.clear();
    }

    /// Whether the wait ended without an event.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }
}

fn flags(interest: Interest, mode: Mode) -> epoll::EventFlags {
    let mut flags = epoll::EventFlags::empty();
    flags.set(epoll::EventFlags::IN, interest.readable);
    flags.set(epoll::EventFlags::OUT, interest.writable);
    flags
        | match mode {
            Mode::Level => epoll::EventFlags::empty(),
            Mode::Edge => epoll::EventFlags::ET | epoll::EventFlags::RDHUP | epoll::EventFlags::PRI,
            Mode::Once => epoll::EventFlags::ONESHOT,
        }
}

impl Poller {
    /// Whether [`Mode::Edge`] is more than [`Mode::Level`].
    pub const EDGE_TRIGGERED: bool = true;

    /// Creates an instance. Child programs do not inherit it.
    pub fn new() -> io::Result<Poller> {
        Ok(Poller { instance: epoll::create(epoll::CreateFlags::CLOEXEC)? })
    }

    /// A descriptor that is readable while a wait would find something.
    pub fn descriptor(&self) -> Option<RawFd> {
        Some(self.instance.as_raw_fd())
    }

    /// Registers a descriptor.
    pub fn add(&self, fd: RawFd, interest: Interest, mode: Mode, token: u64) -> io::Result<()> {
        let data = epoll::EventData::new_u64(token);
        Ok(epoll::add(&self.instance, borrow(fd)?, data, flags(interest, mode))?)
    }

    /// Changes what a registered descriptor is polled for.
    pub fn modify(&self, fd: RawFd, interest: Interest, mode: Mode, token: u64) -> io::Result<()> {
        let data = epoll::EventData::new_u64(token);
        Ok(epoll::modify(&self.instance, borrow(fd)?, data, flags(interest, mode))?)
    }

    /// Removes a descriptor.
    pub fn remove(&self, fd: RawFd) -> io::Result<()> {
        Ok(epoll::delete(&self.instance, borrow(fd)?)?)
    }

    /// Waits. `events` has the events afterwards, and none after a failure.
    pub fn wait(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        events.buffer.clear();
        events.buffer.reserve_exact(EVENTS_PER_WAIT);
        if !NO_PWAIT2.load(Ordering::Relaxed) {
            match self.wait_nanoseconds(events, timeout) {
                Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => {
                    NO_PWAIT2.store(true, Ordering::Relaxed);
                }
                result => return result,
            }
        }
        self.wait_milliseconds(events, timeout)
    }

    fn wait_nanoseconds(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        let timespec = timeout.map(|timeout| libc::timespec {
            // The name of its type is deprecated for musl.
            tv_sec: timeout.as_secs() as _,
            tv_nsec: timeout.subsec_nanos().into(),
        });
        let timespec = timespec.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        // SAFETY: the buffer has room for the number of events that is passed; the time outlives the call; there is no
        // signal mask.
        let count = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                self.instance.as_raw_fd(),
                events.buffer.as_mut_ptr(),
                EVENTS_PER_WAIT,
                timespec,
                std::ptr::null::<libc::sigset_t>(),
                0usize,
            )
        };
        filled(events, count)
    }

    fn wait_milliseconds(&self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        let milliseconds = timeout.map_or(-1, |timeout| {
            let rounded_up = timeout.as_nanos().div_ceil(NANOSECONDS_PER_MILLISECOND);
            libc::c_int::try_from(rounded_up).unwrap_or(libc::c_int::MAX)
        });
        // SAFETY: the buffer has room for the number of events that is passed.
        let count = unsafe {
            libc::epoll_wait(
                self.instance.as_raw_fd(),
                events.buffer.as_mut_ptr(),
                EVENTS_PER_WAIT as libc::c_int,
                milliseconds,
            )
        };
        filled(events, count.into())
    }
}

/// Sets the length to what the kernel wrote.
fn filled(events: &mut Events, count: libc::c_long) -> io::Result<()> {
    let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
    // SAFETY: the kernel has initialised this many entries, and never more than the capacity.
    unsafe { events.buffer.set_len(count) };
    Ok(())
}

#[cfg(test)]
#[path = "../contract.rs"]
#[allow(clippy::duplicate_mod, reason = "the same tests run over each backend")]
mod contract;

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    #[cfg_attr(miri, ignore = "system calls")]
    fn neither_system_call_cuts_a_wait_short() -> io::Result<()> {
        let (poller, mut events) = (Poller::new()?, Events::default());
        for wait in [100, 900_000, 1_500_000].map(Duration::from_nanos) {
            let start = Instant::now();
            poller.wait_nanoseconds(&mut events, Some(wait))?;
            assert!(start.elapsed() >= wait);
            let start = Instant::now();
            poller.wait_milliseconds(&mut events, Some(wait))?;
            assert!(start.elapsed() >= wait);
        }
        Ok(())
    }
}
