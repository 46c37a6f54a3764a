//! Lag: how long a loop did not look at the outside, as a histogram of the last one to two minutes.
//!
//! The buckets are narrow for short times and wide for long ones: eight for each doubling. A quantile is too high by an
//! eighth at most, or by a microsecond.

use std::cell::Cell;

/// The time that a window covers, in nanoseconds. The answers cover the last full window and the one that has begun.
const WINDOW: i64 = 60_000_000_000;

/// Buckets for each doubling, and their number as a power of two.
const STEPS: u64 = 1 << STEPS_BITS;
const STEPS_BITS: u32 = 3;

/// The longest time with a bucket of its own is about a day; longer ones are in the last bucket.
const BUCKETS: usize = 280;

/// The unit of the buckets is about a microsecond: so many nanoseconds, as a power of two.
const UNIT_BITS: u32 = 10;

const NANOSECONDS_PER_SECOND: f64 = 1e9;

struct Window {
    counts: [Cell<u32>; BUCKETS],
    worst: Cell<i64>,
}

impl Default for Window {
    fn default() -> Window {
        Window { counts: [const { Cell::new(0) }; BUCKETS], worst: Cell::new(0) }
    }
}

impl Window {
    fn clear(&self) {
        self.counts.iter().for_each(|count| count.set(0));
        self.worst.set(0);
    }

    fn total(&self) -> u64 {
        self.counts.iter().map(|count| u64::from(count.get())).sum()
    }
}

/// The times.
#[derive(Default)]
pub struct Lag {
    current: Window,
    before: Window,
    /// When the current window began, in nanoseconds.
    since: Cell<i64>,
    last: Cell<i64>,
}

/// What the histogram says; in seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// How many times there are.
    pub count: u64,
    pub last: f64,
    pub p50: f64,
    pub p99: f64,
    pub worst: f64,
}

impl Lag {
    /// Notes a time of so many nanoseconds that ended at `now`. A negative one counts as long.
    #[inline]
    pub fn note(&self, lag: i64, now: i64) {
        if now.wrapping_sub(self.since.get()) >= WINDOW {
            self.turn(now);
        }
        self.last.set(lag);
        let window = &self.current;
        if lag > window.worst.get() {
            window.worst.set(lag);
        }
        let count = &window.counts[bucket(lag as u64 >> UNIT_BITS)];
        count.set(count.get().wrapping_add(1));
    }

    /// Begins a new window.
    #[cold]
    fn turn(&self, now: i64) {
        self.before.clear();
        // After a longer pause the window before is too old.
        if now.wrapping_sub(self.since.get()) < 2 * WINDOW {
            for (before, current) in self.before.counts.iter().zip(&self.current.counts) {
                before.swap(current);
            }
            self.before.worst.swap(&self.current.worst);
        }
        self.current.clear();
        self.since.set(now);
    }

    /// The summary at a time.
    pub fn summary(&self, now: i64) -> Summary {
        if now.wrapping_sub(self.since.get()) >= WINDOW {
            self.turn(now);
        }
        let count = self.current.total() + self.before.total();
        Summary {
            count,
            last: seconds(self.last.get()),
            p50: self.quantile(count.div_ceil(2)),
            p99: self.quantile((count * 99).div_ceil(100)),
            worst: seconds(self.worst()),
        }
    }

    fn worst(&self) -> i64 {
        self.current.worst.get().max(self.before.worst.get())
    }

    /// The end of the bucket with the time of this rank, counted from 1; at most the worst time.
    fn quantile(&self, rank: u64) -> f64 {
        if rank == 0 {
            return 0.0;
        }
        let mut seen = 0;
        for (place, (one, other)) in self.current.counts.iter().zip(&self.before.counts).enumerate() {
            seen += u64::from(one.get()) + u64::from(other.get());
            if seen >= rank {
                let end = i64::try_from(end(place) << UNIT_BITS).unwrap_or(i64::MAX);
                return seconds(end.min(self.worst()));
            }
        }
        seconds(self.worst())
    }
}

fn seconds(nanoseconds: i64) -> f64 {
    nanoseconds as f64 / NANOSECONDS_PER_SECOND
}

/// The bucket of a number of units.
#[inline]
fn bucket(units: u64) -> usize {
    // The first two eights of buckets are as narrow as a unit.
    let doublings = (units | STEPS).ilog2() - STEPS_BITS;
    let place = u64::from(doublings) * STEPS + (units >> doublings);
    place.min(BUCKETS as u64 - 1) as usize
}

/// The first number of units that is above a bucket.
fn end(place: usize) -> u64 {
    let place = place as u64;
    if place < STEPS {
        return place + 1;
    }
    let (doublings, step) = (place / STEPS - 1, place % STEPS);
    (STEPS + step + 1) << doublings
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;
    const MILLISECOND: i64 = 1_000_000;

    #[test]
    fn every_number_is_below_the_end_of_its_bucket_and_not_far() {
        // Miri takes as long for a few as the processor for all.
        let last = if cfg!(miri) { 1_000 } else { 100_000 };
        for units in (0..last).chain([1 << 20, (1 << 30) + 12345, 1 << 35]) {
            let place = bucket(units);
            assert!(units < end(place), "{units}");
            assert!(place == 0 || units >= end(place - 1), "{units}");
            assert!(end(place) as f64 <= units as f64 * 1.125 + 1.0, "{units}");
        }
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_are_those_of_the_numbers() {
        let lag = Lag::default();
        for number in 1..=1000 {
            lag.note(number * MILLISECOND, 1000 * SECOND);
        }
        let summary = lag.summary(1000 * SECOND);
        assert_eq!((summary.count, summary.last, summary.worst), (1000, 1.0, 1.0));
        assert!((0.5..0.57).contains(&summary.p50), "{summary:?}");
        assert!((0.99..=1.0).contains(&summary.p99), "{summary:?}");
    }

    #[test]
    fn old_times_are_forgotten() {
        let lag = Lag::default();
        assert_eq!(lag.summary(5 * SECOND), Summary::default());
        lag.note(3 * SECOND, 100 * SECOND);
        assert_eq!(lag.summary(150 * SECOND).worst, 3.0);
        lag.note(MILLISECOND, 170 * SECOND);
        assert_eq!(lag.summary(171 * SECOND).worst, 3.0);
        lag.note(MILLISECOND, 240 * SECOND);
        assert_eq!(lag.summary(241 * SECOND).count, 2);
        assert_eq!(lag.summary(1000 * SECOND).count, 0);
    }

    #[test]
    fn odd_numbers_do_no_harm() {
        let lag = Lag::default();
        for odd in [0, -1, i64::MIN, i64::MAX] {
            lag.note(odd, odd);
        }
        assert!(lag.summary(1).count > 0);
    }
}
