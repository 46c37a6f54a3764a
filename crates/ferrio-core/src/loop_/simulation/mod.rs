//! Simulation: a loop whose time jumps, and that runs what is ready in an order of a schedule (`ferrio.testing`).
//!
//! A loop that is simulated has its own iteration, [`Own::<Loop>::run_once_simulated`]. An ordinary loop asks once for
//! each run whether it is simulated.
//!
//! The schedule chooses only where asyncio promises no order:
//! - the step of a task may run before or after those of other tasks, and before or after timers and calls that
//!   became ready earlier;
//! - timers that are due at one moment may run in any order;
//! - descriptors that one poll reports may be served in any order;
//! - the answer of a call in an executor may come at any moment after the call ([`answers`]);
//! - calls (of `call_soon`, of done callbacks, of transports) keep their order. Nothing that becomes ready after a
//!   call runs before it.

mod answers;
mod methods;

pub use methods::functions;
pub(super) use methods::{methods, properties};

use super::Loop;
use super::runnable::{Call, Runnable};
use crate::ffi::error::{runtime_error, type_error};
use crate::ffi::{Object, Own, Result, Slot, Visitor};
use crate::handles::TimerHandle;
use answers::Answers;
use ferrio_reactor::clock;
use ferrio_reactor::timer_slack::TimerSlack;
use ferrio_sched::deadline;
use ferrio_sched::schedule::{Deviation, Policy, Schedule};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::OnceLock;
use std::time::Duration;

/// Among so many entries the schedule chooses; the others wait until these have run. Each choice looks at all of them.
const MOST_CANDIDATES: usize = 256;

/// Whether an object is a task, and if it is, whether it is done. The folder of tasks hands it in.
pub static TASK_STATE: OnceLock<fn(&Object) -> Option<bool>> = OnceLock::new();

/// What a simulated loop has beside an ordinary one.
pub struct Simulation {
    /// The time on the loop's clock, in seconds; None for real time.
    time: Option<Cell<f64>>,
    schedule: RefCell<Schedule>,
    /// What is under way outside of the loop, and will come back to it: calls in threads, child processes.
    holds: Cell<i64>,
    /// How long the loop listens to the descriptors that are watched before it takes it that nothing comes.
    patience: Duration,
    /// What is called when nothing can run, and time can't help.
    stuck: Slot,
    /// What is called with each entry before it runs, its index and the number of candidates; or nothing.
    trace: Slot,
    /// What is asked of each handle and task before it runs: True runs it, False drops it, None sets it aside.
    gate: Slot,
    /// What is called after each entry has run.
    watch: Slot,
    /// The last number that a future or a task got as its hash.
    last_hash: Cell<i16>,
    /// Calls in executors.
    answers: Answers,
    /// What the gate has set aside, in order.
    set_aside: RefCell<Vec<Runnable>>,
    /// The places of the candidates in the ready queue, and their sources. Kept for their memory.
    places: RefCell<Vec<usize>>,
    sources: RefCell<Vec<u64>>,
}

impl Simulation {
    /// Shows the objects to the garbage collector.
    pub fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.slot(&self.stuck);
        visitor.slot(&self.trace);
        visitor.slot(&self.gate);
        visitor.slot(&self.watch);
        self.answers.traverse(visitor);
        if let Ok(set_aside) = self.set_aside.try_borrow() {
            set_aside.iter().for_each(|entry| entry.traverse(visitor));
        }
    }

    /// Lets go of all objects.
    pub fn clear(&self) {
        let set_aside = self.set_aside.take();
        drop(set_aside);
        self.answers.clear();
        [&self.stuck, &self.trace, &self.gate, &self.watch].into_iter().for_each(Slot::clear);
    }
}

/// What an entry of the ready queue is to the schedule.
enum Kind {
    Task(u64),
    Timer(f64),
    Call,
}

fn kind_of(entry: &Runnable) -> Kind {
    match entry {
        Runnable::Handle(handle) => match Own::<TimerHandle>::downcast(handle.as_object()) {
            Some(timer) => Kind::Timer(timer.when()),
            None => Kind::Call,
        },
        Runnable::Native(object, Call::Method(_)) if task_state(object).is_some() => {
            Kind::Task(object.address() as u64)
        }
        Runnable::Native(..) => Kind::Call,
    }
}

pub(super) fn task_state(object: &Object) -> Option<bool> {
    TASK_STATE.get().and_then(|state| state(object))
}

impl Loop {
    /// The time of the loop's own clock, in seconds.
    pub(super) fn own_time(&self) -> f64 {
        self.virtual_time().unwrap_or_else(clock::now)
    }

    fn virtual_time(&self) -> Option<f64> {
        self.simulation.borrow().as_ref().and_then(|simulation| simulation.time.as_ref().map(Cell::get))
    }

    /// Whether the loop's time is not the machine's.
    pub(super) fn has_virtual_time(&self) -> bool {
        self.virtual_time().is_some()
    }

