//! What `await future` steps through: yields the future once, then returns its result.

use super::Future;
use crate::ffi::class::{Members, Sent, free_list, method, method0, method1, send_slot, type_cell, unary_slot};
use crate::ffi::error::{runtime_error, type_error};
use crate::ffi::{Args, Class, Import, Object, Own, Raised, Result, Signature, Slot, Visitor};
use pyo3_ffi as py;
use std::ffi::CStr;

/// The body of a future's iterator.
#[derive(Default)]
pub struct FutureIterator {
    /// The future until it has returned or failed.
    future: Slot,
}

impl FutureIterator {
    /// Steps through a future.
    #[inline]
    pub fn body(future: &Own<Future>) -> FutureIterator {
        FutureIterator { future: Slot::new(future.as_object().clone()) }
    }
}

impl Own<FutureIterator> {
    #[inline]
    fn send(&self) -> Result<Sent> {
        let Some(future) = self.future.get() else { return Ok(Sent::Returned(Object::none())) };
        // SAFETY: only futures are put in.
        let own = unsafe { Own::<Future>::from_ref_unchecked(&future) };
        if !own.is_done() {
            if own.blocking.replace(true) {
                own.blocking.set(false);
                return Err(runtime_error("await wasn't used with future"));
            }
            // Now it may be part of a cycle: through the task that waits.
            self.track();
            return Ok(Sent::Yielded(future));
        }
        self.future.clear();
        own.result().map(Sent::Returned)
    }

    fn next(&self) -> Result {
        match self.send()? {
            Sent::Yielded(object) => Ok(object),
            Sent::Returned(value) => Err(end(value)),
        }
    }

    fn throw(&self, args: &Args<'_>) -> Result {
        let Some(exception) = thrown_exception(args)? else { return Ok(Object::none()) };
        self.future.clear();
        Err(exception.raise())
    }
}

/// The end of an iterator that returns `value`, as `for` and `await` understand it.
#[inline]
pub fn end(value: Object) -> Raised {
    // An end without a word is None.
    if value.is_none() {
        return Raised;
    }
    // SAFETY: a static object.
    if value.as_ptr() == unsafe { py::Py_True() } { stop_with_true(value) } else { stop_iteration(value) }
}

/// `StopIteration(True)`, which locks and events end with: one exception that is used again and again,
/// unless somebody has kept it.
fn stop_with_true(value: Object) -> Raised {
    static CACHED: Import = Import::new(c"builtins", c"StopIteration");
    let make = || {
        // SAFETY: a static object.
        let class = unsafe { Object::borrowed(py::PyExc_StopIteration) };
        class.call(&[&value])
    };
    match CACHED.get_or_make(make) {
        Ok(exception) if is_unused(exception) => exception.clone().raise(),
        Ok(_) => stop_iteration(value),
        Err(raised) => raised,
    }
}

/// Whether nobody else holds an exception, and nothing was written into it.
fn is_unused(exception: &Object) -> bool {
    // SAFETY: a live exception; the fields that are looked at are the same on every interpreter.
    unsafe {
        let fields = exception.as_ptr().cast::<py::PyBaseExceptionObject>();
        py::Py_REFCNT(exception.as_ptr()) == 1
            && (*fields).traceback.is_null()
            && (*fields).context.is_null()
            && (*fields).cause.is_null()
    }
}

/// `StopIteration(value)`.
pub fn stop_iteration(value: Object) -> Raised {
    // SAFETY: a static class and live objects. A tuple or an exception would be taken for the class's
    // arguments or for the exception itself, so it is packed.
    unsafe {
        let class = py::PyExc_StopIteration;
        if py::PyTuple_Check(value.as_ptr()) == 0 && !value.is_exception() {
            py::PyErr_SetObject(class, value.as_ptr());
            return Raised;
        }
        match Object::borrowed(class).call(&[&value]) {
            Ok(exception) => exception.raise(),
            Err(raised) => raised,
        }
    }
}

/// The exception that the arguments of a `throw()` mean; none if there is no argument.
pub fn thrown_exception(args: &Args<'_>) -> Result<Option<Object>> {
    let ([class, value, traceback], _) = args.bind::<3>(&THROW)?;
    if cfg!(Py_3_12) && value.is_some() {
        warn_deprecated()?;
    }
    let Some(class) = class else { return Ok(None) };
    let value = value.filter(|value| !value.is_none());
    // SAFETY: live objects.
    let exception = unsafe {
        if py::PyExceptionClass_Check(class.as_ptr()) != 0 {
            match value {
                Some(value) if value.isinstance(class)? => value.clone(),
                Some(value) => class.call(&[value])?,
                None => class.call0()?,
            }
        } else if class.is_exception() {
            if value.is_some() {
                return Err(type_error("instance exception may not have a separate value"));
            }
            class.clone()
        } else {
            let name = class.type_name();
            let message =
                format!("exceptions must be classes or instances deriving from BaseException, not {name}");
            return Err(type_error(&message));
        }
    };
    if let Some(traceback) = traceback.filter(|traceback| !traceback.is_none()) {
        // SAFETY: live objects; what is not a traceback is refused.
        unsafe {
            if py::PyTraceBack_Check(traceback.as_ptr()) == 0 {
                return Err(type_error("throw() third argument must be a traceback"));
            }
            if py::PyException_SetTraceback(exception.as_ptr(), traceback.as_ptr()) < 0 {
                return Err(Raised);
            }
        }
    }
    Ok(Some(exception))
}

/// The form with three arguments is deprecated from 3.12 on.
fn warn_deprecated() -> Result<()> {
    const MESSAGE: &CStr =
        c"the (type, exc, tb) signature of throw() is deprecated, use the single-arg signature instead.";
    // SAFETY: a static class and a C string; 1 names the caller.
    let status = unsafe { py::PyErr_WarnEx(py::PyExc_DeprecationWarning, MESSAGE.as_ptr(), 1) };
    if status < 0 { Err(Raised) } else { Ok(()) }
}

static THROW: Signature =
    Signature { name: "throw", parameters: &["type", "val", "tb"], positional: 3, required: 1, variadic: false };

impl Class for FutureIterator {
    const NAME: &'static CStr = c"ferrio._core.FutureIterator";
    const CALLABLE: bool = false;
    const TRACKED_LATER: bool = true;
    type_cell!();
    free_list!();

    fn empty() -> Self {
        FutureIterator::default()
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.slot(&self.future);
    }

    fn clear(&self) {
        self.future.clear();
    }

    fn members() -> Members {
        Members {
            methods: vec![
                method1::<FutureIterator, _>(
                    c"send",
                    |this, _| match this.send()? {
                        Sent::Yielded(object) => Ok(object),
                        // A method has to say it.
                        Sent::Returned(value) => Err(stop_iteration(value)),
                    },
                    c"",
                ),
                method::<FutureIterator, _>(c"throw", |this, args| this.throw(args), c""),
                method0::<FutureIterator, _>(
                    c"close",
                    |this| {
                        this.future.clear();
                        Ok(Object::none())
                    },
                    c"",
                ),
            ],
            properties: vec![],
            slots: vec![
                unary_slot::<FutureIterator, _>(py::Py_tp_iter, |this| Ok(this.as_object().clone())),
                unary_slot::<FutureIterator, _>(py::Py_tp_iternext, |this| this.next()),
                send_slot::<FutureIterator, _>(|this, _| this.send()),
            ],
        }
    }
}
