//! Timers: a binary heap of deadlines with lazy cancellation.
//!
//! Entries come out in order of deadline, then of insertion, so that two timers for the same moment
//! fire as they were made. A cancelled timer stays in the heap until it reaches the top or until too
//! many of them have gathered; its owner says so with [`Timers::note_cancelled`] and answers
//! "is it cancelled?" when asked.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

/// Below this many cancelled entries the heap is not rebuilt; asyncio's `_MIN_SCHEDULED_TIMER_HANDLES`.
const FEWEST_ENTRIES_TO_COMPACT: usize = 100;

/// The heap is rebuilt when more than one in this many entries is cancelled; asyncio's
/// `_MIN_CANCELLED_TIMER_HANDLES_FRACTION` of 0.5.
const CANCELLED_FRACTION: usize = 2;

/// A deadline and what is due then.
#[derive(Debug)]
struct Entry<T> {
    when: f64,
    sequence: u64,
    timer: T,
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    /// Reversed: the standard heap has its greatest at the top, a timer heap its earliest.
    fn cmp(&self, other: &Self) -> Ordering {
        other.when.total_cmp(&self.when).then(other.sequence.cmp(&self.sequence))
    }
}

/// Timers in order of deadline, then of insertion.
#[derive(Debug)]
pub struct Timers<T> {
    heap: BinaryHeap<Entry<T>>,
    next_sequence: u64,
    cancelled: usize,
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Timers { heap: BinaryHeap::new(), next_sequence: 0, cancelled: 0 }
    }
}

impl<T> Timers<T> {
    /// Adds a timer that is due at `when` (seconds, monotonic).
    pub fn push(&mut self, when: f64, timer: T) {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        self.heap.push(Entry { when, sequence, timer });
    }

    /// The earliest deadline, cancelled or not.
    pub fn next_deadline(&self) -> Option<f64> {
        self.heap.peek().map(|entry| entry.when)
    }

    /// The earliest entry.
    pub fn peek(&self) -> Option<&T> {
        self.heap.peek().map(|entry| &entry.timer)
    }

    /// Takes the earliest entry, due or not.
    pub fn pop(&mut self) -> Option<T> {
        self.heap.pop().map(|entry| entry.timer)
    }

    /// Takes the earliest entry if it is due at `now`.
    pub fn pop_due(&mut self, now: f64) -> Option<T> {
        if self.heap.peek()?.when <= now { self.pop() } else { None }
    }

    /// Says that one more entry in the heap is cancelled.
    pub fn note_cancelled(&mut self) {
        self.cancelled += 1;
    }

    /// Says that a cancelled entry has been taken out.
    pub fn note_cancelled_taken(&mut self) {
        self.cancelled = self.cancelled.saturating_sub(1);
    }

    /// Whether cancelled entries are so many that [`Timers::take_cancelled`] is worth its cost.
    pub fn wants_compaction(&self) -> bool {
        self.heap.len() > FEWEST_ENTRIES_TO_COMPACT && self.cancelled * CANCELLED_FRACTION > self.heap.len()
    }

    /// Takes every cancelled entry out; they are returned so that the caller chooses when to drop them.
    pub fn take_cancelled(&mut self, is_cancelled: impl Fn(&T) -> bool) -> Vec<T> {
        let entries = std::mem::take(&mut self.heap).into_vec();
        let (gone, kept): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| is_cancelled(&entry.timer));
        self.heap = BinaryHeap::from(kept);
        self.cancelled = 0;
        gone.into_iter().map(|entry| entry.timer).collect()
    }

    /// Takes everything out, in no particular order.
    pub fn take_all(&mut self) -> Vec<T> {
        self.cancelled = 0;
        std::mem::take(&mut self.heap).into_vec().into_iter().map(|entry| entry.timer).collect()
    }

    /// How many entries there are, cancelled ones included.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether there is no entry at all.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// Every entry, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.heap.iter().map(|entry| &entry.timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn equal_deadlines_come_out_as_they_were_put_in() {
        let mut timers = Timers::default();
        for number in 0..50 {
            timers.push(1.0, number);
        }
        let out: Vec<i32> = std::iter::from_fn(|| timers.pop_due(1.0)).collect();
        assert_eq!(out, (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn nothing_is_due_before_its_time() {
        let mut timers = Timers::default();
        timers.push(2.0, ());
        assert_eq!(timers.pop_due(1.999_999), None);
        assert_eq!(timers.pop_due(2.0), Some(()));
    }

    #[test]
    fn compaction_takes_the_cancelled_only() {
        let mut timers = Timers::default();
        for number in 0..201 {
            timers.push(f64::from(number), number);
        }
        for _ in 0..101 {
            timers.note_cancelled();
        }
        assert!(timers.wants_compaction());
        let gone = timers.take_cancelled(|number| number % 2 == 0);
        assert_eq!(gone.len(), 101);
        assert!(!timers.wants_compaction());
        assert_eq!(timers.pop(), Some(1));
        assert_eq!(timers.len(), 99);
    }

    proptest! {
        #[test]
        fn order_is_that_of_a_stable_sort(deadlines in proptest::collection::vec(0u8..20, 0..200)) {
            let mut timers = Timers::default();
            for (index, when) in deadlines.iter().enumerate() {
                timers.push(f64::from(*when), index);
            }
            let mut expected: Vec<usize> = (0..deadlines.len()).collect();
            expected.sort_by_key(|&index| deadlines[index]);
            let out: Vec<usize> = std::iter::from_fn(|| timers.pop()).collect();
            prop_assert_eq!(out, expected);
        }
    }
}
