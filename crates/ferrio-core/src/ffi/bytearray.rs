//! `bytearray`. What is none is refused with an error.

use super::error::type_error;
use super::{Object, Raised, Result, sys as py};

/// Makes an empty one.
pub fn new() -> Result {
    // SAFETY: no bytes are read from nowhere; a new reference or null with an error.
    unsafe { Object::owned(py::PyByteArray_FromStringAndSize(std::ptr::null(), 0)) }
}

/// Whether an object is one, of a derived class too.
pub fn is_one(object: &Object) -> bool {
    // SAFETY: a live object.
    unsafe { py::PyByteArray_Check(object.as_ptr()) != 0 }
}

/// How many bytes there are; none in what is no bytearray.
#[inline]
pub fn len(array: &Object) -> usize {
    with(array, <[u8]>::len)
}

/// Shows the bytes to `look`, which must not call into Python: that may change their place. None are in what is no
/// bytearray.
#[inline]
pub fn with<T>(array: &Object, look: impl FnOnce(&[u8]) -> T) -> T {
    if !is_one(array) {
        return look(&[]);
    }
    // SAFETY: a bytearray, which nobody changes meanwhile.
    look(unsafe {
        let length = py::PyByteArray_Size(array.as_ptr()) as usize;
        std::slice::from_raw_parts(py::PyByteArray_AsString(array.as_ptr()).cast(), length)
    })
}

/// Replaces the bytes. `BufferError` while somebody looks at them.
pub fn set(array: &Object, bytes: &[u8]) -> Result<()> {
    if !is_one(array) {
        return Err(type_error("a bytearray is expected"));
    }
    // SAFETY: a bytearray, which is made as long as the bytes; these are not its own, as it may move.
    unsafe {
        Raised::check(py::PyByteArray_Resize(array.as_ptr(), bytes.len() as py::Py_ssize_t))?;
        let place = py::PyByteArray_AsString(array.as_ptr()).cast::<u8>();
        std::ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len());
    }
    Ok(())
}
