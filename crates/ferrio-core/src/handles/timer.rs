//! TimerHandle: a handle with a deadline.

use super::Handle;
use crate::ffi::class::{
    Comparison, Members, compare_slot, extends, free_list, getter, hash_slot, method0, type_cell,
};
use crate::ffi::{Args, Class, Object, Own, Result, Signature, Visitor};
use crate::stdlib;
use std::cell::Cell;
use std::ffi::CStr;

/// Every int below this is a float too: 2**53.
const MOST_EXACT_INT: f64 = 9_007_199_254_740_992.0;

/// The body of a TimerHandle. It begins with the body of a Handle.
#[derive(Default)]
#[repr(C)]
pub struct TimerHandle {
    handle: Handle,
    when: Cell<f64>,
    /// What to call when the timer is cancelled; set while it is among the timers of a loop.
    scheduled: Cell<Option<OnCancel>>,
}

/// What a loop wants to be called when one of its timers is cancelled, with the timer and the loop.
pub type OnCancel = fn(&Own<TimerHandle>, &Object) -> Result<()>;

extends!(TimerHandle: Handle, handle);

impl TimerHandle {
    /// A timer's body, not yet scheduled.
    #[inline]
    pub fn body(when: f64, handle: Handle) -> TimerHandle {
        TimerHandle { handle, when: Cell::new(when), scheduled: Cell::new(None) }
    }

    /// The deadline, in seconds on the loop's clock.
    #[inline]
    pub fn when(&self) -> f64 {
        self.when.get()
    }

    /// Notes whether the timer is among the loop's timers, and what to call when it is cancelled meanwhile.
    #[inline]
    pub fn set_scheduled(&self, scheduled: Option<OnCancel>) {
        self.scheduled.set(scheduled);
    }

    /// Makes `when()` return an int if the program passed an int, as in asyncio.
    #[inline]
    pub fn show_as(&self, given: &Object) {
        // Up to this limit, every int is a float too.
        let is_exact = self.when().abs() < MOST_EXACT_INT;
        self.handle.when_is_int.set(is_exact && !given.is_exact_float() && given.is_exact_int());
    }

    fn shown_when(&self) -> Result {
        if self.handle.when_is_int.get() { Object::int(self.when() as i64) } else { Object::float(self.when()) }
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
        self.scheduled.get().map_or(Ok(()), |on_cancel| on_cancel(self, &loop_))
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
            && left.arguments.as_tuple()?.equals(&right.arguments.as_tuple()?)?
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
                getter::<TimerHandle, _>(c"_scheduled", |this| Ok(Object::bool(this.scheduled.get().is_some()))),
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
