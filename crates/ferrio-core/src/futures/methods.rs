//! The methods and properties of Future, with asyncio's names.

use super::{Callback, Future, FutureIterator, FutureState};
use crate::ffi::class::{
    Members, Method, Property, TypeSlot, class_getitem, free_list, getter, hash_slot, method, method0, method1,
    property, type_cell, unary_slot,
};
use crate::ffi::error::value_error;
use crate::ffi::text::concat;
use crate::ffi::{Args, Class, Import, Object, Own, Result, Signature, Visitor, context, sys};
use crate::loop_::Loop;
use crate::stdlib;
use std::ffi::CStr;
use std::mem::offset_of;

static INIT: Signature =
    Signature { name: "Future", parameters: &["loop"], positional: 0, required: 0, variadic: false };
static CANCEL: Signature =
    Signature { name: "cancel", parameters: &["msg"], positional: 1, required: 0, variadic: false };
static ADD_DONE_CALLBACK: Signature = Signature {
    name: "add_done_callback",
    parameters: &["fn", "context"],
    positional: 1,
    required: 1,
    variadic: false,
};

impl Class for Future {
    const NAME: &'static CStr = c"ferrio._core.Future";
    const DOC: &'static CStr = c"Future(*, loop=None)\n--\n\nA result that is set later (see asyncio.Future).";
    const DICT: Option<usize> = Some(offset_of!(Future, dict));
    const WEAK: Option<usize> = Some(offset_of!(Future, weak));
    const FINALIZES: bool = true;
    const SUBCLASSABLE: bool = true;
    type_cell!();
    free_list!();

    fn wants_finalizer(&self) -> bool {
        self.common.log_traceback.get()
    }

    fn empty() -> Self {
        Future::default()
    }

    fn init(this: &Own<Self>, args: &Args<'_>) -> Result<()> {
        let ([], [loop_], _) = args.bind::<0, 1>(&INIT)?;
        this.check_uninitialised("_asyncio.Future")?;
        this.reset();
        this.attach(loop_)
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.known_slot(&self.loop_);
        for slot in [
            &self.result,
            &self.exception,
            &self.traceback_or_cancelled_error,
            &self.cancel_message,
            &self.source_traceback,
        ] {
            visitor.slot(slot);
        }
        self.callbacks.traverse(visitor);
        self.common.traverse(visitor);
    }

    fn clear(&self) {
        drop(self.callbacks.take_all());
        for slot in [
            &self.result,
            &self.exception,
            &self.traceback_or_cancelled_error,
            &self.cancel_message,
            &self.source_traceback,
        ] {
            slot.clear();
        }
        self.common.clear();
        self.loop_.clear();
    }

    fn finalize(this: &Own<Self>) {
        this.report_unretrieved();
    }

    fn members() -> Members {
        Members { methods: methods(), properties: properties(), slots: slots() }
    }
}

fn slots() -> Vec<TypeSlot> {
    let await_ = |this: &Own<Future>| {
        this.check_initialised()?;
        Own::new(FutureIterator::body(this)).map(Own::into_object)
    };
    vec![
        unary_slot::<Future, _>(sys::Py_am_await, await_),
        unary_slot::<Future, _>(sys::Py_tp_iter, await_),
        unary_slot::<Future, _>(sys::Py_tp_repr, |this| {
            let name = this.as_object().type_name();
            let info = stdlib::FUTURE_REPR_INFO.get()?.call(&[this.as_object()])?;
            repr_with(&name, &info)
        }),
        hash_slot::<Future, _>(|this| Ok(this.hash())),
    ]
}

impl Own<Future> {
    /// What sets and dicts sort it by: its identity. On a simulated loop it is a number that is the same each time that
    /// the program runs, so that a set of futures has the same order.
    fn hash(&self) -> isize {
        let new_hash = || Own::<Loop>::downcast(&self.loop_.get()?)?.next_hash();
        self.common.hash(new_hash).map_or_else(|| self.as_object().hash_of_identity(), From::from)
    }
}

/// `<Name info info>`.
pub fn repr_with(name: &str, info: &Object) -> Result {
    let info = Object::str(" ")?.join(info)?;
    concat(&[&format!("<{name} "), &info, &">"])
}

