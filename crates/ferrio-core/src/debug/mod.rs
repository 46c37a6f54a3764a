//! What Ferrio tells its user when something is wrong: reports to the exception handler, warnings,
//! the places where objects were made.

use crate::ffi::{Object, Raised, Result};
use crate::stdlib;
use pyo3_ffi as py;
use std::ffi::CStr;

/// The context of a call of the loop's exception handler.
pub struct Report(Object);

impl Report {
    /// A report with a message.
    pub fn new(message: &str) -> Result<Report> {
        // SAFETY: a new reference or null with an error.
        let report = Report(unsafe { Object::owned(py::PyDict_New())? });
        report.set(c"message", &Object::str(message)?)?;
        Ok(report)
    }

    /// Adds an entry.
    pub fn set(&self, key: &CStr, value: &Object) -> Result<()> {
        // SAFETY: live objects.
        let status = unsafe { py::PyDict_SetItemString(self.0.as_ptr(), key.as_ptr(), value.as_ptr()) };
        if status < 0 { Err(Raised) } else { Ok(()) }
    }

    /// Hands it to the loop's exception handler.
    pub fn send(&self, loop_: &Object) -> Result<()> {
        loop_.method1(&stdlib::CALL_EXCEPTION_HANDLER, &self.0).map(drop)
    }
}

/// The place of a traceback summary's last entry, as `file:line`.
pub fn last_frame(traceback: &Object) -> Result<Option<String>> {
    // SAFETY: live objects; each answer is checked.
    unsafe {
        let length = py::PySequence_Size(traceback.as_ptr());
        if length < 0 {
            return Err(Raised);
        }
        if length == 0 {
            return Ok(None);
        }
        let entry = Object::owned(py::PySequence_GetItem(traceback.as_ptr(), length - 1))?;
        let file = Object::owned(py::PySequence_GetItem(entry.as_ptr(), 0))?;
        let line = Object::owned(py::PySequence_GetItem(entry.as_ptr(), 1))?;
        Ok(Some(format!("{}:{}", file.to_text()?, line.repr_text()?)))
    }
}

/// `warnings.warn(message, ResourceWarning, source=source)`, from a finaliser: what it raises is
/// written to `sys.unraisablehook`.
pub fn warn_resource(message: &str, source: &Object) {
    let warn = || {
        let message = Object::str(message)?;
        let category = stdlib::RESOURCE_WARNING.get()?;
        stdlib::WARN.get()?.call_keywords(&[&message, category], &[(&stdlib::SOURCE, source)])
    };
    if let Err(raised) = warn() {
        raised.write_unraisable(source);
    }
}
