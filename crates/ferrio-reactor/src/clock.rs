//! The one clock: `CLOCK_MONOTONIC`, in seconds, as Python's `time.monotonic()` reads it.

use rustix::time::{ClockId, clock_gettime};

const NANOSECONDS_PER_SECOND: f64 = 1e9;

/// Seconds on the monotonic clock.
#[inline]
pub fn now() -> f64 {
    let time = clock_gettime(ClockId::Monotonic);
    // Rounded once, from whole nanoseconds, as Python does it: the loop's time and `time.monotonic()`
    // can be compared.
    let nanoseconds = time.tv_sec * 1_000_000_000 + time.tv_nsec;
    nanoseconds as f64 / NANOSECONDS_PER_SECOND
}

#[cfg(test)]
mod tests {
    #[test]
    fn time_never_goes_back() {
        let first = super::now();
        assert!(super::now() >= first);
    }
}
