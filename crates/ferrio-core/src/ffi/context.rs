//! Context variables' contexts.

use super::{Object, Raised, Result};
use pyo3_ffi as py;

/// A copy of the current context.
#[inline]
pub fn copy_current() -> Result {
    // SAFETY: returns a new reference or null with an error.
    unsafe { Object::owned(py::PyContext_CopyCurrent()) }
}

/// Runs `work` with `context` entered; it is left again on every way out.
#[inline]
pub fn run<T>(context: &Object, work: impl FnOnce() -> Result<T>) -> Result<T> {
    // SAFETY: a live object; what is not a context, or is entered already, is refused with an error.
    if unsafe { py::PyContext_Enter(context.as_ptr()) } < 0 {
        return Err(Raised);
    }
    let result = work();
    // Leaving calls watchers, which must not see an exception that is on its way.
    // SAFETY: entered above by this thread. It fails only if the callee left it, which is its error.
    match result {
        Ok(value) => match unsafe { py::PyContext_Exit(context.as_ptr()) } {
            0 => Ok(value),
            _ => Err(Raised),
        },
        Err(raised) => {
            let exception = raised.take();
            // SAFETY: as above.
            if unsafe { py::PyContext_Exit(context.as_ptr()) } < 0 {
                Raised.discard();
            }
            Err(exception.raise())
        }
    }
}
