//! Owned references, and the cells that objects keep them in.

use super::{Raised, Result, sys as py};
use std::cell::Cell;
use std::ffi::CStr;
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr::{self, NonNull};

/// A raw object pointer as the C API takes it.
pub type Ptr = *mut py::PyObject;

/// A strong reference. Cloning and dropping change the reference count.
#[repr(transparent)]
pub struct Object(NonNull<py::PyObject>);

impl Clone for Object {
    #[inline]
    fn clone(&self) -> Self {
        // SAFETY: a live object; the GIL is held.
        unsafe { py::Py_INCREF(self.as_ptr()) };
        Object(self.0)
    }
}

impl Drop for Object {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: this reference is owned; the GIL is held.
        unsafe { py::Py_DECREF(self.as_ptr()) }
    }
}

impl Object {
    /// Takes over a new reference as the C API returns it; null means that an error is set.
    ///
    /// # Safety
    /// `pointer` is null with the error indicator set, or a strong reference that is given up.
    #[inline]
    pub unsafe fn owned(pointer: Ptr) -> Result<Object> {
        match NonNull::new(pointer) {
            Some(pointer) => Ok(Object(pointer)),
            // SAFETY: the caller's promise.
            None => Err(unsafe { Raised::assume() }),
        }
    }

    /// Takes over a new reference, or null, which stands for nothing and is no error.
    ///
    /// # Safety
    /// `pointer` is null, or a strong reference that is given up.
    #[inline]
    pub(super) unsafe fn from_new(pointer: Ptr) -> Option<Object> {
        NonNull::new(pointer).map(Object)
    }

    /// Makes a strong reference out of a borrowed one.
    ///
    /// # Safety
    /// `pointer` is a live object.
    #[inline]
    pub unsafe fn borrowed(pointer: Ptr) -> Object {
        // SAFETY: the caller's promise.
        unsafe {
            py::Py_INCREF(pointer);
            Object(NonNull::new_unchecked(pointer))
        }
    }

    /// Looks at a borrowed reference without counting it.
    ///
    /// # Safety
    /// `*pointer` is a live object for as long as the result is used.
    #[inline]
    pub unsafe fn from_ref(pointer: &Ptr) -> &Object {
        // SAFETY: an Object is a non-null pointer and nothing else.
        unsafe { &*ptr::from_ref(pointer).cast::<Object>() }
    }

    /// The pointer, still owned by this reference.
    #[inline]
    pub fn as_ptr(&self) -> Ptr {
        self.0.as_ptr()
    }

    /// Gives the reference up to the C API.
    #[inline]
    pub fn into_ptr(self) -> Ptr {
        let pointer = self.0.as_ptr();
        std::mem::forget(self);
        pointer
    }

    /// `None`.
    #[inline]
    pub fn none() -> Object {
        // SAFETY: a static object.
        unsafe { Object::borrowed(py::Py_None()) }
    }

    /// `True` or `False`.
    #[inline]
    pub fn bool(value: bool) -> Object {
        // SAFETY: static objects.
        unsafe { Object::borrowed(if value { py::Py_True() } else { py::Py_False() }) }
    }

    /// An `int`.
    pub fn int(value: i64) -> Result<Object> {
        // SAFETY: returns a new reference or null with an error.
        unsafe { Object::owned(py::PyLong_FromLongLong(value)) }
    }

    /// A `float`.
    pub fn float(value: f64) -> Result<Object> {
        // SAFETY: returns a new reference or null with an error.
        unsafe { Object::owned(py::PyFloat_FromDouble(value)) }
    }

    /// A `str`.
    pub fn str(value: &str) -> Result<Object> {
        // SAFETY: the text is valid for its length.
        unsafe {
            Object::owned(py::PyUnicode_FromStringAndSize(value.as_ptr().cast(), value.len() as py::Py_ssize_t))
        }
    }

    /// A `bytes`.
    pub fn bytes(value: &[u8]) -> Result<Object> {
        // SAFETY: the bytes are valid for their length.
        unsafe {
            Object::owned(py::PyBytes_FromStringAndSize(value.as_ptr().cast(), value.len() as py::Py_ssize_t))
        }
    }

    /// A `tuple` of the given objects.
    pub fn tuple<const N: usize>(items: [Object; N]) -> Result<Object> {
        // SAFETY: a new tuple's items may be set once each; the references are given up to it.
        unsafe {
            let tuple = Object::owned(py::PyTuple_New(N as py::Py_ssize_t))?;
            for (index, item) in items.into_iter().enumerate() {
                py::PyTuple_SET_ITEM(tuple.as_ptr(), index as py::Py_ssize_t, item.into_ptr());
            }
            Ok(tuple)
        }
    }

