//! The one clock: `CLOCK_MONOTONIC`, in seconds, as Python's `time.monotonic()` reads it.

const NANOSECONDS_PER_SECOND: f64 = 1e9;

/// Seconds on the monotonic clock.
#[inline]
pub fn now() -> f64 {
    // Rounded once, from whole nanoseconds, as in Python. So the loop's time and `time.monotonic()` can be compared.
    nanoseconds() as f64 / NANOSECONDS_PER_SECOND
}

/// Nanoseconds on the monotonic clock.
#[inline]
pub fn nanoseconds() -> i64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // Not by rustix: its access to the clock does not work under valgrind. SAFETY: the pointer is to a local variable.
    // The call cannot fail, because every Linux has this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut time) };
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

#[cfg(test)]
mod tests {
    #[test]
    fn time_never_goes_back() {
        let first = super::now();
        assert!(super::now() >= first);
    }
}
