//! Alarm: a descriptor that becomes readable when a time has passed; for those who wait for a poller's own
//! descriptor in another loop, and so can't hand it a timeout.

use std::io;
use std::os::fd::RawFd;
use std::time::Duration;

#[cfg(target_os = "linux")]
use rustix::fd::{AsRawFd, OwnedFd};

/// A timer that a poller can watch (`man 2 timerfd_create`).
#[derive(Debug)]
pub struct Alarm {
    #[cfg(target_os = "linux")]
    timer: OwnedFd,
}

#[cfg(target_os = "linux")]
impl Alarm {
    /// Makes one that is not set; non-blocking and not inherited by child programs.
    pub fn new() -> io::Result<Alarm> {
        use rustix::time::{TimerfdClockId, TimerfdFlags, timerfd_create};
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        Ok(Alarm { timer: timerfd_create(TimerfdClockId::Monotonic, flags)? })
    }

    /// The descriptor to poll for reading.
    pub fn as_raw_fd(&self) -> RawFd {
        self.timer.as_raw_fd()
    }

    /// Makes the descriptor unreadable, and readable after a time; never again for `None`.
    pub fn set(&self, wait: Option<Duration>) -> io::Result<()> {
        use rustix::time::{Itimerspec, TimerfdTimerFlags, Timespec, timerfd_settime};
        const NEVER: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
        // The kernel takes 0 for never.
        let wait = wait.map(|wait| wait.max(Duration::from_nanos(1)));
        let value = wait.map_or(NEVER, |wait| Timespec {
            tv_sec: wait.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: wait.subsec_nanos().into(),
        });
        let setting = Itimerspec { it_interval: NEVER, it_value: value };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &setting)?;
        Ok(())
    }
}

#[cfg(not(target_os = "linux"))]
impl Alarm {
    /// Fails: this system has no such descriptor here.
    pub fn new() -> io::Result<Alarm> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// The descriptor to poll for reading.
    pub fn as_raw_fd(&self) -> RawFd {
        -1
    }

    /// Fails as [`Alarm::new`] does.
    pub fn set(&self, _: Option<Duration>) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

#[cfg(all(test, target_os = "linux"))]
#[allow(clippy::unwrap_used, reason = "a failed test panics")]
mod tests {
    use super::*;
    use crate::fd::borrow;
    use rustix::event::{PollFd, PollFlags, Timespec};
    use std::time::Instant;

    fn is_readable(alarm: &Alarm, wait: Duration) -> bool {
        let mut polled = [PollFd::from_borrowed_fd(borrow(alarm.as_raw_fd()).unwrap(), PollFlags::IN)];
        let wait = Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: wait.subsec_nanos().into() };
        rustix::event::poll(&mut polled, Some(&wait)).unwrap() == 1
    }

    #[test]
    #[cfg_attr(miri, ignore = "system calls")]
    fn it_rings_after_its_time_and_not_before() {
        let alarm = Alarm::new().unwrap();
        assert!(!is_readable(&alarm, Duration::ZERO));
        let start = Instant::now();
        alarm.set(Some(Duration::from_millis(5))).unwrap();
        assert!(is_readable(&alarm, Duration::from_secs(10)));
        assert!(start.elapsed() >= Duration::from_millis(5));
        alarm.set(None).unwrap();
        assert!(!is_readable(&alarm, Duration::ZERO));
    }

    #[test]
    #[cfg_attr(miri, ignore = "system calls")]
    fn a_time_of_zero_rings_at_once() {
        let alarm = Alarm::new().unwrap();
        alarm.set(Some(Duration::ZERO)).unwrap();
        assert!(is_readable(&alarm, Duration::from_secs(10)));
    }

    #[test]
    #[cfg_attr(miri, ignore = "system calls")]
    fn the_longest_time_is_taken() {
        let alarm = Alarm::new().unwrap();
        alarm.set(Some(Duration::MAX)).unwrap();
        assert!(!is_readable(&alarm, Duration::ZERO));
    }
}
