//! Lock.

use super::owners::{self, Owner};
use super::{BoundLoop, Waiters};
use crate::coroutines::{AsyncioFunctionDefinition, Coroutine, Operation, Outcome, Poll, asyncio_method};
use crate::ffi::class::{Members, bool_property, getter, method0, slot_property, type_cell};
use crate::ffi::error::runtime_error;
use crate::ffi::{Args, Class, Object, Own, Result, SkippedMethods, Visitor, deque};
use crate::futures::{is_cancellation, waiter};
use crate::stdlib::{self, ASYNCIO_LOCK as ORIGINAL};
use std::cell::Cell;
use std::ffi::CStr;

/// The body of a Lock.
#[derive(Default)]
pub struct Lock {
    locked: Cell<bool>,
    owner: Owner,
    waiters: Waiters,
    loop_: BoundLoop,
    /// Whether acquire() and release() are not overridden, so that `async with` need not call them by name.
    is_plain: Cell<bool>,
}

impl Lock {
    /// Whether no method is overridden, so that none has to be called by name.
    #[inline]
    pub fn is_plain(&self) -> bool {
        self.is_plain.get()
    }

    /// Whether it is acquired.
    #[inline]
    pub fn is_locked(&self) -> bool {
        self.locked.get()
    }
}

impl Own<Lock> {
    /// Takes the lock if it is free and nothing waits. Cancelled waiters do not count.
    #[inline]
    fn try_acquire(&self) -> Result<bool> {
        if self.locked.get() {
            return Ok(false);
        }
        if let Some(waiters) = self.waiters.any()?
            && deque::find(&waiters, |one| Ok(!waiter::is_cancelled(one)?))?.is_some()
        {
            return Ok(false);
        }
        self.owner.acquired();
        self.locked.set(true);
        Ok(true)
    }

    /// Releases the lock, and wakes up the first waiter.
    pub fn release(&self) -> Result<()> {
        if !self.locked.replace(false) {
            return Err(runtime_error("Lock is not acquired."));
        }
        self.owner.released();
        self.wake_up_first()
    }

    /// Wakes up the first waiter, unless that was done already.
    #[inline]
    fn wake_up_first(&self) -> Result<()> {
        let Some(waiters) = self.waiters.any()? else { return Ok(()) };
        let first = deque::item(&waiters, 0)?;
        if waiter::is_done(&first)? { Ok(()) } else { waiter::set_result(&first, Object::bool(true)) }
    }
}

/// `acquire()`, and `__aenter__()`.
pub struct AcquireLock {
    lock: Own<Lock>,
    waiter: Option<Object>,
    /// The result of the coroutine.
    result: Object,
}

impl AcquireLock {
    /// Not started yet.
    pub fn new(lock: Own<Lock>, result: Object) -> AcquireLock {
        AcquireLock { lock, waiter: None, result }
    }
}

impl Operation for AcquireLock {
    fn resume(&mut self, outcome: Outcome) -> Result<Poll> {
        let lock = &self.lock;
        let Some(waiter) = self.waiter.take() else {
            if lock.try_acquire()? {
                return Ok(Poll::Ready(self.result.clone()));
            }
            let waiter = lock.waiters.add(&lock.loop_.get(lock.as_object())?)?;
            self.waiter = Some(waiter.clone());
            return Ok(Poll::Await(waiter));
        };
        let outcome = outcome.value().map_err(crate::ffi::Raised::take);
        lock.waiters.remove(&waiter)?;
        if let Err(exception) = outcome {
            // If the lock was meant for this waiter, the next one gets it.
            if is_cancellation(&exception)? && !lock.locked.get() {
                lock.wake_up_first()?;
            }
            return Err(exception.raise());
        }
        lock.locked.set(true);
        lock.owner.acquired();
        Ok(Poll::Ready(self.result.clone()))
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.object(&self.lock);
        visitor.object(&self.result);
        self.waiter.iter().for_each(|waiter| visitor.object(waiter));
    }
}

/// `__aexit__()`.
struct Release(Own<Lock>);

impl Operation for Release {
    fn resume(&mut self, _: Outcome) -> Result<Poll> {
        self.0.release()?;
        Ok(Poll::Ready(Object::none()))
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.object(&self.0);
    }
}

impl Class for Lock {
    const NAME: &'static CStr = c"ferrio._core.Lock";
    const DOC: &'static CStr = c"Lock()\n--\n\nThe part of ferrio.Lock that is in Rust.";
    const SUBCLASSABLE: bool = true;
    type_cell!();

    fn empty() -> Self {
        Lock::default()
    }

    fn init(this: &Own<Self>, args: &Args<'_>) -> Result<()> {
        args.expect_none("Lock.__init__")?;
        static SKIPPED: SkippedMethods = SkippedMethods::new(&[&stdlib::ACQUIRE, &stdlib::RELEASE]);
        this.is_plain.set(SKIPPED.overridden(this.as_object(), &Own::<Lock>::class_object()?)?.is_empty());
        owners::note_origin(this.as_object())
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.slot(&self.owner.0);
        visitor.slot(&self.waiters.0);
        visitor.slot(&self.loop_.0);
    }

    fn clear(&self) {
        self.owner.0.clear();
        self.waiters.0.clear();
        self.loop_.0.clear();
    }

    fn members() -> Members {
        Members {
            methods: vec![
                method0::<Lock, _>(
                    c"locked",
                    |this| Ok(Object::bool(this.locked.get())),
                    c"locked($self, /)\n--\n\nReturn whether the lock is acquired.",
                ),
                method0::<Lock, _>(
                    c"release",
                    |this| this.release().map(|()| Object::none()),
                    c"release($self)\n--\n\nRelease the lock. The first waiter gets it.\n\nRuntimeError for a lock that is not acquired.",
                ),
                method0::<Lock, _>(
                    c"_wake_up_first",
                    |this| this.wake_up_first().map(|()| Object::none()),
                    c"_wake_up_first($self)\n--\n\nWake up the first waiter.",
                ),
            ],
            properties: vec![
                bool_property::<Lock, _>(c"_locked", |this| &this.locked),
                getter::<Lock, _>(c"_owner", |this| Ok(this.owner.0.get_or_none())),
                slot_property::<Lock, _>(c"_waiters", |this| &this.waiters.0),
                slot_property::<Lock, _>(c"_loop", |this| &this.loop_.0),
            ],
            slots: vec![],
        }
    }

    fn functions() -> Vec<AsyncioFunctionDefinition> {
        vec![
            asyncio_method::<Lock, _>(
                c"acquire",
                |this, args| {
                    args.expect_none("Lock.acquire")?;
                    Coroutine::start(&["Lock.acquire"], AcquireLock::new(this.clone(), Object::bool(true)))
                },
                &ORIGINAL,
            ),
            asyncio_method::<Lock, _>(
                c"__aenter__",
                |this, args| {
                    if !this.is_plain.get() {
                        return args.call_as(&ORIGINAL, &stdlib::AENTER, this.as_object());
                    }
                    let operation = AcquireLock::new(this.clone(), Object::none());
                    Coroutine::start(&["_ContextManagerMixin.__aenter__"], operation)
                },
                &ORIGINAL,
            ),
            asyncio_method::<Lock, _>(
                c"__aexit__",
                |this, args| {
                    if !this.is_plain.get() {
                        return args.call_as(&ORIGINAL, &stdlib::AEXIT, this.as_object());
                    }
                    Coroutine::start(&["_ContextManagerMixin.__aexit__"], Release(this.clone()))
                },
                &ORIGINAL,
            ),
        ]
    }
}
