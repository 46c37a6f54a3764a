//! Tracebacks of exceptions that came up in Rust.

use super::{Object, sys as py};

/// Gives an exception that has no traceback one that shows the Python code which runs now.
///
/// What is raised by a function in C or Rust gets its traceback from the Python code that it goes through. One that
/// is caught in Rust goes through none, and a log of it would not say where it came up.
pub fn show_caller(exception: &Object) {
    if !exception.traceback().is_none() {
        return;
    }
    // SAFETY: the frame is borrowed from the thread, or null. The error indicator is set for the call that adds the
    // frame to the exception's traceback, and taken again.
    unsafe {
        let frame = py::PyEval_GetFrame();
        if frame.is_null() {
            return;
        }
        let raised = exception.clone().raise();
        // If it fails, another error is set in place of this one, of no interest.
        py::PyTraceBack_Here(frame);
        raised.discard();
    }
}
