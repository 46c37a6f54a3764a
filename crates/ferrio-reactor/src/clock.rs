//! The one clock: `CLOCK_MONOTONIC`, in seconds, as Python's `time.monotonic()` reads it.

const NANOSECONDS_PER_SECOND: f64 = 1e9;

/// Seconds on the monotonic clock.
#[inline]
pub fn now() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // By libc, not by rustix, whose own way to the clock does not work under valgrind.
    // SAFETY: a place for the answer. The call can't fail: every Linux has this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
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
