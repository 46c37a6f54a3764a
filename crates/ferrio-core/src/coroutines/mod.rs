//! Coroutines in Rust, for example those of `queue.get()` and `sleep(1)`.
//!
//! An [`Operation`] is a state machine. [`Coroutine`] drives it as the interpreter drives an `async def`: it awaits
//! what the operation asks for, and passes it the outcome. To the program it is a coroutine: a task can run it, it has
//! `send`, `throw` and `close`, it warns if it is never awaited, and it passes for `types.CoroutineType`.
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
//! While it is running, the operation is out of its cell. If what it calls uses the coroutine, it finds the state
//! Running.

mod asyncio_function;
mod awaiter;
mod frame;
mod inner;
mod methods;
mod operation;
mod origin;
mod storage;

use asyncio_function::AsyncioFunction;
pub use asyncio_function::{asyncio_function, asyncio_method};
use awaiter::Awaiter;
use frame::Frame;
pub use frame::remember;
use inner::Inner;
pub use operation::{Operation, Outcome, Poll};

pub use crate::ffi::class::Definition as AsyncioFunctionDefinition;
use crate::ffi::class::{Method, Sent, make_type};
use crate::ffi::error::{Builtin, runtime_error, type_error, value_error};
use crate::ffi::{Name, Object, Own, Result, recursion};
use crate::futures::{Future, own_future};
use crate::stdlib::{self, CLOSE};
use std::cell::RefCell;
use storage::Stored;

/// The state of a coroutine with everything that belongs to it. They change together.
enum State {
    Created(Stored),
    Suspended(Stored, Awaiting),
    /// [`Own::drive`] has the operation, or [`Own::advance`] has the iterator that it awaits. The latter is also here,
    /// for `cr_await`.
    Running(Option<Object>),
    Closed,
}

/// What a suspended coroutine waits for.
enum Awaiting {
    /// One iteration of the loop.
    Nothing,
    /// A future of Ferrio's own class.
    Future(Own<Future>),
    /// An iterator of any other awaitable.
    Iterator(Object),
}

impl Awaiting {
    fn object(&self) -> Option<&Object> {
        match self {
            Awaiting::Nothing => None,
            Awaiting::Future(future) => Some(future.as_object()),
            Awaiting::Iterator(iterator) => Some(iterator),
        }
    }
}

/// The body of a Coroutine.
pub struct Coroutine {
    /// A change replaces it as a whole, and drops the old state afterwards. A finaliser that uses the coroutine finds
    /// the new state.
    state: RefCell<State>,
    /// The qualified names of the function, and of those that it awaits if asyncio's version consists of several.
    names: &'static [&'static str],
}

impl Coroutine {
    /// Makes a coroutine of an operation. `names` are the qualified names of the function, and of those that it awaits
    /// if asyncio's version consists of several.
    #[inline]
    pub fn start(names: &'static [&'static str], operation: impl Operation) -> Result {
        if origin::is_tracked() {
            return Coroutine::start_with_origin(names, Stored::new(operation));
        }
        let body = Coroutine { state: RefCell::new(State::Created(Stored::new(operation))), names };
        Own::new(body).map(Own::into_object)
    }

    /// Whether an object is a Coroutine, for the fast path of `create_task`.
    #[inline]
    pub fn is_one(object: &Object) -> bool {
        Own::<Coroutine>::downcast_exact(object).is_some()
    }

    /// What it awaits; or None.
    fn awaited(&self) -> Object {
        let awaited = match &*self.state.borrow() {
            State::Suspended(_, awaiting) => awaiting.object().cloned(),
            State::Running(iterator) => iterator.clone(),
            State::Created(_) | State::Closed => None,
        };
        awaited.unwrap_or_else(Object::none)
    }

    fn is_running(&self) -> bool {
        matches!(&*self.state.borrow(), State::Running(_))
    }

    fn is_suspended(&self) -> bool {
        matches!(&*self.state.borrow(), State::Suspended(..))
    }

    fn is_closed(&self) -> bool {
        matches!(&*self.state.borrow(), State::Closed)
    }

    /// Takes out the state to resume. From now on it is running.
    #[inline(always)]
    fn begin(&self) -> Result<(Stored, Option<Awaiting>)> {
        let mut state = self.state.borrow_mut();
        let running = match &*state {
            State::Suspended(_, Awaiting::Iterator(iterator)) => Some(iterator.clone()),
            _ => None,
        };
        match std::mem::replace(&mut *state, State::Running(running)) {
            State::Created(operation) => Ok((operation, None)),
            State::Suspended(operation, awaiting) => Ok((operation, Some(awaiting))),
            was => {
                let is_closed = matches!(was, State::Closed);
                *state = was;
                // Making an exception may collect garbage, which may use the coroutine.
                drop(state);
                Err(if is_closed {
                    runtime_error("cannot reuse already awaited coroutine")
                } else {
                    value_error("coroutine already executing")
                })
            }
        }
    }

    /// Ends it for good, and drops everything that it has.
    #[inline]
    fn end(&self) {
        self.settle(State::Closed);
    }

    /// Changes the state, and drops the one before. That one is usually empty, so it is not moved out: a state has ten
    /// words.
    #[inline]
    fn settle(&self, new: State) {
        let mut state = self.state.borrow_mut();
        if matches!(&*state, State::Running(None)) {
            std::mem::forget(std::mem::replace(&mut *state, new));
            return;
        }
        let was = std::mem::replace(&mut *state, new);
        drop(state);
        drop(was);
    }
}

