//! `wait()`: waits until some or all of the futures are done.

use super::is_coroutine;
use crate::coroutines::{
    AsyncioFunctionDefinition, Coroutine, Operation, Outcome, Poll, asyncio_function, remember,
};
use crate::ffi::class::{Members, Method, getter, method1, module_function, type_cell};
use crate::ffi::error::{Builtin, impossible, raise_text, type_error, value_error};
use crate::ffi::text::concat;
use crate::ffi::{Args, Class, Name, Object, Own, Raised, Result, Signature, Slot, Visitor, set};
use crate::futures::{DoneObserver, awaiters, own_future, waiter};
use crate::stdlib::{self, ASYNCIO_WAIT_INNER};
use std::cell::{Cell, RefCell};
use std::ffi::CStr;

static ON_COMPLETION: Name = Name::new(c"_on_completion");

static OBSERVER: DoneObserver = DoneObserver::new(
    |waiting, future| Own::<WaitObserver>::expect(waiting)?.future_done(future),
    |waiting| waiting.getattr(&ON_COMPLETION),
    |waiting| Ok(Own::<WaitObserver>::expect(waiting)?.caller.get().into_iter().collect()),
);

static WAIT: Signature = Signature {
    name: "wait",
    parameters: &["fs", "timeout", "return_when"],
    positional: 1,
    required: 1,
    variadic: false,
};

/// How many of the futures have to be done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Until {
    #[default]
    AllCompleted,
    FirstCompleted,
    FirstException,
}

impl Until {
    /// By the constant's name in asyncio.
    fn of(name: Option<&Object>) -> Result<Until> {
        static NAMES: [(Name, Until); 3] = [
            (Name::new(c"ALL_COMPLETED"), Until::AllCompleted),
            (Name::new(c"FIRST_COMPLETED"), Until::FirstCompleted),
            (Name::new(c"FIRST_EXCEPTION"), Until::FirstException),
        ];
        let Some(given) = name else { return Ok(Until::AllCompleted) };
        for (name, until) in &NAMES {
            if given.equals(name.object()?)? {
                return Ok(*until);
            }
        }
        let text = given.to_str()?;
        Err(raise_text(Builtin::Value, concat(&[&"Invalid return_when value: ", &text])))
    }
}

/// Registers asyncio's coroutine function that waits, which a frame names.
pub fn remember_original() -> Result<()> {
    remember(ASYNCIO_WAIT_INNER.get()?)
}

/// The function.
pub fn definition() -> AsyncioFunctionDefinition {
    asyncio_function(
        c"wait",
        |args: &Args<'_>| {
            let ([futures], [timeout, return_when], _) = args.bind::<1, 2>(&WAIT)?;
            let arguments = Arguments {
                futures: futures.clone(),
                timeout: timeout.filter(|timeout| !timeout.is_none()).cloned(),
                return_when: return_when.cloned(),
            };
            Coroutine::start(&["wait", "_wait"], Wait { arguments: Some(arguments), waiting: None })
        },
        &stdlib::TASKS,
    )
}

/// A timer calls this: `waiter.set_result(None)`, unless the waiter is done.
pub fn release_waiter() -> Method {
    module_function(
        c"_release_waiter",
        |args: &Args<'_>| {
            if let [future] = args.positional() {
                waiter::set_result_unless_done(future, Object::none())?;
            }
            Ok(Object::none())
        },
        c"_release_waiter(waiter, /)\n--\n\nSet a future's result to None, unless the future is done.",
    )
}

/// The body of the object that observes the futures.
#[derive(Default)]
pub struct WaitObserver {
    futures: RefCell<Vec<Object>>,
    left: Cell<usize>,
    until: Cell<Until>,
    /// What the coroutine awaits.
    waiter: Slot,
    timer: Slot,
    /// The task that waits.
    caller: Slot,
}

impl WaitObserver {
    fn drop_timer(&self) -> Result<()> {
        match self.timer.take() {
            Some(timer) => timer.method0(&stdlib::CANCEL).map(drop),
            None => Ok(()),
        }
    }
}

impl Own<WaitObserver> {
    /// One of the futures is done.
    fn future_done(&self, future: &Object) -> Result<()> {
        self.left.set(self.left.get().saturating_sub(1));
        let is_over = self.left.get() == 0
            || match self.until.get() {
                Until::AllCompleted => false,
                Until::FirstCompleted => true,
                Until::FirstException => has_failed(future)?,
            };
        if is_over {
            self.drop_timer()?;
            let waiter = self.waiter.get_or_none();
            if !waiter.is_none() {
                waiter::set_result_unless_done(&waiter, Object::none())?;
            }
        }
        awaiters::discard(future, self.caller.get().as_ref())
    }

