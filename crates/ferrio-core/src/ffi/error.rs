//! Errors: the interpreter's own error indicator, and the one conversion from the system's errors.

use super::{Import, Object, Ptr};
use pyo3_ffi as py;
use std::io;

/// The interpreter's error indicator is set. It has to be returned to the interpreter, or taken with
/// [`Raised::take`].
#[derive(Debug)]
#[must_use]
pub struct Raised;

/// What a call into Python gives.
pub type Result<T = Object, E = Raised> = std::result::Result<T, E>;

/// Builtin exceptions that Ferrio raises itself.
#[derive(Clone, Copy, Debug)]
pub enum Builtin {
    Type,
    Value,
    Runtime,
    Attribute,
}

impl Builtin {
    fn as_ptr(self) -> Ptr {
        // SAFETY: static objects of the interpreter.
        unsafe {
            match self {
                Builtin::Type => py::PyExc_TypeError,
                Builtin::Value => py::PyExc_ValueError,
                Builtin::Runtime => py::PyExc_RuntimeError,
                Builtin::Attribute => py::PyExc_AttributeError,
            }
        }
    }
}

/// Sets the error indicator to a builtin exception with a message.
#[cold]
pub fn raise(kind: Builtin, message: &str) -> Raised {
    match Object::str(message) {
        // SAFETY: live objects.
        Ok(message) => unsafe { py::PyErr_SetObject(kind.as_ptr(), message.as_ptr()) },
        Err(raised) => return raised,
    }
    Raised
}

/// `TypeError`.
#[cold]
pub fn type_error(message: &str) -> Raised {
    raise(Builtin::Type, message)
}

/// `ValueError`.
#[cold]
pub fn value_error(message: &str) -> Raised {
    raise(Builtin::Value, message)
}

/// `RuntimeError`.
#[cold]
pub fn runtime_error(message: &str) -> Raised {
    raise(Builtin::Runtime, message)
}

/// An exception class from a module, with a message.
#[cold]
pub fn raise_imported(class: &Import, message: &str) -> Raised {
    match (class.get(), Object::str(message)) {
        (Ok(class), Ok(message)) => {
            // SAFETY: live objects.
            unsafe { py::PyErr_SetObject(class.as_ptr(), message.as_ptr()) };
            Raised
        }
        _ => Raised,
    }
}

/// Makes the `OSError` of a system's error: the subclass and the text come from its number.
pub fn os_error(error: &io::Error) -> Result {
    let code = i64::from(error.raw_os_error().unwrap_or(0));
    let text =
        if code == 0 { Object::str(&error.to_string())? } else { STRERROR.get()?.call(&[&Object::int(code)?])? };
    // SAFETY: a static object.
    let class = unsafe { Object::borrowed(py::PyExc_OSError) };
    class.call(&[&Object::int(code)?, &text])
}

static STRERROR: Import = Import::new(c"os", c"strerror");

impl From<io::Error> for Raised {
    #[cold]
    fn from(error: io::Error) -> Raised {
        match os_error(&error) {
            Ok(exception) => exception.raise(),
            Err(raised) => raised,
        }
    }
}

impl Raised {
    /// Takes the exception out of the error indicator, with its traceback.
    pub fn take(self) -> Object {
        super::version::take_raised()
    }

    /// Takes and drops the exception.
    pub fn discard(self) {
        drop(self.take());
    }

    /// Hands the exception to `sys.unraisablehook`, with the object where it came up.
    pub fn write_unraisable(self, place: &Object) {
        // SAFETY: the error indicator is set; a live object.
        unsafe { py::PyErr_WriteUnraisable(place.as_ptr()) }
    }
}

impl Object {
    /// Sets the error indicator to this exception.
    pub fn raise(self) -> Raised {
        super::version::set_raised(self);
        Raised
    }

    /// Raises this exception as a `raise` does: what is being handled becomes its context.
    pub fn raise_here(self) -> Raised {
        // SAFETY: an exception and its class.
        unsafe { py::PyErr_SetObject(self.type_ptr().cast(), self.as_ptr()) };
        Raised
    }

    /// Notes what was being handled when this exception came up, as the interpreter does it for its own code.
    pub fn set_context(&self, handled: &Object) {
        // SAFETY: exceptions; the first call gives a new reference or null for none, the second takes one over.
        unsafe {
            let has_context = Object::owned(py::PyException_GetContext(self.as_ptr())).is_ok();
            if !has_context && !self.is(handled) {
                py::PyException_SetContext(self.as_ptr(), handled.clone().into_ptr());
            }
        }
    }

    /// Whether it is an exception instance.
    pub fn is_exception(&self) -> bool {
        // SAFETY: a live object.
        unsafe { py::PyExceptionInstance_Check(self.as_ptr()) != 0 }
    }

    /// Whether it is a `KeyboardInterrupt` or a `SystemExit`: these leave the loop.
    pub fn is_exit(&self) -> bool {
        // SAFETY: live objects.
        unsafe {
            py::PyErr_GivenExceptionMatches(self.as_ptr(), py::PyExc_KeyboardInterrupt) != 0
                || py::PyErr_GivenExceptionMatches(self.as_ptr(), py::PyExc_SystemExit) != 0
        }
    }

    /// Whether it is what Python's socket module raises for "not now".
    pub fn is_transient(&self) -> bool {
        // SAFETY: live objects.
        unsafe {
            py::PyErr_GivenExceptionMatches(self.as_ptr(), py::PyExc_BlockingIOError) != 0
                || py::PyErr_GivenExceptionMatches(self.as_ptr(), py::PyExc_InterruptedError) != 0
        }
    }

    /// Whether it is an `Exception`.
    pub fn is_ordinary_exception(&self) -> bool {
        // SAFETY: live objects.
        unsafe { py::PyErr_GivenExceptionMatches(self.as_ptr(), py::PyExc_Exception) != 0 }
    }
}
