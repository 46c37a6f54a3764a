//! `set`, as asyncio keeps tasks and futures in it: Python code may look at it at any time.

use super::{Object, Raised, Result};
use pyo3_ffi as py;

/// Makes an empty one.
pub fn new() -> Result {
    // SAFETY: a new reference or null with an error.
    unsafe { Object::owned(py::PySet_New(std::ptr::null_mut())) }
}

/// `set(items)`.
pub fn of(items: &Object) -> Result {
    // SAFETY: a live object; a new reference or null with an error.
    unsafe { Object::owned(py::PySet_New(items.as_ptr())) }
}

/// Adds an item. What is not a set is refused with an error.
pub fn add(set: &Object, item: &Object) -> Result<()> {
    // SAFETY: live objects.
    if unsafe { py::PySet_Add(set.as_ptr(), item.as_ptr()) } < 0 { Err(Raised) } else { Ok(()) }
}

/// Takes an item out, if it is there. What is not a set is refused with an error.
pub fn discard(set: &Object, item: &Object) -> Result<()> {
    // SAFETY: live objects.
    if unsafe { py::PySet_Discard(set.as_ptr(), item.as_ptr()) } < 0 { Err(Raised) } else { Ok(()) }
}

/// The items, in the set's order.
pub fn items(set: &Object) -> Result<Vec<Object>> {
    // SAFETY: a live iterable; a new list, which nobody else knows, or an error.
    Ok(unsafe { Object::owned(py::PySequence_List(set.as_ptr()))? }.list_items())
}
