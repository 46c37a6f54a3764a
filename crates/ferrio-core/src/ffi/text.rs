//! Text: messages and representations.
//!
//! A `str` may have lone surrogates, for example a file name from `os.fsdecode`. A Rust string cannot. So a message is
//! a `str` that is made of pieces ([`concat`]), and nothing in it changes.

use super::{Object, Raised, Result, sys as py};

/// A part of a message.
pub trait Piece {
    /// The part as a `str`.
    fn to_object(&self) -> Result;
}

impl Piece for &str {
    fn to_object(&self) -> Result {
        Object::str(self)
    }
}

impl Piece for String {
    fn to_object(&self) -> Result {
        Object::str(self)
    }
}

/// A `str`.
impl Piece for Object {
    fn to_object(&self) -> Result {
        Ok(self.clone())
    }
}

impl Piece for &Object {
    fn to_object(&self) -> Result {
        Ok((*self).clone())
    }
}

/// Concatenates the pieces.
pub fn concat(pieces: &[&dyn Piece]) -> Result {
    join("", pieces.iter().map(|piece| piece.to_object()).collect::<Result<Vec<_>>>()?)
}

/// Joins the pieces with a separator.
pub fn join(separator: &str, pieces: Vec<Object>) -> Result {
    Object::str(separator)?.join(&Object::list(pieces)?)
}

impl Object {
    /// `self.join(pieces)` of a `str`. `TypeError` for other objects.
    pub fn join(&self, pieces: &Object) -> Result {
        // SAFETY: live objects; a new reference or null with an error.
        unsafe { Object::owned(py::PyUnicode_Join(self.as_ptr(), pieces.as_ptr())) }
    }

    /// Whether it is a `str`, also of a derived class.
    pub fn is_str(&self) -> bool {
        // SAFETY: a live object.
        unsafe { py::PyUnicode_Check(self.as_ptr()) != 0 }
    }

    /// Whether it is a `str` itself.
    #[inline]
    pub fn is_exact_str(&self) -> bool {
        // SAFETY: a live object.
        unsafe { py::PyUnicode_CheckExact(self.as_ptr()) != 0 }
    }

    /// The `str` of bytes from the operating system, for example a file name.
    pub fn fs_decoded(bytes: &[u8]) -> Result {
        // SAFETY: the bytes are valid for their length; a new reference or null with an error.
        unsafe {
            let length = bytes.len() as py::Py_ssize_t;
            Object::owned(py::PyUnicode_DecodeFSDefaultAndSize(bytes.as_ptr().cast(), length))
        }
    }

    /// The text of a `str`, for comparisons. Lone surrogates are replaced, so messages are made by [`concat`].
    ///
    /// # Errors
    /// `TypeError` for other objects than `str`; `MemoryError`.
    pub fn to_text(&self) -> Result<String> {
        let mut length = 0;
        // SAFETY: a live object; the answer is checked and belongs to the object.
        let failed = unsafe {
            let text = py::PyUnicode_AsUTF8AndSize(self.as_ptr(), &mut length);
            if !text.is_null() {
                let bytes = std::slice::from_raw_parts(text.cast::<u8>(), length as usize);
                return Ok(String::from_utf8_lossy(bytes).into_owned());
            }
            Raised::assume()
        };
        if !failed.is(super::error::Builtin::UnicodeEncode) {
            return Err(failed);
        }
        failed.discard();
        // SAFETY: a str and C strings; a new reference or null with an error.
        let encoded = unsafe {
            Object::owned(py::PyUnicode_AsEncodedString(self.as_ptr(), c"utf-8".as_ptr(), c"replace".as_ptr()))?
        };
        let bytes = super::buffer::bytes_of(&encoded).unwrap_or_default();
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }
}
