//! What `coroutine.__await__()` gives to those who iterate over it by hand, with `yield from`.
//!
//! `await` itself does without it: to the interpreter the coroutine is its own iterator. To Python code a
//! coroutine must not look like something to iterate over.

use super::Coroutine;
use crate::ffi::class::{Members, Sent, method, method0, method1, send_slot, type_cell, unary_slot};
use crate::ffi::{Class, Object, Own, Result, Slot, Visitor};
use crate::futures::iterator::{end, stop_iteration};
use pyo3_ffi as py;
use std::ffi::CStr;

/// The body of a CoroutineAwaiter.
#[derive(Default)]
pub struct Awaiter {
    coroutine: Slot,
}

impl Awaiter {
    /// An iterator through a coroutine.
    pub fn of(coroutine: &Own<Coroutine>) -> Result {
        Own::new(Awaiter { coroutine: Slot::new(coroutine.as_object().clone()) }).map(Own::into_object)
    }
}

impl Own<Awaiter> {
    fn coroutine(&self) -> Own<Coroutine> {
        let coroutine = self.coroutine.get_or_none();
        // SAFETY: only coroutines are put in, and the collector's clearing ends the use.
        unsafe { Own::<Coroutine>::from_ref_unchecked(&coroutine) }.clone()
    }

    fn send(&self, value: &Object) -> Result<Sent> {
        if self.coroutine.is_empty() {
            return Ok(Sent::Returned(Object::none()));
        }
        self.coroutine().send(value)
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
                method1::<Awaiter, _>(
                    c"send",
                    |this, value| match this.send(value)? {
                        Sent::Yielded(object) => Ok(object),
                        Sent::Returned(value) => Err(stop_iteration(value)),
                    },
                    c"",
                ),
                method::<Awaiter, _>(
                    c"throw",
                    |this, args| {
                        let arguments = args.positional_tuple()?;
                        let throw = this.coroutine.get_or_none().getattr(&crate::stdlib::THROW)?;
                        throw.call_dict(&arguments, &args.keywords_dict()?)
                    },
                    c"",
                ),
                method0::<Awaiter, _>(
                    c"close",
                    |this| this.coroutine.get_or_none().method0(&crate::stdlib::CLOSE),
                    c"",
                ),
            ],
            properties: vec![],
            slots: vec![
                unary_slot::<Awaiter, _>(py::Py_tp_iter, |this| Ok(this.as_object().clone())),
                unary_slot::<Awaiter, _>(py::Py_tp_iternext, |this| match this.send(&Object::none())? {
                    Sent::Yielded(object) => Ok(object),
                    Sent::Returned(value) => Err(end(value)),
                }),
                send_slot::<Awaiter, _>(|this, value| this.send(value)),
            ],
        }
    }
}
