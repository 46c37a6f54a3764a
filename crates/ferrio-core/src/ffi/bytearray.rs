//! `bytearray`. Other objects are refused with an error.

use super::error::type_error;
use super::{Object, Raised, Result, sys as py};

/// Makes an empty bytearray.
pub fn new() -> Result {
    // SAFETY: the length is 0, so the null pointer is not read; a new reference or null with an error.
    unsafe { Object::owned(py::PyByteArray_FromStringAndSize(std::ptr::null(), 0)) }
}

/// Whether an object is a bytearray, also of a derived class.
pub fn is_one(object: &Object) -> bool {
    // SAFETY: a live object.
    unsafe { py::PyByteArray_Check(object.as_ptr()) != 0 }
}

/// The number of bytes; 0 for other objects than a bytearray.
#[inline]
pub fn len(array: &Object) -> usize {
    with(array, <[u8]>::len)
}

/// Passes the bytes to `look`, which must not call into Python, because that may move them. Other objects than a
/// bytearray have none.
#[inline]
pub fn with<T>(array: &Object, look: impl FnOnce(&[u8]) -> T) -> T {
    if !is_one(array) {
        return look(&[]);
    }
    // SAFETY: a bytearray, which does not change meanwhile, because no Python code runs.
    look(unsafe {
        let length = py::PyByteArray_Size(array.as_ptr()) as usize;
        std::slice::from_raw_parts(py::PyByteArray_AsString(array.as_ptr()).cast(), length)
    })
}

/// Replaces the bytes. `BufferError` while there is a view of them.
pub fn set(array: &Object, bytes: &[u8]) -> Result<()> {
    if !is_one(array) {
        return Err(type_error("a bytearray is expected"));
    }
    // SAFETY: a bytearray, which gets the length of the bytes first. The bytes are not its own, because these may move.
    unsafe {
        Raised::check(py::PyByteArray_Resize(array.as_ptr(), bytes.len() as py::Py_ssize_t))?;
        let place = py::PyByteArray_AsString(array.as_ptr()).cast::<u8>();
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len());
    }
    Ok(())
}
