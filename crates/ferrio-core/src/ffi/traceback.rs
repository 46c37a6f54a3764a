//! Tracebacks of exceptions that came up in Rust.

use super::{Object, Raised};
use pyo3_ffi as py;

/// Gives an exception that has no traceback one that shows the Python code which runs now.
///
/// What is raised by a function in C or Rust gets its traceback from the Python code that it goes through. One that
/// is caught in Rust goes through none, and a log of it would not say where it came up.
pub fn show_caller(exception: &Object) {
    // SAFETY: an exception; a new reference or null. The frame is borrowed from the thread, or null. The error
    // indicator is set for the call that adds the frame to its traceback, and taken again.
    unsafe {
        if Object::owned(py::PyException_GetTraceback(exception.as_ptr())).is_ok() {
            return;
        }
        let frame = py::PyEval_GetFrame();
        if frame.is_null() {
            return;
        }
        let raised = exception.clone().raise();
        // If it fails, another error is set in place of this one, of no interest.
        py::PyTraceBack_Here(frame);
        drop::<Object>(Raised::take(raised));
    }
}
