//! Event.

use super::{BoundLoop, Waiters};
use crate::coroutines::{Coroutine, CounterpartDefinition, Operation, Outcome, Poll, counterpart_method};
use crate::ffi::class::{Members, bool_property, method0, slot_property, type_cell};
use crate::ffi::{Args, Class, Import, Object, Own, Result, Visitor, deque};
use crate::futures::waiter;
use std::cell::Cell;
use std::ffi::CStr;

static ORIGINAL: Import = Import::new(c"asyncio.locks", c"Event");

/// The body of an Event.
#[derive(Default)]
pub struct Event {
    value: Cell<bool>,
    waiters: Waiters,
    loop_: BoundLoop,
}

impl Own<Event> {
    /// Sets the flag; all who wait go on.
    pub fn set(&self) -> Result<()> {
        if self.value.replace(true) {
            return Ok(());
        }
        let Some(waiters) = self.waiters.any()? else { return Ok(()) };
        for index in 0..deque::len(&waiters)? {
            let future = deque::item(&waiters, index)?;
            if !waiter::is_done(&future)? {
                waiter::set_result(&future, Object::bool(true))?;
            }
        }
        Ok(())
    }
}

/// `wait()`.
struct Wait {
    event: Own<Event>,
    waiter: Option<Object>,
}

impl Operation for Wait {
    fn resume(&mut self, outcome: Outcome) -> Result<Poll> {
        let event = &self.event;
        let Some(waiter) = self.waiter.take() else {
            if event.value.get() {
                return Ok(Poll::Ready(Object::bool(true)));
            }
            let waiter = event.waiters.add(&event.loop_.get(event.as_object())?)?;
            self.waiter = Some(waiter.clone());
            return Ok(Poll::Await(waiter));
        };
        let outcome = outcome.value().map_err(crate::ffi::Raised::take);
        event.waiters.remove(&waiter)?;
        match outcome {
            Ok(_) => Ok(Poll::Ready(Object::bool(true))),
            Err(exception) => Err(exception.raise()),
        }
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.object(self.event.as_ptr());
        self.waiter.iter().for_each(|waiter| visitor.object(waiter.as_ptr()));
    }
}

impl Class for Event {
    const NAME: &'static CStr = c"ferrio._core.Event";
    const DOC: &'static CStr = c"Event()\n--\n\nThe hot part of ferrio.Event.";
    const SUBCLASSABLE: bool = true;
    type_cell!();

    fn empty() -> Self {
        Event::default()
    }

    fn init(this: &Own<Self>, args: &Args<'_>) -> Result<()> {
        args.expect_none("Event.__init__")?;
        this.waiters.0.put(deque::new()?);
        Ok(())
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.slot(&self.waiters.0);
        visitor.slot(&self.loop_.0);
    }

    fn clear(&self) {
        self.waiters.0.clear();
        self.loop_.0.clear();
    }

    fn members() -> Members {
        Members {
            methods: vec![
                method0::<Event, _>(
                    c"is_set",
                    |this| Ok(Object::bool(this.value.get())),
                    c"is_set($self)\n--\n\nReturn whether the flag is set.",
                ),
                method0::<Event, _>(
                    c"set",
                    |this| this.set().map(|()| Object::none()),
                    c"set($self)\n--\n\nSet the flag. All who wait for it go on.",
                ),
                method0::<Event, _>(
                    c"clear",
                    |this| {
                        this.value.set(false);
                        Ok(Object::none())
                    },
                    c"clear($self)\n--\n\nClear the flag. Those who wait from now on wait until it is set again.",
                ),
            ],
            properties: vec![
                bool_property::<Event, _>(c"_value", |this| &this.value),
                slot_property::<Event, _>(c"_waiters", |this| &this.waiters.0),
                slot_property::<Event, _>(c"_loop", |this| &this.loop_.0),
            ],
            slots: vec![],
        }
    }

    fn functions() -> Vec<CounterpartDefinition> {
        vec![counterpart_method::<Event, _>(
            c"wait",
            |this, args| {
                args.expect_none("Event.wait")?;
                Coroutine::start(&["Event.wait"], Wait { event: this.clone(), waiter: None })
            },
            &ORIGINAL,
        )]
    }
}
