//! One iteration of the loop.

use super::runnable::{Method, Runnable};
use super::{Loop, RunningCallback, hooks};
use crate::debug::{shown, shown_as};
use crate::ffi::error::check_signals;
use crate::ffi::{Object, Own, Result, detach, thread_ident};
use crate::stdlib;
use ferrio_reactor::clock;
use ferrio_reactor::timer_slack::TimerSlack;
use ferrio_sched::deadline;
use std::io::ErrorKind;
use std::time::Duration;

/// While there is work and no descriptor is registered, the loop polls only after this many iterations, for the bytes
/// that signals write to the wake-up descriptor. A poll takes about as long as an iteration that runs one task's step,
/// so it costs such a loop 2 % of its time. A signal is late by 64 iterations at most.
const ITERATIONS_BETWEEN_IDLE_POLLS: u32 = 64;

/// The parts of the loop that a wait uses without the GIL.
struct Waiting<'system>(&'system super::System, &'system mut ferrio_reactor::poller::Events);

impl Waiting<'_> {
    fn wait(self, timeout: Option<Duration>) -> std::io::Result<()> {
        self.0.poller.wait(self.1, timeout)
    }
}

/// A loop that runs in this thread.
struct Running<'run>(&'run Own<Loop>);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.stopping.set(false);
        self.0.thread.set(0);
        self.0.is_in_callback.set(false);
    }
}

impl Own<Loop> {
    /// Runs until `stop()`. It raises `KeyboardInterrupt`, `SystemExit`, or an error of the loop's own.
    pub fn run(&self) -> Result<()> {
        // A class may have changed since the last run.
        self.look_for_overrides()?;
        self.thread.set(thread_ident());
        let _running = Running(self);
        self.statistics.begin();
        let slack = TimerSlack::of_thread();
        let simulation = self.simulation.borrow().clone();
        loop {
            match &simulation {
                None => self.run_once(slack)?,
                Some(simulation) => self.run_once_simulated(simulation, slack)?,
            }
            if self.stopping.get() {
                return Ok(());
            }
        }
    }

    fn run_once(&self, slack: TimerSlack) -> Result<()> {
        self.statistics.iterations.set(self.statistics.iterations.get() + 1);
        // 1. Take the time, and 2. work out how long to wait.
        let mut wait = self.time_to_wait()?;
        if wait.is_none() && !self.stuck.is_empty() {
            wait = self.tell_stuck()?;
        }
        // 3. Poll; the GIL is released only if the wait is not 0.
        if self.needs_poll(wait) {
            self.statistics.note_poll();
            self.poll(wait, slack)?;
            if wait != Some(Duration::ZERO) {
                self.statistics.note_wait();
            }
        }
        // 4. Dispatch readiness in poll order: what becomes runnable joins the ready queue. Then take over the entries
        //    from other threads.
        self.dispatch();
        self.drain_remote();
        // 5. Move due timers to the ready queue.
        self.take_due_timers()?;
        // 6. Run exactly what is ready now. 7. Send the writes that waited for this point.
        let result = self.run_ready();
        self.run_end_of_iteration_after(result)
    }

    /// How long the poll waits; `None` has no end.
    pub(super) fn time_to_wait(&self) -> Result<Option<Duration>> {
        if self.has_work() {
            return Ok(Some(Duration::ZERO));
        }
        self.drop_cancelled_timers();
        let next = self.timers.borrow().next_deadline();
        let wait = match next {
            Some(when) => Some(deadline::wait_until(when, self.time()?)),
            None => None,
        };
        // Finalisers and a clock of the program's own are Python code, and may have added work.
        Ok(if self.has_work() { Some(Duration::ZERO) } else { wait })
    }

    /// Nothing but another thread or a signal can wake the loop, unless a descriptor is watched: tells who wants to know.
    /// Returns how long the poll waits.
    #[cold]
    fn tell_stuck(&self) -> Result<Option<Duration>> {
        if self.registrations.borrow().are_any_public() {
            return Ok(None);
        }
        self.stuck.get_or_none().call(&[self.as_object()])?;
        self.time_to_wait()
    }

    pub(super) fn has_work(&self) -> bool {
        self.stopping.get() || !self.ready.borrow().is_empty() || !self.remote_queue.is_empty()
    }

    pub(super) fn needs_poll(&self, wait: Option<Duration>) -> bool {
        let unpolled = self.iterations_unpolled.get() + 1;
        let needed = wait != Some(Duration::ZERO)
            || unpolled >= ITERATIONS_BETWEEN_IDLE_POLLS
            || self.registrations.borrow().are_any_public();
        self.iterations_unpolled.set(if needed { 0 } else { unpolled });
        needed
    }

    pub(super) fn poll(&self, wait: Option<Duration>, slack: TimerSlack) -> Result<()> {
        let system = self.system()?;
        let mut events = self.events.take();
        let waiting = Waiting(&system, &mut events);
        let result = match wait {
            Some(Duration::ZERO) => waiting.wait(wait),
            // The timer should be on time.
            Some(_) => detach(move || slack.least_during(|| waiting.wait(wait))),
            None => detach(move || waiting.wait(wait)),
        };
        self.events.replace(events);
        match result {
            Err(error) if error.kind() != ErrorKind::Interrupted => Err(error.into()),
            _ => check_signals(),
        }
    }

