//! What Ferrio tells its user when something is wrong: reports to the exception handler, warnings,
//! the places where objects were made.

use crate::ffi::text::{Piece, concat};
use crate::ffi::{Object, Result, deque, dict};
use crate::stdlib;
use std::ffi::CStr;

/// The context of a call of the loop's exception handler.
pub struct Report(Object);

impl Report {
    /// A report with a message that is put together of pieces.
    pub fn new(message: &[&dyn Piece]) -> Result<Report> {
        let report = Report(dict::new()?);
        report.set(c"message", &concat(message)?)?;
        Ok(report)
    }

    /// Adds an entry.
    pub fn set(&self, key: &CStr, value: &Object) -> Result<()> {
        dict::set(&self.0, &Object::str(&key.to_string_lossy())?, value)
    }

    /// Hands it to the loop's exception handler, which asyncio calls where it handles the exception.
    pub fn send_handling(&self, loop_: &Object, exception: &Object) -> Result<()> {
        exception.handling(|| self.send(loop_))
    }

    /// Hands it to the loop's exception handler.
    pub fn send(&self, loop_: &Object) -> Result<()> {
        loop_.method1(&stdlib::CALL_EXCEPTION_HANDLER, &self.0).map(drop)
    }
}

/// The representation of an object that a report is about. One that can't be made is no reason to lose the report:
/// the error takes its place, unless it is one that leaves the loop.
pub fn shown(object: &Object) -> Result {
    shown_as(object, object.repr())
}

/// As [`shown`], given the representation or the error that came up while it was made.
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

/// `warnings.warn(message, ResourceWarning, source=source)`, from a finaliser: what it raises is
/// written to `sys.unraisablehook`.
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
