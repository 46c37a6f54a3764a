//! How long the poller may sleep before the next timer is due.
//!
//! Times are seconds on the monotonic clock as `f64`, as asyncio's `loop.time()` gives them. A wait is
//! rounded up to the next nanosecond, so that a timer never fires early.

use std::time::Duration;

/// The longest wait handed to the kernel, in seconds; asyncio's `MAXIMUM_SELECT_TIMEOUT`. It keeps the sum from
/// overflowing; to wake up once a day costs nothing.
pub const LONGEST_WAIT: f64 = 24.0 * 3600.0;

const NANOSECONDS_PER_SECOND: f64 = 1e9;

/// The time from `now` until `deadline`, at least zero and at most [`LONGEST_WAIT`], rounded up. A deadline that is not
/// a number is due at once, so that it cannot hang the loop.
pub fn wait_until(deadline: f64, now: f64) -> Duration {
    let wait = deadline - now;
    if wait.is_nan() || wait <= 0.0 {
        return Duration::ZERO;
    }
    let nanoseconds = (wait.min(LONGEST_WAIT) * NANOSECONDS_PER_SECOND).ceil();
    Duration::from_nanos(nanoseconds as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_deadline_in_the_past_does_not_wait() {
        assert_eq!(wait_until(1.0, 2.0), Duration::ZERO);
        assert_eq!(wait_until(f64::NAN, 2.0), Duration::ZERO);
        assert_eq!(wait_until(f64::NEG_INFINITY, 2.0), Duration::ZERO);
    }

    #[test]
    fn a_far_deadline_is_cut() {
        assert_eq!(wait_until(f64::INFINITY, 0.0), Duration::from_secs(24 * 3600));
    }

    proptest! {
        #[test]
        fn waiting_never_ends_early(now in 0.0f64..1e6, wait in 1e-9f64..1e4) {
            let deadline = now + wait;
            let slept = wait_until(deadline, now).as_secs_f64();
            // one rounding of the addition itself is allowed for
            prop_assert!(now + slept >= deadline - f64::EPSILON * deadline.abs());
        }
    }
}
