//! Owned references, and the cells that objects keep them in.

use super::{Raised, Result};
use pyo3_ffi as py;
use std::cell::Cell;
use std::ffi::CStr;
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
        NonNull::new(pointer).map(Object).ok_or(Raised)
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
                if py::PyList_Append(list.as_ptr(), item.as_ptr()) < 0 {
                    return Err(Raised);
                }
            }
            Ok(list)
        }
    }

    /// `tuple(self)`.
    pub fn to_tuple(&self) -> Result {
        // SAFETY: a live object; a new tuple or an error.
        unsafe { Object::owned(py::PySequence_Tuple(self.as_ptr())) }
    }

    /// The items of a tuple; None for all else, a class derived from it too.
    #[inline]
    pub fn tuple_items(&self) -> Option<&[Object]> {
        // SAFETY: a live object, found to be a tuple; it keeps its items for as long as it is borrowed.
        unsafe { (py::PyTuple_CheckExact(self.as_ptr()) != 0).then(|| super::args::items(self.as_ptr())) }
    }

    /// The items of a list that nobody else knows.
    pub fn list_items(&self) -> Vec<Object> {
        // SAFETY: a list; its items are borrowed from it.
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

    /// The type's name, for messages.
    pub fn type_name(&self) -> String {
        // SAFETY: a type's name is a C string that lives as long as the type.
        let name = unsafe { CStr::from_ptr((*self.type_ptr()).tp_name) }.to_string_lossy();
        name.rsplit('.').next().unwrap_or_default().to_owned()
    }

    /// `isinstance(self, class)`, `__class__` properties included.
    pub fn isinstance(&self, class: &Object) -> Result<bool> {
        // SAFETY: live objects.
        match unsafe { py::PyObject_IsInstance(self.as_ptr(), class.as_ptr()) } {
            -1 => Err(Raised),
            answer => Ok(answer == 1),
        }
    }

    /// `bool(self)`.
    #[inline]
    pub fn is_true(&self) -> Result<bool> {
        // SAFETY: a live object.
        match unsafe { py::PyObject_IsTrue(self.as_ptr()) } {
            -1 => Err(Raised),
            answer => Ok(answer == 1),
        }
    }

    /// `self == other`.
    pub fn equals(&self, other: &Object) -> Result<bool> {
        // SAFETY: live objects.
        match unsafe { py::PyObject_RichCompareBool(self.as_ptr(), other.as_ptr(), py::Py_EQ) } {
            -1 => Err(Raised),
            answer => Ok(answer == 1),
        }
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

    /// `repr(self)` for a message.
    pub fn repr_text(&self) -> Result<String> {
        self.repr()?.to_text()
    }

    /// A `str`'s text; lone surrogates are replaced.
    pub fn to_text(&self) -> Result<String> {
        let mut length = 0;
        // SAFETY: a live object; the answer is checked and belongs to the object.
        unsafe {
            let text = py::PyUnicode_AsUTF8AndSize(self.as_ptr(), &mut length);
            if text.is_null() {
                return Err(Raised);
            }
            let bytes = std::slice::from_raw_parts(text.cast::<u8>(), length as usize);
            Ok(String::from_utf8_lossy(bytes).into_owned())
        }
    }

    /// `float(self)`.
    pub fn to_f64(&self) -> Result<f64> {
        // SAFETY: a live object; -1 is an error only if one is set.
        unsafe {
            let value = py::PyFloat_AsDouble(self.as_ptr());
            if value == -1.0 && !py::PyErr_Occurred().is_null() { Err(Raised) } else { Ok(value) }
        }
    }

    /// The value of an `int`.
    pub fn to_i64(&self) -> Result<i64> {
        // SAFETY: a live object; -1 is an error only if one is set.
        unsafe {
            let value = py::PyLong_AsLongLong(self.as_ptr());
            if value == -1 && !py::PyErr_Occurred().is_null() { Err(Raised) } else { Ok(value) }
        }
    }
}

/// A field that holds an object or nothing. A value that is replaced is dropped after the field has its
/// new one, so that a finaliser which looks at the field finds it whole.
pub struct Slot(Cell<Ptr>);

impl Default for Slot {
    fn default() -> Self {
        Slot(Cell::new(ptr::null_mut()))
    }
}

impl Drop for Slot {
    #[inline]
    fn drop(&mut self) {
        drop(self.take());
    }
}

impl Slot {
    /// A slot that holds `object`.
    #[inline]
    pub fn new(object: Object) -> Slot {
        Slot(Cell::new(object.into_ptr()))
    }

    /// The object, as a reference of the caller's own.
    #[inline]
    pub fn get(&self) -> Option<Object> {
        let pointer = self.0.get();
        // SAFETY: a pointer in a slot is live.
        (!pointer.is_null()).then(|| unsafe { Object::borrowed(pointer) })
    }

    /// The object or `None`.
    pub fn get_or_none(&self) -> Object {
        self.get().unwrap_or_else(Object::none)
    }

    /// The pointer, borrowed; null for nothing.
    #[inline]
    pub fn ptr(&self) -> Ptr {
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

    /// Puts an object in; the old one is dropped.
    #[inline]
    pub fn put(&self, object: Object) {
        drop(self.replace(Some(object)));
    }

    /// Puts an object or nothing in; the old one is dropped.
    #[inline]
    pub fn set(&self, object: Option<Object>) {
        drop(self.replace(object));
    }

    /// Puts an object or nothing in and returns the old one.
    #[inline]
    pub fn replace(&self, object: Option<Object>) -> Option<Object> {
        let old = self.0.replace(object.map_or(ptr::null_mut(), Object::into_ptr));
        // SAFETY: the slot's reference, given up by it.
        NonNull::new(old).map(Object)
    }

    /// Takes the object out.
    #[inline]
    pub fn take(&self) -> Option<Object> {
        self.replace(None)
    }

    /// Drops the object.
    pub fn clear(&self) {
        drop(self.take());
    }
}
