//! epoll (`man 7 epoll`), the poller of Linux.

use super::{Event, Interest};
use crate::descriptor::borrow;
use rustix::event::epoll;
use rustix::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// How many events one wait takes. More are reported by the next one; the kernel rotates its list, so
/// that nobody starves.
const EVENTS_PER_WAIT: usize = 1024;

const NANOSECONDS_PER_MILLISECOND: u128 = 1_000_000;

/// Whether `epoll_pwait2` is missing (before Linux 5.11, or forbidden by a seccomp filter).
static NO_PWAIT2: AtomicBool = AtomicBool::new(false);

/// An epoll instance.
#[derive(Debug)]
pub struct Poller {
    descriptor: OwnedFd,
}

/// The events of one wait, in the kernel's order. Memory is taken at the first wait.
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
        const MORE: u32 = (libc::EPOLLRDHUP | libc::EPOLLPRI) as u32 | BROKEN;
        self.buffer.iter().map(|event| Event {
            token: event.u64,
            readable: event.events & READABLE != 0,
            writable: event.events & WRITABLE != 0,
            more: event.events & MORE != 0,
        })
    }

    /// Forgets the events.
    pub fn clear(&mut self) {
        self.buffer.clear();
    }

    /// Whether the wait ended without an event.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }
}

fn flags(interest: Interest) -> epoll::EventFlags {
    let mut flags = epoll::EventFlags::empty();
    flags.set(epoll::EventFlags::IN, interest.readable);
    flags.set(epoll::EventFlags::OUT, interest.writable);
    const CHANGES: epoll::EventFlags =
        epoll::EventFlags::ET.union(epoll::EventFlags::RDHUP).union(epoll::EventFlags::PRI);
    flags.set(CHANGES, interest.changes);
    flags
}

impl Poller {
    /// Makes an instance; not inherited by child programs.
    pub fn new() -> io::Result<Poller> {
        Ok(Poller { descriptor: epoll::create(epoll::CreateFlags::CLOEXEC)? })
    }

    /// The instance's own descriptor.
    pub fn as_raw_fd(&self) -> RawFd {
        self.descriptor.as_raw_fd()
    }

    /// Registers a descriptor. `PermissionDenied` for those that can't be polled, as regular files.
    pub fn add(&self, descriptor: RawFd, interest: Interest, token: u64) -> io::Result<()> {
        let data = epoll::EventData::new_u64(token);
        Ok(epoll::add(&self.descriptor, borrow(descriptor)?, data, flags(interest))?)
    }

    /// Changes what a registered descriptor is polled for.
    pub fn modify(&self, descriptor: RawFd, interest: Interest, token: u64) -> io::Result<()> {
        let data = epoll::EventData::new_u64(token);
        Ok(epoll::modify(&self.descriptor, borrow(descriptor)?, data, flags(interest))?)
    }

    /// Registers a descriptor for one event.
    pub fn add_once(&self, descriptor: RawFd, interest: Interest, token: u64) -> io::Result<()> {
        let data = epoll::EventData::new_u64(token);
        let flags = flags(interest) | epoll::EventFlags::ONESHOT;
        Ok(epoll::add(&self.descriptor, borrow(descriptor)?, data, flags)?)
    }

    /// Has a registered descriptor polled for one event more.
    pub fn watch_once(&self, descriptor: RawFd, interest: Interest, token: u64) -> io::Result<()> {
        let data = epoll::EventData::new_u64(token);
        let flags = flags(interest) | epoll::EventFlags::ONESHOT;
        Ok(epoll::modify(&self.descriptor, borrow(descriptor)?, data, flags)?)
    }

    /// Forgets a descriptor.
    pub fn remove(&self, descriptor: RawFd) -> io::Result<()> {
        Ok(epoll::delete(&self.descriptor, borrow(descriptor)?)?)
    }

    /// Waits; `events` holds what came, nothing after a failure.
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
            tv_sec: timeout.as_secs() as libc::time_t,
            tv_nsec: timeout.subsec_nanos().into(),
        });
        let timespec = timespec.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
        // SAFETY: the buffer has room for as many events as are named; the time outlives the call; no
        // signal mask is given.
        let count = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                self.descriptor.as_fd().as_raw_fd(),
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
        // SAFETY: the buffer has room for as many events as are named.
        let count = unsafe {
            libc::epoll_wait(
                self.descriptor.as_raw_fd(),
                events.buffer.as_mut_ptr(),
                EVENTS_PER_WAIT as libc::c_int,
                milliseconds,
            )
        };
        filled(events, count.into())
    }
}

/// Takes over what the kernel wrote.
fn filled(events: &mut Events, count: libc::c_long) -> io::Result<()> {
    let count = usize::try_from(count).map_err(|_| io::Error::last_os_error())?;
    // SAFETY: the kernel has initialised this many entries, and never more than the capacity.
    unsafe { events.buffer.set_len(count) };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::waker::Waker;
    use std::time::Instant;

    fn setup() -> io::Result<(Poller, Waker, Events)> {
        let (poller, waker) = (Poller::new()?, Waker::new()?);
        poller.add(waker.as_raw_fd(), Interest::READABLE, 7)?;
        Ok((poller, waker, Events::default()))
    }

    #[test]
    #[cfg_attr(miri, ignore = "system calls")]
    fn a_wake_ends_the_wait_until_it_is_reset() -> io::Result<()> {
        let (poller, waker, mut events) = setup()?;
        waker.wake();
        waker.wake();
        poller.wait(&mut events, None)?;
        let seen: Vec<_> = events.iter().collect();
        assert_eq!(seen, [Event { token: 7, readable: true, writable: false, more: false }]);
        waker.reset();
        poller.wait(&mut events, Some(Duration::ZERO))?;
        assert!(events.is_empty());
        Ok(())
    }

    #[test]
    #[cfg_attr(miri, ignore = "system calls")]
    fn a_change_is_reported_once_and_anew_when_modified() -> io::Result<()> {
        let (poller, waker, mut events) = setup()?;
        let changes = Interest { changes: true, ..Interest::READABLE };
        waker.wake();
        for _ in 0..2 {
            poller.wait(&mut events, Some(Duration::ZERO))?;
            assert_eq!(events.iter().count(), 1, "a level");
            poller.modify(waker.as_raw_fd(), changes, 7)?;
            poller.wait(&mut events, Some(Duration::ZERO))?;
            assert_eq!(events.iter().count(), 1, "what is ready");
            poller.wait(&mut events, Some(Duration::ZERO))?;
            assert_eq!(events.iter().count(), 0, "no change");
            waker.wake();
            poller.wait(&mut events, Some(Duration::ZERO))?;
            assert_eq!(events.iter().count(), 1, "a change");
            poller.modify(waker.as_raw_fd(), Interest::READABLE, 7)?;
        }
        Ok(())
    }

    #[test]
    #[cfg_attr(miri, ignore = "system calls")]
    fn a_wait_is_never_cut_short() -> io::Result<()> {
        let (poller, _waker, mut events) = setup()?;
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

    #[test]
    #[cfg_attr(miri, ignore = "system calls")]
    fn what_is_removed_is_not_reported() -> io::Result<()> {
        let (poller, waker, mut events) = setup()?;
        waker.wake();
        poller.remove(waker.as_raw_fd())?;
        poller.wait(&mut events, Some(Duration::ZERO))?;
        assert!(events.is_empty());
        assert!(poller.remove(waker.as_raw_fd()).is_err());
        assert!(poller.add(-1, Interest::default(), 0).is_err());
        Ok(())
    }
}
