//! Event. `wait()` is Python code, because the interpreter enters a Python coroutine without a C call.

use super::{BoundLoop, Waiters, owners};
use crate::ffi::class::{Members, method0, slot_property, type_cell};
use crate::ffi::{Args, Class, Object, Own, Result, Slot, Visitor, deque};
use crate::futures::waiter;
use std::ffi::CStr;
use std::mem::offset_of;

/// The body of an Event.
#[derive(Default)]
pub struct Event {
    /// Whether it is set. This is an object so that `wait()` reads it without a call.
    value: Slot,
    waiters: Waiters,
    loop_: BoundLoop,
}

impl Own<Event> {
    fn is_set(&self) -> Result<bool> {
        self.value.get_or_none().is_true()
    }

    /// Sets the flag, and wakes up all waiters.
    pub fn set(&self) -> Result<()> {
        if self.is_set()? {
            return Ok(());
        }
        self.value.put(Object::bool(true));
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

impl Class for Event {
    const NAME: &'static CStr = c"ferrio._core.Event";
    const DOC: &'static CStr = c"Event()\n--\n\nThe part of ferrio.Event that is in Rust.";
    const SUBCLASSABLE: bool = true;
    const ATTRIBUTES: &'static [(&'static CStr, usize)] = &[(c"_value", offset_of!(Event, value))];
    type_cell!();

    fn empty() -> Self {
        Event::default()
    }

    fn init(this: &Own<Self>, args: &Args<'_>) -> Result<()> {
        args.expect_none("Event.__init__")?;
        this.value.put(Object::bool(false));
        this.waiters.0.put(deque::new()?);
        owners::note_origin(this.as_object())
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.slot(&self.value);
        visitor.slot(&self.waiters.0);
        visitor.slot(&self.loop_.0);
    }

    fn clear(&self) {
        self.value.clear();
        self.waiters.0.clear();
        self.loop_.0.clear();
    }

    fn members() -> Members {
        Members {
            methods: vec![
                method0::<Event, _>(
                    c"_waiter",
                    |this| this.waiters.add(&this.loop_.get(this.as_object())?),
                    c"_waiter($self)\n--\n\nAdd a future that is done when the flag is set to the waiters. Return it.",
                ),
                method0::<Event, _>(
                    c"is_set",
                    |this| Ok(this.value.get_or_none()),
                    c"is_set($self)\n--\n\nReturn whether the flag is set.",
                ),
                method0::<Event, _>(
                    c"set",
                    |this| this.set().map(|()| Object::none()),
                    c"set($self)\n--\n\nSet the flag. All waiters continue.",
                ),
                method0::<Event, _>(
                    c"clear",
                    |this| {
                        this.value.put(Object::bool(false));
                        Ok(Object::none())
                    },
                    c"clear($self)\n--\n\nClear the flag. Later waits last until it is set again.",
                ),
            ],
            properties: vec![
                slot_property::<Event, _>(c"_waiters", |this| &this.waiters.0),
                slot_property::<Event, _>(c"_loop", |this| &this.loop_.0),
            ],
            slots: vec![],
        }
    }
}