    /// The hash of a future or a task of a simulated loop: the next number, not 0. The same program gets the same ones each
    /// time, which addresses are not: sets have the same order.
    pub fn next_hash(&self) -> Option<i16> {
        let simulation = self.simulation.borrow();
        let last = &simulation.as_ref()?.last_hash;
        last.set(last.get().checked_add(1).unwrap_or(1));
        Some(last.get())
    }

    fn simulation(&self) -> Result<Rc<Simulation>> {
        self.simulation.borrow().clone().ok_or_else(|| runtime_error("the loop is not simulated"))
    }
}

impl Own<Loop> {
    /// One iteration of a simulated loop; the steps are those of `run_once`.
    pub(super) fn run_once_simulated(&self, simulation: &Simulation, slack: TimerSlack) -> Result<()> {
        self.statistics.note_iteration();
        if self.has_work() {
            if self.needs_poll(Some(Duration::ZERO)) {
                self.statistics.note_poll();
                self.poll(Some(Duration::ZERO), slack)?;
            }
            self.dispatch_chosen(simulation);
            self.drain_remote();
        } else {
            self.wait_for_work(simulation, slack)?;
        }
        self.take_due_timers()?;
        let result = self.run_chosen(simulation, slack);
        self.run_end_of_iteration_after(result)
    }

    /// Nothing is ready: waits for what is under way, or else moves the clock to the next timer.
    fn wait_for_work(&self, simulation: &Simulation, slack: TimerSlack) -> Result<()> {
        self.drop_cancelled_timers();
        let next = self.timers.borrow().next_deadline();
        if let (Some(time), Some(when)) = (&simulation.time, next)
            && when <= time.get()
        {
            // The clock was moved by hand, or the timer was due when it was made.
            return self.poll_and_take(simulation, Some(Duration::ZERO), slack);
        }
        if simulation.answers.are_any() {
            return self.wait_for_answers(simulation, next, slack);
        }
        let holds = simulation.holds.get() > 0;
        let watches = self.registrations.borrow().are_any_public();
        // Only what comes from outside can help.
        let depends = holds || (watches && next.is_none());
        let wait = match (&simulation.time, next) {
            (None, Some(when)) => Some(deadline::wait_until(when, self.time()?)),
            _ if depends => None,
            _ if watches => Some(simulation.patience),
            _ => Some(Duration::ZERO),
        };
        // Finalisers of timers are Python code, and may have brought work.
        if self.has_work() {
            return Ok(());
        }
        self.poll_and_take(simulation, wait, slack)?;
        if self.has_work() || depends {
            return Ok(());
        }
        match (&simulation.time, next) {
            (Some(time), Some(when)) => time.set(time.get().max(when)),
            (None, Some(_)) => {}
            (_, None) => {
                // It raises, or knows of something that may still come.
                simulation.stuck.get_or_none().call0()?;
                if !self.has_work() {
                    self.poll_and_take(simulation, Some(simulation.patience), slack)?;
                }
            }
        }
        Ok(())
    }

    /// Polls, and takes over what the poll and other threads have brought.
    fn poll_and_take(&self, simulation: &Simulation, wait: Option<Duration>, slack: TimerSlack) -> Result<()> {
        self.statistics.note_poll();
        self.poll(wait, slack)?;
        self.statistics.begin();
        self.dispatch_chosen(simulation);
        self.drain_remote();
        Ok(())
    }

    /// Appends what the poll has found to the ready queue. The schedule chooses the order of the descriptors; what one
    /// descriptor is ready for stays together.
    fn dispatch_chosen(&self, simulation: &Simulation) {
        let mut events: Vec<Vec<Runnable>> = Vec::new();
        self.take_events(|entries| events.push(entries));
        while !events.is_empty() {
            let sources = vec![0; events.len()];
            let index = simulation.schedule.borrow_mut().choose(&sources);
            for entry in events.remove(index) {
                self.ready.borrow_mut().push(entry);
            }
        }
    }

    /// Runs as many entries as were ready when the iteration began, in the order of the schedule.
    fn run_chosen(&self, simulation: &Simulation, slack: TimerSlack) -> Result<()> {
        let count = self.ready.borrow().begin();
        let is_idle = count == 0;
        let count = if is_idle && simulation.answers.have_any_come() { 1 } else { count };
        for left in (0..count).rev() {
            let Some((entry, index, width)) = self.take_chosen(simulation, is_idle, slack)? else { break };
            if let Some(gate) = simulation.gate.get()
                && !matches!(entry, Runnable::Native(..) if task_state(entry.object()).is_none())
            {
                let answer = gate.call(&[entry.object()])?;
                if answer.is_none() {
                    simulation.set_aside.borrow_mut().push(entry.shown());
                    continue;
                }
                if !answer.is_true()? {
                    continue;
                }
            }
            if let Some(trace) = simulation.trace.get() {
                trace.call(&[entry.object(), &Object::int(index as i64)?, &Object::int(width as i64)?])?;
            }
            let result = self.run_entry(&entry, left, None);
            let object = entry.object();
            if task_state(object) == Some(true) {
                simulation.schedule.borrow_mut().forget(object.address() as u64);
            }
            result?;
            if let Some(watch) = simulation.watch.get() {
                watch.call0()?;
            }
        }
        Ok(())
    }