impl Own<Coroutine> {
    /// `send(value)`.
    #[inline]
    fn send(&self, value: &Object) -> Result<Sent> {
        if !value.is_none() && matches!(&*self.state.borrow(), State::Created(_)) {
            return Err(type_error("can't send non-None value to a just-started coroutine"));
        }
        let (operation, awaiting) = self.begin()?;
        match awaiting {
            None => self.drive(operation, Outcome::Start),
            Some(Awaiting::Nothing) => self.drive(operation, Outcome::Value(Object::none())),
            Some(Awaiting::Future(future)) => {
                let result = if future.is_done() {
                    future.result()
                } else {
                    Err(runtime_error("await wasn't used with future"))
                };
                let outcome = Outcome::of(result);
                drop(future);
                self.drive(operation, outcome)
            }
            Some(Awaiting::Iterator(iterator)) => {
                self.advance(operation, iterator, |iterator| iterator.send(value))
            }
        }
    }

    /// `throw(exception)`.
    fn throw(&self, exception: Object) -> Result<Sent> {
        let (operation, awaiting) = self.begin()?;
        match awaiting {
            None => {
                self.end();
                drop(operation);
                Err(exception.raise())
            }
            Some(Awaiting::Iterator(iterator)) => {
                self.advance(operation, iterator, |iterator| throw(iterator, exception))
            }
            Some(awaiting) => {
                drop(awaiting);
                self.drive(operation, Outcome::Failed(exception))
            }
        }
    }

    /// `close()`.
    fn close(&self) -> Result<()> {
        if self.is_running() {
            return Err(value_error("coroutine already executing"));
        }
        if !self.is_suspended() {
            self.end();
            return Ok(());
        }
        let mut exit = Builtin::GeneratorExit.class().call0()?;
        let (operation, awaiting) = self.begin()?;
        if let Some(Awaiting::Iterator(iterator)) = &awaiting {
            match iterator.getattr_opt(&CLOSE) {
                Ok(None) => {}
                Ok(Some(close)) => {
                    if let Err(raised) = close.call0() {
                        exit = raised.take();
                    }
                }
                Err(raised) => raised.write_unraisable(iterator),
            }
        }
        drop(awaiting);
        match self.drive(operation, Outcome::Failed(exit)) {
            Ok(Sent::Yielded(_)) => Err(runtime_error("coroutine ignored GeneratorExit")),
            Ok(Sent::Returned(_)) => Ok(()),
            Err(raised) if raised.is(Builtin::GeneratorExit) => {
                raised.discard();
                Ok(())
            }
            Err(raised) => Err(raised),
        }
    }

