//! The iterator of `await future`: it yields the future once, then returns its result.

use super::Future;
use crate::ffi::class::{
    Members, Sent, free_list, method, method0, method1, next_slot, send_slot, type_cell, unary_slot,
};
use crate::ffi::error::runtime_error;
use crate::ffi::stop_iteration::{stop_iteration, thrown_exception};
use crate::ffi::{Args, Class, Object, Own, Result, Slot, Visitor, sys};
use std::ffi::CStr;

/// The body of a future's iterator.
#[derive(Default)]
pub struct FutureIterator {
    /// The future until it has returned or failed.
    future: Slot<Own<Future>>,
}

impl FutureIterator {
    /// An iterator of a future.
    #[inline]
    pub fn body(future: &Own<Future>) -> FutureIterator {
        FutureIterator { future: Slot::new(future.clone()) }
    }
}

impl Own<FutureIterator> {
    #[inline]
    fn send(&self) -> Result<Sent> {
        let Some(future) = self.future.get() else { return Ok(Sent::Returned(Object::none())) };
        if !future.is_done() {
            if future.blocking.replace(true) {
                future.blocking.set(false);
                return Err(runtime_error("await wasn't used with future"));
            }
            return Ok(Sent::Yielded(future.into_object()));
        }
        self.future.clear();
        future.result().map(Sent::Returned)
    }

    fn throw(&self, args: &Args<'_>) -> Result {
        let exception = thrown_exception(args)?;
        self.future.clear();
        Err(exception.raise())
    }
}

impl Class for FutureIterator {
    const NAME: &'static CStr = c"ferrio._core.FutureIterator";
    const CALLABLE: bool = false;
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
                        // A method must raise it.
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
                unary_slot::<FutureIterator, _>(sys::Py_tp_iter, |this| Ok(this.as_object().clone())),
                next_slot::<FutureIterator, _>(Own::<FutureIterator>::send),
                send_slot::<FutureIterator, _>(|this, _| this.send()),
            ],
        }
    }
}
