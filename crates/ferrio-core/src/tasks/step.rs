//! One step of a task: resumes the coroutine, and handles the outcome.

use super::{Task, WAITING_TASK, cancel_awaited, current, registry};
use crate::ffi::class::{Bound, Sent};
use crate::ffi::error::{Builtin, raise_text, runtime_error};
use crate::ffi::text::concat;
use crate::ffi::{Object, Own, Raised, Result, context};
use crate::futures::{Callback, FutureState, is_cancellation, own_future, waiter};
use crate::stdlib;
use std::sync::OnceLock;

/// What a coroutine did.
enum Outcome {
    Yielded(Object),
    Returned(Object),
    Raised(Object),
}

/// Runs a step from the ready queue, in the task's context.
#[inline]
pub fn run(task: &Object) -> Result<()> {
    let task = Own::<Task>::expect(task)?;
    let context = task.context.get_or_none();
    context::run(&context, || {
        let exception = match task.step_exception.take() {
            Some(exception) => Some(exception),
            None => failure_of_awaited(task)?,
        };
        step(task, exception)
    })
}

/// The exception of the future that the task waited for, if it is one of Ferrio's own. Foreign futures use [`wake_up`].
#[inline(never)]
fn failure_of_awaited(task: &Own<Task>) -> Result<Option<Object>> {
    let Some(waiter) = task.waiter.get() else { return Ok(None) };
    match own_future(&waiter) {
        Some(future) if future.is_done() => future.failure(),
        _ => Ok(None),
    }
}

/// A foreign future calls this when it is done, and a foreign loop for a future of Ferrio's.
pub fn wake_up(task: &Own<Task>, future: &Object) -> Result<()> {
    match future.method0(&stdlib::RESULT) {
        Ok(_) => step(task, None),
        Err(raised) => {
            let exception = raised.take();
            step(task, Some(exception))
        }
    }
}

/// The callback by which a foreign loop runs a step.
pub fn step_callable(task: &Own<Task>) -> Result {
    static BOUND: OnceLock<Bound> = OnceLock::new();
    let bound = BOUND.get_or_init(|| {
        Bound::without_argument(c"task_step", |task| {
            let task = Own::<Task>::expect(task)?;
            let exception = task.step_exception.take();
            step(task, exception).map(|()| Object::none())
        })
    });
    bound.bind(task.as_object())
}

/// Runs the first step at once, inside whatever runs now.
pub fn start_eagerly(task: &Own<Task>) -> Result<()> {
    let loop_ = task.future.loop_.get_or_none();
    let context = task.context.get_or_none();
    current::with_nested(&loop_, task, || context::run(&context, || advance(task, None)))?;
    if task.future.is_done() {
        // the frame is not needed any more, and would be a cycle
        task.coroutine.clear();
    }
    Ok(())
}

/// One step, as the current task.
#[inline]
fn step(task: &Own<Task>, exception: Option<Object>) -> Result<()> {
    if task.future.is_done() {
        let text = task.as_object().repr()?;
        let exception = exception.unwrap_or_else(Object::none).repr()?;
        let message = concat(&[&"__step(): already done: ", &text, &" ", &exception])?;
        return Err(stdlib::INVALID_STATE_ERROR.get()?.call(&[&message])?.raise());
    }
    let loop_ = task.future.loop_.get_or_none();
    current::with(&loop_, task, || advance(task, exception))
}

/// Resumes the coroutine, and handles the outcome.
#[inline]
fn advance(task: &Own<Task>, exception: Option<Object>) -> Result<()> {
    let exception = if task.must_cancel.get() {
        let exception = match exception {
            Some(exception) if is_cancellation(&exception)? => exception,
            _ => task.future.make_cancelled_error()?,
        };
        task.must_cancel.set(false);
        Some(exception)
    } else {
        exception
    };
    task.waiter.clear();
    let Some(coroutine) = task.coroutine.get() else {
        return Err(runtime_error("uninitialized Task object"));
    };
    let outcome = match exception {
        None => send(&coroutine),
        Some(exception) => throw(&coroutine, exception)?,
    };
    match outcome {
        Outcome::Yielded(yielded) => await_yielded(task, yielded),
        Outcome::Returned(value) => finish(task, value),
        Outcome::Raised(exception) => fail(task, exception),
    }
}

#[inline]
fn send(coroutine: &Object) -> Outcome {
    match coroutine.send(&Object::none()) {
        Ok(Sent::Yielded(object)) => Outcome::Yielded(object),
        Ok(Sent::Returned(value)) => Outcome::Returned(value),
        Err(error) => raised(error),
    }
}

fn raised(raised: Raised) -> Outcome {
    Outcome::Raised(raised.take())
}

