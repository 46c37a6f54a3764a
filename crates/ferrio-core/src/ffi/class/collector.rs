//! The garbage collector's view of an instance, and the end of an instance.

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
    /// Shows an object by its pointer, which may be null.
    #[inline]
    pub(super) fn pointer(&self, pointer: Ptr) {
        if !pointer.is_null() && self.stopped.get() == 0 {
            // SAFETY: a live object, and the collector's own function.
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
    // SAFETY: the collector passes an instance. Instances own a reference to their class. Nothing here panics or
    // changes a reference count.
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
        // A finaliser may run at any moment, also while an error is set.
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
    // SAFETY: the last reference is gone. The order is that of the interpreter's own classes: finaliser (which may
    // resurrect the object), collector, weak references, contents, memory, class.
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
            // in place: other bodies may have links to its address, which it removes
            ptr::drop_in_place(body);
            Ok(())
        });
        #[cfg(debug_assertions)]
        T::type_cell().remove_live();
        // Instances of derived classes are larger. An instance whose finaliser has run stays marked.
        let is_kept = T::free_list().is_some_and(|list| {
            class == T::type_cell().get() && py::PyObject_GC_IsFinalized(slf) == 0 && list.keep(slf)
        });
        if !is_kept && let Some(free) = (*class).tp_free {
            free(slf.cast());
        }
        py::Py_DECREF(class.cast());
    }
}

/// Frees chains of instances without recursion. A hundred thousand nested coroutines are one chain, for which the stack
/// is too small. This is for interpreters that do not do it themselves.
mod trashcan {
    use super::free;
    use crate::ffi::{Class, Ptr, recursion, sys as py};
    use std::cell::{Cell, RefCell};

    /// How far the stack may grow below the outermost freeing, in bytes: a few hundred levels.
    const DEPTH: usize = 64 * 1024;

    /// An instance, and how it is freed.
    type Waiting = (Ptr, unsafe fn(Ptr));

    struct Trashcan {
        /// The position of the stack when the outermost freeing began; 0 for none.
        ///
        /// A finaliser may release the GIL, and another thread may free something meanwhile. That is an outermost
        /// freeing of its own, and afterwards there is none. The first thread then counts from a new position, which
        /// only makes its stack a little deeper.
        outermost: Cell<usize>,
        /// The instances that wait for the end of the outermost freeing.
        waiting: RefCell<Vec<Waiting>>,
        /// Whether any instance waits.
        any: Cell<bool>,
    }

    // SAFETY: only the freeing of instances uses it, and only the thread that has the GIL frees instances.
    unsafe impl Sync for Trashcan {}

    static TRASHCAN: Trashcan =
        Trashcan { outermost: Cell::new(0), waiting: RefCell::new(Vec::new()), any: Cell::new(false) };

    /// Frees an instance now, or adds it to those that wait for the outermost freeing.
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

    /// Whether this thread is inside the outermost freeing, which may be another thread's.
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
        // SAFETY: nothing refers to the instance. The collector must not find it until it is freed.
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
            // SAFETY: `leave_for_later` has added it, and it is taken out once.
            unsafe { free(instance) };
        }
        TRASHCAN.any.set(false);
    }
}
