//! Semaphore.

use super::owners::{self, Owners};
use super::{BoundLoop, Waiters};
use crate::compat;
use crate::coroutines::{AsyncioFunctionDefinition, Coroutine, Operation, Outcome, Poll, asyncio_method};
use crate::ffi::class::{Members, getter, method0, number_property, slot_property, type_cell};
use crate::ffi::error::value_error;
use crate::ffi::{
    Args, Class, Name, Number, Object, Own, Raised, Result, Signature, SkippedMethods, Visitor, deque,
};
use crate::futures::{is_cancellation, waiter};
use crate::stdlib::{self, ASYNCIO_SEMAPHORE as ORIGINAL, LOCKED};
use std::cell::Cell;
use std::ffi::CStr;

static WAKE_UP_NEXT: Name = Name::new(c"_wake_up_next");

static INIT: Signature =
    Signature { name: "Semaphore.__init__", parameters: &["value"], positional: 1, required: 0, variadic: false };

/// The body of a Semaphore.
#[derive(Default)]
pub struct Semaphore {
    value: Number,
    owners: Owners,
    waiters: Waiters,
    loop_: BoundLoop,
    /// Whether no method is overridden that acquire() skips.
    is_plain: Cell<bool>,
    /// Whether `async with` may call acquire() directly. It always calls release() by name.
    enters_plainly: Cell<bool>,
}

impl Own<Semaphore> {
    /// Whether acquire() has to wait: the value is 0, or there are waiters that are not cancelled.
    #[inline]
    fn is_locked(&self) -> Result<bool> {
        if self.value.is(0)? {
            return Ok(true);
        }
        match self.waiters.any()? {
            Some(waiters) => Ok(deque::find(&waiters, |one| Ok(!waiter::is_cancelled(one)?))?.is_some()),
            None => Ok(false),
        }
    }

    #[inline]
    fn release(&self) -> Result<()> {
        self.value.add(1)?;
        self.owners.released();
        self.wake_up_next().map(drop)
    }

    /// Gives one unit to the first waiter. Returns whether there was one.
    #[inline]
    fn wake_up_next(&self) -> Result<bool> {
        let Some(waiters) = self.waiters.any()? else { return Ok(false) };
        let Some(future) = deque::find(&waiters, |one| Ok(!waiter::is_done(one)?))? else { return Ok(false) };
        self.value.add(-1)?;
        waiter::set_result(&future, Object::bool(true))?;
        Ok(true)
    }

    /// Gives the units that are left to waiters that arrived meanwhile.
    fn wake_up_others(&self) -> Result<()> {
        while self.value.is_above(0)? {
            if !self.wake_up_next()? || !compat::SEMAPHORE_WAKES_MANY {
                break;
            }
        }
        Ok(())
    }
}

/// `acquire()`, and `__aenter__()`.
struct Acquire {
    semaphore: Own<Semaphore>,
    waiter: Option<Object>,
    /// The result of the coroutine.
    result: Object,
}

impl Acquire {
    /// An exception has ended the wait. A unit that the waiter had already got is returned.
    fn give_back(&self, waiter: &Object, exception: &Object) -> Result<()> {
        let semaphore = &self.semaphore;
        if is_cancellation(exception)? {
            let handed_over = if compat::SEMAPHORE_WAKES_MANY { waiter::is_done(waiter)? } else { true };
            if handed_over && !waiter::is_cancelled(waiter)? {
                semaphore.value.add(1)?;
                if !compat::SEMAPHORE_WAKES_MANY {
                    semaphore.wake_up_next()?;
                }
            }
        }
        if compat::SEMAPHORE_WAKES_MANY { semaphore.wake_up_others() } else { Ok(()) }
    }
}

impl Operation for Acquire {
    fn resume(&mut self, outcome: Outcome) -> Result<Poll> {
        let semaphore = &self.semaphore;
        let Some(waiter) = self.waiter.take() else {
            if !semaphore.is_locked()? {
                semaphore.owners.acquired();
                semaphore.value.add(-1)?;
                return Ok(Poll::Ready(self.result.clone()));
            }
            let waiter = semaphore.waiters.add(&semaphore.loop_.get(semaphore.as_object())?)?;
            self.waiter = Some(waiter.clone());
            return Ok(Poll::Await(waiter));
        };
        let outcome = outcome.value().map_err(Raised::take);
        semaphore.waiters.remove(&waiter)?;
        if let Err(exception) = outcome {
            self.give_back(&waiter, &exception)?;
            return Err(exception.raise());
        }
        semaphore.wake_up_others()?;
        semaphore.owners.acquired();
        Ok(Poll::Ready(self.result.clone()))
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.object(&self.semaphore);
        visitor.object(&self.result);
        self.waiter.iter().for_each(|waiter| visitor.object(waiter));
    }
}

