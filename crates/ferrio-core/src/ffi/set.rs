//! `set`, in which asyncio has tasks and futures. Python code may use it at any time.

use super::sys as py;
use super::{Name, Object, Raised, Result};

/// Makes an empty set.
pub fn new() -> Result {
    // SAFETY: a new reference or null with an error.
    unsafe { Object::owned(py::PySet_New(std::ptr::null_mut())) }
}

/// `set(items)`.
pub fn of(items: &Object) -> Result {
    // SAFETY: a live object; a new reference or null with an error.
    unsafe { Object::owned(py::PySet_New(items.as_ptr())) }
}

/// Whether it is a set, also of a derived class.
fn is_one(object: &Object) -> bool {
    // SAFETY: a live object.
    unsafe { py::PySet_Check(object.as_ptr()) != 0 }
}

/// Adds an item. For other objects than a set, calls their method.
pub fn add(set: &Object, item: &Object) -> Result<()> {
    static ADD: Name = Name::new(c"add");
    if !is_one(set) {
        return set.method1(&ADD, item).map(drop);
    }
    // SAFETY: live objects.
    unsafe { Raised::check(py::PySet_Add(set.as_ptr(), item.as_ptr())) }
}

/// Removes an item, if it is there. For other objects than a set, calls their method.
pub fn discard(set: &Object, item: &Object) -> Result<()> {
    static DISCARD: Name = Name::new(c"discard");
    if !is_one(set) {
        return set.method1(&DISCARD, item).map(drop);
    }
    // SAFETY: live objects.
    unsafe { Raised::check(py::PySet_Discard(set.as_ptr(), item.as_ptr())) }
}

/// Removes all items. For other objects than a set, calls their method.
pub fn clear(set: &Object) -> Result<()> {
    static CLEAR: Name = Name::new(c"clear");
    if !is_one(set) {
        return set.method0(&CLEAR).map(drop);
    }
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
