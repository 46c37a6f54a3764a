//! The variables of a context: what one copy of a context shares with another.
//!
//! A context is an object with a pointer to an immutable mapping of its variables (`hamt`). A copy is a new object with
//! the same pointer. A callback that waits needs the mapping only; [`with_variables`] makes a context of it when the
//! callback runs. So a waiting callback has no context of its own, and callbacks that run one after another take the
//! same object ([`SpareContext`]).
//!
//! The interpreter has no function for this. [`find_layout`] finds out where a thread's state has the current context,
//! and where a context has its mapping. It does so by looking for values that it knows. Where it does not find them,
//! [`current_variables`] returns None, and the caller copies the context.

use super::copy;
use crate::ffi::sys as py;
use crate::ffi::{Object, Ptr, Result, Slot};
use std::ffi::{CStr, c_int, c_void};
use std::mem::MaybeUninit;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Where a thread's state has the current context, and where a context has its variables, in bytes. 0 if unknown.
static CURRENT: AtomicUsize = AtomicUsize::new(0);
static VARIABLES: AtomicUsize = AtomicUsize::new(0);

/// This many bytes of a thread's state are searched. The state of each supported version is larger, and has its context
/// before this.
const SEARCHED: usize = 256;

const WORD: usize = size_of::<usize>();

/// Finds the layout of the running interpreter. Without a success, nothing here reads the interpreter's memory later.
pub fn find_layout() -> Result<()> {
    if cfg!(Py_GIL_DISABLED) || CURRENT.load(Ordering::Relaxed) != 0 {
        return Ok(());
    }
    let context = new()?;
    // SAFETY: the name is a C string; no default.
    let variable = unsafe { Object::owned(py::PyContextVar_New(c"ferrio".as_ptr(), std::ptr::null_mut()))? };
    let entered = super::run(&context, || {
        // SAFETY: live objects; a new reference or null with an error.
        unsafe { Object::owned(py::PyContextVar_Set(variable.as_ptr(), Object::none().as_ptr()))? };
        Ok(places_in_thread(&context))
    })?;
    let left = places_in_thread(&context);
    let Some(mapping) = mapping_of(&context) else { return Ok(()) };
    let (of_one, of_twin) = (places_in_context(&context, mapping), places_in_context(&copy(&context)?, mapping));
    if let ([current], [], [place]) = (entered.as_slice(), left.as_slice(), of_one.as_slice())
        && of_one == of_twin
    {
        VARIABLES.store(*place, Ordering::Relaxed);
        CURRENT.store(*current, Ordering::Relaxed);
    }
    Ok(())
}

/// Where this thread's state has a pointer to the context.
fn places_in_thread(context: &Object) -> Vec<usize> {
    // SAFETY: the caller has the GIL, so there is a state of this thread. It has at least this many bytes.
    unsafe { places(py::PyThreadState_Get().cast(), 0..SEARCHED, context.as_ptr()) }
}

/// Where a context has a pointer to the mapping.
fn places_in_context(context: &Object, mapping: Ptr) -> Vec<usize> {
    // SAFETY: a live object has a type, and as many bytes as its type says.
    unsafe {
        let size = (*py::Py_TYPE(context.as_ptr())).tp_basicsize.max(0) as usize;
        places(context.as_ptr().cast(), size_of::<py::PyObject>()..size, mapping)
    }
}

/// The words in a range of bytes that are this pointer.
///
/// # Safety
/// The memory can be read. Its words may be anything, padding too: they are compared, and never followed.
unsafe fn places(memory: *const MaybeUninit<usize>, range: Range<usize>, wanted: Ptr) -> Vec<usize> {
    // SAFETY: the caller's promise.
    let word = |place: &usize| unsafe { memory.byte_add(*place).cast::<usize>().read_volatile() };
    range.step_by(WORD).filter(|place| word(place) == wanted as usize).collect()
}

