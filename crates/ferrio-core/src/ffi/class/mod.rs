//! Python classes implemented by Rust structs.
//!
//! An instance is the object header followed by the struct, its *body*. A body's fields are cells: any method may be
//! entered again while it runs Python code. So there is never a `&mut` to a body, and no `RefCell` in a body may stay
//! borrowed across a call into Python (dropping an object is such a call).
//!
//! Methods are plain functions. [`method0`] and the like wrap a function into a table entry. The wrapper turns `self`
//! into a typed reference, an error into null, and a panic into `RuntimeError`. A function is passed as a value of its
//! own zero-sized type, so that the wrapper calls it directly.
//!
//! | file | has |
//! |---|---|
//! | `instance` | [`Own`], a reference to an instance, and how to make an instance |
//! | `known_slot` | a field with an object that may be an instance of a known class |
//! | `free_list` | the memory of freed instances |
//! | `methods`, `properties`, `slots` | the tables of a class |
//! | `collector` | the garbage collector's view, and the end of an instance |
//! | `make` | the type object |
//! | `live` | the count of live instances, in debug builds |

mod collector;
mod free_list;
mod instance;
mod known_slot;
#[cfg(debug_assertions)]
pub(in crate::ffi) mod live;
mod make;
mod methods;
mod properties;
mod slots;

pub use collector::Visitor;
pub use free_list::FreeList;
pub(crate) use free_list::free_list;
pub use instance::{Dict, Extends, Own, TypeCell, WeakList, body_offset};
pub(crate) use instance::{extends, type_cell};
pub use known_slot::KnownSlot;
pub use make::{Additions, make_derived_type, make_type, make_type_with};
pub(in crate::ffi) use methods::guard;
pub use methods::{
    Bound, Vectorcall, class_getitem, function, method, method0, method1, module_function, names,
    vectorcall_function, vectorcall_method,
};
pub use properties::{bool_property, getter, number_property, property, slot_property};
pub use slots::{
    Comparison, Sent, after_setattr_slot, anext_slot, binding_slot, call_slot, compare_slot, getattribute_slot,
    hash_slot, next_slot, send_slot, unary_slot,
};

use super::sys as py;
use super::{Args, Object, Result};
use std::ffi::{CStr, c_ulong};

/// An entry of a class's table of methods, of properties, of slots.
pub type Method = py::PyMethodDef;
pub type Property = py::PyGetSetDef;
pub type TypeSlot = py::PyType_Slot;

/// An attribute of a class or of the module that is an object, and how to make it.
pub struct Definition {
    pub name: &'static CStr,
    pub make: Box<dyn Fn() -> Result<Object>>,
}

/// What a struct needs to implement a Python class.
pub trait Class: Sized + 'static {
    /// The qualified name, `ferrio._core.Name`.
    const NAME: &'static CStr;
    /// The docstring.
    const DOC: &'static CStr = c"";
    /// The offset of its [`Dict`], if instances have a `__dict__`.
    const DICT: Option<usize> = None;
    /// Whether `__dict__` gives the instance's dict. asyncio's futures do not show theirs.
    const SHOWS_DICT: bool = false;
    /// The offset of its [`WeakList`], if instances can be referenced weakly.
    const WEAK: Option<usize> = None;
    /// The attributes that the interpreter reads and writes itself: their names, and the offsets of their [`Slot`]s. A
    /// deleted one is empty.
    const ATTRIBUTES: &'static [(&'static CStr, usize)] = &[];
    /// Whether [`Class::finalize`] does anything.
    const FINALIZES: bool = false;
    /// Whether Python code may derive from it.
    const SUBCLASSABLE: bool = false;
    /// Whether Python code may call the class.
    const CALLABLE: bool = true;

    /// Further flags of the type.
    const FLAGS: c_ulong = 0;
    /// The offset of its [`Vectorcall`], if instances are called by one.
    const VECTORCALL: Option<usize> = None;

    /// The free list of the class, if it has one.
    fn free_list() -> Option<&'static FreeList> {
        None
    }
    /// Whether `__del__` has anything to do.
    fn wants_finalizer(&self) -> bool {
        true
    }
    /// The place of the type object.
    fn type_cell() -> &'static TypeCell;
    /// The body of an instance before `__init__`.
    fn empty() -> Self;
    /// `__init__`.
    fn init(this: &Own<Self>, args: &Args<'_>) -> Result<()> {
        let _ = (this, args);
        Ok(())
    }
    /// Shows every object of the body to the garbage collector.
    fn traverse(&self, visitor: &Visitor<'_>);
    /// Drops every object that may be part of a cycle. The instance may still be used afterwards.
    fn clear(&self);
    /// `__del__`. It is called once, before anything is cleared.
    fn finalize(this: &Own<Self>) {
        let _ = this;
    }
    /// Methods, properties and further slots.
    fn members() -> Members;
    /// Attributes that are objects.
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
