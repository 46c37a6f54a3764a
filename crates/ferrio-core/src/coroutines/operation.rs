//! Operation: the body of a coroutine in Rust, as a state machine.

use crate::ffi::{Object, Result, Visitor};

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

    pub(super) fn of(result: Result) -> Outcome {
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
