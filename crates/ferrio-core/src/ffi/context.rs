//! Context variables' contexts.

use super::error::type_error;
use super::sys as py;
use super::{Object, Raised, Result};

/// A copy of the current context.
#[inline]
pub fn copy_current() -> Result {
    // SAFETY: returns a new reference or null with an error.
    unsafe { Object::owned(py::PyContext_CopyCurrent()) }
}

/// `TypeError` for what is not a context.
pub fn check(object: &Object) -> Result<()> {
    // SAFETY: a live object, and a static type.
    if unsafe { py::PyContext_CheckExact(object.as_ptr()) } != 0 {
        return Ok(());
    }
    Err(type_error(&format!("a contextvars.Context was expected, got {}", object.type_name())))
}

/// Runs `work` with `context` entered; it is left again on every way out.
#[inline]
pub fn run<T>(context: &Object, work: impl FnOnce() -> Result<T>) -> Result<T> {
    // SAFETY: a live object; what is not a context, or is entered already, is refused with an error.
    unsafe { Raised::check(py::PyContext_Enter(context.as_ptr()))? };
    let entered = Entered(context);
    let result = work();
    // Only an unwinding leaves by way of the guard.
    std::mem::forget(entered);
    // Leaving calls watchers, which must not see an exception that is on its way.
    match result {
        Ok(value) => leave(context).map(|()| value),
        Err(raised) => {
            let exception = raised.take();
            if let Err(raised) = leave(context) {
                raised.discard();
            }
            Err(exception.raise())
        }
    }
}

/// Whether a context can be entered: no thread has entered it.
pub fn can_be_entered(context: &Object) -> bool {
    match run(context, || Ok(())) {
        Ok(()) => true,
        Err(raised) => {
            raised.discard();
            false
        }
    }
}

/// A context that this thread has entered.
struct Entered<'context>(&'context Object);

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        if let Err(raised) = leave(self.0) {
            raised.discard();
        }
    }
}

/// Leaves a context that this thread has entered. It fails only if the callee has left it, whose error
/// that is.
#[inline]
fn leave(context: &Object) -> Result<()> {
    // SAFETY: a live object; anything but the current context is refused with an error.
    unsafe { Raised::check(py::PyContext_Exit(context.as_ptr())) }
}
