//! Condition.

use super::condition_wait::{Acquiring, ConditionWait, WaitFor};
use super::lock::AcquireLock;
use super::{BoundLoop, Lock, Waiters, owners};
use crate::compat;
use crate::coroutines::{AsyncioFunctionDefinition, Coroutine, Operation, Outcome, Poll, asyncio_method};
use crate::ffi::class::{Members, method, method0, slot_property, type_cell};
use crate::ffi::error::runtime_error;
use crate::ffi::{Args, Class, Name, Object, Own, Result, Signature, SkippedMethods, Slot, Visitor, deque};
use crate::futures::waiter;
use crate::stdlib::{self, ASYNCIO_CONDITION as ORIGINAL, FERRIO_LOCK, LOCKED, WAIT};
use std::cell::Cell;
use std::ffi::CStr;

static NOTIFY: Name = Name::new(c"notify");
static NOTIFY_ALL: Name = Name::new(c"notify_all");
static INNER_NOTIFY: Name = Name::new(c"_notify");
static OWN_LOCK: Name = Name::new(c"_lock");

static INIT: Signature =
    Signature { name: "Condition.__init__", parameters: &["lock"], positional: 1, required: 0, variadic: false };
static NOTIFY_ARGUMENTS: Signature =
    Signature { name: "Condition.notify", parameters: &["n"], positional: 1, required: 0, variadic: false };
static INNER_NOTIFY_ARGUMENTS: Signature =
    Signature { name: "Condition._notify", parameters: &["n"], positional: 1, required: 1, variadic: false };
static WAIT_FOR: Signature = Signature {
    name: "Condition.wait_for",
    parameters: &["predicate"],
    positional: 1,
    required: 1,
    variadic: false,
};

/// The body of a Condition.
#[derive(Default)]
pub struct Condition {
    lock: Slot,
    /// The methods of the lock, which asyncio's Condition also has as attributes.
    locked: Slot,
    acquire: Slot,
    release: Slot,
    pub(super) waiters: Waiters,
    pub(super) loop_: BoundLoop,
    /// Whether nothing is overridden, and the lock is one of Ferrio's with nothing overridden.
    is_plain: Cell<bool>,
}

impl Condition {
    fn slots(&self) -> [&Slot; 6] {
        [&self.lock, &self.locked, &self.acquire, &self.release, &self.waiters.0, &self.loop_.0]
    }
}

impl Own<Condition> {
    fn begin(&self, lock: Option<&Object>) -> Result<()> {
        let lock = match lock {
            Some(lock) if !lock.is_none() => lock.clone(),
            _ => FERRIO_LOCK.get()?.call0()?,
        };
        let this = self.as_object();
        // Set as attributes, because a derived class may define other things with these names.
        this.setattr(&OWN_LOCK, &lock)?;
        for name in [&LOCKED, &stdlib::ACQUIRE, &stdlib::RELEASE] {
            this.setattr(name, &lock.getattr(name)?)?;
        }
        self.waiters.0.put(deque::new()?);
        static SKIPPED: SkippedMethods = SkippedMethods::new(&[
            &LOCKED,
            &stdlib::ACQUIRE,
            &stdlib::RELEASE,
            &WAIT,
            &NOTIFY,
            &NOTIFY_ALL,
            &INNER_NOTIFY,
        ]);
        let lock_is_plain = Own::<Lock>::downcast(&lock).is_some_and(|lock| lock.is_plain());
        let base = Own::<Condition>::class_object()?;
        self.is_plain.set(lock_is_plain && SKIPPED.overridden(this, &base)?.is_empty());
        Ok(())
    }

    /// The lock, if its methods need not be called by name.
    #[inline]
    fn plain_lock(&self) -> Option<Own<Lock>> {
        if !self.is_plain.get() {
            return None;
        }
        self.lock.get().and_then(|lock| Own::<Lock>::downcast(&lock).cloned())
    }

    fn is_locked(&self) -> Result<bool> {
        match self.plain_lock() {
            Some(lock) => Ok(lock.is_locked()),
            None => self.as_object().method0(&LOCKED)?.is_true(),
        }
    }

    /// Releases the lock.
    pub fn release(&self) -> Result<()> {
        match self.plain_lock() {
            Some(lock) => lock.release(),
            None => self.as_object().method0(&stdlib::RELEASE).map(drop),
        }
    }

    /// Starts to acquire the lock.
    pub fn acquiring(&self) -> Result<Acquiring> {
        match self.plain_lock() {
            Some(lock) => Ok(Acquiring::Plain(AcquireLock::new(lock, Object::none()))),
            None => self.as_object().method0(&stdlib::ACQUIRE).map(|awaitable| Acquiring::ByName(Some(awaitable))),
        }
    }

    /// Wakes up to `count` waiters. They continue when they have the lock.
    pub fn notify(&self, count: usize) -> Result<()> {
        let Some(waiters) = self.waiters.any()? else { return Ok(()) };
        let (mut index, mut notified) = (0, 0);
        while notified < count && index < deque::len(&waiters)? {
            let future = deque::item(&waiters, index)?;
            if !waiter::is_done(&future)? {
                notified += 1;
                waiter::set_result(&future, Object::bool(false))?;
            }
            index += 1;
        }
        Ok(())
    }

    pub(super) fn check_locked(&self, to: &str) -> Result<()> {
        if self.is_locked()? {
            return Ok(());
        }
        Err(runtime_error(&format!("cannot {to} on un-acquired lock")))
    }

