//! Coroutines written in Rust: what `queue.get()` or `sleep(1)` gives.
//!
//! An [`Operation`] is a state machine. [`Coroutine`] drives it as the interpreter drives an `async def`:
//! it awaits for the operation what that asks for, and hands it the outcome. To its user it is a coroutine:
//! it can be made a task, has `send`, `throw` and `close`, warns when it is never awaited, and passes for
//! `types.CoroutineType`.
//!
//! ```text
//!             send(None)            the awaited thing is done, throw()
//!   created -------------> running <----------------------------------- suspended
//!      |                    |   |                                           ^
//!      | close()   returns, |   | awaits what is not done                   |
//!      v           raises   v   +-------------------------------------------+
//!    closed <---------------+
//! ```
//!
//! While it is running, the operation is out of its cell: whatever it calls may come back here and finds
//! the coroutine in use.

mod awaiter;
mod counterpart;
mod frame;
mod inner;
mod methods;
mod storage;

pub use awaiter::Awaiter;
pub use counterpart::{Counterpart, CounterpartDefinition, counterpart_function, counterpart_method};
pub use frame::{Frame, remember};
pub use inner::Inner;

use crate::ffi::class::Sent;
use crate::ffi::error::{runtime_error, type_error, value_error};
use crate::ffi::{Name, Object, Own, Result, Slot, Visitor};
use crate::futures::{Future, own_future};
use crate::stdlib;
use pyo3_ffi as py;
use std::cell::{Cell, RefCell};
use storage::Stored;

/// What an operation wants next.
pub enum Poll {
    /// To know what becomes of an awaitable.
    Await(Object),
    /// The loop to go round once.
    Yield,
    /// Nothing more: this is its result.
    Ready(Object),
}

/// What has become of the thing that an operation awaited.
pub enum Outcome {
    /// Nothing was awaited yet.
    Start,
    /// Its result.
    Value(Object),
    /// Its exception, or one that was thrown into the coroutine.
    Failed(Object),
}

impl Outcome {
    /// The value; an exception is raised.
    pub fn value(self) -> Result {
        match self {
            Outcome::Start => Ok(Object::none()),
            Outcome::Value(value) => Ok(value),
            Outcome::Failed(exception) => Err(exception.raise()),
        }
    }

    fn of(result: Result) -> Outcome {
        match result {
            Ok(value) => Outcome::Value(value),
            Err(raised) => Outcome::Failed(raised.take()),
        }
    }
}

/// The body of a coroutine: a state machine.
pub trait Operation: 'static {
    /// Goes on until something has to be awaited.
    fn resume(&mut self, outcome: Outcome) -> Result<Poll>;
    /// Shows the objects that it holds to the garbage collector.
    fn traverse(&self, visitor: &Visitor<'_>);
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Created,
    Suspended,
    Running,
    Closed,
}

/// What a suspended coroutine waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaiting {
    /// For the loop to go round.
    Nothing,
    /// For a future of Ferrio's own class.
    Future,
    /// For whatever an iterator stands for.
    Iterator,
}

/// The body of a Coroutine.
pub struct Coroutine {
    operation: RefCell<Option<Stored>>,
    state: Cell<State>,
    awaiting: Cell<Awaiting>,
    awaited: Slot,
    /// The qualified names of the function, and of those that it awaits where asyncio is made of several.
    names: &'static [&'static str],
}

impl Coroutine {
    /// Makes a coroutine of an operation. `names` are the qualified names of the function, and of those that
    /// it awaits where asyncio's is made of several.
    #[inline]
    pub fn start(names: &'static [&'static str], operation: impl Operation) -> Result {
        let body = Coroutine {
            operation: RefCell::new(Some(Stored::new(operation))),
            state: Cell::new(State::Created),
            awaiting: Cell::new(Awaiting::Nothing),
            awaited: Slot::default(),
            names,
        };
        Own::new(body).map(Own::into_object)
    }

    /// Whether an object is one, as the fast path of `create_task` asks.
    pub fn is_one(object: &Object) -> bool {
        Own::<Coroutine>::downcast_exact(object).is_some()
    }
}

