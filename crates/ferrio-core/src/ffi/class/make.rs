//! The type object of a class.

use super::collector::{clear, dealloc, finalize, traverse};
use super::instance::{Instance, OBJECT_ALIGNMENT};
use super::methods::{guard, this};
use super::properties::getter;
use super::{Class, Definition, Extends, Members, Method, Own, TypeCell};
use crate::ffi::error::type_error;
use crate::ffi::sys as py;
use crate::ffi::{Args, Object, Ptr, Raised, Result};
use std::ffi::{CStr, c_int, c_uint, c_ulong, c_void};
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

/// All that a type object is made of. What follows from the class is put together for each class; the rest of the code
/// stands once.
struct Recipe {
    name: &'static CStr,
    doc: &'static CStr,
    /// How long an instance is, and where it has its body, in bytes.
    size: usize,
    body: usize,
    flags: c_ulong,
    /// Where the body has its dict, its list of weak references and its call function.
    places: [(&'static CStr, Option<usize>); 3],
    attributes: &'static [(&'static CStr, usize)],
    members: Members,
    /// Slots beside those of `members`, null for none.
    functions: [(c_int, *mut c_void); 6],
    cell: &'static TypeCell,
    base: Option<Object>,
}

fn make<T: Class>(base: Option<Object>, additions: Additions) -> Result<Object> {
    const { assert!(mem::align_of::<Instance<T>>() <= OBJECT_ALIGNMENT, "box what wants more") };
    let mut members = T::members();
    members.methods.extend(additions.methods);
    if T::SHOWS_DICT {
        members.properties.push(getter::<T, _>(c"__dict__", |this| this.as_object().own_dict()));
    }
    let if_any = |is_there: bool, function: *mut c_void| if is_there { function } else { ptr::null_mut() };
    let mut flags = py::Py_TPFLAGS_DEFAULT | py::Py_TPFLAGS_HAVE_GC | T::FLAGS;
    if T::SUBCLASSABLE {
        flags |= py::Py_TPFLAGS_BASETYPE;
    }
    if !T::CALLABLE {
        flags |= py::Py_TPFLAGS_DISALLOW_INSTANTIATION;
    }
    let class = build(Recipe {
        name: T::NAME,
        doc: T::DOC,
        size: mem::size_of::<Instance<T>>(),
        body: offset_of!(Instance<T>, body),
        flags,
        places: [
            (c"__dictoffset__", T::DICT),
            (c"__weaklistoffset__", T::WEAK),
            (c"__vectorcalloffset__", T::VECTORCALL),
        ],
        attributes: T::ATTRIBUTES,
        members,
        functions: [
            (py::Py_tp_dealloc, dealloc::<T> as *mut c_void),
            (py::Py_tp_traverse, traverse::<T> as *mut c_void),
            (py::Py_tp_clear, clear::<T> as *mut c_void),
            (py::Py_tp_finalize, if_any(T::FINALIZES, finalize::<T> as *mut c_void)),
            (py::Py_tp_new, if_any(T::CALLABLE, new::<T> as *mut c_void)),
            (py::Py_tp_init, if_any(T::CALLABLE, init::<T> as *mut c_void)),
        ],
        cell: T::type_cell(),
        base,
    })?;
    for definition in T::functions().into_iter().chain(additions.functions) {
        set_attribute(&class, &definition)?;
    }
    Ok(class)
}

#[inline(never)]
fn build(recipe: Recipe) -> Result<Object> {
    let offsets = recipe.places.into_iter();
    let offsets = offsets.filter_map(|(name, offset)| Some((name, offset?, py::Py_T_PYSSIZET, py::Py_READONLY)));
    let attributes = recipe.attributes.iter().map(|&(name, offset)| (name, offset, py::Py_T_OBJECT_EX, 0));
    let fields = offsets
        .chain(attributes)
        .map(|(name, offset, type_code, flags)| py::PyMemberDef {
            name: name.as_ptr(),
            type_code,
            offset: (recipe.body + offset) as py::Py_ssize_t,
            flags,
            doc: ptr::null(),
        })
        .collect();
    let mut slots = recipe.members.slots;
    let mut slot = |slot: c_int, pfunc: *mut c_void| slots.push(py::PyType_Slot { slot, pfunc });
    slot(py::Py_tp_doc, recipe.doc.as_ptr().cast_mut().cast());
    for (number, function) in recipe.functions {
        if !function.is_null() {
            slot(number, function);
        }
    }
    slot(py::Py_tp_methods, terminated(recipe.members.methods, py::PyMethodDef::zeroed()));
    slot(py::Py_tp_getset, terminated(recipe.members.properties, py::PyGetSetDef::default()));
    slot(py::Py_tp_members, terminated(fields, py::PyMemberDef::default()));
    slots.push(py::PyType_Slot { slot: 0, pfunc: ptr::null_mut() });
    let mut spec = py::PyType_Spec {
        name: recipe.name.as_ptr(),
        basicsize: recipe.size as c_int,
        itemsize: 0,
        flags: recipe.flags as c_uint,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: the tables end with a zeroed entry. Those into which the interpreter keeps pointers are never freed. The
    // instances of a base begin with the same header and, by repr(C), the same fields.
    let class = unsafe {
        match recipe.base {
            Some(base) => Object::owned(py::PyType_FromSpecWithBases(&mut spec, base.as_ptr()))?,
            None => Object::owned(py::PyType_FromSpec(&mut spec))?,
        }
    };
    recipe.cell.set(class.clone());
    #[cfg(debug_assertions)]
    recipe.cell.count_as(recipe.name);
    Ok(class)
}

#[inline(never)]
fn set_attribute(class: &Object, definition: &Definition) -> Result<()> {
    let attribute = (definition.make)()?;
    // SAFETY: live objects, and a C string.
    unsafe {
        let status = py::PyObject_SetAttrString(class.as_ptr(), definition.name.as_ptr(), attribute.as_ptr());
        Raised::check(status)
    }
}

/// A table for the interpreter: it ends with a zeroed entry, and is never freed.
fn terminated<T>(mut entries: Vec<T>, end: T) -> *mut c_void {
    entries.push(end);
    Box::leak(entries.into_boxed_slice()).as_mut_ptr().cast()
}
