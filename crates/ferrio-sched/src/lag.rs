//! Lag: how long a loop did not look at the outside, as a histogram of the last one to two minutes.
//!
//! The buckets are narrow for short times and wide for long ones: eight for each doubling. A quantile is too high by an
//! eighth at most.

/// The time that a window covers, in seconds. The answers cover the last full window and the one that has begun.
const WINDOW: f64 = 60.0;

/// Buckets for each doubling, and their number as a power of two.
const STEPS: u64 = 1 << STEPS_BITS;
const STEPS_BITS: u32 = 3;

/// The longest time with a bucket of its own is about a day; longer ones are in the last bucket.
const BUCKETS: usize = 280;

/// The unit of the buckets: seconds for each.
const MICROSECOND: f64 = 1e-6;

struct Window {
    counts: [u32; BUCKETS],
    total: u64,
    worst: f64,
}

impl Default for Window {
    fn default() -> Window {
        Window { counts: [0; BUCKETS], total: 0, worst: 0.0 }
    }
}

/// The times, in seconds.
#[derive(Default)]
pub struct Lag {
    current: Window,
    before: Window,
    /// When the current window began.
    since: f64,
    last: f64,
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
    /// Notes a time that ended at `now`.
    #[inline]
    pub fn note(&mut self, lag: f64, now: f64) {
        if now - self.since >= WINDOW {
            self.turn(now);
        }
        self.last = lag;
        let window = &mut self.current;
        window.total += 1;
        if lag > window.worst {
            window.worst = lag;
        }
        // A float becomes the nearest number that there is.
        let place = bucket((lag / MICROSECOND) as u64);
        window.counts[place] = window.counts[place].saturating_add(1);
    }

    /// Begins a new window.
    #[cold]
    fn turn(&mut self, now: f64) {
        let finished = std::mem::take(&mut self.current);
        // After a longer pause the window before is too old.
        self.before = if now - self.since < 2.0 * WINDOW { finished } else { Window::default() };
        self.since = now;
    }

    /// The summary at a time.
    pub fn summary(&mut self, now: f64) -> Summary {
        if now - self.since >= WINDOW {
            self.turn(now);
        }
        let count = self.current.total + self.before.total;
        Summary {
            count,
            last: self.last,
            p50: self.quantile(count.div_ceil(2)),
            p99: self.quantile((count * 99).div_ceil(100)),
            worst: self.current.worst.max(self.before.worst),
        }
    }

    /// The end of the bucket with the time of this rank, counted from 1; at most the worst time.
    fn quantile(&self, rank: u64) -> f64 {
        if rank == 0 {
            return 0.0;
        }
        let worst = self.current.worst.max(self.before.worst);
        let mut seen = 0;
        for (place, (one, other)) in self.current.counts.iter().zip(&self.before.counts).enumerate() {
            seen += u64::from(*one) + u64::from(*other);
            if seen >= rank {
                return (end(place) as f64 * MICROSECOND).min(worst);
            }
        }
        worst
    }
}

/// The bucket of a number of units.
#[inline]
fn bucket(units: u64) -> usize {
    if units < STEPS {
        return units as usize;
    }
    let doublings = units.ilog2() - STEPS_BITS;
    let step = (units >> doublings) - STEPS;
    ((u64::from(doublings) + 1) * STEPS + step).min(BUCKETS as u64 - 1) as usize
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
        let mut lag = Lag::default();
        for number in 1..=1000 {
            lag.note(f64::from(number) * 1e-3, 1000.0);
        }
        let summary = lag.summary(1000.0);
        assert_eq!((summary.count, summary.last, summary.worst), (1000, 1.0, 1.0));
        assert!((0.5..0.57).contains(&summary.p50), "{summary:?}");
        assert!((0.99..=1.0).contains(&summary.p99), "{summary:?}");
    }

    #[test]
    fn old_times_are_forgotten() {
        let mut lag = Lag::default();
        assert_eq!(lag.summary(5.0), Summary::default());
        lag.note(3.0, 100.0);
        assert_eq!(lag.summary(150.0).worst, 3.0);
        lag.note(0.001, 170.0);
        assert_eq!(lag.summary(171.0).worst, 3.0);
        lag.note(0.001, 240.0);
        assert_eq!(lag.summary(241.0).count, 2);
        assert_eq!(lag.summary(1000.0).count, 0);
    }

    #[test]
    fn odd_numbers_do_no_harm() {
        let mut lag = Lag::default();
        for odd in [f64::NAN, f64::INFINITY, -1.0, f64::MAX] {
            lag.note(odd, 1.0);
        }
        assert_eq!(lag.summary(1.0).count, 4);
    }
}
