//! The methods and properties of Task, with asyncio's names.

use super::{Options, Task, registry};
use crate::compat;
use crate::ffi::class::{
    Dict, Members, Method, Property, WeakList, free_list, getter, method, method0, method1, property, type_cell,
    unary_slot,
};
use crate::ffi::error::runtime_error;
use crate::ffi::{Args, Class, Object, Own, Result, Signature, Slot, Visitor, sys};
use crate::futures::Future;
use crate::stdlib;
use std::ffi::CStr;

/// The parameters of this interpreter's asyncio.Task.
static INIT: Signature =
    Signature { name: "Task", parameters: compat::TASK_PARAMETERS, positional: 1, required: 1, variadic: false };
static CANCEL: Signature =
    Signature { name: "cancel", parameters: &["msg"], positional: 1, required: 0, variadic: false };
static GET_STACK: Signature =
    Signature { name: "get_stack", parameters: &["limit"], positional: 0, required: 0, variadic: false };
static PRINT_STACK: Signature =
    Signature { name: "print_stack", parameters: &["limit", "file"], positional: 0, required: 0, variadic: false };

impl Task {
    fn slots(&self) -> [&Slot; 6] {
        [
            &self.native_coroutine,
            &self.foreign_coroutine,
            &self.context,
            &self.name,
            &self.waiter,
            &self.step_exception,
        ]
    }
}

impl Class for Task {
    const NAME: &'static CStr = c"ferrio._core.Task";
    const DOC: &'static CStr = compat::TASK_DOC;
    const DICT: Option<usize> = Future::DICT;
    const WEAK: Option<usize> = Future::WEAK;
    const FINALIZES: bool = true;
    const SUBCLASSABLE: bool = true;
    type_cell!();
    free_list!();

    fn wants_finalizer(&self) -> bool {
        !self.future.is_done() || self.future.wants_finalizer()
    }

    fn empty() -> Self {
        Task::new(Future::default())
    }

    fn init(this: &Own<Self>, args: &Args<'_>) -> Result<()> {
        let ([coroutine], [loop_, name, context, eager_start], _) = args.bind::<1, 4>(&INIT)?;
        this.as_future().check_uninitialised("_asyncio.Task")?;
        this.future.reset();
        this.future.attach(loop_)?;
        let eager_start = eager_start.map_or(Ok(false), Object::is_true)?;
        this.begin(coroutine, &Options { name, context, eager_start })
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        self.future.traverse(visitor);
        for slot in self.slots() {
            visitor.slot(slot);
        }
    }

    fn clear(&self) {
        // First: what is in a list is whole.
        registry::remove(self);
        self.future.clear();
        for slot in self.slots() {
            slot.clear();
        }
    }

    fn finalize(this: &Own<Self>) {
        // If the report resurrects the task, all_tasks() does not have it any more, as with asyncio's weak set.
        registry::remove(this);
        this.report_pending();
        this.as_future().report_unretrieved();
    }

    fn members() -> Members {
        Members {
            methods: methods(),
            properties: properties(),
            slots: vec![unary_slot::<Task, _>(sys::Py_tp_repr, |this| {
                let name = this.as_object().type_name();
                let info = stdlib::TASK_REPR_INFO.get()?.call(&[this.as_object()])?;
                crate::futures::repr_with(&name, &info)
            })],
        }
    }
}

/// These fields have the same offsets in both bodies. A task's dict is its future's.
const _: () = {
    assert!(std::mem::offset_of!(Task, future) == 0);
    let _: fn(&Task) -> (&Dict, &WeakList) = |task| (&task.future.dict, &task.future.weak);
};

