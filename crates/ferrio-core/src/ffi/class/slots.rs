//! Slots: the functions that operators, `await` and the interpreter itself call.

use super::methods::{function, guard, this};
use super::{Class, Own};
use crate::ffi::sys as py;
use crate::ffi::{Object, Ptr, Raised, Result, stop_iteration};
use std::ffi::{c_int, c_void};
use std::ptr;

/// A slot that takes an instance and returns an object: `tp_repr`, `tp_iter`, `am_await`.
pub fn unary_slot<T: Class, F>(slot: c_int, _: F) -> py::PyType_Slot
where
    F: Fn(&Own<T>) -> Result + Copy + 'static,
{
    unsafe extern "C" fn raw<T: Class, F: Fn(&Own<T>) -> Result + Copy>(slf: Ptr) -> Ptr {
        // SAFETY: the interpreter has checked the type.
        guard(ptr::null_mut(), || function::<F>()(unsafe { this(&slf) }).map(Object::into_ptr))
    }
    py::PyType_Slot { slot, pfunc: raw::<T, F> as *mut c_void }
}

/// The answer of a coroutine to a send.
pub enum Sent {
    Returned(Object),
    Yielded(Object),
}

/// The `am_send` slot.
pub fn send_slot<T: Class, F>(_: F) -> py::PyType_Slot
where
    F: Fn(&Own<T>, &Object) -> Result<Sent> + Copy + 'static,
{
    unsafe extern "C" fn raw<T: Class, F: Fn(&Own<T>, &Object) -> Result<Sent> + Copy>(
        slf: Ptr,
        value: Ptr,
        result: *mut Ptr,
    ) -> py::PySendResult {
        // SAFETY: the interpreter has checked the type; the value is alive during the call.
        let sent = guard(None, || unsafe { function::<F>()(this(&slf), Object::from_ref(&value)).map(Some) });
        let (object, status) = match sent {
            Some(Sent::Returned(object)) => (object.into_ptr(), py::PySendResult::PYGEN_RETURN),
            Some(Sent::Yielded(object)) => (object.into_ptr(), py::PySendResult::PYGEN_NEXT),
            None => (ptr::null_mut(), py::PySendResult::PYGEN_ERROR),
        };
        // SAFETY: the interpreter passes a place for the result.
        unsafe { *result = object };
        status
    }
    py::PyType_Slot { slot: py::Py_am_send, pfunc: raw::<T, F> as *mut c_void }
}

/// The `__next__` of a class (`tp_iternext`). If the result is None, the end of the iteration needs no exception.
/// Otherwise, the exception is one that `await` understands.
pub fn next_slot<T: Class, F>(_: F) -> py::PyType_Slot
where
    F: Fn(&Own<T>) -> Result<Sent> + Copy + 'static,
{
    unsafe extern "C" fn raw<T: Class, F: Fn(&Own<T>) -> Result<Sent> + Copy>(slf: Ptr) -> Ptr {
        guard(ptr::null_mut(), || {
            // SAFETY: the interpreter has checked the type.
            match function::<F>()(unsafe { this(&slf) })? {
                Sent::Yielded(object) => Ok(object.into_ptr()),
                // The end without an exception means None.
                Sent::Returned(value) if value.is_none() => Ok(ptr::null_mut()),
                Sent::Returned(value) => Err(stop_iteration::end(value)),
            }
        })
    }
    py::PyType_Slot { slot: py::Py_tp_iternext, pfunc: raw::<T, F> as *mut c_void }
}

/// The `am_anext` slot: the awaitable of the next item.
pub fn anext_slot<T: Class, F>(slot: F) -> py::PyType_Slot
where
    F: Fn(&Own<T>) -> Result + Copy + 'static,
{
    unary_slot::<T, F>(py::Py_am_anext, slot)
}

/// A comparison of two objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    Less,
    AtMost,
    Equal,
    Unequal,
    Greater,
    AtLeast,
}

impl Comparison {
    fn of(operation: c_int) -> Comparison {
        match operation {
            py::Py_LT => Comparison::Less,
            py::Py_LE => Comparison::AtMost,
            py::Py_NE => Comparison::Unequal,
            py::Py_GT => Comparison::Greater,
            py::Py_GE => Comparison::AtLeast,
            _ => Comparison::Equal,
        }
    }
}

