//! Task: a coroutine that the loop runs.
//!
//! A task on Ferrio's loop has no handle: the ready queue has the task itself, and running it is one call of
//! [`step::run`]. On a foreign loop, a task uses the loop's public `call_soon`.
//!
//! The states of a task that is not done, and its transitions:
//!
//! ```text
//!          create                 the loop runs it
//!   (new) --------> scheduled ------------------------> running
//!                       ^                                 |  |
//!                       |  sleep(0): yields None          |  | returns, raises
//!                       +---------------------------------+  +-----------------> done
//!                       |                                 |
//!                       |  the awaited future is done     | yields a future
//!                       +------------ waiting <-----------+
//! ```
//!
//! `waiter` is set while the task is waiting, and until the next step has begun. If a cancellation finds no waiter that
//! it can cancel, it sets `must_cancel`, and the next step throws.

mod completions;
mod create;
pub use create::{create_task_on, loop_for};
mod current;
mod exports;
pub use exports::{functions, loop_methods, register};
mod gather;
pub use gather::Gathering;
mod layout;
mod methods;
mod registry;
mod shield;
mod sleep;
mod step;
mod waiting;
pub use waiting::has_failed;

use crate::compat;
use crate::coroutines::Coroutine;
use crate::debug::Report;
use crate::ffi::class::{Bound, extends};
use crate::ffi::error::{Builtin, raise_text};
use crate::ffi::listing::Links;
use crate::ffi::text::concat;
use crate::ffi::{Object, Own, Result, Slot, context, recursion};
use crate::futures::{DoneObserver, Future};
use crate::loop_::Loop;
use crate::loop_::runnable::Runnable;
use crate::stdlib;
use std::cell::Cell;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicI64, Ordering};

/// The body of a Task. It begins with a Future's, so that it is one. The fields up to `links` are where asyncio's tasks
/// have them ([`layout`]).
#[repr(C)]
pub struct Task {
    pub(crate) future: Future,
    /// The coroutine, if it is one of the interpreter's.
    native_coroutine: Slot,
    /// A str; an int until somebody asks for the name that has it.
    name: Slot,
    context: Slot,
    /// The place in the list of all tasks that are not done, which it leaves when it is dropped.
    links: Links,
    /// The coroutine, if it is of another make.
    foreign_coroutine: Slot,
    /// The future it waits for.
    waiter: Slot,
    /// The exception that the next step throws into the coroutine.
    step_exception: Slot,
    cancels_requested: Cell<i32>,
    must_cancel: Cell<bool>,
    log_destroy_pending: Cell<bool>,
}

impl Drop for Task {
    #[inline]
    fn drop(&mut self) {
        // First: what is in the list is whole.
        self.links.leave();
    }
}

extends!(Task: Future, future);

/// How a task is created, in addition to its coroutine.
#[derive(Default)]
pub struct Options<'call> {
    pub name: Option<&'call Object>,
    pub context: Option<&'call Object>,
    pub eager_start: bool,
}

/// Whether an object is a coroutine by asyncio's definition.
pub fn is_coroutine(object: &Object) -> Result<bool> {
    if object.is_async_def_coroutine() || Coroutine::is_one(object) {
        return Ok(true);
    }
    stdlib::ISCOROUTINE.get()?.call(&[object])?.is_true()
}

impl Task {
    /// The body of a task that has not begun.
    #[inline]
    fn new(future: Future) -> Task {
        Task {
            future: future.of_task(),
            native_coroutine: Slot::default(),
            name: Slot::default(),
            context: Slot::default(),
            links: Links::default(),
            foreign_coroutine: Slot::default(),
            waiter: Slot::default(),
            step_exception: Slot::default(),
            cancels_requested: Cell::new(0),
            must_cancel: Cell::new(false),
            log_destroy_pending: Cell::new(false),
        }
    }

    /// The coroutine.
    #[inline]
    fn coroutine(&self) -> Option<Object> {
        self.native_coroutine.get().or_else(|| self.foreign_coroutine.get())
    }

