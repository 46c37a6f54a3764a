//! Errors: the interpreter's own error indicator, and the one conversion from the system's errors.

use super::{Import, Object, Ptr, sys as py};
use std::io;

/// Proof that the interpreter's error indicator is set. It must be returned to the interpreter, or taken with
/// [`Raised::take`].
///
/// Only `ffi` can make one, and only when the indicator is set; a debug build checks this. An end without a value and
/// without an error has a type of its own. Dropping a `Raised` clears the indicator, so that no Python code is called
/// while it is set.
#[derive(Debug)]
#[must_use]
pub struct Raised(());

/// The result of a call into Python.
pub type Result<T = Object, E = Raised> = std::result::Result<T, E>;

/// Builtin exceptions that Ferrio raises, catches or checks for.
#[derive(Clone, Copy, Debug)]
pub enum Builtin {
    Attribute,
    BlockingIO,
    BrokenPipe,
    Connection,
    Deprecation,
    Exception,
    GeneratorExit,
    Import,
    Interrupted,
    KeyboardInterrupt,
    NotImplemented,
    Os,
    Overflow,
    Recursion,
    Runtime,
    RuntimeWarning,
    StopAsyncIteration,
    StopIteration,
    SystemExit,
    Type,
    UnicodeEncode,
    Value,
}

impl Builtin {
    pub(super) fn as_ptr(self) -> Ptr {
        // SAFETY: the interpreter sets these statics before it imports a module, and never changes them.
        unsafe {
            match self {
                Builtin::Attribute => py::PyExc_AttributeError,
                Builtin::BlockingIO => py::PyExc_BlockingIOError,
                Builtin::BrokenPipe => py::PyExc_BrokenPipeError,
                Builtin::Connection => py::PyExc_ConnectionError,
                Builtin::Deprecation => py::PyExc_DeprecationWarning,
                Builtin::Exception => py::PyExc_Exception,
                Builtin::GeneratorExit => py::PyExc_GeneratorExit,
                Builtin::Import => py::PyExc_ImportError,
                Builtin::Interrupted => py::PyExc_InterruptedError,
                Builtin::KeyboardInterrupt => py::PyExc_KeyboardInterrupt,
                Builtin::NotImplemented => py::PyExc_NotImplementedError,
                Builtin::Os => py::PyExc_OSError,
                Builtin::Overflow => py::PyExc_OverflowError,
                Builtin::Recursion => py::PyExc_RecursionError,
                Builtin::Runtime => py::PyExc_RuntimeError,
                Builtin::RuntimeWarning => py::PyExc_RuntimeWarning,
                Builtin::StopAsyncIteration => py::PyExc_StopAsyncIteration,
                Builtin::StopIteration => py::PyExc_StopIteration,
                Builtin::SystemExit => py::PyExc_SystemExit,
                Builtin::Type => py::PyExc_TypeError,
                Builtin::UnicodeEncode => py::PyExc_UnicodeEncodeError,
                Builtin::Value => py::PyExc_ValueError,
            }
        }
    }

    /// The class.
    pub fn class(self) -> Object {
        // SAFETY: the interpreter's exception classes live as long as the interpreter.
        unsafe { Object::borrowed(self.as_ptr()) }
    }
}

/// Sets the error indicator to a builtin exception with a message.
#[cold]
pub fn raise(kind: Builtin, message: &str) -> Raised {
    raise_text(kind, Object::str(message))
}

/// As [`raise`], with a message that is a `str`, or with the error of making it.
#[cold]
pub fn raise_text(kind: Builtin, message: Result) -> Raised {
    match message {
        Ok(message) => raise_object(kind.as_ptr(), &message),
        Err(raised) => raised,
    }
}

