//! Methods: plain functions behind the interpreter's calling conventions.

use super::{Class, Own};
use crate::ffi::error::{Builtin, raise, type_error};
use crate::ffi::sys as py;
use crate::ffi::{Args, Name, Object, Ptr, Result};
use std::ffi::CStr;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

/// Calls `work`; an error becomes `failed`, a panic `RuntimeError`.
#[inline]
pub(in crate::ffi) fn guard<T>(failed: T, work: impl FnOnce() -> Result<T>) -> T {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => value,
        // The interpreter finds the error set.
        Ok(Err(raised)) => {
            raised.leave();
            failed
        }
        Err(payload) => {
            let text = payload.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("unknown reason");
            raise(Builtin::Runtime, &format!("ferrio panicked, which is a bug: {text}")).leave();
            failed
        }
    }
}

/// `self` as a typed reference.
///
/// # Safety
/// The object is an instance of T's class, alive during the call.
#[inline]
pub(super) unsafe fn this<T>(object: &Ptr) -> &Own<T> {
    // SAFETY: the caller's promise; an Own consists of a non-null pointer.
    unsafe { Own::from_ref_unchecked(Object::from_ref(object)) }
}

/// The one value of a function's own type.
#[inline]
pub fn function<F: Copy>() -> F {
    const { assert!(mem::size_of::<F>() == 0, "a function item, not a pointer") };
    // SAFETY: a type without size has one value. Function items and closures without captures have no size.
    unsafe { mem::transmute_copy(&()) }
}

/// A method without arguments.
pub fn method0<T: Class, F>(name: &'static CStr, _: F, doc: &'static CStr) -> py::PyMethodDef
where
    F: Fn(&Own<T>) -> Result + Copy + 'static,
{
    unsafe extern "C" fn raw<T: Class, F: Fn(&Own<T>) -> Result + Copy>(slf: Ptr, _: Ptr) -> Ptr {
        // SAFETY: the interpreter has checked the type.
        guard(ptr::null_mut(), || function::<F>()(unsafe { this(&slf) }).map(Object::into_ptr))
    }
    py::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: py::PyMethodDefPointer { PyCFunction: raw::<T, F> },
        ml_flags: py::METH_NOARGS,
        ml_doc: doc.as_ptr(),
    }
}

/// `__dir__()` of a class that passes for another: what an instance has, and not what the other's instances have.
pub fn names<T: Class>() -> py::PyMethodDef {
    method0::<T, _>(
        c"__dir__",
        |this| {
            static DIR: Name = Name::new(c"__dir__");
            let class = this.as_object().class();
            // The names of a class are those that its own class finds for it.
            let names = class.class().getattr(&DIR)?.call(&[&class])?;
            if T::DICT.is_none() {
                return Ok(names);
            }
            names.plus(&this.as_object().own_dict()?.to_list()?)
        },
        c"__dir__($self, /)\n--\n\nReturn the names of the attributes.",
    )
}

/// A method with one positional argument.
pub fn method1<T: Class, F>(name: &'static CStr, _: F, doc: &'static CStr) -> py::PyMethodDef
where
    F: Fn(&Own<T>, &Object) -> Result + Copy + 'static,
{
    unsafe extern "C" fn raw<T: Class, F: Fn(&Own<T>, &Object) -> Result + Copy>(slf: Ptr, argument: Ptr) -> Ptr {
        // SAFETY: the interpreter has checked the type; the argument is alive during the call.
        guard(ptr::null_mut(), || unsafe {
            function::<F>()(this(&slf), Object::from_ref(&argument)).map(Object::into_ptr)
        })
    }
    py::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: py::PyMethodDefPointer { PyCFunction: raw::<T, F> },
        ml_flags: py::METH_O,
        ml_doc: doc.as_ptr(),
    }
}

/// A method with any arguments.
pub fn method<T: Class, F>(name: &'static CStr, _: F, doc: &'static CStr) -> py::PyMethodDef
where
    F: Fn(&Own<T>, &Args<'_>) -> Result + Copy + 'static,
{
    unsafe extern "C" fn raw<T: Class, F: Fn(&Own<T>, &Args<'_>) -> Result + Copy>(
        slf: Ptr,
        arguments: *const Ptr,
        count: py::Py_ssize_t,
        names: Ptr,
    ) -> Ptr {
        // SAFETY: the interpreter has checked the type, and follows the calling convention.
        guard(ptr::null_mut(), || unsafe {
            let args = Args::vector(arguments, count as usize, names);
            function::<F>()(this(&slf), &args).map(Object::into_ptr)
        })
    }
    py::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: py::PyMethodDefPointer { PyCFunctionFastWithKeywords: raw::<T, F> },
        ml_flags: py::METH_FASTCALL | py::METH_KEYWORDS,
        ml_doc: doc.as_ptr(),
    }
}

/// A function of the module, with any arguments.
pub fn module_function<F>(name: &'static CStr, _: F, doc: &'static CStr) -> py::PyMethodDef
where
    F: Fn(&Args<'_>) -> Result + Copy + 'static,
{
    unsafe extern "C" fn raw<F: Fn(&Args<'_>) -> Result + Copy>(
        _: Ptr,
        arguments: *const Ptr,
        count: py::Py_ssize_t,
        names: Ptr,
    ) -> Ptr {
        // SAFETY: the interpreter passes what the convention says.
        guard(ptr::null_mut(), || unsafe {
            function::<F>()(&Args::vector(arguments, count as usize, names)).map(Object::into_ptr)
        })
    }
    py::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: py::PyMethodDefPointer { PyCFunctionFastWithKeywords: raw::<F> },
        ml_flags: py::METH_FASTCALL | py::METH_KEYWORDS,
        ml_doc: doc.as_ptr(),
    }
}

