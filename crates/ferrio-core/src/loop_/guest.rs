//! Guest: a loop that runs inside of another main loop, step by step.
//!
//! The other loop, the *host*, watches one descriptor, the poller's. It is readable when a step has something to do:
//! because a descriptor is ready, because a timer is due (an [`Alarm`] is registered with the poller), or because
//! callbacks are ready (the waker is awake). So the host needs neither a timer nor a hook of its own.
//!
//! - *Outside* of a step the loop is *idle* if nothing is ready. The first work that appears wakes the waker.
//! - *Inside* of a step the waker is awake while callbacks run: one of them may run the host's main loop again, for
//!   example for a modal dialog. That loop then finds the descriptor readable and calls a step inside of the step.
//! - A callback in a context that is entered further out in the stack is postponed until the step that entered
//!   it is over: the interpreter refuses to enter a context twice.

use super::runnable::Runnable;
use super::{Loop, Overridable, System, hooks};
use crate::ffi::class::{Method, method, method0};
use crate::ffi::error::runtime_error;
use crate::ffi::{Object, Own, Result, Signature, context, thread_ident};
use ferrio_reactor::alarm::Alarm;
use ferrio_reactor::clock;
use ferrio_reactor::poller::{Interest, Mode};
use ferrio_reactor::timer_slack::TimerSlack;
use std::cell::{Cell, RefCell};
use std::sync::OnceLock;
use std::time::Duration;

/// Returns the context in which a native entry runs, for objects that have one.
pub type ContextOf = fn(&Object) -> Option<Object>;

static CONTEXT_OF: OnceLock<ContextOf> = OnceLock::new();

/// Takes the function that knows the contexts of native entries.
pub fn set_context_of(context_of: ContextOf) {
    let _ = CONTEXT_OF.set(context_of);
}

/// What a guest has beyond an ordinary loop.
#[derive(Default)]
pub struct Guest {
    /// Whether nobody has told the host yet that there is work.
    idle: Cell<bool>,
    alarm: RefCell<Option<Alarm>>,
    /// The deadline that the alarm is set to.
    armed: Cell<Option<f64>>,
    /// Whether it has rung since, which leaves its descriptor readable.
    rang: Cell<bool>,
    /// How many steps are on the stack.
    depth: Cell<u32>,
    /// What waits for a context that is entered further out, oldest first.
    postponed: RefCell<Vec<Runnable>>,
}

impl Guest {
    /// Whether the next work that appears must be announced.
    pub fn is_idle(&self) -> bool {
        self.idle.get()
    }

    /// Takes what is postponed.
    pub fn take_postponed(&self) -> Vec<Runnable> {
        self.postponed.take()
    }

    /// What is postponed, for the garbage collector; none while it changes.
    pub fn for_each(&self, look: impl FnMut(&Runnable)) {
        if let Ok(entries) = self.postponed.try_borrow() {
            entries.iter().for_each(look);
        }
    }
}

/// A step that runs. What it found is there again when it ends, because it may run inside of another one.
struct Step<'step> {
    loop_: &'step Own<Loop>,
    is_in_callback: bool,
    callbacks_left: usize,
    current: Option<Object>,
}

impl<'step> Step<'step> {
    fn begin(loop_: &'step Own<Loop>) -> Step<'step> {
        loop_.guest.depth.set(loop_.guest.depth.get() + 1);
        Step {
            loop_,
            is_in_callback: loop_.is_in_callback.replace(false),
            callbacks_left: loop_.callbacks_left.get(),
            current: loop_.current.take(),
        }
    }
}

impl Drop for Step<'_> {
    fn drop(&mut self) {
        let loop_ = self.loop_;
        loop_.is_in_callback.set(self.is_in_callback);
        loop_.callbacks_left.set(self.callbacks_left);
        if let Some(current) = self.current.take() {
            loop_.current.put(current);
        }
        loop_.guest.depth.set(loop_.guest.depth.get() - 1);
    }
}

/// An alarm that is registered with the poller.
fn new_alarm(system: &System) -> Result<Alarm> {
    let alarm = Alarm::new()?;
    let descriptor = alarm.as_raw_fd();
    system.poller.add(descriptor, Interest::READABLE, Mode::Level, descriptor as u64)?;
    Ok(alarm)
}

impl Loop {
    /// Takes an alarm of its own in the child of a fork.
    pub(super) fn reopen_guest(&self, system: &System) -> Result<()> {
        let mut alarm = self.guest.alarm.borrow_mut();
        if alarm.is_some() {
            *alarm = Some(new_alarm(system)?);
            self.guest.armed.set(None);
            system.wake();
        }
        Ok(())
    }
}

