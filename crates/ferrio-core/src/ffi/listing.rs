//! List: a linked list through instances, which does not own them.
//!
//! Each member has a [`Links`] in its body, and leaves the list at the latest when this is dropped. The list is a ring
//! through the members and the list itself.

use super::{Class, Object, Own, Ptr, sys as py};
use std::cell::Cell;
use std::ptr;

/// A member's place in its list.
pub struct Links {
    /// The neighbours in the ring; null if it is in no list.
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

    /// Removes the member from its list, if it is in one.
    #[inline]
    pub fn leave(&self) {
        let (previous, next) = (self.previous.replace(ptr::null()), self.next.replace(ptr::null()));
        // SAFETY: both or none are null. The members of the ring are alive and do not move: a body does not move after
        // `join`, and its links leave the ring when they are dropped. A list is static.
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

// SAFETY: the thread that joins, leaves or reads the list has the GIL.
unsafe impl Sync for List {}

impl List {
    /// An empty list.
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

    /// The members, in the order in which they joined.
    pub fn members(&'static self) -> Vec<Object> {
        let mut members = Vec::new();
        let mut next = self.0.next.get();
        // SAFETY: the members of the ring are alive. A member whose count is 0 is being freed, and its links are not
        // dropped yet; it must not be resurrected. Counting runs nothing that could change the ring.
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