    /// Resumes the iterator of a foreign awaitable. Continues the operation when the iterator is at its end.
    fn advance(
        &self,
        operation: Stored,
        iterator: Object,
        step: impl FnOnce(&Object) -> Result<Sent>,
    ) -> Result<Sent> {
        match recursion::guarded(WHERE_TOO_DEEP, || step(&iterator)) {
            Ok(Sent::Yielded(yielded)) => {
                self.suspend(operation, Awaiting::Iterator(iterator));
                Ok(Sent::Yielded(yielded))
            }
            Ok(Sent::Returned(value)) => self.drive(operation, Outcome::Value(value)),
            Err(raised) => {
                let outcome = Outcome::Failed(raised.take());
                self.drive(operation, outcome)
            }
        }
    }

    /// Runs the operation until it waits.
    #[inline]
    fn drive(&self, mut operation: Stored, mut outcome: Outcome) -> Result<Sent> {
        loop {
            let awaitable = match operation.get_mut().resume(outcome) {
                Ok(Poll::Ready(value)) => {
                    self.end();
                    return Ok(Sent::Returned(value));
                }
                Ok(Poll::Yield) => {
                    self.suspend(operation, Awaiting::Nothing);
                    return Ok(Sent::Yielded(Object::none()));
                }
                Ok(Poll::Await(awaitable)) => awaitable,
                Err(raised) => {
                    // This may free objects of the operation and run finalisers.
                    let exception = raised.take();
                    self.end();
                    drop(operation);
                    return Err(exception.raise());
                }
            };
            if let Some(future) = own_future(&awaitable) {
                if future.is_done() {
                    outcome = Outcome::of(future.result());
                    continue;
                }
                future.common.blocking.set(true);
                self.suspend(operation, Awaiting::Future(future.clone()));
                return Ok(Sent::Yielded(awaitable));
            }
            let step = await_iterator(&awaitable).and_then(|iterator| {
                self.settle(State::Running(Some(iterator.clone())));
                let sent = recursion::guarded(WHERE_TOO_DEEP, || iterator.send(&Object::none()))?;
                Ok((iterator, sent))
            });
            match step {
                Ok((iterator, Sent::Yielded(yielded))) => {
                    self.suspend(operation, Awaiting::Iterator(iterator));
                    return Ok(Sent::Yielded(yielded));
                }
                Ok((_, Sent::Returned(value))) => outcome = Outcome::Value(value),
                Err(raised) => outcome = Outcome::Failed(raised.take()),
            }
        }
    }

    #[inline]
    fn suspend(&self, operation: Stored, awaiting: Awaiting) {
        self.settle(State::Suspended(operation, awaiting));
    }
}

/// The end of the message when too many coroutines await each other, as the interpreter words it for calls.
const WHERE_TOO_DEEP: &std::ffi::CStr = c" while calling a Python object";

impl Coroutine {
    /// The function's qualified name.
    fn name(&self) -> &'static str {
        self.names.first().copied().unwrap_or_default()
    }
}

/// The first step of `await`: gets the iterator of an awaitable.
fn await_iterator(awaitable: &Object) -> Result {
    static AWAIT: Name = Name::new(c"__await__");
    if awaitable.is_async_def_coroutine() || Coroutine::is_one(awaitable) {
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

/// `iterator.throw(exception)`. Its end is a value, not an exception.
pub fn throw(iterator: &Object, exception: Object) -> Result<Sent> {
    let Some(method) = iterator.getattr_opt(&stdlib::THROW)? else { return Err(exception.raise()) };
    match method.call(&[&exception]) {
        Ok(yielded) => Ok(Sent::Yielded(yielded)),
        Err(raised) if raised.is(Builtin::StopIteration) => {
            raised.take().getattr(&stdlib::VALUE).map(Sent::Returned)
        }
        Err(raised) => Err(raised),
    }
}

/// The functions of the module.
pub fn functions() -> Vec<Method> {
    vec![origin::note_tracking()]
}

/// Makes the classes. None of them has a name in the module.
pub fn register() -> Result<()> {
    make_type::<AsyncioFunction>()?;
    make_type::<Coroutine>()?;
    make_type::<Frame>()?;
    make_type::<Inner>()?;
    make_type::<Awaiter>().map(drop)
}
