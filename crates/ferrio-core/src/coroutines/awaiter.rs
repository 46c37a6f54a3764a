//! The iterator of `coroutine.__await__()`, for code that iterates by hand, with `yield from`.
//!
//! `await` itself does not need it, because for the interpreter the coroutine is its own iterator. To Python code, a
//! coroutine must not look iterable.

use super::Coroutine;
use crate::ffi::class::{Members, Sent, method, method0, method1, next_slot, send_slot, type_cell, unary_slot};
use crate::ffi::stop_iteration::{stop_iteration, thrown_exception};
use crate::ffi::{Class, Object, Own, Result, Slot, Visitor, sys};
use std::ffi::CStr;

/// The body of a CoroutineAwaiter.
#[derive(Default)]
pub struct Awaiter {
    /// Empty if the collector has cleared it.
    coroutine: Slot<Own<Coroutine>>,
}

impl Awaiter {
    /// An iterator over a coroutine.
    pub fn of(coroutine: &Own<Coroutine>) -> Result {
        Own::new(Awaiter { coroutine: Slot::new(coroutine.clone()) }).map(Own::into_object)
    }
}

impl Own<Awaiter> {
    fn send(&self, value: &Object) -> Result<Sent> {
        match self.coroutine.get() {
            Some(coroutine) => coroutine.send(value),
            None => Ok(Sent::Returned(Object::none())),
        }
    }
}

/// The answer of a method. The end is a StopIteration.
fn iterated(sent: Sent) -> Result {
    match sent {
        Sent::Yielded(object) => Ok(object),
        Sent::Returned(value) => Err(stop_iteration(value)),
    }
}

impl Class for Awaiter {
    const NAME: &'static CStr = c"ferrio._core.CoroutineAwaiter";
    const DOC: &'static CStr = c"An iterator through a coroutine.";
    const CALLABLE: bool = false;
    type_cell!();

    fn empty() -> Self {
        Awaiter::default()
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.slot(&self.coroutine);
    }

    fn clear(&self) {
        self.coroutine.clear();
    }

    fn members() -> Members {
        Members {
            methods: vec![
                method1::<Awaiter, _>(c"send", |this, value| this.send(value).and_then(iterated), c""),
                method::<Awaiter, _>(
                    c"throw",
                    |this, args| {
                        let exception = thrown_exception(args)?;
                        match this.coroutine.get() {
                            Some(coroutine) => coroutine.throw(exception).and_then(iterated),
                            None => Err(exception.raise()),
                        }
                    },
                    c"",
                ),
                method0::<Awaiter, _>(
                    c"close",
                    |this| {
                        this.coroutine.get().map_or(Ok(()), |coroutine| coroutine.close())?;
                        Ok(Object::none())
                    },
                    c"",
                ),
            ],
            properties: vec![],
            slots: vec![
                unary_slot::<Awaiter, _>(sys::Py_tp_iter, |this| Ok(this.as_object().clone())),
                next_slot::<Awaiter, _>(|this| this.send(&Object::none())),
                send_slot::<Awaiter, _>(|this, value| this.send(value)),
            ],
        }
    }
}
