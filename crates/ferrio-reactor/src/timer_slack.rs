//! Timer slack: how late the kernel may end a wait (`man 2 PR_SET_TIMERSLACK`). Systems without it ignore this.
//!
//! The default is 50 microseconds, so that the kernel can join wake-ups. That is as long as everything else between a
//! deadline and its callback. A thread that runs an event loop asks for the least slack while it waits for a timer.
//!
//! It does so only then, because the slack applies to the interpreter's own waits too. A thread waits for the GIL with
//! a timeout. With less slack than other threads, it would take the GIL from them more often than is fair.

use crate::platform::{set_timer_slack, timer_slack};
use std::num::NonZeroU64;

/// In nanoseconds; 0 would mean the default.
const LEAST: NonZeroU64 = NonZeroU64::MIN;

/// The slack of a thread.
#[derive(Clone, Copy, Debug)]
pub struct TimerSlack(Option<NonZeroU64>);

impl TimerSlack {
    /// For waits that have no time to end at.
    pub const UNCHANGED: TimerSlack = TimerSlack(None);

    /// The slack of the calling thread.
    pub fn of_thread() -> TimerSlack {
        TimerSlack(timer_slack())
    }

    /// Runs `wait` with the least slack, in the same thread. If the system refuses, `wait` runs with the slack that
    /// there is.
    pub fn least_during<T>(self, wait: impl FnOnce() -> T) -> T {
        let _given_back = self.0.filter(|_| set_timer_slack(LEAST)).map(GivenBack);
        wait()
    }
}

/// Restores the slack that a thread had.
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
