//! The interpreter's limit on recursion, for what calls itself without Python code between.

use super::{Raised, Result};
use pyo3_ffi as py;
use std::ffi::CStr;

/// Calls `work` one level deeper. `RecursionError` if that is too deep; `place` is the end of its message.
pub fn guarded<T>(place: &'static CStr, work: impl FnOnce() -> Result<T>) -> Result<T> {
    // SAFETY: the GIL is held; each level that is entered is left.
    unsafe {
        if py::Py_EnterRecursiveCall(place.as_ptr()) != 0 {
            return Err(Raised);
        }
        let result = work();
        py::Py_LeaveRecursiveCall();
        result
    }
}