impl Own<Loop> {
    /// Runs by steps from now on, in this thread.
    pub fn begin_guest(&self) -> Result<()> {
        self.guest_descriptor()?;
        let system = self.system()?;
        let mut alarm = self.guest.alarm.borrow_mut();
        if alarm.is_none() {
            *alarm = Some(new_alarm(&system)?);
        }
        drop(alarm);
        self.thread.set(thread_ident());
        self.statistics.begin();
        // The first step looks at everything.
        system.wake();
        Ok(())
    }

    /// Runs by steps no more.
    pub fn end_guest(&self) -> Result<()> {
        if self.guest.depth.get() > 0 {
            return Err(runtime_error("a guest can't end inside of its own step"));
        }
        if let Some(alarm) = self.guest.alarm.take()
            && let Some(system) = &*self.system.borrow()
        {
            // It is closed after this, and nobody hears of it any more.
            let _ = system.poller.remove(alarm.as_raw_fd());
        }
        self.guest.armed.set(None);
        self.guest.rang.set(false);
        self.set_idle(false);
        self.show_handles();
        self.stopping.set(false);
        self.thread.set(0);
        self.is_in_callback.set(false);
        Ok(())
    }

    /// The descriptor that the host watches for reading.
    pub fn guest_descriptor(&self) -> Result<i32> {
        let descriptor = self.system()?.poller.descriptor();
        descriptor.ok_or_else(|| runtime_error("the poller of this build has no descriptor for a host to watch"))
    }

    /// The seconds until a step is due though the descriptor is not readable; `None` for never.
    pub fn guest_timeout(&self) -> Result<Option<f64>> {
        self.check_closed()?;
        Ok(self.time_to_wait()?.map(|wait| wait.as_secs_f64()))
    }

    /// While the guest is idle, the host looks at the outside for it. The time until the host runs it does not count
    /// then, as far as nobody knows what it was that the host was late for.
    fn set_idle(&self, idle: bool) {
        if self.guest.idle.replace(idle) {
            self.statistics.begin();
        } else if idle {
            self.statistics.note_poll();
        }
        self.note_watchful();
    }

    /// Tells the host of a guest that there is work, if it does not know.
    #[cold]
    pub(super) fn announce_work(&self) {
        if self.guest.is_idle() {
            self.set_idle(false);
            self.wake();
        }
    }

    /// Tells the host of a guest that a timer is due at `when`, if no earlier one is.
    #[cold]
    pub(super) fn announce_timer(&self, when: f64) -> Result<()> {
        if self.guest.is_idle() && self.guest.armed.get().is_none_or(|armed| when < armed || when.is_nan()) {
            self.arm(Some(when))?;
        }
        Ok(())
    }

    fn wake(&self) {
        if let Some(system) = &*self.system.borrow() {
            system.wake();
        }
    }

    /// One iteration that never waits, of at most so many callbacks, of which none begins after so many seconds.
    /// Whether `stop()` was called. What comes out is as for [`Own::<Loop>::run`].
    pub fn step(&self, callbacks: usize, seconds: f64) -> Result<bool> {
        let system = self.system()?;
        if self.thread.get() == 0 || self.guest.alarm.borrow().is_none() {
            return Err(runtime_error("the guest does not run"));
        }
        let step = Step::begin(self);
        let idle_since = self.guest.is_idle().then(|| self.statistics.since());
        if idle_since.is_none() {
            self.statistics.note_poll();
        }
        self.set_idle(false);
        let result = self.step_within(callbacks, seconds, idle_since);
        drop(step);
        if let Err(raised) = result {
            let exception = raised.take();
            self.end_step(&system);
            return Err(exception.raise());
        }
        self.end_step(&system);
        Ok(self.stopping.replace(false))
    }

    fn step_within(&self, callbacks: usize, seconds: f64, idle_since: Option<i64>) -> Result<()> {
        let end = clock::now() + seconds;
        self.statistics.note_iteration();
        self.poll(Some(Duration::ZERO), TimerSlack::UNCHANGED)?;
        self.hear_alarm(idle_since);
        self.dispatch();
        self.drain_remote();
        self.take_due_timers()?;
        let result = self.run_ready_within(callbacks, end);
        self.run_end_of_iteration_after(result)
    }

    /// Notes whether the alarm is among the events of the last poll.
    fn hear_alarm(&self, idle_since: Option<i64>) {
        if let Some(alarm) = &*self.guest.alarm.borrow() {
            let token = alarm.as_raw_fd() as u64;
            if self.events.borrow().iter().any(|event| event.token == token) {
                self.guest.rang.set(true);
                // The host may have been busy since then. The alarm can't have rung before it was set.
                let due = self.guest.armed.get().filter(|_| self.is_own(Overridable::Time));
                if let (Some(since), Some(due)) = (idle_since, due) {
                    self.statistics.note_due(due, since);
                }
            }
        }
    }