/// `__aexit__()`.
struct Exit(Own<Semaphore>);

impl Operation for Exit {
    fn resume(&mut self, _: Outcome) -> Result<Poll> {
        // By name, because a derived class, for example BoundedSemaphore, overrides it.
        self.0.as_object().method0(&stdlib::RELEASE)?;
        Ok(Poll::Ready(Object::none()))
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.object(&self.0);
    }
}

impl Class for Semaphore {
    const NAME: &'static CStr = c"ferrio._core.Semaphore";
    const DOC: &'static CStr = c"Semaphore(value=1)\n--\n\nThe part of ferrio.Semaphore that is in Rust.";
    const SUBCLASSABLE: bool = true;
    type_cell!();

    fn empty() -> Self {
        Semaphore::default()
    }

    fn init(this: &Own<Self>, args: &Args<'_>) -> Result<()> {
        let ([], [value], _) = args.bind::<0, 1>(&INIT)?;
        match value {
            Some(value) => {
                let number = Number::new(value);
                if number.is_below(0)? {
                    return Err(value_error("Semaphore initial value must be >= 0"));
                }
                this.value.put(value);
                this.owners.begin(number.small().and_then(|value| u32::try_from(value).ok()));
            }
            None => {
                this.value.set(1);
                this.owners.begin(Some(1));
            }
        }
        static SKIPPED: SkippedMethods = SkippedMethods::new(&[&stdlib::ACQUIRE, &LOCKED, &WAKE_UP_NEXT]);
        let overridden = SKIPPED.overridden(this.as_object(), &Own::<Semaphore>::class_object()?)?;
        this.is_plain.set(!overridden.has(1) && !overridden.has(2));
        this.enters_plainly.set(overridden.is_empty());
        owners::note_origin(this.as_object())
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        self.value.traverse(visitor);
        self.owners.traverse(visitor);
        visitor.slot(&self.waiters.0);
        visitor.slot(&self.loop_.0);
    }

    fn clear(&self) {
        self.value.clear();
        self.owners.clear();
        self.waiters.0.clear();
        self.loop_.0.clear();
    }

    fn members() -> Members {
        Members {
            methods: vec![
                method0::<Semaphore, _>(
                    c"locked",
                    |this| this.is_locked().map(Object::bool),
                    c"locked($self)\n--\n\nReturn whether acquire() would have to wait.",
                ),
                method0::<Semaphore, _>(
                    c"release",
                    |this| this.release().map(|()| Object::none()),
                    c"release($self)\n--\n\nAdd one to the counter. The first waiter continues.",
                ),
                method0::<Semaphore, _>(
                    c"_wake_up_next",
                    |this| this.wake_up_next().map(Object::bool),
                    c"_wake_up_next($self)\n--\n\nGive one unit to the first waiter. Return whether there was one.",
                ),
            ],
            properties: vec![
                number_property::<Semaphore, _>(c"_value", |this| &this.value),
                getter::<Semaphore, _>(c"_owners", |this| this.owners.list()),
                getter::<Semaphore, _>(c"_owners_are_all", |this| Ok(Object::bool(this.owners.are_all()))),
                slot_property::<Semaphore, _>(c"_waiters", |this| &this.waiters.0),
                slot_property::<Semaphore, _>(c"_loop", |this| &this.loop_.0),
            ],
            slots: vec![],
        }
    }

    fn functions() -> Vec<AsyncioFunctionDefinition> {
        vec![
            asyncio_method::<Semaphore, _>(
                c"acquire",
                |this, args| {
                    if !this.is_plain.get() {
                        return args.call_as(&ORIGINAL, &stdlib::ACQUIRE, this.as_object());
                    }
                    args.expect_none("Semaphore.acquire")?;
                    let operation = Acquire { semaphore: this.clone(), waiter: None, result: Object::bool(true) };
                    Coroutine::start(&["Semaphore.acquire"], operation)
                },
                &ORIGINAL,
            ),
            asyncio_method::<Semaphore, _>(
                c"__aenter__",
                |this, args| {
                    if !this.enters_plainly.get() {
                        return args.call_as(&ORIGINAL, &stdlib::AENTER, this.as_object());
                    }
                    let operation = Acquire { semaphore: this.clone(), waiter: None, result: Object::none() };
                    Coroutine::start(&["_ContextManagerMixin.__aenter__"], operation)
                },
                &ORIGINAL,
            ),
            asyncio_method::<Semaphore, _>(
                c"__aexit__",
                |this, args| {
                    if !this.enters_plainly.get() {
                        return args.call_as(&ORIGINAL, &stdlib::AEXIT, this.as_object());
                    }
                    Coroutine::start(&["_ContextManagerMixin.__aexit__"], Exit(this.clone()))
                },
                &ORIGINAL,
            ),
        ]
    }
}
