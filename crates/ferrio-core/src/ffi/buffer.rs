//! Buffer: the bytes of objects that give access to them.

use super::error::type_error;
use super::sys as py;
use super::{Object, Raised, Result};
use std::ffi::c_int;
use std::mem::MaybeUninit;

/// The bytes of an object. The object keeps them until the drop.
pub struct Buffer(Box<py::Py_buffer>);

impl Buffer {
    /// The bytes for reading. `TypeError` for an object without bytes, `BufferError` if they are not contiguous.
    pub fn readable(object: &Object) -> Result<Buffer> {
        Buffer::with_flags(object, py::PyBUF_SIMPLE)
    }

    /// The bytes to receive into. `TypeError` for an object without bytes or a read-only one, as from
    /// `socket.recv_into()`.
    pub fn to_receive(object: &Object) -> Result<Buffer> {
        Buffer::with_flags(object, py::PyBUF_WRITABLE).map_err(|raised| {
            raised.discard();
            let kind = if object.is_none() { "None".to_owned() } else { object.type_name() };
            type_error(&format!("recv_into() argument 1 must be read-write bytes-like object, not {kind}"))
        })
    }

    fn with_flags(object: &Object, flags: c_int) -> Result<Buffer> {
        let mut view = Box::new(py::Py_buffer::new());
        // SAFETY: a live object. The buffer owns the view and releases it once.
        unsafe { Raised::check(py::PyObject_GetBuffer(object.as_ptr(), &mut *view, flags))? };
        Ok(Buffer(view))
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        if self.0.len <= 0 {
            return &[];
        }
        // SAFETY: the exporter keeps this many bytes in place while there is a view.
        unsafe { std::slice::from_raw_parts(self.0.buf.cast(), self.0.len as usize) }
    }

    /// Copies bytes to a place in the buffer, which must be writable. Returns how many had room.
    pub fn fill(&mut self, start: usize, bytes: &[u8]) -> usize {
        let room = self.as_uninit().get_mut(start..).unwrap_or_default();
        room.iter_mut().zip(bytes).map(|(place, byte)| place.write(*byte)).count()
    }

    /// The bytes to write to. The buffer must be writable.
    pub fn as_uninit(&mut self) -> &mut [MaybeUninit<u8>] {
        if self.0.len <= 0 {
            return &mut [];
        }
        // SAFETY: as above, and writable.
        unsafe { std::slice::from_raw_parts_mut(self.0.buf.cast(), self.0.len as usize) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: the view is from PyObject_GetBuffer, and is released once.
        unsafe { py::PyBuffer_Release(&mut *self.0) }
    }
}

/// Whether an object is a `bytes`, a `bytearray` or a `memoryview`, also of a derived class.
pub fn is_bytes_like(object: &Object) -> bool {
    // SAFETY: a live object and static types.
    unsafe {
        py::PyBytes_Check(object.as_ptr()) != 0
            || py::PyByteArray_Check(object.as_ptr()) != 0
            || py::PyMemoryView_Check(object.as_ptr()) != 0
    }
}

/// The bytes of a `bytes` object, without a view.
pub fn bytes_of(object: &Object) -> Option<&[u8]> {
    // SAFETY: the type is checked. A bytes object never changes, and the borrow keeps it alive.
    unsafe {
        if py::PyBytes_CheckExact(object.as_ptr()) == 0 {
            return None;
        }
        let length = py::PyBytes_Size(object.as_ptr()) as usize;
        Some(std::slice::from_raw_parts(py::PyBytes_AsString(object.as_ptr()).cast(), length))
    }
}

/// A copy of the bytes of an object.
pub fn copied(object: &Object) -> Result<Box<[u8]>> {
    Ok(match bytes_of(object) {
        Some(bytes) => bytes.into(),
        None => Buffer::readable(object)?.as_slice().into(),
    })
}