/// The `tp_richcompare` slot. None stands for NotImplemented.
pub fn compare_slot<T: Class, F>(_: F) -> py::PyType_Slot
where
    F: Fn(&Own<T>, &Object, Comparison) -> Result<Option<Object>> + Copy + 'static,
{
    unsafe extern "C" fn raw<T: Class, F>(left: Ptr, right: Ptr, operation: c_int) -> Ptr
    where
        F: Fn(&Own<T>, &Object, Comparison) -> Result<Option<Object>> + Copy,
    {
        guard(ptr::null_mut(), || {
            // SAFETY: the interpreter passes live objects.
            let (left, right) = unsafe { (Object::from_ref(&left), Object::from_ref(&right)) };
            let answer = match Own::<T>::downcast(left) {
                Some(this) => function::<F>()(this, right, Comparison::of(operation))?,
                None => None,
            };
            // SAFETY: a static object.
            Ok(answer.unwrap_or_else(|| unsafe { Object::borrowed(py::Py_NotImplemented()) }).into_ptr())
        })
    }
    py::PyType_Slot { slot: py::Py_tp_richcompare, pfunc: raw::<T, F> as *mut c_void }
}

/// The `tp_hash` slot.
pub fn hash_slot<T: Class, F>(_: F) -> py::PyType_Slot
where
    F: Fn(&Own<T>) -> Result<py::Py_hash_t> + Copy + 'static,
{
    unsafe extern "C" fn raw<T: Class, F: Fn(&Own<T>) -> Result<py::Py_hash_t> + Copy>(slf: Ptr) -> py::Py_hash_t {
        // SAFETY: the interpreter has checked the type.
        guard(-1, || function::<F>()(unsafe { this(&slf) }))
    }
    py::PyType_Slot { slot: py::Py_tp_hash, pfunc: raw::<T, F> as *mut c_void }
}

/// The `tp_getattro` slot.
pub fn getattribute_slot<T: Class, F>(_: F) -> py::PyType_Slot
where
    F: Fn(&Own<T>, &Object) -> Result + Copy + 'static,
{
    unsafe extern "C" fn raw<T: Class, F: Fn(&Own<T>, &Object) -> Result + Copy>(slf: Ptr, name: Ptr) -> Ptr {
        // SAFETY: the interpreter has checked the type; the name is alive during the call.
        guard(ptr::null_mut(), || unsafe {
            function::<F>()(this(&slf), Object::from_ref(&name)).map(Object::into_ptr)
        })
    }
    py::PyType_Slot { slot: py::Py_tp_getattro, pfunc: raw::<T, F> as *mut c_void }
}

/// The `tp_setattro` slot: does the same as `object`'s, and then calls the function with the name of the attribute that
/// was set or deleted.
pub fn after_setattr_slot<T: Class, F>(_: F) -> py::PyType_Slot
where
    F: Fn(&Own<T>, &Object) -> Result<()> + Copy + 'static,
{
    unsafe extern "C" fn raw<T: Class, F: Fn(&Own<T>, &Object) -> Result<()> + Copy>(
        slf: Ptr,
        name: Ptr,
        value: Ptr,
    ) -> c_int {
        // SAFETY: the interpreter has checked the type; name and value, which may be null, are alive during the call.
        guard(-1, || unsafe {
            Raised::check(py::PyObject_GenericSetAttr(slf, name, value))?;
            function::<F>()(this(&slf), Object::from_ref(&name)).map(|()| 0)
        })
    }
    py::PyType_Slot { slot: py::Py_tp_setattro, pfunc: raw::<T, F> as *mut c_void }
}

/// The `tp_descr_get` slot of an object that becomes a method of the instance through which it is looked up, as a
/// function does.
pub fn binding_slot() -> py::PyType_Slot {
    unsafe extern "C" fn bind(function: Ptr, instance: Ptr, _: Ptr) -> Ptr {
        // SAFETY: the interpreter passes live objects; null or None stands for access through the class.
        unsafe {
            if instance.is_null() || instance == py::Py_None() {
                py::Py_INCREF(function);
                function
            } else {
                py::PyMethod_New(function, instance)
            }
        }
    }
    py::PyType_Slot { slot: py::Py_tp_descr_get, pfunc: bind as *mut c_void }
}

/// The `tp_call` slot of a class with a [`Vectorcall`](super::Vectorcall).
pub fn call_slot() -> py::PyType_Slot {
    py::PyType_Slot { slot: py::Py_tp_call, pfunc: py::PyVectorcall_Call as *mut c_void }
}
