//! A list through instances, which does not own them.
//!
//! Each member has a [`Links`] in its body, and leaves the list at the latest when that is dropped. The list is a
//! ring through the members and the list itself.

use super::{Class, Object, Own, Ptr, sys as py};
use std::cell::Cell;
use std::ptr;

/// A member's place in its list.
pub struct Links {
    /// The neighbours in the ring; null while it is in none.
    previous: Cell<*const Links>,
    next: Cell<*const Links>,
    /// The member; null in the list itself.
    object: Cell<Ptr>,
}

impl Default for Links {
    fn default() -> Self {
        Links::new()
    }
}

impl Drop for Links {
    #[inline]
    fn drop(&mut self) {
        self.leave();
    }
}

impl Links {
    const fn new() -> Links {
        Links {
            previous: Cell::new(ptr::null()),
            next: Cell::new(ptr::null()),
            object: Cell::new(ptr::null_mut()),
        }
    }

    /// Takes the member out of its list, if it is in one.
    #[inline]
    pub fn leave(&self) {
        let (previous, next) = (self.previous.replace(ptr::null()), self.next.replace(ptr::null()));
        // SAFETY: both or neither are null, and what is in the ring is alive and stays where it is: a body does not
        // move while `join` may have seen it, and its links leave the ring when they are dropped; a list is static.
        unsafe {
            if let (Some(previous), Some(next)) = (previous.as_ref(), next.as_ref()) {
                previous.next.set(next);
                next.previous.set(previous);
            }
        }
    }
}

/// A list, in a static.
pub struct List(Links);

// SAFETY: whoever joins, leaves or looks has the GIL.
unsafe impl Sync for List {}

impl List {
    /// An empty one.
    pub const fn new() -> List {
        List(Links::new())
    }

    /// Adds a member at the end, unless it is in a list.
    pub fn join<T: Class>(&'static self, member: &Own<T>, links: fn(&T) -> &Links) {
        let ends = &self.0;
        if ends.next.get().is_null() {
            ends.previous.set(ends);
            ends.next.set(ends);
        }
        let links = links(member);
        if !links.next.get().is_null() {
            return;
        }
        links.object.set(member.as_ptr());
        let last = ends.previous.replace(links);
        links.previous.set(last);
        links.next.set(ends);
        // SAFETY: what is in the ring is alive.
        unsafe { (*last).next.set(links) };
    }

    /// The members, in the order of their joining.
    pub fn members(&'static self) -> Vec<Object> {
        let mut members = Vec::new();
        let mut next = self.0.next.get();
        // SAFETY: what is in the ring is alive. A member whose count is 0 is being freed at this moment, and its links
        // have not been dropped yet; it must not be brought back. Counting runs nothing that could change the ring.
        while let Some(links) = unsafe { next.as_ref() } {
            let object = links.object.get();
            if ptr::eq(links, &self.0) {
                break;
            }
            // SAFETY: as above.
            unsafe {
                if py::Py_REFCNT(object) > 0 {
                    members.push(Object::borrowed(object));
                }
            }
            next = links.next.get();
        }
        members
    }
}
