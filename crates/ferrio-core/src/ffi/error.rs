//! Errors: the interpreter's own error indicator, and the one conversion from the system's errors.

use super::{Import, Object, Ptr, sys as py};
use std::io;

/// The interpreter's error indicator is set. It has to be returned to the interpreter, or taken with
/// [`Raised::take`].
///
/// Only `ffi` can make one, and only where the indicator is set: what ends without a value and without an error
/// has a type of its own. A debug build checks it. One that is dropped takes the exception along, so that no Python
/// code is called with the indicator set.
#[derive(Debug)]
#[must_use]
pub struct Raised(());

/// What a call into Python gives.
pub type Result<T = Object, E = Raised> = std::result::Result<T, E>;

/// Builtin exceptions that Ferrio raises, catches or asks for.
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
        // SAFETY: an exception class of the interpreter lives as long as that.
        unsafe { Object::borrowed(self.as_ptr()) }
    }
}

/// Sets the error indicator to a builtin exception with a message.
#[cold]
pub fn raise(kind: Builtin, message: &str) -> Raised {
    raise_text(kind, Object::str(message))
}

/// As [`raise`], with a message that is a `str`, or the error that came up while it was made.
#[cold]
pub fn raise_text(kind: Builtin, message: Result) -> Raised {
    match message {
        Ok(message) => raise_object(kind.as_ptr(), &message),
        Err(raised) => raised,
    }
}

/// Sets the error indicator to `class(argument)`.
pub(super) fn raise_object(class: Ptr, argument: &Object) -> Raised {
    // SAFETY: an exception class and an object, both held for the call. The call sets the indicator, to another
    // error if the class refuses the argument.
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

/// An error of Ferrio's own: a state that no program can bring about.
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

/// `warnings.warn(message, category)` in the name of the caller. An error if a filter makes it one.
pub fn warn(category: Builtin, message: &std::ffi::CStr) -> Result<()> {
    /// The Python code that calls.
    const LEVEL: py::Py_ssize_t = 1;
    // SAFETY: a static class, and a C string that is held for the call.
    unsafe { Raised::check(py::PyErr_WarnEx(category.as_ptr(), message.as_ptr(), LEVEL)) }
}

/// Runs the Python handlers of signals that have come.
#[inline]
pub fn check_signals() -> Result<()> {
    // SAFETY: the GIL is held.
    unsafe { Raised::check(py::PyErr_CheckSignals()) }
}

/// Makes the `OSError` of a system's error: the subclass and the text come from its number.
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

    /// Says that the error indicator is set.
    ///
    /// # Safety
    /// It is set: a function of the C API that sets it on failure has just failed.
    #[inline]
    pub(super) unsafe fn assume() -> Raised {
        // SAFETY: the GIL is held.
        debug_assert!(unsafe { !py::PyErr_Occurred().is_null() }, "an error without an exception");
        Raised(())
    }

    /// The error that is set, if there is one.
    #[inline]
    pub(super) fn occurred() -> Option<Raised> {
        // SAFETY: the GIL is held.
        unsafe { (!py::PyErr_Occurred().is_null()).then(|| Raised::assume()) }
    }

    /// What a function of the C API says by a status that is negative for an error.
    ///
    /// # Safety
    /// A negative status is that of a function that has set the error indicator.
    #[inline]
    pub(super) unsafe fn check(status: std::ffi::c_int) -> Result<()> {
        // SAFETY: the caller's promise.
        if status < 0 { Err(unsafe { Raised::assume() }) } else { Ok(()) }
    }

    /// As [`Raised::check`], of a function that answers a question: 1 is yes, 0 no.
    ///
    /// # Safety
    /// As of [`Raised::check`].
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
        // SAFETY: the error indicator is set; what is no class matches nothing.
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

    /// Hands the exception to `sys.unraisablehook`, with the object where it came up.
    pub fn write_unraisable(self, place: &Object) {
        // SAFETY: the error indicator is set; a live object.
        unsafe { py::PyErr_WriteUnraisable(place.as_ptr()) }
        self.leave();
    }
}

