//! Operation: the body of a coroutine in Rust, as a state machine.

use crate::ffi::{Object, Result, Visitor};

/// What an operation wants next.
pub enum Poll {
    /// The outcome of an awaitable.
    Await(Object),
    /// One iteration of the loop.
    Yield,
    /// Nothing: this is its result.
    Ready(Object),
}

/// The outcome of what an operation awaited.
pub enum Outcome {
    /// Nothing was awaited yet.
    Start,
    /// Its result.
    Value(Object),
    /// Its exception, or one that was thrown into the coroutine.
    Failed(Object),
}

impl Outcome {
    /// The value. Raises the exception.
    pub fn value(self) -> Result {
        match self {
            Outcome::Start => Ok(Object::none()),
            Outcome::Value(value) => Ok(value),
            Outcome::Failed(exception) => Err(exception.raise()),
        }
    }

    pub(super) fn of(result: Result) -> Outcome {
        match result {
            Ok(value) => Outcome::Value(value),
            Err(raised) => Outcome::Failed(raised.take()),
        }
    }
}

/// The body of a coroutine: a state machine.
pub trait Operation: 'static {
    /// Continues until it has to await something.
    fn resume(&mut self, outcome: Outcome) -> Result<Poll>;
    /// Shows its objects to the garbage collector.
    fn traverse(&self, visitor: &Visitor<'_>);
    /// Where the coroutine was created, if that was noted.
    fn origin(&self) -> Option<&Object> {
        None
    }
}
