//! `set`, as asyncio keeps tasks and futures in it: Python code may look at it at any time.

use super::sys as py;
use super::{Object, Raised, Result};

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
    unsafe { Raised::check(py::PySet_Add(set.as_ptr(), item.as_ptr())) }
}

/// Takes an item out, if it is there. What is not a set is refused with an error.
pub fn discard(set: &Object, item: &Object) -> Result<()> {
    // SAFETY: live objects.
    unsafe { Raised::check(py::PySet_Discard(set.as_ptr(), item.as_ptr())) }
}

/// Takes all items out. What is not a set is refused with an error.
pub fn clear(set: &Object) -> Result<()> {
    // SAFETY: a live object.
    unsafe { Raised::check(py::PySet_Clear(set.as_ptr())) }
}

/// `frozenset(items)`.
pub fn frozen(items: &Object) -> Result {
    // SAFETY: a live object; a new reference or null with an error.
    unsafe { Object::owned(py::PyFrozenSet_New(items.as_ptr())) }
}

/// The items, in the set's order.
pub fn items(set: &Object) -> Result<Vec<Object>> {
    Ok(set.to_list()?.list_items())
}
