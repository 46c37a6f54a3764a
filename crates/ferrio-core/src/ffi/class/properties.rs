//! Properties: attributes that are read and written by functions.

use super::methods::{function, guard, this};
use super::{Class, Own};
use crate::ffi::error::{Builtin, raise};
use crate::ffi::sys as py;
use crate::ffi::{Number, Object, Ptr, Result, Slot};
use std::cell::Cell;
use std::ffi::{CStr, c_int, c_void};
use std::ptr;

/// A property that can only be read.
pub fn getter<T: Class, F>(name: &'static CStr, _: F) -> py::PyGetSetDef
where
    F: Fn(&Own<T>) -> Result + Copy + 'static,
{
    py::PyGetSetDef {
        name: name.as_ptr(),
        get: Some(get::<T, F>),
        set: None,
        doc: ptr::null(),
        closure: ptr::null_mut(),
    }
}

/// A property that can be read and written, but not deleted.
pub fn property<T: Class, G, S>(name: &'static CStr, _: G, _: S) -> py::PyGetSetDef
where
    G: Fn(&Own<T>) -> Result + Copy + 'static,
    S: Fn(&Own<T>, &Object) -> Result<()> + Copy + 'static,
{
    py::PyGetSetDef {
        name: name.as_ptr(),
        get: Some(get::<T, G>),
        set: Some(set::<T, S>),
        doc: ptr::null(),
        closure: ptr::null_mut(),
    }
}

/// A property that reads and writes a slot. An empty slot is None.
pub fn slot_property<T: Class, F>(name: &'static CStr, _: F) -> py::PyGetSetDef
where
    F: Fn(&T) -> &Slot + Copy + 'static,
{
    property::<T, _, _>(
        name,
        |this: &Own<T>| Ok(function::<F>()(this).get_or_none()),
        |this: &Own<T>, value: &Object| {
            function::<F>()(this).put(value.clone());
            Ok(())
        },
    )
}

/// A property that reads and writes a bool.
pub fn bool_property<T: Class, F>(name: &'static CStr, _: F) -> py::PyGetSetDef
where
    F: Fn(&T) -> &Cell<bool> + Copy + 'static,
{
    property::<T, _, _>(
        name,
        |this: &Own<T>| Ok(Object::bool(function::<F>()(this).get())),
        |this: &Own<T>, value: &Object| {
            function::<F>()(this).set(value.is_true()?);
            Ok(())
        },
    )
}

/// A property that reads and writes a number of any kind.
pub fn number_property<T: Class, F>(name: &'static CStr, _: F) -> py::PyGetSetDef
where
    F: Fn(&T) -> &Number + Copy + 'static,
{
    property::<T, _, _>(
        name,
        |this: &Own<T>| function::<F>()(this).get(),
        |this: &Own<T>, value: &Object| {
            function::<F>()(this).put(value);
            Ok(())
        },
    )
}

unsafe extern "C" fn get<T: Class, F: Fn(&Own<T>) -> Result + Copy>(slf: Ptr, _: *mut c_void) -> Ptr {
    // SAFETY: the interpreter has checked the type.
    guard(ptr::null_mut(), || function::<F>()(unsafe { this(&slf) }).map(Object::into_ptr))
}

unsafe extern "C" fn set<T: Class, F: Fn(&Own<T>, &Object) -> Result<()> + Copy>(
    slf: Ptr,
    value: Ptr,
    _: *mut c_void,
) -> c_int {
    guard(-1, || {
        if value.is_null() {
            return Err(raise(Builtin::Attribute, "cannot delete attribute"));
        }
        // SAFETY: the interpreter has checked the type; the value is alive during the call.
        unsafe { function::<F>()(this(&slf), Object::from_ref(&value)) }.map(|()| 0)
    })
}
