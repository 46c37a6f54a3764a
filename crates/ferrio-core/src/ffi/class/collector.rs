//! What the garbage collector asks of an instance, and the instance's end.

use super::instance::Instance;
use super::methods::{guard, this};
use super::{Class, Dict, KnownSlot, WeakList};
use crate::ffi::sys as py;
use crate::ffi::{Ptr, Raised, Reference, Slot, version};
use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::marker::PhantomData;
use std::ptr;

/// The garbage collector's visit.
pub struct Visitor<'visit> {
    visit: py::visitproc,
    argument: *mut c_void,
    stopped: Cell<c_int>,
    lifetime: PhantomData<&'visit ()>,
}

impl Visitor<'_> {
    /// Shows an object by its pointer; null is none.
    #[inline]
    pub(super) fn pointer(&self, pointer: Ptr) {
        if !pointer.is_null() && self.stopped.get() == 0 {
            // SAFETY: a live object, shown to the collector's own function.
            self.stopped.set(unsafe { (self.visit)(pointer, self.argument) });
        }
    }

    /// Shows what a slot holds.
    #[inline]
    pub fn slot<R: Reference>(&self, slot: &Slot<R>) {
        self.pointer(slot.ptr());
    }

    /// Shows what a slot holds.
    #[inline]
    pub fn known_slot<T>(&self, slot: &KnownSlot<T>) {
        self.pointer(slot.ptr());
    }

    /// Shows an object or an instance.
    #[inline]
    pub fn object<R: Reference>(&self, reference: &R) {
        self.pointer(reference.pointer());
    }
}

pub(super) unsafe extern "C" fn traverse<T: Class>(
    slf: Ptr,
    visit: py::visitproc,
    argument: *mut c_void,
) -> c_int {
    let visitor = Visitor { visit, argument, stopped: Cell::new(0), lifetime: PhantomData };
    // SAFETY: the collector passes an instance; instances own a reference to their class. Nothing here
    // can panic or change a count.
    unsafe {
        visitor.pointer(py::Py_TYPE(slf).cast());
        let body = &raw const (*slf.cast::<Instance<T>>()).body;
        if let Some(offset) = T::DICT {
            visitor.slot(&(*body.byte_add(offset).cast::<Dict>()).0);
        }
        (*body).traverse(&visitor);
    }
    visitor.stopped.get()
}

pub(super) unsafe extern "C" fn clear<T: Class>(slf: Ptr) -> c_int {
    guard(0, || {
        // SAFETY: the collector passes an instance.
        unsafe {
            let body = &raw const (*slf.cast::<Instance<T>>()).body;
            if let Some(offset) = T::DICT {
                (*body.byte_add(offset).cast::<Dict>()).0.clear();
            }
            (*body).clear();
        }
        Ok(0)
    })
}

pub(super) unsafe extern "C" fn finalize<T: Class>(slf: Ptr) {
    guard((), || {
        // A finaliser runs at any moment, also while an exception is on its way.
        let pending = Raised::occurred().map(Raised::take);
        // SAFETY: the interpreter passes an instance.
        T::finalize(unsafe { this(&slf) });
        if let Some(exception) = pending {
            exception.raise().leave();
        }
        Ok(())
    });
}

pub(super) unsafe extern "C" fn dealloc<T: Class>(slf: Ptr) {
    // SAFETY: the interpreter passes an instance whose last reference is gone.
    unsafe { if version::FREES_CHAINS_WITHOUT_RECURSION { free::<T>(slf) } else { trashcan::enter::<T>(slf) } }
}

