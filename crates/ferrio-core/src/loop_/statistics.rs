//! Statistics: what a loop counts, and the times of its tasks while somebody looks.
//!
//! Counting is always on. The clock is read for each poll, but not for each callback. While tasks are timed, it is read
//! once for each callback.

use super::Loop;
use super::runnable::Runnable;
use super::simulation::task_state;
use crate::ffi::class::{Method, Property, getter, method0, method1};
use crate::ffi::{Object, Own, Result};
use ferrio_reactor::clock;
use ferrio_sched::lag::Lag;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// The counters.
#[derive(Default)]
pub struct Statistics {
    iterations: Cell<u64>,
    /// Since when the loop has not looked at the outside, in nanoseconds of the machine's clock; 0 before the first
    /// time.
    polled: Cell<i64>,
    /// In a box, because it is longer than the rest of the loop.
    lag: Box<Lag>,
    /// How many transports the loop has had, and the bytes of those that are closed.
    transports: Cell<u64>,
    received: Cell<u64>,
    sent: Cell<u64>,
    /// The times of tasks by their addresses, while they are noted.
    times: RefCell<Option<Times>>,
    /// When the last callback ended, if nothing ran since.
    ended: Cell<f64>,
}

type Times = HashMap<usize, TaskTimes, BuildHasherDefault<AddressHasher>>;

/// The times of a task, in seconds.
#[derive(Clone, Copy)]
struct TaskTimes {
    /// When the first step began that was noted.
    first: f64,
    /// When the last one ended.
    last: f64,
    /// How long the steps have taken together, and the longest.
    total: f64,
    longest: f64,
    steps: u64,
}

