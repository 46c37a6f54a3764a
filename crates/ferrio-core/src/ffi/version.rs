//! What differs between the C APIs of the interpreters, except the declarations in `sys.rs`. Differences of asyncio are
//! in `compat.rs`.

use super::Object;
use super::sys as py;

/// The interpreter frees chains of instances of any class without recursion (3.14).
pub const FREES_CHAINS_WITHOUT_RECURSION: bool = cfg!(Py_3_14);

/// `throw()` with a class, a value and a traceback is deprecated (3.12).
pub const THROW_WITH_THREE_ARGUMENTS_WARNS: bool = cfg!(Py_3_12);

/// The slot that keeps a module out of interpreters other than the main one; there is none before 3.12.
pub fn main_interpreter_only() -> Option<py::PyModuleDef_Slot> {
    #[cfg(Py_3_12)]
    let slot = Some(py::PyModuleDef_Slot {
        slot: py::Py_mod_multiple_interpreters,
        value: py::Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED,
    });
    #[cfg(not(Py_3_12))]
    let slot = None;
    slot
}

/// Takes the exception out of the error indicator, which must be set.
#[cfg(Py_3_12)]
pub fn take_raised() -> Object {
    // SAFETY: a strong reference or null.
    unsafe { Object::owned(py::PyErr_GetRaisedException()) }.unwrap_or_else(|_| Object::none())
}

/// Takes the exception out of the error indicator, which must be set.
#[cfg(not(Py_3_12))]
pub fn take_raised() -> Object {
    use std::ptr;
    let (mut class, mut value, mut traceback) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
    // SAFETY: the call gives up the three references; after the normalisation, the value is an exception.
    unsafe {
        py::PyErr_Fetch(&mut class, &mut value, &mut traceback);
        py::PyErr_NormalizeException(&mut class, &mut value, &mut traceback);
        if !traceback.is_null() && !value.is_null() {
            py::PyException_SetTraceback(value, traceback);
        }
        py::Py_XDECREF(class);
        py::Py_XDECREF(traceback);
        Object::owned(value).unwrap_or_else(|_| Object::none())
    }
}

/// Sets the error indicator to an exception.
#[cfg(Py_3_12)]
pub fn set_raised(exception: Object) {
    // SAFETY: the reference is given up.
    unsafe { py::PyErr_SetRaisedException(exception.into_ptr()) }
}

/// Sets the error indicator to an exception.
#[cfg(not(Py_3_12))]
pub fn set_raised(exception: Object) {
    // SAFETY: three references are given up: the class, the exception and its traceback, if any.
    unsafe {
        let class: super::Ptr = exception.type_ptr().cast();
        py::Py_INCREF(class);
        let traceback = py::PyException_GetTraceback(exception.as_ptr());
        py::PyErr_Restore(class, exception.into_ptr(), traceback);
    }
}
