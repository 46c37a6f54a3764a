//! The methods and properties of Queue, with asyncio's names.

use super::{EMPTY, FULL, GET_NOWAIT, Get, ORIGINAL, Put, Queue};
use crate::coroutines::{AsyncioFunctionDefinition, Coroutine, asyncio_method};
use crate::ffi::class::{Members, bool_property, getter, method, property, slot_property, type_cell};
use crate::ffi::{Args, Class, Name, Object, Own, Result, Signature, Visitor, deque};
use crate::stdlib::{GET, PUT_NOWAIT};
use crate::sync::{Waiters, owners};
use std::ffi::CStr;

static PUT: Name = Name::new(c"put");

static NEW: Signature =
    Signature { name: "Queue.__init__", parameters: &["maxsize"], positional: 1, required: 0, variadic: false };
static PUT_SIGNATURE: Signature =
    Signature { name: "Queue.put", parameters: &["item"], positional: 1, required: 1, variadic: false };

static PUT_NOWAIT_SIGNATURE: Signature = Signature { name: "Queue.put_nowait", ..PUT_SIGNATURE };

fn item<'call>(args: &Args<'call>, signature: &Signature) -> Result<&'call Object> {
    let ([item], [], _) = args.bind::<1, 0>(signature)?;
    Ok(item)
}

/// The futures of the waiting tasks, as a deque.
fn shown(waiters: &Waiters) -> Result {
    if waiters.0.is_empty() {
        waiters.0.put(deque::new()?);
    }
    Ok(waiters.0.get_or_none())
}

impl Class for Queue {
    const NAME: &'static CStr = c"ferrio._core.Queue";
    const DOC: &'static CStr =
        c"Queue(maxsize=0)\n--\n\nThe part of ferrio.Queue, LifoQueue and PriorityQueue that is in Rust.";
    const SUBCLASSABLE: bool = true;
    type_cell!();

    fn empty() -> Self {
        Queue::default()
    }

    fn init(this: &Own<Self>, args: &Args<'_>) -> Result<()> {
        let ([], [maxsize], _) = args.bind::<0, 1>(&NEW)?;
        let maxsize = maxsize.map_or_else(|| Object::int(0), |maxsize| Ok(maxsize.clone()))?;
        this.begin(maxsize)?;
        owners::note_origin(this.as_object())
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        for slot in [&self.maxsize, &self.items, &self.getters.0, &self.putters.0, &self.finished, &self.loop_.0] {
            visitor.slot(slot);
        }
    }

    fn clear(&self) {
        for slot in [&self.items, &self.getters.0, &self.putters.0, &self.finished, &self.loop_.0] {
            slot.clear();
        }
    }

    fn members() -> Members {
        Members { methods: methods(), properties: properties(), slots: vec![] }
    }

    fn functions() -> Vec<AsyncioFunctionDefinition> {
        vec![
            asyncio_method::<Queue, _>(
                c"get",
                |this, args| {
                    if this.is_overridden() {
                        return args.call_as(&ORIGINAL, &GET, this.as_object());
                    }
                    args.expect_none("Queue.get")?;
                    Coroutine::start(&["Queue.get"], Get { queue: this.clone(), getter: None })
                },
                &ORIGINAL,
            ),
            asyncio_method::<Queue, _>(
                c"put",
                |this, args| {
                    if this.is_overridden() {
                        return args.call_as(&ORIGINAL, &PUT, this.as_object());
                    }
                    let item = item(args, &PUT_SIGNATURE)?.clone();
                    Coroutine::start(&["Queue.put"], Put { queue: this.clone(), item, putter: None })
                },
                &ORIGINAL,
            ),
        ]
    }
}

fn methods() -> Vec<crate::ffi::sys::PyMethodDef> {
    vec![
        method::<Queue, _>(
            c"qsize",
            |this, args| {
                args.expect_none("Queue.qsize")?;
                Object::int(this.size()? as i64)
            },
            c"qsize($self)\n--\n\nReturn how many items are in the queue.",
        ),
        method::<Queue, _>(
            c"empty",
            |this, args| {
                if this.is_overridden() {
                    return args.call_as(&ORIGINAL, &EMPTY, this.as_object());
                }
                args.expect_none("Queue.empty")?;
                this.is_empty().map(Object::bool)
            },
            c"empty($self)\n--\n\nReturn whether there is no item in the queue.",
        ),
        method::<Queue, _>(
            c"full",
            |this, args| {
                if this.is_overridden() {
                    return args.call_as(&ORIGINAL, &FULL, this.as_object());
                }
                args.expect_none("Queue.full")?;
                this.is_full().map(Object::bool)
            },
            c"full($self)\n--\n\nReturn whether there are maxsize items in the queue; a maxsize of 0 or less is no limit.",
        ),
        method::<Queue, _>(
            c"put_nowait",
            |this, args| {
                if this.is_overridden() {
                    return args.call_as(&ORIGINAL, &PUT_NOWAIT, this.as_object());
                }
                this.put_nowait(item(args, &PUT_NOWAIT_SIGNATURE)?).map(|()| Object::none())
            },
            c"put_nowait($self, item)\n--\n\nPut an item into the queue without waiting.\n\nQueueFull if there is no room, QueueShutDown if the queue has been shut down.",
        ),
        method::<Queue, _>(
            c"get_nowait",
            |this, args| {
                if this.is_overridden() {
                    return args.call_as(&ORIGINAL, &GET_NOWAIT, this.as_object());
                }
                args.expect_none("Queue.get_nowait")?;
                this.get_nowait()
            },
            c"get_nowait($self)\n--\n\nTake an item out of the queue without waiting.\n\nQueueEmpty if there is none, QueueShutDown if there is none and the queue has been shut down.",
        ),
        method::<Queue, _>(
            c"task_done",
            |this, args| {
                args.expect_none("Queue.task_done")?;
                this.task_done().map(|()| Object::none())
            },
            c"task_done($self)\n--\n\nNote that the work on an item is done.\n\nValueError if it is called more often than there were items.",
        ),
    ]
}

fn properties() -> Vec<crate::ffi::sys::PyGetSetDef> {
    vec![
        property::<Queue, _, _>(
            c"_maxsize",
            |this| Ok(this.maxsize.get_or_none()),
            |this, value| {
                this.set_maxsize(value.clone());
                Ok(())
            },
        ),
        property::<Queue, _, _>(
            c"_queue",
            |this| {
                this.items.get().ok_or_else(|| {
                    crate::ffi::error::raise(
                        crate::ffi::error::Builtin::Attribute,
                        "'Queue' object has no attribute '_queue'",
                    )
                })
            },
            |this, value| {
                this.items.put(value.clone());
                Ok(())
            },
        ),
        getter::<Queue, _>(c"_getters", |this| shown(&this.getters)),
        getter::<Queue, _>(c"_putters", |this| shown(&this.putters)),
        property::<Queue, _, _>(
            c"_unfinished_tasks",
            |this| Object::int(this.unfinished.get()),
            |this, value| {
                this.unfinished.set(value.to_i64()?);
                Ok(())
            },
        ),
        getter::<Queue, _>(c"_finished", |this| this.finished()),
        bool_property::<Queue, _>(c"_is_shutdown", |this| &this.is_shut_down),
        slot_property::<Queue, _>(c"_loop", |this| &this.loop_.0),
    ]
}
