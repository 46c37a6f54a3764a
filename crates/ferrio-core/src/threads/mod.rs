//! Threads beside the loop: `to_thread()` and `wrap_future()`, and in [`calls`] the loop's own executor.
//!
//! A thread completes a future of `concurrent.futures`. `call_soon_threadsafe` then completes the future that a task
//! awaits. Cancelling the latter cancels the former.

mod calls;
use calls::CallQueue;

use crate::compat;
use crate::coroutines::{AsyncioFunctionDefinition, Coroutine, Operation, Outcome, Poll, asyncio_function};
use crate::ffi::class::{Bound, Method, make_type, module_function};
use crate::ffi::module::Module;
use crate::ffi::{Args, Name, Object, Own, Result, Signature, Visitor, context};
use crate::futures::{DoneObserver, Future, FutureState, waiter};
use crate::loop_::Loop;
use crate::stdlib::{
    self, ASYNCIO_WRAP_FUTURE as ORIGINAL, CANCELLED, CONCURRENT_FUTURE, CONVERT_FUTURE_EXC, FUTURES, PARTIAL,
    SET_FUTURE_STATE, THREADS,
};
use std::sync::OnceLock;

static RUN: Name = Name::new(c"run");
static RUN_IN_EXECUTOR: Name = Name::new(c"run_in_executor");
static IS_CLOSED: Name = Name::new(c"is_closed");

static TO_THREAD: Signature =
    Signature { name: "to_thread", parameters: &["func"], positional: 1, required: 1, variadic: true };
static WRAP_FUTURE: Signature = Signature {
    name: "wrap_future",
    parameters: &["future", "loop"],
    positional: 1,
    required: 1,
    variadic: false,
};

/// A concurrent future as an observer of the loop's future.
static OBSERVER: DoneObserver = DoneObserver::new(future_done, callable, |_| Ok(Vec::new()));

/// The functions.
fn definitions() -> [AsyncioFunctionDefinition; 2] {
    let to_thread = asyncio_function(
        c"to_thread",
        |args: &Args<'_>| {
            if args.positional().is_empty() {
                args.bind::<1, 0>(&TO_THREAD)?;
            }
            let (arguments, keywords) = (args.positional_tuple()?, args.keywords_dict()?);
            Coroutine::start(&["to_thread"], ToThread(Some((arguments, keywords))))
        },
        &THREADS,
    );
    let wrap_future = asyncio_function(
        c"wrap_future",
        |args: &Args<'_>| {
            let ([future], [loop_], _) = args.bind::<1, 1>(&WRAP_FUTURE)?;
            match loop_.and_then(Own::<Loop>::downcast) {
                Some(own) if future.type_ptr().cast() == CONCURRENT_FUTURE.get()?.as_ptr() => wrap(future, own),
                _ => ORIGINAL.get()?.call_dict(&args.positional_tuple()?, &args.keywords_dict()?),
            }
        },
        &FUTURES,
    );
    [to_thread, wrap_future]
}

/// `to_thread()`: the function and its arguments, until they are passed to the executor.
struct ToThread(Option<(Object, Object)>);

impl Operation for ToThread {
    fn resume(&mut self, outcome: Outcome) -> Result<Poll> {
        let Some((arguments, keywords)) = self.0.take() else { return outcome.value().map(Poll::Ready) };
        let running = crate::loop_::running()?;
        let run = context::copy_current()?.getattr(&RUN)?;
        let all = Object::list([run].into_iter().chain(arguments.to_list()?.list_items()))?;
        let call = PARTIAL.get()?.call_dict(&all.to_tuple()?, &keywords)?;
        running.method(&RUN_IN_EXECUTOR, &[&Object::none(), &call]).map(Poll::Await)
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        if let Some((arguments, keywords)) = &self.0 {
            visitor.object(arguments);
            visitor.object(keywords);
        }
    }
}

