//! `bytes` objects that are filled in place.

use super::{Object, Ptr, Raised, Result};
use pyo3_ffi as py;
use std::io;
use std::mem::MaybeUninit;

unsafe extern "C" {
    /// Missing in pyo3-ffi.
    fn _PyBytes_Resize(bytes: *mut Ptr, size: py::Py_ssize_t) -> std::ffi::c_int;
}

/// A new `bytes` of up to `most` bytes, as long as `fill` says; nothing for none.
///
/// # Errors
/// The outer result is that of `fill`, which must not call into Python; the inner one is `MemoryError`.
pub fn filled(
    most: usize,
    fill: impl FnOnce(&mut [MaybeUninit<u8>]) -> io::Result<usize>,
) -> io::Result<Option<Result>> {
    // SAFETY: a new object that nobody knows yet; its bytes may be written until it is shown to others.
    unsafe {
        let bytes = py::PyBytes_FromStringAndSize(std::ptr::null(), most as py::Py_ssize_t);
        if bytes.is_null() {
            return Ok(Some(Err(Raised)));
        }
        let start = py::PyBytes_AsString(bytes).cast::<MaybeUninit<u8>>();
        let count = match fill(std::slice::from_raw_parts_mut(start, most)) {
            Ok(0) => {
                py::Py_DECREF(bytes);
                return Ok(None);
            }
            Ok(count) => count.min(most),
            Err(error) => {
                py::Py_DECREF(bytes);
                return Err(error);
            }
        };
        let mut bytes = bytes;
        if count < most && _PyBytes_Resize(&mut bytes, count as py::Py_ssize_t) < 0 {
            return Ok(Some(Err(Raised)));
        }
        Ok(Some(Object::owned(bytes)))
    }
}
