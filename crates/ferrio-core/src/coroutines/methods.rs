//! The methods and properties of Coroutine: those of the interpreter's own coroutines.

use super::frame::code;
use super::{Awaiter, Coroutine, Frame, Inner, State};
use crate::ffi::class::{
    Members, Method, Property, Sent, TypeSlot, free_list, getter, method, method0, method1, next_slot, send_slot,
    type_cell, unary_slot,
};
use crate::ffi::error::{Builtin, warn};
use crate::ffi::stop_iteration::{stop_iteration, thrown_exception};
use crate::ffi::{Args, Class, Object, Own, Result, Visitor, sys};
use crate::stdlib;
use std::cell::RefCell;
use std::ffi::CStr;

impl Class for Coroutine {
    const NAME: &'static CStr = c"ferrio._core.Coroutine";
    const DOC: &'static CStr = c"A coroutine of a function that is written in Rust.";
    const FINALIZES: bool = true;
    const CALLABLE: bool = false;
    type_cell!();
    free_list!();

    fn wants_finalizer(&self) -> bool {
        !self.is_closed()
    }

    fn empty() -> Self {
        Coroutine { state: RefCell::new(State::Closed), names: &[] }
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        let Ok(state) = self.state.try_borrow() else { return };
        match &*state {
            State::Created(operation) => operation.get().traverse(visitor),
            State::Suspended(operation, awaiting) => {
                operation.get().traverse(visitor);
                if let Some(awaited) = awaiting.object() {
                    visitor.object(awaited);
                }
            }
            State::Running(Some(iterator)) => visitor.object(iterator),
            State::Running(None) | State::Closed => {}
        }
    }

    fn clear(&self) {
        if !self.is_running() {
            self.end();
        }
    }

    fn finalize(this: &Own<Self>) {
        let result = if matches!(&*this.state.borrow(), State::Created(_)) {
            Some(warn_never_awaited(this))
        } else if this.is_suspended() {
            Some(this.close())
        } else {
            None
        };
        if let Some(Err(raised)) = result {
            raised.write_unraisable(this.as_object());
        }
    }

    fn members() -> Members {
        Members { methods: methods(), properties: properties(), slots: slots() }
    }
}

fn warn_never_awaited(this: &Own<Coroutine>) -> Result<()> {
    if this.origin().is_some() {
        // It writes the origin, too.
        return stdlib::WARN_UNAWAITED_COROUTINE.get()?.call(&[this.as_object()]).map(drop);
    }
    let message = std::ffi::CString::new(format!("coroutine '{}' was never awaited", this.name()));
    warn(Builtin::RuntimeWarning, &message.unwrap_or_default())
}

/// The answer of an iterator. Its end is a StopIteration.
fn iterated(sent: Sent) -> Result {
    match sent {
        Sent::Yielded(object) => Ok(object),
        // `for` and `await` take an end without a StopIteration for None; send() must raise it.
        Sent::Returned(value) => Err(stop_iteration(value)),
    }
}

fn methods() -> Vec<Method> {
    let mut await_method = method0::<Coroutine, _>(
        c"__await__",
        Awaiter::of,
        c"__await__($self, /)\n--\n\nReturn an iterator over the coroutine.",
    );
    // It replaces the method that the interpreter makes of its slot.
    await_method.ml_flags |= sys::METH_COEXIST;
    vec![
        await_method,
        method1::<Coroutine, _>(
            c"send",
            |this, value| this.send(value).and_then(iterated),
            c"send($self, value, /)\n--\n\nResume the coroutine. StopIteration with its result when it returns.",
        ),
        method::<Coroutine, _>(
            c"throw",
            |this, args: &Args<'_>| this.throw(thrown_exception(args)?).and_then(iterated),
            c"throw($self, type, val=None, tb=None, /)\n--\n\nResume the coroutine with an exception.",
        ),
        method0::<Coroutine, _>(
            c"close",
            |this| this.close().map(|()| Object::none()),
            c"close($self, /)\n--\n\nResume the coroutine with GeneratorExit.",
        ),
    ]
}

fn properties() -> Vec<Property> {
    vec![
        getter::<Coroutine, _>(c"__class__", |_| Ok(Object::coroutine_type())),
        getter::<Coroutine, _>(c"__qualname__", |this| Object::str(this.name())),
        getter::<Coroutine, _>(c"__name__", |this| {
            Object::str(this.name().rsplit('.').next().unwrap_or_default())
        }),
        getter::<Coroutine, _>(c"cr_await", |this| Inner::of(this, 1)),
        getter::<Coroutine, _>(c"cr_running", |this| Ok(Object::bool(this.is_running()))),
        getter::<Coroutine, _>(c"cr_suspended", |this| Ok(Object::bool(this.is_suspended()))),
        getter::<Coroutine, _>(c"cr_frame", |this| {
            if this.is_closed() { Ok(Object::none()) } else { Frame::of(this.as_object(), this.name()) }
        }),
        getter::<Coroutine, _>(c"cr_code", |this| code(this.name())),
        getter::<Coroutine, _>(c"cr_origin", |this| Ok(this.origin().unwrap_or_else(Object::none))),
    ]
}

fn slots() -> Vec<TypeSlot> {
    vec![
        unary_slot::<Coroutine, _>(sys::Py_am_await, |this| Ok(this.as_object().clone())),
        next_slot::<Coroutine, _>(|this| this.send(&Object::none())),
        send_slot::<Coroutine, _>(|this, value| this.send(value)),
        unary_slot::<Coroutine, _>(sys::Py_tp_repr, |this| {
            Object::str(&format!("<coroutine object {} at {:p}>", this.name(), this.as_ptr()))
        }),
    ]
}
