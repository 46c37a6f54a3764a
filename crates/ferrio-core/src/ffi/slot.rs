//! Slot: the field of an object's body that holds a reference.

use super::{Object, Ptr, sys as py};
use std::cell::Cell;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr;

/// A reference: an object, or an instance of a known class.
///
/// # Safety
/// An implementation is a non-null, counted pointer to a live object and nothing else (`repr(transparent)`), and
/// dropping it gives the reference up.
pub unsafe trait Reference: Clone + Sized {
    /// The pointer, still owned by this reference.
    #[inline]
    fn pointer(&self) -> Ptr {
        const { assert!(size_of::<Self>() == size_of::<Ptr>()) };
        // SAFETY: a reference is a pointer and nothing else.
        unsafe { std::mem::transmute_copy(self) }
    }
}

// SAFETY: by its definition.
unsafe impl Reference for Object {}

/// A field that holds a reference or nothing: an object, or with `Slot<Own<T>>` an instance of T's class.
///
/// A value that is replaced is dropped after the field has its new one, so that a finaliser which looks at the
/// field finds it whole.
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

/// A reference as the pointer that it is.
#[inline]
fn into_pointer<R: Reference>(reference: R) -> Ptr {
    const { assert!(size_of::<R>() == size_of::<Ptr>()) };
    let reference = ManuallyDrop::new(reference);
    // SAFETY: a reference is a pointer and nothing else; it is not used again.
    unsafe { std::mem::transmute_copy(&reference) }
}

/// The reference that a pointer was made of; null is nothing.
///
/// # Safety
/// The pointer is of [`into_pointer`] for the same type, and owned by the caller.
#[inline]
unsafe fn from_pointer<R: Reference>(pointer: Ptr) -> Option<R> {
    // SAFETY: a reference is a pointer that is not null and nothing else; the caller's promise.
    (!pointer.is_null()).then(|| unsafe { std::mem::transmute_copy(&pointer) })
}

impl<R: Reference> Slot<R> {
    /// A slot that holds `reference`.
    #[inline]
    pub fn new(reference: R) -> Slot<R> {
        Slot(Cell::new(into_pointer(reference)), PhantomData)
    }

    /// What it holds, as a reference of the caller's own.
    #[inline]
    pub fn get(&self) -> Option<R> {
        let pointer = self.0.get();
        if pointer.is_null() {
            return None;
        }
        // SAFETY: the slot holds a reference to it; the caller gets one more.
        unsafe {
            py::Py_INCREF(pointer);
            from_pointer(pointer)
        }
    }

    /// The pointer, borrowed; null for nothing.
    #[inline]
    pub(super) fn ptr(&self) -> Ptr {
        self.0.get()
    }

    /// Whether it holds this very object.
    #[inline]
    pub fn is(&self, object: &Object) -> bool {
        self.0.get() == object.as_ptr()
    }

    /// Whether it holds nothing.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.get().is_null()
    }

    /// Puts a reference in; the old one is dropped.
    #[inline]
    pub fn put(&self, reference: R) {
        drop(self.replace(Some(reference)));
    }

    /// Puts a reference or nothing in; the old one is dropped.
    #[inline]
    pub fn set(&self, reference: Option<R>) {
        drop(self.replace(reference));
    }

    /// Puts a reference or nothing in and returns the old one.
    #[inline]
    pub fn replace(&self, reference: Option<R>) -> Option<R> {
        let old = self.0.replace(reference.map_or(ptr::null_mut(), into_pointer));
        // SAFETY: the slot's reference, given up by it.
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