    /// Takes the next entry out of the ready queue, or the next answer; with its index among the candidates, and how many
    /// there were. An idle loop has only answers.
    fn take_chosen(
        &self,
        simulation: &Simulation,
        is_idle: bool,
        slack: TimerSlack,
    ) -> Result<Option<(Runnable, usize, usize)>> {
        loop {
            while self.ready.borrow().iter().next().is_some_and(Runnable::is_cancelled) {
                let cancelled = self.ready.borrow_mut().take();
                simulation.answers.note_taken(0);
                drop(cancelled);
            }
            let mut places = simulation.places.take();
            let mut sources = simulation.sources.take();
            let call = self.find_candidates(&mut places, &mut sources);
            if is_idle != places.is_empty() {
                // What was ready is cancelled, or something became ready after all: in the next iteration.
                simulation.places.replace(places);
                simulation.sources.replace(sources);
                return Ok(None);
            }
            if simulation.answers.are_any() {
                let may_wait = !is_idle && simulation.time.is_some();
                simulation.answers.candidates(call, may_wait, &mut sources);
            }
            let index = simulation.schedule.borrow_mut().choose(&sources);
            let width = sources.len();
            let place = places.get(index).copied();
            let source = sources.get(index).copied();
            simulation.places.replace(places);
            simulation.sources.replace(sources);
            let entry = match (place, source) {
                (Some(place), _) => {
                    let entry = self.ready.borrow_mut().take_at(place);
                    simulation.answers.note_taken(place);
                    entry
                }
                (None, Some(answer)) => match self.chosen_answer(simulation, answer, slack)? {
                    None => continue,
                    answer => answer,
                },
                (None, None) => None,
            };
            return Ok(entry.map(|entry| (entry, index, width)));
        }
    }

    /// Finds the entries of the ready queue that may be next: their places and sources. Returns the place of a call, which
    /// is the last of them.
    fn find_candidates(&self, places: &mut Vec<usize>, sources: &mut Vec<u64>) -> Option<usize> {
        places.clear();
        sources.clear();
        let mut due = None;
        for (place, entry) in self.ready.borrow().iter().enumerate() {
            if entry.is_cancelled() {
                continue;
            }
            let kind = kind_of(entry);
            match kind {
                Kind::Timer(when) if *due.get_or_insert(when) != when => continue,
                Kind::Task(source) => sources.push(source),
                Kind::Timer(_) | Kind::Call => sources.push(0),
            }
            places.push(place);
            if matches!(kind, Kind::Call) {
                return Some(place);
            }
            if places.len() == MOST_CANDIDATES {
                break;
            }
        }
        None
    }

    /// `_simulate(time, seed, changes, length, deviations, patience, stuck, trace)`.
    fn simulate(&self, arguments: &[Object]) -> Result<()> {
        let [time, seed, changes, length, deviations, patience, stuck, trace] = arguments else {
            return Err(type_error("_simulate() takes eight arguments"));
        };
        if self.is_running() || self.simulation.borrow().is_some() {
            return Err(runtime_error("the loop runs or is simulated already"));
        }
        let policy = if !deviations.is_none() {
            let pairs = deviations.to_list()?.list_items();
            Policy::Repeat(pairs.iter().map(deviation).collect::<Result<_>>()?)
        } else if changes.is_none() {
            Policy::Random
        } else {
            Policy::Priorities {
                changes: u32::try_from(changes.to_i64()?).unwrap_or(0),
                length: u64::try_from(length.to_i64()?).unwrap_or(1),
            }
        };
        let time = if time.is_none() { None } else { Some(Cell::new(time.to_f64()?)) };
        let simulation = Simulation {
            time,
            schedule: RefCell::new(Schedule::new(seed.to_i64()? as u64, policy)),
            holds: Cell::new(0),
            patience: Duration::try_from_secs_f64(patience.to_f64()?).unwrap_or_default(),
            stuck: Slot::new(stuck.clone()),
            trace: Slot::default(),
            gate: Slot::default(),
            watch: Slot::default(),
            last_hash: Cell::new(0),
            answers: Answers::default(),
            set_aside: RefCell::default(),
            places: RefCell::default(),
            sources: RefCell::default(),
        };
        if !trace.is_none() {
            simulation.trace.put(trace.clone());
        }
        *self.simulation.borrow_mut() = Some(Rc::new(simulation));
        self.look_for_overrides()
    }
}

/// A pair of the choice and the index.
fn deviation(pair: &Object) -> Result<Deviation> {
    let choice = u64::try_from(pair.item(0)?.to_i64()?).unwrap_or(u64::MAX);
    let index = u32::try_from(pair.item(1)?.to_i64()?).unwrap_or(u32::MAX);
    Ok(Deviation { choice, index })
}
