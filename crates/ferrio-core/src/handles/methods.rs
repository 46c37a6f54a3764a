//! The methods and properties of Handle, with asyncio's names.

use super::{Arguments, Handle};
use crate::ffi::class::{Members, free_list, getter, method0, names, type_cell, unary_slot};
use crate::ffi::context::SpareContext;
use crate::ffi::{Args, Class, Object, Own, Result, Signature, Slot, Visitor, sys};
use crate::stdlib;
use std::mem::offset_of;

static SIGNATURE: Signature = Signature {
    name: "Handle.__init__",
    parameters: &["callback", "args", "loop", "context"],
    positional: 4,
    required: 3,
    variadic: false,
};

impl Class for Handle {
    const NAME: &'static std::ffi::CStr = c"ferrio._core.Handle";
    const DOC: &'static std::ffi::CStr =
        c"Handle(callback, args, loop, context=None)\n--\n\nA scheduled callback; returned by call_soon (see asyncio.Handle).";
    const WEAK: Option<usize> = Some(offset_of!(Handle, weak));
    const SUBCLASSABLE: bool = true;
    type_cell!();
    free_list!();

    fn empty() -> Self {
        Handle::default()
    }

    fn init(this: &Own<Self>, args: &Args<'_>) -> Result<()> {
        let ([callback, arguments, loop_], [context], _) = args.bind::<3, 1>(&SIGNATURE)?;
        this.fill(callback, arguments, loop_, context)
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.slot(&self.callback);
        visitor.slot(&self.argument);
        visitor.slot(&self.context);
        visitor.slot(&self.loop_);
        if let Some(notes) = self.debug_notes.get() {
            visitor.slot(&notes.source_traceback);
            visitor.slot(&notes.repr);
        }
    }

    fn clear(&self) {
        self.clear_arguments();
        [&self.callback, &self.context, &self.loop_].into_iter().for_each(Slot::clear);
        if let Some(notes) = self.debug_notes.get() {
            notes.source_traceback.clear();
            notes.repr.clear();
        }
    }

    fn members() -> Members {
        Members {
            methods: vec![
                names::<Handle>(),
                method0::<Handle, _>(
                    c"cancel",
                    |this| this.cancel().map(|()| Object::none()),
                    c"cancel($self, /)\n--\n\nCancel the callback.",
                ),
                method0::<Handle, _>(
                    c"cancelled",
                    |this| {
                        this.call_lock.wait();
                        Ok(Object::bool(this.is_cancelled()))
                    },
                    c"cancelled($self, /)\n--\n\nReturn True if the callback was cancelled.",
                ),
                method0::<Handle, _>(
                    c"get_context",
                    |this| this.context(),
                    c"get_context($self, /)\n--\n\nReturn the contextvars.Context of the handle.",
                ),
                method0::<Handle, _>(
                    c"_run",
                    |this| {
                        // It may run again, in the same context.
                        this.context()?;
                        this.run(&SpareContext::default()).map(|()| Object::none())
                    },
                    c"_run($self, /)\n--\n\nCall the callback now.",
                ),
            ],
            properties: vec![
                getter::<Handle, _>(c"__class__", |this| {
                    if !this.is_exact() {
                        return Ok(this.as_object().class());
                    }
                    let class =
                        if this.call_lock.is_shared() { &stdlib::THREADSAFE_HANDLE } else { &stdlib::HANDLE };
                    class.get().cloned()
                }),
                getter::<Handle, _>(c"_callback", |this| Ok(this.callback.get_or_none())),
                getter::<Handle, _>(c"_args", |this| {
                    if this.cancelled.get() { Ok(Object::none()) } else { this.arguments_as_tuple() }
                }),
                getter::<Handle, _>(c"_context", |this| this.context()),
                getter::<Handle, _>(c"_loop", |this| Ok(this.loop_.get_or_none())),
                getter::<Handle, _>(c"_cancelled", |this| Ok(Object::bool(this.is_cancelled()))),
                getter::<Handle, _>(c"_source_traceback", |this| {
                    Ok(this.source_traceback().unwrap_or_else(Object::none))
                }),
            ],
            slots: vec![unary_slot::<Handle, _>(sys::Py_tp_repr, |this| this.repr())],
        }
    }
}

impl Own<Handle> {
    /// Fills a handle that Python code created.
    pub(super) fn fill(
        &self,
        callback: &Object,
        arguments: &Object,
        loop_: &Object,
        context: Option<&Object>,
    ) -> Result<()> {
        let arguments = arguments.to_tuple()?;
        let debug = loop_.method0(&stdlib::GET_DEBUG)?.is_true()?;
        let body = Handle::body(loop_, callback, &[], context, debug)?;
        self.callback.set(body.callback.take());
        self.set_context(body.context.get_or_none(), body.has_variables.get());
        self.loop_.set(body.loop_.take());
        if let Some(notes) = body.debug_notes.get() {
            self.debug_notes().source_traceback.set(notes.source_traceback.take());
        }
        self.arguments.set(Arguments::Tuple);
        self.argument.put(arguments);
        Ok(())
    }
}
