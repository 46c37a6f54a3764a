//! Adding work to the loop: `call_soon`, `call_soon_threadsafe`, `call_later`, `call_at`.

use super::runnable::Runnable;
use super::{Loop, Overridable, Remote, WakeUp};
use crate::compat;
use crate::ffi::error::{Builtin, raise_text, runtime_error, type_error};
use crate::ffi::text::concat;
use crate::ffi::{Import, Object, Own, Result, thread_ident};
use crate::handles::{Handle, Queued, TimerHandle};
use crate::stdlib;
use ferrio_reactor::clock;

static ISCOROUTINEFUNCTION: &Import = if compat::ISCOROUTINEFUNCTION_IS_DEPRECATED {
    &stdlib::ISCOROUTINEFUNCTION_OF_INSPECT
} else {
    &stdlib::ISCOROUTINEFUNCTION_OF_ASYNCIO
};

impl Own<Loop> {
    /// Appends to the ready queue. `RuntimeError` for a closed loop.
    #[inline]
    pub fn push(&self, entry: Runnable) -> Result<()> {
        if self.watchful.get() {
            self.check_closed()?;
            self.check_thread()?;
            self.announce_work();
        }
        self.append(entry);
        Ok(())
    }

    /// Appends to the ready queue, after the earlier entries from other threads.
    #[inline]
    fn append(&self, entry: Runnable) {
        if !self.remote_queue.is_empty() {
            self.drain_remote();
        }
        self.ready.borrow_mut().push(entry);
    }

    /// `call_soon(callback, *arguments, context=context)`, without the checks of debug mode.
    #[inline]
    pub fn call_soon_in(&self, callback: &Object, arguments: &[Object], context: &Object) -> Result<Own<Handle>> {
        let (handle, queued) = self.queued(callback, arguments, Some(context))?;
        self.push(Runnable::Handle(queued))?;
        Ok(handle)
    }

    /// `call_soon`.
    #[inline]
    pub fn call_soon(
        &self,
        callback: &Object,
        arguments: &[Object],
        context: Option<&Object>,
    ) -> Result<Own<Handle>> {
        let watchful = self.watchful.get();
        if watchful {
            self.check_call(callback, "call_soon")?;
        }
        let (handle, queued) = self.queued(callback, arguments, context)?;
        if watchful {
            self.announce_work();
        }
        self.append(Runnable::Handle(queued));
        Ok(handle)
    }

    /// Makes a handle, and its place in the ready queue.
    #[inline]
    fn queued(
        &self,
        callback: &Object,
        arguments: &[Object],
        context: Option<&Object>,
    ) -> Result<(Own<Handle>, Queued)> {
        let body = Handle::body(self.as_object(), callback, arguments, context, self.debug.get())?;
        if self.is_running() {
            return Queued::hidden(body);
        }
        let handle = Own::new(body)?;
        Ok((handle.clone(), Queued::seen(handle)))
    }

    /// `call_soon_threadsafe`: `call_soon` for any thread.
    pub fn call_soon_threadsafe(
        &self,
        callback: &Object,
        arguments: &[Object],
        context: Option<&Object>,
    ) -> Result<Own<Handle>> {
        self.check_closed()?;
        if self.debug.get() {
            check_callback(callback, "call_soon_threadsafe")?;
        }
        let (handle, queued) = self.queued(callback, arguments, context)?;
        handle.share_with_threads();
        if self.thread.get() == thread_ident() {
            // It keeps its place among the calls of call_soon. The loop need not be woken: between its last look at the
            // queue and the wait, this thread runs no Python code, not even a signal handler.
            self.announce_work();
            self.append(Runnable::Handle(queued));
        } else if !self.is_running() {
            // There is nobody to wake, and the garbage collector sees the ready queue.
            self.append(Runnable::Handle(queued));
        } else {
            drop(self.push_remote(Runnable::Handle(queued)));
        }
        Ok(handle)
    }

    /// Takes an entry from another thread. Returns what to wake for it.
    pub fn push_remote(&self, entry: Runnable) -> WakeUp {
        if self.closed.get() || !self.remote_queue.push(Remote::new(entry)) {
            return WakeUp(None);
        }
        WakeUp(self.system.borrow().clone())
    }