impl Own<Coroutine> {
    /// `send(value)`.
    #[inline]
    fn send(&self, value: &Object) -> Result<Sent> {
        match self.state.get() {
            State::Created if value.is_none() => self.drive(Outcome::Start),
            State::Created => Err(type_error("can't send non-None value to a just-started coroutine")),
            State::Suspended => match self.awaiting.get() {
                Awaiting::Nothing => self.drive(Outcome::Value(Object::none())),
                Awaiting::Future => {
                    let awaited = self.awaited.get_or_none();
                    // SAFETY: only such futures are put in under this name.
                    let future = unsafe { Own::<Future>::from_ref_unchecked(&awaited) };
                    if !future.is_done() {
                        return self.drive(Outcome::of(Err(runtime_error("await wasn't used with future"))));
                    }
                    self.awaited.clear();
                    self.drive(Outcome::of(future.result()))
                }
                Awaiting::Iterator => {
                    let iterator = self.awaited.get_or_none();
                    self.state.set(State::Running);
                    self.advance(&iterator, |iterator| iterator.send(value))
                }
            },
            State::Running => Err(value_error("coroutine already executing")),
            State::Closed => Err(runtime_error("cannot reuse already awaited coroutine")),
        }
    }

    /// `throw(exception)`.
    fn throw(&self, exception: Object) -> Result<Sent> {
        match self.state.get() {
            State::Created => {
                self.close_up();
                Err(exception.raise())
            }
            State::Suspended if self.awaiting.get() == Awaiting::Iterator => {
                let iterator = self.awaited.get_or_none();
                self.state.set(State::Running);
                self.advance(&iterator, |iterator| throw(iterator, exception))
            }
            State::Suspended => {
                self.awaited.clear();
                self.drive(Outcome::Failed(exception))
            }
            State::Running => Err(value_error("coroutine already executing")),
            State::Closed => Err(runtime_error("cannot reuse already awaited coroutine")),
        }
    }

    /// `close()`.
    fn close(&self) -> Result<()> {
        static CLOSE: Name = Name::new(c"close");
        match self.state.get() {
            State::Running => return Err(value_error("coroutine already executing")),
            State::Created | State::Closed => {
                self.close_up();
                return Ok(());
            }
            State::Suspended => {}
        }
        // SAFETY: a static object.
        let class = unsafe { Object::borrowed(py::PyExc_GeneratorExit) };
        let mut exit = class.call0()?;
        if self.awaiting.get() == Awaiting::Iterator {
            let iterator = self.awaited.get_or_none();
            if let Some(close) = iterator.getattr_opt(&CLOSE)?
                && let Err(raised) = close.call0()
            {
                exit = raised.take();
            }
        }
        self.awaited.clear();
        match self.drive(Outcome::Failed(exit)) {
            Ok(Sent::Yielded(_)) => Err(runtime_error("coroutine ignored GeneratorExit")),
            Ok(Sent::Returned(_)) => Ok(()),
            Err(raised) => {
                let exception = raised.take();
                // SAFETY: live objects.
                let expected =
                    unsafe { py::PyErr_GivenExceptionMatches(exception.as_ptr(), py::PyExc_GeneratorExit) != 0 };
                if expected { Ok(()) } else { Err(exception.raise()) }
            }
        }
    }

    /// Goes into the iterator of a foreign awaitable; on when that is done.
    fn advance(&self, iterator: &Object, step: impl FnOnce(&Object) -> Result<Sent>) -> Result<Sent> {
        match step(iterator) {
            Ok(Sent::Yielded(yielded)) => {
                self.state.set(State::Suspended);
                Ok(Sent::Yielded(yielded))
            }
            Ok(Sent::Returned(value)) => {
                self.awaited.clear();
                self.drive(Outcome::Value(value))
            }
            Err(raised) => {
                let exception = raised.take();
                self.awaited.clear();
                self.drive(Outcome::Failed(exception))
            }
        }
    }