fn methods() -> Vec<Method> {
    vec![
        method0::<Future, _>(
            c"result",
            |this| this.result(),
            c"result($self, /)\n--\n\nReturn the result, or raise the exception that was set. CancelledError if the future is\ncancelled, InvalidStateError if it is not done.",
        ),
        method0::<Future, _>(
            c"exception",
            |this| this.exception(),
            c"exception($self, /)\n--\n\nReturn the exception that was set, or None. CancelledError if the future is cancelled,\nInvalidStateError if it is not done.",
        ),
        method1::<Future, _>(
            c"set_result",
            |this, result| this.set_result(result.clone()).map(|()| Object::none()),
            c"set_result($self, result, /)\n--\n\nFinish the future with a result. InvalidStateError if it is done already.",
        ),
        method1::<Future, _>(
            c"set_exception",
            |this, exception| this.set_exception(exception).map(|()| Object::none()),
            c"set_exception($self, exception, /)\n--\n\nFinish the future with an exception. InvalidStateError if it is done already.",
        ),
        method::<Future, _>(
            c"cancel",
            |this, args| {
                this.check_initialised()?;
                let ([], [message], _) = args.bind::<0, 1>(&CANCEL)?;
                this.cancel(message).map(Object::bool)
            },
            c"cancel($self, /, msg=None)\n--\n\nCancel the future. Return False if it is done already.",
        ),
        method0::<Future, _>(
            c"cancelled",
            |this| Ok(Object::bool(this.state() == FutureState::Cancelled)),
            c"cancelled($self, /)\n--\n\nReturn True if the future was cancelled.",
        ),
        method0::<Future, _>(
            c"done",
            |this| Ok(Object::bool(this.is_done())),
            c"done($self, /)\n--\n\nReturn True if the future has a result or an exception or was cancelled.",
        ),
        method::<Future, _>(
            c"add_done_callback",
            add_done_callback,
            c"add_done_callback($self, fn, /, *, context=<unrepresentable>)\n--\n\nAdd a callback that the loop calls with the future when it is done. If it is done, the loop calls it soon.",
        ),
        method1::<Future, _>(
            c"remove_done_callback",
            remove_done_callback,
            c"remove_done_callback($self, fn, /)\n--\n\nRemove every callback that equals fn. Return how many there were.",
        ),
        method0::<Future, _>(
            c"get_loop",
            |this| {
                this.check_initialised()?;
                Ok(this.loop_.get_or_none())
            },
            c"get_loop($self, /)\n--\n\nReturn the event loop the future is bound to.",
        ),
        method0::<Future, _>(
            c"_make_cancelled_error",
            |this| this.make_cancelled_error(),
            c"_make_cancelled_error($self, /)\n--\n\nReturn the CancelledError to raise.",
        ),
        class_getitem(),
    ]
}

fn properties() -> Vec<Property> {
    vec![
        getter::<Future, _>(c"__class__", |this| stdlib_class(this, &stdlib::ASYNCIO_FUTURE)),
        property::<Future, _, _>(
            c"_asyncio_future_blocking",
            |this| {
                // None would make asyncio.isfuture() say no; so it is before __init__.
                Ok(if this.loop_.is_empty() { Object::none() } else { Object::bool(this.common.blocking.get()) })
            },
            |this, value| {
                this.check_initialised()?;
                this.common.blocking.set(value.is_true()?);
                Ok(())
            },
        ),
        getter::<Future, _>(c"_state", |this| Object::str(this.state().text())),
        getter::<Future, _>(c"_result", |this| Ok(this.result.get_or_none())),
        getter::<Future, _>(c"_exception", |this| Ok(this.exception.get_or_none())),
        getter::<Future, _>(c"_loop", |this| Ok(this.loop_.get_or_none())),
        getter::<Future, _>(c"_source_traceback", |this| Ok(this.source_traceback.get_or_none())),
        getter::<Future, _>(c"_callbacks", |this| {
            if this.callbacks.is_empty() {
                return Ok(Object::none());
            }
            let pairs = this.callbacks.all().into_iter();
            let pairs = pairs.map(|callback| Object::tuple([callback.callable()?, callback.context()]));
            Object::list(pairs.collect::<Result<Vec<_>>>()?)
        }),
        property::<Future, _, _>(
            c"_log_traceback",
            |this| Ok(Object::bool(this.common.log_traceback.get())),
            |this, value| {
                if value.is_true()? {
                    return Err(value_error("_log_traceback can only be set to False"));
                }
                this.common.log_traceback.set(false);
                Ok(())
            },
        ),
        property::<Future, _, _>(
            c"_cancel_message",
            |this| Ok(this.cancel_message.get_or_none()),
            |this, value| {
                this.keep_cancel_message(Some(value));
                Ok(())
            },
        ),
        getter::<Future, _>(c"_asyncio_awaited_by", |this| this.awaited_by()),
    ]
}

/// The value of `__class__`: asyncio's class for Ferrio's own, so that isinstance() is true; for a derived class, that
/// class.
pub fn stdlib_class<T: Class>(this: &Own<T>, class: &'static Import) -> Result {
    if this.is_exact() { class.get().cloned() } else { Ok(this.as_object().class()) }
}

fn add_done_callback(this: &Own<Future>, args: &Args<'_>) -> Result {
    this.check_initialised()?;
    let ([callback], [context], _) = args.bind::<1, 1>(&ADD_DONE_CALLBACK)?;
    let context = match context {
        Some(context) if !context.is_none() => context.clone(),
        _ => context::copy_current()?,
    };
    this.add_callback(Callback::Call(callback.clone(), context))?;
    Ok(Object::none())
}

fn remove_done_callback(this: &Own<Future>, function: &Object) -> Result {
    this.check_initialised()?;
    // A comparison runs Python code, which may complete the future and change the callbacks. So they stay in place
    // meanwhile, and those that are still there afterwards are taken out.
    let mut equal = Vec::new();
    for callback in this.callbacks.all() {
        if callback.callable()?.equals(function)? {
            equal.push(callback);
        }
    }
    this.callbacks.remove(|callback| equal.iter().any(|other| other.is_same(callback)));
    Object::int(equal.len() as i64)
}
