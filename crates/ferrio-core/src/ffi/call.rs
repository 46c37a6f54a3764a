//! Attributes and calls.

use super::class::Sent;
use super::error::Builtin;
use super::sys as py;
use super::{Name, Object, Ptr, Raised, Result};
use std::ffi::CStr;
use std::ptr;

/// The most arguments of a call by this file. Every caller's number is known at compile time.
const MOST_ARGUMENTS: usize = 8;

/// The callee may use the place before the first argument (see `PY_VECTORCALL_ARGUMENTS_OFFSET`).
const OFFSET: usize = py::PY_VECTORCALL_ARGUMENTS_OFFSET;

impl Object {
    /// `self.name`.
    pub fn getattr(&self, name: &Name) -> Result {
        // SAFETY: live objects.
        unsafe { Object::owned(py::PyObject_GetAttr(self.as_ptr(), name.get()?)) }
    }

    /// `getattr(self, name, None)`: None only after an `AttributeError`.
    pub fn getattr_opt(&self, name: &Name) -> Result<Option<Object>> {
        match self.getattr(name) {
            Ok(value) => Ok(Some(value)),
            Err(raised) => {
                if raised.is(Builtin::Attribute) {
                    raised.discard();
                    Ok(None)
                } else {
                    Err(raised)
                }
            }
        }
    }

    /// `self.name = value`.
    pub fn setattr(&self, name: &Name, value: &Object) -> Result<()> {
        // SAFETY: live objects.
        unsafe { Raised::check(py::PyObject_SetAttr(self.as_ptr(), name.get()?, value.as_ptr())) }
    }

    /// `self()`.
    #[inline]
    pub fn call0(&self) -> Result {
        // SAFETY: a live object.
        unsafe { Object::owned(py::PyObject_CallNoArgs(self.as_ptr())) }
    }

    /// `self(argument)`.
    #[inline]
    pub fn call1(&self, argument: &Object) -> Result {
        // SAFETY: live objects.
        unsafe { Object::owned(py::PyObject_CallOneArg(self.as_ptr(), argument.as_ptr())) }
    }

    /// `self(*arguments)`.
    pub fn call(&self, arguments: &[&Object]) -> Result {
        self.call_keywords(arguments, &[])
    }

    /// `self(*arguments, **keywords)`.
    pub fn call_keywords(&self, arguments: &[&Object], keywords: &[(&Name, &Object)]) -> Result {
        let mut stack = [ptr::null_mut(); MOST_ARGUMENTS + 1];
        let names = fill(&mut stack[1..], arguments, keywords)?;
        // SAFETY: the count is the number of live objects in the array. The callee may use the place before them.
        unsafe {
            Object::owned(py::PyObject_Vectorcall(
                self.as_ptr(),
                stack.as_ptr().add(1),
                arguments.len() | OFFSET,
                names.as_ref().map_or(ptr::null_mut(), Object::as_ptr),
            ))
        }
    }

    /// `self.name()`.
    #[inline]
    pub fn method0(&self, name: &Name) -> Result {
        let stack = [ptr::null_mut(), self.as_ptr()];
        // SAFETY: one live object, the receiver. The callee may use the place before it.
        unsafe {
            Object::owned(py::PyObject_VectorcallMethod(
                name.get()?,
                stack.as_ptr().add(1),
                1 | OFFSET,
                ptr::null_mut(),
            ))
        }
    }

    /// `self.name(argument)`.
    #[inline]
    pub fn method1(&self, name: &Name, argument: &Object) -> Result {
        let stack = [ptr::null_mut(), self.as_ptr(), argument.as_ptr()];
        // SAFETY: two live objects, the receiver first. The callee may use the place before them.
        unsafe {
            Object::owned(py::PyObject_VectorcallMethod(
                name.get()?,
                stack.as_ptr().add(1),
                2 | OFFSET,
                ptr::null_mut(),
            ))
        }
    }

    /// `self.name(*arguments)`.
    pub fn method(&self, name: &Name, arguments: &[&Object]) -> Result {
        self.method_keywords(name, arguments, &[])
    }

