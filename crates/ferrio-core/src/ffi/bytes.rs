//! `bytes` objects: filling them in place.

use super::sys as py;
use super::{Object, Raised, Result};
use std::io;
use std::mem::MaybeUninit;

/// A new `bytes` with room for `most` bytes, cut to the length that `fill` returns. None for the length 0.
///
/// # Errors
/// The outer error is that of `fill`, which must not call into Python. The inner one is `MemoryError`.
pub fn filled(
    most: usize,
    fill: impl FnOnce(&mut [MaybeUninit<u8>]) -> io::Result<usize>,
) -> io::Result<Option<Result>> {
    // SAFETY: the object is new and nothing else has it. Its bytes may be written until other code gets it.
    unsafe {
        let bytes = py::PyBytes_FromStringAndSize(std::ptr::null(), most as py::Py_ssize_t);
        if bytes.is_null() {
            return Ok(Some(Err(Raised::assume())));
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
        if count < most && py::_PyBytes_Resize(&mut bytes, count as py::Py_ssize_t) < 0 {
            return Ok(Some(Err(Raised::assume())));
        }
        Ok(Some(Object::owned(bytes)))
    }
}

/// The bytes that a system call has written to the start of a buffer.
pub fn received(buffer: &[MaybeUninit<u8>], count: usize) -> &[u8] {
    let filled = &buffer[..count.min(buffer.len())];
    // SAFETY: the reactor's calls return how many bytes the kernel has written.
    unsafe { std::slice::from_raw_parts(filled.as_ptr().cast(), filled.len()) }
}
