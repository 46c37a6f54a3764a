//! Debug: reports to the exception handler, warnings, and the places where objects were created.

use crate::ffi::text::{Piece, concat};
use crate::ffi::{Object, Result, deque, dict};
use crate::stdlib;
use std::ffi::CStr;

/// The context of a call of the loop's exception handler.
pub struct Report(Object);

impl Report {
    /// A report with a message that consists of pieces.
    pub fn new(message: &[&dyn Piece]) -> Result<Report> {
        let report = Report(dict::new()?);
        report.set(c"message", &concat(message)?)?;
        Ok(report)
    }

    /// Adds an entry.
    pub fn set(&self, key: &CStr, value: &Object) -> Result<()> {
        dict::set(&self.0, &Object::str(&key.to_string_lossy())?, value)
    }

    /// Passes it to the loop's exception handler, while the exception is being handled, as in asyncio.
    pub fn send_handling(&self, loop_: &Object, exception: &Object) -> Result<()> {
        exception.handling(|| self.send(loop_))
    }

    /// Passes it to the loop's exception handler.
    pub fn send(&self, loop_: &Object) -> Result<()> {
        loop_.method1(&stdlib::CALL_EXCEPTION_HANDLER, &self.0).map(drop)
    }
}

/// The representation of an object in a report. If the representation fails, its error takes its place, so that the
/// report is not lost. `KeyboardInterrupt` and `SystemExit` are raised.
pub fn shown(object: &Object) -> Result {
    shown_as(object, object.repr())
}

/// As [`shown`], with a given representation or the error of making it.
pub fn shown_as(object: &Object, representation: Result) -> Result {
    let raised = match representation {
        Ok(text) => return Ok(text),
        Err(raised) => raised,
    };
    let exception = raised.take();
    if exception.is_exit() {
        return Err(exception.raise());
    }
    let (class, error) = (object.type_name(), exception.type_name());
    Object::str(&format!("<{class} object at {:#x}, whose repr() raised {error}>", object.address()))
}

/// The place of a traceback summary's last entry, as `file:line`.
pub fn last_frame(traceback: &Object) -> Result<Option<Object>> {
    if deque::is_empty(traceback)? {
        return Ok(None);
    }
    let entry = traceback.item(-1)?;
    concat(&[&entry.item(0)?, &":", &entry.item(1)?.repr()?]).map(Some)
}

/// `warnings.warn(message, ResourceWarning, source=source)` from a finaliser. Its exceptions go to
/// `sys.unraisablehook`.
pub fn warn_resource(message: &[&dyn Piece], source: &Object) {
    let warn = || {
        let message = concat(message)?;
        let category = stdlib::RESOURCE_WARNING.get()?;
        stdlib::WARN.get()?.call_keywords(&[&message, category], &[(&stdlib::SOURCE, source)])
    };
    if let Err(raised) = warn() {
        raised.write_unraisable(source);
    }
}