    /// `self.name(*arguments, **keywords)`.
    pub fn method_keywords(&self, name: &Name, arguments: &[&Object], keywords: &[(&Name, &Object)]) -> Result {
        let mut stack = [ptr::null_mut(); MOST_ARGUMENTS + 2];
        stack[1] = self.as_ptr();
        let names = fill(&mut stack[2..], arguments, keywords)?;
        // SAFETY: the count is the number of live objects, the receiver first. The callee may use the place before
        // them.
        unsafe {
            Object::owned(py::PyObject_VectorcallMethod(
                name.get()?,
                stack.as_ptr().add(1),
                (arguments.len() + 1) | OFFSET,
                names.as_ref().map_or(ptr::null_mut(), Object::as_ptr),
            ))
        }
    }

    /// `self.send(value)` of a coroutine or an iterator, without an exception for the end.
    #[inline]
    pub fn send(&self, value: &Object) -> Result<Sent> {
        let mut result = ptr::null_mut();
        // SAFETY: live objects; the result is a new reference unless an error is set.
        unsafe {
            match py::PyIter_Send(self.as_ptr(), value.as_ptr(), &mut result) {
                py::PySendResult::PYGEN_NEXT => Object::owned(result).map(Sent::Yielded),
                py::PySendResult::PYGEN_RETURN => Object::owned(result).map(Sent::Returned),
                py::PySendResult::PYGEN_ERROR => Err(Raised::assume()),
            }
        }
    }

    /// `self(*arguments, **keywords)` with a tuple and a dict.
    pub fn call_dict(&self, arguments: &Object, keywords: &Object) -> Result {
        // SAFETY: live objects of the types that the call takes.
        unsafe { Object::owned(py::PyObject_Call(self.as_ptr(), arguments.as_ptr(), keywords.as_ptr())) }
    }

    /// `self(*arguments)` with a tuple.
    #[inline]
    pub fn call_tuple(&self, arguments: &Object) -> Result {
        // SAFETY: live objects; the interpreter refuses other objects than a tuple.
        unsafe { Object::owned(py::PyObject_CallObject(self.as_ptr(), arguments.as_ptr())) }
    }

    /// `object.__getattribute__(self, name)`.
    pub fn generic_getattr(&self, name: &Object) -> Result {
        // SAFETY: live objects; a new reference or null with an error.
        unsafe { Object::owned(py::PyObject_GenericGetAttr(self.as_ptr(), name.as_ptr())) }
    }

    /// `getattr(self, name)` with a name that is an object.
    pub fn getattr_object(&self, name: &Object) -> Result {
        // SAFETY: live objects; a new reference or null with an error.
        unsafe { Object::owned(py::PyObject_GetAttr(self.as_ptr(), name.as_ptr())) }
    }

    /// `getattr(self, name)` with a name that is used once.
    pub fn getattr_text(&self, name: &CStr) -> Result {
        // SAFETY: a live object and a C string; a new reference or null with an error.
        unsafe { Object::owned(py::PyObject_GetAttrString(self.as_ptr(), name.as_ptr())) }
    }
}

/// Fills an array with the arguments and the values of the keywords, for a vectorcall. Returns the tuple of the names.
fn fill(stack: &mut [Ptr], arguments: &[&Object], keywords: &[(&Name, &Object)]) -> Result<Option<Object>> {
    let values = arguments.iter().map(|argument| argument.as_ptr());
    let values = values.chain(keywords.iter().map(|(_, value)| value.as_ptr()));
    for (place, value) in stack.iter_mut().zip(values) {
        *place = value;
    }
    if keywords.is_empty() {
        return Ok(None);
    }
    // SAFETY: the tuple is new, and each place is set once, with a new reference.
    unsafe {
        let names = Object::owned(py::PyTuple_New(keywords.len() as py::Py_ssize_t))?;
        for (index, (name, _)) in keywords.iter().enumerate() {
            let name = Object::borrowed(name.get()?);
            py::PyTuple_SET_ITEM(names.as_ptr(), index as py::Py_ssize_t, name.into_ptr());
        }
        Ok(Some(names))
    }
}
