//! `dict`. Other objects are refused with an error.

use super::{Name, Object, Raised, Result, sys as py};

/// Makes an empty dict.
pub fn new() -> Result {
    // SAFETY: a new reference or null with an error.
    unsafe { Object::owned(py::PyDict_New()) }
}

/// The entry of a key, if there is one.
#[inline]
pub fn get(dict: &Object, key: &Object) -> Result<Option<Object>> {
    // SAFETY: live objects; another object than a dict is refused. The call returns null, with or without an error, or
    // a borrowed reference, which is counted before anything else can run.
    unsafe {
        let found = py::PyDict_GetItemWithError(dict.as_ptr(), key.as_ptr());
        if found.is_null() {
            return Raised::occurred().map_or(Ok(None), Err);
        }
        Ok(Some(Object::borrowed(found)))
    }
}

/// Sets an entry.
pub fn set(dict: &Object, key: &Object, value: &Object) -> Result<()> {
    // SAFETY: live objects; what is no dict is refused.
    unsafe { Raised::check(py::PyDict_SetItem(dict.as_ptr(), key.as_ptr(), value.as_ptr())) }
}

/// Deletes an entry. `KeyError` if there is none.
pub fn delete(dict: &Object, key: &Object) -> Result<()> {
    // SAFETY: live objects; what is no dict is refused.
    unsafe { Raised::check(py::PyDict_DelItem(dict.as_ptr(), key.as_ptr())) }
}

/// Adds all entries of another mapping.
pub fn update(dict: &Object, other: &Object) -> Result<()> {
    // SAFETY: live objects; what is no dict is refused.
    unsafe { Raised::check(py::PyDict_Update(dict.as_ptr(), other.as_ptr())) }
}

/// Takes out an entry, if it is there.
pub fn take(dict: &Object, key: &'static Name) -> Result<Option<Object>> {
    let key = key.object()?;
    let found = get(dict, key)?;
    if found.is_some() {
        delete(dict, key)?;
    }
    Ok(found)
}
