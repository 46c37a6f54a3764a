//! A list through instances, which does not own them.
//!
//! Each member has a [`Links`] in its body, and leaves the list at the latest when that is dropped. The list is a ring
//! through the members and its [`Head`]. Links are laid out as the interpreter's own (`llist_node`), so that a member
//! may also join a list of the interpreter's.

use super::class::body_offset;
use super::{Class, Object, Own, Ptr, sys as py};
use std::cell::Cell;
use std::ptr;

/// A member's place in its list, or the two ends of a list.
#[repr(C)]
pub struct Links {
    /// The neighbours in the ring; null while it is in none.
    next: Cell<*const Links>,
    previous: Cell<*const Links>,
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
        Links { next: Cell::new(ptr::null()), previous: Cell::new(ptr::null()) }
    }

    /// Takes the member out of its list, if it is in one.
    #[inline]
    pub fn leave(&self) {
        let (previous, next) = (self.previous.replace(ptr::null()), self.next.replace(ptr::null()));
        // SAFETY: both or neither are null, and what is in the ring is alive and stays where it is: a body does not
        // move while `join` may have seen it, and its links leave the ring when they are dropped; a list of Ferrio's
        // is static, and the interpreter moves what is in a list of its own before it frees that list.
        unsafe {
            if let (Some(previous), Some(next)) = (previous.as_ref(), next.as_ref()) {
                previous.next.set(next);
                next.previous.set(previous);
            }
        }
    }

    /// Whether it is in a list.
    #[inline]
    fn is_in_a_list(&self) -> bool {
        !self.next.get().is_null()
    }
}

/// The ends of a list.
#[derive(Clone, Copy)]
pub struct Head(*const Links);

impl Head {
    /// The list whose ends the interpreter keeps at an address.
    ///
    /// # Safety
    /// There is an `llist_node` of the interpreter's, which is the head of a list. It stays there as long as the
    /// result is used.
    pub(super) unsafe fn at(address: *const Links) -> Head {
        Head(address)
    }

    /// Adds a member at the end, unless it is in a list.
    #[inline]
    pub fn join(self, links: &Links) {
        if links.is_in_a_list() {
            return;
        }
        // SAFETY: a head is alive while it is used, and what is in the ring is alive.
        unsafe {
            let ends = &*self.0;
            let last = ends.previous.replace(links);
            links.previous.set(last);
            links.next.set(ends);
            (*last).next.set(links);
        }
    }

    /// The members that are instances of T's class, or of one derived from it, in the order of their joining. `place`
    /// is where a body of T has its links.
    pub fn members<T: Class>(self, place: usize) -> Vec<Object> {
        let place = place + body_offset::<T>();
        let mut members = Vec::new();
        // SAFETY: what is in the ring is alive. Every member of a list that T's instances join is an object that has
        // its links at the same place. One whose count is 0 is being freed at this moment, and its links have not been
        // dropped yet; it must not be brought back. Counting runs nothing that could change the ring.
        unsafe {
            let mut next = (*self.0).next.get();
            while !next.is_null() && !ptr::eq(next, self.0) {
                let object: Ptr = next.byte_sub(place).cast_mut().cast();
                if py::Py_REFCNT(object) > 0 && Own::<T>::downcast(Object::from_ref(&object)).is_some() {
                    members.push(Object::borrowed(object));
                }
                next = (*next).next.get();
            }
        }
        members
    }
}

/// A list of Ferrio's own, in a static.
pub struct List(Links);

// SAFETY: whoever joins, leaves or looks has the GIL.
unsafe impl Sync for List {}

impl List {
    /// An empty one.
    pub const fn new() -> List {
        List(Links::new())
    }

    /// Its ends.
    #[inline]
    pub fn head(&'static self) -> Head {
        if !self.0.is_in_a_list() {
            self.0.next.set(&self.0);
            self.0.previous.set(&self.0);
        }
        Head(&self.0)
    }
}
