//! Queue, LifoQueue, PriorityQueue: the hot part of asyncio's queues.
//!
//! The Python classes (`python/ferrio/queues.py`) derive from this one and from asyncio's. The state and the hot
//! methods are here. The rest is asyncio's code, which finds the state under its usual names. The items are in a deque
//! or a list as in asyncio, so that programs can look at `_queue`. If a derived class overrides a method that other
//! methods use, all methods are asyncio's.

mod methods;

use crate::coroutines::{Operation, Outcome, Poll};
use crate::ffi::class::make_type;
use crate::ffi::error::value_error;
use crate::ffi::module::Module;
use crate::ffi::{Name, Object, Own, Raised, Result, SkippedMethods, Slot, Visitor, deque};
use crate::futures::waiter;
use crate::loop_::Loop;
use crate::stdlib::{
    self, ASYNCIO_LIFO_QUEUE as ORIGINAL_STACK, ASYNCIO_PRIORITY_QUEUE as ORIGINAL_HEAP,
    ASYNCIO_QUEUE as ORIGINAL, FERRIO_EVENT, HEAPPOP, HEAPPUSH, LIST, POPLEFT, QUEUE_EMPTY, QUEUE_FULL,
    QUEUE_SHUT_DOWN,
};
use crate::sync::{BoundLoop, Event, Waiters};
use std::cell::Cell;

static APPEND: Name = Name::new(c"append");
static EMPTY: Name = Name::new(c"empty");
static FULL: Name = Name::new(c"full");
static GET_NOWAIT: Name = Name::new(c"get_nowait");
static INNER_GET: Name = Name::new(c"_get");
static INNER_GET_LOOP: Name = Name::new(c"_get_loop");
static INNER_INIT: Name = Name::new(c"_init");
static INNER_PUT: Name = Name::new(c"_put");
static MAXSIZE: Name = Name::new(c"maxsize");
static POP: Name = Name::new(c"pop");
static QSIZE: Name = Name::new(c"qsize");
static QUEUE: Name = Name::new(c"_queue");
static WAKEUP_NEXT: Name = Name::new(c"_wakeup_next");

static HOT: SkippedMethods = SkippedMethods::new(&[&EMPTY, &FULL, &QSIZE, &GET_NOWAIT, &stdlib::PUT_NOWAIT]);
static COLD: SkippedMethods = SkippedMethods::new(&[&WAKEUP_NEXT, &INNER_GET_LOOP, &MAXSIZE]);
static STORE: &[&Name] = &[&INNER_INIT, &INNER_GET, &INNER_PUT];
static STORES: [SkippedMethods; 3] =
    [SkippedMethods::new(STORE), SkippedMethods::new(STORE), SkippedMethods::new(STORE)];

/// Imports asyncio's classes before `install()` replaces them.
fn remember_originals() -> Result<()> {
    [&ORIGINAL, &ORIGINAL_STACK, &ORIGINAL_HEAP].into_iter().try_for_each(|original| original.get().map(drop))
}

/// How the items are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    /// By methods of a derived class.
    #[default]
    Overridden,
    Fifo,
    Stack,
    Heap,
}

impl Kind {
    /// The kind of a queue, by its class.
    fn of(queue: &Object) -> Result<Kind> {
        if !HOT.overridden(queue, &Own::<Queue>::class_object()?)?.is_empty()
            || !COLD.overridden(queue, ORIGINAL.get()?)?.is_empty()
        {
            return Ok(Kind::Overridden);
        }
        let kinds = [(Kind::Fifo, &ORIGINAL), (Kind::Stack, &ORIGINAL_STACK), (Kind::Heap, &ORIGINAL_HEAP)];
        for ((kind, class), store) in kinds.into_iter().zip(&STORES) {
            if store.overridden(queue, class.get()?)?.is_empty() {
                return Ok(kind);
            }
        }
        Ok(Kind::Overridden)
    }
}