/// Addresses are spread well enough without their lowest bits.
#[derive(Default)]
pub struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_usize(&mut self, address: usize) {
        // The table takes the top bits too. The factor is that of Fibonacci hashing.
        self.0 = (address as u64 >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Statistics {
    /// The loop begins to run, or a poll has waited.
    #[inline]
    pub(super) fn begin(&self) {
        self.polled.set(clock::nanoseconds());
    }

    /// Since when it has not looked at the outside.
    pub(super) fn since(&self) -> i64 {
        self.polled.get()
    }

    /// Something was due at a time in seconds, but not before another one in nanoseconds: notes how late it is.
    pub(super) fn note_due(&self, due: f64, not_before: i64) {
        self.polled.set(not_before.max((due * 1e9) as i64));
        self.note_poll();
    }

    /// A poll is about to begin: notes for how long there was none.
    #[inline]
    pub(super) fn note_poll(&self) {
        let now = clock::nanoseconds();
        self.lag.note(now - self.polled.get(), now);
        self.polled.set(now);
    }

    /// An iteration begins.
    #[inline]
    pub(super) fn note_iteration(&self) {
        self.iterations.set(self.iterations.get() + 1);
    }

    /// A transport is new.
    pub fn note_transport(&self) {
        self.transports.set(self.transports.get() + 1);
    }

    /// A transport is closed, and has carried so many bytes.
    pub fn note_traffic(&self, received: u64, sent: u64) {
        self.received.set(self.received.get() + received);
        self.sent.set(self.sent.get() + sent);
    }

    /// Whether the tasks' times are noted.
    pub(super) fn is_timing(&self) -> bool {
        self.times.borrow().is_some()
    }

    /// The first callback of an iteration is about to run.
    #[inline]
    pub(super) fn forget_end(&self) {
        self.ended.set(0.0);
    }

    /// When the callback that runs next begins.
    pub(super) fn start(&self) -> f64 {
        let ended = self.ended.get();
        if ended > 0.0 { ended } else { clock::now() }
    }

    /// Notes the time of an entry that began to run at `start`.
    pub(super) fn note_entry(&self, entry: &Runnable, start: f64) {
        let now = clock::now();
        self.ended.set(now);
        let Runnable::Native(object, _) = entry else { return };
        let Some(is_done) = task_state(object) else { return };
        let mut times = self.times.borrow_mut();
        let Some(times) = times.as_mut() else { return };
        if is_done {
            times.remove(&object.address());
            return;
        }
        let task = times.entry(object.address()).or_insert(TaskTimes {
            first: start,
            last: start,
            total: 0.0,
            longest: 0.0,
            steps: 0,
        });
        task.last = now;
        task.steps += 1;
        task.total += now - start;
        task.longest = task.longest.max(now - start);
    }
}

impl Own<Loop> {
    /// Turns the noting of the tasks' times on or off.
    fn time_tasks(&self, enabled: bool) {
        if enabled != self.statistics.is_timing() {
            let before = self.statistics.times.replace(enabled.then(Times::default));
            drop(before);
        }
        self.note_watched();
    }

    /// `_statistics()`.
    fn statistics(&self) -> Result {
        let statistics = &self.statistics;
        let now = clock::nanoseconds();
        let lag = statistics.lag.summary(now);
        // A callback that blocks the loop delays the next poll by so much already.
        let is_late = self.is_running() && self.is_in_callback.get();
        let late = if is_late { (now - statistics.polled.get()) as f64 * 1e-9 } else { 0.0 };
        let remote = usize::from(!self.remote_queue.is_empty());
        Object::tuple([
            Object::int(statistics.iterations.get() as i64)?,
            Object::int(self.callback_number() as i64)?,
            Object::int((self.ready.borrow().iter().count() + remote) as i64)?,
            Object::int(self.timers.borrow().iter().filter(|timer| !timer.handle().is_cancelled()).count() as i64)?,
            Object::int(self.registrations.borrow().count() as i64)?,
            Object::int(statistics.transports.get() as i64)?,
            Object::int(statistics.received.get() as i64)?,
            Object::int(statistics.sent.get() as i64)?,
            Object::int(lag.count as i64)?,
            Object::float(lag.last.max(late))?,
            Object::float(lag.p50)?,
            Object::float(lag.p99)?,
            Object::float(lag.worst.max(late))?,
            Object::float(late)?,
        ])
    }

    /// `_task_times()`.
    fn task_times(&self) -> Result {
        let now = clock::now();
        let times: Vec<_> = match &*self.statistics.times.borrow() {
            Some(times) => times.iter().map(|(address, task)| (*address, *task)).collect(),
            None => Vec::new(),
        };
        let tuples = times.into_iter().map(|(address, task)| {
            Object::tuple([
                Object::int(address as i64)?,
                Object::float(now - task.first)?,
                Object::float(now - task.last)?,
                Object::float(task.total)?,
                Object::float(task.longest)?,
                Object::int(task.steps as i64)?,
            ])
        });
        Object::list(tuples.collect::<Result<Vec<_>>>()?)
    }

    /// Forgets the times of tasks that are not among these, which are gone.
    fn keep_times_of(&self, addresses: &Object) -> Result<()> {
        let mut kept = Times::default();
        for address in addresses.to_list()?.list_items() {
            let address = address.to_i64()? as usize;
            if let Some(times) = &*self.statistics.times.borrow()
                && let Some(task) = times.get(&address)
            {
                kept.insert(address, *task);
            }
        }
        if let Some(times) = &mut *self.statistics.times.borrow_mut() {
            *times = kept;
        }
        Ok(())
    }
}

/// The property that `ferrio.inspection` uses.
pub(super) fn properties() -> Vec<Property> {
    vec![getter::<Loop, _>(c"_times_tasks", |this| Ok(Object::bool(this.statistics.is_timing())))]
}

/// The methods that `ferrio.inspection` uses.
pub(super) fn methods() -> Vec<Method> {
    vec![
        method0::<Loop, _>(
            c"_statistics",
            |this| this.statistics(),
            c"_statistics($self, /)\n--\n\nReturn the counters, for ferrio.stats(). Any thread may ask.",
        ),
        method1::<Loop, _>(
            c"_time_tasks",
            |this, enabled| {
                this.time_tasks(enabled.is_true()?);
                Ok(Object::none())
            },
            c"_time_tasks($self, enabled, /)\n--\n\nNote the times of tasks, or forget them. Any thread may call it.",
        ),
        method0::<Loop, _>(
            c"_task_times",
            |this| this.task_times(),
            c"_task_times($self, /)\n--\n\nReturn (id, age, seconds since the last step, time of all steps, longest step, steps) of tasks.",
        ),
        method1::<Loop, _>(
            c"_keep_times_of",
            |this, ids| this.keep_times_of(ids).map(|()| Object::none()),
            c"_keep_times_of($self, ids, /)\n--\n\nForget the times of all tasks but these.",
        ),
        method0::<Loop, _>(
            c"_open_transports",
            |this| this.transports(),
            c"_open_transports($self, /)\n--\n\nReturn the transports that have a descriptor.",
        ),
    ]
}