    /// Leaves the descriptor readable if a step is due, and sets the alarm.
    fn end_step(&self, system: &System) {
        if self.guest.depth.get() == 0 {
            let postponed = self.guest.take_postponed();
            postponed.into_iter().for_each(|entry| self.ready.borrow_mut().push(entry));
        }
        system.waker.reset();
        if self.has_work() {
            system.wake();
            return;
        }
        self.set_idle(true);
        self.drop_cancelled_timers();
        let next = self.timers.borrow().next_deadline();
        if let Err(raised) = self.arm(next) {
            // A clock of the program's own has failed: the next step finds out.
            raised.discard();
            system.wake();
        }
    }

    /// Sets the alarm to a deadline, or to none.
    fn arm(&self, when: Option<f64>) -> Result<()> {
        let is_set = !self.guest.rang.get() && when == self.guest.armed.get();
        if is_set && self.is_own(Overridable::Time) {
            return Ok(());
        }
        let wait = match when {
            Some(when) => Some(ferrio_sched::deadline::wait_until(when, self.time()?)),
            None => None,
        };
        if let Some(alarm) = &*self.guest.alarm.borrow() {
            alarm.set(wait)?;
            self.statistics.begin();
        }
        self.guest.armed.set(when);
        self.guest.rang.set(false);
        Ok(())
    }

    fn run_ready_within(&self, callbacks: usize, end: f64) -> Result<()> {
        let count = self.ready.borrow().begin().min(callbacks);
        let replaced_run = hooks::replaced_run()?;
        if count > 0 {
            self.wake();
        }
        for left in (0..count).rev() {
            let entry = self.ready.borrow_mut().take();
            let Some(entry) = entry else { break };
            if entry.is_cancelled() || self.is_postponed(&entry) {
                continue;
            }
            self.run_entry(&entry, left, replaced_run.as_ref())?;
            if self.guest.is_idle() {
                // A step inside of this one ended so; the host knows of this one.
                self.set_idle(false);
            }
            if left > 0 && self.end_of_iteration.is_overdue() {
                self.end_of_iteration.run(self)?;
            }
            if clock::now() > end {
                break;
            }
        }
        Ok(())
    }

    /// Whether the entry waits until its context has been left further out in the stack. It joins those that do.
    fn is_postponed(&self, entry: &Runnable) -> bool {
        if self.guest.depth.get() < 2 {
            return false;
        }
        let can_run = match entry {
            Runnable::Handle(handle) => handle.can_enter_context(),
            Runnable::Native(object, _) => {
                let own = CONTEXT_OF.get().and_then(|context_of| context_of(object));
                own.is_none_or(|own| context::can_be_entered(&own))
            }
        };
        if can_run {
            return false;
        }
        // A reader's callback is found again while its descriptor is readable, and must not run when it no longer is.
        let is_watching = self.registrations.borrow().iter().any(|other| other.object().is(entry.object()));
        if !is_watching {
            self.guest.postponed.borrow_mut().push(entry.clone().shown());
        }
        true
    }
}

static STEP: Signature = Signature {
    name: "_step",
    parameters: &["callbacks", "seconds"],
    positional: 2,
    required: 2,
    variadic: false,
};

/// The methods that `ferrio.guest` uses.
pub(super) fn methods() -> Vec<Method> {
    vec![
        method0::<Loop, _>(
            c"_begin_guest",
            |this| this.begin_guest().map(|()| Object::none()),
            c"_begin_guest($self, /)\n--\n\nRun by steps from now on, in this thread.",
        ),
        method0::<Loop, _>(
            c"_end_guest",
            |this| this.end_guest().map(|()| Object::none()),
            c"_end_guest($self, /)\n--\n\nRun by steps no more. RuntimeError inside of a step.",
        ),
        method0::<Loop, _>(
            c"_guest_descriptor",
            |this| Object::int(i64::from(this.guest_descriptor()?)),
            c"_guest_descriptor($self, /)\n--\n\nReturn the descriptor that another main loop watches.",
        ),
        method0::<Loop, _>(
            c"_guest_timeout",
            |this| this.guest_timeout()?.map_or_else(|| Ok(Object::none()), Object::float),
            c"_guest_timeout($self, /)\n--\n\nReturn the seconds until a step is due without an event; None for never.",
        ),
        method0::<Loop, _>(
            c"_has_work",
            |this| Ok(Object::bool(this.has_work())),
            c"_has_work($self, /)\n--\n\nReturn True if something is ready, or stop() was called.",
        ),
        method::<Loop, _>(
            c"_step",
            |this, args| {
                let ([callbacks, seconds], [], _) = args.bind::<2, 0>(&STEP)?;
                this.step(callbacks.to_i64()?.max(1) as usize, seconds.to_f64()?).map(Object::bool)
            },
            c"_step($self, callbacks, seconds, /)\n--\n\nRun one iteration that never waits, within limits. Return True if the loop was stopped.",
        ),
    ]
}
