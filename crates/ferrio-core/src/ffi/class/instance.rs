//! Instances: their layout, references to them, and how they are made.

use super::{Class, FreeList};
use crate::ffi::error::impossible;
use crate::ffi::sys as py;
use crate::ffi::{Name, Object, Ptr, Raised, Reference, Result, Slot};
use std::cell::Cell;
use std::marker::PhantomData;
use std::ops::Deref;
use std::ptr;
#[cfg(debug_assertions)]
use std::sync::atomic::AtomicI64;
use std::sync::atomic::{AtomicPtr, Ordering};

/// The place of a class's type object.
pub struct TypeCell {
    class: AtomicPtr<py::PyTypeObject>,
    /// Ferrio's own classes that derive from it.
    derived: [AtomicPtr<py::PyTypeObject>; DERIVED],
    /// The number of live instances.
    #[cfg(debug_assertions)]
    pub(super) live: AtomicI64,
}

/// How many of Ferrio's classes may derive from one: Task and Gathering derive from Future. Each costs a comparison in
/// [`Own::downcast_own`].
const DERIVED: usize = 2;

impl TypeCell {
    /// Not made yet.
    pub const fn new() -> TypeCell {
        TypeCell {
            class: AtomicPtr::new(ptr::null_mut()),
            derived: [const { AtomicPtr::new(ptr::null_mut()) }; DERIVED],
            #[cfg(debug_assertions)]
            live: AtomicI64::new(0),
        }
    }

    /// The type object; null before [`make_type`](super::make_type).
    #[inline]
    pub(in crate::ffi) fn get(&self) -> *mut py::PyTypeObject {
        self.class.load(Ordering::Relaxed)
    }
}

impl Default for TypeCell {
    fn default() -> Self {
        TypeCell::new()
    }
}

impl TypeCell {
    /// Stores the type object.
    pub(super) fn set(&self, class: Object) {
        self.class.store(class.into_ptr().cast(), Ordering::Relaxed);
    }

    /// Stores the type object of a class that derives from this one.
    pub(super) fn add_derived(&self, class: &Object) -> Result<()> {
        let place = self.derived.iter().find(|place| place.load(Ordering::Relaxed).is_null());
        let Some(place) = place else { return Err(impossible("too many classes derive from one")) };
        place.store(class.clone().into_ptr().cast(), Ordering::Relaxed);
        Ok(())
    }

    /// Whether a type object is one of Ferrio's that derive from this one.
    #[inline]
    fn is_of_derived(&self, class: *mut py::PyTypeObject) -> bool {
        self.derived.iter().any(|derived| derived.load(Ordering::Relaxed) == class)
    }

    /// Whether the class is made.
    pub fn is_made(&self) -> bool {
        !self.get().is_null()
    }
}

/// Declares the place of a class's type object.
macro_rules! type_cell {
    () => {
        fn type_cell() -> &'static $crate::ffi::class::TypeCell {
            static CELL: $crate::ffi::class::TypeCell = $crate::ffi::class::TypeCell::new();
            &CELL
        }
    };
}
pub(crate) use type_cell;

/// An instance's `__dict__`.
#[derive(Default)]
pub struct Dict(pub(super) Slot);

impl Dict {
    /// Whether the instance has an attribute of its own.
    pub fn contains(&self, name: &Name) -> Result<bool> {
        if self.0.is_empty() {
            return Ok(false);
        }
        let dict = self.0.get_or_none();
        // SAFETY: the interpreter stores only a dict there, which the reference keeps alive; a live key.
        unsafe { Raised::answer(py::PyDict_Contains(dict.as_ptr(), name.get()?)) }
    }
}

/// The weak references to an instance. The interpreter owns the list.
pub struct WeakList(pub(super) Cell<Ptr>);

impl Default for WeakList {
    fn default() -> Self {
        WeakList(Cell::new(ptr::null_mut()))
    }
}

/// The alignment of objects by the interpreter's allocator, in bytes.
pub(super) const OBJECT_ALIGNMENT: usize = 16;

/// The memory of an instance.
#[repr(C)]
pub struct Instance<T> {
    header: py::PyObject,
    pub(super) body: T,
}

/// Where an instance of T's class has its body, in bytes from its beginning.
pub const fn body_offset<T>() -> usize {
    std::mem::offset_of!(Instance<T>, body)
}

/// A strong reference to an instance of a class.
#[repr(transparent)]
pub struct Own<T>(pub(super) Object, pub(super) PhantomData<T>);

impl<T> Clone for Own<T> {
    #[inline]
    fn clone(&self) -> Self {
        Own(self.0.clone(), PhantomData)
    }
}

impl<T> Deref for Own<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: an Own only refers to an instance of T's class or of a derived one.
        unsafe { &(*self.0.as_ptr().cast::<Instance<T>>()).body }
    }
}

impl<T> Own<T> {
    /// The instance as any object.
    #[inline]
    pub fn as_object(&self) -> &Object {
        &self.0
    }

    /// The instance as any object.
    #[inline]
    pub fn into_object(self) -> Object {
        self.0
    }

    /// The pointer, still owned by this reference.
    #[inline]
    pub fn as_ptr(&self) -> Ptr {
        self.0.as_ptr()
    }