/// The body of a Queue.
#[derive(Default)]
pub struct Queue {
    kind: Cell<Kind>,
    maxsize: Slot,
    /// The value of `maxsize`; 0 means no limit.
    limit: Cell<usize>,
    items: Slot,
    getters: Waiters,
    putters: Waiters,
    unfinished: Cell<i64>,
    /// The event that join() waits for. It is created when it is needed.
    finished: Slot,
    is_shut_down: Cell<bool>,
    loop_: BoundLoop,
}

impl Queue {
    fn set_maxsize(&self, maxsize: Object) {
        match maxsize.to_i64() {
            Ok(value) => self.limit.set(usize::try_from(value).unwrap_or(0)),
            Err(raised) => {
                // It is not an int. asyncio's methods compare it.
                raised.discard();
                self.kind.set(Kind::Overridden);
            }
        }
        self.maxsize.put(maxsize);
    }
}

impl Own<Queue> {
    /// `__init__`.
    fn begin(&self, maxsize: Object) -> Result<()> {
        let kind = Kind::of(self.as_object())?;
        self.kind.set(kind);
        self.unfinished.set(0);
        self.is_shut_down.set(false);
        self.finished.clear();
        self.set_maxsize(maxsize.clone());
        match self.kind.get() {
            Kind::Overridden => self.as_object().method1(&INNER_INIT, &maxsize).map(drop),
            Kind::Fifo => {
                self.items.put(deque::new()?);
                Ok(())
            }
            Kind::Stack | Kind::Heap => {
                self.items.put(LIST.get()?.call0()?);
                Ok(())
            }
        }
    }

    fn is_overridden(&self) -> bool {
        self.kind.get() == Kind::Overridden
    }

    /// The items, as `self._queue`.
    fn items(&self) -> Result {
        match self.items.get() {
            Some(items) => Ok(items),
            None => self.as_object().getattr(&QUEUE),
        }
    }

    #[inline]
    fn size(&self) -> Result<usize> {
        deque::len(&self.items()?)
    }

    #[inline]
    fn is_empty(&self) -> Result<bool> {
        Ok(self.size()? == 0)
    }

    #[inline]
    fn is_full(&self) -> Result<bool> {
        let limit = self.limit.get();
        Ok(limit > 0 && self.size()? >= limit)
    }

    #[inline]
    fn push(&self, item: &Object) -> Result<()> {
        let items = self.items()?;
        match self.kind.get() {
            Kind::Heap => HEAPPUSH.get()?.call(&[&items, item]).map(drop),
            _ => items.method1(&APPEND, item).map(drop),
        }
    }

    #[inline]
    fn pop(&self) -> Result {
        let items = self.items()?;
        match self.kind.get() {
            Kind::Heap => HEAPPOP.get()?.call(&[&items]),
            Kind::Stack => items.method0(&POP),
            _ => items.method0(&POPLEFT),
        }
    }

    #[inline]
    fn put_nowait(&self, item: &Object) -> Result<()> {
        if self.is_shut_down.get() {
            return Err(shut_down());
        }
        if self.is_full()? {
            return Err(QUEUE_FULL.get()?.call0()?.raise_here());
        }
        self.push(item)?;
        self.unfinished.set(self.unfinished.get() + 1);
        if let Some(finished) = self.finished.get() {
            finished.method0(&CLEAR)?;
        }
        wake_up_next(&self.getters)
    }

    #[inline]
    fn get_nowait(&self) -> Result {
        if self.is_empty()? {
            return Err(if self.is_shut_down.get() {
                shut_down()
            } else {
                QUEUE_EMPTY.get()?.call0()?.raise_here()
            });
        }
        let item = self.pop()?;
        wake_up_next(&self.putters)?;
        Ok(item)
    }

    fn task_done(&self) -> Result<()> {
        let unfinished = self.unfinished.get();
        if unfinished <= 0 {
            return Err(value_error("task_done() called too many times"));
        }
        self.unfinished.set(unfinished - 1);
        match self.finished.get() {
            Some(finished) if unfinished == 1 => finished.method0(&SET).map(drop),
            _ => Ok(()),
        }
    }

