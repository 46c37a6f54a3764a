//! Timers: deadlines in order, with lazy cancellation.
//!
//! Most timers of a program have one of a few delays. Timers with the same delay are created in the order of their
//! deadlines, so they are kept in a few queues, each of which is in order. A queue takes a timer at its end and gives
//! one from its front, without a search. A timer that fits no queue goes into a binary heap. The newest timer stays
//! outside until there is a newer one. A timeout that is set and cancelled, the most common kind, then leaves nothing
//! behind.
//!
//! Entries come out in order of deadline, then of insertion, so that two timers for the same moment fire in creation
//! order. A cancelled timer is removed when it is the newest one, the first or the last of its queue, or when there are
//! too many of them. The owner reports it with [`Timers::note_cancelled`], and answers whether a timer is cancelled.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};

/// With fewer entries, cancelled ones are not searched for; asyncio's `_MIN_SCHEDULED_TIMER_HANDLES`.
const FEWEST_ENTRIES_TO_COMPACT: usize = 100;

/// Cancelled entries are searched for when more than one in this many is cancelled; asyncio's
/// `_MIN_CANCELLED_TIMER_HANDLES_FRACTION` of 0.5.
const CANCELLED_FRACTION: usize = 2;

/// How many queues there are. More queues hold more different delays, but each look at the earliest timer compares the
/// fronts of all. Among 10,000 timers with four delays, adding one and taking one takes 518 instructions with four
/// queues, 588 with one and 614 with eight. With a single delay it takes 408, 330 and 504.
const RUNS: usize = 4;

/// A deadline and the timer that is due then.
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
    /// Reversed: the standard heap has its greatest entry at the top, and timers need the earliest.
    fn cmp(&self, other: &Self) -> Ordering {
        other.when.total_cmp(&self.when).then(other.sequence.cmp(&self.sequence))
    }
}

/// Where the earliest entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Newest,
    Heap,
    Run(usize),
}

/// Timers in order of deadline, then of insertion.
#[derive(Debug)]
pub struct Timers<T> {
    /// Each is in order. The first ones are in use.
    runs: [VecDeque<Entry<T>>; RUNS],
    heap: BinaryHeap<Entry<T>>,
    newest: Option<Entry<T>>,
    len: usize,
    next_sequence: u64,
    cancelled: usize,
}

impl<T> Default for Timers<T> {
    fn default() -> Self {
        Timers {
            runs: std::array::from_fn(|_| VecDeque::new()),
            heap: BinaryHeap::new(),
            newest: None,
            len: 0,
            next_sequence: 0,
            cancelled: 0,
        }
    }
}

impl<T> Timers<T> {
    /// Adds a timer that is due at `when` (seconds, monotonic); at once if that is not a number.
    pub fn push(&mut self, when: f64, timer: T) {
        let when = if when.is_nan() { f64::NEG_INFINITY } else { when };
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        self.len += 1;
        if let Some(entry) = self.newest.replace(Entry { when, sequence, timer }) {
            self.place(entry);
        }
    }

    fn place(&mut self, entry: Entry<T>) {
        let fits =
            |run: &VecDeque<Entry<T>>| run.back().is_none_or(|last| last.when.total_cmp(&entry.when).is_le());
        match self.runs.iter_mut().find(|run| fits(run)) {
            Some(run) => run.push_back(entry),
            None => self.heap.push(entry),
        }
    }

    fn earliest(&self) -> Option<(Place, &Entry<T>)> {
        let runs = self.runs.iter().enumerate();
        let fronts = runs.filter_map(|(index, run)| Some((Place::Run(index), run.front()?)));
        let top = self.heap.peek().map(|entry| (Place::Heap, entry));
        let newest = self.newest.as_ref().map(|entry| (Place::Newest, entry));
        // The order is reversed: the earliest entry is the greatest.
        fronts.chain(top).chain(newest).max_by(|(_, one), (_, other)| one.cmp(other))
    }

    /// The earliest deadline, cancelled or not.
    pub fn next_deadline(&self) -> Option<f64> {
        self.earliest().map(|(_, entry)| entry.when)
    }

    /// The earliest entry.
    pub fn peek(&self) -> Option<&T> {
        self.earliest().map(|(_, entry)| &entry.timer)
    }

    /// Takes the earliest entry, due or not.
    pub fn pop(&mut self) -> Option<T> {
        let (place, _) = self.earliest()?;
        self.take(place)
    }

    /// Takes the earliest entry if it is due at `now`.
    pub fn pop_due(&mut self, now: f64) -> Option<T> {
        let (place, entry) = self.earliest()?;
        if entry.when <= now { self.take(place) } else { None }
    }

    fn take(&mut self, place: Place) -> Option<T> {
        let entry = match place {
            Place::Newest => self.newest.take(),
            Place::Heap => self.heap.pop(),
            Place::Run(index) => self.runs[index].pop_front(),
        }?;
        self.len -= 1;
        Some(entry.timer)
    }

    /// Notes that one more entry is cancelled and has not been taken out.
    pub fn note_cancelled(&mut self) {
        self.cancelled += 1;
    }

    /// Notes that a cancelled entry has been taken out.
    pub fn note_cancelled_taken(&mut self) {
        self.cancelled = self.cancelled.saturating_sub(1);
    }

    /// Takes a cancelled entry that is the newest or the last of its queue, if there is one.
    #[inline]
    pub fn take_cancelled_last(&mut self, is_cancelled: impl Fn(&T) -> bool) -> Option<T> {
        let goes = |entry: Option<&Entry<T>>| entry.is_some_and(|entry| is_cancelled(&entry.timer));
        let entry = if goes(self.newest.as_ref()) {
            self.newest.take()
        } else {
            self.runs.iter_mut().find(|run| goes(run.back()))?.pop_back()
        }?;
        self.len -= 1;
        self.note_cancelled_taken();
        Some(entry.timer)
    }

