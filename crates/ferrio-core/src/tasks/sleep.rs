//! `sleep()`.

use crate::compat;
use crate::coroutines::{AsyncioFunctionDefinition, Coroutine, Operation, Outcome, Poll, asyncio_function};
use crate::ffi::class::{Method, module_function};
use crate::ffi::error::value_error;
use crate::ffi::{Args, Object, Raised, Result, Signature, Visitor};
use crate::futures::waiter;
use crate::stdlib::{self, SET_RESULT_UNLESS_CANCELLED, TASKS};

static SLEEP: Signature =
    Signature { name: "sleep", parameters: &["delay", "result"], positional: 2, required: 1, variadic: false };

/// The function.
pub fn definition() -> AsyncioFunctionDefinition {
    asyncio_function(
        c"sleep",
        |args: &Args<'_>| {
            let ([delay], [result], _) = args.bind::<1, 1>(&SLEEP)?;
            let (delay, result) = (delay.clone(), result.cloned().unwrap_or_else(Object::none));
            Coroutine::start(&["sleep"], Sleep { delay, result, stage: Stage::New })
        },
        &TASKS,
    )
}

/// The timer of a sleep calls this: `future.set_result(result)`, unless the future is cancelled.
pub fn set_result_unless_cancelled() -> Method {
    module_function(
        c"_set_result_unless_cancelled",
        |args: &Args<'_>| {
            if let [future, result] = args.positional()
                && !waiter::is_cancelled(future)?
            {
                waiter::set_result(future, result.clone())?;
            }
            Ok(Object::none())
        },
        c"_set_result_unless_cancelled(fut, result, /)\n--\n\nSet a future's result, unless the future is cancelled.",
    )
}

enum Stage {
    New,
    /// One iteration of the loop runs.
    Yielded,
    /// A timer is running.
    Waiting(Object),
}

struct Sleep {
    delay: Object,
    result: Object,
    stage: Stage,
}

impl Sleep {
    /// `delay <= 0`.
    fn is_over(&self) -> Result<bool> {
        if !self.delay.is_exact_float() && self.delay.is_at_most(&Object::int(0)?)? {
            return Ok(true);
        }
        // The delay is greater than 0, or cannot be compared with it. The timer needs a number.
        let seconds = self.delay.to_f64()?;
        if compat::SLEEP_REFUSES_NAN && seconds.is_nan() {
            return Err(value_error("Invalid delay: NaN (not a number)"));
        }
        Ok(seconds <= 0.0)
    }

    /// Creates the future and the timer that completes it, and stores the timer.
    fn set_timer(&mut self) -> Result {
        let running = crate::loop_::running()?;
        let future = waiter::create(&running)?;
        let call = SET_RESULT_UNLESS_CANCELLED.get()?;
        let timer = waiter::call_later(&running, &self.delay, call, &[future.clone(), self.result.clone()])?;
        self.stage = Stage::Waiting(timer);
        Ok(future)
    }
}

impl Operation for Sleep {
    fn resume(&mut self, outcome: Outcome) -> Result<Poll> {
        match &self.stage {
            Stage::New if self.is_over()? => {
                self.stage = Stage::Yielded;
                Ok(Poll::Yield)
            }
            Stage::New => self.set_timer().map(Poll::Await),
            Stage::Yielded => outcome.value().map(|_| Poll::Ready(self.result.clone())),
            Stage::Waiting(timer) => {
                let result = outcome.value().map_err(Raised::take);
                timer.method0(&stdlib::CANCEL)?;
                match result {
                    Ok(value) => Ok(Poll::Ready(value)),
                    Err(exception) => Err(exception.raise()),
                }
            }
        }
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.object(&self.delay);
        visitor.object(&self.result);
        if let Stage::Waiting(timer) = &self.stage {
            visitor.object(timer);
        }
    }
}