/// A function that is bound to an object of any class. Two that are bound to the same object are equal.
pub struct Bound(py::PyMethodDef);

// SAFETY: its pointers are to static text and functions.
unsafe impl Send for Bound {}
// SAFETY: it is never changed.
unsafe impl Sync for Bound {}

impl Bound {
    /// A function that takes the object and an argument.
    pub fn new<F>(name: &'static CStr, _: F) -> Bound
    where
        F: Fn(&Object, &Object) -> Result + Copy + 'static,
    {
        unsafe extern "C" fn raw<F: Fn(&Object, &Object) -> Result + Copy>(slf: Ptr, argument: Ptr) -> Ptr {
            // SAFETY: live objects during the call.
            guard(ptr::null_mut(), || unsafe {
                function::<F>()(Object::from_ref(&slf), Object::from_ref(&argument)).map(Object::into_ptr)
            })
        }
        Bound(py::PyMethodDef {
            ml_name: name.as_ptr(),
            ml_meth: py::PyMethodDefPointer { PyCFunction: raw::<F> },
            ml_flags: py::METH_O,
            ml_doc: c"".as_ptr(),
        })
    }

    /// A function that takes the object only.
    pub fn without_argument<F>(name: &'static CStr, _: F) -> Bound
    where
        F: Fn(&Object) -> Result + Copy + 'static,
    {
        unsafe extern "C" fn raw<F: Fn(&Object) -> Result + Copy>(slf: Ptr, _: Ptr) -> Ptr {
            // SAFETY: a live object during the call.
            guard(ptr::null_mut(), || unsafe { function::<F>()(Object::from_ref(&slf)).map(Object::into_ptr) })
        }
        Bound(py::PyMethodDef {
            ml_name: name.as_ptr(),
            ml_meth: py::PyMethodDefPointer { PyCFunction: raw::<F> },
            ml_flags: py::METH_NOARGS,
            ml_doc: c"".as_ptr(),
        })
    }

    /// The function, bound to an object.
    pub fn bind(&'static self, object: &Object) -> Result {
        let definition = (&raw const self.0).cast_mut();
        // SAFETY: the definition is static and never written to.
        unsafe { Object::owned(py::PyCFunction_NewEx(definition, object.as_ptr(), ptr::null_mut())) }
    }
}

/// `__class_getitem__`: the class with its parameters, for annotations.
pub fn class_getitem() -> py::PyMethodDef {
    unsafe extern "C" fn raw(class: Ptr, item: Ptr) -> Ptr {
        // SAFETY: the interpreter passes live objects.
        unsafe { py::Py_GenericAlias(class, item) }
    }
    py::PyMethodDef {
        ml_name: c"__class_getitem__".as_ptr(),
        ml_meth: py::PyMethodDefPointer { PyCFunction: raw },
        ml_flags: py::METH_O | py::METH_CLASS,
        ml_doc: c"See PEP 585".as_ptr(),
    }
}

/// The field of a body that has the function by which the interpreter calls the instance.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Vectorcall(#[allow(dead_code, reason = "the interpreter reads it")] py::vectorcallfunc);

/// The call of a method: the first argument is its instance. `class` names the class in messages.
pub fn vectorcall_method<T: Class, F>(_: F) -> Vectorcall
where
    F: Fn(&Own<T>, &Args<'_>) -> Result + Copy + 'static,
{
    unsafe extern "C" fn raw<T: Class, F: Fn(&Own<T>, &Args<'_>) -> Result + Copy>(
        _: Ptr,
        arguments: *const Ptr,
        count: usize,
        names: Ptr,
    ) -> Ptr {
        guard(ptr::null_mut(), || {
            // SAFETY: the interpreter follows the calling convention: `count` arguments, then the named ones.
            let count = unsafe { py::PyVectorcall_NARGS(count) } as usize;
            // SAFETY: as above; the argument is alive during the call.
            let this = (count > 0).then(|| unsafe { Object::from_ref(&*arguments) });
            let Some(this) = this.and_then(Own::<T>::downcast) else {
                let name = T::NAME.to_string_lossy();
                return Err(type_error(&format!("descriptor requires a '{name}' object")));
            };
            // SAFETY: the other arguments follow the first one.
            let args = unsafe { Args::vector(arguments.add(1), count - 1, names) };
            function::<F>()(this, &args).map(Object::into_ptr)
        })
    }
    Vectorcall(raw::<T, F>)
}

/// The call of a function.
pub fn vectorcall_function<F>(_: F) -> Vectorcall
where
    F: Fn(&Args<'_>) -> Result + Copy + 'static,
{
    unsafe extern "C" fn raw<F: Fn(&Args<'_>) -> Result + Copy>(
        _: Ptr,
        arguments: *const Ptr,
        count: usize,
        names: Ptr,
    ) -> Ptr {
        // SAFETY: the interpreter passes what the convention says.
        guard(ptr::null_mut(), || unsafe {
            let args = Args::vector(arguments, py::PyVectorcall_NARGS(count) as usize, names);
            function::<F>()(&args).map(Object::into_ptr)
        })
    }
    Vectorcall(raw::<F>)
}