    /// A view of an object that is known to be an instance.
    ///
    /// # Safety
    /// The object is an instance of T's class or of one derived from it.
    #[inline]
    pub(in crate::ffi) unsafe fn from_ref_unchecked(object: &Object) -> &Own<T> {
        // SAFETY: an Own consists of an Object.
        unsafe { &*ptr::from_ref(object).cast::<Own<T>>() }
    }
}

impl<T: Class> Own<T> {
    /// Makes an instance of the class itself.
    #[inline]
    pub fn new(body: T) -> Result<Own<T>> {
        let own = Own::new_untracked(body)?;
        // SAFETY: its body is written, and it is not tracked yet.
        unsafe { py::PyObject_GC_Track(own.as_ptr().cast()) };
        Ok(own)
    }

    /// Makes an instance that the garbage collector does not see. Cycles through it are not collected until
    /// [`track`](Self::track) is called; what it refers to stays alive.
    #[inline]
    pub fn new_untracked(body: T) -> Result<Own<T>> {
        let class = T::type_cell().get();
        // SAFETY: the type has GC. The object is not tracked yet, so nothing finds it before the body is written.
        // `_PyObject_GC_New` counts the reference to its type.
        unsafe {
            let object: *mut Instance<T> = match T::free_list().and_then(FreeList::take) {
                Some(memory) => py::PyObject_Init(memory, class).cast(),
                None => py::_PyObject_GC_New(class).cast(),
            };
            if object.is_null() {
                return Err(Raised::assume());
            }
            ptr::write(&raw mut (*object).body, body);
            #[cfg(debug_assertions)]
            T::type_cell().add_live();
            Ok(Own(Object::owned(object.cast())?, PhantomData))
        }
    }

    /// Shows an instance to the garbage collector from here on.
    #[cold]
    pub fn track(&self) {
        // SAFETY: a live instance, whose class has GC.
        unsafe {
            if py::PyObject_GC_IsTracked(self.as_ptr()) == 0 {
                py::PyObject_GC_Track(self.as_ptr().cast());
            }
        }
    }

    /// The object as an instance, if it is one; also of a derived class.
    #[inline]
    pub fn downcast(object: &Object) -> Option<&Own<T>> {
        let class = T::type_cell().get();
        // SAFETY: live objects; checked.
        unsafe {
            (object.type_ptr() == class || py::PyType_IsSubtype(object.type_ptr(), class) != 0)
                .then(|| Own::from_ref_unchecked(object))
        }
    }

    /// The object as an instance, if its class is this one or one of Ferrio's own that derive from it, not a class of
    /// the program.
    #[inline]
    pub fn downcast_own(object: &Object) -> Option<&Own<T>> {
        let (class, cell) = (object.type_ptr(), T::type_cell());
        // SAFETY: checked; a class that is stored as derived was made as derived from this one.
        (class == cell.get() || cell.is_of_derived(class)).then(|| unsafe { Own::from_ref_unchecked(object) })
    }

    /// The object as an instance, if it is one of the class itself.
    #[inline]
    pub fn downcast_exact(object: &Object) -> Option<&Own<T>> {
        // SAFETY: checked.
        (object.type_ptr() == T::type_cell().get()).then(|| unsafe { Own::from_ref_unchecked(object) })
    }
}

impl<T: Class> Own<T> {
    /// The class as an object. An error before it is made.
    pub fn class_object() -> Result {
        let class: Ptr = T::type_cell().get().cast();
        if class.is_null() {
            return Err(impossible("a class of Ferrio's is not made yet"));
        }
        // SAFETY: a type object that was made is never freed.
        Ok(unsafe { Object::borrowed(class) })
    }

    /// Whether the class is made.
    pub fn class_is_made() -> bool {
        T::type_cell().is_made()
    }

    /// Whether it is an instance of the class itself, not of a derived one.
    #[inline]
    pub fn is_exact(&self) -> bool {
        self.0.type_ptr() == T::type_cell().get()
    }

    /// The instance as one of its base class.
    #[inline]
    pub fn upcast<B: Class>(&self) -> &Own<B>
    where
        T: Extends<B>,
    {
        // SAFETY: the promise of `Extends`.
        unsafe { Own::from_ref_unchecked(&self.0) }
    }
}

// SAFETY: an Own consists of an Object.
unsafe impl<T> Reference for Own<T> {}

/// A class that derives from another of Ferrio's, B.
///
/// # Safety
/// The body begins with a body of B, and the class derives from B's. Only [`extends`] may promise it.
pub unsafe trait Extends<B: Class>: Class {}

/// Declares that a class derives from another, whose body is its body's first field: `extends!(Task: Future, future)`.
macro_rules! extends {
    ($derived:ty: $base:ty, $field:ident) => {
        const _: () = {
            assert!(std::mem::offset_of!($derived, $field) == 0);
            let _: fn(&$derived) -> &$base = |derived| &derived.$field;
        };
        // SAFETY: checked above; `make_derived_type` makes the class as derived from its base.
        #[allow(unsafe_code)]
        unsafe impl $crate::ffi::class::Extends<$base> for $derived {}
    };
}
pub(crate) use extends;