    /// The wait is over.
    fn leave(&self) -> Result<()> {
        self.drop_timer()?;
        let futures = self.futures.borrow().clone();
        for future in &futures {
            OBSERVER.stop_observing(future, self.as_object())?;
            awaiters::discard(future, self.caller.get().as_ref())?;
        }
        Ok(())
    }

    /// The set of futures that are done, and the set of those that are not.
    fn answer(&self) -> Result {
        let (done, pending) = (set::new()?, set::new()?);
        for future in self.futures.take() {
            set::add(if waiter::is_done(&future)? { &done } else { &pending }, &future)?;
        }
        Object::tuple([done, pending])
    }
}

/// Whether a future that is done has failed with an exception, not counting a cancellation.
pub fn has_failed(future: &Object) -> Result<bool> {
    Ok(!waiter::is_cancelled(future)? && !waiter::exception(future)?.is_none())
}

struct Arguments {
    futures: Object,
    timeout: Option<Object>,
    return_when: Option<Object>,
}

/// The coroutine.
struct Wait {
    arguments: Option<Arguments>,
    waiting: Option<Own<WaitObserver>>,
}

impl Wait {
    fn begin(&mut self, arguments: &Arguments) -> Result<Poll> {
        let given = &arguments.futures;
        if stdlib::ISFUTURE.get()?.call(&[given])?.is_true()? || is_coroutine(given)? {
            return Err(type_error(&format!("expect a list of futures, not {}", given.type_name())));
        }
        if !given.is_true()? {
            return Err(value_error("Set of Tasks/Futures is empty."));
        }
        let until = Until::of(arguments.return_when.as_ref())?;
        let futures = set::items(&set::of(given)?)?;
        for future in &futures {
            if own_future(future).is_none() && is_coroutine(future)? {
                return Err(type_error("Passing coroutines is forbidden, use tasks explicitly."));
            }
        }
        let running = crate::loop_::running()?;
        let waiter = waiter::create(&running)?;
        let waiting = Own::new(WaitObserver::default())?;
        waiting.waiter.put(waiter.clone());
        waiting.until.set(until);
        waiting.left.set(futures.len());
        waiting.caller.set(awaiters::current(&running)?);
        if let Some(timeout) = &arguments.timeout {
            let call = stdlib::RELEASE_WAITER.get()?;
            waiting.timer.put(waiter::call_later(&running, timeout, call, std::slice::from_ref(&waiter))?);
        }
        drop(waiting.futures.replace(futures.clone()));
        self.waiting = Some(waiting.clone());
        for future in &futures {
            OBSERVER.observe(future, waiting.as_object())?;
            awaiters::add(future, waiting.caller.get().as_ref())?;
        }
        Ok(Poll::Await(waiter))
    }
}

impl Operation for Wait {
    fn resume(&mut self, outcome: Outcome) -> Result<Poll> {
        if let Some(arguments) = self.arguments.take() {
            return self.begin(&arguments);
        }
        let Some(waiting) = self.waiting.take() else { return Err(impossible("wait() goes on after its end")) };
        let result = outcome.value().map_err(Raised::take);
        waiting.leave()?;
        match result {
            Ok(_) => waiting.answer().map(Poll::Ready),
            Err(exception) => Err(exception.raise()),
        }
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        if let Some(arguments) = &self.arguments {
            visitor.object(&arguments.futures);
        }
        if let Some(waiting) = &self.waiting {
            visitor.object(waiting);
        }
    }
}

impl Class for WaitObserver {
    const NAME: &'static CStr = c"ferrio._core._Waiting";
    const DOC: &'static CStr = c"The observer of the futures of wait().";
    const CALLABLE: bool = false;
    type_cell!();

    fn empty() -> Self {
        WaitObserver::default()
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        if let Ok(futures) = self.futures.try_borrow() {
            futures.iter().for_each(|future| visitor.object(future));
        }
        for slot in [&self.waiter, &self.timer, &self.caller] {
            visitor.slot(slot);
        }
    }

    fn clear(&self) {
        drop(self.futures.take());
        for slot in [&self.waiter, &self.timer, &self.caller] {
            slot.clear();
        }
    }

    fn members() -> Members {
        Members {
            methods: vec![method1::<WaitObserver, _>(
                c"_on_completion",
                |this, future| this.future_done(future).map(|()| Object::none()),
                c"_on_completion($self, fut, /)\n--\n\nNote that a future is done.",
            )],
            properties: vec![
                getter::<WaitObserver, _>(c"_futures", |this| {
                    let futures = this.futures.borrow().clone();
                    Object::list(futures)
                }),
                getter::<WaitObserver, _>(c"_ends_early", |this| {
                    Ok(Object::bool(this.until.get() != Until::AllCompleted))
                }),
            ],
            slots: vec![],
        }
    }
}
