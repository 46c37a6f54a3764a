//! Future: a result that is set later.
//!
//! A future is pending, and then finished or cancelled for good. The loop calls its callbacks; the code that completes
//! it never does. If an object of Ferrio's own waits, for example a task, it is put into the loop's ready queue without
//! a handle ([`done_observer`]).
//!
//! The body of a Task begins with that of a Future, and its class derives from this one.

pub mod awaiters;
pub mod callbacks;
pub mod common;
pub mod create;
pub mod done_observer;
pub mod iterator;
mod methods;
pub mod waiter;
pub use methods::{repr_with, stdlib_class};

pub use callbacks::Callback;
pub use common::Common;
pub use create::loop_methods;
pub use done_observer::DoneObserver;
pub use iterator::FutureIterator;

use crate::debug::Report;
use crate::ffi::class::{Dict, KnownSlot, Method, WeakList, make_type};
use crate::ffi::error::{Builtin, raise_imported, runtime_error, type_error};
use crate::ffi::module::Module;
use crate::ffi::{Object, Own, Result, Slot};
use crate::loop_::Loop;
use crate::stdlib;
use callbacks::Callbacks;

/// What has become of a future.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u16)]
pub enum FutureState {
    #[default]
    Pending,
    Cancelled,
    Finished,
}

impl FutureState {
    fn text(self) -> &'static str {
        match self {
            FutureState::Pending => "PENDING",
            FutureState::Cancelled => "CANCELLED",
            FutureState::Finished => "FINISHED",
        }
    }
}

/// The body of a Future.
///
/// `common` is where asyncio's futures have it, which `tasks/layout.rs` checks. The order of the other fields is what
/// brings it there.
#[derive(Default)]
#[repr(C)]
pub struct Future {
    /// The loop. It is "known" if it is Ferrio's and does not override `call_soon`; then it is used directly.
    pub(crate) loop_: KnownSlot<Loop>,
    callbacks: Callbacks,
    result: Slot,
    exception: Slot,
    /// When it has failed: the exception's traceback at that moment. The first time that it is raised, it starts from
    /// there. When it is a task that was cancelled: the very exception that it ended with; handed out once.
    traceback_or_cancelled_error: Slot,
    cancel_message: Slot,
    source_traceback: Slot,
    pub(crate) common: Common,
    pub(crate) dict: Dict,
    pub(crate) weak: WeakList,
}

impl Future {
    /// The body of a pending future on Ferrio's own loop.
    #[inline]
    pub fn pending(loop_: &Own<Loop>) -> Future {
        Future { loop_: KnownSlot::new(loop_, loop_.has_own_call_soon()), ..Future::default() }
    }

    /// Records where the future was created, in debug mode.
    pub fn trace_source(&self) -> Result<()> {
        self.source_traceback.put(stdlib::EXTRACT_STACK.get()?.call0()?);
        Ok(())
    }

    /// The body as that of a task.
    #[inline]
    pub fn of_task(self) -> Future {
        Future { common: Common::of_task(), ..self }
    }

    /// Takes the loop, the current one if none is given.
    pub fn attach(&self, loop_: Option<&Object>) -> Result<()> {
        let loop_ = match loop_ {
            Some(loop_) if !loop_.is_none() => loop_.clone(),
            _ => stdlib::GET_EVENT_LOOP.get()?.call0()?,
        };
        let debug = match Own::<Loop>::downcast(&loop_) {
            Some(own) => own.is_debug(),
            None => loop_.method0(&stdlib::GET_DEBUG)?.is_true()?,
        };
        self.loop_.put(loop_, |own| own.has_own_call_soon());
        if debug { self.trace_source() } else { Ok(()) }
    }

    /// The loop, if it is Ferrio's own and can be used directly.
    #[inline]
    pub fn native_loop(&self) -> Option<Own<Loop>> {
        // An attribute of the loop may have replaced the method since.
        self.loop_.instance().filter(|loop_| loop_.has_own_call_soon())
    }

    /// Its state.
    #[inline]
    pub fn state(&self) -> FutureState {
        self.common.state.get()
    }

    /// Whether it is finished or cancelled.
    #[inline]
    pub fn is_done(&self) -> bool {
        self.common.state.get() != FutureState::Pending
    }