    /// A `list` of the given objects.
    pub fn list(items: impl IntoIterator<Item = Object>) -> Result<Object> {
        // SAFETY: a list of our own; appending takes its own reference.
        unsafe {
            let list = Object::owned(py::PyList_New(0))?;
            for item in items {
                Raised::check(py::PyList_Append(list.as_ptr(), item.as_ptr()))?;
            }
            Ok(list)
        }
    }

    /// `tuple(self)`.
    pub fn to_tuple(&self) -> Result {
        // SAFETY: a live object; a new tuple or an error.
        unsafe { Object::owned(py::PySequence_Tuple(self.as_ptr())) }
    }

    /// A `tuple` of clones.
    pub fn tuple_of(items: &[Object]) -> Result {
        // SAFETY: a new tuple, each place set once with a reference of its own.
        unsafe {
            let tuple = Object::owned(py::PyTuple_New(items.len() as py::Py_ssize_t))?;
            for (index, item) in items.iter().enumerate() {
                py::PyTuple_SET_ITEM(tuple.as_ptr(), index as py::Py_ssize_t, item.clone().into_ptr());
            }
            Ok(tuple)
        }
    }

    /// The items of a tuple; None for all else, a class derived from it too.
    #[inline]
    pub fn tuple_items(&self) -> Option<&[Object]> {
        // SAFETY: a live object, found to be a tuple; it keeps its items for as long as it is borrowed.
        unsafe { (py::PyTuple_CheckExact(self.as_ptr()) != 0).then(|| super::args::items(self.as_ptr())) }
    }

    /// `list(self)`.
    pub fn to_list(&self) -> Result {
        // SAFETY: a live object; a new reference or null with an error.
        unsafe { Object::owned(py::PySequence_List(self.as_ptr())) }
    }

    /// `self[index]`, of a sequence.
    pub fn item(&self, index: isize) -> Result {
        // SAFETY: a live object; a new reference or null with an error.
        unsafe { Object::owned(py::PySequence_GetItem(self.as_ptr(), index)) }
    }

    /// `self[index] = item`, of a sequence.
    pub fn set_index(&self, index: isize, item: &Object) -> Result<()> {
        // SAFETY: live objects.
        unsafe { Raised::check(py::PySequence_SetItem(self.as_ptr(), index, item.as_ptr())) }
    }

    /// `del self[start:end]`, of a sequence.
    pub fn delete_slice(&self, start: usize, end: usize) -> Result<()> {
        // SAFETY: a live object.
        unsafe { Raised::check(py::PySequence_DelSlice(self.as_ptr(), start as isize, end as isize)) }
    }

    /// The items of a list; none for all else.
    pub fn list_items(&self) -> Vec<Object> {
        // SAFETY: a live object.
        if unsafe { py::PyList_Check(self.as_ptr()) } == 0 {
            return Vec::new();
        }
        // SAFETY: a list; its items are borrowed from it, and counting one runs nothing that could change it.
        unsafe {
            (0..py::PyList_GET_SIZE(self.as_ptr()))
                .map(|index| Object::borrowed(py::PyList_GET_ITEM(self.as_ptr(), index)))
                .collect()
        }
    }

    /// Whether both are the same object.
    #[inline]
    pub fn is(&self, other: &Object) -> bool {
        self.0 == other.0
    }

    /// Whether it is `True` itself.
    #[inline]
    pub fn is_the_true(&self) -> bool {
        // SAFETY: a static object.
        self.as_ptr() == unsafe { py::Py_True() }
    }

    /// Whether it is a `tuple`, of a derived class too.
    #[inline]
    pub fn is_tuple(&self) -> bool {
        // SAFETY: a live object.
        unsafe { py::PyTuple_Check(self.as_ptr()) != 0 }
    }

    /// Whether it is an `int`, of a derived class too.
    pub fn is_int(&self) -> bool {
        // SAFETY: a live object.
        unsafe { py::PyLong_Check(self.as_ptr()) != 0 }
    }

    /// Whether it is an `int` itself.
    pub fn is_exact_int(&self) -> bool {
        // SAFETY: a live object.
        unsafe { py::PyLong_CheckExact(self.as_ptr()) != 0 }
    }

    /// Whether it is a `float` itself.
    #[inline]
    pub fn is_exact_float(&self) -> bool {
        // SAFETY: a live object.
        unsafe { py::PyFloat_CheckExact(self.as_ptr()) != 0 }
    }

    /// Whether it is a generator, of a derived class too.
    pub fn is_generator(&self) -> bool {
        // SAFETY: a live object.
        unsafe { py::PyGen_Check(self.as_ptr()) != 0 }
    }