/// The first exception of several steps that have to be taken one and all. No error is set between the steps, so that
/// each of them may run Python code.
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

    /// The end of the last step.
    pub fn result(self) -> Result<()> {
        self.0.map_or(Ok(()), |exception| Err(exception.raise()))
    }
}

impl Object {
    /// Sets the error indicator to this exception.
    pub fn raise(self) -> Raised {
        debug_assert!(self.is_exception());
        super::version::set_raised(self);
        Raised(())
    }

    /// Raises this exception as a `raise` does: what is being handled becomes its context.
    pub fn raise_here(self) -> Raised {
        raise_object(self.type_ptr().cast(), &self)
    }

    /// Notes what was being handled when this exception came up, as the interpreter does it for its own code.
    pub fn set_context(&self, handled: &Object) {
        if !self.is_exception() || self.is(handled) {
            return;
        }
        // SAFETY: an exception; the first call gives a new reference or null for none, without an error; the second
        // takes a reference over.
        unsafe {
            let context = py::PyException_GetContext(self.as_ptr());
            if context.is_null() {
                py::PyException_SetContext(self.as_ptr(), handled.clone().into_ptr());
            } else {
                py::Py_DECREF(context);
            }
        }
    }

    /// `self.__cause__ = cause`, of exceptions.
    pub fn set_cause(&self, cause: Object) {
        if self.is_exception() {
            // SAFETY: an exception; the reference to the cause is given up.
            unsafe { py::PyException_SetCause(self.as_ptr(), cause.into_ptr()) }
        }
    }

    /// The traceback of an exception, or None.
    pub fn traceback(&self) -> Object {
        if !self.is_exception() {
            return Object::none();
        }
        // SAFETY: an exception; gives a new reference or null for none, without an error.
        unsafe { Object::from_new(py::PyException_GetTraceback(self.as_ptr())).unwrap_or_else(Object::none) }
    }

    /// `self.__traceback__ = traceback`. `TypeError` for what is neither a traceback nor None.
    pub fn set_traceback(&self, traceback: &Object) -> Result<()> {
        if !self.is_exception() {
            return Err(type_error("an exception is expected"));
        }
        // SAFETY: an exception; the interpreter refuses what is no traceback.
        unsafe { Raised::check(py::PyException_SetTraceback(self.as_ptr(), traceback.as_ptr())) }
    }

    /// Whether it is a traceback.
    pub fn is_traceback(&self) -> bool {
        // SAFETY: a live object.
        unsafe { py::PyTraceBack_Check(self.as_ptr()) != 0 }
    }

    /// Whether it is an exception instance.
    #[inline]
    pub fn is_exception(&self) -> bool {
        // SAFETY: a live object.
        unsafe { py::PyExceptionInstance_Check(self.as_ptr()) != 0 }
    }

    /// Whether it is an exception class.
    pub fn is_exception_class(&self) -> bool {
        // SAFETY: a live object.
        unsafe { py::PyExceptionClass_Check(self.as_ptr()) != 0 }
    }

    /// Whether it is an exception, or an exception class, of a builtin class.
    pub fn matches(&self, kind: Builtin) -> bool {
        // SAFETY: a live object and a static class.
        unsafe { py::PyErr_GivenExceptionMatches(self.as_ptr(), kind.as_ptr()) != 0 }
    }

    /// Whether it is a `KeyboardInterrupt` or a `SystemExit`: these leave the loop.
    pub fn is_exit(&self) -> bool {
        self.matches(Builtin::KeyboardInterrupt) || self.matches(Builtin::SystemExit)
    }

    /// Whether it is what Python's socket module raises for "not now".
    pub fn is_transient(&self) -> bool {
        self.matches(Builtin::BlockingIO) || self.matches(Builtin::Interrupted)
    }

    /// Whether it is an `Exception`.
    pub fn is_ordinary_exception(&self) -> bool {
        self.matches(Builtin::Exception)
    }
}
