//! Context variables' contexts.

use super::error::type_error;
use super::{Object, Raised, Result};
use pyo3_ffi as py;

/// A copy of the current context.
#[inline]
pub fn copy_current() -> Result {
    // SAFETY: returns a new reference or null with an error.
    unsafe { Object::owned(py::PyContext_CopyCurrent()) }
}

/// `TypeError` for what is not a context. Up to 3.14 whoever enters it finds out.
pub fn check(object: &Object) -> Result<()> {
    // SAFETY: a live object, and a static type.
    if cfg!(not(Py_3_15)) || unsafe { py::PyContext_CheckExact(object.as_ptr()) } != 0 {
        return Ok(());
    }
    Err(type_error(&format!("a contextvars.Context was expected, got {}", object.type_name())))
}

/// Runs `work` with `context` entered; it is left again on every way out.
#[inline]
pub fn run<T>(context: &Object, work: impl FnOnce() -> Result<T>) -> Result<T> {
    // SAFETY: a live object; what is not a context, or is entered already, is refused with an error.
    if unsafe { py::PyContext_Enter(context.as_ptr()) } < 0 {
        return Err(Raised);
    }
    // Leaving calls watchers, which must not see an exception that is on its way.
    match work() {
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

/// Leaves a context that this thread has entered. It fails only if the callee has left it, whose error
/// that is.
#[inline]
fn leave(context: &Object) -> Result<()> {
    // SAFETY: a live object; anything but the current context is refused with an error.
    if unsafe { py::PyContext_Exit(context.as_ptr()) } < 0 { Err(Raised) } else { Ok(()) }
}
