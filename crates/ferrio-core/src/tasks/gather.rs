//! `gather()`: one future for many.
//!
//! It observes its children, without an allocation for each. It counts the children that are done. The last one, or the
//! first that fails, completes it.

use crate::compat;
use crate::coroutines::{AsyncioFunctionDefinition, Coroutine, asyncio_function};
use crate::ffi::class::{Members, extends, getter, method, type_cell};
use crate::ffi::error::type_error;
use crate::ffi::{Args, Class, Name, Object, Own, Result, Signature, Slot, Visitor, dict, recursion};
use crate::futures::{DoneObserver, Future, awaiters, own_future, waiter};
use crate::stdlib::{self, ENSURE_FUTURE};
use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::ffi::CStr;

static CANCEL_MESSAGE: Name = Name::new(c"_cancel_message");
static DONE_CALLBACK: Name = Name::new(c"_done_callback");
static LOG_DESTROY_PENDING: Name = Name::new(c"_log_destroy_pending");
static MAKE_CANCELLED_ERROR: Name = Name::new(c"_make_cancelled_error");

static CANCEL: Signature =
    Signature { name: "cancel", parameters: &["msg"], positional: 1, required: 0, variadic: false };
static GATHER: Signature =
    Signature { name: "gather", parameters: &["return_exceptions"], positional: 0, required: 0, variadic: true };

/// The body of a GatheringFuture. It begins with the body of a Future.
#[derive(Default)]
#[repr(C)]
pub struct Gathering {
    future: Future,
    /// One for each argument. A future may be there several times.
    children: RefCell<Vec<Object>>,
    /// How many different children there are; below, how many of them are done.
    count: Cell<usize>,
    done: Cell<usize>,
    return_exceptions: Cell<bool>,
    cancel_requested: Cell<bool>,
    /// The task that has called gather().
    caller: Slot,
}

extends!(Gathering: Future, future);

static OBSERVER: DoneObserver = DoneObserver::new(
    |gathering, child| Own::<Gathering>::expect(gathering)?.child_done(child),
    |gathering| gathering.getattr(&DONE_CALLBACK),
    |gathering| Ok(Own::<Gathering>::expect(gathering)?.caller().into_iter().collect()),
);

/// The function.
pub fn definition() -> AsyncioFunctionDefinition {
    asyncio_function(c"gather", gather, &stdlib::TASKS)
}

fn gather(args: &Args<'_>) -> Result {
    let ([], [return_exceptions], things) = args.bind::<0, 1>(&GATHER)?;
    let return_exceptions = return_exceptions.map_or(Ok(false), Object::is_true)?;
    if things.is_empty() {
        let outer = waiter::create(&stdlib::GET_EVENT_LOOP.get()?.call0()?)?;
        waiter::set_result(&outer, Object::list([])?)?;
        return Ok(outer);
    }
    let mut futures = Futures { loop_: None, known: None };
    futures.look_for_repetitions(things)?;
    let running = stdlib::GET_RUNNING_LOOP.get()?.call0()?;
    let caller = awaiters::current(&running)?;
    let outer = Own::new(Gathering::default())?;
    outer.return_exceptions.set(return_exceptions);
    outer.caller.set(caller);
    let mut children = Vec::with_capacity(things.len());
    let (mut waiting, mut finished) = (Vec::with_capacity(things.len()), Vec::new());
    for thing in things {
        let (child, is_new) = futures.future_of(thing, &running)?;
        if is_new {
            let is_done = compat::GATHER_SEES_DONE_CHILDREN && waiter::is_done(&child)?;
            if is_done { finished.push(child.clone()) } else { waiting.push(child.clone()) }
        }
        children.push(child);
    }
    outer.count.set(waiting.len() + finished.len());
    outer.future.attach(futures.loop_.as_ref())?;
    drop(outer.children.replace(children));
    for child in &waiting {
        outer.watch(child)?;
    }
    for child in &finished {
        outer.child_done(child)?;
    }
    Ok(outer.into_object())
}

/// The arguments as futures.
struct Futures {
    /// The loop of the first.
    loop_: Option<Object>,
    /// A dict from arguments to futures, if an argument may be repeated.
    known: Option<Object>,
}

impl Futures {
    /// Coroutines and Ferrio's own futures are equal only if they are identical. For other arguments, a dict decides.
    fn look_for_repetitions(&mut self, things: &[Object]) -> Result<()> {
        let mut seen = HashSet::with_capacity(things.len());
        let plain = |thing: &Object| {
            thing.is_async_def_coroutine() || Coroutine::is_one(thing) || own_future(thing).is_some()
        };
        if !things.iter().all(|thing| plain(thing) && seen.insert(thing.as_ptr())) {
            self.known = Some(dict::new()?);
        }
        Ok(())
    }

    /// The future of an argument, and whether it is the first one for this argument.
    fn future_of(&mut self, thing: &Object, running: &Object) -> Result<(Object, bool)> {
        if let Some(known) = &self.known
            && let Some(found) = dict::get(known, thing)?
        {
            return Ok((found, false));
        }
        let future = self.ensure_future(thing, running)?;
        if self.loop_.is_none() {
            self.loop_ = Some(waiter::loop_of(&future)?);
        }
        if !future.is(thing) {
            // The gathering future learns its outcome.
            future.setattr(&LOG_DESTROY_PENDING, &Object::bool(false))?;
        }
        if let Some(known) = &self.known {
            dict::set(known, thing, &future)?;
        }
        Ok((future, true))
    }

