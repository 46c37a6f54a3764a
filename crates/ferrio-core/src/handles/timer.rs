//! TimerHandle: a handle with a deadline.

use super::Handle;
use crate::ffi::class::{
    Comparison, Members, compare_slot, extends, free_list, getter, hash_slot, method0, type_cell,
};
use crate::ffi::{Args, Class, Object, Own, Result, Signature, Visitor};
use crate::stdlib;
use std::cell::Cell;
use std::ffi::CStr;
use std::sync::OnceLock;

/// Every int below this is a float too: 2**53.
const MOST_EXACT_INT: f64 = 9_007_199_254_740_992.0;

/// The body of a TimerHandle. It begins with the body of a Handle.
#[derive(Default)]
#[repr(C)]
pub struct TimerHandle {
    handle: Handle,
    when: Cell<f64>,
}

/// What a Handle has for a TimerHandle.
#[derive(Clone, Copy, Default)]
pub(super) struct TimerFlags {
    bits: u8,
}

impl TimerFlags {
    /// The program passed the time as an int.
    const WHEN_IS_INT: TimerFlags = TimerFlags { bits: 1 };
    /// It is among the timers of a loop.
    const SCHEDULED: TimerFlags = TimerFlags { bits: 2 };

    fn has(self, flag: TimerFlags) -> bool {
        self.bits & flag.bits != 0
    }

    fn with(self, flag: TimerFlags, value: bool) -> TimerFlags {
        let others = self.bits & !flag.bits;
        TimerFlags { bits: if value { others | flag.bits } else { others } }
    }
}

/// A function that is called with a timer and its loop.
type OfTimer = fn(&Own<TimerHandle>, &Object) -> Result<()>;

/// What is called when a timer is cancelled that is among the timers of a loop. The loop's folder hands it in.
pub static ON_CANCEL: OnceLock<OfTimer> = OnceLock::new();

extends!(TimerHandle: Handle, handle);

impl TimerHandle {
    /// A timer's body, not yet scheduled.
    #[inline]
    pub fn body(when: f64, handle: Handle) -> TimerHandle {
        TimerHandle { handle, when: Cell::new(when) }
    }

    /// The deadline, in seconds on the loop's clock.
    #[inline]
    pub fn when(&self) -> f64 {
        self.when.get()
    }

    /// Notes whether the timer is among the loop's timers.
    #[inline]
    pub fn set_scheduled(&self, scheduled: bool) {
        self.set_flag(TimerFlags::SCHEDULED, scheduled);
    }

    fn is_scheduled(&self) -> bool {
        self.handle.timer.get().has(TimerFlags::SCHEDULED)
    }

    #[inline]
    fn set_flag(&self, flag: TimerFlags, value: bool) {
        self.handle.timer.set(self.handle.timer.get().with(flag, value));
    }

    /// Makes `when()` return an int if the program passed an int, as in asyncio.
    #[inline]
    pub fn show_as(&self, given: &Object) {
        // Up to this limit, every int is a float too.
        let is_exact = self.when().abs() < MOST_EXACT_INT;
        let is_int = is_exact && !given.is_exact_float() && given.is_exact_int();
        self.set_flag(TimerFlags::WHEN_IS_INT, is_int);
    }

    fn shown_when(&self) -> Result {
        let is_int = self.handle.timer.get().has(TimerFlags::WHEN_IS_INT);
        if is_int { Object::int(self.when() as i64) } else { Object::float(self.when()) }
    }

    /// The body of the Handle in it.
    #[inline]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Own<TimerHandle> {
    /// The timer as a Handle.
    #[inline]
    pub fn as_handle(&self) -> &Own<Handle> {
        self.upcast()
    }

    fn cancel(&self) -> Result<()> {
        if self.handle.is_cancelled() {
            return Ok(());
        }
        let loop_ = self.handle.loop_.get_or_none();
        self.as_handle().cancel()?;
        // The loop may have taken it out while the arguments were dropped.
        match ON_CANCEL.get() {
            Some(on_cancel) if self.is_scheduled() => on_cancel(self, &loop_),
            _ => Ok(()),
        }
    }

    fn compare(&self, other: &Own<TimerHandle>, comparison: Comparison) -> Result<bool> {
        let (left, right) = (self.when(), other.when());
        Ok(match comparison {
            Comparison::Less => left < right,
            Comparison::Greater => left > right,
            Comparison::AtMost => left < right || self.equals(other)?,
            Comparison::AtLeast => left > right || self.equals(other)?,
            Comparison::Unequal => !self.equals(other)?,
            Comparison::Equal => self.equals(other)?,
        })
    }

    fn equals(&self, other: &Own<TimerHandle>) -> Result<bool> {
        let (left, right) = (&self.handle, &other.handle);
        Ok(self.when() == other.when()
            && left.callback.get_or_none().equals(&right.callback.get_or_none())?
            && left.arguments_as_tuple()?.equals(&right.arguments_as_tuple()?)?
            && left.is_cancelled() == right.is_cancelled())
    }
}

static SIGNATURE: Signature = Signature {
    name: "TimerHandle.__init__",
    parameters: &["when", "callback", "args", "loop", "context"],
    positional: 5,
    required: 4,
    variadic: false,
};

impl Class for TimerHandle {
    const NAME: &'static CStr = c"ferrio._core.TimerHandle";
    const DOC: &'static CStr = c"TimerHandle(when, callback, args, loop, context=None)\n--\n\nA callback that is scheduled for a given time; returned by call_later and call_at (see asyncio.TimerHandle).";
    const WEAK: Option<usize> = Handle::WEAK;
    const SUBCLASSABLE: bool = true;
    type_cell!();
    free_list!();

    fn empty() -> Self {
        TimerHandle::default()
    }

    fn init(this: &Own<Self>, args: &Args<'_>) -> Result<()> {
        let ([when, callback, arguments, loop_], [context], _) = args.bind::<4, 1>(&SIGNATURE)?;
        this.when.set(when.to_f64()?);
        this.show_as(when);
        this.as_handle().fill(callback, arguments, loop_, context)
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        self.handle.traverse(visitor);
    }

    fn clear(&self) {
        self.handle.clear();
    }

    fn members() -> Members {
        Members {
            methods: vec![
                method0::<TimerHandle, _>(
                    c"cancel",
                    |this| this.cancel().map(|()| Object::none()),
                    c"cancel($self, /)\n--\n\nCancel the callback.",
                ),
                method0::<TimerHandle, _>(
                    c"when",
                    |this| this.shown_when(),
                    c"when($self, /)\n--\n\nReturn the time of the call, in seconds on the clock of loop.time().",
                ),
            ],
            properties: vec![
                getter::<TimerHandle, _>(c"__class__", |this| {
                    let class = this.as_object().class();
                    if this.is_exact() { stdlib::TIMER_HANDLE.get().cloned() } else { Ok(class) }
                }),
                getter::<TimerHandle, _>(c"_when", |this| this.shown_when()),
                getter::<TimerHandle, _>(c"_scheduled", |this| Ok(Object::bool(this.is_scheduled()))),
            ],
            slots: vec![
                compare_slot::<TimerHandle, _>(|this, other, comparison| {
                    let other = Own::<TimerHandle>::downcast(other);
                    other.map(|other| this.compare(other, comparison).map(Object::bool)).transpose()
                }),
                hash_slot::<TimerHandle, _>(|this| Object::float(this.when())?.hash()),
            ],
        }
    }
}