    /// Whether it is a coroutine of an `async def`.
    #[inline]
    pub fn is_async_def_coroutine(&self) -> bool {
        self.type_ptr() == &raw mut py::PyCoro_Type
    }

    /// `types.CoroutineType`.
    pub fn coroutine_type() -> Object {
        // SAFETY: a static type object.
        unsafe { Object::borrowed((&raw mut py::PyCoro_Type).cast()) }
    }

    /// Whether it is `None`.
    #[inline]
    pub fn is_none(&self) -> bool {
        // SAFETY: a static object.
        self.as_ptr() == unsafe { py::Py_None() }
    }

    /// The type, borrowed.
    #[inline]
    pub fn type_ptr(&self) -> *mut py::PyTypeObject {
        // SAFETY: a live object.
        unsafe { py::Py_TYPE(self.as_ptr()) }
    }

    /// `type(self)`.
    #[inline]
    pub fn class(&self) -> Object {
        // SAFETY: an object holds its type.
        unsafe { Object::borrowed(self.type_ptr().cast()) }
    }

    /// The address, as representations show it.
    pub fn address(&self) -> usize {
        self.as_ptr() as usize
    }

    /// The type's name, for messages.
    pub fn type_name(&self) -> String {
        // SAFETY: a type's name is a C string that lives as long as the type.
        let name = unsafe { CStr::from_ptr((*self.type_ptr()).tp_name) }.to_string_lossy();
        name.rsplit('.').next().unwrap_or_default().to_owned()
    }

    /// `isinstance(self, class)`, `__class__` properties included.
    pub fn isinstance(&self, class: &Object) -> Result<bool> {
        // SAFETY: live objects.
        unsafe { Raised::answer(py::PyObject_IsInstance(self.as_ptr(), class.as_ptr())) }
    }

    /// `bool(self)`.
    #[inline]
    pub fn is_true(&self) -> Result<bool> {
        // SAFETY: a live object.
        unsafe { Raised::answer(py::PyObject_IsTrue(self.as_ptr())) }
    }

    /// `self <= other`.
    pub fn is_at_most(&self, other: &Object) -> Result<bool> {
        // SAFETY: live objects.
        unsafe { Raised::answer(py::PyObject_RichCompareBool(self.as_ptr(), other.as_ptr(), py::Py_LE)) }
    }

    /// `self + other`.
    pub fn plus(&self, other: &Object) -> Result {
        // SAFETY: live objects; a new reference or null with an error.
        unsafe { Object::owned(py::PyNumber_Add(self.as_ptr(), other.as_ptr())) }
    }

    /// `hash(self)`.
    pub fn hash(&self) -> Result<py::Py_hash_t> {
        // SAFETY: a live object; -1 is an error and nothing else.
        match unsafe { py::PyObject_Hash(self.as_ptr()) } {
            // SAFETY: as above.
            -1 => Err(unsafe { Raised::assume() }),
            hash => Ok(hash),
        }
    }

    /// `self == other`.
    pub fn equals(&self, other: &Object) -> Result<bool> {
        // SAFETY: live objects.
        unsafe { Raised::answer(py::PyObject_RichCompareBool(self.as_ptr(), other.as_ptr(), py::Py_EQ)) }
    }

    /// Whether it can be called.
    pub fn is_callable(&self) -> bool {
        // SAFETY: a live object.
        unsafe { py::PyCallable_Check(self.as_ptr()) == 1 }
    }

    /// `repr(self)`.
    pub fn repr(&self) -> Result<Object> {
        // SAFETY: a live object.
        unsafe { Object::owned(py::PyObject_Repr(self.as_ptr())) }
    }

    /// `str(self)`.
    pub fn to_str(&self) -> Result {
        // SAFETY: a live object; a new reference or null with an error.
        unsafe { Object::owned(py::PyObject_Str(self.as_ptr())) }
    }

    /// `float(self)`.
    pub fn to_f64(&self) -> Result<f64> {
        // SAFETY: a live object; -1 is an error only if one is set.
        unsafe {
            let value = py::PyFloat_AsDouble(self.as_ptr());
            if value == -1.0
                && let Some(raised) = Raised::occurred()
            {
                Err(raised)
            } else {
                Ok(value)
            }
        }
    }

    /// The value of an `int`.
    pub fn to_i64(&self) -> Result<i64> {
        // SAFETY: a live object; -1 is an error only if one is set.
        unsafe {
            let value = py::PyLong_AsLongLong(self.as_ptr());
            if value == -1
                && let Some(raised) = Raised::occurred()
            {
                Err(raised)
            } else {
                Ok(value)
            }
        }
    }
}

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
