//! How late the kernel may end a wait (`man 2 PR_SET_TIMERSLACK`).
//!
//! By default it may be 50 microseconds, so that wake-ups can be done together: as much as everything else
//! between a deadline and its callback. A thread that runs an event loop asks for the least while it waits for a timer.
//!
//! Only then: the interpreter's own waits obey the slack too. A thread that wants the GIL waits for it with a time-out,
//! and with less slack than the others have it would take the GIL from them more often than its turn is.

use rustix::thread::{current_timer_slack, set_current_timer_slack};
use std::num::NonZeroU64;

/// In nanoseconds; 0 would mean the default.
const LEAST: NonZeroU64 = NonZeroU64::MIN;

/// The slack that a thread has.
#[derive(Clone, Copy, Debug)]
pub struct TimerSlack(Option<NonZeroU64>);

impl TimerSlack {
    /// That of the calling thread.
    pub fn of_thread() -> TimerSlack {
        TimerSlack(current_timer_slack().ok().and_then(NonZeroU64::new))
    }

    /// Runs `wait` with the least slack, in the same thread. Where that is refused nothing changes.
    pub fn least_during<T>(self, wait: impl FnOnce() -> T) -> T {
        let _given_back = self.0.filter(|_| set_current_timer_slack(Some(LEAST)).is_ok()).map(GivenBack);
        wait()
    }
}

/// Gives a thread the slack back that it had.
struct GivenBack(NonZeroU64);

impl Drop for GivenBack {
    fn drop(&mut self) {
        let _ = set_current_timer_slack(Some(self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "system calls")]
    fn the_slack_is_given_back() {
        let before = current_timer_slack().ok();
        let during = TimerSlack::of_thread().least_during(|| current_timer_slack().ok());
        assert_eq!(during, Some(1));
        assert_eq!(current_timer_slack().ok(), before);
    }
}
