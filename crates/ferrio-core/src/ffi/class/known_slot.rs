//! KnownSlot: a field with an object that may be an instance of a known class.

use super::{Class, Own};
use crate::ffi::{Object, Ptr};
use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr;

/// A field with any object or nothing, which also knows whether the object is an instance of T's class that may be used
/// as one.
pub struct KnownSlot<T>(Cell<Ptr>, PhantomData<T>);

/// The bit of the pointer for this. It is free because objects are aligned to more than one byte.
const KNOWN: usize = 1;

impl<T> Default for KnownSlot<T> {
    fn default() -> Self {
        KnownSlot(Cell::new(ptr::null_mut()), PhantomData)
    }
}

impl<T> Drop for KnownSlot<T> {
    #[inline]
    fn drop(&mut self) {
        self.clear();
    }
}

impl<T> KnownSlot<T> {
    /// The borrowed pointer; null if the slot is empty.
    #[inline]
    pub(super) fn ptr(&self) -> Ptr {
        self.0.get().map_addr(|address| address & !KNOWN)
    }

    /// A new reference to the object.
    #[inline]
    pub fn get(&self) -> Option<Object> {
        let pointer = self.ptr();
        // SAFETY: the slot owns a reference to the object.
        (!pointer.is_null()).then(|| unsafe { Object::borrowed(pointer) })
    }

    /// The object or `None`.
    pub fn get_or_none(&self) -> Object {
        self.get().unwrap_or_else(Object::none)
    }

    /// Whether it is empty.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.get().is_null()
    }

    /// Whether it has this object.
    #[inline]
    pub fn is(&self, object: &Object) -> bool {
        self.ptr() == object.as_ptr()
    }

    /// Whether it has the same object as another slot.
    #[inline]
    pub fn is_same(&self, other: &KnownSlot<T>) -> bool {
        self.ptr() == other.ptr()
    }

    /// Drops the object.
    pub fn clear(&self) {
        self.replace(ptr::null_mut());
    }

    /// Stores an owned pointer, and drops the old object.
    fn replace(&self, pointer: Ptr) {
        let old = self.0.replace(pointer).map_addr(|address| address & !KNOWN);
        // SAFETY: the slot owned this reference and has given it up.
        drop(unsafe { Object::from_new(old) });
    }
}

impl<T: Class> KnownSlot<T> {
    /// Stores an object. If it is an instance, `may_use` decides whether it may be used as one.
    #[inline]
    pub fn put(&self, object: Object, may_use: impl FnOnce(&Own<T>) -> bool) {
        let known = usize::from(Own::<T>::downcast(&object).is_some_and(may_use));
        self.replace(object.into_ptr().map_addr(|address| address | known));
    }

    /// A slot with an instance. `may_use` decides whether it may be used as one.
    #[inline]
    pub fn new(instance: &Own<T>, may_use: bool) -> KnownSlot<T> {
        let pointer = instance.clone().into_object().into_ptr();
        KnownSlot(Cell::new(pointer.map_addr(|address| address | usize::from(may_use))), PhantomData)
    }

    /// The instance that may be used as one.
    #[inline]
    pub fn instance(&self) -> Option<Own<T>> {
        let pointer = self.0.get();
        if pointer.addr() & KNOWN == 0 {
            return None;
        }
        // SAFETY: the slot owns a reference, and the bit means that `put` or `new` has found an instance.
        Some(unsafe { Own(Object::borrowed(self.ptr()), PhantomData) })
    }
}
