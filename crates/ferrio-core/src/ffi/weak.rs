//! Weak references: they do not keep an object alive, and never point to freed memory.

use super::sys as py;
use super::{Object, Ptr, Result};
use std::ptr;

/// A weak reference. It costs the object an entry in its list of weak references.
pub struct Weak(Object);

impl Weak {
    /// A weak reference to an object. `TypeError` if the object's class does not allow them.
    pub fn new(object: &Object) -> Result<Weak> {
        // SAFETY: a live object; null stands for no callback; a new reference or null with an error.
        unsafe { Object::owned(py::PyWeakref_NewRef(object.as_ptr(), ptr::null_mut())) }.map(Weak)
    }

    /// The object, if it is still there.
    pub fn get(&self) -> Option<Object> {
        let mut found: Ptr = ptr::null_mut();
        // SAFETY: only `new` makes a Weak, so the object is a weak reference, and the call cannot fail. It returns a
        // new reference or null.
        unsafe {
            py::compat::PyWeakref_GetRef(self.0.as_ptr(), &mut found);
            Object::from_new(found)
        }
    }
}
