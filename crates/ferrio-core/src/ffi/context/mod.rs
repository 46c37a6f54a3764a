//! Contexts (`contextvars.Context`).

mod variables;

pub use variables::{SpareContext, current_variables, find_layout, with_variables};

use super::error::type_error;
use super::sys as py;
use super::{Object, Raised, Result};

/// A copy of the current context.
#[inline]
pub fn copy_current() -> Result {
    // SAFETY: returns a new reference or null with an error.
    unsafe { Object::owned(py::PyContext_CopyCurrent()) }
}

/// A copy of a context.
#[inline]
pub fn copy(context: &Object) -> Result {
    // SAFETY: a live object; what is not a context is refused with an error.
    unsafe { Object::owned(py::PyContext_Copy(context.as_ptr())) }
}

/// `TypeError` for what is not a context.
pub fn check(object: &Object) -> Result<()> {
    // SAFETY: a live object, and a static type.
    if unsafe { py::PyContext_CheckExact(object.as_ptr()) } != 0 {
        return Ok(());
    }
    Err(type_error(&format!("a contextvars.Context was expected, got {}", object.type_name())))
}

/// Runs `work` in a context. Leaves the context on every way out.
#[inline]
pub fn run<T>(context: &Object, work: impl FnOnce() -> Result<T>) -> Result<T> {
    // SAFETY: a live object; the interpreter refuses other objects and a context that is entered already.
    unsafe { Raised::check(py::PyContext_Enter(context.as_ptr()))? };
    let entered = Entered(context);
    let result = work();
    // Only a panic uses the guard.
    std::mem::forget(entered);
    // Leaving calls watchers, during which no error may be set.
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

/// Leaves a context that this thread has entered. It fails only if the callee has left the context.
#[inline]
fn leave(context: &Object) -> Result<()> {
    // SAFETY: a live object; the interpreter refuses any other than the current context.
    unsafe { Raised::check(py::PyContext_Exit(context.as_ptr())) }
}