    pub(super) fn dispatch(&self) {
        let Some(system) = self.system.borrow().clone() else { return };
        let mut events = self.events.take();
        let waker = system.waker.as_raw_fd() as u64;
        for event in events.iter() {
            if event.token == waker {
                system.waker.reset();
                continue;
            }
            let mut ready = self.ready.borrow_mut();
            self.registrations.borrow_mut().take_interested(event, |entry| ready.push(entry));
        }
        // Each event is dispatched once, even if the next iteration does not poll.
        events.clear();
        self.events.replace(events);
    }

    pub(super) fn drain_remote(&self) {
        if self.remote_queue.is_empty() {
            return;
        }
        let mut ready = self.ready.borrow_mut();
        self.remote_queue.drain(|remote| ready.push(remote.into_inner()));
    }

    pub(super) fn drop_cancelled_timers(&self) {
        loop {
            let mut timers = self.timers.borrow_mut();
            if !timers.peek().is_some_and(|timer| timer.handle().is_cancelled()) {
                return;
            }
            timers.note_cancelled_taken();
            let timer = timers.pop();
            drop(timers);
            if let Some(timer) = timer {
                timer.set_scheduled(false);
            }
        }
    }

    pub(super) fn take_due_timers(&self) -> Result<()> {
        if self.timers.borrow().is_empty() {
            return Ok(());
        }
        let now = self.time()?;
        loop {
            let due = self.timers.borrow_mut().pop_due(now);
            let Some(timer) = due else { return Ok(()) };
            timer.set_scheduled(false);
            if timer.handle().is_cancelled() {
                self.timers.borrow_mut().note_cancelled_taken();
                continue;
            }
            self.ready.borrow_mut().push(Runnable::Handle(timer.as_handle().clone()));
        }
    }

    #[inline]
    fn run_ready(&self) -> Result<()> {
        let count = self.ready.borrow().begin();
        let replaced_run = hooks::replaced_run()?;
        self.statistics.forget_end();
        for left in (0..count).rev() {
            let entry = self.ready.borrow_mut().take();
            let Some(entry) = entry else { break };
            if entry.is_cancelled() {
                continue;
            }
            self.run_entry(&entry, left, replaced_run.as_ref())?;
            if left > 0 && self.end_of_iteration.is_overdue() {
                self.end_of_iteration.run(self)?;
            }
        }
        Ok(())
    }

    /// Runs an entry, after which `left` others run in the same iteration.
    #[inline]
    pub(super) fn run_entry(&self, entry: &Runnable, left: usize, replaced_run: Option<&Object>) -> Result<()> {
        self.callbacks.set(self.callbacks.get().wrapping_add(1));
        self.callbacks_left.set(left);
        self.is_in_callback.set(true);
        let result = match replaced_run {
            _ if self.watched.get() => self.run_watched(entry, replaced_run),
            None => entry.run(self),
            Some(replacement) => hooks::run(entry, self, replacement),
        };
        self.is_in_callback.set(false);
        result
    }

    /// The callback that runs, if the calling thread runs it.
    #[inline]
    pub fn callback(&self) -> Option<RunningCallback> {
        (self.is_in_callback.get() && self.thread.get() == thread_ident())
            .then(|| RunningCallback { number: self.callbacks.get(), is_last: self.callbacks_left.get() == 0 })
    }

    /// The number of the callback that runs, or that ran last.
    #[inline]
    pub fn callback_number(&self) -> u64 {
        self.callbacks.get()
    }

    /// Calls a method of the object when the callbacks of this iteration have run.
    pub fn call_at_end_of_iteration(&self, object: &Object, method: Method) {
        self.end_of_iteration.push(Runnable::method(object.clone(), method));
    }

    /// Runs the end of the iteration. One of the callbacks may have ended the loop.
    #[inline]
    pub(super) fn run_end_of_iteration_after(&self, result: Result<()>) -> Result<()> {
        let Err(raised) = result else { return self.end_of_iteration.run(self) };
        let exception = raised.take();
        if let Err(raised) = self.end_of_iteration.run(self) {
            raised.discard();
        }
        Err(exception.raise())
    }

    /// Runs an entry in debug mode, or while the tasks' times are noted.
    #[inline(never)]
    fn run_watched(&self, entry: &Runnable, replaced_run: Option<&Object>) -> Result<()> {
        let start = self.statistics.start();
        let result = match replaced_run {
            _ if self.debug.get() => self.run_in_debug_mode(entry, replaced_run),
            None => entry.run(self),
            Some(replacement) => hooks::run(entry, self, replacement),
        };
        self.statistics.note_entry(entry, start);
        result
    }

    /// Runs an entry in debug mode. A slow one is logged.
    #[cold]
    fn run_in_debug_mode(&self, entry: &Runnable, replaced_run: Option<&Object>) -> Result<()> {
        self.current.put(entry.object().clone());
        let start = clock::now();
        let result = match replaced_run {
            Some(replacement) => hooks::run(entry, self, replacement),
            None => entry.run(self),
        };
        let duration = clock::now() - start;
        self.current.clear();
        result?;
        let limit = self.slow_callback_duration.get_or_none().to_f64()?;
        if duration >= limit {
            let text = Object::str("Executing %s took %.3f seconds")?;
            let what = self.describe(entry)?;
            stdlib::LOGGER.get()?.method(&stdlib::WARNING, &[&text, &what, &Object::float(duration)?])?;
        }
        Ok(())
    }

    /// An entry for the log of slow callbacks: a task's step shows the task.
    fn describe(&self, entry: &Runnable) -> Result {
        match entry {
            Runnable::Handle(handle) => {
                shown_as(handle.as_object(), stdlib::FORMAT_HANDLE.get()?.call(&[handle.as_object()]))
            }
            _ => shown(entry.object()),
        }
    }
}