    fn ensure_future(&self, thing: &Object, running: &Object) -> Result {
        let is_coroutine = thing.is_async_def_coroutine() || Coroutine::is_one(thing);
        let loop_ = self.loop_.as_ref().unwrap_or(running);
        if is_coroutine && !loop_.is_none() {
            return loop_.method1(&stdlib::CREATE_TASK, thing);
        }
        let loop_ = self.loop_.clone().unwrap_or_else(Object::none);
        ENSURE_FUTURE.get()?.call_keywords(&[thing], &[(&stdlib::LOOP, &loop_)])
    }
}

impl Own<Gathering> {
    /// The gathering future as a Future.
    #[inline]
    pub fn as_future(&self) -> &Own<Future> {
        self.upcast()
    }

    /// The task that waits for the gathering future, for call graphs; None if it is done.
    fn caller(&self) -> Option<Object> {
        if self.future.is_done() { None } else { self.caller.get() }
    }

    /// Observes a child.
    fn watch(&self, child: &Object) -> Result<()> {
        awaiters::add(child, self.caller.get())?;
        OBSERVER.observe(child, self.as_object())
    }

    /// It is done before some of its children: does not wait for them any more.
    fn leave_children(&self) -> Result<()> {
        let children = self.children.borrow().clone();
        children.iter().try_for_each(|child| awaiters::discard(child, self.caller.get()))
    }

    /// One of the children is done.
    fn child_done(&self, child: &Object) -> Result<()> {
        self.done.set(self.done.get() + 1);
        awaiters::discard(child, self.caller.get())?;
        if self.future.is_done() {
            // Too late. Its exception is marked as retrieved.
            if !waiter::is_cancelled(child)? {
                waiter::exception(child)?;
            }
            return Ok(());
        }
        if !self.return_exceptions.get()
            && let Some(exception) = failure(child)?
        {
            self.leave_children()?;
            return self.as_future().set_exception(&exception);
        }
        if self.done.get() < self.count.get() {
            return Ok(());
        }
        let children = self.children.borrow().clone();
        let results = children.iter().map(result).collect::<Result<Vec<_>>>()?;
        if self.cancel_requested.get() {
            // The cancellation wins, whatever the outcome of the children. The error is that of the last one.
            let last = children.last().unwrap_or(child);
            let exception = last.method0(&MAKE_CANCELLED_ERROR)?;
            return self.as_future().set_exception(&exception);
        }
        self.as_future().set_result(Object::list(results)?)
    }

    /// `cancel()`: cancels the children. Returns whether one of them could be cancelled.
    pub fn cancel(&self, message: Option<&Object>) -> Result<bool> {
        if self.future.is_done() {
            return Ok(false);
        }
        let children = self.children.borrow().clone();
        let mut any = false;
        for child in &children {
            any |= recursion::guarded(c" while cancelling what is gathered", || {
                super::cancel_awaited(child, message)
            })?;
        }
        if any {
            self.cancel_requested.set(true);
        }
        Ok(any)
    }
}

/// The exception of a failed or cancelled child.
fn failure(child: &Object) -> Result<Option<Object>> {
    if waiter::is_cancelled(child)? {
        return child.method0(&MAKE_CANCELLED_ERROR).map(Some);
    }
    Ok(Some(waiter::exception(child)?).filter(|exception| !exception.is_none()))
}

/// The result of a child, or its exception as a result.
fn result(child: &Object) -> Result {
    if waiter::is_cancelled(child)? {
        let message = child.getattr(&CANCEL_MESSAGE)?;
        let message = if message.is_none() { Object::str("")? } else { message };
        return stdlib::CANCELLED_ERROR.get()?.call(&[&message]);
    }
    let exception = waiter::exception(child)?;
    if exception.is_none() { waiter::result(child) } else { Ok(exception) }
}

impl Class for Gathering {
    const NAME: &'static CStr = c"ferrio._core._GatheringFuture";
    const DOC: &'static CStr = c"What gather() returns.";
    const DICT: Option<usize> = Future::DICT;
    const WEAK: Option<usize> = Future::WEAK;
    const FINALIZES: bool = true;
    const CALLABLE: bool = false;
    type_cell!();

    fn wants_finalizer(&self) -> bool {
        self.future.wants_finalizer()
    }

    fn empty() -> Self {
        Gathering::default()
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        self.future.traverse(visitor);
        if let Ok(children) = self.children.try_borrow() {
            children.iter().for_each(|child| visitor.object(child));
        }
        visitor.slot(&self.caller);
    }

    fn clear(&self) {
        self.future.clear();
        drop(self.children.take());
        self.caller.clear();
    }

    fn finalize(this: &Own<Self>) {
        this.as_future().report_unretrieved();
    }

    fn members() -> Members {
        Members {
            methods: vec![
                method::<Gathering, _>(
                    c"cancel",
                    |this, args| {
                        let ([], [message], _) = args.bind::<0, 1>(&CANCEL)?;
                        this.cancel(message).map(Object::bool)
                    },
                    c"cancel($self, /, msg=None)\n--\n\nCancel the gathered futures. Return False if all of them are done already.",
                ),
                method::<Gathering, _>(
                    c"_done_callback",
                    |this, args| {
                        let [child] = args.positional() else { return Err(type_error("a future is expected")) };
                        this.child_done(child).map(|()| Object::none())
                    },
                    c"_done_callback($self, fut, /)\n--\n\nNote that a future is done.",
                ),
            ],
            properties: vec![
                getter::<Gathering, _>(c"_children", |this| {
                    let children = this.children.borrow().clone();
                    Object::list(children)
                }),
                getter::<Gathering, _>(c"_cancel_requested", |this| Ok(Object::bool(this.cancel_requested.get()))),
            ],
            slots: vec![],
        }
    }
}
