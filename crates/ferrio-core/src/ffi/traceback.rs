//! Tracebacks of exceptions that were raised in Rust.

use super::{Object, sys as py};

/// Gives an exception without a traceback one that shows the running Python code.
///
/// An exception from a function in C or Rust gets its traceback from the Python code that it passes through. An
/// exception that is caught in Rust passes through none, and a log would not show its place.
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
        // If it fails, another error is set, which is ignored.
        py::PyTraceBack_Here(frame);
        raised.discard();
    }
}