    /// Makes it pending again, without a loop, for a second `__init__`.
    pub fn reset(&self) {
        self.common.state.set(FutureState::Pending);
        self.common.log_traceback.set(false);
        self.common.blocking.set(false);
        crate::ffi::Class::clear(self);
    }

    /// Checks that `__init__` has run.
    pub fn check_initialised(&self) -> Result<()> {
        if self.loop_.is_empty() {
            return Err(runtime_error("Future object is not initialized."));
        }
        Ok(())
    }

    /// Checks that `__init__` has not run yet, if it may run only once.
    pub fn check_uninitialised(&self, class: &str) -> Result<()> {
        if crate::compat::FUTURES_INITIALIZE_ONCE && !self.loop_.is_empty() {
            return Err(runtime_error(&format!("{class} object is already initialized")));
        }
        Ok(())
    }

    /// The `CancelledError` to raise.
    pub fn make_cancelled_error(&self) -> Result {
        if self.common.state.get() != FutureState::Finished
            && let Some(error) = self.traceback_or_cancelled_error.take()
        {
            return Ok(error);
        }
        let class = stdlib::CANCELLED_ERROR.get()?;
        match self.cancel_message.get() {
            Some(message) if !message.is_none() => class.call(&[&message]),
            _ => class.call0(),
        }
    }

    /// The result. Raises the exception if there is one.
    #[inline]
    pub fn result(&self) -> Result {
        match self.common.state.get() {
            FutureState::Finished if self.exception.is_empty() => Ok(self.result.get_or_none()),
            _ => self.no_result(),
        }
    }

    #[cold]
    fn no_result(&self) -> Result {
        match self.common.state.get() {
            FutureState::Cancelled => Err(self.make_cancelled_error()?.raise_here()),
            FutureState::Pending => Err(raise_imported(&stdlib::INVALID_STATE_ERROR, "Result is not set.")),
            FutureState::Finished => {
                self.common.log_traceback.set(false);
                Err(self.take_exception().raise_here())
            }
        }
    }

    /// The exception to raise. The first time it has the traceback that it was set with; after that none, as in
    /// asyncio.
    fn take_exception(&self) -> Object {
        let exception = self.exception.get_or_none();
        let traceback = self.traceback_or_cancelled_error.take().unwrap_or_else(Object::none);
        if let Err(raised) = exception.set_traceback(&traceback) {
            raised.discard();
        }
        exception
    }

    /// The exception of a finished future, for a task that waits for it. None if it has a result.
    pub fn failure(&self) -> Result<Option<Object>> {
        match self.common.state.get() {
            FutureState::Finished if self.exception.is_empty() => Ok(None),
            FutureState::Cancelled => self.make_cancelled_error().map(Some),
            FutureState::Pending => Err(raise_imported(&stdlib::INVALID_STATE_ERROR, "Result is not set.")),
            FutureState::Finished => {
                self.common.log_traceback.set(false);
                Ok(Some(self.take_exception()))
            }
        }
    }

    /// `exception()`: the exception that was set, or None. Raises the `CancelledError` of a cancelled future.
    pub fn exception(&self) -> Result {
        match self.common.state.get() {
            FutureState::Cancelled => Err(self.make_cancelled_error()?.raise_here()),
            FutureState::Pending => Err(raise_imported(&stdlib::INVALID_STATE_ERROR, "Exception is not set.")),
            FutureState::Finished => {
                self.common.log_traceback.set(false);
                Ok(self.exception.get_or_none())
            }
        }
    }

    /// Stores the exception that a task was cancelled with.
    pub fn keep_cancelled_error(&self, error: Object) {
        self.traceback_or_cancelled_error.put(error);
    }

    /// Stores the message of a cancellation.
    pub fn keep_cancel_message(&self, message: Option<&Object>) {
        self.cancel_message.set(message.filter(|message| !message.is_none()).cloned());
    }

    /// The message of a cancellation.
    pub fn cancel_message(&self) -> Option<Object> {
        self.cancel_message.get()
    }
}

/// The object as a future, if its class is one of Ferrio's own and not derived from them.
#[inline]
pub fn own_future(object: &Object) -> Option<&Own<Future>> {
    Own::<Future>::downcast_own(object)
}

impl Own<Future> {
    fn check_pending(&self) -> Result<()> {
        self.check_initialised()?;
        if self.is_done() {
            return Err(raise_imported(&stdlib::INVALID_STATE_ERROR, "invalid state"));
        }
        Ok(())
    }

