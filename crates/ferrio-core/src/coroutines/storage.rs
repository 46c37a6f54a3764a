//! Room for an operation inside of its coroutine: most are a few words long, and need no allocation.

use super::{Operation, Outcome, Poll};
use crate::ffi::inline_box::{Erase, InlineBox};
use crate::ffi::{Result, Visitor};

/// How many words an operation may be long; longer ones are boxed. A stream's `read()` has as many.
const WORDS: usize = 6;

/// An operation of any type.
pub struct Stored(InlineBox<dyn Operation, WORDS>);

impl<T: Operation> Erase<T> for dyn Operation {
    fn erase(value: &T) -> &Self {
        value
    }

    fn erase_mut(value: &mut T) -> &mut Self {
        value
    }
}

impl Stored {
    /// Moves an operation in.
    #[inline]
    pub fn new<T: Operation>(operation: T) -> Stored {
        match InlineBox::new(operation) {
            Ok(inside) => Stored(inside),
            Err(operation) => Stored::new(Boxed(Box::new(operation))),
        }
    }

    /// The operation.
    #[inline]
    pub fn get(&self) -> &dyn Operation {
        self.0.get()
    }

    /// The operation.
    #[inline]
    pub fn get_mut(&mut self) -> &mut dyn Operation {
        self.0.get_mut()
    }
}

/// One that is too long.
struct Boxed(Box<dyn Operation>);

impl Operation for Boxed {
    fn resume(&mut self, outcome: Outcome) -> Result<Poll> {
        self.0.resume(outcome)
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        self.0.traverse(visitor);
    }
}