    /// `call_at`; `method` is the name for messages.
    #[inline]
    pub fn call_at(
        &self,
        when: f64,
        callback: &Object,
        arguments: &[Object],
        context: Option<&Object>,
        method: &str,
    ) -> Result<Own<TimerHandle>> {
        let watchful = self.watchful.get();
        if watchful {
            self.check_call(callback, method)?;
        }
        let handle = Handle::body(self.as_object(), callback, arguments, context, self.debug.get())?;
        let timer = Own::new(TimerHandle::body(when, handle))?;
        timer.set_scheduled(true);
        self.timers.borrow_mut().push(when, timer.clone());
        if watchful {
            self.announce_timer(when)?;
        }
        Ok(timer)
    }

    /// What `call_soon` and its kin check first. `RuntimeError` for a closed loop; the rest in debug mode.
    #[cold]
    fn check_call(&self, callback: &Object, method: &str) -> Result<()> {
        self.check_closed()?;
        if self.debug.get() {
            self.check_thread()?;
            check_callback(callback, method)?;
        }
        Ok(())
    }

    /// The time on the loop's clock, in seconds.
    #[inline]
    pub fn time(&self) -> Result<f64> {
        if self.is_own(Overridable::Time) {
            return Ok(clock::now());
        }
        self.as_object().method0(&stdlib::TIME)?.to_f64()
    }

    /// The time after `delay`, in seconds on the loop's clock.
    #[inline]
    pub fn deadline_after(&self, delay: &Object) -> Result<f64> {
        if delay.is_exact_float() || delay.is_exact_int() {
            return Ok(self.time()? + delay.to_f64()?);
        }
        self.time_after(delay)?.to_f64()
    }

    /// The same as Python computes it: whatever can be added to a float is a delay.
    pub(super) fn time_after(&self, delay: &Object) -> Result {
        Object::float(self.time()?)?.plus(delay)
    }

    /// Works out which methods are overridden: by the class, by an attribute of the loop, or by a simulation.
    pub(super) fn look_for_overrides(&self) -> Result<()> {
        let base = Own::<Loop>::class_object()?;
        let by_class = Overridable::SKIPPED.overridden(self.as_object(), &base)?;
        let is_virtual = |name| self.has_virtual_time() && std::ptr::eq(name, &raw const stdlib::TIME);
        let by_attribute = Overridable::SKIPPED.of(|name| Ok(is_virtual(name) || self.dict.contains(name)?))?;
        self.overridden.set(by_class.or(by_attribute));
        Ok(())
    }

    /// One of the timers was cancelled.
    pub fn timer_cancelled(&self) {
        self.timers.borrow_mut().note_cancelled();
        let is_cancelled = |timer: &Own<TimerHandle>| timer.handle().is_cancelled();
        let take_last = || self.timers.borrow_mut().take_cancelled_last(is_cancelled);
        while let Some(timer) = take_last() {
            timer.set_scheduled(false);
        }
        let mut timers = self.timers.borrow_mut();
        if timers.wants_compaction() {
            let gone = timers.take_cancelled(is_cancelled);
            drop(timers);
            gone.iter().for_each(|timer| timer.set_scheduled(false));
        }
    }

    /// In debug mode: `RuntimeError` if the calling thread is not the loop's.
    pub fn check_thread(&self) -> Result<()> {
        let thread = self.thread.get();
        if self.debug.get() && thread != 0 && thread != thread_ident() {
            return Err(runtime_error(
                "Non-thread-safe operation invoked on an event loop other than the current one",
            ));
        }
        Ok(())
    }
}

/// A scheduled timer calls this when it is cancelled.
pub(super) fn timer_cancelled(timer: &Own<TimerHandle>, loop_: &Object) -> Result<()> {
    match Own::<Loop>::downcast(loop_) {
        Some(own) => {
            own.timer_cancelled();
            Ok(())
        }
        // A second `__init__` has given the timer another loop.
        None if loop_.is_none() => Ok(()),
        None => loop_.method1(&stdlib::TIMER_HANDLE_CANCELLED, timer.as_object()).map(drop),
    }
}

/// In debug mode: `TypeError` for an object that cannot be a callback.
fn check_callback(callback: &Object, method: &str) -> Result<()> {
    if stdlib::ISCOROUTINE.get()?.call(&[callback])?.is_true()?
        || ISCOROUTINEFUNCTION.get()?.call(&[callback])?.is_true()?
    {
        return Err(type_error(&format!("coroutines cannot be used with {method}()")));
    }
    if !callback.is_callable() {
        let function = format!("a callable object was expected by {method}(), got ");
        return Err(raise_text(Builtin::Type, concat(&[&function, &callback.repr()?])));
    }
    Ok(())
}