    /// Whether there are enough cancelled entries for [`Timers::take_cancelled`] to be worth its cost.
    pub fn wants_compaction(&self) -> bool {
        self.len > FEWEST_ENTRIES_TO_COMPACT && self.cancelled * CANCELLED_FRACTION > self.len
    }

    /// Takes the cancelled entries out. They are returned so that the caller decides when to drop them.
    pub fn take_cancelled(&mut self, is_cancelled: impl Fn(&T) -> bool) -> Vec<T> {
        let mut gone = Vec::with_capacity(self.cancelled);
        let mut kept_newest = None;
        let mut sort_out = |entries: &mut dyn Iterator<Item = Entry<T>>, kept: &mut dyn FnMut(Entry<T>)| {
            for entry in entries {
                if is_cancelled(&entry.timer) { gone.push(entry.timer) } else { kept(entry) }
            }
        };
        for run in &mut self.runs {
            let mut kept = VecDeque::with_capacity(run.len() / CANCELLED_FRACTION);
            sort_out(&mut std::mem::take(run).into_iter(), &mut |entry| kept.push_back(entry));
            *run = kept;
        }
        sort_out(&mut self.newest.take().into_iter(), &mut |entry| kept_newest = Some(entry));
        let mut kept = Vec::new();
        sort_out(&mut std::mem::take(&mut self.heap).into_iter(), &mut |entry| kept.push(entry));
        self.heap = BinaryHeap::from(kept);
        self.newest = kept_newest;
        self.len -= gone.len();
        self.cancelled = 0;
        gone
    }

    /// Takes everything out, in no particular order.
    pub fn take_all(&mut self) -> Vec<T> {
        let all = std::mem::take(self);
        let runs = all.runs.into_iter().flatten();
        runs.chain(all.heap).chain(all.newest).map(|entry| entry.timer).collect()
    }

    /// How many entries there are, cancelled ones included.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no entry at all.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Every entry, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.runs.iter().flatten().chain(&self.heap).chain(&self.newest).map(|entry| &entry.timer)
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
    fn a_cancelled_entry_at_the_end_leaves_nothing_behind() {
        let mut timers = Timers::default();
        for number in 0..5 {
            timers.push(9.0 - f64::from(number), number);
        }
        for number in 5..1000 {
            timers.push(2.0, number);
            timers.note_cancelled();
            assert_eq!(timers.take_cancelled_last(|&timer| timer == number), Some(number));
        }
        assert_eq!(timers.take_cancelled_last(|_| false), None);
        assert!(!timers.wants_compaction());
        assert_eq!(timers.len(), 5);
    }

    #[test]
    fn nothing_is_due_before_its_time() {
        let mut timers = Timers::default();
        timers.push(2.0, ());
        assert_eq!(timers.pop_due(1.999_999), None);
        assert_eq!(timers.pop_due(2.0), Some(()));
    }

    #[test]
    fn what_is_not_a_number_is_due_at_once_and_keeps_nothing_up() {
        let mut timers = Timers::default();
        timers.push(1.0, 1);
        timers.push(f64::NAN, 2);
        timers.push(-f64::NAN, 3);
        assert_eq!(std::iter::from_fn(|| timers.pop_due(1.0)).collect::<Vec<_>>(), [2, 3, 1]);
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

        #[test]
        fn behaves_as_a_sorted_list(steps in proptest::collection::vec((0u8..5, 0u8..30), 0..300)) {
            let mut timers = Timers::default();
            // (deadline, number), and the numbers of those that are cancelled.
            let mut model: Vec<(u8, usize)> = Vec::new();
            let mut cancelled: Vec<usize> = Vec::new();
            for (number, (step, value)) in steps.into_iter().enumerate() {
                match step {
                    0 | 1 => {
                        timers.push(f64::from(value), number);
                        model.push((value, number));
                    }
                    2 => {
                        model.sort();
                        let due = model.first().is_some_and(|(when, _)| *when <= value);
                        let expected = due.then(|| model.remove(0).1);
                        prop_assert_eq!(timers.pop_due(f64::from(value)), expected);
                    }
                    3 => {
                        cancelled.extend(model.iter().map(|(_, number)| *number).filter(|number| number % 5 == 0));
                        while let Some(gone) = timers.take_cancelled_last(|number| cancelled.contains(number)) {
                            prop_assert!(cancelled.contains(&gone));
                            model.retain(|(_, number)| *number != gone);
                        }
                        let latest = model.iter().max().map(|(_, number)| *number);
                        let newest = model.iter().map(|(_, number)| *number).max();
                        if latest.is_some() && latest == newest {
                            prop_assert!(!cancelled.contains(&latest.unwrap_or_default()), "it is last");
                        }
                    }
                    _ => {
                        cancelled.extend(model.iter().map(|(_, number)| *number).filter(|number| number % 3 == 0));
                        let mut gone = timers.take_cancelled(|number| cancelled.contains(number));
                        gone.sort_unstable();
                        let (mut expected, kept): (Vec<_>, Vec<_>) =
                            model.iter().copied().partition(|(_, number)| cancelled.contains(number));
                        expected.sort_by_key(|(_, number)| *number);
                        prop_assert_eq!(gone, expected.into_iter().map(|(_, number)| number).collect::<Vec<_>>());
                        model = kept;
                    }
                }
                prop_assert_eq!(timers.len(), model.len());
                prop_assert_eq!(timers.iter().count(), model.len());
            }
        }
    }
}