#[cold]
fn throw(coroutine: &Object, exception: Object) -> Result<Outcome> {
    match coroutine.method1(&stdlib::THROW, &exception) {
        Ok(yielded) => Ok(Outcome::Yielded(yielded)),
        Err(raised) if raised.is(Builtin::StopIteration) => {
            Ok(Outcome::Returned(raised.take().getattr(&stdlib::VALUE)?))
        }
        Err(error) => Ok(raised(error)),
    }
}

/// The coroutine has returned.
fn finish(task: &Own<Task>, value: Object) -> Result<()> {
    registry::remove(task);
    if task.must_cancel.replace(false) {
        // cancelled in its last step
        let message = task.future.cancel_message();
        return task.as_future().cancel(message.as_ref()).map(drop);
    }
    task.as_future().set_result(value)
}

/// The coroutine has raised.
#[cold]
fn fail(task: &Own<Task>, exception: Object) -> Result<()> {
    registry::remove(task);
    if is_cancellation(&exception)? {
        task.future.keep_cancelled_error(exception);
        return task.as_future().cancel(None).map(drop);
    }
    task.as_future().set_exception(&exception)?;
    if exception.is_exit() {
        return Err(exception.raise());
    }
    Ok(())
}

/// The coroutine waits for something.
#[inline]
fn await_yielded(task: &Own<Task>, yielded: Object) -> Result<()> {
    if let Some(future) = own_future(&yielded) {
        if future.as_ptr() == task.as_ptr() {
            return refuse(task, &yielded, Refusal::Itself);
        }
        if !future.loop_.is_same(&task.future.loop_) {
            return refuse(task, &yielded, Refusal::OtherLoop);
        }
        if !future.blocking.replace(false) {
            return refuse(task, &yielded, Refusal::PlainYield);
        }
        future.add_callback(Callback::Observer(&WAITING_TASK, task.as_object().clone()))?;
        return record_waiter(task, yielded);
    }
    if yielded.is_none() {
        return task.schedule_step();
    }
    await_foreign(task, yielded)
}

/// The coroutine waits for a foreign future.
fn await_foreign(task: &Own<Task>, yielded: Object) -> Result<()> {
    let blocking = yielded.getattr_opt(&stdlib::ASYNCIO_FUTURE_BLOCKING)?;
    let Some(blocking) = blocking.filter(|blocking| !blocking.is_none()) else {
        let generator = yielded.is_generator();
        return refuse(task, &yielded, if generator { Refusal::Generator } else { Refusal::NoFuture });
    };
    if yielded.is(task.as_object()) {
        return refuse(task, &yielded, Refusal::Itself);
    }
    if !task.future.loop_.is(&waiter::loop_of(&yielded)?) {
        return refuse(task, &yielded, Refusal::OtherLoop);
    }
    if !blocking.is_true()? {
        return refuse(task, &yielded, Refusal::PlainYield);
    }
    yielded.setattr(&stdlib::ASYNCIO_FUTURE_BLOCKING, &Object::bool(false))?;
    let wakeup = task.wakeup_callable()?;
    yielded.method_keywords(&stdlib::ADD_DONE_CALLBACK, &[&wakeup], &[(&stdlib::CONTEXT, &task.context())])?;
    record_waiter(task, yielded)
}

/// The task waits. A cancellation that arrived meanwhile is passed on to what it waits for.
#[inline]
fn record_waiter(task: &Own<Task>, awaited: Object) -> Result<()> {
    task.waiter.put(awaited.clone());
    if task.must_cancel.get() {
        let message = task.future.cancel_message();
        if cancel_awaited(&awaited, message.as_ref())? {
            task.must_cancel.set(false);
        }
    }
    Ok(())
}

/// Why an object cannot be awaited.
enum Refusal {
    Itself,
    OtherLoop,
    PlainYield,
    Generator,
    NoFuture,
}

/// Throws an error into the coroutine, because it has yielded an object that cannot be awaited.
#[cold]
fn refuse(task: &Own<Task>, yielded: &Object, refusal: Refusal) -> Result<()> {
    // An error in a representation is thrown in place of the message: a task that is not resumed waits for ever.
    let message = refusal.message(task, yielded);
    debug_assert!(task.future.state() == FutureState::Pending);
    let error = raise_text(Builtin::Runtime, message).take();
    task.schedule_throw(error)
}

impl Refusal {
    fn message(&self, task: &Own<Task>, yielded: &Object) -> Result {
        let that = yielded.repr()?;
        let this = || task.as_object().repr();
        match self {
            Refusal::Itself => concat(&[&"Task cannot await on itself: ", &this()?]),
            Refusal::OtherLoop => {
                concat(&[&"Task ", &this()?, &" got Future ", &that, &" attached to a different loop"])
            }
            Refusal::PlainYield => {
                concat(&[&"yield was used instead of yield from in task ", &this()?, &" with ", &that])
            }
            Refusal::Generator => concat(&[
                &"yield was used instead of yield from for generator in task ",
                &this()?,
                &" with ",
                &that,
            ]),
            Refusal::NoFuture => concat(&[&"Task got bad yield: ", &that]),
        }
    }
}