/// The mapping that a context shows to the garbage collector; a borrowed pointer.
fn mapping_of(context: &Object) -> Option<Ptr> {
    unsafe extern "C" fn visit(object: Ptr, found: *mut c_void) -> c_int {
        // SAFETY: the collector's function passes live objects, and the pointer that was given below.
        unsafe {
            if CStr::from_ptr((*py::Py_TYPE(object)).tp_name) == c"hamt" {
                *found.cast::<Ptr>() = object;
            }
        }
        0
    }
    let mut found: Ptr = std::ptr::null_mut();
    // SAFETY: a live object; its class's own function, which calls `visit` for each object that it refers to.
    unsafe {
        let traverse = (*py::Py_TYPE(context.as_ptr())).tp_traverse?;
        traverse(context.as_ptr(), visit, (&raw mut found).cast());
    }
    (!found.is_null()).then_some(found)
}

/// The variables of the current context; None if they can't be had without a copy of the context.
#[inline]
pub fn current_variables() -> Option<Object> {
    let current = CURRENT.load(Ordering::Relaxed);
    if current == 0 {
        return None;
    }
    // SAFETY: the caller has the GIL. `find_layout` has found the places; a thread that has used no context has null.
    unsafe {
        let context = py::PyThreadState_Get().cast::<Ptr>().byte_add(current).read();
        (!context.is_null()).then(|| Object::borrowed(variables_of(context).read()))
    }
}

/// Where a context has its variables.
///
/// # Safety
/// A context; `find_layout` has found the place.
#[inline]
unsafe fn variables_of(context: Ptr) -> *mut Ptr {
    // SAFETY: the caller's promise.
    unsafe { context.cast::<Ptr>().byte_add(VARIABLES.load(Ordering::Relaxed)) }
}

/// Puts other variables into a context that no thread has entered, and returns the former ones.
#[inline]
fn exchange(context: &Object, variables: Object) -> Object {
    // SAFETY: a context, since only contexts of this module's get here; its variables, and those that are returned, are
    // owned references.
    unsafe {
        let place = variables_of(context.as_ptr());
        let former = place.read();
        place.write(variables.into_ptr());
        Object::from_new(former).unwrap_or_else(Object::none)
    }
}

/// A new context without variables.
fn new() -> Result {
    // SAFETY: returns a new reference or null with an error.
    unsafe { Object::owned(py::PyContext_New()) }
}

/// A new context with these variables, which are those of [`current_variables`].
pub fn with_variables(variables: Object) -> Result {
    let context = new()?;
    drop(exchange(&context, variables));
    Ok(context)
}

/// A context for callbacks that run one after another. A program can find it, as it finds every object that the garbage
/// collector sees; then it is not used again.
#[derive(Default)]
pub struct SpareContext {
    context: Slot,
    /// The variables of a context that has none.
    no_variables: Slot,
}

impl SpareContext {
    /// A context with these variables, which are those of [`current_variables`].
    #[inline]
    pub fn take(&self, variables: Object) -> Result {
        let Some(context) = self.context.take().filter(|context| !context.is_shared()) else {
            return self.make(variables);
        };
        drop(exchange(&context, variables));
        Ok(context)
    }

    #[cold]
    fn make(&self, variables: Object) -> Result {
        let context = new()?;
        self.no_variables.put(exchange(&context, variables));
        Ok(context)
    }

    /// Keeps a context that [`take`](Self::take) gave, if nobody else has it.
    #[inline]
    pub fn put_back(&self, context: Object) {
        if context.is_shared() {
            return;
        }
        // Its values are let go of now, as if the context had ended.
        if let Some(no_variables) = self.no_variables.get() {
            drop(exchange(&context, no_variables));
            self.context.put(context);
        }
    }

    /// Shows the objects to the garbage collector.
    pub fn traverse(&self, visitor: &crate::ffi::Visitor<'_>) {
        visitor.slot(&self.context);
        visitor.slot(&self.no_variables);
    }
}