/// A future of the loop with the outcome of a concurrent one.
fn wrap(concurrent: &Object, loop_: &Own<Loop>) -> Result {
    let future = waiter::create(loop_.as_object())?;
    let Some(own) = Own::<Future>::downcast_exact(&future) else {
        return ORIGINAL.get()?.call_keywords(&[concurrent], &[(&stdlib::LOOP, loop_.as_object())]);
    };
    OBSERVER.observe(own.as_object(), concurrent)?;
    static BOUND: OnceLock<Bound> = OnceLock::new();
    let bound = BOUND.get_or_init(|| {
        Bound::new(c"_call_set_state", |future, concurrent| {
            concurrent_done(future, concurrent).map(|()| Object::none())
        })
    });
    concurrent.method1(&stdlib::ADD_DONE_CALLBACK, &bound.bind(&future)?)?;
    Ok(future)
}

/// The concurrent future is done. Any thread may call this.
fn concurrent_done(future: &Object, concurrent: &Object) -> Result<()> {
    let loop_ = waiter::loop_of(future)?;
    let is_closed = loop_.method0(&IS_CLOSED)?.is_true()?;
    if is_closed {
        return Ok(());
    }
    if compat::CHAINED_FUTURES_COMPLETE_IN_PLACE && stdlib::GET_RUNNING_LOOP.get()?.call0()?.is(&loop_) {
        return set_state(future, concurrent);
    }
    loop_.method(&stdlib::CALL_SOON_THREADSAFE, &[SET_FUTURE_STATE.get()?, future, concurrent]).map(drop)
}

/// The loop calls this for a concurrent future that is done.
fn set_state_definition() -> Method {
    module_function(
        c"_set_state",
        |args: &Args<'_>| {
            if let [future, concurrent] = args.positional() {
                set_state(future, concurrent)?;
            }
            Ok(Object::none())
        },
        c"_set_state(future, other, /)\n--\n\nFinish a future with the outcome of a concurrent one.",
    )
}

fn set_state(future: &Object, concurrent: &Object) -> Result<()> {
    if waiter::is_done(future)? {
        // Cancelled meanwhile.
        return Ok(());
    }
    if concurrent.method0(&CANCELLED)?.is_true()? {
        return waiter::cancel(future);
    }
    let exception = concurrent.method0(&stdlib::EXCEPTION)?;
    if exception.is_none() {
        return waiter::set_result(future, concurrent.method0(&stdlib::RESULT)?);
    }
    fail(future, &exception)
}

/// Sets the exception of a thread in a future. Exceptions of `concurrent.futures` become asyncio's.
fn fail(future: &Object, exception: &Object) -> Result<()> {
    waiter::set_exception(future, &CONVERT_FUTURE_EXC.get()?.call(&[exception])?)
}

/// The loop's future is done. If it was cancelled, the concurrent one is cancelled too.
fn future_done(concurrent: &Object, future: &Object) -> Result<()> {
    match Own::<Future>::downcast_exact(future) {
        Some(own) if own.state() != FutureState::Cancelled => Ok(()),
        _ if waiter::is_cancelled(future)? => concurrent.method0(&stdlib::CANCEL).map(drop),
        _ => Ok(()),
    }
}

/// The callback of the loop's future for Python code.
fn callable(concurrent: &Object) -> Result {
    static BOUND: OnceLock<Bound> = OnceLock::new();
    let bound = BOUND.get_or_init(|| {
        Bound::new(c"_call_check_cancel", |concurrent, future| {
            future_done(concurrent, future).map(|()| Object::none())
        })
    });
    bound.bind(concurrent)
}

/// The functions of the module.
pub fn functions() -> Vec<Method> {
    vec![set_state_definition()]
}

/// Adds the class, and the functions that replace asyncio's.
pub fn register(module: &Module) -> Result<()> {
    // Imports asyncio's function before `install()` replaces it.
    ORIGINAL.get()?;
    module.add_all(definitions())?;
    module.add(c"CallQueue", &make_type::<CallQueue>()?)
}