    fn set_coroutine(&self, coroutine: Option<Object>) {
        let is_native = coroutine.as_ref().is_some_and(|one| one.is_async_def_coroutine() || one.is_generator());
        let (native, foreign) = if is_native { (coroutine, None) } else { (None, coroutine) };
        self.native_coroutine.set(native);
        self.foreign_coroutine.set(foreign);
    }
}

impl Own<Task> {
    /// A task of Ferrio's own class on Ferrio's own loop, scheduled or started.
    pub fn spawn(loop_: &Own<Loop>, coroutine: &Object, options: &Options<'_>) -> Result<Own<Task>> {
        let task = Own::new(Task::new(Future::pending(loop_)))?;
        if loop_.is_debug() {
            task.future.trace_source()?;
        }
        task.begin(coroutine, options)?;
        Ok(task)
    }

    /// The part of the initialization that needs the loop.
    fn begin(&self, coroutine: &Object, options: &Options<'_>) -> Result<()> {
        if !is_coroutine(coroutine)? {
            self.log_destroy_pending.set(false);
            let text = coroutine.repr()?;
            return Err(raise_text(Builtin::Type, concat(&[&"a coroutine was expected, got ", &text])));
        }
        let context = match options.context {
            Some(context) if !context.is_none() => {
                if compat::TASK_CHECKS_CONTEXT {
                    context::check(context)?;
                }
                context.clone()
            }
            _ => context::copy_current()?,
        };
        self.context.put(context);
        self.must_cancel.set(false);
        self.log_destroy_pending.set(true);
        self.cancels_requested.set(0);
        self.set_coroutine(Some(coroutine.clone()));
        match options.name {
            Some(name) if !name.is_none() => self.set_name(name)?,
            _ => self.name.put(Object::int(next_number())?),
        }
        registry::add(self)?;
        if options.eager_start && self.loop_is_running()? {
            return step::start_eagerly(self);
        }
        self.schedule_step()
    }

    /// Ends the task as cancelled without resuming its coroutine, which is the caller's now; see `ferrio.testing`.
    pub fn abandon(&self) -> Result {
        if self.future.is_done() {
            return Ok(Object::none());
        }
        registry::remove(self);
        let coroutine = self.coroutine().unwrap_or_else(Object::none);
        self.set_coroutine(None);
        self.waiter.clear();
        self.as_future().cancel(None)?;
        Ok(coroutine)
    }

    fn loop_is_running(&self) -> Result<bool> {
        Ok(self.future.loop_.is(&crate::loop_::running_or_none()?))
    }

    /// The task as a Future.
    #[inline]
    pub fn as_future(&self) -> &Own<Future> {
        self.upcast()
    }

    /// The context of its steps.
    pub fn context(&self) -> Object {
        self.context.get_or_none()
    }

    /// Schedules the next step.
    #[inline]
    fn schedule_step(&self) -> Result<()> {
        match self.future.native_loop() {
            Some(loop_) => loop_.push(Runnable::method(self.as_object().clone(), step::run)),
            None => {
                let callable = step::step_callable(self)?;
                self.call_soon_on_foreign_loop(&callable, None)
            }
        }
    }

    /// Schedules the next step, which throws `exception` into the coroutine.
    fn schedule_throw(&self, exception: Object) -> Result<()> {
        self.step_exception.put(exception);
        self.schedule_step()
    }

    fn call_soon_on_foreign_loop(&self, callable: &Object, argument: Option<&Object>) -> Result<()> {
        let loop_ = self.future.loop_.get_or_none();
        let arguments: Vec<&Object> = [callable].into_iter().chain(argument).collect();
        loop_.method_keywords(&stdlib::CALL_SOON, &arguments, &[(&stdlib::CONTEXT, &self.context())]).map(drop)
    }

    /// The callback of a foreign future. Two of them for the same task are equal.
    fn wakeup_callable(&self) -> Result {
        static BOUND: OnceLock<Bound> = OnceLock::new();
        let bound = BOUND.get_or_init(|| {
            Bound::new(c"task_wakeup", |task, future| {
                let task = Own::<Task>::expect(task)?;
                step::wake_up(task, future).map(|()| Object::none())
            })
        });
        bound.bind(self.as_object())
    }

