//! Functions in Rust that stand for asyncio's of the same name: most give a [`Coroutine`](super::Coroutine).
//!
//! To the eye such a function is asyncio's own: its signature, its documentation and all else that `inspect`
//! asks for come from there, so that `iscoroutinefunction` and mocks see what they expect on every
//! interpreter. To the interpreter it is a method descriptor with a vectorcall.

use crate::ffi::class::{Members, guard, type_cell, unary_slot};
use crate::ffi::error::type_error;
use crate::ffi::{Args, Class, Import, Name, Object, Own, Ptr, Raised, Result, Slot, Visitor};
use pyo3_ffi as py;
use std::cell::Cell;
use std::ffi::{CStr, c_ulong, c_void};
use std::mem::offset_of;
use std::ptr;

/// The body of a Counterpart.
#[derive(Default)]
#[repr(C)]
pub struct Counterpart {
    vectorcall: Cell<Option<py::vectorcallfunc>>,
    /// asyncio's function of the same name.
    original: Slot,
}

/// An entry of a class's or the module's table of such functions.
pub struct CounterpartDefinition {
    pub name: &'static CStr,
    vectorcall: py::vectorcallfunc,
    /// Where asyncio has its own: an object to look `name` up in.
    original: &'static Import,
}

impl CounterpartDefinition {
    /// Makes the function.
    pub fn make(&self) -> Result {
        // SAFETY: a live object and a C string.
        let original = unsafe {
            Object::owned(py::PyObject_GetAttrString(self.original.get()?.as_ptr(), self.name.as_ptr()))?
        };
        super::frame::remember(&original)?;
        let body = Counterpart { vectorcall: Cell::new(Some(self.vectorcall)), original: Slot::new(original) };
        Own::new(body).map(Own::into_object)
    }
}

/// A method. `original` is asyncio's class.
pub fn counterpart_method<T: Class, F>(
    name: &'static CStr,
    _: F,
    original: &'static Import,
) -> CounterpartDefinition
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
            // SAFETY: the interpreter passes what the convention says.
            let count = unsafe { py::PyVectorcall_NARGS(count) } as usize;
            // SAFETY: as above.
            let this = (count > 0).then(|| unsafe { Object::from_ref(&*arguments) });
            let Some(this) = this.and_then(Own::<T>::downcast) else {
                let name = T::NAME.to_string_lossy();
                return Err(type_error(&format!("descriptor requires a '{name}' object")));
            };
            // SAFETY: the further arguments lie behind the first.
            let args = unsafe { Args::vector(arguments.add(1), count - 1, names) };
            crate::ffi::class::function::<F>()(this, &args).map(Object::into_ptr)
        })
    }
    CounterpartDefinition { name, vectorcall: raw::<T, F>, original }
}

/// A function of the module. `original` is asyncio's module.
pub fn counterpart_function<F>(name: &'static CStr, _: F, original: &'static Import) -> CounterpartDefinition
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
            crate::ffi::class::function::<F>()(&args).map(Object::into_ptr)
        })
    }
    CounterpartDefinition { name, vectorcall: raw::<F>, original }
}

unsafe extern "C" {
    /// Missing in pyo3-ffi.
    fn PyMethod_New(function: Ptr, instance: Ptr) -> Ptr;
}

/// `function.__get__(instance, class)`.
unsafe extern "C" fn bind(function: Ptr, instance: Ptr, _: Ptr) -> Ptr {
    // SAFETY: live objects; null stands for access through the class.
    unsafe {
        if instance.is_null() || instance == py::Py_None() {
            py::Py_INCREF(function);
            function
        } else {
            PyMethod_New(function, instance)
        }
    }
}

/// What the function itself has not, asyncio's has.
unsafe extern "C" fn getattribute(function: Ptr, name: Ptr) -> Ptr {
    static DOC: Name = Name::new(c"__doc__");
    // SAFETY: live objects; the interpreter has checked the type.
    unsafe {
        let original =
            Own::<Counterpart>::downcast(Object::from_ref(&function)).and_then(|this| this.original.get());
        let Some(original) = original else { return py::PyObject_GenericGetAttr(function, name) };
        // The class's own documentation would be found first.
        if !DOC.get().is_ok_and(|documentation| documentation == name) {
            let found = py::PyObject_GenericGetAttr(function, name);
            if !found.is_null() || py::PyErr_ExceptionMatches(py::PyExc_AttributeError) == 0 {
                return found;
            }
            Raised.discard();
        }
        py::PyObject_GetAttr(original.as_ptr(), name)
    }
}

impl Class for Counterpart {
    const NAME: &'static CStr = c"ferrio._core.Counterpart";
    const CALLABLE: bool = false;
    const FLAGS: c_ulong = py::Py_TPFLAGS_HAVE_VECTORCALL | py::Py_TPFLAGS_METHOD_DESCRIPTOR;
    const VECTORCALL: Option<usize> = Some(offset_of!(Counterpart, vectorcall));
    type_cell!();

    fn empty() -> Self {
        Counterpart::default()
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.slot(&self.original);
    }

    fn clear(&self) {
        self.original.clear();
    }

    fn members() -> Members {
        Members {
            methods: vec![],
            properties: vec![],
            slots: vec![
                py::PyType_Slot { slot: py::Py_tp_call, pfunc: py::PyVectorcall_Call as *mut c_void },
                py::PyType_Slot { slot: py::Py_tp_descr_get, pfunc: bind as *mut c_void },
                py::PyType_Slot { slot: py::Py_tp_getattro, pfunc: getattribute as *mut c_void },
                unary_slot::<Counterpart, _>(py::Py_tp_repr, |this| this.original.get_or_none().repr()),
            ],
        }
    }
}
