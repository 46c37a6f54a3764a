//! Timers against a list that is searched from one end to the other.

use arbitrary::{Arbitrary, Unstructured};
use ferrio_sched::timers::Timers;
use std::collections::BTreeSet;

/// What a program does with timers.
#[derive(Arbitrary, Debug)]
enum Step {
    /// At one of a few moments, so that many are due together.
    PushSoon(u8),
    /// At any, also one that is no number.
    Push(f64),
    /// Cancels the one that was made at this place, if it is there.
    Cancel(u8),
    /// Takes the cancelled ones that can be had without a search.
    TakeCancelledLast,
    PopDue(u8),
    PopDueAt(f64),
    Pop,
    Compact,
    TakeAll,
}

/// The list: (deadline, number), in the order of insertion.
#[derive(Default)]
struct Model {
    entries: Vec<(f64, usize)>,
    cancelled: BTreeSet<usize>,
}

impl Model {
    fn push(&mut self, when: f64, number: usize) {
        let when = if when.is_nan() { f64::NEG_INFINITY } else { when };
        self.entries.push((when, number));
    }

    /// The place of the earliest; of several, that of the one that was made first.
    fn earliest(&self) -> Option<usize> {
        (0..self.entries.len()).reduce(|best, index| {
            if self.entries[index].0.total_cmp(&self.entries[best].0).is_lt() { index } else { best }
        })
    }

    fn take(&mut self, index: usize) -> usize {
        let (_, number) = self.entries.remove(index);
        self.cancelled.remove(&number);
        number
    }

    fn pop(&mut self) -> Option<usize> {
        self.earliest().map(|index| self.take(index))
    }

    fn pop_due(&mut self, now: f64) -> Option<usize> {
        let index = self.earliest()?;
        if self.entries[index].0 <= now { Some(self.take(index)) } else { None }
    }
}

/// Makes the steps that the bytes say.
pub fn check(data: &[u8]) {
    let mut bytes = Unstructured::new(data);
    let mut timers = Timers::default();
    let mut model = Model::default();
    let mut number = 0;
    while !bytes.is_empty() {
        let Ok(step) = bytes.arbitrary::<Step>() else { return };
        let mut push = |timers: &mut Timers<usize>, when: f64| {
            timers.push(when, number);
            model.push(when, number);
            number += 1;
        };
        match step {
            Step::PushSoon(when) => push(&mut timers, f64::from(when % 16)),
            Step::Push(when) => push(&mut timers, when),
            Step::Cancel(which) => {
                let which = usize::from(which);
                if model.entries.iter().any(|(_, number)| *number == which) && model.cancelled.insert(which) {
                    timers.note_cancelled();
                }
            }
            Step::TakeCancelledLast => {
                while let Some(gone) = timers.take_cancelled_last(|number| model.cancelled.contains(number)) {
                    assert!(model.cancelled.contains(&gone));
                    let index = model.entries.iter().position(|(_, number)| *number == gone);
                    model.take(index.expect("it is in the list"));
                }
                // One that is both the newest and the latest was the last of its queue.
                let newest = model.entries.last().copied();
                let is_latest = |newest: &(f64, usize)| {
                    model.entries.iter().all(|(when, _)| when.total_cmp(&newest.0).is_le())
                };
                assert!(
                    !newest
                        .as_ref()
                        .is_some_and(|newest| is_latest(newest) && model.cancelled.contains(&newest.1))
                );
            }
            Step::PopDue(now) => popped(&mut timers, &mut model, f64::from(now % 16)),
            Step::PopDueAt(now) => popped(&mut timers, &mut model, now),
            Step::Pop => {
                let was_cancelled = model.earliest().is_some_and(|index| {
                    let (_, number) = model.entries[index];
                    model.cancelled.contains(&number)
                });
                assert_eq!(timers.pop(), model.pop());
                if was_cancelled {
                    timers.note_cancelled_taken();
                }
            }
            Step::Compact => {
                let cancelled = std::mem::take(&mut model.cancelled);
                let gone: BTreeSet<usize> =
                    timers.take_cancelled(|number| cancelled.contains(number)).into_iter().collect();
                assert_eq!(gone, cancelled);
                model.entries.retain(|(_, number)| !cancelled.contains(number));
                assert!(!timers.wants_compaction());
            }
            Step::TakeAll => {
                let all: BTreeSet<usize> = timers.take_all().into_iter().collect();
                assert_eq!(
                    all,
                    std::mem::take(&mut model).entries.into_iter().map(|(_, number)| number).collect()
                );
            }
        }
        let next = model.earliest().map(|index| model.entries[index]);
        assert_eq!(timers.next_deadline(), next.map(|(when, _)| when));
        assert_eq!(timers.peek().copied(), next.map(|(_, number)| number));
        assert_eq!(timers.len(), model.entries.len());
        assert_eq!(timers.is_empty(), model.entries.is_empty());
        assert_eq!(timers.iter().count(), model.entries.len());
        let many = model.entries.len() > 100 && model.cancelled.len() * 2 > model.entries.len();
        assert_eq!(timers.wants_compaction(), many);
    }
}

/// Takes what is due, of both.
fn popped(timers: &mut Timers<usize>, model: &mut Model, now: f64) {
    let cancelled = model.cancelled.clone();
    let taken = timers.pop_due(now);
    assert_eq!(taken, model.pop_due(now));
    if taken.is_some_and(|number| cancelled.contains(&number)) {
        timers.note_cancelled_taken();
    }
}
