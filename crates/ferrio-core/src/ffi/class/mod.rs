//! Python classes made of Rust structs.
//!
//! An instance is the object header followed by the struct, its *body*. A body's fields are cells: any
//! method may be entered again while it runs Python code, so there is never a `&mut` to a body, and no
//! `RefCell` in one may stay borrowed across a call into Python (dropping an object is such a call).
//!
//! Methods are plain functions. [`method0`] and its kin wrap one into a table entry: the wrapper turns
//! `self` into a typed reference, an error into null and a panic into `RuntimeError`. A function is
//! passed as a value of its own zero-sized type, so that the wrapper calls it directly.
//!
//! | file | has |
//! |---|---|
//! | `instance` | [`Own`], a reference to an instance, and how one is made |
//! | `free_list` | memory that is used again |
//! | `methods`, `properties`, `slots` | the tables of a class |
//! | `collector` | what the garbage collector asks, and the end of an instance |
//! | `make` | the type object |
//! | `live` | how many instances live, in debug builds |

mod collector;
mod free_list;
mod instance;
#[cfg(debug_assertions)]
pub(in crate::ffi) mod live;
mod make;
mod methods;
mod properties;
mod slots;

pub use collector::Visitor;
pub use free_list::FreeList;
pub(crate) use free_list::free_list;
pub use instance::{Dict, Extends, KnownSlot, Own, TypeCell, WeakList, body_offset};
pub(crate) use instance::{extends, type_cell};
pub use make::{Additions, make_derived_type, make_type, make_type_with};
pub(in crate::ffi) use methods::guard;
pub use methods::{
    Bound, Vectorcall, class_getitem, function, method, method0, method1, module_function, vectorcall_function,
    vectorcall_method,
};
pub use properties::{bool_property, getter, property, slot_property};
pub use slots::{
    Comparison, Sent, anext_slot, binding_slot, call_slot, compare_slot, getattribute_slot, hash_slot, next_slot,
    send_slot, unary_slot,
};

use super::sys as py;
use super::{Args, Object, Result};
use std::ffi::{CStr, c_ulong};

/// An entry of a class's table of methods, of properties, of slots.
pub type Method = py::PyMethodDef;
pub type Property = py::PyGetSetDef;
pub type TypeSlot = py::PyType_Slot;

/// An attribute of a class or of the module that is an object of its own, and how it is made.
pub struct Definition {
    pub name: &'static CStr,
    pub make: Box<dyn Fn() -> Result<Object>>,
}

/// What a struct needs to be a Python class.
pub trait Class: Sized + 'static {
    /// The qualified name, `ferrio._core.Name`.
    const NAME: &'static CStr;
    /// The docstring.
    const DOC: &'static CStr = c"";
    /// Where the struct has its [`Dict`], if instances have a `__dict__`.
    const DICT: Option<usize> = None;
    /// Where the struct has its [`WeakList`], if instances can be referenced weakly.
    const WEAK: Option<usize> = None;
    /// The attributes that the interpreter reads and writes by itself: their names, and where the struct has
    /// each one's [`Slot`]. One that was deleted is empty.
    const ATTRIBUTES: &'static [(&'static CStr, usize)] = &[];
    /// Whether [`Class::finalize`] does anything.
    const FINALIZES: bool = false;
    /// Whether Python code may derive from it.
    const SUBCLASSABLE: bool = false;
    /// Whether Python code may call the class.
    const CALLABLE: bool = true;

    /// Further flags of the type.
    const FLAGS: c_ulong = 0;
    /// Where the struct has its [`Vectorcall`], if instances are called by one.
    const VECTORCALL: Option<usize> = None;

    /// Where the memory of freed instances is kept for the next ones, if it is.
    fn free_list() -> Option<&'static FreeList> {
        None
    }
    /// Whether `__del__` has anything to do.
    fn wants_finalizer(&self) -> bool {
        true
    }
    /// Where the type object is kept once it is made.
    fn type_cell() -> &'static TypeCell;
    /// The body of an instance before `__init__`.
    fn empty() -> Self;
    /// `__init__`.
    fn init(this: &Own<Self>, args: &Args<'_>) -> Result<()> {
        let _ = (this, args);
        Ok(())
    }
    /// Shows every object that the body holds to the garbage collector.
    fn traverse(&self, visitor: &Visitor<'_>);
    /// Drops every object that may be part of a cycle. The instance may still be used afterwards.
    fn clear(&self);
    /// `__del__`, called once, before anything is cleared.
    fn finalize(this: &Own<Self>) {
        let _ = this;
    }
    /// Methods, properties and further slots.
    fn members() -> Members;
    /// Attributes that are objects of their own.
    fn functions() -> Vec<Definition> {
        Vec::new()
    }
}

/// The tables of a class.
pub struct Members {
    pub methods: Vec<py::PyMethodDef>,
    pub properties: Vec<py::PyGetSetDef>,
    pub slots: Vec<py::PyType_Slot>,
}
