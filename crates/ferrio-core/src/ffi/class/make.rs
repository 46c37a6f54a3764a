//! The type object of a class.

use super::collector::{clear, dealloc, finalize, traverse};
use super::instance::{Instance, OBJECT_ALIGNMENT};
use super::methods::{guard, this};
use super::properties::getter;
use super::{Class, Definition, Extends, Method, Own};
use crate::ffi::error::type_error;
use crate::ffi::sys as py;
use crate::ffi::{Args, Object, Ptr, Raised, Result};
use std::ffi::{c_int, c_uint, c_void};
use std::mem::{self, offset_of};
use std::ptr;

unsafe extern "C" fn new<T: Class>(class: *mut py::PyTypeObject, _: Ptr, _: Ptr) -> Ptr {
    guard(ptr::null_mut(), || {
        let body = T::empty();
        // SAFETY: this is the class's own allocator. The body is written before anything can use it, because nothing in
        // between calls into the interpreter.
        unsafe {
            let Some(allocate) = (*class).tp_alloc else { return Err(type_error("class cannot be instantiated")) };
            let object = allocate(class, 0);
            if object.is_null() {
                return Err(Raised::assume());
            }
            ptr::write(&raw mut (*object.cast::<Instance<T>>()).body, body);
            #[cfg(debug_assertions)]
            T::type_cell().add_live();
            Ok(object)
        }
    })
}

unsafe extern "C" fn init<T: Class>(slf: Ptr, arguments: Ptr, keywords: Ptr) -> c_int {
    guard(-1, || {
        // SAFETY: the interpreter has checked the type, and passes a tuple and a dict or null.
        unsafe { Args::with_tuple(arguments, keywords, |args| T::init(this(&slf), args)).map(|()| 0) }
    })
}

/// Makes the type object of a class, which is never freed.
pub fn make_type<T: Class>() -> Result<Object> {
    make::<T>(None, Additions::default())
}

/// As [`make_type`], with methods that other folders add to the class.
pub fn make_type_with<T: Class>(additions: Additions) -> Result<Object> {
    make::<T>(None, additions)
}

/// Makes the type object of a class that derives from another of Ferrio's. It is never freed.
pub fn make_derived_type<T: Extends<B>, B: Class>() -> Result<Object> {
    let class = make::<T>(Some(Own::<B>::class_object()?), Additions::default())?;
    B::type_cell().add_derived(&class)?;
    Ok(class)
}

/// What other folders add to a class.
#[derive(Default)]
pub struct Additions {
    pub methods: Vec<Method>,
    pub functions: Vec<Definition>,
}

fn make<T: Class>(base: Option<Object>, additions: Additions) -> Result<Object> {
    const { assert!(mem::align_of::<Instance<T>>() <= OBJECT_ALIGNMENT, "box what wants more") };
    let mut members = T::members();
    members.methods.extend(additions.methods);
    if T::SHOWS_DICT {
        members.properties.push(getter::<T, _>(c"__dict__", |this| this.as_object().own_dict()));
    }
    let body = offset_of!(Instance<T>, body);
    let places =
        [(c"__dictoffset__", T::DICT), (c"__weaklistoffset__", T::WEAK), (c"__vectorcalloffset__", T::VECTORCALL)];
    let offsets =
        places.into_iter().filter_map(|(name, offset)| Some((name, offset?, py::Py_T_PYSSIZET, py::Py_READONLY)));
    let attributes = T::ATTRIBUTES.iter().map(|&(name, offset)| (name, offset, py::Py_T_OBJECT_EX, 0));
    let fields = offsets
        .chain(attributes)
        .map(|(name, offset, type_code, flags)| py::PyMemberDef {
            name: name.as_ptr(),
            type_code,
            offset: (body + offset) as py::Py_ssize_t,
            flags,
            doc: ptr::null(),
        })
        .collect();
    let mut slots = members.slots;
    let mut slot = |slot: c_int, pfunc: *mut c_void| slots.push(py::PyType_Slot { slot, pfunc });
    slot(py::Py_tp_doc, T::DOC.as_ptr().cast_mut().cast());
    slot(py::Py_tp_dealloc, dealloc::<T> as *mut c_void);
    slot(py::Py_tp_traverse, traverse::<T> as *mut c_void);
    slot(py::Py_tp_clear, clear::<T> as *mut c_void);
    if T::FINALIZES {
        slot(py::Py_tp_finalize, finalize::<T> as *mut c_void);
    }
    if T::CALLABLE {
        slot(py::Py_tp_new, new::<T> as *mut c_void);
        slot(py::Py_tp_init, init::<T> as *mut c_void);
    }
    slot(py::Py_tp_methods, terminated(members.methods, py::PyMethodDef::zeroed()));
    slot(py::Py_tp_getset, terminated(members.properties, py::PyGetSetDef::default()));
    slot(py::Py_tp_members, terminated(fields, py::PyMemberDef::default()));
    slots.push(py::PyType_Slot { slot: 0, pfunc: ptr::null_mut() });
    let mut flags = py::Py_TPFLAGS_DEFAULT | py::Py_TPFLAGS_HAVE_GC | T::FLAGS;
    if T::SUBCLASSABLE {
        flags |= py::Py_TPFLAGS_BASETYPE;
    }
    if !T::CALLABLE {
        flags |= py::Py_TPFLAGS_DISALLOW_INSTANTIATION;
    }
    let mut spec = py::PyType_Spec {
        name: T::NAME.as_ptr(),
        basicsize: mem::size_of::<Instance<T>>() as c_int,
        itemsize: 0,
        flags: flags as c_uint,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: the tables end with a zeroed entry. Those into which the interpreter keeps pointers are never freed. The
    // instances of a base begin with the same header and, by repr(C), the same fields.
    unsafe {
        let class = match base {
            Some(base) => Object::owned(py::PyType_FromSpecWithBases(&mut spec, base.as_ptr()))?,
            None => Object::owned(py::PyType_FromSpec(&mut spec))?,
        };
        T::type_cell().set(class.clone());
        #[cfg(debug_assertions)]
        T::type_cell().count_as(T::NAME);
        for definition in T::functions().into_iter().chain(additions.functions) {
            let attribute = (definition.make)()?;
            let status = py::PyObject_SetAttrString(class.as_ptr(), definition.name.as_ptr(), attribute.as_ptr());
            Raised::check(status)?;
        }
        Ok(class)
    }
}

/// A table for the interpreter: it ends with a zeroed entry, and is never freed.
fn terminated<T>(mut entries: Vec<T>, end: T) -> *mut c_void {
    entries.push(end);
    Box::leak(entries.into_boxed_slice()).as_mut_ptr().cast()
}