    fn count(&self) -> Result<usize> {
        self.waiters.any()?.map_or(Ok(0), |waiters| deque::len(&waiters))
    }
}

/// `__aexit__()`.
struct Exit(Own<Condition>);

impl Operation for Exit {
    fn resume(&mut self, _: Outcome) -> Result<Poll> {
        self.0.release()?;
        Ok(Poll::Ready(Object::none()))
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.object(&self.0);
    }
}

impl Class for Condition {
    const NAME: &'static CStr = c"ferrio._core.Condition";
    const DOC: &'static CStr = c"Condition(lock=None)\n--\n\nThe part of ferrio.Condition that is in Rust.";
    const SUBCLASSABLE: bool = true;
    type_cell!();

    fn empty() -> Self {
        Condition::default()
    }

    fn init(this: &Own<Self>, args: &Args<'_>) -> Result<()> {
        let ([], [lock], _) = args.bind::<0, 1>(&INIT)?;
        this.begin(lock)?;
        owners::note_origin(this.as_object())
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        self.slots().into_iter().for_each(|slot| visitor.slot(slot));
    }

    fn clear(&self) {
        self.slots().into_iter().for_each(Slot::clear);
    }

    fn members() -> Members {
        Members {
            methods: vec![
                method::<Condition, _>(
                    c"notify",
                    |this, args| {
                        let ([], [count], _) = args.bind::<0, 1>(&NOTIFY_ARGUMENTS)?;
                        this.check_locked("notify")?;
                        let Some(count) = count.map_or(Some(1), Object::small_int) else {
                            return args.call_as(&ORIGINAL, &NOTIFY, this.as_object());
                        };
                        if !this.is_plain.get() && compat::CONDITION_PASSES_NOTIFICATION_ON {
                            this.as_object().method1(&INNER_NOTIFY, &Object::int(count)?)?;
                        } else {
                            this.notify(usize::try_from(count).unwrap_or(0))?;
                        }
                        Ok(Object::none())
                    },
                    c"notify($self, n=1)\n--\n\nWake up n waiters, or all if there are fewer. Each continues when it has the lock.\n\nRuntimeError if the lock is not acquired.",
                ),
                method::<Condition, _>(
                    c"_notify",
                    |this, args| {
                        let ([count], [], _) = args.bind::<1, 0>(&INNER_NOTIFY_ARGUMENTS)?;
                        let Some(count) = count.small_int() else {
                            return args.call_as(&ORIGINAL, &INNER_NOTIFY, this.as_object());
                        };
                        this.notify(usize::try_from(count).unwrap_or(0)).map(|()| Object::none())
                    },
                    c"_notify($self, n)\n--\n\nNotify as notify(), whether or not the lock is acquired.",
                ),
                method0::<Condition, _>(
                    c"notify_all",
                    |this| {
                        let count = this.count()?;
                        if this.is_plain.get() {
                            this.check_locked("notify")?;
                            this.notify(count)?;
                        } else {
                            let count = Object::int(count as i64)?;
                            this.as_object().method1(&NOTIFY, &count)?;
                        }
                        Ok(Object::none())
                    },
                    c"notify_all($self)\n--\n\nNotify as notify(), but all waiters.",
                ),
            ],
            properties: vec![
                slot_property::<Condition, _>(c"_lock", |this| &this.lock),
                slot_property::<Condition, _>(c"locked", |this| &this.locked),
                slot_property::<Condition, _>(c"acquire", |this| &this.acquire),
                slot_property::<Condition, _>(c"release", |this| &this.release),
                slot_property::<Condition, _>(c"_waiters", |this| &this.waiters.0),
                slot_property::<Condition, _>(c"_loop", |this| &this.loop_.0),
            ],
            slots: vec![],
        }
    }

    fn functions() -> Vec<AsyncioFunctionDefinition> {
        vec![
            asyncio_method::<Condition, _>(
                c"wait",
                |this, args| {
                    args.expect_none("Condition.wait")?;
                    Coroutine::start(&["Condition.wait"], ConditionWait::new(this.clone()))
                },
                &ORIGINAL,
            ),
            asyncio_method::<Condition, _>(
                c"wait_for",
                |this, args| {
                    static NAME: Name = Name::new(c"wait_for");
                    if !this.is_plain.get() {
                        return args.call_as(&ORIGINAL, &NAME, this.as_object());
                    }
                    let ([predicate], [], _) = args.bind::<1, 0>(&WAIT_FOR)?;
                    let predicate = predicate.clone();
                    let operation = WaitFor { condition: this.clone(), predicate, wait: None };
                    Coroutine::start(&["Condition.wait_for"], operation)
                },
                &ORIGINAL,
            ),
            asyncio_method::<Condition, _>(
                c"__aenter__",
                |this, args| {
                    if !this.is_plain.get() {
                        return args.call_as(&ORIGINAL, &stdlib::AENTER, this.as_object());
                    }
                    Coroutine::start(&["_ContextManagerMixin.__aenter__"], this.acquiring()?)
                },
                &ORIGINAL,
            ),
            asyncio_method::<Condition, _>(
                c"__aexit__",
                |this, args| {
                    if !this.is_plain.get() {
                        return args.call_as(&ORIGINAL, &stdlib::AEXIT, this.as_object());
                    }
                    Coroutine::start(&["_ContextManagerMixin.__aexit__"], Exit(this.clone()))
                },
                &ORIGINAL,
            ),
        ]
    }
}
