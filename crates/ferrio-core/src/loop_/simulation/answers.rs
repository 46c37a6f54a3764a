//! Answers: what calls in executors bring back, in the order of the schedule.
//!
//! A call in a thread takes as long as it likes, so its answer may come at any moment after the call began. The loop
//! does not go by when it came: while entries are ready, each call under way is a candidate behind them, and the loop
//! waits for the answer that the schedule chooses. When nothing else is ready, the loop waits until all calls under way
//! have answered, and the schedule chooses among them. So the same program has the same choices each time.
//!
//! A call that takes longer than the loop's patience may need the loop itself; nobody waits for it any more. It is no
//! candidate before its answer is there.

use super::Simulation;
use crate::ffi::{Object, Own, Result, Visitor};
use crate::handles::Handle;
use crate::loop_::Loop;
use crate::loop_::runnable::Runnable;
use ferrio_reactor::timer_slack::TimerSlack;
use ferrio_sched::deadline;
use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

/// The sources of answers have this bit, which no task's address has.
const SOURCE: u64 = 1 << 63;

/// A call under way, or its answer.
struct Answer {
    number: u64,
    /// What the loop runs for the answer.
    handle: Own<Handle>,
    has_come: bool,
    is_late: bool,
    /// So many entries of the ready queue were there before the call began. Calls among them run before the answer.
    behind: usize,
}

/// The calls under way, in the order in which they began.
#[derive(Default)]
pub(super) struct Answers {
    calls: RefCell<Vec<Answer>>,
    last: Cell<u64>,
}

impl Answers {
    pub(super) fn traverse(&self, visitor: &Visitor<'_>) {
        if let Ok(calls) = self.calls.try_borrow() {
            calls.iter().for_each(|call| visitor.object(&call.handle));
        }
    }

    pub(super) fn clear(&self) {
        let calls = self.calls.take();
        drop(calls);
    }

    /// A call begins. Returns its number.
    fn expect(&self, handle: Own<Handle>, behind: usize) -> u64 {
        let number = self.last.get() + 1;
        self.last.set(number);
        self.calls.borrow_mut().push(Answer { number, handle, has_come: false, is_late: false, behind });
        number
    }

    /// A call has answered.
    fn note_come(&self, number: u64) {
        self.change(number, |call| call.has_come = true);
    }

    fn change(&self, number: u64, change: impl FnOnce(&mut Answer)) {
        if let Some(call) = self.calls.borrow_mut().iter_mut().find(|call| call.number == number) {
            change(call);
        }
    }

    /// Takes a call out: its answer runs, or nobody wants it any more.
    fn take(&self, number: u64) -> Option<Own<Handle>> {
        let mut calls = self.calls.borrow_mut();
        let place = calls.iter().position(|call| call.number == number)?;
        Some(calls.remove(place).handle)
    }

    /// An entry of the ready queue was taken from this place.
    pub(super) fn note_taken(&self, place: usize) {
        for call in self.calls.borrow_mut().iter_mut() {
            if place < call.behind {
                call.behind -= 1;
            }
        }
    }

    fn has_come(&self, number: u64) -> bool {
        self.calls.borrow().iter().all(|call| call.number != number || call.has_come)
    }

    /// Whether any call is under way.
    pub(super) fn are_any(&self) -> bool {
        !self.calls.borrow().is_empty()
    }

    /// Whether any answer is there.
    pub(super) fn have_any_come(&self) -> bool {
        self.calls.borrow().iter().any(|call| call.has_come)
    }

    fn have_all_come(&self) -> bool {
        self.calls.borrow().iter().all(|call| call.has_come)
    }

    /// Appends the sources of the answers that may be next. `call` is the place of the first call in the ready queue.
    pub(super) fn candidates(&self, call: Option<usize>, may_wait: bool, sources: &mut Vec<u64>) {
        let calls = self.calls.borrow();
        let candidates = calls.iter().filter(|answer| {
            (answer.has_come || (may_wait && !answer.is_late)) && call.is_none_or(|place| place >= answer.behind)
        });
        sources.extend(candidates.map(|answer| SOURCE | answer.number));
    }
}

impl Loop {
    /// Whether the loop's time and order are in the hand of a test.
    pub fn is_simulated(&self) -> bool {
        self.simulation.borrow().is_some()
    }

    /// A call in an executor begins. `callback` is what the loop calls for its answer.
    pub(super) fn expect_answer(this: &Own<Loop>, callback: &Object) -> Result<u64> {
        let simulation = this.simulation()?;
        let handle = Own::new(Handle::body(this.as_object(), callback, &[], None, this.debug.get())?)?;
        let behind = this.ready.borrow().len();
        Ok(simulation.answers.expect(handle, behind))
    }

    /// A call in an executor has answered; any thread says so.
    pub(super) fn note_answer(&self, number: u64) {
        // A loop that was closed and cleared has none.
        if let Some(simulation) = self.simulation.borrow().as_ref() {
            simulation.answers.note_come(number);
        }
        if let Some(system) = self.system.borrow().as_ref() {
            system.wake();
        }
    }

    /// Nobody waits for an answer any more.
    pub(super) fn forget_answer(&self, number: u64) -> Result<()> {
        let simulation = self.simulation()?;
        drop(simulation.answers.take(number));
        simulation.schedule.borrow_mut().forget(SOURCE | number);
        Ok(())
    }
}

impl Own<Loop> {
    /// Waits for the answer that the schedule has chosen, and takes it; None if it does not come.
    pub(super) fn chosen_answer(
        &self,
        simulation: &Simulation,
        source: u64,
        slack: TimerSlack,
    ) -> Result<Option<Runnable>> {
        let number = source & !SOURCE;
        let until = Instant::now() + simulation.patience;
        while !simulation.answers.has_come(number) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                simulation.answers.change(number, |call| call.is_late = true);
                return Ok(None);
            }
            self.poll_and_take(simulation, Some(left), slack)?;
        }
        simulation.schedule.borrow_mut().forget(source);
        Ok(simulation.answers.take(number).map(Runnable::handle))
    }

    /// Nothing is ready: waits until all calls under way have answered, or something else becomes ready. After the first
    /// answer, the loop waits for the others no longer than its patience.
    pub(super) fn wait_for_answers(
        &self,
        simulation: &Simulation,
        next: Option<f64>,
        slack: TimerSlack,
    ) -> Result<()> {
        let mut until = None;
        while !simulation.answers.have_all_come() {
            let is_any_there = simulation.answers.have_any_come();
            let wait = match (&simulation.time, next) {
                (None, _) if is_any_there => return Ok(()),
                (None, Some(when)) => Some(deadline::wait_until(when, self.time()?)),
                _ if is_any_there => {
                    let until = *until.get_or_insert_with(|| Instant::now() + simulation.patience);
                    Some(until.saturating_duration_since(Instant::now()))
                }
                _ => None,
            };
            if wait == Some(Duration::ZERO) {
                return Ok(());
            }
            self.poll_and_take(simulation, wait, slack)?;
            if self.has_work() {
                return Ok(());
            }
        }
        Ok(())
    }
}
