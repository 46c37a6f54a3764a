//! Coroutine's methods and properties, as those of the interpreter's own coroutines.

use super::frame::code;
use super::{Awaiter, Awaiting, Coroutine, Frame, Inner, State};
use crate::ffi::class::{
    Members, Sent, free_list, getter, method, method0, method1, send_slot, type_cell, unary_slot,
};
use crate::ffi::{Args, Class, Object, Own, Raised, Result, Visitor};
use crate::futures::iterator::thrown_exception;
use pyo3_ffi as py;
use std::cell::{Cell, RefCell};
use std::ffi::CStr;

impl Class for Coroutine {
    const NAME: &'static CStr = c"ferrio._core.Coroutine";
    const DOC: &'static CStr = c"A coroutine of a function that is written in Rust.";
    const FINALIZES: bool = true;
    const CALLABLE: bool = false;
    const TRACKED_LATER: bool = true;
    type_cell!();
    free_list!();

    fn wants_finalizer(&self) -> bool {
        self.state.get() != State::Closed
    }

    fn empty() -> Self {
        Coroutine {
            operation: RefCell::new(None),
            state: Cell::new(State::Closed),
            awaiting: Cell::new(Awaiting::Nothing),
            awaited: Default::default(),
            names: &[],
        }
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.slot(&self.awaited);
        if let Ok(operation) = self.operation.try_borrow()
            && let Some(operation) = &*operation
        {
            operation.get().traverse(visitor);
        }
    }

    fn clear(&self) {
        self.awaited.clear();
        let operation = self.operation.borrow_mut().take();
        drop(operation);
    }

    fn finalize(this: &Own<Self>) {
        let result = match this.state.get() {
            State::Created => warn_never_awaited(this),
            State::Suspended => this.close(),
            State::Running | State::Closed => Ok(()),
        };
        if let Err(raised) = result {
            raised.write_unraisable(this.as_object());
        }
    }

    fn members() -> Members {
        Members { methods: methods(), properties: properties(), slots: slots() }
    }
}

fn warn_never_awaited(this: &Own<Coroutine>) -> Result<()> {
    let message = std::ffi::CString::new(format!("coroutine '{}' was never awaited", this.name()));
    let message = message.unwrap_or_default();
    // SAFETY: a static class and a C string; 1 names the caller.
    let status = unsafe { py::PyErr_WarnEx(py::PyExc_RuntimeWarning, message.as_ptr(), 1) };
    if status < 0 { Err(Raised) } else { Ok(()) }
}

/// What an iterator answers: the end is a StopIteration.
fn iterated(sent: Sent) -> Result {
    match sent {
        Sent::Yielded(object) => Ok(object),
        // `for` and `await` take an end without a word for None; send() has to say it.
        Sent::Returned(value) => Err(crate::futures::iterator::stop_iteration(value)),
    }
}

fn methods() -> Vec<py::PyMethodDef> {
    let mut await_method = method0::<Coroutine, _>(
        c"__await__",
        Awaiter::of,
        c"__await__($self, /)\n--\n\nReturn an iterator through the coroutine.",
    );
    // In place of the one that the interpreter makes of its slot.
    await_method.ml_flags |= py::METH_COEXIST;
    vec![
        await_method,
        method1::<Coroutine, _>(
            c"send",
            |this, value| this.send(value).and_then(iterated),
            c"send($self, value, /)\n--\n\nResume the coroutine. StopIteration with its result when it returns.",
        ),
        method::<Coroutine, _>(
            c"throw",
            |this, args: &Args<'_>| match thrown_exception(args)? {
                Some(exception) => this.throw(exception).and_then(iterated),
                None => Ok(Object::none()),
            },
            c"throw($self, type, val=None, tb=None, /)\n--\n\nResume the coroutine with an exception.",
        ),
        method0::<Coroutine, _>(
            c"close",
            |this| this.close().map(|()| Object::none()),
            c"close($self, /)\n--\n\nResume the coroutine with GeneratorExit.",
        ),
    ]
}

fn properties() -> Vec<py::PyGetSetDef> {
    vec![
        getter::<Coroutine, _>(c"__class__", |_| {
            // SAFETY: a static type object.
            Ok(unsafe { Object::borrowed((&raw mut py::PyCoro_Type).cast()) })
        }),
        getter::<Coroutine, _>(c"__qualname__", |this| Object::str(this.name())),
        getter::<Coroutine, _>(c"__name__", |this| {
            Object::str(this.name().rsplit('.').next().unwrap_or_default())
        }),
        getter::<Coroutine, _>(c"cr_await", |this| Inner::of(this, 1)),
        getter::<Coroutine, _>(c"cr_running", |this| Ok(Object::bool(this.state.get() == State::Running))),
        getter::<Coroutine, _>(c"cr_suspended", |this| Ok(Object::bool(this.state.get() == State::Suspended))),
        getter::<Coroutine, _>(c"cr_frame", |this| {
            if this.state.get() == State::Closed {
                Ok(Object::none())
            } else {
                Frame::of(this.as_object(), this.name())
            }
        }),
        getter::<Coroutine, _>(c"cr_code", |this| code(this.name())),
        getter::<Coroutine, _>(c"cr_origin", |_| Ok(Object::none())),
    ]
}

fn slots() -> Vec<py::PyType_Slot> {
    vec![
        unary_slot::<Coroutine, _>(py::Py_am_await, |this| Ok(this.as_object().clone())),
        unary_slot::<Coroutine, _>(py::Py_tp_iternext, |this| match this.send(&Object::none())? {
            Sent::Yielded(object) => Ok(object),
            Sent::Returned(value) => Err(crate::futures::iterator::end(value)),
        }),
        send_slot::<Coroutine, _>(|this, value| this.send(value)),
        unary_slot::<Coroutine, _>(py::Py_tp_repr, |this| {
            Object::str(&format!("<coroutine object {} at {:p}>", this.name(), this.as_ptr()))
        }),
    ]
}
