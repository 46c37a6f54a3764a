//! Exceptions as objects: raising one, its context, cause and traceback, its class.

use super::error::{Builtin, raise_object, type_error};
use super::{Object, Ptr, Raised, Result, sys as py};

impl Object {
    /// Sets the error indicator to this exception.
    pub fn raise(self) -> Raised {
        debug_assert!(self.is_exception());
        super::version::set_raised(self);
        // SAFETY: the error indicator has just been set.
        unsafe { Raised::assume() }
    }

    /// Raises this exception as `raise` does: the exception that is being handled becomes its context.
    pub fn raise_here(self) -> Raised {
        raise_object(self.type_ptr().cast(), &self)
    }

    /// Calls `work` as Python code does in an `except` clause for this exception: `sys.exc_info()` returns it,
    /// and it becomes the context of what `work` raises.
    pub fn handling<T>(&self, work: impl FnOnce() -> T) -> T {
        /// What was handled before, if anything.
        struct Before(Ptr);
        impl Drop for Before {
            fn drop(&mut self) {
                // SAFETY: null, or a reference that is given back here. The call takes its own.
                unsafe {
                    py::PyErr_SetHandledException(self.0);
                    py::Py_XDECREF(self.0);
                }
            }
        }
        debug_assert!(self.is_exception());
        // SAFETY: the first call gives a new reference or null, without an error; the second takes its own reference.
        let before = unsafe {
            let before = Before(py::PyErr_GetHandledException());
            py::PyErr_SetHandledException(self.as_ptr());
            before
        };
        let result = work();
        drop(before);
        result
    }

    /// Sets the exception that was being handled as the context of this one, as the interpreter does.
    pub fn set_context(&self, handled: &Object) {
        if !self.is_exception() || self.is(handled) {
            return;
        }
        // SAFETY: an exception. The first call returns a new reference, or null without an error. The second takes over
        // a reference.
        unsafe {
            let context = py::PyException_GetContext(self.as_ptr());
            if context.is_null() {
                py::PyException_SetContext(self.as_ptr(), handled.clone().into_ptr());
            } else {
                py::Py_DECREF(context);
            }
        }
    }

    /// `self.__cause__ = cause` for exceptions.
    pub fn set_cause(&self, cause: Object) {
        if self.is_exception() {
            // SAFETY: an exception; the call takes over the reference to the cause.
            unsafe { py::PyException_SetCause(self.as_ptr(), cause.into_ptr()) }
        }
    }

    /// The traceback of an exception, or None.
    pub fn traceback(&self) -> Object {
        if !self.is_exception() {
            return Object::none();
        }
        // SAFETY: an exception; returns a new reference, or null without an error.
        unsafe { Object::from_new(py::PyException_GetTraceback(self.as_ptr())).unwrap_or_else(Object::none) }
    }

    /// `self.__traceback__ = traceback`. `TypeError` unless it is a traceback or None.
    pub fn set_traceback(&self, traceback: &Object) -> Result<()> {
        if !self.is_exception() {
            return Err(type_error("an exception is expected"));
        }
        // SAFETY: an exception; the interpreter refuses other objects than a traceback.
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

    /// Whether it is an exception or an exception class that matches a builtin class.
    pub fn matches(&self, kind: Builtin) -> bool {
        // SAFETY: a live object and a static class.
        unsafe { py::PyErr_GivenExceptionMatches(self.as_ptr(), kind.as_ptr()) != 0 }
    }

    /// Whether it is a `KeyboardInterrupt` or a `SystemExit`, which end the run of the loop.
    pub fn is_exit(&self) -> bool {
        self.matches(Builtin::KeyboardInterrupt) || self.matches(Builtin::SystemExit)
    }

    /// Whether it is an exception that Python's socket module raises for "not now".
    pub fn is_transient(&self) -> bool {
        self.matches(Builtin::BlockingIO) || self.matches(Builtin::Interrupted)
    }

    /// Whether it is an `Exception`.
    pub fn is_ordinary_exception(&self) -> bool {
        self.matches(Builtin::Exception)
    }
}
