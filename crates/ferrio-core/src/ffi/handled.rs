//! The exception that is being handled, as in an `except` clause.

use super::sys as py;
use super::{Object, Ptr};

impl Object {
    /// Calls `work` as Python code does in an `except` clause for this exception: `sys.exc_info()` gives it, and it
    /// becomes the context of what `work` raises.
    pub fn handling<T>(&self, work: impl FnOnce() -> T) -> T {
        /// What was handled before, if anything.
        struct Before(Ptr);
        impl Drop for Before {
            fn drop(&mut self) {
                // SAFETY: null, or a reference that is given back here. The call takes its own.
                unsafe {
                    py::PyErr_SetHandledException(self.0);
                    py::Py_XDECREF(self.0);
                }
            }
        }
        debug_assert!(self.is_exception());
        // SAFETY: the first call gives a new reference or null, without an error; the second takes its own reference.
        let before = unsafe {
            let before = Before(py::PyErr_GetHandledException());
            py::PyErr_SetHandledException(self.as_ptr());
            before
        };
        let result = work();
        drop(before);
        result
    }
}
