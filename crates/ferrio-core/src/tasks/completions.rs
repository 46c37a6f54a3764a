//! `as_completed()`: futures in the order of their completion.
//!
//! From 3.13 on this is an iterator with a class of its own. Earlier interpreters have a generator, which is not
//! replaced.

use crate::compat;
use crate::coroutines::{
    AsyncioFunctionDefinition, Coroutine, Operation, Outcome, Poll, asyncio_function, remember,
};
use crate::ffi::class::{Members, Sent, anext_slot, method0, method1, next_slot, property, type_cell, unary_slot};
use crate::ffi::error::type_error;
use crate::ffi::{Args, Class, Name, Object, Own, Result, Signature, Slot, Visitor, deque, set, sys};
use crate::futures::{DoneObserver, awaiters, waiter};
use crate::stdlib::{self, FERRIO_QUEUE};
use std::cell::Cell;
use std::ffi::CStr;

static PUT_NOWAIT: Name = Name::new(c"put_nowait");
static GET: Name = Name::new(c"get");
static HANDLE_COMPLETION: Name = Name::new(c"_handle_completion");
static HANDLE_TIMEOUT: Name = Name::new(c"_handle_timeout");

static AS_COMPLETED: Signature = Signature {
    name: "as_completed",
    parameters: &["fs", "timeout"],
    positional: 1,
    required: 1,
    variadic: false,
};

static OBSERVER: DoneObserver = DoneObserver::new(
    |completions, future| Own::<Completions>::expect(completions)?.future_done(future),
    |completions| completions.getattr(&HANDLE_COMPLETION),
    |completions| Ok(Own::<Completions>::expect(completions)?.caller.get().into_iter().collect()),
);

/// Registers asyncio's methods, which the frames name.
pub fn remember_original() -> Result<()> {
    static ITERATOR: Name = Name::new(c"_AsCompletedIterator");
    static METHODS: [Name; 2] = [Name::new(c"__anext__"), Name::new(c"_wait_for_one")];
    if let Some(iterator) = stdlib::TASKS.get()?.getattr_opt(&ITERATOR)? {
        for name in &METHODS {
            remember(&iterator.getattr(name)?)?;
        }
    }
    Ok(())
}

/// The function.
pub fn definition() -> AsyncioFunctionDefinition {
    asyncio_function(
        c"as_completed",
        |args: &Args<'_>| {
            let ([things], [timeout], _) = args.bind::<1, 1>(&AS_COMPLETED)?;
            if stdlib::ISAWAITABLE.get()?.call(&[things])?.is_true()? {
                let name = things.type_name();
                return Err(type_error(&format!("expects an iterable of awaitables, not {name}")));
            }
            Completions::begin(things, timeout.filter(|timeout| !timeout.is_none())).map(Own::into_object)
        },
        &stdlib::TASKS,
    )
}

/// The body of the iterator.
#[derive(Default)]
pub struct Completions {
    /// The futures that are not done: a set.
    todo: Slot,
    /// How many items the program may still ask for.
    left: Cell<usize>,
    /// The futures that are done: a queue.
    done: Slot,
    timer: Slot,
    /// The task that has called as_completed().
    caller: Slot,
}

impl Completions {
    fn slots(&self) -> [&Slot; 4] {
        [&self.todo, &self.done, &self.timer, &self.caller]
    }

    fn begin(things: &Object, timeout: Option<&Object>) -> Result<Own<Completions>> {
        let this = Own::new(Completions::default())?;
        this.done.put(FERRIO_QUEUE.get()?.call0()?);
        let loop_ = stdlib::GET_EVENT_LOOP.get()?.call0()?;
        this.caller.set(awaiters::current(&stdlib::GET_RUNNING_LOOP.get()?.call0()?)?);
        let todo = set::new()?;
        for thing in set::items(&set::of(things)?)? {
            let future = stdlib::ENSURE_FUTURE.get()?.call_keywords(&[&thing], &[(&stdlib::LOOP, &loop_)])?;
            set::add(&todo, &future)?;
        }
        let futures = set::items(&todo)?;
        for future in &futures {
            OBSERVER.observe(future, this.as_object())?;
            awaiters::add(future, this.caller.get())?;
        }
        this.left.set(futures.len());
        this.todo.put(todo);
        if !futures.is_empty()
            && let Some(timeout) = timeout
        {
            let call = this.as_object().getattr(&HANDLE_TIMEOUT)?;
            this.timer.put(waiter::call_later(&loop_, timeout, &call, &[])?);
        }
        Ok(this)
    }
}