    /// `cancel()`; false if it is done already.
    pub fn cancel(&self, message: Option<&Object>) -> Result<bool> {
        if self.future.is_done() {
            return Ok(false);
        }
        self.cancels_requested.set(self.cancels_requested.get().saturating_add(1));
        if let Some(waiter) = self.waiter.get()
            && recursion::guarded(c" while cancelling what a task awaits", || cancel_awaited(&waiter, message))?
        {
            return Ok(true);
        }
        self.must_cancel.set(true);
        self.future.keep_cancel_message(message);
        Ok(true)
    }

    fn uncancel(&self) -> Result {
        let requested = self.cancels_requested.get();
        if requested > 0 {
            self.cancels_requested.set(requested - 1);
            if compat::UNCANCEL_CLEARS_PENDING && requested == 1 {
                self.must_cancel.set(false);
            }
        }
        Object::int(self.cancels_requested.get().into())
    }

    fn name(&self) -> Result {
        let number = match self.name.get() {
            // Of one that has not begun, or was cleared.
            None => 0,
            Some(name) if name.is_exact_int() => name.to_i64()?,
            Some(name) => return Ok(name),
        };
        let name = Object::str(&format!("Task-{number}"))?;
        self.name.put(name.clone());
        Ok(name)
    }

    fn set_name(&self, name: &Object) -> Result<()> {
        let name = if name.is_exact_str() { name.clone() } else { name.to_str()? };
        self.name.put(name);
        Ok(())
    }

    /// The first step of `__del__`: reports a task that is destroyed while it is pending.
    fn report_pending(&self) {
        if self.future.is_done() || !self.log_destroy_pending.get() || self.coroutine().is_none() {
            return;
        }
        let report = || {
            let report = Report::new(&[&"Task was destroyed but it is pending!"])?;
            report.set(c"task", self.as_object())?;
            if let Some(traceback) = self.as_future().source_traceback() {
                report.set(c"source_traceback", &traceback)?;
            }
            report.send(&self.future.loop_.get_or_none())
        };
        if let Err(raised) = report() {
            raised.write_unraisable(self.as_object());
        }
    }
}

/// A task as the observer of a future of Ferrio's own.
static WAITING_TASK: DoneObserver = DoneObserver::new(
    |task, future| step::wake_up(Own::expect(task)?, future),
    |task| Own::<Task>::expect(task)?.wakeup_callable(),
    |task| Ok(vec![task.clone()]),
)
.scheduled_by(schedule_wakeup, |task| {
    Own::<Task>::downcast(task).map_or_else(Object::none, |task| task.context())
});

/// Schedules the next step of a task when the future that it waits for is done.
#[inline]
fn schedule_wakeup(task: Object, future: &Own<Future>) -> Result<()> {
    let own = Own::<Task>::expect(&task)?;
    match own.future.native_loop() {
        Some(loop_) => loop_.push(Runnable::method(task, step::run)),
        None => {
            let callable = own.wakeup_callable()?;
            own.call_soon_on_foreign_loop(&callable, Some(future.as_object()))
        }
    }
}

/// Cancels what a task waits for. Returns whether that could be cancelled.
pub fn cancel_awaited(waiter: &Object, message: Option<&Object>) -> Result<bool> {
    if let Some(task) = Own::<Task>::downcast_exact(waiter) {
        return task.cancel(message);
    }
    if let Some(future) = Own::<Future>::downcast_exact(waiter) {
        return future.cancel(message);
    }
    if let Some(gathering) = Own::<Gathering>::downcast_exact(waiter) {
        return gathering.cancel(message);
    }
    let message = message.cloned().unwrap_or_else(Object::none);
    waiter.method_keywords(&stdlib::CANCEL, &[], &[(&stdlib::MSG, &message)])?.is_true()
}

/// Takes the number for the name of a task.
fn next_number() -> i64 {
    NEXT_NUMBER.fetch_add(1, Ordering::Relaxed)
}

/// The number in the next task's name.
static NEXT_NUMBER: AtomicI64 = AtomicI64::new(1);
