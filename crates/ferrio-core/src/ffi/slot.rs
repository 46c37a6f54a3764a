//! Slot: a field of a body that has a reference.

use super::{Object, Ptr, sys as py};
use std::cell::Cell;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr;

/// A reference: an object, or an instance of a known class.
///
/// # Safety
/// An implementation consists of a non-null, counted pointer to a live object (`repr(transparent)`). Dropping it drops
/// the reference.
pub unsafe trait Reference: Clone + Sized {
    /// The pointer, still owned by this reference.
    #[inline]
    fn pointer(&self) -> Ptr {
        const { assert!(size_of::<Self>() == size_of::<Ptr>()) };
        // SAFETY: a reference consists of a pointer.
        unsafe { std::mem::transmute_copy(self) }
    }
}

// SAFETY: by its definition.
unsafe impl Reference for Object {}

/// A field with a reference or nothing. A `Slot` has an object, a `Slot<Own<T>>` an instance of T's class.
///
/// The old value is dropped after the field has the new one. So a finaliser that uses the field finds a valid value.
pub struct Slot<R: Reference = Object>(Cell<Ptr>, PhantomData<R>);

impl<R: Reference> Default for Slot<R> {
    fn default() -> Self {
        Slot(Cell::new(ptr::null_mut()), PhantomData)
    }
}

impl<R: Reference> Drop for Slot<R> {
    #[inline]
    fn drop(&mut self) {
        drop(self.take());
    }
}

/// The pointer of a reference.
#[inline]
fn into_pointer<R: Reference>(reference: R) -> Ptr {
    const { assert!(size_of::<R>() == size_of::<Ptr>()) };
    let reference = ManuallyDrop::new(reference);
    // SAFETY: a reference consists of a pointer. It is not used again.
    unsafe { std::mem::transmute_copy(&reference) }
}

/// The reference of a pointer; None for null.
///
/// # Safety
/// The pointer comes from [`into_pointer`] for the same type, and the caller owns it.
#[inline]
unsafe fn from_pointer<R: Reference>(pointer: Ptr) -> Option<R> {
    // SAFETY: a reference consists of a pointer that is not null; the rest is the caller's promise.
    (!pointer.is_null()).then(|| unsafe { std::mem::transmute_copy(&pointer) })
}

impl<R: Reference> Slot<R> {
    /// A slot with a reference.
    #[inline]
    pub fn new(reference: R) -> Slot<R> {
        Slot(Cell::new(into_pointer(reference)), PhantomData)
    }

    /// A new reference to what it has.
    #[inline]
    pub fn get(&self) -> Option<R> {
        let pointer = self.0.get();
        if pointer.is_null() {
            return None;
        }
        // SAFETY: the slot owns a reference to it. The caller gets another.
        unsafe {
            py::Py_INCREF(pointer);
            from_pointer(pointer)
        }
    }

    /// The borrowed pointer; null if the slot is empty.
    #[inline]
    pub(super) fn ptr(&self) -> Ptr {
        self.0.get()
    }

    /// Whether it has this object.
    #[inline]
    pub fn is(&self, object: &Object) -> bool {
        self.0.get() == object.as_ptr()
    }

    /// Whether it is empty.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.get().is_null()
    }

    /// Stores a reference, and drops the old one.
    #[inline]
    pub fn put(&self, reference: R) {
        drop(self.replace(Some(reference)));
    }

    /// Stores a reference or nothing, and drops the old one.
    #[inline]
    pub fn set(&self, reference: Option<R>) {
        drop(self.replace(reference));
    }

    /// Stores a reference or nothing, and returns the old one.
    #[inline]
    pub fn replace(&self, reference: Option<R>) -> Option<R> {
        let old = self.0.replace(reference.map_or(ptr::null_mut(), into_pointer));
        // SAFETY: the slot owned this reference and has given it up.
        unsafe { from_pointer(old) }
    }

    /// Takes the reference out.
    #[inline]
    pub fn take(&self) -> Option<R> {
        self.replace(None)
    }

    /// Drops the reference.
    pub fn clear(&self) {
        drop(self.take());
    }
}

impl Slot {
    /// The object or `None`.
    pub fn get_or_none(&self) -> Object {
        self.get().unwrap_or_else(Object::none)
    }
}
