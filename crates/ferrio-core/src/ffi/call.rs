//! Attributes and calls.

use super::class::Sent;
use super::{Name, Object, Ptr, Raised, Result};
use pyo3_ffi as py;
use std::ptr;

/// The most arguments of a call made from here; all are known at compile time.
const MOST_ARGUMENTS: usize = 8;

/// The callee may use the place before the first argument (see `PY_VECTORCALL_ARGUMENTS_OFFSET`).
const OFFSET: usize = py::PY_VECTORCALL_ARGUMENTS_OFFSET;

impl Object {
    /// `self.name`.
    pub fn getattr(&self, name: &Name) -> Result {
        // SAFETY: live objects.
        unsafe { Object::owned(py::PyObject_GetAttr(self.as_ptr(), name.get()?)) }
    }

    /// `getattr(self, name, None)`, where only `AttributeError` is "none".
    pub fn getattr_opt(&self, name: &Name) -> Result<Option<Object>> {
        match self.getattr(name) {
            Ok(value) => Ok(Some(value)),
            Err(raised) => {
                // SAFETY: a static object; the error indicator is set.
                if unsafe { py::PyErr_ExceptionMatches(py::PyExc_AttributeError) } != 0 {
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
        let status = unsafe { py::PyObject_SetAttr(self.as_ptr(), name.get()?, value.as_ptr()) };
        if status < 0 { Err(Raised) } else { Ok(()) }
    }

    /// `self()`.
    #[inline]
    pub fn call0(&self) -> Result {
        // SAFETY: a live object.
        unsafe { Object::owned(py::PyObject_CallNoArgs(self.as_ptr())) }
    }

    /// `self(*arguments)`.
    pub fn call(&self, arguments: &[&Object]) -> Result {
        self.call_keywords(arguments, &[])
    }

    /// `self(*arguments, **keywords)`.
    pub fn call_keywords(&self, arguments: &[&Object], keywords: &[(&Name, &Object)]) -> Result {
        let mut stack = [ptr::null_mut(); MOST_ARGUMENTS + 1];
        let names = fill(&mut stack[1..], arguments, keywords)?;
        // SAFETY: as many live objects as are named; the place before them is ours to lend.
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
        // SAFETY: one live object, the receiver; the place before it is ours to lend.
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
        // SAFETY: two live objects, the receiver first; the place before them is ours to lend.
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
        // SAFETY: as many live objects as are named, the receiver first; the place before is ours to lend.
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
                py::PySendResult::PYGEN_ERROR => Err(Raised),
            }
        }
    }

    /// `self(*arguments, **keywords)` with a tuple and a dict.
    pub fn call_dict(&self, arguments: &Object, keywords: &Object) -> Result {
        // SAFETY: live objects of the kinds that the call takes.
        unsafe { Object::owned(py::PyObject_Call(self.as_ptr(), arguments.as_ptr(), keywords.as_ptr())) }
    }

    /// `self(*arguments)`, for a tuple.
    #[inline]
    pub fn call_tuple(&self, arguments: &Object) -> Result {
        // SAFETY: live objects; the interpreter refuses what is no tuple.
        unsafe { Object::owned(py::PyObject_CallObject(self.as_ptr(), arguments.as_ptr())) }
    }

    /// A dict's entry, unless it is one of those that are expected or there is none.
    #[inline]
    pub fn unexpected_item(&self, key: &Name, expected: [Ptr; 2]) -> Result<Option<Object>> {
        // SAFETY: a dict and a live key; what it gives is borrowed, or null with or without an error.
        unsafe {
            let found = py::PyDict_GetItemWithError(self.as_ptr(), key.get()?);
            if found.is_null() {
                return if py::PyErr_Occurred().is_null() { Ok(None) } else { Err(Raised) };
            }
            Ok((!expected.contains(&found)).then(|| Object::borrowed(found)))
        }
    }

    /// Takes an entry out of a dict, if it is there.
    pub fn take_item(&self, key: &Name) -> Result<Option<Object>> {
        let key = key.get()?;
        // SAFETY: a dict and a live key; what the first call gives is borrowed, or null with or without an
        // error.
        unsafe {
            let found = py::PyDict_GetItemWithError(self.as_ptr(), key);
            if found.is_null() {
                return if py::PyErr_Occurred().is_null() { Ok(None) } else { Err(Raised) };
            }
            let found = Object::borrowed(found);
            if py::PyDict_DelItem(self.as_ptr(), key) < 0 {
                return Err(Raised);
            }
            Ok(Some(found))
        }
    }

    /// Sets an entry of a dict.
    pub fn set_item(&self, key: &Name, value: &Object) -> Result<()> {
        // SAFETY: a dict and live objects.
        let status = unsafe { py::PyDict_SetItem(self.as_ptr(), key.get()?, value.as_ptr()) };
        if status < 0 { Err(Raised) } else { Ok(()) }
    }

    /// `self(*arguments)` with a slice whose first place is left free for the callee.
    ///
    /// # Safety
    /// `stack[1..]` are live objects.
    #[inline]
    pub unsafe fn call_stack(&self, stack: &[Ptr]) -> Result {
        // SAFETY: the caller's promise; the first place is ours to lend.
        unsafe {
            Object::owned(py::PyObject_Vectorcall(
                self.as_ptr(),
                stack.as_ptr().add(1),
                (stack.len() - 1) | OFFSET,
                ptr::null_mut(),
            ))
        }
    }
}

/// Lays the arguments and the keywords' values out for a vectorcall; returns the tuple of the names.
fn fill(stack: &mut [Ptr], arguments: &[&Object], keywords: &[(&Name, &Object)]) -> Result<Option<Object>> {
    let values = arguments.iter().map(|argument| argument.as_ptr());
    let values = values.chain(keywords.iter().map(|(_, value)| value.as_ptr()));
    for (place, value) in stack.iter_mut().zip(values) {
        *place = value;
    }
    if keywords.is_empty() {
        return Ok(None);
    }
    // SAFETY: a new tuple, each place set once with a reference of its own.
    unsafe {
        let names = Object::owned(py::PyTuple_New(keywords.len() as py::Py_ssize_t))?;
        for (index, (name, _)) in keywords.iter().enumerate() {
            let name = Object::borrowed(name.get()?);
            py::PyTuple_SET_ITEM(names.as_ptr(), index as py::Py_ssize_t, name.into_ptr());
        }
        Ok(Some(names))
    }
}