/// Sets the error indicator to `class(argument)`.
pub(super) fn raise_object(class: Ptr, argument: &Object) -> Raised {
    // SAFETY: an exception class and an object, which are alive during the call. The call sets the indicator, to
    // another error if the class refuses the argument.
    unsafe {
        py::PyErr_SetObject(class, argument.as_ptr());
        Raised::assume()
    }
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

/// An error of Ferrio's own, for a state that no program can cause.
#[cold]
pub fn impossible(what: &str) -> Raised {
    debug_assert!(false, "{what}");
    raise(Builtin::Runtime, what)
}

/// An exception class from a module, with a message.
#[cold]
pub fn raise_imported(class: &'static Import, message: &str) -> Raised {
    match class.get() {
        Ok(class) => match Object::str(message) {
            Ok(message) => raise_object(class.as_ptr(), &message),
            Err(raised) => raised,
        },
        Err(raised) => raised,
    }
}

/// `warnings.warn(message, category)` for the caller. An error if a filter turns the warning into one.
pub fn warn(category: Builtin, message: &std::ffi::CStr) -> Result<()> {
    /// The Python code that calls.
    const LEVEL: py::Py_ssize_t = 1;
    // SAFETY: a static class, and a C string that lives during the call.
    unsafe { Raised::check(py::PyErr_WarnEx(category.as_ptr(), message.as_ptr(), LEVEL)) }
}

/// Runs the Python handlers of signals that have arrived.
#[inline]
pub fn check_signals() -> Result<()> {
    // SAFETY: the GIL is held.
    unsafe { Raised::check(py::PyErr_CheckSignals()) }
}

/// Makes the `OSError` of a system error. The number determines the subclass and the text.
pub fn os_error(error: &io::Error) -> Result {
    let code = i64::from(error.raw_os_error().unwrap_or(0));
    let text =
        if code == 0 { Object::str(&error.to_string())? } else { STRERROR.get()?.call(&[&Object::int(code)?])? };
    Builtin::Os.class().call(&[&Object::int(code)?, &text])
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

impl Drop for Raised {
    #[cold]
    fn drop(&mut self) {
        // SAFETY: the GIL is held.
        unsafe { py::PyErr_Clear() }
    }
}

impl Raised {
    /// Leaves the exception in the error indicator, for the interpreter to find.
    pub(super) fn leave(self) {
        std::mem::forget(self);
    }

    /// Claims that the error indicator is set.
    ///
    /// # Safety
    /// It is set: a function of the C API that sets it on failure has just failed.
    #[inline]
    pub(super) unsafe fn assume() -> Raised {
        // SAFETY: the GIL is held.
        debug_assert!(unsafe { !py::PyErr_Occurred().is_null() }, "an error without an exception");
        Raised(())
    }

    /// The present error, if there is one.
    #[inline]
    pub(super) fn occurred() -> Option<Raised> {
        // SAFETY: the GIL is held.
        unsafe { (!py::PyErr_Occurred().is_null()).then(|| Raised::assume()) }
    }

    /// The result of a function of the C API whose status is negative for an error.
    ///
    /// # Safety
    /// If the status is negative, the function has set the error indicator.
    #[inline]
    pub(super) unsafe fn check(status: std::ffi::c_int) -> Result<()> {
        // SAFETY: the caller's promise.
        if status < 0 { Err(unsafe { Raised::assume() }) } else { Ok(()) }
    }

    /// As [`Raised::check`], for a function that answers a question: 1 means yes, 0 no.
    ///
    /// # Safety
    /// That of [`Raised::check`].
    #[inline]
    pub(super) unsafe fn answer(status: std::ffi::c_int) -> Result<bool> {
        // SAFETY: the caller's promise.
        if status < 0 { Err(unsafe { Raised::assume() }) } else { Ok(status != 0) }
    }

    /// Whether the exception is of a builtin class.
    pub fn is(&self, kind: Builtin) -> bool {
        // SAFETY: the error indicator is set; a static class.
        unsafe { py::PyErr_ExceptionMatches(kind.as_ptr()) != 0 }
    }

    /// Whether the exception is of a class.
    pub fn is_of(&self, class: &Object) -> bool {
        // SAFETY: the error indicator is set; an object that is not a class matches nothing.
        unsafe { py::PyErr_ExceptionMatches(class.as_ptr()) != 0 }
    }

    /// Takes the exception out of the error indicator, with its traceback.
    pub fn take(self) -> Object {
        self.leave();
        super::version::take_raised()
    }

    /// Takes and drops the exception.
    pub fn discard(self) {
        drop(self.take());
    }

    /// Passes the exception to `sys.unraisablehook`, with the object in which it was raised.
    pub fn write_unraisable(self, place: &Object) {
        // SAFETY: the error indicator is set; a live object.
        unsafe { py::PyErr_WriteUnraisable(place.as_ptr()) }
        self.leave();
    }
}

/// The first exception of several steps, all of which have to run. No error is set between the steps, so each of them
/// may run Python code.
#[derive(Default)]
#[must_use]
pub struct FirstError(Option<Object>);

impl FirstError {
    /// Notes how a step ended.
    pub fn note(&mut self, result: Result<()>) {
        if let Err(raised) = result {
            let exception = raised.take();
            self.0.get_or_insert(exception);
        }
    }

    /// The result after the last step.
    pub fn result(self) -> Result<()> {
        self.0.map_or(Ok(()), |exception| Err(exception.raise()))
    }
}