    /// The event that join() waits for.
    fn finished(&self) -> Result {
        if let Some(finished) = self.finished.get() {
            return Ok(finished);
        }
        let finished = FERRIO_EVENT.get()?.call0()?;
        if self.unfinished.get() == 0
            && let Some(event) = Own::<Event>::downcast(&finished)
        {
            event.set()?;
        }
        self.finished.put(finished.clone());
        Ok(finished)
    }
}

static CLEAR: Name = Name::new(c"clear");
static SET: Name = Name::new(c"set");

#[cold]
fn shut_down() -> Raised {
    match QUEUE_SHUT_DOWN.get().and_then(Object::call0) {
        Ok(exception) => exception.raise_here(),
        Err(raised) => raised,
    }
}

/// Wakes up the first waiter that is not done.
#[inline]
fn wake_up_next(waiters: &Waiters) -> Result<()> {
    let Some(waiters) = waiters.any()? else { return Ok(()) };
    if deque::len(&waiters)? > 1 {
        choose_first(&waiters)?;
    }
    while let Some(future) = deque::pop_left(&waiters)? {
        if !waiter::is_done(&future)? {
            return waiter::set_result(&future, Object::none());
        }
    }
    Ok(())
}

/// A simulated loop chooses who is first: no queue promises an order of those who wait.
fn choose_first(waiters: &Object) -> Result<()> {
    let running = crate::loop_::running_or_none()?;
    match Own::<Loop>::downcast(&running) {
        Some(own) if own.is_simulated() => running.method1(&CHOOSE_WAITER, waiters).map(drop),
        _ => Ok(()),
    }
}

static CHOOSE_WAITER: Name = Name::new(c"_choose_waiter");

/// An exception has ended the wait. If a place or an item was meant for this waiter, the next one gets it.
fn give_up(waiters: &Waiters, future: &Object, is_of_use: impl FnOnce() -> Result<bool>) -> Result<()> {
    waiter::cancel(future)?;
    waiters.remove(future)?;
    if is_of_use()? && !waiter::is_cancelled(future)? { wake_up_next(waiters) } else { Ok(()) }
}

/// `get()`.
struct Get {
    queue: Own<Queue>,
    getter: Option<Object>,
}

impl Operation for Get {
    fn resume(&mut self, outcome: Outcome) -> Result<Poll> {
        let queue = &self.queue;
        if let Some(getter) = self.getter.take()
            && let Err(raised) = outcome.value()
        {
            let exception = raised.take();
            give_up(&queue.getters, &getter, || Ok(!queue.is_empty()?))?;
            return Err(exception.raise());
        }
        if !queue.is_empty()? {
            return queue.get_nowait().map(Poll::Ready);
        }
        if queue.is_shut_down.get() {
            return Err(shut_down());
        }
        let getter = queue.getters.add(&queue.loop_.get(queue.as_object())?)?;
        self.getter = Some(getter.clone());
        Ok(Poll::Await(getter))
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.object(&self.queue);
        self.getter.iter().for_each(|getter| visitor.object(getter));
    }
}

/// `put(item)`.
struct Put {
    queue: Own<Queue>,
    item: Object,
    putter: Option<Object>,
}

impl Operation for Put {
    fn resume(&mut self, outcome: Outcome) -> Result<Poll> {
        let queue = &self.queue;
        if let Some(putter) = self.putter.take()
            && let Err(raised) = outcome.value()
        {
            let exception = raised.take();
            give_up(&queue.putters, &putter, || Ok(!queue.is_full()?))?;
            return Err(exception.raise());
        }
        if !queue.is_full()? {
            queue.put_nowait(&self.item)?;
            return Ok(Poll::Ready(Object::none()));
        }
        if queue.is_shut_down.get() {
            return Err(shut_down());
        }
        let putter = queue.putters.add(&queue.loop_.get(queue.as_object())?)?;
        self.putter = Some(putter.clone());
        Ok(Poll::Await(putter))
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.object(&self.queue);
        visitor.object(&self.item);
        self.putter.iter().for_each(|putter| visitor.object(putter));
    }
}

/// Adds the class.
pub fn register(module: &Module) -> Result<()> {
    remember_originals()?;
    module.add(c"Queue", &make_type::<Queue>()?)
}
