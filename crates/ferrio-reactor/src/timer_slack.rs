//! How late the kernel may end a wait (`man 2 PR_SET_TIMERSLACK`).
//!
//! By default it may be 50 microseconds, so that wake-ups can be done together: as much as everything else
//! between a deadline and its callback. A thread that runs an event loop asks for the least while it does.

use rustix::thread::{current_timer_slack, set_current_timer_slack};
use std::marker::PhantomData;
use std::num::NonZeroU64;

/// In nanoseconds; 0 would mean the default.
const LEAST: NonZeroU64 = NonZeroU64::MIN;

/// While it lives, the waits of the thread that made it end on time.
#[derive(Debug)]
pub struct Punctual {
    before: Option<NonZeroU64>,
    /// It belongs to its thread.
    not_send: PhantomData<*const ()>,
}

impl Punctual {
    /// Asks for the least slack. Where that is refused nothing changes.
    pub fn begin() -> Punctual {
        let before = current_timer_slack().ok().and_then(NonZeroU64::new);
        let changed = before.is_some() && set_current_timer_slack(Some(LEAST)).is_ok();
        Punctual { before: before.filter(|_| changed), not_send: PhantomData }
    }
}

impl Drop for Punctual {
    fn drop(&mut self) {
        if self.before.is_some() {
            // What was allowed before is allowed again.
            let _ = set_current_timer_slack(self.before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "system calls")]
    fn the_slack_is_given_back() {
        let before = current_timer_slack().ok();
        let outer = Punctual::begin();
        assert_eq!(current_timer_slack().ok(), Some(1));
        drop(Punctual::begin());
        assert_eq!(current_timer_slack().ok(), Some(1));
        drop(outer);
        assert_eq!(current_timer_slack().ok(), before);
    }
}