/// Frees an instance.
///
/// # Safety
/// It is an instance of T's class, and its last reference is gone.
#[inline(always)]
unsafe fn free<T: Class>(slf: Ptr) {
    // SAFETY: the last reference is gone; the order is that of the interpreter's own classes: finaliser
    // (which may bring the object back), collector, weak references, contents, memory, class.
    unsafe {
        let body = &raw mut (*slf.cast::<Instance<T>>()).body;
        if T::FINALIZES && (*body).wants_finalizer() && py::PyObject_CallFinalizerFromDealloc(slf) < 0 {
            return;
        }
        let class = py::Py_TYPE(slf);
        py::PyObject_GC_UnTrack(slf.cast());
        if let Some(offset) = T::WEAK
            && !(*body.byte_add(offset).cast::<WeakList>()).0.get().is_null()
        {
            py::PyObject_ClearWeakRefs(slf);
        }
        guard((), || {
            // in place: a body may be linked to by its address, and unlinks itself
            ptr::drop_in_place(body);
            Ok(())
        });
        #[cfg(debug_assertions)]
        T::type_cell().remove_live();
        // A derived class's instances are larger; one whose finaliser has run is marked for ever.
        let is_kept = T::free_list().is_some_and(|list| {
            class == T::type_cell().get() && py::PyObject_GC_IsFinalized(slf) == 0 && list.keep(slf)
        });
        if !is_kept && let Some(free) = (*class).tp_free {
            free(slf.cast());
        }
        py::Py_DECREF(class.cast());
    }
}

/// Chains of instances are freed without recursion: a hundred thousand nested coroutines are one chain, and the
/// stack would not hold them. Used where the interpreter does not do this itself.
mod trashcan {
    use super::free;
    use crate::ffi::{Class, Ptr, recursion, sys as py};
    use std::cell::{Cell, RefCell};

    /// How far the stack may grow below the outermost freeing, in bytes: some hundred levels.
    const DEPTH: usize = 64 * 1024;

    /// An instance, and how it is freed.
    type Waiting = (Ptr, unsafe fn(Ptr));

    struct Trashcan {
        /// Where the stack was when the outermost freeing began; 0 for none.
        ///
        /// A finaliser may let the GIL go, and another thread may free something meanwhile: that is an outermost one
        /// of its own, and afterwards there is none. What the first thread frees then counts from there again, which
        /// makes its stack a little deeper and no more.
        outermost: Cell<usize>,
        /// What waits for an outermost freeing to end.
        waiting: RefCell<Vec<Waiting>>,
        /// Whether any waits.
        any: Cell<bool>,
    }

    // SAFETY: used only by what frees instances, and only the thread that has the GIL does that.
    unsafe impl Sync for Trashcan {}

    static TRASHCAN: Trashcan =
        Trashcan { outermost: Cell::new(0), waiting: RefCell::new(Vec::new()), any: Cell::new(false) };

    /// Frees an instance now, or leaves it to the outermost freeing.
    ///
    /// # Safety
    /// It is an instance of T's class, and its last reference is gone.
    #[inline(always)]
    pub unsafe fn enter<T: Class>(instance: Ptr) {
        let place = 0_u8;
        let here = (&raw const place) as usize;
        let outermost = TRASHCAN.outermost.get();
        if outermost != 0 {
            if outermost.wrapping_sub(here) < DEPTH {
                // SAFETY: the caller's promise.
                return unsafe { free::<T>(instance) };
            }
            if is_deeper(here, outermost) {
                // SAFETY: the caller's promise.
                return unsafe { leave_for_later(instance, free::<T>) };
            }
        }
        TRASHCAN.outermost.set(here);
        // SAFETY: the caller's promise.
        unsafe { free::<T>(instance) };
        if TRASHCAN.any.get() {
            free_all(here);
        }
        TRASHCAN.outermost.set(0);
    }

    /// Whether this thread, at a place of its stack, is inside of the outermost freeing; that may be another's.
    #[cold]
    #[inline(never)]
    fn is_deeper(here: usize, outermost: usize) -> bool {
        here < outermost && recursion::is_on_this_stack(outermost)
    }

    /// # Safety
    /// The instance's last reference is gone, and `free` is the function for its class.
    #[cold]
    #[inline(never)]
    unsafe fn leave_for_later(instance: Ptr, free: unsafe fn(Ptr)) {
        // SAFETY: nobody else knows the instance; until it is freed, the collector must not either.
        unsafe { py::PyObject_GC_UnTrack(instance.cast()) };
        TRASHCAN.waiting.borrow_mut().push((instance, free));
        TRASHCAN.any.set(true);
    }

    #[cold]
    #[inline(never)]
    fn free_all(here: usize) {
        loop {
            TRASHCAN.outermost.set(here);
            let next = TRASHCAN.waiting.borrow_mut().pop();
            let Some((instance, free)) = next else { break };
            // SAFETY: `leave_for_later` has put it in, and it is taken out once.
            unsafe { free(instance) };
        }
        TRASHCAN.any.set(false);
    }
}