    /// Finishes it with a result.
    #[inline]
    pub fn set_result(&self, result: Object) -> Result<()> {
        self.check_pending()?;
        self.result.put(result);
        self.common.state.set(FutureState::Finished);
        self.schedule_callbacks()
    }

    /// Finishes it with an exception; a class is instantiated.
    pub fn set_exception(&self, exception: &Object) -> Result<()> {
        self.check_pending()?;
        let exception = make_exception(exception, &self.loop_.get_or_none())?;
        let traceback = Some(exception.traceback()).filter(|traceback| !traceback.is_none());
        self.traceback_or_cancelled_error.set(traceback);
        self.exception.put(exception);
        self.common.state.set(FutureState::Finished);
        self.schedule_callbacks()?;
        self.common.log_traceback.set(true);
        Ok(())
    }

    /// Cancels it; false if it is done already.
    pub fn cancel(&self, message: Option<&Object>) -> Result<bool> {
        self.common.log_traceback.set(false);
        if self.is_done() {
            return Ok(false);
        }
        self.common.state.set(FutureState::Cancelled);
        self.keep_cancel_message(message);
        self.schedule_callbacks()?;
        Ok(true)
    }

    /// Passes the callbacks to the loop.
    #[inline]
    fn schedule_callbacks(&self) -> Result<()> {
        self.common.clear();
        while let Some(callback) = self.callbacks.take_first() {
            callback.schedule(self)?;
        }
        Ok(())
    }

    /// Adds a callback; it is scheduled at once if the future is done.
    pub fn add_callback(&self, callback: Callback) -> Result<()> {
        if self.is_done() {
            return callback.schedule(self);
        }
        self.callbacks.push(callback);
        Ok(())
    }

    /// Takes an observer's callback out.
    pub fn remove_observer(&self, observer: &DoneObserver, owner: &Object) {
        if !self.callbacks.is_empty() {
            self.callbacks.remove(
                |callback| matches!(callback, Callback::Observer(one, of) if one.is(observer) && of.is(owner)),
            );
        }
    }

    /// `__del__`: reports an exception that was never retrieved.
    pub fn report_unretrieved(&self) {
        if !self.common.log_traceback.replace(false) {
            return;
        }
        let report = || {
            let name = self.as_object().type_name();
            let report = Report::new(&[&name, &" exception was never retrieved"])?;
            report.set(c"exception", &self.exception.get_or_none())?;
            report.set(c"future", self.as_object())?;
            if let Some(traceback) = self.source_traceback.get() {
                report.set(c"source_traceback", &traceback)?;
            }
            report.send(&self.loop_.get_or_none())
        };
        if let Err(raised) = report() {
            raised.write_unraisable(self.as_object());
        }
    }

    /// The source traceback, for reports.
    pub fn source_traceback(&self) -> Option<Object> {
        self.source_traceback.get()
    }
}

/// Whether an exception is a `CancelledError`.
pub fn is_cancellation(exception: &Object) -> Result<bool> {
    exception.isinstance(stdlib::CANCELLED_ERROR.get()?)
}

/// Makes an exception instance of the argument of `set_exception`.
fn make_exception(given: &Object, loop_: &Object) -> Result {
    let exception = if given.is_exception_class() { given.call0()? } else { given.clone() };
    if !exception.is_exception() {
        return Err(type_error("invalid exception object"));
    }
    if !exception.matches(Builtin::StopIteration) {
        return Ok(exception);
    }
    // A StopIteration cannot pass through a generator. Its replacement has changed within 3.12, so asyncio's own future
    // decides.
    let asked = stdlib::ASYNCIO_FUTURE.get()?.call_keywords(&[], &[(&stdlib::LOOP, loop_)])?;
    asked.method1(&stdlib::SET_EXCEPTION, &exception)?;
    asked.method0(&stdlib::EXCEPTION)
}

/// The functions of the module.
pub fn functions() -> Vec<Method> {
    awaiters::functions()
}

/// Adds the classes.
pub fn register(module: &Module) -> Result<()> {
    // A future is also reported at the end of the interpreter, when nothing can be imported any more.
    stdlib::FUTURE_REPR_INFO.get()?;
    module.add(c"Future", &make_type::<Future>()?)?;
    make_type::<FutureIterator>().map(drop)
}
