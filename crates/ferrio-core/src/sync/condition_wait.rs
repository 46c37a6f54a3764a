//! The coroutines of a Condition: acquiring its lock, `wait()`, `wait_for()`.

use super::condition::Condition;
use super::lock::AcquireLock;
use crate::compat;
use crate::coroutines::{Operation, Outcome, Poll};
use crate::ffi::{Object, Own, Raised, Result, Visitor};
use crate::futures::{is_cancellation, waiter};
use crate::stdlib;

/// Acquiring a condition's lock.
pub enum Acquiring {
    Plain(AcquireLock),
    /// The awaitable that `acquire()` returned, until it is awaited.
    ByName(Option<Object>),
}

impl Operation for Acquiring {
    fn resume(&mut self, outcome: Outcome) -> Result<Poll> {
        match self {
            Acquiring::Plain(acquire) => acquire.resume(outcome),
            Acquiring::ByName(awaitable) => match awaitable.take() {
                Some(awaitable) => Ok(Poll::Await(awaitable)),
                None => outcome.value().map(Poll::Ready),
            },
        }
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        match self {
            Acquiring::Plain(acquire) => acquire.traverse(visitor),
            Acquiring::ByName(awaitable) => awaitable.iter().for_each(|one| visitor.object(one)),
        }
    }
}

enum Stage {
    New,
    /// Waiting to be notified.
    Waiting(Object),
    /// Waiting for the lock. `result` is the outcome of the wait before; `cancelled` is a cancellation that arrived
    /// meanwhile.
    Acquiring {
        acquiring: Acquiring,
        result: Result<(), Object>,
        cancelled: Option<Object>,
    },
}

/// `wait()`.
pub struct ConditionWait {
    condition: Own<Condition>,
    stage: Stage,
}

impl ConditionWait {
    /// A wait that has not started.
    pub fn new(condition: Own<Condition>) -> ConditionWait {
        ConditionWait { condition, stage: Stage::New }
    }

    fn begin(&mut self) -> Result<Poll> {
        let condition = &self.condition;
        condition.check_locked("wait")?;
        let loop_of = || condition.loop_.get(condition.as_object()).and_then(|loop_| waiter::create(&loop_));
        // In earlier versions, the lock is released before the future is created. If that fails, the lock is acquired
        // again before the error is raised.
        let made = if compat::CONDITION_PASSES_NOTIFICATION_ON {
            let future = loop_of()?;
            condition.release()?;
            Ok(future)
        } else {
            condition.release()?;
            loop_of().map_err(Raised::take)
        };
        match made {
            Ok(future) => {
                condition.waiters.append(&future)?;
                self.stage = Stage::Waiting(future.clone());
                Ok(Poll::Await(future))
            }
            Err(exception) => self.acquire(Err(exception)),
        }
    }

    fn acquire(&mut self, result: Result<(), Object>) -> Result<Poll> {
        let acquiring = self.condition.acquiring()?;
        self.stage = Stage::Acquiring { acquiring, result, cancelled: None };
        self.resume(Outcome::Start)
    }

    /// The lock is acquired again, or that has failed.
    fn end(&self, result: Result<(), Object>) -> Result<Poll> {
        match result {
            Ok(()) => Ok(Poll::Ready(Object::bool(true))),
            Err(exception) => {
                if compat::CONDITION_PASSES_NOTIFICATION_ON {
                    // The notification may have been for this waiter, so another gets it.
                    self.condition.notify(1)?;
                }
                Err(exception.raise())
            }
        }
    }
}

impl Operation for ConditionWait {
    fn resume(&mut self, mut outcome: Outcome) -> Result<Poll> {
        loop {
            match std::mem::replace(&mut self.stage, Stage::New) {
                Stage::New => return self.begin(),
                Stage::Waiting(future) => {
                    let result = outcome.value().map(drop).map_err(Raised::take);
                    self.condition.waiters.remove(&future)?;
                    return self.acquire(result);
                }
                Stage::Acquiring { mut acquiring, result, cancelled } => match acquiring.resume(outcome) {
                    Ok(Poll::Ready(_)) => {
                        let Some(exception) = cancelled else { return self.end(result) };
                        let exception = if compat::CONDITION_KEEPS_CANCELLED_ERROR {
                            exception
                        } else {
                            stdlib::CANCELLED_ERROR.get()?.call0()?
                        };
                        if let Err(before) = result {
                            exception.set_context(&before);
                        }
                        return self.end(Err(exception));
                    }
                    Ok(poll) => {
                        self.stage = Stage::Acquiring { acquiring, result, cancelled };
                        return Ok(poll);
                    }
                    Err(raised) => {
                        let exception = raised.take();
                        if !is_cancellation(&exception)? {
                            return self.end(Err(exception));
                        }
                        // The lock must be acquired in any case.
                        let acquiring = self.condition.acquiring()?;
                        self.stage = Stage::Acquiring { acquiring, result, cancelled: Some(exception) };
                        outcome = Outcome::Start;
                    }
                },
            }
        }
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.object(&self.condition);
        match &self.stage {
            Stage::New => {}
            Stage::Waiting(future) => visitor.object(future),
            Stage::Acquiring { acquiring, result, cancelled } => {
                acquiring.traverse(visitor);
                result.as_ref().err().into_iter().chain(cancelled).for_each(|one| visitor.object(one));
            }
        }
    }
}

/// `wait_for()`.
pub struct WaitFor {
    pub condition: Own<Condition>,
    pub predicate: Object,
    pub wait: Option<ConditionWait>,
}

impl Operation for WaitFor {
    fn resume(&mut self, mut outcome: Outcome) -> Result<Poll> {
        loop {
            if let Some(wait) = &mut self.wait {
                match wait.resume(outcome)? {
                    Poll::Ready(_) => self.wait = None,
                    poll => return Ok(poll),
                }
            }
            let result = self.predicate.call0()?;
            if result.is_true()? {
                return Ok(Poll::Ready(result));
            }
            self.wait = Some(ConditionWait::new(self.condition.clone()));
            outcome = Outcome::Start;
        }
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        visitor.object(&self.condition);
        visitor.object(&self.predicate);
        self.wait.iter().for_each(|wait| wait.traverse(visitor));
    }
}
