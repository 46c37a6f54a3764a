//! How late the kernel may end a wait (`man 2 PR_SET_TIMERSLACK`), on systems that say and change it.
//!
//! By default it may be 50 microseconds, so that wake-ups can be done together: as much as everything else
//! between a deadline and its callback. A thread that runs an event loop asks for the least while it waits for a timer.
//!
//! Only then: the interpreter's own waits obey the slack too. A thread that wants the GIL waits for it with a time-out,
//! and with less slack than the others have it would take the GIL from them more often than its turn is.

use crate::platform::{set_timer_slack, timer_slack};
use std::num::NonZeroU64;

/// In nanoseconds; 0 would mean the default.
const LEAST: NonZeroU64 = NonZeroU64::MIN;

/// The slack that a thread has.
#[derive(Clone, Copy, Debug)]
pub struct TimerSlack(Option<NonZeroU64>);

impl TimerSlack {
    /// For waits that have no time to end at.
    pub const UNCHANGED: TimerSlack = TimerSlack(None);

    /// That of the calling thread.
    pub fn of_thread() -> TimerSlack {
        TimerSlack(timer_slack())
    }

    /// Runs `wait` with the least slack, in the same thread. Where that is refused nothing changes.
    pub fn least_during<T>(self, wait: impl FnOnce() -> T) -> T {
        let _given_back = self.0.filter(|_| set_timer_slack(LEAST)).map(GivenBack);
        wait()
    }
}

/// Gives a thread the slack back that it had.
struct GivenBack(NonZeroU64);

impl Drop for GivenBack {
    fn drop(&mut self) {
        set_timer_slack(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "system calls")]
    fn the_slack_is_given_back() {
        let before = timer_slack();
        let during = TimerSlack::of_thread().least_during(timer_slack);
        assert_eq!(during, before.map(|_| LEAST));
        assert_eq!(timer_slack(), before);
    }
}