fn methods() -> Vec<Method> {
    let mut methods = vec![
        method1::<Task, _>(
            c"set_result",
            |_, _| Err(runtime_error("Task does not support set_result operation")),
            c"set_result($self, result, /)\n--\n\nRaise RuntimeError: a task's result is its coroutine's.",
        ),
        method1::<Task, _>(
            c"set_exception",
            |_, _| Err(runtime_error("Task does not support set_exception operation")),
            c"set_exception($self, exception, /)\n--\n\nRaise RuntimeError: a task's exception is its coroutine's.",
        ),
        method::<Task, _>(
            c"cancel",
            |this, args| {
                let ([], [message], _) = args.bind::<0, 1>(&CANCEL)?;
                this.cancel(message).map(Object::bool)
            },
            c"cancel($self, /, msg=None)\n--\n\nRaise CancelledError in the coroutine, in its next step. Return False if the task is done already.",
        ),
        method0::<Task, _>(
            c"cancelling",
            |this| Object::int(this.cancels_requested.get().into()),
            c"cancelling($self, /)\n--\n\nReturn the number of requests for cancellation, less the calls of uncancel().",
        ),
        method0::<Task, _>(
            c"uncancel",
            |this| this.uncancel(),
            c"uncancel($self, /)\n--\n\nRevoke one request for cancellation. Return how many remain.",
        ),
        method0::<Task, _>(
            c"_abandon",
            |this| this.abandon(),
            c"_abandon($self, /)\n--\n\nEnd the task as cancelled, and never resume its coroutine. Return the coroutine, or None.",
        ),
        method0::<Task, _>(
            c"get_coro",
            |this| Ok(this.coroutine().unwrap_or_else(Object::none)),
            c"get_coro($self, /)\n--\n\nReturn the coroutine.",
        ),
        method0::<Task, _>(
            c"get_name",
            |this| this.name(),
            c"get_name($self, /)\n--\n\nReturn the name.",
        ),
        method1::<Task, _>(
            c"set_name",
            |this, name| this.set_name(name).map(|()| Object::none()),
            c"set_name($self, value, /)\n--\n\nSet the name. Other objects than a str are converted.",
        ),
        method::<Task, _>(
            c"get_stack",
            |this, args| {
                let ([], [limit], _) = args.bind::<0, 1>(&GET_STACK)?;
                let limit = limit.cloned().unwrap_or_else(Object::none);
                stdlib::TASK_GET_STACK.get()?.call(&[this.as_object(), &limit])
            },
            c"get_stack($self, /, *, limit=None)\n--\n\nReturn the frames of the coroutine, oldest first, at most limit of them.",
        ),
        method::<Task, _>(
            c"print_stack",
            |this, args| {
                let ([], [limit, file], _) = args.bind::<0, 2>(&PRINT_STACK)?;
                let limit = limit.cloned().unwrap_or_else(Object::none);
                let file = file.cloned().unwrap_or_else(Object::none);
                stdlib::TASK_PRINT_STACK.get()?.call(&[this.as_object(), &limit, &file])
            },
            c"print_stack($self, /, *, limit=None, file=None)\n--\n\nPrint the stack of the coroutine, at most limit frames, to file (sys.stderr).",
        ),
    ];
    if compat::TASKS_SHOW_CONTEXT {
        methods.push(method0::<Task, _>(
            c"get_context",
            |this| Ok(this.context()),
            c"get_context($self, /)\n--\n\nReturn the contextvars.Context of the task.",
        ));
    }
    methods
}

fn properties() -> Vec<Property> {
    vec![
        getter::<Task, _>(c"__class__", |this| crate::futures::stdlib_class(this, &stdlib::ASYNCIO_TASK)),
        getter::<Task, _>(c"_coro", |this| Ok(this.coroutine().unwrap_or_else(Object::none))),
        getter::<Task, _>(c"_context", |this| Ok(this.context())),
        getter::<Task, _>(c"_fut_waiter", |this| Ok(this.waiter.get_or_none())),
        getter::<Task, _>(c"_must_cancel", |this| Ok(Object::bool(this.must_cancel.get()))),
        getter::<Task, _>(c"_num_cancels_requested", |this| Object::int(this.cancels_requested.get().into())),
        property::<Task, _, _>(
            c"_log_destroy_pending",
            |this| Ok(Object::bool(this.log_destroy_pending.get())),
            |this, value| {
                this.log_destroy_pending.set(value.is_true()?);
                Ok(())
            },
        ),
    ]
}
