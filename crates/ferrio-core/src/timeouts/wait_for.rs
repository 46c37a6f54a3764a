//! `wait_for()` of 3.12 and later: a timeout around one awaitable.

use crate::coroutines::{AsyncioFunctionDefinition, Coroutine, Operation, Outcome, Poll, asyncio_function};
use crate::ffi::error::impossible;
use crate::ffi::{Args, Object, Own, Raised, Result, Signature, Visitor};
use crate::futures::{is_cancellation, waiter};
use crate::stdlib::{self, CANCEL_AND_WAIT, ENSURE_FUTURE, TASKS, TIMEOUT_ERROR};
use crate::timeouts::Timeout;

static WAIT_FOR: Signature =
    Signature { name: "wait_for", parameters: &["fut", "timeout"], positional: 2, required: 2, variadic: false };

/// The function.
pub fn definition() -> AsyncioFunctionDefinition {
    asyncio_function(
        c"wait_for",
        |args: &Args<'_>| {
            let ([awaitable, timeout], [], _) = args.bind::<2, 0>(&WAIT_FOR)?;
            let stage = Stage::New { awaitable: awaitable.clone(), timeout: timeout.clone() };
            Coroutine::start(&["wait_for"], WaitFor(stage))
        },
        &TASKS,
    )
}

enum Stage {
    New {
        awaitable: Object,
        timeout: Object,
    },
    /// The timeout is 0 or less: the awaitable is cancelled, and awaited.
    Cancelling(Object),
    /// Within the timeout.
    Inside(Own<Timeout>),
    /// The timeout has expired, and asyncio's code converts the exception.
    Leaving(Result<Object, Object>),
    Over,
}

struct WaitFor(Stage);

impl WaitFor {
    fn begin(&mut self, awaitable: Object, timeout: &Object) -> Result<Poll> {
        if !timeout.is_none() && is_over(timeout)? {
            let future = ENSURE_FUTURE.get()?.call(&[&awaitable])?;
            if waiter::is_done(&future)? {
                return future.method0(&stdlib::RESULT).map(Poll::Ready);
            }
            let waiting = CANCEL_AND_WAIT.get()?.call(&[&future])?;
            self.0 = Stage::Cancelling(future);
            return Ok(Poll::Await(waiting));
        }
        let timeout = super::after(timeout)?;
        timeout.enter()?;
        self.0 = Stage::Inside(timeout);
        Ok(Poll::Await(awaitable))
    }

    /// What was awaited is done.
    fn leave(&mut self, timeout: &Own<Timeout>, outcome: Result<Object, Object>) -> Result<Poll> {
        if timeout.leave_in_time()? {
            return outcome.map(Poll::Ready).map_err(Object::raise);
        }
        let none = Object::none();
        let left = match &outcome {
            Ok(_) => timeout.leave_late([&none, &none, &none])?,
            Err(exception) => timeout.leave_late([&exception.class(), exception, &exception.traceback()])?,
        };
        self.0 = Stage::Leaving(outcome);
        Ok(Poll::Await(left))
    }
}

impl Operation for WaitFor {
    fn resume(&mut self, outcome: Outcome) -> Result<Poll> {
        match std::mem::replace(&mut self.0, Stage::Over) {
            Stage::New { awaitable, timeout } => self.begin(awaitable, &timeout),
            Stage::Cancelling(future) => {
                outcome.value()?;
                match future.method0(&stdlib::RESULT).map_err(Raised::take) {
                    Ok(value) => Ok(Poll::Ready(value)),
                    Err(exception) if is_cancellation(&exception)? => Err(timeout_error(&exception)?.raise()),
                    Err(exception) => Err(exception.raise()),
                }
            }
            Stage::Inside(timeout) => {
                let outcome = outcome.value().map_err(Raised::take);
                self.leave(&timeout, outcome)
            }
            Stage::Leaving(before) => match (outcome.value().map_err(Raised::take), before) {
                (Ok(_), before) => before.map(Poll::Ready).map_err(Object::raise),
                (Err(exception), before) => {
                    if let Err(before) = before {
                        exception.set_context(&before);
                    }
                    Err(exception.raise())
                }
            },
            Stage::Over => Err(impossible("wait_for() goes on after its end")),
        }
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        match &self.0 {
            Stage::New { awaitable, timeout } => {
                visitor.object(awaitable);
                visitor.object(timeout);
            }
            Stage::Cancelling(object) | Stage::Leaving(Ok(object) | Err(object)) => visitor.object(object),
            Stage::Inside(timeout) => visitor.object(timeout),
            Stage::Over => {}
        }
    }
}

/// `timeout <= 0`.
fn is_over(timeout: &Object) -> Result<bool> {
    timeout.is_at_most(&Object::int(0)?)
}

/// `TimeoutError() from exception`.
fn timeout_error(exception: &Object) -> Result {
    let error = TIMEOUT_ERROR.get()?.call0()?;
    error.set_cause(exception.clone());
    error.set_context(exception);
    Ok(error)
}
