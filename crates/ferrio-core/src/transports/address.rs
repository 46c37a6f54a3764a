//! Addresses as Python's socket module shows them.

use crate::ffi::{Object, Raised, Result};
use ferrio_reactor::address::Address;
use pyo3_ffi as py;

/// A decoded address as `socket.getpeername()` would give it.
pub fn to_python(address: &Address) -> Result {
    match address {
        Address::Inet { ip, port } => Object::tuple([Object::str(&ip.to_string())?, Object::int((*port).into())?]),
        Address::Inet6 { ip, port, flowinfo, scope_id } => Object::tuple([
            Object::str(&ip.to_string())?,
            Object::int((*port).into())?,
            Object::int((*flowinfo).into())?,
            Object::int((*scope_id).into())?,
        ]),
        Address::UnixPath(path) => {
            // SAFETY: the bytes are valid for their length.
            unsafe {
                Object::owned(py::PyUnicode_DecodeFSDefaultAndSize(
                    path.as_ptr().cast(),
                    path.len() as py::Py_ssize_t,
                ))
            }
        }
        Address::UnixAbstract(name) => Object::bytes(name),
    }
}

/// An address tuple whose host is a literal; None for all that Python's socket module has to look at.
pub fn from_python(object: &Object) -> Option<Address> {
    // SAFETY: live objects; the kinds are checked before the items are read, which are borrowed.
    unsafe {
        if py::PyTuple_CheckExact(object.as_ptr()) == 0 || py::PyTuple_GET_SIZE(object.as_ptr()) != 2 {
            return None;
        }
        let host = py::PyTuple_GET_ITEM(object.as_ptr(), 0);
        let port = py::PyTuple_GET_ITEM(object.as_ptr(), 1);
        if py::PyUnicode_CheckExact(host) == 0 || py::PyLong_CheckExact(port) == 0 {
            return None;
        }
        let mut length = 0;
        let text = py::PyUnicode_AsUTF8AndSize(host, &mut length);
        if text.is_null() {
            Raised.discard();
            return None;
        }
        let text = std::str::from_utf8(std::slice::from_raw_parts(text.cast(), length as usize)).ok()?;
        let port = py::PyLong_AsLong(port);
        if port == -1 && !py::PyErr_Occurred().is_null() {
            Raised.discard();
            return None;
        }
        Some(Address::Inet { ip: text.parse().ok()?, port: u16::try_from(port).ok()? })
    }
}
