//! Storage for an operation inside its coroutine. Most operations have a few words and need no allocation.

use super::{Operation, Outcome, Poll};
use crate::ffi::inline_box::{Erase, InlineBox};
use crate::ffi::{Object, Result, Visitor};

/// The most words that an operation may have; larger ones are boxed. The operation of a stream's `read()` has this
/// many.
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

/// An operation that is too large.
struct Boxed(Box<dyn Operation>);

impl Operation for Boxed {
    fn resume(&mut self, outcome: Outcome) -> Result<Poll> {
        self.0.resume(outcome)
    }

    fn traverse(&self, visitor: &Visitor<'_>) {
        self.0.traverse(visitor);
    }

    fn origin(&self) -> Option<&Object> {
        self.0.origin()
    }
}
