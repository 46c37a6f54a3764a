//! AsyncioFunction: a function in Rust that replaces asyncio's of the same name. Most return a
//! [`Coroutine`](super::Coroutine).
//!
//! To Python code it looks like asyncio's function: its signature, its documentation and everything else that `inspect`
//! reads are those of asyncio's. So `iscoroutinefunction` and mocks see what they expect on every interpreter. For the
//! interpreter it is a method descriptor with a vectorcall.

use crate::ffi::class::{
    Definition, Members, Vectorcall, binding_slot, call_slot, getattribute_slot, getter, method0, type_cell,
    unary_slot, vectorcall_function, vectorcall_method,
};
use crate::ffi::error::Builtin;
use crate::ffi::text::concat;
use crate::ffi::{Args, Class, Import, Name, Object, Own, Result, Slot, Visitor, sys};
use crate::stdlib;
use std::cell::Cell;
use std::ffi::{CStr, c_ulong};
use std::mem::offset_of;

/// The body of an AsyncioFunction.
#[derive(Default)]
#[repr(C)]
pub struct AsyncioFunction {
    vectorcall: Cell<Option<Vectorcall>>,
    /// asyncio's function of the same name.
    original: Slot,
}

/// The definition of a function. `original` is the class or module of asyncio that has its own function `name`.
fn definition(name: &'static CStr, vectorcall: Vectorcall, original: &'static Import) -> Definition {
    let make = move || {
        let original = original.get()?.getattr_text(name)?;
        super::frame::remember(&original)?;
        let body = AsyncioFunction { vectorcall: Cell::new(Some(vectorcall)), original: Slot::new(original) };
        Own::new(body).map(Own::into_object)
    };
    Definition { name, make: Box::new(make) }
}

/// A method. `original` is asyncio's class.
pub fn asyncio_method<T: Class, F>(name: &'static CStr, function: F, original: &'static Import) -> Definition
where
    F: Fn(&Own<T>, &Args<'_>) -> Result + Copy + 'static,
{
    definition(name, vectorcall_method::<T, F>(function), original)
}

/// A function of the module. `original` is asyncio's module.
pub fn asyncio_function<F>(name: &'static CStr, function: F, original: &'static Import) -> Definition
where
    F: Fn(&Args<'_>) -> Result + Copy + 'static,
{
    definition(name, vectorcall_function(function), original)
}

static CLASS: Name = Name::new(c"__class__");
static DOC: Name = Name::new(c"__doc__");
static MODULE: Name = Name::new(c"__module__");
static QUALNAME: Name = Name::new(c"__qualname__");

/// Looks up an attribute: asyncio's function has those that this one lacks. So `isinstance` says that it is a function.
fn getattribute(this: &Own<AsyncioFunction>, name: &Object) -> Result {
    let Some(original) = this.original.get() else { return this.as_object().generic_getattr(name) };
    // The class's own would be found first.
    let mut is_originals = false;
    for one in [&CLASS, &DOC, &MODULE] {
        is_originals |= one.object()?.is(name);
    }
    if !is_originals {
        match this.as_object().generic_getattr(name) {
            Err(raised) if raised.is(Builtin::Attribute) => raised.discard(),
            found => return found,
        }
    }
    original.getattr_object(name)
}

/// How to find the function again: what `pickle` and `copy` need.
fn reduce(this: &Own<AsyncioFunction>) -> Result {
    let name = this.original.get_or_none().getattr(&QUALNAME)?;
    let place = Object::tuple([concat(&[&"ferrio._core:", &name])?])?;
    Object::tuple([stdlib::RESOLVE_NAME.get()?.clone(), place])
}

impl Class for AsyncioFunction {
    const NAME: &'static CStr = c"ferrio._core.AsyncioFunction";
    const CALLABLE: bool = false;
    const FLAGS: c_ulong = sys::Py_TPFLAGS_HAVE_VECTORCALL | sys::Py_TPFLAGS_METHOD_DESCRIPTOR;
    const VECTORCALL: Option<usize> = Some(offset_of!(AsyncioFunction, vectorcall));
    type_cell!();

    fn empty() -> Self {
        AsyncioFunction::default()
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.slot(&self.original);
    }

    fn clear(&self) {
        self.original.clear();
    }

    fn members() -> Members {
        Members {
            methods: vec![method0::<AsyncioFunction, _>(c"__reduce__", reduce, c"")],
            // help() looks for it without asking getattribute.
            properties: vec![getter::<AsyncioFunction, _>(c"__doc__", |this| {
                static DOC: Name = Name::new(c"__doc__");
                this.original.get_or_none().getattr(&DOC)
            })],
            slots: vec![
                call_slot(),
                binding_slot(),
                getattribute_slot::<AsyncioFunction, _>(getattribute),
                unary_slot::<AsyncioFunction, _>(sys::Py_tp_repr, |this| this.original.get_or_none().repr()),
            ],
        }
    }
}