impl Own<Completions> {
    /// One of the futures is done.
    fn future_done(&self, future: &Object) -> Result<()> {
        let todo = self.todo.get_or_none();
        if todo.is_none() || deque::is_empty(&todo)? {
            // The timeout was before.
            return Ok(());
        }
        set::discard(&todo, future)?;
        awaiters::discard(future, self.caller.get())?;
        self.done.get_or_none().method1(&PUT_NOWAIT, future)?;
        if deque::is_empty(&todo)?
            && let Some(timer) = self.timer.get()
        {
            timer.method0(&stdlib::CANCEL)?;
        }
        Ok(())
    }

    /// The timeout: each future that is not done becomes an item that raises TimeoutError.
    fn time_is_over(&self) -> Result<()> {
        let todo = self.todo.get_or_none();
        let done = self.done.get_or_none();
        for future in set::items(&todo)? {
            OBSERVER.stop_observing(&future, self.as_object())?;
            awaiters::discard(&future, self.caller.get())?;
            done.method1(&PUT_NOWAIT, &Object::none())?;
        }
        set::clear(&todo)
    }

    /// Counts an item that the program asks for. Returns whether there is one.
    fn take_turn(&self) -> bool {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        left > 0
    }
}

/// `_wait_for_one()`, and `__anext__()`.
struct WaitForOne {
    completions: Own<Completions>,
    /// Whether it returns the result and not the future.
    resolve: bool,
    started: bool,
}

impl Operation for WaitForOne {
    fn resume(&mut self, outcome: Outcome) -> Result<Poll> {
        if !self.started {
            self.started = true;
            if !self.resolve && !self.completions.take_turn() {
                return Err(stdlib::STOP_ASYNC_ITERATION.get()?.call0()?.raise_here());
            }
            return self.completions.done.get_or_none().method0(&GET).map(Poll::Await);
        }
        let future = match outcome.value() {
            Ok(future) => future,
            Err(raised) => {
                if compat::AS_COMPLETED_SURVIVES_CANCELLATION {
                    self.completions.left.set(self.completions.left.get() + 1);
                }
                return Err(raised);
            }
        };
        if future.is_none() {
            return Err(stdlib::TIMEOUT_ERROR.get()?.call0()?.raise_here());
        }
        if !self.resolve {
            return Ok(Poll::Ready(future));
        }
        waiter::result(&future).map(Poll::Ready)
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.object(&self.completions);
    }
}

impl Class for Completions {
    const NAME: &'static CStr = c"asyncio.tasks._AsCompletedIterator";
    const DOC: &'static CStr = c"Iterator of awaitables representing tasks of asyncio.as_completed.";
    const CALLABLE: bool = false;
    type_cell!();

    fn empty() -> Self {
        Completions::default()
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        self.slots().into_iter().for_each(|slot| visitor.slot(slot));
    }

    fn clear(&self) {
        self.slots().into_iter().for_each(Slot::clear);
    }

    fn members() -> Members {
        let itself = |this: &Own<Completions>| Ok(this.as_object().clone());
        Members {
            methods: vec![
                method0::<Completions, _>(
                    c"_handle_timeout",
                    |this| this.time_is_over().map(|()| Object::none()),
                    c"_handle_timeout($self, /)\n--\n\nMake the futures that are not done raise TimeoutError.",
                ),
                method1::<Completions, _>(
                    c"_handle_completion",
                    |this, future| this.future_done(future).map(|()| Object::none()),
                    c"_handle_completion($self, fut, /)\n--\n\nNote that a future is done.",
                ),
            ],
            properties: vec![property::<Completions, _, _>(
                c"_todo_left",
                |this| Object::int(this.left.get() as i64),
                |this, value| {
                    this.left.set(usize::try_from(value.to_i64()?).unwrap_or(0));
                    Ok(())
                },
            )],
            slots: vec![
                unary_slot::<Completions, _>(sys::Py_tp_iter, itself),
                unary_slot::<Completions, _>(sys::Py_am_aiter, itself),
                next_slot::<Completions, _>(|this| {
                    if !this.take_turn() {
                        return Ok(Sent::Returned(Object::none()));
                    }
                    let operation = WaitForOne { completions: this.clone(), resolve: true, started: false };
                    Coroutine::start(&["_AsCompletedIterator._wait_for_one"], operation).map(Sent::Yielded)
                }),
                anext_slot::<Completions, _>(|this| {
                    let operation = WaitForOne { completions: this.clone(), resolve: false, started: false };
                    Coroutine::start(
                        &["_AsCompletedIterator.__anext__", "_AsCompletedIterator._wait_for_one"],
                        operation,
                    )
                }),
            ],
        }
    }
}