    /// Runs the operation until it has to wait.
    #[inline]
    fn drive(&self, mut outcome: Outcome) -> Result<Sent> {
        self.state.set(State::Running);
        let taken = self.operation.borrow_mut().take();
        let Some(mut operation) = taken else {
            return Err(runtime_error("cannot reuse already awaited coroutine"));
        };
        loop {
            let awaitable = match operation.get_mut().resume(outcome) {
                Ok(Poll::Ready(value)) => {
                    self.state.set(State::Closed);
                    return Ok(Sent::Returned(value));
                }
                Ok(Poll::Yield) => {
                    self.suspend(operation, Awaiting::Nothing);
                    return Ok(Sent::Yielded(Object::none()));
                }
                Ok(Poll::Await(awaitable)) => awaitable,
                Err(raised) => {
                    // What the operation held may be freed now, with finalisers.
                    let exception = raised.take();
                    self.state.set(State::Closed);
                    drop(operation);
                    return Err(exception.raise());
                }
            };
            if let Some(future) = own_future(&awaitable) {
                if future.is_done() {
                    outcome = Outcome::of(future.result());
                    continue;
                }
                future.blocking.set(true);
                self.awaited.put(awaitable.clone());
                self.suspend(operation, Awaiting::Future);
                return Ok(Sent::Yielded(awaitable));
            }
            let step = await_iterator(&awaitable).and_then(|iterator| {
                let sent = iterator.send(&Object::none())?;
                Ok((iterator, sent))
            });
            match step {
                Ok((iterator, Sent::Yielded(yielded))) => {
                    self.awaited.put(iterator);
                    self.suspend(operation, Awaiting::Iterator);
                    return Ok(Sent::Yielded(yielded));
                }
                Ok((_, Sent::Returned(value))) => outcome = Outcome::Value(value),
                Err(raised) => outcome = Outcome::Failed(raised.take()),
            }
        }
    }

    #[inline]
    fn suspend(&self, operation: Stored, awaiting: Awaiting) {
        // From now on it may be part of a cycle: through the future that it waits for.
        self.track();
        *self.operation.borrow_mut() = Some(operation);
        self.awaiting.set(awaiting);
        self.state.set(State::Suspended);
    }

    /// Drops what it holds; it can't be used any more.
    fn close_up(&self) {
        self.state.set(State::Closed);
        self.awaited.clear();
        let operation = self.operation.borrow_mut().take();
        drop(operation);
    }
}

impl Coroutine {
    /// The function's qualified name.
    fn name(&self) -> &'static str {
        self.names.first().copied().unwrap_or_default()
    }
}

/// What `await` does first: the iterator of an awaitable.
fn await_iterator(awaitable: &Object) -> Result {
    static AWAIT: Name = Name::new(c"__await__");
    let coroutine = &raw mut py::PyCoro_Type;
    if awaitable.type_ptr() == coroutine || Coroutine::is_one(awaitable) {
        return Ok(awaitable.clone());
    }
    match awaitable.getattr_opt(&AWAIT)? {
        Some(method) => method.call0(),
        None => {
            let name = awaitable.type_name();
            Err(type_error(&format!("object {name} can't be used in 'await' expression")))
        }
    }
}

/// `iterator.throw(exception)`, without an exception for the end.
fn throw(iterator: &Object, exception: Object) -> Result<Sent> {
    let Some(method) = iterator.getattr_opt(&crate::stdlib::THROW)? else { return Err(exception.raise()) };
    match method.call(&[&exception]) {
        Ok(yielded) => Ok(Sent::Yielded(yielded)),
        Err(raised) => {
            let raised = raised.take();
            // SAFETY: live objects.
            if unsafe { py::PyErr_GivenExceptionMatches(raised.as_ptr(), py::PyExc_StopIteration) } != 0 {
                return raised.getattr(&stdlib::VALUE).map(Sent::Returned);
            }
            Err(raised.raise())
        }
    }
}
