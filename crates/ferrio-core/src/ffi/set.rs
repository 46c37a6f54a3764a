//! `set`, as asyncio keeps tasks and futures in it: Python code may look at it at any time.

use super::sys as py;
use super::{Name, Object, Raised, Result};

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

/// Whether it is one, of a derived class too.
fn is_one(object: &Object) -> bool {
    // SAFETY: a live object.
    unsafe { py::PySet_Check(object.as_ptr()) != 0 }
}

/// Adds an item. Anything else than a set is asked for its method.
pub fn add(set: &Object, item: &Object) -> Result<()> {
    static ADD: Name = Name::new(c"add");
    if !is_one(set) {
        return set.method1(&ADD, item).map(drop);
    }
    // SAFETY: live objects.
    unsafe { Raised::check(py::PySet_Add(set.as_ptr(), item.as_ptr())) }
}

/// Takes an item out, if it is there. Anything else than a set is asked for its method.
pub fn discard(set: &Object, item: &Object) -> Result<()> {
    static DISCARD: Name = Name::new(c"discard");
    if !is_one(set) {
        return set.method1(&DISCARD, item).map(drop);
    }
    // SAFETY: live objects.
    unsafe { Raised::check(py::PySet_Discard(set.as_ptr(), item.as_ptr())) }
}

/// Takes all items out. Anything else than a set is asked for its method.
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
