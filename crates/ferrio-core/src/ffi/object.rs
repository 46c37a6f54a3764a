//! Object: an owned reference, how to make one, and what every object can do.

use super::{Raised, Result, sys as py};
use std::ffi::CStr;
use std::ptr::{self, NonNull};

/// A raw pointer to an object, as in the C API.
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
    /// Takes over a new reference from the C API. Null means that an error is set.
    ///
    /// # Safety
    /// `pointer` is null and the error indicator is set, or it is a strong reference that the caller gives up.
    #[inline]
    pub unsafe fn owned(pointer: Ptr) -> Result<Object> {
        match NonNull::new(pointer) {
            Some(pointer) => Ok(Object(pointer)),
            // SAFETY: the caller's promise.
            None => Err(unsafe { Raised::assume() }),
        }
    }

    /// Takes over a new reference, or null, which means None and is not an error.
    ///
    /// # Safety
    /// `pointer` is null, or a strong reference that the caller gives up.
    #[inline]
    pub(super) unsafe fn from_new(pointer: Ptr) -> Option<Object> {
        NonNull::new(pointer).map(Object)
    }

    /// Makes a strong reference of a borrowed one.
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

    /// A view of a borrowed reference, without counting it.
    ///
    /// # Safety
    /// `*pointer` is a live object while the result is used.
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

    /// Passes the reference to the C API.
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

    /// Whether it is a `tuple`, also of a derived class.
    #[inline]
    pub fn is_tuple(&self) -> bool {
        // SAFETY: a live object.
        unsafe { py::PyTuple_Check(self.as_ptr()) != 0 }
    }

    /// Whether it is an `int`, also of a derived class.
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

    /// Whether it is a generator.
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
        // SAFETY: an object owns a reference to its type.
        unsafe { Object::borrowed(self.type_ptr().cast()) }
    }

    /// The address, as representations show it.
    pub fn address(&self) -> usize {
        self.as_ptr() as usize
    }

    /// Whether there are other references to it.
    #[inline]
    pub fn is_shared(&self) -> bool {
        // SAFETY: a live object.
        unsafe { py::Py_REFCNT(self.as_ptr()) > 1 }
    }

    /// The type's name, for messages.
    pub fn type_name(&self) -> String {
        // SAFETY: a type's name is a C string that lives as long as the type.
        let name = unsafe { CStr::from_ptr((*self.type_ptr()).tp_name) }.to_string_lossy();
        name.rsplit('.').next().unwrap_or_default().to_owned()
    }

    /// `isinstance(self, class)`, which also asks `__class__`.
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

    /// `self < other`.
    pub fn is_less(&self, other: &Object) -> Result<bool> {
        // SAFETY: live objects.
        unsafe { Raised::answer(py::PyObject_RichCompareBool(self.as_ptr(), other.as_ptr(), py::Py_LT)) }
    }

    /// `self + other`.
    pub fn plus(&self, other: &Object) -> Result {
        // SAFETY: live objects; a new reference or null with an error.
        unsafe { Object::owned(py::PyNumber_Add(self.as_ptr(), other.as_ptr())) }
    }

    /// The dict of an instance that has one.
    pub fn own_dict(&self) -> Result {
        // SAFETY: a live object; a new reference, or null with an error if there is no dict.
        unsafe { Object::owned(py::PyObject_GenericGetDict(self.as_ptr(), std::ptr::null_mut())) }
    }

    /// `int(self)`.
    pub fn to_int(&self) -> Result {
        // SAFETY: a live object; a new reference or null with an error.
        unsafe { Object::owned(py::PyNumber_Long(self.as_ptr())) }
    }

    /// `hash(self)`.
    pub fn hash(&self) -> Result<py::Py_hash_t> {
        // SAFETY: a live object; -1 always means an error.
        match unsafe { py::PyObject_Hash(self.as_ptr()) } {
            // SAFETY: as above.
            -1 => Err(unsafe { Raised::assume() }),
            hash => Ok(hash),
        }
    }

    /// `object.__hash__(self)`.
    pub fn hash_of_identity(&self) -> py::Py_hash_t {
        // SAFETY: `object` is a static type, which has this function; it can't fail.
        unsafe { py::PyBaseObject_Type.tp_hash.map_or(0, |hash| hash(self.as_ptr())) }
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

    /// The value of an exact `int`, if it fits into 64 bits.
    pub fn small_int(&self) -> Option<i64> {
        if !self.is_exact_int() {
            return None;
        }
        self.to_i64().map_err(Raised::discard).ok()
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
